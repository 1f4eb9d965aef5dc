import ClaimModel

/// The type of an expression.
enum ExprType: Equatable {
  case text
  case number(ValueKind)
  case day
  case time
  case boolean
  /// A number literal that has not yet met the other side; it is scaled to that one's kind.
  case literal(String)
  /// An error was reported; says nothing more.
  case unknown

  init(_ kind: ValueKind) {
    switch kind {
    case .text: self = .text
    case .day: self = .day
    case .time: self = .time
    case .money, .quantity, .price, .ratio, .integer: self = .number(kind)
    }
  }

  /// The kind of the values; nil for conditions.
  var kind: ValueKind? {
    switch self {
    case .text: .text
    case .number(let kind): kind
    case .day: .day
    case .time: .time
    case .literal: .integer
    case .boolean, .unknown: nil
    }
  }

  var described: String {
    switch self {
    case .text: "text"
    case .number(.money): "money (yuan)"
    case .number(.quantity): "a quantity"
    case .number(.price): "a unit price"
    case .number(.ratio): "a ratio"
    case .number: "a whole number"
    case .day: "a day"
    case .time: "a time"
    case .boolean: "a condition"
    case .literal: "a number"
    case .unknown: "unknown"
    }
  }
}

struct Typed {
  var expr: Expr
  var type: ExprType
  static let unknown = Typed(expr: .boolean(false), type: .unknown)
}

/// Names that some expression used, for remarks on those that none did.
final class UsedNames {
  var lookups: Set<String> = []
  var lets: Set<String> = []
  var parameters: Set<String> = []
  var populations: Set<String> = []
}

/// What the names of an expression mean where it stands.
struct NameScope {
  let used = UsedNames()
  struct Binding {
    var name: String
    var entity: Entity
  }
  struct LookupName {
    var schema: RegistrySchema
    var take: Lookup.Take
  }
  var bindings: [Binding] = []
  /// In order of declaration.
  var lookups: [(name: String, value: LookupName)] = []
  var lets: [(name: String, value: Typed)] = []
  var parameters: [(name: String, kind: ValueKind)] = []
  /// The formed row and its columns, once the shape was read.
  var formed: (name: String, columns: [(name: String, kind: ValueKind)])?
  /// Population facts, with the kinds of their values.
  var populations: [(name: String, values: [(name: String, kind: ValueKind)])] = []
  /// Names that exist but not here, with the reason.
  var elsewhere: [String: String] = [:]
  /// Aggregates over the hits of one key may stand here.
  var overHits = false
  /// Under `fill`: `COUNT(l IN stay.lines: l.x)` stands for the column x of the rows that belong to the row.
  var isFill = false
  /// Inside `alias.MIN(…)`: the alias.
  var group: String?

  func entity(_ name: String) -> Entity? { bindings.last { $0.name == name }?.entity }
  func lookup(_ name: String) -> LookupName? {
    guard let found = lookups.last(where: { $0.name == name }) else { return nil }
    used.lookups.insert(name)
    return found.value
  }
}

/// Turns syntax into typed IR. Every problem is reported once, with its place; what stands around a problem is not
/// complained about again.
struct TypeChecker {
  var scope: NameScope
  let scalar: YamlScalar
  let problems: Problems

  func condition(_ syntax: Syntax) -> Expr {
    let typed = check(syntax)
    switch typed.type {
    case .boolean, .unknown: break
    default:
      problems.error(
        "rule.type", "a condition is needed here, this is \(typed.type.described)", scalar, syntax.range,
        remedy: "compare it: … = …, or … IS NOT NULL")
    }
    return typed.expr
  }

  /// A value: text, number, day or time; number literals without a partner are whole numbers.
  func value(_ syntax: Syntax, expected: ValueKind? = nil) -> Typed {
    var typed = check(syntax)
    if typed.type == .boolean {
      problems.error("rule.type", "a value is needed here, this is a condition", scalar, syntax.range)
      return .unknown
    }
    if case .literal = typed.type { typed = scaled(typed, to: .number(expected ?? .integer), syntax) }
    if let expected, typed.type != .unknown, typed.type != ExprType(expected) {
      problems.error(
        "rule.type", "\(ExprType(expected).described) is needed here, this is \(typed.type.described)", scalar,
        syntax.range)
      return .unknown
    }
    return typed
  }

  /// A condition or a value; a number literal stays one until it meets its other side.
  func any(_ syntax: Syntax) -> Typed { check(syntax) }

  // MARK: - Nodes

