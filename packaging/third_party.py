#!/usr/bin/env python3
"""Prints the licences of everything that a program for TARGET contains, with their texts.

    packaging/third_party.py x86_64-unknown-linux-musl

Reads the sources that cargo has fetched. A crate without a licence file of its own is listed by the
licence that its manifest names.
"""

import json
import pathlib
import subprocess
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
NAMES = ("licen", "copying", "notice", "copyright", "unlicense")


def packages(target):
    """Returns the packages that are linked into the program: no build scripts, macros or tests' own."""
    metadata = json.loads(subprocess.check_output(
        ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target], cwd=TOP))
    by_id = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    root = metadata["resolve"]["root"]
    seen, left = set(), [root]
    while left:
        here = left.pop()
        if here in seen or any("proc-macro" in t["kind"] for t in by_id[here]["targets"]):
            continue
        seen.add(here)
        left += [dep["pkg"] for dep in nodes[here]["deps"] if any(kind["kind"] is None for kind in dep["dep_kinds"])]
    return sorted((by_id[id] for id in seen - {root}), key=lambda package: (package["name"], package["version"]))


def texts(package):
    """Returns the licence files at the top of a package."""
    folder = pathlib.Path(package["manifest_path"]).parent
    files = (file for file in sorted(folder.iterdir()) if file.is_file() and file.name.lower().startswith(NAMES))
    return ["\n".join(line.rstrip() for line in file.read_text("utf-8", "replace").strip().splitlines())
            for file in files]


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: packaging/third_party.py TARGET")
    users = {}
    print("loadgen contains the following crates, besides Rust's standard library (MIT OR Apache-2.0) and,")
    print("where it is linked statically, musl (MIT). The texts of their licences follow the list.\n")
    for package in packages(sys.argv[1]):
        name = f"{package['name']} {package['version']}"
        found = texts(package)
        print(f"  {name}: {package['license']}{'' if found else ' (no licence file)'}")
        for text in found:
            users.setdefault(text, []).append(name)
    # The page and the charts carry glyphs of this font, whose crate tells only its own licence.
    fonts = (TOP / "src/report/chart/DEJAVU-LICENSE.txt").read_text("utf-8").strip()
    users[fonts] = ["DejaVu fonts"]
    for text, names in users.items():
        print(f"\n{'=' * 80}\n{', '.join(names)}\n{'-' * 80}\n{text}")


main()
