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

  /// Delivered files are hashed once, as long as nobody can have written to them; a byte changed behind the back of
  /// their length and time of writing is seen.
  @Test func deliveredFilesAreReadOnceUntilTheyChange() throws {
    let small = try KillTests.Small()
    let names = files(in: small.input + "/batches")
    // Times of files may be as coarse as two seconds.
    sleep(4)
    let folder = try Scratch.folder("seen")
    let arguments = small.arguments(folder)
    func ledger(_ sql: String) throws -> String { try tool("sqlite3", folder + "/store/ledger.sqlite", sql) }
    #expect(try yijian(arguments).code == 0)
    #expect(try ledger("SELECT count(*) FROM seen_file") == "\(names.count)\n")

    // Bytes 4 to 7 of a gzip file are a time that nobody reads.
    let path =
      small.input + "/batches/" + (try #require(names.first { $0.hasPrefix("2025-W11/") && $0.hasSuffix(".gz") }))
    var before = stat()
    #expect(stat(path, &before) == 0)
    let file = open(path, O_WRONLY)
    #expect(pwrite(file, [UInt8(0x5A)], 1, 4) == 1)
    let times = [before.st_atim, before.st_mtim]
    #expect(futimens(file, times) == 0)
    close(file)
    var after = stat()
    #expect(stat(path, &after) == 0)
    #expect(after.st_size == before.st_size && after.st_mtim.tv_nsec == before.st_mtim.tv_nsec)
    let again = try yijian(arguments)
    #expect(again.code == 0)
    #expect(FileManager.default.fileExists(atPath: folder + "/out/2025-W11~2"), "\(again.err)")

    // What is noted is believed: with wrong digests a batch that did not change is another revision; its files, read
    // for it, do not have them.
    _ = try ledger("UPDATE seen_file SET sha256 = replace(sha256, 'a', 'b') WHERE path LIKE '%2025-W10%'")
    unlink(folder + "/store/ledger.sqlite.sha256")
    #expect(try yijian(arguments).code == 3)
    #expect(FileManager.default.fileExists(atPath: folder + "/out/2025-W10~2"))
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
