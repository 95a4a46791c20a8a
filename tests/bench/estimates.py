#!/usr/bin/env python3
"""Estimates beside measured times, for all stages of all examples.

    python3 tests/bench/estimates.py [--llmp target/release/llmp] [--profile smoke] [--wall] [PIPELINE …]

Plans each pipeline in an empty store, runs it stage by stage, and prints what the plan said of each stage, what it took, and the
factor between them. Then plans once more with everything forced, which is what a user sees who has run before.

Both are CPU seconds, so that other programs on the machine do not count: the plan's wall-clock seconds, which allow for the load of
the last minute, are turned back into those of cores, and each stage runs by itself. With `--wall` seconds are those of the plan and of
the run as a user sees them; the machine has to be idle then. Without PIPELINE, all examples that have their data and templates.
Needs nothing but Python.
"""

import argparse
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORES = len(os.sched_getaffinity(0))
# Stages that train or write use all cores; the others one for each shard.
TENSORS = ("pretrain", "sft", "refusal", "tool_use", "knowledge.probe", "eval.factuality")


def json_of(llmp, *words, fine=(0, 2)):
    done = subprocess.run([llmp, *words], capture_output=True, text=True, check=False)
    if done.returncode not in fine:
        raise SystemExit(done.stdout + done.stderr)
    return done.stdout


def cpu_of(llmp, *words):
    """CPU seconds of a command that must succeed, and the seconds of the stages that it ran."""
    with tempfile.TemporaryFile("w+") as out:
        child = subprocess.Popen([llmp, *words], stdout=out, stderr=subprocess.DEVNULL)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise SystemExit(f"{words} failed")
        out.seek(0)
        events = [json.loads(line) for line in out]
    took = {event["stage"]: event["seconds"] for event in events if event["event"] == "stage_finished"}
    return used.ru_utime + used.ru_stime, took


def of_cores(estimate, kind, load):
    """Wall-clock seconds that allow for the load as seconds of a core."""
    threads = CORES if kind.startswith(TENSORS) else 1
    return estimate * threads * min(1, CORES / (threads + load))


def measure(llmp, pipeline, profile, wall):
    with tempfile.TemporaryDirectory() as work:
        # A copy: templates name what lies beside them.
        folder = pathlib.Path(work) / "pipeline"
        shutil.copytree(pipeline.parent, folder, ignore=shutil.ignore_patterns(".llmp"))
        common = [str(folder / pipeline.name), "--store", str(pathlib.Path(work) / "store")]
        if profile and f"profile {profile}" in pipeline.read_text():
            common += ["--profile", profile]
        began = time.monotonic()
        plan = json.loads(json_of(llmp, "plan", *common, "--json"))
        planned = time.monotonic() - began
        load = os.getloadavg()[0]
        took = {}
        if wall:
            took = cpu_of(llmp, "run", *common, "--format", "json")[1]
        else:
            # What the program takes to find out that nothing is left.
            idle = None
            for stage in plan["stages"]:
                words = ["run", *common, "--format", "json", "--to", stage["name"]]
                cpu, _ = cpu_of(llmp, *words)
                idle = min(cpu_of(llmp, *words)[0] for _ in range(2)) if idle is None else idle
                took[stage["name"]] = max(cpu - idle, 0.0)
        again = json.loads(json_of(llmp, "plan", *common, "--json"))
        print(f"\n### {pipeline.relative_to(ROOT)}{' --profile ' + profile if '--profile' in common else ''}\n")
        print("| stage | kind | first plan | measured | factor | basis |\n|---|---|---:|---:|---:|---|")
        total, foretold, unknown, worst = 0.0, 0.0, 0, (1.0, "")
        for stage in plan["stages"]:
            name, measured = stage["name"], took.get(stage["name"], 0.0)
            total += measured
            estimate = (stage.get("estimate") or {}).get("seconds")
            basis = (stage.get("estimate") or {}).get("basis", "")
            if estimate is None:
                unknown += 1
                print(f"| {name} | {stage['stage']} | – | {measured:.2f} s | | |")
                continue
            if not wall:
                estimate = of_cores(estimate, stage["stage"], load)
            foretold += estimate
            factor = max(estimate, 0.05) / max(measured, 0.05)
            if max(measured, estimate) > 1.0:
                worst = max(worst, (max(factor, 1 / factor), name))
            print(f"| {name} | {stage['stage']} | {estimate:.2f} s | {measured:.2f} s | {factor:.2f} | {basis} |")
        cached = sum(stage["action"] == "cached" for stage in again["stages"])
        print(f"\n{foretold:.1f} s foretold, {total:.1f} s taken{'' if wall else ' of CPU'}; {unknown} stages of unknown time; the plan "
              f"took {planned * 1e3:.0f} ms; {cached} of {len(again['stages'])} stages cached afterwards. Worst of stages above 1 s: "
              f"{worst[0]:.2f} {worst[1]}", flush=True)


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--llmp", default=str(ROOT / "target/release/llmp"))
    arguments.add_argument("--profile", default="")
    arguments.add_argument("--wall", action="store_true")
    arguments.add_argument("pipelines", nargs="*", type=pathlib.Path)
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as caches:
        # The machine is measured as the first run on it would.
        os.environ["XDG_CACHE_HOME"] = caches
        print(json_of(chosen.llmp, "calibrate", "--seconds", "0.05"))
        measure_all(chosen)


def measure_all(chosen):
    examples = sorted([*ROOT.glob("examples/*/*.llmp"), *ROOT.glob("examples/templates/*.llmp")])
    for pipeline in [path.resolve() for path in chosen.pipelines] or dict.fromkeys(examples):
        try:
            measure(chosen.llmp, pipeline, chosen.profile, chosen.wall)
        except SystemExit as why:
            print(f"\n### {pipeline.relative_to(ROOT)}: {str(why).strip().splitlines()[0] if str(why).strip() else 'failed'}")


if __name__ == "__main__":
    main()
