import Foundation
import Testing

/// Every kind of damage of SampleClaims/broken is noticed at its place and costs what inputs.md says, no more.
@Suite struct BrokenClaimsTests {
  @Test func rejectsAreThoseExpected() throws {
    let run = try Samples.broken.get()
    let expected = try Table(path: Project.sample("broken") + "/expected-rejects.csv")
    let columns = ["file", "table", "line", "byte_offset", "column", "code", "action"]
    func lines(_ rows: [[String: String]]) -> Set<String> {
      Set(rows.map { row in columns.map { row[$0] ?? "?" }.joined(separator: ",") })
    }
    var found: [[String: String]] = []
    for batch in Samples.batches {
      found += try run.table(batch, "rejects.csv").rows.filter { $0["action"] != "set_aside" }
    }
    #expect(expected.rows.count >= 10)
    #expect(found.count == expected.rows.count)
    #expect(lines(found) == lines(expected.rows))
  }

  @Test func refusalsAreThoseExpected() throws {
    let run = try Samples.broken.get()
    let expected = try Table(path: Project.sample("broken") + "/expected-refusals.csv")
    for batch in Samples.batches {
      var refused: Set<String> = []
      for file in try #require(try run.json(batch)["files"] as? [[String: Any]]) {
        guard let refusal = file["refusal"] as? [String: Any] else { continue }
        refused.insert("\(file["file"] ?? "") \(refusal["code"] ?? "")")
        let rows = try #require(file["rows"] as? [String: Any])
        #expect(rows["read"] as? Int == 0, "a refused file gives no row: \(file)")
        #expect(run.outcome.err.contains("\(refusal["code"] ?? "?")"))
      }
      let wanted = expected.rows.filter { $0["batch"] == batch && $0["file"] != "delivery.csv" }
        .map { "\($0["file"] ?? "") \($0["code"] ?? "")" }
      #expect(refused == Set(wanted))
    }
    #expect(run.outcome.err.contains("intake.delivery-differs"))
  }

  @Test func incompleteBatchesEndWithThreeAndWithoutPackets() throws {
    let run = try Samples.broken.get()
    #expect(run.outcome.code == 3)
    for batch in Samples.batches {
      #expect(!FileManager.default.fileExists(atPath: run.output + "/\(batch)/packets"))
      let coverage = try run.table(batch, "coverage.csv")
      #expect(coverage.rows.first { $0["rule"] == "ADM-02" }?["status"] == "not_runnable")
      #expect(text(of: run.output + "/\(batch)/index.html").contains("不完整"))
    }
    let incomplete = try #require(try run.json("2025-W11")["incomplete"] as? [[String: Any]])
    #expect(incomplete.compactMap { $0["batch"] as? String } == Samples.batches)
  }

  @Test func runningAgainStaysIncompleteAndAcceptanceIsRecorded() throws {
    let folder = try Scratch.folder("accept")
    let arguments = SampleRun.arguments(input: Project.sample("broken"), folder: folder)
    #expect(try yijian(arguments).code == 3)
    #expect(try yijian(arguments).code == 3)
    let accepted = try yijian(arguments + ["--accept-incomplete", "补送文件下月才到"])
    #expect(accepted.code == 3, "\(accepted.err)")
    var newest = ""
    for name in try FileManager.default.contentsOfDirectory(atPath: folder + "/out").sorted()
    where name.hasPrefix("2025-W11") { newest = name }
    #expect(text(of: folder + "/out/\(newest)/run.json").contains("补送文件下月才到"), "not in \(newest)")
    // What is lost is lost: a rule that argues from absence stays silent though the batch was accepted.
    let coverage = try Table(path: folder + "/out/\(newest)/coverage.csv")
    #expect(coverage.rows.first { $0["rule"] == "ADM-02" }?["status"] == "not_runnable")
  }
}
