"""What a control puts in the place of a ticket's weights, and which masked weights it freezes (Zhou et al. 2019,
arXiv 1905.01067).

Each takes the network's weights at theta_k, all parameters and buffers by name, and changes those that the mask names; `new` is
another network, drawn from the initial distribution. Returns new tensors.
"""

import torch
from torch import Tensor

from lthlib.pruning.masks import Mask

State = dict[str, Tensor]


def reinit_signs(theta: State, mask: Mask, new: State, seed: int) -> State:
    """New initial weights that are given the signs of the old ones (section 4)."""
    return theta | {name: new[name].abs() * theta[name].sign() for name in mask}


def reshuffle(theta: State, mask: Mask, new: State, seed: int) -> State:
    """Each layer's surviving weights change places among themselves at random, signs and all (section 4)."""
    return theta | {name: _permuted(theta[name], kept, torch.Generator().manual_seed(seed)) for name, kept in mask.items()}


def reshuffle_signs(theta: State, mask: Mask, new: State, seed: int) -> State:
    """As `reshuffle`, but every place keeps its sign: only the sizes change places (section 4)."""
    moved = reshuffle(theta, mask, new, seed)
    return theta | {name: moved[name].abs() * theta[name].sign() for name in mask}


def constant(theta: State, mask: Mask, new: State, seed: int) -> State:
    """Every weight is plus or minus one number a layer, the standard deviation of its weights, at random (section 4)."""
    return theta | {name: theta[name].std(correction=0) * new[name].sign() for name in mask}


def constant_signs(theta: State, mask: Mask, new: State, seed: int) -> State:
    """As `constant`, with the signs that the weights have: nothing is left of theta_k but its signs (section 4)."""
    return theta | {name: theta[name].std(correction=0) * theta[name].sign() for name in mask}


WEIGHTS = {function.__name__: function for function in (reinit_signs, reshuffle, reshuffle_signs, constant, constant_signs)}


def frozen(mask: Mask, start: State, end: State) -> Mask:
    """All masked weights, to stay at theta_k in place of zero (section 3)."""
    return {name: ~kept for name, kept in mask.items()}


def frozen_away(mask: Mask, start: State, end: State) -> Mask:
    """The masked weights that dense training moved away from zero (`start` to `end`); the others become zero (section 3)."""
    return {name: ~kept & (end[name].abs() > start[name].abs()) for name, kept in mask.items()}


FROZEN = {"frozen": frozen, "frozen_away": frozen_away}


def _permuted(weight: Tensor, kept: Tensor, generator: torch.Generator) -> Tensor:
    values = weight[kept]
    return weight.masked_scatter(kept, values[torch.randperm(len(values), generator=generator)])
