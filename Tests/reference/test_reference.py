#!/usr/bin/env python3
"""Hand-worked boundaries of the reference itself: ADM-05, ADM-06, ADM-09, CHR-01, CHR-03 and the counting of fen.

    python3 Tests/reference/test_reference.py

Every expectation is worked out from the written definitions; March 2025 throughout, days by number.
"""

import csv
import os
import tempfile
import unittest

import reference

reference.note = lambda text: None

PERSON = "99019901"
HOSPITAL = "H99010100001"


def at(day):
    """A day of March 2025; 0 and below reach back into February, which has 28."""
    return f"2025-03-{day:02}" if day > 0 else f"2025-02-{28 + day:02}"


class Case(unittest.TestCase):
    def setUp(self):
        self.tables = {table: {} for table in reference.KEYS}
        self.registries = {}
        self.serial = 0

    def put(self, table, **texts):
        """A claim row as it would be read; empty texts are null."""
        texts = {"vali_flag": "1", **texts}
        row = reference.typed_row(table, list(texts), list(texts.values()))
        self.assertIsNotNone(row)
        self.tables[table][tuple(row[column] for column in reference.KEYS[table])] = row

    def register(self, table, **values):
        self.registries.setdefault(table, []).append({"begndate": "2020-01-01", "enddate": "", **values})

    def stay(self, name, b, e, fee="0", paid="0", settlement=None, **values):
        """A stay with one settlement S<name>."""
        visit = {"mdtrt_id": name, "psn_no": PERSON, "fixmedins_code": HOSPITAL, "begntime": at(b), "endtime": at(e),
                 "med_type": "21", "dscg_maindiag_code": "I10.x00", "adm_caty": "A03.01", "dscg_way": "1", **values}
        self.put("mdtrt_d", **visit)
        self.put("setl_d", **{"setl_id": "S" + name, "mdtrt_id": name, "psn_no": visit["psn_no"],
                              "fixmedins_code": visit["fixmedins_code"], "begndate": at(b),
                              "med_type": visit["med_type"], "medfee_sumamt": fee, "fund_pay_sumamt": paid,
                              **(settlement or {})})

    def line(self, name, day, yuan="1", kind="05", setl_id=None, **values):
        self.serial += 1
        self.put("fee_list_d", **{"mdtrt_id": name, "bkkp_sn": f"{self.serial:04}", "setl_id": setl_id or "S" + name,
                                  "psn_no": PERSON, "fixmedins_code": HOSPITAL, "fee_ocur_time": at(day), "cnt": "1",
                                  "pric": yuan, "det_item_fee_sumamt": yuan, "inscp_amt": yuan,
                                  "med_chrgitm_type": kind, **values})
        return f"{name}:{self.serial:04}"

    def audit(self, refused=(), floor=0, rules=None):
        with tempfile.TemporaryDirectory() as folder:
            for table, rows in self.registries.items():
                with open(os.path.join(folder, table + ".csv"), "w", encoding="utf-8", newline="") as file:
                    writer = csv.DictWriter(file, list(dict.fromkeys(name for row in rows for name in row)))
                    writer.writeheader()
                    writer.writerows(rows)
            registries = reference.Registries(folder)
        audit = reference.Audit(reference.Claims(self.tables, registries), registries, set(refused), floor)
        audit.run(rules)
        self.findings = sorted(audit.findings, key=lambda row: (row["rule"], row["key"]))
        self.suppressed = [(row["rule"], row["exemption"]) for row in audit.suppressed]
        return self.findings

    def facts(self, rule, *columns, **options):
        return sorted(tuple(row[column] for column in columns) for row in self.audit(**options)
                      if row["rule"] == rule)


