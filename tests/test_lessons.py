"""What every notebook promises, and the exercises in both directions."""

import json
import re

import pytest
import torch

import lthlib
from lthlib import analysis, exercises
from tests.conftest import ROOT

LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))


def cells(path, kind):
    return [(c, "".join(c["source"])) for c in json.loads(path.read_text())["cells"] if c["cell_type"] == kind]


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_is_stripped_and_tagged(path):
    book = json.loads(path.read_text())
    assert "widgets" not in book["metadata"]
    tagged = [source for cell, source in cells(path, "code") if "parameters" in cell["metadata"].get("tags", [])]
    assert len(tagged) == 1
    for line in tagged[0].splitlines():
        assert re.fullmatch(r"\w+: (str|int|float|bool) = .+  # .+", line), f"a parameter is `name: type = value  # help`: {line}"
    for cell, source in cells(path, "code"):
        assert not cell["outputs"] and cell["execution_count"] is None
        assert len(source.splitlines()) <= 15, "cells are short"
        assert max(map(len, source.splitlines())) <= 110


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_badge_and_set_up_cell_name_the_repository(path):
    text = path.read_text()
    assert f"https://colab.research.google.com/github/{lthlib.REPOSITORY}/blob/main/notebooks/{path.name}" in text
    assert f"git+https://github.com/{lthlib.REPOSITORY}" in text
    assert cells(path, "code")[0][1] == cells(LESSONS[0], "code")[0][1], "one set-up cell, the same in every lesson"


def test_the_algorithm_is_in_the_open_in_under_30_lines():
    code = [source for cell, source in cells(LESSONS[1], "code") if "algorithm" in cell["metadata"].get("tags", [])]
    assert len(code) == 3 and sum(len(source.splitlines()) for source in code) < 30
    assert "lthlib" not in "".join(code)


def solutions(path, **names):
    """The functions of a lesson's folded solutions, by name; `names` is what the lesson has imported besides torch and tables."""
    found = {}
    for _, source in cells(path, "markdown"):
        for block in re.findall(r"<details><summary>Solution</summary>\n\n```python\n(.*?)```", source, re.DOTALL):
            exec(block, space := {"torch": torch, "analysis": analysis, **names})
            found.update({name: value for name, value in space.items() if callable(value)})
    return found


SOLUTIONS = solutions(LESSONS[1])


def by_value(weight, mask, rate):
    survivors = mask.flatten().nonzero().squeeze(1)
    gone = survivors[weight.flatten()[survivors].argsort()[: round(rate * len(survivors))]]
    return mask.flatten().index_fill(0, gone, False).view_as(mask)


def by_threshold(weight, mask, rate):
    return mask & (weight.abs() > weight[mask].abs().sort().values[round(rate * int(mask.sum())) - 1])


def of_all(weight, mask, rate):
    return mask & (weight.abs() > weight.abs().flatten().sort().values[round(rate * mask.numel()) - 1])


def in_place(weight, mask, rate):
    mask &= SOLUTIONS["prune_layer"](weight, mask, rate)
    return mask


def reviving(weight, mask, rate):
    pruned = SOLUTIONS["prune_layer"](weight, mask, rate)
    return torch.ones_like(mask) & (pruned | ~mask)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (by_value, "absolute values"),
        (by_threshold, "threshold"),
        (of_all, "surviving"),
        (in_place, "clone"),
        (reviving, "is back"),
        (lambda weight, mask, rate: weight, "True and False"),
    ],
)
def test_wrong_pruning_is_told_why(wrong, says):
    with pytest.raises(exercises.WrongAnswer, match=says):
        exercises.check_prune(wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda weight, step, mask: weight + torch.where(weight < 1e-6, 0.0, step), "negative"),
        (lambda weight, step, mask: weight + torch.where(weight == 0, 0.0, step), "nearly"),
        (lambda weight, step, mask: weight + step, "exactly zero"),
        (lambda weight, step, mask: weight * mask, "frozen|step"),
    ],
)
def test_wrong_freezing_is_told_why(wrong, says):
    with pytest.raises(exercises.WrongAnswer, match=says):
        exercises.check_freeze(wrong)


def shuffled_globally(theta_0, mask, seed):
    flat = torch.cat([kept.flatten() for kept in mask.values()])
    flat = flat[torch.randperm(len(flat), generator=torch.Generator().manual_seed(seed))]
    return theta_0, dict(zip(mask, (part.view(30, 20) for part in flat.split(600))))


def masked(theta_0, mask, seed):
    weights, drawn = SOLUTIONS["control"](theta_0, mask, seed)
    return {name: weights[name] * mask[name] for name in mask}, drawn


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda theta_0, mask, seed: (theta_0, mask), "own mask"),
        (lambda theta_0, mask, seed: ({n: torch.randn_like(t) for n, t in theta_0.items()}, mask), "weights have changed"),
        (masked, "unmasked"),
        (shuffled_globally, "keeps"),
        (lambda theta_0, mask, seed: SOLUTIONS["control"](theta_0, mask, 3), "seed 1"),
        (lambda theta_0, mask, seed: SOLUTIONS["control"](theta_0, mask, torch.seed()), "two different"),
    ],
)
def test_wrong_controls_are_told_why(wrong, says):
    with pytest.raises(exercises.WrongAnswer, match=says):
        exercises.check_control(wrong)


def test_the_readmes_own_network_and_data_run(monkeypatch):
    text = (ROOT / "README.md").read_text()
    [example] = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "make_moons" in block]
    exec(example.replace("levels=5)", "levels=1, trials=1, iterations=20, progress=False)"), space := {})
    assert set(space["table"].level) == {0, 1}
