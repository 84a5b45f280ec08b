#!/usr/bin/env bash
# Prints the version in Cargo.toml: the only place where it is written.
set -euo pipefail
sed -n 's/^version = "\(.*\)"$/\1/p;/^\[lib\]/q' "$(dirname "$0")/../Cargo.toml"
