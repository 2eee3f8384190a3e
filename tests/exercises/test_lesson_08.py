"""The exercises of lesson 8: wrong answers are told why."""

import pytest

from lthlib import analysis
from lthlib.exercises import lesson_08 as exercises
from lthlib.exercises.checking import WrongAnswer


def counts_means(points, iterations):
    return "neither" if sum(points) < 0 else "matching" if sum(iterations) > 0 else "winning"


def speed_first(points, iterations):
    if analysis.bounds(iterations)[0] > 0:
        return "matching"
    return "neither" if analysis.bounds(points)[1] < 0 and analysis.bounds(iterations)[1] >= 0 else "winning"


@pytest.mark.parametrize(
    ("wrong", "says"), [(counts_means, "being no worse is enough"), (speed_first, "does not make up for that")]
)
def test_wrong_verdicts_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_verdict(wrong)


def luckiest(densities, verdicts):
    return min((d for d, v in zip(densities, verdicts) if v == "winning"), default=None)


def counts_matching(densities, verdicts):
    smallest = None
    for density, verdict in zip(densities, verdicts):
        if verdict == "neither":
            break
        smallest = density
    return smallest


@pytest.mark.parametrize(("wrong", "says"), [(luckiest, "luckiest of many"), (counts_matching, "matching is not winning")])
def test_wrong_quotes_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_quoted(wrong)
