import Audit
import ClaimModel
import ClaimStore
import Diagnostics
import Normalize
import Registries
import RulePacks
import Synchronization

/// Evaluates what a new batch changes, and adds it to what the last run left of the store (`LookBackState`).
///
/// Rules whose hits keep to linked rows are run over the new rows and the older ones that share an id with them; what
/// those gave without the new rows is taken out. Other rules of a person run over thin rows of the persons who have
/// something new, once as they were and once as they are; rules with facts, and rules about everything, over the thin rows
/// of all. The result is that of `ClaimEvaluation` over the whole store.
struct LookBackEvaluation: Sendable {
  /// The evaluation of the whole store, whose settings are these.
  let whole: ClaimEvaluation
  let ledger: Ledger
  let segments: [LiveSegment]
  /// Batch id without revision.
  let batch: String
  let columns: [ClaimTable: Set<String>?]
  let binding: String

  /// The state, or a file of it, is not what was written.
  struct Damaged: Error {}

  /// Settings under which a state holds.
  static func binding(
    configuration: [String: [String: String]], rules: [Rule], excludedSetlTypes: Set<String>, fillFloor: Int,
    incompleteTables: [ClaimTable: String]
  ) -> String {
    var lines = [LookBackState.format, toolVersion, "fill \(fillFloor)"]
    lines += configuration.sorted { $0.key < $1.key }.flatMap { kind, digests in
      digests.sorted { bytesPrecede($0.key, $1.key) }.map { "\(kind) \($0.key) \($0.value)" }
    }
    lines += excludedSetlTypes.sorted(by: bytesPrecede).map { "excluded \($0)" }
    lines += incompleteTables.keys.map { "incomplete \($0.name)" }.sorted()
    lines += rules.map { "rule \($0.id) \($0.version) \($0.status.rawValue)" }
    return SHA256Hasher.hex(of: lines.joined(separator: "\n"))
  }

  /// The rules, by how much of the claims they need.
  private struct Sorts: Sendable {
    var all: [Rule]
    var linked: [Rule]
    var persons: [Rule]
    var facts: [Rule]
    var everything: [Rule]

    init(_ rules: [Rule]) {
      all = rules.filter { $0.status == .active || $0.status == .shadow }
      linked = all.filter { $0.reach == .person && $0.keepsToLinkedRows }
      persons = all.filter { $0.reach == .person && !$0.keepsToLinkedRows }
      facts = all.filter { $0.reach == .personWithFacts }
      everything = all.filter { $0.reach == .everything }
    }
  }

  /// What a thread works with; each is used by one at a time.
  private final class Worker: @unchecked Sendable {
    let codes: CodeTable
    private let mark: Int

    init(_ codes: CodeTable) {
      self.codes = CodeTable(copying: codes)
      mark = codes.count
    }

    func forget() { codes.rollBack(to: mark) }
  }

  /// Workers that are free: a code table with the texts of the registries is dear to copy.
  private final class Workers: Sendable {
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
  private struct Unit: Sendable {
    var range: ClosedRange<UInt16>
    var straddling: StraddlingSlices
    var isOfStraddling: Bool

    func contains(_ slice: UInt16) -> Bool {
      range.contains(slice) && straddling.contains(slice) == isOfStraddling
    }
  }

  /// What one unit of new and touched rows gives.
  private struct Part: Sendable {
    var linkedBefore = AuditPart()
    var linked = AuditPart()
    var figuresBefore: UnitFigures
    var figures: UnitFigures
    var homes: [String: Set<UInt16>] = [:]
    var files: LookBackState.ThinFiles
  }

