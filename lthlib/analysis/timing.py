"""How long a training is going to take, judged by networks of the same task that were trained before."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lthlib.core.errors import LotteryError
from lthlib.settings import Setting
from lthlib.storage import atlas
from lthlib.storage.networks import NETWORK
from lthlib.storage.store import COLUMNS, Key, Store


@dataclass(frozen=True)
class Pace:
    """Seconds that one iteration of one network takes, measuring included: the median of so many `networks`
    of the task, found in `source`."""

    seconds: float
    networks: int
    source: str

    def __str__(self) -> str:
        count = "1 network" if self.networks == 1 else f"{self.networks} networks"
        return f"by {count} of the task in {self.source}, {self.seconds:.2g} seconds an iteration"


def pace(task: str, iterations: int, results: str | Path | None = None, where: str | Path | None = None) -> Pace | None:
    """The pace of a task's networks: of those in the results folder, or else in the atlas (the folder
    `where`), whose training is closest in length to so many iterations. None where there are none."""
    for source, table in (("the results folder", _stored(task, results)), ("the atlas", atlas.read(task, where=where))):
        times = _times(table)
        if len(times):
            off = np.log(times.iterations / iterations).abs()
            near = times[off == off.min()]
            return Pace(float((near.seconds / near.iterations).median()), len(near), source)
    return None


def lacking(setting: Setting, keys: Iterable[Key], results: str | Path | None = None) -> list[Key]:
    """Of these networks of a setting those that a results folder does not have; all where it is not there."""
    store = _store(results)
    return [key for key in keys if store is None or not store.has(setting, key)]


def about(seconds: float | None) -> str:
    """A length of time in words: "about 1,200 seconds", "less than a second", or "unknown"."""
    if seconds is None or np.isnan(seconds):
        return "unknown"
    return "less than a second" if seconds < 1 else "about 1 second" if seconds < 1.5 else f"about {seconds:,.0f} seconds"


def _stored(task: str, results: str | Path | None) -> pd.DataFrame:
    """The measurements of a task in a results folder; none where there is no such folder."""
    store = _store(results)
    if store is None:
        return pd.DataFrame(columns=list(COLUMNS))
    return store.table([setting for setting in store.settings() if setting.task == task], all_trials=True)


def _store(results: str | Path | None) -> Store | None:
    try:
        return Store(results, writable=False)
    except LotteryError:
        return None


def _times(table: pd.DataFrame) -> pd.DataFrame:
    """How many iterations each network was trained for, and the seconds it took."""
    curves = table[table.split == "validation"].groupby(NETWORK, sort=False)["iteration"]
    lengths = (curves.max() - curves.min()).rename("iterations").reset_index()
    return lengths[lengths.iterations > 0]
