"""What every notebook promises: stripped, tagged and short cells, one set-up, the algorithm in the open."""

import json
import re
from types import SimpleNamespace

import pytest
import torch

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
    assert len(code) == 4 and sum(len(source.splitlines()) for source in code) < 30
    assert "lthlib" not in "".join(code)


def test_the_algorithm_in_the_open_keeps_pruned_weights_at_zero_between_all_steps():
    torch.manual_seed(0)
    made, checked, recipe, rates = [], [], SimpleNamespace(learning_rate=0.1), {"weight": 0.25}

    def build():
        made.append(torch.nn.Linear(6, 4))
        return made[-1]

    def batches(level):
        for _ in range(3):
            assert (made[-1].weight[~space["by_hand"][level]["weight"]] == 0).all()
            checked.append(level)
            yield torch.randn(5, 6), torch.randint(4, (5,))

    space = {"torch": torch, "cross_entropy": torch.nn.functional.cross_entropy, "task": SimpleNamespace(build=build)}
    space |= {"recipe": recipe, "rates": rates, "theta_0": torch.nn.Linear(6, 4).state_dict(), "batches": batches}
    exec("\n".join(tagged(LESSONS[1], "algorithm")), space)
    first, second = (mask["weight"] for mask in space["by_hand"][1:])
    assert checked == [0] * 3 + [1] * 3 and (made[-1].weight[~first] == 0).all()
    assert first.sum() == 18 and second.sum() == 18 - round(0.25 * 18) and not (second & ~first).any()
    assert made[0].weight[~first].abs().max() <= made[0].weight[first].abs().min()
