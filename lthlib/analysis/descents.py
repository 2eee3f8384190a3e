"""Sparse double descent: with wrong labels, accuracy falls, rises and falls again as fewer weights are left
(He et al. 2022, arXiv 2206.08684). Which levels belong to which part, and whether a run shows it.

Where a part lies is decided by *training* accuracy alone, so that no level is chosen because it did well
or badly on test examples. With a share q of wrong labels, a network that learned every label has a
training accuracy of 100 %, and one that learned the right ones alone has 100 - 100 q %. By the mean over
trials at the end of training:

    dense       level 0
    just fits   of the pruned levels that still fit at least 95 % of their labels, the two sparsest
    sweet       levels within a tenth of q of the right labels' share: they learned those, and not the wrong ones
    collapsed   levels below that: they fail on right labels too

Where the dense networks do not fit 95 % of their labels themselves, they were not trained to the end,
and there are no other parts.

The three claims are then three differences of ranges, each the mean over a range's levels in every
trial.
"""

from collections.abc import Hashable

import numpy as np
import pandas as pd

from lthlib.analysis import evidence, families
from lthlib.analysis.evidence import Evidence
from lthlib.analysis.summary import by_trial, scale, summarise
from lthlib.core.errors import LotteryError
from lthlib.core.validation import number

FITS = 0.95  # training accuracy of a network that still fits its labels
SPARSEST = 2  # of these levels, so many are "just fits"
AROUND = 0.1  # of the share of wrong labels: how far from the right labels' share is still "sweet"
PARTS = DENSE, JUST_FITS, SWEET, COLLAPSED = ("dense", "just fits", "sweet", "collapsed")
STEPS = {  # each claim: from which part to which, and whether accuracy is to fall (-1) or to rise (1)
    "down": (DENSE, JUST_FITS, -1),
    "up": (JUST_FITS, SWEET, 1),
    "down again": (SWEET, COLLAPSED, -1),
}
YES, NO, OPEN, NONE = ("yes", "no", "cannot tell", "no such levels")


def parts(table: pd.DataFrame, wrong: float) -> dict[str, list[int]]:
    """The levels of each of PARTS, from dense to sparse; a part that this hunt does not reach is an empty
    list. `wrong` is the share of wrong training labels, above 0 and below 1. Raises LotteryError for
    another, or for a table of several settings."""
    number("wrong", wrong, lambda share: 0 < share < 1, "the share of wrong training labels, above 0 and below 1")
    fitted = by_trial(summarise(table), "ticket", "final_train_accuracy").groupby("level").mean()
    if fitted.loc[0] < FITS:
        return {DENSE: [0], JUST_FITS: [], SWEET: [], COLLAPSED: []}
    pruned, right = fitted[fitted.index > 0], 1 - wrong
    reach = AROUND * wrong
    fits = [int(level) for level in pruned.index[pruned >= FITS]]
    return {
        DENSE: [0],
        JUST_FITS: fits[-SPARSEST:],
        SWEET: [int(level) for level in pruned.index[(pruned - right).abs() <= reach]],
        COLLAPSED: [int(level) for level in pruned.index[pruned < right - reach]],
    }


def part_means(table: pd.DataFrame, levels: dict[str, list[int]], measure: str = "final_test_accuracy") -> pd.DataFrame:
    """The mean of a measure over the levels of each part, in its shown units (accuracies in percent): a row
    per trial, a column per part that has levels."""
    values = scale(measure) * by_trial(summarise(table), "ticket", measure)
    at = values.index.get_level_values("level")
    means = {part: values[at.isin(chosen)].groupby("trial").mean() for part, chosen in levels.items() if chosen}
    return pd.DataFrame(means)


def steps(means: pd.DataFrame) -> dict[str, Evidence]:
    """For each of STEPS whose two parts have levels, the evidence of the later part minus the earlier, in
    the units of `part_means`."""
    found = {name: (means[b] - means[a]).dropna() for name, (a, b, _) in STEPS.items() if {a, b} <= set(means)}
    return {name: evidence.weigh(values) for name, values in found.items() if len(values)}


def answers(found: dict[str, Evidence]) -> dict[str, str]:
    """Whether each of STEPS is shown: "yes" or "no" (the bounds are on the claim's side of zero, or on the
    other), "cannot tell", or "no such levels". As many claims are looked at together, the p values of
    either answer are corrected by Holm's method; with fewer than three trials nothing can be told."""
    towards = {name: known if STEPS[name][2] > 0 else families.turned(known) for name, known in found.items()}
    yes = _corrected(towards)
    no = _corrected({name: families.turned(known) for name, known in towards.items()})
    said = {}
    for name in STEPS:
        if name not in found:
            said[name] = NONE
        else:
            said[name] = YES if families.holds(yes[name]) else NO if families.holds(no[name]) else OPEN
    return said


def follows(
    distances: pd.DataFrame,
    table: pd.DataFrame,
    column: str = "distance",
    measure: str = "final_test_accuracy",
) -> list[float]:
    """How alike a distance and the error are ranked over the levels, one rank correlation (Spearman) a
    trial, -1 to 1: 1 means that the farther a network of a trial has moved, the more it errs.
    `distances` is that of `distance.by_network`."""
    accuracy = by_trial(summarise(table), "ticket", measure)
    found = []
    for trial, rows in distances.groupby("trial"):
        errors = 1 - accuracy.xs(trial, level="trial").reindex(rows.level).to_numpy()
        ranks = pd.DataFrame({"moved": rows[column].to_numpy(), "errors": errors}).rank()
        if len(ranks) < 3:
            raise LotteryError(f"trial {trial} has {len(ranks)} levels: a rank correlation needs 3 or more.")
        found.append(float(np.corrcoef(ranks.moved, ranks.errors)[0, 1]))
    return found


def _corrected(gains: dict[str, Evidence]) -> dict[Hashable, float]:
    """The p value of each gain being above zero, corrected for their number."""
    return dict(zip(gains, evidence.holm([known.p_value(0) for known in gains.values()])))
