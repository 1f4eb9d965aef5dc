-- ==== ADM-06 v1 挂床空窗 Idle days of a stay ====

-- 总体事实 posting：全部数据中每组一行。
-- Facts about the whole population, a row for each group.
CREATE TEMP TABLE "ADM-06 population posting" AS
SELECT m.match_1,
  count(*) AS "stays",
  sum(m."value inner_days") AS "inner_days",
  sum(m."value posted_days") AS "posted_days"
FROM (
  SELECT "each_s".fixmedins_code AS match_1,
      "each_s".nights - 1 AS "value inner_days",
      (SELECT count(DISTINCT "each_l".day) FROM counting_line "each_l" WHERE "each_l".mdtrt_id = "each_s".mdtrt_id AND ("each_s".begin_day < "each_l".day AND "each_l".day < "each_s".end_day) IS TRUE) AS "value posted_days"
  FROM stay "each_s"
  WHERE ("each_s".nights > 1) IS TRUE) m
WHERE m.match_1 IS NOT NULL
GROUP BY m.match_1;

-- 规则所看的行。 The rows the rule looks at.
CREATE TEMP TABLE "ADM-06 rows" AS
SELECT r.* FROM (
  SELECT 
    "stay".mdtrt_id AS "stay.mdtrt_id",
    "stay".fixmedins_code AS "stay.fixmedins_code",
    "stay".begin_day AS "stay.begin_day",
    "stay".end_day AS "stay.end_day",
    "stay".nights AS "stay.nights",
    "stay".med_type AS "stay.med_type"
  FROM stay "stay"
) r
WHERE (r."stay.nights" >= (4 /* min_nights */)) IS TRUE
  AND (NOT (r."stay.med_type" IS '26')) IS TRUE
  AND (NOT (r."stay.med_type" IS '28')) IS TRUE;

-- 查找 inst：fixmedins_b，当日有效，起止日均含
-- Lookup inst in fixmedins_b.
CREATE TEMP TABLE "ADM-06 lookup inst" AS
SELECT r.*,
  g.medins_kind AS "inst.medins_kind"
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM fixmedins_b g WHERE g.fixmedins_code = upper(r."stay.fixmedins_code") AND g.begndate <= r."stay.begin_day" AND (g.enddate IS NULL OR g.enddate >= r."stay.begin_day")) AS "inst.row",
    CASE WHEN r."stay.fixmedins_code" IS NULL OR r."stay.begin_day" IS NULL THEN 1 
      ELSE COALESCE((SELECT max(2) FROM fixmedins_b g WHERE g.fixmedins_code = upper(r."stay.fixmedins_code") AND g.begndate <= r."stay.begin_day" AND (g.enddate IS NULL OR g.enddate >= r."stay.begin_day") AND g.is_ambiguous = 1),
        (SELECT CASE WHEN count(*) > 1 OR max(z.is_ambiguous) = 1 THEN 2 WHEN count(*) = 1 THEN 0 END FROM (
      SELECT g.is_ambiguous AS is_ambiguous
      FROM fixmedins_b g WHERE g.fixmedins_code = upper(r."stay.fixmedins_code") AND g.begndate <= r."stay.begin_day" AND (g.enddate IS NULL OR g.enddate >= r."stay.begin_day")) z), 0) END AS "inst.unknown"
  FROM "ADM-06 rows" r) r
  LEFT JOIN fixmedins_b g
    ON g.rowid = r."inst.row" AND r."inst.unknown" = 0;

