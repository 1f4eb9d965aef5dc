import Diagnostics
import Yams

/// A YAML value with its place. Nothing is typed implicitly: `012`, `on` and `2025-03-01` stay the texts they are.
struct YamlNode {
  enum Kind {
    case scalar(YamlScalar)
    case mapping([(key: YamlScalar, value: YamlNode)])
    case sequence([YamlNode])
  }
  var kind: Kind
  /// 1-based, in Unicode scalars.
  var line: Int
  var column: Int

  var scalar: YamlScalar? {
    if case .scalar(let s) = kind { s } else { nil }
  }
}

/// A scalar that knows where each of its characters stands in the file.
struct YamlScalar {
  var text: String
  var line: Int
  var column: Int
  /// Place of each Unicode scalar of `text`, and one more for its end.
  var places: [(line: Int, column: Int)]

  /// The place and length of a stretch of `text`; a stretch that goes on in the next line is cut at the line's end.
  func place(_ range: Range<Int>) -> (line: Int, column: Int, length: Int) {
    guard !places.isEmpty else { return (line, column, 1) }
    let start = places[min(max(0, range.lowerBound), places.count - 1)]
    var end = start
    for i in range.dropFirst(1) where i < places.count && places[i].line == start.line { end = places[i] }
    return (start.line, start.column, end.column - start.column + 1)
  }

  /// The whole scalar.
  var whole: Range<Int> { 0..<max(1, text.unicodeScalars.count) }
}

/// Reads one YAML document; nil after an error, which is in `problems`.
///
/// Refused: anchors, aliases, merge keys, tags, keys that are no scalars, a key twice in a mapping. A key that comes
/// twice is reported at its second place, and the rest is read on with the first value.
func readYaml(_ text: String, problems: Problems) -> YamlNode? {
  // libyaml takes a byte order mark for content in some places.
  let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
  var masked = Array(text.unicodeScalars)
  var mask = KeyMask()
  // Each round masks the keys of one mapping that has some twice; the bound only guards against a loop.
  for _ in 0..<64 {
    var masks = String.UnicodeScalarView()
    masks.append(contentsOf: masked)
    do {
      // The parser owns the anchors that nodes point to weakly, so it must outlive the conversion.
      let parser = try Parser(yaml: String(masks), encoding: .utf8)
      guard let root = try parser.singleRoot() else {
        problems.error("rule.empty", "the file has no content", line: 1, column: 1)
        return nil
      }
      return withExtendedLifetime(parser) {
        YamlReader(source: SourceText(text), mask: mask, problems: problems).convert(root)
      }
    } catch YamlError.duplicatedKeysInMapping(let duplicates, _) {
      var changed = false
      for key in duplicates where mask.hide(key, in: &masked) { changed = true }
      if !changed {
        problems.error(
          "rule.duplicate-key", "a mapping has the key \(duplicates.joined(separator: ", ")) twice", line: 1, column: 1)
        return nil
      }
    } catch let error as YamlError {
      report(error, problems)
      return nil
    } catch {
      problems.error("rule.yaml", "the file can't be read as YAML", line: 1, column: 1)
      return nil
    }
  }
  return nil
}

private func report(_ error: YamlError, _ problems: Problems) {
  switch error {
  case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
    .composer(let context, let problem, let mark, _):
    problems.error(
      "rule.yaml", "not YAML: \(problem)", line: mark.line, column: mark.column,
      notes: context.map { ["\($0.text) at line \($0.mark.line), column \($0.mark.column)"] } ?? [],
      remedy: "check indentation, quotes and the blank after each colon")
  case .reader(let problem, _, _, _):
    problems.error("rule.yaml", "not YAML: \(problem)", line: 1, column: 1, remedy: "save the file as UTF-8")
  default:
    problems.error("rule.yaml", "the file can't be read as YAML", line: 1, column: 1)
  }
}

/// The parser stops at a key that comes twice without saying where. So the first character of every key of that name
/// is replaced by a private-use character, each time another one: columns stay, and the keys become different.
private struct KeyMask {
  private var originals: [Unicode.Scalar] = []
  private static let first: UInt32 = 0xE000
  private static let last: UInt32 = 0xF8FF

