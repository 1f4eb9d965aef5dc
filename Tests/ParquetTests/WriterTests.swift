import ClaimModel
import Diagnostics
import Foundation
import Parquet
import Testing

@Suite struct Writer {
  private func code(_ body: () throws -> Void) -> String? {
    do {
      try body()
      return nil
    } catch let diagnostic as Diagnostic {
      return diagnostic.code
    } catch {
      return "\(error)"
    }
  }

  private let money = ParquetColumn(name: "fee", kind: .decimal(scale: 2))
  private let name = ParquetColumn(name: "name", kind: .string)

  @Test func noRowsAndNoRowGroupsReadAsEmpty() throws {
    for groups in 0...1 {
      let file = try TemporaryFile()
      let writer = try ParquetWriter(path: file.path, columns: [money, name], toolVersion: "0")
      for _ in 0..<groups { try writer.append([.numbers([]), .codes([])], codes: CodeTable()) }
      #expect(try writer.finish().rows == 0)
      let read = try ParquetFile(path: file.path)
      #expect(read.rowGroups.isEmpty && read.rows == 0)
      #expect(read.columns == [money, name])
      #expect(read.column("name") == 1 && read.column("Name") == nil)
    }
  }

  @Test func equalInputGivesEqualBytesWhateverTheCodesAre() throws {
    var digests: Set<String> = []
    for before in ["", "other"] {
      let file = try TemporaryFile()
      let codes = CodeTable()
      _ = codes.intern(before)
      let texts = (0..<1000).map { codes.intern("t\($0 % 7)") }
      let writer = try ParquetWriter(path: file.path, columns: [name], metadata: [("k", "v")], toolVersion: "0")
      // The second group finds the memory of the first.
      for _ in 0..<2 { try writer.append([.codes(texts)], codes: codes) }
      digests.insert(try writer.finish().sha256)
    }
    #expect(digests.count == 1)
  }

  @Test func nullsAreGivenByTheirNumber() throws {
    let file = try TemporaryFile()
    let writer = try ParquetWriter(path: file.path, columns: [money, name], toolVersion: "0")
    try writer.append([.nulls(65_537), .nulls(65_537)], codes: CodeTable())
    _ = try writer.finish()
    let read = try ParquetFile(path: file.path)
    var numbers: [Int64] = []
    var texts: [[UInt8]?] = []
    try read.numbers(0, rowGroup: 0, rows: 0..<65_537, into: &numbers)
    try read.texts(1, rowGroup: 0, rows: 65_535..<65_537, into: &texts)
    #expect(numbers == [Int64](repeating: ColumnData.null, count: 65_537) && texts == [nil, nil])
    #expect(read.rowGroups[0].statistics.map(\.nulls) == [65_537, 65_537])
  }

  @Test func metadataMayBeSetUntilTheEnd() throws {
    let file = try TemporaryFile()
    let writer = try ParquetWriter(path: file.path, columns: [money], metadata: [("a", "1")], toolVersion: "0")
    try writer.append([.numbers([1])], codes: CodeTable())
    writer.metadata.append(("slices", "0,1"))
    _ = try writer.finish()
    #expect(try ParquetFile(path: file.path).metadata == ["a": "1", "slices": "0,1"])
  }

  @Test func statisticsAreOfEachRowGroup() throws {
    let file = try TemporaryFile()
    let codes = CodeTable()
    let columns = [money, ParquetColumn(name: "at", kind: .time), ParquetColumn(name: "day", kind: .date), name]
    let writer = try ParquetWriter(path: file.path, columns: columns, toolVersion: "0")
    let null = ColumnData.null
    let long = String(repeating: "z", count: 65)
    try writer.append(
      [
        .numbers([5, null, -300]), .numbers([-1, 7, 0]), .numbers([null, null, null]),
        // By bytes: é is C3 A9 and stands behind Z and z; a code table's order is another one.
        .codes(["é", "Z", "z"].map { codes.intern($0) }),
      ], codes: codes)
    try writer.append(
      [.numbers([1]), .numbers([1]), .numbers([-719_162]), .codes([codes.intern(long)])], codes: codes)
    try writer.append([.numbers([1, 1]), .numbers([1, 1]), .numbers([2, 1]), .texts([[], nil])], codes: codes)
    _ = try writer.finish()
    let groups = try ParquetFile(path: file.path).rowGroups
    func holds(_ group: Int, _ column: Int, _ least: ParquetBound?, _ greatest: ParquetBound?, _ nulls: Int) -> Bool {
      let found = groups[group].statistics[column]
      return found.minimum == least && found.maximum == greatest && found.nulls == nulls
    }
    #expect(holds(0, 0, .number(-300), .number(5), 1))
    #expect(holds(0, 1, .number(-1), .number(7), 0))
    #expect(holds(0, 2, nil, nil, 3))
    #expect(holds(0, 3, .text(Array("Z".utf8)), .text(Array("é".utf8)), 0))
    #expect(holds(1, 2, .number(-719_162), .number(-719_162), 0))
    #expect(holds(1, 3, nil, nil, 0))
    #expect(holds(2, 3, .text([]), .text([]), 1))
  }

