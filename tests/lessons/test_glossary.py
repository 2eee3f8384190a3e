"""The glossary defines every term in plain sentences, and every link to it leads to a definition."""

import re

import pytest

import lthlib
from lthlib.core.errors import LotteryError
from lthlib.lessons import glossary
from tests.conftest import ROOT
from tests.notebooks import LESSONS, cells
from tests.test_docs import anchors

PAGE = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
LINK = re.compile(r"docs/glossary\.md#([^)\s\"']+)")


def test_the_page_has_the_definitions_of_the_library():
    found = PAGE[PAGE.index(glossary.BEGIN) : PAGE.index(glossary.END) + len(glossary.END)]
    assert found == glossary.definitions(), "bring it up to date: python -m lthlib.lessons.glossary"


def test_every_definition_is_one_to_three_plain_sentences_with_an_anchor_and_a_name_of_its_own():
    links = [glossary.anchor(term) for term in glossary.terms()]
    assert len(links) > 100 and len(set(links)) == len(links)
    assert set(links) <= anchors(ROOT / "docs" / "glossary.md")
    for term, text in glossary.terms().items():
        sentences = re.split(r"(?<=\.) (?=[A-Z])", text)
        assert 1 <= len(sentences) <= 3 and text[0].isupper() and text.endswith((".", ").")), term
        assert max(len(sentence.split()) for sentence in sentences) <= 40, f"{term}: a long sentence"
        for other in glossary.also(term):
            assert glossary.about(other) == text, f"{other} is a name of two terms"


def test_every_term_of_the_house_and_of_the_translations_is_defined():
    words = (ROOT / "lthlib" / "README.md").read_text(encoding="utf-8").split("## Words")[1].split("## The house")[0]
    rows = re.findall(r"^\| ([^|]+) \|", words + PAGE.split("## Translations")[1], re.MULTILINE)
    terms = [term.strip().strip("`") for row in rows for term in row.split(" (")[0].split(",")]
    terms = [term for term in terms if term not in ("word", "English") and not term.startswith("---")]
    assert len(terms) > 70
    for term in terms:
        assert glossary.about(term), term


def test_every_link_of_a_lesson_leads_to_a_definition():
    there = anchors(ROOT / "docs" / "glossary.md")
    for path in LESSONS:
        text = "\n".join(source for kind in ("markdown", "code") for _, source in cells(path, kind))
        missing = [name for name in LINK.findall(text) if name not in there]
        assert not missing, f"{path.name}: docs/glossary.md has no such anchors"
    assert LINK.findall("a [density](../docs/glossary.md#density), a [rate](../docs/glossary.md#rate)") == ["density", "rate"]


def test_a_link_says_what_the_term_means(monkeypatch, tmp_path):
    link = glossary.glossary("Density", "how many are left")
    first = "The share of the prunable weights that is kept, from 0 to 1, or in percent as &quot;weights remaining&quot;."
    assert link == f'<a href="../docs/glossary.md#density" title="{first}">how many are left</a>'
    assert glossary.glossary("95 % bounds").endswith(">95 % bounds</a>")
    assert [glossary.anchor(term) for term in ("early-stop iteration", "theta_0")] == ["early-stop", "initialisation"]
    monkeypatch.setattr(glossary, "PAGE", tmp_path / "glossary.md")
    assert f"https://github.com/{lthlib.REPOSITORY}/blob/main/docs/glossary.md#mask" in glossary.glossary("mask")


@pytest.mark.parametrize(("term", "says"), [("densty", "did you mean 'density'"), ("zebra", "all of them"), (3, "as a text")])
def test_a_term_that_is_not_there_is_told(term, says):
    with pytest.raises(LotteryError, match=says):
        glossary.about(term)
