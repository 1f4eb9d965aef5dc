#!/bin/sh
# Writes the cases with the native engine's findings, then runs every rule's SQL in the engines named as arguments.
set -eu
cd "$(dirname "$0")/../.."
folder=.build/engines
sh Tools/setup.sh openjdk-17-jre-headless python3 python3-venv
mkdir -p "$folder"
if ! "$folder/venv/bin/python" -c 'import duckdb, pyspark' 2>/dev/null; then
  python3 -m venv --clear "$folder/venv"
  "$folder/venv/bin/pip" install --quiet --disable-pip-version-check -r Tests/engines/requirements.txt
fi
python3 Tests/engines/unpack.py SampleClaims/planted "$folder/planted.json"
swift build --build-tests
YIJIAN_ENGINE_CASES="$folder/cases" YIJIAN_ENGINE_PLANTED="$folder/planted.json" \
  swift test --skip-build --filter EngineCaseTests
"$folder/venv/bin/python" Tests/engines/semantics.py "$@"
"$folder/venv/bin/python" Tests/engines/run.py "$folder/cases" "$@"
