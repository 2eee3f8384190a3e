"""Pruning of whole structures: groups of four inputs (2:4 and its like), and whole units or channels.

Weights are [outputs, inputs, ...] here, as linear layers and convolutions hold them. Transposed convolutions
hold [inputs, outputs, ...] and are turned round by `outputs_first`. Biases, other vectors and single numbers
that `also_prunable` names have neither groups nor units: they are kept as they are.
"""

import torch
from torch import Tensor, nn

from lthlib import models
from lthlib.core.errors import LotteryError
from lthlib.pruning.masks import Mask, _remove_lowest

GROUP = 4  # neighbours of which hardware wants as many kept, 2 of 4 (Mishra et al. 2021, arXiv 2104.08378)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)


def outputs_first(network: nn.Module, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors, by name of the network's weights, with those of transposed convolutions turned from
    [inputs, outputs / groups, ...] to [outputs, inputs / groups, ...]; or back, for it is its own inverse."""
    turned, layer_of = dict(tensors), {}
    for layer, name in models.layer_names(network).items():
        layer_of.setdefault(name, layer)  # of layers that share a weight the first
    for name, layer in layer_of.items():
        if name in tensors and isinstance(layer, TRANSPOSED):
            turned[name] = tensors[name].unflatten(0, (layer.groups, -1)).transpose(1, 2).flatten(0, 1).contiguous()
    return turned


def prune_in_groups(mask: Mask, scores: dict[str, Tensor], kept: int) -> Mask:
    """Keep the `kept` highest-scored of every four neighbouring inputs of an output unit, 2 of 4 in Mishra et
    al. (2021), section 3.

    In a convolution these are four input channels at one place of the kernel, over which the hardware sums
    (NVIDIA's TensorRT documentation, "Structured Sparsity"; `create_mask` of its ASP, apex.contrib.sparsity).
    A layer whose inputs do not divide by four is kept as it is. Raises LotteryError where `kept` is not 0 to 4
    or a group has fewer left.
    """
    if kept not in range(GROUP + 1):
        raise LotteryError(f"{kept!r} of {GROUP} cannot be kept: give a whole number from 0 to {GROUP}.")
    pruned = {}
    for name, before in mask.items():
        if before.dim() < 2 or before.shape[1] % GROUP:
            pruned[name] = before.clone()
            continue
        in_rows = before.movedim(1, -1)
        alive = in_rows.reshape(-1, GROUP)
        if (alive.sum(1) < kept).any():
            short = f"{name!r} has groups of {GROUP} with fewer than {kept} weights left"
            raise LotteryError(f"{short}: keep fewer.")
        groups = scores[name].detach().cpu().movedim(1, -1).reshape(-1, GROUP).masked_fill(~alive, -torch.inf)
        best = groups.argsort(dim=1, descending=True, stable=True)[:, :kept]
        chosen = torch.zeros_like(alive).scatter_(1, best, True).view(in_rows.shape)
        pruned[name] = chosen.movedim(-1, 1).contiguous()
    return pruned


def prune_units(mask: Mask, scores: dict[str, Tensor], rates: dict[str, float]) -> Mask:
    """Remove whole output units (channels of a convolution), those whose weights' scores have the lowest sum:
    `round(rate * survivors)` of each layer's units that have any weight left, but never the last one (Li et
    al. 2017, arXiv 1608.08710)."""
    pruned = {}
    for name, before in mask.items():
        if before.dim() < 2:
            pruned[name] = before.clone()
            continue
        units = before.flatten(1)
        alive = units.any(1)
        sums = (scores[name].detach().cpu().flatten(1) * units).sum(1)
        rate = min(rates[name], 1 - 1 / int(alive.sum())) if alive.any() else 0.0
        kept = _remove_lowest([alive], [sums], rate)[0]
        pruned[name] = before & kept.view(-1, *[1] * (before.dim() - 1))
    return pruned
