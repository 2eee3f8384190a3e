"""Checks for lesson 8's exercises: a verdict from intervals, and the density that a paper may quote."""

from lthlib.exercises.checking import Answer, exercise, need


@exercise(lesson=8)
def check_verdict(verdict: Answer) -> str:
    """`verdict(points, iterations)` says winning, matching or neither by the intervals of the differences."""
    better, level, worse = [0.9, 1.1, 1.0, 1.2], [-0.6, 0.5, 0.3, -0.4], [-1.0, -1.2, -0.9, -1.1]
    sooner, same, later = [-300, -250, -280, -310], [50, -60, 20, -30], [200, 260, 240, 210]
    for points, iterations, expected, reason in [
        (better, sooner, "winning", "it is more accurate and sooner"),
        (level, same, "winning", "nothing here tells it from dense, and being no worse is enough"),
        ([-0.3, 0.2, -0.2, 0.1], same, "winning", "a mean below zero is no loss while the interval reaches across zero"),
        (level, later, "matching", "it is as accurate, and surely later"),
        (worse, same, "neither", "it is surely less accurate"),
        (worse, sooner, "neither", "it is surely less accurate, and being sooner does not make up for that"),
        (better, [150, -100, 120, 90], "winning", "a mean above zero is not later while the interval reaches across zero"),
    ]:
        answer = verdict(points, iterations)
        problem = f"points {points} and iterations {iterations} are {expected!r}, not {answer!r}"
        need(answer == expected, f"{problem}: {reason}.")
    return "Right: accuracy first, then speed, and both by what the trials can tell."


@exercise(lesson=8)
def check_quoted(quoted: Answer) -> str:
    """`quoted(densities, verdicts)` is the smallest density of the unbroken run of wins, or None."""
    densities = [0.8, 0.64, 0.51, 0.41, 0.33]
    win, match, fail = "winning", "matching", "neither"
    for verdicts, expected, reason in [
        ([win] * 5, 0.33, "it wins everywhere"),
        ([win, win, fail, fail, win], 0.64, "the last win comes after losses, so it is the luckiest of many"),
        ([win, match, win, fail, fail], 0.8, "matching is not winning, so the run ends there"),
        ([fail, win, win, win, win], None, "the first level already fails"),
        ([fail] * 5, None, "nothing wins, which is a result and no error"),
    ]:
        answer = quoted(densities, verdicts)
        need(answer == expected, f"{verdicts} is {expected}, not {answer}: {reason}.")
    return "Right: a smallest density is only worth what lies above it."
