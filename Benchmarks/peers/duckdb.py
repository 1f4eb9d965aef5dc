"""Audits an export with DuckDB: the ten rules of the weekly pack as a bureau would script them.

usage: duckdb.py EXPORT OUT.csv [--threads N] [--memory 4GB] [--times]

EXPORT holds batches/<batch>/<table>_….csv.gz and registries/<table>.csv as `yijian synth --kind load` writes them, in
either layout. Columns and types are declared, only the columns that rules read are taken, each file is read once. OUT
gets rule, finding_id, key, verdict, amount_fen, fund_fen, sorted by finding_id. --times prints what each statement took.
"""

import argparse
import glob
import gzip
import os
import re
import sys
import time

# The folder of this file would otherwise be searched for `duckdb` first.
sys.path = [p for p in sys.path if os.path.abspath(p or ".") != os.path.dirname(os.path.abspath(__file__))]
import duckdb  # noqa: E402

KINDS = {
    "updt_time": "TIMESTAMP", "setl_time": "TIMESTAMP", "fee_ocur_time": "TIMESTAMP", "begntime": "TIMESTAMP",
    "endtime": "TIMESTAMP", "begndate": "DATE", "enddate": "DATE", "cnt": "DECIMAL(16, 4)",
    # Cast where they are needed, which is hardly ever.
    "pric": "VARCHAR", "fulamt_ownpay_amt": "VARCHAR", "overlmt_selfpay": "VARCHAR", "preselfpay_amt": "VARCHAR",
    "sup_days": "DECIMAL(16, 4)", "aprv_bed_cnt": "BIGINT", "sure_flag": "BIGINT",
}
CLAIMS = {
    "setl_d": "setl_id mdtrt_id init_setl_id psn_no insutype insu_admdvs fixmedins_code hosp_lv fix_blng_admdvs begndate"
    " setl_time med_type medfee_sumamt inscp_amt fund_pay_sumamt refd_setl_flag dise_no vali_flag updt_time",
    "fee_list_d": "bkkp_sn mdtrt_id fee_ocur_time setl_id fixmedins_code psn_no cnt pric det_item_fee_sumamt"
    " fulamt_ownpay_amt overlmt_selfpay preselfpay_amt inscp_amt hilist_code list_type med_list_codg med_chrgitm_type"
    " etip_flag etip_hosp_code vali_flag updt_time rx_circ_flag dise_codg init_feedetl_sn",
    "mdtrt_d": "mdtrt_id psn_no fixmedins_code begntime endtime med_type nwb_flag ars_year_ipt_flag refl_old_mdtrt_id"
    " medrcdno dscg_maindiag_code dscg_way inhosp_stas adm_caty dscg_caty vali_flag updt_time",
    "setl_list_diag_d": "setl_list_diag_id mdtrt_id diag_type maindiag_flag diag_code vali_flag updt_time",
}
REGISTRIES = ["fixmedins_b", "hilist_b", "hilist_lmt_b", "drug_sup_b", "opsp_reg_d", "opsp_dise_drug_b"]


def kind(column):
    if column in KINDS:
        return KINDS[column]
    return "DECIMAL(16, 2)" if re.search(r"(amt|selfpay|_pay)$", column) else "VARCHAR"


def reader(files, wanted, is_registry=False):
    """A table function over the files with declared columns; the header only says in which order they stand."""
    opened = gzip.open if files[0].endswith(".gz") else open
    with opened(files[0], "rt", encoding="utf-8") as file:
        header = file.readline().rstrip("\r\n")
    quote = "'" if header.startswith("'") else '"' if is_registry else ""
    names = [name.strip("'\"") for name in header.split(",")]
    declared = ", ".join(f"'{n}': '{kind(n) if n in wanted or is_registry else 'VARCHAR'}'" for n in names)
    taken = ", ".join([n for n in names if n in wanted] + ["file_index"]) if wanted else "*"
    escaped = quote.replace("'", "''")
    paths = ", ".join("'" + path.replace("'", "''") + "'" for path in files)
    return (
        f"(SELECT {taken} FROM read_csv([{paths}], header = true, auto_detect = false, delim = ',', quote = '{escaped}',"
        f" escape = '{escaped}', nullstr = '', columns = {{{declared}}}))"
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("export")
    parser.add_argument("out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--memory")
    parser.add_argument("--times", action="store_true")
    options = parser.parse_args()
    batches = os.path.join(options.export, "batches")
    tables = {}
    for table, columns in CLAIMS.items():
        # Batch, then file name, as bytes: the order in which the later of two equal versions wins.
        files = sorted(
            glob.glob(os.path.join(glob.escape(batches), "*", f"{table}_*.csv.gz")),
            key=lambda path: (os.path.basename(os.path.dirname(path)).encode(), os.path.basename(path).encode()),
        )
        tables[table] = reader(files, columns.split())
    for table in REGISTRIES:
        tables[table] = reader([os.path.join(options.export, "registries", table + ".csv")], [], True)
    db = duckdb.connect(":memory:")
    db.execute(f"SET threads = {options.threads}")
    if options.memory:
        db.execute(f"SET memory_limit = '{options.memory}'")
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "duckdb.sql"), encoding="utf-8") as file:
        script = re.sub(r"--[^\n]*", "", file.read())
    for statement in re.sub(r"\{(\w+)\}", lambda m: tables[m.group(1)], script).split(";"):
        if not statement.strip():
            continue
        began, used = time.perf_counter(), time.process_time()
        db.execute(statement)
        if options.times:
            spent = f"{time.perf_counter() - began:7.3f} s, CPU {time.process_time() - used:7.3f} s"
            print(f"{spent}  {' '.join(statement.split())[:90]}", file=sys.stderr)
    out = options.out.replace("'", "''")
    db.execute(
        "COPY (SELECT rule, rule || '-' || left(sha256(rule || chr(10) || key), 16) AS finding_id, key, verdict,"
        f" amount_fen, fund_fen FROM found ORDER BY finding_id) TO '{out}' (HEADER, DELIMITER ',')"
    )


if __name__ == "__main__":
    main()
