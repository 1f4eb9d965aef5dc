-- ==== CHR-01 v1 慢特病药超量持有 Chronic-disease drugs on hand beyond need ====

-- 规则所看的行。 The rows the rule looks at.
CREATE TEMP TABLE "CHR-01 rows" AS
SELECT r.* FROM (
  SELECT 
    "line".id AS "line.id",
    "line".psn_no AS "line.psn_no",
    "line".fixmedins_code AS "line.fixmedins_code",
    "line".day AS "line.day",
    "line".cnt AS "line.cnt",
    "line".med_list_codg AS "line.med_list_codg",
    "line.settlement".opsp_flag AS "line.settlement.opsp_flag",
    "line".list_type AS "line.list_type",
    "line".A AS "line.A",
    "line".rx_circ_flag AS "line.rx_circ_flag"
  FROM counting_line "line"
  LEFT JOIN counting_settlement "line.settlement" ON "line.settlement".setl_id = "line".setl_id
) r
WHERE (r."line.settlement.opsp_flag" = '1') IS TRUE
  AND (r."line.list_type" = '101') IS TRUE
  AND (r."line.A" > 0) IS TRUE
  AND (NOT (r."line.rx_circ_flag" IS '1')) IS TRUE;

-- 查找 sup：drug_sup_b，当日有效，起止日均含
-- Lookup sup in drug_sup_b.
CREATE TEMP TABLE "CHR-01 lookup sup" AS
SELECT r.*,
  g.sup_key AS "sup.sup_key",
  g.sup_days AS "sup.sup_days"
