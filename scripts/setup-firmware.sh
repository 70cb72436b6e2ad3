#!/usr/bin/env bash
# Fetches the firmware images that the demonstration delivers: U-Boot for QEMU's RISC-V machine,
# from Debian's u-boot-qemu. Two builds of it (for machine mode and for supervisor mode) serve as a
# release and the next one. They are real images, and both are larger than one IPFS block. Safe to
# run again: does nothing when they are there.
#
# Usage: setup-firmware.sh CACHE_DIR
# Leaves CACHE_DIR/firmware/u-boot-1.0.0.bin and CACHE_DIR/firmware/u-boot-1.0.1.bin.
set -euo pipefail

cache=${1:?usage: setup-firmware.sh CACHE_DIR}
package=u-boot-qemu
dir=$cache/firmware
say() { printf 'setup: %s\n' "$*" >&2; }

if [ -s "$dir/u-boot-1.0.0.bin" ] && [ -s "$dir/u-boot-1.0.1.bin" ]; then exit 0; fi

say "fetching Debian's $package"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fetch() {
  # The sandbox user of apt may not write into a private folder.
  (cd "$work" && apt-get -qq -o APT::Sandbox::User="$(id -un)" download $package)
}
if ! fetch; then
  # A bare machine has no package lists yet.
  if [ "$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi
  $sudo apt-get update -qq
  fetch
fi
dpkg-deb -x "$work"/$package*.deb "$work/root"
mkdir -p "$dir"
install -m 0644 "$work/root/usr/lib/u-boot/qemu-riscv64/u-boot.bin" "$dir/u-boot-1.0.0.bin"
install -m 0644 "$work/root/usr/lib/u-boot/qemu-riscv64_smode/u-boot.bin" "$dir/u-boot-1.0.1.bin"
