#!/bin/sh
# Copies a run's output so that two machines can compare it: SQLite files as dumps and workbooks as their parts, because
# their bytes depend on the version of the library; digests of these and of what holds them are taken out.
set -eu
from=$1
to=$2
rm -rf "$to"
cp -R "$from" "$to"
find "$to" -name evidence.sqlite | while read -r file; do
  sqlite3 "$file" .dump >"$file.sql"
  rm "$file"
done
find "$to" -name '*.xlsx' | while read -r file; do
  mkdir "$file.parts"
  python3 -m zipfile -e "$file" "$file.parts"
  rm "$file"
done
find "$to" -name 'manifest-sha256.txt' | while read -r file; do
  sed -i -E 's/^[0-9a-f]{64}(  data\/(evidence\.sqlite|workbook\.xlsx))$/–\1/' "$file"
done
find "$to" -name 'tagmanifest-sha256.txt' -exec rm {} +
find "$to" -name 'bag-info.txt' -exec sed -i -E '/^(Payload-Oxum|Bag-Size):/d' {} +
