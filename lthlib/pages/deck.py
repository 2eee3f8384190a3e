"""What the slides of the two-hour workshop say: a function for each part of the talk. Figures and verdicts
are computed from the shipped results."""

import html
from typing import NamedTuple

import pandas as pd

from lthlib import analysis, plots, tasks
from lthlib.core.percent import percent
from lthlib.lessons import reporting
from lthlib.lessons.one_page import ALGORITHM, CLAIM, QUESTIONS
from lthlib.plots import drawings
from lthlib.storage import atlas

TASK = "lenet-mnist1d"
SMALL = (0.2131, 0.0)  # the densities from which on, the paper reports, reinitialised networks fall behind
HALF = 0.513
CONTROLS = ("reinit", "shuffle", "random")


class Slide(NamedTuple):
    """A slide: its heading, its body as HTML, and what the teacher may say."""

    heading: str
    body: str
    note: str = ""


def slides() -> list[Slide]:
    """The whole talk, in order."""
    return [*_claim(), *_algorithm(), *_predictions(), *_does_it_win(), *_one_shot(), *_controls(), *_end()]


def _claim() -> list[Slide]:
    return [
        Slide(
            "Lottery tickets",
            "<p class='large'>Small networks inside large ones, and how to find them.<br>A workshop in two hours.</p>",
            "Before you begin: everybody has JupyterLab or Colab open on lesson 0.",
        ),
        Slide(
            "The question",
            _points(
                "After training, nine weights in ten can often go. The accuracy stays.",
                "Train that small network from the start, with new weights: it does worse.",
                "So why not train the small network from the start?",
            ),
            "Collect answers for two minutes. Judge none of them.",
        ),
        Slide(
            "The claim",
            f"<blockquote>{html.escape(CLAIM)}</blockquote><p class='source'>Frankle &amp; Carbin, ICLR 2019, in our words</p>",
            "Three parts, each of which can be measured: a subnetwork; its original initial weights; as accurate, no later.",
        ),
        Slide("A ticket is a mask times the initial weights", _drawing("mask_times_weights"), "Which part is the lottery?"),
    ]


def _algorithm() -> list[Slide]:
    code = f"<pre>{html.escape(ALGORITHM)}</pre>"
    return [
        Slide("How to look for one", _drawing("the_loop"), "Where would you put a bug? Collect places; lesson 1 has some."),
        Slide(
            "The same in code",
            code + _points("The mask is applied after every step: a weight of zero has a gradient like any other."),
            "Suppose the mask is applied once, before training. What happens to the pruned weights in the first step?",
        ),
    ]


def _predictions() -> list[Slide]:
    return [
        Slide(
            "Predict, on paper, before we look",
            f"<ol>{''.join(f'<li>{html.escape(each)}</li>' for each in QUESTIONS)}</ol>",
            "Everybody writes on the sheet, before lesson 0 is open. No answers yet; the next slides have them.",
        ),
        Slide(
            "How to read the figures",
            _drawing("reading_a_density_curve"),
            "Two made-up methods. From left to right: fewer and fewer weights.",
        ),
        Slide("How to read a verdict", _drawing("verdicts"), "Inconclusive is not no: it takes more trials."),
    ]


def _does_it_win() -> list[Slide]:
    table, tickets = _shipped("iterative", "reinit"), _shipped("iterative")
    verdicts = analysis.matching(tickets)
    far = analysis.how_far(verdicts), analysis.how_far(verdicts, "winning")
    lost = reporting.judged(analysis.over_range(table, SMALL, "reinit"), _margin(table))
    return [
        Slide(
            "As accurate as the whole network?",
            plots.as_html(plots.density_curves(tickets), f"Test accuracy at early stop. {_drawn(table)}") + _points(f"{far[0]}."),
            "Answer to question 1. The dotted line is the dense network.",
        ),
        Slide(
            "Is it the weights, or the wiring?",
            plots.as_html(plots.density_curves(table), f"The same figure, with reinit. {_drawn(table)}")
            + _points(f"Ticket minus reinit, {_range(table)}: {lost}."),
            "Answer to question 2. Reinit has the same mask and new weights. It changes values, magnitudes and signs at once.",
        ),
        Slide(
            "And as fast?",
            plots.as_html(plots.density_curves(table, "early_stop"), f"Early stop: lower is faster. {_drawn(table)}")
            + _points(f"{far[1]}."),
            "Sooner counts iterations, not seconds. A mask alone saves no time.",
        ),
    ]


