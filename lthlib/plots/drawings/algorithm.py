"""Drawings of the algorithm and of its controls. Their numbers are made up; `pieces` has them."""

from lthlib.core.language import say
from lthlib.plots.drawings.canvas import (
    BODY,
    GHOST,
    INK,
    LINES,
    NEGATIVE,
    PAPER,
    POSITIVE,
    SMALL,
    Canvas,
    Drawing,
)
from lthlib.plots.drawings.pieces import (
    DASHES,
    NEW,
    THETA_0,
    THETA_T,
    dots,
    largest,
    legend_of_signs,
    masked,
    name,
    network,
    number_grid,
    panel,
)
from lthlib.plots.style import METHODS

TICKET = METHODS["iterative"].colour
REMOVED = 6  # of the toy network's 18 weights, in a round


def the_loop() -> Drawing:
    """Initialise, train, prune, reset, and again: the algorithm as four states of one small network. A
    third of the weights goes in the round shown (Frankle & Carbin 2019, section 1, "Identifying winning
    tickets")."""
    canvas, mask = Canvas(336), largest(THETA_T, REMOVED)
    states = [
        ("1  initialise", THETA_0, "random weights θ_0"),
        ("2  train", THETA_T, "trained weights θ_T"),
        ("3  prune", masked(THETA_T, mask), "remove the smallest"),
        ("4  reset", masked(THETA_0, mask), "put back θ_0"),
    ]
    for place, (heading, layers, words) in enumerate(states):
        x = 25 + 170 * place
        panel(canvas, x, 24, 140, 178)
        canvas.text(x + 70, 46, heading, BODY + 1, INK, bold=True)
        network(canvas, x + 16, 64, 108, 104, layers)
        canvas.text(x + 70, 184, words, SMALL)
        if place:
            canvas.arrow((x - 27, 113), (x - 3, 113))
    canvas.arrow((605, 205), (605, 268), (265, 268), (265, 206))
    canvas.text(435, 228, "again: train what is left, prune more", BODY, INK, bold=True)
    legend_of_signs(canvas, 80, 282)
    name(canvas, 80, 310, "iterative", "ticket")
    canvas.text(148, 310, "what is left after the last round, at its initial weights:  m × θ_0", BODY, anchor="start")
    return canvas.drawing(
        say("The loop of the algorithm"),
        say(
            "A small network in four states. Initialise: random weights theta_0. Train: the weights change. "
            "Prune: the smallest trained weights are removed. Reset: those left go back to theta_0. An arrow "
            "leads back to training. After the last round, the mask times theta_0 is the ticket.",
        ),
    )


def mask_times_weights() -> Drawing:
    """Initial weights, a mask, their product number by number, and the same as a network of three inputs and
    three outputs: `ticket = mask * theta_0` (Frankle & Carbin 2019, section 1)."""
    weights = [[row[:3] for row in THETA_0[0]]]
    mask = largest([[row[:3] for row in THETA_T[0]]], 4)
    product = [[weight * kept or 0.0 for weight, kept in zip(*rows)] for rows in zip(weights[0], mask[0])]
    canvas, cell, top = Canvas(286), 42, 84

    def look(i: int, j: int) -> tuple[str, str]:
        return (PAPER, INK) if mask[0][i][j] else ("#E3E7EC", LINES)

    grids = [
        (24, "initial weights", "θ_0", weights[0], None),
        (184, "mask", "m", mask[0], look),
        (344, "ticket", "m × θ_0", product, look),
    ]
    for x, words, symbol, rows, fill in grids:
        middle = x + 1.5 * cell
        canvas.text(middle, 36, words, BODY, TICKET if words == "ticket" else INK, bold=True)
        canvas.text(middle, 60, symbol, BODY)
        number_grid(canvas, x, top, rows, cell, fill)
    for x, sign in ((167, "×"), (327, "="), (494, "=")):
        canvas.text(x, top + 1.5 * cell, sign, 22, INK)
    canvas.text(595, 36, "the same as a network", BODY, INK, bold=True)
    canvas.text(595, 60, "inputs left, outputs right", SMALL)
    network(canvas, 530, top - 4, 130, 3 * cell + 8, masked(weights, mask), radius=9)
    canvas.note(24, 232, "a row per output, a column per input")
    canvas.note(344, 232, "1 keeps a weight, 0 makes it exactly zero")
    legend_of_signs(canvas, 24, 260)
    return canvas.drawing(
        say("The mask times the weights"),
        say(
            "A grid of nine initial weights, times a grid of ones and zeros, the mask, is the ticket: where "
            "the mask has a 1 the weight stays, where it has a 0 it is zero. Beside it the same as a "
            "network, in which the pruned connections are missing: {count} of 9 are left.",
            count=sum(map(sum, mask[0])),
        ),
    )


