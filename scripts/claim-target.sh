#!/usr/bin/env bash
# Claims the shared target directory for this checkout. All checkouts share one, and cargo decides
# only by modification times whether a source changed.
#
# The checkout that built there before is the owner. A file that is the same here and there takes
# over the owner's modification time, because what was compiled from it is right for both. Every
# other file is touched. So a file's time is never older than the last change of its content, in
# either checkout.
#
# The script also records the owner's files beside the build, in case that checkout is removed.
# `make` runs it before and after building. The record counts only if nothing was compiled since.
set -euo pipefail

target=${CARGO_TARGET_DIR:?the Makefile sets it}
checkout=$(cd "$(dirname "$0")/.." && pwd)
owner=$target/.checkout
record=$target/.checkout-files
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Each file of a checkout with its hash and its modification time. Includes files that git does not
# track yet, because they are compiled, too.
list() { # CHECKOUT
  local file
  git -C "$1" ls-files -z --cached --others --exclude-standard >"$work/known" || return
  cd "$1"
  while IFS= read -r -d '' file; do
    if [ -f "$file" ]; then printf '%s\0' "$file"; fi
  done <"$work/known" | sort -zu >"$work/names"
  # Hash before reading the time: a file that is written in between then has a time later than its
  # hash, and is compiled again.
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
# The path of the compiler's wrapper is part of cargo's fingerprints, so it must not be a
# checkout's.
ln -sfn "$checkout/scripts/rustc-clippy.sh" "$target/rustc-clippy"
(list "$checkout") >"$work/record"
mv "$work/record" "$record"
