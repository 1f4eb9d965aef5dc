-- Spark
-- 在下列表上运行；日期为自1970-01-01起的日数，时间为秒数，金额为分，数量为万分之一，单价为百万分之一元；空值为NULL。
-- Runs over the tables below: days count from 1970-01-01, times are seconds, money is in fen, quantities in
-- 1/10000, prices in 1/1000000 yuan; nothing is NULL. Claim tables hold valid rows as uploaded, registries their
-- rows in the order of the file; rowid numbers the rows of a table in that order. Of registries codes are in upper case,
-- lmt_type, lmt_val, medins_kind, visit_class in lower case; names and wordings are as they came.
-- context holds excluded_setl_type rows.
--   CREATE TABLE line (
--     rowid BIGINT,
--     bkkp_sn STRING,
--     mdtrt_id STRING,
--     fee_ocur_time BIGINT,
--     setl_id STRING,
--     rx_drord_no STRING,
--     fixmedins_code STRING,
--     fixmedins_name STRING,
--     psn_no STRING,
--     psn_insu_rlts_id STRING,
--     insu_admdvs STRING,
--     pay_loc STRING,
--     med_type STRING,
--     cnt BIGINT,
--     pric BIGINT,
--     det_item_fee_sumamt BIGINT,
--     pric_uplmt_amt BIGINT,
--     selfpay_prop BIGINT,
--     fulamt_ownpay_amt BIGINT,
--     overlmt_selfpay BIGINT,
--     preselfpay_amt BIGINT,
--     inscp_amt BIGINT,
--     cvlserv_bedfee_amt BIGINT,
--     medins_disc_amt BIGINT,
--     chrgitm_lv STRING,
--     hilist_code STRING,
--     hilist_name STRING,
--     list_type STRING,
--     med_list_codg STRING,
--     medins_list_codg STRING,
--     medins_list_name STRING,
--     med_chrgitm_type STRING,
--     prodname STRING,
--     spec STRING,
--     dosform_name STRING,
--     bilg_dept_codg STRING,
--     bilg_dept_name STRING,
--     bilg_dr_code STRING,
--     bilg_dr_name STRING,
--     acord_dept_codg STRING,
--     acord_dept_name STRING,
--     acord_dr_code STRING,
--     acord_dr_name STRING,
--     lmt_used_flag STRING,
--     hosp_prep_flag STRING,
--     hosp_appr_flag STRING,
--     tcmdrug_used_way STRING,
--     prodplac_type STRING,
--     bas_medn_flag STRING,
--     hi_nego_drug_flag STRING,
--     prcu_drug_flag STRING,
--     chld_medc_flag STRING,
--     etip_flag STRING,
--     etip_hosp_code STRING,
--     dscg_tkdrug_flag STRING,
--     list_sp_item_flag STRING,
--     matn_fee_flag STRING,
--     drt_reim_flag STRING,
--     reim_prop BIGINT,
--     oprn_oprt_code STRING,
--     sin_dos_dscr STRING,
--     used_frqu_dscr STRING,
--     prd_days STRING,
--     medc_way_dscr STRING,
--     memo STRING,
--     vali_flag STRING,
--     rid STRING,
--     updt_time BIGINT,
--     crter_id STRING,
--     crter_name STRING,
--     crte_time BIGINT,
--     crte_optins_no STRING,
--     opter_id STRING,
--     opter_name STRING,
--     opt_time BIGINT,
--     optins_no STRING,
--     poolarea_no STRING,
--     rx_circ_flag STRING,
--     dise_codg STRING,
--     chrg_bchno STRING,
--     init_feedetl_sn STRING,
--     comb_no STRING,
--     pt STRING,
--     source_file STRING,
--     source_line BIGINT,
--     source_byte_offset BIGINT,
--     source_fields STRING,
--     source_sha256 STRING
--   );
--   CREATE TABLE settlement (
--     rowid BIGINT,
--     setl_id STRING,
--     clr_optins STRING,
--     medins_setl_id STRING,
--     mdtrt_id STRING,
--     init_setl_id STRING,
--     psn_no STRING,
--     psn_insu_rlts_id STRING,
--     psn_name STRING,
--     psn_cert_type STRING,
--     certno STRING,
--     gend STRING,
--     naty STRING,
--     brdy STRING,
--     age STRING,
--     insutype STRING,
--     psn_type STRING,
--     cvlserv_flag STRING,
--     cvlserv_lv STRING,
--     sp_psn_type STRING,
--     sp_psn_type_lv STRING,
--     clct_grde STRING,
--     flxempe_flag STRING,
--     nwb_flag STRING,
--     insu_admdvs STRING,
--     emp_no STRING,
--     emp_name STRING,
--     emp_type STRING,
--     econ_type STRING,
--     afil_indu STRING,
--     afil_rlts STRING,
--     emp_mgt_type STRING,
--     pay_loc STRING,
--     fixmedins_code STRING,
--     fixmedins_name STRING,
--     hosp_lv STRING,
--     fix_blng_admdvs STRING,
--     lmtpric_hosp_lv STRING,
--     dedc_hosp_lv STRING,
--     begndate BIGINT,
--     enddate BIGINT,
--     setl_time BIGINT,
--     mdtrt_cert_type STRING,
--     mdtrt_cert_no STRING,
--     med_type STRING,
--     setl_type STRING,
--     clr_type STRING,
--     clr_way STRING,
--     psn_setlway STRING,
--     medfee_sumamt BIGINT,
--     fulamt_ownpay_amt BIGINT,
--     overlmt_selfpay BIGINT,
--     preselfpay_amt BIGINT,
--     inscp_amt BIGINT,
--     dedc_std BIGINT,
--     crt_dedc BIGINT,
--     act_pay_dedc BIGINT,
--     hifp_pay BIGINT,
--     pool_prop_selfpay BIGINT,
--     hi_agre_sumfee BIGINT,
--     cvlserv_pay BIGINT,
--     hifes_pay BIGINT,
--     hifmi_pay BIGINT,
--     hifob_pay BIGINT,
--     hifdm_pay BIGINT,
--     maf_pay BIGINT,
--     othfund_pay BIGINT,
--     fund_pay_sumamt BIGINT,
--     psn_pay BIGINT,
--     acct_pay BIGINT,
--     cash_payamt BIGINT,
--     ownpay_hosp_part BIGINT,
--     balc BIGINT,
--     acct_mulaid_pay BIGINT,
--     refd_setl_flag STRING,
--     cal_ipt_cnt BIGINT,
--     setl_cashpay_way STRING,
--     year STRING,
--     dise_no STRING,
--     dise_name STRING,
--     invono STRING,
--     manl_reim_rea STRING,
--     vali_flag STRING,
--     memo STRING,
--     rid STRING,
--     updt_time BIGINT,
--     crter_id STRING,
--     crter_name STRING,
--     crte_time BIGINT,
--     crte_optins_no STRING,
--     opter_id STRING,
--     opter_name STRING,
--     opt_time BIGINT,
--     optins_no STRING,
--     poolarea_no STRING,
--     mid_setl_flag STRING,
--     acct_used_flag STRING,
--     quts_type STRING,
--     bydise_setl_payamt BIGINT,
--     exct_item_fund_payamt BIGINT,
--     pt STRING,
--     source_file STRING,
--     source_line BIGINT,
--     source_byte_offset BIGINT,
--     source_fields STRING,
--     source_sha256 STRING
--   );
--   CREATE TABLE visit (
--     rowid BIGINT,
--     mdtrt_id STRING,
--     medins_setl_id STRING,
--     psn_no STRING,
--     psn_insu_rlts_id STRING,
--     psn_cert_type STRING,
--     certno STRING,
--     psn_name STRING,
--     gend STRING,
--     naty STRING,
--     brdy STRING,
--     age STRING,
--     coner_name STRING,
--     tel STRING,
--     addr STRING,
--     insutype STRING,
--     psn_type STRING,
--     cvlserv_flag STRING,
--     cvlserv_lv STRING,
--     sp_psn_type STRING,
--     sp_psn_type_lv STRING,
--     clct_grde STRING,
--     flxempe_flag STRING,
--     nwb_flag STRING,
--     insu_admdvs STRING,
--     emp_no STRING,
--     emp_name STRING,
--     emp_type STRING,
--     econ_type STRING,
--     afil_indu STRING,
--     afil_rlts STRING,
--     emp_mgt_type STRING,
--     pay_loc STRING,
--     fixmedins_code STRING,
--     fixmedins_name STRING,
--     hosp_lv STRING,
--     fix_blng_admdvs STRING,
--     lmtpric_hosp_lv STRING,
--     dedc_hosp_lv STRING,
--     begntime BIGINT,
--     endtime BIGINT,
--     mdtrt_cert_type STRING,
--     mdtrt_cert_no STRING,
--     med_type STRING,
--     rloc_type STRING,
--     ars_year_ipt_flag STRING,
--     pre_pay_flag STRING,
--     year STRING,
--     refl_old_mdtrt_id STRING,
--     ipt_otp_no STRING,
--     medrcdno STRING,
--     chfpdr_code STRING,
--     adm_diag_dscr STRING,
--     adm_dept_codg STRING,
--     adm_dept_name STRING,
--     adm_bed STRING,
--     wardarea_bed STRING,
--     traf_dept_flag STRING,
--     dscg_maindiag_code STRING,
--     dscg_dept_codg STRING,
--     dscg_dept_name STRING,
--     dscg_bed STRING,
--     dscg_way STRING,
--     main_cond_dscr STRING,
--     dise_no STRING,
--     dise_name STRING,
--     oprn_oprt_code STRING,
--     oprn_oprt_name STRING,
--     otp_diag_info STRING,
--     inhosp_stas STRING,
--     die_date BIGINT,
--     ipt_days BIGINT,
--     geso_val STRING,
--     birctrl_type STRING,
--     fetts BIGINT,
--     fetus_cnt BIGINT,
--     matn_type STRING,
--     prey_time STRING,
--     latechb_flag STRING,
--     pret_flag STRING,
--     fpsc_no STRING,
--     birctrl_matn_date BIGINT,
--     cop_flag STRING,
--     trt_dcla_detl_sn STRING,
--     vali_flag STRING,
--     memo STRING,
--     rid STRING,
--     updt_time BIGINT,
--     crter_id STRING,
--     crter_name STRING,
--     crte_time BIGINT,
--     crte_optins_no STRING,
--     opter_id STRING,
--     opter_name STRING,
--     opt_time BIGINT,
--     optins_no STRING,
--     poolarea_no STRING,
--     chfpdr_name STRING,
--     dscg_maindiag_name STRING,
--     adm_caty STRING,
--     dscg_caty STRING,
--     ttp_pay_flag STRING,
--     ttp_pay_prop BIGINT,
--     dise_type_code STRING,
--     same_dise_adm_flag STRING,
--     quts_type STRING,
--     pt STRING,
--     source_file STRING,
--     source_line BIGINT,
--     source_byte_offset BIGINT,
--     source_fields STRING,
--     source_sha256 STRING
--   );
--   CREATE TABLE diagnosis (
--     rowid BIGINT,
--     setl_list_diag_id STRING,
--     setl_id STRING,
--     mdtrt_id STRING,
--     psn_no STRING,
--     diag_type STRING,
--     maindiag_flag STRING,
--     diag_code STRING,
--     diag_name STRING,
--     adm_cond_type STRING,
--     vali_flag STRING,
--     rid STRING,
--     updt_time BIGINT,
--     crter_id STRING,
--     crter_name STRING,
--     crte_time BIGINT,
--     crte_optins_no STRING,
--     opter_id STRING,
--     opter_name STRING,
--     opt_time BIGINT,
--     optins_no STRING,
--     poolarea_no STRING,
--     setl_list_sn STRING,
--     pt STRING,
--     source_file STRING,
--     source_line BIGINT,
--     source_byte_offset BIGINT,
--     source_fields STRING,
--     source_sha256 STRING
--   );
--   CREATE TABLE fixmedins_b (
--     rowid BIGINT,
--     fixmedins_code STRING,
--     fixmedins_name STRING,
--     fixmedins_type STRING,
--     uscc STRING,
--     hosp_lv STRING,
--     medins_kind STRING,
--     aprv_bed_cnt BIGINT,
--     hi_crtf_bed_cnt BIGINT,
--     admdvs STRING,
--     grid_code STRING,
--     grid_resper STRING,
--     grid_tel STRING,
--     legrep_name STRING,
--     hi_resper_name STRING,
--     begndate BIGINT,
--     enddate BIGINT,
--     vali_flag STRING,
--     is_ambiguous BIGINT,
--     row_sha256 STRING
--   );
--   CREATE TABLE prac_psn_b (
--     rowid BIGINT,
--     prac_psn_code STRING,
--     prac_psn_name STRING,
--     prac_psn_type STRING,
--     prac_cert_no STRING,
--     hi_dr_flag STRING,
--     fixmedins_code STRING,
--     mul_prac_flag STRING,
--     dr_prac_scp_code STRING,
--     prac_stas STRING,
--     psn_no STRING,
--     begndate BIGINT,
--     enddate BIGINT,
--     chg_rea STRING,
--     vali_flag STRING,
--     is_ambiguous BIGINT,
--     row_sha256 STRING
--   );
--   CREATE TABLE hilist_b (
--     rowid BIGINT,
--     admdvs STRING,
--     hilist_code STRING,
--     hilist_name STRING,
--     list_type STRING,
--     chrgitm_lv STRING,
--     lmt_used_flag STRING,
--     lmt_cpnd_type STRING,
--     med_chrgitm_type STRING,
--     begndate BIGINT,
--     enddate BIGINT,
--     vali_flag STRING,
--     is_ambiguous BIGINT,
--     row_sha256 STRING
--   );
--   CREATE TABLE med_hilist_b (
--     rowid BIGINT,
--     med_list_codg STRING,
--     hilist_code STRING,
--     list_type STRING,
--     admdvs STRING,
--     begndate BIGINT,
--     enddate BIGINT,
--     vali_flag STRING,
--     is_ambiguous BIGINT,
--     row_sha256 STRING
--   );
--   CREATE TABLE hilist_lmt_b (
--     rowid BIGINT,
--     kp_id STRING,
--     med_list_codg STRING,
--     lmt_type STRING,
--     lmt_val STRING,
--     sure_flag BIGINT,
--     lmt_text STRING,
--     gz_code STRING,
--     batch_no STRING,
--     publ_date BIGINT,
--     begndate BIGINT,
--     enddate BIGINT,
--     vali_flag STRING,
--     is_ambiguous BIGINT,
--     row_sha256 STRING
--   );
--   CREATE TABLE opsp_reg_d (
--     rowid BIGINT,
--     psn_no STRING,
--     insu_admdvs STRING,
--     insutype STRING,
--     opsp_dise_code STRING,
--     opsp_dise_name STRING,
--     dise_type_code STRING,
--     begndate BIGINT,
--     enddate BIGINT,
--     ide_fixmedins_no STRING,
--     hosp_ide_date BIGINT,
--     appy_date BIGINT,
--     trt_dcla_detl_sn STRING,
--     vali_flag STRING,
--     updt_time BIGINT,
--     is_ambiguous BIGINT,
--     row_sha256 STRING
--   );
--   CREATE TABLE opsp_dise_drug_b (
--     rowid BIGINT,
--     admdvs STRING,
--     opsp_dise_code STRING,
--     drug_code STRING,
--     begndate BIGINT,
--     enddate BIGINT,
--     basis STRING,
--     vali_flag STRING,
--     is_ambiguous BIGINT,
--     row_sha256 STRING
--   );
--   CREATE TABLE drug_sup_b (
--     rowid BIGINT,
--     med_list_codg STRING,
--     sup_key STRING,
--     sup_days BIGINT,
--     prcunt STRING,
--     min_pac_cnt STRING,
--     basis STRING,
--     begndate BIGINT,
--     enddate BIGINT,
--     vali_flag STRING,
--     is_ambiguous BIGINT,
--     row_sha256 STRING
--   );
--   CREATE TABLE med_type_b (
--     rowid BIGINT,
--     med_type STRING,
--     visit_class STRING,
--     opsp_flag STRING,
--     reg_flag STRING,
--     begndate BIGINT,
--     enddate BIGINT,
--     basis STRING,
--     vali_flag STRING,
--     is_ambiguous BIGINT,
--     row_sha256 STRING
--   );
--   CREATE TABLE hosp_lv_rank (
--     rowid BIGINT,
--     hosp_lv STRING,
--     rank BIGINT,
--     basis STRING,
--     is_ambiguous BIGINT,
--     row_sha256 STRING
--   );
--   CREATE TABLE context (
--     rowid BIGINT,
--     what STRING,
--     `key` STRING,
--     value STRING,
--     sql STRING,
--     run_id STRING
--   );

