"""Checks for the exercises of lesson 12: shuffles that shuffle, rounds that remove equal shares, a control that keeps the inputs.

As in `exercises`, each takes the reader's function, tries properties that a right answer must have, and raises WrongAnswer with
one sentence that helps. A function that still returns None counts as not tried.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from lthlib.exercises import WrongAnswer

Mask = dict[str, Tensor]


def check_shuffle(shuffle: Callable[[Mask, int], Mask]) -> None:
    """Lesson 12: `shuffle(mask, seed)` moves the entries of each layer to places drawn at random from the seed alone."""
    mask = _masks()
    before = _copy(mask)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1_234_567)
        state = torch.get_rng_state()
        drawn, untouched = shuffle(mask, 0), torch.equal(torch.get_rng_state(), state)
    if drawn is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(all(torch.equal(mask[name], before[name]) for name in mask), "the mask that was passed in has changed: make a new one.")
    _need(
        untouched,
        "it draws from torch's global generator, or seeds it, and so changes what others draw: use a torch.Generator of its own.",
    )
    _need_masks(drawn, before)
    for name, kept in before.items():
        left, should = int(drawn[name].sum()), int(kept.sum())
        _need(
            left == should,
            f"{name} keeps {left} weights and kept {should}: the layers' shares are what the control is to leave alone.",
        )
        _need(not torch.equal(drawn[name].bool(), kept), f"{name}: nothing has moved, so the control is the ticket itself.")
    _need_inside_rows_and_columns(drawn, before)
    _need(
        not torch.equal(drawn["fc2.weight"], drawn["fc3.weight"]),
        "fc2 and fc3, which begin alike, are shuffled alike: seed one generator, and go on drawing from it for every layer.",
    )
    _need_from_the_seed(shuffle, before, drawn, "fc1.weight")
    run = {"fc1.weight": torch.arange(600).view(20, 30) < 300}
    turns = int((shuffle(_copy(run), 3)["fc1.weight"].bool().flatten().int().diff() != 0).sum())
    _need(turns > 200, "of a mask whose first half is kept, neighbours stay together: every place must be drawn by itself.")
    print("Right: as many in every layer, anywhere in it, and the seed alone decides.")


def check_remaining(remaining: Callable[[int, float, int], list[int]]) -> None:
    """Lesson 12: `remaining(weights, density, rounds)` lists how many weights are left after each of the rounds, each of which
    removes the same share of the survivors, the last leaving round(weights * density)."""
    if remaining(1000, 0.1, 2) is None:
        return print("Exercise not tried yet: the function returns None.")
    for weights, density, rounds in [(1000, 0.01, 2), (43_000, 0.001, 100), (500, 0.5, 1), (1000, 0.1, 7), (300, 0.02, 1000)]:
        found, case = list(remaining(weights, density, rounds)), f"{weights} weights, density {density}, {rounds} rounds"
        _need(len(found) == rounds, f"{case}: {len(found)} numbers, but one for each round was asked for.")
        _need(all(int(left) == left for left in found), f"{case}: {found[0]} weights cannot be left: round to whole ones.")
        linear = [round(weights * (1 - (1 - density) * step / rounds)) for step in range(1, rounds + 1)]
        _need(
            rounds == 1 or any(abs(a - b) > 1 for a, b in zip(found, linear)),
            f"{case}: every round removes equally many weights, so that the last takes nearly all that is left: take equal "
            "shares of the survivors.",
        )
        for step, left in enumerate(found, 1):
            should = weights * density ** (step / rounds)
            _need(
                abs(left - should) <= 1,
                f"{case}: {left} are left after round {step}, {should:.1f} should be; count from the weights and not from the "
                "round before, or what is rounded adds up.",
            )
    print("Right: the density falls by one factor in every round, and ends where it should.")


def check_keep_inputs(control: Callable[[Mask, int], Mask]) -> None:
    """Lesson 12: `control(mask, seed)` moves each input's connections to other units at random; every input keeps its number."""
    mask = _masks()
    before = _copy(mask)
    drawn = control(mask, 0)
    if drawn is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(all(torch.equal(mask[name], before[name]) for name in mask), "the mask that was passed in has changed: make a new one.")
    _need_masks(drawn, before)
    for name, kept in before.items():
        new = drawn[name].bool()
        _need(not torch.equal(new, kept), f"{name}: nothing has moved, so the control is the ticket itself.")
        if torch.equal(new.sum(1), kept.sum(1)) and not torch.equal(new.sum(0), kept.sum(0)):
            raise WrongAnswer(f"{name}: units keep their number of inputs, but inputs are the columns: a weight is [out, in].")
        _need(torch.equal(new.sum(0), kept.sum(0)), f"{name}: an input has gained or lost connections: shuffle in each column.")
        _need(
            not torch.equal(new.sum(1).sort().values, kept.sum(1).sort().values),
            f"{name}: the rows have moved as wholes, so that units keep their sets of inputs: draw anew for every column.",
        )
    _need_from_the_seed(control, before, drawn, "fc1.weight")
    print("Right: every input is used as often as before, by units that chance chose.")


def _masks() -> Mask:
    """Masks of three layers; inputs of the first are used unequally, and the second and third begin alike."""
    generator = torch.Generator().manual_seed(12)
    often = torch.linspace(0.1, 0.7, 30)
    first = torch.rand(20, 30, generator=generator) < often * torch.linspace(0.5, 1.4, 20)[:, None]
    second = torch.rand(20, 20, generator=generator) < torch.linspace(0.1, 0.5, 20)
    return {"fc1.weight": first, "fc2.weight": second, "fc3.weight": second.clone()}


def _need_inside_rows_and_columns(drawn: Mask, before: Mask) -> None:
    """It is not rows or columns that have moved as wholes."""
    for dimension, what, told in [
        (0, "columns", "how often each input is used has stayed what it was: rows have moved, or entries inside columns"),
        (1, "rows", "how many inputs each unit has is what it was: columns have moved, or entries inside rows"),
    ]:
        same = all(torch.equal(drawn[name].sum(dimension), kept.sum(dimension)) for name, kept in before.items())
        _need(not same, f"the counts in {what} are unchanged, so {told}: shuffle all places of a layer together.")
    for name in before:
        for dimension, what in [(0, "columns"), (1, "rows")]:
            counts = [m[name].sum(dimension).sort().values for m in (drawn, before)]
            _need(not torch.equal(*counts), f"{name}: whole {what} have changed places: shuffle all places of a layer together.")


def _need_from_the_seed(function: Callable[[Mask, int], Mask], mask: Mask, drawn: Mask, name: str) -> None:
    again, other = function(_copy(mask), 0)[name], function(_copy(mask), 1)[name]
    _need(torch.equal(again, drawn[name]), "seed 0 gave two different masks: draw from the seed alone.")
    _need(not torch.equal(other, drawn[name]), "seed 1 gives the mask of seed 0, and so no second redraw: use the seed.")


def _need_masks(found: Mask, like: Mask) -> None:
    _need(isinstance(found, dict) and set(found) == set(like), "return a dictionary with a mask for every layer.")
    for name, kept in like.items():
        right = isinstance(found[name], Tensor) and found[name].shape == kept.shape
        _need(
            right and bool(((found[name] == 0) | (found[name] == 1)).all()),
            f"{name}: return a mask of the layer's shape that holds only True and False.",
        )


def _copy(mask: Mask) -> Mask:
    return {name: kept.clone() for name, kept in mask.items()}


def _need(holds: bool, sentence: str) -> None:
    if not holds:
        raise WrongAnswer(sentence)
