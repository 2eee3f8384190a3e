"""What is kept beside results and is none: what they were made with, and how often they were looked at.

    <results>/<task>/manifest-0123456789ab.json    of one call of `hunt` that trained networks: versions,
                                                   machine, start (UTC) and seconds. Their records name it.
    <results>/<task>/<identity>/looks.json         how many trials each hunt of the setting returned

Neither is part of an identity. Where a manifest is missing, as in older results, its values are UNKNOWN.
Nothing in a manifest names a person, a machine's network name or a path.
"""

import contextlib
import time
import uuid
from collections.abc import Callable
from pathlib import Path

from lthlib.core import locks
from lthlib.core.errors import LotteryError
from lthlib.core.progress import notice
from lthlib.settings import Setting
from lthlib.storage.sealed import seal, unseal, write

UNKNOWN = "unknown"
FACTS = ("lthlib", "commit", "dirty", "python", "torch", "numpy", "device", "workers", "threads", "platform")
FIELDS = ("start", "seconds", *FACTS)  # of a manifest
DATE = "%Y-%m-%dT%H:%M:%SZ"  # in UTC


class Manifest:
    """The manifest of one call of `hunt` on a task. It is written when the first network asks for its name,
    and again, with the seconds the call took, when it is closed. `facts` is asked then for what the networks
    are made with: a value for each of FACTS."""

    def __init__(self, folder: Path, facts: Callable[[], dict]):
        self._folder, self._facts, self._began = folder, facts, time.time()
        self._name, self._content = "", {}

    def name(self) -> str:
        """What records call it, 12 hexadecimal digits. Raises LotteryError where it cannot be written."""
        if not self._name:
            start = time.strftime(DATE, time.gmtime(self._began))
            self._content = {"start": start, "seconds": None, **self._facts()}
            name = uuid.uuid4().hex[:12]
            write(_manifest(self._folder, name), seal(self._content))
            self._name = name
        return self._name

    def close(self) -> None:
        """Note how long the call took, also where it failed; nothing where no network was trained."""
        if self._name:
            self._content["seconds"] = round(time.time() - self._began, 1)
            with contextlib.suppress(LotteryError):  # a full disk: the seconds stay unknown
                write(_manifest(self._folder, self._name), seal(self._content))


def read_manifest(folder: Path, name: str) -> dict:
    """The values of a manifest by the names in FIELDS, UNKNOWN where there is none or it is damaged."""
    content = _read(_manifest(folder, name)) if name != UNKNOWN else None
    values = {field: (content or {}).get(field) for field in FIELDS}
    return {field: UNKNOWN if value is None else value for field, value in values.items()}


def read_looks(home: Path, setting: Setting) -> list[dict]:
    """The looks of a setting in the folder `home`, each with trials, levels and at (UTC), in their order."""
    content = _read(home / "looks.json")
    return content["looks"] if content is not None and content.get("setting") == setting.changes() else []


def add_look(home: Path, setting: Setting, trials: int, levels: int) -> list[dict]:
    """Note that a table of so many trials, carried to so many levels, was returned, and return all looks. One
    like the last is the same look. Where it cannot be noted a notice says so."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with locks.lock(home / ".looks"):
            looks = read_looks(home, setting)
            last = looks[-1] if looks else {"trials": 0, "levels": 0}
            if last["trials"] == trials and (last["levels"] or not levels):
                return looks
            at = time.strftime(DATE, time.gmtime())
            looks.append({"trials": trials, "levels": levels, "at": at})
            write(home / "looks.json", seal({"setting": setting.changes(), "looks": looks}))
            return looks
    except (OSError, LotteryError) as error:
        notice(f"how many trials this hunt returned could not be noted ({error}).")
        return [*read_looks(home, setting), {"trials": trials, "levels": levels, "at": UNKNOWN}]


def _manifest(folder: Path, name: str) -> Path:
    return folder / f"manifest-{name}.json"


def _read(path: Path) -> dict | None:
    try:
        content = unseal(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
        content = None
    if content is None:
        notice(f"{path} is damaged: it is not used.")
    return content
