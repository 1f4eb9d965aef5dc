#!/bin/sh
# Runs the samples and holds the findings against the reference implementation, which shares no code with the program.
set -eu
yijian=$1
python3 Tests/reference/test_reference.py
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
for sample in clean planted broken; do
  # broken holds incomplete batches: exit code 3.
  "$yijian" run Pipelines/weekly.yml --input "SampleClaims/$sample" --output "$work/$sample" --store "$work/$sample-store" \
    >/dev/null 2>&1 || [ $? = 3 ]
  python3 Tests/reference/compare.py "$work/$sample" "SampleClaims/$sample" 2>/dev/null
done
