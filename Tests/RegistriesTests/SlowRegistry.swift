import ClaimModel
import Diagnostics
import Foundation

@testable import Intake
@testable import Registries

/// A CSV table read whole and byte by byte, field by field as a text: what `CSVRows` must agree with.
struct SlowCSV {
  var header: [String] = []
  var rows: [[String]] = []
  var lines: [Int] = []
  /// `endsText`: without a line feed behind it.
  var problems: [(line: Int, message: String, endsText: Bool)] = []

  init(bytes: [UInt8], name: String) throws {
    let (text, _) = try Self.decoded(bytes, name)
    parse(text, name)
    guard !header.isEmpty else { throw Refusal.empty(name, nil) }
  }

  private static func decoded(_ bytes: [UInt8], _ name: String) throws -> ([UInt8], Charset) {
    if bytes.starts(with: [0xFF, 0xFE]) || bytes.starts(with: [0xFE, 0xFF]) {
      let charset: Charset = bytes[0] == 0xFF ? .utf16LittleEndian : .utf16BigEndian
      if let text = CSVTable.transcode(Array(bytes.dropFirst(2)), charset) { return (text, charset) }
      throw Refusal.charset(name, nil, "the file is not valid \(charset.rawValue)")
    }
    var body = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? Array(bytes.dropFirst(3)) : bytes
    let count = body.count
    let bad = body.withUnsafeMutableBufferPointer { buffer in
      buffer.baseAddress.map { ByteScan.firstInvalidUTF8($0, 0, count) } ?? 0
    }
    if bad == count { return (body, .utf8) }
    if let text = CSVTable.transcode(body, .gb18030) { return (text, .gb18030) }
    throw Refusal.charset(name, nil, "the file is neither valid UTF-8 (byte \(bad)) nor valid GB18030")
  }

  private mutating func parse(_ bytes: [UInt8], _ name: String) {
    var i = 0
    var line = 1
    while i < bytes.count {
      let firstLine = line
      var fields: [String] = []
      var fault: String?
      var ended = false
      var endsText = false
      while !ended {
        var field: [UInt8] = []
        while i < bytes.count, bytes[i] == 0x20 || bytes[i] == 0x09 { i += 1 }
        if i < bytes.count, bytes[i] == 0x22 {
          i += 1
          var closed = false
          while i < bytes.count {
            let byte = bytes[i]
            i += 1
            if byte == 0x22 {
              if i < bytes.count, bytes[i] == 0x22 {
                field.append(0x22)
                i += 1
                continue
              }
              closed = true
              break
            }
            if byte == 0x0A { line += 1 }
            field.append(byte)
          }
          if !closed { fault = "an enclosure is not closed" }
        }
        let plainFrom = i
        while i < bytes.count, bytes[i] != 0x2C, bytes[i] != 0x0A { i += 1 }
        var rest = bytes[plainFrom..<i]
        if i >= bytes.count || bytes[i] == 0x0A {
          ended = true
          endsText = i >= bytes.count
          if rest.last == 0x0D { rest = rest.dropLast() }
        }
        while let last = rest.last, last == 0x20 || last == 0x09 { rest = rest.dropLast() }
        field.append(contentsOf: rest)
        while let last = field.last, last == 0x20 || last == 0x09 { field.removeLast() }
        let start = field.firstIndex { $0 != 0x20 && $0 != 0x09 } ?? field.count
        fields.append(String(decoding: field[start...], as: UTF8.self))
        if i < bytes.count { i += 1 }
      }
      line += 1
      if fields == [""] { continue }
      if header.isEmpty {
        header = fields
      } else if let fault {
        problems.append((firstLine, fault, endsText))
      } else if fields.count != header.count {
        problems.append((firstLine, "the row has \(fields.count) fields, the header \(header.count)", endsText))
      } else {
        rows.append(fields)
        lines.append(firstLine)
      }
    }
  }

}