-- ==== 一、哪些行计入，金额如何分摊 · Rows that count, and amounts ====
-- 1.2 计入的结算：未退费、不是退费行、没有被别的有效结算指为原结算、结算类别未被排除、就诊不在院。
-- 1.2 Settlements that count.
CACHE TABLE settlement_kept AS
SELECT s.*,
  COALESCE(s.begndate, CASE WHEN s.setl_time >= 0 THEN s.setl_time div 86400 ELSE (s.setl_time - 86399) div 86400 END) AS day,
  COALESCE(v.med_type, s.med_type) AS visit_med_type
FROM settlement s LEFT JOIN visit v ON v.mdtrt_id = s.mdtrt_id
WHERE NOT (s.refd_setl_flag <=> '1')
  AND s.init_setl_id IS NULL
  AND NOT EXISTS (SELECT 1 FROM settlement o WHERE o.init_setl_id = s.setl_id)
  AND NOT EXISTS (SELECT 1 FROM context c WHERE c.what = 'excluded_setl_type' AND c.value = s.setl_type)
  AND NOT (v.inhosp_stas <=> '1');

-- 1.3 未计入的结算、空或未知 setl_id 的明细不看。 1.3 Lines of settlements that count.
CACHE TABLE line_kept AS
SELECT l.rowid AS line_row, l.* FROM line l
WHERE l.setl_id IN (SELECT k.setl_id FROM settlement_kept k);

