"""A translated lesson runs, gives the numbers of the English one, and shows no English sentence."""

import html
import json
import re

import papermill
import pytest

from lthlib.lessons import translations
from lthlib.lottery.controls import CONTROLS
from tests.notebooks import LESSONS

WORD = re.compile(r"[A-Za-z][A-Za-z'-]*")
NAMES = {
    "A",  # of the two made-up methods in a sketch
    "B",
    "lenet-digits",
    "lenet-mnist",
    "theta",
    "fc",
    "weight",
    "weights",
    "trainable",
    "None",
    "LeNet",
    "Adam",
    "adam",
    "CPU",
    "s",
}
NAMES |= {*CONTROLS, "ticket", "lthlib"}  # methods, as tables and figures call them
HIDDEN = re.compile(r"<style.*?</style>|<code>.*?</code>|`[^`]*`|<th\b.*?</th>", re.DOTALL)  # headings of tables are columns


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Run lesson 1 at profile smoke, in English without a language, and return its notebook and its result."""
    folder = tmp_path_factory.mktemp("translated")

    def run_in(language=""):
        book = translations.translate(LESSONS[1], language) if language else translations.read(LESSONS[1])
        path, output = folder / f"{language}.ipynb", folder / f"output-{language}"
        translations.write(book, path)
        parameters = {"profile": "smoke", "results": str(folder / "results"), "output": str(output)}
        papermill.execute_notebook(path, path, parameters, progress_bar=False, log_output=False)
        return json.loads(path.read_text()), json.loads((output / "result.json").read_text())

    return run_in


@pytest.fixture(scope="module")
def english(run):
    return run()[1]


def shown(book):
    """What a notebook displays, as text: of each output its richest form, without code and without columns' names."""
    for cell in book["cells"]:
        for output in cell.get("outputs", []):
            data = output.get("data", {"text/plain": output.get("text", "")})
            kind = next(kind for kind in ("text/html", "text/markdown", "text/plain") if kind in data)
            page = HIDDEN.sub(" ", "".join(data[kind]))
            alternatives = re.findall(r'(?:alt|aria-label)="([^"]*)"', page)
            yield html.unescape("\n".join([re.sub(r"<[^>]*>", "\n", page), *alternatives]))


def english_words(text):
    """Latin words that are no names."""
    return [word for word in WORD.findall(text) if word not in NAMES]


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_lesson_1_runs_in_another_language_and_shows_no_english(run, english, language):
    book, result = run(language)
    left = {text.strip()[:200]: words for text in shown(book) if (words := english_words(text))}
    assert left == {}
    assert result["beside"] == english["beside"], "what is stored for other programs stays English"
    numbers = [[sorted(re.findall(r"\d+\.\d+", line)) for line in run["summary"]] for run in (result, english)]
    assert numbers[0] == numbers[1]


def test_an_english_sentence_would_be_found():
    table = {"data": {"text/html": "<table><th>early stop</th><td>reinit</td></table>"}}
    assert [english_words(text) for text in shown({"cells": [{"outputs": [table]}]})] == [[]]
    said = {"data": {"text/markdown": ["くじ: better than `reinit`"], "text/plain": ["<Markdown>"]}}
    assert [english_words(text) for text in shown({"cells": [{"outputs": [said]}]})] == [["better", "than"]]
