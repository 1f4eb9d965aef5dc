import ClaimModel
import Intake

/// Reads rows one by one into columns, and keeps those aside that the schema refuses.
///
/// Works on the bytes of the file: hundreds of thousands of registrations are loaded by every command.
final class RegistryReader {
  private struct Column {
    /// Field of the row; -1 where the file lacks the column.
    var field: Int
    var kind: ValueKind
    var form: RegistryTextForm
    var isKey: Bool
    /// Null is 0: a limit is sure (sure_flag 1) only where the row says so.
    var isZeroWithoutValue: Bool
    var codes: UnsafeMutablePointer<UInt32>?
    var numbers: UnsafeMutablePointer<Int64>?
    // The field as it was last delivered, and what it meant: most columns repeat themselves. -1: none yet.
    var lastCount = -1
    var last: UnsafeMutablePointer<UInt8>
    var lastCode: UInt32 = 0
    var lastNumber: Int64 = 0
  }

  /// Longer fields are not remembered.
  private static let longest = 64
  /// Of a row that says a first day which can't be read.
  private static let everBefore = CivilTime.day(year: 1, month: 1, day: 1) ?? 0
  /// 9999-12-31, which many exports write for an open end.
  private static let openDay = CivilTime.day(year: 9999, month: 12, day: 31)

  private let schema: RegistrySchema
  private let codes: CodeTable
  private let file: String
  private let columns: UnsafeMutablePointer<Column>
  private let columnCount: Int
  // Of the row that is being read.
  private let parsed: UnsafeMutablePointer<Int64>
  private var turnedBytes: UnsafeMutablePointer<UInt8>?
  private var turnedCapacity = 0
  /// What is wrong with the row, if nothing else refuses it whole.
  private var remarks: [Reject] = []
  // Found once, not by name in each of a hundred thousand rows; -1: none.
  private let valiFlag: Int
  private let begin: Int
  private let end: Int
  private let isLimits: Bool
  private let keepsLines: Bool

  private var count = 0
  private var capacity = 0
  private var lines: [Int] = []
  /// Rows of a table read for one row whose validity can't be read.
  private var undated: [Int] = []
  /// Items of which a kind of visit would be allowed if the row could be read.
  private var unsureVisits: Set<String> = []
  private var dropped = 0
  var rejected: [Reject] = []

  /// `positions`: field of each column of the schema.
  init(_ schema: RegistrySchema, _ positions: [Int?], file: String, _ codes: CodeTable) {
    self.schema = schema
    self.codes = codes
    self.file = file
    func index(_ name: String) -> Int { schema.columns.firstIndex { $0.name == name } ?? -1 }
    valiFlag = index("vali_flag")
    begin = index("begndate")
    end = index("enddate")
    isLimits = schema.name == "hilist_lmt_b"
    keepsLines = isLimits || schema.reading == .one
    columnCount = schema.columns.count
    columns = .allocate(capacity: columnCount)
    parsed = .allocate(capacity: columnCount)
    parsed.initialize(repeating: ColumnData.null, count: columnCount)
    for (i, column) in schema.columns.enumerated() {
      (columns + i).initialize(
        to: Column(
          field: positions[i] ?? -1, kind: column.kind, form: column.form, isKey: schema.key.contains(column.name),
          isZeroWithoutValue: column.name == "sure_flag", last: .allocate(capacity: Self.longest)))
    }
  }

  deinit {
    for i in 0..<columnCount {
      columns[i].codes?.deallocate()
      columns[i].numbers?.deallocate()
      columns[i].last.deallocate()
    }
    columns.deallocate()
    parsed.deallocate()
    turnedBytes?.deallocate()
  }