def oneshot_and_iterative() -> Drawing:
    """Two ways to a fifth of the weights: once, or in seven rounds of 20 %. The densities are those of 0.8 to
    the power of the round (Frankle & Carbin 2019, section 1, "one-shot" and "iterative pruning")."""
    canvas, rounds, left = Canvas(352), 7, 24
    squares = [left + place * 85 for place in range(rounds + 1)]
    counts = [round(25 * 0.8**level) for level in range(rounds + 1)]
    order = [13, 2, 20, 9, 24, 5, 16, 11, 0, 18, 7, 22, 3, 14, 10, 19, 6, 23, 1, 12, 21, 8, 4, 17, 15]  # the last go first
    for row, (method, top) in enumerate((("oneshot", 66), ("iterative", 206))):
        look = METHODS[method]
        words = ("one-shot: train once, prune once", "iterative: train, prune and reset, seven times")[row]
        name(canvas, left, top - 34, method, words, BODY + 1)
        for place in range(rounds + 1) if row else (0, rounds):
            kept = order[: counts[place]] if row else order[::-1][: counts[place]]
            dots(canvas, squares[place], top, 5, 11, kept, look)
            share = 100 * 0.8**place
            canvas.text(squares[place] + 27, top + 72, f"{share:.0f} %", BODY, INK, bold=place in (0, rounds))
        starts = squares[:-1] if row else squares[:1]
        for place, x in enumerate(starts):
            end = squares[place + 1] if row else squares[-1]
            canvas.arrow((x + 60, top + 27), (end - 5, top + 27), colour=look.colour, width=1.8)
    canvas.text(350, 76, "train,  remove the smallest 79 % of the weights,  reset to θ_0", SMALL)
    canvas.text(350, 110, "1 training before the ticket is found", SMALL)
    canvas.note(left, 306, "each arrow: train, remove the smallest 20 % of what is left, reset to θ_0")
    canvas.note(left, 328, "7 trainings before the ticket is found")
    return canvas.drawing(
        say("One-shot and iterative pruning"),
        say(
            "Above, one-shot: one arrow leads from 100 % of the weights to 21 %, after one training. Below, "
            "iterative: seven arrows lead from 100 % over 80, 64, 51, 41, 33 and 26 % to 21 %; each is a "
            "training, a pruning of 20 % of what is left, and a reset. Iterative pruning needs seven "
            "trainings before its ticket is found, one-shot one.",
        ),
    )


