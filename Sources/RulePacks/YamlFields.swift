import ClaimModel
import Diagnostics

/// The keys of one mapping, each taken once; what is not known is an error with the nearest known key.
struct YamlFields {
  let node: YamlNode
  private let entries: [(key: YamlScalar, value: YamlNode)]
  let problems: Problems
  /// What the mapping is, for messages: `the rule`, `a lookup`.
  let what: String

  /// nil (after an error) when the node is no mapping.
  init?(_ node: YamlNode, what: String, known: [String]?, problems: Problems) {
    guard case .mapping(let entries) = node.kind else {
      problems.error("rule.shape", "\(what) must be written as key: value", node)
      return nil
    }
    self.node = node
    self.entries = entries
    self.problems = problems
    self.what = what
    guard let known else { return }
    for (key, _) in entries where !known.contains(key.text) {
      problems.error(
        "rule.unknown-key", "\(what) has no key \(key.text)", key, remedy: remedy(for: key.text, among: known))
    }
  }

  var all: [(key: YamlScalar, value: YamlNode)] { entries }

  subscript(_ key: String) -> YamlNode? { entries.first { $0.key.text == key }?.value }

  func key(_ key: String) -> YamlScalar? { entries.first { $0.key.text == key }?.key }

  /// A text; nil when absent or (after an error) no text.
  func scalar(_ key: String) -> YamlScalar? {
    guard let value = self[key] else { return nil }
    return problems.scalar(value, "\(key) of \(what)")
  }

  /// A text that must be there.
  func required(_ key: String, remedy: String? = nil) -> YamlScalar? {
    guard let value = self[key] else {
      problems.error(
        "rule.missing-key", "\(what) needs the key \(key)", line: node.line, column: node.column, remedy: remedy)
      return nil
    }
    return problems.scalar(value, "\(key) of \(what)")
  }

  /// A list; one scalar stands for a list of one.
  func list(_ key: String) -> [YamlNode] {
    guard let value = self[key] else { return [] }
    switch value.kind {
    case .sequence(let items): return items
    case .scalar: return [value]
    case .mapping:
      problems.error("rule.shape", "\(key) of \(what) must be a list", value)
      return []
    }
  }

  /// One of the raw values of an enumeration.
  func choice<E: RawRepresentable & CaseIterable>(_ key: String, _ type: E.Type) -> E? where E.RawValue == String {
    guard let scalar = scalar(key) else { return nil }
    return problems.choice(scalar, type, key)
  }
}

extension Problems {
  /// A scalar that is not empty.
  func scalar(_ node: YamlNode, _ what: String) -> YamlScalar? {
    guard let scalar = node.scalar else {
      error("rule.shape", "\(what) must be a single value", node)
      return nil
    }
    if scalar.text.isEmpty {
      error("rule.empty-value", "\(what) has no value", scalar)
      return nil
    }
    return scalar
  }

  func choice<E: RawRepresentable & CaseIterable>(_ scalar: YamlScalar, _ type: E.Type, _ what: String) -> E?
  where E.RawValue == String {
    if let value = E(rawValue: scalar.text) { return value }
    error(
      "rule.value", "\(scalar.text) is no \(what)", scalar,
      remedy: remedy(for: scalar.text, among: E.allCases.map(\.rawValue)))
    return nil
  }

  func integer(_ scalar: YamlScalar, _ what: String, from least: Int64) -> Int64? {
    if let value = FixedPoint.parse(scalar.text, scale: 0), value >= least { return value }
    error("rule.value", "\(what) must be a whole number, at least \(least)", scalar)
    return nil
  }

  func day(_ scalar: YamlScalar, _ what: String) -> Int64? {
    if scalar.text.utf8.count == 10, let day = CivilTime.parseDay(scalar.text) { return day }
    error("rule.date", "\(what) must be a calendar day", scalar, remedy: "write yyyy-MM-dd")
    return nil
  }

  func truth(_ scalar: YamlScalar, _ what: String) -> Bool {
    if scalar.text == "true" { return true }
    if scalar.text != "false" { error("rule.value", "\(what) must be true or false", scalar) }
    return false
  }
}
