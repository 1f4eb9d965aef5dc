import ClaimModel
import Foundation
import GRDB
import Testing

@testable import ClaimStore

/// What a kill can leave: half a part, parts without their row, a transaction without its end, half an output.
@Suite struct CrashTests {
  @Test func leftoversOfAKilledRunAreRemoved() throws {
    let fixture = StoreFixture()
    var random = TestRandom(51)
    let first = randomRows(.feeLines, count: 30, segments: [0], &random)
    let second = randomRows(.feeLines, count: 20, segments: [0], &random)
    var kept: [PartRecord] = []
    var lost = PartRecord(id: 0, table: .feeLines, batch: "W11", slices: wholeRange, rows: 0)
    do {
      let ledger = try fixture.open()
      kept = try commit([.feeLines: first], digests: [digestA], batch: "W10", to: ledger)
      // Finished, renamed, never committed.
      let codes = CodeTable()
      lost = try ledger.newParts(batch: "W11", toolVersion: "test").write(
        rawRows(.feeLines, second, codes), table: .feeLines, slices: wholeRange, codes: codes)
      // Killed in the middle of a file.
      try AtomicFile.write("half", to: ledger.partsFolder + "/fee_list_d/batch=W11/.tmp-1-1-x.parquet")
      #expect(try parquetFiles(fixture).count == 3)
    }
    let ledger = try fixture.open()
    #expect(try parquetFiles(fixture) == kept.map(\.path))
    #expect(try ledger.parts() == kept)
    #expect(try ledger.content(digest: digestB, reading: "r1", fileName: "f") == nil)
    // The same command again: the file takes the place of the lost one, and its rows are there once.
    let again = try commit([.feeLines: second], digests: [digestB], batch: "W11", to: ledger)
    #expect(again.map(\.path) == [lost.path])
    try finish("W10", 1, [digestA], ledger)
    try finish("W11", 1, [digestB], ledger)
    #expect(
      try delivered(ledger, .feeLines)
        == described(first, .feeLines, batch: "W10", digests: [digestA])
        + described(second, .feeLines, batch: "W11", digests: [digestB]))
  }

  @Test func aTransactionWithoutItsEndIsRolledBack() throws {
    let fixture = StoreFixture()
    let path = fixture.folder + "/ledger.sqlite"
    let copy = fixture.folder + "-killed"
    defer { try? FileManager.default.removeItem(atPath: copy) }
    do {
      let ledger = try fixture.open()
      let batch = revision("W10", 1, [])
      try ledger.finishRun(run("r1", batch), revision: batch, findings: [record("A", .new)], openCases: [])
    }
    // The state of the disk in the middle of a transaction, pages already written: what SIGKILL leaves.
    try DatabaseQueue(path: path).inDatabase { db in
      try db.execute(
        sql: "PRAGMA journal_mode = DELETE; PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN IMMEDIATE;")
      try db.execute(sql: "DELETE FROM run")
      for i in 0..<500 {
        try db.execute(
          sql: "INSERT INTO batch VALUES (?, 1, ?, 'complete', NULL, NULL)",
          arguments: ["X\(i)", String(repeating: "x", count: 900)])
      }
      try FileManager.default.copyItem(atPath: fixture.folder, toPath: copy)
      try db.execute(sql: "ROLLBACK")
    }
    #expect(FileManager.default.fileExists(atPath: copy + "/ledger.sqlite-journal"))
    let ledger = try Ledger.open(folder: copy)
    #expect(try ledger.runs().map(\.runID) == ["r1"])
    #expect(try ledger.lastSnapshot().findings.map(\.finding.id) == ["A"])
    #expect(try ledger.latestRevisions().map(\.name) == ["W10"])
  }

  @Test func aFailedFinishChangesNothing() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    let first = revision("W10", 1, [])
    try ledger.finishRun(run("r1", first), revision: first, findings: [record("A", .new)], openCases: [caseFile("C1")])
    let second = revision("W10", 2, [])
    // Two findings of one id break the key near the end of the transaction.
    let said = code {
      try ledger.finishRun(
        run("r2", second), revision: second, findings: [record("B", .new), record("B", .new)], openCases: [])
    }
    #expect(said == "store.io")
    #expect(try ledger.latestRevision(of: "W10") == first)
    #expect(try ledger.lastSnapshot().findings.map(\.finding.id) == ["A"])
    #expect(try ledger.outputFolder(of: "r2") == nil)
  }

  @Test func aFullDiskLeavesTheLedgerAsBefore() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    let first = revision("W10", 1, [])
    try ledger.finishRun(run("r1", first), revision: first, findings: [record("A", .new)], openCases: [])
    try ledger.limitPages(60)
    let many = (0..<500).map { record("F\($0)", .new) }
    let second = revision("W11", 1, [])
    #expect(
      code { try ledger.finishRun(run("r2", second), revision: second, findings: many, openCases: []) }
        == "store.disk-full")
    #expect(try ledger.runs().map(\.runID) == ["r1"])
    #expect(try ledger.latestRevisions() == [first])
    #expect(try ledger.lastSnapshot().findings.map(\.finding.id) == ["A"])
  }

  @Test func anOutputFolderAppearsWholeOrNotAtAll() throws {
    let fixture = StoreFixture()
    let place = fixture.folder + "/Reports/W10"
    do {
      let folder = try AtomicFolder(for: place)
      try folder.write("half", to: "run.json")
      #expect(!FileManager.default.fileExists(atPath: place))
      // Killed here: the hidden folder stays.
      try FileManager.default.copyItem(atPath: folder.path, toPath: folder.path + "-copy")
    }
    try FileManager.default.moveItem(
      atPath: fixture.folder + "/Reports/.tmp-W10-copy", toPath: fixture.folder + "/Reports/.tmp-W10")
    let folder = try AtomicFolder(for: place + "/")
    try folder.write("whole", to: "packets/C1/bagit.txt")
    try folder.commit()
    #expect(try AtomicFolder.entries(fixture.folder + "/Reports") == ["W10"])
    #expect(try String(contentsOfFile: place + "/packets/C1/bagit.txt", encoding: .utf8) == "whole")
    #expect(!FileManager.default.fileExists(atPath: place + "/run.json"))
    let mode = try FileManager.default.attributesOfItem(atPath: place + "/packets/C1/bagit.txt")[.posixPermissions]
    #expect((mode as? NSNumber)?.intValue == 0o600)
  }

  @Test func anOutputFolderIsReplacedOrKept() throws {
    let fixture = StoreFixture()
    let place = fixture.folder + "/Reports/W10"
    for text in ["one", "two"] {
      let folder = try AtomicFolder(for: place)
      try folder.write(text, to: text)
      try folder.commit()
    }
    #expect(try AtomicFolder.entries(place) == ["two"])
    #expect(try AtomicFolder.entries(fixture.folder + "/Reports") == ["W10"])
    // Killed between the two renames of a replacement: the old folder is the one that holds.
    try FileManager.default.moveItem(atPath: place, toPath: fixture.folder + "/Reports/.tmp-W10.old")
    let folder = try AtomicFolder(for: place)
    #expect(try AtomicFolder.entries(place) == ["two"])
    folder.discard()
    #expect(try AtomicFolder.entries(fixture.folder + "/Reports") == ["W10"])
  }

  @Test func aFileIsReplacedWholeOrNotAtAll() throws {
    let fixture = StoreFixture()
    try AtomicFile.makeFolder(fixture.folder)
    let path = fixture.folder + "/run.json"
    try AtomicFile.write("one", to: path)
    try AtomicFile.write("two", to: path)
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "two")
    #expect(code { try AtomicFile.write("x", to: fixture.folder + "/no/such") } == "store.io")
    #expect(try AtomicFolder.entries(fixture.folder) == ["run.json"])
  }

  @Test func fullDeviceIsSaid() {
    #expect(code { try AtomicFile.writeAndSync([1, 2, 3], to: "/dev/full") } == "store.disk-full")
  }
}
