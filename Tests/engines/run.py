"""Runs the SQL of every rule in SQLite, DuckDB and Spark and compares the findings with the native engine's.

usage: run.py FOLDER ENGINE...     FOLDER was written by EngineCaseTests; ENGINE is sqlite, duckdb or spark

All cases of a rule stand in one database with a column case_id. Where an engine differs in a case, the case is shrunk
to as few rows as still differ (from SQLite's answer, which the same run compares with the native one) and printed.
Closes with a line `N passed, N failed`.
"""

import json
import os
import re
import sqlite3
import sys
import time


def statements(text):
    """Statements of a script; semicolons in texts, names and comments do not end one."""
    found, start, i = [], 0, 0
    while i < len(text):
        c = text[i]
        if c in "'\"`":
            i += 1
            while i < len(text) and text[i] != c:
                i += 2 if text[i] == "\\" and STATE["backslash"] else 1
        elif text.startswith("--", i):
            i = text.find("\n", i)
            if i < 0:
                break
        elif text.startswith("/*", i):
            i = text.find("*/", i) + 1
        elif c == ";":
            found.append(text[start:i])
            start = i + 1
        i += 1
    tail = re.sub(r"--[^\n]*", "", text[start:]).strip()
    return found + ([text[start:]] if tail else [])


STATE = {"backslash": False}


class SQLite:
    name = "sqlite"

    def open(self):
        self.db = sqlite3.connect(":memory:")

    def run(self, sql):
        self.db.executescript(sql)

    def insert(self, table, columns, rows):
        marks = ",".join("?" * len(columns))
        self.db.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)

    def rows(self, sql):
        return [tuple(row) for row in self.db.execute(sql)]


class DuckDB:
    name = "duckdb"

    def open(self):
        import duckdb

        self.db = duckdb.connect(":memory:")
        self.db.execute("SET threads = 2")

    def run(self, sql):
        STATE["backslash"] = False
        for statement in statements(sql):
            self.db.execute(statement)

    def insert(self, table, columns, rows):
        # A literal list is many times faster than one parameter set a row.
        def text(value):
            if value is None:
                return "NULL"
            return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"

        for start in range(0, len(rows), 500):
            block = ",".join("(" + ",".join(map(text, row)) + ")" for row in rows[start : start + 500])
            self.db.execute(f"INSERT INTO {table} VALUES {block}")

    def rows(self, sql):
        return self.db.execute(sql).fetchall()


class Spark:
    name = "spark"
    session = None

    def open(self):
        from pyspark.sql import SparkSession

        if Spark.session is None:
            os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
            Spark.session = (
                SparkSession.builder.master("local[2]")
                .config("spark.ui.enabled", "false")
                .config("spark.sql.shuffle.partitions", "1")
                .config("spark.default.parallelism", "1")
                .config("spark.sql.adaptive.enabled", "false")
                .config("spark.sql.ansi.enabled", "true")
                .config("spark.sql.legacy.storeAnalyzedPlanForView", "true")
                .config("spark.sql.codegen.wholeStage", "false")
                .config("spark.sql.codegen.factoryMode", "NO_CODEGEN")
                .config("spark.driver.memory", "3g")
                .config("spark.driver.host", "127.0.0.1")
                .config("spark.log.level", "ERROR")
                .getOrCreate()
            )
        self.made = []

    def close(self):
        for name in reversed(self.made):
            Spark.session.catalog.dropTempView(name)
        Spark.session.catalog.clearCache()

    def run(self, sql):
        STATE["backslash"] = True
        for statement in statements(sql):
            made = re.search(r"CACHE TABLE (`[^`]+`|\w+) AS", statement)
            self.log(statement, made)
            if made:
                self.made.append(made.group(1).strip("`"))

    def log(self, statement, made):
        start = time.time()
        Spark.session.sql(statement)
        if os.environ.get("ENGINE_TIMES"):
            print(f"    {time.time() - start:6.2f} s  {made.group(1) if made else statement[:40]}", flush=True)

    def insert(self, table, columns, rows):
        from pyspark.sql.types import LongType, StringType, StructField, StructType

        schema = StructType(
            [StructField(n, StringType() if t == "TEXT" else LongType(), True) for n, t in columns]
        )
        frame = Spark.session.createDataFrame(rows, schema).coalesce(1)
        frame.createOrReplaceTempView(table)
        Spark.session.sql(f"CACHE TABLE {table}")
        self.made.append(table)

    def rows(self, sql):
        return [tuple(row) for row in Spark.session.sql(sql).collect()]


