import Audit
import ClaimModel
import ClaimStore
import Diagnostics
import Foundation
import Normalize
import Registries
import RulePacks

/// The store of a pipeline, opened for looking: its last run and its claims as rules see them. Nothing is written and
/// no lock is taken. No row is in memory until it is asked for.
struct StoredClaims {
  var file: PipelineFile
  var pack: RulePack
  var ledger: Ledger
  let segments: [LiveSegment]
  private let setting: StoreState.Setting
  private let shelf: RegistryShelf
  private let neighbours = Neighbours()
  /// The last finished run; nil in a store without one.
  var lastRun: RunSnapshot

  /// - Parameters:
  ///   - rules: those whose columns are loaded.
  ///   - registries: folder instead of the pipeline's.
  init(
    file: PipelineFile, jurisdiction: Jurisdiction, pack: RulePack, store: String?, registries: String?, rules: [Rule]
  ) throws {
    self.file = file
    self.pack = pack
    guard let folder = store.map(RunSetup.absolute) ?? file.store else {
      throw Diagnostic(
        .error, "usage.no-store", "no store folder is named",
        remedy: "give --store DIR or a line 'store:' in the pipeline file")
    }
    guard let ledger = try Ledger.inspect(folder: folder) else {
      throw Diagnostic(
        .error, "usage.empty-store", "the store holds no run yet", at: Place(file: folder),
        remedy: "run the pipeline first, or give --store DIR")
    }
    self.ledger = ledger
    lastRun = try ledger.lastSnapshot()
    segments = try ledger.liveSegments(replacing: [])
    let codes = CodeTable()
    setting = StoreState.Setting(
      rules: rules,
      registries: try loadRegistries(
        folder: registries.map(RunSetup.absolute) ?? file.registries ?? "", knowledge: file.knowledge, codes: codes),
      codes: codes, excludedSetlTypes: jurisdiction.excludedSetlTypes)
    shelf = RegistryShelf(setting.registries, codes: codes)
  }

  var registries: Registries { setting.registries }

  // MARK: Claims

  /// What rules find over the whole store, a unit at a time, within a run's standard memory.
  func evaluate(_ rules: [Rule], fillFloor: Int = 0, incompleteTables: [ClaimTable: String] = [:]) throws
    -> ClaimEvaluation.Outcome
  {
    let jobs = ProcessInfo.processInfo.activeProcessorCount
    let reader = try StoreReader(
      ledger, live: segments, columns: StoreState.columns(rules, delivered: false), delivered: false)
    return try ClaimEvaluation(
      source: StoreSource(reader: reader, segments: segments), rules: rules, shelf: shelf, codes: setting.codes,
      excludedSetlTypes: setting.excludedSetlTypes, fillFloor: fillFloor, incompleteTables: incompleteTables,
      ofBatch: segments.map { _ in true }, jobs: jobs,
      unitRows: ClaimUnits.rows(within: MemoryLimit.standard, jobs: jobs),
      keptBytes: ClaimEvaluation.keptBytes(within: MemoryLimit.standard)
    ).run()
  }

  /// The claims of whoever has one of the slices.
  func claims(of slices: Set<UInt16>) throws -> StoreState {
    try StoreState.load(ledger: ledger, replacing: nil, setting, slices: slices)
  }

  /// The claims of everybody, in memory.
  ///
  /// - Throws: `store.needs-memory` if the machine has too little for so many.
  func allClaims() throws -> StoreState { try StoreState.load(ledger: ledger, replacing: nil, setting) }

  /// What a rule looked at for a finding of that id, suppressed ones too, beside the claims it was looked for in; nil
  /// if today's claims give it no hit.
  ///
  /// - Parameter amongAll: all claims are loaded, whatever the rule needs.
  func evidence(_ id: String, of rule: Rule, amongAll: Bool = false) throws
    -> (claims: StoreState, evidence: FindingEvidence)?
  {
    if amongAll || rule.reach == .everything { return try evidence(id, of: rule, among: allClaims(), facts: nil) }
    // First whose it is. What an exemption stopped is a finding here, so that it is found too.
    var search = rule
    search.status = .active
    search.exemptions = []
    let outcome = try evaluate([search])
    guard outcome.result.coverage.first?.status == .run else {
      // It can't run as it stands (a registry is missing); what it would look at is still shown.
      return try evidence(id, of: rule, among: allClaims(), facts: nil)
    }
    guard let homes = outcome.homes[id] else { return nil }
    return try evidence(id, of: rule, among: claims(of: homes.union(outcome.straddling)), facts: outcome.facts)
  }

