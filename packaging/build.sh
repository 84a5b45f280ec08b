#!/usr/bin/env bash
# Builds the program that is shipped for TARGET, then packs it with archive.sh.
#
#     packaging/build.sh x86_64-unknown-linux-musl
#
# A musl target needs `rustup target add TARGET` and, for the C code of aws-lc-sys, musl-gcc (Debian's
# musl-tools).
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:?usage: packaging/build.sh TARGET}

cargo build --locked --profile dist --target "$target" --bin loadgen
packaging/archive.sh "${CARGO_TARGET_DIR:-target}/$target/dist/loadgen" "$target"
