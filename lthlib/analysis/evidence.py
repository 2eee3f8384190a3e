"""The one rule by which lessons, tables, the report and the README decide what trials show.

A question is one number a trial: how much more accurate the ticket is than its dense network, say. What is
known of its mean are two bounds, each with 95 % confidence: one that the mean lies above, one that it lies
below (together a 90 % interval). A **margin**, declared before the run, says how much worse is still no
matter. Then, with "gain" for a difference in which more is better:

    better         the lower bound is above zero
    as good        the lower bound is above minus the margin
    worse          the upper bound is below zero, and it is not as good
    inconclusive   the bounds allow both; `Evidence.trials_needed` says how many trials would settle it
    none           fewer than three trials, or nothing to compare with

This is a test of non-inferiority (Piaggio et al. 2012, JAMA 308:2594). Where several levels of a curve are
compared, their spread is pooled: one level's standard deviation, from three to five trials, is mostly
chance. The levels of a trial share its dense network, so that they know less together than as many separate
experiments: if ticket and dense network vary alike, differences correlate with 1/2, which leaves the pooled
variance d (n - 1) degrees of freedom with d = levels / (1 + (levels - 1) / 4) (Satterthwaite 1946). Pooling
as if levels were separate says "better" of identical networks in 6 % of cases, this rule in 5 %;
`error_rates` simulates it.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import stdtr, stdtrit

from lthlib.core.errors import LotteryError
from lthlib.core.validation import at_least

FEWEST = 3  # trials that a verdict or an interval is computed from
CONFIDENCE = 0.95  # of each bound by itself
MARGIN_DEVIATIONS = 2  # a margin is so many standard deviations of one network's trials in a pilot
SLOWER = 1.5  # the margin of early stops: as a ratio, two standard deviations of their logarithm (0.21 to 0.24)
SHARED = 0.25  # squared correlation between levels whose differences share one of two networks that vary alike
MOST_TRIALS = 1000  # beyond which `trials_needed` says no number
BETTER, AS_GOOD, WORSE, INCONCLUSIVE, NONE = VERDICTS = ("better", "as good", "worse", "inconclusive", "none")
HOLDS = (BETTER, AS_GOOD)


@dataclass(frozen=True)
class Evidence:
    """What so many trials show of the mean of one number a trial: `mean`, the standard deviation `spread` of
    one trial's number, `trials`, and the degrees of freedom that the spread was estimated with."""

    mean: float
    spread: float
    trials: int
    degrees: float

    @property
    def bounds(self) -> tuple[float, float]:
        """The mean lies above the first, and below the second, with 95 % confidence each (Student's t); NaN
        for fewer than three trials."""
        if self.trials < FEWEST or not self.degrees > 0:
            return float("nan"), float("nan")
        half = stdtrit(self.degrees, CONFIDENCE) * self.spread / math.sqrt(self.trials)
        return float(self.mean - half), float(self.mean + half)

    def verdict(self, margin: float) -> str:
        """One of VERDICTS, for a number of which more is better."""
        low, high = self.bounds
        if math.isnan(low) or math.isnan(margin):
            return NONE
        if low > 0:
            return BETTER
        if low > -margin:
            return AS_GOOD
        return WORSE if high < 0 else INCONCLUSIVE

    def p_value(self, line: float) -> float:
        """How probable a mean this far above `line` would be if the true one were at it: one-sided. NaN for
        fewer than three trials."""
        if self.trials < FEWEST:
            return float("nan")
        distance = self.mean - line
        if not self.spread:
            return 0.5 if not distance else float(distance < 0)
        return float(stdtr(self.degrees, -distance / (self.spread / math.sqrt(self.trials))))

    def trials_needed(self, margin: float) -> int | None:
        """The fewest trials at which there would be a verdict, if mean and spread stayed as they are; None
        beyond a thousand."""
        per_trial = self.degrees / max(self.trials - 1, 1)
        for trials in range(max(FEWEST, self.trials), MOST_TRIALS + 1):
            more = Evidence(self.mean, self.spread, trials, per_trial * (trials - 1))
            if more.verdict(margin) not in (INCONCLUSIVE, NONE):
                return trials
        return None


def weigh(values: Sequence[float] | np.ndarray | pd.Series) -> Evidence:
    """The evidence of one value a trial, [trials]; of values alone, so their own spread."""
    values = np.asarray(values, dtype=float)
    spread = float(values.std(ddof=1)) if len(values) > 1 else float("nan")
    return Evidence(float(values.mean()) if len(values) else float("nan"), spread, len(values), len(values) - 1)


