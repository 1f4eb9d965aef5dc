import Audit
import ClaimModel
import Registries
import RulePacks
import Testing

/// Groups of everybody's rows, evaluated part by part, against the same rules over everything at once.
struct GroupsOfAllTests {
  /// Lines of an institution: id, kind, pieces, amount.
  static func lines(_ rows: [(id: String, place: String, kind: String, pieces: String, A: String)]) -> ClaimsFixture {
    var fixture = ClaimsFixture()
    for row in rows {
      fixture.add(.settlement, ["setl_id": "S" + row.id, "psn_no": "p" + row.id, "fixmedins_code": row.place])
      fixture.add(
        .line,
        [
          "id": "M\(row.id):\(row.id)", "setl_id": "S" + row.id, "mdtrt_id": "M" + row.id, "bkkp_sn": row.id,
          "psn_no": "p" + row.id,
          "fixmedins_code": row.place, "list_type": row.kind, "cnt": row.pieces, "A": row.A, "F": row.A,
        ])
    }
    return fixture
  }

  static func group(_ id: String, scope: Expr, where condition: Expr) -> Rule {
    var rule = Rule()
    rule.id = id
    rule.status = .active
    rule.shape = .formed(
      Formed(
        baseBinding: "line", baseEntity: .line, name: "g",
        by: [NamedExpr(name: "place", value: line("fixmedins_code"), kind: .text)],
        values: [
          FormedValue(name: "rows", function: .count, value: nil, kind: .integer),
          FormedValue(name: "people", function: .countDistinct, value: line("psn_no"), kind: .integer),
          FormedValue(name: "total", function: .sum, value: line("A"), kind: .money),
        ], kind: .group))
    rule.scope = scope
    rule.condition = condition
    rule.key = [.formed(column: "place", kind: .text)]
    rule.measure = .formed(column: "rows", kind: .integer)
    rule.settlements = ["line"]
    rule.lines = .members
    rule.amountA = .sumA
    rule.amountF = .sumF
    rule.cases = always(.lead)
    return rule
  }

  /// The rules part by part; that is also compared with all at once.
  static func found(_ rules: [Rule], _ parts: [ClaimsFixture], floor: Int = 0) throws -> AuditResult {
    let base = CodeTable()
    let tables = try registries([:], base)
    let shelf = RegistryShelf(tables, codes: base)
    #expect(rules.allSatisfy { $0.reach == .everything && GroupsOfAll.takes($0) })
    let groups = GroupsOfAll(rules)
    func input(_ claims: EffectiveClaims) -> AuditInput {
      AuditInput(claims: claims, registries: tables, fillFloorPercent: floor)
    }
    var left: [GroupsOfPart] = []
    for (i, part) in parts.enumerated() {
      let codes = CodeTable(copying: base)
      // Texts have other codes in every part.
      for k in 0..<(7 * i) { _ = codes.intern("before \(k)") }
      left.append(groups.part(input(part.claims(codes)), shelf: shelf))
    }
    let rows = left.map(\.rows)
    for i in left.indices { left[i].rows = [] }
    let own = try groups.audit(
      left, codes: CodeTable(copying: base), shelf: shelf, rows: { rows[$0] }, input: input
    ).found
    let result = try finish([own], rules: rules, registries: tables, fillFloorPercent: floor)

    var all = ClaimsFixture()
    for part in parts { for (entity, rows) in part.rows { all.rows[entity, default: []] += rows } }
    let whole = try audit(rules: rules, input(all.claims(CodeTable(copying: base))))
    #expect(result.findings == whole.findings)
    #expect(result.coverage == whole.coverage)
    #expect(result.suppressions == whole.suppressions)
    #expect(result.diagnostics.map { "\($0)" } == whole.diagnostics.map { "\($0)" })
    return result
  }

  static let isGoods = Expr.compare(.equal, line("list_type"), .text("101"))
  static func rows(_ comparison: Comparison, _ number: Int64) -> Expr {
    .compare(comparison, .formed(column: "rows", kind: .integer), .integer(number))
  }

  /// Of H three lines are goods, of two persons' parts; one is not, and of one it is not known. The rules share the
  /// comparison, and take what is not known in two ways.
  static let halves = [
    lines([
      ("1", "H", "101", "1", "1.00"), ("2", "H", "101", "1", "2.00"), ("3", "H", "102", "1", "4.00"),
      ("4", "K", "101", "1", "8.00"), ("5", "K", "101", "1", "16.00"),
    ]),
    lines([("6", "H", "", "1", "32.00"), ("7", "H", "101", "1", "64.00"), ("8", "K", "", "1", "128.00")]),
  ]

  @Test func halfOfAGroupIsInScope() throws {
    let rules = [
      Self.group("A", scope: Self.isGoods, where: Self.rows(.greaterOrEqual, 3)),
      Self.group("B", scope: .not(.isTrue(Self.isGoods)), where: Self.rows(.greater, 1)),
      Self.group("C", scope: .not(Self.isGoods), where: Self.rows(.greater, 0)),
    ]
    let result = try Self.found(rules, Self.halves)
    #expect(result.findings.map { "\($0.rule) \($0.key) \($0.measure ?? -1)" } == ["A H 3", "B H 2", "C H 1"])
    #expect(result.findings.map(\.lineIDs) == [["M1:1", "M2:2", "M7:7"], ["M3:3", "M6:6"], ["M3:3"]])
    #expect(result.findings.map(\.amountFen) == [6700, 3600, 400])
    #expect(result.findings.map(\.setlIDs) == [["S1", "S2", "S7"], ["S3", "S6"], ["S3"]])
    #expect(result.coverage.map(\.rowsInScope) == [5, 3, 1])
  }

