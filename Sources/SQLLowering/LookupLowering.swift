import ClaimModel
import RulePacks

/// Writes how a rule finds its registry row: key alternatives in turn, region order, validity on the day.
struct LookupLowering {
  let lookup: Lookup
  let lowering: ExpressionLowering
  let schema: RegistrySchema
  /// Takes the questions about registry rows where they are joined, not asked row by row; nil elsewhere.
  private let joining: JoinedQuestions?

  /// - Parameter columns: those of the rows asked for, if there is one row for all that ask the same; then questions
  ///   are joins on equal keys. An engine that turns a subquery into a join itself may cut its keys apart: Spark meets
  ///   all days with all registrations first, and looks whose they are afterwards.
  init(_ lookup: Lookup, _ lowering: ExpressionLowering, joinedOn columns: [String]? = nil) throws {
    self.lookup = lookup
    self.lowering = lowering
    joining = columns.map { JoinedQuestions(columns: $0, isSame: lowering.dialect.isSame) }
    guard let schema = RegistrySchema.named(lookup.table) else {
      throw lowering.diagnostic("no registry table `\(lookup.table)`")
    }
    self.schema = schema
  }

  private func name(_ part: String) -> String { lowering.dialect.quoted(lookup.name + "." + part) }

  /// A value of the row asked for. Where a subquery can't hold another one about that row, a value that is one (the
  /// first day of a person's settlements, say) is a column of the row by then: see `values`.
  private func operand(_ expr: Expr, _ part: String) throws -> String {
    let text = try lowering.operand(expr)
    return isColumn(text) ? "r.\(name(part))" : text
  }

  /// Where lookups are joins (`sharedLookup`), their values are columns anyway.
  private func isColumn(_ text: String) -> Bool { !lowering.dialect.isDistributed && lowering.mustBeColumn(text) }

  /// Of the values that the lookup asks with, those that `operand` names by a column, as `, … AS …` each.
  private func values() throws -> String {
    var asked = [(lookup.day, "day"), (lookup.within, "within"), (lookup.region, "region")]
    for (i, key) in lookup.keys.enumerated() {
      asked += key.alternatives.enumerated().map { ($1, Self.part(key: i, $0)) }
    }
    return try asked.compactMap { expr, part in
      guard let text = try expr.map(lowering.operand), isColumn(text) else { return nil }
      return ",\n    \(text) AS \(name(part))"
    }.joined()
  }

  private static func part(key: Int, _ alternative: Int) -> String { "key \(key + 1).\(alternative + 1)" }

  /// A key value as registries hold codes: ASCII letters in upper case.
  private func value(_ expr: Expr, of column: String, _ part: String) throws -> String {
    let text = try operand(expr, part)
    return schema.kind(of: column) == .text ? lowering.dialect.upper(text) : text
  }

  /// A registry column in the form `value` has; codes are loaded in it.
  private func folded(_ alias: String, _ column: String) -> String {
    guard let found = schema.columns.first(where: { $0.name == column }), found.kind == .text, found.form != .code
    else { return "\(alias).\(column)" }
    return lowering.dialect.upper("\(alias).\(column)")
  }

  private func allNull(key index: Int) throws -> String {
    let nulls = try lookup.keys[index].alternatives.enumerated().map { i, expr in
      "\(try operand(expr, Self.part(key: index, i))) IS NULL"
    }
    return nulls.count == 1 ? nulls[0] : "(" + nulls.joined(separator: " AND ") + ")"
  }

  /// `g` matches the chosen alternative of each key; a null alternative matches nothing and so is passed over.
  private func matches(_ choice: [Int], _ alias: String) throws -> [String] {
    let same = lowering.dialect.caseColumn.map { ["\(alias).\($0) = r.\($0)"] } ?? []
    return try same
      + zip(lookup.keys.indices, choice).flatMap { place, index -> [String] in
        let key = lookup.keys[place]
        let part = Self.part(key: place, index)
        let column = folded(alias, key.column)
        var matched: [String]
        switch key.match {
        case .equal:
          matched = ["\(column) = \(try value(key.alternatives[index], of: key.column, part))"]
        case .beginsWithColumn(let atLeast):
          let value = try value(key.alternatives[index], of: key.column, part)
          matched = ["length(\(column)) >= \(atLeast)", lowering.dialect.beginsWith(value, column)]
        case .length(let atLeast): return ["length(\(column)) >= \(atLeast)"]
        case .anyOf(let other, let otherColumn):
          guard let found = lowering.rule.lookups.first(where: { $0.name == other }) else {
            throw lowering.diagnostic("no lookup `\(other)`")
          }
          let other = try LookupLowering(found, lowering)
          return lowering.dialect.reachesOutward
            ? [try other.isAmongRows(column, otherColumn)] : try other.isJoinedRow(column, otherColumn)
        }
        if !key.anyWhenNull { return matched }
        return ["(\(try allNull(key: place)) OR (\(matched.joined(separator: " AND "))))"]
      }
  }

