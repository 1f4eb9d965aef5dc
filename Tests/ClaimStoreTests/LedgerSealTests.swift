import ClaimModel
import Foundation
import GRDB
import Testing

@testable import ClaimStore

/// What is found of damage to the ledger itself, and what is no damage.
@Suite struct LedgerSealTests {
  private func path(_ fixture: StoreFixture, _ name: String) -> String { fixture.folder + "/" + name }

  private func bytes(_ path: String) throws -> [UInt8] {
    [UInt8](try #require(FileManager.default.contents(atPath: path), "\(path) is not there"))
  }

  private func put(_ bytes: [UInt8], _ path: String) throws { try Data(bytes).write(to: URL(fileURLWithPath: path)) }

  /// A ledger with a finished run over one file.
  private func begin(_ fixture: StoreFixture, _ id: String = "r1") throws {
    let ledger = try fixture.open()
    let batch = revision("W10", 1, [digestA])
    try ledger.commitFiles([content(digestA, segments: [emptySegment(in: ledger)])], parts: [])
    try ledger.finishRun(run(id, batch), revision: batch, findings: [record("F", .new)], openCases: [caseFile("C")])
  }

  /// A run was killed while it wrote the digest, or while it made a file for rows.
  @Test func whatAKilledRunWasWritingGoes() throws {
    let fixture = StoreFixture()
    try begin(fixture)
    let leftOver = [".tmp-4711-7-ledger.sqlite.sha256", ".tmp-rows-4711-0"]
    for name in leftOver { try put([1, 2, 3], path(fixture, name)) }
    try put([4], path(fixture, "notes.txt"))
    do { _ = try fixture.open() }
    let names = Set(try FileManager.default.contentsOfDirectory(atPath: fixture.folder))
    #expect(names.isDisjoint(with: leftOver))
    #expect(names.isSuperset(of: ["notes.txt", "ledger.sqlite", "ledger.sqlite.sha256"]))
  }

  /// Each byte of the file, a bit of it; SQLite alone reads most of them as another text or number.
  @Test func aFlippedBitIsFound() throws {
    let fixture = StoreFixture()
    try begin(fixture)
    let whole = try bytes(path(fixture, "ledger.sqlite"))
    var random = TestRandom(7)
    let places = (0..<100) + (0..<150).map { _ in Int.random(in: 100..<whole.count, using: &random) }
    for place in places {
      var damaged = whole
      damaged[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      try put(damaged, path(fixture, "ledger.sqlite"))
      let opened = code { _ = try fixture.open() }
      #expect(opened != nil, "byte \(place)")
      #expect(code { _ = try Ledger.inspect(folder: fixture.folder) } == opened, "byte \(place)")
      #expect(try bytes(path(fixture, "ledger.sqlite")) == damaged, "byte \(place): it was changed")
    }
    try put(whole, path(fixture, "ledger.sqlite"))
    #expect(try fixture.open().finding("F") != nil)
  }

  @Test func aCutOrLengthenedLedgerIsFound() throws {
    let fixture = StoreFixture()
    try begin(fixture)
    let whole = try bytes(path(fixture, "ledger.sqlite"))
    for damaged in [Array(whole.dropLast(4096)), whole + [UInt8](repeating: 0, count: 4096)] {
      try put(damaged, path(fixture, "ledger.sqlite"))
      #expect(code { _ = try fixture.open() } == "store.corrupt")
    }
  }

  /// A kill between a commit and its seal leaves none, and so does a version before there were seals: what SQLite says
  /// is believed, and sealed.
  @Test func aLedgerWithoutASealIsSealedByTheNextOpen() throws {
    let fixture = StoreFixture()
    try begin(fixture)
    let first = try bytes(path(fixture, "ledger.sqlite.sha256"))
    try DatabaseQueue(path: path(fixture, "ledger.sqlite")).write { db in
      try db.execute(sql: "UPDATE file SET report = 'full'")
    }
    #expect(code { _ = try fixture.open() } == "store.corrupt")
    unlink(path(fixture, "ledger.sqlite.sha256"))
    #expect(try Ledger.inspect(folder: fixture.folder)?.latestRevisions().first?.files.map(\.report) == ["full"])
    #expect(access(path(fixture, "ledger.sqlite.sha256"), F_OK) != 0, "a command that only looks wrote")
    do { _ = try fixture.open() }
    #expect(try bytes(path(fixture, "ledger.sqlite.sha256")) != first)
    var damaged = try bytes(path(fixture, "ledger.sqlite"))
    damaged[damaged.count - 9] ^= 1
    try put(damaged, path(fixture, "ledger.sqlite"))
    #expect(code { _ = try fixture.open() } == "store.corrupt")
  }

  /// There is no instant at which a kill could leave the seal of one state beside another.
  @Test func aCommitHasNoSealBesideIt() throws {
    let fixture = StoreFixture()
    try begin(fixture)
    let seal = path(fixture, "ledger.sqlite.sha256")
    let before = try bytes(seal)
    let ledger = try fixture.open()
    nonisolated(unsafe) var isThere: Bool?
    try ledger.write { db in
      db.afterNextTransaction { _ in isThere = access(seal, F_OK) == 0 }
      try db.execute(sql: "UPDATE run SET label = 'x'")
    }
    #expect(isThere == false)
    #expect(try bytes(seal) != before)
  }

  /// A transaction that fails leaves what was there, seal included.
  @Test func aFailedTransactionLeavesTheSeal() throws {
    let fixture = StoreFixture()
    try begin(fixture)
    let seal = try bytes(path(fixture, "ledger.sqlite.sha256"))
    let ledger = try fixture.open()
    let second = revision("W10", 2, [])
    #expect(
      code {
        try ledger.finishRun(
          run("r2", second), revision: second, findings: [record("B", .new), record("B", .new)], openCases: [])
      } != nil)
    #expect(try bytes(path(fixture, "ledger.sqlite.sha256")) == seal)
    #expect(try Ledger.inspect(folder: fixture.folder)?.runs().map(\.runID) == ["r1"])
  }

  /// In the midst of a run there is none, and its end brings it.
  @Test func aRunSealsAtItsEnd() throws {
    let fixture = StoreFixture()
    try begin(fixture)
    let seal = path(fixture, "ledger.sqlite.sha256")
    let batch = revision("W11", 1, [digestB])
    do {
      let ledger = try fixture.open()
      _ = try ledger.beginRun(run("r2", batch))
      try ledger.commitFiles([content(digestB)], parts: [])
      #expect(access(seal, F_OK) != 0)
      // What a kill here leaves is sealed by the next open, and the run goes on.
    }
    let ledger = try fixture.open()
    #expect(access(seal, F_OK) == 0)
    try ledger.commitFiles([content(digestC)], parts: [])
    try ledger.finishRun(run("r2", batch), revision: batch, findings: [], openCases: [])
    #expect(access(seal, F_OK) == 0)
    #expect(try Ledger.inspect(folder: fixture.folder)?.runs().map(\.runID) == ["r1", "r2"])
  }

  /// Anybody can check it, without us.
  @Test func theSealIsWhatSha256sumWrites() throws {
    let fixture = StoreFixture()
    try begin(fixture)
    let whole = try bytes(path(fixture, "ledger.sqlite"))
    let digest = whole.withUnsafeBytes { SHA256Hasher.hex(of: $0) }
    let seal = try bytes(path(fixture, "ledger.sqlite.sha256"))
    #expect(String(decoding: seal, as: UTF8.self) == "\(digest)  ledger.sqlite\n")
  }

  @Test func aCommandThatOnlyLooksDoesNotTouchTheLedger() throws {
    let fixture = StoreFixture()
    try begin(fixture)
    let before = try bytes(path(fixture, "ledger.sqlite"))
    let seal = try bytes(path(fixture, "ledger.sqlite.sha256"))
    _ = try Ledger.inspect(folder: fixture.folder)?.runs()
    // Nor does one that may write, and does not.
    _ = try fixture.open().runs()
    #expect(try bytes(path(fixture, "ledger.sqlite")) == before)
    #expect(try bytes(path(fixture, "ledger.sqlite.sha256")) == seal)
  }
}
