"""The exercises of lesson 17: wrong answers are told why."""

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


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda ticket, control: ticket.mean() <= control.mean(), "luck"),
        (lambda ticket, control: not analysis.bounds(ticket)[0] > control.mean(), "trial by trial"),
        (lambda ticket, control: abs((ticket - control).mean()) < 0.5, "worse"),
        (lambda ticket, control: analysis.bounds(ticket - control)[0] <= 0, "two trials"),
        (lambda t, c: not (t - c).mean() > 0.1 + (t - c).std() / 5, "expect about ten"),
    ],
)
def test_wrong_checks_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_flagged(wrong)
