"""Checks that transformers loads a model folder and computes the same logits.

Usage: check_logits.py FOLDER LOGITS, where LOGITS is JSON: {"tokens": [..], "logits": [[..], ..]}, as
examples/logits.rs prints it. Exits with 1 where a logit differs by more than 1e-4.
"""

import json
import sys

import torch
from transformers import AutoModelForCausalLM

folder, path = sys.argv[1:3]
with open(path) as file:
    ours = json.load(file)
model, loading = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, output_loading_info=True)
problems = {name: list(keys) for name, keys in loading.items() if keys}
if problems:
    sys.exit(f"transformers did not load the folder cleanly: {problems}")
with torch.inference_mode():
    theirs = model(torch.tensor([ours["tokens"]])).logits[0]
difference = (theirs - torch.tensor(ours["logits"])).abs().max().item()
print(f"{type(model).__name__}: largest difference of {theirs.numel()} logits {difference:.2e}")
sys.exit(difference > 1e-4)
