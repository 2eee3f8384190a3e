"""One small picture a lesson, for the README's table: `make thumbnails`."""

import base64
import io
import re
from pathlib import Path

from PIL import Image

from lthlib.core.files import write_atomically
from lthlib.plots.show import on_white

FOLDER = "docs/thumbnails"
WIDTH, HEIGHT, COLOURS = 360, 220, 48
LARGEST = 40_000  # bytes
TAG = "thumbnail"  # of the cell whose picture stands for its lesson
PNG = re.compile(r"<img\b[^>]*?src=([\"'])data:image/png;base64,([^\"']+)\1")


def of(book: dict) -> bytes | None:
    """The picture of a lesson that has been run, as a small PNG: of the cell with the tag "thumbnail", else
    the first figure; None where it shows none."""
    cells = [cell for cell in book["cells"] if cell["cell_type"] == "code"]
    marked = [cell for cell in cells if TAG in cell["metadata"].get("tags", [])]
    for cell in marked or cells:
        for output in cell["outputs"]:
            if found := PNG.search("".join(output.get("data", {}).get("text/html", ""))):
                return small(base64.b64decode(found[2]))
    return None


def small(png: bytes) -> bytes:
    """A PNG of at most WIDTH by HEIGHT, in few colours on white."""
    flat = on_white(io.BytesIO(png))
    flat.thumbnail((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    file = io.BytesIO()
    flat.quantize(COLOURS, dither=Image.Dither.NONE).save(file, format="PNG", optimize=True)
    return file.getvalue()


def write(books: dict[str, dict], folder: Path) -> list[Path]:
    """Write the pictures of lessons to `folder` as 00.png and so on; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, book in sorted(books.items()):
        if picture := of(book):
            written.append(folder / f"{name[:2]}.png")
            write_atomically(written[-1], picture)
    return written
