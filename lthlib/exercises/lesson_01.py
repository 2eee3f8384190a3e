"""Checks for lesson 1's exercises: one prune step, a training step under a mask, and a control."""

import torch

from lthlib.core.language import say
from lthlib.exercises.checking import Answer, exercise, need, need_layers, need_mask, need_pair, need_seeded


@exercise(lesson=1, each_call=True)
def check_prune(prune_layer: Answer) -> str:
    """`prune_layer(weight, mask, rate)` removes exactly round(rate * survivors), the smallest in size."""
    generator = torch.Generator().manual_seed(1)
    weight = torch.randn(7, 9, generator=generator)
    mask = torch.rand(7, 9, generator=generator) < 0.7
    weight[~mask] = 0.0
    for rate in (0.2, 0.5):
        pruned = prune_layer(weight, mask, rate)
        survivors, expected = int(mask.sum()), round(rate * int(mask.sum()))
        why = say("the mask that was passed in has changed: work on a copy, mask.clone().")
        need(torch.equal(prune_layer.given[1], mask), why)
        need_mask(pruned, mask, say("return a mask of the same shape that holds only True and False."))
        pruned = pruned.bool()
        why = say("a weight that was pruned before is back: a mask only ever loses weights.")
        need(not (pruned & ~mask).any(), why)
        removed = survivors - int(pruned.sum())
        why = say(
            "{removed} of {survivors} surviving weights went at rate {rate}, {expected} should: the "
            "rate is a "
            "share of the survivors, and weights pruned before (now zero) do not count.",
            **{"removed": removed, "survivors": survivors, "rate": rate, "expected": expected},
        )
        need(removed == expected, why)
        kept, gone = weight[pruned].abs().min(), weight[mask & ~pruned].abs().max()
        need(gone <= kept, say("a larger weight went before a smaller one: compare absolute values."))
    removed = int(20 - prune_layer(torch.ones(4, 5), torch.ones(4, 5, dtype=torch.bool), 0.25).sum())
    why = say(
        "of 20 equal weights {removed} went at rate 0.25, 5 should: a threshold takes all that tie, so count instead.",
        removed=removed,
    )
    need(removed == 5, why)
    return say("Right: exactly the share asked for, by absolute value, also where weights tie.")


@exercise(lesson=1)
def check_freeze(keep_pruned: Answer) -> str:
    """`keep_pruned(weight, step, mask)` is the weight after a step, with pruned weights held at zero."""
    weight = torch.tensor([0.5, -0.5, 0.0, 0.0, 1e-9])
    step = torch.full((5,), 0.25)
    mask = torch.tensor([True, True, True, False, True])
    after = keep_pruned(weight, step, mask)
    shaped = isinstance(after, torch.Tensor) and after.shape == weight.shape
    need(shaped, say("return the weight after the step, a tensor of the weight's shape."))
    need(after[3] == 0, say("the pruned weight has moved: it must be exactly zero after the step."))
    why = say("a negative weight was frozen: ask the mask, not the value, whether a weight is pruned.")
    need(after[1] == -0.25, why)
    why = say("a surviving weight that happens to be (nearly) zero was frozen: ask the mask.")
    need(after[2] == 0.25 and after[4] > 0.2, why)
    need(after[0] == 0.75, say("a surviving weight did not take its step."))
    generator = torch.Generator().manual_seed(3)
    weight, step = torch.randn(2, 6, 5, generator=generator)
    mask = torch.rand(6, 5, generator=generator) < 0.5
    after = keep_pruned(weight * mask, step, mask)
    why = say("in a layer of 6 x 5 weights this is not weight plus step where the mask is True, and 0 elsewhere.")
    need(torch.allclose(after, torch.where(mask, weight + step, 0.0)), why)
    return say("Right: pruned weights stay at zero, and every other weight learns.")


@exercise(lesson=1)
def check_control(control: Answer) -> str:
    """`control(theta_0, mask, seed)` keeps weights and layer counts, and changes which are kept."""
    generator = torch.Generator().manual_seed(2)
    theta_0 = {name: torch.randn(30, 20, generator=generator) for name in ("fc1.weight", "fc2.weight")}
    shares = {"fc1.weight": 0.2, "fc2.weight": 0.6}
    mask = {name: torch.rand(30, 20, generator=generator) < share for name, share in shares.items()}
    weights, drawn = need_pair(control(theta_0, mask, 0), say("return two things: the weights and the new mask."))
    need_layers(drawn, mask)
    for name in mask:
        need_mask(drawn[name], mask[name])
        why = say("{name}: the weights have changed; return theta_0 as it is, unmasked.", name=name)
        need(torch.equal(weights[name], theta_0[name]), why)
        kept, should = int(drawn[name].sum()), int(mask[name].sum())
        why = say(
            "{name} keeps {kept} weights and the ticket {should}: change which are kept, not how many in a layer.",
            **{"name": name, "kept": kept, "should": should},
        )
        need(kept == should, why)
        why = say("{name}: this is the ticket's own mask, so nothing is controlled for.", name=name)
        need(not torch.equal(drawn[name].bool(), mask[name]), why)
    need_seeded(
        lambda seed: control(theta_0, mask, seed)[1]["fc1.weight"],
        drawn["fc1.weight"],
        say("seed 0 gave two different masks: draw from the seed alone."),
        say("seed 1 gives the same mask as seed 0: draw it from the seed."),
    )
    return say("Right: the same weights, as many in every layer, but which ones is left to chance.")
