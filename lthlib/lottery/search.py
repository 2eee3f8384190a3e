"""The algorithm: find tickets, train controls. Reads like the box in Frankle & Carbin (2019), section 1:

    1. Randomly initialise a network.                      theta_0 = initial_weights(seed)
    2. Train it for j iterations.                          level 0
    3. Prune the lowest weights, which makes a mask.       next_mask
    4. Reset what is left to its initial values.           make_ticket
    5. To prune iteratively, repeat from 2.                the next level

All trials and controls of a level are trained as one batch; whatever the store holds already is not trained again.
"""

import dataclasses
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn

from lthlib import models
from lthlib.core.errors import LotteryError
from lthlib.core.progress import bar
from lthlib.core.seeds import seed_for
from lthlib.lottery import controls as control_of
from lthlib.pruning import masks, step
from lthlib.pruning.masks import Mask
from lthlib.settings import AT_ONCE, CARRY_ON, Extent, Recipe, Setting, check_controls
from lthlib.storage.store import TICKET, Key, Record, Store
from lthlib.tasks import Task, find_task, resolve
from lthlib.training import engine
from lthlib.training.engine import Ticket, Trained


def hunt(
    task: str | Task,
    profile: str = "quick",
    *,
    schedule: str = "iterative",
    levels: int | None = None,
    only: Iterable[int] | None = None,
    rate: float | None = None,
    trials: int | None = None,
    iterations: int | None = None,
    rewind: int | None = None,
    score: str | Callable | None = None,
    scope: str | None = None,
    structure: str | None = None,
    source: str | pd.DataFrame | None = None,
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
                "continued": prune once a level and train on without resetting, from iteration k of the learning rate's course
                (learning-rate rewinding in Renda et al. 2020); "finetuned": the same at the last learning rate;
                "untrained": prune the network at theta_k once, for each level, before it is trained;
                "transferred": take the masks of another hunt
    levels      prune rounds: levels 0 (dense) to `levels` are trained
    only        of the levels, train these alone, and level 0: for schedules whose levels do not build on one another ("oneshot",
                "untrained", "transferred")
    rate        share of the surviving weights removed in one round
    trials      repetitions, each with its own seed
    iterations  optimiser steps of each training
    rewind      iteration k whose weights theta_k a pruned network is reset to; 0 is the initialisation
    score       pruning criterion, a name in `lthlib.SCORES` or a function of your own (see `lthlib.pruning.registry`)
    scope       "layer": every layer at its own rate; "global": all layers pooled; "uniform", "erk" (see `lthlib.pruning.step`)
    source      the hunt whose masks are transferred, trial by trial and level by level: its table, or "task/identity"; of
                networks of the same shape, in the same results folder
    structure   "weights": one by one; "groups": so many of every four; "units": whole output units or channels
    controls    as a list or a text with commas, any of those in `make_ticket`
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
            score=score, scope=scope, structure=structure, source=_source(source), redraws=redraws, seed=seed, **recipe,
        )  # fmt: skip
    step.check(setting, extent)
    chosen = _chosen(only, setting, extent)
    if "invert" in controls and setting.schedule == "transferred":
        raise LotteryError("control 'invert' needs scores, and schedule 'transferred' takes masks as they are: leave it out.")
    if "reset" in controls and setting.schedule not in CARRY_ON:
        raise LotteryError(
            f"control 'reset' is the ticket itself under schedule {setting.schedule!r}: choose schedule "
            f"{' or '.join(map(repr, CARRY_ON))}, or leave it out."
        )
    store = Store(results)
    if setting.source:
        _check_source(store, setting, extent, chosen, network)
    store.register(setting)
    search = Hunt(task, setting, network, store)
    keys = [level_keys(level, extent, controls) for level in chosen]
    todo = [[key for key in level if not store.has(setting, key)] for level in keys]
    with _Watch(task.name, sum(map(len, todo)), sum(map(len, keys)), progress) as watch:
        for level in filter(None, todo):
            with store.claim(setting, level[0].level):
                missing = [key for key in level if not store.has(setting, key)]  # of what another process has trained meanwhile
                watch.found(len(level) - len(missing))
                for key, trained in search.train_level(missing, device, workers):
                    watch.saw(key, trained)
    return _asked_for(store.table([setting], all_trials=True), extent, chosen, controls)


