#!/usr/bin/env python3
"""Instructions per request, counted and not timed: loadgen, and hyper alone doing the same.

    profile.py [--requests 20000] [--connections 50] [--mode async] [--workers 1] [--top 25]

Runs each under `valgrind --tool=callgrind` for N and for 3 N requests. What the second run has more, divided by 2 N, is
what a request costs: start-up, connecting and the report cancel out. Only user mode is counted; the system's part is the
same for every client that makes the same calls. Counts repeat within a few tens of instructions, on a busy machine too.

Only the threads that make the requests count, the workers. All others (observer, progress, the report at the end) work by
the clock and not by the request, and under valgrind a request takes fifty times as long.

Printed are the totals, loadgen's own share, which is what it takes above bare hyper, and where the worker's instructions
went: by crate and room, and by function with `--top`.
`--keep FOLDER` keeps callgrind's files, for `callgrind_annotate` and KCachegrind.

`bare`, the hyper client, is built here with cargo, in the profile `profiling`, unless `--bare` says where it is; build
loadgen in the same. Needs valgrind and a C compiler. All traffic goes to 127.0.0.1.
"""
import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from common import HERE, ROOT, build, free_port, program, running  # noqa: E402

#: loadgen's own share that issue 5 allows, above bare hyper.
GOAL = 1_500


def bare_client():
    """Builds the bare client, and says where it is."""
    command = ["cargo", "build", "--profile", "profiling", "--bench", "bare", "--message-format", "json"]
    said = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    for message in map(json.loads, said.splitlines()):
        if message.get("executable") and message["target"]["name"] == "bare":
            return message["executable"]
    sys.exit("cargo does not say where it put the bare client")


def instructions(file):
    """Instructions of one thread, by function: (place, function) -> count, each its own."""
    names, counts = {}, collections.Counter()

    def name(kind, text):
        # A name is written out once, with a number that stands for it from then on.
        number, _, said = text.partition(" ")
        if said:
            names[kind, number] = said
        return names.get((kind, number), text)

    place = function = inlined = ""
    calls = False
    for line in file.open():
        key, _, value = line.rstrip("\n").partition("=")
        if key == "fl":
            place = inlined = name("file", value)
        elif key in ("fi", "fe"):
            inlined = name("file", value)
        elif key == "fn":
            function, inlined = name("function", value), place
        elif key == "cfn":
            name("function", value)
        elif key in ("cfi", "cfl"):
            name("file", value)
        elif key == "calls":
            calls = True
        elif line[:1] in "+-*0123456789" and len(parts := line.split()) == 2:
            # The line after a call says what the callee took, which is not this function's own.
            if not calls:
                counts[inlined, function] += int(parts[1])
            calls = False
    return counts


