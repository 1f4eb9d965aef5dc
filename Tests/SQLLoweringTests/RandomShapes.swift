import ClaimModel
import RulePacks

/// Rules of random conditions over neighbours and formed rows.
extension RandomRule {
  private static let stayDays: [(String, ValueKind)] = [("begin_day", .day), ("end_day", .day)]

  /// A rule of the numbered shape: 0 neighbours, 1 group, 2 window, 3 stock, 4 runs, 5 occupancy.
  mutating func shapeRule(_ id: String, _ shape: Int) -> Rule {
    var rule = Rule()
    rule.id = id
    rule.status = .active
    rule.parameters = [
      Parameter(
        name: "limit",
        values: [
          Parameter.Value(from: nil, value: 2, basis: ""), Parameter.Value(from: 20_153, value: 3, basis: ""),
        ])
    ]
    if shape == 0 { return neighbours(rule) }
    let base: (String, Entity) = shape >= 4 ? ("b", .stay) : ("b", .line)
    rule.scope = g.below(2) == 0 ? .boolean(true) : condition([base], nil, 1)
    rule.parameterDay = number(base.0, [], (base.1 == .line ? "day" : "begin_day", .day))
    let formed = formed(shape, base)
    rule.shape = .formed(formed)
    if formed.columns.contains(where: { $0.name == "day" }) {
      rule.formedParameterDay = .formed(column: "day", kind: .day)
    }
    if shape == 3 {
      rule.lookups = [
        Lookup(
          name: "sup", table: "drug_sup_b",
          keys: [Lookup.Key(column: "med_list_codg", alternatives: [text("b", [], "med_list_codg")])],
          day: number("b", [], ("day", .day)))
      ]
    }
    if shape >= 4, g.below(2) == 0 {
      rule.lookups.append(
        Lookup(
          name: "inst", table: "fixmedins_b",
          keys: [
            Lookup.Key(
              column: "fixmedins_code",
              alternatives: [
                shape == 4 ? text("b", [], "fixmedins_code") : .formed(column: "by0", kind: .text)
              ])
          ], day: .formed(column: "day", kind: .day)))
      if g.below(2) == 0 {
        rule.unevaluable.append(
          Unevaluable(
            when: .isNull(.registry(lookup: "inst", column: "aprv_bed_cnt", kind: .integer)), reason: ""))
      }
    }
    if g.below(2) == 0 { addPopulation(&rule, formed) }
    rule.condition = formedCondition(rule, formed, 2, folded: false)
    if g.below(3) == 0 { rule.unless = [formedCondition(rule, formed, 0, folded: false)] }
    if g.below(3) == 0 {
      rule.exemptions = [Exemption(id: "EX-01", when: formedCondition(rule, formed, 1, folded: true), text: "")]
    }
    rule.cases = [
      VerdictCase(
        when: .compare(
          .greater,
          .atGreatestOfHits(
            formedNumber(rule, formed, folded: true), by: formedNumber(rule, formed, folded: true)),
          .integer(1)), verdict: .definite, severity: .high, precedence: 1),
      VerdictCase(
        when: formedCondition(rule, formed, 1, folded: true), verdict: .suspected, severity: .high, precedence: 2),
      VerdictCase(when: .boolean(true), verdict: .lead, severity: .low, precedence: Int.max),
    ]
    rule.key = formed.by.isEmpty ? [] : [.formed(column: "by0", kind: formed.by[0].kind)]
    if shape == 4 { rule.key = [text("b", [], "mdtrt_id")] }
    if shape == 4 || shape == 5 { rule.key.append(.formed(column: "run_first", kind: .day)) }
    if shape == 2 || shape == 3, g.below(2) == 0 { rule.key.append(.formed(column: "day", kind: .day)) }
    rule.subject = formed.by.first.map { .formed(column: $0.name, kind: $0.kind) } ?? .text("all")
    if shape == 4 { rule.subject = text("b", [], "fixmedins_code") }
    if base.1 == .line {
      rule.lines = .members
      let k = formedNumber(rule, formed, folded: true)
      let part = Expr.least([.greatest([k, .integer(0)]), .integer(7)])
      rule.amountA = g.pick([.sumA, .partA(k: part, n: .integer(7)), .none])
      rule.amountF = g.pick([.sumF, .partF(k: part, n: .integer(7)), .none])
    } else if shape == 4 {
      rule.lines = .children(
        binding: "b", variable: "l",
        condition: .compare(.equal, number("l", [], ("day", .day)), .formed(column: "day", kind: .day)))
      rule.amountA = g.pick([.sumA, .stayA(binding: "b")])
      rule.amountF = g.pick([.sumF, .stayF(binding: "b"), .settlementP(binding: "b")])
    }
    return rule
  }

