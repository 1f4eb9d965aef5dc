import Audit
import ClaimModel
import Diagnostics
import Registries
import RulePacks
import Testing

/// Neighbours and formed rows, each operator with its boundaries worked out by hand.
struct FormedShapeTests {
  func run(_ rule: Rule, _ fixture: ClaimsFixture, _ files: [String: String] = [:]) throws -> AuditResult {
    func once(_ fixture: ClaimsFixture) throws -> AuditResult {
      let codes = CodeTable()
      let tables = try registries(files, codes)
      return try audit(rules: [rule], AuditInput(claims: fixture.claims(codes), registries: tables))
    }
    let result = try once(fixture)
    let backwards = try once(fixture.reversed)
    #expect(result.findings == backwards.findings)
    #expect(result.suppressions == backwards.suppressions)
    #expect(result.coverage == backwards.coverage)
    #expect(result.facts == backwards.facts)
    return result
  }

  func keys(_ result: AuditResult) -> [String] { result.findings.map(\.key).sorted() }
  func stay(_ path: String) -> Expr { claim(path, .stay) }
  func formed(_ name: String, _ kind: ValueKind = .integer) -> Expr { .formed(column: name, kind: kind) }
  func rule(_ shape: Shape) -> Rule {
    var rule = Rule()
    rule.id = "T-1"
    rule.status = .active
    rule.shape = shape
    rule.cases = always(.suspected)
    return rule
  }

  // MARK: Neighbours

  static func stays(_ rows: [(id: String, person: String, place: String, begin: String, end: String)]) -> ClaimsFixture
  {
    var f = ClaimsFixture()
    for row in rows {
      f.add(
        .stay,
        [
          "mdtrt_id": row.id, "psn_no": row.person, "fixmedins_code": row.place, "begin_day": row.begin,
          "end_day": row.end,
        ])
    }
    return f
  }

  var split: Rule {
    var rule = rule(
      .pair(
        a: ("s1", .stay), b: ("s2", .stay),
        match: [
          PairMatch(a: stay("s1.psn_no"), b: stay("s2.psn_no")),
          PairMatch(a: stay("s1.fixmedins_code"), b: stay("s2.fixmedins_code")),
        ], order: .adjacent(columns: ["begin_day", "end_day", "mdtrt_id"])))
    let gap = Expr.subtract(stay("s2.begin_day"), stay("s1.end_day"))
    rule.condition = .and([
      .compare(.greaterOrEqual, gap, .integer(0)), .compare(.lessOrEqual, gap, .integer(15)),
    ])
    rule.measure = gap
    rule.key = [stay("s1.mdtrt_id"), stay("s2.mdtrt_id")]
    return rule
  }

  @Test func neighboursOfOnePersonAtOneInstitution() throws {
    // b is between a and c; d is elsewhere; g and h have no person; e and f are 16 days apart.
    let claims = Self.stays([
      ("a", "p", "H", "2025-01-01", "2025-01-05"), ("b", "p", "H", "2025-01-05", "2025-01-06"),
      ("c", "p", "H", "2025-01-21", "2025-01-22"), ("d", "p", "K", "2025-01-05", "2025-01-06"),
      ("e", "q", "H", "2025-01-01", "2025-01-02"), ("f", "q", "H", "2025-01-18", "2025-01-19"),
      ("g", "", "H", "2025-01-01", "2025-01-02"), ("h", "", "H", "2025-01-03", "2025-01-04"),
    ])
    let result = try run(split, claims)
    #expect(keys(result) == ["a|b", "b|c"], "never (a, c)")
    #expect(result.findings.first { $0.key == "a|b" }?.measure == 0)
    #expect(result.findings.first { $0.key == "b|c" }?.measure == 15)
    #expect(result.coverage[0].rowsInScope == 3, "the pairs, (e, f) among them")
  }

  @Test func rowsAreOrderedBeforeAnyConditionIsAsked() throws {
    var rule = split
    rule.scope = .and([
      .compare(.notEqual, stay("s1.mdtrt_id"), .text("b")), .compare(.notEqual, stay("s2.mdtrt_id"), .text("b")),
    ])
    let claims = Self.stays([
      ("a", "p", "H", "2025-01-01", "2025-01-02"), ("b", "p", "H", "2025-01-03", "2025-01-04"),
      ("c", "p", "H", "2025-01-05", "2025-01-06"), ("d", "p", "H", "2025-01-05", "2025-01-06"),
    ])
    // b is out of scope and still stands between a and c. c and d begin and end alike: the id decides; gap −1.
    #expect(keys(try run(rule, claims)) == [])
    rule.condition = .boolean(true)
    #expect(keys(try run(rule, claims)) == ["c|d"])
  }

