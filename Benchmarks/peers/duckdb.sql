-- The ten rules of the weekly pack as one DuckDB script, written for speed: what rules share is made once, F is shared
-- out only where a finding needs it, each file is read once and only in the columns that are used.
-- duckdb.py puts a table function for each {name}, and runs the statements in order. Money is DECIMAL(16,2) yuan until
-- a finding needs fen.

-- ---- Registries: rows of one key that overlap make the key unknown on each day that one of them covers.

CREATE TEMP TABLE medtype(med_type, visit_class, opsp_flag, reg_flag) AS
SELECT unnest(['21', '2101', '2102', '2105', '2106', '22', '23', '24', '25', '26', '27', '28', '52', '9940']),
  'inpatient', false, false
UNION ALL SELECT unnest(['11', '12', '16', '51', '81', '99331', '99332', '910202']), 'outpatient', false, false
UNION ALL SELECT unnest(['14', '1401', '140101', '140104', '140201']), 'outpatient', true, true
UNION ALL SELECT unnest(['1403', '1404', '15', '9901']), 'outpatient', true, false
UNION ALL SELECT unnest(['13', '1301']), 'emergency', false, false
UNION ALL SELECT unnest(['18', '41']), 'pharmacy', false, false
UNION ALL SELECT '9929', 'pharmacy', true, false;

CREATE TEMP TABLE inst AS
SELECT upper(fixmedins_code) AS fixmedins_code, hosp_lv, medins_kind, aprv_bed_cnt, begndate,
  coalesce(enddate, DATE '9999-12-31') AS enddate
FROM {fixmedins_b} WHERE coalesce(vali_flag, '1') = '1' AND coalesce(enddate, DATE '9999-12-31') >= begndate;
CREATE TEMP TABLE inst_twice AS
SELECT DISTINCT a.fixmedins_code, a.begndate, a.enddate
FROM inst a JOIN inst b ON a.fixmedins_code = b.fixmedins_code AND a.rowid <> b.rowid
  AND a.begndate <= b.enddate AND b.begndate <= a.enddate;

CREATE TEMP TABLE cat AS
SELECT upper(admdvs) AS admdvs, upper(hilist_code) AS hilist_code, upper(list_type) AS list_type,
  upper(chrgitm_lv) AS chrgitm_lv, begndate, coalesce(enddate, DATE '9999-12-31') AS enddate
FROM {hilist_b} WHERE coalesce(vali_flag, '1') = '1' AND coalesce(enddate, DATE '9999-12-31') >= begndate;
CREATE TEMP TABLE cat_twice AS
SELECT DISTINCT a.admdvs, a.hilist_code, a.begndate, a.enddate
FROM cat a JOIN cat b ON a.hilist_code = b.hilist_code AND a.admdvs = b.admdvs AND a.rowid <> b.rowid
  AND a.begndate <= b.enddate AND b.begndate <= a.enddate;

CREATE TEMP TABLE lmt AS
SELECT upper(med_list_codg) AS med_list_codg, lmt_type, lmt_val, sure_flag, begndate,
  coalesce(enddate, DATE '9999-12-31') AS enddate
FROM {hilist_lmt_b} WHERE coalesce(vali_flag, '1') = '1' AND coalesce(enddate, DATE '9999-12-31') >= begndate;

CREATE TEMP TABLE sup AS
SELECT upper(med_list_codg) AS med_list_codg, upper(sup_key) AS sup_key, sup_days, begndate,
  coalesce(enddate, DATE '9999-12-31') AS enddate
FROM {drug_sup_b} WHERE coalesce(vali_flag, '1') = '1' AND coalesce(enddate, DATE '9999-12-31') >= begndate;
DELETE FROM sup WHERE rowid IN (
  SELECT a.rowid FROM sup a JOIN sup b ON a.med_list_codg = b.med_list_codg AND a.rowid <> b.rowid
    AND a.begndate <= b.enddate AND b.begndate <= a.enddate);

CREATE TEMP TABLE reg AS
SELECT upper(psn_no) AS psn_no, upper(insu_admdvs) AS insu_admdvs, upper(opsp_dise_code) AS disease, begndate,
  coalesce(enddate, DATE '9999-12-31') AS enddate
FROM {opsp_reg_d} WHERE coalesce(vali_flag, '1') = '1' AND coalesce(enddate, DATE '9999-12-31') >= begndate;
CREATE TEMP TABLE reg_region AS SELECT DISTINCT insu_admdvs FROM reg;
CREATE TEMP TABLE reg_disease AS SELECT DISTINCT disease FROM reg;

CREATE TEMP TABLE disdrug AS
SELECT upper(admdvs) AS admdvs, upper(opsp_dise_code) AS disease, upper(drug_code) AS drug_code, begndate,
  coalesce(enddate, DATE '9999-12-31') AS enddate
FROM {opsp_dise_drug_b}
WHERE coalesce(vali_flag, '1') = '1' AND coalesce(enddate, DATE '9999-12-31') >= begndate AND length(drug_code) >= 10;

-- ---- Visits, settlements, diagnoses: the newest version, then only if it is valid.
-- Few keys come twice, so keys are counted first, and only those that do are looked at more closely. Rows stand in the
-- order of batch, file and row, so the row number decides between equal update times.

