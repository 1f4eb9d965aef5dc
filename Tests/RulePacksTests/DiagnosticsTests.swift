import ClaimModel
import Diagnostics
import Testing

@testable import RulePacks

/// A rule without problems, as lines that tests change.
private let good = """
  rule: TST-01
  version: 1
  name: {zh: 测试, en: Test}
  category: test
  status: active
  severity: high
  subject: institution
  basis: [条例38-6]
  each: line
  needs: [hilist_b]
  lookup:
    cat: {table: hilist_b, key: {hilist_code: line.hilist_code}, region: line.settlement.fix_blng_admdvs, on: line.day}
  where: line.A > 100.00 AND cat.chrgitm_lv = '03'
  cases: [{verdict: 可疑, precedence: 5}]
  key: [line.id]
  amount: {A: sum_A, F: sum_F}
  explain: {zh: "{line.day} 涉及 {A} 元"}
  false_positives: 无
  """

private func changed(_ pairs: [(String, String)]) -> String {
  var text = good
  for (from, to) in pairs { text = text.replacing(from, with: to) }
  return text
}

@Suite struct WrongRules {
  @Test func aGoodRuleHasNoProblem() throws {
    let (rule, problems) = parseRule(text: good, path: "a.yml")
    // A number that decides, without a basis.
    #expect(problems.map(\.code) == ["rule.threshold"])
    #expect(problems.allSatisfy { $0.severity == .warning && $0.place.line == 13 && $0.place.column == 17 })
    let parsed = try #require(rule)
    #expect(
      parsed.condition
        == .and([
          .compare(
            .greater, .claim(binding: "line", path: [], column: "A", kind: .money), .integer(10000)),
          .compare(.equal, .registry(lookup: "cat", column: "chrgitm_lv", kind: .text), .text("03")),
        ]))
    #expect(parsed.lines == .hits(binding: "line"))
    #expect(parsed.cases.map(\.precedence) == [5])
    #expect(parsed.explain.count == 4)
  }

  @Test func tenMistakesGiveTenDiagnosticsWhereTheyStand() {
    let text = """
      rule: TST-01
      verson: 1
      version: 1
      name: {zh: 测试, en: Test}
      category: test
      status: activ
      severity: high
      subject: institution
      basis: [条例38-6]
      each: line
      needs: [hilist_b]
      lookup:
        cat: {table: hilist_b, key: {hilst_code: line.hilist_code}, region: line.settlement.fix_blng_admdvs, on: line.day}
      scope: 涉及 > 0
      where: |
        line.inscp_amt > 0
        AND line.settlment.med_type = '11'
        AND line.list_type = 101
        AND line.cnt > line.A
      unless: line.med_list_codg = '国药' AND line.brdy IS NULL
      cases: [{verdict: 可疑, precedence: 5}]
      cases: [{verdict: 线索}]
      key: [line.id]
      amount: {A: sum_A, F: sum_F}
      explain: {zh: "费用 {line.dy} 涉及 {A} 元"}
      false_positives: 无
      """
    let (rule, problems) = parseRule(text: text, path: "a.yml")
    #expect(rule == nil)
    let found = problems.map {
      "\($0.place.line ?? 0):\($0.place.column ?? 0):\($0.excerpt?.length ?? 0) \($0.code)"
        + ($0.remedy.map { " \($0)" } ?? "")
    }
    #expect(
      found == [
        "2:1:6 rule.unknown-key did you mean version?",
        "6:9:5 rule.value did you mean active?",
        "13:32:10 rule.column did you mean hilist_code?",
        "14:8:1 rule.syntax",
        "17:12:9 rule.parent did you mean settlement?",
        "18:24:3 rule.type codes are text: write '101'",
        "19:7:17 rule.type",
        "20:44:4 rule.column did you mean line.settlement.brdy?",
        "22:1:5 rule.duplicate-key keep one of them",
        "25:25:2 rule.column did you mean day?",
      ])
    // Chinese before the caret takes two cells each.
    let last = problems.last?.rendered() ?? ""
    #expect(last.contains("\n   |" + String(repeating: " ", count: 27) + "^~\n"), "\(last)")
  }

  @Test(arguments: [
    ("line.A > 100.00", "line.A > 100.005", "rule.literal"),
    ("line.A > 100.00", "line.A > 'x'", "rule.type"),
    ("line.A > 100.00", "line.A > line.cnt", "rule.type"),
    ("line.A > 100.00", "line.A > line.A", "rule.constant"),
    ("line.A > 100.00", "line.A > 5 AND line.A < 3", "rule.impossible"),
    ("line.A > 100.00", "line.list_type = '101' AND line.list_type = '201'", "rule.impossible"),
    ("line.A > 100.00", "line.fee_ocur_time > DATE '2025-01-01'", "rule.type"),
    ("line.A > 100.00", "line.day > DATE '2025-02-30'", "rule.date"),
    ("line.A > 100.00", "line.day + line.day > line.day", "rule.type"),
    ("line.A > 100.00", "line.A * line.A > 5", "rule.type"),
    ("line.A > 100.00", "line.list_type = ''", "rule.empty-text"),
    ("line.A > 100.00", "line.A > $limit", "rule.parameter"),
    ("line.A > 100.00", "line.list_type LIKE '1%'", "rule.syntax"),
    ("line.A > 100.00", "(line.A > 1", "rule.syntax"),
    ("line.A > 100.00", "line.A", "rule.type"),
    ("line.A > 100.00", "COUNT(*) > 1", "rule.hits"),
    ("line.A > 100.00", "cat CONTAINS chrgitm_lv = '1'", "rule.lookup"),
    ("line.A > 100.00", "LEST(line.A, 1) > 1", "rule.syntax"),
    ("line.A > 100.00", "EXISTS(l IN line.lines WHERE l.A > 0)", "rule.children"),
    ("needs: [hilist_b]", "needs: [hilst_b]", "rule.table"),
    ("needs: [hilist_b]", "absence: [fee_list_d]", "rule.needs"),
    ("on: line.day", "on: line.fee_ocur_time", "rule.type"),
    ("on: line.day", "optional: false", "rule.lookup"),
    (", region: line.settlement.fix_blng_admdvs", "", "rule.lookup"),
    ("table: hilist_b", "table: opsp_reg_d", "rule.column"),
    ("severity: high", "severity: &s high", "rule.anchor"),
    ("severity: high", "severity: hihg", "rule.value"),
    ("A: sum_A", "A: sum_a", "rule.amount"),
    ("A: sum_A", "A: stay_A(line)", "rule.amount"),
    ("verdict: 可疑, precedence: 5", "verdict: 线索, precedence: 5", "rule.case"),
    ("verdict: 可疑, precedence: 5", "verdict: 可疑", "rule.missing-key"),
    ("subject: institution", "subject: group", "rule.missing-key"),
    ("version: 1", "version: 1\nlines: none", "rule.amount"),
    ("version: 1", "version: 1\nexempt: [{id: EX-01}]", "rule.missing-key"),
    ("version: 1", "version: 1\nparameters: {n: 3}", "rule.parameter"),
    ("version: 1", "version: 1\nparameters: {n: {value: 3}}", "rule.missing-key"),
    ("version: 1", "version: one", "rule.value"),
    ("rule: TST-01", "rule: tst", "rule.id"),
    ("{A} 元", "{A 元", "rule.explain"),
    // No code list has words for a name; TEXTS is for groups of rows.
    ("{A} 元", "{WORD(line.hilist_name)} 元", "rule.explain"),
    ("{A} 元", "{cat.TEXTS(hilist_name)} 元", "rule.lookup"),
    ("basis: [条例38-6]", "since: 2025-13-01", "rule.date"),
    ("key: [line.id]", "key: [line.id", "rule.yaml"),
  ])
  func oneMistakeIsNamed(_ from: String, _ to: String, _ code: String) {
    let text = changed([(from, to)])
    #expect(text != good)
    let (rule, problems) = parseRule(text: text, path: "a.yml")
    #expect(rule == nil)
    #expect(problems.contains { $0.code == code && $0.severity == .error }, "\(problems.map(\.description))")
  }

  @Test func anEscapedQuoteMovesNoColumn() {
    let text = changed([
      ("where: line.A > 100.00 AND cat.chrgitm_lv = '03'", "where: 'cat.chrgitm_lv = ''03'' AND line.x > 1'")
    ])
    let problem = parseRule(text: text, path: "a.yml").1.first
    // where: 'cat.chrgitm_lv = ''03'' AND line.x
    // 123456789012345678901234567890123456789012
    #expect(problem?.place.line == 13)
    #expect(problem?.place.column == 42)
  }

  @Test func nothingIsTypedByYaml() {
    let text = changed([("line.A > 100.00", "line.list_type IN ('012', '1E5', 'on', '12:30')")])
    let (rule, problems) = parseRule(text: text, path: "a.yml")
    #expect(problems == [])
    guard case .and(let parts) = rule?.condition, case .inList(_, let values) = parts[0] else {
      Issue.record("no list")
      return
    }
    #expect(values == [.text("012"), .text("1E5"), .text("on"), .text("12:30")])
  }
}

