#!/usr/bin/env python3
"""Recomputes the money of every hit in truth.csv from the claim files, with nothing but Python and SQLite.

    check_truth.py FOLDER...      each with batches/, registries/ and truth.csv

It reads the files itself, works out which rows count (versions, refunds, reversals) and what the fund paid for each
line, and compares amount_fen, fund_fen and measure. Exit code 1 and a list when a fen differs.
"""

import csv
import gzip
import io
import os
import sqlite3
import sys
import zipfile
from collections import defaultdict
from datetime import date
from decimal import Decimal

TABLES = {
    "setl_d": ["setl_id", "mdtrt_id", "init_setl_id", "refd_setl_flag", "vali_flag", "fund_pay_sumamt", "inscp_amt",
               "setl_type", "med_type", "updt_time", "fixmedins_code", "psn_no"],
    "mdtrt_d": ["mdtrt_id", "psn_no", "fixmedins_code", "begntime", "endtime", "med_type", "inhosp_stas", "nwb_flag",
                "vali_flag", "updt_time"],
    "fee_list_d": ["mdtrt_id", "bkkp_sn", "setl_id", "init_feedetl_sn", "cnt", "pric", "det_item_fee_sumamt",
                   "fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_amt", "med_list_codg",
                   "fee_ocur_time", "psn_no", "list_type", "med_chrgitm_type", "rx_circ_flag", "vali_flag",
                   "updt_time"],
}
KEYS = {"setl_d": "setl_id", "mdtrt_d": "mdtrt_id", "fee_list_d": "mdtrt_id, bkkp_sn"}
MONEY = {"fund_pay_sumamt", "inscp_amt", "det_item_fee_sumamt", "fulamt_ownpay_amt", "overlmt_selfpay",
         "preselfpay_amt"}
CHRONIC = "14 1401 140101 140104 140201 1403 1404 15 9901 9929".split()
INPATIENT = "21 2101 2102 2105 2106 22 23 24 25 26 27 28 52 9940".split()


def scaled(text, digits):
    if text == "":
        return None
    value = Decimal(text).scaleb(digits)
    if value != value.to_integral_value():
        raise ValueError(f"too many decimals: {digits} are allowed")
    return int(value)


def moment(text):
    """yyyy-MM-dd HH:mm:ss; a date alone is midnight."""
    if text == "":
        return None
    text = text.replace("T", " ")[:19]
    return text + " 00:00:00"[len(text) - 10:] if len(text) < 19 else text


def members(path):
    """The inflated content of a claim file, member by member."""
    if path.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                yield info.filename, archive.read(info)
    elif path.endswith(".gz"):
        with gzip.open(path) as file:
            yield os.path.basename(path), file.read()
    else:
        with open(path, "rb") as file:
            yield os.path.basename(path), file.read()


def decoded(content):
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("gb18030")


def table_of(member, archive):
    for name in (member, archive):
        for table in sorted(TABLES, key=len, reverse=True):
            rest = name[len(table):]
            if name.startswith(table) and rest[:1] in ("_", "-", ".", *"0123456789"):
                return table
    return None


def load(db, folder):
    for table, columns in TABLES.items():
        names = ", ".join(columns)
        db.execute(f"CREATE TABLE {table} ({names}, batch, file, row INTEGER)")
    batches = sorted(os.listdir(os.path.join(folder, "batches")), key=lambda s: s.encode())
    for batch in batches:
        base = os.path.join(folder, "batches", batch)
        for root, _, files in os.walk(base):
            for name in sorted(files):
                if name == "delivery.csv" or not name.endswith((".csv", ".csv.gz", ".zip", ".txt", ".txt.gz")):
                    continue
                path = os.path.join(root, name)
                for member, content in members(path):
                    table = table_of(os.path.basename(member), name)
                    if table is None:
                        continue
                    insert(db, table, batch, os.path.relpath(path, base), decoded(content))
    return batches