  /// - Returns: nil if the rules, or what they found, can't be kept apart like this; then nothing is known.
  /// - Throws: `Damaged`, errors of the store.
  func run(from old: LookBackState?) throws -> (outcome: ClaimEvaluation.Outcome, state: LookBackState)? {
    let sorts = Sorts(whole.rules)
    if sorts.all.contains(where: \.readsPersons) { return nil }
    let fresh = old == nil ? Set(segments.map(\.batch)) : [batch]
    var batches = old?.batches ?? []
    for segment in segments where fresh.contains(segment.batch) && !batches.contains(segment.batch) {
      batches.append(segment.batch)
    }
    if batches.count > Int(UInt16.max) { return nil }
    let placeOf = Dictionary(uniqueKeysWithValues: batches.enumerated().map { ($1, UInt32($0)) })
    let placeOfSegment = segments.map { placeOf[$0.batch] ?? 0 }
    let parts = try ledger.parts()
    let workers = Workers(whole.codes)

    // What is new, and what it hangs together with.
    let keys = try newKeys(fresh, parts, placeOfSegment)
    let oldKeys = try (old?.keys ?? []).map { file in
      guard let bytes = ledger.evaluationBytes(file), let keys = LinkKeys(bytes) else { throw Damaged() }
      return keys
    }
    let touched = TouchedCells(new: keys.values.flatMap { $0 }.sorted(), old: oldKeys)
    let straddling = StraddlingSlices(touched.straddling.union(old?.straddling ?? []))
    var keyFiles = old?.keys ?? []
    for place in keyFiles.count..<batches.count {
      keyFiles.append(try ledger.writeEvaluationFile(LinkKeys.bytes(keys[UInt32(place)] ?? [])))
    }

    // New and touched rows: what they gave before, what they give now.
    let given = try deltaParts(
      fresh, touched: touched.cells, parts, placeOfSegment, batches, straddling, sorts, workers)
    guard
      var figures = old.map({ UnitFigures($0.figures, numbers: segments.map(\.record.number)) })
        ?? UnitFigures(segments: segments.count)
    else { throw Damaged() }
    var linked = old?.linked ?? AuditPart()
    var homes = (old?.homes ?? [:]).mapValues(Set.init)
    for part in given {
      guard part.linked.isPlain, part.linkedBefore.isPlain else { return nil }
      guard linked.remove(part.linkedBefore) else { throw Damaged() }
      for finding in part.linkedBefore.allFindings { homes[finding.id] = nil }
      if !figures.remove(part.figuresBefore) { return nil }
    }
    for part in given {
      linked.append(part.linked)
      homes.merge(part.homes) { $0.union($1) }
      figures.add(part.figures)
    }
    var generations = old?.generations ?? []
    let before = DeadCells(generations)
    generations.append(LookBackState.Generation(units: given.map(\.files), touched: touched.cells.sorted()))
    let thin = try ThinRows(generations, ledger)

    // Persons who have something new, as they were and as they are.
    var persons = old?.persons ?? AuditPart()
    if !sorts.persons.isEmpty {
      var wanted = [Bool](repeating: false, count: PersonSlice.count)
      for key in keys.values.joined() { wanted[Int(key & 0xFFFF)] = true }
      for cell in touched.cells { wanted[Int(cell & 0xFFFF)] = true }
      if straddling.slices.contains(where: { wanted[Int($0)] }) {
        for slice in straddling.slices { wanted[Int(slice)] = true }
      }
      let changes = try personParts(wanted, thin, before, straddling, sorts.persons, workers)
      var now = AuditPart()
      var then = AuditPart()
      for change in changes {
        now.append(change.now)
        then.append(change.before)
      }
      // Who has hits, before or now, with all that findings are made of.
      let slices = changes.reduce(into: Set<UInt16>()) { $0.formUnion($1.slices) }
      if old != nil {
        let found = try findings(
          of: slices, sorts.persons, batches: Set(old?.batches ?? []), parts, straddling, workers)
        then = found.part.counted(by: then)
      }
      let found = try findings(of: slices, sorts.persons, batches: nil, parts, straddling, workers)
      now = found.part.counted(by: now)
      guard then.isPlain, now.isPlain else { return nil }
      guard persons.remove(then) else { throw Damaged() }
      for finding in then.allFindings { homes[finding.id] = nil }
      persons.append(now)
      homes.merge(found.homes) { $0.union($1) }
    }

    // Everybody, of whom something may have changed through others.
    var audits = [linked, persons]
    let state = LookBackState(
      binding: binding, segments: segments.map(LookBackState.Segment.init),
      figures: figures.stored(segments.map(\.record.number)), linked: linked, persons: persons,
      homes: homes.mapValues { $0.sorted() }, straddling: straddling.slices, batches: batches, keys: keyFiles,
      generations: generations)
    if !sorts.facts.isEmpty {
      let (counts, slices, facts) = try factParts(thin, straddling, sorts.facts, workers)
      let found = try findings(
        of: slices, sorts.facts, facts: facts, batches: nil, parts, straddling, workers)
      audits.append(found.part.counted(by: counts))
      homes.merge(found.homes) { $0.union($1) }
    }
    var census: EffectiveClaims?
    if !sorts.everything.isEmpty {
      let codes = CodeTable(copying: whole.codes)
      var all = ThinClaims(for: sorts.everything, codes: codes)
      try thin.add(\.everything, to: &all, 0...UInt16.max) { _ in true }
      let claims = all.claims(codes: codes)
      audits.append(auditPart(rules: sorts.everything, whole.auditInput(claims), shelf: whole.shelf))
      census = claims
    }
    if !rulesWithSharedKeys(audits).isEmpty { return nil }
    let result = try finish(
      audits, rules: whole.rules, registries: whole.shelf.registries, fillFloorPercent: whole.fillFloor,
      incompleteTables: whole.incompleteTables)
    let outcome = ClaimEvaluation.Outcome(
      result: result, figures: figures, units: given.count, straddling: straddling.slices, homes: homes, thin: census)
    return (outcome, state)
  }