  /// Takes a row or sets it aside.
  func read(_ fields: UnsafePointer<CSVRows.Field>, line: Int) {
    if valiFlag >= 0, columns[valiFlag].field >= 0 {
      let flag = cleaned(fields[columns[valiFlag].field])
      if flag.count > 0, flag.count != 1 || flag.base[0] != 0x31 {
        dropped += 1
        return
      }
    }
    if !remarks.isEmpty { remarks = [] }
    var isUndated = false
    for i in 0..<columnCount {
      let column = columns + i
      let isText = column.pointee.kind == .text
      if isText && !column.pointee.isKey { continue }
      if column.pointee.field < 0 {
        if !refused(null: i, line) { continue }
        return
      }
      let field = fields[column.pointee.field]
      if !isText, isLast(field, column) {
        parsed[i] = column.pointee.lastNumber
        continue
      }
      let value = cleaned(field)
      if value.count == 0 {
        if refused(null: i, line) { return }
        continue
      }
      if isText { continue }
      if let number = column.pointee.kind.parse(UnsafeRawBufferPointer(start: value.base, count: value.count)) {
        parsed[i] = number
        if remember(field, column) { column.pointee.lastNumber = number }
      } else if i == begin || i == end {
        if isLimits {
          reject(line, "bad-date", schema.columns[i].name, "not a date yyyy-MM-dd")
          noteUnsureVisit(fields)
          return
        }
        // The row does speak of its key, only not of when. That must not read as if it were not there, nor as open: a
        // key that is read for one row can't be evaluated, and what excuses where it exists holds throughout.
        parsed[i] = i == begin ? Self.everBefore : ColumnData.null
        if schema.reading == .existence {
          remarks.append(
            aside(
              line, "bad-date", schema.columns[i].name,
              "not a date yyyy-MM-dd; read as \(i == begin ? "valid from ever on" : "open")", .nulled))
        } else if !isUndated {
          remarks.append(
            aside(
              line, "bad-date", schema.columns[i].name, "not a date yyyy-MM-dd; the key can't be evaluated", .rejected))
        }
        isUndated = true
      } else {
        parsed[i] = ColumnData.null
        remarks.append(
          aside(
            line, "bad-value", schema.columns[i].name, "not a \(column.pointee.kind.rawValue); read as null", .nulled))
      }
    }
    if end >= 0 {
      if parsed[end] == Self.openDay { parsed[end] = ColumnData.null }
      if begin >= 0, parsed[end] != ColumnData.null, parsed[end] < parsed[begin] {
        reject(line, "ends-before-begin", "enddate", "the last day lies before the first")
        return
      }
    }
    if isLimits, let problem = limitProblem(fields) {
      reject(line, problem.code, problem.column, problem.reason)
      noteUnsureVisit(fields)
      return
    }
    if isUndated, schema.reading == .one { undated.append(count) }
    if !remarks.isEmpty { rejected.append(contentsOf: remarks) }
    if count == capacity { grow() }
    for i in 0..<columnCount {
      let column = columns + i
      if column.pointee.kind == .text {
        column.pointee.codes?[count] = column.pointee.field < 0 ? CodeTable.null : code(fields, column)
      } else {
        let isZero = column.pointee.isZeroWithoutValue && parsed[i] == ColumnData.null
        column.pointee.numbers?[count] = isZero ? 0 : parsed[i]
      }
    }
    if keepsLines { lines.append(line) }
    count += 1
  }

  /// The rows that were taken. Call once.
  func finish() -> RegistryRows {
    var rows = RegistryRows(
      schema: schema, count: count, lines: lines, undated: undated,
      unsureVisits: Set(unsureVisits.compactMap { codes.find($0) }), dropped: dropped, rejected: rejected)
    for i in 0..<columnCount {
      // One by one, so that no more than one column is there twice.
      if columns[i].kind == .text {
        rows.text.append(Array(UnsafeBufferPointer(start: columns[i].codes, count: count)))
        rows.numbers.append([])
        columns[i].codes?.deallocate()
        columns[i].codes = nil
      } else {
        rows.text.append([])
        rows.numbers.append(Array(UnsafeBufferPointer(start: columns[i].numbers, count: count)))
        columns[i].numbers?.deallocate()
        columns[i].numbers = nil
      }
    }
    return rows
  }