  private mutating func neighbours(_ start: Rule) -> Rule {
    var rule = start
    let entity: Entity = g.pick([.stay, .stay, .line, .settlement])
    let id = entity == .line ? "id" : entity == .stay ? "mdtrt_id" : "setl_id"
    let bound = [("a", entity), ("b", entity)]
    let matched = g.pick([["psn_no"], ["psn_no", "fixmedins_code"]])
    let first: [String] =
      switch entity {
      case .stay: g.pick([["begin_day", "end_day"], ["dx"], ["nights"]])
      case .line: g.pick([["list_type", "day"], ["day"], ["cnt"]])
      default: g.pick([["insutype"], ["day", "hosp_lv"]])
      }
    rule.shape = .pair(
      a: ("a", entity), b: ("b", entity), match: matched.map { PairMatch(a: text("a", [], $0), b: text("b", [], $0)) },
      order: .adjacent(columns: first + [id]))
    rule.scope = g.below(2) == 0 ? .boolean(true) : condition(bound, nil, 1)
    rule.condition = condition(bound, rule, 2)
    if g.below(3) == 0 { rule.exemptions = [Exemption(id: "EX-01", when: condition(bound, rule, 1), text: "")] }
    rule.cases = [
      VerdictCase(when: .anyHit(condition(bound, rule, 1)), verdict: .suspected, severity: .high, precedence: 2),
      VerdictCase(when: .boolean(true), verdict: .lead, severity: .low, precedence: Int.max),
    ]
    rule.key = [text("a", [], id), text("b", [], id)]
    rule.subject = text("b", [], "fixmedins_code")
    if entity == .line {
      rule.lines = .hits(binding: "b")
      let over = g.below(2) == 0
      rule.amountA = over ? .overPriceA(price: .integer(Int64(g.below(9)) * 1_000_000)) : .sumA
      rule.amountF = over ? .overPriceF(price: .integer(Int64(g.below(9)) * 1_000_000)) : .sumF
      if case .overPriceA(let price) = rule.amountA { rule.amountF = .overPriceF(price: price) }
    } else {
      rule.amountA = entity == .stay ? .stayA(binding: "b") : .settlementA(binding: "b")
      rule.amountF = entity == .stay ? .stayF(binding: "b") : .settlementP(binding: "b")
    }
    return rule
  }