  // MARK: New rows

  /// The keys of the new rows by batch, ascending.
  private func newKeys(
    _ fresh: Set<String>, _ parts: [PartRecord], _ placeOfSegment: [UInt32]
  ) throws -> [UInt32: [UInt64]] {
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
      var keys: [UInt32: [UInt64]] = [:]
      if isOne,
        let place = raw.values.lazy.compactMap({ $0.origin.first }).first.map({ placeOfSegment[Int($0.segment)] })
      {
        appendUnitKeys(raw, codes: codes, to: &keys[place, default: []])
        return keys
      }
      for place in Set(raw.values.flatMap { rows in rows.origin.map { placeOfSegment[Int($0.segment)] } }).sorted() {
        let own = raw.mapValues { rows in
          rows.selecting(rows.origin.indices.filter { placeOfSegment[Int(rows.origin[$0].segment)] == place })
        }
        appendUnitKeys(own, codes: codes, to: &keys[place, default: []])
      }
      return keys
    }
    var result: [UInt32: [UInt64]] = [:]
    for keys in found { result.merge(keys) { $0 + $1 } }
    return result.mapValues { $0.sorted() }
  }

  /// Ranges of slices with so many rows each that they fit into memory and keep all threads busy.
  private func ranges(of reader: StoreReader) -> [ClosedRange<UInt16>] {
    var perTop = [Int](repeating: 0, count: 256)
    for table in ClaimTable.allCases { for (top, n) in reader.rows(table).enumerated() { perTop[top] += n } }
    let shared = perTop.reduce(0, +) / max(1, whole.jobs) + 1
    return ClaimUnits(rows: perTop, wanted: min(whole.unitRows, max(shared, Self.leastRows))).ranges
  }

  /// Fewer rows are not worth a thread.
  private static let leastRows = 10_000

