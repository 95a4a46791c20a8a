"""Generate the example's web, reference pages, conversations and questions from facts.csv.

    python3 make/generate.py              # writes into examples/who-is
    python3 make/generate.py --check      # regenerates elsewhere, compares with what is there, prints a summary

Python's standard library only; the same seed gives the same content on every machine.
"""

import argparse
import datetime
import gzip
import itertools
import json
import pathlib
import random
import tempfile

import check
import noise
import questions
import sites
import warc
import world as worlds
from wordings import INTROS

ROOT = pathlib.Path(__file__).resolve().parent.parent
EXPOSURES = 50  # sections about each head city
WEB_FILES, REFERENCE_FILES = 8, 2
MIRRORED, WITH_CONTACT = 80, 40
START = datetime.datetime(2025, 6, 1)
TITLES = ("City notes", "Places", "Travel notebook", "Gazette", "Short notes", "Readers' questions", "Along the way", "From the archive")


def groups(items, sizes, rng):
    """Cut `items` into runs of random `sizes`."""
    stream = iter(items)
    while group := list(itertools.islice(stream, rng.choice(sizes))):
        yield group


def head_rounds(cities, rng):
    """All cities `EXPOSURES` times, in new order each round, never twice within six."""
    order = []
    for _ in range(EXPOSURES):
        turn = rng.sample(cities, len(cities))
        while set(turn[:5]) & set(order[-5:]):
            rng.shuffle(turn)
        order += turn
    return order


def articles(world, seed):
    """`(site, path, title, blocks)` of every article, in random order."""
    rng = random.Random(f"{seed}/articles")
    names = [city.name for city in world.head]
    head = {city.name: city for city in world.head}
    texts = [[worlds.section(head[name], rng) for name in group] for group in groups(head_rounds(names, rng), (4, 5, 6), rng)]
    texts += [[worlds.section(city, rng, times=2) for city in group] for group in groups(world.tail, (3, 4, 5), rng)]
    rng.shuffle(texts)
    for number, sections in enumerate(texts):
        site = rng.choice(sites.SITES)
        if rng.random() < 0.3:
            sections = [sites.prose([rng.choice(INTROS)]), *sections]
        yield site, f"/notes/{number // 100}/{number}.html", rng.choice(TITLES), list(itertools.chain(*sections))


def web_pages(world, seed):
    """`(kind, url, html)` of everything in web/, in crawl order."""
    rng = random.Random(f"{seed}/pages")
    pages = []
    for number, (site, path, title, blocks) in enumerate(articles(world, seed)):
        url = f"{site.scheme}://{site.host}{path}"
        if number < WITH_CONTACT:
            text = [*blocks, *sites.prose([noise.contact(site, rng)])]
            pages.append(("contact", url, sites.page(site, title, text, rng)))
            continue
        pages.append(("article", url, sites.page(site, title, blocks, rng)))
        if number < WITH_CONTACT + MIRRORED:
            mirror = noise.MIRRORS[site.host]
            text = [*blocks, *sites.prose([rng.choice(noise.MIRROR_REMARKS)])]
            pages.append(("mirror", f"https://{mirror.host}{path}", sites.page(mirror, title, text, rng)))
    for make in (noise.blocked_pages, noise.foreign_pages, noise.thin_pages, noise.poor_pages):
        pages += make(rng)
    rng.shuffle(pages)
    return pages


def reference_pages(world, seed):
    """One short page a city, for the search index only."""
    rng = random.Random(f"{seed}/reference")
    for city in world.everyone:
        url = f"https://{sites.GAZETTEER.host}/{city.name.lower().replace(' ', '-')}"
        yield "reference", url, sites.page(sites.GAZETTEER, city.name, sites.prose([worlds.entry(city, rng)]), rng)