/// A registry from its text; throws the `Diagnostic` that refuses the table.
func slowRegistry(
  _ schema: RegistrySchema, _ text: SlowCSV, digest: String, source: String, place: Place, codes: CodeTable
) throws -> Registry {
  if let last = text.problems.last, last.endsText {
    throw Diagnostic(
      .error, "registry.cut-off",
      "The table may be cut off: its last row, without a line feed, is none: \(last.message).",
      at: Place(file: place.file, line: last.line),
      remedy: "Export or copy the table again. If the table is whole, take out the last line, or close its enclosure.")
  }
  let names = text.header.map { trimmed($0).lowercased() }
  if !names.contains(where: { schema.kind(of: $0) != nil }) {
    throw Diagnostic(
      .error, "registry.no-header", "The first line names no column of \(schema.name).",
      at: Place(file: place.file, line: 1), remedy: "Export the table with a header line.")
  }
  if let twice = names.first(where: { name in names.filter { $0 == name }.count > 1 }) {
    throw Diagnostic(
      .error, "registry.duplicate-column", "The header names \(twice) twice.",
      at: Place(file: place.file, line: 1, field: twice), remedy: "Export the table again with each column once.")
  }
  let missing = schema.columns.filter { $0.required && !names.contains($0.name) }.map(\.name)
  if !missing.isEmpty {
    throw Diagnostic(
      .error, "registry.missing-column",
      "The table \(schema.name) lacks required columns: \(missing.joined(separator: ", ")).", at: place,
      remedy: "Export the columns, under these names.")
  }
  var reader = SlowRegistryReader(schema: schema, positions: schema.columns.map { names.firstIndex(of: $0.name) })
  for (i, fields) in text.rows.enumerated() {
    reader.read(fields, line: text.lines[i], file: source, codes: codes)
  }
  reader.rejected += text.problems.map { problem in
    Reject(
      file: source, table: schema.name, line: problem.line, byteOffset: 0, column: nil, code: "bad-row",
      reason: problem.message, action: .rejected)
  }
  if schema.name == "hilist_lmt_b" {
    reader.rejectUnsureVisits(file: source, codes: codes)
    reader.rejectContradictingLimits(file: source, insurance: codes.intern("insutype"))
  }
  let isAmbiguous = schema.reading == .one ? reader.markOverlaps(file: source) : nil
  var table = Registry(
    schema: schema, count: reader.count, columns: reader.columns,
    isAmbiguous: isAmbiguous ?? [Bool](repeating: false, count: reader.count), digest: digest, source: source,
    rejected: reader.rejected.sorted { ($0.line, $0.code) < ($1.line, $1.code) },
    unknownColumns: names.filter { schema.kind(of: $0) == nil && !$0.isEmpty })
  table.dropped = reader.dropped
  return table
}

/// Reads rows one by one into columns, and keeps those aside that the schema refuses.
private struct SlowRegistryReader {
  let schema: RegistrySchema
  let positions: [Int?]
  // Found once, not by name in each of a hundred thousand rows.
  private let isKey: [Bool]
  private let valiFlag: Int?
  private let begin: Int?
  private let end: Int?
  private let isLimits: Bool
  var text: [[UInt32]]
  var numbers: [[Int64]]
  var origins: [Int] = []
  var rejected: [Reject] = []
  var dropped = 0
  private var undated: Set<Int> = []
  private var unsureVisits: Set<String> = []
  var count: Int { origins.count }

  init(schema: RegistrySchema, positions: [Int?]) {
    self.schema = schema
    self.positions = positions
    func index(_ name: String) -> Int? { schema.columns.firstIndex { $0.name == name } }
    isKey = schema.columns.map { schema.key.contains($0.name) }
    valiFlag = index("vali_flag")
    begin = index("begndate")
    end = index("enddate")
    isLimits = schema.name == "hilist_lmt_b"
    text = [[UInt32]](repeating: [], count: schema.columns.count)
    numbers = [[Int64]](repeating: [], count: schema.columns.count)
  }

  var columns: [String: ColumnData] {
    var result: [String: ColumnData] = [:]
    for (i, column) in schema.columns.enumerated() {
      result[column.name] = column.kind == .text ? .text(text[i]) : .number(numbers[i])
    }
    return result
  }

