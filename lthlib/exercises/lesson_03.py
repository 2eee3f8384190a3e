"""Checks for lesson 3's exercises: what is counted as evidence, and a control that keeps the signs."""

import pandas as pd
import torch

from lthlib.core.language import say
from lthlib.exercises.checking import Answer, exercise, need, need_pair, need_seeded, same


@exercise(lesson=3, each_call=True)
def check_evidence(evidence: Answer) -> str:
    """`evidence(differences)` returns the mean over trials' means, and the number of trials."""
    even = {"trial": [0, 0, 1, 1, 2, 2], "redraw": [0, 1] * 3, "points": [1.0, 3.0, 0.0, 2.0, 4.0, 8.0]}
    uneven = {"trial": [0, 0, 0, 0, 7], "redraw": [0, 1, 2, 3, 0], "points": [1.0, 1.0, 1.0, 1.0, 5.0]}
    skewed = {"trial": [0, 0, 0, 1, 1, 1, 2], "redraw": [0, 1, 2, 0, 1, 2, 0]}
    skewed["points"] = [0.0, 0.0, 6.0, 1.0, 1.0, 4.0, 8.0]
    for differences, mean, n in ((even, 3.0, 3), (uneven, 3.0, 2), (skewed, 4.0, 3)):
        answer = need_pair(evidence(pd.DataFrame(differences)), say("return two things: the mean and n."))
        why = say(
            "{counted} values are counted where there are {n} trials: redraws of a trial share its ticket, so count trials.",
            **{"counted": answer[1], "n": n},
        )
        need(answer[1] == n, why)
        given = float(answer[0])
        why = say(
            "the mean is {given:g} where it should be {mean:g}: average inside each trial first, so "
            "that one with more "
            "redraws has no more say.",
            **{"given": given, "mean": mean},
        )
        need(abs(given - mean) < 1e-9, why)
    return say("Right: redraws make a trial's value steadier, trials are what is counted.")


@exercise(lesson=3)
def check_same_signs(same_signs: Answer) -> str:
    """`same_signs(theta_0, mask, seed)` keeps mask, signs and biases, and draws the sizes anew."""
    generator = torch.Generator().manual_seed(6)
    theta_0 = {
        "fc1.weight": 0.05 * torch.randn(60, 50, generator=generator),
        "fc1.bias": torch.randn(60, generator=generator),
        "fc2.weight": 0.5 * torch.randn(40, 60, generator=generator),
    }
    layers = ("fc1.weight", "fc2.weight")
    mask = {name: torch.rand(theta_0[name].shape, generator=generator) < 0.3 for name in layers}
    weights, drawn = need_pair(same_signs(theta_0, mask, 0), say("return two things: weights and mask."))
    need(same(same_signs.given[0], theta_0), say("theta_0 itself has changed: write into a new dictionary."))
    named = isinstance(weights, dict) and set(weights) == set(theta_0)
    need(named, say("return weights under all of theta_0's names, biases included."))
    why = say("a bias has changed: change the masked layers' weights alone.")
    need(torch.equal(weights["fc1.bias"], theta_0["fc1.bias"]), why)
    for name, kept in mask.items():
        why = say("{name}: the mask has changed, so two things differ from the ticket.", name=name)
        need(torch.equal(drawn[name].bool(), kept), why)
        why = say("{name}: a weight that the mask keeps has another sign.", name=name)
        need(torch.equal(weights[name].sign()[kept], theta_0[name].sign()[kept]), why)
        sizes, before = weights[name].abs()[kept], theta_0[name].abs()[kept]
        alike = torch.corrcoef(torch.stack([sizes, before]))[0, 1]
        why = say("{name}: the sizes are not left to chance: draw one for each weight, whatever it was.", name=name)
        need(sizes.std() > 0.1 * before.std() and alike.abs() < 0.3, why)
        why = say(
            "{name}: the sizes average {size:.3g} and theta_0's {before:.3g}: keep to the layer's own scale.",
            **{"name": name, "size": sizes.mean(), "before": before.mean()},
        )
        need(0.8 < sizes.mean() / before.mean() < 1.25, why)
    need_seeded(
        lambda seed: same_signs(theta_0, mask, seed)[0]["fc1.weight"],
        weights["fc1.weight"],
        say("seed 0 gave two different draws: draw from the seed alone."),
        say("seed 1 gives the same sizes as seed 0: use the seed."),
    )
    return say("Right: the mask and every sign are the ticket's, the sizes are chance's.")
