import Audit
import ClaimModel
import Diagnostics
import Foundation
import Intake
import Normalize
import Registries
import RulePacks

/// What the rules of a folder cost over a synthetic delivery (`yijian synth`), rule by rule and together, in CPU
/// nanoseconds a fee line: the least of several rounds over the same claims in units of whole persons. Fails unless the
/// units together give what `audit` gives over everything.
///
///     swift run -c release rules-benchmark DIR [ROUNDS] [UNITS] [RULE …]
@main struct RulesBenchmark {
  static func main() throws {
    let arguments = Array(CommandLine.arguments.dropFirst())
    guard let folder = arguments.first else {
      throw Diagnostic(.error, "benchmark.usage", "rules-benchmark DIR [ROUNDS] [UNITS] [RULE …]")
    }
    let rounds = arguments.dropFirst().first.flatMap { Int($0) } ?? 3
    let units = arguments.dropFirst(2).first.flatMap { Int($0) } ?? 4
    let wanted = Set(arguments.dropFirst(3))
    let rules = try rules("Pipelines/rules").filter { wanted.isEmpty || wanted.contains($0.id) }

    let base = CodeTable()
    let registries = try loadRegistries(folder: folder + "/registries", knowledge: ["Pipelines/knowledge"], codes: base)
    let shelf = RegistryShelf(registries, codes: base)
    let delivery = try Delivery(folder + "/batches", rules: rules)
    let inputs = try (0..<units).map { unit in
      AuditInput(
        claims: try delivery.claims(unit: unit, of: units, codes: CodeTable(copying: base)), registries: registries,
        fillFloorPercent: 50)
    }
    let lines = inputs.reduce(0) { $0 + $1.claims[.line].count }
    print("\(lines) fee lines that count, \(units) units, \(rounds) rounds")

    func cost(_ some: [Rule]) -> (nanoseconds: Double, findings: Int) {
      var least = Double.infinity
      var findings = 0
      for _ in 0..<rounds {
        let start = cpuNanoseconds()
        findings = 0
        for input in inputs { findings += auditPart(rules: some, input, shelf: shelf).findings }
        least = min(least, cpuNanoseconds() - start)
      }
      return (least / Double(lines), findings)
    }
    var sum = 0.0
    for rule in rules {
      let (ns, findings) = cost([rule])
      sum += ns
      print("\(rule.id): \(fixed(ns)) ns a line, \(findings) findings, \(rule.reach)")
    }
    let (ns, _) = cost(rules)
    print("together: \(fixed(ns)) ns a line; one by one \(fixed(sum))")

    guard wanted.isEmpty else { return }
    let withFacts = rules.filter { $0.reach == .personWithFacts }
    let everything = rules.filter { $0.reach == .everything }
    var thin = ThinClaims(for: everything)
    let start = cpuNanoseconds()
    for input in inputs { thin.append(input.claims) }
    let thinning = cpuNanoseconds()
    let facts = mergedFacts(inputs.map { factPart(rules: withFacts, $0, shelf: shelf) })
    let collecting = cpuNanoseconds()
    let own = rules.filter { $0.reach == .person }
    var parts = inputs.map { auditPart(rules: own, $0, shelf: shelf) }
    for input in inputs {
      var input = input
      input.facts = facts
      parts.append(auditPart(rules: withFacts, input, shelf: shelf))
    }
    parts.append(
      auditPart(
        rules: everything,
        AuditInput(claims: thin.claims(codes: CodeTable(copying: base)), registries: registries, fillFloorPercent: 50),
        shelf: shelf))
    print(
      "thin tables \(fixed((thinning - start) / Double(lines))), facts \(fixed((collecting - thinning) / Double(lines))) ns a line"
    )
    let found = try finish(parts, rules: rules, registries: registries, fillFloorPercent: 50)
    let whole = try audit(
      rules: rules,
      AuditInput(
        claims: try delivery.claims(unit: 0, of: 1, codes: CodeTable(copying: base)), registries: registries,
        fillFloorPercent: 50))
    for row in whole.coverage {
      print(
        "\(row.rule) \(row.status.rawValue) \(row.obstacle?.text ?? "") \(row.rowsInScope) \(row.rowsUnevaluable) \(row.findings) \(row.amountFen)"
      )
    }
    guard found.findings == whole.findings, found.coverage == whole.coverage, found.facts == whole.facts,
      found.suppressions == whole.suppressions
    else { throw Diagnostic(.error, "benchmark.differs", "the units found something else") }
    print("the same \(whole.findings.count) findings over everything at once")
  }

  private static func rules(_ folder: String) throws -> [Rule] {
    try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
      .filter { $0.hasSuffix(".yml") && !$0.hasSuffix(".test.yml") }.map { name in
        let text = try String(contentsOfFile: folder + "/" + name, encoding: .utf8)
        let (rule, problems) = parseRule(text: text, path: name)
        guard var rule else { throw Diagnostics(problems) }
        rule.status = .active
        return rule
      }
  }

  private static func cpuNanoseconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) * 1e9 + Double(time.tv_nsec)
  }

  private static func fixed(_ value: Double) -> String {
    let tenths = Int64((value * 10).rounded())
    return "\(tenths / 10).\(tenths % 10)"
  }
}

/// The good rows of a delivery, as fields blobs with the slice of their person.
final class Delivery {
  private var rows: [ClaimTable: [(slice: UInt16, segment: Int32, line: Int32, fields: [UInt8])]] = [:]
  private var segments: [SegmentIdentity] = []
  private let columns: [ClaimTable: Set<String>]

  init(_ folder: String, rules: [Rule]) throws {
    columns = neededColumns(rules: rules)
    for batch in try FileManager.default.contentsOfDirectory(atPath: folder).sorted() {
      for name in try FileManager.default.contentsOfDirectory(atPath: folder + "/" + batch).sorted() {
        let path = folder + "/" + batch + "/" + name
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int ?? 0
        try read(BatchFile(path: path, name: name, size: size), batch)
      }
    }
  }

  private func read(_ file: BatchFile, _ batch: String) throws {
    var table = ClaimTable.feeLines
    var person = 0
    let normalizer = FileNormalizer(
      fileName: file.name, latestSettlementTime: nil,
      onBegin: { [unowned self] layout, _ in
        table = layout.table
        person = table.index(of: "psn_no") ?? 0
        let present = Set(layout.columnOfField.compactMap { $0 }.map { table.columns[$0].name })
        segments.append(
          SegmentIdentity(
            batch: batch, file: file.name,
            missingColumns: Set(table.columns.map(\.name)).subtracting(present)))
      },
      accept: { [unowned self] line, _, fields in
        let psn = FieldsBlob.decode(fields)
        let slice = psn.count > person ? Array(psn[person].utf8).withUnsafeBytes { PersonSlice.of($0) } : 0
        rows[table, default: []].append((slice, Int32(segments.count - 1), line, Array(fields)))
      })
    _ = try readClaimFile(file, consumer: normalizer)
  }

  /// The claims that count of the persons of a unit.
  func claims(unit: Int, of units: Int, codes: CodeTable) throws -> EffectiveClaims {
    var raw: [ClaimTable: RawRows] = [:]
    for (table, rows) in rows {
      var loader = RowLoader(table: table, columns: columns[table] ?? [], codes: codes)
      for row in rows where Int(row.slice) * units >> 16 == unit {
        row.fields.withUnsafeBytes { loader.append(segment: row.segment, line: row.line, fields: $0) }
      }
      raw[table] = loader.finish()
    }
    return try effectiveClaims(
      NormalizationInput(raw: raw, segments: segments, codes: codes, linksPersons: false)
    ).claims
  }
}
