"""Reads parts of a claim store with other programs and compares them, column by column, with the exports they were made of.

usage: store.py STORE BATCHES OUTPUT READER...     READER is pyarrow, duckdb, spark or spark-rows

STORE is the folder of a store whose only batches are those in the folder BATCHES; OUTPUT is the folder with the runs'
reports, whose rejects.csv says which rows and values were not accepted. The exports are read here by Python's own csv and
gzip modules. Of a table of more than 400,000 rows only the first part is compared, after the number of rows of all parts.

Texts that are easily taken for another must be among the values (marked.py puts them there), or the comparison says nothing
about them. Each reader is then given copies of parts in which values were changed, and has to notice each.
"""

import collections
import csv
import datetime
import decimal
import io
import os
import pathlib
import re
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "engines"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
from open import READERS, text  # noqa: E402
from unpack import plain, text_of  # noqa: E402

TABLES = ["setl_d", "fee_list_d", "mdtrt_d", "setl_list_diag_d", "setl_list_oprn_d"]
KEYS = {
    "setl_d": ["setl_id"],
    "fee_list_d": ["mdtrt_id", "bkkp_sn"],
    "mdtrt_d": ["mdtrt_id"],
    "setl_list_diag_d": ["setl_list_diag_id"],
    "setl_list_oprn_d": ["setl_list_oprn_id"],
}
MANY = 400_000


def kinds(path):
    """Name and Arrow type of each column, as pyarrow says; without it as the footer's own reader of the lane does."""
    import pyarrow.parquet

    schema = pyarrow.parquet.ParquetFile(path).schema_arrow
    return {field.name: str(field.type) for field in schema}


def canonical(kind, value):
    """A delivered text as the readers' values are written; null for an empty one."""
    if value == "":
        return None
    if kind.startswith("date"):
        return str(datetime.date(*numbers(value)[:3]))
    if kind.startswith("timestamp"):
        return str(datetime.datetime(*numbers(value)))
    if kind.startswith("decimal"):
        scale = int(re.search(r",\s*(-?\d+)\)", kind).group(1))
        return f"{decimal.Decimal(value.replace(',', '')).quantize(decimal.Decimal(1).scaleb(-scale)):f}"
    if kind.startswith("int"):
        return str(int(decimal.Decimal(value)))
    return value


def numbers(value):
    if re.fullmatch(r"\d{8}|\d{14}", value):
        return [int(value[:4])] + [int(value[i : i + 2]) for i in range(4, len(value), 2)]
    return [int(n) for n in re.split(r"[-/ :T年月日]+", re.sub(r"\.\d*$", "", value.strip("日 ")))]


