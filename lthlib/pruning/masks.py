"""What a mask is, and everything that is done to one.

A mask is a dictionary from the name of a prunable weight to a boolean tensor of its shape: True is kept.
Booleans can hold nothing but 0 and 1, and whether a weight is pruned is asked of its mask, never of its
value. Every function returns a new mask and leaves its arguments alone.
"""

from collections.abc import Mapping

import torch
from torch import Tensor

from lthlib.core.errors import LotteryError

Mask = dict[str, Tensor]
SCOPES = ("layer", "global")


def ones(weights: Mapping[str, Tensor]) -> Mask:
    """The dense mask of these weights."""
    return {name: torch.ones(weight.shape, dtype=torch.bool) for name, weight in weights.items()}


def as_mask(tensors: dict[str, Tensor]) -> Mask:
    """A mask from tensors of zeros and ones. Raises LotteryError where they hold anything else."""
    for name, tensor in tensors.items():
        if not ((tensor == 0) | (tensor == 1)).all():
            wrong = f"the mask of {name!r} holds values other than 0 and 1"
            raise LotteryError(f"{wrong}: pass 1 for kept and 0 for pruned.")
    return {name: tensor.detach().cpu().bool() for name, tensor in tensors.items()}


def density(mask: Mask) -> float:
    """Share of all prunable weights kept, 0 to 1: P_m of Frankle & Carbin (2019), section 1, counted weight
    by weight."""
    return sum(layer_counts(mask).values()) / sum(kept.numel() for kept in mask.values())


def layer_counts(mask: Mask) -> dict[str, int]:
    """Number of weights kept in each layer."""
    return {name: int(kept.sum()) for name, kept in mask.items()}


def layer_densities(mask: Mask) -> dict[str, float]:
    """Share of each layer's weights kept, 0 to 1."""
    return {name: count / mask[name].numel() for name, count in layer_counts(mask).items()}


def apply(mask: Mask, weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """A ticket, `mask * theta`: copies of all tensors in `weights`, exactly zero where the mask prunes.

    Names that share a tensor's memory, as in the state_dict of a network with tied weights, share the copy's.
    """
    further = shared_names(weights)
    copies = {name: tensor.clone() for name, tensor in weights.items() if name not in further}
    masked = {name: copies[further.get(name, name)] for name in weights}
    for name, kept in mask.items():
        masked[name].masked_fill_(~kept.to(masked[name].device), 0.0)
    return masked


def shared_names(weights: Mapping[str, Tensor]) -> dict[str, str]:
    """From each name whose tensor has the memory of one before it to that one's name, as aliases of a tied
    weight have in a network's state_dict."""
    first, further = {}, {}
    for name, tensor in weights.items():
        place = (tensor.data_ptr(), tensor.shape, tensor.stride()) if tensor.data_ptr() else name
        own = first.setdefault(place, name)
        if own != name:
            further[name] = own
    return further


def shuffle(mask: Mask, seed: int) -> Mask:
    """The mask with its entries moved at random inside each layer, so that every layer keeps as many weights
    as before.

    Drawn uniformly from all masks of the same layer counts. Frankle & Carbin (2019), figure 1; Frankle et al.
    (2021), arXiv 2009.08576, section 5.
    """
    generator = torch.Generator().manual_seed(seed)
    moved = {}
    for name, kept in mask.items():
        order = torch.randperm(kept.numel(), generator=generator)
        moved[name] = kept.flatten()[order].view_as(kept)
    return moved


def overlap(a: Mask, b: Mask) -> float:
    """Weights kept by both over weights kept by either, 0 to 1 (the Jaccard index); 1 for two empty masks."""
    both = sum(int((a[name] & b[name]).sum()) for name in a)
    either = sum(int((a[name] | b[name]).sum()) for name in a)
    return both / either if either else 1.0


def distance(a: Mask, b: Mask) -> float:
    """Share of all prunable weights on which two masks differ, 0 to 1: the normalised Hamming distance of You
    et al. (2020)."""
    return sum(int((a[name] ^ b[name]).sum()) for name in a) / sum(kept.numel() for kept in a.values())


def prune(mask: Mask, scores: dict[str, Tensor], rates: float | dict[str, float], scope: str = "layer") -> Mask:
    """Remove the lowest-scored of the surviving weights: one prune step.

    `rates` is the share of the survivors to remove, 0 to 1: one number or one a layer. Exactly `round(rate *
    survivors)` go (as in torch.nn.utils.prune), of equal scores the earliest first. Scope "layer" prunes
    every layer at its own rate (Frankle & Carbin 2019, section 2); "global" pools all layers whose rate is
    not 0 and prunes the pool at the highest rate (section 4). Raises LotteryError for a score that is not a
    number, a rate outside 0 to 1, or an unknown scope.
    """
    rates = dict.fromkeys(mask, rates) if not isinstance(rates, dict) else rates
    for name, kept in mask.items():
        if not 0 <= rates[name] <= 1:
            given = f"the rate of {name!r} is {rates[name]!r}"
            raise LotteryError(f"{given}: a rate is a share of the surviving weights, 0 to 1.")
        if scores[name].shape != kept.shape or torch.isnan(scores[name]).any():
            raise LotteryError(
                f"the scores of {name!r} are of shape {list(scores[name].shape)} or not all numbers: give one "
                f"number for each of its {list(kept.shape)} weights (a diverged training leaves NaN; try a lower "
                "learning rate)."
            )
    if scope == "layer":
        return {name: _remove_lowest([kept], [scores[name]], rates[name])[0] for name, kept in mask.items()}
    if scope != "global":
        raise LotteryError(f"unknown scope {scope!r}: choose one of {', '.join(SCOPES)}.")
    pool = [name for name in mask if rates[name] > 0]
    if not pool:
        return {name: kept.clone() for name, kept in mask.items()}
    kept = _remove_lowest([mask[n] for n in pool], [scores[n] for n in pool], max(rates[n] for n in pool))
    return {**{name: kept.clone() for name, kept in mask.items()}, **dict(zip(pool, kept))}


def _remove_lowest(masks: list[Tensor], scores: list[Tensor], rate: float) -> list[Tensor]:
    flat = torch.cat([mask.flatten() for mask in masks])
    survivors = flat.nonzero().squeeze(1)
    candidates = torch.cat([score.detach().cpu().flatten() for score in scores])[survivors]
    flat[survivors[candidates.argsort(stable=True)[: round(rate * len(survivors))]]] = False
    return [part.view_as(mask) for part, mask in zip(flat.split([mask.numel() for mask in masks]), masks)]
