import ClaimModel
import SQLLowering
import Testing

/// Every clause of claims.md 1.2-1.8 and 2, on rows whose results were worked out by hand.
struct PreludeTests {
  let db: EvidenceDatabase

  init() throws {
    db = try EvidenceDatabase()
    try db.registry(
      "med_type_b",
      ["med_type": "21", "visit_class": "inpatient", "opsp_flag": "0", "reg_flag": "0", "begndate": "2020-01-01"])
    try db.registry(
      "med_type_b",
      ["med_type": "14", "visit_class": "outpatient", "opsp_flag": "1", "reg_flag": "1", "begndate": "2020-01-01"])
  }

  func visit(_ id: String, _ more: [String: String] = [:]) throws {
    try db.claim(
      .visit,
      [
        "mdtrt_id": id, "psn_no": "P1", "fixmedins_code": "H1", "med_type": "21", "begntime": "2025-03-03 09:00:00",
        "endtime": "2025-03-08 10:00:00",
      ].merging(more) { $1 })
  }

  func settlement(_ id: String, _ visit: String, _ more: [String: String] = [:]) throws {
    try db.claim(
      .settlement,
      [
        "setl_id": id, "mdtrt_id": visit, "psn_no": "P1", "fixmedins_code": "H1", "med_type": "21",
        "fund_pay_sumamt": "100.00", "begndate": "2025-03-03",
      ].merging(more) { $1 })
  }

  func line(_ sn: String, _ visit: String, _ setl: String, _ more: [String: String] = [:]) throws {
    try db.claim(
      .line,
      [
        "bkkp_sn": sn, "mdtrt_id": visit, "setl_id": setl, "fee_ocur_time": "2025-03-04 08:00:00", "cnt": "1",
        "pric": "10", "det_item_fee_sumamt": "10.00", "inscp_amt": "10.00", "med_list_codg": "X",
      ].merging(more) { $1 })
  }

  func derived(_ sql: String) throws -> [String] { try db.texts(preludeSQL() + sql) }

  @Test(arguments: [
    ([:], true), (["refd_setl_flag": "1"], false), (["refd_setl_flag": "0"], true), (["init_setl_id": "S0"], false),
    (["setl_type": "9"], false), (["setl_type": "2"], true), (["mdtrt_id": "none"], true), (["mdtrt_id": "IN"], false),
  ])
  func settlementCounts(_ change: [String: String], _ counts: Bool) throws {
    try db.insert(EvidenceSchema.context, ["what": .text("excluded_setl_type"), "value": .text("9")])
    try visit("M1")
    try visit("IN", ["inhosp_stas": "1"])
    try settlement("S1", "M1", change)
    #expect(try derived("SELECT setl_id FROM counting_settlement") == (counts ? ["S1"] : []))
  }

  @Test func settlementNamedByAnotherIsOut() throws {
    try settlement("S1", "M1")
    try settlement("S2", "M9", ["init_setl_id": "S1", "fund_pay_sumamt": "-100.00"])
    try settlement("S3", "M1")
    #expect(try derived("SELECT setl_id FROM counting_settlement") == ["S3"])
  }

  @Test func linesOfSettlementsThatDoNotCountAreOut() throws {
    try settlement("S1", "M1")
    try settlement("S2", "M1", ["refd_setl_flag": "1"])
    try line("1", "M1", "S1")
    try line("2", "M1", "S2")
    try line("3", "M1", "")
    try line("4", "M1", "S9")
    #expect(try derived("SELECT id, day FROM counting_line") == ["M1:1|20151"])
  }

