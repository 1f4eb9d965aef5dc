import ClaimModel
import Diagnostics
import RulePacks

/// Rules as an engine runs them over the parts of a claim store: tables to be made one after the other, and what is
/// asked of them at the end. Written for Spark.
///
/// The engine is given the live parts of each claim table (`parts_fee_list_d` and so on: the columns of the parts),
/// `live_segment` (number, place, rank, lacks_flag, of_batch: one row for each segment that counts), the registries
/// (rowid in the order of the file, columns as loaded, is_ambiguous) and `context` (excluded_setl_type rows).
public struct StoreScript: Sendable {
  public struct Table: Sendable, Hashable {
    public var name: String
    public var query: String
    /// Computed once and kept: it is read more than once, or numbers its rows.
    public var isKept: Bool
  }

  public struct Output: Sendable, Hashable {
    public var name: String
    public var query: String
    /// Names of the query's columns, and whether each is a text; others are whole numbers.
    public var columns: [Column]
  }

  public struct Column: Sendable, Hashable {
    public var name: String
    public var isText: Bool

    public init(_ name: String, isText: Bool) {
      self.name = name
      self.isText = isText
    }
  }

  public var tables: [Table] = []
  public var outputs: [Output] = []

  /// `parts_fee_list_d`: what the parts of a claim table are to be called.
  public static func partsName(_ table: ClaimTable) -> String { "parts_" + table.name }

  // MARK: Names of outputs

  public static let homesOutput = "homes"
  public static let sharedOutput = "shared"
  public static func findingsOutput(_ rule: String) -> String { "findings " + rule }
  public static func coverageOutput(_ rule: String) -> String { "coverage " + rule }
  public static func factsOutput(_ rule: String, _ population: String) -> String { "facts \(rule) \(population)" }
  public static func thinOutput(_ entity: Entity) -> String { "thin \(entity.rawValue)" }
}

/// Rows of an entity that are asked back whole: columns, and the entities whose key each row is to name.
public struct ThinRows: Sendable {
  public var entity: Entity
  public var columns: [String]
  public var parents: [Entity]

  public init(entity: Entity, columns: [String], parents: [Entity]) {
    self.entity = entity
    self.columns = columns
    self.parents = parents
  }
}

/// The script of rules over a store.
///
/// - Parameters:
///   - rules: those to run, by id; each must be runnable.
///   - whole: ids of those that look at more than one person: they give no persons, and are run again over `thin`.
///   - columns: national columns to read of each table; the others are NULL.
///   - thin: rows that are asked back.
///   - listed: how many rows that were set aside are named, of each segment and reason.
/// - Throws: `sql.unsupported` for a rule that the dialect can't express.
public func storeScript(
  rules: [Rule], whole: Set<String>, columns: [ClaimTable: Set<String>], thin: [ThinRows], listed: Int
) throws(Diagnostics) -> StoreScript {
  var dialect = Dialect.spark
  dialect.isDistributed = true
  var script = ""
  for table in ClaimTable.allCases { script += versionsSQL(table, columns[table] ?? [], dialect) }
  for entity in EvidenceSchema.claimEntities { script += evidenceSQL(entity, columns[entity.table] ?? [], dialect) }
  script += preludeSQL(dialect: dialect, persons: rules.contains(where: \.readsPersons))
  var result = StoreScript()
  var homes: [String] = []
  for rule in rules.sorted(by: { bytesPrecede($0.id, $1.id) }) {
    let own: StoreRuleSQL
    do {
      own = try RuleLowering(rule, dialect, .store).storeSQL(isWhole: whole.contains(rule.id))
    } catch let error as Diagnostics {
      throw error
    } catch {
      throw Diagnostics([Diagnostic(.error, "sql.unsupported", "rule \(rule.id): \(error)")])
    }
    script += own.script
    homes += own.homes
    result.outputs += ruleOutputs(rule, own, dialect)
  }
  script += sharedKeysSQL(dialect)
  result.outputs.append(
    .init(
      name: StoreScript.homesOutput,
      query: homes.isEmpty
        ? "SELECT 'p' AS yj_kind, '' AS yj_home FROM live_segment s WHERE FALSE"
        : "SELECT DISTINCT x.yj_kind, x.yj_home FROM (\n\(homes.joined(separator: "\nUNION ALL\n"))) x",
      columns: [.init("yj_kind", isText: true), .init("yj_home", isText: true)]))
  result.outputs.append(
    .init(
      name: StoreScript.sharedOutput, query: "SELECT x.kind, x.id, x.yj_kind, x.yj_home FROM key_of_several x",
      columns: ["kind", "id", "yj_kind", "yj_home"].map { .init($0, isText: true) }))
  script += fatesSQL(dialect)
  result.outputs += figureOutputs(listed: listed, dialect)
  for rows in thin { result.outputs.append(thinOutput(rows, dialect)) }
  result.tables = neededTables(scriptTables(script, dialect), result.outputs)
  return result
}

