"""What a claim of a paper speaks of, measured in a table: its number in each trial, and the evidence of
its mean.

Levels are chosen before anybody looks: the one nearest to the claim's density, or all of its range as one
question. Where the paper prints the best of many levels ("at best", "up to"), each trial is measured at the
level that is best in the other trials, so that a lucky level does not count for itself.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lthlib.analysis import comparison
from lthlib.analysis.evidence import Evidence, weigh, weigh_ratio
from lthlib.analysis.summary import LOWER_IS_BETTER, by_trial, scale, summarise
from lthlib.core.errors import LotteryError
from lthlib.core.language import mark
from lthlib.papers.claims import RATIOS, SPEED, Claim, Number, find
from lthlib.settings import SCHEDULES
from lthlib.tasks import TASKS

NEAR = 1.25  # a level stands for a density that is at most one round of pruning away
EDGE = 1.05  # how far past a range's end a level still belongs to it
TO_REACH = "iterations_to_reach"  # the measure of speed that is no column of `summarise`
UNFINISHED = "no verdict (" + mark("most pairs of networks still improve at the end of training") + ")"
NOT_LEARNED = "no verdict (" + mark("the dense network is near chance: it has not learned") + ")"


@dataclass(frozen=True, eq=False)
class Measured:
    """What was measured of a claim. `known` is the evidence of its mean, ratios as logarithms; `values`
    has one row a trial, with columns value (in the claim's unit), from and down_to; `task` and
    `iterations` say where; `margin` is how much worse is still no matter (NaN: unknown), and
    `of_the_paper` whether the densities are those of the paper's number. `spoilt` is a verdict that
    nothing can be said, and why; else empty."""

    known: Evidence
    values: pd.DataFrame
    task: str = ""
    iterations: int = 0
    margin: float = float("nan")
    of_the_paper: bool = True
    spoilt: str = ""


def _as_said(density: Number) -> Number:
    """A density, or a range, of plain numbers: one of NumPy's compares with a range number by number."""
    return tuple(map(float, density)) if isinstance(density, (tuple, list)) else float(density)


def effect(
    table: pd.DataFrame,
    claim: str | Claim,
    density: Number | None = None,
    other: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """What a claim speaks of, measured in this table: one row per trial.

    Columns: value, in the claim's unit; from and down_to, the largest and the smallest density, 0 to 1,
    it is measured at. That is the level nearest to the claim's density, if at most one round of pruning
    away; or all levels of its range, averaged; or each trial's level that is best in the other trials,
    for a number that is the best of many. No row where no level is near. `density` replaces the claim's,
    "other" is the other hunt's table where a claim compares two. `beside_paper` takes what is returned,
    with the evidence behind it. Raises LotteryError for a claim without a density, or one that cannot be
    measured from tables.
    """
    found = measure(table, claim, density, other)
    values = found.values.copy()
    values.attrs["measured"] = found
    return values


def measure(
    table: pd.DataFrame,
    claim: str | Claim,
    density: Number | None = None,
    other: pd.DataFrame | None = None,
    networks: pd.DataFrame | None = None,
) -> Measured:
    """The same with its evidence. Arguments and errors are those of `effect`; `networks` is the table's
    summary, where the caller has it already."""
    claim = find(claim) if isinstance(claim, str) else claim
    wanted = claim.density if density is None else density
    if not claim.measure or (wanted is None and not claim.at_best):
        missing = "effect(table, id, density=...)" if claim.measure else "values of your own, one a trial"
        reason = "says too little to be measured from one table alone"
        raise LotteryError(f"the claim {claim.id!r} {reason}: pass {missing}.")
    networks = summarise(table) if networks is None else networks
    compared = _compared(table, networks, claim, other)
    chosen = compared[_chosen(networks, compared, claim, density)]
    one_level = chosen.index.get_level_values("level").nunique() == 1
    known = _pooled(compared, claim, chosen) if one_level and claim.against else _weigh(chosen, claim)
    last = int(table.iteration.max()) if "iteration" in table and len(table) else 0
    return Measured(
        known,
        _each_trial(chosen, claim),
        str(table.task.iloc[0]),
        last,
        margin(claim, str(table.task.iloc[0]), networks),
        density is None or (_as_said(density) == claim.density and not claim.at_best),
        _spoilt(networks, claim, chosen, last),
    )


def margin(claim: Claim, task: str, table: pd.DataFrame | None = None) -> float:
    """How much worse is still no matter to a claim that something is no worse: what the task declares,
    else what the claim's entry chooses, else two deviations of the table's dense networks; NaN where
    nothing is known."""
    if claim.side != "no worse":
        return claim.within or float("nan")
    declared = TASKS[task].margin if task in TASKS else None
    if declared is not None and claim.measure != "test_loss":
        return declared
    if claim.within or table is None or claim.measure == TO_REACH:
        return claim.within or float("nan")
    return comparison.margin_of(table, claim.measure).value


def _compared(table: pd.DataFrame, networks: pd.DataFrame, claim: Claim, other: pd.DataFrame | None) -> pd.DataFrame:
    """The claim's measure by level and trial, as in `pairs`: columns density, value, other; where the
    claim is against nothing, `other` is NaN."""
    if not claim.against:
        value = scale(claim.measure) * by_trial(networks, claim.method, claim.measure)
        density = networks.groupby(["level", "trial"]).density.mean()
        return pd.DataFrame({"density": density, "value": value, "other": float("nan")}).dropna(subset="value")
    if isinstance(claim.against, float):
        return _against_level(networks, claim, claim.against)
    against = claim.against
    if against in SCHEDULES and other is None:
        raise LotteryError(f"the claim {claim.id!r} compares with {against} tickets: pass effect(table, id, other=their table).")
    against = other if against in SCHEDULES else against
    if claim.measure == TO_REACH:
        return comparison.reached(table, against, claim.method)[0]
    if claim.measure == "early_stop":
        never = (networks.early_stop == 0).any()  # such a network counts with its whole run, which the table knows
        return comparison._stops(table if never else networks, against, claim.method)[0]
    return comparison.pairs(networks, against, claim.measure, claim.method)


def _against_level(networks: pd.DataFrame, claim: Claim, density: float) -> pd.DataFrame:
    """Every level of a hunt against the level of the same trial that stands for a density."""
    alone = comparison.pairs(networks, "dense", claim.measure, claim.method)
    there = alone[_stands_for(alone.density, density)].droplevel("level").value
    return alone.assign(other=alone.index.get_level_values("trial").map(there)).dropna()


def _chosen(networks: pd.DataFrame, compared: pd.DataFrame, claim: Claim, density: Number | None) -> pd.Series:
    """Which rows a claim is measured at: those of a density that is asked for, else each trial's best
    level by the other trials, else those of the claim's density."""
    if density is None and claim.at_best:
        return _best_by_others(networks, compared, claim)
    wanted = claim.density if density is None else density
    assert wanted is not None  # `measure` has checked it
    return _stands_for(compared.density, wanted)


def _best_by_others(networks: pd.DataFrame, compared: pd.DataFrame, claim: Claim) -> pd.Series:
    """Each trial's row at the level that is best on average over the other trials: of accuracies by that on
    validation examples, of other measures by themselves. No row where there are no other trials."""
    chosen = pd.Series(False, compared.index)
    judged = "validation_accuracy" if "accuracy" in claim.measure else claim.measure
    score = by_trial(networks, claim.method, judged) * (-1 if judged in LOWER_IS_BETTER else 1)
    score = score[score.index.isin(compared.index)]
    for trial in compared.index.unique("trial"):
        others = score[score.index.get_level_values("trial") != trial]
        if len(others) and (best := (others.groupby("level").mean().idxmax(), trial)) in chosen.index:
            chosen[best] = True
    return chosen


def _stands_for(densities: pd.Series, density: Number) -> pd.Series:
    """Which rows are of the level that stands for a density, or of a level within a range of densities."""
    if isinstance(density, (tuple, list)):
        return densities.between(min(density) / EDGE, max(density) * EDGE)
    distance = np.log(densities.groupby("level").mean() / density).abs()
    if distance.empty or distance.min() > np.log(NEAR):
        return pd.Series(False, densities.index)
    return pd.Series(densities.index.get_level_values("level") == distance.idxmin(), densities.index)


def _weigh(rows: pd.DataFrame, claim: Claim) -> Evidence:
    """The evidence of these rows, their levels averaged in each trial, of ratios the iterations of both."""
    means = rows.groupby("trial")[["value", "other"]].mean()
    if claim.unit == SPEED:
        return weigh_ratio(means.value, means.other)
    if claim.unit in RATIOS:
        return weigh_ratio(means.other, means.value)
    return weigh(means.value - means.other if claim.unit == "points" else means.value)


def _pooled(compared: pd.DataFrame, claim: Claim, chosen: pd.DataFrame) -> Evidence:
    """The evidence of one level, with the spread of all levels of its curve, as `compare` has it."""
    levels = comparison._weighed(compared, lambda rows: _weigh(rows, claim))
    return levels[int(chosen.index.get_level_values("level")[0])]


def _each_trial(chosen: pd.DataFrame, claim: Claim) -> pd.DataFrame:
    """One row per trial: value, in the claim's unit, from and down_to."""
    trials = chosen.groupby("trial")
    means = trials[["value", "other"]].mean()
    if claim.unit == "points":
        value = (means.value - means.other).round(9)
    elif claim.unit == SPEED:
        value = 100 * means.value / means.other
    else:
        value = means.other / means.value if claim.unit in RATIOS else means.value
    return pd.DataFrame({"value": value, "from": trials.density.max(), "down_to": trials.density.min()})


def _spoilt(networks: pd.DataFrame, claim: Claim, chosen: pd.DataFrame, last: int) -> str:
    """Why a comparison says nothing: the dense network has not learned; or, of early stops, in most pairs
    both networks stop at the last iteration, still improving, so that their ratio, 1, says how long they
    were trained and not how fast they learn. Empty where neither is so."""
    measure = "test_loss" if claim.measure == "test_loss" else "test_accuracy"
    if claim.against and not comparison._learned(networks, measure):
        return NOT_LEARNED
    at_the_end = (chosen.value >= last) & (chosen.other >= last)
    return UNFINISHED if claim.measure == "early_stop" and claim.against and at_the_end.mean() > 0.5 else ""