  private func check(_ syntax: Syntax) -> Typed {
    switch syntax.kind {
    case .name(let words): return name(words, syntax.range)
    case .parameter(let name): return parameter(name, syntax.range)
    case .number(let text): return Typed(expr: .integer(0), type: .literal(text))
    case .text(let text):
      if text.isEmpty {
        problems.error(
          "rule.empty-text", "no value is the empty text: an empty field is null", scalar, syntax.range,
          remedy: "write IS NULL or IS NOT NULL")
        return Typed(expr: .text(""), type: .text)
      }
      if text.first == " " || text.last == " " {
        problems.error(
          "rule.blanks", "values are trimmed: a text that begins or ends with a blank is never found", scalar,
          syntax.range)
      }
      return Typed(expr: .text(text), type: .text)
    case .date(let text):
      guard text.utf8.count == 10, let day = CivilTime.parseDay(text) else {
        problems.error(
          "rule.date", "'\(text)' is no calendar day", scalar, syntax.range, remedy: "write DATE 'yyyy-MM-dd'")
        return Typed(expr: .day(0), type: .day)
      }
      return Typed(expr: .day(day), type: .day)
    case .boolean(let value): return Typed(expr: .boolean(value), type: .boolean)
    case .call(let function, let arguments): return call(function, arguments, syntax)
    case .children(let function, let variable, let path, let condition, let value):
      return children(function, variable, path, condition, value, syntax)
    case .hits(let function, let argument): return hits(function, argument, syntax)
    case .ofGroup(let alias, let function, let argument): return ofGroup(alias, function, argument)
    case .arithmetic(let symbol, let left, let right): return arithmetic(symbol, left, right, syntax)
    case .compare(let symbol, let left, let right): return compare(symbol, left, right, syntax)
    case .isSame(let left, let right, let negated):
      let (a, b) = unified(left, right, verb: "compared with")
      return truth(.isSame(a.expr, b.expr), negated)
    case .isNull(let inner, let negated):
      let typed = check(inner)
      if case .literal = typed.type {
        problems.error("rule.constant", "a literal is never null", scalar, syntax.range)
      }
      return truth(.isNull(typed.expr), negated)
    case .isBoolean(let inner, let wanted, let negated):
      let expr = condition(inner)
      return truth(.isTrue(wanted ? expr : .not(expr)), negated)
    case .isFound(let inner, let found, let negated): return isFound(inner, found != negated)
    case .inList(let inner, let list, let negated): return inList(inner, list, negated)
    case .startsWith(let inner, let prefixes, let negated):
      let typed = check(inner)
      expect(.text, typed, inner, "STARTS WITH looks at text")
      for prefix in prefixes where prefix.text.isEmpty {
        problems.error("rule.empty-text", "every text begins with the empty text", scalar, prefix.range)
      }
      return truth(.startsWith(typed.expr, prefixes.map(\.text)), negated)
    case .between(let inner, let low, let high, let negated):
      let a = compare(">=", inner, low, syntax)
      let b = compare("<=", inner, high, syntax)
      return truth(.and([a.expr, b.expr]), negated)
    case .contains(let inner, let column, let value): return contains(inner, column, value)
    case .and(let parts):
      let conditions = parts.map(condition)
      reportImpossible(conditions, parts)
      return Typed(expr: .and(conditions), type: .boolean)
    case .or(let parts): return Typed(expr: .or(parts.map(condition)), type: .boolean)
    case .not(let inner): return Typed(expr: .not(condition(inner)), type: .boolean)
    }
  }

  private func truth(_ expr: Expr, _ negated: Bool) -> Typed {
    Typed(expr: negated ? .not(expr) : expr, type: .boolean)
  }

  private func expect(_ type: ExprType, _ typed: Typed, _ syntax: Syntax, _ why: String) {
    if typed.type != type, typed.type != .unknown {
      problems.error(
        "rule.type", "\(why); this is \(typed.type.described)", scalar, syntax.range)
    }
  }

  // MARK: - Names

