"""Tickets against a control, trial by trial: differences, intervals, and which levels win."""

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from lthlib.analysis.summary import LOWER_IS_BETTER, by_trial, scale, summarise
from lthlib.core.errors import LotteryError

FEWEST = 3  # values that an interval is computed from
LEARNED = 0.05  # of the way from untrained networks' highest accuracy to 1: less is near chance
COLUMNS = ["density", "trials", "points", "points_low", "points_high"]  # of `matching`
COLUMNS += ["iterations", "iterations_low", "iterations_high", "verdict"]


def pairs(
    table: pd.DataFrame, control: str | pd.DataFrame = "dense", measure: str = "test_accuracy", method: str = "ticket"
) -> pd.DataFrame:
    """What is compared, trial by trial: columns density, value, other, difference; index level and trial.

    `value` is `method`'s, "ticket" or a control; a trial's redraws are averaged. `other` is the control's:
    "dense" means the ticket's own level 0; a table means its tickets of the same level and trial, level 0
    included. Networks that diverged are left out. Accuracies and gap are in percent. Raises LotteryError
    where the table has no such control, or where the other table was pruned at other rates.
    """
    factor, networks = scale(measure), summarise(table)
    value = by_trial(networks, method, measure)
    density = networks.groupby(["level", "trial"]).density.mean()
    if isinstance(control, pd.DataFrame):
        others = summarise(control)
        other = by_trial(others, "ticket", measure)
        ratio = density / others.groupby(["level", "trial"]).density.mean()
        if (ratio.dropna().sub(1).abs() > 0.01).any():
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
    """The ticket against a control: one row per level, with columns density, points, better and trials.

    `points` is the mean of ticket minus control, in percentage points for accuracies, else in the units of
    `measure`; `better` counts the trials in which the ticket has the higher accuracy, or the lower early stop,
    gap or loss. Arguments and errors are those of `pairs`.
    """
    both = pairs(table, control, measure, method)
    by_level = both.difference.groupby("level")
    better = (both.difference < 0 if measure in LOWER_IS_BETTER else both.difference > 0).groupby("level").sum()
    points = by_level.mean().round(9)
    density = both.density.groupby("level").mean()
    return pd.DataFrame({"density": density, "points": points, "better": better, "trials": by_level.size()})


def speedup(table: pd.DataFrame, control: str | pd.DataFrame = "dense") -> pd.DataFrame:
    """How many times sooner the ticket stops: the control's early stop over the ticket's, at each level.

    `times` is the mean over trials (geometric, so that twice and half as soon cancel), `lowest` and `highest`
    are the trials', `trials` their number. Trials in which one never learned (it stops at iteration 0) are left out.
    """
    both = pairs(table, control, "early_stop")
    both = both[(both.value > 0) & (both.other > 0)]
    ratio = (both.other / both.value).groupby("level")
    times = ratio.agg(lambda values: np.exp(np.log(values).mean()))
    density = both.density.groupby("level").mean()
    spread = {"lowest": ratio.min(), "highest": ratio.max(), "trials": ratio.size()}
    return pd.DataFrame({"density": density, "times": times, **spread})


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

    matching  as accurate as dense on test examples at early stop; by another `measure`, as good
    winning   matching, and at an early stop that is no later: "in at most the same number of iterations"
    neither   less accurate

    "As accurate" means both: the mean difference over trials is no more than one standard deviation of the
    dense trials below zero, and its 95 % interval does not lie wholly below zero. "No later" likewise, above
    zero. So two networks that are alike pass nearly always, and one that is clearly worse fails, the surer the
    more trials. With one trial the verdict is "cannot tell"; with two there is no interval. Trials in which
    either network diverged are left out. The verdict is "cannot tell" as well where no two are left, or where a
    dense network has not learned: its loss is lowest before training, or its accuracy is near chance, less than
    a twentieth of the way from the highest of untrained networks to 1.
    Columns: density, trials, points (mean difference, in the units of `measure`) with its interval points_low
    to points_high, iterations (mean difference in early stop, negative is sooner) with iterations_low to
    iterations_high, and verdict.
    """
    accuracy, stops = (pairs(table, control, which, method) for which in (measure, "early_stop"))
    sign = -1 if measure in LOWER_IS_BETTER else 1
    networks = summarise(table)
    learned, verdicts = _learned(networks, measure), {}
    lost = networks[networks.get("diverged", False) & (networks.level > 0)].level  # perhaps in all trials
    for level in sorted({*accuracy.index.get_level_values("level"), *lost}):
        accuracies, stop = (values[values.index.get_level_values("level") == level] for values in (accuracy, stops))
        points, later = accuracies.difference, stop.difference
        as_accurate, no_later = _no_worse(sign * points, accuracies.other), _no_worse(-later, stop.other)
        points_low, points_high = interval(points)
        iterations_low, iterations_high = interval(later)
        verdicts[level] = {
            "density": (accuracies if len(accuracies) else networks[networks.level == level]).density.mean(),
            "trials": len(accuracies),
            "points": points.mean(),
            "points_low": points_low,
            "points_high": points_high,
            "iterations": later.mean(),
            "iterations_low": iterations_low,
            "iterations_high": iterations_high,
            "verdict": _verdict(len(accuracies) if learned else 0, as_accurate, no_later),
        }
    return pd.DataFrame.from_dict(verdicts, orient="index").reindex(columns=COLUMNS).rename_axis("level")


def smallest(verdicts: pd.DataFrame, verdict: str = "winning", unbroken: bool = False) -> float | None:
    """The smallest density, 0 to 1, at which `matching` says "winning" (or "matching": these two), or None.

    `unbroken` asks that every larger density does as well. Without, it is the luckiest of many levels.
    """
    ordered = verdicts.sort_values("density", ascending=False)
    holds = ordered.verdict.isin(["winning", verdict])
    densities = ordered.density[holds.cummin() if unbroken else holds]
    return float(densities.min()) if len(densities) else None


def _learned(networks: pd.DataFrame, measure: str) -> bool:
    """Whether every dense network that did not diverge has learned anything, by its loss or its accuracy."""
    dense = networks[(networks.level == 0) & (networks.method == networks.schedule)].dropna(subset="early_stop")
    if measure == "test_loss" or "untrained" not in dense or dense.empty:
        return bool((dense.early_stop > 0).all())
    chance = dense.untrained.max()
    return bool(((dense.early_stop > 0) & (dense.test_accuracy >= chance + LEARNED * (1 - chance))).all())


def _no_worse(gain: pd.Series, reference: pd.Series) -> bool:
    return bool(gain.mean() >= -reference.std() and not interval(gain)[1] < 0)


def _verdict(trials: int, as_accurate: bool, no_later: bool) -> str:
    if trials < 2:
        return "cannot tell"
    if not as_accurate:
        return "neither"
    return "winning" if no_later else "matching"
