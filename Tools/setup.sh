#!/bin/sh
# Installs the system libraries named as arguments where they are missing, or prints the one line that does.
set -eu
missing=""
for package in "$@"; do
  if ! dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'install ok installed'; then
    missing="$missing $package"
  fi
done
if [ -n "$missing" ]; then
  if [ "$(id -u)" = 0 ]; then
    apt-get update -qq || { echo "setup: apt-get update failed; is the machine connected?" >&2; exit 2; }
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    echo "setup: installed$missing"
  else
    echo "setup: these system libraries are missing. Run this line, then the same make command again:" >&2
    echo "  sudo apt-get install -y --no-install-recommends$missing" >&2
    exit 2
  fi
fi
if ! command -v swift >/dev/null 2>&1; then
  echo "setup: no 'swift' on the PATH; Yijian is built with Swift 6.3 (swift.org/install/linux)" >&2
  exit 2
fi
