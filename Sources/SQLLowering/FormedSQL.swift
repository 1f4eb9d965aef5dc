import ClaimModel
import RulePacks

/// What all shapes that form rows share: base rows, then the shape's own template, then the conditions on formed rows.
///
/// `"RULE base"` holds the base rows in scope with the values of `by`, the days and whatever is aggregated;
/// `"RULE formed"` the formed rows, numbered in the order of day, then `by` or the base row;
/// `"RULE members"`, where the finding names them, which base rows a formed row is made of.
extension RuleLowering {
  func formedSQL(_ formed: Formed) throws -> [String] {
    let formedLookups = rule.lookups.filter { lowering.formedLookups.contains($0.name) }
    let baseLookups = rule.lookups.filter { !lowering.formedLookups.contains($0.name) }
    let last = formedLookups.last.map { table("lookup " + $0.name) } ?? table("formed")
    var later: [String]
    if let atLeast = formed.atLeast {
      let runs = try runsSQL(formed, from: last, atLeast: atLeast)
      let hits = try hitsSQL(from: table("runs"), conditions: exempting(), order: orderOfFormed(formed))
      later = [runs, hits]
    } else {
      later = [
        try hitsSQL(from: last, conditions: judging(.formed) + excluding() + exempting(), order: orderOfFormed(formed))
      ]
    }
    later = try lookupTables(formedLookups, from: table("formed")) + later

    lowering.stage = .base
    if case .occupancy = formed.kind, populations == .context { return [try censusFromContextSQL(formed)] + later }
    var template = try template(formed)
    if rule.lines == .members { template += membersSQL(formed) }
    let base = try baseSQL(
      formed, from: baseLookups.last.map { table("lookup " + $0.name) } ?? table("rows"))
    let lookups = try lookupTables(baseLookups, from: table("rows"))
    return try [rowsSQL()] + lookups + [base, template] + later
  }

  /// The order of formed hits of one key.
  private func orderOfFormed(_ formed: Formed) -> [String] {
    guard dialect.isDistributed else { return ["r.formed_row"] }
    // Where their numbers say nothing: day, then base row or values.
    var order: [String] = []
    if case .group = formed.kind {} else { order.append("r.\(column(formed, "day"))") }
    if case .runs = formed.kind {
      order.append("r.\(dialect.quoted(formed.baseBinding + "." + Self.idColumn(formed.baseEntity)))")
    }
    return order + formedBy(formed, "r")
  }

  private func template(_ formed: Formed) throws -> String {
    switch formed.kind {
    case .group: groupSQL(formed)
    case .window: windowSQL(formed)
    case .stock: stockSQL(formed)
    case .runs: runDaysSQL(formed)
    case .occupancy: occupancySQL(formed)
    }
  }

  // MARK: base rows

  /// Base rows in scope with what the shape is made of; none with a null `by` value or day.
  private func baseSQL(_ formed: Formed, from previous: String) throws -> String {
    var columns: [String] = []
    var known: [String] = []
    for by in formed.by {
      let name = dialect.quoted("by " + by.name)
      columns.append("\(try lowering.sql(by.value)) AS \(name)")
      known.append(name)
    }
    if formed.by.isEmpty { columns.append("1 AS always") }
    for value in formed.values {
      if let text = try value.value.map(lowering.sql) {
        columns.append("\(text) AS \(dialect.quoted("value " + value.name))")
      }
    }
    func add(_ name: String, _ expr: Expr, isKnown: Bool = true) throws {
      columns.append("\(try lowering.sql(expr)) AS \(dialect.quoted(name))")
      if isKnown { known.append(dialect.quoted(name)) }
    }
    switch formed.kind {
    case .group: break
    case .window(let day, let days):
      try add("first_day", day)
      try add("days_back", days, isKnown: false)
    case .stock(let day, let supply):
      try add("first_day", day)
      let product = "(\(try lowering.operand(supply.quantity)) * \(try lowering.operand(supply.daysEach)))"
      columns.append("\(dialect.checked(product)) AS covers")
    case .runs(let first, let last, _):
      try add("first_day", first)
      try add("last_day", last)
    case .occupancy(let first, let last, let counted, _):
      try add("first_day", first)
      try add("last_day", last)
      try add("counted", counted, isKnown: false)
    }
    // Groups of a lookup make several rows of one; their column tells them apart.
    var order = ["r.\(dialect.quoted(formed.baseBinding + "." + Self.idColumn(formed.baseEntity)))"]
    for lookup in rule.lookups where !lowering.formedLookups.contains(lookup.name) {
      if case .groups(let column) = lookup.take { order.append("r.\(dialect.quoted(lookup.name + "." + column))") }
    }
    let condition = known.map { "b.\($0) IS NOT NULL" }.joined(separator: " AND ")
    return """
      -- 构成新行的基础行。 The rows of claims that the rule's rows are formed of.
      \(dialect.createTable) \(table("base")) AS
      SELECT \(dialect.isDistributed ? Self.anyNumber : "row_number() OVER (ORDER BY b.base_order)") AS base_row, b.* FROM (
        SELECT r.*,\(dialect.isDistributed ? "" : " row_number() OVER (ORDER BY \(order.joined(separator: ", "))) AS base_order,")
          \(columns.joined(separator: ",\n    "))
        FROM \(previous) r
        \(whereClause(try judging(.base)))) b\(condition.isEmpty ? "" : "\nWHERE " + condition);


      """
  }

