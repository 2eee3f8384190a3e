"""Checks for lesson 10's exercises: controls that change what their name says, and nothing else."""

import torch
from torch import Tensor

from lthlib.exercises.checking import Answer, exercise, need, need_pair, need_seeded, same

SHAPES = {"fc1.weight": (50, 40), "fc1.bias": (50,), "fc2.weight": (30, 50)}
Weights = dict[str, Tensor]


@exercise(lesson=10)
def check_reinit_signs(reinit_signs: Answer) -> str:
    """`reinit_signs(theta_0, trained, mask, new)` gives new weights the signs of theta_0."""
    theta_0, trained, mask, new = originals = [_drawn(1), _drawn(2), _mask(), _drawn(3)]
    weights = reinit_signs(*originals)
    _check_names(weights, theta_0)
    for name, kept in mask.items():  # what is not kept will be masked, whether the reader has done it or not
        signs, sizes = weights[name].sign()[kept], weights[name].abs()[kept]
        products = [(new[name] * other[name]).sign()[kept] for other in (theta_0, trained)]
        problem = f"{name}: a new weight has a sign of its own, and the product of two signs is a random one"
        need(not any(torch.equal(signs, product) for product in products), f"{problem}: take its size first.")
        problem = f"{name}: these are the signs at the end of training"
        advice = "which the ticket does not know when it begins: take theta_0's"
        need(not torch.equal(signs, trained[name].sign()[kept]), f"{problem}, {advice}.")
        need(torch.equal(signs, theta_0[name].sign()[kept]), f"{name}: the signs are not those of theta_0.")
        why = "the sizes are not those of the new weights; nothing but signs may be left of theta_0 here."
        need(torch.allclose(sizes, new[name].abs()[kept]), f"{name}: {why}")
    _check_the_rest(weights, mask, originals, reinit_signs)
    return "Right: the sizes are new, the signs are those that the ticket begins with."


@exercise(lesson=10)
def check_reshuffle(reshuffle: Answer) -> str:
    """`reshuffle(theta_0, mask, seed)`: kept weights change places, each layer's among themselves."""
    theta_0, mask = originals = [_drawn(4), _mask()]
    weights = reshuffle(*originals, 0)
    _check_names(weights, theta_0)
    for name, kept in mask.items():
        ours, theirs = weights[name][kept], theta_0[name][kept]
        same_layer, same_kept = _same_numbers(weights[name], theta_0[name]), _same_numbers(ours, theirs)
        problem = f"{name}: weights have crossed the mask"
        advice = "the kept places now hold weights that were pruned, which are smaller"
        need(same_kept or not same_layer, f"{problem}: {advice}.")
        problem = f"{name}: the kept weights are not the same numbers as before"
        advice = "move them, draw nothing new and mix no layers"
        need(same_kept, f"{problem}: {advice}.")
        moved = float((ours != theirs).float().mean())
        need(moved > 0, f"{name}: every kept weight is where it was.")
        problem = f"{name}: {100 * moved:.0f} % of the kept weights have moved"
        need(moved > 0.9, f"{problem}: put them in a wholly random order.")
    _check_the_rest(weights, mask, originals, reshuffle)
    need_seeded(
        lambda seed: reshuffle(*originals, seed)["fc1.weight"],
        weights["fc1.weight"],
        "seed 0 gave two different orders: draw from the seed alone.",
        "seed 1 gives the same order as seed 0: use the seed.",
    )
    return "Right: the same numbers in other places, and none has crossed the mask."


@exercise(lesson=10)
def check_signs_alone(signs_alone: Answer) -> str:
    """`signs_alone(theta_0, mask, seed)`: constants with theta_0's signs, under a shuffled mask."""
    theta_0, mask = originals = [_drawn(5), _mask()]
    weights, drawn = need_pair(signs_alone(*originals, 0), "return two things: weights and mask.")
    _check_names(weights, theta_0)
    why = "return a mask for each of the layers that the ticket's mask names, and for no other."
    need(isinstance(drawn, dict) and set(drawn) == set(mask), why)
    for name, kept in mask.items():
        need(drawn[name].shape == kept.shape, f"{name}: the mask has another shape than the layer.")
        now = drawn[name].bool()
        count, should = int(now.sum()), int(kept.sum())
        need(count == should, f"{name}: {count} weights are kept where the ticket keeps {should}.")
        both = float((now & kept).sum() / kept.sum())
        problem = f"{name}: {100 * both:.0f} % of the kept places are the ticket's"
        need(both < 0.6, f"{problem}: with its own mask this cannot say what signs are worth alone.")
        constant = theta_0[name].std(correction=0)
        need((weights[name] != 0).all(), f"{name}: some weights are zero: leave masking to the mask.")
        sizes = weights[name].abs()
        why = "the weights have more than one size: with sizes of their own they carry more than signs."
        need(sizes.max() - sizes.min() < 1e-6 * sizes.max(), f"{name}: {why}")
        size = sizes.mean()
        why = f"the constant is {size:.3g} and the layer's standard deviation {constant:.3g}: take that."
        need((size / constant - 1).abs() < 0.02, f"{name}: {why}")
        alike = torch.equal(weights[name].sign(), theta_0[name].sign())
        need(alike, f"{name}: a weight has another sign than in theta_0.")
    _check_the_rest(weights, mask, originals, signs_alone)
    need_seeded(
        lambda seed: signs_alone(*originals, seed)[1]["fc1.weight"],
        drawn["fc1.weight"],
        "seed 0 gave two different masks: draw from the seed alone.",
        "seed 1 gives the same mask as seed 0: use the seed.",
    )
    return "Right: all of theta_0's signs, and a mask that knows nothing about them."


def _drawn(seed: int) -> Weights:
    generator = torch.Generator().manual_seed(seed)
    layers = enumerate(SHAPES.items(), 1)
    return {name: 0.1 * place * torch.randn(shape, generator=generator) for place, (name, shape) in layers}


def _mask() -> Weights:
    """A mask that keeps the larger theta_0 of `_drawn(4)` a little more often than others, as tickets do."""
    chances = {name: 0.15 + 0.3 * (size.abs() > 0.1) for name, size in _drawn(4).items() if size.dim() == 2}
    generator = torch.Generator().manual_seed(7)
    return {name: torch.rand(chance.shape, generator=generator) < chance for name, chance in chances.items()}


def _check_names(weights, theta_0: Weights) -> None:
    why = "return a dictionary of weights under all of theta_0's names, biases included."
    need(isinstance(weights, dict) and set(weights) == set(theta_0), why)
    for name in theta_0:
        alike = weights[name].shape == theta_0[name].shape
        need(alike, f"{name}: the weights have another shape than theta_0's.")


def _check_the_rest(weights: Weights, mask: Weights, originals: list[Weights], answer: Answer) -> None:
    biases = {name: bias for name, bias in originals[0].items() if name not in mask}
    alike = same({name: weights[name] for name in biases}, biases)
    need(alike, "a bias has changed: change the layers that the mask names, alone.")
    intact = same(answer.given[: len(originals)], originals)
    need(intact, "what you were given has changed: write into new tensors.")


def _same_numbers(a: Tensor, b: Tensor) -> bool:
    """Whether they hold the same numbers, in whatever order."""
    return torch.equal(a.flatten().sort().values, b.flatten().sort().values)
