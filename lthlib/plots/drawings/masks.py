"""Drawings of other masks: learned ones, ones of a structure, ones from elsewhere. Their numbers are made
up."""

from collections.abc import Callable

from lthlib.plots.drawings.canvas import BODY, INK, LINES, PAPER, SMALL, Canvas, Drawing, for_text
from lthlib.plots.drawings.pieces import (
    NEW,
    THETA_0,
    THETA_T,
    largest,
    legend_of_signs,
    masked,
    name,
    network,
    number_grid,
    panel,
)
from lthlib.plots.style import METHODS

TICKET = for_text(METHODS["iterative"].colour)
REMOVED = "#DFE3E9"  # the fill of a cell whose weight is pruned


def _fills(mask: list) -> Callable:
    """The look of a grid's cells under a mask [rows][columns]: grey where it has a 0."""
    return lambda i, j: (PAPER, INK) if mask[i][j] else (REMOVED, LINES)


def supermask() -> Drawing:
    """A random network whose weights are never trained, times a mask that is learned (Zhou et al. 2019,
    section 4; Ramanujan et al. 2020, arXiv 1911.13299, section 3). The toy mask is any that keeps half."""
    canvas, mask = Canvas(330), largest(NEW, 9)
    for place, heading in enumerate(("random weights θ_0", "a mask, learned", "supermask")):
        x = 24 + 228 * place
        panel(canvas, x, 24, 196, 208)
        canvas.text(x + 98, 46, heading, BODY + 1, INK, bold=True)
    canvas.text(236, 124, "×", 24, INK)
    canvas.text(464, 124, "=", 24, INK)
    network(canvas, 54, 66, 136, 112, THETA_0)
    canvas.text(122, 196, "drawn once,\nnever trained", SMALL)
    number_grid(canvas, 266, 88, mask[0], 22, _fills(mask[0]), SMALL)
    number_grid(canvas, 368, 99, mask[1], 22, _fills(mask[1]), SMALL)
    canvas.text(350, 196, "training chooses which\nweights to keep", SMALL)
    network(canvas, 510, 66, 136, 112, masked(THETA_0, mask))
    canvas.text(578, 196, "can do better than chance,\nand no weight has moved", SMALL)
    legend_of_signs(canvas, 24, 258)
    name(canvas, 24, 292, "iterative", "ticket")
    canvas.note(92, 292, "choose a mask, then train the weights")
    canvas.text(342, 292, "supermask", BODY, INK, "start", bold=True)
    canvas.note(440, 292, "train the mask, never the weights")
    return canvas.drawing(
        "A supermask",
        "A small network with random weights that are never trained, times a mask of ones and zeros that "
        "is learned, is a supermask: the same weights, half of which are kept. A ticket chooses its mask "
        "and then trains its weights; a supermask trains its mask alone.",
    )


def where_scores_look() -> Drawing:
    """Three times at which a criterion may look at a network, what it sees there, and what has been trained
    by then (Frankle et al. 2021, arXiv 2009.08576, for before and after; You et al. 2020, arXiv 1909.11957,
    for early)."""
    canvas, y = Canvas(330), 88
    stops = [
        ("before training", 128, ["θ_0, and at most", "a batch of examples"], ["SNIP, GraSP, SynFlow"], "no training at all"),
        ("early in training", 350, ["masks that change", "less and less"], ["early-bird tickets"], "a small part of one"),
        ("after training", 572, ["trained weights θ_T,", "and where they began"], ["magnitude, movement"], "one or more in full"),
    ]
    canvas.arrow((60, y), (662, y), colour=INK)
    canvas.text(346, y - 16, "training", SMALL)
    for heading, middle, sees, criteria, price in stops:
        at = {128: 84, 350: 140, 572: 552}[middle]
        panel(canvas, middle - 104, 140, 208, 164)
        canvas.path([(at, y + 6), (middle, 140)], LINES, 1.3, (3, 3))
        _eye(canvas, at, y - 28)
        canvas.marker(at, y, "o", INK, 6)
        canvas.text(middle, 162, heading, BODY + 1, INK, bold=True)
        for down, label, lines in ((192, "sees", sees), (240, "such as", criteria), (276, "trained", [price])):
            canvas.text(middle - 92, down, label, SMALL, LINES, "start")
            canvas.text(middle - 36, down, "\n".join(lines), SMALL, INK, "start")
    return canvas.drawing(
        "Where scores look",
        "A line for the iterations of training, with an eye at three places. Before training a criterion "
        "sees theta_0 and at most a batch of examples: SNIP, GraSP, SynFlow. Early in training it sees "
        "masks that change less and less: early-bird tickets. After training it sees the trained "
        "weights, and where they began: magnitude, movement.",
    )


