import ClaimModel

/// Guesses delimiter and enclosure from the first lines of a file.
enum FormatDetection {
  static let delimiters: [UInt8] = [0x2C, 0x09, 0x7C, 0x01]
  /// Lines that are looked at.
  static let sampleLines = 1000

  /// The delimiter is the one under which the first line names most known columns; if it names none, the one that
  /// splits it into most fields. The enclosure is the quote that encloses whole fields in the sample.
  static func detect(_ sample: [[UInt8]]) -> RowFormat {
    guard let first = sample.first else { return RowFormat(delimiter: 0x2C, enclosure: 0x22, enclosureAssumed: true) }
    var best = RowFormat(delimiter: 0x2C, enclosure: 0)
    var bestScore = (-1, -1)
    for delimiter in delimiters {
      // It would leave the first line one field, of which at most one column is known.
      if bestScore >= (1, 1), !first.contains(delimiter) { continue }
      let format = self.format(delimiter, sample)
      let names = fields(of: first, format) ?? []
      let known =
        ClaimTable.allCases.map { table in
          names.reduce(0) { $0 + (table.column(named: $1) == nil ? 0 : 1) }
        }.max() ?? 0
      if (known, names.count) > bestScore {
        bestScore = (known, names.count)
        best = format
      }
    }
    return best
  }

  /// The enclosure that goes with a delimiter: a double quote if any field is enclosed in it, a single quote if at
  /// least a quarter of the filled fields are (an apostrophe is also ordinary text).
  private static func format(_ delimiter: UInt8, _ sample: [[UInt8]]) -> RowFormat {
    var double = 0
    var single = 0
    var filled = 0
    for line in sample.prefix(sampleLines) {
      for field in line.split(separator: delimiter, omittingEmptySubsequences: true) {
        filled += 1
        guard field.count >= 2, let first = field.first, first == field.last else { continue }
        if first == 0x22 { double += 1 }
        if first == 0x27 { single += 1 }
      }
    }
    if single > double, single * 4 >= filled { return RowFormat(delimiter: delimiter, enclosure: 0x27) }
    if double > 0 { return RowFormat(delimiter: delimiter, enclosure: 0x22) }
    // A comma file that encloses only where needed may do so first in a later row.
    return RowFormat(
      delimiter: delimiter, enclosure: delimiter == 0x2C ? 0x22 : 0, enclosureAssumed: delimiter == 0x2C)
  }

  /// The fields of a line as texts; nil if the line is damaged. For headers and samples, not for rows.
  static func fields(of line: [UInt8], _ format: RowFormat) -> [String]? {
    var bytes = line + [UInt8](repeating: 0, count: 16)
    let most = line.count + 2
    var starts = [Int32](repeating: 0, count: most)
    var lengths = starts
    let end = line.count
    return bytes.withUnsafeMutableBufferPointer { buffer in
      guard let p = buffer.baseAddress else { return nil }
      let splitter = RowSplitter(format)
      let fault = starts.withUnsafeMutableBufferPointer { s in
        lengths.withUnsafeMutableBufferPointer { l -> RowFault? in
          guard let s = s.baseAddress, let l = l.baseAddress else { return .shortRow }
          s.update(repeating: -1, count: most)
          return splitter.split(p, 0, end, fieldCount: most, s, l)
        }
      }
      // It asks for more fields than a line can have, so short-row is the good outcome.
      guard fault == .shortRow else { return nil }
      let count = starts.firstIndex(of: -1) ?? most
      return (0..<count).map { i in
        let field = Blank.trimmed(p + Int(starts[i]), Int(lengths[i]), tab: format.delimiter != 0x09)
        return String(decoding: UnsafeBufferPointer(start: field.base, count: field.count), as: UTF8.self)
      }
    }
  }
}
