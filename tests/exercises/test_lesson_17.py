"""The exercises of lesson 17: wrong answers are told why."""

import numpy as np
import pytest
import torch

from lthlib import analysis
from lthlib.exercises import lesson_17 as exercises
from lthlib.exercises.checking import WrongAnswer


def ratio(weights, start):
    return {name: weights[name].abs() / start[name].abs() for name in weights}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda *, weights, start: [1], "dictionary"),
        (lambda *, weights, start: dict.fromkeys(weights, 1.0), "tensor of its shape"),
        (lambda *, weights, start: ratio(weights, start), "0 / 0"),
        (lambda *, weights, start: {n: torch.nan_to_num(weights[n] / start[n]) for n in weights}, "negative"),
        (lambda *, weights, start: {n: torch.nan_to_num(r) for n, r in ratio(start, weights).items()}, "grew"),
        (lambda *, weights, start: {n: w.abs_().div(start[n].abs()).nan_to_num() for n, w in weights.items()}, "have changed"),
    ],
)
def test_wrong_criteria_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_grown(wrong)


def by_validation(validation):
    return max(validation, key=lambda scope: np.mean(validation[scope]))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda validation, test: max(np.mean(own) for own in test.values()), "partly luck"),
        (lambda validation, test: max(np.mean(own) for own in validation.values()), "is a validation accuracy"),
        (lambda validation, test: float(np.mean(list(test.values()))), "one scope"),
        (lambda validation, test: test[by_validation(validation)], "one accuracy in percent"),
        (lambda validation, test: np.median(test["uniform"]), "highest mean validation accuracy"),
        (lambda validation, test: np.mean(test[max(validation, key=lambda s: max(validation[s]))]), "partly luck"),
    ],
)
def test_wrong_reports_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_reported(wrong)


def one_sided(ticket, control, margin):
    return "flagged" if ticket.mean() <= control.mean() else "passed"


def by_bounds(differences, margin, unsettled="inconclusive"):
    low, high = analysis.bounds(differences)
    return "passed" if low > 0 else "flagged" if high < margin else unsettled


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (one_sided, "shown not to matter, so flag it|may be luck"),
        (lambda t, c, m: "passed" if t.mean() > c.mean() + 1 else "flagged", "not shown to matter is not"),
        (lambda t, c, m: "passed" if analysis.bounds(t)[0] > c.mean() else "flagged", "trial by trial"),
        (lambda t, c, m: by_bounds(abs(t - c), m), "worse than its control"),
        (lambda t, c, m: by_bounds(t - c, 0), "shown not to matter, so flag it"),
        (lambda t, c, m: by_bounds(t - c, m, "flagged"), "not shown to matter is not"),
        (lambda t, c, m: "flagged" if analysis.bounds(t - c)[1] < m else by_bounds(t - c, m), "less than the margin"),
        (lambda t, c, m: "inconclusive" if abs((t - c).mean()) < 0.2 < (t - c).std() else
         "passed" if (t - c).mean() > 0.2 else "flagged", "expect about twenty"),
        (lambda t, c, m: "passed" if len(t) < 3 else by_bounds(t - c, m), "two trials"),
    ],
)  # fmt: skip
def test_wrong_checks_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_verdict(wrong)
