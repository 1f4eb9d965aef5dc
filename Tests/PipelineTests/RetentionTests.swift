import ClaimModel
import ClaimStore
import Foundation
import Testing

@testable import Pipeline

/// `yijian store retain`: what it removes changes no finding of any later run.
@Suite struct RetentionTests {
  /// Deliveries of a small bureau, written by hand or by chance; two stores get the same ones.
  struct Bureau {
    static let settlementColumns = [
      "setl_id", "mdtrt_id", "init_setl_id", "refd_setl_flag", "psn_no", "insutype", "insu_admdvs", "fixmedins_code",
      "hosp_lv", "begndate", "enddate", "setl_time", "med_type", "setl_type", "medfee_sumamt", "inscp_amt",
      "fund_pay_sumamt", "dise_no", "vali_flag", "updt_time",
    ]
    static let visitColumns = [
      "mdtrt_id", "psn_no", "fixmedins_code", "begntime", "endtime", "med_type", "dscg_maindiag_code", "dscg_way",
      "adm_caty", "dscg_caty", "inhosp_stas", "vali_flag", "updt_time",
    ]
    static let lineColumns = [
      "bkkp_sn", "setl_id", "mdtrt_id", "psn_no", "fee_ocur_time", "fixmedins_code", "med_type", "cnt", "pric",
      "det_item_fee_sumamt", "inscp_amt", "chrgitm_lv", "list_type", "hilist_code", "med_list_codg",
      "med_chrgitm_type", "vali_flag", "updt_time",
    ]
    let folder: String
    let pipeline: String
    var input: String { folder + "/input" }

    init(lookBack: Int) throws {
      folder = try Scratch.folder("bureau")
      pipeline = folder + "/small.yml"
      try writeSmallPipeline(minCountedFen: 1_000_000_000, to: pipeline)
      let text = try String(contentsOfFile: pipeline, encoding: .utf8)
      try Self.put(text + "look_back_days: \(lookBack)\nfill_floor: 0\n", pipeline)
      // One bed each; a day's dose of the chronic drug is one piece.
      try Self.put(
        """
        fixmedins_code,fixmedins_name,fixmedins_type,hosp_lv,medins_kind,aprv_bed_cnt,admdvs,begndate
        H1,甲,1,02,general,1,990101,2020-01-01
        H2,乙,1,02,general,2,990101,2020-01-01

        """, input + "/registries/fixmedins_b.csv")
      try Self.put(
        """
        admdvs,hilist_code,hilist_name,list_type,chrgitm_lv,begndate
        000000,BING,丙药,101,03,2020-01-01
        000000,XC08,甲药,101,01,2020-01-01

        """, input + "/registries/hilist_b.csv")
      try Self.put(
        "med_list_codg,sup_key,sup_days,basis,begndate\nXC08,XC08,1,b,2020-01-01\n",
        input + "/registries/drug_sup_b.csv")
    }

    private static func put(_ text: String, _ path: String) throws {
      let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try write(text, to: path)
    }

    /// What a batch holds; a row is values by column.
    struct Delivery {
      var settlements: [[String: String]] = []
      var visits: [[String: String]] = []
      var lines: [[String: String]] = []

