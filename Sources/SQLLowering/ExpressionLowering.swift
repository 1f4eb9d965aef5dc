import ClaimModel
import Diagnostics
import Registries
import RulePacks

/// Writes a rule's expressions as SQL. Three-valued logic is the engine's own; nothing is evaluated here.
///
/// Claim columns of the rule's bindings stand in one wide row under their own names, `r."line.settlement.hosp_lv"`;
/// every name asked for is noted in `demanded`, from which the row is then selected.
final class ExpressionLowering {
  struct Column: Hashable {
    var binding: String
    var path: [Entity]
    var column: String
    var name: String { ([binding] + path.map(\.rawValue) + [column]).joined(separator: ".") }
  }

  /// Of a rule on formed rows: the wide row `r` is a base row, or a formed one.
  enum Stage { case base, formed }

  let rule: Rule
  let dialect: Dialect
  /// Where population facts are.
  let populations: PopulationSource
  var stage = Stage.base
  /// Lookups that are made for formed rows.
  let formedLookups: Set<String>
  /// Entities of the bindings, the row at issue included.
  private(set) var entities: [String: Entity] = [:]
  /// In order of first sight.
  private(set) var demanded: [Column] = []
  private(set) var demandedRegistry: [String: [String]] = [:]
  private var seen: Set<Column> = []
  /// Rows bound in the SELECT being written: children, and the bindings where the wide row does not exist yet.
  private var bound: [String: ClaimSource] = [:]
  /// Inside setLeast and setGreatest: the lookup whose rows stand under the alias `g`.
  private var groupRows: String?
  /// Numbers are being added or multiplied.
  private var isAdding = false
  /// How many subqueries stand around what is being written, and within how many each bound row stands.
  private var depth = 0
  private var depths: [String: Int] = [:]
  /// The day of which dated parameters are, where it is a subquery that a subquery asks for and the engine can't see
  /// the row from within both: then every row has it as the column `parameterDayColumn`.
  private(set) var parameterDaySQL: String?
  static let parameterDayColumn = "parameter.day"
  /// Aggregates over a finding's hits: column text by text; nil where hits can't be spoken of.
  var hitAggregates: [String]?
  /// Values of one of a finding's hits, as columns of every hit: `at_1` and so on.
  var hitWindows: [String] = []

  init(rule: Rule, dialect: Dialect, populations: PopulationSource) {
    self.rule = rule
    self.dialect = dialect
    self.populations = populations
    formedLookups = rule.formedLookups
    for binding in rule.shape.bindings { entities[binding.name] = binding.entity }
    if let issue = rule.atIssue, let first = rule.shape.bindings.first { entities[issue.binding] = first.entity }
  }

  /// Writes with the bindings as rows of the FROM clause instead of the wide row.
  func with<R>(_ sources: [String: ClaimSource], _ body: () throws -> R) rethrows -> R {
    let before = bound
    bound.merge(sources) { $1 }
    defer { bound = before }
    return try body()
  }

  func diagnostic(_ message: String) -> Diagnostics {
    Diagnostics([
      Diagnostic(
        .error, "sql.unsupported", "rule \(rule.id): \(message)", at: Place(file: rule.path),
        remedy: "write the condition with what Documentation lists for rules; the SQL form has the same words")
    ])
  }

