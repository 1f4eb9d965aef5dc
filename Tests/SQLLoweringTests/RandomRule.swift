import ClaimModel
import RulePacks

/// Rules of random conditions over lines, settlements, persons and pairs of stays and lines.
struct RandomRule {
  var g: SeededGenerator
  init(seed: UInt64) { g = SeededGenerator(seed: seed) }

  private static let texts: [Entity: [String]] = [
    .line: ["list_type", "med_list_codg", "hilist_code", "fixmedins_code", "psn_no", "bilg_dr_code"],
    .settlement: ["insutype", "visit_class", "hosp_lv", "dise_no", "psn_no", "fixmedins_code", "reg_flag"],
    .stay: ["dx", "adm_dept", "dscg_way", "fixmedins_code", "psn_no", "medrcdno"],
    .visit: ["med_type", "dscg_way", "psn_no"],
    .diagnosis: ["diag_code", "maindiag_flag"],
    .person: ["psn_no"],
  ]
  private static let numbers: [Entity: [(String, ValueKind)]] = [
    .line: [("A", .money), ("F", .money), ("inscp_amt", .money), ("cnt", .quantity), ("overlmt_selfpay", .money)],
    .settlement: [("P", .money), ("U", .money), ("inscp_amt", .money)],
    .stay: [("nights", .integer), ("stay_A", .money), ("stay_F", .money)],
    .visit: [], .diagnosis: [], .person: [],
  ]

