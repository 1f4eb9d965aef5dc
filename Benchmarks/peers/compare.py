"""Compares a peer's findings with ours: finding_id, verdict, amount_fen and fund_fen of every finding that holds.

usage: compare.py OURS/findings.csv PEER.csv     exit code 1 and the first differences of each rule if they differ
"""

import csv
import sys


def findings(path):
    with open(path, encoding="utf-8", newline="") as file:
        return {
            row["finding_id"]: (row["rule"], row["verdict"], int(row["amount_fen"]), int(row["fund_fen"]), row.get("key", ""))
            for row in csv.DictReader(file)
            if row.get("state") != "withdrawn"
        }


def differences(ours, theirs):
    """Lines of text; none if all findings are equal."""
    a, b = findings(ours), findings(theirs)
    found = []
    for rule in sorted({row[0] for row in (*a.values(), *b.values())}):
        mine = {i: row for i, row in a.items() if row[0] == rule}
        peer = {i: row for i, row in b.items() if row[0] == rule}
        wrong = [i for i in sorted({*mine, *peer}) if mine.get(i, ())[:4] != peer.get(i, ())[:4]]
        if wrong:
            found.append(f"{rule}: {len(mine)} of ours, {len(peer)} of the peer's, {len(wrong)} differ")
            found += [f"  {i} ours {mine.get(i, ())[1:4]} peer {peer.get(i, ())[1:]}" for i in wrong[:5]]
    return found, len(a)


if __name__ == "__main__":
    lines, count = differences(*sys.argv[1:3])
    print("\n".join(lines) if lines else f"{count} findings, all equal")
    sys.exit(1 if lines or not count else 0)
