import ClaimModel
import Diagnostics
import Foundation
import Parquet
import Testing

/// A file in a folder of its own that goes with the value.
final class TemporaryFile {
  let folder: String
  let path: String

  init() throws {
    folder = NSTemporaryDirectory() + "yijian-parquet-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    path = folder + "/part.parquet"
  }

  deinit { try? FileManager.default.removeItem(atPath: folder) }
}

/// SplitMix64: the same numbers on every machine.
struct Seeded: RandomNumberGenerator {
  var state: UInt64
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}

@Suite struct RoundTrip {
  static let kinds: [ParquetKind] = [.int32, .int64, .date, .time, .decimal(scale: 2), .decimal(scale: 6)]
  /// Around a byte of levels, a group of indices and a page.
  static let sizes: [(Int, Nulls)] =
    [1, 7, 8, 9, 1000].flatMap { rows in Nulls.allCases.map { (rows, $0) } } + [
      (65_535, .random), (65_536, .nowhere), (65_536, .rare), (65_537, .inBlocks), (65_537, .random), (140_000, .rare),
    ]

  enum Nulls: String, CaseIterable { case nowhere, everywhere, random, rare, inBlocks }
  enum Shape: String, CaseIterable { case few, distinct, sorted }

  static func isNull(_ nulls: Nulls, _ row: Int, _ random: inout Seeded) -> Bool {
    switch nulls {
    case .nowhere: false
    case .everywhere: true
    case .random: random.next() & 1 == 0
    case .rare: random.next() % 5000 == 0
    case .inBlocks: row / 777 % 3 == 1
    }
  }

  static func numbers(_ kind: ParquetKind, _ rows: Int, _ nulls: Nulls, _ shape: Shape) -> [Int64] {
    var random = Seeded(state: UInt64(rows) &* 31 &+ UInt64(kinds.firstIndex(of: kind) ?? 0))
    let limit: Int64 =
      switch kind {
      case .int32, .date: Int64(Int32.max)
      case .decimal: 999_999_999_999_999_999
      case .time: Int64.max / 1_000_000
      default: Int64.max
      }
    return (0..<rows).map { row in
      if isNull(nulls, row, &random) { return ColumnData.null }
      switch shape {
      case .few: return Int64(random.next() % 300) - 150
      case .sorted: return Int64(row / 13)
      case .distinct:
        switch random.next() % 100 {
        case 0: return limit
        case 1: return -limit
        default: return Int64(bitPattern: random.next()) % limit
        }
      }
    }
  }

  static func texts(_ rows: Int, _ nulls: Nulls, _ shape: Shape) -> [[UInt8]?] {
    var random = Seeded(state: UInt64(rows))
    return (0..<rows).map { row in
      if isNull(nulls, row, &random) { return nil }
      switch shape {
      case .few:
        return ["", "𠮷野", "a", "甲乙丙", String(repeating: "长", count: 100)].randomElement(using: &random).map {
          Array($0.utf8)
        }
      case .sorted: return Array("P\(row / 20)".utf8)
      case .distinct: return Array("项目\(random.next())".utf8)
      }
    }
  }

  @Test(arguments: sizes)
  func valuesComeBackAsTheyWere(rows: Int, nulls: Nulls) throws {
    let file = try TemporaryFile()
    var columns: [ParquetColumn] = []
    var numbers: [[Int64]] = []
    for shape in Shape.allCases {
      for (i, kind) in Self.kinds.enumerated() {
        columns.append(ParquetColumn(name: "n\(i)-\(shape)", kind: kind))
        numbers.append(Self.numbers(kind, rows, nulls, shape))
      }
    }
    let texts = Shape.allCases.map { Self.texts(rows, nulls, $0) }
    let written = CodeTable()
    _ = written.intern("stands before")
    let codes = texts.map { $0.map { text in text.map { $0.withUnsafeBytes { written.intern($0) } } ?? 0 } }
    for shape in Shape.allCases {
      columns.append(ParquetColumn(name: "t-\(shape)", kind: .string))
      columns.append(ParquetColumn(name: "c-\(shape)", kind: .string))
    }
    let writer = try ParquetWriter(
      path: file.path, columns: columns, metadata: [("a", "1"), ("b", "二")], toolVersion: "0")
    var values = numbers.map { ParquetValues.numbers($0) }
    for i in texts.indices {
      values.append(.texts(texts[i]))
      values.append(.codes(codes[i]))
    }
    try writer.append(values, codes: written)
    try writer.append(values, codes: written)
    let summary = try writer.finish()
    #expect(summary.rows == rows * 2)
    let bytes = try Data(contentsOf: URL(fileURLWithPath: file.path))
    #expect(summary.bytes == bytes.count)
    #expect(summary.sha256 == bytes.withUnsafeBytes { SHA256Hasher.hex(of: $0) })

    let read = try ParquetFile(path: file.path)
    #expect(read.columns == columns)
    #expect(read.metadata == ["a": "1", "b": "二"])
    #expect(read.rowGroups.map(\.rows) == [rows, rows])
    var random = Seeded(state: 5)
    for group in 0..<2 {
      let start = Int.random(in: 0..<rows, using: &random)
      for range in [0..<rows, start..<Int.random(in: start...rows, using: &random), 0..<0, rows - 1..<rows] {
        for (i, expected) in numbers.enumerated() {
          var found: [Int64] = [7]
          try read.numbers(i, rowGroup: group, rows: range, into: &found)
          #expect(found == [7] + expected[range], "\(columns[i].name) \(range)")
        }
        for (i, expected) in texts.enumerated() {
          let column = numbers.count + 2 * i
          var found: [[UInt8]?] = []
          try read.texts(column, rowGroup: group, rows: range, into: &found)
          #expect(found == Array(expected[range]), "\(columns[column].name) \(range)")
          let table = CodeTable()
          for place in [column, column + 1] {
            var found: [UInt32] = [9]
            try read.codes(place, rowGroup: group, rows: range, table: table, into: &found)
            #expect(
              found.dropFirst().map(table.text) == expected[range].map { String(decoding: $0 ?? [], as: UTF8.self) },
              "\(columns[place].name) \(range)")
          }
        }
      }
    }
  }
}
