#!/usr/bin/env python3
"""Writes a small, crowded, deliberately awkward input: few persons, codes and days, so that everything collides.

    random_claims.py DIR [--seed N] [--visits N] [--soil]

Where `yijian synth` writes plausible weeks, this writes the corners of the definitions: versions with equal or missing
updt_time, refunds of refunds, reversals without a partner, lines whose settlement and visit disagree, registry rows
that overlap or end the day before, codes and dates that are null. Beside those crowded days stand series that need
order: a person's stays with gaps of -1 to 17 days, a small hospital that posts every day but for idle ones, chronic
drugs bought until the stock is near 90 and 180. `compare.py` then holds a run against reference.py.
The same seed gives the same bytes. All persons are numbers that no register has.
"""

import argparse
import csv
import gzip
import io
import os
import random
import zipfile
from datetime import date, timedelta

FIRST = date(2025, 3, 1)
DAYS = 24
PERSONS = ["9901000000000000000" + str(i) for i in range(4)]
PATIENTS = ["9901000000000000001" + str(i) for i in range(6)]
INSTITUTIONS = ["H99010100001", "H99010200002", "H99020100003", "P99010100004"]
SMALL = ["H99010100005", "H99020100006"]
REGIONS = ["990101", "990102", "990201", "990100", "990000", "000000"]
# They differ from the tenth character on: the least that names a drug for a disease.
DRUGS = [f"XA01AAA00{i}A00101000000{i}" for i in range(6)]
LOCAL = ["L00" + str(i) for i in range(4)]
DISEASES = ["M03900", "M01600", "M09999"]
CHRONIC = ["14", "140101", "140101", "140201", "1403", "9901", "15", "9929", "11"]
DIAGNOSES = ["I10.x00", "I10.900", "i10.x05", "E11.900", "Z51.100", "Z51.000", "Z51.800", "N18.500", "Z49.100",
             "O80.000", "P07.300", "I1"]
INPATIENT = ["21", "22", "23", "24", "52", "9940", "28"]
ELSEWHERE = ["11", "12", "13", "1301", "14", "140101", "1403", "41", "18", "51", "99331", "910202", "9929", "61", "77"]

SETL = ["setl_id", "mdtrt_id", "init_setl_id", "refd_setl_flag", "vali_flag", "psn_no", "psn_name", "insutype",
        "insu_admdvs", "fix_blng_admdvs", "fixmedins_code", "hosp_lv", "begndate", "enddate", "setl_time", "med_type",
        "setl_type", "medfee_sumamt", "inscp_amt", "fund_pay_sumamt", "bydise_setl_payamt", "dise_no", "updt_time"]
VISIT = ["mdtrt_id", "psn_no", "psn_name", "fixmedins_code", "begntime", "endtime", "med_type", "inhosp_stas",
         "vali_flag", "dscg_way", "refl_old_mdtrt_id", "medrcdno", "nwb_flag", "adm_caty", "dscg_caty",
         "dscg_maindiag_code", "ars_year_ipt_flag", "updt_time"]
LINE = ["bkkp_sn", "mdtrt_id", "setl_id", "init_feedetl_sn", "psn_no", "fixmedins_code", "fee_ocur_time", "cnt", "pric",
        "det_item_fee_sumamt", "fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt", "inscp_amt", "list_type",
        "hilist_code", "med_list_codg", "hilist_name", "med_chrgitm_type", "etip_flag", "etip_hosp_code",
        "rx_circ_flag", "dise_codg", "vali_flag", "updt_time"]
DIAGNOSIS = ["setl_list_diag_id", "setl_id", "mdtrt_id", "psn_no", "diag_type", "maindiag_flag", "diag_code",
             "vali_flag", "updt_time"]


