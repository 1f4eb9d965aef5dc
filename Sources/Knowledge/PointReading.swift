import ClaimModel
import Diagnostics

/// What the files may not say themselves.
public struct KnowledgeImportOptions: Sendable {
  /// Batch of all files of the command; letters, digits and `.`, at most eight.
  public var batch: String?
  /// Day of publication of all files of the command.
  public var published: Int64?
  /// First day on which the points hold; null: the day of publication.
  public var begin: Int64?
  public init(batch: String? = nil, published: Int64? = nil, begin: Int64? = nil) {
    self.batch = batch
    self.published = published
    self.begin = begin
  }
}

/// Rows of one sheet: read = imported + rejected.
public struct SheetCount: Sendable, Hashable {
  public var file: String
  public var digest: String
  public var sheet: String
  public var layout: String
  public var read: Int
  public var imported: Int
  public var rejected: Int
}

/// What a set of files holds.
public struct ReadKnowledge: Sendable {
  /// In the order of publication, batch and number.
  public var points: [KnowledgePoint] = []
  public var rejects: [KnowledgeReject] = []
  public var counts: [SheetCount] = []
  /// What a reader should look at and what refuses nothing.
  public var remarks: [Diagnostic] = []
}

/// Reads the points of workbooks and CSV files; nothing is stored.
///
/// Errors, all at once: unknown layouts, a records sheet without its codes or the reverse, no batch or date. A row that
/// can't be taken is a reject.
public func readPoints(_ books: [Workbook], options: KnowledgeImportOptions) throws(Diagnostics) -> ReadKnowledge {
  var reader = PointReader(options: options)
  // The order in which files are named must not show.
  for book in books.sorted(by: { bytesPrecede($0.digest + $0.name, $1.digest + $1.name) }) { reader.open(book) }
  return try reader.finish()
}

private struct PointReader {
  let options: KnowledgeImportOptions
  var problems: [Diagnostic] = []
  var tables: [OpenTable] = []
  var result = ReadKnowledge()
  var made: [(point: KnowledgePoint, table: Int)] = []

  struct OpenTable {
    var table: KnowledgeTable
    var book: Workbook
    /// Batch and day as the workbook's own text names them.
    var batch: String?
    var published: Int64?
    var rejected: Set<Int> = []
  }

  /// A drug of a `records` sheet.
  struct Record {
    var table: Int
    var row: Int
    var text: String?
    var limit: (classID: String, shape: KnowledgeShape)?
    var isUsed = false
    var hadCodes = false
  }

  init(options: KnowledgeImportOptions) { self.options = options }

  mutating func open(_ book: Workbook) {
    var found: [KnowledgeTable] = []
    var titles = book.sheets.map(\.name)
    for sheet in book.sheets {
      do {
        if let table = try KnowledgeTable.find(in: sheet, of: book) {
          found.append(table)
          titles += table.notes
        } else {
          titles += sheet.rows.flatMap { $0.cells.values.map(\.text) }
        }
      } catch let problem as Diagnostic {
        problems.append(problem)
      } catch {
        problems.append(Diagnostic(.error, "knowledge.unknown-layout", "\(error)", at: Place(file: book.path)))
      }
    }
    if found.isEmpty, problems.isEmpty {
      problems.append(
        Diagnostic(
          .error, "knowledge.no-table", "the file holds no table", at: Place(file: book.path),
          remedy: "give the workbook as it was published"))
    }
    let batches = Set(titles.compactMap(batchNamed(in:)))
    let days = Set(titles.compactMap(publicationDay(in:)))
    for table in found {
      tables.append(
        OpenTable(
          table: table, book: book, batch: batches.count == 1 ? batches.first : nil,
          published: days.count == 1 ? days.first : nil))
    }
    if !book.isCSV {
      let layouts = Set(found.map(\.layout))
      if layouts.contains(.records) != layouts.contains(.codes) {
        missingPartner(hasRecords: layouts.contains(.records), book.path)
      }
    }
  }

  private mutating func missingPartner(hasRecords: Bool, _ path: String) {
    problems.append(
      Diagnostic(
        .error, "knowledge.missing-sheet",
        hasRecords
          ? "the drugs are there, but no sheet with their codes"
          : "the codes are there, but no sheet with their limits",
        at: Place(file: path),
        notes: ["Needed: \((hasRecords ? KnowledgeLayout.codes : .records).captions)."],
        remedy: "give the workbook with both sheets; of CSV files, give both in one command"))
  }

