-- 本文件由规则生成，只需 sqlite3（3.40 或更高）即可复算，不需要其他软件，也不改动证据库：
--   sqlite3 -readonly evidence.sqlite < verify.sql
-- 输出：规则|键|涉及金额（分）|基金金额（分）|计入金额（分）。只读明细、结算、就诊、诊断、登记与 context 表，不读 finding 表。
-- Generated from the rules; sqlite3 alone derives the findings anew and leaves the evidence as it is:
--   sqlite3 -readonly evidence.sqlite < verify.sql
-- Output: rule|key|amount_fen|fund_fen|counted_fen. It reads claim, registry and context tables, never `finding`.
-- 日期为自1970-01-01起的日数，金额为分；见 column_unit 表。 Days count from 1970-01-01, money is in fen.

-- ==== 一、哪些行计入，金额如何分摊 · Rows that count, and amounts ====
-- 1.2 计入的结算：未退费、不是退费行、没有被别的有效结算指为原结算、结算类别未被排除、就诊不在院。
-- 1.2 Settlements that count.
CREATE TEMP TABLE settlement_kept AS
SELECT s.*,
  COALESCE(s.begndate, CASE WHEN s.setl_time >= 0 THEN s.setl_time / 86400 ELSE (s.setl_time - 86399) / 86400 END) AS day,
  COALESCE(v.med_type, s.med_type) AS visit_med_type
FROM settlement s LEFT JOIN visit v ON v.mdtrt_id = s.mdtrt_id
WHERE s.refd_setl_flag IS NOT '1'
  AND s.init_setl_id IS NULL
  AND NOT EXISTS (SELECT 1 FROM settlement o WHERE o.init_setl_id = s.setl_id)
  AND NOT EXISTS (SELECT 1 FROM context c WHERE c.what = 'excluded_setl_type' AND c.value = s.setl_type)
  AND v.inhosp_stas IS NOT '1';
CREATE INDEX settlement_kept_by_setl_id ON settlement_kept (setl_id);

-- 1.3 未计入的结算、空或未知 setl_id 的明细不看。 1.3 Lines of settlements that count.
CREATE TEMP TABLE line_kept AS
SELECT l.rowid AS line_row, l.* FROM line l
WHERE l.setl_id IN (SELECT k.setl_id FROM settlement_kept k);
CREATE INDEX line_kept_by_bkkp_sn ON line_kept (mdtrt_id, bkkp_sn);

-- 1.4 指明原流水号的冲销：负数明细的 init_feedetl_sn 是同一就诊一条正数明细的 bkkp_sn。
-- 1.4 Linked reversals: the negative line and its original.
CREATE TEMP TABLE linked_reversal AS
SELECT o.line_row AS original_row, n.*
FROM line_kept n JOIN line_kept o ON o.mdtrt_id = n.mdtrt_id AND o.bkkp_sn = n.init_feedetl_sn
WHERE n.cnt < 0 AND o.cnt > 0;
CREATE INDEX linked_reversal_by_original ON linked_reversal (original_row);

-- 1.5 未指明原流水号的冲销：同一就诊、编码、单价、数量绝对值为一组，组内有几条负数，
-- 就去掉几条最晚的正数明细（不晚于最晚的负数；时间相同时 bkkp_sn 大者先去）。
-- 1.5 Paired reversals: how many in each group, and the positive lines they remove.
CREATE TEMP TABLE unlinked_negative AS
SELECT n.mdtrt_id, n.med_list_codg, n.pric, -n.cnt AS cnt, count(*) AS how_many,
  max(n.fee_ocur_time) AS latest
FROM line_kept n
WHERE n.cnt < 0 AND n.med_list_codg IS NOT NULL AND n.pric IS NOT NULL
  AND n.line_row NOT IN (SELECT r.line_row FROM linked_reversal r)
GROUP BY n.mdtrt_id, n.med_list_codg, n.pric, n.cnt;

CREATE TEMP TABLE paired_line AS
SELECT x.line_row FROM (
  SELECT p.line_row, g.how_many,
    row_number() OVER (PARTITION BY p.mdtrt_id, p.med_list_codg, p.pric, p.cnt
      ORDER BY p.fee_ocur_time DESC, p.bkkp_sn DESC) AS place
  FROM line_kept p JOIN unlinked_negative g ON g.mdtrt_id = p.mdtrt_id AND g.med_list_codg = p.med_list_codg
    AND g.pric = p.pric AND g.cnt = p.cnt AND p.fee_ocur_time <= g.latest
  WHERE p.line_row NOT IN (SELECT r.original_row FROM linked_reversal r)
) x WHERE x.place <= x.how_many;

-- 1.4 与 1.6 净额与计入的明细：净数量大于零且净金额不小于零。 1.4, 1.6 Net lines that count.
CREATE TEMP TABLE line_net AS
SELECT n.* FROM (
  SELECT
    l.bkkp_sn,
    l.mdtrt_id,
    l.fee_ocur_time,
    l.setl_id,
    l.rx_drord_no,
    l.fixmedins_code,
    l.fixmedins_name,
    l.psn_no,
    l.psn_insu_rlts_id,
    l.insu_admdvs,
    l.pay_loc,
    l.med_type,
    l.cnt + COALESCE((SELECT sum(r.cnt) FROM linked_reversal r WHERE r.original_row = l.line_row), 0) AS cnt,
    l.pric,
    l.det_item_fee_sumamt + COALESCE((SELECT sum(r.det_item_fee_sumamt) FROM linked_reversal r WHERE r.original_row = l.line_row), 0) AS det_item_fee_sumamt,
    l.pric_uplmt_amt,
    l.selfpay_prop,
    l.fulamt_ownpay_amt + COALESCE((SELECT sum(r.fulamt_ownpay_amt) FROM linked_reversal r WHERE r.original_row = l.line_row), 0) AS fulamt_ownpay_amt,
    l.overlmt_selfpay + COALESCE((SELECT sum(r.overlmt_selfpay) FROM linked_reversal r WHERE r.original_row = l.line_row), 0) AS overlmt_selfpay,
    l.preselfpay_amt + COALESCE((SELECT sum(r.preselfpay_amt) FROM linked_reversal r WHERE r.original_row = l.line_row), 0) AS preselfpay_amt,
    l.inscp_amt + COALESCE((SELECT sum(r.inscp_amt) FROM linked_reversal r WHERE r.original_row = l.line_row), 0) AS inscp_amt,
    l.cvlserv_bedfee_amt + COALESCE((SELECT sum(r.cvlserv_bedfee_amt) FROM linked_reversal r WHERE r.original_row = l.line_row), 0) AS cvlserv_bedfee_amt,
    l.medins_disc_amt + COALESCE((SELECT sum(r.medins_disc_amt) FROM linked_reversal r WHERE r.original_row = l.line_row), 0) AS medins_disc_amt,
    l.chrgitm_lv,
    l.hilist_code,
    l.hilist_name,
    l.list_type,
    l.med_list_codg,
    l.medins_list_codg,
    l.medins_list_name,
    l.med_chrgitm_type,
    l.prodname,
    l.spec,
    l.dosform_name,
    l.bilg_dept_codg,
    l.bilg_dept_name,
    l.bilg_dr_code,
    l.bilg_dr_name,
    l.acord_dept_codg,
    l.acord_dept_name,
    l.acord_dr_code,
    l.acord_dr_name,
    l.lmt_used_flag,
    l.hosp_prep_flag,
    l.hosp_appr_flag,
    l.tcmdrug_used_way,
    l.prodplac_type,
    l.bas_medn_flag,
    l.hi_nego_drug_flag,
    l.prcu_drug_flag,
    l.chld_medc_flag,
    l.etip_flag,
    l.etip_hosp_code,
    l.dscg_tkdrug_flag,
    l.list_sp_item_flag,
    l.matn_fee_flag,
    l.drt_reim_flag,
    l.reim_prop,
    l.oprn_oprt_code,
    l.sin_dos_dscr,
    l.used_frqu_dscr,
    l.prd_days,
    l.medc_way_dscr,
    l.memo,
    l.vali_flag,
    l.rid,
    l.updt_time,
    l.crter_id,
    l.crter_name,
    l.crte_time,
    l.crte_optins_no,
    l.opter_id,
    l.opter_name,
    l.opt_time,
    l.optins_no,
    l.poolarea_no,
    l.rx_circ_flag,
    l.dise_codg,
    l.chrg_bchno,
    l.init_feedetl_sn,
    l.comb_no,
    l.pt
  FROM line_kept l
  WHERE l.cnt > 0 AND l.line_row NOT IN (SELECT p.line_row FROM paired_line p)
) n WHERE n.cnt > 0 AND n.det_item_fee_sumamt >= 0;

-- 2 涉及金额 A：净政策范围金额；为空时，总额减全自费、超限价、先行自付。 2 A(l), in fen.
CREATE TEMP TABLE line_at_issue AS
SELECT l.*, CASE WHEN l.inscp_amt IS NOT NULL THEN max(0, l.inscp_amt)
    ELSE max(0, l.det_item_fee_sumamt - COALESCE(l.fulamt_ownpay_amt, 0) - COALESCE(l.overlmt_selfpay, 0)
      - COALESCE(l.preselfpay_amt, 0)) END AS a
FROM line_net l;
CREATE INDEX line_at_issue_by_setl_id ON line_at_issue (setl_id);

-- 2 基金支付 P 与分摊基数 T。 2 P(S), T(S) and the sum of A, in fen.
CREATE TEMP TABLE settlement_money AS
SELECT x.setl_id, x.p, x.sum_a, max(x.sum_a, x.inscp) AS t FROM (
  SELECT k.setl_id, max(0, COALESCE(k.fund_pay_sumamt, 0)) AS p, COALESCE(k.inscp_amt, 0) AS inscp,
    COALESCE((SELECT sum(l.a) FROM line_at_issue l WHERE l.setl_id = k.setl_id), 0) AS sum_a
  FROM settlement_kept k) x;
CREATE INDEX settlement_money_by_setl_id ON settlement_money (setl_id);

-- 2 ⌊A·P/T⌋ 与余数，全程整数，64 位内处处精确：T 不超过 10¹² 分时乘积分两步算，更大时按二进制逐位长乘。
-- 2 Quotient and remainder of A·P by T, of lines and of their sum, in whole numbers.
CREATE TEMP TABLE money_share AS
WITH RECURSIVE asked(a, k, n) AS (
  SELECT l.a AS a, m.p AS k, m.t AS n FROM line_at_issue l JOIN settlement_money m
    ON m.setl_id = l.setl_id
  WHERE m.p < m.t
  UNION ALL SELECT m.sum_a, m.p, m.t FROM settlement_money m WHERE m.p < m.t),
big(a, k, n, bit, is_doubled, q, r) AS (
  SELECT x.a, x.k, x.n, 4611686018427387904, 0, 0, 0 FROM (SELECT DISTINCT y.a, y.k, y.n FROM asked y) x
  WHERE x.n > 1000000000000
  UNION ALL
  SELECT b.a, b.k, b.n, CASE WHEN b.is_doubled = 0 THEN b.bit ELSE b.bit / 2 END, 1 - b.is_doubled,
    CASE WHEN b.is_doubled = 0 THEN b.q + b.q ELSE b.q END + (b.r >= b.n - (CASE WHEN b.is_doubled = 0 THEN b.r WHEN b.a & b.bit <> 0 THEN b.k ELSE 0 END)),
    CASE WHEN b.r >= b.n - (CASE WHEN b.is_doubled = 0 THEN b.r WHEN b.a & b.bit <> 0 THEN b.k ELSE 0 END) THEN b.r - (b.n - (CASE WHEN b.is_doubled = 0 THEN b.r WHEN b.a & b.bit <> 0 THEN b.k ELSE 0 END)) ELSE b.r + (CASE WHEN b.is_doubled = 0 THEN b.r WHEN b.a & b.bit <> 0 THEN b.k ELSE 0 END) END
  FROM big b WHERE b.bit > 0)
