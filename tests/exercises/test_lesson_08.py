"""The exercises of lesson 8: wrong answers are told why."""

import pytest

from lthlib import analysis
from lthlib.exercises import lesson_08 as exercises
from lthlib.exercises.checking import WrongAnswer


def by_the_mean(gains, margin):
    mean = sum(gains) / len(gains)
    return "better" if mean > 0 else "as good" if mean > -margin else "worse"


def no_margin(gains, margin):
    low, high = analysis.bounds(gains)
    return "better" if low > 0 else "worse" if high < 0 else "as good"


def worse_first(gains, margin):
    low, high = analysis.bounds(gains)
    if high < 0:
        return "worse"
    return "better" if low > 0 else "as good" if low > -margin else "inconclusive"


def few_are_enough(gains, margin):
    low, high = analysis.bounds(gains)
    if low > -margin:
        return "better" if low > 0 else "as good"
    return "worse" if high < 0 else "inconclusive"


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (by_the_mean, "so these trials allow both"),
        (no_margin, "surely is smaller than the margin"),
        (worse_first, "surely is smaller than the margin"),
        (few_are_enough, "two trials have no bounds"),
    ],
)
def test_wrong_verdicts_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_verdict(wrong)


def test_the_librarys_own_rule_is_right(capsys):
    exercises.check_verdict(lambda gains, margin: analysis.weigh(gains).verdict(margin))
    assert capsys.readouterr().out.startswith("Right: ")


def luckiest(densities, verdicts):
    wins = [d for d, v in zip(densities, verdicts) if v == "winning"]
    return min(wins, default=None), next((v for v in verdicts if v != "winning"), None)


def run_of(passing):
    def quoted(densities, verdicts):
        smallest = None
        for density, verdict in zip(densities, verdicts):
            if verdict not in passing:
                return smallest, verdict
            smallest = density
        return smallest, None

    return quoted


def density_alone(densities, verdicts):
    return run_of(["winning"])(densities, verdicts)[0]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (luckiest, "luckiest of many"),
        (run_of(["winning", "matching"]), "matching is not winning"),
        (run_of(["winning", "inconclusive"]), "not settled ends the run"),
        (density_alone, "return a pair"),
    ],
)
def test_wrong_quotes_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_quoted(wrong)
