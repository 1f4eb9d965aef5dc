import ClaimModel
import Registries
import RulePacks

/// Registry indexes by table and columns, built when first asked for and shared by the rules of a run; with a
/// `RegistryShelf` they are taken from there. Beside them what belongs to the claims of the run: the groups of
/// populations.
final class IndexShelf {
  private let registries: Registries
  private let codes: CodeTable
  private let shared: RegistryShelf?
  private var indexes: [[String]: RegistryIndex] = [:]
  private var lengthsOfColumns: [String: [Int]] = [:]
  private var regionsOfTables: [String: Set<UInt32>] = [:]
  var populations: [Population: PopulationGroups] = [:]
  /// Of all claims; nil where the claims of the run are all there are.
  let facts: PopulationFacts?

  init(_ registries: Registries, _ codes: CodeTable, shared: RegistryShelf? = nil, facts: PopulationFacts? = nil) {
    self.registries = registries
    self.codes = codes
    self.shared = shared
    self.facts = facts
  }

  /// Region codes, folded, of which a table has rows.
  func regions(_ table: String) -> Set<UInt32> {
    if let known = regionsOfTables[table] { return known }
    let present = shared?.regions(table) ?? RegistryShelf.regions(registries[table], codes)
    regionsOfTables[table] = present
    return present
  }

  /// The different lengths in bytes of a column's texts, ascending.
  func lengths(_ table: String, _ column: String) -> [Int] {
    if let known = lengthsOfColumns[table + "." + column] { return known }
    let lengths =
      shared?.lengths(table, column)
      ?? RegistryShelf.lengths(registries[table]?.columns[column]?.codes ?? [], codes)
    lengthsOfColumns[table + "." + column] = lengths
    return lengths
  }

  func index(_ table: String, _ columns: [IndexColumn]) -> RegistryIndex? {
    guard let registry = registries[table] else { return nil }
    let name = [table] + columns.map(\.label)
    if let known = indexes[name] { return known }
    let index = shared.map { $0.index(table, columns) } ?? RegistryShelf.index(registry, columns, codes)
    indexes[name] = index
    return index
  }
}

/// What an index has as a key: a registry column, or whether its text has so many characters.
struct IndexColumn {
  var name: String
  var atLeast: Int?
  var label: String { atLeast.map { "\(name) with \($0) characters" } ?? name }

  init(name: String) { self.name = name }

  init(_ key: Lookup.Key) {
    name = key.column
    if case .length(let atLeast) = key.match { self.atLeast = atLeast }
  }
}

enum CharacterCount {
  /// Unicode scalars in UTF-8.
  static func of(_ bytes: UnsafeRawBufferPointer) -> Int { bytes.reduce(0) { $0 + ($1 & 0xC0 == 0x80 ? 0 : 1) } }
}

/// The children of some rows by one of their columns, put in order when a row is first asked for; nulls are left out.
struct ChildrenByValue {
  private let children: Children
  private let values: ColumnData
  private var ranges: [Int32: Range<Int>] = [:]
  private var sorted: [(value: UInt64, child: Int32)] = []
  // Positions of one row mostly follow each other.
  private var last: (row: Int32, range: Range<Int>) = (-1, 0..<0)

  init(_ children: Children, _ values: ColumnData) {
    self.children = children
    self.values = values
  }

  /// Adds the children of a row that have a value, in their order.
  mutating func append(_ row: Int32, _ value: UInt64, to found: inout [Int32]) {
    if last.row != row { last = (row, range(row)) }
    var (low, high) = (last.range.lowerBound, last.range.upperBound)
    while low < high {
      let middle = (low + high) / 2
      if sorted[middle].value < value { low = middle + 1 } else { high = middle }
    }
    while low < last.range.upperBound, sorted[low].value == value {
      found.append(sorted[low].child)
      low += 1
    }
  }

  private mutating func range(_ row: Int32) -> Range<Int> {
    if let known = ranges[row] { return known }
    let start = sorted.count
    let own = children.of(Int(row))
    switch values {
    case .text(let v): add(own) { KeyIndex.keyValue(code: v[$0]) }
    case .number(let v): add(own) { KeyIndex.keyValue(number: v[$0]) }
    }
    // In place: to sort a slice of an array would copy it.
    sorted.withUnsafeMutableBufferPointer { sorted in
      var own = UnsafeMutableBufferPointer(rebasing: sorted[start...])
      own.sort { ($0.value, $0.child) < ($1.value, $1.child) }
    }
    ranges[row] = start..<sorted.count
    return start..<sorted.count
  }

