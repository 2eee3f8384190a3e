"""Permutations of hidden units: one network in many orders, and how to bring two networks into one.

Exchange two hidden units with all the weights that lead to them and from them, and a network computes what
it computed before. So a network of hidden layers of 300 and 100 units is one of 300! * 100! that are the
same function at different places of weight space, and two trainings end in orders that have nothing to do
with each other. `hidden_units` reads off a network which axes of which tensors must be permuted together,
`permute` does it, and `match` looks for the order of one network that is most like another's: **weight
matching**, Ainsworth et al. (2023), arXiv 2209.04836, section 3.2 and algorithm 1.

What is maximised is the inner product of the two networks' parameters (`similarity`). As no permutation
changes how long a vector of parameters is, this is the same as to minimise the distance between the
networks:

    |a - p(b)|^2 = |a|^2 + |b|^2 - 2 similarity(a, p(b))    over the tensors that are permuted

For one layer, with the orders of the others held, this is a linear assignment problem: SciPy solves it
exactly. For all layers together nobody knows a fast way; so layers are solved in turn, in an order drawn
from a seed, until none of them gains. The similarity never falls on the way, and where it ends is the best
order for each layer by itself, which need not be the best of all.

Running statistics of batch norm are permuted along with their units, and are no part of the similarity:
they are not trained. Nor do ReLU networks have permutations alone: a unit may be scaled up where its
readers are scaled down. Weight matching leaves that symmetry as it is.
"""

import copy
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn

from lthlib import models
from lthlib.core.errors import LotteryError
from lthlib.core.seeds import seed_for

if TYPE_CHECKING:
    from lthlib.training.sparse.trace import Node

State = Mapping[str, Tensor]
Permutation = dict[str, Tensor]  # by hidden layer: which of its units comes to each place [units]

GAIN = 1e-10  # of the similarity's scale: less than this is rounding, and no layer is permuted for it
SWEEPS = 1000  # over all layers, far beyond what any network has needed
CHAIN = "give a chain of linear or convolutional layers, such as LeNet, Conv or VGG"
WEIGHTED = ("linear", "convolution")
ALIKE = ("relu", "pointwise", "max pool", "mean pool", "mean of map", "input", "norm", "flatten")  # all units alike


class Axis(NamedTuple):
    """An axis of a tensor along which a hidden layer's units lie. Each unit has `block` neighbouring
    entries: 1, or where a convolution's channels were flattened, as many as a channel has places.
    `learned` says whether the tensor is trained, and is not a running statistic."""

    tensor: str
    axis: int
    block: int = 1
    learned: bool = True


class Hidden(NamedTuple):
    """A hidden layer: how many units it has, and every axis that must be permuted with them."""

    size: int
    axes: tuple[Axis, ...]


class Matching(NamedTuple):
    """What `match` found: the permutation, and the similarity before the first layer was solved, and
    after each one. It never falls."""

    permutation: Permutation
    similarities: list[float]


def hidden_units(network: nn.Module, examples: Tensor) -> dict[str, Hidden]:
    """The hidden layers of a network, by the name of the weight that leads to their units, with all axes
    that are permuted with them: rows of that weight and its bias, batch norm's numbers, and columns of the
    next weight.

    They are derived from what the network does with `examples` [N, ...], two of which are enough. Raises
    LotteryError for a network that is no chain, such as a residual one, whose streams of units belong
    together; for one that cannot be read; and for one without a hidden layer.
    """
    from lthlib.training.sparse.trace import trace  # loads Numba, which takes half a second

    name = type(network).__name__
    nodes, reason = trace(_without_dropout(copy.deepcopy(network)), examples[:2])
    if nodes is None:
        raise LotteryError(f"the units of {name} cannot be followed, since {reason}: {CHAIN}.")
    for before, node in zip([None, *nodes], nodes):
        if objection := _objection(node, before, models.aliases(network)):
            raise LotteryError(f"{objection.format(name=name)}: {CHAIN}.")
    layers: dict[str, Hidden] = {}
    units, block = "", 1  # the layer whose units lie along the present tensor, and how many entries each has
    for node in nodes:
        if node.kind in WEIGHTED:
            if units:
                layers[units] = _with(layers[units], Axis(f"{node.name}.weight", 1, block))
            units, block = f"{node.name}.weight", 1
            layers[units] = Hidden(node.work.weight.shape[0], _own_axes(node, block))
        elif node.kind == "norm" and units:
            layers[units] = _with(layers[units], *_own_axes(node, block))
        elif node.kind == "flatten" and units:
            block *= node.shape.numel() // node.inputs[0].shape[0]
    layers.pop(units, None)  # the last layer's outputs are the network's own
    if not layers:
        raise LotteryError(f"{name} has no hidden layer, and so no units to permute: {CHAIN}.")
    return layers


