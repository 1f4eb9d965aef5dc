-- SQLite
-- 在下列表上运行；日期为自1970-01-01起的日数，时间为秒数，金额为分，数量为万分之一，单价为百万分之一元；空值为NULL。
-- Runs over the tables below: days count from 1970-01-01, times are seconds, money is in fen, quantities in
-- 1/10000, prices in 1/1000000 yuan; nothing is NULL. Claim tables hold valid rows as uploaded, registries their
-- rows in the order of the file. Of registries codes are in upper case,
-- lmt_type, lmt_val, medins_kind, visit_class in lower case; names and wordings are as they came.
-- context holds excluded_setl_type rows.
--   CREATE TABLE line (
--     bkkp_sn TEXT,
--     mdtrt_id TEXT,
--     fee_ocur_time INTEGER,
--     setl_id TEXT,
--     rx_drord_no TEXT,
--     fixmedins_code TEXT,
--     fixmedins_name TEXT,
--     psn_no TEXT,
--     psn_insu_rlts_id TEXT,
--     insu_admdvs TEXT,
--     pay_loc TEXT,
--     med_type TEXT,
--     cnt INTEGER,
--     pric INTEGER,
--     det_item_fee_sumamt INTEGER,
--     pric_uplmt_amt INTEGER,
--     selfpay_prop INTEGER,
--     fulamt_ownpay_amt INTEGER,
--     overlmt_selfpay INTEGER,
--     preselfpay_amt INTEGER,
--     inscp_amt INTEGER,
--     cvlserv_bedfee_amt INTEGER,
--     medins_disc_amt INTEGER,
--     chrgitm_lv TEXT,
--     hilist_code TEXT,
--     hilist_name TEXT,
--     list_type TEXT,
--     med_list_codg TEXT,
--     medins_list_codg TEXT,
--     medins_list_name TEXT,
--     med_chrgitm_type TEXT,
--     prodname TEXT,
--     spec TEXT,
--     dosform_name TEXT,
--     bilg_dept_codg TEXT,
--     bilg_dept_name TEXT,
--     bilg_dr_code TEXT,
--     bilg_dr_name TEXT,
--     acord_dept_codg TEXT,
--     acord_dept_name TEXT,
--     acord_dr_code TEXT,
--     acord_dr_name TEXT,
--     lmt_used_flag TEXT,
--     hosp_prep_flag TEXT,
--     hosp_appr_flag TEXT,
--     tcmdrug_used_way TEXT,
--     prodplac_type TEXT,
--     bas_medn_flag TEXT,
--     hi_nego_drug_flag TEXT,
--     prcu_drug_flag TEXT,
--     chld_medc_flag TEXT,
--     etip_flag TEXT,
--     etip_hosp_code TEXT,
--     dscg_tkdrug_flag TEXT,
--     list_sp_item_flag TEXT,
--     matn_fee_flag TEXT,
--     drt_reim_flag TEXT,
--     reim_prop INTEGER,
--     oprn_oprt_code TEXT,
--     sin_dos_dscr TEXT,
--     used_frqu_dscr TEXT,
--     prd_days TEXT,
--     medc_way_dscr TEXT,
--     memo TEXT,
--     vali_flag TEXT,
--     rid TEXT,
--     updt_time INTEGER,
--     crter_id TEXT,
--     crter_name TEXT,
--     crte_time INTEGER,
--     crte_optins_no TEXT,
--     opter_id TEXT,
--     opter_name TEXT,
--     opt_time INTEGER,
--     optins_no TEXT,
--     poolarea_no TEXT,
--     rx_circ_flag TEXT,
--     dise_codg TEXT,
--     chrg_bchno TEXT,
--     init_feedetl_sn TEXT,
--     comb_no TEXT,
--     pt TEXT,
--     source_file TEXT,
--     source_line INTEGER,
--     source_byte_offset INTEGER,
--     source_fields TEXT,
--     source_sha256 TEXT
--   );
--   CREATE TABLE settlement (
--     setl_id TEXT,
--     clr_optins TEXT,
--     medins_setl_id TEXT,
--     mdtrt_id TEXT,
--     init_setl_id TEXT,
--     psn_no TEXT,
--     psn_insu_rlts_id TEXT,
--     psn_name TEXT,
--     psn_cert_type TEXT,
--     certno TEXT,
--     gend TEXT,
--     naty TEXT,
--     brdy TEXT,
--     age TEXT,
--     insutype TEXT,
--     psn_type TEXT,
--     cvlserv_flag TEXT,
--     cvlserv_lv TEXT,
--     sp_psn_type TEXT,
--     sp_psn_type_lv TEXT,
--     clct_grde TEXT,
--     flxempe_flag TEXT,
--     nwb_flag TEXT,
--     insu_admdvs TEXT,
--     emp_no TEXT,
--     emp_name TEXT,
--     emp_type TEXT,
--     econ_type TEXT,
--     afil_indu TEXT,
--     afil_rlts TEXT,
--     emp_mgt_type TEXT,
--     pay_loc TEXT,
--     fixmedins_code TEXT,
--     fixmedins_name TEXT,
--     hosp_lv TEXT,
--     fix_blng_admdvs TEXT,
--     lmtpric_hosp_lv TEXT,
--     dedc_hosp_lv TEXT,
--     begndate INTEGER,
--     enddate INTEGER,
--     setl_time INTEGER,
--     mdtrt_cert_type TEXT,
--     mdtrt_cert_no TEXT,
--     med_type TEXT,
--     setl_type TEXT,
--     clr_type TEXT,
--     clr_way TEXT,
--     psn_setlway TEXT,
--     medfee_sumamt INTEGER,
--     fulamt_ownpay_amt INTEGER,
--     overlmt_selfpay INTEGER,
--     preselfpay_amt INTEGER,
--     inscp_amt INTEGER,
--     dedc_std INTEGER,
--     crt_dedc INTEGER,
--     act_pay_dedc INTEGER,
--     hifp_pay INTEGER,
--     pool_prop_selfpay INTEGER,
--     hi_agre_sumfee INTEGER,
--     cvlserv_pay INTEGER,
--     hifes_pay INTEGER,
--     hifmi_pay INTEGER,
--     hifob_pay INTEGER,
--     hifdm_pay INTEGER,
--     maf_pay INTEGER,
--     othfund_pay INTEGER,
--     fund_pay_sumamt INTEGER,
--     psn_pay INTEGER,
--     acct_pay INTEGER,
--     cash_payamt INTEGER,
--     ownpay_hosp_part INTEGER,
--     balc INTEGER,
--     acct_mulaid_pay INTEGER,
--     refd_setl_flag TEXT,
--     cal_ipt_cnt INTEGER,
--     setl_cashpay_way TEXT,
--     year TEXT,
--     dise_no TEXT,
--     dise_name TEXT,
--     invono TEXT,
--     manl_reim_rea TEXT,
--     vali_flag TEXT,
--     memo TEXT,
--     rid TEXT,
--     updt_time INTEGER,
--     crter_id TEXT,
--     crter_name TEXT,
--     crte_time INTEGER,
--     crte_optins_no TEXT,
--     opter_id TEXT,
--     opter_name TEXT,
--     opt_time INTEGER,
--     optins_no TEXT,
--     poolarea_no TEXT,
--     mid_setl_flag TEXT,
--     acct_used_flag TEXT,
--     quts_type TEXT,
--     bydise_setl_payamt INTEGER,
--     exct_item_fund_payamt INTEGER,
--     pt TEXT,
--     source_file TEXT,
--     source_line INTEGER,
--     source_byte_offset INTEGER,
--     source_fields TEXT,
--     source_sha256 TEXT
--   );
--   CREATE TABLE visit (
--     mdtrt_id TEXT,
--     medins_setl_id TEXT,
--     psn_no TEXT,
--     psn_insu_rlts_id TEXT,
--     psn_cert_type TEXT,
--     certno TEXT,
--     psn_name TEXT,
--     gend TEXT,
--     naty TEXT,
--     brdy TEXT,
--     age TEXT,
--     coner_name TEXT,
--     tel TEXT,
--     addr TEXT,
--     insutype TEXT,
--     psn_type TEXT,
--     cvlserv_flag TEXT,
--     cvlserv_lv TEXT,
--     sp_psn_type TEXT,
--     sp_psn_type_lv TEXT,
--     clct_grde TEXT,
--     flxempe_flag TEXT,
--     nwb_flag TEXT,
--     insu_admdvs TEXT,
--     emp_no TEXT,
--     emp_name TEXT,
--     emp_type TEXT,
--     econ_type TEXT,
--     afil_indu TEXT,
--     afil_rlts TEXT,
--     emp_mgt_type TEXT,
--     pay_loc TEXT,
--     fixmedins_code TEXT,
--     fixmedins_name TEXT,
--     hosp_lv TEXT,
--     fix_blng_admdvs TEXT,
--     lmtpric_hosp_lv TEXT,
--     dedc_hosp_lv TEXT,
--     begntime INTEGER,
--     endtime INTEGER,
--     mdtrt_cert_type TEXT,
--     mdtrt_cert_no TEXT,
--     med_type TEXT,
--     rloc_type TEXT,
--     ars_year_ipt_flag TEXT,
--     pre_pay_flag TEXT,
--     year TEXT,
--     refl_old_mdtrt_id TEXT,
--     ipt_otp_no TEXT,
--     medrcdno TEXT,
--     chfpdr_code TEXT,
--     adm_diag_dscr TEXT,
--     adm_dept_codg TEXT,
--     adm_dept_name TEXT,
--     adm_bed TEXT,
--     wardarea_bed TEXT,
--     traf_dept_flag TEXT,
--     dscg_maindiag_code TEXT,
--     dscg_dept_codg TEXT,
--     dscg_dept_name TEXT,
--     dscg_bed TEXT,
--     dscg_way TEXT,
--     main_cond_dscr TEXT,
--     dise_no TEXT,
--     dise_name TEXT,
--     oprn_oprt_code TEXT,
--     oprn_oprt_name TEXT,
--     otp_diag_info TEXT,
--     inhosp_stas TEXT,
--     die_date INTEGER,
--     ipt_days INTEGER,
--     geso_val TEXT,
--     birctrl_type TEXT,
--     fetts INTEGER,
--     fetus_cnt INTEGER,
--     matn_type TEXT,
--     prey_time TEXT,
--     latechb_flag TEXT,
--     pret_flag TEXT,
--     fpsc_no TEXT,
--     birctrl_matn_date INTEGER,
--     cop_flag TEXT,
--     trt_dcla_detl_sn TEXT,
--     vali_flag TEXT,
--     memo TEXT,
--     rid TEXT,
--     updt_time INTEGER,
--     crter_id TEXT,
--     crter_name TEXT,
--     crte_time INTEGER,
--     crte_optins_no TEXT,
--     opter_id TEXT,
--     opter_name TEXT,
--     opt_time INTEGER,
--     optins_no TEXT,
--     poolarea_no TEXT,
--     chfpdr_name TEXT,
--     dscg_maindiag_name TEXT,
--     adm_caty TEXT,
--     dscg_caty TEXT,
--     ttp_pay_flag TEXT,
--     ttp_pay_prop INTEGER,
--     dise_type_code TEXT,
--     same_dise_adm_flag TEXT,
--     quts_type TEXT,
--     pt TEXT,
--     source_file TEXT,
--     source_line INTEGER,
--     source_byte_offset INTEGER,
--     source_fields TEXT,
--     source_sha256 TEXT
--   );
--   CREATE TABLE diagnosis (
--     setl_list_diag_id TEXT,
--     setl_id TEXT,
--     mdtrt_id TEXT,
--     psn_no TEXT,
--     diag_type TEXT,
--     maindiag_flag TEXT,
--     diag_code TEXT,
--     diag_name TEXT,
--     adm_cond_type TEXT,
--     vali_flag TEXT,
--     rid TEXT,
--     updt_time INTEGER,
--     crter_id TEXT,
--     crter_name TEXT,
--     crte_time INTEGER,
--     crte_optins_no TEXT,
--     opter_id TEXT,
--     opter_name TEXT,
--     opt_time INTEGER,
--     optins_no TEXT,
--     poolarea_no TEXT,
--     setl_list_sn TEXT,
--     pt TEXT,
--     source_file TEXT,
--     source_line INTEGER,
--     source_byte_offset INTEGER,
--     source_fields TEXT,
--     source_sha256 TEXT
--   );
--   CREATE TABLE fixmedins_b (
--     fixmedins_code TEXT,
--     fixmedins_name TEXT,
--     fixmedins_type TEXT,
--     uscc TEXT,
--     hosp_lv TEXT,
--     medins_kind TEXT,
--     aprv_bed_cnt INTEGER,
--     hi_crtf_bed_cnt INTEGER,
--     admdvs TEXT,
--     grid_code TEXT,
--     grid_resper TEXT,
--     grid_tel TEXT,
--     legrep_name TEXT,
--     hi_resper_name TEXT,
--     begndate INTEGER,
--     enddate INTEGER,
--     vali_flag TEXT,
--     is_ambiguous INTEGER,
--     row_sha256 TEXT
--   );
--   CREATE TABLE prac_psn_b (
--     prac_psn_code TEXT,
--     prac_psn_name TEXT,
--     prac_psn_type TEXT,
--     prac_cert_no TEXT,
--     hi_dr_flag TEXT,
--     fixmedins_code TEXT,
--     mul_prac_flag TEXT,
--     dr_prac_scp_code TEXT,
--     prac_stas TEXT,
--     psn_no TEXT,
--     begndate INTEGER,
--     enddate INTEGER,
--     chg_rea TEXT,
--     vali_flag TEXT,
--     is_ambiguous INTEGER,
--     row_sha256 TEXT
--   );
--   CREATE TABLE hilist_b (
--     admdvs TEXT,
--     hilist_code TEXT,
--     hilist_name TEXT,
--     list_type TEXT,
--     chrgitm_lv TEXT,
--     lmt_used_flag TEXT,
--     lmt_cpnd_type TEXT,
--     med_chrgitm_type TEXT,
--     begndate INTEGER,
--     enddate INTEGER,
--     vali_flag TEXT,
--     is_ambiguous INTEGER,
--     row_sha256 TEXT
--   );
--   CREATE TABLE med_hilist_b (
--     med_list_codg TEXT,
--     hilist_code TEXT,
--     list_type TEXT,
--     admdvs TEXT,
--     begndate INTEGER,
--     enddate INTEGER,
--     vali_flag TEXT,
--     is_ambiguous INTEGER,
--     row_sha256 TEXT
--   );
--   CREATE TABLE hilist_lmt_b (
--     kp_id TEXT,
--     med_list_codg TEXT,
--     lmt_type TEXT,
--     lmt_val TEXT,
--     sure_flag INTEGER,
--     lmt_text TEXT,
--     gz_code TEXT,
--     batch_no TEXT,
--     publ_date INTEGER,
--     begndate INTEGER,
--     enddate INTEGER,
--     vali_flag TEXT,
--     is_ambiguous INTEGER,
--     row_sha256 TEXT
--   );
--   CREATE TABLE opsp_reg_d (
--     psn_no TEXT,
--     insu_admdvs TEXT,
--     insutype TEXT,
--     opsp_dise_code TEXT,
--     opsp_dise_name TEXT,
--     dise_type_code TEXT,
--     begndate INTEGER,
--     enddate INTEGER,
--     ide_fixmedins_no TEXT,
--     hosp_ide_date INTEGER,
--     appy_date INTEGER,
--     trt_dcla_detl_sn TEXT,
--     vali_flag TEXT,
--     updt_time INTEGER,
--     is_ambiguous INTEGER,
--     row_sha256 TEXT
--   );
--   CREATE TABLE opsp_dise_drug_b (
--     admdvs TEXT,
--     opsp_dise_code TEXT,
--     drug_code TEXT,
--     begndate INTEGER,
--     enddate INTEGER,
--     basis TEXT,
--     vali_flag TEXT,
--     is_ambiguous INTEGER,
--     row_sha256 TEXT
--   );
--   CREATE TABLE drug_sup_b (
--     med_list_codg TEXT,
--     sup_key TEXT,
--     sup_days INTEGER,
--     prcunt TEXT,
--     min_pac_cnt TEXT,
--     basis TEXT,
--     begndate INTEGER,
--     enddate INTEGER,
--     vali_flag TEXT,
--     is_ambiguous INTEGER,
--     row_sha256 TEXT
--   );
--   CREATE TABLE med_type_b (
--     med_type TEXT,
--     visit_class TEXT,
--     opsp_flag TEXT,
--     reg_flag TEXT,
--     begndate INTEGER,
--     enddate INTEGER,
--     basis TEXT,
--     vali_flag TEXT,
--     is_ambiguous INTEGER,
--     row_sha256 TEXT
--   );
--   CREATE TABLE hosp_lv_rank (
--     hosp_lv TEXT,
--     rank INTEGER,
--     basis TEXT,
--     is_ambiguous INTEGER,
--     row_sha256 TEXT
--   );
--   CREATE TABLE context (
--     what TEXT,
--     "key" TEXT,
--     value TEXT,
--     sql TEXT,
--     run_id TEXT
--   );

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