  mutating func finish() throws(Diagnostics) -> ReadKnowledge {
    let pooled = tables.filter(\.book.isCSV)
    if pooled.contains(where: { $0.table.layout == .records }) != pooled.contains(where: { $0.table.layout == .codes })
    {
      missingPartner(
        hasRecords: pooled.contains { $0.table.layout == .records }, pooled.first?.book.path ?? "")
    }
    if problems.isEmpty { checkBatches() }
    if !problems.isEmpty { throw Diagnostics(problems) }

    for index in tables.indices {
      for (line, reason) in tables[index].book.damaged {
        tables[index].table.body.append((line, [:]))
        reject(index, line, RowProblem("bad-row", nil, reason))
      }
    }
    var records = readRecords()
    for index in tables.indices {
      let layout = tables[index].table.layout
      if layout == .records { continue }
      for (number, cells) in tables[index].table.body where !tables[index].rejected.contains(number) {
        do throws(RowProblem) {
          try read(index, number, cells, &records)
        } catch {
          reject(index, number, error)
        }
      }
    }
    for key in records.keys.sorted(by: bytesPrecede) {
      guard let record = records[key], record.limit != nil, !record.isUsed else { continue }
      reject(
        record.table, record.row,
        record.hadCodes
          ? RowProblem("no-code", .drugName, "every code of this drug was rejected")
          : RowProblem("no-code", .drugName, "no code stands for this drug"))
    }
    try checkClasses()
    dropRepeated(&records)
    result.points = made.map(\.point).sorted(by: KnowledgePoint.isEarlier)
    result.rejects.sort { bytesPrecede(sortKey($0), sortKey($1)) }
    for open in tables {
      let read = open.table.body.count
      result.counts.append(
        SheetCount(
          file: open.book.name, digest: open.book.digest, sheet: open.table.sheet.name,
          layout: open.table.layout.rawValue, read: read, imported: read - open.rejected.count,
          rejected: open.rejected.count))
    }
    return result
  }

  // MARK: Batch and day

  private mutating func checkBatches() {
    for open in tables {
      let place = Place(file: open.book.path)
      if let option = options.batch, let own = open.batch, option != own {
        problems.append(
          Diagnostic(
            .error, "knowledge.batch-differs", "the workbook names batch \(own), the command batch \(option)",
            at: place, remedy: "leave --batch out, or import the file in a command of its own"))
      }
      if let option = options.published, let own = open.published, option != own {
        problems.append(
          Diagnostic(
            .error, "knowledge.batch-differs",
            "the workbook names \(CivilTime.text(day: own)) as its day of publication, the command another day",
            at: place, remedy: "leave --published out, or import the file in a command of its own"))
      }
      if options.batch == nil, open.batch == nil, open.table.columns[.batch] == nil {
        problems.append(
          Diagnostic(
            .error, "knowledge.no-batch", "neither the workbook nor the command says which batch it is", at: place,
            remedy: "add --batch N, the number under which the administration published it"))
      }
      if options.published == nil, open.published == nil, open.table.columns[.published] == nil {
        problems.append(
          Diagnostic(
            .error, "knowledge.no-date", "neither the workbook nor the command says when it was published", at: place,
            remedy: "add --published yyyy-MM-dd, the day of the announcement"))
      }
    }
    var seen: Set<String> = []
    problems = problems.filter { seen.insert($0.rendered()).inserted }
  }

  /// Batch, publication and validity of a row: its own columns, else the workbook's text, else the options.
  private func header(_ index: Int, _ cells: [Int: Sheet.Cell]) throws(RowProblem) -> (
    batch: String, published: Int64, begin: Int64, end: Int64?
  ) {
    let open = tables[index]
    let table = open.table
    func given(_ field: KnowledgeField) throws(RowProblem) -> Int64? {
      guard let cell = table[cells, field] else { return nil }
      guard let value = day(cell) else { throw RowProblem("bad-date", field, "not a day (yyyy-MM-dd)") }
      return value
    }
    let batch = table[cells, .batch].map { folded($0.text) } ?? open.batch ?? options.batch
    guard let batch, isBatchLabel(batch) else {
      throw RowProblem("bad-batch", .batch, "a batch is named by at most eight letters, digits or points")
    }
    guard let published = try given(.published) ?? open.published ?? options.published else {
      throw RowProblem("bad-date", .published, "no day of publication")
    }
    let begin = try given(.begin) ?? options.begin ?? published
    var end = try given(.end)
    if end == CivilTime.day(year: 9999, month: 12, day: 31) { end = nil }
    if let end, end < begin { throw RowProblem("ends-before-begin", .end, "the last day lies before the first") }
    return (batch, published, begin, end)
  }