  /// The SQL of an expression.
  func sql(_ expr: Expr) throws -> String {
    switch expr {
    case .claim(let binding, let path, let column, _): return try claim(binding, path, column)
    case .registry(let lookup, let column, _):
      try reach(groupRows == lookup ? depth : 0)
      return registry(lookup, column)
    case .formed(let column, _): return try formed(column)
    case .fact(let population, let value, let kind): return try fact(population, value, kind)
    case .integer(let value): return number(value)
    case .day(let value): return "\(number(value)) /* \(CivilTime.text(day: value)) */"
    case .text(let value): return dialect.literal(value)
    case .boolean(let value): return value ? "TRUE" : "FALSE"
    case .parameter(let name): return try parameter(name)

    case .add(let a, let b): return try arithmetic("+", a, b)
    case .subtract(let a, let b): return try arithmetic("-", a, b)
    case .multiply(let a, let b): return try arithmetic("*", a, b)
    case .least(let list): return dialect.least(try list.map(sql))
    case .greatest(let list): return dialect.greatest(try list.map(sql))
    case .coalesce(let list):
      return list.count == 1 ? try sql(list[0]) : "COALESCE(\(try list.map(sql).joined(separator: ", ")))"
    case .dayOf(let value): return "(" + SQLLowering.dayOf(try operand(value), dialect) + ")"
    case .number(let text):
      let text = try operand(text)
      return "CASE WHEN \(dialect.isDigits(text)) THEN \(dialect.wholeNumber(text)) END"
    case .prefix(let text, let count): return dialect.prefix(try operand(text), count)
    case .percent(let value, let percent):
      let value = try operand(value)
      let percent = try operand(percent)
      let product = dialect.checked("(\(value) * \(percent))")
      return "CASE WHEN \(value) >= 0 AND \(percent) >= 0 THEN \(dialect.quotient("(" + product + ")", "100")) END"

    case .compare(let comparison, let a, let b):
      return "\(try operand(a)) \(comparison.rawValue) \(try operand(b))"
    case .isSame(let a, let b): return dialect.isSame(try operand(a), try operand(b))
    case .isNull(let value): return "\(try operand(value)) IS NULL"
    case .isTrue(let condition): return dialect.isTrue(try sql(condition))
    case .inList(let value, let list):
      return "\(try operand(value)) IN (\(try list.map(sql).joined(separator: ", ")))"
    case .startsWith(let text, let prefixes):
      let text = try sql(text)
      return "(" + prefixes.map { dialect.startsWith(text, $0) }.joined(separator: " OR ") + ")"
    case .and(let list): return try connected(list, "AND", empty: "TRUE")
    case .or(let list): return try connected(list, "OR", empty: "FALSE")
    case .not(let condition): return "NOT \(try operand(condition))"

    case .found(let lookup):
      try reach(0)
      return "CASE WHEN r.\(name(lookup, "unknown")) = 0 THEN r.\(name(lookup, "row")) IS NOT NULL END"
    case .setContains(let lookup, let column, let value):
      let value = try operand(value)
      return try overGroup(lookup) { rows in
        "CASE WHEN r.\(name(lookup, "unknown")) = 0 AND \(value) IS NOT NULL"
          + " THEN EXISTS (SELECT 1 FROM \(rows) AND g.\(column) = \(value)) END"
      }
    case .setLeast(let lookup, let value): return try extreme("min", lookup, value)
    case .setGreatest(let lookup, let value): return try extreme("max", lookup, value)

    case .children(let aggregate): return try children(aggregate)

    case .allHits(let condition): return try hits("min(\(dialect.isTrue(sqlOfHit(condition))))")
    case .anyHit(let condition): return try hits("max(\(dialect.isTrue(sqlOfHit(condition))))")
    case .countHits: return try hits("count(*)")
    case .leastOfHits(let value): return try hits("min(\(sqlOfHit(value)))")
    case .greatestOfHits(let value): return try hits("max(\(sqlOfHit(value)))")
    case .sumOfHits(let value): return try hits(dialect.sum(sqlOfHit(value)))
    case .atGreatestOfHits(let value, let by):
      let by = try sqlOfHit(by)
      let text = "CASE WHEN (\(by)) IS NOT NULL THEN \(try sqlOfHit(value)) END"
      let window =
        "first_value(\(text)) OVER (PARTITION BY \(dialect.caseOf("r"))r.key ORDER BY \(dialect.descending("(\(by))")), r.hit)"
      let place = hitWindows.firstIndex(of: window) ?? hitWindows.count
      if place == hitWindows.count { hitWindows.append(window) }
      // The same on every hit of the finding.
      return try hits("max(r.at_\(place + 1))")
    }
  }

  /// The SQL, in brackets unless it is a single word or call.
  func operand(_ expr: Expr) throws -> String {
    let text = try sql(expr)
    switch expr {
    case .claim, .registry, .integer, .text, .day, .boolean, .coalesce, .dayOf, .isSame, .startsWith, .formed, .fact,
      .prefix:
      return text
    case .least(let list), .greatest(let list): return list.count == 1 ? "(\(text))" : text
    case .parameter, .add, .subtract, .multiply, .number, .compare, .isNull, .isTrue, .inList, .and, .or, .not,
      .found, .setContains, .setLeast, .setGreatest, .children, .allHits, .anyHit, .countHits, .leastOfHits,
      .greatestOfHits, .sumOfHits, .percent, .atGreatestOfHits:
      return "(\(text))"
    }
  }

  private func name(_ lookup: String, _ part: String) -> String { dialect.quoted(lookup + "." + part) }

  /// The row in the FROM clause that stands for a binding.
  private func alias(of binding: String) -> String {
    bound[binding].map { dialect.quoted($0.alias) } ?? "r"
  }

  /// Stops at a row of the query around the query around the subquery being written, where the engine can't see it.
  private func reach(_ depthOfRow: Int) throws {
    if !dialect.reachesOutward, depth - depthOfRow > 1 {
      throw diagnostic("\(dialect.name) can't see a row of the outer query from a subquery in a subquery")
    }
  }

