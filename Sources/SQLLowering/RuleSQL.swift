import ClaimModel
import Diagnostics
import RulePacks

/// A rule as SQL over the tables that `preludeSQL` leaves.
///
/// It leaves two tables: `"RULE findings"` (rule, key, subject_type, subject, verdict, precedence, amount_fen,
/// fund_fen) and `"RULE claims"` (rule, key, unit, fen, fixmedins_code, psn_no, practitioner), all of them NOT NULL
/// but an amount that could not be computed exactly. A sum beyond 64 bits stops the script, as it stops the rule.
///
/// Throws `sql.unsupported` for a rule that names a table or binding that does not exist.
public func ruleSQL(
  _ rule: Rule, dialect: Dialect = .sqlite, populations: PopulationSource = .store
) throws(Diagnostics) -> String {
  do {
    return try RuleLowering(rule, dialect, populations).text()
  } catch let error as Diagnostics {
    throw error
  } catch {
    throw Diagnostics([Diagnostic(.error, "sql.unsupported", "rule \(rule.id): \(error)")])
  }
}

/// The rule's own SQL with its findings at the end, for `explain`; it needs `preludeSQL` before it.
public func sourceSQL(
  _ rule: Rule, dialect: Dialect = .sqlite, populations: PopulationSource = .store
) throws(Diagnostics) -> String {
  try ruleSQL(rule, dialect: dialect, populations: populations)
    + "SELECT * FROM \(dialect.quoted(rule.id + " findings")) f ORDER BY f.key;\n"
}

/// Writes one rule. Shapes that form rows have a file each; see `formedSQL`.
final class RuleLowering {
  let rule: Rule
  let dialect: Dialect
  let populations: PopulationSource
  let lowering: ExpressionLowering
  /// Tables of what findings sum, made before the findings.
  private var summed: [(name: String, sql: String)] = []

  init(_ rule: Rule, _ dialect: Dialect, _ populations: PopulationSource) {
    self.rule = rule
    self.dialect = dialect
    self.populations = populations
    lowering = ExpressionLowering(rule: rule, dialect: dialect, populations: populations)
  }

  func table(_ part: String) -> String { dialect.quoted(rule.id + " " + part) }

  func text() throws -> String {
    let title = "-- ==== \(comment(rule.id)) v\(rule.version) \(comment(rule.nameZh)) \(comment(rule.nameEn)) ====\n"
    let facts = try populations == .store ? rule.populations.map(populationTable) : []
    // Written from the end: what the later steps ask for is what the earlier ones select.
    demandKeys()
    if rule.shape.formed != nil { lowering.stage = .formed }
    let findings = try findingsSQL()
    let claims = try claimsSQL()
    let steps = try rule.shape.formed.map(formedSQL) ?? plainSQL()
    return ([title] + facts + steps + [findings, claims]).joined(separator: "\n")
  }

  /// From claim rows or pairs of them to hits.
  func plainSQL() throws -> [String] {
    let asked = rule.lookups
    let hits = try hitsSQL(
      from: asked.last.map { table("lookup " + $0.name) } ?? table("rows"),
      conditions: judging(.all) + excluding() + exempting(),
      order: orderOfHits())
    let lookups = try lookupTables(asked, from: table("rows"))
    let rows = try rowsSQL()
    return [rows] + lookups + [hits]
  }

  /// The wide rows with what each lookup finds, one table a lookup.
  func lookupTables(_ lookups: [Lookup], from rows: String) throws -> [String] {
    // Later lookups may use columns of earlier ones.
    var texts: [String] = []
    for (place, lookup) in lookups.enumerated().reversed() {
      let previous = place == 0 ? rows : table("lookup " + lookups[place - 1].name)
      let select = try LookupLowering(lookup, lowering).select(from: previous)
      if dialect.isDistributed, let shared = try sharedLookup(lookup, from: previous, select) {
        texts.append(shared)
        continue
      }
      texts.append(
        """
        -- 查找 \(comment(lookup.name))：\(lookup.table)\(lookupComment(lookup))
        -- Lookup \(comment(lookup.name)) in \(lookup.table).
        \(dialect.createTable) \(table("lookup " + lookup.name)) AS
        \(select);

        """)
    }
    return texts.reversed()
  }

