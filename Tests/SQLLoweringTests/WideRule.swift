import Audit
import ClaimModel
import Foundation
import Normalize
import Registries
import RulePacks
import SQLLowering
import Testing

/// Rules of what RandomRule never makes: every kind of row under each shape, groups of registry rows, populations
/// beside plain rows, the row at issue, all aggregates over hits, days and times as values, shares and prices.
struct WideRule {
  var g: SeededGenerator
  init(seed: UInt64) { g = SeededGenerator(seed: seed) }

  static let texts: [Entity: [String]] = [
    .line: [
      "list_type", "med_list_codg", "hilist_code", "fixmedins_code", "psn_no", "bilg_dr_code", "setl_id", "mdtrt_id",
      "id", "dise_codg", "med_chrgitm_type", "etip_flag",
    ],
    .settlement: [
      "insutype", "visit_class", "hosp_lv", "dise_no", "psn_no", "fixmedins_code", "reg_flag", "opsp_flag",
      "visit_med_type", "med_type", "fix_blng_admdvs", "insu_admdvs", "setl_id", "mdtrt_id", "setl_type",
    ],
    .stay: [
      "dx", "adm_dept", "dscg_dept", "dscg_way", "fixmedins_code", "psn_no", "medrcdno", "mdtrt_id", "visit_class",
      "opsp_flag", "reg_flag", "med_type", "refl_old_mdtrt_id",
    ],
    .visit: ["med_type", "dscg_way", "psn_no", "mdtrt_id", "fixmedins_code", "inhosp_stas", "adm_caty"],
    .diagnosis: ["diag_code", "maindiag_flag", "diag_type", "mdtrt_id", "psn_no", "setl_list_diag_id"],
    .person: ["psn_no"],
  ]
  static let numbers: [Entity: [String]] = [
    .line: [
      "A", "F", "inscp_amt", "cnt", "overlmt_selfpay", "pric", "preselfpay_amt", "det_item_fee_sumamt", "day",
      "fee_ocur_time",
    ],
    .settlement: ["P", "U", "T", "A", "inscp_amt", "fund_pay_sumamt", "medfee_sumamt", "day", "setl_time"],
    .stay: ["nights", "los", "stay_A", "stay_F", "begin_day", "end_day", "begntime"],
    .visit: ["begntime", "endtime"], .diagnosis: [], .person: [],
  ]
  static let ids: [Entity: String] = [
    .line: "id", .settlement: "setl_id", .stay: "mdtrt_id", .visit: "mdtrt_id", .diagnosis: "setl_list_diag_id",
    .person: "psn_no",
  ]
  static func texts(_ e: Entity) -> [String] { texts[e] ?? [] }
  static func numbers(_ e: Entity) -> [String] { numbers[e] ?? [] }
  static func id(_ e: Entity) -> String { ids[e] ?? "" }
  static func columns(_ table: String) -> [RegistrySchema.Column] { RegistrySchema.named(table)?.columns ?? [] }

  typealias Bound = [(String, Entity)]

  func at(_ b: String, _ path: [Entity], _ e: Entity, _ c: String) -> Expr {
    .claim(binding: b, path: path, column: c, kind: e.kind(of: c) ?? .text)
  }

  mutating func place(_ bound: Bound) -> (String, [Entity], Entity) {
    let (b, e) = g.pick(bound)
    if g.below(3) > 0 || e.parents.isEmpty { return (b, [], e) }
    let p = g.pick(e.parents)
    if g.below(4) == 0, !p.parents.isEmpty {
      let q = g.pick(p.parents)
      return (b, [p, q], q)
    }
    return (b, [p], p)
  }

  // MARK: expressions of claim rows

  struct Context {
    var bound: Bound
    var rule = Rule()
    var depth = 2
    /// May lookups, facts, parameters be read?
    var isPlain = false
    var c: Int = 0
  }

  mutating func text(_ x: Context) -> Expr {
    switch g.below(12) {
    case 0: return .prefix(rawText(x), 1 + g.below(4))
    case 1: return .coalesce([rawText(x), rawText(x)])
    case 2: return .text(g.pick(["101", "P1", "H1", "XA01", "it's", "é", "e\u{301}", "X%01", "𠮷", "0", "%"]))
    case 3, 4:
      if !x.isPlain,
        let l = x.rule.lookups.filter({ if case .any = $0.take { false } else { true } }).randomElement(using: &g)
      {
        if case .groups(let by) = l.take { return .registry(lookup: l.name, column: by, kind: .text) }
        let columns = Self.columns(l.table).filter { $0.kind == .text && $0.name != "vali_flag" }
        return .registry(lookup: l.name, column: g.pick(columns).name, kind: .text)
      }
      return rawText(x)
    case 5:
      if !x.isPlain, let p = x.rule.populations.first, let v = p.values.first(where: { $0.kind == .text }) {
        return .fact(population: p.name, value: v.name, kind: .text)
      }
      return rawText(x)
    default: return rawText(x)
    }
  }

  mutating func rawText(_ x: Context) -> Expr {
    let (b, p, e) = place(x.bound)
    return at(b, p, e, g.pick(Self.texts(e)))
  }

