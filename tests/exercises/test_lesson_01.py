"""The exercises of lesson 1: wrong answers are told why."""

import pytest
import torch

from lthlib.exercises import lesson_01 as exercises
from lthlib.exercises.checking import WrongAnswer
from tests.exercises import solutions_of

SOLUTIONS = solutions_of(1)


def by_value(weight, mask, rate):
    survivors = mask.flatten().nonzero().squeeze(1)
    gone = survivors[weight.flatten()[survivors].argsort()[: round(rate * len(survivors))]]
    return mask.flatten().index_fill(0, gone, False).view_as(mask)


def by_threshold(weight, mask, rate):
    return mask & (weight.abs() > weight[mask].abs().sort().values[round(rate * int(mask.sum())) - 1])


def of_all(weight, mask, rate):
    return mask & (weight.abs() > weight.abs().flatten().sort().values[round(rate * mask.numel()) - 1])


def in_place(weight, mask, rate):
    mask &= SOLUTIONS["prune_layer"](weight, mask, rate)
    return mask


def reviving(weight, mask, rate):
    pruned = SOLUTIONS["prune_layer"](weight, mask, rate)
    return torch.ones_like(mask) & (pruned | ~mask)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (by_value, "absolute values"),
        (by_threshold, "threshold"),
        (of_all, "surviving"),
        (in_place, "clone"),
        (reviving, "is back"),
        (lambda weight, mask, rate: weight, "True and False"),
    ],
)
def test_wrong_pruning_is_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_prune(wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda weight, step, mask: weight + torch.where(weight < 1e-6, 0.0, step), "negative"),
        (lambda weight, step, mask: weight + torch.where(weight == 0, 0.0, step), "nearly"),
        (lambda weight, step, mask: weight + step, "exactly zero"),
        (lambda weight, step, mask: weight * mask, "frozen|step"),
    ],
)
def test_wrong_freezing_is_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_freeze(wrong)


def shuffled_globally(theta_0, mask, seed):
    flat = torch.cat([kept.flatten() for kept in mask.values()])
    flat = flat[torch.randperm(len(flat), generator=torch.Generator().manual_seed(seed))]
    return theta_0, dict(zip(mask, (part.view(30, 20) for part in flat.split(600))))


def masked(theta_0, mask, seed):
    weights, drawn = SOLUTIONS["control"](theta_0, mask, seed)
    return {name: weights[name] * mask[name] for name in mask}, drawn


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda theta_0, mask, seed: (theta_0, mask), "own mask"),
        (lambda theta_0, m, seed: ({n: torch.randn_like(t) for n, t in theta_0.items()}, m), "weights have changed"),
        (masked, "unmasked"),
        (shuffled_globally, "keeps"),
        (lambda theta_0, mask, seed: SOLUTIONS["control"](theta_0, mask, 3), "seed 1"),
        (lambda theta_0, mask, seed: SOLUTIONS["control"](theta_0, mask, torch.seed()), "two different"),
    ],
)
def test_wrong_controls_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_control(wrong)
