import Foundation
import Testing

/// However the claims are cut into units, however many threads and however little memory there is: the same bytes.
@Suite struct UnitTests {
  /// A small delivery whose rows do not keep to one person: ids move between persons, persons are left out.
  private struct Entangled {
    let input: String
    let pipeline: String

    init(seed: UInt64) throws {
      let whole = try Scratch.folder("entangled")
      let made = try yijian([
        "synth", "--seed", "\(seed)", "--settlements", "150", "--layout", "narrow", "--out", whole + "/whole",
      ])
      guard made.code == 0 else { throw TestFailure(made.err) }
      input = whole + "/input"
      try copy(whole + "/whole/registries", input + "/registries")
      var random = KillTests.Seeded(state: seed)
      for batch in Samples.batches {
        let from = whole + "/whole/batches/" + batch
        for name in files(in: from) where name != "delivery.csv" {
          let to = input + "/batches/\(batch)/" + name
          guard name.hasSuffix(".csv.gz") else {
            try FileManager.default.createDirectory(
              atPath: input + "/batches/" + batch, withIntermediateDirectories: true)
            try copy(from + "/" + name, to)
            continue
          }
          let rows = try tool("gzip", "-dc", from + "/" + name)
          try write(Self.entangled(rows, &random), to: String(to.dropLast(3)))
        }
      }
      pipeline = whole + "/small.yml"
      try writeSmallPipeline(minCountedFen: 100, to: pipeline)
    }

    /// Some rows lose their psn_no, some get another row's, some are delivered again for another person, and some get
    /// another row's value in a column that links rows.
    private static func entangled(_ text: String, _ random: inout KillTests.Seeded) -> String {
      var lines = text.split(separator: "\n", omittingEmptySubsequences: true).map(String.init)
      let header = lines.removeFirst().split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      func cells(_ line: String) -> [String] {
        line.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
      }
      guard let person = header.firstIndex(of: "psn_no") else { return text }
      let links = ["mdtrt_id", "setl_id", "init_setl_id", "init_feedetl_sn"].compactMap { header.firstIndex(of: $0) }
      var out = [header.joined(separator: ",")]
      for line in lines {
        var row = cells(line)
        let other = cells(lines[Int(random.next() % UInt64(lines.count))])
        switch random.next() % 100 {
        case 0: row[person] = ""
        case 1: row[person] = other[person]
        case 2:
          // A second version of the same key, for somebody else.
          out.append(row.joined(separator: ","))
          row[person] = other[person]
        case 3:
          let link = links[Int(random.next() % UInt64(links.count))]
          row[link] = other[link]
        default: break
        }
        out.append(row.joined(separator: ","))
      }
      return out.joined(separator: "\n") + "\n"
    }
  }

  /// All files but the times of stages.
  private func difference(_ a: SampleRun, _ b: SampleRun) -> [String] {
    let names = Set(files(in: a.output)).union(files(in: b.output)).sorted()
    return names.filter { name in
      // The stages' milliseconds stand in both; everything else of run.json does not depend on how it was worked out.
      if name.hasSuffix("index.html") { return false }
      let (x, y) = (text(of: a.output + "/" + name), text(of: b.output + "/" + name))
      if name.hasSuffix("run.json") { return Self.withoutTimes(x) != Self.withoutTimes(y) }
      // SQLite writes the same tables in pages that may differ; their digests in the bags follow.
      if name.contains("/packets/"), name.contains("evidence.sqlite") || name.contains("manifest") { return false }
      return x != y
    }
  }

