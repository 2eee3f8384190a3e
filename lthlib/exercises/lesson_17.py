"""Checks for lesson 17's exercises: a criterion for the arena, the number to report where a scope was chosen,
and the verdict of a sanity check."""

from numbers import Real

import numpy as np
import torch
from torch import Tensor

from lthlib.exercises.checking import Answer, exercise, need, same, trials_to_choose_from


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
    scores = grown(weights={"a": torch.tensor([-0.1, 0.0])}, start={"a": torch.zeros(2)})
    why = "a weight that was 0 and is no longer has grown infinitely many times: score it infinity."
    need(scores["a"].tolist() == [float("inf"), 0.0], why)
    return "Right: a criterion like any other, ready for the arena."


@exercise(lesson=17)
def check_reported(reported: Answer) -> str:
    """`reported(validation, test)`: the accuracy to report for a method that ran under several scopes. Both are
    dictionaries from a scope to accuracies (percent), trial by trial."""
    validation = {"uniform": [50.0, 52.0, 51.0], "global": [60.0, 40.0, 53.0], "erk": [54.0, 55.0, 53.0]}
    test = {"uniform": [49.0, 50.0, 51.0], "global": [57.0, 59.0, 58.0], "erk": [53.0, 52.0, 51.0]}
    validation, test = ({scope: np.array(own) for scope, own in each.items()} for each in (validation, test))
    answer = reported(validation, test)
    need(isinstance(answer, Real), f"return one accuracy in percent, not {answer!r}.")
    why = "this is the best of three test values, which is partly luck: choose the scope by validation accuracy."
    need(abs(answer - 58.0) > 1e-9, why)
    need(abs(answer - 54.0) > 1e-9, "this is a validation accuracy: it has served to choose. Report test accuracy.")
    need(abs(answer - 160 / 3) > 1e-9, "this is the mean over all scopes: choose one scope, for all trials.")
    need(abs(answer - 52.0) < 1e-9, "of the scope with the highest mean validation accuracy, return the mean test accuracy.")
    for drawn in trials_to_choose_from(("uniform", "global", "erk"), trials=(5, 5)):
        validation = {scope: 100 * np.array(own) for scope, own in drawn.items()}
        test = {scope: own**2 / 100 for scope, own in validation.items()}
        expected = test[max(validation, key=lambda scope: validation[scope].mean())].mean()
        problem = "with trials that lie far apart it is another number"
        advice = "choose by the mean validation accuracy, and report the mean test accuracy"
        need(abs(reported(validation, test) - expected) < 1e-6, f"{problem}: {advice}.")
    return "Right: validation accuracy chooses, test accuracy is reported."


@exercise(lesson=17)
def check_verdict(verdict: Answer) -> str:
    """`verdict(ticket, control, margin)` of one sanity check: "passed", "flagged" or "inconclusive"; test
    accuracies (percent) trial by trial."""
    trials = np.array([50.0, 61.0, 43.0, 57.0, 70.0])  # trials differ more than a ticket and its control
    steady, noise = np.array([0.1, -0.1, 0.0, 0.2, -0.2]), np.array([2.0, -1.5, 0.4, -1.0, 0.6])
    why = "better by three points in every trial: look at the differences, trial by trial."
    need(verdict(trials + 3 + steady, trials, 1.0) == "passed", why)
    why = "a ticket that is worse than its control in every trial must be flagged."
    need(verdict(trials - 3 + steady, trials, 1.0) == "flagged", why)
    why = "differences of a few tenths around zero, with a margin of 1: this was shown not to matter, so flag it."
    need(verdict(trials + steady, trials, 1.0) == "flagged", why)
    why = "differences of up to two points around zero, with a margin of 1: a mean above zero may be luck."
    need(verdict(trials + noise, trials, 1.0) != "passed", why)
    why = "differences of up to two points around zero may hide a point: not shown to matter is not shown not to matter."
    need(verdict(trials + noise, trials, 1.0) == "inconclusive", why)
    why = "half a point in every trial is less than the margin, but surely above zero: what was destroyed did matter."
    need(verdict(trials + 0.5 + steady, trials, 1.0) == "passed", why)
    random = np.random.default_rng(0)
    passed = sum(verdict(trials + random.normal(0, 1, 5), trials, 1.0) == "passed" for _ in range(400))
    problem = f"of 400 controls as good as the ticket {passed} were passed"
    need(passed <= 36, f"{problem}: with 95 % bounds expect about twenty.")
    why = "two trials have no bounds, so nothing was shown: inconclusive."
    need(verdict(trials[:2] + 3 + steady[:2], trials[:2], 1.0) == "inconclusive", why)
    return "Right: passed, flagged, and what these trials cannot say are three different things."
