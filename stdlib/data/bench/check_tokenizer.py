"""Checks that Hugging Face's libraries read our tokenizer folders as they are and agree with us.

    check_tokenizer.py FOLDER CASES.jsonl [CORPUS.txt]

A line of CASES is {"text", "ids"}, or {"messages", "add_generation_prompt", "ids"} for the chat template. With CORPUS,
which the folder's tokenizer was trained on (min_frequency 2, one document a line), `tokenizers` trains on it too and
must learn the same merges. Exits with 0 where all agrees.
"""

import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from transformers import AutoTokenizer


def check_ids(tokenizer, case):
    if "messages" in case:
        found = tokenizer.apply_chat_template(
            case["messages"], add_generation_prompt=case["add_generation_prompt"], return_dict=False
        )
        return found == case["ids"], found
    # As our encoder does: the names of special tokens in a text are text.
    found = tokenizer(case["text"], split_special_tokens=True)["input_ids"]
    decoded = tokenizer.decode(case["ids"])
    return found == case["ids"] and decoded == case["text"], found


def check_training(folder, corpus):
    ours = json.load(open(f"{folder}/tokenizer.json", encoding="utf-8"))
    specials = len(ours["added_tokens"])
    peer = Tokenizer(models.BPE())
    peer.pre_tokenizer = Tokenizer.from_file(f"{folder}/tokenizer.json").pre_tokenizer
    trainer = trainers.BpeTrainer(
        vocab_size=max(ours["model"]["vocab"].values()) + 1 - specials,
        min_frequency=2,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    with open(corpus, encoding="utf-8", newline="\n") as lines:
        peer.train_from_iterator((line.rstrip("\n") for line in lines), trainer)
    theirs = [list(pair) for pair in json.loads(peer.to_str())["model"]["merges"]]
    ours = ours["model"]["merges"]
    for at, (our, their) in enumerate(zip(ours, theirs)):
        if our != their:
            return f"merge {at} is {our}, `tokenizers` has {their}"
    if len(ours) != len(theirs):
        return f"{len(ours)} merges, `tokenizers` has {len(theirs)}"
    return None


def main():
    folder, cases, *corpus = sys.argv[1:]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    failures = []
    checked = 0
    with open(cases, encoding="utf-8") as lines:
        for case in map(json.loads, lines):
            agrees, found = check_ids(tokenizer, case)
            checked += 1
            if not agrees:
                failures.append(f"{json.dumps(case)[:400]}\n  found {found}")
    if corpus and (difference := check_training(folder, corpus[0])):
        failures.append(difference)
    print(f"{checked} cases checked, {len(failures)} failures")
    print("\n".join(failures))
    sys.exit(1 if failures else 0)


main()
