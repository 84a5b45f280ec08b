#!/usr/bin/env python3
"""Atomic read-modify-writes per request, counted: what cores could contend for.

    atomics.py [--requests 3000] [--connections 50] [--client hyper|lean] [--scenario FILE] [--body FILE]

Runs loadgen under `valgrind --tool=callgrind --dump-instr=yes` for N and for 3 N requests, as profile.py does, and looks up
which of the executed instructions are locked (`lock …`, and `xchg` with memory): Rust writes memory that several threads
may write in no other way, except by plain atomic stores. Printed is how often each function executed them per request, in
the thread that makes the requests. It depends on the object whether another core ever writes it: the list says where to
look, and benches/README.md what was found.

Build loadgen with `cargo build --profile profiling`. Needs valgrind, objdump and a C compiler. All traffic goes to 127.0.0.1.
"""
import argparse
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from common import HERE, ROOT, build, free_port, program, running  # noqa: E402

#: Instructions that lock a cache line: with a prefix, or by themselves if they exchange with memory.
LOCKED = re.compile(r"^\s*([0-9a-f]+):\s+(?:lock .*|xchg\s.*\(.*)$")


def locked(binary):
    """The addresses of all locked instructions of a program or library."""
    code = subprocess.run(["objdump", "-d", "--no-show-raw-insn", binary], check=True, stdout=subprocess.PIPE, text=True).stdout
    return {int(found[1], 16) for line in code.splitlines() if (found := LOCKED.match(line))}


def executed(file):
    """How often each instruction of a thread was executed: (binary, address) -> (count, function)."""
    names, counts, functions = {}, collections.Counter(), {}

    def name(kind, text):
        number, _, said = text.partition(" ")
        if said:
            names[kind, number] = said
        return names.get((kind, number), text)

    binary = function = ""
    calls = False
    for line in file.open():
        key, _, value = line.rstrip("\n").partition("=")
        if key == "ob":
            binary = name("object", value)
        elif key == "fn":
            function = name("function", value)
        elif key == "cfn":
            name("function", value)
        elif key == "cob":
            name("object", value)
        elif key == "calls":
            calls = True
        elif line.startswith("0x"):
            address, _, count = line.split()
            # The line after a call says what the callee took.
            if not calls:
                counts[binary, int(address, 16)] += int(count)
                functions[binary, int(address, 16)] = function
            calls = False
    return counts, functions


def worker(command, folder, environment):
    """The instructions of the thread that ran the event loop."""
    folder.mkdir()
    tool = ["valgrind", "--tool=callgrind", "--dump-instr=yes", "--compress-pos=no", "--trace-children=yes", "--separate-threads=yes"]
    done = subprocess.run([*tool, f"--callgrind-out-file={folder}/%p.out", *command], cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ends with {done.returncode}: {done.stdout[-600:]}")
    in_loop = lambda thread: sum(count for key, count in thread[0].items() if "event_loop" in thread[1][key])
    return max((executed(file) for file in folder.glob("*.out-*")), key=in_loop)


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--loadgen", default=str(ROOT / "target/profiling/loadgen"))
    p.add_argument("--requests", type=int, default=3_000)
    p.add_argument("--connections", type=int, default=50)
    p.add_argument("--client", choices=["hyper", "lean"], default="hyper")
    p.add_argument("--scenario", type=pathlib.Path, default=HERE / "peers/static.yaml", help="another one; its iterations are counted")
    p.add_argument("--body", default="13", help="what the target answers: so many bytes, or a file")
    a = p.parse_args()
    loadgen = program(a.loadgen)
    with tempfile.TemporaryDirectory(prefix="atomics-") as tmp:
        folder, port = pathlib.Path(tmp), free_port()

        def run(requests):
            load = ["--target", f"http://127.0.0.1:{port}", "-u", str(a.connections), "-i", str(requests), "-d", "1h", "--workers", "1"]
            command = [loadgen, "run", str(a.scenario.absolute()), *load, "--mode", "async", "--no-progress", "-o", str(folder / f"report-{requests}")]
            return worker(command, folder / str(requests), {**os.environ, "LOADGEN_HTTP_CLIENT": a.client})

        with running([build("target", folder), str(port), a.body], port):
            (short, _), (long, functions) = run(a.requests), run(3 * a.requests)
    long.subtract(short)
    addresses = {binary: locked(binary) for binary in {binary for binary, _ in long} if pathlib.Path(binary).is_file()}
    by_function = collections.Counter()
    for (binary, address), count in long.items():
        if address in addresses.get(binary, ()):
            by_function[functions[binary, address]] += count / (2 * a.requests)
    print(f"{a.client}, {a.connections} connections: {by_function.total():.2f} locked instructions per iteration")
    for function, count in by_function.most_common():
        if count >= 0.005:
            print(f"{count:8.2f}  {function[:150]}")


main()
