"""The algorithm: find tickets, train controls. Reads like the box in Frankle & Carbin (2019), section 1:

    1. Randomly initialise a network.                      theta_0 = initial_weights(seed)
    2. Train it for j iterations.                          level 0
    3. Prune the lowest weights, which makes a mask.       next_mask
    4. Reset what is left to its initial values.           make_ticket
    5. To prune iteratively, repeat from 2.                the next level

All trials and controls of a level are trained side by side (`batches`); whatever the store holds already is
not trained again.
"""

import contextlib
import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pandas as pd
from torch import Tensor, nn

from lthlib import models
from lthlib.core.errors import LotteryError, blamed
from lthlib.core.language import mark, say
from lthlib.core.progress import bar
from lthlib.core.seeds import seed_for
from lthlib.core.validation import plain
from lthlib.lottery import callback, looks, manifest
from lthlib.lottery.batches import batches, by_level
from lthlib.lottery.controls import CONTROLS, Place, check_controls
from lthlib.lottery.skipped import Skipped, has_diverged
from lthlib.pruning import masks, own_mask, step
from lthlib.pruning.masks import Mask
from lthlib.settings import AT_ONCE, Extent, Moves, Recipe, Setting
from lthlib.storage.store import TICKET, Key, Record, Store, setting_name
from lthlib.tasks import Prepared, Task, limits, prepare
from lthlib.tasks.overview import say_what_is_prunable
from lthlib.training import cluster, engine, objectives, places
from lthlib.training.engine import Ticket, Trained