  private func name(_ words: [Word], _ range: Range<Int>) -> Typed {
    let first = words[0]
    if words.count == 1 {
      if let found = scope.lets.last(where: { $0.name == first.text }) {
        scope.used.lets.insert(first.text)
        return found.value
      }
      if let group = scope.group, let lookup = scope.lookup(group) {
        return column(of: group, lookup.schema, first, range)
      }
      if let why = scope.elsewhere[first.text] {
        problems.error("rule.name", why, scalar, range)
        return .unknown
      }
      if let entity = scope.entity(first.text) {
        problems.error(
          "rule.name", "\(first.text) is a row of \(entity.rawValue); a column of it is needed", scalar, range,
          remedy: "write \(first.text).column")
        return .unknown
      }
      if scope.lookup(first.text) != nil {
        problems.error(
          "rule.name", "\(first.text) is a lookup; a column of it is needed", scalar, range,
          remedy: "write \(first.text).column, \(first.text) IS FOUND or \(first.text) IS MISSING")
        return .unknown
      }
      let owner = scope.bindings.first { $0.entity.kind(of: first.text) != nil }
      problems.error(
        "rule.name", "nothing here is named \(first.text)", scalar, range,
        remedy: owner.map { "did you mean \($0.name).\(first.text)?" }
          ?? remedy(for: first.text, among: scope.lets.map(\.name) + scope.bindings.map(\.name)))
      return .unknown
    }
    if let lookup = scope.lookup(first.text), words.count == 2 {
      let column = words[1]
      switch lookup.take {
      case .one: break
      case .any:
        problems.error(
          "rule.lookup", "\(first.text) only says whether there is a row (take: any); it has no columns", scalar, range,
          remedy: "take: one, or \(first.text) IS FOUND")
        return .unknown
      case .groups(let by):
        if column.text != by {
          problems.error(
            "rule.lookup", "\(first.text) is a group of rows by \(by); \(column.text) has many values", scalar,
            column.range, remedy: "write \(first.text).MIN(\(column.text)) or \(first.text) CONTAINS \(column.text) = …"
          )
          return .unknown
        }
      }
      return self.column(of: first.text, lookup.schema, column, column.range)
    }
    if let formed = scope.formed, formed.name == first.text, words.count == 2 {
      let column = words[1]
      guard let found = formed.columns.first(where: { $0.name == column.text }) else {
        problems.error(
          "rule.column", "\(formed.name) has no column \(column.text)", scalar, column.range,
          remedy: remedy(for: column.text, among: formed.columns.map(\.name)))
        return .unknown
      }
      return Typed(expr: .formed(column: found.name, kind: found.kind), type: ExprType(found.kind))
    }
    if let population = scope.populations.first(where: { $0.name == first.text }), words.count == 2 {
      scope.used.populations.insert(first.text)
      guard let found = population.values.first(where: { $0.name == words[1].text }) else {
        problems.error(
          "rule.column", "population \(first.text) has no value \(words[1].text)", scalar, words[1].range,
          remedy: remedy(for: words[1].text, among: population.values.map(\.name)))
        return .unknown
      }
      return Typed(
        expr: .fact(population: first.text, value: found.name, kind: found.kind), type: ExprType(found.kind))
    }
    guard let start = scope.entity(first.text) else {
      if let why = scope.elsewhere[first.text] {
        problems.error("rule.name", why, scalar, first.range)
      } else {
        let names =
          scope.bindings.map(\.name) + scope.lookups.map(\.name) + scope.populations.map(\.name)
          + [scope.formed?.name].compactMap { $0 }
        problems.error(
          "rule.name", "nothing here is named \(first.text)", scalar, first.range,
          remedy: remedy(for: first.text, among: names))
      }
      return .unknown
    }
    var entity = start
    var path: [Entity] = []
    for word in words[1..<words.count - 1] {
      guard let parent = Entity(rawValue: word.text), entity.parents.contains(parent) else {
        problems.error(
          "rule.parent", "a \(entity.rawValue) belongs to no \(word.text)", scalar, word.range,
          remedy: remedy(for: word.text, among: entity.parents.map(\.rawValue)))
        return .unknown
      }
      path.append(parent)
      entity = parent
    }
    let column = words[words.count - 1]
    guard let kind = entity.kind(of: column.text) else {
      let columns = entity.derived.map(\.name) + entity.nationalColumns.map(\.name)
      let parent = entity.parents.first { $0.kind(of: column.text) != nil }
      let prefix = words.dropLast().map(\.text).joined(separator: ".")
      problems.error(
        "rule.column", "\(entity.rawValue) (\(entity.table.name)) has no column \(column.text)", scalar, column.range,
        remedy: nearest(column.text, among: columns).map { "did you mean \($0)?" }
          ?? parent.map { "did you mean \(prefix).\($0.rawValue).\(column.text)?" })
      return .unknown
    }
    return Typed(
      expr: .claim(binding: first.text, path: path, column: column.text, kind: kind), type: ExprType(kind))
  }

  private func column(of alias: String, _ schema: RegistrySchema, _ word: Word, _ range: Range<Int>) -> Typed {
    guard let kind = schema.kind(of: word.text) else {
      problems.error(
        "rule.column", "\(schema.name) has no column \(word.text)", scalar, range,
        remedy: remedy(for: word.text, among: schema.columns.map(\.name)))
      return .unknown
    }
    return Typed(expr: .registry(lookup: alias, column: word.text, kind: kind), type: ExprType(kind))
  }

  private func parameter(_ name: String, _ range: Range<Int>) -> Typed {
    guard let found = scope.parameters.first(where: { $0.name == name }) else {
      problems.error(
        "rule.parameter", "there is no parameter \(name)", scalar, range,
        remedy: scope.parameters.isEmpty
          ? "declare it under parameters" : remedy(for: name, among: scope.parameters.map(\.name)))
      return .unknown
    }
    scope.used.parameters.insert(name)
    return Typed(expr: .parameter(name), type: ExprType(found.kind))
  }