-- 1.4 指明原流水号的冲销：负数明细的 init_feedetl_sn 是同一就诊一条正数明细的 bkkp_sn。
-- 1.4 Linked reversals: the negative line and its original.
CACHE TABLE linked_reversal AS
SELECT o.line_row AS original_row, n.*
FROM line_kept n JOIN line_kept o ON o.mdtrt_id = n.mdtrt_id AND o.bkkp_sn = n.init_feedetl_sn
WHERE n.cnt < 0 AND o.cnt > 0;

-- 1.5 未指明原流水号的冲销：同一就诊、编码、单价、数量绝对值为一组，组内有几条负数，
-- 就去掉几条最晚的正数明细（不晚于最晚的负数；时间相同时 bkkp_sn 大者先去）。
-- 1.5 Paired reversals: how many in each group, and the positive lines they remove.
CACHE TABLE unlinked_negative AS
SELECT n.mdtrt_id, n.med_list_codg, n.pric, -n.cnt AS cnt, count(*) AS how_many,
  max(n.fee_ocur_time) AS latest
FROM line_kept n
WHERE n.cnt < 0 AND n.med_list_codg IS NOT NULL AND n.pric IS NOT NULL
  AND n.line_row NOT IN (SELECT r.line_row FROM linked_reversal r)
