import ClaimModel
import Diagnostics

/// Reads one rule file.
///
/// - Parameters:
///   - text: the YAML text.
///   - path: as it shall stand in diagnostics.
/// - Returns: the checked rule, nil if any diagnostic is an error, and all problems of the file in its order. Whether
///   law keys and exemptions exist is checked by `loadRulePacks`, which knows the registries.
public func parseRule(text: String, path: String) -> (Rule?, [Diagnostic]) {
  let problems = Problems(path: path, text: text)
  let parsed = RuleReader.read(text: text, problems: problems)
  return (problems.hasErrors ? nil : parsed?.rule, problems.sorted)
}

/// A rule with the places of what only the registries can judge.
struct ParsedRule {
  var rule: Rule
  var basis: [YamlScalar]
  var exemptions: [YamlScalar]
  var id: YamlScalar
}

/// YAML → `Rule`, key by key; goes on after each problem.
struct RuleReader {
  static let keys = [
    "rule", "version", "name", "category", "status", "severity", "subject", "subject_id", "basis", "since", "each",
    "pair", "group", "window", "stock", "runs", "occupancy", "population", "needs", "absence", "fill", "parameters",
    "parameter_day", "scope", "lookup", "let",
    "unevaluable", "where", "unless", "exempt", "cases", "at_issue", "psn_no", "fixmedins_code", "key", "settlements",
    "lines", "from", "to", "measure", "threshold", "amount", "explain", "false_positives",
  ]

  let fields: YamlFields
  let problems: Problems
  var rule = Rule()
  var scope = NameScope()
  private var severity: FindingSeverity?
  /// A shape whose row is formed once the lookups that it uses are read.
  var waiting: (key: YamlScalar, fields: YamlFields, name: String)?

  static func read(text: String, problems: Problems) -> ParsedRule? {
    guard let root = readYaml(text, problems: problems) else { return nil }
    return read(root: root, digest: SHA256Hasher.hex(of: text), problems: problems)
  }

  /// From a tree already read; `Mutations` changes trees.
  static func read(root: YamlNode, digest: String, problems: Problems) -> ParsedRule? {
    guard let fields = YamlFields(root, what: "the rule", known: keys, problems: problems) else { return nil }
    var reader = RuleReader(fields: fields, problems: problems)
    return reader.read(digest: digest)
  }

  private init(fields: YamlFields, problems: Problems) {
    self.fields = fields
    self.problems = problems
  }

  private mutating func read(digest: String) -> ParsedRule? {
    rule.path = problems.path
    rule.digest = digest
    let id = fields.required("rule")
    rule.id = id?.text ?? ""
    if let id, !Self.isRuleID(id.text) {
      problems.error("rule.id", "\(id.text) is no rule id", id, remedy: "like CAT-01: letters, a hyphen, two digits")
    }
    readHead()
    readShape()
    readParameters()
    // Lookups and named conditions may use what stands above them in the file.
    for (key, value) in fields.all {
      if key.text == "lookup" { readLookups(value) }
      if key.text == "let" { readLets(value) }
      if key.text == "population" { readPopulations(value) }
    }
    readFormed()
    scope.elsewhere = [:]
    readConditions()
    let exemptions = readExemptions()
    readCases()
    readFinding()
    if !problems.hasErrors { remarkUnused() }
    guard let id else { return nil }
    return ParsedRule(
      rule: rule, basis: fields.list("basis").compactMap(\.scalar), exemptions: exemptions, id: id)
  }

  private static func isRuleID(_ text: String) -> Bool {
    let parts = text.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.count == 2, (2...6).contains(parts[0].count), (2...4).contains(parts[1].count) else { return false }
    return parts[0].utf8.allSatisfy { $0 >= 0x41 && $0 <= 0x5A }
      && parts[1].utf8.prefix(2).allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
      && parts[1].utf8.dropFirst(2).allSatisfy { ($0 >= 0x61 && $0 <= 0x7A) || ($0 >= 0x30 && $0 <= 0x39) }
  }

  // MARK: - Head

  private mutating func readHead() {
    if let scalar = fields.required("version"), let version = problems.integer(scalar, "version", from: 1) {
      rule.version = Int(version)
    }
    if let node = fields["name"] {
      if let names = YamlFields(node, what: "name", known: ["zh", "en"], problems: problems) {
        rule.nameZh = names.required("zh")?.text ?? ""
        rule.nameEn = names.required("en")?.text ?? ""
      }
    } else {
      missing("name", remedy: "name: {zh: …, en: …}")
    }
    rule.category = fields.required("category")?.text ?? ""
    if let scalar = fields.required("status") {
      if let status = Rule.Status(rawValue: scalar.text) {
        rule.status = status
      } else {
        problems.error(
          "rule.value", "\(scalar.text) is no status", scalar,
          remedy: remedy(for: scalar.text, among: ["draft", "shadow", "active", "retired"]))
      }
    }
    severity = fields.choice("severity", FindingSeverity.self)
    if let scalar = fields.required("subject") {
      rule.subjectType = problems.choice(scalar, SubjectType.self, "subject") ?? .institution
    }
    if let scalar = fields.scalar("since") { rule.since = problems.day(scalar, "since") }
    if fields["basis"] == nil { missing("basis", remedy: "name the keys of the law folder: basis: [条例38-6]") }
    rule.basis = fields.list("basis").compactMap { problems.scalar($0, "a basis")?.text }
    if fields["basis"] != nil, rule.basis.isEmpty, let node = fields["basis"] {
      problems.error("rule.basis", "a rule without a basis never reaches a case", node)
    }
    for node in fields.list("needs") {
      guard let scalar = problems.scalar(node, "a needed table") else { continue }
      if RegistrySchema.named(scalar.text) == nil {
        problems.error(
          "rule.table", "there is no registry table \(scalar.text)", scalar,
          remedy: remedy(for: scalar.text, among: RegistrySchema.all.map(\.name)))
      }
      rule.needs.append(scalar.text)
    }
    for node in fields.list("absence") {
      guard let scalar = problems.scalar(node, "a claim table") else { continue }
      if let table = ClaimTable(name: scalar.text) {
        rule.absence.append(table)
      } else {
        problems.error(
          "rule.table", "there is no claim table \(scalar.text)", scalar,
          remedy: remedy(for: scalar.text, among: ClaimTable.allCases.map(\.name)))
      }
    }
    if let scalar = fields.required("false_positives", remedy: "say what else would look like this") {
      rule.falsePositives = scalar.text
    }
  }

  func missing(_ key: String, remedy: String? = nil) {
    problems.error(
      "rule.missing-key", "the rule needs the key \(key)", line: fields.node.line, column: fields.node.column,
      remedy: remedy)
  }

