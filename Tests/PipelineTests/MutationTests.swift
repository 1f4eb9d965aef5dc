import Diagnostics
import Foundation
import RulePacks
import Testing

@testable import Pipeline

/// A toy rule of which every change, and what becomes of it, was worked out by hand.
private let toyRule = """
  rule: TOY-01
  version: 1
  name: {zh: 大额, en: Large}
  category: test
  status: active
  severity: medium
  subject: institution
  basis: [条例38-6]
  each: settlement
  parameters:
    limit: {value: 500.00, kind: money, basis: 例}
  where: settlement.P >= $limit AND settlement.med_type IN ('11', '21')
  exempt:
    - {id: EX-01, when: settlement.insutype = '390'}
  cases: [{verdict: 可疑, precedence: 10}]
  key: [settlement.setl_id]
  amount: none
  explain: {zh: 大额}
  false_positives: 无

  """

private let toyTests = """
  rule: TOY-01
  tests:
    - name: far from the limit
      given:
        setl_d: |
          setl_id, mdtrt_id, psn_no, fixmedins_code, begndate,   med_type, insutype, fund_pay_sumamt
          S1,      M1,       T001,   H1,             2025-03-01, 11,       310,      600.00
          S2,      M2,       T001,   H1,             2025-03-01, 11,       310,      499.00
          S3,      M3,       T001,   H1,             2025-03-01, 13,       310,      600.00
      fires: [{key: S1, verdict: 可疑, severity: medium}]
      silent: [S2, S3]

  """

/// What the tests above let pass.
private let toySurvivors = [
  "TOY-01.yml:11:18: survived: parameters.limit: 500.00 → 500.01",
  "TOY-01.yml:11:18: survived: parameters.limit: 500.00 → 499.99",
  "TOY-01.yml:12:21: survived: where: settlement.P >= $limit → settlement.P > $limit",
  "TOY-01.yml:12:65: survived: where: settlement.med_type IN ('11', '21') → settlement.med_type IN ('11')",
  "TOY-01.yml:14:5: survived: exempt.EX-01: dropped",
]

/// Rows that notice the rest: 500.00 fires, 499.99 and the exempt do not, 21 does.
private let toyBoundaries = """
    - name: at the limit
      given:
        setl_d: |
          setl_id, mdtrt_id, psn_no, fixmedins_code, begndate,   med_type, insutype, fund_pay_sumamt
          S1,      M1,       T001,   H1,             2025-03-01, 11,       310,      500.00
          S2,      M2,       T001,   H1,             2025-03-01, 11,       310,      499.99
          S3,      M3,       T001,   H1,             2025-03-01, 21,       310,      600.00
          S4,      M4,       T001,   H1,             2025-03-01, 11,       390,      600.00
      fires: [S1, S3]
      silent: [S2, S4]

  """

@Suite struct MutationTests {
  /// Writes the toy beside its tests; the lines that `--mutate` prints, without the folder.
  private func lines(_ tests: String, rule: String = toyRule) throws -> (lines: [String], holds: Bool) {
    let folder = try Scratch.folder("mutation")
    try rule.write(toFile: folder + "/TOY-01.yml", atomically: true, encoding: .utf8)
    try tests.write(toFile: folder + "/TOY-01.test.yml", atomically: true, encoding: .utf8)
    let result = try mutationLines([mutationReport(folder + "/TOY-01.test.yml")])
    return (result.lines.map { $0.replacingOccurrences(of: folder + "/", with: "") }, result.holds)
  }

  @Test func survivorsAreListedWithTheirPlaces() throws {
    let (lines, holds) = try lines(toyTests)
    #expect(!holds)
    #expect(lines.filter { $0.contains("survived:") } == toySurvivors)
    // 2 of the parameter, 6 of where, 2 of the exemption, 1 of the case, 1 of the severity.
    #expect(lines.last == "12 changes, 7 noticed, 0 waived, 5 survived; 0 more were no rules any more")
  }

  @Test func rowsAtTheLimitNoticeAll() throws {
    let (lines, holds) = try lines(toyTests + toyBoundaries)
    #expect(holds)
    #expect(lines == ["12 changes, 12 noticed, 0 waived, 0 survived; 0 more were no rules any more"])
  }

