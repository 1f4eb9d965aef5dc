import Audit
import ClaimModel
import ClaimStore
import Normalize
import Registries
import RulePacks
import Synchronization

/// Evaluates what a new batch changes, and adds it to what the last run left of the store (`LookBackState`).
///
/// Rules whose hits keep to linked rows are run over the new rows and the older ones that share an id with them; what
/// those gave without the new rows is taken out. Other rules of a person run over those thin rows of the persons who
/// have something new that the new rows can meet, once as they were and once as they are. Facts are kept as sums; what
/// they decide is asked again of the few columns that it needs. Other rules with facts, and rules about everything, run
/// over the thin rows of all. The result is that of `ClaimEvaluation` over the whole store.
struct LookBackEvaluation: Sendable {
  /// The evaluation of the whole store, whose settings are these.
  let whole: ClaimEvaluation
  let ledger: Ledger
  let segments: [LiveSegment]
  /// Batch id without revision.
  let batch: String
  let columns: [ClaimTable: Set<String>?]
  let binding: String
  /// Of tables of single persons, those that the state is to remember.
  let personalTables: [PersonalTable]
  /// All parts of the store.
  let parts: [PartRecord]
  let identities: [SegmentIdentity]

  init(
    whole: ClaimEvaluation, ledger: Ledger, segments: [LiveSegment], batch: String,
    columns: [ClaimTable: Set<String>?], binding: String, parts: [PartRecord]
  ) {
    self.whole = whole
    self.ledger = ledger
    self.segments = segments
    self.batch = batch
    self.columns = columns
    self.binding = binding
    personalTables = PersonalTable.all(rules: whole.rules)
    self.parts = parts
    identities = segments.identities
  }

  /// What came out, what the next run may go on from, and how rows of a few slices are found.
  struct Found {
    var outcome: ClaimEvaluation.Outcome
    var state: LookBackState
    var guide: SliceGuide
    /// Slices whose rows were read for findings.
    var slices: Set<UInt16>
  }

  /// The state, or a file of it, is not what was written.
  struct Damaged: Error {}

  /// Whether the state was made under today's registries.
  func hasRegistries(of state: LookBackState) -> Bool {
    state.registries.mapValues(\.digest) == EarlierRegistries.digests(of: whole.shelf.registries, personalTables)
  }

  /// Settings under which a state holds; registries that `EarlierRegistries` compares are not among them.
  static func binding(
    configuration: [String: [String: String]], rules: [Rule], excludedSetlTypes: Set<String>, fillFloor: Int,
    incompleteTables: [ClaimTable: String]
  ) -> String {
    var lines = [LookBackState.format, toolVersion, "fill \(fillFloor)"]
    let compared = PersonalTable.all(rules: rules).flatMap { ["\($0.table).csv", "\($0.table).csv.gz"] }
    lines += configuration.sorted { $0.key < $1.key }.flatMap { kind, digests in
      digests.filter { kind != "registries" || !compared.contains($0.key) }.sorted { bytesPrecede($0.key, $1.key) }.map
      { "\(kind) \($0.key) \($0.value)" }
    }
    lines += excludedSetlTypes.sorted(by: bytesPrecede).map { "excluded \($0)" }
    lines += incompleteTables.keys.map { "incomplete \($0.name)" }.sorted()
    lines += rules.map { "rule \($0.id) \($0.version) \($0.status.rawValue)" }
    return SHA256Hasher.hex(of: lines.joined(separator: "\n"))
  }

  /// The rules, by how much of the claims they need.
  struct Sorts: Sendable {
    var all: [Rule]
    var linked: [Rule]
    var persons: [Rule]
    /// The same, put together by whom their rows can meet.
    var groups: [PersonGroup]
    /// With facts that are kept.
    var open: [Rule]
    /// With other facts.
    var facts: [Rule]
    var everything: [Rule]

    init(_ rules: [Rule], _ registries: Registries) {
      all = rules.filter { $0.status == .active || $0.status == .shadow }
      linked = all.filter { $0.reach == .person && $0.keepsToLinkedRows }
      persons = all.filter { $0.reach == .person && !$0.keepsToLinkedRows }
      groups = PersonGroup.groups(of: persons)
      let withFacts = all.filter { $0.reach == .personWithFacts }
      open = withFacts.filter { $0.asksFactsOfLinkedRows(registries) }
      facts = withFacts.filter { !$0.asksFactsOfLinkedRows(registries) }
      everything = all.filter { $0.reach == .everything }
    }
  }

  /// What a thread works with; each is used by one at a time.
  final class Worker: @unchecked Sendable {
    let codes: CodeTable
    private let mark: Int

    init(_ codes: CodeTable) {
      self.codes = CodeTable(copying: codes)
      mark = codes.count
    }

    func forget() { codes.rollBack(to: mark) }
  }

  /// Workers that are free: a code table with the texts of the registries is dear to copy.
  final class Workers: Sendable {
    private let free = Mutex<[Worker]>([])
    private let codes: CodeTable

    init(_ codes: CodeTable) { self.codes = codes }

    func take() -> Worker { free.withLock { $0.popLast() } ?? Worker(codes) }

    func giveBack(_ worker: Worker) {
      worker.forget()
      free.withLock { $0.append(worker) }
    }
  }

  /// What is loaded together: some slices of a range, or those that straddle.
  struct Unit: Sendable {
    var range: ClosedRange<UInt16>
    var straddling: StraddlingSlices
    var isOfStraddling: Bool

    func contains(_ slice: UInt16) -> Bool {
      range.contains(slice) && straddling.contains(slice) == isOfStraddling
    }
  }

  /// Batches by their places, which are the upper half of a cell.
  struct BatchPlaces: Sendable {
    /// Those of the state, then those that it does not know.
    let batches: [String]
    /// Of each segment its batch's place.
    let ofSegment: [UInt32]
    /// Batches whose rows are new to the state.
    let fresh: Set<String>

    /// nil: there are more batches than places.
    init?(_ segments: [LiveSegment], batch: String, _ old: LookBackState?) {
      let fresh = old == nil ? Set(segments.map(\.batch)) : [batch]
      var batches = old?.batches ?? []
      for segment in segments where fresh.contains(segment.batch) && !batches.contains(segment.batch) {
        batches.append(segment.batch)
      }
      if batches.count > Int(UInt16.max) { return nil }
      let places = Dictionary(uniqueKeysWithValues: batches.enumerated().map { ($1, UInt32($0)) })
      ofSegment = segments.map { places[$0.batch] ?? 0 }
      self.batches = batches
      self.fresh = fresh
    }
  }

