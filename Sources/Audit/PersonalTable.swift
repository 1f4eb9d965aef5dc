import ClaimModel
import Registries
import RulePacks

/// A registry in which rules look up each person's own rows: chronic registrations, of which new ones come every week.
///
/// What rules find about a person depends on that person's rows, and beside them at most on whether the table has any
/// row with some key (of a region, of a disease). So a new version of the table changes only what is found about the
/// persons whose rows differ, and only on the days on which they do.
public struct PersonalTable: Sendable {
  public let table: String
  /// Columns that rules read of it and those of validity, in the order of the schema.
  public let columns: [String]
  /// Keys of which rules ask whether any row has them, whoever's and whenever it holds.
  private let keys: [[String]]
  /// Some lookup finds a person's rows of any time.
  private let asksWithoutDay: Bool
  /// Rows are asked for on the days of fee lines and settlements only, and up to so many days around them.
  private let within: Int64?

  /// All such tables of rules that run, in byte order of their names.
  public static func all(rules: [Rule]) -> [PersonalTable] {
    let running = rules.filter { $0.status.coverage != .off }
    let names = Set(running.flatMap { $0.lookups.map(\.table) })
    return names.sorted(by: bytesPrecede).compactMap { PersonalTable($0, running) }
  }

  /// nil if a rule looks the table up in another way.
  private init?(_ name: String, _ rules: [Rule]) {
    // Rows of other tables can make each other ambiguous.
    guard let schema = RegistrySchema.named(name), schema.reading == .existence else { return nil }
    var read: Set<String> = ["begndate", "enddate"]
    var keys: [[String]] = []
    var asksWithoutDay = false
    var within: Int64? = 0
    var isOfPersons = false
    for rule in rules {
      let entities = Dictionary(uniqueKeysWithValues: rule.shape.bindings.map { ($0.name, $0.entity) })
      for lookup in rule.lookups {
        for case .anyOf(let other, let column) in lookup.keys.map(\.match)
        where rule.lookups.contains(where: { $0.name == other && $0.table == name }) {
          read.insert(column)
        }
        if lookup.table != name { continue }
        guard lookup.take == .any, lookup.region == nil, lookup.isMatchedByEquality else { return nil }
        read.formUnion(lookup.keys.map(\.column))
        if lookup.isOfOnePerson(entities) {
          isOfPersons = true
          guard let day = lookup.day else {
            asksWithoutDay = true
            continue
          }
          if let known = within, let more = lookup.mostDaysAround(rule), day.isDayOfCare(entities) {
            within = max(known, more)
          } else {
            within = nil
          }
        } else {
          let isNamed = rule.lookups.contains { $0.lookupsNamed.contains(lookup.name) }
          if isNamed || lookup.day != nil || lookup.keys.contains(where: \.anyWhenNull) { return nil }
          keys.append(lookup.keys.map(\.column))
        }
      }
    }
    if !isOfPersons { return nil }
    table = name
    columns = schema.columns.map(\.name).filter(read.contains)
    self.keys = keys
    self.asksWithoutDay = asksWithoutDay
    self.within = within
  }

  /// The days on which rules may find something else about persons, by the slice of the person; for claims whose psn_no
  /// is written without lower-case letters, as the registry has it.
  ///
  /// - Parameters:
  ///   - old: with no fewer than `columns`, as `new`.
  ///   - codes: of both; they were folded already (`RegistryShelf`).
  /// - Returns: nil if the change may concern anybody.
  public func changes(from old: Registry, to new: Registry, codes: CodeTable) -> [UInt16: ClosedRange<Int64>]? {
    // An empty table is as good as none: rules that need it do not run.
    if old.count == 0 || new.count == 0 { return nil }
    for key in keys where !haveTheSame(key, old, new, codes) { return nil }
    let (before, now) = (PersonRows(self, old, codes), PersonRows(self, new, codes))
    var result: [UInt16: ClosedRange<Int64>] = [:]
    func add(_ person: UInt32, _ differing: ClosedRange<Int64>) {
      var days = Int64.min...Int64.max
      if !asksWithoutDay, let within {
        let (first, isBefore) = differing.lowerBound.subtractingReportingOverflow(within)
        let (last, isAfter) = differing.upperBound.addingReportingOverflow(within)
        days = (isBefore ? Int64.min : first)...(isAfter ? Int64.max : last)
      }
      let slice = codes.withBytes(person) { PersonSlice.of($0) }
      result[slice] = result[slice]?.spanning(days) ?? days
    }
    for group in 0..<now.index.groupCount {
      let person = now.person(group)
      let other = before.index.group([KeyIndex.keyValue(code: person)])
      let rows = now.index.rows(group)
      let olds = other < 0 ? [] : before.index.rows(other)
      if rows.count == olds.count, zip(rows, olds).allSatisfy({ now.row($0) == before.row($1) }) { continue }
      if let days = differingDays(olds.map(before.row), rows.map(now.row)) { add(person, days) }
    }
    for group in 0..<before.index.groupCount {
      let person = before.person(group)
      if now.index.group([KeyIndex.keyValue(code: person)]) >= 0 { continue }
      if let days = differingDays(before.index.rows(group).map(before.row), []) { add(person, days) }
    }
    return result
  }

