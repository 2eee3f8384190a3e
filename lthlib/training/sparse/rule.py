"""Which tickets are trained with kernels: by the densities and shapes of their layers, never by a timing.

The same ticket goes the same way on every machine, so that it gives the same numbers. BREAK_EVEN has the densities
below which a layer's kernel is faster than torch's dense product (`python -m tests.bench.run` measures them).
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

from torch import nn

from lthlib import models
from lthlib.core.progress import notice
from lthlib.data import Split
from lthlib.settings import Recipe
from lthlib.training import randomness
from lthlib.training.sparse.compiled import available
from lthlib.training.sparse.trace import Node, trace
from lthlib.training.stack import Ticket

BREAK_EVEN = {"linear": 0.42, "convolution": 0.26}
GAIN = 1.1  # what a step must save, estimated, before a ticket goes this way
LEAST_WORK = 5_000  # weights of a network below which a step is overhead either way


@dataclass(frozen=True)
class Plan:
    """How a ticket is trained with kernels: a copy of its network, its layers, and which of them (by id) are
    sparse; linear layers that are not are torch's products."""

    model: nn.Module
    nodes: list[Node]
    sparse: frozenset[int]


def plan(model: nn.Module, ticket: Ticket, recipe: Recipe, train: Split) -> Plan | None:
    """How to train this ticket with kernels, or None where the dense way is as fast or the only one."""
    small = sum(parameter.numel() for parameter in model.parameters()) < LEAST_WORK
    if small or ticket.frozen or recipe.precision != "float32" or _whole(ticket) or not available():
        return None
    own = randomness.own_random_layers(copy.deepcopy(model))
    if models.aliases(own) or any(
        parameter.requires_grad and not _known(name, own) for name, parameter in own.named_parameters()
    ):
        return None
    nodes, _ = trace(own, train.inputs)
    if nodes is None:
        return None
    sparse, dense_cost, cost = [], 0.0, 0.0
    for node in nodes:
        if node.kind not in BREAK_EVEN:
            continue
        mask = ticket.mask.get(f"{node.name}.weight")
        density = 1.0 if mask is None else float(mask.float().mean())
        work = node.work.weight.numel() * math.prod(node.shape[1:])
        relative = density / BREAK_EVEN[node.kind]
        dense_cost += work
        if node.kind == "linear" and relative >= 1:
            cost += work
        else:
            sparse.append(id(node))
            cost += work * relative
    if not sparse or cost * GAIN > dense_cost:
        return None
    return Plan(own, nodes, frozenset(sparse))


def say_why_dense(model: nn.Module, train: Split) -> None:
    """Say once why tickets of this network are not trained with kernels, if they cannot be."""
    _, reason = trace(randomness.own_random_layers(copy.deepcopy(model)), train.inputs)
    if reason:
        notice(f"tickets of {type(model).__name__} are trained the dense way, however sparse: {reason}.")


def _whole(ticket: Ticket) -> bool:
    return all(bool(mask.all()) for mask in ticket.mask.values())


def _known(name: str, model: nn.Module) -> bool:
    """Whether a parameter belongs to a layer that kernels train."""
    owner = model.get_submodule(name.rpartition(".")[0])
    return isinstance(owner, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d))
