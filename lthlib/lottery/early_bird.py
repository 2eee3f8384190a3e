"""Masks drawn early in training, and when they settle (You et al. 2020, arXiv 1909.11957, and its authors'
code).

Their masks are of channels, from the scales of batch normalisation; ours are of weights or of whole units.
The rule is theirs: draw the ticket once the newest mask is at most 0.1 from each of the four before it, in
the share of entries that differ. How much 0.1 is depends on the density d: two unrelated masks differ on 2 d
(1 - d) of all weights, on half at d = 1/2 and on a tenth at d = 1/20. `expected_distance` is that, layer by
layer.
"""

from collections.abc import Sequence

import numpy as np
from torch import Tensor
from torch.nn import functional

from lthlib import models
from lthlib.core import progress
from lthlib.core.errors import LotteryError
from lthlib.core.validation import at_least, plain
from lthlib.lottery.search import hunt
from lthlib.pruning import masks, step
from lthlib.pruning.masks import Mask
from lthlib.storage.store import TICKET, Key, Store
from lthlib.tasks import Task, find_task, prepare, resolve

WINDOW, WITHIN = 5, 0.1  # masks that are compared, and how far apart they may be (the authors' main.py)
NOT_IN_SETTING = ("results", "device", "workers", "sparse", "engine", "progress", "on_network", "leave_out")  # options of a hunt


def expected_distance(a: Mask, b: Mask) -> float:
    """What `masks.distance` is expected to be for two masks of these layer densities whose places are drawn
    independently."""
    expected = 0.0
    for name, kept in a.items():
        p, q = float(kept.float().mean()), float(b[name].float().mean())
        expected += kept.numel() * (p * (1 - q) + q * (1 - p))
    return expected / sum(kept.numel() for kept in a.values())


def mask_distances(over_time: Sequence[Mask], of_chance: bool = False) -> np.ndarray:
    """The distances [T, T] of T masks from each other; `of_chance` divides each by its `expected_distance`."""
    distances = np.zeros((len(over_time), len(over_time)))
    for i, a in enumerate(over_time):
        for j, b in enumerate(over_time[:i]):
            unit = expected_distance(a, b) if of_chance else 1.0
            distances[i, j] = distances[j, i] = masks.distance(a, b) / unit
    return distances


def settled_at(distances: np.ndarray, window: int = WINDOW, within: float = WITHIN) -> int | None:
    """The first of T masks, by its place, that is at most `within` from each of the `window` - 1 before it;
    None where no mask is.

    `distances` [T, T] are those of `mask_distances`. Raises LotteryError for a window below 2.
    """
    at_least("window", window, 2)
    for newest in range(window - 1, len(distances)):
        if (distances[newest, newest - window + 1 : newest] <= within).all():
            return newest
    return None


def weights_at(
    task: str | Task, times: Sequence[int], profile: str = "quick", *, trials: int, **options
) -> dict[int, list[dict[str, Tensor]]]:
    """All parameters of the dense networks after so many iterations, by time: a list with one for each trial.

    Each time is a hunt of its own that stops there, so that all of it is stored: a dense network that is
    trained for t iterations is what one that is trained for longer was after t. `options` go to `hunt`.
    Raises LotteryError for a time below 0, or for a learning rate that depends on how long training is.
    """
    task, times, weights = find_task(task), [plain(time) for time in plain(times)], {}
    if wrong := [t for t in times if isinstance(t, bool) or not isinstance(t, int) or t < 0]:
        raise LotteryError(f"time {wrong[0]!r} is no iteration: give whole numbers, 0 or more.")
    if (schedule := options.get("learning_rate_schedule") or "steps") != "steps":
        why = "falls with the end of training, so that a shorter one is no part of a longer one"
        raise LotteryError(f"learning_rate_schedule {schedule!r} {why}: choose 'steps'.")
    watch = progress.bar(len(times) * trials, options.get("progress", True))
    for t in times:
        chosen = {**options, "iterations": max(t, 1), "levels": 0, "trials": trials, "progress": False}
        hunt(task, profile, **chosen)
        setting, _ = resolve(task, profile, **{k: value for k, value in chosen.items() if k not in NOT_IN_SETTING})
        store = Store(options.get("results"))
        dense = [store.load(setting, Key(TICKET, trial, 0)) for trial in range(trials)]
        weights[t] = [record.weights if t else record.start for record in dense]
        watch.update(trials)
    watch.close()
    points = "1 point" if len(times) == 1 else f"{len(times)} points"
    watch.say(f"{trials} dense networks, each at {points} of its training.")
    return weights


def masks_of(task: str | Task, states: Sequence[dict[str, Tensor]], level: int, profile: str = "quick", **how) -> list[Mask]:
    """The mask that one-shot pruning by magnitude makes of each of these networks at a level. `how` may name
    rate, scope and structure."""
    ready = prepare(task, profile, schedule="oneshot", **how)
    pruner = step.Pruner(ready.network, ready.setting, ready.task.dataset, functional.cross_entropy)
    ones = masks.ones(models.prunable(ready.network))
    return [pruner.prune(state, state, ones, source=0, level=level, seed=0) for state in states]
