#!/usr/bin/env python3
"""A second opinion on the ten rules of the weekly job: ADM-01, -02, -05, -06, -09, CAT-01, -03, CHR-01, -03, -04.

    reference.py DIR [--upto BATCH] [--suppressed] [--fill-floor PERCENT] [--out FILE]

It reads DIR/batches/*/ and DIR/registries/ with the standard library alone and imports nothing of this project: only
the written definitions of the rules went into it. Where it and `yijian run` differ, one of the two has misread them;
`compare.py` says where.

The answer is a CSV of the findings that hold after the last batch (or after BATCH), sorted by finding_id; with
--suppressed the findings that an exemption silenced. Money is whole fen, quantities are whole ten-thousandths, a day is
a number. Everything is done in the plainest way, in the order in which the definitions are written.
"""

import argparse
import csv
import gzip
import hashlib
import io
import os
import re
import sys
import zipfile
import zlib
from collections import defaultdict
from datetime import date

FINDING_COLUMNS = ["rule", "key", "finding_id", "verdict", "severity", "subject_type", "subject", "psn_no",
                   "fixmedins_code", "setl_ids", "line_ids", "from_date", "to_date", "measure", "threshold",
                   "amount_fen", "fund_fen", "counted_fen"]
SUPPRESSED_COLUMNS = ["finding_id", "rule", "exemption"]
RULES = ["ADM-01", "ADM-02", "ADM-05", "ADM-06", "ADM-09", "CAT-01", "CAT-03", "CHR-01", "CHR-03", "CHR-04"]

CERTAIN, SUSPECT, CLUE = "明确违规", "可疑", "线索"

# Section 5: who is given a fen first. What is not named here is never counted.
PRECEDENCE = [("ADM-01", SUSPECT), ("ADM-05", SUSPECT), ("CAT-01", CERTAIN), ("CAT-03", CERTAIN), ("CHR-04", SUSPECT),
              ("CAT-03", SUSPECT), ("CAT-01", SUSPECT), ("CHR-03", SUSPECT), ("ADM-02", SUSPECT), ("ADM-06", SUSPECT),
              ("CHR-01", SUSPECT)]

# ---------------------------------------------------------------------------------------------------------------------
# Values. A parser returns None for a text that is no value of its kind; the empty text never reaches it.
# ---------------------------------------------------------------------------------------------------------------------


# What is cut off at both ends of a value: tab, the spaces of Unicode, and the one of no width.
BLANKS = "\t \u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u202f\u205f\u3000"


def scaled(text, digits):
    """A decimal as a whole number of 10^-digits; more decimals than that only where they are zero."""
    match = re.fullmatch(r"([+-]?)(\d+)(?:\.(\d+))?", text, re.ASCII)
    if not match:
        return None
    sign, whole, part = match.group(1), match.group(2), match.group(3) or ""
    if part[digits:].strip("0"):
        return None
    value = int(whole + part[:digits].ljust(digits, "0"))
    return -value if sign == "-" else value


def time_of(text):
    """`yyyy-MM-dd HH:mm:ss`, so that times compare as texts; a date alone is its first second, a zone is passed over."""
    match = re.fullmatch(r"(\d{4})-(\d\d)-(\d\d)(?:[ T](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?"
                         r"(?: ?(?:Z|[+-](?:[01]\d|2[0-3])(?::?[0-5]\d)?))?)?", text, re.ASCII)
    if not match or day_of(text[:10]) is None:
        return None
    hour, minute, second = match.group(4) or "00", match.group(5) or "00", match.group(6) or "00"
    if int(hour) > 23 or int(minute) > 59 or int(second) > 59:
        return None
    return f"{text[:10]} {hour}:{minute}:{second}"


def day_of(text):
    try:
        return date.fromisoformat(text[:10]).toordinal() if re.match(r"\d{4}-\d\d-\d\d", text, re.ASCII) else None
    except ValueError:
        return None


def day_text(day):
    return date.fromordinal(day).isoformat()


PARSERS = {
    "text": lambda text: text,
    "money": lambda text: scaled(text, 2),
    "quantity": lambda text: scaled(text, 4),
    "price": lambda text: scaled(text, 6),
    "time": time_of,
}

# What is read of each table: column -> kind, and whether a bad value costs the row (!) or only itself. Keys, amounts
# and dates of service cost the row; a fee line needs five values to be a line at all (+).
CLAIM_COLUMNS = {
    "setl_d": {
        "setl_id": "text+", "mdtrt_id": "text", "init_setl_id": "text", "refd_setl_flag": "text", "vali_flag": "text",
        "psn_no": "text", "insutype": "text", "insu_admdvs": "text", "fix_blng_admdvs": "text",
        "fixmedins_code": "text", "hosp_lv": "text", "begndate": "time!", "setl_time": "time!", "med_type": "text",
        "setl_type": "text", "medfee_sumamt": "money!", "inscp_amt": "money!",
        "fund_pay_sumamt": "money!", "dise_no": "text",
        "updt_time": "time",
    },
    "mdtrt_d": {
        "mdtrt_id": "text+", "psn_no": "text", "fixmedins_code": "text", "begntime": "time!", "endtime": "time!",
        "med_type": "text", "inhosp_stas": "text", "vali_flag": "text", "dscg_way": "text",
        "refl_old_mdtrt_id": "text", "medrcdno": "text", "nwb_flag": "text", "adm_caty": "text",
        "dscg_caty": "text", "dscg_maindiag_code": "text", "ars_year_ipt_flag": "text", "updt_time": "time",
    },
    "fee_list_d": {
        "mdtrt_id": "text+", "bkkp_sn": "text+", "setl_id": "text", "init_feedetl_sn": "text", "psn_no": "text",
        "fixmedins_code": "text", "fee_ocur_time": "time!+", "cnt": "quantity!+", "pric": "price",
        "det_item_fee_sumamt": "money!+", "fulamt_ownpay_amt": "money!", "overlmt_selfpay": "money!",
        "preselfpay_amt": "money!", "inscp_amt": "money!", "list_type": "text", "hilist_code": "text",
        "med_list_codg": "text", "med_chrgitm_type": "text", "dise_codg": "text", "etip_flag": "text",
        "etip_hosp_code": "text", "rx_circ_flag": "text",
        "vali_flag": "text", "updt_time": "time",
    },
    "setl_list_diag_d": {
        "setl_list_diag_id": "text+", "mdtrt_id": "text", "diag_type": "text", "maindiag_flag": "text",
        "diag_code": "text", "vali_flag": "text", "updt_time": "time",
    },
}
LINE_AMOUNTS = ["det_item_fee_sumamt", "fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_amt"]
KEYS = {"setl_d": ("setl_id",), "mdtrt_d": ("mdtrt_id",), "fee_list_d": ("mdtrt_id", "bkkp_sn"),
        "setl_list_diag_d": ("setl_list_diag_id",)}
