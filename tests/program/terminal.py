"""Talks to a program on a pseudo-terminal: `terminal.py PROGRAM ARGUMENT…` reads steps from standard input, one a line.

A step is a JSON list: `["send", TEXT]`, `["expect", TEXT]` (waits until the text comes behind what was expected before),
`["wait", SECONDS]`, or `["ends", CODE]`. What the program wrote goes to standard output, and why it failed to standard error.
"""

import json
import os
import pty
import select
import signal
import sys
import time

LIMIT = 60.0


def main():
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.argv[1], sys.argv[1:])
    written, seen = "", 0

    def more(until):
        nonlocal written
        if select.select([terminal], [], [], max(0.0, until - time.monotonic()))[0]:
            try:
                data = os.read(terminal, 65536)
            except OSError:
                return False
            written += data.decode(errors="replace")
            return bool(data)
        return False

    def fail(step):
        sys.stdout.write(written)
        sys.stderr.write(f"failed at {step}\n")
        os.kill(child, signal.SIGKILL)
        sys.exit(1)

    for line in sys.stdin:
        step = json.loads(line)
        until = time.monotonic() + LIMIT
        if step[0] == "send":
            os.write(terminal, step[1].encode())
        elif step[0] == "expect":
            while (at := written.find(step[1], seen)) < 0:
                if not more(until):
                    fail(step)
            seen = at + len(step[1])
        elif step[0] == "wait":
            until = time.monotonic() + step[1]
            while time.monotonic() < until:
                more(until)
        elif step[0] == "ends":
            while more(until):
                pass
            ended = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
            if ended != step[1]:
                fail(step + [ended])
    sys.stdout.write(written)


main()
