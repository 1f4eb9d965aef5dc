-- ==== ADM-09 v1 在床人数超核定床位 More inpatients than approved beds ====

-- 规则所看的行。 The rows the rule looks at.
CREATE TEMP TABLE "ADM-09 rows" AS
SELECT r.* FROM (
  SELECT 
    "stay".mdtrt_id AS "stay.mdtrt_id",
    "stay".fixmedins_code AS "stay.fixmedins_code",
    "stay".begin_day AS "stay.begin_day",
    "stay".end_day AS "stay.end_day",
    "stay".psn_no AS "stay.psn_no",
    "stay".med_type AS "stay.med_type",
    "stay".nwb_flag AS "stay.nwb_flag"
  FROM stay "stay"
) r
WHERE (NOT (r."stay.med_type" IS NOT DISTINCT FROM '28')) IS TRUE
  AND (NOT (r."stay.nwb_flag" IS NOT DISTINCT FROM '1')) IS TRUE;

-- 构成新行的基础行。 The rows of claims that the rule's rows are formed of.
CREATE TEMP TABLE "ADM-09 base" AS
SELECT row_number() OVER (ORDER BY b.base_order) AS base_row, b.* FROM (
  SELECT r.*, row_number() OVER (ORDER BY r."stay.mdtrt_id") AS base_order,
    r."stay.fixmedins_code" AS "by fixmedins_code",
    r."stay.begin_day" AS "first_day",
    CASE WHEN r."stay.begin_day" IS NOT NULL AND r."stay.end_day" - CAST(1 AS BIGINT) IS NOT NULL THEN greatest(r."stay.begin_day", r."stay.end_day" - CAST(1 AS BIGINT)) END AS "last_day",
    r."stay.psn_no" AS "counted"
  FROM "ADM-09 rows" r
  ) b
WHERE b."by fixmedins_code" IS NOT NULL AND b."first_day" IS NOT NULL AND b."last_day" IS NOT NULL;


-- 每组每日一行：当日不同取值的个数。 One row for each group and day: how many at once.
CREATE TEMP TABLE "ADM-09 formed" AS
SELECT row_number() OVER (ORDER BY z."census.day", z."census.fixmedins_code") AS formed_row, z.* FROM (
  SELECT b."by fixmedins_code" AS "census.fixmedins_code", d.day AS "census.day",
    count(DISTINCT b.counted) AS "census.count"
  FROM (SELECT b.base_row, unnest(range(b.low, b.high + 1)) AS day FROM (SELECT b.base_row, b.first_day AS low, b.last_day AS high FROM "ADM-09 base" b) b WHERE b.low <= b.high) d
    JOIN "ADM-09 base" b ON b.base_row = d.base_row
  GROUP BY b."by fixmedins_code", d.day) z;


-- 查找 inst：fixmedins_b，当日有效，起止日均含
-- Lookup inst in fixmedins_b.
CREATE TEMP TABLE "ADM-09 lookup inst" AS
SELECT r.*,
  g.aprv_bed_cnt AS "inst.aprv_bed_cnt"
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM fixmedins_b g WHERE g.fixmedins_code = translate(r."census.fixmedins_code", 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND g.begndate <= r."census.day" AND (g.enddate IS NULL OR g.enddate >= r."census.day")) AS "inst.row",
    CASE WHEN r."census.fixmedins_code" IS NULL OR r."census.day" IS NULL THEN 1 
      ELSE COALESCE((SELECT max(2) FROM fixmedins_b g WHERE g.fixmedins_code = translate(r."census.fixmedins_code", 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND g.begndate <= r."census.day" AND (g.enddate IS NULL OR g.enddate >= r."census.day") AND g.is_ambiguous = 1),
        (SELECT CASE WHEN count(*) > 1 OR max(z.is_ambiguous) = 1 THEN 2 WHEN count(*) = 1 THEN 0 END FROM (
      SELECT g.is_ambiguous AS is_ambiguous
      FROM fixmedins_b g WHERE g.fixmedins_code = translate(r."census.fixmedins_code", 'abcdefghijklmnopqrstuvwxyz', 'ABCDEFGHIJKLMNOPQRSTUVWXYZ') AND g.begndate <= r."census.day" AND (g.enddate IS NULL OR g.enddate >= r."census.day")) z), 0) END AS "inst.unknown"
  FROM "ADM-09 formed" r) r
  LEFT JOIN fixmedins_b g
    ON g.rowid = r."inst.row" AND r."inst.unknown" = 0;