  /// A lookup made once for all rows that have the same values in the columns it reads; nil if it reads none.
  ///
  /// - Parameter select: the lookup made row by row, which names the columns.
  private func sharedLookup(_ lookup: Lookup, from previous: String, _ select: String) throws -> String? {
    let own = lookup.name + "."
    let columns = columnsRead(of: "r", by: select).filter { !$0.utf8.starts(with: own.utf8) }
      .sorted(by: bytesPrecede).map(dialect.quoted)
    if columns.isEmpty { return nil }
    var found = ["row", "unknown"]
    // Rows without a group are none.
    var join = "LEFT JOIN"
    if case .groups(let column) = lookup.take {
      found.append(column)
      join = "JOIN"
    } else {
      found += lowering.demandedRegistry[lookup.name] ?? []
    }
    let same = columns.map { dialect.isSame("r.\($0)", "m.\($0)") }.joined(separator: " AND ")
    let answers = try LookupLowering(lookup, lowering, joinedOn: columns).select(from: table("asked " + lookup.name))
    return """
      -- 查找 \(comment(lookup.name))：\(lookup.table)\(lookupComment(lookup))
      -- Lookup \(comment(lookup.name)) in \(lookup.table), once for rows that ask the same.
      \(dialect.createTable) \(table("asked " + lookup.name)) AS
      SELECT DISTINCT \(columns.map { "r.\($0)" }.joined(separator: ", ")) FROM \(previous) r;

      \(dialect.createTable) \(table("answer " + lookup.name)) AS
      \(answers);

      \(dialect.createTable) \(table("lookup " + lookup.name)) AS
      SELECT r.*, \(found.map { "m.\(dialect.quoted(own + $0))" }.joined(separator: ", "))
      FROM \(previous) r \(join) \(table("answer " + lookup.name)) m ON \(same);

      """
  }

  /// What names a row, so that no two rows are taken for one.
  func demandKeys() {
    for binding in rule.shape.bindings {
      _ = try? lowering.sql(.claim(binding: binding.name, path: [], column: Self.idColumn(binding.entity), kind: .text))
    }
  }

  /// The column that names a row of an entity.
  static func idColumn(_ entity: Entity) -> String {
    switch entity {
    case .line: "id"
    case .settlement: "setl_id"
    case .visit, .stay: "mdtrt_id"
    case .diagnosis: "setl_list_diag_id"
    case .person: "psn_no"
    }
  }

  // MARK: rows

  func rowsSQL() throws -> String {
    var sources: [String: ClaimSource] = [:]
    for binding in rule.shape.bindings {
      sources[binding.name] = ClaimSource(alias: binding.name, entity: binding.entity, dialect: dialect)
    }
    var conditions: [String] = []
    var comment = "规则所看的行。 The rows the rule looks at."
    var neighbours: Neighbours?
    if case .pair(let a, let b, let match, let order) = rule.shape {
      comment = "规则所看的成对的行。 The pairs of rows the rule looks at."
      try lowering.with(sources) {
        for pair in match { conditions.append("\(try lowering.operand(pair.a)) = \(try lowering.operand(pair.b))") }
      }
      if case .adjacent(let columns) = order {
        comment = "规则所看的相邻的行。 The neighbours the rule looks at."
        neighbours = try neighboursSQL(a, b, match, columns)
        // Neighbours have equal values already.
        conditions = []
      } else if let column = dialect.caseColumn {
        conditions.append("\(dialect.quoted(a.binding)).\(column) = \(dialect.quoted(b.binding)).\(column)")
      }
      if case .unordered(let column) = order, let x = sources[a.binding], let y = sources[b.binding] {
        conditions.append("\(x.column([], column)) < \(y.column([], column))")
      }
    }
    // Parts of the scope that need no registry are applied here; AND is TRUE only where all its parts are.
    var parts = [rule.scope]
    if case .and(let list) = rule.scope { parts = list }
    let early = try parts.filter { !$0.usesRegistry && !lowering.isFormed($0) && $0 != .boolean(true) }.map {
      dialect.isTrue(try lowering.sql($0))
    }
    let issue = try lowering.firstIsAtIssue().map { ",\n  \($0) AS \("first_is_at_issue")" } ?? ""
    let columns = lowering.demanded.map { wanted -> String in
      let text = sources[wanted.binding]?.column(wanted.path, wanted.column) ?? "NULL"
      return "    \(text) AS \(dialect.quoted(wanted.name))"
    }
    let first = rule.shape.bindings.first.map { " " + dialect.caseOf(dialect.quoted($0.name)) } ?? ""
    let tables = rule.shape.bindings.compactMap { sources[$0.name] }.map(\.from).joined(separator: ",\n  ")
    let from = neighbours.map { $0.join(sources) } ?? tables
    let matched = conditions.isEmpty ? "" : "\n  WHERE \(conditions.joined(separator: " AND "))"
    var rows = """
      (
        SELECT\(first)
      \(columns.joined(separator: ",\n"))
        FROM \(from)\(matched)
      ) r
      """
    if let day = lowering.parameterDaySQL {
      rows = "(SELECT r.*, \(day) AS \(dialect.quoted(ExpressionLowering.parameterDayColumn)) FROM \(rows)) r"
    }
    return """
      \(neighbours?.text ?? "")-- \(comment)
      \(dialect.createTable) \(table("rows")) AS
      SELECT r.*\(issue) FROM \(rows)\(early.isEmpty ? "" : "\nWHERE " + early.joined(separator: "\n  AND "));

      """
  }

