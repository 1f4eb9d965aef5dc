import ClaimModel

/// The intermediate results that turn uploaded rows into rows that count: claims.md 1.2-1.8 and 2, whose
/// numbers stand in the script's comments.
///
/// They leave `counting_line`, `counting_settlement` and `stay` beside the evidence tables `visit` and `diagnosis`:
/// one table an entity, all national columns net, and the derived columns of `Entity.derived`. `person` is there only
/// if asked for: rules of `Rule.readsPersons` need it.
public func preludeSQL(dialect: Dialect = .sqlite, persons: Bool = false) -> String {
  let create = dialect.createTable
  // Index statements and case columns as they stand in the texts below.
  func index(_ name: String, _ table: String, _ columns: String...) -> String {
    dialect.createIndex(name, table, columns)
  }
  func same(_ a: String, _ b: String) -> String { dialect.sameCase(a, b) }
  func own(_ alias: String) -> String { dialect.caseOf(alias) }
  func day(_ time: String) -> String { dayOf(time, dialect) }
  let lineColumns = Entity.line.table.columns
  let lineNames = lineColumns.map { "l.\($0.name)" }
  let settlementNames = Entity.settlement.table.columns.map { "s.\($0.name)" }
  let visitNames = Entity.visit.table.columns.map { "v.\($0.name)" }
  let categories = ["visit_class", "opsp_flag", "reg_flag"]

  return """
    -- 1.2 计入的结算：未退费、不是退费行、没有被别的有效结算指为原结算、结算类别未被排除、就诊不在院。
    -- 1.2 Settlements that count.
    \(create) settlement_kept AS
    SELECT s.*,
      COALESCE(s.begndate, \(day("s.setl_time"))) AS day,
      COALESCE(v.med_type, s.med_type) AS visit_med_type
    FROM settlement s LEFT JOIN visit v ON v.mdtrt_id = s.mdtrt_id\(same("v", "s"))
    WHERE \(dialect.differs("s.refd_setl_flag", "'1'"))
      AND s.init_setl_id IS NULL
      AND NOT EXISTS (SELECT 1 FROM settlement o WHERE o.init_setl_id = s.setl_id\(same("o", "s")))
      AND NOT EXISTS (SELECT 1 FROM context c WHERE c.what = 'excluded_setl_type' AND c.value = s.setl_type\(same("c", "s")))
      AND \(dialect.differs("v.inhosp_stas", "'1'"));\(index("settlement_kept_by_setl_id", "settlement_kept", "setl_id"))

    -- 1.3 未计入的结算、空或未知 setl_id 的明细不看。 1.3 Lines of settlements that count.
    \(create) line_kept AS
    SELECT l.\(dialect.rowNumber) AS line_row, l.* FROM line l
    WHERE l.setl_id IN (SELECT k.setl_id FROM settlement_kept k\(
      dialect.caseColumn.map { " WHERE k.\($0) = l.\($0)" } ?? ""));\(index("line_kept_by_bkkp_sn", "line_kept", "mdtrt_id", "bkkp_sn"))

    -- 1.4 指明原流水号的冲销：负数明细的 init_feedetl_sn 是同一就诊一条正数明细的 bkkp_sn。
    -- 1.4 Linked reversals: the negative line and its original.
    \(create) linked_reversal AS
    SELECT o.line_row AS original_row, n.*
    FROM line_kept n JOIN line_kept o ON o.mdtrt_id = n.mdtrt_id AND o.bkkp_sn = n.init_feedetl_sn\(same("o", "n"))
    WHERE n.cnt < 0 AND o.cnt > 0;\(index("linked_reversal_by_original", "linked_reversal", "original_row"))

    -- 1.5 未指明原流水号的冲销：同一就诊、编码、单价、数量绝对值为一组，组内有几条负数，
    -- 就去掉几条最晚的正数明细（不晚于最晚的负数；时间相同时 bkkp_sn 大者先去）。
    -- 1.5 Paired reversals: how many in each group, and the positive lines they remove.
    \(create) unlinked_negative AS
    SELECT \(own("n"))n.mdtrt_id, n.med_list_codg, n.pric, -n.cnt AS cnt, count(*) AS how_many,
      max(n.fee_ocur_time) AS latest
    FROM line_kept n
    WHERE n.cnt < 0 AND n.med_list_codg IS NOT NULL AND n.pric IS NOT NULL
      AND n.line_row NOT IN (SELECT r.line_row FROM linked_reversal r)
    GROUP BY \(own("n"))n.mdtrt_id, n.med_list_codg, n.pric, n.cnt;

    \(create) paired_line AS
    SELECT x.line_row FROM (
      SELECT p.line_row, g.how_many,
        row_number() OVER (PARTITION BY \(own("p"))p.mdtrt_id, p.med_list_codg, p.pric, p.cnt
          ORDER BY \(dialect.descending("p.fee_ocur_time")), \(dialect.descending("p.bkkp_sn"))) AS place
      FROM line_kept p JOIN unlinked_negative g ON g.mdtrt_id = p.mdtrt_id AND g.med_list_codg = p.med_list_codg
        AND g.pric = p.pric AND g.cnt = p.cnt AND p.fee_ocur_time <= g.latest\(same("p", "g"))
      WHERE p.line_row NOT IN (SELECT r.original_row FROM linked_reversal r)
    ) x WHERE x.place <= x.how_many;

    \(dialect.isDistributed ? distributedNetSQL(dialect) : netSQL(dialect))
    -- 2 涉及金额 A：净政策范围金额；为空时，总额减全自费、超限价、先行自付。 2 A(l), in fen.
    \(create) line_at_issue AS
    SELECT l.*, CASE WHEN l.inscp_amt IS NOT NULL THEN \(dialect.greatest(["0", "l.inscp_amt"]))
        ELSE \(dialect.greatest(["0", """
          l.det_item_fee_sumamt - COALESCE(l.fulamt_ownpay_amt, 0) - COALESCE(l.overlmt_selfpay, 0)
                - COALESCE(l.preselfpay_amt, 0)
          """])) END AS a
    FROM line_net l;\(index("line_at_issue_by_setl_id", "line_at_issue", "setl_id"))

    -- 2 基金支付 P 与分摊基数 T。 2 P(S), T(S) and the sum of A, in fen.
    \(create) settlement_money AS
    SELECT \(own("x"))x.setl_id, x.p, x.sum_a, \(dialect.greatest(["x.sum_a", "x.inscp"])) AS t FROM (
      SELECT \(own("k"))k.setl_id, \(dialect.greatest(["0", "COALESCE(k.fund_pay_sumamt, 0)"])) AS p, COALESCE(k.inscp_amt, 0) AS inscp,
        COALESCE((SELECT \(dialect.sum("l.a")) FROM line_at_issue l WHERE l.setl_id = k.setl_id\(same("l", "k"))), 0) AS sum_a
      FROM settlement_kept k) x;\(index("settlement_money_by_setl_id", "settlement_money", "setl_id"))

    -- 2 ⌊A·P/T⌋ 与余数，全程整数，64 位内处处精确：T 不超过 10¹² 分时乘积分两步算，更大时按二进制逐位长乘。
    -- 2 Quotient and remainder of A·P by T, of lines and of their sum, in whole numbers.
    \(create) money_share AS
    \(dialect.shares("""
      SELECT l.a AS a, m.p AS k, m.t AS n FROM line_at_issue l JOIN settlement_money m
          ON m.setl_id = l.setl_id\(same("m", "l"))
        WHERE m.p < m.t
        UNION ALL SELECT m.sum_a, m.p, m.t FROM settlement_money m WHERE m.p < m.t
      """));\(index("money_share_by_t", "money_share", "n", "k", "a"))

    -- 2 余下的分：按余数从大到小各加一分（并列时按发生时间、流水号）。 2 Places in the order of remainders.
    \(create) line_remainder AS
    SELECT \(own("l"))l.mdtrt_id, l.bkkp_sn, x.q,
      row_number() OVER (PARTITION BY \(own("l"))l.setl_id
        ORDER BY \(dialect.descending("x.r")), \(dialect.ascending("l.fee_ocur_time")), l.bkkp_sn, l.mdtrt_id) AS place,
      w.q - \(dialect.windowSum("x.q", "PARTITION BY \(own("l"))l.setl_id")) AS left_over
    FROM line_at_issue l JOIN settlement_money m ON m.setl_id = l.setl_id\(same("m", "l"))
      JOIN money_share x ON x.a = l.a AND x.k = m.p AND x.n = m.t
      JOIN money_share w ON w.a = m.sum_a AND w.k = m.p AND w.n = m.t
    WHERE m.p < m.t;\(index("line_remainder_by_line", "line_remainder", "mdtrt_id", "bkkp_sn"))

    -- 计入的明细，金额为净额，含 A 与基金金额 F。 Lines that count, net, with id, day, A and F.
    \(create) counting_line AS
    SELECT
      \(own("l"))\(wrapped(lineNames)),
      l.mdtrt_id || ':' || l.bkkp_sn AS id,
      \(day("l.fee_ocur_time")) AS day,
      l.a AS A,
      CASE WHEN m.p >= m.t THEN l.a
        ELSE x.q + CASE WHEN x.place <= x.left_over THEN 1 ELSE 0 END END AS F
    FROM line_at_issue l JOIN settlement_money m ON m.setl_id = l.setl_id\(same("m", "l"))
      LEFT JOIN line_remainder x ON x.mdtrt_id = l.mdtrt_id AND x.bkkp_sn = l.bkkp_sn\(same("x", "l"));\(index("counting_line_by_setl_id", "counting_line", "setl_id"))\(index("counting_line_by_mdtrt_id", "counting_line", "mdtrt_id"))

    \(dialect.isDistributed ? classesSQL(categories, dialect) : "")-- 计入的结算，含 P、T、明细不能说明的基金 U，以及 1.8 当日的医疗类别归类。
    -- Settlements that count, with P, T, U, A, and the classes of 1.8 on the day.
    \(create) counting_settlement AS
    SELECT
      \(own("s"))\(wrapped(settlementNames)),
      s.day AS day, m.p AS P, m.t AS T,
      m.p - CASE WHEN x.exact = x.how_many OR x.how_many IS NULL THEN COALESCE(x.f, 0) END AS U,
      m.sum_a AS A,
    \(categories.map { "  \(category($0, code: "s.visit_med_type", day: "s.day", dialect)) AS \($0)" }
      .joined(separator: ",\n")),
      s.visit_med_type AS visit_med_type
    FROM settlement_kept s JOIN settlement_money m ON m.setl_id = s.setl_id\(same("m", "s"))\(
      classOnDay("s.visit_med_type", "s.day", dialect))
      LEFT JOIN (
        SELECT \(own("l"))l.setl_id, count(*) AS how_many, count(l.F) AS exact, \(dialect.sum("l.F")) AS f
        FROM counting_line l GROUP BY \(own("l"))l.setl_id
      ) x ON x.setl_id = s.setl_id\(same("x", "s"));\(index("counting_settlement_by_setl_id", "counting_settlement", "setl_id"))\(index("counting_settlement_by_mdtrt_id", "counting_settlement", "mdtrt_id"))\(index("counting_settlement_by_psn_no", "counting_settlement", "psn_no"))

    -- 1.7 住院：住院类就诊，不在院，起止时间齐全且不倒置，至少一次计入的结算。
    -- 1.7 Stays; days, nights, main diagnosis, departments, and the money of their lines and settlements.
    \(create) stay AS
    SELECT x.*, x.end_day - x.begin_day AS nights, \(dialect.greatest(["1", "x.end_day - x.begin_day"])) AS los
    FROM (
      SELECT
        \(own("v"))\(wrapped(visitNames)),
        \(day("v.begntime")) AS begin_day,
        \(day("v.endtime")) AS end_day,
        COALESCE((SELECT \(dialect.sum("l.A")) FROM counting_line l WHERE l.mdtrt_id = v.mdtrt_id\(same("l", "v"))), 0) AS stay_A,
        (SELECT \(dialect.sum("s.P")) FROM counting_settlement s WHERE s.mdtrt_id = v.mdtrt_id\(same("s", "v"))) AS stay_F,
        \(dialect.upper("""
          COALESCE(v.dscg_maindiag_code, (SELECT min(\(dialect.upper("d.diag_code"))) FROM diagnosis d
              WHERE d.mdtrt_id = v.mdtrt_id AND d.maindiag_flag = '1' AND COALESCE(d.diag_type, '1') = '1'\(same("d", "v"))))
          """)) AS dx,
        substr(COALESCE(v.adm_caty, v.dscg_caty), 1, 3) AS adm_dept,
        substr(COALESCE(v.dscg_caty, v.adm_caty), 1, 3) AS dscg_dept,
    \(categories.map { "    \(category($0, code: "v.med_type", day: day("v.begntime"), dialect)) AS \($0)" }
      .joined(separator: ",\n"))
      FROM visit v\(classOnDay("v.med_type", day("v.begntime"), dialect))
      WHERE \(dialect.differs("v.inhosp_stas", "'1'")) AND v.begntime IS NOT NULL AND v.endtime IS NOT NULL AND v.med_type IS NOT NULL
        AND EXISTS (SELECT 1 FROM counting_settlement s WHERE s.mdtrt_id = v.mdtrt_id\(same("s", "v")))
    ) x
    WHERE x.visit_class = 'inpatient' AND x.end_day >= x.begin_day;\(index("stay_by_mdtrt_id", "stay", "mdtrt_id"))\(index("stay_by_psn_no", "stay", "psn_no"))

    \(persons ? personSQL(dialect) : "")-- 钱的单位：每条明细的 F，每次结算的 U；付给谁、为谁、由谁开单。
    -- Units of money: F of each line and U of each settlement; paid to whom, for whom, on whose signature.
    \(create) money_unit AS
    SELECT \(own("l"))l.id AS unit, l.F AS fen, l.setl_id, s.fixmedins_code, s.psn_no,
      COALESCE(l.bilg_dr_code, '') AS practitioner, l.id AS line_id
    FROM counting_line l JOIN counting_settlement s ON s.setl_id = l.setl_id\(same("s", "l"))
    UNION ALL
    SELECT \(own("s"))'U:' || s.setl_id, s.U, s.setl_id, s.fixmedins_code, s.psn_no, '', \(dialect.null(.text))
    FROM counting_settlement s;\(index("money_unit_by_setl_id", "money_unit", "setl_id"))\(index("money_unit_by_line_id", "money_unit", "line_id"))

    """
}

