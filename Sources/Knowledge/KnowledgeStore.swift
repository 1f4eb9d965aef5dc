import ClaimModel
import Diagnostics
import Intake

/// One class of one batch as the store holds it.
public struct KnowledgeBatch: Sendable, Hashable {
  public var batch: String
  public var classID: String
  public var published: Int64
  public var points: Int
  public var codes: Int
  public var file: String
  public var digest: String

  static func isEarlier(_ a: KnowledgeBatch, _ b: KnowledgeBatch) -> Bool {
    if a.published != b.published { return a.published < b.published }
    if a.batch != b.batch { return batchPrecedes(a.batch, b.batch) }
    return bytesPrecede(a.classID, b.classID)
  }
}

/// A folder of knowledge points. It only grows: what a batch said stays as it was said.
///
/// `batches.csv` names what is there, `points/<batch>-<class>.csv` holds the points, `files.csv` the counts of every
/// sheet read, `rejects.csv` the rows not taken. All are sorted, so the same files imported in any order give the same
/// bytes.
public struct KnowledgeStore: Sendable {
  public let folder: String
  public private(set) var batches: [KnowledgeBatch] = []
  public private(set) var points: [KnowledgePoint] = []
  public private(set) var rejects: [KnowledgeReject] = []
  public private(set) var counts: [SheetCount] = []
  private var written: Set<String> = []

  /// Opens a store; a folder that is not there is an empty one. Throws `knowledge.store-damaged`.
  public init(folder: String) throws {
    self.folder = folder
    guard fileExists(folder + "/batches.csv") else { return }
    try readBatches()
    for batch in batches { try readPointFile(batch) }
    points.sort(by: KnowledgePoint.isEarlier)
    try readRejects()
    try readCounts()
    written = Set(batches.map { "\($0.batch)-\($0.classID)" })
  }

  // MARK: Adding

  /// Adds what files held; nothing is written. Names of classes and batches that are there already, with the same
  /// points, are left alone. Throws `knowledge.batch-exists` where they say something else.
  public mutating func add(_ read: ReadKnowledge, files: [Workbook]) throws(Diagnostics) {
    let names = Dictionary(files.map { ($0.digest, $0.name) }, uniquingKeysWith: { bytesPrecede($0, $1) ? $0 : $1 })
    var groups: [String: [KnowledgePoint]] = [:]
    for point in read.points { groups["\(point.batch)-\(point.classID)", default: []].append(point) }
    var problems: [Diagnostic] = []
    for key in groups.keys.sorted(by: bytesPrecede) {
      guard let group = groups[key], let first = group.first else { continue }
      let place = Place(file: names[first.digest])
      if let known = batches.first(where: { $0.batch == first.batch && $0.classID == first.classID }) {
        let own = points.filter { $0.batch == first.batch && $0.classID == first.classID }
        if own != group {
          problems.append(
            Diagnostic(
              .error, "knowledge.batch-exists",
              "batch \(first.batch) has the class \(first.classID) already, and it says something else", at: place,
              notes: ["It came from \(known.file), published \(CivilTime.text(day: known.published))."],
              remedy: "nothing is overwritten: import a correction as a batch of its own (--batch \(first.batch)b)"))
        }
        continue
      }
      if let known = batches.first(where: { $0.digest == first.digest && $0.batch != first.batch }) {
        problems.append(
          Diagnostic(
            .error, "knowledge.batch-exists", "the file is in the store already, as batch \(known.batch)", at: place,
            remedy: "leave the file out, or start a new store if the batch was given wrongly"))
        continue
      }
      let days = Set(group.map(\.published))
      if days.count > 1 {
        problems.append(
          Diagnostic(
            .error, "knowledge.batch-differs", "batch \(first.batch) has more than one day of publication", at: place,
            remedy: "give every row of a batch the same publ_date"))
        continue
      }
      batches.append(
        KnowledgeBatch(
          batch: first.batch, classID: first.classID, published: first.published, points: group.count,
          codes: Set(group.map(\.code)).count, file: names[first.digest] ?? "", digest: first.digest))
      points += group
    }
    if !problems.isEmpty { throw Diagnostics(problems) }
    batches.sort(by: KnowledgeBatch.isEarlier)
    points.sort(by: KnowledgePoint.isEarlier)
    let known = Set(counts.map(\.digest))
    counts += read.counts.filter { !known.contains($0.digest) }
    counts.sort {
      bytesPrecede("\($0.file)\u{1}\($0.digest)\u{1}\($0.sheet)", "\($1.file)\u{1}\($1.digest)\u{1}\($1.sheet)")
    }
    rejects += read.rejects.filter { !known.contains($0.digest) }
    rejects.sort { bytesPrecede(sortKey($0), sortKey($1)) }
  }