class SplitStays(Case):
    def pair(self, gap, first=None, second=None):
        self.setUp()
        self.stay("V1", 1, 5, **(first or {}))
        self.stay("V2", 5 + gap, 5 + gap + 2 if gap >= 0 else 9, paid="30", **(second or {}))
        return self.facts("ADM-05", "verdict", "severity", "measure", "threshold")

    def test_gap(self):
        for gap, expected in [(-1, []), (0, [("可疑", "high", 0, 7)]), (7, [("可疑", "high", 7, 7)]),
                              (8, [("线索", "medium", 8, 15)]), (15, [("线索", "medium", 15, 15)]), (16, [])]:
            with self.subTest(gap=gap):
                self.assertEqual(self.pair(gap), expected)

    def test_amount_is_of_the_second(self):
        self.stay("V1", 1, 5, paid="90")
        self.stay("V2", 6, 9, paid="30")
        self.line("V1", 2, "100")
        self.line("V2", 7, "40")
        self.assertEqual(self.facts("ADM-05", "key", "setl_ids", "line_ids", "from_date", "to_date", "amount_fen",
                                    "fund_fen", "counted_fen"),
                         [("V1|V2", "SV1|SV2", "", "2025-03-05", "2025-03-06", 4000, 3000, 3000)])

    def test_neighbours_only(self):
        for name, b, e in [("V3", 7, 8), ("V1", 1, 3), ("V2", 4, 6)]:
            self.stay(name, b, e)
        self.assertEqual(self.facts("ADM-05", "key"), [("V1|V2",), ("V2|V3",)])

    def test_order_by_begin_end_id(self):
        # (1,1,B) < (1,3,A): a short stay inside a longer one on the same day comes first, its gap is 0.
        self.stay("A", 1, 3)
        self.stay("B", 1, 1)
        self.assertEqual(self.facts("ADM-05", "key", "measure"), [("B|A", 0)])

    def test_overlapping_neighbour_is_not_skipped(self):
        # 1-10, 3-5, 11-12: (1,2) has gap -7, (2,3) has gap 6; 1 and 3 are no neighbours.
        for name, b, e in [("V1", 1, 10), ("V2", 3, 5), ("V3", 11, 12)]:
            self.stay(name, b, e)
        self.assertEqual(self.facts("ADM-05", "key", "measure"), [("V2|V3", 6)])

    def test_diagnosis(self):
        for code, hits in [("i10.900", 1), ("I11.900", 0), ("", 0)]:
            with self.subTest(code=code):
                self.assertEqual(len(self.pair(3, second={"dscg_maindiag_code": code})), hits)

    def test_diagnosis_from_the_list(self):
        self.stay("V1", 1, 5)
        self.stay("V2", 6, 8, dscg_maindiag_code="")
        for name, kind, main, code in [("1", "2", "1", "A01"), ("2", "1", "0", "A02"), ("3", "", "1", "j18.9"),
                                       ("4", "1", "1", "I10.x")]:
            self.put("setl_list_diag_d", setl_list_diag_id=name, mdtrt_id="V2", diag_type=kind, maindiag_flag=main,
                     diag_code=code)
        # I10.x < J18.9 among the Western main diagnoses.
        self.assertEqual(self.facts("ADM-05", "key"), [("V1|V2",)])

    def test_departments(self):
        hit, clue = [("可疑",)], [("线索",)]
        for first, second, expected in [
                ({"dscg_caty": "A04.2"}, {"adm_caty": "A04.9"}, hit),
                ({"dscg_caty": "A04"}, {"adm_caty": "A03"}, []),
                ({"adm_caty": "A04", "dscg_caty": ""}, {"adm_caty": "", "dscg_caty": "A04"}, hit),
                ({"adm_caty": "", "dscg_caty": ""}, {"adm_caty": "A03"}, clue)]:
            with self.subTest(first=first, second=second):
                self.assertEqual([row[:1] for row in self.pair(2, first, second)], expected)

    def test_against_advice(self):
        self.assertEqual(self.pair(2, {"dscg_way": "4"}), [("线索", "high", 2, 7)])
        self.assertEqual(self.pair(2, {"dscg_way": ""}), [("可疑", "high", 2, 7)])

    def test_exemptions(self):
        for gap, first, second, expected in [
                (1, {"dscg_way": "2"}, {}, ["EX-01"]), (1, {"dscg_way": "3"}, {}, ["EX-01"]),
                (1, {}, {"dscg_way": "2"}, []), (1, {}, {"refl_old_mdtrt_id": "V9"}, ["EX-01"]),
                (1, {"refl_old_mdtrt_id": "V9"}, {}, []), (1, {}, {"med_type": "23"}, ["EX-01"]),
                (1, {}, {"med_type": "24"}, ["EX-02"]), (1, {"med_type": "24"}, {}, []),
                (1, {"dscg_maindiag_code": "Z51.100"}, {"dscg_maindiag_code": "Z51.800"}, ["EX-03"]),
                (1, {"dscg_maindiag_code": "Z51.200"}, {"dscg_maindiag_code": "Z51.200"}, []),
                (1, {"dscg_maindiag_code": "n18.500"}, {"dscg_maindiag_code": "N18.900"}, ["EX-03"]),
                (1, {"ars_year_ipt_flag": "1"}, {}, ["EX-04"]),
                (0, {"medrcdno": "R"}, {"medrcdno": "R"}, ["EX-04"]), (1, {"medrcdno": "R"}, {"medrcdno": "R"}, []),
                (1, {"med_type": "28"}, {}, ["EX-06"]), (1, {}, {"med_type": "26"}, ["EX-06"]),
                (1, {"nwb_flag": "1"}, {}, ["EX-07"]), (1, {}, {"med_type": "52"}, ["EX-07"]),
                (1, {"dscg_maindiag_code": "O80.0"}, {"dscg_maindiag_code": "O80.1"}, ["EX-07"]),
                (1, {"dscg_way": "2", "nwb_flag": "1"}, {"med_type": "24"}, ["EX-01", "EX-02", "EX-07"])]:
            with self.subTest(gap=gap, first=first, second=second):
                found = self.pair(gap, first, second)
                self.assertEqual([name for rule, name in self.suppressed if rule == "ADM-05"], expected)
                self.assertEqual(len(found), 0 if expected else 1)

    def test_not_where_nothing_would_stand(self):
        self.pair(16, {"dscg_way": "2"})
        self.assertEqual(self.suppressed, [])

    def test_other_place_or_lost_visits(self):
        self.assertEqual(self.pair(3, second={"fixmedins_code": "H99010100002"}), [])
        self.stay("V1", 1, 5)
        self.stay("V2", 6, 8)
        self.assertEqual(self.facts("ADM-05", "key", refused=["mdtrt_d"]), [])
        self.assertEqual(len(self.facts("ADM-05", "key", refused=["fee_list_d"])), 1)


