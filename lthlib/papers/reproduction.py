"""Filling the atlas: the papers' experiments in an order that gives the most evidence first, for as long as there is time.

First one trial of everything, cheapest first, then a second of everything, and so on: two trials of ten experiments say more
than ten of two. Finished networks are in the results folder, so that a fill goes on where the last one stopped; what a hunt has
finished is added to the atlas after it, also when time runs out within it.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import joblib
import torch

from lthlib import data, lottery
from lthlib.analysis import inspection
from lthlib.core.errors import LotteryError
from lthlib.core.progress import notice
from lthlib.settings import Setting
from lthlib.storage import atlas
from lthlib.storage.store import Store
from lthlib.tasks import PROFILES, find_task, resolve
from lthlib.training import engine

LOOKED_AT = 2  # trials whose tickets are shipped to be looked into


@dataclass(frozen=True)
class Experiment:
    """One row of a paper's figures: a task, what it changes of the profile, and its controls, with one redraw."""

    task: str
    changes: dict = field(default_factory=dict)
    controls: str = ""

    def setting(self, profile: str) -> Setting:
        return resolve(find_task(self.task), profile, **self.changes)[0]


# Frankle & Carbin (2019), cheapest first: figures 1 to 5 and 10 (LeNet, Conv), then 7 and 8 (ResNet, VGG), then dropout (6).
EXPERIMENTS = [
    Experiment("lenet-mnist", {}, "reinit"),
    Experiment("lenet-mnist", {"schedule": "oneshot"}),
    Experiment("conv2-cifar10", {}, "reinit"),
    Experiment("conv4-cifar10", {}, "reinit"),
    Experiment("conv6-cifar10", {}, "reinit"),
    Experiment("resnet20-cifar10", {}, "reinit"),
    Experiment("resnet20-cifar10", {"learning_rate": 0.03, "warmup": 20_000}, "reinit"),
    Experiment("resnet20-cifar10", {"learning_rate": 0.01}, "reinit"),
    Experiment("lenet-mnist", {"schedule": "continued"}, "reset"),
    Experiment("vgg19-cifar10", {"warmup": 10_000}, "reinit"),
    Experiment("vgg19-cifar10", {}, "reinit"),
    Experiment("vgg19-cifar10", {"learning_rate": 0.01}, "reinit"),
    Experiment("conv2-dropout-cifar10"),
    Experiment("conv4-dropout-cifar10"),
    Experiment("conv6-dropout-cifar10"),
]


class _TimeIsUp(BaseException):
    """Not an Exception, so that nothing on the way takes it for an error."""


def fill(
    budget: float | None = None,
    *,
    device: str = "auto",
    results: str | Path | None = None,
    where: str | Path | None = None,
    tasks: list[str] | None = None,
    profile: str = "paper",
    trials: int = 5,
    **extent,
) -> list[Path]:
    """Compute what the atlas lacks, for `budget` seconds (without, all of it), and return the files it wrote.

    `tasks` limits it to these; `where` is another atlas folder than the usual one; `extent` may be `levels` or `iterations`.
    A task whose data is not at hand is left out, with a notice. Raises LotteryError for a task that is not in the plan.
    """
    here = planned(tasks)
    engine.check(device, None)
    for task in sorted({e.task for e in here if not data.at_hand(find_task(e.task).data)}):
        notice(f"{task} is left out: its data is not in {data.data_folder()} (a hunt of it with a network downloads it).")
        here = [experiment for experiment in here if experiment.task != task]
    written = {}
    with _until(budget):
        for count in range(1, trials + 1):
            for experiment in here:
                try:
                    lottery.hunt(
                        experiment.task, profile, controls=experiment.controls, redraws=1, trials=count, device=device,
                        results=results, **experiment.changes, **extent,
                    )  # fmt: skip
                finally:
                    with _undisturbed():
                        if path := _add(experiment, profile, extent, Store(results), device, where):
                            written[path] = None
    return list(written)


def planned(tasks: list[str] | None = None) -> list[Experiment]:
    """The experiments of these tasks, or all. Raises LotteryError for a task that is not in the plan."""
    names = sorted({experiment.task for experiment in EXPERIMENTS})
    for task in tasks or ():
        if task not in names:
            raise LotteryError(f"the atlas has no plan for {task!r}: choose of {', '.join(names)}.")
    return [experiment for experiment in EXPERIMENTS if experiment.task in (tasks or names)]


def missing(
    profile: str = "paper", trials: int = 5, where: str | Path | None = None, tasks: list[str] | None = None
) -> list[tuple[Experiment, int]]:
    """The plan, and how many trials of each experiment's dense network to sparsest ticket the atlas lacks."""
    found = []
    for experiment in planned(tasks):
        table = atlas.read(experiment.task, experiment.setting(profile), where)
        levels = PROFILES[experiment.task][profile].extent.levels
        complete = table[(table.level == levels) & (table.method == table.schedule)].trial.nunique() if len(table) else 0
        found.append((experiment, max(0, trials - complete)))
    return found


def _add(experiment: Experiment, profile: str, extent: dict, store: Store, device: str, where) -> Path | None:
    """Add what the store holds of an experiment to the atlas, and its tickets' looks; None where it holds nothing new."""
    setting = resolve(find_task(experiment.task), profile, **{**experiment.changes, **extent})[0]
    table, shipped = store.table([setting]), atlas.read(experiment.task, setting, where)
    own, known = (rows[[*atlas.NETWORK, "seconds"]].drop_duplicates() for rows in (table, shipped))
    if table.empty or len(own.merge(known)) == len(own):
        return None
    path = atlas.write(
        table, experiment.task, {"machine": _machine(device), "about": f"profile {profile}, by lthlib atlas"}, where
    )
    seen = inspection.read(experiment.task, where)
    for trial in sorted(table.trial.unique())[:LOOKED_AT]:
        levels = table[(table.trial == trial) & (table.method == setting.schedule)].level.unique()
        seen[setting.identity(), int(trial)] = [
            inspection.stored(setting, int(trial), int(level), store) for level in sorted(levels)
        ]
    inspection.write(experiment.task, seen, where)
    return path


def _machine(device: str) -> str:
    chosen = engine.pick_device(device)
    if chosen.type == "cuda":
        return f"one {torch.cuda.get_device_name(chosen)}"
    return f"{joblib.cpu_count()} CPU cores" if chosen.type == "cpu" else f"one {chosen.type} device"


@contextlib.contextmanager
def _until(budget: float | None) -> Iterator[None]:
    """End what goes on inside when so many seconds are over. Only in the main thread of a process that has alarms."""
    if budget is None or not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def over(*_):
        raise _TimeIsUp

    before = signal.signal(signal.SIGALRM, over)
    signal.setitimer(signal.ITIMER_REAL, budget)
    began = time.monotonic()
    try:
        yield
    except _TimeIsUp:
        notice(f"{budget:.0f} seconds are over ({time.monotonic() - began:.0f}): what is finished is in the atlas.")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Time does not run out inside: it is looked at again after."""
    if os.name != "posix" or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGALRM})
