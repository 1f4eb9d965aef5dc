#!/bin/sh
# Installs the system libraries named as arguments where they are missing, or prints the one line that does.
# Those after --useful make things faster; where they cannot be had, the build does without them.
set -eu
missing=""
useful=""
is_useful=""
for package in "$@"; do
  if [ "$package" = --useful ]; then
    is_useful=yes
  elif ! dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed'; then
    if [ -n "$is_useful" ]; then useful="$useful $package"; else missing="$missing $package"; fi
  fi
done
updated=""
if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ]; then
    apt-get update -qq || { echo "setup: apt-get update failed; is the machine connected?" >&2; exit 2; }
    updated=yes
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    echo "setup: installed$missing"
  else
    echo "setup: these system libraries are missing. Run this line, then the same make command again:" >&2
    echo "  sudo apt-get install -y --no-install-recommends$missing$useful" >&2
    exit 2
  fi
fi
# Tried once a checkout: a machine that cannot have them is not asked at every command.
tried=.build/setup-tried
if [ -n "$useful" ] && [ "$(cat "$tried" 2>/dev/null)" != "$useful" ]; then
  if [ "$(id -u)" = 0 ]; then
    [ -n "$updated" ] || apt-get update -qq >/dev/null 2>&1 || true
    for package in $useful; do
      if DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$package" >/dev/null 2>&1; then
        echo "setup: installed $package"
      else
        echo "setup: $package cannot be installed; going on without it, which is slower" >&2
      fi
    done
  else
    echo "setup: these would make it faster: sudo apt-get install -y --no-install-recommends$useful" >&2
  fi
  mkdir -p .build && echo "$useful" >"$tried"
fi
if ! command -v swift >/dev/null 2>&1; then
  echo "setup: no 'swift' on the PATH; Yijian is built with Swift 6.3 (swift.org/install/linux)" >&2
  exit 2
fi
