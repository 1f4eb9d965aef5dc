import Audit
import Cases
import ClaimModel
import Foundation
import Normalize
import Registries
import RulePacks
import Testing

@testable import Referral

/// A hospital with two settlements, worked by hand:
///
/// | settlement | lines | A | P | F |
/// |---|---|---|---|---|
/// | S1 (M1, P1) | 1: 100.00 of class 03; 2: 50.00 of class 01 | 150.00 | 120.00 | 80.00, 40.00 |
/// | S2 (M2, P2, M03900) | 1: 60.00 of class 03, of which 30.00 reversed | 30.00 | 45.00 | 30.00, U 15.00 |
///
/// CAT-01 finds M1:1 (80.00) and M2:1 (30.00) and comes first; CHR-04 finds S2 (45.00), of which 15.00 are left:
/// counted 80 + 30 + 15 = 125.00.
struct Fixture {
  static let hospital = "H33010000001"
  var registrationEnds = "2025-01-01"

  func settlement(_ fields: [String: String]) -> [UInt8] { row(.settlements, fields) }

  func row(_ table: ClaimTable, _ fields: [String: String]) -> [UInt8] {
    FieldsBlob.encode(table.columns.map { fields[$0.name] ?? "" } + ["附加列"])
  }

  var tables: [(ClaimTable, [[UInt8]])] {
    let common = [
      "fixmedins_code": Self.hospital, "fixmedins_name": "示例<一>医院", "vali_flag": "1",
      "updt_time": "2025-03-04 10:00:00",
      "insu_admdvs": "330100", "fix_blng_admdvs": "330100", "hosp_lv": "05",
    ]
    func settlement(
      _ id: String, _ visit: String, _ person: String, _ inscp: String, _ fund: String, _ type: String, _ dise: String
    )
      -> [UInt8]
    {
      row(
        .settlements,
        common.merging([
          "setl_id": id, "mdtrt_id": visit, "psn_no": person, "psn_name": "测试\(person)", "certno": "33010019500101000X",
          "gend": "1", "brdy": "1950-01-01", "inscp_amt": inscp, "medfee_sumamt": inscp, "fund_pay_sumamt": fund,
          "med_type": type, "begndate": "2025-03-03", "setl_time": "2025-03-03 11:00:00", "dise_no": dise,
          "insutype": "310",
        ]) { $1 })
    }
    func visit(_ id: String, _ person: String, _ type: String) -> [UInt8] {
      row(
        .visits,
        common.merging([
          "mdtrt_id": id, "psn_no": person, "med_type": type, "begntime": "2025-03-03 09:00:00",
          "endtime": "2025-03-03 11:00:00", "inhosp_stas": "0",
        ]) { $1 })
    }
    func line(
      _ visit: String, _ sn: String, _ setl: String, _ person: String, _ cnt: String, _ fee: String, _ code: String,
      of: String = ""
    )
      -> [UInt8]
    {
      row(
        .feeLines,
        common.merging([
          "mdtrt_id": visit, "bkkp_sn": sn, "setl_id": setl, "psn_no": person, "cnt": cnt, "pric": "30.5",
          "det_item_fee_sumamt": fee, "inscp_amt": fee, "fee_ocur_time": "2025-03-03 09:30:00", "hilist_code": code,
          "hilist_name": "项目\(code)", "list_type": "101", "init_feedetl_sn": of, "bilg_dr_code": "D330100000001",
          "bilg_dr_name": "测试医师", "bilg_dept_name": "内科", "memo": "a\u{1F}b\u{1E}c",
        ]) { $1 })
    }
    return [
      (
        .settlements,
        [
          settlement("S1", "M1", "P1", "150.00", "120.00", "11", ""),
          settlement("S2", "M2", "P2", "30.00", "45.00", "14", "M03900"),
        ]
      ),
      (
        .feeLines,
        [
          line("M1", "1", "S1", "P1", "1", "100.00", "X03"), line("M1", "2", "S1", "P1", "1", "50.00", "X01"),
          line("M2", "1", "S2", "P2", "2", "60.00", "X03"),
          line("M2", "2", "S2", "P2", "-1", "-30.00", "X03", of: "1"),
        ]
      ),
      (.visits, [visit("M1", "P1", "11"), visit("M2", "P2", "14")]),
      (
        .diagnoses,
        [
          row(
            .diagnoses,
            ["setl_list_diag_id": "G1", "mdtrt_id": "M1", "psn_no": "P1", "diag_code": "I10", "vali_flag": "1"])
        ]
      ),
    ]
  }

  static func registry(_ name: String, _ rows: [[String: String]], _ codes: CodeTable) -> Registry? {
    guard let schema = RegistrySchema.named(name) else { return nil }
    var columns: [String: ColumnData] = [:]
    for column in schema.columns {
      let texts = rows.map { $0[column.name] ?? "" }
      columns[column.name] =
        column.kind == .text
        ? .text(texts.map { codes.intern($0) })
        : .number(
          texts.map { text in
            var text = text
            return text.isEmpty
              ? ColumnData.null : text.withUTF8 { column.kind.parse(UnsafeRawBufferPointer($0)) } ?? ColumnData.null
          })
    }
    return Registry(
      schema: schema, count: rows.count, columns: columns, isAmbiguous: rows.map { _ in false },
      digest: SHA256Hasher.hex(of: name), source: name + ".csv")
  }