  /// Whether the same keys occur in both.
  private func haveTheSame(_ key: [String], _ a: Registry, _ b: Registry, _ codes: CodeTable) -> Bool {
    func values(_ registry: Registry) -> [[UInt64]] { key.map { registry.keyValues($0, codes: codes) } }
    let (mine, others) = (values(a), values(b))
    let (known, other) = (KeyIndex(columns: mine, count: a.count), KeyIndex(columns: others, count: b.count))
    // As many of each, and none that the other lacks.
    return known.groupCount == other.groupCount
      && (0..<other.groupCount).allSatisfy { group in
        other.rows(group).first.map { row in known.group(others.map { $0[Int(row)] }) >= 0 } ?? true
      }
  }
}

/// What a row says, and on which days.
struct PersonRow: Hashable {
  /// Of the columns but those of validity.
  var values: [UInt64]
  var begin: Int64
  var end: Int64
}

/// The rows of a registry by psn_no.
private struct PersonRows {
  let index: KeyIndex
  private let persons: [UInt64]
  private let values: [[UInt64]]
  private let begins: [Int64]
  private let ends: [Int64]

  init(_ table: PersonalTable, _ registry: Registry, _ codes: CodeTable) {
    persons = registry.keyValues("psn_no", codes: codes)
    index = KeyIndex(columns: [persons], count: registry.count)
    values = table.columns.filter { !["psn_no", "begndate", "enddate"].contains($0) }
      .map { registry.keyValues($0, codes: codes) }
    let none = [Int64](repeating: ColumnData.null, count: registry.count)
    begins = registry.columns["begndate"]?.numbers ?? none
    ends = (registry.columns["enddate"]?.numbers ?? none).map { $0 == ColumnData.null ? Int64.max : $0 }
  }

  func person(_ group: Int) -> UInt32 {
    index.rows(group).first.map { UInt32(truncatingIfNeeded: persons[Int($0)]) } ?? CodeTable.null
  }

  func row(_ row: Int32) -> PersonRow {
    PersonRow(values: values.map { $0[Int(row)] }, begin: begins[Int(row)], end: ends[Int(row)])
  }
}

/// The first and the last day on which two lists of rows do not say the same; nil if there is none.
func differingDays(_ a: [PersonRow], _ b: [PersonRow]) -> ClosedRange<Int64>? {
  var result: ClosedRange<Int64>?
  for values in Set((a + b).map(\.values)) {
    func spans(_ rows: [PersonRow]) -> [(Int64, Int64)] {
      var merged: [(Int64, Int64)] = []
      let own = rows.filter { $0.values == values && $0.begin <= $0.end }
      for row in own.sorted(by: { $0.begin < $1.begin }) {
        if let last = merged.last, last.1 == Int64.max || row.begin <= last.1 + 1 {
          merged[merged.count - 1].1 = max(last.1, row.end)
        } else {
          merged.append((row.begin, row.end))
        }
      }
      return merged
    }
    guard let days = differingDays(spans(a), spans(b)) else { continue }
    result = result?.spanning(days) ?? days
  }
  return result
}

/// The same of stretches of days, ascending and apart.
private func differingDays(_ a: [(Int64, Int64)], _ b: [(Int64, Int64)]) -> ClosedRange<Int64>? {
  var i = 0
  while i < a.count, i < b.count, a[i] == b[i] { i += 1 }
  if i == a.count, i == b.count { return nil }
  var k = 1
  while k <= a.count - i, k <= b.count - i, a[a.count - k] == b[b.count - k] { k += 1 }
  // The first and the last stretch that are not in both.
  let first: Int64
  switch (i < a.count ? a[i] : nil, i < b.count ? b[i] : nil) {
  case (let x?, let y?): first = x.0 == y.0 ? min(x.1, y.1) + 1 : min(x.0, y.0)
  case (let x?, nil), (nil, let x?): first = x.0
  case (nil, nil): return nil
  }
  let last: Int64
  switch (k <= a.count - i ? a[a.count - k] : nil, k <= b.count - i ? b[b.count - k] : nil) {
  case (let x?, let y?): last = x.1 == y.1 ? max(x.0, y.0) - 1 : max(x.1, y.1)
  case (let x?, nil), (nil, let x?): last = x.1
  case (nil, nil): return nil
  }
  return first...last
}

extension Lookup {
  /// It finds rows of the person of a claim only.
  fileprivate func isOfOnePerson(_ entities: [String: Entity]) -> Bool {
    keys.contains { key in
      key.column == "psn_no" && !key.anyWhenNull && key.alternatives.count == 1
        && key.alternatives.allSatisfy { isPersonNumber($0, entities) }
    }
  }

  /// No fewer days than rows are asked for before and after the day; nil if that can't be told.
  fileprivate func mostDaysAround(_ rule: Rule) -> Int64? {
    switch within {
    case nil: 0
    case .integer(let days): max(0, days)
    case .parameter(let name): rule.parameters.first { $0.name == name }?.values.map { max(0, $0.value) }.max()
    default: nil
    }
  }
}

extension Expr {
  /// The day of a fee line or of a settlement.
  fileprivate func isDayOfCare(_ entities: [String: Entity]) -> Bool {
    guard case .claim(let binding, let path, "day", _) = self, let entity = path.last ?? entities[binding] else {
      return false
    }
    return entity == .line || entity == .settlement
  }
}
