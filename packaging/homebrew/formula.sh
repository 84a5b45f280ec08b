#!/usr/bin/env bash
# Prints the formula of a release, from its checksums.
#
#     packaging/homebrew/formula.sh OWNER SHA256SUMS > loadgen.rb
set -euo pipefail
usage="usage: packaging/homebrew/formula.sh OWNER SHA256SUMS"
owner=${1:?$usage}
sums=${2:?$usage}
folder=$(dirname "$0")
version=$("$folder/../version.sh")

edits=(-e '1d' -e "s/@OWNER@/$owner/g" -e "s/@VERSION@/$version/g")
while read -r hash file; do
    target=${file#"loadgen-$version-"}
    edits+=(-e "s/@${target%.tar.gz}@/$hash/")
done < <(grep "  loadgen-$version-.*\.tar\.gz\$" "$sums")
formula=$(sed "${edits[@]}" "$folder/loadgen.rb")
if left=$(grep -o '"@.*@"' <<< "$formula"); then
    echo "$sums has no archive for $left" >&2
    exit 1
fi
printf '%s\n' "$formula"
