import ClaimModel
import Registries
import RulePacks

/// A value of one row.
enum Value: Equatable {
  case null
  case text(String)
  case number(Int64)
  case truth(Bool)
}

/// The meaning of expressions, one row at a time, over texts: slow, and written without a look at the block evaluator.
struct SlowInterpreter {
  let rule: Rule
  let claims: EffectiveClaims
  let registries: Registries
  /// Row of each binding; −1 = none.
  var rows: [String: Int] = [:]
  /// Entities of bindings that the shape does not have.
  var entities: [String: Entity] = [:]
  /// The registry row in hand.
  var member: [String: Int] = [:]
  /// The columns of the formed row in hand.
  var formed: [String: Value] = [:]
  /// The rows of the group that the row stands for.
  var group: [String: [Int]] = [:]

  func column(_ data: ColumnData?, _ row: Int) -> Value {
    guard let data, row >= 0 else { return .null }
    switch data {
    case .text(let v): return v[row] == 0 ? .null : .text(claims.codes.text(v[row]))
    case .number(let v): return v[row] == .min ? .null : .number(v[row])
    }
  }

  func place(_ binding: String, _ path: [Entity]) -> (Entity, Int) {
    var entity = entities[binding] ?? rule.shape.bindings.first { $0.name == binding }?.entity ?? .line
    var row = rows[binding] ?? -1
    for step in path {
      row = row < 0 ? -1 : Int(claims[entity].parent[step]?[row] ?? -1)
      entity = step
    }
    return (entity, row)
  }

  func numbers(_ all: [Expr]) -> [Int64?] {
    all.map { if case .number(let n) = value($0) { n } else { nil } }
  }

  func truth(_ e: Expr) -> Bool? { if case .truth(let t) = value(e) { t } else { nil } }

  func of(_ truth: Bool?) -> Value { truth.map { .truth($0) } ?? .null }

  func less(_ a: Value, _ b: Value) -> Bool {
    switch (a, b) {
    case (.number(let x), .number(let y)): x < y
    case (.text(let x), .text(let y)): Array(x.utf8).lexicographicallyPrecedes(Array(y.utf8))
    default: false
    }
  }

