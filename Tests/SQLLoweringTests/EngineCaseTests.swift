import Audit
import ClaimModel
import Diagnostics
import Foundation
import Normalize
import Registries
import RulePacks
import SQLLowering
import Testing

/// Writes what `make test-engines` runs in DuckDB and Spark: cases as rows, what the native engine finds in each, and
/// every rule's SQL. Only when YIJIAN_ENGINE_CASES names a folder.
struct EngineCaseTests {
  static let folder = ProcessInfo.processInfo.environment["YIJIAN_ENGINE_CASES"]
  static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  /// A rule as some cases need it: tests may set its parameters.
  private struct Variant {
    var id: String
    var rule: Rule
    /// Findings by case.
    var expected: [String: [[Any]]] = [:]
  }

  @Test(.enabled(if: EngineCaseTests.folder != nil, "only for make test-engines"))
  func writeCases() throws {
    let folder = URL(fileURLWithPath: Self.folder ?? "")
    var cases: [[String: Any]] = []
    var variants: [Variant] = DifferentialTests.rules.map { Variant(id: $0.id, rule: $0) }

    func add(_ id: String, _ loaded: RandomStore.Loaded, _ rules: [Int], floor: Bool) throws {
      var tables: [String: Any] = [:]
      // Without the registry the shipped classes hold, and evidence says them.
      if loaded.registries["med_type_b"] == nil, let schema = RegistrySchema.named("med_type_b") {
        for row in MedTypeRow.shipped {
          try loaded.evidence.insert(
            EvidenceSchema.table(of: schema),
            [
              "med_type": .text(row.medType), "visit_class": .text(row.visitClass), "opsp_flag": .text(row.opspFlag),
              "reg_flag": .text(row.regFlag),
              "begndate": (row.beginDay ?? CivilTime.day(year: 1, month: 1, day: 1)).map { .integer($0) } ?? .null,
              "enddate": row.endDay.map { .integer($0) } ?? .null, "basis": .text("shipped"),
              "is_ambiguous": .integer(row.isAmbiguous ? 1 : 0),
            ])
        }
      }
      for table in EvidenceSchema.read {
        let rows = try loaded.evidence.rows("SELECT x.* FROM \(table.name) x ORDER BY x.rowid")
        if !rows.isEmpty { tables[table.name] = rows.map { $0.map(Self.json) } }
      }
      cases.append(["id": id, "tables": tables])
      for place in rules {
        var input = AuditInput(claims: loaded.normalized.claims, registries: loaded.registries)
        if !floor { input.fillFloorPercent = 0 }
        let result = try audit(rules: [variants[place].rule], input)
        if result.coverage.contains(where: { $0.status == .notRunnable }) { continue }
        variants[place].expected[id] = result.findings.map { finding in
          [
            finding.key, finding.verdict.rawValue, finding.amountFen, finding.fundFen,
            finding.claims.map { "\($0.unit)=\($0.fen)" }.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
              .joined(separator: ";"),
          ]
        }
      }
    }

    // Random data with nulls in every nullable column.
    let hasPlanted = ProcessInfo.processInfo.environment["YIJIAN_ENGINE_PLANTED"] != nil
    let count = Int(ProcessInfo.processInfo.environment["YIJIAN_ENGINE_SEEDS"] ?? "") ?? 60
    for seed in 0..<count {
      try add(
        "random-\(seed)", RandomStore(seed: UInt64(seed)).load(), Array(DifferentialTests.rules.indices), floor: false)
    }
    // Rules of random conditions, each over a few stores.
    for seed in 0..<4 {
      var random = RandomRule(seed: UInt64(seed))
      let rules = (0..<4).map { random.rule("R-\(seed)-\($0)") }
      let first = variants.count
      variants += rules.map { Variant(id: $0.id, rule: $0) }
      for store in 0..<5 {
        try add(
          "random-rule-\(seed)-\(store)", RandomStore(seed: UInt64(2000 + seed * 10 + store)).load(),
          Array(first..<variants.count), floor: false)
      }
    }
    // The tests beside the rules; a test may set parameters of its rule.
    let rules = Self.root.appendingPathComponent("Pipelines/rules")
    for name in try FileManager.default.contentsOfDirectory(atPath: rules.path).sorted()
    where name.hasSuffix(".test.yml") {
      let text = try String(contentsOf: rules.appendingPathComponent(name), encoding: .utf8)
      let file = try RuleTestFile(text: text, path: name)
      for (place, test) in file.tests.enumerated() where test.notRunnable == nil && test.incomplete.isEmpty {
        guard let base = variants.first(where: { $0.id == file.rule })?.rule else { continue }
        var rule = try test.applied(to: base)
        rule.status = .active
        var at = variants.firstIndex { $0.id == file.rule } ?? 0
        if !test.parameters.isEmpty {
          let shown = "\(rule.parameters)"
          if let same = variants.firstIndex(where: { $0.rule.id == file.rule && "\($0.rule.parameters)" == shown }) {
            at = same
          } else {
            at = variants.count
            variants.append(Variant(id: "\(file.rule)+\(variants.count)", rule: rule))
          }
        }
        try add("\(file.rule) test \(place + 1)", try Self.store(of: test).load(excluded: []), [at], floor: false)
      }
    }
    // The planted sample, unpacked by the lane.
    if let path = ProcessInfo.processInfo.environment["YIJIAN_ENGINE_PLANTED"] {
      let data = try Data(contentsOf: URL(fileURLWithPath: path))
      let read = try JSONDecoder().decode([String: [[String: String]]].self, from: data)
      var store = RandomStore()
      for table in ClaimTable.allCases {
        let known = Set(table.columns.map(\.name))
        store.claims[table] = (read[table.name] ?? []).map { row in row.filter { known.contains($0.key) } }
      }
      for schema in RegistrySchema.all { store.registries[schema.name] = read[schema.name] }
      store.registries["hosp_lv_rank"] = store.registries["hosp_lv_rank"] ?? Self.ranks
      try add("planted", store.load(), Array(DifferentialTests.rules.indices), floor: true)
    }

    for dialect in Dialect.all {
      let own = folder.appendingPathComponent(dialect.id)
      try FileManager.default.createDirectory(at: own, withIntermediateDirectories: true)
      func write(_ text: String, _ name: String) throws {
        try Data(text.utf8).write(to: own.appendingPathComponent(name + ".sql"))
      }
      for (suffix, dialect) in [("", dialect.over(cases: "case_id")), (".plain", dialect)] {
        try write(
          EvidenceSchema.read.map { table in
            ([EvidenceSchema.createSQL(table, dialect: dialect)] + (dialect.id == "sqlite" ? table.indexSQL : []))
              .joined(separator: "\n")
          }.joined(separator: "\n"),
          "schema" + suffix)
        try write(preludeSQL(dialect: dialect, persons: true), "prelude" + suffix)
        for variant in variants {
          // A random rule may be one that an engine can't express; a shipped rule must not be.
          var text: String?
          do { text = try ruleSQL(variant.rule, dialect: dialect) } catch {
            #expect(variant.id.hasPrefix("R-") && error.all.allSatisfy { $0.code == "sql.unsupported" }, "\(error)")
          }
          if let text { try write(text, variant.id + suffix) }
        }
      }
    }
    let all: [String: Any] = [
      "tables": EvidenceSchema.read.map { table in
        ["name": table.name, "columns": table.columns.map { [$0.name, $0.type] }] as [String: Any]
      },
      "cases": cases,
      "variants": variants.map { ["id": $0.id, "rule": $0.rule.id, "expected": $0.expected] as [String: Any] },
    ]
    let data = try JSONSerialization.data(withJSONObject: all, options: [.sortedKeys])
    try data.write(to: folder.appendingPathComponent("cases.json"))
    #expect(cases.count >= count)
    // A comparison of nothing with nothing proves nothing.
    for variant in variants.prefix(DifferentialTests.rules.count) {
      for kind in ["random-", variant.id + " test ", "planted"] where kind != "planted" || hasPlanted {
        let found = variant.expected.filter { $0.key.hasPrefix(kind) }.map(\.value.count).reduce(0, +)
        #expect(found > 0, "\(variant.id) has no finding in the cases \(kind)…")
      }
    }
  }

