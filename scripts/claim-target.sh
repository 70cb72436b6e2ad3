#!/usr/bin/env bash
# All checkouts share one target directory, and cargo tells whether a source changed by its modification time alone. When
# another checkout was built there last, this one's files are touched, so that nothing of the other is taken for its own.
set -euo pipefail

target=${CARGO_TARGET_DIR:?the Makefile sets it}
checkout=$(cd "$(dirname "$0")/.." && pwd)
stamp=$target/.checkout
if [ "$(cat "$stamp" 2>/dev/null)" = "$checkout" ]; then exit 0; fi
mkdir -p "$target"
git -C "$checkout" ls-files -z | (cd "$checkout" && xargs -0 touch --no-create)
printf '%s' "$checkout" >"$stamp"
