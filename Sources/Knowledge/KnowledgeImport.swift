import ClaimModel
import Diagnostics
import Intake

/// What an import needs to be told.
public struct KnowledgeImportRequest: Sendable {
  /// Workbooks and CSV files; none: the tables are written anew from the store.
  public var files: [String]
  public var store: String
  public var options: KnowledgeImportOptions
  /// List of plain wordings.
  public var wordings: String
  /// Replaces the store's crosswalk; null: that one holds.
  public var crosswalk: String?
  /// Only local codes of this region order; null: all.
  public var region: String?

  public init(
    files: [String], store: String, options: KnowledgeImportOptions = KnowledgeImportOptions(), wordings: String,
    crosswalk: String? = nil, region: String? = nil
  ) {
    self.files = files
    self.store = store
    self.options = options
    self.wordings = wordings
    self.crosswalk = crosswalk
    self.region = region
  }
}

/// What an import did.
public struct KnowledgeImportReport: Sendable {
  public var read: ReadKnowledge
  public var limits: LimitTable
  public var coverage: CrosswalkCoverage?
  public var crosswalkRejected: [(line: Int, reason: String)] = []
  /// For people; the same for the same store and files.
  public var text: String
}

/// Reads files, adds their points to the store and writes the store's tables anew.
///
/// All or nothing: any error of any file leaves the store as it was.
public func importKnowledge(_ request: KnowledgeImportRequest) throws(Diagnostics) -> KnowledgeImportReport {
  var problems: [Diagnostic] = []
  func attempt<Value>(_ body: () throws -> Value) -> Value? {
    do { return try body() } catch let one as Diagnostic {
      problems.append(one)
    } catch let many as Diagnostics {
      problems += many.all
    } catch {
      problems.append(Diagnostic(.error, "knowledge.io", "\(error)"))
    }
    return nil
  }
  var books: [Workbook] = []
  for path in request.files.sorted(by: bytesPrecede) {
    guard let book = attempt({ try Workbook.read(path) }) else { continue }
    if !books.contains(where: { $0.digest == book.digest }) { books.append(book) }
  }
  let wordings = attempt { try PlainWordings(path: request.wordings) }
  let keptCrosswalk = request.store + "/crosswalk.csv"
  let crosswalkPath = request.crosswalk ?? (fileExists(keptCrosswalk) ? keptCrosswalk : nil)
  let crosswalk = crosswalkPath.flatMap { path in attempt { try Crosswalk(path: path) } }
  let opened = attempt { try KnowledgeStore(folder: request.store) }
  guard problems.isEmpty, var store = opened, let wordings else { throw Diagnostics(problems) }

  let read = try readPoints(books, options: request.options)
  try store.add(read, files: books)
  let points = effectivePoints(store.points)
  let limits = limitTable(points, wordings: wordings, crosswalk: crosswalk, region: request.region)
  let coverage = crosswalk.map { CrosswalkCoverage(points, $0, region: request.region) }
  _ = attempt {
    try store.write()
    // A table without rows would take the place of a registry and say nothing.
    let limitPath = request.store + "/tables/hilist_lmt_b.csv"
    if !limits.rows.isEmpty || fileExists(limitPath) { try writeFile(limits.text, to: limitPath) }
    try writeFile(
      csvText(
        ["lmt_type", "lmt_val", "sure_flag", "codes", "text"],
        limits.wordings.map { [$0.type, $0.value, $0.isSure ? "1" : "0", String($0.codes), $0.text] }),
      to: request.store + "/wordings.csv")
    if let crosswalk, let coverage {
      try writeFile(crosswalk.text, to: keptCrosswalk)
      try writeFile(
        csvText(
          ["kp_id", "side", "national_code", "local_code", "admdvs", "begndate", "enddate"],
          coverage.local.map {
            [$0.id, $0.side, $0.national, $0.entry.local, $0.entry.admdvs, dayText($0.begin), dayText($0.end)]
          }), to: request.store + "/local.csv")
      try writeFile(
        csvText(["class", "code", "name"], coverage.uncovered.map { [$0.classID, $0.code, $0.name] }),
        to: request.store + "/uncovered.csv")
    }
  }
  if !problems.isEmpty { throw Diagnostics(problems) }
  var report = KnowledgeImportReport(
    read: read, limits: limits, coverage: coverage, crosswalkRejected: crosswalk?.rejected ?? [], text: "")
  report.text = importText(report, store, points)
  return report
}

private func importText(_ report: KnowledgeImportReport, _ store: KnowledgeStore, _ points: [KnowledgePoint]) -> String
{
  var lines: [String] = []
  let counts = report.read.counts
  for count in counts.sorted(by: { bytesPrecede($0.file + "\u{1}" + $0.sheet, $1.file + "\u{1}" + $1.sheet) }) {
    let sheet = count.sheet.isEmpty ? "" : " \(count.sheet)"
    lines.append(
      "\(count.file)\(sheet) (\(count.layout)): read \(count.read) = imported \(count.imported) + rejected \(count.rejected)"
    )
  }
  for reject in report.read.rejects {
    let place = reject.sheet.isEmpty ? "\(reject.file):\(reject.row)" : "\(reject.file)!\(reject.sheet):\(reject.row)"
    lines.append("  rejected \(place)\(reject.column.map { " \($0)" } ?? ""): \(reject.code), \(reject.reason)")
  }
  if !counts.isEmpty {
    let total = counts.reduce(into: (0, 0, 0)) {
      $0 = ($0.0 + $1.read, $0.1 + $1.imported, $0.2 + $1.rejected)
    }
    lines.append(
      "in all: read \(total.0) = imported \(total.1) + rejected \(total.2); \(report.read.points.count) points")
  }
  lines.append("store: \(store.points.count) points in \(store.batches.count) lists, \(points.count) hold on some day")
  let table = report.limits
  lines.append(
    table.rows.isEmpty
      ? "tables/hilist_lmt_b.csv: no limit by level, visit or insurance, nothing to write"
      : "tables/hilist_lmt_b.csv: \(table.rows.count) rows, \(table.sureRows) with sure_flag 1")
  let sure = table.wordings.filter(\.isSure)
  let unsure = table.wordings.filter { !$0.isSure }
  lines.append("wordings listed as plain: \(sure.count)")
  for wording in sure {
    lines.append("  \(wording.type) \(wording.value), \(wording.codes) codes: \(wording.text ?? "")")
  }
  lines.append("other wordings, sure_flag 0: \(unsure.count)")
  for wording in unsure {
    lines.append("  \(wording.type) \(wording.value), \(wording.codes) codes: \(wording.text ?? "(no text)")")
  }
  for skipped in table.skipped { lines.append("  not in the table: \(skipped.id) \(skipped.reason)") }
  if let coverage = report.coverage {
    for reject in report.crosswalkRejected {
      lines.append("  crosswalk line \(reject.line) rejected: \(reject.reason)")
    }
    for entry in coverage.classes {
      lines.append("crosswalk \(entry.classID): \(entry.covered) codes covered, \(entry.uncovered) uncovered")
    }
    if !coverage.uncovered.isEmpty {
      lines.append("uncovered codes: \(coverage.uncovered.count), listed in uncovered.csv")
    }
    if coverage.notAsked > 0 {
      lines.append("codes of kinds of which the crosswalk does not speak: \(coverage.notAsked)")
    }
  }
  return lines.joined(separator: "\n") + "\n"
}