  // MARK: hits

  /// A condition of a WHERE clause and what it is, for the reader.
  typealias Explained = (text: String, comment: String)

  /// What a step asks: of rows of claims, of formed rows, or of the only rows there are.
  enum Asked { case base, formed, all }

  private func isAsked(_ asked: Asked, _ expr: Expr) -> Bool {
    asked == .all || (asked == .formed) == lowering.isFormed(expr)
  }

  /// Scope and rows that can't be judged; the part of the scope that needs no registry is applied with the rows.
  func judging(_ asked: Asked) throws -> [Explained] {
    var conditions: [Explained] = []
    var scope = [rule.scope]
    if case .and(let list) = rule.scope { scope = list }
    for part in scope where (part.usesRegistry || lowering.isFormed(part)) && isAsked(asked, part) {
      conditions.append((dialect.isTrue(try lowering.sql(part)), "范围 scope"))
    }
    // A rule that says itself when a lookup's overlapping rows matter is taken at its word.
    let spoken = rule.unevaluable.reduce(into: Set<String>()) { $0.formUnion($1.when.lookupNames) }
    for lookup in rule.lookups where !spoken.contains(lookup.name) {
      if case .groups = lookup.take { continue }
      guard asked == .all || (asked == .formed) == lowering.formedLookups.contains(lookup.name) else { continue }
      conditions.append(
        (
          "r.\(dialect.quoted(lookup.name + ".unknown")) <> 2",
          "登记行有效期重叠或无法读取，不可评价 overlapping or undated registry rows"
        ))
    }
    for row in rule.unevaluable where isAsked(asked, row.when) {
      conditions.append(
        ("NOT \(dialect.isTrue(try lowering.sql(row.when)))", "不可评价 unevaluable: \(comment(row.reason))"))
    }
    if asked != .base, rule.condition != .boolean(true) {
      conditions.append((dialect.isTrue(try lowering.sql(rule.condition)), "命中条件 hit"))
    }
    return conditions
  }

  /// What makes a hit none, unrecorded.
  func excluding() throws -> [Explained] {
    try rule.unless.map { ("NOT \(dialect.isTrue(try lowering.sql($0)))", "除外 unless") }
  }

  /// What excuses a hit.
  func exempting() throws -> [Explained] {
    try rule.exemptions.map { ("NOT \(dialect.isTrue(try lowering.sql($0.when)))", "豁免 \(comment($0.id))") }
  }

  /// `WHERE …` with a condition and its comment on each line; nothing without conditions.
  func whereClause(_ conditions: [Explained]) -> String {
    if conditions.isEmpty { return "" }
    return "WHERE " + conditions.map { "\($0.text)  -- \($0.comment)" }.joined(separator: "\n  AND ") + "\n"
  }

