"""Tickets against a control, trial by trial: differences, their bounds, and a verdict by the task's margin.

Accuracies are compared by their difference in points, early stops by the ratio of their means in percent of
the other network's iterations; both paired by trial, with bounds and verdicts as `analysis.evidence` has
them.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd

from lthlib.analysis import evidence
from lthlib.analysis.evidence import HOLDS, INCONCLUSIVE, NONE, WORSE, Evidence
from lthlib.analysis.summary import AS_THEY_ARE, LOWER_IS_BETTER, by_trial, scale
from lthlib.core.errors import LotteryError
from lthlib.core.language import mark, say
from lthlib.storage.networks import summarise
from lthlib.tasks import TASKS

LEARNED = 0.05  # of the way from untrained networks' highest accuracy to 1: less is near chance
COLUMNS = ["density", "trials", "left_out", "points", "points_low", "points_high", "accuracy"]  # of `matching`
COLUMNS += ["percent", "percent_low", "percent_high", "speed", "never", "verdict", "needed", "p_matching", "p_winning"]
DECLARED, ESTIMATED = mark("fixed before the run"), mark("two standard deviations of this run's own dense networks")
PASSES = {"matching": ("winning", "matching"), "winning": ("winning",)}


@dataclass(frozen=True)
class Margin:
    """How much worse is still no matter, in a measure's shown units, and whether that was declared before the
    run. `str(margin)` says both."""

    value: float
    declared: bool
    unit: str = "points"

    def __str__(self) -> str:
        how = say(DECLARED if self.declared else ESTIMATED)
        number = f"{self.value:.2g}"
        size = say("{number} {unit}", number=number, unit=say(self.unit)) if self.unit else number
        return say("margin {size} ({how})", size=size, how=how)


def pairs(
    table: pd.DataFrame, control: str | pd.DataFrame = "dense", measure: str = "test_accuracy", method: str = "ticket"
) -> pd.DataFrame:
    """What is compared, trial by trial: columns density, value, other, difference; index level and trial.

    `value` is `method`'s, "ticket" or a control; a trial's redraws are averaged. `other` is the control's:
    "dense" means the ticket's own level 0; a table means its tickets of the same level and trial, level 0
    included. Networks that diverged are left out, with what they would be compared with. Accuracies and gap
    are in percent. Raises LotteryError where the table has no such control, or where the other table was
    pruned at other rates.
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
    table: pd.DataFrame,
    control: str | pd.DataFrame = "reinit",
    measure: str = "test_accuracy",
    method: str = "ticket",
    margin: float | None = None,
) -> pd.DataFrame:
    """The ticket against a control: one row per level, with columns density, points, low, high, verdict,
    better, trials and needed.

    `points` is the mean of ticket minus control, in percentage points for accuracies, else in the units of
    `measure`; low and high are its bounds, each with 95 % confidence, and `verdict` is one of
    `evidence.VERDICTS`, by the margin of the task (see `margin_of`; `attrs["margin"]` says which). `needed`
    is how many trials would settle what is inconclusive. `better` counts the trials in which the ticket has
    the higher accuracy, or the lower gap, loss or early stop (for which `early_stop_ratio` is the measure
    of speed). Arguments and errors are those of `pairs`, and a margin that is not above zero.
    """
    both, chosen = pairs(table, control, measure, method), margin_of(table, measure, margin)
    sign, rows = _sign(measure), {}
    for level, known in _weighed(both, lambda of: evidence.weigh(sign * of.difference)).items():
        of_level = both.loc[level]
        low, high = sorted(sign * end for end in known.bounds)
        better = int((sign * of_level.difference > 0).sum())
        needed = _needed(known, chosen.value)
        rows[level] = (of_level.density.mean(), round(sign * known.mean, 9), low, high, known.verdict(chosen.value), better)
        rows[level] += (known.trials, needed)
    columns = ["density", "points", "low", "high", "verdict", "better", "trials", "needed"]
    compared = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("level")
    compared.attrs["margin"] = str(chosen)
    return compared


def early_stop_ratio(
    table: pd.DataFrame, control: str | pd.DataFrame = "dense", method: str = "ticket", margin: float = evidence.SLOWER
) -> pd.DataFrame:
    """How soon the ticket reaches its lowest validation loss: its early stop in percent of the control's, one
    row per level, with columns density, percent, low, high, verdict, trials and never.

    100 is as soon, below it sooner. `percent` is the ratio of the means over trials, low and high its bounds
    from the paired logarithm (see `evidence.weigh_ratio`), `verdict` one of `evidence.VERDICTS` by a `margin`
    that is a ratio (1.5: half as many iterations again is no matter). A network that never learned, because
    its loss was lowest before training, counts with all the iterations of its run; `never` is how many of the
    tickets and controls did. Raises LotteryError as `pairs` does, or for a margin of at most 1.
    """
    both, never = _stops(table, control, method)
    return _ratios(both, never, margin)


