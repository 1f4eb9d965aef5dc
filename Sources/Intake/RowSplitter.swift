/// Why a row has not the shape of its header. The raw value is the reject code.
enum RowFault: String {
  case shortRow = "short-row"
  case longRow = "long-row"
  case unclosedEnclosure = "unclosed-enclosure"
  case strayEnclosure = "stray-enclosure"
  case notUTF8 = "not-utf8"
  case notGB18030 = "not-gb18030"
  case notUTF16 = "not-utf16"
  case nulByte = "nul-byte"
  case fieldTooLong = "field-too-long"

  var reason: String {
    switch self {
    case .shortRow: "the row has fewer fields than the header"
    case .longRow: "the row has more fields than the header"
    case .unclosedEnclosure: "an enclosure is not closed before the line ends"
    case .strayEnclosure: "an enclosure stands inside a field, or text follows a closing enclosure"
    case .notUTF8: "the row is not valid UTF-8"
    case .notGB18030: "the row is not valid GB18030"
    case .notUTF16: "the row is not valid UTF-16"
    case .nulByte: "the row holds a NUL"
    case .fieldTooLong: "a field is longer than 1 MiB, or the row longer than 16 MiB"
    }
  }
}

/// Delimiter and enclosure of a file.
struct RowFormat: Hashable {
  var delimiter: UInt8
  /// 0: fields are not enclosed.
  var enclosure: UInt8
  /// No enclosure was seen, it is only what a comma file usually has: inside an unenclosed field it is then text.
  var enclosureAssumed = false
}

/// Splits one line into fields, in place: enclosures removed, doubled ones made one, ASCII blanks trimmed.
struct RowSplitter {
  static let maxFieldBytes = 1 << 20
  let format: RowFormat
  private let delimiter: UInt64
  private let enclosure: UInt64
  private let stray: UInt64

  init(_ format: RowFormat) {
    self.format = format
    delimiter = ByteScan.pattern(format.delimiter)
    enclosure = ByteScan.pattern(format.enclosure)
    stray = format.enclosure == 0 || format.enclosureAssumed ? delimiter : enclosure
  }

  /// Writes start and length of `fieldCount` fields of the line `start..<end` (no line end in it).
  ///
  /// The line's bytes may be moved within the line. Eight bytes after `end` must be readable. The first fault from
  /// the left wins; nil means as many fields as wanted.
  @inline(__always)
  func split(
    _ p: UnsafeMutablePointer<UInt8>, _ start: Int, _ end: Int, fieldCount: Int,
    _ starts: UnsafeMutablePointer<Int32>, _ lengths: UnsafeMutablePointer<Int32>
  ) -> RowFault? {
    let quote = format.enclosure
    let comma = format.delimiter
    var i = start
    var field = 0
    while true {
      if field == fieldCount { return .longRow }
      while i < end, isBlank(p[i]) { i &+= 1 }
      var from = i
      var to: Int
      if quote != 0, i < end, p[i] == quote {
        from = i &+ 1
        to = ByteScan.find(p, from, end, enclosure)
        if to == end { return .unclosedEnclosure }
        i = to &+ 1
        if i < end, p[i] != comma {
          // Rare: a doubled enclosure, blanks after the field, or text that should not be there.
          while i < end, p[i] == quote {
            let next = ByteScan.find(p, i &+ 1, end, enclosure)
            if next == end { return .unclosedEnclosure }
            // One of the two stays, what follows moves down.
            let count = next &- i &- 1
            p[to] = quote
            (p + to + 1).update(from: p + i + 1, count: count)
            to = to &+ 1 &+ count
            i = next &+ 1
          }
          while i < end, isBlank(p[i]) { i &+= 1 }
          if i < end, p[i] != comma { return .strayEnclosure }
        }
        while from < to, isBlank(p[from]) { from &+= 1 }
      } else {
        to = ByteScan.find(p, i, end, delimiter, stray)
        if to < end, p[to] != comma { return .strayEnclosure }
        i = to
      }
      while from < to, isBlank(p[to &- 1]) { to &-= 1 }
      if to &- from > Self.maxFieldBytes { return .fieldTooLong }
      starts[field] = Int32(truncatingIfNeeded: from)
      lengths[field] = Int32(truncatingIfNeeded: to &- from)
      field &+= 1
      if i >= end { break }
      i &+= 1
    }
    return field == fieldCount ? nil : .shortRow
  }

  /// Blank or tab; the delimiter is never a blank. Those that are not ASCII are cut off later, where a chunk holds any
  /// (`Blank.trim`); between a delimiter and an enclosure they are text.
  @inline(__always)
  private func isBlank(_ byte: UInt8) -> Bool {
    byte == 0x20 || (byte == 0x09 && format.delimiter != 0x09)
  }
}
