import ClaimModel

/// What a column of a Parquet file holds.
public enum ParquetKind: Sendable, Hashable {
  /// A whole number of 32 bits.
  case int32
  /// A whole number of 64 bits.
  case int64
  /// Days since 1970-01-01; DATE in the file.
  case date
  /// Seconds since 1970-01-01 00:00:00, without a zone; TIMESTAMP in microseconds, not adjusted to UTC, in the file.
  case time
  /// A scaled integer with so many decimal places; DECIMAL(18, scale) on 64 bits in the file.
  case decimal(scale: Int)
  /// A text in UTF-8.
  case string

  /// The kind that keeps the values of a claim column: exact, and of the same meaning to every other reader.
  public init(_ kind: ValueKind) {
    switch kind {
    case .text: self = .string
    case .money, .quantity, .price, .ratio: self = .decimal(scale: kind.scale ?? 0)
    case .integer: self = .int64
    case .day: self = .date
    case .time: self = .time
    }
  }
}

/// A column of a Parquet file. All columns are flat.
public struct ParquetColumn: Sendable, Hashable {
  /// Unique within the file, not empty.
  public var name: String
  public var kind: ParquetKind
  /// Whether nulls are allowed.
  public var isOptional: Bool

  public init(name: String, kind: ParquetKind, isOptional: Bool = true) {
    self.name = name
    self.kind = kind
    self.isOptional = isOptional
  }
}

/// The values of one column for one row group.
public enum ParquetValues {
  /// Of every kind but `.string`; `ColumnData.null` is null.
  case numbers([Int64])
  /// Codes of the `CodeTable` that `append` is given; 0 is null. For `.string`.
  case codes([UInt32])
  /// UTF-8; null and the empty text are two things. For `.string`.
  case texts([[UInt8]?])
  /// So many nulls, of every kind.
  case nulls(Int)

  /// Number of rows.
  public var count: Int {
    switch self {
    case .numbers(let v): v.count
    case .codes(let v): v.count
    case .texts(let v): v.count
    case .nulls(let n): n
    }
  }
}

/// What `ParquetWriter.finish` has written.
public struct ParquetSummary: Sendable, Hashable {
  public var rows: Int
  /// Length of the file.
  public var bytes: Int
  /// Of the whole file: 64 hexadecimal digits, lower case.
  public var sha256: String
}

/// A least or greatest value of a column in a row group.
public enum ParquetBound: Sendable, Hashable {
  /// In the unit of the kind: days, seconds, scaled integers.
  case number(Int64)
  /// Texts are ordered by their bytes.
  case text([UInt8])
}

/// What the footer says about one column of one row group.
public struct ParquetStatistics: Sendable, Hashable {
  /// Nil where the column has only nulls, or where the text is longer than 64 bytes.
  public var minimum: ParquetBound?
  /// As `minimum`.
  public var maximum: ParquetBound?
  public var nulls: Int
}

/// A row group of a file.
public struct ParquetRowGroup: Sendable, Hashable {
  public var rows: Int
  /// By column.
  public var statistics: [ParquetStatistics]
}
