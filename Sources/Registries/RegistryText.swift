/// A small delimited table as texts: comma, `"`, header, LF or CRLF.
struct RegistryText {
  var header: [String] = []
  var rows: [[String]] = []
  /// 1-based line on which each row begins, header included.
  var lines: [Int] = []
  /// Offset of each row's first byte.
  var offsets: [Int] = []
  /// Line on which an enclosure was opened and never closed.
  var unclosedAt: Int?

  /// Splits UTF-8 bytes; a byte-order mark is skipped, lines without a byte are passed over.
  init(_ bytes: [UInt8]) {
    var i = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    var line = 1
    while i < bytes.count {
      if bytes[i] == 0x0A || bytes[i] == 0x0D {
        if bytes[i] == 0x0A { line += 1 }
        i += 1
        continue
      }
      let start = (line: line, offset: i)
      var fields: [String] = []
      var isRowOpen = true
      while isRowOpen {
        var field: [UInt8] = []
        if i < bytes.count, bytes[i] == 0x22 {
          i += 1
          var isClosed = false
          while i < bytes.count, !isClosed {
            if bytes[i] == 0x22 {
              if i + 1 < bytes.count, bytes[i + 1] == 0x22 {
                field.append(0x22)
                i += 2
              } else {
                isClosed = true
                i += 1
              }
            } else {
              if bytes[i] == 0x0A { line += 1 }
              field.append(bytes[i])
              i += 1
            }
          }
          if !isClosed { unclosedAt = unclosedAt ?? start.line }
        }
        while i < bytes.count, bytes[i] != 0x2C, bytes[i] != 0x0A, bytes[i] != 0x0D {
          field.append(bytes[i])
          i += 1
        }
        fields.append(String(decoding: field, as: UTF8.self))
        if i < bytes.count, bytes[i] == 0x2C { i += 1 } else { isRowOpen = false }
      }
      if header.isEmpty {
        header = fields
      } else {
        rows.append(fields)
        lines.append(start.line)
        offsets.append(start.offset)
      }
    }
  }
}
