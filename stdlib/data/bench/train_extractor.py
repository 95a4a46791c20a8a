#!/usr/bin/env python3
"""Trains the two forests of `extract.text` and says how well they judge pages that they have not seen.

    bench/train_extractor.py FOLDER REPORT cross FOLDS      figures by cross-validation: pages of each fold are judged by forests
                                                            that were trained on the others
    bench/train_extractor.py FOLDER REPORT train OUT        writes `first.forest` and `second.forest` into OUT

FOLDER and REPORT as for `bench/extraction.py`. Besides the sets, plain pages made here of the sets' own sentences, and a few of
`docs/`, teach that text without navigation is text. Needs numpy and lightgbm (4.7). Deterministic on one machine.
"""

import collections
import glob
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import zlib

import lightgbm
import numpy as np

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from extraction import bag, half, pages, score, shingles, words  # noqa: E402

FIRST = dict(
    objective="cross_entropy", learning_rate=0.05, num_leaves=16, min_data_in_leaf=60, feature_fraction=0.35,
    bagging_fraction=0.7, bagging_freq=1, lambda_l2=5.0, max_bin=63, path_smooth=2.0, seed=7, num_threads=2,
    deterministic=True, force_row_wise=True, verbose=-1,
)
SECOND = dict(FIRST, num_leaves=12, feature_fraction=0.4)
ROUNDS = (200, 100)
# How much a made page counts beside a real one.
MADE = 0.2


class Page:
    def __init__(self, kind, path, gold, rows):
        self.kind, self.path, self.gold = kind, path, gold
        self.name = os.path.basename(path)[:-5]
        self.texts = [row[0] for row in rows]
        self.words = np.array([len(words(text)) for text in self.texts], dtype=float)
        self.labels = labels(gold, self.texts) if isinstance(gold, str) else np.array(
            [float(text.lstrip("- ") in gold) for text in self.texts]
        )
        # Rules decide on the others.
        judged = [at for at, row in enumerate(rows) if row[1]]
        self.texts = [self.texts[at] for at in judged]
        self.words, self.labels = self.words[judged], self.labels[judged]
        self.blocks = [rows[at][2] for at in judged]
        self.rows = np.array([rows[at][3] for at in judged], dtype=np.float32)


def labels(gold, texts):
    """The share of each unit's words that stand in the gold text, in runs of three or as a line."""
    found = [word.lower() for word in words(gold)]
    joined = f" {' '.join(found)} "
    runs = {tuple(found[at : at + 3]) for at in range(len(found) - 2)}
    lines = {" ".join(word.lower() for word in words(line)) for line in gold.split("\n")}
    plain = [" ".join(word.lower() for word in words(text)) for text in texts]
    times = collections.Counter(plain)
    sequence = [(word, at) for at, text in enumerate(plain) for word in text.split()]
    hit = [False] * len(sequence)
    for at in range(len(sequence) - 2):
        if tuple(word for word, _ in sequence[at : at + 3]) in runs:
            hit[at] = hit[at + 1] = hit[at + 2] = True
    count, good = np.zeros(len(texts)), np.zeros(len(texts))
    for (_, at), is_hit in zip(sequence, hit):
        count[at] += 1
        good[at] += is_hit
    result = good / np.maximum(count, 1)
    for at, text in enumerate(plain):
        if count[at] == 0:
            continue
        if text in lines:
            result[at] = 1
        elif count[at] < 3 and result[at] > 0:
            # A short one needs its neighbours.
            before = plain[at - 1].split()[-2:] if at else []
            behind = plain[at + 1].split()[:2] if at + 1 < len(plain) else []
            if " ".join(before + [text] + behind) not in joined:
                result[at] *= 0.5 if text in joined else 0.0
        # Copies count less than what stands in the gold as often.
        if result[at] > 0.5 and times[text] > 1 and len(text) > 3:
            there = joined.count(f" {text} ")
            if there < times[text]:
                result[at] *= max(there, 0.5) / times[text]
    return result


def weights(page):
    """Pages count alike, units by their words."""
    total = max((page.labels * page.words).sum(), 50)
    share = np.minimum(page.words, 80) ** 0.85 / total**0.85
    return share * (MADE if page.kind == "made" else 1)


def logarithm(number):
    """As `features::log`."""
    number = int(number) + 1
    whole = number.bit_length() - 1
    return whole + ((number << 8) >> whole) / 256.0 - 1.0


