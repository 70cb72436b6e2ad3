#!/usr/bin/env bash
# Makes the target directory this checkout's. All checkouts share one, and cargo tells by
# modification times alone whether a source changed.
#
# A file that is the same in the checkout that built there before takes over the modification time
# that it has there: what was compiled from it is as right for this checkout as for that one. Every
# other file is touched. So a file's time is never older than the last change of its content, in
# whichever checkout that happened.
#
# The owner's files are also recorded beside the build, for when that checkout is gone. `make` runs
# this before and after it builds; the record counts only while nothing was compiled since.
set -euo pipefail

target=${CARGO_TARGET_DIR:?the Makefile sets it}
checkout=$(cd "$(dirname "$0")/.." && pwd)
owner=$target/.checkout
record=$target/.checkout-files
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Each file of a checkout with its hash and its modification time. What git does not know yet is
# compiled too.
list() { # CHECKOUT
  local file
  git -C "$1" ls-files -z --cached --others --exclude-standard >"$work/known" || return
  cd "$1"
  while IFS= read -r -d '' file; do
    if [ -f "$file" ]; then printf '%s\0' "$file"; fi
  done <"$work/known" | sort -zu >"$work/names"
  # Hashed before the time is read: of a file that is written meanwhile the time is the later one.
  xargs -0 sha256sum <"$work/names" | cut -c -64 >"$work/hashes"
  xargs -0 stat -L -c '%.9Y %n' <"$work/names" | paste -d ' ' "$work/hashes" -
}

compiled_since() { # FILE
  [ -n "$(find "$target" \( -name deps -o -name build \) -prune -o \
    -path '*/.fingerprint/*' -newer "$1" -print -quit)" ]
}

mkdir -p "$target"
previous=$(cat "$owner" 2>/dev/null || true)
if [ "$previous" != "$checkout" ]; then
  if [ -d "$previous" ] && (list "$previous") >"$work/before" 2>/dev/null; then
    :
  elif [ -f "$record" ] && ! compiled_since "$record"; then
    cp "$record" "$work/before"
  else
    : >"$work/before"
  fi
  (list "$checkout") >"$work/now"
  awk '{ key = $1 substr($0, length($1 $2) + 2) }
    before { times[key] = "@" $2; next }
    { print (key in times ? times[key] : "now"), substr($0, length($1 $2) + 3) }' \
    before=1 "$work/before" before=0 "$work/now" >"$work/changes"
  cd "$checkout"
  while read -r time file; do
    touch --no-create --date="$time" -- "$file"
  done <"$work/changes"
  printf '%s' "$checkout" >"$owner"
fi
# Cargo counts the path of the compiler's wrapper to what it built: it must not be a checkout's.
ln -sfn "$checkout/scripts/rustc-clippy.sh" "$target/rustc-clippy"
(list "$checkout") >"$work/record"
mv "$work/record" "$record"
