import ClaimModel
import Diagnostics
import Foundation
import GRDB
import Parquet
import Testing

@testable import ClaimStore

/// Compaction, removal by age, export: rows that count are the same before and after.
@Suite struct MaintenanceTests {
  private let halves: [ClosedRange<UInt16>] = [0...0x7FFF, 0x8000...0xFFFF]

  /// W10 with a replaced file, W11 with a file of W10 too, and a file of a run that was killed.
  private func filled(_ fixture: StoreFixture) throws -> Ledger {
    let ledger = try fixture.open()
    var random = TestRandom(61)
    func rows(_ table: ClaimTable, _ segments: [Int32]) -> [DeliveredRow] {
      randomRows(table, count: 120, segments: segments, &random)
    }
    try commit(
      [.feeLines: rows(.feeLines, [0, 1]), .visits: rows(.visits, [0, 1])], digests: [digestA, digestB], batch: "W10",
      to: ledger, ranges: halves)
    try finish("W10", 1, [digestA, digestB], ledger)
    try commit([.feeLines: rows(.feeLines, [0])], digests: [digestC], batch: "W10", to: ledger, ranges: halves)
    try finish("W10", 2, [digestA, digestC], ledger)
    try commit([.feeLines: rows(.feeLines, [0])], digests: [digestD], batch: "W11", to: ledger, ranges: halves)
    try finish("W11", 1, [digestD, digestA], ledger)
    try commit([.feeLines: rows(.feeLines, [0])], digests: [digestE], batch: "W12", to: ledger, ranges: halves)
    return ledger
  }

  private func everything(_ ledger: Ledger) throws -> [String] {
    try delivered(ledger, .feeLines) + delivered(ledger, .visits)
  }

  @Test func compactionKeepsWhatCounts() throws {
    let fixture = StoreFixture()
    var before: [String] = []
    var after: [String] = []
    do {
      let ledger = try filled(fixture)
      before = try everything(ledger)
      let dead = try ledger.storedBatches().reduce(0) { $0 + $1.deadRows }
      #expect(dead > 50)
      #expect(try ledger.parts().count == 10)
      let result = try ledger.compact(toolVersion: "test")
      // One part a batch and table: W10 two, W11 and W12 one.
      #expect(result.partsAfter == 4)
      #expect(result.rowsRemoved == dead)
      #expect(result.bytesAfter < result.bytesBefore)
      after = try everything(ledger)
      #expect(after == before)
      #expect(try ledger.storedBatches().map(\.deadRows) == [0, 0, 0])
      #expect(try ledger.storedBatches().map(\.pendingRows) == [0, 0, 120])
      #expect(try ledger.verifyParts() == [])
      // The replaced file would be read again; that of the killed run is known still.
      #expect(try ledger.content(digest: digestB, reading: "r1", fileName: "f") == nil)
      #expect(try ledger.content(digest: digestE, reading: "r1", fileName: "f") != nil)
      // Nothing is left to do.
      #expect(try ledger.compact(toolVersion: "test").written == 0)
    }
    let ledger = try fixture.open()
    #expect(try everything(ledger) == before)
    #expect(try parquetFiles(fixture).count == 4)
    #expect(after == before)
  }

  @Test func compactionOfOneBatchLeavesTheOthers() throws {
    let fixture = StoreFixture()
    let ledger = try filled(fixture)
    let before = try everything(ledger)
    let others = try ledger.parts().filter { $0.batch != "W11" }
    let result = try ledger.compact(batches: ["W11"], toolVersion: "test")
    #expect(result.partsAfter == 9)
    #expect(try ledger.parts().filter { $0.batch != "W11" } == others)
    #expect(try everything(ledger) == before)
  }

  @Test func aDamagedPartIsNotCompacted() throws {
    let fixture = StoreFixture()
    let ledger = try filled(fixture)
    let parts = try ledger.parts()
    let victim = try #require(parts.first { $0.table == .visits })
    let path = ledger.partsFolder + "/" + victim.path
    var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
    bytes[bytes.count / 2] ^= 4
    let whole = try parquetFiles(fixture)
    try overwrite(path, bytes)
    #expect(code { _ = try ledger.compact(toolVersion: "test") } == "store.part-damaged")
    #expect(try ledger.parts() == parts)
    #expect(try parquetFiles(fixture) == whole)
  }

