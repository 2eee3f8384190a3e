"""How sharply the loss curves around a trained network, in the weights that its mask keeps.

Paul et al. (2023), arXiv 2210.03044, connect the flatness of the error around a trained network with how much
one round may prune: the flatter, the more. Two numbers for it, both without ever writing the matrix H of
second derivatives down:

    eigenvalues   the largest of H, by power iteration: how sharp the sharpest directions are
    along         u H u for a unit direction u, such as the one that takes away what a round prunes

The loss is the mean over all examples of a split, with the network in evaluation mode.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lthlib import models
from lthlib.core.errors import LotteryError
from lthlib.core.validation import at_least
from lthlib.data import Split
from lthlib.pruning import masks
from lthlib.pruning.masks import Mask
from lthlib.training.objectives import Objective, classification, mean_loss

State = dict[str, Tensor]
# Of power iteration: at most so many steps, until an eigenvalue changes by less than this share.
STEPS, TOLERANCE = 200, 1e-3


class Curvature:
    """The loss around a network: `model` with the parameters and buffers `state`, as a function of the
    weights that `mask` keeps. Vectors are flat, [kept]."""

    def __init__(self, model: nn.Module, state: State, mask: Mask, split: Split, objective: Objective = classification):
        self.model, self.split, self.objective, self.mask = model.eval(), split, objective, mask
        self.state = {name: tensor.detach() for name, tensor in masks.apply(mask, models.tied(model, state)).items()}
        self.at = torch.cat([self.state[name][kept] for name, kept in mask.items()])

    def loss(self, kept: Tensor) -> Tensor:
        """The mean loss with these numbers [kept] in place of the kept weights."""
        parts, full = kept.split([int(own.sum()) for own in self.mask.values()]), dict(self.state)
        for (name, own), part in zip(self.mask.items(), parts):
            full[name] = torch.zeros_like(self.state[name]).masked_scatter(own, part)
        full = models.tied(self.model, full)
        return mean_loss(self.objective, functional_call(self.model, full, (self.split.inputs,)), self.split.targets)

    def times(self, vector: Tensor) -> Tensor:
        """H times a vector [kept]."""
        at = self.at.clone().requires_grad_()
        [slope] = torch.autograd.grad(self.loss(at), [at], create_graph=True)
        [product] = torch.autograd.grad(slope, [at], grad_outputs=vector)
        return product

    def along(self, direction: Tensor) -> float:
        """u H u for the unit vector u of a direction [kept]. Raises LotteryError for one of length zero."""
        length = direction.norm()
        if not length > 0:
            raise LotteryError("the direction has length 0: give one in which some kept weight moves.")
        unit = direction / length
        return float(unit @ self.times(unit))

    def eigenvalues(self, count: int = 1, seed: int = 0) -> list[float]:
        """The `count` eigenvalues of H that are largest in size, in that order, by power iteration: each is
        looked for at right angles to the eigenvectors found before. Two of nearly equal size may come out
        as one of them, which is what a sharpest direction means there."""
        count = at_least("count", count, 1)
        if count > len(self.at):
            raise LotteryError(f"count is {count}, but the mask keeps {len(self.at)} weights: ask for fewer.")
        return [value for value, _ in self._pairs(count, torch.Generator().manual_seed(seed))]

    def _pairs(self, count: int, generator: torch.Generator) -> Iterator[tuple[float, Tensor]]:
        found: list[Tensor] = []
        for _ in range(count):
            vector = _apart(torch.randn(len(self.at), generator=generator, dtype=self.at.dtype), found)
            value = 0.0
            for _ in range(STEPS):
                product = _apart(self.times(vector), found, unit=False)
                before, value = value, float(vector @ product)
                if not product.norm() > 0:  # nothing curves any more
                    break
                vector = product / product.norm()
                if abs(value - before) <= TOLERANCE * abs(value):
                    break
            found.append(vector)
            yield value, vector


def _apart(vector: Tensor, others: list[Tensor], unit: bool = True) -> Tensor:
    """The part of a vector at right angles to unit vectors."""
    for other in others:
        vector = vector - (vector @ other) * other
    return vector / vector.norm() if unit else vector


def of_a_round(mask: Mask, pruned: Mask, state: State) -> Tensor:
    """The direction [kept] in which a network moves when the weights that `pruned` no longer keeps become zero."""
    return torch.cat([torch.where(pruned[name], 0.0, -state[name])[kept] for name, kept in mask.items()])