ALIASES = {
    "setl_d": {"inscp_scp_amt": "inscp_amt", "dise_codg": "dise_no", "begntime": "begndate"},
    "mdtrt_d": {"begndate": "begntime"},
    "fee_list_d": {"feedetl_sn": "bkkp_sn", "overlmt_amt": "overlmt_selfpay", "inscp_scp_amt": "inscp_amt",
                   "dise_no": "dise_codg"},
    "setl_list_diag_d": {},
}
NEEDED = {
    "setl_d": ["setl_id", "psn_no", "fixmedins_code", "fund_pay_sumamt", "med_type"],
    "mdtrt_d": ["mdtrt_id", "psn_no", "fixmedins_code", "begntime", "endtime"],
    "fee_list_d": ["mdtrt_id", "bkkp_sn", "psn_no", "setl_id", "cnt", "det_item_fee_sumamt", "fee_ocur_time"],
    "setl_list_diag_d": ["setl_list_diag_id", "psn_no"],
}
TABLE_NAMES = ["setl_d", "mdtrt_d", "fee_list_d", "setl_list_diag_d", "setl_diag_list_d", "setl_list_oprn_d"]
TABLE_ALIASES = {"setl_diag_list_d": "setl_list_diag_d"}
REJECT_LIMIT_PER_MILLION = 1000


class Refused(Exception):
    """A file of which no row may be used."""


def note(text):
    print(f"reference: {text}", file=sys.stderr)


# ---------------------------------------------------------------------------------------------------------------------
# Claim files
# ---------------------------------------------------------------------------------------------------------------------


def table_named(name):
    """The longest table name with which a file name begins, if a separator or a digit follows."""
    fits = [table for table in TABLE_NAMES
            if name.lower().startswith(table) and re.match(r"[_\-.0-9]", name[len(table):])]
    found = max(fits, key=len, default=None)
    return TABLE_ALIASES.get(found, found)


def gunzipped(data):
    """All members of a gzip file; zero bytes after the last are padding, anything else is damage."""
    out = []
    while True:
        member = zlib.decompressobj(31)
        try:
            out.append(member.decompress(data) + member.flush())
        except zlib.error as error:
            raise Refused(f"damaged gzip: {error}") from None
        if not member.eof:
            raise Refused("gzip ends early")
        data = member.unused_data
        if not data.strip(b"\0"):
            return b"".join(out)


def members(path):
    """(member name, bytes) of a file in the order in which they lie there."""
    with open(path, "rb") as file:
        data = file.read()
    if not data:
        raise Refused("empty file")
    if path.endswith(".gz"):
        return [(os.path.basename(path), gunzipped(data))]
    if not path.endswith(".zip"):
        return [(os.path.basename(path), data)]
    result = []
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for info in archive.infolist():
                if info.is_dir():
                    continue
                name = info.filename
                if name.startswith(("/", "\\")) or ".." in re.split(r"[/\\]", name) or info.flag_bits & 1:
                    raise Refused("unsafe or encrypted member")
                result.append((os.path.basename(name), archive.read(info)))
    except zipfile.BadZipFile as error:
        raise Refused(f"damaged zip: {error}") from None
    return result


def decoded_lines(data):
    """Each line of a file as text, or None where its bytes are no text of the file's charset."""
    for mark, charset in ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")):
        if data.startswith(mark):
            data = data[2:].decode(charset).encode("utf-8")
    if data.startswith(b"\xef\xbb\xbf"):
        data = data[3:]
    raw = data.split(b"\n")
    if raw and raw[-1] == b"":
        raw.pop()
    raw = [line[:-1] if line.endswith(b"\r") else line for line in raw]
    if any(b"\r" in line for line in raw):
        raise Refused("carriage return inside a line")

    def decode(charset):
        lines = []
        for line in raw:
            try:
                lines.append(line.decode(charset))
            except UnicodeDecodeError:
                lines.append(None)
        return lines, lines.count(None)

    limit = len(raw) * REJECT_LIMIT_PER_MILLION
    lines, failing = decode("utf-8")
    if failing * 1_000_000 > limit:
        others, others_failing = decode("gb18030")
        if min(failing, others_failing) * 1_000_000 > limit:
            # A short file has a limit below one row: one damaged row must cost only itself.
            if min(failing, others_failing) > 1:
                raise Refused("neither UTF-8 nor GB18030")
        if others_failing < failing:
            lines = others
    return lines


def fields_of(line, delimiter, enclosure):
    """The fields of a line, or None where an enclosure is stray or unclosed."""
    if not enclosure:
        return [field.strip(BLANKS) for field in line.split(delimiter)]
    if enclosure not in line:
        return [field.strip(BLANKS) for field in line.split(delimiter)]
    fields, at = [], 0
    while True:
        if line.startswith(enclosure, at):
            text, at = [], at + 1
            while True:
                end = line.find(enclosure, at)
                if end < 0:
                    return None
                text.append(line[at:end])
                at = end + 1
                if not line.startswith(enclosure, at):
                    break
                text.append(enclosure)
                at += 1
            field = "".join(text)
            if at < len(line) and line[at] != delimiter:
                return None
        else:
            end = line.find(delimiter, at)
            end = len(line) if end < 0 else end
            field, at = line[at:end], end
            if enclosure in field:
                return None
        fields.append(field.strip(BLANKS))
        if at >= len(line):
            return fields
        at += 1


def typed_row(table, names, fields):
    """A row as column -> value (absent = null), or the reason for which it is rejected."""
    row = {}
    for name, field in zip(names, fields):
        kind = CLAIM_COLUMNS[table].get(name)
        if kind is None or field == "":
            continue
        value = PARSERS[kind.rstrip("!+")](field)
        if value is None:
            if "!" in kind:
                return None
            continue
        row[name] = value
    for name, kind in CLAIM_COLUMNS[table].items():
        if kind.endswith("+") and name not in row:
            return None
    return row


def rows_of_member(table, data):
    """(row number, row) for each accepted row; the header is line 1."""
    lines = decoded_lines(data)
    if not lines or lines[0] is None:
        raise Refused("no header")
    header = lines[0]
    enclosure = header[0] if header[:1] in ("'", '"') else ""
    delimiter = max(",\t|\x01", key=lambda mark: len(fields_of(header, mark, enclosure) or []))
    names = fields_of(header, delimiter, enclosure)
    if names is None:
        raise Refused("unreadable header")
    names = [ALIASES[table].get(name.lower(), name.lower()) for name in names]
    if len(set(names)) != len(names):
        raise Refused("a column twice")
    missing = [name for name in NEEDED[table] if name not in names]
    if missing:
        raise Refused(f"no column {', '.join(missing)}")
    width, rejected = len(names), 0
    rows = []
    for number, line in enumerate(lines[1:], 2):
        row = None
        if line is not None and "\0" not in line:
            fields = fields_of(line, delimiter, enclosure)
            if fields is not None and len(fields) == width:
                row = typed_row(table, names, fields)
        if row is None:
            rejected += 1
            continue
        if "vali_flag" not in names:
            row["vali_flag"] = "1"
        rows.append((number, row))
    return rows, rejected


