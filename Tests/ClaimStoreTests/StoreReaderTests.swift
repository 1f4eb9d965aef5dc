import ClaimModel
import Diagnostics
import Foundation
import GRDB
import Testing

@testable import ClaimStore

/// Which rows count: replaced, live twice, left by a kill, damaged.
@Suite struct StoreReaderTests {
  @Test func aReplacedFilesRowsAreNotRead() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(31)
    let old = randomRows(.feeLines, count: 200, segments: [0, 1], &random)
    let new = randomRows(.feeLines, count: 200, segments: [0], &random)
    // digestA stays, digestB is replaced by digestC; rows of A and B lie in the same part.
    try commit([.feeLines: old], digests: [digestA, digestB], batch: "W10", to: ledger)
    try finish("W10", 1, [digestA, digestB], ledger)
    try commit([.feeLines: new], digests: [digestC], batch: "W10", to: ledger)
    #expect(try delivered(ledger, .feeLines).count == 200)
    try finish("W10", 2, [digestA, digestC], ledger)
    let expected =
      described(old.filter { $0.segment == 0 }, .feeLines, batch: "W10", digests: [digestA])
      + described(new, .feeLines, batch: "W10", digests: [digestC])
    #expect(try delivered(ledger, .feeLines) == expected)
    let batch = try #require(try ledger.storedBatches().first)
    #expect(batch.rows == 400)
    #expect(batch.liveRows == expected.count)
    #expect(batch.pendingRows == 0)
  }

  @Test func aFileLiveInTwoBatchesGivesItsRowsTwice() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(32)
    let rows = randomRows(.settlements, count: 150, segments: [0], &random)
    try commit([.settlements: rows], digests: [digestA], batch: "W10", to: ledger)
    try finish("W10", 1, [digestA], ledger)
    try finish("W11", 1, [digestA], ledger)
    let expected = ["W10", "W11"].flatMap { described(rows, .settlements, batch: $0, digests: [digestA]) }
    #expect(try delivered(ledger, .settlements) == expected)
    let reader = try StoreReader(ledger, live: try ledger.liveSegments(), columns: [.settlements: []])
    #expect(reader.rows(.settlements).reduce(0, +) == 300)
  }

  @Test func aCommitUnderWorkIsReadByItsRunOnly() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(33)
    let rows = randomRows(.visits, count: 60, segments: [0], &random)
    try commit([.visits: rows], digests: [digestA], batch: "W10", to: ledger)
    #expect(try delivered(ledger, .visits) == [])
    let live = try ledger.liveSegments(replacing: [revision("W10", 1, [digestA])])
    let reader = try StoreReader(ledger, live: live, columns: [.visits: nil], delivered: true)
    let codes = CodeTable()
    let found = try #require(try reader.load(slices: wholeRange, codes: codes)[.visits])
    #expect(describe(found, live, codes) == described(rows, .visits, batch: "W10", digests: [digestA]))
    #expect(live[0].record.header.unknownColumns == ["unknown0", "unknown1"])
    #expect(try ledger.content(digest: digestA, reading: "r1", fileName: "f")?.segments.first == live[0].record)
  }

  @Test func manyThreadsLoadAtOnce() async throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(34)
    let rows0 = randomRows(.feeLines, count: 800, segments: [0], &random)
    try commit([.feeLines: rows0], digests: [digestA], batch: "W10", to: ledger)
    try finish("W10", 1, [digestA], ledger)
    let live = try ledger.liveSegments()
    let reader = try StoreReader(ledger, live: live, columns: [.feeLines: nil], delivered: true)
    let ranges = (0..<16).map { UInt16($0 << 12)...UInt16($0 << 12 | 0xFFF) }
    try await withThrowingTaskGroup(of: (Int, [String]).self) { group in
      for (place, range) in ranges.enumerated() {
        group.addTask {
          let codes = CodeTable()
          let found = try reader.load(slices: range, codes: codes)[.feeLines] ?? RawRows(table: .feeLines)
          return (place, describe(found, live, codes))
        }
      }
      for try await (place, found) in group {
        let expected = described(
          rows(rows0, in: ranges[place], of: .feeLines), .feeLines, batch: "W10", digests: [digestA])
        #expect(found == expected, "\(ranges[place])")
      }
    }
  }

  // MARK: Commits and kills

  @Test func whatWasNotCommittedIsGone() throws {
    let fixture = StoreFixture()
    var random = TestRandom(41)
    let rows0 = randomRows(.feeLines, count: 60, segments: [0], &random)
    var kept: [PartRecord] = []
    do {
      let ledger = try fixture.open()
      kept = try commit([.feeLines: rows0], digests: [digestA], batch: "W10", to: ledger)
      // Finished, renamed, never committed; in a folder of its own and in one that stays.
      for batch in ["W10", "W11"] {
        let set = ledger.newParts(batch: batch, toolVersion: "test")
        let codes = CodeTable()
        let part = try set.write(
          rawRows(.feeLines, rows0, codes), table: .feeLines, slices: wholeRange, codes: codes)
        #expect(part.rows == 60)
      }
      // Killed in the middle of a part.
      try AtomicFile.write("half", to: ledger.partsFolder + "/fee_list_d/batch=W10/.tmp-1-1-x.parquet")
      #expect(try parquetFiles(fixture).count == 4)
    }
    let ledger = try fixture.open()
    #expect(try parquetFiles(fixture) == kept.map(\.path))
    #expect(try AtomicFolder.entries(ledger.partsFolder + "/fee_list_d") == ["batch=W10"])
    try finish("W10", 1, [digestA], ledger)
    #expect(try delivered(ledger, .feeLines) == described(rows0, .feeLines, batch: "W10", digests: [digestA]))
    // Numbers of what was lost may be given again; those of what is listed never are.
    let part = try commit([.feeLines: rows0], digests: [digestB], batch: "W10", to: ledger)[0]
    #expect(part.id > kept[0].id)
    #expect(Set(part.segments.keys).isDisjoint(with: kept[0].segments.keys))
  }

  @Test func aFailedCommitChangesNothing() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(42)
    let rows0 = randomRows(.feeLines, count: 60, segments: [0], &random)
    let set = ledger.newParts(batch: "W10", toolVersion: "test")
    let number = try set.newSegment()
    var numbered = rows0
    for i in numbered.indices { numbered[i].segment = number }
    let codes = CodeTable()
    let part = try set.write(
      rawRows(.feeLines, numbered, codes), table: .feeLines, slices: wholeRange, codes: codes)
    func segment(_ rows: Int) -> SegmentRecord { SegmentRecord(key: key(), rows: rows, number: number) }
    // A row that no segment has, and a row too few.
    #expect(code { try ledger.commitFiles([content(digestA)], parts: [part]) } == "store.value")
    #expect(
      code { try ledger.commitFiles([content(digestA, segments: [segment(61)])], parts: [part]) } == "store.value")
    // The same part twice breaks a key at the end of the transaction.
    let twice = code {
      try ledger.commitFiles([content(digestA, segments: [segment(120)])], parts: [part, part])
    }
    #expect(twice == "store.io")
    #expect(try ledger.content(digest: digestA, reading: "r1", fileName: "f") == nil)
    #expect(try ledger.parts() == [])
    try ledger.commitFiles([content(digestA, segments: [segment(60)])], parts: [part])
    #expect(try ledger.parts() == [part])
    set.discard()
    #expect(try parquetFiles(fixture) == [])
  }

  @Test func aUnitWithoutRowsWritesNoFile() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    let set = ledger.newParts(batch: "W10", toolVersion: "test")
    let part = try set.write(
      RawRows(table: .operations), table: .operations, slices: 0...0xFFF, codes: CodeTable())
    #expect(part.rows == 0)
    let number = try set.newSegment()
    let empty = SegmentRecord(key: key(digestA, .operations), rows: 0, number: number)
    try ledger.commitFiles([content(digestA, segments: [empty])], parts: [part])
    #expect(try ledger.parts() == [])
    #expect(try parquetFiles(fixture) == [])
    try finish("W10", 1, [digestA], ledger)
    #expect(try ledger.liveSegments().map(\.record) == [empty])
    #expect(try delivered(ledger, .operations) == [])
  }

  // MARK: Damage

  /// Every byte of a part in turn: reading gives the rows as they were, or names the file and gives none.
  @Test func aFlippedByteGivesNoWrongRow() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(51)
    let rows0 = randomRows(.diagnoses, count: 40, segments: [0], &random)
    let part = try commit([.diagnoses: rows0], digests: [digestA], batch: "W10", to: ledger)[0]
    try finish("W10", 1, [digestA], ledger)
    let live = try ledger.liveSegments()
    let path = ledger.partsFolder + "/" + part.path
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    let expected = described(rows0, .diagnoses, batch: "W10", digests: [digestA])
    var noticed = 0
    var offset = 0
    while offset < whole.count {
      var damaged = whole
      damaged[offset] ^= UInt8(1 << (random.next() % 8))
      try overwrite(path, damaged)
      let reader = try StoreReader(ledger, live: live, columns: [.diagnoses: nil], delivered: true)
      do {
        let codes = CodeTable()
        let found = try #require(try reader.load(slices: wholeRange, codes: codes)[.diagnoses])
        #expect(describe(found, live, codes) == expected, "byte \(offset) of \(whole.count)")
      } catch let problem as Diagnostic {
        #expect(problem.code == "store.part-damaged", "byte \(offset): \(problem.code)")
        #expect(problem.place.file == path)
        noticed += 1
      }
      offset += 1 + Int(random.next() % 7)
    }
    #expect(noticed > 0)
    try overwrite(path, whole)
    #expect(try delivered(ledger, .diagnoses) == expected)
  }

  @Test(arguments: ["gone", "cut", "longer", "other"])
  func aPartThatIsNotTheCataloguesIsNotRead(how: String) throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(52)
    let rows0 = randomRows(.visits, count: 40, segments: [0], &random)
    let part = try commit([.visits: rows0], digests: [digestA], batch: "W10", to: ledger)[0]
    let second = try commit([.visits: rows0], digests: [digestB], batch: "W11", to: ledger)[0]
    try finish("W10", 1, [digestA], ledger)
    #expect(try ledger.verifyParts() == [])
    let path = ledger.partsFolder + "/" + part.path
    let whole = try Data(contentsOf: URL(fileURLWithPath: path))
    switch how {
    case "gone": try FileManager.default.removeItem(atPath: path)
    case "cut": try overwrite(path, whole.dropLast(100))
    case "longer": try overwrite(path, whole + [0])
    default: try overwrite(path, try Data(contentsOf: URL(fileURLWithPath: ledger.partsFolder + "/" + second.path)))
    }
    let expected = how == "gone" ? "store.part-missing" : "store.part-damaged"
    #expect(code { _ = try delivered(ledger, .visits) } == expected)
    let problems = try ledger.verifyParts()
    #expect(problems.map(\.code) == [expected])
    #expect(problems.first?.place.file == path)
  }

  /// Somebody looks, without the lock, while a compaction replaces what he has read of in the catalogue.
  @Test func aPartThatWasReplacedMeanwhileIsNoDamage() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(54)
    for (digest, batch) in [(digestA, "W10"), (digestB, "W11")] {
      let rows = randomRows(.visits, count: 40, segments: [0], &random)
      _ = try commit([.visits: rows], digests: [digest], batch: batch, to: ledger)
      try finish(batch, 1, [digest], ledger)
    }
    // W10 comes corrected; its old part holds rows that nobody reads.
    let rows = randomRows(.visits, count: 40, segments: [0], &random)
    let digest = String(repeating: "c", count: 64)
    _ = try commit([.visits: rows], digests: [digest], batch: "W10", to: ledger)
    try finish("W10", 2, [digest], ledger)
    let looking = try #require(try Ledger.inspect(folder: fixture.folder))
    let before = try looking.parts()
    #expect(try ledger.compact(toolVersion: "test").removed > 0)
    #expect(code { try looking.reading { try looking.checkFooters(of: before) } } == "store.rewritten")
    #expect(code { try looking.reading { try looking.checkFooters(of: looking.parts()) } } == nil)
    // What the catalogue still lists is missed.
    let listed = try looking.path(of: looking.parts()[0])
    try FileManager.default.removeItem(atPath: listed)
    #expect(code { try looking.reading { try looking.checkFooters(of: looking.parts()) } } == "store.part-missing")
  }

  @Test func verifyFindsAnyFlippedByte() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(53)
    let rows0 = randomRows(.visits, count: 40, segments: [0], &random)
    let parts = try commit(
      [.visits: rows0], digests: [digestA], batch: "W10", to: ledger, ranges: [0...0x7FFF, 0x8000...0xFFFF])
    for part in parts {
      let path = ledger.partsFolder + "/" + part.path
      let whole = try Data(contentsOf: URL(fileURLWithPath: path))
      for _ in 0..<20 {
        var damaged = whole
        damaged[Int(random.next() % UInt64(whole.count))] ^= UInt8(1 << (random.next() % 8))
        try overwrite(path, damaged)
        #expect(try ledger.verifyParts().map { $0.place.file } == [path])
      }
      try overwrite(path, whole)
    }
    #expect(try ledger.verifyParts() == [])
  }
}

let digestC = String(repeating: "c", count: 64)

/// Changes a file in its place, as a failing disk does.
func overwrite(_ path: String, _ bytes: Data) throws { try bytes.write(to: URL(fileURLWithPath: path)) }
