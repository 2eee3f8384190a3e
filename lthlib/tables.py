"""From the tidy table to what people read: one row per network, the table of levels, tests, and computed sentences.

Every comparison is paired: a ticket with its own dense network or control, trial by trial. Intervals are 95 % intervals of the
mean over trials (Student's t), each by itself: of twenty comparisons where nothing differs, one is expected to look like a
difference. Levels of one trial are not independent either, since each mask lies inside the one before.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from lthlib import masks
from lthlib.errors import LotteryError
from lthlib.settings import Extent, Setting
from lthlib.store import TICKET, Key, Store

NETWORK = ["task", "setting", "schedule", "method", "trial", "redraw", "level", "density", "seconds"]
LABELS = {
    "early_stop": "early stop (iteration)",
    "validation_accuracy": "validation accuracy at early stop (%)",
    "test_accuracy": "test accuracy at early stop (%)",
    "train_accuracy": "training accuracy at early stop (%)",
    "final_test_accuracy": "test accuracy at the end (%)",
    "final_train_accuracy": "training accuracy at the end (%)",
    "gap": "generalisation gap at the end (points)",
    "test_loss": "test loss at early stop",
}
MEASURES = list(LABELS)
LOWER_IS_BETTER = ("early_stop", "gap", "test_loss")
AS_THEY_ARE = {"early_stop": 0, "test_loss": 3}  # measures that are no shares, and the decimals they are shown with
FEWEST = 3  # values that an interval is computed from


def scale(measure: str) -> int:
    """What a measure is multiplied by to be shown: 100 for shares. Raises LotteryError for an unknown one."""
    if measure not in LABELS:
        raise LotteryError(f"unknown measure {measure!r}: choose one of {', '.join(MEASURES)}.")
    return 1 if measure in AS_THEY_ARE else 100


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """One row per trained network.

    Adds to what names it: early_stop (iteration of minimum validation loss), validation_accuracy, test_accuracy and
    train_accuracy there; final_test_accuracy and final_train_accuracy at the end of training, and gap, the second less the
    first of these: the generalisation gap; and test_loss at early stop. Accuracies and gap are shares, up to 1. Where a task
    has an objective of its own, accuracies are its score and the loss is its loss. What is summarised already
    stays as it is.
    """
    if table.empty:
        return pd.DataFrame(columns=[*NETWORK, *MEASURES])
    if set(MEASURES) <= set(table.columns):
        return table
    table = table.reset_index(drop=True)
    measured = {split: rows for split, rows in table.groupby("split")}
    curve = measured["validation"].assign(loss=measured["validation"].loss.fillna(float("inf")))
    at_stop = curve.loc[curve.groupby(NETWORK, sort=False).loss.idxmin(), [*NETWORK, "iteration", "accuracy"]]
    networks = at_stop.rename(columns={"iteration": "early_stop", "accuracy": "validation_accuracy"}).set_index(NETWORK)
    for split in ("test", "train"):
        ends = measured[split].sort_values("iteration").groupby(NETWORK, sort=False).accuracy
        networks[f"{split}_accuracy"] = ends.first()
        networks[f"final_{split}_accuracy"] = ends.last()
    networks["test_loss"] = measured["test"].sort_values("iteration").groupby(NETWORK, sort=False).loss.first()
    networks["gap"] = networks.final_train_accuracy - networks.final_test_accuracy
    return networks.reset_index()[[*NETWORK, *MEASURES]]


def levels(table: pd.DataFrame, measure: str = "test_accuracy") -> pd.DataFrame:
    """One row per level and density, one column per method: "mean (min to max)" over trials and redraws.

    Accuracies and gap are in percent, `measure` any measured column of `summarise`.
    """
    factor, digits = scale(measure), AS_THEY_ARE.get(measure, 1)
    networks = summarise(table)
    one_setting(networks)
    grouped = networks.groupby(["level", "method"])[measure].agg(["mean", "min", "max"]) * factor
    text = grouped.apply(lambda row: f"{row['mean']:.{digits}f} ({row['min']:.{digits}f} to {row['max']:.{digits}f})", axis=1)
    shown = text.unstack("method").reindex(columns=networks.method.drop_duplicates()).fillna("")
    weights = (100 * networks[networks.method == networks.schedule].groupby("level").density.mean()).round(2)
    shown.insert(0, "weights remaining (%)", weights)
    shown.columns.name = None
    return shown


def pairs(
    table: pd.DataFrame, control: str | pd.DataFrame = "dense", measure: str = "test_accuracy", method: str = "ticket"
) -> pd.DataFrame:
    """What is compared, trial by trial: columns density, value, other, difference; index level and trial.

    `value` is `method`'s, "ticket" or a control; a trial's redraws are averaged. `other` is the control's: "dense" means the
    ticket's own level 0; a table means that table's tickets of the same level and trial (one-shot against iterative, one
    learning rate against another), level 0 included. Accuracies and gap are in percent.
    Raises LotteryError where the table has no such control, or where the other table was pruned at other rates.
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
    """The ticket against a control at each level: points (mean difference), trials in which the ticket is better, and trials.

    A trial's control is the mean of its redraws. "dense" compares with the ticket's own level 0, trial by trial; a table, with
    the tickets of that table. `method` puts a control in the ticket's place. The difference is ticket minus control, in
    percentage points for accuracies, else in the units of `measure`; better is a higher accuracy, or a lower early stop or gap.
    Raises LotteryError where the table has no such control.
    """
    both = pairs(table, control, measure, method)
    by_level = both.difference.groupby("level")
    better = (both.difference < 0 if measure in LOWER_IS_BETTER else both.difference > 0).groupby("level").sum()
    density = both.density.groupby("level").mean()
    return pd.DataFrame({"density": density, "points": by_level.mean().round(9), "better": better, "trials": by_level.size()})


