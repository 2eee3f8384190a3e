"""Heuristic supermasks: what tickets and their controls can do before any step of training.

A mask that makes an untrained network better than chance is a supermask (Zhou et al. 2019, arXiv 1905.01067,
section 5). Here it comes from a criterion, by the tickets of a hunt; masks that are learned are another
matter. The table that `measure` gives is as tidy as a hunt's, so that whatever takes that takes this:

    before = untrained.measure("lenet-digits", score="same_sign", controls="constant_signs,shuffle")
    lthlib.levels(before)
    lthlib.compare(before, "dense")        # against the untrained network without a mask
"""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd
import torch

from lthlib.core.errors import LotteryError
from lthlib.core.processes import one_thread
from lthlib.data import Split
from lthlib.lottery.controls import CONTROLS, check_controls
from lthlib.lottery.search import Hunt, hunt, level_keys
from lthlib.pruning.masks import density
from lthlib.settings import CARRY_ON
from lthlib.storage.store import COLUMNS, TICKET, Key, Store
from lthlib.tasks import Task, prepare
from lthlib.training.engine import pick_device
from lthlib.training.stack import Stack

SPLITS = ("validation", "test", "train")
ALIKE = tuple(name for name, control in CONTROLS.items() if control.trains_alike)  # they differ in training alone


def measure(
    task: str | Task,
    profile: str = "quick",
    *,
    controls: str | Iterable[str] = (),
    device: str = "auto",
    workers: int | None = None,
    results: str | Path | None = None,
    progress: bool = True,
    **chosen,
) -> pd.DataFrame:
    """The networks of a hunt before their training, as a table with the columns of `lthlib.hunt`: a row for
    each split.

    Takes the arguments of `lthlib.hunt`, which finds the tickets whose masks are measured; whatever the store
    holds is not trained again, and no control is trained. A row is at iteration 0 and took 0 seconds. Level 0
    is the network without a mask. Of `lthlib.lottery.controls`, "constant_signs" is the signed constant of
    the paper. Raises LotteryError for a control that differs from the ticket in its training alone, for a
    schedule or rewind point whose tickets start from trained weights, and for whatever a hunt refuses.
    """
    controls = check_controls(controls)
    ready = prepare(task, profile, **chosen)
    task, setting, extent = ready.task, ready.setting, ready.extent
    check_controls(controls, pretrained=task.pretrained)
    alike = [control for control in controls if control in ALIKE]
    if alike:
        raise LotteryError(f"control {alike[0]!r} is the ticket itself before training: leave it out.")
    if setting.schedule in CARRY_ON or setting.rewind:
        start = f"iteration {setting.rewind}" if setting.rewind else f"schedule {setting.schedule!r}"
        raise LotteryError(f"tickets of {start} start from trained weights: measure untrained ones with rewind=0, 'iterative'.")
    hunt(task, profile, device=device, workers=workers, results=results, progress=progress, **chosen)
    search, where = Hunt(task, setting, ready.network, Store(results)), pick_device(device)
    splits = {name: _on(getattr(task.dataset, name), where) for name in SPLITS}
    keys = [key for level in range(extent.levels + 1) for key in level_keys(level, extent, controls)]
    keys = [key for key in keys if search.store.has(setting, Key(TICKET, key.trial, key.level))]  # the hunt may set some aside
    with one_thread():  # as tickets are measured when they are trained
        return pd.DataFrame([row for key in keys for row in _rows(search, key, splits, where)], columns=COLUMNS)


def _rows(search: Hunt, key: Key, splits: dict[str, Split], device: torch.device):
    """The rows of one network, in the order of the columns."""
    setting, task = search.setting, search.task
    ticket = search.make_ticket(key, search.store.load(setting, Key(TICKET, key.trial, key.level)).mask)
    method = setting.schedule if key.method == TICKET else key.method
    named = (task.name, setting.identity(), setting.schedule, method, key.trial, key.redraw, key.level, density(ticket.mask))
    stack = Stack(search.network, [ticket], setting.recipe, splits["train"], device, task.objective)
    for name, split in splits.items():
        loss, accuracy = (float(value) for value in stack.measure(split))
        yield (*named, 0, name, loss, accuracy, 0.0)


def _on(split: Split, device: torch.device) -> Split:
    return Split(split.inputs.to(device), split.targets.to(device))
