import ClaimModel
import Diagnostics
import Foundation
import Testing

@testable import Parquet

/// Bytes that nobody vouches for give values or a diagnostic of the module, never a trap and never endless memory.
@Suite struct HostileBytes {
  /// A small file with every kind, encoding and sort of levels.
  private static func sample(_ path: String) throws {
    let codes = CodeTable()
    var columns: [ParquetColumn] = []
    var values: [ParquetValues] = []
    for (i, kind) in RoundTrip.kinds.enumerated() {
      columns.append(ParquetColumn(name: "n\(i)", kind: kind))
      values.append(
        .numbers(RoundTrip.numbers(kind, 120, i.isMultiple(of: 2) ? .random : .nowhere, i < 3 ? .few : .distinct)))
    }
    for shape in RoundTrip.Shape.allCases {
      columns.append(ParquetColumn(name: "t\(shape)", kind: .string))
      values.append(.texts(RoundTrip.texts(120, shape == .few ? .random : .inBlocks, shape)))
    }
    columns.append(ParquetColumn(name: "required", kind: .int64, isOptional: false))
    values.append(.numbers((0..<120).map { Int64($0) }))
    let writer = try ParquetWriter(path: path, columns: columns, metadata: [("key", "value")], toolVersion: "0")
    for _ in 0..<2 { try writer.append(values, codes: codes) }
    _ = try writer.finish()
  }

  enum Outcome: String { case readable, damaged, unsupported }

  private static func read(_ path: String) throws -> Outcome {
    do {
      let file = try ParquetFile(path: path)
      for (group, rows) in file.rowGroups.map(\.rows).enumerated() {
        for (i, column) in file.columns.enumerated() {
          for range in [0..<rows, rows / 3..<rows / 2] {
            if column.kind == .string {
              var codes: [UInt32] = []
              try file.codes(i, rowGroup: group, rows: range, table: CodeTable(), into: &codes)
              var texts: [[UInt8]?] = []
              try file.texts(i, rowGroup: group, rows: range, into: &texts)
              #expect(codes.count == range.count && texts.count == range.count)
            } else {
              var numbers: [Int64] = []
              try file.numbers(i, rowGroup: group, rows: range, into: &numbers)
              #expect(numbers.count == range.count)
            }
          }
        }
      }
      return .readable
    } catch let diagnostic as Diagnostic {
      return diagnostic.code == "parquet.unsupported"
        ? .unsupported
        : try #require(diagnostic.code == "parquet.damaged" ? .damaged : nil, "\(diagnostic)")
    }
  }

  private static func outcomes(_ seeds: Range<Int>, _ change: (inout [UInt8], inout Seeded) -> Void) throws -> [Outcome:
    Int]
  {
    let file = try TemporaryFile()
    try sample(file.path)
    let original = [UInt8](try Data(contentsOf: URL(fileURLWithPath: file.path)))
    #expect(try read(file.path) == .readable)
    var found: [Outcome: Int] = [:]
    for seed in seeds {
      var random = Seeded(state: UInt64(seed))
      var bytes = original
      change(&bytes, &random)
      try Data(bytes).write(to: URL(fileURLWithPath: file.path))
      found[try read(file.path), default: 0] += 1
    }
    return found
  }

  @Test func flippedBitsAnywhere() throws {
    let found = try Self.outcomes(0..<600) { bytes, random in
      for _ in 0...random.next() % 3 {
        bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8(random.next() & 7)
      }
    }
    // Nearly all are noticed: pages have checksums, the footer few bits to spare.
    #expect((found[.readable] ?? 0) < 150, "\(found)")
  }

  @Test func changedBytesInTheFooter() throws {
    let found = try Self.outcomes(1000..<2200) { bytes, random in
      let length = bytes[bytes.count - 8..<bytes.count - 4].reversed().reduce(0) { $0 << 8 | Int($1) }
      let footer = bytes.count - 8 - length..<bytes.count - 8
      for _ in 0...random.next() % 4 {
        bytes[Int.random(in: footer, using: &random)] = UInt8(truncatingIfNeeded: random.next())
      }
    }
    #expect((found[.damaged] ?? 0) > 300 && (found[.unsupported] ?? 0) > 10, "\(found)")
  }

  @Test func truncations() throws {
    let found = try Self.outcomes(3000..<3300) { bytes, random in
      bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
      // Half of them end as a whole file does.
      if random.next() & 1 == 0 { bytes += [UInt8(truncatingIfNeeded: random.next()), 1, 0, 0] + Format.magic }
    }
    #expect(found[.readable] == nil, "\(found)")
  }

  @Test func randomBytes() throws {
    let found = try Self.outcomes(4000..<4300) { bytes, random in
      for i in 4..<bytes.count - 8 { bytes[i] = UInt8(truncatingIfNeeded: random.next()) }
    }
    #expect(found[.readable] == nil, "\(found)")
  }