  @Test func nullsComeFirstAmongNeighbours() throws {
    var rule = split
    rule.condition = .boolean(true)
    let claims = Self.stays([
      ("a", "p", "H", "2025-01-01", "2025-01-02"), ("b", "p", "H", "2025-01-01", ""), ("c", "p", "H", "", "2025-01-09"),
    ])
    #expect(keys(try run(rule, claims)) == ["b|a", "c|b"])
  }

  // MARK: Stock

  static let supply = """
    med_list_codg,sup_key,sup_days,basis,begndate,enddate
    X1,K,1,b,2025-01-01,
    X2,K,0.5,b,2025-01-01,
    X3,L,30,b,2025-01-01,

    """

  static func purchases(_ rows: [(id: String, person: String, code: String, day: String, cnt: String)]) -> ClaimsFixture
  {
    var f = ClaimsFixture()
    for row in rows {
      f.add(.settlement, ["setl_id": "S" + row.id, "psn_no": row.person, "fixmedins_code": "P" + row.id])
      f.add(
        .line,
        [
          "id": "M:" + row.id, "setl_id": "S" + row.id, "psn_no": row.person, "med_list_codg": row.code,
          "day": row.day, "cnt": row.cnt, "A": "10", "F": "5", "fixmedins_code": "P" + row.id,
        ])
    }
    return f
  }

  var stock: Rule {
    let days = Expr.registry(lookup: "sup", column: "sup_days", kind: .quantity)
    var rule = rule(
      .formed(
        Formed(
          baseBinding: "line", baseEntity: .line, name: "buy",
          by: [
            NamedExpr(name: "psn_no", value: line("psn_no"), kind: .text),
            NamedExpr(
              name: "sup_key", value: .registry(lookup: "sup", column: "sup_key", kind: .text), kind: .text),
          ],
          values: [FormedValue(name: "place", function: .only, value: line("fixmedins_code"), kind: .text)],
          kind: .stock(day: line("day"), supply: StockSupply(quantity: line("cnt"), daysEach: days)))))
    rule.lookups = [
      Lookup(
        name: "sup", table: "drug_sup_b",
        keys: [.init(column: "med_list_codg", alternatives: [line("med_list_codg")])], day: line("day"))
    ]
    rule.parameters = [Parameter(name: "most", values: [.init(from: nil, value: 90, basis: "b")])]
    rule.unevaluable = [Unevaluable(when: .not(.found(lookup: "sup")), reason: "no days of supply")]
    rule.condition = .compare(.greater, formed("held"), .parameter("most"))
    rule.cases = [
      VerdictCase(
        when: .compare(.greater, formed("held"), .integer(180)), verdict: .suspected, severity: .high, precedence: 1),
      VerdictCase(when: .boolean(true), verdict: .lead, severity: .medium, precedence: .max),
    ]
    rule.key = [formed("psn_no", .text), formed("sup_key", .text), formed("day", .day)]
    rule.subject = formed("psn_no", .text)
    rule.fixmedinsCode = formed("place", .text)
    rule.settlements = ["buy"]
    rule.lines = .members
    rule.measure = formed("held")
    let over = Expr.least([formed("supply"), .subtract(formed("held"), .parameter("most"))])
    rule.amountA = .partA(k: over, n: formed("supply"))
    rule.amountF = .partF(k: over, n: formed("supply"))
    return rule
  }

  @Test func stockIsHeldAndUsedUp() throws {
    let claims = Self.purchases([
      // p: 90 in the first days of the year, ten days later 30 in two lines: 80 + 30 = 110, 20 of 30 too many.
      ("1", "p", "X1", "2025-01-01", "90"), ("2", "p", "X1", "2025-01-11", "20"), ("3", "p", "X2", "2025-01-11", "20"),
      // q: 180 and 181 days at once; used up by 1 August, then 90.
      ("4", "q", "X1", "2025-01-01", "180"), ("5", "q", "X1", "2025-08-01", "90"),
      ("6", "r", "X1", "2025-01-01", "181"),
      // s: half a day is no purchase, so the next starts at 0; another drug is another stock; no row in the table.
      ("7", "s", "X2", "2025-01-01", "1"), ("8", "s", "X3", "2025-01-01", "3"), ("9", "s", "XX", "2025-01-01", "500"),
      // No person: no stock. A net quantity that is not known supplies nothing.
      ("A", "", "X1", "2025-01-01", "500"), ("B", "s", "X1", "2025-01-02", ""), ("C", "s", "X1", "2025-01-02", "91"),
    ])
    let result = try run(stock, claims, ["drug_sup_b": Self.supply])
    #expect(keys(result) == ["p|K|2025-01-11", "q|K|2025-01-01", "r|K|2025-01-01", "s|K|2025-01-02"])
    let byKey = Dictionary(uniqueKeysWithValues: result.findings.map { ($0.key, $0) })
    let p = try #require(byKey["p|K|2025-01-11"])
    #expect(p.measure == 110)
    #expect(p.verdict == .lead)
    #expect(p.lineIDs == ["M:2", "M:3"])
    #expect(p.setlIDs == ["S2", "S3"])
    #expect(p.fixmedinsCode == "", "two pharmacies")
    // 20 of 30 of 20.00 and 10.00.
    #expect(p.amountFen == 1333)
    #expect(p.fundFen == 666)
    #expect(p.claims.map(\.fen) == [500, 500], "whole units; the fund amount bounds what is taken")
    #expect(byKey["q|K|2025-01-01"]?.verdict == .lead)
    #expect(byKey["q|K|2025-01-01"]?.fixmedinsCode == "P4")
    #expect(byKey["r|K|2025-01-01"]?.verdict == .suspected)
    #expect(byKey["s|K|2025-01-02"]?.measure == 91)
    #expect(byKey["s|K|2025-01-02"]?.lineIDs == ["M:B", "M:C"])
    #expect(result.coverage[0].rowsInScope == 12)
    #expect(result.coverage[0].rowsUnevaluable == 1, "only the drug without a row")
  }

