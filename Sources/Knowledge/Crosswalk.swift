import ClaimModel
import Diagnostics
import Intake

/// National codes and the codes under which a province bills the same thing.
///
/// CSV with `national_code`, `local_code`, `begndate` and, if wanted, `admdvs` and `enddate`.
public struct Crosswalk: Sendable {
  public struct Entry: Sendable, Hashable {
    public var national: String
    public var local: String
    public var admdvs: String?
    public var begin: Int64
    /// null: open.
    public var end: Int64?
  }

  /// Sorted by national code, local code, region and first day, each entry once.
  public private(set) var entries: [Entry] = []
  /// Line and reason of rows that were not taken.
  public private(set) var rejected: [(line: Int, reason: String)] = []
  public private(set) var read = 0
  private var byNational: [String: [Entry]] = [:]

  /// Throws `knowledge.crosswalk` for a file without the needed columns, or one that can't be read.
  public init(path: String) throws {
    let table = try CSVTable(path: path)
    for column in ["national_code", "local_code", "begndate"] where table.index(of: column) == nil {
      throw Diagnostic(
        .error, "knowledge.crosswalk", "the crosswalk lacks the column \(column)", at: Place(file: path, line: 1),
        remedy: "needed are national_code, local_code, begndate; admdvs and enddate may stand beside them")
    }
    read = table.rows.count + table.problems.count
    rejected = table.problems.map { ($0.place.line ?? 0, $0.message) }
    var seen: Set<Entry> = []
    for (i, row) in table.rows.enumerated() {
      func value(_ column: String) -> String? {
        table.index(of: column).flatMap { isNothing(row[$0]) ? nil : folded(row[$0]) }
      }
      func refuse(_ reason: String) { rejected.append((table.lines[i], reason)) }
      guard let national = value("national_code"), let local = value("local_code") else {
        refuse("a code is blank")
        continue
      }
      guard let begin = value("begndate").flatMap(CivilTime.parseDay) else {
        refuse("begndate is no day (yyyy-MM-dd)")
        continue
      }
      var end: Int64?
      if let last = value("enddate") {
        guard let day = CivilTime.parseDay(last), day >= begin else {
          refuse("enddate is no day, or lies before begndate")
          continue
        }
        end = day == CivilTime.day(year: 9999, month: 12, day: 31) ? nil : day
      }
      let admdvs = value("admdvs")
      if let admdvs, admdvs.utf8.count != 6 || !admdvs.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) {
        refuse("admdvs is no region of six digits")
        continue
      }
      let entry = Entry(
        national: uppercased(national), local: uppercased(local), admdvs: admdvs, begin: begin, end: end)
      if seen.insert(entry).inserted { entries.append(entry) } else { refuse("the same row stands above") }
    }
    rejected.sort { $0.line < $1.line }
    entries.sort { bytesPrecede(Self.key($0), Self.key($1)) }
    for entry in entries { byNational[entry.national, default: []].append(entry) }
  }

  private static func key(_ entry: Entry) -> String {
    [
      entry.national, entry.local, entry.admdvs ?? "", CivilTime.text(day: entry.begin), dayText(entry.end) ?? "",
    ].joined(separator: "\u{1}")
  }

  /// Local codes of a national code; with a region, those of the region, its prefecture, province and the nation.
  public func locals(of national: String, region: String?) -> [Entry] {
    (byNational[national] ?? []).filter { entry in
      guard let region, let admdvs = entry.admdvs else { return true }
      return [region, String(region.prefix(4)) + "00", String(region.prefix(2)) + "0000", "000000"].contains(admdvs)
    }
  }

  /// Whether it speaks of codes of that kind at all: a crosswalk of items says nothing of drugs.
  func speaks(of subject: KnowledgeClass.Subject) -> Bool {
    entries.contains { entry in
      switch subject {
      case .item: entry.national.utf8.count == 15
      case .drug: [20, 23].contains(entry.national.utf8.count)
      case .diagnosis: false
      }
    }
  }

  /// As the store keeps it.
  var text: String {
    csvText(
      ["national_code", "local_code", "admdvs", "begndate", "enddate"],
      entries.map { [$0.national, $0.local, $0.admdvs, dayText($0.begin), dayText($0.end)] })
  }
}

/// What a crosswalk does to a set of points.
public struct CrosswalkCoverage: Sendable {
  /// Classes with the number of their codes that have a local code, and of those that have none.
  public var classes: [(classID: String, covered: Int, uncovered: Int)] = []
  /// Codes without a local code, by class and code.
  public var uncovered: [(classID: String, code: String, name: String?)] = []
  /// Codes of kinds of which the crosswalk does not speak.
  public var notAsked = 0
  /// Point, side (`code` or `other_code`), local code and the days on which both hold.
  public var local: [(id: String, side: String, national: String, entry: Crosswalk.Entry, begin: Int64, end: Int64?)] =
    []

  init(_ points: [KnowledgePoint], _ crosswalk: Crosswalk, region: String?) {
    var seen: Set<String> = []
    var counts: [String: (Int, Int)] = [:]
    for point in points {
      guard let known = KnowledgeClass.named(point.classID) else { continue }
      var sides = [("code", point.code, point.name)]
      if case .exclusion(let other, _) = point.shape { sides.append(("other_code", other, point.otherName)) }
      for (side, code, name) in sides {
        let isNew = seen.insert("\(point.classID)|\(code)").inserted
        guard crosswalk.speaks(of: known.subject) else {
          if isNew { notAsked += 1 }
          continue
        }
        let locals = crosswalk.locals(of: code, region: region)
        if isNew {
          counts[point.classID, default: (0, 0)].0 += locals.isEmpty ? 0 : 1
          counts[point.classID, default: (0, 0)].1 += locals.isEmpty ? 1 : 0
          if locals.isEmpty { uncovered.append((point.classID, code, name)) }
        }
        for entry in locals {
          let begin = max(point.begin, entry.begin)
          let end = min(point.end ?? Int64.max, entry.end ?? Int64.max)
          if begin <= end { local.append((point.id, side, code, entry, begin, end == Int64.max ? nil : end)) }
        }
      }
    }
    classes = counts.keys.sorted(by: bytesPrecede).map { ($0, counts[$0]?.0 ?? 0, counts[$0]?.1 ?? 0) }
    uncovered.sort { bytesPrecede("\($0.classID)|\($0.code)", "\($1.classID)|\($1.code)") }
    local.sort {
      bytesPrecede(
        "\($0.id)|\($0.side)|\($0.entry.local)|\($0.entry.admdvs ?? "")|\($0.begin + 1_000_000)",
        "\($1.id)|\($1.side)|\($1.entry.local)|\($1.entry.admdvs ?? "")|\($1.begin + 1_000_000)")
    }
  }
}
