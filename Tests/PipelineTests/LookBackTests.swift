import Foundation
import Testing

/// A run that goes on from what the last one left writes the bytes of a run that evaluates the whole store.
@Suite struct LookBackTests {
  /// Several weeks whose rows do not keep to their batch: some come again in a later one, changed, for somebody else or
  /// cancelled, some come late, and some lose their person or get another row's ids.
  struct Weeks {
    let input: String
    let pipeline: String
    let batches: [String]

    /// Packets are written for cases from so many fen; each costs much more than the rows of a week.
    init(seed: UInt64, weeks: Int = 4, settlements: Int = 120, packetsFrom fen: Int = 200_000) throws {
      let whole = try Scratch.folder("weeks")
      let made = try yijian([
        "synth", "--seed", "\(seed)", "--settlements", "\(settlements)", "--layout", "narrow", "--out",
        whole + "/whole",
      ])
      guard made.code == 0 else { throw TestFailure(made.err) }
      input = whole + "/input"
      try copy(whole + "/whole/registries", input + "/registries")
      var random = KillTests.Seeded(state: seed)
      let names = (0..<weeks).map { "2025-W\(20 + $0)" }
      batches = names
      // By name of the file, the rows of each week.
      var rows: [String: (header: String, weeks: [[String]])] = [:]
      for batch in Samples.batches {
        let from = whole + "/whole/batches/" + batch
        for name in files(in: from) where name.hasSuffix(".csv.gz") {
          var lines = try tool("gzip", "-dc", from + "/" + name).split(separator: "\n").map(String.init)
          let header = lines.removeFirst()
          let table = "\(batch.suffix(3))_\(name.dropLast(7))"
          rows[table] = (header, Self.spread(lines, header, weeks, &random))
        }
      }
      for (table, content) in rows {
        // The table's name must lead the file's name.
        let name = table.dropFirst(4) + "_\(table.prefix(3)).csv"
        for (week, lines) in content.weeks.enumerated() where !lines.isEmpty {
          try FileManager.default.createDirectory(
            atPath: input + "/batches/" + names[week], withIntermediateDirectories: true)
          try write(
            ([content.header] + lines).joined(separator: "\n") + "\n", to: input + "/batches/\(names[week])/\(name)")
        }
      }
      pipeline = whole + "/small.yml"
      try writeSmallPipeline(minCountedFen: fen, to: pipeline)
    }

    /// Rows of one visit mostly come in one week.
    private static func spread(
      _ lines: [String], _ header: String, _ weeks: Int, _ random: inout KillTests.Seeded
    ) -> [[String]] {
      let columns = header.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      func place(_ name: String) -> Int? { columns.firstIndex(of: name) }
      let links = ["mdtrt_id", "setl_id", "init_setl_id", "init_feedetl_sn"].compactMap(place)
      var result = [[String]](repeating: [], count: weeks)
      for line in lines {
        var row = line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let other = lines[Int(random.next() % UInt64(lines.count))]
          .split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        let visit = place("mdtrt_id").map { row[$0] } ?? ""
        let week = visit.utf8.reduce(7) { ($0 * 31 + Int($1)) % 65_521 } % weeks
        func later() -> Int { min(weeks - 1, week + 1 + Int(random.next() % 3)) }
        func put(_ row: [String], _ week: Int) { result[week].append(row.joined(separator: ",")) }
        switch random.next() % 100 {
        case 0: if let person = place("psn_no") { row[person] = "" }
        case 1: if let person = place("psn_no") { row[person] = other[person] }
        case 2, 3:
          // Again in a later batch, for somebody else.
          put(row, later())
          if let person = place("psn_no") { row[person] = other[person] }
        case 4:
          let link = links[Int(random.next() % UInt64(links.count))]
          row[link] = other[link]
        case 5, 6:
          // Cancelled later.
          var again = row
          if let flag = place("vali_flag") { again[flag] = "0" }
          put(again, later())
        case 7, 8, 9:
          put(row, later())
          continue
        case 10:
          // Reversed later.
          if let count = place("cnt"), let serial = place("bkkp_sn"), let initial = place("init_feedetl_sn") {
            var reversal = row
            reversal[initial] = row[serial]
            reversal[serial] = row[serial] + "r"
            for name in ["cnt", "det_item_fee_sumamt", "inscp_amt"] {
              if let at = place(name), !reversal[at].isEmpty, !reversal[at].hasPrefix("-") {
                reversal[at] = "-" + reversal[at]
              }
            }
            _ = count
            put(reversal, later())
          }
        default: break
        }
        put(row, week)
      }
      return result
    }
  }

