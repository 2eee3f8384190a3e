"""Drawings of how figures are read: sketched curves and intervals, which are no results."""

import math

from lthlib.core.errors import LotteryError
from lthlib.core.language import say
from lthlib.core.validation import at_least, number, plain
from lthlib.plots.drawings.canvas import BODY, EDGE, GHOST, INK, LINES, SMALL, WIDTH, Canvas, Drawing, curve, for_text
from lthlib.plots.drawings.pieces import axes, panel
from lthlib.plots.style import METHODS, VERDICTS, WORDS

TICKET = METHODS["iterative"]
SKETCH = "a sketch, not a result"
DOTS = (2, 4)  # of a reference line
MADE_UP = {"A": ("#595959", (), "s"), "B": ("#B07600", (8, 4), "v")}  # colour, dashes, marker: of no method of the lessons


def reading_a_density_curve() -> Drawing:
    """How to read accuracy against density: dense at the left, a logarithmic axis that runs from many
    weights to few, where curves leave the dotted line and cross (the axes of Frankle & Carbin 2019, figures
    3 and 4). The two methods are made up and behave like none of the lessons', so that the drawing answers
    no prediction."""
    canvas, x, y, width, height = Canvas(428), 64, 66, 600, 190

    def across(density: float) -> float:
        return x + 20 + (width - 40) * math.log(100 / density) / math.log(50)

    def down(accuracy: float) -> float:
        return y + height - 12 - (height - 30) * accuracy

    axes(canvas, x, y, width, height, "weights remaining (%), from many to few", "test accuracy")
    canvas.text(WIDTH - EDGE, 34, SKETCH, SMALL, LINES, "end")
    for density in (100, 50, 20, 10, 5, 2):
        canvas.line(across(density), y + height, across(density), y + height + 5, INK)
        canvas.text(across(density), y + height + 16, f"{density}", SMALL)
    canvas.line(x, down(0.8), x + width, down(0.8), INK, 1.4, DOTS)
    canvas.text(x + width, down(0.8) - 11, "dense network", SMALL, anchor="end")
    levels = [100 * 0.8**level for level in range(18)]
    for method, (colour, dashes, marker) in MADE_UP.items():
        points = [(across(d), down(_toy_accuracy(d, method))) for d in levels]
        canvas.path(points, colour, 2, dashes)
        for at in points:
            canvas.marker(*at, marker, colour, 4.5)
    canvas.text(across(27), down(0.96), "made-up method A", SMALL, MADE_UP["A"][0], "middle")
    canvas.text(across(9), down(0.58), "made-up method B", SMALL, MADE_UP["B"][0], "middle")
    notes = [
        ("1", across(100), down(0.8) - 24, "Start at the left: the dense network, with all weights."),
        ("2", across(62), down(0.92) - 22, "On or above the dotted line, a network is as accurate as the dense one."),
        ("3", across(39), down(0.53), "The curves cross: with more weights A is more accurate, with fewer B."),
        ("4", across(2.75), down(0.62), "Too few weights are left: B falls too."),
    ]
    for place, (label, right, at, words) in enumerate(notes):
        canvas.badge(right, at, label)
        canvas.badge(42, 326 + 24 * place, label, radius=9)
        canvas.note(60, 326 + 24 * place, words)
    return canvas.drawing(
        say("Reading a density curve"),
        say(
            "A sketch, not a result: test accuracy against weights remaining, from 100 % at the left to 2 % "
            "at the right, on a logarithmic axis, for two made-up methods. A is above the dotted line of the dense "
            "network at first, then falls. B is a little below that line, and falls later, so the curves cross.",
        ),
    )


def _toy_accuracy(density: float, method: str) -> float:
    """Made-up curves: 0.8 for all weights; A rises above that and falls early, B dips below it and falls late."""
    fall, bump, where = (17, 0.12, 55) if method == "A" else (3.2, -0.1, 45)
    bent = bump * math.exp(-((math.log(density / where) / 0.45) ** 2))
    return (0.8 + bent) / (1 + (fall / density) ** 2)


