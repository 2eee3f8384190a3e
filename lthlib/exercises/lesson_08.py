"""Checks for lesson 8's exercises: a verdict from bounds and a margin, and a density that one may quote."""

from lthlib.exercises.checking import Answer, exercise, need, need_pair


@exercise(lesson=8)
def check_verdict(verdict: Answer) -> str:
    """`verdict(gains, margin)` is better, as good, worse, inconclusive or none, by the bounds of gains."""
    small_loss, unclear = [-0.4, -0.5, -0.3, -0.4], [-1.5, 1.0, -0.8, 0.4]
    for gains, margin, expected, reason in [
        ([0.9, 1.1, 1.0, 1.2], 0.8, "better", "the lower bound is above zero"),
        ([-0.3, 0.2, -0.2, 0.1], 0.8, "as good", "the lower bound is above minus the margin, although the mean is below zero"),
        (small_loss, 0.8, "as good", "there surely is a loss, and it surely is smaller than the margin"),
        (small_loss, 0.2, "worse", "the upper bound is below zero, and the loss may be larger than this margin"),
        (unclear, 0.8, "inconclusive", "the bounds reach below minus the margin and above zero, so these trials allow both"),
        (unclear, 3.0, "as good", "with so large a margin the same gains are enough"),
        ([0.3, 1.1, 0.9, 0.2], 0.8, "better", "the lower bound is above zero: each bound has 95 % confidence by itself"),
        ([1.4, 1.5], 0.8, "none", "two trials have no bounds"),
    ]:
        answer = verdict(gains, margin)
        problem = f"gains {gains} with a margin of {margin} are {expected!r}, not {answer!r}"
        need(answer == expected, f"{problem}: {reason}.")
    return "Right: the margin says what matters, and the bounds what the trials can tell."


@exercise(lesson=8)
def check_quoted(quoted: Answer) -> str:
    """`quoted(densities, verdicts)` is the end of the unbroken run of wins, and the verdict there."""
    densities = [0.8, 0.64, 0.51, 0.41, 0.33]
    win, match, fail, unclear = "winning", "matching", "worse", "inconclusive"
    for verdicts, expected, reason in [
        ([win] * 5, (0.33, None), "it wins everywhere, and nothing ends the run"),
        ([win, win, fail, fail, win], (0.64, fail), "the last win comes after losses, so it is the luckiest of many"),
        ([win, unclear, win, win, win], (0.8, unclear), "a level that is not settled ends the run, too"),
        ([win, match, win, fail, fail], (0.8, match), "matching is not winning, so the run ends there"),
        ([fail, win, win, win, win], (None, fail), "the first level already fails"),
        ([fail] * 5, (None, fail), "nothing wins, which is a result and no error"),
    ]:
        pair = "return a pair: the density or None, and the verdict that ended the run or None."
        answer = need_pair(quoted(densities, verdicts), pair)
        need(answer == expected, f"{verdicts} is {expected}, not {answer}: {reason}.")
    return "Right: a smallest density is only worth what lies above it, and why the run ended there."