SELECT x.a, x.k, x.n,
  x.a * (x.k / 1000000) / x.n * 1000000
    + (x.a * (x.k / 1000000) % x.n * 1000000 + x.a * (x.k % 1000000)) / x.n AS q,
  (x.a * (x.k / 1000000) % x.n * 1000000 + x.a * (x.k % 1000000)) % x.n AS r
FROM (SELECT DISTINCT y.a, y.k, y.n FROM asked y) x WHERE x.n <= 1000000000000
UNION ALL
SELECT b.a, b.k, b.n, b.q, b.r FROM big b WHERE b.bit = 0;
CREATE INDEX money_share_by_t ON money_share (n, k, a);

-- 2 余下的分：按余数从大到小各加一分（并列时按发生时间、流水号）。 2 Places in the order of remainders.
CREATE TEMP TABLE line_remainder AS
SELECT l.mdtrt_id, l.bkkp_sn, x.q,
  row_number() OVER (PARTITION BY l.setl_id
    ORDER BY x.r DESC, l.fee_ocur_time, l.bkkp_sn, l.mdtrt_id) AS place,
  w.q - sum(x.q) OVER (PARTITION BY l.setl_id) AS left_over
FROM line_at_issue l JOIN settlement_money m ON m.setl_id = l.setl_id
  JOIN money_share x ON x.a = l.a AND x.k = m.p AND x.n = m.t
  JOIN money_share w ON w.a = m.sum_a AND w.k = m.p AND w.n = m.t
WHERE m.p < m.t;
CREATE INDEX line_remainder_by_line ON line_remainder (mdtrt_id, bkkp_sn);

-- 计入的明细，金额为净额，含 A 与基金金额 F。 Lines that count, net, with id, day, A and F.
CREATE TEMP TABLE counting_line AS
SELECT
  l.bkkp_sn, l.mdtrt_id, l.fee_ocur_time, l.setl_id, l.rx_drord_no, l.fixmedins_code, l.fixmedins_name,
      l.psn_no, l.psn_insu_rlts_id, l.insu_admdvs, l.pay_loc, l.med_type, l.cnt, l.pric, l.det_item_fee_sumamt,
      l.pric_uplmt_amt, l.selfpay_prop, l.fulamt_ownpay_amt, l.overlmt_selfpay, l.preselfpay_amt, l.inscp_amt,
      l.cvlserv_bedfee_amt, l.medins_disc_amt, l.chrgitm_lv, l.hilist_code, l.hilist_name, l.list_type,
      l.med_list_codg, l.medins_list_codg, l.medins_list_name, l.med_chrgitm_type, l.prodname, l.spec,
      l.dosform_name, l.bilg_dept_codg, l.bilg_dept_name, l.bilg_dr_code, l.bilg_dr_name, l.acord_dept_codg,
      l.acord_dept_name, l.acord_dr_code, l.acord_dr_name, l.lmt_used_flag, l.hosp_prep_flag, l.hosp_appr_flag,
      l.tcmdrug_used_way, l.prodplac_type, l.bas_medn_flag, l.hi_nego_drug_flag, l.prcu_drug_flag,
      l.chld_medc_flag, l.etip_flag, l.etip_hosp_code, l.dscg_tkdrug_flag, l.list_sp_item_flag, l.matn_fee_flag,
      l.drt_reim_flag, l.reim_prop, l.oprn_oprt_code, l.sin_dos_dscr, l.used_frqu_dscr, l.prd_days,
      l.medc_way_dscr, l.memo, l.vali_flag, l.rid, l.updt_time, l.crter_id, l.crter_name, l.crte_time,
      l.crte_optins_no, l.opter_id, l.opter_name, l.opt_time, l.optins_no, l.poolarea_no, l.rx_circ_flag,
      l.dise_codg, l.chrg_bchno, l.init_feedetl_sn, l.comb_no, l.pt,
  l.mdtrt_id || ':' || l.bkkp_sn AS id,
  CASE WHEN l.fee_ocur_time >= 0 THEN l.fee_ocur_time / 86400 ELSE (l.fee_ocur_time - 86399) / 86400 END AS day,
  l.a AS A,
  CASE WHEN m.p >= m.t THEN l.a
    ELSE x.q + CASE WHEN x.place <= x.left_over THEN 1 ELSE 0 END END AS F
FROM line_at_issue l JOIN settlement_money m ON m.setl_id = l.setl_id
  LEFT JOIN line_remainder x ON x.mdtrt_id = l.mdtrt_id AND x.bkkp_sn = l.bkkp_sn;
CREATE INDEX counting_line_by_setl_id ON counting_line (setl_id);
CREATE INDEX counting_line_by_mdtrt_id ON counting_line (mdtrt_id);

-- 计入的结算，含 P、T、明细不能说明的基金 U，以及 1.8 当日的医疗类别归类。
-- Settlements that count, with P, T, U, A, and the classes of 1.8 on the day.
CREATE TEMP TABLE counting_settlement AS
SELECT
  s.setl_id, s.clr_optins, s.medins_setl_id, s.mdtrt_id, s.init_setl_id, s.psn_no, s.psn_insu_rlts_id,
      s.psn_name, s.psn_cert_type, s.certno, s.gend, s.naty, s.brdy, s.age, s.insutype, s.psn_type,
      s.cvlserv_flag, s.cvlserv_lv, s.sp_psn_type, s.sp_psn_type_lv, s.clct_grde, s.flxempe_flag, s.nwb_flag,
      s.insu_admdvs, s.emp_no, s.emp_name, s.emp_type, s.econ_type, s.afil_indu, s.afil_rlts, s.emp_mgt_type,
      s.pay_loc, s.fixmedins_code, s.fixmedins_name, s.hosp_lv, s.fix_blng_admdvs, s.lmtpric_hosp_lv,
      s.dedc_hosp_lv, s.begndate, s.enddate, s.setl_time, s.mdtrt_cert_type, s.mdtrt_cert_no, s.med_type,
      s.setl_type, s.clr_type, s.clr_way, s.psn_setlway, s.medfee_sumamt, s.fulamt_ownpay_amt, s.overlmt_selfpay,
      s.preselfpay_amt, s.inscp_amt, s.dedc_std, s.crt_dedc, s.act_pay_dedc, s.hifp_pay, s.pool_prop_selfpay,
      s.hi_agre_sumfee, s.cvlserv_pay, s.hifes_pay, s.hifmi_pay, s.hifob_pay, s.hifdm_pay, s.maf_pay,
      s.othfund_pay, s.fund_pay_sumamt, s.psn_pay, s.acct_pay, s.cash_payamt, s.ownpay_hosp_part, s.balc,
      s.acct_mulaid_pay, s.refd_setl_flag, s.cal_ipt_cnt, s.setl_cashpay_way, s.year, s.dise_no, s.dise_name,
      s.invono, s.manl_reim_rea, s.vali_flag, s.memo, s.rid, s.updt_time, s.crter_id, s.crter_name, s.crte_time,
      s.crte_optins_no, s.opter_id, s.opter_name, s.opt_time, s.optins_no, s.poolarea_no, s.mid_setl_flag,
      s.acct_used_flag, s.quts_type, s.bydise_setl_payamt, s.exct_item_fund_payamt, s.pt,
  s.day AS day, m.p AS P, m.t AS T,
  m.p - CASE WHEN x.exact = x.how_many OR x.how_many IS NULL THEN COALESCE(x.f, 0) END AS U,
  m.sum_a AS A,
  CASE WHEN EXISTS (SELECT 1 FROM med_type_b m WHERE m.is_ambiguous = 1 AND m.med_type = upper(s.visit_med_type) AND m.begndate <= s.day AND (m.enddate IS NULL OR m.enddate >= s.day)) THEN NULL
    ELSE COALESCE((SELECT min(m.visit_class) FROM med_type_b m WHERE m.is_ambiguous = 0 AND m.med_type = upper(s.visit_med_type) AND m.begndate <= s.day AND (m.enddate IS NULL OR m.enddate >= s.day)), 'other') END AS visit_class,
  CASE WHEN EXISTS (SELECT 1 FROM med_type_b m WHERE m.is_ambiguous = 1 AND m.med_type = upper(s.visit_med_type) AND m.begndate <= s.day AND (m.enddate IS NULL OR m.enddate >= s.day)) THEN NULL
    ELSE COALESCE((SELECT min(m.opsp_flag) FROM med_type_b m WHERE m.is_ambiguous = 0 AND m.med_type = upper(s.visit_med_type) AND m.begndate <= s.day AND (m.enddate IS NULL OR m.enddate >= s.day)), '0') END AS opsp_flag,
  CASE WHEN EXISTS (SELECT 1 FROM med_type_b m WHERE m.is_ambiguous = 1 AND m.med_type = upper(s.visit_med_type) AND m.begndate <= s.day AND (m.enddate IS NULL OR m.enddate >= s.day)) THEN NULL
    ELSE COALESCE((SELECT min(m.reg_flag) FROM med_type_b m WHERE m.is_ambiguous = 0 AND m.med_type = upper(s.visit_med_type) AND m.begndate <= s.day AND (m.enddate IS NULL OR m.enddate >= s.day)), '0') END AS reg_flag,
  s.visit_med_type AS visit_med_type
FROM settlement_kept s JOIN settlement_money m ON m.setl_id = s.setl_id
  LEFT JOIN (
    SELECT l.setl_id, count(*) AS how_many, count(l.F) AS exact, sum(l.F) AS f
    FROM counting_line l GROUP BY l.setl_id
  ) x ON x.setl_id = s.setl_id;
CREATE INDEX counting_settlement_by_setl_id ON counting_settlement (setl_id);
CREATE INDEX counting_settlement_by_mdtrt_id ON counting_settlement (mdtrt_id);
CREATE INDEX counting_settlement_by_psn_no ON counting_settlement (psn_no);