CREATE TEMP TABLE visit AS SELECT * FROM {mdtrt_d};
DELETE FROM visit WHERE rowid IN (
  SELECT rowid FROM (
    SELECT rowid, row_number() OVER (PARTITION BY mdtrt_id ORDER BY updt_time DESC NULLS LAST, rowid DESC) AS place
    FROM visit WHERE mdtrt_id IN (SELECT mdtrt_id FROM visit GROUP BY mdtrt_id HAVING count(*) > 1))
  WHERE place > 1);
DELETE FROM visit WHERE coalesce(vali_flag, '1') <> '1';

CREATE TEMP TABLE setl AS
SELECT r.setl_id, r.mdtrt_id, r.init_setl_id, r.psn_no, upper(r.insutype) AS insutype, upper(r.insu_admdvs) AS insu_admdvs,
  upper(r.fix_blng_admdvs) AS region, r.fixmedins_code, r.hosp_lv, coalesce(r.begndate, CAST(r.setl_time AS DATE)) AS day,
  r.medfee_sumamt, coalesce(r.inscp_amt, 0) AS inscp, greatest(0, coalesce(r.fund_pay_sumamt, 0)) AS p,
  upper(r.dise_no) AS dise_no, coalesce(v.med_type, r.med_type) AS visit_med_type,
  coalesce(m.visit_class, 'other') AS visit_class, coalesce(m.opsp_flag, false) AS opsp_flag,
  coalesce(m.reg_flag, false) AS reg_flag, coalesce(r.vali_flag, '1') = '1' AS is_valid,
  r.refd_setl_flag IS NOT DISTINCT FROM '1' OR r.init_setl_id IS NOT NULL OR v.inhosp_stas IS NOT DISTINCT FROM '1'
    AS is_set_aside, r.updt_time
FROM {setl_d} r LEFT JOIN visit v ON v.mdtrt_id = r.mdtrt_id
  LEFT JOIN medtype m ON m.med_type = coalesce(v.med_type, r.med_type);
DELETE FROM setl WHERE rowid IN (
  SELECT rowid FROM (
    SELECT rowid, row_number() OVER (PARTITION BY setl_id ORDER BY updt_time DESC NULLS LAST, rowid DESC) AS place
    FROM setl WHERE setl_id IN (SELECT setl_id FROM setl GROUP BY setl_id HAVING count(*) > 1))
  WHERE place > 1);
DELETE FROM setl WHERE NOT is_valid;
-- Settlements that count; their row number is the s by which all else speaks of them.
DELETE FROM setl WHERE is_set_aside OR setl_id IN (SELECT init_setl_id FROM setl WHERE init_setl_id IS NOT NULL);

CREATE TEMP TABLE diag AS SELECT * FROM {setl_list_diag_d};
DELETE FROM diag WHERE rowid IN (
  SELECT rowid FROM (
    SELECT rowid,
      row_number() OVER (PARTITION BY setl_list_diag_id ORDER BY updt_time DESC NULLS LAST, rowid DESC) AS place
    FROM diag WHERE setl_list_diag_id IN (
      SELECT setl_list_diag_id FROM diag GROUP BY setl_list_diag_id HAVING count(*) > 1))
  WHERE place > 1);
DELETE FROM diag WHERE coalesce(vali_flag, '1') <> '1' OR maindiag_flag IS DISTINCT FROM '1'
  OR coalesce(diag_type, '1') <> '1';

-- ---- Stays; their row number is v.

CREATE TEMP TABLE stay AS
SELECT y.mdtrt_id, y.psn_no, y.fixmedins_code, y.med_type, y.nwb_flag, y.refl_old_mdtrt_id, y.medrcdno, y.dscg_way,
  y.ars_year_ipt_flag, y.b, y.e, y.e - y.b AS nights, left(coalesce(y.adm_caty, y.dscg_caty), 3) AS adm_dept,
  left(coalesce(y.dscg_caty, y.adm_caty), 3) AS dscg_dept, upper(coalesce(y.dscg_maindiag_code, d.code)) AS dx,
  g.stay_f, g.medfee
FROM (SELECT *, CAST(begntime AS DATE) AS b, CAST(endtime AS DATE) AS e FROM visit WHERE inhosp_stas IS DISTINCT FROM '1'
    AND med_type IN (SELECT med_type FROM medtype WHERE visit_class = 'inpatient')) y
  JOIN (SELECT mdtrt_id, sum(p) AS stay_f, sum(medfee_sumamt) AS medfee FROM setl
    WHERE visit_class = 'inpatient' GROUP BY mdtrt_id) g ON g.mdtrt_id = y.mdtrt_id
  LEFT JOIN (SELECT mdtrt_id, min(upper(diag_code)) AS code FROM diag GROUP BY mdtrt_id) d ON d.mdtrt_id = y.mdtrt_id
WHERE y.e >= y.b;
DROP TABLE visit;
DROP TABLE diag;

-- ---- Fee lines, the only table whose size matters.

ALTER TABLE setl ADD COLUMN v INTEGER;
UPDATE setl SET v = t.rowid FROM stay t WHERE t.mdtrt_id = setl.mdtrt_id;