  func value(_ e: Expr) -> Value {
    switch e {
    case .claim(let binding, let path, let name, _):
      let (entity, row) = place(binding, path)
      return column(claims[entity].columns[name], row)
    case .registry(let name, let column, _):
      guard let lookup = rule.lookups.first(where: { $0.name == name }) else { return .null }
      let row = member[name] ?? group[name]?.first ?? find(lookup).row
      return self.column(registries[lookup.table]?.columns[column], row ?? -1)
    case .integer(let v), .day(let v): return .number(v)
    case .text(let v): return v.isEmpty ? .null : .text(v)
    case .boolean(let v): return .truth(v)
    case .parameter(let name):
      let values = rule.parameters.first { $0.name == name }?.values ?? []
      var dayOf = rule.parameterDay
      if !formed.isEmpty { dayOf = rule.formedParameterDay ?? (rows.isEmpty ? nil : dayOf) }
      guard values.count > 1, let dayOf else { return values.last.map { .number($0.value) } ?? .null }
      guard case .number(let day) = value(dayOf) else { return .null }
      var inForce = values[0]
      for value in values where (value.from ?? .min) <= day { inForce = value }
      return .number(inForce.value)
    case .add(let a, let b): return pair(a, b) { $0 + $1 }
    case .subtract(let a, let b): return pair(a, b) { $0 - $1 }
    case .multiply(let a, let b): return pair(a, b) { $0 * $1 }
    case .least(let all):
      let n = numbers(all)
      return n.contains(nil) ? .null : n.compactMap { $0 }.min().map { .number($0) } ?? .null
    case .greatest(let all):
      let n = numbers(all)
      return n.contains(nil) ? .null : n.compactMap { $0 }.max().map { .number($0) } ?? .null
    case .coalesce(let all): return all.map(value).first { $0 != .null } ?? .null
    case .dayOf(let a):
      guard case .number(let n) = value(a) else { return .null }
      return .number(Int64((Double(n) / 86_400).rounded(.down)))
    case .number(let a):
      guard case .text(let t) = value(a), t.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }), let n = Int64(t) else {
        return .null
      }
      return .number(n)
    case .compare(let op, let a, let b):
      let (x, y) = (value(a), value(b))
      if x == .null || y == .null { return .null }
      switch op {
      case .equal: return .truth(x == y)
      case .notEqual: return .truth(x != y)
      case .less: return .truth(less(x, y))
      case .lessOrEqual: return .truth(!less(y, x))
      case .greater: return .truth(less(y, x))
      case .greaterOrEqual: return .truth(!less(x, y))
      }
    case .isSame(let a, let b): return .truth(value(a) == value(b))
    case .isNull(let a): return .truth(value(a) == .null)
    case .isTrue(let a): return .truth(value(a) == .truth(true))
    case .inList(let a, let list): return value(.or(list.map { .compare(.equal, a, $0) }))
    case .startsWith(let a, let starts):
      guard case .text(let t) = value(a) else { return .null }
      return .truth(starts.contains { Array(t.utf8).starts(with: Array($0.utf8)) })
    case .and(let all):
      let t = all.map(truth)
      return of(t.contains(false) ? false : t.contains(nil) ? nil : true)
    case .or(let all):
      let t = all.map(truth)
      return of(t.contains(true) ? true : t.contains(nil) ? nil : false)
    case .not(let a): return of(truth(a).map { !$0 })
    case .found(let name):
      guard let lookup = rule.lookups.first(where: { $0.name == name }) else { return .null }
      return of(find(lookup).found)
    case .setContains(let name, let column, let a):
      let x = value(a)
      guard x != .null, let lookup = rule.lookups.first(where: { $0.name == name }) else { return .null }
      return .truth(
        group[name, default: []].contains { self.column(registries[lookup.table]?.columns[column], $0) == x })
    case .setLeast(let name, let a): return overGroup(name, a).min().map { .number($0) } ?? .null
    case .setGreatest(let name, let a): return overGroup(name, a).max().map { .number($0) } ?? .null
    case .children(let a): return children(a)
    case .prefix(let a, let count):
      guard case .text(let t) = value(a) else { return .null }
      return .text(String(String.UnicodeScalarView(t.unicodeScalars.prefix(count))))
    case .percent(let a, let b):
      guard case .number(let x) = value(a), case .number(let p) = value(b), x >= 0, p >= 0 else { return .null }
      return .number(x * p / 100)
    case .formed(let name, _): return formed[name] ?? .null
    case .fact(let name, let value, _): return fact(name, value)
    case .allHits, .anyHit, .countHits, .leastOfHits, .greatestOfHits, .sumOfHits, .atGreatestOfHits: return .null
    }
  }

  func pair(_ a: Expr, _ b: Expr, _ f: (Int64, Int64) -> Int64) -> Value {
    guard case .number(let x) = value(a), case .number(let y) = value(b) else { return .null }
    return .number(f(x, y))
  }

  func overGroup(_ name: String, _ e: Expr) -> [Int64] {
    group[name, default: []].compactMap { row in
      var inner = self
      inner.member[name] = row
      if case .number(let n) = inner.value(e) { return n }
      return nil
    }
  }

  func children(_ a: ChildAggregate) -> Value {
    let (entity, row) = place(a.binding, a.path)
    var kept: [Value] = []
    for child in 0..<claims[a.of].count where row >= 0 && claims[a.of].parent[entity]?[child] == Int32(row) {
      var inner = self
      inner.rows[a.variable] = child
      inner.entities[a.variable] = a.of
      if inner.truth(a.condition) == true { kept.append(a.value.map { inner.value($0) } ?? .truth(true)) }
    }
    let numbers = kept.compactMap { if case .number(let n) = $0 { n } else { nil } }
    switch a.function {
    case .exists: return .truth(!kept.isEmpty)
    case .count: return .number(Int64(kept.count))
    case .countDistinct:
      var different: [Value] = []
      for value in kept where value != .null && !different.contains(value) { different.append(value) }
      return .number(Int64(different.count))
    case .sum: return numbers.isEmpty ? .null : .number(numbers.reduce(0, +))
    case .least: return numbers.min().map { .number($0) } ?? .null
    case .greatest: return numbers.max().map { .number($0) } ?? .null
    }
  }

  /// A population fact: all rows of the entity are gone through for every question.
  func fact(_ name: String, _ wanted: String) -> Value {
    guard let population = rule.populations.first(where: { $0.name == name }),
      let value = population.values.first(where: { $0.name == wanted })
    else { return .null }
    let mine = population.match.map { self.value($0.b) }
    if mine.contains(.null) { return .null }
    var members: [SlowInterpreter] = []
    for row in 0..<claims[population.entity].count {
      var one = SlowInterpreter(rule: rule, claims: claims, registries: registries)
      one.rows = [population.binding: row]
      one.entities = [population.binding: population.entity]
      if one.truth(population.condition) == true, population.match.map({ one.value($0.a) }) == mine {
        members.append(one)
      }
    }
    return members.isEmpty ? .null : aggregate(value, members)
  }

  /// A value of a formed row over its members.
  func aggregate(_ value: FormedValue, _ members: [SlowInterpreter]) -> Value {
    let all = members.map { member in value.value.map { member.value($0) } ?? .number(1) }
    let numbers = all.compactMap { if case .number(let n) = $0 { n } else { nil } }
    switch value.function {
    case .count: return .number(Int64(all.count))
    case .sum: return numbers.isEmpty ? .null : .number(numbers.reduce(0, +))
    case .least: return numbers.min().map { .number($0) } ?? .null
    case .greatest: return numbers.max().map { .number($0) } ?? .null
    case .only: return all.allSatisfy { $0 == all[0] } ? all[0] : .null
    case .countDistinct:
      var different: [Value] = []
      for value in all where value != .null && !different.contains(value) { different.append(value) }
      return .number(Int64(different.count))
    }
  }

  // MARK: Lookups, straight from Documentation/inputs.md

  func upper(_ v: Value) -> Value {
    if case .text(let t) = v {
      return .text(String(decoding: t.utf8.map { $0 >= 97 && $0 <= 122 ? $0 - 32 : $0 }, as: UTF8.self))
    }
    return v
  }

  /// For each level of the region order the rows that match on the days; nil when a key or a day is null.
  func levels(_ lookup: Lookup, _ choice: [Int]) -> [[Int]]? {
    guard let table = registries[lookup.table] else { return nil }
    var wanted: [(Lookup.Key, [Value])] = []
    for (key, c) in zip(lookup.keys, choice) {
      if case .length = key.match {
        wanted.append((key, []))
        continue
      }
      if case .anyOf(let other, let column) = key.match {
        guard let other = rule.lookups.first(where: { $0.name == other }), find(other).found != nil else { return nil }
        wanted.append((key, rowsFound(other).map { upper(self.column(registries[other.table]?.columns[column], $0)) }))
        continue
      }
      let values = key.alternatives.map(value)
      if values.allSatisfy({ $0 == .null }) {
        if key.anyWhenNull { continue }
        return nil
      }
      if values[c] == .null { return [] }
      wanted.append((key, [upper(values[c])]))
    }
    var from = Int64.min
    var to = Int64.max
    if let day = lookup.day {
      guard case .number(let d) = value(day) else { return nil }
      var w: Int64 = 0
      if let within = lookup.within {
        guard case .number(let n) = value(within) else { return nil }
        w = n
      }
      (from, to) = (d - w, d + w)
    }
    let matching = (0..<table.count).filter { row in
      let meets = wanted.allSatisfy { key, values in
        let own = upper(column(table.columns[key.column], row))
        if own == .null { return false }
        switch key.match {
        case .equal, .anyOf: return values.contains(own)
        case .beginsWithColumn(let least):
          guard case .text(let text) = own, case .text(let whole)? = values.first else { return false }
          return text.unicodeScalars.count >= least && Array(whole.utf8).starts(with: Array(text.utf8))
        case .length(let least):
          guard case .text(let text) = own else { return false }
          return text.unicodeScalars.count >= least
        }
      }
      if !meets { return false }
      if !table.schema.hasValidity { return true }
      let begin = table.columns["begndate"]?.numbers[row] ?? 0
      let end = table.columns["enddate"]?.numbers[row] ?? .min
      return begin <= to && (end == .min || end >= from)
    }
    guard let region = lookup.region else { return [matching] }
    var start = ""
    if case .text(let t) = value(region) { start = t }
    return regionOrder(start).map { level in
      matching.filter { column(table.columns["admdvs"], $0) == upper(.text(level)) }
    }
  }

  func choices(_ lookup: Lookup) -> [[Int]] {
    lookup.keys.reduce([[]]) { done, key in
      done.flatMap { d in (key.alternatives.isEmpty ? 0..<1 : key.alternatives.indices).map { d + [$0] } }
    }
  }

  func find(_ lookup: Lookup) -> (found: Bool?, row: Int?, isAmbiguous: Bool) {
    guard let table = registries[lookup.table] else { return (false, nil, false) }
    let columns = Set(lookup.keys.map(\.column) + (lookup.region == nil ? [] : ["admdvs"]))
    let isComplete =
      table.schema.key.allSatisfy { columns.contains($0) } && lookup.keys.allSatisfy { $0.match == .equal }
    for choice in choices(lookup) {
      guard let levels = levels(lookup, choice) else { return (nil, nil, false) }
      if isComplete, levels.joined().contains(where: { table.isAmbiguous[$0] }) { return (nil, nil, true) }
      for level in levels where !level.isEmpty {
        let clean = level.filter { !table.isAmbiguous[$0] }
        if lookup.take == .any {
          if clean.isEmpty { continue }
          return (true, nil, false)
        }
        if level.count > 1 || clean.isEmpty { return (nil, nil, true) }
        return (true, level[0], false)
      }
    }
    return (false, nil, false)
  }

  /// The rows that a lookup with `take: any` finds.
  func rowsFound(_ lookup: Lookup) -> [Int] {
    guard let table = registries[lookup.table] else { return [] }
    for choice in choices(lookup) {
      let found = (levels(lookup, choice) ?? []).map { $0.filter { !table.isAmbiguous[$0] } }.filter { !$0.isEmpty }
      if let first = found.first { return lookup.joinsLevels ? Array(found.joined()) : first }
    }
    return []
  }

  /// The groups of a `take: groups` lookup.
  func groups(_ lookup: Lookup, by name: String) -> [[Int]] {
    guard let table = registries[lookup.table] else { return [] }
    for choice in choices(lookup) {
      guard let levels = levels(lookup, choice) else { return [] }
      for level in levels {
        let clean = level.filter { !table.isAmbiguous[$0] && column(table.columns[name], $0) != .null }
        if clean.isEmpty { continue }
        var result: [[Int]] = []
        for row in clean {
          let v = column(table.columns[name], row)
          if let at = result.firstIndex(where: { column(table.columns[name], $0[0]) == v }) {
            result[at].append(row)
          } else {
            result.append([row])
          }
        }
        return result
      }
    }
    return []
  }
}