  @Test func aTestThatFailsAsItIsProvesNothing() throws {
    let (lines, holds) = try lines(toyTests.replacingOccurrences(of: "severity: medium}", with: "severity: high}"))
    #expect(!holds)
    #expect(lines.first == "FAIL TOY-01: far from the limit (TOY-01.test.yml:3): no change was tried; run yijian test")
  }

  @Test func aWaiverOfWhatIsNoticedIsAnError() throws {
    let waiver = """
      waivers:
        - at: exempt.EX-01
          mutation: dropped
          equivalent: nobody is exempt

      """
    let (lines, holds) = try lines(toyTests + toyBoundaries + waiver)
    #expect(!holds)
    let error = try #require(lines.first { $0.contains("test.waiver-unused") })
    #expect(error.hasPrefix("TOY-01.test.yml:24:15: error[test.waiver-unused]: no surviving change is exempt.EX-01"))
  }

  @Test func waiversArePrintedAndTwoPercentAreTooFewForOneOfTwelve() throws {
    let waiver = """
      waivers:
        - at: exempt.EX-01
          mutation: dropped
          equivalent: nobody has 390 here

      """
    let without = toyBoundaries.replacingOccurrences(of: "11,       390", with: "13,       390")
    let (lines, holds) = try lines(toyTests + without + waiver)
    #expect(!holds)
    #expect(lines.contains("  TOY-01.yml:14:5: exempt.EX-01: dropped"))
    #expect(lines.contains("    nobody has 390 here"))
    #expect(!lines.contains { $0.contains("survived:") })
    #expect(lines.contains { $0.contains("error[test.waiver-many]: 1 of 12 changes are waived, more than 2 percent") })
    #expect(lines.last == "12 changes, 11 noticed, 1 waived, 0 survived; 0 more were no rules any more")
  }

  @Test(arguments: [
    // The unit is that of the other side: fen, then whole numbers.
    ("settlement.P > 0", "settlement.P > 0 → settlement.P > 0.01"),
    ("settlement.P > 0", "settlement.P > 0 → settlement.P > -0.01"),
    ("COUNT(l IN settlement.lines) > 2", "COUNT(l IN settlement.lines) > 2 → COUNT(l IN settlement.lines) > 3"),
    ("settlement.day > DATE '2025-03-01'", "settlement.day > DATE '2025-03-01' → settlement.day > DATE '2025-02-28'"),
    ("NOT settlement.P > 5", "NOT settlement.P > 5 → settlement.P > 5"),
    (
      "settlement.med_type NOT IN ('1', '2')",
      "settlement.med_type NOT IN ('1', '2') → settlement.med_type IN ('1', '2')"
    ),
    ("settlement.med_type IS NOT '1'", "settlement.med_type IS NOT '1' → settlement.med_type IS '1'"),
    ("settlement.med_type IS NULL", "settlement.med_type IS NULL → settlement.med_type IS NOT NULL"),
    (
      "settlement.med_type STARTS WITH ('1', '2')",
      "settlement.med_type STARTS WITH ('1', '2') → settlement.med_type STARTS WITH ('2')"
    ),
    (
      "LEAST(settlement.P, settlement.T) > 5",
      "LEAST(settlement.P, settlement.T) > 5 → GREATEST(settlement.P, settlement.T) > 5"
    ),
    (
      "COALESCE(settlement.inscp_amt, settlement.T) > 5",
      "COALESCE(settlement.inscp_amt, settlement.T) > 5 → settlement.T > 5"
    ),
    (
      "EXISTS(l IN settlement.lines WHERE l.A > 0)",
      "EXISTS(l IN settlement.lines WHERE l.A > 0) → EXISTS(l IN settlement.lines)"
    ),
    (
      "EXISTS(l IN settlement.lines WHERE l.A > 0)",
      "EXISTS(l IN settlement.lines WHERE l.A > 0) → NOT EXISTS(l IN settlement.lines WHERE l.A > 0)"
    ),
    ("settlement.P + 5 > settlement.T", "settlement.P + 5 > settlement.T → settlement.P - 5 > settlement.T"),
  ])
  func conditionsAreChanged(condition: String, change: String) throws {
    let text = toyRule.replacingOccurrences(
      of: "settlement.P >= $limit AND settlement.med_type IN ('11', '21')", with: "\"\(condition)\"")
    #expect(mutations(of: text, path: "t.yml").all.filter { $0.part == "where" }.map(\.change).contains(change))
  }
}
