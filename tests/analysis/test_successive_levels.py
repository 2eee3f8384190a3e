"""The claim that successive levels are connected while they match: each half is judged by itself."""

import pandas as pd
import pytest

import lthlib
from lthlib.analysis import successive_levels

CONNECTED, APART, UNSURE = [0.5, 0.6, 0.7], [20.0, 21.0, 22.0], [1.0, 3.0, 5.0]


def judged(*levels):
    """What is judged of levels 1, 2, ... of one rewind point: for each its barriers, and the verdict on accuracy."""
    rows = [
        {"rewind": 7, "level": level, "density": 0.5**level, "trial": trial, "barrier": barrier}
        for level, (barriers, _) in enumerate(levels, 1)
        for trial, barrier in enumerate(barriers)
    ]
    verdicts = pd.DataFrame({"verdict": {level: verdict for level, (_, verdict) in enumerate(levels, 1)}})
    return successive_levels.judge(pd.DataFrame(rows), {7: verdicts})


@pytest.mark.parametrize(
    ("barriers", "verdict", "connected", "matches", "claim"),
    [
        (CONNECTED, "winning", "yes", "yes", "holds"),
        (CONNECTED, "matching", "yes", "yes", "holds"),
        (APART, "neither", "no", "no", "holds"),
        (APART, "worse", "no", "no", "holds"),
        (APART, "matching", "no", "yes", "fails"),
        (CONNECTED, "worse", "yes", "no", "fails"),
        (UNSURE, "matching", "inconclusive", "yes", "inconclusive"),
        (CONNECTED, "inconclusive", "yes", "inconclusive", "inconclusive"),
        (CONNECTED, "cannot tell", "yes", "inconclusive", "inconclusive"),
        ([0.5, 0.5], "matching", "inconclusive", "yes", "inconclusive"),
    ],
)
def test_both_halves_are_judged_and_undecided_ones_decide_nothing(barriers, verdict, connected, matches, claim):
    [row] = judged((barriers, verdict)).itertuples()
    assert (row.connected, row.matches, row.claim) == (connected, matches, claim)
    assert row.trials == len(barriers) and row.barrier == pytest.approx(sum(barriers) / len(barriers))


def test_the_interval_decides_and_not_the_mean():
    [row] = judged((UNSURE, "matching")).itertuples()
    assert row.barrier > 2 and row.barrier_low < 2 < row.barrier_high and row.connected == "inconclusive"


@pytest.mark.parametrize(
    ("levels", "says"),
    [
        (
            [(CONNECTED, "winning"), (APART, "worse")],
            "Of 2 pairs of successive levels: matching and connected 1, neither 1, one without the other 0, inconclusive 0. "
            "The claim **holds** wherever this run can tell.",
        ),
        (
            [(CONNECTED, "winning"), (APART, "worse"), (APART, "matching")],
            "The claim **fails** at 12.5 %, k = 7 (matches and is not connected); the paper makes it for high sparsity alone.",
        ),
        (
            [(CONNECTED, "worse")],
            "The claim **fails** at 50.0 %, k = 7 (connected and does not match); the paper makes it for high sparsity alone.",
        ),
        ([(CONNECTED, "winning"), (UNSURE, "worse")], "is **inconclusive** here: no pair surely does neither."),
        ([(APART, "worse")], "is **inconclusive** here: no pair surely matches and is connected."),
        ([(UNSURE, "worse")], "no pair surely matches and is connected, and none surely does neither."),
    ],
)
def test_the_sentence_says_no_more_than_the_rows(levels, says):
    assert successive_levels.in_words(judged(*levels)).endswith(says)


def test_a_rewind_point_without_verdicts_is_named():
    barriers = pd.DataFrame({"rewind": [7], "level": [1], "density": [0.5], "barrier": [1.0]})
    with pytest.raises(lthlib.LotteryError, match="verdicts has no rewind point 7"):
        successive_levels.judge(barriers, {})
