import Audit
import ClaimModel
import ClaimStore
import Diagnostics
import Foundation
import Normalize
import Registries
import Reporting
import RulePacks
import SQLLowering

/// Evaluates rules with Spark: it says which findings there are and for how much, over the parts of the store; the
/// persons whom they concern are then loaded and evaluated here, which gives the findings whole. The two must agree.
///
/// What only everybody's rows can tell (facts of populations, rows of rules about more than one person, coverage) comes
/// from Spark. See Documentation/spark.md.
struct SparkEvaluation {
  let evaluation: ClaimEvaluation
  let ledger: Ledger
  let segments: [LiveSegment]
  let setting: SparkSetting
  let printer: EventPrinter

  /// Persons that are loaded together, about.
  private static let personsPerUnit = 20_000

  /// A finding as SQL gives it.
  private struct Found: Hashable {
    var verdict: [UInt8]
    var subject: [UInt8]
    var amountFen: Int64?
    var fundFen: Int64?
  }

  private var active: [Rule] { evaluation.rules.filter { $0.status == .active || $0.status == .shadow } }

  /// - Throws: `engine.…`, `store.…`, `normalize.overflow`, `sql.unsupported`.
  func run() throws -> ClaimEvaluation.Outcome {
    let registries = evaluation.shelf.registries
    let rules = active.filter {
      obstacleToRunning($0, registries: registries, incompleteTables: evaluation.incompleteTables) == nil
    }
    let whole = rules.filter { $0.reach == .everything }
    let thin = thinColumns(of: whole)
    var columns: [ClaimTable: Set<String>] = [:]
    for table in ClaimTable.allCases {
      columns[table] = StoreState.neededColumns(rules, table).union(["psn_no", "mdtrt_id"])
        .intersection(table.columns.map(\.name))
    }
    let script = try storeScript(
      rules: rules, whole: Set(whole.map(\.id)), columns: columns,
      thin: thin.map { ThinRows(entity: $0.entity, columns: $0.columns, parents: $0.parents) },
      listed: Rejects.listedPerCode)
    let job = try SparkJob(
      script, ledger: ledger, live: segments, ofBatch: evaluation.ofBatch, registries: registries,
      codes: evaluation.codes, excludedSetlTypes: evaluation.excludedSetlTypes)
    do {
      let status = try SparkSubmit(setting: setting, job: job, printer: printer).run()
      let outcome = try evaluate(rules, job, status)
      job.remove()
      return outcome
    } catch {
      job.removeRows()
      throw error
    }
  }

  private func evaluate(_ rules: [Rule], _ job: SparkJob, _ status: SparkJob.Status) throws -> ClaimEvaluation.Outcome {
    let ofPersons = rules.filter { $0.reach == .person }
    let withFacts = rules.filter { $0.reach == .personWithFacts }
    let whole = rules.filter { $0.reach == .everything }
    let groups = try homeGroups(job, status)
    let facts = try populationFacts(withFacts, job, status)

    // The persons concerned, here.
    let units = Self.units(groups)
    let parts = try evaluate(units, ofPersons, withFacts, facts)
    var audit = AuditPart()
    var homes: [String: Set<UInt16>] = [:]
    for part in parts {
      audit.append(part.audit)
      homes.merge(part.homes) { $0.union($1) }
    }
    let ambiguous = rulesWithSharedKeys(parts.map(\.audit))
    if !ambiguous.isEmpty {
      let again = rules.filter { ambiguous.contains($0.id) }
      var all = ThinClaims(for: again)
      for unit in units {
        let codes = CodeTable(copying: evaluation.codes)
        all.append(try load(unit, codes).claims)
      }
      var input = auditInput(all.claims(codes: CodeTable(copying: evaluation.codes)))
      input.facts = facts
      audit = audit.without(ambiguous)
      audit.append(auditPart(rules: again, input, shelf: evaluation.shelf))
    }
    // Rules about more than one person, over the few columns of everybody that they read.
    var thin: EffectiveClaims?
    if !whole.isEmpty {
      let claims = try thinClaims(whole, job, status)
      audit.append(auditPart(rules: whole, auditInput(claims), shelf: evaluation.shelf))
      thin = claims
    }

    for rule in rules { try compare(rule, audit, job, status) }
    for rule in rules {
      let counts = try counts(rule, job, status)
      if rule.reach == .everything, audit.counts(of: rule.id) != counts {
        throw differs(rule, "the rows looked at")
      }
      audit.setCounts(counts, of: rule.id)
    }
    let result = try finish(
      [audit], rules: evaluation.rules, registries: evaluation.shelf.registries,
      fillFloorPercent: evaluation.fillFloor, incompleteTables: evaluation.incompleteTables)
    return ClaimEvaluation.Outcome(
      result: result, figures: try figures(job, status), units: units.count,
      straddling: Set(groups.filter { $0.count > 1 }.flatMap { $0.map(\.slice) }).sorted(), homes: homes, thin: thin)
  }