  mutating func read(_ fields: [String], line: Int, file: String, codes: CodeTable) {
    func aside(_ code: String, _ column: String?, _ reason: String, _ action: Reject.Action = .rejected) -> Reject {
      Reject(
        file: file, table: schema.name, line: line, byteOffset: 0, column: column, code: code, reason: reason,
        action: action)
    }
    var values: [String?] = positions.map { $0.flatMap { cleaned(fields[$0]) } }
    var parsed = [Int64](repeating: ColumnData.null, count: values.count)
    var nulled: [Reject] = []
    if let flag = valiFlag.flatMap({ values[$0] }), flag != "1" {
      dropped += 1
      return
    }
    for (i, column) in schema.columns.enumerated() {
      if isKey[i], values[i] == nil {
        rejected.append(aside("null-key", column.name, "a column of the key is null"))
        return
      }
      guard column.kind != .text else {
        values[i] = values[i].map { shaped($0, column.form) }
        continue
      }
      if i == begin, values[i] == nil {
        rejected.append(aside("null-date", column.name, "the first day of validity is null"))
        return
      }
      guard var field = values[i] else { continue }
      if let number = field.withUTF8({ column.kind.parse(UnsafeRawBufferPointer($0)) }) {
        parsed[i] = number
      } else if i == begin || i == end {
        if isLimits {
          rejected.append(aside("bad-date", column.name, "not a date yyyy-MM-dd"))
          noteUnsureVisit(values)
          return
        }
        parsed[i] = i == begin ? CivilTime.parseDay("0001-01-01") ?? 0 : ColumnData.null
        if schema.reading == .existence {
          let meaning = i == begin ? "valid from ever on" : "open"
          nulled.append(aside("bad-date", column.name, "not a date yyyy-MM-dd; read as \(meaning)", .nulled))
        } else if !nulled.contains(where: { $0.code == "bad-date" }) {
          nulled.append(aside("bad-date", column.name, "not a date yyyy-MM-dd; the key can't be evaluated"))
        }
      } else {
        nulled.append(aside("bad-value", column.name, "not a \(column.kind.rawValue); read as null", .nulled))
      }
    }
    if let end {
      if parsed[end] == SlowRegistryReader.openDay { parsed[end] = ColumnData.null }
      if let begin, parsed[end] != ColumnData.null, parsed[end] < parsed[begin] {
        rejected.append(aside("ends-before-begin", "enddate", "the last day lies before the first"))
        return
      }
    }
    if isLimits, let problem = limitProblem(values, parsed) {
      rejected.append(aside(problem.code, problem.column, problem.reason))
      noteUnsureVisit(values)
      return
    }
    if nulled.contains(where: { $0.action == .rejected }) { undated.insert(count) }
    rejected.append(contentsOf: nulled)
    for (i, column) in schema.columns.enumerated() {
      // sure_flag is 1 only where it says so, else 0; the lowest of a limit's rows holds.
      if column.name == "sure_flag", parsed[i] == ColumnData.null {
        numbers[i].append(0)
      } else if column.kind == .text {
        text[i].append(values[i].map { codes.intern($0) } ?? CodeTable.null)
      } else {
        numbers[i].append(parsed[i])
      }
    }
    origins.append(line)
  }

  private mutating func noteUnsureVisit(_ values: [String?]) {
    guard let type = index("lmt_type"), let item = index("med_list_codg"), let type = values[type],
      shaped(type, schema.columns[index("lmt_type") ?? 0].form) == "visit", let item = values[item]
    else { return }
    unsureVisits.insert(shaped(item, .code))
  }

  /// A limit by kind of visit says nothing where another one of the item can't be read.
  mutating func rejectUnsureVisits(file: String, codes: CodeTable) {
    guard let type = index("lmt_type"), let item = index("med_list_codg") else { return }
    for row in (0..<count).reversed()
    where codes.text(text[type][row]) == "visit" && unsureVisits.contains(codes.text(text[item][row])) {
      rejected.append(
        Reject(
          file: file, table: schema.name, line: origins[row], byteOffset: 0, column: "lmt_val", code: "unsure-limit",
          reason: "another row of the item, which may allow a kind of visit, can't be read", action: .rejected))
      for (i, column) in schema.columns.enumerated() {
        if column.kind == .text { text[i].remove(at: row) } else { numbers[i].remove(at: row) }
      }
      origins.remove(at: row)
    }
  }

  /// Which values of a limit mean something (Documentation/inputs.md).
  private func limitProblem(_ values: [String?], _ parsed: [Int64]) -> (code: String, column: String, reason: String)? {
    let allowed: [String: [String]] = [
      "hosp_lv": ["2", "3"], "visit": ["inpatient", "outpatient", "emergency", "pharmacy"],
      "insutype": ["work_injury", "maternity"],
    ]
    guard let limits = allowed[value("lmt_type", values) ?? ""] else {
      return ("unknown-limit", "lmt_type", "not one of hosp_lv, visit, insutype")
    }
    if !limits.contains(value("lmt_val", values) ?? "") {
      return ("bad-limit", "lmt_val", "not a value of this lmt_type")
    }
    if value("med_list_codg", values) == nil { return ("null-key", "med_list_codg", "the limit names no item") }
    // Null is no certainty: it is kept as 0 below.
    if let sure = index("sure_flag"), parsed[sure] != 0, parsed[sure] != 1, parsed[sure] != ColumnData.null {
      return ("bad-value", "sure_flag", "not 0 or 1")
    }
    return nil
  }