def _eye(canvas: Canvas, x: float, y: float) -> None:
    """An open eye."""
    lid = [(x - 20 + 2 * step, y - 11 * (1 - ((step - 10) / 10) ** 2)) for step in range(21)]
    lower = [(right, 2 * y - down) for right, down in reversed(lid)]
    canvas.path(lid + lower, INK, 2, fill=PAPER)
    canvas.circle(x, y, 6.5, INK, "")
    canvas.circle(x + 2, y - 2, 2, PAPER, "")


def structured_and_unstructured() -> Drawing:
    """One layer of 8 outputs and 8 inputs at density 1/2 in three ways: single weights, two of every four
    neighbours (Mishra et al. 2021, arXiv 2104.08378, section 3), whole units (Liu et al. 2019, arXiv
    1810.05270)."""
    canvas, cell, top = Canvas(336), 21, 72
    scores = [[(37 * i + 59 * j + 13 * i * j + 7 * i * i) % 64 + j / 10 for j in range(8)] for i in range(8)]
    ways = [
        ("single weights", "weights", _single_weights(scores), "any place in the layer", "needs code that skips zeros"),
        ("2 of every 4", "groups", _two_of_four(scores), "two in each row of four", "hardware for 2:4 skips the rest"),
        ("whole units", "units", _whole_units(scores), "rows, all or nothing", "simply a smaller layer"),
    ]
    for place, (heading, structure, mask, rule, use) in enumerate(ways):
        x = 38 + 228 * place
        middle = x + 4 * cell
        canvas.text(middle, 34, heading, BODY + 1, INK, bold=True)
        canvas.text(middle, 56, f'structure="{structure}"', SMALL, LINES)
        for i, row in enumerate(mask):
            for j, kept in enumerate(row):
                fill, edge = (TICKET, TICKET) if kept else (PAPER, "#C3C9D1")
                canvas.box(x + j * cell + 1.5, top + i * cell + 1.5, cell - 3, cell - 3, fill, edge, 2)
        if structure == "groups":
            canvas.line(middle, top - 4, middle, top + 8 * cell + 4, INK, 2)
        canvas.text(middle, top + 8 * cell + 20, rule, SMALL)
        canvas.text(middle, top + 8 * cell + 40, use, SMALL)
    canvas.note(24, 312, "A row per output, a column per input. Filled squares are kept: 32 of 64 in each.")
    return canvas.drawing(
        "Unstructured and structured pruning",
        "Three grids of 8 by 8 weights, 32 of them kept in each. Single weights: kept ones lie anywhere. "
        "2 of every 4: each row keeps two in its left and two in its right half. Whole units: four rows "
        "are kept whole, four are gone.",
    )


def _single_weights(scores: list) -> list:
    bound = sorted(score for row in scores for score in row)[32]
    return [[score >= bound for score in row] for row in scores]


