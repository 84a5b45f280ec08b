#!/usr/bin/env python3
"""loadgen beside the load generators of PostgreSQL and Redis, on this machine, in interleaved rounds.

    databases.py sql   [--connections 10] [--rounds 8] [--seconds 5]     beside pgbench: -S, and its own transaction
    databases.py redis [--connections 50] [--rounds 8] [--seconds 2]     beside redis-benchmark: GET and SET

Both send the same statements over as many connections, one after another on each, as fast as the server answers. The
server is pinned to the last processor and each tool to the first. For each of them: operations a second, the median
latency, how much of its processor the tool used, and its processor time per operation; and loadgen's figures relative
to the other's, within rounds, as a median with its interval of 95 % (by the order of the rounds).

The servers are Debian's packages, started on free ports in folders of their own and stopped at the end. pgbench logs
the time of one transaction in ten, because its median is not among the figures that it prints.
"""
import argparse
import contextlib
import csv
import json
import os
import pathlib
import pwd
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from common import LOADGEN, free_port, in_turns, last_core, median, pinned, program, running  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
SCALE = 10


def ours(a, file, url, out):
    load = ["--target", url, "-u", str(a.connections), "-d", f"{a.seconds}s", "--var", f"connections={a.connections}"]
    return [a.loadgen, "run", str(HERE / file), *load, "-o", str(out), "--no-progress"]


def our_figures(out, group=None):
    """How many operations, how many a second, and the median in ms; of a group, if one is named."""
    run = json.loads((out / "result.json").read_text())["runs"][0]
    of = next(g for g in run["groups"] if g["name"] == group) if group else run
    if run["failed"] or of["failed"]:
        sys.exit(f"loadgen: {run['failed']} operations failed: {run['errors']}")
    return of["completed"], of["throughput_rps"], of["response_ms"]["p50"]


def newest(name):
    """A program of the newest version of PostgreSQL."""
    found = sorted(pathlib.Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    if not found:
        sys.exit(f"{name} is not installed (apt-get install postgresql)")
    return str(found[-1])


@contextlib.contextmanager
def postgres(folder):
    """A server, which refuses to run as root, and its URL."""
    owner = {}
    if os.getuid() == 0:
        user = pwd.getpwnam("postgres")
        owner = {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        folder.chmod(0o755)
    data = pathlib.Path(tempfile.mkdtemp(prefix="data-", dir=folder))
    if owner:
        os.chown(data, owner["user"], owner["group"])
    options = {"cwd": data, "stdout": subprocess.DEVNULL, **owner}
    subprocess.run([newest("initdb"), "-U", "app", "--auth", "trust", "--no-sync", "-D", str(data)], check=True, **options)
    port = free_port()
    settings = ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=", "-c", "fsync=off", "-c", "autovacuum=off"]
    command = [*last_core(), newest("postgres"), "-D", str(data), "-p", str(port), *settings]
    with running(command, port, cwd=data, **owner):
        yield ["-h", "127.0.0.1", "-p", str(port), "-U", "app", "postgres"], f"postgres://app@127.0.0.1:{port}/postgres"


def pgbench_figures(said, folder):
    """How many transactions, how many a second, and their median in ms, by its log."""
    rate = float(re.search(r"tps = ([0-9.]+) \(without", said)[1])
    done = int(re.search(r"transactions actually processed: (\d+)", said)[1])
    times = []
    for log in folder.glob("pgbench_log.*"):
        times += [int(line.split()[2]) for line in log.read_text().splitlines()]
        log.unlink()
    return done, rate, statistics.median(times) / 1e3


def sql(a, tmp):
    pgbench = newest("pgbench")
    with postgres(tmp) as (where, url):
        subprocess.run([pgbench, "-i", "-q", "-s", str(SCALE), *where], check=True, capture_output=True)
        c = str(a.connections)
        theirs = [pgbench, "-n", "-M", "prepared", "-c", c, "-j", "1", "-T", str(a.seconds), "-l", "--sampling-rate=0.1"]
        for what, flags, file, group in [("select-only", ["-S"], "select.yaml", None), ("tpcb-like", [], "tpcb.yaml", "transfer")]:
            out = tmp / what
            beside(a, tmp, f"{what}, {c} connections", {
                "loadgen": (ours(a, file, url, out), lambda _: our_figures(out, group)),
                "pgbench": ([*theirs, *flags, *where], lambda said: pgbench_figures(said, tmp)),
            })


def redis_figures(said, requests):
    row = list(csv.DictReader(line for line in said.splitlines() if line.startswith('"')))[-1]
    return requests, float(row["rps"]), float(row["p50_latency_ms"])


def redis(a, tmp):
    port, c = free_port(), str(a.connections)
    command = ["redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no", "--dir", str(tmp)]
    with running([*last_core(), *command], port):
        # It is told how many, not how long: about as many as fit.
        requests = 50_000 * a.seconds
        for what, words in [("get", ["GET", "loadgen:x"]), ("set", ["SET", "loadgen:x", "abc"])]:
            out = tmp / what
            theirs = ["redis-benchmark", "-p", str(port), "-c", c, "-n", str(requests), "--csv", "--precision", "3", *words]
            beside(a, tmp, f"{what.upper()}, {c} connections", {
                "loadgen": (ours(a, f"redis-{what}.yaml", f"redis://127.0.0.1:{port}", out), lambda _: our_figures(out)),
                "redis-benchmark": (theirs, lambda said: redis_figures(said, requests)),
            })


def beside(a, tmp, title, tools):
    """Runs the tools in turns and prints their figures, loadgen's relative to the other's."""
    rows = {tool: [] for tool in tools}
    for tool in in_turns(list(tools), a.rounds):
        command, figures = tools[tool]
        before = time.monotonic()
        said, processor = pinned(command, "0", tmp)
        elapsed = time.monotonic() - before
        done, rate, p50 = figures(said)
        rows[tool].append({"per second": rate, "p50, ms": p50, "processor": processor / elapsed, "µs each": processor * 1e6 / done})
    print(f"{title}, {a.rounds} rounds")
    names = list(rows["loadgen"][0])
    print(f"{'':16}" + "".join(f"{name:>22}" for name in names))
    for tool in tools:
        print(f"{tool:16}" + "".join(f"{statistics.median(row[name] for row in rows[tool]):22.3f}" for name in names))
    other = next(tool for tool in tools if tool != "loadgen")
    shown = []
    for name in names:
        middle, low, high = median([x[name] / y[name] for x, y in zip(rows["loadgen"], rows[other])])
        shown.append(f"{f'{middle:.2f} ({low:.2f} to {high:.2f})':>22}")
    print(f"{'relative':16}" + "".join(shown))


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["sql", "redis"])
    p.add_argument("--loadgen", default=LOADGEN)
    p.add_argument("--connections", type=int)
    p.add_argument("--rounds", type=int, default=8)
    p.add_argument("--seconds", type=int)
    a = p.parse_args()
    a.loadgen = program(a.loadgen)
    a.connections = a.connections or {"sql": 10, "redis": 50}[a.what]
    a.seconds = a.seconds or {"sql": 5, "redis": 2}[a.what]
    if a.what == "redis" and not shutil.which("redis-benchmark"):
        sys.exit("redis-benchmark is not installed (apt-get install redis-tools redis-server)")
    with tempfile.TemporaryDirectory(prefix="databases-") as tmp:
        {"sql": sql, "redis": redis}[a.what](a, pathlib.Path(tmp))


main()
