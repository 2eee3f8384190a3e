"""Drawings of what wrong labels do to a network, and of how a reliability diagram is read: sketches, no
results."""

import math

from lthlib.plots.drawings.canvas import BODY, EDGE, INK, LINES, SMALL, WIDTH, Canvas, Drawing, curve
from lthlib.plots.drawings.pieces import axes, panel
from lthlib.plots.style import BAD, METHODS, WORDS

TICKET = METHODS["iterative"].colour
SKETCH = "a sketch, not a result"
SPACING, COUNT = 0.125, 8  # of the made-up examples along the axis
WRONG = {2: 0.62, 5: -0.60}  # examples with a wrong label: how far above or below the truth it puts them


def fitting_wrong_labels() -> Drawing:
    """The idea behind sparse double descent (He et al. 2022, arXiv 2206.08684): one curve through examples
    of which two are labelled wrongly, by networks with ever fewer weights."""
    canvas, width = Canvas(352), 158
    canvas.text(WIDTH - EDGE, 26, SKETCH, SMALL, LINES, "end")
    canvas.marker(EDGE + 6, 26, "o", INK, 4.5)
    canvas.note(EDGE + 18, 26, "right label")
    canvas.marker(EDGE + 118, 26, "X", BAD.colour, 6)
    canvas.note(EDGE + 130, 26, "wrong label")
    shown = [
        ("all weights", _spiky, "learns every label,", "bends near wrong ones"),
        ("just enough", _wild, "learns every label,", "and swings between"),
        ("fewer", _truth, "misses wrong labels,", "fits the others"),
        ("too few", _flat, "misses right labels", "as well"),
    ]
    for place, (heading, fit, *words) in enumerate(shown):
        x, y, height = 20 + place * (width + 9), 50, 286

        def at(t: float, value: float, x: float = x) -> tuple[float, float]:
            return x + 12 + (width - 24) * t, 180 - 68 * value

        panel(canvas, x, y, width, height)
        canvas.text(x + width / 2, y + 20, heading, BODY, INK, bold=True)
        canvas.path([at(*point) for point in curve(fit, 0.0, 1.0, 200)], TICKET, 2.2)
        for number in range(COUNT):
            t = _place(number)
            if number in WRONG:
                canvas.marker(*at(t, _truth(t) + WRONG[number]), "X", BAD.colour, 6)
            else:
                canvas.marker(*at(t, _truth(t)), "o", INK, 4.5)
        for line, text in enumerate(words):
            canvas.text(x + width / 2, y + 244 + 18 * line, text, SMALL, WORDS)
    return canvas.drawing(
        "Fitting wrong labels",
        "A sketch, not a result: the same eight examples in four panels, two of them with a wrong label, and the curve of a "
        "network. With all weights it goes through every example and leaves the smooth course only close to the wrong ones. "
        "With just enough weights it still goes through every example, but swings widely in between. With fewer weights "
        "it is smooth and misses the two wrong ones. With too few it is nearly flat and misses right ones too.",
    )


def reading_a_reliability_diagram() -> Drawing:
    """How to read accuracy against confidence in bins (Guo et al. 2017, arXiv 1706.04599, figure 1)."""
    canvas, x, y, side = Canvas(372), 84, 60, 232
    canvas.text(WIDTH - EDGE, 34, SKETCH, SMALL, LINES, "end")
    bars = [
        (0.5, 0.44),
        (0.6, 0.5),
        (0.7, 0.54),
        (0.8, 0.62),
        (0.9, 0.74),
    ]  # the bins' lower edges and accuracies

    def at(confidence: float, accuracy: float) -> tuple[float, float]:
        return x + side * (confidence - 0.4) / 0.6, y + side * (1 - (accuracy - 0.2) / 0.8)

    axes(canvas, x, y, side, side, "confidence", "accuracy")
    for low, accuracy in bars:
        left, top = at(low, accuracy)
        ideal = at(low, low + 0.05)[1]
        canvas.box(left + 2, top, side / 6 - 4, y + side - top, TICKET, "", 0)
        canvas.box(left + 2, ideal, side / 6 - 4, top - ideal, "#FBE3D6", BAD.colour, 0, (4, 3))
    canvas.line(*at(0.4, 0.4), *at(1, 1), INK, 1.6, (2, 4))
    for share in (0.4, 0.7, 1.0):
        canvas.text(at(share, 0)[0], y + side + 16, f"{share:g}", SMALL)
    notes = [
        ("1", at(0.85, 0.42), "A bar: predictions of about one confidence."),
        ("2", at(0.5, 0.62), "On the dotted line: it can be believed."),
        ("3", at(0.75, 0.63), "A gap below the line: the network is too sure."),
    ]
    for place, (label, where, words) in enumerate(notes):
        canvas.badge(*where, label)
        canvas.badge(346, 96 + 46 * place, label, radius=9)
        canvas.note(362, 96 + 46 * place, words)
    canvas.text(
        346,
        246,
        "The gaps, averaged over all predictions, are\nthe expected calibration error (ECE).",
        SMALL,
        INK,
        "start",
    )
    return canvas.drawing(
        "Reading a reliability diagram",
        "A sketch, not a result: accuracy against confidence in five bars. A dotted diagonal says where accuracy equals "
        "confidence. All bars end below it, and dashed boxes mark the gaps between: the network is too sure of itself.",
    )


def _place(number: int) -> float:
    return (number + 0.5) * SPACING


def _truth(t: float) -> float:
    return 0.55 * math.sin(2 * math.pi * (t - 0.05))


def _spiky(t: float) -> float:
    """Through every example: a narrow spike at each wrong one."""
    return _truth(t) + sum(off * math.exp(-(((t - _place(number)) / 0.022) ** 2)) for number, off in WRONG.items())


def _wild(t: float) -> float:
    """Through every example as well: what is added is zero at the others, and large between them."""
    return _truth(t) + sum(off * _wave((t - _place(number)) / SPACING) for number, off in WRONG.items()) + _swing(t)


def _swing(t: float) -> float:
    return -0.34 * math.sin(math.pi * (t / SPACING - 0.5))


def _wave(steps: float) -> float:
    """1 at 0, and 0 at all other whole numbers."""
    return 1.0 if abs(steps) < 1e-9 else math.sin(math.pi * steps) / (math.pi * steps)


def _flat(t: float) -> float:
    return 0.18 - 0.36 * t