  @Test func linkedReversalNetsAndKeepsNulls() throws {
    try settlement("S1", "M1")
    try line(
      "1", "M1", "S1",
      ["cnt": "3", "det_item_fee_sumamt": "30", "inscp_amt": "30", "preselfpay_amt": "", "overlmt_selfpay": "2"])
    try line(
      "2", "M1", "S1",
      [
        "cnt": "-1", "det_item_fee_sumamt": "-10", "inscp_amt": "", "preselfpay_amt": "-1", "overlmt_selfpay": "-0.5",
        "init_feedetl_sn": "1",
      ])
    // All of it taken back: nothing is left. Its partner in another visit is not its partner.
    try line("3", "M1", "S1", ["cnt": "2", "pric": "7"])
    try line("4", "M1", "S1", ["cnt": "-2", "pric": "8", "init_feedetl_sn": "3", "det_item_fee_sumamt": "-10"])
    try line("5", "M1", "S1", ["cnt": "2", "pric": "9", "det_item_fee_sumamt": "5"])
    try line("6", "M2", "S1", ["cnt": "-2", "pric": "9", "init_feedetl_sn": "5"])
    #expect(
      try derived(
        "SELECT id, cnt, det_item_fee_sumamt, inscp_amt, preselfpay_amt, overlmt_selfpay FROM counting_line ORDER BY id"
      )
        == ["M1:1|20000|2000|3000|∅|150", "M1:5|20000|500|1000|∅|∅"])
  }

  @Test func pairedReversalTakesTheLatestNotLaterThanTheNegative() throws {
    try settlement("S1", "M1")
    for (sn, time) in [("1", "04"), ("2", "05"), ("3", "05"), ("4", "07")] {
      try line(sn, "M1", "S1", ["fee_ocur_time": "2025-03-\(time) 08:00:00"])
    }
    // Touched by a linked reversal of part of it: never a partner.
    try line("5", "M1", "S1", ["fee_ocur_time": "2025-03-06", "cnt": "1", "det_item_fee_sumamt": "10"])
    try line(
      "6", "M1", "S1",
      [
        "cnt": "-0.5", "det_item_fee_sumamt": "-5", "inscp_amt": "-5", "init_feedetl_sn": "5",
        "fee_ocur_time": "2025-03-06",
      ])
    try line("7", "M1", "S1", ["cnt": "-1", "det_item_fee_sumamt": "-10", "fee_ocur_time": "2025-03-06"])
    #expect(try derived("SELECT id FROM counting_line ORDER BY id") == ["M1:1", "M1:2", "M1:4", "M1:5"])
  }

  @Test(arguments: [("med_list_codg", ""), ("pric", ""), ("pric", "11"), ("cnt", "-2"), ("med_list_codg", "x")])
  func noPartner(_ column: String, _ value: String) throws {
    try settlement("S1", "M1")
    try line("1", "M1", "S1", column == "cnt" ? [:] : (value.isEmpty ? [column: ""] : [:]))
    try line("2", "M1", "S1", ["cnt": "-1", "det_item_fee_sumamt": "-10"].merging([column: value]) { $1 })
    #expect(try derived("SELECT id FROM counting_line") == ["M1:1"])
  }

  @Test func negativeNetAmountOrNoQuantityDoesNotCount() throws {
    try settlement("S1", "M1")
    try line("1", "M1", "S1", ["det_item_fee_sumamt": "-0.01"])
    try line("2", "M1", "S1", ["cnt": "0"])
    try line("3", "M1", "S1", ["det_item_fee_sumamt": "0"])
    #expect(try derived("SELECT id FROM counting_line") == ["M1:3"])
  }

  @Test(arguments: [
    (["inscp_amt": "7.00"], 700), (["inscp_amt": "-7.00"], 0), (["inscp_amt": "0"], 0), (["inscp_amt": ""], 1000),
    (["inscp_amt": "", "fulamt_ownpay_amt": "1", "overlmt_selfpay": "2", "preselfpay_amt": "3"], 400),
    (["inscp_amt": "", "fulamt_ownpay_amt": "11"], 0),
  ])
  func amountAtIssue(_ change: [String: String], _ fen: Int) throws {
    try settlement("S1", "M1")
    try line("1", "M1", "S1", change)
    #expect(try derived("SELECT A FROM counting_line") == ["\(fen)"])
  }

  /// P 100 over A 100, 100, 100 with T 300: 33 each, and the one fen over goes to the earliest of equal remainders.
  @Test func largestRemainder() throws {
    try settlement("S1", "M1", ["fund_pay_sumamt": "1.00"])
    try line("1", "M1", "S1", ["inscp_amt": "1.00", "fee_ocur_time": "2025-03-05"])
    try line("3", "M1", "S1", ["inscp_amt": "1.00", "fee_ocur_time": "2025-03-04"])
    try line("2", "M1", "S1", ["inscp_amt": "1.00", "fee_ocur_time": "2025-03-04"])
    #expect(
      try derived("SELECT id, F FROM counting_line ORDER BY id") == ["M1:1|33", "M1:2|34", "M1:3|33"])
    #expect(try db.texts("SELECT P, T, A, U FROM counting_settlement") == ["100|300|300|0"])
  }

  /// T from the settlement: A 200 of T 1000, P 500: whole 100 of the lines' share, the rest is U.
  @Test func remainderOfSettlementThatLinesDoNotExplain() throws {
    try settlement("S1", "M1", ["fund_pay_sumamt": "5.00", "inscp_amt": "10.00"])
    try line("1", "M1", "S1", ["inscp_amt": "0.01"])
    try line("2", "M1", "S1", ["inscp_amt": "1.99"])
    // 1·500/1000 = 0 rest 500; 199·500/1000 = 99 rest 500; ⌊200·500/1000⌋ = 100: one over, to the smaller bkkp_sn.
    #expect(try derived("SELECT id, F FROM counting_line ORDER BY id") == ["M1:1|1", "M1:2|99"])
    #expect(try db.texts("SELECT P, T, A, U FROM counting_settlement") == ["500|1000|200|400"])
  }

  @Test(arguments: [("", "", "0|1000|0|0"), ("-5", "", "0|1000|0|0"), ("20", "", "2000|1000|1000|1000")])
  func settlementAmounts(_ fund: String, _ inscp: String, _ expected: String) throws {
    try settlement("S1", "M1", ["fund_pay_sumamt": fund, "inscp_amt": inscp])
    try line("1", "M1", "S1")
    #expect(
      try derived(
        "SELECT s.P, s.T, l.F, s.U FROM counting_settlement s JOIN counting_line l ON l.setl_id = s.setl_id") == [
          expected
        ])
  }

  /// On both sides of 10^12 fen, where the way of multiplying changes: A·P is 10^24, far beyond 64 bits.
  @Test(arguments: ["9999999999.99", "10000000000.00", "10000000000.01"])
  func longMultiplication(_ yuan: String) throws {
    try settlement("S1", "M1", ["fund_pay_sumamt": "9999999999.97", "inscp_amt": yuan])
    try line("1", "M1", "S1", ["inscp_amt": yuan])
    #expect(try derived("SELECT F FROM counting_line") == ["999999999997"])
    #expect(try db.texts("SELECT U FROM counting_settlement") == ["0"])
  }

  /// T = 10^18 − 1 and P = T − 2. A of 1 and 2 fen: quotients 0 and 1, remainders T − 2 and T − 4; of Σ A = 3 the
  /// quotient is 2, so one fen is left over and goes to the first line.
  @Test func remaindersOfHugeSums() throws {
    try settlement(
      "S1", "M1", ["fund_pay_sumamt": "9999999999999999.97", "inscp_amt": "9999999999999999.99"])
    try line("1", "M1", "S1", ["inscp_amt": "0.01"])
    try line("2", "M1", "S1", ["inscp_amt": "0.02"])
    #expect(try derived("SELECT id, F FROM counting_line ORDER BY id") == ["M1:1|1", "M1:2|1"])
  }

  @Test(
    arguments: [
      ([:], "20150|20155|5|5|inpatient"), (["endtime": "2025-03-03 23:00:00"], "20150|20150|0|1|inpatient"),
      (["endtime": "2025-03-02 23:00:00"], nil), (["inhosp_stas": "1"], nil), (["endtime": ""], nil),
      (["begntime": ""], nil), (["med_type": "14"], nil), (["med_type": ""], nil), (["med_type": "99"], nil),
      (["begntime": "2019-12-31"], nil), (["inhosp_stas": "0"], "20150|20155|5|5|inpatient"),
    ] as [([String: String], String?)])
  func stay(_ change: [String: String], _ expected: String?) throws {
    try visit("M1", change)
    try settlement("S1", "M1")
    let found = try derived("SELECT begin_day, end_day, nights, los, visit_class FROM stay")
    #expect(found == (expected.map { [$0] } ?? []))
  }

  @Test func stayNeedsASettlementThatCountsAndHasItsMoney() throws {
    try visit("M1")
    try visit("M2")
    try settlement("S1", "M1", ["fund_pay_sumamt": "1.00"])
    try settlement("S2", "M1", ["fund_pay_sumamt": "2.00"])
    try settlement("S3", "M2", ["refd_setl_flag": "1"])
    try line("1", "M1", "S1", ["inscp_amt": "4"])
    try line("2", "M1", "S2", ["inscp_amt": "5"])
    #expect(try derived("SELECT mdtrt_id, stay_A, stay_F FROM stay") == ["M1|900|300"])
  }

  @Test func mainDiagnosisAndDepartments() throws {
    try visit("M1", ["dscg_maindiag_code": "i10.x00", "adm_caty": "A03.05"])
    try visit("M2", ["dscg_caty": "B01.02"])
    try settlement("S1", "M1")
    try settlement("S2", "M2")
    for (id, code, main, type) in [
      ("1", "b02", "1", "1"), ("2", "A03", "1", "2"), ("3", "A01", "0", "1"), ("4", "c01", "1", ""),
    ] {
      try db.claim(
        .diagnosis,
        ["setl_list_diag_id": id, "mdtrt_id": "M2", "diag_code": code, "maindiag_flag": main, "diag_type": type])
    }
    #expect(
      try derived("SELECT mdtrt_id, dx, adm_dept, dscg_dept FROM stay ORDER BY mdtrt_id")
        == ["M1|I10.X00|A03|A03", "M2|B02|B01|B01"])
  }

  /// 1.8: the visit's med_type, else the settlement's; begndate, else date(setl_time); no row: other.
  @Test func classes() throws {
    try db.registry(
      "med_type_b",
      ["med_type": "11", "visit_class": "outpatient", "opsp_flag": "0", "reg_flag": "0", "begndate": "2020-01-01"],
      ambiguous: true)
    try visit("M1", ["med_type": "14"])
    try visit("M2", ["med_type": ""])
    try settlement("S1", "M1")
    try settlement("S2", "M2", ["med_type": "21"])
    try settlement("S3", "none", ["med_type": "88"])
    try settlement("S4", "none", ["med_type": "11"])
    try settlement("S5", "none", ["med_type": "14", "begndate": "", "setl_time": "2019-12-31 23:59:59"])
    #expect(
      try derived(
        "SELECT setl_id, visit_class, opsp_flag, reg_flag, visit_med_type, day FROM counting_settlement ORDER BY setl_id"
      )
        == [
          "S1|outpatient|1|1|14|20150", "S2|inpatient|0|0|21|20150", "S3|other|0|0|88|20150", "S4|∅|∅|∅|11|20150",
          "S5|other|0|0|14|18261",
        ])
  }

  @Test func beforeTheEpochADayIsStillADay() throws {
    try settlement("S1", "M1")
    try line("1", "M1", "S1", ["fee_ocur_time": "1969-12-31 23:59:59"])
    #expect(try derived("SELECT day FROM counting_line") == ["-1"])
  }
}
