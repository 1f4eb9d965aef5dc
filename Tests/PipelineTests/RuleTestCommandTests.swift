import Diagnostics
import Foundation
import RulePacks
import Testing

/// `yijian test` and `yijian check` as a bureau's CI runs them.
@Suite struct RuleTestCommandTests {
  static let rule = """
    rule: TOY-01
    version: 1
    name: {zh: 大额, en: Large}
    category: test
    status: active
    severity: medium
    subject: institution
    basis: [条例38-6]
    each: settlement
    where: settlement.P >= 500.00
    unevaluable: [{when: settlement.psn_no IS NULL, reason: 没有人员编号}]
    cases: [{verdict: 可疑, precedence: 10}]
    key: [settlement.setl_id]
    amount: none
    explain: {zh: 大额}
    false_positives: 无

    """

  /// Three that fire, three that are silent (one of them refunded), one without a person.
  static let tests = """
    rule: TOY-01
    tests:
      - name: all in one
        given:
          setl_d: |
            setl_id, mdtrt_id, psn_no, fixmedins_code, begndate,   med_type, fund_pay_sumamt, refd_setl_flag
            S1,      M1,       T001,   H1,             2025-03-01, 11,       500.00,
            S2,      M2,       T001,   H1,             2025-03-01, 11,       500.01,
            S3,      M3,       T001,   H1,             2025-03-01, 11,       700.00,
            S4,      M4,       T001,   H1,             2025-03-01, 11,       499.99,
            S5,      M5,       T001,   H1,             2025-03-01, 11,       600.00,          1
            S6,      M6,       ,       H1,             2025-03-01, 11,       600.00,
        fires: [S1, S2, S3]
        silent: [S4, S5, S6]
        unevaluable: 1

    """

  private func folder(_ rule: String, _ tests: String?) throws -> String {
    let folder = try Scratch.folder("rules")
    try rule.write(toFile: folder + "/TOY-01.yml", atomically: true, encoding: .utf8)
    try tests?.write(toFile: folder + "/TOY-01.test.yml", atomically: true, encoding: .utf8)
    return folder
  }

  @Test func completeTestsHold() throws {
    let folder = try folder(Self.rule, Self.tests)
    let test = try yijian(["test", folder])
    #expect(test.code == 0)
    #expect(test.out == "1 tests hold, 0 fail\n")
    #expect(try yijian(["check", folder]).code == 0)
  }

  @Test(arguments: [
    // The third finding goes with its row, so that the test itself holds.
    ([("700.00", "70.00"), ("S2, S3]", "S2]")], "2:1", "test.few-fires", "the tests name 2 findings"),
    ([("silent: [S4, S5, S6]", "silent: [S4, S5]")], "2:1", "test.few-silent", "the tests name 2 rows"),
    ([("600.00,          1", "400.00,")], "2:1", "test.no-reversal", "no test has a reversal"),
    ([("    unevaluable: 1\n", "")], "2:1", "test.no-missing-input", "no test lacks an input"),
    ([("rule: TOY-01", "rule: TOY-02")], "1:1", "test.rule", "the tests are of TOY-02"),
  ])
  func whatIsLeftOutIsAnError(changes: [(String, String)], place: String, code: String, message: String) throws {
    var text = Self.tests
    for (old, new) in changes { text = text.replacingOccurrences(of: old, with: new) }
    let folder = try folder(Self.rule, text)
    let line = "\(folder)/TOY-01.test.yml:\(place): error[\(code)]: \(message)"
    for command in ["test", "check"] {
      let outcome = try yijian([command, folder])
      #expect(outcome.code == 1)
      #expect(outcome.out.contains(line), "\(command): \(outcome.out)\(outcome.err)")
    }
    // A draft is only reminded, but of a wrong name.
    let draft = try self.folder(Self.rule.replacingOccurrences(of: "status: active", with: "status: draft"), text)
    let outcome = try yijian(["test", draft])
    #expect(outcome.code == (code == "test.rule" ? 1 : 0))
    #expect(outcome.out.contains("[\(code)]"))
  }

  @Test func aRuleWithoutTestsFails() throws {
    let bare = try folder(Self.rule, nil)
    let other = try folder(Self.rule, Self.tests)
    for command in ["test", "check"] {
      let outcome = try yijian([command, bare, other])
      #expect(outcome.code == 1)
      #expect(outcome.out.contains("\(bare)/TOY-01.yml:1:1: error[test.missing]: the rule has no tests"))
    }
  }

