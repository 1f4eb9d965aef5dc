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
  AND ((starts_with(r."line.list_type", '1'))) IS TRUE
  AND (r."line.A" > 0) IS TRUE;

-- 查找 region：opsp_reg_d
-- Lookup region in opsp_reg_d.
CREATE TEMP TABLE "CHR-03 lookup region" AS
SELECT r.*
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM opsp_reg_d g WHERE g.insu_admdvs = translate(r."line.settlement.insu_admdvs", 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND g.is_ambiguous = 0) AS "region.row",
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
      SELECT g.rowid AS number, CASE g.admdvs WHEN CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN r."line.settlement.fix_blng_admdvs" END THEN 0 WHEN CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END THEN 1 WHEN CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END THEN 2 ELSE 3 END AS level
      FROM opsp_dise_drug_b g WHERE g.opsp_dise_code = translate(COALESCE(r."line.dise_codg", r."line.settlement.dise_no"), 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND length(g.drug_code) >= 10 AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.admdvs IN (CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN r."line.settlement.fix_blng_admdvs" END, CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END, CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END, '000000') AND g.is_ambiguous = 0) z
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
      SELECT g.rowid AS number, CASE g.admdvs WHEN CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN r."line.settlement.fix_blng_admdvs" END THEN 0 WHEN CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END THEN 1 WHEN CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END THEN 2 ELSE 3 END AS level
      FROM opsp_dise_drug_b g WHERE g.opsp_dise_code = translate(COALESCE(r."line.dise_codg", r."line.settlement.dise_no"), 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND length(g.drug_code) >= 10 AND starts_with(translate(r."line.med_list_codg", 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'), g.drug_code) AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.admdvs IN (CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN r."line.settlement.fix_blng_admdvs" END, CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END, CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END, '000000') AND g.is_ambiguous = 0) z
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
    (SELECT min(g.rowid) FROM opsp_reg_d g WHERE g.psn_no = translate(r."line.psn_no", 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.is_ambiguous = 0) AS "regs.row",
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
      SELECT g.rowid AS number, CASE g.admdvs WHEN CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN r."line.settlement.fix_blng_admdvs" END THEN 0 WHEN CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END THEN 1 WHEN CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END THEN 2 ELSE 3 END AS level
      FROM opsp_dise_drug_b g WHERE EXISTS (SELECT 1 FROM opsp_reg_d h_regs WHERE h_regs.psn_no = translate(r."line.psn_no", 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND h_regs.begndate <= r."line.day" AND (h_regs.enddate IS NULL OR h_regs.enddate >= r."line.day") AND h_regs.is_ambiguous = 0 AND h_regs.opsp_dise_code = g.opsp_dise_code) AND length(g.drug_code) >= 10 AND starts_with(translate(r."line.med_list_codg", 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ'), g.drug_code) AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.admdvs IN (CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN r."line.settlement.fix_blng_admdvs" END, CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 4) || '00' END, CASE WHEN strlen(r."line.settlement.fix_blng_admdvs") = 6 THEN substr(r."line.settlement.fix_blng_admdvs", 1, 2) || '0000' END, '000000') AND g.is_ambiguous = 0) z
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

-- 发现所指的明细。 The lines of each finding.
CREATE TEMP TABLE "CHR-03 lines" AS
SELECT DISTINCT r.key AS key, l.id AS id, l.A AS A, l.F AS F
FROM "CHR-03 hits" r JOIN counting_line l
  ON l.mdtrt_id || ':' || l.bkkp_sn = r."line.id";

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
    (SELECT CASE WHEN count(*) = count(l.A) THEN COALESCE(CAST(sum(l.A) AS BIGINT), 0) END FROM "CHR-03 lines" l WHERE l.key = g.key) AS amount_fen,
    (SELECT CASE WHEN count(*) = count(l.F) THEN COALESCE(CAST(sum(l.F) AS BIGINT), 0) END FROM "CHR-03 lines" l WHERE l.key = g.key) AS fund_fen
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
WHERE u.fen IS DISTINCT FROM 0;
SELECT * FROM "CHR-03 findings" f ORDER BY f.key;
