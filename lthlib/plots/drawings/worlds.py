"""A drawing of the same loop in three worlds: text, a graph, pictures. What it shows is made up."""

from lthlib.plots.drawings.canvas import BODY, GHOST, INK, LINES, PAPER, SMALL, Canvas, Drawing, for_text
from lthlib.plots.drawings.pieces import panel
from lthlib.plots.style import METHODS, SERIES

TICKET = for_text(METHODS["iterative"].colour)
SEVEN = ["01110", "00010", "00100", "01000", "01000"]  # a digit of 5 x 5 pixels


def one_loop_three_worlds() -> Drawing:
    """What a task brings along in three worlds, above the loop that they share: inputs and targets, what may
    be pruned, and what counts as good (after Chen et al. 2020, arXiv 2007.12223, for text; Chen et al. 2021,
    arXiv 2102.06790, for graphs; Kalibhat et al. 2020, arXiv 2010.02350, for pictures)."""
    canvas = Canvas(356)
    worlds = [
        ("a text", _text, "the next word", "linear layers", "the loss, in nats"),
        ("a graph", _graph, "the class of a node", "weights and edges", "accuracy"),
        ("pictures", _picture, "the picture itself", "linear layers", "the loss, in nats"),
    ]
    for place, (heading, draw, target, prunable, judge) in enumerate(worlds):
        x = 24 + 222 * place
        panel(canvas, x, 24, 208, 236)
        canvas.text(x + 104, 46, heading, BODY + 1, INK, bold=True)
        draw(canvas, x, 66)
        for row, (label, words) in enumerate((("learn", target), ("prune", prunable), ("judge", judge))):
            canvas.text(x + 14, 194 + 24 * row, label, SMALL, TICKET, "start", bold=True)
            canvas.note(x + 62, 194 + 24 * row, words)
    steps = [(120, "train"), (280, "prune"), (440, "reset")]
    for x, words in steps:
        canvas.box(x - 52, 278, 104, 32, PAPER, INK, 8)
        canvas.text(x, 294, words, BODY, INK, bold=True)
    for x in (174, 334):
        canvas.arrow((x, 294), (x + 50, 294))
    canvas.arrow((440, 312), (440, 342), (120, 342), (120, 313))
    canvas.text(516, 294, "one loop for all", BODY, TICKET, "start", bold=True)
    return canvas.drawing(
        "One loop, three worlds",
        "Three panels above one loop. A text: learn the next word, prune linear layers, judge by the loss. A "
        "graph: learn the class of a node, prune weights and edges, judge by accuracy. Pictures: learn the "
        "picture itself through a code of a few numbers, prune linear layers, judge by the loss. The loop "
        "below is the same for all: train, prune, reset, and train again.",
    )


def _text(canvas: Canvas, x: float, y: float) -> None:
    """A sentence, word by word, whose last word is to be found."""
    rows = [["the", "dogs", "that"], ["the", "king", "sees"], ["?"]]
    for down, words in enumerate(rows):
        for across, word in enumerate(words):
            at = x + 14 + 62 * across
            asked = word == "?"
            canvas.box(at, y + 36 * down, 56, 28, PAPER, TICKET if asked else LINES, 6, (4, 3) if asked else ())
            canvas.text(at + 28, y + 14 + 36 * down, word, SMALL, TICKET if asked else INK, bold=asked)
    canvas.note(x + 78, y + 86, "sleep? sleeps?")


def _graph(canvas: Canvas, x: float, y: float) -> None:
    """Nodes of two classes, and edges, some of which join one class to the other."""
    nodes = [(38, 22), (82, 8), (60, 60), (24, 84), (132, 28), (176, 12), (152, 76), (182, 60)]
    for a, b in [(0, 1), (0, 2), (1, 2), (2, 3), (4, 5), (4, 6), (6, 7), (5, 7), (1, 4), (2, 6)]:
        (x1, y1), (x2, y2) = nodes[a], nodes[b]
        canvas.line(x + x1, y + y1, x + x2, y + y2, LINES, 2)
    for place, (across, down) in enumerate(nodes):
        first = place < 4
        canvas.marker(x + across, y + down, "o" if first else "s", SERIES[0] if first else SERIES[1], 8)


def _picture(canvas: Canvas, x: float, y: float) -> None:
    """A digit, its code of two numbers, and a paler copy."""
    for left, dark in ((14, INK), (134, LINES)):
        for i, row in enumerate(SEVEN):
            for j, pixel in enumerate(row):
                canvas.box(x + left + 12 * j, y + 14 + 12 * i, 12, 12, dark if pixel == "1" else PAPER, GHOST, 0)
    canvas.arrow((x + 78, y + 44), (x + 92, y + 44), width=1.6)
    canvas.arrow((x + 116, y + 44), (x + 130, y + 44), width=1.6)
    for down in (34, 54):
        canvas.circle(x + 104, y + down, 7, PAPER, TICKET, 2)
    canvas.text(x + 104, y + 92, "code", SMALL)
