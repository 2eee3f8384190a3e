"""The checks of the exercises: every lesson's solutions pass, blanks are not wrong, and wrong answers are told why."""

import pytest

from lthlib import exercises
from lthlib.exercises import curves as exercises_curves
from tests.test_lessons import LESSONS, solutions

# By lesson, the function that the reader writes and what checks it.
CHECKS = {
    (0, "rounds_needed"): exercises.check_rounds_needed,
    (0, "best_density"): exercises.check_best_density,
    (1, "prune_layer"): exercises.check_prune,
    (1, "keep_pruned"): exercises.check_freeze,
    (1, "control"): exercises.check_control,
    (2, "one_shot"): exercises.check_one_shot,
    (2, "next_ticket"): exercises.check_next_ticket,
    (3, "evidence"): exercises.check_evidence,
    (3, "same_signs"): exercises.check_same_signs,
    (4, "at_early_stop"): exercises_curves.check_early_stop,
    (4, "times_sooner"): exercises_curves.check_speedup,
    (5, "fair"): exercises_curves.check_fair,
    (5, "at_density"): exercises_curves.check_at_density,
    (6, "fast_share"): exercises.check_fast_share,
    (6, "prune_globally"): exercises.check_prune_globally,
    (7, "rates"): exercises.check_rates,
    (7, "control"): exercises.check_same_average,
    (8, "verdict"): exercises.check_verdict,
    (8, "quoted"): exercises.check_quoted,
}
SOLUTIONS = {(lesson, name): solution for lesson, path in enumerate(LESSONS) for name, solution in solutions(path).items()}


@pytest.mark.parametrize(("lesson", "name"), CHECKS)
def test_solutions_pass_and_a_blank_is_not_wrong(lesson, name, capsys):
    check = CHECKS[lesson, name]
    check(SOLUTIONS[lesson, name])
    assert "Right" in capsys.readouterr().out
    check(lambda *_: None)
    assert "not tried yet" in capsys.readouterr().out


def test_every_check_is_of_an_exercise():
    made = {name for room in (exercises, exercises_curves) for name in vars(room) if name.startswith("check_")}
    assert made == {check.__name__ for check in CHECKS.values()}


def counts_means(points, iterations):
    return "neither" if sum(points) < 0 else "matching" if sum(iterations) > 0 else "winning"


def speed_first(points, iterations):
    from lthlib import analysis

    if analysis.interval(iterations)[0] > 0:
        return "matching"
    return "neither" if analysis.interval(points)[1] < 0 and analysis.interval(iterations)[1] >= 0 else "winning"


@pytest.mark.parametrize("wrong, says", [(counts_means, "being no worse is enough"), (speed_first, "does not make up for that")])
def test_wrong_verdicts_are_told_why(wrong, says):
    with pytest.raises(exercises.WrongAnswer, match=says):
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


@pytest.mark.parametrize("wrong, says", [(luckiest, "luckiest of many"), (counts_matching, "matching is not winning")])
def test_wrong_quotes_are_told_why(wrong, says):
    with pytest.raises(exercises.WrongAnswer, match=says):
        exercises.check_quoted(wrong)


@pytest.mark.parametrize(
    "wrong, says",
    [
        (lambda rate, density: round((1 - density) / rate + 0.49), "each round removes fewer"),
        (lambda rate, density: 1, "not 1"),
    ],
)
def test_wrong_counts_of_rounds_are_told_why(wrong, says):
    with pytest.raises(exercises.WrongAnswer, match=says):
        exercises.check_rounds_needed(wrong)


@pytest.mark.parametrize(
    "wrong, says",
    [
        (lambda accuracies: max(accuracies, key=lambda density: max(accuracies[density])), "single lucky trial"),
        (lambda accuracies: max(accuracies, key=lambda density: sum(accuracies[density])), "number of trials"),
        (min, "smallest density decided"),
    ],
)
def test_wrong_best_densities_are_told_why(wrong, says):
    with pytest.raises(exercises.WrongAnswer, match=says):
        exercises.check_best_density(wrong)
