import Audit
import ClaimModel
import Normalize
import RulePacks
import SQLLowering
import Testing

/// Persons in SQL: the same ones as natively, and only where a rule looks at them.
struct PersonTests {
  static let text = """
    rule: TST-01
    version: 1
    name: {zh: 多处住院, en: Stays at several places}
    category: test
    status: active
    severity: high
    subject: person
    basis: [条例38-6]
    each: person
    where: "COUNT(DISTINCT s IN person.settlements WHERE s.P > 0: s.fixmedins_code) >= 2"
    unless: "NOT EXISTS(s IN person.stays WHERE s.nights > 0)"
    cases: [{verdict: 可疑, precedence: 5}]
    key: [person.psn_no]
    lines: {of: person, as: l, where: l.stay.nights > 0}
    amount: {A: sum_A, F: settlement_P(person)}
    explain: {zh: 说明}
    false_positives: 无
    """

  @Test func theSamePersonsAndFindings() throws {
    let rule = try #require(parseRule(text: Self.text, path: "a.yml").0)
    #expect(rule.readsPersons)
    var found = 0
    for seed in 0..<30 {
      let loaded = try RandomStore(seed: UInt64(5000 + seed)).load()
      let claims = loaded.normalized.claims
      try loaded.evidence.run(preludeSQL(persons: true) + ruleSQL(rule))
      let persons = (claims[.person].columns["psn_no"]?.codes ?? []).map { claims.codes.text($0) }
      #expect(try loaded.evidence.texts("SELECT psn_no FROM person ORDER BY psn_no") == persons, "seed \(seed)")
      let result = try audit(rules: [rule], AuditInput(claims: claims, registries: loaded.registries))
      let findings = result.findings.map { "\($0.key)|\($0.amountFen)|\($0.fundFen)" }.sorted()
      #expect(
        try loaded.evidence.texts("SELECT key, amount_fen, fund_fen FROM \"TST-01 findings\"").sorted() == findings,
        "seed \(seed)")
      found += findings.count
    }
    #expect(found >= 5, "stores too small to compare")
  }

  /// Spark can't see the person from a subquery in a subquery: the day by which a limit is chosen, itself a subquery, is
  /// a column of the person where a count over lines asks for the limit.
  @Test func theDayOfParametersIsAColumnWhereSubqueriesCantNest() throws {
    let text = Self.text.replacing(
      "each: person\n",
      with: """
        each: person
        parameters: {limit: [{value: 1, kind: money, to: 2025-03-04, basis: 甲}, {value: 3, kind: money, from: 2025-03-05, basis: 乙}]}
        parameter_day: "MIN(s IN person.settlements: s.day)"

        """
    ).replacing("s.P > 0:", with: "s.P > $limit:")
    let rule = try #require(parseRule(text: text, path: "a.yml").0)
    let spark = try ruleSQL(rule, dialect: .spark)
    #expect(spark.contains("AS `parameter.day` FROM"))
    #expect(spark.contains("CASE WHEN r.`parameter.day` IS NULL"))
    let days = spark.ranges(of: "(SELECT min(").count
    #expect(days == 1, "the day is looked for once, for the row, and nowhere inside another subquery")
    // The others see the row from any depth, and their texts stay as they are.
    for dialect in [Dialect.sqlite, .duckdb] {
      #expect(try !ruleSQL(rule, dialect: dialect).contains("parameter.day"))
    }
  }

  /// The texts that stand in packets of rules without persons stay as they were.
  @Test func onlyWhereARuleLooksAtThem() throws {
    let rule = try #require(parseRule(text: Self.text, path: "a.yml").0)
    #expect(!preludeSQL().contains(" person AS"))
    #expect(try !verifySQL(rules: DifferentialTests.rules, subjectType: .person, subject: "p").contains(" person AS"))
    #expect(try verifySQL(rules: [rule], subjectType: .person, subject: "p").contains(" person AS"))
    #expect(try scriptSQL(rule, dialect: .sqlite).contains(" person AS"))
  }
}
