#!/usr/bin/env python3
"""loadgen beside other load generators, on this machine, in interleaved rounds.

    peers.py cost [--connections 50] [--rounds 8] [--seconds 1]
    peers.py lag  [--rates 1000,10000] [--connections 50] [--rounds 3] [--seconds 4]

`cost` is processor time per request, of the whole process tree from its start to its end, user and system. The target,
which does as little as a server can, is pinned to the last core and each tool to the first ones. Shared machines drift by
a third within seconds: believe the ratios, which are taken within rounds, and not the times.

`lag` is how late requests come in at a planned rate, by the kernel's stamps on what the target receives. What is common
to all requests of a run, the way through the system, is taken off; the first second is left out.

Tools that are not installed are left out and named. `limit` is not a tool: it is what plain sockets cost. All traffic
goes to 127.0.0.1, and everything that is started here is stopped here. Needs a C compiler for the target.
"""
import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SCENARIO = """name: peers
modes: [{mode}]
workers: {threads}
targets: {{t: {{url: "http://127.0.0.1:{port}"}}}}
mix: [{{name: get, flow: [{{get: /}}]}}]
load: {load}
report: {{formats: []}}
"""


def build(name, into):
    out = into / name
    subprocess.run(["cc", "-O2", "-o", str(out), str(HERE / f"{name}.c")], check=True)
    return str(out)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@contextlib.contextmanager