// MARK: Rows of the store

/// All live rows of a table, typed, and which of them is the newest of its key (claims.md 1.1).
private func versionsSQL(_ table: ClaimTable, _ wanted: Set<String>, _ dialect: Dialect) -> String {
  let columns = table.columns.filter { wanted.contains($0.name) }.map { column in
    "\(stored("r." + column.name, column.kind)) AS \(column.name)"
  }
  let key = table.key.map { "x.\($0)" }.joined(separator: ", ")
  return """
    \(dialect.createTable) \(dialect.quoted("all " + table.name)) AS
    SELECT x.*, row_number() OVER (PARTITION BY \(key)
        ORDER BY \(dialect.descending("x.updt_time")), x.yj_rank DESC, x.yj_line DESC) AS yj_version,
      monotonically_increasing_id() AS rowid
    FROM (
      SELECT \(columns.joined(separator: ",\n    ")),
        g.place AS yj_place, g.rank AS yj_rank, g.of_batch AS yj_of_batch, CAST(r.yj_line AS BIGINT) AS yj_line,
        r.yj_byte_offset AS yj_byte_offset,
        CASE WHEN r.vali_flag = '1' OR g.lacks_flag = 1 THEN 1 ELSE 0 END AS yj_valid
      FROM \(StoreScript.partsName(table)) r JOIN live_segment g ON g.number = r.yj_segment) x;

    """
}

/// The valid winners, as the prelude reads them.
private func evidenceSQL(_ entity: Entity, _ wanted: Set<String>, _ dialect: Dialect) -> String {
  let table = entity.table
  let columns = table.columns.map { column in
    wanted.contains(column.name)
      ? "x.\(column.name)" : "\(dialect.null(column.kind == .text ? .text : .integer)) AS \(column.name)"
  }
  let isKeyed = table.key.map { "x.\($0) IS NOT NULL" }.joined(separator: " AND ")
  return """
    \(dialect.createTable) \(entity.rawValue) AS
    SELECT x.rowid, x.yj_place, x.yj_line, x.yj_of_batch, \(columns.joined(separator: ", "))
    FROM \(dialect.quoted("all " + table.name)) x
    WHERE x.yj_version = 1 AND x.yj_valid = 1 AND \(isKeyed);

    """
}

/// A column of a part as the number that the prelude reads: fen, 1/10000, days, seconds. The session's zone is UTC.
private func stored(_ column: String, _ kind: ValueKind) -> String {
  switch kind {
  case .text: column
  case .integer: "CAST(\(column) AS BIGINT)"
  case .money: "CAST(\(column) * 100 AS BIGINT)"
  case .quantity, .ratio: "CAST(\(column) * 10000 AS BIGINT)"
  case .price: "CAST(\(column) * 1000000 AS BIGINT)"
  case .day: "CAST(unix_date(\(column)) AS BIGINT)"
  case .time: "unix_seconds(CAST(\(column) AS TIMESTAMP))"
  }
}

/// Ids that stand in rows of several persons: whoever shares one is looked at together.
private func sharedKeysSQL(_ dialect: Dialect) -> String {
  // The same columns as those by which slices are told to be together.
  let columns: [(kind: String, ClaimTable, String)] = [
    ("setl", .settlements, "setl_id"), ("setl", .settlements, "init_setl_id"), ("setl", .feeLines, "setl_id"),
    ("visit", .visits, "mdtrt_id"), ("visit", .settlements, "mdtrt_id"), ("visit", .feeLines, "mdtrt_id"),
    ("visit", .diagnoses, "mdtrt_id"), ("visit", .operations, "mdtrt_id"),
    ("diag", .diagnoses, "setl_list_diag_id"), ("oprn", .operations, "setl_list_oprn_id"),
  ]
  let selects = columns.map { kind, table, column in
    """
    SELECT '\(kind)' AS kind, x.\(column) AS id, CASE WHEN x.psn_no IS NULL THEN 'v' ELSE 'p' END AS yj_kind,
        COALESCE(x.psn_no, x.mdtrt_id, '') AS yj_home
      FROM \(dialect.quoted("all " + table.name)) x WHERE x.\(column) IS NOT NULL
    """
  }
  return """
    \(dialect.createTable) key_of_home AS
    SELECT DISTINCT u.kind, u.id, u.yj_kind, u.yj_home FROM (
    \(selects.joined(separator: "\n  UNION ALL\n"))) u;

    \(dialect.createTable) key_of_several AS
    SELECT k.kind, k.id, k.yj_kind, k.yj_home FROM key_of_home k
    JOIN (SELECT x.kind, x.id FROM key_of_home x GROUP BY x.kind, x.id HAVING count(*) > 1) s
      ON s.kind = k.kind AND s.id = k.id;

    """
}

