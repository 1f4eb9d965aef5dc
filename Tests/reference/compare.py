#!/usr/bin/env python3
"""Holds two answers about the same claims against each other and names every difference in one line.

    compare.py RUN_OUTPUT_DIR INPUT_DIR     a run's last batch against reference.py
    compare.py --truth INPUT_DIR            reference.py against INPUT_DIR/truth.csv, after every batch

Compared are the findings that hold (state other than withdrawn) with every fact of theirs, and what exemptions
silenced. Only rules that reference.py and the run (or truth.csv) both have take part. Exit code 1 if anything differs.
No person number is printed: a difference names rule, finding and field.
"""

import argparse
import csv
import os
import re
import sys

import reference

COMPARED = [column for column in reference.FINDING_COLUMNS if column not in ("rule", "key", "finding_id")]
TRUTH_COMPARED = ["verdict", "subject_type", "subject", "setl_ids", "line_ids", "from_date", "to_date", "measure",
                  "amount_fen", "fund_fen"]
PRIVATE = {"psn_no", "subject"}


def table(path):
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def texts(row):
    return {column: "" if value is None else str(value) for column, value in row.items()}


def last_batch(output):
    """The folder of the newest batch in its newest revision (`~2` after none, `~10` after `~9`)."""
    def age(name):
        match = re.fullmatch(r"(.*?)(?:~(\d+))?", name)
        return os.fsencode(match.group(1)), int(match.group(2) or 1)

    names = [name for name in os.listdir(output) if os.path.exists(os.path.join(output, name, "findings.csv"))]
    if not names:
        sys.exit(f"compare: no folder of {output} holds a findings.csv")
    return max(names, key=age)


def differing_fields(ours, theirs, columns):
    """One line a field. A list names what only one side has, a person's number is not repeated."""
    for column in columns:
        one, two = ours[column], theirs.get(column, "")
        if one == two:
            continue
        if column in PRIVATE and ours["subject_type"] == "person" or column == "psn_no":
            yield f"{column} differs"
        elif column in ("setl_ids", "line_ids"):
            left, right = set(filter(None, one.split("|"))), set(filter(None, two.split("|")))
            if left == right:
                yield f"{column}: same members, other order or a member twice"
            else:
                yield f"{column}: {len(left - right)} only in the reference, {len(right - left)} only in the other"
        else:
            yield f"{column} is {one or 'empty'} in the reference, {two or 'empty'} in the other"


def compare(ours, theirs, columns, other):
    """Lines for two answers, each (rule, name) -> row."""
    for name in sorted(ours.keys() - theirs.keys()):
        row = ours[name]
        yield f"{name[0]} {row['finding_id']}: missing in {other} ({row['verdict']}, {row['fund_fen']} fen of the fund)"
    for name in sorted(theirs.keys() - ours.keys()):
        row = theirs[name]
        yield f"{name[0]} {row.get('finding_id') or name[1]}: only in {other} ({row['verdict']})"
    for name in sorted(ours.keys() & theirs.keys()):
        for reason in differing_fields(ours[name], theirs[name], columns):
            yield f"{name[0]} {ours[name]['finding_id']}: {reason}"


def compare_run(output, folder, fill_floor):
    batch = last_batch(output)
    rules = {row["rule"] for row in table(os.path.join(output, batch, "coverage.csv")) if row["status"] != "off"}
    rules &= set(reference.RULES)
    findings, suppressed = reference.audit_folder(folder, batch.split("~")[0], fill_floor, rules)
    ours = {(row["rule"], row["finding_id"]): texts(row) for row in findings}
    theirs, differences = {}, []
    order = []
    for row in table(os.path.join(output, batch, "findings.csv")):
        order.append(row["finding_id"].encode())
        if row["rule"] not in rules or row["state"] == "withdrawn":
            continue
        name = row["rule"], row["finding_id"]
        if name in theirs:
            differences.append(f"{row['rule']} {row['finding_id']}: twice in findings.csv")
        theirs[name] = row
    if order != sorted(order):
        differences.append("findings.csv is not sorted by finding_id")
    differences += compare(ours, theirs, COMPARED, "the run")
    silent = {tuple(row[column] for column in reference.SUPPRESSED_COLUMNS) for row in suppressed}
    theirs_silent = {tuple(row[column] for column in reference.SUPPRESSED_COLUMNS)
                     for row in table(os.path.join(output, batch, "suppressed.csv"))
                     if row["rule"] in rules}
    for finding, rule, exemption in sorted(silent - theirs_silent):
        differences.append(f"{rule} {finding}: suppression by {exemption} missing in the run")
    for finding, rule, exemption in sorted(theirs_silent - silent):
        differences.append(f"{rule} {finding}: suppression by {exemption} only in the run")
    return differences, f"{batch}, {len(rules)} rules: {len(ours)} findings, {len(silent)} suppressions"


def compare_truth(folder, fill_floor):
    """truth.csv speaks after each batch: hits must be found as they stand there, nothing else may be found."""
    rows = [row for row in table(os.path.join(folder, "truth.csv")) if row["rule"] in reference.RULES]
    rules = {row["rule"] for row in rows}
    differences, counts = [], []
    for batch, _ in reference.batch_folders(folder):
        findings, suppressed = reference.audit_folder(folder, batch, fill_floor, rules)
        # What a file holds of an earlier batch holds still: truth.csv lists the whole state after each batch.
        ours = {(row["rule"], row["key"]): texts(row) for row in findings}
        state = [row for row in rows if row["batch"] == batch]
        hits = {(row["rule"], row["key"]): row for row in state if row["kind"] == "hit"}
        differences += [f"{batch} {line}" for line in compare(ours, hits, TRUTH_COMPARED, "truth.csv")]
        silent = {(row["finding_id"], row["exemption"]) for row in suppressed}
        planned = {(reference.finding_id(row["rule"], row["key"]), exemption) for row in state
                   if row["kind"] == "lookalike" for exemption in row["exemption"].split("|") if exemption}
        for finding, exemption in sorted(planned - silent):
            differences.append(f"{batch} {finding}: truth.csv names {exemption}, the reference does not")
        for finding, exemption in sorted(silent - planned):
            differences.append(f"{batch} {finding}: {exemption} is not in truth.csv")
        counts.append(f"{batch}: {len(ours)} findings, {len(silent)} suppressions")
    return differences, "; ".join(counts)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folders", nargs="+", metavar="DIR")
    parser.add_argument("--truth", action="store_true", help="hold the reference against truth.csv")
    parser.add_argument("--fill-floor", type=int, default=95, metavar="PERCENT")
    options = parser.parse_args()
    if len(options.folders) != (1 if options.truth else 2):
        parser.error("give RUN_OUTPUT_DIR INPUT_DIR, or --truth INPUT_DIR")
    if options.truth:
        differences, counts = compare_truth(options.folders[0], options.fill_floor)
    else:
        differences, counts = compare_run(*options.folders, options.fill_floor)
    for line in differences:
        print(line)
    print(f"{len(differences)} differences ({counts})")
    sys.exit(1 if differences else 0)


if __name__ == "__main__":
    main()
