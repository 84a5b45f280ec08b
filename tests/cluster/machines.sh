#!/usr/bin/env bash
# Machines that ssh reaches, as folders of this one:
#
#     tests/cluster/machines.sh FOLDER NAME...
#
# writes FOLDER/ssh, which is used instead of ssh, and FOLDER/hosts, which lists the names. Each machine has a home of its
# own, FOLDER/NAME, and the PATH of who created it. A connection starts an sshd for itself, so nothing listens, and
# nothing has to be stopped.
set -euo pipefail
PATH=$PATH:/usr/sbin:/usr/local/sbin
usage="usage: tests/cluster/machines.sh FOLDER NAME..."
folder=$(realpath -m "${1:?$usage}")
shift
: "${1:?$usage}"
client=$(command -v ssh || true)
sshd=$(command -v sshd || true)
for program in ssh sshd ssh-keygen; do
    command -v "$program" >/dev/null || {
        echo "machines.sh: $program is not installed (apt-get install openssh-server)" >&2
        exit 1
    }
done
mkdir -p "$folder"
cd "$folder"
# Without it, sshd does not start as root.
[ "$(id -u)" != 0 ] || mkdir -p /run/sshd

for key in host user; do
    ssh-keygen -q -t ed25519 -N '' -f "$key"
done
mkdir "$@"
printf '%s\n' "$@" >hosts
cat >sshd.conf <<CONF
HostKey $folder/host
AuthorizedKeysFile $folder/user.pub
StrictModes no
UsePAM no
SetEnv PATH=$PATH
CONF
cat >ssh.conf <<CONF
Host *
  ProxyCommand $sshd -i -f $folder/sshd.conf -o "ForceCommand=$folder/login $folder/%n" -E $folder/%n.log
  User $(id -un)
  IdentityFile $folder/user
  UserKnownHostsFile $folder/known
  StrictHostKeyChecking accept-new
  LogLevel ERROR
CONF
cat >ssh <<CONF
#!/bin/sh
exec $client -F $folder/ssh.conf "\$@"
CONF
cat >login <<'CONF'
#!/bin/sh
HOME=$1
export HOME
cd || exit
exec sh -c "${SSH_ORIGINAL_COMMAND?}"
CONF
chmod +x ssh login