class IdleDays(Case):
    def guard(self, stays=9, posted=None, **values):
        """Stays of two nights: one inner day each, posted on as many as told."""
        for at_ in range(stays):
            self.stay(f"G{at_}", 1, 3, psn_no=f"g{at_}", **values)
            if posted is None or at_ < posted:
                self.line(f"G{at_}", 2, "0")

    def idle(self, nights, active=(), stays=9, posted=None, fee=None, bed="1", **values):
        """A stay from day 10 with a bed line on every inner day and treatment on the days named."""
        self.setUp()
        self.guard(stays, posted)
        self.stay("V1", 10, 10 + nights, fee=str(nights - 1) if fee is None else fee, **values)
        for day in range(11, 10 + nights):
            self.line("V1", day, bed, "01")
        for day in active:
            self.line("V1", day, "0", "03")
        return self.facts("ADM-06", "key", "measure", "amount_fen")

    def test_nights(self):
        self.assertEqual(self.idle(4), [("V1|2025-03-11", 3, 300)])
        self.assertEqual(self.idle(3), [])

    def test_first_and_last_day_do_not_count(self):
        # Five nights, treatment on the first inner day: 12, 13, 14 are left. On the second: 13, 14 are too few.
        self.assertEqual(self.idle(5, active=[11]), [("V1|2025-03-12", 3, 300)])
        self.assertEqual(self.idle(5, active=[12]), [])
        # Days 10 and 14 are idle as well and are not inner days.
        self.assertEqual(self.idle(4, active=[12]), [])

    def test_two_runs(self):
        self.assertEqual(self.idle(8, active=[14]), [("V1|2025-03-11", 3, 300), ("V1|2025-03-15", 3, 300)])

    def test_kinds(self):
        for kind, hits in [("01", 1), ("02", 1), ("07", 1), ("05", 0), ("", 0)]:
            with self.subTest(kind=kind):
                self.setUp()
                self.guard()
                self.stay("V1", 10, 14, fee="3")
                for day in (11, 12, 13):
                    self.line("V1", day, "1", kind)
                self.assertEqual(len(self.facts("ADM-06", "key")), hits)

    def test_facts(self):
        self.guard()
        self.stay("V1", 10, 14, fee="3", paid="1.50")
        ids = [self.line("V1", day, "1", "01") for day in (11, 12, 13)]
        self.assertEqual(self.facts("ADM-06", "verdict", "severity", "subject", "setl_ids", "line_ids", "from_date",
                                    "to_date", "threshold", "fund_fen", "counted_fen"),
                         [("可疑", "medium", HOSPITAL, "SV1", "|".join(ids), "2025-03-11", "2025-03-13", 3, 150, 150)])

    def test_guard_of_ten_stays(self):
        self.assertEqual(len(self.idle(4, stays=9)), 1)
        self.assertEqual(len(self.idle(4, stays=8)), 0)

    def test_guard_counts_only_stays_with_inner_days(self):
        self.guard(8)
        self.stay("N", 1, 2, psn_no="n")
        self.stay("V1", 10, 14, fee="3")
        for day in (11, 12, 13):
            self.line("V1", day, "1", "01")
        self.assertEqual(self.facts("ADM-06", "key"), [])

    def test_guard_of_eighty_percent(self):
        # 17 stays of one inner day and one of three: 20 inner days. 13 + 3 = 16 posted is 80 %, 12 + 3 is 75 %.
        self.assertEqual(len(self.idle(4, stays=17, posted=13)), 1)
        self.assertEqual(len(self.idle(4, stays=17, posted=12)), 0)

    def test_no_line_at_all(self):
        # 9 + 3 inner days, 9 posted: 75 %. With 12 stays 12 of 15 are 80 %.
        self.assertEqual(len(self.idle(4, bed="1", stays=12)), 1)
        for stays, expected in [(11, []), (12, [("V1|2025-03-11", "", 0, 0)])]:
            self.setUp()
            self.guard(stays)
            self.stay("V1", 10, 14, fee="0.50", paid="9")
            self.assertEqual(self.facts("ADM-06", "key", "line_ids", "amount_fen", "fund_fen"), expected)

    def test_reconciliation(self):
        # Three lines of one yuan.
        for fee, hits in [("4.00", 1), ("4.01", 0), ("2.00", 1), ("1.99", 0), ("", 0)]:
            with self.subTest(fee=fee):
                self.assertEqual(len(self.idle(4, fee=fee)), hits)

    def test_med_types_out_of_scope_but_in_the_guard(self):
        for code in ("26", "28"):
            self.assertEqual(self.idle(4, med_type=code), [])
            self.assertEqual(self.suppressed, [])
        self.setUp()
        self.guard(9, med_type="28")
        self.stay("V1", 10, 14, fee="3")
        for day in (11, 12, 13):
            self.line("V1", day, "1", "01")
        self.assertEqual(len(self.facts("ADM-06", "key")), 1)

    def test_long_stay_institutions(self):
        for kind, begin, expected in [("nursing", 1, ["EX-08"]), ("general", 1, []), ("hospice", 11, [])]:
            with self.subTest(kind=kind, begin=begin):
                self.setUp()
                self.register("fixmedins_b", fixmedins_code=HOSPITAL, medins_kind=kind)
                self.registries["fixmedins_b"][0]["begndate"] = at(begin)
                self.guard()
                self.stay("V1", 10, 14, fee="3")
                for day in (11, 12, 13):
                    self.line("V1", day, "1", "01")
                self.assertEqual(len(self.facts("ADM-06", "key")), 0 if expected else 1)
                self.assertEqual(self.suppressed, [("ADM-06", name) for name in expected])

    def test_lost_lines(self):
        self.idle(4)
        self.assertEqual(self.facts("ADM-06", "key", refused=["fee_list_d"]), [])


