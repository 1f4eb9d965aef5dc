import ClaimModel
import Foundation
import Normalize
import Registries
import SQLLowering

/// SplitMix64: the same rows for the same seed on every machine.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
  mutating func below(_ n: Int) -> Int { Int(next() % UInt64(n)) }
  mutating func pick<T>(_ list: [T]) -> T { list[below(list.count)] }
  /// One of the list, or nothing in about `percent` of cases.
  mutating func pick(_ list: [String], null percent: Int) -> String { below(100) < percent ? "" : pick(list) }
}

/// A small store of random claims and registries, made so that codes collide and nulls are common.
struct RandomStore {
  var claims: [ClaimTable: [[String: String]]] = [:]
  var registries: [String: [[String: String]]] = [:]

  /// An empty store, to be filled.
  init() {}

  init(seed: UInt64) {
    var g = SeededGenerator(seed: seed)
    let visits = (1...6).map { "M\($0)" }
    let settlements = (1...8).map { "S\($0)" }
    let persons = ["P1", "P2"]
    let institutions = ["H1", "H2", "P3"]
    let regions = ["320102", "320100", "320000", "000000"]
    let codes = ["XA01", "xa01", "XB02", "XC03"]
    let local = ["L1", "l1", "L2"]
    let medTypes = ["21", "21", "21", "21", "11", "14", "14", "14", "1403", "13", "41", "52", "23", "99331", "77"]
    func day(_ from: Int = 1, _ to: Int = 12) -> String {
      let d = from + g.below(to - from + 1)
      return "2025-03-" + (d < 10 ? "0" : "") + "\(d)"
    }
    func time() -> String { day() + g.pick(["", " 08:00:00", " 08:00:00", " 23:59:59"]) }
    func money() -> String { g.pick(["0", "0.01", "1.00", "3.33", "10", "7.77", "-1", "123.45"]) }

    claims[.visits] = (0..<(6 + g.below(3))).map { i in
      let begin = 1 + g.below(8)
      return [
        "mdtrt_id": i < 6 ? visits[i] : g.pick(visits), "psn_no": g.pick(persons, null: 4),
        "fixmedins_code": g.pick(institutions, null: 4),
        "med_type": i < 3 ? "21" : i < 5 ? "14" : g.pick(medTypes, null: 8),
        "begntime": g.below(12) == 0 ? "" : day(begin, begin),
        "endtime": g.below(12) == 0 ? "" : day(max(1, begin - 1 + g.below(4)), 12),
        "inhosp_stas": g.pick(["0", "0", "0", "1"], null: 70),
        "dscg_way": g.pick(["1", "2", "3"], null: 40), "refl_old_mdtrt_id": g.pick(visits, null: 80),
        "medrcdno": g.pick(["R1", "R2"], null: 50), "nwb_flag": g.pick(["0", "1"], null: 80),
        "adm_caty": g.pick(["A03.1", "B0"], null: 40), "dscg_caty": g.pick(["A03.2", "内科一病区"], null: 40),
        "dscg_maindiag_code": g.pick(["i10", "Z51.1"], null: 50), "vali_flag": g.below(15) == 0 ? "0" : "1",
        "updt_time": g.pick(["2025-03-10 10:00:00", "2025-03-11"], null: 50),
      ]
    }
    claims[.settlements] = (0..<(10 + g.below(6))).map { i in
      [
        "setl_id": i < 8 ? settlements[i] : g.pick(settlements),
        "mdtrt_id": i < 6 ? visits[i] : g.pick(visits, null: 5), "psn_no": g.pick(persons, null: 4),
        "fixmedins_code": g.pick(institutions, null: 8), "med_type": g.pick(medTypes, null: 8),
        "fix_blng_admdvs": g.pick(regions + ["3201"], null: 20),
        "insu_admdvs": g.pick(["320102", "320102", "330100"], null: 10),
        "hosp_lv": g.pick(["01", "05", "08", "11", "99"], null: 20),
        "insutype": g.pick(["310", "410", "510"], null: 20),
        "begndate": g.below(5) == 0 ? "" : day(), "setl_time": g.below(5) == 0 ? "" : day() + " 12:00:00",
        "fund_pay_sumamt": g.pick(["0", "5.00", "9.99", "20", "100.01", "-5"], null: 10),
        "inscp_amt": g.pick(["0", "10", "33.34", "500"], null: 40),
        "refd_setl_flag": g.pick(["0", "0", "0", "1"], null: 60),
        "init_setl_id": g.pick(settlements, null: 97), "setl_type": g.pick(["1", "2", "2", "2", "9"], null: 30),
        "dise_no": g.pick(["M1", "m1", "M2", "M9"], null: 25), "vali_flag": g.below(15) == 0 ? "0" : "1",
        "updt_time": g.pick(["2025-03-10 10:00:00", "2025-03-11"], null: 50),
      ]
    }
    claims[.feeLines] = (0..<(30 + g.below(30))).map { _ in
      let cnt = g.pick(["1", "1", "1", "1", "2", "2", "0.5", "0.5", "-1", "-0.5", "0"])
      return [
        "bkkp_sn": "\(1 + g.below(40))", "mdtrt_id": g.pick(visits), "setl_id": g.pick(settlements, null: 4),
        "psn_no": g.pick(persons, null: 8), "fixmedins_code": g.pick(institutions, null: 8), "fee_ocur_time": time(),
        "cnt": cnt, "pric": g.pick(["10", "7"], null: 10), "det_item_fee_sumamt": money(),
        "inscp_amt": g.below(4) == 0 ? "" : money(), "fulamt_ownpay_amt": g.pick(["0.5", "1"], null: 50),
        "overlmt_selfpay": g.pick(["0.02"], null: 70), "preselfpay_amt": g.pick(["0.5"], null: 70),
        "hilist_code": g.pick(local, null: 40), "med_list_codg": g.pick(codes, null: 15),
        "list_type": g.pick(["101", "201", "301"], null: 15),
        "init_feedetl_sn": g.below(3) == 0 ? "\(1 + g.below(40))" : "",
        "etip_flag": g.pick(["0", "1"], null: 80), "etip_hosp_code": g.pick(institutions, null: 50),
        "rx_circ_flag": g.pick(["0", "1"], null: 85), "bilg_dr_code": g.pick(["D1", "D2"], null: 30),
        "dise_codg": g.pick(["M1"], null: 70), "vali_flag": g.below(20) == 0 ? "0" : "1",
        "updt_time": g.pick(["2025-03-10 10:00:00", "2025-03-11"], null: 50),
      ]
    }
    claims[.diagnoses] = (0..<g.below(6)).map { _ in
      [
        "setl_list_diag_id": "\(g.below(9))", "mdtrt_id": g.pick(visits, null: 5), "psn_no": g.pick(persons),
        "diag_code": g.pick(["i10", "I11", "a01"], null: 10), "maindiag_flag": g.pick(["0", "1"], null: 10),
        "diag_type": g.pick(["1", "2"], null: 40), "vali_flag": "1",
      ]
    }

    func span() -> (String, String) {
      let begin = 1 + g.below(9)
      return (g.below(3) == 0 ? "2020-01-01" : day(begin, begin), g.below(2) == 0 ? "" : day(begin, 12))
    }
    func rows(_ name: String, _ most: Int, _ row: () -> [String: String]) {
      registries[name] = (0..<(1 + g.below(most))).map { _ in
        let (begin, end) = span()
        return row().merging(["begndate": begin, "enddate": end]) { own, _ in own }
      }
    }
    let classes = ["inpatient", "outpatient", "emergency", "pharmacy"]
    registries["med_type_b"] = [
      ("21", "inpatient", "0", "0"), ("23", "inpatient", "0", "0"), ("52", "inpatient", "0", "0"),
      ("11", "outpatient", "0", "0"), ("14", "outpatient", "1", "1"), ("1403", "outpatient", "1", "0"),
      ("13", "emergency", "0", "0"), ("41", "pharmacy", "0", "0"), ("99331", "outpatient", "0", "0"),
    ].map { code, visit, opsp, reg in
      [
        "med_type": code, "visit_class": visit, "opsp_flag": opsp, "reg_flag": reg, "basis": "test",
        "begndate": g.below(8) == 0 ? "2025-03-05" : "2020-01-01", "enddate": g.below(8) == 0 ? "2025-03-08" : "",
      ]
    }
    if g.below(4) == 0 {
      registries["med_type_b"]?.append([
        "med_type": "11", "visit_class": "pharmacy", "opsp_flag": "0", "reg_flag": "0", "begndate": "2025-03-03",
        "enddate": "2025-03-06", "basis": "test",
      ])
    }
    rows("fixmedins_b", 3) {
      let code = g.pick(institutions)
      return [
        "fixmedins_code": code, "fixmedins_name": code, "fixmedins_type": "1",
        "hosp_lv": g.pick(["01", "05", "08", "11"], null: 20), "medins_kind": "general", "admdvs": "320102",
      ]
    }
    rows("hilist_b", 9) {
      [
        "admdvs": g.pick(regions), "hilist_code": g.pick(["L1", "L2", "XA01", "XB02"]), "hilist_name": "x",
        "list_type": g.pick(["101", "201", "301"]), "chrgitm_lv": g.pick(["01", "03", "03"]),
      ]
    }
    rows("med_hilist_b", 4) {
      [
        "med_list_codg": g.pick(["XA01", "XB02", "XC03"]), "hilist_code": g.pick(["L1", "L2"]),
        "admdvs": g.pick(regions),
        "list_type": "101",
      ]
    }
    var serial = 0
    rows("hilist_lmt_b", 9) {
      serial += 1
      let type = g.pick(["hosp_lv", "visit", "insutype"])
      let value =
        switch type {
        case "hosp_lv": g.pick(["2", "3"])
        case "visit": g.pick(classes)
        default: g.pick(["work_injury", "maternity"])
        }
      return [
        "kp_id": "K\(serial)", "med_list_codg": g.pick(["XA01", "XB02", "XC03"]), "lmt_type": type, "lmt_val": value,
        "sure_flag": g.pick(["0", "1"]), "lmt_text": "限",
      ]
    }
    rows("opsp_reg_d", 6) {
      [
        "psn_no": g.pick(persons), "insu_admdvs": g.pick(["320102", "320102", "330200"]),
        "opsp_dise_code": g.pick(["M1", "M2"]), "begndate": "2020-01-01",
        "enddate": g.pick(["2020-12-31", "2025-02-20"], null: 40),
      ]
    }
    registries["hosp_lv_rank"] = [("01", "3"), ("05", "2"), ("08", "1"), ("11", "0")].map {
      ["hosp_lv": $0.0, "rank": $0.1]
    }

    // What the rules on formed rows read; drawn last, so that what stands above stays as it was.
    for i in (claims[.settlements] ?? []).indices {
      claims[.settlements]?[i]["medfee_sumamt"] = g.pick(["0", "10", "20", "123.45"], null: 15)
    }
    for i in (claims[.feeLines] ?? []).indices {
      claims[.feeLines]?[i]["med_chrgitm_type"] = g.pick(["01", "02", "07", "09"], null: 15)
    }
    for i in (claims[.visits] ?? []).indices {
      claims[.visits]?[i]["ars_year_ipt_flag"] = g.pick(["0", "1"], null: 70)
    }
    for i in (registries["fixmedins_b"] ?? []).indices {
      registries["fixmedins_b"]?[i]["aprv_bed_cnt"] = g.pick(["0", "1", "1", "2"], null: 10)
      registries["fixmedins_b"]?[i]["medins_kind"] = g.pick(["general", "general", "psychiatric"])
    }
    rows("drug_sup_b", 4) {
      [
        "med_list_codg": g.pick(["XA01", "XB02", "XC03"]), "sup_key": g.pick(["D", "E"]),
        "sup_days": g.pick(["0.5", "1.3333", "2", "3"]), "basis": "test",
      ]
    }
    rows("opsp_dise_drug_b", 6) {
      [
        "admdvs": g.pick(regions), "opsp_dise_code": g.pick(["M1", "M2", "M9"]),
        "drug_code": g.pick(["XA01", "XA", "X", "XB02", "XC0"]), "basis": "test",
      ]
    }
    // In some stores one person comes back to one hospital, in some one drug is bought again and again.
    if g.below(3) == 0 {
      for i in 0..<3 {
        claims[.visits]?[i].merge([
          "psn_no": "P1", "fixmedins_code": "H1", "dscg_maindiag_code": "i10", "dscg_caty": "A03", "adm_caty": "A03",
          "nwb_flag": "", "ars_year_ipt_flag": "", "medrcdno": "", "dscg_way": g.pick(["1", "4"]),
          "refl_old_mdtrt_id": "", "inhosp_stas": "0", "med_type": "21",
          "begntime": ["2025-03-01", "2025-03-03", "2025-03-07"][i], "endtime": "2025-03-0\([3, 5, 9][i])",
        ]) { $1 }
      }
    }
    if g.below(3) == 0 {
      registries["drug_sup_b"] = [
        ["med_list_codg": "XA01", "sup_key": "D", "sup_days": "3", "basis": "test", "begndate": "2020-01-01"]
      ]
      for i in (claims[.feeLines] ?? []).indices where g.below(2) == 0 {
        claims[.feeLines]?[i].merge([
          "mdtrt_id": "M4", "setl_id": g.pick(["S4", "S5"]), "psn_no": "P1", "list_type": "101",
          "med_list_codg": g.pick(["XA01", "xa01"]), "rx_circ_flag": "",
        ]) { $1 }
      }
    }
    // In some stores a day of validity can't be read.
    if g.below(4) == 0 {
      let name = g.pick(["fixmedins_b", "hilist_b", "hilist_lmt_b", "drug_sup_b", "opsp_reg_d", "opsp_dise_drug_b"])
      if let count = registries[name]?.count, count > 0 {
        registries[name]?[g.below(count)][g.pick(["begndate", "enddate"])] = "2025/02/03"
      }
    }
    addShapes(seed: seed)
  }

