#!/bin/sh
# Makes a synthetic delivery, runs the weekly pipeline over it with an empty store and prints what that cost.
#
#   sh Benchmarks/weekly.sh .build/release/yijian 1m
#
# SIZE is about how many fee lines both batches together hold: 100k (the default), 1m or a number. Nothing is asserted:
# times are read by people, who know what else the machine was doing. WORK names the folder for the data (default: a
# new one in TMPDIR, removed at the end); it takes about 1 GB for 1m.
set -eu
yijian=${1:?"usage: weekly.sh YIJIAN [SIZE]"}
size=${2:-100k}
case $size in
  *[mM]) lines=$((${size%[mM]} * 1000000)) ;;
  *[kK]) lines=$((${size%[kK]} * 1000)) ;;
  *) lines=$((size)) ;;
esac
root=$(cd "$(dirname "$0")/.." && pwd)
if [ -n "${WORK:-}" ]; then
  work=$WORK
  mkdir -p "$work"
  [ -z "$(ls -A "$work")" ] || { echo "weekly.sh: $work is not empty" >&2; exit 64; }
else
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM
fi

# Runs a command, its standard error kept in a file, and prints wall time, CPU time and peak memory.
measured() {
  log=$1
  shift
  if [ -x /usr/bin/time ] && /usr/bin/time -v true >/dev/null 2>&1; then
    /usr/bin/time -v -o "$work/time" "$@" >"$log.out" 2>"$log" || { cat "$log" >&2; return 1; }
    awk -F': ' '
      /Elapsed/ { wall = $NF }
      /User time/ { user = $2 }
      /System time/ { sys = $2 }
      /Maximum resident/ { memory = $2 / 1024 }
      END {
        n = split(wall, part, ":")
        seconds = 0
        for (i = 1; i <= n; i++) seconds = seconds * 60 + part[i]
        printf "  wall %.1f s, CPU %.1f s (user %.1f, system %.1f), peak memory %.0f MiB\n", \
          seconds, user + sys, user, sys, memory
      }' "$work/time"
  else
    # Without GNU time: seconds of the clock, and the CPU time of all children of this shell so far.
    begin=$(date +%s)
    "$@" >"$log.out" 2>"$log" || { cat "$log" >&2; return 1; }
    echo "  wall $(($(date +%s) - begin)) s, peak memory not measured (no GNU time)"
    echo "  CPU of everything so far (user system): $(times | tail -1)"
  fi
}

# 13 settlements carry about 100 fee lines.
settlements=$((lines * 13 / 100))
[ "$settlements" -gt 0 ] || settlements=1
echo "synth: $settlements settlements, seed 1"
measured "$work/synth.log" "$yijian" synth --seed 1 --settlements "$settlements" --out "$work/data" --kind load
grep -h -E '^fee_list_d|^written|rows/s' "$work/synth.log.out" "$work/synth.log" | sed 's/^/  /' || true
echo "  $(du -sk "$work/data" | cut -f1) KiB compressed"

echo "run: Pipelines/weekly.yml, empty store"
measured "$work/run.log" "$yijian" run "$root/Pipelines/weekly.yml" --input "$work/data" --output "$work/out" \
  --store "$work/store"
echo "  store $(du -sk "$work/store" | cut -f1) KiB"
awk '
  /^batch / { sub(/:$/, "", $2); batch = $2; next }
  /^  [a-z]+: [0-9]+ rows/ {
    stage = $1
    sub(/:$/, "", stage)
    ms = $(NF - 1)
    if (!header++) printf "  %-12s %-10s %10s %9s %10s\n", "batch", "stage", "rows", "ms", "rows/s"
    rate = ms > 0 && $2 > 1000 ? sprintf("%.0f", $2 * 1000 / ms) : "-"
    printf "  %-12s %-10s %10d %9d %10s\n", batch, stage, $2, ms, rate
  }' "$work/run.log"