  @Test(arguments: [21, 22] as [UInt64])
  func aWeekIsWhatItIsOverTheWholeStore(seed: UInt64) throws {
    let weeks = try Weeks(seed: seed)
    let whole = try SampleRun(weeks.input, pipeline: weeks.pipeline, more: ["--whole-store"])
    #expect(whole.outcome.code == 0 || whole.outcome.code == 3, "\(whole.outcome.err)")
    let last = try #require(weeks.batches.last)
    let found = try whole.table(last, "findings.csv").rows
    #expect(found.count { $0["state"] != "withdrawn" } > 20, "too few findings to show a difference")
    #expect(found.contains { $0["state"] == "withdrawn" }, "nothing is taken back by a later row")
    for more in [["--state-from", "1"], ["--state-from", "2", "--unit-rows", "150", "--jobs", "2"]] {
      let run = try SampleRun(weeks.input, pipeline: weeks.pipeline, more: more)
      #expect(run.outcome.code == whole.outcome.code, "\(run.outcome.err)")
      #expect(!run.outcome.err.contains("evaluation-damaged"))
      #expect(differences(whole.output, run.output) == [], "\(more)")
      #expect(!files(in: run.store + "/evaluation").isEmpty)
    }
  }

  /// The registrations of each week: some of the week before end or begin on other days, are gone or of another
  /// disease, and some persons of the claims have new ones.
  private static func registrations(_ first: String, persons: [String], weeks: Int, seed: UInt64) -> [String] {
    var random = KillTests.Seeded(state: seed)
    var lines = first.split(separator: "\n").map(String.init)
    let header = lines.removeFirst()
    let columns = header.split(separator: ",").map(String.init)
    func place(_ name: String) -> Int { columns.firstIndex(of: name) ?? 0 }
    let diseases = Array(
      Set(lines.map { String($0.split(separator: ",", omittingEmptySubsequences: false)[place("opsp_dise_code")]) })
    ).sorted()
    func day() -> String {
      let day = random.next() % 59
      return day < 31 ? "2025-03-\(day < 9 ? "0" : "")\(day + 1)" : "2025-02-\(day < 40 ? "0" : "")\(day - 30)"
    }
    var result = [first]
    while result.count < weeks {
      for _ in 0..<12 {
        let at = Int(random.next() % UInt64(lines.count))
        var row = lines[at].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        switch random.next() % 5 {
        case 0: row[place("enddate")] = "2026-" + day().suffix(5)
        case 1: row[place("begndate")] = day()
        case 2:
          // The first rows stay, so that no region and no disease is lost.
          if at > 40 { lines.remove(at: at) }
          continue
        case 3: row[place("opsp_dise_code")] = diseases[Int(random.next() % UInt64(diseases.count))]
        default:
          row[place("psn_no")] = persons[Int(random.next() % UInt64(persons.count))]
          row[place("begndate")] = day()
          row[place("enddate")] = ""
          lines.append(row.joined(separator: ","))
          continue
        }
        if at > 40 { lines[at] = row.joined(separator: ",") }
      }
      result.append(([header] + lines).joined(separator: "\n") + "\n")
    }
    return result
  }