FROM (
  SELECT r.*,
    (SELECT min(g.rowid) FROM drug_sup_b g WHERE g.med_list_codg = upper(r."line.med_list_codg") AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day")) AS "sup.row",
    CASE WHEN r."line.med_list_codg" IS NULL OR r."line.day" IS NULL THEN 1 
      ELSE COALESCE((SELECT max(2) FROM drug_sup_b g WHERE g.med_list_codg = upper(r."line.med_list_codg") AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day") AND g.is_ambiguous = 1),
        (SELECT CASE WHEN count(*) > 1 OR max(z.is_ambiguous) = 1 THEN 2 WHEN count(*) = 1 THEN 0 END FROM (
      SELECT g.is_ambiguous AS is_ambiguous
      FROM drug_sup_b g WHERE g.med_list_codg = upper(r."line.med_list_codg") AND g.begndate <= r."line.day" AND (g.enddate IS NULL OR g.enddate >= r."line.day")) z), 0) END AS "sup.unknown"
  FROM "CHR-01 rows" r) r
  LEFT JOIN drug_sup_b g
    ON g.rowid = r."sup.row" AND r."sup.unknown" = 0;

-- 构成新行的基础行。 The rows of claims that the rule's rows are formed of.
CREATE TEMP TABLE "CHR-01 base" AS
SELECT row_number() OVER (ORDER BY b.base_order) AS base_row, b.* FROM (
  SELECT r.*, row_number() OVER (ORDER BY r."line.id") AS base_order,
    r."line.psn_no" AS "by psn_no",
    r."sup.sup_key" AS "by sup_key",
    r."line.fixmedins_code" AS "value fixmedins_code",
    r."line.day" AS "first_day",
    CASE WHEN typeof((r."line.cnt" * r."sup.sup_days")) = 'real' THEN abs(-9223372036854775807 - 1) ELSE (r."line.cnt" * r."sup.sup_days") END AS covers
  FROM "CHR-01 lookup sup" r
  WHERE NOT (NOT ((CASE WHEN r."sup.unknown" = 0 THEN r."sup.row" IS NOT NULL END) IS TRUE)) IS TRUE  -- 不可评价 unevaluable: 药品没有可用天数
) b
WHERE b."by psn_no" IS NOT NULL AND b."by sup_key" IS NOT NULL AND b."first_day" IS NOT NULL;


-- 每组每日一行：当日供给天数与之后的持有天数。 One row for each group and day: supply, and what is then held.
CREATE TEMP TABLE "CHR-01 formed" AS
SELECT row_number() OVER (ORDER BY z."purchase.day", z."purchase.psn_no", z."purchase.sup_key") AS formed_row, z.* FROM (
  SELECT s."by psn_no" AS "purchase.psn_no", s."by sup_key" AS "purchase.sup_key", s.first_day AS "purchase.day", s.supply AS "purchase.supply",
    s.running_sum - s.first_day - min(s.running_sum - s.supply - s.first_day) OVER (PARTITION BY s."by psn_no", s."by sup_key" ORDER BY s.first_day
      ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS "purchase.held", s."purchase.fixmedins_code"
  FROM (
    SELECT s.*, sum(s.supply) OVER (PARTITION BY s."by psn_no", s."by sup_key" ORDER BY s.first_day ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) AS running_sum
    FROM (
      SELECT b."by psn_no", b."by sup_key", b.first_day,
        sum(b.covers) / 100000000 AS supply,
    CASE WHEN count(b."value fixmedins_code") = count(*) AND min(b."value fixmedins_code") = max(b."value fixmedins_code") THEN min(b."value fixmedins_code") END AS "purchase.fixmedins_code"
      FROM "CHR-01 base" b GROUP BY b."by psn_no", b."by sup_key", b.first_day) s
    WHERE s.supply >= 1) s) z;

-- 每一新行由哪些基础行构成。 The rows that each formed row is made of.
CREATE TEMP TABLE "CHR-01 members" AS
SELECT f.formed_row, b."line.id" AS id
FROM "CHR-01 formed" f JOIN "CHR-01 base" b ON f."purchase.psn_no" = b."by psn_no" AND f."purchase.sup_key" = b."by sup_key" AND b.first_day = f."purchase.day";
CREATE INDEX "CHR-01 members by row" ON "CHR-01 members" (formed_row);


-- 命中：条件为真，没有除外或豁免为真；空值既不命中也不豁免。
-- Hits: conditions are TRUE, no exemption is; NULL neither fires nor excuses.
CREATE TEMP TABLE "CHR-01 hits" AS
SELECT r.*, COALESCE(r."purchase.psn_no", '') || '|' || COALESCE(r."purchase.sup_key", '') || '|' || COALESCE(date(r."purchase.day" * 86400, 'unixepoch'), '') AS key,
  row_number() OVER (ORDER BY r.formed_row) AS hit
FROM "CHR-01 formed" r
WHERE (r."purchase.held" > (90 /* most_days */)) IS TRUE  -- 命中条件 hit
;
CREATE INDEX "CHR-01 hits by key" ON "CHR-01 hits" (key);

-- 发现所指的明细。 The lines of each finding.
CREATE TEMP TABLE "CHR-01 lines" AS
SELECT DISTINCT r.key AS key, l.id AS id, l.A AS A, l.F AS F
FROM "CHR-01 hits" r JOIN "CHR-01 members" m ON m.formed_row = r.formed_row
  JOIN counting_line l ON l.id = m.id;
CREATE INDEX "CHR-01 lines by key" ON "CHR-01 lines" (key);

-- 金额的 n 分之 k：先合计，再乘 k 除以 n，向下取整，全程整数。
-- Part k of n of the sum, rounded down, in whole numbers.
CREATE TEMP TABLE "CHR-01 part" AS
SELECT f.key, 'A' AS part, sum(l.A) AS total,
  CASE WHEN f.k > f.n THEN f.n ELSE f.k END AS k, f.n
FROM (
  SELECT r.key, min(r."purchase.supply", (CASE WHEN typeof((r."purchase.held" - (90 /* most_days */))) = 'real' THEN abs(-9223372036854775807 - 1) ELSE (r."purchase.held" - (90 /* most_days */)) END)) AS k, r."purchase.supply" AS n
  FROM (SELECT h.*, row_number() OVER (PARTITION BY h.key ORDER BY h.hit) AS place FROM "CHR-01 hits" h) r
  WHERE r.place = 1) f
  JOIN "CHR-01 lines" l ON l.key = f.key
GROUP BY f.key, f.k, f.n
UNION ALL
SELECT f.key, 'F' AS part, sum(l.F) AS total,
  CASE WHEN f.k > f.n THEN f.n ELSE f.k END AS k, f.n
FROM (
  SELECT r.key, min(r."purchase.supply", (CASE WHEN typeof((r."purchase.held" - (90 /* most_days */))) = 'real' THEN abs(-9223372036854775807 - 1) ELSE (r."purchase.held" - (90 /* most_days */)) END)) AS k, r."purchase.supply" AS n
  FROM (SELECT h.*, row_number() OVER (PARTITION BY h.key ORDER BY h.hit) AS place FROM "CHR-01 hits" h) r
  WHERE r.place = 1) f
  JOIN "CHR-01 lines" l ON l.key = f.key
GROUP BY f.key, f.k, f.n;

CREATE TEMP TABLE "CHR-01 share" AS
WITH RECURSIVE asked(a, k, n) AS (
  SELECT p.total % p.n AS a, p.k AS k, p.n AS n FROM "CHR-01 part" p WHERE p.n > 0 AND p.k >= 0),
big(a, k, n, bit, is_doubled, q, r) AS (
  SELECT x.a, x.k, x.n, 4611686018427387904, 0, 0, 0 FROM (SELECT DISTINCT y.a, y.k, y.n FROM asked y) x
  WHERE x.n > 1000000000000
  UNION ALL
  SELECT b.a, b.k, b.n, CASE WHEN b.is_doubled = 0 THEN b.bit ELSE b.bit / 2 END, 1 - b.is_doubled,
    CASE WHEN b.is_doubled = 0 THEN b.q + b.q ELSE b.q END + (b.r >= b.n - (CASE WHEN b.is_doubled = 0 THEN b.r WHEN b.a & b.bit <> 0 THEN b.k ELSE 0 END)),
    CASE WHEN b.r >= b.n - (CASE WHEN b.is_doubled = 0 THEN b.r WHEN b.a & b.bit <> 0 THEN b.k ELSE 0 END) THEN b.r - (b.n - (CASE WHEN b.is_doubled = 0 THEN b.r WHEN b.a & b.bit <> 0 THEN b.k ELSE 0 END)) ELSE b.r + (CASE WHEN b.is_doubled = 0 THEN b.r WHEN b.a & b.bit <> 0 THEN b.k ELSE 0 END) END
  FROM big b WHERE b.bit > 0)
SELECT x.a, x.k, x.n,
  x.a * (x.k / 1000000) / x.n * 1000000
    + (x.a * (x.k / 1000000) % x.n * 1000000 + x.a * (x.k % 1000000)) / x.n AS q,
  (x.a * (x.k / 1000000) % x.n * 1000000 + x.a * (x.k % 1000000)) % x.n AS r
FROM (SELECT DISTINCT y.a, y.k, y.n FROM asked y) x WHERE x.n <= 1000000000000
UNION ALL
SELECT b.a, b.k, b.n, b.q, b.r FROM big b WHERE b.bit = 0;

-- 结论：同一键的命中是一个发现；由上而下第一个为真的情形定结论，都不为真则无发现。
-- Findings: hits of one key; the first case that is TRUE gives the verdict.
CREATE TEMP TABLE "CHR-01 findings" AS
SELECT * FROM (
  SELECT 'CHR-01' AS rule, g.key AS key,
    'person' AS subject_type,
    COALESCE(r."purchase.psn_no", '') AS subject,
    CASE
      WHEN r."purchase.held" > (180 /* severe_days */) THEN '可疑'
      WHEN TRUE THEN '线索' END AS verdict,
    CASE
      WHEN r."purchase.held" > (180 /* severe_days */) THEN 110
      WHEN TRUE THEN 9223372036854775807 END AS precedence,
    COALESCE((SELECT sum(p.total / p.n * p.k + s.q)
      FROM "CHR-01 part" p JOIN "CHR-01 share" s ON s.a = p.total % p.n AND s.k = p.k AND s.n = p.n
      WHERE p.key = g.key AND p.part = 'A'), 0) AS amount_fen,
    COALESCE((SELECT sum(p.total / p.n * p.k + s.q)
      FROM "CHR-01 part" p JOIN "CHR-01 share" s ON s.a = p.total % p.n AND s.k = p.k AND s.n = p.n
      WHERE p.key = g.key AND p.part = 'F'), 0) AS fund_fen
  FROM (
    SELECT r.key AS key, min(r.hit) AS first_hit
    FROM "CHR-01 hits" r GROUP BY r.key) g
    JOIN "CHR-01 hits" r ON r.hit = g.first_hit
) f WHERE f.verdict IS NOT NULL;

-- 发现所主张的钱的单位。 The units of money each finding claims.
CREATE TEMP TABLE "CHR-01 claims" AS
SELECT DISTINCT f.rule, f.key AS key, u.unit, u.fen AS fen,
  COALESCE(u.fixmedins_code, '') AS fixmedins_code,
  COALESCE(u.psn_no, '') AS psn_no, u.practitioner
FROM "CHR-01 findings" f JOIN "CHR-01 lines" l ON l.key = f.key JOIN money_unit u ON u.line_id = l.id
WHERE u.fen IS NOT 0;
SELECT * FROM "CHR-01 findings" f ORDER BY f.key;