def batch_folders(root):
    folder = os.path.join(root, "batches")
    folder = folder if os.path.isdir(folder) else root
    names = [name for name in os.listdir(folder) if os.path.isdir(os.path.join(folder, name)) and name != "registries"]
    return [(name, os.path.join(folder, name)) for name in sorted(names, key=os.fsencode)]


def claim_files(folder):
    names = []
    for place, _, files in os.walk(folder):
        for file in files:
            if file.endswith((".csv", ".txt", ".gz", ".zip")):
                names.append(os.path.relpath(os.path.join(place, file), folder))
    return sorted(names, key=os.fsencode)


def load_claims(root, upto):
    """table -> key -> winning row of all batches (rule 1.1), and the tables of which something was refused."""
    newest = {table: {} for table in KEYS}
    refused = set()
    for batch, folder in batch_folders(root):
        if upto is not None and os.fsencode(batch) > os.fsencode(upto):
            continue
        for name in claim_files(folder):
            base = os.path.basename(name)
            if base == "delivery.csv":
                continue
            read = []
            table = table_named(base)
            try:
                for ordinal, (member, data) in enumerate(members(os.path.join(folder, name))):
                    table = table_named(member) or table_named(base)
                    if table is None:
                        raise Refused("no table has this name")
                    if table not in KEYS:
                        continue
                    rows, rejected = rows_of_member(table, data)
                    if rejected:
                        note(f"{batch}/{name}: {rejected} rows rejected")
                    read.extend((table, ordinal, number, row) for number, row in rows)
            except Refused as refusal:
                note(f"{batch}/{name}: refused, {refusal}")
                refused.add(table)
                continue
            for table, ordinal, number, row in read:
                key = tuple(row[column] for column in KEYS[table])
                # Null is below every time; no time begins with a character below "0".
                age = (row.get("updt_time", ""), os.fsencode(batch), os.fsencode(name), ordinal, number)
                if key not in newest[table] or newest[table][key][0] < age:
                    newest[table][key] = (age, row)
    tables = {}
    for table, rows in newest.items():
        tables[table] = {key: row for key, (_, row) in rows.items() if row.get("vali_flag") == "1"}
    return tables, refused


# ---------------------------------------------------------------------------------------------------------------------
# Registries
# ---------------------------------------------------------------------------------------------------------------------

ONE_ROW_KEYS = {"fixmedins_b": ["fixmedins_code"], "hilist_b": ["admdvs", "hilist_code"], "med_type_b": ["med_type"],
                "drug_sup_b": ["med_list_codg"]}
# Columns without which a row names nothing: such a row is left out.
REGISTRY_KEYS = dict(ONE_ROW_KEYS, hilist_lmt_b=["kp_id", "med_list_codg"], opsp_reg_d=["psn_no", "opsp_dise_code"],
                     drug_sup_b=["med_list_codg", "sup_key", "sup_days"],
                     opsp_dise_drug_b=["admdvs", "opsp_dise_code", "drug_code"])
ALWAYS = date.max.toordinal()


def upper(code):
    """A code as registries compare it."""
    return None if code is None else code.strip(BLANKS).upper()


class Registry:
    """The rows of a table by key; for a table read for one row, also the spans that overlapping rows spoilt."""

    def __init__(self, table, rows, key):
        by_key = defaultdict(list)
        for row in rows:
            by_key[tuple(upper(row.get(column)) for column in key)].append(row)
        self.rows, self.spoilt = {}, {}
        for name, group in by_key.items():
            bad = set()
            if table in ONE_ROW_KEYS:
                for i, one in enumerate(group):
                    for j in range(i):
                        if one["from"] <= group[j]["to"] and group[j]["from"] <= one["to"]:
                            bad |= {i, j}
                bad |= {i for i, row in enumerate(group) if "undated" in row}
            elif table == "hilist_lmt_b":
                # Two different insurances cannot both be the only one that pays.
                for i, one in enumerate(group):
                    for j in range(i):
                        if (one["lmt_type"] == group[j]["lmt_type"] == "insutype"
                                and one["lmt_val"] != group[j]["lmt_val"]
                                and one["from"] <= group[j]["to"] and group[j]["from"] <= one["to"]):
                            bad |= {i, j}
            self.rows[name] = [row for i, row in enumerate(group) if i not in bad]
            self.spoilt[name] = [(group[i]["from"], group[i]["to"]) for i in sorted(bad)]

    def on(self, day, *key):
        return [row for row in self.rows.get(key, []) if row["from"] <= day <= row["to"]]

    def is_spoilt(self, day, *key):
        return any(first <= day <= last for first, last in self.spoilt.get(key, []))


def registry_rows(folder, table):
    """The rows of a table with `from` and `to` as days; None where there is no such file."""
    for name, opener in ((f"{table}.csv", open), (f"{table}.csv.gz", gzip.open)):
        path = os.path.join(folder, name)
        if os.path.exists(path):
            with opener(path, "rb") as file:
                data = file.read()
            break
    else:
        return None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("gb18030")
    rows = []
    reader = csv.reader(io.StringIO(text, newline=""))
    names = [name.strip().lower() for name in next(reader)]
    for fields in reader:
        row = {}
        for name, field in zip(names, fields):
            field = field.strip(BLANKS)
            if field not in ("", "NULL", "\\N"):
                row[name] = field
        if not row or row.get("vali_flag", "1") != "1":
            continue
        if any(column not in row for column in REGISTRY_KEYS.get(table, [])):
            note(f"{table}: a row without its key is left out")
            continue
        if table == "drug_sup_b" and scaled(row["sup_days"], 4) is None:
            note(f"{table}: a row whose sup_days is no number is left out")
            continue
        row["from"] = day_of(row.get("begndate", ""))
        row["to"] = day_of(row["enddate"]) if "enddate" in row else ALWAYS
        if table != "hilist_lmt_b" and ((row["from"] is None and "begndate" in row) or row["to"] is None):
            # A validity that can't be read is as wide as it may be; where one row is wanted, it spoils its key.
            note(f"{table}: a row with an unreadable day spoils its key" if table in ONE_ROW_KEYS
                 else f"{table}: a row with an unreadable day holds as long as it may")
            row["undated"] = True
            row["from"] = row["from"] or 1
            row["to"] = row["to"] or ALWAYS
        if row["from"] is None or row["to"] is None or row["to"] < row["from"]:
            note(f"{table}: a row without a usable validity is left out")
            continue
        rows.append(row)
    return rows


SHIPPED_CLASSES = {
    "inpatient": "21 2101 2102 2105 2106 22 23 24 25 26 27 28 52 9940",
    "outpatient": "11 12 14 1401 140101 140104 140201 1403 1404 15 16 51 81 9901 99331 99332 910202",
    "emergency": "13 1301",
    "pharmacy": "18 41 9929",
    "other": "61 71",
}
SHIPPED_CHRONIC = "14 1401 140101 140104 140201 1403 1404 15 9901 9929".split()
SHIPPED_REGISTERED = "14 1401 140101 140104 140201".split()


