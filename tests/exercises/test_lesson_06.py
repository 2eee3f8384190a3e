"""The exercises of lesson 6: wrong answers are told why; and the arithmetic of its puzzle."""

import pytest
import torch

from lthlib import models, tasks
from lthlib.exercises import lesson_06 as exercises
from lthlib.exercises.checking import WrongAnswer
from tests.exercises import solutions_of

SOLUTIONS = solutions_of(6)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda d, s, f, r: 1 - SOLUTIONS["fast_share"](d, s, f, r), "0.5|multiply"),
        (lambda density, slow, fast, rounds: (1 - density) / rounds / fast, "0.5"),
        (lambda density, slow, fast, rounds: ((1 - slow) - density) / (fast - slow), "multiply"),
    ],
)
def test_wrong_shares_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_fast_share(wrong)


def by_threshold(weights, mask, rate, least):
    sizes = torch.cat([weight.abs().flatten() for weight in weights.values()])
    cut = sizes.sort().values[round(rate * len(sizes)) - 1]
    return {name: weight.abs() > cut for name, weight in weights.items()}


def layer_by_layer(weights, mask, rate, least):
    return {n: SOLUTIONS["prune_globally"]({n: weights[n]}, {n: mask[n]}, rate, least)[n] for n in mask}


def ties_together(weights, mask, rate, least):
    found = SOLUTIONS["prune_globally"](weights, mask, rate, least)
    return found if "fcs.0.weight" in mask else {n: torch.zeros_like(kept) for n, kept in found.items()}


def by_value(weights, mask, rate, least):
    return SOLUTIONS["prune_globally"]({n: torch.where(mask[n], w.exp(), 0) for n, w in weights.items()}, mask, rate, least)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (by_threshold, "empty layer"),
        (lambda w, m, rate, least: SOLUTIONS["prune_globally"](w, m, rate, 0), "empty layer"),
        (
            lambda weights, mask, rate, least: SOLUTIONS["prune_globally"](weights, mask, rate / 2, least),
            "share of the survivors",
        ),
        (layer_by_layer, "one pool"),
        (ties_together, "all that tie"),
        (by_value, "absolute values"),
        (lambda w, m, rate, least: {n: torch.ones_like(kept) for n, kept in m.items()}, "is back"),
        (lambda weights, mask, rate, least: {}, "every layer"),
    ],
)
def test_wrong_global_pruning_is_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_prune_globally(wrong)


def test_what_the_solution_says_of_the_puzzle_holds():
    rates = {26.4: 0.15, 15.1: 0.15, 10.5: 0.15, 19.7: 0.1, 15.2: 0.1, 11.9: 0.1, 9.31: 0.1}
    half = {printed: 0.005 if printed == 9.31 else 0.05 for printed in rates}
    agreed = [((), 0.0, 1.0)]
    for printed, slow in rates.items():
        shares = [(printed + off) / 100 for off in (half[printed], -half[printed])]
        ends = {n: [SOLUTIONS["fast_share"](share, slow, 0.2, n) for share in shares] for n in range(1, 40)}
        ranges = [((*k, n), max(a, low), min(b, high)) for k, a, b in agreed for n, (low, high) in ends.items()]
        agreed = [one for one in ranges if one[1] < one[2]]
    [(rounds, low, high)] = agreed
    assert rounds == (7, 10, 12, 11, 13, 15, 17)
    assert (round(100 * low, 2), round(100 * high, 2)) == (51.04, 51.11)
    with torch.device("meta"):
        network = models.Conv((3, 32, 32), 10, widths=tasks.WIDTHS["conv6"])
    count = {name: weight.numel() for name, weight in models.prunable(network).items()}
    total, fast = sum(count.values()), sum(n for name, n in count.items() if name.startswith("fcs"))
    assert round(100 * fast / total, 1) == 49.3
    assert (round(low * total - fast, -2), round(high * total - fast, -2)) == (40_100, 41_500)
    assert count["convs.0.weight"] + count["convs.1.weight"] == 38_592 and count["output.weight"] == 2_560
    share = (fast + 38_592 + 2_560) / total
    for n, (printed, slow) in zip(rounds, rates.items()):
        assert abs(100 * (share * 0.8**n + (1 - share) * (1 - slow) ** n) - printed) <= half[printed]
