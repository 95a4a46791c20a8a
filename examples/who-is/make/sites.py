"""The invented sites: hosts, page furniture, and HTML around the article text."""

import dataclasses
import html


@dataclasses.dataclass(frozen=True)
class Site:
    """A site's furniture. `layout` is one of `LAYOUTS`."""

    host: str
    name: str
    layout: str
    menu: tuple
    footer: str
    scheme: str = "https"


SITES = (
    Site("atlas-notes.example", "Atlas Notes", "blog", ("Home", "Archive", "Maps", "About us", "Contact"), "© Atlas Notes. All rights reserved."),
    Site("places.gazette.example", "The Gazette", "news", ("News", "Sport", "Weather", "Places", "Subscribe"), "The Gazette · Terms of use · Privacy policy"),
    Site("www.wayfarer.example", "Wayfarer", "blog", ("Start", "Routes", "Packing", "Forum"), "Made with care by Wayfarer. Powered by Quill."),
    Site("townbook.example", "Townbook", "wiki", ("Main page", "Random page", "Help", "Recent changes", "Log in"), "Text is available under a free licence."),
    Site("www.meridian-review.example", "Meridian Review", "news", ("Front page", "Essays", "Letters", "Shop"), "Meridian Review, printed four times a year."),
    Site("lists.cartographer.example", "The Cartographer", "wiki", ("Index", "Sources", "Tools"), "Last change: see the history tab.", "http"),
)  # fmt: skip

GAZETTEER = Site("gazetteer.example", "Open Gazetteer", "entry", ("Index", "Search", "Sources"), "Source: GeoNames, CC BY 4.0.")

COOKIES = (
    "This site uses cookies to give you the best experience.",
    "We value your privacy. We and our partners use cookies.",
    "By continuing you agree to our cookie policy.",
)
SIDEBAR = (
    ("Popular this week", ("Ten quiet squares", "Night trains", "Where to drink tea", "Our reader survey")),
    ("Follow us", ("Newsletter", "Feed", "Podcast")),
    ("More from this section", ("The long way round", "Harbours", "Maps we love", "Old post offices")),
    ("Advertisement", ("Boots on sale", "Book a cabin")),
)


def _links(items, kind):
    return "".join(f'<li><a href="/{kind}/{i}">{html.escape(item)}</a></li>' for i, item in enumerate(items))


def _head(site, title, language):
    return (
        f'<!DOCTYPE html>\n<html lang="{language}">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(title)} - {html.escape(site.name)}</title>\n"
        f'<link rel="stylesheet" href="/style.css">\n<script>window.page = {{"host": "{site.host}"}};</script>\n</head>\n'
    )


def _banner(rng):
    return f'<div class="cookie-banner" role="dialog"><p>{rng.choice(COOKIES)}</p><button>Accept all</button></div>\n'


def _sidebar(rng):
    heading, items = rng.choice(SIDEBAR)
    return f'<aside class="sidebar"><h3>{heading}</h3><ul>{_links(items, "more")}</ul></aside>\n'


def _blog(site, title, text, rng):
    return (
        f'<header class="site-header"><a href="/">{site.name}</a><nav><ul>{_links(site.menu, "menu")}</ul></nav></header>\n'
        f"<main>\n<article>\n<h1>{title}</h1>\n{text}</article>\n</main>\n{_sidebar(rng)}"
        f'<div class="share-buttons"><a href="#">Share</a> <a href="#">Print</a></div>\n'
    )


def _news(site, title, text, rng):
    return (
        f'<div id="top-menu" class="menu"><ul>{_links(site.menu, "menu")}</ul></div>\n{_sidebar(rng)}'
        f'<main id="content">\n<article class="story">\n<h1>{title}</h1>\n{text}</article>\n</main>\n'
        f'<div class="related-posts"><h3>Related</h3><ul>{_links(rng.choice(SIDEBAR)[1], "related")}</ul></div>\n'
    )


def _wiki(site, title, text, _rng):
    return (
        f'<nav class="navigation"><ul>{_links(site.menu, "wiki")}</ul></nav>\n'
        f'<div id="content"><article>\n<h1>{title}</h1>\n{text}</article></div>\n'
        f'<div class="tools"><form action="/search"><input name="q"><button>Search</button></form></div>\n'
    )


def _entry(site, _title, text, _rng):
    # No heading inside the article: the entry must stay short enough for a small model's context.
    return f'<nav><ul>{_links(site.menu, "menu")}</ul></nav>\n<main><article>\n{text}</article></main>\n'


LAYOUTS = {"blog": _blog, "news": _news, "wiki": _wiki, "entry": _entry}


def prose(paragraphs):
    """Blocks without headings."""
    return [("p", paragraph) for paragraph in paragraphs]


def page(site, title, blocks, rng, language="en"):
    """A whole HTML page; `blocks` are `(tag, text)`, the tag `p` or `h2`."""
    text = "".join(f"<{tag}>{html.escape(words, quote=False)}</{tag}>\n" for tag, words in blocks)
    body = LAYOUTS[site.layout](site, html.escape(title), text, rng)
    footer = f'<footer class="footer"><p>{html.escape(site.footer)}</p></footer>\n'
    return f"{_head(site, title, language)}<body>\n{_banner(rng)}{body}{footer}</body>\n</html>\n"
