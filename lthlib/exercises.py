"""Checks for the exercises of the lessons.

Each takes the reader's function, tries properties that a right answer must have on drawn examples, and raises WrongAnswer
with one sentence that helps. A function that still returns None counts as not tried.
"""

from collections.abc import Callable

import torch
from torch import Tensor


class WrongAnswer(AssertionError):
    """One sentence on what is not right yet."""


def check_prune(prune_layer: Callable[[Tensor, Tensor, float], Tensor]) -> None:
    """Lesson 1: `prune_layer(weight, mask, rate)` removes exactly round(rate * survivors), the smallest in size."""
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(7, 9, generator=generator)
    mask = torch.rand(7, 9, generator=generator) < 0.7
    weight[~mask] = 0.0
    for rate in (0.2, 0.5):
        before = mask.clone()
        pruned = prune_layer(weight.clone(), mask, rate)
        if pruned is None:
            return print("Exercise not tried yet: the function returns None.")
        survivors, expected = int(mask.sum()), round(rate * int(mask.sum()))
        _need(torch.equal(mask, before), "the mask that was passed in has changed: work on a copy, mask.clone().")
        _need(
            isinstance(pruned, Tensor) and pruned.shape == mask.shape and bool(((pruned == 0) | (pruned == 1)).all()),
            "return a mask of the same shape that holds only True and False.",
        )
        pruned = pruned.bool()
        _need(not bool((pruned & ~mask).any()), "a weight that was pruned before is back: a mask only ever loses weights.")
        removed = survivors - int(pruned.sum())
        _need(
            removed == expected,
            f"{removed} of {survivors} surviving weights went at rate {rate}, {expected} should: the rate is a share of the "
            "survivors, and weights pruned before (now zero) do not count.",
        )
        smallest_kept, largest_gone = weight[pruned].abs().min(), weight[mask & ~pruned].abs().max()
        _need(bool(largest_gone <= smallest_kept), "a larger weight went before a smaller one: compare absolute values.")
    removed = int(20 - prune_layer(torch.ones(4, 5), torch.ones(4, 5, dtype=torch.bool), 0.25).sum())
    _need(
        removed == 5,
        f"of 20 equal weights {removed} went at rate 0.25, 5 should: a threshold takes all that tie, so count instead.",
    )
    print("Right: exactly the share asked for, by absolute value, also where weights tie.")


def check_freeze(keep_pruned: Callable[[Tensor, Tensor, Tensor], Tensor]) -> None:
    """Lesson 1: `keep_pruned(weight, step, mask)` returns the weight after a step, with only pruned weights held at zero."""
    weight = torch.tensor([0.5, -0.5, 0.0, 0.0, 1e-9])
    step = torch.full((5,), 0.25)
    mask = torch.tensor([True, True, True, False, True])
    after = keep_pruned(weight.clone(), step.clone(), mask.clone())
    if after is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(after[3] == 0, "the pruned weight has moved: it must be exactly zero after the step.")
    _need(after[1] == -0.25, "a negative weight was frozen: ask the mask, not the value, whether a weight is pruned.")
    _need(after[2] == 0.25 and after[4] > 0.2, "a surviving weight that happens to be (nearly) zero was frozen: ask the mask.")
    _need(after[0] == 0.75, "a surviving weight did not take its step.")
    print("Right: pruned weights stay at zero, and every other weight learns.")


def check_control(control: Callable[[dict, dict, int], tuple[dict, dict]]) -> None:
    """Lesson 1: `control(theta_0, mask, seed)` keeps weights and layer counts, and changes which are kept."""
    generator = torch.Generator().manual_seed(2)
    theta_0 = {name: torch.randn(30, 20, generator=generator) for name in ("fc1.weight", "fc2.weight")}
    mask = {
        "fc1.weight": torch.rand(30, 20, generator=generator) < 0.2,
        "fc2.weight": torch.rand(30, 20, generator=generator) < 0.6,
    }
    answer = control(_copy(theta_0), _copy(mask), 0)
    if answer is None:
        return print("Exercise not tried yet: the function returns None.")
    weights, drawn = answer
    for name in mask:
        _need(
            torch.equal(weights[name], theta_0[name]),
            f"{name}: the weights have changed; return theta_0 as it is, unmasked.",
        )
        kept, should = int(drawn[name].sum()), int(mask[name].sum())
        _need(
            kept == should,
            f"{name} keeps {kept} weights and the ticket {should}: change which are kept, not how many in a layer.",
        )
        _need(
            not torch.equal(drawn[name].bool(), mask[name]),
            f"{name}: this is the ticket's own mask, so nothing is controlled for.",
        )
    again = control(_copy(theta_0), _copy(mask), 0)[1]
    _need(torch.equal(again["fc1.weight"], drawn["fc1.weight"]), "seed 0 gave two different masks: draw from the seed alone.")
    other = control(_copy(theta_0), _copy(mask), 1)[1]
    _need(
        not torch.equal(other["fc1.weight"], drawn["fc1.weight"]), "seed 1 gives the same mask as seed 0: draw it from the seed."
    )
    print("Right: the same weights, as many in every layer, but which ones is left to chance.")


def _copy(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in tensors.items()}


def _need(holds: bool, sentence: str) -> None:
    if not holds:
        raise WrongAnswer(sentence)
