import ClaimModel
import Registries
import RulePacks
import Testing

@testable import Audit

/// Formed rows and neighbours against the slow interpreter, on random rules over random rows with many nulls.
struct RandomShapeTests {
  let expressions = RandomComparisonTests()

  func formed(_ r: inout Seeded) -> Formed {
    let texts: [Expr] = [
      line("psn_no"), line("list_type"), line("stay.dx"), .prefix(line("med_list_codg"), 3),
      .registry(lookup: "cat", column: "chrgitm_lv", kind: .text),
    ]
    let numbers: [Expr] = [line("A"), line("F"), line("stay.nights"), .percent(line("A"), of: .integer(150))]
    var by = (0..<r.pick([0, 1, 1, 2])).map { NamedExpr(name: "b\($0)", value: r.pick(texts), kind: .text) }
    if r.chance(20) { by.append(NamedExpr(name: "n", value: line("A"), kind: .money)) }
    let day = r.chance(70) ? line("day") : .coalesce([line("day"), line("stay.begin_day")])
    let last = Expr.add(line("day"), line("stay.nights"))
    let least = r.pick([Expr.integer(1), .integer(2), .parameter("w"), .parameter("w")])
    let kind: Formed.Kind =
      switch r.pick(Array(0...4)) {
      case 0: .group
      case 1: .window(day: day, days: r.pick([Expr.integer(1), .integer(3), line("stay.nights")]))
      case 2: .stock(day: day, supply: StockSupply(quantity: line("F"), daysEach: .multiply(line("A"), .integer(7000))))
      case 3: .runs(first: line("day"), last: last, atLeast: least)
      default: .occupancy(first: line("day"), last: last, counted: r.pick(texts + [line("A")]), atLeast: least)
      }
    var values: [FormedValue] = []
    switch kind {
    case .runs: by = []
    case .occupancy: break
    case .group, .window, .stock:
      for (i, function) in [FormedValue.Function.sum, .least, .greatest, .countDistinct, .only].enumerated() {
        values.append(FormedValue(name: "v\(i)", function: function, value: r.pick(numbers), kind: .money))
      }
      values.append(FormedValue(name: "t0", function: .countDistinct, value: r.pick(texts), kind: .integer))
      values.append(FormedValue(name: "t1", function: .only, value: r.pick(texts), kind: .text))
      values.append(FormedValue(name: "rows", function: .count, value: nil, kind: .integer))
    }
    return Formed(
      baseBinding: "line", baseEntity: .line, name: "x", by: by, values: values, kind: kind)
  }

  func printed(_ value: Value?, _ kind: ValueKind) -> String {
    switch value {
    case .text(let t): t
    case .number(let n): kind.text(n)
    default: ""
    }
  }

  @Test(arguments: 1...40)
  func formedRowsAgree(seed: UInt64) throws {
    var random = Seeded(state: seed)
    let codes = CodeTable()
    let fixture = expressions.fixture(&random)
    let tables = try registries(expressions.tables(&random), codes)
    let claims = fixture.claims(codes)
    var rule = Rule()
    rule.id = "T-1"
    rule.status = .active
    let formed = formed(&random)
    rule.shape = .formed(formed)
    rule.parameters = [
      Parameter(
        name: "w",
        values: [.init(from: nil, value: 1, basis: ""), .init(from: day("2025-03-05"), value: 3, basis: "")])
    ]
    rule.lookups = [expressions.rule.lookups[0]]
    if random.chance(30) { rule.unevaluable = [Unevaluable(when: .isNull(.found(lookup: "cat")), reason: "")] }
    if random.chance(40) { rule.scope = expressions.plainTruth(&random) }
    if random.chance(50) {
      let dated = Expr.compare(.greaterOrEqual, line("A"), .multiply(.parameter("w"), .integer(50)))
      rule.scope = .and([rule.scope, .or([dated, .isNull(line("A"))])])
      rule.parameterDay = line("day")
    }
    let integers = formed.columns.filter { $0.kind != .text && !$0.name.hasPrefix("run_") }
    if let one = integers.randomElement(using: &random) {
      let column = Expr.formed(column: one.name, kind: one.kind)
      let edge: Int64 = one.kind == .day ? day("2025-03-04") : one.kind == .money ? 100 : 1
      if random.chance(60) { rule.condition = .compare(random.pick(Comparison.allCases), column, .integer(edge)) }
      if random.chance(30) { rule.unless = [.compare(.equal, column, .integer(edge + 1))] }
      if random.chance(30) {
        rule.unevaluable.append(Unevaluable(when: .compare(.equal, column, .integer(edge - 1)), reason: ""))
      }
    }
    if formed.columns.contains(where: { $0.name == "day" }), random.chance(60) {
      rule.formedParameterDay = .formed(column: "day", kind: .day)
    }
    rule.cases = always(.suspected)
    rule.key =
      formed.columns.map { .formed(column: $0.name, kind: $0.kind) } + (formed.keepsBaseRow ? [line("id")] : [])
    rule.lines = .members

    let result = try audit(rules: [rule], AuditInput(claims: claims, registries: tables))
    let slow = SlowInterpreter(rule: rule, claims: claims, registries: tables).formedHits(formed)
    var expected: [String: [String]] = [:]
    for hit in slow.hits {
      var key = formed.columns.map { printed(hit.columns[$0.name], $0.kind) }
      let ids = hit.members.map { codes.text(claims[.line].columns["id"]?.codes[$0] ?? 0) }
      if formed.keepsBaseRow { key += ids }
      expected[key.joined(separator: "|")] = ids.sorted()
    }
    var found: [String: [String]] = [:]
    for finding in result.findings { found[finding.key] = formed.isOccupancy ? [] : finding.lineIDs }
    #expect(expected.count == slow.hits.count)
    #expect(found == expected, "seed \(seed): \(formed.kind)")
    #expect(result.coverage[0].obstacle == nil)
    #expect(result.coverage[0].rowsInScope == slow.inScope, "seed \(seed): \(formed.kind)")
    #expect(result.coverage[0].rowsUnevaluable == slow.unevaluable, "seed \(seed): \(formed.kind)")
  }