def iterations_to_reach(
    table: pd.DataFrame,
    control: str | pd.DataFrame = "dense",
    method: str = "ticket",
    below: float | None = None,
    margin: float = evidence.SLOWER,
) -> pd.DataFrame:
    """A steadier measure of speed than early stop: the iterations to the dense network's validation accuracy
    (that at its early stop) less the task's margin, in percent of those that the control takes to it.

    The columns are those of `early_stop_ratio`. Takes the tidy table, since it reads learning curves. `below`
    is how many points below the dense network's accuracy count as there; None takes `margin_of` the task. A
    network that never gets there counts with all the iterations of its run, and in `never`. Raises
    LotteryError as `early_stop_ratio` does, and for a summary, which has no curves.
    """
    both, never = reached(table, control, method, below)
    return _ratios(both, never, margin)


def reached(
    table: pd.DataFrame, control: str | pd.DataFrame = "dense", method: str = "ticket", below: float | None = None
) -> tuple[pd.DataFrame, pd.Series]:
    """The iterations that `iterations_to_reach` compares, as `pairs` has them (columns density, value,
    other), and by level how many networks never got there. Arguments and errors are those of
    `iterations_to_reach`."""
    if "split" not in table:
        raise LotteryError("iterations_to_reach reads learning curves, and a summary has none: give the table of a hunt.")
    below = margin_of(table, "validation_accuracy", below).value / 100
    networks = summarise(table)
    goal = by_trial(networks, "ticket", "validation_accuracy").loc[0] - below
    ours, never_ours = _reached(table, method, goal)
    if isinstance(control, pd.DataFrame):
        theirs, never_theirs = _reached(control, "ticket", goal)
    elif control == "dense":
        theirs, never_theirs = _reached(table, "ticket", goal)
        theirs, never_theirs = (_spread_level_0(column, ours.index) for column in (theirs, never_theirs))
    else:
        theirs, never_theirs = _reached(table, control, goal)
    density = networks.groupby(["level", "trial"]).density.mean()
    both = pd.DataFrame({"density": density, "value": ours, "other": theirs}).dropna()
    if not isinstance(control, pd.DataFrame):
        both = both[both.index.get_level_values("level") > 0]
    never = (never_ours.reindex(both.index).fillna(0) + never_theirs.reindex(both.index).fillna(0)).groupby("level").sum()
    return both, never


def matching(
    table: pd.DataFrame,
    control: str | pd.DataFrame = "dense",
    method: str = "ticket",
    measure: str = "test_accuracy",
    margin: float | None = None,
    slower: float = evidence.SLOWER,
) -> pd.DataFrame:
    """Which levels win, match, or do neither, against the dense trials: one row per level.

    winning       as good as dense or better on test examples at early stop, and no slower to early stop:
                  "in at most the same number of iterations" (Frankle & Carbin 2019, section 1)
    matching      as good or better, and slower or not shown to be no slower (Frankle et al. 2020)
    worse         less accurate
    inconclusive  the trials allow both; `needed` says how many would settle it
    none          fewer than 3 trials, or a dense network that has not learned: its loss is lowest before
                  training, or its accuracy near chance, less than a twentieth of the way from the highest of
                  untrained networks to 1

    Columns: density, trials, left_out (trials without a pair, since a network of it diverged); points (mean
    difference, in the units of `measure`), its bounds points_low and points_high, and accuracy, the verdict
    on it by `margin` (None: `margin_of` the task); percent (early stop, in percent of dense's),
    percent_low, percent_high, speed (the verdict on it, by the ratio `slower`) and never, as in
    `early_stop_ratio`; verdict; needed; and the p values p_matching and p_winning, which `smallest`
    corrects for the number of levels. `attrs["margin"]` says the margin, `attrs["limits"]` where points and
    percent reach it. Raises LotteryError as `compare` does.
    """
    networks = summarise(table)
    both, (stops, never) = pairs(table, control, measure, method), _stops(table, control, method)
    chosen, sign = margin_of(table, measure, margin), _sign(measure)
    learned = _learned(networks, measure)
    accuracies = _weighed(both, lambda level: evidence.weigh(sign * level.difference))
    speeds = _weighed(stops, lambda level: evidence.weigh_ratio(level.other, level.value))
    lost = networks[networks.get("diverged", False) & (networks.level > 0)].level  # perhaps in all trials
    rows = {}
    for level in sorted({*accuracies, *lost}):
        nothing = Evidence(float("nan"), float("nan"), 0, 0)
        gain, sooner = accuracies.get(level, nothing), speeds.get(level, nothing)
        accuracy = gain.verdict(chosen.value) if learned else NONE
        speed = sooner.verdict(math.log(slower)) if learned else NONE
        points = sorted(sign * end for end in gain.bounds)
        percent, times = _in_percent(sooner)
        p_matching, p_sooner = gain.p_value(-chosen.value), sooner.p_value(-math.log(slower))
        of_level = networks[networks.level == level]
        rows[level] = {
            "density": of_level.density.mean(),
            "trials": gain.trials,
            "left_out": of_level.trial.nunique() - gain.trials,
            "points": sign * gain.mean,
            "points_low": points[0],
            "points_high": points[1],
            "accuracy": accuracy,
            "percent": percent,
            "percent_low": times[0],
            "percent_high": times[1],
            "speed": speed,
            "never": int(never.get(level, 0)),
            "verdict": _verdict(accuracy, speed),
            "needed": _needed(gain, chosen.value) if accuracy == INCONCLUSIVE else float("nan"),
            "p_matching": p_matching if learned else float("nan"),
            "p_winning": max(p_matching, p_sooner) if learned else float("nan"),
        }
    found = pd.DataFrame.from_dict(rows, orient="index").reindex(columns=COLUMNS).rename_axis("level")
    found.attrs |= {"margin": str(chosen), "limits": {"points": -chosen.value, "percent": 100 * slower}}
    return found