  // MARK: - Shape

  /// The keys that say what a rule looks at; it has one of them.
  static let shapes = ["each", "pair", "group", "window", "stock", "runs", "occupancy"]

  mutating func readShape() {
    let given = fields.all.filter { Self.shapes.contains($0.key.text) }
    for extra in given.dropFirst() {
      problems.error(
        "rule.shape", "a rule has one shape, and it is \(given[0].key.text) already", extra.key,
        remedy: "drop one of them")
    }
    guard let (key, node) = given.first else {
      let reserved = fields.all.first { ["cohort", "similarity", "peer"].contains($0.key.text) }
      if let reserved {
        problems.error("rule.shape", "\(reserved.key.text) is a reserved name without an operator yet", reserved.key)
      }
      missing(
        "each",
        remedy: "each: line, pair: {a: stay, b: stay, match: [[a.psn_no, b.psn_no]]}, or one of "
          + Self.shapes.dropFirst(2).joined(separator: ", "))
      return
    }
    switch key.text {
    case "each":
      guard let scalar = problems.scalar(node, "each"), let entity = problems.choice(scalar, Entity.self, "kind of row")
      else { return }
      rule.shape = .each(binding: entity.rawValue, entity: entity)
      scope.bindings = [NameScope.Binding(name: entity.rawValue, entity: entity)]
    case "pair": readPair(node)
    default: openFormed(key, node)
    }
  }

  private mutating func readPair(_ node: YamlNode) {
    guard let pair = YamlFields(node, what: "pair", known: nil, problems: problems) else { return }
    var rows: [(name: String, entity: Entity, key: YamlScalar)] = []
    for (key, value) in pair.all where !["match", "unordered", "adjacent"].contains(key.text) {
      guard let scalar = problems.scalar(value, "pair"),
        let entity = rowKind(scalar), isName(key)
      else { continue }
      rows.append((key.text, entity, key))
    }
    guard rows.count == 2 else {
      problems.error(
        "rule.shape", "a pair has two rows, here are \(rows.count)", node,
        remedy: "pair: {inside: stay, outside: line, match: [[inside.psn_no, outside.psn_no]]}")
      scope.bindings = rows.map { NameScope.Binding(name: $0.name, entity: $0.entity) }
      return
    }
    scope.bindings = rows.map { NameScope.Binding(name: $0.name, entity: $0.entity) }
    var matches: [PairMatch] = []
    if pair["match"] == nil {
      problems.error(
        "rule.missing-key", "pair needs the key match", node,
        remedy: "match: [[\(rows[0].name).psn_no, \(rows[1].name).psn_no]]")
    }
    for item in pair.list("match") {
      guard case .sequence(let sides) = item.kind, sides.count == 2 else {
        problems.error("rule.shape", "a match is a list of two values, one of each row", item)
        continue
      }
      var exprs: [Typed] = []
      for (i, side) in sides.enumerated() {
        guard let scalar = problems.scalar(side, "a match") else { continue }
        var inner = scope
        inner.bindings = [scope.bindings[i]]
        inner.elsewhere[rows[1 - i].name] = "\(rows[1 - i].name) stands on the other side of a match"
        exprs.append(value(scalar, in: inner))
      }
      guard exprs.count == 2 else { continue }
      if exprs[0].type != exprs[1].type, exprs[0].type != .unknown, exprs[1].type != .unknown {
        problems.error(
          "rule.type", "\(exprs[0].type.described) can't be matched with \(exprs[1].type.described)", item)
      }
      matches.append(PairMatch(a: exprs[0].expr, b: exprs[1].expr))
    }
    var order = PairOrder.every
    if let node = pair["adjacent"] {
      if pair["unordered"] != nil {
        problems.error("rule.shape", "a pair is unordered or adjacent, not both", node)
      }
      if rows[0].entity != rows[1].entity {
        problems.error("rule.shape", "adjacent: both rows must be of one kind", node)
      }
      var columns: [String] = []
      for item in pair.list("adjacent") {
        guard let scalar = problems.scalar(item, "adjacent") else { continue }
        if rows[0].entity.kind(of: scalar.text) == nil {
          problems.error(
            "rule.column", "\(rows[0].entity.rawValue) has no column \(scalar.text)", scalar,
            remedy: remedy(for: scalar.text, among: self.columns(of: rows[0].entity)))
        }
        columns.append(scalar.text)
      }
      if columns.isEmpty {
        problems.error(
          "rule.shape", "adjacent needs the columns of the order", node,
          remedy: "adjacent: [begin_day, end_day, mdtrt_id]")
      }
      order = .adjacent(columns: columns)
    }
    if let scalar = pair.scalar("unordered") {
      if rows[0].entity != rows[1].entity {
        problems.error("rule.shape", "unordered: both rows must be of one kind", scalar)
      } else if rows[0].entity.kind(of: scalar.text) == nil {
        problems.error(
          "rule.column", "\(rows[0].entity.rawValue) has no column \(scalar.text)", scalar,
          remedy: remedy(for: scalar.text, among: columns(of: rows[0].entity)))
      } else if rows[0].entity.kind(of: scalar.text) != .text {
        problems.error("rule.type", "unordered needs a text column: it is compared by bytes", scalar)
      }
      order = .unordered(column: scalar.text)
    }
    rule.shape = .pair(
      a: (rows[0].name, rows[0].entity), b: (rows[1].name, rows[1].entity), match: matches, order: order)
  }

  /// The kind of row that shapes other than `each`, and populations, are made of: rows of an extract.
  func rowKind(_ scalar: YamlScalar) -> Entity? {
    guard let entity = problems.choice(scalar, Entity.self, "kind of row") else { return nil }
    if entity != .person { return entity }
    problems.error(
      "rule.shape", "a person stands only under each", scalar,
      remedy: "each: person; or put rows together by their psn_no")
    return nil
  }

  func columns(of entity: Entity) -> [String] {
    entity.derived.map(\.name) + entity.nationalColumns.map(\.name)
  }

  /// A name that expressions can write.
  func isName(_ scalar: YamlScalar) -> Bool {
    let bytes = Array(scalar.text.utf8)
    func isLetter(_ b: UInt8) -> Bool { (b >= 0x41 && b <= 0x5A) || (b >= 0x61 && b <= 0x7A) || b == 0x5F }
    let fine =
      bytes.first.map(isLetter) == true && bytes.allSatisfy { isLetter($0) || ($0 >= 0x30 && $0 <= 0x39) }
      && !ExpressionParser.keywords.contains(scalar.text.uppercased())
    if !fine {
      problems.error(
        "rule.name", "\(scalar.text) can't be a name", scalar,
        remedy: "letters, digits and _, and no word of the language")
    }
    return fine
  }

