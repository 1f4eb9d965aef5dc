import ClaimModel
import Foundation
import Normalize
import Reporting
import Testing

@testable import Pipeline

/// Every amount that is read fits 64 bits; sums over many rows need not. They are exact all the same, in each file that
/// is written, and a rule that computes beyond 64 bits is named.
@Suite struct AmountsBeyond64BitsTests {
  /// The greatest amount that is read: 999,999,999,999,999,999 fen.
  static let greatest = "9999999999999999.99"
  static let registry = """
    admdvs,hilist_code,hilist_name,list_type,chrgitm_lv,begndate,enddate
    320000,L03,丙类药,101,03,2025-01-01,

    """
  /// 100 times such an amount is beyond 64 bits.
  static let overflowing = """
    rule: NEW-90
    name: {zh: 百倍, en: A hundred times}
    subject: institution
    each: line
    where: line.A * 100 > 0.00
    cases: [{verdict: 可疑, precedence: 90}]
    key: [line.id]
    measure: line.A
    threshold: 0.00
    amount: {A: sum_A, F: sum_F}

    """

  /// Settlements of as many persons at one institution, each with one line of class 03, all paid by the fund.
  static func settlements(_ numbers: Range<Int>) -> String {
    "setl_id,mdtrt_id,psn_no,fixmedins_code,fix_blng_admdvs,begndate,setl_time,med_type,medfee_sumamt,inscp_amt,"
      + "fund_pay_sumamt,vali_flag\n"
      + numbers.map {
        "S\($0),M\($0),T\($0),H32010200001,320102,2025-03-10,2025-03-10 10:00:00,11,\(greatest),\(greatest),\(greatest),1\n"
      }.joined()
  }

  static let lineHeader =
    "mdtrt_id,bkkp_sn,setl_id,psn_no,fixmedins_code,fee_ocur_time,cnt,det_item_fee_sumamt,inscp_amt,list_type,"
    + "hilist_code,vali_flag\n"

  static func lines(_ numbers: Range<Int>) -> String {
    lineHeader
      + numbers.map {
        "M\($0),1,S\($0),T\($0),H32010200001,2025-03-10 09:00:00,1,\(greatest),\(greatest),101,L03,1\n"
      }.joined()
  }

