-- ==== ADM-02 v1 住院期间他处就医购药 Care elsewhere during a stay ====

-- 规则所看的成对的行。 The pairs of rows the rule looks at.
CREATE TEMP TABLE "ADM-02 rows" AS
SELECT r.* FROM (
  SELECT 
    "inside".mdtrt_id AS "inside.mdtrt_id",
    "outside".id AS "outside.id",
    "outside.settlement".visit_class AS "outside.settlement.visit_class",
    "outside".list_type AS "outside.list_type",
    "outside.settlement".opsp_flag AS "outside.settlement.opsp_flag",
    "inside".psn_no AS "inside.psn_no",
    "inside".begin_day AS "inside.begin_day",
    "outside".day AS "outside.day",
    "inside".end_day AS "inside.end_day",
    "outside".etip_flag AS "outside.etip_flag",
    "outside".rx_circ_flag AS "outside.rx_circ_flag",
    "outside.settlement".fixmedins_code AS "outside.settlement.fixmedins_code",
    "outside.settlement".visit_med_type AS "outside.settlement.visit_med_type",
    "outside".setl_id AS "outside.setl_id",
    "outside".A AS "outside.A",
    "inside".fixmedins_code AS "inside.fixmedins_code"
  FROM stay "inside",
  counting_line "outside"
  LEFT JOIN counting_settlement "outside.settlement" ON "outside.settlement".setl_id = "outside".setl_id
  WHERE "inside".psn_no = "outside.settlement".psn_no
) r
WHERE (r."outside.A" > 0) IS TRUE
  AND (r."outside.settlement.fixmedins_code" <> r."inside.fixmedins_code") IS TRUE
  AND (r."outside.settlement.visit_class" IN ('outpatient', 'pharmacy', 'emergency')) IS TRUE;

-- 命中：条件为真，没有除外或豁免为真；空值既不命中也不豁免。
-- Hits: conditions are TRUE, no exemption is; NULL neither fires nor excuses.
CREATE TEMP TABLE "ADM-02 hits" AS
SELECT r.*, COALESCE(r."inside.mdtrt_id", '') || '|' || COALESCE(r."outside.setl_id", '') AS key,
  row_number() OVER (ORDER BY r."inside.mdtrt_id", r."outside.id") AS hit
FROM "ADM-02 rows" r
WHERE (r."inside.begin_day" < r."outside.day" AND r."outside.day" < r."inside.end_day") IS TRUE  -- 命中条件 hit
  AND NOT (r."outside.etip_flag" = '1' OR r."outside.rx_circ_flag" = '1') IS TRUE  -- 除外 unless
  AND NOT (EXISTS (SELECT 1 FROM counting_line "each_l" WHERE "each_l".mdtrt_id = r."inside.mdtrt_id" AND ("each_l".etip_flag = '1' AND "each_l".etip_hosp_code = r."outside.settlement.fixmedins_code") IS TRUE)) IS TRUE  -- 除外 unless
  AND NOT (r."outside.settlement.visit_class" = 'emergency') IS TRUE  -- 豁免 EX-02
  AND NOT (r."outside.settlement.visit_med_type" IN ('99331', '99332')) IS TRUE  -- 豁免 EX-03
  AND NOT (r."outside.settlement.visit_med_type" = '910202') IS TRUE  -- 豁免 EX-12
;
CREATE INDEX "ADM-02 hits by key" ON "ADM-02 hits" (key);

-- 发现所指的明细。 The lines of each finding.
CREATE TEMP TABLE "ADM-02 lines" AS
SELECT DISTINCT r.key AS key, l.id AS id, l.A AS A, l.F AS F
FROM "ADM-02 hits" r JOIN counting_line l
  ON l.mdtrt_id || ':' || l.bkkp_sn = r."outside.id";
CREATE INDEX "ADM-02 lines by key" ON "ADM-02 lines" (key);

-- 结论：同一键的命中是一个发现；由上而下第一个为真的情形定结论，都不为真则无发现。
-- Findings: hits of one key; the first case that is TRUE gives the verdict.
CREATE TEMP TABLE "ADM-02 findings" AS
SELECT * FROM (
  SELECT 'ADM-02' AS rule, g.key AS key,
    'person' AS subject_type,
    COALESCE(r."inside.psn_no", '') AS subject,
    CASE
      WHEN r."outside.settlement.visit_class" = 'pharmacy' OR (g.hits_1 AND r."outside.settlement.opsp_flag" = '1') THEN '线索'
      WHEN TRUE THEN '可疑' END AS verdict,
    CASE
      WHEN r."outside.settlement.visit_class" = 'pharmacy' OR (g.hits_1 AND r."outside.settlement.opsp_flag" = '1') THEN 9223372036854775807
      WHEN TRUE THEN 90 END AS precedence,
    (SELECT CASE WHEN count(*) = count(l.A) THEN COALESCE(sum(l.A), 0) END FROM "ADM-02 lines" l WHERE l.key = g.key) AS amount_fen,
    (SELECT CASE WHEN count(*) = count(l.F) THEN COALESCE(sum(l.F), 0) END FROM "ADM-02 lines" l WHERE l.key = g.key) AS fund_fen
  FROM (
    SELECT r.key AS key, min(r.hit) AS first_hit,
        min(((substr(r."outside.list_type", 1, 1) = '1')) IS TRUE) AS hits_1
    FROM "ADM-02 hits" r GROUP BY r.key) g
    JOIN "ADM-02 hits" r ON r.hit = g.first_hit
) f WHERE f.verdict IS NOT NULL;

-- 发现所主张的钱的单位。 The units of money each finding claims.
CREATE TEMP TABLE "ADM-02 claims" AS
SELECT DISTINCT f.rule, f.key AS key, u.unit, u.fen AS fen,
  COALESCE(u.fixmedins_code, '') AS fixmedins_code,
  COALESCE(u.psn_no, '') AS psn_no, u.practitioner
FROM "ADM-02 findings" f JOIN "ADM-02 lines" l ON l.key = f.key JOIN money_unit u ON u.line_id = l.id
WHERE u.fen IS NOT 0;
SELECT * FROM "ADM-02 findings" f ORDER BY f.key;