def shipped_med_types():
    for visit_class, codes in SHIPPED_CLASSES.items():
        for code in codes.split():
            yield {"med_type": code, "visit_class": visit_class, "from": 1, "to": ALWAYS,
                   "opsp_flag": "1" if code in SHIPPED_CHRONIC else "0",
                   "reg_flag": "1" if code in SHIPPED_REGISTERED else "0"}


class Registries:
    def __init__(self, folder):
        def table(name, *key):
            rows = registry_rows(folder, name)
            return Registry(name, rows, key) if rows else None

        self.hilist = table("hilist_b", "admdvs", "hilist_code")
        self.institutions = table("fixmedins_b", "fixmedins_code")
        self.limits = table("hilist_lmt_b", "med_list_codg")
        self.registrations = table("opsp_reg_d", "psn_no")
        self.supplies = table("drug_sup_b", "med_list_codg")
        self.disease_drugs = table("opsp_dise_drug_b", "admdvs", "opsp_dise_code")
        med_types = registry_rows(folder, "med_type_b")
        self.med_types = Registry("med_type_b", med_types or list(shipped_med_types()), ["med_type"])
        self.listed_types = defaultdict(list)
        if self.hilist:
            for rows in self.hilist.rows.values():
                for row in rows:
                    self.listed_types[upper(row["admdvs"]), upper(row.get("list_type"))].append(row)
        self.covered_regions, self.registered_diseases = set(), set()
        if self.registrations:
            for rows in self.registrations.rows.values():
                for row in rows:
                    self.covered_regions.add(upper(row.get("insu_admdvs")))
                    self.registered_diseases.add(upper(row.get("opsp_dise_code")))
        if registry_rows(folder, "med_hilist_b"):
            note("med_hilist_b is there and is not used")

    def med_type(self, code, day):
        """(visit_class, opsp_flag, reg_flag) of a code on a day; a code without a row is `other`."""
        rows = self.med_types.on(day, upper(code)) if code is not None and day is not None else []
        if not rows:
            return "other", False, False
        return rows[0]["visit_class"], rows[0].get("opsp_flag") == "1", rows[0].get("reg_flag") == "1"


def region_order(settlement):
    code = upper(settlement.get("fix_blng_admdvs"))
    if code is None:
        return ["000000"]
    return list(dict.fromkeys([code, code[:4] + "00", code[:2] + "0000", "000000"]))


# ---------------------------------------------------------------------------------------------------------------------
# Section 1: what counts. Section 2: amounts.
# ---------------------------------------------------------------------------------------------------------------------


class Claims:
    """Settlements, lines and stays that count, each with its amounts."""

    def __init__(self, tables, registries, excluded_setl_types=()):
        self.visits = {key[0]: row for key, row in tables["mdtrt_d"].items()}
        valid = {key[0]: row for key, row in tables["setl_d"].items()}
        named = {row["init_setl_id"] for row in valid.values() if "init_setl_id" in row}
        self.settlements = {}
        for setl_id, row in valid.items():
            visit = self.visits.get(row.get("mdtrt_id"), {})
            if (row.get("refd_setl_flag") == "1" or "init_setl_id" in row or setl_id in named
                    or row.get("setl_type") in excluded_setl_types or visit.get("inhosp_stas") == "1"):
                continue
            row = dict(row)
            row["id"] = setl_id
            row["day"] = self.day(row.get("begndate") or row.get("setl_time"))
            row["med"] = visit.get("med_type") or row.get("med_type")
            row["class"], row["opsp"], row["reg"] = registries.med_type(row["med"], row["day"])
            row["P"] = max(0, row.get("fund_pay_sumamt", 0))
            self.settlements[setl_id] = row
        self.lines = self.netted(tables["fee_list_d"])
        self.share()
        self.lines_of_settlement, self.lines_of_visit = defaultdict(list), defaultdict(list)
        for line in self.lines:
            self.lines_of_settlement[line["setl_id"]].append(line)
            self.lines_of_visit[line["mdtrt_id"]].append(line)
        self.diagnoses = defaultdict(list)
        for row in tables["setl_list_diag_d"].values():
            if (row.get("maindiag_flag") == "1" and row.get("diag_type", "1") == "1"
                    and "diag_code" in row and "mdtrt_id" in row):
                self.diagnoses[row["mdtrt_id"]].append(upper(row["diag_code"]))
        self.stays = self.stays_of(registries)

    @staticmethod
    def day(time):
        return None if time is None else day_of(time)

    def netted(self, rows):
        """Counting lines, net of reversals (1.3 to 1.6)."""
        lines = {key: dict(row) for key, row in rows.items() if row.get("setl_id") in self.settlements}
        gone, touched, unlinked = set(), set(), []
        for key in sorted(lines, key=lambda key: (key[0].encode(), key[1].encode())):
            line = lines[key]
            # As uploaded: what a reversal has turned negative is no reversal itself.
            if rows[key]["cnt"] >= 0:
                continue
            original = (line["mdtrt_id"], line.get("init_feedetl_sn"))
            if original in lines and rows[original]["cnt"] > 0:
                touched.add(original)
                gone.add(key)
                target = lines[original]
                target["cnt"] += line["cnt"]
                for column in LINE_AMOUNTS:
                    if column in target:
                        target[column] += line.get(column, 0)
            else:
                unlinked.append(key)
        groups = defaultdict(list)
        for key in unlinked:
            line = lines[key]
            if "med_list_codg" in line and "pric" in line:
                groups[line["mdtrt_id"], line["med_list_codg"], line["pric"], -line["cnt"]].append(line)
        partners = defaultdict(list)
        for key, line in lines.items():
            if line["cnt"] > 0 and key not in touched and "med_list_codg" in line and "pric" in line:
                partners[line["mdtrt_id"], line["med_list_codg"], line["pric"], line["cnt"]].append(line)
        for group, negatives in groups.items():
            latest = max(line["fee_ocur_time"] for line in negatives)
            fitting = [line for line in partners[group] if line["fee_ocur_time"] <= latest]
            fitting.sort(key=lambda line: (line["fee_ocur_time"], line["bkkp_sn"].encode()), reverse=True)
            for line in fitting[:len(negatives)]:
                gone.add((line["mdtrt_id"], line["bkkp_sn"]))
        counting = []
        for key, line in lines.items():
            if key in gone or line["cnt"] <= 0 or line["det_item_fee_sumamt"] < 0:
                continue
            line["id"] = f"{key[0]}:{key[1]}"
            line["day"] = day_of(line["fee_ocur_time"])
            if "inscp_amt" in line:
                line["A"] = max(0, line["inscp_amt"])
            else:
                own = sum(line.get(column, 0) for column in LINE_AMOUNTS[1:4])
                line["A"] = max(0, line["det_item_fee_sumamt"] - own)
            counting.append(line)
        return sorted(counting, key=lambda line: line["id"].encode())

    def share(self):
        """F of every line (section 2)."""
        groups = defaultdict(list)
        for line in self.lines:
            line["F"] = 0
            groups[line["setl_id"]].append(line)
        for setl_id, lines in groups.items():
            settlement = self.settlements[setl_id]
            paid, total = settlement["P"], sum(line["A"] for line in lines)
            base = max(total, settlement.get("inscp_amt", 0))
            if base == 0:
                continue
            if paid >= base:
                for line in lines:
                    line["F"] = line["A"]
                continue
            for line in lines:
                line["F"] = line["A"] * paid // base
            rest = total * paid // base - sum(line["F"] for line in lines)
            lines = sorted(lines, key=lambda line: (-(line["A"] * paid % base), line["fee_ocur_time"],
                                                    line["bkkp_sn"].encode(), line["mdtrt_id"].encode()))
            for line in lines[:rest]:
                line["F"] += 1

    def stays_of(self, registries):
        of_visit = defaultdict(list)
        for settlement in self.settlements.values():
            if "mdtrt_id" in settlement:
                of_visit[settlement["mdtrt_id"]].append(settlement)
        stays = []
        for mdtrt_id, visit in self.visits.items():
            if visit.get("inhosp_stas") == "1" or "begntime" not in visit or "endtime" not in visit:
                continue
            begin, end = day_of(visit["begntime"]), day_of(visit["endtime"])
            if end < begin or not of_visit[mdtrt_id]:
                continue
            if registries.med_type(visit.get("med_type"), begin)[0] != "inpatient":
                continue
            dx = upper(visit.get("dscg_maindiag_code")) \
                or min(self.diagnoses[mdtrt_id], key=str.encode, default=None)
            departments = [visit.get("adm_caty"), visit.get("dscg_caty")]
            stays.append(dict(visit, id=mdtrt_id, b=begin, e=end, dx=dx,
                              admission=(departments[0] or departments[1] or "")[:3],
                              discharge=(departments[1] or departments[0] or "")[:3],
                              setl_ids=[settlement["id"] for settlement in of_visit[mdtrt_id]],
                              A=sum(line["A"] for line in self.lines_of_visit[mdtrt_id]),
                              F=sum(settlement["P"] for settlement in of_visit[mdtrt_id])))
        return sorted(stays, key=lambda stay: stay["id"].encode())


