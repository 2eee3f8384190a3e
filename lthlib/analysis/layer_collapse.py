"""Layer collapse: what criteria leave of each layer of an untrained network, and when the first layer is empty; dead units.

Nothing here is trained: masks are made at theta_0, so that a whole grid of compressions takes seconds. A network with an empty
layer gives every input the same output, whatever it is trained on. Tanaka et al. (2020), arXiv 2006.05467, section 3, call it
layer-collapse; compression is weights over weights kept, and the critical compression the largest without an empty layer.
"""

import copy
from collections.abc import Callable, Iterable

import pandas as pd
import torch
from torch import Tensor, nn

from lthlib import models, tasks
from lthlib.core.errors import LotteryError
from lthlib.core.seeds import seed_for
from lthlib.core.validation import number
from lthlib.pruning import at_initialisation, masks, registry, step
from lthlib.pruning.masks import Mask

COLUMNS = ["score", "trial", "compression", "layer", "weights", "layer_density"]


def mask_untrained(
    task: str | tasks.Task, score: str | Callable, compression: float, trial: int = 0, seed: int = 0, scope: str = "global"
) -> Mask:
    """The mask of a trial's network at theta_0, pruned at once to 1 / `compression` of its prunable weights.

    theta_0 is that of `lthlib.hunt` with this seed. Layers whose `rate_factors` is 0 are kept whole and do not count.
    Raises LotteryError for a compression that is not above 1.
    """
    number("compression", compression, lambda x: 1 < x < float("inf"), "weights over weights kept, above 1, such as 100")
    task = tasks.find_task(task)
    rate = 1 - 1 / compression
    setting, _ = tasks.resolve(task, schedule="untrained", score=score, scope=scope, rate=rate, seed=seed)
    state = models.initial_weights(task.build, seed_for(seed, "weights", trial))
    loss = lambda outputs, targets: task.objective(outputs, targets)[0].mean()  # noqa: E731
    pruner = step.Pruner(task.build(), setting, task.dataset, loss)
    dense = masks.ones(models.prunable(pruner.network))
    return pruner.prune(state, state, dense, 0, 1, seed_for("score", seed, trial, 1))


def layers(
    task: str | tasks.Task, criteria: Iterable[str | Callable], compressions: Iterable[float], trials: int = 1, seed: int = 0
) -> pd.DataFrame:
    """What each criterion leaves of each layer at each compression, pruned globally at theta_0: a row for each and trial.

    Columns score, trial, compression, layer (its weight's name, in the network's order), weights (kept) and layer_density, from
    0 to 1. Layers that are kept whole in any case are left out.
    """
    task = tasks.find_task(task)
    pruned, rows = [name for name, rate in models.layer_rates(task.build(), 0.5).items() if rate], []
    compressions = list(compressions)
    for criterion in criteria:
        name = criterion if isinstance(criterion, str) else criterion.__name__
        for trial in range(trials):
            for compression in compressions:
                mask = mask_untrained(task, criterion, compression, trial, seed)
                counts, shares = masks.layer_counts(mask), masks.layer_densities(mask)
                rows += [(name, trial, float(compression), layer, counts[layer], shares[layer]) for layer in pruned]
    return pd.DataFrame(rows, columns=COLUMNS)


def critical(layers: pd.DataFrame) -> pd.DataFrame:
    """For each score and trial of `layers`: the largest compression of the grid at which, as at all smaller ones, no layer is
    empty (1 where the first already empties one), and the layers that are empty at the next, "" where the grid ends."""
    rows = []
    for (score, trial), here in layers.groupby(["score", "trial"], sort=False):
        reached, first = 1.0, ""
        for compression, network in here.groupby("compression"):
            empty = network.layer[network.weights == 0]
            if len(empty):
                first = ", ".join(empty.str.removesuffix(".weight"))
                break
            reached = compression
        rows.append((score, trial, reached, first))
    return pd.DataFrame(rows, columns=["score", "trial", "compression", "first empty"])


def most(task: str | tasks.Task) -> float:
    """The compression at which every layer is down to one weight: no criterion can go beyond without emptying one
    (Tanaka et al. 2020, section 3: "max compression")."""
    network = tasks.find_task(task).build()
    rates = models.layer_rates(network, 0.5)
    sizes = [weight.numel() for name, weight in models.prunable(network).items() if rates[name]]
    if not sizes:
        raise LotteryError(f"{type(network).__name__} keeps every layer whole: there is nothing to prune.")
    return sum(sizes) / len(sizes)


def on_paths(network: nn.Module, mask: Mask, example: Tensor) -> Mask:
    """Which of the kept weights lie on a path of kept weights from an input to an output; the others can change nothing.

    `example` is one input, [1, ...]. They are those through which synaptic flow passes when all that is kept is 1 (so that max
    pooling, which passes on one of its inputs, may hide a path). Biases are taken as they are in `network`: at zero, as
    lthlib's begin, a unit without inputs passes nothing on.
    """
    weights = {name: kept.double() for name, kept in mask.items()}
    network = copy.deepcopy(network)
    flow = registry.evaluate(at_initialisation.synflow, network=network, weights=weights, mask=mask, batch=(example, None))
    return {name: kept & (flow[name] > 0) for name, kept in mask.items()}


def live_units(mask: Mask) -> dict[str, int]:
    """Output units, or channels, of each layer that have any weight left: of `on_paths`, those that can do anything."""
    return {name: int(kept.flatten(1).any(1).sum()) for name, kept in mask.items()}


def shuffle_among_live(mask: Mask, used: Mask, seed: int) -> Mask:
    """The mask with its entries moved at random, inside each layer, to places between units that are alive.

    `used` is what `on_paths` gives for it: a place is between live units if its output unit and its input have any weight in it.
    Every layer keeps as many weights as before; those for which there is no such place go anywhere. Beside `masks.shuffle`,
    which also brings dead units back to life, it says what the choice of single weights is worth, given the units.
    """
    generator, moved = torch.Generator().manual_seed(seed), {}
    for name, kept in mask.items():
        alive = used[name].flatten(2).any(2) if kept.dim() > 2 else used[name]
        between = alive.any(1)[:, None] & alive.any(0)[None]
        inside = between.view(*between.shape, *[1] * (kept.dim() - 2)).expand_as(kept)
        order = (torch.rand(kept.shape, generator=generator) + (~inside).float()).flatten().argsort()
        moved[name] = torch.zeros(kept.numel(), dtype=torch.bool).index_fill_(0, order[: int(kept.sum())], True).view_as(kept)
    return moved