  /// - Parameter order: in which hits of one key stand; the first stands for the finding.
  func hitsSQL(from previous: String, conditions: [Explained], order: [String]) throws -> String {
    let key = try rule.key.map { "COALESCE(\(try lowering.text($0)), '')" }.joined(separator: " || '|' || ")
    // Only hits of one key are ever compared.
    let among = dialect.isDistributed ? "PARTITION BY \(key.isEmpty ? "''" : key) " : ""
    return """
      -- 命中：条件为真，没有除外或豁免为真；空值既不命中也不豁免。
      -- Hits: conditions are TRUE, no exemption is; NULL neither fires nor excuses.
      \(dialect.createTable) \(table("hits")) AS
      SELECT r.*, \(key.isEmpty ? "''" : key) AS key,
        row_number() OVER (\(among)ORDER BY \(order.joined(separator: ", "))) AS hit
      FROM \(previous) r
      \(whereClause(conditions));\(dialect.createIndex(table("hits by key"), table("hits"), ["key"]))

      """
  }

  /// The order of hits of claim rows: by the keys of their rows, then by the groups of registry rows.
  func orderOfHits() -> [String] {
    var order = lowering.demanded.prefix(rule.shape.bindings.count).map { "r.\(dialect.quoted($0.name))" }
    for lookup in rule.lookups {
      if case .groups(let column) = lookup.take { order.append("r.\(dialect.quoted(lookup.name + "." + column))") }
    }
    return order
  }

  // MARK: findings

  func findingsSQL() throws -> String {
    lowering.hitAggregates = []
    lowering.hitWindows = []
    var verdict = "CASE"
    var precedence = "CASE"
    for verdictCase in rule.cases {
      let when = try lowering.sql(verdictCase.when)
      verdict += "\n      WHEN \(when) THEN \(dialect.literal(verdictCase.verdict.rawValue))"
      precedence += "\n      WHEN \(when) THEN \(verdictCase.precedence)"
    }
    if rule.cases.isEmpty {
      verdict = dialect.null(.text)
      precedence = dialect.null(.integer)
    } else {
      verdict += " END"
      precedence += " END"
    }
    let subject = try lowering.operand(rule.subject)
    let aggregates = (lowering.hitAggregates ?? []).enumerated()
      .map { ",\n        \($0.element) AS hits_\($0.offset + 1)" }.joined()
    lowering.hitAggregates = nil
    var hits = table("hits")
    if !lowering.hitWindows.isEmpty {
      let windows = lowering.hitWindows.enumerated().map { ", \($0.element) AS at_\($0.offset + 1)" }.joined()
      hits = "(SELECT r.*\(windows) FROM \(hits) r)"
    }
    let lines = try linesSQL()
    let parts = try partsSQL()
    let amountA = try amount(rule.amountA)
    let amountF = try amount(rule.amountF)
    return """
      \(lines)\(parts)\(summed.map(\.sql).joined())-- 结论：同一键的命中是一个发现；由上而下第一个为真的情形定结论，都不为真则无发现。
      -- Findings: hits of one key; the first case that is TRUE gives the verdict.
      \(dialect.createTable) \(table("findings")) AS
      SELECT * FROM (
        SELECT \(dialect.caseOf("g"))\(dialect.literal(rule.id)) AS rule, g.key AS key,
          \(dialect.literal(rule.subjectType.rawValue)) AS subject_type,
          COALESCE(\(subject), '') AS subject,
          \(verdict) AS verdict,
          \(precedence) AS precedence,
          \(amountA) AS amount_fen,
          \(amountF) AS fund_fen
        FROM (
          SELECT \(dialect.caseOf("r"))r.key AS key, min(r.hit) AS first_hit\(aggregates)
          FROM \(hits) r GROUP BY \(dialect.caseOf("r"))r.key) g
          JOIN \(table("hits")) r ON r.hit = g.first_hit\(dialect.isDistributed ? " AND r.key = g.key" : "")
      ) f WHERE f.verdict IS NOT NULL;

      """
  }