GROUP BY n.mdtrt_id, n.med_list_codg, n.pric, n.cnt;

CACHE TABLE paired_line AS
SELECT x.line_row FROM (
  SELECT p.line_row, g.how_many,
    row_number() OVER (PARTITION BY p.mdtrt_id, p.med_list_codg, p.pric, p.cnt
      ORDER BY p.fee_ocur_time DESC NULLS LAST, p.bkkp_sn DESC NULLS LAST) AS place
  FROM line_kept p JOIN unlinked_negative g ON g.mdtrt_id = p.mdtrt_id AND g.med_list_codg = p.med_list_codg
    AND g.pric = p.pric AND g.cnt = p.cnt AND p.fee_ocur_time <= g.latest
  WHERE p.line_row NOT IN (SELECT r.original_row FROM linked_reversal r)
) x WHERE x.place <= x.how_many;

-- 1.4 与 1.6 净额与计入的明细：净数量大于零且净金额不小于零。 1.4, 1.6 Net lines that count.
CACHE TABLE line_net AS
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
CACHE TABLE line_at_issue AS
SELECT l.*, CASE WHEN l.inscp_amt IS NOT NULL THEN CASE WHEN l.inscp_amt IS NOT NULL THEN greatest(0, l.inscp_amt) END
    ELSE CASE WHEN l.det_item_fee_sumamt - COALESCE(l.fulamt_ownpay_amt, 0) - COALESCE(l.overlmt_selfpay, 0)
      - COALESCE(l.preselfpay_amt, 0) IS NOT NULL THEN greatest(0, l.det_item_fee_sumamt - COALESCE(l.fulamt_ownpay_amt, 0) - COALESCE(l.overlmt_selfpay, 0)
      - COALESCE(l.preselfpay_amt, 0)) END END AS a