def speedup(table: pd.DataFrame, control: str | pd.DataFrame = "dense") -> pd.DataFrame:
    """How many times sooner the ticket stops than its control: control's early stop over the ticket's, at each level.

    `times` is the mean over trials (geometric, so that twice and half as soon cancel), `lowest` and `highest` are the trials',
    `trials` their number. A trial in which one of the two stops at iteration 0, having never learned, is left out.
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

    matching  as accurate as dense on test examples at early stop; by another `measure`, such as test_loss, as good
    winning   matching, and at an early stop that is no later: "in at most the same number of iterations"
    neither   less accurate

    "As accurate" means both: the mean difference over trials is no more than one standard deviation of the dense trials below
    zero, and its 95 % interval does not lie wholly below zero. "No later" likewise, above zero. So two networks that are alike
    pass nearly always, and one that is clearly worse fails, the surer the more trials. With one trial nothing has a
    spread, and the verdict is "cannot tell"; with two there is no interval.
    Columns: density, trials, points (mean difference, in the units of `measure`) with its interval points_low to points_high,
    iterations (mean difference in early stop, negative is sooner) with iterations_low to iterations_high, and verdict.
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
    """The smallest density, 0 to 1, at which `matching` says "winning" (or "matching": these two); None where none does.

    `unbroken` asks that every larger density does as well. Without, it is the luckiest of many levels.
    """
    ordered = verdicts.sort_values("density", ascending=False)
    holds = ordered.verdict.isin(["winning", verdict])
    found = ordered.density[holds.cummin() if unbroken else holds]
    return float(found.min()) if len(found) else None


def _no_worse(gain: pd.Series, reference: pd.Series) -> bool:
    return bool(gain.mean() >= -reference.std() and not interval(gain)[1] < 0)


def by_trial(networks: pd.DataFrame, method: str, measure: str) -> pd.Series:
    """One value per level and trial, redraws averaged. Raises LotteryError where no network is of that method."""
    one_setting(networks)
    rows = networks[networks.method == (networks.schedule if method == "ticket" else method)]
    if networks.empty:
        raise LotteryError("the table is empty: run a hunt first.")
    if rows.empty:
        raise LotteryError(f"the table has no control {method!r}: pass controls={method!r} to the hunt.")
    return rows.groupby(["level", "trial"])[measure].mean()


def one_setting(networks: pd.DataFrame) -> None:
    """Raise LotteryError where a table, or a summary, holds several settings."""
    settings = networks.setting.unique()
    if len(settings) > 1:
        raise LotteryError(
            f"the table holds {len(settings)} settings, whose networks must not be averaged: choose one, "
            f"such as table[table.setting == {settings[0]!r}]."
        )


def nearest_level(table: pd.DataFrame, density: float) -> int:
    """The level, apart from level 0, whose density is closest to `density` (0 to 1)."""
    tickets = table[(table.method == table.schedule) & (table.level > 0)].reset_index(drop=True)
    return int(tickets.loc[(tickets.density - density).abs().idxmin(), "level"])


def sentence(table: pd.DataFrame, density: float, control: str = "reinit") -> str:
    """One computed sentence, such as "ticket better than reinit at 21.1 %: +0.9 points, 5 of 5 trials"."""
    row = compare(table, control).loc[nearest_level(table, density)]
    word = "better than" if row.points > 0 else "worse than" if row.points < 0 else "level with"
    count = f"better in {row.better:.0f} of {row.trials:.0f} trials"
    return f"ticket {word} {control} at {100 * row.density:.1f} %: {row.points:+.1f} points, {count}"


def describe(tables: pd.DataFrame | dict[str, pd.DataFrame], measure: str = "test_accuracy") -> str:
    """What a figure of `measure` against density shows, in computed sentences, for readers who cannot see it.

    `tables` is one table, or several by label; empty ones are named as such.
    """
    factor, digits = scale(measure), AS_THEY_ARE.get(measure, 1)
    number = lambda value: f"{factor * value:.{digits}f}"  # noqa: E731
    sentences = [f"{LABELS[measure].capitalize()} against weights remaining."]
    for label, table in tables.items() if isinstance(tables, dict) else [("", tables)]:
        networks = summarise(table)
        one_setting(networks)
        prefix = f"{label}: " if label else ""
        if networks.empty:
            sentences.append(f"{prefix}no results.")
            continue
        networks["method"] = networks.method.mask(networks.method == networks.schedule, "ticket")
        dense = networks[(networks.level == 0) & (networks.method == "ticket")][measure]
        spread = f"{number(dense.mean())} ({number(dense.min())} to {number(dense.max())})"
        sentences.append(f"{prefix}{networks.task.iloc[0]}, {networks.trial.nunique()} trials; dense {spread}.")
        for method, rows in networks[(networks.level > 0) & (networks.method != "dense")].groupby("method", sort=False):
            means = rows.groupby("level")[[measure, "density"]].mean()
            word, top = ("lowest", "idxmin") if measure in LOWER_IS_BETTER else ("highest", "idxmax")
            best, last = means.loc[means[measure].agg(top)], means.loc[means.index.max()]
            sentences.append(
                f"{method.capitalize()}: {word} {number(best[measure])} at {100 * best.density:.3g} %, "
                f"{number(last[measure])} at the sparsest, {100 * last.density:.3g} %."
            )
    return " ".join(sentences)


def layers(setting: Setting, extent: Extent, results: str | Path | None = None) -> pd.DataFrame:
    """What each layer keeps: one row per trial, level and layer, from the tickets' masks in the store.

    Columns trial, level, density (of the network), layer (its weight's name, in the network's order), weights (kept) and
    layer_density, from 0 to 1. Raises LotteryError where a ticket is not in the store.
    """
    store, rows = Store(results, writable=False), []
    for trial in range(extent.trials):
        for level in range(extent.levels + 1):
            mask = store.load(setting, Key(TICKET, trial, level)).mask
            counts, shares = masks.layer_counts(mask), masks.layer_densities(mask)
            rows += [(trial, level, masks.density(mask), layer, counts[layer], shares[layer]) for layer in mask]
    return pd.DataFrame(rows, columns=["trial", "level", "density", "layer", "weights", "layer_density"])
