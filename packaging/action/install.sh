#!/usr/bin/env bash
# Downloads a release of loadgen for this machine, and adds its folder to PATH if its checksum is the one
# in SHA256SUMS. Set by action.yml: VERSION and REPOSITORY; by the runner: the rest.
set -euo pipefail
: "${VERSION:?}" "${REPOSITORY:?}"
version=${VERSION#v}

case $(uname -s)-$(uname -m) in
    Linux-x86_64) target=x86_64-unknown-linux-musl ;;
    Linux-aarch64 | Linux-arm64) target=aarch64-unknown-linux-musl ;;
    Darwin-arm64) target=aarch64-apple-darwin ;;
    Darwin-x86_64) target=x86_64-apple-darwin ;;
    *) echo "::error title=loadgen::loadgen is not available for $(uname -s) on $(uname -m)" >&2; exit 1 ;;
esac

name=loadgen-$version-$target
folder=$RUNNER_TEMP/loadgen
release=$GITHUB_SERVER_URL/$REPOSITORY/releases/download/v$version
mkdir -p "$folder"
cd "$folder"
for file in SHA256SUMS "$name.tar.gz"; do
    curl --fail --location --silent --show-error --retry 3 --remote-name "$release/$file"
done

# Only the line of this archive: the others are not here. No line at all must fail too.
grep -F "  $name.tar.gz" SHA256SUMS > SHA256SUM || { echo "::error title=loadgen::SHA256SUMS does not name $name.tar.gz" >&2; exit 1; }
if command -v sha256sum > /dev/null; then sha256sum --check SHA256SUM; else shasum -a 256 --check SHA256SUM; fi

tar -xzf "$name.tar.gz"
echo "$folder/$name" >> "$GITHUB_PATH"
