import ClaimModel
import Normalize

/// A unit of claims as the load generator writes them (narrow layout), without files: one settlement a visit, eight
/// lines a settlement on average, one line in a hundred a reversal; visits in no order of their ids, beside the codes
/// of registries.
struct SyntheticUnit {
  private let lines: Int
  private let isByTime: Bool
  private var random: SplitMix64
  private let codes = CodeTable()
  private var rows: [ClaimTable: Rows] = [:]

  init(lines: Int, seed: UInt64, isByTime: Bool) {
    self.lines = lines
    self.isByTime = isByTime
    random = SplitMix64(state: seed)
  }

  /// About what ten rules and their findings read.
  static let keptColumns: [ClaimTable: Set<String>] = [
    .feeLines: [
      "mdtrt_id", "bkkp_sn", "setl_id", "psn_no", "fixmedins_code", "cnt", "det_item_fee_sumamt", "med_list_codg",
      "hilist_code", "list_type", "med_chrgitm_type", "bilg_dr_code", "etip_flag", "etip_hosp_code", "rx_circ_flag",
      "dise_codg",
    ],
    .settlements: [
      "setl_id", "mdtrt_id", "psn_no", "fixmedins_code", "insutype", "hosp_lv", "insu_admdvs", "fix_blng_admdvs",
      "dise_no", "bydise_setl_payamt", "begndate", "setl_time",
    ],
    .visits: [
      "mdtrt_id", "psn_no", "fixmedins_code", "med_type", "begntime", "endtime", "nwb_flag", "dscg_way", "medrcdno",
    ],
    .diagnoses: ["mdtrt_id", "diag_code"],
  ]

  private struct Rows {
    var texts: [String: [UInt32]] = [:]
    var numbers: [String: [Int64]] = [:]
    var origin: [RowOrigin] = []
    var slice: [UInt16] = []
  }

