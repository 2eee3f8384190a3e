"""Results as CSV, for spreadsheets and other programs: one row a network, with what its setting is."""

import sys
from pathlib import Path

import pandas as pd

from lthlib.analysis.pooling import with_settings
from lthlib.analysis.summary import summarise
from lthlib.core.errors import LotteryError
from lthlib.core.files import write_atomically
from lthlib.core.paths import expanded

SCREEN = "-"  # in place of a file's name: standard output


def networks(table: pd.DataFrame, results: str | Path | None = None) -> pd.DataFrame:
    """One row a network of a tidy table: what `summarise` says of it, and of its setting `with_settings`."""
    return with_settings(summarise(table), results)


def check(file: str | None) -> None:
    """Raise LotteryError where such a file could not be written, before anything is done for it. None is no
    file."""
    if file in (None, SCREEN):
        return
    path = expanded(file)
    if path.is_dir() or not path.parent.is_dir():
        why = "is a folder" if path.is_dir() else f"is in the folder {path.parent}, which is not there"
        raise LotteryError(f"the CSV file {file!r} {why}: name a file in a folder you can write to, or {SCREEN} for the screen.")


def write(rows: pd.DataFrame, file: str) -> None:
    """Write rows as CSV, or print them where the file is SCREEN. Raises LotteryError where that cannot be done."""
    content = rows.to_csv(index=False, lineterminator="\n")
    if file == SCREEN:
        sys.stdout.write(content)
        return
    path = expanded(file)
    try:
        write_atomically(path, content.encode())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise LotteryError(f"{path} could not be written ({reason}): name a file in a folder you can write to.") from error
