#!/usr/bin/env python3
"""What merging the parts of a fleet costs, and whether the figures depend on its size.

    fleet.py [--shards 1,10,100,1000] [--duration 600] [--rate 5000] [--loadgen target/dist/loadgen]

Runs one plan in virtual time, undivided and in each number of shards, and merges the parts. The plan has Poisson
arrivals and exponential response times, in as many windows as a result can have. For each size: the wall time and the
peak memory of `loadgen merge`, reports included, and the figures of the merged result. The figures must be those of
the undivided run to the last byte, but for what a run in several processes has by itself (its workers, resources, peaks and
validity). Nothing is sent anywhere. A run takes a few minutes, because every shard plans all arrivals to find its own.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time

from common import LOADGEN, program

#: Goal: memory of a merge of a thousand parts above that of one, in megabytes.
MEMORY_MB = 64
#: What a run in several processes has by itself.
OWN = ["workers", "resources", "validity", "limits"]


def scenario(rate, duration):
    return f"""name: fleet
seed: 42
modes: [simulated]
mix:
  - name: read
    flow: [{{ sleep: {{ exponential: {{ mean: 40ms }} }} }}]
load: {{ rate: {rate}/s, arrivals: poisson, duration: {duration}s, max_in_flight: {max(2000, rate)} }}
"""


def peak(command, folder):
    """Runs a command; its wall time in seconds, and its peak memory in megabytes."""
    begun = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        sys.exit(f"{' '.join(command[:3])} ends with {process.returncode}")
    return time.monotonic() - begun, usage.ru_maxrss / 1024


def figures(folder):
    """The figures of a result that must not depend on the number of shards."""
    run = json.loads((folder / "result.json").read_text())["runs"][0]
    series = [{k: v for k, v in window.items() if k not in ("in_flight", "vus", "queue")} for window in run["series"]]
    return run, {**{key: value for key, value in run.items() if key not in OWN}, "series": series}


def shards(loadgen, folder, count):
    """Runs every shard of the plan; the folder of their parts."""
    def one(index):
        command = [loadgen, "run", "fleet.yaml", "--shard", f"{index}/{count}", "-q", "-o", f"parts-{count}/{index}"]
        subprocess.run(command, cwd=folder, check=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, range(count)))
    return folder / f"parts-{count}"


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--shards", default="1,10,100,1000", help="numbers of shards")
    p.add_argument("--duration", type=int, default=600, help="seconds of virtual time")
    p.add_argument("--rate", type=int, default=5000, help="arrivals a second, of all shards together")
    p.add_argument("--loadgen", default=LOADGEN)
    a = p.parse_args()
    loadgen = program(a.loadgen)
    with tempfile.TemporaryDirectory(prefix="fleet-") as tmp:
        folder = pathlib.Path(tmp)
        (folder / "fleet.yaml").write_text(scenario(a.rate, a.duration))
        seconds, _ = peak([loadgen, "run", "fleet.yaml", "-q", "-o", "whole"], folder)
        run, whole = figures(folder / "whole")
        print(f"undivided: {run['completed']:,} operations in {seconds:.1f} s of work")
        base, differs = None, []
        for count in map(int, a.shards.split(",")):
            parts = shards(loadgen, folder, count)
            size = sum(path.stat().st_size for path in parts.rglob("part.json")) / 1e6
            seconds, memory = peak([loadgen, "merge", parts.name, "-q", "-o", f"out-{count}"], folder)
            run, merged = figures(folder / f"out-{count}")
            base = base or memory
            same = merged == whole
            times = run["response_ms"]
            print(f"{count:5} shards: {size:7.1f} MB of parts, merged in {seconds:6.2f} s, peak {memory:6.1f} MB "
                  f"({memory - base:+.1f}); mean {times['mean']:.6f} p50 {times['p50']:.3f} p99 {times['p99']:.3f} "
                  f"p99.9 {times['p999']:.3f} ms; figures {'the same' if same else 'DIFFER'}", flush=True)
            if not same:
                differs += [key for key in whole if merged.get(key) != whole[key]]
            if memory - base > MEMORY_MB:
                sys.exit(f"more than {MEMORY_MB} MB above one part")
        if differs:
            sys.exit(f"these depend on the number of shards: {', '.join(sorted(set(differs)))}")


if __name__ == "__main__":
    main()
