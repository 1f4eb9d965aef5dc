import Foundation
import Testing

@testable import Pipeline

/// `--engine spark` with programs that only pretend to be Spark. What a true one finds is compared by `make
/// test-engines`.
@Suite struct SparkTests {
  /// A delivery of one line, which nothing is wrong with; the rules that need no registry run over it.
  private static let delivery = Result {
    let input = try Scratch.folder("one-line") + "/input"
    let batch = input + "/batches/2025-W10/"
    try write(
      """
      setl_id,mdtrt_id,psn_no,fixmedins_code,begndate,setl_time,med_type,fund_pay_sumamt,inscp_amt,medfee_sumamt
      S1,M1,P1,H1,2025-03-03,2025-03-03 10:00:00,11,50.00,80.00,80.00

      """, to: batch + "setl_d.csv")
    try write(
      """
      mdtrt_id,bkkp_sn,setl_id,psn_no,fixmedins_code,fee_ocur_time,med_list_codg,cnt,pric,det_item_fee_sumamt,inscp_amt
      M1,L1,S1,P1,H1,2025-03-03 09:00:00,X1,1.0000,80.000000,80.00,80.00

      """, to: batch + "fee_list_d.csv")
    try write(
      """
      mdtrt_id,psn_no,fixmedins_code,begntime,endtime,med_type
      M1,P1,H1,2025-03-03 08:00:00,2025-03-03 10:00:00,11

      """, to: batch + "mdtrt_d.csv")
    try write("setl_list_diag_id,mdtrt_id,psn_no,diag_code\nD1,M1,P1,I10\n", to: batch + "setl_list_diag_d.csv")
    try write(
      "setl_list_oprn_id,mdtrt_id,psn_no,oprn_oprt_code\nO1,M1,P1,00.1\n", to: batch + "setl_list_oprn_d.csv")
    return input
  }

  /// A spark-submit that does a thing and ends with a code. It writes all outputs empty unless it is told otherwise.
  private static func fake(_ deed: String) throws -> String {
    let folder = try Scratch.folder("fake")
    try write(
      """
      #!/usr/bin/env python3
      import json, os, sys, time
      job = json.load(open(sys.argv[-1]))
      work = job["work"]
      def say(**what):
          json.dump(what, open(work + "/status.json", "w"))
      rows = {}
      lines = {}
      for output in job["outputs"]:
          numbers = sum(not c["isText"] for c in output["columns"])
          if output["name"].startswith("coverage") or output["name"] == "settlements":
              lines[output["name"]] = ["\\t".join(["0"] * numbers)]
          elif output["name"] == "newest":
              lines[output["name"]] = ["1740996000\\t1740996000"]
      first = next(o["name"] for o in job["outputs"] if o["name"].startswith("findings"))
      def deliver():
          for number, output in enumerate(job["outputs"]):
              folder = f"{work}/outputs/{number:03}"
              os.makedirs(folder)
              own = lines.get(output["name"], [])
              rows[output["name"]] = len(own)
              open(folder + "/part-00000.txt", "w").write("".join(l + "\\n" for l in own))
              open(folder + "/_SUCCESS", "w")
          say(state="done", version="4.0.0", rows=rows)
      \(deed)

      """, to: folder + "/fake.py")
    // Another process makes the program: a child that another test starts while this one writes would have the file
    // open for writing as well, and such a file can't be executed.
    try tool("install", "-m", "755", folder + "/fake.py", folder + "/spark-submit")
    return folder + "/spark-submit"
  }

  private func run(_ submit: String, _ more: [String] = []) throws -> SampleRun {
    try SampleRun(
      Self.delivery.get(),
      more: ["--engine", "spark", "--master", "spark://nowhere:1", "--spark-submit", submit] + more)
  }

  @Test func whatSparkLeavesIsWhatTheRunGoesOnWith() throws {
    let spark = try run(Self.fake("deliver()"))
    #expect(spark.outcome.code == 0, "\(spark.outcome.err)")
    let own = try SampleRun(Self.delivery.get())
    #expect(own.outcome.code == 0, "\(own.outcome.err)")
    // Without findings both have the same cases and packets: none. The day comes from what Spark says is newest.
    #expect(text(of: spark.output + "/2025-W10/findings.csv") == text(of: own.output + "/2025-W10/findings.csv"))
    #expect(try spark.json("2025-W10")["as_of"] as? String == "2025-03-03")
    // The fake looked at nothing, and the report says what the engine says.
    let looked = try spark.table("2025-W10", "coverage.csv").rows.compactMap { $0["rows_in_scope"] }
    #expect(Set(looked) == ["0"])
    #expect(!FileManager.default.fileExists(atPath: spark.store + "/spark-job"))
  }

