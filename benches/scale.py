#!/usr/bin/env python3
"""What loadgen takes of a machine, and how far it goes on one, held against the goals: a row for each.

    scale.py [workers] [processes] [memory] [connections] [sleeps] [threads] [startup] [samples] [figures] [--long]

Without names it is all of them. Every row says what was asked for, what was seen and whether that is met; the program
ends with 1 where a row was missed. A row that this machine has no room for says so, and counts neither way.

`workers` is the throughput of mock operations that never wait, with two workers relative to one, in interleaved rounds.
`processes` is the same for the mode of that name: one process more than there are processors, relative to one process.
`memory` is the peak of the process that makes the requests; what an idle connection takes is the difference of two runs.
With `--long` a run of 20 million requests is set beside one of a million, and the replayed log has ten million lines, which takes minutes.
`connections` opens as many as the limit of descriptors lets the built-in target and loadgen have, to several loopback
addresses where one has too few ports. Its cost per request is that of two runs, one with three times the requests, so
that connecting cancels out; flat means that it is within a factor of what a tenth of the connections cost.
`sleeps` is 100,000 mock sleeps of 1 s at once, with a worker for each processor, and `threads` 5,000 of them on as many threads.
`samples` is the processor time of all of loadgen's processes per request at 20,000/s to the built-in target with
`--out samples=…`, relative to the same without, in pairs of alternating order, and how late requests are in both.
`figures` is the processor time of making the figures so far once, in all processes: every 10 s for `partial.json`, and with
`--live` every second, which is what this compares.
`startup` is wall time from the start of the program to its end: the median of many runs.

On a machine that does something else meanwhile, times are those of the machine; memory is not. All traffic goes to
this machine.
"""
import argparse
import contextlib
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from common import LOADGEN, ROOT, build, free_port, program, running

MIB, KIB, MB = 1 << 20, 1 << 10, 1_000_000
#: Descriptors of a process that are no connections to the target.
SPARE = 200
#: Ports that one address may be asked to lend out.
PORTS = 25_000


class Table:
    """The rows, as they come."""

    def __init__(self):
        self.missed = []
        print(f"{'':6} {'goal':>22} {'seen':>22}")

    def row(self, what, met, goal, seen):
        print(f"{'met' if met else 'MISSED':6} {goal:>22} {seen:>22}  {what}", flush=True)
        if not met:
            self.missed.append(what)

    def no_room(self, what, why):
        print(f"{'–':6} {'':>22} {'':>22}  {what}: not on this machine: {why}", flush=True)