def bounds(values: Sequence[float] | np.ndarray | pd.Series) -> tuple[float, float]:
    """The bounds of the mean of one value a trial, each with 95 % confidence; (nan, nan) for fewer than three."""
    return weigh(values).bounds


def weigh_ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Evidence:
    """The evidence of the logarithm of a ratio of means, from a pair of numbers a trial, both [trials].

    The mean is log(mean / mean); the spread is that of its linear approximation, trial by trial, so that a
    trial whose number is 0 counts like any other. An average of ratios would be biased: identical networks
    whose early stops vary by 0.6 in the logarithm are on average 43 % "earlier". Where a mean is 0 all is
    NaN.
    """
    above, below = np.asarray(numerators, dtype=float), np.asarray(denominators, dtype=float)
    if not len(above) or above.mean() <= 0 or below.mean() <= 0:
        return Evidence(float("nan"), float("nan"), len(above), 0)
    deviations = above / above.mean() - below / below.mean()
    spread = float(deviations.std(ddof=1)) if len(above) > 1 else float("nan")
    return Evidence(math.log(above.mean() / below.mean()), spread, len(above), len(above) - 1)


def pooled(levels: dict[int, Evidence]) -> dict[int, Evidence]:
    """The evidence of the levels of a curve, each with its own mean and all with one spread, that of all of
    them together. A level of one trial adds nothing to it; one whose mean is unknown stays as it is."""
    known = {level: evidence for level, evidence in levels.items() if evidence.trials > 1 and evidence.degrees > 0}
    if not known:
        return levels
    own = sum(evidence.trials - 1 for evidence in known.values())
    spread = math.sqrt(sum(evidence.spread**2 * (evidence.trials - 1) for evidence in known.values()) / own)
    degrees = own / (1 + (len(known) - 1) * SHARED)
    together = {level: Evidence(evidence.mean, spread, evidence.trials, degrees) for level, evidence in known.items()}
    return levels | together


def holm(p_values: Sequence[float]) -> np.ndarray:
    """p values corrected for how many were looked at (Holm 1979), in the given order; NaN stays NaN and does
    not count as a look."""
    p_values = np.asarray(p_values, dtype=float)
    order = np.argsort(p_values)[: np.isfinite(p_values).sum()]  # smallest first; NaN are last
    left = len(order) - np.arange(len(order))  # the smallest is one of all, the next one of the rest
    corrected = np.full(len(p_values), np.nan)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(left * p_values[order]))
    return corrected


def error_rates(
    trials: int,
    levels: int = 14,
    margin: float = float(MARGIN_DEVIATIONS),
    worse_by: float = 0.0,
    repeats: int = 4000,
    seed: int = 0,
) -> pd.Series:
    """How often the rule says what, simulated: the share of levels, 0 to 1, with each of VERDICTS, and under
    "as good at all" the share of curves whose every level is as good or better.

    Ticket and dense networks vary by one standard deviation each, all levels of a trial share the dense
    network, and the ticket is `worse_by` so many deviations (0: identical). `margin` is in deviations too.
    Raises LotteryError for fewer than one level, trial or repeat.
    """
    for name, count in (("trials", trials), ("levels", levels), ("repeats", repeats)):
        at_least(name, count, 1)
    random, counts, unbroken = np.random.default_rng(seed), dict.fromkeys(VERDICTS, 0), 0
    for _ in range(repeats):
        dense, tickets = random.normal(size=trials), random.normal(-worse_by, 1, size=(levels, trials))
        found = pooled({level: weigh(ticket - dense) for level, ticket in enumerate(tickets)})
        verdicts = [evidence.verdict(margin) for evidence in found.values()]
        for verdict in verdicts:
            counts[verdict] += 1
        unbroken += all(verdict in HOLDS for verdict in verdicts)
    shares = {verdict: count / (repeats * levels) for verdict, count in counts.items()}
    return pd.Series(shares | {"as good at all": unbroken / repeats})


def check_margin(margin: float) -> float:
    """The margin, if it is a number above zero. Raises LotteryError otherwise."""
    if isinstance(margin, (int, float, np.number)) and not isinstance(margin, bool) and 0 < float(margin) < math.inf:
        return float(margin)
    advice = "give how much worse is still no matter, as a number above 0, such as 0.8 points"
    raise LotteryError(f"margin is {margin!r}: {advice}.")
