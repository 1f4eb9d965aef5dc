"""Audits an export with SQLite: import by Python's csv, then the SQL that `yijian sql --dialect sqlite` prints.

usage: sqlite.py YIJIAN EXPORT OUT.csv

EXPORT and OUT are those of duckdb.py. The generated SQL is made for checking findings, not for speed: no more than a
yardstick of what importing into an ordinary database and asking it costs.
"""

import calendar
import csv
import glob
import gzip
import hashlib
import os
import re
import sqlite3
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
RULES = ["ADM-01", "ADM-02", "ADM-05", "ADM-06", "ADM-09", "CAT-01", "CAT-03", "CHR-01", "CHR-03", "CHR-04"]
CLAIMS = {
    "settlement": ("setl_d", ["setl_id"]), "line": ("fee_list_d", ["mdtrt_id", "bkkp_sn"]),
    "visit": ("mdtrt_d", ["mdtrt_id"]), "diagnosis": ("setl_list_diag_d", ["setl_list_diag_id"]),
}
SCALES = {"cnt": 4, "pric": 6, "sup_days": 4, "selfpay_prop": 4, "aprv_bed_cnt": 0, "hi_crtf_bed_cnt": 0, "sure_flag": 0,
          "rank": 0, "ipt_days": 0, "cal_ipt_cnt": 0}
# Codes of registries, whose letters are upper case.
FOLDED = set("fixmedins_code hilist_code med_list_codg psn_no insu_admdvs opsp_dise_code drug_code sup_key admdvs"
             " list_type chrgitm_lv med_type hosp_lv".split())
# The categories that hold where no med_type_b.csv is delivered: class, opsp_flag, reg_flag, codes.
MED_TYPES = [
    ("inpatient", "0", "0", "21 2101 2102 2105 2106 22 23 24 25 26 27 28 52 9940"),
    ("outpatient", "0", "0", "11 12 16 51 81 99331 99332 910202"),
    ("outpatient", "1", "1", "14 1401 140101 140104 140201"), ("outpatient", "1", "0", "1403 1404 15 9901"),
    ("emergency", "0", "0", "13 1301"), ("pharmacy", "0", "0", "18 41"), ("pharmacy", "1", "0", "9929"),
    ("other", "0", "0", "61 71"),
]


def day(text):
    return calendar.timegm((int(text[:4]), int(text[5:7]), int(text[8:10]), 0, 0, 0)) // 86400


DAYS = {}


def as_day(text):
    found = DAYS.get(text[:10])
    if found is None:
        found = DAYS[text[:10]] = day(text)
    return found


def as_time(text):
    seconds = as_day(text) * 86400
    if len(text) >= 19:
        seconds += int(text[11:13]) * 3600 + int(text[14:16]) * 60 + int(text[17:19])
    return seconds


def scaled(scale):
    def convert(text):
        whole, _, part = text.partition(".")
        sign = -1 if whole.startswith("-") else 1
        return int(whole + part.ljust(scale, "0")[:scale]) if whole not in ("", "-") else sign * int(part.ljust(scale, "0"))
    return convert


def converter(column, kind, folds):
    if kind != "INTEGER":
        return str.upper if folds and column in FOLDED else None
    if column.endswith("time"):
        return as_time
    if column.endswith("date"):
        return as_day
    return scaled(SCALES.get(column, 2))


def schema(prelude):
    """Tables of the script's comment: {name: [(column, kind)]}."""
    tables = {}
    for name, body in re.findall(r"^--   CREATE TABLE (\w+) \(\n(.*?)^--   \);", prelude, re.M | re.S):
        tables[name] = re.findall(r"^--     (\w+) (\w+)", body, re.M)
    return tables


def rows(path):
    opened = gzip.open if path.endswith(".gz") else open
    with opened(path, "rt", encoding="utf-8", newline="") as file:
        wide = file.readline().startswith("'")
        file.seek(0)
        reader = csv.reader(file, quotechar="'" if wide else '"')
        header = next(reader)
        yield header
        yield from reader