  // MARK: - Parameters

  private mutating func readParameters() {
    guard let node = fields["parameters"],
      let all = YamlFields(node, what: "parameters", known: nil, problems: problems)
    else { return }
    for (name, value) in all.all where isName(name) {
      let items: [YamlNode]
      if case .sequence(let list) = value.kind { items = list } else { items = [value] }
      var kind = ValueKind.integer
      var values: [Parameter.Value] = []
      var last: (to: Int64, at: YamlScalar)?
      for (i, item) in items.enumerated() {
        guard case .mapping = item.kind else {
          problems.error(
            "rule.parameter", "parameter \(name.text) needs a basis", item,
            remedy: "\(name.text): {value: …, basis: …}, and from: yyyy-MM-dd where it changed")
          continue
        }
        guard
          let one = YamlFields(
            item, what: "parameter \(name.text)", known: ["value", "basis", "from", "to", "kind"], problems: problems)
        else { continue }
        if let scalar = one.scalar("kind") {
          let found = problems.choice(scalar, ValueKind.self, "kind") ?? .integer
          if found == .text || found == .time {
            problems.error("rule.value", "a parameter is a number or a day", scalar)
          } else if i > 0, found != kind {
            problems.error("rule.value", "all values of a parameter have one kind", scalar)
          } else {
            kind = found
          }
        }
        let from = one.scalar("from").flatMap { problems.day($0, "from") }
        let basis = one.required("basis", remedy: "say where the value comes from")?.text ?? ""
        guard let scalar = one.required("value"), let number = parameterValue(scalar, kind, problems) else { continue }
        if let last = values.last, (from ?? Int64.min) <= (last.from ?? Int64.min) {
          problems.error("rule.parameter", "values stand in the order of from, each day once", item)
        } else if let last, let from, from != last.to + 1 {
          problems.error(
            "rule.parameter-gap",
            from > last.to
              ? "\(name.text) has no value from \(CivilTime.text(day: last.to + 1)) to \(CivilTime.text(day: from - 1))"
              : "\(name.text) has two values from \(CivilTime.text(day: from)) to \(CivilTime.text(day: last.to))",
            item,
            remedy: "from is the day after the last value's to")
        }
        last = one.scalar("to").flatMap { scalar in problems.day(scalar, "to").map { ($0, scalar) } }
        values.append(Parameter.Value(from: from, value: number, basis: basis))
      }
      if let last {
        problems.error(
          "rule.parameter-gap", "\(name.text) has no value after \(CivilTime.text(day: last.to))", last.at,
          remedy: "drop to, or add the value that follows")
      }
      if values.isEmpty { values = [Parameter.Value(from: nil, value: 0, basis: "")] }
      rule.parameters.append(Parameter(name: name.text, values: values, kind: kind))
      scope.parameters.append((name.text, kind))
    }
  }

  // MARK: - Expressions

  func value(_ scalar: YamlScalar, in scope: NameScope, expected: ValueKind? = nil) -> Typed {
    guard let syntax = parse(scalar) else { return .unknown }
    return TypeChecker(scope: scope, scalar: scalar, problems: problems).value(syntax, expected: expected)
  }

  func condition(_ scalar: YamlScalar, in scope: NameScope) -> Expr {
    guard let syntax = parse(scalar) else { return .boolean(false) }
    return TypeChecker(scope: scope, scalar: scalar, problems: problems).condition(syntax)
  }

  func parse(_ scalar: YamlScalar) -> Syntax? {
    do throws(SyntaxProblem) {
      return try ExpressionParser.parse(scalar.text)
    } catch {
      problems.error("rule.syntax", error.message, scalar, error.range, remedy: error.remedy)
      return nil
    }
  }

  func condition(_ node: YamlNode, _ what: String, in scope: NameScope) -> Expr? {
    guard let scalar = problems.scalar(node, what) else { return nil }
    return condition(scalar, in: scope)
  }

  // MARK: - Lookups and named expressions

  private mutating func readLookups(_ node: YamlNode) {
    guard let all = YamlFields(node, what: "lookup", known: nil, problems: problems) else { return }
    let names = all.all.map(\.key.text)
    for name in names { scope.elsewhere[name] = "lookup \(name) stands further down; only those above can be used" }
    for (name, value) in all.all {
      readFormed(before: value)
      scope.elsewhere[name.text] = "a lookup can't use itself"
      guard isName(name), isNew(name) else { continue }
      if let (lookup, schema) = readLookup(name.text, value) {
        rule.lookups.append(lookup)
        scope.lookups.append((name.text, NameScope.LookupName(schema: schema, take: lookup.take)))
      } else {
        scope.elsewhere[name.text] = "lookup \(name.text) has an error of its own"
        continue
      }
      scope.elsewhere[name.text] = nil
    }
  }

  func isNew(_ name: YamlScalar) -> Bool {
    let taken =
      scope.bindings.contains { $0.name == name.text } || scope.lets.contains { $0.name == name.text }
      || scope.lookups.contains { $0.name == name.text } || scope.populations.contains { $0.name == name.text }
      || waiting?.name == name.text || scope.formed?.name == name.text
    if taken { problems.error("rule.name", "\(name.text) names something else already", name) }
    return !taken
  }

