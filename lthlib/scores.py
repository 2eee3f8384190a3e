"""Pruning criteria: one function each, from what is known of a trained network to a score per weight.

The lowest scores are pruned first. Every criterion is called with the same keywords and returns one tensor of the weight's
shape for each name in `weights`:

    weights   the prunable weights at the end of training, by name
    seed      for criteria that draw at random
"""

import torch
from torch import Tensor


def magnitude(*, weights: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    """The absolute value at the end of training (Frankle & Carbin 2019, section 1)."""
    return {name: weight.abs() for name, weight in weights.items()}


def random(*, weights: dict[str, Tensor], seed: int) -> dict[str, Tensor]:
    """A uniform random number: prunes without looking."""
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.rand(weight.shape, generator=generator) for name, weight in weights.items()}


SCORES = {"magnitude": magnitude, "random": random}