  @Test func aPacketHasThePurchasesBeforeAndTheNeighbours() throws {
    let codes = CodeTable()
    let tables = try registries(["drug_sup_b": Self.supply], codes)
    let bought = Self.purchases([
      ("1", "p", "X1", "2025-01-01", "90"), ("2", "p", "X2", "2025-01-11", "60"), ("3", "p", "X1", "2025-02-01", "1"),
      ("4", "p", "X3", "2025-01-01", "1"), ("5", "q", "X1", "2025-01-01", "1"), ("6", "p", "XX", "2025-01-01", "1"),
    ]).claims(codes)
    let purchases = ClaimRowsLookedAt(rules: [stock], claims: bought, registries: tables)
    #expect(purchases.rows(with: [.line: [1]]) == [.line: [0, 1]], "neither later ones, nor other drugs or persons")
    #expect(purchases.rows(with: [.line: [2, 4], .settlement: [5]]) == [.line: [0, 1, 2, 4], .settlement: [5]])
    #expect(purchases.rows(with: [.line: [5]]) == [.line: [5]], "a row that is in no stock stands alone")
    let stays = Self.stays([
      ("a", "p", "H", "2025-01-01", "2025-01-05"), ("b", "p", "H", "2025-01-05", "2025-01-06"),
      ("c", "p", "H", "2025-01-21", "2025-01-22"), ("d", "p", "K", "2025-01-05", "2025-01-06"),
    ]).claims(codes)
    let neighbours = ClaimRowsLookedAt(rules: [split], claims: stays, registries: tables)
    #expect(neighbours.rows(with: [.stay: [2]]) == [.stay: [0, 1, 2]])
    #expect(neighbours.rows(with: [:]) == [:])
  }

  @Test func aReversalLargerThanTheDayIsNoPurchase() throws {
    let claims = Self.purchases([
      ("1", "p", "X1", "2025-01-01", "60"), ("2", "p", "X1", "2025-01-02", "30"), ("3", "p", "X1", "2025-01-02", "-31"),
      ("4", "p", "X1", "2025-01-03", "33"),
    ])
    // Without the second day 58 are left on the third: 91.
    let result = try run(stock, claims, ["drug_sup_b": Self.supply])
    #expect(result.findings.map(\.measure) == [91])
  }

  @Test func aStockBeyondCountingStopsTheRule() throws {
    let claims = Self.purchases([("1", "p", "X3", "2025-01-01", "900000000000")])
    let small = try run(stock, claims, ["drug_sup_b": Self.supply])
    #expect(small.findings.map(\.measure) == [27_000_000_000_000], "beyond 64 bits only on the way")
    let huge = Self.supply.replacing("30,", with: "900000000000,")
    let result = try run(stock, claims, ["drug_sup_b": huge])
    #expect(result.findings.isEmpty)
    #expect(result.coverage[0].obstacle == .overflow)
  }

  // MARK: Runs

  /// A stay of `nights` nights from 1 March with a treatment on the given days.
  static func stay(_ id: String, nights: Int, active: [Int], place: String = "H") -> ClaimsFixture {
    var f = ClaimsFixture()
    f.add(
      .stay,
      [
        "mdtrt_id": id, "psn_no": "p", "fixmedins_code": place, "begin_day": "2025-03-01",
        "end_day": CivilTime.text(day: AuditTests.day("2025-03-01") + Int64(nights)), "nights": "\(nights)",
        "stay_F": "100",
      ])
    f.add(.settlement, ["setl_id": "S" + id, "mdtrt_id": id, "fixmedins_code": place, "P": "100", "psn_no": "p"])
    for day in 0...nights {
      let text = CivilTime.text(day: AuditTests.day("2025-03-01") + Int64(day))
      f.add(
        .line,
        [
          "id": "\(id):b\(day)", "mdtrt_id": id, "setl_id": "S" + id, "day": text, "med_chrgitm_type": "01", "A": "1",
          "F": "1",
        ])
      if active.contains(day) {
        f.add(
          .line,
          [
            "id": "\(id):t\(day)", "mdtrt_id": id, "setl_id": "S" + id, "day": text, "med_chrgitm_type": "03",
            "A": "10", "F": "10",
          ])
      }
    }
    return f
  }

