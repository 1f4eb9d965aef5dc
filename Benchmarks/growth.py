"""How time and memory grow: with lines, rules, jobs, and weeks of store. Writes growth.csv and growth.svg.

usage: growth.py [--sizes 1m,5m,30m,100m] [--rules 10,40,100] [--jobs 1,2] [--weeks 4,26,52] [--base 5m] [--week 100k]
                 [--rounds 3] [--only lines,rules,jobs,weeks] [--work DIR] [--yijian FILE] [--plot]

Lines, rules and jobs are measured on one delivery of a year (exports → findings); rules and jobs at --base lines. Weeks:
a store that holds n − 1 weekly batches of --week lines each takes in batch n; only that run is measured. Each row of
growth.csv is one run; rows of a curve that is measured anew are replaced. --plot only draws growth.svg from the rows.
"""

import argparse
import csv
import datetime
import os
import shutil
import sys
import time

import measure as m
import rules as generated

CSV = os.path.join(m.HERE, "growth.csv")
SVG = os.path.join(m.HERE, "growth.svg")
FIELDS = ["curve", "x", "command", "fee_lines", "wall_s", "cpu_s", "peak_mb", "others_cpu_s", "date", "machine"]
# Registrations are measured in the same turns as weeks, on a copy of the store.
MEASURED = ["lines", "rules", "jobs", "weeks"]
CURVES = {
    "lines": ("fee lines, millions", "exports → findings by fee lines"),
    "rules": ("rules", "by rules"),
    "jobs": ("jobs", "by jobs"),
    "weeks": ("weeks in the store", "one week's run by weeks of store"),
    "registrations": ("weeks in the store", "with new registrations"),
}