  /// What new rows hang together with, and what else is known of where rows are.
  struct Links: Sendable {
    /// Cells of older batches that are looked at anew.
    let touched: Set<UInt32>
    let straddling: StraddlingSlices
    /// Of each batch the keys of its rows, for the next run.
    let keyFiles: [EvaluationFile]
    let guide: SliceGuide
  }

  /// What all steps of a run work with.
  struct Work: Sendable {
    let sorts: Sorts
    let places: BatchPlaces
    let links: Links
    /// `whole` with the registries under which the state was made: what it finds is what is taken out.
    let then: ClaimEvaluation
    let workers: Workers
  }

  /// What the last run left, from which is taken out and to which is added what the new batch changes.
  struct Progress {
    var figures: UnitFigures
    /// Of rules whose hits keep to linked rows, and of the other rules of a person.
    var linked: AuditPart
    var persons: AuditPart
    /// Of rules whose facts are kept, the counts but for what only facts tell; and the facts.
    var open: AuditPart
    var facts = FactPart()
    var homes: [String: Set<UInt16>]
    /// Of all other rules, and of `open` with what facts tell: worked out anew in every run.
    var ofEverybody: [AuditPart] = []
    /// Slices whose rows were read for findings.
    var slicesRead: Set<UInt16> = []

    /// - Throws: `Damaged`.
    init(_ old: LookBackState?, _ segments: [LiveSegment]) throws {
      guard
        let figures = old.map({ UnitFigures($0.figures, numbers: segments.map(\.record.number)) })
          ?? UnitFigures(segments: segments.count)
      else { throw Damaged() }
      self.figures = figures
      linked = old?.linked ?? AuditPart()
      persons = old?.persons ?? AuditPart()
      open = old?.open ?? AuditPart()
      homes = (old?.homes ?? [:]).mapValues(Set.init)
    }

    mutating func removeHomes(of part: AuditPart) {
      for finding in part.allFindings { homes[finding.id] = nil }
    }

    mutating func addHomes(_ more: [String: Set<UInt16>]) { homes.merge(more) { $0.union($1) } }

    /// Adds what rules that ask of everybody find.
    ///
    /// - Parameter counts: theirs; those of `found` mean nothing.
    mutating func add(_ found: SliceFindings, counts: AuditPart) {
      ofEverybody.append(found.now.counted(by: counts))
      addHomes(found.homes)
      slicesRead.formUnion(found.slices)
    }
  }

  /// - Parameter earlier: the registries under which the state was made, if they are not today's.
  /// - Returns: nil if the rules, or what they found, can't be kept apart like this; then nothing is known.
  /// - Throws: `Damaged`, `EvaluationDamaged`, errors of the store.
  func run(from old: LookBackState?, _ earlier: EarlierRegistries? = nil) throws -> Found? {
    let sorts = Sorts(whole.rules, whole.shelf.registries)
    if sorts.all.contains(where: \.readsPersons) { return nil }
    guard let places = BatchPlaces(segments, batch: batch, old) else { return nil }
    var then = whole
    if let earlier { then.shelf = earlier.shelf }
    let work = Work(
      sorts: sorts, places: places, links: try links(old, earlier, places), then: then, workers: Workers(whole.codes))

    // New and touched rows: what they gave before, what they give now.
    guard let given = try deltaParts(work) else { return nil }
    var progress = try Progress(old, segments)
    guard try updateLinked(given, in: &progress) else { return nil }
    let before = old?.generations ?? []
    let thin = try ThinRows(
      before + [LookBackState.Generation(units: given.map(\.files), touched: work.links.touched.sorted())], ledger)

    // Persons who have something new, as they were and as they are.
    guard try updatePersons(thin, DeadCells(before), isFirst: old == nil, work, in: &progress) else { return nil }

    // Of rules whose facts are kept, what is not asked of facts; the facts.
    guard try updateOpen(given, old?.facts, sorts.open, in: &progress) else { return nil }

    let state = try state(after: progress, given, thin.generations, old, work)

    // Everybody, of whom something may have changed through others.
    guard try askKeptFacts(thin, work, adding: &progress) else { return nil }
    try auditWithFacts(thin, work, adding: &progress)
    let census = try auditOfEverything(thin, sorts.everything, adding: &progress)

    let audits = [progress.linked, progress.persons] + progress.ofEverybody
    if !rulesWithSharedKeys(audits).isEmpty { return nil }
    let result = try finish(
      audits, rules: whole.rules, registries: whole.shelf.registries, fillFloorPercent: whole.fillFloor,
      incompleteTables: whole.incompleteTables)
    let outcome = ClaimEvaluation.Outcome(
      result: result, figures: progress.figures, units: given.count, straddling: work.links.straddling.slices,
      homes: progress.homes, thin: census)
    return Found(outcome: outcome, state: state, guide: work.links.guide, slices: progress.slicesRead)
  }

  // MARK: What new rows hang together with

  /// - Throws: `Damaged`, errors of the store.
  private func links(_ old: LookBackState?, _ earlier: EarlierRegistries?, _ places: BatchPlaces) throws -> Links {
    let new = try newKeys(places)
    let oldKeys = try (old?.keys ?? []).map { file in
      guard let bytes = ledger.evaluationBytes(file), let keys = LinkKeys(bytes) else { throw Damaged() }
      return keys
    }
    let touched = TouchedCells(
      new: new.values.flatMap(\.keys).sorted(), old: oldKeys, changed: changedCells(old, oldKeys, earlier))
    var keyFiles = old?.keys ?? []
    var guide = SliceGuide(kept: try old.map { try keptRows($0) })
    for (place, batch) in places.batches.enumerated() {
      if place < oldKeys.count {
        guide.presence[batch] = oldKeys[place].presence
      } else {
        let own = new[UInt32(place)] ?? NewKeys()
        guide.presence[batch] = own.presence
        keyFiles.append(try ledger.writeEvaluationFile(LinkKeys.bytes(own.keys, own.presence)))
      }
    }
    return Links(
      touched: touched.cells, straddling: StraddlingSlices(touched.straddling.union(old?.straddling ?? [])),
      keyFiles: keyFiles, guide: guide)
  }

  /// The older cells of persons about whom today's registries may say something else.
  private func changedCells(
    _ old: LookBackState?, _ keys: [LinkKeys], _ earlier: EarlierRegistries?
  ) -> Set<UInt32> {
    guard let old, let earlier else { return [] }
    var days = earlier.days
    // A row may belong to a person of another slice, by an id that it shares.
    let ofStraddling = old.straddling.compactMap { days[$0] }
    if let first = ofStraddling.first {
      let all = ofStraddling.reduce(first) { $0.spanning($1) }
      for slice in old.straddling { days[slice] = all }
    }
    var cells: Set<UInt32> = []
    for (batch, keys) in keys.enumerated() {
      guard let own = old.days[batch] else { continue }
      for (slice, days) in days where own.overlaps(days) && keys.presence.contains(slice) {
        cells.insert(UInt32(batch) << 16 | UInt32(slice))
      }
    }
    return cells
  }