-- A line's visit and person are its settlement's, its catalogue code is the national one: what is the same is stored as
-- null, the rest as it is ('' for null), because texts are what a table of lines costs. h stands for the key.
-- Without the order of the files the rows cost a fifth less; between versions of equal time the file's place decides.
SET preserve_insertion_order = false;
CREATE TEMP TABLE line AS
SELECT hash(l.mdtrt_id, l.bkkp_sn) AS h, l.bkkp_sn, CAST(s.rowid AS INTEGER) AS s,
  CASE WHEN l.mdtrt_id = s.mdtrt_id THEN s.v END AS v, CAST(l.fee_ocur_time AS DATE) AS day, l.fee_ocur_time AS ts,
  l.updt_time, CAST(l.file_index AS SMALLINT) AS file, l.cnt, l.det_item_fee_sumamt AS det, l.inscp_amt AS inscp,
  CASE WHEN l.mdtrt_id = s.mdtrt_id THEN NULL ELSE l.mdtrt_id END AS other_mdtrt,
  CASE WHEN l.psn_no = s.psn_no THEN NULL ELSE coalesce(l.psn_no, '') END AS other_psn,
  CASE WHEN l.fixmedins_code = s.fixmedins_code THEN NULL ELSE coalesce(l.fixmedins_code, '') END AS other_inst,
  l.med_list_codg AS med, CASE WHEN l.hilist_code = l.med_list_codg THEN NULL ELSE coalesce(l.hilist_code, '') END AS other_code,
  l.list_type, l.med_chrgitm_type IN ('01', '02', '07') IS NOT TRUE AS is_active,
  l.etip_flag = '1' IS TRUE AS etip, l.etip_hosp_code, l.rx_circ_flag = '1' IS TRUE AS rx, l.dise_codg,
  -- Asked for only where inscp_amt is null, or in a reversal.
  CASE WHEN l.inscp_amt IS NULL OR l.cnt < 0 THEN [CAST(l.fulamt_ownpay_amt AS DECIMAL(16, 2)),
    CAST(l.overlmt_selfpay AS DECIMAL(16, 2)), CAST(l.preselfpay_amt AS DECIMAL(16, 2))] END AS rest,
  l.pric, CASE WHEN l.cnt < 0 THEN l.init_feedetl_sn END AS original, coalesce(l.vali_flag, '1') = '1' AS is_valid
FROM {fee_list_d} l LEFT JOIN setl s ON s.setl_id = l.setl_id
WHERE l.mdtrt_id IS NOT NULL AND l.bkkp_sn IS NOT NULL AND l.cnt IS NOT NULL AND l.det_item_fee_sumamt IS NOT NULL
  AND l.fee_ocur_time IS NOT NULL;
SET preserve_insertion_order = true;

-- Versions: hashes of keys are counted, and only rows whose hash comes twice are looked at.
DELETE FROM line WHERE rowid IN (
  SELECT rowid FROM (
    SELECT rowid, row_number() OVER (PARTITION BY h, bkkp_sn ORDER BY updt_time DESC NULLS LAST, file DESC, rowid DESC)
      AS place
    FROM line WHERE h IN (SELECT h FROM line GROUP BY h HAVING count(*) > 1))
  WHERE place > 1);
DELETE FROM line WHERE NOT is_valid OR s IS NULL;
UPDATE line SET v = t.rowid FROM stay t WHERE t.mdtrt_id = line.other_mdtrt;

-- Linked reversals are added to their originals.
CREATE TEMP TABLE negative AS
SELECT l.rowid AS line_row, coalesce(l.other_mdtrt, s.mdtrt_id) AS mdtrt_id, l.original, l.med,
  CAST(l.pric AS DECIMAL(16, 6)) AS pric, l.cnt, l.ts, l.det, l.inscp, l.rest
FROM line l JOIN setl s ON s.rowid = l.s WHERE l.cnt < 0;
CREATE TEMP TABLE linked AS
SELECT o.rowid AS original_row, n.* FROM negative n JOIN line o ON o.h = hash(n.mdtrt_id, n.original)
  AND o.bkkp_sn = n.original AND o.cnt > 0;
-- The others take away as many of the latest equal lines of their visit.
CREATE TEMP TABLE unlinked AS
SELECT mdtrt_id, med, pric, -cnt AS cnt, count(*) AS how_many, max(ts) AS latest
FROM negative WHERE line_row NOT IN (SELECT line_row FROM linked) GROUP BY ALL;
CREATE TEMP TABLE paired AS
WITH near AS (
  SELECT l.rowid AS line_row, s.mdtrt_id, l.med, l.pric, l.cnt, l.ts, l.bkkp_sn
  FROM line l JOIN setl s ON s.rowid = l.s AND s.mdtrt_id IN (SELECT mdtrt_id FROM unlinked) WHERE l.other_mdtrt IS NULL
  UNION ALL SELECT rowid, other_mdtrt, med, pric, cnt, ts, bkkp_sn FROM line WHERE other_mdtrt IS NOT NULL)
SELECT line_row FROM (
  SELECT l.line_row, g.how_many, row_number() OVER (PARTITION BY g.mdtrt_id, g.med, g.pric, g.cnt
    ORDER BY l.ts DESC, l.bkkp_sn DESC) AS place
  FROM near l JOIN unlinked g ON g.mdtrt_id = l.mdtrt_id AND g.med = l.med AND g.cnt = l.cnt
    AND CAST(l.pric AS DECIMAL(16, 6)) = g.pric AND l.ts <= g.latest
  WHERE l.line_row NOT IN (SELECT original_row FROM linked))
