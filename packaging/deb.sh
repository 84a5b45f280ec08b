#!/usr/bin/env bash
# Makes the Debian package of a program that build.sh has just built: target/package/loadgen_VERSION-1_ARCH.deb.
# Needs cargo-deb; what is in the package is in Cargo.toml.
#
#     packaging/deb.sh x86_64-unknown-linux-musl
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:?usage: packaging/deb.sh TARGET}
# The profile strips the program already.
cargo deb --locked --profile dist --target "$target" --no-build --no-strip --output target/package/