  @Test func aTestThatExpectsNothingFails() throws {
    let text = Self.tests + "  - name: nothing\n    given: {setl_d: missing}\n"
    let outcome = try yijian(["test", try folder(Self.rule, text)])
    #expect(outcome.code != 0)
    #expect((outcome.out + outcome.err).contains("TOY-01.test.yml:16:5: error[test.empty]: the test expects nothing"))
  }

  /// Wrong in a value, a missing finding, a silent row that fires and the count; remarks stay.
  @Test func recordingWritesWhatDiffersAndFails() throws {
    let wrong = """
      # Remark at the top.
      rule: TOY-01
      tests:
        - name: wrong
          given:
            setl_d: |
              setl_id, mdtrt_id, psn_no, fixmedins_code, begndate,   med_type, fund_pay_sumamt
              S1,      M1,       T001,   H1,             2025-03-01, 11,       500.00
              S2,      M2,       T001,   H1,             2025-03-01, 11,       500.01
              S3,      M3,       T001,   H1,             2025-03-01, 11,       499.99
          # Remark before.
          fires: [{key: S1, verdict: 线索}]   # remark
          silent: [S2, S3]
          unevaluable: 3
        - name: value
          given:
            setl_d: |
              setl_id, mdtrt_id, psn_no, fixmedins_code, begndate,   med_type, fund_pay_sumamt
              S1,      M1,       T001,   H1,             2025-03-01, 11,       500.00
          fires: [{key: S1, verdict: "线索", severity: medium}]   # remark

      """
    let right = """
      # Remark at the top.
      rule: TOY-01
      tests:
        - name: wrong
          given:
            setl_d: |
              setl_id, mdtrt_id, psn_no, fixmedins_code, begndate,   med_type, fund_pay_sumamt
              S1,      M1,       T001,   H1,             2025-03-01, 11,       500.00
              S2,      M2,       T001,   H1,             2025-03-01, 11,       500.01
              S3,      M3,       T001,   H1,             2025-03-01, 11,       499.99
          # Remark before.
          fires:
            - {key: S1, verdict: 可疑}
            - {key: S2, verdict: 可疑, amount_fen: 0, fund_fen: 0}
          silent: [S3]
          unevaluable: 0
        - name: value
          given:
            setl_d: |
              setl_id, mdtrt_id, psn_no, fixmedins_code, begndate,   med_type, fund_pay_sumamt
              S1,      M1,       T001,   H1,             2025-03-01, 11,       500.00
          fires: [{key: S1, verdict: 可疑, severity: medium}]   # remark

      """
    let draft = Self.rule.replacingOccurrences(of: "status: active", with: "status: draft")
    let folder = try folder(draft, wrong)
    let recorded = try yijian(["test", folder, "--record"])
    #expect(recorded.code == 1)
    #expect(recorded.out.hasSuffix("2 tests were recorded; look at the change of each, then run yijian test\n"))
    #expect(try String(contentsOfFile: folder + "/TOY-01.test.yml", encoding: .utf8) == right)
    #expect(try yijian(["test", folder]).code == 0)
    let again = try yijian(["test", folder, "--record"])
    #expect(again.code == 0)
    #expect(again.out == "every test holds; nothing was recorded\n")
  }

  /// From running to not running and back.
  @Test func recordingOfARuleThatDoesNotRun() throws {
    let needy = Self.rule.replacingOccurrences(of: "each: settlement", with: "each: settlement\nneeds: [hilist_b]")
    let folder = try folder(needy, Self.tests)
    #expect(try yijian(["test", folder, "--record"]).code == 1)
    let text = try String(contentsOfFile: folder + "/TOY-01.test.yml", encoding: .utf8)
    #expect(text.hasSuffix("    silent: [S4, S5, S6]\n    not_runnable: \"hilist_b is missing\"\n"))
    try Self.rule.write(toFile: folder + "/TOY-01.yml", atomically: true, encoding: .utf8)
    #expect(try yijian(["test", folder, "--record"]).code == 1)
    let back = try String(contentsOfFile: folder + "/TOY-01.test.yml", encoding: .utf8)
    let fires = ["S1", "S2", "S3"].map { "\n      - {key: \($0), verdict: 可疑, amount_fen: 0, fund_fen: 0}" }.joined()
    #expect(back.hasSuffix("    silent: [S4, S5, S6]\n    fires:\(fires)\n"))
  }
}
