"""Checks for the exercises of lesson 10: controls that change what their name says, and nothing else.

As in `exercises`, each takes the reader's function, tries properties that a right answer must have, and raises WrongAnswer with
one sentence that helps. A function that still returns None counts as not tried.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lthlib.exercises import WrongAnswer

UNTRIED = "Exercise not tried yet: the function returns None."
SHAPES = {"fc1.weight": (50, 40), "fc1.bias": (50,), "fc2.weight": (30, 50)}
Weights = dict[str, Tensor]


def check_reinit_signs(reinit_signs: Callable[[Weights, Weights, Weights, Weights], Weights]) -> None:
    """`reinit_signs(theta_0, trained, mask, new)` gives new weights that have the signs of theta_0; biases are theta_0's."""
    given = [*map(_drawn, (1, 2)), _mask(), _drawn(3)]
    theta_0, trained, mask, new = before = [_copy(tensors) for tensors in given]
    weights = reinit_signs(*given)
    if weights is None:
        return print(UNTRIED)
    _check_names(weights, theta_0)
    for name in mask:
        signs, sizes = weights[name].sign(), weights[name].abs()
        _need(
            not any(torch.equal(signs, (new[name] * other[name]).sign()) for other in (theta_0, trained)),
            f"{name}: a new weight has a sign of its own, and the product of two signs is a random one: take its size first.",
        )
        _need(
            not torch.equal(signs, trained[name].sign()),
            f"{name}: these are the signs at the end of training, which the ticket does not know when it begins: take theta_0's.",
        )
        _need(torch.equal(signs, theta_0[name].sign()), f"{name}: the signs are not those of theta_0.")
        _need(
            torch.allclose(sizes, new[name].abs()),
            f"{name}: the sizes are not those of the new weights; nothing but signs may be left of theta_0 here.",
        )
    _check_biases(weights, theta_0, mask)
    _check_intact(before, given)
    print("Right: the sizes are new, the signs are those that the ticket begins with.")


def check_reshuffle(reshuffle: Callable[[Weights, Weights, int], Weights]) -> None:
    """`reshuffle(theta_0, mask, seed)`: in each layer the kept weights change places at random, among themselves alone."""
    given = [_drawn(4), _mask()]
    theta_0, mask = before = [_copy(tensors) for tensors in given]
    weights = reshuffle(*given, 0)
    if weights is None:
        return print(UNTRIED)
    _check_names(weights, theta_0)
    for name, kept in mask.items():
        ours, theirs = weights[name][kept], theta_0[name][kept]
        _need(
            not torch.equal(weights[name].flatten().sort().values, theta_0[name].flatten().sort().values)
            or torch.equal(ours.sort().values, theirs.sort().values),
            f"{name}: weights have crossed the mask: the kept places now hold weights that were pruned, which are smaller.",
        )
        _need(
            torch.equal(ours.sort().values, theirs.sort().values),
            f"{name}: the kept weights are not the same numbers as before: move them, draw nothing new and mix no layers.",
        )
        moved = float((ours != theirs).float().mean())
        _need(moved > 0, f"{name}: every kept weight is where it was.")
        _need(moved > 0.9, f"{name}: {100 * moved:.0f} % of the kept weights have moved: put them in a wholly random order.")
    _check_biases(weights, theta_0, mask)
    _check_intact(before, given)
    again, other = reshuffle(*given, 0)["fc1.weight"], reshuffle(*given, 1)["fc1.weight"]
    _need(torch.equal(again, weights["fc1.weight"]), "seed 0 gave two different orders: draw from the seed alone.")
    _need(not torch.equal(other, again), "seed 1 gives the same order as seed 0: use the seed.")
    print("Right: the same numbers in other places, and none has crossed the mask.")