  private static func quoted(_ text: String) -> String {
    text.contains { ",\"\n".contains($0) } ? "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\"" : text
  }

  struct Loaded {
    var normalized: Normalized
    var registries: Registries
    var evidence: EvidenceDatabase
  }

  /// Its registries, with their texts in a table.
  func loadedRegistries(_ codes: CodeTable) throws -> Registries {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sql-lowering-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    for (name, rows) in registries {
      guard let schema = RegistrySchema.named(name) else { continue }
      let columns = schema.columns.map(\.name).filter { $0 != "vali_flag" }
      var text = columns.joined(separator: ",") + "\n"
      for row in rows { text += columns.map { Self.quoted(row[$0] ?? "") }.joined(separator: ",") + "\n" }
      try Data(text.utf8).write(to: folder.appendingPathComponent(name + ".csv"))
    }
    return try loadRegistries(folder: folder.path, codes: codes)
  }

  /// Its claims that count.
  func normalized(_ registries: Registries, _ codes: CodeTable, excluded: Set<String> = ["9"]) throws -> Normalized {
    var raw: [ClaimTable: RawRows] = [:]
    for table in ClaimTable.allCases {
      var loader = RowLoader(table: table, columns: Set(table.columns.map(\.name)), codes: codes)
      for (i, row) in (claims[table] ?? []).enumerated() {
        let blob = FieldsBlob.encode(table.columns.map { row[$0.name] ?? "" })
        blob.withUnsafeBytes { loader.append(segment: 0, line: Int32(i + 2), fields: $0) }
      }
      raw[table] = loader.finish()
    }
    return try effectiveClaims(
      NormalizationInput(
        raw: raw, segments: [SegmentIdentity(batch: "b", file: "f.csv")],
        medTypes: registries["med_type_b"].map { medTypes($0, codes) }, excludedSetlTypes: excluded, codes: codes))
  }

