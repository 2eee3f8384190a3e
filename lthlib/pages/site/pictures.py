"""Pictures of the site: taken out of outputs, made light, and kept once however often they are shown."""

import base64
import hashlib
import io
import re
from pathlib import Path

from PIL import Image

from lthlib.plots.show import on_white

FOLDER = "_pictures"
LEAST = 3000  # characters of a picture that is worth a file of its own
COLOURS = 96  # of a figure: lines, bands and letters need no more
EMBEDDED = re.compile(r"(<img\b[^>]*?)src=([\"'])data:image/(png|svg\+xml);base64,([^\"']+)\2")


class Pictures:
    """The folder of pictures. `home` is what is copied beside the site's pages as it is."""

    def __init__(self, home: Path):
        self.folder = home / FOLDER
        self.folder.mkdir(parents=True, exist_ok=True)

    def taken_out(self, page: str, depth: int = 1) -> str:
        """HTML whose embedded pictures are files instead, for a page that lies `depth` folders deep."""

        def as_file(found: re.Match) -> str:
            before, _, kind, content = found.groups()
            if len(content) < LEAST:
                return found[0]
            name = self.kept(base64.b64decode(content), kind)
            room = "" if " width=" in before or kind != "png" else _room(self.folder / name)
            return f'{before}{room}loading="lazy" src="{"../" * depth}{FOLDER}/{name}"'

        return EMBEDDED.sub(as_file, page)

    def kept(self, content: bytes, kind: str) -> str:
        """The name of the file with a picture; `kind` is png or svg+xml."""
        content, ending = (content, "svg") if kind == "svg+xml" else (light(content), "png")
        name = f"{hashlib.sha256(content).hexdigest()[:16]}.{ending}"
        (self.folder / name).write_bytes(content)
        return name


def light(png: bytes) -> bytes:
    """A PNG in few colours on white, where that makes it smaller."""
    file = io.BytesIO()
    on_white(io.BytesIO(png)).quantize(COLOURS, dither=Image.Dither.NONE).save(file, format="PNG", optimize=True)
    return min(file.getvalue(), png, key=len)


def _room(png: Path) -> str:
    """Width and height of a picture, so that a page does not jump when it arrives."""
    with Image.open(png) as image:
        return f'width="{image.width}" height="{image.height}" '
