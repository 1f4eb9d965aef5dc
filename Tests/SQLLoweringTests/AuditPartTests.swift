import Audit
import ClaimModel
import Diagnostics
import Normalize
import Registries
import RulePacks
import Testing

/// Random stores with ids of their own and the same institutions and registries: together they are the claims of many
/// persons, and each alone is a part of them that shares no person and no id with another.
struct PartedStore {
  let stores: [RandomStore]
  let registries: RandomStore

  private static let ids: Set<String> = [
    "mdtrt_id", "setl_id", "psn_no", "init_setl_id", "refl_old_mdtrt_id", "setl_list_diag_id",
  ]

  init(seed: UInt64, stores count: Int) {
    var stores: [RandomStore] = []
    var registries = RandomStore(seed: seed)
    let persons = registries.registries["opsp_reg_d"] ?? []
    registries.registries["opsp_reg_d"] = []
    for k in 0..<count {
      func own(_ row: [String: String]) -> [String: String] {
        var row = row
        for id in Self.ids { if let text = row[id], !text.isEmpty { row[id] = "\(text)-\(k)" } }
        return row
      }
      var store = RandomStore(seed: seed &* 31 &+ UInt64(k))
      store.claims = store.claims.mapValues { $0.map(own) }
      stores.append(store)
      registries.registries["opsp_reg_d", default: []] += persons.map(own)
    }
    self.stores = stores
    self.registries = registries
  }

  /// The claims of some of the stores as one.
  func joined(_ places: [Int]) -> RandomStore {
    var all = RandomStore()
    for place in places {
      for table in ClaimTable.allCases { all.claims[table, default: []] += stores[place].claims[table] ?? [] }
    }
    return all
  }
}

/// Rules over parts of the claims, put together, against rules over everything.
struct AuditPartTests {
  struct Ways {
    var units: Int
    var floor = 0
    /// Several threads, each with tables of its own; else one table, rolled back after each part.
    var isParallel = false
    /// The second pass is run over the rows that the first has kept, not over the claims themselves.
    var keepsRows = false
  }

  /// What the rules find, each run as its reach asks for.
  static func inParts(_ rules: [Rule], _ store: PartedStore, _ ways: Ways) async throws -> AuditResult {
    let base = CodeTable()
    let registries = try store.registries.loadedRegistries(base)
    let shelf = RegistryShelf(registries, codes: base)
    let units = (0..<ways.units).map { unit in store.stores.indices.filter { $0 % ways.units == unit } }
    let own = rules.filter { $0.reach == .person }
    let withFacts = rules.filter { $0.reach == .personWithFacts }
    let everything = rules.filter { $0.reach == .everything && !GroupsOfAll.takes($0) }
    let groups = GroupsOfAll(rules.filter { $0.reach == .everything && GroupsOfAll.takes($0) })
    var ofGroups: [GroupsOfPart] = []
    var thin = ThinClaims(for: everything)

    @Sendable func input(_ unit: [Int], _ codes: CodeTable, _ facts: PopulationFacts? = nil) throws -> AuditInput {
      AuditInput(
        claims: try store.joined(unit).normalized(registries, codes).claims, registries: registries,
        fillFloorPercent: ways.floor, facts: facts)
    }
    var parts: [AuditPart] = []
    var facts: [FactPart] = []
    if ways.isParallel {
      let done = try await withThrowingTaskGroup(of: (AuditPart, FactPart, ThinClaims, GroupsOfPart).self) { group in
        for unit in units {
          group.addTask {
            let input = try input(unit, CodeTable(copying: base))
            var thin = ThinClaims(for: everything)
            thin.appendReachable(input.claims, seeds: seeds(rules: everything, input, shelf: shelf))
            return (
              auditPart(rules: own, input, shelf: shelf), factPart(rules: withFacts, input, shelf: shelf), thin,
              groups.part(input, shelf: shelf)
            )
          }
        }
        var done: [(AuditPart, FactPart, ThinClaims, GroupsOfPart)] = []
        for try await one in group { done.append(one) }
        return done
      }
      for (part, fact, own, ofGroup) in done {
        parts.append(part)
        facts.append(fact)
        thin.append(own)
        ofGroups.append(ofGroup)
      }
    } else {
      let codes = CodeTable(copying: base)
      let mark = codes.count
      for unit in units {
        let input = try input(unit, codes)
        parts.append(auditPart(rules: own, input, shelf: shelf))
        facts.append(factPart(rules: withFacts, input, shelf: shelf))
        thin.appendReachable(input.claims, seeds: seeds(rules: everything, input, shelf: shelf))
        ofGroups.append(groups.part(input, shelf: shelf))
        codes.rollBack(to: mark)
      }
    }
    if !withFacts.isEmpty {
      let all = mergedFacts(facts)
      for unit in units {
        let codes = CodeTable(copying: base)
        if ways.keepsRows {
          let asked = try input(unit, codes)
          let kept = PendingPart(rules: withFacts, asked, shelf: shelf, also: [.settlement: ["psn_no"]])
          codes.rollBack(to: base.count)
          func given(_ claims: EffectiveClaims) -> AuditInput {
            var input = asked
            (input.claims, input.facts) = (claims, all)
            return input
          }
          kept.audit(rules: withFacts, shelf: shelf, codes: codes, input: given) { part, _ in parts.append(part) }
          continue
        }
        parts.append(auditPart(rules: withFacts, try input(unit, codes, all), shelf: shelf))
      }
    }
    if !everything.isEmpty {
      let codes = CodeTable(copying: base)
      let input = AuditInput(
        claims: thin.claims(codes: codes), registries: registries, fillFloorPercent: ways.floor)
      parts.append(auditPart(rules: everything, input, shelf: shelf))
    }
    if !groups.rules.isEmpty {
      let codes = CodeTable(copying: base)
      parts.append(
        try groups.audit(ofGroups, codes: codes, shelf: shelf, rows: { ofGroups[$0].rows }) {
          AuditInput(claims: $0, registries: registries, fillFloorPercent: ways.floor)
        }.found)
    }
    #expect(rulesWithSharedKeys(parts).isEmpty)
    return try finish(parts.reversed(), rules: rules, registries: registries, fillFloorPercent: ways.floor)
  }

