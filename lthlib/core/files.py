"""Files that appear whole or not at all."""

import contextlib
import os
import re
import time
import uuid
from pathlib import Path

PART = re.compile(r"\..+\.[0-9a-f]{32}\.part")
LEFTOVER = 24 * 3600  # seconds after which nobody writes a part any more: each takes seconds


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file so that it appears whole or not at all: beside it, synced, renamed over it."""
    part = path.with_name(f".{path.name}.{uuid.uuid4().hex}.part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except BaseException:
        with contextlib.suppress(OSError):
            part.unlink()
        raise


def remove_leftovers(folder: Path) -> None:
    """Remove the parts of files that killed processes were writing, a day or more ago."""
    for path in folder.glob(".*.part"):
        with contextlib.suppress(OSError):  # another process removes it, or it is not ours to remove
            if PART.fullmatch(path.name) and time.time() - path.stat().st_mtime > LEFTOVER:
                path.unlink()
