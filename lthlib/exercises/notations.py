"""Checks for the exercises of lesson 16: one number in many notations, and what a density is a share of.

As in `exercises`, each takes the reader's function, tries properties that a right answer must have, and raises WrongAnswer with
one sentence that helps. A function that still returns None counts as not tried.
"""

from collections.abc import Callable

from lthlib.exercises import WrongAnswer


def check_density_of(density_of: Callable[[float, str], float]) -> None:
    """`density_of(value, notation)`: a density, 0 to 1. Notations are the keys of `told`."""
    if density_of(50.0, "remaining (%)") is None:
        return print("Exercise not tried yet: the function returns None.")
    told = {
        ("remaining (%)", 21.0): 0.21,
        ("sparsity (%)", 90.0): 0.10,
        ("sparsity (%)", 98.5): 0.015,
        ("compression", 10.0): 0.10,
        ("compression", 1.0): 1.0,
        ("log10 compression", 2.0): 0.01,
        ("log10 compression", 0.0): 1.0,
    }
    for (notation, value), density in told.items():
        found = density_of(value, notation)
        _need(isinstance(found, (int, float)), f"return a number for {value:g} in {notation!r}, not {found!r}.")
        _need(abs(found - 100 * density) > 1e-9, "a density is a share from 0 to 1, and this is in percent.")
        _need(abs(found - (1 - density)) > 1e-9 or abs(density - 0.5) < 1e-9, f"for {notation!r} this is the sparsity.")
        _need(abs(found - density) < 1e-9, f"{value:g} in {notation!r} is a density of {density:g}, not {found:g}.")
    print("Right: one number under four names.")


def check_both_densities(both_densities: Callable[[dict, dict, dict], tuple[float, float]]) -> None:
    """`both_densities(kept, prunable, other)`: kept weights over prunable ones, and all that is left over all parameters."""
    kept, prunable, other = {"fc": 60, "out": 20}, {"fc": 600, "out": 100}, {"fc.bias": 30, "norm": 20}
    answer = both_densities(dict(kept), dict(prunable), dict(other))
    if answer is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(isinstance(answer, tuple) and len(answer) == 2, "return two numbers: of what may be pruned, and of everything.")
    _need(abs(answer[0] - 0.15) > 1e-9, "the first is the mean of the layers' densities: large layers must count for more.")
    _need(abs(answer[0] - 80 / 700) < 1e-9, "the first is all kept weights over all prunable ones.")
    _need(abs(answer[1] - 80 / 750) > 1e-9, "what cannot be pruned is left, too: it counts above the line as well as below.")
    _need(abs(answer[1] - 130 / 750) < 1e-9, "the second is everything that is left over everything there was.")
    whole = both_densities(dict(prunable), dict(prunable), dict(other))
    _need(whole == (1.0, 1.0), "where nothing is pruned both are 1.")
    print("Right: two densities of one network, and a paper should say which it means.")


def _need(holds: bool, sentence: str) -> None:
    if not holds:
        raise WrongAnswer(sentence)
