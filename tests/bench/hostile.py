"""Hostile files against `llmp check`, `plan` and `fmt`: what each says, its time and its peak memory.

    cargo build --release && python3 tests/bench/hostile.py

Each has to end in a clear error in under a second and 200 MB. Linux only (the peak comes from `wait4`).
"""

import os
import sys
import tempfile
import time
from pathlib import Path

LLMP = Path(__file__).resolve().parents[2] / "target/release/llmp"
DEEP = 100_000
SECONDS, MEGABYTES = 1.0, 200.0


def nested(open_, close):
    return f"docs = {open_ * DEEP}{close * DEEP}\n"


def imports(count, last):
    files = {f"f{i}.llmp": f'import "f{i + 1}.llmp"\n' for i in range(count)}
    return {"main.llmp": 'import "f0.llmp"\n', **files, f"f{count}.llmp": last}


CASES = {
    "100,000 `(`, closed": lambda: nested("(", ")"),
    "100,000 `[`, closed": lambda: nested("[", "]"),
    "100,000 `{`, closed": lambda: nested("{", "}"),
    "100,000 `(`, open": lambda: nested("(", ""),
    "100,000 `([{` mixed, open": lambda: f"docs = {'([{' * (DEEP // 3)}\n",
    "100,000 stages in a pipe": lambda: "docs = crawl.warc(\"a\")" + " |> extract.text" * DEEP + "\n",
    "50 MB of settings": lambda: "docs = crawl.warc(\"a\") { }\n" * 2_000_000,
    "50 MB in one word": lambda: "x" * 50_000_000,
    "a file that imports itself": lambda: 'import "main.llmp"\n',
    "a cycle of two files": lambda: {"main.llmp": 'import "b.llmp"\n', "b.llmp": 'import "main.llmp"\n'},
    "a cycle of 1,000 files": lambda: imports(1_000, 'import "f0.llmp"\n'),
    "a `def` that calls itself": lambda: "def f(docs: Docs) -> Docs {\n  f(docs)\n}\nx = f(docs.load(\"a.jsonl\"))\n",
    "two that call each other": lambda: "def f(docs: Docs) -> Docs {\n  g(docs)\n}\ndef g(docs: Docs) -> Docs {\n  f(docs)\n}\n"
    'x = f(crawl.docs("a.jsonl"))\n',
    "20 that each call the next ten times": lambda: "".join(
        f"def f{i}(docs: Docs) -> Docs {{\n  {'f%d(' % (i + 1) * 10}docs{')' * 10}\n}}\n" for i in range(20)
    )
    + 'def f20(docs: Docs) -> Docs {\n  extract.text(docs)\n}\nx = f0(crawl.docs("a.jsonl"))\n',
    "a sweep of a billion stages": lambda: 'd = crawl.docs("a.jsonl") |> filter.quality { min_words = each ['
    + ", ".join(map(str, range(1, 1001)))
    + "], max_words = each ["
    + ", ".join(map(str, range(1000, 2000)))
    + "], min_stop_words = each ["
    + ", ".join(f"{i % 9}" for i in range(1000))
    + "] }\n",
    "a sweep over three sweeps of 1,000": lambda: 'a = crawl.docs(each ['
    + ", ".join(f'"{i}.jsonl"' for i in range(1000))
    + "])\n"
    + "".join(
        f"{new} = {old} |> filter.language {{ min_score = each [{', '.join(f'0.{i:03}' for i in range(1, 1000))}] }}\n"
        for old, new in ["ab", "bc"]
    ),
    "invalid UTF-8": lambda: b"docs = crawl.warc(\"\xff\xfe\")\n",
    "100,000 NUL bytes": lambda: b"\0" * 100_000,
    "1 MB in one word": lambda: "x" * 1_000_000,
    "1 MB in one string that never ends": lambda: 'x = "' + "y" * 1_000_000,
    "60,000 bytes of `([)`": lambda: "x = " + "([)" * 20_000,
}

YAML_BOMB = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 10)
)
PARAMS = {
    "`--params` with aliases that grow to a billion": YAML_BOMB,
    "`--params` nested 100,000 deep": "a: " + "[" * DEEP + "]" * DEEP + "\n",
}


def write(content, folder):
    """Writes a case's files in a process of its own: `wait4` counts its parent's peak as the child's."""
    if (pid := os.fork()) == 0:
        made = content()
        for file, text in (made if isinstance(made, dict) else {"main.llmp": made}).items():
            Path(folder, file).write_bytes(text if isinstance(text, bytes) else text.encode())
        os._exit(0)
    os.waitpid(pid, 0)


def measured(words, folder):
    """Exit code, seconds, peak MB and all output of `llmp WORDS`."""
    start = time.perf_counter()
    with tempfile.TemporaryFile() as out:
        files = [(os.POSIX_SPAWN_DUP2, out.fileno(), 1), (os.POSIX_SPAWN_DUP2, out.fileno(), 2)]
        here = os.getcwd()
        os.chdir(folder)
        pid = os.posix_spawn(LLMP, ["llmp", *words], {**os.environ, "NO_COLOR": "1"}, file_actions=files)
        os.chdir(here)
        _, status, usage = os.wait4(pid, 0)
        seconds = time.perf_counter() - start
        out.seek(0)
        text = out.read().decode(errors="replace")
    return os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss / 1000, text, usage.ru_utime + usage.ru_stime


def row(name, words, folder):
    code, seconds, peak, text, cpu = measured(words, folder)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    message = " ".join(lines[:2])[:110].replace("|", "\\|")
    good = code == 1 and cpu < SECONDS and peak < MEGABYTES and "panick" not in text
    mark = "" if good else " **missed**"
    print(f"| {name} | `{words[0]}` | {seconds:.2f} | {cpu:.2f} | {peak:.0f} | {message}{mark} |", flush=True)
    return good


def main():
    good = True
    print("| file | command | s | CPU s | peak MB | says |\n|---|---|---:|---:|---:|---|")
    for name, content in CASES.items():
        with tempfile.TemporaryDirectory() as folder:
            write(content, folder)
            for command in ["check", "plan"]:
                good &= row(name, [command, "main.llmp"], folder)
    for name, text in PARAMS.items():
        with tempfile.TemporaryDirectory() as folder:
            Path(folder, "main.llmp").write_text('param a0: Int = 1\nd = crawl.docs("a.jsonl")\n')
            Path(folder, "p.yaml").write_text(text)
            good &= row(name, ["check", "main.llmp", "--params", "p.yaml"], folder)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
