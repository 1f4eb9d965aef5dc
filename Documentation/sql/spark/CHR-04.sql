-- ==== CHR-04 v1 无备案享受慢特病待遇 Chronic-disease benefit without registration ====

-- 规则所看的行。 The rows the rule looks at.
CACHE TABLE `CHR-04 rows` AS
SELECT r.* FROM (
  SELECT 
    `settlement`.setl_id AS `settlement.setl_id`,
    `settlement`.fixmedins_code AS `settlement.fixmedins_code`,
    `settlement`.dise_no AS `settlement.dise_no`,
    `settlement`.psn_no AS `settlement.psn_no`,
    `settlement`.day AS `settlement.day`,
    `settlement`.insu_admdvs AS `settlement.insu_admdvs`,
    `settlement`.reg_flag AS `settlement.reg_flag`
  FROM counting_settlement `settlement`
) r
WHERE (r.`settlement.reg_flag` = '1') IS TRUE;

-- 查找 region：opsp_reg_d
-- Lookup region in opsp_reg_d.
CACHE TABLE `CHR-04 lookup region` AS
SELECT r.*
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM opsp_reg_d g WHERE g.insu_admdvs = translate(r.`settlement.insu_admdvs`, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND g.is_ambiguous = 0) AS `region.row`,
    CASE WHEN r.`settlement.insu_admdvs` IS NULL THEN 1 
      ELSE 0 END AS `region.unknown`
  FROM `CHR-04 rows` r) r
  LEFT JOIN opsp_reg_d g
    ON g.rowid = r.`region.row` AND r.`region.unknown` = 0;

-- 查找 disease：opsp_reg_d
-- Lookup disease in opsp_reg_d.
CACHE TABLE `CHR-04 lookup disease` AS
SELECT r.*
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM opsp_reg_d g WHERE g.opsp_dise_code = translate(r.`settlement.dise_no`, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND g.is_ambiguous = 0) AS `disease.row`,
    CASE WHEN r.`settlement.dise_no` IS NULL THEN 1 
      ELSE 0 END AS `disease.unknown`
  FROM `CHR-04 lookup region` r) r
  LEFT JOIN opsp_reg_d g
    ON g.rowid = r.`disease.row` AND r.`disease.unknown` = 0;

