import ClaimModel
import Registries
import RulePacks

/// Registry indexes by table and columns, built when first asked for and shared by the rules of a run.
final class IndexShelf {
  private let registries: Registries
  private let codes: CodeTable
  private var indexes: [[String]: RegistryIndex] = [:]
  private var regionsOfTables: [String: Set<UInt32>] = [:]

  init(_ registries: Registries, _ codes: CodeTable) {
    self.registries = registries
    self.codes = codes
  }

  /// Region codes, folded, of which a table has rows.
  func regions(_ table: String) -> Set<UInt32> {
    if let known = regionsOfTables[table] { return known }
    let present = Set((registries[table]?.columns["admdvs"]?.codes ?? []).map { codes.folded($0) })
    regionsOfTables[table] = present
    return present
  }

  func index(_ table: String, _ columns: [String]) -> RegistryIndex? {
    guard let registry = registries[table] else { return nil }
    if let known = indexes[[table] + columns] { return known }
    let index = RegistryIndex(registry, columns: columns, codes: codes)
    indexes[[table] + columns] = index
    return index
  }
}

extension Evaluator {
  func found(_ name: String, _ f: Frame) throws -> [UInt8] {
    if let group = f.groups[name] { return zipped(group.start, group.end) { $0 < $1 ? Kleene.yes : Kleene.no } }
    return try outcome(name, f).found
  }

  /// What a lookup gives at every position.
  func outcome(_ name: String, _ f: Frame) throws -> LookupOutcome {
    if let known = f.outcomes[name] { return known }
    if let outer = f.outer {
      let mine = try outcome(name, outer).selecting(f.owner)
      f.outcomes[name] = mine
      return mine
    }
    let lookup = try lookup(name)
    var probe = try LookupProbe(lookup, self, f)
    var result = LookupOutcome(
      found: [UInt8](repeating: Kleene.no, count: f.count), row: [Int32](repeating: -1, count: f.count),
      isAmbiguous: [Bool](repeating: false, count: f.count))
    let isAny = lookup.take == .any
    for i in 0..<f.count {
      guard probe.isDefined(i) else {
        result.found[i] = Kleene.null
        continue
      }
      let (from, to) = try probe.days(i)
      let answer = probe.eachAlternative(i) { index, groups -> (row: Int32, isAmbiguous: Bool)? in
        var row: Int32 = -1
        for group in groups where group >= 0 {
          if index.canBeAmbiguous, index.isAmbiguous(group, from: from, to: to) { return (-1, true) }
          if row >= 0 { continue }
          if isAny {
            if index.holds(group, from: from, to: to) { row = 0 }
          } else {
            for candidate in index.index.rows(group) where index.holds(row: Int(candidate), from: from, to: to) {
              // Two rows where one was asked for: neither is the one, whether the table's key says so or not.
              if row >= 0 || index.registry.isAmbiguous[Int(candidate)] { return (-1, true) }
              row = candidate
            }
          }
          if row >= 0, !index.canBeAmbiguous { break }
        }
        return row >= 0 ? (row, false) : nil
      }
      if let answer {
        result.found[i] = answer.isAmbiguous ? Kleene.null : Kleene.yes
        result.isAmbiguous[i] = answer.isAmbiguous
        if !isAny { result.row[i] = answer.row }
      }
    }
    f.outcomes[name] = result
    return result
  }

  /// One position for each position of the frame and group of a lookup with `take: groups`.
  func expanding(_ lookup: Lookup, by column: String, _ f: Frame) throws -> Frame {
    var probe = try LookupProbe(lookup, self, f)
    var positions: [Int32] = []
    var group = GroupedRows(start: [], end: [], rows: [])
    let values: [UInt64] =
      switch registry(lookup)?.columns[column] {
      case .text(let v): v.map { KeyIndex.keyValue(code: $0) }
      case .number(let v): v.map { KeyIndex.keyValue(number: $0) }
      case nil: []
      }
    for i in 0..<f.count where probe.isDefined(i) {
      let (from, to) = try probe.days(i)
      let rows = probe.eachAlternative(i) { index, groups -> [Int32]? in
        for group in groups where group >= 0 {
          let holding = index.index.rows(group).filter {
            !index.registry.isAmbiguous[Int($0)] && index.holds(row: Int($0), from: from, to: to)
              && values[Int($0)] != 0
          }
          if !holding.isEmpty { return holding }
        }
        return nil
      }
      guard let rows else { continue }
      let sorted = rows.count == 1 ? rows : rows.sorted { (values[Int($0)], $0) < (values[Int($1)], $1) }
      var start = 0
      while start < sorted.count {
        var end = start + 1
        while end < sorted.count, values[Int(sorted[end])] == values[Int(sorted[start])] { end += 1 }
        positions.append(Int32(i))
        group.start.append(Int32(group.rows.count))
        group.rows.append(contentsOf: sorted[start..<end])
        group.end.append(Int32(group.rows.count))
        start = end
      }
    }
    let result = f.selecting(positions)
    result.groups[lookup.name] = group
    return result
  }
}