  mutating func rawNumber(_ x: Context) -> Expr {
    for _ in 0..<4 {
      let (b, p, e) = place(x.bound)
      if let n = Self.numbers[e], !n.isEmpty {
        let value = at(b, p, e, g.pick(n))
        if case .claim(_, _, _, .time) = value { return g.below(2) == 0 ? .dayOf(value) : value }
        return value
      }
    }
    return .integer(Int64(g.below(400)))
  }

  mutating func number(_ x: Context, _ depth: Int) -> Expr {
    if depth > 0 {
      switch g.below(16) {
      case 0: return .add(number(x, depth - 1), number(x, depth - 1))
      case 1: return .subtract(number(x, depth - 1), number(x, depth - 1))
      case 2: return .multiply(rawNumber(x), .integer(Int64(g.below(5)) - 2))
      case 3: return .least([number(x, depth - 1), number(x, depth - 1), number(x, 0)])
      case 4: return .greatest([number(x, depth - 1), number(x, 0)])
      case 5: return .coalesce([number(x, depth - 1), number(x, depth - 1)])
      case 6: return .number(text(x))
      case 7: return .percent(rawNumber(x), of: .integer([0, 33, 60, 100, 150, -1][g.below(6)]))
      case 8, 9, 10: if let a = aggregate(x, [.count, .sum, .least, .greatest, .countDistinct]) { return a }
      case 11, 12:
        if !x.isPlain, let p = x.rule.populations.first {
          let v = g.pick(p.values.filter { $0.kind != .text })
          return .fact(population: p.name, value: v.name, kind: v.kind)
        }
      case 13:
        if !x.isPlain, !x.rule.parameters.isEmpty { return .parameter(g.pick(x.rule.parameters).name) }
      default:
        if !x.isPlain, let l = x.rule.lookups.randomElement(using: &g) {
          switch l.take {
          case .groups:
            let columns = Self.columns(l.table)
            let of: Expr
            if let n = columns.first(where: { $0.kind == .integer }), g.below(2) == 0 {
              of = .registry(lookup: l.name, column: n.name, kind: .integer)
            } else {
              of = .number(
                .registry(
                  lookup: l.name, column: columns.contains { $0.name == "lmt_val" } ? "lmt_val" : "chrgitm_lv",
                  kind: .text))
            }
            if !columns.contains(where: { $0.name == "lmt_val" || $0.name == "chrgitm_lv" }) { return .integer(3) }
            return g.below(2) == 0 ? .setLeast(lookup: l.name, of) : .setGreatest(lookup: l.name, of)
          case .one:
            let columns = Self.columns(l.table).filter { $0.kind != .text }
            if let c = columns.randomElement(using: &g) {
              return .registry(lookup: l.name, column: c.name, kind: c.kind)
            }
          case .any: break
          }
        }
      }
    }
    return rawNumber(x)
  }

  mutating func aggregate(_ x: Context, _ functions: [ChildAggregate.Function]) -> Expr? {
    if x.depth <= 0 { return nil }
    var owners: [(String, [Entity], Entity)] = []
    for (b, e) in x.bound {
      if !e.children.isEmpty { owners.append((b, [], e)) }
      for p in e.parents where !p.children.isEmpty { owners.append((b, [p], p)) }
    }
    guard !owners.isEmpty else { return nil }
    let (b, path, owner) = g.pick(owners)
    let of = g.pick(owner.children)
    let name = "c\(x.c)"
    var inner = x
    inner.bound = [(name, of), (name, of)] + x.bound
    inner.depth = x.depth - 1
    inner.c += 1
    let function = g.pick(functions)
    let needs = function != .exists && function != .count
    var value: Expr?
    if needs {
      // `check` refuses a value that says nothing of the row.
      var only = Context(bound: [(name, of)], isPlain: true)
      only.depth = 0
      value = function == .countDistinct && g.below(2) == 0 ? rawText(only) : rawNumber(only)
      if case .integer = value {
        let text = rawText(only)
        value = function == .countDistinct ? text : .number(text)
      }
      if function != .countDistinct, g.below(4) == 0, let v = value {
        var outer = Context(bound: x.bound, isPlain: true)
        outer.depth = 0
        value = .least([v, rawNumber(outer)])
      }
      if function == .sum, let v = value {
        value = .greatest([.least([v, .integer(1_000_000)]), .integer(-1_000_000)])
      }
    }
    let condition = g.below(4) == 0 ? Expr.boolean(true) : self.condition(inner, 1)
    return .children(
      ChildAggregate(
        function: function, variable: name, of: of, binding: b, path: path, condition: condition, value: value))
  }