  /// Notes that a column is null; true where that rejects the row.
  private func refused(null i: Int, _ line: Int) -> Bool {
    parsed[i] = ColumnData.null
    if columns[i].isKey {
      reject(line, "null-key", schema.columns[i].name, "a column of the key is null")
      return true
    }
    if i == begin {
      reject(line, "null-date", schema.columns[i].name, "the first day of validity is null")
      return true
    }
    return false
  }

  private func aside(
    _ line: Int, _ code: String, _ column: String?, _ reason: String, _ action: Reject.Action
  ) -> Reject {
    Reject(
      file: file, table: schema.name, line: line, byteOffset: 0, column: column, code: code, reason: reason,
      action: action)
  }

  private func reject(_ line: Int, _ code: String, _ column: String?, _ reason: String) {
    rejected.append(aside(line, code, column, reason, .rejected))
  }

  /// What is wrong with a row of hilist_lmt_b: which kinds and values of a limit there are stands in
  /// Documentation/inputs.md. nil: nothing.
  private func limitProblem(_ fields: UnsafePointer<CSVRows.Field>) -> (code: String, column: String, reason: String)? {
    let allowed: [String: [String]] = [
      "hosp_lv": ["2", "3"], "visit": ["inpatient", "outpatient", "emergency", "pharmacy"],
      "insutype": ["work_injury", "maternity"],
    ]
    guard let limits = allowed[text("lmt_type", fields) ?? ""] else {
      return ("unknown-limit", "lmt_type", "not one of hosp_lv, visit, insutype")
    }
    if !limits.contains(text("lmt_val", fields) ?? "") {
      return ("bad-limit", "lmt_val", "not a value of this lmt_type")
    }
    if text("med_list_codg", fields) == nil { return ("null-key", "med_list_codg", "the limit names no item") }
    // Null is no certainty: it is kept as 0.
    if let sure = schema.columns.firstIndex(where: { $0.name == "sure_flag" }), parsed[sure] != 0, parsed[sure] != 1,
      parsed[sure] != ColumnData.null
    {
      return ("bad-value", "sure_flag", "not 0 or 1")
    }
    return nil
  }

  /// Notes the item of a limit by kind of visit that was rejected: what it would have allowed is not known.
  private func noteUnsureVisit(_ fields: UnsafePointer<CSVRows.Field>) {
    guard text("lmt_type", fields) == "visit", let item = text("med_list_codg", fields) else { return }
    unsureVisits.insert(item)
  }

  /// The text of a column of the row in its form; nil for null.
  private func text(_ name: String, _ fields: UnsafePointer<CSVRows.Field>) -> String? {
    guard let i = schema.columns.firstIndex(where: { $0.name == name }), columns[i].field >= 0 else { return nil }
    let value = cleaned(fields[columns[i].field])
    if value.count == 0 { return nil }
    return CSVRows.text(shaped(value, columns[i].form))
  }

  @inline(__always)
  private func code(_ fields: UnsafePointer<CSVRows.Field>, _ column: UnsafeMutablePointer<Column>) -> UInt32 {
    let field = fields[column.pointee.field]
    if field.count == 0 { return CodeTable.null }
    if isLast(field, column) { return column.pointee.lastCode }
    let value = cleaned(field)
    var code = CodeTable.null
    if value.count > 0 {
      let text = shaped(value, column.pointee.form)
      code = codes.intern(UnsafeRawBufferPointer(start: text.base, count: text.count))
    }
    if remember(field, column) { column.pointee.lastCode = code }
    return code
  }

