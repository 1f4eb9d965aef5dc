import ClaimModel
import RulePacks
import SQLLowering
import Testing

/// verify.sql as a whole: who gets which unit of money, worked out by hand.
struct VerifySQLTests {
  let db: EvidenceDatabase

  init() throws {
    db = try EvidenceDatabase()
    for (setl, place) in [("S1", "H1"), ("S2", "H2")] {
      try db.claim(
        .settlement,
        [
          "setl_id": setl, "mdtrt_id": "M" + setl, "psn_no": "P1", "fixmedins_code": place, "fund_pay_sumamt": "6.00",
          "begndate": "2025-03-03",
        ])
      for (sn, amount, doctor) in [("1", "10.00", "D1"), ("2", "2.00", "")] {
        try db.claim(
          .line,
          [
            "bkkp_sn": sn, "mdtrt_id": "M" + setl, "setl_id": setl, "fee_ocur_time": "2025-03-03", "cnt": "1",
            "det_item_fee_sumamt": amount, "inscp_amt": amount, "fixmedins_code": place, "bilg_dr_code": doctor,
          ])
      }
    }
  }

  /// A rule on lines of at least so many fen; its finding is the settlement's lines together.
  func rule(
    _ id: String, from fen: Int64, _ verdict: Verdict, _ precedence: Int, subject: String = "fixmedins_code",
    _ type: SubjectType = .institution
  ) -> Rule {
    var rule = Rule()
    rule.id = id
    rule.status = .active
    rule.condition = .compare(
      .greaterOrEqual, .claim(binding: "line", path: [], column: "A", kind: .money), .integer(fen))
    rule.cases = [VerdictCase(when: .boolean(true), verdict: verdict, severity: .high, precedence: precedence)]
    rule.subjectType = type
    rule.subject = .claim(binding: "line", path: [.settlement], column: subject, kind: .text)
    rule.key = [.claim(binding: "line", path: [], column: "setl_id", kind: .text)]
    rule.lines = .hits(binding: "line")
    rule.amountA = .sumA
    rule.amountF = .sumF
    return rule
  }

  /// F of the lines is 500 and 100 (A 1000 and 200 of T 1200, P 600).
  @Test func eachUnitGoesToItsFirstClaimant() throws {
    let rules = [
      rule("A-1", from: 1, .suspected, 20), rule("B-1", from: 500, .definite, 10), rule("C-1", from: 1, .lead, Int.max),
    ]
    let sql = try verifySQL(rules: rules, subjectType: .institution, subject: "H1")
    #expect(
      try db.texts(sql) == ["A-1|S1|1200|600|100", "B-1|S1|1000|500|500", "C-1|S1|1200|600|0"])
  }

  @Test func aPersonsCaseCountsWhatWasPaidForThePerson() throws {
    let sql = try verifySQL(
      rules: [rule("A-1", from: 1, .suspected, 20, subject: "psn_no", .person)], subjectType: .person, subject: "P1")
    #expect(try db.texts(sql) == ["A-1|S1|1200|600|600", "A-1|S2|1200|600|600"])
  }

  @Test func anotherSubjectHasNothing() throws {
    let sql = try verifySQL(rules: [rule("A-1", from: 1, .suspected, 20)], subjectType: .institution, subject: "H'9")
    #expect(try db.texts(sql).isEmpty)
  }

  /// Neither the expected results nor a second run matter; the evidence stays as it was.
  @Test func doesNotReadFinding() throws {
    try db.run("DROP TABLE finding")
    let sql = try verifySQL(rules: DifferentialTests.rules, subjectType: .institution, subject: "H1")
    #expect(try db.texts(sql).isEmpty)
  }

  @Test func noRules() throws {
    #expect(try db.texts(verifySQL(rules: [], subjectType: .person, subject: "P1")).isEmpty)
  }

  /// 2^62 + 2^62 is beyond 64 bits: the script stops instead of going on with a rounded number.
  @Test func overflowStopsTheScript() throws {
    var rule = rule("A-1", from: 1, .suspected, 20)
    let big = Expr.integer(1 << 62)
    rule.condition = .compare(
      .greater,
      .add(.multiply(.claim(binding: "line", path: [], column: "A", kind: .money), big), big), .integer(0))
    #expect(throws: (any Error).self) {
      try db.texts(verifySQL(rules: [rule], subjectType: .institution, subject: "H1"))
    }
  }

  /// Exact text of a number in digits only; other texts are null.
  @Test(arguments: [("12", "yes"), ("012", "yes"), ("12a", "no"), ("-12", "no"), ("", "no")])
  func number(_ text: String, _ expected: String) throws {
    var rule = rule("A-1", from: 1, .suspected, 20)
    rule.condition = .compare(.equal, .number(.text(text)), .integer(12))
    let found = try db.texts(verifySQL(rules: [rule], subjectType: .institution, subject: "H1"))
    #expect(found.isEmpty == (expected == "no"))
  }

  @Test func sourceIsTheRulesOwnText() throws {
    let source = try sourceSQL(rule("A-1", from: 500, .suspected, 20))
    #expect(source.contains("\"A-1 findings\""))
    #expect(!source.contains("linked_reversal"))
    #expect(try db.texts(preludeSQL() + source).count == 2)
  }
}
