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
SELECT * FROM "ADM-05 findings" f ORDER BY f.key;
