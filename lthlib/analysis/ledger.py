"""What a ticket has cost, item by item: in iterations, and in floating-point operations under the masks it was trained with.

    items         what was trained until a ticket is there, the search for it included; `costs.iterations_spent` is their sum
    forward       operations of one example's way through a network, layer by layer
    operations    what items take: three forward passes a step (the backward pass takes about two), a layer in proportion to
                  the weights it keeps, as if zeros were free. On hardware where they are not, every item takes the dense price
    account       both, and the accuracy it bought, of several methods and trials
    front, beaten which methods are worth their price

What is measured on the way (validation, masks that are only looked at) is left out, as it is everywhere in the field.
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from lthlib import models
from lthlib.analysis.comparison import interval
from lthlib.analysis.costs import scoring_steps
from lthlib.analysis.summary import scale, summarise
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks, registry
from lthlib.settings import AT_ONCE, Setting
from lthlib.storage.store import TICKET, Key, Store
from lthlib.tasks import Task, find_task

STEP = 3  # forward passes that a training step costs
COSTS = ("iterations", "operations", "dense_operations")


@dataclass(frozen=True)
class Item:
    """So many optimiser steps on batches of so many examples, of the network under the mask of a setting's level."""

    purpose: str  # "search" for the mask (or for theta_k), "scoring", or "training"
    iterations: int
    batch: int
    setting: Setting
    level: int


def items(setting: Setting, level: int, source: Setting | None = None) -> list[Item]:
    """What was trained for the ticket of a level in one trial, in order.

    `source` is the setting that schedule "transferred" takes its masks from. A criterion that runs the network counts as one
    step on its examples for each time, under the mask it starts from. Raises LotteryError where the source is not given.
    """
    recipe, rewind = setting.recipe, setting.rewind
    item = lambda purpose, iterations, at: Item(purpose, iterations, recipe.batch_size, setting, at)  # noqa: E731
    if level == 0:
        return [item("training", recipe.iterations, 0)]
    own = item("training", recipe.iterations - rewind, level)
    if setting.schedule == "transferred":
        if source is None:
            raise LotteryError(f"the masks come from {setting.source!r}: give that setting as source, since its search counts.")
        return [*_search(source, level), item("search", rewind, 0), own]
    return [*_search(setting, level), own]


def _search(setting: Setting, level: int) -> list[Item]:
    """What was trained before the mask of a level was there, and theta_k with it."""
    recipe, rewind = setting.recipe, setting.rewind
    train = lambda iterations, at: Item("search", iterations, recipe.batch_size, setting, at)  # noqa: E731
    examples = getattr(registry.find(setting.score), "examples", registry.BATCH)
    score = lambda at: Item("scoring", scoring_steps(setting), examples, setting, at)  # noqa: E731
    if setting.schedule in AT_ONCE:
        return [train(rewind if setting.schedule == "untrained" else recipe.iterations, 0), score(0)]
    found = []
    for at in range(level):
        found += [train(recipe.iterations - (rewind if at else 0), at), score(at)]
    return found


def iterations(found: list[Item]) -> int:
    """Optimiser steps of these items together."""
    return sum(item.iterations for item in found)


def forward(network: nn.Module, example: Tensor) -> dict[str, int]:
    """Floating-point operations of one example's forward pass, as torch counts them (matrix products and convolutions: a
    multiplication and an addition for each use of a weight), by the name of the prunable weight; under "" all others.

    `example` is inputs [B, ...], of which the first is taken.
    """
    was_training, names = network.training, {f"{name}.weight": name for name, _ in network.named_modules()}
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.eval()(example[:1])
    network.train(was_training)
    root, by_module = type(network).__name__, counter.get_flop_counts()
    found = {weight: sum(by_module.get(f"{root}.{names[weight]}", {}).values()) for weight in models.prunable(network)}
    return {**found, "": counter.get_total_flops() - sum(found.values())}


