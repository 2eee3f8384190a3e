"""The exercises of lesson 0: wrong answers are told why."""

import math

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


def counted(rate, density):
    rounds, left = 0, 1.0
    while left > density:
        rounds, left = rounds + 1, left * (1 - rate)
    return rounds


def by_powers(rate, density):
    return next(rounds for rounds in range(1000) if (1 - rate) ** rounds <= density)


def by_logarithms(rate, density):
    return math.ceil(math.log(density) / math.log(1 - rate))


def by_logarithms_of_its_base(rate, density):
    return max(0, math.ceil(math.log(density, 1 - rate)))


@pytest.mark.parametrize("right", [counted, by_powers, by_logarithms, by_logarithms_of_its_base])
def test_every_way_to_count_rounds_passes(right):
    exercises.check_rounds_needed(right)


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
