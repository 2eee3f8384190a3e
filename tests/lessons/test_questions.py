"""Predictions stay folded until the reader commits, a quiz explains every choice, and all of it works without a kernel."""

import base64
import io
import json
import re
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

from lthlib.core.errors import LotteryError
from lthlib.lessons import questions, shown
from lthlib.plots import style
from tests.conftest import ROOT

CHOICES = ["the ticket", "the control", "neither"]
ASKED = "Which is more accurate at *half* of the weights?"
SAID = "The ticket is ahead by 3.1 points in 5 of 5 trials."


class Checker(HTMLParser):
    """Every tag is closed, and nothing that a site may strip is needed: no script, style sheet or input."""

    EMPTY = ("br", "img")

    def __init__(self, page):
        super().__init__()
        self.open, self.details, self.outside = [], 0, []
        self.feed(page)
        assert not self.open, f"not closed: {self.open}"

    def handle_starttag(self, tag, attrs):
        assert tag not in ("script", "style", "input", "form", "iframe")
        self.open += [tag] if tag not in self.EMPTY else []
        assert tag != "img" or dict(attrs)["alt"]

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "details" not in self.open:
            self.outside.append(data)


@pytest.fixture
def displayed(monkeypatch):
    """What is shown: (HTML, text) pairs, outside a notebook."""
    pages = []
    monkeypatch.setattr(shown, "display", lambda each: pages.append((each._repr_html_(), repr(each))))
    monkeypatch.setattr(questions, "_predictions", {})
    monkeypatch.setattr(questions, "_answers", {})
    return pages


@pytest.fixture
def front_end(displayed, monkeypatch):
    """As in a notebook: the widgets that are shown."""
    drawn = []
    monkeypatch.setattr(questions, "_has_front_end", lambda: True)
    monkeypatch.setattr(questions, "_show_widget", lambda widget, instead: drawn.append(widget))
    return drawn


def buttons(box):
    return list(box.children[0].children)


def outside_folds(page):
    return " ".join(Checker(page).outside)


def test_without_a_front_end_a_question_lists_its_choices_and_the_answer_is_folded(displayed):
    questions.predict(ASKED, CHOICES, key="half")
    questions.reveal("half", "the ticket", SAID)
    (asked, text), (answer, _) = displayed
    assert text == f"Predict: {ASKED}\n  A. the ticket\n  B. the control\n  C. neither"
    assert all(choice in outside_folds(asked) for choice in CHOICES) and "<i>half</i>" in asked
    assert "<details" in answer and SAID in answer and "open" not in re.search("<details[^>]*>", answer)[0]
    assert SAID not in outside_folds(answer) and "the ticket" not in outside_folds(answer)
    assert questions.predicted("half") is None and questions.predicted("other") is None


def test_a_click_commits_and_opens_the_answer_that_is_already_there(front_end):
    questions.predict(ASKED, CHOICES, key="half")
    questions.reveal("half", "the ticket", SAID)
    box, answer = front_end
    assert SAID not in outside_folds(answer.value)
    assert [each.description for each in buttons(box)] == CHOICES and not any(each.disabled for each in buttons(box))
    buttons(box)[1].click()
    assert questions.predicted("half") == "the control" and all(each.disabled for each in buttons(box))
    assert buttons(box)[1].description == "✓ the control" and "the control" in box.children[1].value
    words = outside_folds(answer.value)
    assert "Your prediction" in words and "the control" in words
    assert "This run says otherwise" in words and "≠" in words and "the ticket" in words and SAID in words


@pytest.mark.parametrize(
    ("click", "answer", "says"),
    [
        (0, "the ticket", "As you predicted"),
        (1, "the ticket", "This run says otherwise"),
        (2, None, "This run cannot tell"),
        (None, None, "This run cannot tell"),
        (None, "neither", "This run says"),
    ],
)
def test_what_the_run_gave_stands_beside_the_prediction(click, answer, says, front_end):
    questions.predict(ASKED, CHOICES, key="half")
    if click is not None:
        buttons(front_end[0])[click].click()
    questions.reveal("half", answer, SAID)
    page = front_end[1].value
    assert f"{says}:</b>" in page and SAID in page
    assert (SAID in outside_folds(page)) == (click is not None)


def test_that_these_trials_cannot_tell_may_be_predicted(front_end):
    questions.predict(ASKED, [*CHOICES, questions.CANNOT_TELL], key="half")
    buttons(front_end[0])[3].click()
    questions.reveal("half", None, SAID)
    assert "As you predicted, this run cannot tell:</b>" in front_end[1].value


def test_asking_again_folds_the_answer_again(front_end):
    questions.predict(ASKED, CHOICES, key="half")
    questions.reveal("half", "neither", SAID)
    buttons(front_end[0])[0].click()
    questions.predict(ASKED, CHOICES, key="half")
    assert questions.predicted("half") is None and SAID not in outside_folds(front_end[1].value)
    buttons(front_end[2])[2].click()
    assert "As you predicted" in outside_folds(front_end[1].value)


