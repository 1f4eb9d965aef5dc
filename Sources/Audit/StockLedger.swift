import ClaimModel
import RulePacks

/// One row for each set of `by` values and day on which whole days of supply come in, with the days then held.
func stockRows(_ formed: Formed, _ base: BaseRows) throws -> FormedRows {
  let day = try base.numbers(0)
  let quantity = try base.numbers(1)
  let daysEach = try base.numbers(2)
  var ranges = MemberRanges()
  var shown: [Int64] = []
  var supplies: [Int64] = []
  var stocks: [Int64] = []
  let sets = base.sets(by: day)
  ranges.order = sets.order
  var start = 0
  for end in sets.ends {
    var held: Int64 = 0
    var last: Int64?
    var i = start
    while i < end {
      let today = day[Int(ranges.order[i])]
      var next = i
      var total: Int128 = 0
      while next < end, day[Int(ranges.order[next])] == today {
        let row = Int(ranges.order[next])
        if quantity[row] != ColumnData.null, daysEach[row] != ColumnData.null {
          // Two numbers of 64 bits: the product fits, the sum of many might not.
          let (sum, overflow) = total.addingReportingOverflow(Int128(quantity[row]) * Int128(daysEach[row]))
          if overflow { throw EvaluationFault.overflow }
          total = sum
        }
        next += 1
      }
      // 10⁻⁴ of a piece times 10⁻⁴ of a day.
      let supply = total < 100_000_000 ? 0 : try whole(total / 100_000_000)
      if supply >= 1 {
        let before = last.map { max(0, Int128(held) - (Int128(today) - Int128($0))) } ?? 0
        held = try whole(before + Int128(supply))
        last = today
        ranges.add(i..<next)
        shown.append(today)
        supplies.append(supply)
        stocks.append(held)
      }
      i = next
    }
    start = end
  }
  var rows = try ranges.rows(formed, base)
  rows.columns["day"] = .number(shown)
  rows.columns["supply"] = .number(supplies)
  rows.columns["held"] = .number(stocks)
  return rows
}