WHERE place <= how_many;
CREATE TEMP TABLE taken_back AS
SELECT original_row, sum(cnt) AS cnt, sum(det) AS det, coalesce(sum(inscp), 0) AS inscp, coalesce(sum(rest[1]), 0) AS own,
  coalesce(sum(rest[2]), 0) AS over, coalesce(sum(rest[3]), 0) AS pre
FROM linked GROUP BY original_row;
UPDATE line SET cnt = line.cnt + g.cnt, det = line.det + g.det, inscp = line.inscp + g.inscp
FROM taken_back g WHERE line.rowid = g.original_row;
DELETE FROM line WHERE cnt <= 0 OR det < 0 OR rowid IN (SELECT line_row FROM paired);
UPDATE line SET rest = [line.rest[1] + g.own, line.rest[2] + g.over, line.rest[3] + g.pre]
FROM taken_back g WHERE line.rowid = g.original_row AND line.inscp IS NULL;

-- A(l).
CREATE OR REPLACE TEMP MACRO a(inscp, det, rest) AS
  greatest(0, coalesce(inscp, det - coalesce(rest[1], 0) - coalesce(rest[2], 0) - coalesce(rest[3], 0)));

-- ---- Hits: what each rule says of a row, before money. lines: the rows of `line` that a finding's money is of.

-- Findings with their money, in fen; and the lines of those that get their money at the end, of which part k of n counts.
CREATE TEMP TABLE found(rule VARCHAR, key VARCHAR, verdict VARCHAR, amount_fen BIGINT, fund_fen BIGINT);
CREATE TEMP TABLE found_line(rule VARCHAR, verdict VARCHAR, key VARCHAR, line_row BIGINT, s INTEGER, k BIGINT, n BIGINT);

-- The codes that lines have, and when: there are few, and what CAT-01 and CAT-03 ask can be asked of them.
CREATE TEMP TABLE code AS
SELECT other_code, CASE WHEN other_code IS NULL THEN med ELSE nullif(other_code, '') END AS hilist_code, med, list_type,
  min(day) AS first_day, max(day) AS last_day
FROM line GROUP BY ALL;
CREATE TEMP TABLE level AS
SELECT DISTINCT region, unnest(CASE WHEN length(region) = 6
  THEN [region, left(region, 4) || '00', left(region, 2) || '0000', '000000'] ELSE ['000000'] END) AS admdvs,
  unnest(CASE WHEN length(region) = 6 THEN [0, 1, 2, 3] ELSE [3] END) AS place
FROM (SELECT DISTINCT region FROM setl);
-- CAT-01. What a line gets follows from its codes, type, day and region.
CREATE TEMP TABLE cat_hit AS
WITH asked AS (
  SELECT c.*, r.region, unnest(range(c.first_day, c.last_day + 1, INTERVAL 1 DAY))::DATE AS day
  FROM code c, (SELECT DISTINCT region FROM setl) r
  WHERE c.hilist_code IS NOT NULL OR c.med IS NOT NULL),
candidate AS (
  SELECT DISTINCT region, day, code FROM (
    SELECT region, day, unnest([upper(hilist_code), upper(med)]) AS code FROM asked) WHERE code IS NOT NULL),
answer AS (
  SELECT c.region, c.day, c.code, arg_min(g.chrgitm_lv, l.place) AS chrgitm_lv,
    bool_or(t.hilist_code IS NOT NULL) AS is_unknown
  FROM candidate c JOIN level l ON l.region IS NOT DISTINCT FROM c.region
    JOIN cat g ON g.hilist_code = c.code AND g.admdvs = l.admdvs AND c.day BETWEEN g.begndate AND g.enddate
    LEFT JOIN cat_twice t ON t.hilist_code = g.hilist_code AND t.admdvs = g.admdvs AND t.begndate = g.begndate
      AND t.enddate = g.enddate
  GROUP BY ALL),
typed AS (
  SELECT DISTINCT t.region, t.day, t.list_type
  FROM (SELECT DISTINCT region, day, list_type FROM asked) t JOIN level l ON l.region IS NOT DISTINCT FROM t.region
    JOIN cat g ON g.list_type = upper(t.list_type) AND g.admdvs = l.admdvs AND t.day BETWEEN g.begndate AND g.enddate
  WHERE NOT EXISTS (SELECT 1 FROM cat_twice z WHERE z.hilist_code = g.hilist_code AND z.admdvs = g.admdvs
    AND z.begndate = g.begndate AND z.enddate = g.enddate))
SELECT q.other_code, q.med, q.list_type, q.region, q.day,
  CASE WHEN x.code IS NULL AND y.code IS NULL THEN '可疑' ELSE '明确违规' END AS verdict
FROM asked q
  LEFT JOIN answer x ON x.region IS NOT DISTINCT FROM q.region AND x.day = q.day AND x.code = upper(q.hilist_code)
  LEFT JOIN answer y ON y.region IS NOT DISTINCT FROM q.region AND y.day = q.day AND y.code = upper(q.med)
  LEFT JOIN typed t ON t.region IS NOT DISTINCT FROM q.region AND t.day = q.day AND t.list_type = q.list_type
WHERE coalesce(x.is_unknown, false) = false AND coalesce(y.is_unknown, false) = false
  AND CASE WHEN x.code IS NOT NULL THEN x.chrgitm_lv = '03' WHEN y.code IS NOT NULL THEN y.chrgitm_lv = '03'
    ELSE t.list_type IS NOT NULL END;
