import ClaimModel

/// What became of each row of a store (claims.md 1.1–1.6), and what the report counts and sums of them. Reasons
/// are written as `Disposition.reason` has them.
///
/// Behind the prelude; every row of `all …` has one fate. Rows that count are the prelude's: only why others don't is
/// worked out here.
func fatesSQL(_ dialect: Dialect) -> String {
  let create = dialect.createTable
  func reason(_ disposition: Disposition) -> String { "'\(disposition.reason)'" }
  func versions(_ table: ClaimTable) -> String {
    let key = table.key.map { "x.\($0) IS NULL" }.joined(separator: " OR ")
    return "WHEN x.yj_version > 1 OR \(key) THEN \(reason(.superseded)) WHEN x.yj_valid = 0 THEN \(reason(.cancelled))"
  }
  let plain = [ClaimTable.visits, .diagnoses, .operations].map { table in
    """
    \(create) \(dialect.quoted("fate of " + table.name)) AS
    SELECT x.yj_place, x.yj_line, x.yj_byte_offset, x.yj_of_batch,
      CASE \(versions(table)) ELSE \(reason(.counts)) END AS fate
    FROM \(dialect.quoted("all " + table.name)) x;


    """
  }.joined()
  return plain + """
    \(create) \(dialect.quoted("fate of setl_d")) AS
    SELECT x.yj_place, x.yj_line, x.yj_byte_offset, x.yj_of_batch, x.setl_id, x.medfee_sumamt, x.inscp_amt,
      x.fund_pay_sumamt,
      CASE \(versions(.settlements))
        WHEN x.init_setl_id IS NOT NULL AND i.setl_id IS NULL THEN \(reason(.orphanRefund))
        WHEN x.refd_setl_flag = '1' THEN \(reason(.refunded))
        WHEN x.init_setl_id IS NOT NULL THEN \(reason(.refund))
        WHEN o.init_setl_id IS NOT NULL THEN \(reason(.refundedByOther))
        WHEN c.value IS NOT NULL THEN \(reason(.excludedSetlType))
        WHEN v.inhosp_stas = '1' THEN \(reason(.inHospital))
        ELSE \(reason(.counts)) END AS fate
    FROM \(dialect.quoted("all setl_d")) x
      LEFT JOIN (SELECT DISTINCT a.setl_id FROM \(dialect.quoted("all setl_d")) a) i ON i.setl_id = x.init_setl_id
      LEFT JOIN (SELECT DISTINCT s.init_setl_id FROM settlement s WHERE s.init_setl_id IS NOT NULL) o
        ON o.init_setl_id = x.setl_id
      LEFT JOIN (SELECT DISTINCT c.value FROM context c WHERE c.what = 'excluded_setl_type') c ON c.value = x.setl_type
      LEFT JOIN visit v ON v.mdtrt_id = x.mdtrt_id;

    \(create) paired_negative AS
    SELECT n.line_row FROM (
      SELECT k.line_row, k.mdtrt_id, k.med_list_codg, k.pric, -k.cnt AS cnt,
        row_number() OVER (PARTITION BY k.mdtrt_id, k.med_list_codg, k.pric, k.cnt
          ORDER BY \(dialect.descending("k.fee_ocur_time")), \(dialect.descending("k.bkkp_sn"))) AS place
      FROM line_kept k LEFT ANTI JOIN linked_reversal r ON r.line_row = k.line_row
      WHERE k.cnt < 0 AND k.med_list_codg IS NOT NULL AND k.pric IS NOT NULL) n
    JOIN (
      SELECT k.mdtrt_id, k.med_list_codg, k.pric, k.cnt, count(*) AS how_many
      FROM line_kept k JOIN paired_line p ON p.line_row = k.line_row
      GROUP BY k.mdtrt_id, k.med_list_codg, k.pric, k.cnt) g
      ON g.mdtrt_id = n.mdtrt_id AND g.med_list_codg = n.med_list_codg AND g.pric = n.pric AND g.cnt = n.cnt
    WHERE n.place <= g.how_many;

    \(create) \(dialect.quoted("fate of fee_list_d")) AS
    SELECT x.yj_place, x.yj_line, x.yj_byte_offset, x.yj_of_batch, x.setl_id, x.det_item_fee_sumamt, x.inscp_amt,
      x.det_item_fee_sumamt + COALESCE(o.det_item_fee_sumamt, 0) AS net_det_item_fee_sumamt,
      x.inscp_amt + COALESCE(o.inscp_amt, 0) AS net_inscp_amt,
      CASE \(versions(.feeLines))
        WHEN x.setl_id IS NULL THEN \(reason(.unsettled))
        WHEN s.fate IS NULL THEN \(reason(.unknownSettlement))
        WHEN s.fate <> \(reason(.counts)) THEN \(reason(.settlementSetAside))
        WHEN n.line_row IS NOT NULL THEN \(reason(.linkedReversal))
        WHEN q.line_row IS NOT NULL THEN \(reason(.pairedReversal))
        WHEN x.cnt < 0 THEN \(reason(.unpairedNegative))
        WHEN p.line_row IS NOT NULL THEN \(reason(.pairedReversed))
        WHEN o.original_row IS NOT NULL AND x.cnt + COALESCE(o.cnt, 0) <= 0 THEN \(reason(.reversed))
        WHEN x.cnt IS NULL OR x.cnt = 0 THEN \(reason(.zeroQuantity))
        WHEN x.det_item_fee_sumamt IS NULL OR x.det_item_fee_sumamt + COALESCE(o.det_item_fee_sumamt, 0) < 0
          THEN \(reason(.negativeAmount))
        ELSE \(reason(.counts)) END AS fate
    FROM \(dialect.quoted("all fee_list_d")) x
      LEFT JOIN (
        SELECT f.setl_id, f.fate FROM \(dialect.quoted("fate of setl_d")) f
        WHERE f.fate NOT IN (\(reason(.superseded)), \(reason(.cancelled)))) s ON s.setl_id = x.setl_id
      LEFT JOIN (SELECT DISTINCT r.line_row FROM linked_reversal r) n ON n.line_row = x.rowid
      LEFT JOIN (
        SELECT r.original_row, sum(r.cnt) AS cnt, sum(r.det_item_fee_sumamt) AS det_item_fee_sumamt,
          sum(r.inscp_amt) AS inscp_amt
        FROM linked_reversal r GROUP BY r.original_row) o ON o.original_row = x.rowid
      LEFT JOIN paired_line p ON p.line_row = x.rowid
      LEFT JOIN paired_negative q ON q.line_row = x.rowid;

    """
}

