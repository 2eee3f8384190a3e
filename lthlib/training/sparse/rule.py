"""Which tickets are trained with kernels: by the densities and shapes of their layers, never by a timing.

The same ticket goes the same way on every machine, so that it gives the same numbers. What a step costs is
estimated from COSTS, which `python -m tests.bench.break_even` measures: times that of the same layer in
the dense way. A linear layer above its break-even is torch's product in the tape's own memory, which costs
less than in the dense way, since nothing is recorded for a gradient; a network of linear layers is
therefore always trained here.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

from torch import nn

from lthlib import models
from lthlib.data import Split
from lthlib.settings import Recipe
from lthlib.training import randomness
from lthlib.training.sparse.compiled import available
from lthlib.training.sparse.trace import Node, trace
from lthlib.training.stack import Ticket

# What a layer's kernels cost at density 1, in the dense way's time for it; at density d it is d times as much.
COSTS = {"linear": 1.6, "convolution": 5.5}
WHOLE_LINEAR = 0.55  # what a linear layer costs that is one of torch's products
# Without gradients a product of many examples runs at the processor's best: above this density it is faster.
FORWARD_BREAK_EVEN = 0.17
GAIN = 1.1  # what a step must save, estimated, before a ticket goes this way
LEAST_WEIGHTS = 5_000  # of a network: a smaller one is trained in less time than kernels take to load


@dataclass(frozen=True)
class Plan:
    """How a ticket is trained with kernels: a copy of its network, its layers, and which of them (by id) are
    sparse; linear layers that are not are torch's products."""

    model: nn.Module
    nodes: list[Node]
    sparse: frozenset[int]


def plan(model: nn.Module, ticket: Ticket, recipe: Recipe, train: Split) -> Plan | None:
    """How to train this ticket with kernels, or None where the dense way is as fast or the only one."""
    small = sum(parameter.numel() for parameter in model.parameters()) < LEAST_WEIGHTS
    if small or ticket.frozen or recipe.precision != "float32" or not available():
        return None
    own = randomness.own_random_layers(copy.deepcopy(model))
    if models.aliases(own) or not all(_known(name, own) for name, p in own.named_parameters() if p.requires_grad):
        return None
    nodes, _ = trace(own, train.inputs)
    if nodes is None:
        return None
    sparse, dense, cost = set(), 0.0, 0.0
    for node in nodes:
        if node.kind not in COSTS:
            continue
        work = node.work.weight.numel() * math.prod(node.shape[1:])
        mask = ticket.mask.get(f"{node.name}.weight")
        relative = COSTS[node.kind] * (1.0 if mask is None else float(mask.float().mean()))
        if node.kind == "linear" and relative >= WHOLE_LINEAR:
            relative = WHOLE_LINEAR
        else:
            sparse.add(id(node))
        dense, cost = dense + work, cost + work * relative
    return Plan(own, nodes, frozenset(sparse)) if cost * GAIN <= dense else None


def in_words(model: nn.Module, ticket: Ticket, recipe: Recipe, train: Split) -> str:
    """How `plan` has this ticket trained: "kept weights: fc1, fc2; torch's products: output", or why it is
    trained the dense way."""
    chosen = plan(model, ticket, recipe, train)
    if chosen is None:
        _, reason = trace(randomness.own_random_layers(copy.deepcopy(model)), train.inputs)
        return f"the dense way: {reason or 'kernels would be no faster, or are not for this recipe'}"
    own = [node.name for node in chosen.nodes if id(node) in chosen.sparse]
    others = [node.name for node in chosen.nodes if node.kind in COSTS and id(node) not in chosen.sparse]
    ways = [("kept weights", own), ("torch's products", others)]
    return "; ".join(f"{way}: {', '.join(names)}" for way, names in ways if names)


def _known(name: str, model: nn.Module) -> bool:
    """Whether a parameter belongs to a layer that kernels train."""
    owner = model.get_submodule(name.rpartition(".")[0])
    return isinstance(owner, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d))
