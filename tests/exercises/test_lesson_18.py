import math

import pytest
import torch

from lthlib import Moves
from lthlib.exercises import lesson_18 as exercises
from lthlib.exercises.checking import WrongAnswer
from lthlib.pruning import moving


def grow(mask, gradient, count):
    wanted = gradient.abs().masked_fill(mask, -1)
    best = wanted.flatten().argsort(descending=True)[:count]
    return mask.flatten().index_fill(0, best, True).view_as(mask)


def grow_with_a_threshold(mask, gradient, count):
    places = (~mask).flatten().nonzero().flatten().tolist()
    places.sort(key=lambda place: -abs(float(gradient.flatten()[place])))
    grown = mask.clone().flatten()
    for place in places[:count]:
        grown[place] = True
    return grown.view_as(mask).float()


def signed(mask, gradient, count):
    best = gradient.masked_fill(mask, -torch.inf).flatten().argsort(descending=True)[:count]
    return mask.flatten().index_fill(0, best, True).view_as(mask)


def among_all(mask, gradient, count):
    best = gradient.abs().flatten().argsort(descending=True)[:count]
    return mask.flatten().index_fill(0, best, True).view_as(mask)


def density_at(iteration, end, final):
    left = max(0.0, 1 - iteration / end)
    return final + (1 - final) * left**3


def price(density, every):
    return ((every - 1) * 3 * density + 2 * density + 1) / (3 * every)


@pytest.mark.parametrize(
    ("check", "answers"),
    [
        (exercises.check_grow, [grow, grow_with_a_threshold]),
        (exercises.check_density_at, [density_at, lambda i, e, f: 1 - (1 - f) * (1 - (1 - min(i, e) / e) ** 3)]),
        (exercises.check_price, [price, lambda d, e: d + (1 - d) / (3 * e)]),
    ],
)
def test_correct_answers_pass(check, answers):
    for answer in answers:
        check(answer)
        assert check.right


@pytest.mark.parametrize(
    ("check", "wrong", "sentence"),
    [
        (exercises.check_grow, signed, "compare sizes"),
        (exercises.check_grow, among_all, "0 weights grew, 1 should"),
        (exercises.check_grow, lambda mask, gradient, count: grow(mask, gradient, count + 1), "2 weights grew, 1 should"),
        (exercises.check_grow, lambda mask, gradient, count: ~mask, "a weight that was kept is gone"),
        (exercises.check_grow, lambda mask, gradient, count: gradient, "only True and False"),
        (exercises.check_density_at, lambda i, e, f: 1 - density_at(i, e, f), "all weights are there"),
        (exercises.check_density_at, lambda i, e, f: f + (1 - f) * (1 - i / e) ** 3, "after the end"),
        (exercises.check_density_at, lambda i, e, f: f + (1 - f) * max(0, 1 - i / e), "a straight line"),
        (exercises.check_density_at, lambda i, e, f: max(f, 1 - (1 - f) * i / e) if i else 1.0, "a straight line"),
        (exercises.check_density_at, lambda i, e, f: f + (1 - f) * max(0, 1 - i / e) ** 2, "is 0.2125"),
        (exercises.check_price, lambda d, e: d, "leaves the dense gradient out"),
        (exercises.check_price, lambda d, e: ((e - 1) * d + 1) / e, "not a whole dense step"),
        (exercises.check_price, lambda d, e: 1.0, "5.32 % of dense"),
    ],
)
def test_wrong_answers_are_told_what_is_wrong(check, wrong, sentence, monkeypatch):
    monkeypatch.setenv("LTHLIB_STRICT", "1")
    with pytest.raises(WrongAnswer, match=sentence):
        check(wrong)
    assert not check.right


def test_the_solutions_agree_with_the_library():
    moves, end = Moves("gmp"), 1000
    for iteration in (0, 100, 600, 900):
        ours = density_at(iteration, moves.until * end, 0.1)
        assert math.isclose(ours, moving.density_at(moves, iteration, end, 0.1))