def reach(verdicts: pd.DataFrame, verdict: str = "matching") -> tuple[float | None, float | None, str]:
    """How far down from the dense network tickets match, or win, level by level, in a table of `matching`.

    Returns the smallest density, 0 to 1, of the unbroken run from the top (None where the first level already
    fails), the density at which it stops, and the verdict there (None and "" where it never stops). Levels
    are tested in an order fixed before the run, and the first failure ends it, so that each may be tested at
    its full 95 % (Maurer et al. 1995): no correction is needed. A run that stops at "inconclusive" says that
    these trials cannot follow tickets further, and not that tickets end there.
    """
    passes, density = PASSES[_known(verdict)], None
    for row in verdicts.sort_values("density", ascending=False).itertuples():
        if row.verdict not in passes:
            return density, float(row.density), str(row.verdict)
        density = float(row.density)
    return density, None, ""


def smallest(verdicts: pd.DataFrame, verdict: str = "matching") -> float | None:
    """The smallest density, 0 to 1, at which tickets match or win wherever that is among the levels of
    `matching`, or None. All levels are looked at, so p values are corrected for their number
    (`evidence.holm`); without it the smallest would be the luckiest of many."""
    corrected = evidence.holm(verdicts[f"p_{_known(verdict)}"])
    densities = verdicts.density[corrected < 1 - evidence.CONFIDENCE]
    return float(densities.min()) if len(densities) else None


def over_range(
    table: pd.DataFrame,
    density: tuple[float, float],
    control: str | pd.DataFrame = "dense",
    measure: str = "test_accuracy",
    method: str = "ticket",
) -> Evidence:
    """The evidence of a whole range of densities (0 to 1, both ends included): the mean over its levels,
    trial by trial, so that it is one question. Of measures where lower is better, the sign is turned: more
    is a gain. Raises LotteryError where no level is in the range, and as `pairs` does."""
    both = pairs(table, control, measure, method)
    means = both.density.groupby("level").transform("mean")
    inside = both[means.between(min(density), max(density))]
    if inside.empty:
        shares = ", ".join(f"{share:.3g}" for share in means.groupby("level").first())
        raise LotteryError(f"no level is from {max(density):g} to {min(density):g} of the weights: the levels are {shares}.")
    return evidence.weigh(_sign(measure) * inside.difference.groupby("trial").mean())


def margin_of(table: pd.DataFrame, measure: str = "test_accuracy", margin: float | None = None) -> Margin:
    """The margin of a measure in its shown units: the caller's, else what the table's task declares, else two
    standard deviations of the table's own dense networks, which is said. NaN for fewer than two of these.
    Raises LotteryError for a margin that is not above zero."""
    unit = "points" if measure not in AS_THEY_ARE else {"early_stop": "iterations"}.get(measure, "of the loss")
    if margin is not None:
        return Margin(evidence.check_margin(margin), True, unit)
    networks = summarise(table)
    task = TASKS.get(networks.task.iloc[0]) if len(networks) else None
    declared = None if task is None or measure == "early_stop" else task.loss_margin if measure == "test_loss" else task.margin
    if declared is not None:
        return Margin(declared, True, unit)
    dense = networks[(networks.level == 0) & (networks.method == networks.schedule)]
    return Margin(evidence.MARGIN_DEVIATIONS * scale(measure) * float(dense[measure].std()), False, unit)


