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
SELECT * FROM "CAT-03 findings" f ORDER BY f.key;