  @inline(__always)
  private mutating func add(_ own: ArraySlice<Int32>, _ value: (Int) -> UInt64) {
    for child in own {
      let value = value(Int(child))
      if value != 0 { sorted.append((value, child)) }
    }
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
    // Beside formed rows, a lookup about base rows has the base row's day for its parameters.
    let before = asksForBaseRows
    defer { asksForBaseRows = before }
    if f.isOfFormedRows, !formedLookups.contains(name) { asksForBaseRows = true }
    let result = try ofAbsent(lookup, f) ?? remembered(lookup, f) ?? asked(lookup, f)
    f.outcomes[name] = result
    return result
  }

  /// What a lookup in a table that is absent gives: nothing is found, unless a key or the day is null. nil for others.
  private func ofAbsent(_ lookup: Lookup, _ f: Frame) throws -> LookupOutcome? {
    guard registry(lookup) == nil, lookup.isMatchedByEquality, lookup.neverOverflows(rule) else { return nil }
    var found = [UInt8](repeating: Kleene.no, count: f.count)
    for key in lookup.keys where !key.anyWhenNull {
      // Null is a key of which all alternatives are.
      var isNull = [UInt8](repeating: Kleene.yes, count: f.count)
      for alternative in key.alternatives {
        isNull = zipped(isNull, nullTruths(try vector(alternative, f))) { min($0, $1) }
      }
      found = zipped(found, isNull) { $1 == Kleene.yes ? Kleene.null : $0 }
    }
    if let day = lookup.day {
      found = zipped(found, nullTruths(try vector(day, f))) { $1 == Kleene.yes ? Kleene.null : $0 }
    }
    return LookupOutcome(found: found, row: [Int32](repeating: -1, count: f.count))
  }

  /// A lookup asked at every position.
  private func asked(_ lookup: Lookup, _ f: Frame) throws -> LookupOutcome {
    var probe = try LookupProbe(lookup, self, f)
    var result = LookupOutcome(
      found: [UInt8](repeating: Kleene.no, count: f.count), row: [Int32](repeating: -1, count: f.count))
    for i in 0..<f.count {
      let answer = try probe.answer(i)
      result.found[i] = answer.found
      result.row[i] = answer.row
    }
    return result
  }

  /// A lookup of which the answers are remembered by its keys, region and days; nil if they can't be.
  private func remembered(_ lookup: Lookup, _ f: Frame) throws -> LookupOutcome? {
    guard let memo = memo(lookup), memo.isWorthKeeping else { return nil }
    let day = try lookup.day.map { try numbers($0, f) }
    if !memo.canReckon(day) { return nil }
    let count = f.count
    let answers = try memo.answers(
      try lookup.deciding.map { try vector($0, f) }, day, count: count,
      none: LookupAnswer(found: Kleene.null, row: -1),
      ask: { positions in
        var probe = try LookupProbe(lookup, self, positions.count == count ? f : f.selecting(positions))
        return { i, days in
          try probe.addDays(i, to: &days)
          return try probe.answer(i)
        }
      })
    return LookupOutcome(found: mapped(answers) { $0.found }, row: mapped(answers) { $0.row })
  }

  private func memo(_ lookup: Lookup) -> LookupMemo<LookupAnswer>? {
    if let known = memos[lookup.name] { return known }
    let within = lookup.within.map { constant($0) } ?? 0
    let isDecided = lookup.keys.allSatisfy { key in
      if case .anyOf = key.match { false } else { true }
    }
    var memo: LookupMemo<LookupAnswer>?
    if isDecided, let within {
      memo = LookupMemo(parts: lookup.deciding.count, within: within)
    }
    memos[lookup.name] = .some(memo)
    return memo
  }

  /// The rows that a lookup with `take: any` finds at each position, ascending: of the first alternative that has any
  /// and, unless it joins them, of the first level that has any.
  func rowsFound(_ lookup: Lookup, _ f: Frame) throws -> [[Int32]] {
    var probe = try LookupProbe(lookup, self, f)
    let joinsLevels = lookup.joinsLevels
    return try (0..<f.count).map { i in
      if !probe.isDefined(i) { return [] }
      let (from, to) = try probe.days(i)
      let rows = probe.eachAlternative(i) { index, groups, width -> [Int32]? in
        var rows: [Int32] = []
        // The groups of one level stand together.
        for (k, group) in groups.enumerated() {
          if !joinsLevels, k % width == 0, !rows.isEmpty { break }
          if group < 0 { continue }
          rows += index.index.rows(group).filter {
            !index.registry.isAmbiguous[Int($0)] && index.holds(row: Int($0), from: from, to: to)
          }
        }
        return rows.isEmpty ? nil : rows
      }
      return (rows ?? []).sorted()
    }
  }

