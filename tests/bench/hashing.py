#!/usr/bin/env python3
"""Compares what it costs llmp and b3sum to hash 10,000 files of 4 KiB and one large file.

`llmp plan` reads the files of a stage that has never run: cold without its table of known files, warm with it. Files lie
in the page cache. CPU is user and system time; runs take turns, and the best of each counts.

    python3 tests/bench/hashing.py
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from engines import measure, output

B3SUM = "1.8.2"
PIPELINE = """\
stage my.count(from: Files) -> Report { run = ["true"] }
counts = my.count("data")
"""


def make(folder, small, gib):
    """Writes the files, old enough to be known by their times."""
    data = folder / "data"
    data.mkdir()
    random.seed(1)
    for number in range(small):
        (data / f"{number:05}").write_bytes(random.randbytes(4096))
    block = random.randbytes(16 << 20)
    with (data / "large").open("wb") as file:
        for number in range(gib * 64):
            file.write(number.to_bytes(8, "little") + block[8:])
    (folder / "main.llmp").write_text(PIPELINE)
    os.sync()
    time.sleep(3)


def main():
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llmp", type=Path, default=root / "target/release/llmp", help="the program to measure")
    parser.add_argument("--small", type=int, default=10_000, help="number of small files")
    parser.add_argument("--gib", default="1,2", help="GiB of the large file, with commas between sizes")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--tools", type=Path, help="where b3sum is kept")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="llmp-bench-") as work:
        work = Path(work)
        tools = (arguments.tools or work / "tools").resolve()
        b3sum = tools / "bin/b3sum"
        if not b3sum.exists():
            install = ["cargo", "install", "b3sum", "--version", B3SUM, "--locked", "--root", tools]
            subprocess.run(install, check=True, stdout=sys.stderr)
        llmp = arguments.llmp.resolve()
        print(f"llmp {output([llmp, '--version']).split()[-1]}, {output([b3sum, '--version']).strip()}; {os.cpu_count()} cores\n")
        print("| files | what | wall s | CPU s | CPU in b3sum's |\n|---|---|---:|---:|---:|")
        for gib in map(int, arguments.gib.split(",")):
            folder = work / f"{gib}"
            folder.mkdir()
            make(folder, arguments.small, gib)
            files = sorted(str(path.relative_to(folder)) for path in (folder / "data").iterdir())
            best = {}
            for _ in range(arguments.rounds):
                commands = {
                    "b3sum": [b3sum, *files],
                    "llmp, cold": [llmp, "plan", "main.llmp"],
                    "llmp, warm": [llmp, "plan", "main.llmp"],
                }
                for name, command in commands.items():
                    if name == "llmp, cold":
                        (folder / ".llmp/stat").unlink(missing_ok=True)
                    seconds = measure(command, folder, 600, codes=(0, 2))
                    best[name] = tuple(map(min, best.get(name, seconds), seconds))
            for name, (wall, cpu) in best.items():
                what = f"{arguments.small:,} × 4 KiB, {gib} GiB"
                print(f"| {what} | {name} | {wall:.3f} | {cpu:.3f} | {cpu / best['b3sum'][1]:.2f}× |", flush=True)
            shutil.rmtree(folder)


if __name__ == "__main__":
    main()