def load(db, table, columns, paths, folds):
    """Fills a table from files; columns that a file lacks are null."""
    db.execute(f"CREATE TABLE {table} ({', '.join(f'{n} {k}' for n, k in columns)})")
    kinds = dict(columns)
    for path in paths:
        source = rows(path)
        header = next(source)
        taken = [(i, n, converter(n, kinds[n], folds)) for i, n in enumerate(header) if n in kinds]
        names, marks = ", ".join(n for _, n, _ in taken), ", ".join("?" * len(taken))
        db.executemany(f"INSERT INTO {table} ({names}) VALUES ({marks})", (
            [(c(row[i]) if c else row[i]) if row[i] else None for i, _, c in taken] for row in source))


def main():
    yijian, export, out = sys.argv[1:4]

    def sql(rule, part):
        command = [yijian, "sql", rule, "--dialect", "sqlite", "--part", part, "--pipeline",
                   os.path.join(ROOT, "Pipelines", "weekly.yml")]
        return subprocess.run(command, capture_output=True, encoding="utf-8", check=True).stdout

    prelude = sql(RULES[0], "prelude")
    tables = schema(prelude)
    with tempfile.TemporaryDirectory() as folder:
        db = sqlite3.connect(os.path.join(folder, "audit.sqlite"), isolation_level=None)
        db.executescript("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000;"
                         "PRAGMA temp_store = MEMORY; BEGIN;")
        for table, columns in tables.items():
            if table in CLAIMS:
                name, key = CLAIMS[table]
                files = sorted(glob.glob(os.path.join(glob.escape(export), "batches", "*", name + "_*.csv.gz")))
                load(db, table, columns, files, False)
                keys = ", ".join(key)
                db.execute(f"DELETE FROM {table} WHERE rowid IN (SELECT rowid FROM (SELECT rowid, row_number() OVER (PARTITION"
                           f" BY {keys} ORDER BY updt_time DESC, rowid DESC) AS place FROM {table}) WHERE place > 1)")
                db.execute(f"DELETE FROM {table} WHERE vali_flag <> '1'")
                continue
            path = os.path.join(export, "registries", table + ".csv")
            if table == "hosp_lv_rank":
                path = os.path.join(ROOT, "Pipelines", "knowledge", "hosp_lv_rank.csv")
            load(db, table, columns, [path] if os.path.exists(path) else [], True)
            names = {n for n, _ in columns}
            if "is_ambiguous" not in names:
                continue
            if table == "med_type_b" and not os.path.exists(path):
                for kind, opsp, reg, codes in MED_TYPES:
                    db.executemany("INSERT INTO med_type_b (med_type, visit_class, opsp_flag, reg_flag, begndate)"
                                   " VALUES (?, ?, ?, ?, 0)", [(c, kind, opsp, reg) for c in codes.split()])
            db.execute(f"UPDATE {table} SET is_ambiguous = 0")
            if "enddate" in names:
                db.execute(f"UPDATE {table} SET enddate = NULL WHERE enddate >= {day('9999-12-31')}")
                db.execute(f"DELETE FROM {table} WHERE vali_flag <> '1' OR enddate < begndate")
            key = {"fixmedins_b": ["fixmedins_code"], "hilist_b": ["admdvs", "hilist_code"],
                   "drug_sup_b": ["med_list_codg"]}.get(table)
            if key:
                same = " AND ".join(f"a.{k} = b.{k}" for k in key)
                db.execute(f"UPDATE {table} SET is_ambiguous = 1 WHERE rowid IN (SELECT a.rowid FROM {table} a, {table} b"
                           f" WHERE {same} AND a.rowid <> b.rowid AND a.begndate <= COALESCE(b.enddate, 9e9)"
                           f" AND b.begndate <= COALESCE(a.enddate, 9e9))")
        db.execute("COMMIT")
        db.executescript(prelude)
        found = []
        for rule in RULES:
            db.executescript(sql(rule, "rule"))
            found += db.execute(f'SELECT rule, key, verdict, amount_fen, fund_fen FROM "{rule} findings"').fetchall()
    with open(out, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["rule", "finding_id", "key", "verdict", "amount_fen", "fund_fen"])
        made = [(r, r + "-" + hashlib.sha256((r + "\n" + k).encode()).hexdigest()[:16], k, v, a, f)
                for r, k, v, a, f in found]
        writer.writerows(sorted(made, key=lambda row: row[1]))


if __name__ == "__main__":
    main()
