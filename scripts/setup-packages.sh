#!/usr/bin/env bash
# Installs those of Debian's packages that are missing.
#
# Usage: setup-packages.sh PACKAGE...
set -euo pipefail

packages=()
for package in "$@"; do
  dpkg -s "$package" >/dev/null 2>&1 || packages+=("$package")
done
if [ ${#packages[@]} = 0 ]; then exit 0; fi
printf 'setup: installing %s\n' "${packages[*]}" >&2
if [ "$(id -u)" = 0 ]; then sudo=; else sudo=sudo; fi
$sudo apt-get update -qq
$sudo apt-get install -y -qq --no-install-recommends "${packages[@]}" >/dev/null
