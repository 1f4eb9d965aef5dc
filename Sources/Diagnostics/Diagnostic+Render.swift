extension Diagnostic {
  /// `path:line:column: severity[code]: message`, then the marked line, notes and the remedy.
  public func rendered() -> String {
    var head = ""
    if let file = place.file {
      head += file
      if let line = place.line { head += ":\(line)" }
      if let column = place.column { head += ":\(column)" }
      head += ": "
    }
    head += "\(severity.rawValue)[\(code)]: \(message)"
    var tail: [String] = []
    if let field = place.field { tail.append("column \(field)") }
    if let offset = place.byteOffset { tail.append("byte \(offset)") }
    if !tail.isEmpty { head += " (\(tail.joined(separator: ", ")))" }
    var lines = [head]
    if let excerpt, let line = place.line {
      let gutter = "\(line) | "
      lines.append(gutter + excerpt.text)
      let scalars = Array(excerpt.text.unicodeScalars)
      let before = scalars.prefix(max(0, excerpt.column - 1)).reduce(0) { $0 + displayWidth($1) }
      let marked = scalars.dropFirst(max(0, excerpt.column - 1)).prefix(excerpt.length)
      let width = max(1, marked.reduce(0) { $0 + displayWidth($1) })
      lines.append(
        String(repeating: " ", count: gutter.count - 2) + "| " + String(repeating: " ", count: before) + "^"
          + String(repeating: "~", count: width - 1))
    }
    for note in notes { lines.append("  = note: \(note)") }
    if let remedy { lines.append("  = remedy: \(remedy)") }
    return lines.joined(separator: "\n")
  }
}

/// Cells a scalar takes in a terminal: Chinese and full-width forms take two, so carets stand right.
public func displayWidth(_ scalar: Unicode.Scalar) -> Int {
  switch scalar.value {
  case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
    0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE4F, 0xFF00...0xFF60, 0xFFE0...0xFFE6, 0x20000...0x3FFFD:
    return 2
  default: return 1
  }
}
