import ClaimModel
import Diagnostics

/// A small table written into a test: a CSV block.
public struct TestTable: Sendable, Equatable {
  public var header: [String]
  /// As many fields as the header; blanks trimmed, the empty text is null.
  public var rows: [[String]]
  /// Line in the test file of each row.
  public var lines: [Int]

  public init(header: [String], rows: [[String]], lines: [Int]) {
    self.header = header
    self.rows = rows
    self.lines = lines
  }
}

/// A finding that must come, or a suppression.
public struct TestExpectation: Sendable, Equatable {
  public var key: String
  /// Columns of findings.csv that are compared, with the text they must have; those not named are not compared.
  public var fields: [String: String]
  public var place: Place
}

/// What a parameter is in a test; texts, for only the rule knows its kind.
public struct TestParameter: Sendable, Equatable {
  public struct Value: Sendable, Equatable {
    /// First day on which it holds; nil: always.
    public var from: Int64?
    public var text: String
  }
  public var name: String
  /// Ascending by `from`.
  public var values: [Value]
  public var place: Place
}

/// Claims in, findings out.
public struct RuleTest: Sendable {
  public var rule: String
  public var name: String
  /// The day the test takes for today; nothing reads the clock. nil: the newest setl_time, as in a run.
  public var clock: Int64?
  /// Claim tables by platform name. A column not named is null, but vali_flag is 1.
  public var tables: [String: TestTable]
  /// Registry tables by name. The shipped sets (med_type_b, hosp_lv_rank) hold where the test does not give the table;
  /// any other table not given is missing.
  public var registries: [String: TestTable]
  /// Claim tables written as `missing`: as if a file of them were refused, so that rules arguing from absence stand
  /// still. Sorted.
  public var incomplete: [String]
  /// Compared as a set with all findings of the rule; several of one key must not stand here.
  public var fires: [TestExpectation]
  /// Keys, or ids of rows that are part of a key: no finding may have them.
  public var silent: [TestExpectation]
  /// `fields["exemption"]` is the id; all suppressions of the rule, where the test names any.
  public var suppressed: [TestExpectation]
  /// What the reason for not running must contain (empty: any reason); nil: the rule must run.
  public var notRunnable: String?
  /// Number of unevaluable rows in coverage; nil: not compared.
  public var unevaluable: Int?
  /// Values for the rule's parameters, for both sides of a threshold; by name in the file's order.
  public var parameters: [TestParameter]
  public var place: Place

  /// The rule with the test's parameters instead of its own.
  ///
  /// - Throws: a diagnostic at the parameter that the rule does not have or whose value its kind can't hold.
  public func applied(to rule: Rule) throws(Diagnostic) -> Rule {
    var rule = rule
    for parameter in parameters {
      guard let i = rule.parameters.firstIndex(where: { $0.name == parameter.name }) else {
        throw Diagnostic(.error, "test.parameter", "the rule has no parameter \(parameter.name)", at: parameter.place)
      }
      let kind = rule.parameters[i].kind
      var values: [Parameter.Value] = []
      for value in parameter.values {
        let number =
          kind == .day ? CivilTime.parseDay(value.text) : FixedPoint.parse(value.text, scale: kind.scale ?? 0)
        guard let number else {
          throw Diagnostic(
            .error, "test.parameter", "\(value.text) can't be a value of \(parameter.name)", at: parameter.place)
        }
        values.append(Parameter.Value(from: value.from, value: number, basis: "test"))
      }
      rule.parameters[i].values = values
    }
    return rule
  }
}

/// A change of the rule that no test can notice, with the reason why the changed expression is equivalent.
public struct MutationWaiver: Sendable, Equatable {
  /// The part of the rule as `yijian test --mutate` prints it: `where`, `exempt.EX-01`.
  public var at: String
  /// `before → after` as printed.
  public var mutation: String
  public var equivalent: String
  public var place: Place
}

/// A `RULE.test.yml` beside a rule. `given` and `registries` at the top hold for every test that does not give the
/// same table itself. Tests run with the fill floor at 0.
public struct RuleTestFile: Sendable {
  public var rule: String
  public var tests: [RuleTest]
  /// Changes that `yijian test --mutate` need not notice.
  public var waivers: [MutationWaiver]
  public var path: String
  /// Where the tests begin.
  public var testsPlace: Place