def three_measures() -> Drawing:
    """Early stop, accuracy at early stop, accuracy at the end: where they are read, on a sketched training
    (Frankle & Carbin 2019, section 2 and figure 3; training always runs to the end)."""
    canvas, x, width = Canvas(424), 70, 560
    canvas.text(WIDTH - EDGE, 34, SKETCH, SMALL, LINES, "end")
    end = 0.98

    def loss(t: float) -> float:
        return 0.16 + 0.8 * math.exp(-9 * t) + 0.6 * max(0.0, t - 0.2) ** 2

    def accuracy(t: float) -> float:
        return 0.15 + 0.72 * (1 - math.exp(-7 * t)) + 0.02 * t

    stop = min((loss(t / 200), t / 200) for t in range(1, 197))[1]
    upper, lower = (66, 110), (230, 110)
    for (y, height), up in ((upper, "validation loss"), (lower, "test accuracy")):
        axes(canvas, x, y, width, height, "", up)
    canvas.text(x + width, lower[0] + lower[1] + 18, "iteration", SMALL, anchor="end")

    def at(t: float, value: float, place: tuple) -> tuple[float, float]:
        return x + width * t, place[0] + place[1] * (1 - value)

    canvas.path([at(t, v, upper) for t, v in curve(loss, 0, end)], TICKET.colour, 2.5)
    canvas.path([at(t, v, lower) for t, v in curve(accuracy, 0, end)], TICKET.colour, 2.5)
    right, bottom = at(stop, 0, lower)
    canvas.line(right, at(stop, loss(stop), upper)[1], right, bottom, INK, 1.4, DOTS)
    canvas.line(*at(end, accuracy(end), lower), *at(end, 0, lower), INK, 1.4, DOTS)
    canvas.marker(*at(stop, loss(stop), upper), "o", TICKET.colour, 5)
    canvas.text(right + 14, at(stop, loss(stop), upper)[1] - 22, "lowest validation loss", SMALL, anchor="start")
    for t in (stop, end):
        canvas.marker(*at(t, accuracy(t), lower), "o", TICKET.colour, 5)
    canvas.badge(right, bottom, "1")
    canvas.badge(right - 16, at(stop, accuracy(stop), lower)[1] - 18, "2")
    canvas.badge(x + width * end + 18, at(end, accuracy(end), lower)[1] - 14, "3")
    words = ["early stop: how fast it learns", "accuracy at early stop", "accuracy at the end"]
    for place, (left, meaning) in enumerate(zip((36, 284, 488), words)):
        canvas.badge(left, 394, f"{place + 1}")
        canvas.text(left + 18, 394, meaning, BODY, INK, "start")
    return canvas.drawing(
        "Three measures of one training",
        "A sketch, not a result: validation loss falls, reaches its lowest point, and rises again; test "
        "accuracy rises all along. One, the iteration of the lowest validation loss is the early stop. "
        "Two, the accuracy at that iteration. Three, the accuracy at the end of training.",
    )


def line_between_two_networks() -> Drawing:
    """The error of the networks on the straight line between two that were trained from one start under two
    orders of the data: with a barrier, and without (Frankle et al. 2020, arXiv 1912.05671, section 2)."""
    canvas, y, height = Canvas(356), 82, 160
    panels = [(40, "with a barrier: unstable", 0.62), (380, "without one: stable", 0.0)]
    for x, heading, barrier in panels:
        panel(canvas, x - 16, 20, 312, 266)
        canvas.text(x + 140, 40, heading, BODY + 1, INK, bold=True)
        axes(canvas, x + 10, y, 260, height, "", "error")

        def at(t: float, x: float = x, barrier: float = barrier) -> tuple[float, float]:
            value = 0.2 + 0.03 * t + barrier * math.sin(math.pi * t) ** 2
            return x + 40 + 200 * t, y + height * (1 - value)

        canvas.line(*at(0), *at(1), INK, 1.4, DOTS)
        canvas.path([at(step / 40) for step in range(41)], TICKET.colour, 2.5)
        for end, label in ((0, "A"), (1, "B")):
            canvas.circle(*at(end), 6, TICKET.colour, "#FFFFFF", 1.5)
            canvas.text(at(end)[0], y + height + 18, label, BODY, INK, bold=True)
        canvas.text(x + 140, y + height + 18, "half of each", SMALL)
        if barrier:
            top, foot = at(0.5), y + height * (1 - 0.215)
            canvas.arrow((top[0], foot), (top[0], top[1] + 3), colour=INK, width=1.8)
            canvas.text(top[0] + 10, foot - 14, "barrier", SMALL, INK, "start", bold=True)
    canvas.note(24, 308, "A and B begin with the same weights and see the data in two orders.")
    canvas.note(24, 330, "The barrier is the highest error on the line, minus the mean of both ends.")
    canvas.text(WIDTH - EDGE, 330, SKETCH, SMALL, LINES, "end")
    return canvas.drawing(
        "The line between two networks",
        "Two sketches of the error along the straight line from network A to network B. Left, the error "
        "rises to a barrier half way: the two lie in separate valleys. Right, it stays as low as at both "
        "ends: there is no barrier.",
    )


