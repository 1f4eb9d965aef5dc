import Audit
import ClaimModel
import Foundation
import Normalize
import Registries
import RulePacks
import SQLLowering
import Testing

extension RandomStore {
  /// Texts that are the same to Unicode but not byte by byte, wildcards, characters beyond the BMP, codes of digits;
  /// days at the edges. Consistently in claims and registries, so that keys still meet.
  mutating func season(_ seed: UInt64) {
    var g = SeededGenerator(seed: seed ^ 0xABCD_1234)
    var map: [String: String] = [:]
    let pools: [[String]] = [
      [
        "é", "e\u{301}", "𠮷", "𠮷\u{FE00}", "\u{1F469}\u{200D}\u{1F467}", "\u{FEFF}é", "Ａ", "ß", "İ", "\u{AC00}",
        "\u{1100}\u{1161}", "a|b", "a|", "|",
      ],
      ["X%01", "x%01", "X_01", "XA'1", "XÉ", "xé", "Xe\u{301}", "X\u{FB01}", "XFI", "X\"1", "X,1", "X\\1"],
      [
        "007", "7", "000000000000000000000000000012", "999999999999999999", "1000000000000000000",
        "9223372036854775808", "+7", "-7", "７", "7.0", "0",
      ],
    ]
    for name in ["P1", "P2", "H1", "H2", "M1", "M2", "D1", "D2", "S1", "S4", "M4"] where g.below(3) == 0 {
      map[name] = g.pick(pools[g.below(2)])
    }
    for name in [
      "XA01", "xa01", "XB02", "XC03", "L1", "l1", "101", "201", "301", "R1", "A03.1", "A03", "i10", "I10", "01", "03",
      "1", "11",
    ] where g.below(3) == 0 {
      map[name] = g.pick(pools[1 + g.below(2)])
    }
    // No two names become one id.
    var used: Set<[UInt8]> = []
    for name in map.keys.sorted() where !used.insert(Array((map[name] ?? "").utf8)).inserted { map[name] = nil }
    let free: Set<String> = [
      "psn_no", "fixmedins_code", "mdtrt_id", "setl_id", "init_setl_id", "refl_old_mdtrt_id", "med_list_codg",
      "hilist_code", "list_type",
      "bilg_dr_code", "medrcdno", "adm_caty", "dscg_caty", "dscg_maindiag_code", "diag_code", "dise_no", "dise_codg",
      "opsp_dise_code", "drug_code",
      "chrgitm_lv", "hosp_lv", "etip_hosp_code", "dscg_way",
    ]
    func replaced(_ row: [String: String]) -> [String: String] {
      var row = row
      for (k, v) in row where free.contains(k) { if let to = map[v] { row[k] = to } }
      return row
    }
    claims = claims.mapValues { $0.map(replaced) }
    registries = registries.mapValues { $0.map(replaced) }
    let days = ["1969-12-31", "1970-01-01", "2024-02-29", "2025-03-31", "2025-02-28", "1999-12-31 23:59:59"]
    for i in (claims[.feeLines] ?? []).indices where g.below(25) == 0 {
      claims[.feeLines]?[i]["fee_ocur_time"] = g.pick(days)
    }
    for i in (claims[.settlements] ?? []).indices where g.below(15) == 0 {
      claims[.settlements]?[i]["setl_time"] = g.pick(days + ["9999-12-31 23:59:59", "0001-01-01"])
    }
    for i in (claims[.visits] ?? []).indices where g.below(20) == 0 {
      claims[.visits]?[i][g.pick(["begntime", "endtime"])] = g.pick(["2025-02-28", "2024-12-31", "2025-03-31 23:59:59"])
    }
    for (name, rows) in registries.sorted(by: { $0.key < $1.key }) {
      for i in rows.indices where g.below(20) == 0 {
        registries[name]?[i]["enddate"] = g.pick(["9999-12-31", "2025-03-01", "0001-01-01", "2025-03-05"])
      }
    }
    registries["hosp_lv_rank"] = registries["hosp_lv_rank"]?.map { row in row.filter { $0.key != "enddate" } }
  }
}

