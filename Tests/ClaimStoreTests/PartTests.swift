import ClaimModel
import Diagnostics
import Foundation
import Parquet
import Testing

@testable import ClaimStore

/// Rows go into parts and come back, typed and to the byte as they were delivered.
@Suite struct PartTests {
  @Test(arguments: ClaimTable.allCases)
  func hostileRowsComeBackToTheByte(table: ClaimTable) throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(UInt64(table.rawValue) + 1)
    let rows = randomRows(table, count: 400, segments: [0, 1], &random)
    try commit([table: rows], digests: [digestA, digestB], batch: "W10", to: ledger)
    try finish("W10", 1, [digestA, digestB], ledger)
    #expect(try delivered(ledger, table) == described(rows, table, batch: "W10", digests: [digestA, digestB]))
  }

  @Test(arguments: ClaimTable.allCases)
  func valuesComeBackAsTyped(table: ClaimTable) throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(77)
    let rows = randomRows(table, count: 300, segments: [0], &random)
    try commit([table: rows], digests: [digestA], batch: "W10", to: ledger)
    try finish("W10", 1, [digestA], ledger)
    let reader = try StoreReader(ledger, live: try ledger.liveSegments(), columns: [table: nil])
    let codes = CodeTable()
    let found = try #require(try reader.load(slices: wholeRange, codes: codes)[table])
    // Lines are in the order of the rows given.
    #expect(found.origin.map(\.line) == rows.map(\.line))
    for (i, column) in table.columns.enumerated() {
      let texts = rows.map { $0.fields[i] }
      switch found.columns[column.name] {
      case .text(let values): #expect(values.map { codes.text($0) } == texts, "\(column.name)")
      case .number(let values):
        let expected = texts.map { text in
          Array(text.utf8).withUnsafeBytes { $0.isEmpty ? nil : column.kind.parse($0) } ?? ColumnData.null
        }
        #expect(values == expected, "\(column.name)")
      case nil: Issue.record("\(column.name) was not loaded")
      }
    }
  }

  @Test func rowsLieByPersonAndTime() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(5)
    let rows = randomRows(.feeLines, count: 500, segments: [0, 1], &random)
    let part = try commit([.feeLines: rows], digests: [digestA, digestB], batch: "W10", to: ledger)[0]
    let file = try ParquetFile(path: ledger.partsFolder + "/" + part.path)
    let codes = CodeTable()
    func texts(_ name: String) throws -> [String] {
      var out: [UInt32] = []
      try file.codes(try #require(file.column(name)), rowGroup: 0, rows: 0..<500, table: codes, into: &out)
      return out.map { codes.text($0) }
    }
    func numbers(_ name: String) throws -> [Int64] {
      var out: [Int64] = []
      try file.numbers(try #require(file.column(name)), rowGroup: 0, rows: 0..<500, into: &out)
      return out
    }
    let psn = try texts("psn_no")
    let visit = try texts("mdtrt_id")
    let sn = try texts("bkkp_sn")
    let time = try numbers("fee_ocur_time")
    let segment = try numbers("yj_segment")
    let line = try numbers("yj_line")
    struct Key: Comparable {
      var top: UInt16
      var texts: [[UInt8]]
      var time: Int64
      var origin: [Int64]
      static func < (a: Key, b: Key) -> Bool {
        if a.top != b.top { return a.top < b.top }
        if a.texts[0] != b.texts[0] { return a.texts[0].lexicographicallyPrecedes(b.texts[0]) }
        if a.time != b.time { return a.time < b.time }
        for i in 1..<3 where a.texts[i] != b.texts[i] { return a.texts[i].lexicographicallyPrecedes(b.texts[i]) }
        return a.origin.lexicographicallyPrecedes(b.origin)
      }
    }
    var tops = [Int](repeating: 0, count: 256)
    let keys = psn.indices.map { i in
      let top = Array((psn[i].isEmpty ? visit[i] : psn[i]).utf8).withUnsafeBytes { PersonSlice.of($0) } >> 8
      tops[Int(top)] += 1
      return Key(
        top: top, texts: [psn[i], visit[i], sn[i]].map { Array($0.utf8) }, time: time[i], origin: [segment[i], line[i]])
    }
    #expect(zip(keys, keys.dropFirst()).allSatisfy { $0 < $1 })
    #expect(part.rowsByTopByte == tops)
    #expect(file.columns == PartLayout.columns(of: .feeLines))
    #expect(file.metadata["yijian.batch"] == "W10")
    #expect(file.metadata["yijian.slices"] == "0000-ffff")
  }

  @Test func aRangeGivesItsSlicesOnly() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(9)
    let rows0 = randomRows(.feeLines, count: 600, segments: [0], &random)
    try commit(
      [.feeLines: rows0], digests: [digestA], batch: "W10", to: ledger,
      ranges: [0...0x7FFF, 0x8000...0xC012, 0xC013...0xFFFF])
    try finish("W10", 1, [digestA], ledger)
    let all = described(rows0, .feeLines, batch: "W10", digests: [digestA])
    #expect(try delivered(ledger, .feeLines) == all)
    let some = slice(rows0[0], .feeLines)
    for range in [0...some, some...some, some...0xFFFF, 0x7F00...0x80FF, 0x8000...0xC012, 0xC000...0xC0FF] {
      #expect(
        try delivered(ledger, .feeLines, slices: range)
          == described(rows(rows0, in: range, of: .feeLines), .feeLines, batch: "W10", digests: [digestA]),
        "\(range)")
    }
    let reader = try StoreReader(ledger, live: try ledger.liveSegments(), columns: [.feeLines: []])
    var tops = [Int](repeating: 0, count: 256)
    for row in rows0 { tops[Int(slice(row, .feeLines) >> 8)] += 1 }
    #expect(reader.rows(.feeLines) == tops)
    #expect(reader.rows(.visits) == Array(repeating: 0, count: 256))
  }

  @Test func onlyWantedColumnsAndTablesAreLoaded() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(3)
    let lines = randomRows(.feeLines, count: 50, segments: [0], &random)
    let visits = randomRows(.visits, count: 50, segments: [0], &random)
    try commit([.feeLines: lines, .visits: visits], digests: [digestA], batch: "W10", to: ledger)
    try finish("W10", 1, [digestA], ledger)
    let reader = try StoreReader(
      ledger, live: try ledger.liveSegments(), columns: [.feeLines: ["setl_id", "cnt", "no_such"]])
    let found = try reader.load(slices: wholeRange, codes: CodeTable())
    #expect(Set(found.keys) == [.feeLines])
    #expect(Set(found[.feeLines]?.columns.keys.map { $0 } ?? []) == ["setl_id", "cnt"])
    #expect(found[.feeLines]?.count == 50)
    #expect(found[.feeLines]?.byteOffset == [])
  }

  @Test func theRowsOfScatteredSlicesComeBackFromEveryBatch() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(21)
    let first = randomRows(.feeLines, count: 300, segments: [0], &random)
    let second = randomRows(.feeLines, count: 300, segments: [0], &random)
    try commit([.feeLines: first], digests: [digestA], batch: "W10", to: ledger)
    try commit(
      [.feeLines: second], digests: [digestB], batch: "W11", to: ledger, ranges: [0...0x8000, 0x8001...0xFFFF])
    try finish("W10", 1, [digestA], ledger)
    try finish("W11", 1, [digestB], ledger)
    let live = try ledger.liveSegments()
    let reader = try StoreReader(ledger, live: live, columns: [.feeLines: nil], delivered: true)
    let codes = CodeTable()
    func slice(_ text: String) -> UInt16 {
      var text = text
      return text.withUTF8 { PersonSlice.of(UnsafeRawBufferPointer($0)) }
    }
    // Two persons, a visit's rows that name no person, and a slice in which nobody is.
    let slices: Set<UInt16> = [slice("P7"), slice("P12"), slice("M3"), slice("nobody")]
    let found = try #require(try reader.load(slices: slices, codes: codes)[.feeLines])
    let psn = try #require(ClaimTable.feeLines.index(of: "psn_no"))
    let visit = try #require(ClaimTable.feeLines.index(of: "mdtrt_id"))
    func isTheirs(_ row: DeliveredRow) -> Bool {
      slices.contains(slice(row.fields[psn].isEmpty ? row.fields[visit] : row.fields[psn]))
    }
    let expected =
      described(first.filter(isTheirs), .feeLines, batch: "W10", digests: [digestA])
      + described(second.filter(isTheirs), .feeLines, batch: "W11", digests: [digestB])
    #expect(expected.count > 10)
    #expect(describe(found, live, codes) == expected)
  }

  @Test func rowGroupsEndWhereATopByteEnds() {
    var order = StoredOrder(RawRows(table: .visits), codes: CodeTable())
    order.rowsByTopByte[0] = 6
    order.rowsByTopByte[1] = 5
    order.rowsByTopByte[2] = 5
    order.rowsByTopByte[200] = 45
    order.rowsByTopByte[201] = 12
    order.rowsByTopByte[255] = 4
    // 6 and 5 make a group; 5 alone is too few, but 45 more are too many; 45 is cut; 4 more than 17 are too many.
    #expect(order.rowGroups(least: 10, most: 20) == [0..<11, 11..<16, 16..<36, 36..<56, 56..<73, 73..<77])
    // A small rest goes with the last group where it has room.
    order.rowsByTopByte[201] = 10
    #expect(order.rowGroups(least: 10, most: 20) == [0..<11, 11..<16, 16..<36, 36..<56, 56..<75])
  }

  @Test func aPartOfOtherSlicesIsRefused() throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(2)
    let rows = randomRows(.visits, count: 50, segments: [0], &random)
    let codes = CodeTable()
    let set = ledger.newParts(batch: "W10", toolVersion: "test")
    #expect(
      code { _ = try set.write(rawRows(.visits, rows, codes), table: .visits, slices: 0...9, codes: codes) }
        == "store.value")
    #expect(try parquetFiles(fixture) == [])
  }

  @Test func equalRowsGiveEqualBytes() throws {
    var random = TestRandom(4)
    let rows = randomRows(.settlements, count: 200, segments: [0], &random)
    var digests: [String] = []
    for order in [rows, rows.reversed()] {
      let fixture = StoreFixture()
      digests.append(
        try commit([.settlements: order], digests: [digestA], batch: "W10", to: try fixture.open())[0].sha256)
    }
    #expect(digests[0] == digests[1])
  }

  @Test func threadsWritePartsSideBySide() async throws {
    let fixture = StoreFixture()
    let ledger = try fixture.open()
    var random = TestRandom(6)
    let all = randomRows(.feeLines, count: 2000, segments: [0], &random)
    let set = ledger.newParts(batch: "W10", toolVersion: "test")
    let number = try set.newSegment()
    var numbered = all
    for i in numbered.indices { numbered[i].segment = number }
    let given = numbered
    var parts: [PartRecord] = []
    try await withThrowingTaskGroup(of: PartRecord.self) { group in
      for place in 0..<8 {
        let range = UInt16(place << 13)...UInt16(place << 13 | 0x1FFF)
        group.addTask {
          let codes = CodeTable()
          return try set.write(
            rawRows(.feeLines, rows(given, in: range, of: .feeLines), codes), table: .feeLines, slices: range,
            codes: codes)
        }
      }
      for try await part in group { parts.append(part) }
    }
    let segment = SegmentRecord(
      key: key(), rows: 2000, number: number,
      header: SegmentHeader(columns: [], unknownColumns: ["unknown0", "unknown1"]))
    try ledger.commitFiles([content(digestA, segments: [segment])], parts: parts)
    try finish("W10", 1, [digestA], ledger)
    #expect(Set(parts.map(\.id)) == Set(1...8))
    #expect(try delivered(ledger, .feeLines) == described(all, .feeLines, batch: "W10", digests: [digestA]))
  }

  @Test(arguments: [
    ("2025-W10", "batch=2025-W10"), ("a b/c", "batch=a%20b%2Fc"), ("三月", "batch=三月"), ("..", "batch=.."),
    ("x=1", "batch=x%3D1"), ("", "batch=%"),
  ])
  func batchNamesAreFolderNames(batch: String, folder: String) {
    #expect(PartLayout.folder(table: .visits, batch: batch) == "mdtrt_d/" + folder)
  }
}

/// Every Parquet file of a store, below `parts`.
func parquetFiles(_ fixture: StoreFixture) throws -> [String] {
  try FileManager.default.subpathsOfDirectory(atPath: fixture.folder + "/parts").filter { $0.hasSuffix(".parquet") }
    .sorted()
}
