import CExpat
import Diagnostics

/// Calls back on the elements of an XML text; names without their prefix.
///
/// expat checks well-formedness, so a part that was cut off is an error, and a document type (and with it entities of
/// its own) is refused.
private final class XMLReader {
  var start: (String, [String: String]) -> Void = { _, _ in }
  var end: (String) -> Void = { _ in }
  /// Character data arrive in pieces while this is true.
  var collects = false
  var text: [UInt8] = []
  fileprivate var hasDocumentType = false
  fileprivate var parser: XML_Parser?

  func read(_ bytes: [UInt8], _ path: String) throws {
    guard let parser = XML_ParserCreate("UTF-8") else {
      throw Diagnostic(.error, "knowledge.xml", "no XML reader could be made", at: Place(file: path))
    }
    self.parser = parser
    defer {
      XML_ParserFree(parser)
      self.parser = nil
    }
    XML_SetUserData(parser, Unmanaged.passUnretained(self).toOpaque())
    XML_SetElementHandler(
      parser,
      { context, name, attributes in
        guard let context, let name else { return }
        let reader = Unmanaged<XMLReader>.fromOpaque(context).takeUnretainedValue()
        var found: [String: String] = [:]
        var i = 0
        while let key = attributes?[i], let value = attributes?[i + 1] {
          found[localName(key)] = String(cString: value)
          i += 2
        }
        reader.start(localName(name), found)
      },
      { context, name in
        guard let context, let name else { return }
        Unmanaged<XMLReader>.fromOpaque(context).takeUnretainedValue().end(localName(name))
      })
    XML_SetCharacterDataHandler(parser) { context, bytes, count in
      guard let context, let bytes else { return }
      let reader = Unmanaged<XMLReader>.fromOpaque(context).takeUnretainedValue()
      guard reader.collects else { return }
      UnsafeRawBufferPointer(start: bytes, count: Int(count)).withMemoryRebound(to: UInt8.self) {
        reader.text.append(contentsOf: $0)
      }
    }
    XML_SetStartDoctypeDeclHandler(parser) { context, _, _, _, _ in
      guard let context else { return }
      let reader = Unmanaged<XMLReader>.fromOpaque(context).takeUnretainedValue()
      reader.hasDocumentType = true
      if let parser = reader.parser { XML_StopParser(parser, XML_Bool(XML_FALSE)) }
    }
    let status = bytes.withUnsafeBytes { raw in
      XML_Parse(parser, raw.bindMemory(to: CChar.self).baseAddress, Int32(raw.count), 1)
    }
    withExtendedLifetime(self) {}
    if hasDocumentType {
      throw Diagnostic(
        .error, "knowledge.xml", "a part of the workbook declares a document type", at: Place(file: path),
        remedy: "a workbook needs none; give the file as it was published")
    }
    if status != XML_STATUS_OK {
      let cause = XML_ErrorString(XML_GetErrorCode(parser)).map { String(cString: $0) } ?? "not well formed"
      throw Diagnostic(
        .error, "knowledge.xml", "a part of the workbook is damaged: \(cause)",
        at: Place(file: path, line: Int(XML_GetCurrentLineNumber(parser))),
        remedy: "download the workbook again, or open it in an office program and save it again")
    }
  }
}

private func localName(_ name: UnsafePointer<CChar>) -> String {
  let text = String(cString: name)
  guard let colon = text.utf8.lastIndex(of: 0x3A) else { return text }
  return String(text[text.index(after: colon)...])
}

/// Sheets of a workbook in their order, with the relation that leads to each.
func sheetList(_ bytes: [UInt8], _ path: String) throws -> [(name: String, relation: String)] {
  let reader = XMLReader()
  var sheets: [(name: String, relation: String)] = []
  reader.start = { name, attributes in
    // `r:id` and the sheet's own name; `sheetId` is another attribute.
    if name == "sheet" { sheets.append((attributes["name"] ?? "", attributes["id"] ?? "")) }
  }
  try reader.read(bytes, path)
  return sheets
}

/// Targets of a workbook's relations by id.
func relationshipTargets(_ bytes: [UInt8], _ path: String) throws -> [String: String] {
  let reader = XMLReader()
  var targets: [String: String] = [:]
  reader.start = { name, attributes in
    if name == "Relationship", let id = attributes["Id"] { targets[id] = attributes["Target"] }
  }
  try reader.read(bytes, path)
  return targets
}

