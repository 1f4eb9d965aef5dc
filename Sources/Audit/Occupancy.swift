import ClaimModel
import Registries
import RulePacks

/// How many different values there are at once, for each set of `by` values and day.
struct Occupancy {
  private let formed: Formed
  private let base: BaseRows
  private let index: KeyIndex
  private let first: [Int64]
  private let last: [Int64]
  private let counted: [UInt64]

  init(_ formed: Formed, _ base: BaseRows) throws {
    self.formed = formed
    self.base = base
    index = KeyIndex(columns: base.by.map(\.keyValues), count: base.count)
    first = try base.numbers(0)
    last = try base.numbers(1)
    counted = base.own.count > 2 ? base.own[2].keyValues : []
  }

  /// A row for each day on which there is anybody, so many at a time: a stay that ends in the year 9999 has millions.
  /// Members are left out: a day has hundreds, a finding needs few.
  func eachBlock(of size: Int, _ body: (FormedRows) throws -> Void) throws {
    var shown: [Int32] = []
    var days: [Int64] = []
    var counts: [Int64] = []
    func hand() throws {
      if shown.isEmpty { return }
      var rows = FormedRows()
      for (k, by) in formed.by.enumerated() { rows.columns[by.name] = base.by[k].selecting(shown) }
      rows.columns["day"] = .number(days)
      rows.columns["count"] = .number(counts)
      let none = [Int32](repeating: 0, count: shown.count)
      rows.members = GroupedRows(start: none, end: none, rows: [])
      shown.removeAll(keepingCapacity: true)
      days.removeAll(keepingCapacity: true)
      counts.removeAll(keepingCapacity: true)
      try body(rows)
    }
    for group in 0..<index.groupCount {
      let events = try events(index.rows(group).filter { first[Int($0)] <= last[Int($0)] })
      guard let one = index.rows(group).first else { continue }
      var present: Int64 = 0
      var count: Int64 = 0
      var i = 0
      while i < events.count {
        let day = events[i].day
        while i < events.count, events[i].day == day {
          present += events[i].present
          count += events[i].count
          i += 1
        }
        if present == 0 || i == events.count { continue }
        for day in day..<events[i].day {
          shown.append(one)
          days.append(day)
          counts.append(count)
          if shown.count == size { try hand() }
        }
      }
    }
    try hand()
  }

  /// What changes on which day: rows that are there, and different counted values among them. Ascending by day.
  private func events(_ rows: [Int32]) throws -> [(day: Int64, present: Int64, count: Int64)] {
    var result: [(day: Int64, present: Int64, count: Int64)] = []
    func add(_ from: Int64, _ to: Int64, _ present: Int64, _ count: Int64) throws {
      let (after, overflow) = to.addingReportingOverflow(1)
      if overflow { throw EvaluationFault.overflow }
      result.append((from, present, count))
      result.append((after, -present, -count))
    }
    // One value in two rows at once counts once: its days are joined first.
    let sorted = rows.sorted { x, y in
      let (a, b) = (Int(x), Int(y))
      return (counted[a], first[a], last[a]) < (counted[b], first[b], last[b])
    }
    var i = 0
    while i < sorted.count {
      let value = counted[Int(sorted[i])]
      let from = first[Int(sorted[i])]
      var to = last[Int(sorted[i])]
      var next = i + 1
      while next < sorted.count, counted[Int(sorted[next])] == value, first[Int(sorted[next])] <= to {
        to = max(to, last[Int(sorted[next])])
        next += 1
      }
      try add(from, to, 1, value == 0 ? 0 : 1)
      i = next
    }
    return result.sorted { $0.day < $1.day }
  }

  /// The base rows that are there on each formed row's day.
  func members(of rows: FormedRows) throws -> GroupedRows {
    let keys = formed.by.map { rows.columns[$0.name]?.keyValues ?? [] }
    let days = rows.columns["day"]?.numbers ?? []
    var result = GroupedRows(start: [], end: [], rows: [])
    for (i, day) in days.enumerated() {
      result.start.append(Int32(result.rows.count))
      let group = index.group(keys.isEmpty ? [0] : keys.map { $0[i] })
      if group >= 0 {
        for row in index.rows(group) where first[Int(row)] <= day && day <= last[Int(row)] {
          result.rows.append(base.rows[Int(row)])
        }
      }
      result.end.append(Int32(result.rows.count))
    }
    return result
  }
}
