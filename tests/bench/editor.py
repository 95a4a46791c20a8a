"""How quick the editor is: a client of `llmp lsp` types in a file of 2,000 lines with 500 stages.

    cargo build --release && python3 tests/bench/editor.py target/release/llmp

prints the tables of tests/bench/editor.md. The store is filled by running all 500 stages first. Then:

* typing: single characters at places where people type; latencies from the last key to the answer, which includes
  reading the new text anew;
* many edits (`--edits 100000`): the server's memory while they go on.
"""

import argparse
import gc
import json
import os
import pathlib
import random
import subprocess
import tempfile
import time

HEADER = """\
//! 五百个阶段 😀
stage my.step(docs: Docs) -> Docs {
  run   = ["sh", "step.sh"]
  rows: Int = 1 in 0..1_000_000_000
  note: Text = ""
  share: Ratio = 50%
}
"""


def program(chains: int = 50) -> str:
    """Chains of a source, two filters and seven commands: 10 stages on 40 lines each."""
    text = [HEADER]
    for chain in range(chains):
        name = f"chain{chain:02}"
        text.append(
            f'/// Where chain {chain} begins.\n{name} = crawl.docs("data/{chain:02}.jsonl")\n'
            f"  |> filter.quality {{ min_words = {chain + 1} }}\n  |> filter.pii {{ mask = [email, phone] }}\n"
        )
        before = name
        for step in range(7):
            after = f"{name}_step{step}"
            text.append(
                f"/// Step {step} of chain {chain}; 第 {step} 步.\n{after} = my.step({before}) {{\n"
                f"  rows  = {chain * 100 + step}\n  share = 80%\n}}\n"
            )
            before = after
        text.append("\n")
    return "".join(text)


