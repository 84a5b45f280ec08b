#!/usr/bin/env bash
# Runs a scenario on machines that share nothing, one shard on each, and merges what they measured:
#
#     export URL=http://shop.example:8080
#     ./parallel.sh fleet.yaml hosts
#
# `hosts` names a machine in each line, as ssh knows it. GNU parallel and rsync are needed here, rsync and `loadgen` on
# the PATH of each machine, everywhere the same build. The exit code is the one of `loadgen merge`.
set -euo pipefail

scenario=${1:?usage: parallel.sh SCENARIO HOSTS}
hosts=${2:?usage: parallel.sh SCENARIO HOSTS}
count=$(grep --count '[^[:space:]]' "$hosts")
folder=loadgen-$(date --utc +%Y%m%dT%H%M%SZ)
mkdir "$folder"
cp "$scenario" "$folder/scenario.yaml"

# Once for all shards, on this machine.
loadgen setup "$folder/scenario.yaml" -o "$folder/values"
trap 'loadgen teardown "$folder/scenario.yaml" --setup-values "$folder/values" && rm "$folder/values"' EXIT

# On each machine, a folder of the same name in the home of the user.
parallel --nonall --jobs 0 --sshloginfile "$hosts" --basefile "$folder/scenario.yaml" --basefile "$folder/values" true

# All shards wait for this time, and start. One that comes later sends nothing, and fails: START_IN='1 minute' gives
# them longer to be launched and to warm up. If a shard fails, the others get a SIGTERM, and are killed after 15 s: longer
# than graceful_stop. Until then they finish what is in flight, and write parts that say so. --env passes a variable that
# the scenario reads.
start=$(date --utc --date "${START_IN:-15 seconds}" +%FT%TZ)
seq 0 $((count - 1)) | parallel --sshloginfile "$hosts" --jobs 1 --env URL --halt now,fail=1 --termseq TERM,15000,KILL,25 \
    exec loadgen run "$folder/scenario.yaml" --shard "{}/$count" --start-at "$start" --setup-values "$folder/values" -o "$folder" || true

# A part is a line. A shard that was stopped has some seconds left to write it: longer than graceful_stop.
parallel --nonall --jobs 0 --sshloginfile "$hosts" \
    "for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do [ -e $folder/part.json ] && break; sleep 1; done; cat $folder/part.json; rm -r $folder" \
    >"$folder/parts" || true
split --lines 1 --additional-suffix .json "$folder/parts" "$folder/part-"
loadgen merge "$folder" -o "$folder/report"
