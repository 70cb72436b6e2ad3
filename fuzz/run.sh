#!/usr/bin/env bash
# Builds the fuzz targets and runs each for a while, starting from the committed corpus and from the
# inputs that earlier runs found. Prints a table at the end. Fails if a target failed; that
# target's input is in fuzz/artifacts/.
#
# Usage: run.sh [SECONDS [TARGET…]]      (60 seconds each, all targets)
# CARGO_TARGET_DIR/corpus keeps inputs that reach something new, CARGO_TARGET_DIR/logs libFuzzer's
# output.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-60}
targets=("${@:2}")
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
triple=$(rustc -vV | sed -n 's/^host: //p')

if [ ${#targets[@]} = 0 ]; then mapfile -t targets < <(cargo fuzz list --fuzz-dir .); fi
# Stable Rust has no sanitizers. The code under test is safe Rust and needs none.
options=(--fuzz-dir . --sanitizer none)
if [[ " ${targets[*]} " != *" runtime "* ]]; then options+=(--no-default-features); fi
cargo fuzz build "${options[@]}"

declare -A longest=([cid]=256 [dag]=8192 [fleet_proof]=4096 [runtime]=4096 [statements]=4096 [cbor]=16384 [zkcp]=1024)
table=$'target\tresult\tseconds\truns\truns/s\tcoverage\tfeatures\tcorpus\tMB'
failed=0
for target in "${targets[@]}"; do
  found=$CARGO_TARGET_DIR/corpus/$target
  log=$CARGO_TARGET_DIR/logs/$target.log
  mkdir -p "$found" "$CARGO_TARGET_DIR/logs" "corpus/$target" "artifacts/$target"
  printf 'fuzz: %s for %s s\n' "$target" "$seconds" >&2
  result=ok
  "$CARGO_TARGET_DIR/$triple/release/$target" "$found" "corpus/$target" -max_total_time="$seconds" \
    -max_len="${longest[$target]:-4096}" -len_control=20 -timeout=30 -rss_limit_mb=2048 -malloc_limit_mb=512 \
    -artifact_prefix="artifacts/$target/" -print_final_stats=1 >"$log" 2>&1 || result=failed
  if [ $result = failed ]; then
    failed=1
    tail -n 60 "$log" >&2
  fi
  stat() { sed -n "s/^stat::$1: *//p" "$log"; }
  last=$(grep -E '^#[0-9]+.* cov: ' "$log" | tail -n 1 || true)
  field() { sed -n "s/.* $1: \([0-9]*\).*/\1/p" <<<"$last"; }
  took=$(sed -n 's/^Done [0-9]* runs in \([0-9]*\) second.*/\1/p' "$log")
  table+=$'\n'$(printf '%s\t' "$target" "$result" "${took:--}" "$(stat number_of_executed_units)" \
    "$(stat average_exec_per_sec)" "$(field cov)" "$(field ft)" "$(field corp)" "$(stat peak_rss_mb)")
done
column -t -s $'\t' <<<"$table"
exit $failed
