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
public func ruleSQL(_ rule: Rule, dialect: Dialect = .sqlite) throws(Diagnostics) -> String {
  do {
    return try RuleLowering(rule, dialect).text()
  } catch let error as Diagnostics {
    throw error
  } catch {
    throw Diagnostics([Diagnostic(.error, "sql.unsupported", "rule \(rule.id): \(error)")])
  }
}

/// The rule's own SQL with its findings at the end, for `explain`; it needs `preludeSQL` before it.
public func sourceSQL(_ rule: Rule, dialect: Dialect = .sqlite) throws(Diagnostics) -> String {
  try ruleSQL(rule, dialect: dialect)
    + "SELECT * FROM \(Dialect.name(rule.id + " findings")) f ORDER BY f.\"key\";\n"
}

private struct RuleLowering {
  let rule: Rule
  let dialect: Dialect
  let lowering: ExpressionLowering

  init(_ rule: Rule, _ dialect: Dialect) {
    self.rule = rule
    self.dialect = dialect
    lowering = ExpressionLowering(rule: rule, dialect: dialect)
  }

  private func table(_ part: String) -> String { Dialect.name(rule.id + " " + part) }

  func text() throws -> String {
    // Written from the end: what the later steps ask for is what the earlier ones select.
    demandKeys()
    let findings = try findingsSQL()
    let claims = try claimsSQL()
    let hits = try hitsSQL()
    // Later lookups may use columns of earlier ones.
    var lookups: [String] = []
    for (place, lookup) in rule.lookups.enumerated().reversed() {
      let previous = place == 0 ? table("rows") : table("lookup " + rule.lookups[place - 1].name)
      lookups.append(
        """
        -- 查找 \(comment(lookup.name))：\(lookup.table)\(lookupComment(lookup))
        -- Lookup \(comment(lookup.name)) in \(lookup.table).
        \(dialect.createTable) \(table("lookup " + lookup.name)) AS
        \(try LookupLowering(lookup, lowering).select(from: previous));

        """)
    }
    let rows = try rowsSQL()
    let title = "-- ==== \(comment(rule.id)) v\(rule.version) \(comment(rule.nameZh)) \(comment(rule.nameEn)) ====\n"
    return ([title + rows] + lookups.reversed() + [hits, findings, claims]).joined(separator: "\n")
  }

  /// What names a row, so that no two rows are taken for one.
  private func demandKeys() {
    for binding in rule.shape.bindings {
      let key =
        switch binding.entity {
        case .line: "id"
        case .settlement: "setl_id"
        case .visit, .stay: "mdtrt_id"
        case .diagnosis: "setl_list_diag_id"
        }
      _ = try? lowering.sql(.claim(binding: binding.name, path: [], column: key, kind: .text))
    }
  }

  // MARK: rows

  private func rowsSQL() throws -> String {
    var sources: [String: ClaimSource] = [:]
    for binding in rule.shape.bindings {
      sources[binding.name] = ClaimSource(alias: binding.name, entity: binding.entity)
    }
    var conditions: [String] = []
    var comment = "规则所看的行。 The rows the rule looks at."
    if case .formed = rule.shape { throw lowering.diagnostic("formed rows are not written yet") }
    if case .pair(let a, let b, let match, let order) = rule.shape {
      comment = "规则所看的成对的行。 The pairs of rows the rule looks at."
      try lowering.with(sources) {
        for pair in match { conditions.append("\(try lowering.operand(pair.a)) = \(try lowering.operand(pair.b))") }
      }
      if case .adjacent = order { throw lowering.diagnostic("adjacent rows are not written yet") }
      if case .unordered(let column) = order, let x = sources[a.binding], let y = sources[b.binding] {
        conditions.append("\(x.column([], column)) < \(y.column([], column))")
      }
    }
    // Parts of the scope that need no registry are applied here; AND is TRUE only where all its parts are.
    var parts = [rule.scope]
    if case .and(let list) = rule.scope { parts = list }
    let early = try parts.filter { !$0.usesRegistry && $0 != .boolean(true) }.map {
      dialect.isTrue(try lowering.sql($0))
    }
    let issue = try lowering.firstIsAtIssue().map { ",\n  \($0) AS \"first is at issue\"" } ?? ""
    let columns = lowering.demanded.map { wanted -> String in
      let text = sources[wanted.binding]?.column(wanted.path, wanted.column) ?? "NULL"
      return "    \(text) AS \(Dialect.name(wanted.name))"
    }
    let from = rule.shape.bindings.compactMap { sources[$0.name]?.from }
    let matched = conditions.isEmpty ? "" : "\n  WHERE \(conditions.joined(separator: " AND "))"
    return """
      -- \(comment)
      \(dialect.createTable) \(table("rows")) AS
      SELECT r.*\(issue) FROM (
        SELECT
      \(columns.joined(separator: ",\n"))
        FROM \(from.joined(separator: "\n  JOIN "))\(matched)
      ) r\(early.isEmpty ? "" : "\nWHERE " + early.joined(separator: "\n  AND "));

      """
  }

  // MARK: hits

