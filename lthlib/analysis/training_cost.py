"""What a ticket costs to train, its search included: in iterations, and in floating-point operations under
the masks.

A training step takes three forward passes (the backward pass takes about two), and a layer takes operations
in proportion to the weights it keeps, as if zeros were free. On hardware where they are not, use the dense
price. What is measured on the way (validation, masks that are only looked at) is left out, as it is
everywhere in the field. A mask that moves takes the place of a step and counts as one; where the dense
gradient says what grows, one dense pass more (Evci et al. 2020, arXiv 1911.11134, appendix H, count so but
for one sparse pass).
"""

import functools
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lthlib.analysis import evidence, families
from lthlib.analysis.efficiency import forward_flops
from lthlib.analysis.summary import scale, summarise
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks, moving, registry
from lthlib.settings import AT_ONCE, Moves, Setting
from lthlib.storage.store import TICKET, Key, Store
from lthlib.tasks import Task, find_task

PASSES = 3  # forward passes that a training step costs
COSTS = ("iterations", "operations", "dense_operations")


@dataclass(frozen=True)
class Phase:
    """So many optimiser steps on batches of so many examples, of the network under the mask of a setting's
    level."""

    purpose: str  # "search" for the mask (or for theta_k), "scoring", "training", or "growing" by a dense gradient
    iterations: int
    batch: int
    setting: Setting
    level: int
    way: float = 1.0  # how far gradual pruning has come in time, 0 to 1: dense at 0, the level's mask at 1


def phases(setting: Setting, level: int, source: Setting | None = None) -> list[Phase]:
    """What was trained for the ticket of a level in one trial, in order.

    `source` is the setting that schedule "transferred" takes its masks from. A criterion that runs the
    network counts as one step on its examples for each time, under the mask it starts from. A ticket that
    starts from theta_k needs k steps of the dense network first: Frankle et al. (2020), arXiv 1912.05671,
    count so, too. Raises LotteryError where the source is not given.
    """
    iterations = setting.recipe.iterations
    if level == 0:
        return [_steps("training", iterations, setting, 0)]
    if setting.moves:
        return [*_search(setting, level), *_moving(setting, level, setting.moves)]
    own = _steps("training", iterations - setting.rewind, setting, level)
    if setting.schedule != "transferred":
        return [*_search(setting, level), own]
    if source is None:
        raise LotteryError(f"the masks come from {setting.source!r}: give that setting as source, since its search counts.")
    return [*_search(source, level), _steps("search", setting.rewind, setting, 0), own]


def iterations_spent(setting: Setting, level: int, source: Setting | None = None) -> int:
    """Optimiser steps behind the trained ticket of a level in one trial, as `phases` counts them."""
    return steps(phases(setting, level, source))


def steps(phases: list[Phase]) -> int:
    """The optimiser steps of these phases; a gradient that only says where to grow is part of one."""
    return sum(phase.iterations for phase in phases if phase.purpose != "growing")


def training_flops(
    phases: list[Phase], flops: dict[str, int], kept: Callable[[Setting, int], dict[str, float]] | None = None
) -> float:
    """Floating-point operations of these phases, where `flops` is what one example takes (see
    `efficiency.forward_flops`).

    `kept(setting, level)` gives the share of each prunable weight, 0 to 1, that the masks of that level keep;
    without it zeros cost as much as weights.
    """
    total = 0.0
    for phase in phases:
        masked = kept is not None and phase.level > 0 and phase.iterations > 0
        shares = kept(phase.setting, phase.level) if masked else {}
        shares = {name: moving.cubic(phase.way, share) for name, share in shares.items()}
        per_example = sum(count * shares.get(name, 1.0) for name, count in flops.items())
        total += (1 if phase.purpose == "growing" else PASSES) * phase.iterations * phase.batch * per_example
    return total


def cost_table(
    bought: dict[str, tuple[pd.DataFrame, int]],
    task: str | Task,
    results: str | Path | None = None,
    measure: str = "test_accuracy",
) -> pd.DataFrame:
    """What methods have cost and what that bought: one row per method and trial.

    `bought` maps a name to the table of a hunt on the task and the level that is looked at; `results` is the
    folder they were hunted in. Columns: method, trial, density, value (of `measure`, as shown), iterations,
    operations, dense_operations (the same if zeros cost as much as weights). Raises LotteryError where a
    table lacks the level.
    """
    task, store, parts = find_task(task), Store(results, writable=False), []
    flops = forward_flops(task.build(), task.dataset.train.inputs)
    for name, (table, level) in bought.items():
        tickets = summarise(table[(table.method == table.schedule) & (table.level == level)])
        if tickets.empty:
            raise LotteryError(f"the table of {name!r} has no tickets at level {level}: hunt there first.")
        setting = store.find(f"{tickets.task.iloc[0]}/{tickets.setting.iloc[0]}")
        source = store.find(setting.source) if setting.source else None
        trained = phases(setting, level, source)
        kept = functools.partial(kept_shares, store, trials=sorted(tickets.trial))
        prices = {
            "iterations": iterations_spent(setting, level, source),
            "operations": training_flops(trained, flops, kept),
            "dense_operations": training_flops(trained, flops),
        }
        part = tickets[["trial", "density"]].assign(value=scale(measure) * tickets[measure], **prices)
        part.insert(0, "method", name)
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def kept_shares(store: Store, setting: Setting, level: int, trials: Iterable[int]) -> dict[str, float]:
    """The share of each prunable weight, 0 to 1, that the stored masks of a level keep: a mean over trials."""
    trials = [masks.layer_densities(store.load(setting, Key(TICKET, trial, level)).mask) for trial in trials]
    return {layer: sum(shares[layer] for shares in trials) / len(trials) for layer in trials[0]}


