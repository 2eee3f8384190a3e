"""The exercises of lessons 4 and 5: wrong answers are told why."""

import pytest

from lthlib.exercises import WrongAnswer
from lthlib.exercises import curves as exercises
from tests.conftest import ROOT
from tests.test_lessons import solutions

SOLUTIONS = solutions(ROOT / "notebooks" / "04_learning_speed_and_the_gap.ipynb")
SOLUTIONS |= solutions(ROOT / "notebooks" / "05_optimisers_and_knobs.ipynb")


def first_rise(iterations, loss, accuracy):
    place = next((i - 1 for i in range(1, len(loss)) if loss[i] > loss[i - 1]), len(loss) - 1)
    return iterations[place], accuracy[place]


def best_test(iterations, loss, accuracy):
    place = accuracy.index(max(accuracy))
    return iterations[place], accuracy[place]


def last_tie(iterations, loss, accuracy):
    place = max(i for i in range(len(loss)) if loss[i] == min(loss))
    return iterations[place], accuracy[place]


def with_nan(iterations, loss, accuracy):
    place = next((i for i, value in enumerate(loss) if value != value), loss.index(min(loss)))
    return iterations[place], accuracy[place]


def never_last(iterations, loss, accuracy):
    return SOLUTIONS["at_early_stop"](iterations[:-1], loss[:-1], accuracy)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (first_rise, "first rise"),
        (best_test, "test data choose nothing"),
        (lambda iterations, loss, accuracy: (loss.index(min(loss)), max(accuracy)), "place in the list"),
        (lambda iterations, loss, accuracy: (iterations[loss.index(min(loss))], max(accuracy)), "one iteration"),
        (lambda iterations, loss, accuracy: (100, 0.6), "not 100"),
        (lambda iterations, loss, accuracy: 150, "two things"),
        (last_tie, "tie"),
        (with_nan, "NaN"),
        (never_last, "still be improving"),
    ],
)
def test_wrong_early_stops_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_early_stop(wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda ticket, control, last: (ticket / control, "exactly"), "over the ticket's"),
        (lambda ticket, control, last: (control / ticket, "at least"), "not a bound"),
        (lambda ticket, control, last: (control / ticket, "exactly"), "'at least'"),
        (lambda ticket, control, last: (control / ticket, "at least" if control == last else "exactly"), "'at most'"),
        (
            lambda ticket, control, last: (
                control / ticket,
                "at most" if ticket == last else "at least" if control == last else "exactly",
            ),
            "unknown",
        ),
        (lambda ticket, control, last: SOLUTIONS["times_sooner"](ticket, control, 1500), "`last`"),
        (lambda ticket, control, last: control / ticket, "two things"),
    ],
)
def test_wrong_ratios_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_speedup(wrong)


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
        (lambda runs: {name: (0.01, 0.5, False) for name in runs}, "its own best"),
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
