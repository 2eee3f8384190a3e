"""Masks that move while their network is trained.

    set    drop the smallest weights of each layer, and let as many grow at random (SET: Mocanu et al. 2018,
           arXiv 1707.04780)
    rigl   drop the same, and grow where the dense gradient of this batch is largest (RigL: Evci et al. 2020,
           arXiv 1911.11134, section 3 and algorithm 1)
    gmp    start dense, and remove the smallest weights step by step (gradual magnitude pruning: Zhu & Gupta
           2017, arXiv 1710.01878, section 3)

Under "set" and "rigl" every layer keeps its number of weights. A weight grows anywhere that is empty once the
smallest have gone, so that one that has just been dropped may come back; it has then never left. Any
other weight that grows starts at exactly zero, and so does what the optimiser remembers of it. All three
move at the same iterations here, and both that grow drop the same shares, so that methods differ in what
their name says, alone.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from lthlib.core.seeds import seed_for
from lthlib.pruning import masks
from lthlib.pruning.masks import Mask
from lthlib.settings import Moves

Tensors = dict[str, Tensor]
Growth = Callable[[Tensor | None, torch.Size, int], Tensor]


def at_random(gradient: Tensor | None, shape: torch.Size, seed: int) -> Tensor:
    """SET: every empty place is as likely."""
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def by_gradient(gradient: Tensor | None, shape: torch.Size, seed: int) -> Tensor:
    """RigL: where a weight would lower the loss fastest."""
    assert gradient is not None, "asked for by NEEDS_GRADIENT"
    return gradient.abs()


# How much a weight of a layer wants to grow: a score of the layer's shape, from its dense gradient and a
# seed.
GROWTH: dict[str, Growth] = {"set": at_random, "rigl": by_gradient}
NEEDS_GRADIENT = ("rigl",)


def iterations_of(moves: Moves, end: int) -> list[int]:
    """The iterations at which a mask moves in a training of `end` iterations: in the place of an optimiser
    step, as in algorithm 1 of Evci et al."""
    return [at for at in range(moves.every, end, moves.every) if at <= moves.until * end]


def share_at(moves: Moves, iteration: int, end: int) -> float:
    """The share of a layer's weights, 0 to 1, that is dropped at an iteration: along half a cosine to 0 at
    the end of the moves (Evci et al. 2020, section 3)."""
    last = moves.until * end
    return 0.0 if iteration >= last else moves.share / 2 * (1 + math.cos(math.pi * iteration / last))


def density_at(moves: Moves, iteration: int, end: int, final: float) -> float:
    """The density, 0 to 1, that gradual magnitude pruning has reached at an iteration: from 1 along a cubic to
    `final` at the end of the moves (Zhu & Gupta 2017, equation 1)."""
    return cubic(min(1.0, iteration / (moves.until * end)), final)


def cubic(way: float, final: float) -> float:
    """The density after this share of the way, 0 to 1, from 1 to `final`."""
    return final + (1 - final) * (1 - way) ** 3


def first_mask(moves: Moves, target: Mask) -> Mask:
    """What training starts with, where `target` is the mask that was chosen before it."""
    return masks.ones(target) if moves.method == "gmp" else {name: kept.clone() for name, kept in target.items()}


def next_mask(
    moves: Moves, mask: Mask, weights: Tensors, iteration: int, end: int, *, target: Mask, gradients: Tensors | None, seed: int
) -> Mask:
    """The mask after the move at an iteration of a training of `end` iterations.

    `weights` and `gradients` (of the loss, dense; None where the method needs none) have the shapes of
    `mask`. `target` is the mask that was chosen before training: "gmp" ends with as many weights in each layer.
    """
    if moves.method == "gmp":
        return _thinned(moves, mask, weights, iteration, end, target)
    share, moved = share_at(moves, iteration, end), {}
    for name, kept in mask.items():
        count = round(share * int(kept.sum()))
        if count == 0 or bool(kept.all()):  # a whole layer has nowhere to grow
            moved[name] = kept.clone()
            continue
        left = _without_smallest(kept, weights[name], count)
        gradient = None if gradients is None else gradients[name]
        wanted = GROWTH[moves.method](gradient, kept.shape, seed_for("grow", seed, iteration, name))
        wanted = wanted.flatten().masked_fill(left.flatten(), -torch.inf)
        grown = wanted.argsort(descending=True, stable=True)[:count]
        moved[name] = left.flatten().index_fill(0, grown, True).view_as(kept)
    return moved


def _thinned(moves: Moves, mask: Mask, weights: Tensors, iteration: int, end: int, target: Mask) -> Mask:
    """Each layer with its smallest weights removed, down to the density of this iteration."""
    final, thinner = masks.layer_densities(target), {}
    is_last = iteration + moves.every > moves.until * end  # what is rounded must not leave a weight too many
    for name, kept in mask.items():
        now = final[name] if is_last else density_at(moves, iteration, end, final[name])
        count = int(kept.sum()) - max(round(now * kept.numel()), int(target[name].sum()))
        thinner[name] = _without_smallest(kept, weights[name], max(0, count))
    return thinner


def _without_smallest(kept: Tensor, weight: Tensor, count: int) -> Tensor:
    """A layer's mask without the `count` smallest of its weights, of equal ones the first."""
    size = weight.detach().abs().flatten().masked_fill(~kept.flatten(), torch.inf)
    smallest = size.argsort(stable=True)[:count]
    return kept.flatten().index_fill(0, smallest, False).view_as(kept)
