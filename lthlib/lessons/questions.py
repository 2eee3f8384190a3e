"""What a lesson asks its readers: predictions that they commit to, a quiz, and what they should see.

`predict` and `reveal` belong together by their key. A prediction is one click on a button; then the answer
to it is shown below, in the cell that computed it. Until then the answer stays folded, so "Run all" gives
nothing away. Without a kernel (on a site, on GitHub) everything is HTML that folds, and there are no
buttons: set `LTHLIB_STATIC=1` where a notebook is run to be read and not to be used.
"""

import base64
import html
import io
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import ipywidgets as widgets
from IPython import get_ipython
from IPython.display import display
from matplotlib.figure import Figure

from lthlib.core.errors import LotteryError
from lthlib.core.language import mark, say
from lthlib.core.paths import expanded, shipped
from lthlib.core.validation import did_you_mean
from lthlib.lessons import shown
from lthlib.lessons.glossary import glossary as glossary  # for lessons, from here
from lthlib.plots.show import on_white

THUMBNAIL = 480  # pixels, the largest width of a picture in `should_see`
LARGEST = 200_000  # bytes of a drawing that is embedded as it is
NO_PREDICTION = mark("You have not predicted anything here yet.")
CHOOSE_ABOVE = mark("The answer (predict first: choose above, and it opens by itself)")
DECIDE_FIRST = mark("The answer (decide first what you expect)")
CANNOT_TELL = mark("these trials cannot tell")  # a choice, which None as the answer makes right
LETTERS = "ABCDEFGH"


class Prediction:
    """A question with its choices, and the one that the reader has chosen, or None."""

    def __init__(self, question: str, choices: Sequence[str]):
        self.question, self.choices, self.chosen = question, list(choices), None

    def static(self) -> shown.Shown:
        """The question with its choices, to be read."""
        items = "".join(f"<li>{shown.inline(choice)}</li>" for choice in self.choices)
        listed = "\n".join(f"  {letter}. {choice}" for letter, choice in zip(LETTERS, self.choices))
        page = f'{_asking(self.question)}<ol type="A" style="margin: 0">{items}</ol>'
        return shown.Shown(page, f"{_predict(self.question)}\n{listed}")


_predictions: dict[str, Prediction] = {}
_boxes: dict[str, widgets.HTML] = {}  # where the answer to a key is displayed
_answers: dict[str, Callable[[], None]] = {}  # how the answer that is displayed for a key is drawn anew


def predict(question: str, choices: Sequence[str], key: str) -> None:
    """Ask the reader to predict, by a click on one of the `choices` (two to eight short texts). The click
    is kept under `key` for `reveal`, and cannot be taken back; running the cell again asks anew. Raises
    LotteryError for choices or a key that cannot be used."""
    if not isinstance(key, str) or not key:
        raise LotteryError(f"the key is {key!r}: give a short text, the same in predict and in reveal.")
    texts = not isinstance(choices, str) and all(isinstance(choice, str) and choice for choice in choices)
    if not texts or not 2 <= len(choices) <= len(LETTERS) or len(set(choices)) < len(choices):
        raise LotteryError(f"the choices are {choices!r}: give a list of 2 to {len(LETTERS)} different texts.")

    asked = _predictions[key] = Prediction(question, choices)
    if _has_front_end():
        shown.Shown(_asking(question), _predict(question)).show()
        _show_widget(_buttons(asked, key), asked.static())
    else:
        asked.static().show()
    _redraw(key)


def predicted(key: str) -> str | None:
    """What the reader has chosen under a key, or None if nothing was chosen or asked."""
    return _predictions[key].chosen if key in _predictions else None


def reveal(key: str, answer: str | None, sentence: str, picture: str = "") -> None:
    """Show what the reader predicted and what this run gave: `answer`, one of the choices, or None where
    the run cannot tell (`CANNOT_TELL`, if that is a choice), one computed `sentence`, and a `picture` that
    belongs to it, as HTML. Without a prediction the answer is folded; it opens by itself as soon as the
    reader has chosen. Raises LotteryError for an answer that is not one of the choices."""
    _check(key, answer)
    first = _answer(key, answer, sentence, picture)
    if not _has_front_end():
        first.show()
        return
    _boxes[key] = box = widgets.HTML(first.page)
    _answers[key] = lambda: setattr(box, "value", _answer(key, answer, sentence, picture).page)
    _show_widget(box, first)


def revise(key: str, answer: str | None, sentence: str, picture: str = "") -> None:
    """Put another answer in the place of one that `reveal` has shown, as when the reader chooses other
    results. Arguments and errors are those of `reveal`; where nothing is shown under the key, this does
    nothing."""
    _check(key, answer)
    if key in _boxes:
        box = _boxes[key]
        _answers[key] = lambda: setattr(box, "value", _answer(key, answer, sentence, picture).page)
        _redraw(key)