  // MARK: - Numbers and days

  /// A literal in the kind of the other side, exactly.
  private func scaled(_ typed: Typed, to target: ExprType, _ syntax: Syntax) -> Typed {
    guard case .literal(let text) = typed.type else { return typed }
    switch target {
    case .number(let kind):
      if let value = FixedPoint.parse(text, scale: kind.scale ?? 0) {
        return Typed(expr: .integer(value), type: target)
      }
      problems.error(
        "rule.literal", "\(text) is not \(target.described) with at most \(kind.scale ?? 0) decimals", scalar,
        syntax.range)
    case .day, .time:
      problems.error(
        "rule.type", "\(target.described) can't be compared with the number \(text)", scalar, syntax.range,
        remedy: "write DATE 'yyyy-MM-dd'")
    case .text:
      problems.error(
        "rule.type", "text can't be compared with the number \(text)", scalar, syntax.range,
        remedy: "codes are text: write '\(text)'")
    case .boolean:
      problems.error("rule.type", "a condition can't be compared with a number", scalar, syntax.range)
    case .literal, .unknown: break
    }
    return .unknown
  }

  /// Both sides in one type, or an error.
  private func unified(_ left: Syntax, _ right: Syntax, verb: String) -> (Typed, Typed) {
    var a = check(left)
    var b = check(right)
    if case .literal = a.type, case .literal = b.type {
      a = scaled(a, to: .number(.integer), left)
      b = scaled(b, to: .number(.integer), right)
    } else if case .literal = a.type {
      a = scaled(a, to: b.type, left)
    } else if case .literal = b.type {
      b = scaled(b, to: a.type, right)
    }
    if a.type == .unknown || b.type == .unknown || a.type == b.type {
      if a.type == .boolean, b.type == .boolean {
        problems.error(
          "rule.type", "conditions are not compared", scalar, right.range, remedy: "use AND, OR, NOT, IS TRUE")
      }
      return (a, b)
    }
    let range = left.range.lowerBound..<right.range.upperBound
    var hint: String?
    switch (a.type, b.type) {
    case (.time, .day): hint = "write DATE(…) around the time"
    case (.day, .time): hint = "write DATE(…) around the time"
    case (.day, .text), (.time, .text):
      if case .text(let text) = right.kind { hint = "write DATE '\(text)'" }
    case (.text, .number), (.number, .text):
      hint = "write NUMBER(…) around the text"
      // A number in quotes where a number is wanted.
      for side in [left, right] {
        if case .text(let text) = side.kind, FixedPoint.parse(text, scale: 6) != nil {
          hint = "drop the quotes: \(text)"
        }
      }
    default: break
    }
    problems.error(
      "rule.type", "\(a.type.described) can't be \(verb) \(b.type.described)", scalar, range, remedy: hint)
    return (.unknown, .unknown)
  }

  private func compare(_ symbol: String, _ left: Syntax, _ right: Syntax, _ syntax: Syntax) -> Typed {
    let (a, b) = unified(left, right, verb: "compared with")
    if a.type != .unknown, b.type != .unknown, a.expr == b.expr {
      problems.error(
        "rule.constant", "both sides are the same: the comparison says nothing", scalar, syntax.range)
    } else if let threshold = [(a, left), (b, right)].first(where: { isThreshold($0.0) && $0.1.isPlain }) {
      problems.warning(
        "rule.threshold", "a number that decides stands here without a basis", scalar, threshold.1.range,
        remedy: "put it under parameters with its basis, and write $name")
    } else if isLiteral(a.expr), isLiteral(b.expr), a.type != .unknown, b.type != .unknown {
      problems.error("rule.constant", "both sides are literals: the comparison says nothing", scalar, syntax.range)
    }
    let comparison = Comparison(rawValue: symbol) ?? .equal
    return Typed(expr: .compare(comparison, a.expr, b.expr), type: .boolean)
  }

  /// A number other than 0 and 1 decides something, and somebody must answer for it.
  private func isThreshold(_ typed: Typed) -> Bool {
    if case .integer(let value) = typed.expr, typed.type != .unknown { return value != 0 && value != 1 }
    return false
  }

  private func isLiteral(_ expr: Expr) -> Bool {
    switch expr {
    case .integer, .text, .day, .boolean: true
    default: false
    }
  }