-- 命中的日子连成段：日序减名次相同者相连；短于下限的段不计。
-- Runs: days that follow each other; runs that are too short are dropped.
CREATE TEMP TABLE "ADM-09 runs" AS
SELECT y.*, y."census.run_last" - y."census.run_first" + 1 AS "census.run_length"
FROM (
  SELECT x.*,
    min(x."census.day") OVER (PARTITION BY x."census.fixmedins_code", x.run_start) AS "census.run_first",
    max(x."census.day") OVER (PARTITION BY x."census.fixmedins_code", x.run_start) AS "census.run_last",
    first_value(x.at_least) OVER (PARTITION BY x."census.fixmedins_code", x.run_start ORDER BY x."census.day", x.formed_row) AS run_at_least
  FROM (
    SELECT r.*, r."census.day" - dense_rank() OVER (PARTITION BY r."census.fixmedins_code" ORDER BY r."census.day") AS run_start,
      3 /* over_days */ AS at_least
    FROM "ADM-09 lookup inst" r
    WHERE NOT (NOT ((r."inst.aprv_bed_cnt" > 0) IS TRUE)) IS TRUE  -- 不可评价 unevaluable: 当日核定床位数未知
  AND ((((r."census.count" * CAST(100 AS BIGINT)))) > (((r."inst.aprv_bed_cnt" * (CAST(120 AS BIGINT) /* over_percent */))))) IS TRUE  -- 命中条件 hit
) x
) y
WHERE y."census.run_last" - y."census.run_first" + 1 >= y.run_at_least;


-- 命中：条件为真，没有除外或豁免为真；空值既不命中也不豁免。
-- Hits: conditions are TRUE, no exemption is; NULL neither fires nor excuses.
CREATE TEMP TABLE "ADM-09 hits" AS
SELECT r.*, COALESCE(r."census.fixmedins_code", '') || '|' || COALESCE(strftime(DATE '1970-01-01' + CAST(r."census.run_first" AS INTEGER), '%Y-%m-%d'), '') AS key,
  row_number() OVER (ORDER BY r.formed_row) AS hit
FROM "ADM-09 runs" r
;

-- 结论：同一键的命中是一个发现；由上而下第一个为真的情形定结论，都不为真则无发现。
-- Findings: hits of one key; the first case that is TRUE gives the verdict.
CREATE TEMP TABLE "ADM-09 findings" AS
SELECT * FROM (
  SELECT 'ADM-09' AS rule, g.key AS key,
    'institution' AS subject_type,
    COALESCE(r."census.fixmedins_code", '') AS subject,
    CASE
      WHEN TRUE THEN '可疑' END AS verdict,
    CASE
      WHEN TRUE THEN 120 END AS precedence,
    0 AS amount_fen,
    0 AS fund_fen
  FROM (
    SELECT r.key AS key, min(r.hit) AS first_hit
    FROM "ADM-09 hits" r GROUP BY r.key) g
    JOIN "ADM-09 hits" r ON r.hit = g.first_hit
) f WHERE f.verdict IS NOT NULL;

-- 发现所主张的钱的单位。 The units of money each finding claims.
CREATE TEMP TABLE "ADM-09 claims" AS
SELECT DISTINCT f.rule, f.key AS key, u.unit, u.fen AS fen,
  COALESCE(u.fixmedins_code, '') AS fixmedins_code,
  COALESCE(u.psn_no, '') AS psn_no, u.practitioner
FROM "ADM-09 findings" f JOIN money_unit u ON FALSE
WHERE u.fen IS DISTINCT FROM 0;
SELECT * FROM "ADM-09 findings" f ORDER BY f.key;
