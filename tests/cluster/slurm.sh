#!/usr/bin/env bash
# A Slurm of pretended nodes on this machine, without munge and without privileges:
#
#     tests/cluster/slurm.sh start FOLDER [NODES]   # prints the line that makes srun use it
#     tests/cluster/slurm.sh lose FOLDER NODE       # a power failure: its daemon, steps and tasks die at once
#     tests/cluster/slurm.sh stop FOLDER
#
# Everything is in FOLDER, and it listens on free ports of 127.0.0.1 only, so several can run side by side. Whatever
# happens to who started it, it ends by itself after an hour.
set -euo pipefail
PATH=$PATH:/usr/sbin:/usr/local/sbin
usage="usage: tests/cluster/slurm.sh start FOLDER [NODES] | lose FOLDER NODE | stop FOLDER"
command=${1:?$usage}
folder=$(realpath -m "${2:?$usage}")
export SLURM_CONF=$folder/slurm.conf

fail() {
    echo "slurm.sh: $*" >&2
    exit 1
}

need() {
    local program
    for program in "$@"; do
        command -v "$program" >/dev/null || fail "$program is not installed (apt-get install slurmctld slurmd slurm-client)"
    done
}

# Prints the ids of a node's daemon, steps and tasks, or of those of all nodes.
processes() {
    local process variables
    for process in /proc/[0-9]*; do
        # It may end meanwhile, or belong to someone else.
        variables=$(tr '\0' '\n' 2>/dev/null <"$process/environ") || continue
        grep -qxF -- "SLURM_CONF=$SLURM_CONF" <<<"$variables" || continue
        grep -qx -- "SLURMD_NODENAME=${1:-.*}" <<<"$variables" || continue
        echo "${process#/proc/}"
    done
}

# Returns whether a port of 127.0.0.1 is free.
is_free() {
    ! (: </dev/tcp/127.0.0.1/"$1") 2>/dev/null
}

# Prints the first of $1 ports that are free now, below those that the kernel gives to clients.
free_ports() {
    local first port
    while :; do
        first=$((RANDOM % 20000 + 10000))
        for ((port = first; port < first + $1; port++)); do
            is_free "$port" || continue 2
        done
        echo "$first"
        return
    done
}

# Starts a daemon with its output in a file. It gets no terminal, and does not outlive the hour. Steps and tasks inherit
# the environment of their node's daemon, and are found by it.
daemon() {
    local name=$1
    shift
    SLURMD_NODENAME=${name#slurmd-} setsid timeout --kill-after=5 3600 "$@" </dev/null >"$folder/log/$name.out" 2>&1 &
    echo $! >"$folder/pid/$name"
}

# Writes the configuration: $1 nodes, the controller at port $2 and the nodes at those after it.
configure() {
    local host user
    host=$(hostname -s)
    user=$(id -un)
    cat >"$SLURM_CONF" <<CONF
ClusterName=loadgen
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=$2
SlurmUser=$user
SlurmdUser=$user
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
NodeName=n[1-$1] NodeHostname=$host NodeAddr=127.0.0.1 Port=[$(($2 + 1))-$(($2 + $1))] CPUs=1 RealMemory=100
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP

# Without munge, accounting, containers or root.
AuthType=auth/none
CredType=cred/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SwitchType=switch/none
MpiDefault=none

# A node has one processor, whatever this machine has.
SlurmdParameters=config_overrides
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
ReturnToService=2
# How long a cancelled step may take: longer than the scenarios' graceful_stop.
KillWait=10

StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/spool-%n
SlurmctldPidFile=$folder/pid/slurmctld.own
SlurmdPidFile=$folder/pid/slurmd-%n.own
SlurmctldLogFile=$folder/log/slurmctld.log
SlurmdLogFile=$folder/log/slurmd-%n.log
CONF
}

# Returns whether a daemon that was started has ended, as it does if another process has its port.
has_ended() {
    local file
    for file in "$folder"/pid/*; do
        case $file in *.own) continue ;; esac
        kill -0 "$(<"$file")" 2>/dev/null || return 0
    done
    return 1
}

start() {
    local nodes=$1 node
    need slurmctld slurmd sinfo scontrol scancel squeue
    [ ! -e "$folder/slurm.conf" ] || fail "$folder has the files of a cluster: name another folder"
    for _ in 1 2 3; do
        mkdir -p "$folder"/{state,log,pid}
        configure "$nodes" "$(free_ports $((nodes + 1)))"
        daemon slurmctld slurmctld -D -c -f "$SLURM_CONF"
        for ((node = 1; node <= nodes; node++)); do
            mkdir -p "$folder/spool-n$node"
            daemon "slurmd-n$node" slurmd -D -N "n$node" -f "$SLURM_CONF"
        done
        for _ in {1..200}; do
            if [ "$(sinfo -h -N -t idle -o %N 2>/dev/null | wc -l)" = "$nodes" ]; then
                echo "export SLURM_CONF=$SLURM_CONF"
                return
            fi
            has_ended && break
            sleep 0.1
        done
        tail -n 5 "$folder"/log/* >&2
        stop
        rm -rf "${folder:?}"/{state,pid} "$SLURM_CONF"
    done
    fail "the nodes did not become idle; see $folder/log"
}

# Kills a node as if its power had failed, and tells the controller so, which would find out after some minutes.
lose() {
    local node=$1 pids signal
    [ -e "$folder/pid/slurmd-$node.own" ] || fail "node $node does not exist in $folder"
    pids=$(processes "$node")
    # All stand still before one dies, so that none can report the death of another.
    # shellcheck disable=SC2086 # several words
    for signal in STOP KILL; do kill "-$signal" $pids 2>/dev/null || true; done
    scontrol update NodeName="$node" State=DOWN Reason=lost
}

stop() {
    local pids file pid
    scancel --user="$(id -un)" 2>/dev/null || true
    for _ in {1..50}; do
        [ -n "$(squeue -h 2>/dev/null)" ] || break
        sleep 0.1
    done
    pids=()
    for file in "$folder"/pid/*; do
        case $file in *.own) continue ;; esac
        pid=$(<"$file")
        # An id may have been given to another process.
        grep -qzxF -- "$SLURM_CONF" "/proc/$pid/cmdline" 2>/dev/null && pids+=("$pid")
    done
    [ ${#pids[@]} = 0 ] || kill -TERM "${pids[@]}" 2>/dev/null || true
    for _ in {1..50}; do
        has_running "${pids[@]}" || break
        sleep 0.1
    done
    # shellcheck disable=SC2046 # several words
    kill -KILL "${pids[@]}" $(processes) 2>/dev/null || true
}

has_running() {
    local pid
    for pid in "$@"; do
        if kill -0 "$pid" 2>/dev/null; then return 0; fi
    done
    return 1
}

case $command in
    start) start "${3:-4}" ;;
    lose) lose "${3:?$usage}" ;;
    stop) stop ;;
    *) fail "$usage" ;;
esac
