#!/usr/bin/env python3
"""Compares the CPU time of stages in two programs, an older and a newer `llmp`.

FOLDER holds what is read: `html/` with pages, `warc/` with WARC files, `docs/` with documents, and `hosts.txt`, a list for
`filter.urls`. The pipelines are valid for both programs. What comes before a stage is made first; then the stage alone is made
anew, the programs taking turns. CPU is user and system time of the whole program, so it includes its start, which is the row
`nothing to do`. The least of the rounds counts.

    python3 tests/bench/stages.py BEFORE AFTER FOLDER --rounds 3
"""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

PAGES = 'pages = crawl.html("html/*.html")\n'
ARCHIVE = 'pages = crawl.warc("warc/*")\n'
DOCS = 'docs = crawl.docs("docs/*.jsonl")\n'
URLS = 'kept = filter.urls(pages) { block = [adult, gambling]%s }\n'
LIST = ', hosts_file = "hosts.txt"'

# What is measured, the program's text, and the stage that is made anew.
STAGES = [
    ("extract.text, pages", PAGES + "docs = extract.text(pages)\n", "docs"),
    ("extract.text, WARC", ARCHIVE + "docs = extract.text(pages)\n", "docs"),
    ("filter.pii, default", DOCS + "masked = filter.pii(docs)\n", "masked"),
    ("filter.pii, all kinds", DOCS + "masked = filter.pii(docs) { mask = [email, ip, phone, address, card, iban] }\n", "masked"),
    ("filter.urls, words", PAGES + URLS % "", "kept"),
    ("filter.urls, list", PAGES + URLS % LIST, "kept"),
    ("crawl.docs", DOCS, "docs"),
]


def run(program, pipeline, store, *arguments):
    """Runs a pipeline; its CPU seconds."""
    command = [program, "run", pipeline.name, "--jobs", "1", "--store", store, *arguments]
    process = subprocess.Popen(command, cwd=pipeline.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    said = process.stdout.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{program} {pipeline.name}:\n{said}")
    return usage.ru_utime + usage.ru_stime


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("before", type=Path)
    parser.add_argument("after", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", default="", help="the stages whose name holds this")
    arguments = parser.parse_args()
    programs = {"before": arguments.before.resolve(), "after": arguments.after.resolve()}
    with tempfile.TemporaryDirectory(prefix="llmp-stages-") as work:
        work = Path(work)
        for name in ("html", "warc", "docs", "hosts.txt"):
            (work / name).symlink_to(arguments.folder.resolve() / name)
        print("| stage | before, CPU s | after, CPU s | after / before |\n|---|---:|---:|---:|", flush=True)
        for number, (name, text, stage) in enumerate([*STAGES, ("nothing to do", DOCS, None)]):
            if arguments.only not in name:
                continue
            pipeline = work / f"{number}.llmp"
            pipeline.write_text(text)
            force = ["--force", stage] if stage else []
            took = {which: [] for which in programs}
            for which, program in programs.items():
                run(program, pipeline, work / which)
            for _ in range(arguments.rounds):
                for which, program in programs.items():
                    took[which].append(run(program, pipeline, work / which, *force))
            before, after = min(took["before"]), min(took["after"])
            print(f"| {name} | {before:.2f} | {after:.2f} | {after / before:.2f}× |", flush=True)


if __name__ == "__main__":
    main()