  private mutating func formed(_ shape: Int, _ base: (String, Entity)) -> Formed {
    let day = number("b", [], ("day", .day))
    let begin = number("b", [], ("begin_day", .day))
    let end = number("b", [], ("end_day", .day))
    let atLeast: Expr = g.pick([.parameter("limit"), .integer(1), .integer(2)])
    let by: [NamedExpr]
    let kind: Formed.Kind
    switch shape {
    case 1: kind = .group
    case 2: kind = .window(day: day, days: g.pick([.parameter("limit"), .integer(1), .integer(5), .integer(0)]))
    case 3:
      kind = .stock(
        day: day,
        supply: StockSupply(
          quantity: number("b", [], ("cnt", .quantity)),
          daysEach: .registry(lookup: "sup", column: "sup_days", kind: .quantity)))
    case 4: kind = .runs(first: begin, last: g.pick([end, .subtract(end, .integer(1))]), atLeast: atLeast)
    default:
      kind = .occupancy(
        first: begin, last: g.pick([end, .greatest([begin, .subtract(end, .integer(1))])]),
        counted: text("b", [], g.pick(["psn_no", "medrcdno"])), atLeast: atLeast)
    }
    switch shape {
    case 4: by = []
    case 5: by = [NamedExpr(name: "by0", value: text("b", [], "fixmedins_code"), kind: .text)]
    case 3:
      by = [
        NamedExpr(name: "by0", value: text("b", [], "psn_no"), kind: .text),
        NamedExpr(name: "by1", value: .registry(lookup: "sup", column: "sup_key", kind: .text), kind: .text),
      ]
    default:
      let names = g.pick([["psn_no"], ["list_type"], ["psn_no", "fixmedins_code"], ["setl_id"], []])
      by = names.enumerated().map {
        NamedExpr(name: "by\($0.offset)", value: text("b", [], $0.element), kind: .text)
      }
    }
    var values: [FormedValue] = []
    if shape <= 3 {
      values = [
        FormedValue(name: "rows", function: .count, value: nil, kind: .integer),
        FormedValue(name: "total", function: .sum, value: number("b", [], ("inscp_amt", .money)), kind: .money),
        FormedValue(
          name: "low", function: .least, value: number("b", [], ("overlmt_selfpay", .money)), kind: .money),
        FormedValue(name: "high", function: .greatest, value: number("b", [], ("A", .money)), kind: .money),
        FormedValue(
          name: "different", function: .countDistinct, value: text("b", [], "bilg_dr_code"), kind: .integer),
        FormedValue(name: "the", function: .only, value: text("b", [], "fixmedins_code"), kind: .text),
      ]
    }
    return Formed(baseBinding: base.0, baseEntity: base.1, name: "f", by: by, values: values, kind: kind)
  }

  private mutating func addPopulation(_ rule: inout Rule, _ formed: Formed) {
    let entity: Entity = g.pick([.line, .stay])
    let own = number("p", [], entity == .line ? ("A", .money) : ("nights", .integer))
    let isBase = g.below(2) == 0
    let matched = g.pick(["psn_no", "fixmedins_code", ""])
    rule.populations = [
      Population(
        name: "all", binding: "p", entity: entity,
        condition: g.below(2) == 0 ? .boolean(true) : undatedCondition([("p", entity)]),
        match: matched.isEmpty
          ? []
          : [
            PairMatch(
              a: text("p", [], matched),
              b: isBase || formed.by.isEmpty ? text("b", [], matched) : .formed(column: "by0", kind: .text))
          ],
        values: [
          FormedValue(name: "n", function: .count, value: nil, kind: .integer),
          FormedValue(name: "sum", function: .sum, value: own, kind: .money),
          FormedValue(name: "persons", function: .countDistinct, value: text("p", [], "psn_no"), kind: .integer),
        ])
    ]
    let fact = Expr.fact(population: "all", value: g.pick(["n", "sum", "persons"]), kind: .integer)
    let test = Expr.compare(g.pick(Comparison.allCases), fact, .integer(Int64(g.below(12))))
    if isBase || formed.by.isEmpty {
      rule.unevaluable.append(Unevaluable(when: test, reason: ""))
    } else {
      rule.unless.append(test)
    }
  }

  /// A condition without parameters: a population has no day by which they could be dated.
  private mutating func undatedCondition(_ bound: [(String, Entity)]) -> Expr {
    while true {
      let condition = condition(bound, nil, 1)
      var isDated = false
      condition.visit { if case .parameter = $0 { isDated = true } }
      if !isDated { return condition }
    }
  }

  private mutating func formedNumber(_ rule: Rule, _ formed: Formed, folded: Bool) -> Expr {
    let columns = formed.columns.filter { column in
      column.kind != .text && column.kind != .day && (folded || column.name != "run_length")
    }
    switch g.below(4) {
    case 0 where !rule.lookups.filter { $0.name == "inst" }.isEmpty:
      return .registry(lookup: "inst", column: "aprv_bed_cnt", kind: .integer)
    case 1: return .integer(Int64(g.below(4)))
    default:
      guard let column = columns.isEmpty ? nil : g.pick(columns) else { return .parameter("limit") }
      return .formed(column: column.name, kind: column.kind)
    }
  }