  mutating func condition(_ x: Context, _ depth: Int) -> Expr {
    if depth > 0, g.below(3) > 0 {
      let a = condition(x, depth - 1)
      let b = condition(x, depth - 1)
      switch g.below(5) {
      case 0: return .and([a, b])
      case 1: return .or([a, b])
      case 2: return .not(a)
      case 3: return .isNull(a)
      default: return .isTrue(a)
      }
    }
    switch g.below(15) {
    case 0: return .compare(g.pick(Comparison.allCases), text(x), text(x))
    case 1: return .compare(g.pick(Comparison.allCases), number(x, 2), number(x, 1))
    case 2: return .isSame(text(x), text(x))
    case 3: return .isNull(text(x))
    case 4: return .inList(text(x), [.text("101"), .text("H1"), .text("P1"), .text("it's"), .text("é"), .text("X%01")])
    case 5:
      return .startsWith(text(x), g.pick([["1", "X", "内科"], ["%"], ["_"], ["e", "𠮷"], ["X%"], ["I1", "i1"], ["é"]]))
    case 6: return .isSame(number(x, 1), number(x, 1))
    case 7: return .isNull(number(x, 2))
    case 8: return .inList(number(x, 1), [.integer(0), .integer(100), .integer(-100), number(x, 0)])
    case 9: return .inList(text(x), [text(x), text(x)])
    case 10: if let a = aggregate(x, [.exists]) { return a }
    case 11:
      return .compare(g.pick(Comparison.allCases), number(x, 1), .integer([0, 1, 2, 100, 20_153, 1000][g.below(6)]))
    default:
      if !x.isPlain, let l = x.rule.lookups.randomElement(using: &g) {
        if case .groups = l.take {
          let columns = Self.columns(l.table).filter { $0.kind == .text && $0.name != "vali_flag" }
          return .setContains(lookup: l.name, column: g.pick(columns).name, text(x))
        }
        return .found(lookup: l.name)
      }
    }
    return .compare(g.pick([.notEqual, .equal, .less]), text(x), text(x))
  }

  // MARK: rules

  mutating func parameters() -> [Parameter] {
    [
      Parameter(
        name: "limit",
        values: [
          Parameter.Value(from: nil, value: 100, basis: ""), Parameter.Value(from: 20_153, value: 300, basis: ""),
          Parameter.Value(from: 20_157, value: 2, basis: ""),
        ], kind: .money),
      Parameter(name: "few", values: [Parameter.Value(from: nil, value: Int64(1 + g.below(3)), basis: "")]),
      Parameter(
        name: "since",
        values: [
          Parameter.Value(from: nil, value: 20_150, basis: ""), Parameter.Value(from: 20_155, value: 20_156, basis: ""),
        ], kind: .day),
    ]
  }

  mutating func day(_ b: String, _ e: Entity) -> Expr {
    switch e {
    case .line: g.below(4) == 0 ? .dayOf(at(b, [], e, "fee_ocur_time")) : at(b, [], e, "day")
    case .settlement: g.below(4) == 0 ? .dayOf(at(b, [], e, "setl_time")) : at(b, [], e, "day")
    case .stay: at(b, [], e, g.pick(["begin_day", "end_day"]))
    case .visit: .dayOf(at(b, [], e, g.pick(["begntime", "endtime"])))
    case .diagnosis: g.below(2) == 0 ? .dayOf(at(b, [.visit], .visit, "begntime")) : at(b, [.stay], .stay, "end_day")
    case .person:
      .children(
        ChildAggregate(
          function: g.pick([.least, .greatest]), variable: "e", of: .settlement, binding: b, path: [],
          condition: .boolean(true), value: at("e", [], .settlement, "day")))
    }
  }

