"""Exports to findings and the weekly run beside DuckDB running the same rules, and the floors under both.

usage: bench.py [--size 5m] [--layout narrow|wide] [--rounds 3] [--peers duckdb,sqlite] [--work DIR] [--yijian FILE]
                [--only audit,run,duckdb,sqlite,floors] [--duckdb-memory 4GB]

Contestants take turns, round by round, over one export that is made once and kept in the work folder. Each findings
file is compared with ours. Nothing is asserted of times; the bars stand beside them. Exit code 1: findings differ.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time

import measure as m

sys.path.insert(0, os.path.join(m.HERE, "peers"))
import compare  # noqa: E402

PIPELINE = os.path.join(m.ROOT, "Pipelines", "weekly.yml")
# Ratio to DuckDB's exports → findings below which the work is not done, and the goal; by contestant.
BARS = {"audit": ("3 times faster", "5 (5 M), 4 (30 M)"), "run": ("as fast", "2")}


def compiled_floor(work):
    """Path of the floor, and the inflaters it was built with."""
    source, binary = os.path.join(m.HERE, "floor", "floor.c"), os.path.join(work, "floor")
    base = ["cc", "-O3", "-march=native", "-pthread", "-o", binary, source]
    for extra, inflaters in ((["-DWITH_ISAL", "-lisal", "-lz"], ["zlib", "isal"]), (["-lz"], ["zlib"])):
        if subprocess.run(base + extra, capture_output=True).returncode == 0:
            return binary, inflaters
    print("The floors are left out: no C compiler, or no zlib1g-dev.")
    return None, []


def contestants(options, folder, work):
    """(name, command, findings file or None, folder of stages or None, folders to empty before)."""
    found = []
    out = os.path.join(work, "out")
    python = os.path.join(m.ROOT, ".build", "engines", "venv", "bin", "python")
    peers = os.path.join(m.HERE, "peers")
    jobs = ["--jobs", str(options.jobs)] if options.jobs else []

    def wanted(name):
        return not options.only or name in options.only

    if wanted("audit"):
        if m.can(options.yijian, "audit"):
            command = [options.yijian, "audit", PIPELINE, "--input", folder, "--output", f"{out}/audit"] + jobs
            found.append(("audit", command, f"{out}/audit/findings.csv", f"{out}/audit", [f"{out}/audit"]))
            # The floors are compared with what inflates as they do.
            if not options.only or "floors" in options.only:
                zlib = f"{out}/audit-zlib"
                command = ["env", "YIJIAN_INFLATER=zlib"] + [zlib if word == f"{out}/audit" else word for word in command]
                found.append(("audit, zlib", command, f"{zlib}/findings.csv", None, [zlib]))
        else:
            print("This yijian has no `audit`; `run` stands for it.")
    if wanted("run"):
        command = [options.yijian, "run", PIPELINE, "--input", folder, "--output", f"{out}/run"] + jobs
        command += ["--store", f"{out}/store"]
        found.append(("run", command, None, f"{out}/run", [f"{out}/run", f"{out}/store"]))
    if "duckdb" in options.peers and wanted("duckdb"):
        command = [python, f"{peers}/duckdb.py", folder, f"{out}/duckdb.csv"]
        command += ["--memory", options.duckdb_memory] if options.duckdb_memory else []
        found.append(("duckdb", command, f"{out}/duckdb.csv", None, []))
    if "sqlite" in options.peers and wanted("sqlite"):
        command = [sys.executable, f"{peers}/sqlite.py", options.yijian, folder, f"{out}/sqlite.csv"]
        found.append(("sqlite", command, f"{out}/sqlite.csv", None, []))
    if not options.only or "floors" in options.only:
        files = m.claim_files(folder)
        found.append(("gzip -dc × 2", ["sh", "-c", 'printf "%s\\0" "$@" | xargs -0 -P 2 -n 1 gzip -dc >/dev/null', "sh"]
                      + sorted(files, key=os.path.getsize, reverse=True), None, None, []))
        floor, inflaters = compiled_floor(work)
        for work_kind, label in (("inflate", "inflate only"), ("full", "C floor")):
            for inflater in inflaters:
                name = f"{label}, {'ISA-L' if inflater == 'isal' else inflater} × 2"
                found.append((name, [floor, work_kind, inflater, "2"] + files, None, None, []))
    return found


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--size", type=m.number, default=m.number("1m"))
    parser.add_argument("--layout", choices=["narrow", "wide"], default="narrow")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--peers", type=lambda t: t.replace(" ", "").split(","), default=["duckdb"])
    parser.add_argument("--only", type=lambda t: t.replace(" ", "").split(","), default=[])
    parser.add_argument("--work", default=os.path.join(m.ROOT, ".build", "bench"))
    parser.add_argument("--yijian", default=os.path.join(m.ROOT, ".build", "release", "yijian"))
    parser.add_argument("--duckdb-memory")
    parser.add_argument("--jobs", type=int)
    options = parser.parse_args()
    work = os.path.abspath(options.work)
    os.makedirs(work, exist_ok=True)
    folder = m.export(options.yijian, work, options.size, options.layout)
    rows = m.rows_of(folder)
    files = m.claim_files(folder)
    lines = rows["fee_list_d"]
    print(f"machine: {m.machine()}")
    print(f"input: {lines:,} fee lines, {sum(rows.values()):,} rows, {options.layout}, "
          f"{sum(map(os.path.getsize, files)) / 1e6:.0f} MB in {len(files)} files")
    # The store, the outputs and what a peer spills.
    m.need_disk(work, lines * 400 + (2 << 30), "running")
    out = os.path.join(work, "out")
    os.makedirs(out, exist_ok=True)
    field = contestants(options, folder, work)
    if options.rounds < 1 or not field:
        m.fail("nothing to run")
    m.warm(files)
    measures = {name: [] for name, *_ in field}
    breakdown, disturbed, wrong = {}, set(), 0
    for turn in range(options.rounds):
        quiet, load = m.is_quiet()
        print(f"round {turn + 1}: {load}" + ("" if quiet else "; the machine is not quiet"), flush=True)
        ours = None
        for name, command, findings, stage_folder, to_empty in field:
            for path in to_empty:
                shutil.rmtree(path, ignore_errors=True)
            log = os.path.join(out, "log.txt")
            result = m.measured(command, out=log)
            if result.status:
                print(f"  {name}: exit code {result.status}")
                with open(log, encoding="utf-8", errors="replace") as file:
                    print("".join(file.readlines()[-15:]))
                wrong += 1
                continue
            if result.others > 0.1 * result.wall:
                disturbed.add(name)
            measures[name].append(result)
            note = ""
            if stage_folder:
                breakdown[name] = m.stages(stage_folder, log)
                ours = ours or findings or os.path.join(m.last_batch(stage_folder), "findings.csv")
            if name == "run" or findings and findings != ours:
                mine = os.path.join(m.last_batch(stage_folder), "findings.csv") if name == "run" else findings
                if ours and mine != ours:
                    differ, count = compare.differences(ours, mine)
                    note = f"; {count} findings, " + ("not equal:" if differ else "all equal")
                    wrong += 1 if differ else 0
                    note += "".join("\n    " + line for line in differ)
            print(f"  {name}: {result.wall:.2f} s, CPU {result.cpu:.2f} s, {result.peak / 1e6:.0f} MB, "
                  f"others {result.others:.1f} s{note}", flush=True)
    report(options, lines, field, measures, breakdown, disturbed)
    path = os.path.join(work, f"result-{options.layout}-{m.short(options.size)}.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({
            "machine": m.machine(), "layout": options.layout, "fee_lines": lines, "at": time.strftime("%Y-%m-%d"),
            "measures": {name: [r._asdict() for r in list_] for name, list_ in measures.items()},
            "stages": breakdown, "disturbed": sorted(disturbed)}, file, indent=1)
    print(f"kept in {path}")
    return 1 if wrong else 0


def report(options, lines, field, measures, breakdown, disturbed):
    base = measures.get("duckdb")
    print()
    print("| What | Wall s, min / median / max | CPU s | Peak MB | M lines/s | DuckDB / this: wall, memory |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, *_ in field:
        runs = measures[name]
        if not runs:
            continue
        wall, peak = m.median([r.wall for r in runs]), m.median([r.peak for r in runs])
        ratio = ""
        if base and name != "duckdb":
            ratio = f"{m.median([r.wall for r in base]) / wall:.2f}, {m.median([r.peak for r in base]) / peak:.1f}"
        print(f"| {name}{' (disturbed)' if name in disturbed else ''} | {m.spread([r.wall for r in runs])} | "
              f"{m.spread([r.cpu for r in runs])} | {m.spread([r.peak / 1e6 for r in runs], 0)} | "
              f"{lines / wall / 1e6:.2f} | {ratio} |")
    print()
    for ours, floor in (("audit", "C floor, ISA-L × 2"), ("audit, zlib", "C floor, zlib × 2")):
        if measures.get(ours) and measures.get(floor):
            ratio = m.median([r.wall for r in measures[ours]]) / m.median([r.wall for r in measures[floor]])
            print(f"{ours} / {floor}: {ratio:.2f} (bar 2, goal 1.3)")
    for name, (bar, goal) in BARS.items():
        if base and measures.get(name):
            print(f"bar of {name} against DuckDB: {bar}; goal {goal}. Memory: bar a fifth, goal a tenth.")
    for name, rows in breakdown.items():
        if not rows:
            continue
        print(f"\nStages of {name}, last round:\n\n| Batch | Stage | Rows | s | M rows/s |\n| --- | --- | --- | --- | --- |")
        for batch, stage, count, seconds in rows:
            rate = f"{count / seconds / 1e6:.2f}" if seconds > 0.0005 and count > 1000 else ""
            print(f"| {batch} | {stage} | {count:,} | {seconds:.3f} | {rate} |")
    if disturbed:
        print("\nOthers used more than a tenth of a core during what is marked disturbed; compare its CPU seconds.")


if __name__ == "__main__":
    sys.exit(main())
