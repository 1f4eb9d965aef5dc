import ClaimModel

/// Builds the machine CSV files of contract.md section 4: UTF-8 without BOM, comma, LF, `"` only where needed.
struct CSVText {
  private(set) var text = ""

  init(header: [String]) { add(header) }

  /// Adds a row; null is the empty text.
  mutating func add(_ fields: [String]) {
    for (i, field) in fields.enumerated() {
      if i > 0 { text += "," }
      text += Self.quoted(field)
    }
    text += "\n"
  }

  /// The field as it stands in the file: in quotes where it holds a comma, a quote or a line end.
  static func quoted(_ field: String) -> String {
    // Ids of a finding's lines may be a hundred thousand bytes: all are looked at, side by side.
    var bytes = field
    let needed = bytes.withUTF8 { bytes in
      var found: UInt8 = 0
      for byte in bytes {
        found |= (byte == 0x2C ? 1 : 0) | (byte == 0x22 ? 1 : 0) | (byte == 0x0A ? 1 : 0) | (byte == 0x0D ? 1 : 0)
      }
      return found != 0
    }
    if !needed { return field }
    var result = "\""
    for scalar in field.unicodeScalars {
      if scalar == "\"" { result += "\"" }
      result.unicodeScalars.append(scalar)
    }
    return result + "\""
  }
}

extension Sequence {
  /// Sorted by texts, byte order.
  func sortedByBytes(_ text: (Element) -> String) -> [Element] { sorted { bytesPrecede(text($0), text($1)) } }
}

extension Sequence where Element == String {
  func sortedByBytes() -> [String] { sorted(by: bytesPrecede) }
}
