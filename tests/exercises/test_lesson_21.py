"""The exercises of lesson 21: wrong answers are told why."""

import numpy as np
import pytest
import torch

from lthlib.exercises import lesson_21 as exercises
from lthlib.exercises.checking import WrongAnswer
from tests.notebooks import LESSONS, solutions

[LESSON] = [path for path in LESSONS if path.name.startswith("21_")]
SOLUTIONS = solutions(LESSON, np=np)


def test_solutions_pass(capsys):
    for name, check in (("make_wrong", "make_wrong"), ("how_far", "how_far"), ("my_ece", "ece")):
        getattr(exercises, f"check_{check}")(SOLUTIONS[name])
        assert capsys.readouterr().out.startswith("Right: ")


def drawn(seed):
    return torch.Generator().manual_seed(seed)


def from_all_classes(labels, share, classes, seed):
    random, wrong = drawn(seed), labels.clone()
    chosen = torch.randperm(len(labels), generator=random)[: round(share * len(labels))]
    wrong[chosen] = torch.randint(classes, (len(chosen),), generator=random)
    return wrong


def by_coins(labels, share, classes, seed):
    random = drawn(seed)
    steps = torch.randint(1, classes, labels.shape, generator=random)
    return torch.where(torch.rand(labels.shape, generator=random) < share, (labels + steps) % classes, labels)


def one_step(labels, share, classes, seed):
    wrong = labels.clone()
    chosen = torch.randperm(len(labels), generator=drawn(seed))[: round(share * len(labels))]
    wrong[chosen] = (wrong[chosen] + 1) % classes
    return wrong


def the_first(labels, share, classes, seed):
    wrong, count = labels.clone(), round(share * len(labels))
    wrong[:count] = (wrong[:count] + torch.randint(1, classes, (count,), generator=drawn(seed))) % classes
    return wrong


def in_place(labels, share, classes, seed):
    labels[:] = SOLUTIONS["make_wrong"](labels, share, classes, seed)
    return labels


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (from_all_classes, "one case of ten"),
        (by_coins, "exactly 400"),
        (one_step, "some are never given"),
        (the_first, "lie together"),
        (in_place, "passed in have changed"),
        (lambda labels, share, classes, seed: SOLUTIONS["make_wrong"](labels, share, classes, 5), "seeds 0 and 1"),
        (lambda labels, share, classes, seed: SOLUTIONS["make_wrong"](labels, 0.4, classes, seed), "of 100 labels"),
        (lambda labels, share, classes, seed: SOLUTIONS["make_wrong"](labels, share, 10, seed), "of range|of 100"),
        (lambda labels, share, classes, seed: labels.float(), "whole numbers"),
        (lambda labels, share, classes, seed: labels[:3], "one label for each"),
    ],
)
def test_wrong_noise_is_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_make_wrong(wrong)


def norms(theta_0, trained, mask):
    """The L2 distance of each tensor, of what is kept."""
    return [((trained[n] - theta_0[n]) * mask.get(n, 1)).norm() for n in theta_0]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda a, b, mask: sum((b[n] - a[n]).square().sum() for n in a) ** 0.5, "has not moved"),
        (lambda a, b, mask: sum(((b[n] - a[n]) * mask[n]).square().sum() for n in mask) ** 0.5, "biases are missing"),
        (lambda a, b, mask: sum(norm**2 for norm in norms(a, b, mask)), "square of the distance"),
        (lambda a, b, mask: sum(norms(a, b, mask)), "do not add up"),
        (lambda a, b, mask: sum(norm**2 for norm in norms(a, b, mask)) ** 0.5 / 3, "the distance is"),
    ],
)
def test_wrong_distances_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_how_far(wrong)


def in_bins(combine):
    """An error that combines, in its own way, the sizes and the gaps of all bins, empty ones as zeros."""

    def ece(confidence, right, count):
        sizes, gaps = np.zeros(count), np.zeros(count)
        for place in range(count):
            inside = (confidence > place / count) & (confidence <= (place + 1) / count)
            if inside.any():
                sizes[place], gaps[place] = inside.sum(), right[inside].mean() - confidence[inside].mean()
        return combine(sizes, gaps)

    return ece


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (in_bins(lambda sizes, gaps: abs((sizes * gaps).sum() / sizes.sum())), "without its sign"),
        (in_bins(lambda sizes, gaps: np.abs(gaps[sizes > 0]).mean()), "weigh each bin"),
        (in_bins(lambda sizes, gaps: np.abs(gaps).mean()), "empty bins"),
        (in_bins(lambda sizes, gaps: 100 * (sizes * np.abs(gaps)).sum() / sizes.sum()), "not percent"),
        (in_bins(lambda sizes, gaps: np.abs(gaps).max()), "weigh each bin|the error is"),
        (in_bins(lambda sizes, gaps: float("nan")), "NaN"),
        (lambda confidence, right, count: np.abs(confidence - right).mean(), "never 80 % right"),
        (lambda confidence, right, count: abs(confidence.mean() - right.mean()), "without its sign"),
    ],
)
def test_wrong_calibration_errors_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_ece(wrong)


def test_the_other_convention_of_edges_is_right_too(capsys):
    """No confidence of the check lies on an edge, so bins [low, high) are as good as (low, high]."""

    def ece(confidence, right, count):
        number = np.minimum((confidence * count).astype(int), count - 1)
        gaps = [abs(right[number == k].sum() - confidence[number == k].sum()) for k in range(count)]
        return sum(gaps) / len(confidence)

    exercises.check_ece(ece)
    assert capsys.readouterr().out.startswith("Right: ")