def _check(key: str, answer: str | None) -> None:
    """Raise LotteryError for an answer that is not one of the choices."""
    if key in _predictions and answer is not None and answer not in _predictions[key].choices:
        choices = _predictions[key].choices
        hint = did_you_mean(answer, choices)
        raise LotteryError(f"the answer to {key!r} is {answer!r}: {hint}give one of its choices, {', '.join(choices)}, or None.")


class Choice(NamedTuple):
    """One choice of a quiz question: what it says, why it is right or wrong, and which of the two."""

    text: str
    why: str
    is_right: bool


class Question(NamedTuple):
    """One question of a quiz with its choices."""

    text: str
    choices: tuple[Choice, ...]


def right(text: str, why: str) -> Choice:
    """The right choice of a quiz question, and one sentence that says why it is right."""
    return Choice(text, why, True)


def wrong(text: str, why: str) -> Choice:
    """A wrong choice of a quiz question, and one sentence that says what is wrong with it."""
    return Choice(text, why, False)


def question(text: str, *choices: Choice) -> Question:
    """A quiz question with choices from `right` and `wrong`, in the order in which they are to stand. Raises
    LotteryError if not exactly one is right, if none is wrong, or where an explanation is missing."""
    if sum(choice.is_right for choice in choices) != 1 or len(choices) < 2:
        raise LotteryError(f"the question {text!r} needs exactly one right(...) and at least one wrong(...) choice.")
    for choice in choices:
        if not choice.text.strip() or not choice.why.strip():
            raise LotteryError(f"a choice of the question {text!r} is {tuple(choice[:2])}: give its text and say why.")
    return Question(text, choices)


def quiz(questions: Sequence[Question]) -> None:
    """Show the questions that end a lesson, usually three. Each choice opens to say whether it is right,
    and why: plain HTML, so it works without a kernel, by mouse and by keyboard. Raises LotteryError for an
    empty list."""
    if not questions:
        raise LotteryError("the quiz has no questions: give a list of question(...), usually three.")
    pages = [_quiz_page(number, len(questions), each) for number, each in enumerate(questions, 1)]
    texts = [_quiz_text(number, each) for number, each in enumerate(questions, 1)]
    head = say("Open the choice that you think is right. Each one says why.")
    shown.Shown(f"<p>{head}</p>" + "".join(pages), "\n".join(texts)).show()


def should_see(what: Figure | str | Path, says: str = "") -> None:
    """Show a folded box, "What you should see". `what` is a text, or a picture as a figure or as the path
    of a PNG, JPEG or SVG file (as it is, or inside the checkout); of a picture, `says` describes it for
    those who cannot see it. A file that is not there, as on Colab, leaves the description alone. Raises
    LotteryError for a picture without a description, or a drawing that is too large to embed."""
    picture = isinstance(what, (Figure, Path)) or str(what).lower().endswith((".png", ".jpg", ".jpeg", ".svg"))
    if not picture:
        body, text = shown.inline(" ".join([str(what), says]).strip()), str(what)
    elif not says:
        raise LotteryError(
            "the picture has no description: give a sentence for those who cannot see it, should_see(picture, says)."
        )
    else:
        source, text = _embedded(what), says
        image = f'<img alt="{html.escape(says)}" style="max-width: 100%; background: white" src="{source}"><br>'
        body = (image if source else "") + shown.inline(says)
    shown.Shown(shown.folded(say("What you should see"), body), say("What you should see: {text}", text=text)).show()


def _has_front_end() -> bool:
    """Whether buttons may work: there is a kernel, and nobody has said that the notebook is only to be
    read."""
    return hasattr(get_ipython(), "kernel") and os.environ.get("LTHLIB_STATIC", "") in ("", "0")


def _show_widget(widget: widgets.Widget, instead: shown.Shown) -> None:
    """Display a widget. `instead` is for front ends that draw none, with ipywidgets 7 as with 8."""
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    forms = {"application/vnd.jupyter.widget-view+json": view, "text/html": instead.page, "text/plain": instead.text}
    display(forms, raw=True)


def _asking(question: str) -> str:
    return f'<p style="margin-bottom: 0.3em"><b>{say("Predict.")}</b> {shown.inline(question)}</p>'


def _predict(question: str) -> str:
    return say("Predict: {question}", question=question)


def _buttons(asked: Prediction, key: str) -> widgets.Widget:
    """A button for each choice, and a line that says which one was chosen."""
    wide = widgets.Layout(width="auto", max_width="100%")
    buttons = [widgets.Button(description=choice, layout=wide) for choice in asked.choices]
    for button in buttons:
        button.tooltip = say("I predict: {choice}", choice=button.description)
    said = widgets.HTML("")

    def choose(button: widgets.Button) -> None:
        asked.chosen = asked.choices[buttons.index(button)]
        for each in buttons:
            each.disabled = True
        button.description, button.button_style = f"✓ {asked.chosen}", "info"
        said.value = _said(asked)
        _redraw(key)

    for button in buttons:
        button.on_click(choose)
    return widgets.VBox([widgets.HBox(buttons, layout=widgets.Layout(flex_flow="row wrap")), said])


