"""Files that appear whole or not at all, and the folders that people name for them."""

import contextlib
import os
import uuid
from pathlib import Path

from lthlib.core.errors import LotteryError


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


def output_folder(what: str, named: str | Path, sources: tuple[Path, ...] = ()) -> Path:
    """The folder that a person named for what is written, made if need be; `~` is their home.

    `what` is what a message calls it. Raises LotteryError where it is no name, where it cannot be written to,
    and where it is one of `sources` by whatever name or link: what is made from those would replace them.
    """
    if not str(named).strip():
        raise LotteryError(f"{what} is {str(named)!r}: give the name of a folder, such as out.")
    try:
        folder = Path(named).expanduser()
        source = next((s for s in sources if folder.exists() and s.exists() and folder.samefile(s)), None)
        if source is None:
            folder.mkdir(parents=True, exist_ok=True)
            if not os.access(folder, os.W_OK):
                raise PermissionError("permission denied")
    except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: no such home; ValueError: a NUL
        reason = getattr(error, "strerror", None) or str(error)
        raise LotteryError(f"{what} is {str(named)!r}, which cannot be written to ({reason}): give another.") from error
    if source is not None:
        raise LotteryError(f"{what} is {folder}, whose files it would replace: give another folder, such as out.")
    return folder
