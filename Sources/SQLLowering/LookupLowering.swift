import ClaimModel
import RulePacks

/// Writes how a rule finds its registry row: key alternatives in turn, region order, validity on the day.
struct LookupLowering {
  let lookup: Lookup
  let lowering: ExpressionLowering
  let schema: RegistrySchema

  init(_ lookup: Lookup, _ lowering: ExpressionLowering) throws {
    self.lookup = lookup
    self.lowering = lowering
    guard let schema = RegistrySchema.named(lookup.table) else {
      throw lowering.diagnostic("no registry table `\(lookup.table)`")
    }
    self.schema = schema
  }

  private func name(_ part: String) -> String { Dialect.name(lookup.name + "." + part) }

  /// A key value as registries hold it: ASCII letters in upper case.
  private func value(_ expr: Expr, of column: String) throws -> String {
    let text = try lowering.operand(expr)
    return schema.kind(of: column) == .text ? lowering.dialect.upper(text) : text
  }

  /// `g` matches the chosen alternative of each key.
  private func matches(_ choice: [Int], _ alias: String) throws -> [String] {
    try zip(lookup.keys, choice).map { key, index in
      let value = try value(key.alternatives[index], of: key.column)
      let equal = "\(alias).\(key.column) = \(value)"
      return key.anyWhenNull ? "(\(value) IS NULL OR \(equal))" : equal
    }
  }

  /// `g` holds on the day, or on a day within the window around it.
  private func holds(_ alias: String) throws -> [String] {
    guard schema.hasValidity, let day = lookup.day else { return [] }
    let dayText = try lowering.operand(day)
    guard let within = lookup.within else {
      return ["\(alias).begndate <= \(dayText)", "(\(alias).enddate IS NULL OR \(alias).enddate >= \(dayText))"]
    }
    let width = try lowering.operand(within)
    return [
      "\(alias).begndate <= \(dayText) + \(width)",
      "(\(alias).enddate IS NULL OR \(alias).enddate >= \(dayText) - \(width))",
    ]
  }

  /// The levels of the region order as a list; a null or malformed code leaves the nation.
  private func levels() throws -> [String]? {
    guard let region = lookup.region else { return nil }
    let text = try lowering.operand(region)
    let isCode = "length(CAST(\(text) AS BLOB)) = 6"
    return [
      "CASE WHEN \(isCode) THEN \(text) END", "CASE WHEN \(isCode) THEN substr(\(text), 1, 4) || '00' END",
      "CASE WHEN \(isCode) THEN substr(\(text), 1, 2) || '0000' END", "'000000'",
    ]
  }

  private func inRegion(_ alias: String) throws -> [String] {
    guard let levels = try levels() else { return [] }
    return ["\(alias).admdvs IN (\(levels.joined(separator: ", ")))"]
  }

  /// Every way to choose one alternative of each key; the first key varies slowest.
  private var choices: [[Int]] {
    lookup.keys.reduce([[]]) { done, key in
      done.flatMap { prefix in key.alternatives.indices.map { prefix + [$0] } }
    }
  }

  /// The row found, ambiguous rows left out: first alternative, then nearest level, then first in the file.
  private func row() throws -> String {
    var order = ""
    if let levels = try levels() {
      order = "CASE g.admdvs"
      for (i, level) in levels.dropLast().enumerated() { order += " WHEN \(level) THEN \(i)" }
      order += " ELSE 3 END, "
    }
    let found = try choices.map { choice in
      let conditions = try matches(choice, "g") + holds("g") + inRegion("g") + ["g.is_ambiguous = 0"]
      return """
        (SELECT g.\(lowering.dialect.rowNumber) FROM \(lookup.table) g
              WHERE \(conditions.joined(separator: " AND "))
              ORDER BY \(order)g.\(lowering.dialect.rowNumber) LIMIT 1)
        """
    }
    return found.count == 1 ? found[0] : "COALESCE(\(found.joined(separator: ",\n      ")))"
  }

  /// 1 where the lookup can't be evaluated: a null key or day, or overlapping rows of the key on that day.
  private func unknown() throws -> String {
    var conditions: [String] = []
    for key in lookup.keys where !key.anyWhenNull {
      let nulls = try key.alternatives.map { "\(try lowering.operand($0)) IS NULL" }.joined(separator: " AND ")
      conditions.append(key.alternatives.count == 1 ? nulls : "(\(nulls))")
    }
    if let day = lookup.day { conditions.append("\(try lowering.operand(day)) IS NULL") }
    if let within = lookup.within { conditions.append("\(try lowering.operand(within)) IS NULL") }
    for choice in choices {
      let rows = try matches(choice, "g") + holds("g") + inRegion("g") + ["g.is_ambiguous = 1"]
      conditions.append("EXISTS (SELECT 1 FROM \(lookup.table) g WHERE \(rows.joined(separator: " AND ")))")
    }
    return conditions.joined(separator: "\n      OR ")
  }

  /// `SELECT … FROM previous r`: the wide row with the number of the row found, whether that can't be known, and
  /// the columns asked for.
  func select(from previous: String) throws -> String {
    let inner = """
      SELECT r.*,
          \(try row()) AS \(name("row")),
          \(try unknown()) AS \(name("unknown"))
        FROM \(previous) r
      """
    switch lookup.take {
    case .one, .any:
      let columns = (lowering.demandedRegistry[lookup.name] ?? []).map { ",\n  g.\($0) AS \(name($0))" }.joined()
      return """
        SELECT r.*\(columns)
        FROM (
          \(inner)) r
          LEFT JOIN \(lookup.table) g
            ON g.\(lowering.dialect.rowNumber) = r.\(name("row")) AND r.\(name("unknown")) = 0
        """
    case .groups(let column):
      return """
        SELECT DISTINCT r.*, g.\(column) AS \(name(column))
        FROM (
          \(inner)) r
          JOIN \(lookup.table) a ON a.\(lowering.dialect.rowNumber) = r.\(name("row")) AND r.\(name("unknown")) = 0
          JOIN \(lookup.table) g ON \(try likeAnchor("g").joined(separator: " AND "))
        WHERE g.\(column) IS NOT NULL
        """
    }
  }

  /// `g` has the keys and the level of the row found, `a`, and holds on the day.
  private func likeAnchor(_ alias: String) throws -> [String] {
    var conditions: [String] = []
    for key in lookup.keys {
      let same = "\(alias).\(key.column) = a.\(key.column)"
      if key.anyWhenNull {
        let nulls = try key.alternatives.map { "\(try lowering.operand($0)) IS NULL" }.joined(separator: " AND ")
        conditions.append("((\(nulls)) OR \(same))")
      } else {
        conditions.append(same)
      }
    }
    if lookup.region != nil { conditions.append("\(alias).admdvs = a.admdvs") }
    return try conditions + holds(alias) + ["\(alias).is_ambiguous = 0"]
  }

  /// The rows of the group the wide row stands for, as `table g … WHERE …`.
  func groupRows() throws -> String {
    guard case .groups(let column) = lookup.take else {
      throw lowering.diagnostic("`\(lookup.name)` is not a set of rows")
    }
    let rows = try likeAnchor("g") + ["g.\(column) = r.\(name(column))"]
    return """
      \(lookup.table) g JOIN \(lookup.table) a ON a.\(lowering.dialect.rowNumber) = r.\(name("row"))
          WHERE \(rows.joined(separator: " AND "))
      """
  }
}