  private func readLookup(_ name: String, _ node: YamlNode) -> (Lookup, RegistrySchema)? {
    let known = ["table", "key", "region", "levels", "on", "within", "take", "optional"]
    guard let one = YamlFields(node, what: "lookup \(name)", known: known, problems: problems) else { return nil }
    guard let table = one.required("table") else { return nil }
    guard let schema = RegistrySchema.named(table.text) else {
      problems.error(
        "rule.table", "there is no registry table \(table.text)", table,
        remedy: remedy(for: table.text, among: RegistrySchema.all.map(\.name)))
      return nil
    }
    var lookup = Lookup(name: name, table: table.text, keys: [])
    if let scalar = one.scalar("optional") { lookup.isOptional = problems.truth(scalar, "optional") }
    if !lookup.isOptional, !rule.needs.contains(table.text) {
      problems.error(
        "rule.needs", "lookup \(name) reads \(table.text), which the rule does not need", table,
        remedy: "add \(table.text) to needs, or say optional: true here")
    }
    if let key = one["key"] {
      if let columns = YamlFields(key, what: "key of lookup \(name)", known: nil, problems: problems) {
        lookup.keys = columns.all.compactMap { readKey($0.key, $0.value, schema) }
        if columns.all.isEmpty { problems.error("rule.lookup", "a lookup needs a key", key) }
      }
    } else {
      problems.error(
        "rule.missing-key", "lookup \(name) needs the key key", node, remedy: "key: {column: expression}")
    }
    if let scalar = one.scalar("region") {
      if !schema.hasRegion {
        problems.error("rule.lookup", "\(schema.name) is not read in region order: it has no admdvs", scalar)
      }
      lookup.region = value(scalar, in: scope, expected: .text).expr
    } else if schema.hasRegion {
      problems.error(
        "rule.lookup", "\(schema.name) is read in region order; lookup \(name) says from where", node,
        remedy: "region: line.settlement.fix_blng_admdvs")
    }
    if let scalar = one.scalar("levels") {
      switch scalar.text {
      case "first": break
      case "joined":
        lookup.joinsLevels = true
        if lookup.region == nil { problems.error("rule.lookup", "levels are those of a region", scalar) }
      default:
        problems.error(
          "rule.value", "\(scalar.text) is no way to read the levels", scalar, remedy: "first, or joined")
      }
    }
    if let scalar = one.scalar("on") {
      if !schema.hasValidity { problems.error("rule.lookup", "\(schema.name) has no begndate and enddate", scalar) }
      lookup.day = value(scalar, in: scope, expected: .day).expr
    }
    if let scalar = one.scalar("within") {
      if lookup.day == nil { problems.error("rule.lookup", "within needs a day", scalar, remedy: "on: line.day") }
      lookup.within = value(scalar, in: scope, expected: .integer).expr
    }
    if let node = one["take"] { lookup.take = readTake(node, schema) }
    if lookup.take != .any, lookup.joinsLevels || lookup.keys.contains(where: { $0.match != .equal }) {
      problems.error(
        "rule.lookup",
        "joined levels, prefix_of, at_least and any_of may find several rows; there is no one row to take",
        one["take"] ?? one.node, remedy: "take: any")
    }
    if lookup.take == .one {
      if schema.reading == .existence {
        problems.error(
          "rule.lookup", "several rows of \(schema.name) may hold at once; there is no one row to take",
          one["take"] ?? one.node, remedy: "take: any, or take: {groups: column}")
      } else if lookup.within != nil {
        problems.error(
          "rule.lookup", "within may find several rows; there is no one row to take", one["take"] ?? one.node,
          remedy: "take: any")
      } else if schema.hasValidity, lookup.day == nil {
        problems.error(
          "rule.lookup", "without a day several rows of \(schema.name) may hold", one.node,
          remedy: "on: line.day, or take: any")
      }
    }
    return (lookup, schema)
  }

  private func readTake(_ node: YamlNode, _ schema: RegistrySchema) -> Lookup.Take {
    if case .mapping = node.kind {
      guard let groups = YamlFields(node, what: "take", known: ["groups"], problems: problems),
        let column = groups.required("groups")
      else { return .any }
      if schema.kind(of: column.text) != .text {
        problems.error(
          "rule.column", "\(schema.name) has no text column \(column.text)", column,
          remedy: remedy(for: column.text, among: schema.columns.filter { $0.kind == .text }.map(\.name)))
      }
      return .groups(by: column.text)
    }
    guard let scalar = problems.scalar(node, "take") else { return .any }
    switch scalar.text {
    case "one": return .one
    case "any": return .any
    default:
      problems.error(
        "rule.value", "\(scalar.text) is no way to take rows", scalar, remedy: "one, any or {groups: column}")
      return .any
    }
  }

  private func readKey(_ column: YamlScalar, _ node: YamlNode, _ schema: RegistrySchema) -> Lookup.Key? {
    guard let kind = schema.kind(of: column.text) else {
      problems.error(
        "rule.column", "\(schema.name) has no column \(column.text)", column,
        remedy: remedy(for: column.text, among: schema.columns.map(\.name)))
      return nil
    }
    func one(_ node: YamlNode) -> Expr? {
      guard let scalar = problems.scalar(node, "a key") else { return nil }
      return value(scalar, in: scope, expected: kind).expr
    }
    switch node.kind {
    case .scalar: return one(node).map { Lookup.Key(column: column.text, alternatives: [$0]) }
    case .sequence(let items):
      if items.isEmpty { problems.error("rule.lookup", "key \(column.text) has no value", node) }
      return Lookup.Key(column: column.text, alternatives: items.compactMap(one))
    case .mapping:
      let known = ["value", "any_when_null", "prefix_of", "at_least", "any_of"]
      guard let fields = YamlFields(node, what: "key \(column.text)", known: known, problems: problems) else {
        return nil
      }
      if fields["prefix_of"] != nil || fields["at_least"] != nil {
        return readPrefixKey(column, fields, kind)
      }
      if let scalar = fields.scalar("any_of") { return readChainedKey(column, scalar, kind) }
      guard let scalar = fields.required("value") else { return nil }
      let anyWhenNull = fields.scalar("any_when_null").map { problems.truth($0, "any_when_null") } ?? false
      return Lookup.Key(
        column: column.text, alternatives: [value(scalar, in: scope, expected: kind).expr], anyWhenNull: anyWhenNull)
    }
  }

  /// `{prefix_of: value, at_least: n}`: the column begins the value; `{at_least: n}`: the column is so long.
  private func readPrefixKey(_ column: YamlScalar, _ fields: YamlFields, _ kind: ValueKind) -> Lookup.Key? {
    if kind != .text { problems.error("rule.type", "\(column.text) is no text: it has no beginning", column) }
    guard let least = fields.required("at_least"), let count = problems.integer(least, "at_least", from: 1) else {
      return nil
    }
    guard let scalar = fields.scalar("prefix_of") else {
      return Lookup.Key(column: column.text, alternatives: [], match: .length(atLeast: Int(count)))
    }
    return Lookup.Key(
      column: column.text, alternatives: [value(scalar, in: scope, expected: .text).expr],
      match: .beginsWithColumn(atLeast: Int(count)))
  }

  /// `{any_of: lookup.column}`: the values that the rows of an earlier lookup have.
  private func readChainedKey(_ column: YamlScalar, _ scalar: YamlScalar, _ kind: ValueKind) -> Lookup.Key? {
    let words = scalar.text.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    guard words.count == 2, let other = scope.lookup(words[0]) else {
      problems.error(
        "rule.lookup", "any_of names a column of a lookup above", scalar, remedy: "any_of: regs.opsp_dise_code")
      return nil
    }
    if other.take != .any {
      problems.error("rule.lookup", "any_of reads the rows of a lookup with take: any", scalar)
    }
    guard let its = other.schema.kind(of: words[1]) else {
      problems.error(
        "rule.column", "\(other.schema.name) has no column \(words[1])", scalar,
        words[0].unicodeScalars.count + 1..<scalar.text.unicodeScalars.count,
        remedy: remedy(for: words[1], among: other.schema.columns.map(\.name)))
      return nil
    }
    if its != kind {
      problems.error(
        "rule.type", "\(ExprType(its).described) can't be matched with \(ExprType(kind).described)", scalar)
    }
    return Lookup.Key(column: column.text, alternatives: [], match: .anyOf(lookup: words[0], column: words[1]))
  }

