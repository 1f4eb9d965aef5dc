import ClaimModel
import Foundation
import Normalize
import Parquet
import Partition
import SyntheticClaims

/// The small exports that kernels work on, made once by `prepare`.
struct KernelData {
  let folder: String
  /// The root of the project: rules and knowledge are read from it.
  let project: String

  var narrowGzip: String { path("narrow", ".csv.gz") }
  var wideGzip: String { path("wide", ".csv.gz") }
  var narrowPlain: String { path("narrow", ".csv") }
  var widePlain: String { path("wide", ".csv") }

  private func path(_ layout: String, _ ending: String) -> String {
    "\(folder)/\(layout)/batches/2025-W10_2025-W13/fee_list_d_2025W10_2025W13_01\(ending)"
  }

  /// What the pack's rules read of a line beside what claims need.
  static let ruleColumns: Set<String> = [
    "fixmedins_code", "psn_no", "hilist_code", "list_type", "med_chrgitm_type", "etip_flag", "etip_hosp_code",
    "rx_circ_flag", "dise_codg", "insutype", "insu_admdvs", "fix_blng_admdvs", "hosp_lv", "dise_no", "nwb_flag",
    "refl_old_mdtrt_id", "medrcdno", "dscg_way", "ars_year_ipt_flag",
  ]

  /// Writes both exports, with a copy of the fee lines that is not compressed.
  static func prepare(_ folder: String) throws {
    for layout in SynthOptions.Layout.allCases {
      _ = try synthesize(
        SynthOptions(
          seed: 1, settlements: 300, layout: layout, planted: .load, batches: 4, together: true, parts: 1),
        into: "\(folder)/\(layout.rawValue)")
    }
    for path in [KernelData(folder: folder, project: "").narrowGzip, KernelData(folder: folder, project: "").wideGzip] {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
      process.arguments = ["gzip", "-dkf", path]
      try process.run()
      process.waitUntilExit()
      guard process.terminationStatus == 0 else { throw KernelError("gzip -dkf \(path)") }
    }
    let manager = FileManager.default
    let kept = folder + "/registries"
    if manager.fileExists(atPath: kept) { try manager.removeItem(atPath: kept) }
    try manager.copyItem(atPath: folder + "/narrow/registries", toPath: kept)
  }

  /// Good rows of one table of the narrow export, as the store keeps them.
  func blobs(of table: ClaimTable) throws -> [[UInt8]] {
    var blobs: [[UInt8]] = []
    let normalizer = FileNormalizer(fileName: table.name, latestSettlementTime: nil) { _, _, fields in
      blobs.append(Array(fields))
    }
    try read(narrowGzip.replacingOccurrences(of: "fee_list_d", with: table.name), normalizer)
    return blobs
  }

  func normalizationInput() throws -> NormalizationInput {
    let codes = CodeTable()
    var raw: [ClaimTable: RawRows] = [:]
    for table in [ClaimTable.settlements, .feeLines, .visits, .diagnoses] {
      var loader = RowLoader(table: table, columns: Self.ruleColumns, codes: codes)
      for (line, blob) in try blobs(of: table).enumerated() {
        blob.withUnsafeBytes { loader.append(segment: 0, line: Int32(line), fields: $0) }
      }
      raw[table] = loader.finish()
    }
    return NormalizationInput(
      raw: raw, segments: [SegmentIdentity(batch: "2025-W10_2025-W13", file: "all")], codes: codes)
  }

  /// Of this process: kernels are counted side by side, and two of them write it.
  var parquet: String { folder + "/lines-\(getpid()).parquet" }

  func emptyPartition() throws -> RowPartition {
    try RowPartition(
      plans: [.feeLines: RowPlan(table: .feeLines, columns: Self.ruleColumns, keepsDelivered: false)],
      memoryBytes: 1 << 28, spillFolder: folder)
  }

  /// Puts the fee lines of the narrow export into a partition.
  func fill(_ partition: RowPartition) throws {
    let consumer = partition.consumer(fileName: "fee_list_d.csv.gz", latestSettlementTime: nil) { _, _ in 0 }
    try read(narrowGzip, consumer)
    try consumer.finish()
  }

  /// All national columns of the fee lines, and the table of their codes.
  func feeLines() throws -> (RawRows, CodeTable) {
    let codes = CodeTable()
    var loader = RowLoader(table: .feeLines, columns: Set(ClaimTable.feeLines.columns.map(\.name)), codes: codes)
    for (line, blob) in try blobs(of: .feeLines).enumerated() {
      blob.withUnsafeBytes { loader.append(segment: 0, line: Int32(line), fields: $0) }
    }
    return (loader.finish(), codes)
  }

  func writeParquet(_ rows: RawRows, _ codes: CodeTable) throws {
    let columns = rows.table.columns
    let writer = try ParquetWriter(
      path: parquet,
      columns: columns.map { ParquetColumn(name: $0.name, kind: ParquetKind($0.kind), isOptional: true) },
      metadata: [], toolVersion: "kernel")
    try writer.append(
      columns.map { column in
        switch rows.columns[column.name] {
        case .text(let values): .codes(values)
        case .number(let values): .numbers(values)
        case nil: .nulls(rows.count)
        }
      }, codes: codes)
    _ = try writer.finish()
  }
}
