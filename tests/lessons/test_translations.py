"""Translations cannot drift from the lessons: every shipped catalogue fits its lesson, cell by cell and text by text."""

import ast
import json
import re
import shutil
from collections import Counter

import polib
import pytest

from lthlib import LotteryError
from lthlib.core.language import FILE
from lthlib.lessons import code_texts, translations
from tests.conftest import ROOT

SHIPPED = sorted(path for path in translations.HOME.glob("*/*.po") if path.name != FILE)
FIXED = {  # what a translation repeats as it is
    "code": r"```.*?```|`[^`\n]+`",
    "links": r"\]\(([^)]+)\)",
    "headings": r"^#+(?= )",
    "tags": r"</?\w+>",
    "numbers": r"\d+(?:[.,]\d+)*",
    "values": r"\{[^{}]*(?:\{[^{}]*\}[^{}]*)*\}",
}


def misfits(text, translation):
    """What keeps a translation from fitting its text, a sentence each."""
    sentences = []
    for what, pattern in FIXED.items():
        pattern = re.compile(pattern, re.DOTALL | re.MULTILINE)
        there, here = Counter(pattern.findall(text)), Counter(pattern.findall(translation))
        if there != here:
            missing, more = list(there - here), list(here - there)
            sentences.append(f"{text[:60]!r}: {what} differ; missing {missing}, more {more}.")
    return sentences


def problems(lesson, language):
    """What keeps a translation from fitting its lesson, a sentence each."""
    fitting, book = translations.translated(lesson, language), translations.read(lesson)
    texts = [*translations.texts(book), *code_texts.texts(book)]
    sentences = [f"{text[:60]!r}: not translated." for text in texts if text not in fitting]
    sentences += [f"{text[:60]!r}: no longer in the lesson." for text in fitting if text not in texts]
    return sentences + [sentence for text in texts for sentence in misfits(text, fitting.get(text, text))]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_shipped_translation_fits_its_lesson(path):
    assert problems(ROOT / "notebooks" / f"{path.stem}.ipynb", path.parent.name) == []


def without_texts(source):
    """The code of a cell as a tree in which every string is as good as any other; magics are left out."""
    tree = ast.parse(re.sub(r"^( *)[%!].*$", r"\1pass", source, flags=re.MULTILINE))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = "text"
        if isinstance(node, ast.JoinedStr):  # its values may stand in another order
            values = [part for part in node.values if isinstance(part, ast.FormattedValue)]
            node.values = sorted(values, key=ast.dump)
    return ast.dump(tree)


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_lessons_0_to_3_are_translated_and_their_code_is_the_same_but_for_texts(language):
    for lesson in sorted((ROOT / "notebooks").glob("0[0-3]_*.ipynb")):
        book, own = translations.translate(lesson, language), json.loads(lesson.read_text(encoding="utf-8"))
        switch, is_first = translations.SWITCH.format(language=language), True
        for cell, original in zip(book["cells"], own["cells"], strict=True):
            assert cell["cell_type"] == original["cell_type"] and cell["id"] == original["id"]
            if cell["cell_type"] == "markdown":
                assert cell["source"] != original["source"]
                continue
            source, english = "".join(cell["source"]), "".join(original["source"])
            assert without_texts(source) == without_texts(f"{english}\n\n{switch}" if is_first else english)
            is_first = False


@pytest.fixture
def lesson(tmp_path, monkeypatch):
    """A lesson of two cells of prose, with a full catalogue in Korean, in a home of its own."""
    monkeypatch.setattr(translations, "HOME", tmp_path / "translations")
    texts = ("# One\n\nRun `hunt` at 21 %.", "More about tickets.")
    cells = [{"cell_type": "markdown", "source": text} for text in texts]
    path = tmp_path / "01_one.ipynb"
    path.write_text(json.dumps({"cells": cells}))
    catalogue = polib.pofile(str(translations.update(path, "ko")))
    for entry, text in zip(catalogue, ("# 하나\n\n21 %에서 `hunt`.", "복권 이야기.")):
        entry.msgstr = text
    catalogue.save()
    return path


def test_a_changed_cell_is_noticed_and_never_shown_in_its_old_translation(lesson):
    assert problems(lesson, "ko") == []
    assert "".join(translations.translate(lesson, "ko")["cells"][1]["source"]) == "복권 이야기."
    lesson.write_text(lesson.read_text().replace("More about tickets", "Much more about tickets"))
    assert len(problems(lesson, "ko")) == 2  # the new text is not translated, the old one is left over
    with pytest.raises(LotteryError, match="no translation of the cell that begins with 'Much more"):
        translations.translate(lesson, "ko")
    translations.update(lesson, "ko")
    with pytest.raises(LotteryError, match="Much more"):  # prefilled, but fuzzy until someone checks it
        translations.translate(lesson, "ko")
    assert [entry.msgstr for entry in polib.pofile(str(translations.catalogue(lesson, "ko")))][1] == "복권 이야기."


