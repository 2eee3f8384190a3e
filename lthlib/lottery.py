"""The algorithm: find tickets, train controls. Reads like the box in Frankle & Carbin (2019), section 1:

    1. Randomly initialise a network.                      theta_0 = initial_weights(seed)
    2. Train it for j iterations.                          level 0
    3. Prune the lowest weights, which makes a mask.       next_mask
    4. Reset what is left to its initial values.           Ticket(theta, mask)
    5. To prune iteratively, repeat from 2.                the next level

All trials and controls of a level are trained as one batch; whatever the store holds already is not trained again.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from lthlib import engine, masks, models
from lthlib.engine import Ticket, Trained
from lthlib.errors import LotteryError
from lthlib.masks import Mask
from lthlib.progress import bar
from lthlib.scores import SCORES
from lthlib.settings import Extent, Setting, check_controls, seed_for
from lthlib.store import TICKET, Key, Record, Store
from lthlib.tasks import Task, find_task, resolve


def hunt(
    task: str | Task,
    profile: str = "quick",
    *,
    schedule: str = "iterative",
    levels: int | None = None,
    rate: float | None = None,
    trials: int | None = None,
    iterations: int | None = None,
    rewind: int | None = None,
    score: str | None = None,
    scope: str | None = None,
    controls: str | Iterable[str] = (),
    redraws: int | None = None,
    seed: int | None = None,
    device: str = "auto",
    workers: int | None = None,
    results: str | Path | None = None,
    progress: bool = True,
    **recipe,
) -> pd.DataFrame:
    """Find tickets, train their controls, and return one tidy table.

    What is None is taken from the profile of the task. The table has one row per setting, method, trial, redraw, level,
    iteration and split, with density and accuracy from 0 to 1, the loss, and the seconds of each training;
    `lthlib.summarise` makes one row per network of it.

    task        name of a task (see `lthlib.TASKS`), or a `lthlib.Task` of your own
    profile     "smoke" (seconds), "quick" (a minute or two) or "paper" (the paper's own numbers)
    schedule    "iterative": prune and reset once a level; "oneshot": prune the trained dense network once, for each level;
                "continued": prune once a level and train on without resetting
    levels      prune rounds: levels 0 (dense) to `levels` are trained
    rate        share of the surviving weights removed in one round
    trials      repetitions, each with its own seed
    iterations  optimiser steps of each training
    rewind      iteration k whose weights theta_k a pruned network is reset to; 0 is the initialisation
    score       pruning criterion, "magnitude" or "random"
    scope       "layer": every layer at its own rate; "global": all layers pooled
    controls    any of "reinit", "shuffle", "random", "dense", "reset", as a list or a text with commas (see `make_ticket`)
    redraws     how many networks of each control a trial trains
    seed        changes every random number of the hunt
    device      "auto", "cpu", "cuda", "cuda:1", "mps"
    workers     processes on a CPU; None takes all cores
    results     folder of the store; None takes `LTHLIB_RESULTS` or results/
    progress    whether to show a bar
    recipe      any other field of `lthlib.Recipe`, such as learning_rate=0.01 or optimizer="sgd"

    Raises LotteryError for a value out of range, before anything is trained or written.
    """
    task, controls = find_task(task), check_controls(controls)
    engine.check(device, workers)
    with torch.random.fork_rng(devices=[]):  # building a network to look at must not move the caller's random numbers
        torch.default_generator.manual_seed(0)  # what a state_dict leaves out must not depend on the caller either
        network = task.build()
        task.check(network)
        setting, extent = resolve(
            task, profile, schedule=schedule, levels=levels, rate=rate, trials=trials, iterations=iterations, rewind=rewind,
            score=score, scope=scope, redraws=redraws, seed=seed, **recipe,
        )  # fmt: skip
    if "reset" in controls and setting.schedule != "continued":
        raise LotteryError(
            f"control 'reset' is the ticket itself under schedule {setting.schedule!r}: choose schedule 'continued', or leave it "
            "out."
        )
    store = Store(results)
    store.register(setting)
    search = Hunt(task, setting, network, store)
    keys = [level_keys(level, extent, controls) for level in range(extent.levels + 1)]
    todo = [[key for key in level if not store.has(setting, key)] for level in keys]
    with _Watch(task.name, sum(map(len, todo)), sum(map(len, keys)), progress) as watch:
        for level in filter(None, todo):
            with store.claim(setting, level[0].level):
                missing = [key for key in level if not store.has(setting, key)]  # of what another process has trained meanwhile
                watch.found(len(level) - len(missing))
                for key, trained in search.train_level(missing, device, workers):
                    watch.saw(key, trained)
    return _asked_for(store.table([setting], all_trials=True), extent, controls)


def results(folder: str | Path | None = None) -> pd.DataFrame:
    """Everything in a results folder as one tidy table, with the columns that `hunt` returns.

    Writes nothing the folder needs, so that one folder can be shared to be read. Raises LotteryError where there is none.
    """
    return Store(folder, writable=False).table()


def level_keys(level: int, extent: Extent, controls: Iterable[str]) -> list[Key]:
    """The networks of a level: a ticket for each trial, and each control's redraws.

    Level 0 has no mask to control for, so "dense" is the one control there, and it is at no other level.
    """
    here = [control for control in controls if (control == "dense") == (level == 0)]
    redraws = lambda control: 1 if control == "reset" else extent.redraws  # noqa: E731  # there is nothing to draw in it
    return [Key(TICKET, trial, level) for trial in range(extent.trials)] + [
        Key(control, trial, level, redraw)
        for control in here
        for trial in range(extent.trials)
        for redraw in range(redraws(control))
    ]


@dataclass(frozen=True)
class Hunt:
    """One setting being carried out on a store. `network` is the architecture; its own weights are never used."""

    task: Task
    setting: Setting
    network: nn.Module
    store: Store

    def train_level(self, keys: list[Key], device: str = "auto", workers: int | None = None):
        """Train these networks of one level as one batch, and yield (key, Trained) as each is finished and stored."""
        if not keys:
            return
        trials = {key.trial for key in keys}
        mask_of = {trial: self.next_mask(trial, keys[0].level) for trial in trials}
        tickets = [self.make_ticket(key, mask_of[key.trial]) for key in keys]
        snapshot = self.setting.rewind if keys[0].level == 0 else None
        for index, trained in engine.train(
            tickets, self.setting.recipe, self.task.dataset, model=self.network, objective=self.task.objective,
            snapshot=snapshot, device=device, workers=workers,
        ):  # fmt: skip
            key, ticket = keys[index], tickets[index]
            is_ticket = key.method == TICKET
            weights, start = (trained.weights, trained.snapshot) if is_ticket else (None, None)
            self.store.save(self.setting, key, Record(ticket.mask, trained.history, trained.seconds, weights, start))
            yield key, trained

    def next_mask(self, trial: int, level: int) -> Mask:
        """The mask of a trial at a level: all ones at level 0, else the mask it is pruned from with the lowest scores removed.

        One-shot pruning starts from the dense network, for as many rounds at once; the others from the level before.
        """
        setting = self.setting
        if level == 0:
            return masks.ones(models.prunable(self.network))
        source = 0 if setting.schedule == "oneshot" else level - 1
        trained = self.store.load(setting, Key(TICKET, trial, source))
        weights = {name: trained.weights[name] for name in trained.mask}
        scores = SCORES[setting.score](weights=weights, seed=seed_for("score", setting.seed, trial, level))
        return masks.prune(trained.mask, scores, self._rates(level - source), setting.scope)

    def make_ticket(self, key: Key, mask: Mask) -> Ticket:
        """The ticket of a trial, or its control. A control at level n differs from the ticket in what its name says, alone:

        reinit   the ticket's mask, new initial weights
        shuffle  the ticket's weights, its mask shuffled inside each layer
        random   a random sparse network of the same layer densities: shuffled mask and new initial weights
        dense    the whole network from its theta_0, with another order of the data: what chance alone does
        reset    under schedule "continued", where the ticket keeps its trained weights: the same mask, reset to theta_k

        Apart from dense, all see the data in the ticket's order. New weights are trained from iteration 0, also where the
        ticket is rewound to a later one: no control gets fewer iterations than a ticket and its rewind point together.
        """
        trial, redraw = (key.trial, key.level), (key.trial, key.level, key.redraw)
        order = self._seed("order", *trial)
        if key.method == "dense":
            order = self._seed("dense order", *redraw)
        if key.method in ("shuffle", "random"):
            mask = masks.shuffle(mask, self._seed(key.method, *redraw))
        if key.method in ("reinit", "random"):
            return Ticket(self._initial("new weights", key.method, *redraw), mask, order)
        if key.level == 0:
            return Ticket(self._initial("weights", key.trial), mask, order)
        if key.method == TICKET and self.setting.schedule == "continued":
            trained = self.store.load(self.setting, Key(TICKET, key.trial, key.level - 1)).weights
            return Ticket(trained, mask, order, start=self.setting.rewind)
        theta_k = self.store.load(self.setting, Key(TICKET, key.trial, 0)).start
        return Ticket(theta_k, mask, order, start=self.setting.rewind)

    def _rates(self, rounds: int) -> dict[str, float]:
        """Share of each layer to remove in so many rounds at once."""
        rates = models.layer_rates(self.network, self.setting.rate)
        return rates if rounds == 1 else {name: 1 - (1 - rate) ** rounds for name, rate in rates.items()}

    def _initial(self, *purpose: str | int) -> dict[str, Tensor]:
        return models.initial_weights(self.task.build, self._seed(*purpose))

    def _seed(self, *purpose: str | int) -> int:
        return seed_for(self.setting.seed, *purpose)


def _asked_for(table: pd.DataFrame, extent: Extent, controls: tuple[str, ...]) -> pd.DataFrame:
    """Of a setting's whole table, what this hunt asked for: the store may hold more levels, trials, redraws and controls."""
    wanted = (table.level <= extent.levels) & (table.trial < extent.trials) & (table.redraw < extent.redraws)
    return table[wanted & ((table.method == table.schedule) | table.method.isin(controls))].reset_index(drop=True)


class _Watch:
    """The bar over a hunt, and its closing sentence."""

    def __init__(self, task: str, todo: int, total: int, shown: bool):
        self.task, self.todo, self.total, self.done = task, todo, total, 0
        self.bar = bar(todo, shown)

    def __enter__(self):
        return self

    def found(self, count: int) -> None:
        self.todo -= count
        self.bar.update(count)

    def saw(self, key: Key, trained: Trained) -> None:
        self.done += 1
        test = [a for a, split in zip(trained.history["accuracy"], trained.history["split"]) if split == "test"]
        self.bar.set_postfix_str(f"level {key.level}, {key.method} {100 * test[-1]:.1f} %")
        self.bar.update(1)

    def __exit__(self, kind, error, traceback):
        self.bar.close()
        found = self.total - self.todo
        counts = f"{self.done} networks trained, {found} found in the store"
        if kind is KeyboardInterrupt:
            self.bar.say(f"{self.task}: stopped; {counts}. What is finished is kept: the same hunt goes on from there.")
        elif kind is None:
            self.bar.say(f"{self.task}: {counts}.")