  // MARK: Persons concerned

  /// Those of hits, those that an exemption excused included, with whoever shares an id with them.
  private func homeGroups(_ job: SparkJob, _ status: SparkJob.Status) throws -> [[RowHome]] {
    func home(_ kind: [UInt8]?, _ id: [UInt8]?) -> RowHome {
      RowHome(isPerson: kind?.elementsEqual([UInt8(ascii: "p")]) == true, id: id ?? [])
    }
    var wanted: Set<RowHome> = []
    try job.read(StoreScript.homesOutput, status) { wanted.insert(home($0[0], $0[1])) }
    wanted.formUnion(try controls())
    var shared = SharedHomes()
    try job.read(StoreScript.sharedOutput, status) { fields in
      shared.add(home(fields[2], fields[3]), kind: fields[0] ?? [], id: fields[1] ?? [])
    }
    return shared.groups(of: wanted)
  }

  /// Everybody of every 1,024th slice: whom Spark does not name is looked at here too, one in a thousand.
  private func controls() throws -> Set<RowHome> {
    let first = segments.count % Self.controlStep
    let slices = Set(stride(from: first, to: PersonSlice.count, by: Self.controlStep).map { UInt16($0) })
    let reader = try StoreReader(
      ledger, live: segments,
      columns: Dictionary(uniqueKeysWithValues: ClaimTable.allCases.map { ($0, ["psn_no", "mdtrt_id"]) }))
    let codes = CodeTable()
    var homes: Set<RowHome> = []
    for rows in try reader.load(slices: slices, codes: codes).values {
      let persons = rows.columns["psn_no"]?.codes ?? []
      let visits = rows.columns["mdtrt_id"]?.codes ?? []
      for row in rows.origin.indices {
        let isPerson = persons[row] != CodeTable.null
        homes.insert(
          codes.withBytes(isPerson ? persons[row] : visits[row]) { RowHome(isPerson: isPerson, id: Array($0)) })
      }
    }
    return homes
  }

  private static let controlStep = 1024

  /// Groups in units of about so many homes; a group is never cut.
  private static func units(_ groups: [[RowHome]]) -> [[RowHome]] {
    var units: [[RowHome]] = []
    for group in groups {
      if let last = units.last, last.count + group.count <= personsPerUnit {
        units[units.count - 1] += group
      } else {
        units.append(group)
      }
    }
    return units
  }

  private struct Part: Sendable {
    var audit: AuditPart
    var homes: [String: Set<UInt16>]
  }

  private func evaluate(
    _ units: [[RowHome]], _ ofPersons: [Rule], _ withFacts: [Rule], _ facts: PopulationFacts
  ) throws -> [Part] {
    if units.isEmpty {
      // Rules without a hit are looked at all the same, or they would have no coverage.
      let claims = EffectiveClaims(codes: CodeTable(copying: evaluation.codes), tables: [:])
      var input = auditInput(claims)
      input.facts = facts
      return [Part(audit: auditPart(rules: ofPersons + withFacts, input, shelf: evaluation.shelf), homes: [:])]
    }
    return try inParallel(units.count, jobs: evaluation.jobs, worker: {}) { i, _ in
      let claims = try load(units[i], CodeTable(copying: evaluation.codes)).claims
      var input = auditInput(claims)
      input.facts = facts
      let audit = auditPart(rules: ofPersons + withFacts, input, shelf: evaluation.shelf)
      return Part(audit: audit, homes: findingHomes(audit.allFindings, claims))
    }
  }