INSERT INTO found_line
SELECT 'CAT-01', h.verdict, coalesce(l.other_mdtrt, s.mdtrt_id) || ':' || l.bkkp_sn, l.rowid, l.s, 1, 1
FROM line l JOIN cat_hit h ON h.other_code IS NOT DISTINCT FROM l.other_code AND h.day = l.day
    AND h.med IS NOT DISTINCT FROM l.med AND h.list_type IS NOT DISTINCT FROM l.list_type
  JOIN setl s ON s.rowid = l.s AND s.region IS NOT DISTINCT FROM h.region
WHERE l.inscp > 0;

-- CAT-03.
CREATE TEMP TABLE lmt_hit AS
WITH lim AS (
  -- One limit a code, kind and day on which its rows change: asked of the few codes that have limits.
  SELECT d.med, d.day, g.lmt_type, max(TRY_CAST(g.lmt_val AS BIGINT)) AS lowest, min(g.sure_flag) AS sure,
    list(g.lmt_val) AS vals
  FROM (SELECT DISTINCT med, unnest(range(first_day, last_day + 1, INTERVAL 1 DAY))::DATE AS day FROM code
      WHERE upper(med) IN (SELECT med_list_codg FROM lmt)) d
    JOIN lmt g ON g.med_list_codg = upper(d.med) AND d.day BETWEEN g.begndate AND g.enddate
  GROUP BY ALL),
limited AS (
  SELECT l.rowid AS line_row, l.s, l.day, coalesce(l.other_mdtrt, s.mdtrt_id) || ':' || l.bkkp_sn AS id,
    upper(CASE WHEN l.other_inst IS NULL THEN s.fixmedins_code ELSE nullif(l.other_inst, '') END) AS inst, m.lmt_type,
    m.lowest, m.sure, m.vals
  FROM line l JOIN lim m ON m.med = l.med AND m.day = l.day JOIN setl s ON s.rowid = l.s
  WHERE a(l.inscp, l.det, l.rest) > 0)
SELECT m.line_row, m.s, m.id || '|' || m.lmt_type AS key, m.sure = 1 AS sure, m.lmt_type,
  CASE coalesce(i.hosp_lv, s.hosp_lv)
    WHEN '01' THEN 3 WHEN '02' THEN 3 WHEN '03' THEN 3 WHEN '04' THEN 3 WHEN '12' THEN 3
    WHEN '05' THEN 2 WHEN '06' THEN 2 WHEN '07' THEN 2 WHEN '13' THEN 2
    WHEN '08' THEN 1 WHEN '09' THEN 1 WHEN '10' THEN 1 WHEN '14' THEN 1 WHEN '11' THEN 0 END AS rank,
  m.lowest, m.vals, s.visit_class, s.insutype, s.visit_med_type, m.inst,
  EXISTS (SELECT 1 FROM inst_twice t WHERE t.fixmedins_code = m.inst AND m.day BETWEEN t.begndate AND t.enddate) AS twice
FROM limited m JOIN setl s ON s.rowid = m.s
  LEFT JOIN inst i ON i.fixmedins_code = m.inst AND m.day BETWEEN i.begndate AND i.enddate
    AND NOT EXISTS (SELECT 1 FROM inst_twice t WHERE t.fixmedins_code = m.inst AND m.day BETWEEN t.begndate AND t.enddate);
INSERT INTO found_line
SELECT 'CAT-03', CASE WHEN sure AND NOT (lmt_type = 'hosp_lv' AND rank IS NOT DISTINCT FROM 0) THEN '明确违规'
  ELSE '可疑' END, key, line_row, s, 1, 1
FROM lmt_hit
WHERE CASE lmt_type
    WHEN 'hosp_lv' THEN rank < lowest AND NOT coalesce(starts_with(inst, 'P'), false) AND visit_class <> 'emergency'
      AND NOT twice
    WHEN 'visit' THEN visit_class IN ('inpatient', 'outpatient', 'pharmacy') AND NOT list_contains(vals, visit_class)
    WHEN 'insutype' THEN list_contains(vals, 'work_injury') AND insutype <> '410'
      OR list_contains(vals, 'maternity') AND insutype <> '510' AND NOT coalesce(starts_with(visit_med_type, '5'), false)
  END;

-- Lines of chronic billing, which three rules look at.
CREATE TEMP TABLE opsp AS
SELECT l.rowid AS line_row, l.s, coalesce(l.other_mdtrt, s.mdtrt_id) || ':' || l.bkkp_sn AS id, l.day,
  CASE WHEN l.other_psn IS NULL THEN s.psn_no ELSE nullif(l.other_psn, '') END AS psn_no, l.cnt, l.list_type,
  upper(l.med) AS drug, upper(coalesce(l.dise_codg, s.dise_no)) AS disease, l.rx, s.reg_flag,
  s.region, s.insu_admdvs
FROM line l JOIN setl s ON s.rowid = l.s AND (s.opsp_flag OR s.reg_flag)
WHERE a(l.inscp, l.det, l.rest) > 0 AND starts_with(l.list_type, '1');

-- CHR-01: the stock after purchase i is the greatest, over the purchases j up to i, of what was bought from j on less
-- the days since j.
INSERT INTO found_line
SELECT 'CHR-01', CASE WHEN held > 180 THEN '可疑' ELSE '线索' END, psn_no || '|' || sup_key || '|' || day,
  unnest(rows).line_row, unnest(rows).s, least(supply, held - 90), supply