      private mutating func add(
        _ id: String, _ person: String, _ hospital: String, _ type: String, _ first: String, _ last: String,
        code: String, pieces: Int
      ) {
        settlements.append([
          "setl_id": "S\(id)", "mdtrt_id": "M\(id)", "psn_no": person, "insutype": "310", "insu_admdvs": "990999",
          "fixmedins_code": hospital, "hosp_lv": "02", "begndate": first, "enddate": last,
          "setl_time": last + " 10:00:00", "med_type": type, "setl_type": "2", "medfee_sumamt": "100.00",
          "inscp_amt": "100.00", "fund_pay_sumamt": "75.00", "dise_no": type == "21" ? "" : "M03900",
          "vali_flag": "1", "updt_time": last + " 23:00:00",
        ])
        visits.append([
          "mdtrt_id": "M\(id)", "psn_no": person, "fixmedins_code": hospital, "begntime": first + " 08:00:00",
          "endtime": last + " 09:00:00", "med_type": type, "dscg_maindiag_code": type == "21" ? "I10.x00" : "",
          "dscg_way": type == "21" ? "1" : "", "adm_caty": type == "21" ? "A03" : "",
          "dscg_caty": type == "21" ? "A03" : "", "inhosp_stas": "0", "vali_flag": "1",
          "updt_time": last + " 23:00:00",
        ])
        lines.append([
          "bkkp_sn": "L\(id)", "setl_id": "S\(id)", "mdtrt_id": "M\(id)", "psn_no": person,
          "fee_ocur_time": first + " 08:30:00", "fixmedins_code": hospital, "med_type": type, "cnt": "\(pieces)",
          "pric": "1", "det_item_fee_sumamt": "100.00", "inscp_amt": "100.00", "chrgitm_lv": "01",
          "list_type": "101", "hilist_code": code, "med_list_codg": code, "med_chrgitm_type": "09", "vali_flag": "1",
          "updt_time": last + " 23:00:00",
        ])
      }

      /// A stay from day to day, with one line on the first.
      mutating func stay(_ id: String, _ person: String, _ hospital: String, _ first: String, _ last: String) {
        add(id, person, hospital, "21", first, last, code: "PLAIN", pieces: 1)
      }

      /// Supplies for so many days, bought for a chronic disease.
      mutating func purchase(_ id: String, _ person: String, _ day: String, days: Int) {
        add(id, person, "H2", "140101", day, day, code: "XC08", pieces: days)
      }

      /// An ordinary drug that nobody pays for.
      mutating func visit(_ id: String, _ person: String, _ day: String) {
        add(id, person, "H2", "11", day, day, code: "BING", pieces: 1)
      }
    }

    func deliver(_ batch: String, _ delivery: Delivery) throws {
      func file(_ name: String, _ columns: [String], _ rows: [[String: String]]) throws {
        let lines = [columns] + rows.map { row in columns.map { row[$0] ?? "" } }
        try Self.put(
          lines.map { $0.joined(separator: ",") }.joined(separator: "\n") + "\n",
          input + "/batches/\(batch)/\(name)_1.csv")
      }
      try file("setl_d", Self.settlementColumns, delivery.settlements)
      try file("mdtrt_d", Self.visitColumns, delivery.visits)
      try file("fee_list_d", Self.lineColumns, delivery.lines)
    }

    func run(_ store: String) throws -> Outcome {
      let outcome = try yijian([
        "run", pipeline, "--input", input, "--store", "\(folder)/\(store)/store", "--output", "\(folder)/\(store)/out",
      ])
      guard outcome.code == 0 else { throw TestFailure(outcome.err) }
      return outcome
    }

    func retain(_ store: String, since: String, more: [String] = []) throws -> Outcome {
      try yijian(
        [
          "store", "retain", "--pipeline", pipeline, "--store", "\(folder)/\(store)/store", "--since", since,
        ] + (more.isEmpty ? ["--registries", input + "/registries"] : more))
    }

    func findings(_ store: String, _ batch: String) throws -> String {
      try String(contentsOfFile: "\(folder)/\(store)/out/\(batch)/findings.csv", encoding: .utf8)
    }

    func rows(_ store: String, _ batch: String, _ rule: String) throws -> [[String: String]] {
      try Table(path: "\(folder)/\(store)/out/\(batch)/findings.csv").rows.filter { $0["rule"] == rule }
    }
  }

