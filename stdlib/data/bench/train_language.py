"""Trains the built-in language detector: writes `src/filter/language/model.bin`.

    pip download --no-deps lingua-language-detector==1.3.5 && unzip lingua_language_detector-*.whl -d lingua
    pip install brotli
    python3 stdlib/data/bench/train_language.py lingua/lingua/language-models stdlib/data/src/filter/language/model.bin

The counts of letters and triples of letters by language are those that lingua (Apache-2.0, Peter M. Stahl) publishes; it
counted them in the news and Wikipedia corpora of Leipzig. Nothing of the Universal Declaration of Human Rights, with which the detector
is judged, is among them but by chance. Of each language the most frequent triples are kept, with logarithms of their conditional
probabilities as bytes.

The file: `llmplang`, u8 languages, for each u8 length and code; u32 n-grams, sorted, for each three u16 (characters, the last ones 0 where
there are fewer), u8 languages, and for each of these u8 language and u8 weight. Numbers are little-endian.
"""

import json
import math
import pathlib
import struct
import sys

import brotli

# Bosnian and Malay are Croatian and Indonesian to any counting of triples; without them these are right.
LEFT_OUT = {"bs", "ms"}
# A letter of each script that several languages share.
SCRIPTS = "aаاन"
NAMES = ("unigrams", "bigrams", "trigrams")
MOST = (200, 900, 6000)
# The weight of a probability p is (ln p - FLOOR) * SCALE: what is not kept has probability e^FLOOR.
FLOOR, SCALE = (-9.5, -8.0, -8.0), 25


def read(folder, name):
    path = folder / f"{name}.json.br"
    if not path.exists():
        return {}
    found = {}
    for fraction, grams in json.loads(brotli.decompress(path.read_bytes()))["ngrams"].items():
        part, whole = map(int, fraction.split("/"))
        for gram in grams.split(" "):
            found[gram] = math.log(part / whole)
    return found


def main():
    models, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    codes = sorted(path.name for path in models.iterdir() if len(path.name) == 2 and path.name not in LEFT_OUT)
    languages, table = [], {}
    for code in codes:
        grams = [read(models / code, name) for name in NAMES]
        # Languages with a script of their own are known by it.
        if not any(letter in SCRIPTS for letter in sorted(grams[0], key=lambda gram: -grams[0][gram])[:12]):
            continue
        number = len(languages)
        languages.append({"nb": "no"}.get(code, code))
        # The probability of the letters together: each one's under those before it.
        together = lambda gram: sum(grams[length].get(gram[: length + 1], -20) for length in range(len(gram)))
        for length, (given, most) in enumerate(zip(grams, MOST, strict=True)):
            # The most frequent first; of those that are as frequent, the first in order.
            for gram in sorted(given, key=lambda gram: (-together(gram), gram))[:most]:
                weight = round((given[gram] - FLOOR[length]) * SCALE)
                if weight > 0 and all(ord(letter) < 0x10000 for letter in gram):
                    table.setdefault(gram, []).append((number, min(weight, 255)))
    out = bytearray(b"llmplang")
    out += bytes([len(languages)])
    for code in languages:
        out += bytes([len(code)]) + code.encode()
    out += struct.pack("<I", len(table))
    for gram in sorted(table):
        letters = [ord(letter) for letter in gram] + [0] * (3 - len(gram))
        out += struct.pack("<3HB", *letters, len(table[gram]))
        for number, weight in table[gram]:
            out += bytes([number, weight])
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_bytes(out)
    print(f"{len(languages)} languages, {len(table)} n-grams, {len(out)} bytes")


if __name__ == "__main__":
    main()