  /// A kill before the transaction leaves new files, one after it leaves old ones: both are orphans.
  @Test func aKilledCompactionIsHarmless() throws {
    let fixture = StoreFixture()
    var before: [String] = []
    var files: [String] = []
    do {
      let ledger = try filled(fixture)
      before = try everything(ledger)
      files = try parquetFiles(fixture)
      for name in files {
        let source = ledger.partsFolder + "/" + name
        try FileManager.default.copyItem(atPath: source, toPath: source.replacing("-0000", with: "-0f00"))
      }
      #expect(try parquetFiles(fixture).count == 2 * files.count)
    }
    let ledger = try fixture.open()
    #expect(try parquetFiles(fixture) == files)
    #expect(try everything(ledger) == before)
  }

  /// Settlements of January, February and March in three batches; March's delivery has a file of January too.
  private func threeMonths(_ fixture: StoreFixture) throws -> Ledger {
    let ledger = try fixture.open()
    var random = TestRandom(71)
    let time = try #require(ClaimTable.settlements.index(of: "setl_time"))
    let digests = [digestA, digestB, digestC]
    for (i, month) in ["01", "02", "03"].enumerated() {
      var rows = randomRows(.settlements, count: 90, segments: [0], &random)
      for r in rows.indices { rows[r].fields[time] = "2025-\(month)-\(10 + r % 9) 08:00:00" }
      try commit([.settlements: rows], digests: [digests[i]], batch: "M\(month)", to: ledger, ranges: halves)
      if i == 0 {
        var shared = randomRows(.settlements, count: 30, segments: [0], &random)
        for r in shared.indices { shared[r].fields[time] = "2025-01-05 08:00:00" }
        try commit([.settlements: shared], digests: [digestD], batch: "M01", to: ledger)
      }
      let list = i == 0 ? [digestA, digestD] : i == 2 ? [digestC, digestD] : [digests[i]]
      try finish("M\(month)", 1, list, ledger)
    }
    return ledger
  }

  @Test func oldBatchesAreRemovedWhole() throws {
    let fixture = StoreFixture()
    let ledger = try threeMonths(fixture)
    let before = try delivered(ledger, .settlements)
    #expect(before.count == 90 + 30 + 90 + 90 + 30)
    let line = try #require(day("2025-02-19"))
    // February's newest settlement is of the 18th; one day earlier it stays.
    #expect(try ledger.batchesOlder(than: line - 1).map(\.revision.name) == ["M01"])
    #expect(try ledger.batchesOlder(than: line).map(\.revision.name) == ["M01", "M02"])
    let (removed, rewrite) = try ledger.removeBatches(
      olderThan: line, at: "2025-04-01 08:00:00", reason: "保存期满", toolVersion: "test")
    #expect(removed.map(\.name) == ["M01", "M02"])
    // The file that March has too stays.
    #expect(removed.map(\.rows) == [90, 90])
    #expect(removed.map(\.newestDay) == ["2025-01-18", "2025-02-18"])
    #expect(rewrite.rowsRemoved == 180)
    #expect(try delivered(ledger, .settlements) == before.filter { $0.hasPrefix("M03") })
    #expect(try ledger.latestRevisions().map(\.name) == ["M03"])
    #expect(try ledger.content(digest: digestA, reading: "r1", fileName: "f") == nil)
    #expect(try ledger.content(digest: digestD, reading: "r1", fileName: "f") != nil)
    #expect(try ledger.removedBatches() == removed)
    #expect(try ledger.removedBatches().map(\.reason) == ["保存期满", "保存期满"])
    #expect(try ledger.runs().count == 3)
    #expect(try ledger.removal(of: "M02")?.newestDay == "2025-02-18")
    #expect(try ledger.removal(of: "M03") == nil)
    #expect(try ledger.removal(of: "M04") == nil)
    #expect(try ledger.verifyParts() == [])
    #expect(try ledger.removeBatches(olderThan: line, at: "", reason: "", toolVersion: "").removed == [])
  }