FROM line_net l;

-- 2 基金支付 P 与分摊基数 T。 2 P(S), T(S) and the sum of A, in fen.
CACHE TABLE settlement_money AS
SELECT x.setl_id, x.p, x.sum_a, CASE WHEN x.sum_a IS NOT NULL AND x.inscp IS NOT NULL THEN greatest(x.sum_a, x.inscp) END AS t FROM (
  SELECT k.setl_id, CASE WHEN COALESCE(k.fund_pay_sumamt, 0) IS NOT NULL THEN greatest(0, COALESCE(k.fund_pay_sumamt, 0)) END AS p, COALESCE(k.inscp_amt, 0) AS inscp,
    COALESCE((SELECT sum(l.a) FROM line_at_issue l WHERE l.setl_id = k.setl_id), 0) AS sum_a
  FROM settlement_kept k) x;

-- 2 ⌊A·P/T⌋ 与余数，全程整数，64 位内处处精确：T 不超过 10¹² 分时乘积分两步算，更大时按二进制逐位长乘。
-- 2 Quotient and remainder of A·P by T, of lines and of their sum, in whole numbers.
CACHE TABLE money_share AS
SELECT x.a, x.k, x.n, CAST(CAST(x.a AS DECIMAL(19, 0)) * CAST(x.k AS DECIMAL(19, 0)) div x.n AS BIGINT) AS q,
  CAST(CAST(x.a AS DECIMAL(19, 0)) * CAST(x.k AS DECIMAL(19, 0)) % x.n AS BIGINT) AS r
