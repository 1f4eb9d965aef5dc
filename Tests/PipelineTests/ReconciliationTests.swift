import Foundation
import Testing

/// `read = accepted + rejected + set aside`, for each file and table; the same bytes whatever the number of readers.
@Suite struct ReconciliationTests {
  @Test(arguments: ["clean", "planted", "broken"], Samples.batches)
  func everyRowIsAccountedFor(sample: String, batch: String) throws {
    let json = try Samples.run(sample).json(batch)
    func balance(_ counts: [String: Any]) throws -> [Int] {
      let read = try #require(counts["read"] as? Int)
      let accepted = try #require(counts["accepted"] as? Int)
      let rejected = try #require(counts["rejected"] as? Int)
      let aside = try #require(counts["set_aside"] as? [String: Int])
      return [read, accepted + rejected + aside.values.reduce(0, +)]
    }
    var ofTable: [String: Int] = [:]
    var sum = 0
    for file in try #require(json["files"] as? [[String: Any]]) {
      let rows = try balance(try #require(file["rows"] as? [String: Any]))
      #expect(rows[0] == rows[1], "\(file["file"] ?? "")")
      ofTable[file["table"] as? String ?? "", default: 0] += rows[0]
      sum += rows[0]
    }
    for (name, counts) in try #require(json["tables"] as? [String: [String: Any]]) {
      let rows = try balance(counts)
      #expect(rows == [ofTable[name, default: 0], ofTable[name, default: 0]], "\(name)")
    }
    #expect(try balance(try #require(json["total"] as? [String: Any])) == [sum, sum])
    #expect(sum > 400)
  }

  /// Rows counted without the project: lines that gzip gives, less the header.
  @Test func rowsReadAreTheLinesOfTheFiles() throws {
    let run = try Samples.planted.get()
    for batch in Samples.batches {
      let folder = Project.sample("planted") + "/batches/" + batch
      var checked = 0
      for file in try #require(try run.json(batch)["files"] as? [[String: Any]]) {
        let name = try #require(file["file"] as? String)
        guard name.hasSuffix(".csv.gz") else { continue }
        let lines = try tool("sh", "-c", "gzip -dc \"$0\" | wc -l", folder + "/" + name)
        let rows = try #require(file["rows"] as? [String: Any])
        let counted = Int(lines.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
        #expect(rows["read"] as? Int == counted - 1, "\(name)")
        checked += 1
      }
      #expect(checked >= 14)
    }
  }

  @Test(arguments: ["clean", "planted", "broken"], Samples.batches)
  func sumsBalance(sample: String, batch: String) throws {
    let sums = try #require(try Samples.run(sample).json(batch)["sums"] as? [[String: Any]])
    #expect(!sums.isEmpty)
    for sum in sums { #expect(sum["balanced"] as? Bool == true, "\(sum)") }
  }

  @Test(arguments: ["1", "2"])
  func anyNumberOfReadersGivesTheSameBytes(jobs: String) throws {
    let one = try Samples.planted.get()
    let other = try SampleRun(Project.sample("planted"), more: ["--jobs", jobs])
    #expect(other.outcome.code == 0)
    #expect(differences(one.output, other.output) == [])
  }

  /// The folder lists its files in another order: they were made the other way round.
  @Test func theOrderOfFilesInTheFolderDoesNotMatter() throws {
    let folder = try Scratch.folder("order")
    for batch in Samples.batches.reversed() {
      let from = Project.sample("planted") + "/batches/" + batch
      let to = folder + "/batches/" + batch
      try FileManager.default.createDirectory(atPath: to, withIntermediateDirectories: true)
      for name in try FileManager.default.contentsOfDirectory(atPath: from).sorted().reversed() {
        try copy(from + "/" + name, to + "/" + name)
      }
    }
    try copy(Project.sample("planted") + "/registries", folder + "/registries")
    let other = try SampleRun(folder)
    #expect(differences(try Samples.planted.get().output, other.output) == [])
  }
}