class Beds(Case):
    def crowd(self, people, days, beds="10", first=1):
        for at_ in range(people):
            self.stay(f"V{at_}", first, first + days, psn_no=f"p{at_}")
        self.register("fixmedins_b", fixmedins_code=HOSPITAL, aprv_bed_cnt=beds)

    def test_census(self):
        for people, days, expected in [(12, 3, []), (13, 2, []), (13, 3, [(13, 12)])]:
            with self.subTest(people=people, days=days):
                self.setUp()
                self.crowd(people, days)
                self.assertEqual(self.facts("ADM-09", "measure", "threshold"), expected)

    def test_facts(self):
        self.crowd(13, 3)
        self.stay("W", 2, 2, psn_no="w")
        self.assertEqual(
            self.facts("ADM-09", "key", "verdict", "severity", "subject_type", "subject", "psn_no", "setl_ids",
                       "line_ids", "from_date", "to_date", "measure", "threshold", "amount_fen", "fund_fen",
                       "counted_fen"),
            [(HOSPITAL + "|2025-03-01", "可疑", "high", "institution", HOSPITAL, "", "", "", "2025-03-01",
              "2025-03-03", 14, 12, 0, 0, 0)])

    def test_who_counts(self):
        for values, hits in [({}, 1), ({"psn_no": "p0"}, 0), ({"med_type": "28"}, 0), ({"nwb_flag": "1"}, 0),
                             ({"nwb_flag": ""}, 1), ({"inhosp_stas": "1"}, 0), ({"psn_no": ""}, 0)]:
            with self.subTest(values=values):
                self.setUp()
                self.crowd(12, 3)
                self.stay("W", 1, 4, **{"psn_no": "w", **values})
                self.assertEqual(len(self.facts("ADM-09", "key")), hits)

    def test_same_day_stay(self):
        self.crowd(12, 3)
        for day in (1, 2, 3):
            self.stay(f"W{day}", day, day, psn_no="w")
        self.assertEqual(len(self.facts("ADM-09", "key")), 1)

    def test_beds_of_each_day(self):
        # 13 people for seven days; 10 beds on 1-3, none known on 4, 5 beds on 5-7: two runs, not one.
        self.crowd(13, 7)
        self.registries.clear()
        for begin, end, beds in [(1, 3, "10"), (4, 4, "0"), (5, 7, "5")]:
            self.register("fixmedins_b", fixmedins_code=HOSPITAL, aprv_bed_cnt=beds)
            self.registries["fixmedins_b"][-1].update(begndate=at(begin), enddate=at(end))
        self.assertEqual(self.facts("ADM-09", "from_date", "to_date", "threshold"),
                         [("2025-03-01", "2025-03-03", 12), ("2025-03-05", "2025-03-07", 6)])

    def test_threshold_of_the_fullest_day(self):
        # 11 on the first days, 12 on the third and fourth; 9 beds (10.8) up to 3, then 8 (9.6).
        self.crowd(11, 5, beds="9")
        self.stay("W", 3, 5, psn_no="w")
        self.registries["fixmedins_b"][0]["enddate"] = at(2)
        self.register("fixmedins_b", fixmedins_code=HOSPITAL, aprv_bed_cnt="8")
        self.registries["fixmedins_b"][1]["begndate"] = at(3)
        self.assertEqual(self.facts("ADM-09", "measure", "threshold"), [(12, 9)])

    def test_no_beds(self):
        for beds in ("", "0"):
            self.setUp()
            self.crowd(13, 3, beds=beds)
            self.assertEqual(self.facts("ADM-09", "key"), [])

    def test_contradicting_rows(self):
        self.crowd(13, 3)
        self.register("fixmedins_b", fixmedins_code=HOSPITAL, aprv_bed_cnt="10")
        self.assertEqual(self.facts("ADM-09", "key"), [])