def test_an_answer_without_its_question_is_folded(displayed):
    questions.reveal("never asked", "anything", SAID)
    assert SAID not in outside_folds(displayed[0][0])


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: questions.predict(ASKED, CHOICES, key=""), "the same in predict and in reveal"),
        (lambda: questions.predict(ASKED, "yes", key="half"), "2 to 8 different texts"),
        (lambda: questions.predict(ASKED, ["yes"], key="half"), "2 to 8 different texts"),
        (lambda: questions.predict(ASKED, ["yes", "yes"], key="half"), "2 to 8 different texts"),
        (lambda: questions.predict(ASKED, ["yes", 2], key="half"), "2 to 8 different texts"),
        (lambda: questions.reveal("asked", "the tickets", SAID), "did you mean 'the ticket'"),
        (lambda: questions.question("What?", questions.right("a", "b")), "exactly one right"),
        (lambda: questions.question("What?", *[questions.right("a", "b")] * 2), "exactly one right"),
        (lambda: questions.question("What?", questions.right("a", "b"), questions.wrong("c", " ")), "say why"),
        (lambda: questions.quiz([]), "no questions"),
        (lambda: questions.should_see("figure.png"), "no description"),
    ],
)
def test_what_cannot_be_asked_is_told(call, says, displayed):
    questions.predict(ASKED, CHOICES, key="asked")
    with pytest.raises(LotteryError, match=says):
        call()


def test_a_quiz_folds_an_explanation_under_every_choice(displayed):
    first = questions.question(
        "What is a *ticket*?",
        questions.wrong("Any sparse network.", "It also needs its original initial weights."),
        questions.right("`mask * theta_0`", "Both the mask & the weights."),
    )
    second = questions.question("One < two?", questions.right("yes", "It is."), questions.wrong("no", "It is not."))
    questions.quiz([first, second])
    [(page, text)] = displayed
    visible = outside_folds(page)
    assert page.count("<details") == page.count("<summary") == 4 and "<code>mask * theta_0</code>" in page
    assert "It also needs" not in visible and "Both the mask" not in visible
    assert page.count("✓") == page.count("Right.") == 2 and page.count("✗") == page.count("No.") == 2, "a sign and a word"
    assert 'aria-label="Question 1 of 2"' in page and "One &lt; two?" in page
    assert "  Right is B: Both the mask & the weights." in text
    assert not re.search(r"(?<!-)color:", page), "text keeps the colour of the page, light or dark"


def pixels(page):
    [data] = re.findall(r'src="data:image/png;base64,([^"]+)"', page)
    return Image.open(io.BytesIO(base64.b64decode(data)))


def test_what_you_should_see_is_a_small_folded_picture(displayed, tmp_path):
    figure, axes = plt.subplots(figsize=(9, 4))
    axes.plot([1, 2], [2, 1])
    figure.savefig(tmp_path / "figure.png", dpi=200)
    for what in (figure, tmp_path / "figure.png", str(tmp_path / "figure.png")):
        questions.should_see(what, "One line <falls>.")
        page, text = displayed[-1]
        assert pixels(page).size[0] == questions.THUMBNAIL and len(page) < 30_000
        assert 'alt="One line &lt;falls&gt;."' in page and not outside_folds(page).strip()
        assert text == "What you should see: One line <falls>."
    plt.close(figure)
    (tmp_path / "drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'/>")
    questions.should_see(tmp_path / "drawing.svg", "A drawing.")
    assert "data:image/svg+xml;base64," in displayed[-1][0]
    (tmp_path / "drawing.svg").write_text(" " * 300_000)
    with pytest.raises(LotteryError, match="has 300,000 bytes"):
        questions.should_see(tmp_path / "drawing.svg", "A drawing.")


def test_a_text_will_do_and_so_will_a_picture_that_is_not_there(displayed):
    questions.should_see("Two curves that **cross**.")
    questions.should_see("docs/not-there.png", "Two curves.")
    questions.should_see("docs/explorer.png", "The explorer.")
    (text, _), (missing, _), (inside, _) = displayed
    assert "<b>cross</b>" in text and "<img" not in missing and "Two curves." in missing
    assert pixels(inside).size[0] == questions.THUMBNAIL


def test_the_colours_are_those_of_the_figures():
    looks = (shown.RIGHT, shown.NOT_YET, shown.NOT_TRIED, shown.PREDICTION)
    assert [look.colour for look in looks] == [each.colour for each in (style.GOOD, style.BAD, style.UNKNOWN, style.MIDDLE)]
    assert len({look.sign for look in looks}) == len(looks)


def test_text_becomes_html_safely():
    assert shown.inline("a < b, `x < y`, *so* and **thus**") == "a &lt; b, <code>x &lt; y</code>, <i>so</i> and <b>thus</b>"
    assert shown.inline("(1 - rate) ** rounds, 2 * 3 * 4") == "(1 - rate) ** rounds, 2 * 3 * 4"


CELLS = [
    "from lthlib.lessons import questions\nquestions.predict('Which?', ['ticket', 'control'], key='k')",
    "questions.reveal('k', 'ticket', 'It is ahead.')",
]


def run(cells, monkeypatch, **environment):
    for name, value in {"PYTHONPATH": str(ROOT), **environment}.items():
        monkeypatch.setenv(name, value)
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    NotebookClient(book, timeout=120, kernel_name="python3").execute()
    return [[output.get("data", {}) for output in cell.outputs] for cell in book.cells]


def test_in_a_notebook_there_are_widgets_with_html_for_readers_without(monkeypatch):
    asked, answer = run(CELLS, monkeypatch)
    assert "Predict." in asked[0]["text/html"]
    view = "application/vnd.jupyter.widget-view+json"
    assert asked[1][view]["model_id"] and "<li>control</li>" in asked[1]["text/html"]
    assert answer[0][view]["model_id"] and "It is ahead." not in outside_folds(answer[0]["text/html"])


def test_a_notebook_that_is_only_to_be_read_has_no_dead_button(monkeypatch):
    asked, answer = run(CELLS, monkeypatch, LTHLIB_STATIC="1")
    assert "widget" not in json.dumps([asked, answer])
    assert "<li>control</li>" in asked[0]["text/html"] and "<details" in answer[0]["text/html"]
