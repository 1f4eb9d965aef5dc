import RulePacks

extension RuleLowering {
  /// `runs`: one row for each base row and each of its days; the base row stays at hand.
  func runDaysSQL(_ formed: Formed) -> String {
    daysBelow(formed)
      + formedTable(
        formed, note: "每一基础行的每一日一行。 One row for each day of each base row.",
        order: ["z.\"base row\"", "z.\(column(formed, "day"))"],
        """
        SELECT b.*, b."first" + n.n AS \(column(formed, "day"))
          FROM \(table("base")) b JOIN \(table("numbers")) n ON n.n <= b."last" - b."first"
        """)
  }

  /// The whole numbers from 0 up to the longest span of a base row.
  func daysBelow(_ formed: Formed) -> String {
    let longest = "(SELECT max(b.\"last\" - b.\"first\") FROM \(table("base")) b)"
    return """
      -- 从 0 起的整数，用来列出每一日。 Whole numbers from 0, to count days with.
      \(dialect.createTable) \(table("numbers")) AS
      \(dialect.numbers(longest));
      CREATE INDEX \(table("numbers by n")) ON \(table("numbers")) (n);


      """
  }

  /// Folds the days that meet `where` into runs: days that follow each other differ from their place in the order by
  /// the same number. Runs shorter than `atLeast`, as it is on their first day, are dropped.
  func runsSQL(_ formed: Formed, from previous: String, atLeast: Expr) throws -> String {
    let day = "r.\(column(formed, "day"))"
    var among: [String] = []
    if case .runs = formed.kind { among = ["\"base row\""] } else { among = formed.by.map { column(formed, $0.name) } }
    let of = among.map { "r.\($0)" }
    let run = (among.map { "x.\($0)" } + ["x.\"run\""]).joined(separator: ", ")
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
          first_value(x."at least") OVER (PARTITION BY \(run) ORDER BY \(x), x."formed row") AS "run at least"
        FROM (
          SELECT r.*, \(day) - dense_rank() OVER (\(partition)ORDER BY \(day)) AS "run",
            \(try lowering.sql(atLeast)) AS "at least"
          FROM \(previous) r
          \(whereClause(try judging(.formed)))) x
      ) y
      WHERE y.\(column(formed, "run_last")) - y.\(column(formed, "run_first")) + 1 >= y."run at least";


      """
  }
}