  mutating func lookups(_ b: String, _ e: Entity, groups: Bool) -> [Lookup] {
    var all: [Lookup] = []
    let day = day(b, e)
    let x = Context(bound: [(b, e)], isPlain: true)
    func own(_ names: [String]) -> Expr {
      at(b, [], e, names.first { Self.texts(e).contains($0) } ?? Self.texts(e)[0])
    }
    for k in 0..<(1 + g.below(3)) {
      let within: Expr? = g.below(3) == 0 ? .integer(Int64(g.below(4))) : nil
      switch g.below(e == .line ? 9 : 6) {
      case 0:
        all.append(
          Lookup(
            name: "k\(k)", table: "fixmedins_b",
            keys: [.init(column: "fixmedins_code", alternatives: [own(["fixmedins_code", "psn_no"])])],
            day: g.below(5) == 0 ? nil : day, take: .one))
      case 1:
        let path: [Entity] = e == .settlement ? [] : e.parents.contains(.settlement) ? [.settlement] : []
        let t: Expr = e == .settlement || !path.isEmpty ? at(b, path, .settlement, "hosp_lv") : rawText(x)
        all.append(
          Lookup(name: "k\(k)", table: "hosp_lv_rank", keys: [.init(column: "hosp_lv", alternatives: [t, rawText(x)])]))
      case 2:
        let isAny = g.below(2) == 0
        all.append(
          Lookup(
            name: "k\(k)", table: "opsp_reg_d",
            keys: [
              .init(column: "psn_no", alternatives: [own(["psn_no"])]),
              .init(
                column: "opsp_dise_code", alternatives: [own(["dise_no", "dise_codg", "dx"]), rawText(x)],
                anyWhenNull: g.below(2) == 0),
            ], day: g.below(4) == 0 ? nil : day, within: isAny ? within : nil, take: isAny ? .any : .one))
        if all[all.count - 1].day == nil { all[all.count - 1].within = nil }
      case 3:
        all.append(
          Lookup(
            name: "k\(k)", table: "med_type_b",
            keys: [.init(column: "med_type", alternatives: [own(["med_type", "visit_med_type", "list_type"])])],
            day: day,
            take: g.pick([.one, .any])))
      case 4:
        all.append(
          Lookup(
            name: "k\(k)", table: "opsp_dise_drug_b",
            keys: [
              .init(
                column: "opsp_dise_code", alternatives: [own(["dise_no", "dise_codg", "dx"])],
                anyWhenNull: g.below(3) == 0)
            ],
            region: e == .settlement ? at(b, [], e, "fix_blng_admdvs") : g.below(2) == 0 ? rawText(x) : nil, day: day,
            take: groups && g.below(2) == 0
              ? .groups(by: g.pick(["drug_code", "opsp_dise_code", "admdvs"])) : g.pick([.one, .any])))
      case 5:
        all.append(
          Lookup(
            name: "k\(k)", table: "hilist_b",
            keys: [.init(column: "list_type", alternatives: [rawText(x), .text("101")])],
            region: g.below(2) == 0 ? rawText(x) : .text("320102"), day: day,
            take: groups ? .groups(by: g.pick(["chrgitm_lv", "hilist_code", "list_type"])) : .one))
      case 6:
        all.append(
          Lookup(
            name: "k\(k)", table: "hilist_lmt_b",
            keys: [.init(column: "med_list_codg", alternatives: [at(b, [], e, "med_list_codg")])], day: day,
            take: groups ? .groups(by: g.pick(["lmt_type", "lmt_val", "sure_flag"])) : g.pick([.one, .any])))
        if case .groups(let by) = all[all.count - 1].take, by == "sure_flag" {
          all[all.count - 1].take = .groups(by: "lmt_type")
        }
      case 7:
        all.append(
          Lookup(
            name: "k\(k)", table: "hilist_b",
            keys: [
              .init(column: "hilist_code", alternatives: [at(b, [], e, "hilist_code"), at(b, [], e, "med_list_codg")])
            ], region: at(b, [.settlement], .settlement, "fix_blng_admdvs"), day: day,
            take: groups && g.below(2) == 0 ? .groups(by: "chrgitm_lv") : g.pick([.one, .any])))
      default:
        all.append(
          Lookup(
            name: "k\(k)", table: "drug_sup_b",
            keys: [.init(column: "med_list_codg", alternatives: [at(b, [], e, "med_list_codg")])], day: day))
      }
      // A key that another lookup gives.
      if k > 0, g.below(3) == 0, case .one = all[k - 1].take, case .equal = all[k].keys[0].match {
        let columns = Self.columns(all[k - 1].table).filter {
          $0.kind == .text && $0.name != "vali_flag"
        }
        all[k].keys[0].alternatives.insert(
          .registry(lookup: all[k - 1].name, column: g.pick(columns).name, kind: .text), at: g.below(2))
      }
    }
    return all
  }

  mutating func population(_ b: String, _ e: Entity) -> Population {
    let of: Entity = g.pick([.line, .settlement, .stay, .visit, .diagnosis])
    var x = Context(bound: [("o", of)], isPlain: true)
    x.depth = 1
    let own = Context(bound: [(b, e)], isPlain: true)
    var match: [PairMatch] = []
    for _ in 0..<(1 + g.below(2)) {
      switch g.below(5) {
      case 0:
        match.append(PairMatch(a: .prefix(rawText(x), 1), b: .prefix(rawText(own), 1)))
      case 1 where !(Self.numbers(of).isEmpty || Self.numbers(e).isEmpty):
        match.append(PairMatch(a: rawNumber(x), b: rawNumber(own)))
      default:
        let shared = Self.texts(of).filter { Self.texts(e).contains($0) }
        if let c = shared.randomElement(using: &g) {
          match.append(PairMatch(a: at("o", [], of, c), b: at(b, [], e, c)))
        } else {
          match.append(PairMatch(a: rawText(x), b: rawText(own)))
        }
      }
    }
    return Population(
      name: "pop", binding: "o", entity: of, condition: g.below(2) == 0 ? .boolean(true) : condition(x, 1),
      match: match,
      values: [
        FormedValue(name: "n", function: .count, value: nil, kind: .integer),
        FormedValue(name: "sum", function: .sum, value: rawNumber(x), kind: .money),
        FormedValue(name: "least", function: .least, value: number(x, 1), kind: .money),
        FormedValue(name: "greatest", function: .greatest, value: number(x, 1), kind: .integer),
        FormedValue(name: "texts", function: .countDistinct, value: text(x), kind: .integer),
        FormedValue(name: "numbers", function: .countDistinct, value: rawNumber(x), kind: .integer),
        FormedValue(name: "only", function: .only, value: text(x), kind: .text),
        FormedValue(name: "the", function: .only, value: rawNumber(x), kind: .integer),
      ])
  }

  mutating func hitValue(_ x: Context) -> Expr { number(x, 1) }