def operations(found: list[Item], forward: dict[str, int], kept: Callable[[Setting, int], dict[str, float]]) -> float:
    """Floating-point operations of these items. `kept(setting, level)` gives the share of each prunable weight, 0 to 1, that the
    masks of that level keep."""
    total = 0.0
    for item in found:
        share = kept(item.setting, item.level) if item.level and item.iterations else {}
        one = sum(count * share.get(name, 1.0) for name, count in forward.items())
        total += STEP * item.iterations * item.batch * one
    return total


def account(
    bought: dict[str, tuple[pd.DataFrame, int]],
    task: str | Task,
    results: str | Path | None = None,
    measure: str = "test_accuracy",
) -> pd.DataFrame:
    """What methods have cost and what that bought: one row per method and trial.

    `bought` maps a name to the table of a hunt on the task and the level that is looked at; `results` is the folder they were
    hunted in. Columns: method, trial, density, value (of `measure`, as shown), iterations, operations, dense_operations (the
    same if zeros cost as much as weights). Raises LotteryError where a table lacks the level.
    """
    task, store, rows = find_task(task), Store(results, writable=False), []
    per_layer = forward(task.build(), task.dataset.train.inputs)
    for name, (table, level) in bought.items():
        tickets = summarise(table[(table.method == table.schedule) & (table.level == level)])
        if tickets.empty:
            raise LotteryError(f"the table of {name!r} has no tickets at level {level}: hunt there first.")
        setting = store.find(f"{tickets.task.iloc[0]}/{tickets.setting.iloc[0]}")
        found = items(setting, level, store.find(setting.source) if setting.source else None)
        kept = functools.partial(kept_in, store, trials=sorted(tickets.trial))
        price = {
            "iterations": iterations(found),
            "operations": operations(found, per_layer, kept),
            "dense_operations": operations(found, per_layer, lambda *_: {}),
        }
        values = scale(measure) * tickets[measure]
        rows.append(pd.DataFrame({"method": name, "trial": tickets.trial, "density": tickets.density, "value": values, **price}))
    return pd.concat(rows, ignore_index=True)


def kept_in(store: Store, setting: Setting, level: int, trials: Iterable[int] = (0,)) -> dict[str, float]:
    """The share of each prunable weight, 0 to 1, that the stored masks of a level keep, a mean over trials."""
    each = [masks.layer_densities(store.load(setting, Key(TICKET, trial, level)).mask) for trial in trials]
    return {layer: sum(shares[layer] for shares in each) / len(each) for layer in each[0]}


def front(accounts: pd.DataFrame, cost: str = "iterations") -> list[str]:
    """The Pareto front of the means, cheapest first: the methods for which no other is cheaper and as good, or better and as
    cheap."""
    _check(cost)
    means = accounts.groupby("method", sort=False)[[cost, "value"]].mean().sort_values(cost, kind="stable")
    beats = lambda b, a: b[0] <= a[0] and b[1] >= a[1] and b != a  # noqa: E731
    points = {name: (row[cost], row.value) for name, row in means.iterrows()}
    return [name for name, a in points.items() if not any(beats(b, a) for b in points.values())]


def beaten(accounts: pd.DataFrame, cost: str = "iterations") -> dict[str, list[str]]:
    """For each method, those that are at most as dear and better beyond chance: paired by trial, with a 95 % interval of the mean
    difference that lies wholly above zero. Whom nobody beats may still be beaten by more trials."""
    _check(cost)
    values = accounts.pivot(index="trial", columns="method", values="value")
    price = accounts.groupby("method")[cost].first()
    names = list(dict.fromkeys(accounts.method))
    better = lambda a, b: interval((values[b] - values[a]).dropna())[0] > 0  # noqa: E731
    return {a: [b for b in names if b != a and price[b] <= price[a] and better(a, b)] for a in names}


def _check(cost: str) -> None:
    if cost not in COSTS:
        raise LotteryError(f"unknown cost {cost!r}: choose one of {', '.join(COSTS)}.")