  @Test(arguments: [
    ("sys.exit(1)", "engine.failed", "ended with 1"),
    ("sys.exit(0)", "engine.no-output", "the job was not done"),
    (
      "say(state='failed', reason='error', step='stay', error='[ARITHMETIC_OVERFLOW] 320102199001011234'); sys.exit(1)",
      "engine.failed", "at 'stay' (ARITHMETIC_OVERFLOW)"
    ),
    ("say(state='failed', reason='version', version='3.5.1'); sys.exit(3)", "engine.version", "Spark 3.5.1 is too old"),
    ("lines[first] = ['P1|K\\t可疑\\tH1\\t8000\\t5000']; deliver()", "engine.differs", "1 of Spark's"),
    ("deliver(); os.remove(f'{work}/outputs/000/_SUCCESS')", "engine.no-output", "is not there"),
    (
      "lines['homes'] = ['p\\tP1']; deliver(); rows['homes'] = 2; say(state='done', rows=rows)", "engine.bad-output",
      "1 of 2 lines"
    ),
    ("lines['homes'] = ['p']; deliver()", "engine.bad-output", "1 fields instead of 2"),
    ("lines['newest'] = ['x\\ty']; deliver()", "engine.bad-output", "a number is none"),
  ])
  func saysWhatIsWrong(deed: String, code: String, words: String) throws {
    let outcome = try run(Self.fake(deed)).outcome
    #expect(outcome.code == 2)
    #expect(outcome.err.contains("error[\(code)]"), "\(outcome.err)")
    #expect(outcome.err.contains(words), "\(outcome.err)")
    // A value of a row that Spark put into its words stays in its log.
    #expect(!outcome.err.contains("320102199001011234") && !outcome.err.contains("P1|K"))
  }

  @Test func anEngineThatFailedLeavesNothingButItsLog() throws {
    let failed = try run(Self.fake("print('why'); sys.exit(7)"))
    #expect(failed.outcome.code == 2)
    #expect(files(in: failed.store + "/spark-job") == ["spark.log"])
    #expect(text(of: failed.store + "/spark-job/spark.log") == "why\n")
    #expect(files(in: failed.output) == [])
    // The same store goes on with the embedded engine.
    let again = try yijian(failed.arguments)
    #expect(again.code == 0, "\(again.err)")
    #expect(files(in: failed.output).contains("2025-W10/findings.csv"))
  }

  @Test func aMasterThatDoesNotAnswerIsGivenUp() throws {
    let outcome = try run(Self.fake("time.sleep(60)"), ["--engine-timeout", "1"]).outcome
    #expect(outcome.code == 2)
    #expect(outcome.err.contains("error[engine.timeout]: no executor of spark://nowhere:1"), "\(outcome.err)")
  }

  @Test(arguments: [
    (["--engine", "flink"], "usage.engine"), (["--engine", "spark"], "usage.engine"),
    (["--master", "local"], "usage.engine"),
    (["--engine", "spark", "--master", "local", "--spark-conf", "x"], "usage.engine"),
  ])
  func engineAndMasterAreChecked(more: [String], code: String) throws {
    let outcome = try SampleRun(Self.delivery.get(), more: more).outcome
    #expect(outcome.code == 64)
    #expect(outcome.err.contains("error[\(code)]"), "\(outcome.err)")
  }

  @Test func withoutSparkTheRunSaysHowToGetIt() throws {
    let outcome = try SampleRun(
      Self.delivery.get(), more: ["--engine", "spark", "--master", "local", "--spark-submit", "/nowhere/spark-submit"]
    ).outcome
    #expect(outcome.code == 2)
    #expect(outcome.err.contains("error[engine.no-spark]"), "\(outcome.err)")
  }

  @Test func homesThatShareAnIDAreKeptTogether() {
    func person(_ id: String) -> RowHome { RowHome(isPerson: true, id: Array(id.utf8)) }
    let visit = RowHome(isPerson: false, id: Array("M9".utf8))
    var shared = SharedHomes()
    // A and B share a settlement, B and a visit without a person share a visit; C and D another settlement.
    for (home, kind, id) in [
      (person("A"), "setl", "S1"), (person("B"), "setl", "S1"), (person("B"), "visit", "M9"), (visit, "visit", "M9"),
      (person("C"), "setl", "M9"), (person("D"), "setl", "M9"),
    ] {
      shared.add(home, kind: Array(kind.utf8), id: Array(id.utf8))
    }
    let groups = shared.groups(of: [person("A"), visit, person("E")]).map(Set.init)
    #expect(Set(groups) == [[person("A"), person("B"), visit], [person("E")]])
  }
}
