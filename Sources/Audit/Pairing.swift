import ClaimModel
import Registries
import RulePacks

/// The candidate pairs of a rule of shape `pair`: rows of two entities with equal values of the matched expressions.
///
/// Scope conditions that speak of one side only are applied before rows are brought together; not so for neighbours,
/// who are put in order before any condition is asked.
struct Pairing {
  private let a: (binding: String, entity: Entity)
  private let b: (binding: String, entity: Entity)
  private let aRows: [Int32]
  private let aKeys: [[UInt64]]
  private let bRows: [Int32]
  private let index: KeyIndex
  /// For unordered pairs the codes by whose bytes the smaller row comes first.
  private let order: (codes: CodeTable, values: [UInt32])?
  /// For adjacent pairs the pairs themselves.
  private let neighbours: [(Int32, Int32)]?
  /// Scope conditions without lookups that speak of both sides: still to be asked.
  let remainingScope: [Expr]

  init(
    _ run: RuleRun, _ a: (binding: String, entity: Entity), _ b: (binding: String, entity: Entity), match: [PairMatch],
    order pairOrder: PairOrder, aCandidates: [Int32]? = nil, bCandidates: [Int32]? = nil
  ) throws {
    self.a = a
    self.b = b
    if case .adjacent(let columns) = pairOrder {
      remainingScope = run.plainScope
      let side = try Self.side(run, a, [], match.map(\.a), candidates: aCandidates)
      aRows = side.rows
      aKeys = side.keys
      bRows = side.rows
      index = KeyIndex(columns: side.keys, count: side.rows.count)
      order = nil
      let table = run.input.claims[a.entity]
      var steps = (columns + [a.entity.idColumn]).compactMap { table.columns[$0] }
      if a.entity == .line, table.columns[a.entity.idColumn] == nil {
        steps.append(.text(run.input.claims.lineIDs((0..<table.count).map { Int32($0) })))
      }
      let byColumns = RowOrder(steps, run.input.claims.codes)
      var pairs: [(Int32, Int32)] = []
      for group in 0..<index.groupCount {
        let rows = index.rows(group).map { side.rows[Int($0)] }.sorted { byColumns.precedes(Int($0), Int($1)) }
        for (first, second) in zip(rows, rows.dropFirst()) { pairs.append((first, second)) }
      }
      neighbours = pairs
      return
    }
    neighbours = nil
    // A parameter's day, and the group of a fact, may be of the other row.
    func isOf(_ binding: String, _ part: Expr) -> Bool {
      part.bindingNames.isSubset(of: [binding]) && !part.readsParameter && !part.readsFacts
    }
    let ofA = run.plainScope.filter { isOf(a.binding, $0) }
    let ofB = run.plainScope.filter { isOf(b.binding, $0) }
    remainingScope = run.plainScope.filter { !ofA.contains($0) && !ofB.contains($0) }
    let left = try Self.side(run, a, ofA, match.map(\.a), candidates: aCandidates)
    let right = try Self.side(run, b, ofB, match.map(\.b), candidates: bCandidates)
    aRows = left.rows
    aKeys = left.keys
    bRows = right.rows
    index = KeyIndex(columns: right.keys, count: right.rows.count)
    if case .unordered(let unordered) = pairOrder {
      let column = run.input.claims[a.entity].columns[unordered]
      guard case .text(let values)? = column else {
        // Without the column no row is smaller than another.
        order = (run.input.claims.codes, [])
        return
      }
      order = (run.input.claims.codes, values)
    } else {
      order = nil
    }
  }

  /// The rows of one side that its own conditions leave, with the values to match, column by column.
  static func side(
    _ run: RuleRun, _ bound: (binding: String, entity: Entity), _ scope: [Expr], _ match: [Expr], candidates: [Int32]?
  ) throws -> (rows: [Int32], keys: [[UInt64]]) {
    let count = candidates?.count ?? run.input.claims[bound.entity].count
    var rows: [Int32] = []
    var keys = [[UInt64]](repeating: [], count: match.count)
    var start = 0
    while start < count {
      let end = min(count, start + RuleRun.blockRows)
      var frame: Frame
      if let candidates {
        frame = Frame(count: end - start)
        frame.rows[bound.binding] = (bound.entity, Array(candidates[start..<end]))
      } else {
        frame = Frame(Block(bound.entity, start..<end), bound.binding)
      }
      frame = try run.keeping(frame, scope)
      rows += frame.rows[bound.binding]?.rows ?? []
      for (k, expression) in match.enumerated() where frame.count > 0 {
        switch try run.evaluator.vector(expression, frame) {
        case .text(let v): keys[k] += v.map { KeyIndex.keyValue(code: $0) }
        case .number(let v): keys[k] += v.map { KeyIndex.keyValue(number: $0) }
        case .truth: throw EvaluationFault.type("a condition to match")
        }
      }
      start = end
    }
    return (rows, keys)
  }

  /// Hands out all candidate pairs, a block at a time.
  func eachBlock(_ body: (Frame) throws -> Void) throws {
    var left: [Int32] = []
    var right: [Int32] = []
    func hand() throws {
      if left.isEmpty { return }
      let frame = Frame(count: left.count)
      frame.rows[a.binding] = (a.entity, left)
      frame.rows[b.binding] = (b.entity, right)
      left.removeAll(keepingCapacity: true)
      right.removeAll(keepingCapacity: true)
      try body(frame)
    }
    if let neighbours {
      for (first, second) in neighbours {
        left.append(first)
        right.append(second)
        if left.count == RuleRun.blockRows { try hand() }
      }
      return try hand()
    }
    var key = [UInt64](repeating: 0, count: max(1, aKeys.count))
    if index.groupCount == 0 { return }
    for i in 0..<aRows.count {
      var isNull = false
      for k in 0..<aKeys.count {
        key[k] = aKeys[k][i]
        if key[k] == 0 { isNull = true }
      }
      if isNull { continue }
      let group = index.group(key)
      if group < 0 { continue }
      for j in index.rows(group) {
        let row = bRows[Int(j)]
        if let order, !comesFirst(aRows[i], row, order) { continue }
        left.append(aRows[i])
        right.append(row)
        if left.count == RuleRun.blockRows { try hand() }
      }
    }
    try hand()
  }

  private func comesFirst(_ x: Int32, _ y: Int32, _ order: (codes: CodeTable, values: [UInt32])) -> Bool {
    if order.values.isEmpty { return false }
    let (p, q) = (order.values[Int(x)], order.values[Int(y)])
    return p != CodeTable.null && q != CodeTable.null && order.codes.precedes(p, q)
  }
}

/// Ascending order by columns: null before all else, texts by bytes.
struct RowOrder {
  private let columns: [ColumnData]
  private let codes: CodeTable

  init(_ columns: [ColumnData], _ codes: CodeTable) {
    self.columns = columns
    self.codes = codes
  }

  func precedes(_ x: Int, _ y: Int) -> Bool {
    for column in columns {
      switch column {
      case .number(let v): if v[x] != v[y] { return v[x] < v[y] }
      case .text(let v):
        let order = codes.order(v[x], v[y])
        if order != 0 { return order < 0 }
      }
    }
    return false
  }
}