def refused(output):
    """Rows that were rejected, and values that became null: {(file, line): {column or None}}."""
    result = collections.defaultdict(set)
    for folder in sorted(pathlib.Path(output).iterdir()):
        if not (folder / "rejects.csv").exists():
            continue
        with open(folder / "rejects.csv", encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                if row["action"] == "rejected":
                    result[folder.name, row["file"], int(row["line"])].add(None)
                elif row["action"] == "nulled":
                    result[folder.name, row["file"], int(row["line"])].add(row["column"])
    return result


def delivered(batches, table, kind, out, wanted=None):
    """Rows of the exports that were accepted, as tuples of canonical texts; of `wanted` keys only where it is given."""
    names = [name for name in kind if not name.startswith("yj_")]
    count = 0
    rows = []
    for batch in sorted(os.listdir(batches)):
        for name in sorted(os.listdir(os.path.join(batches, batch))):
            if not re.match(table + r"(_\d|\d|\.|_[^a-z])", name):
                continue
            label = f"{batch}~1"
            path = os.path.join(batches, batch, name)
            text_file = io.StringIO(text_of(path), newline="")
            member = name
            if name.endswith(".zip"):
                import zipfile

                member = f"{name}!{zipfile.ZipFile(path).namelist()[0]}"
            reader = csv.reader(text_file)
            header = [plain(field) for field in next(reader)]
            places = [header.index(column) if column in header else None for column in names]
            key = [header.index(column) for column in KEYS[table]]
            line = reader.line_num + 1
            for row in reader:
                start, line = line, reader.line_num + 1
                if not row:
                    continue
                problems = out.get((label, member, start), out.get((batch, member, start), ()))
                if None in problems:
                    continue
                count += 1
                if wanted is not None and tuple(plain(row[k]) for k in key) not in wanted:
                    continue
                rows.append(
                    tuple(
                        None if k is None or column in problems else canonical(kind[column], plain(row[k]))
                        for column, k in zip(names, places)
                    )
                )
    return count, names, rows


def read(reader, paths, names):
    """The parts' rows as tuples of canonical texts, with how often each is there."""
    found = collections.Counter()
    for path in paths:
        columns = reader.columns(path)
        found.update(zip(*([text(value) for value in columns[column]] for column in names)))
    return found


def wrong(found, expected, names):
    """Columns whose values are not the expected ones, whatever row they stand in."""
    lost, extra = list((expected - found).elements()), list((found - expected).elements())
    return [
        column
        for i, column in enumerate(names)
        if collections.Counter(row[i] for row in lost) != collections.Counter(row[i] for row in extra)
    ]


def other(value, kind):
    """A value beside the given one: what a reader could take it for. Of null it is the empty text, or zero."""
    if value is None:
        zeros = {"string": "", "date32[day]": datetime.date(1970, 1, 1), "timestamp[us]": datetime.datetime(1970, 1, 1)}
        return zeros.get(str(kind), decimal.Decimal(0))
    if isinstance(value, str):
        return value.replace("𠮷", "吉") if "𠮷" in value else value[:-1]
    if isinstance(value, datetime.datetime):
        return value + datetime.timedelta(seconds=1)
    if isinstance(value, datetime.date):
        return value + datetime.timedelta(days=1)
    if isinstance(value, decimal.Decimal):
        return value + decimal.Decimal(1).scaleb(value.as_tuple().exponent)
    return value + 1


def tampered(path, names, folder):
    """Two copies of a part: one value changed in every column; two values of a column changed places."""
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.parquet.read_table(path)
    values = {name: table.column(name).to_pylist() for name in table.column_names}
    changed = {name: list(own) for name, own in values.items()}
    moved = {name: list(own) for name, own in values.items()}
    for i, name in enumerate(names):
        own = changed[name]
        row = next((r for r, value in enumerate(own) if isinstance(value, str) and "𠮷" in value), i % len(own))
        own[row] = other(own[row], table.schema.field(name).type)
    key = next(name for name in names if len(set(values[name])) == len(values[name]) > 1)
    moved[key][0], moved[key][1] = moved[key][1], moved[key][0]
    result = []
    for number, own in enumerate([changed, moved]):
        copy = os.path.join(folder, f"{number}.parquet")
        pyarrow.parquet.write_table(pyarrow.table(own, schema=table.schema), copy)
        result.append(copy)
    return result


def main(store, batches, output, readers):
    out = refused(output)
    failed = 0
    compared, seconds, noticed = collections.Counter(), collections.Counter(), collections.Counter()
    seen = collections.Counter()
    import pyarrow.parquet

    opened = []
    for name in readers:
        try:
            opened.append((name, READERS[name]()))
        except ImportError:
            print(f"parquet: {name} is not installed; its reading was not tried")
    for table in TABLES:
        parts = sorted(str(path) for path in pathlib.Path(store).resolve().glob(f"parts/{table}/**/*.parquet"))
        if not parts:
            print(f"parquet: no part of {table} in {store}")
            failed += 1
            continue
        kind = kinds(parts[0])
        inside = sum(pyarrow.parquet.ParquetFile(path).metadata.num_rows for path in parts)
        chosen, wanted = parts, None
        if inside > MANY:
            chosen = parts[:1]
            keys = pyarrow.parquet.read_table(chosen[0], columns=KEYS[table])
            wanted = set(zip(*(keys.column(name).to_pylist() for name in KEYS[table])))
        count, names, rows = delivered(batches, table, kind, out, wanted)
        if count != inside:
            print(f"parquet: {table}: {count} rows were accepted, {inside} are in the parts")
            failed += 1
        expected = collections.Counter(rows)
        for row in rows:
            for value in row:
                if value is None:
                    seen["null"] += 1
                elif value in ("NULL", "null", "\\N"):
                    seen["the word null"] += 1
                elif value.startswith("𠮷"):
                    seen["𠮷"] += 1
        del rows
        for name, reader in opened:
            began = time.time()
            found = read(reader, chosen, names)
            seconds[name] += time.time() - began
            compared[name] += sum(found.values()) * len(names)
            if found != expected:
                failed += 1
                columns = wrong(found, expected, names) or "mixed up"
                print(f"parquet: {name}: {table}: {sum((found - expected).values())} rows differ; columns {columns}")
            elif len(chosen) == len(parts):
                # Only of whole tables: a copy takes the place of the first part.
                rest = found - read(reader, parts[:1], names)
                with tempfile.TemporaryDirectory() as folder:
                    for copy, columns in zip(tampered(parts[0], names, folder), [names, []]):
                        found = rest + read(reader, [copy], names)
                        noticed[name] += max(1, len(columns))
                        if found == expected or wrong(found, expected, names) != columns:
                            failed += 1
                            print(f"parquet: {name}: {table}: not every change in a copy was noticed")
    for what in ["null", "the word null", "𠮷"]:
        if not seen[what]:
            print(f"parquet: no value is {what}; marked.py makes deliveries that have some")
            failed += 1
    print("parquet: delivered were " + ", ".join(f"{seen[what]} times {what}" for what in sorted(seen)))
    for name, values in compared.items():
        print(
            f"parquet: {name} read {values} values of the store in {seconds[name]:.0f} s"
            + ("" if failed else f", all as delivered; of {noticed[name]} changes in copies it noticed all")
        )
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.argv[4:])