def read_rows():
    if not os.path.exists(CSV):
        return []
    with open(CSV, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def keep(rows, curve, made):
    """Replaces the rows of a curve at the places that were measured, and writes the file."""
    places = {row["x"] for row in made}
    rows[:] = [r for r in rows if r["curve"] != curve or r["x"] not in places] + made
    rows.sort(key=lambda r: (list(CURVES).index(r["curve"]), float(r["x"])))
    with open(CSV, "w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def row(curve, x, command, lines, result):
    print(f"  {curve} {x}: {result.wall:.2f} s, CPU {result.cpu:.2f} s, {result.peak / 1e6:.0f} MB, "
          f"others {result.others:.1f} s", flush=True)
    return {
        "curve": curve, "x": str(x), "command": command, "fee_lines": lines, "wall_s": f"{result.wall:.3f}",
        "cpu_s": f"{result.cpu:.3f}", "peak_mb": f"{result.peak / 1e6:.1f}", "others_cpu_s": f"{result.others:.2f}",
        "date": time.strftime("%Y-%m-%d"), "machine": m.machine()}


class Growth:
    def __init__(self, options):
        self.options, self.work = options, os.path.abspath(options.work)
        self.out = os.path.join(self.work, "growth-out")
        os.makedirs(self.out, exist_ok=True)
        self.command = "audit" if m.can(options.yijian, "audit") else "run"
        self.rows = read_rows()

    def one_pass(self, folder, rules=10, jobs=None):
        """Exports → findings over a folder, with so many rules, measured."""
        pipeline = os.path.join(m.ROOT, "Pipelines", "weekly.yml")
        if rules != 10:
            # A practitioner's day has as many more lines as the delivery; hits stay rare.
            scale = max(1, round(self.options.base * 13 / 5_000_000))
            pipeline = generated.write_pack(rules, os.path.join(self.work, f"pack-{rules}-{scale}"), scale)
        to = os.path.join(self.out, "pass")
        shutil.rmtree(to, ignore_errors=True)
        command = [self.options.yijian, self.command, pipeline, "--input", folder]
        command += ["--output", to] if self.command == "audit" else ["--output", f"{to}/out", "--store", f"{to}/store"]
        return self.run(command + (["--jobs", str(jobs)] if jobs else []))

    def run(self, command):
        log = os.path.join(self.out, "log.txt")
        result = m.measured(command, out=log)
        if result.status:
            with open(log, encoding="utf-8", errors="replace") as file:
                m.fail(f"exit code {result.status} of {' '.join(command)}\n" + "".join(file.readlines()[-15:]))
        return result

    def turns(self, curve, places, measure):
        """Measures the places of a curve in turns, so that a slow minute does not fall on one of them."""
        made = []
        for _ in range(self.options.rounds):
            made += [measure(x) for x in places]
        keep(self.rows, curve, made)

    def lines(self):
        folders = {}
        for size in self.options.sizes:
            folders[size] = m.export(self.options.yijian, self.work, size)
            m.need_disk(self.work, size * (100 if self.command == "audit" else 800), "the largest size")

        def measure(size):
            m.warm(m.claim_files(folders[size])) if size <= 30_000_000 else None
            return row("lines", size / 1e6, self.command, m.rows_of(folders[size])["fee_list_d"],
                       self.one_pass(folders[size]))

        self.turns("lines", self.options.sizes, measure)

    def rules(self):
        folder = m.export(self.options.yijian, self.work, self.options.base)
        m.warm(m.claim_files(folder))
        count = m.rows_of(folder)["fee_list_d"]
        self.turns("rules", self.options.rules,
                   lambda n: row("rules", n, self.command, count, self.one_pass(folder, rules=n)))

    def jobs(self):
        folder = m.export(self.options.yijian, self.work, self.options.base)
        m.warm(m.claim_files(folder))
        count = m.rows_of(folder)["fee_list_d"]
        self.turns("jobs", self.options.jobs,
                   lambda n: row("jobs", n, self.command, count, self.one_pass(folder, jobs=n)))

    def weeks(self):
        most = max(self.options.weeks)
        folder = m.export(self.options.yijian, self.work, self.options.week * most, weeks=most, one_batch=False, parts=4)
        batches = sorted(os.listdir(os.path.join(folder, "batches")))
        delivered, out, store = (os.path.join(self.out, name) for name in ("delivered", "weekly", "store"))
        for path in (delivered, out, store):
            shutil.rmtree(path, ignore_errors=True)
        os.makedirs(os.path.join(delivered, "batches"))
        os.symlink(os.path.join(folder, "registries"), os.path.join(delivered, "registries"))
        pipeline = os.path.join(m.ROOT, "Pipelines", "weekly.yml")
        command = [self.options.yijian, "run", pipeline, "--input", delivered, "--output", out, "--store", store]
        made, registered, count = [], [], m.rows_of(folder)["fee_list_d"] // most
        for week, batch in enumerate(batches, 1):
            # A batch is a folder of its own, as the bureau gets it.
            shutil.copytree(os.path.join(folder, "batches", batch), os.path.join(delivered, "batches", batch))
            if week in self.options.weeks:
                copy, other = store + "-copy", out + "-copy"
                shutil.rmtree(copy, ignore_errors=True)
                shutil.rmtree(other, ignore_errors=True)
                shutil.copytree(store, copy)
                changed = self.new_registrations(os.path.join(folder, "registries"), batch)
                made.append(row("weeks", week, "run", count, self.run(command)))
                result = self.run([*command[:5], "--output", other, "--store", copy, "--registries", changed])
                registered.append(row("registrations", week, "run", count, result))
            elif week + 1 in self.options.weeks or week == most:
                # What came before, in one run that is not measured. Digests of files that are younger than two seconds are
                # not remembered; a bureau's are a week old.
                time.sleep(3)
                self.run(command)
        keep(self.rows, "weeks", made)
        keep(self.rows, "registrations", registered)
        print(f"  store of {most} weeks: {m.folder_bytes(store) / 1e6:.0f} MB")


    def new_registrations(self, registries, batch):
        """A copy of the registries in which 300 persons are registered for one disease more since the week's Monday."""
        changed = os.path.join(self.out, "registries")
        shutil.rmtree(changed, ignore_errors=True)
        shutil.copytree(registries, changed)
        path = os.path.join(changed, "opsp_reg_d.csv")
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        year, week = batch.split("-W")
        diseases = sorted({row["opsp_dise_code"] for row in rows})
        for i in range(300):
            more = dict(rows[i * (len(rows) // 300)])
            more["opsp_dise_code"] = diseases[(diseases.index(more["opsp_dise_code"]) + 1) % len(diseases)]
            more["begndate"], more["enddate"] = datetime.date.fromisocalendar(int(year), int(week), 1).isoformat(), ""
            rows.append(more)
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        return changed


def nice_steps(top):
    """About four steps of 1, 2 or 5 up to `top`."""
    step = 10 ** -6
    while True:
        for factor in (1, 2, 5):
            if top / (step * factor) <= 5:
                return [step * factor * k for k in range(1, int(top / (step * factor) + 1e-9) + 1)]
        step *= 10


def tick(value):
    return f"{value:g}"


def plot(rows):
    """One panel a curve and measure: medians as a line, every run as a dot. Plain SVG, the same bytes for the same rows."""
    panels = []
    for curve, (label, title) in CURVES.items():
        of = [r for r in rows if r["curve"] == curve]
        for field, unit in (("wall_s", "s"), ("peak_mb", "MB")):
            points = {}
            for r in of:
                points.setdefault(float(r["x"]), []).append(float(r[field]))
            panels.append((label, title, unit, sorted(points.items())))
    width, height, left, bottom, top, right = 440, 260, 60, 46, 34, 20
    parts = []
    for index, (label, title, unit, points) in enumerate(panels):
        x0, y0 = (index % 2) * width, (index // 2) * height
        w, h = width - left - right, height - top - bottom
        parts.append(f'<g transform="translate({x0},{y0})">')
        kind = "seconds of the clock" if unit == "s" else "peak memory, MB"
        parts.append(f'<text x="{left}" y="20" class="title">{kind}, {title}</text>')
        parts.append(f'<path d="M{left} {top} V{top + h} H{left + w}" class="axis"/>')
        parts.append(f'<text x="{left + w}" y="{height - 10}" class="end">{label}</text>')
        if not points:
            parts.append(f'<text x="{left + w / 2}" y="{top + h / 2}" class="middle">not measured yet</text></g>')
            continue
        x_top = max(x for x, _ in points)
        y_top = max(max(v) for _, v in points) * 1.05 or 1

        def px(x):
            return round(left + w * x / x_top, 1)

        def py(y):
            return round(top + h - h * y / y_top, 1)

        for x, _ in points:
            parts.append(f'<path d="M{px(x)} {top + h} v4" class="axis"/>')
        shown = None
        for x, _ in points:
            # Labels that would stand on each other are left out.
            if shown is None or px(x) - shown > 22:
                parts.append(f'<text x="{px(x)}" y="{top + h + 16}" class="middle">{tick(x)}</text>')
                shown = px(x)
        for y in nice_steps(y_top):
            parts.append(f'<path d="M{left} {py(y)} H{left + w}" class="grid"/>')
            parts.append(f'<text x="{left - 6}" y="{py(y) + 4}" class="end">{tick(round(y, 6))}</text>')
        first_x, first_y = points[0][0], m.median(points[0][1])
        if label.startswith("fee lines"):
            # What growing in proportion from the first place would be.
            scale = min(1, y_top / (first_y * x_top / first_x))
            parts.append(f'<path d="M{px(0)} {py(0)} L{px(x_top * scale)} {py(first_y * x_top / first_x * scale)}" class="even"/>')
        line = " ".join(f"{'M' if i == 0 else 'L'}{px(x)} {py(m.median(v))}" for i, (x, v) in enumerate(points))
        parts.append(f'<path d="{line}" class="line"/>')
        parts += [f'<circle cx="{px(x)}" cy="{py(y)}" r="2.5"/>' for x, v in points for y in v]
        parts.append("</g>")
    style = (
        "text{font:12px sans-serif;fill:#333}.title{font-weight:bold}.end{text-anchor:end}.middle{text-anchor:middle}"
        "path{fill:none}.axis{stroke:#333}.grid{stroke:#ddd}.line{stroke:#0b5fa5;stroke-width:2}"
        ".even{stroke:#999;stroke-dasharray:4 4}circle{fill:#0b5fa5}")
    rows_of_panels = (len(panels) + 1) // 2
    with open(SVG, "w", encoding="utf-8") as file:
        file.write(
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {2 * width} {rows_of_panels * height}">'
            f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(parts) + "\n</svg>\n")


def main():
    def numbers(text):
        return [m.number(t) for t in text.split(",")]

    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", type=numbers, default=numbers("1m,5m,30m,100m"))
    parser.add_argument("--rules", type=numbers, default=[10, 40, 100])
    parser.add_argument("--jobs", type=numbers, default=[1, 2])
    parser.add_argument("--weeks", type=numbers, default=[4, 26, 52])
    parser.add_argument("--base", type=m.number, default=m.number("5m"))
    parser.add_argument("--week", type=m.number, default=m.number("100k"))
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", type=lambda t: t.split(","), default=MEASURED)
    parser.add_argument("--work", default=os.path.join(m.ROOT, ".build", "bench"))
    parser.add_argument("--yijian", default=os.path.join(m.ROOT, ".build", "release", "yijian"))
    parser.add_argument("--plot", action="store_true")
    options = parser.parse_args()
    for curve in options.only:
        if curve not in MEASURED:
            parser.error(f"there is no curve {curve} to measure; --only takes {','.join(MEASURED)}")
    if not options.plot:
        growth = Growth(options)
        quiet, load = m.is_quiet()
        print(f"machine: {m.machine()}; {load}" + ("" if quiet else "; the machine is not quiet"))
        for curve in options.only:
            getattr(growth, curve)()
    plot(read_rows())
    print(f"{os.path.relpath(CSV, m.ROOT)}, {os.path.relpath(SVG, m.ROOT)}")


if __name__ == "__main__":
    sys.exit(main())
