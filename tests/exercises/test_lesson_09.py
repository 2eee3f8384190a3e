"""The exercises of lesson 9: wrong answers are told why."""

import dataclasses

import pytest

from lthlib.exercises import lesson_09 as exercises
from lthlib.exercises.checking import WrongAnswer
from lthlib.training.stack import Ticket
from tests.exercises import solutions_of

SOLUTIONS = solutions_of(9)


def replaced(ticket, **changes):
    return dataclasses.replace(ticket, **changes)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda t, seed: Ticket(t.weights, t.mask, t.order_seed), "instability of 0 says nothing"),
        (
            lambda ticket, seed: Ticket(ticket.weights, ticket.mask, ticket.order_seed + seed + 1),
            "40 and this twin",
        ),
        (lambda ticket, seed: replaced(ticket, order_seed=5), "other seeds must give other orders"),
        (lambda ticket, seed: replaced(ticket, order_seed=ticket.order_seed + seed), "none the ticket's own"),
        (lambda ticket, seed: replaced(SOLUTIONS["twin"](ticket, seed), weights={}), "weights have changed"),
        (lambda ticket, seed: replaced(SOLUTIONS["twin"](ticket, seed), mask={}), "mask has changed"),
        (lambda ticket, seed: seed, "return a Ticket"),
    ],
)
def test_wrong_twins_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_twin(wrong)


def weights_alone(a, b, alpha):
    middle = dict(a)
    for name in a:
        if name.endswith("weight") or name.endswith("bias"):
            middle[name] = (1 - alpha) * a[name] + alpha * b[name]
    return middle


def in_place(a, b, alpha):
    for name in a:
        if a[name].is_floating_point():
            a[name].lerp_(b[name], alpha)
    return a


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (weights_alone, "norm.running_mean stays at one end"),
        (lambda a, b, alpha: SOLUTIONS["between"](b, a, alpha), "nearer to the second"),
        (lambda a, b, alpha: {name: (1 - alpha) * a[name] + alpha * b[name] for name in a}, "counts batches"),
        (lambda a, b, alpha: SOLUTIONS["between"](a, b, 0.5), "not on the straight line"),
        (lambda a, b, alpha: {name: a[name] for name in a if "norm" not in name}, "every name"),
        (in_place, "passed in has changed"),
    ],
)
def test_wrong_ways_between_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_between(wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda ticket, other: ticket, "own weights at k"),
        (lambda ticket, other: other, "the mask is not the ticket's"),
        (
            lambda ticket, other: replaced(ticket, weights=other.weights, order_seed=other.order_seed),
            "order of the data has changed",
        ),
        (lambda ticket, other: replaced(ticket, weights=other.weights, start=0), "go on from iteration 40"),
        (lambda t, other: replaced(t, weights={n: 0 * w for n, w in other.weights.items()}), "as they are"),
        (lambda ticket, other: other.weights, "return a Ticket"),
    ],
)
def test_wrong_controls_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_foreign(wrong)
