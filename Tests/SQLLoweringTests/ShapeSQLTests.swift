import ClaimModel
import RulePacks
import SQLLowering
import Testing

/// Each shape's SQL on rows whose findings were worked out by hand.
struct ShapeSQLTests {
  let db: EvidenceDatabase

  init() throws {
    db = try EvidenceDatabase()
    for (code, visit, chronic) in [("21", "inpatient", "0"), ("14", "outpatient", "1")] {
      try db.registry(
        "med_type_b",
        ["med_type": code, "visit_class": visit, "opsp_flag": chronic, "reg_flag": chronic, "begndate": "2020-01-01"])
    }
  }

  /// A visit with one settlement `S` + its id.
  func visit(
    _ id: String, _ person: String, _ from: String, _ to: String, type: String = "21", fund: String = "6.00",
    fee: String = "", more: [String: String] = [:]
  ) throws {
    try db.claim(
      .visit,
      [
        "mdtrt_id": id, "psn_no": person, "fixmedins_code": "H1", "med_type": type, "begntime": "2025-\(from)",
        "endtime": "2025-\(to)", "dscg_maindiag_code": "i10.x", "adm_caty": "A03", "dscg_caty": "A03",
      ].merging(more) { $1 })
    try db.claim(
      .settlement,
      [
        "setl_id": "S" + id, "mdtrt_id": id, "psn_no": person, "fixmedins_code": "H1", "med_type": type,
        "fund_pay_sumamt": fund, "begndate": "2025-\(from)", "medfee_sumamt": fee, "insu_admdvs": "330100",
        "fix_blng_admdvs": "330100", "dise_no": "D1",
      ])
  }

  func line(
    _ visit: String, _ sn: String, _ day: String, _ fee: String, person: String = "P1", more: [String: String] = [:]
  ) throws {
    try db.claim(
      .line,
      [
        "bkkp_sn": sn, "mdtrt_id": visit, "setl_id": "S" + visit, "fee_ocur_time": "2025-\(day) 08:00:00", "cnt": "1",
        "psn_no": person, "fixmedins_code": "H1", "det_item_fee_sumamt": fee, "inscp_amt": fee, "list_type": "101",
        "med_list_codg": "XA01BC02DE03",
      ].merging(more) { $1 })
  }

  static func rule(_ id: String) throws -> Rule {
    try #require(DifferentialTests.rules.first { $0.id == id }, "no \(id)")
  }

  func findings(_ rule: Rule, _ populations: PopulationSource = .store) throws -> [String] {
    try db.texts(
      preludeSQL() + ruleSQL(rule, populations: populations)
        + """
        SELECT x."key", x.subject, x.verdict, x.precedence, x.amount_fen, x.fund_fen
        FROM "\(rule.id) findings" x ORDER BY 1;
        """)
  }

