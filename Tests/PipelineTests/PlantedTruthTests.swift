import ClaimModel
import Foundation
import Testing

/// What was planted is found, to the fen, and nothing else; `truth.csv` was written before any rule ran.
@Suite struct PlantedTruthTests {
  /// Columns of truth.csv that findings.csv has under the same name.
  static let compared = [
    "verdict", "subject_type", "subject", "setl_ids", "line_ids", "from_date", "to_date", "measure", "amount_fen",
    "fund_fen",
  ]

  /// Rows of truth.csv about rules that the run runs: a rule that is a draft finds nothing.
  func truthRows(_ sample: String, _ batch: String) throws -> [[String: String]] {
    let run = Set(
      try Samples.run(sample).table(batch, "coverage.csv").rows.filter { $0["status"] == "run" }.compactMap {
        $0["rule"]
      })
    return try Table(path: Project.sample(sample) + "/truth.csv").rows.filter {
      $0["batch"] == batch && run.contains($0["rule"] ?? "")
    }
  }

  func truth(_ batch: String, _ kind: String) throws -> [String: [String: String]] {
    var rows: [String: [String: String]] = [:]
    for row in try truthRows("planted", batch) where row["kind"] == kind {
      let rule = try #require(row["rule"])
      let key = try #require(row["key"])
      rows[StableID.finding(rule: rule, key: key)] = row
    }
    return rows
  }

  func differences(_ expected: [String: [String: String]], _ found: [String: [String: String]]) -> [String] {
    var result: [String] = []
    for id in Set(expected.keys).union(found.keys).sorted() {
      guard let row = expected[id] else {
        result.append("\(id) was not planted")
        continue
      }
      guard let finding = found[id] else {
        result.append("\(id) was planted and not found: \(row["note"] ?? "")")
        continue
      }
      if row["rule"] != finding["rule"] { result.append("\(id): rule \(finding["rule"] ?? "")") }
      for column in Self.compared where row[column] != finding[column] {
        result.append("\(id) \(column): planted \(row[column] ?? ""), found \(finding[column] ?? "")")
      }
    }
    return result
  }

  func findings(_ run: SampleRun, _ batch: String, _ states: Set<String>) throws -> [String: [String: String]] {
    var result: [String: [String: String]] = [:]
    for row in try run.table(batch, "findings.csv").rows where states.contains(row["state"] ?? "") {
      result[row["finding_id"] ?? ""] = row
    }
    return result
  }

  @Test(arguments: Samples.batches)
  func standingFindingsAreThePlantedHits(batch: String) throws {
    let run = try Samples.planted.get()
    #expect(run.outcome.code == 0, "\(run.outcome.err)")
    let hits = try truth(batch, "hit")
    #expect(hits.count >= 50)
    let found = try findings(run, batch, ["new", "standing", "changed"])
    #expect(differences(hits, found) == [])
  }

  @Test(arguments: Samples.batches)
  func fallenFindingsAreThePlantedWithdrawals(batch: String) throws {
    let run = try Samples.planted.get()
    let fallen = try truth(batch, "withdrawn")
    #expect(fallen.isEmpty == (batch == "2025-W10"))
    #expect(differences(fallen, try findings(run, batch, ["withdrawn"])) == [])
  }

