/// The texts of one claim row as the store and the packet keep them: every national column in documented order, then
/// the unknown columns in header order, joined by U+001F.
///
/// The row digest is the SHA-256 of these bytes. Inside a text 0x1E is written 0x1E 0x30 and 0x1F is 0x1E 0x31, so a
/// separator is a separator wherever it stands.
public enum FieldsBlob {
  /// U+001F, between two fields.
  public static let separator: UInt8 = 0x1F
  /// U+001E, before `0` for itself and `1` for the separator.
  public static let escape: UInt8 = 0x1E

  /// The blob of texts; null is the empty text.
  public static func encode(_ fields: [String]) -> [UInt8] {
    var out: [UInt8] = []
    for (i, field) in fields.enumerated() {
      if i > 0 { out.append(separator) }
      var field = field
      field.withUTF8 { append(UnsafeRawBufferPointer($0), to: &out) }
    }
    return out
  }

  /// Appends one field, escaped, without a separator.
  public static func append(_ field: UnsafeRawBufferPointer, to out: inout [UInt8]) {
    for byte in field {
      if byte == separator || byte == escape {
        out.append(escape)
        out.append(byte == escape ? 0x30 : 0x31)
      } else {
        out.append(byte)
      }
    }
  }

  /// The byte ranges of the fields, as written: a field that holds `escape` must go through `unescape`.
  public static func split(_ blob: UnsafeRawBufferPointer, into ranges: inout [Range<Int>]) {
    ranges.removeAll(keepingCapacity: true)
    var start = 0
    for i in 0..<blob.count where blob[i] == separator {
      ranges.append(start..<i)
      start = i + 1
    }
    ranges.append(start..<blob.count)
  }

  /// The text bytes of one field as it stands in a blob. A lone escape byte at the end stays as it is.
  public static func unescape(_ field: UnsafeRawBufferPointer) -> [UInt8] {
    var out: [UInt8] = []
    out.reserveCapacity(field.count)
    var i = 0
    while i < field.count {
      if field[i] == escape, i + 1 < field.count {
        out.append(field[i + 1] == 0x31 ? separator : escape)
        i += 2
      } else {
        out.append(field[i])
        i += 1
      }
    }
    return out
  }

  /// The texts of a blob, unknown columns included.
  public static func decode(_ blob: UnsafeRawBufferPointer) -> [String] {
    var ranges: [Range<Int>] = []
    split(blob, into: &ranges)
    return ranges.map { range in
      String(decoding: unescape(UnsafeRawBufferPointer(rebasing: blob[range])), as: UTF8.self)
    }
  }

  /// As above, from an array.
  public static func decode(_ blob: [UInt8]) -> [String] { blob.withUnsafeBytes { decode($0) } }
}