  /// Writes what was added. `batches.csv` comes last: what it does not name is not there.
  public func write() throws {
    for batch in batches where !written.contains("\(batch.batch)-\(batch.classID)") {
      let own = points.filter { $0.batch == batch.batch && $0.classID == batch.classID }
      try writeFile(csvText(Self.pointColumns, own.map(Self.fields)), to: pointPath(batch))
    }
    try writeFile(
      csvText(
        ["batch_no", "file", "digest", "sheet", "row", "column", "code", "reason"],
        rejects.map { [$0.batch, $0.file, $0.digest, $0.sheet, String($0.row), $0.column, $0.code, $0.reason] }),
      to: folder + "/rejects.csv")
    try writeFile(
      csvText(
        ["file", "digest", "sheet", "layout", "read", "imported", "rejected"],
        counts.map {
          [$0.file, $0.digest, $0.sheet, $0.layout, String($0.read), String($0.imported), String($0.rejected)]
        }), to: folder + "/files.csv")
    try writeFile(
      csvText(
        ["batch_no", "class", "gz_code", "shape", "publ_date", "points", "codes", "file", "digest"],
        batches.map {
          let known = KnowledgeClass.named($0.classID)
          return [
            $0.batch, $0.classID, known?.gzCode, known?.shape, dayText($0.published), String($0.points),
            String($0.codes), $0.file, $0.digest,
          ]
        }), to: folder + "/batches.csv")
  }

  private func pointPath(_ batch: KnowledgeBatch) -> String {
    "\(folder)/points/\(batch.batch)-\(batch.classID).csv"
  }

  // MARK: Form of a point

  static let pointColumns = [
    "kp_id", "class", "gz_code", "batch_no", "publ_date", "begndate", "enddate", "shape", "code", "name", "values",
    "minimum", "maximum", "unit", "window", "window_unit", "other_code", "other_name", "text", "basis", "digest",
    "sheet", "row", "text_row",
  ]

  static func fields(_ point: KnowledgePoint) -> [String?] {
    let parts = ShapeParts(point.shape)
    return [
      point.id, point.classID, KnowledgeClass.named(point.classID)?.gzCode, point.batch, dayText(point.published),
      dayText(point.begin), dayText(point.end), point.shape.name, point.code, point.name,
      parts.values.isEmpty ? nil : parts.values.joined(separator: "|"), parts.minimum.map(String.init),
      parts.maximum.map(String.init), parts.unit, parts.window.map(String.init), parts.windowUnit, parts.otherCode,
      point.otherName, point.text, point.basis, point.digest, point.sheet, String(point.row),
      point.textRow.map(String.init),
    ]
  }

  // MARK: Reading

  private struct Rows {
    let table: CSVTable
    let path: String

    init(_ path: String, _ columns: [String]) throws {
      self.path = path
      table = try CSVTable(path: path)
      if let problem = table.problems.first { throw problem }
      for column in columns where table.index(of: column) == nil {
        throw KnowledgeStore.damaged(path, 1, "lacks the column \(column)")
      }
    }

    func value(_ row: [String], _ column: String) -> String? {
      guard let index = table.index(of: column), !row[index].isEmpty else { return nil }
      return row[index]
    }
  }

  fileprivate static func damaged(_ path: String, _ line: Int?, _ what: String) -> Diagnostic {
    Diagnostic(
      .error, "knowledge.store-damaged", "the store's file \(what)", at: Place(file: path, line: line),
      remedy: "take the store from its backup, or import the workbooks into a new folder")
  }

