import Audit
import ClaimModel
import Registries
import RulePacks
import Testing

/// Rules that have conditions in common find what each finds alone.
struct SharedConditionTests {
  static func rule(_ id: String, _ scope: Expr, _ condition: Expr) -> Rule {
    var rule = Rule()
    rule.id = id
    rule.status = .active
    rule.shape = .each(binding: "line", entity: .line)
    rule.scope = scope
    rule.condition = condition
    rule.key = [line("id")]
    rule.lines = .hits(binding: "line")
    rule.cases = always(.lead)
    return rule
  }

  static func lines(_ rows: [(id: String, kind: String, pieces: String, A: String)]) -> ClaimsFixture {
    var fixture = ClaimsFixture()
    for row in rows {
      fixture.add(
        .line, ["id": row.id, "mdtrt_id": row.id, "list_type": row.kind, "cnt": row.pieces, "A": row.A, "F": row.A])
    }
    return fixture
  }

  static func found(_ rules: [Rule], _ fixture: ClaimsFixture) throws -> AuditResult {
    func once(_ rules: [Rule]) throws -> AuditResult {
      let codes = CodeTable()
      let tables = try registries([:], codes)
      return try audit(rules: rules, AuditInput(claims: fixture.claims(codes), registries: tables))
    }
    let result = try once(rules)
    for rule in rules {
      let alone = try once([rule])
      #expect(result.findings.filter { $0.rule == rule.id } == alone.findings)
      #expect(result.coverage.filter { $0.rule == rule.id } == alone.coverage)
    }
    return result
  }

  static let isGoods = Expr.compare(.equal, line("list_type"), .text("101"))
  static let isDear = Expr.compare(.greater, line("A"), .integer(500))

  /// The comparison is unknown for the line without a kind, and each rule takes that in another way.
  @Test func theUnknownIsTakenAsEachRuleSays() throws {
    let fixture = Self.lines([
      ("1", "101", "1", "10.00"), ("2", "102", "1", "10.00"), ("3", "", "1", "10.00"), ("4", "101", "1", ""),
      ("5", "102", "1", "1.00"), ("6", "", "1", ""),
    ])
    let result = try Self.found(
      [
        Self.rule("A", Self.isGoods, Self.isDear), Self.rule("B", .boolean(true), .and([Self.isGoods, Self.isDear])),
        Self.rule("C", .not(Self.isGoods), Self.isDear),
        Self.rule("D", .not(.isTrue(Self.isGoods)), .and([Self.isDear, .isNull(line("list_type"))])),
        Self.rule("E", .or([Self.isGoods, Self.isDear]), .isNull(line("A"))),
        Self.rule("F", .boolean(true), .or([Self.isGoods, .isNull(line("A"))])),
      ], fixture)
    #expect(
      result.findings.map { $0.rule + $0.key }.sorted() == ["A1", "B1", "C2", "D3", "E4", "F1", "F4", "F6"])
    #expect(result.coverage.map(\.rowsInScope) == [2, 6, 2, 4, 4, 6])
  }

  /// A product that overflows for some lines: in the written order only what comes before keeps them from it, whatever
  /// other rules have the condition that comes after.
  @Test func overflowDoesNotDependOnOtherRules() throws {
    let fixture = Self.lines(
      (1...40).map { ("\($0)", $0 % 2 == 0 ? "101" : "102", "1", $0 % 2 == 0 ? "1.00" : "9.00") })
    let product = Expr.compare(
      .greater, .multiply(line("A"), .integer(Int64.max / 500)), .integer(0))
    let result = try Self.found(
      [
        Self.rule("A", .boolean(true), .and([Self.isGoods, product])),
        Self.rule("B", .boolean(true), .and([product, Self.isGoods])), Self.rule("C", .boolean(true), Self.isGoods),
        Self.rule("D", Self.isGoods, product), Self.rule("E", product, Self.isGoods),
      ], fixture)
    #expect(result.coverage.map(\.obstacle) == [nil, .overflow, nil, nil, .overflow])
    #expect(result.coverage.map(\.findings) == [20, 0, 20, 20, 0])
  }

  /// The order in which conditions are asked changes from block to block; what is found does not.
  @Test func anyOrderFindsTheSame() throws {
    let count = 60_000
    var fixture = ClaimsFixture()
    for i in 0..<count {
      // The first half passes one condition and the second half the other.
      let isFirst = i < count / 2
      fixture.add(
        .line,
        [
          "id": "\(i)", "mdtrt_id": "\(i)", "list_type": isFirst || i % 1_000 == 0 ? "101" : "102",
          "A": !isFirst || i % 1_500 == 0 ? "9.00" : "1.00", "cnt": "1",
        ])
    }
    let kinds = Expr.inList(line("list_type"), [.text("101"), .text("103")])
    let result = try Self.found(
      [
        Self.rule("A", .boolean(true), .and([kinds, Self.isDear])),
        Self.rule("B", .boolean(true), .and([Self.isDear, kinds, .not(.isNull(line("cnt")))])),
        Self.rule("C", kinds, Self.isDear),
      ], fixture)
    // Of 0 … 29,999 each 1,500th is dear, of the others each 1,000th is goods.
    #expect(result.coverage.map(\.findings) == [50, 50, 50])
    #expect(result.coverage.map(\.rowsInScope) == [60_000, 60_000, 30_030])
  }
}
