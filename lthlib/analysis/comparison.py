"""analysis.comparison."""

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from lthlib.analysis.summary import LOWER_IS_BETTER, by_trial, scale, summarise
from lthlib.core.errors import LotteryError

FEWEST = 3  # values that an interval is computed from


def pairs(
    table: pd.DataFrame, control: str | pd.DataFrame = "dense", measure: str = "test_accuracy", method: str = "ticket"
) -> pd.DataFrame:
    """What is compared, trial by trial: columns density, value, other, difference; index level and trial.

    `value` is `method`'s, "ticket" or a control; a trial's redraws are averaged. `other` is the control's:
    "dense" means the ticket's own level 0; a table means that table's tickets of the same level and trial
    (one-shot against iterative, one learning rate against another), level 0 included. Accuracies and gap are
    in percent. Raises LotteryError where the table has no such control, or where the other table was pruned
    at other rates.
    """
    factor, networks = scale(measure), summarise(table)
    value = by_trial(networks, method, measure)
    density = networks.groupby(["level", "trial"]).density.mean()
    if isinstance(control, pd.DataFrame):
        others = summarise(control)
        other = by_trial(others, "ticket", measure)
        apart = (density / others.groupby(["level", "trial"]).density.mean()).dropna().sub(1).abs()
        if (apart > 0.01).any():
            raise LotteryError("the two tables differ in density level by level: compare hunts with the same rates.")
    elif control == "dense":
        own = by_trial(networks, "ticket", measure).loc[0]
        other = pd.Series(value.index.get_level_values("trial").map(own), index=value.index)
    else:
        other = by_trial(networks, control, measure)
    both = pd.DataFrame({"density": density, "value": factor * value, "other": factor * other}).dropna()
    both["difference"] = (both.value - both.other).round(9)  # 0 where both are the same number
    return both if isinstance(control, pd.DataFrame) else both[both.index.get_level_values("level") > 0]


def compare(
    table: pd.DataFrame, control: str | pd.DataFrame = "reinit", measure: str = "test_accuracy", method: str = "ticket"
) -> pd.DataFrame:
    """The ticket against a control at each level: points (mean difference), trials in which the ticket is
    better, and trials.

    A trial's control is the mean of its redraws. "dense" compares with the ticket's own level 0, trial by
    trial; a table, with the tickets of that table. `method` puts a control in the ticket's place. The
    difference is ticket minus control, in percentage points for accuracies, else in the units of `measure`;
    better is a higher accuracy, or a lower early stop or gap. Raises LotteryError where the table has no such
    control.
    """
    both = pairs(table, control, measure, method)
    by_level = both.difference.groupby("level")
    better = (both.difference < 0 if measure in LOWER_IS_BETTER else both.difference > 0).groupby("level").sum()
    density = both.density.groupby("level").mean()
    return pd.DataFrame({"density": density, "points": by_level.mean().round(9), "better": better, "trials": by_level.size()})


def speedup(table: pd.DataFrame, control: str | pd.DataFrame = "dense") -> pd.DataFrame:
    """How many times sooner the ticket stops than its control: control's early stop over the ticket's, at
    each level.

    `times` is the mean over trials (geometric, so that twice and half as soon cancel), `lowest` and `highest`
    are the trials', `trials` their number. A trial in which one of the two stops at iteration 0, having never
    learned, is left out.
    """
    both = pairs(table, control, "early_stop")
    both = both[(both.value > 0) & (both.other > 0)]
    ratio = (both.other / both.value).groupby("level")
    times = ratio.agg(lambda values: np.exp(np.log(values).mean()))
    density = both.density.groupby("level").mean()
    return pd.DataFrame(
        {"density": density, "times": times, "lowest": ratio.min(), "highest": ratio.max(), "trials": ratio.size()}
    )


def interval(values) -> tuple[float, float]:
    """95 % interval of the mean (Student's t) of one value a trial; (nan, nan) for fewer than 3 values."""
    values = np.asarray(values, dtype=float)
    if len(values) < FEWEST:
        return float("nan"), float("nan")
    half = stdtrit(len(values) - 1, 0.975) * values.std(ddof=1) / len(values) ** 0.5
    return float(values.mean() - half), float(values.mean() + half)


def matching(
    table: pd.DataFrame, control: str | pd.DataFrame = "dense", method: str = "ticket", measure: str = "test_accuracy"
) -> pd.DataFrame:
    """Which levels win, match, or do neither, against the dense trials.

    matching  as accurate as dense on test examples at early stop; by another `measure`, such as test_loss, as
              good
    winning   matching, and at an early stop that is no later: "in at most the same number of iterations"
    neither   less accurate

    "As accurate" means both: the mean difference over trials is no more than one standard deviation of the
    dense trials below zero, and its 95 % interval does not lie wholly below zero. "No later" likewise, above
    zero. So two networks that are alike pass nearly always, and one that is clearly worse fails, the surer
    the more trials. With one trial nothing has a spread, and the verdict is "cannot tell"; with two there is
    no interval. Columns: density, trials, points (mean difference, in the units of `measure`) with its
    interval points_low to points_high, iterations (mean difference in early stop, negative is sooner) with
    iterations_low to iterations_high, and verdict.
    """
    accuracy, stops = (pairs(table, control, which, method) for which in (measure, "early_stop"))
    sign = -1 if measure in LOWER_IS_BETTER else 1
    rows = {}
    for level, here in accuracy.groupby("level"):
        then = stops.loc[[level]]
        points, later = here.difference, then.difference
        as_accurate, no_later = _no_worse(sign * points, here.other), _no_worse(-later, then.other)
        verdict = "cannot tell" if len(here) < 2 else "neither" if not as_accurate else "winning" if no_later else "matching"
        rows[level] = (
            *(here.density.mean(), len(here), points.mean(), *interval(points), later.mean(), *interval(later)),
            verdict,
        )
    columns = ["density", "trials", "points", "points_low", "points_high"]
    columns += ["iterations", "iterations_low", "iterations_high", "verdict"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("level")


def smallest(verdicts: pd.DataFrame, verdict: str = "winning", unbroken: bool = False) -> float | None:
    """The smallest density, 0 to 1, at which `matching` says "winning" (or "matching": these two); None where
    none does.

    `unbroken` asks that every larger density does as well. Without, it is the luckiest of many levels.
    """
    ordered = verdicts.sort_values("density", ascending=False)
    holds = ordered.verdict.isin(["winning", verdict])
    found = ordered.density[holds.cummin() if unbroken else holds]
    return float(found.min()) if len(found) else None


def _no_worse(gain: pd.Series, reference: pd.Series) -> bool:
    return bool(gain.mean() >= -reference.std() and not interval(gain)[1] < 0)
