"""Criteria that look at the weights alone, at the start or at the end of training."""

import torch

from lthlib.pruning.registry import Tensors, score


@score
def magnitude(*, weights: Tensors) -> Tensors:
    """The absolute value (at the end of training: Frankle & Carbin 2019, section 1; "large final" in Zhou et
    al. 2019)."""
    return {name: weight.abs() for name, weight in weights.items()}


@score
def random(*, weights: Tensors, seed: int) -> Tensors:
    """A uniform random number: prunes without looking."""
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.rand(weight.shape, generator=generator) for name, weight in weights.items()}


@score
def initial_magnitude(*, start: Tensors) -> Tensors:
    """The absolute value where training began: "large init" of Zhou et al. (2019), arXiv 1905.01067, section
    2."""
    return {name: weight.abs() for name, weight in start.items()}


@score
def magnitude_increase(*, weights: Tensors, start: Tensors) -> Tensors:
    """How much the absolute value has grown in training: |w_f| - |w_i|, "magnitude increase" of Zhou et al.
    (2019), section 2."""
    return {name: weight.abs() - start[name].abs() for name, weight in weights.items()}


@score
def movement(*, weights: Tensors, start: Tensors) -> Tensors:
    """How far the weight has moved in training, in either direction: |w_f - w_i|, "movement" of Zhou et al.
    (2019), section 2.

    Not the movement pruning of Sanh et al. (2020), arXiv 2005.07683, whose score is the sum over training of
    minus the weight times its gradient. The name stays, since settings are filed under it.
    """
    return {name: (weight - start[name]).abs() for name, weight in weights.items()}


@score
def same_sign(*, weights: Tensors, start: Tensors) -> Tensors:
    """The absolute value at the end where the sign is still the initial one, its negative where it has
    flipped.

    "Large final, same sign" of Zhou et al. (2019), section 5, which scores all that flipped alike, as 0.
    """
    return {name: weight * start[name].sign() for name, weight in weights.items()}
