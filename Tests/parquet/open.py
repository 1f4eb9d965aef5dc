"""Reads the Parquet files that OtherReadersTests wrote with other programs, column by column.

usage: open.py FOLDER READER...     READER is pyarrow, duckdb, spark or spark-rows

Beside each file lies a JSON file with the values that were given to the writer. A reader whose package is missing is
skipped with a message.
"""

import datetime
import decimal
import json
import os
import pathlib
import sys
import time


def text(value):
    """A value as the JSON file writes it."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, datetime.datetime):
        return f"{value.year:04}-{value.month:02}-{value.day:02} {value.time()}"
    if isinstance(value, datetime.date):
        return f"{value.year:04}-{value.month:02}-{value.day:02}"
    if isinstance(value, decimal.Decimal):
        return f"{value:f}"
    return str(value)


class Pyarrow:
    """The reference reader; also the only one asked for what the footer says."""

    def __init__(self):
        import pyarrow.parquet

        self.parquet = pyarrow.parquet

    def columns(self, path):
        table = self.parquet.read_table(path)
        return {name: table.column(name).to_pylist() for name in table.column_names}

    TYPES = {"int32": "int32", "int64": "int64", "date": "date32[day]", "time": "timestamp[us]", "string": "string"}

    def more(self, path, expected):
        """Types, row groups, metadata, statistics."""
        file = self.parquet.ParquetFile(path)
        problems = []
        if [file.metadata.row_group(i).num_rows for i in range(file.metadata.num_row_groups)] != expected["rowGroups"]:
            problems.append("row groups")
        found = {k.decode(): v.decode() for k, v in (file.schema_arrow.metadata or {}).items()}
        if found != expected["metadata"]:
            problems.append(f"metadata {found}")
        if not file.metadata.created_by.startswith("yijian version "):
            problems.append(f"created by {file.metadata.created_by}")
        for c, column in enumerate(expected["columns"]):
            kind = column["kind"].replace("decimal(18,", "decimal128(18, ")
            if str(file.schema_arrow.field(c).type) != self.TYPES.get(kind, kind):
                problems.append(f"{column['name']} is {file.schema_arrow.field(c).type}")
            start = 0
            for g, rows in enumerate(expected["rowGroups"]):
                values = [v for v in column["values"][start : start + rows] if v is not None]
                start += rows
                found = file.metadata.row_group(g).column(c).statistics
                if found.null_count != rows - len(values):
                    problems.append(f"{column['name']} null count {found.null_count}")
                if column["kind"] == "string":
                    ordered = sorted(values, key=lambda v: v.encode())
                elif column["kind"] in ("date", "time"):
                    ordered = sorted(values)
                else:
                    ordered = sorted(values, key=decimal.Decimal)
                if found.has_min_max:
                    if (text(found.min), text(found.max)) != (ordered[0], ordered[-1]):
                        problems.append(f"{column['name']} statistics {found.min!r} {found.max!r}")
                elif ordered and max(len(ordered[0].encode()), len(ordered[-1].encode())) <= 64:
                    problems.append(f"{column['name']} has no statistics")
        return problems


class DuckDB:
    def __init__(self):
        import duckdb

        self.connection = duckdb.connect()

    def columns(self, path):
        result = self.connection.execute(f"select * from read_parquet('{path}')")
        names = [d[0] for d in result.description]
        rows = result.fetchall()
        return {name: [row[i] for row in rows] for i, name in enumerate(names)}

    def more(self, path, expected):
        """A filter skips row groups by their statistics: it must not skip rows that match."""
        problems = []
        for column in expected["columns"]:
            values = [v for v in column["values"] if v is not None]
            for value in {*values[:1], *values[-1:], *values[len(values) // 2 :][:1]}:
                kind = {"string": "varchar", "time": "timestamp"}.get(column["kind"], column["kind"])
                found = self.connection.execute(
                    f"select count(*) from read_parquet('{path}') where \"{column['name']}\" = cast(? as {kind})", [value]
                ).fetchall()[0][0]
                if found != values.count(value):
                    problems.append(f"{column['name']}: {found} rows of {values.count(value)} found by a filter")
        return problems


class Spark:
    """Spark's vectorised reader, in a far time zone: a time that was taken for an instant would move."""

    vectorised = True

    def __init__(self):
        from pyspark.sql import SparkSession

        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        # An instant is turned into a time in the zone of this process, whatever the session's is.
        os.environ["TZ"] = "Pacific/Apia"
        time.tzset()
        self.session = (
            SparkSession.builder.master("local[1]")
            .config("spark.ui.enabled", "false")
            .config("spark.ui.showConsoleProgress", "false")
            .config("spark.driver.host", "127.0.0.1")
            .config("spark.driver.memory", "3g")
            .config("spark.driver.maxResultSize", "0")
            .config("spark.sql.shuffle.partitions", "1")
            .config("spark.sql.session.timeZone", "Pacific/Apia")
            # Beyond so many columns a plan does not say whether its rows come in batches.
            .config("spark.sql.codegen.maxFields", "1000")
            .config("spark.log.level", "ERROR")
            .getOrCreate()
        )

    def frame(self, path):
        """The file's rows, by the reader that this is about: a setting of the session chooses it, the plan says which it is."""
        self.session.conf.set("spark.sql.parquet.enableVectorizedReader", str(self.vectorised).lower())
        frame = self.session.read.parquet(f"file://{path}")
        plan = frame._jdf.queryExecution().executedPlan().toString()
        if f"Batched: {str(self.vectorised).lower()}" not in plan:
            raise RuntimeError(f"Spark did not read with the reader that was asked for: {plan}")
        return frame

    def columns(self, path):
        frame = self.frame(path)
        rows = frame.collect()
        return {name: [row[i] for row in rows] for i, name in enumerate(frame.columns)}

    TYPES = {"int32": "int", "int64": "bigint", "time": "timestamp_ntz"}

    def more(self, path, expected):
        """Types; and a filter, pushed down to pages and row groups, must not skip rows that match."""
        frame = self.frame(path)
        problems = []
        for column, (_, found) in zip(expected["columns"], frame.dtypes):
            if found != self.TYPES.get(column["kind"], column["kind"]):
                problems.append(f"{column['name']} is {found}")
            values = [v for v in column["values"] if v is not None]
            if column["kind"] == "string" and values:
                found = frame.filter(frame[column["name"]] == values[0]).count()
                if found != values.count(values[0]):
                    problems.append(f"{column['name']}: {found} rows found by a filter")
        return problems


