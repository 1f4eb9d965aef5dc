import ClaimModel
import Diagnostics
import Foundation

/// An article or cause that a rule may rest on.
public struct LawEntry: Sendable, Hashable {
  /// As rules write it: `条例38-6`.
  public var key: String
  public var instrument: String
  /// Number of the document, for example of the decree.
  public var number: String
  public var article: String
  /// First day in force.
  public var inForce: Int64?
  /// What it says, in our own short words.
  public var text: String
  public var source: String
}

/// What an `EX-` number means; the condition stands in each rule.
public struct ExemptionEntry: Sendable, Hashable {
  public var id: String
  public var name: String
  public var reason: String
  /// Where the reason comes from; may be empty.
  public var law: String
  /// Why no rule of the pack uses it; empty for those that are used.
  public var unused = ""
  /// Where it is defined.
  public var place = Place()
}

/// The rules of a run, checked against law and exemptions.
public struct RulePack: Sendable {
  /// By id, in byte order; every status.
  public var rules: [Rule]
  /// SHA-256 over the digests of all rule, law and exemption files and the jurisdiction file.
  public var digest: String
  /// Text of each rule's file by rule id, as it was read: what travels in a packet is what was evaluated.
  public var texts: [String: String] = [:]
  /// By key and by id, in byte order; empty where no folder was given.
  public var law: [LawEntry] = []
  public var exemptions: [ExemptionEntry] = []
  public var excludedSetlTypes: Set<String> = []
  public var warnings: [Diagnostic] = []

  public init(rules: [Rule], digest: String) {
    self.rules = rules
    self.digest = digest
  }
}

/// Loads all rule files (`*.yml`, without `*.test.yml`) of the folders and checks them against each other, the law
/// registry, the exemption registry and the jurisdiction. All problems of all files are thrown at once.
///
/// - Parameters:
///   - exemptFolder: nil: exemption ids are not checked.
///   - lawFolder: nil: basis keys are not checked.
///   - parameterOverrides: `RULE.name` → values that replace the rule's, already scaled; for callers without a file.
public func loadRulePacks(
  folders: [String], exemptFolder: String? = nil, lawFolder: String? = nil, jurisdiction: Jurisdiction = Jurisdiction(),
  parameterOverrides: [String: [Parameter.Value]] = [:]
) throws(Diagnostics) -> RulePack {
  var found: [Diagnostic] = []
  var digests: [String] = []
  let law = lawFolder.map { readLaw($0, &found, &digests) }
  let exemptions = exemptFolder.map { readExemptions($0, &found, &digests) }
  var parsed: [(ParsedRule, Problems)] = []
  var texts: [String: String] = [:]
  for folder in folders {
    let files = yamlFiles(in: folder, &found).filter { !$0.hasSuffix(".test.yml") && !$0.hasSuffix(".test.yaml") }
    for path in files {
      guard let text = readText(path, &found) else { continue }
      digests.append(SHA256Hasher.hex(of: text))
      let problems = Problems(path: path, text: text)
      if let rule = RuleReader.read(text: text, problems: problems) {
        parsed.append((rule, problems))
        texts[rule.rule.id] = text
      } else {
        found += problems.sorted
      }
    }
  }
  let lawKeys = law?.map(\.key)
  let exemptionIDs = exemptions?.map(\.id)
  for (i, (file, problems)) in parsed.enumerated() {
    if let lawKeys {
      for key in file.basis where !lawKeys.contains(key.text) {
        problems.error(
          "rule.law", "the law folder has no \(key.text)", key, remedy: remedy(for: key.text, among: lawKeys))
      }
    }
    if let exemptionIDs {
      for id in file.exemptions where !exemptionIDs.contains(id.text) {
        problems.error(
          "rule.exemption", "the exemption registry has no \(id.text)", id,
          remedy: remedy(for: id.text, among: exemptionIDs))
      }
    }
    if let first = parsed[..<i].first(where: { $0.0.rule.id == file.rule.id }) {
      problems.error(
        "rule.duplicate-id", "\(file.rule.id) is the id of another rule", file.id, notes: ["first in \(first.1.path)"],
        remedy: "ids are never used again")
    }
    found += problems.sorted
  }
  remarkUnused(exemptions ?? [], parsed.flatMap { $0.0.exemptions.map(\.text) }, &found)
  var rules = parsed.map(\.0.rule).sorted { bytesPrecede($0.id, $1.id) }
  apply(jurisdiction, parameterOverrides, to: &rules, &found)
  if found.contains(where: { $0.severity == .error }) { throw Diagnostics(found) }
  if !jurisdiction.digest.isEmpty { digests.append(jurisdiction.digest) }
  var pack = RulePack(
    rules: rules, digest: SHA256Hasher.hex(of: digests.sorted(by: bytesPrecede).joined(separator: "\n")))
  pack.texts = texts
  pack.law = law ?? []
  pack.exemptions = exemptions ?? []
  pack.excludedSetlTypes = jurisdiction.excludedSetlTypes
  pack.warnings = found
  return pack
}