def threads(command, folder, workers):
    """Runs a program under callgrind: the counts of the threads that make the requests, in which hyper is at work, added up;
    and of each other thread, its children's too."""
    folder.mkdir()
    tool = ["valgrind", "--tool=callgrind", "--trace-children=yes", "--separate-threads=yes", f"--callgrind-out-file={folder}/%p.out"]
    done = subprocess.run([*tool, *command], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ends with {done.returncode}: {done.stdout[-600:]}")
    counts = [instructions(file) for file in folder.glob("*.out-*")]
    in_hyper = lambda thread: sum(count for (place, _), count in thread.items() if crate(place) == "hyper")
    counts = sorted(filter(None, counts), key=in_hyper, reverse=True)
    ours, others = counts[:workers], counts[workers:]
    if len(ours) < workers or not all(map(in_hyper, ours)):
        sys.exit(f"fewer than {workers} threads of `{' '.join(command)}` made requests, or callgrind could not write down what it saw")
    return sum(ours, collections.Counter()), others


def cost(name, command, requests, folder, workers):
    """Instructions per request of the threads that make them, by function, and what all others took in the second run."""
    (short, _), (long, others) = (threads(command(n), folder / f"{name}-{n}", workers) for n in (requests, 3 * requests))
    worker = collections.Counter(long)
    worker.subtract(short)
    return {key: count / (2 * requests) for key, count in worker.items()}, sum(thread.total() for thread in others)


def crate(place):
    """The crate that a source file belongs to, and of loadgen the room."""
    if found := re.search(r"registry/src/[^/]+/([^/]+?)-\d[^/]*/", place):
        return found[1]
    if found := re.search(r"/library/(core|alloc|std)/", place):
        return found[1]
    if found := re.search(r"(?:^|/)src/(\w+)/(\w+)", place):
        return f"loadgen {found[1]}/{found[2]}"
    return "bare.rs" if place.endswith("bare.rs") else "the C library"


def owner(place, function):
    """The crate, and of loadgen the room, of the function that the code was compiled into."""
    names = re.findall(r"[A-Za-z_]\w*(?:::\w+)*", function)
    path = next((name.split("::") for name in names if "::" in name), None)
    if place.endswith("bare.rs") or not path:
        return crate(place)
    if path[0] == "loadgen":
        return f"loadgen {'/'.join(path[1:3])}"
    # The compiler's own name for the allocator.
    return "alloc" if path[0] == "__rustc" else path[0].replace("_", "-")


def breakdown(worker, top):
    written, compiled, functions = (collections.Counter() for _ in range(3))
    for (place, function), count in worker.items():
        written[crate(place)] += count
        compiled[owner(place, function)] += count
        functions[crate(place), function] += count
    print("\nthe worker, by crate and room: where the code was written, and which functions it was inlined into")
    for key in sorted(written | compiled, key=lambda key: -max(written[key], compiled[key])):
        if max(written[key], compiled[key]) >= 10:
            print(f"{written[key]:10,.0f} {compiled[key]:10,.0f}  {key}")
    if top:
        print("\nby function, without what it calls, and where its code was written:")
        for (place, function), count in functions.most_common(top):
            print(f"{count:10,.0f}  {place}: {function[:130]}")


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--loadgen", default=str(ROOT / "target/profiling/loadgen"))
    p.add_argument("--bare", help="the bare client, where it is built already")
    p.add_argument("--requests", type=int, default=20_000)
    p.add_argument("--connections", type=int, default=50)
    p.add_argument("--mode", default="async")
    p.add_argument("--workers", type=int, default=1, help="threads that make loadgen's requests: whether a request costs more with several")
    p.add_argument("--scenario", type=pathlib.Path, default=HERE / "peers/static.yaml", help="another one; its iterations are counted")
    p.add_argument("--body", default="13", help="what the target answers: so many bytes, or a file")
    p.add_argument("--only", choices=["loadgen", "bare"], help="not beside the other")
    p.add_argument("--top", type=int, default=0, help="so many functions of the worker")
    p.add_argument("--keep", type=pathlib.Path, help="a new folder for callgrind's files")
    p.add_argument("--fail", action="store_true", help=f"exit with 1 where loadgen's own share is above {GOAL:,}")
    a = p.parse_args()
    loadgen = program(a.loadgen)
    bare = None if a.only == "loadgen" else program(a.bare or bare_client())
    with tempfile.TemporaryDirectory(prefix="profile-") as tmp:
        folder = a.keep.absolute() if a.keep else pathlib.Path(tmp) / "callgrind"
        folder.mkdir(parents=True)
        port = free_port()

        def ours(requests):
            load = ["--target", f"http://127.0.0.1:{port}", "-u", str(a.connections), "-i", str(requests), "-d", "1h", "--mode", a.mode]
            return [loadgen, "run", str(a.scenario.absolute()), *load, "--workers", str(a.workers), "--no-progress", "-o", str(folder / f"out-{requests}")]

        theirs = lambda requests: [bare, f"127.0.0.1:{port}", str(a.connections), str(requests)]
        costs = {}
        with running([build("target", pathlib.Path(tmp)), str(port), a.body], port):
            for name, command in [("bare", theirs), ("loadgen", ours)]:
                if a.only in (None, name):
                    costs[name] = cost(name, command, a.requests, folder, a.workers if name == "loadgen" else 1)
        for file in folder.glob("out-*/result.json"):
            run = json.loads(file.read_text())["runs"][0]
            if run["failed"] or run["iterations"]["ok"] != int(file.parent.name.removeprefix("out-")):
                sys.exit(f"loadgen: of {run['started']} requests {run['failed']} failed, and {run['iterations']['ok']} iterations ended well")
    print(f"{a.connections} connections, {a.requests:,} and {3 * a.requests:,} requests; user-mode instructions per request")
    for name, (worker, others) in costs.items():
        print(f"{name:10} {sum(worker.values()):8,.0f}   (all other threads together: {others / 1e6:,.0f} million, by the clock)")
    missed = False
    if len(costs) == 2:
        own = sum(costs["loadgen"][0].values()) - sum(costs["bare"][0].values())
        missed = own > GOAL
        print(f"loadgen's own share: {own:,.0f}, of at most {GOAL:,}: {'missed' if missed else 'met'}")
    breakdown(costs.get("loadgen", costs.get("bare"))[0], a.top)
    sys.exit(1 if missed and a.fail else 0)


main()