  mutating func rule(_ id: String) -> Rule {
    var rule = Rule()
    rule.id = id
    rule.status = .active
    rule.parameters = [
      Parameter(
        name: "limit",
        values: [
          Parameter.Value(from: nil, value: 100, basis: ""), Parameter.Value(from: 20_153, value: 300, basis: ""),
        ])
    ]
    let bound: [(String, Entity)]
    switch g.below(4) {
    case 0:
      bound = [("line", .line)]
      rule.shape = .each(binding: "line", entity: .line)
      rule.parameterDay = .claim(binding: "line", path: [], column: "day", kind: .day)
      rule.lookups = [
        Lookup(
          name: "cat", table: "hilist_b",
          keys: [
            Lookup.Key(
              column: "hilist_code", alternatives: [text("line", [], "hilist_code"), text("line", [], "med_list_codg")])
          ], region: text("line", [.settlement], "fix_blng_admdvs"),
          day: .claim(binding: "line", path: [], column: "day", kind: .day), take: g.pick([.one, .any])),
        // Less than the table's key: two rows make it unclear.
        Lookup(
          name: "kind", table: "hilist_b",
          keys: [Lookup.Key(column: "list_type", alternatives: [text("line", [], "list_type")])],
          region: g.below(2) == 0 ? text("line", [.settlement], "fix_blng_admdvs") : nil,
          day: .claim(binding: "line", path: [], column: "day", kind: .day), within: g.below(2) == 0 ? nil : .integer(2)
        ),
      ]
      rule.key = [text("line", [], g.pick(["id", "setl_id", "med_list_codg"]))]
      rule.lines = .hits(binding: "line")
      rule.amountA = g.pick([.sumA, .settlementA(binding: "line"), .stayA(binding: "line")])
      rule.amountF = g.pick([.sumF, .settlementP(binding: "line"), .stayF(binding: "line")])
      rule.subject = text("line", [], "fixmedins_code")
    case 1:
      bound = [("settlement", .settlement)]
      rule.shape = .each(binding: "settlement", entity: .settlement)
      rule.parameterDay = .claim(binding: "settlement", path: [], column: "day", kind: .day)
      rule.lookups = [
        Lookup(
          name: "reg", table: "opsp_reg_d",
          keys: [
            Lookup.Key(column: "psn_no", alternatives: [text("settlement", [], "psn_no")]),
            Lookup.Key(column: "opsp_dise_code", alternatives: [text("settlement", [], "dise_no")], anyWhenNull: true),
          ], day: .claim(binding: "settlement", path: [], column: "day", kind: .day), take: g.pick([.any, .one]))
      ]
      rule.key = [
        text("settlement", [], g.pick(["setl_id", "mdtrt_id"])),
        .claim(binding: "settlement", path: [], column: "day", kind: .day),
      ]
      rule.lines = .children(
        binding: "settlement", variable: "l",
        condition: .compare(.greater, number("l", [], ("A", .money)), .integer(50)))
      rule.amountA = g.pick([.sumA, .settlementA(binding: "settlement")])
      rule.amountF = g.pick([.sumF, .settlementP(binding: "settlement")])
      rule.subject = text("settlement", [], "psn_no")
    case 2:
      bound = [("person", .person)]
      rule.shape = .each(binding: "person", entity: .person)
      rule.parameterDay = .children(
        ChildAggregate(
          function: .least, variable: "e", of: .settlement, binding: "person", path: [], condition: .boolean(true),
          value: number("e", [], ("day", .day))))
      rule.lookups = [
        Lookup(
          name: "reg", table: "opsp_reg_d",
          keys: [Lookup.Key(column: "psn_no", alternatives: [text("person", [], "psn_no")])],
          day: rule.parameterDay, take: .any)
      ]
      rule.key = [text("person", [], "psn_no")]
      rule.lines = .children(
        binding: "person", variable: "l",
        condition: .compare(.greater, number("l", [], ("A", .money)), .integer(50)))
      rule.amountA = g.pick([.sumA, .settlementA(binding: "person")])
      rule.amountF = g.pick([.sumF, .settlementP(binding: "person")])
      rule.settlements = ["person"]
      rule.subject = text("person", [], "psn_no")
    default:
      bound = [("a", .stay), ("b", .line)]
      rule.shape = .pair(
        a: ("a", .stay), b: ("b", .line), match: [PairMatch(a: text("a", [], "psn_no"), b: text("b", [], "psn_no"))],
        order: .every)
      rule.parameterDay = .claim(binding: "b", path: [], column: "day", kind: .day)
      rule.key = [text("a", [], "mdtrt_id"), text("b", [], g.pick(["setl_id", "list_type"]))]
      rule.lines = .hits(binding: "b")
      rule.amountA = g.pick([.sumA, .stayA(binding: "a")])
      rule.amountF = g.pick([.sumF, .stayF(binding: "a"), .settlementP(binding: "a")])
      rule.subject = text("a", [], "fixmedins_code")
    }
    rule.scope = g.below(2) == 0 ? .boolean(true) : condition(bound, rule, 1)
    rule.condition = condition(bound, rule, 3)
    if g.below(3) == 0 { rule.unless = [condition(bound, rule, 1)] }
    if g.below(3) == 0 { rule.exemptions = [Exemption(id: "EX-01", when: condition(bound, rule, 1), text: "")] }
    if g.below(3) == 0 { rule.unevaluable = [Unevaluable(when: condition(bound, rule, 1), reason: "")] }
    rule.cases = [
      VerdictCase(when: .allHits(condition(bound, rule, 1)), verdict: .definite, severity: .high, precedence: 1),
      VerdictCase(
        when: .or([.anyHit(condition(bound, rule, 1)), .compare(.greaterOrEqual, .countHits, .integer(2))]),
        verdict: .suspected, severity: .high, precedence: 2),
      VerdictCase(when: condition(bound, rule, 1), verdict: .lead, severity: .low, precedence: Int.max),
    ]
    return rule
  }

  func text(_ binding: String, _ path: [Entity], _ column: String) -> Expr {
    .claim(binding: binding, path: path, column: column, kind: .text)
  }

  func number(_ binding: String, _ path: [Entity], _ column: (String, ValueKind)) -> Expr {
    .claim(binding: binding, path: path, column: column.0, kind: column.1)
  }

  private mutating func place(_ bound: [(String, Entity)]) -> (String, [Entity], Entity) {
    let (binding, entity) = g.pick(bound)
    if g.below(3) > 0 { return (binding, [], entity) }
    let parents = entity.parents
    if parents.isEmpty { return (binding, [], entity) }
    let parent = g.pick(parents)
    return (binding, [parent], parent)
  }

  mutating func anyText(_ bound: [(String, Entity)]) -> Expr {
    let (binding, path, entity) = place(bound)
    let text = text(binding, path, g.pick(Self.texts[entity] ?? ["psn_no"]))
    return g.below(5) == 0 ? .prefix(text, 1 + g.below(3)) : text
  }