/// The keys, region and days of a lookup over a frame, ready to be asked position by position.
struct LookupProbe {
  private let lookup: Lookup
  private let evaluator: Evaluator
  // keys[k][alternative][position]
  private let keys: [[[UInt64]]]
  // By k; a `LookupKey` holds an expression tree, too dear to copy at each position.
  private let anyWhenNull: [Bool]
  private let columns: [String]
  private let regions: [UInt32]?
  private let day: [Int64]?
  private let within: [Int64]?
  // Reused from position to position: a lookup is asked a million times.
  private var choice: [Int]
  private var values: [UInt64] = []
  private var groups: [Int] = []
  private var lastIndex: (restricted: Int, index: RegistryIndex)?
  private var lastLevels: (region: UInt32, levels: [UInt32]) = (CodeTable.null, [])

  init(_ lookup: Lookup, _ evaluator: Evaluator, _ f: Frame) throws {
    choice = [Int](repeating: 0, count: lookup.keys.count)
    anyWhenNull = lookup.keys.map(\.anyWhenNull)
    columns = lookup.keys.map(\.column)
    self.lookup = lookup
    self.evaluator = evaluator
    let codes = evaluator.codes
    keys = try lookup.keys.map { key in
      try key.alternatives.map { alternative in
        switch try evaluator.vector(alternative, f) {
        case .text(let v): v.map { KeyIndex.keyValue(code: codes.folded($0)) }
        case .number(let v): v.map { KeyIndex.keyValue(number: $0) }
        case .truth: throw EvaluationFault.type("a condition as a key")
        }
      }
    }
    regions = try lookup.region.map { try evaluator.texts($0, f) }
    day = try lookup.day.map { try evaluator.numbers($0, f) }
    within = try lookup.within.map { try evaluator.numbers($0, f) }
  }

  /// No key, day or span that the lookup needs is null.
  func isDefined(_ i: Int) -> Bool {
    if let day, day[i] == ColumnData.null { return false }
    if let within, within[i] == ColumnData.null { return false }
    for k in anyWhenNull.indices where !anyWhenNull[k] {
      if !keys[k].contains(where: { $0[i] != 0 }) { return false }
    }
    return true
  }

  /// The days on any of which a row must hold; all days for a lookup without a day.
  func days(_ i: Int) throws -> (from: Int64, to: Int64) {
    guard let day else { return (Int64.min, Int64.max) }
    guard let within else { return (day[i], day[i]) }
    let (from, a) = day[i].subtractingReportingOverflow(within[i])
    let (to, b) = day[i].addingReportingOverflow(within[i])
    if a || b { throw EvaluationFault.overflow }
    return (from, to)
  }

  /// Calls the body with the index and the key's group on each level of the region order (−1 where no row has it), for
  /// each combination of alternatives in turn, until it gives an answer. `skipping` leaves keys out.
  mutating func eachAlternative<T>(_ i: Int, skipping: Set<String> = [], _ body: (RegistryIndex, [Int]) -> T?) -> T? {
    for k in 0..<choice.count { choice[k] = 0 }
    while true {
      values.removeAll(keepingCapacity: true)
      // Bit k: key k restricts. Which keys do decides which index is asked.
      var restricted = 0
      var isPassed = false
      for k in columns.indices {
        if !skipping.isEmpty, skipping.contains(columns[k]) { continue }
        let value = keys[k][choice[k]][i]
        if value == 0 {
          // A null alternative is passed over, unless all are null and that means no restriction.
          if anyWhenNull[k], !keys[k].contains(where: { $0[i] != 0 }) { continue }
          isPassed = true
        }
        restricted |= 1 << k
        values.append(value)
      }
      if !isPassed, let answer = ask(i, restricted, body) { return answer }
      var k = choice.count - 1
      while k >= 0 {
        choice[k] += 1
        if choice[k] < keys[k].count { break }
        choice[k] = 0
        k -= 1
      }
      if k < 0 { return nil }
    }
  }

  private mutating func ask<T>(_ i: Int, _ restricted: Int, _ body: (RegistryIndex, [Int]) -> T?) -> T? {
    guard let index = index(restricted) else { return nil }
    groups.removeAll(keepingCapacity: true)
    if let regions {
      if regions[i] != lastLevels.region || lastLevels.levels.isEmpty {
        // A level of which the table has no row can't answer.
        let present = evaluator.indexes.regions(lookup.table)
        lastLevels = (regions[i], evaluator.regionLevels(regions[i]).filter { present.contains($0) })
      }
      values.append(0)
      for level in lastLevels.levels {
        values[values.count - 1] = KeyIndex.keyValue(code: level)
        groups.append(index.index.group(values))
      }
    } else {
      groups.append(index.index.group(values))
    }
    return body(index, groups)
  }

  private mutating func index(_ restricted: Int) -> RegistryIndex? {
    if let lastIndex, lastIndex.restricted == restricted { return lastIndex.index }
    var asked = columns.indices.filter { restricted & (1 << $0) != 0 }.map { columns[$0] }
    if regions != nil { asked.append("admdvs") }
    guard let index = evaluator.indexes.index(lookup.table, asked) else { return nil }
    lastIndex = (restricted, index)
    return index
  }
}
