import ClaimModel
import Diagnostics
import Foundation
import Registries
import RulePacks
import Testing

@testable import Referral

/// A hospital of one bed, worked by hand:
///
/// - P1 stays M0 (1-2 January), M1 (1-5 March), M2 (5-8 March), M3 (20-21 March), all for I10: M1|M2 is suspected,
///   M2|M3 a lead. M2 has 20.00, M3 5.00, all of it paid by the fund.
/// - P2 stays M4 (1-6 March): treated on the 2nd, three days of bed charges of 10.00.
/// - Both are in house from 1 to 5 March.
/// - P3 gets in M5 a drug of 10.00 that is not on the list of D1; in M6 30 and in M7 a day later 170 days of another:
///   199 held, 109 of 170 too many, of 170.00 that is 109.00.
private struct FormedFixture {
  static let hospital = Fixture.hospital
  static let ids = ["ADM-05", "ADM-06", "ADM-09", "CHR-01", "CHR-03"]

  var tables: [(ClaimTable, [[UInt8]])] {
    var settlements: [[UInt8]] = []
    var lines: [[UInt8]] = []
    var visits: [[UInt8]] = []
    func add(
      _ id: String, _ person: String, _ from: String, _ to: String,
      _ own: [(day: String, fee: String, more: [String: String])],
      type: String = "21"
    ) {
      let common = [
        "mdtrt_id": id, "psn_no": person, "fixmedins_code": Self.hospital, "med_type": type, "vali_flag": "1",
        "insu_admdvs": "330100", "fix_blng_admdvs": "330100", "setl_id": "S" + id,
      ]
      let total = own.reduce(0) { $0 + (Int($1.fee) ?? 0) }
      settlements.append(
        Fixture().row(
          .settlements,
          common.merging([
            "begndate": "2025-\(from)", "setl_time": "2025-\(to) 11:00:00", "fund_pay_sumamt": "\(total)",
            "medfee_sumamt": "\(total)", "dise_no": type == "14" ? "D1" : "",
          ]) { $1 }))
      visits.append(
        Fixture().row(
          .visits,
          common.merging([
            "begntime": "2025-\(from) 09:00:00", "endtime": "2025-\(to) 10:00:00", "inhosp_stas": "0",
            "dscg_maindiag_code": "I10.x00", "adm_caty": "A03", "dscg_caty": "A03",
          ]) { $1 }))
      for (i, line) in own.enumerated() {
        lines.append(
          Fixture().row(
            .feeLines,
            common.merging(
              [
                "bkkp_sn": "\(i + 1)", "cnt": "1", "det_item_fee_sumamt": line.fee, "inscp_amt": line.fee,
                "fee_ocur_time": "2025-\(line.day) 09:30:00", "list_type": "101", "med_chrgitm_type": "09",
              ].merging(line.more) { $1 }
            ) { $1 }))
      }
    }
    let bed = ["med_chrgitm_type": "01"]
    func drug(_ code: String, _ count: String) -> [String: String] { ["med_list_codg": code, "cnt": count] }
    add("M0", "P1", "01-01", "01-02", [("01-01", "5", [:])])
    add("M1", "P1", "03-01", "03-05", [("03-02", "10", [:]), ("03-03", "10", [:]), ("03-04", "10", [:])])
    add("M2", "P1", "03-05", "03-08", [("03-06", "10", [:]), ("03-07", "10", [:])])
    add("M3", "P1", "03-20", "03-21", [("03-20", "5", [:])])
    add(
      "M4", "P2", "03-01", "03-06",
      [("03-02", "10", [:]), ("03-03", "10", bed), ("03-04", "10", bed), ("03-05", "10", bed)])
    add("M5", "P3", "03-03", "03-03", [("03-03", "10", drug("XQ99YYYYYY02", "1"))], type: "14")
    add("M6", "P3", "03-01", "03-01", [("03-01", "30", drug("XD01XXXXXX01", "30"))], type: "14")
    add("M7", "P3", "03-02", "03-02", [("03-02", "170", drug("XD01XXXXXX01", "170"))], type: "14")
    return [(.settlements, settlements), (.feeLines, lines), (.visits, visits), (.diagnoses, [])]
  }

  func registries(_ codes: CodeTable) -> Registries {
    let tables = [
      "fixmedins_b": [
        [
          "fixmedins_code": Self.hospital, "fixmedins_name": "示例医院", "fixmedins_type": "1", "hosp_lv": "05",
          "medins_kind": "general", "aprv_bed_cnt": "1", "admdvs": "330100", "begndate": "2020-01-01",
        ]
      ],
      "drug_sup_b": [
        ["med_list_codg": "XD01XXXXXX01", "sup_key": "D", "sup_days": "1", "basis": "x", "begndate": "2020-01-01"]
      ],
      "opsp_reg_d": [
        ["psn_no": "P3", "insu_admdvs": "330100", "opsp_dise_code": "D1", "begndate": "2020-01-01"]
      ],
      "opsp_dise_drug_b": [
        [
          "admdvs": "000000", "opsp_dise_code": "D1", "drug_code": "XD01XXXXXX", "basis": "x",
          "begndate": "2020-01-01",
        ]
      ],
    ]
    var found: [String: Registry] = [:]
    for (name, rows) in tables { found[name] = Fixture.registry(name, rows, codes) }
    return Registries(tables: found)
  }