  /// 11 × (10^18 − 1), then 22 × (10^18 − 1); Int64 ends at 9.22 × 10^18.
  @Test func findingsAreKeptAndSumsAreExact() throws {
    let folder = try Scratch.folder("large")
    for (batch, numbers) in [("B1", 0..<11), ("B2", 11..<22)] {
      try write(Self.settlements(numbers), to: folder + "/in/batches/\(batch)/setl_d.csv")
      try write(Self.lines(numbers), to: folder + "/in/batches/\(batch)/fee_list_d.csv")
    }
    try write(Self.registry, to: folder + "/in/registries/hilist_b.csv")
    try write(Self.overflowing + NewRuleTests.head, to: folder + "/own/NEW-90.yml")
    let pipelines = Project.root + "/Pipelines"
    try write(
      """
      pipeline: large
      jurisdiction: \(pipelines)/jurisdictions/default.yml
      rules: [\(pipelines)/rules, own]
      knowledge: [\(pipelines)/knowledge]
      exempt: \(pipelines)/exempt
      law: \(pipelines)/law
      packets: {min_counted_fen: 1, disclosure: full}

      """, to: folder + "/large.yml")
    let run = try SampleRun(folder + "/in", pipeline: folder + "/large.yml")
    #expect(run.outcome.code == 0, "\(run.outcome.err)")
    #expect(run.outcome.err.contains("error[audit.overflow]: Rule NEW-90"), "\(run.outcome.err)")
    #expect(!run.outcome.err.contains("Rule CAT-01"))

    for (batch, count, fen, yuan) in [
      ("B1", 11, "10999999999999999989", "109,999,999,999,999,999.89"),
      ("B2", 22, "21999999999999999978", "219,999,999,999,999,999.78"),
    ] {
      let coverage = try run.table(batch, "coverage.csv").rows
      func row(_ rule: String) -> [String] {
        let row = coverage.first { $0["rule"] == rule } ?? [:]
        return ["status", "reason", "findings", "amount_fen", "fund_fen"].map { row[$0] ?? "" }
      }
      #expect(row("CAT-01") == ["run", "", "\(count)", fen, fen])
      #expect(row("NEW-90") == ["not_runnable", "overflow", "0", "0", "0"])
      let findings = try run.table(batch, "findings.csv").rows
      #expect(findings.count == count)
      for finding in findings {
        #expect(finding["rule"] == "CAT-01")
        for column in ["amount_fen", "fund_fen", "counted_fen"] { #expect(finding[column] == "999999999999999999") }
      }
      #expect(Set(findings.map { $0["case_id"] ?? "" }).count == 1)
      // Read as text: a reader of JSON may hold such a number only roughly.
      let json = text(of: run.output + "/\(batch)/run.json")
      #expect(json.contains("\"counted_fen\": \(fen),"))
      // Each batch pays for its own 11.
      #expect(json.contains("\"fund_paid_fen\": 10999999999999999989,"))
      #expect(json.components(separatedBy: "\"before_fen\": 10999999999999999989,").count == 6)
      #expect(!json.contains("\"balanced\": false"))
      #expect(text(of: run.output + "/\(batch)/index.html").contains(yuan))
      let packets = run.packets(batch)
      #expect(packets.count == 1)
      for packet in packets {
        #expect(text(of: packet + "/data/report.html").contains("<b>\(yuan)</b>"))
        let outcome = try yijian(["verify", packet])
        #expect(outcome.code == 0, "\(outcome.out)\(outcome.err)")
      }
    }
    let status = try yijian(["status", "--store", run.store])
    #expect(status.out.contains("219,999,999,999,999,999.78 yuan"), "\(status.out)\(status.err)")

    let arguments = ["--input", folder + "/in", "--output", folder + "/audit"]
    let audit = try yijian(["audit", folder + "/large.yml"] + arguments)
    #expect(audit.code == 0, "\(audit.err)")
    #expect(audit.err.contains("error[audit.overflow]: Rule NEW-90"), "\(audit.err)")
    #expect(audit.out.contains("219,999,999,999,999,999.78 yuan counted"), "\(audit.out)")
    #expect(
      try Table(path: folder + "/audit/coverage.csv").rows == run.table("B2", "coverage.csv").rows)

    func preview(_ rule: String) throws -> Outcome {
      try yijian([
        "preview", rule, "--against", run.store, "--pipeline", folder + "/large.yml", "--registries",
        folder + "/in/registries",
      ])
    }
    let stopped = try preview(folder + "/own/NEW-90.yml")
    #expect(stopped.code == 0)
    #expect(stopped.err.contains("error[audit.overflow]: Rule NEW-90"), "\(stopped.err)")
    let kept = try preview(pipelines + "/rules/CAT-01.yml")
    let now = kept.out.split(separator: "\n").first { $0.hasPrefix("now ") } ?? ""
    #expect(
      now.split(separator: " ").map(String.init) == ["now", "22", "21999999999999999978", "21999999999999999978"])
  }

  /// 18 lines of one settlement in two files of 9, of which the fund sees one fen each:
  /// 9 × (10^18 − 1) fits 64 bits, 18 × (10^18 − 1) = 17,999,999,999,999,999,982 does not.
  private func delivery(_ rows: String) throws -> String {
    let folder = try Scratch.folder("delivered")
    try write(
      "setl_id,mdtrt_id,psn_no,fixmedins_code,begndate,setl_time,med_type,medfee_sumamt,inscp_amt,fund_pay_sumamt,"
        + "vali_flag\nS1,M1,T1,H32010200001,2025-03-10,2025-03-10 10:00:00,11,100.00,0.18,0.18,1\n",
      to: folder + "/in/batches/B1/setl_d.csv")
    for (file, numbers) in [(1, 0..<9), (2, 9..<18)] {
      try write(
        Self.lineHeader
          + numbers.map {
            "M1,\($0),S1,T1,H32010200001,2025-03-10 09:00:00,1,\(Self.greatest),0.01,101,L01,1\n"
          }.joined(), to: folder + "/in/batches/B1/fee_list_d_\(file).csv")
    }
    try write(Self.registry, to: folder + "/in/registries/hilist_b.csv")
    try write("table,file,rows,sum_column,sum_fen\n" + rows, to: folder + "/in/batches/B1/delivery.csv")
    return folder
  }

  @Test func aDeliveredSumIsHeldAgainstAllFiles() throws {
    let run = try SampleRun(try delivery("fee_list_d,,18,det_item_fee_sumamt,9223372036854775807\n") + "/in")
    #expect(run.outcome.code == 3, "\(run.outcome.err)")
    #expect(
      run.outcome.err.contains(
        "det_item_fee_sumamt of fee_list_d sums to 179999999999999999.82, delivery.csv says 92233720368547758.07"),
      "\(run.outcome.err)")
    let json = text(of: run.output + "/B1/run.json")
    // The file's sum, and the settlement's lines against its 100.00 yuan.
    #expect(json.contains("\"expected\": 9223372036854775807,\n          \"found\": 17999999999999999982,"))
    #expect(json.contains("\"expected\": 10000,\n          \"found\": 17999999999999999982,"))
    #expect(json.contains("\"before_fen\": 17999999999999999982,"))
    // 17,999,999,999,999,999,982 − 9,223,372,036,854,775,807.
    #expect(text(of: run.output + "/B1/index.html").contains("87,766,279,631,452,241.75"))
  }

  /// The least number of 64 bits has no opposite among them.
  @Test func theLeastNumberInDeliveryCSVEndsNoRun() throws {
    let run = try SampleRun(
      try delivery(
        "fee_list_d,,-9223372036854775808,,\nfee_list_d,,18,det_item_fee_sumamt,-9223372036854775808\n") + "/in")
    #expect(run.outcome.code == 3, "\(run.outcome.err)")
    #expect(run.outcome.err.contains("error[intake.delivery]: rows is below 0"), "\(run.outcome.err)")
    let page = text(of: run.output + "/B1/index.html")
    #expect(page.contains("-92,233,720,368,547,758.08"))
    // 17,999,999,999,999,999,982 + 9,223,372,036,854,775,808.
    #expect(page.contains("272,233,720,368,547,757.90"))
    // The same command again has nothing to do and says the same.
    let again = try yijian(run.arguments)
    #expect(again.code == 3, "\(again.err)")
  }

  /// What a run leaves for the next one of sums beyond 64 bits is added to and taken from exactly.
  @Test func figuresOfTheStoreAreTakenApartAgain() throws {
    let part = UnknownMedType(code: "99", rows: 1, fen: Int128(Int64.max), fundFen: Int128(Int64.max))
    var batch = UnitFigures(segments: 1)
    batch.addUnknown(part)
    var store = batch
    store.add(batch)
    let both = UnknownMedType(code: "99", rows: 2, fen: 18_446_744_073_709_551_614, fundFen: 18_446_744_073_709_551_614)
    #expect(store.unknownMedTypes == [both])
    let written = try JSONEncoder().encode(store.stored([7]))
    var read = try #require(UnitFigures(try JSONDecoder().decode(StoreFigures.self, from: written), numbers: [7]))
    #expect(read.unknownMedTypes == [both])
    let wasIn = read.remove(batch)
    #expect(wasIn)
    #expect(read.unknownMedTypes == [part])
  }

  /// Before − set aside + netted = after, wherever the single sums lie.
  @Test func figuresBeyond64BitsBalance() throws {
    var figures = UnitFigures(segments: 1)
    figures.add(rows: 1, .feeLines, .counts, segment: 0)
    for _ in 0..<3 {
      figures.add(fen: .max, net: 5, .feeLines, column: "inscp_amt", .counts)
      figures.add(fen: .max, net: 0, .feeLines, column: "inscp_amt", .reversed)
    }
    let sum = try #require(figures.sums.first { $0.column == "inscp_amt" })
    // 6 × (2^63 − 1), 3 × (2^63 − 1), 15 − 3 × (2^63 − 1), 15.
    #expect(sum.beforeFen == 55_340_232_221_128_654_842)
    #expect(sum.setAsideFen == [Disposition.reversed.reason: 27_670_116_110_564_327_421])
    #expect(sum.nettedFen == -27_670_116_110_564_327_406)
    #expect(sum.afterFen == 15)
    #expect(sum.isBalanced)
  }
}
