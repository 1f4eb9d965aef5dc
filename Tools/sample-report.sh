#!/bin/sh
# Writes Reports/sample anew: one run over SampleClaims/planted, kept so that a visitor can look without building.
# The clock is fixed, so that the same claims give the same bytes; evidence is kept as a dump, for its file format
# depends on the version of SQLite.
set -eu
yijian=$1
target=$2
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
SOURCE_DATE_EPOCH=1741824000 "$yijian" run Pipelines/weekly.yml --input SampleClaims/planted --output "$work/out" \
  --store "$work/store" >"$work/stdout" 2>"$work/stderr" || { cat "$work/stderr" >&2; exit 2; }
# Times of stages differ from run to run.
find "$work/out" -name run.json -o -name index.html | while read -r file; do
  sed -i -E 's/("(milli)?seconds": ?)[0-9".]+/\10/g; s/(class="seconds">)[^<]*/\1–/g' "$file"
done
find "$work/out" -name evidence.sqlite | while read -r file; do
  sqlite3 "$file" .dump >"${file%.sqlite}.sql"
  rm "$file"
done
find "$work/out" -name '*.xlsx' | while read -r file; do
  mkdir "${file%.xlsx}-parts"
  (cd "${file%.xlsx}-parts" && python3 -m zipfile -e "../$(basename "$file")" .)
  rm "$file"
done
# Digests of the parts left out stay in the manifests, which are compared too.
rm -rf "$target"
mkdir -p "$(dirname "$target")"
mv "$work/out" "$target"
