"""What the scripts of benches/ share: the target, and what they find on the machine."""
import contextlib
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
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