def target(binary, port, pin, *arguments):
    """The target, until the block ends."""
    server = subprocess.Popen([*pin, binary, str(port), *arguments], stderr=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
                break
            time.sleep(0.05)
        else:
            sys.exit("the target does not answer")
        yield
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait()


def scenario(folder, mode, threads, port, load):
    path = folder / f"{mode}.yaml"
    path.write_text(SCENARIO.format(mode=mode, threads=threads, port=port, load=load))
    return str(path)


def installed(commands, wanted):
    have = [tool for tool in wanted if shutil.which(commands[tool][0])]
    missing = [tool for tool in wanted if tool not in have]
    if missing:
        print("not installed:", ", ".join(missing))
    return have


def in_turns(tools, rounds):
    """Every tool once a round, forth and back, so that a drift meets all alike."""
    for number in range(rounds):
        yield from tools if number % 2 == 0 else tools[::-1]


def cost(a, tmp):
    port = free_port()
    url, c, s, t = f"http://127.0.0.1:{port}/", str(a.connections), f"{a.seconds:g}", str(a.threads)
    out = tmp / "out"
    load = f"{{vus: {c}, duration: {s}s}}"
    found = lambda pattern: lambda text: int(re.search(pattern, text)[1])
    completed = lambda _: json.loads((out / "result.json").read_text())["runs"][0]["completed"]
    commands = {
        "limit": [build("limit", tmp), str(port), c, s],
        "wrk": ["wrk", f"-t{t}", f"-c{c}", f"-d{s}s", "--latency", url],
        "ab": ["ab", "-q", "-k", "-c", c, "-t", s, "-n", "5000000", url],
        "h2load": ["h2load", "--h1", f"-t{t}", f"-c{c}", "-D", s, url],
        "oha": ["oha", "--no-tui", "-z", f"{s}s", "-c", c, "--output-format", "json", url],
        "hey": ["hey", "-z", f"{s}s", "-c", c, "-cpus", t, url],
        "loadgen": [a.loadgen, "run", scenario(tmp, a.mode, t, port, load), "-o", str(out), "--no-progress"],
    }
    counts = {
        "limit": found(r'"requests": (\d+)'),
        "wrk": found(r"(\d+) requests in"),
        "ab": found(r"Complete requests:\s+(\d+)"),
        "h2load": found(r"(\d+) succeeded"),
        "oha": lambda text: sum(json.loads(text)["statusCodeDistribution"].values()),
        "hey": found(r"\[200\]\s+(\d+) resp"),
        "loadgen": completed,
    }
    tools = installed(commands, a.tools.split(",") if a.tools else list(commands))
    pin = lambda cores: ["taskset", "-c", cores]
    spent = {tool: [] for tool in tools}
    with target(build("target", tmp), port, pin(str(os.cpu_count() - 1))):
        for tool in in_turns(tools, a.rounds):
            with tempfile.TemporaryFile("w+") as text:
                first = ",".join(map(str, range(a.threads)))
                process = subprocess.Popen([*pin(first), *commands[tool]], stdout=text, stderr=subprocess.DEVNULL, cwd=tmp)
                # With that of the children that it has waited for.
                _, status, usage = os.wait4(process.pid, 0)
                text.seek(0)
                said = text.read()
            if status:
                sys.exit(f"{tool} ends with {status}: {said[-300:]}")
            spent[tool].append((usage.ru_utime + usage.ru_stime) * 1e6 / max(counts[tool](said), 1))
    ratio = lambda tool, base: statistics.median(x / y for x, y in zip(spent[tool], spent[base])) if base in spent else float("nan")
    print(f"{a.connections} connections, {a.rounds} rounds of {a.seconds:g} s; µs of processor time per request, ratios within rounds")
    print(f"{'':8} {'lowest':>7} {'median':>7} {'/wrk':>6} {'/limit':>6}")
    for tool in sorted(tools, key=lambda tool: min(spent[tool])):
        v = spent[tool]
        print(f"{tool:8} {min(v):7.2f} {statistics.median(v):7.2f} {ratio(tool, 'wrk'):6.2f} {ratio(tool, 'limit'):6.2f}")


def lateness(stamps, rate):
    """How late each request came, in µs, in order of size, and by which share the rate was missed."""
    times = sorted(struct.unpack(f"<{len(stamps) // 8}q", stamps))[int(rate):]
    gap = 1e9 / rate
    late = [at - times[0] - k * gap for k, at in enumerate(times)]
    way = min(late)
    return sorted((x - way) / 1e3 for x in late), (len(times) - 1) * gap / (times[-1] - times[0]) - 1


def lag(a, tmp):
    port = free_port()
    url, c, s = f"http://127.0.0.1:{port}/", str(a.connections), f"{a.seconds:g}"
    binary, stamps = build("target", tmp), tmp / "stamps"
    for rate in map(int, a.rates.split(",")):
        load = f"{{rate: {rate}/s, duration: {s}s, max_in_flight: {c}}}"
        run = lambda mode: [a.loadgen, "run", scenario(tmp, mode, 1, port, load), "-o", str(tmp / "out"), "--no-progress"]
        commands = {
            "loadgen, async": run("async"),
            "loadgen, threaded": run("threaded"),
            "wrk2": [a.wrk2, "-t1", f"-c{c}", f"-d{s}s", f"-R{rate}", url],
            "oha": ["oha", "--no-tui", "-c", c, "-z", f"{s}s", "-q", str(rate), url],
        }
        tools = installed(commands, list(commands))
        seen = {tool: [] for tool in tools}
        for tool in in_turns(tools, a.rounds):
            with target(binary, port, [], "13", str(stamps)):
                subprocess.run(commands[tool], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=tmp, check=True)
            lags, missed = lateness(stamps.read_bytes(), rate)
            seen[tool].append((lags[len(lags) // 2], lags[int(len(lags) * 0.99)], missed * 100))
        print(f"{rate}/s over {c} connections, {a.rounds} rounds of {s} s; lag in µs, medians of the rounds")
        print(f"{'':18} {'p50':>8} {'p99':>8} {'rate off, %':>12}")
        for tool in tools:
            p50, p99, missed = (statistics.median(column) for column in zip(*seen[tool]))
            print(f"{tool:18} {p50:8.1f} {p99:8.1f} {missed:+12.4f}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["cost", "lag"])
    p.add_argument("--loadgen", default=str(HERE / "../../target/release/loadgen"))
    p.add_argument("--wrk2", default="wrk2", help="wrk2's program, which calls itself wrk")
    p.add_argument("--tools", help="for cost: only these, as in wrk,loadgen")
    p.add_argument("--mode", default="async", help="for cost: loadgen's mode")
    p.add_argument("--connections", type=int, default=50)
    p.add_argument("--threads", type=int, default=1, help="for cost: threads of each tool")
    p.add_argument("--rates", default="1000,10000", help="for lag")
    p.add_argument("--rounds", type=int, default=8)
    p.add_argument("--seconds", type=float, default=2)
    a = p.parse_args()
    a.loadgen = os.path.abspath(shutil.which(a.loadgen) or a.loadgen)
    with tempfile.TemporaryDirectory(prefix="peers-") as tmp:
        {"cost": cost, "lag": lag}[a.what](a, pathlib.Path(tmp))


main()
