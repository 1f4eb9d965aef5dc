"""Runs the weekly job with both engines, the second time over Spark with two workers, and compares what they leave.

usage: spark_run.py YIJIAN SPARK-SUBMIT FOLDER [--time SETTLEMENTS...]

Two deliveries: SampleClaims/planted, and one whose rows do not keep to one person. Everything a run leaves must be the same
bytes, but for the times of stages. With --time loads of some sizes instead, and what Spark's tasks took; SPARK_CONF holds
settings for them (name=value, blanks between), SPARK_MASTER another master. Closes with a line `N passed, N failed`.
"""

import filecmp
import gzip
import json
import os
import random
import re
import shutil
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CLOCK = "1743465600"
MASTER = os.environ.get("SPARK_MASTER", "local-cluster[2,1,1024]")
# A few thousand rows: what takes time is planning and starting, so both are kept short.
SMALL = {
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.driver.extraJavaOptions": "-XX:TieredStopAtLevel=1",
    "spark.executor.extraJavaOptions": "-XX:TieredStopAtLevel=1",
}


def tangled(source, folder, seed):
    """A copy in which ids move between persons, some rows lose theirs, and some come twice."""
    rng = random.Random(seed)
    shutil.copytree(os.path.join(source, "registries"), os.path.join(folder, "registries"))
    for batch in sorted(os.listdir(os.path.join(source, "batches"))):
        to = os.path.join(folder, "batches", batch)
        os.makedirs(to)
        for name in sorted(os.listdir(os.path.join(source, "batches", batch))):
            path = os.path.join(source, "batches", batch, name)
            if name == "delivery.csv":
                continue
            if not name.endswith(".csv.gz"):
                shutil.copy(path, to)
                continue
            with gzip.open(path, "rt", encoding="utf-8") as file:
                header, *lines = file.read().splitlines()
            columns = header.split(",")
            person = columns.index("psn_no")
            links = [columns.index(c) for c in ("mdtrt_id", "setl_id", "init_setl_id", "init_feedetl_sn") if c in columns]
            out = [header]
            for line in lines:
                row, other = line.split(","), rng.choice(lines).split(",")
                what = rng.randrange(100)
                if what == 0:
                    row[person] = ""
                elif what == 1:
                    row[person] = other[person]
                elif what == 2:
                    out.append(",".join(row))
                    row[person] = other[person]
                elif what == 3:
                    link = rng.choice(links)
                    row[link] = other[link]
                out.append(",".join(row))
            with open(os.path.join(to, name[:-3]), "w", encoding="utf-8") as file:
                file.write("\n".join(out) + "\n")


def files(folder):
    found = []
    for path, _, names in os.walk(folder):
        found += [os.path.relpath(os.path.join(path, name), folder) for name in names]
    return sorted(found)


def timeless(path):
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r'"(seconds|milliseconds)": ?"?[0-9.]*"?', "", text)
    return re.sub(r'<span class="seconds">[^<]*<', "", text)


def differences(a, b):
    names = sorted(set(files(a)) | set(files(b)))
    wrong = ["both are empty"] if not names else []
    for name in names:
        one, other = os.path.join(a, name), os.path.join(b, name)
        if not (os.path.exists(one) and os.path.exists(other)):
            wrong.append(f"{name} is not in both")
        elif not filecmp.cmp(one, other, shallow=False):
            if os.path.basename(name) in ("run.json", "index.html") and timeless(one) == timeless(other):
                continue
            wrong.append(name)
    return wrong


def effort(folder):
    """What Spark's tasks took together, of the event log in a folder."""
    total = {"cpu": 0.0, "read": 0, "shuffled": 0, "written": 0, "spilled": 0, "tasks": 0}
    for name in files(folder):
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            for line in file:
                if '"SparkListenerTaskEnd"' not in line:
                    continue
                task = json.loads(line).get("Task Metrics") or {}
                total["tasks"] += 1
                total["cpu"] += task.get("Executor CPU Time", 0) / 1e9
                total["read"] += task.get("Input Metrics", {}).get("Bytes Read", 0)
                total["shuffled"] += task.get("Shuffle Write Metrics", {}).get("Shuffle Bytes Written", 0)
                total["written"] += task.get("Output Metrics", {}).get("Bytes Written", 0)
                total["spilled"] += task.get("Disk Bytes Spilled", 0)
    return total