def _sign(measure: str) -> int:
    return -1 if measure in LOWER_IS_BETTER else 1


def _known(verdict: str) -> str:
    if verdict not in PASSES:
        raise LotteryError(f"unknown verdict {verdict!r}: choose one of {', '.join(PASSES)}.")
    return verdict


def _weighed(both: pd.DataFrame, weigh: Callable[[pd.DataFrame], Evidence]) -> dict[int, Evidence]:
    """The evidence of every level above 0, their spread pooled; level 0 of two hunts stands by itself."""
    levels = {int(level): weigh(rows) for level, rows in both.groupby(level="level")}
    return levels | evidence.pooled({level: known for level, known in levels.items() if level})


def _needed(known: Evidence, margin: float) -> float:
    """Trials that would settle what is inconclusive; NaN where nothing is, or no number would."""
    if known.verdict(margin) != INCONCLUSIVE:
        return float("nan")
    return float(known.trials_needed(margin) or "nan")


def _stops(table: pd.DataFrame, control: str | pd.DataFrame, method: str) -> tuple[pd.DataFrame, pd.Series]:
    """Early stops paired as in `pairs`, and by level how many never learned (they stop at 0), which are set
    to the iterations of the whole run (of a summary, which does not say, to its latest early stop)."""
    both = pairs(table, control, "early_stop", method)
    whole = max(_last_iteration(part) for part in (table, control) if isinstance(part, pd.DataFrame))
    never = (both[["value", "other"]] == 0).sum(axis=1).groupby("level").sum()
    return both.assign(value=both.value.replace(0, whole), other=both.other.replace(0, whole)), never


def _last_iteration(table: pd.DataFrame) -> float:
    return float(table["iteration" if "iteration" in table else "early_stop"].max())


def _ratios(both: pd.DataFrame, never: pd.Series, margin: float) -> pd.DataFrame:
    if not margin > 1:
        raise LotteryError(f"margin is {margin!r}: give how many times as many iterations are no matter, above 1, such as 1.5.")
    rows = {}
    for level, known in _weighed(both, lambda of: evidence.weigh_ratio(of.other, of.value)).items():
        percent, (low, high) = _in_percent(known)
        verdict = known.verdict(math.log(margin))
        rows[level] = (both.loc[level].density.mean(), percent, low, high, verdict, known.trials, int(never.get(level, 0)))
    columns = ["density", "percent", "low", "high", "verdict", "trials", "never"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("level")


def _in_percent(sooner: Evidence) -> tuple[float, list[float]]:
    """Iterations in percent of the other network's, with bounds, from the logarithm of how much sooner."""
    return 100 * math.exp(-sooner.mean), sorted(100 * math.exp(-end) for end in sooner.bounds)


def _reached(table: pd.DataFrame, method: str, goal: pd.Series) -> tuple[pd.Series, pd.Series]:
    """By level and trial: the iteration at which validation accuracy first reaches the trial's goal, redraws
    averaged, and how many of them never do and count with the whole run."""
    names = table.schedule if method == "ticket" else method
    curve = table[(table.method == names) & (table.split == "validation")]
    there = curve[curve.accuracy >= curve.trial.map(goal) - 1e-12]
    first = there.groupby(["level", "trial", "redraw"]).iteration.min()
    every = pd.MultiIndex.from_frame(curve[["level", "trial", "redraw"]].drop_duplicates())
    never = ~every.isin(first.index)
    first = first.reindex(every).fillna(table.iteration.max())
    return first.groupby(["level", "trial"]).mean(), pd.Series(never, every).groupby(["level", "trial"]).sum()


def _spread_level_0(column: pd.Series, index: pd.MultiIndex) -> pd.Series:
    """Level 0's value of the trial, at every level."""
    return pd.Series(index.get_level_values("trial").map(column.loc[0]), index=index)


def _learned(networks: pd.DataFrame, measure: str) -> bool:
    """Whether every dense network that did not diverge has learned anything, by its loss or its accuracy."""
    dense = networks[(networks.level == 0) & (networks.method == networks.schedule)].dropna(subset="early_stop")
    if measure == "test_loss" or "untrained" not in dense or dense.empty:
        return bool((dense.early_stop > 0).all())
    chance = dense.untrained.max()
    return bool(((dense.early_stop > 0) & (dense.test_accuracy >= chance + LEARNED * (1 - chance))).all())


def _verdict(accuracy: str, speed: str) -> str:
    """A level's verdict from those on its accuracy and its speed."""
    if accuracy in HOLDS:
        return "winning" if speed in HOLDS else "matching"
    return WORSE if accuracy == WORSE else INCONCLUSIVE if accuracy == INCONCLUSIVE else NONE