/// 1.4, 1.6: lines with what linked reversals leave of them.
private func netSQL(_ dialect: Dialect) -> String {
  let net = Entity.line.table.columns.map { column -> String in
    // 1.4: the quantity and every amount; a null of the original stays null, a null of the reversal adds 0.
    let isNet = column.name == "cnt" || column.kind == .money
    return isNet
      ? "    l.\(column.name) + COALESCE((SELECT \(dialect.sum("r.\(column.name)")) FROM linked_reversal r"
        + " WHERE r.original_row = l.line_row), 0) AS \(column.name)"
      : "    l.\(column.name)"
  }.joined(separator: ",\n")
  return """
    -- 1.4 与 1.6 净额与计入的明细：净数量大于零且净金额不小于零。 1.4, 1.6 Net lines that count.
    \(dialect.createTable) line_net AS
    SELECT n.* FROM (
      SELECT
    \(dialect.caseOf("l"))\(net)
      FROM line_kept l
      WHERE l.cnt > 0 AND l.line_row NOT IN (SELECT p.line_row FROM paired_line p)
    ) n WHERE n.cnt > 0 AND n.det_item_fee_sumamt >= 0;

    """
}

/// The same with the reversals of each line added up first: a subquery a column is a join a column where rows lie on
/// many machines.
private func distributedNetSQL(_ dialect: Dialect) -> String {
  func isNet(_ column: ClaimColumn) -> Bool { column.name == "cnt" || column.kind == .money }
  let columns = Entity.line.table.columns
  let sums = columns.filter(isNet).map { "\(dialect.sum("r.\($0.name)")) AS \($0.name)" }
  let net = columns.map { column in
    isNet(column) ? "l.\(column.name) + COALESCE(o.\(column.name), 0) AS \(column.name)" : "l.\(column.name)"
  }
  return """
    \(dialect.createTable) reversal_sum AS
    SELECT r.original_row, \(sums.joined(separator: ", "))
    FROM linked_reversal r GROUP BY r.original_row;

    \(dialect.createTable) line_net AS
    SELECT n.* FROM (
      SELECT \(net.joined(separator: ",\n    "))
      FROM line_kept l LEFT JOIN reversal_sum o ON o.original_row = l.line_row
      WHERE l.cnt > 0 AND l.line_row NOT IN (SELECT p.line_row FROM paired_line p)
    ) n WHERE n.cnt > 0 AND n.det_item_fee_sumamt >= 0;

    """
}