  /// Columns of findings.csv that `fires` may name.
  public static let comparable = [
    "verdict", "severity", "subject_type", "subject", "psn_no", "fixmedins_code", "setl_ids", "line_ids", "from_date",
    "to_date", "measure", "threshold", "amount_fen", "fund_fen", "explanation",
  ]

  /// Reads a test file; all its problems at once.
  public init(text: String, path: String) throws(Diagnostics) {
    let problems = Problems(path: path, text: text)
    var reader = RuleTestReader(problems: problems)
    let read = readYaml(text, problems: problems).flatMap { reader.read($0) }
    if problems.hasErrors { throw Diagnostics(problems.sorted) }
    rule = read?.rule ?? ""
    tests = read?.tests ?? []
    waivers = read?.waivers ?? []
    testsPlace = read?.place ?? Place(file: path)
    self.path = path
  }
}

private struct RuleTestReader {
  let problems: Problems
  private static let contents = [
    "clock", "given", "registries", "fires", "silent", "suppressed", "not_runnable", "unevaluable", "parameters",
  ]

  init(problems: Problems) { self.problems = problems }

  mutating func read(_ root: YamlNode) -> (
    rule: String, tests: [RuleTest], waivers: [MutationWaiver], place: Place
  )? {
    let known = ["rule", "clock", "given", "registries", "tests", "waivers"]
    guard let fields = YamlFields(root, what: "the test file", known: known, problems: problems) else { return nil }
    let rule = fields.required("rule")?.text ?? ""
    let clock = fields.scalar("clock").flatMap { problems.day($0, "clock") }
    let given = tables(fields["given"], registry: false)
    let registries = tables(fields["registries"], registry: true)
    var tests: [RuleTest] = []
    if fields["tests"] == nil {
      problems.error("rule.missing-key", "the test file needs the key tests", root)
    }
    for node in fields.list("tests") {
      guard
        let one = YamlFields(node, what: "a test", known: ["name"] + Self.contents, problems: problems),
        let name = one.required("name")
      else { continue }
      if tests.contains(where: { $0.name == name.text }) {
        problems.error("test.name", "another test has this name", name)
      }
      var test = RuleTest(
        rule: rule, name: name.text, clock: clock, tables: given, registries: registries, incomplete: [], fires: [],
        silent: [],
        suppressed: [], parameters: [], place: problems.place(name))
      fill(&test, one)
      tests.append(test)
    }
    let place = fields.key("tests").map { problems.place($0) } ?? Place(file: problems.path, line: 1, column: 1)
    return (rule, tests, waivers(fields), place)
  }

  private func waivers(_ fields: YamlFields) -> [MutationWaiver] {
    fields.list("waivers").compactMap { node in
      guard
        let one = YamlFields(node, what: "a waiver", known: ["at", "mutation", "equivalent"], problems: problems),
        let at = one.required("at"),
        let mutation = one.required("mutation", remedy: "copy it from the output of yijian test --mutate"),
        let reason = one.required("equivalent", remedy: "say why no row can tell the two expressions apart")
      else { return nil }
      return MutationWaiver(
        at: at.text, mutation: mutation.text, equivalent: reason.text, place: problems.place(mutation))
    }
  }

