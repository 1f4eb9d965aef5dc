/// What a column holds, and so how its text is read and how it is kept in memory.
public enum ValueKind: String, Sendable, Codable, CaseIterable {
  /// Identifiers, codes and free text: a `CodeTable` code, 0 is null.
  case text
  /// 16,2 → fen.
  case money
  /// 16,4 → 1/10,000.
  case quantity
  /// 16,6 → 1/1,000,000.
  case price
  /// 5,4 → 1/10,000.
  case ratio
  /// A whole number.
  case integer
  /// Days since 1970-01-01; a time part is cut off.
  case day
  /// Seconds since 1970-01-01 00:00:00; a date alone is 00:00:00.
  case time

  /// Decimal places of the scaled integer; nil for kinds that are not decimal numbers.
  public var scale: Int? {
    switch self {
    case .money: 2
    case .quantity, .ratio: 4
    case .price: 6
    case .integer: 0
    case .text, .day, .time: nil
    }
  }

  /// Reads the number that a (trimmed, not empty) field holds; nil if it is bad. Not for `.text`.
  public func parse(_ b: UnsafeRawBufferPointer) -> Int64? {
    switch self {
    case .text: nil
    case .day: CivilTime.parseDay(b)
    case .time: CivilTime.parseTime(b)
    default: FixedPoint.parse(b, scale: scale ?? 0)
    }
  }

  /// The number as it is written for people and in evidence CSV; null is the empty text. Not for `.text`.
  public func text(_ value: Int64) -> String {
    if value == ColumnData.null { return "" }
    switch self {
    case .text: return ""
    case .day: return CivilTime.text(day: value)
    case .time: return CivilTime.text(time: value)
    default: return FixedPoint.text(value, scale: scale ?? 0)
    }
  }
}

/// One column of many rows.
public enum ColumnData: Sendable {
  /// `CodeTable` codes; 0 is null.
  case text([UInt32])
  /// Scaled integers, days or seconds; `ColumnData.null` is null.
  case number([Int64])

  /// The null of number columns; no parsed value can be it.
  public static let null = Int64.min

  /// The codes of a text column; empty for another.
  public var codes: [UInt32] {
    if case .text(let v) = self { v } else { [] }
  }

  /// The numbers of a number column; empty for another.
  public var numbers: [Int64] {
    if case .number(let v) = self { v } else { [] }
  }

  /// Number of rows.
  public var count: Int {
    switch self {
    case .text(let v): v.count
    case .number(let v): v.count
    }
  }
}

/// A column of a national extract table.
public struct ClaimColumn: Sendable, Hashable {
  /// National name, lower case.
  public let name: String
  public let kind: ValueKind
  /// A bad or (where `required`) null value rejects the row instead of becoming null.
  public let rejectsRow: Bool
  /// Null is not allowed in a row.
  public let required: Bool
  /// A file whose header lacks the column is refused.
  public let needed: Bool
  /// Chinese caption, for headers in Chinese and for reports.
  public let caption: String
}