  private func hitsSQL() throws -> String {
    var conditions: [String] = []
    func add(_ text: String, _ comment: String) { conditions.append("\(text)  -- \(comment)") }
    var scope = [rule.scope]
    if case .and(let list) = rule.scope { scope = list }
    for part in scope where part.usesRegistry { add(dialect.isTrue(try lowering.sql(part)), "范围 scope") }
    // A rule that says itself when a lookup's overlapping rows matter is taken at its word.
    let spoken = rule.unevaluable.reduce(into: Set<String>()) { $0.formUnion($1.when.lookupNames) }
    for lookup in rule.lookups where !spoken.contains(lookup.name) {
      if case .groups = lookup.take { continue }
      add("r.\(Dialect.name(lookup.name + ".unknown")) <> 2", "登记行有效期重叠，不可评价 overlapping registry rows")
    }
    for row in rule.unevaluable {
      add("NOT \(dialect.isTrue(try lowering.sql(row.when)))", "不可评价 unevaluable: \(comment(row.reason))")
    }
    if rule.condition != .boolean(true) { add(dialect.isTrue(try lowering.sql(rule.condition)), "命中条件 hit") }
    for condition in rule.unless { add("NOT \(dialect.isTrue(try lowering.sql(condition)))", "除外 unless") }
    for exemption in rule.exemptions {
      add("NOT \(dialect.isTrue(try lowering.sql(exemption.when)))", "豁免 \(comment(exemption.id))")
    }
    let key = try rule.key.map(keyText).joined(separator: " || '|' || ")
    let previous = rule.lookups.last.map { table("lookup " + $0.name) } ?? table("rows")
    let order = rule.shape.bindings.indices.map { "\($0 + 1)" }.joined(separator: ", ")
    return """
      -- 命中：条件为真，没有除外或豁免为真；空值既不命中也不豁免。
      -- Hits: conditions are TRUE, no exemption is; NULL neither fires nor excuses.
      \(dialect.createTable) \(table("hits")) AS
      SELECT r.*, \(key.isEmpty ? "''" : key) AS "key"
      FROM \(previous) r
      \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: "\n  AND ") + "\n")ORDER BY \(order);
      CREATE INDEX \(table("hits by key")) ON \(table("hits")) ("key");

      """
  }

  /// A part of the key as it is printed: days and times as dates, amounts as plain decimals, null as nothing.
  private func keyText(_ expr: Expr) throws -> String {
    let text = try lowering.operand(expr)
    switch expr.kind(in: rule) {
    case .text, .integer, nil: return "COALESCE(\(text), '')"
    case .day: return "COALESCE(date(\(text) * 86400, 'unixepoch'), '')"
    case .time: return "COALESCE(datetime(\(text), 'unixepoch'), '')"
    case .money, .quantity, .price, .ratio:
      let scale = expr.kind(in: rule)?.scale ?? 0
      let unit = "1" + String(repeating: "0", count: scale)
      return "COALESCE(CASE WHEN \(text) < 0 THEN '-' ELSE '' END || (abs(\(text)) / \(unit))"
        + " || substr(printf('.%0\(scale)d', abs(\(text)) % \(unit)), 1), '')"
    }
  }

  // MARK: findings

  private func findingsSQL() throws -> String {
    lowering.hitAggregates = []
    var verdict = "CASE"
    var precedence = "CASE"
    for verdictCase in rule.cases {
      let when = try lowering.sql(verdictCase.when)
      verdict += "\n      WHEN \(when) THEN \(Dialect.literal(verdictCase.verdict.rawValue))"
      precedence += "\n      WHEN \(when) THEN \(verdictCase.precedence)"
    }
    if rule.cases.isEmpty {
      verdict = "NULL"
      precedence = "NULL"
    } else {
      verdict += " END"
      precedence += " END"
    }
    let subject = try lowering.operand(rule.subject)
    let aggregates = (lowering.hitAggregates ?? []).enumerated()
      .map { ",\n        \($0.element) AS hits_\($0.offset + 1)" }.joined()
    lowering.hitAggregates = nil
    return """
      \(try linesSQL())-- 结论：同一键的命中是一个发现；由上而下第一个为真的情形定结论，都不为真则无发现。
      -- Findings: hits of one key; the first case that is TRUE gives the verdict.
      \(dialect.createTable) \(table("findings")) AS
      SELECT * FROM (
        SELECT \(Dialect.literal(rule.id)) AS rule, g."key" AS "key",
          \(Dialect.literal(rule.subjectType.rawValue)) AS subject_type,
          COALESCE(\(subject), '') AS subject,
          \(verdict) AS verdict,
          \(precedence) AS precedence,
          \(try amount(rule.amountA)) AS amount_fen,
          \(try amount(rule.amountF)) AS fund_fen
        FROM (
          SELECT r."key" AS "key", min(r.rowid) AS first_hit\(aggregates)
          FROM \(table("hits")) r GROUP BY r."key") g
          JOIN \(table("hits")) r ON r.rowid = g.first_hit
      ) f WHERE f.verdict IS NOT NULL;

      """
  }

