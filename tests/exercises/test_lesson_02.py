"""The exercises of lesson 2: wrong answers are told why."""

import pytest
import torch

from lthlib.exercises import lesson_02 as exercises
from lthlib.exercises.checking import WrongAnswer
from tests.exercises import solutions_of
from tests.notebooks import LESSONS, printed

SOLUTIONS = solutions_of(2)


def largest(trained, shares):
    """The mask of the largest weights, a share of each layer."""
    cut = {
        name: weight.abs().flatten().sort().values[-max(1, round(shares[name] * weight.numel()))]
        for name, weight in trained.items()
    }
    return {name: weight.abs() >= cut[name] for name, weight in trained.items()}


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda end, q, r: largest(end, {n: 1 - r * q[n] for n in q}), "multiply"),
        (lambda end, q, r: largest(end, dict.fromkeys(q, 0.8**r)), "each layer's own"),
        (lambda end, q, r: largest(end, {n: (1 - q[n]) ** r for n in q}), "all that tie"),
        (
            lambda end, q, r: SOLUTIONS["one_shot"]({n: -w.exp() for n, w in end.items()}, q, r),
            "larger",
        ),
        (lambda trained, rates, rounds: trained, "True and False"),
        (lambda trained, rates, rounds: {}, "every layer"),
    ],
)
def test_wrong_one_shot_masks_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_one_shot(wrong)


def next_ticket(theta_0, trained, mask, rate):
    return SOLUTIONS["next_ticket"](theta_0, trained, mask, rate)


def of_all(theta_0, trained, mask, rate):
    full = {name: torch.ones_like(kept) for name, kept in mask.items()}
    return next_ticket(theta_0, {name: trained[name] * mask[name] for name in mask}, full, rate)


def of_all_survivors(theta_0, trained, mask, rate):
    pruned = {n: next_ticket(theta_0, trained, mask, rate * m.numel() / int(m.sum()))[1][n] for n, m in mask.items()}
    return {name: theta_0[name] * pruned[name] for name in mask}, pruned


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (of_all, "back in the mask|share"),
        (of_all_survivors, "share of the survivors"),
        (lambda t, end, m, rate: next_ticket(t, t, m, rate), "size after training"),
        (lambda t, end, m, rate: next_ticket(end, end, m, rate), "not those of theta_0"),
        (lambda theta_0, trained, mask, rate: next_ticket(theta_0, trained, mask, rate)[1], "two things"),
    ],
)
def test_wrong_steps_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_next_ticket(wrong)


MENDS = {  # of the step that lesson 2 prints, each of its three bugs
    "survivors": [("* kept).abs()", "* kept).abs().masked_fill(~kept, torch.inf)"), ("size.numel()", "int(kept.sum())")],
    "trained": [("(theta_0[name]", "(trained[name]")],
    "theta_0": [("= trained[name]", "= theta_0[name]")],
}


@pytest.mark.parametrize(
    ("mended", "says"),
    [
        ((), "share of the survivors"),
        (("survivors",), "size after training"),
        (("survivors", "theta_0"), "size after training"),
        (("trained", "theta_0"), "share of the survivors"),
        (("survivors", "trained"), "not those of theta_0"),
        (tuple(MENDS), None),
    ],
)
def test_the_step_with_three_bugs_is_caught_until_the_last_is_mended(mended, says, capsys):
    step = printed(LESSONS[2], "next_ticket")
    for broken, right in (pair for bug in mended for pair in MENDS[bug]):
        assert step.count(broken) == 1
        step = step.replace(broken, right)
    exec(step, space := {"torch": torch})
    if says is None:
        exercises.check_next_ticket(space["next_ticket"])
        assert "Right" in capsys.readouterr().out
    else:
        with pytest.raises(WrongAnswer, match=says):
            exercises.check_next_ticket(space["next_ticket"])