/// One rule file by itself, with the jurisdiction's values for its parameters; nil with the problems of the file, or
/// without them where it has no error. Law and exemptions are not looked at.
public func loadRule(text: String, path: String, jurisdiction: Jurisdiction) -> (Rule?, [Diagnostic]) {
  var (rule, found) = parseRule(text: text, path: path)
  guard let parsed = rule else { return (nil, found) }
  var own = jurisdiction
  own.overrides = jurisdiction.overrides.filter { $0.name.hasPrefix(parsed.id + ".") }
  var rules = [parsed]
  apply(own, [:], to: &rules, &found)
  rule = found.contains { $0.severity == .error } ? nil : rules[0]
  return (rule, found)
}

private func apply(
  _ jurisdiction: Jurisdiction, _ more: [String: [Parameter.Value]], to rules: inout [Rule],
  _ found: inout [Diagnostic]
) {
  let known = rules.flatMap { rule in rule.parameters.map { "\(rule.id).\($0.name)" } }
  func index(_ name: String) -> (rule: Int, parameter: Int)? {
    for (i, rule) in rules.enumerated() {
      for (j, parameter) in rule.parameters.enumerated() where "\(rule.id).\(parameter.name)" == name { return (i, j) }
    }
    return nil
  }
  func unknown(_ name: String, _ place: Place) {
    found.append(
      Diagnostic(
        .error, "jurisdiction.parameter", "no rule has the parameter \(name)", at: place,
        remedy: remedy(for: name, among: known)))
  }
  for override in jurisdiction.overrides {
    guard let at = index(override.name) else {
      unknown(override.name, override.place)
      continue
    }
    let kind = rules[at.rule].parameters[at.parameter].kind
    var values: [Parameter.Value] = []
    for value in override.values {
      let number = kind == .day ? CivilTime.parseDay(value.text) : FixedPoint.parse(value.text, scale: kind.scale ?? 0)
      guard let number else {
        found.append(
          Diagnostic(
            .error, "jurisdiction.value", "\(value.text) is not \(ExprType(kind).described)", at: value.place))
        continue
      }
      values.append(Parameter.Value(from: value.from, value: number, basis: value.basis))
    }
    if !values.isEmpty { rules[at.rule].parameters[at.parameter].values = values }
  }
  for (name, values) in more.sorted(by: { bytesPrecede($0.key, $1.key) }) {
    guard let at = index(name) else {
      unknown(name, Place())
      continue
    }
    if !values.isEmpty { rules[at.rule].parameters[at.parameter].values = values }
  }
}

// MARK: - Registries beside the rules

