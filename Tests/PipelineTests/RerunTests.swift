import Foundation
import Testing

@Suite struct RerunTests {
  /// Name, digest and time of change of every file: nothing may be written, not even the same.
  func listing(_ folder: String) throws -> [String] {
    try files(in: folder).map { name in
      let attributes = try FileManager.default.attributesOfItem(atPath: folder + "/" + name)
      let time = (attributes[.modificationDate] as? Date)?.timeIntervalSince1970 ?? 0
      return "\(name) \(sha256(FileManager.default.contents(atPath: folder + "/" + name) ?? Data())) \(time)"
    }
  }

  @Test func aFinishedBatchIsNotTouchedAgain() throws {
    let run = try SampleRun(Project.sample("planted"))
    #expect(run.outcome.code == 0)
    let output = try listing(run.output)
    let store = files(in: run.store)
    let again = try yijian(run.arguments, environment: [:])
    #expect(again.code == 0, "\(again.err)")
    #expect(try listing(run.output) == output)
    #expect(files(in: run.store) == store)
    #expect(again.out.contains("report   \(run.output)/2025-W11/index.html"))
    for packet in run.packets("2025-W11") { #expect(again.out.contains("packet   \(packet)")) }
  }

  @Test func sourceDateEpochStandsForTheClock() throws {
    // 1743465600 = 2025-04-01 00:00:00 UTC.
    #expect(try Samples.planted.get().json("2025-W10")["started_at"] as? String == "2025-04-01 00:00:00")
  }

  @Test func outputsAreForTheirOwnerOnly() throws {
    let run = try Samples.planted.get()
    for name in files(in: run.output) {
      let mode = try FileManager.default.attributesOfItem(atPath: run.output + "/" + name)[.posixPermissions] as? Int
      #expect(mode == 0o600, "\(name)")
    }
  }
}
