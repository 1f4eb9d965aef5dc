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
/// A unit is all rows of a range of person slices. What one finding needs is in one unit, but for two cases that are
/// seen to: a key that stands in more than one slice (`StraddlingSlices`), and rules that look at more than one person
/// (`RuleReach`). The result is that of `audit` over everything at once, whatever the units and the number of threads.
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
  /// Rows of all tables that a unit should hold at most.
  var unitRows = ClaimUnits.mostRows
  /// Bytes, about, that all units together may keep of their claims for the second pass; what finds no room is loaded
  /// again. Any number gives the same.
  var keptBytes = Self.mostKeptBytes

  static let mostKeptBytes = 256 << 20

  /// The report's figures are wanted; else of them only the fee lines that count.
  var reckonsFigures = true

  /// Where rows go that units leave for rules about everybody, and the units' keys, beyond `heldRowBytes` of each; nil:
  /// they are all held.
  var spillFolder: String?
  var heldRowBytes = 32 << 20

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
    var facts: FactPart
    var figures: UnitFigures
    var thin: ThinClaims
    /// For rules over groups of everybody's rows.
    var groups: GroupsOfPart
    var groupRows: RowsAside.Place
    /// What the second pass needs of the unit; nil: it is loaded again.
    var kept: PendingPart?
    var homes: [String: Set<UInt16>]
    var keys: KeysAside.Place?
  }

  /// What the second pass gives.
  private enum Late: Sendable {
    case ofUnit(AuditPart, homes: [String: Set<UInt16>])
    case ofEverything(AuditPart, EffectiveClaims)
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
    var linksPersons: Bool
    var columns: [ClaimTable: Set<String>]
    var medTypes: [MedTypeRow]?
  }

  /// What one thread keeps from unit to unit: its code table, with the texts of the registries and, for as long as it
  /// is under work, those of a unit.
  private final class Worker {
    let codes: CodeTable
    private let mark: Int

    init(_ codes: CodeTable) {
      self.codes = CodeTable(copying: codes)
      mark = codes.count
    }

    func forget() { codes.rollBack(to: mark) }
  }

  /// What is evaluated together: a range of slices without those that straddle, or all that straddle.
  private enum Unit: Sendable {
    case range(ClosedRange<UInt16>)
    case straddling
  }

  func run() throws -> Outcome {
    let active = rules.filter { $0.status == .active || $0.status == .shadow }
    let ofPersons = active.filter { $0.reach == .person }
    let withFacts = active.filter { $0.reach == .personWithFacts }
    let ofEverything = active.filter { $0.reach == .everything && !GroupsOfAll.takes($0) }
    let ofGroups = GroupsOfAll(active.filter { $0.reach == .everything && GroupsOfAll.takes($0) })
    let aside = RowsAside(folder: spillFolder, held: heldRowBytes)
    let keysAside = KeysAside(folder: spillFolder, held: heldRowBytes)
    var perTop = [Int](repeating: 0, count: 256)
    for table in ClaimTable.allCases { for (top, n) in source.rows(table).enumerated() { perTop[top] += n } }
    let ranges = ClaimUnits(rows: perTop, most: unitRows, jobs: jobs).ranges
    let needed = Audit.neededColumns(rules: active)
    let loading = Loading(
      linksPersons: active.contains(where: \.readsPersons),
      columns: Dictionary(
        uniqueKeysWithValues: ClaimTable.allCases.map { ($0, (needed[$0] ?? []).union(UnitFigures.columns($0))) }),
      medTypes: shelf.registries["med_type_b"].map { StoreState.medTypes($0, codes) })
    let room = Room(withFacts.isEmpty ? 0 : keptBytes)
    /// What the second pass needs of a unit, if there is room for it.
    @Sendable func kept(_ input: AuditInput) -> PendingPart? {
      if !room.isLeft { return nil }
      // `findingHomes` reads these of settlements.
      let kept = PendingPart(
        rules: withFacts, input, shelf: shelf, also: [.settlement: ["setl_id", "psn_no", "mdtrt_id"]])
      return room.take(kept.bytes) ? kept : nil
    }

    // First pass: everything that one person's rows decide.
    @Sendable func first(_ claims: Normalized, _ raw: [ClaimTable: RawRows], _ worker: Worker, keys: Bool) throws
      -> Part
    {
      var figures = UnitFigures(segments: source.identities.count)
      if reckonsFigures {
        figures.add(raw: raw, claims, ofBatch: ofBatch)
      } else {
        figures.addLines(claims.claims)
      }
      let input = auditInput(claims.claims)
      var thin = ThinClaims(for: ofEverything)
      if !ofEverything.isEmpty {
        thin.appendReachable(claims.claims, seeds: seeds(rules: ofEverything, input, shelf: shelf))
      }
      var groups = ofGroups.part(input, shelf: shelf)
      let groupRows = try aside.keep(groups.rows)
      groups.rows = []
      let audit = auditPart(rules: ofPersons, input, shelf: shelf)
      var part = Part(
        audit: audit, facts: factPart(rules: withFacts, input, shelf: shelf), figures: figures, thin: thin,
        groups: groups, groupRows: groupRows, kept: kept(input), homes: findingHomes(audit.allFindings, claims.claims))
      if keys {
        var own: [UInt64] = []
        appendUnitKeys(raw, codes: worker.codes, to: &own)
        part.keys = try keysAside.keep(own)
      }
      return part
    }
    var parts = try inParallel(ranges.map(Unit.range), loading, straddling: nil) {
      try first($0, $1, $2, keys: true)
    }
    var units = ranges.map(Unit.range)
    let shared = try straddlingSlices(of: parts.compactMap(\.keys), keysAside)
    // In one unit they are together anyway; packets need to know them all the same.
    let straddling = ranges.count > 1 ? shared : StraddlingSlices([])
    for i in parts.indices { parts[i].keys = nil }
    if !straddling.isEmpty {
      let touched = ranges.indices.filter { straddling.touches(ranges[$0]) }
      for i in touched {
        if let kept = parts[i].kept { room.giveBack(kept.bytes) }
        parts[i].kept = nil
      }
      let again = try inParallel(touched.map { units[$0] } + [.straddling], loading, straddling: straddling) {
        try first($0, $1, $2, keys: false)
      }
      for (i, part) in zip(touched, again) { parts[i] = part }
      parts.append(again[again.count - 1])
      units.append(.straddling)
    }

    // Second pass: rules that compare a person's rows with figures of a population. Beside it rules about more than one
    // person, over the few columns they need.
    var audits = parts.map(\.audit)
    var homes: [String: Set<UInt16>] = [:]
    for part in parts { homes.merge(part.homes) { $0.union($1) } }
    let facts = withFacts.isEmpty ? nil : mergedFacts(parts.map(\.facts))
    let thinParts = ofEverything.isEmpty ? [] : parts.map(\.thin)
    let kept = parts.map(\.kept)
    for i in parts.indices { parts[i].kept = nil }
    let all = units
    @Sendable func ofUnit(_ i: Int, _ worker: Worker) throws -> Late {
      func input(_ claims: EffectiveClaims) -> AuditInput {
        var input = auditInput(claims)
        input.facts = facts
        return input
      }
      var part = AuditPart()
      var found: [String: Set<UInt16>] = [:]
      if let kept = kept[i] {
        kept.audit(rules: withFacts, shelf: shelf, codes: worker.codes, input: input) { own, claims in
          part.append(own)
          found.merge(findingHomes(own.allFindings, claims)) { $0.union($1) }
        }
      } else {
        let claims = try load(all[i], loading, straddling, worker.codes).claims.claims
        part = auditPart(rules: withFacts, input(claims), shelf: shelf)
        found = findingHomes(part.allFindings, claims)
      }
      return .ofUnit(part, homes: found)
    }
    let ahead = ofEverything.isEmpty ? 0 : 1
    let late = try inParallel(ahead + (withFacts.isEmpty ? 0 : units.count)) { i, worker in
      if i >= ahead { return try ofUnit(i - ahead, worker) }
      var all = ThinClaims(for: ofEverything)
      for part in thinParts { all.append(part) }
      // Not the worker's: its texts are forgotten.
      let claims = all.claims(codes: CodeTable(copying: codes))
      return .ofEverything(auditPart(rules: ofEverything, auditInput(claims), shelf: shelf), claims)
    }
    var thin: EffectiveClaims?
    for one in late {
      switch one {
      case .ofUnit(let part, let found):
        audits.append(part)
        homes.merge(found) { $0.union($1) }
      case .ofEverything(let part, let claims):
        audits.append(part)
        thin = claims
      }
    }
    if !ofGroups.rules.isEmpty {
      let places = parts.map(\.groupRows)
      audits.append(
        try ofGroups.audit(
          parts.map(\.groups), codes: CodeTable(copying: codes), shelf: shelf, rows: { try aside.bytes(places[$0]) },
          input: auditInput
        ).found)
    }
    // Ids that hold the separator of keys can give findings of two persons one key: such a rule is run over everything.
    let ambiguous = rulesWithSharedKeys(audits)
    if !ambiguous.isEmpty {
      let again = active.filter { ambiguous.contains($0.id) }
      var all = ThinClaims(for: again)
      let pieces = try inParallel(units, loading, straddling: straddling) { claims, _, _ in
        var own = ThinClaims(for: again)
        own.append(claims.claims)
        return own
      }
      for piece in pieces { all.append(piece) }
      audits = audits.map { $0.without(ambiguous) }
      audits.append(auditPart(rules: again, auditInput(all.claims(codes: CodeTable(copying: codes))), shelf: shelf))
    }

    var figures = UnitFigures(segments: source.identities.count)
    for part in parts { figures.add(part.figures) }
    let result = try finish(
      audits, rules: rules, registries: shelf.registries, fillFloorPercent: fillFloor,
      incompleteTables: incompleteTables)
    return Outcome(
      result: result, figures: figures, units: units.count, straddling: shared.slices, homes: homes, thin: thin,
      facts: facts)
  }

  /// Each thread looks at a stretch of the keys' upper 8 bits.
  private func straddlingSlices(of places: [KeysAside.Place], _ aside: KeysAside) throws -> StraddlingSlices {
    let pieces = min(jobs, 16)
    let found = try Pipeline.inParallel(pieces, jobs: jobs, worker: {}) { i, _ in
      try aside.straddlingSlices(places, upper: 256 * i / pieces..<256 * (i + 1) / pieces)
    }
    return StraddlingSlices(found.reduce(into: Set<UInt16>()) { $0.formUnion($1) })
  }

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
    try Pipeline.inParallel(count, jobs: jobs, worker: { Worker(codes) }) { i, worker in
      defer { worker.forget() }
      return try body(i, worker)
    }
  }
}
