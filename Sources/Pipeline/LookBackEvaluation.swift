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
    let found = try inParallel(all.count, jobs: whole.jobs, memory: whole.memory, worker: { () }) { i, _ in
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
