import Audit
import ClaimModel
import ClaimStore
import RulePacks

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
    return try inParallel(units.count, jobs: whole.jobs, memory: whole.memory, worker: { () }) { i, _ in
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
    let first = try inParallel(units.count, jobs: whole.jobs, memory: whole.memory, worker: { () }) { i, _ in
      let worker = workers.take()
      let rows = try load(units[i], worker)
      let facts = factPart(rules: sieves, whole.auditInput(rows.claimsAsAdded()), shelf: whole.shelf)
      if staysLoaded { return Loaded(facts: facts, rows: rows, worker: worker) }
      workers.giveBack(worker)
      return Loaded(facts: facts)
    }
    let facts = mergedFacts(first.map(\.facts))
    let second = try inParallel(units.count, jobs: whole.jobs, memory: whole.memory, worker: { () }) { i, _ in
      let worker = first[i].worker ?? workers.take()
      defer { workers.giveBack(worker) }
      return sieved(sieves, try first[i].rows ?? load(units[i], worker), whole, facts: facts)
    }
    var counts = AuditPart()
    for (part, _) in second { counts.append(part) }
    return (counts, second.reduce(into: Set<UInt16>()) { $0.formUnion($1.1) }, facts)
  }
}