  // MARK: What is taken out and added

  /// Rules whose hits keep to linked rows, and the figures.
  ///
  /// - Returns: false if it can't be kept apart.
  /// - Throws: `Damaged`.
  private func updateLinked(_ given: [Part], in progress: inout Progress) throws -> Bool {
    for part in given {
      guard part.linked.isPlain, part.linkedBefore.isPlain else { return false }
      guard progress.linked.remove(part.linkedBefore) else { throw Damaged() }
      progress.removeHomes(of: part.linkedBefore)
      if !progress.figures.remove(part.figuresBefore) { return false }
    }
    for part in given {
      progress.linked.append(part.linked)
      progress.addHomes(part.homes)
      progress.figures.add(part.figures)
    }
    return true
  }

  /// The other rules of a person.
  ///
  /// - Parameters:
  ///   - before: what was dead before this run.
  ///   - isFirst: there is no state, so that nothing was found before.
  /// - Returns: false if it can't be kept apart.
  /// - Throws: `Damaged`, errors of the store.
  private func updatePersons(
    _ thin: ThinRows, _ before: DeadCells, isFirst: Bool, _ work: Work, in progress: inout Progress
  ) throws -> Bool {
    if work.sorts.persons.isEmpty { return true }
    let changes = try personChanges(thin, before, work)
    var now = AuditPart()
    var past = AuditPart()
    for change in changes {
      now.append(change.now)
      past.append(change.before)
    }
    // Who has hits, before or now, with all that findings are made of.
    let slices = changes.reduce(into: Set<UInt16>()) { $0.formUnion($1.slices) }
    let found = try findings(of: slices, work.sorts.persons, then: isFirst ? nil : work.then, work)
    now = found.now.counted(by: now)
    past = found.before.counted(by: past)
    guard past.isPlain, now.isPlain else { return false }
    guard progress.persons.remove(past) else { throw Damaged() }
    progress.removeHomes(of: past)
    progress.persons.append(now)
    progress.addHomes(found.homes)
    progress.slicesRead.formUnion(found.slices)
    return true
  }

  /// Rules whose facts are kept: what is not asked of facts, and the facts.
  ///
  /// - Parameter file: the state's facts; nil: it has none.
  /// - Returns: false if it can't be kept apart.
  /// - Throws: `Damaged`.
  private func updateOpen(
    _ given: [Part], _ file: EvaluationFile?, _ rules: [Rule], in progress: inout Progress
  ) throws -> Bool {
    if let file {
      guard let bytes = ledger.evaluationBytes(file), let known = FactPart(bytes.bytes, rules) else { throw Damaged() }
      progress.facts = known
    }
    if rules.isEmpty { return true }
    for part in given {
      guard part.open?.counts.isPlain != false, part.open?.facts.isPlain != false else { return false }
      guard let past = part.openBefore else { continue }
      guard past.counts.isPlain, past.facts.isPlain else { return false }
      guard progress.open.remove(past.counts), progress.facts.remove(past.facts) else { throw Damaged() }
    }
    for part in given {
      guard let now = part.open else { return false }
      progress.open.append(now.counts)
      progress.facts.append(now.facts)
    }
    return true
  }

  // MARK: The state

  /// What the next run may go on from. It is made before rules that ask of everybody are run: the homes of their
  /// findings do not belong in it.
  private func state(
    after progress: Progress, _ given: [Part], _ generations: [LookBackState.Generation], _ old: LookBackState?,
    _ work: Work
  ) throws -> LookBackState {
    let open = work.sorts.open
    let facts = open.isEmpty ? nil : try ledger.writeEvaluationFile(progress.facts.image(open))
    var days = old?.days ?? []
    for place in days.count..<work.places.batches.count { days.append(careDays(given, batch: UInt32(place))) }
    return LookBackState(
      binding: binding, registries: try registryVersions(old),
      hasLowerCasePersons: old?.hasLowerCasePersons == true || given.contains(where: \.hasLowerCasePersons),
      segments: LookBackState.digest(of: segments),
      figures: progress.figures.stored(segments.map(\.record.number)), linked: progress.linked,
      persons: progress.persons, open: progress.open, facts: facts, homes: progress.homes.mapValues { $0.sorted() },
      straddling: work.links.straddling.slices, batches: work.places.batches, days: days, keys: work.links.keyFiles,
      generations: generations, keptSlices: old?.keptSlices ?? [], kept: old?.kept ?? [])
  }

  /// The days of a batch's new rows.
  private func careDays(_ parts: [Part], batch: UInt32) -> ClosedRange<Int64>? {
    let all = parts.compactMap { $0.days[batch] }
    return all.first.map { all.reduce($0) { $0.spanning($1) } }
  }

  /// What the next run needs to compare its registries with today's.
  private func registryVersions(_ old: LookBackState?) throws -> [String: EarlierRegistries.Version] {
    var result: [String: EarlierRegistries.Version] = [:]
    for table in personalTables {
      guard let registry = whole.shelf.registries[table.table] else { continue }
      if let known = old?.registries[table.table], known.digest == registry.digest {
        result[table.table] = known
      } else {
        result[table.table] = EarlierRegistries.Version(
          digest: registry.digest,
          image: try ledger.writeEvaluationFile(registry.image(table.columns, codes: whole.codes)))
      }
    }
    return result
  }

  // MARK: Rules that ask of everybody

  /// Rules whose facts are kept: what only facts tell.
  ///
  /// - Returns: false if a rule is stopped.
  private func askKeptFacts(_ thin: ThinRows, _ work: Work, adding progress: inout Progress) throws -> Bool {
    let rules = work.sorts.open
    if rules.isEmpty { return true }
    let facts = mergedFacts([progress.facts])
    guard let (counts, slices) = try asked(thin, facts, rules, work.workers) else { return false }
    let found = try findings(of: slices, rules, facts: facts, work)
    var all = progress.open
    all.append(counts)
    progress.add(found, counts: all)
    return true
  }

  /// Rules with other facts.
  private func auditWithFacts(_ thin: ThinRows, _ work: Work, adding progress: inout Progress) throws {
    let rules = work.sorts.facts
    if rules.isEmpty { return }
    let (counts, slices, facts) = try factParts(thin, rules, work)
    progress.add(try findings(of: slices, rules, facts: facts, work), counts: counts)
  }

