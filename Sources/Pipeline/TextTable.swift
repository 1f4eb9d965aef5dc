/// Text for people, aligned by columns of a terminal: a Chinese character takes two.
struct TextPage {
  private(set) var text = ""

  mutating func heading(_ title: String) { text += (text.isEmpty ? "" : "\n") + "── \(title)\n" }
  mutating func line(_ line: String, indent: Int = 2) {
    text += String(repeating: " ", count: line.isEmpty ? 0 : indent) + line + "\n"
  }

  /// Rows of columns, each padded to the widest of its column but for the last.
  mutating func table(_ rows: [[String]], indent: Int = 2) {
    var widths: [Int] = []
    for row in rows {
      for (i, cell) in row.dropLast().enumerated() {
        if i == widths.count { widths.append(0) }
        widths[i] = max(widths[i], terminalWidth(cell))
      }
    }
    for row in rows {
      var line = ""
      for (i, cell) in row.enumerated() {
        line += i < row.count - 1 ? padded(cell, to: widths[i] + 2) : cell
      }
      while line.hasSuffix(" ") { line.removeLast() }
      self.line(line, indent: indent)
    }
  }
}

/// Cells of a terminal that a text takes.
func terminalWidth(_ text: String) -> Int {
  text.unicodeScalars.reduce(0) { width, scalar in
    switch scalar.value {
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0xA4CF, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F,
      0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
      width + 2
    default: width + 1
    }
  }
}

func padded(_ text: String, to width: Int) -> String {
  text + String(repeating: " ", count: max(0, width - terminalWidth(text)))
}
