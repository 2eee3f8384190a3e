"""What a lesson shows as HTML in a notebook and as plain text everywhere else, without scripts or style
sheets.

Text keeps the colour of the page, so it can be read in light and dark mode. A colour is only ever added
beside a sign and a word. `<details>` folds without a kernel: in JupyterLab, in Colab, on a site, on
GitHub.
"""

import html
import re
from typing import NamedTuple

from IPython.display import display

from lthlib.core.language import mark, say

BACKTICKS = re.compile(r"`([^`]+)`")
EMPHASIS = re.compile(r"(?<!\*)\*(?=\S)([^*\n]+)(?<=\S)\*(?!\*)")
STRONG = re.compile(r"\*\*(?=\S)([^*\n]+)(?<=\S)\*\*")


class Look(NamedTuple):
    """How one kind of line looks: its word, a sign in front of the word, and the colour of its border."""

    word: str
    sign: str
    colour: str


RIGHT = Look(mark("Right"), "✓", "#0072B2")  # the colours are those of good, bad and unknown in plots.style
NOT_YET = Look(mark("Not yet"), "✗", "#D55E00")
NOT_TRIED = Look(mark("Not tried yet"), "○", "#777777")
PREDICTION = Look(mark("Your prediction"), "◆", "#B07600")


class Shown:
    """Something with two forms: HTML for a front end that draws it, and text for everything else."""

    def __init__(self, page: str, text: str):
        self.page, self.text = page, text

    def _repr_html_(self) -> str:
        return self.page

    def __repr__(self) -> str:
        return self.text

    def show(self) -> None:
        """Display it; outside a notebook its text is printed."""
        display(self)


def line(look: Look, sentence: str) -> Shown:
    """One coloured line: the look's sign and word, then `sentence`, in which `code` may stand in
    backticks."""
    word = say("{word}:", word=say(look.word))
    words = f"<b><span aria-hidden='true'>{look.sign}</span> {word}</b> {inline(sentence)}"
    return Shown(f'<div role="status" style="{_box(look.colour)}">{words}</div>', f"{word} {sentence}")


def folded(summary: str, body: str, colour: str = NOT_TRIED.colour) -> str:
    """HTML of a box that opens on a click, or on Enter or the space bar. `summary` is text, `body` is
    HTML."""
    head = f'<summary style="cursor: pointer">{inline(summary)}</summary>'
    return f'<details style="{_box(colour)}">{head}<div style="margin-top: 0.4em">{body}</div></details>'


def inline(text: str) -> str:
    """Text as HTML, with `code`, *emphasis* and **strong emphasis** as in Markdown; all else is escaped."""
    parts = BACKTICKS.split(text)
    prose = [EMPHASIS.sub(r"<i>\1</i>", STRONG.sub(r"<b>\1</b>", html.escape(part))) for part in parts[::2]]
    code = [f"<code>{html.escape(part)}</code>" for part in parts[1::2]]
    return "".join(piece for pair in zip(prose, [*code, ""]) for piece in pair)


def _box(colour: str) -> str:
    """CSS of a box with a coloured left border and a faint grey ground, on light and dark pages."""
    ground = "background: rgba(128, 128, 128, 0.08)"
    return f"border-left: 4px solid {colour}; padding: 0.3em 0.7em; margin: 0.3em 0; max-width: 60em; {ground}"