  func registries(_ codes: CodeTable) -> Registries {
    func registry(_ name: String, _ rows: [[String: String]]) -> Registry? { Self.registry(name, rows, codes) }
    func item(_ code: String, _ level: String) -> [String: String] {
      [
        "admdvs": "330000", "hilist_code": code, "hilist_name": code, "list_type": "101", "chrgitm_lv": level,
        "begndate": "2024-01-01",
      ]
    }
    return Registries(
      tables: [
        "hilist_b": registry("hilist_b", [item("X01", "01"), item("X03", "03")]),
        "opsp_reg_d": registry(
          "opsp_reg_d",
          [
            [
              "psn_no": "P2", "insu_admdvs": "330100", "opsp_dise_code": "M03900", "begndate": "2024-01-01",
              "enddate": registrationEnds,
            ]
          ]),
        "fixmedins_b": registry(
          "fixmedins_b",
          [
            [
              "fixmedins_code": Self.hospital, "fixmedins_name": "示例<一>医院", "fixmedins_type": "1", "hosp_lv": "05",
              "medins_kind": "general", "aprv_bed_cnt": "120", "admdvs": "330100", "grid_code": "G-07",
              "grid_resper": "网格员甲", "begndate": "2020-01-01",
            ]
          ]),
      ].compactMapValues { $0 })
  }

  /// The rules that the weekly job runs, as they stand in Pipelines/rules.
  static let ruleFiles: [String: String] = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    var texts: [String: String] = [:]
    for id in ["CAT-01", "CHR-04"] {
      texts[id] = try? String(contentsOf: root.appendingPathComponent("Pipelines/rules/\(id).yml"), encoding: .utf8)
    }
    return texts
  }()

  var rules: [Rule] {
    Self.ruleFiles.keys.sorted().compactMap { parseRule(text: Self.ruleFiles[$0] ?? "", path: $0).0 }
  }

  /// From rows to the input of a packet, by the same functions as a run.
  func input() throws -> PacketInput {
    try Self.input(tables: tables, registries: registries, rules: rules, ruleFiles: Self.ruleFiles)
  }

  /// The packet of the named subject, else of the first case.
  static func input(
    tables: [(ClaimTable, [[UInt8]])], registries: (CodeTable) -> Registries, rules: [Rule],
    ruleFiles: [String: String], subject: String? = nil
  ) throws -> PacketInput {
    let codes = CodeTable()
    var raw: [ClaimTable: RawRows] = [:]
    var sources: [SourceFile] = []
    var segments: [SegmentIdentity] = []
    for (index, (table, rows)) in tables.enumerated() {
      var loader = RowLoader(table: table, columns: Set(table.columns.map(\.name)), codes: codes)
      for (i, row) in rows.enumerated() {
        row.withUnsafeBytes { loader.append(segment: Int32(index), line: Int32(i + 2), fields: $0) }
      }
      raw[table] = loader.finish()
      let file = "\(table.name)_2025W10,\(index).csv.gz"
      segments.append(SegmentIdentity(batch: "2025-W10", file: file))
      sources.append(
        SourceFile(
          batch: "2025-W10", file: file, table: table.name, digest: SHA256Hasher.hex(of: file), rows: rows.count))
    }
    let normalized = try effectiveClaims(NormalizationInput(raw: raw, segments: segments, codes: codes))
    let registries = registries(codes)
    let audited = try audit(rules: rules, AuditInput(claims: normalized.claims, registries: registries))
    let assignment = assignCases(
      records: audited.findings.map { FindingRecord(finding: $0, state: .new, firstBatch: "2025-W10") }, open: [],
      batchLabel: "2025-W10")
    let caseFile = try #require(assignment.cases.first { subject == nil || $0.subject == subject })
    let blobs = tables.map(\.1)
    return PacketInput(
      caseFile: caseFile, findings: assignment.records.filter { subject == nil || $0.caseID == caseFile.id },
      rules: rules, ruleFiles: ruleFiles,
      laws: ["条例38-6": LawText(title: "条例第三十八条第（六）项", text: "将不属于医疗保障基金支付范围的医药费用纳入医疗保障基金结算。")],
      exemptionNames: ["EX-05": "示例排除"], coverage: audited.coverage, claims: normalized.claims,
      evidence: EvidenceIndex(raw: raw, isValid: normalized.isValid, claims: normalized.claims), registries: registries,
      sources: sources,
      fetch: { segment, lines, row in
        for line in lines {
          try blobs[Int(segment)][Int(line) - 2].withUnsafeBytes { try row(line, Int64(line) * 100, $0) }
        }
      }, asOf: CivilTime.day(year: 2025, month: 3, day: 9) ?? 0, runID: "2025-W10~1-0123abcd", batchLabel: "2025-W10",
      toolVersion: "0.1.0", facts: audited.facts)
  }
}

/// A folder that goes away with the test.
final class TemporaryFolder {
  let path: String
  init() throws {
    path = NSTemporaryDirectory() + "/referral-tests-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }
  deinit { try? FileManager.default.removeItem(atPath: path) }
}