  private func deltaParts(
    _ fresh: Set<String>, touched: Set<UInt32>, _ parts: [PartRecord], _ placeOfSegment: [UInt32], _ batches: [String],
    _ straddling: StraddlingSlices, _ sorts: Sorts, _ workers: Workers
  ) throws -> [Part] {
    let new = try StoreReader(
      ledger, live: segments, columns: columns, places: whole.ofBatch, batches: fresh, parts: parts)
    let older = try StoreReader(
      ledger, live: segments, columns: columns, places: whole.ofBatch,
      batches: Set(Set(touched.map { $0 >> 16 }).map { batches[Int($0)] }), parts: parts)
    let setting = Setting(self, sorts.all)
    let ofNone = segments.map { _ in false }
    var units = ranges(of: new).map { Unit(range: $0, straddling: straddling, isOfStraddling: false) }
    if !straddling.isEmpty { units.append(Unit(range: 0...UInt16.max, straddling: straddling, isOfStraddling: true)) }
    let all = units
    return try inParallel(all.count, jobs: whole.jobs, worker: { () }) { i, _ in
      let unit = all[i]
      let worker = workers.take()
      defer { workers.giveBack(worker) }
      let codes = worker.codes
      var raw: [ClaimTable: RawRows]
      if unit.isOfStraddling {
        raw = try new.load(slices: Set(straddling.slices), codes: codes)
      } else {
        raw = try new.load(slices: unit.range, codes: codes)
        if straddling.touches(unit.range) { raw = raw.mapValues { $0.without(straddling) } }
      }
      var part = Part(
        figuresBefore: UnitFigures(segments: segments.count), figures: UnitFigures(segments: segments.count),
        files: LookBackState.ThinFiles(first: unit.range.lowerBound, last: unit.range.upperBound))
      let slices = Set(touched.map { UInt16(truncatingIfNeeded: $0) }.filter(unit.contains))
      if !slices.isEmpty {
        let before = try older.load(slices: slices, codes: codes).mapValues { rows in
          let own = rows.origin.indices.filter {
            touched.contains(placeOfSegment[Int(rows.origin[$0].segment)] << 16 | UInt32(rows.slice[$0]))
          }
          return own.count == rows.count ? rows : rows.selecting(own)
        }
        let claims = try setting.normalized(before, codes)
        part.figuresBefore.add(raw: before, claims, ofBatch: ofNone)
        part.linkedBefore = auditPart(rules: sorts.linked, whole.auditInput(claims.claims), shelf: whole.shelf)
        for (table, rows) in before { raw[table, default: RawRows(table: table)].append(rows) }
      }
      let claims = try setting.normalized(raw, codes)
      part.figures.add(raw: raw, claims, ofBatch: whole.ofBatch)
      part.linked = auditPart(rules: sorts.linked, whole.auditInput(claims.claims), shelf: whole.shelf)
      part.homes = findingHomes(part.linked.allFindings, claims.claims)
      let cells = cells(of: claims.claims, placeOfSegment)
      func image(_ rules: [Rule], _ seeds: [Entity: [Bool]], named: Bool = true) throws -> (EvaluationFile, Int)? {
        if rules.isEmpty { return nil }
        var thin = ThinClaims(for: rules, named: named)
        thin.appendReachable(claims.claims, cells: cells, seeds: seeds)
        return (try ledger.writeEvaluationFile(thin.image()), thin.count)
      }
      func seeds(_ rules: [Rule], narrowed: Bool = true) -> [Entity: [Bool]] {
        Audit.seeds(rules: rules, whole.auditInput(claims.claims), shelf: whole.shelf, narrowed: narrowed)
      }
      (part.files.persons, part.files.personRows) =
        try image(sorts.persons.map(\.sieve), seeds(sorts.persons), named: false) ?? (nil, 0)
      (part.files.facts, part.files.factRows) =
        try image(sorts.facts.map(\.sieve), seeds(sorts.facts), named: false) ?? (nil, 0)
      part.files.everything = try image(sorts.everything, seeds(sorts.everything, narrowed: false))?.0
      return part
    }
  }

