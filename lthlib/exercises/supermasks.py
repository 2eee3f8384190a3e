"""Checks for the exercises on strong tickets, of lesson 11: what a mask may do to a weight, and what a control must keep.

As in `exercises`, each takes the reader's function, tries properties that a right answer must have, and raises WrongAnswer with
one sentence that helps. A function that still returns None counts as not tried.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lthlib.exercises import WrongAnswer


def check_effective(effective: Callable[[Tensor, Tensor, int], Tensor]) -> None:
    """Lesson 11: `effective(weight, scores, count)` is the weight in use: random weights where |score| is among the `count`
    largest, zeros elsewhere; backward, |score| gets the gradient of the weight in use times the random weight, everywhere."""
    generator = torch.Generator().manual_seed(4)
    weight = torch.randn(6, 8, generator=generator)
    weight += 0.5 * weight.sign()
    sizes = 0.1 + torch.rand(6, 8, generator=generator)
    scores = (sizes * torch.randn(6, 8, generator=generator).sign()).requires_grad_()
    used = effective(weight.clone(), scores, 12)
    if used is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(isinstance(used, Tensor) and used.shape == weight.shape, "return a tensor of the shape of weight.")
    kept, largest = used.detach().abs() > 1e-4, torch.zeros(48, dtype=torch.bool)
    largest[sizes.flatten().argsort()[-12:]] = True
    largest = largest.view_as(weight)
    _need(
        torch.equal(kept, largest),
        "with 12 to keep, other weights are in use than those of the largest |score|: compare absolute values, keep the largest "
        "(comparing signed scores would be another rule, with another gradient).",
    )
    _need(
        torch.allclose(used[kept], weight[kept], atol=1e-5),
        "a weight in use is no longer the random one: scores choose, they must not scale, or they are weights by another name.",
    )
    tied = int((effective(weight.clone(), torch.full((6, 8), 0.5, requires_grad=True), 12).abs() > 1e-4).sum())
    _need(tied == 12, f"where all scores tie, {tied} weights are in use and not 12: a threshold takes all that tie, so count.")
    _check_gradient(used, weight, scores, kept)
    print("Right: the mask is exact going forward, and transparent going backward.")


def _check_gradient(used: Tensor, weight: Tensor, scores: Tensor, kept: Tensor) -> None:
    by_used = torch.randn(weight.shape, generator=torch.Generator().manual_seed(5))
    _need(used.requires_grad, "no gradient reaches the scores: a mask of zeros and ones has none, so lead it past the mask.")
    (used * by_used).sum().backward()
    _need(scores.grad is not None, "no gradient reaches the scores: was the way to them cut by detach or by a comparison?")
    found, expected = scores.grad, by_used * weight * scores.detach().sign()
    _need(
        bool((found[~kept] != 0).all()),
        "dropped weights get no gradient, so none can pop up because it would help: the gradient must reach them as well.",
    )
    _need(
        not torch.allclose(found, by_used * weight, rtol=1e-3),
        "negative scores learn backwards: what should raise |score| lowers it; let the gradient pass through the absolute value.",
    )
    _need(
        torch.allclose(found, expected, rtol=1e-3, atol=1e-5),
        "the gradient of |score| should be that of the weight in use times the random weight, for every weight.",
    )


def check_random_mask(random_mask: Callable[[dict, int], dict]) -> None:
    """Lesson 11: `random_mask(mask, seed)` is a mask drawn uniformly from those that keep as many weights in every layer."""
    mask = {name: torch.zeros(20, 10, dtype=torch.bool) for name in ("fc1.weight", "fc2.weight", "output.weight")}
    mask["fc1.weight"][:4], mask["fc2.weight"][:4], mask["output.weight"][:15] = True, True, True
    given = {name: kept.clone() for name, kept in mask.items()}
    drawn = random_mask(given, 0)
    if drawn is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(all(torch.equal(given[name], kept) for name, kept in mask.items()), "the mask that was passed in has changed.")
    _need(isinstance(drawn, dict) and drawn.keys() == mask.keys(), "return a dictionary with a mask for every layer.")
    for name, kept in mask.items():
        fits = isinstance(drawn[name], Tensor) and drawn[name].shape == kept.shape and drawn[name].dtype == torch.bool
        _need(fits, f"{name}: a mask is a tensor of True and False, of the weight's shape.")
        count, should = int(drawn[name].sum()), int(kept.sum())
        _need(
            count == should,
            f"{name} keeps {count} weights and should keep {should}: a control has the ticket's density in every layer, exactly.",
        )
        _need(not torch.equal(drawn[name], kept), f"{name}: this is the ticket's own mask.")
        for side in (0, 1):
            alike = torch.equal(drawn[name].sum(side).sort().values, kept.sum(side).sort().values)
            _need(not alike, f"{name}: whole rows or columns have moved together: every weight should have the same chance.")
    _need(
        not torch.equal(drawn["fc1.weight"], drawn["fc2.weight"]),
        "two layers with equal masks got equal random masks: draw each anew, with one generator for all layers.",
    )
    torch.rand(1)  # moves the global generator
    again, other = random_mask(given, 0), random_mask(given, 1)
    same = all(torch.equal(again[name], drawn[name]) for name in mask)
    _need(same, "one seed gave two masks: draw from torch.Generator().manual_seed(seed), or nobody can repeat your control.")
    _need(not torch.equal(other["fc1.weight"], drawn["fc1.weight"]), "two seeds gave one mask: use the seed.")
    print("Right: as many weights in every layer, and nothing else of the ticket's mask.")


def _need(holds: bool, sentence: str) -> None:
    if not holds:
        raise WrongAnswer(sentence)