  // MARK: Rows

  private func text(_ cell: Sheet.Cell?) -> String? { cell.map { trimmedText($0.text) } }

  private func recordKey(_ name: String, _ type: String, _ index: Int) -> String {
    let scope = tables[index].book.isCSV ? "csv" : tables[index].book.digest
    return "\(scope)|\(compact(type))|\(compact(name))"
  }

  private mutating func readRecords() -> [String: Record] {
    var records: [String: Record] = [:]
    for index in tables.indices where tables[index].table.layout == .records {
      let table = tables[index].table
      for (number, cells) in table.body where !tables[index].rejected.contains(number) {
        guard let name = text(table[cells, .drugName]), let type = text(table[cells, .type]) else {
          let field: KnowledgeField = table[cells, .drugName] == nil ? .drugName : .type
          reject(index, number, RowProblem("blank-name", field, "the \(table.caption(field) ?? "name") is blank"))
          continue
        }
        let key = recordKey(name, type, index)
        if let other = records[key] {
          reject(
            index, number, RowProblem("duplicate-name", .drugName, "row \(other.row) names the same drug and type"))
          if other.limit != nil {
            reject(
              other.table, other.row,
              RowProblem("duplicate-name", .drugName, "row \(number) names the same drug and type"))
          }
          records[key]?.limit = nil
          continue
        }
        var record = Record(table: index, row: number, text: text(table[cells, .text]))
        do throws(RowProblem) {
          guard let value = text(table[cells, .value]) else {
            throw RowProblem("blank-value", .value, "the \(table.caption(.value) ?? "value") is blank")
          }
          record.limit = try publishedLimit(type: type, value: value, isDrug: true)
          remarkOnDays(record.limit?.shape, record.text, index, number)
        } catch {
          reject(index, number, error)
        }
        records[key] = record
      }
    }
    return records
  }

