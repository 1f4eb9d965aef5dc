import Audit
import ClaimModel
import ClaimStore
import Diagnostics
import Normalize
import Registries
import RulePacks

/// The whole store in memory as rules see it after a batch.
struct StoreState {
  var segments: [LiveSegment]
  var headers: [SegmentHeader]
  var raw: [ClaimTable: RawRows]
  var normalized: Normalized
  var registries: Registries
  var codes: CodeTable

  /// Loads every segment of the store, with the given revision in place of its recorded one, and works out what counts.
  static func load(
    ledger: Ledger, replacing revision: BatchRevision?, rules: [Rule], registriesFolder: String, knowledge: [String],
    excludedSetlTypes: Set<String>
  ) throws -> StoreState {
    let codes = CodeTable()
    let registries = try loadRegistries(folder: registriesFolder, knowledge: knowledge, codes: codes)
    let segments = try ledger.liveSegments(replacing: revision.map { [$0] } ?? [])
    let wanted = neededColumns(rules: rules)
    var loaders: [ClaimTable: RowLoader] = [:]
    for table in ClaimTable.allCases {
      var columns = wanted[table] ?? []
      columns.formUnion(packetColumns(table))
      var loader = RowLoader(table: table, columns: columns, codes: codes)
      loader.reserve(segments.reduce(0) { $0 + ($1.record.key.table == table ? $1.record.rows : 0) })
      loaders[table] = loader
    }
    var identities: [SegmentIdentity] = []
    var headers: [SegmentHeader] = []
    for (index, segment) in segments.enumerated() {
      let reader = try ledger.segmentReader(segment.record.key)
      let table = segment.record.key.table
      let present = Set(reader.header.columns)
      headers.append(reader.header)
      identities.append(
        SegmentIdentity(
          batch: segment.batch, file: segment.file, member: segment.record.key.member,
          missingColumns: Set(table.columns.map(\.name)).subtracting(present)))
      // Taken out of the dictionary for the segment: no look-up, and no copy, at each row.
      guard var loader = loaders.removeValue(forKey: table) else { continue }
      try reader.forEach { line, _, fields in
        loader.append(segment: Int32(index), line: line, fields: fields)
      }
      loaders[table] = loader
    }
    var raw: [ClaimTable: RawRows] = [:]
    for table in ClaimTable.allCases {
      if let loader = loaders.removeValue(forKey: table) { raw[table] = loader.finish() }
    }
    let normalized = try effectiveClaims(
      NormalizationInput(
        raw: raw, segments: identities, medTypes: registries["med_type_b"].map { medTypes($0, codes) },
        excludedSetlTypes: excludedSetlTypes, codes: codes, linksPersons: rules.contains(where: \.readsPersons)))
    return StoreState(
      segments: segments, headers: headers, raw: raw, normalized: normalized, registries: registries, codes: codes)
  }

  /// Columns that cases, packets and reconciliation read beside those of the rules.
  private static func packetColumns(_ table: ClaimTable) -> Set<String> {
    switch table {
    case .settlements:
      ["psn_no", "fixmedins_code", "fix_blng_admdvs", "insu_admdvs", "bydise_setl_payamt", "insutype", "hosp_lv"]
    case .feeLines: ["psn_no", "fixmedins_code", "bilg_dr_code"]
    case .visits: ["psn_no", "fixmedins_code"]
    case .diagnoses, .operations: ["mdtrt_id"]
    }
  }

  /// The rows of a delivered med_type_b.
  static func medTypes(_ table: Registry, _ codes: CodeTable) -> [MedTypeRow] {
    let type = table.columns["med_type"]?.codes ?? []
    let visitClass = table.columns["visit_class"]?.codes ?? []
    let opsp = table.columns["opsp_flag"]?.codes ?? []
    let reg = table.columns["reg_flag"]?.codes ?? []
    let begin = table.columns["begndate"]?.numbers ?? []
    let end = table.columns["enddate"]?.numbers ?? []
    return (0..<table.count).map { i in
      MedTypeRow(
        medType: codes.text(type[i]),
        // Registry text is kept in upper case; the classes are words of ours.
        visitClass: codes.text(visitClass[i]).lowercased(), opspFlag: codes.text(opsp[i]),
        regFlag: codes.text(reg[i]), beginDay: begin[i] == ColumnData.null ? nil : begin[i],
        endDay: end[i] == ColumnData.null ? nil : end[i], isAmbiguous: table.isAmbiguous[i])
    }
  }
}
