import ClaimModel

@testable import Reporting

func finding(
  _ id: String, rule: String, _ verdict: Verdict, _ type: SubjectType = .institution,
  _ subject: String = "H34010000123",
  person: String = "34010000000000100017", amount: Int64 = 0, fund: Int64 = 0, state: FindingState = .new,
  counted: Int64 = 0, caseID: String = "", explanation: String = "说明"
) -> FindingRecord {
  FindingRecord(
    finding: Finding(
      id: id, rule: rule, ruleVersion: 1, key: "k-" + id, verdict: verdict, severity: .high, subjectType: type,
      subject: subject, psnNo: person, fixmedinsCode: "H34010000123", setlIDs: ["S1", "S2"], lineIDs: ["M1:1"],
      from: 20_150, to: nil, measure: 2, threshold: nil, amountFen: amount, fundFen: fund, precedence: 1,
      isEstimate: false, explanation: explanation, claims: []),
    state: state, firstBatch: "2025-W10", countedFen: counted, caseID: caseID)
}

/// A run in which every number differs from every other, so that a missing one is seen.
func sampleModel() -> RunReportModel {
  var m = RunReportModel()
  m.runID = "2025-W11~2-0a1b2c3d"
  m.toolVersion = "0.1.0"
  m.pipeline = "weekly"
  m.batch = "2025-W11"
  m.revision = 2
  m.label = "2025-W11~2"
  m.asOf = 20_163  // 2025-03-16
  m.startedAt = "2025-03-17 06:30:12"
  m.digests.files = ["setl_d_1.csv.gz": "f1aa"]
  m.digests.registries = ["hilist_b": "9d9d"]
  m.digests.rules = "77aa"
  m.digests.pipeline = "88bb"
  m.comparedWith = "2025-W10"
  m.incomplete = [
    .init(
      label: "2025-W10", reason: "fee_list_d_3.csv.gz <missing> & \"lost\"",
      causes: [.init(file: "fee_list_d_3.csv.gz", code: "intake.missing-file")])
  ]
  var file = RunReportModel.FileRow(name: "setl_d_1.csv.gz", table: "setl_d", state: .read, digest: "f1aa")
  file.bytes = 4_200_000
  file.inflatedBytes = 61_500_000
  file.charset = "GB18030"
  file.delimiter = ","
  file.enclosure = "'"
  file.headerKind = "names"
  file.missingColumns = ["memo"]
  file.unknownColumns = ["rn"]
  file.counts = .init(read: 20_011, accepted: 19_000, rejected: 11, setAside: ["refunded": 600, "refund": 400])
  file.problems = [
    .init(column: "medfee_sumamt", code: "bad-amount", action: .rejected, count: 11),
    .init(column: "brdy", code: "bad-date", action: .nulled, count: 37),
  ]
  var refused = RunReportModel.FileRow(name: "fee_list_d_9.csv.gz", table: "fee_list_d", state: .refused, digest: "f9")
  refused.refusalCode = "intake.truncated"
  refused.refusalMessage = "The gzip stream ends early"
  refused.rowsBeforeRefusal = 4711
  m.files = [file, refused]
  m.ignoredFiles = ["readme.docx"]
  m.tables = [
    .init(table: "setl_d", counts: file.counts),
    .init(
      table: "fee_list_d", counts: .init(read: 310_005, accepted: 309_000, rejected: 5, setAside: ["reversed": 1000])),
  ]
  m.older = [.init(table: "setl_d", reason: "refunded_by_other", rows: 13)]
  m.sums = [
    .init(
      table: "setl_d", column: "fund_pay_sumamt", beforeFen: 900_000_017, setAsideFen: ["refunded": 17],
      afterFen: 900_000_000)
  ]
  m.fundPaidFen = 812_345_678
  m.reconciliation = [
    .init(
      kind: .settlementLines, checked: 18_998, notComparable: 2,
      differences: [.init(subject: "S777", unit: .fen, expected: 12_345, found: 12_344)]),
    .init(
      kind: .delivery, checked: 6,
      differences: [.init(subject: "fee_list_d_9.csv.gz", unit: .rows, expected: 5_551, found: 0)]),
  ]
  m.profile = [
    .init(table: "setl_d", column: "certno", rows: 20_000, filled: 19_640),
    .init(table: "setl_d", institution: "H34010000123", column: "certno", rows: 1000, filled: 421),
    .init(table: "setl_d", column: "psn_no", rows: 20_000, filled: 20_000),
  ]
  m.unknownCodes = [.init(table: "setl_d", column: "med_type", code: "Z9", rows: 23, fen: 4_567)]
  m.identityDuplicates = [.init(table: "setl_d", what: "一个证件号对应多个人员编号", count: 29)]
  m.findings = [
    finding(
      "CAT-01-b", rule: "CAT-01", .definite, amount: 200_100, fund: 150_050, state: .new, counted: 150_050,
      caseID: "Caaaaaaaaaaaa"),
    finding(
      "ADM-02-a", rule: "ADM-02", .suspected, .person, "34010000000000100017", amount: 7_002, fund: 5_003,
      state: .changed, counted: 5_003, caseID: "Cbbbbbbbbbbbb"),
    finding("CHR-04-c", rule: "CHR-04", .lead, amount: 31_007, fund: 21_009, state: .standing),
    finding("CHR-04-d", rule: "CHR-04", .suspected, amount: 41_011, fund: 39_013, state: .withdrawn),
  ]
  m.withdrawals = [
    "CHR-04-d": Withdrawal(reason: .reversed, batches: ["2025-W11"], place: "setl_d_1.csv.gz:257")
  ]
  m.suppressions = [
    Suppression(
      findingID: "ADM-01-x", rule: "ADM-01", exemption: "EX-01", subjectType: .institution, subject: "H1",
      evidence: "dscg_way")
  ]
  var run = RuleCoverage(rule: "CAT-01", ruleVersion: 1, status: .run)
  run.rowsInScope = 250_003
  run.rowsEvaluated = 249_001
  run.rowsUnevaluable = 1_002
  run.findings = 1
  run.suppressed = 43
  let missing = RuleCoverage(
    rule: "ADM-02", ruleVersion: 1, status: .notRunnable, obstacle: .incompleteTable(.feeLines, batch: "2025-W10"))
  m.coverage = [run, missing]
  m.ruleTitles = ["CAT-01": "超医保目录结算", "ADM-02": "住院期间他处就医购药"]
  m.cases = [
    CaseFile(
      id: "Caaaaaaaaaaaa", subjectType: .institution, subject: "H34010000123", openedIn: "2025-W10",
      findingIDs: ["CAT-01-b"], countedFen: 150_050),
    CaseFile(
      id: "Cbbbbbbbbbbbb", subjectType: .person, subject: "34010000000000100017", openedIn: "2025-W11~2",
      findingIDs: ["ADM-02-a"], countedFen: 5_003),
  ]
  m.packets = ["Caaaaaaaaaaaa": "packets/Caaaaaaaaaaaa/"]
  m.packetsWithheld = "2025-W10 不完整"
  m.packetThresholdFen = 1_000_000
  m.totalCountedFen = 155_053
  m.institutionNames = ["H34010000123": "某某<市>第一人民医院"]
  m.stages = [.init(name: "intake", rows: 330_016, bytes: 71_000_001, milliseconds: 1_234)]
  return m
}
