import Foundation
import Testing

/// Incomplete batches, what is said of them, and what becomes of them when they are mended.
@Suite struct MendedBatchTests {
  /// A person in H1 from 1 to 10 March has a line of 200 yuan in H2 on the 5th: ADM-02.
  private func visitElsewhere() throws -> SmallDelivery {
    let small = try SmallDelivery()
    let stay = [
      "mdtrt_id": "MI", "begntime": "2025-03-01 08:00:00", "endtime": "2025-03-10 09:00:00", "med_type": "21",
    ]
    try small.put("W1", "mdtrt_d_1.csv", [stay, ["mdtrt_id": "MO", "fixmedins_code": "H2"]])
    try small.put(
      "W1", "setl_d_1.csv",
      [
        ["setl_id": "SI", "mdtrt_id": "MI", "med_type": "21", "begndate": "2025-03-01", "fund_pay_sumamt": "80.00"],
        ["setl_id": "SO", "mdtrt_id": "MO", "fixmedins_code": "H2"],
      ])
    try small.put("W1", "fee_list_d_1.csv", [elsewhere])
    return small
  }

  private let elsewhere = ["bkkp_sn": "LO", "setl_id": "SO", "mdtrt_id": "MO", "fixmedins_code": "H2"]

  private var reversal: [String: String] {
    elsewhere.merging([
      "bkkp_sn": "LR", "init_feedetl_sn": "LO", "cnt": "-1", "det_item_fee_sumamt": "-200.00", "inscp_amt": "-200.00",
    ]) { $1 }
  }

  /// What a mended batch delivers counts in the run that reads it, also what takes a finding back.
  @Test func theRunThatMendsABatchHasAllItsRules() throws {
    let small = try visitElsewhere()
    #expect(try small.run().code == 0)
    #expect(try small.findings("W1").map { $0["rule"] } == ["ADM-02"])

    try small.put("W2", "fee_list_d_1.csv", "")
    let lost = try small.run()
    #expect(lost.code == 3)
    #expect(try small.silent("W2") == ["ADM-02", "ADM-06"])
    #expect(try small.findings("W2").map { $0["state"] } == ["standing"])
    #expect(small.packets("W2") == [])

    try small.put("W2", "fee_list_d_1.csv", [reversal])
    let mended = try small.run()
    #expect(mended.code == 0, "\(mended.out)\(mended.err)")
    #expect(try small.silent("W2~2") == [])
    #expect(try small.findings("W2~2").map { $0["state"] } == ["withdrawn"])
    #expect(small.packets("W2~2") == [])
  }

  /// A later batch that was done while another was incomplete is not what is wrong, once that is mended.
  @Test func exitCodeThreeGoesWithTheIncompleteBatch() throws {
    let small = try visitElsewhere()
    try small.put("W2", "fee_list_d_1.csv", "")
    try small.put("W3", "setl_d_1.csv", [["setl_id": "S3", "mdtrt_id": "M3", "psn_no": "P3"]])
    let first = try small.run()
    #expect(first.code == 3)
    #expect(first.err.contains("note[run.incomplete]: batch W2 is still incomplete"), "\(first.err)")
    let again = try small.run()
    #expect(again.code == 3)
    #expect(again.out.contains("incomplete W2: fee_list_d_1.csv was refused"), "\(again.out)")
    try small.put("W2", "fee_list_d_1.csv", [["bkkp_sn": "L9", "setl_id": "S3", "mdtrt_id": "M3", "psn_no": "P3"]])
    #expect(try small.run().code == 0)
    #expect(try small.run().code == 0)
  }

  /// Other tables than the one whose numbers differ are whole.
  @Test func aDifferenceFromTheDeliveryConcernsItsTable() throws {
    let small = try visitElsewhere()
    try small.put("W1", "delivery.csv", "table,file,rows\nsetl_d,setl_d_1.csv,5\nmdtrt_d,mdtrt_d_1.csv,2\n")
    let run = try small.run()
    #expect(run.code == 3)
    #expect(run.err.contains("setl_d_1.csv has 2 rows, delivery.csv says 5"))
    #expect(try small.silent("W1") == [])
    // Of the visits a row is missing: ADM-05 can't say who was not admitted again.
    try small.put("W1", "delivery.csv", "table,file,rows\nsetl_d,setl_d_1.csv,2\nmdtrt_d,mdtrt_d_1.csv,3\n")
    #expect(try small.run().code == 3)
    #expect(try small.silent("W1~2") == ["ADM-05"])
    // A row that can't be read may speak of anything.
    try small.put("W1", "delivery.csv", "table,file,rows\nsetl_d,setl_d_1.csv,5\nmdtrt_d,mdtrt_d_1.csv,two\n")
    #expect(try small.run().code == 3)
    #expect(try small.silent("W1~3") == ["ADM-02", "ADM-05", "ADM-06"])
  }

  /// A line of delivery.csv that can't be read may name lines that are missing, also where another file is known to be lost.
  @Test func whatCannotBeReadOfADeliveryConcernsAllTables() throws {
    let small = try visitElsewhere()
    try small.put("W1", "setl_d_2.csv", "")
    try small.put("W1", "delivery.csv", "table,file,rows\nfee_list_d,fee_list_d_1.csv,one\n")
    #expect(try small.run().code == 3)
    #expect(try small.silent("W1") == ["ADM-02", "ADM-05", "ADM-06"])
    // The next batch's run asks the ledger.
    try small.put("W2", "setl_d_1.csv", [["setl_id": "S3", "mdtrt_id": "M3", "psn_no": "P3"]])
    #expect(try small.run().code == 3)
    #expect(try small.silent("W2") == ["ADM-02", "ADM-05", "ADM-06"])
    // A delivery.csv that is none at all.
    try small.put("W1", "delivery.csv", "file,rows\nfee_list_d_1.csv,1\n")
    #expect(try small.run().code == 3)
    #expect(try small.silent("W1~2") == ["ADM-02", "ADM-05", "ADM-06"])
  }

  @Test func tooManyRejectsAreSaid() throws {
    let small = try visitElsewhere()
    try small.put("W1", "fee_list_d_2.csv", [["bkkp_sn": "L8", "cnt": "many"], ["bkkp_sn": "L9"]])
    let run = try small.run()
    #expect(run.code == 3)
    // Two visits, two settlements, three lines.
    #expect(
      run.err.contains(
        "warning[run.reject-limit]: batch W1: 1 of 7 rows were rejected, more than 1000 in a million (reject_limit)"),
      "\(run.err)")
    #expect(try small.run().code == 3)
    let audit = try yijian(["audit", small.pipeline, "--input", small.input, "--output", small.folder + "/audit"])
    #expect(audit.code == 3 && audit.err.contains("warning[run.reject-limit]: batch W1: 1 of 7 rows"), "\(audit.err)")
  }

  @Test func findingsFailEachTime() throws {
    let small = try visitElsewhere()
    #expect(try small.run(["--fail-on-findings"]).code == 1)
    #expect(try small.run(["--fail-on-findings"]).code == 1)
    #expect(try small.run().code == 0)
  }

  @Test func anotherOutputFolderIsWritten() throws {
    let small = try visitElsewhere()
    #expect(try small.run().code == 0)
    let other = try small.run(["--output", small.folder + "/other"])
    #expect(other.code == 0)
    #expect(differences(small.output, small.folder + "/other") == [])
    #expect(other.out.contains("report   \(small.folder)/other/W1/index.html"))
  }
}