  /// Rules about everything; their claims, nil if there is no such rule.
  private func auditOfEverything(
    _ thin: ThinRows, _ rules: [Rule], adding progress: inout Progress
  ) throws -> EffectiveClaims? {
    if rules.isEmpty { return nil }
    let codes = CodeTable(copying: whole.codes)
    var all = ThinClaims(for: rules, codes: codes)
    try thin.add(\.everything, to: &all, 0...UInt16.max) { _ in true }
    let claims = all.claims(codes: codes)
    progress.ofEverybody.append(auditPart(rules: rules, whole.auditInput(claims), shelf: whole.shelf))
    return claims
  }

  // MARK: Rows of a few slices

  /// What is kept of the rows of the state's segments.
  private func keptRows(_ state: LookBackState) throws -> KeptRows {
    let files = try state.kept.map { file in
      guard let bytes = ledger.evaluationBytes(file) else { throw Damaged() }
      return bytes
    }
    guard
      let kept = KeptRows(
        slices: Set(state.keptSlices), segments: Set(segments.filter { $0.batch != batch }.map(\.record.number)),
        files: files)
    else { throw Damaged() }
    return kept
  }

  /// Persons with findings and packets have them next week, too: all rows of these slices are kept where the next run
  /// need not look for them in the parts. Those that are kept already get the new batch's rows.
  func keeping(_ slices: Set<UInt16>, of found: Found) throws -> LookBackState {
    var state = found.state
    let known = Set(state.keptSlices)
    var more = slices.subtracting(known)
    // Where so many have findings, reading them from the parts costs no more.
    if known.count + more.count > Self.mostKeptSlices { more = [] }
    let codes = CodeTable()
    var columns: [ClaimTable: Set<String>?] = [:]
    for table in ClaimTable.allCases { columns.updateValue(nil, forKey: table) }
    func rows(_ slices: Set<UInt16>, batches: Set<String>?) throws -> [ClaimTable: RawRows] {
      if slices.isEmpty { return [:] }
      let reader = try StoreReader(
        ledger, live: segments, columns: columns, delivered: true, batches: batches, parts: parts,
        guide: SliceGuide(presence: found.guide.presence))
      return try reader.load(slices: slices, codes: codes)
    }
    var raw = try rows(more, batches: nil)
    for (table, own) in try rows(known, batches: [batch]) {
      raw[table, default: RawRows(table: table)].append(own)
    }
    if raw.values.contains(where: { $0.count > 0 }) {
      state.kept.append(try ledger.writeEvaluationFile(KeptRows.image(raw, live: segments, codes: codes)))
    }
    state.keptSlices = known.union(more).sorted()
    return state
  }

  private static let mostKeptSlices = 8_192

  /// What rules find among all claims of some slices; the counts mean nothing.
  struct SliceFindings {
    var now = AuditPart()
    /// Of the findings in `now`.
    var homes: [String: Set<UInt16>] = [:]
    /// Without the rows of the new batch; nothing if that was not asked for.
    var before = AuditPart()
    /// Those that were read, which may be more than were asked for.
    var slices: Set<UInt16>
  }

  /// What rules find among all claims of some slices. Those that straddle are looked at together, all of them if there
  /// is one.
  ///
  /// - Parameter then: what `before` is found with; nil: nothing was found before.
  private func findings(
    of slices: Set<UInt16>, _ rules: [Rule], facts: PopulationFacts? = nil, then: ClaimEvaluation? = nil, _ work: Work
  ) throws -> SliceFindings {
    let straddling = work.links.straddling
    let alone = slices.filter { !straddling.contains($0) }.sorted()
    let size = min(2_000, max(50, alone.count / max(1, whole.jobs) + 1))
    var chunks = stride(from: 0, to: alone.count, by: size).map { Set(alone[$0..<min($0 + size, alone.count)]) }
    if alone.count < slices.count { chunks.append(Set(straddling.slices)) }
    let all = chunks
    let reader = try StoreReader(ledger, live: segments, columns: columns, parts: parts, guide: work.links.guide)
    let setting = Setting(self, rules)
    let isNew = segments.map { $0.batch == batch }
    let found = try inParallel(all.count, jobs: whole.jobs, worker: { () }) { i, _ in
      let worker = work.workers.take()
      defer { work.workers.giveBack(worker) }
      func audit(_ raw: [ClaimTable: RawRows], _ evaluation: ClaimEvaluation) throws -> (AuditPart, EffectiveClaims) {
        let claims = try setting.normalized(raw, worker.codes).claims
        var input = evaluation.auditInput(claims)
        input.facts = facts
        return (auditPart(rules: rules, input, shelf: evaluation.shelf), claims)
      }
      let raw = try reader.load(slices: all[i], codes: worker.codes)
      let (now, claims) = try audit(raw, whole)
      var before = AuditPart()
      if let then {
        let older = raw.mapValues { rows in
          rows.selecting(rows.origin.indices.filter { !isNew[Int(rows.origin[$0].segment)] })
        }
        (before, _) = try audit(older, then)
      }
      return (now, findingHomes(now.allFindings, claims), before)
    }
    var result = SliceFindings(slices: all.reduce(into: Set<UInt16>()) { $0.formUnion($1) })
    for (now, homes, before) in found {
      result.now.append(now)
      result.homes.merge(homes) { $0.union($1) }
      result.before.append(before)
    }
    return result
  }
}

/// The rows of a new batch and the older ones that hang together with them: their keys, what they gave before, and what
/// they give now.
extension LookBackEvaluation {
  // MARK: Keys

  /// Of one batch's rows the keys, and the slices that have some.
  struct NewKeys: Sendable {
    var keys: [UInt64] = []
    var presence = SlicePresence()

    mutating func add(_ raw: [ClaimTable: RawRows], _ codes: CodeTable) {
      appendUnitKeys(raw, codes: codes, to: &keys)
      for rows in raw.values { for slice in rows.slice { presence.insert(slice) } }
    }
  }

