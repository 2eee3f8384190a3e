"""Verdicts on several comparisons that are read together: a ranking, a table of checks.

Of ten separate claims, each right in 95 % of cases, at least one is wrong in up to 40 % of tables. So each
kind of claim ("better", "as good", "worse") is corrected for the number of comparisons in the table, by
Holm's method (1979): then in 95 % of tables no claim of that kind is wrong.

Where a table compares with the best of its own rows, the best is first by the same trials, and so
flattered: of seven identical methods in five trials, one would be "worse" than the first in 14 % of
rankings. Any of them could have come first, so "worse" is corrected for all ordered pairs: then it is in 2
%. `ranking_error` simulates both.
"""

import dataclasses
import math
from collections.abc import Hashable

import numpy as np

from lthlib.analysis import evidence
from lthlib.analysis.evidence import AS_GOOD, BETTER, INCONCLUSIVE, NONE, WORSE, Evidence
from lthlib.core.validation import at_least

Gains = dict[Hashable, Evidence]  # of every comparison, the evidence of a number of which more is better


def verdicts(gains: Gains, margin: float, could_be_best: int = 1) -> dict[Hashable, str]:
    """One of `evidence.VERDICTS` for each comparison, by `Evidence.verdict` but corrected for their number.

    `could_be_best` is how many methods could have come first, where all are compared with the first of a
    ranking by the same trials.
    """
    better = evidence.holm([gain.p_value(0) for gain in gains.values()])
    as_good = evidence.holm([gain.p_value(-margin) for gain in gains.values()])
    worse = evidence.holm([could_be_best * turned(gain).p_value(0) for gain in gains.values()])
    found = {}
    for name, *p_values in zip(gains, better, as_good, worse):
        claims = [claim for claim, p in zip((BETTER, AS_GOOD, WORSE), p_values) if holds(p)]
        found[name] = NONE if math.isnan(p_values[1]) else (claims or [INCONCLUSIVE])[0]
    return found


def trials_needed(gain: Evidence, margin: float, looks: int = 1) -> float:
    """How many trials would settle what is inconclusive, if mean and spread stayed as they are and the claim
    were the first of so many to be corrected. NaN beyond a thousand."""
    per_trial = gain.degrees / max(gain.trials - 1, 1)
    for trials in range(gain.trials + 1, evidence.MOST_TRIALS + 1):
        more = dataclasses.replace(gain, trials=trials, degrees=per_trial * (trials - 1))
        if holds(looks * more.p_value(-margin)) or holds(looks * turned(more).p_value(0)):
            return float(trials)
    return float("nan")


def turned(gain: Evidence) -> Evidence:
    """The same comparison with its sides exchanged."""
    return dataclasses.replace(gain, mean=-gain.mean)


def holds(p_value: float) -> bool:
    """Whether a claim has the confidence that bounds have; not if the p value is NaN."""
    return p_value < 1 - evidence.CONFIDENCE


def ranking_error(methods: int, trials: int, corrected: bool = True, repeats: int = 2000, seed: int = 0) -> float:
    """How often any of so many identical methods is called worse than the first of their ranking, 0 to 1,
    simulated; `corrected` for all ordered pairs, or else for the number of comparisons alone."""
    at_least("methods", methods, 2)
    random, errors = np.random.default_rng(seed), 0
    for _ in range(at_least("repeats", repeats, 1)):
        values = random.normal(size=(methods, at_least("trials", trials, evidence.FEWEST)))
        first = values.mean(axis=1).argmax()
        gains = {name: evidence.weigh(own - values[first]) for name, own in enumerate(values) if name != first}
        smallest = min(turned(gain).p_value(0) for gain in evidence.pooled(gains).values())
        errors += holds(smallest * (methods - 1) * (methods if corrected else 1))  # the first step of Holm's method
    return errors / repeats
