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
SELECT * FROM "CAT-01 findings" f ORDER BY f.key;
