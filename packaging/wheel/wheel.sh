#!/usr/bin/env bash
# Makes the wheel of TARGET in target/package. Needs maturin, and the licences that archive.sh has left in
# target/package/tree; builds the program if build.sh did not.
#
#     packaging/wheel/wheel.sh x86_64-unknown-linux-musl
set -euo pipefail
cd "$(dirname "$0")/../.."
target=${1:?usage: packaging/wheel/wheel.sh TARGET}

# A static program runs with every C library, so its wheel is for all of them.
tags=()
case $target in
    *-linux-musl) tags=(--compatibility manylinux2014 musllinux_1_1) ;;
esac

# A wheel takes its licences only from the folder of its pyproject.toml.
stage=target/wheel
rm -rf "$stage"
mkdir -p "$stage"
cp packaging/wheel/pyproject.toml LICENSE-MIT LICENSE-APACHE target/package/tree/LICENSES-THIRD-PARTY.txt "$stage/"
cd "$stage"
maturin build --target "$target" ${tags[@]+"${tags[@]}"} --out ../package
