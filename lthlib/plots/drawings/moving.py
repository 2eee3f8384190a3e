"""Drawings of masks that move during training. Their numbers are made up, but for densities, which are
computed."""

from lthlib.plots.drawings.canvas import BODY, INK, LINES, PAPER, SMALL, WORDS, Canvas, Drawing, curve, for_text
from lthlib.plots.drawings.pieces import axes, number_grid
from lthlib.plots.style import METHODS
from lthlib.pruning.moving import cubic

RATE, ROUNDS = 0.4, 4
TICKET, GROWN, GRADUAL = (METHODS[name].colour for name in ("iterative", "RigL", "GMP"))
KEPT, EMPTY, GOING, NEW = PAPER, "#DFE3E9", "#F6D9C6", "#CBE6DC"  # grounds of a cell

# One layer of 3 by 4 weights, six of them kept, and the gradient that every place has at that moment.
WEIGHTS = [[0.8, None, -0.1, 0.5], [None, 0.2, None, None], [-0.6, None, None, 0.4]]
GRADIENT = [[0.1, -0.9, 0.3, 0.2], [0.4, -0.3, 0.1, 0.7], [0.2, 0.1, -0.2, 0.1]]


def roads_to_a_sparse_network() -> Drawing:
    """The density that is trained, against trainings: a ticket's search in rounds of 40 %, gradual magnitude
    pruning (Zhu & Gupta 2017, equation 1), and masks that move at one density (SET, RigL; Evci et al. 2020,
    figure 1, makes the same comparison)."""
    canvas, left, top, wide, high = Canvas(352), 84, 50, 570, 220
    end = (1 - RATE) ** ROUNDS
    axes(canvas, left, top, wide, high, "trainings, one after the other", "weights that are trained (%)")
    unit, at = wide / (ROUNDS + 1), lambda share: top + high * (1 - share)
    for share in (1.0, 0.5, end):
        canvas.text(left - 8, at(share), f"{100 * share:.0f}", SMALL, anchor="end")
    for count in range(1, ROUNDS + 2):
        canvas.line(left + unit * count, top + high, left + unit * count, top + high + 5, INK)
        canvas.text(left + unit * count, top + high + 15, f"{count}", SMALL)
    stairs = []
    for level in range(ROUNDS + 1):
        stairs += [(left + unit * (level + step), at((1 - RATE) ** level)) for step in (0, 1)]
    canvas.path(stairs, TICKET, 3)
    gradual = curve(lambda time: cubic(min(1.0, time / 0.75), end), 0, 1)
    canvas.path([(left + unit * time, at(share)) for time, share in gradual], GRADUAL, 3, (7, 4))
    canvas.line(left, at(end) - 5, left + unit, at(end) - 5, GROWN, 3, (2, 3))
    names = [
        (1.1, at(0.84), "ticket: prune, reset, train again", TICKET),
        (0.55, at(0.32), "gradual pruning", GRADUAL),
        (0.1, at(end) + 14, "SET, RigL", GROWN),
    ]
    for trainings, y, words, colour in names:
        canvas.text(left + unit * trainings, y, words, BODY, for_text(colour), "start", bold=True)
    canvas.note(left, top + high + 66, "area below a line: arithmetic, if zeros were free")
    return canvas.drawing(
        "Roads to a sparse network",
        "The share of the weights that is trained, against trainings. Ticket: five trainings, at 100, 60, 36, 22 "
        f"and {100 * end:.0f} %. Gradual pruning: one training, that begins at 100 % and comes down along a curve. "
        f"SET and RigL: one training, at {100 * end:.0f} % from beginning to end.",
    )


def drop_and_grow() -> Drawing:
    """One move of a mask: a layer before it, which weights go and where new ones grow under RigL (Evci et al.
    2020, figure 1 and algorithm 1), and after it. Two of six move."""
    canvas, cell, top = Canvas(296), 42, 66
    going, grown = {(0, 2), (1, 1)}, {(0, 1), (1, 3)}
    after = [[None if (i, j) in going else value for j, value in enumerate(row)] for i, row in enumerate(WEIGHTS)]
    after = [[0.0 if (i, j) in grown else value for j, value in enumerate(row)] for i, row in enumerate(after)]

    def before(i: int, j: int) -> tuple[str, str]:
        fill = GOING if (i, j) in going else EMPTY if WEIGHTS[i][j] is None else KEPT
        return fill, INK

    def gradient(i: int, j: int) -> tuple[str, str]:
        is_empty = WEIGHTS[i][j] is None or (i, j) in going
        return (NEW if (i, j) in grown else EMPTY if is_empty else KEPT), (INK if is_empty else LINES)

    def moved(i: int, j: int) -> tuple[str, str]:
        return (NEW if (i, j) in grown else EMPTY if after[i][j] is None else KEPT), INK

    panels = [("weights", WEIGHTS, before), ("dense gradient", GRADIENT, gradient)]
    panels += [("after the move", after, moved)]
    for place, (heading, rows, look) in enumerate(panels):
        x = 30 + 224 * place
        canvas.text(x + 2 * cell, top - 26, heading, BODY + 1, INK, bold=True)
        number_grid(canvas, x, top, rows, cell, look)
    dropped, new = "dropped: the smallest weights", "grown, from zero: the largest gradients"
    for fill, words, x in ((GOING, dropped, 30), (NEW, new, 248), (EMPTY, "empty", 532)):
        canvas.box(x, top + 3 * cell + 26, 20, 13, fill, LINES, 0)
        canvas.note(x + 27, top + 3 * cell + 33, words)
    of_set = "SET grows as many at random places, and needs no gradient."
    canvas.text(30, top + 3 * cell + 66, of_set, BODY, WORDS, "start")
    return canvas.drawing(
        "Drop and grow",
        "A layer of twelve places, six of them with weights. The two smallest weights, -0.1 and 0.2, are dropped. "
        "Of the places that are then empty, the two with the largest gradients, -0.9 and 0.7, get a new weight, "
        "which begins at zero.",
    )
