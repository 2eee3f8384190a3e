"""Checks for the exercises of the arena's lesson: a criterion, and the sanity check that flags one.

As in `exercises`, each takes the reader's function, tries properties that a right answer must have, and raises WrongAnswer with
one sentence that helps. A function that still returns None counts as not tried.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from lthlib.exercises import WrongAnswer

UNTRIED = "Exercise not tried yet: the function returns None."


def check_grown(grown: Callable[..., dict[str, Tensor]]) -> None:
    """`grown(weights=, start=)`: how many times as large each weight is at the end as at the start, 0 where it was and is 0."""
    weights = {"a": torch.tensor([[2.0, -3.0, 0.5], [0.0, 1.0, -1.0]]), "b": torch.tensor([4.0, -4.0])}
    start = {"a": torch.tensor([[1.0, 1.0, -2.0], [0.0, -4.0, -1.0]]), "b": torch.tensor([-2.0, 8.0])}
    expected = {"a": torch.tensor([[2.0, 3.0, 0.25], [0.0, 0.25, 1.0]]), "b": torch.tensor([2.0, 0.5])}
    before = [tensor.clone() for tensor in (*weights.values(), *start.values())]
    found = grown(weights=weights, start=start)
    if found is None:
        return print(UNTRIED)
    _need(
        isinstance(found, dict) and found.keys() == weights.keys(), "return a dictionary with an entry for each name in weights."
    )
    for name, ratio in expected.items():
        right = isinstance(found[name], Tensor) and found[name].shape == ratio.shape
        _need(right, f"the scores of {name!r} must be a tensor of its shape, {list(ratio.shape)}.")
        _need(not torch.isnan(found[name]).any(), "a weight that was 0 and is 0 gives 0 / 0, which is no number: score it 0.")
        _need((found[name] >= 0).all(), "some scores are negative: compare sizes, so take absolute values of both ends.")
        _need(torch.allclose(found[name], ratio, rtol=1e-4), f"in {name!r} the weights grew {ratio.tolist()} times.")
    intact = all(torch.equal(a, b) for a, b in zip(before, (*weights.values(), *start.values())))
    _need(intact, "the weights that you were given have changed: make new tensors.")
    print("Right: a criterion like any other, ready for the arena.")


def check_flagged(flagged: Callable[[np.ndarray, np.ndarray], bool]) -> None:
    """`flagged(ticket, control)`: whether a sanity check fails, from the test accuracies (percent) of each trial, in order."""
    trials = np.array([50.0, 61.0, 43.0, 57.0, 70.0])  # trials differ far more than a ticket and its control do
    better, noise = np.array([1.1, 0.9, 1.0, 1.2, 0.8]), np.array([2.0, -1.5, 0.4, -1.0, 0.6])
    if flagged(trials + better, trials) is None:
        return print(UNTRIED)
    _need(not flagged(trials + better, trials), "better by a point in every trial: look at the differences, trial by trial.")
    _need(flagged(trials - better, trials), "a ticket that is worse than its control in every trial must be flagged.")
    _need(flagged(trials + noise, trials), "a mean above zero may be luck: flag what its interval does not show to be better.")
    random = np.random.default_rng(0)
    passed = sum(not flagged(trials + random.normal(0, 1, 5), trials) for _ in range(400))
    _need(passed <= 30, f"of 400 controls as good as the ticket {passed} were passed: with a 95 % interval expect about ten.")
    _need(flagged(trials[:2] + better[:2], trials[:2]), "two trials have no interval, so nothing was shown: flag it.")
    print("Right: what was not shown to matter is flagged.")


def _need(holds: bool, otherwise: str) -> None:
    if not holds:
        raise WrongAnswer(otherwise)
