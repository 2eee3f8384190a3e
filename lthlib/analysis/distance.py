"""How far training moves a network from where it began: the learning distance of He et al. (2022), arXiv
2206.08684, the L2 norm of the final minus the initial parameters.

A pruned weight is zero at both ends and adds nothing. A sparse network has fewer weights to move, so two
numbers are given: the distance, and the root mean square of a parameter's move, which does not grow with
their count.
"""

import math
from collections.abc import Mapping
from pathlib import Path

import pandas as pd
from torch import Tensor

from lthlib.core.errors import LotteryError
from lthlib.pruning.masks import Mask, density
from lthlib.storage.store import TICKET, Key, Store, setting_name
from lthlib.tasks import Task

COLUMNS = ["trial", "level", "density", "distance", "moves", "per_weight"]


def moved(start: Mapping[str, Tensor], end: Mapping[str, Tensor], mask: Mask) -> tuple[float, int]:
    """The L2 distance between two states of one network under a mask, and how many of its numbers could
    move.

    `start` and `end` hold parameters by name: leave buffers such as running means out. `mask` has 0 or 1
    for each prunable weight; what is in no mask, such as a bias, is kept. Raises LotteryError where the
    two differ in names or shapes, or the mask names something else.
    """
    if start.keys() != end.keys() or any(start[name].shape != end[name].shape for name in start):
        raise LotteryError("the two states differ in names or shapes: give one network before and after its training.")
    if not mask.keys() <= start.keys():
        unknown = sorted(mask.keys() - start.keys())[0]
        raise LotteryError(f"the mask names {unknown!r}, which the states do not have: give the mask of this network.")
    squares, kept = 0.0, 0
    for name, before in start.items():
        change = end[name].double() - before.double()
        if name in mask:
            change = change[mask[name].bool()]
        squares += float(change.square().sum())
        kept += change.numel()
    return math.sqrt(squares), kept


def by_network(task: Task, table: pd.DataFrame, results: str | Path | None = None) -> pd.DataFrame:
    """How far each ticket of a hunt moved from theta_k, which it was reset to, until the end of its
    training.

    One row per trial and level, with columns trial, level, density (0 to 1), distance (L2), moves (the
    numbers that could move) and per_weight (the root mean square of their moves). `table` is a hunt's,
    under a schedule that resets; `results` the folder that it was kept in. Raises LotteryError for a
    table of several settings, or for networks that are not in the store.
    """
    store = Store(results, writable=False)
    setting = store.find(str(setting_name(table)))
    names = [name for name, _ in task.build().named_parameters()]
    tickets = table.loc[table.method == table.schedule, ["trial", "level"]].drop_duplicates()
    rows = []
    for trial, of_trial in tickets.groupby("trial"):
        start = store.load(setting, Key(TICKET, int(trial), 0)).start
        for level in of_trial.level:
            record = store.load(setting, Key(TICKET, int(trial), int(level)))
            parts = ({name: state[name] for name in names} for state in (start, record.weights))
            distance, moves = moved(*parts, record.mask)
            rows.append((trial, level, density(record.mask), distance, moves, distance / math.sqrt(moves)))
    return pd.DataFrame(rows, columns=COLUMNS)
