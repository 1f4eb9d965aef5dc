import ClaimModel
import Registries
import RulePacks
import Testing

@testable import Audit

/// SplitMix64: the same numbers everywhere, from a seed.
struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }

  mutating func pick<T>(_ all: [T]) -> T { all[Int(next() % UInt64(all.count))] }
  mutating func chance(_ percent: Int) -> Bool { Int(next() % 100) < percent }
}

/// Block evaluation against the slow interpreter, on random expressions over random rows with many nulls.
struct RandomComparisonTests {
  static let items = ["XA01", "xa01", "XA02", "Xb01", "XB02", ""]
  static let regions = ["330106", "330200", "330000", "110101", "33", ""]
  static let days = (1...9).map { "2025-03-0\($0)" }

  func fixture(_ random: inout Seeded) -> ClaimsFixture {
    var f = ClaimsFixture()
    func maybe(_ values: [String]) -> String { random.chance(20) ? "" : random.pick(values) }
    for m in 0..<5 {
      f.add(
        .stay,
        [
          "mdtrt_id": "M\(m)", "nights": maybe(["0", "1", "4"]), "dx": maybe(["I10", "i10", "J18"]),
          "begin_day": maybe(Self.days),
        ])
      f.add(.visit, ["mdtrt_id": "M\(m)", "psn_no": maybe(["p1", "P2"])])
    }
    for s in 0..<8 {
      f.add(
        .settlement,
        [
          "setl_id": "S\(s)", "mdtrt_id": random.pick(["M0", "M1", "M2", "M7"]), "P": maybe(["0", "1", "2.5"]),
          "visit_class": maybe(["inpatient", "outpatient"]), "fix_blng_admdvs": maybe(Self.regions),
          "setl_time": maybe(["2025-03-04 23:59:59", "1969-12-31 23:00:00"]),
        ])
    }
    for l in 0..<60 {
      f.add(
        .line,
        [
          "id": "L\(l)", "mdtrt_id": random.pick(["M0", "M1", "M2", "M3", "M8"]),
          "setl_id": random.pick(["S0", "S1", "S2", "S3", "S9"]),
          "psn_no": maybe(["p1", "P1", "p2"]), "day": maybe(Self.days), "A": maybe(["0", "1", "2", "-1"]),
          "F": maybe(["0", "1", "2"]),
          "hilist_code": maybe(Self.items), "med_list_codg": maybe(Self.items), "dise_codg": maybe(["d1", "D2"]),
          "list_type": maybe(["101", "201", "1"]),
        ])
    }
    return f
  }

  func tables(_ random: inout Seeded) -> [String: String] {
    func span() -> String {
      let begin = random.pick(Self.days)
      let end = random.chance(30) ? "" : random.pick(Self.days)
      return end.isEmpty || end >= begin ? "\(begin),\(end)" : "\(end),\(begin)"
    }
    var catalogue = "admdvs,hilist_code,hilist_name,list_type,chrgitm_lv,begndate,enddate\n"
    for _ in 0..<25 {
      catalogue +=
        "\(random.pick(["330106", "330100", "330000", "000000"])),\(random.pick(["XA01", "XA02", "xb01", "XB02"])),n,\(random.pick(["101", "201"])),\(random.pick(["01", "03"])),\(span())\n"
    }
    var registrations = "psn_no,insu_admdvs,opsp_dise_code,begndate,enddate\n"
    for _ in 0..<5 { registrations += "\(random.pick(["P1", "p2"])),330100,\(random.pick(["D1", "d2"])),\(span())\n" }
    var limits = "kp_id,med_list_codg,lmt_type,lmt_val,sure_flag,lmt_text,begndate,enddate\n"
    for k in 0..<12 {
      let type = random.pick(["visit", "hosp_lv"])
      limits +=
        "\(k),\(random.pick(["XA01", "xa02"])),\(type),\(type == "visit" ? random.pick(["inpatient", "pharmacy"]) : random.pick(["2", "3"])),\(random.pick(["0", "1"])),t,\(span())\n"
    }
    return ["hilist_b": catalogue, "opsp_reg_d": registrations, "hilist_lmt_b": limits]
  }

