"""A network drawn from its mask and its weights: the connections that survive, with sign and magnitude.

Wide layers are drawn by a sample of their units. Which units, and where, depends on the layers' shapes alone
or on what the caller chose once (`busiest_units`), so that pictures of several levels can follow each other.
"""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from lthlib.core.errors import LotteryError
from lthlib.core.percent import percent
from lthlib.core.validation import at_least, number, plain
from lthlib.plots.drawings import canvas as sheet
from lthlib.plots.drawings.canvas import BODY, GHOST, INK, NEGATIVE, PAPER, POSITIVE, SMALL, Canvas, Drawing
from lthlib.plots.drawings.pieces import DASHES, legend_of_signs, places
from lthlib.plots.style import METHODS

THINNEST, WIDEST = 0.5, 3.6  # of a connection's line, in units
TOP, BOTTOM, SIDE = 78, 64, 70  # room for headings, the legend and the outermost names
Units = Sequence[Sequence[int]]


def network_of(
    mask: Mapping[str, Tensor],
    weights: Mapping[str, Tensor] | None = None,
    *,
    most: int = 12,
    units: Units | None = None,
    scale: Mapping[str, float] | None = None,
    heading: str = "",
    width: float = sheet.WIDTH,
    height: float = 440,
) -> Drawing:
    """The connections that a mask keeps in a network of linear layers, inputs at the left.

    `mask` has a tensor [outputs, inputs] of zeros and ones by layer name, in the order of the network;
    `weights` a tensor of the same shape for each of these names. With weights, a positive one is violet and
    solid, a negative one amber and dashed, and a line is as wide as its weight is large; without, all lines
    are alike. At most `most` units of a column are drawn: evenly spaced ones, or those in `units`, a list of
    numbers for the inputs and for each layer. `scale` gives, by layer name, the magnitude that is drawn
    widest (default: the largest one kept in the layer); give the same one, and the same `units`, to pictures
    that follow each other. A unit that has no connection left at one of its sides is a faint ring.

    Raises LotteryError where the mask is empty, where a layer is not linear or does not follow the one
    before, where names or shapes of weights differ, where weights are not finite, or for units that do not
    exist.
    """
    layers = _checked_layers(mask)
    values = _checked_weights(layers, weights)
    columns = _checked_units(layers, evenly_spaced(layers, most) if units is None else units)
    width = number("width", width, lambda x: 480 <= x <= 2000, "a width from 480 to 2000 units, such as 700")
    height = number("height", height, lambda x: 240 <= x <= 2000, "a height from 240 to 2000 units, such as 440")
    canvas = Canvas(height, width)
    across = [SIDE + (width - 2 * SIDE) * at / len(layers) for at in range(len(columns))]
    positions = [[(x, y) for y in places(len(column), TOP, height - BOTTOM)] for x, column in zip(across, columns)]
    for place, (layer, kept) in enumerate(layers.items()):
        ends, sample = positions[place : place + 2], _of(kept, columns, place)
        value = None if values is None else _of(values[layer], columns, place)
        widest = _widest(layer, kept, values, scale)
        _connections(canvas, ends, sample, value, widest)
    _draw_units(canvas, layers, columns, positions)
    if heading:
        canvas.text(24, 28, heading, BODY + 1, INK, "start", bold=True)
    kept, total = sum(int(layer.sum()) for layer in layers.values()), sum(layer.numel() for layer in layers.values())
    left = f"weights remaining: {percent(kept / total)} ({kept:,} of {total:,})"
    canvas.text(width - 24, 28, left, SMALL, anchor="end")
    if values is not None:
        legend_of_signs(canvas, 24, height - 24, pruned=False)
    drawn = sum(int(_of(layer, columns, place).sum()) for place, layer in enumerate(layers.values()))
    sizes = ", ".join(f"{len(column)} of {size:,}" for column, size in zip(columns, _sizes(layers)))
    alt = f"A network of {sizes} units in each column, {left}. {drawn:,} connections between these units are left."
    return canvas.drawing(heading or "A network and its mask", alt)


def evenly_spaced(mask: Mapping[str, Tensor], most: int = 12) -> list[list[int]]:
    """At most so many units of the inputs and of each layer, at equal distances. Looks at shapes alone."""
    most = at_least("most", most, 1)
    counts = [(size, min(size, most)) for size in _sizes(_checked_layers(mask))]
    return [[int((place + 0.5) * size / count) for place in range(count)] for size, count in counts]


def busiest_units(mask: Mapping[str, Tensor], most: int = 12) -> list[list[int]]:
    """At most so many units of the inputs and of each layer: from the outputs backwards, those with most
    connections to the units chosen behind them; among equals, those with most connections before them.

    Take the mask of the sparsest level, once, and give what comes back to the pictures of all levels: evenly
    spaced units of a sparse network hardly meet. The picture then shows more connections than a random
    sample would, which its text should say.
    """
    layers, most = _checked_layers(mask), at_least("most", most, 1)
    chosen: list[list[int]] = []
    before = [layer.sum(1) for layer in layers.values()]  # connections of each output unit to its inputs
    for place in range(len(layers), -1, -1):
        behind = list(layers.values())[place][chosen[0]].sum(0) if chosen else torch.zeros_like(before[-1])
        others = before[place - 1] if place else torch.zeros_like(behind)
        order = sorted(range(len(behind)), key=lambda unit: (-int(behind[unit]), -int(others[unit]), unit))
        chosen.insert(0, sorted(order[:most]))
    return chosen