STOPPED = mark("{task}: stopped; {counts}. What is finished is kept: the same hunt goes on from there.")


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
    moves: str | Moves | None = None,
    source: str | pd.DataFrame | None = None,
    mask: Mapping | str | Path | None = None,
    controls: str | Iterable[str] = (),
    redraws: int | None = None,
    seed: int | None = None,
    device: str = "auto",
    workers: int | None = None,
    sparse: str = "auto",
    engine: str = "local",
    results: str | Path | None = None,
    progress: bool = True,
    on_network: Callable[[dict], object] | None = None,
    leave_out: Iterable[Key] = (),
    **recipe,
) -> pd.DataFrame:
    """Find tickets, train their controls, and return one tidy table.

    What is None is taken from the profile of the task. The table has one row per setting, method, trial,
    redraw, level, iteration and split, with density and accuracy from 0 to 1, the loss, and the seconds of
    each training; `lthlib.summarise` makes one row per network of it.

    task        name of a task (see `lthlib.TASKS`), or a `lthlib.Task` of your own
    profile     "smoke" (seconds), "quick" (a minute or two) or "paper" (the paper's own numbers)
    schedule    "iterative": prune and reset once a level; "oneshot": prune the trained dense network once,
                for each level; "continued": prune once a level and train on without resetting, from iteration
                k of the learning rate's course (learning-rate rewinding in Renda et al. 2020); "finetuned":
                the same at the last learning rate; "untrained": prune the network at theta_k once, for each
                level, before it is trained; "transferred": take the masks of another hunt
    levels      prune rounds: levels 0 (dense) to `levels` are trained
    only        of the levels, train these alone, and level 0: for schedules whose levels do not build on one
                another ("oneshot", "untrained", "transferred")
    rate        share of the surviving weights removed in one round
    trials      repetitions, each with its own seed
    iterations  optimiser steps of each training
    rewind      iteration k whose weights theta_k a pruned network is reset to; 0 is the initialisation
    score       pruning criterion, a name in `lthlib.SCORES` or a function of your own (see
                `lthlib.pruning.registry`)
    scope       "layer": every layer at its own rate; "global": all layers pooled; "uniform", "erk" (see
                `lthlib.pruning.step`)
    source      the hunt whose masks are transferred, trial by trial and level by level: its table, or
                "task/identity"; of networks of the same shape, in the same results folder
    mask        a mask of your own for level 1, which later levels prune further; level 0 is dense as ever. By
                the name of each prunable weight a tensor or array of its shape, 1 for kept and 0 for pruned;
                or a safetensors file of these
    structure   "weights": one by one; "groups": so many of every four; "units": whole output units or
                channels
    moves       under schedule "untrained", how a mask moves while its network is trained: "set", "rigl", "gmp"
                (every 100 iterations, or every tenth of a shorter training), or a `lthlib.Moves` with numbers of
                your own (see `lthlib.pruning.moving`); None: it does not
    controls    as a list or a text with commas, any of those in `lthlib.lottery.controls`
    redraws     how many networks of each control a trial trains
    seed        changes every random number of the hunt
    device      "auto", "cpu", "cuda", "cuda:1", "mps"
    workers     processes on a CPU; None takes all cores
    sparse      "auto": on a CPU, tickets that are sparse enough are trained by the weights they keep alone, which
                is faster and gives the same numbers to float tolerance; "off": all the dense way, to compare
    engine      "local": workers are on this machine; "ray": on those of a Ray cluster (`RAY_ADDRESS`), with the same
                numbers, and `workers` of None takes all its cores (`docs/cluster.md`)
    results     folder of the store; None takes `LTHLIB_RESULTS` or results/
    progress    whether to show a bar
    on_network  a function that is called, in this process, with each network as soon as it is trained and
                stored: a dictionary of what `lthlib.summarise` says of it, and its validation `curve`, a list
                with iteration, loss and accuracy of each measurement. What was stored before is not handed on
    leave_out   networks, by their keys (`lthlib.storage.store.Key`), that are not trained since they are kept
                elsewhere; nor is what would be pruned from one that is not in the store
    recipe      any other field of `lthlib.Recipe`, such as learning_rate=0.01 or optimizer="sgd"

    A training that diverges (NaN or infinity in losses or weights) is set aside, with what would be pruned
    from it, and named in one sentence; the other trials go on. Levels whose round removes nothing are left
    out, and named. Trials that were added after a hunt had returned others are named, too (see
    `lthlib.lottery.looks`). What networks were trained with is kept beside them (see `lthlib.manifest`).
    Raises LotteryError for a value out of range, before anything is trained or written.
    """
    places.check(device, workers, sparse, engine)
    hand_on = callback.checked(on_network)
    controls, only, workers = check_controls(controls), plain(only), plain(workers)
    by = {"device": device, "workers": workers, "sparse": sparse, "engine": engine}
    ready = prepare(
        task, profile, schedule=schedule, levels=levels, rate=rate, trials=trials, iterations=iterations, rewind=rewind,
        score=score, scope=scope, structure=structure, moves=moves, source=setting_name(source), redraws=redraws, seed=seed,
        **recipe,
    )  # fmt: skip
    search, controls, chosen = _set_up(ready, mask, controls, only, results)
    skipped = Skipped(search, chosen)

    elsewhere = set(leave_out)
    networks = [key for level in chosen for key in level_keys(level, ready.extent, controls) if key not in elsewhere]
    to_train = [key for key in networks if not search.store.has(search.setting, key)]
    about = say_what_is_prunable(ready)
    made_with = partial(manifest.facts, device, workers, engine)
    watching = _Watch(ready.task.name, len(to_train), len(networks), progress, about)
    with search.store.making(search.setting, made_with), watching as watch, cluster.kept():
        at_once = places.side_by_side(device, workers, engine) if to_train else 1
        for keys in batches(to_train, at_once, dense_apart=search.dense_apart()):
            with search.missing(keys) as missing:
                watch.skip(len(keys) - len(missing))
                tickets: dict[Key, Ticket] = {}
                for level, of_level in by_level(missing).items():
                    going_on = skipped.going_on(of_level)  # not after a diverged training
                    mask_of = {trial: search.next_mask(trial, level) for trial in going_on}  # prune
                    mask_of = skipped.changed(mask_of, level)  # a round that removes nothing trains nothing
                    for key in watch.without(of_level, mask_of):
                        tickets[key] = search.make_ticket(key, mask_of[key.trial])  # reset
                for key, trained in search.train(tickets, len(to_train), **by):  # train, and record
                    watch.saw(key, trained)
                    hand_on(search.store, search.setting, key)
    table = search.store.table([search.setting], all_trials=True)
    table = _asked_for(table, ready.extent, chosen, controls)
    skipped.say(table)
    looks.note(search.store, search.setting, ready.extent)
    return table


