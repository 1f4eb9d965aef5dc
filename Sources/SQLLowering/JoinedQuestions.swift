/// Questions about registry rows that are asked of many rows at once: each becomes a table of answers by the columns of
/// the rows that ask, and a join with it. Where no registry row answers, the answer is null, as a subquery's would be.
final class JoinedQuestions {
  private let columns: [String]
  private let isSame: @Sendable (_ a: String, _ b: String) -> String
  private var questions: [(aggregate: String, columns: [String], rows: String)] = []

  /// - Parameters:
  ///   - columns: quoted names of the columns in which no two of the rows that ask are the same.
  ///   - isSame: see `Dialect.isSame`.
  init(columns: [String], isSame: @escaping @Sendable (_ a: String, _ b: String) -> String) {
    self.columns = columns
    self.isSame = isSame
  }

  /// What stands for the answer in the query with `joins`.
  ///
  /// - Parameters:
  ///   - aggregate: over rows `z`.
  ///   - columns: those of `z`, of registry rows and the row `r` that asks.
  ///   - rows: `FROM … WHERE …` of the registry rows; without `r`, whose columns the conditions name.
  func ask(_ aggregate: String, _ columns: [String], _ rows: String) -> String {
    questions.append((aggregate, columns, rows))
    return "m\(questions.count).answer"
  }

  /// Behind `FROM previous r`.
  func joins(to previous: String) -> String {
    questions.enumerated().map { i, question in
      let own = columns.map { "r.\($0)" }.joined(separator: ", ")
      let same = columns.map { isSame("r.\($0)", "m\(i + 1).\($0)") }.joined(separator: " AND ")
      return """

          LEFT JOIN (
            SELECT \(columns.map { "z.\($0)" }.joined(separator: ", ")), \(question.aggregate) AS answer
            FROM (SELECT \(own), \(question.columns.joined(separator: ", "))
              FROM \(previous) r, \(question.rows.dropFirst("FROM ".count))) z
            GROUP BY \(columns.map { "z.\($0)" }.joined(separator: ", "))) m\(i + 1)
            ON \(same)
        """
    }.joined()
  }
}