def identity(units: Mapping[str, Hidden]) -> Permutation:
    """Every unit at its own place."""
    return {name: torch.arange(layer.size) for name, layer in units.items()}


def shuffled(units: Mapping[str, Hidden], seed: int = 0) -> Permutation:
    """Each layer's units in an order drawn at random."""
    generator = torch.Generator().manual_seed(seed_for("permutation", seed))
    return {name: torch.randperm(layer.size, generator=generator) for name, layer in units.items()}


def permute(state: State, permutation: Permutation, units: Mapping[str, Hidden]) -> dict[str, Tensor]:
    """The state with its hidden units in another order, as new tensors: place i of a layer gets unit
    `permutation[layer][i]`.

    A state_dict in this order computes what it computed before, but for the rounding of sums. A mask, which
    has some of the names, is permuted as its weights are: (mask * theta) in another order is mask in that
    order times theta in that order. What belongs to no hidden layer is copied. Raises LotteryError for a
    permutation that is none of these units, or a state of other shapes.
    """
    for name, layer in units.items():
        given = permutation.get(name)
        if given is None or not torch.equal(given.sort().values, torch.arange(layer.size)):
            wrong = f"the permutation of {name!r} does not name each of its {layer.size} units once"
            raise LotteryError(f"{wrong}: take one from match, or permutations.identity(units).")
    moved = {name: tensor.clone() for name, tensor in state.items()}
    for name, layer in units.items():
        for axis in layer.axes:
            if axis.tensor in moved:
                moved[axis.tensor] = _moved(moved[axis.tensor], axis, permutation[name], layer.size)
    return moved


def similarity(a: State, b: State, units: Mapping[str, Hidden]) -> float:
    """The inner product of two networks, over the parameters that a permutation of hidden units moves. Raises
    LotteryError where the two differ in shape."""
    names = _learned(a, b, units)
    return float(sum((a[name].double() * b[name].double()).sum() for name in names))


def cosine(a: State, b: State, units: Mapping[str, Hidden]) -> float:
    """The similarity as a share of what it would be between two equal networks of these sizes, from -1
    to 1."""
    sizes = similarity(a, a, units) * similarity(b, b, units)
    return similarity(a, b, units) / math.sqrt(sizes)


def scattered(state: State, seed: int = 0) -> dict[str, Tensor]:
    """The numbers of each tensor at places of it that are drawn at random: what has nothing in common with
    the state but how its numbers are distributed in each layer. What a search finds in it, it finds by
    chance.

    Tensors of one name and shape are scattered alike under one seed. So scattered weights fit the mask that
    was scattered under the same seed.
    """
    moved = {}
    for name, tensor in state.items():
        generator = torch.Generator().manual_seed(seed_for("scattered", seed, name))
        order = torch.randperm(tensor.numel(), generator=generator)
        moved[name] = tensor.flatten()[order].view_as(tensor)
    return moved


def match(a: State, b: State, units: Mapping[str, Hidden], seed: int = 0) -> Matching:
    """The order of b's hidden units that makes b most like a, layer by layer: `permute(b,
    found.permutation, units)` is b in the order of a.

    Coordinate descent from b's own order (Ainsworth et al. 2023, algorithm 1): in each sweep the layers
    take turns, in an order drawn from `seed`; each turn solves one layer exactly, the others held. It ends
    with a sweep in which no layer gains. Where `a` is a copy of `b` in another order, and no two units are
    alike, that order is found. Both may be masked; units without any weight are alike, and which of them
    takes which place means nothing. Raises LotteryError where the two differ in shape.
    """
    names = _learned(a, b, units)
    a, b = ({name: state[name].double() for name in names} for state in (a, b))
    scale = max(float(sum(state[name].square().sum() for name in names)) for state in (a, b))
    generator = torch.Generator().manual_seed(seed_for("match", seed))
    layers, permutation = list(units), identity(units)
    similarities = [similarity(a, b, units)]
    for _ in range(SWEEPS):
        before = similarities[-1]
        for place in torch.randperm(len(layers), generator=generator).tolist():
            name = layers[place]
            gains = _gains(a, b, permutation, units, name)
            _, chosen = linear_sum_assignment(gains.numpy(), maximize=True)
            chosen = torch.from_numpy(chosen)
            rows = torch.arange(len(chosen))
            gained = float(gains[rows, chosen].sum() - gains[rows, permutation[name]].sum())
            if gained > GAIN * scale:  # of orders that are equally good, the present one stays
                permutation[name] = chosen
            similarities.append(similarities[-1] + max(gained, 0.0) * (gained > GAIN * scale))
        if similarities[-1] == before:
            break
    return Matching(permutation, similarities)


