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
    days.withUnsafeBufferPointer { days in
      order.withUnsafeMutableBufferPointer { order in
        var start = 0
        for end in ends {
          Self.sort(UnsafeMutableBufferPointer(rebasing: order[start..<end]), by: days)
          start = end
        }
      }
    }
    return (order, ends)
  }

  /// Ascending by day; rows of one day keep their order, which is that of the rows.
  private static func sort(_ rows: UnsafeMutableBufferPointer<Int32>, by days: UnsafeBufferPointer<Int64>) {
    if rows.count > 32 {
      var rows = rows
      return rows.sort { a, b in
        let (x, y) = (days[Int(a)], days[Int(b)])
        return x == y ? a < b : x < y
      }
    }
    var i = 1
    while i < rows.count {
      let row = rows[i]
      let day = days[Int(row)]
      var at = i
      while at > 0, days[Int(rows[at &- 1])] > day {
        rows[at] = rows[at &- 1]
        at &-= 1
      }
      rows[at] = row
      i &+= 1
    }
  }
}

/// One row for each different set of `by` values. `thinning` leaves out ranges before values are worked out for them.
func groupRows(
  _ formed: Formed, _ base: BaseRows, thinning: (MemberRanges) throws -> [Int32]? = { _ in nil }
) throws -> FormedRows {
  var ranges = MemberRanges()
  let sets = base.sets()
  ranges.order = sets.order
  var start = 0
  for end in sets.ends {
    ranges.add(start..<end)
    start = end
  }
  if let kept = try thinning(ranges) { ranges = ranges.selecting(kept) }
  return try ranges.rows(formed, base)
}
