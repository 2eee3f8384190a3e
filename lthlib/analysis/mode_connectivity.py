"""Linear mode connectivity: loss and error on the straight line between two networks. Two uses of it: the
instability analysis, and barriers between successive levels of a hunt.

Frankle et al. (2020), arXiv 1912.05671, train two copies of a network from one theta_k, under two samples of
SGD noise: the order of the data, and its augmentation. The **instability** is the highest error on the
straight line between their weights, minus the mean of the errors at the two ends.

Two copies must differ in SGD noise and in nothing else. Here every training that starts at theta_k starts
with a fresh optimiser, without momentum. So these are copies:

    a ticket and its fork     the control "fork" is the ticket, from the same weights, under another order
    two forks, at level 0     the dense network is trained from 0 to the end in one go. Where k is above
                              0, its optimiser remembers the steps before k, and that of its fork does not.
                              This alone takes a network nearly as far away as another order of the data does
                              (docs/decisions/0010-instability.md). So two forks are compared, and a hunt
                              needs redraws=2 there. At k = 0 both start afresh, and one fork is enough

Paul et al. (2023), arXiv 2210.03044, look at the line between trained tickets of successive levels, L - 1 and
L of one trial (`successive`). They find that at high sparsity it has no barrier if and only if the tickets
match the dense network. The two differ in SGD noise, and in the weights that the round removed.

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
from collections.abc import Callable
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
from lthlib.core.progress import bar, notice
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
BARRIERS = ["barrier", "loss_barrier", "connected"]
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
    """The line between the two copies of every network of a hunt: a tidy table with the columns in PAIR, then
    alpha, loss, error.

    `table` is what `lthlib.hunt(task, ..., controls="fork")` returned, or several of them together, such as
    one for each rewind point. A line goes from a ticket to each of its forks, and `redraw` is the fork's. At
    level 0 of a rewind point above 0 it goes from a trial's first fork to each of the others (see the top of
    this file): hunt there with redraws=2, which may be a hunt with levels=0 of its own. A dense network that
    has one fork alone is left out, and named in a sentence. Weights are read from the store `results`, and
    each line that was measured is kept there. Other arguments as in `path` and `lthlib.hunt`. Raises
    LotteryError where there is no pair, or the table belongs to another task or store.
    """
    return _between(_copies, task, table, points, split, norm, results, device, workers, progress)


def instability(lines: pd.DataFrame) -> pd.DataFrame:
    """The instability on each of these `lines`, a row for every pair of copies.

    Columns: those in PAIR; instability (percentage points, see `barrier`), ticket_error and fork_error at the
    ends (of two forks, the first one's and the other's) and highest_error on the line (0 to 1), loss_barrier,
    and stable: whether the instability is below 2 points, which is the threshold of Frankle et al. (2020).
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