  private func load(_ homes: [RowHome], _ codes: CodeTable) throws -> Normalized {
    let needed = StoreState.columns(evaluation.rules, delivered: false)
    let reader = try StoreReader(
      ledger, live: segments, columns: needed.mapValues { $0?.union(["psn_no", "mdtrt_id"]) })
    var raw = try reader.load(slices: Set(homes.map(\.slice)), codes: codes)
    // Others of these slices may have rows elsewhere, and are not asked about.
    func interned(_ homes: some Sequence<RowHome>) -> Set<UInt32> {
      Set(homes.map { home in home.id.withUnsafeBytes { codes.intern($0) } })
    }
    let persons = interned(homes.lazy.filter(\.isPerson))
    let visits = interned(homes.lazy.filter { !$0.isPerson })
    for (table, rows) in raw {
      let own = rows.columns["psn_no"]?.codes ?? []
      let visit = rows.columns["mdtrt_id"]?.codes ?? []
      raw[table] = rows.selecting(
        rows.origin.indices.filter { row in
          own[row] == CodeTable.null ? visits.contains(visit[row]) : persons.contains(own[row])
        })
    }
    return try effectiveClaims(
      NormalizationInput(
        raw: raw, segments: segments.identities,
        medTypes: evaluation.shelf.registries["med_type_b"].map { StoreState.medTypes($0, evaluation.codes) },
        excludedSetlTypes: evaluation.excludedSetlTypes, codes: codes,
        linksPersons: active.contains(where: \.readsPersons), namesLines: false))
  }

  private func auditInput(_ claims: EffectiveClaims) -> AuditInput {
    AuditInput(
      claims: claims, registries: evaluation.shelf.registries, fillFloorPercent: evaluation.fillFloor,
      incompleteTables: evaluation.incompleteTables)
  }

  // MARK: What everybody's rows tell

  private func populationFacts(_ rules: [Rule], _ job: SparkJob, _ status: SparkJob.Status) throws -> PopulationFacts {
    var known: [Population: [(match: [KnownFact], values: [KnownFact])]] = [:]
    for rule in rules {
      for population in rule.populations {
        let name = StoreScript.factsOutput(rule.id, population.name)
        let columns = job.script.outputs.first { $0.name == name }?.columns ?? []
        var groups: [(match: [KnownFact], values: [KnownFact])] = []
        try job.read(name, status) { fields in
          let values = try zip(fields, columns).map { field, column -> KnownFact in
            guard let field else { return .null }
            return column.isText ? .text(field) : .number(try number(field, name, job))
          }
          let matched = population.match.count
          groups.append((Array(values.prefix(matched)), Array(values.dropFirst(matched))))
        }
        known[population] = groups
      }
    }
    return PopulationFacts(known: known)
  }

