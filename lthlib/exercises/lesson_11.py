"""Checks for lesson 11's exercises on strong tickets: a mask over random weights, and its control."""

import torch
from torch import Tensor

from lthlib.exercises.checking import Answer, exercise, need, need_layers, same


@exercise(lesson=11)
def check_effective(effective: Answer) -> str:
    """`effective(weight, scores, count)` is the weight in use, random for the `count` largest |score| and
    else zero; backward, every |score| gets the gradient of the weight in use times the random weight."""
    generator = torch.Generator().manual_seed(4)
    weight = torch.randn(6, 8, generator=generator)
    weight += 0.5 * weight.sign()
    sizes = 0.1 + torch.rand(6, 8, generator=generator)
    scores = (sizes * torch.randn(6, 8, generator=generator).sign()).requires_grad_()
    used = effective(weight, scores, 12)
    need(isinstance(used, Tensor) and used.shape == weight.shape, "return a tensor of the shape of weight.")
    kept, largest = used.detach().abs() > 1e-4, sizes >= sizes.flatten().sort().values[-12]
    problem = "with 12 to keep, other weights are in use than those of the largest |score|"
    advice = "compare absolute values, keep the largest"
    signed = "(comparing signed scores would be another rule, with another gradient)"
    need(torch.equal(kept, largest), f"{problem}: {advice} {signed}.")
    problem = "a weight in use is no longer the random one"
    advice = "scores choose, they must not scale, or they are weights by another name"
    need(torch.allclose(used[kept], weight[kept], atol=1e-5), f"{problem}: {advice}.")
    equal = effective(weight, torch.full((6, 8), 0.5, requires_grad=True), 12)
    tied = int((equal.abs() > 1e-4).sum())
    why = f"where all scores tie, {tied} weights are in use and not 12: a threshold takes all that tie, so count."
    need(tied == 12, why)
    _check_gradient(used, weight, scores, kept)
    return "Right: the mask is exact going forward, and transparent going backward."


def _check_gradient(used: Tensor, weight: Tensor, scores: Tensor, kept: Tensor) -> None:
    by_used = torch.randn(weight.shape, generator=torch.Generator().manual_seed(5))
    why = "no gradient reaches the scores: a mask of zeros and ones has none, so lead it past the mask."
    need(used.requires_grad, why)
    (used * by_used).sum().backward()
    why = "no gradient reaches the scores: was the way to them cut by detach or by a comparison?"
    need(scores.grad is not None, why)
    gradient, expected = scores.grad, by_used * weight * scores.detach().sign()
    problem = "dropped weights get no gradient, so none can pop up because it would help"
    need((gradient[~kept] != 0).all(), f"{problem}: the gradient must reach them as well.")
    problem = "negative scores learn backwards"
    advice = "what should raise |score| lowers it; let the gradient pass through the absolute value"
    need(not torch.allclose(gradient, by_used * weight, rtol=1e-3), f"{problem}: {advice}.")
    problem = "the gradient of |score| should be that of the weight in use times the random weight"
    need(torch.allclose(gradient, expected, rtol=1e-3, atol=1e-5), f"{problem}, for every weight.")


@exercise(lesson=11)
def check_random_mask(random_mask: Answer) -> str:
    """`random_mask(mask, seed)` is a random mask that keeps as many weights in every layer."""
    rows = {"fc1.weight": 4, "fc2.weight": 4, "output.weight": 15}
    mask = {name: (torch.arange(20) < count)[:, None].repeat(1, 10) for name, count in rows.items()}
    drawn = random_mask(mask, 0)
    need(same(random_mask.given[0], mask), "the mask that was passed in has changed.")
    need_layers(drawn, mask)
    for name, kept in mask.items():
        new = drawn[name]
        fits = isinstance(new, Tensor) and new.shape == kept.shape and new.dtype == torch.bool
        need(fits, f"{name}: a mask is a tensor of True and False, of the weight's shape.")
        count, should = int(new.sum()), int(kept.sum())
        problem = f"{name} keeps {count} weights and should keep {should}"
        need(count == should, f"{problem}: a control has the ticket's density in every layer, exactly.")
        need(not torch.equal(new, kept), f"{name}: this is the ticket's own mask.")
        for side in (0, 1):
            alike = torch.equal(new.sum(side).sort().values, kept.sum(side).sort().values)
            problem = f"{name}: whole rows or columns have moved together"
            need(not alike, f"{problem}: every weight should have the same chance.")
    problem = "two layers with equal masks got equal random masks"
    advice = "draw each anew, with one generator for all layers"
    need(not torch.equal(drawn["fc1.weight"], drawn["fc2.weight"]), f"{problem}: {advice}.")
    torch.rand(1)  # moves the global generator
    again, other = random_mask(mask, 0), random_mask(mask, 1)
    repeated = all(torch.equal(again[name], drawn[name]) for name in mask)
    problem = "one seed gave two masks: draw from torch.Generator().manual_seed(seed)"
    need(repeated, f"{problem}, or nobody can repeat your control.")
    need(not torch.equal(other["fc1.weight"], drawn["fc1.weight"]), "two seeds gave one mask: use the seed.")
    return "Right: as many weights in every layer, and nothing else of the ticket's mask."
