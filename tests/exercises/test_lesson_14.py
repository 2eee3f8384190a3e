"""The exercises of lesson 14: wrong answers are told why."""

import pytest
import torch

from lthlib.exercises import lesson_14 as exercises
from lthlib.exercises.checking import WrongAnswer
from lthlib.lottery import early_bird
from lthlib.pruning import masks


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda lengths, rounds, training: training, "the last training alone"),
        (lambda lengths, rounds, training: lengths[0] + training, "each of the rounds is a training"),
        (lambda tried, r, full: (r + 1) * tried[0] + full, "rounds trainings of the search come before"),
        (lambda lengths, rounds, training: rounds * lengths[0] + training, "tried and dropped"),
        (lambda lengths, rounds, training: rounds * min(lengths) + training, "tried and dropped"),
        (lambda lengths, rounds, training: rounds * sum(lengths) + training, "had a full training, too"),
        (lambda tried, r, full: 12 * sum(tried) + len(tried) * full, "other lengths, rounds"),
        (lambda lengths, rounds, training: 7.5, "take 3,300 iterations, not 7.5"),
    ],
)
def test_wrong_bills_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_bill(wrong)


def pooled(a, b):
    if masks.layer_counts(a) != masks.layer_counts(b):
        raise ValueError
    share = masks.density(a)
    return masks.distance(a, b) / (2 * share * (1 - share))


def refusing(a, b):
    if a is not b:
        raise ValueError
    return 0.0


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (masks.distance, "divide it by what chance gives"),
        (lambda a, b: masks.distance(a, b) / 0.42, "4 % come out at 0.1"),
        (pooled, "layers of different densities"),
        (lambda a, b: masks.distance(a, b) / early_bird.expected_distance(a, b), "even if nothing moved"),
        (lambda a, b: 1 - masks.overlap(a, b), "30 % come out at 0.8"),
        (lambda a, b: 1.0, "a mask and itself"),
        (refusing, "nothing to refuse"),
    ],
)
def test_wrong_distances_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_apart(wrong)


def rows(inputs):
    return [tuple(row) for row in inputs.flatten(1).tolist()]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda seen, test: int(torch.isin(test, test[:1]).any()), "whole examples"),
        (lambda seen, test: sum(bool((seen[i] == test[i]).all()) for i in range(20)), "you count 0"),
        (lambda seen, test: sum(rows(seen).count(row) for row in rows(test)), "not pairs"),
        (lambda seen, test: len(set(rows(seen)) & set(rows(test))), "leaked twice"),
        (lambda s, test: int((torch.cdist(test.flatten(1), s.flatten(1)).min(1).values < 0.1).sum()), "only similar"),
    ],
)
def test_wrong_counts_of_leaks_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_leaked(wrong)