  /// The table as `g`, and before it those of lookups whose rows `matches` joins, for engines in which a condition
  /// about the row asked for can't hold another subquery about it. A joined row may repeat `g`, so nothing may count
  /// rows.
  ///
  /// Such engines join in the order of FROM: first the rows that the row asked for names by an equal key (a person's
  /// registrations), then what is found by these. The other way round every row meets the whole table.
  private func tables() throws -> String { "\(try joinedTables())\(lookup.table) g" }

  private func joinedTables() throws -> String {
    if lowering.dialect.reachesOutward { return "" }
    return try lookup.keys.compactMap { key -> String? in
      guard case .anyOf(let other, _) = key.match else { return nil }
      guard let found = lowering.rule.lookups.first(where: { $0.name == other }) else {
        throw lowering.diagnostic("no lookup `\(other)`")
      }
      guard lookup.take == .any else {
        throw lowering.diagnostic("lookup `\(lookup.name)` counts rows with a value of any row of `\(other)`")
      }
      return "\(found.table) \(LookupLowering.alias(found)), "
    }.joined()
  }

  private static func alias(_ lookup: Lookup) -> String {
    "h_" + lookup.name.filter { $0.isASCII && ($0.isLetter || $0.isNumber) }
  }

  /// What `isAmongRows` says of a row that `joinedTables` put beside `g`.
  private func isJoinedRow(_ value: String, _ column: String) throws -> [String] {
    let alias = LookupLowering.alias(lookup)
    guard choices.count == 1, lookup.region == nil || lookup.joinsLevels, try joinedTables().isEmpty else {
      throw lowering.diagnostic("the values of `\(lookup.name)` come from its first key, or level, that has rows")
    }
    return try matches(choices[0], alias) + holds(alias) + inRegion(alias)
      + ["\(alias).is_ambiguous = 0", "\(folded(alias, column)) = \(value)"]
  }

  /// The value stands in a column of some row that this lookup finds: of the first alternative with a row, and of the
  /// first level that has one unless levels are joined. FALSE where it finds none.
  private func isAmongRows(_ value: String, _ column: String) throws -> String {
    let alias = LookupLowering.alias(lookup)
    func rows(_ choice: [Int]) throws -> String {
      let conditions = try matches(choice, alias) + holds(alias) + inRegion(alias) + ["\(alias).is_ambiguous = 0"]
      return "FROM \(lookup.table) \(alias) WHERE \(conditions.joined(separator: " AND "))"
    }
    var ways: [String] = []
    var before: [String] = []
    for choice in choices {
      let rows = try rows(choice)
      var same = ["\(folded(alias, column)) = \(value)"]
      if let level = try level(alias), !lookup.joinsLevels {
        // An aggregate over an inner and an outer row at once is more than every engine takes.
        same.append(
          lowering.dialect.reachesOutward
            ? "\(level) = (SELECT min(\(level)) \(rows))"
            : "\(level) = (SELECT min(z.level) FROM (SELECT \(level) AS level \(rows)) z)")
      }
      ways.append(
        (before + ["EXISTS (SELECT 1 \(rows) AND \(same.joined(separator: " AND ")))"]).joined(separator: " AND "))
      before.append("NOT EXISTS (SELECT 1 \(rows))")
    }
    return ways.count == 1 ? ways[0] : "(" + ways.map { "(\($0))" }.joined(separator: " OR ") + ")"
  }

