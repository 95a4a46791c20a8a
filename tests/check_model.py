"""Checks that transformers continues a text with a model folder exactly as `llmp sample -t 0` does.

Usage: check_model.py LLMP FOLDER, in a folder with a store whose newest base model is FOLDER.
(That the logits agree within 1e-4 is tested in stdlib/model.)
"""

import subprocess
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

llmp, folder = sys.argv[1:3]
prompt, count = "The river", 12
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
start = [tokenizer.convert_tokens_to_ids("<|endoftext|>")] + tokenizer.encode(prompt, add_special_tokens=False)
ids = list(start)
with torch.inference_mode():
    for _ in range(count):
        following = int(model(torch.tensor([ids])).logits[0, -1].argmax())
        if following == start[0]:
            break
        ids.append(following)
theirs = tokenizer.decode(ids[1:])
ours = subprocess.run(
    [llmp, "sample", prompt, "-t", "0", "-n", str(count)], capture_output=True, text=True, check=True
).stdout.rstrip("\n")
print(f"ours:   {ours!r}\ntheirs: {theirs!r}")
sys.exit(ours != theirs)
