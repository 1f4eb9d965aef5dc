import ClaimModel
import Diagnostics
import Testing

@testable import RulePacks

/// A rule without problems; `body` stands between its head and its amounts.
private func rule(_ body: String) -> String {
  """
  rule: TST-01
  version: 1
  name: {zh: 测试, en: Test}
  category: test
  status: active
  severity: high
  subject: institution
  basis: [条例38-6]
  \(body)
  cases: [{verdict: 可疑, precedence: 5}]
  amount: none
  explain: {zh: 说明}
  false_positives: 无
  """
}

private func codes(_ body: String) -> [String] {
  parseRule(text: rule(body), path: "a.yml").1.map { "\($0.place.line ?? 0):\($0.place.column ?? 0) \($0.code)" }
}

@Suite struct Lints {
  /// Nine mistakes, nine diagnostics, each exactly where it stands, Chinese before most of the carets.
  @Test func nineMistakesGiveNineDiagnostics() {
    let text = """
      rule: CAT-01
      version: 一
      name: {zh: 超医保目录结算, en: x}
      category: out-of-catalogue
      status: actve
      severity: high
      subject: institution
      basis: [条例38-6]
      each: line
      naeds: [hilist_b]
      scope: line.hilist_nmae = '中文药名' AND line.list_tipe = '101'
      where: line.hilist_name = '超目录药品' AND line.cnt = '3'
      unless: line.A > 0 AND line.A < 0
      cases: [{verdict: 明确违规, precedence: 30}]
      key: [line.id]
      amount: {A: sum_A, F: sum_G}
      explain: {zh: "中文 {line.hilst_name} 说明"}
      false_positives: 地方增补目录未导入
      """
    let problems = parseRule(text: text, path: "规则/a.yml").1
    #expect(
      problems.map { "\($0.place.line ?? 0):\($0.place.column ?? 0):\($0.excerpt?.length ?? 0) \($0.code)" } == [
        "2:10:1 rule.value", "5:9:5 rule.value", "10:1:5 rule.unknown-key", "11:13:11 rule.column",
        "11:43:9 rule.column", "12:39:14 rule.type", "13:24:10 rule.impossible", "16:23:5 rule.amount",
        "17:25:10 rule.column",
      ])
    // 12: `line.hilist_name = '超目录药品' AND ` is 38 scalars of which five take two cells.
    #expect(
      problems[5].rendered() == """
        规则/a.yml:12:39: error[rule.type]: a quantity can't be compared with text
        12 | where: line.hilist_name = '超目录药品' AND line.cnt = '3'
           | \(String(repeating: " ", count: 43))^~~~~~~~~~~~~~
          = remedy: drop the quotes: 3
        """)
  }

  @Test func numbersThatDecideNeedABasis() {
    #expect(codes("each: stay\nwhere: stay.nights > 3\nkey: [stay.mdtrt_id]") == ["10:22 rule.threshold"])
    #expect(codes("each: stay\nwhere: stay.nights > 1\nkey: [stay.mdtrt_id]") == [])
    #expect(
      codes(
        "each: stay\nparameters: {most: {value: 3, basis: 规定}}\nwhere: stay.nights > $most\nkey: [stay.mdtrt_id]") == []
    )
    // A factor is no threshold.
    #expect(codes("each: stay\nwhere: stay.nights * 100 > stay.los\nkey: [stay.mdtrt_id]") == [])
  }

  @Test(arguments: [
    ("[{value: 3, from: 2025-01-01, to: 2025-06-30, basis: 甲}, {value: 4, from: 2025-07-01, basis: 乙}]", [String]()),
    (
      "[{value: 3, from: 2025-01-01, to: 2025-06-29, basis: 甲}, {value: 4, from: 2025-07-01, basis: 乙}]",
      ["rule.parameter-gap: most has no value from 2025-06-30 to 2025-06-30"]
    ),
    (
      "[{value: 3, from: 2025-01-01, to: 2025-07-02, basis: 甲}, {value: 4, from: 2025-07-01, basis: 乙}]",
      ["rule.parameter-gap: most has two values from 2025-07-01 to 2025-07-02"]
    ),
    ("{value: 3, to: 2025-06-30, basis: 甲}", ["rule.parameter-gap: most has no value after 2025-06-30"]),
    ("{value: 3}", ["rule.missing-key: parameter most needs the key basis"]),
  ])
  func parametersWithoutGaps(_ value: String, _ expected: [String]) {
    let text = rule("each: stay\nparameters:\n  most: \(value)\nwhere: stay.nights > $most\nkey: [stay.mdtrt_id]")
    #expect(parseRule(text: text, path: "a.yml").1.map { "\($0.code): \($0.message)" } == expected)
  }

  @Test(arguments: [
    ("stay.med_type = '23'", [String]()),
    // scope leaves no such stay.
    ("stay.med_type = '28'", ["12:29 rule.unused-exemption"]),
    ("stay.med_type IN ('28', '26')", ["12:29 rule.unused-exemption"]),
    ("stay.med_type IN ('28', '23')", []),
    ("stay.nights = 0", ["12:29 rule.unused-exemption"]),
    ("stay.nights = 0 OR stay.dscg_way = '4'", []),
  ])
  func exemptionsThatCanApply(_ when: String, _ expected: [String]) {
    #expect(
      codes(
        "each: stay\nscope: stay.med_type IS NOT '28' AND stay.med_type IS NOT '26'\nwhere: stay.nights > 1\n"
          + "exempt: [{id: EX-01, when: \"\(when)\"}]\nkey: [stay.mdtrt_id]") == expected)
  }

  @Test func theSameExemptionTwice() {
    #expect(
      codes(
        "each: stay\nwhere: stay.nights > 1\nkey: [stay.mdtrt_id]\nexempt:\n"
          + "  - {id: EX-01, when: stay.nwb_flag = '1'}\n  - {id: EX-07, when: stay.nwb_flag = '1'}")
        == ["14:23 rule.unused-exemption"])
  }
}