  /// `g` holds on the day, or on a day within the window around it.
  private func holds(_ alias: String) throws -> [String] {
    guard schema.hasValidity, let day = lookup.day else { return [] }
    let dayText = try operand(day, "day")
    guard let within = lookup.within else {
      return ["\(alias).begndate <= \(dayText)", "(\(alias).enddate IS NULL OR \(alias).enddate >= \(dayText))"]
    }
    let width = try operand(within, "within")
    return [
      "\(alias).begndate <= \(dayText) + \(width)",
      "(\(alias).enddate IS NULL OR \(alias).enddate >= \(dayText) - \(width))",
    ]
  }

  /// The levels of the region order as a list; a null or malformed code leaves the nation.
  private func levels() throws -> [String]? {
    guard let region = lookup.region else { return nil }
    let text = try operand(region, "region")
    let isCode = "\(lowering.dialect.byteLength(text)) = 6"
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
      // A key whose match needs no value has nothing to choose.
      done.flatMap { prefix in (0..<max(1, key.alternatives.count)).map { prefix + [$0] } }
    }
  }

  /// Whether the keys of the lookup hold all of the table's own: then overlapping rows on any level forbid an answer.
  private var isKeyComplete: Bool {
    let columns = Set(lookup.keys.map(\.column) + (lookup.region == nil ? [] : ["admdvs"]))
    return lookup.keys.allSatisfy { $0.match == .equal } && schema.key.allSatisfy(columns.contains)
  }

  /// The level of a row in the region order; nil without one.
  private func level(_ alias: String = "g") throws -> String? {
    guard let levels = try levels() else { return nil }
    var text = "CASE \(alias).admdvs"
    for (i, level) in levels.dropLast().enumerated() { text += " WHEN \(level) THEN \(i)" }
    return text + " ELSE 3 END"
  }

  /// The row found: first alternative with one, then nearest level, then first in the file.
  private func row() throws -> String {
    var only: [String] = []
    if lookup.take != .one { only.append("g.is_ambiguous = 0") }
    if case .groups(let column) = lookup.take { only.append("g.\(column) IS NOT NULL") }
    let row = "g.\(lowering.dialect.rowNumber)"
    let level = try level()
    let tables = try tables()
    let found = try choices.map { choice in
      let conditions = try matches(choice, "g") + holds("g") + inRegion("g") + only
      let rows = "FROM \(tables) WHERE \(conditions.joined(separator: " AND "))"
      if let joining {
        let columns = ["\(row) AS number"] + (level.map { ["\($0) AS level"] } ?? [])
        return joining.ask(level == nil ? "min(z.number)" : "min(struct(z.level, z.number)).number", columns, rows)
      }
      guard let level else { return "(SELECT min(\(row)) \(rows))" }
      if !lowering.dialect.reachesOutward {
        // A structure compares by its fields in turn; the least has the nearest level and the first row of it. Spark
        // lets no aggregate name an inner and an outer row, so the level is a column of an inner SELECT here too.
        return """
          (SELECT min(struct(z.level, z.number)).number FROM (
                SELECT \(level) AS level, \(row) AS number
                \(rows)) z)
          """
      }
      // SQLite knows no outer row in ORDER BY, so the level is a column of an inner SELECT.
      return """
        (SELECT z.number FROM (
              SELECT \(row) AS number, \(level) AS level
              \(rows)) z
            ORDER BY z.level, z.number LIMIT 1)
        """
    }
    return found.count == 1 ? found[0] : "COALESCE(\(found.joined(separator: ",\n      ")))"
  }

  /// 0 where the lookup can be evaluated; 1 for a null key or day; 2 for overlapping rows of the key on that day (on
  /// any level, where the table's whole key is given) or two rows where one was asked for.
  private func unknown() throws -> String {
    var nulls: [String] = []
    for (i, key) in lookup.keys.enumerated() where !key.anyWhenNull && !key.alternatives.isEmpty {
      nulls.append(try allNull(key: i))
    }
    for other in lookup.lookupsNamed.sorted() { nulls.append("r.\(lowering.dialect.quoted(other + ".unknown")) <> 0") }
    if let day = lookup.day { nulls.append("\(try operand(day, "day")) IS NULL") }
    if let within = lookup.within { nulls.append("\(try operand(within, "within")) IS NULL") }
    var states: [String] = []
    for choice in choices {
      let rows = try matches(choice, "g") + holds("g") + inRegion("g")
      let all = "FROM \(try tables()) WHERE \(rows.joined(separator: " AND "))"
      if case .groups = lookup.take { continue }
      func state(_ state: Int, _ aggregate: String, where condition: String) -> String {
        joining?.ask("\(aggregate)(z.state)", ["\(state) AS state"], "\(all) AND \(condition)")
          ?? "(SELECT \(aggregate)(\(state)) \(all) AND \(condition))"
      }
      if isKeyComplete { states.append(state(2, "max", where: "g.is_ambiguous = 1")) }
      if case .any = lookup.take {
        if choices.count > 1 { states.append(state(0, "min", where: "g.is_ambiguous = 0")) }
      } else {
        if !lowering.dialect.reachesOutward {
          states.append(try stateWithoutOrder(all))
          continue
        }
        let several = "CASE WHEN count(*) > 1 OR max(z.is_ambiguous) = 1 THEN 2 WHEN count(*) = 1 THEN 0 END"
        let level = try level()
        states.append(
          """
          (SELECT \(several) FROM (
                SELECT g.is_ambiguous AS is_ambiguous\(level.map { ", \($0) AS level" } ?? "")
                \(all)) z\(level == nil ? "" : " GROUP BY z.level ORDER BY z.level LIMIT 1"))
          """)
      }
    }
    let first = nulls.isEmpty ? "" : "WHEN \(nulls.joined(separator: " OR ")) THEN 1 "
    let state = states.isEmpty ? "0" : "COALESCE(\(states.joined(separator: ",\n        ")), 0)"
    return first.isEmpty ? state : "CASE \(first)\n      ELSE \(state) END"
  }

  /// What `unknown` finds on the nearest level with rows, as one aggregate: for engines that do not order or group
  /// in a subquery about an outer row.
  private func stateWithoutOrder(_ all: String) throws -> String {
    guard let level = try level() else {
      func state(_ flag: String) -> String {
        "CASE WHEN count(*) > 1 OR max(\(flag)) = 1 THEN 2 WHEN count(*) = 1 THEN 0 END"
      }
      return joining?.ask(state("z.is_ambiguous"), ["g.is_ambiguous AS is_ambiguous"], all)
        ?? "(SELECT \(state("g.is_ambiguous")) \(all))"
    }
    let states = (0...3).map { number in
      "WHEN \(number) THEN CASE WHEN count(CASE WHEN z.level = \(number) THEN 1 END) > 1"
        + " OR max(CASE WHEN z.level = \(number) THEN z.is_ambiguous END) = 1 THEN 2 ELSE 0 END"
    }
    let state = "CASE min(z.level) \(states.joined(separator: "\n            ")) END"
    let columns = ["g.is_ambiguous AS is_ambiguous", "\(level) AS level"]
    return joining?.ask(state, columns, all)
      ?? """
      (SELECT \(state) FROM (
            SELECT \(columns.joined(separator: ", "))
            \(all)) z)
      """
  }

  /// `SELECT … FROM previous r`: the wide row with the number of the row found, whether that can't be known, and
  /// the columns asked for.
  func select(from previous: String) throws -> String {
    let (row, unknown, values) = (try row(), try unknown(), try values())
    let rows = values.isEmpty ? previous : "(\n  SELECT r.*\(values)\n  FROM \(previous) r)"
    let inner = """
      SELECT r.*,
          \(row) AS \(name("row")),
          \(unknown) AS \(name("unknown"))
        FROM \(rows) r\(joining?.joins(to: previous) ?? "")
      """
    switch lookup.take {
    case .one, .any:
      // Of whether there is any row no column is asked.
      let isAny = lookup.take == .any
      let columns = (lowering.demandedRegistry[lookup.name] ?? [])
        .map { column in
          let null = lowering.dialect.null(schema.kind(of: column) ?? .text)
          return ",\n  \(isAny ? null : "g.\(column)") AS \(name(column))"
        }.joined()
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
    var conditions: [String] = lowering.dialect.caseColumn.map { ["\(alias).\($0) = a.\($0)"] } ?? []
    for (i, key) in lookup.keys.enumerated() {
      let same = "\(folded(alias, key.column)) = \(folded("a", key.column))"
      conditions.append(key.anyWhenNull ? "(\(try allNull(key: i)) OR \(same))" : same)
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
      \(lookup.table) g, \(lookup.table) a
          WHERE a.\(lowering.dialect.rowNumber) = r.\(name("row")) AND \(rows.joined(separator: " AND "))
      """
  }
}
