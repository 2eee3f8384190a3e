"""How a density is shared out among the layers."""

import torch
from torch import nn

from lthlib import models
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks
from lthlib.pruning.masks import Mask
from lthlib.settings import Setting


def erk_densities(shapes: dict[str, tuple[int, ...]], density: float) -> dict[str, float]:
    """Layer densities, 0 to 1, by the Erdos-Renyi-kernel rule for one density of all these weights together.

    A layer's is proportional to (n_in + n_out + height + width) / (n_in * n_out * height * width), so that
    small layers stay denser; those that would exceed 1 are kept whole and the others share the rest (Evci et
    al. 2020, arXiv 1911.11134, section 3; Mocanu et al. 2018 for linear layers). Raises LotteryError for a
    density that is not 0 to 1.
    """
    if not 0 <= density <= 1:
        raise LotteryError(f"the density is {density!r}: give a share of the weights, 0 to 1.")
    sizes = {name: torch.Size(shape).numel() for name, shape in shapes.items()}
    raw = {name: sum(shape) / sizes[name] for name, shape in shapes.items()}
    whole: set[str] = set()
    while True:
        rest = [name for name in shapes if name not in whole]
        wanted = density * sum(sizes.values()) - sum(sizes[name] for name in whole)
        scale = wanted / sum(raw[name] * sizes[name] for name in rest) if rest else 0.0
        over = {name for name in rest if scale * raw[name] > 1}
        if not over:
            return {name: 1.0 if name in whole else scale * raw[name] for name in shapes}
        whole |= over


def rates_between(network: nn.Module, setting: Setting, mask: Mask, source: int, level: int) -> dict[str, float]:
    """Share of each layer's survivors to remove on the way from level `source` to `level`."""
    rates = models.layer_rates(network, setting.rate)
    if setting.scope in ("uniform", "erk"):
        rates = {name: setting.rate if rate else 0.0 for name, rate in rates.items()}
    if setting.scope == "erk":
        # A single number has no inputs and outputs for the rule: it is kept whole.
        shapes = {name: tuple(kept.shape) for name, kept in mask.items() if rates[name] and kept.dim()}
        before = erk_densities(shapes, (1 - setting.rate) ** source)
        after = erk_densities(shapes, (1 - setting.rate) ** level)
        return {name: 1 - after[name] / before[name] if name in after else 0.0 for name in mask}
    rounds = level - source
    if rounds == 1:  # 1 - (1 - rate) is not quite the rate
        return rates
    return {name: 1 - (1 - rate) ** rounds for name, rate in rates.items()}


def rates_toward(rates: dict[str, float], before: Mask, now: Mask, share: float, scope: str) -> dict[str, float]:
    """What to remove of the survivors in `now` to be `share` of the way, in logarithm, to what `rates` leaves
    of `before`.

    From counts, so that what is rounded in many small steps does not add up.
    """
    had, have = masks.layer_counts(before), masks.layer_counts(now)
    pool = [name for name, rate in rates.items() if rate > 0]
    if scope == "global" and pool:  # all layers count as one
        had = dict.fromkeys(pool, sum(had[name] for name in pool))
        have = dict.fromkeys(pool, sum(have[name] for name in pool))
        rates = {**rates, **dict.fromkeys(pool, max(rates.values()))}
    steps = dict.fromkeys(rates, 0.0)
    for name in pool:
        left = had[name] * (1 - rates[name]) ** share / max(have[name], 1)
        steps[name] = min(1.0, max(0.0, 1 - left))
    return steps
