"""The exercises of lesson 7, and the figures it brought: wrong answers are told why."""

import dataclasses

import pandas as pd
import pytest

from lthlib import exercises, plots
from lthlib.settings import Recipe
from tests.conftest import ROOT
from tests.test_lessons import solutions

SOLUTIONS = solutions(ROOT / "notebooks" / "07_deep_nets_and_warmup.ipynb")


def rates(peak, warmup, epochs, per_epoch, iterations):
    return SOLUTIONS["rates"](peak, warmup, epochs, per_epoch, iterations)


def from_zero(peak, warmup, epochs, per_epoch, iterations):
    right = rates(peak, warmup, epochs, per_epoch, iterations)
    return [peak * i / warmup if i < warmup else rate for i, rate in enumerate(right)]


def counting_on():
    steps = []

    def found(peak, warmup, epochs, per_epoch, iterations):
        begun = len(steps) if steps and steps[0] == (peak, warmup) else 0
        steps[:] = [(peak, warmup)] * (begun + iterations)
        return rates(peak, warmup, epochs, per_epoch, begun + iterations)[begun:]

    return found


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda *a: rates(*a[:3], 1, a[4]), "milestones epochs"),
        (lambda *a: rates(a[0], a[1] * a[3], *a[2:]), "warmup counts iterations"),
        (lambda *a: rates(a[0], 0, *a[2:]), "iteration 0 has rate 0.3"),
        (lambda *a: rates(*a)[:-1], "one for each"),
        (from_zero, "first step has learning rate 0"),
        (counting_on(), "second time"),
    ],
)
def test_wrong_schedules_are_told_why(wrong, says):
    with pytest.raises(exercises.WrongAnswer, match=says):
        exercises.check_rates(wrong)


def control(recipe):
    return SOLUTIONS["control"](recipe)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda recipe: dataclasses.replace(recipe, warmup=0), "on average"),
        (lambda recipe: dataclasses.replace(recipe, warmup=0, learning_rate=recipe.learning_rate / 2), "on average"),
        (lambda recipe: recipe, "still warms up"),
        (lambda recipe: dataclasses.replace(control(recipe), milestones=()), "milestones changed as well"),
        (lambda recipe: control(recipe).learning_rate, "return a Recipe"),
    ],
)
def test_wrong_controls_are_told_why(wrong, says):
    with pytest.raises(exercises.WrongAnswer, match=says):
        exercises.check_same_average(wrong)


def test_differences_name_each_line_and_its_means():
    index = pd.MultiIndex.from_tuples([(1, 0), (1, 1), (2, 0), (2, 1)], names=["level", "trial"])
    both = pd.DataFrame({"density": [0.5, 0.5, 0.2, 0.2], "difference": [1.0, 3.0, -1.0, -2.0]}, index=index)
    figure = plots.differences({"a": both, "b": both + 1}, "final_test_accuracy", "reinit")
    assert "2 trials. a: +2 points at 50.0 %, -1.5 points at 20.0 %." in figure.get_label()
    [axes] = figure.axes
    assert [text.get_text() for text in axes.get_legend().texts] == ["a", "b"]
    assert "minus reinit (points)" in axes.get_ylabel()


def test_learning_rates_are_the_recipes():
    recipe = Recipe("sgd", 0.4, iterations=10, warmup=4, milestones=(8,))
    figure = plots.learning_rates({"warmed up": recipe})
    drawn = figure.axes[0].lines[0].get_ydata().tolist()
    assert drawn == [recipe.learning_rate_at(iteration) for iteration in range(10)]
    assert "warmed up: rises over 4 iterations, 0.4 at its highest" in figure.get_label()
    assert "divided by ten at 8." in figure.get_label()
