#!/usr/bin/env bash
# Runs a scenario. Set by action.yml: SCENARIO, ARGS and OUTPUT. loadgen itself annotates the scenario's
# lines and appends the report to the summary of the job.
set -euo pipefail

command=(loadgen run "$SCENARIO" --output "$OUTPUT")
# One argument a line, so that an argument may contain spaces.
while IFS= read -r argument; do
    [ -z "$argument" ] || command+=("$argument")
done <<< "$ARGS"

echo "report=$OUTPUT" >> "$GITHUB_OUTPUT"
# Instead of this shell: loadgen's exit code is the step's, and a cancelled job's signal reaches it.
exec "${command[@]}"
