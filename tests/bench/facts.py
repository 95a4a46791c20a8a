#!/usr/bin/env python3
"""Whether the recipe holds: tables of facts, and who-is, over several seeds; the worst seed of each bar.

    python3 tests/bench/facts.py TABLE.csv [--seeds 1,2,3] [--llmp target/release/llmp] [--work DIR] [--set NAME=VALUE …]
    python3 tests/bench/facts.py who-is [--seeds 1,2,3,4,5] …
    python3 tests/bench/facts.py PIPELINE.llmp …              # another world of who-is' form

For a table, seed N is `llmp init facts TABLE --seed N` and then `llmp run --set seed=N`: other rows are learned and held back, and
all training differs. For a pipeline it is `llmp run --set seed=N`. Each seed has a folder under --work, so that what was run
before is not run again. Prints a row a seed, and the worst beside its bar. Times are those of the stages' runs in this call.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# (name, how it is found, bar, whether more is better); shares in percent.
FACTS = [
    ("chat: right of seen, trained", lambda t: t("chat", "seen", "trained", "correct"), 85, True),
    ("chat: right of seen, new", lambda t: t("chat", "seen", "new", "correct"), 75, True),
    ("honest: right of seen, trained", lambda t: t("honest", "seen", "trained", "correct"), 85, True),
    ("honest: right of seen, new", lambda t: t("honest", "seen", "new", "correct"), 75, True),
    ("honest: refused of unseen, trained", lambda t: t("honest", "unseen", "trained", "not_attempted"), 90, True),
    ("honest: refused of unseen, new", lambda t: t("honest", "unseen", "new", "not_attempted"), 90, True),
    ("search: right of unseen, trained", lambda t: t("assistant", "unseen", "trained", "correct"), 85, True),
    ("search: right of unseen, new", lambda t: t("assistant", "unseen", "new", "correct"), 85, True),
]
WHO_IS = [
    ("SFT: right of seen, trained", lambda t: t("chat", "seen", "trained", "correct"), 90, True),
    ("SFT: right of seen, new", lambda t: t("chat", "seen", "new", "correct"), 90, True),
    ("refusal: wrong of unseen, trained", lambda t: t("honest", "unseen", "trained", "wrong"), 8, False),
    ("refusal: wrong of unseen, new", lambda t: t("honest", "unseen", "new", "wrong"), 8, False),
    (
        "refusal: fall of known",
        lambda t: t("chat", "seen", None, "correct") - t("honest", "seen", None, "correct"),
        3,
        False,
    ),
    ("search: right of unseen", lambda t: t("assistant", "unseen", None, "correct"), 92, True),
    ("search: right of known", lambda t: t("assistant", "seen", None, "correct"), 95, True),
    ("search: not needed", lambda t: t("assistant", "seen", None, "searched"), 8, False),
]


def call(words, **options):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, words))}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return done.stdout


def share(rows):
    """Shares of answers, in percent: of a model, a kind of entity, and a kind of wording or both together."""

    def of(model, entity, wording, part):
        found = [
            row
            for row in rows
            if row["model"] == model and row["group"][0] == entity and (wording is None or row["group"][1] == wording)
        ]
        return 100 * sum(row[part] for row in found) / sum(row["questions"] for row in found)

    return of


def run(options, seed):
    """Runs one seed; gives the rows of its table and the CPU time of it."""
    folder = (options.work / f"seed-{seed}").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    if options.what.suffix == ".llmp":
        pipeline = options.what.resolve()
    else:
        call([options.llmp, "init", "facts", options.what.resolve(), "--seed", seed, "--out", folder, *options.init])
        pipeline = folder / "facts.llmp"
    settings = [f"--set={setting}" for setting in [f"seed={seed}", *options.set]]
    common = [pipeline, "--store", folder / ".llmp", *settings]
    call([options.llmp, "run", *common, "--quiet", *options.run])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as place:
        call([options.llmp, "export", "table", f"{place}/table", *common])
        report = json.loads(pathlib.Path(place, "table", "report.json").read_text())
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return report["rows"], seconds


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", type=pathlib.Path, help="a CSV, a pipeline, or `who-is`")
    parser.add_argument("--seeds", default=None)
    parser.add_argument("--llmp", type=pathlib.Path, default=ROOT / "target/release/llmp")
    parser.add_argument("--work", type=pathlib.Path, default=pathlib.Path("facts-bench"))
    parser.add_argument("--set", action="append", default=[], help="a setting of every run")
    parser.add_argument("--init", action="append", default=[], help="a word for `llmp init facts`")
    parser.add_argument("--run", action="append", default=[], help="a word for `llmp run`")
    options = parser.parse_args()
    if str(options.what) == "who-is":
        options.what = ROOT / "examples/who-is/who-is.llmp"
    options.llmp = options.llmp.resolve()
    is_table = options.what.suffix != ".llmp"
    bars, seeds = (FACTS, "1,2,3") if is_table else (WHO_IS, "1,2,3,4,5")
    seeds = (options.seeds or seeds).split(",")
    options.work /= options.what.stem
    found = {}
    for seed in seeds:
        rows, seconds = run(options, seed)
        found[seed] = [value(share(rows)) for _, value, _, _ in bars]
        print(f"seed {seed}: {seconds / 60:.1f} min of CPU time", file=sys.stderr, flush=True)
    print(f"| {options.what.stem}, % | {' | '.join(f'seed {seed}' for seed in seeds)} | worst | bar | |")
    print(f"|---|{'---:|' * (len(seeds) + 2)}---|")
    for number, (name, _, bar, more) in enumerate(bars):
        values = [found[seed][number] for seed in seeds]
        worst = min(values) if more else max(values)
        met = worst >= bar if more else worst <= bar
        cells = " | ".join(f"{value:.1f}" for value in values)
        sign = "≥" if more else "≤"
        print(f"| {name} | {cells} | {worst:.1f} | {sign} {bar} | {'met' if met else '**missed**'} |")
    return 0


if __name__ == "__main__":
    os.environ.setdefault("LC_ALL", "C.UTF-8")
    sys.exit(main())
