import ClaimModel
import ClaimStore

/// Rows in memory by segment and line, given back as they were delivered.
struct DeliveredRows {
  private let raw: [ClaimTable: RawRows]
  private let codes: CodeTable
  private let unknownColumns: [Int]
  private let rowOf: [ClaimTable: [RowOrigin: Int]]

  /// `raw` holds all columns and the forms of delivered texts.
  init(_ raw: [ClaimTable: RawRows], _ codes: CodeTable, segments: [LiveSegment]) {
    unknownColumns = segments.map(\.record.header.unknownColumns.count)
    self.raw = raw
    self.codes = codes
    rowOf = raw.mapValues { rows in
      Dictionary(rows.origin.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
    }
  }

  /// Hands out the rows of the lines, in the order given; a line without a row is passed over.
  func fetch(
    _ table: ClaimTable, _ segment: Int32, _ lines: [Int32],
    _ body: (_ line: Int32, _ byteOffset: Int64, _ fields: UnsafeRawBufferPointer) throws -> Void
  ) throws {
    guard let rows = raw[table] else { return }
    for line in lines {
      guard let row = rowOf[table]?[RowOrigin(segment: segment, line: line)] else { continue }
      try deliveredFields(
        of: rows, row: row, codes: codes, unknownColumns: unknownColumns[Int(segment)]
      ).withUnsafeBytes {
        try body(line, rows.byteOffset[row], $0)
      }
    }
  }
}
