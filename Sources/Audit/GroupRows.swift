import ClaimModel
import Registries
import RulePacks

extension BaseRows {
  /// The base rows of each set of `by` values, each set's in row order; and where each set ends.
  func sets() -> (order: [Int32], ends: [Int]) {
    let index = KeyIndex(columns: by.map(\.keyValues), count: count)
    var order: [Int32] = []
    order.reserveCapacity(count)
    var ends: [Int] = []
    for group in 0..<index.groupCount {
      order += index.rows(group)
      ends.append(order.count)
    }
    return (order, ends)
  }

  /// The same, each set's rows in order of day.
  func sets(by days: [Int64]) -> (order: [Int32], ends: [Int]) {
    var (order, ends) = sets()
    var start = 0
    for end in ends {
      order[start..<end].sort { (days[Int($0)], $0) < (days[Int($1)], $1) }
      start = end
    }
    return (order, ends)
  }
}

/// One row for each different set of `by` values.
func groupRows(_ formed: Formed, _ base: BaseRows) throws -> FormedRows {
  var ranges = MemberRanges()
  let sets = base.sets()
  ranges.order = sets.order
  var start = 0
  for end in sets.ends {
    ranges.add(start..<end)
    start = end
  }
  return try ranges.rows(formed, base)
}