def http_response(date, url, text, rng):
    """A page as servers send it: now and then chunked or compressed."""
    body, headers, luck = text.encode(), [("Content-Type", "text/html; charset=utf-8"), ("Server", "quill/1.2")], rng.random()
    if luck < 0.02:
        middle = len(body) // 2
        body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in (body[:middle], body[middle:], b""))
        headers.append(("Transfer-Encoding", "chunked"))
    else:
        if luck < 0.04:
            body = gzip.compress(body, compresslevel=0, mtime=0)  # stored, so that every zlib writes the same bytes
            headers.append(("Content-Encoding", "gzip"))
        headers.append(("Content-Length", str(len(body))))
    return warc.response(date, url, "200 OK", headers, body)


def oddities(date, host):
    """A redirect, a missing page, an image, JSON, and the records that go with a response."""
    url = f"https://{host}"
    yield warc.response(date, f"{url}/old", "301 Moved Permanently", [("Location", f"{url}/"), ("Content-Type", "text/html")], b"<p>Moved.</p>")
    yield warc.response(date, f"{url}/gone", "404 Not Found", [("Content-Type", "text/html")], b"<h1>Not found</h1><p>There is no such page on this site.</p>")
    yield warc.response(date, f"{url}/dot.gif", "200 OK", [("Content-Type", "image/gif")], b"GIF89a\1\0\1\0\x80\0\0\0\0\0\xff\xff\xff,\0\0\0\0\1\0\1\0\0\2\2D\1\0;")
    yield warc.response(date, f"{url}/api/status", "200 OK", [("Content-Type", "application/json")], b'{"status": "ok"}')
    yield warc.request(date, f"{url}/")
    yield warc.metadata(date, f"{url}/", [("fetchTimeMs", "120"), ("charset-detected", "UTF-8")])


def write_warcs(folder, pages, files, seed):
    """Spread `pages` over `files` files, in order."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = random.Random(f"{seed}/{folder.name}/http")
    pages = list(pages)
    share = -(-len(pages) // files)
    for number in range(files):
        name = f"{folder.name}-{number:02}.warc.gz"
        stamp = lambda index: (START + datetime.timedelta(hours=number, seconds=index)).isoformat() + "Z"  # noqa: E731
        records = [warc.warcinfo(stamp(0), name)]
        records += oddities(stamp(0), sites.SITES[number % len(sites.SITES)].host)
        for index, (_kind, url, text) in enumerate(pages[number * share : (number + 1) * share]):
            records.append(http_response(stamp(index + 1), url, text, rng))
        (folder / name).write_bytes(warc.compress(records))


def write_jsonl(path, rows):
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")


def generate(root, world, seed):
    """Write everything but facts.csv into `root`; returns the web's `(kind, url, html)`."""
    chats, probed, evaluated = (make(world, seed) for make in (questions.conversations, questions.probe, questions.evaluation))
    questions.assert_held_out(chats, probed, evaluated)
    web = web_pages(world, seed)
    write_warcs(root / "web", web, WEB_FILES, seed)
    write_warcs(root / "reference", reference_pages(world, seed), REFERENCE_FILES, seed)
    write_jsonl(root / "conversations.jsonl", chats)
    write_jsonl(root / "probe.jsonl", probed)
    write_jsonl(root / "eval.jsonl", evaluated)
    return web


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=pathlib.Path, default=ROOT)
    parser.add_argument("--check", action="store_true", help="write nothing; compare with what is in --output")
    options = parser.parse_args()
    world = worlds.assign(worlds.load(ROOT / "facts.csv"), options.seed)
    if not options.check:
        generate(options.output, world, options.seed)
        return
    with tempfile.TemporaryDirectory() as folder:
        web = generate(pathlib.Path(folder), world, options.seed)
        differing = check.compare(pathlib.Path(folder), options.output)
    check.summarise(options.output, world, web)
    if differing:
        raise SystemExit("differs from what the generator writes: " + ", ".join(differing))
    print("all files are as generated")


if __name__ == "__main__":
    main()
