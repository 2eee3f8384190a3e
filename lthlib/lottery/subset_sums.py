"""Why strong tickets exist: sums of some of n random numbers come exponentially close to any number."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from lthlib.core.errors import LotteryError

MOST_CANDIDATES = 40  # of a subset sum: two halves with 2**20 sums each


def nearest_subset_sum(candidates: Sequence[float] | np.ndarray, target: float) -> tuple[np.ndarray, float]:
    """Which of the numbers to add to come nearest to the target, and how far off their sum is: booleans [n],
    and an error.

    Exact, over all 2**n subsets, the empty one too: sums of one half of the numbers are matched with those of
    the other. Takes 2**(n/2) steps (Horowitz & Sahni 1974). Raises LotteryError for more than 40 numbers, or
    for any that is not finite.
    """
    numbers = np.asarray(candidates, dtype=float).reshape(-1)
    if len(numbers) > MOST_CANDIDATES or not np.isfinite([*numbers, target]).all():
        raise LotteryError(
            f"there are {len(numbers)} candidates for the target {target}: give at most {MOST_CANDIDATES}, and finite numbers."
        )
    half = len(numbers) // 2
    left, right = _sums(numbers[:half]), _sums(numbers[half:])
    order = right.argsort(kind="stable")
    above = right[order].searchsorted(target - left).clip(1, len(right) - 1) if len(right) > 1 else np.zeros(len(left), int)
    near = np.stack([above - 1, above]).clip(0)  # of the sums of the right half, the ones next to what is missing
    off = np.abs(left + right[order][near] - target)
    side, at = np.unravel_index(off.argmin(), off.shape)
    pick, other = int(at), int(order[near[side, at]])
    chosen = [pick >> i & 1 for i in range(half)] + [other >> i & 1 for i in range(len(numbers) - half)]
    return np.array(chosen, dtype=bool), float(off[side, at])


def block_masks(target: Tensor, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Masks under which a random block, x -> second @ relu(first @ x), comes near a linear layer, x -> target
    @ x.

    target [m, d], first [h, d], second [m, h] -> boolean masks of `first` and `second`. Pensia et al. (2020),
    section 3: hidden unit i keeps its weight of input i mod d alone. Those with a positive weight pass x
    where x > 0, the others where x < 0, and w x = w relu(x) - w relu(-x); so for each sign, output and input,
    those units are kept whose products of the two weights come nearest to w in sum. Raises LotteryError where
    shapes do not fit, or where an input has more than 40 units of one sign.
    """
    (outputs, inputs), hidden = target.shape, len(first)
    if first.shape != (hidden, inputs) or second.shape != (outputs, hidden):
        raise LotteryError(
            f"a target of shape {list(target.shape)}, first {list(first.shape)} and second {list(second.shape)} do not fit: "
            "give [m, d], [h, d] and [m, h]."
        )
    unit, source = torch.arange(hidden), torch.arange(hidden) % inputs
    kept_first, kept_second = torch.zeros(first.shape, dtype=torch.bool), torch.zeros(second.shape, dtype=torch.bool)
    kept_first[unit, source] = True
    entry = first[unit, source]
    for column in range(inputs):
        for units in (unit[(source == column) & (entry > 0)], unit[(source == column) & (entry < 0)]):
            for row in range(outputs):
                products = (second[row, units] * entry[units]).double().numpy()
                kept_second[row, units] = torch.from_numpy(nearest_subset_sum(products, float(target[row, column]))[0])
    return kept_first, kept_second


def _sums(numbers: np.ndarray) -> np.ndarray:
    """The sums of all 2**n subsets: number i is in the sums whose place has bit i set."""
    sums = np.zeros(1)
    for value in numbers:
        sums = np.concatenate([sums, sums + value])
    return sums
