"""What a person does in Helix: applies the fix of a mistake, formats, renames across files. What matters is what the files
say then, so each step is typed until they do; the server may need a moment."""

import os
import pty
import select
import struct
import sys
import termios
import time
from fcntl import ioctl
from pathlib import Path

PATIENCE = 40
PAUSE = 0.4
MAIN, COMMON = Path("main.llmp"), Path("common.llmp")
ENTER, ESCAPE, CLEAR = "\r", "\x1b", "\x15"

process, terminal = pty.fork()
if process == 0:
    os.execv(sys.argv[1], [sys.argv[1], str(MAIN)])
ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 110, 0, 0))
shown = bytearray()


def read(seconds):
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([terminal], [], [], left)[0]:
            shown.extend(os.read(terminal, 1 << 16))


def step(what, keys, holds):
    """Types `keys`, a list of what is typed between pauses, and saves everything, until `holds`: more and more slowly."""
    end, pause = time.monotonic() + PATIENCE, PAUSE
    while True:
        for key in [ESCAPE, *keys, ESCAPE, ":wa" + ENTER]:
            os.write(terminal, key.encode())
            read(pause)
        pause *= 1.5
        if holds():
            print(what)
            return
        if time.monotonic() > end:
            raise SystemExit(f"waited in vain: {what}\n{MAIN.read_text()}\n{COMMON.read_text()}\n{bytes(shown[-4000:])!r}")


read(1)
step("mended by a code action", ["gg/qualty" + ENTER, " a", ENTER], lambda: "filter.quality" in MAIN.read_text())
step("formatted", [":format" + ENTER], lambda: "|> filter.quality { min_words = 20 }" in MAIN.read_text())
step(
    "renamed in both files",
    ["gg/clean" + ENTER, " r", CLEAR + "tidy" + ENTER],
    lambda: "tidy(crawl" in MAIN.read_text() and "def tidy(raw: Docs)" in COMMON.read_text(),
)
os.write(terminal, (":qa!" + ENTER).encode())
