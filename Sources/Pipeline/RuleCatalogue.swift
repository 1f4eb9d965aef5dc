import ClaimModel
import Diagnostics
import Foundation
import RulePacks
import SQLLowering

/// How `yijian rules RULE` shows a rule.
public enum RuleForm: String, Sendable, CaseIterable { case summary, text, form, sql }

/// `yijian rules`: the catalogue of a pipeline's rules, or one of them.
public func listRules(pipeline: String, rule id: String?, form: RuleForm, markdown: Bool, dialect: String) -> Int32 {
  let printer = EventPrinter(format: .text)
  do {
    let file = try PipelineFile.read(pipeline)
    let (_, pack) = try loadRules(file)
    let catalogue = RuleCatalogue(pack: pack)
    guard let id else {
      print(markdown ? catalogue.markdown() : catalogue.overview(), terminator: "")
      return ExitCode.done
    }
    guard let rule = pack.rules.first(where: { $0.id == id }) else {
      throw Diagnostic(
        .error, "usage.no-rule", "the pipeline has no rule \(id)", at: Place(file: pipeline),
        remedy: "it has " + pack.rules.map(\.id).joined(separator: ", "))
    }
    switch form {
    case .summary: print(catalogue.page(rule), terminator: "")
    case .text:
      print(String(decoding: FileManager.default.contents(atPath: rule.path) ?? Data(), as: UTF8.self), terminator: "")
    case .form: print(CheckedForm(rule).text, terminator: "")
    case .sql: print(try sourceSQL(rule, dialect: sqlDialect(dialect)), terminator: "")
    }
    return ExitCode.done
  } catch {
    return report(error, printer)
  }
}

/// What the rules of a pack say of themselves.
struct RuleCatalogue {
  let pack: RulePack

  /// A line a rule.
  func overview() -> String {
    var page = TextPage()
    page.table(
      [["rule", "version", "status", "shape", "tables", "verdicts", "tests", "name"]]
        + pack.rules.map { rule in
          [
            rule.id, "v\(rule.version)", rule.status.rawValue, rule.shape.summary,
            tables(rule).joined(separator: " ").ifEmpty("–"), verdicts(rule).joined(separator: " "),
            tests(rule).map(String.init) ?? "none", "\(rule.nameZh) · \(rule.nameEn)",
          ]
        }, indent: 0)
    return page.text
  }

  /// All of one rule.
  func page(_ rule: Rule) -> String {
    var page = TextPage()
    page.line("\(rule.id) v\(rule.version)  \(rule.nameZh) · \(rule.nameEn)", indent: 0)
    page.table(facts(rule))
    if !rule.parameters.isEmpty {
      page.heading("parameters")
      page.table(parameters(rule))
    }
    page.heading("law")
    page.table(rule.basis.map { key in [key, law(key)] })
    page.heading("exemptions")
    if rule.exemptions.isEmpty { page.line("none") }
    page.table(rule.exemptions.map { [$0.id, exemption($0.id), oneLine($0.text)] })
    page.heading("what else could look like this")
    for line in rule.falsePositives.split(separator: "\n") { page.line(String(line)) }
    return page.text
  }

  /// The catalogue as Documentation/rules.md.
  func markdown() -> String {
    var text = """
      # The rules

      Made by `yijian rules --markdown` from the rule files; a change of a rule is a change of this page, and CI compares
      them. What the keys mean: [the rule language](rule-language.md).

      | rule | name | status | shape | needs | verdicts | tests |
      |---|---|---|---|---|---|---|

      """
    for rule in pack.rules {
      let cells = [
        "[\(rule.id)](#\(rule.id.lowercased()))", "\(rule.nameZh) · \(rule.nameEn)", rule.status.rawValue,
        rule.shape.summary, code(tables(rule)), verdicts(rule).joined(separator: ", "),
        tests(rule).map(String.init) ?? "none",
      ]
      text += "| " + cells.map(cell).joined(separator: " | ") + " |\n"
    }
    for rule in pack.rules {
      text += "\n## \(rule.id)\n\n**\(rule.nameZh)** · \(rule.nameEn)\n\n"
      for fact in facts(rule) { text += "- \(fact[0]): \(fact[1])\n" }
      if !rule.parameters.isEmpty {
        text += "\n| parameter | value | from | basis |\n|---|---|---|---|\n"
        for row in parameters(rule) {
          text += "| `\(row[0])` | " + row.dropFirst().map(cell).joined(separator: " | ") + " |\n"
        }
      }
      text += "\nLaw:\n\n"
      for key in rule.basis { text += "- \(key): \(law(key))\n" }
      if !rule.exemptions.isEmpty {
        text += "\nExemptions:\n\n"
        for one in rule.exemptions { text += "- \(one.id) \(exemption(one.id)): `\(oneLine(one.text))`\n" }
      }
      text += "\nWhat else could look like this: \(oneLine(rule.falsePositives))\n"
    }
    return text
  }

