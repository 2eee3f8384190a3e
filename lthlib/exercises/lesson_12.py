"""Checks for lesson 12's exercises: a shuffle, rounds of equal shares, a control that keeps the inputs."""

import torch
from torch import Tensor

from lthlib.exercises.checking import Answer, exercise, need, need_layers, need_mask, need_seeded, same

Mask = dict[str, Tensor]


@exercise(lesson=12)
def check_shuffle(shuffle: Answer) -> str:
    """`shuffle(mask, seed)` moves the entries of each layer to places drawn at random from the seed alone."""
    mask = _masks()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1_234_567)
        state = torch.get_rng_state()
        drawn, untouched = shuffle(mask, 0), torch.equal(torch.get_rng_state(), state)
    need(same(shuffle.given[0], mask), "the mask that was passed in has changed: make a new one.")
    problem = "it draws from torch's global generator, or seeds it, and so changes what others draw"
    need(untouched, f"{problem}: use a torch.Generator of its own.")
    _need_masks(drawn, mask)
    for name, kept in mask.items():
        left, should = int(drawn[name].sum()), int(kept.sum())
        problem = f"{name} keeps {left} weights and kept {should}"
        need(left == should, f"{problem}: the layers' shares are what the control is to leave alone.")
        why = f"{name}: nothing has moved, so the control is the ticket itself."
        need(not torch.equal(drawn[name].bool(), kept), why)
    _need_inside_rows_and_columns(drawn, mask)
    problem = "fc2 and fc3, which begin alike, are shuffled alike"
    advice = "seed one generator, and go on drawing from it for every layer"
    need(not torch.equal(drawn["fc2.weight"], drawn["fc3.weight"]), f"{problem}: {advice}.")
    _need_from_the_seed(shuffle, mask, drawn)
    run = shuffle({"fc1.weight": torch.arange(600).view(20, 30) < 300}, 3)["fc1.weight"]
    turns = int((run.bool().flatten().int().diff() != 0).sum())
    why = "of a mask whose first half is kept, neighbours stay together: every place must be drawn by itself."
    need(turns > 200, why)
    return "Right: as many in every layer, anywhere in it, and the seed alone decides."


@exercise(lesson=12)
def check_remaining(remaining: Answer) -> str:
    """`remaining(weights, density, rounds)` lists how many weights are left after each round, if each removes
    the same share of the survivors, and the last leaves round(weights * density)."""
    cases = ((1000, 0.01, 2), (43_000, 0.001, 100), (500, 0.5, 1), (1000, 0.1, 7), (300, 0.02, 1000))
    for weights, density, rounds in cases:
        counts = list(remaining(weights, density, rounds))
        case = f"{weights} weights, density {density}, {rounds} rounds"
        need(len(counts) == rounds, f"{case}: {len(counts)} numbers, but one for each round was asked for.")
        why = f"{case}: {counts[0]} weights cannot be left: round to whole ones."
        need(all(int(left) == left for left in counts), why)
        linear = [round(weights * (1 - (1 - density) * step / rounds)) for step in range(1, rounds + 1)]
        problem = f"{case}: every round removes equally many weights"
        advice = "so that the last takes nearly all that is left: take equal shares of the survivors"
        need(rounds == 1 or any(abs(a - b) > 1 for a, b in zip(counts, linear)), f"{problem}, {advice}.")
        for step, left in enumerate(counts, 1):
            should = weights * density ** (step / rounds)
            problem = f"{case}: {left} are left after round {step}, {should:.1f} should be"
            advice = "count from the weights and not from the round before, or what is rounded adds up"
            need(abs(left - should) <= 1, f"{problem}; {advice}.")
    return "Right: the density falls by one factor in every round, and ends where it should."


@exercise(lesson=12)
def check_keep_inputs(control: Answer) -> str:
    """`control(mask, seed)` moves each input's connections to random units; every input keeps its number."""
    mask = _masks()
    drawn = control(mask, 0)
    need(same(control.given[0], mask), "the mask that was passed in has changed: make a new one.")
    _need_masks(drawn, mask)
    for name, kept in mask.items():
        new = drawn[name].bool()
        need(not torch.equal(new, kept), f"{name}: nothing has moved, so the control is the ticket itself.")
        columns, rows = (torch.equal(new.sum(side), kept.sum(side)) for side in (0, 1))
        problem = f"{name}: units keep their number of inputs, but inputs are the columns"
        need(columns or not rows, f"{problem}: a weight is [out, in].")
        need(columns, f"{name}: an input has gained or lost connections: shuffle in each column.")
        problem = f"{name}: the rows have moved as wholes, so that units keep their sets of inputs"
        advice = "draw anew for every column"
        need(not torch.equal(new.sum(1).sort().values, kept.sum(1).sort().values), f"{problem}: {advice}.")
    _need_from_the_seed(control, mask, drawn)
    return "Right: every input is used as often as before, by units that chance chose."


def _masks() -> Mask:
    """Masks of three layers; inputs of the first are used unequally, and the second and third begin alike."""
    generator = torch.Generator().manual_seed(12)
    often = torch.linspace(0.1, 0.7, 30)
    first = torch.rand(20, 30, generator=generator) < often * torch.linspace(0.5, 1.4, 20)[:, None]
    second = torch.rand(20, 20, generator=generator) < torch.linspace(0.1, 0.5, 20)
    return {"fc1.weight": first, "fc2.weight": second, "fc3.weight": second.clone()}


def _need_inside_rows_and_columns(drawn: Mask, mask: Mask) -> None:
    """It is not rows or columns that have moved as wholes."""
    advice = "shuffle all places of a layer together"
    inputs = "how often each input is used has stayed what it was: rows have moved, or entries inside columns"
    units = "how many inputs each unit has is what it was: columns have moved, or entries inside rows"
    for side, what, reason in ((0, "columns", inputs), (1, "rows", units)):
        unchanged = all(torch.equal(drawn[name].sum(side), kept.sum(side)) for name, kept in mask.items())
        need(not unchanged, f"the counts in {what} are unchanged, so {reason}: {advice}.")
    for name in mask:
        for side, what in ((0, "columns"), (1, "rows")):
            new, old = (masks[name].sum(side).sort().values for masks in (drawn, mask))
            need(not torch.equal(new, old), f"{name}: whole {what} have changed places: {advice}.")


def _need_from_the_seed(answer: Answer, mask: Mask, drawn: Mask) -> None:
    need_seeded(
        lambda seed: answer(mask, seed)["fc1.weight"],
        drawn["fc1.weight"],
        "seed 0 gave two different masks: draw from the seed alone.",
        "seed 1 gives the mask of seed 0, and so no second redraw: use the seed.",
    )


def _need_masks(drawn: Mask, like: Mask) -> None:
    need_layers(drawn, like)
    for name, kept in like.items():
        why = f"{name}: return a mask of the layer's shape that holds only True and False."
        need_mask(drawn[name], kept, why)