FROM (
  SELECT *, bought - (day - DATE '1970-01-01') + max((day - DATE '1970-01-01') - (bought - supply)) OVER stock AS held
  FROM (
    SELECT *, sum(supply) OVER (PARTITION BY psn_no, sup_key ORDER BY day ROWS UNBOUNDED PRECEDING) AS bought
    FROM (
      SELECT o.psn_no, g.sup_key, o.day, CAST(floor(sum(CAST(o.cnt AS DECIMAL(18, 4)) * g.sup_days)) AS BIGINT) AS supply,
        list({'line_row': o.line_row, 's': o.s}) AS rows
      FROM opsp o JOIN setl s ON s.rowid = o.s AND s.opsp_flag
        JOIN sup g ON g.med_list_codg = o.drug AND o.day BETWEEN g.begndate AND g.enddate
      WHERE o.list_type = '101' AND NOT o.rx AND o.psn_no IS NOT NULL
      GROUP BY ALL)
    WHERE supply > 0)
  WINDOW stock AS (PARTITION BY psn_no, sup_key ORDER BY day ROWS UNBOUNDED PRECEDING))
WHERE held > 90;

-- CHR-03: lists are asked once for each disease, drug, region and day; what is on none is looked at line by line.
CREATE TEMP TABLE not_on_list AS
SELECT o.* FROM opsp o JOIN (
    WITH asked AS (SELECT DISTINCT disease, region, drug, day FROM opsp
      WHERE reg_flag AND disease IS NOT NULL AND drug IS NOT NULL AND insu_admdvs IN (SELECT insu_admdvs FROM reg_region))
    SELECT q.disease, q.region, q.drug, q.day
    FROM asked q JOIN level l ON l.region IS NOT DISTINCT FROM q.region
      JOIN disdrug d ON d.disease = q.disease AND d.admdvs = l.admdvs AND q.day BETWEEN d.begndate AND d.enddate
    GROUP BY ALL HAVING NOT bool_or(starts_with(q.drug, d.drug_code))) n
  ON n.disease = o.disease AND n.region IS NOT DISTINCT FROM o.region AND n.drug = o.drug AND n.day = o.day
WHERE o.reg_flag AND o.insu_admdvs IN (SELECT insu_admdvs FROM reg_region);
INSERT INTO found_line
SELECT 'CHR-03', '可疑', o.id, o.line_row, o.s, 1, 1 FROM not_on_list o
WHERE o.psn_no IS NOT NULL AND NOT EXISTS (
  SELECT 1 FROM reg g JOIN disdrug d ON d.disease = g.disease AND o.day BETWEEN d.begndate AND d.enddate
  WHERE g.psn_no = upper(o.psn_no) AND o.day BETWEEN g.begndate AND g.enddate AND starts_with(o.drug, d.drug_code)
    AND EXISTS (SELECT 1 FROM level l WHERE l.region IS NOT DISTINCT FROM o.region AND l.admdvs = d.admdvs));

-- CHR-04: amounts are the settlement's.
CREATE TEMP TABLE unregistered AS
SELECT s.rowid AS s, s.setl_id, s.psn_no, s.day, s.dise_no, s.p
FROM setl s
WHERE s.reg_flag AND s.psn_no IS NOT NULL AND s.day IS NOT NULL
  AND s.insu_admdvs IN (SELECT insu_admdvs FROM reg_region)
  AND (s.dise_no IS NULL OR s.dise_no IN (SELECT disease FROM reg_disease))
  AND NOT EXISTS (SELECT 1 FROM reg g WHERE g.psn_no = upper(s.psn_no) AND s.day BETWEEN g.begndate AND g.enddate
    AND (s.dise_no IS NULL OR g.disease = s.dise_no));
INSERT INTO found
SELECT 'CHR-04', u.setl_id, CASE WHEN EXISTS (SELECT 1 FROM reg g WHERE g.psn_no = upper(u.psn_no)
      AND g.begndate <= u.day + 30 AND g.enddate >= u.day - 30 AND (u.dise_no IS NULL OR g.disease = u.dise_no))
    THEN '线索' ELSE '可疑' END,
  coalesce(l.a, 0), u.p * 100
FROM unregistered u LEFT JOIN (
  SELECT s, sum(a(inscp, det, rest)) * 100 AS a FROM line WHERE s IN (SELECT s FROM unregistered) GROUP BY s) l
  ON l.s = u.s;

-- Stays at issue get their money at the end: key, verdict and the stay.
CREATE TEMP TABLE found_stay(rule VARCHAR, key VARCHAR, verdict VARCHAR, v INTEGER);

