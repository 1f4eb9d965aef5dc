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
    var bad: Int?
    let amounts = [Int64](unsafeUninitializedCapacity: count) { amounts, initialized in
      for i in 0..<rows.count {
        let row = Int(rows[i])
        var amount: Int64?
        if net.isTouched(row) {
          amount = amountInScope(
            inScope: net.value(inScope[row], "inscp_amt", row),
            total: net.value(total[row], "det_item_fee_sumamt", row),
            deductions: (
              net.value(own[row], "fulamt_ownpay_amt", row), net.value(over[row], "overlmt_selfpay", row),
              net.value(before[row], "preselfpay_amt", row)
            ))
        } else if inScope[row] != ColumnData.null {
          amount = max(0, inScope[row])
        } else {
          amount = amountInScope(
            inScope: ColumnData.null, total: total[row], deductions: (own[row], over[row], before[row]))
        }
        guard let amount else {
          bad = i
          break
        }
        amounts[i] = amount
        initialized = i + 1
      }
    }
    if let bad { throw overflow(bad) }
    let time = source.numbers("fee_ocur_time")
    let days = [Int64](unsafeUninitializedCapacity: count) { days, initialized in
      for i in 0..<rows.count { days[i] = dayOf(time[Int(rows[i])]) }
      initialized = rows.count
    }
    return (amounts, days)
  }

  /// The order in which two lines get a fen: by fee_ocur_time, then by bkkp_sn, then by mdtrt_id.
  func order() -> (Int, Int) -> Bool {
    let time = source.numbers("fee_ocur_time")
    let serial = source.codes("bkkp_sn")
    let visit = source.codes("mdtrt_id")
    let codes = source.codeTable
    let rows = rows
    return {
      let (a, b) = (Int(rows[$0]), Int(rows[$1]))
      if time[a] != time[b] { return time[a] < time[b] }
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
