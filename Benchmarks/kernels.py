"""Instructions of each kernel, counted by callgrind, beside the committed thresholds.

usage: kernels.py BINARY [--record] [NAME...]      NAME: only these kernels; --record writes what was counted

Every kernel is run twice, with one and with three repetitions; half the difference, divided by its units, is free of
start-up and preparation, and hardly depends on what else the machine does. More than the tolerance above the threshold
is an error; below it is a reason to record. Benchmarks/kernels.thresholds says `name instructions tolerance% unit`.
"""

import concurrent.futures
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(HERE)
THRESHOLDS = os.path.join(HERE, "kernels.thresholds")
TOLERANCE = 8


def read_thresholds():
    found, comments = {}, []
    with open(THRESHOLDS, encoding="utf-8") as file:
        for line in file:
            if line.startswith("#"):
                comments.append(line)
            elif line.strip():
                name, instructions, tolerance, unit = line.split()
                found[name] = (float(instructions), int(tolerance.rstrip("%")), unit)
    return found, comments


def count(binary, name, times, folder):
    """Instructions of the whole process, and the units of one repetition."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--cache-sim=no"]
    ran = subprocess.run(command + [binary, name, str(times), folder, ROOT], capture_output=True, encoding="utf-8")
    units = re.search(r"^(\d+) a time", ran.stdout, re.M)
    total = re.search(r"Collected : (\d+)", ran.stderr)
    if ran.returncode or not units or not total:
        sys.exit(f"kernels: {name} failed under valgrind:\n{ran.stderr[-2000:]}{ran.stdout[-500:]}")
    return int(total.group(1)), int(units.group(1))


def measure(binary, name, folder):
    once, units = count(binary, name, 1, folder)
    thrice, _ = count(binary, name, 3, folder)
    if units < 1:
        sys.exit(f"kernels: {name} did nothing")
    return (thrice - once) / 2 / units


def main():
    arguments = sys.argv[1:]
    record = "--record" in arguments
    arguments = [a for a in arguments if a != "--record"]
    binary = os.path.abspath(arguments[0])
    listed = subprocess.run([binary, "list"], capture_output=True, encoding="utf-8", check=True).stdout
    units = dict(line.split() for line in listed.splitlines())
    names = arguments[1:] or list(units)
    thresholds, comments = read_thresholds()
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([binary, "prepare", folder], check=True, stdout=subprocess.DEVNULL)
        # Debian's valgrind can't read the debug information that Swift 6.3 writes.
        bare = os.path.join(folder, "kernel-benchmark")
        subprocess.run(["strip", "-g", "-o", bare, binary], check=True)
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            counted = dict(zip(names, pool.map(lambda name: measure(bare, name, folder), names)))
    for name in names:
        threshold, tolerance, _ = thresholds.get(name, (None, TOLERANCE, ""))
        text = f"{name:28s} {counted[name]:12,.1f} instructions a {units[name]}"
        if record:
            thresholds[name] = (counted[name], tolerance, units[name])
        elif threshold is None:
            wrong += 1
            text += ": no threshold; record it"
        else:
            change = (counted[name] / threshold - 1) * 100
            text += f", {change:+.1f} % of {threshold:,.1f}"
            if change > tolerance:
                wrong += 1
                text += f": more than {tolerance} % above the threshold"
            elif change < -tolerance:
                text += ": better; record it"
        print(text)
    gone = [name for name in thresholds if name not in units]
    if record:
        with open(THRESHOLDS, "w", encoding="utf-8") as file:
            file.writelines(comments)
            for name in sorted(thresholds):
                if name not in gone:
                    instructions, tolerance, unit = thresholds[name]
                    file.write(f"{name} {instructions:.1f} {tolerance}% {unit}\n")
        print(f"recorded in {os.path.relpath(THRESHOLDS, ROOT)}")
    elif gone:
        print("thresholds without a kernel: " + ", ".join(gone))
        wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