-- ADM-01.
INSERT INTO found_stay
SELECT 'ADM-01', mdtrt_a || '|' || mdtrt_b, '可疑', x FROM (
  SELECT a.mdtrt_id AS mdtrt_a, b.mdtrt_id AS mdtrt_b, least(a.e, b.e) - greatest(a.b, b.b) AS shared,
    CASE WHEN a.stay_f <> b.stay_f THEN CASE WHEN a.stay_f < b.stay_f THEN a.rowid ELSE b.rowid END
      WHEN a.nights <> b.nights THEN CASE WHEN a.nights < b.nights THEN a.rowid ELSE b.rowid END
      WHEN a.b <> b.b THEN CASE WHEN a.b > b.b THEN a.rowid ELSE b.rowid END ELSE b.rowid END AS x,
    coalesce(a.dscg_way IN ('2', '3'), false) OR coalesce(b.dscg_way IN ('2', '3'), false)
      OR coalesce(a.refl_old_mdtrt_id = b.mdtrt_id, false) OR coalesce(b.refl_old_mdtrt_id = a.mdtrt_id, false)
      OR a.med_type = '23' OR b.med_type = '23' AS transfer,
    coalesce(a.fixmedins_code = b.fixmedins_code AND a.medrcdno = b.medrcdno, false) AS one_record,
    coalesce(a.nwb_flag = '1', false) OR coalesce(b.nwb_flag = '1', false) OR a.med_type = '52' OR b.med_type = '52'
      AS birth
  FROM stay a JOIN stay b ON a.psn_no = b.psn_no AND a.mdtrt_id < b.mdtrt_id AND a.b < b.e AND b.b < a.e)
WHERE shared >= 1 AND NOT (shared = 1 AND transfer) AND NOT one_record AND NOT birth;

-- ADM-05.
INSERT INTO found_stay
SELECT 'ADM-05', m1 || '|' || mdtrt_id,
  CASE WHEN gap <= 7 AND dept1 IS NOT NULL AND adm_dept IS NOT NULL AND way1 IS DISTINCT FROM '4' THEN '可疑'
    ELSE '线索' END, v
FROM (
  SELECT *, rowid AS v, b - lag(e) OVER near AS gap, lag(mdtrt_id) OVER near AS m1, lag(dx) OVER near AS dx1,
    lag(dscg_dept) OVER near AS dept1, lag(dscg_way) OVER near AS way1, lag(med_type) OVER near AS type1,
    lag(nwb_flag) OVER near AS nwb1, lag(ars_year_ipt_flag) OVER near AS ars1, lag(medrcdno) OVER near AS record1
  FROM stay WHERE psn_no IS NOT NULL AND fixmedins_code IS NOT NULL
  WINDOW near AS (PARTITION BY psn_no, fixmedins_code ORDER BY b, e, mdtrt_id))
WHERE gap BETWEEN 0 AND 15 AND left(dx1, 3) = left(dx, 3) AND NOT coalesce(dept1 <> adm_dept, false)
  AND NOT coalesce(way1 IN ('2', '3') OR refl_old_mdtrt_id IS NOT NULL OR med_type = '23', false)
  AND NOT coalesce(refl_old_mdtrt_id IS NOT NULL, false) AND med_type <> '23' AND med_type <> '24'
  AND NOT regexp_matches(dx1, '^(Z51\.0|Z51\.1|Z49|N18)') AND NOT regexp_matches(dx, '^(Z51\.0|Z51\.1|Z49|N18)')
  AND ars1 IS DISTINCT FROM '1' AND ars_year_ipt_flag IS DISTINCT FROM '1'
  AND NOT coalesce(gap = 0 AND record1 = medrcdno, false)
  AND type1 NOT IN ('26', '28', '52') AND med_type NOT IN ('26', '28', '52')
  AND nwb1 IS DISTINCT FROM '1' AND nwb_flag IS DISTINCT FROM '1' AND NOT regexp_matches(dx1, '^[OP]');

-- ADM-06. What was charged on each day of a stay: one pass over the lines of stays.
CREATE TEMP TABLE stay_day AS
SELECT v, day, sum(det) AS det,
  bool_or(is_active) AS is_active
FROM line WHERE v IS NOT NULL GROUP BY v, day;
CREATE TEMP TABLE idle_run AS
WITH posting AS (
  SELECT fixmedins_code FROM (
    SELECT t.fixmedins_code, t.nights, (SELECT count(*) FROM stay_day d WHERE d.v = t.rowid AND d.day > t.b AND d.day < t.e) AS posted
    FROM stay t WHERE t.nights > 1)
  GROUP BY fixmedins_code HAVING count(*) >= 10 AND sum(posted) * 100 >= sum(nights - 1) * 80),
judged AS (
  SELECT t.rowid AS v, t.* FROM stay t LEFT JOIN (SELECT v, sum(det) AS det FROM stay_day GROUP BY v) c ON c.v = t.rowid
  WHERE t.nights >= 4 AND t.med_type NOT IN ('26', '28') AND t.fixmedins_code IN (SELECT fixmedins_code FROM posting)
    AND abs(coalesce(c.det, 0) - t.medfee) <= 1
    AND NOT EXISTS (SELECT 1 FROM inst_twice i WHERE i.fixmedins_code = upper(t.fixmedins_code) AND t.b BETWEEN i.begndate AND i.enddate)
    AND NOT EXISTS (SELECT 1 FROM inst i WHERE i.fixmedins_code = upper(t.fixmedins_code) AND t.b BETWEEN i.begndate AND i.enddate
      AND i.medins_kind IN ('psychiatric', 'rehabilitation', 'nursing', 'hospice'))),
-- The days on which something was done, and the day of discharge: what lies between two of them was idle.
mark AS (
  SELECT j.v, j.mdtrt_id, d.day, j.b FROM judged j JOIN stay_day d ON d.v = j.v AND d.is_active AND d.day > j.b AND d.day < j.e
  UNION ALL SELECT j.v, j.mdtrt_id, j.e, j.b FROM judged j)
SELECT v, mdtrt_id, since + 1 AS first_day, day - 1 AS last_day FROM (
  SELECT v, mdtrt_id, day, coalesce(lag(day) OVER (PARTITION BY v ORDER BY day), b) AS since FROM mark)
