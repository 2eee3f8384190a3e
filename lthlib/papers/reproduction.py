"""Filling the atlas: the papers' experiments in an order that gives the most evidence first, for as long as
there is time. What is shipped is not trained again.

First one trial of everything, cheapest first, then a second of everything, and so on: two trials of ten
experiments say more than ten of two. Finished networks are in the results folder, so that a fill goes on
where the last one stopped; what a hunt has finished is added to the atlas after it, also when time runs out
within it.
"""

import contextlib
import itertools
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import joblib
import pandas as pd
import torch

from lthlib import data, lottery
from lthlib.analysis import inspection, timing
from lthlib.analysis.timing import Pace, about
from lthlib.core.errors import LotteryError
from lthlib.core.files import output_folder
from lthlib.core.progress import notice
from lthlib.core.validation import at_least, number
from lthlib.lottery import looks
from lthlib.settings import AT_ONCE, Setting
from lthlib.storage import atlas
from lthlib.storage.store import TICKET, Key, Store
from lthlib.tasks import find_task, resolve
from lthlib.training import engine

WHY_LEFT_OUT = "since they build on networks that are shipped without their weights"
LOOKED_AT = 2  # trials whose tickets are shipped for a look inside


@dataclass(frozen=True)
class Experiment:
    """One row of a paper's figures: a task, what it changes of the profile, and its controls, each with so
    many redraws."""

    task: str
    changes: dict = field(default_factory=dict, hash=False)
    controls: str = ""
    redraws: int = 1

    def setting(self, profile: str, **extent) -> Setting:
        return resolve(find_task(self.task), profile, **self.changes, **extent)[0]


# Frankle & Carbin (2019), cheapest first: figures 1 to 5, 10 (LeNet, Conv), 7, 8 (ResNet, VGG), 6 (dropout).
# The paper draws 3 new networks for each reinitialised ticket, and 10 random ones a point: 3 a trial make 15.
EXPERIMENTS = [
    Experiment("lenet-mnist", {}, "reinit", redraws=3),
    Experiment("lenet-mnist", {"schedule": "oneshot"}, "reinit"),
    Experiment("lenet-mnist", {}, "random", redraws=3),
    Experiment("lenet-mnist", {}, "shuffle"),
    Experiment("conv2-cifar10", {}, "reinit"),
    Experiment("conv4-cifar10", {}, "reinit"),
    Experiment("conv6-cifar10", {}, "reinit"),
    Experiment("resnet20-cifar10", {}, "reinit"),
    Experiment("resnet20-cifar10", {"learning_rate": 0.03, "warmup": 20_000}, "reinit"),
    Experiment("resnet20-cifar10", {"learning_rate": 0.01}, "reinit"),
    Experiment("lenet-mnist", {"schedule": "continued"}, "reset"),
    Experiment("lenet-mnist", {"schedule": "untrained"}),
    Experiment("vgg19-cifar10", {"warmup": 10_000}, "reinit"),
    Experiment("vgg19-cifar10", {}, "reinit"),
    Experiment("vgg19-cifar10", {"learning_rate": 0.01}, "reinit"),
    Experiment("conv2-dropout-cifar10"),
    Experiment("conv4-dropout-cifar10"),
    Experiment("conv6-dropout-cifar10"),
]


class _TimeIsUp(KeyboardInterrupt):
    """An interruption, so that nothing on the way takes it for an error of somebody's code."""