  /// The finding's lines, each once.
  private func linesSQL() throws -> String {
    let body: String
    switch rule.lines {
    case .none:
      return ""
    case .members:
      guard let formed = rule.shape.formed, formed.baseEntity == .line else {
        throw lowering.diagnostic("members are lines only of rows formed of lines")
      }
      body = """
        SELECT DISTINCT \(dialect.caseOf("r"))r.key AS key, l.id AS id, l.A AS A, l.F AS F
        FROM \(table("hits")) r JOIN \(table("members")) m ON m.formed_row = r.formed_row
          JOIN counting_line l ON l.id = m.id\(dialect.sameCase("l", "r"))
        """
    case .hits(let binding):
      let id = try lowering.sql(.claim(binding: binding, path: [], column: "id", kind: .text))
      body = """
        SELECT DISTINCT \(dialect.caseOf("r"))r.key AS key, l.id AS id, l.A AS A, l.F AS F
        FROM \(table("hits")) r JOIN counting_line l
          ON l.mdtrt_id || ':' || l.bkkp_sn = \(id)\(dialect.sameCase("l", "r"))
        """
    case .children(let binding, let variable, let condition):
      guard let entity = lowering.entities[binding] else {
        throw lowering.diagnostic("no row is bound to `\(binding)`")
      }
      let key = ClaimSource.key(of: entity)
      let owner = try lowering.sql(.claim(binding: binding, path: [], column: key, kind: .text))
      let source = ClaimSource(child: variable, entity: .line, dialect: dialect)
      body = try lowering.with([variable: source]) {
        let when = dialect.isTrue(try lowering.sql(condition))
        let own = source.column(childOf: entity)
        let columns = ["id", "A", "F"].map { "\(source.column([], $0)) AS \($0)" }.joined(separator: ", ")
        return """
          SELECT DISTINCT \(dialect.caseOf("r"))r.key AS key, \(columns)
          FROM \(table("hits")) r, \(source.from)
          WHERE \(own) = \(owner)\(dialect.sameCase(dialect.quoted(source.alias), "r")) AND \(when)
          """
      }
    }
    return """
      -- 发现所指的明细。 The lines of each finding.
      \(dialect.createTable) \(table("lines")) AS
      \(body);\(dialect.createIndex(table("lines by key"), table("lines"), ["key"]))


      """
  }

  func amount(_ term: AmountTerm) throws -> String {
    switch term {
    case .none: return "0"
    case .sumA, .sumF:
      if rule.lines == .none { return "0" }
      let column = term == .sumA ? "A" : "F"
      // A line without an exact F makes the sum NULL rather than short.
      return "(SELECT CASE WHEN count(*) = count(l.\(column)) THEN COALESCE(\(dialect.sum("l.\(column)")), 0) END"
        + " FROM \(table("lines")) l WHERE l.key = g.key\(dialect.sameCase("l", "g")))"
    case .settlementA(let binding): return try sum("A", "counting_settlement", settlementKey(binding))
    case .settlementP(let binding): return try sum("P", "counting_settlement", settlementKey(binding))
    case .stayA(let binding): return try sum("stay_A", "stay", stayKey(binding))
    case .stayF(let binding): return try sum("stay_F", "stay", stayKey(binding))
    case .partA: return try part("A")
    case .partF: return try part("F")
    case .overPriceA, .overPriceF:
      if rule.lines == .none { return "0" }
      return
        "COALESCE((SELECT \(dialect.sum("o.\(term.isFund ? "fund_over" : "over_fen")")) FROM \(table("over price")) o"
        + " WHERE o.key = g.key\(dialect.sameCase("o", "g"))), 0)"
    }
  }

  /// What names rows to a sum: a column, and its value in a hit.
  private typealias RowKey = (key: String, id: Expr)

  /// How a binding names its settlements: a line's or settlement's own, a visit's, stay's or person's all.
  private func settlementKey(_ binding: String) -> RowKey {
    switch lowering.entities[binding] {
    case .line, .settlement: ("setl_id", .claim(binding: binding, path: [], column: "setl_id", kind: .text))
    case .visit, .stay, nil: ("mdtrt_id", .claim(binding: binding, path: [], column: "mdtrt_id", kind: .text))
    case .diagnosis: ("mdtrt_id", .claim(binding: binding, path: [.visit], column: "mdtrt_id", kind: .text))
    case .person: ("psn_no", .claim(binding: binding, path: [], column: "psn_no", kind: .text))
    }
  }

  /// How a binding names its stay; null where it belongs to none.
  private func stayKey(_ binding: String) -> RowKey {
    let path: [Entity] = lowering.entities[binding] == .stay ? [] : [.stay]
    return ("mdtrt_id", .claim(binding: binding, path: path, column: "mdtrt_id", kind: .text))
  }