def context(page, odds):
    """As `choose::context`."""
    chances, count = 1 / (1 + np.exp(-odds)), page.words + 1.0
    every, good = collections.defaultdict(float), collections.defaultdict(float)
    for at, blocks in enumerate(page.blocks):
        for block in blocks:
            every[block] += count[at]
            good[block] += count[at] * chances[at]
    total, likely = every[0], max(good[0], 1e-6)
    padded = np.concatenate([np.zeros(4), chances, np.zeros(4)])
    weight = np.concatenate([np.zeros(4), count, np.zeros(4)])
    rows, so_far = [], 0.0
    for at, blocks in enumerate(page.blocks):
        row = [float(np.clip(odds[at], -9, 9))]
        row += [padded[at + 4 + step] for step in (-1, 1, -2, 2, -3, 3)]
        for part in (slice(at, at + 4), slice(at + 5, at + 9)):
            row.append((padded[part] * weight[part]).sum() / max(weight[part].sum(), 1))
        last, values, above = count[at], [good[0] / max(total, 1), logarithm(total), 1.0], []
        for block in blocks:
            if every[block] > last + 0.5 and len(above) < 4:
                last = every[block]
                rest = (good[block] - chances[at] * count[at]) / max(every[block] - count[at], 0.5)
                values = [rest, logarithm(every[block]), good[block] / likely]
                above.append(values)
        above += [values] * (4 - len(above))
        own = count[at] * chances[at]
        so_far += own
        row += sum(above, [])
        row += [good[0] / max(total, 1), good[0], so_far / likely, (good[0] - so_far + own) / likely, chances.max()]
        rows.append(row)
    return np.array(rows, dtype=np.float32)


def fit(train, parameters, rounds, rows=None):
    rows = rows if rows is not None else [page.rows for page in train]
    weight = np.concatenate([weights(page) for page in train])
    label = np.clip(np.concatenate([page.labels for page in train]), 0, 1)
    data = lightgbm.Dataset(np.vstack(rows), label, weight=weight / weight.mean())
    return lightgbm.train(parameters, data, rounds)


def fold(page, count):
    return half(page.name) if count == 2 and page.kind != "made" else zlib.crc32(page.name.encode()) % count


def both(train):
    """The second forest learns from what the first says of pages that it has not seen."""
    odds = [None] * len(train)
    for part in range(4):
        first = fit([page for page in train if zlib.crc32(page.name.encode()) % 4 != part], FIRST, ROUNDS[0])
        for at, page in enumerate(train):
            if zlib.crc32(page.name.encode()) % 4 == part:
                odds[at] = first.predict(page.rows, raw_score=True)
    wide = [np.hstack([page.rows, context(page, odd)]) for page, odd in zip(train, odds)]
    return fit(train, FIRST, ROUNDS[0]), fit(train, SECOND, ROUNDS[1], wide)


def judged(first, second, page):
    if not page.texts:
        return np.zeros(0)
    return second.predict(np.hstack([page.rows, context(page, first.predict(page.rows, raw_score=True))]))


def best(page, chances, caution=1.0):
    """As `choose::bound`."""
    count = np.maximum(page.words, 1)
    order = np.argsort(-chances, kind="stable")
    expected = (chances * count).sum()
    if not len(order) or expected == 0:
        return chances > 1
    f1 = 2 * np.cumsum((chances * count)[order]) / (np.cumsum(count[order]) + expected)
    return chances >= max(f1.max() / 2 * caution, 0.15)


def show(tested, caution):
    scores = collections.defaultdict(list)
    for page, chances in tested:
        text = "\n".join(text for text, keep in zip(page.texts, best(page, chances, caution)) if keep)
        measure = shingles if page.kind == "AEB" else bag
        result = score(measure(page.gold), measure(text))
        scores[page.kind].append(result)
        if page.kind != "AEB":
            scores["WCXB all"].append(result)
    for kind, results in sorted(scores.items()):
        precision, recall, f1 = np.mean(results, axis=0)
        f1 = 2 * precision * recall / (precision + recall) if kind == "AEB" else f1
        print(f"| {kind} | {len(results)} | {caution} | {f1:.4f} | {precision:.3f} | {recall:.3f} |")