class Draw:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def some(self, values, null=0.0):
        return "" if self.random.random() < null else self.random.choice(values)

    def chance(self, p):
        return self.random.random() < p

    def day(self):
        return FIRST + timedelta(self.random.randrange(DAYS))

    def clock(self, day):
        """A time of few values, so that times tie; now and then a date alone."""
        return f"{day} {self.some(['00:00:00', '08:00:00', '08:00:01'])}" if self.chance(0.8) else str(day)

    def updated(self):
        return self.some(["2025-04-01 00:00:00", "2025-04-01", "2025-04-02 10:00:00", "2025-03-31 23:59:59"], 0.2)

    def fen(self, low, high, null=0.0):
        value = self.random.randint(low, high)
        sign = "-" if value < 0 else ""
        return self.some([f"{sign}{abs(value) // 100}.{abs(value) % 100:02}"], null)


def claims(draw, count):
    visits, settlements, lines = [], [], []
    for number in range(count):
        person, place = draw.some(PERSONS), draw.some(INSTITUTIONS)
        stay = draw.chance(0.5) and place[0] == "H"
        begin = draw.day()
        end = begin + timedelta(draw.some([0, 1, 1, 2, 3, 5, 8])) if stay else begin
        med_type = draw.some(INPATIENT if stay else ELSEWHERE)
        visit = {
            "mdtrt_id": f"V{number:04}", "psn_no": person, "psn_name": "某", "fixmedins_code": place,
            "begntime": draw.clock(begin), "endtime": draw.clock(end) if draw.chance(0.97) else "",
            "med_type": med_type if draw.chance(0.93) else "", "inhosp_stas": draw.some(["0"] * 20 + ["1"], 0.1),
            "vali_flag": draw.some(["1"] * 20 + ["0"]), "dscg_way": draw.some(["1", "1", "1", "2", "3", "4"], 0.2),
            "refl_old_mdtrt_id": f"V{draw.random.randrange(count):04}" if draw.chance(0.1) else "",
            "medrcdno": draw.some(["R1", "R2", "R3"], 0.3), "nwb_flag": draw.some(["0"] * 12 + ["1"], 0.3),
            "adm_caty": draw.some(["A03", "A03.01", "A04", "a03"], 0.3), "dscg_caty": draw.some(["A03", "A04"], 0.3),
            "dscg_maindiag_code": draw.some(["I10.x00", "E11.900"], 0.2),
            "ars_year_ipt_flag": draw.some(["0"] * 20 + ["1"], 0.5), "updt_time": draw.updated(),
        }
        if draw.chance(0.97):
            visits.append(visit)
        for part in range(draw.some([1, 1, 1, 2])):
            setl_id = f"S{number:04}{part}"
            mine = []
            for serial in range(draw.random.randint(0, 7)):
                mine.append(line(draw, visit, setl_id, f"{part}{serial}", begin, end))
            mine += reversals(draw, mine, end)
            lines += mine
            paid = draw.some([draw.fen(0, 9000), draw.fen(0, 60000), "0", draw.fen(-100, 100)], 0.05)
            settlement = {
                "setl_id": setl_id, "mdtrt_id": visit["mdtrt_id"] if draw.chance(0.97) else "",
                "init_setl_id": "", "refd_setl_flag": draw.some(["0"] * 30 + ["1"], 0.1),
                "vali_flag": draw.some(["1"] * 25 + ["0"]), "psn_no": person, "psn_name": "某",
                "insutype": draw.some(["310", "390", "410", "510"], 0.1),
                "insu_admdvs": draw.some(["990101", "990102", "990301"], 0.05),
                "fix_blng_admdvs": draw.some(["990101", "990102", "990201"], 0.08), "fixmedins_code": place,
                "hosp_lv": draw.some(["02", "05", "08", "11", "13", "99"], 0.15),
                "begndate": str(begin) if draw.chance(0.9) else "", "enddate": str(end),
                "setl_time": draw.clock(end + timedelta(draw.some([0, 1]))),
                "med_type": med_type if draw.chance(0.9) else draw.some(ELSEWHERE),
                "setl_type": draw.some(["1", "2", "3"], 0.1), "medfee_sumamt": draw.fen(0, 60000),
                "inscp_amt": draw.fen(0, 60000, 0.5), "fund_pay_sumamt": paid,
                "bydise_setl_payamt": draw.some(["0.00", "12.00"], 0.5), "dise_no": draw.some(DISEASES, 0.3),
                "updt_time": draw.updated(),
            }
            settlements.append(settlement)
            if draw.chance(0.06):
                settlements.append(dict(settlement, setl_id=f"T{number:04}{part}", init_setl_id=setl_id,
                                        refd_setl_flag=draw.some(["1", "1", "0"]), fund_pay_sumamt=f"-{paid}"
                                        if paid and paid[0] != "-" else paid,
                                        vali_flag=draw.some(["1", "1", "0"])))
    for rows in (series(draw, count // 5), small_hospital(draw, 14 + count // 10), stocks(draw, count // 4)):
        visits += rows[0]
        settlements += rows[1]
        lines += rows[2]
    for other in lines:
        if draw.chance(0.03 if other["mdtrt_id"][0] == "V" else 0.003):
            other["setl_id"] = draw.some([""] + [row["setl_id"] for row in settlements])
    return {"mdtrt_d": visits, "setl_d": settlements, "fee_list_d": lines,
            "setl_list_diag_d": diagnoses(draw, visits)}


def stay_of(draw, name, person, place, begin, end, **values):
    visit = {
        "mdtrt_id": name, "psn_no": person, "psn_name": "某", "fixmedins_code": place, "begntime": draw.clock(begin),
        "endtime": draw.clock(end), "med_type": draw.some(["21"] * 12 + INPATIENT + ["26"]), "inhosp_stas": "0",
        "vali_flag": "1", "dscg_way": draw.some(["1"] * 8 + ["2", "3", "4"], 0.1), "refl_old_mdtrt_id": "",
        "medrcdno": draw.some(["R1", "R2"], 0.4), "nwb_flag": draw.some(["0"] * 20 + ["1"], 0.3),
        "adm_caty": draw.some(["A03", "A03.01", "A03.02", "A04"], 0.15),
        "dscg_caty": draw.some(["A03", "A03.01", "A04"], 0.4), "dscg_maindiag_code": "I10.x00",
        "ars_year_ipt_flag": draw.some(["0"] * 20 + ["1"], 0.5), "updt_time": draw.updated(), **values,
    }
    if draw.chance(0.05):
        visit["refl_old_mdtrt_id"] = "V0001"
    return visit


def settlement_of(draw, visit, begin, end, fee, paid, part=0, **values):
    return {
        "setl_id": f"S{visit['mdtrt_id']}{part}", "mdtrt_id": visit["mdtrt_id"], "init_setl_id": "",
        "refd_setl_flag": "0", "vali_flag": "1", "psn_no": visit["psn_no"], "psn_name": "某", "insutype": "310",
        "insu_admdvs": draw.some(["990101", "990102", "990301"], 0.03),
        "fix_blng_admdvs": draw.some(["990101", "990102", "990201"], 0.05), "fixmedins_code": visit["fixmedins_code"],
        "hosp_lv": "08", "begndate": str(begin), "enddate": str(end), "setl_time": draw.clock(end),
        "med_type": visit["med_type"] or draw.some(CHRONIC), "setl_type": "2", "medfee_sumamt": yuan(fee),
        "inscp_amt": "", "fund_pay_sumamt": yuan(paid), "bydise_setl_payamt": "",
        "dise_no": draw.some(DISEASES, 0.2), "updt_time": draw.updated(), **values,
    }


def yuan(fen):
    return f"{'-' if fen < 0 else ''}{abs(fen) // 100}.{abs(fen) % 100:02}"


def fen_of(text):
    sign = -1 if text.startswith("-") else 1
    whole, _, part = text.lstrip("-").partition(".")
    return sign * (int(whole or 0) * 100 + int((part + "00")[:2]))


def series(draw, count):
    """Stays of one person at one hospital, one after the other."""
    visits, settlements, lines = [], [], []
    for number in range(count):
        person, place, day = draw.some(PATIENTS), draw.some(INSTITUTIONS[:3] + SMALL), draw.day()
        family = draw.some([DIAGNOSES[:3], DIAGNOSES[:3], DIAGNOSES[:4], DIAGNOSES[4:7], DIAGNOSES[7:8], DIAGNOSES[8:9],
                            DIAGNOSES[9:10], DIAGNOSES[10:11], DIAGNOSES[11:] + DIAGNOSES[:1]])
        for part in range(draw.some([2, 2, 3, 4])):
            end = day + timedelta(draw.some([0, 0, 1, 2, 3, 6]))
            visit = stay_of(draw, f"N{number:03}{part}", person, place, day, end,
                            dscg_maindiag_code=draw.some(family, 0.15))
            own = [line(draw, visit, f"S{visit['mdtrt_id']}0", f"0{at}", day, end) for at in range(2)]
            visits.append(visit)
            settlements.append(settlement_of(draw, visit, day, end, 5000, draw.random.randint(0, 9000)))
            lines += own
            if draw.chance(0.1):
                # Two settlements of one stay, the second without a line: fund money that no line explains.
                settlements.append(settlement_of(draw, visit, day, end, 700, 650, 1))
            day = end + timedelta(draw.some([-1, -1, 0, 0, 1, 6, 7, 7, 8, 8, 14, 15, 15, 16, 16, 17]))
            if draw.chance(0.05):
                day = end - timedelta(draw.some([2, 5]))
    return visits, settlements, lines


def small_hospital(draw, count):
    """Stays with a bed line on most days and treatment on some; two places, of which one may post too rarely."""
    visits, settlements, lines = [], [], []
    dense = draw.some([0.8, 0.85, 0.9, 0.95, 1, 1])
    for number in range(count):
        place = draw.some([SMALL[0]] * 5 + [SMALL[1]])
        begin = FIRST + timedelta(draw.random.randrange(20))
        nights = draw.some([2, 2, 3, 3, 4, 4, 5, 6, 8, 11])
        end = begin + timedelta(nights)
        visit = stay_of(draw, f"K{number:03}", draw.some(PATIENTS + PERSONS, 0.03), place, begin, end,
                        dscg_maindiag_code=draw.some(DIAGNOSES, 0.3))
        own = []
        treated = draw.some([0.1, 0.3, 0.9])
        for after in range(nights + 1):
            day = begin + timedelta(after)
            kinds = draw.some([["01"], ["01", "02"], ["07"], ["01", "07"]]) if draw.chance(dense) else []
            if draw.chance(treated) or after in (0, nights) and draw.chance(0.8):
                kinds = kinds + [draw.some(["03", "04", "05", "09", "14", ""])]
            for kind in kinds:
                row = line(draw, visit, f"S{visit['mdtrt_id']}0", f"{len(own):03}", day, day)
                row.update(fee_ocur_time=draw.clock(day), med_chrgitm_type=kind,
                           vali_flag=draw.some(["1"] * 200 + ["0"]))
                own.append(row)
        if draw.chance(0.2):
            own += reversals(draw, own, end)
        fee = sum(fen_of(row["det_item_fee_sumamt"]) for row in own if row["vali_flag"] == "1")
        off = draw.some([0, 0, 0, 0, 0, 100, -100, 101, -101, 50])
        if draw.chance(0.15):
            # Two settlements share the fee; of one the sum may be null.
            some = draw.random.randint(0, max(0, fee))
            settlements.append(settlement_of(draw, visit, begin, end, some, 100, 1))
            fee -= some
            if draw.chance(0.3):
                settlements[-1]["medfee_sumamt"] = ""
        visits.append(visit)
        settlements.append(settlement_of(draw, visit, begin, end, fee + off, draw.random.randint(0, 9000)))
        if draw.chance(0.05):
            settlements[-1]["medfee_sumamt"] = ""
        lines += own
    return visits, settlements, lines


def stocks(draw, count):
    """Chronic drugs over five months, by few persons, so that what one has adds up."""
    visits, settlements, lines = [], [], []
    for number in range(count):
        person, place = draw.some(PATIENTS[:3]), draw.some(INSTITUTIONS)
        day = FIRST + timedelta(draw.some([0, 0, 1, 10, 30, 31, 60, 89, 90, 91, 120, 150]))
        visit = stay_of(draw, f"C{number:03}", person, place, day, day, med_type=draw.some(CHRONIC, 0.05),
                        dscg_maindiag_code="")
        setl_id = f"SC{number:03}0"
        own = []
        for serial in range(draw.some([1, 1, 2, 3])):
            row = line(draw, visit, setl_id, f"{serial}", day, day)
            cnt = draw.some(["1", "1", "2", "3", "0.5", "0.3333", "1.0001"])
            row.update(cnt=cnt, list_type=draw.some(["101"] * 8 + ["102", "201"], 0.03),
                       med_list_codg=draw.some(DRUGS, 0.02), fee_ocur_time=draw.clock(day),
                       rx_circ_flag=draw.some(["0"] * 12 + ["1"], 0.4), dise_codg=draw.some(DISEASES, 0.8))
            if draw.chance(0.05):
                row["psn_no"], row["fixmedins_code"] = draw.some(PATIENTS[:3], 0.3), draw.some(INSTITUTIONS, 0.3)
            own.append(row)
        if draw.chance(0.15):
            own += reversals(draw, own, day)
        if draw.chance(0.95):
            visits.append(visit)
        settlements.append(settlement_of(draw, visit, day, day, 5000, draw.random.randint(0, 4000)))
        lines += own
    return visits, settlements, lines


def diagnoses(draw, visits):
    rows = []
    for visit in visits:
        while draw.chance(0.4):
            rows.append({
                "setl_list_diag_id": f"D{len(rows):05}", "setl_id": "", "psn_no": visit["psn_no"],
                "mdtrt_id": visit["mdtrt_id"] if draw.chance(0.97) else "",
                "diag_type": draw.some(["1", "1", "2"], 0.2), "maindiag_flag": draw.some(["1", "1", "0"], 0.05),
                "diag_code": draw.some(DIAGNOSES[:4], 0.05),
                "vali_flag": draw.some(["1"] * 15 + ["0"]), "updt_time": draw.updated(),
            })
    return rows


def line(draw, visit, setl_id, serial, begin, end):
    day = begin + timedelta(draw.random.randint(0, max(0, (end - begin).days)))
    if draw.chance(0.05):
        day = draw.day()
    cnt, price = draw.some([1, 1, 2, 3]), draw.some([333, 1000, 1999])
    total = cnt * price
    inscp = draw.some([total, total, total - 7, 0, -5])
    return {
        "bkkp_sn": serial, "mdtrt_id": visit["mdtrt_id"], "setl_id": setl_id,
        "psn_no": visit["psn_no"], "fixmedins_code": visit["fixmedins_code"], "fee_ocur_time": draw.clock(day),
        "cnt": draw.some([str(cnt), f"{cnt}.0000", f"{cnt}.0"]),
        "pric": "" if draw.chance(0.04) else f"{price // 100}.{price % 100:02}0000",
        "det_item_fee_sumamt": f"{total // 100}.{total % 100:02}",
        "fulamt_ownpay_amt": draw.fen(0, 300, 0.5), "overlmt_selfpay": draw.fen(0, 100, 0.7),
        "preselfpay_amt": draw.fen(0, 200, 0.5),
        "inscp_amt": "" if draw.chance(0.2) else f"{'-' if inscp < 0 else ''}{abs(inscp) // 100}.{abs(inscp) % 100:02}",
        "list_type": draw.some(["101", "101", "102", "201", "301"], 0.04), "hilist_code": draw.some(LOCAL, 0.4),
        "med_list_codg": draw.some(DRUGS, 0.04), "hilist_name": "药，'甲'",
        "med_chrgitm_type": draw.some(["01", "03", "09"], 0.1),
        "etip_flag": draw.some(["0"] * 15 + ["1"], 0.2), "etip_hosp_code": draw.some(INSTITUTIONS, 0.3),
        "rx_circ_flag": draw.some(["0"] * 12 + ["1"], 0.2), "dise_codg": draw.some(DISEASES, 0.7),
        "vali_flag": draw.some(["1"] * 30 + ["0"]), "updt_time": draw.updated(),
    }


def negative(text):
    return "" if text == "" else text[1:] if text.startswith("-") else f"-{text}"


def reversals(draw, lines, end):
    result = []
    for number, original in enumerate(lines):
        if not draw.chance(0.2):
            continue
        row = dict(original, bkkp_sn=f"9{number}", updt_time=draw.updated(), vali_flag=draw.some(["1"] * 9 + ["0"]))
        for column in ("cnt", "det_item_fee_sumamt", "fulamt_ownpay_amt", "overlmt_selfpay", "preselfpay_amt",
                       "inscp_amt"):
            row[column] = negative(original[column])
        if draw.chance(0.3):
            row["inscp_amt"] = ""
        if draw.chance(0.15):
            row["cnt"] = "-1"
        if draw.chance(0.5):
            row["init_feedetl_sn"] = draw.some([original["bkkp_sn"]] * 6 + ["00", "nowhere", "90"])
        row["fee_ocur_time"] = draw.some([original["fee_ocur_time"], draw.clock(end), draw.clock(draw.day())])
        result.append(row)
    return result


BAD = {
    "2025-02-30": ["begntime", "endtime", "begndate", "setl_time", "fee_ocur_time", "updt_time"],
    "abc": ["cnt", "pric", "det_item_fee_sumamt", "inscp_amt", "fund_pay_sumamt", "preselfpay_amt"],
    "12.345": ["det_item_fee_sumamt", "inscp_amt", "fund_pay_sumamt", "overlmt_selfpay"],
}


def soil(draw, tables):
    """Nulls, blanks, small letters and bad values in any column of any table."""
    for rows in tables.values():
        for row in rows:
            while draw.chance(0.08):
                column = draw.some(sorted(row))
                row[column] = draw.some(["", f"  {row[column]} ", row[column].lower()])
            if draw.chance(0.03):
                bad = draw.some(sorted(BAD))
                column = draw.some(BAD[bad])
                if column in row:
                    row[column] = bad


def spread(draw, tables, batches):
    """Rows over batches; some are sent again, changed, with an older, equal or newer updt_time."""
    result = {batch: {table: [] for table in tables} for batch in batches}
    again = {"setl_d": [("refd_setl_flag", ["1", "0"]), ("fund_pay_sumamt", ["1.00", "50.00"]),
                        ("vali_flag", ["0", "1"])],
             "mdtrt_d": [("dscg_way", ["1", "2"]), ("vali_flag", ["0", "1"]), ("medrcdno", ["R1", "R9"])],
             "fee_list_d": [("vali_flag", ["0", "1"]), ("cnt", ["1", "2"]), ("med_list_codg", DRUGS)],
             "setl_list_diag_d": [("vali_flag", ["0", "1"]), ("diag_code", DIAGNOSES[:4])]}
    for table, rows in tables.items():
        for row in rows:
            result[draw.some(batches)][table].append(row)
            # The small hospital must stay one that posts every day.
            while draw.chance(0.12 if row["mdtrt_id"][:1] != "K" else 0.01):
                column, values = draw.some(again[table])
                result[draw.some(batches)][table].append(dict(row, **{column: draw.some(values),
                                                                      "updt_time": draw.updated()}))
        for batch in batches:
            draw.random.shuffle(result[batch][table])
    return result


def spans(draw, count):
    """Validities that touch, leave a gap, overlap now and then, end before they begin once in a while."""
    day = FIRST - timedelta(draw.random.randint(0, 60))
    for _ in range(count):
        end = day + timedelta(draw.random.randint(-1 if draw.chance(0.05) else 0, 30))
        yield str(day), "" if draw.chance(0.15) else "9999-12-31" if draw.chance(0.1) else str(end)
        day = end + timedelta(draw.some([0, 1, 1, 1, 2, 4]))


def registries(draw, with_classes):
    flag = lambda: draw.some(["1"] * 20 + ["0"], 0.1)
    tables = {"hilist_b": [], "fixmedins_b": [], "hilist_lmt_b": [], "opsp_reg_d": [], "opsp_dise_drug_b": [],
              "drug_sup_b": []}
    for region in REGIONS:
        for code in LOCAL + DRUGS:
            if draw.chance(0.35):
                for begin, end in spans(draw, draw.some([1, 1, 2])):
                    tables["hilist_b"].append({
                        "admdvs": region, "hilist_code": code, "hilist_name": "名", "begndate": begin, "enddate": end,
                        "list_type": draw.some(["101", "102", "201"]),
                        "chrgitm_lv": draw.some(["01", "02", "03", "04"]), "lmt_used_flag": "0", "vali_flag": flag()})
    for code in INSTITUTIONS + SMALL:
        for begin, end in spans(draw, draw.some([0, 1, 2]) if code not in SMALL else draw.some([1, 2, 3])):
            tables["fixmedins_b"].append({
                "fixmedins_code": code, "fixmedins_name": "院", "fixmedins_type": "1" if code[0] == "H" else "2",
                "hosp_lv": draw.some(["01", "06", "09", "11", "14", "77"], 0.2),
                "medins_kind": draw.some(["general"] * 6 + ["nursing", "hospice", "psychiatric", "rehabilitation"]),
                "aprv_bed_cnt": draw.some(["1", "1", "2", "2", "3", "4", "5", "0", "100"], 0.1), "admdvs": "990101",
                "begndate": begin, "enddate": end, "vali_flag": flag()})
    for number, code in enumerate(DRUGS[:5]):
        for kind, values in (("hosp_lv", ["2", "3"]), ("visit", ["inpatient", "outpatient", "emergency", "pharmacy"]),
                             ("insutype", ["work_injury", "maternity"])):
            if draw.chance(0.5):
                for part, (begin, end) in enumerate(spans(draw, draw.some([1, 2, 3]))):
                    tables["hilist_lmt_b"].append({
                        "kp_id": f"K{number}-{kind}-{part}", "med_list_codg": code, "lmt_type": kind,
                        "lmt_val": draw.some(values), "sure_flag": draw.some(["1", "1", "0"]), "lmt_text": "限",
                        "gz_code": "05", "batch_no": "T", "publ_date": "2020-01-01", "begndate": begin,
                        "enddate": end, "vali_flag": flag()})
    for person in PERSONS[:3]:
        for code in DISEASES[:2]:
            if draw.chance(0.5):
                for begin, end in spans(draw, draw.some([1, 2])):
                    tables["opsp_reg_d"].append({
                        "psn_no": person, "insu_admdvs": draw.some(["990101", "990102"]), "opsp_dise_code": code,
                        "opsp_dise_name": "病", "begndate": begin, "enddate": end, "vali_flag": flag()})
    tables["opsp_reg_d"].append({"psn_no": "99019999999999999999", "insu_admdvs": "990101", "opsp_dise_code": "M03900",
                                 "opsp_dise_name": "病", "begndate": "2024-01-01"})
    for person in PATIENTS[:2]:
        tables["opsp_reg_d"].append({"psn_no": person, "insu_admdvs": draw.some(["990101", "990102"]),
                                     "opsp_dise_code": draw.some(DISEASES[:2]), "opsp_dise_name": "病",
                                     "begndate": str(draw.day()), "enddate": ""})
    tables["opsp_dise_drug_b"].append({"admdvs": "000000", "opsp_dise_code": "M03900", "drug_code": DRUGS[0],
                                       "begndate": "2020-01-01", "basis": "表"})
    for region in REGIONS:
        for disease in DISEASES:
            while draw.chance(0.3):
                code = draw.some(DRUGS)[:draw.some([9, 10, 10, 11, 23])]
                for begin, end in spans(draw, 1):
                    tables["opsp_dise_drug_b"].append({
                        "admdvs": region, "opsp_dise_code": disease,
                        "drug_code": code.lower() if draw.chance(0.1) else code,
                        "begndate": "2020-01-01" if draw.chance(0.5) else begin, "enddate": end, "basis": "表",
                        "vali_flag": flag()})
    for code in DRUGS[:5]:
        first = True
        for begin, end in spans(draw, draw.some([1, 1, 2, 3])):
            tables["drug_sup_b"].append({
                "med_list_codg": code, "sup_key": draw.some(["XA01AAA", "XA01AAA", "xa01aab"]),
                "sup_days": draw.some(["14", "28", "30", "30", "45", "60", "90", "90.0001", "0.3333", "29.9999"]),
                "prcunt": "盒", "basis": "说明书", "begndate": "2020-01-01" if first else begin,
                "enddate": "" if draw.chance(0.6) else end, "vali_flag": flag()})
            first = False
    if with_classes:
        rows = tables["med_type_b"] = []
        for code in INPATIENT + ELSEWHERE:
            if draw.chance(0.9):
                kind = "inpatient" if code in INPATIENT else draw.some(["outpatient", "outpatient", "emergency",
                                                                        "pharmacy", "other"])
                always = draw.chance(0.7)
                for begin, end in [("2020-01-01", "")] if always else spans(draw, draw.some([1, 1, 2])):
                    rows.append({"med_type": code, "visit_class": kind, "opsp_flag": draw.some(["0", "1"]),
                                 "reg_flag": draw.some(["0", "1"]), "begndate": begin, "enddate": end, "basis": "表"})
    return tables


def quoted(draw, columns, rows):
    """A claim file in one of the shapes that an export has."""
    enclosure, delimiter = draw.some([("'", ","), ('"', ","), ("'", "|"), ("", "\t")])
    columns = columns[:]
    draw.random.shuffle(columns)
    cell = lambda text: f"{enclosure}{text.replace(enclosure, enclosure * 2)}{enclosure}" if enclosure else text
    out = [delimiter.join([cell("rn")] + [cell(column) for column in columns])]
    for number, row in enumerate(rows, 1):
        out.append(delimiter.join([cell(str(number))] + [cell(row.get(column, "")) for column in columns]))
    text = draw.some(["\r\n", "\n"]).join(out + [""])
    return text.encode(draw.some(["utf-8", "utf-8", "utf-8-sig", "gb18030"]))


def write_claims(draw, folder, table, columns, rows):
    cut = draw.random.randrange(len(rows) + 1)
    for part, piece in enumerate((rows[:cut], rows[cut:]), 1):
        name = f"{table}_{part:02}"
        data = quoted(draw, columns, piece)
        kind = draw.some(["csv", "txt", "csv.gz", "zip"])
        path = os.path.join(folder, f"{name}.{kind}")
        if kind == "csv.gz":
            half = len(data) // 2
            data = gzip.compress(data[:half], mtime=0) + gzip.compress(data[half:], mtime=0)
        elif kind == "zip":
            buffer = io.BytesIO()
            with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
                archive.writestr(zipfile.ZipInfo(f"{name}.csv", (2025, 4, 1, 0, 0, 0)), data)
            data = buffer.getvalue()
        with open(path, "wb") as file:
            file.write(data)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--visits", type=int, default=120)
    parser.add_argument("--soil", action="store_true", help="also nulls and bad values in every column")
    options = parser.parse_args()
    draw = Draw(options.seed)
    batches = ["2025-W10", "2025-W11", "2025-W12"]
    tables = claims(draw, options.visits)
    if options.soil:
        soil(draw, tables)
    for batch, tables in spread(draw, tables, batches).items():
        folder = os.path.join(options.folder, "batches", batch)
        os.makedirs(folder, exist_ok=True)
        for table, columns in (("setl_d", SETL), ("mdtrt_d", VISIT), ("fee_list_d", LINE),
                               ("setl_list_diag_d", DIAGNOSIS)):
            write_claims(draw, folder, table, columns, tables[table])
    folder = os.path.join(options.folder, "registries")
    os.makedirs(folder, exist_ok=True)
    for table, rows in registries(draw, draw.chance(0.4)).items():
        columns = list(dict.fromkeys(column for row in rows for column in row))
        if rows:
            with open(os.path.join(folder, f"{table}.csv"), "w", encoding="utf-8", newline="") as file:
                writer = csv.DictWriter(file, columns, lineterminator="\n", restval="")
                writer.writeheader()
                writer.writerows(rows)


if __name__ == "__main__":
    main()
