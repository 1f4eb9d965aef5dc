import ClaimModel
import Registries

/// A JSON Schema (draft 2020-12) of rule files, for completion and hints in editors. Written from the same tables as
/// the reader uses; what only the reader can judge (names inside expressions, kinds) it leaves to `yijian check`.
public func ruleFileSchema() -> String {
  func choice(_ values: [String], _ about: String) -> JSON { .object([("enum", .strings(values)), about.described]) }
  func list(_ item: JSON, _ about: String) -> JSON {
    .object([("type", .string("array")), ("items", item), about.described])
  }
  func mapping(_ properties: [(String, JSON)], required: [String] = [], _ about: String) -> JSON {
    var all: [(String, JSON)] = [
      ("type", .string("object")), ("properties", .object(properties)), ("additionalProperties", .boolean(false)),
    ]
    if !required.isEmpty { all.append(("required", .strings(required))) }
    return .object(all + [about.described])
  }
  func named(_ values: JSON, _ about: String) -> JSON {
    .object([
      ("type", .string("object")), ("propertyNames", .object([("pattern", .string("^[A-Za-z_][A-Za-z0-9_]*$"))])),
      ("additionalProperties", values), about.described,
    ])
  }
  func expression(_ about: String) -> JSON {
    .object([("type", .strings(["string", "number", "boolean"])), about.described])
  }
  func text(_ about: String, pattern: String? = nil) -> JSON {
    .object(
      [("type", JSON.string("string"))] + (pattern.map { [("pattern", .string($0))] } ?? []) + [about.described])
  }
  func oneOf(_ options: [JSON], _ about: String) -> JSON { .object([("anyOf", .array(options)), about.described]) }
  let day = text("yyyy-MM-dd", pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$")
  let each = choice(Entity.allCases.map(\.rawValue), "kind of claim row, or person")
  let entity = choice(Entity.allCases.filter { $0 != .person }.map(\.rawValue), "kind of claim row")
  let tables = RegistrySchema.all.map(\.name)
  let pairOfExpressions = JSON.object([
    ("type", .string("array")), ("items", expression("a value")), ("minItems", .number(2)), ("maxItems", .number(2)),
  ])
  let values = named(expression("COUNT(*), COUNT(DISTINCT v), SUM(v), MIN(v), MAX(v), ONLY(v)"), "aggregates over rows")
  let by = named(expression("a value of the claim row"), "what the rows of one formed row have in common")
  func formed(_ key: String, _ about: String) -> JSON {
    let all: [String: JSON] = [
      "of": entity, "as": text("what expressions call the formed row"), "by": by, "values": values,
      "day": expression("the day of a claim row"),
      "days": key == "window"
        ? expression("how many days the window has") : list(expression("a day"), "first and last day"),
      "supply": list(expression("a quantity"), "pieces, and the days each lasts"),
      "at_least": expression("the shortest run of days that counts"), "count": expression("what is counted, each once"),
    ]
    let keys = RuleReader.formedKeys[key] ?? []
    return mapping(
      keys.compactMap { name in all[name].map { (name, $0) } }, required: keys.filter { $0 == "of" || $0 == "as" },
      about)
  }
  let value = mapping(
    [
      ("value", .object([("type", .strings(["string", "number"]))])), ("basis", text("where the value comes from")),
      ("from", day), ("to", day),
      (
        "kind",
        choice(ValueKind.allCases.filter { $0 != .text && $0 != .time }.map(\.rawValue), "what the value counts")
      ),
    ], required: ["value", "basis"], "a value and its basis")
  let key = oneOf(
    [
      expression("the column equals it"), list(expression("tried in turn"), "alternatives"),
      mapping(
        [
          ("value", expression("the column equals it")), ("any_when_null", .object([("type", .string("boolean"))])),
          ("prefix_of", expression("the column begins it")),
          ("at_least", .object([("type", .string("integer")), ("minimum", .number(1))])),
          ("any_of", text("lookup.column of a lookup above")),
        ], "another way to match"),
    ], "what the column is compared with")
  let lookup = mapping(
    [
      ("table", choice(tables, "registry table")), ("key", named(key, "column: expression")),
      ("region", expression("six-digit admdvs from which the region order starts")),
      ("levels", choice(["first", "joined"], "the first level that has rows, or all of them")),
      ("on", expression("the day on which rows must hold")), ("within", expression("days before and after")),
      (
        "take",
        oneOf(
          [
            choice(["one", "any"], "the row, or whether there is one"),
            mapping([("groups", text("a text column"))], required: ["groups"], "one row in scope for each value"),
          ], "what the lookup gives")
      ), ("optional", .object([("type", .string("boolean"))])),
    ], required: ["table", "key"], "rows of a registry")
  let population = mapping(
    [
      ("of", entity), ("as", text("what its expressions call a row")), ("where", expression("rows that belong to it")),
      ("match", list(pairOfExpressions, "[of the population's row, of the rule's]")), ("values", values),
    ], required: ["of", "as", "match", "values"], "facts over the whole store")
  let verdictCase = mapping(
    [
      ("when", expression("condition; without it the case always holds")),
      ("verdict", choice(Verdict.allCases.map(\.rawValue), "what the finding says")),
      ("severity", choice(FindingSeverity.allCases.map(\.rawValue), "how grave")),
      ("precedence", .object([("type", .string("integer")), ("minimum", .number(1))])),
      ("threshold", expression("instead of the rule's")),
    ], required: ["verdict"], "a verdict")
  let properties: [String: JSON] = [
    "rule": text("stable id, never used again", pattern: "^[A-Z]{2,6}-[0-9]{2}[0-9a-z]{0,2}$"),
    "version": .object([("type", .string("integer")), ("minimum", .number(1))]),
    "name": mapping([("zh", text("Chinese")), ("en", text("English"))], required: ["zh", "en"], "what it is called"),
    "category": text("what kind of fraud"),
    "status": choice(["draft", "shadow", "active", "retired"], "only active rules reach a case"),
    "severity": choice(FindingSeverity.allCases.map(\.rawValue), "of every case that has none of its own"),
    "subject": choice(SubjectType.allCases.map(\.rawValue), "whom the finding is about"),
    "subject_id": expression("by which text"), "basis": list(text("a key of the law folder"), "legal basis"),
    "since": day, "each": each,
    "pair": .object([
      ("type", .string("object")), ("required", .strings(["match"])),
      (
        "properties",
        .object([
          ("match", list(pairOfExpressions, "values that are equal")), ("unordered", text("each two rows once")),
          ("adjacent", list(text("a column"), "neighbours in this order")),
        ])
      ), ("additionalProperties", entity), "two rows, by names of your own".described,
    ]),
    "group": formed("group", "claim rows put together by keys"),
    "window": formed("window", "claim rows of a rolling number of days"),
    "stock": formed("stock", "a running ledger of what is on hand"),
    "runs": formed("runs", "days of a claim row that follow each other"),
    "occupancy": formed("occupancy", "how many at once on each day"),
    "population": named(population, "facts over the whole store"),
    "needs": list(choice(tables, "registry table"), "tables without which the rule is not runnable"),
    "absence": list(
      choice(ClaimTable.allCases.map(\.name), "claim table"), "tables whose missing rows would create a hit"),
    "fill": list(expression("a column"), "columns that must be filled"),
    "parameters": named(oneOf([value, list(value, "by date")], "a dated value"), "values with a date and a basis"),
    "parameter_day": expression("the day by which parameters are chosen"), "scope": expression("rows in scope"),
    "lookup": named(lookup, "rows of registries"), "let": named(expression("written by its name"), "named expressions"),
    "unevaluable": list(
      mapping(
        [("when", expression("condition")), ("reason", text("in Chinese"))], required: ["when", "reason"],
        "a row that can't be judged"), "rows that can't be judged"), "where": expression("what makes a hit"),
    "unless": oneOf([expression("condition"), list(expression("condition"), "conditions")], "a hit that is none"),
    "exempt": list(
      mapping(
        [("id", text("EX-01 …", pattern: "^EX-[0-9]{2}$")), ("when", expression("condition"))],
        required: ["id", "when"], "an exemption"), "recorded in suppressed.csv"),
    "cases": list(verdictCase, "the first that is TRUE gives the verdict"),
    "at_issue": mapping(
      [("as", text("its name")), ("order", list(text("column asc, or desc"), "the first in this order"))],
      required: ["as", "order"], "one of a pair's two rows"), "psn_no": expression("or none"),
    "fixmedins_code": expression("or none"), "key": list(expression("a text"), "what names one finding"),
    "settlements": oneOf([choice(["none"], "no settlement"), list(text("a row"), "rows")], "settlements it names"),
    "lines": oneOf(
      [
        text("a fee line of the rule, or none"),
        mapping(
          [("of", text("a row")), ("as", text("a letter")), ("where", expression("condition"))],
          required: ["of", "as"],
          "lines that belong to a row"),
      ], "lines that the finding names and sums"), "from": expression("first day, or none"),
    "to": expression("last day, or none"), "measure": expression("what was measured"),
    "threshold": expression("against what"),
    "amount": oneOf(
      [
        choice(["none"], "no amount"),
        mapping(
          [
            ("A", text("sum_A, settlement_A(row), stay_A(row), none")),
            ("F", text("sum_F, settlement_P(row), stay_F(row), none")), ("part", expression("k")),
            ("of", expression("n: k of n of the sum, rounded down")),
            ("over_price", expression("what the lines cost beyond this price")),
          ], required: ["A", "F"], "amounts"),
      ], "the finding's two amounts"),
    "explain": mapping([("zh", text("{expression} stands for its value"))], required: ["zh"], "what the finding says"),
    "false_positives": text("what else looks like this"),
  ]
  let schema = JSON.object([
    ("$schema", .string("https://json-schema.org/draft/2020-12/schema")), ("title", .string("Yijian rule")),
    ("type", .string("object")),
    ("properties", .object(RuleReader.keys.compactMap { key in properties[key].map { (key, $0) } })),
    ("additionalProperties", .boolean(false)),
    (
      "required",
      .strings([
        "rule", "version", "name", "category", "status", "subject", "basis", "cases", "key", "amount", "explain",
        "false_positives",
      ])
    ), ("oneOf", .array(RuleReader.shapes.map { .object([("required", .strings([$0]))]) })),
  ])
  return schema.text(indent: "") + "\n"
}

/// As much of JSON as a schema needs; members stay in the order given.
private indirect enum JSON {
  case string(String)
  case number(Int)
  case boolean(Bool)
  case array([JSON])
  case object([(String, JSON)])

  static func strings(_ all: [String]) -> JSON { .array(all.map { .string($0) }) }

  func text(indent: String) -> String {
    switch self {
    case .string(let s): return Self.quoted(s)
    case .number(let n): return String(n)
    case .boolean(let b): return b ? "true" : "false"
    case .array(let items):
      let plain = items.map { $0.text(indent: "") }
      let line = "[" + plain.joined(separator: ", ") + "]"
      if line.utf8.count < 100, !line.contains("\n") { return line }
      return "[\n" + items.map { indent + "  " + $0.text(indent: indent + "  ") }.joined(separator: ",\n") + "\n"
        + indent
        + "]"
    case .object(let members):
      if members.isEmpty { return "{}" }
      let line =
        "{" + members.map { Self.quoted($0.0) + ": " + $0.1.text(indent: "") }.joined(separator: ", ") + "}"
      if line.utf8.count < 100, !line.contains("\n") { return line }
      return "{\n"
        + members.map { indent + "  " + Self.quoted($0.0) + ": " + $0.1.text(indent: indent + "  ") }
        .joined(separator: ",\n") + "\n" + indent + "}"
    }
  }

  private static func quoted(_ s: String) -> String {
    var text = "\""
    for c in s.unicodeScalars {
      switch c {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      default: text.unicodeScalars.append(c)
      }
    }
    return text + "\""
  }
}

extension String {
  fileprivate var described: (String, JSON) { ("description", .string(self)) }
}
