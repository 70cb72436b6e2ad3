#!/usr/bin/env bash
# Installs what the build, the demonstration and the tests need, and only what is missing.
# The project's own tools go to WAYBILL_CACHE (default ~/.cache/waybill). System packages come from
# Debian.
set -euo pipefail

cache=${WAYBILL_CACHE:-$HOME/.cache/waybill}
here=$(cd "$(dirname "$0")" && pwd)
say() { printf 'setup: %s\n' "$*" >&2; }

"$here/setup-packages.sh" ca-certificates clang cpio libclang-dev libubootenv-tool curl g++ gcc git iproute2 \
  libssl-dev make openssl faketime pkg-config protobuf-compiler qemu-user swupdate systemd

for tool in go node npm; do
  command -v "$tool" >/dev/null || { say "$tool is missing; install Go and Node.js 20.19 or newer first"; exit 1; }
done
command -v cargo >/dev/null || { say "cargo is missing; install Rust with rustup first"; exit 1; }

"$here/setup-rust.sh" "$cache"
export PATH=$cache/rust/bin:$cache/bin:$PATH
if [ ! -x "$cache/bin/taplo" ]; then
  say "installing taplo"
  mkdir -p "$cache/bin"
  npm install --silent --no-audit --no-fund --prefix "$cache/taplo" @taplo/cli@0.7.0
  ln -sf "$cache/taplo/node_modules/.bin/taplo" "$cache/bin/taplo"
fi
"$here/setup-cargo-tool.sh" "$cache" nextest 0.9.148
"$here/setup-kubo.sh" "$cache"
"$here/setup-firmware.sh" "$cache"
