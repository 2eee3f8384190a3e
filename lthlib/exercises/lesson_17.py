"""Checks for lesson 17's exercises: a criterion for the arena, and the sanity check that flags one."""

import numpy as np
import torch
from torch import Tensor

from lthlib.exercises.checking import Answer, exercise, need, same


@exercise(lesson=17)
def check_grown(grown: Answer) -> str:
    """`grown(weights=, start=)`: how many times as large each weight is as at the start, 0 for 0 / 0."""
    weights = {"a": torch.tensor([[2.0, -3.0, 0.5], [0.0, 1.0, -1.0]]), "b": torch.tensor([4.0, -4.0])}
    start = {"a": torch.tensor([[1.0, 1.0, -2.0], [0.0, -4.0, -1.0]]), "b": torch.tensor([-2.0, 8.0])}
    expected = {"a": torch.tensor([[2.0, 3.0, 0.25], [0.0, 0.25, 1.0]]), "b": torch.tensor([2.0, 0.5])}
    scores = grown(weights=weights, start=start)
    names = isinstance(scores, dict) and scores.keys() == weights.keys()
    need(names, "return a dictionary with an entry for each name in weights.")
    for name, ratio in expected.items():
        score = scores[name]
        shaped = isinstance(score, Tensor) and score.shape == ratio.shape
        need(shaped, f"the scores of {name!r} must be a tensor of its shape, {list(ratio.shape)}.")
        why = "a weight that was 0 and is 0 gives 0 / 0, which is no number: score it 0."
        need(not torch.isnan(score).any(), why)
        need((score >= 0).all(), "some scores are negative: compare sizes, so take absolute values of both ends.")
        need(torch.allclose(score, ratio, rtol=1e-4), f"in {name!r} the weights grew {ratio.tolist()} times.")
    need(same(grown.given, [weights, start]), "the weights that you were given have changed: make new tensors.")
    return "Right: a criterion like any other, ready for the arena."


@exercise(lesson=17)
def check_flagged(flagged: Answer) -> str:
    """`flagged(ticket, control)`: whether a sanity check fails; test accuracies (percent) trial by trial."""
    trials = np.array([50.0, 61.0, 43.0, 57.0, 70.0])  # trials differ more than a ticket and its control
    better, noise = np.array([1.1, 0.9, 1.0, 1.2, 0.8]), np.array([2.0, -1.5, 0.4, -1.0, 0.6])
    why = "better by a point in every trial: look at the differences, trial by trial."
    need(not flagged(trials + better, trials), why)
    why = "a ticket that is worse than its control in every trial must be flagged."
    need(flagged(trials - better, trials), why)
    why = "a mean above zero may be luck: flag what its interval does not show to be better."
    need(flagged(trials + noise, trials), why)
    random = np.random.default_rng(0)
    passed = sum(not flagged(trials + random.normal(0, 1, 5), trials) for _ in range(400))
    problem = f"of 400 controls as good as the ticket {passed} were passed"
    need(passed <= 30, f"{problem}: with a 95 % interval expect about ten.")
    why = "two trials have no interval, so nothing was shown: flag it."
    need(flagged(trials[:2] + better[:2], trials[:2]), why)
    return "Right: what was not shown to matter is flagged."