  private func facts(_ rule: Rule) -> [[String]] {
    var rows = [
      ["status", rule.status.rawValue], ["category", rule.category], ["shape", rule.shape.described],
      ["subject", rule.subjectType.rawValue],
      ["verdicts", verdicts(rule).joined(separator: ", ")],
      ["needs", tables(rule).joined(separator: ", ").ifEmpty("no registry table")],
    ]
    let optional = optionalTables(rule)
    if !optional.isEmpty { rows.append(["uses if there", optional.joined(separator: ", ")]) }
    if !rule.absence.isEmpty {
      rows.append(["not run while incomplete", rule.absence.map(\.name).joined(separator: ", ")])
    }
    if let since = rule.since { rows.append(["since", CivilTime.text(day: since)]) }
    rows.append(["tests", tests(rule).map(String.init) ?? "none"])
    return rows
  }

  /// Registry tables without which it does not run.
  private func tables(_ rule: Rule) -> [String] {
    var result = rule.needs
    for lookup in rule.lookups where !lookup.isOptional && !result.contains(lookup.table) {
      result.append(lookup.table)
    }
    return result.sorted(by: bytesPrecede)
  }

  private func optionalTables(_ rule: Rule) -> [String] {
    Set(rule.lookups.filter(\.isOptional).map(\.table)).subtracting(tables(rule))
      .sorted(by: bytesPrecede)
  }

  private func verdicts(_ rule: Rule) -> [String] {
    Verdict.allCases.filter { verdict in rule.cases.contains { $0.verdict == verdict } }.map(\.rawValue)
  }

  private func parameters(_ rule: Rule) -> [[String]] {
    rule.parameters.flatMap { parameter in
      parameter.values.map { value in
        [
          parameter.name,
          parameter.kind == .money ? "\(FixedPoint.yuan(value.value)) 元" : parameter.kind.text(value.value),
          value.from.map { CivilTime.text(day: $0) } ?? "always", value.basis,
        ]
      }
    }
  }

  private func law(_ key: String) -> String {
    guard let law = pack.law.first(where: { $0.key == key }) else { return "" }
    return "\(law.instrument) \(law.article)：\(law.text)"
  }

  private func exemption(_ id: String) -> String { pack.exemptions.first { $0.id == id }?.name ?? "" }

  /// Number of tests beside the rule; nil where there is no test file.
  private func tests(_ rule: Rule) -> Int? {
    let path = rule.path.replacingOccurrences(of: ".y", with: ".test.y", options: .backwards)
    guard let data = FileManager.default.contents(atPath: path) else { return nil }
    return (try? RuleTestFile(text: String(decoding: data, as: UTF8.self), path: path))?.tests.count
  }

  private func oneLine(_ text: String) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
  private func code(_ names: [String]) -> String { names.map { "`\($0)`" }.joined(separator: ", ") }
  private func cell(_ text: String) -> String { text.replacingOccurrences(of: "|", with: "\\|") }
}

/// A rule as the checker understood it: names under `let` resolved, defaults filled in.
struct CheckedForm {
  private(set) var text = ""

