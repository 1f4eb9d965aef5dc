import Foundation

/// Deliveries of a few rows, written by hand: a row says only what matters, the rest is ordinary.
struct SmallDelivery {
  let folder: String
  var input: String { folder + "/input" }
  var output: String { folder + "/out" }
  var store: String { folder + "/store" }
  let pipeline: String

  /// - Parameters:
  ///   - registries: by table, in place of or beside the ordinary ones; an empty text leaves the table out.
  ///   - more: lines of the pipeline file.
  init(registries: [String: String] = [:], more: String = "") throws {
    folder = try Scratch.folder("small-delivery")
    pipeline = folder + "/small.yml"
    try writeSmallPipeline(minCountedFen: 100, to: pipeline)
    try write(text(of: pipeline) + "fill_floor: 0\n" + more, to: pipeline)
    for (table, text) in Self.registries.merging(registries, uniquingKeysWith: { $1 }) {
      try setRegistry(table, text)
    }
  }

  func setRegistry(_ table: String, _ text: String) throws {
    let path = input + "/registries/\(table).csv"
    if text.isEmpty { try FileManager.default.removeItem(atPath: path) } else { try write(text, to: path) }
  }

  /// Puts a file in a batch; its columns are all that any of the rows names, and those of `ordinary`.
  func put(_ batch: String, _ file: String, _ rows: [[String: String]]) throws {
    let table = Self.ordinary.keys.first { file.hasPrefix($0) } ?? ""
    let ordinary = Self.ordinary[table] ?? [:]
    let columns = Set(rows.flatMap(\.keys)).union(ordinary.keys).sorted()
    let lines = rows.map { row in columns.map { row[$0] ?? ordinary[$0] ?? "" }.joined(separator: ",") }
    try write(
      ([columns.joined(separator: ",")] + lines).joined(separator: "\n") + "\n",
      to: input + "/batches/\(batch)/\(file)")
  }

  /// Puts bytes in a batch as they are.
  func put(_ batch: String, _ file: String, _ content: String) throws {
    try write(content, to: input + "/batches/\(batch)/\(file)")
  }

  func remove(_ batch: String, _ file: String) throws {
    try FileManager.default.removeItem(atPath: input + "/batches/\(batch)/\(file)")
  }

  func run(_ more: [String] = []) throws -> Outcome {
    try yijian(
      ["run", pipeline, "--input", input, "--output", output, "--store", store] + more)
  }

  func findings(_ batch: String) throws -> [[String: String]] {
    try Table(path: output + "/\(batch)/findings.csv").rows
  }

  /// The rules that could not run because a table is incomplete.
  func silent(_ batch: String) throws -> [String] {
    try Table(path: output + "/\(batch)/coverage.csv").rows
      .filter { $0["status"] == "not_runnable" && $0["reason"]?.contains("is incomplete") == true }
      .compactMap { $0["rule"] }
  }

  func packets(_ batch: String) -> [String] {
    let all = (try? FileManager.default.contentsOfDirectory(atPath: output + "/\(batch)/packets")) ?? []
    return all.sorted().map { output + "/\(batch)/packets/" + $0 }
  }

  private static let ordinary: [String: [String: String]] = [
    "setl_d": [
      "setl_id": "S1", "mdtrt_id": "M1", "psn_no": "P1", "insutype": "310", "insu_admdvs": "990101",
      "fixmedins_code": "H1", "hosp_lv": "02", "fix_blng_admdvs": "990101", "begndate": "2025-03-05",
      "setl_time": "2025-03-05 10:00:00", "med_type": "11", "setl_type": "2", "medfee_sumamt": "200.00",
      "inscp_amt": "200.00", "fund_pay_sumamt": "200.00", "init_setl_id": "", "refd_setl_flag": "",
      "vali_flag": "1", "updt_time": "2025-03-06 00:00:00",
    ],
    "mdtrt_d": [
      "mdtrt_id": "M1", "psn_no": "P1", "fixmedins_code": "H1", "begntime": "2025-03-05 08:00:00",
      "endtime": "2025-03-05 09:00:00", "med_type": "11", "inhosp_stas": "0", "vali_flag": "1",
      "updt_time": "2025-03-06 00:00:00",
    ],
    "fee_list_d": [
      "bkkp_sn": "L1", "setl_id": "S1", "mdtrt_id": "M1", "psn_no": "P1", "fixmedins_code": "H1",
      "fee_ocur_time": "2025-03-05 09:00:00", "cnt": "1", "pric": "200.00", "det_item_fee_sumamt": "200.00",
      "inscp_amt": "200.00", "list_type": "201", "hilist_code": "JIA", "med_list_codg": "X1",
      "med_chrgitm_type": "09", "init_feedetl_sn": "", "vali_flag": "1", "updt_time": "2025-03-06 00:00:00",
    ],
  ]

  /// JIA may be paid, BING may not.
  private static let registries = [
    "hilist_b": """
    admdvs,hilist_code,hilist_name,list_type,chrgitm_lv,begndate,enddate
    000000,JIA,甲,201,01,2020-01-01,
    000000,BING,丙,201,03,2020-01-01,

    """,
    "fixmedins_b": """
    fixmedins_code,fixmedins_name,fixmedins_type,hosp_lv,medins_kind,admdvs,begndate
    H1,一院,1,02,general,990101,2020-01-01
    H2,二院,1,08,general,990101,2020-01-01

    """,
  ]
}