private func readLaw(_ folder: String, _ found: inout [Diagnostic], _ digests: inout [String]) -> [LawEntry] {
  var entries: [LawEntry] = []
  for path in yamlFiles(in: folder, &found) {
    guard let text = readText(path, &found) else { continue }
    digests.append(SHA256Hasher.hex(of: text))
    let problems = Problems(path: path, text: text)
    defer { found += problems.sorted }
    let known = ["instrument", "number", "in_force", "articles"]
    guard let root = readYaml(text, problems: problems),
      let fields = YamlFields(root, what: "the law file", known: known, problems: problems)
    else { continue }
    let instrument = fields.required("instrument")?.text ?? ""
    let number = fields.scalar("number")?.text ?? ""
    let inForce = fields.scalar("in_force").flatMap { problems.day($0, "in_force") }
    guard let node = fields["articles"],
      let articles = YamlFields(node, what: "articles", known: nil, problems: problems)
    else { continue }
    for (key, value) in articles.all {
      guard
        let one = YamlFields(
          value, what: key.text, known: ["article", "text", "source", "in_force"], problems: problems)
      else { continue }
      if entries.contains(where: { $0.key == key.text }) {
        problems.error("law.duplicate", "\(key.text) is defined twice in the law folder", key)
      }
      entries.append(
        LawEntry(
          key: key.text, instrument: instrument, number: number, article: one.required("article")?.text ?? "",
          inForce: one.scalar("in_force").flatMap { problems.day($0, "in_force") } ?? inForce,
          text: one.required("text")?.text ?? "", source: one.required("source")?.text ?? ""))
    }
  }
  return entries.sorted { bytesPrecede($0.key, $1.key) }
}

/// An exemption that no rule has, and that does not say why, may be one that a rule forgot.
private func remarkUnused(_ exemptions: [ExemptionEntry], _ used: [String], _ found: inout [Diagnostic]) {
  for entry in exemptions where used.contains(entry.id) != entry.unused.isEmpty {
    let isUsed = used.contains(entry.id)
    found.append(
      Diagnostic(
        .warning, "exempt.unused",
        isUsed
          ? "a rule has the exemption \(entry.id), which is marked unused" : "no rule has the exemption \(entry.id)",
        at: entry.place, remedy: isUsed ? "drop unused" : "give it to a rule, or say unused: why"))
  }
}

private func readExemptions(_ folder: String, _ found: inout [Diagnostic], _ digests: inout [String])
  -> [ExemptionEntry]
{
  var entries: [ExemptionEntry] = []
  for path in yamlFiles(in: folder, &found) {
    guard let text = readText(path, &found) else { continue }
    digests.append(SHA256Hasher.hex(of: text))
    let problems = Problems(path: path, text: text)
    defer { found += problems.sorted }
    guard let root = readYaml(text, problems: problems),
      let fields = YamlFields(root, what: "the exemption file", known: nil, problems: problems)
    else { continue }
    for (key, value) in fields.all {
      guard
        let one = YamlFields(value, what: key.text, known: ["name", "reason", "law", "unused"], problems: problems)
      else { continue }
      if entries.contains(where: { $0.id == key.text }) {
        problems.error("exempt.duplicate", "\(key.text) is defined twice", key)
      }
      entries.append(
        ExemptionEntry(
          id: key.text, name: one.required("name")?.text ?? "", reason: one.required("reason")?.text ?? "",
          law: one.scalar("law")?.text ?? "", unused: one.scalar("unused")?.text ?? "",
          place: Place(file: path, line: key.line, column: key.column)))
    }
  }
  return entries.sorted { bytesPrecede($0.id, $1.id) }
}

// MARK: - Files

/// Paths of the `.yml` and `.yaml` files directly in a folder, in byte order.
func yamlFiles(in folder: String, _ found: inout [Diagnostic]) -> [String] {
  guard let names = try? FileManager.default.contentsOfDirectory(atPath: folder) else {
    found.append(
      Diagnostic(
        .error, "rule.folder", "the folder can't be read", at: Place(file: folder),
        remedy: "check the path in the pipeline file"))
    return []
  }
  return names.filter { ($0.hasSuffix(".yml") || $0.hasSuffix(".yaml")) && !$0.hasPrefix(".") }
    .sorted(by: bytesPrecede).map { folder.hasSuffix("/") ? folder + $0 : folder + "/" + $0 }
}

func readText(_ path: String, _ found: inout [Diagnostic]) -> String? {
  guard let data = FileManager.default.contents(atPath: path) else {
    found.append(Diagnostic(.error, "rule.file", "the file can't be read", at: Place(file: path)))
    return nil
  }
  guard let text = String(validating: data, as: UTF8.self) else {
    found.append(
      Diagnostic(
        .error, "rule.encoding", "the file is not UTF-8", at: Place(file: path), remedy: "save it as UTF-8"))
    return nil
  }
  return text
}
