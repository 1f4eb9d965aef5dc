import ClaimModel
import Foundation
import Testing

/// A rule is data: new ones of each shape, over other tables, conditions and amounts, give what was worked out by hand.
@Suite struct NewRuleTests {
  static let head = """
    version: 1
    category: test
    status: active
    severity: medium
    basis: [条例38-6]
    since: 2025-01-01
    explain: {zh: "{A}"}
    false_positives: 无

    """

  static let rules = [
    // Settlements with more than 500.00 yuan of the fund.
    "NEW-01": """
    rule: NEW-01
    name: {zh: 大额结算, en: Large settlement}
    subject: institution
    each: settlement
    where: settlement.P > 500.00
    cases: [{verdict: 可疑, precedence: 10}]
    key: [settlement.setl_id]
    measure: settlement.P
    threshold: 500.00
    amount: {A: settlement_A(settlement), F: settlement_P(settlement)}
    """,
    // Stays of three nights or more.
    "NEW-02": """
    rule: NEW-02
    name: {zh: 长住院, en: Long stay}
    subject: person
    each: stay
    where: stay.nights >= 3
    cases: [{verdict: 可疑, precedence: 20}]
    key: [stay.mdtrt_id]
    measure: stay.nights
    threshold: 3
    amount: {A: stay_A(stay), F: stay_F(stay)}
    """,
    // Two outpatient settlements of one person on one day at two institutions.
    "NEW-03": """
    rule: NEW-03
    name: {zh: 同日两处, en: Two places on one day}
    subject: person
    pair: {a: settlement, b: settlement, match: [[a.psn_no, b.psn_no], [a.day, b.day]], unordered: setl_id}
    parameter_day: a.day
    where: a.fixmedins_code <> b.fixmedins_code AND a.visit_class = 'outpatient' AND b.visit_class = 'outpatient'
    cases: [{verdict: 线索}]
    psn_no: a.psn_no
    fixmedins_code: none
    key: [a.setl_id, b.setl_id]
    settlements: [a, b]
    lines: none
    from: a.day
    to: b.day
    measure: 2
    threshold: 1
    amount: {A: settlement_A(b), F: settlement_P(b)}
    """,
    // Persons treated at two institutions.
    "NEW-04": """
    rule: NEW-04
    name: {zh: 多处就诊, en: Several places}
    subject: person
    each: person
    where: "COUNT(DISTINCT s IN person.settlements: s.fixmedins_code) >= 2"
    unless: EXISTS(s IN person.stays)
    cases: [{verdict: 可疑, precedence: 30}]
    key: [person.psn_no]
    from: "MIN(s IN person.settlements: s.day)"
    to: "MAX(s IN person.settlements: s.day)"
    measure: COUNT(s IN person.settlements)
    threshold: 2
    amount: {A: settlement_A(person), F: settlement_P(person)}
    """,
  ]

  // S1 outpatient T001 at H1: lines 100.00 + 60.00 in scope of the fund, fund 80.00.
  // S2 outpatient T001 at H2, same day: line 50.00, fund 40.00.
  // S3 inpatient T002 at H1, 1 to 4 March, three nights: lines 800.00 + 400.00, fund 900.00.
  // S4 inpatient T003 at H1, 1 to 3 March, two nights: line 700.00, fund 500.00 (not more than 500.00).
  // S5 outpatient T001 at H1 on the next day: nothing of NEW-03.
  static let settlements = """
    setl_id,mdtrt_id,psn_no,fixmedins_code,begndate,setl_time,med_type,fund_pay_sumamt,inscp_amt,medfee_sumamt,vali_flag
    S1,M1,T001,H1,2025-03-05,2025-03-05 10:00:00,11,80.00,160.00,160.00,1
    S2,M2,T001,H2,2025-03-05,2025-03-05 15:00:00,11,40.00,50.00,50.00,1
    S3,M3,T002,H1,2025-03-01,2025-03-04 09:00:00,21,900.00,1200.00,1200.00,1
    S4,M4,T003,H1,2025-03-01,2025-03-03 09:00:00,21,500.00,700.00,700.00,1
    S5,M5,T001,H1,2025-03-06,2025-03-06 09:00:00,11,10.00,20.00,20.00,1

    """
  static let visits = """
    mdtrt_id,psn_no,fixmedins_code,begntime,endtime,med_type,inhosp_stas,vali_flag
    M1,T001,H1,2025-03-05 09:00:00,2025-03-05 10:00:00,11,0,1
    M2,T001,H2,2025-03-05 14:00:00,2025-03-05 15:00:00,11,0,1
    M3,T002,H1,2025-03-01 09:00:00,2025-03-04 09:00:00,21,0,1
    M4,T003,H1,2025-03-01 09:00:00,2025-03-03 09:00:00,21,0,1
    M5,T001,H1,2025-03-06 09:00:00,2025-03-06 09:10:00,11,0,1

    """
  static let lines = """
    bkkp_sn,mdtrt_id,setl_id,psn_no,fixmedins_code,fee_ocur_time,cnt,pric,det_item_fee_sumamt,inscp_amt,vali_flag
    1,M1,S1,T001,H1,2025-03-05 09:30:00,1,100.00,100.00,100.00,1
    2,M1,S1,T001,H1,2025-03-05 09:31:00,1,60.00,60.00,60.00,1
    1,M2,S2,T001,H2,2025-03-05 14:30:00,1,50.00,50.00,50.00,1
    1,M3,S3,T002,H1,2025-03-02 09:30:00,1,800.00,800.00,800.00,1
    2,M3,S3,T002,H1,2025-03-03 09:30:00,1,400.00,400.00,400.00,1
    1,M4,S4,T003,H1,2025-03-02 09:30:00,1,700.00,700.00,700.00,1
    1,M5,S5,T001,H1,2025-03-06 09:05:00,1,20.00,20.00,20.00,1

    """

