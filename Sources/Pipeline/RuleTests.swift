import Audit
import ClaimModel
import Diagnostics
import Foundation
import Normalize
import Registries
import RulePacks

/// What became of one test.
public struct RuleTestResult: Sendable {
  public var rule: String
  public var name: String
  public var place: Place
  /// Empty: the test holds.
  public var failures: [String]
}

/// `yijian test`: runs the tests beside rules; 0 if all hold, 1 if one fails or there is none.
public func testRules(_ paths: [String], matching pattern: String?, junit: String?) -> Int32 {
  let printer = EventPrinter(format: .text)
  do {
    let regex = try testFilter(pattern)
    var results: [RuleTestResult] = []
    var gaps = rulesWithoutTests(paths)
    for path in testFiles(paths) {
      let both = try readRuleWithTests(path)
      results += try runTests(both, matching: regex)
      gaps += missingTests(of: both.rule, in: both.file)
    }
    for result in results where !result.failures.isEmpty {
      print("FAIL \(result.rule): \(result.name) (\(result.place.file ?? ""):\(result.place.line ?? 0))")
      for failure in result.failures { print("     \(failure)") }
    }
    let failed = results.count { !$0.failures.isEmpty }
    for gap in gaps { print(gap.rendered()) }
    let lacking = gaps.count { $0.severity == .error }
    print(
      "\(results.count - failed) tests hold, \(failed) fail"
        + (lacking == 0 ? "" : "; \(lacking) required test\(lacking == 1 ? " is" : "s are") missing"))
    if results.isEmpty { print("no test was run; look at the path and at --run") }
    if let junit { try writeJUnit(results, to: junit) }
    return failed == 0 && lacking == 0 && !results.isEmpty ? ExitCode.done : ExitCode.saysNo
  } catch {
    return report(error, printer)
  }
}

/// `yijian test --record`: writes what the rules find now into the tests that fail, and fails, so that nobody passes by
/// recording. 0 only if every test holds as it stands.
public func recordTests(_ paths: [String], matching pattern: String?) -> Int32 {
  let printer = EventPrinter(format: .text)
  do {
    let regex = try testFilter(pattern)
    var recorded = 0
    var isStuck = false
    for path in testFiles(paths) {
      let both = try readRuleWithTests(path)
      var outcomes: [String: TestOutcome] = [:]
      for test in both.file.tests where regex.map({ test.name.contains($0) }) ?? true {
        let prepared = try PreparedTest(test, for: both.rule)
        let failures = try prepared.failures(of: both.rule)
        if failures.isEmpty { continue }
        if let outcome = try prepared.outcome(of: both.rule) {
          outcomes[test.name] = outcome
          print("RECORDED \(both.rule.id): \(test.name) (\(path):\(test.place.line ?? 0))")
        } else {
          isStuck = true
          print("FAIL \(both.rule.id): \(test.name) (\(path):\(test.place.line ?? 0))")
        }
        for failure in failures { print("     \(failure)") }
      }
      if outcomes.isEmpty { continue }
      recorded += outcomes.count
      let text = try recording(outcomes, in: both.testText, of: both.file)
      try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }
    if recorded == 0, !isStuck {
      print("every test holds; nothing was recorded")
      return ExitCode.done
    }
    print("\(recorded) tests were recorded; look at the change of each, then run yijian test")
    return ExitCode.saysNo
  } catch {
    return report(error, printer)
  }
}

private func testFilter(_ pattern: String?) throws -> Regex<AnyRegexOutput>? {
  guard let pattern else { return nil }
  do { return try Regex(pattern) } catch {
    throw Diagnostic(
      .error, "usage.regex", "--run is not a regular expression", remedy: "for example --run 'boundary|reversal'")
  }
}

