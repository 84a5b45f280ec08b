"""What the scripts of benches/ share: the target, and what they find on the machine."""
import contextlib
import math
import os
import pathlib
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
#: Where `cargo build --profile dist` puts the program: the build that every published figure is of.
LOADGEN = str(ROOT / "target/dist/loadgen")


def program(path):
    """Where a program is, that was given by its path or its name."""
    found = shutil.which(path)
    if not found:
        sys.exit(f"{path} is not there: build it with `cargo build --profile dist`, or say where it is with --loadgen")
    return os.path.abspath(found)


def build(name, into):
    """A program of benches/peers/."""
    out = into / name
    subprocess.run(["cc", "-O2", "-o", str(out), str(HERE / "peers" / f"{name}.c")], check=True)
    return str(out)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextlib.contextmanager
def running(command, port, host="127.0.0.1", **options):
    """A server, from when it answers until the block ends."""
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection((host, port)):
                break
            if server.poll() is not None:
                sys.exit(f"{command[0]} ends with {server.returncode} instead of serving")
            time.sleep(0.05)
        else:
            sys.exit(f"{command[0]} does not answer")
        yield server
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def last_core():
    """What pins a server to the last processor."""
    return ["taskset", "-c", str(os.cpu_count() - 1)]


def pinned(command, cores, folder):
    """Runs a tool on these processors; what it printed, and the seconds of processor time that it took."""
    with tempfile.TemporaryFile("w+") as text:
        process = subprocess.Popen(["taskset", "-c", cores, *command], stdout=text, stderr=subprocess.DEVNULL, cwd=folder)
        # With that of the children that it has waited for.
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        text.seek(0)
        said = text.read()
    if status:
        sys.exit(f"{command[0]} ends with {process.returncode}: {said[-300:]}")
    return said, usage.ru_utime + usage.ru_stime


def in_turns(tools, rounds):
    """Every tool once a round, forth and back, so that a drift meets all alike."""
    for number in range(rounds):
        yield from tools if number % 2 == 0 else tools[::-1]


def median(values):
    """The median, and the narrowest interval by ranks that holds that of the population in 95 of 100 cases. With fewer
    than six values there is none, and it is all of them."""
    values, n = sorted(values), len(values)
    outside = lambda k: 2 * sum(math.comb(n, i) for i in range(k + 1)) / 2**n
    k = max((k for k in range(n // 2) if outside(k) <= 0.05), default=0)
    return statistics.median(values), values[k], values[n - 1 - k]
