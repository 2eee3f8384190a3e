"""The instructor notes: a page for every lesson, short, and in the same five parts.

`python -m tests.test_instructors out.ipynb ...` prints what lessons that you have run answered to their predictions.
"""

import json
import re
import sys
from html import unescape
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.notebooks import LESSONS, cells

NOTES = ROOT / "docs" / "instructors"
PARTS = ("What it is for", "Where people get stuck", r"(?:Answers to the predictions|What the run finds)", "Cut first", "End on")


def note(lesson: Path) -> str:
    return (NOTES / f"{lesson.stem}.md").read_text(encoding="utf-8")


def answers(executed: Path) -> list[str]:
    """The answers that an executed lesson shows, in order, as plain text."""
    outputs = [output for cell in json.loads(executed.read_text(encoding="utf-8"))["cells"] for output in cell.get("outputs", [])]
    pages = ["".join(output.get("data", {}).get("text/html", "")) for output in outputs]
    texts = [re.sub(r"<[^>]+>", " ", re.sub(r"</?(?:b|strong|span)\b[^>]*>", "", page)) for page in pages]
    texts = [re.sub(r"\s+", " ", unescape(text)) for text in texts]
    found = [re.search(r"This run (?:says|cannot tell): .+", text) for text in texts]
    return [match[0].strip() for match in found if match]


def test_every_lesson_has_a_note_and_no_note_is_left_over():
    assert {path.stem for path in NOTES.glob("*.md")} == {"README", *(path.stem for path in LESSONS)}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_note_is_short_and_has_its_five_parts(lesson):
    text = note(lesson)
    number = int(lesson.stem[:2])
    assert text.startswith(f"# Lesson {number}. ") and text.splitlines()[0].endswith(": notes for instructors")
    places = [re.search(rf"^\*\*{part}", text, re.MULTILINE) for part in PARTS]
    assert all(places) and [place.start() for place in places] == sorted(place.start() for place in places)
    assert 15 <= len(text.splitlines()) <= 36, "a page that is read in a few minutes"


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_note_answers_each_prediction(lesson):
    """A row of its table for each, at least; other findings may follow."""
    asked = sum(source.count("questions.predict(") + source.count("stops.ask(") for _, source in cells(lesson, "code"))
    rows = re.findall(r"^\|(?! ?-|---).+\|$", note(lesson), re.MULTILINE)
    assert len(rows) - 1 >= asked, f"{asked} predictions"


def test_the_list_links_every_note_and_the_plan_links_the_list():
    listed = (NOTES / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"\]\((\d\d_\w+)\.md\)", listed) == [path.stem for path in LESSONS]
    for page in ("docs/workshop.md", "README.md"):
        assert "instructors/README.md" in (ROOT / page).read_text(encoding="utf-8")


def test_answers_are_read_from_an_executed_lesson(tmp_path):
    page = "<details><summary>The answer</summary><b>This run says</b>: no, many of\nthem move. 3 of 4 &gt; 0.</details>"
    cell = {"cell_type": "code", "source": "", "outputs": [{"data": {"text/html": [page]}}, {"text": "no"}]}
    path = tmp_path / "out.ipynb"
    path.write_text(json.dumps({"cells": [cell, {"cell_type": "markdown", "source": ""}]}))
    assert answers(path) == ["This run says: no, many of them move. 3 of 4 > 0."]


if __name__ == "__main__":
    for name in sys.argv[1:]:
        print(f"\n{name}", *answers(Path(name)), sep="\n- ")
