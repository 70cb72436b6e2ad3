#!/usr/bin/env bash
# Compiles a crate of ours and lints it with clippy. Cargo calls this instead of rustc, only for the
# workspace's crates (RUSTC_WORKSPACE_WRAPPER). `cargo clippy` would check all dependencies once
# more, in a form that nothing else can use. This script uses the dependencies as they were built.
#
# Usage: rustc-clippy.sh RUSTC [ARGUMENTS OF rustc ...]
#
# A lint is a warning here and never fails a build. `make lint` fails on it. Cargo keeps the
# warnings of a crate and shows them again while the crate is unchanged.
set -euo pipefail

crate='' compiles=''
for ((i = 2; i <= $#; i++)); do
  case ${!i} in
    --crate-name) next=$((i + 1)) crate=${!next} ;;
    --error-format=json) compiles=1 ;;
  esac
done
# Cargo asks for the version, and build scripts probe the compiler. Those are not crates of ours.
if [ -z "$compiles" ]; then exec "$@"; fi

# Compile first, so that crates that depend on this one can start meanwhile. Clippy repeats all
# warnings of the compiler.
"$@" --cap-lints=allow

out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT
shift
args=()
while [ $# -gt 0 ]; do
  case $1 in
    --emit=*) args+=(--emit=metadata) ;;
    --out-dir) args+=(--out-dir "$out") && shift ;;
    # Without `artifacts`: cargo would take clippy's for the crate.
    --json=*) args+=(--json=diagnostic-rendered-ansi) ;;
    *) args+=("$1") ;;
  esac
  shift
done
if ! clippy-driver "${args[@]}" --cap-lints=warn; then
  # Report this as a warning: `make lint` sees it, and a build goes on.
  text="clippy failed on $crate"
  printf '{"$message_type":"diagnostic","message":"%s","code":null,"level":"warning","spans":[],' \
    "$text" >&2
  printf '"children":[],"rendered":"warning: %s\\n"}\n' "$text" >&2
fi
