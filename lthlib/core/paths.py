"""Where things are: this checkout, what comes with lthlib, results and data; and paths as people write them."""

import os
import site
import sysconfig
from pathlib import Path

from lthlib.core.errors import LotteryError

CHECKOUT = Path(__file__).resolve().parents[2]  # the folder that holds lthlib/; of a checkout, its root
IN_CHECKOUT = (CHECKOUT / "pyproject.toml").exists()


def shipped(name: str) -> Path:
    """A file or folder that comes with lthlib, such as "notebooks" or "data/atlas": of this checkout, else
    where pip has put it, which may be the user's own folder."""
    if IN_CHECKOUT:
        return CHECKOUT / name
    places = [Path(base) / "share" / "lthlib" / name for base in (sysconfig.get_path("data"), site.getuserbase())]
    return next((place for place in places if place.exists()), places[0])


def results_folder() -> Path:
    """Where results are kept: `LTHLIB_RESULTS` if set, else `results/` of this checkout or where you are."""
    return _folder("LTHLIB_RESULTS", "results")


def data_folder() -> Path:
    """Where data sets are kept: `LTHLIB_DATA` if set, else `data/` of this checkout or where you are."""
    return _folder("LTHLIB_DATA", "data")


def expanded(path: str | os.PathLike) -> Path:
    """The path that a person gave, with a first `~` or `~name` as that home folder. Every path from outside
    comes through here.

    Raises LotteryError where it is no path, or where there is no such home folder.
    """
    try:
        return Path(path).expanduser()
    except TypeError as error:
        kind = type(path).__name__
        raise LotteryError(f"the path {path!r} is of type {kind}: give a text or a pathlib.Path.") from error
    except RuntimeError as error:
        advice = "write the folder's whole path"
        raise LotteryError(f"the path {str(path)!r} begins with a home folder that is not known: {advice}.") from error


def _folder(variable: str, name: str) -> Path:
    if os.environ.get(variable):
        return expanded(os.environ[variable])
    return (CHECKOUT if IN_CHECKOUT else Path.cwd()) / name