def results(folder: str | Path | None = None) -> pd.DataFrame:
    """Everything in a results folder as one tidy table, with the columns that `hunt` returns.

    Writes nothing the folder needs, so that one folder can be shared to be read. Raises LotteryError where there is none.
    """
    return Store(folder, writable=False).table()


def level_keys(level: int, extent: Extent, controls: Iterable[str]) -> list[Key]:
    """The networks of a level: a ticket for each trial, and each control's redraws.

    Level 0 has no mask to control for, so "dense" and "fork" are the controls there, and "dense" is at no other level.
    """
    here = [control for control in controls if control == "fork" or (control == "dense") == (level == 0)]
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
        """Train these networks of one level as one batch, and yield (key, Trained) as each is finished and stored.

        Forks of level 0 come after it: they start from its theta_k.
        """
        late = [key for key in keys if key.method == "fork" and key.level == 0]
        yield from self._train([key for key in keys if key not in late], device, workers)
        yield from self._train(late, device, workers)

    def _train(self, keys: list[Key], device: str, workers: int | None):
        if not keys:
            return
        level, trials = keys[0].level, {key.trial for key in keys}
        mask_of = {trial: self.next_mask(trial, level) for trial in trials}
        tickets = [self.make_ticket(key, mask_of[key.trial]) for key in keys]
        snapshot = self.setting.rewind if level == 0 and keys[0].method != "fork" else None
        for index, trained in engine.train(
            tickets, self.recipe(level), self.task.dataset, model=self.network, objective=self.task.objective,
            snapshot=snapshot, device=device, workers=workers,
        ):  # fmt: skip
            key, ticket = keys[index], tickets[index]
            weights = trained.weights if key.method in (TICKET, "fork") else None
            start = trained.snapshot if key.method == TICKET else None
            self.store.save(self.setting, key, Record(ticket.mask, trained.history, trained.seconds, weights, start))
            yield key, trained

    def recipe(self, level: int) -> Recipe:
        """How a level is trained: as the setting says, but fine-tuning stays at the last learning rate."""
        recipe = self.setting.recipe
        if level == 0 or self.setting.schedule != "finetuned":
            return recipe
        return dataclasses.replace(recipe, learning_rate=recipe.learning_rate_at(recipe.iterations - 1), warmup=0, milestones=())

    def next_mask(self, trial: int, level: int, invert: bool = False) -> Mask:
        """The mask of a trial at a level: all ones at level 0, else the mask it is pruned from with the lowest scores removed
        (the highest, inverted).

        Schedules "oneshot" and "untrained" start from the dense network, for as many rounds at once; "transferred" takes the
        source's mask of that trial and level; the others start from the level before.
        """
        if level == 0:
            return masks.ones(models.prunable(self.network))
        if self.setting.schedule == "transferred":
            return self.store.load(self.store.find(self.setting.source), Key(TICKET, trial, level)).mask
        source = 0 if self.setting.schedule in AT_ONCE else level - 1
        start = self.store.load(self.setting, Key(TICKET, trial, 0)).start
        before = self.store.load(self.setting, Key(TICKET, trial, source))
        state = start if self.setting.schedule == "untrained" else before.weights
        loss = lambda outputs, targets: self.task.objective(outputs, targets)[0].mean()  # noqa: E731
        pruner = step.Pruner(self.network, self.setting, self.task.dataset, loss)
        return pruner.prune(state, start, before.mask, source, level, seed_for("score", self.setting.seed, trial, level), invert)

    def make_ticket(self, key: Key, mask: Mask) -> Ticket:
        """The ticket of a trial, or its control. A control at level n differs from the ticket in what its name says, alone:

        reinit   the ticket's mask, new initial weights
        shuffle  the ticket's weights, its mask shuffled inside each layer
        random   a random sparse network of the same layer densities: shuffled mask and new initial weights
        invert   the ticket's weights, a mask from the same network that this time removed the highest scores
        fork     the ticket with another order of the data; its weights are kept, as the ticket's are. Also at level 0, from
                 theta_k on
        dense    the whole network from its theta_0, with another order of the data: what chance alone does
        reset    under schedules that carry on with trained weights: the same mask, reset to theta_k
        reinit_signs, reshuffle, reshuffle_signs, constant, constant_signs
                 the ticket's mask, other weights (see `controls`)
        frozen, frozen_away
                 the ticket with masked weights that stay at theta_k in place of zero: all, or those that moved away from zero

        Apart from dense and fork, all see the data in the ticket's order. New weights are trained from iteration 0, also where
        the ticket is rewound to a later one: no control gets fewer iterations than a ticket and its rewind point together.
        """
        method, trial, redraw = key.method, (key.trial, key.level), (key.trial, key.level, key.redraw)
        order = self._seed(f"{method} order", *redraw) if method in ("dense", "fork") else self._seed("order", *trial)
        if method == "invert":
            mask = self.next_mask(*trial, invert=True)
        if method in ("shuffle", "random"):
            mask = masks.shuffle(mask, self._seed(method, *redraw))
        if method in ("reinit", "random"):
            return Ticket(self._initial("new weights", method, *redraw), mask, order)
        if key.level == 0 and method != "fork":
            return Ticket(self._initial("weights", key.trial), mask, order)
        return self._from_theta_k(key, mask, order)

    def _from_theta_k(self, key: Key, mask: Mask, order: int) -> Ticket:
        """A ticket, or a control, that goes on from theta_k or from what it makes of it."""
        method, redraw, rewind = key.method, (key.trial, key.level, key.redraw), self.setting.rewind
        if method in (TICKET, "fork") and key.level and self.setting.schedule in CARRY_ON:
            trained = self.store.load(self.setting, Key(TICKET, key.trial, key.level - 1)).weights
            return Ticket(trained, mask, order, start=rewind)
        dense = self.store.load(self.setting, Key(TICKET, key.trial, 0))
        theta, frozen = dense.start, None
        if method in control_of.WEIGHTS:
            new = self._initial("new weights", method, *redraw)
            theta = control_of.WEIGHTS[method](theta, mask, new, self._seed(method, *redraw))
        if method in control_of.FROZEN:
            frozen = control_of.FROZEN[method](mask, dense.start, dense.weights)
        return Ticket(theta, mask, order, start=rewind, frozen=frozen)

    def _initial(self, *purpose: str | int) -> dict[str, Tensor]:
        return models.initial_weights(self.task.build, self._seed(*purpose))

    def _seed(self, *purpose: str | int) -> int:
        return seed_for(self.setting.seed, *purpose)