ENGINES = {"sqlite": SQLite, "duckdb": DuckDB, "spark": Spark}


class Lane:
    def __init__(self, folder):
        self.folder = folder
        with open(os.path.join(folder, "cases.json"), encoding="utf-8") as file:
            self.data = json.load(file)
        self.tables = {t["name"]: t["columns"] for t in self.data["tables"]}

    def text(self, engine, name):
        with open(os.path.join(self.folder, engine, name + ".sql"), encoding="utf-8") as file:
            return file.read()

    def load(self, engine, cases, cased=True):
        """Opens a database with the rows of cases, and runs the prelude."""
        suffix = "" if cased else ".plain"
        engine.open()
        numbered = engine.name == "spark"
        if not numbered:
            engine.run(self.text(engine.name, "schema" + suffix))
        for table, columns in self.tables.items():
            rows = []
            for case in cases:
                for row in case["tables"].get(table, []):
                    head = [case["id"]] if cased else []
                    if numbered:
                        head.append(len(rows) + 1)
                    rows.append(tuple(head + row))
            own = [("case_id", "TEXT")] if cased else []
            if numbered:
                own.append(("rowid", "INTEGER"))
            own += [tuple(c) for c in columns]
            if rows or numbered:
                engine.insert(table, own, rows)
        engine.run(self.text(engine.name, "prelude" + suffix))

    def answers(self, engine, variant, cased=True):
        """Findings by case, as EngineCaseTests writes them."""
        engine.run(self.text(engine.name, variant["id"] + ("" if cased else ".plain")))
        quote = "`" if engine.name == "spark" else '"'
        case = "f.case_id" if cased else "''"
        rule = variant["rule"]
        claims = {}
        for c, key, unit, fen in engine.rows(
            f"SELECT {case}, f.key, f.unit, f.fen FROM {quote}{rule} claims{quote} f"
        ):
            claims.setdefault((c, key), []).append(f"{unit}={fen}")
        found = {}
        for c, key, verdict, amount, fund in engine.rows(
            f"SELECT {case}, f.key, f.verdict, f.amount_fen, f.fund_fen FROM {quote}{rule} findings{quote} f"
        ):
            units = ";".join(sorted(claims.pop((c, key), []), key=lambda t: t.encode()))
            found.setdefault(c, []).append((key, verdict, amount, fund, units))
        for (c, key), units in claims.items():
            found.setdefault(c, []).append((key, "claims without a finding", 0, 0, ";".join(units)))
        return {c: sorted(rows, key=repr) for c, rows in found.items()}

    def drop(self, engine, variant):
        """Takes away a variant's tables, so that another variant of the rule can be run."""
        quote = "`" if engine.name == "spark" else '"'
        text = self.text(engine.name, variant["id"])
        for name in re.findall(rf"(?:TEMP TABLE|CACHE TABLE) {quote}([^{quote}]+){quote} AS", text):
            if engine.name == "spark":
                engine.session.sql(f"UNCACHE TABLE IF EXISTS `{name}`")
                engine.session.catalog.dropTempView(name)
            else:
                engine.run(f'DROP TABLE IF EXISTS "{name}";')

    def compare(self, name):
        passed, failed, wrong = 0, 0, []
        cases = self.data["cases"]
        start = time.time()
        engine = ENGINES[name]()
        self.load(engine, cases)
        print(f"{name}: {len(cases)} cases loaded in {time.time() - start:.1f} s", flush=True)
        for variant in self.data["variants"]:
            if not os.path.exists(os.path.join(self.folder, name, variant["id"] + ".sql")):
                print(f"{name} {variant['id']}: not expressible in this engine, so not run", flush=True)
                continue
            began = time.time()
            try:
                found = self.answers(engine, variant)
            except Exception as error:  # the engine's own words are what the reader needs
                print(f"FAIL {name} {variant['id']}: {str(error)[:1500]}", flush=True)
                failed += 1
                self.drop(engine, variant)
                continue
            self.drop(engine, variant)
            bad = 0
            for case, rows in variant["expected"].items():
                expected = sorted((tuple(row) for row in rows), key=repr)
                if found.get(case, []) == expected:
                    passed += 1
                else:
                    bad += 1
                    wrong.append((variant, case, expected, found.get(case, [])))
            failed += bad
            count = sum(len(rows) for rows in variant["expected"].values())
            print(
                f"{name} {variant['id']}: {len(variant['expected'])} cases, {count} findings, {bad} differ"
                f" ({time.time() - began:.1f} s)",
                flush=True,
            )
        if hasattr(engine, "close"):
            engine.close()
        for variant, case, expected, found in wrong[:3]:
            print(f"FAIL {name} {variant['id']} {case}")
            print("  native:", [row for row in expected if row not in found][:3])
            print(f"  {name}:", [row for row in found if row not in expected][:3])
            self.shrink(name, variant, case)
        return passed, failed

    def shrink(self, name, variant, case_id):
        """Takes rows away in ever smaller blocks as long as the engine and SQLite differ; a round is one database."""
        case = next(c for c in self.data["cases"] if c["id"] == case_id)
        rows = [(table, row) for table, list_ in case["tables"].items() for row in list_]
        block = max(1, len(rows) // 4)
        for _ in range(40):
            starts = list(range(0, len(rows), block))[:40]
            tries = []
            for start in starts:
                kept = rows[:start] + rows[start + block :]
                tables = {}
                for table, row in kept:
                    tables.setdefault(table, []).append(row)
                tries.append({"id": f"try {start}", "tables": tables, "kept": kept})
            try:
                answers = []
                for engine in (ENGINES[name](), SQLite()):
                    self.load(engine, tries)
                    answers.append(self.answers(engine, variant))
                    if hasattr(engine, "close"):
                        engine.close()
            except Exception as error:
                print("  can't be shrunk further:", str(error)[:300])
                break
            better = next((t for t in tries if answers[0].get(t["id"], []) != answers[1].get(t["id"], [])), None)
            if better:
                rows = better["kept"]
                block = min(block, max(1, len(rows) // 2))
            elif block == 1:
                break
            else:
                block = max(1, block // 2)
        print("  the smallest rows that differ from SQLite:")
        for table, row in rows:
            named = {c[0]: v for c, v in zip(self.tables[table], row) if v is not None and not c[0].startswith("source_")}
            print("   ", table, json.dumps(named, ensure_ascii=False))


def plain(lane, name):
    """The text as shipped, without a case column, over the planted sample or else the first case."""
    case = next((c for c in lane.data["cases"] if c["id"] == "planted"), lane.data["cases"][0])
    engine = ENGINES[name]()
    lane.load(engine, [case], cased=False)
    passed = failed = 0
    for variant in lane.data["variants"]:
        if case["id"] not in variant["expected"]:
            continue
        if not os.path.exists(os.path.join(lane.folder, name, variant["id"] + ".sql")):
            continue
        expected = sorted((tuple(row) for row in variant["expected"][case["id"]]), key=repr)
        found = lane.answers(engine, variant, cased=False).get("", [])
        print(f"{name} {variant['id']} as shipped, {case['id']}: {len(expected)} findings", flush=True)
        if found == expected:
            passed += 1
        else:
            failed += 1
            print("FAIL native only:", [r for r in expected if r not in found][:3])
            print(f"     {name} only:", [r for r in found if r not in expected][:3])
        lane.drop(engine, variant)
    if hasattr(engine, "close"):
        engine.close()
    return passed, failed


def main():
    lane = Lane(sys.argv[1])
    passed = failed = 0
    for name in sys.argv[2:]:
        start = time.time()
        for part in (lane.compare, lambda n: plain(lane, n)):
            p, f = part(name)
            passed, failed = passed + p, failed + f
        print(f"{name}: {time.time() - start:.0f} s", flush=True)
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