  /// False when there was nothing to hide.
  mutating func hide(_ key: String, in text: inout [Unicode.Scalar]) -> Bool {
    let name = Array(restore(key).unicodeScalars)
    guard let initial = name.first else { return false }
    var changed = false
    var i = 0
    while i + name.count <= text.count {
      if Array(text[i..<i + name.count]) == name, isKey(text, i, i + name.count),
        Self.first + UInt32(originals.count) <= Self.last,
        let replacement = Unicode.Scalar(Self.first + UInt32(originals.count))
      {
        originals.append(initial)
        text[i] = replacement
        changed = true
        i += name.count
      } else {
        i += 1
      }
    }
    return changed
  }

  func restore(_ text: String) -> String {
    if originals.isEmpty { return text }
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      let index = Int(scalar.value) - Int(Self.first)
      result.append(index >= 0 && index < originals.count ? originals[index] : scalar)
    }
    return String(result)
  }

  private func isKey(_ text: [Unicode.Scalar], _ start: Int, _ end: Int) -> Bool {
    if start > 0, !" \n{,\"'".unicodeScalars.contains(text[start - 1]) { return false }
    var i = end
    if i < text.count, text[i] == "\"" || text[i] == "'" { i += 1 }
    while i < text.count, text[i] == " " { i += 1 }
    return i < text.count && text[i] == ":"
  }
}

/// The file's lines, for excerpts and for finding a scalar's characters.
struct SourceText {
  let lines: [[Unicode.Scalar]]

  init(_ text: String) {
    var lines: [[Unicode.Scalar]] = []
    var line: [Unicode.Scalar] = []
    for scalar in text.unicodeScalars {
      if scalar == "\n" {
        lines.append(line)
        line = []
      } else if scalar != "\r" {
        line.append(scalar)
      }
    }
    lines.append(line)
    self.lines = lines
  }

  /// The text of a 1-based line; empty outside the file.
  func line(_ number: Int) -> String {
    guard number >= 1, number <= lines.count else { return "" }
    var view = String.UnicodeScalarView()
    view.append(contentsOf: lines[number - 1])
    return String(view)
  }
}

private struct YamlReader {
  let source: SourceText
  let mask: KeyMask
  let problems: Problems

  func convert(_ node: Node) -> YamlNode {
    let mark = (line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
    if node.anchor != nil {
      problems.error(
        "rule.anchor", "anchors and aliases are not part of the rule language", line: mark.line, column: mark.column,
        remedy: "write the value out, or name a condition under let")
    }
    switch node {
    case .scalar(let scalar):
      return YamlNode(kind: .scalar(convert(scalar)), line: mark.line, column: mark.column)
    case .sequence(let sequence):
      return YamlNode(kind: .sequence(sequence.map(convert)), line: mark.line, column: mark.column)
    case .mapping(let mapping):
      var entries: [(key: YamlScalar, value: YamlNode)] = []
      for (key, value) in mapping {
        guard case .scalar(let scalar) = key else {
          problems.error(
            "rule.key", "a key must be a word", line: key.mark?.line ?? mark.line,
            column: key.mark?.column ?? mark.column)
          continue
        }
        let name = convert(scalar)
        let converted = convert(value)
        if name.text == "<<" {
          problems.error(
            "rule.anchor", "merge keys are not part of the rule language", line: name.line, column: name.column,
            remedy: "write the keys out")
        } else if let first = entries.first(where: { $0.key.text == name.text }) {
          problems.error(
            "rule.duplicate-key", "key \(name.text) comes twice in this mapping", name, name.whole,
            notes: ["first at line \(first.key.line), column \(first.key.column)"], remedy: "keep one of them")
        } else {
          entries.append((name, converted))
        }
      }
      return YamlNode(kind: .mapping(entries), line: mark.line, column: mark.column)
    case .alias:
      return YamlNode(kind: .sequence([]), line: mark.line, column: mark.column)
    }
  }

  private func convert(_ scalar: Node.Scalar) -> YamlScalar {
    let mark = (line: scalar.mark?.line ?? 1, column: scalar.mark?.column ?? 1)
    let text = mask.restore(scalar.string)
    return YamlScalar(
      text: text, line: mark.line, column: mark.column,
      places: places(of: Array(text.unicodeScalars), style: scalar.style, line: mark.line, column: mark.column))
  }

  /// Walks source and value side by side. What folding, escapes and indentation took away is skipped.
  private func places(of text: [Unicode.Scalar], style: Node.Scalar.Style, line: Int, column: Int)
    -> [(line: Int, column: Int)]
  {
    var row = line - 1
    var at = column - 1
    var result: [(line: Int, column: Int)] = []
    result.reserveCapacity(text.count + 1)
    func scalar() -> Unicode.Scalar? {
      guard row < source.lines.count else { return nil }
      return at < source.lines[row].count ? source.lines[row][at] : "\n"
    }
    func advance() {
      guard row < source.lines.count else { return }
      if at < source.lines[row].count {
        at += 1
      } else {
        row += 1
        at = 0
      }
    }
    func isBlank(_ s: Unicode.Scalar) -> Bool { s == " " || s == "\t" || s == "\n" }
    let isBlock = style == .literal || style == .folded
    var indent = 0
    func skipIndent() {
      guard row < source.lines.count else { return }
      at = min(indent, source.lines[row].count)
    }
    if isBlock {
      row += 1
      at = 0
      var probe = row
      while probe < source.lines.count, source.lines[probe].allSatisfy({ $0 == " " }) { probe += 1 }
      if probe < source.lines.count { indent = source.lines[probe].prefix { $0 == " " }.count }
      skipIndent()
    } else if style == .singleQuoted || style == .doubleQuoted {
      at += 1
    }
    for t in text {
      if !isBlank(t) {
        while let s = scalar(), isBlank(s), s != t { advance() }
      }
      result.append((row + 1, at + 1))
      guard let s = scalar() else { continue }
      if style == .doubleQuoted, s == "\\" {
        advance()
        let letter = scalar()
        advance()
        let digits = letter == "x" ? 2 : letter == "u" ? 4 : letter == "U" ? 8 : 0
        for _ in 0..<digits { advance() }
      } else if style == .singleQuoted, s == "'" {
        advance()
        advance()
      } else if isBlock, s == "\n", t == "\n" || t == " " {
        advance()
        skipIndent()
      } else if t == " ", s == "\n" {
        while let next = scalar(), isBlank(next) { advance() }
      } else {
        advance()
      }
    }
    result.append((row + 1, at + 1))
    return result
  }
}

/// Collects the diagnostics of one file.
final class Problems {
  let path: String
  let source: SourceText
  private(set) var all: [Diagnostic] = []

