import ClaimModel
import ClaimStore
import Normalize
import Reporting

/// Finds out what became of the rows on which withdrawn findings rested.
struct WithdrawalReasons {
  private let segments: [LiveSegment]
  private let codes: CodeTable
  private let settlements: Rows
  private let lines: Rows
  private let settlementsByID: [UInt32: [Int]]
  /// Refunds by the setl_id that they take back.
  private let refundsOf: [UInt32: [Int]]
  private let linesByID: [LineKey: [Int]]
  /// Negative lines that a line's own number names, and those that removed a line of equal amount, by visit.
  private let reversalsOf: [LineKey: [Int]]
  private let pairedReversals: [UInt32: [Int]]

  private struct LineKey: Hashable {
    var visit: UInt32
    var serial: UInt32
  }

  /// Rows of one table with what became of them.
  private struct Rows {
    var origin: [RowOrigin]
    var dispositions: [Disposition]

    init(_ state: StoreState, _ table: ClaimTable) {
      origin = state.raw[table]?.origin ?? []
      dispositions = state.normalized.dispositions[table] ?? []
    }
  }

  /// - Parameter state: all rows of the slices in which the findings' persons are.
  init(_ state: StoreState) {
    segments = state.segments
    codes = state.codes
    settlements = Rows(state, .settlements)
    lines = Rows(state, .feeLines)
    func column(_ table: ClaimTable, _ name: String) -> [UInt32] { state.raw[table]?.columns[name]?.codes ?? [] }
    var byID: [UInt32: [Int]] = [:]
    var refunds: [UInt32: [Int]] = [:]
    let initial = column(.settlements, "init_setl_id")
    for (row, id) in column(.settlements, "setl_id").enumerated() {
      byID[id, default: []].append(row)
      // A refund may itself be marked as one (`refunded`); one of an older version, or void, takes nothing back.
      if row < initial.count, initial[row] != CodeTable.null,
        ![.superseded, .cancelled].contains(settlements.dispositions[row])
      {
        refunds[initial[row], default: []].append(row)
      }
    }
    settlementsByID = byID
    refundsOf = refunds
    var byLine: [LineKey: [Int]] = [:]
    var reversals: [LineKey: [Int]] = [:]
    var paired: [UInt32: [Int]] = [:]
    let visits = column(.feeLines, "mdtrt_id")
    let original = column(.feeLines, "init_feedetl_sn")
    for (row, serial) in column(.feeLines, "bkkp_sn").enumerated() {
      let visit = visits[row]
      byLine[LineKey(visit: visit, serial: serial), default: []].append(row)
      switch lines.dispositions[row] {
      case .linkedReversal where row < original.count:
        reversals[LineKey(visit: visit, serial: original[row]), default: []].append(row)
      case .pairedReversal: paired[visit, default: []].append(row)
      default: break
      }
    }
    linesByID = byLine
    reversalsOf = reversals
    pairedReversals = paired
  }

  /// The strongest reason that a row of the finding gives: a reversal before a correction before a missing row.
  func reason(of finding: Finding) -> Withdrawal {
    let found = finding.setlIDs.map { settlement($0) } + finding.lineIDs.map { line($0) }
    for reason in Withdrawal.Reason.allCases {
      let own = found.filter { $0.reason == reason }
      if own.isEmpty { continue }
      return Withdrawal(
        reason: reason, batches: Set(own.flatMap(\.batches)).sorted(by: bytesPrecede),
        place: own.compactMap(\.place).min(by: bytesPrecede))
    }
    return Withdrawal(reason: .other)
  }

  private func settlement(_ id: String) -> Withdrawal {
    guard let code = codes.find(id), let rows = settlementsByID[code] else { return Withdrawal(reason: .gone) }
    let newest = rows.filter { settlements.dispositions[$0] != .superseded }
    if let row = newest.first(where: { settlements.dispositions[$0] == .refundedByOther }) {
      return withdrawal(.reversed, settlements, refundsOf[code] ?? [row])
    }
    if let row = newest.first(where: { settlements.dispositions[$0] == .refunded }) {
      return withdrawal(.reversed, settlements, [row])
    }
    if rows.count > newest.count || newest.contains(where: { settlements.dispositions[$0] == .cancelled }) {
      return withdrawal(.corrected, settlements, newest)
    }
    return Withdrawal(reason: .other)
  }

  private func line(_ id: String) -> Withdrawal {
    guard let key = lineKey(id), let rows = linesByID[key] else { return Withdrawal(reason: .gone) }
    let newest = rows.filter { lines.dispositions[$0] != .superseded }
    if let reversing = reversalsOf[key] { return withdrawal(.reversed, lines, reversing) }
    if newest.contains(where: { lines.dispositions[$0] == .pairedReversed }) {
      // Which of the visit's negative lines removed it is not kept: batches are named where there is only one.
      var one = withdrawal(.reversed, lines, pairedReversals[key.visit] ?? [])
      one.place = (pairedReversals[key.visit]?.count ?? 0) == 1 ? one.place : nil
      return one
    }
    if rows.count > newest.count || newest.contains(where: { lines.dispositions[$0] == .cancelled }) {
      return withdrawal(.corrected, lines, newest)
    }
    return Withdrawal(reason: .other)
  }

  /// `mdtrt_id:bkkp_sn`; both may hold colons, so every one is tried.
  private func lineKey(_ id: String) -> LineKey? {
    for colon in id.utf8.indices where id.utf8[colon] == 0x3A {
      guard let visit = codes.find(String(id[..<colon])),
        let serial = codes.find(String(id[id.utf8.index(after: colon)...]))
      else { continue }
      let key = LineKey(visit: visit, serial: serial)
      if linesByID[key] != nil { return key }
    }
    return nil
  }

  private func withdrawal(_ reason: Withdrawal.Reason, _ table: Rows, _ rows: [Int]) -> Withdrawal {
    var batches: Set<String> = []
    var places: [(file: String, line: Int32)] = []
    for row in rows {
      let segment = segments[Int(table.origin[row].segment)]
      batches.insert(BatchRevision.label(segment.batch, segment.revision))
      places.append(
        (segment.record.memberName.map { "\(segment.file)!\($0)" } ?? segment.file, table.origin[row].line))
    }
    let first = places.min { $0.file == $1.file ? $0.line < $1.line : bytesPrecede($0.file, $1.file) }
    return Withdrawal(
      reason: reason, batches: batches.sorted(by: bytesPrecede), place: first.map { "\($0.file):\($0.line)" })
  }
}
