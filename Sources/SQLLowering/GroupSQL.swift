import RulePacks

extension RuleLowering {
  /// `group`: one row for each different set of `by` values.
  func groupSQL(_ formed: Formed) -> String {
    formedTable(
      formed, note: "每组一行。 One row for each group.", order: formedBy(formed, "z"),
      """
      SELECT \(byColumns(formed, "b"))\(valueColumns(formed, "b"))
        FROM \(table("base")) b GROUP BY \(by(formed, "b").joined(separator: ", "))
      """)
  }
}
