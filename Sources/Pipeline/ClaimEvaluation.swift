import Audit
import ClaimModel
import Diagnostics
import Foundation
import Normalize
import Registries
import RulePacks
import Synchronization

/// Evaluates rules over claims of any number, unit by unit: only the units under work are in memory.
///
/// A unit is all rows of a range of person slices. What one finding needs is in one unit, but for three cases that are
/// seen to: a key that stands in more than one slice (`StraddlingSlices`), rules that read figures of a population, and
/// rules that look at more than one person (`RuleReach`). The result is that of `audit` over everything at once, whatever
/// the units and the number of threads.
struct ClaimEvaluation: Sendable {
  let source: any ClaimRowSource
  let rules: [Rule]
  /// The registries and their indexes, which all threads share.
  var shelf: RegistryShelf
  /// The table in which the registries were interned; every thread works on a copy.
  let codes: CodeTable
  let excludedSetlTypes: Set<String>
  let fillFloor: Int
  let incompleteTables: [ClaimTable: String]
  /// Of each segment whether it is of the batch that the report is about.
  let ofBatch: [Bool]
  let jobs: Int
  /// Bytes that the process may take.
  var memory = Int.max
  /// Rows of all tables that a unit should hold at most.
  var unitRows = ClaimUnits.mostRows
  /// Bytes, about, that all units together may keep of their claims for the second pass; what finds no room is loaded
  /// again. Any number gives the same.
  var keptBytes = Self.mostKeptBytes

  static let mostKeptBytes = 256 << 20

  /// The report's figures are wanted; else of them only the fee lines that count.
  var reckonsFigures = true

  /// Where rows and facts go that units leave for rules about everybody, and the units' keys, beyond `mostHeldBytes` of
  /// each, or `keptBytes` if that is less; nil: they are all held.
  var spillFolder: String?

  private static let mostHeldBytes = 32 << 20

  /// What may be kept within the memory of a run.
  static func keptBytes(within memory: Int) -> Int { min(mostKeptBytes, memory / 8) }

  /// What came out of all units.
  struct Outcome: Sendable {
    var result: AuditResult
    /// Only `countingLines` is set without `reckonsFigures`.
    var figures: UnitFigures
    var units: Int
    /// Slices that share a key with another one.
    var straddling: [UInt16]
    /// By finding the slices in which its settlements and its person are.
    var homes: [String: Set<UInt16>]
    /// The tables over which rules about more than one person were run; nil where there are none.
    var thin: EffectiveClaims?
    /// Of all claims; nil where no rule of a person's rows asks for any, or where they were not kept.
    var facts: PopulationFacts?
  }

  /// What one unit gives in the first pass.
  private struct Part: Sendable {
    var audit: AuditPart
    var facts: UnitFacts
    var figures: UnitFigures
    /// For rules over groups of everybody's rows, and for other rules about everybody.
    var groups: GroupsOfPart
    var groupRows: RowsAside.Place
    var thinRows: RowsAside.Place?
    /// What the second pass needs of the unit; nil: it is loaded again.
    var kept: PendingPart?
    var homes: [String: Set<UInt16>]
    var keys: KeysAside.Place?
  }

  /// What a unit says about populations.
  private enum UnitFacts: Sendable {
    case held(FactPart)
    /// As `FactPart.image`: a sixth of the memory, and none beyond what is held.
    case aside(RowsAside.Place)
  }

  /// What the second pass gives.
  private enum Late: Sendable {
    case ofUnit(AuditPart, homes: [String: Set<UInt16>])
    case ofEverything(AuditPart, EffectiveClaims)
    case ofGroups(AuditPart)
  }

  /// Bytes that are still free for what units keep.
  private final class Room: Sendable {
    private let free: Mutex<Int>

    init(_ bytes: Int) { free = Mutex(bytes) }

    var isLeft: Bool { free.withLock { $0 > 0 } }

    /// False if there is not so much; then nothing is taken, and nobody else needs to try.
    func take(_ bytes: Int) -> Bool {
      free.withLock { free in
        if bytes > free {
          free = min(free, 0)
          return false
        }
        free -= bytes
        return true
      }
    }

    func giveBack(_ bytes: Int) { free.withLock { $0 += bytes } }
  }

