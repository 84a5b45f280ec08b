#!/usr/bin/env python3
"""How often `loadgen ab` cries wolf, and how much it sees, with the real program and real servers on this machine.

    versions.py same   [--comparisons 300] [--pairs 10] [--seconds 0.2] [--two-servers]
    versions.py slower [--percent 10:20,20:10,2:10] [--pairs 10] [--seconds 0.5]

`same` compares a server with itself, again and again, by several figures of each run. Nothing that is then called a
regression is one. Let it share the machine with other work: that is what it is about. The bound is Clopper and
Pearson's, at 95 %; where none was seen that is the rule of three. With `--two-servers` A and B are two processes that
are alike, and stay: where the system gives one of them the better place for long, it is the better one, for no fault of
a comparison. That is what `--a-start` and `--b-start` are for, which start a server anew for each run.

`slower` compares a server with one whose median is longer by so many percent (PERCENT:COMPARISONS), and says how often
that is called a regression. The median is measured, not assumed: a server's own delay is not all of it.

`cargo bench --bench alarms` says the same of simulated machines, and of the methods that were not chosen. All traffic
goes to 127.0.0.1, and everything that is started here is stopped here.
"""
import argparse
import collections
import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
SCENARIO = """name: versions
targets: {shop: {url: builtin}}
mix: [{name: shop, flow: [{get: /json, name: json}, {get: /items, name: items}]}]
load: {vus: 4, duration: SECONDS}
thresholds:
"""
GUARDS = ["p50", "p90", "p99", "mean", "throughput", "error_rate", "cpu_per_request"]
OUTCOMES = ["regressed", "improved", "equivalent", "inconclusive"]


def scenario(folder, seconds, guards):
    path = folder / "versions.yaml"
    checks = "".join(f"  - {{check: {guard}, vs: baseline}}\n" for guard in guards) + "".join(
        f"  - {{check: p50, vs: baseline, step: {step}}}\n" for step in ["json", "items"]
    )
    path.write_text(SCENARIO.replace("SECONDS", f"{seconds * 1e3:.0f}ms") + checks)
    return path


@contextlib.contextmanager
def server(program, latency_us):
    """The built-in server's URL, until the block ends."""
    arguments = [program, "serve", "--listen", "127.0.0.1:0", "--latency", f"{latency_us:.0f}us"]
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        for line in process.stdout:
            if "http://" in line:
                yield "http://" + line.split("http://")[1].split()[0].rstrip("/")
                break
        else:
            sys.exit("the server does not come up")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def compare(a, folder, path, urls, pairs):
    """One comparison, as `comparison.json` has it; nothing where a run was so starved that it has no figures."""
    out = folder / "out"
    flags = ["--a", urls[0], "--b", urls[1], "--pairs", str(pairs), "-o", str(out), "--no-progress", "--json", "--on-invalid", "warn"]
    ran = subprocess.run([a.loadgen, "ab", str(path), *flags], capture_output=True, text=True)
    if ran.returncode == 3 and "has no figure" in ran.stderr:
        print(ran.stderr.strip(), file=sys.stderr, flush=True)
        return None
    if ran.returncode not in (0, 98):
        sys.exit(f"ab ends with {ran.returncode}: {ran.stderr}")
    comparison = json.loads(ran.stdout)
    if (comparison["verdict"] == "regressed") != (ran.returncode == 98):
        sys.exit(f"ab ends with {ran.returncode}, and says {comparison['verdict']}")
    return comparison


def upper(seen, of):
    """Clopper and Pearson's upper bound at 95 %, by halving: the share with which so few would be seen in one of 20."""
    low, high = seen / of, 1.0
    for _ in range(60):
        p = (low + high) / 2
        chance, term = 0.0, (1 - p) ** of
        for k in range(seen + 1):
            chance += term
            term *= (of - k) / (k + 1) * p / (1 - p) if p < 1 else 0.0
        low, high = (p, high) if chance > 0.05 else (low, p)
    return high


def name(change):
    step = change["selector"]["step"]
    return change["metric"] + (f" of {step}" if step else "")


