"""Compares the hand-written DuckDB script of the benchmarks with the native engine, finding by finding.

usage: peer.py YIJIAN FOLDER      FOLDER is for what is made on the way; run it with the Python that has duckdb

Two exports: SampleClaims/planted as plain UTF-8 gzip (the script reads no other dress), and a narrow delivery of six
weeks in one batch. Closes with a line `N passed, N failed`.
"""

import gzip
import os
import shutil
import subprocess
import sys

import unpack

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PEERS = os.path.join(ROOT, "Benchmarks", "peers")


def undressed(sample, folder):
    """A copy of a sample in which every claim file is one UTF-8 gzip member."""
    for path, _, names in sorted(os.walk(os.path.join(sample, "batches"))):
        to = os.path.join(folder, "batches", os.path.basename(path))
        for name in sorted(names):
            if name.endswith((".gz", ".zip")):
                os.makedirs(to, exist_ok=True)
                plain = name.removesuffix(".zip").removesuffix(".csv.gz") + ".csv.gz"
                with gzip.open(os.path.join(to, plain), "wt", encoding="utf-8", newline="") as file:
                    file.write(unpack.text_of(os.path.join(path, name)))
    shutil.copytree(os.path.join(sample, "registries"), os.path.join(folder, "registries"))


def main():
    yijian, work = os.path.abspath(sys.argv[1]), os.path.join(os.path.abspath(sys.argv[2]), "peer")
    shutil.rmtree(work, ignore_errors=True)
    planted, load = os.path.join(work, "planted"), os.path.join(work, "load")
    undressed(os.path.join(ROOT, "SampleClaims", "planted"), planted)
    command = [yijian, "synth", "--seed", "9", "--kind", "load", "--layout", "narrow", "--settlements", "1500"]
    command += ["--weeks", "6", "--one-batch", "--parts", "2", "--out", load]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    failed = 0
    for export in (planted, load):
        out, name = os.path.join(export, "out"), os.path.basename(export)
        pipeline = os.path.join(ROOT, "Pipelines", "weekly.yml")
        command = [yijian, "run", pipeline, "--input", export, "--output", out, "--store", os.path.join(export, "store")]
        ran = subprocess.run(command, capture_output=True, encoding="utf-8")
        if ran.returncode:
            sys.exit(f"peer: yijian run ended with {ran.returncode}\n{ran.stderr[-2000:]}")
        ours = os.path.join(out, sorted(os.listdir(out))[-1], "findings.csv")
        theirs = os.path.join(export, "duckdb.csv")
        subprocess.run([sys.executable, os.path.join(PEERS, "duckdb.py"), export, theirs], check=True)
        print(f"{name}: ", end="", flush=True)
        failed += subprocess.run([sys.executable, os.path.join(PEERS, "compare.py"), ours, theirs]).returncode != 0
    print(f"{2 - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