class Loadgen:
    """The program, in a folder of its own."""

    def __init__(self, path, folder):
        self.path, self.folder = path, folder

    def run(self, flow, load, *, mode="async", workers=1, targets="", arguments=(), fails=False):
        """The result of a scenario of one flow. Nothing may fail in it."""
        text = f"name: scale\nmodes: [{mode}]\nworkers: {workers}\n{targets}mix: {flow}\nload: {load}\nreport: {{formats: []}}\n"
        (self.folder / "scale.yaml").write_text(text)
        out = self.folder / "out"
        # What it says of the figures is for readers of the figures: a busy machine is no failure here.
        said = subprocess.run([self.path, "run", "scale.yaml", "--no-progress", "-o", str(out), *arguments],
                              cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        try:
            result = json.loads((out / "result.json").read_text())
        except OSError:
            sys.exit(f"loadgen ends with {said.returncode}: {said.stdout[-600:]}")
        (out / "result.json").unlink()
        run = result["runs"][0]
        if run["failed"] or run["unfinished"] or run["cancelled"]:
            sys.exit(f"of {run['started']} operations {run['failed']} failed and {run['unfinished'] + run['cancelled']} never ended: {said.stdout[-600:]}")
        run["efficiency"] = result["comparison"]["modes"][0]["efficiency"]
        return run


def peak(run):
    return run["resources"]["peak_rss_bytes"]


def cpu(run):
    return run["resources"]["cpu_user_s"] + run["resources"]["cpu_system_s"]


def one(*steps):
    return "[{name: m, flow: [" + ", ".join(steps) + "]}]"


def gain(loadgen, several, rounds, **options):
    """Throughput of mock operations without waiting, with this many workers relative to one, and that of one."""
    rates = {1: [], several: []}
    for number in range(rounds):
        for count in (1, several) if number % 2 == 0 else (several, 1):
            load = f"{{vus: {16 * count}, duration: 2s}}"
            rates[count].append(loadgen.run(one("{sleep: 0s}"), load, workers=count, **options)["throughput_rps"])
    factor = statistics.median(many / one for one, many in zip(rates[1], rates[several]))
    return factor, f"{statistics.median(rates[1]) / 1e6:.2f} M/s"


def workers(loadgen, table, a):
    what = "mock operations without waiting, 2 workers relative to 1"
    if os.cpu_count() < 2:
        return table.no_room(what, "it has one processor")
    factor, alone = gain(loadgen, 2, a.rounds)
    table.row(f"{what} ({alone})", factor >= 1.9, "≥ 1.9", f"{factor:.2f}")


def processes(loadgen, table, a):
    cores = os.cpu_count()
    what = f"mock operations without waiting, {cores + 1} processes on {cores} processors relative to 1"
    if cores < 2:
        return table.no_room(what, "it has one processor")
    factor, alone = gain(loadgen, cores + 1, a.rounds, mode="processes")
    table.row(f"{what} ({alone})", factor >= 0.9 * cores, f"≥ {0.9 * cores:.1f}", f"{factor:.2f}")


def memory(loadgen, table, a):
    port = free_port()
    targets = f"targets: {{t: {{url: \"http://127.0.0.1:{port}\"}}}}\n"
    get = lambda iterations: loadgen.run(one("{get: /}"), f"{{vus: 50, iterations: {iterations}}}", targets=targets)
    few, many = 50, 5_050
    # Every virtual user keeps its connection while it sleeps, and all of them do at once.
    idle = lambda count: loadgen.run(one("{get: /}", "{sleep: 4s}"), f"{{vus: {count}, iterations: {count}}}", targets=targets)
    with running([build("target", loadgen.folder), str(port)], port):
        seen = peak(get(200_000))
        table.row("peak memory at 50 connections", seen <= 20 * MB, "≤ 20 MB", f"{seen / MB:.1f} MB")
        each = (peak(idle(many)) - peak(idle(few))) / (many - few)
        table.row("memory of a further idle connection", each <= 24 * KIB, "≤ 24 KiB", f"{each / KIB:.1f} KiB")
        none, all = peak(get(200_000)), peak(rows(loadgen, targets, 200_000))
        seen = f"{(all - none) / MB:.1f} MB"
        table.row("further memory for ten million rows, taken in their order", all - none <= 8 * MB, "≤ 8 MB", seen)
        lines = 10_000_000 if a.long else 1_000_000
        further = peak(replay(loadgen, targets, lines, 200_000)) - none
        table.row(f"further memory for a replayed log of {lines:,} lines", further <= 16 * MB, "≤ 16 MB", f"{further / MB:.1f} MB")
        if a.long:
            short, long = peak(get(1_000_000)), peak(get(20_000_000))
            seen = f"{short / MB:.2f}, {long / MB:.2f} MB"
            table.row("peak memory after 1 and 20 million requests", abs(long / short - 1) <= 0.01, "within 1 %", seen)


def rows(loadgen, targets, iterations):
    """A run that takes its rows from a file of ten million."""
    with (loadgen.folder / "rows.csv").open("w") as file:
        file.write("id,name\n")
        file.writelines(f"{row},user-{row}\n" for row in range(10_000_000))
    data = "data: {rows: {file: rows.csv}}\n"
    flow = "[{name: m, data: rows, flow: [{get: '/', query: {id: '{{rows.id}}'}}]}]"
    return loadgen.run(flow, f"{{vus: 50, iterations: {iterations}}}", targets=targets + data)


def replay(loadgen, targets, lines, iterations):
    """A run that replays the beginning of a log of a thousand requests a second."""
    with (loadgen.folder / "access.log").open("w") as file:
        for second in range(lines // 1000):
            time = f"{second // 86400 + 1:02}/Oct/2000:{second // 3600 % 24:02}:{second // 60 % 60:02}:{second % 60:02} +0000"
            file.writelines(f'127.0.0.1 - - [{time}] "GET /items/{n} HTTP/1.1" 200 2326 "-" "agent"\n' for n in range(1000))
    flow = one("{request: {method: '{{row.method}}', path: '{{row.path}}'}}")
    load = f"{{replay: {{file: access.log, speed: 10x}}, max_in_flight: 50, iterations: {iterations}}}"
    return loadgen.run(flow, load, targets=targets)


def cost(loadgen, targets, flow, count, requests):
    """µs of processor time per request beyond the first ones of each connection."""
    run = lambda iterations: loadgen.run(flow, f"{{vus: {count}, iterations: {iterations}}}", targets=targets)
    short, long = run(requests), run(3 * requests)
    return (cpu(long) - cpu(short)) * 1e6 / (long["completed"] - short["completed"]), peak(long)


def connections(loadgen, table, a):
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    for goal in (19_000, 50_000):
        what = f"{goal:,} connections to the built-in target"
        if limit < goal + SPARE:
            table.no_room(what, f"a process may have {limit:,} descriptors (ulimit -n -H)")
            continue
        with contextlib.ExitStack() as servers:
            # An address has only so many ports; each target has its share of the connections.
            addresses = [f"127.0.0.{1 + i}" for i in range(-(-goal // PORTS))]
            ports = [free_port() for _ in addresses]
            for address, port in zip(addresses, ports):
                servers.enter_context(running([loadgen.path, "serve", "--listen", f"{address}:{port}"], port, host=address))
            targets = "targets:\n" + "".join(f"  t{i}: {{url: \"http://{to}:{port}\"}}\n" for i, (to, port) in enumerate(zip(addresses, ports)))
            flow = "[" + ", ".join(f"{{name: m{i}, flow: [{{get: /bytes/13, target: t{i}}}]}}" for i in range(len(addresses))) + "]"
            few, _ = cost(loadgen, targets, flow, goal // 10, 5 * goal)
            all_of_them, most = cost(loadgen, targets, flow, goal, 5 * goal)
            seen = f"{few:.1f}, {all_of_them:.1f} µs"
            table.row(f"{what}: a request at a tenth of them, and at all; {most / MB:.0f} MB", all_of_them <= 1.5 * few, "within 1.5 ×", seen)


def asleep(loadgen, count, mode):
    few = 100
    run = lambda count: loadgen.run(one("{sleep: 1s}"), f"{{vus: {count}, iterations: {count}}}", mode=mode, workers=os.cpu_count())
    base, full = run(few), run(count)
    return full["efficiency"], (peak(full) - peak(base)) / (count - few)


def sleeps(loadgen, table, a):
    efficiency, each = asleep(loadgen, 100_000, "async")
    table.row("efficiency of 100,000 mock sleeps of 1 s at once", efficiency >= 0.95, "≥ 0.95", f"{efficiency:.3f}")
    table.row("memory of each", each <= 4 * KIB, "≤ 4 KiB", f"{each / KIB:.2f} KiB")


def threads(loadgen, table, a):
    what = "5,000 threads asleep at once"
    _, processes = resource.getrlimit(resource.RLIMIT_NPROC)
    room = int(pathlib.Path("/proc/sys/kernel/threads-max").read_text())
    if room < 6_000 or 0 <= processes < 6_000:
        return table.no_room(what, f"it allows {min(room, processes)} threads")
    efficiency, each = asleep(loadgen, 5_000, "threaded")
    table.row(f"{what}: efficiency", efficiency >= 0.8, "≥ 0.8", f"{efficiency:.3f}")
    table.row("memory of each", each <= 64 * KIB, "≤ 64 KiB", f"{each / KIB:.1f} KiB")


def startup(loadgen, table, a):
    (loadgen.folder / "one.yaml").write_text("name: one\nmodes: [async]\nmix: [{name: m, flow: [{sleep: 0s}]}]\nload: {vus: 1, iterations: 1}\n")

    def median(*arguments):
        times = []
        for _ in range(a.starts):
            begin = time.perf_counter()
            subprocess.run([loadgen.path, *arguments], cwd=loadgen.folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            times.append((time.perf_counter() - begin) * 1e3)
        return statistics.median(times)

    for what, most, arguments in [
        ("`validate` of a mock scenario", 10, ["validate", "one.yaml"]),
        ("`run` of one iteration, no reports", 20, ["run", "one.yaml", "--no-progress", "--format", "none", "-o", "started"]),
        ("`run` of one iteration, default reports", 500, ["run", "one.yaml", "--no-progress", "-o", "started"]),
    ]:
        seen = median(*arguments)
        table.row(what, seen <= most, f"≤ {most} ms", f"{seen:.1f} ms")


def children():
    """Seconds of processor time of all processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def samples(loadgen, table, a):
    rate, seconds = 20_000, 5

    def once(port, form):
        """µs of processor time per request, and p99 of lag in ms."""
        target = f"targets: {{t: {{url: \"http://127.0.0.1:{port}\"}}}}\n"
        load = f"{{rate: {rate}/s, duration: {seconds}s, max_in_flight: 2000}}"
        arguments = ["--out", f"samples={loadgen.folder / 'samples'}.{form}"] if form else []
        before = children()
        run = loadgen.run(one("{get: /bytes/13}"), load, workers=2, targets=target, arguments=arguments)
        return (children() - before) * 1e6 / run["completed"], run["lag_ms"]["p99"]

    port = free_port()
    with running([loadgen.path, "serve", "--listen", f"127.0.0.1:{port}"], port):
        for form in ("csv", "csv.zst", "jsonl", "jsonl.gz"):
            pairs = []
            for number in range(a.rounds):
                order = (None, form) if number % 2 else (form, None)
                seen = {own: once(port, own) for own in order}
                pairs.append((seen[None], seen[form]))
            ratio = statistics.median(with_[0] / without[0] for without, with_ in pairs)
            cost = [statistics.median(pair[side][0] for pair in pairs) for side in (0, 1)]
            lag = [statistics.median(pair[side][1] for pair in pairs) for side in (0, 1)]
            what = f"samples in {form} at {rate:,}/s: {cost[0]:.2f} and {cost[1]:.2f} µs a request; p99 of lag {lag[0]:.3f} and {lag[1]:.3f} ms"
            table.row(what, ratio <= 1.05, "≤ 1.05 × without", f"{ratio:.3f}")


def figures(loadgen, table, a):
    steps, rate, seconds = 20, 100, 40
    flow = one(*(f"{{get: /bytes/13, name: s{step}}}" for step in range(steps)))
    load = f"{{rate: {rate}/s, duration: {seconds}s}}"
    port, live = free_port(), free_port()
    with running([loadgen.path, "serve", "--listen", f"127.0.0.1:{port}"], port):
        target = f"targets: {{t: {{url: \"http://127.0.0.1:{port}\"}}}}\n"
        costs = []
        for number in range(max(2, a.rounds // 2)):
            took = {}
            for often in ((False, True) if number % 2 else (True, False)):
                before = children()
                arguments = ["--live", f"127.0.0.1:{live}"] if often else []
                loadgen.run(flow, load, targets=target, arguments=arguments)
                took[often] = children() - before
            costs.append((took[True] - took[False]) * 1e3 / (seconds - seconds // 10))
    seen = statistics.median(costs)
    table.row(f"figures so far of {steps} steps at {rate * steps:,}/s, once, which is once in 10 s", seen <= 100, "≤ 100 ms", f"{seen:.1f} ms")


PARTS = {"workers": workers, "processes": processes, "memory": memory, "connections": connections, "sleeps": sleeps, "threads": threads, "startup": startup, "samples": samples, "figures": figures}


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    p.add_argument("--loadgen", default=LOADGEN)
    p.add_argument("--long", action="store_true", help="for memory: 20 million requests, and a log of ten million lines, too")
    p.add_argument("--rounds", type=int, default=5, help="for workers, processes, samples and figures")
    p.add_argument("--starts", type=int, default=21, help="for startup")
    a = p.parse_args()
    if unknown := [part for part in a.parts if part not in PARTS]:
        p.error(f"there is no part {', '.join(unknown)}: it is one of {', '.join(PARTS)}")
    table = Table()
    with tempfile.TemporaryDirectory(prefix="scale-") as folder:
        loadgen = Loadgen(program(a.loadgen), pathlib.Path(folder))
        for part in a.parts or PARTS:
            PARTS[part](loadgen, table, a)
    sys.exit(1 if table.missed else 0)


main()
