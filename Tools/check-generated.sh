#!/bin/sh
# Fails if a generated document or sample is not what the program makes today.
set -eu
yijian=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unpack() { # what is inside, for zlib versions compress differently
  rm -rf "$2"
  cp -R "$1" "$2"
  find "$2" -name README.md -exec rm {} +
  find "$2" -name '*.gz' | while read -r file; do
    # Samples of damage do not inflate; their bytes are what is compared.
    if gzip -dc "$file" >"$file.text" 2>/dev/null; then rm "$file"; else rm "$file.text"; fi
  done
}
"$yijian" synth --samples "$work/made" >/dev/null
unpack SampleClaims "$work/kept-text"
unpack "$work/made" "$work/made-text"
diff -r "$work/kept-text" "$work/made-text" || {
  echo "SampleClaims is not what the generator makes; run 'make samples' and look at the change" >&2
  exit 1
}
sh Tools/sample-report.sh "$yijian" "$work/sample"
sh Tools/comparable.sh "$work/sample" "$work/sample-made"
sh Tools/comparable.sh Reports/sample "$work/sample-kept"
diff -r "$work/sample-kept" "$work/sample-made" -x README.md || {
  echo "Reports/sample is not what the program writes; run 'make sample-report' and look at the change" >&2
  exit 1
}
for packet in Reports/sample/*/packets/*; do "$yijian" verify "$packet" >/dev/null || { "$yijian" verify "$packet"; exit 1; }; done
python3 Tools/command-page.py "$yijian" --check
"$yijian" check --schema | diff Documentation/rule.schema.json - || {
  echo "Documentation/rule.schema.json is not what 'yijian check --schema' prints" >&2
  exit 1
}
"$yijian" rules Pipelines/weekly.yml --markdown >"$work/rules.md"
diff Documentation/rules.md "$work/rules.md" || {
  echo "Documentation/rules.md is not what the rules say; run 'make rules-page' and look at the change" >&2
  exit 1
}
sh Tools/sql-snapshots.sh "$yijian" "$work/sql"
diff -r Documentation/sql "$work/sql" -x README.md || {
  echo "Documentation/sql is not the SQL of the rules; run 'make sql-snapshots' and look at the change" >&2
  exit 1
}
python3 Tests/engines/semantics.py --markdown >"$work/semantics.md"
diff Documentation/engine-semantics.md "$work/semantics.md" || {
  echo "Documentation/engine-semantics.md is not its table; run 'make engine-semantics' and look at the change" >&2
  exit 1
}
python3 Tools/follow-tutorial.py "$yijian"
"$yijian" check Pipelines
{ # what make test prints behind the lines of the Swift tests, without the changes that are waived
  "$yijian" test Pipelines/rules
  "$yijian" test Pipelines/rules --mutate | tail -n 1
  python3 Tests/truth/check_truth.py SampleClaims/clean SampleClaims/planted
  sh Tools/compare-reference.sh "$yijian"
  python3 Tests/engines/semantics.py sqlite
  python3 Tests/engines/kept_sql.py
} >"$work/test-lines" 2>"$work/test-messages" || { cat "$work/test-lines" "$work/test-messages" >&2; exit 1; }
for page in README.md README.zh-CN.md; do
  sed -n '/^[0-9]* tests hold, /,/^```$/p' "$page" | sed '$d' | diff - "$work/test-lines" || {
    echo "$page does not show what 'make test' prints" >&2
    exit 1
  }
done
echo "generated documents and samples are as the program makes them"
