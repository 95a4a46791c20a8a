"""`quality.train` beside fastText's own training with the same settings and one thread: accuracy on held-out texts, CPU time.

    python classifier.py LLMP GOOD.jsonl POOR.jsonl

Each file has a document a line, `{"text": …}`; every fifth is held out. fastText (pinned in requirements.txt) reads llmp's
model and judges with it, so that both are scored by the same program. Exit status 1 where llmp is more than 0.5 points below.
"""

import json
import pathlib
import random
import resource
import subprocess
import sys
import tempfile
import time

import fasttext

SETTINGS = {"dim": 100, "lr": 0.1, "epoch": 5, "wordNgrams": 2, "minCount": 1, "bucket": 200_000}


def main():
    llmp, *paths = sys.argv[1:]
    kinds = [[json.loads(line)["text"] for line in open(path) if line.strip()] for path in paths]
    line = lambda text: " ".join(text.split())
    tried = [(label, line(text)) for label, texts in zip(("good", "poor"), kinds) for text in texts[::5]]
    learned = [[text for n, text in enumerate(texts) if n % 5] for texts in kinds]
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        rows = [f"__label__{label} {line(text)}" for label, texts in zip(("good", "poor"), learned) for text in texts]
        random.Random(0).shuffle(rows)
        (folder / "train.txt").write_text("\n".join(rows) + "\n")
        started = time.process_time()
        theirs = fasttext.train_supervised(str(folder / "train.txt"), thread=1, verbose=0, **SETTINGS)
        peer = time.process_time() - started
        for name, texts in zip(("good", "poor"), learned):
            (folder / f"{name}.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in texts))
        (folder / "a.llmp").write_text(
            'good = crawl.docs("good.jsonl")\npoor = crawl.docs("poor.jsonl")\n'
            "judge = quality.train(good, poor) { held_out = 0%, buckets = 200_000 }\n"
        )
        run = lambda *words: subprocess.run([llmp, *words], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        run("run", "a.llmp")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        run("export", "judge", "out")
        ours = fasttext.load_model(str(next((folder / "out").rglob("model.bin"))))
        right = lambda model: sum(model.predict(text)[0][0] == f"__label__{label}" for label, text in tried) / len(tried)
        accuracy = right(ours), right(theirs)
        seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        print(f"held out {len(tried)}: llmp {100 * accuracy[0]:.2f} %, fastText {100 * accuracy[1]:.2f} %")
        print(f"CPU time: llmp {seconds:.1f} s with reading its inputs, fastText {peer:.1f} s")
        sys.exit(accuracy[0] < accuracy[1] - 0.005)


main()