  private func arithmetic(_ symbol: String, _ left: Syntax, _ right: Syntax, _ syntax: Syntax) -> Typed {
    var a = check(left)
    var b = check(right)
    if symbol == "*" {
      // One side counts, the other is measured: integer × money is money; money × money means nothing.
      if case .literal = a.type { a = scaled(a, to: .number(.integer), left) }
      if case .literal = b.type { b = scaled(b, to: .number(.integer), right) }
      if a.type == .unknown || b.type == .unknown { return .unknown }
      if case .number(let x) = a.type, case .number(let y) = b.type, x == .integer || y == .integer {
        return Typed(expr: .multiply(a.expr, b.expr), type: .number(x == .integer ? y : x))
      }
      problems.error(
        "rule.type", "\(a.type.described) can't be multiplied by \(b.type.described)", scalar, syntax.range,
        notes: ["one side of * must be a whole number"])
      return .unknown
    }
    let isAdd = symbol == "+"
    if a.type == .day || b.type == .day {
      if case .literal = a.type { a = scaled(a, to: .number(.integer), left) }
      if case .literal = b.type { b = scaled(b, to: .number(.integer), right) }
      switch (a.type, b.type) {
      case (.day, .day) where !isAdd: return Typed(expr: .subtract(a.expr, b.expr), type: .number(.integer))
      case (.day, .number(.integer)):
        return Typed(expr: isAdd ? .add(a.expr, b.expr) : .subtract(a.expr, b.expr), type: .day)
      case (.number(.integer), .day) where isAdd: return Typed(expr: .add(a.expr, b.expr), type: .day)
      case (.unknown, _), (_, .unknown): return .unknown
      default:
        problems.error(
          "rule.type", "\(a.type.described) \(symbol) \(b.type.described) means nothing", scalar, syntax.range,
          notes: ["day - day is a number of days; day + days and day - days are days"],
          remedy: a.type == .time || b.type == .time ? "write DATE(…) around the time" : nil)
        return .unknown
      }
    }
    (a, b) = unified(left, right, verb: isAdd ? "added to" : "subtracted with")
    if a.type == .unknown || b.type == .unknown { return .unknown }
    guard case .number = a.type else {
      problems.error(
        "rule.type", "\(a.type.described) can't be calculated with", scalar, syntax.range,
        remedy: a.type == .text ? "write NUMBER(…) around the text" : a.type == .time ? "write DATE(…)" : nil)
      return .unknown
    }
    return Typed(expr: isAdd ? .add(a.expr, b.expr) : .subtract(a.expr, b.expr), type: a.type)
  }

  private func call(_ function: String, _ arguments: [Syntax], _ syntax: Syntax) -> Typed {
    if function == "DATE" || function == "NUMBER" {
      guard arguments.count == 1 else {
        problems.error("rule.arguments", "\(function) takes one value", scalar, syntax.range)
        return .unknown
      }
      let typed = check(arguments[0])
      if function == "DATE" {
        if typed.type == .day {
          problems.error(
            "rule.type", "this is a day already", scalar, syntax.range, remedy: "drop DATE( )")
        } else {
          expect(.time, typed, arguments[0], "DATE takes the day of a time")
        }
        return Typed(expr: .dayOf(typed.expr), type: .day)
      }
      expect(.text, typed, arguments[0], "NUMBER reads a text of digits")
      return Typed(expr: .number(typed.expr), type: .number(.integer))
    }
    if ["PREFIX", "PERCENT", "AT_MAX"].contains(function) {
      guard arguments.count == 2 else {
        problems.error("rule.arguments", "\(function) takes two values", scalar, syntax.range)
        return .unknown
      }
      return callOfTwo(function, arguments[0], arguments[1], syntax)
    }
    if arguments.count < 2 {
      problems.error("rule.arguments", "\(function) takes two values or more", scalar, syntax.range)
    }
    let values = same(arguments, in: function)
    guard let type = values.first?.type, !values.contains(where: { $0.type == .unknown }) else { return .unknown }
    let exprs = values.map(\.expr)
    switch function {
    case "COALESCE": return Typed(expr: .coalesce(exprs), type: type)
    case "LEAST", "GREATEST":
      if type == .text || type == .boolean {
        problems.error(
          "rule.type", "\(function) takes numbers and days, this is \(type.described)", scalar, syntax.range)
        return .unknown
      }
      return Typed(expr: function == "LEAST" ? .least(exprs) : .greatest(exprs), type: type)
    default: return .unknown
    }
  }