def results(folder: str | Path | None = None) -> pd.DataFrame:
    """Everything in a results folder as one tidy table, with the columns that `hunt` returns.

    Writes nothing the folder needs, so that one folder can be shared to be read. Raises LotteryError where
    there is none.
    """
    return Store(folder, writable=False).table()


def level_keys(level: int, extent: Extent, controls: Iterable[str]) -> list[Key]:
    """The networks of a level: a ticket for each trial, and each control's redraws (one where nothing is
    drawn)."""
    keys = [Key(TICKET, trial, level) for trial in range(extent.trials)]
    for name in controls:
        control = CONTROLS[name]
        if control.is_at(level):
            redraws = range(extent.redraws if control.redrawn else 1)
            keys += [Key(name, trial, level, redraw) for trial in range(extent.trials) for redraw in redraws]
    return keys


def check_count(extent: Extent, controls: Iterable[str]) -> None:
    """Raise LotteryError where tickets and controls are more networks than anyone could wait for."""
    count = extent.trials * (extent.levels + 1)
    for control in (CONTROLS[name] for name in controls):
        levels = {"dense": 1, "pruned": extent.levels, "all": extent.levels + 1}[control.levels]
        count += extent.trials * levels * (extent.redraws if control.redrawn else 1)
    limits.check_networks(count, extent)


