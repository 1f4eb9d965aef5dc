#!/usr/bin/env python3
"""Small claims made to collide, audited by `yijian` and by reference.py; every difference is shrunk and printed.

    chaos.py --yijian PATH [--seeds 1-300] [--keep DIR] [--no-verify] [--no-shrink]

Each seed yields a few persons, institutions and codes within three weeks, so that nearly every sentence of the
definitions is met by some row: re-uploads with equal or missing times, refunds, linked and paired reversals, nulls in
every column that may be null, overlapping and empty validities, missing registries. The findings after the last batch
and what exemptions silenced must agree in every column, and every packet of every batch must verify. Runs from the
root of a checkout (its Pipelines are used). Exit code 1 if a seed differs. All persons are invented.
"""

import argparse
import csv
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import date, timedelta

import compare
import reference

START = date(2025, 3, 3)
CLAIMS = {
    "setl_d": ["setl_id", "mdtrt_id", "init_setl_id", "refd_setl_flag", "vali_flag", "psn_no", "insutype",
               "insu_admdvs", "fix_blng_admdvs", "fixmedins_code", "hosp_lv", "begndate", "setl_time", "med_type",
               "setl_type", "medfee_sumamt", "inscp_amt", "fund_pay_sumamt", "dise_no", "updt_time"],
    "mdtrt_d": ["mdtrt_id", "psn_no", "fixmedins_code", "begntime", "endtime", "med_type", "inhosp_stas",
                "vali_flag", "dscg_way", "refl_old_mdtrt_id", "medrcdno", "nwb_flag", "adm_caty",
                "dscg_caty", "dscg_maindiag_code", "ars_year_ipt_flag", "updt_time"],
    "fee_list_d": ["mdtrt_id", "bkkp_sn", "setl_id", "init_feedetl_sn", "psn_no", "fixmedins_code", "fee_ocur_time",
                   "cnt", "pric", "det_item_fee_sumamt", "fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt",
                   "inscp_amt", "list_type", "hilist_code", "med_list_codg", "etip_flag", "etip_hosp_code",
                   "rx_circ_flag", "dise_codg", "med_chrgitm_type", "vali_flag", "updt_time"],
    "setl_list_diag_d": ["setl_list_diag_id", "mdtrt_id", "psn_no", "diag_type", "maindiag_flag", "diag_code",
                         "vali_flag", "updt_time"],
}
REGISTRIES = {
    "fixmedins_b": ["fixmedins_code", "fixmedins_name", "fixmedins_type", "hosp_lv", "medins_kind", "aprv_bed_cnt",
                    "admdvs", "begndate", "enddate", "vali_flag"],
    "hilist_b": ["admdvs", "hilist_code", "hilist_name", "list_type", "chrgitm_lv", "begndate", "enddate",
                 "vali_flag"],
    "hilist_lmt_b": ["kp_id", "med_list_codg", "lmt_type", "lmt_val", "sure_flag", "lmt_text", "begndate", "enddate",
                     "vali_flag"],
    "drug_sup_b": ["med_list_codg", "sup_key", "sup_days", "basis", "begndate", "enddate", "vali_flag"],
    "opsp_dise_drug_b": ["admdvs", "opsp_dise_code", "drug_code", "basis", "begndate", "enddate", "vali_flag"],
    "opsp_reg_d": ["psn_no", "insu_admdvs", "opsp_dise_code", "begndate", "enddate", "vali_flag"],
    "med_type_b": ["med_type", "visit_class", "opsp_flag", "reg_flag", "begndate", "enddate", "basis"],
}
LEVELS = ["01", "03", "05", "07", "08", "11", "12", "13", "14", "99", ""]
REGIONS = ["990101", "990101", "990102", "990201", ""]
MED_TYPES = ["21", "21", "21", "21", "21", "21", "2101", "23", "52", "11", "11", "14", "14", "140104", "140104",
             "140201", "1403", "9901", "99331", "910202", "13", "1301", "41", "41", "9929", "61", "7777", ""]
CODES = ["XA01AAAAA1", "XA01AAAAA12", "XB02", "XC03CCCCC3", "ZD04"]
LOCAL_CODES = ["L1", "L2", "XA01AAAAA1"]
DISEASES = ["M03900", "M01600", "M09999"]


