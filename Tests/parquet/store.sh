#!/bin/sh
# Runs a delivery, with marked texts in it (marked.py), into a store of its own and compares the store's parts, read with
# other programs, with the exports.
# usage: store.sh YIJIAN FOLDER INPUT NAME PYTHON READER...
set -eu
yijian=$1 folder=$2 input=$3 name=$4 python=$5
shift 5
rm -rf "$folder/$name-store" "$folder/$name-output"
"$python" Tests/parquet/marked.py "$input" "$folder/$name-marked"
input=$folder/$name-marked
# 3: rows were rejected or a batch is incomplete; which rows were accepted is compared all the same.
"$yijian" run Pipelines/weekly.yml --input "$input" --store "$folder/$name-store" --output "$folder/$name-output" \
  >/dev/null || [ $? -eq 3 ]
"$python" Tests/parquet/store.py "$folder/$name-store" "$input/batches" "$folder/$name-output" "$@"