  private func callOfTwo(_ function: String, _ first: Syntax, _ second: Syntax, _ syntax: Syntax) -> Typed {
    switch function {
    case "PREFIX":
      let typed = check(first)
      expect(.text, typed, first, "PREFIX takes the beginning of a text")
      guard case .number(let digits) = second.kind, let count = Int(digits), count > 0 else {
        problems.error(
          "rule.arguments", "PREFIX takes a text and a number of characters", scalar, second.range,
          remedy: "PREFIX(stay.dx, 3)")
        return .unknown
      }
      return Typed(expr: .prefix(typed.expr, count), type: .text)
    case "PERCENT":
      var typed = check(first)
      if case .literal = typed.type { typed = scaled(typed, to: .number(.integer), first) }
      let percent = value(second, expected: .integer)
      if typed.type == .unknown || percent.type == .unknown { return .unknown }
      guard case .number = typed.type else {
        problems.error("rule.type", "PERCENT can't take \(typed.type.described)", scalar, first.range)
        return .unknown
      }
      return Typed(expr: .percent(typed.expr, of: percent.expr), type: typed.type)
    default:
      guard scope.overHits else {
        problems.error(
          "rule.hits", "AT_MAX over the hits of one key can't stand here", scalar, syntax.range,
          notes: ["it may stand in cases, measure, threshold, from, to and explain"])
        return .unknown
      }
      var inner = self
      inner.scope.overHits = false
      let typed = inner.value(first)
      let by = inner.value(second)
      if typed.type == .unknown || by.type == .unknown { return .unknown }
      if by.type == .text {
        problems.error("rule.type", "text has no greatest value here", scalar, second.range)
        return .unknown
      }
      return Typed(expr: .atGreatestOfHits(typed.expr, by: by.expr), type: typed.type)
    }
  }

  /// An aggregate over the rows that a formed row or a population is made of; nil after an error.
  func formedValue(_ name: String, _ syntax: Syntax) -> FormedValue? {
    guard case .hits(let function, let argument) = syntax.kind, function != "ALL", function != "ANY" else {
      problems.error(
        "rule.value", "\(name) is an aggregate over rows", scalar, syntax.range,
        remedy: "COUNT(*), COUNT(DISTINCT v), SUM(v), MIN(v), MAX(v) or ONLY(v)")
      return nil
    }
    guard let argument else { return FormedValue(name: name, function: .count, value: nil, kind: .integer) }
    let typed = value(argument)
    guard let kind = typed.type.kind else { return nil }
    let isText = typed.type == .text
    let isTimely = typed.type == .day || typed.type == .time
    if (isText && ["SUM", "MIN", "MAX"].contains(function)) || (isTimely && function == "SUM") {
      problems.error("rule.type", "\(function) can't take \(typed.type.described)", scalar, argument.range)
      return nil
    }
    switch function {
    case "COUNT DISTINCT": return FormedValue(name: name, function: .countDistinct, value: typed.expr, kind: .integer)
    case "SUM": return FormedValue(name: name, function: .sum, value: typed.expr, kind: kind)
    case "MIN": return FormedValue(name: name, function: .least, value: typed.expr, kind: kind)
    case "MAX": return FormedValue(name: name, function: .greatest, value: typed.expr, kind: kind)
    default: return FormedValue(name: name, function: .only, value: typed.expr, kind: kind)
    }
  }

  /// All in the type of the first that is no literal.
  private func same(_ list: [Syntax], in place: String) -> [Typed] {
    var values = list.map(check)
    var target = ExprType.number(.integer)
    if let known = values.first(where: { if case .literal = $0.type { false } else { $0.type != .unknown } }) {
      target = known.type
    }
    for (i, syntax) in list.enumerated() {
      if case .literal = values[i].type { values[i] = scaled(values[i], to: target, syntax) }
      if values[i].type != .unknown, values[i].type != target {
        problems.error(
          "rule.type", "\(place) mixes \(target.described) and \(values[i].type.described)", scalar, syntax.range)
        values[i] = .unknown
      }
    }
    return values
  }

  private func inList(_ inner: Syntax, _ list: [Syntax], _ negated: Bool) -> Typed {
    let left = check(inner)
    var exprs: [Expr] = []
    for item in list {
      var typed = check(item)
      if case .literal = typed.type { typed = scaled(typed, to: left.type, item) }
      if typed.type != .unknown, left.type != .unknown, typed.type != left.type {
        problems.error(
          "rule.type", "\(left.type.described) can't be compared with \(typed.type.described)", scalar, item.range)
      }
      if exprs.contains(typed.expr), typed.type != .unknown {
        problems.warning("rule.twice", "this value stands twice in the list", scalar, item.range)
      }
      exprs.append(typed.expr)
    }
    if case .literal = left.type {
      problems.error("rule.constant", "a literal is no column: the list says nothing", scalar, inner.range)
    }
    return truth(.inList(left.expr, exprs), negated)
  }

  // MARK: - Lookups

  private func alias(_ syntax: Syntax) -> (String, NameScope.LookupName)? {
    if case .name(let words) = syntax.kind, words.count == 1 {
      if let lookup = scope.lookup(words[0].text) { return (words[0].text, lookup) }
      if let why = scope.elsewhere[words[0].text] {
        problems.error("rule.name", why, scalar, syntax.range)
        return nil
      }
    }
    problems.error(
      "rule.lookup", "a lookup's name is needed here", scalar, syntax.range,
      remedy: remedy(for: text(of: syntax), among: scope.lookups.map(\.name)) ?? "declare it under lookup")
    return nil
  }