  private func claim(_ binding: String, _ path: [Entity], _ column: String) throws -> String {
    try reach(bound[binding] == nil ? 0 : depths[binding] ?? 0)
    if let source = bound[binding] { return source.column(path, column) }
    guard entities[binding] != nil else { throw diagnostic("no row is bound to `\(binding)`") }
    if stage == .formed, let formed = rule.shape.formed {
      guard case .runs = formed.kind else { throw diagnostic("`\(binding)` is many rows beside `\(formed.name)`") }
    }
    let wanted = Column(binding: binding, path: path, column: column)
    if let issue = rule.atIssue, binding == issue.binding, rule.shape.bindings.count == 2 {
      let a = try claim(rule.shape.bindings[0].name, path, column)
      let b = try claim(rule.shape.bindings[1].name, path, column)
      return "CASE WHEN r.first_is_at_issue THEN \(a) ELSE \(b) END"
    }
    if seen.insert(wanted).inserted { demanded.append(wanted) }
    return "r.\(dialect.quoted(wanted.name))"
  }

  /// The order of `AtIssue` as a condition that puts the first row before the second.
  func firstIsAtIssue() throws -> String? {
    guard let issue = rule.atIssue, rule.shape.bindings.count == 2 else { return nil }
    var text = "TRUE"
    for order in issue.order.reversed() {
      let a = try claim(rule.shape.bindings[0].name, [], order.column)
      let b = try claim(rule.shape.bindings[1].name, [], order.column)
      // A null stands last, whatever the direction.
      text = """
        CASE WHEN \(dialect.isSame(a, b)) THEN \(text) WHEN \(a) IS NULL THEN FALSE WHEN \(b) IS NULL THEN TRUE
            ELSE \(a) \(order.descending ? ">" : "<") \(b) END
        """
    }
    return text
  }

  private func registry(_ lookup: String, _ column: String) -> String {
    if groupRows == lookup { return "g.\(column)" }
    if !(demandedRegistry[lookup]?.contains(column) ?? false) { demandedRegistry[lookup, default: []].append(column) }
    return "r.\(name(lookup, column))"
  }

  /// Dated values of a parameter on the row's day; the value itself where there is but one.
  private func parameter(_ name: String) throws -> String {
    guard let parameter = rule.parameters.first(where: { $0.name == name }), let first = parameter.values.first else {
      throw diagnostic("no parameter `\(name)`")
    }
    let comment = " /* \(name.filter { $0.isLetter || $0.isNumber || $0 == "_" }) */"
    guard let last = parameter.values.last, parameter.values.count > 1 else { return number(first.value) + comment }
    var dated = rule.parameterDay
    if stage == .formed {
      dated = rule.formedParameterDay
      // With runs the base row is at hand, and its day holds where none is named.
      if dated == nil, case .runs? = rule.shape.formed?.kind { dated = rule.parameterDay }
    }
    guard let day = dated else {
      return number(last.value) + comment
    }
    let dayText = try parameterDay(day)
    var text = "CASE WHEN \(dayText) IS NULL THEN NULL"
    for value in parameter.values.dropFirst().reversed() {
      guard let from = value.from else { continue }
      text += " WHEN \(dayText) >= \(from) THEN \(number(value.value))"
    }
    return text + " ELSE \(number(first.value)) END" + comment
  }

  /// A subquery, which the engine can't see within another one about the same row: the row has it as a column instead.
  func mustBeColumn(_ text: String) -> Bool { !dialect.reachesOutward && text.contains("(SELECT ") }

  /// The day by which a parameter is chosen; a column of the row where `mustBeColumn` says so.
  private func parameterDay(_ day: Expr) throws -> String {
    guard !dialect.reachesOutward, stage == .base, rule.shape.formed == nil, day.lookupNames.isEmpty,
      rule.shape.bindings.allSatisfy({ bound[$0.name] == nil })
    else { return try operand(day) }
    // As written for the row itself, wherever it is asked for.
    let before = (depth, bound, groupRows, isAdding)
    (depth, bound, groupRows, isAdding) = (0, [:], nil, false)
    let text = Result { try operand(day) }
    (depth, bound, groupRows, isAdding) = before
    try reach(0)
    let dayText = try text.get()
    if !mustBeColumn(dayText) { return dayText }
    parameterDaySQL = dayText
    return "r.\(dialect.quoted(Self.parameterDayColumn))"
  }