/// The persons of settlements that count; see `Entity.person`.
private func personSQL(_ dialect: Dialect) -> String {
  """
  -- 参保人：计入的结算的人员编号，每人一行。 Persons: psn_no of settlements that count, each once.
  \(dialect.createTable) person AS
  SELECT DISTINCT \(dialect.caseOf("s"))s.psn_no
  FROM counting_settlement s WHERE s.psn_no IS NOT NULL;\(dialect.createIndex("person_by_psn_no", "person", ["psn_no"]))


  """
}

/// The calendar day of a number of seconds, also before 1970; integer division cuts towards zero.
func dayOf(_ time: String, _ dialect: Dialect) -> String {
  "CASE WHEN \(time) >= 0 THEN \(dialect.quotient(time, "86400"))"
    + " ELSE \(dialect.quotient("(\(time) - 86399)", "86400")) END"
}

/// 1.8 for each code and day there is, once for all rows that ask the same.
private func classesSQL(_ categories: [String], _ dialect: Dialect) -> String {
  """
  \(dialect.createTable) class_asked AS
  SELECT DISTINCT x.code, x.day FROM (
    SELECT s.visit_med_type AS code, s.day AS day FROM settlement_kept s
    UNION ALL SELECT v.med_type, \(dayOf("v.begntime", dialect)) FROM visit v) x;

  \(dialect.createTable) class_on_day AS
  SELECT q.code, q.day,
    \(categories.map { "\(categoryOnce($0, code: "q.code", day: "q.day", dialect)) AS \($0)" }.joined(separator: ",\n  "))
  FROM class_asked q;


  """
}