  /// SplitMix64.
  struct Chance: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
      return z ^ z >> 31
    }
  }

  /// The day after so many days from 2023-01-01.
  static func day(_ n: Int) -> String {
    var day = n
    for (month, days) in [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31].enumerated() {
      if day < days {
        return "2023-" + (month < 9 ? "0" : "") + "\(month + 1)-" + (day < 9 ? "0" : "") + "\(day + 1)"
      }
      day -= days
    }
    return "2024-01-01"
  }

  /// The second of two stays ends the finding, ten days behind the line; the first is all before it.
  @Test func aPairAcrossTheLineStands() throws {
    let bureau = try Bureau(lookBack: 30)
    var first = Bureau.Delivery()
    first.stay("1", "P1", "H1", "2023-02-01", "2023-02-06")
    first.visit("9", "P9", "2023-01-03")
    var second = Bureau.Delivery()
    second.stay("2", "P1", "H1", "2023-02-10", "2023-02-14")
    var third = Bureau.Delivery()
    third.visit("3", "P3", "2023-03-10")
    try bureau.deliver("W1", first)
    try bureau.deliver("W2", second)
    try bureau.deliver("W3", third)
    _ = try bureau.run("a")
    let said = try bureau.retain("a", since: "2023-02-07")
    #expect(said.code == 0, "\(said.err)")
    // P9 was seen 35 days before the line: setl_d, mdtrt_d, fee_list_d.
    #expect(said.out.contains("removed W1  newest 2023-02-06  3 rows  3 files; 3 rows of it stay\n"), "\(said.out)")
    #expect(said.out.contains("kept 3 rows of 1 person: seen less than 31 days before 2023-02-07, or later\n"))
    var fourth = Bureau.Delivery()
    fourth.visit("4", "P4", "2023-03-11")
    try bureau.deliver("W4", fourth)
    let outcome = try bureau.run("a")
    #expect(outcome.err.contains("W1: removed on"), "\(outcome.err)")
    let pair = try bureau.rows("a", "W4", "ADM-05")
    #expect(pair.map { $0["state"] } == ["standing"])
    #expect(pair.map { $0["fund_fen"] } == ["7500"])
    // CAT-01 of P9 has lost its rows; it is older than the line.
    let old = try bureau.rows("a", "W4", "CAT-01").filter { $0["from_date"] == "2023-01-03" }
    #expect(old.map { $0["state"] } == ["standing"])
    #expect(old.map { $0["fund_fen"] } == ["7500"])
  }

  /// 200 days of supply on 1 January last until 20 July; nobody sees the person for more than two months before the
  /// line.
  @Test func aRunningStockIsCarried() throws {
    let bureau = try Bureau(lookBack: 30)
    var first = Bureau.Delivery()
    first.purchase("1", "P1", "2023-01-01", days: 200)
    first.purchase("2", "P2", "2023-01-01", days: 20)
    var second = Bureau.Delivery()
    second.visit("3", "P3", "2023-05-01")
    try bureau.deliver("W1", first)
    try bureau.deliver("W2", second)
    _ = try bureau.run("a")
    let said = try bureau.retain("a", since: "2023-04-01")
    // P2's were used up on 21 January.
    #expect(
      said.out.contains("kept 3 rows of 1 person: may hold supplies that last until 2023-04-01\n"), "\(said.out)")
    #expect(said.out.contains("; 3 rows of it stay\n"))
    var third = Bureau.Delivery()
    third.purchase("4", "P1", "2023-05-03", days: 30)
    try bureau.deliver("W3", third)
    _ = try bureau.run("a")
    // 1 January to 3 May are 122 days: 200 - 122 + 30.
    let now = try bureau.rows("a", "W3", "CHR-01").filter { $0["from_date"] == "2023-05-03" }
    #expect(now.map { $0["measure"] } == ["108"])
  }

  /// Without the registries of the last run nobody can say what a purchase is: whoever may hold some stays.
  @Test func withoutTheRegistriesMoreStays() throws {
    let bureau = try Bureau(lookBack: 30)
    var first = Bureau.Delivery()
    first.purchase("1", "P1", "2023-01-01", days: 200)
    first.purchase("2", "P2", "2023-01-01", days: 20)
    first.visit("3", "P3", "2023-01-02")
    var second = Bureau.Delivery()
    second.visit("4", "P4", "2023-05-01")
    try bureau.deliver("W1", first)
    try bureau.deliver("W2", second)
    _ = try bureau.run("a")
    let said = try bureau.retain("a", since: "2023-04-01", more: ["--dry-run"])
    #expect(said.out.contains("would remove W1  newest 2023-01-02  3 rows"), "\(said.out)")
    #expect(said.out.contains("would keep 6 rows of 2 persons: may hold supplies"))
    #expect(said.out.contains("give them with --registries"))
  }

  /// A store `a` of two weeks, of whose first P1's stock stays and P2's visit went; and what the first week delivered.
  private func trimmed() throws -> (Bureau, first: Bureau.Delivery) {
    let bureau = try Bureau(lookBack: 30)
    var first = Bureau.Delivery()
    first.purchase("1", "P1", "2023-01-01", days: 200)
    first.visit("2", "P2", "2023-01-02")
    var second = Bureau.Delivery()
    second.visit("3", "P3", "2023-05-01")
    try bureau.deliver("W1", first)
    try bureau.deliver("W2", second)
    _ = try bureau.run("a")
    #expect(try bureau.retain("a", since: "2023-04-01").code == 0)
    return (bureau, first)
  }

  /// The same bytes in a batch of another name are read, and give all rows.
  @Test func keptRowsAreNotTakenForTheFile() throws {
    let (bureau, first) = try trimmed()
    try bureau.deliver("W9", first)
    _ = try bureau.run("a")
    let list = try yijian(["store", "list", "--store", bureau.folder + "/a/store", "--json"])
    // W1 keeps P1's three rows, W9 has all six.
    #expect(list.out.contains("\"batch\":\"W1\",\"revision\":1,\"parts\":3,"), "\(list.out)")
    #expect(list.out.contains("\"rows\":3,\"rows_kept\":3,\"files\":3"), "\(list.out)")
    let w9 = try #require(list.out.range(of: "\"batch\":\"W9\""))
    #expect(list.out[w9.upperBound...].prefix(80).contains("\"rows\":6,\"live_rows\":6"), "\(list.out)")
    #expect(try yijian(["store", "verify", "--store", bureau.folder + "/a/store"]).code == 0)
  }

  /// A claim that was refunded long ago comes once more, without its refund, before the line is drawn: the refund stays.
  @Test func whatANewerBatchDeliversAgainStaysWhole() throws {
    let bureau = try Bureau(lookBack: 30)
    var first = Bureau.Delivery()
    first.visit("1", "P1", "2023-01-02")
    var refund = first.settlements[0]
    refund["setl_id"] = "S1R"
    refund["init_setl_id"] = "S1"
    refund["fund_pay_sumamt"] = "-75.00"
    first.settlements.append(refund)
    first.visit("2", "P2", "2023-01-03")
    var second = Bureau.Delivery()
    second.visit("1", "P1", "2023-01-02")
    for i in second.settlements.indices { second.settlements[i]["updt_time"] = "2023-04-30 08:00:00" }
    for i in second.visits.indices { second.visits[i]["updt_time"] = "2023-04-30 08:00:00" }
    for i in second.lines.indices { second.lines[i]["updt_time"] = "2023-04-30 08:00:00" }
    second.visit("3", "P3", "2023-05-01")
    var third = Bureau.Delivery()
    third.visit("4", "P4", "2023-05-08")
    try bureau.deliver("W1", first)
    try bureau.deliver("W2", second)
    for store in ["a", "b"] { _ = try bureau.run(store) }
    // P2 goes, and nobody else.
    let removal = try bureau.retain("a", since: "2023-04-01")
    #expect(removal.code == 0, "\(removal.err)")
    #expect(removal.out.contains("a batch that stays delivers a row of theirs, too"), "\(removal.out)")
    try bureau.deliver("W3", third)
    for store in ["a", "b"] { _ = try bureau.run(store) }
    #expect(
      try bureau.rows("b", "W3", "CAT-01").map { $0["setl_ids"] }.sorted { $0 ?? "" < $1 ?? "" } == ["S2", "S3", "S4"])
    #expect(try bureau.findings("a", "W3") == bureau.findings("b", "W3"))
  }

  /// Rows that stayed can't be replaced; what rests on them may be wrong, so it is said and no packet is written.
  @Test func aCorrectionOfATrimmedBatchIsNotPassedOver() throws {
    let (bureau, first) = try trimmed()
    func run(_ more: String...) throws -> Outcome {
      try yijian(
        [
          "run", bureau.pipeline, "--input", bureau.input, "--store", bureau.folder + "/a/store", "--output",
          bureau.folder + "/a/out",
        ] + more)
    }
    #expect(try run().code == 0)
    var corrected = first
    corrected.lines[0]["vali_flag"] = "0"
    try bureau.deliver("W1", corrected)
    var third = Bureau.Delivery()
    third.visit("4", "P4", "2023-05-08")
    try bureau.deliver("W3", third)
    let outcome = try run()
    #expect(outcome.code == 3)
    #expect(outcome.err.contains("W1/fee_list_d_1.csv: error[store.trimmed-batch]"), "\(outcome.err)")
    #expect(outcome.out.contains("packets  none"), "\(outcome.out)")
    let page = try String(contentsOfFile: bureau.folder + "/a/out/W3/index.html", encoding: .utf8)
    #expect(page.contains("W1</strong>：fee_list_d_1.csv（批次已按保留期清理，更正后的文件不再读取）"))
    // Whoever argues from the absence of a line can't know what the file holds.
    let coverage = try Table(path: bureau.folder + "/a/out/W3/coverage.csv").rows
    let silent = coverage.filter { $0["reason"] == "fee_list_d is incomplete: batch W1 is incomplete" }
    #expect(silent.map { $0["rule"] } == ["ADM-02", "ADM-06"])
    let status = try yijian(["status", "--pipeline", bureau.pipeline, "--store", bureau.folder + "/a/store", "--json"])
    #expect(status.out.contains("\"exit_code\":3"), "the run's record says so, too: \(status.out)")
    #expect(try run().code == 3, "as long as the file is there")
    // As the remedy says.
    try bureau.deliver("W1", first)
    try bureau.deliver("W4", corrected)
    #expect(try run().code == 0)
  }

  @Test func compactNamesAnUnknownBatch() throws {
    let bureau = try Bureau(lookBack: 30)
    var first = Bureau.Delivery()
    first.visit("1", "P1", "2023-01-02")
    try bureau.deliver("W1", first)
    _ = try bureau.run("a")
    let said = try yijian(["store", "compact", "--store", bureau.folder + "/a/store", "--batch", "zzz"])
    #expect(said.code == 64)
    #expect(said.err.contains("usage.unknown-batch"))
    #expect(try yijian(["store", "compact", "--store", bureau.folder + "/a/store", "--batch", "W1"]).code == 0)
  }

  /// Claims that are looked at a few at a time; some rows of one person carry another's visit.
  @Test func unitsDecideNothing() throws {
    let bureau = try Bureau(lookBack: 30)
    var first = Bureau.Delivery()
    for person in 0..<40 {
      first.visit("A\(person)", "P\(person)", "2023-01-0\(1 + person % 9)")
      // Of every third one a line of its own visit is the next one's.
      if person % 3 == 0 { first.lines[first.lines.count - 1]["psn_no"] = "P\(person + 1)" }
    }
    var second = Bureau.Delivery()
    for person in stride(from: 1, to: 40, by: 6) { second.visit("B\(person)", "P\(person)", "2023-03-20") }
    try bureau.deliver("W1", first)
    try bureau.deliver("W2", second)
    _ = try bureau.run("a")
    let ledger = try StoreChoice(pipeline: bureau.pipeline, store: bureau.folder + "/a/store").inspect()
    let file = try PipelineFile.read(bureau.pipeline)
    let since = try #require(CivilTime.parseDay("2023-02-15"))
    func plan(_ rows: Int?) throws -> RetentionPlan {
      try retentionPlan(
        ledger, file: file, old: ["W1"], since: since, last: ledger.lastSnapshot(),
        registries: bureau.input + "/registries", unitRows: rows
      ).0
    }
    let whole = try plan(nil)
    // P1, P7, … P37 were seen in March, and P0, P6, … P36 gave them a line: 14 persons of three rows each.
    #expect(whole.kept.map(\.rows) == [42, 0, 0, 0, 0, 0])
    #expect(whole.kept.map(\.persons) == [14, 0, 0, 0, 0, 0])
    for rows in [1, 7, 50] {
      let cut = try plan(rows)
      #expect(cut.lines == whole.lines)
      #expect(cut.kept == whole.kept)
    }
  }

  /// Two stores get the same weeks, and one is trimmed after each: all findings are the same byte for byte.
  @Test(arguments: [12, 13] as [UInt64]) func noFindingTellsThatRowsWereRemoved(_ seed: UInt64) throws {
    var random = Chance(state: seed)
    let bureau = try Bureau(lookBack: 14)
    var number = 0
    var removed = 0
    // Each is about for some weeks, then not, and some come back.
    var until = (0..<24).map { _ in Int.random(in: 0...12, using: &random) }
    for week in 0..<12 {
      var delivery = Bureau.Delivery()
      for person in until.indices {
        if week > until[person], Int.random(in: 0..<25, using: &random) == 0 { until[person] = week + 1 }
        if week > until[person] || Int.random(in: 0..<3, using: &random) == 0 { continue }
        number += 1
        let first = 20 + week * 7 + Int.random(in: -4...6, using: &random)
        let id = "\(number)"
        let name = "P\(person)"
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1:
          let last = first + Int.random(in: 1...9, using: &random)
          delivery.stay(id, name, Bool.random(using: &random) ? "H1" : "H2", Self.day(first), Self.day(last))
        case 2, 3: delivery.purchase(id, name, Self.day(first), days: Int.random(in: 5...150, using: &random))
        default: delivery.visit(id, name, Self.day(first))
        }
      }
      // Sets the day of the run.
      delivery.visit("end\(week)", "P\(week)end", Self.day(40 + week * 7))
      let batch = "W\(10 + week)"
      try bureau.deliver(batch, delivery)
      _ = try bureau.run("whole")
      _ = try bureau.run("trimmed")
      let whole = try bureau.findings("whole", batch).split(separator: "\n").map(String.init)
      let trimmed = try bureau.findings("trimmed", batch).split(separator: "\n").map(String.init)
      let differing = trimmed.filter { !whole.contains($0) }.map { "+" + $0 }
      #expect(differing + whole.filter { !trimmed.contains($0) }.map { "-" + $0 } == [], "seed \(seed), \(batch)")
      #expect(trimmed == whole, Comment(rawValue: batch))
      let since = 40 + week * 7 - 14
      let said = try bureau.retain("trimmed", since: Self.day(since))
      #expect(said.code == 0, "\(said.err)")
      removed += said.out.split(separator: "\n").count { $0.hasPrefix("removed ") }
    }
    #expect(removed > 3, "seed \(seed) removes nothing")
    let rules = Set(try Table(path: bureau.folder + "/whole/out/W21/findings.csv").rows.compactMap { $0["rule"] })
    #expect(rules.isSuperset(of: ["ADM-01", "ADM-05", "ADM-09", "CAT-01", "CHR-01"]), "seed \(seed): \(rules)")
  }
}
