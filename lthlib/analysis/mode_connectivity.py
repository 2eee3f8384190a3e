"""Linear mode connectivity: loss and error on the straight line between two networks, and the instability
analysis.

Frankle et al. (2020), arXiv 1912.05671, train two copies of a network from one state theta_k, under two
samples of SGD noise: the order of the data, and its augmentation. The **instability** is the highest error on
the straight line between their weights, minus the mean of the errors at the two ends. A ticket and its
control "fork" are such copies, and so are the dense network and its fork, at level 0.

Batch norm keeps a running mean and variance of what passes through it, and those of a network half-way are
not half-way: they belong to data, not to a line. So there are two ways (`norm`):

    recompute     at every point, both ends included, statistics are computed anew from training examples (as
                  for averaged weights in Izmailov et al. 2018, arXiv 1803.05407, and for interpolated ones in
                  Jordan et al. 2023, arXiv 2211.08403). The default: a barrier is then one of the weights
    interpolate   they move in a straight line as the weights do. The ends are then exactly the trained
                  networks, but part of a barrier may be the statistics' own

We do not know which of the two Frankle et al. (2020) used. Without batch norm the two are the same.
"""

import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
import torch
from torch import Tensor
from torch.optim.swa_utils import update_bn

from lthlib import models
from lthlib.core import processes
from lthlib.core.errors import LotteryError
from lthlib.core.progress import bar
from lthlib.core.seeds import seed_for
from lthlib.core.validation import at_least, number, one_of
from lthlib.data import Split
from lthlib.pruning import masks
from lthlib.settings import Recipe, Setting
from lthlib.storage.store import TICKET, Key, Store
from lthlib.tasks import Task, find_task
from lthlib.training import engine
from lthlib.training.stack import EVALUATION_BATCH, Stack, Ticket

State = dict[str, Tensor]

POINTS = 30  # evenly spaced, both ends included: Frankle et al. (2020), section 2
STABLE = 2.0  # percentage points of instability below which they call a network stable
NORMS = ("recompute", "interpolate")
SPLITS = ("test", "validation", "train")
NORM_EXAMPLES = 1000  # training examples that statistics are recomputed from
MEASURES = ["instability", "ticket_error", "fork_error", "highest_error", "loss_barrier", "stable"]
PAIR = ["task", "setting", "schedule", "trial", "redraw", "level", "density", "rewind"]


def interpolate(a: State, b: State, alpha: float) -> State:
    """The state a share `alpha` of the way from `a` to `b`, 0 to 1, as new tensors: exactly `a` at 0 and `b`
    at 1.

    Every floating-point tensor moves in a straight line, batch norm's running statistics too (see the top of
    this file for what `path` makes of them); counters keep the value of `a`. A weight that is zero in both
    stays zero. Raises LotteryError for an alpha out of range, or where the two are not of one architecture.
    """
    alpha = number("alpha", alpha, lambda x: 0 <= x <= 1, "a share of the way from 0 (the first network) to 1 (the second)")
    if (odd := _first_difference(a, b)) is not None:
        raise LotteryError(f"the two networks differ in {odd!r}: a line is drawn between two networks of one architecture.")
    return {name: a[name].lerp(b[name], alpha) if a[name].is_floating_point() else a[name].clone() for name in a}


def path(
    task: str | Task,
    a: State,
    b: State,
    *,
    points: int = POINTS,
    split: str = "test",
    norm: str = "recompute",
    device: str = "auto",
) -> pd.DataFrame:
    """Loss and error on the straight line between two networks of a task: columns alpha, loss, error; one row
    a point.

    `a` and `b` hold every parameter and buffer by name, as `Record.weights` and `Module.state_dict` do.
    `alpha` runs from 0, the first network, to 1, the second, in `points` even steps; `loss` is the task's
    mean loss and `error` 1 - accuracy, from 0 to 1, over every example of the split; `norm` is explained at
    the top of this file. A Task takes your own. Raises LotteryError for a choice out of range, or networks
    that are not the task's.
    """
    task = find_task(task)
    line = _Line(task, points, split, norm)
    if (odd := _first_difference(line.network.state_dict(), a)) is not None:
        raise LotteryError(f"the first network differs from task {task.name!r} in {odd!r}: give two networks of that task.")
    return pd.DataFrame(line.measure(line.examples(task), a, b, device))


