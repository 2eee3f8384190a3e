"""What results were made with, and how often they were looked at while trials were added."""

from pathlib import Path

import pandas as pd

from lthlib.analysis.pooling import POOLED, settings_of
from lthlib.analysis.summary import one_setting
from lthlib.core.errors import LotteryError
from lthlib.settings import Setting
from lthlib.storage.store import Store


def manifest(of: pd.DataFrame | Setting | str, results: str | Path | None = None) -> pd.DataFrame:
    """What the networks of a table, of a setting, or of a hunt as "task/identity" were made with.

    A row for each setting and each call of `hunt` that trained some of its networks: how many, start (UTC)
    and seconds of the call, the versions of lthlib, Python, torch and NumPy, git commit and whether the
    checkout was dirty, device, workers, threads and platform. What was not kept, as in older results, is
    "unknown". `results` is the folder that the hunts were kept in; None takes the usual one. Raises
    LotteryError where it does not have a setting.
    """
    return Store(results, writable=False).manifests(_settings(of, results))


def looks(of: pd.DataFrame | Setting | str, results: str | Path | None = None) -> list[int]:
    """How many trials the hunts of one setting returned, in their order, such as [3, 5]: trials 3 and 4 were
    added after a look at the first three.

    Arguments as in `manifest`. Empty for results that are older than this count. Raises LotteryError for a
    table of several settings: each has looks of its own.
    """
    if isinstance(of, pd.DataFrame):
        one_setting(of)
    settings = _settings(of, results)
    if len(settings) > 1:
        raise LotteryError(f"the table holds {len(settings)} pooled seeds, each with looks of its own: give one hunt's table.")
    return [count for setting in settings for count in Store(results, writable=False).looks(setting)]


def _settings(of: pd.DataFrame | Setting | str, results: str | Path | None) -> list[Setting]:
    if isinstance(of, pd.DataFrame):
        apart = of[["task", "setting"]].drop_duplicates().assign(setting=lambda rows: rows.setting.str.split(POOLED))
        return list(settings_of(apart.explode("setting"), results).values())
    return [of if isinstance(of, Setting) else Store(results, writable=False).find(of)]