  /// How units are loaded: the same for all of them.
  private struct Loading: Sendable {
    let linksPersons: Bool
    let columns: [ClaimTable: Set<String>]
    let medTypes: [MedTypeRow]?

    init(_ evaluation: ClaimEvaluation, _ rules: [Rule]) {
      let needed = Audit.neededColumns(rules: rules)
      linksPersons = rules.contains(where: \.readsPersons)
      columns = Dictionary(
        uniqueKeysWithValues: ClaimTable.allCases.map { ($0, (needed[$0] ?? []).union(UnitFigures.columns($0))) })
      medTypes = evaluation.shelf.registries["med_type_b"].map { StoreState.medTypes($0, evaluation.codes) }
    }
  }

  /// The rules that are run, by how much of the claims they need.
  private struct Sorts: Sendable {
    /// Each of these is in one of the others.
    let all: [Rule]
    let persons: [Rule]
    let facts: [Rule]
    /// Over groups of everybody's rows.
    let groups: GroupsOfAll
    /// Over all rows of a few columns.
    let everything: [Rule]

    init(_ rules: [Rule]) {
      all = rules.filter { $0.status == .active || $0.status == .shadow }
      persons = all.filter { $0.reach == .person }
      facts = all.filter { $0.reach == .personWithFacts }
      groups = GroupsOfAll(all.filter { $0.reach == .everything && GroupsOfAll.takes($0) })
      everything = all.filter { $0.reach == .everything && !GroupsOfAll.takes($0) }
    }
  }

  /// What all units are worked on with, and where they leave what is for later.
  private struct Work: Sendable {
    let sorts: Sorts
    let loading: Loading
    let rowsAside: RowsAside
    let keysAside: KeysAside
    let room: Room

    init(_ evaluation: ClaimEvaluation) {
      sorts = Sorts(evaluation.rules)
      loading = Loading(evaluation, sorts.all)
      let held = min(ClaimEvaluation.mostHeldBytes, evaluation.keptBytes)
      rowsAside = RowsAside(folder: evaluation.spillFolder, held: held)
      keysAside = KeysAside(folder: evaluation.spillFolder, held: held)
      room = Room(sorts.facts.isEmpty ? 0 : evaluation.keptBytes)
    }
  }

  /// What is evaluated together: a range of slices without those that straddle, or all that straddle.
  private enum Unit: Sendable {
    case range(ClosedRange<UInt16>)
    case straddling
  }

  /// What the first pass leaves of all units.
  private struct FirstPass {
    var units: [Unit]
    /// Of each unit.
    var parts: [Part]
    /// Slices that share a key with another one.
    var shared = StraddlingSlices([])
    /// Those of them that are evaluated as a unit of their own.
    var straddling = StraddlingSlices([])

    /// Of each unit what the second pass needs; the parts have it no more.
    mutating func takeKept() -> [PendingPart?] {
      let kept = parts.map(\.kept)
      for i in parts.indices { parts[i].kept = nil }
      return kept
    }
  }

  /// What all units gave, as far as the passes have come.
  private struct Found {
    var audits: [AuditPart]
    var homes: [String: Set<UInt16>] = [:]
    var thin: EffectiveClaims?

    init(_ parts: [Part]) {
      audits = parts.map(\.audit)
      for part in parts { homes.merge(part.homes) { $0.union($1) } }
    }

    mutating func add(_ late: Late) {
      switch late {
      case .ofUnit(let part, let own):
        audits.append(part)
        homes.merge(own) { $0.union($1) }
      case .ofEverything(let part, let claims):
        audits.append(part)
        thin = claims
      case .ofGroups(let part): audits.append(part)
      }
    }
  }

  func run() throws -> Outcome {
    do {
      return try evaluated()
    } catch is DamagedImage {
      throw Diagnostic(
        .error, "partition.io", "What was put aside can't be read: it is not what was written",
        at: Place(file: spillFolder), remedy: "Look at the disk; give the same command again.")
    }
  }

