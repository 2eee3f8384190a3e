"""Criteria that look at what flows through the network, made for trained ones."""

import torch
from torch import Tensor

from lthlib.pruning.registry import Tensors, score


@score
def wanda(*, weights: Tensors, inputs: Tensors, mask: Tensors) -> Tensors:
    """The absolute value times the norm of the weight's input over a batch, |W_ij| ||X_j||_2, compared within
    each output unit (Sun et al. 2023, arXiv 2306.11695, section 3).

    The score is the weight's rank among its unit's survivors, as a share of them, so that every unit loses the
    same share, whatever the scope; what is pruned already has rank 0.
    """
    return {name: ranks_by_unit(importance(weight, inputs[name]), mask[name]) for name, weight in weights.items()}


def importance(weight: Tensor, rows: Tensor) -> Tensor:
    """|W_ij| ||X_j||_2, of the weight's shape, for inputs [rows, weight[0].numel()]."""
    return weight.abs() * rows.norm(dim=0).to(weight.dtype).view(weight[0].shape)


def ranks_by_unit(values: Tensor, kept: Tensor) -> Tensor:
    """For each weight its place among its unit's survivors, smallest first, over their number: above 0 and up to
    1. Of equal values the earliest comes first."""
    flat = values.flatten(1).masked_fill(~kept.flatten(1), -torch.inf)
    order = flat.argsort(dim=1, stable=True)
    places = torch.zeros_like(flat).scatter_(1, order, torch.arange(flat.shape[1], dtype=flat.dtype).expand_as(flat))
    survivors = kept.flatten(1).sum(1, keepdim=True)
    ranks = (places - (flat.shape[1] - survivors) + 1) / survivors.clamp(min=1)
    return ranks.masked_fill(~kept.flatten(1), 0.0).view_as(values)
