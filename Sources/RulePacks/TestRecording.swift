import ClaimModel
import Diagnostics

/// What a rule found in a test, as the texts that a test compares.
public struct TestOutcome: Sendable {
  /// Columns of `RuleTestFile.comparable` by key of the finding; ascending by key (bytes).
  public var findings: [(key: String, fields: [String: String])]
  /// exemption, subject_type and subject by key of the finding; ascending by key, then exemption.
  public var suppressions: [(key: String, fields: [String: String])]
  public var unevaluable: Int
  /// Why the rule did not run; nil if it ran.
  public var notRunnable: String?

  public init(
    findings: [(key: String, fields: [String: String])], suppressions: [(key: String, fields: [String: String])],
    unevaluable: Int, notRunnable: String?
  ) {
    self.findings = findings
    self.suppressions = suppressions
    self.unevaluable = unevaluable
    self.notRunnable = notRunnable
  }
}

/// The test file with what its tests found instead of what they expected; all other text stays as it is.
///
/// - Parameters:
///   - outcomes: by name of the test; tests not named stay as they are.
///   - file: the tests of `text`.
/// - Throws: diagnostics if the file has errors, or a test to be changed is written in braces on one line.
public func recording(_ outcomes: [String: TestOutcome], in text: String, of file: RuleTestFile)
  throws(Diagnostics) -> String
{
  let problems = Problems(path: file.path, text: text)
  guard let root = readYaml(text, problems: problems), case .mapping(let fields) = root.kind,
    case .sequence(let nodes)? = fields.first(where: { $0.key.text == "tests" })?.value.kind
  else { throw Diagnostics(problems.sorted) }
  var edits = TextEdits(text)
  for node in nodes {
    guard case .mapping(let entries) = node.kind,
      let name = entries.first(where: { $0.key.text == "name" })?.value.scalar?.text, let outcome = outcomes[name],
      let test = file.tests.first(where: { $0.name == name })
    else { continue }
    var writer = ExpectationWriter(test: test, outcome: outcome, entries: entries)
    writer.write(into: &edits)
    if writer.hasChanged, edits.character(node.line, node.column) == "{" {
      problems.error(
        "test.record", "expectations can't be written into a test in braces", line: node.line, column: node.column,
        remedy: "write each key of the test on a line of its own")
    }
  }
  if problems.hasErrors { throw Diagnostics(problems.sorted) }
  return edits.applied()
}

/// The test file with one more test behind the others; all other text stays as it is.
///
/// - Parameters:
///   - lines: the test from `- name: …` on, without indentation of its own.
///   - text: the test file; the empty text makes a new one for `rule`.
public func appendingTest(_ lines: [String], to text: String, path: String, rule: String) throws(Diagnostics) -> String
{
  if text.isEmpty {
    return "rule: \(rule)\ntests:\n" + lines.map { $0.isEmpty ? "\n" : "  \($0)\n" }.joined()
  }
  let problems = Problems(path: path, text: text)
  guard let root = readYaml(text, problems: problems), case .mapping(let fields) = root.kind,
    let tests = fields.first(where: { $0.key.text == "tests" }), case .sequence(let nodes) = tests.value.kind
  else { throw Diagnostics(problems.sorted) }
  // A test begins with a hyphen and a blank before its first key.
  let indent = String(repeating: " ", count: max(0, (nodes.first?.column ?? 5) - 3))
  var edits = TextEdits(text)
  edits.insert("\n" + lines.map { $0.isEmpty ? "" : indent + $0 }.joined(separator: "\n"), after: tests.key)
  return edits.applied()
}

/// Changes of a text at places of its YAML nodes.
struct TextEdits {
  private let lines: [[Unicode.Scalar]]
  private var changes: [(start: (line: Int, column: Int), end: (line: Int, column: Int), text: String)] = []

  init(_ text: String) {
    var lines: [[Unicode.Scalar]] = [[]]
    for scalar in text.unicodeScalars {
      if scalar == "\n" { lines.append([]) } else { lines[lines.count - 1].append(scalar) }
    }
    self.lines = lines
  }

  func character(_ line: Int, _ column: Int) -> Unicode.Scalar? {
    guard lines.indices.contains(line - 1), lines[line - 1].indices.contains(column - 1) else { return nil }
    return lines[line - 1][column - 1]
  }

