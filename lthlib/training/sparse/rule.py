"""Which tickets are trained with kernels: by the densities and shapes of their layers, never by a timing.

The same ticket goes the same way on every machine, so that it gives the same numbers. What a step costs is
estimated from COSTS, which `python -m tests.bench.break_even` measures: times that of the same layer in
the dense way. A linear layer above its break-even is torch's product in the tape's own memory, which costs
less than in the dense way, since nothing is recorded for a gradient; a network of linear layers is
therefore always trained here.

Of a network that cannot be traced whole, single linear layers may still pay (`plan_partial`). Their
examples are turned on the way in and out, and their gradient lies between zeros in torch's own memory, so
that they pay later.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

from torch import nn

from lthlib import models
from lthlib.data import Split
from lthlib.settings import Recipe
from lthlib.training import randomness
from lthlib.training.sparse import partial
from lthlib.training.sparse.compiled import available
from lthlib.training.sparse.trace import Node, trace
from lthlib.training.stack import Ticket

# What a layer's kernels cost at density 1, in the dense way's time for it; at density d it is d times as
# much.
COSTS = {"linear": 1.6, "convolution": 5.5}
WHOLE_LINEAR = 0.55  # what a linear layer costs that is one of torch's products
# Without gradients a product of many examples runs at the processor's best: above this density it is faster.
FORWARD_BREAK_EVEN = 0.17
GAIN = 1.1  # what a step must save, estimated, before a ticket goes this way
LEAST_WEIGHTS = 5_000  # of a network: a smaller one is trained in less time than kernels take to load

# A linear layer on kernels in a network that is torch's otherwise, in the dense way's time for it: so much at density 1
# (at density d, d times as much), for each number that is turned, over the products that it takes part in,
# and for each weight of the dense gradient, over the rows that the layer reads.
IN_TORCH = {"weights": 4.3, "turning": 50.0, "gradient": 30.0}
PARTIAL_COST = 0.85  # what such a layer may cost, estimated, to go on kernels
LEAST_PRODUCTS = 2_000_000  # of two numbers, forwards in a step: below this the call itself is what takes time


@dataclass(frozen=True)
class Plan:
    """How a ticket is trained with kernels: a copy of its network, its layers, and which of them (by id) are
    sparse; linear layers that are not are torch's products."""

    model: nn.Module
    nodes: list[Node]
    sparse: frozenset[int]


@dataclass(frozen=True)
class PartialPlan:
    """The linear layers of a network that go on kernels while the rest stays torch's, by name, and why
    each other layer that a mask prunes does not."""

    names: list[str]
    dense: dict[str, str]


def plan(model: nn.Module, ticket: Ticket, recipe: Recipe, train: Split) -> Plan | None:
    """How to train this ticket with kernels, or None where the dense way is as fast or the only one."""
    if not _possible(model, ticket, recipe):
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


def plan_partial(model: nn.Module, ticket: Ticket, recipe: Recipe, train: Split) -> PartialPlan | None:
    """Which linear layers of a network that `plan` gives None for go on kernels, or None where none would
    gain."""
    if not _possible(model, ticket, recipe):
        return None
    chosen = _layers_that_pay(model, ticket, recipe, train)
    return chosen if chosen.names else None


def in_words(model: nn.Module, ticket: Ticket, recipe: Recipe, train: Split) -> str:
    """How this ticket is trained, and why. "kept weights: fc1, fc2; torch's products: output" where all of
    it is on kernels; "kept weights: wide, narrow; the dense way: query (...), and all other layers (...)"
    where some layers are; or why it is trained the dense way."""
    chosen = plan(model, ticket, recipe, train)
    if chosen is not None:
        own = [node.name for node in chosen.nodes if id(node) in chosen.sparse]
        others = [node.name for node in chosen.nodes if node.kind in COSTS and id(node) not in chosen.sparse]
        ways = [("kept weights", own), ("torch's products", others)]
        return "; ".join(f"{way}: {', '.join(names)}" for way, names in ways if names)
    _, reason = trace(randomness.own_random_layers(copy.deepcopy(model)), train.inputs)
    reason = reason or "kernels would be no faster, or are not for this recipe"
    some = plan_partial(model, ticket, recipe, train)
    if some is None:
        return f"the dense way: {reason}"
    dense = [f"{name} ({why})" for name, why in some.dense.items()]
    return f"kept weights: {', '.join(some.names)}; the dense way: {', '.join([*dense, f'all other layers ({reason})'])}"


def _possible(model: nn.Module, ticket: Ticket, recipe: Recipe) -> bool:
    """Whether kernels are for this ticket and recipe at all."""
    small = sum(parameter.numel() for parameter in model.parameters()) < LEAST_WEIGHTS
    return not small and not ticket.frozen and recipe.precision == "float32" and available()


def _layers_that_pay(model: nn.Module, ticket: Ticket, recipe: Recipe, train: Split) -> PartialPlan:
    """Layers by density and shape first, since that costs nothing, and then by the rows that a step gives
    them."""
    further = models.aliases(model)
    names, dense, cost = [], {}, {}
    for name, mask in ticket.mask.items():
        owner, tied = name.rpartition(".")[0], name in further.values()
        layer: Any = model.get_submodule(owner)
        known = type(layer) is nn.Linear and name == f"{owner}.weight" and layer.weight.is_contiguous()
        if not known or tied:
            dense[owner or name] = "its weight is used twice" if tied else f"no kernel for {type(layer).__name__} here"
            continue
        of, sides = IN_TORCH, 1 / layer.in_features + 1 / layer.out_features
        cost[owner] = of["weights"] * float(mask.float().mean()) + of["turning"] * sides
        if cost[owner] > PARTIAL_COST:
            dense[owner] = "too many weights for its size"
        else:
            names.append(owner)
    if not names:
        return PartialPlan([], dense)
    own = randomness.own_random_layers(copy.deepcopy(model))
    products, wrong = partial.work(own, ticket.mask, names, train.inputs[: recipe.batch_size])
    for name in names:
        made = products.get(name, 0)
        rows = made / max(1, ticket.mask[f"{name}.weight"].numel())
        if wrong:
            dense[name] = wrong
        elif made < LEAST_PRODUCTS or cost[name] + IN_TORCH["gradient"] / rows > PARTIAL_COST:
            dense[name] = "too few rows a step"
    return PartialPlan([name for name in names if name not in dense], dense)


def _known(name: str, model: nn.Module) -> bool:
    """Whether a parameter belongs to a layer that kernels train."""
    owner = model.get_submodule(name.rpartition(".")[0])
    return isinstance(owner, (nn.Linear, nn.Conv1d, nn.Conv2d, nn.BatchNorm1d, nn.BatchNorm2d))
