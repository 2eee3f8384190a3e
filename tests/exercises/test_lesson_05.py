"""The exercises of lesson 5: wrong answers are told why."""

import pytest

from lthlib.exercises import lesson_05 as exercises
from lthlib.exercises.checking import WrongAnswer
from tests.exercises import solutions_of

SOLUTIONS = solutions_of(5)


def mean(values):
    return sum(values) / len(values)


def chosen_by(key, mean=mean):
    """Every optimiser at the rate that is best by `key` of a run."""

    def fair(runs):
        best = {name: max(rates, key=lambda rate: key(rates[rate])) for name, rates in runs.items()}
        return {n: (b, mean(runs[n][b]["test"]), b in (min(runs[n]), max(runs[n]))) for n, b in best.items()}

    return fair


def at_edge(says):
    def fair(runs):
        return {name: (*entry[:2], says(runs[name], entry[0])) for name, entry in SOLUTIONS["fair"](runs).items()}

    return fair


def number(value):
    return value if value == value else -1


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda runs: dict.fromkeys(runs, (0.01, 0.5, False)), "its own best"),
        (chosen_by(lambda run: number(max(run["validation"]))), "luckiest"),
        (chosen_by(lambda run: number(mean(run["test"]))), "luckiest trial, or on test"),
        (lambda runs: SOLUTIONS["fair"](runs) | {"sgd": (0.2, 0.71, False)}, "test data choose nothing"),
        (lambda runs: SOLUTIONS["fair"](runs) | {"sgd": (1.0, float("nan"), True)}, "diverged"),
        (lambda runs: SOLUTIONS["fair"](runs) | {"sgd": (0.1, 0.58, False)}, "not at 0.1"),
        (chosen_by(lambda run: number(mean(run["validation"])), mean=max), "mean test accuracy"),
        (lambda runs: list(SOLUTIONS["fair"](runs)), "dictionary"),
        (lambda runs: {name: entry[:2] for name, entry in SOLUTIONS["fair"](runs).items()}, "three things"),
        (at_edge(lambda rates, best: True), "not at the edge"),
        (at_edge(lambda rates, best: False), "at the edge"),
        (at_edge(lambda rates, best: best == max(r for r in rates if r < 1)), "beyond 0.5"),
    ],
)
def test_unfair_comparisons_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_fair(wrong)


def nearest_by_difference(accuracies, rate, density):
    return accuracies[min(range(len(accuracies)), key=lambda level: abs((1 - rate) ** level - density))]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda accuracies, rate, density: accuracies[2], "not at equal rounds"),
        (nearest_by_difference, "small ratio"),
        (lambda accuracies, rate, density: accuracies[-1], "was asked for"),
        (lambda accuracies, rate, density: accuracies[2] if rate == 0.5 else accuracies[3], "13 rounds"),
        (
            lambda accuracies, rate, density: SOLUTIONS["at_density"]([0, *accuracies[1:]], rate, density),
            "dense network",
        ),
    ],
)
def test_unequal_densities_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_at_density(wrong)