  /// The store as the native engine sees it, and the evidence of all of it.
  func load(excluded: Set<String> = ["9"]) throws -> Loaded {
    let codes = CodeTable()
    let registries = try loadedRegistries(codes)
    let normalized = try normalized(registries, codes, excluded: excluded)

    let evidence = try EvidenceDatabase()
    for entity in EvidenceSchema.claimEntities {
      let valid = normalized.isValid[entity.table] ?? []
      for (i, row) in (claims[entity.table] ?? []).enumerated() where valid[i] { try evidence.claim(entity, row) }
    }
    for code in excluded.sorted() {
      try evidence.insert(EvidenceSchema.context, ["what": .text("excluded_setl_type"), "value": .text(code)])
    }
    for (_, registry) in registries.tables.sorted(by: { $0.key < $1.key }) {
      for row in 0..<registry.count {
        var values: [String: EvidenceDatabase.Value] = ["is_ambiguous": .integer(registry.isAmbiguous[row] ? 1 : 0)]
        for (name, column) in registry.columns {
          switch column {
          case .text(let v): values[name] = v[row] == CodeTable.null ? .null : .text(codes.text(v[row]))
          case .number(let v): values[name] = v[row] == ColumnData.null ? .null : .integer(v[row])
          }
        }
        try evidence.insert(EvidenceSchema.table(of: registry.schema), values)
      }
    }
    return Loaded(normalized: normalized, registries: registries, evidence: evidence)
  }

  func medTypes(_ registry: Registry, _ codes: CodeTable) -> [MedTypeRow] {
    func text(_ column: String, _ row: Int) -> String { codes.text(registry.columns[column]?.codes[row] ?? 0) }
    func day(_ column: String, _ row: Int) -> Int64? {
      let value = registry.columns[column]?.numbers[row] ?? ColumnData.null
      return value == ColumnData.null ? nil : value
    }
    return (0..<registry.count).map { row in
      MedTypeRow(
        medType: text("med_type", row), visitClass: text("visit_class", row), opspFlag: text("opsp_flag", row),
        regFlag: text("reg_flag", row), beginDay: day("begndate", row), endDay: day("enddate", row),
        isAmbiguous: registry.isAmbiguous[row])
    }
  }
}