  /// The finding's lines, each once.
  private func linesSQL() throws -> String {
    let body: String
    switch rule.lines {
    case .none:
      return ""
    case .members: throw lowering.diagnostic("lines of formed rows are not written yet")
    case .hits(let binding):
      let id = try lowering.sql(.claim(binding: binding, path: [], column: "id", kind: .text))
      body = """
        SELECT DISTINCT r."key" AS "key", l.id AS id, l.A AS A, l.F AS F
        FROM \(table("hits")) r JOIN counting_line l ON l.mdtrt_id || ':' || l.bkkp_sn = \(id)
        """
    case .children(let binding, let variable, let condition):
      guard let entity = lowering.entities[binding] else {
        throw lowering.diagnostic("no row is bound to `\(binding)`")
      }
      let key = ClaimSource.key(of: entity)
      let owner = try lowering.sql(.claim(binding: binding, path: [], column: key, kind: .text))
      let source = ClaimSource(child: variable, entity: .line)
      body = try lowering.with([variable: source]) {
        let when = dialect.isTrue(try lowering.sql(condition))
        let own = source.column([], key)
        let columns = ["id", "A", "F"].map { "\(source.column([], $0)) AS \($0)" }.joined(separator: ", ")
        return """
          SELECT DISTINCT r."key" AS "key", \(columns)
          FROM \(table("hits")) r JOIN \(source.from)
          WHERE \(own) = \(owner) AND \(when)
          """
      }
    }
    return """
      -- 发现所指的明细。 The lines of each finding.
      \(dialect.createTable) \(table("lines")) AS
      \(body);
      CREATE INDEX \(table("lines by key")) ON \(table("lines")) ("key");


      """
  }

  private func amount(_ term: AmountTerm) throws -> String {
    switch term {
    case .none: return "0"
    case .sumA, .sumF:
      if rule.lines == .none { return "0" }
      let column = term == .sumA ? "A" : "F"
      // A line without an exact F makes the sum NULL rather than short.
      return "(SELECT CASE WHEN count(*) = count(l.\(column)) THEN COALESCE(sum(l.\(column)), 0) END"
        + " FROM \(table("lines")) l WHERE l.\"key\" = g.\"key\")"
    case .settlementA(let binding): return try sum("A", "counting_settlement", settlementKey(binding))
    case .settlementP(let binding): return try sum("P", "counting_settlement", settlementKey(binding))
    case .stayA(let binding): return try sum("stay_A", "stay", stayKey(binding))
    case .stayF(let binding): return try sum("stay_F", "stay", stayKey(binding))
    case .partA, .partF, .overPriceA, .overPriceF: throw lowering.diagnostic("amount not written yet")
    }
  }

  /// What names rows to a sum: a column, and its value in a hit.
  private typealias RowKey = (key: String, id: Expr)

  /// How a binding names its settlements: a line's or settlement's own, a visit's or stay's all.
  private func settlementKey(_ binding: String) -> RowKey {
    switch lowering.entities[binding] {
    case .line, .settlement: ("setl_id", .claim(binding: binding, path: [], column: "setl_id", kind: .text))
    case .visit, .stay, nil: ("mdtrt_id", .claim(binding: binding, path: [], column: "mdtrt_id", kind: .text))
    case .diagnosis: ("mdtrt_id", .claim(binding: binding, path: [.visit], column: "mdtrt_id", kind: .text))
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
    return "(SELECT COALESCE(sum(s.\(column)), 0) FROM \(rows) s"
      + " WHERE s.\(by.key) IN (SELECT \(id) FROM \(table("hits")) r WHERE r.\"key\" = g.\"key\"))"
  }

  // MARK: claims

  private func claimsSQL() throws -> String {
    let nothing = "money_unit u ON FALSE"
    let rows: String
    switch rule.amountF {
    case _ where rule.status == .shadow: rows = nothing
    case .none, .sumA, .settlementA, .stayA: rows = nothing
    case .partA, .partF, .overPriceA, .overPriceF: throw lowering.diagnostic("amount not written yet")
    case .sumF:
      rows =
        rule.lines == .none
        ? nothing : "\(table("lines")) l ON l.\"key\" = f.\"key\" JOIN money_unit u ON u.line_id = l.id"
    case .settlementP(let binding):
      let by = settlementKey(binding)
      rows = try unitsOf(by)
    case .stayF(let binding):
      rows = try unitsOf(stayKey(binding))
    }
    return """
      -- 发现所主张的钱的单位。 The units of money each finding claims.
      \(dialect.createTable) \(table("claims")) AS
      SELECT DISTINCT f.rule, f."key" AS "key", u.unit, u.fen, COALESCE(u.fixmedins_code, '') AS fixmedins_code,
        COALESCE(u.psn_no, '') AS psn_no, u.practitioner
      FROM \(table("findings")) f JOIN \(rows)
      WHERE u.fen IS NOT 0;

      """
  }

  /// The units of the settlements that a finding's hits name.
  private func unitsOf(_ by: RowKey) throws -> String {
    let id = try lowering.sql(by.id)
    return """
      \(table("hits")) r ON r."key" = f."key"
        JOIN counting_settlement s ON s.\(by.key) = \(id) JOIN money_unit u ON u.setl_id = s.setl_id
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