  /// The keys of the new rows by batch, ascending.
  func newKeys(_ places: BatchPlaces) throws -> [UInt32: NewKeys] {
    let (fresh, placeOfSegment) = (places.fresh, places.ofSegment)
    let ids: Set<String> = [
      "setl_id", "init_setl_id", "mdtrt_id", "setl_list_diag_id", "setl_list_oprn_id",
    ]
    let reader = try StoreReader(
      ledger, live: segments,
      columns: Dictionary(uniqueKeysWithValues: ClaimTable.allCases.map { ($0, ids as Set<String>?) }), batches: fresh,
      parts: parts)
    let ranges = ranges(of: reader)
    let isOne = fresh.count == 1
    let found = try inParallel(ranges.count, jobs: whole.jobs, worker: { CodeTable() }) { i, codes in
      defer { codes.rollBack(to: 1) }
      let raw = try reader.load(slices: ranges[i], codes: codes)
      var keys: [UInt32: NewKeys] = [:]
      if isOne,
        let place = raw.values.lazy.compactMap({ $0.origin.first }).first.map({ placeOfSegment[Int($0.segment)] })
      {
        keys[place, default: NewKeys()].add(raw, codes)
        return keys
      }
      for place in Set(raw.values.flatMap { rows in rows.origin.map { placeOfSegment[Int($0.segment)] } }).sorted() {
        let own = raw.mapValues { rows in
          rows.selecting(rows.origin.indices.filter { placeOfSegment[Int(rows.origin[$0].segment)] == place })
        }
        keys[place, default: NewKeys()].add(own, codes)
      }
      return keys
    }
    var result: [UInt32: NewKeys] = [:]
    for keys in found {
      for (place, own) in keys {
        result[place, default: NewKeys()].keys += own.keys
        result[place]?.presence.formUnion(own.presence)
      }
    }
    return result.mapValues { NewKeys(keys: $0.keys.sorted(), presence: $0.presence) }
  }

  /// Ranges of slices with so many rows each that they fit into memory and keep all threads busy.
  ///
  /// - Parameters:
  ///   - more: whose rows of some slices come beside those of `reader`.
  ///   - slices: those, once for each batch.
  private func ranges(
    of reader: StoreReader, and more: StoreReader? = nil, slices: [UInt16] = []
  ) -> [ClosedRange<UInt16>] {
    var perTop = [Int](repeating: 0, count: 256)
    for table in ClaimTable.allCases { for (top, n) in reader.rows(table).enumerated() { perTop[top] += n } }
    if let more, !slices.isEmpty {
      var wanted = [Int](repeating: 0, count: 256)
      for slice in Set(slices) { wanted[Int(slice >> 8)] += 1 }
      for table in ClaimTable.allCases {
        for (top, n) in more.rows(table).enumerated() { perTop[top] += n * wanted[top] / 256 }
      }
    }
    let shared = perTop.reduce(0, +) / max(1, whole.jobs) + 1
    return ClaimUnits(rows: perTop, most: min(whole.unitRows, max(shared, Self.leastRows))).ranges
  }

  /// Fewer rows are not worth a thread.
  static let leastRows = 10_000

  // MARK: New and touched rows

  /// What one unit of new and touched rows gives.
  struct Part: Sendable {
    var linkedBefore = AuditPart()
    var linked = AuditPart()
    var openBefore: PendingFacts?
    var open: PendingFacts?
    var figuresBefore: UnitFigures
    var figures: UnitFigures
    var homes: [String: Set<UInt16>] = [:]
    var files: LookBackState.ThinFile
    /// Of the new rows, by batch.
    var days: [UInt32: ClosedRange<Int64>] = [:]
    var hasLowerCasePersons = false

    /// On which days the new rows speak of care, as `day` of fee lines and settlements has it, and how persons are
    /// written.
    mutating func noteNew(_ raw: [ClaimTable: RawRows], _ placeOfSegment: [UInt32], _ codes: CodeTable) {
      func note(_ rows: RawRows, _ day: (Int) -> Int64) {
        var place = UInt32.max
        var span = (first: Int64.max, last: Int64.min)
        func keep() {
          if span.first > span.last { return }
          days[place] = days[place]?.spanning(span.first...span.last) ?? span.first...span.last
        }
        for (row, origin) in rows.origin.enumerated() {
          let day = day(row)
          if day == ColumnData.null { continue }
          if placeOfSegment[Int(origin.segment)] != place {
            keep()
            place = placeOfSegment[Int(origin.segment)]
            span = (day, day)
          } else {
            span = (min(span.first, day), max(span.last, day))
          }
        }
        keep()
      }
      func day(of time: Int64) -> Int64 { time == ColumnData.null ? time : CivilTime.dayOf(time: time) }
      if let rows = raw[.feeLines], let times = rows.columns["fee_ocur_time"]?.numbers {
        note(rows) { day(of: times[$0]) }
      }
      if let rows = raw[.settlements], let begins = rows.columns["begndate"]?.numbers,
        let times = rows.columns["setl_time"]?.numbers
      {
        note(rows) { begins[$0] != ColumnData.null ? begins[$0] : day(of: times[$0]) }
      }
      for rows in raw.values {
        var last = CodeTable.null
        for code in rows.columns["psn_no"]?.codes ?? [] where code != last {
          last = code
          if codes.folded(code) != code { hasLowerCasePersons = true }
        }
      }
    }
  }

  /// What new and touched rows give, unit by unit.
  ///
  /// - Returns: nil if a rule with facts is stopped in one of them.
  func deltaParts(_ work: Work) throws -> [Part]? {
    let delta = try Delta(self, work)
    let units = delta.units()
    let parts = try inParallel(units.count, jobs: whole.jobs, worker: { () }) { i, _ -> Part? in
      let worker = work.workers.take()
      defer { work.workers.giveBack(worker) }
      return try delta.part(of: units[i], worker.codes)
    }
    return parts.contains { $0 == nil } ? nil : parts.compactMap { $0 }
  }

  /// The rows of the new batch, and the older ones that hang together with them.
  private struct Delta: Sendable {
    private let evaluation: LookBackEvaluation
    private let work: Work
    private let new: StoreReader
    private let older: StoreReader
    private let setting: Setting
    /// Of each segment that it is not of the batch.
    private let ofNone: [Bool]

    private var whole: ClaimEvaluation { evaluation.whole }
    private var then: ClaimEvaluation { work.then }
    private var sorts: Sorts { work.sorts }
    private var placeOfSegment: [UInt32] { work.places.ofSegment }
    private var touched: Set<UInt32> { work.links.touched }
    private var straddling: StraddlingSlices { work.links.straddling }

    init(_ evaluation: LookBackEvaluation, _ work: Work) throws {
      self.evaluation = evaluation
      self.work = work
      let segments = evaluation.segments
      new = try StoreReader(
        evaluation.ledger, live: segments, columns: evaluation.columns, places: evaluation.whole.ofBatch,
        batches: work.places.fresh, parts: evaluation.parts)
      older = try StoreReader(
        evaluation.ledger, live: segments, columns: evaluation.columns, places: evaluation.whole.ofBatch,
        batches: Set(Set(work.links.touched.map { $0 >> 16 }).map { work.places.batches[Int($0)] }),
        parts: evaluation.parts, guide: work.links.guide)
      setting = Setting(evaluation, work.sorts.all)
      ofNone = segments.map { _ in false }
    }