  mutating func anyNumber(_ bound: [(String, Entity)], _ depth: Int) -> Expr {
    if depth > 0 {
      switch g.below(9) {
      case 0: return .add(anyNumber(bound, depth - 1), anyNumber(bound, depth - 1))
      case 1: return .subtract(anyNumber(bound, depth - 1), anyNumber(bound, depth - 1))
      case 2: return .multiply(anyNumber(bound, 0), .integer(Int64(g.below(5)) - 2))
      case 3: return .least([anyNumber(bound, depth - 1), anyNumber(bound, depth - 1)])
      case 4: return .greatest([anyNumber(bound, depth - 1), .parameter("limit")])
      case 5: return .coalesce([anyNumber(bound, depth - 1), .integer(7)])
      case 6: return g.below(2) == 0 ? .number(anyText(bound)) : .percent(anyNumber(bound, 0), of: anyNumber(bound, 0))
      case 7:
        if let (binding, entity) = bound.first(where: {
          $0.0 != "c" && [.stay, .settlement, .visit, .person].contains($0.1)
        }) {
          let of = entity == .person ? g.pick(entity.children) : .line
          let child = [("c", of)]
          return .children(
            ChildAggregate(
              function: g.pick([.count, .sum, .least, .greatest, .countDistinct]), variable: "c",
              of: of,
              binding: binding, path: [], condition: condition(child + bound, nil, 1),
              value: number("c", [], g.pick(Self.numbers[of] ?? []))))
        }
      default: break
      }
    }
    let (binding, path, entity) = place(bound)
    guard let columns = Self.numbers[entity], !columns.isEmpty else { return .integer(Int64(g.below(400))) }
    return number(binding, path, g.pick(columns))
  }

  mutating func condition(_ bound: [(String, Entity)], _ rule: Rule?, _ depth: Int) -> Expr {
    if depth > 0, g.below(3) > 0 {
      let a = condition(bound, rule, depth - 1)
      let b = condition(bound, rule, depth - 1)
      switch g.below(4) {
      case 0: return .and([a, b])
      case 1: return .or([a, b])
      case 2: return .not(a)
      default: return .isTrue(a)
      }
    }
    switch g.below(9) {
    case 0: return .compare(g.pick(Comparison.allCases), anyText(bound), anyText(bound))
    case 1: return .compare(g.pick(Comparison.allCases), anyNumber(bound, 1), anyNumber(bound, 1))
    case 2: return .isSame(anyText(bound), anyText(bound))
    case 3: return .isNull(anyText(bound))
    case 4: return .inList(anyText(bound), [.text("101"), .text("H1"), .text("P1"), .text("it's")])
    case 5: return .startsWith(anyText(bound), ["1", "X", "内科"])
    case 6: return .isSame(anyNumber(bound, 1), anyNumber(bound, 1))
    case 7:
      if let lookup = rule?.lookups.first { return .found(lookup: lookup.name) }
      return .isNull(anyNumber(bound, 1))
    default:
      if let lookup = rule?.lookups.last, lookup.table == "hilist_b" {
        return .compare(
          .notEqual, .registry(lookup: lookup.name, column: "chrgitm_lv", kind: .text), .text("03"))
      }
      // Of the person itself, or of the person to whom the row belongs.
      if g.below(2) == 0, let (binding, entity) = bound.first(where: { $0.0 != "c" && $0.1 != .visit }) {
        return .children(
          ChildAggregate(
            function: .exists, variable: "d", of: g.pick(Entity.person.children), binding: binding,
            path: entity == .person ? [] : [.person],
            condition: .compare(.equal, text("d", [], "fixmedins_code"), anyText(bound)), value: nil))
      }
      if let (binding, entity) = bound.first(where: { $0.1 == .stay || $0.1 == .visit }) {
        let of = g.pick(entity.children)
        return .children(
          ChildAggregate(
            function: .exists, variable: "d", of: of, binding: binding, path: [],
            condition: .compare(.equal, text("d", [], "mdtrt_id"), text(binding, [], "mdtrt_id")), value: nil))
      }
      return .boolean(g.below(2) == 0)
    }
  }
}