@pytest.mark.parametrize(
    ("wrong", "what"),
    [("# 하나\n\n21 %에서 hunt.", "code"), ("# 하나\n\n22 %에서 `hunt`.", "numbers"), ("## 하나\n\n21 % `hunt`.", "headings")],
)
def test_what_must_stay_is_held_in_place(lesson, wrong, what):
    catalogue = polib.pofile(str(translations.catalogue(lesson, "ko")))
    catalogue[0].msgstr = wrong
    catalogue.save()
    [problem] = problems(lesson, "ko")
    assert re.search(f"{what} differ", problem)


def test_bad_requests_get_a_sentence(lesson):
    with pytest.raises(LotteryError, match="unknown language 'fr': choose one of ja, ko, zh"):
        translations.translate(lesson, "fr")
    shutil.rmtree(translations.HOME)
    with pytest.raises(LotteryError, match="not translated into 한국어 yet"):
        translations.translate(lesson, "ko")


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_no_asterisk_of_an_emphasis_is_seen(language):
    """CommonMark closes no emphasis between a full-width bracket and a letter, and shows its asterisks."""
    markdown_it = pytest.importorskip("markdown_it")
    renderer = markdown_it.MarkdownIt("commonmark", {"html": True}).enable("table")
    assert "*" in renderer.render("**（ticket）**です"), "this is what must not happen"
    for lesson in translations.lessons(language):
        for text in translations.translated(lesson, language).values():
            text = re.sub(FIXED["values"], "1", text)
            page = re.sub(r"<(code|pre)[^>]*>.*?</\1>", "", renderer.render(text), flags=re.DOTALL)
            assert "*" not in page, page[max(page.find("*") - 60, 0) :][:120]


CELL = """# @title Say it
share = 0.5
kinds, unit = ["the ticket", "reinit"], {"the ticket": "points"}
told = (
    f"At {100 * share:.0f} % of \\"all\\": {unit['the ticket']}. "
    "And so on."
)
table = frame.rename(columns={"the ticket": "ticket"})
questions.predict("Which?", kinds, key="which")
questions.reveal("which", kinds[0], told)"""


def book_of(*sources):
    return {"cells": [{"cell_type": "code", "id": "a", "metadata": {}, "source": source} for source in sources]}


def test_the_texts_of_code_are_those_that_readers_see():
    text = "At {100 * share:.0f} % of \"all\": {unit['the ticket']}. And so on."
    assert code_texts.texts(book_of(CELL)) == ["Say it", "the ticket", "points", text, "Which?"]


def test_exchanged_texts_keep_the_code():
    text = "At {100 * share:.0f} % of \"all\": {unit['the ticket']}. And so on."
    words = {
        "Say it": "言う",
        "the ticket": "くじ",
        "points": "ポイント",
        text: "{unit['the ticket']}は\"{100 * share:.0f} %\"。" + "長い。" * 40,
        "Which?": "どれ",
    }
    book = book_of(CELL)
    code_texts.translate(book, words)
    source = "".join(book["cells"][0]["source"])
    assert source.startswith("# @title 言う\n") and without_texts(source) == without_texts(CELL)
    assert 'kinds, unit = ["くじ", "reinit"], {"the ticket": "ポイント"}' in source, "keys and names of controls stay"
    assert max(map(len, source.splitlines())) <= 110
    space = {"questions": Asked(), "frame": Asked()}
    exec(source, space)
    assert space["told"] == 'ポイントは"50 %"。' + "長い。" * 40


class Asked:
    def __getattr__(self, name):
        return lambda *_, **__: None


def test_names_are_followed_to_where_their_texts_are_written():
    sources = [
        "def words(share):\n    return f'{share} and below'",
        "late = ', '.join(f'{n} late' for n in counts) or 'none'\nname = 'kept'",
        "display(Markdown(f'**{words(1)}** {late} {other[name]}'))\nprint('Done' if late else 'Open')",
    ]
    found = code_texts.texts(book_of(*sources))
    assert found == ["{share} and below", ", ", "{n} late", "none", "Done", "Open"]  # `kept` is a key, not shown