def successive(
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
    """The line from the trained ticket of every level to that of the next, trial by trial (Paul et al. 2023,
    arXiv 2210.03044): a tidy table with the columns of `lines`.

    `table` is what `lthlib.hunt` returned, or several of them together; no control is needed. Each line is
    named after its sparser end: `level` is L and `density` that of level L, alpha is 0 at level L - 1 and 1
    at level L. Level 0 is the dense network as it was trained, in one go. Lines are kept in the store as
    those of `lines` are. Raises LotteryError where no trial has two successive levels, or the table belongs
    to another task or store.
    """
    return _between(_successors, task, table, points, split, norm, results, device, workers, progress)


def connectivity(lines: pd.DataFrame) -> pd.DataFrame:
    """The barrier on each of these `lines`, a row for every line.

    Columns: those in PAIR; barrier (percentage points of error, see `barrier`), loss_barrier, and connected:
    whether the barrier is below 2 points, the threshold that Frankle et al. (2020) use for instability.
    """
    measurements = []
    for names, line in lines.groupby(PAIR, sort=False):
        points = barrier(line)
        measurements.append((*names, points, barrier(line, "loss"), is_stable(points)))
    return pd.DataFrame(measurements, columns=[*PAIR, *BARRIERS])


def _between(pairs_of: Callable, task, table, points, split, norm, results, device, workers, progress) -> pd.DataFrame:
    """The lines between the pairs of networks that `pairs_of` finds in a table. Those that the store has are
    not measured again."""
    task = find_task(task)
    line = _Line(task, points, split, norm)
    engine.check(device, workers)
    store = Store(results)
    pairs = pairs_of(task, table, store)
    notes = [line.name(store, pair) for pair in pairs]
    measurements = [store.recall(pair.setting, pair.second, note) for pair, note in zip(pairs, notes)]
    todo = [at for at, columns in enumerate(measurements) if columns is None]
    shown = bar(points * len(todo), progress)
    for at, columns in _measured(task, line, store, {at: pairs[at] for at in todo}, device, workers):
        measurements[at] = columns
        store.remember(pairs[at].setting, pairs[at].second, notes[at], columns)
        shown.update(points)
    shown.close()
    stored = len(pairs) - len(todo)
    shown.say(f"{task.name}: {len(todo)} lines of {points} networks measured, {stored} found in the store.")
    tables = [pd.DataFrame(columns).assign(**pair.columns) for pair, columns in zip(pairs, measurements)]
    return pd.concat(tables, ignore_index=True)[[*PAIR, "alpha", "loss", "error"]]


@dataclass(frozen=True)
class _Pair:
    """Two networks of one setting in a store, and what names the line between them in tables."""

    setting: Setting
    first: Key
    second: Key
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
        ends = [store.digest(pair.setting, key) for key in (pair.first, pair.second)]
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


def _copies(task: Task, table: pd.DataFrame, store: Store) -> list[_Pair]:
    """Every fork of the table with the other copy of its network. Raises LotteryError where no fork has one,
    or the table is of another task or store."""
    forks = table[table.method == "fork"].drop_duplicates(["setting", "trial", "redraw", "level"])
    if forks.empty:
        raise LotteryError("the table has no control 'fork', the second copies: pass controls='fork' to the hunt.")
    settings = _settings(task, forks, store)
    first_forks = forks[forks.level == 0].groupby(["setting", "trial"]).redraw.min()
    pairs, paired, dense = [], set(), set()
    for row in forks.itertuples():
        setting, fork = settings[row.setting], Key("fork", row.trial, row.level, row.redraw)
        other = Key(TICKET, row.trial, row.level)
        if row.level == 0 and setting.rewind:  # the dense run is not restarted at k
            dense.add((setting.rewind, row.trial))
            other = Key("fork", row.trial, 0, int(first_forks[row.setting, row.trial]))
            if fork == other:
                continue
            paired.add((setting.rewind, row.trial))
        pairs.append(_Pair(setting, other, fork, _columns(row, setting)))
    _say_alone(sorted({rewind for rewind, _ in dense - paired}), found=bool(pairs))
    return pairs


def _say_alone(rewinds: list[int], found: bool) -> None:
    """Say at which rewind points a dense network has one fork alone. Raises LotteryError where no other pair
    was found."""
    if not rewinds:
        return
    problem = f"at rewind {', '.join(map(str, rewinds))} a dense network has one fork, and its instability is between two"
    advice = "hunt there with controls='fork', redraws=2 (levels=0 is enough)"
    if not found:
        raise LotteryError(f"{problem}: {advice}.")
    notice(f"Level 0 is left out: {problem}. To have it, {advice}, and add that table.")


def _successors(task: Task, table: pd.DataFrame, store: Store) -> list[_Pair]:
    """Every ticket of the table with that of the level before. Raises LotteryError where there is none, or
    the table is of another task or store."""
    tickets = table[table.method == table.schedule].drop_duplicates(["setting", "trial", "level"])
    settings = _settings(task, tickets, store)
    present = set(zip(tickets.setting, tickets.trial, tickets.level))
    pairs = []
    for row in tickets.itertuples():
        if (row.setting, row.trial, row.level - 1) in present:
            before, after = (Key(TICKET, row.trial, level) for level in (row.level - 1, row.level))
            setting = settings[row.setting]
            pairs.append(_Pair(setting, before, after, _columns(row, setting)))
    if not pairs:
        raise LotteryError("the table has no two successive levels of a trial: hunt for levels=1 or more, without `only`.")
    return pairs


def _settings(task: Task, rows: pd.DataFrame, store: Store) -> dict[str, Setting]:
    """The settings of a store by identity. Raises LotteryError where rows are of another task, or the store
    does not have theirs."""
    others = sorted(set(rows.task) - {task.name})
    if others:
        raise LotteryError(f"the table is of task {others[0]!r} and not of {task.name!r}: give its own task.")
    settings = {setting.identity(): setting for setting in store.settings()}
    unknown = sorted(set(rows.setting) - settings.keys())
    if unknown:
        raise LotteryError(f"the store {store.folder} has no setting {unknown[0]}: name the results folder of the hunt.")
    return settings


def _columns(row, setting: Setting) -> dict:
    """What names a line: the columns in PAIR, from a row of the table, with the setting's rewind point."""
    return {name: getattr(row, name) for name in PAIR if name != "rewind"} | {"rewind": setting.rewind}


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
        return [store.load(pair.setting, key).weights for key in (pair.first, pair.second)]

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