def fill(
    budget: float | None = None,
    *,
    device: str = "auto",
    results: str | Path | None = None,
    where: str | Path | None = None,
    tasks: list[str] | None = None,
    experiments: list[Experiment] | None = None,
    profile: str = "paper",
    trials: int = 5,
    add: bool = True,
    **extent,
) -> list[Path]:
    """Compute what the atlas lacks, for `budget` seconds (without, all of it), and return the files it
    wrote.

    What is shipped is not trained again, also where this results folder does not have it. So a trial of
    which a part is shipped goes on only in the folder that has its weights, and is left out elsewhere,
    with a notice. `tasks` limits it to these, and `experiments` are others than all of the plan; `where`
    is another atlas folder than the usual one; with `add` False the atlas stays as it is, and networks are
    in the results folder alone; `extent` may be `levels` or `iterations`. A task whose data is missing is
    left out, with a notice. Raises LotteryError for a task that is not in the plan, a number that is out
    of range, or an atlas that cannot be written to.
    """
    experiments = planned(tasks) if experiments is None else experiments
    at_least("trials", trials, 1)
    if budget is not None:
        number("budget", budget, lambda seconds: 0 < seconds < 1e10, "seconds above 0, or leave it out")
    engine.check(device, None)
    if add:
        output_folder("the atlas", where or atlas.folder())
    without_data = {e.task for e in experiments if not data.at_hand(find_task(e.task).data)}
    for task in sorted(without_data):
        reason = f"its data is not in {data.data_folder()} (a hunt of it with a network downloads it)"
        notice(f"{task} is left out: {reason}.")
    experiments = [e for e in experiments if e.task not in without_data]
    files, scale = [], {"profile": profile, "results": results, "where": where, **extent}
    for lacking in (_lacking(experiment, trials=trials, **scale) for experiment in experiments):
        if lacking.left_out:
            notice(f"{lacking.name}: {lacking.left_out} networks are left out, {WHY_LEFT_OUT}.")
    with _until(budget) as clock:
        for count, experiment in itertools.product(range(1, trials + 1), experiments):
            setting = experiment.setting(profile, **extent)
            try:
                if _lacking(experiment, trials=count, **scale).to_train:
                    changes = {**experiment.changes, **extent, "controls": experiment.controls, "redraws": experiment.redraws}
                    changes["leave_out"] = shipped_keys(setting, where)
                    with looks.unseen():  # how many trials there will be is decided
                        lottery.hunt(experiment.task, profile, trials=count, device=device, results=results, **changes)
            finally:  # also when time is up: what the hunt has finished by then is in its store
                with clock.stopped():
                    files += _add(setting, profile, Store(results), device, where) if add else []
    return list(dict.fromkeys(files))


def planned(tasks: list[str] | None = None) -> list[Experiment]:
    """The experiments of these tasks, or all. Raises LotteryError for a task that is not in the plan."""
    names = sorted({experiment.task for experiment in EXPERIMENTS})
    for task in tasks or ():
        if task not in names:
            raise LotteryError(f"the atlas has no plan for {task!r}: choose of {', '.join(names)}.")
    return [experiment for experiment in EXPERIMENTS if experiment.task in (tasks or names)]


@dataclass(frozen=True)
class Lacking:
    """How far an experiment is from whole, in networks: all of them, those that are `shipped`, those that
    a results folder has `stored` besides, and those `to_train`. What is left over is built on networks
    that are shipped without their weights: it would need these trained again, and is left out. `seconds`
    is how long those to train take one after the other by the `pace` of the task's networks, None where
    that is unknown."""

    experiment: Experiment
    networks: int
    shipped: int
    stored: int
    to_train: int
    seconds: float | None
    pace: Pace | None

    @property
    def left_out(self) -> int:
        return self.networks - self.shipped - self.stored - self.to_train

    @property
    def name(self) -> str:
        """The task, what the experiment changes of its profile, and its controls."""
        parts = [f"{name} {value}" for name, value in self.experiment.changes.items()]
        if self.experiment.controls:
            parts.append(f"{self.experiment.redraws} x {self.experiment.controls}")
        return f"{self.experiment.task} ({', '.join(parts)})" if parts else self.experiment.task

    def __str__(self) -> str:
        parts = [f"{self.shipped} of {self.networks} networks are shipped"]
        parts += [f"{self.stored} in the results folder to be added"] if self.stored else []
        length = f"{about(self.seconds)} one after the other, {self.pace}" if self.pace else "how long is unknown"
        parts.append(f"{self.to_train} to train" + (f" ({length})" if self.to_train else ""))
        parts += [f"{self.left_out} left out, {WHY_LEFT_OUT}"] if self.left_out else []
        return f"{self.name}: {', '.join(parts)}"


def missing(
    profile: str = "paper",
    trials: int = 5,
    where=None,
    tasks=None,
    results: str | Path | None = None,
    experiments: list[Experiment] | None = None,
    **extent,
) -> list[Lacking]:
    """The plan, or other `experiments`, and what of so many trials of each is shipped, stored in a results
    folder, or to be trained. Raises LotteryError as `fill` does."""
    at_least("trials", trials, 1)
    scale = {"profile": profile, "trials": trials, "results": results, "where": where, **extent}
    return [_lacking(experiment, **scale) for experiment in (planned(tasks) if experiments is None else experiments)]


def _lacking(experiment: Experiment, profile: str, trials: int, results, where, **extent) -> Lacking:
    """`missing` of one experiment."""
    setting, whole = resolve(
        find_task(experiment.task), profile, **experiment.changes, **extent, trials=trials, redraws=experiment.redraws
    )
    keys = [key for level in range(whole.levels + 1) for key in lottery.level_keys(level, whole, _controls(experiment))]
    shipped = shipped_keys(setting, where) & set(keys)
    lacking = set(timing.lacking(setting, keys, results))
    stored, to_train = set(keys) - shipped - lacking, _trainable(keys, shipped, lacking, setting)
    pace = timing.pace(setting.task, setting.recipe.iterations, results, where) if to_train else None
    seconds = pace.seconds * setting.recipe.iterations * len(to_train) if pace else None
    return Lacking(experiment, len(keys), len(shipped), len(stored), len(to_train), seconds, pace)