def pareto_front(costs: pd.DataFrame, cost: str = "iterations") -> list[str]:
    """The methods of a `cost_table` that are on the Pareto front of the means, cheapest first: no other is
    cheaper and as good, or better and as cheap."""
    _check(cost)
    means = costs.groupby("method", sort=False)[[cost, "value"]].mean().sort_values(cost, kind="stable")
    front = []
    for name, price, value in means.itertuples():
        rivals = means[(means[cost] <= price) & (means.value >= value)]
        if ((rivals[cost] == price) & (rivals.value == value)).all():  # no rival but itself, and its equals
            front.append(name)
    return front


def dominated_by(costs: pd.DataFrame, cost: str = "iterations") -> dict[str, list[str]]:
    """For each method of a `cost_table`, those that cost at most as much and are better beyond chance.

    Paired by trial; spread is pooled over a method's rivals, and the claims are corrected for all comparisons
    of the table (Holm 1979). More trials may show that others are dominated, too.
    """
    _check(cost)
    values = costs.pivot(index="trial", columns="method", values="value")
    price, gains = costs.groupby("method")[cost].first(), {}
    names = list(dict.fromkeys(costs.method))
    for name in names:
        rivals = [rival for rival in names if rival != name and price[rival] <= price[name]]
        own = {rival: evidence.weigh((values[rival] - values[name]).dropna()) for rival in rivals}
        gains |= {(name, rival): gain for rival, gain in evidence.pooled(own).items()}
    corrected = evidence.holm([gain.p_value(0) for gain in gains.values()])
    beaten = [pair for pair, p in zip(gains, corrected) if families.holds(p)]
    return {name: [rival for loser, rival in beaten if loser == name] for name in names}


def _steps(purpose: str, iterations: int, setting: Setting, level: int) -> Phase:
    return Phase(purpose, iterations, setting.recipe.batch_size, setting, level)


def _moving(setting: Setting, level: int, moves: Moves) -> list[Phase]:
    """A training in which masks move: under "gmp" a phase between any two moves, since it becomes sparser."""
    start, end, batch = setting.rewind, setting.recipe.iterations, setting.recipe.batch_size
    at = [iteration for iteration in moving.iterations_of(moves, end) if iteration > start]
    if moves.method == "gmp":
        ends, ways = [*at, end], [0.0, *(iteration / (moves.until * end) for iteration in at[:-1]), 1.0]
        spans = zip([start, *at], ends, ways)
        return [Phase("training", stop - begin, batch, setting, level, way) for begin, stop, way in spans]
    grown = [Phase("growing", len(at), batch, setting, 0)] if moves.method in moving.NEEDS_GRADIENT else []
    return [_steps("training", end - start, setting, level), *grown]


def _search(setting: Setting, level: int) -> list[Phase]:
    """What was trained before the mask of a level was there, and theta_k with it."""
    full, rewind = setting.recipe.iterations, setting.rewind
    if setting.schedule in AT_ONCE:
        before = rewind if setting.schedule == "untrained" else full
        return [_steps("search", before, setting, 0), _scoring(setting, 0)]
    search = []
    if setting.start_mask:  # given, not found: level 1 takes theta_k alone
        search.append(_steps("search", rewind, setting, 0))
    for at in range(1 if setting.start_mask else 0, level):
        search += [_steps("search", full - rewind if at else full, setting, at), _scoring(setting, at)]
    return search


def _scoring(setting: Setting, level: int) -> Phase:
    """A prune step, which may run the network: not at all for a criterion that looks at weights alone, in
    every round of one that has several, and once for groups and units, which go in one step."""
    criterion, runs = registry.find(setting.score), 0
    if criterion is not None and set(registry.RUN_THE_NETWORK) & set(registry.asked(criterion)):
        runs = criterion.rounds if setting.structure == "weights" else 1
    return Phase("scoring", runs, getattr(criterion, "examples", registry.BATCH), setting, level)


def _check(cost: str) -> None:
    if cost not in COSTS:
        raise LotteryError(f"unknown cost {cost!r}: choose one of {', '.join(COSTS)}.")