  /// How raw rows become claims: the same for all of them.
  private struct Setting: Sendable {
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
      identities = evaluation.segments.map(\.identity)
      excludedSetlTypes = whole.excludedSetlTypes
    }

    func normalized(_ raw: [ClaimTable: RawRows], _ codes: CodeTable) throws -> Normalized {
      try effectiveClaims(
        NormalizationInput(
          raw: raw, segments: identities, medTypes: medTypes, excludedSetlTypes: excludedSetlTypes, codes: codes,
          linksPersons: false, namesLines: false, keptColumns: kept))
    }
  }

  /// What rules find among all claims of some slices: findings and suppressions; the counts mean nothing. Slices that
  /// straddle are looked at together, all of them if there is one.
  ///
  /// - Parameter batches: of which rows are read; nil: of all.
  private func findings(
    of slices: Set<UInt16>, _ rules: [Rule], facts: PopulationFacts? = nil, batches: Set<String>?,
    _ parts: [PartRecord], _ straddling: StraddlingSlices, _ workers: Workers
  ) throws -> (part: AuditPart, homes: [String: Set<UInt16>]) {
    let alone = slices.filter { !straddling.contains($0) }.sorted()
    let size = min(2_000, max(50, alone.count / max(1, whole.jobs) + 1))
    var chunks = stride(from: 0, to: alone.count, by: size).map { Set(alone[$0..<min($0 + size, alone.count)]) }
    if alone.count < slices.count { chunks.append(Set(straddling.slices)) }
    let all = chunks
    let reader = try StoreReader(ledger, live: segments, columns: columns, batches: batches, parts: parts)
    let setting = Setting(self, rules)
    let found = try inParallel(all.count, jobs: whole.jobs, worker: { () }) { i, _ in
      let worker = workers.take()
      defer { workers.giveBack(worker) }
      let claims = try setting.normalized(reader.load(slices: all[i], codes: worker.codes), worker.codes).claims
      var input = whole.auditInput(claims)
      input.facts = facts
      let part = auditPart(rules: rules, input, shelf: whole.shelf)
      return (part, findingHomes(part.allFindings, claims))
    }
    var part = AuditPart()
    var homes: [String: Set<UInt16>] = [:]
    for (one, own) in found {
      part.append(one)
      homes.merge(own) { $0.union($1) }
    }
    return (part, homes)
  }

  /// Batch and slice of each row, by entity.
  private func cells(of claims: EffectiveClaims, _ placeOfSegment: [UInt32]) -> [Entity: [UInt32]] {
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

  // MARK: Thin rows

  /// The thin rows of all generations.
  private struct ThinRows: Sendable {
    let generations: [LookBackState.Generation]
    private let files: [EvaluationFile: EvaluationBytes]
    let live: DeadCells

    init(_ generations: [LookBackState.Generation], _ ledger: Ledger) throws {
      self.generations = generations
      live = DeadCells(generations)
      var files: [EvaluationFile: EvaluationBytes] = [:]
      for file in generations.flatMap({ $0.units.flatMap(\.all) }) {
        guard let bytes = ledger.evaluationBytes(file) else { throw Damaged() }
        files[file] = bytes
      }
      self.files = files
    }

    func rows(_ count: KeyPath<LookBackState.ThinFiles, Int>) -> Int {
      generations.reduce(0) { $0 + $1.units.reduce(0) { $0 + $1[keyPath: count] } }
    }

    /// Adds the rows that are live, or those of which `isWanted` says so by cell and generation.
    func add(
      _ kind: KeyPath<LookBackState.ThinFiles, EvaluationFile?>, to claims: inout ThinClaims,
      _ range: ClosedRange<UInt16>, where isWanted: (UInt16) -> Bool
    ) throws {
      try add(kind, to: &claims, range) { cell, generation in
        isWanted(UInt16(truncatingIfNeeded: cell)) && live.areLive(cell, in: generation)
      }
    }

    func add(
      _ kind: KeyPath<LookBackState.ThinFiles, EvaluationFile?>, to claims: inout ThinClaims,
      _ range: ClosedRange<UInt16>, where isWanted: (UInt32, Int) -> Bool
    ) throws {
      for (number, generation) in generations.enumerated() {
        for unit in generation.units where unit.first <= range.upperBound && range.lowerBound <= unit.last {
          guard let file = unit[keyPath: kind] else { continue }
          guard let bytes = files[file], claims.append(bytes.bytes, where: { isWanted($0, number) }) else {
            throw Damaged()
          }
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
  private struct PersonChange: Sendable {
    var before = AuditPart()
    var now = AuditPart()
    var slices: Set<UInt16> = []
  }

  private func personParts(
    _ wanted: [Bool], _ thin: ThinRows, _ before: DeadCells, _ straddling: StraddlingSlices, _ rules: [Rule],
    _ workers: Workers
  ) throws -> [PersonChange] {
    let share = wanted.count { $0 }
    let units = units(
      thin.rows(\.personRows) / 0x1000 * share / 16, straddling,
      wantsStraddling: straddling.slices.contains { wanted[Int($0)] })
    let newest = thin.generations.count - 1
    let sieves = rules.map(\.sieve)
    return try inParallel(units.count, jobs: whole.jobs, worker: { () }) { i, _ in
      let unit = units[i]
      let worker = workers.take()
      defer { workers.giveBack(worker) }
      func isOfUnit(_ cell: UInt32) -> Bool {
        let slice = UInt16(truncatingIfNeeded: cell)
        return wanted[Int(slice)] && unit.contains(slice)
      }
      // What stays is loaded once, for both.
      var now = ThinClaims(for: sieves, codes: worker.codes, named: false)
      try thin.add(\.persons, to: &now, unit.range) { cell, generation in
        generation < newest && isOfUnit(cell) && thin.live.areLive(cell, in: generation)
      }
      var old = now
      if newest > 0 {
        try thin.add(\.persons, to: &old, unit.range) { cell, generation in
          generation < newest && isOfUnit(cell) && before.areLive(cell, in: generation)
            && !thin.live.areLive(cell, in: generation)
        }
      }
      try thin.add(\.persons, to: &now, unit.range) { cell, generation in generation == newest && isOfUnit(cell) }
      var change = PersonChange()
      (change.now, change.slices) = sieved(sieves, now)
      if newest > 0 {
        let (counts, slices) = sieved(sieves, old)
        change.before = counts
        change.slices.formUnion(slices)
      }
      return change
    }
  }

  /// The counts of rules over thin rows, and the slices of hits.
  private func sieved(
    _ sieves: [Rule], _ rows: ThinClaims, facts: PopulationFacts? = nil
  ) -> (AuditPart, Set<UInt16>) {
    var input = whole.auditInput(rows.claimsAsAdded())
    input.facts = facts
    let (counts, hits) = sievePart(sieves: sieves, input, shelf: whole.shelf)
    return (counts, Set(rows.cells(hits).map { UInt16(truncatingIfNeeded: $0) }))
  }

  /// Facts of all populations; the counts of the rules, and the slices of hits.
  private func factParts(
    _ thin: ThinRows, _ straddling: StraddlingSlices, _ rules: [Rule], _ workers: Workers
  ) throws -> (counts: AuditPart, slices: Set<UInt16>, facts: PopulationFacts) {
    let units = units(thin.rows(\.factRows), straddling, wantsStraddling: true)
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
      return sieved(sieves, try first[i].rows ?? load(units[i], worker), facts: facts)
    }
    var counts = AuditPart()
    for (part, _) in second { counts.append(part) }
    return (counts, second.reduce(into: Set<UInt16>()) { $0.formUnion($1.1) }, facts)
  }
}