  private func groupMemo(_ lookup: Lookup) -> LookupMemo<Int32>? {
    if let known = groupMemos[lookup.name] { return known }
    let within = lookup.within.map { constant($0) } ?? 0
    let memo = within.flatMap { within in
      lookup.isMatchedByEquality
        ? LookupMemo<Int32>(parts: lookup.deciding.count, within: within) : nil
    }
    groupMemos[lookup.name] = .some(memo)
    return memo
  }

  /// One position for each position of the frame and group of a lookup with `take: groups`.
  func expanding(_ lookup: Lookup, by column: String, _ f: Frame) throws -> Frame {
    var positions: [Int32] = []
    var group = GroupedRows(start: [], end: [], rows: [])
    let values: [UInt64] =
      switch registry(lookup)?.columns[column] {
      case .text(let v): v.map { KeyIndex.keyValue(code: $0) }
      case .number(let v): v.map { KeyIndex.keyValue(number: $0) }
      case nil: []
      }
    func add(_ i: Int, _ sorted: [Int32]) {
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
    let day = try lookup.day.map { try numbers($0, f) }
    if let memo = groupMemo(lookup), memo.isWorthKeeping, memo.canReckon(day) {
      // What is remembered are places among the members, so that nothing is counted for each row; 0 is nobody.
      var members = groupMembers.removeValue(forKey: lookup.name) ?? [[]]
      defer { groupMembers[lookup.name] = members }
      let places = try memo.answers(
        try lookup.deciding.map { try vector($0, f) }, day, count: f.count, none: 0,
        ask: { positions in
          var probe = try LookupProbe(lookup, self, positions.count == f.count ? f : f.selecting(positions))
          return { i, days in
            try probe.addDays(i, to: &days)
            let own = try probe.members(i, values)
            if own.isEmpty { return 0 }
            members.append(own)
            return Int32(members.count - 1)
          }
        })
      for i in 0..<f.count where places[i] != 0 { add(i, members[Int(places[i])]) }
    } else {
      var probe = try LookupProbe(lookup, self, f)
      for i in 0..<f.count { add(i, try probe.members(i, values)) }
    }
    let result = f.selecting(positions)
    result.groups[lookup.name] = group
    return result
  }
}

extension Evaluator {
  /// For each (folded) text the texts of at least so many characters in a registry column with which it begins.
  func beginnings(_ texts: [UInt32], _ table: String, _ column: String, _ atLeast: Int) -> [[UInt64]] {
    let name = "\(table).\(column).\(atLeast)"
    var known = beginningsInColumn.removeValue(forKey: name) ?? [:]
    defer { beginningsInColumn[name] = known }
    let lengths = indexes.lengths(table, column)
    return texts.map { code in
      if code == CodeTable.null { return [] }
      if let all = known[code] { return all }
      let text = codes.withBytes(code) { Array($0) }
      var all: [UInt64] = []
      for length in lengths where length <= text.count {
        // Not in the middle of a character.
        if length < text.count, text[length] & 0xC0 == 0x80 { continue }
        let start = text[..<length]
        if start.withUnsafeBytes({ CharacterCount.of($0) }) < atLeast { continue }
        if let code = codes.find(String(decoding: start, as: UTF8.self)) { all.append(KeyIndex.keyValue(code: code)) }
      }
      known[code] = all
      return all
    }
  }