  mutating func overHits(_ x: Context) -> Expr {
    switch g.below(9) {
    case 0: return .allHits(condition(x, 1))
    case 1: return .anyHit(condition(x, 1))
    case 2: return .compare(g.pick(Comparison.allCases), .countHits, .integer(Int64(1 + g.below(3))))
    case 3: return .compare(g.pick(Comparison.allCases), .sumOfHits(hitValue(x)), .integer(Int64(g.below(2000))))
    case 4: return .compare(g.pick(Comparison.allCases), .leastOfHits(hitValue(x)), .greatestOfHits(hitValue(x)))
    case 5: return .isSame(.atGreatestOfHits(text(x), by: hitValue(x)), text(x))
    case 6:
      return .compare(
        g.pick(Comparison.allCases), .atGreatestOfHits(text(x), by: hitValue(x)),
        .atGreatestOfHits(text(x), by: hitValue(x)))
    case 7:
      return .compare(
        g.pick(Comparison.allCases), .atGreatestOfHits(hitValue(x), by: hitValue(x)),
        .subtract(.greatestOfHits(hitValue(x)), .leastOfHits(hitValue(x))))
    default: return condition(x, 1)
    }
  }

  mutating func finish(_ rule: inout Rule, _ x: Context) {
    rule.cases = [
      VerdictCase(when: overHits(x), verdict: .definite, severity: .high, precedence: 1),
      VerdictCase(when: .or([overHits(x), overHits(x)]), verdict: .suspected, severity: .high, precedence: 2),
      VerdictCase(when: .and([overHits(x), overHits(x)]), verdict: .suspected, severity: .high, precedence: 3),
    ]
    if g.below(3) > 0 {
      rule.cases.append(VerdictCase(when: .boolean(true), verdict: .lead, severity: .low, precedence: Int.max))
    }
    if g.below(3) == 0 { rule.unless = [condition(x, 1)] }
    if g.below(3) == 0 { rule.exemptions = [Exemption(id: "EX-01", when: condition(x, 1), text: "")] }
    if g.below(4) == 0 { rule.unevaluable.append(Unevaluable(when: condition(x, 0), reason: "")) }
    if g.below(4) == 0, let l = rule.lookups.first(where: { if case .groups = $0.take { false } else { true } }) {
      rule.unevaluable.append(Unevaluable(when: .isNull(.found(lookup: l.name)), reason: ""))
    }
  }

  mutating func plain(_ id: String) -> Rule {
    var rule = Rule()
    rule.id = id
    rule.status = .active
    rule.parameters = parameters()
    var bound: Bound
    switch g.below(6) {
    case 0, 1, 2:
      let e = g.pick([Entity.line, .line, .settlement, .stay, .visit, .diagnosis, .person])
      bound = [("x", e)]
      rule.shape = .each(binding: "x", entity: e)
    case 3:
      let e = g.pick([Entity.stay, .settlement, .line, .visit])
      bound = [("a", e), ("b", e)]
      rule.shape = .pair(
        a: ("a", e), b: ("b", e), match: [match(e, e)],
        order: .unordered(column: g.pick([Self.id(e), g.pick(Self.texts(e))])))
      if g.below(2) == 0 { atIssue(&rule, e) }
    case 4:
      let e = g.pick([Entity.stay, .settlement, .line, .visit])
      let columns = Self.texts(e) + Self.numbers(e)
      bound = [("a", e), ("b", e)]
      let c = g.pick(["psn_no", "fixmedins_code", "mdtrt_id"])
      var m = [PairMatch(a: at("a", [], e, c), b: at("b", [], e, c))]
      if g.below(3) == 0 {
        m.append(PairMatch(a: .prefix(at("a", [], e, "mdtrt_id"), 1), b: .prefix(at("b", [], e, "mdtrt_id"), 1)))
      }
      rule.shape = .pair(
        a: ("a", e), b: ("b", e), match: m,
        order: .adjacent(columns: (0..<(1 + g.below(3))).map { _ in g.pick(columns) }))
      if g.below(2) == 0 { atIssue(&rule, e) }
    default:
      let (e, f) = (
        g.pick([Entity.line, .settlement, .stay, .visit, .diagnosis]),
        g.pick([Entity.line, .settlement, .stay, .visit, .diagnosis])
      )
      bound = [("a", e), ("b", f)]
      rule.shape = .pair(
        a: ("a", e), b: ("b", f), match: [match(e, f)] + (g.below(3) == 0 ? [match(e, f)] : []), order: .every)
    }
    let first = g.pick(bound)
    rule.parameterDay = g.below(4) == 0 ? nil : day(first.0, first.1)
    if g.below(2) == 0 { rule.populations = [population(first.0, first.1)] }
    let l = g.pick(bound)
    if g.below(4) > 0 { rule.lookups = lookups(l.0, l.1, groups: g.below(2) == 0) }
    var x = Context(bound: bound, rule: rule)
    rule.scope =
      g.below(2) == 0 ? .boolean(true) : g.below(2) == 0 ? condition(x, 1) : .and([condition(x, 1), condition(x, 1)])
    rule.condition = g.below(5) == 0 ? .boolean(true) : condition(x, 2)
    var issue = bound
    if let a = rule.atIssue { issue += [(a.binding, bound[0].1), (a.binding, bound[0].1)] }
    x.bound = issue
    rule.key = (0..<(1 + g.below(3))).map { _ in
      g.below(3) == 0 ? number(Context(bound: bound, rule: rule), 0) : text(Context(bound: bound, rule: rule))
    }
    if g.below(2) == 0 { rule.key.append(at(first.0, [], first.1, Self.id(first.1))) }
    finish(&rule, Context(bound: bound, rule: rule))
    rule.subjectType = g.pick([.institution, .person, .practitioner])
    rule.subject = text(x)
    if let a = rule.atIssue, g.below(2) == 0 {
      rule.subject = at(a.binding, [], bound[0].1, g.pick(Self.texts(bound[0].1)))
    }
    let owner = g.pick(issue)
    if let lineBinding = bound.filter({ $0.1 == .line }).randomElement(using: &g), g.below(2) == 0 {
      rule.lines = .hits(binding: lineBinding.0)
      if g.below(2) == 0 {
        let inner = Context(bound: bound, rule: rule)
        if g.below(2) == 0 {
          let (k, n) = (number(inner, 1), number(inner, 1))
          rule.amountA = .partA(k: k, n: n)
          rule.amountF = .partF(k: k, n: n)
        } else {
          let p: Expr = g.pick([
            at(lineBinding.0, [], .line, "pric"), .integer(Int64(g.below(12)) * 1_000_000),
            .coalesce([at(lineBinding.0, [], .line, "pric"), .integer(2_000_000)]),
            .multiply(at(lineBinding.0, [], .line, "pric"), .integer(-1)),
          ])
          rule.amountA = .overPriceA(price: p)
          rule.amountF = .overPriceF(price: p)
        }
        return rule
      }
    } else if owner.1.children.contains(.line) {
      rule.lines = .children(
        binding: owner.0, variable: "l",
        condition: g.below(3) == 0
          ? .boolean(true) : condition(Context(bound: [("l", .line), (owner.0, owner.1)], isPlain: true), 1))
    }
    rule.amountA = amountTerm(owner, isFund: false)
    rule.amountF = amountTerm(owner, isFund: true)
    return rule
  }

