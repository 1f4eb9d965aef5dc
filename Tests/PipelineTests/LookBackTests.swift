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
