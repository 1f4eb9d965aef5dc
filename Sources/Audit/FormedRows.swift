import ClaimModel
import Registries
import RulePacks

/// Formed rows, column by column, with the base rows that each is made of.
struct FormedRows {
  /// By name: `Formed.columns`; those of runs only once runs are known.
  var columns: [String: ColumnData] = [:]
  var members = GroupedRows(start: [], end: [], rows: [])
  var count: Int { members.start.count }

  init() {}

  /// No rows, with all columns.
  init(_ formed: Formed) {
    for (name, kind) in formed.columns { columns[name] = kind == .text ? .text([]) : .number([]) }
  }

  func selecting(_ positions: [Int32]) -> FormedRows {
    var result = FormedRows()
    result.columns = columns.mapValues { $0.selecting(positions) }
    result.members = members.selecting(positions)
    return result
  }

  mutating func append(_ other: FormedRows) {
    if columns.isEmpty {
      columns = other.columns
    } else {
      for (name, column) in other.columns { columns[name]?.append(column) }
    }
    members.append(other.members)
  }
}

extension ColumnData {
  func selecting(_ positions: [Int32]) -> ColumnData {
    switch self {
    case .text(let v): .text(gathered(v, positions, null: CodeTable.null))
    case .number(let v): .number(gathered(v, positions, null: ColumnData.null))
    }
  }

  /// Adds the rows of a column of the same kind.
  mutating func append(_ other: ColumnData) {
    // Its own array is let go first, or adding would copy all there is at every block.
    switch other {
    case .text(let more):
      guard case .text(var mine) = self else { return }
      self = .text([])
      mine += more
      self = .text(mine)
    case .number(let more):
      guard case .number(var mine) = self else { return }
      self = .number([])
      mine += more
      self = .number(mine)
    }
  }

  /// Makes the truths of rows FALSE that have no value.
  fileprivate func clearNulls(of truths: inout [UInt8]) {
    switch self {
    case .text(let v): truths = zipped(truths, v) { $1 == CodeTable.null ? Kleene.no : $0 }
    case .number(let v): truths = zipped(truths, v) { $1 == ColumnData.null ? Kleene.no : $0 }
    }
  }

  /// Values for a `KeyIndex`: 0 is null.
  var keyValues: [UInt64] {
    switch self {
    case .text(let v): mapped(v) { KeyIndex.keyValue(code: $0) }
    case .number(let v): mapped(v) { KeyIndex.keyValue(number: $0) }
    }
  }
}

extension Vector {
  init(_ column: ColumnData) {
    switch column {
    case .text(let v): self = .text(v)
    case .number(let v): self = .number(v)
    }
  }

  /// The values at some positions, null where the position is −1.
  func selecting(_ positions: [Int32]) -> Vector {
    switch self {
    case .text(let v): .text(gathered(v, positions, null: CodeTable.null))
    case .number(let v): .number(gathered(v, positions, null: ColumnData.null))
    case .truth(let v): .truth(gathered(v, positions, null: Kleene.null))
    }
  }

  /// The values as a column; a condition is none.
  var column: ColumnData {
    get throws(EvaluationFault) {
      switch self {
      case .text(let v): .text(v)
      case .number(let v): .number(v)
      case .truth: throw .type("a condition as a value of rows")
      }
    }
  }
}

/// The base rows of which rows are formed: in scope, evaluable, with all `by` values and days.
struct BaseRows {
  var rows: [Int32] = []
  /// Values of `Formed.by`, of what the kind asks for in the order of `Formed.Kind`, and of `Formed.values`.
  var by: [ColumnData]
  var own: [ColumnData] = []
  var values: [ColumnData?]
  private let formed: Formed
  private var isEmpty = true

  init(_ formed: Formed) {
    self.formed = formed
    by = formed.by.map { $0.kind == .text ? .text([]) : .number([]) }
    values = formed.values.map { value in value.value.map { _ in value.kind == .text ? .text([]) : .number([]) } }
  }

