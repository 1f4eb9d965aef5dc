import Audit
import ClaimModel
import Diagnostics
import Registries
import RulePacks
import Testing

/// Rules over persons, worked out by hand.
///
/// - p1: stays M1 at H1 (1-5 March, 4 nights) and M2 at H2 (4-6 March, 2 nights), and M3 at the pharmacy D1 on the 3rd.
/// - p2: two stays, both at H1. p3: stays at H1 and H2, one of them without a night.
struct PersonTests {
  static let fixture: ClaimsFixture = {
    var f = ClaimsFixture()
    func stay(_ id: String, _ person: String, _ place: String, _ begin: String, _ end: String, _ nights: String) {
      f.add(
        .stay,
        [
          "mdtrt_id": id, "psn_no": person, "fixmedins_code": place, "begin_day": "2025-03-\(begin)",
          "end_day": "2025-03-\(end)", "nights": nights,
        ])
    }
    func settlement(_ n: String, _ person: String, _ place: String, _ paid: String, _ rest: String) {
      f.add(
        .settlement,
        [
          "setl_id": "S\(n)", "mdtrt_id": "M\(n)", "psn_no": person, "fixmedins_code": place, "P": paid, "U": rest,
          "A": paid, "day": "2025-03-01",
        ])
    }
    func line(_ n: String, _ serial: String, _ place: String, _ day: String, _ a: String, _ fund: String) {
      f.add(
        .line,
        [
          "id": "M\(n):\(serial)", "mdtrt_id": "M\(n)", "setl_id": "S\(n)", "psn_no": "nobody", "fixmedins_code": place,
          "day": "2025-03-\(day)", "A": a, "F": fund,
        ])
    }
    stay("M1", "p1", "H1", "01", "05", "4")
    stay("M2", "p1", "H2", "04", "06", "2")
    stay("M4", "p2", "H1", "01", "02", "1")
    stay("M5", "p2", "H1", "04", "06", "2")
    stay("M6", "p3", "H1", "01", "02", "1")
    stay("M7", "p3", "H2", "04", "04", "0")
    settlement("1", "p1", "H1", "45", "5")
    settlement("2", "p1", "H2", "40", "0")
    settlement("3", "p1", "D1", "6", "0")
    settlement("4", "p2", "H1", "9", "9")
    settlement("5", "p2", "H1", "9", "9")
    settlement("6", "p3", "H1", "9", "9")
    settlement("7", "p3", "H2", "9", "9")
    line("1", "1", "H1", "02", "30", "30")
    line("1", "2", "H1", "03", "20", "10")
    line("2", "1", "H2", "05", "40", "40")
    line("3", "1", "D1", "03", "12", "6")
    return f
  }()

  static func rule(_ body: String, subject: String = "person") throws -> Rule {
    let (rule, problems) = parseRule(
      text: """
        rule: TST-01
        version: 1
        name: {zh: 测试, en: Test}
        category: test
        status: active
        severity: high
        subject: \(subject)
        basis: [条例38-6]
        \(body)
        cases: [{verdict: 可疑, precedence: 5}]
        explain: {zh: "{A}"}
        false_positives: 无
        """, path: "a.yml")
    #expect(problems.filter { $0.severity == .error }.isEmpty, "\(problems)")
    return try #require(rule)
  }

  static let severalPlaces = """
    each: person
    parameters: {min_stays: {value: 2, basis: 测试}}
    where: >-
      COUNT(s IN person.stays WHERE s.nights > 0) >= $min_stays
      AND COUNT(DISTINCT s IN person.stays WHERE s.nights > 0: s.fixmedins_code) >= 2
    key: [person.psn_no]
    lines: {of: person, as: l, where: l.stay.nights > 0}
    from: "MIN(s IN person.stays: s.begin_day)"
    to: "MAX(s IN person.stays: s.end_day)"
    measure: COUNT(s IN person.stays WHERE s.nights > 0)
    threshold: $min_stays
    amount: {A: sum_A, F: settlement_P(person)}
    """

  func found(_ rule: Rule, _ fixture: ClaimsFixture = fixture) throws -> [Finding] {
    try audit(rules: [rule], AuditInput(claims: fixture.claims(), registries: Registries(tables: [:]))).findings
  }

  @Test func staysAtSeveralPlaces() throws {
    let findings = try found(Self.rule(Self.severalPlaces))
    #expect(findings.map(\.key) == ["p1"])
    let finding = try #require(findings.first)
    #expect(finding.subjectType == .person)
    #expect(finding.subject == "p1")
    #expect(finding.psnNo == "p1")
    #expect(finding.fixmedinsCode == "")
    #expect(finding.setlIDs == ["S1", "S2", "S3"], "all of the person's settlements")
    #expect(finding.lineIDs == ["M1:1", "M1:2", "M2:1"])
    #expect(finding.from == day("2025-03-01"))
    #expect(finding.to == day("2025-03-06"))
    #expect(finding.measure == 2)
    #expect(finding.amountFen == 90_00)
    #expect(finding.fundFen == 91_00, "45.00 + 40.00 + 6.00")
    #expect(
      finding.claims.map { "\($0.unit) \($0.fen)" } == ["M1:1 3000", "M1:2 1000", "M2:1 4000", "M3:1 600", "U:S1 500"])
    #expect(finding.claims.allSatisfy { $0.psnNo == "p1" }, "not the line's own psn_no")
    #expect(try found(Self.rule(Self.severalPlaces), Self.fixture.reversed).map(\.amountFen) == [90_00])
  }

  @Test func thresholdAboveTheStaysIsSilent() throws {
    var rule = try Self.rule(Self.severalPlaces)
    rule.parameters[0].values[0].value = 3
    #expect(try found(rule).isEmpty)
  }

  /// A row asks for what else its person has.
  @Test func linesBoughtElsewhereDuringAStay() throws {
    let rule = try Self.rule(
      """
      each: line
      where: >-
        EXISTS(s IN line.person.stays WHERE s.begin_day < line.day AND line.day < s.end_day
        AND s.fixmedins_code <> line.fixmedins_code)
      key: [line.id]
      amount: {A: sum_A, F: sum_F}
      """, subject: "institution")
    #expect(try found(rule).map(\.key).sorted() == ["M3:1"], "M2:1 is on the last day of M1")
  }

  /// A packet that holds one of a person's rows holds all of them.
  @Test func aPacketHasAllOfThePersons() throws {
    let claims = Self.fixture.claims()
    let rule = try Self.rule(Self.severalPlaces)
    let looked = ClaimRowsLookedAt(rules: [rule], claims: claims, registries: Registries(tables: [:]))
    #expect(looked.rows(with: [.line: [3]]) == [.line: [3], .settlement: [0, 1, 2], .stay: [0, 1]])
    #expect(looked.rows(with: [.stay: [5]]) == [.settlement: [5, 6], .stay: [4, 5]])
  }
}