class Lane:
    def __init__(self, yijian, submit, work):
        self.yijian, self.submit, self.work = os.path.abspath(yijian), os.path.abspath(submit), os.path.abspath(work)
        shutil.rmtree(self.work, ignore_errors=True)
        os.makedirs(self.work)

    def run(self, delivery, name, more, steps=None):
        """One run; gives its output folder and seconds."""
        folder = os.path.join(self.work, name)
        command = [self.yijian, "run", os.path.join(ROOT, "Pipelines", "weekly.yml"), "--input", delivery]
        command += ["--store", folder + "/store", "--output", folder + "/out", "--accept-incomplete", "test"] + more
        environment = dict(os.environ, SOURCE_DATE_EPOCH=CLOCK, SPARK_LOCAL_IP="127.0.0.1")
        over = threading.Event()

        def watch():
            while not over.wait(0.5):
                try:
                    with open(folder + "/store/spark-job/status.json", encoding="utf-8") as file:
                        steps[:] = json.load(file).get("times", [])
                except (OSError, ValueError):
                    pass

        if steps is not None:
            threading.Thread(target=watch, daemon=True).start()
        began = time.time()
        ran = subprocess.run(command, env=environment, capture_output=True, encoding="utf-8")
        over.set()
        if ran.returncode not in (0, 3):
            log = folder + "/store/spark-job/spark.log"
            if os.path.exists(log):
                with open(log, encoding="utf-8", errors="replace") as file:
                    print(file.read()[-4000:])
            sys.exit(f"spark: {name} ended with {ran.returncode}\n{ran.stderr[-2000:]}")
        return folder + "/out", time.time() - began, ran.stderr

    def spark(self, settings):
        more = ["--engine", "spark", "--master", MASTER, "--spark-submit", self.submit]
        for key, value in dict(settings, **{"spark.driver.host": "127.0.0.1"}).items():
            more += ["--spark-conf", f"{key}={value}"]
        return more

    def compare(self, name, delivery):
        own, _, _ = self.run(delivery, name + "-embedded", [])
        theirs, seconds, _ = self.run(delivery, name + "-spark", self.spark(SMALL))
        wrong = differences(own, theirs)
        with open(os.path.join(own, sorted(os.listdir(own))[-1], "findings.csv"), encoding="utf-8") as file:
            findings = len(file.read().splitlines()) - 1
        print(f"spark {MASTER} {name}: {findings} findings, {len(files(theirs))} files, {len(wrong)} differ ({seconds:.0f} s)")
        for one in wrong[:20]:
            print(f"FAIL spark {name}: {one}")
        return not wrong

    def measure(self, settlements):
        """Spark's seconds over a load, the output compared all the same."""
        delivery = os.path.join(self.work, f"load-{settlements}")
        command = [self.yijian, "synth", "--seed", "5", "--kind", "load", "--layout", "narrow", "--parts", "2"]
        command += ["--settlements", str(settlements), "--one-batch", "--out", delivery]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        own, seconds, _ = self.run(delivery, f"load-{settlements}-embedded", [])
        steps = []
        events = os.path.join(self.work, f"load-{settlements}-events")
        os.makedirs(events)
        conf = {
            "spark.eventLog.enabled": "true", "spark.eventLog.dir": "file://" + events,
            "spark.eventLog.rolling.enabled": "false", "spark.eventLog.compress": "false",
        }
        conf.update(pair.split("=", 1) for pair in os.environ.get("SPARK_CONF", "").split() if "=" in pair)
        theirs, other, said = self.run(delivery, f"load-{settlements}-spark", self.spark(conf), steps)
        wrong = differences(own, theirs)
        audit = re.search(r"audit: (\d+) rows, (\d+) ms", said)
        print(f"spark {MASTER} load {settlements}: embedded {seconds:.0f} s, Spark {other:.0f} s; audit {audit.groups()}; "
              f"{len(wrong)} differ {wrong[:5]}")
        took = effort(events)
        print("    tasks {tasks}, CPU {cpu:.0f} s; MB read {0:.0f}, shuffled {1:.0f}, written {2:.0f}, spilled {3:.0f}".format(
            *(took[k] / 1e6 for k in ("read", "shuffled", "written", "spilled")), **took))
        for name, step in sorted(steps, key=lambda s: -s[1])[:15]:
            print(f"    {step:8.1f} s  {name}")
        print(f"    {sum(s for _, s in steps):8.1f} s  in {len(steps)} steps")
        return not wrong


def main():
    lane = Lane(*sys.argv[1:4])
    if sys.argv[4:5] == ["--time"]:
        results = [lane.measure(int(size)) for size in sys.argv[5:]]
    else:
        whole = os.path.join(lane.work, "whole")
        command = [lane.yijian, "synth", "--seed", "3", "--settlements", "150", "--layout", "narrow", "--out", whole]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        tangled(whole, os.path.join(lane.work, "tangled"), 3)
        results = [
            lane.compare("planted", os.path.join(ROOT, "SampleClaims", "planted")),
            lane.compare("tangled", os.path.join(lane.work, "tangled")),
        ]
    print(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
