import ClaimModel
import Parquet
import Testing

/// Rows that do not stand together are read as if each range were read alone.
@Suite struct Ranges {
  /// Two row groups of several pages: a number with nulls, a text of few values with nulls, a text of its own for each
  /// row.
  private func file(_ at: TemporaryFile, rows: Int) throws -> ParquetFile {
    let codes = CodeTable()
    let writer = try ParquetWriter(
      path: at.path,
      columns: [
        ParquetColumn(name: "n", kind: .int64, isOptional: true),
        ParquetColumn(name: "few", kind: .string, isOptional: true),
        ParquetColumn(name: "own", kind: .string, isOptional: false),
      ], metadata: [], toolVersion: "test")
    for group in 0..<2 {
      let place = { (row: Int) in group * rows + row }
      try writer.append(
        [
          .numbers((0..<rows).map { place($0) % 11 == 3 ? ColumnData.null : Int64(place($0)) }),
          .codes((0..<rows).map { place($0) % 5 == 0 ? 0 : codes.intern("p\(place($0) / 40)") }),
          .codes((0..<rows).map { codes.intern("o\(place($0))") }),
        ], codes: codes)
    }
    _ = try writer.finish()
    return try ParquetFile(path: at.path)
  }

  @Test(arguments: [
    [0..<1], [3..<4, 5..<9], [10..<5_000, 5_001..<5_002, 9_000..<9_999], [4_095..<4_096, 4_096..<4_097], [], [7..<7],
  ])
  func aFewRangesAreWhatEachIsAlone(ranges: [Range<Int>]) throws {
    let folder = try TemporaryFile()
    let file = try file(folder, rows: 10_000)
    for group in 0..<2 {
      let table = CodeTable()
      var numbers: [Int64] = []
      var few: [UInt32] = []
      var own: [UInt32] = []
      try file.numbers(0, rowGroup: group, ranges: ranges, into: &numbers)
      try file.codes(1, rowGroup: group, ranges: ranges, table: table, into: &few)
      try file.codes(2, rowGroup: group, ranges: ranges, table: table, into: &own)
      let rows = ranges.flatMap { $0.map { group * 10_000 + $0 } }
      #expect(numbers == rows.map { $0 % 11 == 3 ? ColumnData.null : Int64($0) })
      #expect(few.map(table.text) == rows.map { $0 % 5 == 0 ? "" : "p\($0 / 40)" })
      #expect(own.map(table.text) == rows.map { "o\($0)" })
      // Texts between the ranges are not interned.
      #expect(table.count <= 1 + rows.count * 2)
    }
  }

  @Test func rowsAreFoundByTheirText() throws {
    let folder = try TemporaryFile()
    let file = try file(folder, rows: 10_000)
    func rows(_ column: Int, _ ranges: [Range<Int>], _ texts: Set<String>) throws -> [Range<Int>] {
      try file.rows(column, rowGroup: 1, ranges: ranges) { texts.contains(String(decoding: $0, as: UTF8.self)) }
    }
    // Rows 10,000 and 10,005 of the file have no text.
    #expect(
      try rows(1, [0..<10_000], ["p250"]) == [1..<5, 6..<10, 11..<15, 16..<20, 21..<25, 26..<30, 31..<35, 36..<40])
    #expect(try rows(1, [2..<4, 8..<40], ["p250"]).first == 2..<4)
    #expect(try rows(1, [0..<11], [""]) == [0..<1, 5..<6, 10..<11])
    #expect(try rows(2, [0..<10_000], ["o10007", "o10008", "o19999"]) == [7..<9, 9_999..<10_000])
    #expect(try rows(2, [0..<10_000], ["p250"]) == [])
  }

  @Test func rangesThatOverlapAreRefused() throws {
    let folder = try TemporaryFile()
    let file = try file(folder, rows: 100)
    var numbers: [Int64] = []
    #expect(throws: (any Error).self) { try file.numbers(0, rowGroup: 0, ranges: [5..<9, 8..<12], into: &numbers) }
    #expect(throws: (any Error).self) { try file.numbers(0, rowGroup: 0, ranges: [90..<101], into: &numbers) }
    #expect(numbers.isEmpty)
  }
}
