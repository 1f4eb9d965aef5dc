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
    + "SELECT * FROM \(dialect.quoted(rule.id + " findings")) f ORDER BY f.key;\n"
}

private final class RuleLowering {
  let rule: Rule
  let dialect: Dialect
  let lowering: ExpressionLowering
  /// Tables of what findings sum, made before the findings.
  private var summed: [(name: String, sql: String)] = []

  init(_ rule: Rule, _ dialect: Dialect) {
    self.rule = rule
    self.dialect = dialect
    lowering = ExpressionLowering(rule: rule, dialect: dialect)
  }

  private func table(_ part: String) -> String { dialect.quoted(rule.id + " " + part) }

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
      sources[binding.name] = ClaimSource(alias: binding.name, entity: binding.entity, dialect: dialect)
    }
    var conditions: [String] = []
    var comment = "规则所看的行。 The rows the rule looks at."
    if case .formed = rule.shape { throw lowering.diagnostic("formed rows are not written yet") }
    if case .pair(let a, let b, let match, let order) = rule.shape {
      comment = "规则所看的成对的行。 The pairs of rows the rule looks at."
      try lowering.with(sources) {
        for pair in match { conditions.append("\(try lowering.operand(pair.a)) = \(try lowering.operand(pair.b))") }
      }
      if let column = dialect.caseColumn {
        conditions.append("\(dialect.quoted(a.binding)).\(column) = \(dialect.quoted(b.binding)).\(column)")
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
    let issue = try lowering.firstIsAtIssue().map { ",\n  \($0) AS \(dialect.quoted("first is at issue"))" } ?? ""
    let columns = lowering.demanded.map { wanted -> String in
      let text = sources[wanted.binding]?.column(wanted.path, wanted.column) ?? "NULL"
      return "    \(text) AS \(dialect.quoted(wanted.name))"
    }
    let first = rule.shape.bindings.first.map { dialect.caseOf(dialect.quoted($0.name)) } ?? ""
    let from = rule.shape.bindings.compactMap { sources[$0.name]?.from }
    let matched = conditions.isEmpty ? "" : "\n  WHERE \(conditions.joined(separator: " AND "))"
    return """
      -- \(comment)
      \(dialect.createTable) \(table("rows")) AS
      SELECT r.*\(issue) FROM (
        SELECT \(first)
      \(columns.joined(separator: ",\n"))
        FROM \(from.joined(separator: ",\n  "))\(matched)
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
      add("r.\(dialect.quoted(lookup.name + ".unknown")) <> 2", "登记行有效期重叠，不可评价 overlapping registry rows")
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
    let order = orderOfHits().joined(separator: ", ")
    return """
      -- 命中：条件为真，没有除外或豁免为真；空值既不命中也不豁免。
      -- Hits: conditions are TRUE, no exemption is; NULL neither fires nor excuses.
      \(dialect.createTable) \(table("hits")) AS
      SELECT r.*, \(key.isEmpty ? "''" : key) AS key,
        row_number() OVER (ORDER BY \(order)) AS hit
      FROM \(previous) r
      \(conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: "\n  AND ") + "\n");\(dialect.createIndex(table("hits by key"), table("hits"), ["key"]))

      """
  }

  /// The order of hits: by the keys of their rows, then by the groups of registry rows.
  private func orderOfHits() -> [String] {
    var order = lowering.demanded.prefix(rule.shape.bindings.count).map { "r.\(dialect.quoted($0.name))" }
    for lookup in rule.lookups {
      if case .groups(let column) = lookup.take { order.append("r.\(dialect.quoted(lookup.name + "." + column))") }
    }
    return order
  }

  /// A part of the key as it is printed: days and times as dates, amounts as plain decimals, null as nothing.
  private func keyText(_ expr: Expr) throws -> String {
    let text = try lowering.operand(expr)
    switch expr.kind(in: rule) {
    case .text, nil: return "COALESCE(\(text), '')"
    case .integer: return "COALESCE(\(dialect.decimal(text)), '')"
    case .day: return "COALESCE(\(dialect.dayText(text)), '')"
    case .time: return "COALESCE(\(dialect.timeText(text)), '')"
    case .money, .quantity, .price, .ratio:
      let scale = expr.kind(in: rule)?.scale ?? 0
      let unit = "1" + String(repeating: "0", count: scale)
      let whole = dialect.decimal("(\(dialect.quotient("abs(\(text))", unit)))")
      let fraction = dialect.padded("(abs(\(text)) % \(unit))", scale)
      return "COALESCE(CASE WHEN \(text) < 0 THEN '-' ELSE '' END || \(whole) || '.' || \(fraction), '')"
    }
  }

  // MARK: findings

  private func findingsSQL() throws -> String {
    lowering.hitAggregates = []
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
    let lines = try linesSQL()
    let amountA = try amount(rule.amountA)
    let amountF = try amount(rule.amountF)
    return """
      \(lines + summed.map(\.sql).joined())-- 结论：同一键的命中是一个发现；由上而下第一个为真的情形定结论，都不为真则无发现。
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
          FROM \(table("hits")) r GROUP BY \(dialect.caseOf("r"))r.key) g
          JOIN \(table("hits")) r ON r.hit = g.first_hit
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
        let own = source.column([], key)
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

  private func amount(_ term: AmountTerm) throws -> String {
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
    let identity = rows == "stay" ? "mdtrt_id" : "setl_id"
    var binding = ""
    if case .claim(let named, _, _, _) = by.id { binding = named }
    let name = table((rows == "stay" ? "stays of " : "settlements of ") + binding)
    if !summed.contains(where: { $0.name == name }) {
      let columns = rows == "stay" ? "s.stay_A AS stay_A, s.stay_F AS stay_F" : "s.A AS A, s.P AS P"
      summed.append(
        (name, """
          -- 发现所计的\(rows == "stay" ? "住院" : "结算")，每个一次。 What each finding sums, each once.
          \(dialect.createTable) \(name) AS
          SELECT DISTINCT \(dialect.caseOf("r"))r.key AS key, s.\(identity) AS id, \(columns)
          FROM \(table("hits")) r JOIN \(rows) s ON s.\(by.key) = \(id)\(dialect.sameCase("s", "r"));\(
            dialect.createIndex(table((rows == "stay" ? "stays by " : "settlements by ") + binding), name, ["key"]))


          """))
    }
    return "(SELECT COALESCE(\(dialect.sum("s.\(column)")), 0) FROM \(name) s"
      + " WHERE s.key = g.key\(dialect.sameCase("s", "g")))"
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
        ? nothing : "\(table("lines")) l ON l.key = f.key\(dialect.sameCase("l", "f"))"
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
      SELECT DISTINCT \(dialect.caseOf("f"))f.rule, f.key AS key, u.unit, u.fen, COALESCE(u.fixmedins_code, '') AS fixmedins_code,
        COALESCE(u.psn_no, '') AS psn_no, u.practitioner
      FROM \(table("findings")) f JOIN \(rows)
      WHERE \(dialect.differs("u.fen", "0"));

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