/// Texts that cells refer to; the runs of a rich text are joined, phonetic hints left out.
func sharedStrings(_ bytes: [UInt8], _ path: String) throws -> [String] {
  let reader = XMLReader()
  var strings: [String] = []
  var phonetic = 0
  reader.start = { name, _ in
    switch name {
    case "si": reader.text = []
    case "rPh": phonetic += 1
    case "t": reader.collects = phonetic == 0
    default: break
    }
  }
  reader.end = { name in
    switch name {
    case "t": reader.collects = false
    case "rPh": phonetic -= 1
    case "si": strings.append(unescaped(reader.text))
    default: break
    }
  }
  try reader.read(bytes, path)
  return strings
}

/// Rows of a sheet. A value merged downwards stands in every row of its merge.
func sheetRows(_ bytes: [UInt8], _ strings: [String], _ path: String) throws
  -> [(number: Int, cells: [Int: Sheet.Cell])]
{
  let reader = XMLReader()
  var rows: [Int: [Int: Sheet.Cell]] = [:]
  var merges: [String] = []
  var row = 0
  var column = -1
  var kind = ""
  var phonetic = 0
  var danglings = 0
  reader.start = { name, attributes in
    switch name {
    case "row":
      row = attributes["r"].flatMap { Int($0) }.flatMap { (1...lastRow).contains($0) ? $0 : nil } ?? row + 1
      column = -1
    case "c":
      column = attributes["r"].flatMap { cellReference($0)?.column } ?? column + 1
      kind = attributes["t"] ?? "n"
      reader.text = []
    case "rPh": phonetic += 1
    case "v", "t": reader.collects = phonetic == 0
    case "mergeCell": if let area = attributes["ref"] { merges.append(area) }
    default: break
    }
  }
  reader.end = { name in
    switch name {
    case "v", "t": reader.collects = false
    case "rPh": phonetic -= 1
    case "c":
      if reader.text.isEmpty { break }
      var text = unescaped(reader.text)
      if kind == "s" {
        if let index = Int(text), strings.indices.contains(index) {
          text = strings[index]
        } else {
          danglings += 1
          text = ""
        }
      }
      if !text.isEmpty { rows[row, default: [:]][column] = Sheet.Cell(text: text, isNumber: kind == "n") }
    default: break
    }
  }
  try reader.read(bytes, path)
  if danglings > 0 {
    throw Diagnostic(
      .error, "knowledge.xml", "\(danglings) cells refer to texts that the workbook does not have",
      at: Place(file: path), remedy: "download the workbook again, or open it in an office program and save it again")
  }
  for area in merges {
    let corners = area.split(separator: ":").compactMap { cellReference(String($0)) }
    guard corners.count == 2, corners[0].column == corners[1].column, corners[1].row > corners[0].row,
      corners[1].row - corners[0].row < 100_000, let cell = rows[corners[0].row]?[corners[0].column]
    else { continue }
    // Only rows that have something of their own: a merge must not make rows.
    for number in (corners[0].row + 1)...corners[1].row where rows[number] != nil {
      rows[number]?[corners[0].column] = cell
    }
  }
  return rows.keys.sorted().map { ($0, rows[$0] ?? [:]) }
}

/// Numbers of rows beyond this one are nobody's; a sheet ends at 1,048,576.
private let lastRow = 10_000_000

/// `C12` as column 2, row 12.
private func cellReference(_ text: String) -> (column: Int, row: Int)? {
  var column = 0
  var row = 0
  for byte in text.utf8 {
    switch byte {
    case 0x41...0x5A where row == 0: column = column * 26 + Int(byte) - 0x40
    case 0x30...0x39: row = row * 10 + Int(byte) - 0x30
    case 0x24: continue
    default: return nil
    }
    if column > 20_000 || row > lastRow { return nil }
  }
  return column > 0 && row > 0 ? (column - 1, row) : nil
}

/// `_x000D_` stands for a character that XML can't hold.
private func unescaped(_ bytes: [UInt8]) -> String {
  let text = String(decoding: bytes, as: UTF8.self)
  guard text.contains("_x") else { return text }
  var result = ""
  var rest = text[...]
  while let underscore = rest.firstIndex(of: "_") {
    result += rest[..<underscore]
    rest = rest[underscore...]
    let candidate = rest.prefix(7)
    if candidate.count == 7, candidate.hasPrefix("_x"), candidate.hasSuffix("_"),
      let value = UInt32(candidate.dropFirst(2).dropLast(), radix: 16), let scalar = Unicode.Scalar(value)
    {
      result.unicodeScalars.append(scalar)
      rest = rest.dropFirst(7)
    } else {
      result += "_"
      rest = rest.dropFirst()
    }
  }
  return result + rest
}
