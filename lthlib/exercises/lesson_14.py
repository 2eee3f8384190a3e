"""Checks for lesson 14's exercises: a search's cost, masks that are apart, what a source has seen."""

import torch

from lthlib.exercises.checking import Answer, WrongAnswer, exercise, need
from lthlib.lottery.early_bird import expected_distance
from lthlib.pruning import masks


@exercise(lesson=14)
def check_bill(bill: Answer) -> str:
    """`bill(lengths, rounds, training)`: iterations behind a ticket, of all search lengths tried."""
    first = bill([150], 12, 1500)
    need(first != 1500, "that is the last training alone: the search that made its mask was trained, too.")
    problem = "each of the rounds is a training"
    need(first != 150 + 1500, f"{problem}: the dense network's first, then a pruned one's before each prune.")
    problem = "the network of the last mask is trained once, in full"
    need(first != 13 * 150 + 1500, f"{problem}: rounds trainings of the search come before it.")
    why = f"one length of 150, 12 rounds and a training of 1,500 take 3,300 iterations, not {first}."
    need(first == 12 * 150 + 1500, why)
    both = bill([150, 30], 12, 1500)
    need(both not in (3300, 12 * 30 + 1500), "a length that was tried and dropped was paid for as well.")
    why = "a length can only be judged by its ticket: each that was tried had a full training, too."
    need(both != 12 * 180 + 1500, why)
    need(both == 12 * 180 + 3000, f"lengths 150 and 30 take 3,300 and 1,860 iterations, together 5,160, not {both}.")
    why = "other lengths, rounds or trainings are not counted right."
    need(bill([7], 1, 20) == 27 and bill([3, 4, 5], 2, 10) == 54, why)
    return "Right: whoever chooses pays for all that was tried."


@exercise(lesson=14)
def check_apart(apart: Answer) -> str:
    """`apart(a, b)`: how far masks of one density are apart, 1 by chance; ValueError for two densities."""
    random = torch.Generator().manual_seed(0)

    def draw(*densities):
        """A random mask of exactly these densities in two layers."""
        layers = zip("ab", (40_000, 20_000), densities)
        return {n: (torch.randperm(size, generator=random) < round(size * d)).view(-1, 100) for n, size, d in layers}

    a, b = draw(0.3, 0.3), draw(0.3, 0.3)
    need(abs(_or_error(apart, a, a)) < 1e-6, "a mask and itself are 0 apart.")
    plain, far = masks.distance(a, b), _or_error(apart, a, b)
    why = "that is the share of entries that differ: divide it by what chance gives, 2 d (1 - d)."
    need(abs(far - plain) > 0.02, why)
    need(abs(far - 1) < 0.05, f"two random masks of 30 % come out at {far:.2f}: they are as far apart as chance, 1.")
    far = _or_error(apart, draw(0.04, 0.04), draw(0.04, 0.04))
    need(abs(far - 1) < 0.1, f"two random masks of 4 % come out at {far:.2f}, not 1: chance depends on the density.")
    uneven = draw(0.05, 0.9), draw(0.05, 0.9)
    far, near = _or_error(apart, *uneven), masks.distance(*uneven) / expected_distance(*uneven)
    why = "layers of different densities: work out what chance gives in each layer, and weigh by size."
    need(abs(far - near) < 0.05, why)
    nested = {name: kept & (torch.rand(kept.shape, generator=random) < 0.8) for name, kept in a.items()}
    why = "a mask and a later round of it differ by what was pruned, even if nothing moved: ValueError."
    need(_refused(apart, a, nested), why)
    return "Right: now 0.1 means the same at every density."


@exercise(lesson=14)
def check_leaked(leaked: Answer) -> str:
    """`leaked(seen, test)`: how many test examples a source has seen; inputs [N, ...] and [M, ...]."""
    random = torch.Generator().manual_seed(0)
    seen, test = torch.randn(50, 1, 3, 4, generator=random), torch.randn(20, 1, 3, 4, generator=random)
    need(leaked(seen, test) == 0, "no test example is among these: 0. Compare whole examples, not single numbers.")
    test[[2, 5, 11]] = seen[[40, 1, 7]]
    count = leaked(seen, test)
    need(count == 3, f"three of these test examples were seen, in other places of the order, and you count {count}.")
    again = torch.cat([seen, seen[[1, 7]]])
    need(leaked(again, test) == 3, "count test examples, not pairs: one that was seen twice is still one.")
    test[[3]] = test[[2]]
    why = "a test example that is there twice was leaked twice: each counts in the accuracy."
    need(leaked(seen, test) == 4, why)
    need(leaked(seen, seen[:1] + 1e-3) == 0, "an example that is only similar is not the same one.")
    return "Right: anything above 0 has to go before a transfer is measured."


def _or_error(apart, a, b):
    try:
        return apart(a, b)
    except ValueError as error:
        why = "these two masks keep as many weights in every layer: there is nothing to refuse."
        raise WrongAnswer(why) from error


def _refused(apart, a, b) -> bool:
    try:
        apart(a, b)
    except ValueError:
        return True
    return False