  private func evidence(_ id: String, of rule: Rule, among claims: StoreState, facts: PopulationFacts?) throws
    -> (claims: StoreState, evidence: FindingEvidence)?
  {
    let input = AuditInput(claims: claims.normalized.claims, registries: registries, facts: facts)
    do {
      return try findingEvidence(id, of: rule, input).map { (claims, $0) }
    } catch {
      throw Diagnostic(
        .error, "explain.failed", "rule \(rule.id) can't be evaluated over the store: \(error)",
        at: Place(file: rule.path), remedy: "run `yijian check` on the rule")
    }
  }

  // MARK: What differs from the last run

  /// Registry tables whose file is not the one that the last run read, by name; their answers may differ from its own.
  var changedRegistries: [String] {
    Pipeline.changedRegistries(since: lastRun.run, registries)
  }

  /// The rules, law, exemptions or the jurisdiction differ from those of the last run.
  var rulesChanged: Bool {
    guard let data = lastRun.run?.digests.data(using: .utf8),
      let digests = try? JSONDecoder().decode([String: [String: String]].self, from: data)
    else { return false }
    return digests["rules"]?["pack"] != pack.digest
  }

  // MARK: Rows as delivered

  /// Batch label and file (archive member behind `!`) of a segment.
  func source(_ segment: Int32) -> String {
    let live = segments[Int(segment)]
    let file = live.record.memberName.map { "\(live.file)!\($0)" } ?? live.file
    return "\(BatchRevision.label(live.batch, live.revision))/\(file)"
  }

  /// A row as it was delivered: column and text, null columns left out; where it begins in the inflated bytes, and its
  /// SHA-256. nil if it is not among the claims.
  func delivered(_ origin: RowOrigin, in claims: StoreState) throws -> (
    fields: [String: String], byteOffset: Int64, sha256: String
  )? {
    let table = segments[Int(origin.segment)].record.key.table
    guard let rows = claims.raw[table], let row = rows.origin.firstIndex(of: origin) else { return nil }
    let around = try neighbours.of(rows.slice[row]) { slice in
      let near = try StoreState.load(ledger: ledger, replacing: nil, setting, slices: [slice], delivered: true)
      return DeliveredRows(near.raw, near.codes, segments: near.segments)
    }
    var found: (fields: [String: String], byteOffset: Int64, sha256: String)?
    let names = table.columns.map(\.name)
    try around.fetch(table, origin.segment, [origin.line]) { _, offset, bytes in
      var fields: [String: String] = [:]
      for (name, value) in zip(names, FieldsBlob.decode(bytes)) where !value.isEmpty { fields[name] = value }
      found = (fields, offset, SHA256Hasher.hex(of: bytes))
    }
    return found
  }

  /// Rows as delivered, by slice, read when first asked for.
  private final class Neighbours {
    private var known: [UInt16: DeliveredRows] = [:]

    func of(_ slice: UInt16, _ read: (UInt16) throws -> DeliveredRows) throws -> DeliveredRows {
      if let rows = known[slice] { return rows }
      let rows = try read(slice)
      known[slice] = rows
      return rows
    }
  }
}

/// Registry tables whose file is not the one that a run read, by name.
func changedRegistries(since run: RunRecord?, _ registries: Registries) -> [String] {
  guard let data = run?.digests.data(using: .utf8),
    let digests = try? JSONDecoder().decode([String: [String: String]].self, from: data),
    let known = digests["registries"]
  else { return [] }
  let then = Dictionary(
    known.map { (String($0.key.prefix { $0 != "." }), $0.value) }, uniquingKeysWith: { first, _ in first })
  var names = Set(then.keys.filter { RegistrySchema.named($0) != nil })
  names.formUnion(registries.tables.keys)
  return names.filter { then[$0] != registries[$0]?.digest }
    .sorted(by: bytesPrecede)
}
