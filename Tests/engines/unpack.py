"""Writes a sample's batches and registries as one JSON file of rows: {table: [{column: text}]}.

usage: unpack.py SAMPLE OUT     files as SampleClaims has them: CSV, gzip or zip, UTF-8 or GB18030
"""

import csv
import gzip
import io
import json
import os
import re
import sys
import zipfile


def text_of(path):
    if path.endswith(".gz"):
        data = gzip.open(path).read()
    elif path.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            data = archive.read(archive.namelist()[0])
    else:
        with open(path, "rb") as file:
            data = file.read()
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030")


def plain(field):
    """A field without the quotes of a database export."""
    field = field.strip()
    if len(field) >= 2 and field[0] == field[-1] == "'":
        field = field[1:-1].replace("''", "'").strip()
    return field


def main():
    sample, out = sys.argv[1:]
    tables = {}
    for folder, _, names in sorted(os.walk(sample)):
        for name in sorted(names):
            if "registries" in folder:
                table = name.split(".")[0]
            else:
                match = re.match(r"(setl_list_diag_d|fee_list_d|mdtrt_d|setl_d)_", name)
                table = match.group(1) if match else None
            if table is None:
                continue
            for row in csv.DictReader(io.StringIO(text_of(os.path.join(folder, name)), newline="")):
                row = {plain(k): plain(v or "") for k, v in row.items() if k}
                tables.setdefault(table, []).append(row)
    with open(out, "w", encoding="utf-8") as file:
        json.dump(tables, file, ensure_ascii=False)
    print("unpacked", ", ".join(f"{len(rows)} {table}" for table, rows in sorted(tables.items())))


if __name__ == "__main__":
    main()