// MARK: Outputs

private func ruleOutputs(_ rule: Rule, _ own: StoreRuleSQL, _ dialect: Dialect) -> [StoreScript.Output] {
  var outputs: [StoreScript.Output] = [
    .init(
      name: StoreScript.findingsOutput(rule.id),
      query: """
        SELECT f.key AS key, f.verdict, f.subject, CAST(f.amount_fen AS BIGINT) AS amount_fen,
          CAST(f.fund_fen AS BIGINT) AS fund_fen
        FROM \(dialect.quoted(rule.id + " findings")) f
        """,
      columns: [
        .init("key", isText: true), .init("verdict", isText: true), .init("subject", isText: true),
        .init("amount_fen", isText: false), .init("fund_fen", isText: false),
      ]),
    .init(
      name: StoreScript.coverageOutput(rule.id), query: own.coverage,
      columns: (["in_scope", "unevaluable"] + rule.fill.indices.flatMap { ["fill_\($0 + 1)", "filled_\($0 + 1)"] })
        .map { .init($0, isText: false) }),
  ]
  for population in rule.populations {
    let matched = population.match.enumerated().map { place, pair in
      (name: "match_\(place + 1)", isText: pair.a.kind(in: rule) == .text)
    }
    let values = population.values.map { (name: $0.name, isText: $0.kind == .text) }
    let columns = (matched + values).map { StoreScript.Column($0.name, isText: $0.isText) }
    outputs.append(
      .init(
        name: StoreScript.factsOutput(rule.id, population.name),
        query: "SELECT \(columns.map { "p.\(dialect.quoted($0.name))" }.joined(separator: ", "))"
          + " FROM \(dialect.quoted(rule.id + " population " + population.name)) p", columns: columns))
  }
  return outputs
}

private func thinOutput(_ rows: ThinRows, _ dialect: Dialect) -> StoreScript.Output {
  let source = ClaimSource(alias: "x", entity: rows.entity, dialect: dialect)
  var columns: [StoreScript.Column] = []
  var selects: [String] = []
  for name in rows.columns {
    columns.append(.init(name, isText: rows.entity.kind(of: name) == .text))
    selects.append("\(source.column([], name)) AS \(dialect.quoted(name))")
  }
  for parent in rows.parents {
    let name = "parent " + parent.rawValue
    columns.append(.init(name, isText: true))
    selects.append("\(source.column(childOf: parent)) AS \(dialect.quoted(name))")
  }
  return .init(
    name: StoreScript.thinOutput(rows.entity),
    query: "SELECT \(selects.joined(separator: ", ")) FROM \(source.from)", columns: columns)
}

// MARK: Which tables are needed

/// The tables that outputs need, in their order. What is read once and numbers no rows is a view.
private func neededTables(_ all: [ScriptTable], _ outputs: [StoreScript.Output]) -> [StoreScript.Table] {
  let names = Set(all.map(\.name))
  var readers: [String: Int] = [:]
  for output in outputs { for name in tablesRead(by: output.query, among: names) { readers[name, default: 0] += 1 } }
  var needed: [StoreScript.Table] = []
  for table in all.reversed() {
    guard let count = readers[table.name] else { continue }
    for name in tablesRead(by: table.query, among: names.subtracting([table.name])) { readers[name, default: 0] += 1 }
    // Other numbers are the same whenever they are given.
    let numbers = contains(table.query, "monotonically_increasing_id()")
    needed.append(
      .init(name: table.name, query: table.query, isKept: count > 1 || numbers || contains(table.query, "DISTINCT")))
  }
  return needed.reversed()
}

private func contains(_ text: String, _ part: String) -> Bool {
  let (text, part) = (Array(text.utf8), Array(part.utf8))
  guard text.count >= part.count else { return false }
  return (0...text.count - part.count).contains { text[$0..<$0 + part.count].elementsEqual(part) }
}