  private mutating func fill(_ test: inout RuleTest, _ one: YamlFields) {
    if let scalar = one.scalar("clock") { test.clock = problems.day(scalar, "clock") }
    test.tables.merge(tables(one["given"], registry: false)) { $1 }
    test.registries.merge(tables(one["registries"], registry: true)) { $1 }
    test.incomplete = missing(one["given"]).sorted(by: bytesPrecede)
    for name in test.incomplete { test.tables[name] = nil }
    for name in missing(one["registries"]) { test.registries[name] = nil }
    test.parameters = parameters(one)
    test.fires = expectations(one, "fires", known: RuleTestFile.comparable)
    test.suppressed = expectations(one, "suppressed", known: ["exemption", "subject_type", "subject"])
    for expectation in test.suppressed where expectation.fields["exemption"] == nil {
      problems.error(
        "rule.missing-key", "a suppression names its exemption", line: expectation.place.line ?? 1,
        column: expectation.place.column ?? 1)
    }
    for node in one.list("silent") {
      guard let scalar = problems.scalar(node, "silent") else { continue }
      test.silent.append(TestExpectation(key: scalar.text, fields: [:], place: problems.place(scalar)))
    }
    if let scalar = one.scalar("not_runnable") { test.notRunnable = scalar.text == "true" ? "" : scalar.text }
    if let scalar = one.scalar("unevaluable"), let number = problems.integer(scalar, "unevaluable", from: 0) {
      test.unevaluable = Int(number)
    }
    if test.fires.isEmpty, test.silent.isEmpty, test.suppressed.isEmpty, test.notRunnable == nil,
      test.unevaluable == nil
    {
      problems.error(
        "test.empty", "the test expects nothing", one.node,
        remedy: "fires, silent, suppressed, unevaluable or not_runnable")
    }
    if test.notRunnable != nil, !test.fires.isEmpty {
      problems.error("test.contradiction", "a rule that is not runnable can't fire", one.node)
    }
    for silent in test.silent {
      let fires = test.fires.contains {
        $0.key == silent.key || $0.key.split(separator: "|").contains(Substring(silent.key))
      }
      if fires {
        problems.error(
          "test.contradiction", "\(silent.key) can't be silent and stand in fires", line: silent.place.line ?? 1,
          column: silent.place.column ?? 1)
      }
    }
    checkRows(test)
  }

  /// `min_nights: 2`, or `[{value: 1}, {value: 2, from: 2025-03-01}]` for values that change.
  private func parameters(_ one: YamlFields) -> [TestParameter] {
    guard let node = one["parameters"],
      let all = YamlFields(node, what: "parameters", known: nil, problems: problems)
    else { return [] }
    return all.all.map { key, value in
      var parameter = TestParameter(name: key.text, values: [], place: problems.place(key))
      if case .scalar = value.kind {
        if let scalar = problems.scalar(value, key.text) { parameter.values = [.init(from: nil, text: scalar.text)] }
        return parameter
      }
      for item in all.list(key.text) {
        guard let fields = YamlFields(item, what: key.text, known: ["value", "from"], problems: problems),
          let number = fields.required("value")
        else { continue }
        let from = fields.scalar("from").flatMap { problems.day($0, "from") }
        if let last = parameter.values.last, (from ?? Int64.min) <= (last.from ?? Int64.min) {
          problems.error("rule.parameter", "values stand in the order of from, each day once", item)
        }
        parameter.values.append(.init(from: from, text: number.text))
      }
      return parameter
    }
  }

  private func missing(_ node: YamlNode?) -> [String] {
    guard case .mapping(let entries)? = node?.kind else { return [] }
    return entries.filter { $0.value.scalar?.text == "missing" }.map(\.key.text)
  }

  private func expectations(_ one: YamlFields, _ key: String, known: [String]) -> [TestExpectation] {
    var result: [TestExpectation] = []
    for node in one.list(key) {
      var expectation: TestExpectation
      if case .scalar = node.kind {
        guard let scalar = problems.scalar(node, key) else { continue }
        expectation = TestExpectation(key: scalar.text, fields: [:], place: problems.place(scalar))
      } else {
        guard let fields = YamlFields(node, what: key, known: ["key"] + known, problems: problems),
          let name = fields.required("key")
        else { continue }
        expectation = TestExpectation(key: name.text, fields: [:], place: problems.place(name))
        for (column, value) in fields.all where column.text != "key" {
          // Empty is a value too: ADM-09 has no psn_no.
          if let scalar = value.scalar { expectation.fields[column.text] = scalar.text }
        }
      }
      let twice = result.contains {
        $0.key == expectation.key && $0.fields["exemption"] == expectation.fields["exemption"]
      }
      if twice {
        problems.error(
          "test.twice", "\(expectation.key) stands here twice", line: expectation.place.line ?? 1,
          column: expectation.place.column ?? 1)
      }
      result.append(expectation)
    }
    return result
  }