  mutating func amountTerm(_ owner: (String, Entity), isFund: Bool) -> AmountTerm {
    switch g.below(4) {
    case 0: return .none
    case 1: return isFund ? .settlementP(binding: owner.0) : .settlementA(binding: owner.0)
    case 2 where owner.1 != .person: return isFund ? .stayF(binding: owner.0) : .stayA(binding: owner.0)
    default: return isFund ? .sumF : .sumA
    }
  }

  mutating func match(_ e: Entity, _ f: Entity) -> PairMatch {
    let shared = Self.texts(e).filter { Self.texts(f).contains($0) }
    switch g.below(6) {
    case 0:
      return PairMatch(
        a: .prefix(rawText(Context(bound: [("a", e)])), 1), b: .prefix(rawText(Context(bound: [("b", f)])), 1))
    case 1 where e != .diagnosis && f != .diagnosis: return PairMatch(a: day("a", e), b: day("b", f))
    case 2 where e.parents.contains(.visit) && f.parents.contains(.visit):
      return PairMatch(a: at("a", [.visit], .visit, "psn_no"), b: at("b", [.visit], .visit, "psn_no"))
    default:
      guard !shared.isEmpty else {
        return PairMatch(a: rawText(Context(bound: [("a", e)])), b: rawText(Context(bound: [("b", f)])))
      }
      let c = shared.contains("psn_no") && g.below(2) == 0 ? "psn_no" : g.pick(shared)
      return PairMatch(a: at("a", [], e, c), b: at("b", [], f, c))
    }
  }

  mutating func atIssue(_ rule: inout Rule, _ e: Entity) {
    let columns = Self.texts(e) + Self.numbers(e)
    rule.atIssue = AtIssue(
      binding: "z",
      order: (0..<(1 + g.below(3))).map { _ in
        let c = g.pick(columns)
        return AtIssue.Order(column: c, kind: e.kind(of: c) ?? .text, descending: g.below(2) == 0)
      })
  }

  // MARK: formed rows

