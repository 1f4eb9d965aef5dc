import ClaimModel
import Intake

/// Checked rows of one member, a few dozen at a time, with every number typed. All memory is reused after the call that
/// hands it out.
public struct CheckedRows {
  /// Memory of the block from which the rows come; `bytesCount` bytes are readable.
  public let bytes: UnsafeRawPointer
  public let bytesCount: Int
  /// `[row * fieldCount + field]`: where a field's text stands in `bytes`; length 0 is null.
  public let starts: UnsafePointer<Int32>
  public let lengths: UnsafePointer<Int32>
  public let fieldCount: Int
  /// 1-based line, header included, of each row.
  public let lines: UnsafePointer<Int32>
  /// Offset of each row's first byte in the inflated bytes of the file.
  public let byteOffsets: UnsafePointer<Int64>
  /// `[row * numberCount + number]`, numbers in documented order of the table's number columns; `ColumnData.null` where
  /// the field is null, bad or not in the file.
  public let numbers: UnsafePointer<Int64>
  /// As `numbers`: how each was written. A number of an empty or missing field repeats the column's last form that is
  /// not `x`, so `x` always says that there is a text.
  public let forms: UnsafePointer<UInt8>
  public let numberCount: Int
  /// Bit `field % 64` of `[row * fieldWords + field / 64]`: the field has the bytes that it has in row - 1, accepted or
  /// not; never so in row 0. A number has then the same value and form, too.
  public let repeats: UnsafePointer<UInt64>
  /// As `repeats`: the field is not null.
  public let filled: UnsafePointer<UInt64>
  /// Words of 64 bits that a row's bits take.
  public let fieldWords: Int
  /// Bytes of all fields of each row.
  public let textBytes: UnsafePointer<Int32>
  /// The rows that were accepted, ascending.
  public let good: UnsafeBufferPointer<Int32>
}

/// Takes the good rows of one file. What it throws ends the reading.
public protocol CheckedRowSink: AnyObject {
  /// A member begins; its rows follow.
  func begin(_ layout: FileLayout, member: String?) throws
  /// Rows in file order.
  func take(_ rows: CheckedRows) throws
  /// The rows since the last `begin` do not count. They come again, with or without a new `begin`.
  func restart()
}

extension FileLayout {
  /// Field of each national column, -1 if the file lacks it.
  public var fieldOfColumn: [Int] {
    var fields = [Int](repeating: -1, count: table.columns.count)
    for (field, column) in columnOfField.enumerated() {
      if let column { fields[column] = field }
    }
    return fields
  }

  /// Fields of unknown columns in header order.
  ///
  /// The row number of the extract is none of them: it is no value of the row and changes with every export.
  public var unknownFields: [Int] {
    columnOfField.indices.filter { field in
      columnOfField[field] == nil && !(header.indices.contains(field) && header[field].lowercased() == "rn")
    }
  }
}