  mutating func input() -> NormalizationInput {
    for i in 0..<200_000 { _ = codes.intern("R\(i &* 7919 % 1_000_003)") }
    let drugs = (0..<3000).map { codes.intern("XC10AAA\(1000 + $0)A001010310318") }
    let institutions = (0..<200).map { codes.intern("H99010\(10000 + $0)") }
    let one = codes.intern("1")
    let zero = codes.intern("0")
    let medTypes = ["11", "140104", "140201", "21", "41"].map { codes.intern($0) }
    var at: [ClaimTable: Int32] = [.settlements: 2, .feeLines: 2, .visits: 2, .diagnoses: 2, .operations: 2]
    let visits = max(1, lines * 10 / 76)
    var serial = 0
    var made = 0
    let day0: Int64 = 20152
    var lineJobs: [(visit: Int, serial: Int, time: Int64)] = []
    var visitData:
      [(id: UInt32, setl: UInt32, psn: UInt32, place: UInt32, medType: UInt32, day: Int64, slice: UInt16)] = []
    for v in 0..<visits {
      // A number out of a larger range, in no order.
      let number = String(50_000_000 + (v &* 7_368_787) % 9_999_991)
      let visit = codes.intern("9901202510" + number)
      let setl = codes.intern("9902202510" + number)
      let psnText = "99010000002000" + String(100_000 + (v &* 31) % 99_991)
      let psn = codes.intern(psnText)
      var copy = psnText
      let slice = copy.withUTF8 { PersonSlice.of(UnsafeRawBufferPointer($0)) }
      let medType = medTypes[Int(random.next() % 20) == 0 ? 3 : Int(random.next() % 3)]
      let day = day0 + Int64(random.next() % 7)
      visitData.append((visit, setl, psn, institutions[v % 200], medType, day, slice))
      let stayDays: Int64 = medType == medTypes[3] ? 5 : 0
      add(
        .visits, &at, slice,
        [
          "mdtrt_id": visit, "psn_no": psn, "fixmedins_code": institutions[v % 200], "med_type": medType,
          "inhosp_stas": zero, "vali_flag": one, "dscg_maindiag_code": 0, "adm_caty": 0, "dscg_caty": 0, "nwb_flag": 0,
          "dscg_way": one, "medrcdno": 0,
        ],
        [
          "begntime": day * 86400 + 36000, "endtime": (day + stayDays) * 86400 + 40000,
          "updt_time": day * 86400 + 50000,
        ])
      let ofVisit = v == visits - 1 ? lines - made : min(lines - made, 4 + Int(random.next() % 8))
      for _ in 0..<ofVisit {
        lineJobs.append((v, serial, day * 86400 + Int64(30000 + random.next() % 20000)))
        serial += 1
      }
      made += ofVisit
      add(
        .settlements, &at, slice,
        [
          "setl_id": setl, "mdtrt_id": visit, "psn_no": psn, "fixmedins_code": institutions[v % 200],
          "med_type": medType,
          "init_setl_id": 0, "refd_setl_flag": zero, "setl_type": one, "vali_flag": one, "insutype": one,
          "hosp_lv": one,
          "insu_admdvs": one, "fix_blng_admdvs": one, "dise_no": 0,
        ],
        [
          "begndate": day, "setl_time": day * 86400 + 50000, "fund_pay_sumamt": Int64(random.next() % 20000),
          "inscp_amt": ColumnData.null, "medfee_sumamt": 30000, "updt_time": day * 86400 + 50000,
          "bydise_setl_payamt": ColumnData.null,
        ])
      if v % 3 == 0 {
        add(
          .diagnoses, &at, slice,
          [
            "setl_list_diag_id": codes.intern("2025100000" + number), "mdtrt_id": visit, "psn_no": psn,
            "maindiag_flag": one, "diag_type": one, "diag_code": drugs[v % 50], "vali_flag": one,
          ],
          ["updt_time": day * 86400 + 50000])
      }
    }
    if isByTime {
      // Line by line as a store sorted by time gives them: the lines of one visit are not next to one another.
      lineJobs.sort { ($0.time % 86400, $0.serial) < ($1.time % 86400, $1.serial) }
    }
    for job in lineJobs {
      let visit = visitData[job.visit]
      let isReversal = random.next() % 100 == 0
      let sign: Int64 = isReversal ? -1 : 1
      let price = Int64(100 + random.next() % 3000)
      add(
        .feeLines, &at, visit.slice,
        [
          "mdtrt_id": visit.id, "bkkp_sn": codes.intern("2025" + String(10_000_100_000_000 + job.serial)),
          "setl_id": visit.setl, "psn_no": visit.psn, "fixmedins_code": visit.place, "med_type": visit.medType,
          "init_feedetl_sn": isReversal
            ? codes.intern("2025" + String(10_000_100_000_000 + max(0, job.serial - 1))) : 0,
          "med_list_codg": drugs[Int(random.next() % 3000)], "hilist_code": drugs[Int(random.next() % 3000)],
          "vali_flag": one, "list_type": one, "med_chrgitm_type": one,
          "bilg_dr_code": institutions[Int(random.next() % 200)],
          "etip_flag": zero, "etip_hosp_code": 0, "rx_circ_flag": 0, "dise_codg": 0, "insu_admdvs": one,
        ],
        [
          "cnt": sign * 10000, "pric": price * 10000, "fee_ocur_time": job.time, "det_item_fee_sumamt": sign * price,
          "fulamt_ownpay_amt": 0, "overlmt_selfpay": 0, "preselfpay_amt": 0, "inscp_amt": sign * price,
          "updt_time": job.time + 5000,
        ])
    }
    var raw: [ClaimTable: RawRows] = [:]
    for (table, rows) in rows {
      var loaded = RawRows(table: table)
      loaded.origin = rows.origin
      loaded.slice = rows.slice
      for (name, values) in rows.texts { loaded.columns[name] = .text(values) }
      for (name, values) in rows.numbers { loaded.columns[name] = .number(values) }
      raw[table] = loaded
    }
    rows = [:]
    return NormalizationInput(
      raw: raw, segments: (0..<4).map { SegmentIdentity(batch: "2025-W10", file: "part\($0).csv.gz") }, codes: codes,
      linksPersons: false)
  }

  private mutating func add(
    _ table: ClaimTable, _ at: inout [ClaimTable: Int32], _ slice: UInt16, _ texts: KeyValuePairs<String, UInt32>,
    _ numbers: KeyValuePairs<String, Int64>
  ) {
    var into = rows.removeValue(forKey: table) ?? Rows()
    for (name, value) in texts { into.texts[name, default: []].append(value) }
    for (name, value) in numbers { into.numbers[name, default: []].append(value) }
    let line = at[table] ?? 2
    into.origin.append(RowOrigin(segment: 0, line: line))
    into.slice.append(slice)
    at[table] = line + 1
    rows[table] = into
  }
}

/// Seeded random numbers.
struct SplitMix64 {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