  private func evaluated() throws -> Outcome {
    let work = Work(self)
    var pass = try firstPass(work)
    let facts = try mergedFacts(pass.parts, work)
    var found = Found(pass.parts)
    try secondPass(&pass, facts, work, adding: &found)
    try auditAgainWhereKeysAreShared(&found.audits, pass, work)

    var figures = UnitFigures(segments: source.identities.count)
    for part in pass.parts { figures.add(part.figures) }
    let result = try finish(
      found.audits, rules: rules, registries: shelf.registries, fillFloorPercent: fillFloor,
      incompleteTables: incompleteTables)
    return Outcome(
      result: result, figures: figures, units: pass.units.count, straddling: pass.shared.slices, homes: found.homes,
      thin: found.thin, facts: facts)
  }

  // MARK: First pass

  /// Everything that one person's rows decide.
  private func firstPass(_ work: Work) throws -> FirstPass {
    let ranges = unitRanges()
    let units = ranges.map(Unit.range)
    var pass = FirstPass(
      units: units,
      parts: try inParallel(units, work.loading, straddling: nil) { try part($0, $1, $2, work, keys: true) })
    pass.shared = try straddlingSlices(of: pass.parts.compactMap(\.keys), work.keysAside)
    for i in pass.parts.indices { pass.parts[i].keys = nil }
    // In one unit they are together anyway; packets need to know them all the same.
    if ranges.count > 1, !pass.shared.isEmpty {
      pass.straddling = pass.shared
      try putStraddlingTogether(&pass, ranges, work)
    }
    return pass
  }

  private func unitRanges() -> [ClosedRange<UInt16>] {
    var perGroup: [Int] = []
    for table in ClaimTable.allCases {
      let own = source.rows(table)
      perGroup = perGroup.isEmpty ? own : zip(perGroup, own).map { $0 + $1 }
    }
    return ClaimUnits(rows: perGroup, most: unitRows, jobs: jobs).ranges
  }

  /// What the first pass makes of a unit.
  ///
  /// - Parameter keys: the unit's keys are wanted.
  private func part(
    _ claims: Normalized, _ raw: [ClaimTable: RawRows], _ worker: Worker, _ work: Work, keys: Bool
  ) throws -> Part {
    let sorts = work.sorts
    var figures = UnitFigures(segments: source.identities.count)
    if reckonsFigures {
      figures.add(raw: raw, claims, ofBatch: ofBatch)
    } else {
      figures.addLines(claims.claims)
    }
    let input = auditInput(claims.claims)
    var thinRows: RowsAside.Place?
    if !sorts.everything.isEmpty {
      let seeds = seeds(rules: sorts.everything, input, shelf: shelf)
      thinRows = try work.rowsAside.keep(ThinClaims.packed(sorts.everything, claims.claims, seeds: seeds))
    }
    var groups = sorts.groups.part(input, shelf: shelf)
    let groupRows = try work.rowsAside.keep(groups.rows)
    groups.rows = []
    let audit = auditPart(rules: sorts.persons, input, shelf: shelf)
    var part = Part(
      audit: audit, facts: try facts(input, work), figures: figures,
      groups: groups, groupRows: groupRows, thinRows: thinRows, kept: kept(input, work),
      homes: findingHomes(audit.allFindings, claims.claims))
    if keys {
      var own: [UInt64] = []
      appendUnitKeys(raw, codes: worker.codes, to: &own)
      part.keys = try work.keysAside.keep(own)
    }
    return part
  }

  private func facts(_ input: AuditInput, _ work: Work) throws -> UnitFacts {
    let rules = work.sorts.facts
    let part = factPart(rules: rules, input, shelf: shelf)
    if !FactPart.hasImage(rules) || !part.isPlain { return .held(part) }
    return .aside(try work.rowsAside.keep(part.image(rules)))
  }

  /// The facts of all units; nil: no rule asks for any.
  private func mergedFacts(_ parts: [Part], _ work: Work) throws -> PopulationFacts? {
    let rules = work.sorts.facts
    if rules.isEmpty { return nil }
    var all = FactPart()
    for part in parts {
      switch part.facts {
      case .held(let own): all.append(own)
      case .aside(let place):
        guard let own = try work.rowsAside.bytes(place).withUnsafeBytes({ FactPart($0, rules) }) else {
          throw DamagedImage()
        }
        all.append(own)
      }
    }
    return Audit.mergedFacts([all])
  }