  private mutating func readLets(_ node: YamlNode) {
    guard let all = YamlFields(node, what: "let", known: nil, problems: problems) else { return }
    for (name, value) in all.all {
      guard isName(name), isNew(name), let scalar = problems.scalar(value, "\(name.text) of let") else { continue }
      readFormed(before: value)
      guard let syntax = parse(scalar) else {
        scope.lets.append((name.text, .unknown))
        continue
      }
      let checker = TypeChecker(scope: scope, scalar: scalar, problems: problems)
      scope.lets.append((name.text, checker.any(syntax)))
    }
  }

  // MARK: - Conditions

  private mutating func readConditions() {
    if let scalar = fields.scalar("scope") {
      rule.scope = condition(scalar, in: scope)
      mustSpeakOfBase(rule.scope, scalar)
    }
    rule.fill = fields.list("fill").compactMap { node in
      problems.scalar(node, "fill").map { scalar in
        var inner = scope
        inner.isFill = true
        let expr = value(scalar, in: inner).expr
        mustSpeakOfBase(expr, scalar)
        return expr
      }
    }
    for node in fields.list("unevaluable") {
      guard let one = YamlFields(node, what: "unevaluable", known: ["when", "reason"], problems: problems) else {
        continue
      }
      let reason = one.required("reason", remedy: "say in Chinese why the row can't be judged")?.text ?? ""
      if let when = one.required("when") {
        let expr = condition(when, in: scope)
        if speaksOfFormed(expr) { mustSpeakOfFormed(expr, when, beforeRuns: true) }
        rule.unevaluable.append(Unevaluable(when: expr, reason: reason))
      }
    }
    if let scalar = fields.scalar("where") {
      rule.condition = condition(scalar, in: scope)
      mustSpeakOfFormed(rule.condition, scalar, beforeRuns: true)
      if rule.condition.canHold(with: []), !rule.condition.canHold(with: [rule.scope]) {
        problems.error("rule.impossible", "this can't be TRUE together with scope", scalar)
      }
    }
    if fields["where"] == nil, fields["scope"] == nil {
      missing("where", remedy: "without scope and where every row would be a finding")
    }
    rule.unless = fields.list("unless").compactMap { node in
      problems.scalar(node, "unless").map { scalar in
        let expr = condition(scalar, in: scope)
        mustSpeakOfFormed(expr, scalar, beforeRuns: true)
        return expr
      }
    }
    if let scalar = fields.scalar("parameter_day") {
      let day = value(scalar, in: scope, expected: .day).expr
      if speaksOfFormed(day) { rule.formedParameterDay = day } else { rule.parameterDay = day }
    }
  }

  private mutating func readExemptions() -> [YamlScalar] {
    var ids: [YamlScalar] = []
    for node in fields.list("exempt") {
      guard let one = YamlFields(node, what: "an exemption", known: ["id", "when"], problems: problems) else {
        continue
      }
      let id = one.required("id")
      if let id { ids.append(id) }
      if let when = one.required("when", remedy: "the condition stands in the rule") {
        let expr = condition(when, in: scope)
        mustSpeakOfFormed(expr, when)
        if rule.exemptions.contains(where: { $0.when == expr }) {
          problems.error("rule.unused-exemption", "an exemption before has the same condition", when)
        } else if !expr.canHold(with: [rule.scope, rule.condition]) {
          problems.error(
            "rule.unused-exemption", "this exemption never applies: scope and where already rule it out", when,
            remedy: "drop it, or take its condition out of scope and where")
        }
        rule.exemptions.append(Exemption(id: id?.text ?? "", when: expr, text: folded(when.text)))
      }
    }
    return ids
  }

  /// One line, single blanks.
  private func folded(_ text: String) -> String {
    text.split { $0 == " " || $0 == "\n" || $0 == "\t" }.joined(separator: " ")
  }

  private mutating func readCases() {
    guard let node = fields["cases"] else {
      missing("cases", remedy: "cases: [{verdict: 可疑, precedence: 50}]")
      return
    }
    var inner = scope
    inner.overHits = true
    var closed = false
    for item in fields.list("cases") {
      let known = ["when", "verdict", "severity", "precedence", "threshold"]
      guard let one = YamlFields(item, what: "a case", known: known, problems: problems) else { continue }
      if closed {
        problems.error("rule.case", "this case is never reached: the one before has no when", item)
      }
      let when = one.scalar("when").map { condition($0, in: inner) } ?? .boolean(true)
      if let scalar = one.scalar("when") { mustSpeakOfFormed(when, scalar) }
      if one["when"] == nil { closed = true }
      let verdict =
        one.required("verdict").flatMap { problems.choice($0, Verdict.self, "verdict") } ?? .lead
      let own = one.choice("severity", FindingSeverity.self) ?? severity
      if own == nil, one["severity"] == nil, fields["severity"] == nil {
        problems.error("rule.missing-key", "the case has no severity, and neither has the rule", item)
      }
      var precedence = Int.max
      if let scalar = one.scalar("precedence") {
        if verdict == .lead {
          problems.error("rule.case", "a 线索 never counts and has no precedence", scalar, remedy: "drop precedence")
        } else if let number = problems.integer(scalar, "precedence", from: 1) {
          precedence = Int(number)
        }
      } else if verdict != .lead, one["verdict"] != nil {
        problems.error(
          "rule.missing-key", "the case needs a precedence", item, remedy: "lower numbers take units of money first")
      }
      rule.cases.append(
        VerdictCase(
          when: when, verdict: verdict, severity: own ?? .medium, precedence: precedence,
          threshold: one.scalar("threshold").map { checked($0, in: inner) }))
    }
    if rule.cases.isEmpty { problems.error("rule.case", "a rule needs a case", node) }
  }

  // MARK: - The finding