  /// Some lines of January stay; of February, every row goes. The file that March has too is no question.
  @Test func linesThatAreKeptStayInTheirBatch() throws {
    let fixture = StoreFixture()
    let ledger = try threeMonths(fixture)
    let before = try delivered(ledger, .settlements)
    let january = try ledger.liveSegments().filter { $0.record.key.digest == digestA }
    let number = try #require(january.first?.record.number)
    let known = Set(
      before.filter { $0.hasPrefix("M01 \(digestA.prefix(1)) ") }.compactMap { $0.split(separator: " ")[2] })
    let stay = Set([2, 40, 64, 65, 91].map { Substring("\($0)") }).intersection(known)
    #expect(stay.count >= 4)
    let expected = before.filter { row in
      let parts = row.split(separator: " ")
      return parts[0] == "M03" || parts[0] == "M01" && (parts[1] == digestD.prefix(1) || stay.contains(parts[2]))
    }
    var only = LineSet()
    for line in stay { only.insert(try #require(Int32(line))) }
    let (removed, rewrite) = try ledger.removeBatches(
      olderThan: try #require(day("2025-02-19")), keeping: [number: only], at: "2025-04-01 08:00:00", reason: "x",
      toolVersion: "test")
    #expect(removed.map(\.name) == ["M01", "M02"])
    #expect(removed.map(\.rows) == [90 - stay.count, 90])
    #expect(removed.map(\.rowsKept) == [stay.count, 0])
    #expect(rewrite.rowsRemoved == 180 - stay.count)
    #expect(try delivered(ledger, .settlements) == expected)
    #expect(try ledger.latestRevisions().map(\.name) == ["M01", "M03"])
    #expect(try ledger.liveSegments().first { $0.record.number == number }?.record.rows == stay.count)
    // The bytes are to be read again where they come in another batch; M01 itself is not.
    #expect(try ledger.content(digest: digestA, reading: "r1", fileName: "f") == nil)
    #expect(try ledger.removal(of: "M01")?.rowsKept == stay.count)
    #expect(try ledger.removal(of: "M02")?.rowsKept == 0)
    #expect(try ledger.keptSince() == day("2025-02-19"))
    #expect(try ledger.verifyParts() == [])
    // The next removal takes the rest.
    let again = try ledger.removeBatches(
      olderThan: try #require(day("2025-02-19")), at: "2025-05-01 08:00:00", reason: "x", toolVersion: "test")
    #expect(again.removed.map(\.name) == ["M01"])
    #expect(again.removed.map(\.rows) == [stay.count])
    #expect(try delivered(ledger, .settlements) == before.filter { $0.hasPrefix("M03") })
    #expect(try ledger.removal(of: "M01")?.removedAt == "2025-05-01 08:00:00")
  }

  /// A batch stays for a line of one of its files: what its other files were is known still, and their bytes are read
  /// where they come again. A store in which an earlier version has forgotten them opens, too.
  @Test func aBatchThatStaysKnowsAllItsFiles() throws {
    let fixture = StoreFixture()
    let files: [BatchFileRecord]
    do {
      let ledger = try fixture.open()
      var random = TestRandom(73)
      let time = try #require(ClaimTable.settlements.index(of: "setl_time"))
      for (batch, month, own) in [("M01", "01", [digestA, digestB]), ("M03", "03", [digestC])] {
        var rows = randomRows(.settlements, count: 60, segments: own.indices.map { Int32($0) }, &random)
        for r in rows.indices { rows[r].fields[time] = "2025-\(month)-10 08:00:00" }
        try commit([.settlements: rows], digests: own, batch: batch, to: ledger)
        try finish(batch, 1, own, ledger)
      }
      files = try #require(try ledger.latestRevision(of: "M01")).files
      let live = try ledger.liveSegments()
      let segment = try #require(live.first { $0.record.key.digest == digestA }?.record.number)
      let line = try #require(
        delivered(ledger, .settlements).first { $0.hasPrefix("M01 a ") }?.split(separator: " ")[2])
      var only = LineSet()
      only.insert(try #require(Int32(line)))
      let (removed, _) = try ledger.removeBatches(
        olderThan: try #require(day("2025-02-01")), keeping: [segment: only], at: "2025-04-01 08:00:00", reason: "x",
        toolVersion: "test")
      #expect(removed.map(\.rowsKept) == [1])
    }
    do {
      let ledger = try fixture.open()
      let after = try #require(try ledger.latestRevision(of: "M01")).files
      #expect(after.map(\.name) == files.map(\.name))
      #expect(after.map(\.report) == files.map(\.report))
      #expect(after.allSatisfy { $0.reading == "r1k1" })
      for digest in [digestA, digestB] {
        #expect(try ledger.content(digest: digest, reading: "r1", fileName: "f") == nil)
        #expect(try ledger.content(digest: digest, reading: "r1k1", fileName: "f") != nil)
      }
      #expect(try ledger.verifyParts() == [])
    }
    try DatabaseQueue(path: fixture.folder + "/ledger.sqlite").write { db in
      try db.execute(sql: "DELETE FROM content WHERE digest = ?", arguments: [digestB])
      try db.execute(sql: "UPDATE file SET reading = 'r1' WHERE digest = ?", arguments: [digestB])
    }
    unlink(fixture.folder + "/ledger.sqlite.sha256")
    #expect(try delivered(fixture.open(), .settlements).filter { $0.hasPrefix("M01") }.count == 1)
  }

  @Test func linesAreCountedOnce() {
    var lines = LineSet()
    for line: Int32 in [63, 64, 63, 1, 1000] { lines.insert(line) }
    #expect(lines.count == 4)
    #expect((0...1100).filter { lines.contains($0) } == [1, 63, 64, 1000])
    #expect(!lines.contains(-1))
  }

  @Test func rowsOfARemovedBatchLeaveSharedParts() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(72)
    let time = try #require(ClaimTable.settlements.index(of: "setl_time"))
    var rows = randomRows(.settlements, count: 90, segments: [0, 1], &random)
    for r in rows.indices { rows[r].fields[time] = "2025-01-10 08:00:00" }
    // Both files in one part; the second is in March's batch too.
    try commit([.settlements: rows], digests: [digestA, digestB], batch: "M01", to: ledger)
    try finish("M01", 1, [digestA, digestB], ledger)
    var march = randomRows(.settlements, count: 20, segments: [0], &random)
    for r in march.indices { march[r].fields[time] = "2025-03-10 08:00:00" }
    try commit([.settlements: march], digests: [digestC], batch: "M03", to: ledger)
    try finish("M03", 1, [digestB, digestC], ledger)
    let kept = try delivered(ledger, .settlements).filter { $0.hasPrefix("M03") }
    let gone = rows.filter { $0.segment == 0 }.count
    let (removed, rewrite) = try ledger.removeBatches(
      olderThan: try #require(day("2025-02-01")), at: "2025-04-01 08:00:00", reason: "x", toolVersion: "test")
    #expect(removed.map(\.rows) == [gone])
    #expect(rewrite.rowsRemoved == gone)
    #expect(try delivered(ledger, .settlements) == kept)
    #expect(try ledger.storedBatches().map(\.rows) == [90 - gone, 20])
    #expect(try ledger.storedBatches().map(\.revision) == [nil, 1])
  }

  @Test func anExportHoldsLiveRowsOnly() throws {
    let fixture = StoreFixture()
    let ledger = try filled(fixture)
    let out = fixture.folder + "/out"
    let result = try ledger.exportRows(to: out, format: .parquet, tables: [.feeLines], toolVersion: "test")
    var rows = 0
    let names = try FileManager.default.subpathsOfDirectory(atPath: out).filter { $0.hasSuffix(".parquet") }
    for name in names { rows += try ParquetFile(path: out + "/" + name).rows }
    let live = try ledger.liveSegments().filter { $0.record.key.table == .feeLines }
    var expected = 0
    for number in Set(live.map(\.record.number)) {
      expected += live.first { $0.record.number == number }?.record.rows ?? 0
    }
    #expect(rows == expected)
    #expect(result.rows == expected)
    #expect(names.allSatisfy { $0.hasPrefix("fee_list_d/batch=W1") })
    let list = try String(contentsOfFile: out + "/segments.csv", encoding: .utf8).split(separator: "\n")
    #expect(list.count == 1 + live.count)
    #expect(list[0] == "segment,batch,revision,file,member,table,rows")
    #expect(
      code { _ = try ledger.exportRows(to: out, format: .csv, tables: [.visits], toolVersion: "t") }
        == "usage.folder-not-empty")
  }

  @Test func aTableIsExportedAsText() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var fields = [String](repeating: "", count: ClaimTable.diagnoses.columns.count)
    func set(_ name: String, _ text: String) throws {
      fields[try #require(ClaimTable.diagnoses.index(of: name))] = text
    }
    try set("setl_list_diag_id", "D1")
    try set("mdtrt_id", "M1")
    try set("psn_no", "P1")
    try set("diag_name", "高血压,\"原发性\"")
    try set("updt_time", "2025-03-01")
    let row = DeliveredRow(segment: 0, line: 2, byteOffset: 9, fields: fields)
    try commit([.diagnoses: [row]], digests: [digestA], batch: "W10", to: ledger, unknown: 0)
    try finish("W10", 1, [digestA], ledger)
    let out = fixture.folder + "/csv"
    _ = try ledger.exportRows(to: out, format: .csv, batches: ["W10"], tables: [.diagnoses], toolVersion: "test")
    let text = try String(contentsOfFile: out + "/setl_list_diag_d.csv", encoding: .utf8)
    fields[try #require(ClaimTable.diagnoses.index(of: "diag_name"))] = "\"高血压,\"\"原发性\"\"\""
    fields[try #require(ClaimTable.diagnoses.index(of: "updt_time"))] = "2025-03-01 00:00:00"
    let header = ClaimTable.diagnoses.columns.map(\.name).joined(separator: ",")
    #expect(text == "\(header),yj_segment,yj_line\n\(fields.joined(separator: ",")),1,2\n")
  }
}

let digestD = String(repeating: "d", count: 64)
let digestE = String(repeating: "e", count: 64)

func day(_ text: String) -> Int64? { CivilTime.parseDay(text) }