  /// The rows that rules about more than one person read, as claims.
  private func thinClaims(_ rules: [Rule], _ job: SparkJob, _ status: SparkJob.Status) throws -> EffectiveClaims {
    let codes = CodeTable()
    var tables: [Entity: EntityTable] = [:]
    var keys: [Entity: [UInt32: Int32]] = [:]
    var links: [Entity: [Entity: [UInt32]]] = [:]
    let thin = thinColumns(of: rules)
    for (entity, columns, parents) in thin {
      var texts = [String: [UInt32]](
        uniqueKeysWithValues: columns.filter { entity.kind(of: $0) == .text }.map { ($0, []) })
      var numbers = [String: [Int64]](uniqueKeysWithValues: columns.filter { texts[$0] == nil }.map { ($0, []) })
      var parentKeys = [Entity: [UInt32]](uniqueKeysWithValues: parents.map { ($0, []) })
      var count = 0
      let name = StoreScript.thinOutput(entity)
      func code(_ field: [UInt8]?) -> UInt32 { field.map { $0.withUnsafeBytes { codes.intern($0) } } ?? CodeTable.null }
      try job.read(name, status) { fields in
        for (column, field) in zip(columns, fields) {
          if texts[column] != nil {
            texts[column]?.append(code(field))
          } else {
            numbers[column]?.append(try field.map { try number($0, name, job) } ?? ColumnData.null)
          }
        }
        for (parent, field) in zip(parents, fields.dropFirst(columns.count)) { parentKeys[parent]?.append(code(field)) }
        count += 1
      }
      tables[entity] = EntityTable(
        entity: entity, count: count,
        columns: texts.mapValues { .text($0) }.merging(numbers.mapValues { .number($0) }) { $1 })
      links[entity] = parentKeys
      var rows: [UInt32: Int32] = [:]
      for (row, id) in (texts[Self.key(of: entity)] ?? []).enumerated() { rows[id] = Int32(row) }
      keys[entity] = rows
    }
    for (entity, own) in links {
      for (parent, ids) in own {
        let rows = keys[parent] ?? [:]
        tables[entity]?.parent[parent] = ids.map { $0 == CodeTable.null ? -1 : rows[$0] ?? -1 }
      }
    }
    var result = ThinClaims(for: rules)
    result.append(EffectiveClaims(codes: codes, tables: tables))
    return result.claims(codes: CodeTable(copying: evaluation.codes))
  }

  /// The column by which rows of others name a row.
  private static func key(of entity: Entity) -> String {
    switch entity {
    case .line: "id"
    case .settlement: "setl_id"
    case .visit, .stay: "mdtrt_id"
    case .diagnosis: "setl_list_diag_id"
    case .person: "psn_no"
    }
  }

  private func counts(_ rule: Rule, _ job: SparkJob, _ status: SparkJob.Status) throws -> AuditPart.Counts {
    let name = StoreScript.coverageOutput(rule.id)
    var values: [Int] = []
    try job.read(name, status) { fields in
      values = try fields.map { try $0.map { Int(try number($0, name, job)) } ?? 0 }
    }
    guard values.count == 2 + 2 * rule.fill.count else { throw job.bad(name, "it has no line") }
    // Natively nothing is counted where there is no floor.
    let fill =
      evaluation.fillFloor > 0
      ? rule.fill.indices.map { (values[2 + 2 * $0], values[3 + 2 * $0]) } : rule.fill.map { _ in (0, 0) }
    return AuditPart.Counts(
      rowsInScope: values[0], rowsUnevaluable: values[1], fillRows: fill.map(\.0), filledRows: fill.map(\.1))
  }

