"""Visible code teaches and plumbing is folded: limits on what a lesson shows, and marks that every front end knows."""

import copy
import json
import re
import subprocess
import sys

import pytest

from lthlib.lessons import folding, handouts
from lthlib.lessons.translations import read
from tests.conftest import ROOT
from tests.notebooks import LESSONS

CELL = 12  # lines of a visible cell, at most


def limit(lesson):
    return 60 if lesson <= 8 else 120


def counts(path):
    lines = folding.visible_lines(read(path))
    return sum(lines), sum(count > CELL for count in lines)


@pytest.mark.parametrize("lesson", range(len(LESSONS)))
def test_a_lesson_shows_no_more_code_than_it_may(lesson):
    lines, long_cells = counts(LESSONS[lesson])
    advice = "fold plumbing (lthlib.lessons.folding.fold), or move it to the library"
    assert lines <= limit(lesson), f"{lines} visible lines: {advice}"
    assert long_cells == 0, f"{long_cells} visible cells have more than {CELL} lines"


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_folded_cell_has_the_marks_of_every_front_end(path):
    for cell in read(path)["cells"]:
        missing = folding.missing_marks(cell) if cell["cell_type"] == "code" else []
        assert not missing, f"cell {cell['id']} lacks {', '.join(missing)}"


def code(source, **metadata):
    return {"cell_type": "code", "id": "a", "metadata": metadata, "outputs": [], "execution_count": None, "source": source}


def test_folding_sets_all_marks_and_unfolding_takes_them_away():
    cell = code(["x = 1\n", "\n", "y = 2"], tags=["parameters"], jupyter={"outputs_hidden": True})
    before = copy.deepcopy(cell)
    folding.fold(cell, "Set up")
    assert cell["source"] == ["# @title Set up\n", "x = 1\n", "\n", "y = 2"]
    tags, jupyter = ["parameters", "hide-input"], {"outputs_hidden": True, "source_hidden": True}
    assert cell["metadata"] == {"tags": tags, "jupyter": jupyter, "cellView": "form"}
    assert folding.is_folded(cell) and not folding.missing_marks(cell)
    again = folding.fold(copy.deepcopy(cell), "Setting up")
    assert "".join(again["source"]) == "".join(cell["source"]).replace("Set up", "Setting up")
    assert again["metadata"] == cell["metadata"]
    assert folding.unfold(cell) == before and not folding.missing_marks(cell)
    assert folding.unfold(folding.fold(code("x = 1"), "One")) == code(["x = 1"])


def test_visible_lines_leave_out_blank_lines_and_folded_cells():
    markdown = {"cell_type": "markdown", "metadata": {}, "source": "three\nlines\nhere"}
    book = {"cells": [code("a = 1\n\n\nb = 2\n"), markdown, folding.fold(code("c = 3"), "Plumbing"), code("")]}
    assert folding.visible_lines(book) == [2, 0]


@pytest.mark.parametrize("mark", ["jupyter", "tags", "cellView", "title"])
def test_a_mark_that_is_missing_is_named(mark):
    cell = folding.fold(code("x = 1"), "One")
    if mark == "title":
        cell["source"] = "x = 1"
    else:
        del cell["metadata"][mark]
    [missing] = folding.missing_marks(cell)
    words = {"jupyter": "source_hidden", "tags": "hide-input", "cellView": "form", "title": "@title"}
    assert words[mark] in missing


def all_folded(path):
    book = read(path)
    for cell in book["cells"]:
        if cell["cell_type"] == "code":
            folding.fold(cell, "Folded")
    return book


@pytest.fixture(scope="module")
def folded(tmp_path_factory):
    """Lesson 16, which is quick, with every cell folded."""
    path = tmp_path_factory.mktemp("folded") / LESSONS[16].name
    path.write_text(json.dumps(all_folded(LESSONS[16])))
    return path


def test_papermill_reads_and_sets_the_parameters_of_a_folded_cell(folded, tmp_path):
    papermill = pytest.importorskip("papermill")
    said = papermill.inspect_notebook(str(folded))
    assert said == papermill.inspect_notebook(str(LESSONS[16])) and said["profile"]["help"]
    book = papermill.execute_notebook(
        str(folded), str(tmp_path / "out.ipynb"), {"profile": "smoke"}, prepare_only=True, progress_bar=False
    )
    places = [place for place, cell in enumerate(book.cells) if "injected-parameters" in cell.metadata.get("tags", [])]
    assert len(places) == 1 and 'profile = "smoke"' in book.cells[places[0]].source
    assert "parameters" in book.cells[places[0] - 1].metadata.tags


def test_a_handout_of_a_folded_lesson_has_the_same_cells(folded):
    given = handouts.without_solutions(read(folded))
    marks = [cell["metadata"] for cell in given["cells"] if cell["cell_type"] == "code"]
    assert marks and all(mark["cellView"] == "form" for mark in marks)
    assert folding.visible_lines(given) == []


def test_nbval_takes_a_folded_lesson(folded, monkeypatch):
    smoke = folded.with_name("smoke.ipynb")
    book = read(folded)
    for cell in book["cells"]:
        if "parameters" in cell["metadata"].get("tags", []):
            cell["source"] = re.sub(r'profile: str = "\w+"', 'profile: str = "smoke"', "".join(cell["source"]))
    smoke.write_text(json.dumps(book, indent=1, ensure_ascii=False) + "\n")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    options = [
        "--nbval-lax",
        "--nbval-current-env",
        "--nbval-cell-timeout=120",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        smoke.parent,
    ]
    done = subprocess.run([sys.executable, "-m", "pytest", *options, smoke], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:]