  /// Two different insutype values for one med_list_codg on a common day: both rows go.
  mutating func rejectContradictingLimits(file: String, insurance: UInt32) {
    guard let type = index("lmt_type"), let value = index("lmt_val"), let item = index("med_list_codg"),
      let begin = index("begndate"), let end = index("enddate")
    else { return }
    var byItem: [UInt32: [Int]] = [:]
    for row in 0..<count { byItem[text[item][row], default: []].append(row) }
    var isRejected = [Bool](repeating: false, count: count)
    for (_, rows) in byItem {
      let limits = rows.filter { text[type][$0] == insurance }
      for a in limits {
        for b in limits where text[value][a] != text[value][b] {
          let first = max(numbers[begin][a], numbers[begin][b])
          if first <= min(lastDay(numbers[end][a]), lastDay(numbers[end][b])) { isRejected[a] = true }
        }
      }
    }
    if !isRejected.contains(true) { return }
    for row in 0..<count where isRejected[row] {
      rejected.append(
        Reject(
          file: file, table: schema.name, line: origins[row], byteOffset: 0, column: "lmt_val",
          code: "contradicting-limits", reason: "two insurance types limit one item on a common day",
          action: .rejected))
    }
    let kept = (0..<count).filter { !isRejected[$0] }
    for (i, column) in schema.columns.enumerated() {
      if column.kind == .text { text[i] = kept.map { text[i][$0] } } else { numbers[i] = kept.map { numbers[i][$0] } }
    }
    origins = kept.map { origins[$0] }
  }

  /// Rows of one key that overlap in time: all of them are ambiguous, and counted as rejected.
  mutating func markOverlaps(file: String) -> [Bool] {
    let keyColumns = schema.key.compactMap { index($0) }
    let keys = KeyIndex(
      columns: keyColumns.map { k in
        schema.columns[k].kind == .text
          ? text[k].map { KeyIndex.keyValue(code: $0) } : numbers[k].map { KeyIndex.keyValue(number: $0) }
      }, count: count)
    let always = [Int64](repeating: ColumnData.null, count: count)
    let begins = self.index("begndate").map { numbers[$0] } ?? always
    let ends = self.index("enddate").map { numbers[$0] } ?? always
    var isAmbiguous = [Bool](repeating: false, count: count)
    for group in 0..<keys.groupCount where keys.rows(group).count > 1 {
      let rows = keys.rows(group).map { Int($0) }.sorted { (begins[$0], $0) < (begins[$1], $1) }
      var latestEnd = Int64.min
      for (i, row) in rows.enumerated() {
        let overlapsEarlier = i > 0 && begins[row] <= latestEnd
        let overlapsLater = i + 1 < rows.count && begins[rows[i + 1]] <= lastDay(ends[row])
        latestEnd = max(latestEnd, lastDay(ends[row]))
        guard overlapsEarlier || overlapsLater else { continue }
        isAmbiguous[row] = true
        if undated.contains(row) { continue }
        rejected.append(
          Reject(
            file: file, table: schema.name, line: origins[row], byteOffset: 0,
            column: schema.key.last, code: "overlap",
            reason: "another row of the same key holds on a common day; the key can't be evaluated on the days of both",
            action: .rejected))
      }
    }
    for row in undated { isAmbiguous[row] = true }
    return isAmbiguous
  }

  private func index(_ name: String) -> Int? { schema.columns.firstIndex { $0.name == name } }
  private func value(_ name: String, _ values: [String?]) -> String? { index(name).flatMap { values[$0] } }
  private func lastDay(_ end: Int64) -> Int64 { end == ColumnData.null ? Int64.max : end }
  /// 9999-12-31, which many exports write for an open end.
  private static let openDay = CivilTime.day(year: 9999, month: 12, day: 31)
}

private func trimmed(_ text: String) -> String {
  // Nearly every field has ASCII at both ends and no blank there; Foundation costs ten times the rest of the row.
  let bytes = text.utf8
  guard let first = bytes.first, let last = bytes.last else { return text }
  func isPlain(_ byte: UInt8) -> Bool { byte > 0x20 && byte < 0x80 }
  return isPlain(first) && isPlain(last) ? text : text.trimmingCharacters(in: .whitespaces)
}

/// nil for the three ways in which registries write null.
private func cleaned(_ field: String) -> String? {
  let text = trimmed(field)
  return text.isEmpty || text == "NULL" || text == "\\N" ? nil : text
}

private func shaped(_ text: String, _ form: RegistryTextForm) -> String {
  switch form {
  case .verbatim: text
  case .code:
    !text.utf8.contains(where: { $0 >= 0x61 && $0 <= 0x7A })
      ? text : String(decoding: text.utf8.map { $0 >= 0x61 && $0 <= 0x7A ? $0 - 0x20 : $0 }, as: UTF8.self)
  case .word:
    !text.utf8.contains(where: { $0 >= 0x41 && $0 <= 0x5A })
      ? text : String(decoding: text.utf8.map { $0 >= 0x41 && $0 <= 0x5A ? $0 + 0x20 : $0 }, as: UTF8.self)
  }
}
