"""What several drawings are made of: small networks, grids of numbers, axes, and the weights of a toy
network."""

from collections.abc import Callable, Sequence

from lthlib.plots.drawings.canvas import (
    BODY,
    GHOST,
    INK,
    LINES,
    NEGATIVE,
    PALE,
    PAPER,
    POSITIVE,
    SMALL,
    Canvas,
    for_text,
    signed,
)
from lthlib.plots.style import METHODS, Style

Layer = list[list[float]]  # weights [outputs][inputs]; what is pruned is None

# The toy network of the drawings: 4 inputs, 3 hidden units, 2 outputs, 18 weights. The numbers are made up.
THETA_0: list[Layer] = [
    [[0.7, -0.2, 0.4, -0.5], [-0.3, 0.6, -0.1, 0.2], [0.1, -0.4, 0.8, -0.6]],
    [[0.5, -0.7, 0.2], [-0.3, 0.4, 0.6]],
]
THETA_T: list[Layer] = [
    [[0.9, -0.1, 0.6, -0.2], [-0.5, 0.3, -0.2, 0.7], [0.1, -0.8, 0.9, -0.3]],
    [[0.8, -0.6, 0.1], [-0.2, 0.7, 0.9]],
]
NEW: list[Layer] = [
    [[-0.2, 0.5, 0.8, 0.3], [0.7, -0.4, 0.2, -0.6], [0.3, 0.6, -0.5, 0.1]],
    [[-0.3, 0.6, 0.8], [0.7, -0.2, 0.4]],
]
DASHES = (5, 3)  # of a negative weight


def largest(layers: list[Layer], removed: int) -> list[list[list[int]]]:
    """The mask, of 0 and 1, that removes so many of the smallest weights of all layers together."""
    sizes = sorted(abs(weight) for layer in layers for row in layer for weight in row)
    return [[[int(abs(weight) > sizes[removed - 1]) for weight in row] for row in layer] for layer in layers]


def masked(layers: list[Layer], mask: list) -> list:
    """The weights where the mask has a 1, None where it has a 0."""
    return [
        [[weight if kept else None for weight, kept in zip(*rows)] for rows in zip(layer, keeps)]
        for layer, keeps in zip(layers, mask)
    ]


def places(count: int, start: float, end: float) -> list[float]:
    """So many numbers at equal distances, as far from the ends as half of that distance."""
    step = (end - start) / count
    return [start + (place + 0.5) * step for place in range(count)]


def connection(canvas: Canvas, start, end, weight: float | None, colour: str = "", widest: float = 4) -> None:
    """The line of one weight from a unit to another: as wide as the weight is large (1 is `widest`), violet
    if positive, amber and dashed if negative; with a `colour`, in that colour and solid. None is pruned: a
    faint dotted line."""
    if weight is None:
        return canvas.line(*start, *end, GHOST, 1.2, (1.5, 4))
    width = 0.8 + (widest - 0.8) * min(abs(weight), 1)
    if colour:
        return canvas.line(*start, *end, colour, width)
    return canvas.line(*start, *end, POSITIVE if weight >= 0 else NEGATIVE, width, () if weight >= 0 else DASHES)


def network(canvas: Canvas, x, y, width, height, layers: list, colour: str = "", radius: float = 7, widest: float = 4) -> None:
    """A network of linear layers inside a rectangle, inputs at the left: weights [outputs][inputs] a layer,
    None where one is pruned. `colour` is that of all connections; without one, signs are shown."""
    counts = [len(layers[0][0]), *(len(layer) for layer in layers)]
    step = (width - 2 * radius) / len(layers)
    units = [[(x + radius + at * step, down) for down in places(count, y, y + height)] for at, count in enumerate(counts)]
    lines = []
    for inputs, outputs, layer in zip(units, units[1:], layers):
        lines += [(a, b, weight) for b, row in zip(outputs, layer) for a, weight in zip(inputs, row)]
    for start, end, weight in sorted(lines, key=lambda line: line[2] is not None):  # pruned ones lie below
        connection(canvas, start, end, weight, colour, widest)
    for place in (unit for column in units for unit in column):
        canvas.circle(*place, radius, PAPER, INK)


def number_grid(
    canvas: Canvas, x, y, rows: Sequence[Sequence], cell: float, look: Callable | None = None, size: float = BODY
) -> None:
    """Numbers in square cells, from the top left. `look(row, column)` gives a cell's fill and the colour of
    its number; None in `rows` is an empty cell."""
    for i, row in enumerate(rows):
        for j, value in enumerate(row):
            fill, ink = look(i, j) if look else (PAPER, INK)
            canvas.box(x + j * cell, y + i * cell, cell, cell, fill, LINES, 0)
            if value is not None:
                canvas.text(x + (j + 0.5) * cell, y + (i + 0.5) * cell, signed(value), size, ink)


def dots(canvas: Canvas, x, y, side: int, step: float, filled: Sequence[int], style: Style) -> None:
    """A square of side * side dots: those in `filled`, counted along rows, in a method's colour and shape,
    the others as small rings."""
    for place in range(side * side):
        at = (x + (place % side + 0.5) * step, y + (place // side + 0.5) * step)
        if place in filled:
            canvas.marker(*at, style.marker, style.colour, 0.38 * step)
        else:
            canvas.circle(*at, 0.14 * step, PAPER, GHOST, 1)


def name(canvas: Canvas, x, y, method: str, words: str, size: float = BODY) -> None:
    """A method's marker and its name, from the left, in its colour."""
    look = METHODS[method]
    canvas.marker(x + 6, y, look.marker, look.colour, 6)
    canvas.text(x + 19, y, words, size, for_text(look.colour), "start", bold=True)


def axes(canvas: Canvas, x, y, width, height, across: str, up: str) -> None:
    """Two axes that meet at the lower left, with their names: one below, one above the upright axis."""
    canvas.path([(x, y), (x, y + height), (x + width, y + height)], INK, 1.5)
    canvas.text(x + width, y + height + 34, across, SMALL, anchor="end")
    canvas.note(x - 6, y - 14, up)


def legend_of_signs(canvas: Canvas, x, y, pruned: bool = True) -> None:
    """What the lines of a network mean, in one row of about 540 units (430 without pruned ones)."""
    samples = [(0.7, "positive", 0), (-0.7, "negative", 108), (None, "pruned", 222)]
    for weight, words, right in samples if pruned else samples[:2]:
        connection(canvas, (x + right, y), (x + right + 34, y), weight)
        canvas.note(x + right + 42, y, words)
    canvas.note(x + (328 if pruned else 222), y, "a wider line is a larger weight")


def panel(canvas: Canvas, x, y, width, height) -> None:
    """A pale ground that holds things together."""
    canvas.box(x, y, width, height, PALE, "", 10)
