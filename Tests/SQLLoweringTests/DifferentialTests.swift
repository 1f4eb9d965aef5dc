import Audit
import ClaimModel
import Foundation
import Normalize
import Registries
import RulePacks
import SQLLowering
import Testing

/// The native engine and SQLite over the same random stores: where they differ, one of them is wrong.
struct DifferentialTests {
  /// The shipped rules, in byte order of their ids.
  static let rules: [Rule] = {
    let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Pipelines/rules")
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
    return names.filter { $0.hasSuffix(".yml") && !$0.contains(".test.") }.compactMap { name in
      let text = try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)
      // A draft is compared like the others.
      return text.flatMap { parseRule(text: $0, path: name).0 }.map { rule in
        var rule = rule
        rule.status = .active
        return rule
      }
    }.sorted { $0.id < $1.id }
  }()

  @Test func theTenRulesAreThere() {
    #expect(
      Self.rules.map(\.id) == [
        "ADM-01", "ADM-02", "ADM-05", "ADM-06", "ADM-09", "CAT-01", "CAT-03", "CHR-01", "CHR-03", "CHR-04",
      ])
  }

  @Test(arguments: 0..<20)
  func bothEnginesAgree(_ block: Int) throws {
    for seed in (block * 10)..<(block * 10 + 10) {
      let loaded = try RandomStore(seed: UInt64(seed)).load()
      try loaded.evidence.run(preludeSQL())
      try compareRows(loaded, "seed \(seed)")
      try compare(Self.easedRules, loaded, "seed \(seed)")
    }
  }

  /// Rules of random conditions, so that every form of expression meets nulls in both engines.
  @Test(arguments: 0..<10)
  func randomRulesAgree(_ block: Int) throws {
    for seed in (block * 5)..<(block * 5 + 5) {
      let loaded = try RandomStore(seed: UInt64(1000 + seed)).load()
      try loaded.evidence.run(preludeSQL(persons: true))
      var random = RandomRule(seed: UInt64(seed))
      let rules = (0..<6).map { random.rule("R-\(seed)-\($0)") }
      try compare(rules, loaded, "seed \(seed)")
    }
  }

  /// Facts whose subqueries compare with the row outside, or with that row joined inside, as for Spark.
  @Test func factsAreTheSameWhereNothingIsComparedOutward() throws {
    var inside = Dialect.sqlite
    inside.comparesOutward = false
    var compared: Set<String> = []
    for seed in 0..<20 {
      let loaded = try RandomStore(seed: UInt64(seed)).load()
      try loaded.evidence.run(preludeSQL())
      for rule in Self.rules {
        for population in rule.populations {
          let outward = try populationSQL(population, of: rule)
          let joined = try populationSQL(population, of: rule, dialect: inside)
          let facts = try loaded.evidence.texts(outward + " ORDER BY 1")
          #expect(try loaded.evidence.texts(joined + " ORDER BY 1") == facts, "\(rule.id), seed \(seed)")
          // A fact of which no day was posted would be the same whatever the comparison.
          if outward != joined, facts.contains(where: { !$0.hasSuffix("|0") }) { compared.insert(rule.id) }
        }
      }
    }
    #expect(compared == ["ADM-06"])
  }

  /// The rules with lower thresholds, so that small stores reach them.
  static let easedRules: [Rule] = rules.map { rule in
    let eased: [String: Int64] = [
      "posting_stays": 1, "posting_percent": 20, "min_nights": 2, "idle_days": 1, "difference": 30_000, "over_days": 2,
      "over_percent": 60, "most_days": 2, "severe_days": 4,
    ]
    var rule = rule
    for i in rule.parameters.indices {
      guard let value = eased[rule.parameters[i].name] else { continue }
      for j in rule.parameters[i].values.indices { rule.parameters[i].values[j].value = value }
    }
    // Drug codes of the random stores are short.
    for i in rule.lookups.indices {
      for j in rule.lookups[i].keys.indices {
        switch rule.lookups[i].keys[j].match {
        case .beginsWithColumn: rule.lookups[i].keys[j].match = .beginsWithColumn(atLeast: 2)
        case .length: rule.lookups[i].keys[j].match = .length(atLeast: 2)
        case .equal, .anyOf: break
        }
      }
    }
    return rule
  }

  @Test(arguments: 0..<12)
  func randomShapesAgree(_ block: Int) throws {
    for seed in (block * 5)..<(block * 5 + 5) {
      let loaded = try RandomStore(seed: UInt64(2000 + seed)).load()
      try loaded.evidence.run(preludeSQL(persons: true))
      var random = RandomRule(seed: UInt64(seed))
      var rules = (0..<12).map { random.shapeRule("S-\(seed)-\($0)", $0 % 6) }
      rules += (0..<3).map { random.chainedLookupRule("L-\(seed)-\($0)") }
      try compare(rules, loaded, "seed \(seed)")
    }
  }

  /// Random rules of each shape must find enough to be worth comparing.
  @Test(arguments: 0..<6)
  func everyShapeFinds(_ shape: Int) throws {
    var findings = 0
    for seed in 0..<30 {
      let loaded = try RandomStore(seed: UInt64(2000 + seed)).load()
      var random = RandomRule(seed: UInt64(seed))
      let rules = (0..<4).map { random.shapeRule("S-\(seed)-\($0)", shape) }
      findings += try audit(
        rules: rules, AuditInput(claims: loaded.normalized.claims, registries: loaded.registries)
      ).findings.filter { $0.verdict != .lead }.count
    }
    #expect(findings >= 10)
  }

  private func compareRows(_ loaded: RandomStore.Loaded, _ place: String) throws {
    let codes = loaded.normalized.claims.codes
    for (entity, table) in [(Entity.line, "counting_line"), (.settlement, "counting_settlement"), (.stay, "stay")] {
      let native = loaded.normalized.claims[entity]
      let key = entity == .line ? "id" : entity == .settlement ? "setl_id" : "mdtrt_id"
      let net = entity == .line ? ["cnt", "det_item_fee_sumamt", "inscp_amt", "preselfpay_amt", "pric"] : []
      let names = [key] + entity.derived.map(\.name) + net
      let expected = (0..<native.count).map { row in
        names.map { name -> String in
          switch native.columns[name] {
          case .text(let v): v[row] == CodeTable.null ? "∅" : codes.text(v[row])
          case .number(let v): v[row] == ColumnData.null ? "∅" : String(v[row])
          case nil: "∅"
          }
        }.joined(separator: "|")
      }
      let found = try loaded.evidence.texts("SELECT \(names.map { "x." + $0 }.joined(separator: ", ")) FROM \(table) x")
      #expect(found.sorted() == expected.sorted(), "\(place) \(entity)")
    }
  }

  /// Random stores must reach every rule often enough to be worth comparing.
  @Test func everyRuleFires() throws {
    var counts: [String: Int] = [:]
    for seed in 0..<40 {
      let loaded = try RandomStore(seed: UInt64(seed)).load()
      let result = try audit(
        rules: Self.easedRules, AuditInput(claims: loaded.normalized.claims, registries: loaded.registries))
      for finding in result.findings { counts[finding.rule + " " + finding.verdict.rawValue, default: 0] += 1 }
    }
    for name in [
      "ADM-01 可疑", "ADM-02 可疑", "ADM-02 线索", "CAT-01 明确违规", "CAT-01 可疑", "CAT-03 明确违规", "CAT-03 可疑",
      "CHR-04 可疑", "CHR-04 线索", "ADM-05 可疑", "ADM-05 线索", "ADM-06 可疑", "ADM-09 可疑", "CHR-01 可疑", "CHR-01 线索",
      "CHR-03 可疑",
    ] {
      #expect(counts[name, default: 0] >= 2, "\(name): \(counts)")
    }
  }

  private func compare(_ rules: [Rule], _ loaded: RandomStore.Loaded, _ place: String) throws {
    let result = try audit(
      rules: rules, AuditInput(claims: loaded.normalized.claims, registries: loaded.registries))
    #expect(result.diagnostics.isEmpty)
    for rule in rules {
      try loaded.evidence.run(try ruleSQL(rule))
      let findings = result.findings.filter { $0.rule == rule.id }
      let expected = findings.map {
        "\($0.rule)|\($0.key)|\($0.subjectType.rawValue)|\($0.subject)|\($0.verdict.rawValue)|\($0.precedence)"
          + "|\($0.amountFen)|\($0.fundFen)"
      }.sorted()
      let found = try loaded.evidence.texts("SELECT * FROM \"\(rule.id) findings\"").sorted()
      #expect(found == expected, "\(place) \(rule.id) \(found == expected ? "" : "\(rule)")")
      let claims = findings.flatMap { finding in
        finding.claims.map {
          "\(finding.rule)|\(finding.key)|\($0.unit)|\($0.fen)|\($0.fixmedinsCode)|\($0.psnNo)|\($0.practitioner)"
        }
      }.sorted()
      let claimed = try loaded.evidence.texts("SELECT * FROM \"\(rule.id) claims\"").sorted()
      #expect(claimed == claims, "\(place) \(rule.id) claims")
    }
  }
}
