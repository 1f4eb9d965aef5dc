import ClaimModel
import Foundation
import GRDB
import Testing

@testable import ClaimStore

/// What a kill can leave: half a segment, a segment without its row, a transaction without its end, half an output.
@Suite struct CrashTests {
  @Test func leftoversOfAKilledRunAreRemoved() throws {
    let fixture = StoreFixture()
    do {
      let ledger = try fixture.open()
      let kept = try write([(2, 0, "kept")], key(digestA), to: ledger)
      try ledger.commitFile(content(digestA, segments: [kept]))
      // Finished, renamed, never committed.
      _ = try write([(2, 0, "lost")], key(digestB), to: ledger)
      // Killed in the middle of a file.
      try Data("half".utf8).write(to: URL(fileURLWithPath: ledger.segmentsFolder + "/.tmp-1-1-x.sqlite"))
      #expect(try fixture.segmentNames().count == 3)
    }
    let ledger = try fixture.open()
    #expect(try fixture.segmentNames() == [key(digestA).fileName])
    #expect(try rows(key(digestA), of: ledger) == ["2 0 kept"])
    #expect(try ledger.content(digest: digestB, reading: "r1", fileName: "f") == nil)
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
    #expect(try ledger.finishedRun("r2") == nil)
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
