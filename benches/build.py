#!/usr/bin/env python3
"""How long a build takes: from nothing, and after a change of one file.

    build.py [--profile release] [--against COMMIT] [--keep FOLDER]

A cold build starts with an empty target folder and with every dependency downloaded, so that only compiling counts. Then
a text in one file of the report is changed, and the build is repeated: what someone waits for who changes a line there.
The file gets its text back. Wall time depends on the machine and its load; `user` is the processor time of all compilers together, which
hardly does.

With `--against` the same is done with another commit, in a worktree of its own and right before, because the speed of a
shared machine drifts within an hour: compare the two, never with figures of another day. A build takes minutes, and
both target folders about 2 GB. Nothing is sent anywhere: cargo works offline.
"""
import argparse
import contextlib
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

from common import ROOT

#: The file that is changed, and the change.
CHANGED, BEFORE, AFTER = "src/report/terminal.rs", "and {} more, in the report", "and {} more: see the report"
#: Goals: a cold build relative to the commit before the profiles were split, and seconds after a change.
COLD_SHARE, REBUILD_S = 0.5, 45


def build(tree, target, profile):
    """Seconds on the clock, and of processor time."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    command = ["cargo", "build", "--quiet", "--locked", "--offline", "--profile", profile, "--bin", "loadgen"]
    # Settings of the user's own would measure another build.
    env = {name: value for name, value in os.environ.items() if not name.startswith("CARGO_PROFILE_")}
    subprocess.run(command, cwd=tree, env=env | {"CARGO_TARGET_DIR": str(target)}, check=True)
    wall, after = time.monotonic() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall, after.ru_utime - before.ru_utime


@contextlib.contextmanager
def worktree(commit, folder):
    """Another commit's files, until the block ends."""
    path = folder / "against"
    git = ["git", "-C", str(ROOT), "worktree"]
    subprocess.run([*git, "add", "--quiet", "--detach", str(path), commit], check=True)
    try:
        yield path
    finally:
        subprocess.run([*git, "remove", "--force", str(path)], check=True)


@contextlib.contextmanager
def changed(path):
    """Changes a text in a file, until the block ends."""
    text = path.read_text()
    if BEFORE not in text:
        sys.exit(f"{path} has no text `{BEFORE}` to change")
    path.write_text(text.replace(BEFORE, AFTER))
    try:
        yield
    finally:
        path.write_text(text)


def measure(name, tree, target, a):
    """A cold build and one after a change; the seconds of both."""
    cold = build(tree, target, a.profile)
    with changed(tree / CHANGED):
        again = build(tree, target, a.profile)
    for what, (wall, user) in [("cold", cold), (f"after a change of {CHANGED}", again)]:
        print(f"{name:12} {what:40} {wall:7.1f} s on the clock, {user:7.1f} s of processor time", flush=True)
    size = (target / ("debug" if a.profile == "dev" else a.profile) / "loadgen").stat().st_size
    print(f"{name:12} {'the program':40} {size / 1e6:7.1f} MB", flush=True)
    return cold[0], again[0]


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--profile", default="release")
    p.add_argument("--against", help="a commit to build first, in the same way")
    p.add_argument("--keep", type=pathlib.Path, help="a new folder for the target folders, which are removed otherwise")
    a = p.parse_args()
    subprocess.run(["cargo", "fetch", "--quiet", "--locked"], cwd=ROOT, check=True)
    with tempfile.TemporaryDirectory(prefix="build-") as tmp:
        folder = a.keep.absolute() if a.keep else pathlib.Path(tmp)
        folder.mkdir(parents=True, exist_ok=True)
        before = None
        if a.against:
            with worktree(a.against, pathlib.Path(tmp)) as tree:
                before = measure(a.against[:12], tree, folder / "target-against", a)
        cold, again = measure("this tree", ROOT, folder / "target", a)
    if before:
        print(f"cold: {cold / before[0]:.2f} of {a.against[:12]} (goal: {COLD_SHARE})")
    print(f"after a change: {again:.0f} s (goal: {REBUILD_S})")


if __name__ == "__main__":
    main()