  private mutating func readBatches() throws {
    let path = folder + "/batches.csv"
    let rows = try Rows(path, ["batch_no", "class", "publ_date", "points", "codes", "file", "digest"])
    for (i, row) in rows.table.rows.enumerated() {
      guard let batch = rows.value(row, "batch_no"), let classID = rows.value(row, "class"), isBatchLabel(batch),
        KnowledgeClass.named(classID) != nil, let published = rows.value(row, "publ_date").flatMap(CivilTime.parseDay),
        let points = rows.value(row, "points").flatMap({ Int($0) }),
        let codes = rows.value(row, "codes").flatMap({ Int($0) }), let digest = rows.value(row, "digest")
      else { throw Self.damaged(path, rows.table.lines[i], "has a row that names no batch") }
      batches.append(
        KnowledgeBatch(
          batch: batch, classID: classID, published: published, points: points, codes: codes,
          file: rows.value(row, "file") ?? "", digest: digest))
    }
  }

  private mutating func readPointFile(_ batch: KnowledgeBatch) throws {
    let path = pointPath(batch)
    guard fileExists(path) else {
      throw Self.damaged(folder + "/batches.csv", nil, "names \(path), which is not there")
    }
    let rows = try Rows(path, Self.pointColumns)
    if rows.table.rows.count != batch.points {
      throw Self.damaged(path, nil, "has \(rows.table.rows.count) points, batches.csv says \(batch.points)")
    }
    for (i, row) in rows.table.rows.enumerated() {
      func text(_ column: String) -> String? { rows.value(row, column) }
      func number(_ column: String) -> Int? { text(column).flatMap { Int($0) } }
      guard let known = KnowledgeClass.named(batch.classID), text("class") == batch.classID,
        text("batch_no") == batch.batch, let id = text("kp_id"), let code = text("code"),
        let begin = text("begndate").flatMap(CivilTime.parseDay), let place = number("row"), let digest = text("digest")
      else { throw Self.damaged(path, rows.table.lines[i], "has a damaged point") }
      do throws(RowProblem) {
        points.append(
          KnowledgePoint(
            id: id, classID: batch.classID, batch: batch.batch, published: batch.published, begin: begin,
            end: text("enddate").flatMap(CivilTime.parseDay), code: code, name: text("name"),
            otherName: text("other_name"),
            shape: try shape(
              of: known, values: (text("values") ?? "").split(separator: "|").map(String.init),
              minimum: number("minimum"), maximum: number("maximum"), unit: text("unit"), window: number("window"),
              windowUnit: text("window_unit"), otherCode: text("other_code")), text: text("text"),
            basis: text("basis"), digest: digest, sheet: text("sheet") ?? "", row: place, textRow: number("text_row")))
      } catch {
        throw Self.damaged(path, rows.table.lines[i], "has a damaged point: \(error.reason)")
      }
    }
  }

  private mutating func readRejects() throws {
    let path = folder + "/rejects.csv"
    guard fileExists(path) else { return }
    let rows = try Rows(path, ["batch_no", "file", "digest", "sheet", "row", "column", "code", "reason"])
    rejects = rows.table.rows.map { row in
      KnowledgeReject(
        batch: rows.value(row, "batch_no") ?? "", file: rows.value(row, "file") ?? "",
        digest: rows.value(row, "digest") ?? "", sheet: rows.value(row, "sheet") ?? "",
        row: rows.value(row, "row").flatMap { Int($0) } ?? 0, column: rows.value(row, "column"),
        code: rows.value(row, "code") ?? "", reason: rows.value(row, "reason") ?? "")
    }
  }

  private mutating func readCounts() throws {
    let path = folder + "/files.csv"
    guard fileExists(path) else { return }
    let rows = try Rows(path, ["file", "digest", "sheet", "layout", "read", "imported", "rejected"])
    counts = rows.table.rows.map { row in
      func number(_ column: String) -> Int { rows.value(row, column).flatMap { Int($0) } ?? 0 }
      return SheetCount(
        file: rows.value(row, "file") ?? "", digest: rows.value(row, "digest") ?? "",
        sheet: rows.value(row, "sheet") ?? "", layout: rows.value(row, "layout") ?? "", read: number("read"),
        imported: number("imported"), rejected: number("rejected"))
    }
  }
}