  /// A scalar in its quotes, if it has some.
  mutating func replace(_ scalar: YamlScalar, with text: String) {
    let isQuoted = ["\"", "'"].contains(character(scalar.line, scalar.column))
    let last = scalar.places.last ?? (scalar.line, scalar.column)
    changes.append(((scalar.line, scalar.column), (last.line, last.column + (isQuoted ? 1 : 0)), yamlText(text)))
  }

  /// A key of a block mapping with all that belongs to it. The empty text removes it with its line.
  mutating func replace(entry key: YamlScalar, with text: String) {
    let last = lastLine(of: key)
    if text.isEmpty, lines[key.line - 1].prefix(key.column - 1).allSatisfy({ $0 == " " }) {
      changes.append(((key.line, 1), (last + 1, 1), ""))
    } else {
      changes.append(((key.line, key.column), (last, lines[last - 1].count + 1), text))
    }
  }

  /// After a key of a block mapping and all that belongs to it.
  mutating func insert(_ text: String, after key: YamlScalar) {
    let last = lastLine(of: key)
    let end = (last, lines[last - 1].count + 1)
    changes.append((end, end, "\n" + text))
  }

  mutating func append(_ text: String) {
    let end = (lines.count, (lines.last?.count ?? 0) + 1)
    changes.append((end, end, text))
  }

  /// The lines of an entry are those that are indented more than its key, and a list may stand at its own column.
  private func lastLine(of key: YamlScalar) -> Int {
    var last = key.line
    for number in (key.line + 1)..<(lines.count + 1) where number <= lines.count {
      let line = lines[number - 1]
      let indent = line.prefix { $0 == " " }.count
      if indent == line.count || line[indent] == "\r" { continue }
      let isItem = indent == key.column - 1 && line[indent] == "-"
      if indent < key.column, !isItem { break }
      last = number
    }
    return last
  }

  func applied() -> String {
    var result = String.UnicodeScalarView()
    var at = (line: 1, column: 1)
    func copy(to end: (line: Int, column: Int)) {
      while at.line < end.line, at.line <= lines.count {
        result.append(contentsOf: lines[at.line - 1].dropFirst(at.column - 1))
        if at.line < lines.count { result.append("\n") }
        at = (at.line + 1, 1)
      }
      if at.line == end.line, at.line <= lines.count, end.column > at.column {
        result.append(contentsOf: lines[at.line - 1][(at.column - 1)..<min(end.column - 1, lines[at.line - 1].count)])
        at = end
      }
    }
    for change in changes.enumerated().sorted(by: {
      ($0.element.start.line, $0.element.start.column, $0.offset)
        < ($1.element.start.line, $1.element.start.column, $1.offset)
    }).map(\.element) {
      copy(to: change.start)
      result.append(contentsOf: change.text.unicodeScalars)
      at = change.end
    }
    copy(to: (lines.count + 1, 1))
    return String(result)
  }
}

/// A text as a YAML scalar that may stand in braces.
func yamlText(_ text: String) -> String {
  let isPlain =
    text.unicodeScalars.first.map { $0.properties.isAlphabetic || ("0"..."9").contains($0) } == true
    && text.unicodeScalars.allSatisfy {
      $0.properties.isAlphabetic || ("0"..."9").contains($0) || "|._-".unicodeScalars.contains($0)
    }
  // What is quoted for JSON is quoted for YAML, control characters included.
  return isPlain ? text : EscapedText.json(text)
}

/// Writes what differs between one test and what was found.
private struct ExpectationWriter {
  let test: RuleTest
  let outcome: TestOutcome
  let entries: [(key: YamlScalar, value: YamlNode)]
  private(set) var hasChanged = false
  private var removed: Set<String> = []

  init(test: RuleTest, outcome: TestOutcome, entries: [(key: YamlScalar, value: YamlNode)]) {
    self.test = test
    self.outcome = outcome
    self.entries = entries
  }

