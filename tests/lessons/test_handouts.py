"""Handouts are made from the lessons: what is handed out has no solutions, and these are the lessons' own."""

import json
import shutil

import pytest

from lthlib.__main__ import main
from lthlib.lessons import handouts, translations
from tests.exercises import NUMBERS, calls_of, solutions_of
from tests.notebooks import LESSONS, cells


@pytest.fixture(scope="module")
def handout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("handout")
    assert main(["handout", "--to", str(folder)]) == 0
    return folder


def test_lessons_are_handed_out_without_solutions_and_are_otherwise_whole(handout):
    assert sorted(path.name for path in handout.glob("*.ipynb")) == [path.name for path in LESSONS]
    for path in LESSONS:
        given = json.loads((handout / path.name).read_text(encoding="utf-8"))["cells"]
        assert not any("<details>" in "".join(cell["source"]) for cell in given)
        code = ["".join(cell["source"]) for cell in given if cell["cell_type"] == "code"]
        assert [source for _, source in cells(path, "code")] == code
        exercises = [s.split("<details>")[0] for _, s in cells(path, "markdown") if "### Exercise" in s]
        assert exercises == ["".join(c["source"]) for c in given if "### Exercise" in "".join(c["source"])]


def test_every_solution_is_under_its_exercise(handout):
    text = (handout / "solutions.md").read_text(encoding="utf-8")
    for lesson in NUMBERS:
        for name in calls_of(lesson):
            assert f"def {name}(" in text and solutions_of(lesson)[name]
    parts = text.split("\n## ")
    assert all(part.startswith("Exercise") for part in parts[1:]), [part[:40] for part in parts[1:]]


def test_hints_stay_and_solutions_go():
    hint = '<details class="hint"><summary>Hint</summary>\n\nSort first.\n</details>\n'
    solution = "<details><summary>풀이</summary>\n\n```python\nx = 1\n```\n</details>\n"
    book = {"cells": [{"cell_type": "markdown", "source": f"### Exercise 1\n\n{hint}\n{solution}"}]}
    [cell] = handouts.without_solutions(book)["cells"]
    assert "".join(cell["source"]) == f"### Exercise 1\n\n{hint}\n"
    assert "x = 1" in handouts.solutions(book) and "Sort first" not in handouts.solutions(book)


def test_a_translated_handout(tmp_path, capsys):
    assert main(["handout", "--language", "ko", "--to", str(tmp_path / "ko")]) == 0
    assert (tmp_path / "ko" / "solutions.md").read_text(encoding="utf-8").count("```python") >= 8
    assert main(["handout", "--language", "xx", "--to", str(tmp_path / "xx")]) == 2
    assert "unknown language 'xx'" in capsys.readouterr().err and not (tmp_path / "xx").exists()


@pytest.mark.parametrize("command", [["handout"], ["translate", "--language", "ko"]])
@pytest.mark.parametrize("name", ["notebooks", "notebooks/", "docs/../notebooks", "link"])
def test_the_lessons_themselves_are_never_replaced(command, name, tmp_path, monkeypatch, capsys):
    """In a copy, which code that is wrong may harm."""
    shutil.copytree(LESSONS[0].parent, tmp_path / "notebooks")
    (tmp_path / "docs").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "notebooks")
    monkeypatch.setattr(translations, "LESSONS", tmp_path / "notebooks")
    monkeypatch.chdir(tmp_path)
    before = {path: path.read_bytes() for path in (tmp_path / "notebooks").iterdir()}
    assert main([*command, "--to", name]) == 2
    assert "whose files it would replace" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in (tmp_path / "notebooks").iterdir()} == before