/// The native evaluator beside SQLite, and units beside everything at once, with rules of `WideRule`. WIDE_ROUNDS=100
/// tries more stores, WIDE_SEED=n one.
@Suite struct WideRuleTests {
  /// What differs between the engines; nil if nothing does.
  func difference(_ given: Rule, _ loaded: RandomStore.Loaded, _ findings: inout Int, _ stops: inout Int) throws
    -> String?
  {
    var rule = given
    rule.id = "Z"
    let result: AuditResult
    do {
      result = try audit(rules: [rule], AuditInput(claims: loaded.normalized.claims, registries: loaded.registries))
    } catch {
      return "native throws \(error)"
    }
    let obstacle = result.coverage[0].obstacle
    defer {
      for name in (try? loaded.evidence.texts("SELECT x.name FROM temp.sqlite_master x WHERE x.type = 'table'")) ?? []
      where name.hasPrefix(rule.id) {
        try? loaded.evidence.run("DROP TABLE temp.\"\(name)\"")
      }
    }
    do {
      try loaded.evidence.run(try ruleSQL(rule))
    } catch {
      if obstacle == .overflow, "\(error)".contains("overflow") { stops += 1; return nil }
      return "SQL \(error), native '\(obstacle?.text ?? "")'"
    }
    if case .emptyRegistry = obstacle { return nil }
    if let obstacle { return "native '\(obstacle.text)', SQL runs" }
    let own = result.findings
    findings += own.count
    func texts(_ all: [String]) -> [[UInt8]] {
      all.map { Array($0.utf8) }.sorted {
        $0.lexicographicallyPrecedes($1)
      }
    }
    let expected = texts(
      own.map {
        "\($0.rule)|\($0.key)|\($0.subjectType.rawValue)|\($0.subject)|\($0.verdict.rawValue)|\($0.precedence)|\($0.amountFen)|\($0.fundFen)"
      })
    let found = texts(try loaded.evidence.texts("SELECT * FROM \"\(rule.id) findings\""))
    if expected != found {
      let more = Set(found).subtracting(expected).map { String(decoding: $0, as: UTF8.self) }.sorted().prefix(4)
      let less = Set(expected).subtracting(found).map { String(decoding: $0, as: UTF8.self) }.sorted().prefix(4)
      return "\(found.count) of SQL, \(expected.count) native; only SQL \(more), only native \(less)"
    }
    let claims = texts(
      own.flatMap { f in
        f.claims.map { "\(f.rule)|\(f.key)|\($0.unit)|\($0.fen)|\($0.fixmedinsCode)|\($0.psnNo)|\($0.practitioner)" }
      })
    let claimed = texts(try loaded.evidence.texts("SELECT * FROM \"\(rule.id) claims\""))
    if claims != claimed {
      let more = Set(claimed).subtracting(claims).map { String(decoding: $0, as: UTF8.self) }.sorted().prefix(4)
      let less = Set(claims).subtracting(claimed).map { String(decoding: $0, as: UTF8.self) }.sorted().prefix(4)
      return "claims: only SQL \(more), only native \(less)"
    }
    return nil
  }

  func shrunk(_ rule: Rule, _ loaded: RandomStore.Loaded) throws -> Rule {
    var best = rule
    var x = 0
    var y = 0
    let first = try difference(rule, loaded, &x, &y) ?? ""
    var tries = 0
    var progress = true
    while progress, tries < 400 {
      progress = false
      for candidate in best.simpler {
        tries += 1
        if tries > 400 { break }
        var n = 0
        var m = 0
        if let p = try? difference(candidate, loaded, &n, &m),
          first.contains("only SQL") ? p.contains("only SQL") : p == first
        {
          best = candidate
          progress = true
          break
        }
      }
    }
    return best
  }
  static let env = ProcessInfo.processInfo.environment
  static let rounds = Int(env["WIDE_ROUNDS"] ?? "") ?? 1
  static let only = env["WIDE_SEED"].flatMap { Int($0) }

