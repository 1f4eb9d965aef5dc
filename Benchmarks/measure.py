"""What the benchmark scripts share: exports made once, commands measured, findings compared, the machine described."""

import collections
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
# Raised when the generator writes other bytes for the same options, so that kept exports are made anew.
EXPORT_FORM = 1
# Fee lines a settlement, over all weeks of `synth --kind load`.
LINES_A_SETTLEMENT = 7.65
# Compressed bytes a fee line, all tables together, with room to spare.
EXPORT_BYTES = {"narrow": 80, "wide": 190}
Measure = collections.namedtuple("Measure", "wall cpu peak others status")


def number(text):
    """30m, 500k, 1000 as a number."""
    text = text.strip().lower()
    scale = {"k": 1_000, "m": 1_000_000}.get(text[-1:], 1)
    return int(float(text[:-1] if scale > 1 else text) * scale)


def short(lines):
    for scale, letter in ((1_000_000, "m"), (1_000, "k")):
        if lines >= scale and lines % scale == 0:
            return f"{lines // scale}{letter}"
    return str(lines)


def fail(text):
    print(f"bench: {text}", file=sys.stderr)
    sys.exit(2)


def need_disk(folder, needed, what):
    """Stops before anything is written if the disk has no room."""
    os.makedirs(folder, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if free < needed:
        fail(f"{what} needs {needed / 1e9:.1f} GB in {folder}, {free / 1e9:.1f} GB are free; WORK=DIR names another folder")


def export(yijian, work, lines, layout="narrow", weeks=52, one_batch=True, parts=8):
    """An export of about so many fee lines; made once and kept. Gives its folder."""
    name = f"{layout}-{short(lines)}-{weeks}w" + ("" if one_batch else "-weekly")
    folder = os.path.join(work, name)
    settlements = max(weeks, int(lines / LINES_A_SETTLEMENT))
    stamp = {"form": EXPORT_FORM, "settlements": settlements, "parts": parts, "weeks": weeks, "together": one_batch}
    marker = os.path.join(folder, "made.json")
    if os.path.exists(marker):
        with open(marker, encoding="utf-8") as file:
            if json.load(file).get("stamp") == stamp:
                return folder
    shutil.rmtree(folder, ignore_errors=True)
    need_disk(work, lines * EXPORT_BYTES[layout], f"the export {name}")
    command = [yijian, "synth", "--seed", "1", "--settlements", str(settlements), "--kind", "load", "--layout", layout]
    command += ["--weeks", str(weeks), "--parts", str(parts), "--out", folder] + (["--one-batch"] if one_batch else [])
    print(f"synth: {name}", flush=True)
    text = os.path.join(work, name + ".synth.txt")
    made = measured(command, out=text)
    if made.status:
        fail(f"synth failed, see {text}")
    with open(text, encoding="utf-8") as file:
        rows = {w[0]: int(w[1]) for w in (line.split() for line in file) if len(w) == 3 and w[2] == "rows"}
    os.remove(text)
    print(f"  {rows['fee_list_d']:,} fee lines in {made.wall:.1f} s, CPU {made.cpu:.1f} s, peak {made.peak / 1e6:.0f} MB")
    with open(marker, "w", encoding="utf-8") as file:
        json.dump({"stamp": stamp, "rows": rows}, file)
    return folder


def rows_of(folder):
    with open(os.path.join(folder, "made.json"), encoding="utf-8") as file:
        return json.load(file)["rows"]


def claim_files(folder):
    """Paths of all claim files, batch by batch."""
    found = []
    for batch in sorted(os.listdir(os.path.join(folder, "batches"))):
        path = os.path.join(folder, "batches", batch)
        found += [os.path.join(path, name) for name in sorted(os.listdir(path)) if name.endswith(".gz")]
    return found


def busy():
    """CPU seconds that all processes of the machine have used so far; None where the kernel does not say."""
    try:
        with open("/proc/stat", encoding="ascii") as file:
            fields = [int(n) for n in file.readline().split()[1:9]]
    except OSError:
        return None
    return (sum(fields) - fields[3] - fields[4]) / os.sysconf("SC_CLK_TCK")


def measured(command, out=os.devnull, environment=None):
    """Runs a command: seconds of the clock, of the CPU, greatest resident bytes, CPU seconds of others meanwhile."""
    before, began = busy(), time.perf_counter()
    with open(out, "w", encoding="utf-8") as log:
        child = subprocess.Popen(command, stdout=log, stderr=log, env={**os.environ, **(environment or {})})
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
    wall, cpu = time.perf_counter() - began, usage.ru_utime + usage.ru_stime
    after = busy()
    others = max(0.0, after - before - cpu) if before is not None else 0.0
    return Measure(wall, cpu, usage.ru_maxrss * 1024, others, child.returncode)


def is_quiet(seconds=1.0):
    """Whether the machine does nothing else just now, and the load average as text."""
    before = busy()
    time.sleep(seconds)
    used = (busy() or 0) - (before or 0)
    return used < 0.1 * seconds, "load average " + " ".join(f"{n:.2f}" for n in os.getloadavg())


def warm(files):
    """Reads the files once, so that every contestant finds them in the page cache."""
    for path in files:
        with open(path, "rb", buffering=0) as file:
            while file.read(1 << 22):
                pass


def spread(values, digits=2):
    values = sorted(values)
    middle = median(values)
    return " / ".join(f"{v:.{digits}f}" for v in (values[0], middle, values[-1]))


def median(values):
    values = sorted(values)
    half = len(values) // 2
    return values[half] if len(values) % 2 else (values[half - 1] + values[half]) / 2


def machine():
    """Processor, memory, kernel, tool versions, in one line."""
    model = "unknown processor"
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            model = next((line.split(":", 1)[1].strip() for line in file if line.startswith("model name")), model)
    except OSError:
        pass
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{os.cpu_count()} cores, {model}, {memory:.0f} GiB, {platform.system()} {platform.release()}"


def last_batch(output):
    """Folder of the newest batch of a run's output."""
    return os.path.join(output, sorted(os.listdir(output))[-1])


def stages(output, log):
    """[(batch, stage, rows, seconds)] of a run's output folder, or, where it has no run.json, of what was printed."""
    found = []
    for name in sorted(os.listdir(output)):
        path = os.path.join(output, name, "run.json")
        if os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                data = json.load(file)
            found += [(data.get("batch", ""), s["name"], s.get("rows", 0), float(s["seconds"])) for s in data["stages"]]
    if not found:
        with open(log, encoding="utf-8", errors="replace") as file:
            printed = re.findall(r"^  (\w+): (\d+) rows.*?(\d+) ms$", file.read(), re.M)
        found = [("", name, int(rows), int(ms) / 1000) for name, rows, ms in printed]
    return found


def can(yijian, command):
    """Whether this yijian has a command."""
    shown = subprocess.run([yijian, command, "--help"], capture_output=True, encoding="utf-8")
    return f"yijian {command}" in shown.stdout


def folder_bytes(folder):
    return sum(os.path.getsize(os.path.join(path, n)) for path, _, names in os.walk(folder) for n in names)
