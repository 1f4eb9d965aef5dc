import ClaimModel
import Registries
import RulePacks

/// Evaluates the expressions of one rule over frames, a whole frame at each node.
final class Evaluator {
  let rule: Rule
  let claims: EffectiveClaims
  let registries: Registries
  let codes: CodeTable
  let indexes: IndexShelf
  private let lookups: [String: Lookup]
  /// Lookups that are asked about formed rows.
  let formedLookups: Set<String>
  private let parameters: [String: Parameter]
  /// Expressions that stand in the rule more than once: evaluated once a frame.
  private let repeated: Set<Expr>
  private var prefixes: [[String]: [UInt8]] = [:]
  /// By table, column and length the codes with which a text can begin that are in the column.
  var beginningsInColumn: [String: [UInt32: [UInt64]]] = [:]
  private var beginnings: [Int: [UInt32]] = [:]
  /// A lookup about base rows is asked beside formed rows: the parameters' day is that of the base row.
  var asksForBaseRows = false
  /// With more children than this a frame is cut, and children that an equation singles out are looked up.
  var childBlock = 1 << 16
  /// From so many rows on it pays to keep a column for the next expression that reads it, and to ask a condition only
  /// where those before it leave it open.
  var manyRows = 256
  /// In frames of more rows, those of all hits, no columns are kept: they would stay until the rule is done.
  private static let mostRowsKept = 1 << 16
  private var levels: [UInt32: [UInt32]] = [:]
  /// By lookup what it answered; nil for those of which it can't be remembered.
  var memos: [String: LookupMemo<LookupAnswer>?] = [:]
  var groupMemos: [String: LookupMemo<Int32>?] = [:]
  /// By lookup the rows that the answers of its group memo are places of.
  var groupMembers: [String: [[Int32]]] = [:]

