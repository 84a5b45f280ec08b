#!/usr/bin/env bash
# Writes what the program for TARGET is made of as CycloneDX JSON: target/package/loadgen-VERSION-TARGET.cdx.json.
# Needs cargo-cyclonedx.
#
#     packaging/sbom.sh x86_64-unknown-linux-musl
set -euo pipefail
cd "$(dirname "$0")/.."
target=${1:?usage: packaging/sbom.sh TARGET}
name=loadgen-$(packaging/version.sh)-$target.cdx
mkdir -p target/package
cargo cyclonedx --format json --target "$target" --override-filename "$name"
mv "$name.json" target/package/