def insert(db, table, batch, file, text):
    enclosed = text.startswith("'")
    reader = csv.reader(
        io.StringIO(text, newline=""), delimiter=",", quotechar="'" if enclosed else '"',
        quoting=csv.QUOTE_MINIMAL if enclosed else csv.QUOTE_NONE)
    header = next(reader)
    columns = TABLES[table]
    places = [header.index(name) if name in header else None for name in columns]
    rows = []
    for number, fields in enumerate(reader, 2):
        row = []
        for name, place in zip(columns, places):
            value = fields[place].strip() if place is not None else ""
            if name == "vali_flag" and place is None:
                value = "1"
            if name in MONEY:
                value = scaled(value, 2)
            elif name == "cnt":
                value = scaled(value, 4)
            elif name == "pric":
                value = scaled(value, 6)
            elif name.endswith("time"):
                value = moment(value)
            elif value == "":
                value = None
            row.append(value)
        rows.append((*row, batch, file, number))
    marks = ", ".join("?" * (len(columns) + 3))
    db.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)


def winners(db, table, last):
    """Newest version of each key up to a batch, if it is valid."""
    names = ", ".join(TABLES[table])
    sql = f"""
      SELECT {names} FROM (
        SELECT *, row_number() OVER (
          PARTITION BY {KEYS[table]}
          ORDER BY ifnull(updt_time, '') DESC, CAST(batch AS BLOB) DESC, CAST(file AS BLOB) DESC, row DESC) AS version
        FROM {table} WHERE CAST(batch AS BLOB) <= CAST(? AS BLOB))
      WHERE version = 1 AND vali_flag = '1'"""
    return [dict(zip(TABLES[table], row)) for row in db.execute(sql, (last,))]


def net(lines):
    """Lines of one batch state after reversals: first those that name their original, then pairs."""
    by_id = {(l["mdtrt_id"], l["bkkp_sn"]): l for l in lines}
    touched, gone = set(), set()
    positive = {key for key, l in by_id.items() if l["cnt"] > 0}
    for key, l in by_id.items():
        original = (l["mdtrt_id"], l["init_feedetl_sn"])
        if l["cnt"] < 0 and l["init_feedetl_sn"] and original in positive:
            target = by_id[original]
            target["cnt"] += l["cnt"]
            for name in MONEY - {"fund_pay_sumamt"}:
                if target[name] is not None:
                    target[name] += l[name] or 0
            touched.add(original)
            gone.add(key)
    groups = defaultdict(lambda: ([], []))
    for key, l in by_id.items():
        if key in gone or l["med_list_codg"] is None or l["pric"] is None:
            continue
        group = (l["mdtrt_id"], l["med_list_codg"], l["pric"], abs(l["cnt"]))
        if l["cnt"] < 0:
            groups[group][0].append(l)
        elif key not in touched:
            groups[group][1].append(l)
    for negatives, positives in groups.values():
        if not negatives:
            continue
        latest = max(l["fee_ocur_time"] for l in negatives)
        partners = [l for l in positives if l["fee_ocur_time"] <= latest]
        partners.sort(key=lambda l: (l["fee_ocur_time"], l["bkkp_sn"].encode()), reverse=True)
        for l in negatives + partners[:len(negatives)]:
            gone.add((l["mdtrt_id"], l["bkkp_sn"]))
    for key, l in by_id.items():
        if l["cnt"] < 0:
            gone.add(key)
    return [l for key, l in by_id.items() if key not in gone and l["cnt"] > 0 and l["det_item_fee_sumamt"] >= 0]


def claimed(l):
    if l["inscp_amt"] is not None:
        return max(0, l["inscp_amt"])
    return max(0, l["det_item_fee_sumamt"] - (l["fulamt_ownpay_amt"] or 0) - (l["overlmt_selfpay"] or 0)
               - (l["preselfpay_amt"] or 0))


