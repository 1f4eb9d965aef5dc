import ClaimModel
import Diagnostics

/// The delivered columns of the lines that count, read where they lie: most are looked at in few lines.
struct CountingLines {
  let count: Int
  private let source: Source
  private let rows: [Int32]
  private let net: NetAmounts

  init(_ source: Source, _ lines: NetLines) {
    self.source = source
    rows = lines.counting
    net = lines.net
    count = rows.count
  }

  /// A and day of each line.
  ///
  /// - Parameter overflow: the error of a line whose A does not fit.
  func amounts(overflow: (Int) -> Diagnostic) throws -> (amounts: [Int64], days: [Int64]) {
    let inScope = source.numbers("inscp_amt")
    let total = source.numbers("det_item_fee_sumamt")
    let own = source.numbers("fulamt_ownpay_amt")
    let over = source.numbers("overlmt_selfpay")
    let before = source.numbers("preselfpay_amt")
    let net = net
    let rows = rows
    // Of lines that say what is in scope that is the amount; only the others can have one that does not fit.
    func fromTotal(_ row: Int) -> Int64? {
      if !net.isTouched(row) {
        return amountInScope(
          inScope: ColumnData.null, total: total[row], deductions: (own[row], over[row], before[row]))
      }
      return amountInScope(
        inScope: ColumnData.null, total: net.value(total[row], "det_item_fee_sumamt", row),
        deductions: (
          net.value(own[row], "fulamt_ownpay_amt", row), net.value(over[row], "overlmt_selfpay", row),
          net.value(before[row], "preselfpay_amt", row)
        ))
    }
    var bad: Int?
    var amounts = [Int64](unsafeUninitializedCapacity: count) { amounts, initialized in
      inScope.withUnsafeBufferPointer { inScope in
        for i in 0..<rows.count {
          let row = Int(rows[i])
          if inScope[row] != ColumnData.null {
            amounts[i] = max(0, inScope[row])
          } else if let amount = fromTotal(row) {
            amounts[i] = amount
          } else {
            bad = i
            break
          }
        }
      }
      initialized = bad ?? rows.count
    }
    if let bad { throw overflow(bad) }
    for (i, row) in net.touched(in: rows) where inScope[row] != ColumnData.null {
      amounts[i] = max(0, net.value(inScope[row], "inscp_amt", row))
    }
    let time = source.numbers("fee_ocur_time")
    let days = [Int64](unsafeUninitializedCapacity: count) { days, initialized in
      for i in 0..<rows.count { days[i] = dayOf(time[Int(rows[i])]) }
      initialized = rows.count
    }
    return (amounts, days)
  }

  /// The order in which two lines get a fen: by fee_ocur_time, then by bkkp_sn, then by mdtrt_id. Lines of one visit
  /// stand in the order of bkkp_sn already, each once.
  func order() -> (Int, Int) -> Bool {
    let time = source.numbers("fee_ocur_time")
    let serial = source.codes("bkkp_sn")
    let visit = source.codes("mdtrt_id")
    let codes = source.codeTable
    let rows = rows
    return {
      let (a, b) = (Int(rows[$0]), Int(rows[$1]))
      if time[a] != time[b] { return time[a] < time[b] }
      if visit[a] == visit[b] { return $0 < $1 }
      if serial[a] != serial[b] { return codes.precedes(serial[a], serial[b]) }
      return codes.precedes(visit[a], visit[b])
    }
  }

  /// mdtrt_id and bkkp_sn of each line as one text.
  func ids() -> [UInt32] {
    let visit = source.codes("mdtrt_id")
    let serial = source.codes("bkkp_sn")
    return rows.map { source.codeTable.lineID(visit: visit[Int($0)], serial: serial[Int($0)]) }
  }
}