def check_signs_alone(signs_alone: Callable[[Weights, Weights, int], tuple[Weights, Weights]]) -> None:
    """`signs_alone(theta_0, mask, seed)`: signed constants with theta_0's signs, and the mask shuffled inside each layer."""
    given = [_drawn(5), _mask()]
    theta_0, mask = before = [_copy(tensors) for tensors in given]
    answer = signs_alone(*given, 0)
    if answer is None:
        return print(UNTRIED)
    _need(isinstance(answer, tuple) and len(answer) == 2, "return two things: weights and mask.")
    weights, drawn = answer
    _check_names(weights, theta_0)
    _need(set(drawn) == set(mask), "return a mask for each of the layers that the ticket's mask names, and for no other.")
    for name, kept in mask.items():
        _need(drawn[name].shape == kept.shape, f"{name}: the mask has another shape than the layer.")
        now = drawn[name].bool()
        _need(
            int(now.sum()) == int(kept.sum()), f"{name}: {int(now.sum())} weights are kept where the ticket keeps {kept.sum()}."
        )
        both = float((now & kept).sum() / kept.sum())
        _need(
            both < 0.6,
            f"{name}: {100 * both:.0f} % of the kept places are the ticket's: with its own mask this cannot say what signs are "
            "worth alone.",
        )
        constant = theta_0[name].std(correction=0)
        _need(bool((weights[name] != 0).all()), f"{name}: some weights are zero: leave masking to the mask.")
        sizes = weights[name].abs()
        _need(
            bool((sizes.max() - sizes.min()) < 1e-6 * sizes.max()),
            f"{name}: the weights have more than one size: with sizes of their own they carry more than signs.",
        )
        _need(
            bool((sizes.mean() / constant - 1).abs() < 0.02),
            f"{name}: the constant is {sizes.mean():.3g} and the layer's standard deviation {constant:.3g}: take that.",
        )
        _need(torch.equal(weights[name].sign(), theta_0[name].sign()), f"{name}: a weight has another sign than in theta_0.")
    _check_biases(weights, theta_0, mask)
    _check_intact(before, given)
    again, other = signs_alone(*given, 0)[1]["fc1.weight"], signs_alone(*given, 1)[1]["fc1.weight"]
    _need(torch.equal(again, drawn["fc1.weight"]), "seed 0 gave two different masks: draw from the seed alone.")
    _need(not torch.equal(other, again), "seed 1 gives the same mask as seed 0: use the seed.")
    print("Right: all of theta_0's signs, and a mask that knows nothing about them.")


def _drawn(seed: int) -> Weights:
    generator = torch.Generator().manual_seed(seed)
    return {name: (0.1 + 0.1 * place) * torch.randn(s, generator=generator) for place, (name, s) in enumerate(SHAPES.items())}


def _mask() -> Weights:
    """A mask that keeps the larger theta_0 of `_drawn(4)` a little more often than others, as tickets do."""
    chances = {name: 0.15 + 0.3 * (size.abs() > 0.1) for name, size in _drawn(4).items() if size.dim() == 2}
    generator = torch.Generator().manual_seed(7)
    return {name: torch.rand(chance.shape, generator=generator) < chance for name, chance in chances.items()}


def _check_names(weights, theta_0: Weights) -> None:
    _need(
        isinstance(weights, dict) and set(weights) == set(theta_0),
        "return a dictionary of weights under all of theta_0's names, biases included.",
    )
    for name in theta_0:
        _need(weights[name].shape == theta_0[name].shape, f"{name}: the weights have another shape than theta_0's.")


def _check_biases(weights: Weights, theta_0: Weights, mask: Weights) -> None:
    alike = all(torch.equal(weights[name], theta_0[name]) for name in theta_0 if name not in mask)
    _need(alike, "a bias has changed: change the layers that the mask names, alone.")


def _check_intact(before: list[Weights], given: list[Weights]) -> None:
    intact = all(torch.equal(a[name], b[name]) for a, b in zip(before, given) for name in a)
    _need(intact, "what you were given has changed: write into new tensors.")


def _copy(tensors: Weights) -> Weights:
    return {name: tensor.clone() for name, tensor in tensors.items()}


def _need(holds: bool, sentence: str) -> None:
    if not holds:
        raise WrongAnswer(sentence)
