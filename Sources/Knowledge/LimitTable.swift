import ClaimModel
import Diagnostics
import Intake

/// The wordings that say nothing beyond a value, by limit and value.
///
/// Only a text that equals one of them makes a limit sure; every other text leaves room for a condition or an
/// exception.
public struct PlainWordings: Sendable {
  private var known: Set<[String]> = []
  /// SHA-256 of the file.
  public let digest: String
  public var count: Int { known.count }

  /// CSV with lmt_type, lmt_val, text. Throws `knowledge.wordings`.
  public init(path: String) throws {
    let table: CSVTable
    do {
      table = try CSVTable(path: path)
    } catch {
      throw Diagnostic(
        .error, "knowledge.wordings", "the list of plain wordings can't be read", at: Place(file: path),
        remedy: "give it with --wordings; the project's is Pipelines/knowledge/wordings/plain.csv")
    }
    guard let type = table.index(of: "lmt_type"), let value = table.index(of: "lmt_val"),
      let text = table.index(of: "text"), table.problems.isEmpty
    else {
      throw Diagnostic(
        .error, "knowledge.wordings", "the list of plain wordings lacks a column, or a row is damaged",
        at: Place(file: path, line: table.problems.first?.place.line ?? 1),
        remedy: "needed are lmt_type, lmt_val and text")
    }
    for (i, row) in table.rows.enumerated() {
      let isLimit = limitValues[row[type]]?.contains(row[value]) ?? false
      if !isLimit || trimmedText(row[text]).isEmpty {
        throw Diagnostic(
          .error, "knowledge.wordings", "the row names no limit, no value of it, or no text",
          at: Place(file: path, line: table.lines[i]), remedy: "lmt_type and lmt_val as in Documentation/knowledge.md")
      }
      known.insert([row[type], row[value], trimmedText(row[text])])
    }
    digest = table.digest
  }

  /// 1 only if the whole text is listed for this very value. Not the beginning, not a part, nothing folded.
  public func isPlain(_ text: String?, type: String, value: String) -> Bool {
    guard let text else { return false }
    return known.contains([type, value, trimmedText(text)])
  }
}

/// Values that hilist_lmt_b may hold.
let limitValues: [String: [String]] = [
  "hosp_lv": ["2", "3"], "visit": ["inpatient", "outpatient", "emergency", "pharmacy"],
  "insutype": ["work_injury", "maternity"],
]

/// `hilist_lmt_b` with what its writer has to say.
public struct LimitTable: Sendable {
  /// A wording of the workbooks with the number of codes under it.
  public struct Wording: Sendable, Hashable {
    public var type: String
    public var value: String
    public var text: String?
    public var isSure: Bool
    public var codes: Int
  }

  public static let columns = [
    "kp_id", "med_list_codg", "lmt_type", "lmt_val", "sure_flag", "lmt_text", "gz_code", "batch_no", "publ_date",
    "begndate", "enddate",
  ]
  /// Rows by kp_id, in the order of `columns`.
  public var rows: [[String?]] = []
  public var wordings: [Wording] = []
  /// Points that the table can't say: a level below 2, a code that is only a generic.
  public var skipped: [(id: String, reason: String)] = []

  public var text: String { csvText(Self.columns, rows) }
  public var sureRows: Int { rows.count { $0[4] == "1" } }
}

/// The table of limits by level, visit and insurance (hilist_lmt_b) from points with their effective ends.
///
/// With a crosswalk, a limit also stands under each local code of its code, for the days on which both hold.
public func limitTable(
  _ points: [KnowledgePoint], wordings: PlainWordings, crosswalk: Crosswalk? = nil, region: String? = nil
) -> LimitTable {
  var table = LimitTable()
  var codes: [[String]: Set<String>] = [:]
  for point in points {
    guard case .allowed(let attribute, let values) = point.shape, let possible = limitValues[attribute.rawValue] else {
      continue
    }
    let type = attribute.rawValue
    if ![20, 23].contains(point.code.utf8.count) {
      table.skipped.append((point.id, "names a generic, and the table holds whole codes"))
      continue
    }
    if !values.allSatisfy(possible.contains) {
      table.skipped.append((point.id, "\(type) \(values.joined(separator: ", ")) limits nothing"))
      continue
    }
    for value in values {
      // Where the value is a set, a wording would have to name all of it; none of the list does.
      let isSure = values.count == 1 && wordings.isPlain(point.text, type: type, value: value)
      codes[[type, value, isSure ? "1" : "0", point.text ?? ""], default: []].insert(point.code)
      let id = values.count == 1 ? point.id : "\(point.id).\(value.prefix(1))"
      func row(_ id: String, _ code: String, _ begin: Int64, _ end: Int64?) -> [String?] {
        [
          id, code, type, value, isSure ? "1" : "0", point.text, KnowledgeClass.named(point.classID)?.gzCode,
          point.batch, dayText(point.published), dayText(begin), dayText(end),
        ]
      }
      table.rows.append(row(id, point.code, point.begin, point.end))
      for entry in crosswalk?.locals(of: point.code, region: region) ?? [] where entry.local != point.code {
        let begin = max(point.begin, entry.begin)
        let end = min(point.end ?? Int64.max, entry.end ?? Int64.max)
        if begin > end { continue }
        // The entry itself names the row, so that another crosswalk does not rename those that stay.
        let mark = SHA256Hasher.hex(of: "\(entry.local)|\(entry.admdvs ?? "")|\(entry.begin)").prefix(8)
        table.rows.append(row("\(id)~\(mark)", entry.local, begin, end == Int64.max ? nil : end))
      }
    }
  }
  table.rows.sort { bytesPrecede($0[0] ?? "", $1[0] ?? "") }
  table.wordings = codes.keys.sorted { bytesPrecede($0.joined(separator: "\u{1}"), $1.joined(separator: "\u{1}")) }.map
  {
    key in
    LimitTable.Wording(
      type: key[0], value: key[1], text: key[3].isEmpty ? nil : key[3], isSure: key[2] == "1",
      codes: codes[key]?.count ?? 0)
  }
  return table
}