def _trainable(keys: list[Key], shipped: set[Key], lacking: set[Key], setting: Setting) -> list[Key]:
    """Of networks in the order of level, those that are neither shipped nor stored, and whose trial has the
    tickets that they are made from in the results folder, or will have."""
    at_hand = {key for key in keys if key.method == TICKET and key not in lacking}
    to_train = []
    for key in sorted(keys, key=lambda key: (key.level, key.method != TICKET)):
        before = {Key(TICKET, key.trial, 0 if setting.schedule in AT_ONCE else key.level - 1), Key(TICKET, key.trial, 0)}
        if key in lacking and key not in shipped and (key.level == 0 or before <= at_hand):
            to_train.append(key)
            at_hand |= {key} if key.method == TICKET else set()
    return to_train


def shipped_keys(setting: Setting, where: str | Path | None = None) -> set[Key]:
    """The networks of a setting that the atlas has."""
    table = atlas.read(setting.task, setting, where).drop_duplicates(atlas.NETWORK)
    rows = table[["method", "trial", "level", "redraw"]].itertuples(index=False, name=None)
    return {Key(TICKET if method == setting.schedule else method, *place) for method, *place in rows}


def _controls(experiment: Experiment) -> tuple[str, ...]:
    return tuple(filter(None, experiment.controls.split(",")))


def _add(setting: Setting, profile: str, store: Store, device: str, where) -> list[Path]:
    """Add what the store holds of a setting to the atlas, and its tickets' looks; no file where nothing is
    new."""
    table, task = store.table([setting]), setting.task
    inside = inspection.read(task, where)
    trials = sorted(set(range(LOOKED_AT)) & set(table.trial))
    looked_at = all((setting.identity(), trial) in inside for trial in trials)
    if looked_at and _networks(table) <= _networks(atlas.read(task, setting, where)):
        return []
    provenance = {"machine": _machine(device), "about": f"profile {profile}, by lthlib atlas"}
    path = atlas.write(table, task, provenance, where)
    tickets = table[table.method == setting.schedule]
    for trial in trials:
        levels = sorted(tickets.level[tickets.trial == trial].unique().tolist())
        inside[setting.identity(), trial] = [inspection.stored(setting, trial, level, store) for level in levels]
    inspection.write(task, inside, where)
    return [path]


def _networks(table: pd.DataFrame) -> set[tuple]:
    """Every network of a table, with the seconds it took: a network that was trained again counts as
    another."""
    return set(table[[*atlas.NETWORK, "seconds"]].itertuples(index=False, name=None))


def _machine(device: str) -> str:
    chosen = engine.pick_device(device)
    if chosen.type == "cuda":
        return f"one {torch.cuda.get_device_name(chosen)}"
    return f"{joblib.cpu_count()} CPU cores" if chosen.type == "cpu" else f"one {chosen.type} device"


def _alarms_arrive() -> bool:
    """Whether time can run out: alarms are for the main thread, on systems that have them."""
    return hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()


class _Clock:
    """Raises _TimeIsUp at an alarm; while it is `stopped`, not before the end of that."""

    def __init__(self) -> None:
        self.running, self.is_up = True, False

    def over(self, *_) -> None:
        self.is_up = True
        if self.running:
            raise _TimeIsUp

    @contextlib.contextmanager
    def stopped(self) -> Iterator[None]:
        # Not by a signal mask: it is for one thread, and the alarm of a process may reach another one.
        self.running, up_before = False, self.is_up
        try:
            yield
        finally:
            self.running = True
        if self.is_up and not up_before:
            raise _TimeIsUp


@contextlib.contextmanager
def _until(budget: float | None) -> Iterator[_Clock]:
    """End what goes on inside when so many seconds are over, where alarms arrive."""
    clock = _Clock()
    if budget is None or not _alarms_arrive():
        yield clock
        return
    handler = signal.signal(signal.SIGALRM, clock.over)
    signal.setitimer(signal.ITIMER_REAL, budget)
    began = time.monotonic()
    try:
        yield clock
    except _TimeIsUp:
        seconds = time.monotonic() - began
        notice(f"{budget:.0f} seconds are over ({seconds:.0f}): what is finished is in the atlas.")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