  mutating func write(into edits: inout TextEdits) {
    if let reason = outcome.notRunnable {
      for key in ["fires", "suppressed", "unevaluable"] { set(key, "", &edits) }
      if let expected = test.notRunnable {
        if !expected.isEmpty, !reason.contains(expected) { set("not_runnable", yamlText(reason), &edits) }
      } else {
        set("not_runnable", yamlText(reason), &edits)
      }
      return
    }
    if test.notRunnable != nil { set("not_runnable", "", &edits) }
    writeFires(&edits)
    let kept = test.silent.filter { silent in !outcome.findings.contains { names(silent.key, $0.key) } }
    if kept.count != test.silent.count {
      set("silent", kept.isEmpty ? "" : "[\(kept.map { yamlText($0.key) }.joined(separator: ", "))]", &edits)
    }
    writeSuppressed(&edits)
    let saysNothing = outcome.findings.isEmpty && kept.isEmpty && outcome.suppressions.isEmpty
    if test.unevaluable.map({ $0 != outcome.unevaluable }) ?? saysNothing {
      set("unevaluable", String(outcome.unevaluable), &edits)
    }
  }

  private mutating func writeSuppressed(_ edits: inout TextEdits) {
    if test.suppressed.isEmpty { return }
    func matches(_ expected: TestExpectation, _ found: (key: String, fields: [String: String])) -> Bool {
      expected.key == found.key && expected.fields["exemption"] == found.fields["exemption"]
    }
    let holds =
      test.suppressed.count == outcome.suppressions.count
      && test.suppressed.allSatisfy { expected in
        outcome.suppressions.contains { found in
          matches(expected, found) && expected.fields.allSatisfy { found.fields[$0.key] == $0.value }
        }
      }
    if holds { return }
    let lines = outcome.suppressions.map { found in
      let named = test.suppressed.first { matches($0, found) }.map { Set($0.fields.keys) } ?? ["exemption"]
      let columns = ["exemption", "subject_type", "subject"].filter(named.contains)
      let texts = columns.map { "\($0): \(yamlText(found.fields[$0] ?? ""))" }
      return "{key: \(yamlText(found.key)), \(texts.joined(separator: ", "))}"
    }
    set("suppressed", list(lines), &edits)
  }

  private func names(_ silent: String, _ key: String) -> Bool {
    key == silent || key.split(separator: "|").contains(Substring(silent))
  }

  private mutating func writeFires(_ edits: inout TextEdits) {
    let found = Dictionary(outcome.findings.map { ($0.key, $0.fields) }, uniquingKeysWith: { first, _ in first })
    if Set(test.fires.map(\.key)) == Set(found.keys) {
      // The same findings: only values that differ are replaced, each in its place.
      guard let node = entries.first(where: { $0.key.text == "fires" })?.value else { return }
      let items: [YamlNode] = if case .sequence(let items) = node.kind { items } else { [node] }
      for item in items {
        guard case .mapping(let fields) = item.kind,
          let key = fields.first(where: { $0.key.text == "key" })?.value.scalar?.text, let now = found[key]
        else { continue }
        for (column, value) in fields where column.text != "key" {
          if let scalar = value.scalar, let text = now[column.text], text != scalar.text {
            edits.replace(scalar, with: text)
            hasChanged = true
          }
        }
      }
      return
    }
    let lines = outcome.findings.map { key, fields in
      let expected = test.fires.first { $0.key == key }
      let named = expected.map { Set($0.fields.keys) } ?? ["verdict", "amount_fen", "fund_fen"]
      if named.isEmpty { return yamlText(key) }
      let columns = RuleTestFile.comparable.filter(named.contains)
      return
        "{key: \(yamlText(key)), \(columns.map { "\($0): \(yamlText(fields[$0] ?? ""))" }.joined(separator: ", "))}"
    }
    set("fires", list(lines), &edits)
  }

  private var indent: Int { (entries.first?.key.column ?? 1) - 1 }

  /// One item a line.
  private func list(_ items: [String]) -> String {
    let blanks = String(repeating: " ", count: indent + 2)
    return items.map { "\n\(blanks)- \($0)" }.joined()
  }

  /// Replaces, adds or (with the empty text) removes a key of the test.
  private mutating func set(_ name: String, _ value: String, _ edits: inout TextEdits) {
    let blank = value.hasPrefix("\n") ? "" : " "
    if let entry = entries.first(where: { $0.key.text == name }) {
      if value.isEmpty { removed.insert(name) }
      edits.replace(entry: entry.key, with: value.isEmpty ? "" : "\(name):\(blank)\(value)")
    } else if !value.isEmpty, let last = entries.last(where: { !removed.contains($0.key.text) }) {
      edits.insert("\(String(repeating: " ", count: indent))\(name):\(blank)\(value)", after: last.key)
    } else {
      return
    }
    hasChanged = true
  }
}