  /// For each position whether another lookup can be answered, and the values in a column of the rows that it finds.
  func values(of column: String, foundBy name: String, _ f: Frame) throws -> (isDefined: [Bool], values: [[UInt64]]) {
    let other = try lookup(name)
    let isDefined = try outcome(name, f).found.map { $0 != Kleene.null }
    let before = asksForBaseRows
    defer { asksForBaseRows = before }
    if f.isOfFormedRows, !formedLookups.contains(name) { asksForBaseRows = true }
    let rows = try rowsFound(other, f)
    let keys: [UInt64] =
      switch registry(other)?.columns[column] {
      case .text(let v): v.map { KeyIndex.keyValue(code: codes.folded($0)) }
      case .number(let v): v.map { KeyIndex.keyValue(number: $0) }
      case nil: []
      }
    let values = zip(rows, isDefined).map { rows, isDefined -> [UInt64] in
      if !isDefined || keys.isEmpty { return [] }
      return Array(Set(rows.map { keys[Int($0)] }).subtracting([0])).sorted()
    }
    return (isDefined, values)
  }
}

/// What a lookup gave at one position; see `LookupOutcome`.
struct LookupAnswer {
  var found: UInt8
  var row: Int32
}

extension Lookup {
  /// Of what its answer on a day is a function, unless it asks for the rows of another.
  fileprivate var deciding: [Expr] { keys.flatMap(\.alternatives) + (region.map { [$0] } ?? []) }
}

/// The keys, region and days of a lookup over a frame, ready to be asked position by position.
struct LookupProbe {
  private let lookup: Lookup
  private let evaluator: Evaluator
  // keys[k][alternative][position]; 0 is null. Of a key that gives sets only whether it is null.
  private let keys: [[[UInt64]]]
  // sets[k][alternative][position] for keys that any of several values meets: beginnings of a text, another lookup's
  // rows.
  private let sets: [[[[UInt64]]]?]
  private let isAny: Bool
  private let isPlain: Bool
  // By k; a `Lookup.Key` holds an expression tree, too dear to copy at each position.
  private let hasSets: Bool
  private let anyWhenNull: [Bool]
  private let columns: [IndexColumn]
  private let regions: [UInt32]?
  private let day: [Int64]?
  private let within: [Int64]?
  // Reused from position to position: a lookup is asked a million times.
  private var choice: [Int]
  private var values: [UInt64] = []
  private var groups: [Int] = []
  private var chosenSets: [(place: Int, values: [UInt64])] = []
  private var lastIndex: (restricted: Int, index: RegistryIndex)?
  private var lastLevels: (region: UInt32, levels: [UInt32]) = (CodeTable.null, [])