def _two_of_four(scores: list) -> list:
    halves = [[sorted(row[start : start + 4])[2] for start in (0, 4)] for row in scores]
    return [[score >= bounds[j // 4] for j, score in enumerate(row)] for row, bounds in zip(scores, halves)]


def _whole_units(scores: list) -> list:
    bound = sorted(sum(row) for row in scores)[4]
    return [[sum(row) >= bound] * 8 for row in scores]


def transfer() -> Drawing:
    """A mask that was found on task A is put over theta_0 of task B's network, which is trained on B
    (Morcos et al. 2019, arXiv 1906.02773, section 3)."""
    canvas, mask = Canvas(448), largest(THETA_T, 9)
    rows = [
        (24, "task A", THETA_T, "trained on A", "iterative", "ticket of A"),
        (222, "task B", NEW, "θ_0 of B's network", "transferred", "transferred"),
    ]
    for y, task, layers, words, method, label in rows:
        panel(canvas, 24, y, 652, 156)
        canvas.text(44, y + 28, task, BODY + 3, INK, "start", bold=True)
        network(canvas, 150, y + 18, 130, 104, layers, LINES)
        canvas.text(215, y + 138, words, SMALL)
        network(canvas, 398, y + 18, 130, 104, masked(THETA_0 if y < 100 else NEW, mask), METHODS[method].colour)
        name(canvas, 412, y + 138, method, label)
    canvas.arrow((296, 94), (382, 94))
    canvas.text(339, 74, "hunt", SMALL)
    canvas.arrow((296, 292), (382, 292))
    canvas.text(339, 272, "m × θ_0", SMALL)
    canvas.arrow((463, 184), (463, 218), colour=TICKET, width=3)
    canvas.text(446, 201, "the mask m, and nothing else", BODY, TICKET, "end", bold=True)
    canvas.text(556, 280, "train on B,\nmeasure on B", SMALL, INK, "start")
    canvas.text(44, y + 60, "the same shape\nof network", SMALL, LINES, "start")
    canvas.note(24, 404, "Compare with a ticket found on B itself, and with a random mask of the same layer densities:")
    canvas.note(24, 424, "what is gained over the random mask is what the mask of A knows about B.")
    return canvas.drawing(
        "Transfer of a mask",
        "Above, task A: a trained network is pruned, and its ticket's mask is taken. Below, task B: the "
        "mask is put over theta_0 of a network of the same shape, which is trained and measured on B. "
        "Nothing but the mask goes from A to B.",
    )


def filters() -> Drawing:
    """A kernel of 3 x 3 weights slides over an image: each weight is used at every place, so a pruned one is
    missing at every place (convolutions of Frankle & Carbin 2019, section 3; the numbers are made up)."""
    canvas, top = Canvas(342), 70
    image = [[(3 * i + 5 * j + i * j) % 4 for j in range(7)] for i in range(7)]
    kernel = [[1, 0, -1], [2, 0, -2], [0, 0, 1]]
    outputs = [[_slide(image, kernel, i, j) for j in range(5)] for i in range(5)]
    here, kept = (0, 4), [[int(weight != 0) for weight in row] for row in kernel]

    def in_window(i: int, j: int) -> tuple[str, str]:
        return ("#CFE3F2" if 0 <= i - here[0] < 3 and 0 <= j - here[1] < 3 else PAPER, INK)

    headings = [
        (108, "image", "7 × 7 numbers"),
        (347, "kernel, pruned", "9 places, 5 weights kept"),
        (594, "output", "5 × 5 numbers"),
    ]
    for middle, words, below in headings:
        canvas.text(middle, 34, words, BODY + 1, INK, bold=True)
        canvas.text(middle, 268, below, SMALL)
    number_grid(canvas, 24, top + 6, image, 24, in_window, SMALL)
    number_grid(canvas, 284, top + 27, kernel, 42, _fills(kept), 16)
    number_grid(canvas, 514, top + 10, outputs, 32, lambda i, j: ("#CFE3F2" if (i, j) == here else PAPER, INK), SMALL)
    corner = (24 + 24 * (here[1] + 3), top + 6 + 24 * here[0])
    canvas.box(corner[0] - 72, corner[1], 72, 72, "none", TICKET, 0)
    for low, end in ((0, 27), (72, 153)):
        canvas.line(corner[0], corner[1] + low, 284, top + end, TICKET, 1.3, (4, 3))
    target = (514 + 32 * (here[1] + 0.5), top + 10 + 32 * here[0])
    canvas.box(target[0] - 16, target[1], 32, 32, "none", TICKET, 0)
    canvas.arrow((416, top + 60), (480, 64), (target[0], 36), (target[0], target[1] - 2), colour=TICKET, width=1.6)
    canvas.note(24, 296, "Nine products add up to one output; then the kernel moves on by one place: 25 times.")
    canvas.note(24, 316, "A pruned weight (grey) is missing at all 25 places. Single weights go, not whole kernels.")
    return canvas.drawing(
        "A convolution and its pruned kernel",
        "An image of 7 by 7 numbers; a window of 3 by 3 of them, times a kernel of nine weights of which "
        f"four are pruned, adds up to {outputs[here[0]][here[1]]}, one of 5 by 5 outputs. The kernel "
        "slides over the image, so that each weight is used at 25 places, and a pruned one is missing at "
        "all of them.",
    )


def _slide(image: list, kernel: list, i: int, j: int) -> int:
    """The sum of the kernel's weights times the numbers below it, its top left corner at row i and column
    j."""
    return sum(weight * image[i + k][j + m] for k, row in enumerate(kernel) for m, weight in enumerate(row))