    func units() -> [Unit] {
      let ranges = evaluation.ranges(of: new, and: older, slices: touched.map { UInt16(truncatingIfNeeded: $0) })
      var units = ranges.map { Unit(range: $0, straddling: straddling, isOfStraddling: false) }
      if !straddling.isEmpty {
        units.append(Unit(range: 0...UInt16.max, straddling: straddling, isOfStraddling: true))
      }
      return units
    }

    /// What a unit gave before and gives now; its thin rows are written.
    ///
    /// - Returns: nil if a rule with facts is stopped.
    func part(of unit: Unit, _ codes: CodeTable) throws -> Part? {
      let segments = evaluation.segments.count
      var part = Part(
        figuresBefore: UnitFigures(segments: segments), figures: UnitFigures(segments: segments),
        files: LookBackState.ThinFile(first: unit.range.lowerBound, last: unit.range.upperBound))
      guard let claims = try claims(of: unit, codes, noting: &part) else { return nil }
      part.linked = auditPart(rules: sorts.linked, whole.auditInput(claims), shelf: whole.shelf)
      part.homes = findingHomes(part.linked.allFindings, claims)
      guard let bytes = thinRows(of: claims, noting: &part) else { return nil }
      part.files.file = try evaluation.ledger.writeEvaluationFile(bytes)
      return part
    }

    /// The claims of new and touched rows. What is told by the rows themselves is noted in the part: they are let go of
    /// here, before thin rows are made.
    ///
    /// - Returns: nil if a rule with facts is stopped.
    private func claims(of unit: Unit, _ codes: CodeTable, noting part: inout Part) throws -> EffectiveClaims? {
      var raw = try newRows(of: unit, codes)
      part.noteNew(raw, placeOfSegment, codes)
      if let before = try touchedRows(of: unit, codes) {
        guard try noteBefore(before, codes, in: &part) else { return nil }
        for (table, rows) in before { raw[table, default: RawRows(table: table)].append(rows) }
      }
      let claims = try setting.normalized(raw, codes)
      part.figures.add(raw: raw, claims, ofBatch: whole.ofBatch)
      return claims.claims
    }

    private func newRows(of unit: Unit, _ codes: CodeTable) throws -> [ClaimTable: RawRows] {
      if unit.isOfStraddling { return try new.load(slices: Set(straddling.slices), codes: codes) }
      let rows = try new.load(slices: unit.range, codes: codes)
      return straddling.touches(unit.range) ? rows.mapValues { $0.without(straddling) } : rows
    }

    /// nil: the unit has no touched cell.
    private func touchedRows(of unit: Unit, _ codes: CodeTable) throws -> [ClaimTable: RawRows]? {
      let slices = Set(touched.map { UInt16(truncatingIfNeeded: $0) }.filter(unit.contains))
      if slices.isEmpty { return nil }
      // Asked for every row.
      let (touched, placeOfSegment) = (touched, placeOfSegment)
      return try older.load(slices: slices, codes: codes).mapValues { rows in
        let own = rows.origin.indices.filter {
          touched.contains(placeOfSegment[Int(rows.origin[$0].segment)] << 16 | UInt32(rows.slice[$0]))
        }
        return own.count == rows.count ? rows : rows.selecting(own)
      }
    }

    /// What touched rows gave without the new ones.
    ///
    /// - Returns: false if a rule with facts is stopped.
    private func noteBefore(
      _ raw: [ClaimTable: RawRows], _ codes: CodeTable, in part: inout Part
    ) throws -> Bool {
      let claims = try setting.normalized(raw, codes)
      part.figuresBefore.add(raw: raw, claims, ofBatch: ofNone)
      let input = then.auditInput(claims.claims)
      part.linkedBefore = auditPart(rules: sorts.linked, input, shelf: then.shelf)
      if sorts.open.isEmpty { return true }
      part.openBefore = PendingFacts(rules: sorts.open, input, shelf: then.shelf, cells: nil)
      return part.openBefore != nil
    }

    /// The thin rows of the claims, as the unit's file has them; where in it they lie, and what is open of rules whose
    /// facts are kept, goes to the part.
    ///
    /// - Returns: nil if a rule with facts is stopped.
    private func thinRows(of claims: EffectiveClaims, noting part: inout Part) -> [UInt8]? {
      let input = whole.auditInput(claims)
      let cells = cells(of: claims)
      var bytes: [UInt8] = []
      func keep(_ image: [UInt8]) -> LookBackState.Piece {
        defer { bytes += image }
        return LookBackState.Piece(start: bytes.count, count: image.count)
      }
      func keep(_ rules: [Rule], _ seeds: [Entity: [Bool]], named: Bool = true) -> (LookBackState.Piece, Int)? {
        if rules.isEmpty { return nil }
        var thin = ThinClaims(for: rules, named: named)
        thin.appendReachable(claims, cells: cells, seeds: seeds)
        return (keep(thin.image()), thin.count)
      }
      func seeds(_ rules: [Rule], narrowed: Bool = true) -> [Entity: [Bool]] {
        Audit.seeds(rules: rules, input, shelf: whole.shelf, narrowed: narrowed)
      }
      for group in sorts.groups {
        guard let (piece, rows) = keep(group.sieves, seeds(group.rules), named: false) else { continue }
        part.files.persons.append(piece)
        part.files.personRows += rows
      }
      if !sorts.open.isEmpty {
        guard let open = PendingFacts(rules: sorts.open, input, shelf: whole.shelf, cells: cells) else { return nil }
        part.files.open = keep(open.image)
        part.open = open
      }
      (part.files.facts, part.files.factRows) =
        keep(sorts.facts.map(\.sieve), seeds(sorts.facts), named: false) ?? (nil, 0)
      part.files.everything = keep(sorts.everything, seeds(sorts.everything, narrowed: false))?.0
      return bytes
    }

    /// Batch and slice of each row, by entity.
    private func cells(of claims: EffectiveClaims) -> [Entity: [UInt32]] {
      let placeOfSegment = placeOfSegment
      var result: [Entity: [UInt32]] = [:]
      for (entity, table) in claims.tables where table.origin.count == table.count {
        let persons = table.columns["psn_no"]?.codes ?? []
        let visits = table.columns["mdtrt_id"]?.codes ?? []
        var last: (home: UInt32, slice: UInt32) = (UInt32.max, 0)
        result[entity] = table.origin.indices.map { row in
          let person = row < persons.count ? persons[row] : CodeTable.null
          let home = person != CodeTable.null || row >= visits.count ? person : visits[row]
          if home != last.home { last = (home, UInt32(claims.codes.withBytes(home) { PersonSlice.of($0) })) }
          return placeOfSegment[Int(table.origin[row].segment)] << 16 | last.slice
        }
      }
      return result
    }
  }

