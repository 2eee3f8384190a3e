"""Layer collapse: what criteria leave of each layer of an untrained network, and when a layer is empty; dead
units.

Nothing here is trained: masks are made at theta_0, so that a whole grid of compressions takes seconds. A
network with an empty layer gives every input the same output, whatever it is trained on. Tanaka et al.
(2020), arXiv 2006.05467, section 3, call this layer-collapse; compression is weights over weights kept, and
the critical compression the largest without an empty layer.
"""

import copy
import itertools
from collections.abc import Callable, Iterable

import pandas as pd
import torch
from torch import Tensor, nn

from lthlib import models
from lthlib.analysis.compaction import empty_units
from lthlib.core.errors import LotteryError
from lthlib.core.seeds import seed_for
from lthlib.core.validation import number
from lthlib.pruning import at_initialisation, masks, registry, step
from lthlib.pruning.masks import Mask
from lthlib.tasks import Prepared, Task, find_task, prepare, resolve
from lthlib.training import objectives

COLUMNS = ["score", "trial", "compression", "layer", "weights", "layer_density"]


def mask_untrained(
    task: str | Task, score: str | Callable, compression: float, trial: int = 0, seed: int = 0, scope: str = "global"
) -> Mask:
    """The mask of a trial's network at theta_0, pruned at once to 1 / `compression` of its prunable weights.

    theta_0 is that of `lthlib.hunt` with this seed. Layers whose `rate_factors` is 0 are kept whole and do
    not count. Raises LotteryError for a compression that is not above 1.
    """
    return _mask_untrained(prepare(task, seed=seed), score, compression, trial, scope)


def _mask_untrained(ready: Prepared, score: str | Callable, compression: float, trial: int, scope: str = "global") -> Mask:
    allowed = "weights over weights kept, above 1, such as 100"
    compression = number("compression", compression, lambda x: 1 < x < float("inf"), allowed)
    task, seed = ready.task, ready.setting.seed
    chosen = {"score": score, "scope": scope, "rate": 1 - 1 / compression, "seed": seed}
    setting, _ = resolve(task, schedule="untrained", **chosen)
    state = models.initial_weights(task.build, seed_for(seed, "weights", trial))

    def loss(outputs: Tensor, targets: Tensor) -> Tensor:
        return objectives.mean_loss(task.objective, outputs, targets)

    pruner = step.Pruner(ready.network, setting, task.dataset, loss)
    dense = masks.ones(models.prunable(pruner.network))
    return pruner.prune(state, state, dense, source=0, level=1, seed=seed_for("score", seed, trial, 1))


def layers(
    task: str | Task, criteria: Iterable[str | Callable], compressions: Iterable[float], trials: int = 1, seed: int = 0
) -> pd.DataFrame:
    """What each criterion leaves of each layer at each compression, pruned globally at theta_0, by trial.

    Columns score, trial, compression, layer (its weight's name, in the network's order), weights (kept) and
    layer_density, from 0 to 1. Layers that are kept whole in any case are left out.
    """
    ready, remains = prepare(task, seed=seed), []  # once for the whole grid
    pruned = [name for name, rate in models.layer_rates(ready.network, 0.5).items() if rate]
    for criterion, trial, compression in itertools.product(criteria, range(trials), compressions):
        name = criterion if isinstance(criterion, str) else criterion.__name__
        mask = _mask_untrained(ready, criterion, compression, trial)
        counts, shares = masks.layer_counts(mask), masks.layer_densities(mask)
        remains += [(name, trial, float(compression), layer, counts[layer], shares[layer]) for layer in pruned]
    return pd.DataFrame(remains, columns=COLUMNS)


def critical_compression(layers: pd.DataFrame) -> pd.DataFrame:
    """For each score and trial of `layers`: the largest compression of the grid at which, as at all smaller
    ones, no layer is empty (1 where the first already empties one), and the layers that are empty at the
    next, "" where the grid ends."""
    ends = []
    for (score, trial), remains in layers.groupby(["score", "trial"], sort=False):
        reached, first_empty = 1.0, ""
        for compression, network in remains.groupby("compression"):
            empty = network.layer[network.weights == 0]
            if len(empty):
                first_empty = ", ".join(empty.str.removesuffix(".weight"))
                break
            reached = compression
        ends.append((score, trial, reached, first_empty))
    return pd.DataFrame(ends, columns=["score", "trial", "compression", "first empty"])


def max_compression(task: str | Task) -> float:
    """The compression at which every layer is down to one weight: no criterion can go beyond without emptying
    one (Tanaka et al. 2020, section 3: "max compression")."""
    network = find_task(task).build()
    rates = models.layer_rates(network, 0.5)
    sizes = [weight.numel() for name, weight in models.prunable(network).items() if rates[name]]
    if not sizes:
        raise LotteryError(f"{type(network).__name__} keeps every layer whole: there is nothing to prune.")
    return sum(sizes) / len(sizes)


def weights_on_paths(network: nn.Module, mask: Mask, example: Tensor) -> Mask:
    """Which of the kept weights lie on a path of kept weights from an input to an output; the others can
    change nothing.

    `example` is one input, [1, ...]. Synaptic flow passes through these weights when every kept weight is 1
    (max pooling, which passes on one of its inputs, may hide a path). Biases are taken as they are in
    `network`: at zero, as lthlib's begin, a unit without inputs passes nothing on.
    """
    weights = {name: kept.double() for name, kept in mask.items()}
    network = copy.deepcopy(network)
    flow = registry.evaluate(at_initialisation.synflow, network=network, weights=weights, mask=mask, batch=(example, None))
    return {name: kept & (flow[name] > 0) for name, kept in mask.items()}


def live_units(mask: Mask, network: nn.Module | None = None) -> dict[str, int]:
    """Output units, or channels, of each layer with any weight left. Of `weights_on_paths`: those that can do
    anything. For `network` see `compaction.empty_units`."""
    return {name: int((~empty).sum()) for name, empty in empty_units(mask, network).items()}


def shuffle_among_live(mask: Mask, used: Mask, seed: int) -> Mask:
    """The mask with its entries moved at random, inside each layer, to places between units that are alive.

    `used` is the mask's `weights_on_paths`: a place is between live units if any used weight leads to its
    output unit and any comes from its input. Every layer keeps as many weights as before; those for which
    there is no such place, and vectors, go anywhere. `masks.shuffle` also brings dead units back to life;
    compared with it, this says what the choice of single weights is worth, given the units.
    """
    generator, moved = torch.Generator().manual_seed(seed), {}
    for name, kept in mask.items():
        if kept.dim() < 2:
            moved[name] = kept.flatten()[torch.randperm(kept.numel(), generator=generator)].view_as(kept)
            continue
        connected = used[name].flatten(2).any(2) if kept.dim() > 2 else used[name]  # [outputs, inputs]
        live_outputs, live_inputs = connected.any(1), connected.any(0)
        between_live = live_outputs[:, None] & live_inputs[None, :]
        for _ in kept.shape[2:]:  # of a kernel: all its places are alike
            between_live = between_live.unsqueeze(-1)
        # Random numbers from 0 to 1, and 1 more elsewhere: places between live units come first, in random
        # order.
        ranking = torch.rand(kept.shape, generator=generator) + (~between_live).float()
        chosen = ranking.flatten().argsort()[: int(kept.sum())]
        moved[name] = torch.zeros(kept.numel(), dtype=torch.bool).index_fill_(0, chosen, True).view_as(kept)
    return moved
