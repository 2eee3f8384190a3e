"""A drawing of two networks whose hidden units stand in different orders. What it shows is made up."""

from lthlib.plots.drawings import canvas as sheet
from lthlib.plots.drawings.canvas import BODY, INK, LINES, PAPER, SMALL, Canvas, Drawing, for_text
from lthlib.plots.drawings.pieces import panel
from lthlib.plots.style import METHODS

# What four hidden units look for in a picture of nine places: weights from -1 to 1, row by row.
UNITS = [
    [0, 1, 0, 1, 1, 1, 0, 1, 0],
    [1, 1, 1, -1, -1, -1, 0, 0, 0],
    [1, -1, 0, 1, -1, 0, 1, -1, 0],
    [-1, 0, 1, 0, 1, 0, 1, 0, -1],
]
ORDER = [2, 0, 3, 1]  # which of these units stands in B's places
CELL, STEP, TOP = 15, 62, 104
TICKET = for_text(METHODS["iterative"].colour)


def two_orders() -> Drawing:
    """Two networks with the same four hidden units in two orders, and the network half-way between them:
    as they stand, and with B's units in A's order (the idea of Ainsworth et al. 2023, arXiv 2209.04836,
    figure 1 and section 2)."""
    canvas = Canvas(414)
    stands = [
        ("as they stand", ORDER, "half-way, units are mixed up"),
        ("B in A's order", [0, 1, 2, 3], "half-way, every unit is still there"),
    ]
    for place, (heading, order, note) in enumerate(stands):
        x = 24 + 334 * place
        panel(canvas, x, 22, 318, 338)
        canvas.text(x + 159, 42, heading, BODY + 1, INK, bold=True)
        columns = {"A": x + 22, "B": x + 136, "half-way": x + 250}
        for name, left in columns.items():
            canvas.text(left + 1.5 * CELL, 74, name, BODY, INK, bold=name != "half-way")
        for unit, weights in enumerate(UNITS):
            down = TOP - 12 + STEP * unit
            start = columns["A"] + 3 * CELL + 5, down + 1.5 * CELL
            end = columns["B"] - 5, TOP - 12 + STEP * order.index(unit) + 1.5 * CELL
            canvas.line(*start, *end, TICKET if place else LINES, 2, () if place else (4, 3))
            _unit(canvas, columns["A"], down, weights)
            other = UNITS[order[unit]]
            _unit(canvas, columns["B"], down, other)
            _unit(canvas, columns["half-way"], down, [(a + b) / 2 for a, b in zip(weights, other)])
        canvas.text(x + 159, 342, note, SMALL)
    canvas.note(24, 380, "A square of nine is a hidden unit: its weights from a picture of nine places. Violet is positive,")
    canvas.note(24, 398, "amber with a stroke negative, pale small, white zero. Lines join the same unit in both networks.")
    return canvas.drawing(
        "One network in two orders",
        "Two networks A and B have the same four hidden units, in different orders. Left, as they stand: half-way "
        "between them each place holds a mixture of two units. Right, with B's units brought into A's order: half-way "
        "every unit is as it was in both.",
    )


def _unit(canvas: Canvas, x: float, y: float, weights: list) -> None:
    """Nine weights as a square of nine places, the darker the larger."""
    for place, weight in enumerate(weights):
        left, top = x + CELL * (place % 3), y + CELL * (place // 3)
        canvas.box(left, top, CELL, CELL, _shade(weight), LINES, 0)
        if weight < 0:
            canvas.line(left + 4, top + CELL / 2, left + CELL - 4, top + CELL / 2, INK, 1.4)


def _shade(weight: float) -> str:
    """The colour of a weight from -1 to 1: of its sign, paler the smaller it is."""
    colour = sheet.POSITIVE if weight > 0 else sheet.NEGATIVE
    ink, paper = ([int(each[at : at + 2], 16) for at in (1, 3, 5)] for each in (colour, PAPER))
    mixed = [round(white + abs(weight) * (full - white)) for full, white in zip(ink, paper)]
    return "#" + "".join(f"{channel:02X}" for channel in mixed)