  @Test func newRulesOfEachShape() throws {
    let folder = try Scratch.folder("new")
    for (id, text) in Self.rules { try write(text + "\n" + Self.head, to: folder + "/rules/\(id).yml") }
    try write(Self.settlements, to: folder + "/in/batches/B1/setl_d.csv")
    try write(Self.visits, to: folder + "/in/batches/B1/mdtrt_d.csv")
    try write(Self.lines, to: folder + "/in/batches/B1/fee_list_d.csv")
    try FileManager.default.createDirectory(atPath: folder + "/in/registries", withIntermediateDirectories: true)
    let pipelines = Project.root + "/Pipelines"
    try write(
      """
      pipeline: new
      rules: [rules]
      knowledge: [\(pipelines)/knowledge]
      exempt: \(pipelines)/exempt
      law: \(pipelines)/law
      packets: {min_counted_fen: 1, disclosure: full}

      """, to: folder + "/new.yml")
    let check = try yijian(["check", folder + "/new.yml"])
    #expect(check.code == 0, "\(check.out)\(check.err)")
    let run = try SampleRun(folder + "/in", pipeline: folder + "/new.yml")
    #expect(run.outcome.code == 0, "\(run.outcome.err)")
    let columns = [
      "rule", "verdict", "subject", "setl_ids", "from_date", "to_date", "measure", "amount_fen", "fund_fen",
      "counted_fen",
    ]
    let rows = try run.table("B1", "findings.csv").rows.sorted { ($0["rule"] ?? "") < ($1["rule"] ?? "") }
    let found = rows.map { row in columns.map { row[$0] ?? "" }.joined(separator: ",") }
    #expect(
      found == [
        // Only S3 is above 500.00; S4 is not more. 1,200.00 in scope of the fund, 900.00 paid. Case of H1.
        "NEW-01,可疑,H1,S3,2025-03-01,2025-03-01,90000,120000,90000,90000",
        // Only M3 has three nights; the case is the person's, so the fund's 900.00 count there too.
        "NEW-02,可疑,T002,S3,2025-03-01,2025-03-04,3,120000,90000,90000",
        // S1 and S2: two places, one day. Amounts of S2; a lead never counts.
        "NEW-03,线索,T001,S1|S2,2025-03-05,2025-03-05,2,5000,4000,0",
        // T001 was at H1 and H2: 160.00 + 50.00 + 20.00 in scope, 80.00 + 40.00 + 10.00 paid.
        "NEW-04,可疑,T001,S1|S2|S5,2025-03-05,2025-03-06,3,23000,13000,13000",
      ])
    #expect(rows.first?["finding_id"] == StableID.finding(rule: "NEW-01", key: "S3"))
    // What a new rule found is derived anew from its packet, without a line of Swift or SQL for it.
    #expect(run.packets("B1").count == 3)
    for packet in run.packets("B1") {
      let outcome = try yijian(["verify", packet])
      #expect(outcome.code == 0, "\(outcome.out)")
    }
  }
}