  @Test func aRowThatCannotBeEvaluatedIsNoMember() throws {
    var parts = Self.halves
    parts[1].rows[.line]?[1]["cnt"] = ""
    var rules = [
      Self.group("A", scope: Self.isGoods, where: Self.rows(.greaterOrEqual, 3)),
      Self.group("B", scope: Self.isGoods, where: Self.rows(.greaterOrEqual, 2)),
    ]
    for i in rules.indices { rules[i].unevaluable = [Unevaluable(when: .isNull(line("cnt")), reason: "")] }
    let result = try Self.found(rules, parts)
    #expect(result.findings.map { "\($0.rule) \($0.key)" } == ["B H", "B K"])
    #expect(result.coverage.map(\.rowsUnevaluable) == [1, 1])
    #expect(result.coverage.map(\.rowsInScope) == [5, 5])
  }

  /// What bounds the number of members from below, and what does not.
  @Test(
    arguments: [
      (rows(.equal, 3), ["H"]), (rows(.less, 3), ["K"]), (rows(.notEqual, 3), ["K"]),
      (rows(.lessOrEqual, 3), ["H", "K"]),
      (.compare(.less, .integer(2), .formed(column: "rows", kind: .integer)), ["H"]),
      (.compare(.greaterOrEqual, .integer(2), .formed(column: "rows", kind: .integer)), ["K"]),
      (.compare(.greater, .formed(column: "people", kind: .integer), .integer(2)), ["H"]),
      (.compare(.greater, .formed(column: "total", kind: .money), .integer(2000)), ["H", "K"]),
      (.not(rows(.greater, 2)), ["K"]), (.or([rows(.greater, 9), rows(.equal, 2)]), ["K"]),
      (.compare(.greaterOrEqual, .formed(column: "rows", kind: .integer), .parameter("least")), ["H"]),
      (.compare(.greaterOrEqual, .formed(column: "rows", kind: .integer), .integer(Int64.max)), []),
      (.compare(.greater, .formed(column: "rows", kind: .integer), .integer(Int64.max)), []),
    ] as [(Expr, [String])])
  func countsBoundGroups(_ condition: Expr, _ keys: [String]) throws {
    var rule = Self.group("A", scope: Self.isGoods, where: condition)
    rule.parameters = [Parameter(name: "least", values: [Parameter.Value(from: nil, value: 3, basis: "")])]
    #expect(try Self.found([rule], Self.halves).findings.map(\.key).sorted() == keys)
  }

  /// The sum of a group that is too small to be a hit does not fit: the rule is stopped all the same. A factor in the
  /// condition that is asked first stops it at a group that its second condition would leave out.
  @Test(arguments: [true, false])
  func overflowIsTrapped(_ isOfSum: Bool) throws {
    var parts = Self.halves
    var rule = Self.group("A", scope: Self.isGoods, where: Self.rows(.greaterOrEqual, 4))
    if isOfSum, case .formed(var formed) = rule.shape {
      // 6.4 × 10^18 twice, in two parts; 2^63 is 9.2 × 10^18. The group has three members.
      parts[0].rows[.line]?[0]["A"] = "64.00"
      formed.values[2].value = .multiply(line("A"), .integer(1_000_000_000_000_000))
      rule.shape = .formed(formed)
    } else {
      let total = Expr.multiply(.formed(column: "total", kind: .money), .integer(Int64.max / 2000))
      rule.condition = .and([.compare(.greater, total, .integer(0)), rule.condition])
    }
    let result = try Self.found([rule], parts)
    #expect(result.coverage[0].obstacle == .overflow)
    #expect(result.diagnostics.count == 1)
    #expect(result.findings.isEmpty)
  }

  @Test func fillIsJudgedOverAllParts() throws {
    var rule = Self.group("A", scope: .boolean(true), where: Self.rows(.greaterOrEqual, 5))
    rule.fill = [line("list_type")]
    // Six of eight lines have it: all of the first part, one of three of the second.
    #expect(try Self.found([rule], Self.halves, floor: 75).findings.map(\.key) == ["H"])
    #expect(try Self.found([rule], Self.halves, floor: 76).coverage[0].status == .notRunnable)
  }

  /// Numbers of all widths and both signs, nulls, columns and parts without rows come through as they are.
  @Test func rowsThatAreKeptAreTheSame() throws {
    let amounts = [
      "", "0.00", "-0.01", "2.55", "655.35", "42949672.95", "-99999999999999.99", "99999999999999.99",
    ]
    for count in 1...amounts.count {
      let rows = amounts.prefix(count).enumerated().map { i, amount in
        (id: "\(i)", place: i % 3 == 2 ? "" : "H", kind: ["101", "", "102"][i % 3], pieces: "", A: amount)
      }
      var rule = Self.group("A", scope: .boolean(true), where: Self.rows(.greaterOrEqual, 1))
      rule.shape = .formed(
        Formed(
          baseBinding: "line", baseEntity: .line, name: "g",
          by: [
            NamedExpr(name: "place", value: line("fixmedins_code"), kind: .text),
            NamedExpr(name: "A", value: line("A"), kind: .money),
          ], values: [FormedValue(name: "rows", function: .count, value: nil, kind: .integer)], kind: .group))
      rule.key.append(.formed(column: "A", kind: .money))
      rule.amountF = .none
      let parts = [Self.lines(Array(rows.prefix(2))), ClaimsFixture(), Self.lines(Array(rows.dropFirst(2)))]
      let result = try Self.found([rule], parts)
      // Those without a place or an amount are in no group.
      let wanted = rows.filter { !$0.place.isEmpty && !$0.A.isEmpty }.map { "H|" + $0.A }.sorted()
      #expect(result.findings.map(\.key).sorted() == wanted)
    }
  }
}