def _checked_layers(mask: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The mask as True and False, on the CPU."""
    if not isinstance(mask, Mapping) or not mask:
        raise LotteryError(f"mask is {_short(mask)}: give a tensor of zeros and ones for each layer's name.")
    layers, size = {}, 0
    for name, kept in mask.items():
        shape = tuple(getattr(kept, "shape", ()))
        if not isinstance(kept, Tensor) or len(shape) != 2 or not kept.numel():
            advice = "networks of linear layers, [outputs, inputs] each, can be drawn; see plots.mask_images for others"
            raise LotteryError(f"the mask of {name!r} has shape {shape}: {advice}.")
        if size and shape[1] != size:
            advice = "give the layers in the order of the network, each with as many inputs as the one before has outputs"
            raise LotteryError(f"{name!r} has {shape[1]} inputs, but the layer before it has {size} outputs: {advice}.")
        if not ((kept == 0) | (kept == 1)).all():
            raise LotteryError(f"the mask of {name!r} has other numbers than 0 and 1: give mask first, then weights.")
        layers[name], size = kept.detach().cpu().bool(), shape[0]
    return layers


def _checked_weights(layers: dict[str, Tensor], weights: Mapping[str, Tensor] | None) -> dict[str, Tensor] | None:
    """The weights of the mask's layers, masked; None where there are none."""
    if weights is None:
        return None
    values = {}
    for name, kept in layers.items():
        given = weights.get(name) if isinstance(weights, Mapping) else None
        if not isinstance(given, Tensor) or given.shape != kept.shape:
            has = tuple(given.shape) if isinstance(given, Tensor) else _short(given)
            raise LotteryError(f"the weights of {name!r} are {has}: give a tensor of the mask's shape, {tuple(kept.shape)}.")
        values[name] = torch.where(kept, given.detach().cpu().float(), 0.0)
        if not values[name].isfinite().all():
            raise LotteryError(f"weights of {name!r} are not finite, as of a network that diverged: choose another network.")
    return values


def _checked_units(layers: dict[str, Tensor], units: Units) -> list[list[int]]:
    sizes = _sizes(layers)
    columns = [list(plain(column)) for column in units]
    if len(columns) != len(sizes):
        raise LotteryError(f"units has {len(columns)} lists: give {len(sizes)}, one for the inputs and one for each layer.")
    for column, size in zip(columns, sizes):
        if not column or len(set(column)) < len(column) or not all(isinstance(u, int) and 0 <= u < size for u in column):
            raise LotteryError(f"units has {_short(column)} of {size}: give numbers from 0 to {size - 1}, each once.")
    return columns


def _sizes(layers: Mapping[str, Tensor]) -> list[int]:
    """How many inputs there are, and how many units in each layer."""
    return [next(iter(layers.values())).shape[1], *(layer.shape[0] for layer in layers.values())]


def _of(layer: Tensor, columns: list[list[int]], place: int) -> Tensor:
    """The part of a layer's tensor that belongs to the units drawn: [outputs drawn, inputs drawn]."""
    return layer[columns[place + 1]][:, columns[place]]


def _widest(layer: str, kept: Tensor, values: dict | None, scale: Mapping[str, float] | None) -> float:
    """The magnitude that is drawn widest in a layer."""
    if values is None:
        return 1.0
    if scale is None:
        return float(values[layer].abs().max()) or 1.0
    advice = "a magnitude above 0 for each layer's name"
    return number(f"scale of {layer!r}", scale.get(layer), lambda x: 0 < x < float("inf"), advice)


def _connections(canvas: Canvas, ends: list, kept: Tensor, value: Tensor | None, widest: float) -> None:
    """A layer's surviving lines, small ones first: positive ones in one group, negative ones in another."""
    lines = kept.nonzero().tolist()
    if value is None:
        return _group(canvas, [(1.4, ends[0][j], ends[1][i]) for i, j in lines], METHODS["iterative"].colour)
    numbers = value.tolist()
    sized = sorted((abs(numbers[i][j]), numbers[i][j] < 0, j, i) for i, j in lines)
    for negative, colour, dashes in ((False, POSITIVE, ""), (True, NEGATIVE, " ".join(map(str, DASHES)))):
        of_sign = [
            (THINNEST + (WIDEST - THINNEST) * min(size / widest, 1), ends[0][j], ends[1][i])
            for size, is_negative, j, i in sized
            if is_negative == negative
        ]
        _group(canvas, of_sign, colour, dashes)


def _group(canvas: Canvas, lines: list, colour: str, dashes: str = "") -> None:
    """Lines of one colour, each (width, start, end): they are many, so what they share is said once."""
    drawn = [
        f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke-width="{width:.2f}"/>'
        for width, (x1, y1), (x2, y2) in lines
    ]
    pattern = f' stroke-dasharray="{dashes}"' if dashes else ""
    canvas.parts.append(f'<g stroke="{colour}"{pattern}>{"".join(drawn)}</g>')


def _draw_units(canvas: Canvas, layers: dict[str, Tensor], columns: list, positions: list) -> None:
    """The units over their connections, and above each column how many there are and how many are drawn."""
    sizes, masks, last = _sizes(layers), list(layers.values()), len(layers)
    for place, (column, spots) in enumerate(zip(columns, positions)):
        into = masks[place - 1].any(1) if place else None
        out = masks[place].any(0) if place < last else None
        radius = min(8.0, 0.32 * (spots[1][1] - spots[0][1])) if len(spots) > 1 else 8.0
        for unit, (x, y) in zip(column, spots):
            alive = (into is None or bool(into[unit])) and (out is None or bool(out[unit]))
            canvas.circle(x, y, radius, PAPER, INK if alive else GHOST, 1.5 if alive else 1)
        what = "inputs" if not place else "outputs" if place == last else "units"
        shown = f"{sizes[place]:,} {what}" if len(column) == sizes[place] else f"{len(column)} of {sizes[place]:,} {what}"
        canvas.text(spots[0][0], TOP - 20, shown, SMALL)


def _short(value) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:60]} ..."