class SparkRows(Spark):
    """Spark's other reader, which builds a row at a time; it is taken for nested columns or when the first is turned off."""

    vectorised = False


READERS = {"pyarrow": Pyarrow, "duckdb": DuckDB, "spark": Spark, "spark-rows": SparkRows}


def main(folder, names):
    files = sorted(pathlib.Path(folder).resolve().glob("*.parquet"))
    if not files:
        sys.exit(f"no Parquet files in {folder}")
    failed = 0
    for name in names:
        try:
            reader = READERS[name]()
        except ImportError:
            print(f"parquet: {name} is not installed; its reading was not tried")
            continue
        values = 0
        for path in files:
            expected = json.loads(path.with_suffix(".json").read_text())
            found = reader.columns(str(path))
            problems = reader.more(str(path), expected)
            if list(found) != [column["name"] for column in expected["columns"]]:
                problems.append("columns")
            for column in expected["columns"]:
                got = [text(value) for value in found.get(column["name"], [])]
                values += len(got)
                if got != column["values"]:
                    at = next((i for i, (a, b) in enumerate(zip(got, column["values"])) if a != b), "its end")
                    problems.append(f"{column['name']} differs at row {at}")
            for problem in problems:
                print(f"parquet: {name}: {path.name}: {problem}")
            failed += len(problems)
        print(f"parquet: {name} read {len(files)} files, {values} values")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