def controls(shuffled: bool = True) -> Drawing:
    """The 2 x 2 of what a ticket is made of: its weights (theta_0, or new ones) and its mask (the ticket's,
    or the same number of weights at shuffled places of each layer). Without `shuffled` its first row alone,
    for lessons that train no control with another mask. Reinit is Frankle & Carbin's control
    (2019, section 2), random that of their figure 1; shuffle is found in Frankle et al. (2021, arXiv
    2009.08576)."""
    canvas, mask = Canvas(462 if shuffled else 252), largest(THETA_T, 9)
    columns = [(118, "initial weights θ_0", THETA_0), (482, "new initial weights", NEW)]
    other = [_shuffled(layer) for layer in mask]
    rows = [(58, "the ticket's\nmask", mask), (268, "the mask,\nshuffled\nin each\nlayer", other)][: 1 + shuffled]
    methods = [["iterative", "reinit"], ["shuffle", "random"]]
    for across, (x, heading, weights) in enumerate(columns):
        canvas.text(x + 100, 36, heading, BODY, INK, bold=True)
        for down, (y, _, keeps) in enumerate(rows):
            method = methods[down][across]
            panel(canvas, x, y, 200, 158)
            name(canvas, x + 14, y + 22, method, "ticket" if method == "iterative" else method, BODY + 1)
            network(canvas, x + 40, y + 38, 120, 112, masked(weights, keeps), METHODS[method].colour)
    for y, words, _ in rows:
        canvas.text(22, y + 79 - 9.75 * words.count("\n"), words, BODY, INK, "start", bold=True)
        canvas.arrow((400, y + 79), (474, y + 79), width=1.8)
        canvas.arrow((400, y + 79), (326, y + 79), width=1.8)
    canvas.text(400, 94, "Do the initial\nweights matter?", SMALL)
    if not shuffled:
        canvas.note(118, 234, "A wider line is a larger weight. Both keep the same weights of every layer.")
        return canvas.drawing(
            "The ticket and its control reinit",
            "Two small networks with the same mask, the ticket's. Left, the ticket, with its initial weights "
            "theta_0. Right, reinit, with new initial weights. They differ in the weights alone.",
        )
    for x in (218, 582):
        canvas.arrow((x, 242), (x, 264), width=1.8)
        canvas.arrow((x, 242), (x, 220), width=1.8)
    canvas.text(400, 242, "Does it matter which weights are kept?", SMALL)
    canvas.note(118, 444, "A wider line is a larger weight. Each layer keeps equally many in all four.")
    return canvas.drawing(
        say("The controls of a ticket"),
        say(
            "Four small networks in a square. Across: initial weights theta_0, or new ones. Down: the "
            "ticket's mask, or the mask shuffled inside each layer. Ticket: theta_0 and its own mask. "
            "Reinit: new weights, the same mask. Shuffle: theta_0, a shuffled mask. Random: both are "
            "exchanged. Ticket and reinit differ in the weights alone, ticket and shuffle in the mask alone.",
        ),
    )


def _shuffled(layer: list) -> list:
    """The entries of a layer's mask, each at another place by a fixed rule."""
    entries, wide = [entry for row in layer for entry in row], len(layer[0])
    moved = [entries[(5 * place + 2) % len(entries)] for place in range(len(entries))]  # 5 divides neither 12 nor 6
    return [moved[start : start + wide] for start in range(0, len(moved), wide)]


