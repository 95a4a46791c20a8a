"""Keeps documents with enough words, and says why others go. Needs nothing but Python."""

import json
import os
import pathlib

docs = pathlib.Path(os.environ["LLMP_INPUT_DOCS"])
output = pathlib.Path(os.environ["LLMP_OUTPUT"])
settings = json.loads(pathlib.Path(os.environ["LLMP_SETTINGS"]).read_text(encoding="utf-8"))

with open(output / "dropped.jsonl", "w", encoding="utf-8") as dropped:
    for shard in sorted(docs.glob("*.jsonl")):
        # One file for each shard, under its name.
        with open(shard, encoding="utf-8") as lines, open(output / shard.name, "w", encoding="utf-8") as kept:
            for line in lines:
                doc = json.loads(line)
                words = len(doc["text"].split())
                if words >= settings["least"]:
                    doc["text"] = doc["text"].strip()
                    print(json.dumps(doc), file=kept)
                else:
                    why = {"id": doc["id"], "url": doc["url"], "rule": "my.too_short", "value": f"{words} words"}
                    print(json.dumps(why), file=dropped)