def _said(asked: Prediction) -> str:
    kept = say("{choice}. (To predict again, run this cell again.)", choice=asked.chosen)
    return shown.line(shown.PREDICTION, kept).page


def _redraw(key: str) -> None:
    if key in _answers:
        _answers[key]()


def _answer(key: str, answer: str | None, sentence: str, picture: str = "") -> shown.Shown:
    """The prediction and what the run gave; folded where there is no prediction."""
    chosen = predicted(key)
    if answer is None and chosen == CANNOT_TELL:
        verdict = shown.Look(mark("As you predicted, this run cannot tell"), "✓", shown.RIGHT.colour)
    elif answer is None:
        verdict = shown.Look(mark("This run cannot tell"), "○", shown.NOT_TRIED.colour)
    elif answer == chosen:
        verdict = shown.Look(mark("As you predicted"), "✓", shown.RIGHT.colour)
    elif chosen is None:
        verdict = shown.Look(mark("This run says"), "●", shown.RIGHT.colour)
    else:
        verdict = shown.Look(mark("This run says otherwise"), "≠", shown.NOT_YET.colour)
    said = sentence if answer is None else say("**{answer}**. {sentence}", answer=answer, sentence=sentence)
    result, plain = shown.line(verdict, said), say("{answer}. {sentence}", answer=answer, sentence=sentence)
    text = shown.line(verdict, sentence if answer is None else plain).text
    asked = _predictions.get(key)
    if asked is not None:  # an answer may be far below its question
        again = f'<p style="margin: 0 0 0.3em"><i>{shown.inline(asked.question)}</i></p>'
        result = shown.Shown(again + result.page, result.text)
    if chosen is None:
        page = shown.folded(say(CHOOSE_ABOVE if _has_front_end() else DECIDE_FIRST), result.page + picture)
        return shown.Shown(page, f"{say(NO_PREDICTION)}\n{text}")
    mine = shown.line(shown.PREDICTION, say("{sentence}.", sentence=chosen))
    return shown.Shown(mine.page + result.page + picture, f"{mine.text}\n{text}")


def _quiz_page(number: int, count: int, asked: Question) -> str:
    """One question: a heading and, for each choice, a box that opens on its explanation."""
    boxes = []
    for choice in asked.choices:
        look = shown.RIGHT if choice.is_right else shown.NOT_YET
        word = say("Right.") if choice.is_right else say("No.")
        why = f"<b><span aria-hidden='true'>{look.sign}</span> {word}</b> {shown.inline(choice.why)}"
        boxes.append(shown.folded(choice.text, why))
    label = html.escape(say("Question {number} of {count}", number=number, count=count))
    head = f'<p style="margin: 0.8em 0 0.2em"><b>{number}.</b> {shown.inline(asked.text)}</p>'
    return f'<div role="group" aria-label="{label}">{head}{"".join(boxes)}</div>'


def _quiz_text(number: int, asked: Question) -> str:
    choices = [f"  {letter}. {choice.text}" for letter, choice in zip(LETTERS, asked.choices)]
    [(letter, best)] = [pair for pair in zip(LETTERS, asked.choices) if pair[1].is_right]
    right = say("Right is {letter}: {why}", letter=letter, why=best.why)
    return "\n".join([f"{number}. {asked.text}", *choices, f"  {right}"])


def _embedded(picture: Figure | str | Path) -> str:
    """A picture as a data URI, small; empty for a file that is not there."""
    if isinstance(picture, Figure):
        file = io.BytesIO()
        picture.savefig(file, format="png", dpi=min(100, THUMBNAIL / picture.get_size_inches()[0]))
        return _thumbnail(file)
    path = expanded(picture)
    path = path if path.exists() else shipped(str(path))
    if not path.exists():
        return ""
    if path.suffix.lower() != ".svg":
        return _thumbnail(path)
    if path.stat().st_size > LARGEST:
        advice = f"give one of at most {LARGEST:,} bytes, or a PNG file"
        raise LotteryError(f"the drawing {path.name} has {path.stat().st_size:,} bytes: {advice}.")
    return f"data:image/svg+xml;base64,{base64.b64encode(path.read_bytes()).decode()}"


def _thumbnail(picture: io.BytesIO | Path) -> str:
    """A PNG of at most THUMBNAIL pixels across, in 64 colours on white, as a data URI."""
    small = on_white(picture)
    small.thumbnail((THUMBNAIL, 4 * THUMBNAIL))
    file = io.BytesIO()
    small.quantize(64).save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