class Input:
    """Rows of texts: each is (folder, file, table, row); a file takes its columns from `columns`."""

    def __init__(self):
        self.rows, self.columns, self.headers, self.excluded = [], {}, {}, []

    def write(self, root):
        files = {}
        for folder, name, table, row in self.rows:
            files.setdefault((folder, name), []).append(row)
        for (folder, name), columns in self.columns.items():
            rows = files.get((folder, name), [])
            if folder == "registries" and not rows and (folder, name) not in self.headers:
                continue
            path = os.path.join(root, folder, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8", newline="") as file:
                writer = csv.writer(file, lineterminator="\n")
                writer.writerow(self.headers.get((folder, name), {}).get(column, column) for column in columns)
                writer.writerows([row.get(column, "") for column in columns] for row in rows)
        os.makedirs(os.path.join(root, "registries"), exist_ok=True)

    def without(self, dropped):
        other = Input()
        other.columns, other.headers, other.excluded = self.columns, self.headers, self.excluded
        other.rows = [row for at, row in enumerate(self.rows) if at not in dropped]
        return other


class Generator:
    def __init__(self, seed):
        self.random = random.Random(f"chaos {seed}")
        # Half of the seeds are calm: where everything is odd, little is left to be found.
        self.scale = self.random.choice([0.3, 1])
        self.input = Input()

    def chance(self, percent):
        return self.random.random() * 100 < percent * (self.scale if percent <= 20 else 1)

    def pick(self, *values):
        return self.random.choice(values)

    def one_of(self, values):
        return self.random.choice(values)

    def maybe(self, value, percent=10):
        return "" if self.chance(percent) else value

    def cased(self, code):
        return code.lower() if self.chance(12) else code

    def day(self, first=0, last=20):
        return (START + timedelta(days=self.random.randint(first, last))).isoformat()

    def time(self, day):
        return day + self.pick("", "", " 00:00:00", " 08:30", "T08:30:00", " 08:30:00.0", " 08:30:00", " 08:30:00.5",
                               " 23:59:59")

    def updated(self):
        return self.pick("", "2025-03-25", "2025-03-25 00:00:00", "2025-03-25T00:00:00", "2025-03-25 00:00:00.0",
                         "2025-03-25 00:00:01", "2025-03-24 23:59:59", "garbage" if self.chance(10) else "2025-03-26")

    def valid(self):
        return self.pick("0", "", "2") if self.chance(5) else "1"

    def amount(self):
        if self.chance(10):
            return self.pick("0", "0.00", "-1.5", "-0.01", "0.005" if self.chance(5) else "0.01")
        if self.huge and self.chance(50):
            return self.pick("99999999.99", "333333333.33", "123456789.01", "12345678901.23")
        return self.pick("0.01", "0.03", "1", "3.33", "3.33", "10", "10.00", "7.77", "100.50")

    def make(self):
        self.persons = self.random.sample(["9901", "9902", "9903", "99aB", "9905"], self.pick(2, 3, 4))
        self.places = ["H01", "P01", "H02", "H03", "H04"][:self.pick(2, 3, 5)]
        if self.chance(20):
            self.places.append(self.pick("h01", "p01"))
        # Products beyond 64 bits, and sums on both sides of 10^12 fen.
        self.huge = self.chance(5)
        if self.chance(25):
            self.input.excluded = self.pick(["3"], ["2", "3"])
        # A quarter of the seeds is one ward: stays at one place whose bed is billed day by day.
        self.ward = self.random.random() < 0.25
        rows = {"mdtrt_d": self.visits(), "setl_d": None, "fee_list_d": None, "setl_list_diag_d": None}
        rows["setl_d"] = self.settlements()
        rows["fee_list_d"] = self.lines()
        if self.ward:
            rows["fee_list_d"] += self.ward_lines(rows["fee_list_d"])
        rows["setl_list_diag_d"] = self.diagnoses()
        self.upload(rows)
        self.registries()
        return self.input

    def visits(self):
        self.visit_rows = []
        number = self.random.randint(14, 25)
        ids = [f"V{at}" for at in range(1, number + 1)]
        for name in ids:
            begin = self.random.randint(0, 16)
            nights = self.pick(0, 1, 1, 2, 3, 4, 6, 9, 12, -1 if self.chance(20) else 5)
            if self.ward:
                nights = self.pick(2, 3, 4, 4, 5, 7)
            begin_day = (START + timedelta(days=begin)).isoformat()
            end_day = (START + timedelta(days=begin + nights)).isoformat()
            self.visit_rows.append({
                "mdtrt_id": name, "psn_no": self.maybe(self.one_of(self.persons), 4),
                "fixmedins_code": self.maybe(self.places[0] if self.ward else self.one_of(self.places), 3),
                "begntime": self.maybe(self.time(begin_day), 3), "endtime": self.maybe(self.time(end_day), 3),
                "med_type": self.pick("21", self.one_of(MED_TYPES)), "inhosp_stas": self.pick("0", "0", "0", "", "1"
                                                                             if self.chance(40) else "0"),
                "vali_flag": self.valid(), "dscg_way": self.pick("1", "1", "2", "3", "", "4", "9"),
                "refl_old_mdtrt_id": self.one_of(ids) if self.chance(25) else "",
                "medrcdno": self.pick("R1", "R2", "R3", ""), "nwb_flag": self.pick("0", "", "", "1"
                                                                                 if self.chance(30) else "0"),
                "adm_caty": self.pick("A03", "A03.1", "A04", ""), "dscg_caty": self.pick("A03", "A03.2", "", ""),
                "dscg_maindiag_code": self.pick("I10.1", "i10.2", "I10", "I10.1", "Z51.1", "N18.1", "O80", ""),
                "ars_year_ipt_flag": self.pick("0", "", "1" if self.chance(10) else ""),
                "updt_time": self.updated()})
        return self.visit_rows

    def settlements(self):
        self.settlement_rows = []
        number = self.random.randint(22, 32)
        for at in range(1, number + 1):
            visit = self.visit_rows[at - 1] if at <= len(self.visit_rows) else self.one_of(self.visit_rows)
            day = visit["begntime"][:10] or self.day()
            fund = self.pick("0", "5", "9.99", "100", "13.34", "0.01", "200", "-3", "")
            if self.huge and self.chance(50):
                fund = "777777777.77"
            row = {
                "setl_id": f"S{at}",
                "mdtrt_id": self.pick("", "V99") if self.chance(8) else visit["mdtrt_id"],
                "init_setl_id": "", "refd_setl_flag": self.pick("0", "", "0"), "vali_flag": self.valid(),
                "psn_no": self.maybe(self.one_of(self.persons), 20) if self.chance(8) else visit["psn_no"],
                "insutype": self.pick("310", "390", "410", "510", ""),
                "insu_admdvs": self.pick("990101", "990101", "990101", "990102", "990102", "990201", ""),
                "fix_blng_admdvs": self.one_of(REGIONS),
                "fixmedins_code": self.maybe(self.one_of(self.places), 20) if self.chance(8)
                else visit["fixmedins_code"],
                "hosp_lv": self.one_of(LEVELS), "begndate": self.maybe(self.time(day), 10),
                "setl_time": self.maybe(self.time(self.day(5, 22)), 8),
                "med_type": self.one_of(MED_TYPES) if self.chance(30) else visit["med_type"],
                "setl_type": self.pick("1", "2", "3", ""),
                "medfee_sumamt": self.pick("0", "10", "100.5", ""),
                "inscp_amt": self.pick("", "10", "100", "0", "15.5", "-4"),
                "fund_pay_sumamt": fund,
                "dise_no": self.maybe(self.cased(self.pick(*DISEASES, "M03900", "M01600")), 25),
                "updt_time": self.updated()}
            if self.chance(6):
                row["refd_setl_flag"] = "1"
            if self.chance(8):
                row["init_setl_id"] = self.pick("S999", f"S{self.random.randint(1, number)}")
            self.settlement_rows.append(row)
        return self.settlement_rows

    def lines(self):
        rows = []
        number = self.random.randint(60, 130)
        visits = {row["mdtrt_id"]: row for row in self.visit_rows}
        while len(rows) < number:
            settlement = self.one_of(self.settlement_rows)
            visit = visits.get(settlement["mdtrt_id"], {})
            day = (visit.get("begntime") or settlement["begndate"])[:10]
            if day and not self.chance(30):
                day = (date.fromisoformat(day) + timedelta(days=self.pick(0, 0, 1, 2, 3))).isoformat()
            else:
                day = self.day()
            code = self.one_of(CODES)
            row = {
                "mdtrt_id": settlement["mdtrt_id"] or "V98", "bkkp_sn": self.serial(rows),
                "setl_id": settlement["setl_id"], "init_feedetl_sn": "",
                "psn_no": settlement["psn_no"], "fixmedins_code": settlement["fixmedins_code"],
                "fee_ocur_time": self.time(day), "cnt": self.pick("1", "1", "2", "2.0", "0.5", "1.0000"),
                "pric": self.maybe(self.pick("3", "3.00", "7.5", "3.0000001" if self.chance(5) else "3.000000"), 5),
                "det_item_fee_sumamt": self.amount(),
                "fulamt_ownpay_amt": self.maybe(self.pick("0", "0.5", "1"), 40),
                "overlmt_selfpay": self.maybe(self.pick("0", "0.01"), 60),
                "preselfpay_amt": self.maybe(self.pick("0", "0.33", "-1"), 60),
                "inscp_amt": self.maybe(self.amount(), 20),
                "list_type": self.maybe(self.pick("101", "101", "102", "201", "301"), 10),
                "hilist_code": self.maybe(self.cased(self.one_of(LOCAL_CODES)), 40),
                "med_list_codg": self.maybe(self.cased(code), 10),
                "etip_flag": self.pick("0", "", "", "1" if self.chance(20) else ""),
                "etip_hosp_code": self.one_of(self.places) if self.chance(10) else "",
                "rx_circ_flag": self.pick("", "0", "", "1" if self.chance(20) else ""),
                "dise_codg": self.cased(self.one_of(DISEASES)) if self.chance(30) else "",
                "med_chrgitm_type": self.pick("01", "02", "07", "03", "09", ""),
                "vali_flag": self.valid(), "updt_time": self.updated()}
            if self.chance(5):
                row[self.pick("psn_no", "fixmedins_code")] = ""
            if self.chance(5):
                row["psn_no"], row["fixmedins_code"] = self.one_of(self.persons), self.one_of(self.places)
            if self.chance(4):
                row["mdtrt_id"] = self.one_of(self.visit_rows)["mdtrt_id"]
            if self.chance(3):
                row["setl_id"] = self.pick("", "S999", "S1")
            if self.chance(2):
                row["cnt"] = self.pick("0", "0.0000", "-0", "abc", "")
            if self.chance(1):
                row[self.pick("det_item_fee_sumamt", "fee_ocur_time", "mdtrt_id", "inscp_amt")] = \
                    self.pick("", "x", "2025-02-30", "1.234")
            rows.append(row)
            if self.chance(20):
                rows.extend(self.linked(row, rows))
            if self.chance(18):
                rows.extend(self.paired(row, rows))
        return rows

    def ward_lines(self, others):
        """A bed line on nearly every day of every stay; the fees then agree to a yuan, more or less."""
        made, settlements = [], {row["mdtrt_id"]: row for row in reversed(self.settlement_rows)}
        for visit in self.visit_rows:
            settlement = settlements.get(visit["mdtrt_id"])
            if settlement is None or not visit["begntime"] or not visit["endtime"]:
                continue
            begin, end = (date.fromisoformat(visit[column][:10]) for column in ("begntime", "endtime"))
            for after in range((end - begin).days + 1):
                if self.random.random() < 0.92:
                    made.append({
                        "mdtrt_id": visit["mdtrt_id"], "bkkp_sn": f"w{after}", "setl_id": settlement["setl_id"],
                        "psn_no": visit["psn_no"], "fixmedins_code": visit["fixmedins_code"],
                        "fee_ocur_time": self.time((begin + timedelta(days=after)).isoformat()), "cnt": "1",
                        "pric": "1", "det_item_fee_sumamt": "1", "inscp_amt": self.pick("1", "0.33", "0"),
                        "med_chrgitm_type": self.pick("01", "01", "02", "07", "01", "03"), "vali_flag": "1",
                        "updt_time": self.updated()})
            cents = 0
            for row in others + made:
                if row["mdtrt_id"] == visit["mdtrt_id"]:
                    cents += reference.scaled(row["det_item_fee_sumamt"] or "0", 2) or 0
            cents = max(0, cents + self.pick(0, 0, 0, 100, -100, 101))
            if not self.chance(10):
                settlement["medfee_sumamt"] = f"{cents // 100}.{cents % 100:02}"
        return made

    def diagnoses(self):
        rows = []
        for visit in self.visit_rows:
            for _ in range(self.pick(0, 0, 1, 2)):
                rows.append({
                    "setl_list_diag_id": f"D{len(rows) if not self.chance(5) else 1}",
                    "mdtrt_id": self.maybe(visit["mdtrt_id"], 5), "psn_no": visit["psn_no"],
                    "diag_type": self.pick("1", "1", "2", ""), "maindiag_flag": self.pick("1", "1", "0", ""),
                    "diag_code": self.maybe(self.pick("I10.3", "i10.1", "J18", "Z51.1"), 5),
                    "vali_flag": self.valid(), "updt_time": self.updated()})
        return rows

    def serial(self, rows):
        self.next_serial = getattr(self, "next_serial", 0) + 1
        # A serial number may recur in another visit; letters show that order is by bytes.
        return self.pick("", "b", "B", "0") + str(self.random.randint(1, 30) * 1000 + self.next_serial
                                                  if not self.chance(3) else 7)

    def negative(self, text):
        return text[1:] if text.startswith("-") else "-" + text if text else ""

    def linked(self, row, rows):
        for _ in range(self.pick(1, 1, 2)):
            part = self.chance(50)
            other = dict(row, bkkp_sn=self.serial(rows), init_feedetl_sn=row["bkkp_sn"], updt_time=self.updated())
            other["cnt"] = self.pick("-0.5", "-1", "-0.25") if part else self.negative(row["cnt"])
            for column in reference.LINE_AMOUNTS:
                other[column] = self.pick("-0.01", "-1", "-0.5", "0") if part else self.negative(row[column])
                if column != "det_item_fee_sumamt" and self.chance(15):
                    other[column] = ""
            other["fee_ocur_time"] = self.time(self.day(0, 22))
            if self.chance(10):
                other["setl_id"] = self.pick("", "S999", self.one_of(self.settlement_rows)["setl_id"])
            if self.chance(5):
                other["mdtrt_id"] = self.one_of(self.visit_rows)["mdtrt_id"]
            if self.chance(5):
                other["init_feedetl_sn"] = self.pick("none", other["bkkp_sn"])
            yield other

    def paired(self, row, rows):
        """More lines of the same group: several positives at one time and some negatives about them."""
        day = row["fee_ocur_time"][:10]
        for _ in range(self.pick(0, 1, 2)):
            yield dict(row, bkkp_sn=self.serial(rows), fee_ocur_time=self.time(day), inscp_amt=self.amount(),
                       updt_time=self.updated())
        for _ in range(self.pick(1, 1, 2, 3)):
            other = dict(row, bkkp_sn=self.serial(rows), cnt=self.negative(row["cnt"]), init_feedetl_sn="",
                         updt_time=self.updated())
            for column in reference.LINE_AMOUNTS:
                other[column] = self.negative(row[column])
            moved = self.pick(-1, 0, 0, 1)
            try:
                other["fee_ocur_time"] = self.time((date.fromisoformat(day) + timedelta(days=moved)).isoformat())
            except ValueError:
                pass
            if self.chance(15):
                other["setl_id"] = self.pick("", self.one_of(self.settlement_rows)["setl_id"])
            if self.chance(10):
                other["med_list_codg"] = self.pick("", row["med_list_codg"].lower(), self.one_of(CODES))
            yield other

    def upload(self, rows):
        batches = ["B1", "B2", "B3"][:self.pick(2, 2, 3)]
        places = {}
        for table in rows:
            places[table] = []
            for batch in batches:
                names = [f"{table}.csv", f"{table}_10.csv", f"{table}_2.csv", f"sub/{table}_1.csv"]
                for name in self.random.sample(names, self.pick(1, 1, 2)):
                    place = (f"batches/{batch}", name)
                    columns = list(CLAIMS[table])
                    if self.chance(25):
                        self.random.shuffle(columns)
                    for column in self.optional(table):
                        if column in columns and self.chance(10 if column == "vali_flag" else 3):
                            columns.remove(column)
                    if self.chance(1):
                        # Without a column it needs the file is refused.
                        columns.remove(self.one_of(reference.NEEDED[table]))
                    self.input.columns[place] = columns
                    self.input.headers[place] = {}
                    for alias, column in reference.ALIASES[table].items():
                        if self.chance(10):
                            self.input.headers[place][column] = alias
                    if self.chance(5):
                        self.input.headers[place][columns[0]] = columns[0].upper()
                    places[table].append(place)
        for table, members in rows.items():
            uploads = []
            for row in members:
                uploads.append((self.one_of(places[table]), row))
                while self.chance(15):
                    uploads.append((self.one_of(places[table]), self.again(table, row)))
            self.random.shuffle(uploads)
            for (folder, name), row in uploads:
                if self.chance(2):
                    row = dict(row)
                    column = self.one_of(sorted(row))
                    row[column] = self.pick(" ", "\t", "  ") + row[column] + " "
                self.input.rows.append((folder, name, table, row))

    def optional(self, table):
        return [column for column in CLAIMS[table] if column not in reference.NEEDED[table]]

    def again(self, table, row):
        """The row sent again: another state of it, with a time that may be equal, missing or older."""
        other = dict(row, updt_time=self.pick(row["updt_time"], "", self.updated()))
        if self.chance(25):
            other["vali_flag"] = self.pick("0", "0", "1")
        if table == "setl_d":
            if self.chance(40):
                other["refd_setl_flag"] = self.pick("1", "0")
            if self.chance(40):
                other["fund_pay_sumamt"] = self.pick("1", "20", "33.33")
            if self.chance(15):
                other["init_setl_id"] = self.pick("", "S2", "S3")
        elif table == "mdtrt_d":
            if self.chance(40):
                other["inhosp_stas"] = self.pick("0", "1")
            if self.chance(30):
                other["endtime"] = self.time(self.day(5, 20))
            if self.chance(20):
                other["psn_no"] = self.one_of(self.persons)
        elif table == "setl_list_diag_d":
            if self.chance(40):
                other["diag_code"] = self.pick("I10", "J18")
        else:
            for column in ("inscp_amt", "det_item_fee_sumamt"):
                if self.chance(40):
                    other[column] = self.amount()
            if self.chance(20):
                other["setl_id"] = self.one_of(self.settlement_rows)["setl_id"]
        return other

    def validity(self):
        """(begndate, enddate) with ends on the days of service, open ends, and now and then none at all."""
        begin = self.pick("2020-01-01", "2020-01-01", "2020-01-01", self.day(0, 12), self.day(0, 20))
        end = self.pick("", "", "9999-12-31", "NULL", "\\N", self.day(3, 22), self.day(0, 20))
        if self.chance(10):
            begin += " 00:00:00"
        if self.chance(10) and end[:2] == "20":
            end += self.pick(" 23:59:59", "T00:00:00")
        return begin, end

    def register(self, table, **values):
        begin, end = self.validity()
        row = {"begndate": begin, "enddate": end, "vali_flag": self.pick("0", "") if self.chance(6) else "1",
               **values}
        if self.chance(3):
            column = self.pick("begndate", "enddate", next(iter(values)))
            row[column] = self.pick("", "NULL") if column != "begndate" else self.pick("", "2025/03/01", "2025-02-30")
        if self.chance(2):
            row["enddate"] = self.pick("x", "2025-3-9", "20250309")
        self.input.rows.append(("registries", f"{table}.csv", table, row))

    def registries(self):
        for table, columns in REGISTRIES.items():
            columns = list(columns)
            if table != "med_type_b" and self.chance(10):
                columns.remove("vali_flag")
            self.input.columns["registries", f"{table}.csv"] = columns
            if self.chance(60 if table == "med_type_b" else 4):
                if self.chance(50) and table != "med_type_b":
                    self.input.headers["registries", f"{table}.csv"] = {}
                continue
            getattr(self, f"make_{table}")()

    def make_fixmedins_b(self):
        for place in sorted({place.upper() for place in self.places}):
            if self.chance(10):
                continue
            for _ in range(self.pick(1, 1, 1, 2, 3)):
                self.register("fixmedins_b", fixmedins_code=self.cased(place), fixmedins_name="机构" + place,
                              fixmedins_type="2" if place[0] == "P" else "1",
                              hosp_lv=self.pick("NULL", "\\N") if self.chance(8) else self.one_of(LEVELS),
                              medins_kind=self.pick("general", "general", "general", "nursing", "NULL"),
                              aprv_bed_cnt=self.pick("1", "1", "2", "3", "10", "0", ""), admdvs="990101")

    def make_hilist_b(self):
        for code in dict.fromkeys(CODES + LOCAL_CODES):
            for region in ["990101", "990100", "990000", "000000", "990201"]:
                if self.chance(72):
                    continue
                for _ in range(self.pick(1, 1, 1, 2)):
                    self.register("hilist_b", admdvs=region, hilist_code=self.cased(code), hilist_name="项目" + code,
                                  list_type=self.pick("101", "101", "102", "201"),
                                  chrgitm_lv=self.pick("01", "02", "03", "03", "04"))
        self.register("hilist_b", admdvs="000000", hilist_code="Z9", hilist_name="项目", list_type="201",
                      chrgitm_lv="01")

    def make_hilist_lmt_b(self):
        values = {"hosp_lv": ["2", "3"], "visit": ["inpatient", "outpatient", "emergency", "pharmacy"],
                  "insutype": ["work_injury", "maternity"]}
        for at in range(self.random.randint(3, 12)):
            lmt_type = self.pick("hosp_lv", "hosp_lv", "visit", "insutype")
            self.register("hilist_lmt_b", kp_id=f"K{at}", med_list_codg=self.cased(self.one_of(CODES)),
                          lmt_type=lmt_type, lmt_val=self.one_of(values[lmt_type]), sure_flag=self.pick("0", "1", "1"),
                          lmt_text="限定支付范围")

    def make_drug_sup_b(self):
        for code in CODES:
            for _ in range(self.pick(0, 1, 1, 1, 2)):
                self.register("drug_sup_b", med_list_codg=self.cased(code), sup_key=self.pick("SA", "SA", "sa", "SB"),
                              sup_days=self.pick("30", "45", "60", "90", "91", "0.5", "33.3333", "90.4999", "181"),
                              basis="说明书")

    def make_opsp_dise_drug_b(self):
        for region in ["990101", "990100", "990000", "000000", "990201"]:
            for disease in DISEASES:
                for _ in range(self.pick(0, 0, 1, 1)):
                    code = self.one_of(["XA01AAAAA1", "XA01AAAAA12", "XC03CCCCC3", "XA01AAAAA", "XB02", "XE05EEEEE5"])
                    self.register("opsp_dise_drug_b", admdvs=region, opsp_dise_code=self.cased(disease),
                                  drug_code=self.cased(code), basis="目录")

    def make_opsp_reg_d(self):
        for person in self.persons + ["990000"]:
            for _ in range(self.pick(0, 1, 2)):
                self.register("opsp_reg_d", psn_no=person.upper() if self.chance(30) else person,
                              insu_admdvs=self.pick("990101", "990101", "990102"),
                              opsp_dise_code=self.cased(self.one_of(DISEASES[:2])))
                row = self.input.rows[-1][3]
                if self.chance(60):
                    # Ends or begins 29 to 32 days off a day of service.
                    own = [one for one in self.settlement_rows if one["psn_no"] == person and one["begndate"]]
                    day = date.fromisoformat(self.one_of(own)["begndate"][:10] if own else self.day(0, 16))
                    away = timedelta(days=self.pick(0, 1, 29, 30, 31, 32))
                    if self.chance(50):
                        row["begndate"], row["enddate"] = "2020-01-01", (day - away).isoformat()
                    else:
                        row["begndate"], row["enddate"] = (day + away).isoformat(), ""

    def make_med_type_b(self):
        for row in reference.shipped_med_types():
            if self.chance(4):
                continue
            twice = self.chance(10)
            for _ in range(2 if twice else 1):
                self.register("med_type_b", med_type=row["med_type"], visit_class=row["visit_class"],
                              opsp_flag=row["opsp_flag"], reg_flag=row["reg_flag"], basis="编造")
                made = self.input.rows[-1][3]
                if not twice and not self.chance(15):
                    made["begndate"], made["enddate"] = "2020-01-01", ""
                if self.chance(6):
                    made["visit_class"] = self.pick("inpatient", "outpatient", "emergency", "pharmacy", "other")


PIPELINE = """pipeline: chaos
claims: {root}/batches
registries: {root}/registries
jurisdiction: {root}/jurisdiction.yml
rules: [{home}/rules]
knowledge: [{home}/knowledge]
exempt: {home}/exempt
law: {home}/law
store: {root}/store
output: {root}/out
look_back_days: 36500
reject_limit: 1000000
fill_floor: 0
packets: {{min_counted_fen: {floor}, disclosure: full}}
"""


def differences(made, root, yijian, verify):
    """What the run and the reference disagree about, one line each; [] if nothing."""
    made.write(root)
    home = os.path.abspath("Pipelines")
    with open(os.path.join(root, "pipeline.yml"), "w", encoding="utf-8") as file:
        file.write(PIPELINE.format(root=root, home=home, floor=1 if verify else 10 ** 15))
    with open(os.path.join(root, "jurisdiction.yml"), "w", encoding="utf-8") as file:
        values = ", ".join(f'"{value}"' for value in made.excluded)
        file.write(f"jurisdiction: chaos\nname: chaos\nparameters:\n  excluded_setl_type: [{values}]\n")
    run = subprocess.run([yijian, "run", os.path.join(root, "pipeline.yml"), "--jobs", "1"], capture_output=True,
                         text=True, check=False)
    with open(os.path.join(root, "run.log"), "w", encoding="utf-8") as file:
        file.write(run.stdout + run.stderr)
    if run.returncode not in (0, 3):
        return [f"run: exit code {run.returncode}"] + run.stderr.splitlines()[-3:]
    found = held_against_reference(made, root)
    if verify:
        found += unverified(root, yijian)
    return found


def held_against_reference(made, root):
    output = os.path.join(root, "out")
    batch = compare.last_batch(output)
    original = reference.Claims.__init__
    def with_excluded(self, tables, registries):
        original(self, tables, registries, tuple(made.excluded))
    reference.Claims.__init__ = with_excluded
    try:
        lines, counts = compare.compare_run(output, root, 0)
    finally:
        reference.Claims.__init__ = original
    made.counts = counts
    return lines


def unverified(root, yijian):
    found, number = [], 0
    output = os.path.join(root, "out")
    for batch in sorted(os.listdir(output)):
        packets = os.path.join(output, batch, "packets")
        for packet in sorted(os.listdir(packets)) if os.path.isdir(packets) else []:
            number += 1
            check = subprocess.run([yijian, "verify", os.path.join(packets, packet)], capture_output=True, text=True,
                                   check=False)
            if check.returncode != 0:
                reason = (check.stderr + check.stdout).strip().splitlines()
                found.append(f"verify: {batch}/{packet} exit code {check.returncode}: " + " / ".join(reason[:4]))
    TOTALS["packets"] = TOTALS.get("packets", 0) + number
    return found


TOTALS = {}


def kind(line):
    """What a difference is about, so that shrinking does not wander to another one."""
    return line.split()[0], line.split(":")[1].strip().split(" ")[0] if ":" in line else ""


def shrunk(made, found, work, yijian, verify, seconds):
    """The same difference from fewer rows: chunks of rows are left out as long as it stays."""
    wanted, until = kind(found[0]), time.monotonic() + seconds
    needs_verify = verify and found[0].startswith("verify")

    def still(candidate):
        root = tempfile.mkdtemp(dir=work)
        try:
            return any(kind(line) == wanted for line in differences(candidate, root, yijian, needs_verify))
        except Exception:
            return False
        finally:
            shutil.rmtree(root, ignore_errors=True)

    size = max(1, len(made.rows) // 2)
    while time.monotonic() < until:
        at, smaller = 0, False
        while at < len(made.rows) and time.monotonic() < until:
            candidate = made.without(set(range(at, at + size)))
            if still(candidate):
                made, smaller = candidate, True
            else:
                at += size
        if size == 1 and not smaller:
            break
        size = max(1, size // 2)
    return made


def shown(made):
    for folder, name, _, row in made.rows:
        yield f"    {folder}/{name}: " + " ".join(f"{column}={value}" for column, value in row.items() if value != "")


def examine(seed, options, work):
    root = os.path.join(os.path.abspath(options.keep), str(seed)) if options.keep else tempfile.mkdtemp(dir=work)
    shutil.rmtree(root, ignore_errors=True)
    os.makedirs(root)
    made = Generator(seed).make()
    try:
        found = differences(made, root, options.yijian, not options.no_verify)
    except Exception as error:
        found = [f"chaos: {type(error).__name__}: {error}"]
    report = [f"seed {seed}: {line}" for line in found]
    if found and not options.no_shrink:
        small = shrunk(made, found, work, options.yijian, not options.no_verify, options.shrink_seconds)
        report.append(f"  {len(small.rows)} of {len(made.rows)} rows, excluded_setl_type {made.excluded}:")
        report.extend(shown(small))
    if not options.keep:
        shutil.rmtree(root, ignore_errors=True)
    return seed, bool(found), report, getattr(made, "counts", "")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--yijian", required=True, metavar="PATH")
    parser.add_argument("--seeds", default="1-50", metavar="FIRST-LAST")
    parser.add_argument("--keep", metavar="DIR", help="keep inputs and outputs there, one folder a seed")
    parser.add_argument("--no-verify", action="store_true", help="leave the packets unverified")
    parser.add_argument("--no-shrink", action="store_true")
    parser.add_argument("--shrink-seconds", type=int, default=90)
    parser.add_argument("--verbose", action="store_true", help="say how much each seed yielded")
    options = parser.parse_args()
    options.yijian = os.path.abspath(options.yijian)
    reference.note = lambda text: None
    first, _, last = options.seeds.partition("-")
    failing = []
    with tempfile.TemporaryDirectory(prefix="chaos-") as work:
        for seed in range(int(first), int(last or first) + 1):
            seed, differs, report, counts = examine(seed, options, work)
            if differs:
                failing.append(seed)
                print("\n".join(report), flush=True)
            elif options.verbose:
                print(f"seed {seed}: {counts}", flush=True)
    print(f"{len(failing)} seeds differ {failing or ''}, {TOTALS.get('packets', 0)} packets verified")
    sys.exit(1 if failing else 0)


if __name__ == "__main__":
    main()