-- 1.7 住院：住院类就诊，不在院，起止时间齐全且不倒置，至少一次计入的结算。
-- 1.7 Stays; days, nights, main diagnosis, departments, and the money of their lines and settlements.
CREATE TEMP TABLE stay AS
SELECT x.*, x.end_day - x.begin_day AS nights, max(1, x.end_day - x.begin_day) AS los
FROM (
  SELECT
    v.mdtrt_id, v.medins_setl_id, v.psn_no, v.psn_insu_rlts_id, v.psn_cert_type, v.certno, v.psn_name, v.gend,
      v.naty, v.brdy, v.age, v.coner_name, v.tel, v.addr, v.insutype, v.psn_type, v.cvlserv_flag, v.cvlserv_lv,
      v.sp_psn_type, v.sp_psn_type_lv, v.clct_grde, v.flxempe_flag, v.nwb_flag, v.insu_admdvs, v.emp_no,
      v.emp_name, v.emp_type, v.econ_type, v.afil_indu, v.afil_rlts, v.emp_mgt_type, v.pay_loc, v.fixmedins_code,
      v.fixmedins_name, v.hosp_lv, v.fix_blng_admdvs, v.lmtpric_hosp_lv, v.dedc_hosp_lv, v.begntime, v.endtime,
      v.mdtrt_cert_type, v.mdtrt_cert_no, v.med_type, v.rloc_type, v.ars_year_ipt_flag, v.pre_pay_flag, v.year,
      v.refl_old_mdtrt_id, v.ipt_otp_no, v.medrcdno, v.chfpdr_code, v.adm_diag_dscr, v.adm_dept_codg,
      v.adm_dept_name, v.adm_bed, v.wardarea_bed, v.traf_dept_flag, v.dscg_maindiag_code, v.dscg_dept_codg,
      v.dscg_dept_name, v.dscg_bed, v.dscg_way, v.main_cond_dscr, v.dise_no, v.dise_name, v.oprn_oprt_code,
      v.oprn_oprt_name, v.otp_diag_info, v.inhosp_stas, v.die_date, v.ipt_days, v.geso_val, v.birctrl_type,
      v.fetts, v.fetus_cnt, v.matn_type, v.prey_time, v.latechb_flag, v.pret_flag, v.fpsc_no, v.birctrl_matn_date,
      v.cop_flag, v.trt_dcla_detl_sn, v.vali_flag, v.memo, v.rid, v.updt_time, v.crter_id, v.crter_name,
      v.crte_time, v.crte_optins_no, v.opter_id, v.opter_name, v.opt_time, v.optins_no, v.poolarea_no,
      v.chfpdr_name, v.dscg_maindiag_name, v.adm_caty, v.dscg_caty, v.ttp_pay_flag, v.ttp_pay_prop,
      v.dise_type_code, v.same_dise_adm_flag, v.quts_type, v.pt,
    CASE WHEN v.begntime >= 0 THEN v.begntime / 86400 ELSE (v.begntime - 86399) / 86400 END AS begin_day,
    CASE WHEN v.endtime >= 0 THEN v.endtime / 86400 ELSE (v.endtime - 86399) / 86400 END AS end_day,
    COALESCE((SELECT sum(l.A) FROM counting_line l WHERE l.mdtrt_id = v.mdtrt_id), 0) AS stay_A,
    (SELECT sum(s.P) FROM counting_settlement s WHERE s.mdtrt_id = v.mdtrt_id) AS stay_F,
    upper(COALESCE(v.dscg_maindiag_code, (SELECT min(upper(d.diag_code)) FROM diagnosis d
    WHERE d.mdtrt_id = v.mdtrt_id AND d.maindiag_flag = '1' AND COALESCE(d.diag_type, '1') = '1'))) AS dx,
    substr(COALESCE(v.adm_caty, v.dscg_caty), 1, 3) AS adm_dept,
    substr(COALESCE(v.dscg_caty, v.adm_caty), 1, 3) AS dscg_dept,
    CASE WHEN EXISTS (SELECT 1 FROM med_type_b m WHERE m.is_ambiguous = 1 AND m.med_type = upper(v.med_type) AND m.begndate <= CASE WHEN v.begntime >= 0 THEN v.begntime / 86400 ELSE (v.begntime - 86399) / 86400 END AND (m.enddate IS NULL OR m.enddate >= CASE WHEN v.begntime >= 0 THEN v.begntime / 86400 ELSE (v.begntime - 86399) / 86400 END)) THEN NULL
    ELSE COALESCE((SELECT min(m.visit_class) FROM med_type_b m WHERE m.is_ambiguous = 0 AND m.med_type = upper(v.med_type) AND m.begndate <= CASE WHEN v.begntime >= 0 THEN v.begntime / 86400 ELSE (v.begntime - 86399) / 86400 END AND (m.enddate IS NULL OR m.enddate >= CASE WHEN v.begntime >= 0 THEN v.begntime / 86400 ELSE (v.begntime - 86399) / 86400 END)), 'other') END AS visit_class,
    CASE WHEN EXISTS (SELECT 1 FROM med_type_b m WHERE m.is_ambiguous = 1 AND m.med_type = upper(v.med_type) AND m.begndate <= CASE WHEN v.begntime >= 0 THEN v.begntime / 86400 ELSE (v.begntime - 86399) / 86400 END AND (m.enddate IS NULL OR m.enddate >= CASE WHEN v.begntime >= 0 THEN v.begntime / 86400 ELSE (v.begntime - 86399) / 86400 END)) THEN NULL
    ELSE COALESCE((SELECT min(m.opsp_flag) FROM med_type_b m WHERE m.is_ambiguous = 0 AND m.med_type = upper(v.med_type) AND m.begndate <= CASE WHEN v.begntime >= 0 THEN v.begntime / 86400 ELSE (v.begntime - 86399) / 86400 END AND (m.enddate IS NULL OR m.enddate >= CASE WHEN v.begntime >= 0 THEN v.begntime / 86400 ELSE (v.begntime - 86399) / 86400 END)), '0') END AS opsp_flag,
    CASE WHEN EXISTS (SELECT 1 FROM med_type_b m WHERE m.is_ambiguous = 1 AND m.med_type = upper(v.med_type) AND m.begndate <= CASE WHEN v.begntime >= 0 THEN v.begntime / 86400 ELSE (v.begntime - 86399) / 86400 END AND (m.enddate IS NULL OR m.enddate >= CASE WHEN v.begntime >= 0 THEN v.begntime / 86400 ELSE (v.begntime - 86399) / 86400 END)) THEN NULL
    ELSE COALESCE((SELECT min(m.reg_flag) FROM med_type_b m WHERE m.is_ambiguous = 0 AND m.med_type = upper(v.med_type) AND m.begndate <= CASE WHEN v.begntime >= 0 THEN v.begntime / 86400 ELSE (v.begntime - 86399) / 86400 END AND (m.enddate IS NULL OR m.enddate >= CASE WHEN v.begntime >= 0 THEN v.begntime / 86400 ELSE (v.begntime - 86399) / 86400 END)), '0') END AS reg_flag
  FROM visit v
  WHERE v.inhosp_stas IS NOT '1' AND v.begntime IS NOT NULL AND v.endtime IS NOT NULL AND v.med_type IS NOT NULL
    AND EXISTS (SELECT 1 FROM counting_settlement s WHERE s.mdtrt_id = v.mdtrt_id)
) x
WHERE x.visit_class = 'inpatient' AND x.end_day >= x.begin_day;
CREATE INDEX stay_by_mdtrt_id ON stay (mdtrt_id);
CREATE INDEX stay_by_psn_no ON stay (psn_no);

-- 钱的单位：每条明细的 F，每次结算的 U；付给谁、为谁、由谁开单。
-- Units of money: F of each line and U of each settlement; paid to whom, for whom, on whose signature.
CREATE TEMP TABLE money_unit AS
SELECT l.id AS unit, l.F AS fen, l.setl_id, s.fixmedins_code, s.psn_no,
  COALESCE(l.bilg_dr_code, '') AS practitioner, l.id AS line_id
FROM counting_line l JOIN counting_settlement s ON s.setl_id = l.setl_id
UNION ALL
SELECT 'U:' || s.setl_id, s.U, s.setl_id, s.fixmedins_code, s.psn_no, '', NULL
FROM counting_settlement s;
CREATE INDEX money_unit_by_setl_id ON money_unit (setl_id);
CREATE INDEX money_unit_by_line_id ON money_unit (line_id);

-- ==== 二、规则 · The rules ====
-- ==== ADM-01 v1 住院时间重叠 Overlapping stays ====

-- 规则所看的成对的行。 The pairs of rows the rule looks at.
CREATE TEMP TABLE "ADM-01 rows" AS
SELECT r.*,
  CASE WHEN (r."a.stay_F" IS r."b.stay_F") THEN CASE WHEN (r."a.nights" IS r."b.nights") THEN CASE WHEN (r."a.begin_day" IS r."b.begin_day") THEN CASE WHEN (r."a.mdtrt_id" IS r."b.mdtrt_id") THEN TRUE WHEN r."a.mdtrt_id" IS NULL THEN FALSE WHEN r."b.mdtrt_id" IS NULL THEN TRUE
    ELSE r."a.mdtrt_id" > r."b.mdtrt_id" END WHEN r."a.begin_day" IS NULL THEN FALSE WHEN r."b.begin_day" IS NULL THEN TRUE
    ELSE r."a.begin_day" > r."b.begin_day" END WHEN r."a.nights" IS NULL THEN FALSE WHEN r."b.nights" IS NULL THEN TRUE
    ELSE r."a.nights" < r."b.nights" END WHEN r."a.stay_F" IS NULL THEN FALSE WHEN r."b.stay_F" IS NULL THEN TRUE
    ELSE r."a.stay_F" < r."b.stay_F" END AS first_is_at_issue FROM (
  SELECT 
    "a".mdtrt_id AS "a.mdtrt_id",
    "b".mdtrt_id AS "b.mdtrt_id",
    "a".end_day AS "a.end_day",
    "b".end_day AS "b.end_day",
    "a".begin_day AS "a.begin_day",
    "b".begin_day AS "b.begin_day",
    "a".fixmedins_code AS "a.fixmedins_code",
    "b".fixmedins_code AS "b.fixmedins_code",
    "a".dscg_way AS "a.dscg_way",
    "b".dscg_way AS "b.dscg_way",
    "a".refl_old_mdtrt_id AS "a.refl_old_mdtrt_id",
    "b".refl_old_mdtrt_id AS "b.refl_old_mdtrt_id",
    "a".med_type AS "a.med_type",
    "b".med_type AS "b.med_type",
    "a".medrcdno AS "a.medrcdno",
    "b".medrcdno AS "b.medrcdno",
    "a".nwb_flag AS "a.nwb_flag",
    "b".nwb_flag AS "b.nwb_flag",
    "a".nights AS "a.nights",
    "b".nights AS "b.nights",
    "a".stay_F AS "a.stay_F",
    "b".stay_F AS "b.stay_F"
  FROM stay "a",
  stay "b"
  WHERE "a".psn_no = "b".psn_no AND "a".mdtrt_id < "b".mdtrt_id
) r;

-- 命中：条件为真，没有除外或豁免为真；空值既不命中也不豁免。
-- Hits: conditions are TRUE, no exemption is; NULL neither fires nor excuses.
CREATE TEMP TABLE "ADM-01 hits" AS
SELECT r.*, COALESCE(r."a.mdtrt_id", '') || '|' || COALESCE(r."b.mdtrt_id", '') AS key,
  row_number() OVER (ORDER BY r."a.mdtrt_id", r."b.mdtrt_id") AS hit
FROM "ADM-01 rows" r
WHERE ((min(r."a.end_day", r."b.end_day") - max(r."a.begin_day", r."b.begin_day")) >= (1 /* min_nights */)) IS TRUE  -- 命中条件 hit
  AND NOT ((min(r."a.end_day", r."b.end_day") - max(r."a.begin_day", r."b.begin_day")) = 1 AND (r."a.dscg_way" IN ('2', '3') OR r."b.dscg_way" IN ('2', '3') OR r."a.refl_old_mdtrt_id" = r."b.mdtrt_id" OR r."b.refl_old_mdtrt_id" = r."a.mdtrt_id" OR r."a.med_type" = '23' OR r."b.med_type" = '23')) IS TRUE  -- 豁免 EX-01
  AND NOT (r."a.fixmedins_code" = r."b.fixmedins_code" AND r."a.medrcdno" = r."b.medrcdno") IS TRUE  -- 豁免 EX-04
  AND NOT (r."a.nwb_flag" = '1' OR r."b.nwb_flag" = '1' OR r."a.med_type" = '52' OR r."b.med_type" = '52') IS TRUE  -- 豁免 EX-07
;
CREATE INDEX "ADM-01 hits by key" ON "ADM-01 hits" (key);

-- 发现所计的住院，每个一次。 What each finding sums, each once.
CREATE TEMP TABLE "ADM-01 stays of x" AS
SELECT DISTINCT r.key AS key, s.mdtrt_id AS id, s.stay_A AS stay_A, s.stay_F AS stay_F
FROM "ADM-01 hits" r JOIN stay s ON s.mdtrt_id = CASE WHEN r.first_is_at_issue THEN r."a.mdtrt_id" ELSE r."b.mdtrt_id" END;
CREATE INDEX "ADM-01 stays by x" ON "ADM-01 stays of x" (key);