  init(path: String, text: String) {
    self.path = path
    let text = text.unicodeScalars.first == "\u{FEFF}" ? String(text.unicodeScalars.dropFirst()) : text
    source = SourceText(text)
  }

  var hasErrors: Bool { all.contains { $0.severity == .error } }

  /// A problem with a stretch of a scalar.
  func error(
    _ code: String, _ message: String, _ scalar: YamlScalar, _ range: Range<Int>? = nil, notes: [String] = [],
    remedy: String? = nil
  ) {
    let place = scalar.place(range ?? scalar.whole)
    add(.error, code, message, place.line, place.column, place.length, notes, remedy)
  }

  func warning(
    _ code: String, _ message: String, _ scalar: YamlScalar, _ range: Range<Int>? = nil, notes: [String] = [],
    remedy: String? = nil
  ) {
    let place = scalar.place(range ?? scalar.whole)
    add(.warning, code, message, place.line, place.column, place.length, notes, remedy)
  }

  func error(
    _ code: String, _ message: String, line: Int, column: Int, notes: [String] = [], remedy: String? = nil
  ) {
    add(.error, code, message, line, column, 1, notes, remedy)
  }

  func error(_ code: String, _ message: String, _ node: YamlNode, notes: [String] = [], remedy: String? = nil) {
    if let scalar = node.scalar {
      error(code, message, scalar, notes: notes, remedy: remedy)
    } else {
      error(code, message, line: node.line, column: node.column, notes: notes, remedy: remedy)
    }
  }

  private func add(
    _ severity: Severity, _ code: String, _ message: String, _ line: Int, _ column: Int, _ length: Int,
    _ notes: [String], _ remedy: String?
  ) {
    let diagnostic = Diagnostic(
      severity, code, message, at: Place(file: path, line: line, column: column),
      excerpt: Excerpt(text: source.line(line), column: column, length: length), notes: notes, remedy: remedy)
    if !all.contains(diagnostic) { all.append(diagnostic) }
  }

  /// In the order of the file.
  var sorted: [Diagnostic] {
    all.enumerated().sorted { a, b in
      let x = (a.element.place.line ?? 0, a.element.place.column ?? 0, a.offset)
      let y = (b.element.place.line ?? 0, b.element.place.column ?? 0, b.offset)
      return x < y
    }.map(\.element)
  }
}