def _one_shot() -> list[Slide]:
    iterative, oneshot = _shipped("iterative"), _shipped("oneshot")
    gain = reporting.judged(analysis.over_range(iterative, SMALL, oneshot), _margin(iterative))
    picture = plots.density_curves({"ticket": iterative, "one-shot": oneshot})
    return [
        Slide("One cut, or many rounds?", _drawing("oneshot_and_iterative"), "What does the second way ask, and whom?"),
        Slide(
            "Do the rounds pay?",
            plots.as_html(picture, f"Test accuracy at early stop. {_drawn(iterative)}")
            + _points(f"Iterative minus one-shot, {_range(iterative)}: {gain}."),
            "Answer to question 3. And the price: one training for every round.",
        ),
    ]


def _controls() -> list[Slide]:
    table, rows = _shipped("iterative", *CONTROLS), []
    margin = _margin(table)
    for control in CONTROLS:
        small = reporting.judged(analysis.over_range(table, SMALL, control), margin)
        half = analysis.compare(table, control).loc[analysis.nearest_level(table, HALF)]
        rows.append((control, f"{half.verdict}: {analysis.difference(half, margin)}", small))
    head = f"<tr><th>ticket minus</th><th>at {percent(half.density)}</th><th>{_range(table)}</th></tr>"
    cells = "".join(f"<tr>{''.join(f'<td>{html.escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
    return [
        Slide(
            "Which part matters?", _drawing("controls"), "Three groups, or six: each defends one control. What does it rule out?"
        ),
        Slide(
            "Ticket against its controls",
            plots.as_html(plots.density_curves(table), f"Test accuracy at early stop. {_drawn(table)}"),
            "Which two can hardly be told apart?",
        ),
        Slide("The same in numbers", f"<table>{head}{cells}</table>", "Read one row aloud, with its bounds and its trials."),
        Slide("Count trials, not dots", _drawing("trials_and_redraws"), "How many values are fifteen dots of five tickets?"),
    ]


def _end() -> list[Slide]:
    return [
        Slide(
            "What this does not show",
            _points(
                "That every network has a winning ticket: this is one network on one small task.",
                "What in the weights matters: magnitudes, signs, or which of them were kept.",
                "That training a ticket is cheap: finding it took training the large network, several times.",
                "That deep networks behave alike: at large learning rates the paper finds no tickets (lesson 7).",
            ),
        ),
        Slide(
            "Now you",
            _points(
                "Lesson 1, exercise 2: spot the bug.",
                "Lesson 1, exercise 3: write the control that shuffles the mask.",
                "Lesson 0, the laboratory: choose another rate or task, three trials or more.",
            ),
            "At home, or in half a day. Hints come first, solutions are folded.",
        ),
        Slide(
            "What would change your mind?",
            "<p class='large'>Write one sentence: the result that would refute the hypothesis on one of today's tasks.</p>",
            "Question 4 of the sheet. Each group reads its sentence. Lesson 8 is the homework: the definition as a test.",
        ),
    ]


def _shipped(*methods: str) -> pd.DataFrame:
    """The shipped results of these methods, all of one schedule, at the usual rate."""
    schedule = methods[0]
    setting, _ = tasks.resolve(tasks.find_task(TASK), "quick", schedule=schedule)
    table = atlas.read(TASK, setting)
    return table[table.method.isin(methods)].reset_index(drop=True)


def _margin(table: pd.DataFrame) -> float:
    return analysis.margin_of(table).value


def _range(table: pd.DataFrame) -> str:
    """The densities of a table that are SMALL, in words."""
    densities = table.groupby("level").density.mean()
    inside = densities[densities <= SMALL[0]]
    return f"{percent(inside.max())} of the weights and fewer"


def _drawn(table: pd.DataFrame) -> str:
    return f"{TASK}, means over {table.trial.nunique()} trials; bands reach from the lowest to the highest."


def _drawing(name: str) -> str:
    return getattr(drawings, name)()._repr_html_()


def _points(*texts: str) -> str:
    return f"<ul>{''.join(f'<li>{html.escape(text)}</li>' for text in texts)}</ul>"
