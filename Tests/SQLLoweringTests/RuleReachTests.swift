import Audit
import ClaimModel
import RulePacks
import Testing

/// Which rules may be run over parts of the claims.
struct RuleReachTests {
  @Test func theTenRules() {
    let reaches = Dictionary(uniqueKeysWithValues: DifferentialTests.rules.map { ($0.id, $0.reach) })
    #expect(
      reaches == [
        "ADM-01": .person, "ADM-02": .person, "ADM-05": .person, "ADM-06": .personWithFacts, "ADM-09": .everything,
        "CAT-01": .person, "CAT-03": .person, "CHR-01": .person, "CHR-03": .person, "CHR-04": .person,
      ])
  }

  static func text(_ path: String) -> Expr {
    let parts = path.split(separator: ".").map(String.init)
    return .claim(
      binding: parts[0], path: parts[1..<parts.count - 1].compactMap(Entity.init(rawValue:)),
      column: parts[parts.count - 1],
      kind: .text)
  }

  @Test(arguments: [
    (Entity.line, ["x.id"], RuleReach.person), (.line, ["x.fixmedins_code", "x.setl_id"], .person),
    (.settlement, ["x.setl_id"], .person), (.stay, ["x.mdtrt_id"], .person), (.visit, ["x.mdtrt_id"], .person),
    (.diagnosis, ["x.setl_list_diag_id"], .person), (.person, ["x.psn_no"], .person),
    // An mdtrt_id of a settlement may be null, and so may a psn_no; nulls of different persons are one key.
    (.settlement, ["x.mdtrt_id"], .everything), (.settlement, ["x.psn_no"], .everything),
    (.line, ["x.psn_no", "x.med_list_codg"], .everything), (.line, ["x.fixmedins_code"], .everything),
    // Of another row that may be missing.
    (.line, ["x.visit.mdtrt_id"], .everything), (.line, [], .everything),
  ])
  func eachRow(_ entity: Entity, _ key: [String], _ reach: RuleReach) {
    var rule = Rule()
    rule.shape = .each(binding: "x", entity: entity)
    rule.key = key.map(Self.text)
    #expect(rule.reach == reach)
    // A parent's id named beside it changes nothing.
    rule.key.append(.prefix(Self.text("x.setl_id"), 3))
    #expect(rule.reach == reach)
  }

  @Test func aScopeThatRulesOutNullsMakesAPersonNumberAKey() {
    var rule = Rule()
    rule.shape = .each(binding: "x", entity: .settlement)
    rule.key = [Self.text("x.psn_no"), Self.text("x.fixmedins_code")]
    rule.scope = .and([.not(.isNull(Self.text("x.psn_no"))), .boolean(true)])
    #expect(rule.reach == .person)
    rule.scope = .or([.not(.isNull(Self.text("x.psn_no"))), .boolean(false)])
    #expect(rule.reach == .everything)
    rule.scope = .not(.isNull(Self.text("x.mdtrt_id")))
    #expect(rule.reach == .everything)
  }

  @Test(arguments: [
    ([("a.psn_no", "b.psn_no")], ["a.mdtrt_id", "b.id"], RuleReach.person),
    ([("a.psn_no", "b.settlement.psn_no")], ["b.setl_id"], .person),
    ([("a.psn_no", "b.psn_no"), ("a.dx", "b.list_type")], ["a.psn_no"], .person),
    // Matched values are not null, but these are others.
    ([("a.psn_no", "b.settlement.psn_no")], ["b.psn_no"], .everything),
    ([("a.psn_no", "b.psn_no")], ["a.fixmedins_code"], .everything),
    ([("a.fixmedins_code", "b.fixmedins_code")], ["a.mdtrt_id", "b.id"], .everything),
    ([("a.psn_no", "b.bilg_dr_code")], ["a.mdtrt_id", "b.id"], .everything),
    ([("a.mdtrt_id", "b.mdtrt_id")], ["a.mdtrt_id", "b.id"], .everything),
    ([], ["a.mdtrt_id", "b.id"], .everything),
  ])
  func pairs(_ match: [(String, String)], _ key: [String], _ reach: RuleReach) {
    var rule = Rule()
    rule.shape = .pair(
      a: ("a", .stay), b: ("b", .line), match: match.map { PairMatch(a: Self.text($0.0), b: Self.text($0.1)) },
      order: .every)
    rule.key = key.map(Self.text)
    #expect(rule.reach == reach)
  }

  @Test func aPairOfBeginningsIsOfManyPersons() {
    var rule = Rule()
    let match = PairMatch(a: .prefix(Self.text("a.psn_no"), 3), b: .prefix(Self.text("b.psn_no"), 3))
    rule.shape = .pair(a: ("a", .stay), b: ("b", .stay), match: [match], order: .unordered(column: "mdtrt_id"))
    rule.key = [Self.text("a.mdtrt_id"), Self.text("b.mdtrt_id")]
    #expect(rule.reach == .everything)
  }

  @Test(arguments: [
    (["line.psn_no"], ["by0"], RuleReach.person), (["line.fixmedins_code", "line.psn_no"], ["by1"], .person),
    (["line.settlement.psn_no", "line.list_type"], ["by0", "by1"], .person), (["line.setl_id"], ["by0"], .person),
    (["line.fixmedins_code", "line.psn_no"], ["by0"], .everything), (["line.fixmedins_code"], ["by0"], .everything),
    (["line.bilg_dr_code"], ["by0"], .everything), ([], [], .everything),
  ])
  func formedRows(_ by: [String], _ key: [String], _ reach: RuleReach) {
    let day = Expr.claim(binding: "line", path: [], column: "day", kind: .day)
    let kinds: [Formed.Kind] = [
      .group, .window(day: day, days: .integer(3)),
      .stock(day: day, supply: StockSupply(quantity: .integer(1), daysEach: .integer(1))),
      .occupancy(first: day, last: day, counted: Self.text("line.psn_no"), atLeast: .integer(1)),
    ]
    for kind in kinds {
      var rule = Rule()
      rule.shape = .formed(
        Formed(
          baseBinding: "line", baseEntity: .line, name: "f",
          by: by.enumerated().map { NamedExpr(name: "by\($0.offset)", value: Self.text($0.element), kind: .text) },
          values: [], kind: kind))
      rule.key = key.map { .formed(column: $0, kind: .text) }
      #expect(rule.reach == reach)
    }
  }

  @Test(arguments: [("stay.mdtrt_id", RuleReach.person), ("stay.fixmedins_code", .everything)])
  func runs(_ key: String, _ reach: RuleReach) {
    var rule = Rule()
    let day = Expr.claim(binding: "stay", path: [], column: "begin_day", kind: .day)
    rule.shape = .formed(
      Formed(
        baseBinding: "stay", baseEntity: .stay, name: "f", by: [], values: [],
        kind: .runs(first: day, last: day, atLeast: .integer(2))))
    rule.key = [Self.text(key), .formed(column: "run_first", kind: .day)]
    #expect(rule.reach == reach)
    rule.populations = [
      Population(name: "p", binding: "s", entity: .stay, condition: .boolean(true), match: [], values: [])
    ]
    #expect(rule.reach == (reach == .person ? .personWithFacts : .everything))
  }
}