  /// A key that names no row of the test can neither fire nor be silent: a slip of the pen, not a test.
  private func checkRows(_ test: RuleTest) {
    var ids: Set<String> = []
    for table in test.tables.values {
      let mdtrt = table.header.firstIndex(of: "mdtrt_id")
      let sn = table.header.firstIndex(of: "bkkp_sn")
      let others = ["setl_id", "mdtrt_id", "psn_no", "fixmedins_code"].compactMap { table.header.firstIndex(of: $0) }
      for row in table.rows {
        for i in others { ids.insert(row[i]) }
        if let mdtrt, let sn { ids.insert(row[mdtrt] + ":" + row[sn]) }
      }
    }
    for expectation in test.fires + test.silent + test.suppressed {
      let part = expectation.key.split(separator: "|").first.map(String.init) ?? ""
      if !ids.contains(part) {
        problems.error(
          "test.row", "no row of the test is named \(part)", line: expectation.place.line ?? 1,
          column: expectation.place.column ?? 1, remedy: remedy(for: part, among: ids.sorted(by: bytesPrecede)))
      }
    }
  }

  // MARK: - Tables

  private func tables(_ node: YamlNode?, registry: Bool) -> [String: TestTable] {
    guard let node,
      let all = YamlFields(node, what: registry ? "registries" : "given", known: nil, problems: problems)
    else { return [:] }
    var result: [String: TestTable] = [:]
    for (name, value) in all.all {
      let columns: [String]
      if registry {
        guard let schema = RegistrySchema.named(name.text) else {
          problems.error(
            "rule.table", "there is no registry table \(name.text)", name,
            remedy: remedy(for: name.text, among: RegistrySchema.all.map(\.name)))
          continue
        }
        columns = schema.columns.map(\.name)
      } else {
        guard let table = ClaimTable(name: name.text) else {
          problems.error(
            "rule.table", "there is no claim table \(name.text)", name,
            remedy: remedy(for: name.text, among: ClaimTable.allCases.map(\.name)))
          continue
        }
        columns = table.columns.map(\.name)
      }
      guard let scalar = problems.scalar(value, name.text), scalar.text != "missing" else { continue }
      result[name.text] = table(scalar, columns)
    }
    return result
  }

  private func table(_ scalar: YamlScalar, _ columns: [String]) -> TestTable {
    var table = TestTable(header: [], rows: [], lines: [])
    var offset = 0
    for line in scalar.text.split(separator: "\n", omittingEmptySubsequences: false) {
      let start = offset
      offset += line.unicodeScalars.count + 1
      let trimmed = line.drop { $0 == " " }
      if trimmed.isEmpty || trimmed.hasPrefix("#") { continue }
      let cells = fields(line, from: start)
      if table.header.isEmpty {
        for cell in cells where !columns.contains(cell.text) {
          problems.error(
            "rule.column", "there is no column \(cell.text)", scalar, cell.range,
            remedy: remedy(for: cell.text, among: columns))
        }
        for (i, cell) in cells.enumerated() where cells[..<i].contains(where: { $0.text == cell.text }) {
          problems.error("test.column", "column \(cell.text) comes twice", scalar, cell.range)
        }
        table.header = cells.map(\.text)
        continue
      }
      if cells.count != table.header.count {
        problems.error(
          "test.fields", "the row has \(cells.count) fields, the header \(table.header.count)", scalar,
          start..<max(start + 1, offset - 1))
        continue
      }
      table.rows.append(cells.map(\.text))
      table.lines.append(scalar.place(start..<start + 1).line)
    }
    if table.header.isEmpty { problems.error("test.table", "the table has no header", scalar) }
    return table
  }

  /// Commas separate; a field in double quotes may hold them, a quote in it is doubled.
  private func fields(_ line: Substring, from start: Int) -> [(text: String, range: Range<Int>)] {
    var result: [(text: String, range: Range<Int>)] = []
    let s = Array(line.unicodeScalars)
    var i = 0
    repeat {
      while i < s.count, s[i] == " " { i += 1 }
      let first = i
      var text = String.UnicodeScalarView()
      if i < s.count, s[i] == "\"" {
        i += 1
        while i < s.count {
          if s[i] == "\"" {
            if i + 1 < s.count, s[i + 1] == "\"" { i += 1 } else { break }
          }
          text.append(s[i])
          i += 1
        }
        while i < s.count, s[i] != "," { i += 1 }
      } else {
        while i < s.count, s[i] != "," {
          text.append(s[i])
          i += 1
        }
        while text.last == " " { text.removeLast() }
      }
      result.append((String(text), start + first..<start + max(first + 1, first + text.count)))
      i += 1
    } while i <= s.count
    return result
  }
}
