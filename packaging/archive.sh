#!/usr/bin/env bash
# Packs a built program with its licences, man pages, completions and the schema of scenarios:
# target/package/loadgen-VERSION-TARGET.tar.gz and its checksum. The same program gives the same bytes.
#
#     packaging/archive.sh target/x86_64-unknown-linux-musl/dist/loadgen x86_64-unknown-linux-musl
#
# The same files stay unpacked in target/package/tree, from where the other packages take them. The man
# pages are printed by the program itself, so it has to run on this machine.
set -euo pipefail
usage="usage: packaging/archive.sh PROGRAM TARGET"
program=$(realpath "${1:?$usage}")
target=${2:?$usage}
cd "$(dirname "$0")/.."
version=$(packaging/version.sh)
name=loadgen-$version-$target
out=target/package

# Two versions in one archive, or a program built for development, would be found out by its users only.
[ "$("$program" --version)" = "loadgen $version (dist)" ] || { echo "$program is not loadgen $version, built with the profile dist" >&2; exit 1; }

rm -rf "$out/tree"
mkdir -p "$out/tree/man/man1" "$out/tree/completions"
install -m 755 "$program" "$out/tree/loadgen"
install -m 644 README.md LICENSE-MIT LICENSE-APACHE "$out/tree/"
packaging/third_party.py "$target" > "$out/tree/LICENSES-THIRD-PARTY.txt"

"$program" man > "$out/tree/man/man1/loadgen.1"
"$program" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p' | while read -r command; do
    [ "$command" = help ] || "$program" man "$command" > "$out/tree/man/man1/loadgen-$command.1"
done
while read -r shell file; do
    "$program" completions "$shell" > "$out/tree/completions/$file"
done <<'FILES'
bash loadgen.bash
elvish loadgen.elv
fish loadgen.fish
powershell _loadgen.ps1
zsh _loadgen
FILES

"$program" schema > "$out/tree/loadgen.schema.json"

# GNU tar orders and stamps its entries; macOS has it as gtar (brew install gnu-tar).
tar=$(command -v gtar || command -v tar)
epoch=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
"$tar" --create --sort=name --format=gnu --mtime="@$epoch" --owner=0 --group=0 --numeric-owner --mode=u+rw,go=u-w \
    --directory "$out/tree" --transform "s,^\.,$name," . | gzip --no-name --best > "$out/$name.tar.gz"
cd "$out"
if command -v sha256sum > /dev/null; then sha256sum "$name.tar.gz"; else shasum -a 256 "$name.tar.gz"; fi > "$name.tar.gz.sha256"
cat "$name.tar.gz.sha256"