  /// 1 group, 2 window, 3 stock, 4 runs, 5 occupancy.
  mutating func formed(_ id: String, _ shape: Int) -> Rule {
    var rule = Rule()
    rule.id = id
    rule.status = .active
    rule.parameters = parameters()
    let e: Entity =
      shape == 3
      ? g.pick([.line, .line, .settlement]) : g.pick([.line, .line, .settlement, .stay, .stay, .visit, .diagnosis])
    let base = Context(bound: [("b", e)], isPlain: true)
    rule.parameterDay = g.below(5) == 0 ? nil : day("b", e)
    if g.below(2) == 0 { rule.lookups = lookups("b", e, groups: false) }
    let known = Context(bound: [("b", e)], rule: rule)
    rule.scope = g.below(2) == 0 ? .boolean(true) : condition(known, 1)
    if g.below(4) == 0 { rule.unevaluable = [Unevaluable(when: condition(known, 0), reason: "")] }
    var by: [NamedExpr] = []
    if shape != 4 {
      for k in 0..<(1 + g.below(3)) {
        if g.below(4) == 0 {
          let n = rawNumber(base)
          by.append(NamedExpr(name: "by\(k)", value: n, kind: n.kind(in: rule) ?? .integer))
        } else {
          by.append(NamedExpr(name: "by\(k)", value: g.below(3) == 0 ? text(known) : rawText(base), kind: .text))
        }
      }
      if e != .diagnosis, g.below(2) == 0 {
        by[0] = NamedExpr(name: "by0", value: at("b", [], e, "psn_no"), kind: .text)
      }
    }
    var values: [FormedValue] = []
    if shape <= 3 {
      values = [
        FormedValue(name: "rows", function: .count, value: nil, kind: .integer),
        FormedValue(name: "sum", function: .sum, value: rawNumber(base), kind: .money),
        FormedValue(name: "least", function: .least, value: number(known, 1), kind: .money),
        FormedValue(name: "greatest", function: .greatest, value: number(known, 1), kind: .integer),
        FormedValue(name: "texts", function: .countDistinct, value: text(known), kind: .integer),
        FormedValue(name: "numbers", function: .countDistinct, value: rawNumber(base), kind: .integer),
        FormedValue(name: "only", function: .only, value: text(known), kind: .text),
        FormedValue(name: "the", function: .only, value: rawNumber(base), kind: .integer),
      ]
    }
    let d = day("b", e)
    let d2: Expr = g.pick([
      day("b", e), .add(d, .integer(Int64(g.below(4)))), .subtract(d, .integer(1)), .least([d, .parameter("since")]),
    ])
    let atLeast: Expr = g.pick([.parameter("few"), .parameter("limit"), .integer(1), .integer(2), .integer(0)])
    let kind: Formed.Kind
    switch shape {
    case 1: kind = .group
    case 2:
      kind = .window(
        day: d,
        days: g.pick([
          .parameter("few"), .integer(3), e == .stay ? at("b", [], e, "nights") : .integer(2), .number(rawText(base)),
          .coalesce([.number(rawText(base)), .integer(4)]),
        ]))
    case 3:
      let q: Expr = e == .line ? at("b", [], e, "cnt") : .integer(20_000)
      let each: Expr = g.pick([.integer(15_000), q, .multiply(q, .integer(3)), .coalesce([q, .integer(10_000)])])
      kind = .stock(day: d, supply: StockSupply(quantity: q, daysEach: each))
    case 4: kind = .runs(first: d, last: d2, atLeast: atLeast)
    default:
      kind = .occupancy(first: d, last: d2, counted: g.below(3) == 0 ? rawNumber(base) : text(known), atLeast: atLeast)
    }
    let formed = Formed(baseBinding: "b", baseEntity: e, name: "f", by: by, values: values, kind: kind)
    rule.shape = .formed(formed)
    if formed.columns.contains(where: { $0.name == "day" }), g.below(4) > 0 {
      rule.formedParameterDay = .formed(column: "day", kind: .day)
    }
    if g.below(2) == 0, let t = formed.columns.filter({ $0.kind == .text }).randomElement(using: &g) {
      rule.lookups.append(
        Lookup(
          name: "inst", table: "fixmedins_b",
          keys: [.init(column: "fixmedins_code", alternatives: [.formed(column: t.name, kind: .text)])],
          day: formed.columns.contains { $0.name == "day" } ? .formed(column: "day", kind: .day) : nil,
          take: g.pick([.one, .any])))
    }
    if g.below(2) == 0 {
      rule.populations = [population("b", e)]
      // Behind the forming only runs have the row at hand that a population is matched with.
      if shape != 4 {
        rule.scope = .and([rule.scope, condition(Context(bound: [("b", e)], rule: rule.withoutFormedLookups), 1)])
      }
    }
    var readable = rule
    if shape != 4 { readable.populations = [] }
    let f = FormedContext(formed: formed, rule: readable, isRuns: shape == 4)
    rule.condition = formedCondition(f, 2, late: false)
    if g.below(3) == 0 { rule.unless = [formedCondition(f, 1, late: false)] }
    if g.below(4) == 0 { rule.unevaluable.append(Unevaluable(when: formedCondition(f, 0, late: false), reason: "")) }
    if g.below(3) == 0 { rule.exemptions = [Exemption(id: "EX-01", when: formedCondition(f, 1, late: true), text: "")] }
    rule.cases = [
      VerdictCase(when: formedHits(f), verdict: .definite, severity: .high, precedence: 1),
      VerdictCase(when: .or([formedHits(f), formedHits(f)]), verdict: .suspected, severity: .high, precedence: 2),
      VerdictCase(when: .boolean(true), verdict: .lead, severity: .low, precedence: Int.max),
    ]
    rule.key = (0..<(1 + g.below(3))).map { _ in formedAny(f, late: true) }
    rule.subject = formedText(f) ?? .text("all")
    if shape == 4, g.below(2) == 0 { rule.key.append(at("b", [], e, Self.id(e))) }
    if e == .line, shape != 5 {
      rule.lines = .members
      let (k, n) = (formedNumber(f, late: true), formedNumber(f, late: true))
      rule.amountA = g.pick([.sumA, .partA(k: k, n: n), .none])
      if case .partA = rule.amountA {
        rule.amountF = .partF(k: k, n: n)
      } else {
        rule.amountF = g.pick([.sumF, .none])
      }
    } else if shape == 4 {
      if e.children.contains(.line) {
        rule.lines = .children(
          binding: "b", variable: "l",
          condition: .compare(
            g.pick([.equal, .lessOrEqual]), at("l", [], .line, "day"),
            .formed(column: g.pick(["day", "run_first", "run_last"]), kind: .day)))
      }
      rule.amountA = amountTerm(("b", e), isFund: false)
      rule.amountF = amountTerm(("b", e), isFund: true)
    }
    return rule
  }

