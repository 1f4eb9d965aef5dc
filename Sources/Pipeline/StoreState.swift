import Audit
import ClaimModel
import ClaimStore
import Diagnostics
import Normalize
import Registries
import RulePacks

/// Claims in memory as rules see them: of the whole store, or of some persons.
struct StoreState {
  var segments: [LiveSegment]
  var raw: [ClaimTable: RawRows]
  var normalized: Normalized
  var registries: Registries
  var codes: CodeTable

  /// What has an effect on how rows count.
  struct Setting {
    var rules: [Rule]
    var registries: Registries
    /// The table in which the registries were interned; the state gets a copy.
    var codes: CodeTable
    var excludedSetlTypes: Set<String>
  }

  /// Works out what counts of rows that were interned in `codes`, a copy of the setting's.
  init(segments: [LiveSegment], raw: [ClaimTable: RawRows], codes: CodeTable, _ setting: Setting) throws {
    self.segments = segments
    self.raw = raw
    self.codes = codes
    registries = setting.registries
    normalized = try effectiveClaims(
      NormalizationInput(
        raw: raw, segments: segments.identities,
        medTypes: setting.registries["med_type_b"].map { Self.medTypes($0, codes) },
        excludedSetlTypes: setting.excludedSetlTypes, codes: codes,
        linksPersons: setting.rules.contains(where: \.readsPersons)))
  }

  /// The rows of the whole store, or of the given slices; every column and the delivered texts where they are asked
  /// for.
  ///
  /// - Throws: `store.needs-memory` if the whole store is asked for and the machine has too little for so many rows.
  static func load(
    ledger: Ledger, replacing revision: BatchRevision?, _ setting: Setting, slices: Set<UInt16>? = nil,
    delivered: Bool = false
  ) throws -> StoreState {
    try load(
      ledger: ledger, segments: ledger.liveSegments(replacing: revision.map { [$0] } ?? []), parts: ledger.parts(),
      setting, slices: slices, delivered: delivered)
  }

  /// The same where the live segments and the parts are known.
  static func load(
    ledger: Ledger, segments: [LiveSegment], parts: [PartRecord], guide: SliceGuide = SliceGuide(), _ setting: Setting,
    slices: Set<UInt16>?, delivered: Bool
  ) throws -> StoreState {
    if slices == nil { try checkMemory(segments.reduce(0) { $0 + $1.record.rows }, delivered: delivered, ledger) }
    let codes = CodeTable(copying: setting.codes)
    let reader = try StoreReader(
      ledger, live: segments, columns: columns(setting.rules, delivered: delivered), delivered: delivered,
      parts: parts, guide: guide)
    let raw =
      try slices.map { try reader.load(slices: $0, codes: codes) }
      ?? reader.load(slices: 0...UInt16.max, codes: codes)
    return try StoreState(segments: segments, raw: raw, codes: codes, setting)
  }

  private static func checkMemory(_ rows: Int, delivered: Bool, _ ledger: Ledger) throws {
    // Delivered texts are a second copy of the rows.
    let needed = rows * ClaimUnits.bytesPerRow * (delivered ? 2 : 1)
    if needed < MemoryLimit.machine / 4 * 3 { return }
    throw Diagnostic(
      .error, "store.needs-memory",
      "a rule is about more than one person, and the store's \(rows) rows do not fit in memory together",
      at: Place(file: ledger.folder),
      notes: ["about \(needed >> 20) MiB are needed, \(MemoryLimit.machine >> 20) MiB are in the machine"],
      remedy: "use a machine with more memory, or keep fewer batches (`yijian store retain`)")
  }

  /// The columns to load of each table; nil: all.
  static func columns(_ rules: [Rule], delivered: Bool) -> [ClaimTable: Set<String>?] {
    Dictionary(
      uniqueKeysWithValues: ClaimTable.allCases.map { ($0, delivered ? nil : neededColumns(rules, $0)) })
  }

  /// The columns of a table that normalisation, rules, cases, reconciliation and packets read.
  static func neededColumns(_ rules: [Rule], _ table: ClaimTable) -> Set<String> {
    RowLoader.neededColumns(of: table).union(Audit.neededColumns(rules: rules)[table] ?? [])
      .union(packetColumns(table)).intersection(table.columns.map(\.name))
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