def made(sentences, folder):
    """Plain pages: path, the lines that are text."""
    dice = random.Random(5)
    escape = lambda text: text.replace("&", "&amp;").replace("<", "&lt;")  # noqa: E731
    code = ["  if x == 1:", "$ ls -la", "def f(a, b):", "    return a", "int main(void) {", "}", "# apt-get install foo", "foo.bar(baz);"]
    for number in range(160):
        lines, other = set(), set()

        def long(keep=lines):
            line = dice.choice(sentences)
            keep.add(line)
            return escape(line)

        def short(keep=lines):
            line = " ".join(dice.choice(sentences).split()[: dice.randint(1, 5)])[:40].strip()
            keep.add(line)
            return escape(line)

        small = number % 3 == 0
        text = lambda: short() if small and dice.random() < 0.6 else long()  # noqa: E731

        def row():
            cells = [dice.choice(sentences).split()[0][:20], str(dice.randint(0, 999))]
            lines.add(" | ".join(cells))
            return "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"

        def listing():
            block = [dice.choice(code) for _ in range(dice.randint(1, 9))]
            lines.add("\n".join(block))
            return "<pre>" + escape("\n".join(block)) + "</pre>"

        items = lambda most, mark: "".join(f"<li>{mark}{text()}</li>" for _ in range(dice.randint(1, most)))  # noqa: E731
        parts = [
            lambda: f"<p>{text()}</p>", lambda: f"<p>{text()}</p>", lambda: f"<h2>{short()}</h2>{text()}",
            lambda: f"{text()}<p>{text()}</p>", lambda: f"<div>{text()}</div>", lambda: f"<ul>{items(8, '')}</ul>",
            lambda: f"<ol>{items(4, '<p>')}</ol>{text()}", lambda: f"<dl><dt>{short()}</dt><dd>{text()}</dd></dl>",
            lambda: f"<blockquote>{text()}</blockquote>", lambda: "<table>" + "".join(row() for _ in range(dice.randint(1, 8))) + "</table>",
            listing, lambda: f"<h3>{short()}</h3><p>{text()}</p><p>{text()}</p>",
            lambda: f"<section><h2>{short()}</h2><p>{text()}</p></section>",
        ]
        body = "\n".join(dice.choice(parts)() for _ in range(dice.choice([1, 1, 2, 3, 4, 6, 8, 12, 20, 30])))
        heading = f"<h1>{short()}</h1>" if dice.random() < 0.5 else ""
        container = dice.choice(["article", "div", "main", "section", "div class=content", "", "", ""])
        main = f"<{container}>{heading}{body}</{container.split()[0]}>" if container else heading + body
        before = after = ""
        if dice.random() < 0.35:
            links = "".join(f"<li><a href='/{at}'>{short(other)}</a></li>" for at in range(dice.randint(2, 9)))
            before = dice.choice(["<nav><ul>%s</ul></nav>", "<div id=menu><ul>%s</ul></div>", "<header><ul class=nav>%s</ul></header>"]) % links
            after = dice.choice(["<footer><p>Copyright 2020 %s</p></footer>", "<div class=footer><a href=/>%s</a></div>"]) % short(other)
        path = os.path.join(folder, f"made-{number:03}.html")
        with open(path, "w") as file:
            file.write(f"<!DOCTYPE html><html><head><title>{short(other)}</title></head><body>{before}{main}{after}</body></html>")
        yield path, lines


def documents(folder):
    """A few pages of manuals: path, all their text but the navigation around it."""
    import lxml.html

    paths = sorted(glob.glob(os.path.join(folder, "docs/**/*.html"), recursive=True))
    random.Random(5).shuffle(paths)
    for path in paths[:24]:
        tree = lxml.html.fromstring(open(path, "rb").read()).find("body")
        for part in tree.xpath("//div[starts-with(@class, 'nav')]"):
            part.drop_tree()
        yield path, "\n".join(text for text in tree.itertext() if text.strip())


def read(folder, report):
    sets = list(pages(folder))
    sentences = sorted({line.strip() for kind, _, _, gold in sets if kind == "AEB" for line in gold.split("\n") if 40 < len(line) < 600})
    with tempfile.TemporaryDirectory() as work:
        sets += [("made", path, "https://a.example/x", gold) for path, gold in made(sentences, work)]
        sets += [("made", path, "https://www.example/doc/", gold) for path, gold in documents(folder)]
        with open(os.path.join(work, "list"), "w") as file:
            file.writelines(f"{path}\t{url}\n" for _, path, url, _ in sets)
        run = subprocess.run([report, "rows", file.name], capture_output=True, check=True, text=True)
    rows = [json.loads(line)[1] for line in run.stdout.splitlines()]
    return [Page(kind, path, gold, row) for (kind, path, _, gold), row in zip(sets, rows)]


def export(forest, path):
    def branch(node):
        if "split_feature" not in node:
            return f"={node['leaf_value']:.5g}"
        assert node["decision_type"] == "<="
        return f"{node['split_feature']}<={node['threshold']:.6g} {branch(node['left_child'])} {branch(node['right_child'])}"

    with open(path, "w") as file:
        file.writelines(branch(tree["tree_structure"]) + "\n" for tree in forest.dump_model()["tree_info"])


def main():
    folder, report, mode, argument = sys.argv[1:5]
    every = read(folder, report)
    useful = [page for page in every if page.texts]
    if mode == "train":
        for forest, name in zip(both(useful), ("first", "second")):
            export(forest, os.path.join(argument, f"{name}.forest"))
        return
    count = int(argument)
    tested = []
    for part in range(count):
        forests = both([page for page in useful if page.kind == "made" or fold(page, count) != part])
        tested += [(page, judged(*forests, page)) for page in every if page.kind != "made" and fold(page, count) == part]
    print("| set | pages | caution | F1 | precision | recall |\n|---|---|---|---|---|---|")
    for caution in (0.7, 1.0, 1.1, 1.2, 1.3):
        show(tested, caution)


if __name__ == "__main__":
    main()