  var count: Int { rows.count }

  /// Takes the rows of a frame of base rows that can be part of a formed row.
  mutating func append(_ frame: Frame, _ evaluator: Evaluator) throws {
    if frame.count == 0 { return }
    let by = try formed.by.map { try evaluator.vector($0.value, frame).column }
    let own = try formed.kind.baseExpressions.map { try evaluator.vector($0, frame).column }
    let values = try formed.values.map { try $0.value.map { try evaluator.vector($0, frame).column } }
    var isWhole = [UInt8](repeating: Kleene.yes, count: frame.count)
    for column in by + own.prefix(formed.kind.days) { column.clearNulls(of: &isWhole) }
    if let fits = try formed.daysFit(frame, evaluator) { isWhole = zipped(isWhole, fits) { min($0, $1) } }
    let kept = trueRows(isWhole)
    rows += gathered(frame.rows[formed.baseBinding]?.rows ?? [], kept, null: -1)
    if isEmpty {
      self.by = by.map { $0.selecting(kept) }
      self.own = own.map { $0.selecting(kept) }
      self.values = values.map { $0?.selecting(kept) }
      isEmpty = false
      return
    }
    for (k, column) in by.enumerated() { self.by[k].append(column.selecting(kept)) }
    for (k, column) in own.enumerated() { self.own[k].append(column.selecting(kept)) }
    for (k, column) in values.enumerated() { if let column { self.values[k]?.append(column.selecting(kept)) } }
  }

  /// No sum over any of the rows can overflow.
  var sumsFit: Bool { sumMagnitudes != nil }

  /// Of each value that is a sum the sum of its rows' magnitudes; nil if one is beyond 64 bits.
  var sumMagnitudes: [Int64]? {
    var result: [Int64] = []
    for (value, column) in zip(formed.values, values) where value.function == .sum {
      guard case .number(let numbers)? = column else { return nil }
      var total: Int64 = 0
      for number in numbers where number != ColumnData.null {
        let (sum, overflow) = total.addingReportingOverflow(abs(number))
        if overflow { return nil }
        total = sum
      }
      result.append(total)
    }
    return result
  }

  /// The numbers of the kind's k-th expression.
  func numbers(_ k: Int) throws(EvaluationFault) -> [Int64] {
    if own.isEmpty { return [] }
    guard case .number(let values) = own[k] else { throw .type("number expected") }
    return values
  }
}

extension Formed {
  /// A base row of `runs` with more days than these forms none of them, and is unevaluable: no stay lasts for a century,
  /// but an export may write 9999-12-31 for a day that it does not know.
  static let mostDaysOfARow: Int64 = 36_525

  /// FALSE for the base rows that have too many days; nil for kinds that don't make a row of each.
  func daysFit(_ frame: Frame, _ evaluator: Evaluator) throws -> [UInt8]? {
    guard case .runs(let first, let last, _) = kind else { return nil }
    return zipped(try evaluator.numbers(first, frame), try evaluator.numbers(last, frame)) { first, last in
      if first == ColumnData.null || last == ColumnData.null { return Kleene.yes }
      let (days, isOver) = last.subtractingReportingOverflow(first)
      return isOver || days >= Self.mostDaysOfARow ? Kleene.no : Kleene.yes
    }
  }
}

extension Formed.Kind {
  /// What it asks of base rows, in the order of its parts.
  var baseExpressions: [Expr] {
    switch self {
    case .group: []
    case .window(let day, let days): [day, days]
    case .stock(let day, let supply): [day, supply.quantity, supply.daysEach]
    case .runs(let first, let last, _): [first, last]
    case .occupancy(let first, let last, let counted, _): [first, last, counted]
    }
  }

  /// How many of them, from the first, are days without which a base row is in no formed row.
  var days: Int {
    switch self {
    case .group: 0
    case .window, .stock: 1
    case .runs, .occupancy: 2
    }
  }
}

