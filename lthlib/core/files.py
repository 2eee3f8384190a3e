"""Files that appear whole or not at all, and the folders that people name for them."""

import contextlib
import os
import re
import time
import uuid
from pathlib import Path

from lthlib.core.errors import LotteryError
from lthlib.core.paths import expanded

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


def output_folder(what: str, named: str | Path, sources: tuple[Path, ...] = ()) -> Path:
    """The folder that a person named for what is written, made if need be; `~` is their home.

    `what` is what a message calls it. Raises LotteryError where it is no name, where it cannot be written to,
    and where it is one of `sources` by whatever name or link: what is made from those would replace them.
    """
    if not str(named).strip():
        raise LotteryError(f"{what} is {str(named)!r}: give the name of a folder, such as out.")
    try:
        folder = expanded(named)
        source = next((s for s in sources if folder.exists() and s.exists() and folder.samefile(s)), None)
        if source is None:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError("permission denied")
    except (OSError, ValueError) as error:  # ValueError: a NUL
        reason = getattr(error, "strerror", None) or str(error)
        raise LotteryError(f"{what} is {str(named)!r}, which cannot be written to ({reason}): give another.") from error
    if source is not None:
        raise LotteryError(f"{what} is {folder}, whose files it would replace: give another folder, such as out.")
    return folder