-- 结论：同一键的命中是一个发现；由上而下第一个为真的情形定结论，都不为真则无发现。
-- Findings: hits of one key; the first case that is TRUE gives the verdict.
CREATE TEMP TABLE "ADM-01 findings" AS
SELECT * FROM (
  SELECT 'ADM-01' AS rule, g.key AS key,
    'institution' AS subject_type,
    COALESCE(CASE WHEN r.first_is_at_issue THEN r."a.fixmedins_code" ELSE r."b.fixmedins_code" END, '') AS subject,
    CASE
      WHEN (min(r."a.end_day", r."b.end_day") - max(r."a.begin_day", r."b.begin_day")) >= (2 /* severe_nights */) AND r."a.fixmedins_code" <> r."b.fixmedins_code" THEN '可疑'
      WHEN TRUE THEN '可疑' END AS verdict,
    CASE
      WHEN (min(r."a.end_day", r."b.end_day") - max(r."a.begin_day", r."b.begin_day")) >= (2 /* severe_nights */) AND r."a.fixmedins_code" <> r."b.fixmedins_code" THEN 10
      WHEN TRUE THEN 10 END AS precedence,
    (SELECT COALESCE(sum(s.stay_A), 0) FROM "ADM-01 stays of x" s WHERE s.key = g.key) AS amount_fen,
    (SELECT COALESCE(sum(s.stay_F), 0) FROM "ADM-01 stays of x" s WHERE s.key = g.key) AS fund_fen
  FROM (
    SELECT r.key AS key, min(r.hit) AS first_hit
    FROM "ADM-01 hits" r GROUP BY r.key) g
    JOIN "ADM-01 hits" r ON r.hit = g.first_hit
) f WHERE f.verdict IS NOT NULL;

-- 发现所主张的钱的单位。 The units of money each finding claims.
CREATE TEMP TABLE "ADM-01 claims" AS
SELECT DISTINCT f.rule, f.key AS key, u.unit, u.fen AS fen,
  COALESCE(u.fixmedins_code, '') AS fixmedins_code,
  COALESCE(u.psn_no, '') AS psn_no, u.practitioner
FROM "ADM-01 findings" f JOIN "ADM-01 hits" r ON r.key = f.key
  JOIN counting_settlement s ON s.mdtrt_id = CASE WHEN r.first_is_at_issue THEN r."a.mdtrt_id" ELSE r."b.mdtrt_id" END
  JOIN money_unit u ON u.setl_id = s.setl_id
WHERE u.fen IS NOT 0;

-- ==== ADM-05 v1 分解住院 Split stays ====

-- 相邻的行：在相同取值的行中按次序排列，前一行与后一行。
-- Neighbours: rows of equal values in their order, each with the one that follows.
CREATE TEMP TABLE "ADM-05 neighbours" AS
SELECT x.first_id, x.second_id FROM (
  SELECT "s1".mdtrt_id AS first_id,
    lead("s1".mdtrt_id) OVER (PARTITION BY "s1".psn_no, "s1".fixmedins_code ORDER BY "s1".begin_day, "s1".end_day, "s1".mdtrt_id) AS second_id
  FROM stay "s1"
  WHERE "s1".psn_no IS NOT NULL AND "s1".fixmedins_code IS NOT NULL
) x WHERE x.second_id IS NOT NULL;

-- 规则所看的相邻的行。 The neighbours the rule looks at.
CREATE TEMP TABLE "ADM-05 rows" AS
SELECT r.* FROM (
  SELECT 
    "s1".mdtrt_id AS "s1.mdtrt_id",
    "s2".mdtrt_id AS "s2.mdtrt_id",
    "s2".begin_day AS "s2.begin_day",
    "s1".end_day AS "s1.end_day",
    "s1".dscg_dept AS "s1.dscg_dept",
    "s2".adm_dept AS "s2.adm_dept",
    "s1".dscg_way AS "s1.dscg_way",
    "s2".fixmedins_code AS "s2.fixmedins_code",
    "s1".dx AS "s1.dx",
    "s2".dx AS "s2.dx",
    "s2".refl_old_mdtrt_id AS "s2.refl_old_mdtrt_id",
    "s2".med_type AS "s2.med_type",
    "s1".ars_year_ipt_flag AS "s1.ars_year_ipt_flag",
    "s2".ars_year_ipt_flag AS "s2.ars_year_ipt_flag",
    "s1".medrcdno AS "s1.medrcdno",
    "s2".medrcdno AS "s2.medrcdno",
    "s1".med_type AS "s1.med_type",
    "s1".nwb_flag AS "s1.nwb_flag",
    "s2".nwb_flag AS "s2.nwb_flag"
  FROM "ADM-05 neighbours" n
  JOIN stay "s1" ON "s1".mdtrt_id = n.first_id
  JOIN stay "s2" ON "s2".mdtrt_id = n.second_id
) r
WHERE ((r."s2.begin_day" - r."s1.end_day") >= 0) IS TRUE
  AND ((r."s2.begin_day" - r."s1.end_day") <= (15 /* max_days */)) IS TRUE;

-- 命中：条件为真，没有除外或豁免为真；空值既不命中也不豁免。
-- Hits: conditions are TRUE, no exemption is; NULL neither fires nor excuses.
CREATE TEMP TABLE "ADM-05 hits" AS
SELECT r.*, COALESCE(r."s1.mdtrt_id", '') || '|' || COALESCE(r."s2.mdtrt_id", '') AS key,
  row_number() OVER (ORDER BY r."s1.mdtrt_id", r."s2.mdtrt_id") AS hit
FROM "ADM-05 rows" r
WHERE NOT (r."s1.dx" IS NULL OR r."s2.dx" IS NULL) IS TRUE  -- 不可评价 unevaluable: 主要诊断缺失
  AND (substr(r."s1.dx", 1, 3) = substr(r."s2.dx", 1, 3) AND NOT ((r."s1.dscg_dept" <> r."s2.adm_dept") IS TRUE)) IS TRUE  -- 命中条件 hit
  AND NOT (r."s1.dscg_way" IN ('2', '3') OR NOT (r."s2.refl_old_mdtrt_id" IS NULL) OR r."s2.med_type" = '23') IS TRUE  -- 豁免 EX-01
  AND NOT (r."s2.med_type" = '24') IS TRUE  -- 豁免 EX-02
  AND NOT ((substr(r."s1.dx", 1, 5) = 'Z51.0' OR substr(r."s1.dx", 1, 5) = 'Z51.1' OR substr(r."s1.dx", 1, 3) = 'Z49' OR substr(r."s1.dx", 1, 3) = 'N18') OR (substr(r."s2.dx", 1, 5) = 'Z51.0' OR substr(r."s2.dx", 1, 5) = 'Z51.1' OR substr(r."s2.dx", 1, 3) = 'Z49' OR substr(r."s2.dx", 1, 3) = 'N18')) IS TRUE  -- 豁免 EX-03
  AND NOT (r."s1.ars_year_ipt_flag" = '1' OR r."s2.ars_year_ipt_flag" = '1' OR ((r."s2.begin_day" - r."s1.end_day") = 0 AND r."s1.medrcdno" = r."s2.medrcdno")) IS TRUE  -- 豁免 EX-04
  AND NOT (r."s1.med_type" IN ('26', '28') OR r."s2.med_type" IN ('26', '28')) IS TRUE  -- 豁免 EX-06
  AND NOT (r."s1.med_type" = '52' OR r."s2.med_type" = '52' OR r."s1.nwb_flag" = '1' OR r."s2.nwb_flag" = '1' OR (substr(r."s1.dx", 1, 1) = 'O' OR substr(r."s1.dx", 1, 1) = 'P')) IS TRUE  -- 豁免 EX-07
;
CREATE INDEX "ADM-05 hits by key" ON "ADM-05 hits" (key);

-- 发现所计的住院，每个一次。 What each finding sums, each once.
CREATE TEMP TABLE "ADM-05 stays of s2" AS
SELECT DISTINCT r.key AS key, s.mdtrt_id AS id, s.stay_A AS stay_A, s.stay_F AS stay_F
FROM "ADM-05 hits" r JOIN stay s ON s.mdtrt_id = r."s2.mdtrt_id";
CREATE INDEX "ADM-05 stays by s2" ON "ADM-05 stays of s2" (key);

-- 结论：同一键的命中是一个发现；由上而下第一个为真的情形定结论，都不为真则无发现。
-- Findings: hits of one key; the first case that is TRUE gives the verdict.
CREATE TEMP TABLE "ADM-05 findings" AS
SELECT * FROM (
  SELECT 'ADM-05' AS rule, g.key AS key,
    'institution' AS subject_type,
    COALESCE(r."s2.fixmedins_code", '') AS subject,
    CASE
      WHEN (r."s2.begin_day" - r."s1.end_day") <= (7 /* near_days */) AND NOT (r."s1.dscg_dept" IS NULL) AND NOT (r."s2.adm_dept" IS NULL) AND NOT (r."s1.dscg_way" IS '4') THEN '可疑'
      WHEN (r."s2.begin_day" - r."s1.end_day") <= (7 /* near_days */) THEN '线索'
      WHEN TRUE THEN '线索' END AS verdict,
    CASE
      WHEN (r."s2.begin_day" - r."s1.end_day") <= (7 /* near_days */) AND NOT (r."s1.dscg_dept" IS NULL) AND NOT (r."s2.adm_dept" IS NULL) AND NOT (r."s1.dscg_way" IS '4') THEN 20
      WHEN (r."s2.begin_day" - r."s1.end_day") <= (7 /* near_days */) THEN 9223372036854775807
      WHEN TRUE THEN 9223372036854775807 END AS precedence,
    (SELECT COALESCE(sum(s.stay_A), 0) FROM "ADM-05 stays of s2" s WHERE s.key = g.key) AS amount_fen,
    (SELECT COALESCE(sum(s.stay_F), 0) FROM "ADM-05 stays of s2" s WHERE s.key = g.key) AS fund_fen
  FROM (
    SELECT r.key AS key, min(r.hit) AS first_hit
    FROM "ADM-05 hits" r GROUP BY r.key) g
    JOIN "ADM-05 hits" r ON r.hit = g.first_hit
) f WHERE f.verdict IS NOT NULL;

-- 发现所主张的钱的单位。 The units of money each finding claims.
CREATE TEMP TABLE "ADM-05 claims" AS
SELECT DISTINCT f.rule, f.key AS key, u.unit, u.fen AS fen,
  COALESCE(u.fixmedins_code, '') AS fixmedins_code,
  COALESCE(u.psn_no, '') AS psn_no, u.practitioner
FROM "ADM-05 findings" f JOIN "ADM-05 hits" r ON r.key = f.key
  JOIN counting_settlement s ON s.mdtrt_id = r."s2.mdtrt_id"
  JOIN money_unit u ON u.setl_id = s.setl_id
WHERE u.fen IS NOT 0;

-- ==== CAT-01 v1 超医保目录结算 Item outside the catalogue settled with the fund ====

-- 规则所看的行。 The rows the rule looks at.
CREATE TEMP TABLE "CAT-01 rows" AS
SELECT r.* FROM (
  SELECT 
    "line".id AS "line.id",
    "line".fixmedins_code AS "line.fixmedins_code",
    "line".hilist_code AS "line.hilist_code",
    "line".med_list_codg AS "line.med_list_codg",
    "line.settlement".fix_blng_admdvs AS "line.settlement.fix_blng_admdvs",
    "line".list_type AS "line.list_type",
    "line".day AS "line.day",
    "line".inscp_amt AS "line.inscp_amt"
  FROM counting_line "line"
  LEFT JOIN counting_settlement "line.settlement" ON "line.settlement".setl_id = "line".setl_id
) r
WHERE (r."line.inscp_amt" > 0) IS TRUE;

