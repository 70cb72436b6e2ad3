#!/usr/bin/env bash
# Builds kubo, the IPFS node that the demonstration and the tests run, from the Go module proxy.
# Safe to run again: does nothing when this version is there.
#
# Usage: setup-kubo.sh CACHE_DIR
# Leaves the program in CACHE_DIR/bin/ipfs.
set -euo pipefail

cache=${1:?usage: setup-kubo.sh CACHE_DIR}
version=0.43.0
say() { printf 'setup: %s\n' "$*" >&2; }

mkdir -p "$cache/bin"
bin=$(cd "$cache/bin" && pwd)
if [ -x "$bin/ipfs" ] && [ "$("$bin/ipfs" version --number)" = "$version" ]; then exit 0; fi

command -v go >/dev/null || { say "Go is missing; install it (https://go.dev/dl) and run this again"; exit 1; }
say "building kubo $version (about 5 minutes on 2 cores)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# Build in the module's own folder, with the checksums that it ships. Unlike `go install`, this asks
# the proxy only for this one version, so it also works with a mirror that cannot list versions.
source=$(cd "$work" && go mod download -json "github.com/ipfs/kubo@v$version" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
[ -n "$source" ] || { say "cannot fetch kubo $version; check that the Go module proxy is reachable"; exit 1; }
# Build elsewhere and move, so that a broken build never takes the place of a good one.
go build -C "$source" -mod=readonly -trimpath -o "$work/ipfs" ./cmd/ipfs
mv "$work/ipfs" "$bin/ipfs"
