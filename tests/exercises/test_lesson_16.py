"""The exercises of lesson 16: wrong answers are told why."""

import pytest

from lthlib.exercises import lesson_16 as exercises
from lthlib.exercises.checking import WrongAnswer
from tests.exercises import solutions_of

SOLUTIONS = solutions_of(16)


def natural_logarithm(value, notation):
    return 2.7**-value if "log" in notation else SOLUTIONS["density_of"](value, notation)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda value, notation: value if notation == "remaining (%)" else 0.1, "in percent"),
        (lambda value, notation: value / 100, "is the sparsity"),
        (natural_logarithm, "density of"),
        (lambda value, notation: "a tenth", "return a number"),
    ],
)
def test_wrong_translations_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_density_of(wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda k, p, other: (sum(k[n] / p[n] for n in k) / 2, 0.1), "mean of the layers"),
        (lambda kept, prunable, other: (80 / 700, 80 / 750), "cannot be pruned is left"),
        (lambda kept, prunable, other: (80 / 700, 80 / 700), "everything that is left"),
        (lambda kept, prunable, other: 80 / 700, "two numbers"),
        (lambda kept, prunable, other: (80 / 700, 130 / 750), "both are 1"),
    ],
)
def test_wrong_densities_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_both_densities(wrong)