  /// With new registrations each week, only the persons whom they concern are evaluated again.
  @Test(arguments: [(23, false), (24, false), (23, true)] as [(UInt64, Bool)])
  func newRegistrationsChangeWhatTheyConcern(seed: UInt64, inLowerCase: Bool) throws {
    let weeks = try Weeks(seed: seed, settlements: 150, packetsFrom: 1_000_000_000)
    let folder = try Scratch.folder("registrations")
    try copy(weeks.input + "/registries", folder + "/input/registries")
    let registered = folder + "/input/registries/opsp_reg_d.csv"
    var persons: Set<String> = []
    for batch in weeks.batches {
      let path = weeks.input + "/batches/" + batch
      for name in files(in: path) where name.hasPrefix("setl_d") {
        var lines = text(of: path + "/" + name).split(separator: "\n").map(String.init)
        let columns = lines.removeFirst().split(separator: ",")
        let place = try #require(columns.firstIndex(of: "psn_no"))
        persons.formUnion(
          lines.map { String($0.split(separator: ",", omittingEmptySubsequences: false)[place]) }.filter { !$0.isEmpty }
        )
      }
    }
    let tables = Self.registrations(text(of: registered), persons: persons.sorted(), weeks: 4, seed: seed)
    var different = 0
    for (batch, table) in zip(weeks.batches, tables) {
      try copy(weeks.input + "/batches/" + batch, folder + "/input/batches/" + batch)
      if inLowerCase {
        // A registry's codes are in upper case, and mean the same person.
        let path = folder + "/input/batches/" + batch
        for name in files(in: path) where name.hasPrefix("setl_d") {
          try write(
            text(of: path + "/" + name).replacingOccurrences(of: ",99010000", with: ",a9010000"), to: path + "/" + name)
        }
      }
      try write(inLowerCase ? table.replacingOccurrences(of: "\n9901", with: "\na901") : table, to: registered)
      for more in [["--whole-store"], ["--state-from", "1", "--unit-rows", "400"]] {
        let own = folder + "/" + (more.first ?? "")
        let run = try yijian(
          SampleRun.arguments(input: folder + "/input", folder: own, pipeline: weeks.pipeline) + more)
        #expect(run.code == 0 || run.code == 3, "\(run.err)")
        #expect(!run.err.contains("evaluation-damaged"))
      }
      #expect(
        differences(folder + "/--whole-store/out/" + batch, folder + "/--state-from/out/" + batch) == [], "\(batch)")
      let found = try Table(path: folder + "/--whole-store/out/\(batch)/findings.csv").rows
      different += found.count { $0["rule"]?.hasPrefix("CHR-0") == true && $0["state"] == "withdrawn" }
    }
    #expect(different > 0, "no registration takes a finding back")
    // Of each week a generation: the state went on. A person in lower case is looked up in all of the store.
    let header = try tool(
      "sqlite3", folder + "/--state-from/store/ledger.sqlite", "SELECT header FROM evaluation_state")
    let state = try #require(try JSONSerialization.jsonObject(with: Data(header.utf8)) as? [String: Any])
    #expect((state["generations"] as? [Any])?.count == (inLowerCase ? 1 : 4))
  }

  /// A store of all weeks but the last, and what the last gives over the whole store.
  private struct Begun {
    let weeks: Weeks
    let last: String
    let whole: SampleRun
    /// `first` holds the store after the other weeks.
    let folder: String

    init() throws {
      weeks = try Weeks(seed: 31, weeks: 3, settlements: 60, packetsFrom: 1_000_000_000)
      last = try #require(weeks.batches.last)
      whole = try SampleRun(weeks.input, pipeline: weeks.pipeline, more: ["--whole-store"])
      folder = try Scratch.folder("begun")
      try FileManager.default.createDirectory(atPath: folder + "/input/batches", withIntermediateDirectories: true)
      for batch in weeks.batches.dropLast() {
        try copy(weeks.input + "/batches/" + batch, folder + "/input/batches/" + batch)
      }
      try copy(weeks.input + "/registries", folder + "/input/registries")
      let first = try yijian(
        SampleRun.arguments(input: folder + "/input", folder: folder, pipeline: weeks.pipeline) + ["--state-from", "1"])
      #expect(first.code == whole.outcome.code, "\(first.err)")
    }
  }

  private static let begun = Result { try Begun() }

  /// Whatever happens to what the last run left, the result is the same; only what was damaged is spoken of.
  @Test(arguments: ["truncated", "flipped", "gone", "other rules", "state", "untouched"])
  func whatIsDamagedIsNotUsed(how: String) throws {
    let begun = try Self.begun.get()
    let folder = try Scratch.folder("damaged")
    try copy(begun.folder + "/store", folder + "/store")
    let kept = folder + "/store/evaluation"
    let names = files(in: kept)
    #expect(!names.isEmpty)
    // A file that nobody recorded, as a killed run leaves one.
    try write("half", to: kept + "/0000000000000000-4")
    var pipeline = begun.weeks.pipeline
    switch how {
    case "truncated":
      for name in names { truncate(kept + "/" + name, 7) }
    case "flipped":
      for name in names {
        var bytes = [UInt8](FileManager.default.contents(atPath: kept + "/" + name) ?? Data())
        if bytes.isEmpty { continue }
        bytes[bytes.count / 2] ^= 4
        try Data(bytes).write(to: URL(fileURLWithPath: kept + "/" + name))
      }
    case "gone": try FileManager.default.removeItem(atPath: kept)
    case "other rules":
      // A pipeline file of other bytes: what was left is out of date, not damaged.
      pipeline = folder + "/other.yml"
      try write(text(of: begun.weeks.pipeline) + "# changed\n", to: pipeline)
    case "state":
      _ = try tool(
        "sqlite3", folder + "/store/ledger.sqlite", "UPDATE evaluation_state SET header = replace(header, '1', '2')")
      unlink(folder + "/store/ledger.sqlite.sha256")
    default: break
    }
    let run = try yijian(
      SampleRun.arguments(input: begun.weeks.input, folder: folder, pipeline: pipeline) + ["--state-from", "1"])
    #expect(run.code == begun.whole.outcome.code, "\(run.err)")
    #expect(run.err.contains("store.evaluation-damaged") == ["truncated", "flipped", "gone"].contains(how), "\(how)")
    let mine = differences(begun.whole.output + "/" + begun.last, folder + "/out/" + begun.last)
    // The digest of the pipeline file stands in what a run writes.
    if how != "other rules" { #expect(mine == [], "\(how)") }
    for name in ["findings.csv", "coverage.csv", "suppressed.csv"] {
      #expect(
        text(of: begun.whole.output + "/\(begun.last)/\(name)") == text(of: folder + "/out/\(begun.last)/\(name)"),
        "\(how): \(name)")
    }
    #expect(!FileManager.default.fileExists(atPath: kept + "/0000000000000000-4"), "left over")
  }
}