@dataclass(frozen=True)
class Hunt:
    """One setting being carried out on a store. `network` is the architecture; its own weights are never
    used. `start_mask` is a mask of the caller's own, for level 1."""

    task: Task
    setting: Setting
    network: nn.Module
    store: Store
    start_mask: Mask | None = None

    @contextlib.contextmanager
    def missing(self, keys: list[Key]):
        """Those of these networks that are not in the store, while no other process trains their levels."""
        with self.store.lock(self.setting, *by_level(keys)):
            yield [key for key in keys if not self.store.has(self.setting, key)]  # another process may have finished

    def train(self, tickets: dict[Key, Ticket], in_all: int | None = None, **by):
        """Train these tickets as one batch, and yield (key, Trained) as each is finished and stored. Forks
        of level 0 are a batch by themselves, and so is level 0 where it is `dense_apart`. `in_all` is how
        many the caller trains, batch by batch; `by` are device, workers, sparse and engine of
        `lthlib.training.engine.train`."""
        keys = list(tickets)
        if not keys:
            return
        level = keys[0].level  # the lowest
        has_dense = any(key.level == 0 and key.method != "fork" for key in keys)
        snapshot = self.setting.rewind if has_dense else None
        training = engine.train(
            list(tickets.values()), self.recipe(level), self.task.dataset, model=self.network,
            objective=self.task.objective, snapshot=snapshot, in_all=in_all, **by,
        )  # fmt: skip
        named = " and ".join(map(str, by_level(keys)))
        failed = f"training at level {named} of task {self.task.name!r} failed"
        while True:
            with blamed(failed, "mend the network or the objective for the example or value that this names"):
                finished = next(training, None)
            if finished is None:
                return
            index, trained = finished
            key = keys[index]
            weights = trained.weights if key.method in (TICKET, "fork") else None
            start = trained.snapshot if key.method == TICKET and key.level == 0 else None
            early_stop = trained.early_stop if key.method == TICKET else None
            mask = trained.mask or tickets[key].mask
            record = Record(mask, trained.history, trained.seconds, weights, start, early_stop)
            self.store.save(self.setting, key, record)
            yield key, trained

    def dense_apart(self) -> bool:
        """Whether level 0 is trained in another way than later levels."""
        return self.setting.schedule == "finetuned"

    def recipe(self, level: int) -> Recipe:
        """How a level is trained: as the setting says, but fine-tuning stays at the last learning rate."""
        recipe = self.setting.recipe
        if level == 0 or not self.dense_apart():
            return recipe
        return dataclasses.replace(recipe, learning_rate=recipe.learning_rate_at(recipe.iterations - 1), warmup=0, milestones=())

    def next_mask(self, trial: int, level: int, invert: bool = False) -> Mask:
        """The mask of a trial at a level: all ones at level 0, else the mask it is pruned from with the
        lowest scores removed (the highest, inverted).

        Schedules "oneshot" and "untrained" start from the dense network, for as many rounds at once;
        "transferred" takes the source's mask of that trial and level; the others start from the level before,
        or at level 1 from the caller's own mask.
        """
        if level == 0:
            return masks.ones(models.prunable(self.network))
        if self.setting.schedule == "transferred":
            return self.store.load(self.store.find(self.setting.source), Key(TICKET, trial, level)).mask
        if level == 1 and self.setting.start_mask:
            return self.start_mask or self.store.load(self.setting, Key(TICKET, trial, 1)).mask
        source = self.source_of(level)
        before, start = self.store.load(self.setting, Key(TICKET, trial, source)), self.theta_k(trial)
        state = start if self.setting.schedule == "untrained" else _stored(before.weights)
        objective = objectives.smoothed(self.task.objective, self.setting.recipe.label_smoothing)

        def loss(outputs: Tensor, targets: Tensor) -> Tensor:
            return objectives.mean_loss(objective, outputs, targets)

        pruner = step.Pruner(self.network, self.setting, self.task.dataset, loss)
        seed = seed_for("score", self.setting.seed, trial, level)
        return pruner.prune(state, start, before.mask, source, level, seed, invert)

    def source_of(self, level: int) -> int:
        """The level whose network must be there before this one can be made."""
        return 0 if self.setting.schedule in (*AT_ONCE, "transferred") else level - 1

    def theta_k(self, trial: int) -> dict[str, Tensor]:
        """What tickets of this trial are reset to: all parameters and buffers after the first k iterations."""
        return _stored(self.store.load(self.setting, Key(TICKET, trial, 0)).start)

    def weights(self, key: Key) -> dict[str, Tensor]:
        """All parameters and buffers of a stored ticket, or fork, at the end of its training."""
        return _stored(self.store.load(self.setting, key).weights)

    def make_ticket(self, key: Key, mask: Mask) -> Ticket:
        """The ticket of a trial, or its control (`lthlib.lottery.controls`). A weight that layers share is
        the same under all its names."""
        place = Place(self, key, {name: kept.clone() for name, kept in mask.items()})  # a control may write into it
        ticket = place.ticket() if key.method == TICKET else CONTROLS[key.method].make(place)
        return dataclasses.replace(ticket, weights=models.tied(self.network, ticket.weights))

    def initial_weights(self, *purpose: str | int) -> dict[str, Tensor]:
        """theta_0 of a network that is drawn for this purpose, such as ("weights", trial)."""
        return models.initial_weights(self.task.build, self.seed(*purpose))

    def seed(self, *purpose: str | int) -> int:
        """The seed of this hunt for a purpose, such as ("order", trial, level)."""
        return seed_for(self.setting.seed, *purpose)

    def check_source(self, extent: Extent, levels: list[int]) -> None:
        """Raise LotteryError where a mask that is to be transferred is not in the store, or does not fit the
        network."""
        if not self.setting.source:
            return
        source = self.store.find(self.setting.source)
        shapes = {name: weight.shape for name, weight in models.prunable(self.network).items()}
        for key in [Key(TICKET, trial, level) for trial in range(extent.trials) for level in levels if level]:
            if not self.store.has(source, key):
                if any(has_diverged(self.store, source, Key(TICKET, key.trial, at)) for at in range(key.level)):
                    continue  # the source has set it aside, and so will this hunt
                raise LotteryError(
                    f"the source {self.setting.source!r} has no ticket of trial {key.trial}, level {key.level}: hunt "
                    "there for as many trials and levels first, or ask for fewer here."
                )
            if {name: kept.shape for name, kept in self.store.load(source, key).mask.items()} != shapes:
                raise LotteryError(
                    f"the masks of source {self.setting.source!r} do not fit the network of task {self.setting.task!r}: "
                    "transfer between networks whose prunable weights have the same names and shapes."
                )