  var rule: Rule {
    var rule = Rule()
    let region = line("settlement.fix_blng_admdvs")
    rule.parameters = [Parameter(name: "w", values: [.init(from: nil, value: 1, basis: "")])]
    rule.lookups = [
      Lookup(
        name: "cat", table: "hilist_b",
        keys: [.init(column: "hilist_code", alternatives: [line("hilist_code"), line("med_list_codg")])],
        region: region, day: line("day")),
      Lookup(
        name: "type", table: "hilist_b", keys: [.init(column: "list_type", alternatives: [line("list_type")])],
        region: region, day: line("day"), take: .any),
      Lookup(
        name: "some", table: "hilist_b", keys: [.init(column: "list_type", alternatives: [line("list_type")])],
        region: region, day: line("day")),
      Lookup(
        name: "reg", table: "opsp_reg_d",
        keys: [
          .init(column: "psn_no", alternatives: [line("psn_no")]),
          .init(column: "opsp_dise_code", alternatives: [line("dise_codg")], anyWhenNull: true),
        ], day: line("day"), within: .parameter("w"), take: .any),
      Lookup(
        name: "ever", table: "opsp_reg_d", keys: [.init(column: "opsp_dise_code", alternatives: [line("dise_codg")])],
        take: .any),
      Lookup(
        name: "lim", table: "hilist_lmt_b",
        keys: [.init(column: "med_list_codg", alternatives: [line("med_list_codg")])], day: line("day"),
        take: .groups(by: "lmt_type")),
    ]
    return rule
  }

  // MARK: Random expressions

  func number(_ r: inout Seeded, _ depth: Int, _ v: String = "line") -> Expr {
    let at = { claim(v + "." + $0, .line) }
    switch depth <= 0 ? r.pick([0, 1, 2, 3]) : r.pick(Array(0...12)) {
    case 0: return .integer(r.pick([0, 1, 100, 200]))
    case 1: return at(r.pick(["A", "F", "day", "stay.nights", "settlement.P"]))
    case 2: return .parameter("w")
    case 3: return .dayOf(at("settlement.setl_time"))
    case 4: return .add(number(&r, depth - 1, v), number(&r, depth - 1, v))
    case 5: return .subtract(number(&r, depth - 1, v), number(&r, depth - 1, v))
    case 6: return .multiply(number(&r, depth - 1, v), .integer(r.pick([-1, 2])))
    case 7: return .least([number(&r, depth - 1, v), number(&r, depth - 1, v)])
    case 8: return .greatest([number(&r, depth - 1, v), number(&r, depth - 1, v)])
    case 9: return .coalesce([number(&r, depth - 1, v), number(&r, depth - 1, v)])
    case 10: return .number(text(&r, v))
    case 11: return .setGreatest(lookup: "lim", .registry(lookup: "lim", column: "sure_flag", kind: .integer))
    default: return v == "line" ? children(&r, depth, r.pick([.count, .sum, .least, .greatest])) : .integer(7)
    }
  }

  func children(_ r: inout Seeded, _ depth: Int, _ f: ChildAggregate.Function) -> Expr {
    .children(
      ChildAggregate(
        function: f, variable: "l", of: .line, binding: "line", path: [r.pick([.settlement, .stay])],
        condition: truth(&r, depth - 2, "l"), value: f == .count || f == .exists ? nil : number(&r, depth - 2, "l")))
  }

  func text(_ r: inout Seeded, _ v: String) -> Expr {
    switch r.pick(Array(0...5)) {
    case 0: return .text(r.pick(["101", "XA01", "I10", "inpatient", "03"]))
    case 1: return .registry(lookup: "cat", column: r.pick(["chrgitm_lv", "hilist_code"]), kind: .text)
    case 2: return .registry(lookup: "lim", column: "lmt_type", kind: .text)
    default:
      return claim(
        v + "." + r.pick(["list_type", "med_list_codg", "hilist_code", "stay.dx", "settlement.visit_class"]), .line)
    }
  }