  var idle: Rule {
    let inner = { (days: Int64, column: String) in Expr.add(self.stay("s." + column), .integer(days)) }
    var rule = rule(
      .formed(
        Formed(
          baseBinding: "s", baseEntity: .stay, name: "r", by: [], values: [],
          kind: .runs(first: inner(1, "begin_day"), last: inner(-1, "end_day"), atLeast: .parameter("least")))))
    rule.parameters = [Parameter(name: "least", values: [.init(from: nil, value: 3, basis: "b")])]
    rule.scope = .compare(.greaterOrEqual, stay("s.nights"), .integer(4))
    let l = { (column: String) in claim("l." + column, .line) }
    rule.condition = .not(
      .children(
        ChildAggregate(
          function: .exists, variable: "l", of: .line, binding: "s", path: [],
          condition: .and([
            .compare(.equal, l("day"), formed("day", .day)),
            .not(.isTrue(.inList(l("med_chrgitm_type"), [.text("01"), .text("02"), .text("07")]))),
          ]), value: nil)))
    rule.key = [stay("s.mdtrt_id"), formed("run_first", .day)]
    rule.settlements = ["s"]
    rule.lines = .children(
      binding: "s", variable: "l",
      condition: .and([
        .compare(.greaterOrEqual, l("day"), formed("run_first", .day)),
        .compare(.lessOrEqual, l("day"), formed("run_last", .day)),
      ]))
    rule.from = formed("run_first", .day)
    rule.to = formed("run_last", .day)
    rule.measure = formed("run_length")
    rule.amountA = .sumA
    rule.amountF = .sumF
    return rule
  }

  @Test func maximalRunsOfIdleDays() throws {
    // 4 nights, all three inner days idle.
    let whole = try run(idle, Self.stay("M", nights: 4, active: [0, 4]))
    #expect(keys(whole) == ["M|2025-03-02"])
    let found = try #require(whole.findings.first)
    #expect(found.from == day("2025-03-02"))
    #expect(found.to == day("2025-03-04"))
    #expect(found.measure == 3)
    #expect(found.lineIDs == ["M:b1", "M:b2", "M:b3"])
    #expect(found.setlIDs == ["SM"])
    #expect(found.amountFen == 300)
    #expect(whole.coverage[0].rowsInScope == 1)
    // 3 nights are out of scope; a treatment on the second inner day leaves two runs of one day.
    #expect(try run(idle, Self.stay("M", nights: 3, active: [])).findings.isEmpty)
    #expect(try run(idle, Self.stay("M", nights: 4, active: [2])).findings.isEmpty)
    // Two runs, of three and four days, and two days at the end.
    let two = try run(idle, Self.stay("M", nights: 12, active: [4, 9]))
    #expect(keys(two) == ["M|2025-03-02", "M|2025-03-06"])
    #expect(two.findings.map(\.measure).sorted { ($0 ?? 0) < ($1 ?? 0) } == [3, 4])
  }

