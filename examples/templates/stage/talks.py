"""Makes a conversation of each document: its first line is asked for, the rest is the answer."""

import json
import os
import pathlib

docs = pathlib.Path(os.environ["LLMP_INPUT_DOCS"])
output = pathlib.Path(os.environ["LLMP_OUTPUT"])

with open(output / "conversations.jsonl", "w", encoding="utf-8") as talks:
    for shard in sorted(docs.glob("*.jsonl")):
        with open(shard, encoding="utf-8") as lines:
            for line in lines:
                title, _, text = json.loads(line)["text"].partition("\n")
                if text.strip():
                    messages = [
                        {"role": "user", "content": f"Tell me about this: {title}"},
                        {"role": "assistant", "content": text.strip()},
                    ]
                    print(json.dumps({"messages": messages}), file=talks)