  struct FormedContext {
    var formed: Formed
    var rule: Rule
    var isRuns: Bool
  }

  mutating func formedAny(_ f: FormedContext, late: Bool) -> Expr {
    let c = g.pick(f.formed.columns.filter { late || !$0.name.hasPrefix("run_") } + [("day0", .integer)])
    if c.name == "day0" {
      return f.isRuns ? text(Context(bound: [("b", f.formed.baseEntity)], isPlain: true)) : .integer(1)
    }
    return .formed(column: c.name, kind: c.kind)
  }

  mutating func formedText(_ f: FormedContext) -> Expr? {
    var all = f.formed.columns.filter { $0.kind == .text }.map { Expr.formed(column: $0.name, kind: .text) }
    if f.isRuns { all.append(text(Context(bound: [("b", f.formed.baseEntity)], isPlain: true))) }
    if f.rule.lookups.contains(where: { $0.name == "inst" && $0.take == .one }) {
      all.append(.registry(lookup: "inst", column: g.pick(["hosp_lv", "medins_kind"]), kind: .text))
    }
    if let p = f.rule.populations.first { all.append(.fact(population: p.name, value: "only", kind: .text)) }
    return all.isEmpty ? nil : g.pick(all)
  }

  mutating func formedNumber(_ f: FormedContext, late: Bool, _ depth: Int = 1) -> Expr {
    var all = f.formed.columns.filter { $0.kind != .text && (late || !$0.name.hasPrefix("run_")) }.map {
      Expr.formed(column: $0.name, kind: $0.kind)
    }
    all.append(.integer(Int64(g.below(5))))
    all.append(.parameter(g.pick(["few", "limit", "since"])))
    if f.isRuns { all.append(number(Context(bound: [("b", f.formed.baseEntity)], isPlain: true), 1)) }
    if f.rule.lookups.contains(where: { $0.name == "inst" && $0.take == .one }) {
      all.append(.registry(lookup: "inst", column: "aprv_bed_cnt", kind: .integer))
    }
    if let p = f.rule.populations.first {
      let v = g.pick(p.values.filter { $0.kind != .text })
      all.append(.fact(population: p.name, value: v.name, kind: v.kind))
    }
    if depth > 0 {
      switch g.below(8) {
      case 0: return .add(formedNumber(f, late: late, depth - 1), formedNumber(f, late: late, depth - 1))
      case 1: return .subtract(formedNumber(f, late: late, depth - 1), formedNumber(f, late: late, depth - 1))
      case 2: return .least([formedNumber(f, late: late, depth - 1), formedNumber(f, late: late, depth - 1)])
      case 3: return .percent(formedNumber(f, late: late, 0), of: .integer(60))
      case 4: return .coalesce([formedNumber(f, late: late, depth - 1), formedNumber(f, late: late, depth - 1)])
      default: break
      }
    }
    return g.pick(all)
  }

  mutating func formedCondition(_ f: FormedContext, _ depth: Int, late: Bool) -> Expr {
    if depth > 0, g.below(2) > 0 {
      let a = formedCondition(f, depth - 1, late: late)
      let b = formedCondition(f, depth - 1, late: late)
      return g.pick([.and([a, b]), .or([a, b]), .not(a), .isTrue(a), .isNull(a)])
    }
    switch g.below(7) {
    case 0: if let a = formedText(f), let b = formedText(f) { return .compare(g.pick(Comparison.allCases), a, b) }
    case 1: if let a = formedText(f) { return .isNull(a) }
    case 2: if let a = formedText(f) { return .startsWith(a, ["P", "1", "H", "é", "X%"]) }
    case 3:
      if f.isRuns {
        return condition(Context(bound: [("b", f.formed.baseEntity)], rule: f.rule.withoutFormedLookups), 1)
      }
    case 4: if f.rule.lookups.contains(where: { $0.name == "inst" }) { return .found(lookup: "inst") }
    case 5: return .isSame(formedNumber(f, late: late), formedNumber(f, late: late))
    default: break
    }
    return .compare(g.pick(Comparison.allCases), formedNumber(f, late: late), formedNumber(f, late: late))
  }

  mutating func formedHits(_ f: FormedContext) -> Expr {
    let v = formedNumber(f, late: true)
    switch g.below(6) {
    case 0: return .allHits(formedCondition(f, 1, late: true))
    case 1: return .compare(.greater, .countHits, .integer(Int64(g.below(4))))
    case 2:
      return .compare(
        g.pick(Comparison.allCases), .sumOfHits(.least([v, .integer(1_000_000)])), .integer(Int64(g.below(100))))
    case 3:
      return .compare(
        g.pick(Comparison.allCases), .atGreatestOfHits(v, by: formedNumber(f, late: true)), .leastOfHits(v))
    case 4:
      if let a = formedText(f), let b = formedText(f) { return .isSame(.atGreatestOfHits(a, by: v), b) }
      return .anyHit(formedCondition(f, 1, late: true))
    default: return .anyHit(formedCondition(f, 1, late: true))
    }
  }
}

extension Rule {
  var withoutFormedLookups: Rule {
    var copy = self
    copy.lookups = lookups.filter { $0.name != "inst" }
    return copy
  }
}
