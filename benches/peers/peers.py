#!/usr/bin/env python3
"""loadgen beside other load generators, on this machine, in interleaved rounds.

    peers.py cost [--connections 1,50,500] [--mode async,sequential] [--client hyper,lean] [--tls] [--rounds 8]
                  [--seconds 2] [--save F] [--picture F]
    peers.py flow [--connections 50] [--client lean] [--rounds 8] [--seconds 2]
    peers.py lag  [--rates 1000,10000] [--connections 50] [--rounds 3] [--seconds 4]
    peers.py picture --save F --picture F

`cost` is processor time per request, of the whole process tree from its start to its end, user and system. The target,
which does as little as a server can, is pinned to the last core and each tool to the first ones. Shared machines drift by
a third within seconds: believe the ratios, which are taken within rounds, and not the times. The interval beside a ratio
is that of its median, at 95 % or more, by the order of the rounds. `--save` writes the figures as JSON, and `--picture`
draws them, with loadgen's own charts, as PNG or SVG; `picture` draws what was saved earlier.

With `--tls` the target is nginx, over TLS 1.3, because the tools have nothing smaller in common. It does more than the
other, so a tool's part is what its own time is, not the server's. Connecting counts too: one handshake each.

A run's start and its report count too, some ten milliseconds of it: with more `--seconds` they weigh less.

`flow` is the same for loadgen alone: what a request costs in flow.yaml, relative to one in static.yaml. The targets are
two, since the flow reads bodies of 1 KB and the static GET 13 bytes.

`lag` is how late requests come in at a planned rate, by the kernel's stamps on what the target receives. What is common
to all requests of a run, the way through the system, is taken off; the first second is left out.

Tools that are not installed are left out and named. `limit` is not a tool: it is what plain sockets cost. All traffic
goes to 127.0.0.1, and everything that is started here is stopped here. Needs a C compiler for the target.
"""
import argparse
import json
import os
import pathlib
import platform
import re
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from common import LOADGEN, ROOT, build, free_port, in_turns, last_core, median, pinned, program, running  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
PLANNED = """name: peers
modes: [{mode}]
workers: 1
targets: {{t: {{url: "http://127.0.0.1:{port}"}}}}
mix: [{{name: get, flow: [{{get: /}}]}}]
load: {{rate: {rate}/s, duration: {seconds}s, max_in_flight: {connections}}}
report: {{formats: []}}
"""
#: What a tool may take at most, at so many connections, relative to another.
GOALS = [
    ("loadgen", 50, "oha", 0.88),
    ("loadgen, lean", 50, "wrk", 1.05),
    ("loadgen, lean", 50, "oha", 0.60),
    ("loadgen, lean", 500, "wrk", 1.10),
    ("loadgen", 1, "wrk", 1.05),
    ("loadgen, sequential", 1, "wrk", 1.05),
]
TLS_GOALS = [("loadgen, lean", 50, "wrk", 1.2)]
NGINX = """daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 4096; }}
http {{
    access_log off; keepalive_requests 1000000000;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{
        listen 127.0.0.1:{port} ssl; ssl_protocols TLSv1.3; ssl_certificate {folder}/cert.pem; ssl_certificate_key {folder}/key.pem;
        location / {{ return 200 "Hello, world!"; }}
    }}
}}
"""
#: The same for a request of the flow, relative to the static GET, by client.
FLOW_GOALS = {"hyper": 2.0, "lean": 1.7}


def installed(commands, wanted):
    have = [tool for tool in wanted if shutil.which(commands[tool][0])]
    if missing := [tool for tool in wanted if tool not in have]:
        print("not installed:", ", ".join(missing))
    return have


def chosen(tools, commands, modes):
    """The tools to run: all, or those that are named, where `loadgen` stands for each of its modes and clients."""
    wanted = tools.split(",") if tools else [*commands.keys() - modes.keys(), "loadgen"]
    return [tool for name in wanted for tool in (modes if name == "loadgen" else [name])]


def many(connections):
    return "1 connection" if connections == 1 else f"{connections} connections"


def ours(a, file, port, connections, out, mode="async", client="hyper"):
    scheme = "https" if a.tls else "http"
    load = ["--target", f"{scheme}://127.0.0.1:{port}", "-u", str(connections), "-d", f"{a.seconds}s"]
    load += ["--mode", mode, "--workers", str(a.threads), "--http-client", client]
    return [a.loadgen, "run", str(HERE / file), *load, "-o", str(out), "--no-progress"]


def completed(out):
    """How many operations a run of loadgen completed; nothing may have failed."""
    counts = json.loads((out / "result.json").read_text())["runs"][0]
    if counts["failed"]:
        sys.exit(f"loadgen: {counts['failed']} of {counts['completed']} requests failed: {out}")
    return counts["completed"]


def measured(commands, counts, tools, rounds, first_cores, folder):
    """µs of processor time per request, of each tool and round."""
    spent = {tool: [] for tool in tools}
    for tool in in_turns(tools, rounds):
        said, seconds = pinned(commands[tool], first_cores, folder)
        spent[tool].append(seconds * 1e6 / max(counts[tool](said), 1))
    return spent