  @Test(arguments: 0..<12)
  func wideRulesAgree(_ block: Int) throws {
    var findings = 0
    var stops = 0
    for seed in (block * Self.rounds)..<(block * Self.rounds + Self.rounds) where Self.only == nil || Self.only == seed
    {
      var store = RandomStore(seed: UInt64(9000 + seed))
      if seed % 2 == 1 { store.season(UInt64(seed)) }
      let loaded = try store.load()
      try loaded.evidence.run(preludeSQL(persons: true))
      var random = WideRule(seed: UInt64(31 * seed + 5))
      var rules = (0..<14).map { random.plain("W-\(seed)-\($0)") }
      rules += (0..<10).map { random.formed("F-\(seed)-\($0)", 1 + $0 % 5) }
      for rule in rules {
        guard let problem = try difference(rule, loaded, &findings, &stops) else { continue }
        let small = try shrunk(rule, loaded)
        var n = 0
        var m = 0
        Issue.record(
          "seed \(seed) \(rule.id): \(problem)\n  SMALL \(try difference(small, loaded, &n, &m) ?? "gone")\n  \(small.brief)"
        )
      }
    }
    #expect(Self.only != nil || findings > 0, "rules that find nothing compare nothing")
  }

  @Test(arguments: 0..<3)
  func wideRulesFindTheSameInParts(_ block: Int) async throws {
    var findings = 0
    for seed in (block * Self.rounds)..<(block * Self.rounds + Self.rounds) where Self.only == nil || Self.only == seed
    {
      var stores: [RandomStore] = []
      let made = PartedStore(seed: UInt64(700 + seed), stores: 5)
      stores = made.stores
      var registries = made.registries
      if seed % 2 == 1 {
        for k in stores.indices { stores[k].seasonParts() }
        registries.seasonParts()
      }
      let store = PartedStore(stores: stores, registries: registries)
      var random = WideRule(seed: UInt64(77 * seed + 3))
      var rules = (0..<14).map { random.plain("W-\(seed)-\($0)") }
      rules += (0..<15).map { random.formed("F-\(seed)-\($0)", 1 + $0 % 5) }
      for i in rules.indices { rules[i].measure = nil }
      let floor = [0, 60, 95][seed % 3]
      for (units, parallel) in [(1, false), (2, true), (5, false)] {
        for rule in rules {
          let whole = try AuditPartTests.atOnce([rule], store, floor: floor)
          findings += whole.findings.count
          let parts = try await AuditPartTests.inParts(
            [rule], store, AuditPartTests.Ways(units: units, floor: floor, isParallel: parallel))
          if parts != whole {
            let less = whole.findings.filter { f in !parts.findings.contains(f) }.prefix(2)
            let more = parts.findings.filter { f in !whole.findings.contains(f) }.prefix(2)
            Issue.record(
              "seed \(seed) \(rule.id) units \(units) reach \(rule.reach): whole \(less.map { "\($0)" }) parts \(more.map { "\($0)" }) coverage \(whole.coverage == parts.coverage) \(whole.coverage.map(\.obstacle)) \(parts.coverage.map(\.obstacle)) facts \(whole.facts == parts.facts) supp \(whole.suppressions == parts.suppressions) \(rule.brief)"
            )
            continue
          }
        }
        let whole = try AuditPartTests.atOnce(rules, store, floor: floor)
        let parts = try await AuditPartTests.inParts(
          rules, store, AuditPartTests.Ways(units: units, floor: floor, isParallel: parallel, keepsRows: !parallel))
        if parts != whole { Issue.record("seed \(seed) all rules, units \(units)") }
      }
    }
    #expect(Self.only != nil || findings > 0, "rules that find nothing compare nothing")
  }
}

func != (a: AuditResult, b: AuditResult) -> Bool {
  a.findings != b.findings || a.coverage != b.coverage || a.suppressions != b.suppressions || a.facts != b.facts
    || a.diagnostics.map { "\($0)" } != b.diagnostics.map { "\($0)" }
}

