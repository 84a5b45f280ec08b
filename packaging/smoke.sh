#!/usr/bin/env bash
# Runs an installed loadgen once: the built-in target, in every mode, with all its outputs.
#
#     packaging/smoke.sh PROGRAM
set -euo pipefail
program=${1:?usage: packaging/smoke.sh PROGRAM}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/smoke.yaml" <<'YAML'
name: smoke
modes: [sequential, threaded, async]
targets: { mock: { url: builtin } }
mix: [{ name: browse, flow: [{ get: /items, expect: { status: 200 } }] }]
load: { vus: 4, iterations: 200 }
report: { formats: [html, png, markdown, junit] }
thresholds: ["error_rate < 1%"]
YAML
"$program" --version
"$program" run "$folder/smoke.yaml" --on-invalid warn --output "$folder/report"
for file in result.json index.html modes.png report.md junit.xml; do
    [ -s "$folder/report/$file" ] || { echo "no $file" >&2; exit 1; }
done