  private func text(of syntax: Syntax) -> String {
    var view = String.UnicodeScalarView()
    let all = Array(scalar.text.unicodeScalars)
    view.append(contentsOf: all[syntax.range.clamped(to: 0..<all.count)])
    return String(view)
  }

  private func isFound(_ inner: Syntax, _ found: Bool) -> Typed {
    guard let (name, _) = alias(inner) else { return Typed(expr: .boolean(false), type: .boolean) }
    return truth(.found(lookup: name), !found)
  }

  private func contains(_ inner: Syntax, _ column: Word, _ value: Syntax) -> Typed {
    let unknown = Typed(expr: .boolean(false), type: .boolean)
    guard let (name, lookup) = alias(inner) else { return unknown }
    guard case .groups = lookup.take else {
      problems.error(
        "rule.lookup", "CONTAINS looks into a group of rows; \(name) is not one", scalar, inner.range,
        remedy: "take: {groups: column}, or compare \(name).\(column.text)")
      return unknown
    }
    let left = self.column(of: name, lookup.schema, column, column.range)
    var right = check(value)
    if case .literal = right.type { right = scaled(right, to: left.type, value) }
    if left.type != .unknown, right.type != .unknown, left.type != right.type {
      problems.error(
        "rule.type", "\(left.type.described) can't be compared with \(right.type.described)", scalar, value.range)
    }
    return Typed(expr: .setContains(lookup: name, column: column.text, right.expr), type: .boolean)
  }

  private func ofGroup(_ word: Word, _ function: String, _ argument: Syntax) -> Typed {
    guard let (name, lookup) = alias(Syntax(kind: .name([word]), range: word.range)) else { return .unknown }
    guard case .groups = lookup.take else {
      problems.error(
        "rule.lookup", "\(function) looks into a group of rows; \(name) is not one", scalar, word.range,
        remedy: "take: {groups: column}, or write \(name).column")
      return .unknown
    }
    var inner = self
    inner.scope.group = name
    inner.scope.overHits = false
    let value = inner.value(argument)
    if value.type == .unknown { return .unknown }
    if value.type == .text {
      problems.error(
        "rule.type", "\(function) takes numbers and days, this is text", scalar, argument.range,
        remedy: "write NUMBER(…) around the text")
      return .unknown
    }
    if value.expr.readsAnything, !value.expr.lookupNames.contains(name) {
      problems.error(
        "rule.value", "the value says nothing of \(name)'s rows: it is one for all of them", scalar, argument.range,
        remedy: "take the value itself")
      return .unknown
    }
    return Typed(
      expr: function == "MIN" ? .setLeast(lookup: name, value.expr) : .setGreatest(lookup: name, value.expr),
      type: value.type)
  }

  // MARK: - Rows

  private static let plurals: [(String, Entity)] = [
    ("lines", .line), ("settlements", .settlement), ("stays", .stay), ("diagnoses", .diagnosis),
  ]

  /// `stay.lines`, `settlement.visit.diagnoses`: binding, path to the owner, entity of the rows.
  func rows(_ words: [Word]) -> (binding: String, path: [Entity], of: Entity)? {
    guard let start = scope.entity(words[0].text) else {
      problems.error(
        "rule.name", scope.elsewhere[words[0].text] ?? "nothing here is named \(words[0].text)", scalar, words[0].range,
        remedy: remedy(for: words[0].text, among: scope.bindings.map(\.name)))
      return nil
    }
    var entity = start
    var path: [Entity] = []
    for word in words[1..<max(1, words.count - 1)] {
      guard let parent = Entity(rawValue: word.text), entity.parents.contains(parent) else {
        problems.error(
          "rule.parent", "a \(entity.rawValue) belongs to no \(word.text)", scalar, word.range,
          remedy: remedy(for: word.text, among: entity.parents.map(\.rawValue)))
        return nil
      }
      path.append(parent)
      entity = parent
    }
    let last = words[words.count - 1]
    let possible = Self.plurals.filter { entity.children.contains($0.1) }
    guard words.count > 1, let found = possible.first(where: { $0.0 == last.text }) else {
      problems.error(
        "rule.children", "a \(entity.rawValue) has no rows \(last.text)", scalar, last.range,
        remedy: remedy(for: last.text, among: possible.map(\.0)))
      return nil
    }
    return (words[0].text, path, found.1)
  }