  static func atOnce(_ rules: [Rule], _ store: PartedStore, floor: Int = 0) throws -> AuditResult {
    let codes = CodeTable()
    let registries = try store.registries.loadedRegistries(codes)
    let claims = try store.joined(Array(store.stores.indices)).normalized(registries, codes).claims
    return try audit(rules: rules, AuditInput(claims: claims, registries: registries, fillFloorPercent: floor))
  }

  static func expectSame(_ parts: AuditResult, _ whole: AuditResult, _ place: String) {
    #expect(parts.coverage.count == whole.coverage.count)
    for (mine, other) in zip(parts.coverage, whole.coverage) { #expect(mine == other, "\(place)") }
    #expect(parts.findings.map(\.id) == whole.findings.map(\.id), "\(place)")
    for (mine, other) in zip(parts.findings, whole.findings) where mine != other {
      Issue.record("\(place): \(mine) for \(other)")
      break
    }
    #expect(parts.suppressions == whole.suppressions, "\(place)")
    #expect(parts.facts == whole.facts, "\(place)")
    #expect(parts.diagnostics.map { "\($0)" } == whole.diagnostics.map { "\($0)" }, "\(place)")
  }

  @Test(arguments: [(1, false), (2, false), (7, false), (2, true), (7, true)])
  func theTenRulesFindTheSame(_ units: Int, _ isParallel: Bool) async throws {
    var findings: [String: Int] = [:]
    for seed in 0..<3 {
      let store = PartedStore(seed: UInt64(6 * seed), stores: 7)
      for rules in [DifferentialTests.rules, DifferentialTests.easedRules] {
        let whole = try Self.atOnce(rules, store)
        let parts = try await Self.inParts(rules, store, Ways(units: units, isParallel: isParallel))
        Self.expectSame(parts, whole, "seed \(seed)")
        for finding in whole.findings { findings[finding.rule, default: 0] += 1 }
      }
    }
    #expect(findings.count == 10, "\(findings)")
  }

  /// Rules with facts of a population over what the first pass kept of each part.
  @Test(arguments: [1, 2, 5])
  func rulesWithFactsFindTheSameOverKeptRows(_ units: Int) async throws {
    var findings: [String: Int] = [:]
    for seed in 0..<4 {
      let store = PartedStore(seed: UInt64(6 * seed), stores: 5)
      var random = RandomRule(seed: UInt64(seed))
      let shapes = (0..<30).map { random.shapeRule("S-\(seed)-\($0)", $0 % 6) }
      for (rules, floor) in [(DifferentialTests.rules, 0), (DifferentialTests.easedRules, 60), (shapes, 0)] {
        let own = rules.filter { $0.reach == .personWithFacts }
        #expect(!own.isEmpty)
        let whole = try Self.atOnce(own, store, floor: floor)
        let parts = try await Self.inParts(own, store, Ways(units: units, floor: floor, keepsRows: true))
        Self.expectSame(parts, whole, "seed \(seed)")
        for finding in whole.findings { findings[finding.rule.hasPrefix("S-") ? "S" : finding.rule, default: 0] += 1 }
      }
    }
    #expect(findings["ADM-06", default: 0] > 0, "\(findings)")
    #expect(findings["S", default: 0] > 0, "\(findings)")
  }

  /// What is kept for ADM-06 hangs together with a stay, and its memory does not grow with the registries.
  @Test func onlyRowsOfStaysAreKept() throws {
    let store = PartedStore(seed: 6, stores: 4)
    let codes = CodeTable()
    let registries = try store.registries.loadedRegistries(codes)
    for i in 0..<10_000 { _ = codes.intern("a text of registries \(i)") }
    let claims = try store.joined([0, 1, 2, 3]).normalized(registries, codes).claims
    let rules = DifferentialTests.rules.filter { $0.id == "ADM-06" }
    var all = ThinClaims(for: rules)
    all.append(claims)
    var kept = ThinClaims(for: rules)
    kept.appendReachable(claims)
    let result = kept.claims(codes: CodeTable())

    let lines = claims[.line].parent[.stay] ?? []
    let settlements = claims[.settlement].parent[.stay] ?? []
    let ofLines = claims[.line].parent[.settlement] ?? []
    // Settlements of a stay or of one of its lines, with all of their lines.
    var ids = Set(settlements.indices.filter { settlements[$0] >= 0 }.map { Int32($0) })
    for (line, stay) in lines.enumerated() where stay >= 0 { ids.insert(ofLines[line]) }
    let wanted = lines.indices.filter { lines[$0] >= 0 || ids.contains(ofLines[$0]) }
    #expect(result[.stay].count == claims[.stay].count)
    #expect(result[.stay].count > 0)
    #expect(result[.line].count >= wanted.count)
    #expect(result[.line].count < claims[.line].count)
    #expect(result[.settlement].count >= ids.count)
    #expect(result[.settlement].count < claims[.settlement].count)
    #expect(kept.bytes < all.bytes)
    #expect(all.bytes < claims[.line].count * 1_000)
  }

  @Test(arguments: 0..<4)
  func randomRulesFindTheSame(_ block: Int) async throws {
    var reaches: [RuleReach: Int] = [:]
    var findings = 0
    for seed in (block * 3)..<(block * 3 + 3) {
      let store = PartedStore(seed: UInt64(500 + seed), stores: 5)
      var random = RandomRule(seed: UInt64(seed))
      var rules = (0..<8).map { random.rule("R-\(seed)-\($0)") }
      rules += (0..<18).map { random.shapeRule("S-\(seed)-\($0)", $0 % 6) }
      rules += (0..<3).map { random.chainedLookupRule("L-\(seed)-\($0)") }
      for rule in rules { reaches[rule.reach, default: 0] += 1 }
      let floor = [0, 60, 95][seed % 3]
      for i in rules.indices where i % 2 == 0 && rules[i].shape.bindings[0].entity == .line {
        rules[i].fill = [.claim(binding: rules[i].shape.bindings[0].name, path: [], column: "hilist_code", kind: .text)]
      }
      let whole = try Self.atOnce(rules, store, floor: floor)
      findings += whole.findings.count
      for units in [1, 2, 5] {
        let parts = try await Self.inParts(
          rules, store, Ways(units: units, floor: floor, isParallel: units == 2))
        Self.expectSame(parts, whole, "seed \(seed)")
      }
    }
    #expect(findings > 100)
    #expect(reaches.count == 3, "\(reaches)")
  }

  /// A column that is empty in one part and filled in the others is judged over all of them.
  @Test(arguments: [40, 60])
  func fillIsJudgedOverAllParts(floor: Int) async throws {
    var store = PartedStore(seed: 4, stores: 2)
    var stores = store.stores
    for (k, value) in ["", "101"].enumerated() {
      var lines = stores[k].claims[.feeLines] ?? []
      for i in lines.indices {
        lines[i]["list_type"] = value
        lines[i]["cnt"] = "1"
        lines[i]["inscp_amt"] = "1"
        lines[i]["bkkp_sn"] = "\(i)"
      }
      stores[k].claims[.feeLines] = lines
    }
    store = PartedStore(stores: stores, registries: store.registries)
    let rules = DifferentialTests.rules.filter { $0.id == "CAT-01" }
    let whole = try Self.atOnce(rules, store, floor: floor)
    let parts = try await Self.inParts(rules, store, Ways(units: 2, floor: floor))
    Self.expectSame(parts, whole, "floor \(floor)")
    let row = try #require(whole.coverage.first)
    // About half of the lines have the column: neither part alone would be judged as the whole is.
    #expect(row.status == (floor == 40 ? .run : .notRunnable))
  }

  /// An overflow in one part stops the rule, whatever the others found.
  @Test func overflowInOnePartStopsTheRule() async throws {
    let store = PartedStore(seed: 9, stores: 3)
    let lineID = Expr.claim(binding: "line", path: [], column: "id", kind: .text)
    var rules: [Rule] = []
    for (id, factor) in [("A", Int64(1)), ("B", Int64.max)] {
      var rule = Rule()
      rule.id = id
      rule.status = .active
      rule.shape = .each(binding: "line", entity: .line)
      rule.key = [lineID]
      rule.cases = [VerdictCase(when: .boolean(true), verdict: .suspected, severity: .low, precedence: 1)]
      // Only lines of the second store are multiplied.
      rule.scope = .and([
        .compare(.greater, .claim(binding: "line", path: [], column: "A", kind: .money), .integer(1)),
        .startsWith(
          .claim(binding: "line", path: [], column: "psn_no", kind: .text), ["P1-1", "P2-1"]),
        .compare(
          .greater,
          .multiply(.claim(binding: "line", path: [], column: "A", kind: .money), .integer(factor)), .integer(0)),
      ])
      rules.append(rule)
    }
    let whole = try Self.atOnce(rules, store)
    let parts = try await Self.inParts(rules, store, Ways(units: 3))
    Self.expectSame(parts, whole, "overflow")
    #expect(whole.coverage.map(\.obstacle) == [nil, .overflow])
    #expect(whole.coverage[0].findings > 0)
  }

  /// Sums of a population that only together do not fit stop the rule, as they do over everything.
  @Test func factsAreAddedOfAllParts() async throws {
    let store = PartedStore(seed: 12, stores: 4)
    func rule(_ id: String, _ factor: Int64) -> Rule {
      var rule = Rule()
      rule.id = id
      rule.status = .active
      rule.shape = .each(binding: "line", entity: .line)
      rule.key = [.claim(binding: "line", path: [], column: "id", kind: .text)]
      rule.cases = [VerdictCase(when: .boolean(true), verdict: .suspected, severity: .low, precedence: 1)]
      let line = { (column: String) in Expr.claim(binding: "line", path: [], column: column, kind: .text) }
      let other = { (column: String, kind: ValueKind) in
        Expr.claim(binding: "o", path: [], column: column, kind: kind)
      }
      rule.populations = [
        Population(
          name: "p", binding: "o", entity: .line, condition: .boolean(true),
          match: [PairMatch(a: other("fixmedins_code", .text), b: line("fixmedins_code"))],
          values: [
            FormedValue(
              name: "sum", function: .sum, value: .multiply(other("A", .money), .integer(factor)), kind: .money),
            FormedValue(name: "n", function: .count, value: nil, kind: .integer),
            FormedValue(name: "low", function: .least, value: other("inscp_amt", .money), kind: .money),
            FormedValue(name: "high", function: .greatest, value: other("inscp_amt", .money), kind: .money),
            FormedValue(name: "persons", function: .countDistinct, value: other("psn_no", .text), kind: .integer),
            FormedValue(name: "kinds", function: .countDistinct, value: other("list_type", .text), kind: .integer),
            FormedValue(name: "the", function: .only, value: other("fixmedins_code", .text), kind: .text),
            FormedValue(name: "one", function: .only, value: other("list_type", .text), kind: .text),
          ])
      ]
      rule.condition = .compare(
        .greater, .fact(population: "p", value: "sum", kind: .money), .integer(0))
      return rule
    }
    // The dearest lines are 123.45 yuan: some of them fit in 63 bits, all of one institution do not.
    let rules = [rule("A", 1), rule("B", 500_000_000_000_000)]
    #expect(rules.allSatisfy { $0.reach == .personWithFacts })
    let whole = try Self.atOnce(rules, store)
    let parts = try await Self.inParts(rules, store, Ways(units: 4))
    Self.expectSame(parts, whole, "facts")
    #expect(whole.coverage.map(\.obstacle) == [nil, .overflow])
    #expect(whole.facts.count >= 16)
  }
}

extension PartedStore {
  init(stores: [RandomStore], registries: RandomStore) {
    self.stores = stores
    self.registries = registries
  }
}
