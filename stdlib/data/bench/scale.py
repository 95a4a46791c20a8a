"""What the stages over documents take: CPU time and memory on text that is made here, and MinHash when a file is added.

    cargo build --release
    python3 stdlib/data/bench/scale.py minhash                # 100 files and one more
    python3 stdlib/data/bench/scale.py memory --gib 1         # every stage over so much text

Needs nothing but Python. Files go below --work (a temporary folder unless given) and stay there where it is given.
"""

import argparse
import hashlib
import json
import os
import pathlib
import random
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[3]
SYLLABLES = [c + v for c in "bcdfghklmnprstvwz" for v in ("a", "e", "i", "o", "u", "ai", "ou")]


def words(count, seed):
    """Words as frequent as in text: the n-th comes about 1/n as often as the first."""
    source = random.Random(seed)
    words = ["".join(source.choices(SYLLABLES, k=1 + min(4, i // 60))) for i in range(count)]
    return words, [1 / (i + 2.7) for i in range(count)]


def file(path, size, number, shared):
    """JSON lines with `size` bytes of text; every tenth document is another's with a few words changed."""
    source = random.Random(number)
    vocabulary, weights = words(30_000, 1)
    pool = source.choices(vocabulary, weights, k=200_000)
    written = row = 0
    with open(path, "w", encoding="utf-8") as out:
        while written < size:
            if row % 10 == 9 and shared:
                text = source.choice(shared).split(" ")
                for _ in range(5):
                    text[source.randrange(len(text))] = source.choice(pool)
            else:
                at, length = source.randrange(len(pool) - 1_000), source.randrange(100, 900)
                text = pool[at : at + length]
                source.shuffle(text)
                for place in range(0, len(text), 12):
                    text[place] = text[place].capitalize()
                    if place:
                        text[place - 1] += ".\n" if place % 60 == 0 else "."
            text = " ".join(text)
            if row % 10 == 0 and len(shared) < 2_000:
                shared.append(text)
            url = f"https://h{source.randrange(5_000)}.example/{number}/{row // 2}"
            print(json.dumps({"text": text, "url": url, "licence": "CC0"}), file=out)
            written += len(text)
            row += 1


def run(folder, name, pipeline, store="store"):
    """Runs a pipeline; its CPU seconds, wall seconds and peak memory in MiB."""
    main = folder / f"{name}.llmp"
    main.write_text(pipeline, encoding="utf-8")
    program = os.environ.get("LLMP", ROOT / "target/release/llmp")
    started = time.time()
    with open(folder / "log", "w", encoding="utf-8") as log:
        command = [program, "run", main, "--store", folder / store]
        process = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit((folder / "log").read_text(encoding="utf-8"))
    return used.ru_utime + used.ru_stime, time.time() - started, used.ru_maxrss / 1024


def digests(folder):
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.parquet"))}


def minhash(work, mib):
    data = work / "data"
    data.mkdir(exist_ok=True)
    shared = []
    for number in range(101):
        path = work / f"{number:03}.jsonl"
        if not path.exists():
            file(path, mib << 20, number, shared)
    for path in data.iterdir():
        path.unlink()
    for number in range(100):
        os.link(work / f"{number:03}.jsonl", data / f"{number:03}.jsonl")
    load = 'docs = crawl.docs("data/*.jsonl")\n'
    clean = load + "clean = dedup.minhash(docs)\n"
    run(work, "load", load, "one")
    base = run(work, "clean", clean, "one")
    os.link(work / "100.jsonl", data / "100.jsonl")
    read = run(work, "load", load, "one")
    more = run(work, "clean", clean, "one")
    idle = run(work, "clean", clean, "one")
    run(work, "load", load, "two")
    full = run(work, "clean", clean, "two")
    same = digests(work / "one/out/clean") == digests(work / "two/out/clean")
    print(f"100 files of {mib} MiB, deduplicated   {base[0]:8.1f} s CPU")
    print(f"101 files, from scratch          {full[0]:8.1f} s CPU, {full[2]:.0f} MiB")
    print(f"one more file: crawl.docs        {read[0]:8.2f} s CPU")
    print(f"one more file: dedup.minhash     {more[0]:8.2f} s CPU, {more[0] / full[0]:.1%} of all")
    print(f"nothing to do                    {idle[0]:8.2f} s CPU")
    print("the same bytes as from scratch" if same else "OTHER BYTES THAN FROM SCRATCH")


STAGES = {
    "crawl.docs": "",
    "docs.sample": "docs.sample(docs) { share = 50% }",
    "docs.split": "docs.split(docs) { part = train }",
    "docs.mix": "docs.mix([docs, docs]) { weights = [70%, 30%] }",
    "docs.shuffle": "docs.shuffle(docs)",
    "dedup.exact, documents": "dedup.exact(docs)",
    "dedup.exact, URLs": "dedup.exact(docs) { by = url }",
    "dedup.exact, lines": "dedup.exact(docs) { by = line }",
    "dedup.exact, lines, Bloom filter": "dedup.exact(docs) { by = line, bloom = 64MiB }",
    "dedup.exact, sentences": "dedup.exact(docs) { by = sentences }",
    "dedup.substring": "dedup.substring(docs)",
    "dedup.minhash": "dedup.minhash(docs)",
    "filter.decontaminate": 'filter.decontaminate(docs, knowledge.load("q.jsonl"))',
}


def memory(work, gib, only):
    data = work / "data"
    data.mkdir(exist_ok=True)
    shared = []
    for number in range(16):
        path = data / f"{number:03}.jsonl"
        if not path.exists():
            file(path, int(gib * (1 << 30)) // 16, number, shared)
    source = random.Random(5)
    vocabulary, weights = words(30_000, 1)
    with open(work / "q.jsonl", "w", encoding="utf-8") as out:
        for number in range(1_000):
            question = " ".join(source.choices(vocabulary, weights, k=15)) + "?"
            row = {"id": str(number), "question": question, "answer": "Yes, it is.", "values": ["yes"]}
            print(json.dumps(row), file=out)
    print(f"{'stage':34} {'CPU s':>8} {'s':>8} {'peak MiB':>9}   over {gib} GiB of text")
    for name, stage in STAGES.items():
        if only and not any(word in name for word in only) and stage:
            continue
        binding = f"one = {stage}\n" if stage else ""
        cpu, wall, peak = run(work, "one", 'docs = crawl.docs("data/*.jsonl")\n' + binding)
        print(f"{name:34} {cpu:8.1f} {wall:8.1f} {peak:9.0f}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["minhash", "memory"])
    parser.add_argument("--gib", type=float, default=1, help="text for memory")
    parser.add_argument("--mib", type=int, default=4, help="text of each file for minhash")
    parser.add_argument("--only", nargs="*", help="stages whose names hold one of these")
    parser.add_argument("--work", type=pathlib.Path)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = (arguments.work or pathlib.Path(folder)).resolve()
        work.mkdir(parents=True, exist_ok=True)
        if arguments.what == "minhash":
            minhash(work, arguments.mib)
        else:
            memory(work, arguments.gib, arguments.only)


if __name__ == "__main__":
    main()