  /// The report says why each fell; where it names a row, that row names a settlement or line of the finding.
  @Test func theReportSaysWhyFindingsFell() throws {
    let run = try Samples.planted.get()
    let fallen = try findings(run, "2025-W11", ["withdrawn"])
    let reasons = try #require(
      (try run.json("2025-W11")["findings"] as? [String: Any])?["withdrawn_because"] as? [String: Int])
    #expect(Set(reasons.keys) == ["reversed", "corrected", "gone", "other"])
    #expect(reasons.values.reduce(0, +) == fallen.count)
    // Every batch is there as delivered, so no row is gone.
    #expect(reasons["gone"] == 0)
    let page = text(of: run.output + "/2025-W11/index.html")
    let place = /<span class="mono">([^<:!]+\.csv\.gz):([0-9]+)<\/span>/
    var named = 0
    for (id, row) in fallen {
      let cells = try #require(page.range(of: ">\(id)<").map { page[$0.upperBound...] })
      let end = try #require(cells.range(of: "</tr>")).lowerBound
      guard let found = cells[..<end].firstMatch(of: place) else { continue }
      named += 1
      #expect(cells[..<end].contains("批次 2025-W11"), "\(id): the row came with the later batch")
      let file = Project.sample("planted") + "/batches/2025-W11/\(found.output.1)"
      let line = try tool("sh", "-c", "gzip -dc \"$0\" | sed -n \(found.output.2)p", file)
      let ids = ((row["setl_ids"] ?? "") + "|" + (row["line_ids"] ?? "")).split(separator: "|")
        .map { $0.split(separator: ":").last.map(String.init) ?? "" }
      #expect(ids.contains { !$0.isEmpty && line.contains("'\($0)'") }, "\(id): \(found.output.1):\(found.output.2)")
    }
    #expect(named == (reasons["reversed"] ?? 0) + (reasons["corrected"] ?? 0))
  }

  /// new: not in the first batch; changed: other amounts, lines or verdict than there; else standing.
  @Test func statesFollowFromThePlan() throws {
    let run = try Samples.planted.get()
    let first = try truth("2025-W10", "hit")
    let second = try truth("2025-W11", "hit")
    #expect(Set(try findings(run, "2025-W10", ["new"]).keys) == Set(first.keys))
    var wrong: [String] = []
    for (id, row) in try findings(run, "2025-W11", ["new", "standing", "changed"]) {
      let decisive = ["verdict", "line_ids", "setl_ids", "amount_fen", "fund_fen"]
      let expected =
        first[id].map { old in decisive.allSatisfy { old[$0] == second[id]?[$0] } ? "standing" : "changed" } ?? "new"
      if row["state"] != expected { wrong.append("\(id): \(row["state"] ?? ""), expected \(expected)") }
    }
    #expect(wrong == [])
  }

  @Test(arguments: ["planted", "clean"], Samples.batches)
  func lookalikesAreSilentAndExemptOnesAreRecorded(sample: String, batch: String) throws {
    let run = try Samples.run(sample)
    let listed = Set(try run.table(batch, "findings.csv").rows.compactMap { $0["finding_id"] })
    let suppressed = Set(
      try run.table(batch, "suppressed.csv").rows.map { "\($0["finding_id"] ?? "") \($0["exemption"] ?? "")" })
    var lookalikes = 0
    var expected: Set<String> = []
    var found: [String] = []
    for row in try truthRows(sample, batch) where row["kind"] == "lookalike" {
      lookalikes += 1
      let id = StableID.finding(rule: row["rule"] ?? "", key: row["key"] ?? "")
      if listed.contains(id) { found.append("\(id): \(row["note"] ?? "")") }
      if let exemption = row["exemption"], !exemption.isEmpty { expected.insert("\(id) \(exemption)") }
    }
    #expect(lookalikes >= 50)
    #expect(found == [])
    #expect(suppressed == expected)
  }

  @Test(arguments: Samples.batches)
  func cleanClaimsGiveNoFinding(batch: String) throws {
    let run = try Samples.clean.get()
    #expect(run.outcome.code == 0, "\(run.outcome.err)")
    #expect(try run.table(batch, "findings.csv").rows.count == 0)
    #expect(run.packets(batch) == [])
  }

  /// Silence means something only if each rule had rows to judge.
  @Test func everyRuleHadRowsToJudgeInClean() throws {
    let coverage = try Samples.clean.get().table("2025-W11", "coverage.csv")
    #expect(
      coverage.rows.compactMap { $0["rule"] } == [
        "ADM-01", "ADM-02", "ADM-05", "ADM-06", "ADM-09", "CAT-01", "CAT-03", "CHR-01", "CHR-03", "CHR-04",
      ])
    for row in coverage.rows {
      #expect(row["status"] == "run", "\(row)")
      #expect((Int(row["rows_in_scope"] ?? "") ?? 0) >= 40, "\(row)")
    }
  }
}