  /// Of three stays in a row the first and third are never a pair; a stay elsewhere stands between no two.
  @Test func neighbours() throws {
    try visit("M1", "P1", "03-01", "03-05")
    try visit("M2", "P1", "03-05", "03-08")
    try visit("M3", "P1", "03-20", "03-22")
    try visit("M4", "P1", "03-06", "03-07", more: ["fixmedins_code": "H2"])
    try visit("M5", "P2", "03-05", "03-07")
    for id in ["M1", "M2", "M3"] { try line(id, "1", "03-21", "10.00") }
    #expect(
      try findings(Self.rule("ADM-05")) == [
        "M1|M2|H1|可疑|20|1000|600", "M2|M3|H1|线索|9223372036854775807|1000|600",
      ])
  }

  /// 90 days are silent. Ten days later 30 more: 110 are held, 20 of the 30 too many. Used up by June: 60 is silent.
  @Test func runningStock() throws {
    try db.registry(
      "drug_sup_b", ["med_list_codg": "XA01BC02DE03", "sup_key": "D", "sup_days": "1.5", "begndate": "2020-01-01"])
    for (id, day, cnt) in [("M1", "03-01", "60"), ("M2", "03-11", "20"), ("M3", "06-30", "40")] {
      try visit(id, "P1", day, day, type: "14", fund: "15.00")
      try line(id, "1", day, "30.00", more: ["cnt": cnt])
    }
    #expect(
      try findings(Self.rule("CHR-01")) == ["P1|D|2025-03-11|P1|线索|9223372036854775807|2000|1000"])
    #expect(
      try db.texts("SELECT f.\"purchase.supply\", f.\"purchase.held\" FROM \"CHR-01 formed\" f ORDER BY 2")
        == ["60|60", "90|90", "30|110"])
  }

  /// 30 days, then 170 on the next day: 199 held, 109 of 170 too many. Of 17.00 that is 10.90: all of the first line
  /// and 0.90 of the second. Where another rule took the first line, only the second's 7.00 are left.
  @Test(arguments: [false, true])
  func partIsTakenUnitByUnit(_ isContested: Bool) throws {
    try db.registry(
      "drug_sup_b", ["med_list_codg": "XA01BC02DE03", "sup_key": "D", "sup_days": "1", "begndate": "2020-01-01"])
    try visit("M1", "P1", "03-01", "03-01", type: "14", fund: "17.00")
    try line("M1", "1", "03-01", "3.00", more: ["cnt": "30"])
    try visit("M2", "P1", "03-02", "03-02", type: "14", fund: "17.00")
    try line("M2", "1", "03-02", "10.00", more: ["cnt": "100"])
    try line("M2", "2", "03-02", "7.00", more: ["cnt": "70"])
    var rules = [try Self.rule("CHR-01")]
    if isContested {
      var other = Rule()
      other.id = "A-01"
      other.status = .active
      other.condition = .compare(
        .equal, .claim(binding: "line", path: [], column: "id", kind: .text), .text("M2:1"))
      other.cases = [VerdictCase(when: .boolean(true), verdict: .definite, severity: .high, precedence: 1)]
      other.subjectType = .person
      other.subject = .claim(binding: "line", path: [], column: "psn_no", kind: .text)
      other.key = [.claim(binding: "line", path: [], column: "id", kind: .text)]
      other.lines = .hits(binding: "line")
      other.amountA = .sumA
      other.amountF = .sumF
      rules.append(other)
    }
    let expected =
      isContested
      ? ["A-01|M2:1|1000|1000|1000", "CHR-01|P1|D|2025-03-02|1090|1090|700"] : ["CHR-01|P1|D|2025-03-02|1090|1090|1090"]
    #expect(try db.texts(verifySQL(rules: rules, subjectType: .person, subject: "P1")) == expected)
  }

  /// Inner days 2 to 5 March; treatment on the 2nd, bed charges on the others: a run of three. Both stays post daily.
  @Test func runsOfDays() throws {
    try visit("M1", "P1", "03-01", "03-06", fund: "40.00", fee: "40.00")
    try line("M1", "1", "03-02", "10.00", more: ["med_chrgitm_type": "09"])
    for (sn, day) in [("2", "03-03"), ("3", "03-04"), ("4", "03-05")] {
      try line("M1", sn, day, "10.00", more: ["med_chrgitm_type": "01"])
    }
    try visit("M2", "P2", "03-01", "03-04", fund: "20.00", fee: "20.00")
    try line("M2", "1", "03-02", "10.00", person: "P2")
    try line("M2", "2", "03-03", "10.00", person: "P2")
    var rule = try Self.rule("ADM-06")
    #expect(try findings(rule).isEmpty)  // Not ten stays.
    for i in rule.parameters.indices where rule.parameters[i].name == "posting_stays" {
      rule.parameters[i].values[0].value = 2
    }
    try db.run(drop("ADM-06"))
    #expect(try findings(rule) == ["M1|2025-03-03|H1|可疑|100|3000|3000"])
    #expect(
      try db.texts("SELECT * FROM \"ADM-06 population posting\" p") == ["H1|2|6|6"])

    // The same facts read from the context.
    for (value, number) in [("stays", "2"), ("inner_days", "6"), ("posted_days", "6")] {
      try db.insert(
        EvidenceSchema.context,
        ["what": .text("population"), "key": .text("ADM-06.posting.\(value)|H1"), "value": .text(number)])
    }
    try db.run(drop("ADM-06"))
    #expect(try findings(rule, .context) == ["M1|2025-03-03|H1|可疑|100|3000|3000"])
  }

  /// One bed, two persons on 1 to 3 March; one of them in two stays at once on the 4th counts once.
  @Test func occupancy() throws {
    try db.registry(
      "fixmedins_b",
      [
        "fixmedins_code": "H1", "fixmedins_name": "x", "fixmedins_type": "1", "hosp_lv": "05", "admdvs": "330100",
        "aprv_bed_cnt": "1", "begndate": "2020-01-01",
      ])
    try visit("M1", "P1", "03-01", "03-04")
    try visit("M2", "P2", "03-01", "03-05")
    try visit("M3", "P2", "03-03", "03-05")
    let rule = try Self.rule("ADM-09")
    let expected = ["H1|2025-03-01|H1|可疑|120|0|0"]
    #expect(try findings(rule) == expected)
    let census = try db.texts(
      "SELECT f.\"census.fixmedins_code\", date(f.\"census.day\" * 86400, 'unixepoch'), f.\"census.count\""
        + " FROM \"ADM-09 formed\" f ORDER BY 2")
    #expect(census == ["H1|2025-03-01|2", "H1|2025-03-02|2", "H1|2025-03-03|2", "H1|2025-03-04|1"])
    for row in census {
      let parts = row.split(separator: "|").map(String.init)
      try db.insert(
        EvidenceSchema.context,
        [
          "what": .text("census"), "key": .text("ADM-09|\(parts[0])|\(parts[1])"), "value": .text(parts[2]),
        ])
    }
    try db.run("DELETE FROM visit; DELETE FROM settlement;" + drop("ADM-09"))
    #expect(try findings(rule, .context) == expected)
  }

  /// On the list of the disease (by its first ten characters), on that of a registered disease, on none.
  @Test func listsOfDiseases() throws {
    func reg(_ person: String, _ disease: String) throws {
      try db.registry(
        "opsp_reg_d",
        ["psn_no": person, "insu_admdvs": "330100", "opsp_dise_code": disease, "begndate": "2020-01-01"])
    }
    for (region, disease, drug) in [
      ("000000", "D1", "XA01BC02DE"), ("330100", "D1", "XB01"), ("330000", "D2", "XC01BC02DE03"),
    ] {
      try db.registry(
        "opsp_dise_drug_b",
        [
          "admdvs": region, "opsp_dise_code": disease, "drug_code": drug, "basis": "x", "begndate": "2020-01-01",
        ])
    }
    try reg("P1", "D1")
    try reg("P2", "D2")
    try visit("M1", "P1", "03-01", "03-01", type: "14", fund: "20.00")
    try line("M1", "1", "03-01", "10.00")
    try line("M1", "2", "03-01", "10.00", more: ["med_list_codg": "XC01BC02DE03"])
    // A short code makes no list.
    try line("M1", "3", "03-01", "10.00", more: ["med_list_codg": "XB01BC02DE03"])
    try visit("M2", "P2", "03-01", "03-01", type: "14", fund: "20.00")
    try line("M2", "1", "03-01", "10.00", person: "P2", more: ["med_list_codg": "XC01BC02DE03"])
    #expect(
      try findings(Self.rule("CHR-03")) == ["M1:2|H1|可疑|80|1000|667", "M1:3|H1|可疑|80|1000|666"])
  }

  private func drop(_ rule: String) -> String {
    ((try? db.texts("SELECT x.name FROM temp.sqlite_master x WHERE x.type = 'table'")) ?? [])
      .map { "DROP TABLE temp.\"\($0)\";" }.joined()
  }

  // MARK: numbers

  /// ⌊a·k/n⌋ and its remainder against 128-bit arithmetic, small and up to the last bit.
  @Test func sharesAreExact() throws {
    var g = SeededGenerator(seed: 7)
    var rows: [(Int64, Int64, Int64)] = [
      (0, 0, 1), (5, 1, 1), (7, 3, 7), (.max, .max, .max), (.max, .max - 1, .max), (.max - 1, 1, .max),
      (999_999_999_999, 999_999_999_999, 1_000_000_000_000), (1_000_000_000_001, 1_000_000_000_000, 1_000_000_000_001),
      (.max, 0, .max), (1, .max, .max), (.max / 2 + 1, .max / 2 + 1, .max / 2 + 1),
    ]
    for _ in 0..<200 {
      let bits = 1 + Int64(g.below(63))
      let n = max(1, Int64(truncatingIfNeeded: g.next() >> UInt64(64 - bits)))
      rows.append((Int64(g.next() >> 1) % n, Int64(g.next() >> 1) % (n &+ 1 > 0 ? n + 1 : n), n))
    }
    let source = rows.map { "SELECT \($0.0) AS a, \($0.1) AS k, \($0.2) AS n" }.joined(separator: " UNION ALL ")
    let found = try db.texts(Dialect.sqlite.shares(source))
    let expected = rows.map { a, k, n in
      let (high, low) = a.multipliedFullWidth(by: k)
      let (q, r) = n.dividingFullWidth((high, low))
      return "\(a)|\(k)|\(n)|\(q)|\(r)"
    }
    #expect(Set(found) == Set(expected))
    #expect(found.count == Set(expected).count)
  }

  /// The unrolled form of the running stock against the sentence it comes from, on random purchases.
  @Test(arguments: 0..<20)
  func stockIsWhatTheSentenceSays(_ seed: Int) throws {
    var g = SeededGenerator(seed: UInt64(seed))
    try db.registry(
      "drug_sup_b", ["med_list_codg": "XA01BC02DE03", "sup_key": "D", "sup_days": "0.5", "begndate": "2020-01-01"])
    var purchases: [(day: Int, pieces: Int)] = []
    for day in 1...28 where g.below(3) == 0 { purchases.append((day, g.below(30))) }
    for (i, purchase) in purchases.enumerated() {
      let day = "03-\(purchase.day < 10 ? "0" : "")\(purchase.day)"
      try visit("M\(i)", "P1", day, day, type: "14")
      if purchase.pieces > 0 { try line("M\(i)", "1", day, "10.00", more: ["cnt": "\(purchase.pieces)"]) }
    }
    var held = 0
    var last = 0
    var expected: [String] = []
    for purchase in purchases where purchase.pieces / 2 > 0 {
      held = max(0, held - (purchase.day - last)) + purchase.pieces / 2
      last = purchase.day
      expected.append("\(purchase.pieces / 2)|\(held)")
    }
    _ = try findings(Self.rule("CHR-01"))
    #expect(
      try db.texts(
        "SELECT f.\"purchase.supply\", f.\"purchase.held\" FROM \"CHR-01 formed\" f ORDER BY f.\"purchase.day\"")
        == expected)
  }
}