  @inline(__always)
  private func isLast(_ field: CSVRows.Field, _ column: UnsafeMutablePointer<Column>) -> Bool {
    if field.count != column.pointee.lastCount { return false }
    let a = UnsafeRawPointer(field.base)
    let b = UnsafeRawPointer(column.pointee.last)
    var i = field.count
    // From behind: serial numbers and days differ there.
    while i >= 8 {
      i &-= 8
      if a.loadUnaligned(fromByteOffset: i, as: UInt64.self) != b.loadUnaligned(fromByteOffset: i, as: UInt64.self) {
        return false
      }
    }
    while i > 0 {
      i &-= 1
      if field.base[i] != column.pointee.last[i] { return false }
    }
    return true
  }

  /// Whether the field is short enough to be remembered.
  @inline(__always)
  private func remember(_ field: CSVRows.Field, _ column: UnsafeMutablePointer<Column>) -> Bool {
    if field.count > Self.longest || field.count == 0 { return false }
    column.pointee.last.update(from: field.base, count: field.count)
    column.pointee.lastCount = field.count
    return true
  }

  /// The value without blanks around it; no byte for the three ways in which registries write null.
  @inline(__always)
  private func cleaned(_ field: CSVRows.Field) -> CSVRows.Field {
    if field.count == 0 { return field }
    // Nearly every field has ASCII at both ends and no blank there.
    let first = field.base[0]
    let last = field.base[field.count &- 1]
    let isPlain = first > 0x20 && first < 0x80 && last > 0x20 && last < 0x80
    let value = isPlain ? field : Self.trimmed(field)
    if value.count == 4, value.base[0] == 0x4E {
      if value.base[1] == 0x55, value.base[2] == 0x4C, value.base[3] == 0x4C {
        return CSVRows.Field(base: value.base, count: 0)
      }
    } else if value.count == 2, value.base[0] == 0x5C, value.base[1] == 0x4E {
      return CSVRows.Field(base: value.base, count: 0)
    }
    return value
  }

  @inline(never)
  private static func trimmed(_ field: CSVRows.Field) -> CSVRows.Field {
    let (base, count) = Blank.trimmed(field.base, field.count)
    return CSVRows.Field(base: base, count: count)
  }

  /// Texts of a form; the bytes are those of the field, or good until the next call.
  @inline(__always)
  private func shaped(_ value: CSVRows.Field, _ form: RegistryTextForm) -> CSVRows.Field {
    let first: UInt8
    switch form {
    case .verbatim: return value
    case .code: first = 0x61
    case .word: first = 0x41
    }
    var i = 0
    while i < value.count, value.base[i] &- first >= 26 { i &+= 1 }
    if i == value.count { return value }
    return turned(value, first)
  }

  /// The 26 letters from `first` on in the other case.
  private func turned(_ value: CSVRows.Field, _ first: UInt8) -> CSVRows.Field {
    if turnedCapacity < value.count {
      turnedBytes?.deallocate()
      turnedCapacity = max(256, value.count * 2)
      turnedBytes = .allocate(capacity: turnedCapacity)
    }
    guard let bytes = turnedBytes else { return value }
    for i in 0..<value.count {
      let byte = value.base[i]
      bytes[i] = byte &- first < 26 ? byte ^ 0x20 : byte
    }
    return CSVRows.Field(base: UnsafePointer(bytes), count: value.count)
  }

  private func grow() {
    let larger = max(256, capacity * 2)
    for i in 0..<columnCount {
      if columns[i].kind == .text {
        columns[i].codes = Self.moved(columns[i].codes, count, larger)
      } else {
        columns[i].numbers = Self.moved(columns[i].numbers, count, larger)
      }
    }
    capacity = larger
  }

  private static func moved<T>(_ old: UnsafeMutablePointer<T>?, _ count: Int, _ capacity: Int)
    -> UnsafeMutablePointer<T>
  {
    let larger = UnsafeMutablePointer<T>.allocate(capacity: capacity)
    if let old {
      larger.moveInitialize(from: old, count: count)
      old.deallocate()
    }
    return larger
  }
}
