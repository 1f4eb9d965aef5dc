#!/bin/sh
# Fails if a generated document or sample is not what the program makes today.
set -eu
yijian=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$yijian" synth --samples "$work/SampleClaims" >/dev/null
diff -r SampleClaims "$work/SampleClaims" -x README.md || {
  echo "SampleClaims is not what the generator makes; run 'make samples' and look at the change" >&2
  exit 1
}
sh Tools/sample-report.sh "$yijian" "$work/sample"
diff -r Reports/sample "$work/sample" -x README.md || {
  echo "Reports/sample is not what the program writes; run 'make sample-report' and look at the change" >&2
  exit 1
}
"$yijian" check Pipelines >/dev/null
"$yijian" test Pipelines/rules >/dev/null
echo "generated documents and samples are as the program makes them"