/// The join with what `classesSQL` gives, or nothing.
private func classOnDay(_ code: String, _ day: String, _ dialect: Dialect) -> String {
  if !dialect.isDistributed { return "" }
  return "\n  LEFT JOIN class_on_day c ON \(dialect.isSame("c.code", code)) AND \(dialect.isSame("c.day", "(\(day))"))"
}

/// 1.8: a column of med_type_b on a day; 'other' without a row, NULL where rows overlap.
private func category(_ column: String, code: String, day: String, _ dialect: Dialect) -> String {
  dialect.isDistributed ? "c.\(column)" : categoryOnce(column, code: code, day: day, dialect)
}

private func categoryOnce(_ column: String, code: String, day: String, _ dialect: Dialect) -> String {
  let holds =
    "m.med_type = \(dialect.upper(code)) AND m.begndate <= \(day) AND (m.enddate IS NULL OR m.enddate >= \(day))"
    + dialect.sameCase("m", String(code.prefix { $0 != "." }))
  let none = column == "visit_class" ? "'other'" : "'0'"
  return """
    CASE WHEN EXISTS (SELECT 1 FROM med_type_b m WHERE m.is_ambiguous = 1 AND \(holds)) THEN NULL
        ELSE COALESCE((SELECT min(m.\(column)) FROM med_type_b m WHERE m.is_ambiguous = 0 AND \(holds)), \(none)) END
    """
}

/// Comma-separated names in lines of at most 110 characters.
private func wrapped(_ names: [String]) -> String {
  var lines: [String] = []
  var line = ""
  for name in names {
    if line.count + name.count > 105 {
      lines.append(line)
      line = ""
    }
    line += line.isEmpty ? name : ", " + name
  }
  lines.append(line)
  return lines.joined(separator: ",\n      ")
}