  private mutating func readFinding() {
    readAtIssue()
    var finding = scope
    if let atIssue = rule.atIssue {
      let entity = rule.shape.bindings.first?.entity ?? .stay
      finding.bindings.append(NameScope.Binding(name: atIssue.binding, entity: entity))
    }
    var overHits = finding
    overHits.overHits = true

    let own = rule.shape.bindings
    // The base row stands beside a formed one only in runs.
    let single = own.count == 1 && (rule.shape.formed == nil || isRuns) ? own.first : nil
    rule.key = fields.list("key").compactMap { node in
      problems.scalar(node, "key").map { keyPart($0) }
    }
    if rule.key.isEmpty {
      problems.error(
        "rule.missing-key", "the rule needs the key key", fields["key"] ?? fields.node,
        remedy: "what names one finding: key: [line.id]")
    }
    func code(_ column: String) -> Expr? {
      if let scalar = fields.scalar(column) {
        if scalar.text == "none" { return nil }
        let expr = value(scalar, in: finding, expected: .text).expr
        mustSpeakOfFormed(expr, scalar)
        return expr
      }
      if fields[column] != nil { return nil }
      if let formed = rule.shape.formed, !isRuns {
        return formed.columns.first { $0.name == column && $0.kind == .text }.map {
          .formed(column: $0.name, kind: $0.kind)
        }
      }
      guard let single else {
        if !own.isEmpty {
          missing(column, remedy: "a pair says whose: \(column): \(own[0].name).\(column), or none")
        }
        return nil
      }
      return single.entity.kind(of: column).map {
        .claim(binding: single.name, path: [], column: column, kind: $0)
      }
    }
    rule.psnNo = code("psn_no")
    rule.fixmedinsCode = code("fixmedins_code")
    if let scalar = fields.scalar("subject_id") {
      rule.subject = value(scalar, in: finding, expected: .text).expr
      mustSpeakOfFormed(rule.subject, scalar)
    } else {
      switch rule.subjectType {
      case .institution where rule.fixmedinsCode != nil: rule.subject = rule.fixmedinsCode ?? .text("")
      case .person where rule.psnNo != nil: rule.subject = rule.psnNo ?? .text("")
      default:
        if fields["subject"] != nil,
          single != nil || rule.shape.formed != nil || rule.subjectType == .practitioner || rule.subjectType == .group
        {
          missing("subject_id", remedy: "which column names the \(rule.subjectType.rawValue)")
        }
      }
    }
    readSettlements()
    readLines()
    rule.from = dayValue("from", in: overHits, single, begin: true)
    rule.to = dayValue("to", in: overHits, single, begin: false)
    rule.measure = fields.scalar("measure").map { checked($0, in: overHits) }
    rule.threshold = fields.scalar("threshold").map { checked($0, in: overHits) }
    readAmount(in: finding)
    readExplain(in: overHits)
    if !rule.parameters.isEmpty { setParameterDays(single) }
  }

  private func checked(_ scalar: YamlScalar, in scope: NameScope) -> Expr {
    let expr = value(scalar, in: scope).expr
    mustSpeakOfFormed(expr, scalar)
    return expr
  }

  /// By default parameters hold as of the row's own day, those of formed rows as of theirs.
  private mutating func setParameterDays(_ single: (name: String, entity: Entity)?) {
    if rule.parameterDay == nil {
      let base = rule.shape.formed.flatMap { Self.firstDay($0.baseBinding, $0.baseEntity) }
      rule.parameterDay = base ?? single.flatMap { Self.firstDay($0.name, $0.entity) } ?? rowDay(rule.from)
    }
    if let formed = rule.shape.formed, rule.formedParameterDay == nil, !isRuns,
      formed.columns.contains(where: { $0.name == "day" })
    {
      rule.formedParameterDay = .formed(column: "day", kind: .day)
    }
  }

  private func keyPart(_ scalar: YamlScalar) -> Expr {
    let typed = value(scalar, in: scope)
    mustSpeakOfFormed(typed.expr, scalar)
    switch typed.type {
    case .text, .day, .number(.integer), .unknown: break
    default: problems.error("rule.type", "\(typed.type.described) can't be part of a key", scalar)
    }
    return typed.expr
  }

  private mutating func readAtIssue() {
    guard let node = fields["at_issue"] else { return }
    guard let one = YamlFields(node, what: "at_issue", known: ["as", "order"], problems: problems) else { return }
    let bindings = rule.shape.bindings
    guard bindings.count == 2, bindings[0].entity == bindings[1].entity else {
      problems.error("rule.shape", "at_issue chooses one row of a pair of one kind", node)
      return
    }
    guard let name = one.required("as"), isName(name), isNew(name) else { return }
    let entity = bindings[0].entity
    var order: [AtIssue.Order] = []
    for item in one.list("order") {
      guard let scalar = problems.scalar(item, "order") else { continue }
      let words = scalar.text.split(separator: " ").map(String.init)
      guard let column = words.first, let kind = entity.kind(of: column) else {
        let column = words.first ?? ""
        problems.error(
          "rule.column", "\(entity.rawValue) has no column \(column)", scalar, 0..<max(1, column.unicodeScalars.count),
          remedy: remedy(for: column, among: columns(of: entity)))
        continue
      }
      guard words.count == 2, words[1] == "asc" || words[1] == "desc" else {
        problems.error(
          "rule.value", "an order is a column and asc or desc", scalar, remedy: "\(column) asc, or \(column) desc")
        continue
      }
      order.append(AtIssue.Order(column: column, kind: kind, descending: words[1] == "desc"))
    }
    if order.isEmpty {
      problems.error("rule.missing-key", "at_issue needs an order", node, remedy: "order: [stay_F asc, mdtrt_id desc]")
    }
    rule.atIssue = AtIssue(binding: name.text, order: order)
  }

  private mutating func readSettlements() {
    guard let node = fields["settlements"] else {
      rule.settlements = rule.shape.bindings.filter { [.line, .settlement, .stay, .person].contains($0.entity) }.map(
        \.name)
      return
    }
    if node.scalar?.text == "none" { return }
    for item in fields.list("settlements") {
      guard let scalar = problems.scalar(item, "settlements") else { continue }
      guard let entity = scope.entity(scalar.text) else {
        problems.error(
          "rule.name", "nothing here is named \(scalar.text)", scalar,
          remedy: remedy(for: scalar.text, among: scope.bindings.map(\.name)))
        continue
      }
      if entity == .diagnosis || entity == .visit {
        problems.error("rule.shape", "a \(entity.rawValue) has no settlements of its own", scalar)
      }
      rule.settlements.append(scalar.text)
    }
  }

