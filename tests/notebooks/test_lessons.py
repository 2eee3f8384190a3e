"""What every notebook promises: stripped, tagged and short cells, one set-up, the algorithm in the open."""

import json
import re

import pytest

import lthlib
from lthlib.lessons import folding
from tests.notebooks import LESSONS, cells


def tagged(path, tag):
    return [source for cell, source in cells(path, "code") if tag in cell["metadata"].get("tags", [])]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_stripped_and_tagged(path):
    book = json.loads(path.read_text())
    assert "widgets" not in book["metadata"]
    assert len(tagged(path, "parameters")) == 1
    [parameters] = tagged(path, "parameters")
    for line in parameters.splitlines()[bool(folding.TITLE.match(parameters)) :]:  # a folded cell begins with its title
        says = f"a parameter is `name: type = value  # help`: {line}"
        assert re.fullmatch(r"\w+: (str|int|float|bool) = .+  # .+", line), says
    for cell, source in cells(path, "code"):
        assert not cell["outputs"] and cell["execution_count"] is None
        lines = [line for line in source.splitlines() if not re.match(r"(import|from) ", line)]
        assert len(lines) <= 15 or folding.is_folded(cell), "visible cells are short, their imports apart"
        assert max(map(len, source.splitlines())) <= 110


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_badge_and_set_up_cell_name_the_repository(path):
    text = path.read_text()
    assert f"https://colab.research.google.com/github/{lthlib.REPOSITORY}/blob/main/notebooks/{path.name}" in text
    assert f"git+https://github.com/{lthlib.REPOSITORY}" in text
    sources = [cells(lesson, "code")[0][1].splitlines() for lesson in (path, LESSONS[0])]
    set_up, first = ([line for line in lines if not folding.TITLE.fullmatch(line)] for lines in sources)
    assert set_up == first, "one set-up cell, the same in every lesson"


def test_the_algorithm_is_in_the_open_in_under_30_lines():
    code = tagged(LESSONS[1], "algorithm")
    assert len(code) == 3 and sum(len(source.splitlines()) for source in code) < 30
    assert "lthlib" not in "".join(code)