  private func children(
    _ function: String, _ variable: Word, _ words: [Word], _ condition: Syntax?, _ value: Syntax?, _ syntax: Syntax
  ) -> Typed {
    let failed: Typed = function == "EXISTS" ? Typed(expr: .boolean(false), type: .boolean) : .unknown
    guard let rows = rows(words) else { return failed }
    if scope.entity(variable.text) != nil || scope.lookup(variable.text) != nil {
      problems.error(
        "rule.name", "\(variable.text) names something else already", scalar, variable.range,
        remedy: "take another letter for the row")
      return failed
    }
    var inner = self
    inner.scope.bindings.append(NameScope.Binding(name: variable.text, entity: rows.of))
    inner.scope.overHits = false
    let test = condition.map(inner.condition) ?? .boolean(true)
    let needsValue = ["SUM", "MIN", "MAX", "COUNT DISTINCT"].contains(function)
    if scope.isFill ? function == "COUNT" && value == nil : needsValue != (value != nil) {
      problems.error(
        "rule.arguments", needsValue ? "\(function) needs a value" : "\(function) takes no value", scalar,
        value?.range ?? syntax.range,
        remedy: needsValue ? "write \(function)(l IN rows WHERE condition: l.A)" : "drop what follows the colon")
      return failed
    }
    let typed = value.map { inner.value($0) }
    if let typed {
      if typed.type == .unknown { return failed }
      let isMeasured = !function.hasPrefix("COUNT")
      if isMeasured, typed.type == .text || (function == "SUM" && (typed.type == .day || typed.type == .time)) {
        problems.error(
          "rule.type", "\(function) can't take \(typed.type.described)", scalar, value?.range ?? syntax.range)
        return failed
      }
      if typed.expr.readsAnything, !typed.expr.reads(variable.text) {
        problems.error(
          "rule.value", "the value says nothing of \(variable.text): it is one for all rows", scalar,
          value?.range ?? syntax.range, remedy: "multiply it with COUNT(…), or take it itself")
        return failed
      }
    }
    let kind: ChildAggregate.Function
    let type: ExprType
    switch function {
    case "EXISTS": (kind, type) = (.exists, .boolean)
    case "COUNT": (kind, type) = (.count, .number(.integer))
    case "COUNT DISTINCT": (kind, type) = (.countDistinct, .number(.integer))
    case "SUM": (kind, type) = (.sum, typed?.type ?? .unknown)
    case "MIN": (kind, type) = (.least, typed?.type ?? .unknown)
    default: (kind, type) = (.greatest, typed?.type ?? .unknown)
    }
    return Typed(
      expr: .children(
        ChildAggregate(
          function: kind, variable: variable.text, of: rows.of, binding: rows.binding, path: rows.path,
          condition: test, value: typed?.expr)), type: type)
  }

  private func hits(_ function: String, _ argument: Syntax?, _ syntax: Syntax) -> Typed {
    let isCondition = function == "ALL" || function == "ANY"
    let failed: Typed = isCondition ? Typed(expr: .boolean(false), type: .boolean) : .unknown
    guard scope.overHits else {
      problems.error(
        "rule.hits", "\(function) over the hits of one key can't stand here", scalar, syntax.range,
        notes: ["it may stand in cases, measure, threshold, from, to and explain"],
        remedy: "over rows that belong to a row: \(function)(l IN stay.lines WHERE …)")
      return failed
    }
    guard let argument else { return Typed(expr: .countHits, type: .number(.integer)) }
    if function == "ONLY" || function == "COUNT DISTINCT" {
      problems.error(
        "rule.hits", "\(function) stands only under values", scalar, syntax.range,
        remedy: "group the rows (group, window) and give the value a name there")
      return failed
    }
    var inner = self
    inner.scope.overHits = false
    if isCondition {
      let expr = inner.condition(argument)
      return Typed(expr: function == "ALL" ? .allHits(expr) : .anyHit(expr), type: .boolean)
    }
    let typed = inner.value(argument)
    if typed.type == .unknown { return failed }
    if typed.type == .text || (function == "SUM" && (typed.type == .day || typed.type == .time)) {
      problems.error("rule.type", "\(function) can't take \(typed.type.described)", scalar, argument.range)
      return failed
    }
    switch function {
    case "MIN": return Typed(expr: .leastOfHits(typed.expr), type: typed.type)
    case "MAX": return Typed(expr: .greatestOfHits(typed.expr), type: typed.type)
    default: return Typed(expr: .sumOfHits(typed.expr), type: typed.type)
    }
  }

  // MARK: - Conditions that can't hold

  /// Looks at the parts of one AND that compare one expression with literals: an empty range or two different
  /// texts can never be TRUE together.
  private func reportImpossible(_ conditions: [Expr], _ parts: [Syntax]) {
    if let i = firstContradiction(conditions) {
      problems.error(
        "rule.impossible", "this can't be TRUE together with what stands before it", scalar, parts[i].range,
        notes: ["the whole condition never holds"])
    }
  }
}

extension Syntax {
  /// A number as it stands in the text.
  fileprivate var isPlain: Bool {
    if case .number = kind { true } else { false }
  }
}