-- 查找 reg：opsp_reg_d，当日有效，起止日均含
-- Lookup reg in opsp_reg_d.
CACHE TABLE `CHR-04 lookup reg` AS
SELECT r.*
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM opsp_reg_d g WHERE g.psn_no = translate(r.`settlement.psn_no`, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND (r.`settlement.dise_no` IS NULL OR (g.opsp_dise_code = translate(r.`settlement.dise_no`, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'))) AND g.begndate <= r.`settlement.day` AND (g.enddate IS NULL OR g.enddate >= r.`settlement.day`) AND g.is_ambiguous = 0) AS `reg.row`,
    CASE WHEN r.`settlement.psn_no` IS NULL OR r.`settlement.day` IS NULL THEN 1 
      ELSE COALESCE((SELECT max(2) FROM opsp_reg_d g WHERE g.psn_no = translate(r.`settlement.psn_no`, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND (r.`settlement.dise_no` IS NULL OR (g.opsp_dise_code = translate(r.`settlement.dise_no`, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'))) AND g.begndate <= r.`settlement.day` AND (g.enddate IS NULL OR g.enddate >= r.`settlement.day`) AND g.is_ambiguous = 1), 0) END AS `reg.unknown`
  FROM `CHR-04 lookup disease` r) r
  LEFT JOIN opsp_reg_d g
    ON g.rowid = r.`reg.row` AND r.`reg.unknown` = 0;

-- 查找 near：opsp_reg_d，当日有效，起止日均含
-- Lookup near in opsp_reg_d.
CACHE TABLE `CHR-04 lookup near` AS
SELECT r.*
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM opsp_reg_d g WHERE g.psn_no = translate(r.`settlement.psn_no`, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND (r.`settlement.dise_no` IS NULL OR (g.opsp_dise_code = translate(r.`settlement.dise_no`, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'))) AND g.begndate <= r.`settlement.day` + (30 /* grace_days */) AND (g.enddate IS NULL OR g.enddate >= r.`settlement.day` - (30 /* grace_days */)) AND g.is_ambiguous = 0) AS `near.row`,
    CASE WHEN r.`settlement.psn_no` IS NULL OR r.`settlement.day` IS NULL OR (30 /* grace_days */) IS NULL THEN 1 
      ELSE COALESCE((SELECT max(2) FROM opsp_reg_d g WHERE g.psn_no = translate(r.`settlement.psn_no`, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND (r.`settlement.dise_no` IS NULL OR (g.opsp_dise_code = translate(r.`settlement.dise_no`, 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'))) AND g.begndate <= r.`settlement.day` + (30 /* grace_days */) AND (g.enddate IS NULL OR g.enddate >= r.`settlement.day` - (30 /* grace_days */)) AND g.is_ambiguous = 1), 0) END AS `near.unknown`
  FROM `CHR-04 lookup reg` r) r
  LEFT JOIN opsp_reg_d g
    ON g.rowid = r.`near.row` AND r.`near.unknown` = 0;

-- 命中：条件为真，没有除外或豁免为真；空值既不命中也不豁免。
-- Hits: conditions are TRUE, no exemption is; NULL neither fires nor excuses.
CACHE TABLE `CHR-04 hits` AS
SELECT r.*, COALESCE(r.`settlement.setl_id`, '') AS key,
  row_number() OVER (ORDER BY r.`settlement.setl_id`) AS hit
FROM `CHR-04 lookup near` r
WHERE r.`near.unknown` <> 2  -- 登记行有效期重叠或无法读取，不可评价 overlapping or undated registry rows
  AND NOT (NOT ((CASE WHEN r.`region.unknown` = 0 THEN r.`region.row` IS NOT NULL END) IS TRUE)) IS TRUE  -- 不可评价 unevaluable: 备案表未覆盖参保地
  AND NOT (NOT (r.`settlement.dise_no` IS NULL) AND NOT ((CASE WHEN r.`disease.unknown` = 0 THEN r.`disease.row` IS NOT NULL END) IS TRUE)) IS TRUE  -- 不可评价 unevaluable: 病种编码在备案表中从未出现，无法对照
  AND NOT ((CASE WHEN r.`reg.unknown` = 0 THEN r.`reg.row` IS NOT NULL END) IS NULL) IS TRUE  -- 不可评价 unevaluable: 结算没有人员编号或日期
  AND (NOT (CASE WHEN r.`reg.unknown` = 0 THEN r.`reg.row` IS NOT NULL END)) IS TRUE  -- 命中条件 hit
;

-- 发现所指的明细。 The lines of each finding.
CACHE TABLE `CHR-04 lines` AS
SELECT DISTINCT r.key AS key, `each_l`.id AS id, `each_l`.A AS A, `each_l`.F AS F
FROM `CHR-04 hits` r, counting_line `each_l`
WHERE `each_l`.setl_id = r.`settlement.setl_id` AND (`each_l`.A > 0) IS TRUE;

-- 发现所计的结算，每个一次。 What each finding sums, each once.
CACHE TABLE `CHR-04 settlements of settlement` AS
SELECT DISTINCT r.key AS key, s.setl_id AS id, s.A AS A, s.P AS P
FROM `CHR-04 hits` r JOIN counting_settlement s ON s.setl_id = r.`settlement.setl_id`;

-- 结论：同一键的命中是一个发现；由上而下第一个为真的情形定结论，都不为真则无发现。
-- Findings: hits of one key; the first case that is TRUE gives the verdict.
CACHE TABLE `CHR-04 findings` AS
SELECT * FROM (
  SELECT 'CHR-04' AS rule, g.key AS key,
    'institution' AS subject_type,
    COALESCE(r.`settlement.fixmedins_code`, '') AS subject,
    CASE
      WHEN CASE WHEN r.`near.unknown` = 0 THEN r.`near.row` IS NOT NULL END THEN '线索'
      WHEN TRUE THEN '可疑' END AS verdict,
    CASE
      WHEN CASE WHEN r.`near.unknown` = 0 THEN r.`near.row` IS NOT NULL END THEN 9223372036854775807
      WHEN TRUE THEN 50 END AS precedence,
    (SELECT COALESCE(sum(s.A), 0) FROM `CHR-04 settlements of settlement` s WHERE s.key = g.key) AS amount_fen,
    (SELECT COALESCE(sum(s.P), 0) FROM `CHR-04 settlements of settlement` s WHERE s.key = g.key) AS fund_fen
  FROM (
    SELECT r.key AS key, min(r.hit) AS first_hit
    FROM `CHR-04 hits` r GROUP BY r.key) g
    JOIN `CHR-04 hits` r ON r.hit = g.first_hit
) f WHERE f.verdict IS NOT NULL;

-- 发现所主张的钱的单位。 The units of money each finding claims.
CACHE TABLE `CHR-04 claims` AS
SELECT DISTINCT f.rule, f.key AS key, u.unit, u.fen AS fen,
  COALESCE(u.fixmedins_code, '') AS fixmedins_code,
  COALESCE(u.psn_no, '') AS psn_no, u.practitioner
FROM `CHR-04 findings` f JOIN `CHR-04 hits` r ON r.key = f.key
  JOIN counting_settlement s ON s.setl_id = r.`settlement.setl_id`
  JOIN money_unit u ON u.setl_id = s.setl_id
WHERE NOT (u.fen <=> 0);
SELECT * FROM `CHR-04 findings` f ORDER BY f.key;
