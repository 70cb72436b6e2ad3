#!/usr/bin/env bash
# Measures the calls of this project's pallets on the runtime's wasm and writes their weights.
#
# Usage: weights.sh CACHE_DIR [PALLET ...]
# Installs frame-omni-bencher on demand: about half an hour on 2 cores, once.
set -euo pipefail
cd "$(dirname "$0")/.."

cache=${1:?usage: weights.sh CACHE_DIR [PALLET ...]}
shift
pallets=("$@")
if [ ${#pallets[@]} = 0 ]; then pallets=(pallet_firmware pallet_pod_bounty); fi
# The version that belongs to the SDK release of Cargo.toml.
version=0.28.0
bencher=$cache/bin/frame-omni-bencher
say() { printf 'weights: %s\n' "$*" >&2; }

if [ "$("$bencher" --version 2>/dev/null)" != "frame-omni-bencher $version" ]; then
  say "installing frame-omni-bencher $version"
  CARGO_TARGET_DIR=$cache/target-bencher cargo install --quiet --locked --root "$cache" --version "$version" frame-omni-bencher
  rm -rf "$cache/target-bencher"
fi

# The benchmarks need another feature set. Keep their build out of the directory that everything
# else shares.
export CARGO_TARGET_DIR=$cache/target-weights
say "building the runtime with its benchmarks"
cargo build --release --locked --package waybill-runtime --features runtime-benchmarks
runtime=$CARGO_TARGET_DIR/release/wbuild/waybill-runtime/waybill_runtime.compact.compressed.wasm
for pallet in "${pallets[@]}"; do
  name=${pallet#pallet_}
  say "measuring $pallet"
  "$bencher" v1 benchmark pallet --runtime "$runtime" --genesis-builder runtime --genesis-builder-preset development \
    --pallet "$pallet" --extrinsic '*' --steps "${STEPS:-20}" --repeat "${REPEAT:-10}" --heap-pages 4096 \
    --template scripts/weights.hbs --output "pallets/${name//_/-}/src/weights.rs"
done