class Stock(Case):
    def setUp(self):
        super().setUp()
        self.register("drug_sup_b", med_list_codg="XC08", sup_key="xc08c", sup_days="1")

    def buy(self, day, days, yuan="1", code="XC08", med_type="14", paid=None, **values):
        self.serial += 1
        name = f"V{self.serial:04}"
        self.put("setl_d", setl_id="S" + name, mdtrt_id=name, psn_no=PERSON, fixmedins_code=HOSPITAL,
                 begndate=at(day), med_type=med_type, fund_pay_sumamt=yuan if paid is None else paid)
        return self.line(name, day, yuan, "09", **{"cnt": str(days), "list_type": "101", "med_list_codg": code,
                                                   **values})

    def held(self, *columns):
        return self.facts("CHR-01", *(columns or ("verdict", "measure", "amount_fen")))

    def test_boundaries(self):
        for days, expected in [(90, []), (91, [("线索", "medium")]), (180, [("线索", "medium")]),
                               (181, [("可疑", "high")])]:
            with self.subTest(days=days):
                self.setUp()
                self.buy(1, days)
                self.assertEqual(self.held("verdict", "severity"), expected)

    def test_part(self):
        self.buy(1, 90, "90")
        second = self.buy(11, 30, "10", paid="7")
        # 90 - 10 + 30 = 110; 20 of 30: floor(1000 * 20 / 30) = 666, floor(700 * 20 / 30) = 466.
        self.assertEqual(self.held("key", "measure", "threshold", "line_ids", "amount_fen", "fund_fen"),
                         [(f"{PERSON}|XC08C|2025-03-11", 110, 90, second, 666, 466)])

    def test_used_up(self):
        self.buy(-20, 10)
        self.buy(1, 91)
        self.assertEqual(self.held("measure"), [(91,)])

    def test_all_of_it(self):
        # 91, then on the same stock 30 more on day 1 + 0: one purchase of 121; on the next day 10 more: 130.
        self.buy(1, 91, "1")
        self.buy(1, 30, "1")
        self.buy(2, 10, "3")
        self.assertEqual(self.held("measure", "amount_fen"), [(121, 200 * 31 // 121), (130, 300)])

    def test_floor_of_the_sum(self):
        # 0.5 + 0.5 boxes of 91 days: 45.5 + 45.5 = 91, not 45 + 45.
        self.registries["drug_sup_b"][0]["sup_days"] = "91"
        self.buy(1, 0.5)
        self.buy(1, 0.5)
        self.assertEqual(self.held("measure"), [(91,)])

    def test_less_than_a_day_is_no_purchase(self):
        self.registries["drug_sup_b"][0]["sup_days"] = "0.9999"
        self.buy(1, 1)
        self.assertEqual(self.held(), [])

    def test_scope(self):
        for values, hits in [({}, 1), ({"med_type": "11"}, 0), ({"med_type": "9929"}, 1), ({"list_type": "102"}, 0),
                             ({"list_type": ""}, 0), ({"yuan": "0"}, 0), ({"rx_circ_flag": "1"}, 0),
                             ({"rx_circ_flag": ""}, 1), ({"code": "XD"}, 0), ({"psn_no": ""}, 0),
                             ({"code": "xc08"}, 1)]:
            with self.subTest(values=values):
                self.setUp()
                self.buy(1, 91, **values)
                self.assertEqual(len(self.held()), hits)

    def test_two_codes_of_one_drug(self):
        self.register("drug_sup_b", med_list_codg="XC09", sup_key="XC08C", sup_days="2")
        self.buy(1, 60)
        self.buy(2, 20, code="XC09", fixmedins_code="P99")
        self.buy(2, 1, fixmedins_code="H1")
        # 60 - 1 + 40 + 1.
        self.assertEqual(self.held("measure", "fixmedins_code"), [(100, "")])

    def test_contradicting_rows(self):
        self.register("drug_sup_b", med_list_codg="XC08", sup_key="XC08C", sup_days="1")
        self.buy(1, 181)
        self.assertEqual(self.held(), [])

    def test_counted_in_order_of_lines(self):
        # Two lines of 10 yuan, 182 days: k = 92 of 182: floor(2000 * 92 / 182) = 1010, 1000 of one line and 10 of
        # the other.
        self.buy(1, 91, "10")
        self.buy(1, 91, "10")
        self.assertEqual(self.held("fund_fen", "counted_fen"), [(1010, 1010)])


class DiseaseDrugs(Case):
    DRUG = "XC08CAA001A001"

    def setUp(self):
        super().setUp()
        self.register("opsp_reg_d", psn_no="someone", insu_admdvs="990101", opsp_dise_code="M9")
        self.listed("M03900", "XC09CAE003")

    def listed(self, disease, drug, region="990000"):
        self.register("opsp_dise_drug_b", admdvs=region, opsp_dise_code=disease, drug_code=drug)

    def check(self, dise_no="M03900", med_type="140101", insured="990101", **values):
        self.put("setl_d", setl_id="S1", mdtrt_id="V1", psn_no=PERSON, fixmedins_code=HOSPITAL, begndate=at(1),
                 med_type=med_type, fund_pay_sumamt="4", dise_no=dise_no, insu_admdvs=insured,
                 fix_blng_admdvs="990102")
        self.line("V1", 1, "10", "09", "S1", **{"list_type": "101", "med_list_codg": self.DRUG, **values})
        return self.facts("CHR-03", "verdict", "severity", "subject", "measure", "threshold", "amount_fen",
                          "fund_fen")

    def test_hit(self):
        self.assertEqual(self.check(), [("可疑", "medium", HOSPITAL, 0, 1, 1000, 400)])

    def test_scope(self):
        for values, hits in [({"list_type": "102"}, 1), ({"list_type": "201"}, 0), ({"list_type": ""}, 0),
                             ({"med_type": "1403"}, 0), ({"inscp_amt": "0"}, 0), ({"med_list_codg": ""}, 0),
                             ({"dise_no": ""}, 0), ({"dise_no": "", "dise_codg": "M03900"}, 1),
                             ({"dise_codg": "M09999"}, 0), ({"dise_no": "m03900"}, 1), ({"insured": "990199"}, 0),
                             ({"insured": ""}, 0)]:
            with self.subTest(values=values):
                self.setUp()
                self.assertEqual(len(self.check(**values)), hits)

    def test_levels_are_joined(self):
        for region, hits in [("990102", 0), ("990100", 0), ("990000", 0), ("000000", 0), ("990101", 1), ("980000", 1)]:
            with self.subTest(region=region):
                self.setUp()
                self.listed("M03900", self.DRUG[:10], region)
                self.assertEqual(len(self.check()), hits)

    def test_short_codes_say_nothing(self):
        self.listed("M03900", self.DRUG[:9])
        self.assertEqual(len(self.check()), 1)
        self.setUp()
        self.registries["opsp_dise_drug_b"] = []
        self.listed("M03900", self.DRUG[:9])
        self.assertEqual(len(self.check()), 0)

    def test_drug_of_another_registered_disease(self):
        for end, hits in [("", 0), (at(1), 0), (at(0), 1)]:
            with self.subTest(end=end):
                self.setUp()
                self.listed("M01600", self.DRUG[:10])
                self.register("opsp_reg_d", psn_no=PERSON, insu_admdvs="990177", opsp_dise_code="M01600", enddate=end)
                self.assertEqual(len(self.check()), hits)

    def test_list_ends(self):
        self.listed("M03900", self.DRUG)
        self.registries["opsp_dise_drug_b"][-1]["enddate"] = at(0)
        self.assertEqual(len(self.check()), 1)
        self.registries["opsp_dise_drug_b"][0]["enddate"] = at(0)
        self.assertEqual(len(self.check()), 0)


class Counting(Case):
    def test_part_is_taken_in_order_of_lines(self):
        # A stay elsewhere on 1-9; on day 5 two lines of 10 yuan and 182 days, the first one's settlement in ADM-02.
        # CHR-01 claims 1010 of the two: nothing is left of the first line, the second gives its 1000.
        self.register("drug_sup_b", med_list_codg="XC08", sup_key="XC08C", sup_days="1")
        self.stay("A", 1, 9)
        for name, place in (("B", "H99010100002"), ("C", HOSPITAL)):
            self.put("setl_d", setl_id="S" + name, mdtrt_id=name, psn_no=PERSON, fixmedins_code=place,
                     begndate=at(5), med_type="14", fund_pay_sumamt="10")
            self.line(name, 5, "10", "09", cnt="91", list_type="101", med_list_codg="XC08",
                      fixmedins_code=place)
        # Chronic drugs alone are a clue in ADM-02, so a service of 0.01 yuan stands beside them.
        self.line("B", 5, "0.01", "03", list_type="201", fixmedins_code="H99010100002")
        self.tables["setl_d"]["SB",]["fund_pay_sumamt"] = 1001
        self.assertEqual([(row["rule"], row["verdict"], row["fund_fen"], row["counted_fen"]) for row in self.audit()
                          if row["rule"] in ("ADM-02", "CHR-01")],
                         [("ADM-02", "可疑", 1001, 1001), ("CHR-01", "可疑", 1010, 1000)])

    def test_one_fen_once(self):
        # V2 stands in ADM-05 with all its 40 yuan; ADM-06 finds three of its lines and is given nothing of them.
        for name in range(9):
            self.stay(f"G{name}", 1, 3, psn_no=f"g{name}")
            self.line(f"G{name}", 2, "0")
        self.stay("V1", 1, 9)
        for day in range(2, 9):
            self.line("V1", day, "0", "05")
        self.stay("V2", 10, 14, fee="3", paid="40")
        for day in (11, 12, 13):
            self.line("V2", day, "1", "01")
        self.assertEqual([(row["rule"], row["fund_fen"], row["counted_fen"]) for row in self.audit()],
                         [("ADM-05", 4000, 4000), ("ADM-06", 300, 0)])


if __name__ == "__main__":
    unittest.main()
