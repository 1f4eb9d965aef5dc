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
SELECT * FROM "ADM-01 findings" f ORDER BY f.key;