  /// `folded`: what runs give can be read.
  private mutating func formedCondition(_ rule: Rule, _ formed: Formed, _ depth: Int, folded: Bool) -> Expr {
    if depth > 0, g.below(2) > 0 {
      let a = formedCondition(rule, formed, depth - 1, folded: folded)
      let b = formedCondition(rule, formed, depth - 1, folded: folded)
      return g.pick([.and([a, b]), .or([a, b]), .not(a)])
    }
    var texts = formed.columns.filter { $0.kind == .text }.map { Expr.formed(column: $0.name, kind: .text) }
    if case .runs = formed.kind { texts.append(text("b", [], "dx")) }
    switch g.below(5) {
    case 0 where !texts.isEmpty:
      return .compare(g.pick(Comparison.allCases), g.pick(texts), .text(g.pick(["P1", "H1", "101", "XA01"])))
    case 1 where !texts.isEmpty: return .isNull(g.pick(texts))
    case 2 where formed.columns.contains { $0.name == "day" }:
      return .compare(
        g.pick(Comparison.allCases), .formed(column: "day", kind: .day), .day(20_150 + Int64(g.below(10))))
    case 3:
      if case .runs = formed.kind {
        return .children(
          ChildAggregate(
            function: .exists, variable: "l", of: .line, binding: "b", path: [],
            condition: .compare(.equal, number("l", [], ("day", .day)), .formed(column: "day", kind: .day)),
            value: nil))
      }
      return .boolean(true)
    default:
      return .compare(
        g.pick([.greater, .greaterOrEqual, .notEqual]), formedNumber(rule, formed, folded: folded),
        .integer(Int64(g.below(3))))
    }
  }

  /// A rule on lines whose lookups meet keys by prefix, length and other lookups.
  mutating func chainedLookupRule(_ id: String) -> Rule {
    var rule = Rule()
    rule.id = id
    rule.status = .active
    let day = number("line", [], ("day", .day))
    let region: Expr? = g.below(4) == 0 ? nil : text("line", [.settlement], "fix_blng_admdvs")
    let disease: [Expr] = g.pick([
      [text("line", [], "dise_codg")], [text("line", [], "dise_codg"), text("line", [.settlement], "dise_no")],
    ])
    let regs = Lookup(
      name: "regs", table: "opsp_reg_d",
      keys: [Lookup.Key(column: "psn_no", alternatives: [text("line", [], "psn_no")])],
      day: g.below(2) == 0 ? nil : day, take: .any)
    let coded = Lookup(
      name: "coded", table: "opsp_dise_drug_b",
      keys: [
        Lookup.Key(column: "opsp_dise_code", alternatives: disease),
        Lookup.Key(column: "drug_code", alternatives: [], match: .length(atLeast: 1 + g.below(4))),
      ], region: region, day: day, take: .any, joinsLevels: g.below(2) == 0)
    let other = g.below(2) == 0
    let listed = Lookup(
      name: "listed", table: "opsp_dise_drug_b",
      keys: [
        Lookup.Key(
          column: "opsp_dise_code", alternatives: [],
          match: .anyOf(lookup: other ? "regs" : "coded", column: "opsp_dise_code")),
        Lookup.Key(
          column: "drug_code", alternatives: [text("line", [], "med_list_codg")],
          match: .beginsWithColumn(atLeast: 1 + g.below(4))),
      ], region: region, day: day, take: .any, joinsLevels: g.below(2) == 0)
    let chained = Lookup(
      name: "chained", table: "opsp_dise_drug_b",
      keys: [
        Lookup.Key(column: "drug_code", alternatives: [], match: .anyOf(lookup: "coded", column: "drug_code"))
      ], day: day, take: .any)
    rule.lookups = [regs, coded, listed, chained]
    let asked = g.pick(["listed", "listed", "chained", "coded"])
    rule.condition = g.pick([
      .not(.found(lookup: asked)), .found(lookup: asked), .isNull(.found(lookup: asked)),
    ])
    rule.cases = [VerdictCase(when: .boolean(true), verdict: .suspected, severity: .high, precedence: 2)]
    rule.key = [text("line", [], "id")]
    rule.subject = text("line", [], "fixmedins_code")
    rule.lines = .hits(binding: "line")
    rule.amountA = .sumA
    rule.amountF = .sumF
    return rule
  }
}
