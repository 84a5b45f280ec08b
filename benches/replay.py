#!/usr/bin/env python3
"""How closely a replayed log arrives at the times of the log: nginx's log, replayed to nginx, beside nginx's log.

    replay.py [--rate 200] [--seconds 10] [--loadgen target/dist/loadgen]

loadgen sends GETs with Poisson arrivals to nginx, whose log (`$msec`, `$request_time`) is replayed to it at the speeds 1x,
2x and 0.5x. Both logs say when each request began, to the millisecond. Of the differences, those from their median count,
because a run begins when it begins. Needs nginx. All traffic goes to 127.0.0.1.
"""
import argparse
import json
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from common import LOADGEN, free_port, program, running

#: The 99th percentile of the differences that is allowed, in milliseconds.
GOAL_MS = 5
#: What each speed divides the times of the log by.
SPEEDS = {"1x": 1, "2x": 2, "0.5x": 0.5}

NGINX = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  log_format times '$msec "$request" $status $request_time';
  access_log {folder}/access.log times;
  server {{ listen 127.0.0.1:{port}; location / {{ return 200 "ok"; }} }}
}}
"""

FLOW = "name: replay\nmodes: [async]\nseed: 5\ntargets: {{nginx: {{url: 'http://127.0.0.1:{port}'}}}}\n"


def requests(lines):
    """When each request of a log began, in seconds, by its path."""
    began = {}
    for line in lines:
        end, request, rest = line.split('"')
        began[request.split()[1]] = float(end) - float(rest.split()[1])
    return began


def run(loadgen, folder, text):
    """Runs a scenario; what nginx has logged meanwhile."""
    log = folder / "access.log"
    before = len(log.read_text().splitlines())
    (folder / "replay.yaml").write_text(text)
    command = [loadgen, "run", "replay.yaml", "-o", "out", "--format", "none", "--no-progress", "-q", "--on-invalid", "warn"]
    subprocess.run(command, cwd=folder, check=True)
    done = json.loads((folder / "out/result.json").read_text())["runs"][0]["completed"]
    for _ in range(100):
        lines = log.read_text().splitlines()[before:]
        if len(lines) >= done:
            return lines
        time.sleep(0.05)
    sys.exit(f"nginx logged {len(lines)} of {done} requests")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--rate", type=int, default=200, help="requests a second of the log")
    p.add_argument("--seconds", type=int, default=10, help="of the log")
    p.add_argument("--loadgen", default=LOADGEN)
    a = p.parse_args()
    loadgen = program(a.loadgen)
    if not (nginx := shutil.which("nginx", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")):
        sys.exit("nginx is not installed (apt-get install nginx-light)")
    missed = False
    with tempfile.TemporaryDirectory(prefix="replay-") as name:
        folder, port = pathlib.Path(name), free_port()
        (folder / "nginx.conf").write_text(NGINX.format(folder=folder, port=port))
        flow = FLOW.format(port=port)
        with running([nginx, "-c", str(folder / "nginx.conf"), "-p", str(folder)], port):
            load = f"load: {{rate: {a.rate}/s, arrivals: poisson, iterations: {a.rate * a.seconds}}}\n"
            lines = run(loadgen, folder, flow + "mix: [{flow: [{get: '/r?n={{seq()}}'}]}]\n" + load)
            (folder / "source.log").write_text("".join(f"{line}\n" for line in lines))
            source = requests(lines)
            first = min(source.values())
            for speed, factor in SPEEDS.items():
                replay = "format: '$msec \"$request\" $status $request_time'"
                load = f"load: {{replay: {{file: source.log, {replay}, speed: {speed}}}}}\n"
                mix = "mix: [{flow: [{request: {method: '{{row.method}}', path: '{{row.path}}'}}]}]\n"
                replayed = requests(run(loadgen, folder, flow + mix + load))
                if replayed.keys() != source.keys():
                    sys.exit(f"{speed}: other requests than those of the log arrived")
                differences = [replayed[path] - (at - first) / factor for path, at in source.items()]
                middle = statistics.median(differences)
                sizes = sorted(abs(one - middle) * 1e3 for one in differences)
                p50, p99 = sizes[len(sizes) // 2], sizes[len(sizes) * 99 // 100]
                missed |= p99 > GOAL_MS
                word = "missed" if p99 > GOAL_MS else "met"
                print(f"{speed:>5}: {len(sizes):,} requests, p50 {p50:.1f} ms, p99 {p99:.1f} ms, max {sizes[-1]:.1f} ms; goal p99 ≤ {GOAL_MS} ms: {word}")
    sys.exit(1 if missed else 0)


main()