def barrier(line: pd.DataFrame, measure: str = "error") -> float:
    """The highest value on a line of `path` minus the mean of its ends: of the error in percentage points, or
    of the "loss".

    Never below 0, since the ends are on the line. It is the instability of Frankle et al. (2020), section 2.
    """
    one_of("measure", measure, ("error", "loss"))
    line = line.sort_values("alpha")
    values = line[measure].to_numpy()
    return float((100 if measure == "error" else 1) * (values.max() - (values[0] + values[-1]) / 2))


def lines(
    task: str | Task,
    table: pd.DataFrame,
    *,
    points: int = POINTS,
    split: str = "test",
    norm: str = "recompute",
    results: str | Path | None = None,
    device: str = "auto",
    workers: int | None = None,
    progress: bool = True,
) -> pd.DataFrame:
    """The line from every ticket of a hunt to its fork: a tidy table with the columns in PAIR, then alpha,
    loss, error.

    `table` is what `lthlib.hunt(task, ..., controls="fork")` returned, or several of them together, such as
    one for each rewind point; level 0 is the dense network and its fork. Their weights are read from the
    store `results`, and each line that was measured is kept there. Other arguments as in `path` and
    `lthlib.hunt`. Raises LotteryError where the table has no forks, or belongs to another task or store.
    """
    task = find_task(task)
    line = _Line(task, points, split, norm)
    engine.check(device, workers)
    store = Store(results)
    pairs = _pairs(task, table, store)
    notes = [line.name(store, pair) for pair in pairs]
    measurements = [store.recall(pair.setting, pair.fork, note) for pair, note in zip(pairs, notes)]
    todo = [at for at, columns in enumerate(measurements) if columns is None]
    shown = bar(points * len(todo), progress)
    for at, columns in _measured(task, line, store, {at: pairs[at] for at in todo}, device, workers):
        measurements[at] = columns
        store.remember(pairs[at].setting, pairs[at].fork, notes[at], columns)
        shown.update(points)
    shown.close()
    stored = len(pairs) - len(todo)
    shown.say(f"{task.name}: {len(todo)} lines of {points} networks measured, {stored} found in the store.")
    tables = [pd.DataFrame(columns).assign(**pair.columns) for pair, columns in zip(pairs, measurements)]
    return pd.concat(tables, ignore_index=True)[[*PAIR, "alpha", "loss", "error"]]


def instability(lines: pd.DataFrame) -> pd.DataFrame:
    """The instability on each of these `lines`, a row for every ticket and its fork.

    Columns: those in PAIR; instability (percentage points, see `barrier`), ticket_error and fork_error at the
    ends and highest_error on the line (0 to 1), loss_barrier, and stable: whether the instability is below 2
    points, which is the threshold of Frankle et al. (2020).
    """
    measurements = []
    for names, line in lines.groupby(PAIR, sort=False):
        error, points = line.sort_values("alpha").error, barrier(line)
        errors = (error.iloc[0], error.iloc[-1], error.max())
        measurements.append((*names, points, *errors, barrier(line, "loss"), is_stable(points)))
    return pd.DataFrame(measurements, columns=[*PAIR, *MEASURES])


def is_stable(points: float) -> bool:
    """Whether an instability, in percentage points, is below 2: the threshold of Frankle et al. (2020)."""
    return bool(points < STABLE)


@dataclass(frozen=True)
class _Pair:
    """A ticket and its fork in a store, and what names them in tables."""

    setting: Setting
    ticket: Key
    fork: Key
    columns: dict