/// Base rows by their `by` values and in order of day, and ranges of them that are the members of formed rows.
struct MemberRanges {
  /// Indices into `BaseRows`.
  var order: [Int32] = []
  var start: [Int32] = []
  var end: [Int32] = []

  /// Adds the range as a formed row.
  mutating func add(_ range: Range<Int>) {
    start.append(Int32(range.lowerBound))
    end.append(Int32(range.upperBound))
  }

  /// Some of the ranges, in the order given.
  func selecting(_ kept: [Int32]) -> MemberRanges {
    let all = MemberRanges(order: order, start: gathered(start, kept, null: 0), end: gathered(end, kept, null: 0))
    var held = 0
    for i in all.start.indices { held += Int(all.end[i] - all.start[i]) }
    if held > order.count / 2 { return all }
    // The places of few ranges are put together, so that nothing is worked out for the others.
    var few = MemberRanges()
    few.order.reserveCapacity(held)
    for i in all.start.indices {
      let first = few.order.count
      few.order += order[Int(all.start[i])..<Int(all.end[i])]
      few.add(first..<few.order.count)
    }
    return few
  }

  /// Formed rows with `by`, values and members; what the kind itself gives is still to be added. `shown` is the base
  /// row in the range that stands for its `by` values.
  func rows(_ formed: Formed, _ base: BaseRows) throws -> FormedRows {
    var result = FormedRows()
    let first = gathered(order, start, null: -1)
    for (k, by) in formed.by.enumerated() { result.columns[by.name] = base.by[k].selecting(first) }
    result.members = GroupedRows(start: start, end: end, rows: gathered(base.rows, order, null: -1))
    for (k, value) in formed.values.enumerated() {
      result.columns[value.name] = try RangeValues(base.values[k]?.selecting(order), self).value(value.function)
    }
    return result
  }
}

extension RuleRun {
  /// Base rows, the rows formed of them, their hits.
  func scan(_ formed: Formed) throws -> Frame {
    var base = BaseRows(formed)
    try eachBaseBlock(formed) { try take($0, formed, into: &base) }
    var isUnevaluable: [Bool] = []
    try eachFormedBlock(formed, base, isForHits: true) { frame in
      let truths = try evaluable(frame)
      if case .occupancy = formed.kind {
        rowsInScope += frame.count
        for truth in truths where truth != Kleene.yes { rowsUnevaluable += 1 }
      } else if truths.contains(where: { $0 != Kleene.yes }), let rows = frame.formed {
        if isUnevaluable.isEmpty {
          isUnevaluable = [Bool](repeating: false, count: input.claims[formed.baseEntity].count)
        }
        for (i, truth) in truths.enumerated() where truth != Kleene.yes {
          for row in rows.members.of(i) { isUnevaluable[Int(row)] = true }
        }
      }
      let left = try satisfying(frame.keeping(truths))
      if left.count > 0 { hits.append(left, rule) }
    }
    for isOne in isUnevaluable where isOne { rowsUnevaluable += 1 }
    let frame = hits.frame(rule)
    if formed.atLeast == nil || frame.count == 0 { return frame }
    return try folding(frame, formed, base)
  }

  /// Takes the base rows of a frame, which are in scope.
  func take(_ frame: Frame, _ formed: Formed, into base: inout BaseRows) throws {
    if case .occupancy = formed.kind { return try base.append(frame.keeping(evaluable(frame)), evaluator) }
    rowsInScope += frame.count
    var isEvaluable = try evaluable(frame)
    var left = frame.keeping(isEvaluable)
    if let fits = try formed.daysFit(left, evaluator), fits.contains(Kleene.no) {
      for (k, position) in trueRows(isEvaluable).enumerated() { isEvaluable[Int(position)] = fits[k] }
      left = frame.keeping(isEvaluable)
    }
    looked?.add(frame.rows[formed.baseBinding]?.rows ?? [], isEvaluable)
    rowsUnevaluable += frame.count - left.count
    try base.append(left, evaluator)
  }

