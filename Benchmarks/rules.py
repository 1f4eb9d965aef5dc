"""Writes a pack of N rules: the ten of Pipelines/rules, and generated ones beyond them that share no condition.

usage: rules.py N FOLDER [SCALE]      FOLDER/rules/*.yml and FOLDER/pipeline.yml, which stands for Pipelines/weekly.yml

Of ten generated rules four look at lines, two at settlements, two at stays, one at groups of lines of an institution
and day, one at a window of a person's settlements. Columns, codes and thresholds go on from rule to rule; hits are rare,
so that what is measured is looking and not writing. A practitioner's day has more lines in a larger delivery: SCALE
multiplies the thresholds of the groups (13 makes their hits rare at 5 million lines). The same N gives the same bytes.
"""

import datetime
import os
import shutil
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
HEAD = """rule: GEN-{n:02d}
version: 1
name: {{zh: 测量 {n}, en: Generated {n}}}
category: benchmark
status: active
severity: low
subject: institution
basis: [条例15]
since: 2025-01-01
"""
TAIL = """cases: [{{verdict: 线索}}]
measure: 1
threshold: 1
amount: {{A: sum_A, F: sum_F}}
explain: {{zh: "测量 {{A}}"}}
false_positives: 无
"""
AMOUNTS = ["det_item_fee_sumamt", "inscp_amt", "A", "preselfpay_amt"]
TEXTS = [
    ("med_chrgitm_type", ["03", "04", "05", "06", "08", "09", "10", "11", "14"]),
    ("list_type", ["101", "102", "201", "301"]),
    ("med_type", ["11", "21", "41", "51", "1301", "140101", "140104", "140201"]),
    ("etip_flag", ["1"]),
    ("dscg_tkdrug_flag", ["1"]),
]
DISEASES = ["J18", "I10", "E11", "I25", "J44", "K35", "I63", "M51", "K29", "H25", "S82", "J20", "N18"]


def days(first, more):
    """A span of days of the year that begins on 2025-03-03, as BETWEEN takes it."""
    begin = datetime.date(2025, 3, 3) + datetime.timedelta(first % 360)
    return f"DATE '{begin}' AND DATE '{begin + datetime.timedelta(more)}'"


def line(n, i):
    column, values = TEXTS[i % len(TEXTS)]
    value = values[i // len(TEXTS) % len(values)]
    amount = AMOUNTS[i * 3 % len(AMOUNTS)]
    other, others = TEXTS[(i + 2) % len(TEXTS)]
    return f"""each: line
where: >-
  line.{column} = '{value}' AND line.{amount} > {12 + i}.{i % 90 + 10} AND line.cnt < {40 + i}
  AND (line.{other} = '{others[i * 7 % len(others)]}') IS NOT TRUE AND line.day BETWEEN {days(7 * i + 3, 1)}
key: [line.id]
"""


def settlement(n, i):
    return f"""each: settlement
where: >-
  settlement.medfee_sumamt > {200 + 31 * i}.00 AND settlement.fund_pay_sumamt > {20 + 7 * i}.00
  AND settlement.insutype = '{(310, 390)[i % 2]}' AND settlement.day BETWEEN {days(17 * i + 9, 0)}
key: [settlement.setl_id]
lines: {{of: settlement, as: l, where: l.A > {5 + i}.00}}
"""


def stay(n, i):
    return f"""each: stay
where: >-
  stay.nights >= {10 + i % 3} AND stay.stay_F > {900 + 41 * i}.00 AND stay.dx STARTS WITH '{DISEASES[i % len(DISEASES)]}'
  AND (stay.dscg_way = '{i % 4 + 2}') IS NOT TRUE
key: [stay.mdtrt_id]
lines: {{of: stay, as: l, where: l.A > {100 + i}.00}}
"""


def group(n, i, scale=1):
    column, values = TEXTS[i % 3]
    return f"""group:
  of: line
  as: heap
  by: {{inst: line.fixmedins_code, doctor: line.bilg_dr_code, day: line.day}}
  values: {{times: COUNT(*), fen: SUM(line.{AMOUNTS[i % 2]})}}
scope: line.{column} = '{values[(i + 1) % len(values)]}' AND line.A > {i + 1}.00
where: heap.times > {scale * (30 + i)} AND heap.fen > {scale * (1500 + 117 * i)}.00
key: [heap.inst, heap.doctor, heap.day]
psn_no: none
fixmedins_code: heap.inst
settlements: [line]
lines: line
from: heap.day
to: heap.day
"""


def window(n, i):
    return f"""window:
  of: settlement
  as: span
  by: {{psn: settlement.psn_no}}
  day: settlement.day
  days: {5 + 4 * i}
  values: {{times: COUNT(*), fen: SUM(settlement.P)}}
scope: settlement.visit_class = '{('outpatient', 'pharmacy')[i % 2]}' AND settlement.P > {3 + i}.00
where: span.times > {3 + i} AND span.fen > {90 + 13 * i}.00
key: [span.psn, span.day]
psn_no: span.psn
fixmedins_code: none
settlements: [settlement]
lines: none
from: span.day
to: span.day
"""


MAKERS = [line, settlement, line, stay, line, group, line, settlement, stay, window]


def write_pack(count, folder, scale=1):
    """Writes the pack; gives the path of its pipeline file."""
    rules = os.path.join(folder, "rules")
    shutil.rmtree(rules, ignore_errors=True)
    os.makedirs(rules)
    pack = os.path.join(ROOT, "Pipelines", "rules")
    for name in sorted(os.listdir(pack)):
        if name.endswith(".yml") and not name.endswith(".test.yml"):
            shutil.copy(os.path.join(pack, name), rules)
    own = len(os.listdir(rules))
    made = {}
    for n in range(max(0, count - own)):
        maker = MAKERS[n % len(MAKERS)]
        i = made[maker] = made.get(maker, -1) + 1
        body = group(n, i, scale) if maker is group else maker(n, i)
        text = HEAD.format(n=n) + body + TAIL.format()
        if maker is window:
            text = text.replace("amount: {A: sum_A, F: sum_F}", "amount: none")
            text = text.replace("subject: institution", "subject: person").replace("{A}", "{span.times}")
        with open(os.path.join(rules, f"GEN-{n:02d}.yml"), "w", encoding="utf-8") as file:
            file.write(text)
    with open(os.path.join(ROOT, "Pipelines", "weekly.yml"), encoding="utf-8") as file:
        pipeline = file.read()
    base = os.path.join(ROOT, "Pipelines")
    lines = []
    for row in pipeline.splitlines():
        name, _, value = row.partition(":")
        value = value.strip()
        if name in ("jurisdiction", "exempt", "law"):
            row = f"{name}: {os.path.join(base, value)}"
        elif name == "knowledge":
            row = f"knowledge: [{os.path.join(base, value.strip('[]'))}]"
        elif name in ("claims", "registries"):
            row = f"{name}: {os.path.normpath(os.path.join(base, value))}"
        elif name in ("store", "output"):
            row = f"{name}: {os.path.join(folder, name)}"
        lines.append(row)
    path = os.path.join(folder, "pipeline.yml")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    return path


if __name__ == "__main__":
    scale = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    print(write_pack(int(sys.argv[1]), os.path.abspath(sys.argv[2]), scale))
