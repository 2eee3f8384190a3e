"""Checks for lesson 6's exercises: two rates behind one density, and pruning across layers."""

import torch

from lthlib.core.percent import percent
from lthlib.exercises.checking import Answer, exercise, need, need_layers, need_mask


@exercise(lesson=6)
def check_fast_share(fast_share: Answer) -> str:
    """`fast_share(density, slow, fast, rounds)` is the share of the weights pruned at the rate `fast`."""
    answer = fast_share(0.8, 0.1, 0.3, 1)
    problem = "half of the weights at rate 0.3 and half at 0.1 leave 80 % after one round"
    need(abs(answer - 0.5) < 1e-9, f"{problem}: the share is 0.5, not {answer}.")
    cases = ((0.25, 0.15, 0.2, 7), (0.0, 0.1, 0.2, 3), (1.0, 0.1, 0.2, 12), (0.6, 0.2, 0.5, 4))
    for share, slow, fast, rounds in cases:
        density = share * (1 - fast) ** rounds + (1 - share) * (1 - slow) ** rounds
        answer = fast_share(density, slow, fast, rounds)
        case = f"a share of {share} at rate {fast} and the rest at {slow}"
        problem = f"{case} leaves {percent(density, 2)} after {rounds} rounds; you say {answer:.4f}"
        advice = "shares that are kept multiply from round to round, in each group by itself"
        need(abs(answer - share) < 1e-6, f"{problem}: {advice}.")
    return "Right: one density, and two rates, give the share of the weights behind it."


@exercise(lesson=6)
def check_prune_globally(prune_globally: Answer) -> str:
    """`prune_globally(weights, mask, rate, least)` takes a share of all survivors, and empties no layer."""
    generator = torch.Generator().manual_seed(6)
    sizes = {"convs.0.weight": (6, 1, 3, 3), "fcs.0.weight": (20, 24), "output.weight": (10, 20)}
    weights = {name: torch.randn(shape, generator=generator) for name, shape in sizes.items()}
    weights["convs.0.weight"] *= 1e-4  # a layer of small weights
    mask = {name: torch.rand(shape, generator=generator) < 0.7 for name, shape in sizes.items()}
    weights = {name: weight * mask[name] for name, weight in weights.items()}
    answer = prune_globally(weights, mask, 0.5, 5)
    need_layers(answer, mask)
    for name, kept in mask.items():
        need_mask(answer[name], kept)
        back = answer[name].bool() & ~kept
        need(not back.any(), f"{name}: a weight that was pruned before is back in the mask.")
        left = int(answer[name].sum())
        why = f"{name} keeps {left} weights of at least 5: nothing gets through a network with an empty layer."
        need(left >= 5, why)
    survivors, left = (sum(int(kept.sum()) for kept in each.values()) for each in (mask, answer))
    should = survivors - round(0.5 * survivors)
    problem = f"of {survivors} survivors {left} remain at rate 0.5, {should} should"
    advice = "the rate is a share of the survivors of all layers, and what one layer is spared the others must give"
    need(left == should, f"{problem}: {advice}.")
    _spared_are_largest(weights, mask, {name: kept.bool() for name, kept in answer.items()}, 5)
    equal = {name: torch.ones(10, 10) for name in ("convs.0.weight", "output.weight")}
    tied = prune_globally(equal, {name: weight.bool() for name, weight in equal.items()}, 0.25, 1)
    left = sum(int(kept.sum()) for kept in tied.values())
    why = f"of 200 equal weights {left} remain at rate 0.25, 150 should: a threshold takes all that tie."
    need(left == 150, why)
    return "Right: one competition for all layers, the right number gone, and no layer emptied."


def _spared_are_largest(weights: dict, mask: dict, left: dict, least: int) -> None:
    """Whatever went is smaller than whatever stayed, but for the `least` weights that a layer is spared."""
    lost = {name: weights[name][kept & ~left[name]].abs() for name, kept in mask.items()}
    gone = max(float(sizes.max()) for sizes in lost.values() if len(sizes))
    for name, sizes in lost.items():
        stayed = weights[name][left[name]].abs()
        why = f"{name}: a larger weight went before a smaller one of its layer: compare absolute values."
        need(not len(sizes) or sizes.max() <= stayed.min(), why)
        if len(stayed) > least:
            problem = f"{name} keeps a weight that is smaller than one that went elsewhere"
            need(float(stayed.min()) >= gone, f"{problem}: all layers compete in one pool.")
