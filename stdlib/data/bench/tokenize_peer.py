"""Encodes a text by another library as `examples/tokenize_bench.rs` asks, which runs this.

    tokenize_peer.py gigatoken|tiktoken cl100k_base.tiktoken TEXT.txt IDS.bin

TEXT is cut where the example cuts it. Prints the library's version, the CPU seconds of loading, of the first half with a
fresh encoder and of the second half after it. Writes all ids to IDS as 32-bit numbers. One thread.
"""

import base64
import importlib.metadata
import os
import sys
import time

os.environ["RAYON_NUM_THREADS"] = "1"
import numpy

PIECE_BYTES = 4096
PATTERN = r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+|\s++$|\s*[\r\n]|\s+(?!\S)|\s"


def pieces(data):
    # Lines end with a line feed alone here, as in the example.
    found, start, end = [], 0, 0
    for line in data.split(b"\n"):
        end += len(line) + 1
        if end - start >= PIECE_BYTES:
            found.append(data[start:end].decode())
            start = end
    return found + [data[start:].decode()]


def gigatoken(ranks):
    import gigatoken

    tokenizer = gigatoken.Tokenizer.from_tiktoken(ranks, pretokenizer="cl100k")
    return lambda pieces: tokenizer.encode_batch(pieces, parallel=False)


def tiktoken(ranks):
    import tiktoken

    lines = [line.split() for line in open(ranks, "rb")]
    table = {base64.b64decode(token): int(rank) for token, rank in lines}
    encoding = tiktoken.Encoding("cl100k", pat_str=PATTERN, mergeable_ranks=table, special_tokens={})
    return lambda pieces: [encoding.encode_ordinary(piece) for piece in pieces]


def main():
    name, ranks, text, ids = sys.argv[1:]
    data = pieces(open(text, "rb").read())
    half = (len(data) + 1) // 2
    times, results = [time.process_time()], []
    encode = {"gigatoken": gigatoken, "tiktoken": tiktoken}[name](ranks)
    times.append(time.process_time())
    for part in data[:half], data[half:]:
        results.append(encode(part))
        times.append(time.process_time())
    print(importlib.metadata.version(name), *(b - a for a, b in zip(times, times[1:])))
    with open(ids, "wb") as file:
        for result in results:
            for document in result:
                file.write(numpy.asarray(document, dtype="<u4").tobytes())


main()
