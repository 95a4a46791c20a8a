"""The pictures of Neovim and Helix: runs them in a terminal that only this script sees, types, and draws what stands there.

    python terminal.py FOLDER [nvim|helix]

FOLDER holds who-is.llmp and its store. Needs llmp, nvim 0.10 or newer, hx 25.07 or newer, a C compiler, pyte and Pillow.
See README.md beside this file.
"""

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

import pyte
from PIL import Image, ImageDraw, ImageFont

COLUMNS, LINES = 112, 30
HERE = Path(__file__).resolve().parent
FONTS = Path(os.environ.get("FONTS", "/usr/share/fonts/truetype/dejavu"))
# What Neovim paints, as cells have it that it only clears.
BACK = "e0e2ea"
NAMED = {
    "black": "14161b", "red": "b3002d", "green": "00703c", "brown": "7a5200", "blue": "004c73", "magenta": "6b2fa0",
    "cyan": "007373", "white": "eef1f8",
}


class Screen(pyte.Screen):
    """pyte takes the reports of newer terminals' abilities for other things."""

    def set_margins(self, *args, **kwargs):
        kwargs.pop("private", None)
        super().set_margins(*args, **kwargs)

    def report_device_status(self, *args, **kwargs):
        pass


class Terminal:
    def __init__(self, arguments, folder):
        self.screen = Screen(COLUMNS, LINES)
        self.stream = pyte.ByteStream(self.screen)
        self.process, self.file = pty.fork()
        if self.process == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
            os.chdir(folder)
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LANG="C.UTF-8")
            os.execvp(arguments[0], arguments)

    def read(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.file], [], [], left)[0]:
                try:
                    data = os.read(self.file, 1 << 16)
                except OSError:  # it has ended
                    return
                # Curly underlines, whose colour pyte does not know, are underlines.
                data = re.sub(rb"\x1b\[58[:;][0-9:;]*m|\x1b\[59m", b"", data)
                self.stream.feed(re.sub(rb"\x1b\[4:[0-9]m", b"\x1b[4m", data))

    def wait(self, text, seconds=30):
        end = time.monotonic() + seconds
        while text not in "\n".join(self.screen.display):
            if time.monotonic() > end:
                raise SystemExit(f"waited in vain for `{text}`:\n" + "\n".join(self.screen.display))
            self.read(0.1)
        self.read(0.7)

    def type(self, keys, seconds=0.4):
        os.write(self.file, keys.encode())
        self.read(seconds)

    def draw(self, name):
        """Writes the screen as a picture."""
        normal, bold = (ImageFont.truetype(str(FONTS / f"{font}.ttf"), 14) for font in ("DejaVuSansMono", "DejaVuSansMono-Bold"))
        width, height = round(normal.getlength("m")), 18
        image = Image.new("RGB", (COLUMNS * width, LINES * height), f"#{BACK}")
        draw = ImageDraw.Draw(image)

        def colour(value, default):
            return "#" + (default if value == "default" else NAMED.get(value.removeprefix("bright"), value))

        for row in range(LINES):
            for column in range(COLUMNS):
                cell = self.screen.buffer[row][column]
                front, back = colour(cell.fg, "14161b"), colour(cell.bg, BACK)
                if cell.reverse:
                    front, back = back, front
                x, y = column * width, row * height
                draw.rectangle([x, y, x + width - 1, y + height - 1], fill=back)
                if cell.data.strip():
                    draw.text((x, y + 1), cell.data, font=bold if cell.bold else normal, fill=front)
                if cell.underscore:
                    draw.line([x, y + height - 2, x + width - 1, y + height - 2], fill=front)
        cursor = self.screen.cursor
        x, y = cursor.x * width, cursor.y * height
        draw.rectangle([x, y, x + width - 1, y + height - 1], outline="#14161b")
        path = HERE / f"{name}.png"
        image.quantize(64).save(path, optimize=True)
        print(path.name)


def neovim(folder):
    terminal = Terminal(["nvim", "--clean", "-u", str(HERE / "init.lua"), "who-is.llmp"], folder)
    try:
        terminal.wait("cached")
        terminal.draw("nvim-dry-run")
        terminal.type("/language\rcwlangage\x1b")
        terminal.wait("there is no stage")
        terminal.type(":lua vim.diagnostic.open_float()\r")
        terminal.wait("did you mean")
        terminal.draw("nvim-mistake")
    finally:
        terminal.type("\x1b:qall!\r")


def helix(folder):
    """As the README says, with inlay hints, in a home of its own."""
    with tempfile.TemporaryDirectory() as home:
        config = Path(home) / ".config/helix"
        shutil.copytree(HERE / "../helix/queries", config / "runtime/queries")
        (config / "runtime/grammars").mkdir()
        languages = (HERE / "../helix/languages.toml").read_text()
        (config / "languages.toml").write_text(languages.replace("# config", "config"))
        shutil.copy(HERE / "helix.toml", config / "config.toml")
        source = HERE / "../tree-sitter-llmp/src"
        files = [source / "parser.c", source / "scanner.c"]
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-I", source, *files, "-o", config / "runtime/grammars/llmp.so"], check=True)
        os.environ["HOME"] = home
        terminal = Terminal(["hx", "who-is.llmp"], folder)
        try:
            terminal.wait("cached")
            terminal.draw("helix-dry-run")
            terminal.type("/language\rclangage\x1b")
            terminal.wait("did you mean")
            terminal.draw("helix-mistake")
        finally:
            terminal.type("\x1b:quit-all!\r")


def main():
    editors = {"nvim": neovim, "helix": helix}
    folder, *wanted = sys.argv[1:]
    for name in wanted or editors:
        editors[name](folder)


main()
