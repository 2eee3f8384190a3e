"""Drawings of what happens from round to round, and of what a trial is. Their numbers are made up, but for
shares, which are computed."""

from lthlib.core.language import say
from lthlib.plots.drawings.canvas import BODY, GHOST, INK, LINES, SMALL, Canvas, Drawing
from lthlib.plots.drawings.pieces import name, panel
from lthlib.plots.style import METHODS

RATE, ROUNDS = 0.2, 5
GONE = "#E3E7EC"  # the ground of what a round removes
FULL = 96  # height of a bar that stands for all weights


def shares_kept() -> Drawing:
    """What is left after each of five rounds that remove a fifth: of the weights that are left, as the
    algorithm does, and of all weights (Frankle & Carbin 2019, section 1)."""
    canvas = Canvas(346)
    of_the_rest = [(1 - RATE) ** place for place in range(ROUNDS + 1)]
    of_all = [1 - RATE * place for place in range(ROUNDS + 1)]
    rows = [
        (24, "a fifth of what is left", METHODS["iterative"].colour, of_the_rest),
        (178, "a fifth of all weights", LINES, of_all),
    ]
    for top, words, colour, shares in rows:
        canvas.text(24, top + 48, "each round\nremoves", BODY, anchor="start")
        canvas.text(24, top + 88, words, BODY, INK, "start", bold=True)
        for place, share in enumerate(shares):
            x, before = 216 + 78 * place, shares[max(place - 1, 0)]
            canvas.box(x, top + FULL - FULL * before, 52, FULL * before, GONE, GHOST, 0, (3, 3))
            canvas.box(x, top + FULL - FULL * share, 52, FULL * share, colour, colour, 0)
            canvas.text(x + 26, top + FULL + 16, f"{100 * share:.0f} %", BODY, INK, bold=True)
    for place in range(ROUNDS + 1):
        canvas.text(242 + 78 * place, 324, f"round {place}" if place else "dense", SMALL)
    return canvas.drawing(
        say("What a round removes"),
        say(
            "Two rows of bars, one for each round. Above, each round removes a fifth of the weights "
            "that are left: "
            "100, 80, 64, 51, 41 and 33 % remain, and something always remains. Below, each round "
            "removes a fifth "
            "of all weights: 100, 80, 60, 40, 20 and 0 %, so after five rounds nothing is left.",
        ),
    )


def reset_or_continue() -> Drawing:
    """Two ways to go from round to round: reset the weights to theta_0 each time, or train on and reset once
    at the end (Frankle & Carbin 2019, the appendix on strategies of iterative pruning)."""
    canvas = Canvas(406)
    reset, on = [(0, 70)] * 3, [(0, 26), (26, 52), (52, 78)]  # from and to which height each training climbs
    _trainings(canvas, 156, "iterative", "ticket: reset in every round", reset)
    _trainings(canvas, 332, "continued", "continued: train on, reset once, at the end", on)
    canvas.marker(30, 382, "X", INK, 6)
    canvas.note(44, 382, "prune a fifth of what is left")
    canvas.arrow((280, 382), (312, 382), width=1.8, dashes=(4, 3))
    canvas.note(322, 382, "reset what is left to θ_0")
    return canvas.drawing(
        say("Reset in every round, or train on"),
        say(
            "Two rows, each with three trainings in turn. Ticket: every training starts at theta_0; "
            "after it a "
            "fifth of the weights is pruned, and the rest is reset. Continued: each training goes on "
            "from where "
            "the one before ended, with a pruning in between; only after the last is the rest reset "
            "to theta_0. "
            "In both rows the last network, with 51 % of the weights, is then trained from theta_0, "
            "and these "
            "two are compared.",
        ),
    )


def _trainings(canvas: Canvas, ground: float, method: str, words: str, heights: list[tuple[float, float]]) -> None:
    """A row of trainings as rising arrows above the line of theta_0, with a reset wherever the next begins
    on that line, and the network that is compared."""
    colour, ticket = METHODS[method].colour, METHODS["iterative"].colour
    name(canvas, 24, ground - 124, method, words, BODY + 1)
    canvas.line(92, ground, 664, ground, GHOST, 1.5, (3, 4))
    canvas.text(84, ground, "θ_0", BODY, INK, "end", bold=True)
    after = [start for start, _ in heights[1:]] + [0]  # where the next training begins
    for place, ((start, end), following) in enumerate(zip(heights, after)):
        x = 100 + 150 * place
        canvas.arrow((x, ground - start), (x + 128, ground - end), colour=colour, width=2.6)
        canvas.text(x + 66, ground + 20, f"train {100 * (1 - RATE) ** place:.0f} %", SMALL)
        canvas.marker(x + 134, ground - end, "X", INK, 6)
        if following == 0:
            canvas.arrow((x + 142, ground - end + 8), (x + 148, ground - 5), width=1.8, dashes=(4, 3))
    canvas.arrow((550, ground), (662, ground - 70), colour=ticket, width=2.6)
    canvas.text(610, ground + 20, "train 51 %: compare", SMALL)


def trials_and_redraws() -> Drawing:
    """Three trials, each a ticket and three redraws of its reinit control: nine differences, but three
    tickets and three masks. Redraws share what their trial shares."""
    canvas = Canvas(352)
    ticket, reinit = METHODS["iterative"], METHODS["reinit"]
    for trial in range(3):
        x = 24 + 222 * trial
        panel(canvas, x, 24, 208, 226)
        canvas.text(x + 104, 46, f"trial {trial}: its own θ_0", BODY, INK, bold=True)
        name(canvas, x + 62, 82, "iterative", "one ticket")
        canvas.text(x + 104, 106, "and its mask", SMALL)
        for redraw in range(3):
            at = x + 40 + 64 * redraw
            canvas.arrow((x + 104, 118), (at, 152), width=1.8)
            canvas.marker(at, 168, reinit.marker, reinit.colour, 8)
            canvas.text(at, 192, f"redraw {redraw}", SMALL)
        canvas.text(x + 104, 222, "three differences that\nshare ticket and mask", SMALL)
    canvas.text(350, 282, "9 differences, but 3 tickets: n = 3", BODY + 2, INK, bold=True)
    canvas.marker(170, 318, ticket.marker, ticket.colour, 7)
    canvas.note(186, 318, "a ticket")
    canvas.marker(330, 318, reinit.marker, reinit.colour, 8)
    canvas.note(346, 318, "reinit: its mask, weights drawn anew")
    return canvas.drawing(
        say("Trials and redraws"),
        say(
            "Three panels, one for each trial. Each has one ticket with its mask, and three redraws of the "
            "reinit control, which all use that mask. That makes nine differences between a ticket "
            "and a redraw, "
            "but only three tickets, so n is 3.",
        ),
    )
