#!/usr/bin/env python3
"""What a unary call of gRPC costs beside the same exchange by an HTTP/2 POST, in instructions.

    grpc.py [--calls 1000] [--loadgen target/profiling/loadgen]

Both send the same bytes to the built-in service and read its answer: one as a `grpc` step with a message, the other as a `post`
with the message written out. loadgen runs under callgrind for N calls and for 3 N, and the difference is what calls take,
without the start of the program. Needs valgrind, and a build with `cargo build --profile profiling`. All traffic goes to 127.0.0.1.
"""
import argparse
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))
from common import ROOT, free_port, program, running  # noqa: E402

SCENARIO = """
name: cost
modes: [async]
workers: 1
targets:
  echo: {{ url: "{scheme}://127.0.0.1:{port}", {options} }}
mix: [ {{ flow: [ {step} ] }} ]
load: {{ vus: 1, iterations: {calls} }}
report: {{ formats: [] }}
"""
#: A text of nine bytes: once as a message, and once as the bytes that it becomes.
STEPS = {
    "constant": ('{{ text: "call 1234" }}', r"\0\0\0\0\v\n\tcall 1234"),
    "inserted": ('{{ text: "call {value}" }}', r"\0\0\0\0\v\n\tcall {value}"),
}
VALUE = "{{random_int(1000, 9999)}}"


def instructions(loadgen, folder, text):
    """What the thread executed that runs the event loop."""
    (folder / "cost.yaml").write_text(text)
    for old in folder.glob("out*"):
        old.unlink()
    tool = ["valgrind", "--tool=callgrind", "--separate-threads=yes", "--trace-children=yes", f"--callgrind-out-file={folder}/out%p"]
    done = subprocess.run([*tool, loadgen, "run", "cost.yaml", "--no-progress", "-o", "report"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if done.returncode:
        sys.exit(f"loadgen ends with {done.returncode}: {done.stdout[-600:]}")
    threads = [file.read_text() for file in folder.glob("out*-*")]
    worker = max(threads, key=lambda thread: thread.count("event_loop"))
    return int(re.search(r"^totals: (\d+)", worker, re.M)[1])


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--loadgen", default=str(ROOT / "target/profiling/loadgen"))
    p.add_argument("--calls", type=int, default=1_000)
    a = p.parse_args()
    loadgen = program(a.loadgen)
    with tempfile.TemporaryDirectory(prefix="grpc-") as tmp:
        folder, port = pathlib.Path(tmp), free_port()
        shutil.copy(ROOT / "scenarios/protos/echo.proto", folder)
        proto = ROOT / "scenarios/protos/echo.proto"

        def cost(scheme, options, step):
            text = lambda calls: SCENARIO.format(scheme=scheme, port=port, options=options, step=step, calls=calls)
            short, long = (instructions(loadgen, folder, text(calls)) for calls in (a.calls, 3 * a.calls))
            return (long - short) / (2 * a.calls)

        with running([loadgen, "serve", "--listen", f"127.0.0.1:{port}"], port):
            for kind, (message, body) in STEPS.items():
                message, body = message.format(value=VALUE), body.replace("{value}", VALUE)
                call = cost("grpc", "grpc: { proto: [echo.proto] }", f"{{ grpc: loadgen.Echo/Say, message: {message} }}")
                headers = "headers: { content-type: application/grpc, te: trailers }"
                post = cost("http", "http: { protocol: http2 }", f'{{ post: /loadgen.Echo/Say, {headers}, body: "{body}" }}')
                print(f"{kind:10} call {call:9,.0f}   POST {post:9,.0f}   ratio {call / post:.3f}")


main()