  /// From 1 January 1900 to 1 January 2000 are 36,524 days. An open end written as the year 9999 must not become millions
  /// of hits; a stay with an ordinary end beside it is found.
  @Test func aRowOfMoreThanACenturyIsUnevaluable() throws {
    for (end, nights, isEvaluable) in [
      ("2000-01-03", 36_526, true), ("2000-01-04", 36_527, false), ("9999-12-31", 2_958_463, false),
    ] {
      var claims = Self.stay("M", nights: 4, active: [0, 4])
      claims.add(
        .stay,
        [
          "mdtrt_id": "N", "psn_no": "q", "fixmedins_code": "H", "begin_day": "1900-01-01", "end_day": end,
          "nights": "\(nights)", "stay_F": "1",
        ])
      let result = try run(idle, claims)
      #expect(keys(result) == (isEvaluable ? ["M|2025-03-02", "N|1900-01-02"] : ["M|2025-03-02"]), "\(end)")
      #expect(result.coverage[0].rowsInScope == 2)
      #expect(result.coverage[0].rowsUnevaluable == (isEvaluable ? 0 : 1))
      // All inner days are idle: 2 January 1900 to 2 January 2000.
      if isEvaluable { #expect(result.findings.compactMap(\.measure).max() == 36_525) }
    }
  }

  @Test func theFillFloorLooksAtChildrenToo() throws {
    var rule = idle
    let count = { (value: String) in
      Expr.children(
        ChildAggregate(
          function: .count, variable: "l", of: .line, binding: "s", path: [], condition: .boolean(true),
          value: claim("l." + value, .line)))
    }
    rule.fill = [count("med_chrgitm_type"), count("F")]
    var claims = Self.stay("M", nights: 4, active: [])
    claims.rows[.line]?[0]["F"] = ""
    func obstacle(_ floor: Int) throws -> RuleObstacle? {
      let input = AuditInput(claims: claims.claims(), registries: Registries(), fillFloorPercent: floor)
      return try audit(rules: [rule], input).coverage[0].obstacle
    }
    #expect(try obstacle(80) == nil)
    #expect(try obstacle(81) == .hardlyFilled(column: "F", percent: 80, rows: 5, floor: 81))
  }

  @Test func exemptionsTakeDaysOutOfTheFindingNotOfTheRun() throws {
    var rule = idle
    rule.exemptions = [
      Exemption(id: "EX-01", when: .compare(.equal, formed("day", .day), .day(day("2025-03-03"))), text: "third")
    ]
    rule.measure = .countHits
    let result = try run(rule, Self.stay("M", nights: 4, active: []))
    #expect(result.findings.map(\.measure) == [2])
    #expect(result.suppressions.map(\.exemption) == ["EX-01"])
    rule.exemptions = []
    rule.unless = [.compare(.equal, formed("day", .day), .day(day("2025-03-03")))]
    #expect(try run(rule, Self.stay("M", nights: 4, active: [])).findings.isEmpty)
  }

  @Test func aRunsThresholdIsThatOfItsFirstDay() throws {
    var rule = idle
    rule.parameters = [
      Parameter(
        name: "least",
        values: [.init(from: nil, value: 4, basis: "b"), .init(from: day("2025-03-03"), value: 3, basis: "b")])
    ]
    rule.formedParameterDay = formed("day", .day)
    #expect(try run(rule, Self.stay("M", nights: 4, active: [])).findings.isEmpty)
    #expect(keys(try run(rule, Self.stay("M", nights: 5, active: [1]))) == ["M|2025-03-03"])
    // Without a day of its own the base row's holds.
    rule.formedParameterDay = nil
    rule.parameterDay = stay("s.begin_day")
    #expect(try run(rule, Self.stay("M", nights: 5, active: [1])).findings.isEmpty)
  }

  // MARK: Facts

  var posting: Population {
    Population(
      name: "posting", binding: "x", entity: .stay,
      condition: .compare(.greaterOrEqual, stay("x.nights"), .integer(2)),
      match: [PairMatch(a: stay("x.fixmedins_code"), b: stay("s.fixmedins_code"))],
      values: [
        FormedValue(name: "stays", function: .count, value: nil, kind: .integer),
        FormedValue(
          name: "inner", function: .sum, value: .subtract(stay("x.nights"), .integer(1)), kind: .integer),
        FormedValue(
          name: "treated", function: .sum,
          value: .children(
            ChildAggregate(
              function: .countDistinct, variable: "l", of: .line, binding: "x", path: [],
              condition: .compare(.equal, claim("l.med_chrgitm_type", .line), .text("03")),
              value: claim("l.day", .line))), kind: .integer),
      ])
  }

  @Test func factsOfThePopulation() throws {
    var rule = idle
    rule.populations = [posting]
    let fact = { Expr.fact(population: "posting", value: $0, kind: .integer) }
    rule.unevaluable = [
      Unevaluable(
        when: .not(
          .isTrue(
            .compare(.greaterOrEqual, .multiply(fact("treated"), .integer(100)), .multiply(fact("inner"), .integer(50)))
          )),
        reason: "does not post daily")
    ]
    // H: 11 inner days in two stays, 6 days with treatment; K: 3 and 1; a stay nowhere matches nothing.
    var claims = Self.stay("A", nights: 4, active: [])
    for (id, nights, active, place) in [
      ("B", 9, [1, 2, 3, 4, 5, 6], "H"), ("C", 4, [4], "K"), ("D", 4, [], ""), ("E", 1, [0, 1], "H"),
    ] {
      for (entity, rows) in Self.stay(id, nights: nights, active: active, place: place).rows {
        for row in rows { claims.add(entity, row) }
      }
    }
    let result = try run(rule, claims)
    #expect(keys(result) == ["A|2025-03-02"])
    #expect(result.coverage[0].rowsInScope == 4)
    #expect(result.coverage[0].rowsUnevaluable == 2)
    #expect(result.facts.map(\.group) == ["H", "H", "H"])
    #expect(result.facts.map(\.name) == ["inner", "stays", "treated"])
    #expect(result.facts.map(\.value) == ["11", "2", "6"])
  }

  // MARK: Occupancy

  var census: Rule {
    var rule = rule(
      .formed(
        Formed(
          baseBinding: "s", baseEntity: .stay, name: "full",
          by: [NamedExpr(name: "place", value: stay("s.fixmedins_code"), kind: .text)], values: [],
          kind: .occupancy(
            first: stay("s.begin_day"),
            last: .greatest([stay("s.begin_day"), .subtract(stay("s.end_day"), .integer(1))]),
            counted: stay("s.psn_no"), atLeast: .integer(3)))))
    rule.lookups = [
      Lookup(
        name: "place", table: "fixmedins_b",
        keys: [.init(column: "fixmedins_code", alternatives: [formed("place", .text)])], day: formed("day", .day))
    ]
    let beds = Expr.registry(lookup: "place", column: "aprv_bed_cnt", kind: .integer)
    rule.unevaluable = [
      Unevaluable(when: .or([.isNull(beds), .compare(.equal, beds, .integer(0))]), reason: "beds not known")
    ]
    rule.condition = .compare(
      .greater, .multiply(formed("count"), .integer(100)), .multiply(beds, .integer(120)))
    rule.key = [formed("place", .text), formed("run_first", .day)]
    rule.from = formed("run_first", .day)
    rule.to = formed("run_last", .day)
    rule.measure = .greatestOfHits(formed("count"))
    rule.threshold = .atGreatestOfHits(.percent(beds, of: .integer(120)), by: formed("count"))
    return rule
  }

  static let places = """
    fixmedins_code,fixmedins_name,fixmedins_type,hosp_lv,medins_kind,aprv_bed_cnt,admdvs,begndate,enddate
    H,h,1,05,general,2,330100,2025-01-01,2025-03-04
    H,h,1,05,general,1,330100,2025-03-05,2025-03-31
    K,k,1,05,general,0,330100,2025-01-01,

    """

  @Test func beds() throws {
    // Beds 2, so more than 2 are too many; from 5 March 1, so more than 1.
    var rows: [(String, String, String, String, String)] = [
      // Three persons on 2, 3, 4 March; p1 twice on the 3rd counts once.
      ("a", "p1", "H", "2025-03-01", "2025-03-04"), ("b", "p1", "H", "2025-03-03", "2025-03-06"),
      ("c", "p2", "H", "2025-03-02", "2025-03-07"), ("d", "p3", "H", "2025-03-02", "2025-03-05"),
      // A same-day stay counts on its day: two persons on the 6th, one only on the 7th.
      ("e", "p4", "H", "2025-03-06", "2025-03-06"), ("f", "p5", "H", "2025-03-07", "2025-03-08"),
      // Beds 0: unevaluable, each of 2 days. No institution, no begin: nowhere.
      ("g", "p1", "K", "2025-03-01", "2025-03-03"), ("h", "p1", "", "2025-03-01", "2025-03-03"),
      ("i", "p9", "H", "", "2025-03-03"),
    ]
    let result = try run(census, Self.stays(rows.map { (id: $0.0, person: $0.1, place: $0.2, begin: $0.3, end: $0.4) }))
    #expect(result.coverage[0].status == .notRunnable, "without the registry")
    func found() throws -> AuditResult {
      try run(
        census, Self.stays(rows.map { (id: $0.0, person: $0.1, place: $0.2, begin: $0.3, end: $0.4) }),
        ["fixmedins_b": Self.places])
    }
    // Counts: 1st 1 · 2nd 3 · 3rd 3 · 4th 3 · 5th 2 (p1, p2) · 6th 2 (p2, p4) · 7th 1.
    let full = try found()
    #expect(keys(full) == ["H|2025-03-02"])
    let one = try #require(full.findings.first)
    #expect(one.to == day("2025-03-06"))
    #expect(one.measure == 3)
    #expect(one.threshold == 2, "2 beds on the first day with 3: 2.4 rounded down")
    #expect(one.setlIDs.isEmpty)
    #expect(one.claims.isEmpty)
    #expect(full.coverage[0].rowsInScope == 9, "7 days in H, 2 in K")
    #expect(full.coverage[0].rowsUnevaluable == 2)
    #expect(full.facts.map(\.group) == (2...6).map { "H|2025-03-0\($0)" })
    #expect(full.facts.map(\.value) == ["3", "3", "3", "2", "2"])
    #expect(full.facts.allSatisfy { $0.population == "full" && $0.name == "count" && $0.rule == "T-1" })
    // Without d there are 2 on the first days: 5 and 6 March are too short a run.
    rows.remove(at: 3)
    #expect(try found().findings.isEmpty)
  }

  // MARK: Groups and windows

  @Test func groupsWithTheirValues() throws {
    var rule = rule(
      .formed(
        Formed(
          baseBinding: "line", baseEntity: .line, name: "g",
          by: [NamedExpr(name: "code", value: line("med_list_codg"), kind: .text)],
          values: [
            FormedValue(name: "rows", function: .count, value: nil, kind: .integer),
            FormedValue(name: "people", function: .countDistinct, value: line("psn_no"), kind: .integer),
            FormedValue(name: "total", function: .sum, value: line("cnt"), kind: .quantity),
            FormedValue(name: "most", function: .greatest, value: line("cnt"), kind: .quantity),
            FormedValue(name: "least", function: .least, value: line("cnt"), kind: .quantity),
            FormedValue(name: "one", function: .only, value: line("day"), kind: .day),
          ], kind: .group)))
    rule.key =
      ["code", "rows", "people"].map { formed($0, $0 == "code" ? .text : .integer) } + [
        formed("total", .quantity), formed("most", .quantity), formed("least", .quantity), formed("one", .day),
      ]
    rule.lines = .members
    rule.amountA = .sumA
    let claims = Self.purchases([
      ("1", "p", "X1", "2025-01-01", "2"), ("2", "p", "X1", "2025-01-01", "-3"), ("3", "", "X1", "2025-01-01", ""),
      ("4", "q", "X2", "2025-01-01", ""), ("5", "q", "X2", "", ""), ("6", "q", "", "2025-01-01", "9"),
    ])
    let result = try run(rule, claims)
    #expect(keys(result) == ["X1|3|1|-1.0000|2.0000|-3.0000|2025-01-01", "X2|2|1||||"])
    #expect(result.findings.map(\.amountFen).sorted() == [2000, 3000])
    #expect(result.coverage[0].rowsInScope == 6)
  }

  @Test func windowsEndWithADayOfTheirs() throws {
    var rule = rule(
      .formed(
        Formed(
          baseBinding: "line", baseEntity: .line, name: "w",
          by: [NamedExpr(name: "who", value: line("psn_no"), kind: .text)],
          values: [
            FormedValue(name: "total", function: .sum, value: line("A"), kind: .money),
            FormedValue(name: "codes", function: .countDistinct, value: line("med_list_codg"), kind: .integer),
          ], kind: .window(day: line("day"), days: .integer(7)))))
    rule.key = [formed("who", .text), formed("day", .day), formed("total", .money), formed("codes")]
    rule.lines = .members
    let claims = Self.purchases([
      ("1", "p", "X1", "2025-01-01", "1"), ("2", "p", "X2", "2025-01-07", "1"), ("3", "p", "X1", "2025-01-08", "1"),
      ("4", "p", "X1", "2025-01-08", "1"), ("5", "q", "X1", "2025-01-08", "1"), ("6", "q", "X1", "", "1"),
    ])
    let result = try run(rule, claims)
    // The window of the 7th begins on the 1st, that of the 8th on the 2nd.
    #expect(
      keys(result) == [
        "p|2025-01-01|10.00|1", "p|2025-01-07|20.00|2", "p|2025-01-08|30.00|2", "q|2025-01-08|10.00|1",
      ])
    #expect(result.findings.first { $0.key.hasPrefix("p|2025-01-08") }?.lineIDs == ["M:2", "M:3", "M:4"])
    // The greatest span of the day's rows counts; below 1 or null the day ends no window.
    guard case .formed(var formed) = rule.shape else { return }
    formed.kind = .window(day: line("day"), days: .percent(line("cnt"), of: .integer(1)))
    rule.shape = .formed(formed)
    let spans = Self.purchases([
      ("1", "p", "X1", "2025-01-01", ""), ("2", "p", "X1", "2025-01-02", "0.0001"),
      ("3", "p", "X1", "2025-01-03", "0.01"),
      ("4", "p", "X1", "2025-01-03", "0.03"),
    ])
    // 0.0001 is 1, of which 1 % is 0; 0.01 is 100: one day; 0.03: three days.
    #expect(keys(try run(rule, spans)) == ["p|2025-01-03|40.00|1"])
  }

