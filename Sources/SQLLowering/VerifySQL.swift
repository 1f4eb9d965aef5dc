import ClaimModel
import Diagnostics
import RulePacks

/// The whole `verify.sql` of a packet: run by sqlite3 alone over `evidence.sqlite`, it derives the packet's findings
/// anew and yields rule, key, amount_fen, fund_fen, counted_fen of those about the subject, by rule and key.
///
/// It reads claim, registry and context tables, never `finding`. counted_fen is given as claims.md says: a unit
/// of money goes to its first claimant in the case (precedence, rule, key); 线索 get nothing; a unit counts only if
/// it was paid to the case's institution, for its person, or on a line its practitioner signed. A finding whose amount
/// is a part takes of its units, in byte order, until its fund_fen is spent.
///
/// Facts about populations are read from `context`, because a case's evidence does not hold the population.
public func verifySQL(
  rules: [Rule], subjectType: SubjectType, subject: String, dialect: Dialect = .sqlite,
  populations: PopulationSource = .context
) throws(Diagnostics) -> String {
  var texts: [String] = []
  var problems: [Diagnostic] = []
  let rules = rules.sorted { bytesPrecede($0.id, $1.id) }
  for rule in rules {
    do {
      texts.append(try ruleSQL(rule, dialect: dialect, populations: populations))
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
  let partial = partialSQL(rules, paid: paid, dialect)
  return """
    -- 本文件由规则生成，只需 sqlite3（3.40 或更高）即可复算，不需要其他软件，也不改动证据库：
    --   sqlite3 -readonly evidence.sqlite < verify.sql
    -- 输出：规则|键|涉及金额（分）|基金金额（分）|计入金额（分）。只读明细、结算、就诊、诊断、登记与 context 表，不读 finding 表。
    -- Generated from the rules; sqlite3 alone derives the findings anew and leaves the evidence as it is:
    --   sqlite3 -readonly evidence.sqlite < verify.sql
    -- Output: rule|key|amount_fen|fund_fen|counted_fen. It reads claim, registry and context tables, never `finding`.
    -- 日期为自1970-01-01起的日数，金额为分；见 column_unit 表。 Days count from 1970-01-01, money is in fen.

    -- ==== 一、哪些行计入，金额如何分摊 · Rows that count, and amounts ====
    \(preludeSQL(dialect: dialect, persons: rules.contains(where: \.readsPersons)))
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
    \(partial.text)\(dialect.createTable) counted_unit AS
    SELECT w.rule, w.key AS key, w.unit, w.fen FROM (
      SELECT c.rule, c.key, c.unit, c.fen,
        row_number() OVER (PARTITION BY c.unit ORDER BY f.precedence, f.rule, f.key) AS place
      FROM every_claim c JOIN case_finding f ON f.rule = c.rule AND f.key = c.key
      WHERE f.verdict <> '线索' AND \(paid)\(partial.others)
    ) w WHERE w.place = 1\(partial.union);
    CREATE INDEX counted_unit_by_key ON counted_unit (rule, key);

    SELECT f.rule AS rule, f.key AS key, f.amount_fen AS amount_fen, f.fund_fen AS fund_fen,
      COALESCE((SELECT sum(u.fen) FROM counted_unit u WHERE u.rule = f.rule AND u.key = f.key), 0) AS counted_fen
    FROM case_finding f
    ORDER BY f.rule, f.key;

    """
}

/// How units are given to findings that take only a part of them.
private struct PartialTaking {
  var text = ""
  /// Leaves out the units taken so.
  var others = ""
  var union = ""
}

/// Where a rule's amount is a part, its findings take of each unit what is left, in byte order, until their fund_fen is
/// spent; what is left of a unit depends on who came before. So all claims on these units are walked in the order of
/// findings and units, one step a claim; what is left of the units that several claim is carried as a list.
private func partialSQL(_ rules: [Rule], paid: String, _ dialect: Dialect) -> PartialTaking {
  let names = rules.filter { $0.amountF.isPart }.map { dialect.literal($0.id) }.joined(separator: ", ")
  if names.isEmpty { return PartialTaking() }
  return PartialTaking(
    text: """
      -- 部分金额的发现按单位编号的字节次序取用，取满为止；涉及这些单位的主张逐条推算。
      -- Claims on units of which some finding takes a part, in the order in which they are served.
      \(dialect.createTable) claim_in_turn AS
      SELECT row_number() OVER (ORDER BY t.precedence, t.rule, t.key, t.unit) AS turn, t.*,
        dense_rank() OVER (ORDER BY t.unit) AS unit_number,
        count(*) OVER (PARTITION BY t.unit) AS claimants, max(t.fen) OVER (PARTITION BY t.unit) AS worth,
        row_number() OVER (PARTITION BY t.rule, t.key ORDER BY t.unit) AS place
      FROM (
        SELECT f.precedence, c.rule, c.key, c.unit, c.fen, f.fund_fen
        FROM every_claim c JOIN case_finding f ON f.rule = c.rule AND f.key = c.key
        WHERE f.verdict <> '线索' AND \(paid) AND c.unit IN (SELECT e.unit FROM every_claim e WHERE e.rule IN (\(names)))
      ) t;
      CREATE INDEX claim_in_turn_by_turn ON claim_in_turn (turn);

      \(dialect.createTable) part_taken AS
      WITH RECURSIVE taking(turn, fen, unspent, rest) AS (
        SELECT 0, 0, 0, '{}'
        UNION ALL
        SELECT t.turn,
          min(t.fen, COALESCE(json_extract(k.rest, '$.u' || t.unit_number), t.worth),
            CASE WHEN t.place = 1 THEN t.fund_fen ELSE k.unspent END),
          CASE WHEN t.place = 1 THEN t.fund_fen ELSE k.unspent END
            - min(t.fen, COALESCE(json_extract(k.rest, '$.u' || t.unit_number), t.worth),
              CASE WHEN t.place = 1 THEN t.fund_fen ELSE k.unspent END),
          CASE WHEN t.claimants = 1 THEN k.rest ELSE json_set(k.rest, '$.u' || t.unit_number,
            COALESCE(json_extract(k.rest, '$.u' || t.unit_number), t.worth)
              - min(t.fen, COALESCE(json_extract(k.rest, '$.u' || t.unit_number), t.worth),
                CASE WHEN t.place = 1 THEN t.fund_fen ELSE k.unspent END)) END
        FROM taking k JOIN claim_in_turn t ON t.turn = k.turn + 1)
      SELECT t.rule, t.key AS key, t.unit, k.fen FROM taking k JOIN claim_in_turn t ON t.turn = k.turn
      WHERE k.fen > 0;


      """,
    others: "\n        AND c.unit NOT IN (SELECT t.unit FROM claim_in_turn t)",
    union: "\n    UNION ALL\n    SELECT p.rule, p.key, p.unit, p.fen FROM part_taken p")
}

extension AmountTerm {
  /// Claims on units of money may exceed the amount.
  fileprivate var isPart: Bool {
    switch self {
    case .partF, .overPriceF: true
    case .none, .sumA, .sumF, .settlementA, .settlementP, .stayA, .stayF, .partA, .overPriceA: false
    }
  }
}