-- 查找 local：med_hilist_b，按区划次序：六位、地市、省、国家，当日有效，起止日均含
-- Lookup local in med_hilist_b.
CREATE TEMP TABLE "CAT-01 lookup local" AS
SELECT r.*,
  g.hilist_code AS "local.hilist_code"
FROM (
  SELECT r.*,
    (SELECT z.number FROM (
      SELECT g.rowid AS number, CASE g.admdvs WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END THEN 0 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END THEN 1 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END THEN 2 ELSE 3 END AS level
      FROM med_hilist_b g WHERE g.med_list_codg = upper(r."line.med_list_codg") AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.admdvs IN (CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END, '000000')) z
    ORDER BY z.level, z.number LIMIT 1) AS "local.row",
    CASE WHEN r."line.med_list_codg" IS NULL OR r."line.day" IS NULL THEN 1 
      ELSE COALESCE((SELECT max(2) FROM med_hilist_b g WHERE g.med_list_codg = upper(r."line.med_list_codg") AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.admdvs IN (CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END, '000000') AND g.is_ambiguous = 1),
        (SELECT CASE WHEN count(*) > 1 OR max(z.is_ambiguous) = 1 THEN 2 WHEN count(*) = 1 THEN 0 END FROM (
      SELECT g.is_ambiguous AS is_ambiguous, CASE g.admdvs WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END THEN 0 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END THEN 1 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END THEN 2 ELSE 3 END AS level
      FROM med_hilist_b g WHERE g.med_list_codg = upper(r."line.med_list_codg") AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.admdvs IN (CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END, '000000')) z GROUP BY z.level ORDER BY z.level LIMIT 1), 0) END AS "local.unknown"
  FROM "CAT-01 rows" r) r
  LEFT JOIN med_hilist_b g
    ON g.rowid = r."local.row" AND r."local.unknown" = 0;

-- 查找 cat：hilist_b，按区划次序：六位、地市、省、国家，当日有效，起止日均含
-- Lookup cat in hilist_b.
CREATE TEMP TABLE "CAT-01 lookup cat" AS
SELECT r.*,
  g.chrgitm_lv AS "cat.chrgitm_lv"
FROM (
  SELECT r.*,
    COALESCE((SELECT z.number FROM (
      SELECT g.rowid AS number, CASE g.admdvs WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END THEN 0 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END THEN 1 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END THEN 2 ELSE 3 END AS level
      FROM hilist_b g WHERE g.hilist_code = upper(r."line.hilist_code") AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.admdvs IN (CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END, '000000')) z
    ORDER BY z.level, z.number LIMIT 1),
      (SELECT z.number FROM (
      SELECT g.rowid AS number, CASE g.admdvs WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END THEN 0 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END THEN 1 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END THEN 2 ELSE 3 END AS level
      FROM hilist_b g WHERE g.hilist_code = upper(COALESCE(r."local.hilist_code", r."line.med_list_codg")) AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.admdvs IN (CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END, '000000')) z
    ORDER BY z.level, z.number LIMIT 1)) AS "cat.row",
    CASE WHEN (r."line.hilist_code" IS NULL AND COALESCE(r."local.hilist_code", r."line.med_list_codg") IS NULL) OR r."line.day" IS NULL THEN 1 
      ELSE COALESCE((SELECT max(2) FROM hilist_b g WHERE g.hilist_code = upper(r."line.hilist_code") AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.admdvs IN (CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END, '000000') AND g.is_ambiguous = 1),
        (SELECT CASE WHEN count(*) > 1 OR max(z.is_ambiguous) = 1 THEN 2 WHEN count(*) = 1 THEN 0 END FROM (
      SELECT g.is_ambiguous AS is_ambiguous, CASE g.admdvs WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END THEN 0 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END THEN 1 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END THEN 2 ELSE 3 END AS level
      FROM hilist_b g WHERE g.hilist_code = upper(r."line.hilist_code") AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.admdvs IN (CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END, '000000')) z GROUP BY z.level ORDER BY z.level LIMIT 1),
        (SELECT max(2) FROM hilist_b g WHERE g.hilist_code = upper(COALESCE(r."local.hilist_code", r."line.med_list_codg")) AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.admdvs IN (CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END, '000000') AND g.is_ambiguous = 1),
        (SELECT CASE WHEN count(*) > 1 OR max(z.is_ambiguous) = 1 THEN 2 WHEN count(*) = 1 THEN 0 END FROM (
      SELECT g.is_ambiguous AS is_ambiguous, CASE g.admdvs WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END THEN 0 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END THEN 1 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END THEN 2 ELSE 3 END AS level
      FROM hilist_b g WHERE g.hilist_code = upper(COALESCE(r."local.hilist_code", r."line.med_list_codg")) AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.admdvs IN (CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END, '000000')) z GROUP BY z.level ORDER BY z.level LIMIT 1), 0) END AS "cat.unknown"
  FROM "CAT-01 lookup local" r) r
  LEFT JOIN hilist_b g
    ON g.rowid = r."cat.row" AND r."cat.unknown" = 0;

-- 查找 listed：hilist_b，按区划次序：六位、地市、省、国家，当日有效，起止日均含
-- Lookup listed in hilist_b.
CREATE TEMP TABLE "CAT-01 lookup listed" AS
SELECT r.*
FROM (
  SELECT r.*,
    (SELECT z.number FROM (
      SELECT g.rowid AS number, CASE g.admdvs WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END THEN 0 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END THEN 1 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END THEN 2 ELSE 3 END AS level
      FROM hilist_b g WHERE g.list_type = upper(r."line.list_type") AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.admdvs IN (CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END, '000000') AND g.is_ambiguous = 0) z
    ORDER BY z.level, z.number LIMIT 1) AS "listed.row",
    CASE WHEN r."line.list_type" IS NULL OR r."line.day" IS NULL THEN 1 
      ELSE 0 END AS "listed.unknown"
  FROM "CAT-01 lookup cat" r) r
  LEFT JOIN hilist_b g
    ON g.rowid = r."listed.row" AND r."listed.unknown" = 0;

-- 命中：条件为真，没有除外或豁免为真；空值既不命中也不豁免。
-- Hits: conditions are TRUE, no exemption is; NULL neither fires nor excuses.
CREATE TEMP TABLE "CAT-01 hits" AS
SELECT r.*, COALESCE(r."line.id", '') AS key,
  row_number() OVER (ORDER BY r."line.id") AS hit
FROM "CAT-01 lookup listed" r
WHERE NOT (r."line.hilist_code" IS NULL AND r."line.med_list_codg" IS NULL) IS TRUE  -- 不可评价 unevaluable: 明细没有医保目录编码和医疗目录编码
  AND NOT (NOT (r."line.med_list_codg" IS NULL) AND (CASE WHEN r."local.unknown" = 0 THEN r."local.row" IS NOT NULL END) IS NULL AND NOT ((CASE WHEN r."cat.unknown" = 0 THEN r."cat.row" IS NOT NULL END) IS TRUE)) IS TRUE  -- 不可评价 unevaluable: 编码对照表中该编码当日的记录重叠或有效期无法读取
  AND NOT ((CASE WHEN r."cat.unknown" = 0 THEN r."cat.row" IS NOT NULL END) IS NULL) IS TRUE  -- 不可评价 unevaluable: 目录中该编码当日的记录重叠或有效期无法读取
  AND NOT (NOT (CASE WHEN r."cat.unknown" = 0 THEN r."cat.row" IS NOT NULL END) AND NOT ((CASE WHEN r."listed.unknown" = 0 THEN r."listed.row" IS NOT NULL END) IS TRUE)) IS TRUE  -- 不可评价 unevaluable: 目录未覆盖该地区当日的此类项目
  AND (r."cat.chrgitm_lv" = '03' OR NOT (CASE WHEN r."cat.unknown" = 0 THEN r."cat.row" IS NOT NULL END)) IS TRUE  -- 命中条件 hit
;
CREATE INDEX "CAT-01 hits by key" ON "CAT-01 hits" (key);

-- 发现所指的明细。 The lines of each finding.
CREATE TEMP TABLE "CAT-01 lines" AS
SELECT DISTINCT r.key AS key, l.id AS id, l.A AS A, l.F AS F
FROM "CAT-01 hits" r JOIN counting_line l
  ON l.mdtrt_id || ':' || l.bkkp_sn = r."line.id";
CREATE INDEX "CAT-01 lines by key" ON "CAT-01 lines" (key);

-- 结论：同一键的命中是一个发现；由上而下第一个为真的情形定结论，都不为真则无发现。
-- Findings: hits of one key; the first case that is TRUE gives the verdict.
CREATE TEMP TABLE "CAT-01 findings" AS
SELECT * FROM (
  SELECT 'CAT-01' AS rule, g.key AS key,
    'institution' AS subject_type,
    COALESCE(r."line.fixmedins_code", '') AS subject,
    CASE
      WHEN r."cat.chrgitm_lv" = '03' THEN '明确违规'
      WHEN NOT (CASE WHEN r."cat.unknown" = 0 THEN r."cat.row" IS NOT NULL END) AND CASE WHEN r."listed.unknown" = 0 THEN r."listed.row" IS NOT NULL END THEN '可疑' END AS verdict,
    CASE
      WHEN r."cat.chrgitm_lv" = '03' THEN 30
      WHEN NOT (CASE WHEN r."cat.unknown" = 0 THEN r."cat.row" IS NOT NULL END) AND CASE WHEN r."listed.unknown" = 0 THEN r."listed.row" IS NOT NULL END THEN 70 END AS precedence,
    (SELECT CASE WHEN count(*) = count(l.A) THEN COALESCE(sum(l.A), 0) END FROM "CAT-01 lines" l WHERE l.key = g.key) AS amount_fen,
    (SELECT CASE WHEN count(*) = count(l.F) THEN COALESCE(sum(l.F), 0) END FROM "CAT-01 lines" l WHERE l.key = g.key) AS fund_fen
  FROM (
    SELECT r.key AS key, min(r.hit) AS first_hit
    FROM "CAT-01 hits" r GROUP BY r.key) g
    JOIN "CAT-01 hits" r ON r.hit = g.first_hit
) f WHERE f.verdict IS NOT NULL;

-- 发现所主张的钱的单位。 The units of money each finding claims.
CREATE TEMP TABLE "CAT-01 claims" AS
SELECT DISTINCT f.rule, f.key AS key, u.unit, u.fen AS fen,
  COALESCE(u.fixmedins_code, '') AS fixmedins_code,
  COALESCE(u.psn_no, '') AS psn_no, u.practitioner
FROM "CAT-01 findings" f JOIN "CAT-01 lines" l ON l.key = f.key JOIN money_unit u ON u.line_id = l.id
WHERE u.fen IS NOT 0;

-- ==== CAT-03 v1 限机构级别、就医方式、险种 Limits by level of institution, kind of visit and insurance ====

-- 规则所看的行。 The rows the rule looks at.
CREATE TEMP TABLE "CAT-03 rows" AS
SELECT r.* FROM (
  SELECT 
    "line".id AS "line.id",
    "line".day AS "line.day",
    "line".fixmedins_code AS "line.fixmedins_code",
    "line.settlement".visit_class AS "line.settlement.visit_class",
    "line.settlement".insutype AS "line.settlement.insutype",
    "line.settlement".visit_med_type AS "line.settlement.visit_med_type",
    "line.settlement".hosp_lv AS "line.settlement.hosp_lv",
    "line".med_list_codg AS "line.med_list_codg",
    "line".A AS "line.A"
  FROM counting_line "line"
  LEFT JOIN counting_settlement "line.settlement" ON "line.settlement".setl_id = "line".setl_id
) r
WHERE (r."line.A" > 0) IS TRUE;