  @Test(arguments: [
    (ParquetKind.int32, Int64(Int32.max) + 1), (.date, Int64(Int32.min) - 1), (.time, Int64.max / 1_000_000 + 1),
    (.decimal(scale: 2), 1_000_000_000_000_000_000), (.decimal(scale: 2), -1_000_000_000_000_000_000),
  ])
  func numbersOutOfRangeAreRefused(kind: ParquetKind, value: Int64) throws {
    let file = try TemporaryFile()
    let writer = try ParquetWriter(path: file.path, columns: [.init(name: "n", kind: kind)], toolVersion: "0")
    #expect(code { try writer.append([.numbers([0, value])], codes: CodeTable()) } == "parquet.value")
    // The file is given up: half a row group stands in it.
    #expect(code { try writer.append([.numbers([0])], codes: CodeTable()) } == "parquet.value")
    #expect(code { _ = try writer.finish() } == "parquet.value")
  }

  @Test func valuesThatDoNotFitTheColumnsAreRefused() throws {
    func append(_ values: [ParquetValues], isOptional: Bool = true) throws -> String? {
      let file = try TemporaryFile()
      var columns = [money, name]
      for i in columns.indices { columns[i].isOptional = isOptional }
      let writer = try ParquetWriter(path: file.path, columns: columns, toolVersion: "0")
      return code { try writer.append(values, codes: CodeTable()) }
    }
    #expect(try append([.numbers([1]), .texts([[65]])]) == nil)
    #expect(try append([.numbers([1]), .texts([[65]])], isOptional: false) == nil)
    #expect(try append([.numbers([1])]) == "parquet.value")
    #expect(try append([.numbers([1]), .texts([])]) == "parquet.value")
    #expect(try append([.numbers([1]), .numbers([1])]) == "parquet.value")
    #expect(try append([.texts([[65]]), .texts([[65]])]) == "parquet.value")
    #expect(try append([.numbers([1]), .codes([1])]) == "parquet.value")
    #expect(try append([.numbers([ColumnData.null]), .texts([[65]])], isOptional: false) == "parquet.value")
    #expect(try append([.numbers([1]), .texts([nil])], isOptional: false) == "parquet.value")
  }

  @Test func columnsNeedNamesAndPlaces() throws {
    let file = try TemporaryFile()
    for columns in [[], [money, money], [ParquetColumn(name: "", kind: .date)]] {
      #expect(
        code { _ = try ParquetWriter(path: file.path, columns: columns, toolVersion: "0") } == "parquet.value")
    }
    let scale = ParquetColumn(name: "n", kind: .decimal(scale: 19))
    #expect(code { _ = try ParquetWriter(path: file.path, columns: [scale], toolVersion: "0") } == "parquet.value")
    #expect(
      code { _ = try ParquetWriter(path: file.folder + "/no/file", columns: [money], toolVersion: "0") } == "parquet.io"
    )
  }

  @Test func aFullDiskIsCalledSo() throws {
    let file = try TemporaryFile()
    try FileManager.default.createSymbolicLink(atPath: file.path, withDestinationPath: "/dev/full")
    let writer = try ParquetWriter(path: file.path, columns: [money], toolVersion: "0")
    try writer.append([.numbers([1])], codes: CodeTable())
    #expect(code { _ = try writer.finish() } == "parquet.disk-full")
  }

  @Test func whatIsNotFinishedIsRemoved() throws {
    let file = try TemporaryFile()
    do {
      let writer = try ParquetWriter(path: file.path, columns: [money], toolVersion: "0")
      try writer.append([.numbers([1])], codes: CodeTable())
      #expect(FileManager.default.fileExists(atPath: file.path))
    }
    #expect(!FileManager.default.fileExists(atPath: file.path))
  }

  /// 40 texts of 1 MiB do not go into one page, and pages then begin at rows that are no multiple of eight.
  @Test func longTextsEndPagesEarly() throws {
    let file = try TemporaryFile()
    let texts: [[UInt8]?] = (0..<40).map { row in
      row % 3 == 1 ? nil : [UInt8](repeating: UInt8(row), count: 1 << 20) + [0xF0, 0xA0, 0xAE, 0xB7]
    }
    let writer = try ParquetWriter(path: file.path, columns: [name], toolVersion: "0")
    try writer.append([.texts(texts)], codes: CodeTable())
    _ = try writer.finish()
    let read = try ParquetFile(path: file.path)
    for range in [0..<40, 16..<18, 23..<39] {
      var found: [[UInt8]?] = []
      try read.texts(0, rowGroup: 0, rows: range, into: &found)
      #expect(found == Array(texts[range]))
    }
  }

  @Test func aTextOverTheLimitIsRefused() throws {
    let file = try TemporaryFile()
    let writer = try ParquetWriter(path: file.path, columns: [name], toolVersion: "0")
    let text = [UInt8](repeating: 65, count: 16 << 20 | 1)
    #expect(code { try writer.append([.texts([text])], codes: CodeTable()) } == "parquet.value")
  }
}