  /// What lies in a page is compressed and has a checksum: here it is changed before that.
  private static func onePage(
    _ path: String, _ column: ParquetColumn, rows: Int, dictionary: (entries: Int, bytes: [UInt8])?, page: [UInt8]
  ) throws {
    var file = Format.magic
    var chunk = ColumnChunk()
    chunk.rows = rows
    let compressor = try PageCompressor()
    func add(_ header: PageHeader, _ bytes: [UInt8]) throws {
      let out = ByteBuffer()
      try bytes.withUnsafeBytes { try compressor.compress($0, into: out) }
      var header = header
      header.uncompressedBytes = bytes.count
      header.compressedBytes = out.count
      var head = ThriftWriter()
      header.encode(&head)
      file += head.bytes + Array(out.bytes)
      chunk.compressedBytes += head.bytes.count + out.count
    }
    if let dictionary {
      chunk.dictionaryOffset = file.count
      try add(PageHeader(isDictionary: true, count: dictionary.entries), dictionary.bytes)
    }
    chunk.dataOffset = file.count
    try add(PageHeader(count: rows, encoding: dictionary == nil ? Format.plain : Format.dictionary), page)
    let footer = Footer(columns: [column], groups: [RowGroupChunks(rows: rows, columns: [chunk])], rows: rows)
      .encoded(createdBy: "yijian version 0")
    file += footer
    for shift in [0, 8, 16, 24] { file.append(UInt8(footer.count >> shift & 0xFF)) }
    file += Format.magic
    try Data(file).write(to: URL(fileURLWithPath: path))
  }

  @Test func changedBytesInPages() throws {
    let file = try TemporaryFile()
    var found: [Outcome: Int] = [:]
    for seed in 0..<1500 {
      var random = Seeded(state: UInt64(seed))
      let rows = Int.random(in: 1...200, using: &random)
      let kinds: [ParquetKind] = [.string, .int64, .int32, .time]
      let column = ParquetColumn(name: "x", kind: kinds[seed % 4], isOptional: seed & 8 != 0)
      func noise(_ n: Int) -> [UInt8] { (0..<n).map { _ in UInt8(truncatingIfNeeded: random.next() >> 20) } }
      // All values there; then indices of a random width as one packed stretch, or plain bytes.
      var page: [UInt8] = column.isOptional ? [3, 0, 0, 0, UInt8(rows << 1 & 0x7F | 0x80), UInt8(rows >> 6), 1] : []
      var dictionary: (entries: Int, bytes: [UInt8])?
      if seed & 16 == 0 {
        let width = Int.random(in: 0...33, using: &random)
        let groups = (rows + 7) / 8
        page += [UInt8(width), UInt8(groups << 1 & 0x7F | 0x81), UInt8(groups >> 6)] + noise(groups * width)
        let entries = Int.random(in: 0...40, using: &random)
        let texts = (0..<entries).flatMap { _ in [2, 0, 0, 0, 65, 66] as [UInt8] }
        dictionary = (entries, column.kind == .string ? texts : noise(entries * column.kind.numberBytes))
      } else {
        let texts = (0..<rows).flatMap { _ in [1, 0, 0, 0, 67] as [UInt8] }
        page += column.kind == .string ? texts : noise(rows * column.kind.numberBytes)
      }
      for _ in 0..<random.next() % 4 {
        if !page.isEmpty {
          page[Int.random(in: page.indices, using: &random)] = UInt8(truncatingIfNeeded: random.next())
        }
        if random.next() % 8 == 0 { page.removeLast(Int.random(in: 0...page.count, using: &random)) }
        if var bytes = dictionary?.bytes, !bytes.isEmpty {
          bytes[Int.random(in: bytes.indices, using: &random)] = UInt8(truncatingIfNeeded: random.next())
          dictionary?.bytes = bytes
        }
      }
      try Self.onePage(file.path, column, rows: rows, dictionary: dictionary, page: page)
      found[try Self.read(file.path), default: 0] += 1
    }
    // The change must be one that matters as often as one that does not, or this tests little.
    #expect((found[.readable] ?? 0) > 100 && (found[.damaged] ?? 0) > 300, "\(found)")
  }

  /// A page that says it has more rows than pages of this program, and one that would inflate to gigabytes.
  @Test func sizesHaveLimits() throws {
    let file = try TemporaryFile()
    let column = ParquetColumn(name: "x", kind: .int64)
    try Self.onePage(file.path, column, rows: 65_537, dictionary: nil, page: [4, 0, 0, 0, 0x82, 0x80, 8, 0])
    #expect(try Self.read(file.path) == .unsupported)
    var header = PageHeader(uncompressedBytes: Format.largestPage + 1, compressedBytes: 10, count: 1)
    var bytes = ThriftWriter()
    header.encode(&bytes)
    #expect(throws: Defect.self) { try bytes.bytes.withUnsafeBytes { try PageHeader.read($0) } }
    header.uncompressedBytes = Format.largestPage
    header.encode(&bytes)
    #expect(try bytes.bytes.withUnsafeBytes { try PageHeader.read($0).0.uncompressedBytes } == Format.largestPage)
  }

  @Test func nestedStructuresEnd() throws {
    // 1,000 structures in each other, as field 20 that nobody knows.
    let bytes = [UInt8](repeating: 0x1C, count: 1000)
    #expect(throws: Defect.self) { _ = try bytes.withUnsafeBytes { try Footer(reading: $0) } }
  }
}