-- 查找 lim：hilist_lmt_b，当日有效，起止日均含
-- Lookup lim in hilist_lmt_b.
CREATE TEMP TABLE "CAT-03 lookup lim" AS
SELECT DISTINCT r.*, g.lmt_type AS "lim.lmt_type"
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM hilist_lmt_b g WHERE g.med_list_codg = upper(r."line.med_list_codg") AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.is_ambiguous = 0 AND g.lmt_type IS NOT NULL) AS "lim.row",
    CASE WHEN r."line.med_list_codg" IS NULL OR r."line.day" IS NULL THEN 1 
      ELSE 0 END AS "lim.unknown"
  FROM "CAT-03 rows" r) r
  JOIN hilist_lmt_b a ON a.rowid = r."lim.row" AND r."lim.unknown" = 0
  JOIN hilist_lmt_b g ON g.med_list_codg = a.med_list_codg AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.is_ambiguous = 0
WHERE g.lmt_type IS NOT NULL;

-- 查找 inst：fixmedins_b，当日有效，起止日均含
-- Lookup inst in fixmedins_b.
CREATE TEMP TABLE "CAT-03 lookup inst" AS
SELECT r.*,
  g.hosp_lv AS "inst.hosp_lv"
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM fixmedins_b g WHERE g.fixmedins_code = upper(r."line.fixmedins_code") AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day")) AS "inst.row",
    CASE WHEN r."line.fixmedins_code" IS NULL OR r."line.day" IS NULL THEN 1 
      ELSE COALESCE((SELECT max(2) FROM fixmedins_b g WHERE g.fixmedins_code = upper(r."line.fixmedins_code") AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.is_ambiguous = 1),
        (SELECT CASE WHEN count(*) > 1 OR max(z.is_ambiguous) = 1 THEN 2 WHEN count(*) = 1 THEN 0 END FROM (
      SELECT g.is_ambiguous AS is_ambiguous
      FROM fixmedins_b g WHERE g.fixmedins_code = upper(r."line.fixmedins_code") AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day")) z), 0) END AS "inst.unknown"
  FROM "CAT-03 lookup lim" r) r
  LEFT JOIN fixmedins_b g
    ON g.rowid = r."inst.row" AND r."inst.unknown" = 0;

-- 查找 level：hosp_lv_rank
-- Lookup level in hosp_lv_rank.
CREATE TEMP TABLE "CAT-03 lookup level" AS
SELECT r.*,
  g.rank AS "level.rank"
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM hosp_lv_rank g WHERE g.hosp_lv = upper(COALESCE(r."inst.hosp_lv", r."line.settlement.hosp_lv"))) AS "level.row",
    CASE WHEN COALESCE(r."inst.hosp_lv", r."line.settlement.hosp_lv") IS NULL THEN 1 
      ELSE COALESCE((SELECT max(2) FROM hosp_lv_rank g WHERE g.hosp_lv = upper(COALESCE(r."inst.hosp_lv", r."line.settlement.hosp_lv")) AND g.is_ambiguous = 1),
        (SELECT CASE WHEN count(*) > 1 OR max(z.is_ambiguous) = 1 THEN 2 WHEN count(*) = 1 THEN 0 END FROM (
      SELECT g.is_ambiguous AS is_ambiguous
      FROM hosp_lv_rank g WHERE g.hosp_lv = upper(COALESCE(r."inst.hosp_lv", r."line.settlement.hosp_lv"))) z), 0) END AS "level.unknown"
  FROM "CAT-03 lookup inst" r) r
  LEFT JOIN hosp_lv_rank g
    ON g.rowid = r."level.row" AND r."level.unknown" = 0;

-- 命中：条件为真，没有除外或豁免为真；空值既不命中也不豁免。
-- Hits: conditions are TRUE, no exemption is; NULL neither fires nor excuses.
CREATE TEMP TABLE "CAT-03 hits" AS
SELECT r.*, COALESCE(r."line.id", '') || '|' || COALESCE(r."lim.lmt_type", '') AS key,
  row_number() OVER (ORDER BY r."line.id", r."lim.lmt_type") AS hit
FROM "CAT-03 lookup level" r
WHERE (CASE WHEN r."lim.unknown" = 0 THEN r."lim.row" IS NOT NULL END) IS TRUE  -- 范围 scope
  AND r."level.unknown" <> 2  -- 登记行有效期重叠或无法读取，不可评价 overlapping or undated registry rows
  AND NOT (r."lim.lmt_type" = 'hosp_lv' AND NOT (r."line.fixmedins_code" IS NULL) AND (CASE WHEN r."inst.unknown" = 0 THEN r."inst.row" IS NOT NULL END) IS NULL) IS TRUE  -- 不可评价 unevaluable: 机构登记表中该机构当日的记录重叠或有效期无法读取
  AND ((r."lim.lmt_type" = 'hosp_lv' AND r."level.rank" < ((SELECT max(CASE WHEN (g.lmt_val <> '' AND g.lmt_val NOT GLOB '*[^0-9]*' AND length(ltrim(g.lmt_val, '0')) <= 18) THEN CAST(g.lmt_val AS INTEGER) END) FROM hilist_lmt_b g, hilist_lmt_b a
    WHERE a.rowid = r."lim.row" AND g.med_list_codg = a.med_list_codg AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.is_ambiguous = 0 AND g.lmt_type = r."lim.lmt_type")) AND NOT (((substr(r."line.fixmedins_code", 1, 1) = 'P') OR (substr(r."line.fixmedins_code", 1, 1) = 'p')) IS TRUE) AND NOT (r."line.settlement.visit_class" IS 'emergency')) OR (r."lim.lmt_type" = 'visit' AND r."line.settlement.visit_class" IN ('inpatient', 'outpatient', 'pharmacy') AND NOT (CASE WHEN r."lim.unknown" = 0 AND r."line.settlement.visit_class" IS NOT NULL THEN EXISTS (SELECT 1 FROM hilist_lmt_b g, hilist_lmt_b a
    WHERE a.rowid = r."lim.row" AND g.med_list_codg = a.med_list_codg AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.is_ambiguous = 0 AND g.lmt_type = r."lim.lmt_type" AND g.lmt_val = r."line.settlement.visit_class") END)) OR (r."lim.lmt_type" = 'insutype' AND ((CASE WHEN r."lim.unknown" = 0 AND 'work_injury' IS NOT NULL THEN EXISTS (SELECT 1 FROM hilist_lmt_b g, hilist_lmt_b a
    WHERE a.rowid = r."lim.row" AND g.med_list_codg = a.med_list_codg AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.is_ambiguous = 0 AND g.lmt_type = r."lim.lmt_type" AND g.lmt_val = 'work_injury') END AND r."line.settlement.insutype" <> '410') OR (CASE WHEN r."lim.unknown" = 0 AND 'maternity' IS NOT NULL THEN EXISTS (SELECT 1 FROM hilist_lmt_b g, hilist_lmt_b a
    WHERE a.rowid = r."lim.row" AND g.med_list_codg = a.med_list_codg AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.is_ambiguous = 0 AND g.lmt_type = r."lim.lmt_type" AND g.lmt_val = 'maternity') END AND r."line.settlement.insutype" <> '510' AND NOT (((substr(r."line.settlement.visit_med_type", 1, 1) = '5')) IS TRUE))))) IS TRUE  -- 命中条件 hit
;
CREATE INDEX "CAT-03 hits by key" ON "CAT-03 hits" (key);

-- 发现所指的明细。 The lines of each finding.
CREATE TEMP TABLE "CAT-03 lines" AS
SELECT DISTINCT r.key AS key, l.id AS id, l.A AS A, l.F AS F
FROM "CAT-03 hits" r JOIN counting_line l
  ON l.mdtrt_id || ':' || l.bkkp_sn = r."line.id";
CREATE INDEX "CAT-03 lines by key" ON "CAT-03 lines" (key);

-- 结论：同一键的命中是一个发现；由上而下第一个为真的情形定结论，都不为真则无发现。
-- Findings: hits of one key; the first case that is TRUE gives the verdict.
CREATE TEMP TABLE "CAT-03 findings" AS
SELECT * FROM (
  SELECT 'CAT-03' AS rule, g.key AS key,
    'institution' AS subject_type,
    COALESCE(r."line.fixmedins_code", '') AS subject,
    CASE
      WHEN ((SELECT min(g.sure_flag) FROM hilist_lmt_b g, hilist_lmt_b a
    WHERE a.rowid = r."lim.row" AND g.med_list_codg = a.med_list_codg AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.is_ambiguous = 0 AND g.lmt_type = r."lim.lmt_type")) = 1 AND NOT ((r."lim.lmt_type" = 'hosp_lv' AND r."level.rank" = 0) IS TRUE) THEN '明确违规'
      WHEN TRUE THEN '可疑' END AS verdict,
    CASE
      WHEN ((SELECT min(g.sure_flag) FROM hilist_lmt_b g, hilist_lmt_b a
    WHERE a.rowid = r."lim.row" AND g.med_list_codg = a.med_list_codg AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.is_ambiguous = 0 AND g.lmt_type = r."lim.lmt_type")) = 1 AND NOT ((r."lim.lmt_type" = 'hosp_lv' AND r."level.rank" = 0) IS TRUE) THEN 40
      WHEN TRUE THEN 60 END AS precedence,
    (SELECT CASE WHEN count(*) = count(l.A) THEN COALESCE(sum(l.A), 0) END FROM "CAT-03 lines" l WHERE l.key = g.key) AS amount_fen,
    (SELECT CASE WHEN count(*) = count(l.F) THEN COALESCE(sum(l.F), 0) END FROM "CAT-03 lines" l WHERE l.key = g.key) AS fund_fen
  FROM (
    SELECT r.key AS key, min(r.hit) AS first_hit
    FROM "CAT-03 hits" r GROUP BY r.key) g
    JOIN "CAT-03 hits" r ON r.hit = g.first_hit
) f WHERE f.verdict IS NOT NULL;

-- 发现所主张的钱的单位。 The units of money each finding claims.
CREATE TEMP TABLE "CAT-03 claims" AS
SELECT DISTINCT f.rule, f.key AS key, u.unit, u.fen AS fen,
  COALESCE(u.fixmedins_code, '') AS fixmedins_code,
  COALESCE(u.psn_no, '') AS psn_no, u.practitioner
FROM "CAT-03 findings" f JOIN "CAT-03 lines" l ON l.key = f.key JOIN money_unit u ON u.line_id = l.id
WHERE u.fen IS NOT 0;

-- ==== CHR-03 v1 病种与用药不符 Drug not on the list of the disease ====

-- 规则所看的行。 The rows the rule looks at.
CREATE TEMP TABLE "CHR-03 rows" AS
SELECT r.* FROM (
  SELECT 
    "line".id AS "line.id",
    "line".fixmedins_code AS "line.fixmedins_code",
    "line".dise_codg AS "line.dise_codg",
    "line.settlement".dise_no AS "line.settlement.dise_no",
    "line".med_list_codg AS "line.med_list_codg",
    "line.settlement".fix_blng_admdvs AS "line.settlement.fix_blng_admdvs",
    "line".psn_no AS "line.psn_no",
    "line".day AS "line.day",
    "line.settlement".insu_admdvs AS "line.settlement.insu_admdvs",
    "line.settlement".reg_flag AS "line.settlement.reg_flag",
    "line".list_type AS "line.list_type",
    "line".A AS "line.A"
  FROM counting_line "line"
  LEFT JOIN counting_settlement "line.settlement" ON "line.settlement".setl_id = "line".setl_id
) r
WHERE (r."line.settlement.reg_flag" = '1') IS TRUE
  AND ((substr(r."line.list_type", 1, 1) = '1')) IS TRUE
  AND (r."line.A" > 0) IS TRUE;