  /// What the second pass needs of a unit; nil: there is no room for it.
  private func kept(_ input: AuditInput, _ work: Work) -> PendingPart? {
    if !work.room.isLeft { return nil }
    // `findingHomes` reads these of settlements.
    let kept = PendingPart(
      rules: work.sorts.facts, input, shelf: shelf, also: [.settlement: ["setl_id", "psn_no", "mdtrt_id"]])
    return work.room.take(kept.bytes) ? kept : nil
  }

  /// Makes one more unit of the straddling slices; those that had some of them are evaluated again without.
  private func putStraddlingTogether(
    _ pass: inout FirstPass, _ ranges: [ClosedRange<UInt16>], _ work: Work
  ) throws {
    let straddling = pass.straddling
    let touched = ranges.indices.filter { straddling.touches(ranges[$0]) }
    for i in touched {
      if let kept = pass.parts[i].kept { work.room.giveBack(kept.bytes) }
      pass.parts[i].kept = nil
    }
    let again = try inParallel(
      touched.map { Unit.range(ranges[$0]) } + [.straddling], work.loading, straddling: straddling
    ) {
      try part($0, $1, $2, work, keys: false)
    }
    for (i, part) in zip(touched, again) { pass.parts[i] = part }
    pass.parts.append(again[again.count - 1])
    pass.units.append(.straddling)
  }

  /// Each thread looks at a stretch of the keys' upper 8 bits.
  private func straddlingSlices(of places: [KeysAside.Place], _ aside: KeysAside) throws -> StraddlingSlices {
    let pieces = min(jobs, 16)
    let found = try Pipeline.inParallel(pieces, jobs: jobs, worker: {}) { i, _ in
      try aside.straddlingSlices(places, upper: 256 * i / pieces..<256 * (i + 1) / pieces)
    }
    return StraddlingSlices(found.reduce(into: Set<UInt16>()) { $0.formUnion($1) })
  }

  // MARK: Second pass

  /// Rules that compare a person's rows with figures of a population. Beside it rules about more than one person, over
  /// the few columns they need: they are begun first, because one thread runs each from end to end.
  private func secondPass(
    _ pass: inout FirstPass, _ facts: PopulationFacts?, _ work: Work, adding found: inout Found
  ) throws {
    let thinRows = pass.parts.compactMap(\.thinRows)
    let kept = pass.takeKept()
    let (units, straddling, parts) = (pass.units, pass.straddling, pass.parts)
    var ahead: [@Sendable () throws -> Late] = []
    if !work.sorts.everything.isEmpty { ahead.append { try auditOfEverything(thinRows, work) } }
    if !work.sorts.groups.rules.isEmpty { ahead.append { try auditOfGroups(parts, work) } }
    let late = try inParallel(ahead.count + (work.sorts.facts.isEmpty ? 0 : units.count)) { [ahead] i, worker in
      if i < ahead.count { return try ahead[i]() }
      return try lateAudit(of: units[i - ahead.count], kept: kept[i - ahead.count], facts, straddling, work, worker)
    }
    for one in late { found.add(one) }
  }

  /// - Parameter kept: nil: the unit is loaded again.
  private func lateAudit(
    of unit: Unit, kept: PendingPart?, _ facts: PopulationFacts?, _ straddling: StraddlingSlices, _ work: Work,
    _ worker: Worker
  ) throws -> Late {
    func input(_ claims: EffectiveClaims) -> AuditInput {
      var input = auditInput(claims)
      input.facts = facts
      return input
    }
    let rules = work.sorts.facts
    guard let kept else {
      let claims = try load(unit, work.loading, straddling, worker.codes).claims.claims
      let part = auditPart(rules: rules, input(claims), shelf: shelf)
      return .ofUnit(part, homes: findingHomes(part.allFindings, claims))
    }
    var part = AuditPart()
    var homes: [String: Set<UInt16>] = [:]
    kept.audit(rules: rules, shelf: shelf, codes: worker.codes, input: input) { own, claims in
      part.append(own)
      homes.merge(findingHomes(own.allFindings, claims)) { $0.union($1) }
    }
    return .ofUnit(part, homes: homes)
  }

