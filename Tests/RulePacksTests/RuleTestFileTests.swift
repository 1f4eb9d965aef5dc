import Diagnostics
import Testing

@testable import RulePacks

@Suite struct TestFiles {
  private let text = #"""
    rule: TST-01
    clock: 2025-03-31
    given:
      setl_d: |
        setl_id, mdtrt_id, psn_no
        S1,      M1,       T001
      fee_list_d: |
        mdtrt_id, bkkp_sn, hilist_name

        # a remark
        M1,       1,       "甲, ""乙"""
        M1,       2,
    registries:
      hilist_b: |
        admdvs, hilist_code
        000000, L01
    tests:
      - name: one
        fires: [{key: "M1:1", amount_fen: 5, psn_no: ""}]
        silent: ["M1:2"]
      - name: two
        given: {fee_list_d: missing}
        registries: {hilist_b: missing}
        not_runnable: hilist_b
    """#

  @Test func tablesAndExpectationsAreRead() throws {
    let file = try RuleTestFile(text: text, path: "t.yml")
    let one = file.tests[0]
    #expect(
      one.tables["fee_list_d"]
        == TestTable(
          header: ["mdtrt_id", "bkkp_sn", "hilist_name"], rows: [["M1", "1", "甲, \"乙\""], ["M1", "2", ""]],
          lines: [11, 12]))
    #expect(one.fires.map(\.key) == ["M1:1"])
    #expect(one.fires[0].fields == ["amount_fen": "5", "psn_no": ""])
    #expect(one.silent.map(\.key) == ["M1:2"])
    #expect(one.incomplete == [])
    let two = file.tests[1]
    #expect(two.tables.keys.sorted() == ["setl_d"])
    #expect(two.registries.isEmpty)
    #expect(two.incomplete == ["fee_list_d"])
    #expect(two.notRunnable == "hilist_b")
  }

  @Test(arguments: [
    ("silent: [\"M1:2\"]", "silent: [\"M1:3\"]", "test.row", 20),
    ("bkkp_sn, hilist_name", "bkkp_sn, hilist_nam", "rule.column", 8),
    ("M1,       2,", "M1,       2", "test.fields", 12),
    ("amount_fen: 5", "amout_fen: 5", "rule.unknown-key", 19),
    ("hilist_b: |", "hilst_b: |", "rule.table", 14),
    ("- name: two", "- name: one", "test.name", 21),
    ("    not_runnable: hilist_b", "", "test.empty", 21),
  ])
  func mistakesAreFound(_ from: String, _ to: String, _ code: String, _ line: Int) throws {
    let wrong = text.replacing(from, with: to)
    #expect(wrong != text)
    let thrown = #expect(throws: Diagnostics.self) { _ = try RuleTestFile(text: wrong, path: "t.yml") }
    let places = (thrown?.all ?? []).map { "\($0.code) \($0.place.line ?? 0)" }
    #expect(places.contains("\(code) \(line)"), "\(places)")
  }
}