  // MARK: Prices

  @Test func whatALineCostsBeyondAPrice() throws {
    var rule = rule(.each(binding: "line", entity: .line))
    rule.key = [line("setl_id")]
    rule.lines = .hits(binding: "line")
    rule.amountA = .overPriceA(price: line("pric"))
    rule.amountF = .overPriceF(price: line("pric"))
    var claims = ClaimsFixture()
    func add(_ id: String, _ cnt: String, _ price: String, _ cost: String, _ a: String, _ f: String) {
      claims.add(
        .line,
        ["id": id, "setl_id": "S", "cnt": cnt, "pric": price, "det_item_fee_sumamt": cost, "A": a, "F": f])
    }
    // 3 × 1.001 = 3.003, rounded up 3.01: 1.99 beyond. Of F 3.00 at A 5.00: 1.19 (1.194).
    add("1", "3", "1.001", "5.00", "5.00", "3.00")
    // 2.00 allowed, 8.00 beyond, but only 4.00 were payable.
    add("2", "2", "1", "10.00", "4.00", "4.00")
    // Cheaper than the price; no price; nothing payable.
    add("3", "2", "10", "10.00", "4.00", "4.00")
    add("4", "2", "", "10.00", "4.00", "4.00")
    add("5", "2", "1", "10.00", "0", "0")
    let result = try run(rule, claims)
    #expect(result.findings.map(\.amountFen) == [599])
    #expect(result.findings.map(\.fundFen) == [519])
    #expect(result.findings[0].claims.map(\.unit) == ["1", "2"])
    #expect(result.findings[0].claims.map(\.fen) == [119, 400])
  }

