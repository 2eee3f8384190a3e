"""Checks for lesson 16's exercises: one number in many notations, and what a density is a share of."""

from numbers import Real

from lthlib.exercises.checking import Answer, exercise, need, need_pair


@exercise(lesson=16)
def check_density_of(density_of: Answer) -> str:
    """`density_of(value, notation)`: a density, 0 to 1. Notations are the keys of `densities`."""
    densities = {
        ("remaining (%)", 21.0): 0.21,
        ("sparsity (%)", 90.0): 0.10,
        ("sparsity (%)", 98.5): 0.015,
        ("compression", 10.0): 0.10,
        ("compression", 1.0): 1.0,
        ("log10 compression", 2.0): 0.01,
        ("log10 compression", 0.0): 1.0,
    }
    for (notation, value), density in densities.items():
        answer, case = density_of(value, notation), f"{value:g} in {notation!r}"
        need(isinstance(answer, Real), f"return a number for {case}, not {answer!r}.")
        need(abs(answer - 100 * density) > 1e-9, "a density is a share from 0 to 1, and this is in percent.")
        need(abs(answer - (1 - density)) > 1e-9, f"for {notation!r} this is the sparsity.")
        need(abs(answer - density) < 1e-9, f"{case} is a density of {density:g}, not {answer:g}.")
    return "Right: one number under four names."


@exercise(lesson=16)
def check_both_densities(both_densities: Answer) -> str:
    """`both_densities(kept, prunable, other)`: the share kept of prunable weights, and of everything."""
    kept, prunable, other = {"fc": 60, "out": 20}, {"fc": 600, "out": 100}, {"fc.bias": 30, "norm": 20}
    two = "return two numbers: of what may be pruned, and of everything."
    first, second = need_pair(both_densities(kept, prunable, other), two)
    why = "the first is the mean of the layers' densities: large layers must count for more."
    need(abs(first - 0.15) > 1e-9, why)
    need(abs(first - 80 / 700) < 1e-9, "the first is all kept weights over all prunable ones.")
    why = "what cannot be pruned is left, too: it counts above the line as well as below."
    need(abs(second - 80 / 750) > 1e-9, why)
    need(abs(second - 130 / 750) < 1e-9, "the second is everything that is left over everything there was.")
    whole = need_pair(both_densities(prunable, prunable, other), two)
    need(whole == (1.0, 1.0), "where nothing is pruned both are 1.")
    return "Right: two densities of one network, and a paper should say which it means."