  private func arithmetic(_ sign: String, _ a: Expr, _ b: Expr) throws -> String {
    let before = isAdding
    isAdding = true
    defer { isAdding = before }
    let text = "\(try operand(a)) \(sign) \(try operand(b))"
    return bound(.add(a, b), sign) == nil ? "(\(dialect.checked("(" + text + ")")))" : text
  }

  /// A number of the rule; beside others of 64 bits where it is added or multiplied, so that no engine takes the sum
  /// of two small ones for 32 bits.
  private func number(_ value: Int64) -> String { isAdding ? dialect.wide(value) : String(value) }

  /// An upper bound of the magnitude of a sum or product of small numbers; nil if it may leave 64 bits.
  private func bound(_ expr: Expr, _ sign: String = "+") -> Int64? {
    func small(_ expr: Expr) -> Int64? {
      switch expr {
      case .integer(let v), .day(let v): return v.magnitude < 1 << 40 ? Int64(v.magnitude) : nil
      case .dayOf: return 1 << 23
      case .claim(_, _, let column, let kind):
        if kind == .day || column == "nights" || column == "los" { return 1 << 23 }
        return kind == .time ? 1 << 39 : nil
      case .registry(_, _, let kind): return kind == .day ? 1 << 23 : nil
      case .least(let list), .greatest(let list), .coalesce(let list):
        var most: Int64 = 0
        for part in list {
          guard let m = small(part) else { return nil }
          most = max(most, m)
        }
        return most
      case .countHits: return 1 << 40
      case .add(let a, let b), .subtract(let a, let b):
        guard let x = small(a), let y = small(b), x + y < 1 << 41 else { return nil }
        return x + y
      case .multiply(let a, let b):
        guard let x = small(a), let y = small(b), x < 1 << 20, y < 1 << 20 else { return nil }
        return x * y
      case .text, .boolean, .parameter, .number, .compare, .isSame, .isNull, .isTrue, .inList, .startsWith, .and,
        .or, .not, .found, .setContains, .setLeast, .setGreatest, .children, .allHits, .anyHit, .leastOfHits,
        .greatestOfHits, .sumOfHits, .fact, .prefix, .percent, .atGreatestOfHits:
        return nil
      case .formed(_, let kind): return kind == .day ? 1 << 23 : nil
      }
    }
    guard case .add(let a, let b) = expr, let x = small(a), let y = small(b) else { return nil }
    if sign == "*" { return x < 1 << 30 && y < 1 << 30 ? x * y : nil }
    return x + y
  }

  private func connected(_ list: [Expr], _ word: String, empty: String) throws -> String {
    if list.isEmpty { return empty }
    return try list.map { part -> String in
      let text = try sql(part)
      if case .and = part { return "(\(text))" }
      if case .or = part { return "(\(text))" }
      return text
    }.joined(separator: " \(word) ")
  }

  // MARK: formed rows and populations

  /// Whether an expression is asked of formed rows.
  func isFormed(_ expr: Expr) -> Bool { expr.readsFormed(lookups: formedLookups) }

  private func formed(_ column: String) throws -> String {
    guard let formed = rule.shape.formed, formed.columns.contains(where: { $0.name == column }), stage == .formed else {
      throw diagnostic("no formed row has `\(column)` here")
    }
    return "r.\(dialect.quoted(formed.name + "." + column))"
  }

  private func fact(_ name: String, _ value: String, _ kind: ValueKind) throws -> String {
    guard let population = rule.populations.first(where: { $0.name == name }) else {
      throw diagnostic("no population `\(name)`")
    }
    switch populations {
    case .store:
      let same = try population.match.enumerated().map { "p.match_\($0.offset + 1) = \(try operand($0.element.b))" }
      let all = (dialect.caseColumn.map { ["p.\($0) = r.\($0)"] } ?? []) + same
      return "(SELECT max(p.\(dialect.quoted(value))) FROM \(dialect.quoted(rule.id + " population " + name)) p"
        + (all.isEmpty ? ")" : " WHERE \(all.joined(separator: " AND ")))")
    case .context:
      var key = dialect.literal("\(rule.id).\(name).\(value)|")
      for (place, match) in population.match.enumerated() {
        key += (place == 0 ? " || " : " || '|' || ") + (try text(match.b))
      }
      let number = kind == .text ? "c.value" : "CAST(c.value AS INTEGER)"
      return "(SELECT max(\(number)) FROM context c WHERE c.what = 'population' AND c.key = \(key))"
    }
  }