def learning_rate_over_time(
    peak: float = 0.1, iterations: int = 112_000, warmup: int = 10_000, drops: tuple[int, ...] = (56_000, 84_000)
) -> Drawing:
    """The learning rate in each iteration: a warmup in a straight line up to `peak`, then a tenth at
    each of `drops`; dashed, the same without a warmup. Defaults are those of VGG-19, 80 and 120 of 160
    epochs (Frankle & Carbin 2019, section 4 and figure 2).

    Raises LotteryError where the peak is not above 0, or where warmup, drops and iterations are not in that
    order."""
    peak = number("peak", peak, lambda rate: 0 < rate < math.inf, "a learning rate above 0, such as 0.1")
    iterations, warmup = at_least("iterations", iterations, 1), at_least("warmup", warmup, 0)
    drops = tuple(at_least("a drop", drop, 1) for drop in plain(drops))
    if list(drops) != sorted(set(drops)) or warmup > min(drops, default=iterations) or max(drops, default=warmup) > iterations:
        order = "give a warmup that ends before the first drop, drops that rise, and iterations beyond the last"
        raise LotteryError(f"warmup is {warmup}, drops are {drops}, iterations {iterations}: {order}.")
    canvas, x, y, width, height = Canvas(316), 84, 56, 570, 180
    axes(canvas, x, y, width, height, "iteration", "learning rate")

    def at(iteration: float, rate: float) -> tuple[float, float]:
        return x + width * iteration / iterations, y + height - (height - 24) * rate / peak

    canvas.text(x - 10, at(0, peak)[1], f"{peak:g}", SMALL, anchor="end")
    canvas.text(x - 10, y + height, "0", SMALL, anchor="end")
    corners, rate = [(warmup, peak)], peak
    for drop in drops:
        corners += [(drop, rate), (drop, rate / 10)]
        canvas.line(*at(drop, rate / 10), *at(drop, 0), GHOST, 1.2, DOTS)
        canvas.note(at(drop, 0)[0] + 8, at(drop, rate / 10)[1] - 13, "a tenth")
        rate /= 10
    corners.append((iterations, rate))
    if warmup:
        canvas.line(*at(0, peak), *at(warmup, peak), LINES, 2.5, (6, 4))
        canvas.note(at(warmup, 0)[0] + 10, at(0, 0.45 * peak)[1], "warmup: rises in a straight line")
    canvas.path([at(0, 0), *(at(*corner) for corner in corners)], INK, 2.8)
    for place in dict.fromkeys((warmup, *drops, iterations)):
        canvas.line(at(place, 0)[0], y + height, at(place, 0)[0], y + height + 5, INK)
        canvas.text(at(place, 0)[0], y + height + 16, f"{place:,}", SMALL)
    canvas.line(84, 292, 118, 292, INK, 2.8)
    canvas.note(126, 292, "with warmup" if warmup else "without a warmup")
    if warmup:
        canvas.line(240, 292, 274, 292, LINES, 2.5, (6, 4))
        canvas.note(282, 292, "without: the full rate from the start")
    slow = f"rises in a straight line to {peak:g} in the first {warmup:,}"
    rise = slow if warmup else f"is {peak:g} from the start"
    falls = f" and falls to a tenth at {' and '.join(f'{drop:,}' for drop in drops)}" if drops else ""
    return canvas.drawing("The learning rate over time", f"The learning rate over {iterations:,} iterations: it {rise}{falls}.")


def verdicts() -> Drawing:
    """Five intervals against zero and the margin, and what each means: better, as good (in two ways), worse,
    inconclusive (Piaggio et al. 2012, JAMA 308:2594, figure 1; the rule is that of `analysis.evidence`)."""
    canvas, zero, unit, margin = Canvas(408), 500, 120, 1.0
    rows = [
        ("better", 0.35, 1.15, "wholly above zero"),
        ("as good", -0.62, 0.44, "wholly above minus the margin"),
        ("as good", -0.8, -0.14, "also where it is below zero"),
        ("worse", -2.0, -0.45, "wholly below zero, and not as good"),
        ("inconclusive", -1.55, 0.55, "more trials are needed"),
    ]
    canvas.box(zero - margin * unit, 52, margin * unit, 268, "#FBF1DC", "", 0)
    canvas.line(zero - margin * unit, 52, zero - margin * unit, 320, LINES, 1.5, (6, 4))
    canvas.line(zero, 52, zero, 320, INK, 2)
    canvas.text(zero, 36, "no difference", SMALL)
    canvas.text(zero - margin * unit, 36, "minus the margin", SMALL)
    for place, (verdict, low, high, words) in enumerate(rows):
        y, look = 80 + 52 * place, VERDICTS[verdict]
        canvas.text(24, y - 9, verdict, BODY + 1, for_text(look.colour), "start", bold=True)
        canvas.note(24, y + 11, words)
        left, right = zero + unit * low, zero + unit * high
        canvas.line(left, y, right, y, look.colour, 3)
        for end in (left, right):
            canvas.line(end, y - 7, end, y + 7, look.colour, 3)
        canvas.marker((left + right) / 2, y, look.marker, look.colour, 7)
    canvas.arrow((zero, 338), (676, 338), width=1.6)
    canvas.arrow((zero, 338), (264, 338), width=1.6)
    canvas.text(676, 356, "the ticket is more accurate", SMALL, anchor="end")
    canvas.note(264, 356, "the dense network is more accurate")
    canvas.text(
        24, 382, "Shaded: a loss this small does not count. The margin is declared before the run.", SMALL, WORDS, "start"
    )
    return canvas.drawing(
        say("Four verdicts"),
        say(
            "Five intervals of the difference in accuracy between ticket and dense network, against two "
            "lines: zero, and minus the margin. Better: the interval is above zero. As good: it is above "
            "minus the margin, whether it reaches over zero or not. Worse: it is below zero, and reaches below "
            "minus the margin. Inconclusive: it reaches below minus the margin and above zero.",
        ),
    )