  init(_ lookup: Lookup, _ evaluator: Evaluator, _ f: Frame) throws {
    choice = [Int](repeating: 0, count: lookup.keys.count)
    anyWhenNull = lookup.keys.map(\.anyWhenNull)
    columns = lookup.keys.map { IndexColumn($0) }
    self.lookup = lookup
    self.evaluator = evaluator
    isAny = lookup.take == .any
    isPlain = lookup.isMatchedByEquality
    let codes = evaluator.codes
    var keys: [[[UInt64]]] = []
    var sets: [[[[UInt64]]]?] = []
    for key in lookup.keys {
      switch key.match {
      case .equal:
        keys.append(
          try key.alternatives.map { alternative in
            switch try evaluator.vector(alternative, f) {
            case .text(let v): v.map { KeyIndex.keyValue(code: codes.folded($0)) }
            case .number(let v): v.map { KeyIndex.keyValue(number: $0) }
            case .truth: throw EvaluationFault.type("a condition as a key")
            }
          })
        sets.append(nil)
      case .length:
        keys.append([[UInt64](repeating: KeyIndex.keyValue(number: 1), count: f.count)])
        sets.append(nil)
      case .beginsWithColumn(let atLeast):
        let texts = try key.alternatives.map { try evaluator.texts($0, f).map { codes.folded($0) } }
        keys.append(texts.map { $0.map { KeyIndex.keyValue(code: $0) } })
        sets.append(texts.map { evaluator.beginnings($0, lookup.table, key.column, atLeast) })
      case .anyOf(let other, let column):
        let (isDefined, values) = try evaluator.values(of: column, foundBy: other, f)
        keys.append([isDefined.map { $0 ? 1 : 0 }])
        sets.append([values])
      }
    }
    self.keys = keys
    self.sets = sets
    hasSets = sets.contains { $0 != nil }
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

  /// What the lookup gives at a position, unless it takes groups.
  mutating func answer(_ i: Int) throws -> LookupAnswer {
    guard isDefined(i) else { return LookupAnswer(found: Kleene.null, row: -1) }
    let (from, to) = try days(i)
    let isAny = isAny
    let isPlain = isPlain
    let answer = eachAlternative(i) { index, groups, _ -> (row: Int32, isAmbiguous: Bool)? in
      let canBeAmbiguous = isPlain && index.canBeAmbiguous
      var row: Int32 = -1
      for group in groups where group >= 0 {
        if canBeAmbiguous, index.isAmbiguous(group, from: from, to: to) { return (-1, true) }
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
        if row >= 0, !canBeAmbiguous { break }
      }
      return row >= 0 ? (row, false) : nil
    }
    guard let answer else { return LookupAnswer(found: Kleene.no, row: -1) }
    if answer.isAmbiguous { return LookupAnswer(found: Kleene.null, row: LookupOutcome.ambiguous) }
    return LookupAnswer(found: Kleene.yes, row: isAny ? -1 : answer.row)
  }

  /// The rows of all groups at a position, by the values of the column that makes the groups, then by row.
  mutating func members(_ i: Int, _ values: [UInt64]) throws -> [Int32] {
    guard isDefined(i) else { return [] }
    let (from, to) = try days(i)
    let rows = eachAlternative(i) { index, groups, _ -> [Int32]? in
      for group in groups where group >= 0 {
        let holding = index.index.rows(group).filter {
          !index.registry.isAmbiguous[Int($0)] && index.holds(row: Int($0), from: from, to: to)
            && values[Int($0)] != 0
        }
        if !holding.isEmpty { return holding }
      }
      return nil
    }
    guard let rows else { return [] }
    return rows.count == 1 ? rows : rows.sorted { (values[Int($0)], $0) < (values[Int($1)], $1) }
  }

  /// When something changes among the rows that a position asks for.
  mutating func addDays<Answer>(_ i: Int, to days: inout LookupMemo<Answer>.Days) throws {
    if day == nil || !isDefined(i) { return }
    let isAny = isAny
    let isPlain = isPlain
    var found = days
    _ = eachAlternative(i) { index, groups, _ -> Bool? in
      for group in groups where group >= 0 {
        if isAny, !(isPlain && index.canBeAmbiguous) {
          let (begins, ends) = index.changes(group, from: found.day - found.within, to: found.day + found.within)
          for day in begins { found.row(day, Int64.max) }
          for day in ends { found.row(Int64.min, day) }
        } else {
          for row in index.index.rows(group) { found.row(index.begin[Int(row)], index.end[Int(row)]) }
        }
      }
      return nil
    }
    days = found
  }

  /// Calls the body with the index and the key's group on each level of the region order (−1 where no row has it), for
  /// each combination of alternatives in turn, until it gives an answer. A key that any of several values meets gives
  /// several groups a level; the body's last argument is how many. `skipping` leaves keys out, by their place.
  mutating func eachAlternative<T>(_ i: Int, skipping: Set<Int> = [], _ body: (RegistryIndex, [Int], Int) -> T?) -> T? {
    for k in 0..<choice.count { choice[k] = 0 }
    while true {
      values.removeAll(keepingCapacity: true)
      chosenSets.removeAll(keepingCapacity: true)
      // Bit k: key k restricts. Which keys do decides which index is asked.
      var restricted = 0
      var isPassed = false
      for k in columns.indices {
        if !skipping.isEmpty, skipping.contains(k) { continue }
        let value = keys[k][choice[k]][i]
        if value == 0 {
          // A null alternative is passed over, unless all are null and that means no restriction.
          if anyWhenNull[k], !keys[k].contains(where: { $0[i] != 0 }) { continue }
          isPassed = true
        }
        restricted |= 1 << k
        if hasSets, let set = sets[k] { chosenSets.append((values.count, set[choice[k]][i])) }
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

  private mutating func ask<T>(_ i: Int, _ restricted: Int, _ body: (RegistryIndex, [Int], Int) -> T?) -> T? {
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
        addGroups(index.index)
      }
    } else {
      addGroups(index.index)
    }
    return body(index, groups, chosenSets.reduce(1) { $0 * $1.values.count })
  }

  /// The groups of the values and of every combination of what the sets hold.
  private mutating func addGroups(_ index: KeyIndex, from set: Int = 0) {
    if set == chosenSets.count {
      groups.append(index.group(values))
      return
    }
    for k in chosenSets[set].values.indices {
      values[chosenSets[set].place] = chosenSets[set].values[k]
      addGroups(index, from: set + 1)
    }
  }

  private mutating func index(_ restricted: Int) -> RegistryIndex? {
    if let lastIndex, lastIndex.restricted == restricted { return lastIndex.index }
    var asked = columns.indices.filter { restricted & (1 << $0) != 0 }.map { columns[$0] }
    if regions != nil { asked.append(IndexColumn(name: "admdvs")) }
    guard let index = evaluator.indexes.index(lookup.table, asked) else { return nil }
    lastIndex = (restricted, index)
    return index
  }
}
