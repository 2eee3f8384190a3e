"""From the tidy table to what people read: one row per network, the table of levels, and computed sentences."""

import pandas as pd

from lthlib.errors import LotteryError

NETWORK = ["task", "setting", "schedule", "method", "trial", "redraw", "level", "density", "seconds"]
MEASURES = ["early_stop", "test_accuracy", "train_accuracy", "final_test_accuracy", "final_train_accuracy"]


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """One row per trained network.

    Adds to what names it: early_stop (iteration of minimum validation loss), test_accuracy and train_accuracy there, and
    final_test_accuracy and final_train_accuracy at the end of training; accuracies from 0 to 1.
    """
    if table.empty:
        return pd.DataFrame(columns=[*NETWORK, *MEASURES])
    table = table.reset_index(drop=True)
    measured = {split: rows for split, rows in table.groupby("split")}
    curve = measured["validation"].assign(loss=measured["validation"].loss.fillna(float("inf")))
    at_stop = curve.loc[curve.groupby(NETWORK, sort=False).loss.idxmin(), [*NETWORK, "iteration"]]
    networks = at_stop.rename(columns={"iteration": "early_stop"}).set_index(NETWORK)
    for split in ("test", "train"):
        ends = measured[split].sort_values("iteration").groupby(NETWORK, sort=False).accuracy
        networks[f"{split}_accuracy"] = ends.first()
        networks[f"final_{split}_accuracy"] = ends.last()
    return networks.reset_index()


def levels(table: pd.DataFrame, measure: str = "test_accuracy") -> pd.DataFrame:
    """One row per level and density, one column per method: "mean (min to max)" over trials and redraws.

    Accuracies are in percent, `measure` any measured column of `summarise`.
    """
    networks = summarise(table)
    _one_setting(networks)
    scale, digits = (100, 1) if measure.endswith("accuracy") else (1, 0)
    grouped = networks.groupby(["level", "method"])[measure].agg(["mean", "min", "max"]) * scale
    text = grouped.apply(lambda row: f"{row['mean']:.{digits}f} ({row['min']:.{digits}f} to {row['max']:.{digits}f})", axis=1)
    shown = text.unstack("method").reindex(columns=networks.method.drop_duplicates()).fillna("")
    weights = (100 * networks[networks.method == networks.schedule].groupby("level").density.mean()).round(2)
    shown.insert(0, "weights remaining (%)", weights)
    shown.columns.name = None
    return shown


def compare(table: pd.DataFrame, control: str = "reinit", measure: str = "test_accuracy") -> pd.DataFrame:
    """The ticket against a control at each level: points (mean difference), trials in which the ticket is better, and trials.

    A trial's control is the mean of its redraws. "dense" compares with the ticket's own level 0, trial by trial. The
    difference is ticket minus control, in percentage points for accuracies, else in the units of `measure`; better is a
    higher accuracy, or a lower early stop.
    Raises LotteryError where the table has no such control.
    """
    networks = summarise(table)
    _one_setting(networks)
    if measure not in networks:
        raise LotteryError(f"unknown measure {measure!r}: choose one of {', '.join(MEASURES)}.")
    scale = 100 if measure.endswith("accuracy") else 1
    tickets = networks[networks.method == networks.schedule].set_index(["level", "trial"])[measure]
    if control == "dense":
        other = tickets.index.get_level_values("trial").map(tickets.loc[0])
        other = pd.Series(other, index=tickets.index)
    else:
        other = networks[networks.method == control].groupby(["level", "trial"])[measure].mean()
    if other.empty:
        raise LotteryError(f"the table has no control {control!r}: pass controls={control!r} to the hunt.")
    difference = scale * (tickets - other).dropna()
    by_level = difference.groupby("level")
    density = networks[networks.method == networks.schedule].groupby("level").density.mean()
    better = (difference < 0 if measure == "early_stop" else difference > 0).groupby("level").sum()
    compared = pd.DataFrame({"points": by_level.mean(), "better": better, "trials": by_level.size()})
    compared.insert(0, "density", density)
    return compared[compared.index > 0]


def _one_setting(networks: pd.DataFrame) -> None:
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