  /// How raw rows become claims: the same for all of them.
  struct Setting: Sendable {
    private let kept: [ClaimTable: Set<String>]
    private let medTypes: [MedTypeRow]?
    private let identities: [SegmentIdentity]
    private let excludedSetlTypes: Set<String>

    init(_ evaluation: LookBackEvaluation, _ rules: [Rule]) {
      let needed = Audit.neededColumns(rules: rules)
      kept = Dictionary(
        uniqueKeysWithValues: ClaimTable.allCases.map { table in
          // By the last two a row's slice is known.
          (table, (needed[table] ?? []).union(UnitFigures.columns(table)).union(["psn_no", "mdtrt_id"]))
        })
      let whole = evaluation.whole
      medTypes = whole.shelf.registries["med_type_b"].map { StoreState.medTypes($0, whole.codes) }
      identities = evaluation.identities
      excludedSetlTypes = whole.excludedSetlTypes
    }

    func normalized(_ raw: [ClaimTable: RawRows], _ codes: CodeTable) throws -> Normalized {
      try effectiveClaims(
        NormalizationInput(
          raw: raw, segments: identities, medTypes: medTypes, excludedSetlTypes: excludedSetlTypes, codes: codes,
          linksPersons: false, namesLines: false, keptColumns: kept))
    }
  }
}

/// Thin rows: what runs keep of all rows for the next one, which tells by them whether a row is a hit.
extension LookBackEvaluation {
  /// The thin rows of all generations.
  struct ThinRows: Sendable {
    let generations: [LookBackState.Generation]
    private let files: [EvaluationFile: EvaluationBytes]
    let live: DeadCells
    /// The generation of this run.
    var newest: Int { generations.count - 1 }

    init(_ generations: [LookBackState.Generation], _ ledger: Ledger) throws {
      self.generations = generations
      live = DeadCells(generations)
      var files: [EvaluationFile: EvaluationBytes] = [:]
      for file in generations.flatMap({ $0.units.map(\.file) }) {
        guard let bytes = ledger.evaluationBytes(file) else { throw Damaged() }
        files[file] = bytes
      }
      self.files = files
    }

    func bytes(_ unit: LookBackState.ThinFile, _ piece: LookBackState.Piece) throws -> UnsafeRawBufferPointer {
      guard let all = files[unit.file]?.bytes, piece.start >= 0, piece.count >= 0,
        piece.start <= all.count, piece.count <= all.count - piece.start
      else { throw Damaged() }
      return UnsafeRawBufferPointer(rebasing: all[piece.start..<piece.start + piece.count])
    }

    func rows(_ count: KeyPath<LookBackState.ThinFile, Int>) -> Int {
      generations.reduce(0) { $0 + $1.units.reduce(0) { $0 + $1[keyPath: count] } }
    }

    /// Adds the rows that are live, or those of which `isWanted` says so by cell and generation.
    func add(
      _ kind: KeyPath<LookBackState.ThinFile, LookBackState.Piece?>, to claims: inout ThinClaims,
      _ range: ClosedRange<UInt16>, where isWanted: (UInt16) -> Bool
    ) throws {
      try add(kind, to: &claims, range) { cell, generation in
        isWanted(UInt16(truncatingIfNeeded: cell)) && live.areLive(cell, in: generation)
      }
    }

    func add(
      _ kind: KeyPath<LookBackState.ThinFile, LookBackState.Piece?>, to claims: inout ThinClaims,
      _ range: ClosedRange<UInt16>, where isWanted: (UInt32, Int) -> Bool
    ) throws {
      try each(range) { unit, number in
        guard let piece = unit[keyPath: kind] else { return }
        guard claims.append(try bytes(unit, piece), where: { cell in isWanted(cell, number) }) else { throw Damaged() }
      }
    }

    /// Adds the rows of a group of rules of which `isWanted` says so by the entity's place in a list, cell and
    /// generation.
    func add(
      group: Int, _ numbers: Range<Int>, to claims: inout ThinClaims, _ range: ClosedRange<UInt16>,
      _ entities: [Entity],
      where isWanted: (Int, UInt32, Int) -> Bool
    ) throws {
      try each(range) { unit, number in
        if !numbers.contains(number) { return }
        guard group < unit.persons.count else { throw Damaged() }
        guard
          claims.append(
            try bytes(unit, unit.persons[group]), slices: range, of: entities, where: { isWanted($0, $1, number) })
        else { throw Damaged() }
      }
    }

    func each(_ range: ClosedRange<UInt16>, _ body: (LookBackState.ThinFile, Int) throws -> Void) rethrows {
      for (number, generation) in generations.enumerated() {
        for unit in generation.units where unit.first <= range.upperBound && range.lowerBound <= unit.last {
          try body(unit, number)
        }
      }
    }
  }

  /// Equal ranges of slices for so many rows, and the straddling ones if any is wanted.
  private func units(
    _ rows: Int, _ straddling: StraddlingSlices, wantsStraddling: Bool
  ) -> [Unit] {
    let wanted = rows < Self.leastRows * 2 ? 1 : max(whole.jobs, rows / max(1, whole.unitRows) + 1)
    let count = min(256, wanted)
    var units = (0..<count).map { i in
      Unit(
        range: UInt16(i * 0x10000 / count)...UInt16((i + 1) * 0x10000 / count - 1), straddling: straddling,
        isOfStraddling: false)
    }
    if wantsStraddling, !straddling.isEmpty {
      units.append(Unit(range: 0...UInt16.max, straddling: straddling, isOfStraddling: true))
    }
    return units
  }

  /// Counts of persons before and now, and the slices of those who have hits in either.
  struct PersonChange: Sendable {
    var before = AuditPart()
    var now = AuditPart()
    var slices: Set<UInt16> = []
  }

  /// Of the persons who have something new.
  ///
  /// - Parameter before: what was dead before the newest generation.
  /// - Throws: `Damaged`.
  func personChanges(_ thin: ThinRows, _ before: DeadCells, _ work: Work) throws -> [PersonChange] {
    let groups = work.sorts.groups
    let wanted = try slicesThatMeetNewRows(thin, work)
    let most = wanted.flatMap(\.values).map { $0.count { $0 } }.max() ?? 0
    let straddling = work.links.straddling
    let units = units(
      thin.rows(\.personRows) / 0x1000 * most / 16, straddling, wantsStraddling: !straddling.isEmpty)
    return try inParallel(units.count, jobs: whole.jobs, worker: { () }) { i, _ in
      let worker = work.workers.take()
      defer { work.workers.giveBack(worker) }
      var change = PersonChange()
      for number in groups.indices {
        try sieve(group: number, wanted[number], of: units[i], thin, before, work, worker, into: &change)
      }
      return change
    }
  }