/// Rule files of the folders that have no tests beside them; for a draft a warning.
func rulesWithoutTests(_ paths: [String]) -> [Diagnostic] {
  var found: [Diagnostic] = []
  for path in paths {
    let all = (try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []
    let names = Set(all)
    for name in all.sorted(by: bytesPrecede) {
      guard name.hasSuffix(".yml") || name.hasSuffix(".yaml"), !name.contains(".test.y") else { continue }
      let beside = name.hasSuffix(".yml") ? name.dropLast(4) + ".test.yml" : name.dropLast(5) + ".test.yaml"
      if names.contains(String(beside)) { continue }
      let file = path.hasSuffix("/") ? path + name : path + "/" + name
      let text = FileManager.default.contents(atPath: file).map { String(decoding: $0, as: UTF8.self) } ?? ""
      guard text.hasPrefix("rule:") || text.contains("\nrule:") else { continue }
      let isDraft = parseRule(text: text, path: file).0?.status == .draft
      found.append(
        Diagnostic(
          isDraft ? .warning : .error, "test.missing", "the rule has no tests",
          at: Place(file: file, line: 1, column: 1),
          remedy: "write them into \((String(beside) as NSString).lastPathComponent) beside it"))
    }
  }
  return found
}

func testFiles(_ paths: [String]) -> [String] {
  var files: [String] = []
  for path in paths {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue {
      let all = (try? FileManager.default.subpathsOfDirectory(atPath: path)) ?? []
      files += all.filter { $0.hasSuffix(".test.yml") || $0.hasSuffix(".test.yaml") }.sorted().map { path + "/" + $0 }
    } else {
      files.append(path)
    }
  }
  return files
}

/// A test file and the rule beside it (`X.yml` for `X.test.yml`).
struct RuleWithTests {
  var rule: Rule
  var ruleText: String
  var rulePath: String
  var file: RuleTestFile
  var testText: String
}

func readRuleWithTests(_ path: String) throws -> RuleWithTests {
  guard let data = FileManager.default.contents(atPath: path) else {
    throw Diagnostic(.error, "usage.no-file", "the test file can't be read", at: Place(file: path))
  }
  let testText = String(decoding: data, as: UTF8.self)
  let file = try RuleTestFile(text: testText, path: path)
  let rulePath = path.replacingOccurrences(of: ".test.y", with: ".y")
  guard let ruleData = FileManager.default.contents(atPath: rulePath) else {
    throw Diagnostic(
      .error, "test.no-rule", "there is no rule beside the test", at: Place(file: rulePath),
      remedy: "put X.test.yml beside X.yml")
  }
  let text = String(decoding: ruleData, as: UTF8.self)
  let (rule, problems) = parseRule(text: text, path: rulePath)
  guard let rule else { throw Diagnostics(problems) }
  return RuleWithTests(rule: rule, ruleText: text, rulePath: rulePath, file: file, testText: testText)
}

/// Runs the tests of one rule.
private func runTests(_ both: RuleWithTests, matching regex: Regex<AnyRegexOutput>?) throws -> [RuleTestResult] {
  try both.file.tests.filter { test in regex.map { test.name.contains($0) } ?? true }.map { test in
    RuleTestResult(
      rule: both.rule.id, name: test.name, place: test.place,
      failures: try PreparedTest(test, for: both.rule).failures(of: both.rule))
  }
}

/// A test with its tables read: what stays the same while a rule is changed.
struct PreparedTest {
  var test: RuleTest
  private var input: AuditInput

  /// - Parameter rule: says which columns are read; a changed rule must not read others.
  init(_ test: RuleTest, for rule: Rule) throws {
    self.test = test
    let codes = CodeTable()
    let registries = try registries(of: test, codes)
    let claims = try claims(of: test, rule, registries, codes)
    input = AuditInput(
      claims: claims, registries: registries, fillFloorPercent: 0, incompleteTables: incompleteTables(test))
  }

  /// What the rule finds with the test's parameters; nil with the reason if it has no such parameter.
  func run(_ original: Rule) throws -> (result: AuditResult, problem: String?) {
    var rule: Rule
    do { rule = try test.applied(to: original) } catch { return (AuditResult(), error.message) }
    // A draft rule is tested as it will run.
    rule.status = .active
    return (try audit(rules: [rule], input), nil)
  }

  /// What the rule finds, for `--record`; nil if the test can't be run with this rule.
  func outcome(of rule: Rule) throws -> TestOutcome? {
    let (result, problem) = try run(rule)
    if problem != nil { return nil }
    let coverage = result.coverage.first { $0.rule == rule.id }
    // A suppression names its finding by id; without exemptions the rule says which key that is.
    var bare = rule
    bare.exemptions = []
    var keys: [String: String] = [:]
    for finding in try run(bare).result.findings { keys[finding.id] = finding.key }
    return TestOutcome(
      findings: result.findings.map { finding in
        let fields = RuleTestFile.comparable.map { ($0, value($0, of: finding)) }
        return (finding.key, Dictionary(fields, uniquingKeysWith: { first, _ in first }))
      }.sorted { bytesPrecede($0.0, $1.0) },
      suppressions: result.suppressions.compactMap { one in
        let fields = [
          "exemption": one.exemption, "subject_type": one.subjectType.rawValue, "subject": one.subject,
        ]
        return keys[one.findingID].map { ($0, fields) }
      }.sorted {
        $0.0 == $1.0 ? bytesPrecede($0.1["exemption"] ?? "", $1.1["exemption"] ?? "") : bytesPrecede($0.0, $1.0)
      },
      unevaluable: coverage?.rowsUnevaluable ?? 0,
      notRunnable: coverage?.status == .notRunnable ? coverage?.obstacle?.text ?? "" : nil)
  }

  /// What differs between what the test expects and what the rule finds.
  func failures(of rule: Rule) throws -> [String] {
    if test.fires.isEmpty, test.silent.isEmpty, test.suppressed.isEmpty, test.notRunnable == nil,
      test.unevaluable == nil
    {
      return ["the test expects nothing; name findings in fires or rows in silent"]
    }
    let (result, problem) = try run(rule)
    if let problem { return [problem] }
    var failures: [String] = []
    let coverage = result.coverage.first { $0.rule == rule.id }
    if let reason = test.notRunnable {
      if coverage?.status != .notRunnable {
        failures.append("expected not runnable, but the rule ran")
      } else if !reason.isEmpty, coverage?.obstacle?.text.contains(reason) != true {
        failures.append("not runnable for another reason: \(coverage?.obstacle?.text ?? "")")
      }
      return failures
    }
    if coverage?.status == .notRunnable { return ["not runnable: \(coverage?.obstacle?.text ?? "")"] }
    var found: [String: Finding] = [:]
    for finding in result.findings { found[finding.key] = finding }
    for expected in test.fires {
      guard let finding = found.removeValue(forKey: expected.key) else {
        failures.append("no finding with key \(expected.key)")
        continue
      }
      for (column, text) in expected.fields.sorted(by: { $0.key < $1.key }) where value(column, of: finding) != text {
        failures.append("\(expected.key): \(column) is \(value(column, of: finding)), expected \(text)")
      }
    }
    for silent in test.silent {
      for key in found.keys.sorted()
      where key == silent.key || key.split(separator: "|").contains(Substring(silent.key)) {
        failures.append("\(silent.key) must stay silent, but there is a finding with key \(key)")
        found[key] = nil
      }
    }
    for key in found.keys.sorted() { failures.append("a finding that the test does not name: key \(key)") }
    if !test.suppressed.isEmpty {
      var seen = Set(result.suppressions.map { "\($0.findingID) \($0.exemption)" })
      for expected in test.suppressed {
        let id = StableID.finding(rule: rule.id, key: expected.key)
        let exemption = expected.fields["exemption"] ?? ""
        guard seen.remove("\(id) \(exemption)") != nil,
          let suppression = result.suppressions.first(where: { $0.findingID == id && $0.exemption == exemption })
        else {
          failures.append("\(expected.key) is not suppressed by \(exemption)")
          continue
        }
        let texts = ["subject": suppression.subject, "subject_type": suppression.subjectType.rawValue]
        for (column, text) in expected.fields.sorted(by: { $0.key < $1.key }) where texts[column] ?? text != text {
          failures.append("\(expected.key): \(column) is \(texts[column] ?? ""), expected \(text)")
        }
      }
      for extra in seen.sorted() { failures.append("a suppression that the test does not name: \(extra)") }
    }
    if let expected = test.unevaluable, coverage?.rowsUnevaluable != expected {
      failures.append("\(coverage?.rowsUnevaluable ?? 0) rows unevaluable, expected \(expected)")
    }
    return failures
  }
}

private func incompleteTables(_ test: RuleTest) -> [ClaimTable: String] {
  var result: [ClaimTable: String] = [:]
  for name in test.incomplete {
    if let table = ClaimTable(name: name) { result[table] = "of the test" }
  }
  return result
}

private func registries(of test: RuleTest, _ codes: CodeTable) throws -> Registries {
  let folder = FileManager.default.temporaryDirectory.appendingPathComponent("yijian-test-\(UUID().uuidString)")
  try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
  defer { try? FileManager.default.removeItem(at: folder) }
  for (name, table) in test.registries {
    guard let schema = RegistrySchema.named(name) else {
      throw Diagnostic(.error, "test.registry", "no rule can look up \(name)", at: test.place)
    }
    let missing = schema.columns.filter { $0.required && !table.header.contains($0.name) }.map(\.name)
    var lines = CSVLines(table.header + missing)
    for row in table.rows { lines.add(row + missing.map { $0 == "begndate" ? "2000-01-01" : "" }) }
    try Data(lines.bytes).write(to: folder.appendingPathComponent(name + ".csv"))
  }
  var result = try loadRegistries(folder: folder.path, codes: codes)
  if result["hosp_lv_rank"] == nil { result.tables["hosp_lv_rank"] = try shippedRanks(codes) }
  return result
}

/// As Pipelines/knowledge/hosp_lv_rank.csv: 01-04, 12 → 3; 05-07, 13 → 2; 08-10, 14 → 1; 11 → 0.
private func shippedRanks(_ codes: CodeTable) throws -> Registry? {
  guard let schema = RegistrySchema.named("hosp_lv_rank") else { return nil }
  let ranks: [(String, Int64)] = [
    ("01", 3), ("02", 3), ("03", 3), ("04", 3), ("05", 2), ("06", 2), ("07", 2), ("08", 1), ("09", 1), ("10", 1),
    ("11", 0), ("12", 3), ("13", 2), ("14", 1),
  ]
  return Registry(
    schema: schema, count: ranks.count,
    columns: [
      "hosp_lv": .text(ranks.map { codes.intern($0.0) }), "rank": .number(ranks.map(\.1)),
      "basis": .text(ranks.map { _ in CodeTable.null }),
    ], isAmbiguous: ranks.map { _ in false }, digest: "shipped", source: "shipped")
}

private func claims(of test: RuleTest, _ rule: Rule, _ registries: Registries, _ codes: CodeTable) throws
  -> EffectiveClaims
{
  var raw: [ClaimTable: RawRows] = [:]
  var segments: [SegmentIdentity] = []
  let wanted = neededColumns(rules: [rule])
  for table in ClaimTable.allCases {
    var columns = wanted[table] ?? []
    columns.formUnion(["psn_no", "fixmedins_code", "bydise_setl_payamt", "bilg_dr_code"])
    var loader = RowLoader(table: table, columns: columns, codes: codes)
    if let given = test.tables[table.name] {
      segments.append(SegmentIdentity(batch: "test", file: table.name))
      let valid = table.index(of: "vali_flag")
      for (row, line) in zip(given.rows, given.lines) {
        var fields = [String](repeating: "", count: table.columns.count)
        if let valid { fields[valid] = "1" }
        for (name, text) in zip(given.header, row) {
          if let i = table.index(of: name) { fields[i] = text }
        }
        FieldsBlob.encode(fields).withUnsafeBytes {
          loader.append(segment: Int32(segments.count - 1), line: Int32(line), fields: $0)
        }
      }
    }
    raw[table] = loader.finish()
  }
  return try effectiveClaims(
    NormalizationInput(
      raw: raw, segments: segments, medTypes: registries["med_type_b"].map { StoreState.medTypes($0, codes) },
      excludedSetlTypes: [], codes: codes)
  ).claims
}

private func value(_ column: String, of f: Finding) -> String {
  func day(_ d: Int64?) -> String { d.map(CivilTime.text(day:)) ?? "" }
  func number(_ n: Int64?) -> String { n.map { String($0) } ?? "" }
  switch column {
  case "verdict": return f.verdict.rawValue
  case "severity": return f.severity.rawValue
  case "subject_type": return f.subjectType.rawValue
  case "subject": return f.subject
  case "psn_no": return f.psnNo
  case "fixmedins_code": return f.fixmedinsCode
  case "setl_ids": return f.setlIDs.joined(separator: "|")
  case "line_ids": return f.lineIDs.joined(separator: "|")
  case "from_date": return day(f.from)
  case "to_date": return day(f.to)
  case "measure": return number(f.measure)
  case "threshold": return number(f.threshold)
  case "amount_fen": return String(f.amountFen)
  case "fund_fen": return String(f.fundFen)
  case "explanation": return f.explanation
  default: return ""
  }
}

private func writeJUnit(_ results: [RuleTestResult], to path: String) throws {
  func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
      .replacingOccurrences(of: "\"", with: "&quot;")
  }
  var xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
  xml +=
    "<testsuite name=\"yijian test\" tests=\"\(results.count)\" failures=\"\(results.count { !$0.failures.isEmpty })\">\n"
  for result in results {
    xml += "  <testcase classname=\"\(escaped(result.rule))\" name=\"\(escaped(result.name))\""
    if result.failures.isEmpty {
      xml += "/>\n"
    } else {
      xml +=
        ">\n    <failure message=\"\(escaped(result.failures[0]))\">\(escaped(result.failures.joined(separator: "\n")))</failure>\n  </testcase>\n"
    }
  }
  do {
    try Data((xml + "</testsuite>\n").utf8).write(to: URL(fileURLWithPath: path))
  } catch {
    throw Diagnostic(
      .error, "usage.junit", "The JUnit file can't be written", at: Place(file: path),
      remedy: "Give --junit a path in a folder that is there and may be written to.")
  }
}