def shares(lines, paid, inscp):
    """What the fund paid for each line: largest remainder."""
    amounts = [claimed(l) for l in lines]
    base = max(sum(amounts), inscp)
    if base == 0:
        return [(a, 0) for a in amounts]
    if paid >= base:
        return [(a, a) for a in amounts]
    funds = [a * paid // base for a in amounts]
    left = sum(amounts) * paid // base - sum(funds)
    order = sorted(range(len(lines)), key=lambda i: (
        -(amounts[i] * paid % base), lines[i]["fee_ocur_time"], lines[i]["bkkp_sn"].encode()))
    for i in order[:left]:
        funds[i] += 1
    return list(zip(amounts, funds))


def state(db, last):
    """Amounts of the claims that count after a batch: tables amount, paid and stay of the database."""
    visits = {v["mdtrt_id"]: v for v in winners(db, "mdtrt_d", last)}
    settlements = winners(db, "setl_d", last)
    named = {s["init_setl_id"] for s in settlements if s["init_setl_id"]}
    counting = {
        s["setl_id"]: s for s in settlements
        if s["refd_setl_flag"] != "1" and not s["init_setl_id"] and s["setl_id"] not in named
        and visits.get(s["mdtrt_id"], {}).get("inhosp_stas") != "1"}
    lines = defaultdict(list)
    for l in net([l for l in winners(db, "fee_list_d", last) if l["setl_id"] in counting]):
        lines[l["setl_id"]].append(l)
    db.executescript("""
      DROP TABLE IF EXISTS amount; DROP TABLE IF EXISTS paid; DROP TABLE IF EXISTS stay;
      CREATE TABLE amount (line TEXT PRIMARY KEY, mdtrt_id, setl_id, day, a INTEGER, f INTEGER, cnt INTEGER, drug,
                           kind, supplies INTEGER, psn_no);
      CREATE TABLE paid (setl_id TEXT PRIMARY KEY, mdtrt_id, p INTEGER, fixmedins_code, psn_no);
      CREATE TABLE stay (mdtrt_id TEXT PRIMARY KEY, b, e, fixmedins_code, psn_no, in_census INTEGER)""")
    for setl, s in counting.items():
        paid = max(0, s["fund_pay_sumamt"] or 0)
        db.execute("INSERT INTO paid VALUES (?, ?, ?, ?, ?)",
                   (setl, s["mdtrt_id"], paid, s["fixmedins_code"], s["psn_no"]))
        own = lines[setl]
        med_type = visits.get(s["mdtrt_id"], {}).get("med_type") or s["med_type"]
        for l, (a, f) in zip(own, shares(own, paid, s["inscp_amt"] or 0)):
            # What adds to a person's stock of a chronic drug, if drug_sup_b knows it.
            supplies = med_type in CHRONIC and l["list_type"] == "101" and a > 0 and l["rx_circ_flag"] != "1"
            db.execute("INSERT INTO amount VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (
                f"{l['mdtrt_id']}:{l['bkkp_sn']}", l["mdtrt_id"], setl, l["fee_ocur_time"][:10], a, f, l["cnt"],
                l["med_list_codg"], l["med_chrgitm_type"], supplies, l["psn_no"]))
    settled = {s["mdtrt_id"] for s in counting.values()}
    for v in visits.values():
        if v["med_type"] in INPATIENT and v["inhosp_stas"] != "1" and v["begntime"] and v["endtime"] \
                and v["endtime"][:10] >= v["begntime"][:10] and v["mdtrt_id"] in settled:
            db.execute("INSERT INTO stay VALUES (?, ?, ?, ?, ?, ?)", (
                v["mdtrt_id"], v["begntime"][:10], v["endtime"][:10], v["fixmedins_code"], v["psn_no"],
                v["med_type"] != "28" and v["nwb_flag"] != "1"))


