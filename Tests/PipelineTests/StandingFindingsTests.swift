import Foundation
import Testing

/// What a packet says of findings that hold only because an earlier run found them, and of rules on trial.
@Suite struct StandingFindingsTests {
  /// Two lines of 100 yuan each in H2, of which the fund paid half; both are beyond its level (CAT-03), the first is
  /// not in the catalogue either (CAT-01).
  private func twoLines() throws -> SmallDelivery {
    let small = try SmallDelivery(
      registries: [
        "hilist_lmt_b": """
        kp_id,med_list_codg,lmt_type,lmt_val,sure_flag,lmt_text,begndate,enddate
        K1,X1,hosp_lv,2,1,限二级以上,2020-01-01,

        """
      ])
    try small.put("W1", "mdtrt_d_1.csv", [["fixmedins_code": "H2"]])
    try small.put(
      "W1", "setl_d_1.csv", [["fixmedins_code": "H2", "hosp_lv": "08", "fund_pay_sumamt": "100.00"]])
    let line = ["fixmedins_code": "H2", "pric": "100.00", "det_item_fee_sumamt": "100.00", "inscp_amt": "100.00"]
    try small.put(
      "W1", "fee_list_d_1.csv",
      [line.merging(["hilist_code": "BING"]) { $1 }, line.merging(["bkkp_sn": "L2"]) { $1 }])
    return small
  }

  /// Rule and counted fen of each finding, in the order of ids.
  private func counted(_ small: SmallDelivery, _ batch: String) throws -> [String] {
    try small.findings(batch).map { "\($0["rule"] ?? "") \($0["line_ids"] ?? "") \($0["counted_fen"] ?? "")" }.sorted()
  }

  private func verified(_ packet: String) throws -> Bool {
    let outcome = try yijian(["verify", packet])
    #expect(outcome.code == 0, "\(outcome.out)\(outcome.err)")
    return outcome.code == 0
  }

  /// Without the catalogue CAT-01 can't run. Its finding stands, but the money that a packet proves goes to what it
  /// shows.
  @Test func aPacketCountsOnlyWhatItShows() throws {
    let small = try twoLines()
    #expect(try small.run().code == 0)
    // The first line's 50 yuan are CAT-01's, which comes first.
    #expect(try counted(small, "W1") == ["CAT-01 M1:L1 5000", "CAT-03 M1:L1 0", "CAT-03 M1:L2 5000"])
    #expect(try small.packets("W1").allSatisfy(verified))

    try small.setRegistry("hilist_b", "")
    #expect(try small.run().code == 0)
    #expect(try counted(small, "W1~2") == ["CAT-01 M1:L1 0", "CAT-03 M1:L1 5000", "CAT-03 M1:L2 5000"])
    let packet = try #require(small.packets("W1~2").first)
    #expect(try verified(packet))
    let cover = text(of: packet + "/data/cover.html")
    #expect(cover.contains("<b>100.00</b><span>计入金额"))
    #expect(cover.contains("本案另有 1 条以前批次系统初判的线索与发现仍然有效，计入 0.00 元"))
    #expect(text(of: packet + "/data/report.html").contains("本案另有 1 条以前批次系统初判的"))
  }

  /// A case whose findings all stand only has nothing to show: no packet, and it is said.
  @Test func aCaseWithoutEvidenceHasNoPacket() throws {
    let small = try twoLines()
    try small.setRegistry("hilist_lmt_b", "")
    #expect(try small.run().code == 0)
    #expect(small.packets("W1").count == 1)
    #expect(!text(of: small.output + "/W1/index.html").contains("不能重新推导"))
    try small.setRegistry("hilist_b", "")
    let run = try small.run()
    #expect(run.code == 0)
    #expect(try counted(small, "W1~2") == ["CAT-01 M1:L1 5000"])
    #expect(small.packets("W1~2") == [])
    let id = try #require(try small.findings("W1~2").first?["case_id"])
    #expect(run.out.contains("packets  none for \(id): its findings can't be derived from today's rows"), "\(run.out)")
    #expect(text(of: small.output + "/W1~2/index.html").contains("不能重新推导（规则本次未运行，或明细已超出回溯期）：\(id)"))
  }