  static let ruleFiles: [String: String] = {
    let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent()
    var texts: [String: String] = [:]
    for id in ids {
      texts[id] = try? String(contentsOf: root.appendingPathComponent("Pipelines/rules/\(id).yml"), encoding: .utf8)
    }
    return texts
  }()

  /// The shipped rules; two stays are enough to see that the hospital posts daily.
  var rules: [Rule] {
    Self.ids.compactMap { parseRule(text: Self.ruleFiles[$0] ?? "", path: $0).0 }.map { rule in
      var rule = rule
      rule.status = .active
      for i in rule.parameters.indices where rule.parameters[i].name == "posting_stays" {
        for j in rule.parameters[i].values.indices { rule.parameters[i].values[j].value = 2 }
      }
      return rule
    }
  }

  func packet(of subject: String, in folder: TemporaryFolder) throws -> String {
    let input = try Fixture.input(
      tables: tables, registries: registries, rules: rules, ruleFiles: Self.ruleFiles, subject: subject)
    return try folder.path + "/" + PacketWriter().write(input, into: folder.path)
  }
}

@Suite struct FormedPackets {
  private static let expected = [
    Fixture.hospital: [
      "ADM-05|M1|M2|2000|2000|2000", "ADM-05|M2|M3|500|500|0", "ADM-06|M4|2025-03-03|3000|3000|3000",
      "ADM-09|\(Fixture.hospital)|2025-03-01|0|0|0", "CHR-03|M5:1|1000|1000|1000",
    ],
    "P3": ["CHR-01|P3|D|2025-03-02|10900|10900|10900"],
  ]

  @Test(arguments: [Fixture.hospital, "P3"])
  func areDerivedAgain(_ subject: String) throws {
    let folder = try TemporaryFolder()
    let bag = try FormedFixture().packet(of: subject, in: folder)
    for problem in verifyPacket(bag) { Issue.record("\(problem)") }
    let database = try EvidenceDatabase(bag + "/data/evidence.sqlite", .read)
    var found: [String] = []
    try database.query("SELECT rule, key, amount_fen, fund_fen, counted_fen FROM finding ORDER BY rule, key") { row in
      found.append((0..<5).map { row.text($0) }.joined(separator: "|"))
    }
    #expect(found == Self.expected[subject])
  }

  /// What no finding names but the rules looked at is in the packet, population facts with the SQL that gave them.
  @Test func holdWhatTheRulesLookedAt() throws {
    let folder = try TemporaryFolder()
    let hospital = try EvidenceDatabase(
      FormedFixture().packet(of: Fixture.hospital, in: folder) + "/data/evidence.sqlite", .read)
    func texts(_ database: EvidenceDatabase, _ sql: String) throws -> [String] {
      var result: [String] = []
      try database.query(sql) { result.append($0.text(0)) }
      return result
    }
    #expect(
      try texts(hospital, "SELECT mdtrt_id FROM visit WHERE psn_no = 'P1' ORDER BY 1") == ["M0", "M1", "M2", "M3"])
    #expect(try texts(hospital, "SELECT count(*) FROM fixmedins_b") == ["1"])
    #expect(
      try texts(
        hospital,
        "SELECT substr(key, -10) || '=' || value FROM context WHERE what = 'census' AND sql <> '' ORDER BY key")
        == ["01", "02", "03", "04", "05"].map { "2025-03-\($0)=2" })
    #expect(
      try texts(
        hospital, "SELECT value FROM context WHERE what = 'population' AND sql LIKE 'SELECT%' ORDER BY key")
        == ["9", "9", "3"])
    let person = try EvidenceDatabase(
      FormedFixture().packet(of: "P3", in: folder) + "/data/evidence.sqlite", .read)
    #expect(try texts(person, "SELECT DISTINCT mdtrt_id FROM line ORDER BY 1") == ["M6", "M7"])
  }

  /// Each change takes away or changes what one rule found; the manifests are made anew.
  @Test(arguments: [
    ("ADM-05", Fixture.hospital, "DELETE FROM visit WHERE mdtrt_id = 'M2'", "packet.not-derived"),
    (
      "ADM-06", Fixture.hospital,
      "UPDATE context SET value = '4' WHERE what = 'population' AND key LIKE '%posted_days%'", "packet.not-derived"
    ),
    (
      "ADM-09", Fixture.hospital, "DELETE FROM context WHERE what = 'census' AND key LIKE '%2025-03-03'",
      "packet.not-derived"
    ),
    ("ADM-09", Fixture.hospital, "UPDATE fixmedins_b SET aprv_bed_cnt = 2", "packet.not-derived"),
    (
      "CHR-03", Fixture.hospital, "UPDATE opsp_dise_drug_b SET drug_code = 'XQ99YYYYYY'", "packet.not-derived"
    ),
    ("CHR-01", "P3", "DELETE FROM line WHERE mdtrt_id = 'M6'", "packet.amount"),
    ("CHR-01", "P3", "UPDATE finding SET counted_fen = 17000", "packet.amount"),
  ])
  func showChanges(_ rule: String, _ subject: String, _ sql: String, _ code: String) throws {
    let folder = try TemporaryFolder()
    let bag = try FormedFixture().packet(of: subject, in: folder)
    do { try EvidenceDatabase(bag + "/data/evidence.sqlite", .change).run(sql) }
    try Bag.seal(
      bag, info: [("External-Identifier", String(bag.split(separator: "/").last?.prefix(13) ?? ""))])
    #expect(verifyPacket(bag).contains { $0.code == code }, "\(rule)")
  }
}
