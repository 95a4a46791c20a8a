"""Decisions of `filter.quality` beside datatrove's on the same texts, by group of rules and all together.

    python quality.py LLMP TEXTS [DIFFERENCES.jsonl]

LLMP is the program; TEXTS has a document a line, `{"text": …}`, or is a folder of HTML files, whose texts datatrove's
extractor takes out first (trafilatura with `favour_precision`), for both. Peers are pinned in requirements.txt. The last file
gets each document that one keeps and the other drops, with both reasons. Exit status 1 below 99.5 % in any row.
"""

import importlib.metadata  # datatrove uses it without importing it
import json
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

import pyarrow.parquet as parquet
from datatrove.data import Document
from datatrove.pipeline.extractors import Trafilatura
from datatrove.pipeline.filters import (
    C4QualityFilter,
    FineWebQualityFilter,
    GopherQualityFilter,
    GopherRepetitionFilter,
)

GROUPS = {
    "gopher": lambda: [GopherRepetitionFilter(), GopherQualityFilter()],
    "c4": lambda: [C4QualityFilter(filter_no_terminal_punct=False)],
    "fineweb": lambda: [FineWebQualityFilter()],
}


def peers(texts, groups):
    """datatrove's reason for each text that it drops, and its CPU time."""
    filters = [made for group in groups for made in GROUPS[group]()]
    started, dropped = time.process_time(), {}
    for number, text in enumerate(texts):
        document = Document(text=text, id=str(number))
        for one in filters:
            verdict = one.filter(document)
            if verdict is not True:
                dropped[number] = verdict[1] if isinstance(verdict, tuple) else "dropped"
                break
    return dropped, time.process_time() - started


def ours(llmp, texts, groups):
    """The reason for each text that llmp drops, and its CPU time."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        # datatrove's filters are those for English, whatever the language: FineWeb keeps English pages before them.
        rows = (json.dumps({"text": text, "id": str(number), "language": "en"}) for number, text in enumerate(texts))
        (folder / "texts.jsonl").write_text("\n".join(rows) + "\n")
        (folder / "a.llmp").write_text(
            'docs = crawl.docs("texts.jsonl")\n'
            f"kept = filter.quality(docs) {{ rules = [{', '.join(groups)}] }}\n"
        )
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([llmp, "run", "a.llmp"], cwd=folder, check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        subprocess.run([llmp, "export", "kept", "out"], cwd=folder, check=True, capture_output=True)
        shown = subprocess.run(
            [llmp, "show", "kept", "--dropped", "--json", "-n", str(len(texts))], cwd=folder, check=True, capture_output=True
        )
        left = (json.loads(line) for line in shown.stdout.splitlines())
        reasons = {int(row["id"]): f"{row['rule']}: {row['value']}" for row in left}
        shards = (folder / "out").rglob("*.parquet")
        kept = {int(id) for shard in shards for id in parquet.read_table(shard)["id"].to_pylist()}
        # Reasons are kept of a sample.
        return {n: reasons.get(n, "dropped") for n in range(len(texts)) if n not in kept}, seconds


def read(path):
    """The texts of a file of JSON lines, or of a folder of pages."""
    if not path.is_dir():
        return [json.loads(line)["text"] for line in path.open() if line.strip()]
    extractor, texts = Trafilatura(favour_precision=True), []
    for page in sorted(path.rglob("*.html")):
        try:
            text = extractor.extract(page.read_bytes().decode("utf-8", "replace"))
        except Exception as error:
            print(f"{page.name}: {error!r}", file=sys.stderr)
            continue
        if text:
            texts.append(text)
    return texts


def main():
    llmp, path, *rest = sys.argv[1:]
    texts = read(pathlib.Path(path))
    differences, failed = [], False
    for groups in (["gopher"], ["c4"], ["fineweb"], list(GROUPS)):
        dropped, seconds = peers(texts, groups)
        own, own_seconds = ours(str(pathlib.Path(llmp).resolve()), texts, groups)
        wrong = [n for n in range(len(texts)) if (n in own) != (n in dropped)]
        share = 1 - len(wrong) / len(texts)
        failed |= share < 0.995
        print(
            f"{'+'.join(groups):20} {len(texts)} documents, datatrove drops {len(dropped)} in {seconds:.1f} s of CPU time, "
            f"llmp {len(own)} in {own_seconds:.1f} s with reading them, equal {100 * share:.2f} %",
            flush=True,
        )
        for n in wrong:
            reasons = {"datatrove": dropped.get(n, "kept"), "llmp": own.get(n, "kept")}
            differences.append({"groups": groups, **reasons, "text": texts[n]})
    for difference in differences:
        print("+".join(difference["groups"]), difference["datatrove"], "|", difference["llmp"], repr(difference["text"][:80]))
    if rest:
        pathlib.Path(rest[0]).write_text("".join(json.dumps(row) + "\n" for row in differences))
    sys.exit(failed)


main()