-- 构成新行的基础行。 The rows of claims that the rule's rows are formed of.
CREATE TEMP TABLE "ADM-06 base" AS
SELECT row_number() OVER (ORDER BY b.base_order) AS base_row, b.* FROM (
  SELECT r.*, row_number() OVER (ORDER BY r."stay.mdtrt_id") AS base_order,
    1 AS always,
    r."stay.begin_day" + 1 AS "first_day",
    r."stay.end_day" - 1 AS "last_day"
  FROM "ADM-06 lookup inst" r
  WHERE r."inst.unknown" <> 2  -- 登记行有效期重叠或无法读取，不可评价 overlapping or undated registry rows
  AND NOT (NOT (((SELECT max(p."stays") FROM "ADM-06 population posting" p WHERE p.match_1 = r."stay.fixmedins_code") >= (10 /* posting_stays */) AND ((CASE WHEN typeof(((SELECT max(p."posted_days") FROM "ADM-06 population posting" p WHERE p.match_1 = r."stay.fixmedins_code") * 100)) = 'real' THEN abs(-9223372036854775807 - 1) ELSE ((SELECT max(p."posted_days") FROM "ADM-06 population posting" p WHERE p.match_1 = r."stay.fixmedins_code") * 100) END)) >= ((CASE WHEN typeof(((SELECT max(p."inner_days") FROM "ADM-06 population posting" p WHERE p.match_1 = r."stay.fixmedins_code") * (80 /* posting_percent */))) = 'real' THEN abs(-9223372036854775807 - 1) ELSE ((SELECT max(p."inner_days") FROM "ADM-06 population posting" p WHERE p.match_1 = r."stay.fixmedins_code") * (80 /* posting_percent */)) END))) IS TRUE)) IS TRUE  -- 不可评价 unevaluable: 机构住院不足或未逐日记账
  AND NOT (NOT ((((CASE WHEN typeof((COALESCE((SELECT sum("each_l".det_item_fee_sumamt) FROM counting_line "each_l" WHERE "each_l".mdtrt_id = r."stay.mdtrt_id" AND (TRUE) IS TRUE), 0) - ((SELECT sum("each_x".medfee_sumamt) FROM counting_settlement "each_x" WHERE "each_x".mdtrt_id = r."stay.mdtrt_id" AND (TRUE) IS TRUE)))) = 'real' THEN abs(-9223372036854775807 - 1) ELSE (COALESCE((SELECT sum("each_l".det_item_fee_sumamt) FROM counting_line "each_l" WHERE "each_l".mdtrt_id = r."stay.mdtrt_id" AND (TRUE) IS TRUE), 0) - ((SELECT sum("each_x".medfee_sumamt) FROM counting_settlement "each_x" WHERE "each_x".mdtrt_id = r."stay.mdtrt_id" AND (TRUE) IS TRUE))) END)) <= (100 /* difference */) AND ((CASE WHEN typeof((((SELECT sum("each_x".medfee_sumamt) FROM counting_settlement "each_x" WHERE "each_x".mdtrt_id = r."stay.mdtrt_id" AND (TRUE) IS TRUE)) - COALESCE((SELECT sum("each_l".det_item_fee_sumamt) FROM counting_line "each_l" WHERE "each_l".mdtrt_id = r."stay.mdtrt_id" AND (TRUE) IS TRUE), 0))) = 'real' THEN abs(-9223372036854775807 - 1) ELSE (((SELECT sum("each_x".medfee_sumamt) FROM counting_settlement "each_x" WHERE "each_x".mdtrt_id = r."stay.mdtrt_id" AND (TRUE) IS TRUE)) - COALESCE((SELECT sum("each_l".det_item_fee_sumamt) FROM counting_line "each_l" WHERE "each_l".mdtrt_id = r."stay.mdtrt_id" AND (TRUE) IS TRUE), 0)) END)) <= (100 /* difference */)) IS TRUE)) IS TRUE  -- 不可评价 unevaluable: 明细合计与结算总额不符，可能缺明细
) b
WHERE b."first_day" IS NOT NULL AND b."last_day" IS NOT NULL;


-- 每一基础行的每一日一行。 One row for each day of each base row.
CREATE TEMP TABLE "ADM-06 formed" AS
SELECT row_number() OVER (ORDER BY z."idle.day", z.base_row) AS formed_row, z.* FROM (
  SELECT b.*, d.day AS "idle.day"
  FROM (WITH RECURSIVE s AS (
    SELECT b.* FROM (SELECT x.base_row, x.low AS day, x.high AS high FROM (SELECT b.base_row, b.first_day AS low, b.last_day AS high FROM "ADM-06 base" b) x) b
    WHERE b.day <= b.high
    UNION ALL
    SELECT s.base_row, s.day + 1, s.high FROM s WHERE s.day < s.high)
  SELECT s.base_row, s.day AS day FROM s) d
    JOIN "ADM-06 base" b ON b.base_row = d.base_row) z;