  func truth(_ r: inout Seeded, _ depth: Int, _ v: String = "line") -> Expr {
    switch depth <= 0 ? r.pick([0, 1, 2, 3, 4]) : r.pick(Array(0...15)) {
    case 0: return .compare(r.pick(Comparison.allCases), number(&r, depth - 1, v), number(&r, depth - 1, v))
    case 1: return .compare(r.pick(Comparison.allCases), text(&r, v), text(&r, v))
    case 2: return .found(lookup: r.pick(["cat", "type", "some", "reg", "ever"]))
    case 3: return .startsWith(text(&r, v), [r.pick(["1", "X", "in"]), "I1"])
    case 4: return .isNull(r.chance(50) ? text(&r, v) : number(&r, depth - 1, v))
    case 5: return .isSame(text(&r, v), text(&r, v))
    case 6: return .isSame(number(&r, depth - 1, v), number(&r, depth - 1, v))
    case 7: return .isTrue(truth(&r, depth - 1, v))
    case 8: return .inList(text(&r, v), [text(&r, v), text(&r, v)])
    case 9: return .inList(number(&r, depth - 1, v), [.integer(1), number(&r, depth - 1, v)])
    case 10: return .not(truth(&r, depth - 1, v))
    case 11: return .setContains(lookup: "lim", column: "lmt_val", text(&r, v))
    case 12: return v == "line" ? children(&r, depth, .exists) : .boolean(true)
    case 13: return .and([truth(&r, depth - 1, v), truth(&r, depth - 1, v), truth(&r, depth - 1, v)])
    default: return .or([truth(&r, depth - 1, v), truth(&r, depth - 1, v)])
    }
  }

  @Test(arguments: 1...6)
  func blockAndSlowAgree(seed: UInt64) throws {
    var random = Seeded(state: seed)
    let codes = CodeTable()
    let claims = fixture(&random).claims(codes)
    let tables = try registries(tables(&random), codes)
    let rule = rule
    let evaluator = Evaluator(rule, claims: claims, registries: tables, indexes: IndexShelf(tables, codes))
    // Conditions are also asked only where those before them leave it open.
    if seed.isMultiple(of: 2) { evaluator.manyRows = 1 }
    let plain = Frame(count: claims[.line].count)
    plain.rows["line"] = (.line, (0..<Int32(claims[.line].count)).map { $0 })
    let lim = rule.lookups[5]
    let frame = try evaluator.expanding(lim, by: "lmt_type", plain)

    // Groups first: the same rows stand for the same groups.
    var slow: [SlowInterpreter] = []
    for row in 0..<claims[.line].count {
      var one = SlowInterpreter(rule: rule, claims: claims, registries: tables)
      one.rows = ["line": row]
      for group in one.groups(lim, by: "lmt_type") {
        one.group = ["lim": group]
        slow.append(one)
      }
    }
    let lines = try #require(frame.bound("line")).rows
    let groups = try #require(frame.groups["lim"])
    var order: [Int] = []
    for i in 0..<frame.count {
      let members = Set(groups.rows[Int(groups.start[i])..<Int(groups.end[i])].map { Int($0) })
      order.append(
        try #require(slow.firstIndex { $0.rows["line"] == Int(lines[i]) && Set($0.group["lim"] ?? []) == members }))
    }
    #expect(order.count == slow.count)
    #expect(Set(order).count == slow.count)

    var seen: Set<String> = []
    for _ in 0..<60 {
      let expression = random.chance(70) ? truth(&random, 4) : number(&random, 4)
      let vector = try evaluator.vector(expression, frame)
      for i in 0..<frame.count {
        let expected = slow[order[i]].value(expression)
        let value: Value =
          switch vector {
          case .text(let v): v[i] == 0 ? .null : .text(codes.text(v[i]))
          case .number(let v): v[i] == ColumnData.null ? .null : .number(v[i])
          case .truth(let v): v[i] == Kleene.null ? .null : .truth(v[i] == Kleene.yes)
          }
        if value != expected {
          Issue.record("seed \(seed) row \(i): block \(value), slow \(expected) for \(expression)")
          return
        }
        seen.insert(
          expected == .null
            ? "null" : expected == .truth(true) ? "true" : expected == .truth(false) ? "false" : "number")
      }
    }
    #expect(seen.count == 4, "the comparison saw every kind of answer")
    for lookup in rule.lookups.dropLast() {
      let outcome = try evaluator.outcome(lookup.name, frame)
      for i in 0..<frame.count {
        #expect(
          (outcome.row[i] == LookupOutcome.ambiguous) == slow[order[i]].find(lookup).isAmbiguous, "\(lookup.name) \(i)")
      }
    }
  }
}