FROM (SELECT DISTINCT y.a, y.k, y.n FROM (SELECT l.a AS a, m.p AS k, m.t AS n FROM line_at_issue l JOIN settlement_money m
    ON m.setl_id = l.setl_id
  WHERE m.p < m.t
  UNION ALL SELECT m.sum_a, m.p, m.t FROM settlement_money m WHERE m.p < m.t) y) x;

-- 2 余下的分：按余数从大到小各加一分（并列时按发生时间、流水号）。 2 Places in the order of remainders.
CACHE TABLE line_remainder AS
SELECT l.mdtrt_id, l.bkkp_sn, x.q,
  row_number() OVER (PARTITION BY l.setl_id
    ORDER BY x.r DESC NULLS LAST, l.fee_ocur_time ASC NULLS FIRST, l.bkkp_sn, l.mdtrt_id) AS place,
  w.q - sum(x.q) OVER (PARTITION BY l.setl_id) AS left_over
FROM line_at_issue l JOIN settlement_money m ON m.setl_id = l.setl_id
  JOIN money_share x ON x.a = l.a AND x.k = m.p AND x.n = m.t
  JOIN money_share w ON w.a = m.sum_a AND w.k = m.p AND w.n = m.t
WHERE m.p < m.t;

-- 计入的明细，金额为净额，含 A 与基金金额 F。 Lines that count, net, with id, day, A and F.
CACHE TABLE counting_line AS
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
  CASE WHEN l.fee_ocur_time >= 0 THEN l.fee_ocur_time div 86400 ELSE (l.fee_ocur_time - 86399) div 86400 END AS day,
  l.a AS A,
  CASE WHEN m.p >= m.t THEN l.a
    ELSE x.q + CASE WHEN x.place <= x.left_over THEN 1 ELSE 0 END END AS F
FROM line_at_issue l JOIN settlement_money m ON m.setl_id = l.setl_id
  LEFT JOIN line_remainder x ON x.mdtrt_id = l.mdtrt_id AND x.bkkp_sn = l.bkkp_sn;

