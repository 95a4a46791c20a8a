"""Writes the pictures beside this file anew with 128 colours, where they have more."""

from pathlib import Path

from PIL import Image

for path in sorted(Path(__file__).resolve().parent.glob("*.png")):
    image = Image.open(path)
    if image.mode != "P":
        image.convert("RGB").quantize(128, dither=Image.Dither.NONE).save(path, optimize=True)
    print(f"{path.name}: {path.stat().st_size:,} bytes")
