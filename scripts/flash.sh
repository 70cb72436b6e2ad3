#!/usr/bin/env bash
# Builds the device's side of an exchange for a microcontroller (Cortex-M4 and M7), with the check of
# proofs and with a hub instead, and prints how much flash each takes.
set -euo pipefail

here=$(cd "$(dirname "$0")/.." && pwd)
target=thumbv7em-none-eabihf
"$here/scripts/setup-target.sh" $target
for features in '' hub; do
  cargo build --quiet --release --locked --target $target --features "$features" \
    --manifest-path "$here/bench/microcontroller/Cargo.toml"
  # Code and constants: name, type, address, offset, size.
  bytes=0
  while read -r size; do bytes=$((bytes + 16#$size)); done < <(
    readelf --sections --wide "$CARGO_TARGET_DIR/$target/release/waybill-bench-microcontroller" |
      sed -nE 's/^ *\[ *[0-9]+\] (\.text|\.rodata) +[A-Z]+ +[0-9a-f]+ [0-9a-f]+ ([0-9a-f]+) .*/\2/p'
  )
  printf '{"name":"device_flash","case":"%s","value":%d,"unit":"B"}\n' "${features:-proofs}" "$bytes"
done
