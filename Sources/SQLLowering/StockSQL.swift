import RulePacks

extension RuleLowering {
  /// `stock`: one row for each set of `by` values and day with a supply of at least one day.
  ///
  /// held = max(0, held before − days since) + supply, unrolled: the greatest over all earlier days j, this one
  /// included, of (supplies from j on − days since j). With P the running sum of supplies and d the day that is
  /// (P − d) − the least of (P of the row before j − d of j): two window functions, exact in whole numbers.
  func stockSQL(_ formed: Formed) -> String {
    let names = by(formed, "s").joined(separator: ", ")
    let order = "PARTITION BY \(names) ORDER BY s.first_day"
    let values = formed.values.map { ", s.\(column(formed, $0.name))" }.joined()
    return formedTable(
      formed, note: "每组每日一行：当日供给天数与之后的持有天数。 One row for each group and day: supply, and what is then held.",
      order: ["z.\(column(formed, "day"))"] + formedBy(formed, "z"),
      """
      SELECT \(byColumns(formed, "s")), s.first_day AS \(column(formed, "day")), s.supply AS \(column(formed, "supply")),
          s.running_sum - s.first_day - min(s.running_sum - s.supply - s.first_day) OVER (\(order)
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS \(column(formed, "held"))\
      \(values)
        FROM (
          SELECT s.*, \(dialect.windowSum("s.supply", "\(order) ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW")) AS running_sum
          FROM (
            SELECT \(by(formed, "b").joined(separator: ", ")), b.first_day,
              \(dialect.quotient(dialect.sum("b.covers"), "100000000")) AS supply\(valueColumns(formed, "b"))
            FROM \(table("base")) b GROUP BY \(by(formed, "b").joined(separator: ", ")), b.first_day) s
          WHERE s.supply >= 1) s
      """)
  }
}