  @Test func theseSeedsSeeEveryShape() {
    var kinds: Set<String> = []
    for seed in 1...40 as ClosedRange<UInt64> {
      var random = Seeded(state: seed)
      _ = expressions.fixture(&random)
      _ = expressions.tables(&random)
      kinds.insert(String("\(formed(&random).kind)".prefix(5)))
    }
    #expect(kinds.count == 5)
  }

  @Test(arguments: 1...10)
  func neighboursAgree(seed: UInt64) throws {
    var random = Seeded(state: seed)
    let codes = CodeTable()
    let claims = expressions.fixture(&random).claims(codes)
    var rule = Rule()
    rule.id = "T-1"
    rule.status = .active
    let column = random.pick(["psn_no", "list_type"])
    let match = [PairMatch(a: claim("a." + column, .line), b: claim("b." + column, .line))]
    let columns = [random.pick(["day", "med_list_codg"]), random.pick(["A", "hilist_code"]), "id"]
    rule.shape = .pair(a: ("a", .line), b: ("b", .line), match: match, order: .adjacent(columns: columns))
    rule.key = [claim("a.id", .line), claim("b.id", .line)]
    rule.cases = always(.suspected)
    let result = try audit(rules: [rule], AuditInput(claims: claims, registries: Registries()))
    let ids = claims[.line].columns["id"]?.codes ?? []
    let slow = SlowInterpreter(rule: rule, claims: claims, registries: Registries()).neighbours(match, columns)
    #expect(slow.count > 10)
    #expect(
      Set(result.findings.map(\.key)) == Set(slow.map { codes.text(ids[$0.0]) + "|" + codes.text(ids[$0.1]) }))
  }

  /// Facts, prefixes, percents, distinct counts, sets of values as keys: the same expressions one row at a time.
  @Test(arguments: 1...12)
  func newExpressionsAgree(seed: UInt64) throws {
    var random = Seeded(state: seed)
    let codes = CodeTable()
    let claims = expressions.fixture(&random).claims(codes)
    let tables = try registries(expressions.tables(&random), codes)
    var rule = Rule()
    let by = random.pick(["psn_no", "list_type", "med_list_codg"])
    rule.parameters = [Parameter(name: "w", values: [.init(from: nil, value: 1, basis: "")])]
    rule.populations = [
      Population(
        name: "p", binding: "o", entity: .line, condition: .compare(.greater, claim("o.A", .line), .integer(0)),
        match: random.chance(20) ? [] : [PairMatch(a: claim("o." + by, .line), b: line(by))],
        values: [
          FormedValue(name: "n", function: .countDistinct, value: claim("o.day", .line), kind: .integer),
          FormedValue(name: "only", function: .only, value: claim("o.list_type", .line), kind: .text),
        ])
    ]
    let region = line("settlement.fix_blng_admdvs")
    rule.lookups = [
      Lookup(
        name: "some", table: "hilist_b", keys: [.init(column: "list_type", alternatives: [line("list_type")])],
        region: region, day: line("day"), take: .any, joinsLevels: random.chance(50)),
      Lookup(
        name: "begins", table: "hilist_b",
        keys: [
          .init(
            column: "list_type", alternatives: [.prefix(line("list_type"), 2), line("list_type")],
            match: .beginsWithColumn(atLeast: random.pick([3, 4])))
        ], region: region, day: line("day"), take: .any),
      Lookup(
        name: "long", table: "hilist_b",
        keys: [
          .init(column: "hilist_code", alternatives: [line("hilist_code")]),
          .init(column: "hilist_code", alternatives: [], match: .length(atLeast: random.pick([4, 5]))),
        ], take: .any),
      Lookup(
        name: "of", table: "hilist_lmt_b",
        keys: [
          .init(column: "med_list_codg", alternatives: [], match: .anyOf(lookup: "some", column: "hilist_code"))
        ], day: line("day"), take: .any),
    ]
    let evaluator = Evaluator(rule, claims: claims, registries: tables, indexes: IndexShelf(tables, codes))
    // Small blocks, so that children are cut and looked up.
    evaluator.childBlock = random.pick([7, 1 << 16])
    if seed.isMultiple(of: 2) { evaluator.manyRows = 1 }
    let frame = Frame(count: claims[.line].count)
    frame.rows["line"] = (.line, (0..<Int32(claims[.line].count)).map { $0 })
    let child = { (name: String) in claim("l." + name, .line) }
    let asked: [Expr] =
      [
        .fact(population: "p", value: "n", kind: .integer), .fact(population: "p", value: "only", kind: .text),
        .prefix(line("med_list_codg"), 2), .percent(line("A"), of: line("F")),
        .found(lookup: "some"), .found(lookup: "begins"), .found(lookup: "long"), .found(lookup: "of"),
      ]
      + [ChildAggregate.Function.countDistinct, .exists, .sum, .count].map { function in
        .children(
          ChildAggregate(
            function: function, variable: "l", of: .line, binding: "line", path: [.stay],
            condition: .and([
              .compare(.equal, line("day"), child("day")), .not(.isTrue(.compare(.equal, child("A"), line("A")))),
            ]), value: function == .exists || function == .count ? nil : child("F")))
      }
    for expression in asked {
      let vector = try evaluator.vector(expression, frame)
      for i in 0..<frame.count {
        var slow = SlowInterpreter(rule: rule, claims: claims, registries: tables)
        slow.rows = ["line": i]
        let value: Value =
          switch vector {
          case .text(let v): v[i] == 0 ? .null : .text(codes.text(v[i]))
          case .number(let v): v[i] == ColumnData.null ? .null : .number(v[i])
          case .truth(let v): v[i] == Kleene.null ? .null : .truth(v[i] == Kleene.yes)
          }
        if value != slow.value(expression) {
          Issue.record("seed \(seed) row \(i): block \(value), slow \(slow.value(expression)) for \(expression)")
          return
        }
      }
    }
  }

  @Test func aLongStayWithManyLinesIsFast() throws {
    // 300 days × 3,000 lines in each of ten stays: walking through the pairs would take minutes.
    var fixture = ClaimsFixture()
    for s in 0..<10 {
      fixture.add(
        .stay, ["mdtrt_id": "M\(s)", "begin_day": "2025-01-01", "end_day": "2025-10-28", "nights": "300"])
      for l in 0..<3000 {
        fixture.add(
          .line,
          [
            "id": "M\(s):\(l)", "mdtrt_id": "M\(s)", "day": CivilTime.text(day: day("2025-01-01") + Int64(l % 300)),
            "med_chrgitm_type": l % 300 < 100 ? "03" : "01", "A": "1", "F": "1",
          ])
      }
    }
    let claims = fixture.claims()
    let rule = FormedShapeTests().idle
    let clock = ContinuousClock()
    var result = AuditResult()
    let time = try clock.measure {
      result = try audit(rules: [rule], AuditInput(claims: claims, registries: Registries()))
    }
    // Days 1 … 99 are active, 100 … 299 idle: 200 days of ten lines.
    #expect(result.findings.map(\.measure) == [Int64?](repeating: 200, count: 10))
    #expect(result.findings.map(\.amountFen) == [Int64](repeating: 200_000, count: 10))
    #expect(time < .seconds(20), "\(time)")
  }
}

extension Formed {
  var isOccupancy: Bool { if case .occupancy = kind { true } else { false } }
}

extension RandomComparisonTests {
  /// A condition over a line without children or lookups.
  func plainTruth(_ r: inout Seeded) -> Expr {
    .or([
      .compare(r.pick(Comparison.allCases), line(r.pick(["A", "F"])), .integer(r.pick([0, 100]))),
      .startsWith(line("list_type"), ["1"]),
    ])
  }
}