WHERE day - since - 1 >= 3;
INSERT INTO found_line
SELECT 'ADM-06', '可疑', r.mdtrt_id || '|' || r.first_day, l.rowid, l.s, 1, 1
FROM idle_run r LEFT JOIN line l ON l.v = r.v AND l.day BETWEEN r.first_day AND r.last_day;

-- ADM-09.
INSERT INTO found
WITH census AS (
  SELECT fixmedins_code, day, count(DISTINCT psn_no) AS persons FROM (
    SELECT fixmedins_code, psn_no, unnest(range(b, greatest(b + 1, e), INTERVAL 1 DAY))::DATE AS day
    FROM stay WHERE med_type <> '28' AND nwb_flag IS DISTINCT FROM '1')
  GROUP BY ALL),
over AS (
  SELECT c.fixmedins_code, c.day FROM census c JOIN inst i ON i.fixmedins_code = upper(c.fixmedins_code)
    AND c.day BETWEEN i.begndate AND i.enddate
  WHERE i.aprv_bed_cnt > 0 AND c.persons * 100 > i.aprv_bed_cnt * 120 AND NOT EXISTS (
    SELECT 1 FROM inst_twice t WHERE t.fixmedins_code = i.fixmedins_code AND c.day BETWEEN t.begndate AND t.enddate))
SELECT 'ADM-09', fixmedins_code || '|' || min(day), '可疑', 0, 0
FROM (SELECT *, day - CAST(row_number() OVER (PARTITION BY fixmedins_code ORDER BY day) AS INTEGER) AS run FROM over)
GROUP BY fixmedins_code, run HAVING count(*) >= 3;

-- ADM-02.
CREATE TEMP TABLE elsewhere AS
SELECT t.mdtrt_id || '|' || s.setl_id AS key, t.rowid AS v, t.b, t.e, s.rowid AS s, s.fixmedins_code, s.visit_class, s.opsp_flag
FROM stay t JOIN setl s ON s.psn_no = t.psn_no AND s.fixmedins_code <> t.fixmedins_code
WHERE s.visit_class IN ('outpatient', 'pharmacy') AND t.e - t.b > 1
  AND s.visit_med_type NOT IN ('99331', '99332', '910202');
INSERT INTO found_line
WITH hit AS (
  SELECT x.*, l.rowid AS line_row, l.list_type
  FROM elsewhere x JOIN line l ON l.s = x.s AND l.day > x.b AND l.day < x.e
  WHERE a(l.inscp, l.det, l.rest) > 0 AND NOT l.etip AND NOT l.rx),
sent AS (SELECT DISTINCT v, etip_hosp_code FROM line WHERE v IS NOT NULL AND etip)
SELECT 'ADM-02', CASE WHEN visit_class = 'pharmacy'
    OR opsp_flag AND bool_and(coalesce(starts_with(list_type, '1'), false)) OVER (PARTITION BY key)
    THEN '线索' ELSE '可疑' END, key, line_row, s, 1, 1
FROM hit WHERE NOT EXISTS (SELECT 1 FROM sent WHERE sent.v = hit.v AND sent.etip_hosp_code = hit.fixmedins_code);

-- ---- Money: F of all lines of the settlements that have a hit line, by largest remainder in whole fen.

CREATE TEMP TABLE share AS
WITH money AS (
  SELECT l.rowid AS line_row, l.s, l.ts, l.bkkp_sn, l.other_mdtrt,
    CAST(a(l.inscp, l.det, l.rest) * 100 AS BIGINT) AS a
  FROM line l WHERE l.s IN (SELECT s FROM found_line)),
base AS (
  SELECT m.*, CAST(s.p * 100 AS BIGINT) AS p, sum(m.a) OVER (PARTITION BY m.s) AS sum_a,
    greatest(sum(m.a) OVER (PARTITION BY m.s), CAST(s.inscp * 100 AS BIGINT)) AS t
  FROM money m JOIN setl s ON s.rowid = m.s),
part AS (
  SELECT *, CASE WHEN t > 0 THEN a::HUGEINT * p // t END AS q, CASE WHEN t > 0 THEN a::HUGEINT * p % t END AS r
  FROM base)
SELECT line_row, a, CASE WHEN p >= t THEN a
  ELSE q + CASE WHEN row_number() OVER (PARTITION BY s ORDER BY r DESC, ts, bkkp_sn, other_mdtrt)
      <= sum_a::HUGEINT * p // t - sum(q) OVER (PARTITION BY s) THEN 1 ELSE 0 END END AS f
FROM part;

INSERT INTO found
SELECT h.rule, h.key, h.verdict, coalesce(sum(z.a)::HUGEINT * h.k // h.n, 0), coalesce(sum(z.f)::HUGEINT * h.k // h.n, 0)
FROM found_line h LEFT JOIN share z ON z.line_row = h.line_row GROUP BY h.rule, h.key, h.verdict, h.k, h.n;
INSERT INTO found
SELECT h.rule, h.key, h.verdict, coalesce(l.a, 0), t.stay_f * 100
FROM found_stay h JOIN stay t ON t.rowid = h.v LEFT JOIN (
  SELECT v, sum(a(inscp, det, rest)) * 100 AS a FROM line WHERE v IN (SELECT v FROM found_stay) GROUP BY v) l
  ON l.v = h.v;
