"""A network as the page draws it: a sample of its weights, each at its place, level by level.

A look inside a ticket (`analysis.inspection`) holds the sample; where its weights are, the shapes of the
network's layers tell. Numbers go into the page as bytes in base64.
"""

import base64
import itertools
import math

import numpy as np
import torch

from lthlib import data, models
from lthlib.analysis import inspection
from lthlib.analysis.inspection import Look
from lthlib.tasks import TASKS

Shapes = dict[str, tuple[int, ...]]  # of prunable weights, by layer, in the network's order
CLEAR = 0.99  # the share of a layer's weights that lie below what is drawn widest
# Inputs and classes of data that has to be downloaded: enough to build its networks without it.
GREY, COLOUR = (1, 28, 28), (3, 32, 32)
KNOWN = {"mnist": (GREY, 10), "fashion-mnist": (GREY, 10), "cifar10": (COLOUR, 10), "mnist1d": ((40,), 10)}


def drawing(task: str, looks: dict[int, list[Look | None]]) -> dict | None:
    """What is drawn of a group's tickets: `shape`, the same for all groups of a task, and by trial the
    sample in an order in which the mask of each level keeps its beginning, down to the last level that is
    stored. None where nothing is stored, or where the layers do not follow one another."""
    from_the_top = {trial: list(itertools.takewhile(bool, levels)) for trial, levels in looks.items()}
    whole = {trial: levels for trial, levels in from_the_top.items() if levels}
    if not whole:
        return None
    first = next(iter(whole.values()))[0]
    shapes = first.shapes or shapes_of(task, list(first.layers))
    shape = None if shapes is None else _shape(shapes, first)
    if shape is None:
        return None
    layer = np.array(places(shapes)[0])
    return {"shape": shape, "trials": {str(trial): _trial(levels, layer) for trial, levels in whole.items()}}


def shapes_of(task: str, layers: list[str]) -> Shapes | None:
    """The shapes of a shipped task's layers, without downloading anything; None for other tasks or layers."""
    if task not in TASKS:
        return None
    network = _build(task)
    if network is None:
        return None
    parameters = dict(network.named_parameters())
    shapes = {name.removesuffix(".weight"): tuple(parameters[name].shape) for name in models.prunable(network)}
    return shapes if list(shapes) == layers else None


def _build(name: str) -> torch.nn.Module | None:
    task = TASKS[name]
    if task.data in KNOWN:
        shape, classes = KNOWN[task.data]
        inputs, targets = torch.zeros(10 * classes, *shape), torch.arange(10 * classes) % classes
        return task.model(data.from_arrays(name, inputs, targets, inputs, targets, stratify=True))
    return task.build() if data.at_hand(task.data) else None


def columns_of(shapes: Shapes) -> list[int] | None:
    """How many inputs and units, or channels, the columns of a drawing have; None where a layer is none of a
    linear one and a convolution, or does not follow the one before."""
    columns: list[int] = []
    for shape in shapes.values():
        if len(shape) < 2 or (columns and shape[1] % columns[-1]):
            return None
        columns += [shape[0]] if columns else [shape[1], shape[0]]
    return columns


def places(shapes: Shapes) -> tuple[list[int], list[int], list[int]]:
    """Where the weights of a look's sample are: the layer, the unit of its inputs, and the unit of its
    outputs of each. Of a layer behind a convolution, the inputs of one channel are one unit."""
    sizes = [math.prod(shape) for shape in shapes.values()]
    chosen, before = inspection.sample(sum(sizes)), 0
    layers, inputs, outputs = (torch.zeros_like(chosen) for _ in range(3))
    units = None
    for place, (size, shape) in enumerate(zip(sizes, shapes.values())):
        here = (chosen >= before) & (chosen < before + size)
        at = chosen[here] - before
        each = math.prod(shape[1:])  # weights of an output unit
        layers[here], outputs[here] = place, at // each
        together = shape[1] // (units or shape[1])  # inputs that are one unit of the column before
        inputs[here] = at % each // math.prod(shape[2:]) // together
        units, before = shape[0], before + size
    return layers.tolist(), inputs.tolist(), outputs.tolist()


def _shape(shapes: Shapes, look: Look) -> dict | None:
    columns = columns_of(shapes)
    total = sum(math.prod(shape) for shape in shapes.values())
    if columns is None or len(look.kept) != min(total, inspection.SAMPLE):
        return None
    layers, inputs, outputs = places(shapes)
    kinds = ["inputs", *("channels" if len(shape) > 2 else "units" for shape in shapes.values())]
    kinds[-1] = "outputs"
    height, width = look.pixels.shape
    picture = height > 1 and columns[0] % (height * width) == 0  # of a convolution, they are its kernel's
    lines = np.stack([layers, inputs, outputs], axis=1).astype("<u2")
    size = [height, width] if picture else None
    return {"columns": columns, "kinds": kinds, "picture": size, "total": total, "lines": _bytes(lines)}


def _trial(levels: list[Look], layer: np.ndarray) -> dict:
    """One trial's sample: `order` sorts it, longest kept first; `before` and `after` are weights from -127 to
    127, never 0 where they are kept. What is at the end of a level, and 0, is left out."""
    kept = np.stack([look.kept.numpy().astype(bool) for look in levels])
    order = np.argsort(-kept.sum(0), kind="stable")
    before, after = levels[0].before.numpy(), np.stack([look.after.numpy() for look in levels])
    widest = np.ones(len(layer))
    for place in np.unique(layer):
        here = np.abs(after[:, layer == place])
        sizes = here[here > 0]
        widest[layer == place] = np.quantile(sizes, CLEAR) if len(sizes) else 1.0
    numbers = [np.where(mask, _levels(now, widest), 0)[order] for mask, now in zip(kept, after)]
    pixels = [look.pixels.numpy().ravel() / (float(look.pixels.max()) or 1.0) for look in levels]
    return {
        "order": _bytes(order.astype("<u2")),
        "before": _bytes(_levels(before, widest)[order]),
        "after": [_bytes(np.trim_zeros(row, "b")) for row in numbers],
        "pixels": [_bytes((255 * shares).round().astype(np.uint8)) for shares in pixels],
        "brightest": [round(100 * float(look.pixels.max()), 2) for look in levels],
    }


def _levels(weights: np.ndarray, widest: np.ndarray) -> np.ndarray:
    """Weights as whole numbers of eight bits, by the magnitude that is drawn widest."""
    steps = np.clip(np.ceil(127 * np.abs(np.nan_to_num(weights)) / widest), 1, 127)
    return np.where(weights < 0, -steps, steps).astype(np.int8)


def _bytes(numbers: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers).tobytes()).decode()
