"""Copies a delivery with a column in which texts stand that are easily taken for another, or for none.

usage: marked.py INPUT OUT     INPUT has batches/ and registries/

crter_name of every row of the first three CSV files of each table and batch (no rule reads it) gets in turn: a character beyond
16 bits, one that looks like it, nothing, nothing in quotes, blanks, the words NULL and null, and a backslash with N. Encoding
and quotes of a file stay as they are.
"""

import collections
import csv
import gzip
import io
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "engines"))
from unpack import plain, text_of  # noqa: E402

COLUMN = "crter_name"
# Stands for an empty text in quotes until the CSV is written: Python's writer quotes a file's empty fields all or none.
QUOTED = "\ue000"
VALUES = ["𠮷{}", "吉{}", "", QUOTED, "  ", "NULL", "null", "\\N"]
FILES = 3


def marked(path):
    """The bytes of a gzipped CSV file with the column in it."""
    with gzip.open(path) as file:
        data = file.read()
    try:
        data.decode("utf-8")
        encoding = "utf-8"
    except UnicodeDecodeError:
        encoding = "gb18030"
    rows = csv.reader(io.StringIO(text_of(path), newline=""))
    header = next(rows)
    # Some databases put every field into single quotes.
    quote = "'" if header[0].startswith("'") else ""
    names = [plain(name) for name in header]
    place = names.index(COLUMN) if COLUMN in names else len(names)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(header if place < len(names) else header + [quote + COLUMN + quote])
    for number, row in enumerate(rows):
        if len(row) == len(names):
            value = VALUES[number % len(VALUES)].format(number % 1000)
            row[place : place + 1] = [value if value == QUOTED else quote + value + quote]
        writer.writerow(row)
    return out.getvalue().replace(QUOTED, 2 * (quote or '"')).encode(encoding)


def main(source, out):
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(source, out)
    for folder, _, names in sorted(os.walk(os.path.join(out, "batches"))):
        seen = collections.Counter()
        for name in sorted(names):
            table = re.match(r"[a-z_]+(?=_\d)", name)
            if not name.endswith(".csv.gz") or table is None:
                continue
            seen[table.group()] += 1
            if seen[table.group()] <= FILES:
                path = os.path.join(folder, name)
                data = marked(path)
                with gzip.open(path, "wb", compresslevel=1) as file:
                    file.write(data)


if __name__ == "__main__":
    main(*sys.argv[1:])
