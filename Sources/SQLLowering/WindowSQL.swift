import RulePacks

extension RuleLowering {
  /// `window`: one row for each set of `by` values and day, over the base rows of the days that end with it. How many
  /// days is said by the day's own base rows; the greatest number, should they differ.
  func windowSQL(_ formed: Formed) -> String {
    formedTable(
      formed, note: "每组每日一行，含此前若干日。 One row for each group and day, over the days that end with it.",
      order: ["z.\(column(formed, "day"))"] + formedBy(formed, "z"),
      """
      SELECT \(byColumns(formed, "d")), d.first_day AS \(column(formed, "day")), d.days_back AS window_days\
      \(valueColumns(formed, "b"))
        FROM (
          SELECT \(by(formed, "x").joined(separator: ", ")), x.first_day, max(x.days_back) AS days_back
          FROM \(table("base")) x GROUP BY \(by(formed, "x").joined(separator: ", ")), x.first_day
          HAVING max(x.days_back) >= 1) d
        JOIN \(table("base")) b ON \(sameBy(formed, "b", "d"))
          AND b.first_day > d.first_day - d.days_back AND b.first_day <= d.first_day
        GROUP BY \(by(formed, "d").joined(separator: ", ")), d.first_day, d.days_back
      """)
  }
}