  /// A value as it is printed in keys, null for null: days and times as dates, amounts as plain decimals.
  func text(_ expr: Expr) throws -> String {
    let text = try operand(expr)
    switch expr.kind(in: rule) {
    case .text, nil: return text
    case .integer: return dialect.decimal(text)
    case .day: return dialect.dayText(text)
    case .time: return dialect.timeText(text)
    case .money, .quantity, .price, .ratio:
      let scale = expr.kind(in: rule)?.scale ?? 0
      let unit = "1" + String(repeating: "0", count: scale)
      let whole = dialect.decimal("(\(dialect.quotient("abs(\(text))", unit)))")
      let fraction = dialect.padded("(abs(\(text)) % \(unit))", scale)
      return "(CASE WHEN \(text) < 0 THEN '-' ELSE '' END || \(whole) || '.' || \(fraction))"
    }
  }

  // MARK: rows that belong to a row

  private func children(_ aggregate: ChildAggregate) throws -> String {
    let parent = try entity(at: aggregate.binding, aggregate.path)
    let key = ClaimSource.key(of: parent)
    let owner = try claim(aggregate.binding, aggregate.path, key)
    let source = ClaimSource(child: aggregate.variable, entity: aggregate.of, dialect: dialect)
    let sameCase = dialect.sameCase(dialect.quoted(source.alias), alias(of: aggregate.binding))
    depth += 1
    let outside = depths
    defer {
      depth -= 1
      depths = outside
    }
    depths[aggregate.variable] = depth
    var sources = [aggregate.variable: source]
    if !dialect.comparesOutward, aggregate.path.isEmpty, bound[aggregate.binding] != nil {
      // The row that the children belong to, once more: it is the only one of its key.
      sources[aggregate.binding] = ClaimSource(parent, of: source)
      depths[aggregate.binding] = depth
    }
    return try with(sources) {
      let previous = childEntities.updateValue(aggregate.of, forKey: aggregate.variable)
      defer { childEntities[aggregate.variable] = previous }
      let condition = try sql(aggregate.condition)
      let value = try aggregate.value.map(sql)
      let own = source.column(childOf: parent)
      let rows = "FROM \(source.from) WHERE \(own) = \(owner)\(sameCase) AND \(dialect.isTrue(condition))"
      switch aggregate.function {
      case .exists: return "EXISTS (SELECT 1 \(rows))"
      case .count: return "(SELECT count(*) \(rows))"
      case .countDistinct: return "(SELECT count(DISTINCT \(value ?? "NULL")) \(rows))"
      case .sum: return "(SELECT \(dialect.sum(value ?? "NULL")) \(rows))"
      case .least: return "(SELECT min(\(value ?? "NULL")) \(rows))"
      case .greatest: return "(SELECT max(\(value ?? "NULL")) \(rows))"
      }
    }
  }

  private var childEntities: [String: Entity] = [:]

  /// Writes with one more row bound, to which other rows may belong.
  func with<R>(_ source: ClaimSource, as binding: String, _ body: () throws -> R) throws -> R {
    try with([binding: source]) {
      let previous = childEntities.updateValue(source.entity, forKey: binding)
      defer { childEntities[binding] = previous }
      return try body()
    }
  }

  private func entity(at binding: String, _ path: [Entity]) throws -> Entity {
    if let last = path.last { return last }
    guard let entity = childEntities[binding] ?? entities[binding] else {
      throw diagnostic("no row is bound to `\(binding)`")
    }
    return entity
  }

  // MARK: sets of registry rows

  private func extreme(_ function: String, _ lookup: String, _ value: Expr) throws -> String {
    let before = groupRows
    groupRows = lookup
    depth += 1
    let value = try sql(value)
    depth -= 1
    groupRows = before
    return try overGroup(lookup) { "(SELECT \(function)(\(value)) FROM \($0))" }
  }

  /// `table g WHERE …`: the rows of the group that the wide row stands for.
  private func overGroup(_ lookup: String, _ body: (String) throws -> String) throws -> String {
    guard let found = rule.lookups.first(where: { $0.name == lookup }) else {
      throw diagnostic("no lookup `\(lookup)`")
    }
    depth += 1
    defer { depth -= 1 }
    return try body(try LookupLowering(found, self).groupRows())
  }

  // MARK: hits of a finding

  private func sqlOfHit(_ expr: Expr) throws -> String {
    let before = hitAggregates
    hitAggregates = nil
    defer { hitAggregates = before }
    return try sql(expr)
  }

  private func hits(_ aggregate: String) throws -> String {
    guard var list = hitAggregates else { throw diagnostic("hits can be counted only in cases, measure, from and to") }
    let place: Int
    if let found = list.firstIndex(of: aggregate) {
      place = found
    } else {
      place = list.count
      list.append(aggregate)
      hitAggregates = list
    }
    return "g.hits_\(place + 1)"
  }
}