  private mutating func readLines() {
    if case .occupancy = rule.shape.formed?.kind {
      // A day counts whoever is there, and a packet holds one case's rows only.
      if let node = fields["lines"], node.scalar?.text != "none" {
        problems.error(
          "rule.shape", "an occupancy is a number of rows at once; a finding of it names no lines", node,
          remedy: "lines: none")
      }
      return
    }
    guard let node = fields["lines"] else {
      if case .each(let binding, .line) = rule.shape { rule.lines = .hits(binding: binding) }
      if let formed = rule.shape.formed, formed.baseEntity == .line { rule.lines = .members }
      return
    }
    if case .mapping = node.kind {
      guard let one = YamlFields(node, what: "lines", known: ["of", "as", "where"], problems: problems),
        let of = one.required("of"), let variable = one.required("as"), isName(variable), isNew(variable)
      else { return }
      if rule.shape.formed != nil, !isRuns {
        problems.error(
          "rule.shape", "a formed row names the lines it is made of: lines: \(rule.shape.bindings[0].name), or none", of
        )
        return
      }
      guard let entity = scope.entity(of.text), entity.children.contains(.line) else {
        problems.error(
          "rule.name", "\(of.text) is no row that has lines", of,
          remedy: remedy(
            for: of.text, among: scope.bindings.filter { $0.entity.children.contains(.line) }.map(\.name)))
        return
      }
      var inner = scope
      inner.bindings.append(NameScope.Binding(name: variable.text, entity: .line))
      let when = one.scalar("where").map { condition($0, in: inner) } ?? .boolean(true)
      rule.lines = .children(binding: of.text, variable: variable.text, condition: when)
      return
    }
    guard let scalar = problems.scalar(node, "lines"), scalar.text != "none" else { return }
    guard scope.entity(scalar.text) == .line else {
      problems.error(
        "rule.name", "\(scalar.text) is no fee line of this rule", scalar,
        remedy: "the name of a line, none, or {of: settlement, as: l, where: l.A > 0}")
      return
    }
    rule.lines = rule.shape.formed == nil ? .hits(binding: scalar.text) : .members
  }

  private static func firstDay(_ binding: String, _ entity: Entity) -> Expr? {
    switch entity {
    case .line, .settlement: .claim(binding: binding, path: [], column: "day", kind: .day)
    case .stay: .claim(binding: binding, path: [], column: "begin_day", kind: .day)
    case .visit: .dayOf(.claim(binding: binding, path: [], column: "begntime", kind: .time))
    case .diagnosis, .person: nil
    }
  }

  private func dayValue(
    _ key: String, in scope: NameScope, _ single: (name: String, entity: Entity)?, begin: Bool
  ) -> Expr? {
    if let scalar = fields.scalar(key) {
      if scalar.text == "none" { return nil }
      let expr = value(scalar, in: scope, expected: .day).expr
      mustSpeakOfFormed(expr, scalar)
      return expr
    }
    if let formed = rule.shape.formed {
      let name = formed.atLeast == nil ? "day" : begin ? "run_first" : "run_last"
      return formed.columns.first { $0.name == name }.map { .formed(column: $0.name, kind: $0.kind) }
    }
    guard let single else { return nil }
    if begin { return Self.firstDay(single.name, single.entity) }
    switch single.entity {
    case .stay: return .claim(binding: single.name, path: [], column: "end_day", kind: .day)
    case .visit: return .dayOf(.claim(binding: single.name, path: [], column: "endtime", kind: .time))
    default: return Self.firstDay(single.name, single.entity)
    }
  }

  /// The value a row has for an aggregate over hits: parameters are resolved row by row, before hits are known.
  private func rowDay(_ expr: Expr?) -> Expr? {
    switch expr {
    case .leastOfHits(let inner), .greatestOfHits(let inner): inner
    default: expr
    }
  }

  private mutating func readAmount(in scope: NameScope) {
    guard let node = fields["amount"] else {
      missing("amount", remedy: "amount: {A: sum_A, F: sum_F}, or none")
      return
    }
    if node.scalar?.text == "none" { return }
    let known = ["A", "F", "part", "of", "over_price"]
    guard let one = YamlFields(node, what: "amount", known: known, problems: problems) else { return }
    rule.amountA = amount(one.required("A"), ["sum_A", "settlement_A", "stay_A"])
    rule.amountF = amount(one.required("F"), ["sum_F", "settlement_P", "stay_F"])
    func whole(_ scalar: YamlScalar) -> Expr {
      let expr = value(scalar, in: scope, expected: .integer).expr
      mustSpeakOfFormed(expr, scalar)
      return expr
    }
    if let part = one.scalar("part") {
      guard let of = one.required("of", remedy: "part: k, of: n"), rule.amountA == .sumA, rule.amountF == .sumF else {
        problems.error("rule.amount", "a part is of the sum of lines: A: sum_A, F: sum_F", part)
        return
      }
      let (k, n) = (whole(part), whole(of))
      rule.amountA = .partA(k: k, n: n)
      rule.amountF = .partF(k: k, n: n)
    } else if let of = one.scalar("of") {
      problems.error("rule.amount", "of needs part", of, remedy: "part: k, of: n")
    }
    if let price = one.scalar("over_price") {
      guard case .hits = rule.lines, rule.amountA == .sumA, rule.amountF == .sumF else {
        problems.error("rule.amount", "over_price is of the rule's own lines: A: sum_A, F: sum_F, each: line", price)
        return
      }
      let limit = value(price, in: scope, expected: .price).expr
      rule.amountA = .overPriceA(price: limit)
      rule.amountF = .overPriceF(price: limit)
    }
  }

