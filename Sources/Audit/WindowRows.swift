import ClaimModel
import RulePacks

/// One row for each set of `by` values and day, over the base rows of the days that end with it. `thinning` as in
/// `groupRows`.
func windowRows(
  _ formed: Formed, _ base: BaseRows, thinning: (MemberRanges) throws -> [Int32]? = { _ in nil }
) throws -> FormedRows {
  let day = try base.numbers(0)
  let days = try base.numbers(1)
  var ranges = MemberRanges()
  var shown: [Int64] = []
  let sets = base.sets(by: day)
  ranges.order = sets.order
  var start = 0
  for end in sets.ends {
    var i = start
    while i < end {
      let today = day[Int(ranges.order[i])]
      var next = i
      var span = ColumnData.null
      while next < end, day[Int(ranges.order[next])] == today {
        span = max(span, days[Int(ranges.order[next])])
        next += 1
      }
      if span >= 1 {
        let (first, overflow) = today.subtractingReportingOverflow(span - 1)
        if overflow { throw EvaluationFault.overflow }
        // The first row of the set on or after the first day.
        var low = start
        var high = i
        while low < high {
          let middle = (low + high) / 2
          if day[Int(ranges.order[middle])] < first { low = middle + 1 } else { high = middle }
        }
        ranges.add(low..<next)
        shown.append(today)
      }
      i = next
    }
    start = end
  }
  if let kept = try thinning(ranges) {
    ranges = ranges.selecting(kept)
    shown = gathered(shown, kept, null: 0)
  }
  var rows = try ranges.rows(formed, base)
  rows.columns["day"] = .number(shown)
  return rows
}
