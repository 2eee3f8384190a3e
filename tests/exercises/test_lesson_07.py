"""The exercises of lesson 7: wrong answers are told why."""

import dataclasses

import pytest

from lthlib.exercises import lesson_07 as exercises
from lthlib.exercises.checking import WrongAnswer
from tests.exercises import solutions_of

SOLUTIONS = solutions_of(7)


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
    with pytest.raises(WrongAnswer, match=says):
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
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_same_average(wrong)
