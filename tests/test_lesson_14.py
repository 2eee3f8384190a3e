"""Lesson 14's exercises in both directions, and its figures once."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import torch

from lthlib.exercises import WrongAnswer
from lthlib.exercises import cheap as exercises
from lthlib.lottery import early_bird
from lthlib.plots import cost as bargain_plots
from lthlib.pruning import masks
from tests.conftest import ROOT
from tests.test_lessons import solutions

LESSON = ROOT / "notebooks" / "14_cheap_tickets.ipynb"


def test_the_lessons_own_solutions_pass(capsys):
    found = solutions(LESSON, masks=masks, early_bird=early_bird, np=np)
    exercises.check_bill(found["bill"])
    exercises.check_apart(found["apart"])
    exercises.check_leaked(found["leaked"])
    assert capsys.readouterr().out.count("Right:") == 3


@pytest.mark.parametrize(
    ("check", "arguments"), [(exercises.check_bill, 3), (exercises.check_apart, 2), (exercises.check_leaked, 2)]
)
def test_untried_is_no_mistake(check, arguments, capsys):
    check({3: lambda a, b, c: None, 2: lambda a, b: None}[arguments])
    assert "not tried yet" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda lengths, rounds, training: training, "the last training alone"),
        (lambda lengths, rounds, training: lengths[0] + training, "each of the rounds is a training"),
        (lambda lengths, rounds, training: (rounds + 1) * lengths[0] + training, "rounds trainings of the search come before"),
        (lambda lengths, rounds, training: rounds * lengths[0] + training, "tried and dropped"),
        (lambda lengths, rounds, training: rounds * min(lengths) + training, "tried and dropped"),
        (lambda lengths, rounds, training: rounds * sum(lengths) + training, "had a full training, too"),
        (lambda lengths, rounds, training: 12 * sum(lengths) + len(lengths) * training, "other lengths, rounds"),
        (lambda lengths, rounds, training: 7.5, "take 3,300 iterations, not 7.5"),
    ],
)
def test_wrong_bills_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_bill(wrong)


def pooled(a, b):
    if masks.layer_counts(a) != masks.layer_counts(b):
        raise ValueError
    share = masks.density(a)
    return masks.distance(a, b) / (2 * share * (1 - share))


def refusing(a, b):
    if a is not b:
        raise ValueError
    return 0.0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (masks.distance, "divide it by what chance gives"),
        (lambda a, b: masks.distance(a, b) / 0.42, "4 % come out at 0.1"),
        (pooled, "layers of different densities"),
        (lambda a, b: masks.distance(a, b) / early_bird.by_chance(a, b), "even if nothing moved"),
        (lambda a, b: 1 - masks.overlap(a, b), "30 % come out at 0.8"),
        (lambda a, b: 1.0, "a mask and itself"),
        (refusing, "nothing to refuse"),
    ],
)
def test_wrong_distances_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_apart(wrong)


def rows(inputs):
    return [tuple(row) for row in inputs.flatten(1).tolist()]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda seen, test: int(torch.isin(test, test[:1]).any()), "whole examples"),
        (lambda seen, test: sum(bool((seen[i] == test[i]).all()) for i in range(20)), "you count 0"),
        (lambda seen, test: sum(rows(seen).count(row) for row in rows(test)), "not pairs"),
        (lambda seen, test: len(set(rows(seen)) & set(rows(test))), "leaked twice"),
        (lambda seen, test: int((torch.cdist(test.flatten(1), seen.flatten(1)).min(1).values < 0.1).sum()), "only similar"),
    ],
)
def test_wrong_counts_of_leaks_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_leaked(wrong)


def test_the_figures_say_what_they_show():
    distance = np.array([[0, 0.2, 0.4], [0.2, 0, 0.3], [0.4, 0.3, 0]])
    figure = bargain_plots.distances({"50 %": distance, "7 %": distance / 2}, [0, 50, 100])
    assert "50 %, from the mask at 100: 0: 0.400, 50: 0.300" in figure.get_label()
    figure = bargain_plots.against({"a": {0: [1, 2, 3], 10: [3, 4, 5]}}, "iteration", "accuracy", {"random": [0.0, 1, 2]})
    assert "a: 2 at 0, 4 at 10" in figure.get_label() and "random: 1" in figure.get_label()
    accounts = pd.DataFrame(
        {"method": ["dense"] * 3 + ["x: 1"] * 3 + ["y"] * 3, "trial": [0, 1, 2] * 3,
         "value": [70.0, 71, 72, 50, 51, 52, 60, 61, 62], "iterations": [100] * 3 + [110] * 3 + [400] * 3}
    )  # fmt: skip
    text = bargain_plots.bargains(accounts).get_label()
    assert "dense: 71.0" in text and "x: 1: 51.0 for 1.10." in text
    assert text.endswith("On the front: x: 1, y."), "the dense networks are cheaper and better, and no tickets"
    assert "own: 2.0" in bargain_plots.side_by_side({"own": [1, 2, 3], "other": [0.0, 1]}, "points", zero=True).get_label()
    plt.close("all")
