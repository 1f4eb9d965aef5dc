import ClaimModel
import Foundation
import GRDB
import Testing

@testable import ClaimStore

@Suite struct LedgerTests {
  @Test func aFileComesBackWithItsRejects() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var segment = try emptySegment(in: ledger)
    segment.memberName = "费用.csv"
    let rejects: Rejects = [
      Reject(
        file: "old.zip!费用.csv", table: "fee_list_d", line: 3, byteOffset: 99, column: "cnt", code: "bad-amount",
        reason: "not a number", action: .rejected),
      Reject(
        file: "old.zip!费用.csv", table: "fee_list_d", line: 2, byteOffset: 9, column: nil, code: "short-row",
        reason: "fields", action: .nulled),
    ]
    let committed = content(digestA, segments: [segment], rejects: rejects)
    try ledger.commitFiles([committed], parts: [])
    var expected = committed
    expected.rejects = Rejects(
      rejects.map {
        var reject = $0
        reject.file = "new.zip!费用.csv"
        return reject
      })
    #expect(try ledger.content(digest: digestA, reading: "r1", fileName: "new.zip") == expected)
    #expect(try ledger.content(digest: digestA, reading: "r2", fileName: "new.zip") == nil)
    #expect(try ledger.content(digest: digestB, reading: "r1", fileName: "new.zip") == nil)
  }

  @Test func aRefusedFileIsRemembered() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var refused = content(digestA)
    refused.refusal = Refusal(code: "intake.truncated", message: "The file is cut off")
    try ledger.commitFiles([refused], parts: [])
    #expect(try ledger.content(digest: digestA, reading: "r1", fileName: "f") == refused)
  }

  @Test func aRunComesBackWhole() throws {
    let fixture = StoreFixture()
    let first = revision("W10", 1, [digestA])
    do {
      let ledger = try fixture.open()
      try ledger.commitFiles([content(digestA, segments: [emptySegment(in: ledger)])], parts: [])
      try ledger.finishRun(
        run("W10~1-00000001", first), revision: first, findings: [record("B", .new), record("A", .standing)],
        openCases: [caseFile("C2"), caseFile("C1")])
    }
    let ledger = try fixture.open()
    #expect(try ledger.latestRevisions() == [first])
    #expect(try ledger.outputFolder(of: "W10~1-00000001") == run("W10~1-00000001", first).outputFolder)
    let last = try ledger.lastSnapshot()
    #expect(last.run == run("W10~1-00000001", first))
    #expect(last.findings.map(\.finding) == [record("A", .standing).finding, record("B", .new).finding])
    #expect(last.findings.map(\.state) == [.standing, .new])
    #expect(last.findings.map(\.countedFen) == [1200, 1200])
    #expect(last.openCases == [caseFile("C1"), caseFile("C2")])
    #expect(try ledger.finding("B")?.finding == record("B", .new).finding)
    #expect(try ledger.finding("Z") == nil)
    #expect(try ledger.liveSegments().map(\.record.key) == [key()])
  }

  @Test func aRunIsComparedWithTheOneBeforeIt() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    let batches = ["W10", "W11", "W12"].map { revision($0, 1, []) }
    for (i, batch) in batches.enumerated() {
      try ledger.finishRun(run("r\(i)", batch), revision: batch, findings: [record("F\(i)", .new)], openCases: [])
    }
    #expect(try ledger.baseline(of: "r3").run?.runID == "r2")
    #expect(try ledger.baseline(of: "r2").findings.map(\.finding.id) == ["F1"])
    // Done again: still the last, and still compared with r1.
    try ledger.finishRun(run("r2", batches[2]), revision: batches[2], findings: [record("G", .new)], openCases: [])
    #expect(try ledger.runs().map(\.runID) == ["r0", "r1", "r2"])
    #expect(try ledger.lastSnapshot().findings.map(\.finding.id) == ["G"])
    #expect(try ledger.baseline(of: "r2").findings.map(\.finding.id) == ["F1"])
  }

  @Test func aNewRevisionReplacesTheOldRows() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    for digest in [digestA, digestB] {
      try ledger.commitFiles([content(digest, segments: [emptySegment(key(digest), in: ledger)])], parts: [])
    }
    let other = revision("W11", 1, [digestA])
    let first = revision("W10", 1, [digestA])
    let second = revision("W10", 2, [digestB])
    for batch in [first, other] {
      try ledger.finishRun(run("r-" + batch.name, batch), revision: batch, findings: [], openCases: [])
    }
    // Under work: only this run sees it.
    #expect(
      try ledger.liveSegments(replacing: [second]).map { "\($0.batch) \($0.record.key.digest.prefix(1))" } == [
        "W10 b", "W11 a",
      ])
    #expect(try ledger.liveSegments().map { "\($0.batch) \($0.record.key.digest.prefix(1))" } == ["W10 a", "W11 a"])
    try ledger.finishRun(run("r-2", second), revision: second, findings: [], openCases: [])
    #expect(try ledger.latestRevision(of: "W10")?.label == "W10~2")
    #expect(try ledger.liveSegments().map { "\($0.batch) \($0.record.key.digest.prefix(1))" } == ["W10 b", "W11 a"])
  }

  @Test func anIncompleteBatchStaysSoUntilAccepted() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    let bad = revision("W10", 1, [], incomplete: "fee_list_d_2.csv.gz is missing")
    let good = revision("W11", 1, [])
    try ledger.finishRun(run("r1", bad), revision: bad, findings: [], openCases: [])
    try ledger.finishRun(run("r2", good), revision: good, findings: [], openCases: [])
    #expect(try ledger.incompleteBatches().map(\.blocksPackets) == [true])
    try ledger.finishRun(
      run("r2", good), revision: good, findings: [], openCases: [], accepted: [("W10", "原文件已损毁"), ("W11", "no")])
    let batches = try ledger.latestRevisions()
    #expect(batches.map(\.acceptedReason) == ["原文件已损毁", nil])
    #expect(batches.map(\.blocksPackets) == [false, false])
    #expect(batches.map(\.isIncomplete) == [true, false])
  }

  @Test func aBegunRunKeepsItsTime() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    let batch = revision("W10", 1, [])
    var again = run("r1", batch)
    again.startedAt = "2025-03-11 00:00:00"
    #expect(try ledger.beginRun(run("r1", batch)) == "2025-03-10 01:02:03")
    #expect(try ledger.beginRun(again) == "2025-03-10 01:02:03")
    #expect(try ledger.outputFolder(of: "r1") == nil)
    #expect(try ledger.runs() == [])
    #expect(try ledger.lastSnapshot().run == nil)
  }

  @Test func aStoreHasOneWriter() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    #expect(code { _ = try fixture.open() } == "store.locked")
    #expect(try Ledger.inspect(folder: fixture.folder)?.runs() == [])
    withExtendedLifetime(ledger) {}
    #expect(try Ledger.inspect(folder: fixture.folder + "/none") == nil)
  }

  @Test func theLockEndsWithTheLedger() throws {
    let fixture = StoreFixture()
    do { _ = try fixture.open() }
    #expect(code { _ = try fixture.open() } == nil)
  }

  @Test func aNewerStoreIsRefusedUntouched() throws {
    let fixture = StoreFixture()
    do { _ = try fixture.open() }
    let path = fixture.folder + "/ledger.sqlite"
    try DatabaseQueue(path: path).write { db in
      try db.execute(sql: "INSERT INTO grdb_migrations VALUES ('2 of tomorrow')")
    }
    let before = FileManager.default.contents(atPath: path)
    #expect(code { _ = try fixture.open() } == "store.newer")
    #expect(code { _ = try Ledger.inspect(folder: fixture.folder) } == "store.newer")
    #expect(FileManager.default.contents(atPath: path) == before)
  }

  /// What versions before parts left: rows in files of the folder segments, which the catalogue lists in the table
  /// segment, of the latest revision or of a run that was killed; the later migration done or not.
  @Test(arguments: [1, 2], [true, false])
  func aStoreOfTheOlderFormIsRefusedUntouched(migrations: Int, isLive: Bool) throws {
    let fixture = StoreFixture()
    try AtomicFile.makeFolder(fixture.folder + "/segments")
    try AtomicFile.write("rows", to: fixture.folder + "/segments/a.sqlite")
    try AtomicFile.write("", to: fixture.folder + "/lock")
    let path = fixture.folder + "/ledger.sqlite"
    let catalogue = try DatabaseQueue(path: path)
    try catalogue.write { db in
      try db.execute(sql: "PRAGMA application_id = 2037019508")
      try db.execute(sql: "CREATE TABLE grdb_migrations (identifier TEXT NOT NULL PRIMARY KEY)")
      for migration in LedgerMigrations.all.prefix(migrations) {
        try db.execute(sql: migration.sql)
        try db.execute(sql: "INSERT INTO grdb_migrations VALUES (?)", arguments: [migration.name])
      }
      try db.execute(
        sql: """
          INSERT INTO content VALUES ('d', 'r', 9, 'read', NULL, NULL, NULL, NULL, NULL, NULL, 9, '{}');
          INSERT INTO segment VALUES ('d', 'r', 0, NULL, 'mdtrt_d', 'a.sqlite', 1, '{}');
          """)
      if isLive {
        try db.execute(
          sql: """
            INSERT INTO batch VALUES ('W10', 1, 'W10', 'complete', NULL, NULL);
            INSERT INTO file VALUES ('W10', 1, 'mdtrt_d.csv', 'd', 'r', 9, 'read', NULL, NULL, '{}');
            """)
      }
    }
    let before = FileManager.default.contents(atPath: path)
    #expect(code { _ = try fixture.open() } == "store.older")
    #expect(code { _ = try Ledger.inspect(folder: fixture.folder) } == "store.older")
    #expect(FileManager.default.contents(atPath: path) == before)
    #expect(try AtomicFolder.entries(fixture.folder) == ["ledger.sqlite", "lock", "segments"])
    #expect(try AtomicFolder.entries(fixture.folder + "/segments") == ["a.sqlite"])
    // It was the row that was refused: without it the same catalogue goes on.
    try catalogue.write { try $0.execute(sql: "DELETE FROM segment") }
    #expect(code { _ = try fixture.open() } == nil)
    #expect(try Ledger.inspect(folder: fixture.folder)?.liveSegments() == [])
  }

  @Test func aSegmentWithoutANumberIsNotCommitted() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    let file = content(digestA, segments: [SegmentRecord(key: key(), rows: 0)])
    #expect(code { try ledger.commitFiles([file], parts: []) } == "store.value")
    #expect(try ledger.content(digest: digestA, reading: "r1", fileName: "f") == nil)
  }

  @Test func aForeignDatabaseIsRefused() throws {
    let fixture = StoreFixture()
    try AtomicFile.makeFolder(fixture.folder)
    try DatabaseQueue(path: fixture.folder + "/ledger.sqlite").write { try $0.execute(sql: "CREATE TABLE t(x)") }
    #expect(code { _ = try fixture.open() } == "store.foreign")
  }

  /// A new ledger lists no part: what is there would be removed as left over from a killed run.
  @Test(arguments: [true, false])
  func partsWithoutALedgerStay(isEmpty: Bool) throws {
    let fixture = StoreFixture()
    let part = fixture.folder + "/parts/setl_d/batch=W/0000-ffff-000001.parquet"
    try AtomicFile.makeFolder(AtomicFile.parent(part))
    try AtomicFile.write("rows", to: part)
    if isEmpty { try AtomicFile.write("", to: fixture.folder + "/ledger.sqlite") }
    #expect(code { _ = try fixture.open() } == "store.no-ledger")
    #expect(code { _ = try Ledger.inspect(folder: fixture.folder) } == "store.no-ledger")
    #expect(access(part, F_OK) == 0)
    #expect((access(fixture.folder + "/ledger.sqlite", F_OK) == 0) == isEmpty)
    // Folders alone are nothing to lose.
    unlink(part)
    _ = try fixture.open()
  }

  /// A run was killed while it made the ledger, at each of its steps; who only looks must neither change nor misread it.
  @Test(arguments: 0..<LedgerMigrations.all.count)
  func aLedgerThatIsBeingMadeIsCalledSo(steps: Int) throws {
    let fixture = StoreFixture()
    try AtomicFile.makeFolder(fixture.folder)
    var migrator = DatabaseMigrator()
    for migration in LedgerMigrations.all.prefix(steps) {
      migrator.registerMigration(migration.name) { db in try db.execute(sql: migration.sql) }
    }
    let database = try DatabaseQueue(path: fixture.folder + "/ledger.sqlite")
    // "yjst", as the ledger marks itself.
    try database.write { try $0.execute(sql: "PRAGMA application_id = 2037019508") }
    try migrator.migrate(database)
    #expect(code { _ = try Ledger.inspect(folder: fixture.folder) } == "store.unfinished")
    do { _ = try fixture.open() }
    #expect(code { _ = try Ledger.inspect(folder: fixture.folder) } == nil)
  }

  @Test func onlyPartsAreRemovedFromAmongParts() throws {
    let fixture = StoreFixture()
    do { _ = try fixture.open() }
    let folder = fixture.folder + "/parts/setl_d"
    try AtomicFile.makeFolder(folder)
    for name in ["0000-ffff-000001.parquet", ".tmp-1-2-x", "notes.txt"] {
      try AtomicFile.write("x", to: folder + "/" + name)
    }
    _ = try fixture.open()
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder) == ["notes.txt"])
  }

  /// A bit of a digest is enough, and the file's rows would be missing in silence.
  @Test func aDigestThatLeadsNowhereIsDamage() throws {
    let fixture = StoreFixture()
    do {
      let ledger = try fixture.open()
      try ledger.commitFiles([content(digestA)], parts: [])
      let batch = revision("W10", 1, [digestA])
      try ledger.finishRun(run("r1", batch), revision: batch, findings: [], openCases: [])
    }
    do { _ = try fixture.open() }
    try DatabaseQueue(path: fixture.folder + "/ledger.sqlite").write { db in
      try db.execute(sql: "UPDATE file SET digest = ?", arguments: [digestB])
    }
    unlink(fixture.folder + "/ledger.sqlite.sha256")
    #expect(code { _ = try fixture.open() } == "store.corrupt")
    #expect(code { _ = try Ledger.inspect(folder: fixture.folder)?.verifyParts() } == "store.corrupt")
  }

  @Test func aFindingThatCanNotBeDecodedIsDamage() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    let batch = revision("W10", 1, [])
    try ledger.finishRun(run("r1", batch), revision: batch, findings: [record("F", .new)], openCases: [])
    try DatabaseQueue(path: fixture.folder + "/ledger.sqlite").write { db in
      try db.execute(sql: "UPDATE finding SET record = replace(record, 'explanation', 'ezplanation')")
    }
    #expect(code { _ = try ledger.finding("F") } == "store.corrupt")
    #expect(code { _ = try ledger.lastSnapshot() } == "store.corrupt")
  }

  @Test func aFileThatIsNoDatabaseIsRefused() throws {
    let fixture = StoreFixture()
    try AtomicFile.makeFolder(fixture.folder)
    try AtomicFile.write(String(repeating: "not a database ", count: 100), to: fixture.folder + "/ledger.sqlite")
    #expect(code { _ = try fixture.open() } == "store.corrupt")
  }

  // Released migrations are never edited; a new one adds a line here.
  @Test func releasedMigrationsStay() {
    #expect(
      LedgerMigrations.all.map { SHA256Hasher.hex(of: $0.sql) } == [
        "d520ac05dc82274305e6d4908e52dab6467ce8de8387b4e57f2cf2f74405aae7",
        "36cde8d4352ac9fd023644dde2b6292668fae553d3bfe5100df121bf05e755a6",
        "9cce3f400c4ca6aa3b290389ebbed7f3a825ae9cdc909b121c88eead67ad8355",
        "37884da494dfd83351f46f8c12bdee6db78987f4b47d85c76496b9a21287c537",
        "786efd1cd7b32a2c8f9b339b7de2a925225d5d96ba1abf77531193e23e7600e3",
        "efc4065d4b1a82c7e55f169c93ddc4f35114939184ac329d7566b9121a5fd073",
      ])
  }

  @Test func theFilesAreForTheirOwnerOnly() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(8)
    let part = try commit(
      [.visits: randomRows(.visits, count: 3, segments: [0], &random)], digests: [digestA], batch: "W10", to: ledger)[0]
    try finish("W10", 1, [digestA], ledger)
    for (path, mode) in [
      ("", 0o700), ("/ledger.sqlite", 0o600), ("/ledger.sqlite.sha256", 0o600), ("/lock", 0o600), ("/parts", 0o700),
      ("/parts/mdtrt_d", 0o700),
      ("/parts/mdtrt_d/batch=W10", 0o700), ("/parts/" + part.path, 0o600),
    ] {
      let attributes = try FileManager.default.attributesOfItem(atPath: fixture.folder + path)
      #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == mode, "\(path)")
    }
  }
}