-- 计入的结算，含 P、T、明细不能说明的基金 U，以及 1.8 当日的医疗类别归类。
-- Settlements that count, with P, T, U, A, and the classes of 1.8 on the day.
CACHE TABLE counting_settlement AS
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
  CASE WHEN EXISTS (SELECT 1 FROM med_type_b m WHERE m.is_ambiguous = 1 AND m.med_type = translate(s.visit_med_type, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND m.begndate <= s.day AND (m.enddate IS NULL OR m.enddate >= s.day)) THEN NULL
    ELSE COALESCE((SELECT min(m.visit_class) FROM med_type_b m WHERE m.is_ambiguous = 0 AND m.med_type = translate(s.visit_med_type, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND m.begndate <= s.day AND (m.enddate IS NULL OR m.enddate >= s.day)), 'other') END AS visit_class,
  CASE WHEN EXISTS (SELECT 1 FROM med_type_b m WHERE m.is_ambiguous = 1 AND m.med_type = translate(s.visit_med_type, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND m.begndate <= s.day AND (m.enddate IS NULL OR m.enddate >= s.day)) THEN NULL
    ELSE COALESCE((SELECT min(m.opsp_flag) FROM med_type_b m WHERE m.is_ambiguous = 0 AND m.med_type = translate(s.visit_med_type, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND m.begndate <= s.day AND (m.enddate IS NULL OR m.enddate >= s.day)), '0') END AS opsp_flag,
  CASE WHEN EXISTS (SELECT 1 FROM med_type_b m WHERE m.is_ambiguous = 1 AND m.med_type = translate(s.visit_med_type, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND m.begndate <= s.day AND (m.enddate IS NULL OR m.enddate >= s.day)) THEN NULL
    ELSE COALESCE((SELECT min(m.reg_flag) FROM med_type_b m WHERE m.is_ambiguous = 0 AND m.med_type = translate(s.visit_med_type, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND m.begndate <= s.day AND (m.enddate IS NULL OR m.enddate >= s.day)), '0') END AS reg_flag,
  s.visit_med_type AS visit_med_type
FROM settlement_kept s JOIN settlement_money m ON m.setl_id = s.setl_id
  LEFT JOIN (
    SELECT l.setl_id, count(*) AS how_many, count(l.F) AS exact, sum(l.F) AS f
    FROM counting_line l GROUP BY l.setl_id
  ) x ON x.setl_id = s.setl_id;

-- 1.7 住院：住院类就诊，不在院，起止时间齐全且不倒置，至少一次计入的结算。
-- 1.7 Stays; days, nights, main diagnosis, departments, and the money of their lines and settlements.
CACHE TABLE stay AS
SELECT x.*, x.end_day - x.begin_day AS nights, CASE WHEN x.end_day - x.begin_day IS NOT NULL THEN greatest(1, x.end_day - x.begin_day) END AS los
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
    CASE WHEN v.begntime >= 0 THEN v.begntime div 86400 ELSE (v.begntime - 86399) div 86400 END AS begin_day,
    CASE WHEN v.endtime >= 0 THEN v.endtime div 86400 ELSE (v.endtime - 86399) div 86400 END AS end_day,
    COALESCE((SELECT sum(l.A) FROM counting_line l WHERE l.mdtrt_id = v.mdtrt_id), 0) AS stay_A,
    (SELECT sum(s.P) FROM counting_settlement s WHERE s.mdtrt_id = v.mdtrt_id) AS stay_F,
    translate(COALESCE(v.dscg_maindiag_code, (SELECT min(translate(d.diag_code, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ')) FROM diagnosis d
    WHERE d.mdtrt_id = v.mdtrt_id AND d.maindiag_flag = '1' AND COALESCE(d.diag_type, '1') = '1')), 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AS dx,
    substr(COALESCE(v.adm_caty, v.dscg_caty), 1, 3) AS adm_dept,
    substr(COALESCE(v.dscg_caty, v.adm_caty), 1, 3) AS dscg_dept,
    CASE WHEN EXISTS (SELECT 1 FROM med_type_b m WHERE m.is_ambiguous = 1 AND m.med_type = translate(v.med_type, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND m.begndate <= CASE WHEN v.begntime >= 0 THEN v.begntime div 86400 ELSE (v.begntime - 86399) div 86400 END AND (m.enddate IS NULL OR m.enddate >= CASE WHEN v.begntime >= 0 THEN v.begntime div 86400 ELSE (v.begntime - 86399) div 86400 END)) THEN NULL
    ELSE COALESCE((SELECT min(m.visit_class) FROM med_type_b m WHERE m.is_ambiguous = 0 AND m.med_type = translate(v.med_type, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND m.begndate <= CASE WHEN v.begntime >= 0 THEN v.begntime div 86400 ELSE (v.begntime - 86399) div 86400 END AND (m.enddate IS NULL OR m.enddate >= CASE WHEN v.begntime >= 0 THEN v.begntime div 86400 ELSE (v.begntime - 86399) div 86400 END)), 'other') END AS visit_class,
    CASE WHEN EXISTS (SELECT 1 FROM med_type_b m WHERE m.is_ambiguous = 1 AND m.med_type = translate(v.med_type, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND m.begndate <= CASE WHEN v.begntime >= 0 THEN v.begntime div 86400 ELSE (v.begntime - 86399) div 86400 END AND (m.enddate IS NULL OR m.enddate >= CASE WHEN v.begntime >= 0 THEN v.begntime div 86400 ELSE (v.begntime - 86399) div 86400 END)) THEN NULL
    ELSE COALESCE((SELECT min(m.opsp_flag) FROM med_type_b m WHERE m.is_ambiguous = 0 AND m.med_type = translate(v.med_type, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND m.begndate <= CASE WHEN v.begntime >= 0 THEN v.begntime div 86400 ELSE (v.begntime - 86399) div 86400 END AND (m.enddate IS NULL OR m.enddate >= CASE WHEN v.begntime >= 0 THEN v.begntime div 86400 ELSE (v.begntime - 86399) div 86400 END)), '0') END AS opsp_flag,
    CASE WHEN EXISTS (SELECT 1 FROM med_type_b m WHERE m.is_ambiguous = 1 AND m.med_type = translate(v.med_type, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND m.begndate <= CASE WHEN v.begntime >= 0 THEN v.begntime div 86400 ELSE (v.begntime - 86399) div 86400 END AND (m.enddate IS NULL OR m.enddate >= CASE WHEN v.begntime >= 0 THEN v.begntime div 86400 ELSE (v.begntime - 86399) div 86400 END)) THEN NULL
    ELSE COALESCE((SELECT min(m.reg_flag) FROM med_type_b m WHERE m.is_ambiguous = 0 AND m.med_type = translate(v.med_type, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND m.begndate <= CASE WHEN v.begntime >= 0 THEN v.begntime div 86400 ELSE (v.begntime - 86399) div 86400 END AND (m.enddate IS NULL OR m.enddate >= CASE WHEN v.begntime >= 0 THEN v.begntime div 86400 ELSE (v.begntime - 86399) div 86400 END)), '0') END AS reg_flag
  FROM visit v
  WHERE NOT (v.inhosp_stas <=> '1') AND v.begntime IS NOT NULL AND v.endtime IS NOT NULL AND v.med_type IS NOT NULL
    AND EXISTS (SELECT 1 FROM counting_settlement s WHERE s.mdtrt_id = v.mdtrt_id)
) x
WHERE x.visit_class = 'inpatient' AND x.end_day >= x.begin_day;

-- 钱的单位：每条明细的 F，每次结算的 U；付给谁、为谁、由谁开单。
-- Units of money: F of each line and U of each settlement; paid to whom, for whom, on whose signature.
CACHE TABLE money_unit AS
SELECT l.id AS unit, l.F AS fen, l.setl_id, s.fixmedins_code, s.psn_no,
  COALESCE(l.bilg_dr_code, '') AS practitioner, l.id AS line_id
FROM counting_line l JOIN counting_settlement s ON s.setl_id = l.setl_id
UNION ALL
SELECT 'U:' || s.setl_id, s.U, s.setl_id, s.fixmedins_code, s.psn_no, '', CAST(NULL AS STRING)
FROM counting_settlement s;