  /// A finding older than look-back keeps its amounts when its line is reversed; the packet does not show it.
  @Test func agedFindingsAreNotInThePacketOnceTheirRowsChange() throws {
    let small = try SmallDelivery(more: "look_back_days: 30\n")
    for (batch, day, number) in [("W1", "2025-01-05", 1), ("W2", "2025-03-20", 2)] {
      let ids = ["mdtrt_id": "M\(number)", "setl_id": "S\(number)"]
      try small.put(
        batch, "setl_d_1.csv", [ids.merging(["begndate": day, "setl_time": day + " 10:00:00"]) { $1 }])
      try small.put(
        batch, "fee_list_d_1.csv",
        [ids.merging(["hilist_code": "BING", "fee_ocur_time": day + " 09:00:00"]) { $1 }])
      #expect(try small.run().code == 0)
    }
    #expect(try counted(small, "W2") == ["CAT-01 M1:L1 20000", "CAT-01 M2:L1 20000"])
    #expect(text(of: try #require(small.packets("W2").first) + "/data/cover.html").contains("<b>400.00</b><span>计入金额"))
    try small.put(
      "W3", "fee_list_d_1.csv",
      [
        [
          "bkkp_sn": "LR", "init_feedetl_sn": "L1", "cnt": "-1", "det_item_fee_sumamt": "-200.00",
          "inscp_amt": "-200.00",
        ]
      ])
    try small.put(
      "W3", "setl_d_1.csv",
      [["setl_id": "S3", "mdtrt_id": "M3", "begndate": "2025-03-21", "setl_time": "2025-03-21 10:00:00"]])
    #expect(try small.run().code == 0)
    #expect(try counted(small, "W3") == ["CAT-01 M1:L1 20000", "CAT-01 M2:L1 20000"])
    let packet = try #require(small.packets("W3").first)
    #expect(try verified(packet))
    let cover = text(of: packet + "/data/cover.html")
    #expect(cover.contains("<b>200.00</b><span>计入金额"))
    #expect(cover.contains("本案另有 1 条以前批次系统初判的线索与发现仍然有效，计入 200.00 元"))
  }

  /// A rule on trial shows what it finds in findings.csv; a packet says nothing of it.
  @Test func aRuleOnTrialReachesNoCase() throws {
    let small = try twoLines()
    let rules = small.folder + "/rules"
    try copy(Project.root + "/Pipelines/rules", rules)
    try write(
      text(of: rules + "/CAT-01.yml").replacingOccurrences(of: "status: active", with: "status: shadow"),
      to: rules + "/CAT-01.yml")
    try write(
      text(of: small.pipeline).replacingOccurrences(of: "[\(Project.root)/Pipelines/rules]", with: "[\(rules)]"),
      to: small.pipeline)
    #expect(try small.run().code == 0)
    #expect(try counted(small, "W1") == ["CAT-01 M1:L1 0", "CAT-03 M1:L1 5000", "CAT-03 M1:L2 5000"])
    #expect(try small.findings("W1").filter { $0["rule"] == "CAT-01" }.map { $0["case_id"] } == [""])
    let packet = try #require(small.packets("W1").first)
    #expect(try verified(packet))
    for page in ["cover.html", "report.html"] {
      #expect(!text(of: packet + "/data/" + page).contains("超医保目录结算"), "\(page)")
    }
    #expect(files(in: packet + "/data/rules") == ["CAT-03.yml"])
  }

  /// Exports that are older than look_back_days, and say no setl_time from which to count: a reversal takes back all the same.
  @Test func claimsOfOldWithoutATimeOfSettlementAreNotOutOfReach() throws {
    let small = try SmallDelivery()
    let day = "2023-03-05 09:00:00"
    let line = ["hilist_code": "BING", "fee_ocur_time": day]
    try small.put("W1", "setl_d_1.csv", [["begndate": "2023-03-05", "setl_time": ""]])
    try small.put("W1", "mdtrt_d_1.csv", [["begntime": day, "endtime": day]])
    try small.put("W1", "fee_list_d_1.csv", [line])
    #expect(try small.run().code == 0)
    #expect(try small.findings("W1").map { [$0["rule"], $0["state"]] } == [["CAT-01", "new"]])
    let reversal = [
      "bkkp_sn": "LR", "init_feedetl_sn": "L1", "cnt": "-1", "det_item_fee_sumamt": "-200.00", "inscp_amt": "-200.00",
    ]
    try small.put("W2", "fee_list_d_1.csv", [line.merging(reversal) { $1 }])
    let second = try small.run()
    #expect(second.code == 0, "\(second.err)")
    #expect(try small.findings("W2").map { $0["state"] } == ["withdrawn"])
    #expect(text(of: small.output + "/W2/run.json").contains("\"as_of\": \"2023-03-05\""))
  }
}
