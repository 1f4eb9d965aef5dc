"""Runs the SQL kept under Documentation/sql in SQLite as its README says: the tables, prelude.sql, then each rule.

Over empty tables a rule finds nothing; what is tested is that the files are whole and run by themselves. That they find
what the native engine finds, test-engines.sh and the Swift tests hold.
"""

import glob
import os
import sqlite3
import sys

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../Documentation/sql/sqlite")


def text(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        return file.read()


def main():
    prelude = text("prelude.sql")
    remarks = prelude.split("-- ====")[0].splitlines()
    tables = "\n".join(line[5:] for line in remarks if line.startswith("--   "))
    rules = sorted(os.path.basename(path) for path in glob.glob(os.path.join(FOLDER, "[A-Z]*.sql")))
    failed = 0
    for rule in rules:
        db = sqlite3.connect(":memory:")
        try:
            db.executescript(tables)
            db.executescript(prelude)
            db.executescript(text(rule))
            found = db.execute(f'SELECT count(*) FROM "{rule.removesuffix(".sql")} findings"').fetchone()[0]
            if found:
                raise ValueError(f"{found} findings in empty tables")
        except (sqlite3.Error, ValueError) as error:
            failed += 1
            print(f"FAIL Documentation/sql/sqlite/{rule}: {error}")
    print(f"{len(rules) - failed} kept scripts run in SQLite, {failed} failed")
    return 1 if failed or not rules else 0


if __name__ == "__main__":
    sys.exit(main())
