"""Decisions of `filter.quality` beside datatrove's on the same texts, by group of rules and all together.

    python quality.py LLMP TEXTS.jsonl [DIFFERENCES.jsonl]

LLMP is the program; TEXTS has a document a line, `{"text": …}`. Peers are pinned in requirements.txt. The last file gets each
document that one keeps and the other drops, with datatrove's reason. Exit status 1 below 99.5 % in any row.
"""

import importlib.metadata  # datatrove uses it without importing it
import json
import pathlib
import subprocess
import sys
import tempfile
import time

import pyarrow.parquet as parquet
from datatrove.data import Document
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
    """The numbers of the texts that llmp keeps."""
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        rows = (json.dumps({"text": text, "id": str(number)}) for number, text in enumerate(texts))
        (folder / "texts.jsonl").write_text("\n".join(rows) + "\n")
        (folder / "a.llmp").write_text(
            'docs = crawl.docs("texts.jsonl")\n'
            f"kept = filter.quality(docs) {{ rules = [{', '.join(groups)}] }}\n"
        )
        run = lambda *words: subprocess.run(
            [llmp, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        run("run", "a.llmp")
        run("export", "kept", "out")
        shards = (folder / "out").rglob("*.parquet")
        return {int(id) for shard in shards for id in parquet.read_table(shard)["id"].to_pylist()}


def main():
    llmp, path, *rest = sys.argv[1:]
    texts = [json.loads(line)["text"] for line in open(path) if line.strip()]
    differences, failed = [], False
    for groups in (["gopher"], ["c4"], ["fineweb"], list(GROUPS)):
        dropped, seconds = peers(texts, groups)
        kept = ours(str(pathlib.Path(llmp).resolve()), texts, groups)
        wrong = [n for n in range(len(texts)) if (n in kept) == (n in dropped)]
        share = 1 - len(wrong) / len(texts)
        failed |= share < 0.995
        print(
            f"{'+'.join(groups):20} {len(texts)} documents, datatrove drops {len(dropped)} in {seconds:.1f} s of CPU time, "
            f"llmp {len(texts) - len(kept)}, equal {100 * share:.2f} %",
            flush=True,
        )
        for n in wrong:
            differences.append({"groups": groups, "datatrove": dropped.get(n, "kept"), "text": texts[n]})
    for difference in differences:
        print("+".join(difference["groups"]), difference["datatrove"], repr(difference["text"][:80]))
    if rest:
        pathlib.Path(rest[0]).write_text("".join(json.dumps(row) + "\n" for row in differences))
    sys.exit(failed)


main()