  private func amount(_ scalar: YamlScalar?, _ terms: [String]) -> AmountTerm {
    guard let scalar, scalar.text != "none" else { return .none }
    let parts = scalar.text.split(separator: "(", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    let forms = ["none", terms[0]] + terms.dropFirst().map { "\($0)(row)" }
    guard terms.contains(parts[0]) else {
      problems.error(
        "rule.amount", "\(parts[0]) is no amount", scalar,
        remedy: nearest(parts[0], among: terms).map { "did you mean \($0)?" }
          ?? "one of: \(forms.joined(separator: ", "))")
      return .none
    }
    if parts[0] == terms[0] {
      if parts.count > 1 { problems.error("rule.amount", "\(parts[0]) takes no row: it sums the lines", scalar) }
      if rule.lines == .none {
        problems.error(
          "rule.amount", "\(parts[0]) sums the finding's lines, and the rule names none", scalar,
          remedy: "say lines: …, or take another amount")
      }
      return parts[0] == "sum_A" ? .sumA : .sumF
    }
    guard parts.count == 2, parts[1].hasSuffix(")") else {
      problems.error("rule.amount", "\(parts[0]) needs a row", scalar, remedy: "\(parts[0])(row)")
      return .none
    }
    let binding = String(parts[1].dropLast())
    let isStay = parts[0].hasPrefix("stay")
    let entity =
      rule.atIssue?.binding == binding ? rule.shape.bindings.first?.entity : scope.entity(binding)
    // All settlements of a person are summed.
    guard entity == (isStay ? .stay : .settlement) || (!isStay && entity == .person) else {
      problems.error(
        "rule.amount", "\(binding) is no \(isStay ? "stay" : "settlement") of this rule", scalar,
        parts[0].unicodeScalars.count + 1..<scalar.text.unicodeScalars.count - 1)
      return .none
    }
    switch parts[0] {
    case "settlement_A": return .settlementA(binding: binding)
    case "settlement_P": return .settlementP(binding: binding)
    case "stay_A": return .stayA(binding: binding)
    default: return .stayF(binding: binding)
    }
  }

  // MARK: - Explanation

  private mutating func readExplain(in scope: NameScope) {
    guard let node = fields["explain"] else {
      missing("explain", remedy: "explain: {zh: \"…{line.day}…\"}")
      return
    }
    guard let one = YamlFields(node, what: "explain", known: ["zh"], problems: problems),
      let scalar = one.required("zh")
    else { return }
    let s = Array(scalar.text.unicodeScalars)
    var plain = String.UnicodeScalarView()
    var i = 0
    while i < s.count {
      if s[i] == "}" {
        problems.error("rule.explain", "} without {", scalar, i..<i + 1)
      }
      guard s[i] == "{" else {
        if s[i] != "\n" { plain.append(s[i]) }
        i += 1
        continue
      }
      guard let end = s[i...].firstIndex(of: "}") else {
        problems.error("rule.explain", "{ without }", scalar, i..<i + 1)
        return
      }
      if !plain.isEmpty { rule.explain.append(.text(String(plain))) }
      plain = String.UnicodeScalarView()
      if let part = explainPart(scalar, i + 1..<end, in: scope) { rule.explain.append(part) }
      i = end + 1
    }
    if !plain.isEmpty { rule.explain.append(.text(String(plain))) }
  }

  private func explainPart(_ scalar: YamlScalar, _ range: Range<Int>, in scope: NameScope) -> ExplainPart? {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: Array(scalar.text.unicodeScalars)[range])
    let text = String(view)
    if text == "A" { return .amountA }
    if text == "F" { return .amountF }
    let part = YamlScalar(
      text: text, line: scalar.line, column: scalar.column,
      places: Array(scalar.places[range.lowerBound...min(range.upperBound, scalar.places.count - 1)]))
    if let call = text.wholeCall("WORD") {
      let inner = part.slice(call)
      let typed = value(inner, in: scope, expected: .text)
      mustSpeakOfFormed(typed.expr, inner)
      if typed.type == .unknown { return nil }
      guard let column = typed.expr.codedColumn, CodeLists.hasWords(column) else {
        problems.error(
          "rule.explain", "there are no words for the codes of \(inner.text)", inner,
          0..<inner.text.unicodeScalars.count)
        return nil
      }
      return .word(typed.expr, column: column)
    }
    let pieces = text.split(separator: ".TEXTS(", omittingEmptySubsequences: false).map(String.init)
    if pieces.count == 2, text.hasSuffix(")") { return texts(pieces[0], String(pieces[1].dropLast()), part, in: scope) }
    let typed = value(part, in: scope)
    mustSpeakOfFormed(typed.expr, part)
    return typed.type.kind.map { .value(typed.expr, $0) }
  }

  /// `alias.TEXTS(column)`: the texts of a group's rows.
  private func texts(_ alias: String, _ column: String, _ part: YamlScalar, in scope: NameScope) -> ExplainPart? {
    let whole = 0..<part.text.unicodeScalars.count
    guard let lookup = scope.lookup(alias), case .groups = lookup.take else {
      problems.error(
        "rule.lookup", "TEXTS looks into a group of rows; \(alias) is not one", part, whole,
        remedy: "take: {groups: column}")
      return nil
    }
    guard lookup.schema.kind(of: column) == .text else {
      problems.error(
        "rule.column", "\(lookup.schema.name) has no text column \(column)", part, whole,
        remedy: remedy(for: column, among: lookup.schema.columns.filter { $0.kind == .text }.map(\.name)))
      return nil
    }
    return .texts(lookup: alias, column: column)
  }

  private func remarkUnused() {
    if let node = fields["lookup"], case .mapping(let entries) = node.kind {
      for (key, _) in entries where !scope.used.lookups.contains(key.text) {
        problems.warning("rule.unused", "no condition uses lookup \(key.text)", key, remedy: "drop it")
      }
    }
    if let node = fields["let"], case .mapping(let entries) = node.kind {
      for (key, _) in entries where !scope.used.lets.contains(key.text) {
        problems.warning("rule.unused", "nothing uses \(key.text)", key, remedy: "drop it")
      }
    }
    if let node = fields["population"], case .mapping(let entries) = node.kind {
      for (key, _) in entries where !scope.used.populations.contains(key.text) {
        problems.warning("rule.unused", "no condition uses population \(key.text)", key, remedy: "drop it")
      }
    }
    if let node = fields["parameters"], case .mapping(let entries) = node.kind {
      for (key, _) in entries where !scope.used.parameters.contains(key.text) {
        problems.warning("rule.unused", "nothing uses parameter \(key.text)", key, remedy: "drop it")
      }
    }
  }
}

/// A parameter's number in its kind; nil after an error.
func parameterValue(_ scalar: YamlScalar, _ kind: ValueKind, _ problems: Problems) -> Int64? {
  if kind == .day { return problems.day(scalar, "value") }
  if let value = FixedPoint.parse(scalar.text, scale: kind.scale ?? 0) { return value }
  problems.error(
    "rule.value", "\(scalar.text) is not \(ExprType(kind).described)", scalar,
    remedy: kind == .integer ? "a whole number; for yuan say kind: money" : nil)
  return nil
}

extension YamlScalar {
  /// Some of its characters, each with its place in the file.
  fileprivate func slice(_ range: Range<Int>) -> YamlScalar {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: Array(text.unicodeScalars)[range])
    return YamlScalar(
      text: String(view), line: line, column: column,
      places: Array(places[range.lowerBound...min(range.upperBound, places.count - 1)]))
  }
}

extension String {
  /// Where the argument stands, if the whole text is a call of the function.
  fileprivate func wholeCall(_ name: String) -> Range<Int>? {
    hasPrefix(name + "(") && hasSuffix(")") ? name.unicodeScalars.count + 1..<unicodeScalars.count - 1 : nil
  }
}

extension Expr {
  /// The column whose codes a value has; nil where it has those of none, or of two.
  fileprivate var codedColumn: String? {
    switch self {
    case .claim(_, _, let column, _), .registry(_, let column, _), .formed(let column, _): return column
    case .coalesce(let all):
      let columns = Set(all.map(\.codedColumn))
      return columns.count == 1 ? columns.first ?? nil : nil
    default: return nil
    }
  }
}
