import ClaimModel

/// Records of one claim file, split into fields, decoded to UTF-8, enclosures removed, blanks trimmed.
///
/// Every record has as many fields as the header. The memory is reused after the call that hands the block out.
public struct RecordBlock: ~Copyable {
  /// UTF-8 bytes into which the fields point.
  public var bytes: UnsafeRawBufferPointer
  /// `fieldStarts[record * fieldCount + field]`, and the same for lengths; both may be longer than needed.
  public var fieldStarts: [Int32]
  public var fieldLengths: [Int32]
  public var fieldCount: Int
  /// 1-based line, header included, of each record.
  public var lines: [Int32]
  /// Offset of each record's first byte in the inflated (undecoded) bytes of the file.
  public var byteOffsets: [Int64]

  public var recordCount: Int { lines.count }

  public init(
    bytes: UnsafeRawBufferPointer, fieldStarts: [Int32], fieldLengths: [Int32], fieldCount: Int, lines: [Int32],
    byteOffsets: [Int64]
  ) {
    self.bytes = bytes
    self.fieldStarts = fieldStarts
    self.fieldLengths = fieldLengths
    self.fieldCount = fieldCount
    self.lines = lines
    self.byteOffsets = byteOffsets
  }

  /// The bytes of one field, empty for null.
  public func field(_ record: Int, _ field: Int) -> UnsafeRawBufferPointer {
    let i = record * fieldCount + field
    let start = Int(fieldStarts[i])
    return UnsafeRawBufferPointer(rebasing: bytes[start..<start + Int(fieldLengths[i])])
  }
}

/// What the fields of a file mean.
public struct FileLayout: Sendable, Hashable {
  public var table: ClaimTable
  /// For each field of a record the index of its national column; nil for an unknown one (kept aside, reported).
  public var columnOfField: [Int?]
  /// Header names in file order; the documented names if there was no header.
  public var header: [String]
  public var missingColumns: [String]
  public var unknownColumns: [String]

  public init(
    table: ClaimTable, columnOfField: [Int?], header: [String], missingColumns: [String], unknownColumns: [String]
  ) {
    self.table = table
    self.columnOfField = columnOfField
    self.header = header
    self.missingColumns = missingColumns
    self.unknownColumns = unknownColumns
  }
}
