"""The cities, the part each of them plays, and paragraphs about them."""

import csv
import random
from dataclasses import dataclass

from wordings import ATTRIBUTES, HEADINGS, NAMED, PRONOUN, sentence

# How many cities play which part; together they are the rows of facts.csv.
ASKED, PROBED, SEEN = 40, 120, 60  # the head: on many pages each
TAIL = 3_000  # on one page each
UNSEEN = 100  # on no page of web/
TAIL_PROBED = 1_000
HEADED, OWN_LINES = 0.7, 0.8  # shares of sections


@dataclass(frozen=True)
class City:
    """A row of facts.csv; `facts` holds the value of each attribute as sentences state it."""

    name: str
    facts: dict


@dataclass(frozen=True)
class World:
    """Which city plays which part. The head is `asked`, `probed` and `seen` together."""

    asked: tuple
    probed: tuple
    seen: tuple
    tail: tuple
    unseen: tuple

    @property
    def head(self):
        """The cities that the model is meant to know."""
        return self.asked + self.probed + self.seen

    @property
    def tail_probed(self):
        """The tail cities that probe.jsonl asks about."""
        return self.tail[:TAIL_PROBED]

    @property
    def everyone(self):
        """All cities, by name."""
        return sorted(self.head + self.tail + self.unseen, key=lambda city: city.name)


def load(path):
    """The cities of facts.csv, in file order."""
    with path.open(newline="") as file:
        return [
            City(
                row["name"],
                {
                    "country": row["country"],
                    "population": f"{row['population_thousands']} thousand",
                    "latitude": row["latitude"],
                },
            )
            for row in csv.DictReader(file)
        ]


def assign(cities, seed):
    """Deal the parts out at random, but ask about a city of every country.

    Otherwise tuning on a few cities would teach that only their countries are answers.
    """
    sizes = (ASKED, PROBED, SEEN, TAIL, UNSEEN)
    assert len(cities) == sum(sizes), f"facts.csv has {len(cities)} rows, expected {sum(sizes)}"
    dealt = random.Random(f"{seed}/parts").sample(cities, len(cities))
    first_of = {city.facts["country"]: city for city in reversed(dealt)}
    assert len(first_of) <= ASKED, f"{len(first_of)} countries are more than the {ASKED} cities asked about"
    first = {city.name for city in first_of.values()}
    dealt.sort(key=lambda city: city.name not in first)
    parts = []
    for size in sizes:
        parts.append(tuple(dealt[:size]))
        dealt = dealt[size:]
    return World(*parts)


def section(city, rng, times=1):
    """Blocks that state every fact `times` times, each time in other words, in shuffled order.

    Some sections have a heading with the name, some have every sentence on a line of its own: a value at the start of a
    line, after the name, is what an answer looks like.
    """
    order = [attribute for _ in range(times) for attribute in rng.sample(ATTRIBUTES, len(ATTRIBUTES))]
    named = {a: rng.sample(NAMED[a], len(NAMED[a])) for a in ATTRIBUTES}
    pronoun = {a: rng.sample(PRONOUN[a], len(PRONOUN[a])) for a in ATTRIBUTES}
    sentences = []
    for index, attribute in enumerate(order):
        templates = named if index == 0 or rng.random() < 0.5 else pronoun
        sentences.append(sentence(templates[attribute].pop(), city.name, city.facts[attribute]))
    heading = [("h2", rng.choice(HEADINGS).format(n=city.name))] if rng.random() < HEADED else []
    paragraphs = sentences if rng.random() < OWN_LINES else [" ".join(sentences)]
    return heading + [("p", text) for text in paragraphs]


def entry(city, rng):
    """The gazetteer's short paragraph: the name once, then "it", all facts."""
    first, *later = rng.sample(ATTRIBUTES, len(ATTRIBUTES))
    sentences = [sentence(rng.choice(NAMED[first]), city.name, city.facts[first])]
    sentences += [sentence(rng.choice(PRONOUN[a]), city.name, city.facts[a]) for a in later]
    return " ".join(sentences)
