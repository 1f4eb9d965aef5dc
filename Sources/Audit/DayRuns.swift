import ClaimModel
import Registries
import RulePacks

extension RuleRun {
  /// One row for each base row and day from its first to its last, block by block.
  func eachDayBlock(_ formed: Formed, _ base: BaseRows, _ body: (Frame) throws -> Void) throws {
    let first = try base.numbers(0)
    let last = try base.numbers(1)
    var rows: [Int32] = []
    var days: [Int64] = []
    func hand() throws {
      if rows.isEmpty { return }
      let frame = Frame(count: rows.count)
      frame.rows[formed.baseBinding] = (formed.baseEntity, rows)
      var own = FormedRows()
      own.columns["day"] = .number(days)
      own.members = GroupedRows(
        start: filled(rows.count) { Int32($0) }, end: filled(rows.count) { Int32($0 + 1) }, rows: rows)
      frame.formed = own
      rows.removeAll(keepingCapacity: true)
      days.removeAll(keepingCapacity: true)
      try body(frame)
    }
    for i in 0..<base.count where first[i] <= last[i] {
      for day in first[i]...last[i] {
        rows.append(base.rows[i])
        days.append(day)
        if rows.count == Self.blockRows { try hand() }
      }
    }
    try hand()
  }

  /// The hits in runs of days that follow each other, without the runs that are too short.
  func folding(_ hits: Frame, _ formed: Formed, _ base: BaseRows) throws -> Frame {
    guard let rows = hits.formed, case .number(let days)? = rows.columns["day"], let atLeast = formed.atLeast else {
      return hits
    }
    let owners: [[UInt64]] =
      formed.keepsBaseRow
      ? [(hits.rows[formed.baseBinding]?.rows ?? []).map { UInt64($0) + 1 }]
      : formed.by.map { rows.columns[$0.name]?.keyValues ?? [] }
    let index = KeyIndex(columns: owners, count: hits.count)
    var order: [Int32] = []
    order.reserveCapacity(hits.count)
    // Where each run begins in the order.
    var starts: [Int] = []
    for group in 0..<index.groupCount {
      let own = index.rows(group).sorted { days[Int($0)] < days[Int($1)] }
      for (k, row) in own.enumerated() {
        if k == 0 || days[Int(row)] != days[Int(own[k - 1])] + 1 { starts.append(order.count) }
        order.append(row)
      }
    }
    let frame = hits.selecting(order)
    var first: [Int64] = []
    var last: [Int64] = []
    var length: [Int64] = []
    for (run, start) in starts.enumerated() {
      let end = run + 1 < starts.count ? starts[run + 1] : order.count
      for _ in start..<end {
        first.append(days[Int(order[start])])
        last.append(days[Int(order[end - 1])])
        length.append(Int64(end - start))
      }
    }
    frame.formed?.columns["run_first"] = .number(first)
    frame.formed?.columns["run_last"] = .number(last)
    frame.formed?.columns["run_length"] = .number(length)
    let least = try evaluator.numbers(atLeast, frame.selecting(starts.map { Int32($0) }))
    var isLong = [UInt8](repeating: Kleene.no, count: order.count)
    for (run, start) in starts.enumerated() where least[run] != ColumnData.null && length[start] >= least[run] {
      for i in start..<start + Int(length[start]) { isLong[i] = Kleene.yes }
    }
    let kept = frame.keeping(isLong)
    if case .occupancy = formed.kind, needsMembers, let rows = kept.formed {
      kept.formed?.members = try Occupancy(formed, base).members(of: rows)
    }
    return kept
  }

  /// A finding names lines or settlements of formed rows.
  private var needsMembers: Bool {
    if case .members = rule.lines { return true }
    return !rule.settlements.isEmpty || rule.amountA.binding != nil || rule.amountF.binding != nil
  }
}
