import ClaimModel
import Diagnostics
import RulePacks

/// The whole `verify.sql` of a packet: run by sqlite3 alone over `evidence.sqlite`, it derives the packet's findings
/// anew and yields rule, key, amount_fen, fund_fen, counted_fen of those about the subject, by rule and key.
///
/// It reads claim, registry and context tables, never `finding`. counted_fen follows contract.md section 5: a unit
/// of money goes to its first claimant in the case (precedence, rule, key); 线索 get nothing; a unit counts only if
/// it was paid to the case's institution, for its person, or on a line its practitioner signed.
public func verifySQL(
  rules: [Rule], subjectType: SubjectType, subject: String, dialect: Dialect = .sqlite
) throws(Diagnostics) -> String {
  var texts: [String] = []
  var problems: [Diagnostic] = []
  let rules = rules.sorted { $0.id.utf8.lexicographicallyPrecedes($1.id.utf8) }
  for rule in rules {
    do {
      texts.append(try ruleSQL(rule, dialect: dialect))
    } catch {
      problems += error.all
    }
  }
  if !problems.isEmpty { throw Diagnostics(problems) }
  func union(_ part: String, _ columns: String, _ empty: String) -> String {
    if rules.isEmpty { return empty }
    return rules.map { "SELECT \(columns) FROM \(dialect.quoted($0.id + " " + part)) x" }
      .joined(separator: "\nUNION ALL\n")
  }
  let findings = union(
    "findings",
    "x.rule, x.key AS key, x.subject_type, x.subject, x.verdict, x.precedence, x.amount_fen, x.fund_fen",
    "SELECT '' AS rule, '' AS key, '' AS subject_type, '' AS subject, '' AS verdict, 0 AS precedence,"
      + " 0 AS amount_fen, 0 AS fund_fen WHERE FALSE")
  let claims = union(
    "claims", "x.rule, x.key AS key, x.unit, x.fen, x.fixmedins_code, x.psn_no, x.practitioner",
    "SELECT '' AS rule, '' AS key, '' AS unit, 0 AS fen, '' AS fixmedins_code, '' AS psn_no, '' AS practitioner"
      + " WHERE FALSE")
  let paid: String
  switch subjectType {
  case .institution: paid = "c.fixmedins_code = \(dialect.literal(subject))"
  case .person: paid = "c.psn_no = \(dialect.literal(subject))"
  case .practitioner: paid = "c.practitioner = \(dialect.literal(subject))"
  // No rule of today has a group; its members are not in the evidence.
  case .group: paid = "FALSE"
  }
  return """
    -- 本文件由规则生成，只需 sqlite3（3.40 或更高）即可复算，不需要其他软件，也不改动证据库：
    --   sqlite3 -readonly evidence.sqlite < verify.sql
    -- 输出：规则|键|涉及金额（分）|基金金额（分）|计入金额（分）。只读明细、结算、就诊、诊断、登记与 context 表，不读 finding 表。
    -- Generated from the rules; sqlite3 alone derives the findings anew and leaves the evidence as it is:
    --   sqlite3 -readonly evidence.sqlite < verify.sql
    -- Output: rule|key|amount_fen|fund_fen|counted_fen. It reads claim, registry and context tables, never `finding`.
    -- 日期为自1970-01-01起的日数，金额为分；见 column_unit 表。 Days count from 1970-01-01, money is in fen.

    -- ==== 一、哪些行计入，金额如何分摊 · Rows that count, and amounts ====
    \(preludeSQL(dialect: dialect))
    -- ==== 二、规则 · The rules ====
    \(texts.joined(separator: "\n"))
    -- ==== 三、汇总 · Together ====
    \(dialect.createTable) every_finding AS
    \(findings);

    \(dialect.createTable) every_claim AS
    \(claims);

    -- 本案的发现：对象是 \(subjectType.rawValue) \(comment(subject))。 Findings about the subject of the case.
    \(dialect.createTable) case_finding AS
    SELECT * FROM every_finding f
    WHERE f.subject_type = \(dialect.literal(subjectType.rawValue)) AND f.subject = \(dialect.literal(subject));

    -- 一分钱只计一次：每个单位归次序最先的发现（优先次序、规则、键）；线索不计；只计付给（或为）本案对象的钱。
    -- One fen once: each unit goes to its first claimant in the case; leads count nothing.
    \(dialect.createTable) counted_unit AS
    SELECT w.rule, w.key AS key, w.unit, w.fen FROM (
      SELECT c.rule, c.key, c.unit, c.fen,
        row_number() OVER (PARTITION BY c.unit ORDER BY f.precedence, f.rule, f.key) AS place
      FROM every_claim c JOIN case_finding f ON f.rule = c.rule AND f.key = c.key
      WHERE f.verdict <> '线索' AND \(paid)
    ) w WHERE w.place = 1;
    CREATE INDEX counted_unit_by_key ON counted_unit (rule, key);

    SELECT f.rule AS rule, f.key AS key, f.amount_fen AS amount_fen, f.fund_fen AS fund_fen,
      COALESCE((SELECT sum(u.fen) FROM counted_unit u WHERE u.rule = f.rule AND u.key = f.key), 0) AS counted_fen
    FROM case_finding f
    ORDER BY f.rule, f.key;

    """
}
