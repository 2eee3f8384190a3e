"""Checks for the exercises about cheap tickets: what a search has cost, how far masks are apart, what a source has seen.

As in `exercises`, each takes the reader's function, tries properties that a right answer must have, and raises WrongAnswer with
one sentence that helps. A function that still returns None counts as not tried.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lthlib.exercises import WrongAnswer
from lthlib.lottery.early_bird import by_chance
from lthlib.pruning import masks
from lthlib.pruning.masks import Mask

UNTRIED = "Exercise not tried yet: the function returns None."


def check_bill(bill: Callable[[Sequence[int], int, int], int]) -> None:
    """`bill(lengths, rounds, training)`: iterations behind a ticket whose author tried several search lengths."""
    first = bill([150], 12, 1500)
    if first is None:
        return print(UNTRIED)
    _need(first != 1500, "that is the last training alone: the search that made its mask was trained, too.")
    _need(
        first != 150 + 1500, "each of the rounds is a training: the dense network's first, then a pruned one's before each prune."
    )
    _need(
        first != 13 * 150 + 1500,
        "the network of the last mask is trained once, in full: rounds trainings of the search come before it.",
    )
    _need(first == 12 * 150 + 1500, f"one length of 150, 12 rounds and a training of 1,500 take 3,300 iterations, not {first}.")
    both = bill([150, 30], 12, 1500)
    _need(both not in (3300, 12 * 30 + 1500), "a length that was tried and dropped was paid for as well.")
    _need(both != 12 * 180 + 1500, "a length can only be judged by its ticket: each that was tried had a full training, too.")
    _need(both == 12 * 180 + 3000, f"lengths 150 and 30 take 3,300 and 1,860 iterations, together 5,160, not {both}.")
    _need(bill([7], 1, 20) == 27 and bill([3, 4, 5], 2, 10) == 54, "other lengths, rounds or trainings are not counted right.")
    print("Right: whoever chooses pays for all that was tried.")


def check_apart(apart: Callable[[Mask, Mask], float]) -> None:
    """`apart(a, b)`: how far two masks of one density are apart, 0 the same, 1 as chance has it; ValueError for two densities."""
    random = torch.Generator().manual_seed(0)
    draw = lambda p, q: {  # noqa: E731
        "a": _kept(40_000, p, random),
        "b": _kept(20_000, q, random),
    }
    a, b = draw(0.3, 0.3), draw(0.3, 0.3)
    if (same := _or_error(apart, a, a)) is None:
        return print(UNTRIED)
    _need(same == 0, "a mask and itself are 0 apart.")
    plain, found = masks.distance(a, b), _or_error(apart, a, b)
    _need(abs(found - plain) > 0.02, "that is the share of entries that differ: divide it by what chance gives, 2 d (1 - d).")
    _need(abs(found - 1) < 0.05, f"two random masks of 30 % come out at {found:.2f}: they are as far apart as chance, 1.")
    thin = draw(0.04, 0.04)
    found = _or_error(apart, thin, draw(0.04, 0.04))
    _need(abs(found - 1) < 0.1, f"two random masks of 4 % come out at {found:.2f}, not 1: chance depends on the density.")
    uneven = draw(0.05, 0.9), draw(0.05, 0.9)
    found = _or_error(apart, *uneven)
    near = masks.distance(*uneven) / by_chance(*uneven)
    _need(abs(found - near) < 0.05, "layers of different densities: work out what chance gives in each layer, and weigh by size.")
    nested = {name: kept & (torch.rand(kept.shape, generator=random) < 0.8) for name, kept in a.items()}
    _need(
        _refused(apart, a, nested), "a mask and a later round of it differ by what was pruned, even if nothing moved: ValueError."
    )
    print("Right: now 0.1 means the same at every density.")


def check_leaked(leaked: Callable[[Tensor, Tensor], int]) -> None:
    """`leaked(seen, test)`: how many test examples are among those a source has seen; inputs [N, ...] and [M, ...]."""
    random = torch.Generator().manual_seed(0)
    seen, test = torch.randn(50, 1, 3, 4, generator=random), torch.randn(20, 1, 3, 4, generator=random)
    if (none := leaked(seen, test)) is None:
        return print(UNTRIED)
    _need(none == 0, "no test example is among these: 0. Compare whole examples, not single numbers.")
    test[[2, 5, 11]] = seen[[40, 1, 7]]
    found = leaked(seen, test)
    _need(found == 3, f"three of these test examples were seen, in other places of the order, and you count {found}.")
    again = torch.cat([seen, seen[[1, 7]]])
    _need(leaked(again, test) == 3, "count test examples, not pairs: one that was seen twice is still one.")
    test[[3]] = test[[2]]
    _need(leaked(seen, test) == 4, "a test example that is there twice was leaked twice: each counts in the accuracy.")
    near = seen[:1] + 1e-3
    _need(leaked(seen, near) == 0, "an example that is only similar is not the same one.")
    print("Right: anything above 0 has to go before a transfer is measured.")


def _kept(size: int, density: float, random: torch.Generator) -> Tensor:
    """A random mask of exactly that density."""
    return (torch.randperm(size, generator=random) < round(size * density)).view(-1, 100)


def _or_error(apart, a, b):
    try:
        return apart(a, b)
    except ValueError as error:
        raise WrongAnswer("these two masks keep as many weights in every layer: there is nothing to refuse.") from error


def _refused(apart, a, b) -> bool:
    try:
        apart(a, b)
    except ValueError:
        return True
    return False


def _need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise WrongAnswer(otherwise)
