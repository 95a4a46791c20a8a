"""Compares a report of eval.choice or eval.loss with lm-eval on the same model and files, without a network.

Usage: lm_eval_peer.py MODEL REPORT FILE...

MODEL is a model folder as llmp exports it, REPORT the `report.json` of a run with this one model, `few_shot = 0` and
`start = false`; FILE are the task files (JSON lines in the form of ARC or HellaSwag, or `query`, `choices`, `gold`) or, for
eval.loss, the documents (`text`). lm-eval makes prompts and metrics; the logits are computed here in numpy, in 64 bits, and so
depend on nothing of llmp. Prints a table, and exits with 1 where an accuracy differs by more than 0.5 points or a loss by more
than 0.1 %.
"""

import json
import os
import sys
from pathlib import Path

os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")

import lm_eval
import numpy as np
from lm_eval.api.model import TemplateLM
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window
from safetensors.numpy import load_file
from tokenizers import Tokenizer


class Model(TemplateLM):
    """Qwen3 and Llama as transformers lays them out, one sequence at a time."""

    def __init__(self, folder):
        super().__init__()
        self.config = json.loads((folder / "config.json").read_text())
        self.weights = {name: value.astype(np.float64) for name, value in load_file(folder / "model.safetensors").items()}
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))

    @property
    def eot_token_id(self):
        first = self.config["bos_token_id"], self.config["eos_token_id"]
        found = next(token for token in first if token is not None)
        return found[0] if isinstance(found, list) else found

    def tok_encode(self, string, add_special_tokens=None, **kwargs):
        return self.tokenizer.encode(string, add_special_tokens=False).ids

    def norm(self, x, scale):
        return x / np.sqrt((x * x).mean(-1, keepdims=True) + self.config["rms_norm_eps"]) * scale

    def log_probabilities(self, ids):
        config, weights = self.config, self.weights
        heads, kv_heads, width = config["num_attention_heads"], config["num_key_value_heads"], config["head_dim"]
        count = len(ids)
        angles = np.arange(count)[:, None] * config["rope_theta"] ** -(np.arange(0, width, 2) / width)
        cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
        hidden = np.triu(np.full((count, count), -np.inf), 1)
        x = weights["model.embed_tokens.weight"][ids]
        for layer in range(config["num_hidden_layers"]):
            own = {
                name.removeprefix(f"model.layers.{layer}."): value
                for name, value in weights.items()
                if name.startswith(f"model.layers.{layer}.")
            }

            def project(part, heads, source):
                value = (source @ own[f"self_attn.{part}_proj.weight"].T).reshape(count, heads, width)
                scale = own.get(f"self_attn.{part}_norm.weight")
                value = value if scale is None else self.norm(value, scale)
                if part == "v":
                    return value
                low, high = value[..., : width // 2], value[..., width // 2 :]
                return np.concatenate([low * cos - high * sin, high * cos + low * sin], -1)

            source = self.norm(x, own["input_layernorm.weight"])
            q = project("q", heads, source)
            k, v = (np.repeat(project(part, kv_heads, source), heads // kv_heads, 1) for part in "kv")
            scores = np.einsum("qhd,khd->hqk", q, k) / np.sqrt(width) + hidden
            scores = np.exp(scores - scores.max(-1, keepdims=True))
            scores /= scores.sum(-1, keepdims=True)
            x = x + np.einsum("hqk,khd->qhd", scores, v).reshape(count, -1) @ own["self_attn.o_proj.weight"].T
            source = self.norm(x, own["post_attention_layernorm.weight"])
            gate = source @ own["mlp.gate_proj.weight"].T
            x = x + (gate / (1 + np.exp(-gate)) * (source @ own["mlp.up_proj.weight"].T)) @ own["mlp.down_proj.weight"].T
        head = weights.get("lm_head.weight", weights["model.embed_tokens.weight"])
        logits = self.norm(x, weights["model.norm.weight"]) @ head.T
        logits -= logits.max(-1, keepdims=True)
        return logits - np.log(np.exp(logits).sum(-1, keepdims=True))

    def _loglikelihood_tokens(self, requests, disable_tqdm=False, **kwargs):
        found = []
        for _, context, continuation in requests:
            read = (context + continuation)[-(self.config["max_position_embeddings"] + 1) :][:-1]
            rows = self.log_probabilities(read)[-len(continuation) :]
            total = rows[np.arange(len(continuation)), continuation].sum()
            found.append((float(total), bool((rows.argmax(-1) == continuation).all())))
        return found

    def loglikelihood_rolling(self, requests, disable_tqdm=False):
        found = []
        for (text,) in (request.args for request in requests):
            windows = get_rolling_token_windows(
                self.tok_encode(text), self.eot_token_id, self.config["max_position_embeddings"], 1
            )
            rows = [(None, *make_disjoint_window(window)) for window in windows]
            found.append(sum(total for total, _ in self._loglikelihood_tokens(rows)))
        return found

    def generate_until(self, requests, disable_tqdm=False):
        raise NotImplementedError


def task(path):
    """The configuration that lm-eval has for files of this form."""
    with open(path) as file:
        fields = json.loads(file.readline()).keys()
    common = {"task": path.stem, "dataset_path": "json", "dataset_kwargs": {"data_files": {"test": str(path)}}, "test_split": "test"}
    if "text" in fields:
        metric = {"metric": "bits_per_byte", "aggregation": "bits_per_byte", "higher_is_better": False}
        return common | {"output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "{{text}}", "metric_list": [metric]}
    metrics = [{"metric": name, "aggregation": "mean", "higher_is_better": True} for name in ("acc", "acc_norm")]
    common |= {"output_type": "multiple_choice", "metric_list": metrics}
    if "answerKey" in fields:
        return common | {
            "doc_to_text": "Question: {{question}}\nAnswer:",
            "doc_to_choice": "{{choices.text}}",
            "doc_to_target": "{{choices.label.index(answerKey)}}",
        }
    if "endings" in fields:
        from lm_eval.tasks.hellaswag.utils import process_docs

        return common | {
            "process_docs": process_docs,
            "doc_to_text": "{{query}}",
            "doc_to_choice": "choices",
            "doc_to_target": "{{label}}",
        }
    return common | {"doc_to_text": "{{query}}", "doc_to_choice": "choices", "doc_to_target": "{{gold}}"}


def main():
    folder, report, *files = (Path(argument) for argument in sys.argv[1:])
    table = json.loads(report.read_text())["tables"][0]
    names = [column.get("measure") or column["name"] for column in table["columns"]]
    ours = {row["cells"][1]: dict(zip(names, row["cells"])) for row in table["rows"]}
    found = lm_eval.simple_evaluate(model=Model(folder), tasks=[task(path) for path in files], bootstrap_iters=0)
    failed = False
    for path in files:
        theirs = found["results"][path.stem]
        for metric in ("acc", "acc_norm", "bits_per_byte"):
            value = theirs.get(f"{metric},none")
            if value is None:
                continue
            is_loss = metric == "bits_per_byte"
            own = ours["all" if is_loss else path.stem][metric]
            off = abs(own / value - 1) * 100 if is_loss else abs(own - value) * 100
            failed |= off > (0.1 if is_loss else 0.5)
            print(f"{path.stem:20} {metric:14} llmp {own:.6f}  lm-eval {value:.6f}  off {off:.4f} {'%' if is_loss else 'points'}")
    sys.exit(failed)


main()