-- 查找 region：opsp_reg_d
-- Lookup region in opsp_reg_d.
CREATE TEMP TABLE "CHR-03 lookup region" AS
SELECT r.*
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM opsp_reg_d g WHERE g.insu_admdvs = upper(r."line.settlement.insu_admdvs") AND g.is_ambiguous = 0) AS "region.row",
    CASE WHEN r."line.settlement.insu_admdvs" IS NULL THEN 1 
      ELSE 0 END AS "region.unknown"
  FROM "CHR-03 rows" r) r
  LEFT JOIN opsp_reg_d g
    ON g.rowid = r."region.row" AND r."region.unknown" = 0;

-- 查找 listed：opsp_dise_drug_b，按区划次序：六位、地市、省、国家，当日有效，起止日均含
-- Lookup listed in opsp_dise_drug_b.
CREATE TEMP TABLE "CHR-03 lookup listed" AS
SELECT r.*
FROM (
  SELECT r.*,
    (SELECT z.number FROM (
      SELECT g.rowid AS number, CASE g.admdvs WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END THEN 0 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END THEN 1 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END THEN 2 ELSE 3 END AS level
      FROM opsp_dise_drug_b g WHERE g.opsp_dise_code = upper(COALESCE(r."line.dise_codg", r."line.settlement.dise_no")) AND length(g.drug_code) >= 10 AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.admdvs IN (CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END, '000000') AND g.is_ambiguous = 0) z
    ORDER BY z.level, z.number LIMIT 1) AS "listed.row",
    CASE WHEN COALESCE(r."line.dise_codg", r."line.settlement.dise_no") IS NULL OR r."line.day" IS NULL THEN 1 
      ELSE 0 END AS "listed.unknown"
  FROM "CHR-03 lookup region" r) r
  LEFT JOIN opsp_dise_drug_b g
    ON g.rowid = r."listed.row" AND r."listed.unknown" = 0;

-- 查找 on_list：opsp_dise_drug_b，按区划次序：六位、地市、省、国家，当日有效，起止日均含
-- Lookup on_list in opsp_dise_drug_b.
CREATE TEMP TABLE "CHR-03 lookup on_list" AS
SELECT r.*
FROM (
  SELECT r.*,
    (SELECT z.number FROM (
      SELECT g.rowid AS number, CASE g.admdvs WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END THEN 0 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END THEN 1 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END THEN 2 ELSE 3 END AS level
      FROM opsp_dise_drug_b g WHERE g.opsp_dise_code = upper(COALESCE(r."line.dise_codg", r."line.settlement.dise_no")) AND length(g.drug_code) >= 10 AND substr(upper(r."line.med_list_codg"), 1, length(g.drug_code)) = g.drug_code AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.admdvs IN (CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END, '000000') AND g.is_ambiguous = 0) z
    ORDER BY z.level, z.number LIMIT 1) AS "on_list.row",
    CASE WHEN COALESCE(r."line.dise_codg", r."line.settlement.dise_no") IS NULL OR r."line.med_list_codg" IS NULL OR r."line.day" IS NULL THEN 1 
      ELSE 0 END AS "on_list.unknown"
  FROM "CHR-03 lookup listed" r) r
  LEFT JOIN opsp_dise_drug_b g
    ON g.rowid = r."on_list.row" AND r."on_list.unknown" = 0;

-- 查找 regs：opsp_reg_d，当日有效，起止日均含
-- Lookup regs in opsp_reg_d.
CREATE TEMP TABLE "CHR-03 lookup regs" AS
SELECT r.*
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM opsp_reg_d g WHERE g.psn_no = upper(r."line.psn_no") AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.is_ambiguous = 0) AS "regs.row",
    CASE WHEN r."line.psn_no" IS NULL OR r."line.day" IS NULL THEN 1 
      ELSE 0 END AS "regs.unknown"
  FROM "CHR-03 lookup on_list" r) r
  LEFT JOIN opsp_reg_d g
    ON g.rowid = r."regs.row" AND r."regs.unknown" = 0;

-- 查找 on_other_list：opsp_dise_drug_b，按区划次序：六位、地市、省、国家，当日有效，起止日均含
-- Lookup on_other_list in opsp_dise_drug_b.
CREATE TEMP TABLE "CHR-03 lookup on_other_list" AS
SELECT r.*
FROM (
  SELECT r.*,
    (SELECT z.number FROM (
      SELECT g.rowid AS number, CASE g.admdvs WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END THEN 0 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END THEN 1 WHEN CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END THEN 2 ELSE 3 END AS level
      FROM opsp_dise_drug_b g WHERE EXISTS (SELECT 1 FROM opsp_reg_d h_regs WHERE h_regs.psn_no = upper(r."line.psn_no") AND h_regs.begndate <= r."line.day" AND (h_regs.enddate IS NULL OR h_regs.enddate >= r."line.day") AND h_regs.is_ambiguous = 0 AND h_regs.opsp_dise_code = g.opsp_dise_code) AND length(g.drug_code) >= 10 AND substr(upper(r."line.med_list_codg"), 1, length(g.drug_code)) = g.drug_code AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.admdvs IN (CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN r."line.settlement.fix_blng_admdvs" END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END, CASE WHEN length(CAST(r."line.settlement.fix_blng_admdvs" AS BLOB)) = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END, '000000') AND g.is_ambiguous = 0) z
    ORDER BY z.level, z.number LIMIT 1) AS "on_other_list.row",
    CASE WHEN r."line.med_list_codg" IS NULL OR r."regs.unknown" <> 0 OR r."line.day" IS NULL THEN 1 
      ELSE 0 END AS "on_other_list.unknown"
  FROM "CHR-03 lookup regs" r) r
  LEFT JOIN opsp_dise_drug_b g
    ON g.rowid = r."on_other_list.row" AND r."on_other_list.unknown" = 0;

-- 命中：条件为真，没有除外或豁免为真；空值既不命中也不豁免。
-- Hits: conditions are TRUE, no exemption is; NULL neither fires nor excuses.
CREATE TEMP TABLE "CHR-03 hits" AS
SELECT r.*, COALESCE(r."line.id", '') AS key,
  row_number() OVER (ORDER BY r."line.id") AS hit
FROM "CHR-03 lookup on_other_list" r
WHERE r."on_list.unknown" <> 2  -- 登记行有效期重叠或无法读取，不可评价 overlapping or undated registry rows
  AND r."regs.unknown" <> 2  -- 登记行有效期重叠或无法读取，不可评价 overlapping or undated registry rows
  AND r."on_other_list.unknown" <> 2  -- 登记行有效期重叠或无法读取，不可评价 overlapping or undated registry rows
  AND NOT (COALESCE(r."line.dise_codg", r."line.settlement.dise_no") IS NULL) IS TRUE  -- 不可评价 unevaluable: 没有病种编码
  AND NOT (NOT ((CASE WHEN r."region.unknown" = 0 THEN r."region.row" IS NOT NULL END) IS TRUE)) IS TRUE  -- 不可评价 unevaluable: 备案表未覆盖参保地
  AND NOT (NOT ((CASE WHEN r."listed.unknown" = 0 THEN r."listed.row" IS NOT NULL END) IS TRUE)) IS TRUE  -- 不可评价 unevaluable: 该病种没有药品目录
  AND (NOT (r."line.med_list_codg" IS NULL) AND NOT (CASE WHEN r."on_list.unknown" = 0 THEN r."on_list.row" IS NOT NULL END) AND NOT (CASE WHEN r."on_other_list.unknown" = 0 THEN r."on_other_list.row" IS NOT NULL END)) IS TRUE  -- 命中条件 hit
;
CREATE INDEX "CHR-03 hits by key" ON "CHR-03 hits" (key);

-- 发现所指的明细。 The lines of each finding.
CREATE TEMP TABLE "CHR-03 lines" AS
SELECT DISTINCT r.key AS key, l.id AS id, l.A AS A, l.F AS F
FROM "CHR-03 hits" r JOIN counting_line l
  ON l.mdtrt_id || ':' || l.bkkp_sn = r."line.id";
CREATE INDEX "CHR-03 lines by key" ON "CHR-03 lines" (key);

-- 结论：同一键的命中是一个发现；由上而下第一个为真的情形定结论，都不为真则无发现。
-- Findings: hits of one key; the first case that is TRUE gives the verdict.
CREATE TEMP TABLE "CHR-03 findings" AS
SELECT * FROM (
  SELECT 'CHR-03' AS rule, g.key AS key,
    'institution' AS subject_type,
    COALESCE(r."line.fixmedins_code", '') AS subject,
    CASE
      WHEN TRUE THEN '可疑' END AS verdict,
    CASE
      WHEN TRUE THEN 80 END AS precedence,
    (SELECT CASE WHEN count(*) = count(l.A) THEN COALESCE(sum(l.A), 0) END FROM "CHR-03 lines" l WHERE l.key = g.key) AS amount_fen,
    (SELECT CASE WHEN count(*) = count(l.F) THEN COALESCE(sum(l.F), 0) END FROM "CHR-03 lines" l WHERE l.key = g.key) AS fund_fen
  FROM (
    SELECT r.key AS key, min(r.hit) AS first_hit
    FROM "CHR-03 hits" r GROUP BY r.key) g
    JOIN "CHR-03 hits" r ON r.hit = g.first_hit
) f WHERE f.verdict IS NOT NULL;

-- 发现所主张的钱的单位。 The units of money each finding claims.
CREATE TEMP TABLE "CHR-03 claims" AS
SELECT DISTINCT f.rule, f.key AS key, u.unit, u.fen AS fen,
  COALESCE(u.fixmedins_code, '') AS fixmedins_code,
  COALESCE(u.psn_no, '') AS psn_no, u.practitioner
FROM "CHR-03 findings" f JOIN "CHR-03 lines" l ON l.key = f.key JOIN money_unit u ON u.line_id = l.id
WHERE u.fen IS NOT 0;

-- ==== CHR-04 v1 无备案享受慢特病待遇 Chronic-disease benefit without registration ====

-- 规则所看的行。 The rows the rule looks at.
CREATE TEMP TABLE "CHR-04 rows" AS
SELECT r.* FROM (
  SELECT 
    "settlement".setl_id AS "settlement.setl_id",
    "settlement".fixmedins_code AS "settlement.fixmedins_code",
    "settlement".dise_no AS "settlement.dise_no",
    "settlement".psn_no AS "settlement.psn_no",
    "settlement".day AS "settlement.day",
    "settlement".insu_admdvs AS "settlement.insu_admdvs",
    "settlement".reg_flag AS "settlement.reg_flag"
  FROM counting_settlement "settlement"
) r
WHERE (r."settlement.reg_flag" = '1') IS TRUE;

-- 查找 region：opsp_reg_d
-- Lookup region in opsp_reg_d.
CREATE TEMP TABLE "CHR-04 lookup region" AS
SELECT r.*
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM opsp_reg_d g WHERE g.insu_admdvs = upper(r."settlement.insu_admdvs") AND g.is_ambiguous = 0) AS "region.row",
    CASE WHEN r."settlement.insu_admdvs" IS NULL THEN 1 
      ELSE 0 END AS "region.unknown"
  FROM "CHR-04 rows" r) r
  LEFT JOIN opsp_reg_d g
    ON g.rowid = r."region.row" AND r."region.unknown" = 0;

