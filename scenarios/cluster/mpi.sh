#!/usr/bin/env bash
# Runs a scenario as processes of Open MPI, one shard each, and merges what they measured:
#
#     export URL=http://shop.example:8080
#     ./mpi.sh fleet.yaml -np 4 --hostfile hosts --map-by node -x URL
#
# What follows the scenario is for mpirun; `-x` passes a variable to the other machines. Run it in a folder that all of
# them share; `loadgen` must be on their PATH, everywhere the same build. The exit code is the one of `loadgen merge`.
set -euo pipefail

scenario=$(realpath "${1:?usage: mpi.sh SCENARIO FLAGS-OF-MPIRUN...}")
shift
folder=$PWD/loadgen-$(date --utc +%Y%m%dT%H%M%SZ)
mkdir "$folder"

# Once for all shards, on this machine.
loadgen setup "$scenario" -o "$folder/values"
trap 'loadgen teardown "$scenario" --setup-values "$folder/values" && rm "$folder/values"' EXIT

# In a moment, when the shards are there and wait for it, this file names the time at which they start. One that comes
# later sends nothing, and fails: START_IN='1 minute' gives them longer to be launched and to warm up.
(sleep 3 && date --utc --date "${START_IN:-15 seconds}" +%FT%TZ >"$folder/start") &

# If a shard fails, mpirun waits for the time given here, sends the others a SIGTERM, and kills them after the same time
# again: it must be longer than graceful_stop. Until then they finish what is in flight, and write parts that say so. The
# code of mpirun is the one of the shard that failed, and says nothing about the result.
# shellcheck disable=SC2016 # expanded by each process
mpirun --mca odls_base_sigkill_timeout 15 "$@" \
    bash -c 'exec loadgen run "$0" --shard auto --start-at "@$1/start" --setup-values "$1/values" -o "$1/$OMPI_COMM_WORLD_RANK"' \
    "$scenario" "$folder" || true
loadgen merge "$folder" -o "$folder/report"