  /// What the report says of rows and fen, as Spark has counted it.
  private func figures(_ job: SparkJob, _ status: SparkJob.Status) throws -> UnitFigures {
    var figures = UnitFigures(segments: segments.count)
    func rows(_ name: String, _ body: ([String?], [Int64?]) throws -> Void) throws {
      let columns = job.script.outputs.first { $0.name == name }?.columns ?? []
      try job.read(name, status) { fields in
        var texts: [String?] = []
        var numbers: [Int64?] = []
        for (field, column) in zip(fields, columns) {
          if column.isText {
            texts.append(field.map { String(decoding: $0, as: UTF8.self) })
          } else {
            numbers.append(try field.map { try number($0, name, job) })
          }
        }
        try body(texts, numbers)
      }
    }
    func fate(_ texts: [String?], at place: Int, _ name: String) throws -> (ClaimTable, Disposition) {
      guard let table = ClaimTable(name: texts[0] ?? ""),
        let disposition = Disposition.allCases.first(where: { $0.reason == texts[place] })
      else { throw job.bad(name, "a table or reason is none of ours") }
      return (table, disposition)
    }
    func segment(_ number: Int64?, _ name: String) throws -> Int32 {
      guard let number, segments.indices.contains(Int(number)) else { throw job.bad(name, "a segment is none of ours") }
      return Int32(number)
    }
    try rows(StoreScript.fatesOutput) { texts, numbers in
      let (table, disposition) = try fate(texts, at: 1, StoreScript.fatesOutput)
      figures.add(
        rows: Int(numbers[1] ?? 0), table, disposition, segment: try segment(numbers[0], StoreScript.fatesOutput))
    }
    try rows(StoreScript.asideOutput) { texts, numbers in
      let (table, disposition) = try fate(texts, at: 1, StoreScript.asideOutput)
      figures.list(
        table, disposition, segment: try segment(numbers[0], StoreScript.asideOutput), line: Int32(numbers[1] ?? 0),
        byteOffset: numbers[2] ?? 0)
    }
    try rows(StoreScript.sumsOutput) { texts, numbers in
      let (table, disposition) = try fate(texts, at: 2, StoreScript.sumsOutput)
      figures.add(
        fen: numbers[0] ?? 0, net: numbers[1] ?? 0, table, column: texts[1] ?? "", disposition)
    }
    try rows(StoreScript.settlementsOutput) { _, numbers in
      figures.setSettlements(
        checked: Int(numbers[0] ?? 0), notComparable: Int(numbers[1] ?? 0), paidFen: numbers[2] ?? 0)
    }
    try rows(StoreScript.differencesOutput) { texts, numbers in
      figures.addDifference(texts[0] ?? "", expected: numbers[0] ?? 0, found: numbers[1] ?? 0)
    }
    try rows(StoreScript.unknownOutput) { texts, numbers in
      figures.addUnknown(
        UnknownMedType(
          code: texts[0] ?? "", rows: Int(numbers[0] ?? 0), fen: Int128(numbers[1] ?? 0),
          fundFen: Int128(numbers[2] ?? 0)))
    }
    try rows(StoreScript.newestOutput) { _, numbers in
      figures.setNewest(ofBatch: numbers[0] ?? Int64.min, ofStore: numbers[1] ?? Int64.min)
    }
    return figures
  }

  private func number(_ field: [UInt8], _ name: String, _ job: SparkJob) throws -> Int64 {
    guard let value = Int64(String(decoding: field, as: UTF8.self)) else { throw job.bad(name, "a number is none") }
    return value
  }

  // MARK: Both must agree

  private func compare(_ rule: Rule, _ audit: AuditPart, _ job: SparkJob, _ status: SparkJob.Status) throws {
    var found: [[UInt8]: Found] = [:]
    let name = StoreScript.findingsOutput(rule.id)
    try job.read(name, status) { fields in
      found[fields[0] ?? []] = Found(
        verdict: fields[1] ?? [], subject: fields[2] ?? [],
        amountFen: try fields[3].map { try number($0, name, job) },
        fundFen: try fields[4].map { try number($0, name, job) })
    }
    let own = audit.findings(of: rule.id)
    var differing: [String] = []
    for finding in own {
      let expected = Found(
        verdict: Array(finding.verdict.rawValue.utf8), subject: Array(finding.subject.utf8),
        amountFen: finding.amountFen, fundFen: finding.fundFen)
      if found.removeValue(forKey: Array(finding.key.utf8)) != expected { differing.append(finding.id) }
    }
    if differing.isEmpty, found.isEmpty { return }
    var words: [String] = []
    if !differing.isEmpty {
      words.append("\(differing.count) findings of this program, for example \(differing.sorted(by: bytesPrecede)[0])")
    }
    if !found.isEmpty { words.append("\(found.count) of Spark's") }
    throw differs(rule, words.joined(separator: " and "))
  }

  private func differs(_ rule: Rule, _ what: String) -> Diagnostic {
    Diagnostic(
      .error, "engine.differs", "Spark and this program disagree about rule \(rule.id): \(what)",
      at: Place(file: rule.path.isEmpty ? nil : rule.path),
      remedy: "nothing was written; run with --engine embedded, and report the rule with both versions")
  }
}