@Suite struct Reader {
  @Test func onlyTextsOfTheRangeAreInterned() throws {
    let file = try TemporaryFile()
    let codes = CodeTable()
    let rows = (0..<200).map { codes.intern("t\($0 / 2)") }
    let writer = try ParquetWriter(path: file.path, columns: [.init(name: "t", kind: .string)], toolVersion: "0")
    try writer.append([.codes(rows)], codes: codes)
    _ = try writer.finish()
    let table = CodeTable()
    var found: [UInt32] = []
    try ParquetFile(path: file.path).codes(0, rowGroup: 0, rows: 10..<13, table: table, into: &found)
    #expect(found == [1, 1, 2])
    #expect(table.count == 3 && table.text(1) == "t5" && table.text(2) == "t6")
  }

  @Test func severalThreadsReadOneFile() async throws {
    let file = try TemporaryFile()
    let codes = CodeTable()
    let numbers = (0..<150_000).map { Int64($0 * 7919 % 100_003) }
    let texts = (0..<150_000).map { codes.intern("t\($0 % 1000)") }
    let writer = try ParquetWriter(
      path: file.path, columns: [.init(name: "n", kind: .int64), .init(name: "t", kind: .string)], toolVersion: "0")
    try writer.append([.numbers(numbers), .codes(texts)], codes: codes)
    _ = try writer.finish()
    let read = try ParquetFile(path: file.path)
    let wrong = try await withThrowingTaskGroup(of: Int.self) { group in
      for worker in 0..<8 {
        group.addTask {
          var wrong = 0
          let rows = worker * 10_000..<worker * 10_000 + 70_000
          let table = CodeTable()
          for _ in 0..<5 {
            var found: [Int64] = []
            var words: [UInt32] = []
            try read.numbers(0, rowGroup: 0, rows: rows, into: &found)
            try read.codes(1, rowGroup: 0, rows: rows, table: table, into: &words)
            for (row, i) in zip(rows, found.indices)
            where found[i] != Int64(row * 7919 % 100_003) || table.text(words[i]) != "t\(row % 1000)" { wrong += 1 }
            if found.count != rows.count || words.count != rows.count { wrong += 1 }
          }
          return wrong
        }
      }
      return try await group.reduce(0, +)
    }
    #expect(wrong == 0)
  }

  @Test(arguments: [
    ("", "parquet.unsupported"), ("PAR1", "parquet.unsupported"), ("SQLite format 3 and more", "parquet.unsupported"),
    ("PAR1 and then nothing", "parquet.damaged"), ("PAR1\u{7F}\u{7F}\u{7F}\u{7F}PAR1", "parquet.damaged"),
  ])
  func otherFilesAreRefused(content: String, expected: String) throws {
    let file = try TemporaryFile()
    try Data(content.utf8).write(to: URL(fileURLWithPath: file.path))
    let diagnostic = try #require(throws: Diagnostic.self) { try ParquetFile(path: file.path) }
    #expect(diagnostic.code == expected)
    #expect(diagnostic.place.file == file.path)
  }

  @Test func whatIsThereNoMoreIsSaid() throws {
    let file = try TemporaryFile()
    #expect(throws: Diagnostic.self) { try ParquetFile(path: file.path) }
    #expect(throws: Diagnostic.self) { try ParquetFile(path: file.folder) }
  }

  @Test func wrongQuestionsAreRefused() throws {
    let file = try TemporaryFile()
    let writer = try ParquetWriter(path: file.path, columns: [.init(name: "n", kind: .int64)], toolVersion: "0")
    try writer.append([.numbers([1, 2])], codes: CodeTable())
    _ = try writer.finish()
    let read = try ParquetFile(path: file.path)
    var numbers: [Int64] = []
    var codes: [UInt32] = []
    #expect(throws: Diagnostic.self) { try read.numbers(1, rowGroup: 0, rows: 0..<1, into: &numbers) }
    #expect(throws: Diagnostic.self) { try read.numbers(0, rowGroup: 1, rows: 0..<1, into: &numbers) }
    #expect(throws: Diagnostic.self) { try read.numbers(0, rowGroup: 0, rows: 1..<3, into: &numbers) }
    #expect(throws: Diagnostic.self) { try read.numbers(0, rowGroup: 0, rows: -1..<1, into: &numbers) }
    #expect(throws: Diagnostic.self) {
      try read.codes(0, rowGroup: 0, rows: 0..<1, table: CodeTable(), into: &codes)
    }
    #expect(numbers.isEmpty && codes.isEmpty)
  }
}
