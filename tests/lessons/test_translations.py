"""Translations cannot drift from the lessons: every shipped catalogue fits its lesson, cell by cell."""

import json
import re
import shutil
from collections import Counter

import polib
import pytest

from lthlib import LotteryError
from lthlib.lessons import translations
from tests.conftest import ROOT

SHIPPED = sorted(translations.HOME.glob("*/*.po"))
FIXED = {  # what a translation repeats as it is
    "code": r"```.*?```|`[^`\n]+`",
    "links": r"\]\(([^)]+)\)",
    "headings": r"^#+(?= )",
    "tags": r"</?\w+>",
    "numbers": r"\d+(?:[.,]\d+)*",
}


def problems(lesson, language):
    """What keeps a translation from fitting its lesson, a sentence each."""
    fitting, texts = translations.translated(lesson, language), translations.texts(translations.read(lesson))
    sentences = [f"{text[:60]!r}: not translated." for text in texts if text not in fitting]
    sentences += [f"{text[:60]!r}: no longer in the lesson." for text in fitting if text not in texts]
    for text in texts:
        for what, pattern in FIXED.items():
            pattern = re.compile(pattern, re.DOTALL | re.MULTILINE)
            original = Counter(pattern.findall(text))
            translation = Counter(pattern.findall(fitting.get(text, text)))
            if original != translation:
                missing, more = list(original - translation), list(translation - original)
                sentences.append(f"{text[:60]!r}: {what} differ; missing {missing}, more {more}.")
    return sentences


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_shipped_translation_fits_its_lesson(path):
    assert problems(ROOT / "notebooks" / f"{path.stem}.ipynb", path.parent.name) == []


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_lessons_0_to_3_are_translated_and_their_code_is_the_same(language):
    for lesson in sorted((ROOT / "notebooks").glob("0[0-3]_*.ipynb")):
        book, own = translations.translate(lesson, language), json.loads(lesson.read_text(encoding="utf-8"))
        for cell, original in zip(book["cells"], own["cells"], strict=True):
            assert cell["cell_type"] == original["cell_type"] and cell["id"] == original["id"]
            assert (cell["source"] == original["source"]) == (cell["cell_type"] == "code")


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
            page = re.sub(r"<(code|pre)[^>]*>.*?</\1>", "", renderer.render(text), flags=re.DOTALL)
            assert "*" not in page, page[max(page.find("*") - 60, 0) :][:120]