  private func auditOfEverything(_ rows: [RowsAside.Place], _ work: Work) throws -> Late {
    let rules = work.sorts.everything
    // Not the worker's: its texts are forgotten.
    let codes = CodeTable(copying: codes)
    var all = ThinClaims(for: rules, codes: codes)
    for place in rows { try all.append(packed: work.rowsAside.bytes(place)) }
    let claims = all.claims(codes: codes)
    return .ofEverything(auditPart(rules: rules, auditInput(claims), shelf: shelf), claims)
  }

  private func auditOfGroups(_ parts: [Part], _ work: Work) throws -> Late {
    let places = parts.map(\.groupRows)
    let found = try work.sorts.groups.audit(
      parts.map(\.groups), codes: CodeTable(copying: codes), shelf: shelf,
      rows: { try work.rowsAside.bytes(places[$0]) }, input: auditInput
    ).found
    return .ofGroups(found)
  }

  /// Ids that hold the separator of keys can give findings of two persons one key: such a rule is run over everything.
  private func auditAgainWhereKeysAreShared(_ audits: inout [AuditPart], _ pass: FirstPass, _ work: Work) throws {
    let ambiguous = rulesWithSharedKeys(audits)
    if ambiguous.isEmpty { return }
    let again = work.sorts.all.filter { ambiguous.contains($0.id) }
    var all = ThinClaims(for: again)
    let pieces = try inParallel(pass.units, work.loading, straddling: pass.straddling) { claims, _, _ in
      var own = ThinClaims(for: again)
      own.append(claims.claims)
      return own
    }
    for piece in pieces { all.append(piece) }
    audits = audits.map { $0.without(ambiguous) }
    audits.append(auditPart(rules: again, auditInput(all.claims(codes: CodeTable(copying: codes))), shelf: shelf))
  }

  // MARK: Units

  func auditInput(_ claims: EffectiveClaims) -> AuditInput {
    AuditInput(
      claims: claims, registries: shelf.registries, fillFloorPercent: fillFloor, incompleteTables: incompleteTables)
  }

  /// The raw rows of a unit.
  private func load(_ unit: Unit, _ straddling: StraddlingSlices?, _ codes: CodeTable) throws
    -> [ClaimTable: RawRows]
  {
    switch unit {
    case .range(let range):
      let rows = try source.load(slices: range, codes: codes)
      guard let straddling, straddling.touches(range) else { return rows }
      return rows.mapValues { $0.without(straddling) }
    case .straddling:
      var all: [ClaimTable: RawRows] = [:]
      for slice in straddling?.slices ?? [] {
        for (table, rows) in try source.load(slices: slice...slice, codes: codes) {
          all[table, default: RawRows(table: table)].append(rows)
        }
      }
      return all
    }
  }

  /// The claims of a unit that count, and its raw rows.
  private func load(_ unit: Unit, _ loading: Loading, _ straddling: StraddlingSlices?, _ codes: CodeTable) throws
    -> (claims: Normalized, raw: [ClaimTable: RawRows])
  {
    let raw = try load(unit, straddling, codes)
    let claims = try effectiveClaims(
      NormalizationInput(
        raw: raw, segments: source.identities, medTypes: loading.medTypes, excludedSetlTypes: excludedSetlTypes,
        codes: codes, linksPersons: loading.linksPersons, namesLines: false, keptColumns: loading.columns))
    return (claims, raw)
  }

  /// Loads and normalises each unit, hands it to the body, and forgets it; the results in the order of the units.
  private func inParallel<R: Sendable>(
    _ units: [Unit], _ loading: Loading, straddling: StraddlingSlices?,
    _ body: @Sendable (Normalized, [ClaimTable: RawRows], Worker) throws -> R
  ) throws -> [R] {
    try inParallel(units.count) { i, worker in
      let (claims, raw) = try load(units[i], loading, straddling, worker.codes)
      return try body(claims, raw, worker)
    }
  }

  /// Calls the body for each of so many units, on as many threads as there are jobs; the results in their order. What
  /// the body interns is forgotten after each.
  private func inParallel<R: Sendable>(_ count: Int, _ body: @Sendable (Int, Worker) throws -> R) throws -> [R] {
    try Pipeline.inParallel(count, jobs: jobs, memory: memory, worker: { Worker(codes) }) { i, worker in
      defer { worker.forget() }
      return try body(i, worker)
    }
  }
}
