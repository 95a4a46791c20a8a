#!/usr/bin/env python3
"""Compares what llmp, ninja, Snakemake and DVC cost to run pipelines of trivial command stages.

Every tool runs the same stages: one `sh` process that reads its inputs, adds them up and writes one line, and starts no
other program. Shapes: a chain; a fan-out of one root whose users are joined again in groups of 100; shards, which is one
sharded stage over many files for llmp and one step a file for the others. Events: everything runs, nothing to do (at once,
and later), the last stage's setting changed, the source changed.

CPU is the user and system time of the tool and of all processes below it. Tools take turns within a round, and the best
round counts. The last value is compared with the right one after every event. How to run it: README.md.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import venv
from dataclasses import dataclass
from pathlib import Path

PINNED = {"snakemake": "9.27.1", "dvc": "3.67.1"}
GROUP = 100
# The first such run may find work to do that later ones are spared; it happens once, and so does its measurement.
EVENTS = ["full run", "nothing to do, the first time", "nothing to do", "leaf changed", "root changed"]
ONCE = EVENTS[:2]
MODULUS = 1_000_003
# Arguments: the stage's number, the output, the inputs.
STAGE = f"""\
sum=$1 out=$2; shift 2
for file in "$@"; do read -r value < "$file"; sum=$(( (sum * 31 + value) % {MODULUS} )); done
echo $sum > "$out"
"""
# The same from what llmp gives: a file of settings, a folder for each input, a folder for the output, which has to be an
# artifact: here a conversation whose first message is the value.
LLMP_STAGE = f"""\
read -r settings < "$LLMP_SETTINGS"
sum=${{settings#*:}} sum=${{sum%?}}
IFS=:
for folder in $LLMP_INPUT_FROM; do
  for file in "$folder"/*; do
    read -r row < "$file"; value=${{row#*'"content":"'}}; sum=$(( (sum * 31 + ${{value%%'"'*}}) % {MODULUS} ))
  done
done
start='{{"messages":[{{"role":"user","content":"' end='"}},{{"role":"assistant","content":"!"}}]}}'
"""
LLMP_WHOLE = LLMP_STAGE + 'echo "$start$sum$end" > "$LLMP_OUTPUT/conversations.jsonl"\n'
# What all shards give has to be the same; what each gives is named after it.
LLMP_SHARD = LLMP_STAGE + 'echo "$start?$end" > "$LLMP_OUTPUT/conversations.jsonl"\necho $sum > "$LLMP_OUTPUT/${file##*/}"\n'


@dataclass
class Stage:
    """One stage: its name, its number, the stages it reads, and the file it reads where it is a root."""

    name: str
    number: int
    inputs: list[str]
    source: str = ""


def chain(size):
    """Each stage reads the one before."""
    return [Stage(f"s{i}", i, [f"s{i - 1}"] if i else [], "" if i else "source-0") for i in range(size)]


def fan_out(size):
    """One root, many users of it, joined in groups, and the groups once more."""
    groups = 0
    while size - 2 - groups > max(groups, 1) * GROUP:
        groups += 1
    users = [f"s{i}" for i in range(1, size - 1 - groups)]
    stages = [Stage("s0", 0, [], "source-0")]
    stages += [Stage(name, number, ["s0"]) for number, name in enumerate(users)]
    stages += [Stage(f"g{i}", i, users[i::groups]) for i in range(groups)]
    return stages + [Stage("last", 0, [f"g{i}" for i in range(groups)] or users)]


def shards(size):
    """As many roots, each with a file of its own."""
    return [Stage(f"s{i}", 0, [], f"source-{i}") for i in range(size)]


SHAPES = {"chain": chain, "fan-out": fan_out, "shards": shards}


def right_values(stages, sources):
    """What every stage has to write."""
    values = {}
    for stage in stages:
        total = stage.number
        for value in [values[name] for name in stage.inputs] or [sources[stage.source]]:
            total = (total * 31 + value) % MODULUS
        values[stage.name] = total
    return values


class Llmp:
    """Command stages that the user declares."""

    name = "llmp"

    def __init__(self, program):
        self.program = program

    def version(self):
        return output([self.program, "--version"]).split()[-1]

    def write(self, folder, stages, sharded):
        (folder / "stage.sh").write_text(LLMP_SHARD if sharded else LLMP_WHOLE)
        body = 'run = ["sh", "stage.sh"]\n  number: Int = 0\n'
        text = [f"stage my.root(from: Files) -> Conversations {{\n  {'per shard from' if sharded else ''}\n  {body}}}\n"]
        text += [f"stage my.step(from: [Conversations]) -> Conversations {{\n  {body}}}\n"]
        for stage in stages[:1] if sharded else stages:
            call = f"my.step([{', '.join(stage.inputs)}])" if stage.inputs else f'my.root("{stage.source}")'
            call = 'my.root("source-*")' if sharded else call
            text.append(f"{stage.name} = {call} {{ number = {stage.number} }}\n")
        (folder / "main.llmp").write_text("".join(text))

    def command(self):
        return [self.program, "run", "--quiet", "--jobs", str(os.cpu_count()), "main.llmp"]

    def value(self, folder, stage, sharded):
        (results,) = (folder / ".llmp/out").glob("main-*")
        if sharded:
            return int((results / "s0" / stage.source).read_text())
        row = json.loads((results / stage.name / "conversations.jsonl").read_text())
        return int(row["messages"][0]["content"])


class Ninja:
    """Debian's ninja."""

    name = "ninja"

    def version(self):
        return output(["ninja", "--version"]).strip()

    def write(self, folder, stages, sharded):
        (folder / "stage.sh").write_text(STAGE)
        text = ["rule stage\n  command = sh stage.sh $number $out $in\n"]
        for stage in stages:
            inputs = " ".join(stage.inputs) or stage.source
            text.append(f"build {stage.name}: stage {inputs}\n  number = {stage.number}\n")
        (folder / "build.ninja").write_text("".join(text))

    def command(self):
        return ["ninja", "--quiet", "-j", str(os.cpu_count())]

    def value(self, folder, stage, sharded):
        return int((folder / stage.name).read_text())


class Snakemake(Ninja):
    """Snakemake from PyPI."""

    name = "snakemake"

    def __init__(self, tools):
        self.program = tools / "bin/snakemake"

    def version(self):
        return PINNED["snakemake"]

    def write(self, folder, stages, sharded):
        (folder / "stage.sh").write_text(STAGE)
        wanted = [stage.name for stage in stages] if sharded else [stages[-1].name]
        text = [f"rule all:\n    input: {wanted!r}\n"]
        for stage in stages:
            text.append(
                f"rule {stage.name}:\n    input: {stage.inputs or [stage.source]!r}\n    output: {stage.name!r}\n"
                f"    params: number={stage.number}\n"
                '    shell: "sh stage.sh {params.number} {output} {input}"\n'
            )
        (folder / "Snakefile").write_text("".join(text))

    def command(self):
        return [self.program, "--cores", str(os.cpu_count()), "--quiet", "all"]


class Dvc(Ninja):
    """DVC from PyPI."""

    name = "dvc"

    def __init__(self, tools):
        self.program = tools / "bin/dvc"

    def version(self):
        return PINNED["dvc"]

    def write(self, folder, stages, sharded):
        (folder / "stage.sh").write_text(STAGE)
        if not (folder / ".dvc").exists():
            run = {"cwd": folder, "check": True, "env": environment()}
            subprocess.run([self.program, "init", "--no-scm", "--quiet"], **run)
            subprocess.run([self.program, "config", "core.analytics", "false"], **run)
        text = ["stages:\n"]
        for stage in stages:
            inputs = stage.inputs or [stage.source]
            text.append(
                f"  {stage.name}:\n    cmd: sh stage.sh {stage.number} {stage.name} {' '.join(inputs)}\n"
                f"    deps: [{', '.join(inputs)}]\n    outs: [{stage.name}]\n"
            )
        (folder / "dvc.yaml").write_text("".join(text))

    def command(self):
        return [self.program, "repro", "--quiet"]


def output(command):
    """What a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def environment():
    """The environment without what would move stores and caches about."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("LLMP_", "DVC_"))}
    return kept | {"DVC_NO_ANALYTICS": "1"}


def measure(command, folder, limit, codes=(0,)):
    """Wall and CPU seconds of a command with everything below it, or why there are none."""
    log = folder / "log"
    with log.open("wb") as out:
        start = time.monotonic()
        child = subprocess.Popen(
            command, cwd=folder, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=environment(), start_new_session=True
        )
        # The alarm ends the wait below; a poll would cost what is measured.
        signal.signal(signal.SIGALRM, lambda *_: os.killpg(child.pid, signal.SIGKILL))
        signal.setitimer(signal.ITIMER_REAL, limit)
        _, status, used = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
        signal.setitimer(signal.ITIMER_REAL, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if wall >= limit:
        return "over the limit"
    if child.returncode not in codes:
        print(f"{command} failed in {folder}:\n{log.read_text()[-2000:]}", file=sys.stderr)
        return "failed"
    return wall, used.ru_utime + used.ru_stime


def floor():
    """Wall and CPU seconds of starting the stage's program and waiting for it, without any tool."""
    with tempfile.TemporaryDirectory() as folder:
        script, source, out = (Path(folder) / name for name in ("stage.sh", "source", "out"))
        script.write_text(STAGE)
        source.write_text("1\n")
        arguments = ["sh", str(script), "1", str(out), str(source)]

        def turn():
            count, start, cpu = 200, time.monotonic(), sum(os.times()[:4])
            for _ in range(count):
                os.waitpid(os.posix_spawnp("sh", arguments, os.environ), 0)
            return (time.monotonic() - start) / count, (sum(os.times()[:4]) - cpu) / count

        turns = [turn() for _ in range(5)]
        return min(wall for wall, _ in turns), min(cpu for _, cpu in turns)


def events(tools, shape, size, rounds, limit, work):
    """Yields (event, tool, best (wall, CPU) or why there is none); a tool that was given up gets no more turns."""
    sharded = shape == "shards"
    stages = SHAPES[shape](size)
    sources = {stage.source: number for number, stage in enumerate(stages) if stage.source}
    given_up = {}
    folders = {tool.name: work / f"{tool.name}-{shape}-{size}" for tool in tools}
    for folder in folders.values():
        folder.mkdir(parents=True)
        for name, value in sources.items():
            (folder / name).write_text(f"{value}\n")
    for event in EVENTS:
        if sharded and event == "leaf changed":
            continue
        best = {}
        for turn in range(1 if event in ONCE else rounds):
            if event == "leaf changed":
                stages[-1].number += 1
            if event == "root changed":
                sources["source-0"] += size
            for tool in tools:
                if tool.name in given_up:
                    continue
                folder = folders[tool.name]
                if event in ("full run", "leaf changed"):
                    tool.write(folder, stages, sharded)
                if event == "root changed":
                    (folder / "source-0").write_text(f"{sources['source-0']}\n")
                seconds = measure(tool.command(), folder, limit)
                if isinstance(seconds, str):
                    given_up[tool.name] = seconds
                    continue
                value = tool.value(folder, stages[-1], sharded)
                right = right_values(stages, sources)[stages[-1].name]
                if value != right:
                    sys.exit(f"{tool.name} gave {value} instead of {right} for {shape} {size}, {event}")
                first = best.setdefault(tool.name, seconds)
                best[tool.name] = tuple(map(min, first, seconds))
        for tool in tools:
            yield event, tool.name, best.get(tool.name) or given_up[tool.name]
    for folder in folders.values():
        shutil.rmtree(folder)


def cell(seconds, ninja):
    """Wall, CPU, and CPU as a multiple of ninja's."""
    if isinstance(seconds, str):
        return seconds
    wall, cpu = seconds
    ratio = "" if not isinstance(ninja, tuple) or seconds is ninja else f" ({cpu / ninja[1]:.1f}×)"
    return f"{wall:.3f} / {cpu:.3f}{ratio}"


def install(folder):
    """A virtual environment with the peers at their pinned versions."""
    if not (folder / "bin/python").exists():
        venv.create(folder, with_pip=True)
    packages = [f"{name}=={version}" for name, version in PINNED.items()]
    subprocess.run([folder / "bin/pip", "install", "--quiet", *packages], check=True, stdout=sys.stderr)
    return folder


def main():
    root = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--llmp", type=Path, default=root / "target/release/llmp", help="the program to measure")
    parser.add_argument("--peers", default="ninja,snakemake,dvc", help="names with commas between them")
    parser.add_argument("--sizes", default="10,100,1000,10000", help="numbers of stages")
    parser.add_argument("--shapes", default="chain,fan-out", help="of chain, fan-out, shards")
    parser.add_argument("--rounds", type=int, default=3, help="turns each event but the full run gets")
    parser.add_argument("--limit", type=float, default=300, help="seconds after which a command is given up")
    parser.add_argument("--tools", type=Path, help="where the peers' virtual environment is kept")
    arguments = parser.parse_args()
    peers = [name for name in arguments.peers.split(",") if name]
    with tempfile.TemporaryDirectory(prefix="llmp-bench-") as work:
        work = Path(work)
        venv_folder = arguments.tools or work / "tools"
        if set(peers) & set(PINNED):
            install(venv_folder.resolve())
        known = {"ninja": Ninja, "snakemake": lambda: Snakemake(venv_folder), "dvc": lambda: Dvc(venv_folder)}
        tools = [Llmp(arguments.llmp.resolve())] + [known[name]() for name in peers]
        versions = ", ".join(f"{tool.name} {tool.version()}" for tool in tools)
        wall, cpu = floor()
        print(f"{versions}; {os.cpu_count()} cores; commands are given up after {arguments.limit:.0f} s\n")
        print(f"Starting the stage's program and waiting for it: {wall * 1e3:.2f} ms wall, {cpu * 1e3:.2f} ms CPU.\n")
        for shape in arguments.shapes.split(","):
            print(f"### {shape}: wall s / CPU s (CPU in ninja's)\n")
            print("| stages | event |" + "".join(f" {tool.name} |" for tool in tools) + " llmp a stage, CPU ms beyond the program |")
            print("|---:|---|" + "---:|" * (len(tools) + 1))
            for size in map(int, arguments.sizes.split(",")):
                row = {}
                for event, name, seconds in events(tools, shape, size, arguments.rounds, arguments.limit, work):
                    row[name] = seconds
                    if len(row) < len(tools):
                        continue
                    beyond = ""
                    everything = event == "full run" or (event == "root changed" and shape != "shards")
                    if everything and isinstance(row["llmp"], tuple):
                        beyond = f"{(row['llmp'][1] / size - cpu) * 1e3:.2f}"
                    cells = "".join(f" {cell(row[tool.name], row.get('ninja'))} |" for tool in tools)
                    print(f"| {size:,} | {event} |{cells} {beyond} |", flush=True)
                    row = {}
            print()


if __name__ == "__main__":
    main()