def load_supplies(db, folder):
    """The days that one unit of a drug lasts."""
    db.execute("CREATE TABLE supply (drug, sup_key, days INTEGER, begndate, enddate)")
    path = os.path.join(folder, "registries", "drug_sup_b.csv")
    if not os.path.exists(path):
        return
    with open(path, encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if row.get("vali_flag", "1") in ("1", ""):
                db.execute("INSERT INTO supply VALUES (?, ?, ?, ?, ?)", (
                    row["med_list_codg"], row["sup_key"], scaled(row["sup_days"], 4), row["begndate"][:10],
                    row["enddate"][:10] or "9999-12-31"))


def ordinal(day):
    return date.fromisoformat(day).toordinal()


def split_stay(db, hit):
    """ADM-05: the gap between two stays, and all that the second cost."""
    stays = [db.execute("SELECT b, e, fixmedins_code FROM stay WHERE mdtrt_id = ?", (mdtrt,)).fetchone()
             for mdtrt in hit["key"].split("|")]
    if None in stays:
        return "no such stay", None, None, None
    second = hit["key"].split("|")[1]
    a = db.execute("SELECT ifnull(sum(a), 0) FROM amount WHERE mdtrt_id = ?", (second,)).fetchone()[0]
    f = db.execute("SELECT ifnull(sum(p), 0) FROM paid WHERE mdtrt_id = ?", (second,)).fetchone()[0]
    return stays[1][2], ordinal(stays[1][0]) - ordinal(stays[0][1]), a, f


def idle_run(db, hit):
    """ADM-06: every line of the stay in the run is named, and none of them is a treatment."""
    mdtrt = hit["key"].split("|")[0]
    row = db.execute("SELECT fixmedins_code, b, e FROM stay WHERE mdtrt_id = ?", (mdtrt,)).fetchone()
    if row is None or not row[1] < hit["from_date"] <= hit["to_date"] < row[2]:
        return "no such stay about the run", None, None, None
    lines = db.execute("SELECT line, kind, a, f FROM amount WHERE mdtrt_id = ? AND day BETWEEN ? AND ?",
                       (mdtrt, hit["from_date"], hit["to_date"])).fetchall()
    if sorted(l[0] for l in lines) != sorted(filter(None, hit["line_ids"].split("|"))):
        return "other lines in the run", None, None, None
    if any(l[1] not in ("01", "02", "07") for l in lines):
        return "treated in the run", None, None, None
    length = ordinal(hit["to_date"]) - ordinal(hit["from_date"]) + 1
    return row[0], length, sum(l[2] for l in lines), sum(l[3] for l in lines)


def crowd(db, hit):
    """ADM-09: the greatest number of persons in the run; an indicator without money."""
    code = hit["key"].split("|")[0]
    census = 0
    for day in range(ordinal(hit["from_date"]), ordinal(hit["to_date"]) + 1):
        text = date.fromordinal(day).isoformat()
        census = max(census, db.execute(
            "SELECT count(DISTINCT psn_no) FROM stay WHERE fixmedins_code = ? AND in_census AND b <= ?"
            " AND (e > ? OR b = e AND b = ?)", (code, text, text, text)).fetchone()[0])
    return code, census, 0, 0


def overstock(db, hit):
    """CHR-01: the stock after each purchase up to this one, then part k of n of what the last one cost."""
    person, sup_key, last = hit["key"].split("|")
    stock, before, bought = 0, None, None
    for day, supply, a, f, lines in db.execute("""
          SELECT day, sum(cnt * days) / 100000000, sum(a), sum(f), group_concat(line, '|')
          FROM amount JOIN supply ON supply.drug = amount.drug AND day BETWEEN begndate AND enddate
          WHERE supplies AND psn_no = ? AND sup_key = ? AND day <= ? GROUP BY day ORDER BY day""",
                                                   (person, sup_key, last)):
        if supply > 0:
            passed = ordinal(day) - ordinal(before) if before else 0
            stock, before = max(0, stock - passed) + supply, day
            bought = day, supply, a, f, sorted(lines.split("|"))
    if bought is None or bought[0] != last or bought[4] != sorted(hit["line_ids"].split("|")):
        return "no such purchase", None, None, None
    part = max(0, min(bought[1], stock - 90))
    return person, stock, bought[2] * part // bought[1], bought[3] * part // bought[1]


def marks(values):
    return ", ".join("?" * len(values))


def expected(db, hit):
    """(subject, measure, amount, fund) of a hit, from the tables; None where that column is not checked."""
    setls = hit["setl_ids"].split("|")
    lines = hit["line_ids"].split("|") if hit["line_ids"] else []
    if hit["rule"] == "ADM-01":
        stays = []
        for mdtrt in hit["key"].split("|"):
            row = db.execute("SELECT b, e, fixmedins_code FROM stay WHERE mdtrt_id = ?", (mdtrt,)).fetchone()
            if row is None:
                return "no such stay", None, None, None
            a = db.execute("SELECT ifnull(sum(a), 0) FROM amount WHERE mdtrt_id = ?", (mdtrt,)).fetchone()[0]
            f = db.execute("SELECT ifnull(sum(p), 0) FROM paid WHERE mdtrt_id = ?", (mdtrt,)).fetchone()[0]
            b, e = date.fromisoformat(row[0]).toordinal(), date.fromisoformat(row[1]).toordinal()
            stays.append((f, e - b, -b, tuple(-x for x in mdtrt.encode()), row[2], a, b, e))
        at_issue = min(stays)
        nights = min(s[7] for s in stays) - max(s[6] for s in stays)
        return at_issue[4], nights, at_issue[5], at_issue[0]
    special = {"ADM-05": split_stay, "ADM-06": idle_run, "ADM-09": crowd, "CHR-01": overstock}.get(hit["rule"])
    if special:
        return special(db, hit)
    if hit["rule"] == "CHR-04":
        row = db.execute("SELECT fixmedins_code, p FROM paid WHERE setl_id = ?", (setls[0],)).fetchone()
        if row is None:
            return "no such settlement", None, None, None
        a = db.execute("SELECT ifnull(sum(a), 0) FROM amount WHERE setl_id = ?", (setls[0],)).fetchone()[0]
        return row[0], 0, a, row[1]
    sql = f"SELECT count(*), sum(a), sum(f) FROM amount WHERE line IN ({marks(lines)}) AND setl_id IN ({marks(setls)})"
    n, a, f = db.execute(sql, (*lines, *setls)).fetchone()
    if n != len(lines):
        return f"{len(lines) - n} of the lines do not count", None, None, None
    if hit["rule"] == "ADM-02":
        subject = db.execute("SELECT psn_no FROM paid WHERE setl_id = ?", (hit["key"].split("|")[1],)).fetchone()[0]
        return subject, n, a, f
    subject = db.execute("SELECT fixmedins_code FROM paid WHERE setl_id = ?", (setls[0],)).fetchone()[0]
    return subject, {"CAT-01": a, "CHR-03": 0}.get(hit["rule"]), a, f


def check(folder):
    db = sqlite3.connect(":memory:")
    batches = load(db, folder)
    load_supplies(db, folder)
    with open(os.path.join(folder, "truth.csv"), encoding="utf-8", newline="") as file:
        truth = list(csv.DictReader(file))
    problems, checked = [], 0
    for batch in batches:
        rows = [t for t in truth if t["batch"] == batch]
        if not rows:
            continue
        state(db, batch)
        for t in rows:
            if t["kind"] != "hit":
                continue
            checked += 1
            # The subject of ADM-02 and CHR-01 is a person, with whose number a key of CHR-01 begins: not printed.
            personal = t["subject_type"] == "person"
            name_of_hit = f"{batch} {t['rule']} " + (t["key"].split("|", 1)[1] if t["rule"] == "CHR-01" else t["key"])
            subject, measure, amount, fund = expected(db, t)
            for name, value in (("subject", subject), ("amount_fen", amount), ("fund_fen", fund)):
                if value is None or str(value) != t[name]:
                    what = "" if personal and name == "subject" else f": {t[name]}, recomputed {value}"
                    problems.append(f"{name_of_hit}: {name}{what}")
            if measure is not None and str(measure) != t["measure"]:
                problems.append(f"{name_of_hit}: measure: {t['measure']}, recomputed {measure}")
    return checked, problems


def main(folders):
    if not folders:
        print(__doc__.strip(), file=sys.stderr)
        return 64
    failed = False
    for folder in folders:
        checked, problems = check(folder)
        print(f"{folder}: {checked} hits recomputed, {len(problems)} differences")
        for problem in problems:
            print("  " + problem)
        failed = failed or bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
