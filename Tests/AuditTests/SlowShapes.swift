import ClaimModel
import RulePacks

/// A formed row as the slow interpreter finds it.
struct SlowRow {
  var columns: [String: Value] = [:]
  /// Rows of the base entity.
  var members: [Int]
  /// The base row, with `runs`.
  var base: Int?
}

/// Neighbours, formed rows and their hits, straight from the words of `Formed` and `PairOrder`: every row is compared
/// with every other.
extension SlowInterpreter {
  struct Answer {
    var hits: [SlowRow] = []
    var inScope = 0
    var unevaluable = 0
  }

  func at(_ row: Int) -> SlowInterpreter {
    var one = self
    one.rows = [rule.shape.bindings[0].name: row]
    return one
  }

  func number(_ e: Expr) -> Int64? { if case .number(let n) = value(e) { n } else { nil } }

  private func with(_ row: SlowRow) -> SlowInterpreter {
    var one = self
    one.formed = row.columns
    one.rows = row.base.map { [rule.shape.bindings[0].name: $0] } ?? [:]
    return one
  }

  func formedHits(_ formed: Formed) -> Answer {
    var answer = Answer()
    let spoken = rule.unevaluable.reduce(into: Set<String>()) { $0.formUnion($1.when.lookupNames) }
    func silent(_ one: SlowInterpreter, ofFormed: Bool) -> Bool {
      rule.lookups.contains { lookup in
        rule.formedLookups.contains(lookup.name) == ofFormed && !spoken.contains(lookup.name)
          && one.find(lookup).isAmbiguous
      }
        || rule.unevaluable.contains { reason in
          reason.when.readsFormed(lookups: rule.formedLookups) == ofFormed && one.truth(reason.when) == true
        }
    }
    var isOccupancy = false
    if case .occupancy = formed.kind { isOccupancy = true }

    var base: [Int] = []
    var unevaluable: Set<Int> = []
    for row in 0..<claims[formed.baseEntity].count where at(row).truth(rule.scope) == true {
      if !isOccupancy { answer.inScope += 1 }
      if silent(at(row), ofFormed: false) {
        if !isOccupancy { unevaluable.insert(row) }
      } else if !formed.by.contains(where: { at(row).value($0.value) == .null }) {
        base.append(row)
      }
    }
    var left: [SlowRow] = []
    for row in rows(formed, base) {
      if isOccupancy { answer.inScope += 1 }
      let one = with(row)
      if silent(one, ofFormed: true) {
        if isOccupancy { answer.unevaluable += 1 } else { unevaluable.formUnion(row.members) }
      } else if one.truth(rule.condition) == true, !rule.unless.contains(where: { one.truth($0) == true }) {
        left.append(row)
      }
    }
    answer.unevaluable += unevaluable.count
    answer.hits = formed.atLeast.map { runs(left, formed, atLeast: $0) } ?? left
    return answer
  }

