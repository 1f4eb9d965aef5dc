#!/bin/sh
# Writes the cases with the native engine's findings, then runs every rule's SQL in the engines named as arguments
# (sqlite, duckdb, spark; none named: all). --set-up only installs what they need, and fails if it can't.
set -eu
cd "$(dirname "$0")/../.."
folder=.build/engines
only=
if [ "${1:-}" = --set-up ]; then
  only=yes
  shift
fi
[ $# -gt 0 ] || set -- sqlite duckdb spark

needs=python3-venv
packages=
readers=
for engine in "$@"; do
  case $engine in
    duckdb)
      packages="$packages $(grep -E '^(duckdb|pyarrow)' Tests/engines/requirements.txt)"
      readers="$readers pyarrow duckdb"
      ;;
    spark)
      # Spark has two readers.
      readers="$readers spark spark-rows"
      needs="$needs openjdk-17-jre-headless"
      packages="$packages $(grep -E '^(pyspark|pyarrow)' Tests/engines/requirements.txt)"
      ;;
  esac
done
sh Tools/setup.sh python3 $needs
mkdir -p "$folder"
[ -x "$folder/venv/bin/pip" ] || python3 -m venv --clear "$folder/venv"
for package in $packages; do
  "$folder/venv/bin/python" -c "import ${package%%=*}" 2>/dev/null ||
    "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "$package"
done
[ -z "$only" ] || exit 0

python3 Tests/engines/unpack.py SampleClaims/planted "$folder/planted.json"
swift build --build-tests
YIJIAN_ENGINE_CASES="$folder/cases" YIJIAN_ENGINE_PLANTED="$folder/planted.json" \
  swift test --skip-build --filter EngineCaseTests
"$folder/venv/bin/python" Tests/engines/semantics.py "$@"
"$folder/venv/bin/python" Tests/engines/run.py "$folder/cases" "$@"

# The store's Parquet files, read column by column with other programs.
if [ -n "$readers" ]; then
  YIJIAN_PARQUET_CASES="$PWD/$folder/parquet" swift test --skip-build --filter OtherReaders
  # shellcheck disable=SC2086
  "$folder/venv/bin/python" Tests/parquet/open.py "$folder/parquet" $readers
  # Stores against the exports that they were made of: the planted sample, and with FULL=yes one of 5 million lines.
  swift build --product yijian
  sh Tests/parquet/store.sh .build/debug/yijian "$folder" SampleClaims/planted planted "$folder/venv/bin/python" $readers
  if [ "${FULL:-}" = yes ]; then
    swift build -c release --product yijian
    [ -d "$folder/5m-in" ] || .build/release/yijian synth --kind load --settlements 660000 --weeks 52 --one-batch --parts 8 \
      --layout narrow --out "$folder/5m-in"
    sh Tests/parquet/store.sh .build/release/yijian "$folder" "$folder/5m-in" 5m "$folder/venv/bin/python" $readers
  fi
fi
# The weekly job with Spark as its engine: two workers, and the same bytes.
case " $* " in
  *" spark "*)
    swift build --product yijian
    "$folder/venv/bin/python" Tests/engines/spark_run.py .build/debug/yijian "$folder/venv/bin/spark-submit" "$folder/run"
    ;;
esac
# The script that the benchmarks measure must be right before it is fast.
case " $* " in
  *" duckdb "*)
    swift build --product yijian
    "$folder/venv/bin/python" Tests/engines/peer.py .build/debug/yijian "$folder"
    ;;
esac
