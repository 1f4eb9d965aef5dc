"""The table of semantics: what SQLite, DuckDB and Spark answer to the same question, and what rules do about it.

usage: semantics.py [ENGINE...]    asks the engines (default: all that are installed) every row of semantics.json; 1 if one
                                   answers otherwise
       semantics.py --markdown     prints Documentation/engine-semantics.md

Run by `make test` for SQLite and by `make test-engines` for all. An engine that is not installed is an error if it was
asked for by name.

How an answer is written: texts in quotes, numbers as they are (a number that is not whole with its type behind it),
rows of a result behind one another; `error WORD` is an error whose message contains WORD. A row with `dialect` asks what
`Dialect` prints (which of its parts, by name); `SemanticsTable` in Tests/SQLLoweringTests holds the texts against it.
"""

import datetime
import decimal
import importlib.util
import json
import logging
import os
import re
import sqlite3
import sys
import time

FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "semantics.json")
ENGINES = ["sqlite", "duckdb", "spark"]
MODULES = {"sqlite": "sqlite3", "duckdb": "duckdb", "spark": "pyspark"}
NAMES = {"sqlite": "SQLite", "duckdb": "DuckDB", "spark": "Spark"}


def written(value):
    """A value as the table writes it."""
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value!r} (double)"
    if isinstance(value, decimal.Decimal):
        return f"{value} (decimal)"
    if isinstance(value, datetime.datetime):
        return str(value)
    if isinstance(value, datetime.date):
        return f"{value} (date)"
    if isinstance(value, datetime.timedelta):
        return f"{value.days} days (interval)"
    if isinstance(value, str):
        return "'" + value + "'"
    return str(value)


def sqlite():
    db = sqlite3.connect(":memory:")
    return lambda sql: db.execute(sql).fetchall()


def duckdb():
    import duckdb as engine

    db = engine.connect(":memory:")
    return lambda sql: db.execute(sql).fetchall()


def spark():
    from pyspark.sql import SparkSession

    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    # Errors are answers here; pyspark logs each with its whole stack.
    logging.disable(logging.CRITICAL)
    # The defaults of Spark, but for what makes a local session small: every setting that changes an answer is left.
    session = (
        SparkSession.builder.master("local[1]")
        .appName("yijian")
        .config("spark.ui.enabled", "false")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.driver.memory", "1g")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.log.level", "OFF")
        .getOrCreate()
    )
    return lambda sql: session.sql(sql).collect()


OPEN = {"sqlite": sqlite, "duckdb": duckdb, "spark": spark}


def answer(run, sql):
    """What an engine says, and the whole message where that is an error."""
    try:
        rows = run(sql)
    except Exception as error:
        return "error", str(error)
    return "; ".join(", ".join(written(value) for value in row) for row in rows) or "no row", ""


def of(value, engine):
    """A text is the same for every engine; an object names the engines."""
    return value if isinstance(value, str) else value[engine]


def load():
    with open(FILE, encoding="utf-8") as file:
        return json.load(file)


def well_formed(rows):
    """Problems of the file itself: a question without an answer is no test."""
    problems, seen = [], set()
    for row in rows:
        name = row.get("id", "?")
        if name in seen:
            problems.append(f"{name}: twice")
        seen.add(name)
        for key in ("id", "topic", "sql", "answer", "rules"):
            if not row.get(key):
                problems.append(f"{name}: no {key}")
        for key in ("sql", "answer"):
            value = row.get(key, "")
            if isinstance(value, dict) and sorted(value) != sorted(ENGINES):
                problems.append(f"{name}: {key} must be one text, or one each for {', '.join(ENGINES)}")
        answers = row.get("answer", "")
        for text in answers.values() if isinstance(answers, dict) else [answers]:
            if text.strip() == "error":
                problems.append(f"{name}: which error? every error would do")
    return problems