  /// The base rows in scope, block by block.
  func eachBaseBlock(_ formed: Formed, _ body: (Frame) throws -> Void) throws {
    try eachBlock(formed, among: nil) { frame in
      let left = try inScope(frame)
      if left.count > 0 { try body(left) }
    }
  }

  /// All rows of the base entity, block by block; `among`: only these.
  func eachBlock(_ formed: Formed, among rows: [Int32]?, _ body: (Frame) throws -> Void) throws {
    for lookup in rule.lookups {
      if case .groups = lookup.take { throw EvaluationFault.type("groups of lookup \(lookup.name) for formed rows") }
    }
    let count = rows?.count ?? input.claims[formed.baseEntity].count
    var start = 0
    while start < count {
      let end = min(count, start + Self.blockRows)
      let frame: Frame
      if let rows {
        frame = Frame(count: end - start)
        frame.rows[formed.baseBinding] = (formed.baseEntity, Array(rows[start..<end]))
      } else {
        frame = Frame(Block(formed.baseEntity, start..<end), formed.baseBinding)
      }
      try body(frame)
      start = end
    }
  }

  /// The ranges of which their counts alone don't say that they are no hits; nil: all, or what is left out might
  /// matter.
  ///
  /// Most groups are small, and rules ask for large ones: sums and `by` values are worked out for few.
  private func longEnough(_ ranges: MemberRanges, _ formed: Formed, _ base: BaseRows) throws -> [Int32]? {
    if asksFormedRowsWhetherEvaluable { return nil }
    let counts = Set(formed.values.filter { $0.function == .count }.map(\.name))
    // What can overflow must be asked of all rows that the conditions before it leave.
    let asked = rule.condition.conjuncts.prefix { $0.neverOverflows(rule) }.filter { $0.readsOnlyFormed(counts) }
    if asked.isEmpty || !base.sumsFit { return nil }
    var kept: [Int32] = []
    var start = 0
    while start < ranges.start.count {
      let end = min(ranges.start.count, start + Self.blockRows)
      let frame = Frame(count: end - start)
      var rows = FormedRows()
      let sizes: [Int64] = filled(end - start) { Int64(ranges.end[start + $0] - ranges.start[start + $0]) }
      for name in counts { rows.columns[name] = .number(sizes) }
      rows.members = GroupedRows(
        start: Array(ranges.start[start..<end]), end: Array(ranges.end[start..<end]), rows: [])
      frame.formed = rows
      var truths = [UInt8](repeating: Kleene.yes, count: frame.count)
      for condition in asked {
        truths = zipped(truths, try evaluator.truths(condition, frame)) { min($0, $1) }
      }
      for i in trueRows(truths) { kept.append(Int32(start) + i) }
      start = end
    }
    return kept
  }

  /// All rows formed of the base rows, block by block.
  ///
  /// - Parameter isForHits: rows that can be no hits may be left out.
  func eachFormedBlock(
    _ formed: Formed, _ base: BaseRows, isForHits: Bool = false, _ body: (Frame) throws -> Void
  ) throws {
    func thinning(_ ranges: MemberRanges) throws -> [Int32]? {
      isForHits ? try longEnough(ranges, formed, base) : nil
    }
    let all: FormedRows
    switch formed.kind {
    case .group: all = try groupRows(formed, base, thinning: thinning)
    case .window: all = try windowRows(formed, base, thinning: thinning)
    case .stock: all = try stockRows(formed, base)
    case .occupancy:
      return try Occupancy(formed, base).eachBlock(of: Self.blockRows) { rows in
        let frame = Frame(count: rows.count)
        frame.formed = rows
        try body(frame)
      }
    case .runs: return try eachDayBlock(formed, base, body)
    }
    var start = 0
    while start < all.count {
      let end = min(all.count, start + Self.blockRows)
      let frame = Frame(count: end - start)
      frame.formed = all.selecting(filled(end - start) { Int32(start + $0) })
      try body(frame)
      start = end
    }
  }
}
