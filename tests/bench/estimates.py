#!/usr/bin/env python3
"""Estimates beside measured times, for all stages of all examples.

    python3 tests/bench/estimates.py [--llmp target/release/llmp] [--profile smoke] [PIPELINE …]

Plans each pipeline in an empty store, runs it, and prints a table: what the plan said of each stage and what it took, the factor
between them, and the same for the whole. Then plans once more with everything forced, which is what a user sees who has run
before. Without PIPELINE, all examples that have their data. Needs nothing but Python.
"""

import argparse
import json
import pathlib
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]


def json_of(llmp, *words, fine=(0, 2)):
    done = subprocess.run([llmp, *words], capture_output=True, text=True, check=False)
    if done.returncode not in fine:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout


def measure(llmp, pipeline, profile):
    with tempfile.TemporaryDirectory() as folder:
        common = [str(pipeline), "--store", folder]
        if profile and f"profile {profile}" in pipeline.read_text():
            common += ["--profile", profile]
        plan = json.loads(json_of(llmp, "plan", *common, "--json"))
        began = time.monotonic()
        events = json_of(llmp, "run", *common, "--format", "json", fine=(0,)).splitlines()
        wall = time.monotonic() - began
        took = {}
        for event in map(json.loads, events):
            if event["event"] == "stage_finished":
                took[event["stage"]] = event["seconds"]
        print(f"\n### {pipeline.relative_to(ROOT)}{' --profile ' + profile if profile else ''}\n")
        print("| stage | kind | estimate | measured | factor | basis |\n|---|---|---:|---:|---:|---|")
        total, known, worst = 0.0, 0.0, 1.0
        for stage in plan["stages"]:
            name, measured = stage["name"], took.get(stage["name"], 0.0)
            total += measured
            estimate = (stage.get("estimate") or {}).get("seconds")
            basis = (stage.get("estimate") or {}).get("basis", "")
            if estimate is None:
                print(f"| {name} | {stage['stage']} | – | {measured:.1f} s | | |")
                continue
            known += measured
            factor = max(estimate, 0.05) / max(measured, 0.05)
            worst = max(worst, factor, 1 / factor)
            print(f"| {name} | {stage['stage']} | {estimate:.1f} s | {measured:.1f} s | {factor:.2f} | {basis} |")
        totals = plan["totals"]
        print(f"\nKnown: {totals['seconds']:.1f} s foretold, {known:.1f} s taken. All: {total:.1f} s of work, {wall:.1f} s "
              f"wall clock, critical path {totals['critical_path']:.1f} s. {len(totals['unknown'])} stages of unknown time. "
              f"Worst factor {worst:.2f}.")


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--llmp", default=str(ROOT / "target/release/llmp"))
    arguments.add_argument("--profile", default="")
    arguments.add_argument("pipelines", nargs="*", type=pathlib.Path)
    chosen = arguments.parse_args()
    examples = [path for path in sorted(ROOT.glob("examples/*/*.llmp")) if path.parent.name != "templates"]
    for pipeline in [path.resolve() for path in chosen.pipelines] or examples:
        measure(chosen.llmp, pipeline, chosen.profile)


if __name__ == "__main__":
    main()