def _source(source: str | pd.DataFrame | None) -> str | None:
    """A source as "task/identity"."""
    if isinstance(source, pd.DataFrame):
        if source.setting.nunique() != 1:
            raise LotteryError(f"the source's table holds {source.setting.nunique()} settings: give that of one hunt.")
        return f"{source.task.iloc[0]}/{source.setting.iloc[0]}"
    return source


def _chosen(only: Iterable[int] | None, setting: Setting, extent: Extent) -> list[int]:
    """The levels to train, in order. Raises LotteryError for one that is not there, or that others build on."""
    if only is None:
        return list(range(extent.levels + 1))
    if setting.schedule not in (*AT_ONCE, "transferred"):
        raise LotteryError(f"under schedule {setting.schedule!r} a level is pruned from the one before: leave `only` out.")
    only = [only] if isinstance(only, int) else list(only)
    if missing := [level for level in only if level not in range(extent.levels + 1)]:
        raise LotteryError(f"only names level {missing[0]!r}, but levels go from 0 to {extent.levels}: name some of these.")
    return sorted({0, *only})


def _check_source(store: Store, setting: Setting, extent: Extent, chosen: list[int], network: nn.Module) -> None:
    """Raise LotteryError where the store lacks a mask that is to be transferred, or where it does not fit the network."""
    source = store.find(setting.source)
    shapes = {name: weight.shape for name, weight in models.prunable(network).items()}
    for key in [Key(TICKET, trial, level) for trial in range(extent.trials) for level in chosen if level]:
        if not store.has(source, key):
            raise LotteryError(
                f"the source {setting.source!r} has no ticket of trial {key.trial}, level {key.level}: hunt there for as many "
                "trials and levels first, or ask for fewer here."
            )
        if {name: kept.shape for name, kept in store.load(source, key).mask.items()} != shapes:
            raise LotteryError(
                f"the masks of source {setting.source!r} do not fit the network of task {setting.task!r}: transfer between "
                "networks whose prunable weights have the same names and shapes."
            )


def _asked_for(table: pd.DataFrame, extent: Extent, chosen: list[int], controls: tuple[str, ...]) -> pd.DataFrame:
    """Of a setting's whole table, what this hunt asked for: the store may hold more levels, trials, redraws and controls."""
    wanted = table.level.isin(chosen) & (table.trial < extent.trials) & (table.redraw < extent.redraws)
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