  init(_ rule: Rule) {
    let writer = ExpressionWriter(rule)
    var page = TextPage()
    func list(_ title: String, _ expressions: [(String, Expr)]) {
      for (name, e) in expressions {
        page.line("\(title)\(name.isEmpty ? "" : " \(name)"): \(writer.text(e))", indent: 0)
      }
    }
    page.line("rule: \(rule.id) v\(rule.version), \(rule.status.rawValue)", indent: 0)
    page.line("shape: \(rule.shape.described)", indent: 0)
    if case .pair(_, _, let match, _) = rule.shape {
      for pair in match { page.line("match: \(writer.text(pair.a)) = \(writer.text(pair.b))", indent: 0) }
    }
    if let formed = rule.shape.formed {
      list("by", formed.by.map { ($0.name, $0.value) })
      list("of base rows", formed.kind.parts.map { ($0.name, $0.value) })
      list(
        "value",
        formed.values.compactMap { value in value.value.map { ("\(value.name) (\(value.function.rawValue))", $0) } })
    }
    for population in rule.populations {
      page.line("population \(population.name): \(population.entity.rawValue)s \(population.binding)", indent: 0)
      list("  where", [("", population.condition)])
      list(
        "  value",
        population.values.compactMap { value in value.value.map { ("\(value.name) (\(value.function.rawValue))", $0) } }
      )
    }
    for lookup in rule.lookups {
      let take: String =
        switch lookup.take {
        case .one: "one"
        case .any: "any"
        case .groups(let column): "groups of \(column)"
        }
      page.line("lookup \(lookup.name): \(take) of \(lookup.table)\(lookup.isOptional ? ", optional" : "")", indent: 0)
      for key in lookup.keys {
        let value = key.alternatives.count == 1 ? key.alternatives[0] : .coalesce(key.alternatives)
        list("  key", [(key.column, value)])
      }
      list("  region", lookup.region.map { [("", $0)] } ?? [])
      list("  on", lookup.day.map { [("", $0)] } ?? [])
      list("  within", lookup.within.map { [("", $0)] } ?? [])
    }
    if rule.scope != .boolean(true) { list("scope", [("", rule.scope)]) }
    list("unevaluable", rule.unevaluable.map { ("(\($0.reason))", $0.when) })
    if rule.condition != .boolean(true) { list("where", [("", rule.condition)]) }
    list("unless", rule.unless.map { ("", $0) })
    list("exempt", rule.exemptions.map { ($0.id, $0.when) })
    for one in rule.cases {
      let precedence = one.precedence == Int.max ? "never counts" : "precedence \(one.precedence)"
      list("case", [("\(one.verdict.rawValue), \(one.severity.rawValue), \(precedence)", one.when)])
    }
    list("key", rule.key.map { ("", $0) })
    list("from", rule.from.map { [("", $0)] } ?? [])
    list("to", rule.to.map { [("", $0)] } ?? [])
    list("measure", rule.measure.map { [("", $0)] } ?? [])
    list("threshold", rule.threshold.map { [("", $0)] } ?? [])
    text = page.text
  }
}

extension Shape {
  /// In a word or two.
  var summary: String {
    switch self {
    case .each(_, let entity): return "each \(entity.rawValue)"
    case .pair(_, _, _, .adjacent): return "pair, adjacent"
    case .pair: return "pair"
    case .formed(let formed):
      switch formed.kind {
      case .group: return "group"
      case .window: return "window"
      case .stock: return "stock"
      case .runs: return "runs"
      case .occupancy: return "occupancy"
      }
    }
  }

  var described: String {
    switch self {
    case .each: return summary
    case .pair(let a, let b, _, let order):
      let rows = "pair of \(a.entity.rawValue) \(a.binding) and \(b.entity.rawValue) \(b.binding)"
      switch order {
      case .every: return rows
      case .unordered: return rows + ", each two once"
      case .adjacent(let columns): return rows + ", neighbours by " + columns.joined(separator: ", ")
      }
    case .formed(let formed):
      let by = formed.by.isEmpty ? "" : " by " + formed.by.map(\.name).joined(separator: ", ")
      return "\(summary) of \(formed.baseEntity.rawValue)s\(by)"
    }
  }
}

extension Formed.Kind {
  /// What the shape asks of base rows, with names.
  fileprivate var parts: [(name: String, value: Expr)] {
    switch self {
    case .group: []
    case .window(let day, let days): [("day", day), ("days", days)]
    case .stock(let day, let supply): [("day", day), ("quantity", supply.quantity), ("days each", supply.daysEach)]
    case .runs(let first, let last, let atLeast): [("first", first), ("last", last), ("at least", atLeast)]
    case .occupancy(let first, let last, let counted, let atLeast):
      [("first", first), ("last", last), ("counted", counted), ("at least", atLeast)]
    }
  }
}

extension String {
  fileprivate func ifEmpty(_ other: String) -> String { isEmpty ? other : self }
}
