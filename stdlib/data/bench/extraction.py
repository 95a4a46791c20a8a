#!/usr/bin/env python3
"""Main text beside Python's trafilatura, on the sets that people measure with.

    bench/extraction.py FOLDER REPORT

FOLDER holds the unpacked sets, as far as they are there: `ground-truth.json` and `html/` of scrapinghub's
article-extraction-benchmark (its own scorer: shingles of four words, averages over pages), `dev/` of WCXB (words as a bag, averages
over pages by type), and `docs/`, HTML whose `pre` and `td` are the gold of code and tables. REPORT is the built example
`extraction_report`. Needs lxml, and compares with trafilatura where it is installed. "F1 a" and "F1 b" are those of the two
halves of a set, by the last digit of a page's name.
"""

import collections
import glob
import json
import os
import re
import subprocess
import sys
import time


def words(text):
    return re.findall(r"\w+", text)


def shingles(text):
    found = words(text)
    if len(found) < 4:
        return collections.Counter([tuple(found)])
    return collections.Counter(tuple(found[at : at + 4]) for at in range(len(found) - 3))


def bag(text):
    return collections.Counter(word.lower() for word in words(text))


def score(gold, found):
    both, wanted, given = sum((gold & found).values()), sum(gold.values()), sum(found.values())
    precision = both / given if given else float(wanted == 0)
    recall = both / wanted if wanted else float(given == 0)
    return precision, recall, 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def half(name):
    return int(name) % 2 if name.isdigit() else int(name[:2], 16) % 2


def pages(folder):
    """Set, file, address, gold text."""
    truth = os.path.join(folder, "ground-truth.json")
    if os.path.exists(truth):
        for name, page in sorted(json.load(open(truth)).items()):
            yield "AEB", os.path.join(folder, "html", name + ".html"), page.get("url", ""), page["articleBody"]
    for path in sorted(glob.glob(os.path.join(folder, "dev/ground-truth/*.json"))):
        page = json.load(open(path))
        name = os.path.basename(path)[:-5]
        kind = page["_internal"]["page_type"]["primary"]
        gold = page["ground_truth"].get("main_content") or ""
        yield "WCXB " + kind, os.path.join(folder, "dev/html", name + ".html"), page.get("url", ""), gold


def ours(report, listed, format=()):
    with open("/tmp/extraction-%d" % os.getpid(), "w") as file:
        file.writelines(f"{path}\t{url}\n" for path, url in listed)
    run = subprocess.run([report, "texts", file.name, *format], capture_output=True, check=True, text=True)
    os.unlink(file.name)
    return [json.loads(line)[1] for line in run.stdout.splitlines()], float(run.stderr.split()[-1])


def theirs(listed):
    try:
        import trafilatura
    except ImportError:
        return None
    contents = [open(path, "rb").read() for path, _ in listed]
    texts, started = [], time.process_time()
    for content, (_, url) in zip(contents, listed):
        texts.append(trafilatura.extract(content, url=url or None, include_comments=False) or "")
    return texts, time.process_time() - started


def table(name, sets, texts):
    scores = collections.defaultdict(list)
    for (kind, path, _, gold), text in zip(sets, texts):
        measure = shingles if kind == "AEB" else bag
        result = score(measure(gold), measure(text)), half(os.path.basename(path)[:-5])
        scores[kind].append(result)
        if kind != "AEB":
            scores["WCXB all"].append(result)
    for kind, results in sorted(scores.items()):

        def f1(only):
            found = [result for result, side in results if side in only]
            count = len(found) or 1
            precision, recall, mean = (sum(result[at] for result in found) / count for at in range(3))
            # scrapinghub's F1 is that of the averages, WCXB's the average of the pages' F1.
            return precision, recall, 2 * precision * recall / ((precision + recall) or 1) if kind == "AEB" else mean

        precision, recall, mean = f1((0, 1))
        print(f"| {name} | {kind} | {len(results)} | {mean:.4f} | {precision:.3f} | {recall:.3f} | {f1((0,))[2]:.4f} | {f1((1,))[2]:.4f} |")


def kept(files, texts):
    """Shares of code lines with their indentation and of table cells that come out."""
    import lxml.html

    lines = cells = lines_kept = cells_kept = 0
    for path, text in zip(files, texts):
        tree = lxml.html.fromstring(open(path, "rb").read())
        got = collections.Counter(line.rstrip() for line in text.split("\n"))
        flat = " ".join(text.split())
        for pre in tree.iter("pre"):
            for line in pre.text_content().split("\n"):
                if line.strip():
                    lines += 1
                    if got[line.rstrip()] > 0:
                        got[line.rstrip()] -= 1
                        lines_kept += 1
        for cell in tree.iter("td"):
            content = " ".join(cell.text_content().split())
            above = [part.get("class") or "" for part in cell.iterancestors()]
            navigation = any(name.startswith("nav") for name in above)
            if content and not navigation and cell.find(".//td") is None:
                cells += 1
                cells_kept += content in flat
    return lines, lines_kept / max(lines, 1), cells, cells_kept / max(cells, 1)


def main():
    folder, report = sys.argv[1:3]
    sets = list(pages(folder))
    listed = [(path, url) for _, path, url, _ in sets]
    results = {"llmp": ours(report, listed), "trafilatura (Python)": theirs(listed)}
    print("| tool | set | pages | F1 | precision | recall | F1 a | F1 b |\n|---|---|---|---|---|---|---|---|")
    for name, result in results.items():
        if result:
            table(name, sets, result[0])
    print("\nThe forests of `extract.text` were trained on these pages. `train_extractor.py … cross 2` judges each half by the other.")
    documents = sorted(glob.glob(os.path.join(folder, "docs/**/*.html"), recursive=True))
    if documents:
        print("\n| tool | code lines | kept with indentation | table cells | kept |\n|---|---|---|---|---|")
        listed_docs = [(path, "https://www.example/doc/") for path in documents]
        texts = {"llmp": ours(report, listed_docs)[0]}
        other = theirs(listed_docs)
        if other:
            texts["trafilatura (Python)"] = other[0]
        for name, found in texts.items():
            lines, line_share, cells, cell_share = kept(documents, found)
            print(f"| {name} | {lines} | {line_share:.4f} | {cells} | {cell_share:.4f} |")
    seconds = {name: result[1] for name, result in results.items() if result}
    print("\n" + ", ".join(f"{name} {value:.2f} s of CPU time" for name, value in seconds.items()))
    if len(seconds) == 2:
        first, second = seconds.values()
        print(f"{second / first:.1f} times as fast")


if __name__ == "__main__":
    main()
