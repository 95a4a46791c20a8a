"""Check what is on disk against the generator, and say what is in it."""

import collections
import hashlib
import html
import re
import statistics

import warc

FILES = ("web/*.warc.gz", "reference/*.warc.gz", "conversations.jsonl", "probe.jsonl", "eval.jsonl")


def _content_digest(path):
    # Of the content, not of the compressed bytes: another zlib may compress otherwise.
    data = path.read_bytes()
    parts = warc.members(data) if path.suffix == ".gz" else [data]
    return hashlib.sha256(b"".join(parts)).hexdigest()


def _digests(root):
    return {str(path.relative_to(root)): _content_digest(path) for glob in FILES for path in sorted(root.glob(glob))}


def compare(expected, found):
    """Names of files whose content differs or that only one side has."""
    left, right = _digests(expected), _digests(found)
    return sorted(name for name in left.keys() | right.keys() if left.get(name) != right.get(name))


def _lines(body):
    article = re.search(r"<article.*?</article>", body, re.DOTALL)
    blocks = re.findall(r"<(p|h2)>(.*?)</\1>", article.group() if article else "", re.DOTALL)
    return [html.unescape(text) for _, text in blocks]


def pages(root, glob):
    """`(url, lines)` of every HTML page, read back from the files."""
    for path in sorted(root.glob(glob)):
        for headers, status, http, body in warc.read(path.read_bytes()):
            if status == 200 and http["content-type"].startswith("text/html"):
                yield headers["warc-target-uri"], _lines(body.decode())


def summarise(root, world, web):
    """Read every record back, hold the promises of README.md, print the figures."""
    kinds = {url: kind for kind, url, _ in web}
    pattern = "|".join(sorted((re.escape(city.name) for city in world.everyone), key=len, reverse=True))
    names = re.compile(rf"\b(?:{pattern})\b")
    counts, sections, words = collections.Counter(), collections.Counter(), collections.Counter()
    for url, lines in pages(root, "web/*.warc.gz"):
        counts[kinds[url]] += 1
        if kinds[url] not in ("article", "contact"):
            continue
        sections.update({name for line in lines for name in names.findall(line)})
        about = None
        for line in lines:
            found = names.search(line)
            about = found.group() if found else about
            words[about] += len(line.split())
    reference = [text for _, lines in pages(root, "reference/*.warc.gz") for text in lines]

    def share(cities):
        return sum(words[city.name] for city in cities)

    exposures = [sections[city.name] for city in world.head]
    assert not any(sections[city.name] for city in world.unseen), "an unseen city is on a page of web/"
    assert all(sections[city.name] == 1 for city in world.tail), "a tail city is not on exactly one page"
    assert len(reference) == len(world.everyone), "the reference does not hold one paragraph a city"
    total = sum(words.values())
    print("pages:", ", ".join(f"{kind} {count}" for kind, count in sorted(counts.items())))
    print(f"sections about a head city: {min(exposures)} to {max(exposures)}, mean {statistics.mean(exposures):.1f}")
    print(f"sections: {sum(exposures)} head, {len(world.tail)} tail, {len(reference)} reference")
    print(f"words to train on: {total} (head {share(world.head) / total:.0%}, tail {share(world.tail) / total:.0%})")
    print(f"tokens with a vocabulary of 1,024: about {total * 1.6 / 1e6:.2f}M")
    for name in ("conversations.jsonl", "probe.jsonl", "eval.jsonl"):
        print(f"{name}: {len((root / name).read_text(encoding='utf-8').splitlines())} rows")
    size = sum(path.stat().st_size for glob in FILES for path in root.glob(glob))
    print(f"size: {size / 1e6:.1f} MB")
