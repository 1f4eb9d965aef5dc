import Audit
import ClaimModel
import ClaimStore
import Normalize
import Registries
import RulePacks

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
    let found = try inParallel(ranges.count, jobs: whole.jobs, memory: whole.memory, worker: { CodeTable() }) {
      i, codes in
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
    let parts = try inParallel(units.count, jobs: whole.jobs, memory: whole.memory, worker: { () }) { i, _ -> Part? in
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