/// The queries of the report's figures; see `UnitFigures` of Pipeline, which counts the same over rows in memory.
func figureOutputs(listed: Int, _ dialect: Dialect) -> [StoreScript.Output] {
  func fates(_ table: ClaimTable) -> String { dialect.quoted("fate of " + table.name) }
  func text(_ names: String...) -> [StoreScript.Column] { names.map { .init($0, isText: true) } }
  func numbers(_ names: String...) -> [StoreScript.Column] { names.map { .init($0, isText: false) } }
  let counted = ClaimTable.allCases.map { table in
    "SELECT '\(table.name)' AS claim_table, f.yj_place, f.fate, count(*) AS how_many FROM \(fates(table)) f"
      + " GROUP BY f.yj_place, f.fate"
  }
  let aside = ClaimTable.allCases.map { table in
    """
    SELECT '\(table.name)' AS claim_table, x.yj_place, x.fate, x.yj_line, x.yj_byte_offset FROM (
      SELECT f.*, row_number() OVER (PARTITION BY f.yj_place, f.fate ORDER BY f.yj_line) AS place FROM \(fates(table)) f
      WHERE f.yj_of_batch = 1 AND f.fate <> '\(Disposition.counts.reason)') x WHERE x.place <= \(listed)
    """
  }
  func sums(_ table: ClaimTable, _ column: String, net: String) -> String {
    """
    SELECT '\(table.name)' AS claim_table, '\(column)' AS amount, f.fate, sum(f.\(column)) AS fen,
      sum(CASE WHEN f.fate = '\(Disposition.counts.reason)' THEN f.\(net) END) AS net_fen
    FROM \(fates(table)) f WHERE f.yj_of_batch = 1 AND f.\(column) IS NOT NULL GROUP BY f.fate
    """
  }
  let amounts = [
    sums(.settlements, "medfee_sumamt", net: "medfee_sumamt"), sums(.settlements, "inscp_amt", net: "inscp_amt"),
    sums(.settlements, "fund_pay_sumamt", net: "fund_pay_sumamt"),
    sums(.feeLines, "det_item_fee_sumamt", net: "net_det_item_fee_sumamt"),
    sums(.feeLines, "inscp_amt", net: "net_inscp_amt"),
  ]
  // A batch's counting settlements and the sum of their lines.
  let compared = """
    SELECT s.setl_id, s.medfee_sumamt AS expected, COALESCE(l.fen, 0) AS found
    FROM (SELECT f.setl_id, f.medfee_sumamt FROM \(fates(.settlements)) f
        WHERE f.yj_of_batch = 1 AND f.fate = '\(Disposition.counts.reason)') s
      LEFT JOIN (
        SELECT f.setl_id, sum(f.net_det_item_fee_sumamt) AS fen FROM \(fates(.feeLines)) f
        WHERE f.fate = '\(Disposition.counts.reason)' GROUP BY f.setl_id) l ON l.setl_id = s.setl_id
    """
  let known =
    "m.med_type = \(dialect.upper("s.visit_med_type")) AND m.begndate <= s.day"
    + " AND (m.enddate IS NULL OR m.enddate >= s.day)"
  return [
    .init(
      name: StoreScript.fatesOutput, query: counted.joined(separator: "\nUNION ALL\n"),
      columns: text("claim_table") + numbers("yj_place") + text("fate") + numbers("how_many")),
    .init(
      name: StoreScript.asideOutput, query: aside.joined(separator: "\nUNION ALL\n"),
      columns: text("claim_table") + numbers("yj_place") + text("fate") + numbers("yj_line", "yj_byte_offset")),
    .init(
      name: StoreScript.sumsOutput, query: amounts.joined(separator: "\nUNION ALL\n"),
      columns: text("claim_table", "amount", "fate") + numbers("fen", "net_fen")),
    .init(
      name: StoreScript.settlementsOutput,
      query: """
        SELECT count(c.expected) AS checked, count(*) - count(c.expected) AS not_comparable,
          (SELECT sum(s.P) FROM counting_settlement s JOIN \(fates(.settlements)) f ON f.setl_id = s.setl_id
            WHERE f.yj_of_batch = 1 AND f.fate = '\(Disposition.counts.reason)') AS paid
        FROM (\(compared)) c
        """, columns: numbers("checked", "not_comparable", "paid")),
    .init(
      name: StoreScript.differencesOutput,
      query: "SELECT c.setl_id, c.expected, c.found FROM (\(compared)) c WHERE c.expected <> c.found",
      columns: text("setl_id") + numbers("expected", "found")),
    .init(
      name: StoreScript.unknownOutput,
      query: """
        SELECT s.visit_med_type AS code, count(*) AS how_many, sum(s.medfee_sumamt) AS fen, sum(s.P) AS fund_fen
        FROM counting_settlement s
        WHERE s.visit_med_type IS NULL OR s.day IS NULL OR NOT EXISTS (SELECT 1 FROM med_type_b m WHERE \(known))
        GROUP BY s.visit_med_type
        """, columns: text("code") + numbers("how_many", "fen", "fund_fen")),
    .init(
      name: StoreScript.newestOutput,
      query: """
        SELECT max(CASE WHEN x.yj_of_batch = 1 THEN x.setl_time END) AS of_batch, max(x.setl_time) AS of_store
        FROM \(dialect.quoted("all setl_d")) x
        """, columns: numbers("of_batch", "of_store")),
  ]
}

extension StoreScript {
  /// Rows by claim table, live segment and fate.
  public static let fatesOutput = "fates"
  /// The first rows of the batch that were set aside, by table, segment and fate.
  public static let asideOutput = "set aside"
  /// The batch's amounts by fate, and net of reversals where rows count.
  public static let sumsOutput = "sums"
  /// Settlements held against their lines, and the fund's share of those that count.
  public static let settlementsOutput = "settlements"
  public static let differencesOutput = "settlement differences"
  /// Medical categories that the table does not know.
  public static let unknownOutput = "unknown categories"
  /// Newest setl_time of the batch and of the store.
  public static let newestOutput = "newest"
}