-- 命中的日子连成段：日序减名次相同者相连；短于下限的段不计。
-- Runs: days that follow each other; runs that are too short are dropped.
CREATE TEMP TABLE "ADM-06 runs" AS
SELECT y.*, y."idle.run_last" - y."idle.run_first" + 1 AS "idle.run_length"
FROM (
  SELECT x.*,
    min(x."idle.day") OVER (PARTITION BY x.base_row, x.run_start) AS "idle.run_first",
    max(x."idle.day") OVER (PARTITION BY x.base_row, x.run_start) AS "idle.run_last",
    first_value(x.at_least) OVER (PARTITION BY x.base_row, x.run_start ORDER BY x."idle.day", x.formed_row) AS run_at_least
  FROM (
    SELECT r.*, r."idle.day" - dense_rank() OVER (PARTITION BY r.base_row ORDER BY r."idle.day") AS run_start,
      3 /* idle_days */ AS at_least
    FROM "ADM-06 formed" r
    WHERE (NOT (EXISTS (SELECT 1 FROM counting_line "each_l" WHERE "each_l".mdtrt_id = r."stay.mdtrt_id" AND ("each_l".day = r."idle.day" AND NOT (("each_l".med_chrgitm_type IN ('01', '02', '07')) IS TRUE)) IS TRUE))) IS TRUE  -- 命中条件 hit
) x
) y
WHERE y."idle.run_last" - y."idle.run_first" + 1 >= y.run_at_least;


-- 命中：条件为真，没有除外或豁免为真；空值既不命中也不豁免。
-- Hits: conditions are TRUE, no exemption is; NULL neither fires nor excuses.
CREATE TEMP TABLE "ADM-06 hits" AS
SELECT r.*, COALESCE(r."stay.mdtrt_id", '') || '|' || COALESCE(date(r."idle.run_first" * 86400, 'unixepoch'), '') AS key,
  row_number() OVER (ORDER BY r.formed_row) AS hit
FROM "ADM-06 runs" r
WHERE NOT (r."inst.medins_kind" IN ('psychiatric', 'rehabilitation', 'nursing', 'hospice')) IS TRUE  -- 豁免 EX-08
;
CREATE INDEX "ADM-06 hits by key" ON "ADM-06 hits" (key);

-- 发现所指的明细。 The lines of each finding.
CREATE TEMP TABLE "ADM-06 lines" AS
SELECT DISTINCT r.key AS key, "each_l".id AS id, "each_l".A AS A, "each_l".F AS F
FROM "ADM-06 hits" r, counting_line "each_l"
WHERE "each_l".mdtrt_id = r."stay.mdtrt_id" AND ("each_l".day = r."idle.day") IS TRUE;
CREATE INDEX "ADM-06 lines by key" ON "ADM-06 lines" (key);

-- 结论：同一键的命中是一个发现；由上而下第一个为真的情形定结论，都不为真则无发现。
-- Findings: hits of one key; the first case that is TRUE gives the verdict.
CREATE TEMP TABLE "ADM-06 findings" AS
SELECT * FROM (
  SELECT 'ADM-06' AS rule, g.key AS key,
    'institution' AS subject_type,
    COALESCE(r."stay.fixmedins_code", '') AS subject,
    CASE
      WHEN TRUE THEN '可疑' END AS verdict,
    CASE
      WHEN TRUE THEN 100 END AS precedence,
    (SELECT CASE WHEN count(*) = count(l.A) THEN COALESCE(sum(l.A), 0) END FROM "ADM-06 lines" l WHERE l.key = g.key) AS amount_fen,
    (SELECT CASE WHEN count(*) = count(l.F) THEN COALESCE(sum(l.F), 0) END FROM "ADM-06 lines" l WHERE l.key = g.key) AS fund_fen
  FROM (
    SELECT r.key AS key, min(r.hit) AS first_hit
    FROM "ADM-06 hits" r GROUP BY r.key) g
    JOIN "ADM-06 hits" r ON r.hit = g.first_hit
) f WHERE f.verdict IS NOT NULL;

-- 发现所主张的钱的单位。 The units of money each finding claims.
CREATE TEMP TABLE "ADM-06 claims" AS
SELECT DISTINCT f.rule, f.key AS key, u.unit, u.fen AS fen,
  COALESCE(u.fixmedins_code, '') AS fixmedins_code,
  COALESCE(u.psn_no, '') AS psn_no, u.practitioner
FROM "ADM-06 findings" f JOIN "ADM-06 lines" l ON l.key = f.key JOIN money_unit u ON u.line_id = l.id
WHERE u.fen IS NOT 0;
SELECT * FROM "ADM-06 findings" f ORDER BY f.key;