extension RandomStore {
  mutating func seasonParts() {
    let map = [
      "XA01": "é1", "xa01": "e\u{301}1", "101": "𠮷", "H1": "e\u{301}", "H2": "é", "D1": "İ", "M1": "m|1", "L1": "L%",
    ]
    func replaced(_ row: [String: String]) -> [String: String] {
      var row = row
      for (k, v) in row where k != "mdtrt_id" && k != "setl_id" && k != "psn_no" { if let to = map[v] { row[k] = to } }
      return row
    }
    claims = claims.mapValues { $0.map(replaced) }
    registries = registries.mapValues { $0.map(replaced) }
  }
}

extension Rule {
  var brief: String {
    var text = ""
    for child in Mirror(reflecting: self).children {
      let value = "\(child.value)"
      if ["", "[]", "\"\"", "nil", "Optional(0)"].contains(value)
        || ["id", "version", "status", "subjectType"].contains(child.label ?? "")
      {
        continue
      }
      if child.label == "parameters", !"\(self)".contains("parameter(") { continue }
      text += "\n    \(child.label ?? ""): \(value)"
    }
    for cut in [
      "RulePacks.", "ClaimModel.", "Registries.", "Expr.", "Lookup.", "path: [], ", "Comparison.",
      ", isOptional: false", ", joinsLevels: false", ", region: nil", ", within: nil", ", day: nil", "FormedValue.",
      "Function.", "ValueKind.", "ChildAggregate.", "Entity.",
    ] {
      text = text.replacingOccurrences(of: cut, with: "")
    }
    return text
  }

  var simpler: [Rule] {
    var all: [Rule] = []
    func add(_ change: (inout Rule) -> Void) {
      var copy = self
      change(&copy)
      all.append(copy)
    }
    if !populations.isEmpty { add { $0.populations = [] } }
    if !lookups.isEmpty {
      add { $0.lookups = [] }
      for i in lookups.indices { add { $0.lookups.remove(at: i) } }
    }
    if !unless.isEmpty { add { $0.unless = [] } }
    if !exemptions.isEmpty { add { $0.exemptions = [] } }
    if !unevaluable.isEmpty { add { $0.unevaluable = [] } }
    if scope != .boolean(true) { add { $0.scope = .boolean(true) } }
    if condition != .boolean(true) { add { $0.condition = .boolean(true) } }
    if cases.count > 1 {
      add { $0.cases = [VerdictCase(when: .boolean(true), verdict: .lead, severity: .low, precedence: 9)] }
      for i in cases.indices { add { $0.cases.remove(at: i) } }
    }
    if lines != .none { add { $0.lines = .none } }
    if amountA != .none { add { $0.amountA = .none } }
    if amountF != .none { add { $0.amountF = .none } }
    if key.count > 1 { for i in key.indices { add { $0.key.remove(at: i) } } }
    if subject != .text("") { add { $0.subject = .text("") } }
    if parameterDay != nil { add { $0.parameterDay = nil } }
    if atIssue != nil { add { $0.atIssue = nil } }
    for part in condition.parts { add { $0.condition = part } }
    for part in scope.parts { add { $0.scope = part } }
    for i in unless.indices { for part in unless[i].parts { add { $0.unless[i] = part } } }
    for i in exemptions.indices { for part in exemptions[i].when.parts { add { $0.exemptions[i].when = part } } }
    for i in unevaluable.indices { for part in unevaluable[i].when.parts { add { $0.unevaluable[i].when = part } } }
    for i in cases.indices { for part in cases[i].when.parts { add { $0.cases[i].when = part } } }
    if case .formed(let f) = shape {
      for i in f.values.indices { var g = f; g.values.remove(at: i); add { $0.shape = .formed(g) } }
      if f.by.count > 1 { for i in f.by.indices { var g = f; g.by.remove(at: i); add { $0.shape = .formed(g) } } }
    }
    for (i, p) in populations.enumerated() where p.condition != .boolean(true) {
      _ = p; add { $0.populations[i].condition = .boolean(true) }
    }
    return all
  }
}

extension Expr {
  /// Conditions that it is made of.
  var parts: [Expr] {
    switch self {
    case .and(let l), .or(let l): l
    case .not(let a), .isTrue(let a), .allHits(let a), .anyHit(let a): [a, .boolean(true), .boolean(false)]
    case .boolean: []
    default: [.boolean(true), .boolean(false)]
    }
  }
}