def ratios(spent, tool, base):
    """A tool relative to another, within rounds: median and interval."""
    return median([x / y for x, y in zip(spent[tool], spent[base])]) if base in spent and tool in spent else None


def https_target(port, folder):
    """nginx with a certificate of its own, in this folder."""
    if not (nginx := shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")):
        sys.exit("nginx is not installed (apt-get install nginx-light)")
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    files = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(["openssl", "req", "-x509", *curve, *files, "-days", "2", "-subj", "/CN=127.0.0.1"], check=True, capture_output=True)
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
    return [nginx, "-c", str(folder / "nginx.conf"), "-p", str(folder)]


def cost(a, tmp):
    port, out = free_port(), tmp / "out"
    url, s, t = f"{'https' if a.tls else 'http'}://127.0.0.1:{port}/", f"{a.seconds}", str(a.threads)
    limit = build("limit", tmp)
    found = lambda pattern: lambda text: int(re.search(pattern, text)[1])
    counts = {
        "limit": found(r'"requests": (\d+)'),
        "wrk": found(r"(\d+) requests in"),
        "ab": found(r"Complete requests:\s+(\d+)"),
        "h2load": found(r"(\d+) succeeded"),
        "oha": lambda text: sum(json.loads(text)["statusCodeDistribution"].values()),
        "hey": found(r"\[200\]\s+(\d+) resp"),
    }
    modes = {}
    for mode in a.mode.split(","):
        for client in a.client.split(","):
            name = ["loadgen", mode if mode != "async" else "", client if client != "hyper" else ""]
            modes[", ".join(part for part in name if part)] = mode, client
    counts |= {name: lambda _: completed(out) for name in modes}
    saved = {"cores": os.cpu_count(), "machine": platform.platform(), "rounds": a.rounds, "seconds": a.seconds, "groups": []}
    goals, have = [], None
    target = https_target(port, tmp) if a.tls else [build("target", tmp), str(port)]
    with running([*last_core(), *target], port):
        for connections in map(int, a.connections.split(",")):
            c = str(connections)
            commands = {
                "limit": [limit, str(port), c, s],
                "wrk": ["wrk", f"-t{t}", f"-c{c}", f"-d{s}s", "--latency", url],
                "ab": ["ab", "-q", "-k", "-c", c, "-t", s, "-n", "5000000", url],
                "h2load": ["h2load", "--h1", f"-t{t}", f"-c{c}", "-D", s, url],
                "oha": ["oha", "--no-tui", "--insecure", "-z", f"{s}s", "-c", c, "--output-format", "json", url],
                "hey": ["hey", "-z", f"{s}s", "-c", c, "-cpus", t, url],
            }
            if a.tls:
                # What can't be told to take any certificate is left out.
                commands = {tool: commands[tool] for tool in ("wrk", "ab", "oha")}
            file = "tls.yaml" if a.tls else "static.yaml"
            commands |= {name: ours(a, file, port, connections, out, *how) for name, how in modes.items()}
            have = have or installed(commands, chosen(a.tools, commands, modes))
            # One at a time has one connection.
            tools = [tool for tool in have if connections == 1 or modes.get(tool, [""])[0] != "sequential"]
            spent = measured(commands, counts, tools, a.rounds, ",".join(map(str, range(a.threads))), tmp)
            print(f"{many(connections)}, {a.rounds} rounds of {s} s; µs of processor time per request, ratios within rounds")
            print(f"{'':20} {'lowest':>7} {'median':>7} {'/wrk':>20} {'/limit':>20}")
            show = lambda ratio: f"{ratio[0]:5.2f} ({ratio[1]:.2f} to {ratio[2]:.2f})" if ratio else "–"
            rows = []
            for tool in sorted(tools, key=lambda tool: statistics.median(spent[tool])):
                v, by_wrk, by_limit = spent[tool], ratios(spent, tool, "wrk"), ratios(spent, tool, "limit")
                print(f"{tool:20} {min(v):7.2f} {statistics.median(v):7.2f} {show(by_wrk):>20} {show(by_limit):>20}")
                rows.append({"tool": tool, "us": statistics.median(v), "by_wrk": by_wrk, "by_limit": by_limit})
            saved["groups"].append({"connections": connections, "rows": rows})
            for tool, at, base, most in TLS_GOALS if a.tls else GOALS:
                if at == connections and (ratio := ratios(spent, tool, base)):
                    goals.append((f"{tool} / {base} at {at}", ratio[0], most))
    for what, seen, most in goals:
        print(f"{what}: {seen:.2f}, of at most {most:.2f}: {'met' if seen <= most else 'missed'}")
    if a.save:
        a.save.write_text(json.dumps(saved, indent=1) + "\n")
    if a.picture:
        draw(saved, a.picture)


def flow(a, tmp):
    ports, outs = {"static": free_port(), "flow": free_port()}, {"static": tmp / "static", "flow": tmp / "flow"}
    binary = build("target", tmp)
    with running([*last_core(), binary, str(ports["static"])], ports["static"]), \
            running([*last_core(), binary, str(ports["flow"]), str(HERE / "items.json")], ports["flow"]):
        for connections in map(int, a.connections.split(",")):
            how = a.mode, a.client
            commands = {name: ours(a, f"{name}.yaml", ports[name], connections, outs[name], *how) for name in ports}
            counts = {name: lambda _, out=out: completed(out) for name, out in outs.items()}
            spent = measured(commands, counts, list(ports), a.rounds, ",".join(map(str, range(a.threads))), tmp)
            middle, low, high = ratios(spent, "flow", "static")
            print(f"{many(connections)}, {a.rounds} rounds of {a.seconds} s; µs of processor time per request: "
                  + ", ".join(f"{name} {statistics.median(v):.2f}" for name, v in spent.items()))
            goal = FLOW_GOALS[a.client]
            verdict = "met" if middle <= goal else "missed"
            print(f"flow / static: {middle:.2f} ({low:.2f} to {high:.2f}), of at most {goal:.2f}: {verdict}")


def draw(saved, picture):
    """By loadgen's own charts: peers/chart.rs."""
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(saved, file)
        file.flush()
        subprocess.run(["cargo", "bench", "--profile", "dev", "--quiet", "--bench", "chart", "--", file.name, str(picture.absolute())], cwd=ROOT, check=True)


def picture(a, _):
    if not (a.save and a.picture):
        sys.exit("picture needs --save, which file to read, and --picture, which to write")
    draw(json.loads(a.save.read_text()), a.picture)


def lateness(stamps, rate):
    """How late each request came, in µs, in order of size, and by which share the rate was missed."""
    times = sorted(struct.unpack(f"<{len(stamps) // 8}q", stamps))[int(rate):]
    gap = 1e9 / rate
    late = [at - times[0] - k * gap for k, at in enumerate(times)]
    way = min(late)
    return sorted((x - way) / 1e3 for x in late), (len(times) - 1) * gap / (times[-1] - times[0]) - 1


def planned(a, folder, mode, rate, port, out):
    path = folder / f"{mode}.yaml"
    path.write_text(PLANNED.format(mode=mode, port=port, rate=rate, seconds=f"{a.seconds}", connections=a.connections))
    return [a.loadgen, "run", str(path), "-o", str(out), "--no-progress"]


def lag(a, tmp):
    port = free_port()
    url, c, s = f"http://127.0.0.1:{port}/", str(int(a.connections)), f"{a.seconds}"
    binary, stamps = build("target", tmp), tmp / "stamps"
    for rate in map(int, a.rates.split(",")):
        commands = {
            "loadgen, async": planned(a, tmp, "async", rate, port, tmp / "out"),
            "loadgen, threaded": planned(a, tmp, "threaded", rate, port, tmp / "out"),
            "wrk2": [a.wrk2, "-t1", f"-c{c}", f"-d{s}s", f"-R{rate}", url],
            "oha": ["oha", "--no-tui", "-c", c, "-z", f"{s}s", "-q", str(rate), url],
        }
        tools = installed(commands, list(commands))
        seen = {tool: [] for tool in tools}
        for tool in in_turns(tools, a.rounds):
            with running([binary, str(port), "13", str(stamps)], port):
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
    p.add_argument("what", choices=["cost", "flow", "lag", "picture"])
    p.add_argument("--loadgen", default=LOADGEN)
    p.add_argument("--wrk2", default="wrk2", help="wrk2's program, which calls itself wrk")
    p.add_argument("--tools", help="for cost: only these, as in wrk,loadgen")
    p.add_argument("--mode", default="async", help="for cost and flow: loadgen's mode; for cost also several")
    p.add_argument("--client", default="hyper", help="for cost and flow: loadgen's HTTP client; for cost also several, as in hyper,lean")
    p.add_argument("--tls", action="store_true", help="for cost: https, with nginx as the target")
    p.add_argument("--connections", default="50", help="for cost and flow also several, as in 1,50,500")
    p.add_argument("--threads", type=int, default=1, help="for cost and flow: threads of each tool")
    p.add_argument("--rates", default="1000,10000", help="for lag")
    p.add_argument("--rounds", type=int, default=8)
    p.add_argument("--seconds", type=int, default=2)
    p.add_argument("--save", type=pathlib.Path, help="for cost: a file for the figures; for picture: the file with them")
    p.add_argument("--picture", type=pathlib.Path, help="for cost and picture: the picture to draw, PNG or SVG")
    a = p.parse_args()
    if a.what != "picture":
        a.loadgen = program(a.loadgen)
    with tempfile.TemporaryDirectory(prefix="peers-") as tmp:
        {"cost": cost, "flow": flow, "lag": lag, "picture": picture}[a.what](a, pathlib.Path(tmp))


main()