@Suite struct Jurisdictions {
  @Test func overridesReplaceTheRulesValues() throws {
    let file = try Jurisdiction(
      text: """
        parameters:
          excluded_setl_type: ["3"]
          ADM-01.min_nights: 2
          CHR-04.grace_days:
            - {value: 30, basis: 省文件}
            - {value: 60, from: 2025-07-01, basis: 省文件二}
        """, path: "j.yml")
    let pack = try loadRulePacks(folders: [root + "Pipelines/rules"], jurisdiction: file)
    #expect(pack.excludedSetlTypes == ["3"])
    #expect(pack.rules[0].parameters[0].values.map(\.value) == [2])
    let grace = try #require(pack.rules.first { $0.id == "CHR-04" }?.parameters.first)
    let july = try #require(CivilTime.parseDay("2025-07-01"))
    #expect(grace.value(on: july - 1) == 30)
    #expect(grace.value(on: july) == 60)
  }

  @Test(arguments: ["ADM-01.min_night: 1", "min_nights: 1", "ADM-01.min_nights: x", "excluded_setl_type: 3"])
  func whatNoRuleHasIsRefused(_ line: String) {
    #expect(throws: Diagnostics.self) {
      let file = try Jurisdiction(text: "parameters: {\(line)}", path: "j.yml")
      _ = try loadRulePacks(folders: [root + "Pipelines/rules"], jurisdiction: file)
    }
  }
}
