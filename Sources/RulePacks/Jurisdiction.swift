import ClaimModel
import Diagnostics

/// What a bureau's own file says: codes to leave out, and other values for the parameters of rules.
public struct Jurisdiction: Sendable {
  /// A value for one rule's parameter, still as text: its kind is the rule's affair.
  public struct Override: Sendable, Equatable {
    /// `ADM-01.min_nights`.
    public var name: String
    /// Ascending by `from`; text is the number as written.
    public var values: [Value]
    public var place: Place
    public struct Value: Sendable, Equatable {
      public var from: Int64?
      public var text: String
      public var basis: String
      public var place: Place
    }
  }

  /// setl_type values whose settlements do not count (claims.md 1.2); none unless the file names some.
  public var excludedSetlTypes: Set<String> = []
  public var overrides: [Override] = []
  /// Path as given, and SHA-256 of the file's bytes; empty without a file.
  public var path = ""
  public var digest = ""

  /// The defaults of the rules.
  public init() {}

  /// Reads a jurisdiction file; all its problems at once. Whether a rule has the parameter is checked when the rules
  /// are loaded (`loadRulePacks`).
  public init(text: String, path: String) throws(Diagnostics) {
    let problems = Problems(path: path, text: text)
    self.path = path
    digest = SHA256Hasher.hex(of: text)
    if let root = readYaml(text, problems: problems),
      let fields = YamlFields(
        root, what: "the jurisdiction", known: ["jurisdiction", "name", "parameters"], problems: problems),
      let node = fields["parameters"],
      let parameters = YamlFields(node, what: "parameters", known: nil, problems: problems)
    {
      for (key, value) in parameters.all { read(key, value, problems) }
    }
    if problems.hasErrors { throw Diagnostics(problems.sorted) }
  }

  private mutating func read(_ key: YamlScalar, _ node: YamlNode, _ problems: Problems) {
    if key.text == "excluded_setl_type" {
      guard case .sequence(let items) = node.kind else {
        problems.error(
          "jurisdiction.shape", "excluded_setl_type is a list", node, remedy: "excluded_setl_type: [\"3\"]")
        return
      }
      for item in items {
        if let scalar = problems.scalar(item, "a setl_type") { excludedSetlTypes.insert(scalar.text) }
      }
      return
    }
    guard key.text.contains(".") else {
      problems.error(
        "jurisdiction.parameter", "there is no parameter \(key.text)", key,
        remedy: nearest(key.text, among: ["excluded_setl_type"]).map { "did you mean \($0)?" }
          ?? "excluded_setl_type, or RULE.parameter such as ADM-01.min_nights")
      return
    }
    let items: [YamlNode]
    if case .sequence(let list) = node.kind { items = list } else { items = [node] }
    var values: [Override.Value] = []
    for item in items {
      if let scalar = item.scalar {
        guard problems.scalar(item, key.text) != nil else { continue }
        values.append(
          Override.Value(from: nil, text: scalar.text, basis: "", place: problems.place(scalar)))
      } else if let one = YamlFields(item, what: key.text, known: ["value", "from", "basis"], problems: problems) {
        guard let value = one.required("value") else { continue }
        values.append(
          Override.Value(
            from: one.scalar("from").flatMap { problems.day($0, "from") }, text: value.text,
            basis: one.required("basis", remedy: "name the local document")?.text ?? "",
            place: problems.place(value)))
      }
    }
    for (a, b) in zip(values, values.dropFirst()) where (b.from ?? Int64.min) <= (a.from ?? Int64.min) {
      problems.error("jurisdiction.order", "values stand in the order of from, each day once", key)
    }
    overrides.append(Override(name: key.text, values: values, place: problems.place(key)))
  }
}

extension Problems {
  func place(_ scalar: YamlScalar) -> Place { Place(file: path, line: scalar.line, column: scalar.column) }
}