class _Line:
    """Which points of a line between networks of a task are measured, on which examples, and how."""

    def __init__(self, task: Task, points: int, split: str, norm: str):
        one_of("split", split, SPLITS)
        one_of("norm", norm, NORMS)
        self.points, self.split, self.norm = at_least("points", points, 2), split, norm
        with torch.random.fork_rng(devices=[]):  # leaves the caller's random numbers alone
            self.network, self.objective = task.build(), task.objective

    def name(self, store: Store, pair: _Pair) -> str:
        """Names all that a line in a store is made of: the weights at its ends, and how it is measured."""
        ends = [store.digest(pair.setting, key) for key in (pair.ticket, pair.fork)]
        made_of = json.dumps([*ends, self.points, self.split, self.norm, NORM_EXAMPLES])
        return f"line-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"

    def examples(self, task: Task) -> list[np.ndarray]:
        """Inputs that statistics are recomputed from, in no order of class; inputs and targets that are
        measured."""
        train, measured = task.dataset.train, getattr(task.dataset, self.split)
        chosen = torch.randperm(len(train), generator=torch.Generator().manual_seed(seed_for("norm")))[:NORM_EXAMPLES]
        return [train.inputs[chosen].numpy(), measured.inputs.numpy(), measured.targets.numpy()]

    def measure(self, examples: list[np.ndarray], a: State, b: State, device: str) -> dict[str, list]:
        """The columns alpha, loss, error."""
        where = engine.pick_device(device)
        inputs, *measured = (torch.from_numpy(part).to(where) for part in examples)
        split = Split(*measured)
        start = Ticket(a, masks.ones(models.prunable(self.network)), order_seed=0)
        stack = Stack(self.network, [start], Recipe(), split, where, self.objective)  # which measures, and never trains
        alphas, losses, errors = np.linspace(0, 1, self.points).tolist(), [], []
        with processes.one_thread():
            for alpha in alphas:
                stack.load({name: tensor.unsqueeze(0) for name, tensor in interpolate(a, b, alpha).items()})
                if self.norm == "recompute":
                    update_bn((chunk.clone() for chunk in inputs.split(EVALUATION_BATCH)), stack.model)
                loss, accuracy = stack.measure(split)
                losses.append(loss.item())
                errors.append(1 - accuracy.item())
        return {"alpha": alphas, "loss": losses, "error": errors}


def _pairs(task: Task, table: pd.DataFrame, store: Store) -> list[_Pair]:
    """Every fork of the table with its ticket. Raises LotteryError where it has none, or is of another task
    or store."""
    forks = table[table.method == "fork"].drop_duplicates(["setting", "trial", "redraw", "level"])
    if forks.empty:
        raise LotteryError("the table has no control 'fork', the second copies: pass controls='fork' to the hunt.")
    others = sorted(set(forks.task) - {task.name})
    if others:
        raise LotteryError(f"the table is of task {others[0]!r} and not of {task.name!r}: give its own task.")
    settings = {setting.identity(): setting for setting in store.settings()}
    unknown = sorted(set(forks.setting) - settings.keys())
    if unknown:
        raise LotteryError(f"the store {store.folder} has no setting {unknown[0]}: name the results folder of the hunt.")
    pairs = []
    for row in forks.itertuples():
        setting = settings[row.setting]
        columns = {name: getattr(row, name) for name in PAIR if name != "rewind"} | {"rewind": setting.rewind}
        ticket, fork = Key(TICKET, row.trial, row.level), Key("fork", row.trial, row.level, row.redraw)
        pairs.append(_Pair(setting, ticket, fork, columns))
    return pairs


def _first_difference(a: State, b: State) -> str | None:
    """The name of the first tensor by which two architectures differ; None where there is none."""
    odd = sorted(a.keys() ^ b.keys()) or [name for name in a if a[name].shape != b[name].shape]
    return odd[0] if odd else None


def _measured(task: Task, line: _Line, store: Store, todo: dict[int, _Pair], device: str, workers: int | None):
    """Measure these lines and yield (key, columns) of each: the first here, the others in workers if that is
    worth it."""
    if not todo:
        return
    examples, workers, waiting = line.examples(task), workers or joblib.cpu_count(), list(todo)

    def ends(at: int) -> list[State]:
        pair = todo[at]
        return [store.load(pair.setting, key).weights for key in (pair.ticket, pair.fork)]

    while waiting:
        at, began = waiting.pop(0), time.perf_counter()
        yield at, line.measure(examples, *ends(at), device)
        left = (time.perf_counter() - began) * len(waiting)
        if workers > 1 and left > engine.WORTH_WORKERS and engine.pick_device(device).type == "cpu":
            break
    if not waiting:
        return
    pool = joblib.Parallel(
        min(workers, len(waiting)),
        return_as="generator_unordered",
        mmap_mode="c",
        pre_dispatch=2 * workers,
        initializer=processes.leave_with,
        initargs=(os.getpid(),),
    )
    yield from pool(joblib.delayed(_in_worker)(at, line, examples, *ends(at), device) for at in waiting)


def _in_worker(at: int, line: _Line, examples: list[np.ndarray], a: State, b: State, device: str):
    return at, line.measure(examples, a, b, device)