  init(_ rule: Rule, claims: EffectiveClaims, registries: Registries, indexes: IndexShelf) {
    self.rule = rule
    self.claims = claims
    self.registries = registries
    self.codes = claims.codes
    self.indexes = indexes
    formedLookups = rule.shape.formed == nil ? [] : rule.formedLookups
    var times: [Expr: Int] = [:]
    for expression in rule.expressions {
      expression.visit { if $0.isWorthKeeping || $0.isColumn, !$0.readsParameter { times[$0, default: 0] += 1 } }
    }
    repeated = Set(times.filter { $0.value > 1 }.keys)
    lookups = Dictionary(rule.lookups.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    parameters = Dictionary(rule.parameters.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  func lookup(_ name: String) throws -> Lookup {
    guard let found = lookups[name] else { throw EvaluationFault.type("no lookup \(name)") }
    return found
  }

  /// The registry of a lookup; nil where an optional one is absent.
  func registry(_ lookup: Lookup) -> Registry? { registries[lookup.table] }

  /// The admdvs codes of the region order, folded; the nation alone for null.
  func regionLevels(_ region: UInt32) -> [UInt32] {
    if let known = levels[region] { return known }
    let order = regionOrder(codes.text(region)).map { codes.folded(codes.intern($0)) }
    levels[region] = order
    return order
  }

  // MARK: Values

  func texts(_ e: Expr, _ f: Frame) throws -> [UInt32] {
    if case .text(let v) = try vector(e, f) { return v }
    throw EvaluationFault.type("text expected")
  }

  func numbers(_ e: Expr, _ f: Frame) throws -> [Int64] {
    if case .number(let v) = try vector(e, f) { return v }
    throw EvaluationFault.type("number expected")
  }

  func truths(_ e: Expr, _ f: Frame) throws -> [UInt8] {
    if case .truth(let v) = try vector(e, f) { return v }
    throw EvaluationFault.type("condition expected")
  }

  func vector(_ e: Expr, _ f: Frame) throws -> Vector {
    let keepsColumns = f.count >= manyRows && f.count <= Self.mostRowsKept
    guard !repeated.isEmpty, e.isWorthKeeping || (keepsColumns && e.isColumn), repeated.contains(e) else {
      return try computed(e, f)
    }
    if let known = f.memo[e] { return known }
    let value = try computed(e, f)
    f.memo[e] = value
    return value
  }

  private func computed(_ e: Expr, _ f: Frame) throws -> Vector {
    switch e {
    case .claim(let binding, let path, let column, let kind):
      return try claimColumn(binding, path, column, kind, f)
    case .registry(let name, let column, let kind):
      return try registryColumn(name, column, kind, f)
    case .formed(let column, _): return try formedColumn(column, f)
    case .fact(let name, let value, let kind): return try fact(name, value, kind, f)
    case .integer(let v), .day(let v): return .number([Int64](repeating: v, count: f.count))
    case .text(let v): return .text([UInt32](repeating: codes.intern(v), count: f.count))
    case .boolean(let v): return .truth([UInt8](repeating: v ? Kleene.yes : Kleene.no, count: f.count))
    case .parameter(let name): return .number(try parameter(name, f))
    case .add(let a, let b):
      return .number(try arithmetic(numbers(a, f), numbers(b, f)) { $0.addingReportingOverflow($1) })
    case .subtract(let a, let b):
      return .number(try arithmetic(numbers(a, f), numbers(b, f)) { $0.subtractingReportingOverflow($1) })
    case .multiply(let a, let b):
      return .number(try arithmetic(numbers(a, f), numbers(b, f)) { $0.multipliedReportingOverflow(by: $1) })
    case .least(let all): return .number(try extreme(all, f) { min($0, $1) })
    case .greatest(let all): return .number(try extreme(all, f) { max($0, $1) })
    case .coalesce(let all): return try coalesced(all, f)
    case .dayOf(let a):
      return .number(try numbers(a, f).map { $0 == ColumnData.null ? $0 : CivilTime.dayOf(time: $0) })
    case .number(let a): return .number(try texts(a, f).map(wholeNumber))
    case .prefix(let a, let count): return .text(starts(try texts(a, f), count))
    case .percent(let a, let of): return .number(try percent(numbers(a, f), numbers(of, f)))
    case .compare(let op, let a, let b): return .truth(try compared(op, a, b, f))
    case .isSame(let a, let b): return .truth(try same(a, b, f))
    case .isNull(let a): return .truth(nullTruths(try vector(a, f)))
    case .isTrue(let a): return .truth(mapped(try truths(a, f)) { $0 == Kleene.yes ? Kleene.yes : Kleene.no })
    case .inList(let a, let list): return .truth(try within(a, list, f))
    case .startsWith(let a, let starts): return .truth(try begins(texts(a, f), starts))
    case .and(let all): return .truth(try conjunction(all, f))
    case .or(let all):
      var result: [UInt8]?
      for part in all {
        let truths = try truths(part, f)
        result = result.map { zipped($0, truths) { max($0, $1) } } ?? truths
      }
      return .truth(result ?? [UInt8](repeating: Kleene.no, count: f.count))
    case .not(let a): return .truth(mapped(try truths(a, f)) { 2 &- $0 })
    case .found(let name): return .truth(try found(name, f))
    case .setContains(let name, let column, let value): return .truth(try contains(name, column, value, f))
    case .setLeast(let name, let value): return .number(try overMembers(name, value, f) { min($0, $1) })
    case .setGreatest(let name, let value): return .number(try overMembers(name, value, f) { max($0, $1) })
    case .children(let aggregate): return try children(aggregate, f)
    case .allHits(let a):
      return .truth(try overHits(truths(a, f), f, start: Kleene.yes) { $1 == Kleene.yes ? $0 : Kleene.no })
    case .anyHit(let a):
      return .truth(try overHits(truths(a, f), f, start: Kleene.no) { $1 == Kleene.yes ? Kleene.yes : $0 })
    case .countHits:
      return .number(try overHits([Int64](repeating: 1, count: f.count), f, start: 0) { $0 + $1 })
    case .leastOfHits(let a):
      return .number(try overHits(numbers(a, f), f, start: ColumnData.null) { passingNull($0, $1) { min($0, $1) } })
    case .greatestOfHits(let a):
      return .number(try overHits(numbers(a, f), f, start: ColumnData.null) { passingNull($0, $1) { max($0, $1) } })
    case .sumOfHits(let a):
      return .number(try overHits(numbers(a, f), f, start: ColumnData.null) { try checkedSum($0, $1) })
    case .atGreatestOfHits(let a, let by): return try atGreatest(vector(a, f), numbers(by, f), f)
    }
  }

  /// Where a vector is null, as truths.
  func nullTruths(_ v: Vector) -> [UInt8] {
    switch v {
    case .text(let a): mapped(a) { $0 == CodeTable.null ? Kleene.yes : Kleene.no }
    case .number(let a): mapped(a) { $0 == ColumnData.null ? Kleene.yes : Kleene.no }
    case .truth(let a): mapped(a) { $0 == Kleene.null ? Kleene.yes : Kleene.no }
    }
  }

  /// Where a vector is null.
  func nulls(_ v: Vector) -> [Bool] {
    switch v {
    case .text(let a): mapped(a) { $0 == CodeTable.null }
    case .number(let a): mapped(a) { $0 == ColumnData.null }
    case .truth(let a): mapped(a) { $0 == Kleene.null }
    }
  }

  // MARK: Columns

  /// The rows of `binding.path`.
  func rows(_ binding: String, _ path: [Entity], _ f: Frame) throws -> (entity: Entity, rows: [Int32]) {
    guard let bound = try bound(binding, f) else { throw EvaluationFault.type("no binding \(binding)") }
    if path.isEmpty { return bound }
    let last = path[path.count - 1]
    let name = path.reduce(binding) { $0 + "." + $1.rawValue }
    if let known = f.paths[name] ?? f.block?.paths[name] { return (last, known) }
    var (entity, rows) = bound
    for step in path {
      rows = gathered(claims[entity].parent[step] ?? [], inBounds: claims[entity].count, rows)
      entity = step
    }
    if let block = f.block { block.paths[name] = rows } else { f.paths[name] = rows }
    return (entity, rows)
  }

  private func gathered(_ parent: [Int32], inBounds count: Int, _ rows: [Int32]) -> [Int32] {
    parent.count == count ? Audit.gathered(parent, rows, null: -1) : [Int32](repeating: -1, count: rows.count)
  }

  private func bound(_ binding: String, _ f: Frame) throws -> (entity: Entity, rows: [Int32])? {
    if let known = f.bound(binding) { return known }
    guard let atIssue = rule.atIssue, atIssue.binding == binding, f.outer == nil,
      case .pair(let a, let b, _, _) = rule.shape, let aRows = f.rows[a.binding], let bRows = f.rows[b.binding]
    else {
      if let outer = f.outer, let found = try bound(binding, outer) {
        let mine = (found.entity, Audit.gathered(found.rows, f.owner, null: -1))
        f.rows[binding] = mine
        return mine
      }
      return nil
    }
    let table = claims[aRows.entity]
    let order = atIssue.order.compactMap { step in table.columns[step.column].map { ($0, step.descending) } }
    let chosen = zipped(aRows.rows, bRows.rows) { x, y in
      precedes(Int(y), Int(x), order) ? y : x
    }
    f.rows[binding] = (aRows.entity, chosen)
    return f.rows[binding]
  }

  /// Order of the row at issue: nulls last whatever the direction, texts by bytes.
  private func precedes(_ x: Int, _ y: Int, _ order: [(ColumnData, Bool)]) -> Bool {
    for (column, descending) in order {
      switch column {
      case .number(let v):
        if v[x] == v[y] { continue }
        if v[x] == ColumnData.null || v[y] == ColumnData.null { return v[y] == ColumnData.null }
        return descending ? v[x] > v[y] : v[x] < v[y]
      case .text(let v):
        if v[x] == v[y] { continue }
        if v[x] == CodeTable.null || v[y] == CodeTable.null { return v[y] == CodeTable.null }
        return descending ? codes.precedes(v[y], v[x]) : codes.precedes(v[x], v[y])
      }
    }
    return false
  }

  private func claimColumn(_ binding: String, _ path: [Entity], _ column: String, _ kind: ValueKind, _ f: Frame) throws
    -> Vector
  {
    if let block = f.block, path.isEmpty, f.rows[binding] != nil {
      // A stretch of the column as it lies there; the other rules of the pass find it here.
      if let known = block.columns[column] { return known }
      let stretch: Vector? =
        switch claims[block.entity].columns[column] {
        case .text(let values): .text(Array(values[block.range]))
        case .number(let values): .number(Array(values[block.range]))
        case nil: nil
        }
      if let stretch {
        block.columns[column] = stretch
        return stretch
      }
    }
    if let block = f.block, f.rows[binding] != nil {
      // The same of the rows that the block's rows belong to.
      let name = path.reduce("") { $0 + $1.rawValue + "." } + column
      if let known = block.columns[name] { return known }
      let (entity, rows) = try rows(binding, path, f)
      if let value = claims[entity].columns[column] {
        let vector = Vector(value.selecting(rows))
        block.columns[name] = vector
        return vector
      }
    }
    let (entity, rows) = try rows(binding, path, f)
    // Few lines are ever named, so their ids are no column where units are evaluated.
    if entity == .line, column == "id" { return .text(claims.lineIDs(rows)) }
    return Self.gathered(claims[entity].columns[column], rows, kind)
  }

  /// A column's values in the rows, -1 for none; a column that no file brought is null throughout.
  private static func gathered(_ column: ColumnData?, _ rows: [Int32], _ kind: ValueKind) -> Vector {
    switch column {
    case .text(let values): .text(Audit.gathered(values, rows, null: CodeTable.null))
    case .number(let values): .number(Audit.gathered(values, rows, null: ColumnData.null))
    case nil where kind == .text: .text([UInt32](repeating: CodeTable.null, count: rows.count))
    case nil: .number([Int64](repeating: ColumnData.null, count: rows.count))
    }
  }

  private func registryColumn(_ name: String, _ column: String, _ kind: ValueKind, _ f: Frame) throws -> Vector {
    Self.gathered(try registry(lookup(name))?.columns[column], try registryRows(name, f), kind)
  }

  private func registryRows(_ name: String, _ f: Frame) throws -> [Int32] {
    if let row = f.members[name] { return row }
    if let group = f.groups[name] { return zipped(group.start, group.end) { $0 < $1 ? group.rows[Int($0)] : -1 } }
    if let outer = f.outer { return Audit.gathered(try registryRows(name, outer), f.owner, null: -1) }
    return try outcome(name, f).row
  }

  private func parameter(_ name: String, _ f: Frame) throws -> [Int64] {
    guard let parameter = parameters[name], let latest = parameter.values.last else {
      throw EvaluationFault.type("no parameter \(name)")
    }
    let isFormed = f.isOfFormedRows && !asksForBaseRows
    let ofFormed = rule.formedParameterDay ?? (rule.shape.formed?.keepsBaseRow == true ? rule.parameterDay : nil)
    guard parameter.values.count > 1, let day = isFormed ? ofFormed : rule.parameterDay else {
      return [Int64](repeating: latest.value, count: f.count)
    }
    return try numbers(day, f).map { $0 == ColumnData.null ? $0 : parameter.value(on: $0) }
  }

  // MARK: Functions

  private func extreme(_ all: [Expr], _ f: Frame, _ choose: (Int64, Int64) -> Int64) throws -> [Int64] {
    guard let first = all.first else { return [Int64](repeating: ColumnData.null, count: f.count) }
    var result = try numbers(first, f)
    for part in all.dropFirst() {
      result = zipped(result, try numbers(part, f)) {
        $0 == ColumnData.null || $1 == ColumnData.null ? ColumnData.null : choose($0, $1)
      }
    }
    return result
  }

  private func coalesced(_ all: [Expr], _ f: Frame) throws -> Vector {
    guard let first = all.first else { throw EvaluationFault.type("nothing to coalesce") }
    var result = try vector(first, f)
    for part in all.dropFirst() {
      switch (result, try vector(part, f)) {
      case (.text(let a), .text(let b)): result = .text(zipped(a, b) { $0 == CodeTable.null ? $1 : $0 })
      case (.number(let a), .number(let b)): result = .number(zipped(a, b) { $0 == ColumnData.null ? $1 : $0 })
      case (.truth(let a), .truth(let b)): result = .truth(zipped(a, b) { $0 == Kleene.null ? $1 : $0 })
      default: throw EvaluationFault.type("values of two types")
      }
    }
    return result
  }

  private func wholeNumber(_ code: UInt32) -> Int64 {
    codes.withBytes(code) { bytes in
      bytes.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
        ? FixedPoint.parse(bytes, scale: 0) ?? ColumnData.null : ColumnData.null
    }
  }

  /// A value that is the same on every row: a literal, or a parameter with one value.
  func constant(_ e: Expr) -> Int64? {
    switch e {
    case .integer(let v), .day(let v): v
    case .parameter(let name): parameters[name].flatMap { $0.values.count == 1 ? $0.values[0].value : nil }
    default: nil
    }
  }

  /// Parts that ask more than columns are only asked where those before them leave it open, if that is few rows: most
  /// questions about what a lookup gave begin with one that is FALSE nearly everywhere.
  private func conjunction(_ all: [Expr], _ f: Frame) throws -> [UInt8] {
    var result: [UInt8]?
    for part in all {
      guard var known = result else {
        result = try truths(part, f)
        continue
      }
      if f.count >= manyRows, f.canBeSelected, part.costOfColumns == nil, part.neverOverflows(rule) {
        let open: [Int32] = rowsOf(known) { $0 != Kleene.no }
        if open.count <= f.count / 4 {
          let truths = try truths(part, f.selecting(open))
          result = nil
          for (k, i) in open.enumerated() { known[Int(i)] = min(known[Int(i)], truths[k]) }
          result = known
          continue
        }
      }
      result = zipped(known, try truths(part, f)) { min($0, $1) }
    }
    return result ?? [UInt8](repeating: Kleene.yes, count: f.count)
  }

  private func compared(_ op: Comparison, _ a: Expr, _ b: Expr, _ f: Frame) throws -> [UInt8] {
    if let y = constant(b), y != ColumnData.null, case .number(let x) = try vector(a, f) {
      return comparison(op, x, .one(y))
    }
    if case .text(let literal) = b, op == .equal || op == .notEqual, case .text(let x) = try vector(a, f) {
      let y = codes.intern(literal)
      if y != CodeTable.null {
        let (same, other) = op == .equal ? (Kleene.yes, Kleene.no) : (Kleene.no, Kleene.yes)
        return x.withUnsafeBufferPointer { x in
          filled(x.count) { i in x[i] == CodeTable.null ? Kleene.null : x[i] == y ? same : other }
        }
      }
    }
    switch (try vector(a, f), try vector(b, f)) {
    case (.number(let x), .number(let y)): return comparison(op, x, .each(y))
    case (.text(let x), .text(let y)):
      return zipped(x, y) { x, y in
        if x == CodeTable.null || y == CodeTable.null { return Kleene.null }
        let holds =
          switch op {
          case .equal: x == y
          case .notEqual: x != y
          case .less: codes.precedes(x, y)
          case .lessOrEqual: !codes.precedes(y, x)
          case .greater: codes.precedes(y, x)
          case .greaterOrEqual: !codes.precedes(x, y)
          }
        return holds ? Kleene.yes : Kleene.no
      }
    case (.truth(let x), .truth(let y)):
      return zipped(x, y) { x, y in
        if x == Kleene.null || y == Kleene.null { return Kleene.null }
        let holds =
          switch op {
          case .equal: x == y
          case .notEqual: x != y
          case .less: x < y
          case .lessOrEqual: x <= y
          case .greater: x > y
          case .greaterOrEqual: x >= y
          }
        return holds ? Kleene.yes : Kleene.no
      }
    default: throw EvaluationFault.type("values of two types")
    }
  }

  private func same(_ a: Expr, _ b: Expr, _ f: Frame) throws -> [UInt8] {
    switch (try vector(a, f), try vector(b, f)) {
    case (.number(let x), .number(let y)): return zipped(x, y) { $0 == $1 ? Kleene.yes : Kleene.no }
    case (.text(let x), .text(let y)): return zipped(x, y) { $0 == $1 ? Kleene.yes : Kleene.no }
    case (.truth(let x), .truth(let y)): return zipped(x, y) { $0 == $1 ? Kleene.yes : Kleene.no }
    default: throw EvaluationFault.type("values of two types")
    }
  }

  /// `a IN (…)`: TRUE if it equals one, else NULL if it or one of them is null, else FALSE; FALSE for no list.
  private func within(_ a: Expr, _ list: [Expr], _ f: Frame) throws -> [UInt8] {
    let left = try vector(a, f)
    if case .text(let x) = left, let some = try literalCodes(list), some.count <= 4, let first = some.first {
      // Up to four codes are compared at once.
      let (c0, c1) = (first, some.count > 1 ? some[1] : first)
      let (c2, c3) = (some.count > 2 ? some[2] : first, some.count > 3 ? some[3] : first)
      return x.withUnsafeBufferPointer { x in
        filled(x.count) { i in
          let v = x[i]
          return v == CodeTable.null
            ? Kleene.null : (v == c0) || (v == c1) || (v == c2) || (v == c3) ? Kleene.yes : Kleene.no
        }
      }
    }
    var result = [UInt8](repeating: Kleene.no, count: f.count)
    for part in list {
      switch (left, part) {
      case (.text(let x), .text(let constant)):
        let code = codes.intern(constant)
        result = zipped(result, x) { known, x in
          max(known, x == CodeTable.null || code == CodeTable.null ? Kleene.null : x == code ? Kleene.yes : Kleene.no)
        }
      case (.number(let x), .integer(let constant)), (.number(let x), .day(let constant)):
        result = zipped(result, x) { known, x in
          max(known, x == ColumnData.null ? Kleene.null : x == constant ? Kleene.yes : Kleene.no)
        }
      default: result = zipped(result, try compared(.equal, a, part, f)) { max($0, $1) }
      }
    }
    return result
  }

  /// The codes of a list of texts, none of them null; nil for another list.
  private func literalCodes(_ list: [Expr]) throws -> [UInt32]? {
    var result: [UInt32] = []
    for part in list {
      guard case .text(let literal) = part else { return nil }
      let code = codes.intern(literal)
      if code == CodeTable.null { return nil }
      result.append(code)
    }
    return result
  }

  /// Whether a text begins with one of the bytes sequences; remembered by code, since codes repeat.
  private func begins(_ texts: [UInt32], _ starts: [String]) -> [UInt8] {
    let unknown: UInt8 = 255
    var known = prefixes.removeValue(forKey: starts) ?? []
    if known.count < codes.count {
      known.append(contentsOf: [UInt8](repeating: unknown, count: codes.count - known.count))
    }
    let wanted = starts.map { Array($0.utf8) }
    let result: [UInt8] = filled(texts.count) { i in
      let code = texts[i]
      if code == CodeTable.null { return Kleene.null }
      if known[Int(code)] != unknown { return known[Int(code)] }
      let holds = codes.withBytes(code) { bytes in wanted.contains { bytes.starts(with: $0) } }
      known[Int(code)] = holds ? Kleene.yes : Kleene.no
      return known[Int(code)]
    }
    prefixes[starts] = known
    return result
  }

  /// The first characters of texts; remembered by code.
  private func starts(_ texts: [UInt32], _ count: Int) -> [UInt32] {
    let unknown = UInt32.max
    var known = beginnings.removeValue(forKey: count) ?? []
    if known.count < codes.count {
      known.append(contentsOf: [UInt32](repeating: unknown, count: codes.count - known.count))
    }
    let result: [UInt32] = filled(texts.count) { i in
      let code = Int(texts[i])
      if known[code] == unknown {
        let text = codes.text(texts[i])
        known[code] =
          text.unicodeScalars.count <= count ? texts[i] : codes.intern(String(text.unicodeScalars.prefix(count)))
      }
      return known[code]
    }
    beginnings[count] = known
    return result
  }

  private func percent(_ values: [Int64], _ of: [Int64]) throws(EvaluationFault) -> [Int64] {
    var result = [Int64](repeating: ColumnData.null, count: values.count)
    for i in values.indices where values[i] >= 0 && of[i] >= 0 {
      result[i] = try whole(Int128(values[i]) * Int128(of[i]) / 100)
    }
    return result
  }

  // MARK: What belongs to a row

  /// The children of `binding.path` of which the condition is TRUE, one position a child, in frames of a bearable size:
  /// a stay of 300 days with 3,000 lines has 900,000 pairs of a day and a line. Owners ascend from frame to frame.
  func eachChildFrame(
    _ of: Entity, _ binding: String, _ path: [Entity], _ variable: String, where condition: Expr, _ f: Frame,
    _ body: (Frame, [Int32]) throws -> Void
  ) throws {
    let (entity, rows) = try rows(binding, path, f)
    guard let children = claims[entity].children[of] else { return }
    func hand(_ owner: [Int32], _ own: [Int32]) throws {
      if own.isEmpty { return }
      let inner = Frame(count: own.count, outer: f, owner: owner)
      inner.rows[variable] = (of, own)
      let left = trueRows(try truths(condition, inner))
      if !left.isEmpty { try body(inner, left) }
    }
    let offsets = children.offsets
    var total = 0
    for row in rows where row >= 0 { total += Int(offsets[Int(row) + 1] - offsets[Int(row)]) }
    if total > min(childBlock, 1 << 12), var single = try equation(condition, variable, of, entity, f) {
      var owner: [Int32] = []
      var own: [Int32] = []
      for (i, row) in rows.enumerated() where row >= 0 && single.values[i] != 0 {
        single.children.append(row, single.values[i], to: &own)
        while owner.count < own.count { owner.append(Int32(i)) }
        if own.count < childBlock { continue }
        try hand(owner, own)
        owner.removeAll(keepingCapacity: true)
        own.removeAll(keepingCapacity: true)
      }
      return try hand(owner, own)
    }
    var start = 0
    while start < rows.count {
      // All children of a row are in one frame.
      var (end, count) = (start, 0)
      while end < rows.count, count < childBlock {
        if rows[end] >= 0 { count += Int(offsets[Int(rows[end]) + 1] - offsets[Int(rows[end])]) }
        end += 1
      }
      let (owner, own) = children.placed(beside: rows, start..<end, count: count)
      try hand(owner, own)
      start = end
    }
  }

  /// An equation among the condition's parts between a column of the child and what its owner gives: the children by
  /// it, and the owners' values. Only where no part can overflow at a child that is not looked at then.
  private func equation(_ condition: Expr, _ variable: String, _ of: Entity, _ owner: Entity, _ f: Frame) throws
    -> (children: ChildrenByValue, values: [UInt64])?
  {
    if !condition.neverOverflows(rule) { return nil }
    for part in condition.conjuncts {
      guard case .compare(.equal, let a, let b) = part else { continue }
      for (column, other) in [(a, b), (b, a)] {
        guard case .claim(variable, let path, let name, _) = column, path.isEmpty,
          !other.bindingNames.contains(variable), let children = claims[owner].children[of],
          let values = claims[of].columns[name]
        else { continue }
        return (ChildrenByValue(children, values), try vector(other, f).column.keyValues)
      }
    }
    return nil
  }

  private func children(_ a: ChildAggregate, _ f: Frame) throws -> Vector {
    func each(_ body: (Frame, [Int32]) throws -> Void) throws {
      try eachChildFrame(a.of, a.binding, a.path, a.variable, where: a.condition, f, body)
    }
    var result = [Int64](repeating: 0, count: f.count)
    if a.function == .exists || a.function == .count {
      try each { inner, left in
        let owners = inner.owner
        result.withUnsafeMutableBufferPointer { result in for i in left { result[Int(owners[Int(i)])] += 1 } }
      }
      return a.function == .count ? .number(result) : .truth(result.map { $0 > 0 ? Kleene.yes : Kleene.no })
    }
    guard let value = a.value else { throw EvaluationFault.type("an aggregate without a value") }
    if a.function == .countDistinct {
      var seen = SeenValues()
      var last: Int32 = -1
      try each { inner, left in
        let keys = try vector(value, inner).column.keyValues
        let owners = inner.owner
        for i in left where keys[Int(i)] != 0 {
          let owner = owners[Int(i)]
          if owner != last { seen.forget() }
          last = owner
          if seen.insert(keys[Int(i)]) { result[Int(owner)] += 1 }
        }
      }
      return .number(result)
    }
    result = [Int64](repeating: ColumnData.null, count: f.count)
    try each { inner, left in
      let values = try numbers(value, inner)
      let owners = inner.owner
      try result.withUnsafeMutableBufferPointer { result in
        for i in left {
          let owner = Int(owners[Int(i)])
          result[owner] =
            switch a.function {
            case .sum: try checkedSum(result[owner], values[Int(i)])
            case .least: passingNull(result[owner], values[Int(i)]) { min($0, $1) }
            default: passingNull(result[owner], values[Int(i)]) { max($0, $1) }
            }
        }
      }
    }
    return .number(result)
  }

  // MARK: Groups and hits

  /// The groups of a lookup, read through outer frames.
  private func group(_ name: String, _ f: Frame) -> GroupedRows? {
    if let own = f.groups[name] { return own }
    guard let outer = f.outer, let found = group(name, outer) else { return nil }
    return found.selecting(f.owner)
  }

  private func contains(_ name: String, _ column: String, _ value: Expr, _ f: Frame) throws -> [UInt8] {
    guard let group = group(name, f), let data = registry(try lookup(name))?.columns[column] else {
      return [UInt8](repeating: Kleene.null, count: f.count)
    }
    switch (data, try vector(value, f)) {
    case (.text(let column), .text(let wanted)):
      return filled(f.count) { i in
        if wanted[i] == CodeTable.null { return Kleene.null }
        let rows = group.rows[Int(group.start[i])..<Int(group.end[i])]
        return rows.contains { column[Int($0)] == wanted[i] } ? Kleene.yes : Kleene.no
      }
    case (.number(let column), .number(let wanted)):
      return filled(f.count) { i in
        if wanted[i] == ColumnData.null { return Kleene.null }
        let rows = group.rows[Int(group.start[i])..<Int(group.end[i])]
        return rows.contains { column[Int($0)] == wanted[i] } ? Kleene.yes : Kleene.no
      }
    default: throw EvaluationFault.type("values of two types")
    }
  }

  private func overMembers(_ name: String, _ value: Expr, _ f: Frame, _ choose: (Int64, Int64) -> Int64) throws
    -> [Int64]
  {
    var result = [Int64](repeating: ColumnData.null, count: f.count)
    guard let group = group(name, f) else { return result }
    var owner: [Int32] = []
    var member: [Int32] = []
    for i in 0..<f.count {
      for row in group.rows[Int(group.start[i])..<Int(group.end[i])] {
        owner.append(Int32(i))
        member.append(row)
      }
    }
    let inner = Frame(count: member.count, outer: f, owner: owner)
    inner.members[name] = member
    let values = try numbers(value, inner)
    for (i, owner) in owner.enumerated() {
      result[Int(owner)] = passingNull(result[Int(owner)], values[i], choose)
    }
    return result
  }

  /// Folds a value over the hits of each finding and gives every hit the result of its finding.
  private func overHits<T>(_ values: [T], _ f: Frame, start: T, _ fold: (T, T) throws -> T) throws -> [T] {
    guard let finding = f.finding else { throw EvaluationFault.type("an aggregate over hits outside a case") }
    var results = [T](repeating: start, count: finding.count)
    for (i, of) in finding.of.enumerated() { results[Int(of)] = try fold(results[Int(of)], values[i]) }
    return finding.of.map { results[Int($0)] }
  }
}

extension Evaluator {
  /// The value at the first hit of each finding where `by` is greatest, for every hit.
  func atGreatest(_ value: Vector, _ by: [Int64], _ f: Frame) throws -> Vector {
    guard let finding = f.finding else { throw EvaluationFault.type("an aggregate over hits outside a case") }
    var best = [Int32](repeating: -1, count: finding.count)
    for (i, of) in finding.of.enumerated() where by[i] != ColumnData.null {
      if best[Int(of)] < 0 || by[i] > by[Int(best[Int(of)])] { best[Int(of)] = Int32(i) }
    }
    let chosen = finding.of.map { best[Int($0)] }
    return value.selecting(chosen)
  }

  /// A column of the formed rows in hand, here or further out.
  func formedColumn(_ name: String, _ f: Frame) throws -> Vector {
    guard let formed = f.formed else {
      guard let outer = f.outer else { throw EvaluationFault.type("\(name) of a formed row where there is none") }
      return try formedColumn(name, outer).selecting(f.owner)
    }
    return switch formed.columns[name] {
    case .text(let v): .text(v)
    case .number(let v): .number(v)
    case nil: throw EvaluationFault.type("formed rows have no \(name) yet")
    }
  }
}

/// Chooses between two numbers; a null loses.
@inline(__always)
func passingNull(_ a: Int64, _ b: Int64, _ choose: (Int64, Int64) -> Int64) -> Int64 {
  a == ColumnData.null ? b : b == ColumnData.null ? a : choose(a, b)
}

/// Adds, passing over nulls; null where there was nothing to add.
@inline(__always)
func checkedSum(_ a: Int64, _ b: Int64) throws(EvaluationFault) -> Int64 {
  if a == ColumnData.null { return b }
  if b == ColumnData.null { return a }
  let (sum, overflow) = a.addingReportingOverflow(b)
  if overflow || sum == ColumnData.null { throw .overflow }
  return sum
}

extension Children {
  /// The children of some of the rows one after the other, each with the place of its row; rows below 0 have none.
  ///
  /// - Parameter count: how many there are.
  fileprivate func placed(beside parents: [Int32], _ range: Range<Int>, count: Int) -> (owner: [Int32], own: [Int32]) {
    var owner: [Int32] = []
    let own = [Int32](unsafeUninitializedCapacity: count) { own, initialized in
      owner = [Int32](unsafeUninitializedCapacity: count) { owner, initialized in
        var at = 0
        for i in range where parents[i] >= 0 {
          let parent = Int(parents[i])
          let places = Int(offsets[parent])..<Int(offsets[parent + 1])
          precondition(places.upperBound <= rows.count && places.count <= count - at, "children that are not there")
          rows.withUnsafeBufferPointer { rows in
            for place in places {
              own[at] = rows[place]
              owner[at] = Int32(truncatingIfNeeded: i)
              at &+= 1
            }
          }
        }
        initialized = at
      }
      initialized = owner.count
    }
    return (owner, own)
  }
}

/// The different values of one owner after the other. Mostly a handful: these are compared, not hashed.
private struct SeenValues {
  private var few: [UInt64] = []
  private var many: Set<UInt64> = []

  /// Begins anew.
  mutating func forget() {
    few.removeAll(keepingCapacity: true)
    if !many.isEmpty { many = [] }
  }

  /// Whether the value is a new one.
  mutating func insert(_ value: UInt64) -> Bool {
    if many.isEmpty {
      if few.contains(value) { return false }
      if few.count < 16 {
        few.append(value)
        return true
      }
      many.formUnion(few)
    }
    return many.insert(value).inserted
  }
}