  private mutating func read(
    _ index: Int, _ number: Int, _ cells: [Int: Sheet.Cell], _ records: inout [String: Record]
  ) throws(RowProblem) {
    let table = tables[index].table
    func needed(_ field: KnowledgeField) throws(RowProblem) -> String {
      guard let text = text(table[cells, field]) else {
        throw RowProblem("blank-value", field, "the \(table.caption(field) ?? field.rawValue) is blank")
      }
      return text
    }
    func count(_ field: KnowledgeField) throws(RowProblem) -> Int {
      guard let number = wholeNumber(try needed(field)), number > 0 else {
        throw RowProblem("bad-number", field, "not a whole number from 1")
      }
      return number
    }
    switch table.layout {
    case .records: return
    case .codes:
      guard let name = text(table[cells, .drugName]) else {
        throw RowProblem("blank-name", .drugName, "the drug's name is blank")
      }
      let key = recordKey(name, try needed(.type), index)
      guard let record = records[key] else {
        throw RowProblem("no-record", .drugName, "no row describes the limit of this drug")
      }
      records[key]?.hadCodes = true
      guard let limit = record.limit else {
        throw RowProblem("no-record", .drugName, "row \(record.row), which describes this drug, was rejected")
      }
      let code = try checkedCode(table[cells, .code], .code, .drug)
      try add(index, number, cells, limit.classID, limit.shape, code: code, name: name, text: record.text, record.row)
      records[key]?.isUsed = true
    case .valued:
      let isDrug = table.columns[.drugName] != nil
      let name = text(table[cells, isDrug ? .drugName : .itemName])
      let code = try checkedCode(table[cells, .code], .code, isDrug ? .drug : .item)
      let (classID, shape) = try publishedLimit(type: try needed(.type), value: try needed(.value), isDrug: isDrug)
      let wording = text(table[cells, .text]) ?? text(table[cells, .remark])
      remarkOnDays(shape, wording, index, number)
      try add(index, number, cells, classID, shape, code: code, name: name, text: wording)
    case .pairs:
      let code = try checkedCode(table[cells, .mainCode], .mainCode, .item)
      let other = try checkedCode(table[cells, .otherCode], .otherCode, .item)
      if code == other { throw RowProblem("same-code", .otherCode, "an item can't exclude itself") }
      let window = try publishedWindow(try needed(.frequency))
      try add(
        index, number, cells, "item_duplicate", .exclusion(other: other, window: window), code: code,
        name: text(table[cells, .mainName]), otherName: text(table[cells, .otherName]),
        text: text(table[cells, .remark]))
    case .frequency:
      let code = try checkedCode(table[cells, .code], .code, .item)
      let unit: CeilingUnit =
        switch compact(try needed(.limitUnit)) {
        case "小时": .hours
        case "日", "天", "次": .times
        default: throw RowProblem("unknown-value", .limitUnit, "no known unit (日, 天, 次, 小时)")
        }
      try add(
        index, number, cells, "item_frequency",
        .ceiling(limit: try count(.limit), unit: unit, window: KnowledgeWindow(1, .day)), code: code,
        name: text(table[cells, .itemName]), text: text(table[cells, .remark]))
    case .interval:
      let code = try checkedCode(table[cells, .code], .code, .item)
      try add(
        index, number, cells, "item_interval",
        .ceiling(limit: try count(.times), unit: .times, window: KnowledgeWindow(try count(.period), .day)), code: code,
        name: text(table[cells, .itemName]), text: text(table[cells, .remark]))
    case .remarks:
      let code = try checkedCode(table[cells, .code], .code, .item)
      let title = ([table.sheet.name] + table.notes).joined(separator: " ")
      let remark = try needed(.remark)
      let (classID, shape) = try limitInWords(remark, title: compact(title))
      try add(
        index, number, cells, classID, shape, code: code, name: text(table[cells, .itemName]), text: remark)
    case .points:
      guard let known = KnowledgeClass.named(folded(try needed(.classID))) else {
        throw RowProblem("unknown-class", .classID, "no class of this name")
      }
      let code = try checkedCode(table[cells, .code], .code, known.subject, allowsGeneric: true)
      func optional(_ field: KnowledgeField) throws(RowProblem) -> Int? {
        guard let cell = table[cells, field] else { return nil }
        guard let number = wholeNumber(cell.text) else { throw RowProblem("bad-number", field, "not a whole number") }
        return number
      }
      let values = (table[cells, .values]?.text ?? "").split(separator: "|").map { folded(String($0)) }
      let shape = try shape(
        of: known, values: values, minimum: try optional(.minimum), maximum: try optional(.maximum),
        unit: table[cells, .unit].map { folded($0.text) }, window: try optional(.window),
        windowUnit: table[cells, .windowUnit].map { folded($0.text) },
        otherCode: try table[cells, .otherCode].map { cell throws(RowProblem) in
          try checkedCode(cell, .otherCode, known.subject, allowsGeneric: true)
        })
      try add(
        index, number, cells, known.id, shape, code: code, name: text(table[cells, .name]),
        otherName: text(table[cells, .otherName]), text: text(table[cells, .text]), basis: try needed(.basis))
    }
  }

  private mutating func add(
    _ index: Int, _ number: Int, _ cells: [Int: Sheet.Cell], _ classID: String, _ shape: KnowledgeShape, code: String,
    name: String?, otherName: String? = nil, text: String?, basis: String? = nil, _ textRow: Int? = nil
  ) throws(RowProblem) {
    let header = try header(index, cells)
    let place = String(number - tables[index].table.headerRow)
    let padded = String(repeating: "0", count: max(0, 5 - place.utf8.count)) + place
    made.append(
      (
        KnowledgePoint(
          id: "\(header.batch)-\(classID)-\(padded)", classID: classID, batch: header.batch,
          published: header.published, begin: header.begin, end: header.end, code: code, name: name,
          otherName: otherName, shape: shape, text: text, basis: basis, digest: tables[index].book.digest,
          sheet: tables[index].table.sheet.name, row: number, textRow: textRow), index
      ))
  }

  // MARK: Repeated and contradicting rows

