#!/bin/sh
# The SQL of every rule in every dialect, so that a reviewer of a rule sees what its SQL becomes.
#   sh Tools/sql-snapshots.sh .build/debug/yijian Documentation/sql
set -eu
yijian=$1 folder=$2
for dialect in sqlite duckdb spark; do
  rm -rf "${folder:?}/$dialect"
  mkdir -p "$folder/$dialect"
  first=""
  for file in Pipelines/rules/*.yml; do
    case $file in *.test.yml) continue ;; esac
    rule=$(basename "$file" .yml)
    if "$yijian" sql "$rule" --dialect "$dialect" --part rule >"$folder/$dialect/$rule.sql" 2>"$folder/problem"; then
      first=${first:-$rule}
    elif grep -q 'sql\.unsupported' "$folder/problem"; then
      # What an engine can't express is a diagnostic, and that is what there is to see.
      sed 's/^/-- /' "$folder/problem" >"$folder/$dialect/$rule.sql"
    else
      cat "$folder/problem" >&2
      exit 1
    fi
    rm -f "$folder/problem"
  done
  "$yijian" sql "$first" --dialect "$dialect" --part prelude >"$folder/$dialect/prelude.sql"
done