def rewinding() -> Drawing:
    """A training as a time line from 0 over k to T: where theta_0, theta_k and theta_T are, and which of
    them a pruned network is given (Frankle et al. 2019, arXiv 1903.01611, section 3)."""
    canvas, y = Canvas(318), 88
    start, early, end = 130, 230, 540
    canvas.arrow((start, y), (end - 8, y), colour=INK)
    canvas.text(22, y, "the dense\nnetwork", BODY, INK, "start", bold=True)
    canvas.text(end + 22, y - 9, "the mask m\ncomes from θ_T", BODY, TICKET, "start", bold=True)
    stops = [(start, "θ_0", "iteration 0"), (early, "θ_k", "iteration k"), (end, "θ_T", "iteration T")]
    for x, symbol, words in stops:
        canvas.circle(x, y, 7, PAPER, INK, 2)
        canvas.text(x, y - 26, symbol, 17, INK, bold=True)
        canvas.text(x, y - 50, words, SMALL)
    canvas.text(385, y - 26, "training", SMALL)
    rows = [
        (172, start, "reset", "m × θ_0", "train all T iterations"),
        (236, early, "rewinding", "m × θ_k", "train the other T − k iterations"),
    ]
    for down, x, heading, weights, words in rows:
        canvas.line(x, y + 9, x, down - 9, GHOST, 1.5, (3, 4))
        canvas.text(22, down, heading, BODY, TICKET, "start", bold=True)
        canvas.arrow((x, down), (end, down), colour=TICKET, width=2.4)
        canvas.marker(x, down, "o", TICKET, 7)
        canvas.text(x + 4, down + 22, weights, BODY, TICKET, "start", bold=True)
        canvas.text(385, down - 16, words, SMALL)
    canvas.line(end, y + 9, end, 244, GHOST, 1.5, (3, 4))
    canvas.note(22, 294, "k is early: 0.1 % to 7 % of training in the papers. With k = 0, rewinding is the reset.")
    return canvas.drawing(
        "Reset and rewinding on a time line",
        "A line for the training of the dense network, with weights theta_0 at iteration 0, theta_k at "
        "an early iteration k, and theta_T at the end, where the mask comes from. Below, a reset starts "
        "the pruned network at theta_0 and trains it for all T iterations; rewinding starts it at "
        "theta_k and trains it for the other T minus k.",
    )


def signs() -> Drawing:
    """Six weights as bars to the left or right of zero, and what three controls keep of them: sign and a new
    magnitude, sign and one magnitude, nothing (Zhou et al. 2019, arXiv 1905.01067, section 3)."""
    canvas, weights, new = Canvas(308), [0.8, -0.5, 0.2, -0.9, 0.6, -0.3], [-0.4, 0.7, 0.9, -0.6, -0.2, -0.8]
    kept = [abs(fresh) * (1 if weight > 0 else -1) for weight, fresh in zip(weights, new)]
    one = [0.6 if weight > 0 else -0.6 for weight in weights]
    columns = [
        ("iterative", "ticket", "sign and\nmagnitude of θ_0", weights),
        ("reinit_signs", "reinit_signs", "signs of θ_0,\nnew magnitudes", kept),
        ("constant_signs", "constant_signs", "signs of θ_0,\none magnitude", one),
        ("reinit", "reinit", "new signs and\nnew magnitudes", new),
    ]
    for place, (method, words, meaning, values) in enumerate(columns):
        x = 24 + 166 * place
        panel(canvas, x, 24, 154, 230)
        name(canvas, x + 12, 46, method, words)
        canvas.text(x + 77, 214, meaning, SMALL)
        for row, value in enumerate(values):
            _bar(canvas, x + 77, 76 + 20 * row, 62 * value)
        canvas.line(x + 77, 64, x + 77, 188, INK, 1.5)
    canvas.box(110, 274, 44, 13, POSITIVE, POSITIVE, 2)
    canvas.note(164, 281, "positive: to the right")
    canvas.box(320, 274, 44, 13, PAPER, NEGATIVE, 2, DASHES)
    canvas.note(374, 281, "negative: to the left, dashed")
    return canvas.drawing(
        say("The sign and the magnitude of a weight"),
        say(
            "Six weights as bars to the right of zero (positive) or to its left (negative), in four columns. "
            "Ticket: signs and magnitudes of theta_0. reinit_signs: the same signs with new magnitudes. "
            "constant_signs: the same signs with one magnitude. reinit: new weights, of which "
            "{count} of 6 have the other sign.",
            count=sum(a * b < 0 for a, b in zip(weights, new)),
        ),
    )


def _bar(canvas: Canvas, x: float, y: float, length: float) -> None:
    """A weight as a bar from x: to the right and filled, or to the left and dashed."""
    if length >= 0:
        canvas.box(x, y - 6.5, length, 13, POSITIVE, POSITIVE, 2)
    else:
        canvas.box(x + length, y - 6.5, -length, 13, PAPER, NEGATIVE, 2, DASHES)