  /// The sum over the rows that a finding's hits name, each row once.
  private func sum(_ column: String, _ rows: String, _ by: RowKey) throws -> String {
    let id = try lowering.sql(by.id)
    let identity = rows == "stay" ? "mdtrt_id" : "setl_id"
    var binding = ""
    if case .claim(let named, _, _, _) = by.id { binding = named }
    let name = table((rows == "stay" ? "stays of " : "settlements of ") + binding)
    if !summed.contains(where: { $0.name == name }) {
      let columns = rows == "stay" ? "s.stay_A AS stay_A, s.stay_F AS stay_F" : "s.A AS A, s.P AS P"
      summed.append(
        (
          name,
          """
          -- 发现所计的\(rows == "stay" ? "住院" : "结算")，每个一次。 What each finding sums, each once.
          \(dialect.createTable) \(name) AS
          SELECT DISTINCT \(dialect.caseOf("r"))r.key AS key, s.\(identity) AS id, \(columns)
          FROM \(table("hits")) r JOIN \(rows) s ON s.\(by.key) = \(id)\(dialect.sameCase("s", "r"));\(
            dialect.createIndex(table((rows == "stay" ? "stays by " : "settlements by ") + binding), name, ["key"]))


          """
        ))
    }
    return "(SELECT COALESCE(\(dialect.sum("s.\(column)")), 0) FROM \(name) s"
      + " WHERE s.key = g.key\(dialect.sameCase("s", "g")))"
  }

  // MARK: claims

  private func claimsSQL() throws -> String {
    let nothing = "money_unit u ON FALSE"
    var fen = "u.fen"
    let rows: String
    switch rule.amountF {
    case _ where rule.status == .shadow: rows = nothing
    case .none, .sumA, .settlementA, .stayA: rows = nothing
    case .partA, .overPriceA: rows = nothing
    case .overPriceF:
      fen = "o.fund_over"
      rows =
        rule.lines == .none
        ? nothing
        : "\(table("over price")) o ON o.key = f.key\(dialect.sameCase("o", "f"))"
          + " JOIN money_unit u ON u.line_id = o.id\(dialect.sameCase("u", "o"))"
    case .sumF, .partF:
      rows =
        rule.lines == .none
        ? nothing
        : "\(table("lines")) l ON l.key = f.key\(dialect.sameCase("l", "f"))"
          + " JOIN money_unit u ON u.line_id = l.id\(dialect.sameCase("u", "l"))"
    case .settlementP(let binding):
      let by = settlementKey(binding)
      rows = try unitsOf(by)
    case .stayF(let binding):
      rows = try unitsOf(stayKey(binding))
    }
    return """
      -- 发现所主张的钱的单位。 The units of money each finding claims.
      \(dialect.createTable) \(table("claims")) AS
      SELECT DISTINCT \(dialect.caseOf("f"))f.rule, f.key AS key, u.unit, \(fen) AS fen,
        COALESCE(u.fixmedins_code, '') AS fixmedins_code,
        COALESCE(u.psn_no, '') AS psn_no, u.practitioner
      FROM \(table("findings")) f JOIN \(rows)
      WHERE \(dialect.differs(fen, "0"));

      """
  }

  /// The units of the settlements that a finding's hits name.
  private func unitsOf(_ by: RowKey) throws -> String {
    let id = try lowering.sql(by.id)
    return """
      \(table("hits")) r ON r.key = f.key\(dialect.sameCase("r", "f"))
        JOIN counting_settlement s ON s.\(by.key) = \(id)\(dialect.sameCase("s", "r"))
        JOIN money_unit u ON u.setl_id = s.setl_id\(dialect.sameCase("u", "s"))
      """
  }

  private func lookupComment(_ lookup: Lookup) -> String {
    (lookup.region == nil ? "" : "，按区划次序：六位、地市、省、国家")
      + (lookup.day == nil ? "" : "，当日有效，起止日均含")
  }
}

/// Text fit for a comment line.
func comment(_ text: String) -> String {
  String(text.unicodeScalars.map { $0.value < 0x20 ? " " : Character($0) })
}