  /// Of each group the slices whose older rows the new ones can meet, by entity.
  private func slicesThatMeetNewRows(_ thin: ThinRows, _ work: Work) throws -> [[Entity: [Bool]]] {
    var wanted: [[Entity: [Bool]]] = []
    for (number, group) in work.sorts.groups.enumerated() {
      var changed: [Entity: [Bool]] = [:]
      for unit in thin.generations[thin.newest].units {
        guard number < unit.persons.count, let own = ThinClaims.slices(in: try thin.bytes(unit, unit.persons[number]))
        else {
          throw Damaged()
        }
        changed.merge(own) { a, b in a.indices.map { a[$0] || b[$0] } }
      }
      wanted.append(group.rowsThatMeet(changed, touched: work.links.touched, work.links.straddling))
    }
    return wanted
  }

  /// The counts and hits of a group's rules over a unit, as it is and as it was.
  private func sieve(
    group number: Int, _ slices: [Entity: [Bool]], of unit: Unit, _ thin: ThinRows, _ before: DeadCells, _ work: Work,
    _ worker: Worker, into change: inout PersonChange
  ) throws {
    let sieves = work.sorts.groups[number].sieves
    let newest = thin.newest
    let entities = Array(slices.keys)
    let wanted = entities.map { slices[$0] ?? [] }
    func isOfUnit(_ cell: UInt32) -> Bool { unit.contains(UInt16(truncatingIfNeeded: cell)) }
    // What stays is loaded once, for both.
    var now = ThinClaims(for: sieves, codes: worker.codes, named: false)
    try thin.add(group: number, 0..<newest, to: &now, unit.range, entities) { entity, cell, generation in
      wanted[entity][Int(cell & 0xFFFF)] && isOfUnit(cell) && thin.live.areLive(cell, in: generation)
    }
    var old = now
    if newest > 0, !work.links.touched.isEmpty {
      try thin.add(group: number, 0..<newest, to: &old, unit.range, entities) { _, cell, generation in
        isOfUnit(cell) && before.areLive(cell, in: generation) && !thin.live.areLive(cell, in: generation)
      }
    }
    try thin.add(group: number, newest..<newest + 1, to: &now, unit.range, entities) { _, cell, _ in isOfUnit(cell) }
    let (counts, slices) = sieved(sieves, now, whole)
    change.now.append(counts)
    change.slices.formUnion(slices)
    if newest > 0 {
      let (counts, slices) = sieved(sieves, old, work.then)
      change.before.append(counts)
      change.slices.formUnion(slices)
    }
  }

  /// What facts say of the rows in scope of rules whose facts are kept: how many are unevaluable by them, and the
  /// slices of those that may be hits. nil if a rule is stopped.
  func asked(
    _ thin: ThinRows, _ facts: PopulationFacts, _ rules: [Rule], _ workers: Workers
  ) throws -> (counts: AuditPart, slices: Set<UInt16>)? {
    let worker = workers.take()
    defer { workers.giveBack(worker) }
    func input(_ claims: EffectiveClaims) -> AuditInput {
      var input = whole.auditInput(claims)
      input.facts = facts
      return input
    }
    var open = OpenFacts(rules: rules, input(EffectiveClaims(codes: worker.codes, tables: [:])))
    try thin.each(0...UInt16.max) { unit, number in
      guard let piece = unit.open,
        open.append(try thin.bytes(unit, piece), where: { thin.live.areLive($0, in: number) })
      else { throw Damaged() }
    }
    return open.asked(shelf: whole.shelf, input: input).map { counts, cells in
      (counts, Set(cells.map { UInt16(truncatingIfNeeded: $0) }))
    }
  }

  /// The counts of rules over thin rows, and the slices of hits.
  private func sieved(
    _ sieves: [Rule], _ rows: ThinClaims, _ evaluation: ClaimEvaluation, facts: PopulationFacts? = nil
  ) -> (AuditPart, Set<UInt16>) {
    var input = evaluation.auditInput(rows.claimsAsAdded())
    input.facts = facts
    let (counts, hits) = sievePart(sieves: sieves, input, shelf: evaluation.shelf)
    return (counts, Set(rows.cells(hits).map { UInt16(truncatingIfNeeded: $0) }))
  }

  /// Facts of all populations; the counts of the rules, and the slices of hits.
  func factParts(
    _ thin: ThinRows, _ rules: [Rule], _ work: Work
  ) throws -> (counts: AuditPart, slices: Set<UInt16>, facts: PopulationFacts) {
    let workers = work.workers
    let units = units(thin.rows(\.factRows), work.links.straddling, wantsStraddling: true)
    let sieves = rules.map(\.sieve)
    @Sendable func load(_ unit: Unit, _ worker: Worker) throws -> ThinClaims {
      var rows = ThinClaims(for: sieves, codes: worker.codes, named: false)
      try thin.add(\.facts, to: &rows, unit.range, where: unit.contains)
      return rows
    }
    // As many as threads stay loaded between the two passes.
    let staysLoaded = units.count <= whole.jobs + 1
    struct Loaded: Sendable {
      var facts: FactPart
      var rows: ThinClaims?
      var worker: Worker?
    }
    let first = try inParallel(units.count, jobs: whole.jobs, worker: { () }) { i, _ in
      let worker = workers.take()
      let rows = try load(units[i], worker)
      let facts = factPart(rules: sieves, whole.auditInput(rows.claimsAsAdded()), shelf: whole.shelf)
      if staysLoaded { return Loaded(facts: facts, rows: rows, worker: worker) }
      workers.giveBack(worker)
      return Loaded(facts: facts)
    }
    let facts = mergedFacts(first.map(\.facts))
    let second = try inParallel(units.count, jobs: whole.jobs, worker: { () }) { i, _ in
      let worker = first[i].worker ?? workers.take()
      defer { workers.giveBack(worker) }
      return sieved(sieves, try first[i].rows ?? load(units[i], worker), whole, facts: facts)
    }
    var counts = AuditPart()
    for (part, _) in second { counts.append(part) }
    return (counts, second.reduce(into: Set<UInt16>()) { $0.formUnion($1.1) }, facts)
  }
}
