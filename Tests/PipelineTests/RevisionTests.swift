import Foundation
import Testing

/// A corrected batch is a new revision beside the old one.
@Suite struct RevisionTests {
  /// A copy of a sample that may be changed.
  func copyOfSample(_ name: String) throws -> String {
    let folder = try Scratch.folder("sample")
    try copy(Project.sample(name) + "/batches", folder + "/batches")
    try copy(Project.sample(name) + "/registries", folder + "/registries")
    return folder
  }

  @Test func aCorrectedBatchSaysWhatFell() throws {
    let input = try copyOfSample("planted")
    let run = try SampleRun(input)
    #expect(run.outcome.code == 0)
    let before = try run.table("2025-W11", "findings.csv").rows.filter { $0["state"] != "withdrawn" }
    // A line finding whose line stands in a .csv.gz of the newest batch loses that line.
    let batch = input + "/batches/2025-W11"
    var dropped: String?
    for row in before where row["rule"] == "CAT-01" && dropped == nil {
      let id = try #require(row["line_ids"]).split(separator: ":").map(String.init)
      for name in files(in: batch) where name.hasPrefix("fee_list_d") && name.hasSuffix(".gz") {
        let script = """
          gzip -dc "$0" > "$0.txt" && grep -q "'\(id[1])','\(id[0])'" "$0.txt" || { rm -f "$0.txt"; exit 3; }
          grep -v "'\(id[1])','\(id[0])'" "$0.txt" | gzip -9n > "$0.new" && mv "$0.new" "$0" && rm "$0.txt"
          """
        let outcome = try Child("sh", ["-c", script, batch + "/" + name], environment: [:]).wait()
        if outcome.code == 0 {
          dropped = row["finding_id"]
          break
        }
      }
    }
    let fallen = try #require(dropped, "no CAT-01 finding lies in a gzip of the newest batch")
    let old = files(in: run.output).map {
      "\($0) \(sha256(FileManager.default.contents(atPath: run.output + "/" + $0) ?? Data()))"
    }

    let again = try yijian(run.arguments)
    #expect(again.code == 0, "\(again.err)")
    let now = files(in: run.output).filter { !$0.hasPrefix("2025-W11~2/") }
      .map { "\($0) \(sha256(FileManager.default.contents(atPath: run.output + "/" + $0) ?? Data()))" }
    #expect(now == old, "folders already written stay")
    #expect(again.out.contains("batch    2025-W11~2"))
    let after = try run.table("2025-W11~2", "findings.csv").rows
    var states: [String: String] = [:]
    for row in after { states[row["finding_id"] ?? ""] = row["state"] }
    #expect(states[fallen] == "withdrawn")
    // All others stand; those of the same settlement may have got another share of the fund.
    #expect(Set(states.keys) == Set(before.compactMap { $0["finding_id"] }))
    #expect(states.values.count { $0 == "withdrawn" } == 1)
    #expect(states.values.count { $0 == "new" } == 0)
    let json = try run.json("2025-W11~2")
    #expect(json["revision"] as? Int == 2)
    #expect(((json["run_id"] as? String) ?? "").hasPrefix("2025-W11~2-"))
    // Unchanged files are not read again: one segment came, none of the others was written anew.
    let third = try yijian(run.arguments)
    #expect(third.code == 0)
    #expect(!FileManager.default.fileExists(atPath: run.output + "/2025-W11~3"))
  }

  /// The last row of an older batch's file is lost: its revision is evaluated on the whole store.
  @Test func aRevisionOfTheOlderBatchSeesTheLaterOne() throws {
    let input = try copyOfSample("planted")
    let run = try SampleRun(input)
    let file = input + "/batches/2025-W10/mdtrt_d_2025W10_03.csv.gz"
    try FileManager.default.removeItem(atPath: input + "/batches/2025-W10/delivery.csv")
    try tool("sh", "-c", "gzip -dc \"$0\" | sed '$d' | gzip -9n > \"$0.new\" && mv \"$0.new\" \"$0\"", file)
    let again = try yijian(run.arguments)
    #expect(again.code == 0, "\(again.err)")
    let states = Set(try run.table("2025-W10~2", "findings.csv").rows.compactMap { $0["first_batch"] })
    #expect(states.contains("2025-W11"), "findings of the later batch hold too")
    #expect(try run.json("2025-W10~2")["compared_with"] as? String != nil)
  }

  @Test func oneWriterAtATime() throws {
    let input = Project.sample("planted")
    let folder = try Scratch.folder("lock")
    try FileManager.default.createDirectory(atPath: folder + "/store", withIntermediateDirectories: true)
    let lock = open(folder + "/store/lock", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    #expect(lock >= 0 && flock(lock, LOCK_EX) == 0)
    let outcome = try yijian(SampleRun.arguments(input: input, folder: folder))
    #expect(outcome.code == 75, "\(outcome.err)")
    #expect(outcome.err.contains("store.locked"))
    #expect(!FileManager.default.fileExists(atPath: folder + "/out"))
    close(lock)
    #expect(try yijian(SampleRun.arguments(input: input, folder: folder)).code == 0)
  }
}