  private static func withoutTimes(_ json: String) -> String {
    json.replacing(#/"seconds": ?"[0-9.]*"/#, with: "")
  }

  @Test(arguments: [3, 4] as [UInt64])
  func unitsDoNotShow(seed: UInt64) throws {
    let delivery = try Entangled(seed: seed)
    let whole = try SampleRun(delivery.input, pipeline: delivery.pipeline, more: ["--unit-rows", "1000000000"])
    #expect(whole.outcome.code == 0 || whole.outcome.code == 3, "\(whole.outcome.err)")
    #expect(try whole.table("2025-W11", "findings.csv").rows.count > 20, "too few findings to show a difference")
    #expect(
      try whole.table("2025-W11", "rejects.csv").rows.contains {
        $0["action"] == "set_aside" && $0["byte_offset"] != "0"
      },
      "rows that were set aside have a place")
    // What units keep for the second pass shows neither: nothing, some units', everything.
    for more in [
      ["--unit-rows", "100", "--kept-bytes", "0"], ["--unit-rows", "300", "--jobs", "2", "--kept-bytes", "30000"],
    ] {
      let cut = try SampleRun(delivery.input, pipeline: delivery.pipeline, more: more)
      #expect(cut.outcome.code == whole.outcome.code, "\(cut.outcome.err)")
      #expect(difference(whole, cut) == [], "\(more)")
    }
  }

  /// `explain` loads the claims that hang together with a finding's; the page is the one over all claims.
  @Test func anExplanationNeedsNoMoreThanHangsTogether() throws {
    let delivery = try Entangled(seed: 5)
    let run = try SampleRun(delivery.input, pipeline: delivery.pipeline, more: [])
    func page(_ id: String, _ more: [String] = []) throws -> String {
      let outcome = try yijian(
        [
          "explain", id, "--pipeline", delivery.pipeline, "--store", run.store, "--registries",
          delivery.input + "/registries",
        ] + more)
      #expect(outcome.code == 0, "\(id): \(outcome.err)")
      return outcome.out
    }
    var rules: Set<String> = []
    for name in ["findings.csv", "suppressed.csv"] {
      let rows = try run.table("2025-W11", name).rows.filter { $0["state"] != "withdrawn" }
      try #require(rows.count > 8, "too few in \(name)")
      // One of each rule, and others from all over the table.
      for (i, row) in rows.enumerated() where rules.insert(name + (row["rule"] ?? "")).inserted || i % 10 == 0 {
        let id = row["finding_id"] ?? ""
        let near = try page(id)
        #expect(near.contains("── 三、条件"), "\(id): no evidence")
        #expect(near == (try page(id, ["--whole-store"])), "\(id)")
      }
    }
    #expect(rules.count > 6)
  }

  @Test func anAuditWithoutStoreFindsWhatTheRunFinds() throws {
    let delivery = try Entangled(seed: 9)
    let run = try SampleRun(delivery.input, pipeline: delivery.pipeline)
    // Without a byte for what units keep, all of it goes through a file.
    for more in [
      ["--unit-rows", "200"], ["--unit-rows", "200", "--kept-bytes", "0"], ["--memory", "256M", "--jobs", "1"],
    ] {
      let folder = try Scratch.folder("audit")
      let audit = try yijian(
        ["audit", delivery.pipeline, "--input", delivery.input, "--output", folder + "/out"] + more)
      #expect(audit.code == run.outcome.code, "\(audit.err)")
      // The run has a history: states, first batch, cases; the rest is the same.
      let columns = [
        "finding_id", "rule", "verdict", "subject", "psn_no", "setl_ids", "line_ids", "from_date", "to_date", "measure",
        "threshold", "amount_fen", "fund_fen", "explanation",
      ]
      func held(_ table: Table) -> [[String]] {
        table.rows.filter { $0["state"] != "withdrawn" }.map { row in columns.map { row[$0] ?? "" } }
      }
      #expect(held(try Table(path: folder + "/out/findings.csv")) == held(try run.table("2025-W11", "findings.csv")))
      for name in ["coverage.csv", "suppressed.csv"] {
        #expect(text(of: folder + "/out/" + name) == text(of: run.output + "/2025-W11/" + name))
      }
    }
  }

  @Test(arguments: ["1", "lots", "-3G", "100M"])
  func aMemoryThatIsNoneIsRefused(size: String) throws {
    let outcome = try yijian([
      "audit", Project.pipeline, "--input", Project.sample("clean"), "--output", "/nonexistent/out", "--memory", size,
    ])
    #expect(outcome.code == 64)
    #expect(outcome.err.contains("--memory"))
  }
}