def _set_up(ready: Prepared, mask, controls, only, results) -> tuple[Hunt, tuple[str, ...], list[int]]:
    """A hunt on its store, with the controls and levels it trains, once all of it is checked."""
    setting, start_mask = ready.setting, None if mask is None else own_mask.own_mask(mask, ready.network)
    if start_mask:
        setting = dataclasses.replace(setting, start_mask=own_mask.digest(start_mask))
    controls = check_controls(controls, setting, ready.task.pretrained)
    check_count(ready.extent, controls)
    chosen = _chosen(only, setting, ready.extent)
    search = Hunt(ready.task, setting, ready.network, Store(results), start_mask)
    search.check_source(ready.extent, chosen)
    if not setting.fingerprint:  # which stands for the data as well
        search.store.check_data(setting, ready.task.dataset.fingerprint())
    search.store.register(setting)
    return search, controls, chosen


def _stored(tensors: dict[str, Tensor] | None) -> dict[str, Tensor]:
    assert tensors is not None, "tickets and forks are stored with their weights, level 0 with theta_k as well"
    return tensors


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


def _asked_for(table: pd.DataFrame, extent: Extent, chosen: list[int], controls: tuple[str, ...]) -> pd.DataFrame:
    """Of a setting's whole table, what this hunt asked for: the store may hold more levels, trials, redraws
    and controls."""
    wanted = table.level.isin(chosen) & (table.trial < extent.trials) & (table.redraw < extent.redraws)
    return table.loc[wanted & ((table.method == table.schedule) | table.method.isin(controls))].reset_index(drop=True)


class _Watch:
    """The bar over a hunt, and its closing sentence."""

    def __init__(self, task: str, todo: int, total: int, shown: bool, about: str = ""):
        self.task, self.todo, self.total, self.done, self.about = task, todo, total, 0, about
        self.bar = bar(todo, shown)

    def __enter__(self):
        return self

    def skip(self, count: int) -> None:
        """Networks that another process has trained meanwhile."""
        self.todo -= count
        self.bar.update(count)

    def without(self, keys: list[Key], mask_of: dict[int, Mask]) -> list[Key]:
        """The networks of trials that have a mask; the others are set aside, and count no more."""
        left = [key for key in keys if key.trial in mask_of]
        self.total -= len(keys) - len(left)
        self.skip(len(keys) - len(left))
        return left

    def saw(self, key: Key, trained: Trained) -> None:
        self.done += 1
        test = [a for a, split in zip(trained.history["accuracy"], trained.history["split"]) if split == "test"]
        self.bar.set_postfix_str(
            say("level {level}, {method} {share:.1f} %", level=key.level, method=key.method, share=100 * test[-1])
        )
        self.bar.update(1)

    def __exit__(self, kind, error, traceback):
        self.bar.close()
        stored = self.total - self.todo
        counts = say("{done} networks trained, {stored} found in the store", done=self.done, stored=stored)
        if kind is KeyboardInterrupt:
            self.bar.say(say(STOPPED, task=self.task, counts=counts))
        elif kind is None:
            told = "; ".join(filter(None, (counts, self.about)))
            self.bar.say(say("{task}: {told}.", task=self.task, told=told))
