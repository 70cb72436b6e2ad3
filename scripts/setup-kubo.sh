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

command -v go >/dev/null || { say "Go is missing: install it (https://go.dev/dl) and run this again"; exit 1; }
say "building kubo $version (about 5 minutes on 2 cores)"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# In the module's own folder, with the checksums it ships: unlike `go install`, this asks the proxy for this one version
# only, and a mirror that cannot list versions will do.
source=$(cd "$work" && go mod download -json "github.com/ipfs/kubo@v$version" | sed -n 's/^\t"Dir": "\(.*\)",*$/\1/p')
[ -n "$source" ] || { say "kubo $version could not be fetched: is the Go module proxy within reach?"; exit 1; }
# Built beside its place and moved: a broken build never stands where a good one is expected.
go build -C "$source" -mod=readonly -trimpath -o "$work/ipfs" ./cmd/ipfs
mv "$work/ipfs" "$bin/ipfs"