  private static func json(_ value: EvidenceDatabase.Value) -> Any {
    switch value {
    case .null: NSNull()
    case .integer(let v): v
    case .real(let v): v
    case .text(let v): v
    }
  }

  /// A rule test's tables as rows by column, with the sets that hold where it gives none.
  private static func store(of test: RuleTest) throws -> RandomStore {
    var store = RandomStore()
    for table in ClaimTable.allCases {
      guard let given = test.tables[table.name] else { continue }
      store.claims[table] = given.rows.map { row in
        var fields = ["vali_flag": "1"]
        for (name, text) in zip(given.header, row) { fields[name] = text }
        return fields
      }
    }
    for (name, table) in test.registries {
      let required = RegistrySchema.named(name)?.columns.filter(\.required).map(\.name) ?? []
      store.registries[name] = table.rows.map { row in
        var fields: [String: String] = [:]
        for (column, text) in zip(table.header, row) { fields[column] = text }
        for column in required where fields[column] == nil { fields[column] = column == "begndate" ? "2000-01-01" : "" }
        return fields
      }
    }
    store.registries["hosp_lv_rank"] = store.registries["hosp_lv_rank"] ?? ranks
    return store
  }

  /// The shipped ranks of hospital levels, as Pipelines/knowledge/hosp_lv_rank.csv has them.
  private static let ranks: [[String: String]] = (1...14).map { level in
    let rank =
      switch level {
      case 1...4, 12: 3
      case 5...7, 13: 2
      case 8...10, 14: 1
      default: 0
      }
    return ["hosp_lv": level < 10 ? "0\(level)" : "\(level)", "rank": "\(rank)"]
  }
}