def same(a, folder):
    path = scenario(folder, a.seconds or 0.2, GUARDS)
    counts, alarms, invalid, refused, again, begun = collections.defaultdict(collections.Counter), 0, 0, 0, 0, time.monotonic()
    with server(a.loadgen, 1_000) as one, server(a.loadgen, 1_000) if a.two_servers else contextlib.nullcontext(one) as other:
        for number in range(1, a.comparisons + 1):
            comparison = compare(a, folder, path, (one, other), a.pairs)
            if comparison is None:
                refused += 1
                continue
            for change in comparison["changes"]:
                counts[name(change)][change["verdict"]] += 1
                if change["verdict"] == "regressed":
                    print(f"comparison {number}: {json.dumps(change)}", flush=True)
            invalid += "invalid" in (comparison["base"]["validity"], comparison["new"]["validity"])
            again += comparison["confirming_pairs"] > 0
            wolf = comparison["verdict"] == "regressed"
            alarms += wolf
            if wolf and a.keep:
                shutil.copytree(folder / "out", pathlib.Path(a.keep) / f"{number}", dirs_exist_ok=True)
            if number % 10 == 0:
                print(f"{number} comparisons, {again} of them run again, {alarms} alarms, {time.monotonic() - begun:.0f} s, load {os.getloadavg()[0]:.1f}", file=sys.stderr)
    judged = a.comparisons - refused
    what = "of two servers that are alike" if a.two_servers else "of a server with itself"
    print(f"{judged} comparisons {what}, {a.pairs} pairs each, of {a.seconds or 0.2:g} s; refused for want of a figure: {refused}")
    print(f"run again to be sure: {again}")
    print(f"called regressed: {alarms}, so fewer than {100 * upper(alarms, judged):.2f} % (95 %); with an invalid run: {invalid}")
    print(f"{'':16}" + "".join(f"{outcome:>14}" for outcome in OUTCOMES))
    for figure, verdicts in counts.items():
        print(f"{figure:16}" + "".join(f"{verdicts[outcome]:14}" for outcome in OUTCOMES))


def median(a, folder, path, url):
    """The p50 of a server under the scenario's load, in ms: the middle of five runs."""
    seen = []
    for _ in range(5):
        out = folder / "median"
        flags = ["--target", url, "-o", str(out), "--format", "none", "--no-progress", "-q", "--no-thresholds"]
        subprocess.run([a.loadgen, "run", str(path), *flags], check=True, capture_output=True)
        seen.append(json.loads((out / "result.json").read_text())["runs"][0]["response_ms"]["p50"])
    return sorted(seen)[2]


def slower(a, folder):
    path, base_us = scenario(folder, a.seconds or 0.5, ["p50", "p99", "throughput", "error_rate"]), 10_000
    print(f"a server of {base_us / 1e3:g} ms against a slower one, {a.pairs} pairs of {a.seconds or 0.5:g} s each; p50, 5 % tolerated")
    print(f"{'slower by':>10} {'seen, median':>13}" + "".join(f"{outcome:>14}" for outcome in OUTCOMES) + f"{'exit 98':>10}")
    for percent, comparisons in (map(int, part.split(":")) for part in a.percent.split(",")):
        counts, seen, regressed = collections.Counter(), [], 0
        with server(a.loadgen, base_us) as one:
            more_us = median(a, folder, path, one) * 1e3 * percent / 100
            with server(a.loadgen, base_us + more_us) as other:
                for _ in range(comparisons):
                    comparison = compare(a, folder, path, (one, other), a.pairs) or sys.exit("the machine is too busy for this")
                    p50 = next(change for change in comparison["changes"] if name(change) == "p50")
                    counts[p50["verdict"]] += 1
                    seen.append(p50["change"])
                    regressed += comparison["verdict"] == "regressed"
        middle = sorted(seen)[len(seen) // 2]
        print(f"{percent:8} % {middle:12.1%} " + "".join(f"{counts[outcome]:14}" for outcome in OUTCOMES) + f"{regressed:10}", flush=True)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("what", choices=["same", "slower"])
    p.add_argument("--loadgen", default=str(HERE / "../target/dist/loadgen"))
    p.add_argument("--comparisons", type=int, default=300, help="for same")
    p.add_argument("--percent", default="10:20,20:10,2:10", help="for slower: by how much, and how often that is compared")
    p.add_argument("--pairs", type=int, default=10)
    p.add_argument("--seconds", type=float, help="of each run [default: 0.2 for same, 0.5 for slower]")
    p.add_argument("--two-servers", action="store_true", help="for same: a server for each side")
    p.add_argument("--keep", help="for same: folder for the results of comparisons that cried wolf")
    a = p.parse_args()
    # What is started here is stopped here, however this ends.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    a.loadgen = os.path.abspath(shutil.which(a.loadgen) or a.loadgen)
    with tempfile.TemporaryDirectory(prefix="versions-") as tmp:
        {"same": same, "slower": slower}[a.what](a, pathlib.Path(tmp))


main()
