"""The exercises of lesson 0: wrong answers are told why."""

import pytest

from lthlib.exercises import lesson_00 as exercises
from lthlib.exercises.checking import WrongAnswer


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda rate, density: round((1 - density) / rate + 0.49), "each round removes fewer"),
        (lambda rate, density: 1, "not 1"),
    ],
)
def test_wrong_counts_of_rounds_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_rounds_needed(wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda a: max(a, key=lambda density: max(a[density])), "single lucky trial"),
        (lambda a: max(a, key=lambda density: sum(a[density])), "number of trials"),
        (min, "smallest density decided"),
    ],
)
def test_wrong_best_densities_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_best_density(wrong)