class Client:
    """A client over standard input and output, without threads: it reads where it waits."""

    def __init__(self, command, capabilities):
        self.server = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.next = 0
        self.told = []
        self.ask("initialize", {"capabilities": capabilities})
        self.notify("initialized", {})

    def send(self, **message):
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        self.server.stdin.write(b"Content-Length: %d\r\n\r\n" % len(body) + body)
        self.server.stdin.flush()

    def receive(self):
        length = 0
        while line := self.server.stdout.readline().strip():
            if line.lower().startswith(b"content-length:"):
                length = int(line[15:])
        message = json.loads(self.server.stdout.read(length))
        if "method" in message and "id" in message:
            self.send(id=message["id"], result=None)
        return message

    def notify(self, method, params):
        self.send(method=method, params=params)

    def request(self, method, params):
        self.next += 1
        self.send(id=self.next, method=method, params=params)
        return self.next

    def response(self, number):
        while True:
            message = self.receive()
            if "method" in message:
                self.told.append(message)
            elif message["id"] == number:
                if "error" in message:
                    raise RuntimeError(message["error"])
                return message["result"]

    def ask(self, method, params):
        return self.response(self.request(method, params))

    def wait(self, method):
        """The next message with this method that has not been looked at."""
        while not any(message["method"] == method for message in self.told):
            message = self.receive()
            if "method" in message:
                self.told.append(message)
        found = next(message for message in self.told if message["method"] == method)
        self.told.remove(found)
        return found

    def memory(self):
        """Resident memory now and at its peak, in MiB; seconds of processor time."""
        status = pathlib.Path(f"/proc/{self.server.pid}/status").read_text().splitlines()
        sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in status if line.startswith(("VmRSS", "VmHWM"))}
        times = pathlib.Path(f"/proc/{self.server.pid}/stat").read_text().rsplit(") ", 1)[1].split()
        return sizes["VmRSS"], sizes["VmHWM"], (int(times[11]) + int(times[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.ask("shutdown", None)
        self.notify("exit", None)
        self.server.wait()


class Editor:
    """An open file; columns count UTF-16, and where we type all is ASCII."""

    def __init__(self, client, path):
        self.client, self.uri, self.version = client, path.as_uri(), 1
        self.lines = path.read_text().split("\n")
        self.document = {"textDocument": {"uri": self.uri}}
        client.notify(
            "textDocument/didOpen",
            {"textDocument": {"uri": self.uri, "languageId": "llmp", "version": 1, "text": path.read_text()}},
        )

    def replace(self, line, start, end, text):
        self.version += 1
        place = {"start": {"line": line, "character": start}, "end": {"line": line, "character": end}}
        self.client.notify(
            "textDocument/didChange",
            {
                "textDocument": {"uri": self.uri, "version": self.version},
                "contentChanges": [{"range": place, "text": text}],
            },
        )
        old = self.lines[line]
        self.lines[line : line + 1] = (old[:start] + text + old[end:]).split("\n")

    def at(self, line, column):
        return {**self.document, "position": {"line": line, "character": column}}

    def hints(self):
        whole = {"start": {"line": 0, "character": 0}, "end": {"line": len(self.lines), "character": 0}}
        return self.client.ask("textDocument/inlayHint", {**self.document, "range": whole})

    def settle(self):
        """Takes in what the server has said."""
        self.is_same()
        self.client.told.clear()

    def is_same(self):
        return self.client.ask("llmp/text", self.document) == "\n".join(self.lines)


def fill(llmp, folder):
    """Writes the pipeline and runs it, so that every stage has a result."""
    (folder / "data").mkdir()
    for chain in range(50):
        (folder / "data" / f"{chain:02}.jsonl").write_text(
            "".join(json.dumps({"text": f"{chain} {row} a few words of text, more or less."}) + "\n" for row in range(3))
        )
    (folder / "step.sh").write_text('cp "$LLMP_INPUT_DOCS"/* "$LLMP_OUTPUT"/\n')
    path = folder / "main.llmp"
    path.write_text(program())
    subprocess.run([llmp, "run", "--quiet", path.name], cwd=folder, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return path


def quantiles(times):
    times = sorted(times)
    at = lambda share: times[min(len(times) - 1, int(len(times) * share))] * 1e3
    return f"{at(0.5):.1f} | {at(0.95):.1f} | {at(0.99):.1f} | {len(times)}"


def start(llmp, path, capabilities):
    client = Client([llmp, "lsp"], capabilities)
    editor = Editor(client, path)
    while len(editor.hints()) < 500 or any(hint["label"] != "cached" for hint in editor.hints()):
        time.sleep(0.02)
    return client, editor


REFRESH = {"workspace": {"inlayHint": {"refreshSupport": True}}}


def typing(llmp, path, keys, pause):
    """Latencies while typing; one thing is asked at a time, since answers come in order."""
    rng = random.Random(1)
    taken = {name: [] for name in ["push", "pull", "completion", "hover", "hover after a key", "hints"]}

    def timed(name, work):
        begun = time.perf_counter()
        result = work()
        taken[name].append(time.perf_counter() - begun)
        return result

    # Pushed diagnostics, and hints: what the server says on its own.
    client, editor = start(llmp, path, REFRESH)
    settings = [at for at, line in enumerate(editor.lines) if line.startswith("  rows  = ")]
    calls = [at for at, line in enumerate(editor.lines) if " = my.step(" in line]
    for _ in range(keys):
        time.sleep(pause)
        # The end of a name that is used: it is unknown from now on, and known again with the next key.
        line = rng.choice(calls)
        column = editor.lines[line].index(")")
        for text, end in [("x", column), ("", column + 1)]:
            editor.settle()

            def key():
                editor.replace(line, column, end, text)
                return client.wait("textDocument/publishDiagnostics")

            timed("push", key)
            time.sleep(pause)
        # A digit more: the stage re-runs, and all after it.
        line = rng.choice(settings)
        column = len(editor.lines[line])
        for text, end in [("7", column), ("", column + 1)]:
            editor.settle()

            def key():
                editor.replace(line, column, end, text)
                wanted = "re-run" if text else "cached"
                found = None
                while found is None:
                    client.wait("workspace/inlayHint/refresh")
                    hints = (hint for hint in editor.hints() if hint["position"]["line"] == line - 1)
                    found = next((hint for hint in hints if hint["label"].startswith(wanted)), None)

            timed("hints", key)
            time.sleep(pause)
    assert editor.is_same()
    client.close()

    # What the client asks for after a key.
    client, editor = start(llmp, path, {"textDocument": {"diagnostic": {}}})
    for _ in range(keys):
        line = rng.choice(calls)
        # A setting is typed key by key below the call, and taken away.
        editor.replace(line + 1, 0, 0, "\n")
        for column, letter in enumerate("  note = \"字\""):
            editor.replace(line + 1, column, column, letter)
            asked = rng.choice(["pull", "completion", "hover after a key"])
            if asked == "pull":
                timed("pull", lambda: client.ask("textDocument/diagnostic", editor.document))
            elif asked == "completion":
                timed("completion", lambda: client.ask("textDocument/completion", editor.at(line + 1, column + 1)))
            else:
                timed("hover after a key", lambda: client.ask("textDocument/hover", editor.at(line, 3)))
            time.sleep(pause)
            timed("hover", lambda: client.ask("textDocument/hover", editor.at(line, 3)))
        last = len(editor.lines[line + 1])
        editor.replace(line + 1, 0, last, "")
        # The empty line goes with its end.
        editor.version += 1
        place = {"start": {"line": line + 1, "character": 0}, "end": {"line": line + 2, "character": 0}}
        client.notify(
            "textDocument/didChange",
            {"textDocument": {"uri": editor.uri, "version": editor.version}, "contentChanges": [{"range": place, "text": ""}]},
        )
        del editor.lines[line + 1]
    assert editor.is_same()
    client.close()
    return taken


def endurance(llmp, path, edits):
    """Memory over many edits: words are typed and taken back, and something is asked every ten keys."""
    rng = random.Random(2)
    client, editor = start(llmp, path, REFRESH)
    settings = [at for at, line in enumerate(editor.lines) if line.startswith("  rows  = ")]
    print("| edits | RSS, MiB | peak, MiB | server's CPU, s |\n|---:|---:|---:|---:|")
    every = max(1, edits // 10)
    for done in range(0, edits + 1, 10):
        if done % every == 0:
            now, peak, cpu = client.memory()
            print(f"| {done:,} | {now:.1f} | {peak:.1f} | {cpu:.0f} |", flush=True)
        line = rng.choice(settings)
        column = len(editor.lines[line])
        for step in range(5):
            editor.replace(line, column + step, column + step, rng.choice("0123456789"))
        client.ask(rng.choice(["textDocument/hover", "textDocument/completion"]), editor.at(line, 3))
        for step in range(5):
            editor.replace(line, column + 4 - step, column + 5 - step, "")
        if rng.random() < 0.1:
            editor.hints()
            client.ask("textDocument/documentSymbol", editor.document)
            time.sleep(0.01)
        client.told.clear()
    assert editor.is_same()
    client.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("llmp", type=lambda path: str(pathlib.Path(path).resolve()))
    parser.add_argument("--keys", type=int, default=40, help="rounds of typing")
    parser.add_argument("--pause", type=float, default=0.05, help="seconds between two keys")
    parser.add_argument("--edits", type=int, default=0)
    arguments = parser.parse_args()
    gc.disable()
    with tempfile.TemporaryDirectory() as folder:
        path = fill(arguments.llmp, pathlib.Path(folder))
        lines = path.read_text().count("\n")
        if arguments.keys:
            taken = typing(arguments.llmp, path, arguments.keys, arguments.pause)
            print(f"{lines:,} lines, 500 stages\n")
            print("| from the last key to | p50, ms | p95, ms | p99, ms | times |\n|---|---:|---:|---:|---:|")
            names = {
                "push": "diagnostics that the server sends",
                "pull": "diagnostics that the client asks for",
                "completion": "completion",
                "hover after a key": "hover",
                "hover": "hover, the text at rest",
                "hints": "all hints of the new plan",
            }
            for name, title in names.items():
                print(f"| {title} | {quantiles(taken[name])} |")
            print()
        if arguments.edits:
            endurance(arguments.llmp, path, arguments.edits)


if __name__ == "__main__":
    main()
