"""Tasks at a glance, and how much of each network may be pruned."""

import pandas as pd

from lthlib import data, models
from lthlib.core.progress import notice
from lthlib.tasks.catalogue import TASKS
from lthlib.tasks.resolve import Prepared

LOW, NEARLY_WHOLE = 0.5, 0.95  # shares of the parameters that may be pruned: below, they are worth a word


def overview() -> pd.DataFrame:
    """One row per shipped task, its name as index: data, prunable and parameters (how many of each) and share,
    from 0 to 1. Data that is not on this machine is not downloaded for it: the numbers are missing then."""
    rows = {}
    for task in TASKS.values():
        of = models.coverage(task.build()) if data.at_hand(task.data) else None
        counts = (of.prunable, of.parameters, of.share) if of else (pd.NA, pd.NA, float("nan"))
        rows[task.name] = (task.data, *counts)
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["data", "prunable", "parameters", "share"])
    return table.astype({"prunable": "Int64", "parameters": "Int64"}).rename_axis("task")


def say_what_is_prunable(ready: Prepared) -> str:
    """How much of a network may be pruned, in words where that is worth some: for a task of your own that is
    not pruned nearly whole, and for any that is not by half; else empty. Which large parameters are left out,
    and how to include them, is said at once."""
    of, own = models.coverage(ready.network), bool(ready.setting.fingerprint)
    low = of.share < LOW
    if not ready.extent.levels or not (own or low):
        return ""
    if low or of.left_out:
        notice(f"{ready.task.name}, {of}" + (f"; {of.advice()}." if of.left_out else "."))
    return str(of) if of.share < NEARLY_WHOLE else ""