  private mutating func dropRepeated(_ records: inout [String: Record]) {
    var first: [String: Int] = [:]
    var dropped: Set<Int> = []
    for (i, entry) in made.enumerated() {
      let key = "\(entry.point.batch)|\(entry.point.subjectKey)"
      guard let other = first[key] else {
        first[key] = i
        continue
      }
      let (a, b) = (made[other], entry)
      dropped.insert(i)
      if a.point.shape == b.point.shape {
        reject(
          b.table, b.point.row, RowProblem("duplicate-code", .code, "row \(a.point.row) says the same of this code"))
      } else {
        reject(
          b.table, b.point.row,
          RowProblem("contradiction", .code, "row \(a.point.row) says something else of this code"))
        if dropped.insert(other).inserted {
          reject(
            a.table, a.point.row,
            RowProblem("contradiction", .code, "row \(b.point.row) says something else of this code"))
        }
      }
    }
    made = made.indices.filter { !dropped.contains($0) }.map { made[$0] }
    // A record whose codes all went goes too.
    let used = Set(made.map { "\($0.point.digest)|\($0.point.sheet)|\($0.point.textRow ?? 0)" })
    for key in records.keys.sorted(by: bytesPrecede) {
      guard let record = records[key], record.isUsed else { continue }
      let isLeft = made.contains { $0.point.textRow == record.row && sameScope($0.table, record.table) }
      if !used.isEmpty, isLeft { continue }
      reject(record.table, record.row, RowProblem("no-code", .drugName, "every code of this drug was rejected"))
    }
  }

  private func sameScope(_ a: Int, _ b: Int) -> Bool {
    tables[a].book.isCSV ? tables[b].book.isCSV : tables[a].book.digest == tables[b].book.digest
  }

  /// Two files of one class in one batch would number their points alike.
  private func checkClasses() throws(Diagnostics) {
    var owner: [String: String] = [:]
    for (point, table) in made {
      let key = "\(point.batch)|\(point.classID)"
      let name = "\(tables[table].book.name)!\(point.sheet)"
      if let other = owner[key], other != name {
        throw Diagnostics([
          Diagnostic(
            .error, "knowledge.class-twice", "batch \(point.batch) has the class \(point.classID) in two tables",
            at: Place(file: tables[table].book.path), notes: ["The other is \(other)."],
            remedy: "give one of the files, or import the second under a batch of its own (--batch \(point.batch)b)")
        ])
      }
      owner[key] = name
    }
  }

  // MARK: Rejects and remarks

  private mutating func reject(_ index: Int, _ row: Int, _ problem: RowProblem) {
    guard tables[index].rejected.insert(row).inserted else { return }
    let open = tables[index]
    result.rejects.append(
      KnowledgeReject(
        batch: options.batch ?? open.batch ?? "", file: open.book.name, digest: open.book.digest,
        sheet: open.table.sheet.name, row: row, column: problem.field.flatMap { open.table.caption($0) },
        code: problem.code, reason: problem.reason))
  }

  /// A text that names days, none of which is the value: taken as published, and shown.
  private mutating func remarkOnDays(_ shape: KnowledgeShape?, _ text: String?, _ index: Int, _ row: Int) {
    guard case .ceiling(let limit, .days, _) = shape, let text else { return }
    let named = numbers(before: "天", in: text)
    if named.isEmpty || named.contains(limit) { return }
    let open = tables[index]
    result.remarks.append(
      Diagnostic(
        .warning, "knowledge.text-differs",
        "the value says \(limit) days, the wording \(named.map(String.init).joined(separator: ", ")); the value holds",
        at: KnowledgeTable.place(open.book, open.table.sheet, row),
        remedy: "ask the administration which is meant, or import a correction as a batch of its own"))
  }
}

/// Letters, digits and points, at most eight: a part of kp_id.
func isBatchLabel(_ text: String) -> Bool {
  !text.isEmpty && text.utf8.count <= 8
    && text.utf8.allSatisfy {
      $0 >= 0x30 && $0 <= 0x39 || $0 >= 0x41 && $0 <= 0x5A || $0 >= 0x61 && $0 <= 0x7A || $0 == 0x2E
    }
}

/// Byte order of rejects: batch, file, sheet, row.
func sortKey(_ reject: KnowledgeReject) -> String {
  let row = String(reject.row)
  return [
    reject.batch, reject.file, reject.digest, reject.sheet,
    String(repeating: "0", count: max(0, 9 - row.utf8.count)) + row, reject.code,
  ].joined(separator: "\u{1}")
}