  // MARK: Lists of other lists

  @Test func drugsOfAnyRegisteredDisease() throws {
    var rule = rule(.each(binding: "line", entity: .line))
    let disease = Lookup.Key(column: "opsp_dise_code", alternatives: [line("dise_codg")])
    let begins = Lookup.Key(
      column: "drug_code", alternatives: [line("med_list_codg")], match: .beginsWithColumn(atLeast: 4))
    rule.lookups = [
      Lookup(
        name: "reg", table: "opsp_reg_d", keys: [.init(column: "psn_no", alternatives: [line("psn_no")])],
        day: line("day"), take: .any),
      Lookup(
        name: "listed", table: "opsp_dise_drug_b",
        keys: [disease, .init(column: "drug_code", alternatives: [], match: .length(atLeast: 4))],
        region: line("settlement.fix_blng_admdvs"), day: line("day"), take: .any, joinsLevels: true),
      Lookup(
        name: "drug", table: "opsp_dise_drug_b", keys: [disease, begins],
        region: line("settlement.fix_blng_admdvs"), day: line("day"), take: .any, joinsLevels: true),
      Lookup(
        name: "other", table: "opsp_dise_drug_b",
        keys: [
          .init(
            column: "opsp_dise_code", alternatives: [], match: .anyOf(lookup: "reg", column: "opsp_dise_code")), begins,
        ], region: line("settlement.fix_blng_admdvs"), day: line("day"), take: .any, joinsLevels: true),
    ]
    rule.unevaluable = [Unevaluable(when: .not(.isTrue(.found(lookup: "listed"))), reason: "no list")]
    rule.condition = .and([.not(.found(lookup: "drug")), .not(.found(lookup: "other"))])
    rule.key = [line("id")]
    var claims = ClaimsFixture()
    claims.add(.settlement, ["setl_id": "S", "fix_blng_admdvs": "330106"])
    for (id, person, disease, code) in [
      ("1", "p", "D1", "XA0199"),  // on the provincial list by its beginning
      ("2", "p", "d1", "xb01ZZ"),  // on the national list: joined, and letters are letters
      ("3", "p", "D1", "XC0101"),  // a drug of D2, for which p is registered
      ("4", "q", "D1", "XC0101"),  // q is not: hit
      ("5", "p", "D1", "XD0101"),  // XD0 is too short to be on the list: hit
      ("6", "p", "D3", "XA0199"),  // D3 has only a row that is too short: unevaluable
      ("7", "", "D1", "XC0101"),  // no person: not known whether registered
      ("8", "r", "D1", "XC0101"),  // registered for a disease without code: none of them lists it: hit
    ] {
      claims.add(
        .line,
        [
          "id": id, "setl_id": "S", "psn_no": person, "dise_codg": disease, "med_list_codg": code, "day": "2025-03-01",
        ])
    }
    let files = [
      "opsp_reg_d": """
      psn_no,insu_admdvs,opsp_dise_code,begndate,enddate
      p,330100,D2,2025-03-01,2025-03-01
      q,330100,D2,2025-03-02,
      r,330100,D4,2025-01-01,

      """,
      "opsp_dise_drug_b": """
      admdvs,opsp_dise_code,drug_code,begndate,enddate,basis
      330000,D1,XA01,2025-01-01,,b
      000000,D1,XB01,2025-01-01,,b
      000000,D1,XD0,2025-01-01,,b
      110000,D1,XD01,2025-01-01,,b
      000000,D2,XC0101,2025-01-01,,b
      000000,D3,XA0,2025-01-01,,b

      """,
    ]
    let result = try run(rule, claims, files)
    #expect(keys(result) == ["4", "5", "8"])
    #expect(result.coverage[0].rowsUnevaluable == 1)
    let codes = CodeTable()
    let tables = try registries(files, codes)
    let rows = registryRowsLookedAt(
      rules: [rule], claims: claims.claims(codes), registries: tables, rows: [.line: [2, 3]])
    #expect(rows == ["opsp_reg_d": [0, 1], "opsp_dise_drug_b": [0, 1, 2, 4]], "both lists whole, no other province")
  }
}
