"""Pruning of whole structures: groups of four neighbours (2:4 and its like), and whole units or channels."""

import torch
from torch import Tensor

from lthlib.core.errors import LotteryError
from lthlib.pruning.masks import Mask, _remove_lowest

GROUP = 4  # neighbours of which hardware wants as many kept, 2 of 4 (Mishra et al. 2021, arXiv 2104.08378)


def prune_in_groups(mask: Mask, scores: dict[str, Tensor], kept: int) -> Mask:
    """Keep the `kept` highest-scored of every four neighbours along a weight's rows, 2 of 4 in Mishra et al.
    (2021), section 3.

    A row is what one output unit reads, [inputs * height * width] of a convolution. A layer whose rows do not
    divide by four is kept as it is. Raises LotteryError where `kept` is not 0 to 4 or a group has fewer left.
    """
    if kept not in range(GROUP + 1):
        raise LotteryError(f"{kept!r} of {GROUP} cannot be kept: give a whole number from 0 to {GROUP}.")
    pruned = {}
    for name, before in mask.items():
        if before[0].numel() % GROUP:
            pruned[name] = before.clone()
            continue
        alive = before.reshape(-1, GROUP)
        if (alive.sum(1) < kept).any():
            short = f"{name!r} has groups of {GROUP} with fewer than {kept} weights left"
            raise LotteryError(f"{short}: keep fewer.")
        groups = scores[name].detach().cpu().reshape(-1, GROUP).masked_fill(~alive, -torch.inf)
        best = groups.argsort(dim=1, descending=True, stable=True)[:, :kept]
        pruned[name] = torch.zeros_like(alive).scatter_(1, best, True).view_as(before)
    return pruned


def prune_units(mask: Mask, scores: dict[str, Tensor], rates: dict[str, float]) -> Mask:
    """Remove whole output units (channels of a convolution), those whose weights' scores have the lowest sum:
    `round(rate * survivors)` of each layer's units that have any weight left, but never the last one (Li et
    al. 2017, arXiv 1608.08710)."""
    pruned = {}
    for name, before in mask.items():
        units = before.flatten(1)
        alive = units.any(1)
        sums = (scores[name].detach().cpu().flatten(1) * units).sum(1)
        rate = min(rates[name], 1 - 1 / int(alive.sum())) if alive.any() else 0.0
        kept = _remove_lowest([alive], [sums], rate)[0]
        pruned[name] = before & kept.view(-1, *[1] * (before.dim() - 1))
    return pruned