def same_places(p: Permutation, q: Permutation) -> float:
    """The share of all hidden units that two permutations bring to the same place, 0 to 1. Two drawn at
    random agree on one unit a layer, on average."""
    agree = sum(int((p[name] == q[name]).sum()) for name in p)
    return agree / sum(len(order) for order in p.values())


def _objection(node: "Node", before: "Node | None", aliases: Mapping[str, str]) -> str:
    """Why units cannot be followed through this layer of a network, to be told with its `{name}`; empty
    where they can."""
    follows = before is None or (len(node.inputs) == 1 and node.inputs[0] is before)
    if node.kind == "add" or not follows:
        return f"{{name}} is no chain: {node.name or node.kind} joins streams whose units must be permuted alike"
    weight = f"{node.name}.weight"
    if node.kind in WEIGHTED and (weight in aliases or weight in aliases.values()):
        return f"{weight} of {{name}} is shared by layers, so their units cannot be told apart"
    if node.kind not in (*WEIGHTED, *ALIKE):
        return f"{{name}} has {node.kind}, of which it is not known whether it treats all units alike"
    return ""


def _own_axes(node: "Node", block: int) -> tuple[Axis, ...]:
    """The axes of a layer's own tensors along which its outputs lie."""
    if node.kind == "norm":
        learned = {"weight": True, "bias": True, "running_mean": False, "running_var": False}
        return tuple(Axis(f"{node.name}.{part}", 0, block, each) for part, each in learned.items())
    parts = ("weight",) if node.work.bias is None else ("weight", "bias")
    return tuple(Axis(f"{node.name}.{part}", 0) for part in parts)


def _without_dropout(network: nn.Module) -> nn.Module:
    """The network with its dropout layers taken out, in place: they treat all units alike, and one may
    be used for several layers."""
    for name, layer in network.named_children():
        if isinstance(layer, (nn.Dropout, nn.Dropout1d, nn.Dropout2d)):
            setattr(network, name, nn.Identity())
        else:
            _without_dropout(layer)
    return network


def _with(layer: Hidden, *axes: Axis) -> Hidden:
    return Hidden(layer.size, (*layer.axes, *axes))


def _moved(tensor: Tensor, axis: Axis, order: Tensor, size: int) -> Tensor:
    """A tensor with the units along one axis in another order, whole blocks at a time."""
    places = (order[:, None] * axis.block + torch.arange(axis.block)).flatten()
    if tensor.dim() <= axis.axis or tensor.shape[axis.axis] != size * axis.block:
        expected = f"{size * axis.block} entries along axis {axis.axis}"
        given = f"{axis.tensor!r} has the shape {list(tensor.shape)} and not {expected}"
        raise LotteryError(f"{given}: give a state of the network that the units were read from.")
    return tensor.index_select(axis.axis, places.to(tensor.device))


def _gains(a: State, b: State, permutation: Permutation, units: Mapping[str, Hidden], name: str) -> Tensor:
    """What the similarity gains from each of b's units of a layer at each of a's places [places, units], the
    orders of the other layers held."""
    layer = units[name]
    gains = torch.zeros(layer.size, layer.size, dtype=torch.float64)
    for axis in layer.axes:
        if axis.tensor not in a:
            continue
        theirs = b[axis.tensor]
        for other, neighbour in units.items():
            if other != name:
                for along in neighbour.axes:
                    if along.tensor == axis.tensor:
                        theirs = _moved(theirs, along, permutation[other], neighbour.size)
        ours, theirs = (_rows(tensor, axis, layer.size) for tensor in (a[axis.tensor], theirs))
        gains += ours @ theirs.T
    return gains


def _rows(tensor: Tensor, axis: Axis, size: int) -> Tensor:
    """A row for each unit along an axis, with all of its numbers [units, rest]."""
    first = tensor.movedim(axis.axis, 0)
    return first.reshape(size, -1)


def _learned(a: State, b: State, units: Mapping[str, Hidden]) -> list[str]:
    """The names of the parameters that hidden layers permute. Raises LotteryError where the two networks
    do not both have them, in one shape."""
    names = dict.fromkeys(axis.tensor for layer in units.values() for axis in layer.axes if axis.learned)
    for name in names:
        if name not in a or name not in b or a[name].shape != b[name].shape:
            advice = "units are matched between two of one architecture"
            raise LotteryError(f"the two networks differ in {name!r}: {advice}.")
    return list(names)
