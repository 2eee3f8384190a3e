"""Checks for lesson 18's exercises: where weights grow, gradual pruning's course, and what a move costs."""

import torch

from lthlib.exercises.checking import Answer, exercise, need, need_mask
from lthlib.pruning.moving import cubic


@exercise(lesson=18)
def check_grow(grow: Answer) -> str:
    """`grow(mask, gradient, count)`: the mask with `count` more weights, where the gradient is largest."""
    mask = torch.tensor([[True, False, False], [False, True, False]])
    gradient = torch.tensor([[9.0, -3.0, 1.0], [0.5, -8.0, 2.0]])
    grown = grow(mask, gradient, 1)
    need_mask(grown, mask, "return a mask of the same shape that holds only True and False.")
    why = "the mask that was passed in has changed: work on a copy, mask.clone()."
    need(torch.equal(grow.given[0], mask), why)
    grown = grown.bool()
    need(bool((grown & mask).sum() == mask.sum()), "a weight that was kept is gone: growing only adds.")
    new = int(grown.sum()) - 2
    need(new == 1, f"{new} weights grew, 1 should: places that are kept already do not count.")
    why = "a weight grew at gradient 2.0, though one at -3.0 lowers the loss faster: compare sizes."
    need(not grown[1, 2], why)
    need(bool(grown[0, 1]), "the largest gradient in size among the empty places is -3.0: grow there.")
    generator = torch.Generator().manual_seed(18)
    for count in (0, 3, 20):
        mask = torch.rand(8, 7, generator=generator) < 0.4
        gradient = torch.randn(8, 7, generator=generator)
        gradient[0] = 0.0  # a place without a gradient is still empty
        grown = grow(mask, gradient, count).bool()
        new = grown & ~mask
        why = f"{int(new.sum())} weights grew in a layer of 8 x 7, {count} should."
        need(int(new.sum()) == count and bool((grown & mask).sum() == mask.sum()), why)
        rest = ~grown
        why = "in a layer of 8 x 7 a place with a smaller gradient was taken before one with a larger."
        need(not new.any() or gradient[new].abs().min() >= gradient[rest].abs().max(), why)
    return "Right: the sign of a gradient says which way a weight will go, its size how much that helps."


@exercise(lesson=18)
def check_density_at(density_at: Answer) -> str:
    """`density_at(iteration, end, final)`: the density of gradual pruning, by Zhu & Gupta (2017)."""
    need(abs(density_at(0, 100, 0.1) - 1) < 1e-9, "at iteration 0 all weights are there: the density is 1.")
    need(abs(density_at(100, 100, 0.1) - 0.1) < 1e-9, "at the end the density is `final`.")
    why = "after the end the density stays at `final`: 1 - iteration / end is negative there."
    need(abs(density_at(150, 100, 0.1) - 0.1) < 1e-9, why)
    half = density_at(50, 100, 0.1)
    need(abs(half - 0.7875) > 1e-9, "half-way that is the *sparsity*: the density is 1 minus it.")
    need(abs(half - 0.55) > 1e-9, "that is a straight line; the sparsity follows a cubic.")
    need(abs(half - 0.2125) < 1e-9, f"half-way from 1 to 0.1 the density is 0.2125, not {half:.4f}.")
    why = "other iterations, ends or densities do not come out right."
    others = ((10, 40, 0.05), (39, 40, 0.5), (1, 1000, 0.01))
    need(all(abs(density_at(at, end, final) - cubic(at / end, final)) < 1e-9 for at, end, final in others), why)
    return "Right: fast while much can go, slow at the end."


@exercise(lesson=18)
def check_price(price: Answer) -> str:
    """`price(density, every)`: RigL's arithmetic as a share of dense training's."""
    why = "at density 1 a move costs as much as a step, so the price is that of dense training, 1."
    need(abs(price(1.0, 100) - 1) < 1e-9, why)
    got = price(0.05, 100)
    why = "that leaves the dense gradient out: one dense part of three, once in every `every` iterations."
    need(abs(got - 0.05) > 1e-9, why)
    why = "a move takes the place of a step: of `every` iterations, `every` - 1 are steps."
    need(abs(got - (0.05 + (2 * 0.05 + 1) / 300)) > 1e-9, why)
    need(abs(got - (0.05 + 1 / 300)) > 1e-9, f"{why} And a move has two sparse parts besides the dense one.")
    why = "a move is not a whole dense step: its forward pass and its pass back to the activations are sparse."
    need(abs(got - (99 * 0.05 + 1) / 100) > 1e-9, why)
    expected = (99 * 3 * 0.05 + 2 * 0.05 + 1) / 300
    told = f"{100 * expected:.2f} % of dense training, not {100 * got:.2f} %"
    need(abs(got - expected) < 1e-9, f"at 5 % and a move in 100 iterations it is {told}.")
    every = price(0.05, 1)
    why = f"with a move in every iteration it is 36.7 %, not {100 * every:.1f} %."
    need(abs(every - 1.1 / 3) < 1e-9, why)
    return "Right: what is dense is rare, so that sparse training stays cheap."