def ask(engines):
    rows = load()
    problems = well_formed(rows)
    for problem in problems:
        print(f"FAIL semantics.json: {problem}")
    if problems:
        return 1
    passed = failed = 0
    for engine in engines:
        run = OPEN[engine]()
        wrong = 0
        for row in rows:
            sql, expected = of(row["sql"], engine), of(row["answer"], engine)
            found, message = answer(run, sql)
            word = expected.removeprefix("error").strip()
            same = word in message if found == "error" and expected.startswith("error") else found == expected
            if not same:
                wrong += 1
                print(f"FAIL {engine} {row['id']}: {sql}")
                print(f"  expected: {expected}")
                print(f"  answer:   {found} {message[:300]}".rstrip())
        print(f"{engine}: {len(rows)} questions, {wrong} answered otherwise", flush=True)
        passed, failed = passed + len(rows) - wrong, failed + wrong
    print(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


def cell(text):
    return text.replace("|", "\\|")


def code(text):
    """Code in a table cell, on one line; backquotes inside need two around them."""
    text = re.sub(r"\s*\n\s*", " ", text)
    fence = "``" if "`" in text else "`"
    space = " " if fence == "``" else ""
    return f"{fence}{space}{cell(text)}{space}{fence}"


def agree(answers):
    """Whether the engines mean the same: an error is an error in whatever words, and SQLite's truth is 1 and 0."""

    def meaning(text):
        if text.startswith("error"):
            return "error"
        return ", ".join({"true": "1", "false": "0"}.get(part, part) for part in text.split(", "))

    return len({meaning(text) for text in answers}) == 1


def markdown():
    rows = load()
    lines = [
        "# What the engines answer",
        "",
        "Rules are evaluated by Yijian itself and printed as SQL for SQLite, DuckDB and Spark. This page says where the same",
        "SQL means different things, and what the rule language does so that a rule means one thing. It is made of",
        "`Tests/engines/semantics.json` by `python3 Tests/engines/semantics.py --markdown`; `make test` asks SQLite every",
        "question, `make test-engines` all three. Measured with SQLite 3.40.1, DuckDB 2.0.0 and Spark 4.3.0 with its defaults",
        "(ANSI on).",
        "",
        "Texts stand in quotes; a number that is not whole has its type behind it; `;` parts the rows of a result; `error",
        "WORD` is an error with that word in its message; truth is 1 and 0 in SQLite. **Differs** marks questions on which the",
        "engines do not agree.",
        "",
    ]
    topic = None
    for row in rows:
        if row["topic"] != topic:
            topic = row["topic"]
            lines += [f"## {topic}", ""]
        answers = {engine: of(row["answer"], engine) for engine in ENGINES}
        texts = {engine: of(row["sql"], engine) for engine in ENGINES}
        differs = not agree(answers.values())
        lines += ["**Differs.** " + row["rules"] if differs else row["rules"], ""]
        lines += ["| engine | SQL | answer |", "|---|---|---|"]
        groups = {}
        for engine in ENGINES:
            groups.setdefault((texts[engine], answers[engine]), []).append(NAMES[engine])
        for (sql, found), names in groups.items():
            lines.append(f"| {', '.join(names)} | {code(sql)} | {code(found)} |")
        lines.append("")
    sys.stdout.write("\n".join(lines[:-1]) + "\n")


def main():
    arguments = sys.argv[1:]
    if arguments == ["--markdown"]:
        return markdown()
    unknown = [name for name in arguments if name not in ENGINES]
    if unknown:
        sys.exit(f"no such engine: {', '.join(unknown)}; one of {', '.join(ENGINES)}")
    missing = [name for name in arguments or ENGINES if importlib.util.find_spec(MODULES[name]) is None]
    if missing:
        print(f"not installed here: {', '.join(MODULES[name] for name in missing)}; make test-engines installs them")
        if arguments:
            return 1
    # A text that depends on the session's time zone shows where that is not the one of 1970-01-01.
    os.environ["TZ"] = "Asia/Shanghai"
    time.tzset()
    return ask([name for name in arguments or ENGINES if name not in missing])


if __name__ == "__main__":
    sys.exit(main())
