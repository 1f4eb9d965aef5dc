import ClaimModel
import Diagnostics
import Intake

/// One sheet as a grid of texts.
public struct Sheet: Sendable {
  public var name: String
  /// Cells by 1-based row, then by column from 0. Rows without a filled cell are absent.
  public var rows: [(number: Int, cells: [Int: Cell])]

  public struct Cell: Sendable, Hashable {
    public var text: String
    /// Stored as a number: a code written so has lost its leading zeros.
    public var isNumber = false
  }
}

/// A workbook or CSV file with its digest.
public struct Workbook: Sendable {
  /// Path as given, for diagnostics.
  public var path: String
  /// Base name, for the store.
  public var name: String
  public var digest: String
  public var sheets: [Sheet]
  /// CSV: there is one sheet, and its records and codes may lie in two files.
  public var isCSV: Bool
  /// Rows of a CSV file that have another number of fields than the header.
  public var damaged: [(line: Int, reason: String)] = []
}

/// What a workbook may inflate to; the largest published sheet has about 1 MB.
private let workbookLimits = IntakeLimits(maxMemberBytes: 128 << 20, maxFileBytes: 256 << 20, maxMembers: 2000)

extension Workbook {
  /// Reads `.xlsx` (by its first bytes, whatever its name) or CSV. Throws the `Diagnostic` that refuses the file.
  public static func read(_ path: String) throws -> Workbook {
    let name = String(path.split(separator: "/").last ?? "")
    if try isZip(path) {
      let zip = try ZipDocument(path: path, limits: workbookLimits) { $0.hasPrefix("xl/") && isPart($0) }
      return Workbook(
        path: path, name: name, digest: zip.digest, sheets: try sheets(of: zip.members, path), isCSV: false)
    }
    if name.lowercased().hasSuffix(".xls") || name.lowercased().hasSuffix(".xlsx") {
      throw Diagnostic(
        .error, "knowledge.not-a-workbook", "the file is no .xlsx workbook, or it was cut off", at: Place(file: path),
        remedy: "download it again; open an old .xls in an office program and save it as .xlsx")
    }
    let table = try CSVTable(path: path)
    let all = [table.header] + table.rows
    let numbers = [1] + table.lines
    var sheet = Sheet(name: "", rows: [])
    for (number, fields) in zip(numbers, all) {
      var cells: [Int: Sheet.Cell] = [:]
      for (i, field) in fields.enumerated() where !field.isEmpty { cells[i] = Sheet.Cell(text: field) }
      if !cells.isEmpty { sheet.rows.append((number, cells)) }
    }
    var book = Workbook(path: path, name: name, digest: table.digest, sheets: [sheet], isCSV: true)
    book.damaged = table.problems.map { ($0.place.line ?? 0, $0.message) }
    return book
  }

  private static func isPart(_ name: String) -> Bool {
    name == "xl/workbook.xml" || name == "xl/sharedStrings.xml" || name == "xl/_rels/workbook.xml.rels"
      || (name.hasPrefix("xl/worksheets/") && name.hasSuffix(".xml"))
  }

  private static func isZip(_ path: String) throws -> Bool {
    try firstBytes(of: path, count: 2) == [0x50, 0x4B]
  }

  private static func sheets(of members: [String: [UInt8]], _ path: String) throws -> [Sheet] {
    func part(_ name: String) throws -> [UInt8] {
      guard let bytes = members[name] else {
        throw Diagnostic(
          .error, "knowledge.not-a-workbook", "the archive has no \(name): it is no .xlsx workbook",
          at: Place(file: path), remedy: "give the workbook as it was published")
      }
      return bytes
    }
    let strings = try members["xl/sharedStrings.xml"].map { try sharedStrings($0, path) } ?? []
    let targets = try relationshipTargets(try part("xl/_rels/workbook.xml.rels"), path)
    return try sheetList(try part("xl/workbook.xml"), path).map { entry in
      guard let target = targets[entry.relation] else {
        throw Diagnostic(
          .error, "knowledge.xml", "the sheet \(entry.name) leads to no part of the workbook", at: Place(file: path),
          remedy: "open the workbook in an office program and save it again")
      }
      let member = target.hasPrefix("/") ? String(target.dropFirst()) : "xl/" + target
      return Sheet(name: entry.name, rows: try sheetRows(try part(member), strings, "\(path)!\(member)"))
    }
  }
}
