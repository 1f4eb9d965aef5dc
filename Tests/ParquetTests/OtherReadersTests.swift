import ClaimModel
import Foundation
import Parquet
import Testing

/// Writes Parquet files with their values as JSON beside them, for Tests/parquet/open.py to read with other programs.
///
/// The JSON is made of the values that were given to the writer, not of anything read back.
@Suite struct OtherReaders {
  private struct Expected: Encodable {
    struct Column: Encodable {
      var name: String
      var kind: String
      var values: [String?]
    }
    var rowGroups: [Int]
    var metadata: [String: String]
    var columns: [Column]
  }

  private static func word(_ kind: ParquetKind) -> String {
    switch kind {
    case .int32: "int32"
    case .int64: "int64"
    case .date: "date"
    case .time: "time"
    case .decimal(let scale): "decimal(18,\(scale))"
    case .string: "string"
    }
  }

  private static func text(_ value: Int64, _ kind: ParquetKind) -> String? {
    if value == ColumnData.null { return nil }
    switch kind {
    case .date: return CivilTime.text(day: value)
    case .time: return CivilTime.text(time: value)
    case .decimal(let scale):
      // All places, as a decimal type prints them.
      let digits = String(value.magnitude)
      let padded = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
      return (value < 0 ? "-" : "") + padded.dropLast(scale) + (scale > 0 ? "." : "") + padded.suffix(scale)
    default: return String(value)
    }
  }

  private static func write(
    _ name: String, to folder: String, columns: [ParquetColumn], groups: [[ParquetValues]], codes: CodeTable
  ) throws {
    var expected = Expected(rowGroups: [], metadata: ["yijian.batch": "2025-W10", "说明": "𠮷"], columns: [])
    expected.columns = columns.map { Expected.Column(name: $0.name, kind: word($0.kind), values: []) }
    let writer = try ParquetWriter(
      path: "\(folder)/\(name).parquet", columns: columns,
      metadata: expected.metadata.sorted { bytesPrecede($0.key, $1.key) }.map { ($0.key, $0.value) }, toolVersion: "1.0"
    )
    for group in groups {
      try writer.append(group, codes: codes)
      if group[0].count > 0 { expected.rowGroups.append(group[0].count) }
      for (i, values) in group.enumerated() {
        switch values {
        case .nulls(let n): expected.columns[i].values += [String?](repeating: nil, count: n)
        case .numbers(let v): expected.columns[i].values += v.map { text($0, columns[i].kind) }
        case .codes(let v): expected.columns[i].values += v.map { $0 == 0 ? nil : codes.text($0) }
        case .texts(let v): expected.columns[i].values += v.map { $0.map { String(decoding: $0, as: UTF8.self) } }
        }
      }
    }
    _ = try writer.finish()
    try JSONEncoder().encode(expected).write(to: URL(fileURLWithPath: "\(folder)/\(name).json"))
  }

  /// Days and times that Python can say: the years 1 to 9999.
  private static func sayable(_ values: [Int64], _ kind: ParquetKind) -> [Int64] {
    values.map { value in
      if value == ColumnData.null { return value }
      switch kind {
      case .date: return value % 2_900_000 < -719_162 ? value % 719_162 : value % 2_900_000
      case .time: return value % 250_000_000_000 < -62_000_000_000 ? value % 62_000_000_000 : value % 250_000_000_000
      default: return value
      }
    }
  }

  @Test(
    .enabled(if: ProcessInfo.processInfo.environment["YIJIAN_PARQUET_CASES"] != nil, "make test-engines sets a folder"))
  func filesForOtherReaders() throws {
    let folder = try #require(ProcessInfo.processInfo.environment["YIJIAN_PARQUET_CASES"])
    try? FileManager.default.removeItem(atPath: folder)
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    let codes = CodeTable()
    func coded(_ texts: [[UInt8]?]) -> [UInt32] {
      texts.map { text in text.map { $0.withUnsafeBytes { codes.intern($0) } } ?? 0 }
    }
    for nulls in [RoundTrip.Nulls.nowhere, .random, .inBlocks, .everywhere] {
      var columns: [ParquetColumn] = []
      let sizes = [65_537, 1, 1000]
      var groups = [[ParquetValues]](repeating: [], count: sizes.count)
      let isOptional = nulls != .nowhere
      for shape in RoundTrip.Shape.allCases {
        for (i, kind) in RoundTrip.kinds.enumerated() {
          columns.append(ParquetColumn(name: "n\(i)_\(shape)", kind: kind, isOptional: isOptional))
          for (g, rows) in sizes.enumerated() {
            groups[g].append(.numbers(Self.sayable(RoundTrip.numbers(kind, rows, nulls, shape), kind)))
          }
        }
        for name in ["t", "c"] {
          columns.append(ParquetColumn(name: "\(name)_\(shape)", kind: .string, isOptional: isOptional))
          for (g, rows) in sizes.enumerated() {
            let texts = RoundTrip.texts(rows, nulls, shape)
            // A code has no empty text: there it is null, which a required column can't hold.
            let whole = isOptional ? texts : texts.map { $0 == [] ? [45] : $0 }
            groups[g].append(name == "t" ? .texts(texts) : .codes(coded(whole)))
          }
        }
      }
      try Self.write("nulls-\(nulls)", to: folder, columns: columns, groups: groups, codes: codes)
    }
    let columns = [ParquetColumn(name: "n", kind: .int64), ParquetColumn(name: "t", kind: .string)]
    try Self.write(
      "nulls-given", to: folder, columns: columns, groups: [[.nulls(70_000), .nulls(70_000)]], codes: codes)
    try Self.write("empty", to: folder, columns: columns, groups: [], codes: codes)
    try Self.write(
      "one-row", to: folder, columns: columns, groups: [[.numbers([-1]), .texts([Array("𠮷".utf8)])]], codes: codes)
  }
}