-- 查找 disease：opsp_reg_d
-- Lookup disease in opsp_reg_d.
CREATE TEMP TABLE "CHR-04 lookup disease" AS
SELECT r.*
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM opsp_reg_d g WHERE g.opsp_dise_code = upper(r."settlement.dise_no") AND g.is_ambiguous = 0) AS "disease.row",
    CASE WHEN r."settlement.dise_no" IS NULL THEN 1 
      ELSE 0 END AS "disease.unknown"
  FROM "CHR-04 lookup region" r) r
  LEFT JOIN opsp_reg_d g
    ON g.rowid = r."disease.row" AND r."disease.unknown" = 0;

-- 查找 reg：opsp_reg_d，当日有效，起止日均含
-- Lookup reg in opsp_reg_d.
CREATE TEMP TABLE "CHR-04 lookup reg" AS
SELECT r.*
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM opsp_reg_d g WHERE g.psn_no = upper(r."settlement.psn_no") AND (r."settlement.dise_no" IS NULL OR (g.opsp_dise_code = upper(r."settlement.dise_no"))) AND g.begndate <= r."settlement.day" AND (g.enddate IS NULL OR g.enddate >= r."settlement.day") AND g.is_ambiguous = 0) AS "reg.row",
    CASE WHEN r."settlement.psn_no" IS NULL OR r."settlement.day" IS NULL THEN 1 
      ELSE COALESCE((SELECT max(2) FROM opsp_reg_d g WHERE g.psn_no = upper(r."settlement.psn_no") AND (r."settlement.dise_no" IS NULL OR (g.opsp_dise_code = upper(r."settlement.dise_no"))) AND g.begndate <= r."settlement.day" AND (g.enddate IS NULL OR g.enddate >= r."settlement.day") AND g.is_ambiguous = 1), 0) END AS "reg.unknown"
  FROM "CHR-04 lookup disease" r) r
  LEFT JOIN opsp_reg_d g
    ON g.rowid = r."reg.row" AND r."reg.unknown" = 0;

-- 查找 near：opsp_reg_d，当日有效，起止日均含
-- Lookup near in opsp_reg_d.
CREATE TEMP TABLE "CHR-04 lookup near" AS
SELECT r.*
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM opsp_reg_d g WHERE g.psn_no = upper(r."settlement.psn_no") AND (r."settlement.dise_no" IS NULL OR (g.opsp_dise_code = upper(r."settlement.dise_no"))) AND g.begndate <= r."settlement.day" + (30 /* grace_days */) AND (g.enddate IS NULL OR g.enddate >= r."settlement.day" - (30 /* grace_days */)) AND g.is_ambiguous = 0) AS "near.row",
    CASE WHEN r."settlement.psn_no" IS NULL OR r."settlement.day" IS NULL OR (30 /* grace_days */) IS NULL THEN 1 
      ELSE COALESCE((SELECT max(2) FROM opsp_reg_d g WHERE g.psn_no = upper(r."settlement.psn_no") AND (r."settlement.dise_no" IS NULL OR (g.opsp_dise_code = upper(r."settlement.dise_no"))) AND g.begndate <= r."settlement.day" + (30 /* grace_days */) AND (g.enddate IS NULL OR g.enddate >= r."settlement.day" - (30 /* grace_days */)) AND g.is_ambiguous = 1), 0) END AS "near.unknown"
  FROM "CHR-04 lookup reg" r) r
  LEFT JOIN opsp_reg_d g
    ON g.rowid = r."near.row" AND r."near.unknown" = 0;

-- 命中：条件为真，没有除外或豁免为真；空值既不命中也不豁免。
-- Hits: conditions are TRUE, no exemption is; NULL neither fires nor excuses.
CREATE TEMP TABLE "CHR-04 hits" AS
SELECT r.*, COALESCE(r."settlement.setl_id", '') AS key,
  row_number() OVER (ORDER BY r."settlement.setl_id") AS hit
FROM "CHR-04 lookup near" r
WHERE r."near.unknown" <> 2  -- 登记行有效期重叠或无法读取，不可评价 overlapping or undated registry rows
  AND NOT (NOT ((CASE WHEN r."region.unknown" = 0 THEN r."region.row" IS NOT NULL END) IS TRUE)) IS TRUE  -- 不可评价 unevaluable: 备案表未覆盖参保地
  AND NOT (NOT (r."settlement.dise_no" IS NULL) AND NOT ((CASE WHEN r."disease.unknown" = 0 THEN r."disease.row" IS NOT NULL END) IS TRUE)) IS TRUE  -- 不可评价 unevaluable: 病种编码在备案表中从未出现，无法对照
  AND NOT ((CASE WHEN r."reg.unknown" = 0 THEN r."reg.row" IS NOT NULL END) IS NULL) IS TRUE  -- 不可评价 unevaluable: 结算没有人员编号或日期
  AND (NOT (CASE WHEN r."reg.unknown" = 0 THEN r."reg.row" IS NOT NULL END)) IS TRUE  -- 命中条件 hit
;
CREATE INDEX "CHR-04 hits by key" ON "CHR-04 hits" (key);

-- 发现所指的明细。 The lines of each finding.
CREATE TEMP TABLE "CHR-04 lines" AS
SELECT DISTINCT r.key AS key, "each_l".id AS id, "each_l".A AS A, "each_l".F AS F
FROM "CHR-04 hits" r, counting_line "each_l"
WHERE "each_l".setl_id = r."settlement.setl_id" AND ("each_l".A > 0) IS TRUE;
CREATE INDEX "CHR-04 lines by key" ON "CHR-04 lines" (key);

-- 发现所计的结算，每个一次。 What each finding sums, each once.
CREATE TEMP TABLE "CHR-04 settlements of settlement" AS
SELECT DISTINCT r.key AS key, s.setl_id AS id, s.A AS A, s.P AS P
FROM "CHR-04 hits" r JOIN counting_settlement s ON s.setl_id = r."settlement.setl_id";
CREATE INDEX "CHR-04 settlements by settlement" ON "CHR-04 settlements of settlement" (key);

-- 结论：同一键的命中是一个发现；由上而下第一个为真的情形定结论，都不为真则无发现。
-- Findings: hits of one key; the first case that is TRUE gives the verdict.
CREATE TEMP TABLE "CHR-04 findings" AS
SELECT * FROM (
  SELECT 'CHR-04' AS rule, g.key AS key,
    'institution' AS subject_type,
    COALESCE(r."settlement.fixmedins_code", '') AS subject,
    CASE
      WHEN CASE WHEN r."near.unknown" = 0 THEN r."near.row" IS NOT NULL END THEN '线索'
      WHEN TRUE THEN '可疑' END AS verdict,
    CASE
      WHEN CASE WHEN r."near.unknown" = 0 THEN r."near.row" IS NOT NULL END THEN 9223372036854775807
      WHEN TRUE THEN 50 END AS precedence,
    (SELECT COALESCE(sum(s.A), 0) FROM "CHR-04 settlements of settlement" s WHERE s.key = g.key) AS amount_fen,
    (SELECT COALESCE(sum(s.P), 0) FROM "CHR-04 settlements of settlement" s WHERE s.key = g.key) AS fund_fen
  FROM (
    SELECT r.key AS key, min(r.hit) AS first_hit
    FROM "CHR-04 hits" r GROUP BY r.key) g
    JOIN "CHR-04 hits" r ON r.hit = g.first_hit
) f WHERE f.verdict IS NOT NULL;

-- 发现所主张的钱的单位。 The units of money each finding claims.
CREATE TEMP TABLE "CHR-04 claims" AS
SELECT DISTINCT f.rule, f.key AS key, u.unit, u.fen AS fen,
  COALESCE(u.fixmedins_code, '') AS fixmedins_code,
  COALESCE(u.psn_no, '') AS psn_no, u.practitioner
FROM "CHR-04 findings" f JOIN "CHR-04 hits" r ON r.key = f.key
  JOIN counting_settlement s ON s.setl_id = r."settlement.setl_id"
  JOIN money_unit u ON u.setl_id = s.setl_id
WHERE u.fen IS NOT 0;

-- ==== 三、汇总 · Together ====
CREATE TEMP TABLE every_finding AS
SELECT x.rule, x.key AS key, x.subject_type, x.subject, x.verdict, x.precedence, x.amount_fen, x.fund_fen FROM "ADM-01 findings" x
UNION ALL
SELECT x.rule, x.key AS key, x.subject_type, x.subject, x.verdict, x.precedence, x.amount_fen, x.fund_fen FROM "ADM-05 findings" x
UNION ALL
SELECT x.rule, x.key AS key, x.subject_type, x.subject, x.verdict, x.precedence, x.amount_fen, x.fund_fen FROM "CAT-01 findings" x
UNION ALL
SELECT x.rule, x.key AS key, x.subject_type, x.subject, x.verdict, x.precedence, x.amount_fen, x.fund_fen FROM "CAT-03 findings" x
UNION ALL
SELECT x.rule, x.key AS key, x.subject_type, x.subject, x.verdict, x.precedence, x.amount_fen, x.fund_fen FROM "CHR-03 findings" x
UNION ALL
SELECT x.rule, x.key AS key, x.subject_type, x.subject, x.verdict, x.precedence, x.amount_fen, x.fund_fen FROM "CHR-04 findings" x;

CREATE TEMP TABLE every_claim AS
SELECT x.rule, x.key AS key, x.unit, x.fen, x.fixmedins_code, x.psn_no, x.practitioner FROM "ADM-01 claims" x
UNION ALL
SELECT x.rule, x.key AS key, x.unit, x.fen, x.fixmedins_code, x.psn_no, x.practitioner FROM "ADM-05 claims" x
UNION ALL
SELECT x.rule, x.key AS key, x.unit, x.fen, x.fixmedins_code, x.psn_no, x.practitioner FROM "CAT-01 claims" x
UNION ALL
SELECT x.rule, x.key AS key, x.unit, x.fen, x.fixmedins_code, x.psn_no, x.practitioner FROM "CAT-03 claims" x
UNION ALL
SELECT x.rule, x.key AS key, x.unit, x.fen, x.fixmedins_code, x.psn_no, x.practitioner FROM "CHR-03 claims" x
UNION ALL
SELECT x.rule, x.key AS key, x.unit, x.fen, x.fixmedins_code, x.psn_no, x.practitioner FROM "CHR-04 claims" x;

-- 本案的发现：对象是 institution H99010101000。 Findings about the subject of the case.
CREATE TEMP TABLE case_finding AS
SELECT * FROM every_finding f
WHERE f.subject_type = 'institution' AND f.subject = 'H99010101000';

-- 一分钱只计一次：每个单位归次序最先的发现（优先次序、规则、键）；线索不计；只计付给（或为）本案对象的钱。
-- One fen once: each unit goes to its first claimant in the case; leads count nothing.
CREATE TEMP TABLE counted_unit AS
SELECT w.rule, w.key AS key, w.unit, w.fen FROM (
  SELECT c.rule, c.key, c.unit, c.fen,
    row_number() OVER (PARTITION BY c.unit ORDER BY f.precedence, f.rule, f.key) AS place
  FROM every_claim c JOIN case_finding f ON f.rule = c.rule AND f.key = c.key
  WHERE f.verdict <> '线索' AND c.fixmedins_code = 'H99010101000'
) w WHERE w.place = 1;
CREATE INDEX counted_unit_by_key ON counted_unit (rule, key);

SELECT f.rule AS rule, f.key AS key, f.amount_fen AS amount_fen, f.fund_fen AS fund_fen,
  COALESCE((SELECT sum(u.fen) FROM counted_unit u WHERE u.rule = f.rule AND u.key = f.key), 0) AS counted_fen
FROM case_finding f
ORDER BY f.rule, f.key;
