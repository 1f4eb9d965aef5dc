import RulePacks

extension RuleLowering {
  /// `runs`: one row for each base row and each of its days; the base row stays at hand.
  func runDaysSQL(_ formed: Formed) -> String {
    formedTable(
      formed, note: "每一基础行的每一日一行。 One row for each day of each base row.",
      order: ["z.\(column(formed, "day"))", "z.base_row"],
      """
      SELECT b.*, d.day AS \(column(formed, "day"))
        FROM (\(daysOfBase)) d
          JOIN \(table("base")) b ON b.base_row = d.base_row
      """)
  }

  /// `base row` and `day`: each day of each base row.
  var daysOfBase: String {
    dialect.daySeries(
      "SELECT \(dialect.caseOf("b"))b.base_row, b.first_day AS low, b.last_day AS high FROM \(table("base")) b",
      (dialect.caseColumn.map { [$0] } ?? []) + ["base_row"])
  }

  /// Folds the days that `where` and `unless` leave into runs: days that follow each other differ from their place in
  /// the order by the same number. Runs shorter than `atLeast`, as it is on their first day, are dropped.
  func runsSQL(_ formed: Formed, from previous: String, atLeast: Expr) throws -> String {
    let day = "r.\(column(formed, "day"))"
    var among: [String] = []
    if case .runs = formed.kind {
      among = ["base_row"]
    } else {
      among = (dialect.caseColumn.map { [$0] } ?? []) + formed.by.map { column(formed, $0.name) }
    }
    let of = among.map { "r.\($0)" }
    let run = (among.map { "x.\($0)" } + ["x.run_start"]).joined(separator: ", ")
    let partition = of.isEmpty ? "" : "PARTITION BY \(of.joined(separator: ", ")) "
    let x = "x.\(column(formed, "day"))"
    return """
      -- 命中的日子连成段：日序减名次相同者相连；短于下限的段不计。
      -- Runs: days that follow each other; runs that are too short are dropped.
      \(dialect.createTable) \(table("runs")) AS
      SELECT y.*, y.\(column(formed, "run_last")) - y.\(column(formed, "run_first")) + 1 AS \(column(formed, "run_length"))
      FROM (
        SELECT x.*,
          min(\(x)) OVER (PARTITION BY \(run)) AS \(column(formed, "run_first")),
          max(\(x)) OVER (PARTITION BY \(run)) AS \(column(formed, "run_last")),
          first_value(x.at_least) OVER (PARTITION BY \(run) ORDER BY \(x), x.formed_row) AS run_at_least
        FROM (
          SELECT r.*, \(day) - dense_rank() OVER (\(partition)ORDER BY \(day)) AS run_start,
            \(try lowering.sql(atLeast)) AS at_least
          FROM \(previous) r
          \(whereClause(try judging(.formed) + excluding()))) x
      ) y
      WHERE y.\(column(formed, "run_last")) - y.\(column(formed, "run_first")) + 1 >= y.run_at_least;


      """
  }
}