  /// All rows, before any condition.
  private func rows(_ formed: Formed, _ base: [Int]) -> [SlowRow] {
    func by(_ row: Int) -> [Value] { formed.by.map { at(row).value($0.value) } }
    func row(_ members: [Int], _ key: [Value], _ more: [String: Value]) -> SlowRow {
      var columns = more
      for (name, value) in zip(formed.by, key) { columns[name.name] = value }
      for value in formed.values { columns[value.name] = aggregate(value, members.map(at)) }
      return SlowRow(columns: columns, members: members)
    }
    var keys: [[Value]] = []
    for row in base where !keys.contains(by(row)) { keys.append(by(row)) }
    func days(_ rows: [Int], _ day: (Int) -> Int64?) -> [Int64] { Set(rows.compactMap(day)).sorted() }
    return keys.flatMap { key -> [SlowRow] in
      let own = base.filter { by($0) == key }
      switch formed.kind {
      case .group: return [row(own, key, [:])]
      case .window(let day, let span):
        return days(own) { at($0).number(day) }.compactMap { today in
          let spans = own.filter { at($0).number(day) == today }.compactMap { at($0).number(span) }
          guard let most = spans.max(), most >= 1 else { return nil }
          let members = own.filter { member in
            at(member).number(day).map { $0 <= today && $0 > today - most } == true
          }
          return row(members, key, ["day": .number(today)])
        }
      case .stock(let day, let supply):
        var result: [SlowRow] = []
        var held: Int64 = 0
        var last: Int64?
        for today in days(own, { at($0).number(day) }) {
          let members = own.filter { at($0).number(day) == today }
          let sum = members.reduce(Int64(0)) { sum, member in
            guard let a = at(member).number(supply.quantity), let b = at(member).number(supply.daysEach) else {
              return sum
            }
            return sum + a * b
          }
          if sum < 100_000_000 { continue }
          held = (last.map { max(0, held - (today - $0)) } ?? 0) + sum / 100_000_000
          last = today
          result.append(
            row(members, key, ["day": .number(today), "supply": .number(sum / 100_000_000), "held": .number(held)]))
        }
        return result
      case .runs(let first, let last, _):
        return own.flatMap { member -> [SlowRow] in
          guard let from = at(member).number(first), let to = at(member).number(last), from <= to else { return [] }
          return (from...to).map { SlowRow(columns: ["day": .number($0)], members: [member], base: member) }
        }
      case .occupancy(let first, let last, let counted, _):
        let spans = own.compactMap { member -> (Int64, Int64, Value)? in
          guard let from = at(member).number(first), let to = at(member).number(last), from <= to else { return nil }
          return (from, to, at(member).value(counted))
        }
        guard let from = spans.map(\.0).min(), let to = spans.map(\.1).max() else { return [] }
        return (from...to).compactMap { today in
          let there = spans.filter { $0.0 <= today && today <= $0.1 }
          if there.isEmpty { return nil }
          var different: [Value] = []
          for span in there where span.2 != .null && !different.contains(span.2) { different.append(span.2) }
          var one = SlowRow(members: [])
          one.columns = ["day": .number(today), "count": .number(Int64(different.count))]
          for (name, value) in zip(formed.by, key) { one.columns[name.name] = value }
          return one
        }
      }
    }
  }

  /// The rows that are in a run of enough days.
  private func runs(_ rows: [SlowRow], _ formed: Formed, atLeast: Expr) -> [SlowRow] {
    func day(_ row: SlowRow) -> Int64 { if case .number(let day)? = row.columns["day"] { day } else { 0 } }
    func isOfOne(_ x: SlowRow, _ y: SlowRow) -> Bool {
      x.base == y.base && formed.by.allSatisfy { x.columns[$0.name] == y.columns[$0.name] }
    }
    return rows.compactMap { row in
      let days = Set(rows.filter { isOfOne($0, row) }.map(day))
      var (first, last) = (day(row), day(row))
      while days.contains(first - 1) { first -= 1 }
      while days.contains(last + 1) { last += 1 }
      guard let start = rows.first(where: { isOfOne($0, row) && day($0) == first }),
        let least = with(start).number(atLeast), last - first + 1 >= least
      else { return nil }
      var result = row
      result.columns["run_first"] = .number(first)
      result.columns["run_last"] = .number(last)
      result.columns["run_length"] = .number(last - first + 1)
      return result
    }
  }

  /// Neighbours, as row numbers of the entity.
  func neighbours(_ match: [PairMatch], _ columns: [String]) -> [(Int, Int)] {
    let (a, entity) = rule.shape.bindings[0]
    func key(_ row: Int) -> [Value] {
      var one = self
      one.rows = [a: row]
      return match.map { one.value($0.a) }
    }
    func values(_ row: Int) -> [Value] { columns.map { column(claims[entity].columns[$0], row) } }
    func precedes(_ x: Int, _ y: Int) -> Bool {
      for (p, q) in zip(values(x), values(y)) where p != q { return p == .null || (q != .null && less(p, q)) }
      return false
    }
    let all = 0..<claims[entity].count
    return all.flatMap { x -> [(Int, Int)] in
      if key(x).contains(.null) { return [] }
      let later = all.filter { key($0) == key(x) && precedes(x, $0) }
      return later.filter { y in !later.contains { precedes($0, y) } }.map { (x, $0) }
    }
  }
}