@Suite struct FormedRows {
  private let stock =
    "stock: {of: line, as: buy, by: {psn_no: line.psn_no, drug: line.med_list_codg}, day: line.day,"
    + " supply: [line.cnt, line.cnt], values: {where: ONLY(line.fixmedins_code)}}\n"

  @Test func aLedgerOfWhatIsOnHand() throws {
    let (found, problems) = parseRule(
      text: rule(
        stock.replacing("where:", with: "place:")
          + "scope: line.A > 0\nwhere: buy.held > buy.supply\nkey: [buy.psn_no, buy.drug, buy.day]\nsubject_id: buy.place"
      ),
      path: "a.yml")
    #expect(problems == [])
    let parsed = try #require(found)
    let formed = try #require(parsed.shape.formed)
    #expect(formed.columns.map(\.name) == ["psn_no", "drug", "day", "supply", "held", "place"])
    #expect(
      parsed.condition
        == .compare(.greater, .formed(column: "held", kind: .integer), .formed(column: "supply", kind: .integer)))
    #expect(parsed.psnNo == .formed(column: "psn_no", kind: .text))
    #expect(parsed.from == .formed(column: "day", kind: .day))
    #expect(parsed.lines == .members)
  }

  @Test(arguments: [
    // A formed row stands for many lines: none of them can be read beside it.
    ("where: buy.held > 1 AND line.A > 0\nkey: [buy.psn_no]", "10:8 rule.stage"),
    ("where: buy.held > 1\nkey: [line.id]", "11:7 rule.stage"),
    // Nor can it be read before it is formed.
    ("scope: buy.held > 1\nkey: [buy.psn_no]", "10:8 rule.stage"),
    ("where: buy.hold > 1\nkey: [buy.psn_no]", "10:12 rule.column"),
    ("where: buy.held > 1\nlines: {of: line, as: l}\nkey: [buy.psn_no]", "11:13 rule.shape"),
  ])
  func whatIsAtHandWhere(_ body: String, _ expected: String) {
    let text = stock.replacing("where:", with: "place:") + body + "\nsubject_id: buy.place"
    #expect(codes(text) == [expected])
  }

  /// Which group of a population is asked is said by the row that it is matched with; behind the forming that row is not
  /// at hand.
  @Test func aPopulationOfTheClaimRowIsKnownBeforeTheForming() {
    let group = "group: {of: line, as: h, by: {code: line.fixmedins_code}, values: {n: COUNT(*)}}\n"
    let population =
      "population: {all: {of: stay, as: s, match: [[s.fixmedins_code, line.fixmedins_code]], values: {stays: COUNT(*)}}}\n"
    let end = "key: [h.code]\nsubject_id: h.code"
    #expect(codes(group + population + "scope: all.stays > 1\nwhere: h.n > 1\n" + end) == [])
    #expect(codes(group + population + "where: h.n > 1 AND all.stays > 1\n" + end) == ["11:8 rule.stage"])
  }

  /// A day counts whoever is there, but a packet holds one case's rows: the finding names no lines.
  @Test func anOccupancyNamesNoLines() throws {
    let census =
      "occupancy: {of: line, as: c, by: {code: line.fixmedins_code}, days: [line.day, line.day], count: line.psn_no,"
      + " at_least: 3}\nwhere: c.count > 9\nkey: [c.code, c.run_first]\nsubject_id: c.code\n"
    let (found, problems) = parseRule(text: rule(census), path: "a.yml")
    #expect(problems.filter { $0.severity == .error } == [])
    #expect(try #require(found).lines == LinesTerm.none)
    #expect(codes(census + "lines: line").contains("13:8 rule.shape"))
  }

  /// SQL would take an aggregate of the outer row alone for one of the outer query.
  @Test func anAggregateSpeaksOfItsRows() {
    let stay = "each: stay\nkey: [stay.mdtrt_id]\n"
    #expect(codes(stay + "where: 'SUM(l IN stay.lines WHERE l.A > 0: stay.nights) > 3'") == ["11:44 rule.value"])
    #expect(
      codes(stay + "where: 'MIN(l IN stay.lines WHERE l.A > 0: LEAST(l.day, stay.end_day)) > stay.begin_day'") == [])
    #expect(codes(stay + "where: 'MAX(l IN stay.lines: l.settlement.day) > stay.begin_day'") == [])
  }

  @Test func aRunIsKnownOnlyAfterItsDays() {
    let runs = "runs: {of: stay, as: idle, days: [stay.begin_day, stay.end_day], at_least: 3}\n"
    #expect(codes(runs + "where: stay.nights > 0\nkey: [stay.mdtrt_id, idle.run_first]") == [])
    #expect(
      codes(runs + "where: idle.run_length > 1\nkey: [stay.mdtrt_id, idle.run_first]") == ["10:8 rule.stage"])
  }

  @Test func shapesAreAClosedList() {
    #expect(codes("each: line\npair: {}\nwhere: line.A > 0\nkey: [line.id]") == ["10:1 rule.shape"])
    #expect(
      codes("cohort: {of: stay}\nwhere: TRUE\nkey: [TRUE]").contains { $0.hasSuffix("9:1 rule.unknown-key") })
  }
}

@Suite struct Schema {
  /// The schema has the keys of the reader: a key that the reader learns must be described.
  @Test func theSchemaKnowsEveryKey() {
    let schema = ruleFileSchema()
    for key in RuleReader.keys { #expect(schema.contains("\n    \"\(key)\": {"), "\(key)") }
    for keys in RuleReader.formedKeys.values {
      for key in keys { #expect(schema.contains("\"\(key)\": "), "\(key)") }
    }
    for table in ["hilist_b", "drug_sup_b", "opsp_dise_drug_b"] { #expect(schema.contains("\"\(table)\"")) }
  }
}