  /// A number that no other row has, given without looking at the others; its table must be kept.
  private static let anyNumber = "monotonically_increasing_id()"

  // MARK: names

  func column(_ formed: Formed, _ name: String) -> String { dialect.quoted(formed.name + "." + name) }

  /// `alias."by x"` of each value, the case first.
  func by(_ formed: Formed, _ alias: String) -> [String] {
    (dialect.caseColumn.map { ["\(alias).\($0)"] } ?? [])
      + (formed.by.isEmpty ? ["\(alias).always"] : formed.by.map { "\(alias).\(dialect.quoted("by " + $0.name))" })
  }

  /// Equal `by` values of base rows under two aliases.
  func sameBy(_ formed: Formed, _ a: String, _ b: String) -> String {
    zip(by(formed, a), by(formed, b)).map { "\($0) = \($1)" }.joined(separator: " AND ")
  }

  /// The aggregated values, ready for a list of columns behind others.
  func valueColumns(_ formed: Formed, _ alias: String) -> String {
    formed.values.map { value in
      ",\n    \(aggregate(value.function, "\(alias).\(dialect.quoted("value " + value.name))")) AS \(column(formed, value.name))"
    }.joined()
  }

  /// `alias."by x" AS "formed.x"`, ready for a list of columns before others.
  func byColumns(_ formed: Formed, _ alias: String) -> String {
    dialect.caseOf(alias)
      + (formed.by.isEmpty
        ? "\(alias).always AS always"
        : formed.by.map { "\(alias).\(dialect.quoted("by " + $0.name)) AS \(column(formed, $0.name))" }
          .joined(separator: ", "))
  }

  /// The `by` columns of a formed row.
  func formedBy(_ formed: Formed, _ alias: String) -> [String] {
    (dialect.caseColumn.map { ["\(alias).\($0)"] } ?? [])
      + (formed.by.isEmpty ? ["\(alias).always"] : formed.by.map { "\(alias).\(column(formed, $0.name))" })
  }

  /// The formed rows, numbered.
  func formedTable(_ formed: Formed, note: String, order: [String], _ query: String) -> String {
    """
    -- \(note)
    \(dialect.createTable) \(table("formed")) AS
    SELECT \(dialect.isDistributed ? Self.anyNumber : "row_number() OVER (ORDER BY \(order.joined(separator: ", ")))") AS formed_row, z.* FROM (
      \(query)) z;


    """
  }

  // MARK: members

  /// Which lines a formed row is made of.
  func membersSQL(_ formed: Formed) -> String {
    let id = "b.\(dialect.quoted(formed.baseBinding + "." + Self.idColumn(formed.baseEntity)))"
    var same = zip(formedBy(formed, "f"), by(formed, "b")).map { "\($0) = \($1)" }
    let day = "f.\(column(formed, "day"))"
    switch formed.kind {
    case .group: break
    case .window: same += ["b.first_day > \(day) - f.window_days", "b.first_day <= \(day)"]
    case .stock: same.append("b.first_day = \(day)")
    case .runs: same = ["b.base_row = f.base_row"]
    case .occupancy: same += ["b.first_day <= \(day)", "b.last_day >= \(day)"]
    }
    return """
      -- 每一新行由哪些基础行构成。 The rows that each formed row is made of.
      \(dialect.createTable) \(table("members")) AS
      SELECT f.formed_row, \(id) AS id
      FROM \(table("formed")) f JOIN \(table("base")) b ON \(same.joined(separator: " AND "));\(dialect.createIndex(table("members by row"), table("members"), ["formed_row"]))


      """
  }
}