# ---------------------------------------------------------------------------------------------------------------------
# Sections 3 and 4: the rules
# ---------------------------------------------------------------------------------------------------------------------


def finding_id(rule, key):
    return f"{rule}-{hashlib.sha256(f'{rule}{chr(10)}{key}'.encode()).hexdigest()[:16]}"


def listed(ids):
    return "|".join(sorted(set(ids), key=str.encode))


def runs(days, least):
    """(first, last) of each maximal run of at least so many consecutive days; days ascend."""
    first = last = None
    for day in list(days) + [None]:
        if first is not None and day == last + 1:
            last = day
            continue
        if first is not None and last - first + 1 >= least:
            yield first, last
        first = last = day


class Audit:
    def __init__(self, claims, registries, refused, fill_floor):
        self.claims, self.registries = claims, registries
        self.refused, self.fill_floor = refused, fill_floor
        self.findings, self.suppressed = [], []

    def run(self, rules=None):
        for rule in RULES:
            if rules is None or rule in rules:
                getattr(self, rule.replace("-", "").lower())()
        self.count()
        self.findings.sort(key=lambda finding: finding["finding_id"].encode())
        self.suppressed.sort(key=lambda row: tuple(row[column].encode() for column in SUPPRESSED_COLUMNS))

    def add(self, rule, key, **values):
        """`lines`: the lines whose F it claims; `settlements`: those of which it claims all that the fund paid."""
        self.findings.append(dict(values, rule=rule, key=key, finding_id=finding_id(rule, key)))

    def count(self):
        """counted_fen: no decision has been taken, so all of a subject is one case."""
        cases = defaultdict(list)
        for finding in self.findings:
            finding["counted_fen"] = 0
            if (finding["rule"], finding["verdict"]) in PRECEDENCE:
                cases[finding["subject_type"], finding["subject"]].append(finding)
        for (subject_type, subject), findings in cases.items():
            column = "psn_no" if subject_type == "person" else "fixmedins_code"
            spent = defaultdict(int)
            findings.sort(key=lambda finding: (PRECEDENCE.index((finding["rule"], finding["verdict"])),
                                               finding["key"].encode()))
            for finding in findings:
                wanted = finding["fund_fen"]
                for name, settlement, fen in sorted(self.units(finding), key=lambda unit: unit[0].encode()):
                    if settlement.get(column, "") == subject:
                        given = min(wanted, fen - spent[name])
                        spent[name] += given
                        wanted -= given
                        finding["counted_fen"] += given

    def units(self, finding):
        """(unit, settlement with which it was paid, fen). A line id holds a colon, so the names never meet."""
        for line in finding.get("lines", []):
            yield line["id"], self.claims.settlements[line["setl_id"]], line["F"]
        for setl_id in finding.get("settlements", []):
            settlement, lines = self.claims.settlements[setl_id], self.claims.lines_of_settlement[setl_id]
            for line in lines:
                yield line["id"], settlement, line["F"]
            yield "rest " + setl_id, settlement, settlement["P"] - sum(line["F"] for line in lines)

    def suppress(self, rule, key, exemptions):
        for exemption in exemptions:
            self.suppressed.append({"finding_id": finding_id(rule, key), "rule": rule, "exemption": exemption})

    def lost(self, rule, table):
        """Whether missing rows of a table would create hits and a file of it was refused."""
        if table in self.refused:
            note(f"{rule}: not runnable, a file of {table} was refused")
        return table in self.refused

    def runnable(self, rule, tables, scope=(), column=None):
        if any(table is None for table in tables):
            note(f"{rule}: not runnable, a registry is missing or empty")
            return False
        filled = sum(1 for row in scope if row.get(column) is not None)
        if column and filled * 100 < len(scope) * self.fill_floor:
            note(f"{rule}: not runnable, {column} is filled in {filled} of {len(scope)} rows")
            return False
        return True

    def line_finding(self, rule, key, line, verdict, measure, threshold, severity="high"):
        self.add(rule, key, lines=[line], verdict=verdict, severity=severity, subject_type="institution",
                 subject=line.get("fixmedins_code", ""), psn_no=line.get("psn_no", ""),
                 fixmedins_code=line.get("fixmedins_code", ""), setl_ids=line["setl_id"], line_ids=line["id"],
                 from_date=day_text(line["day"]), to_date=day_text(line["day"]), measure=measure,
                 threshold=threshold, amount_fen=line["A"], fund_fen=line["F"])

    def cat01(self):
        scope = [line for line in self.claims.lines if line.get("inscp_amt", 0) > 0]
        hilist = self.registries.hilist
        if not self.runnable("CAT-01", [hilist], scope, "list_type"):
            return
        for line in scope:
            regions = region_order(self.claims.settlements[line["setl_id"]])
            day, row, spoilt = line["day"], None, False
            codes = [upper(line[column]) for column in ("hilist_code", "med_list_codg") if column in line]
            for code in codes:
                if any(hilist.is_spoilt(day, region, code) for region in regions):
                    spoilt = True
                    break
                row = next((rows[0] for region in regions if (rows := hilist.on(day, region, code))), None)
                if row:
                    break
            if spoilt or not codes:
                continue
            if row:
                if row.get("chrgitm_lv") == "03":
                    self.line_finding("CAT-01", line["id"], line, CERTAIN, line["A"], 0)
                continue
            list_type = upper(line.get("list_type"))
            if list_type is not None and any(other["from"] <= day <= other["to"] for region in regions
                                             for other in self.registries.listed_types[region, list_type]):
                self.line_finding("CAT-01", line["id"], line, SUSPECT, line["A"], 0)

    RANKS = {code: rank for rank, codes in {3: "01 02 03 04 12", 2: "05 06 07 13", 1: "08 09 10 14", 0: "11"}.items()
             for code in codes.split()}

    def level(self, line, settlement):
        """hosp_lv on the day of the line; None where it is not known or the registry contradicts itself."""
        institution, table = upper(line.get("fixmedins_code")), self.registries.institutions
        if table and table.is_spoilt(line["day"], institution):
            return None
        rows = table.on(line["day"], institution) if table else []
        return (rows[0].get("hosp_lv") if rows else None) or settlement.get("hosp_lv")

    def cat03(self):
        scope = [line for line in self.claims.lines if line["A"] > 0]
        limits = self.registries.limits
        if not self.runnable("CAT-03", [limits], scope, "med_list_codg"):
            return
        for line in scope:
            settlement = self.claims.settlements[line["setl_id"]]
            by_type = defaultdict(list)
            for row in limits.on(line["day"], upper(line.get("med_list_codg"))):
                by_type[row["lmt_type"]].append(row)
            for lmt_type, rows in by_type.items():
                values = {row["lmt_val"] for row in rows}
                verdict = CERTAIN if all(row.get("sure_flag") == "1" for row in rows) else SUSPECT
                measure, threshold, hit = 1, 0, False
                if lmt_type == "hosp_lv":
                    level = self.level(line, settlement)
                    measure, threshold = self.RANKS.get(level), max(int(value) for value in values)
                    hit = (measure is not None and measure < threshold and settlement["class"] != "emergency"
                           and not line.get("fixmedins_code", "").startswith("P"))
                    if level == "11":
                        verdict = SUSPECT
                elif lmt_type == "visit":
                    hit = settlement["class"] in ("inpatient", "outpatient", "pharmacy") \
                        and settlement["class"] not in values
                elif lmt_type == "insutype" and "insutype" in settlement:
                    if "work_injury" in values:
                        hit = settlement["insutype"] != "410"
                    elif "maternity" in values:
                        hit = settlement["insutype"] != "510" and not (settlement["med"] or "").startswith("5")
                if hit:
                    self.line_finding("CAT-03", f"{line['id']}|{lmt_type}", line, verdict, measure, threshold)

    def adm01(self):
        by_person = defaultdict(list)
        for stay in self.claims.stays:
            if "psn_no" in stay:
                by_person[stay["psn_no"]].append(stay)
        for stays in by_person.values():
            for i, two in enumerate(stays):
                for one in stays[:i]:
                    self.overlap(one, two)

    def overlap(self, one, two):
        first, last = max(one["b"], two["b"]), min(one["e"], two["e"])
        nights = last - first
        if nights < 1:
            return
        key = listed([one["id"], two["id"]])
        either = lambda column, *values: any(stay.get(column) in values for stay in (one, two))
        same = lambda column: column in one and one[column] == two.get(column)
        exemptions = []
        if nights == 1 and (either("dscg_way", "2", "3") or one.get("refl_old_mdtrt_id") == two["id"]
                            or two.get("refl_old_mdtrt_id") == one["id"] or either("med_type", "23")):
            exemptions.append("EX-01")
        if same("fixmedins_code") and same("medrcdno"):
            exemptions.append("EX-04")
        if either("nwb_flag", "1") or either("med_type", "52"):
            exemptions.append("EX-07")
        if exemptions:
            self.suppress("ADM-01", key, exemptions)
            return
        if one["F"] != two["F"]:
            at_issue = min(one, two, key=lambda stay: stay["F"])
        else:
            # Fewer nights, then the later begin, then the greater id: the greatest of these triples.
            at_issue = max(one, two, key=lambda stay: (stay["b"] - stay["e"], stay["b"], stay["id"].encode()))
        differ = "fixmedins_code" in one and "fixmedins_code" in two and not same("fixmedins_code")
        self.add("ADM-01", key, settlements=at_issue["setl_ids"], verdict=SUSPECT,
                 severity="high" if nights >= 2 and differ else "medium",
                 subject_type="institution", subject=at_issue.get("fixmedins_code", ""), psn_no=one["psn_no"],
                 fixmedins_code=at_issue.get("fixmedins_code", ""), setl_ids=listed(one["setl_ids"] + two["setl_ids"]),
                 line_ids="", from_date=day_text(first), to_date=day_text(last), measure=nights, threshold=1,
                 amount_fen=at_issue["A"], fund_fen=at_issue["F"])

    def adm02(self):
        if self.lost("ADM-02", "fee_list_d"):
            return
        by_person = defaultdict(list)
        for settlement in self.claims.settlements.values():
            if settlement["class"] in ("outpatient", "pharmacy", "emergency"):
                by_person[settlement.get("psn_no")].append(settlement)
        for stay in self.claims.stays:
            if "psn_no" not in stay or "fixmedins_code" not in stay:
                continue
            sent_to = {line.get("etip_hosp_code") for line in self.claims.lines_of_visit[stay["id"]]
                       if line.get("etip_flag") == "1"}
            for settlement in by_person[stay["psn_no"]]:
                place = settlement.get("fixmedins_code")
                if place is None or place == stay["fixmedins_code"] or place in sent_to:
                    continue
                hits = [line for line in self.claims.lines_of_settlement[settlement["id"]]
                        if line["A"] > 0 and stay["b"] < line["day"] < stay["e"]
                        and line.get("etip_flag") != "1" and line.get("rx_circ_flag") != "1"]
                if hits:
                    self.elsewhere(stay, settlement, hits)

    def elsewhere(self, stay, settlement, hits):
        key = f"{stay['id']}|{settlement['id']}"
        exemptions = []
        if settlement["class"] == "emergency":
            exemptions.append("EX-02")
        if settlement["med"] in ("99331", "99332"):
            exemptions.append("EX-03")
        if settlement["med"] == "910202":
            exemptions.append("EX-12")
        if exemptions:
            self.suppress("ADM-02", key, exemptions)
            return
        only_drugs = all(re.fullmatch(r"1..", line.get("list_type", "")) for line in hits)
        clue = settlement["class"] == "pharmacy" or (settlement["opsp"] and only_drugs)
        self.add("ADM-02", key, lines=hits, verdict=CLUE if clue else SUSPECT, severity="medium", subject_type="person",
                 subject=stay["psn_no"], psn_no=stay["psn_no"], fixmedins_code=stay["fixmedins_code"],
                 setl_ids=listed(stay["setl_ids"] + [settlement["id"]]), line_ids=listed(line["id"] for line in hits),
                 from_date=day_text(min(line["day"] for line in hits)),
                 to_date=day_text(max(line["day"] for line in hits)), measure=len(hits), threshold=1,
                 amount_fen=sum(line["A"] for line in hits), fund_fen=sum(line["F"] for line in hits))

    def adm05(self):
        by_place = defaultdict(list)
        for stay in self.claims.stays:
            if "psn_no" in stay and "fixmedins_code" in stay:
                by_place[stay["psn_no"], stay["fixmedins_code"]].append(stay)
        scope = [stay for stays in by_place.values() for stay in stays]
        if self.lost("ADM-05", "mdtrt_d") or not self.runnable("ADM-05", [], scope, "dx"):
            return
        for stays in by_place.values():
            stays.sort(key=lambda stay: (stay["b"], stay["e"], stay["id"].encode()))
            for one, two in zip(stays, stays[1:]):
                self.readmission(one, two)

    def readmission(self, one, two):
        gap = two["b"] - one["e"]
        if not 0 <= gap <= 15 or one["dx"] is None or two["dx"] is None or one["dx"][:3] != two["dx"][:3]:
            return
        known = one["discharge"] != "" and two["admission"] != ""
        if known and one["discharge"] != two["admission"]:
            return
        key = f"{one['id']}|{two['id']}"
        either = lambda column, *values: any(stay.get(column) in values for stay in (one, two))
        exemptions = []
        if one.get("dscg_way") in ("2", "3") or "refl_old_mdtrt_id" in two or two.get("med_type") == "23":
            exemptions.append("EX-01")
        if two.get("med_type") == "24":
            exemptions.append("EX-02")
        if any(stay["dx"].startswith(("Z51.0", "Z51.1", "Z49", "N18")) for stay in (one, two)):
            exemptions.append("EX-03")
        if either("ars_year_ipt_flag", "1") or (gap == 0 and "medrcdno" in one
                                                and one["medrcdno"] == two.get("medrcdno")):
            exemptions.append("EX-04")
        if either("med_type", "26", "28"):
            exemptions.append("EX-06")
        if either("med_type", "52") or either("nwb_flag", "1") or one["dx"].startswith(("O", "P")):
            exemptions.append("EX-07")
        if exemptions:
            self.suppress("ADM-05", key, exemptions)
            return
        suspect = gap <= 7 and known and one.get("dscg_way") != "4"
        self.add("ADM-05", key, settlements=two["setl_ids"], verdict=SUSPECT if suspect else CLUE,
                 severity="high" if gap <= 7 else "medium", subject_type="institution",
                 subject=two["fixmedins_code"], psn_no=two["psn_no"], fixmedins_code=two["fixmedins_code"],
                 setl_ids=listed(one["setl_ids"] + two["setl_ids"]), line_ids="", from_date=day_text(one["e"]),
                 to_date=day_text(two["b"]), measure=gap, threshold=7 if gap <= 7 else 15, amount_fen=two["A"],
                 fund_fen=two["F"])

    NOT_ACTIVE = ("01", "02", "07")
    LONG_STAY_KINDS = ("psychiatric", "rehabilitation", "nursing", "hospice")

    def adm06(self):
        lines_of_visit = self.claims.lines_of_visit
        scope = [stay for stay in self.claims.stays
                 if stay["e"] - stay["b"] >= 4 and stay["med_type"] not in ("26", "28")]
        lines = [line for stay in scope for line in lines_of_visit[stay["id"]]]
        if self.lost("ADM-06", "fee_list_d") or not self.runnable("ADM-06", [], lines, "med_chrgitm_type"):
            return
        # Per institution: stays with an inner day, inner days, posted days.
        posting = defaultdict(lambda: [0, 0, 0])
        for stay in self.claims.stays:
            inner = range(stay["b"] + 1, stay["e"])
            if inner:
                days = {line["day"] for line in lines_of_visit[stay["id"]]}
                counts = posting[stay.get("fixmedins_code")]
                counts[0] += 1
                counts[1] += len(inner)
                counts[2] += sum(1 for day in inner if day in days)
        for stay in scope:
            stays, inner, posted = posting[stay.get("fixmedins_code")]
            if "fixmedins_code" not in stay or stays < 10 or posted * 100 < inner * 80:
                continue
            totals = [self.claims.settlements[setl_id].get("medfee_sumamt") for setl_id in stay["setl_ids"]]
            posted_fen = sum(line["det_item_fee_sumamt"] for line in lines_of_visit[stay["id"]])
            if all(total is None for total in totals) or abs(posted_fen - sum(total or 0 for total in totals)) > 100:
                continue
            institutions, code = self.registries.institutions, upper(stay["fixmedins_code"])
            if institutions and institutions.is_spoilt(stay["b"], code):
                continue
            rows = institutions.on(stay["b"], code) if institutions else []
            exempt = bool(rows) and (rows[0].get("medins_kind") or "").lower() in self.LONG_STAY_KINDS
            active = {line["day"] for line in lines_of_visit[stay["id"]]
                      if line.get("med_chrgitm_type") not in self.NOT_ACTIVE}
            idle = [day for day in range(stay["b"] + 1, stay["e"]) if day not in active]
            for first, last in runs(idle, 3):
                self.idle_run(stay, first, last, exempt)

    def idle_run(self, stay, first, last, exempt):
        key = f"{stay['id']}|{day_text(first)}"
        if exempt:
            self.suppress("ADM-06", key, ["EX-08"])
            return
        lines = [line for line in self.claims.lines_of_visit[stay["id"]] if first <= line["day"] <= last]
        self.add("ADM-06", key, lines=lines, verdict=SUSPECT, severity="medium", subject_type="institution",
                 subject=stay["fixmedins_code"], psn_no=stay.get("psn_no", ""), fixmedins_code=stay["fixmedins_code"],
                 setl_ids=listed(stay["setl_ids"]), line_ids=listed(line["id"] for line in lines),
                 from_date=day_text(first), to_date=day_text(last), measure=last - first + 1, threshold=3,
                 amount_fen=sum(line["A"] for line in lines), fund_fen=sum(line["F"] for line in lines))

    def adm09(self):
        institutions = self.registries.institutions
        if not self.runnable("ADM-09", [institutions]):
            return
        present = defaultdict(lambda: defaultdict(set))
        for stay in self.claims.stays:
            if ("fixmedins_code" not in stay or "psn_no" not in stay or stay["med_type"] == "28"
                    or stay.get("nwb_flag") == "1"):
                continue
            for day in range(stay["b"], max(stay["e"], stay["b"] + 1)):
                present[stay["fixmedins_code"]][day].add(stay["psn_no"])
        for code, days in present.items():
            beds = {}
            for day in days:
                rows = institutions.on(day, upper(code))
                beds[day] = scaled(rows[0]["aprv_bed_cnt"], 0) if rows and "aprv_bed_cnt" in rows[0] else None
            over = sorted(day for day in days if beds[day] and len(days[day]) * 100 > beds[day] * 120)
            for first, last in runs(over, 3):
                census = max(len(days[day]) for day in range(first, last + 1))
                fullest = min(day for day in range(first, last + 1) if len(days[day]) == census)
                self.add("ADM-09", f"{code}|{day_text(first)}", verdict=SUSPECT, severity="high",
                         subject_type="institution", subject=code, psn_no="", fixmedins_code=code, setl_ids="",
                         line_ids="", from_date=day_text(first), to_date=day_text(last), measure=census,
                         threshold=beds[fullest] * 120 // 100, amount_fen=0, fund_fen=0)

    def chr01(self):
        supplies = self.registries.supplies
        if not self.runnable("CHR-01", [supplies]):
            return
        bought = defaultdict(lambda: defaultdict(list))
        for line in self.claims.lines:
            if (not self.claims.settlements[line["setl_id"]]["opsp"] or line.get("list_type") != "101"
                    or line["A"] <= 0 or line.get("rx_circ_flag") == "1" or "psn_no" not in line):
                continue
            rows = supplies.on(line["day"], upper(line.get("med_list_codg")))
            if rows:
                lasts = scaled(rows[0]["sup_days"], 4)
                bought[line["psn_no"], upper(rows[0]["sup_key"])][line["day"]].append((line, lasts))
        for (person, sup_key), days in bought.items():
            stock, before = 0, None
            for day, entries in sorted(days.items()):
                # Ten-thousandths of a unit times ten-thousandths of a day.
                supply = sum(line["cnt"] * lasts for line, lasts in entries) // 10 ** 8
                if supply <= 0:
                    continue
                stock = max(0, stock - (day - before)) + supply if before is not None else supply
                before = day
                if stock > 90:
                    self.overstocked(person, sup_key, day, [line for line, _ in entries], stock, supply)

    def overstocked(self, person, sup_key, day, lines, stock, supply):
        part = min(supply, stock - 90)
        places = {line.get("fixmedins_code", "") for line in lines}
        self.add("CHR-01", f"{person}|{sup_key}|{day_text(day)}", lines=lines,
                 verdict=SUSPECT if stock > 180 else CLUE, severity="high" if stock > 180 else "medium",
                 subject_type="person", subject=person, psn_no=person,
                 fixmedins_code=places.pop() if len(places) == 1 else "",
                 setl_ids=listed(line["setl_id"] for line in lines), line_ids=listed(line["id"] for line in lines),
                 from_date=day_text(day), to_date=day_text(day), measure=stock, threshold=90,
                 amount_fen=sum(line["A"] for line in lines) * part // supply,
                 fund_fen=sum(line["F"] for line in lines) * part // supply)

    def drugs_of(self, disease, regions, day):
        """The drug codes of a disease on a day, all levels joined; a code below 10 characters says nothing."""
        return [upper(row["drug_code"]) for region in regions
                for row in self.registries.disease_drugs.on(day, region, disease)
                if len(upper(row["drug_code"])) >= 10]

    def chr03(self):
        registrations = self.registries.registrations
        scope = [line for line in self.claims.lines
                 if self.claims.settlements[line["setl_id"]]["reg"] and line["A"] > 0
                 and re.fullmatch(r"1..", line.get("list_type", ""))]
        if not self.runnable("CHR-03", [self.registries.disease_drugs, registrations], scope, "med_list_codg"):
            return
        for line in scope:
            settlement, day = self.claims.settlements[line["setl_id"]], line["day"]
            disease = upper(line.get("dise_codg") or settlement.get("dise_no"))
            if ("med_list_codg" not in line or "psn_no" not in line or disease is None
                    or "insu_admdvs" not in settlement
                    or upper(settlement["insu_admdvs"]) not in self.registries.covered_regions):
                continue
            regions, drug = region_order(settlement), upper(line["med_list_codg"])
            drugs = self.drugs_of(disease, regions, day)
            if not drugs:
                continue
            for row in registrations.rows.get((upper(line["psn_no"]),), []):
                if row["from"] <= day <= row["to"]:
                    drugs += self.drugs_of(upper(row["opsp_dise_code"]), regions, day)
            if not drug.startswith(tuple(drugs)):
                self.line_finding("CHR-03", line["id"], line, SUSPECT, 0, 1, "medium")

    def chr04(self):
        registrations = self.registries.registrations
        if not self.runnable("CHR-04", [registrations]):
            return
        for settlement in self.claims.settlements.values():
            if not settlement["reg"] or "psn_no" not in settlement or "insu_admdvs" not in settlement:
                continue
            if upper(settlement["insu_admdvs"]) not in self.registries.covered_regions:
                continue
            disease, day = upper(settlement.get("dise_no")), settlement["day"]
            if disease is not None and disease not in self.registries.registered_diseases:
                continue
            own = [row for row in registrations.rows.get((upper(settlement["psn_no"]),), [])
                   if disease is None or upper(row.get("opsp_dise_code")) == disease]
            if any(row["from"] <= day <= row["to"] for row in own):
                continue
            near = any(row["from"] <= day + 30 and day - 30 <= row["to"] for row in own)
            lines = self.claims.lines_of_settlement[settlement["id"]]
            self.add("CHR-04", settlement["id"], settlements=[settlement["id"]],
                     verdict=CLUE if near else SUSPECT, severity="high",
                     subject_type="institution", subject=settlement.get("fixmedins_code", ""),
                     psn_no=settlement["psn_no"], fixmedins_code=settlement.get("fixmedins_code", ""),
                     setl_ids=settlement["id"], line_ids=listed(line["id"] for line in lines if line["A"] > 0),
                     from_date=day_text(day), to_date=day_text(day), measure=0, threshold=1,
                     amount_fen=sum(line["A"] for line in lines), fund_fen=settlement["P"])


def audit_folder(root, upto=None, fill_floor=95, rules=None):
    """(findings, suppressed) of an input folder as rows of texts and numbers; all rules, or those named."""
    registries = Registries(os.path.join(root, "registries"))
    tables, refused = load_claims(root, upto)
    audit = Audit(Claims(tables, registries), registries, refused, fill_floor)
    audit.run(rules)
    columns = ["rule", "key"] + FINDING_COLUMNS
    return [{column: row[column] for column in columns} for row in audit.findings], audit.suppressed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", help="holds batches/ and registries/")
    parser.add_argument("--upto", metavar="BATCH", help="leave later batches out")
    parser.add_argument("--suppressed", action="store_true", help="write what exemptions silenced instead")
    parser.add_argument("--fill-floor", type=int, default=95, metavar="PERCENT")
    parser.add_argument("--out", metavar="FILE", help="write there instead of to standard output")
    options = parser.parse_args()
    findings, suppressed = audit_folder(options.folder, options.upto, options.fill_floor)
    out = open(options.out, "w", encoding="utf-8", newline="") if options.out else sys.stdout
    columns = SUPPRESSED_COLUMNS if options.suppressed else FINDING_COLUMNS
    writer = csv.DictWriter(out, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(suppressed if options.suppressed else findings)
    if options.out:
        out.close()


if __name__ == "__main__":
    main()
