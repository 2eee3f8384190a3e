"""From one row per network to one row per level, and to one value per level and trial."""

from pathlib import Path

import pandas as pd

from lthlib.analysis.pooling import differing_field, pool_seeds, pooled_note, settings_of
from lthlib.core.errors import LotteryError
from lthlib.core.percent import rounded
from lthlib.pruning import masks
from lthlib.settings import Extent, Setting
from lthlib.storage.networks import LABELS, MEASURES, summarise
from lthlib.storage.store import TICKET, Key, Store

LOWER_IS_BETTER = ("early_stop", "gap", "test_loss")
AS_THEY_ARE = {"early_stop": 0, "test_loss": 3}  # measures that are no shares, and the decimals they are shown with


def scale(measure: str) -> int:
    """What a measure is multiplied by to be shown: 100 for shares. Raises LotteryError for an unknown one."""
    if measure not in LABELS:
        raise LotteryError(f"unknown measure {measure!r}: choose one of {', '.join(MEASURES)}.")
    return 1 if measure in AS_THEY_ARE else 100


def levels(table: pd.DataFrame, measure: str = "test_accuracy", results: str | Path | None = None) -> pd.DataFrame:
    """One row per level and density, one column per method: "mean (min to max)" over trials and redraws, and
    how many diverged, if any.

    Accuracies and gap are in percent, `measure` any measured column of `summarise`. A table of several
    settings that differ in the seed alone is pooled (`pool_seeds`). Where seeds are pooled, the name of the
    columns, which is printed beside them, and `attrs["note"]` say so, such as "3 seeds pooled, 15 trials".
    `results` is the folder that the hunts were kept in; None takes the usual one. Raises LotteryError where
    settings differ in another field, which it names.
    """
    factor, digits = scale(measure), AS_THEY_ARE.get(measure, 1)
    networks = _seeds_as_trials(summarise(table), results)
    grouped = networks.groupby(["level", "method"])[measure].agg(["mean", "min", "max"]) * factor
    text = grouped.apply(lambda row: f"{row['mean']:.{digits}f} ({row['min']:.{digits}f} to {row['max']:.{digits}f})", axis=1)
    for place, count in networks[networks[measure].isna()].groupby(["level", "method"]).size().items():
        text[place] = f"{text[place]}, {count} diverged" if grouped["mean"].notna()[place] else f"{count} diverged"
    shown = text.unstack("method").reindex(columns=networks.method.drop_duplicates()).fillna("")
    weights = 100 * networks[networks.method == networks.schedule].groupby("level").density.mean()
    weights = weights.map(lambda share: float(rounded(share, 2)))
    shown.insert(0, "weights remaining (%)", weights)
    note = pooled_note(networks)
    shown.columns.name = note or None
    if note:
        shown.attrs["note"] = note
    return shown


def _seeds_as_trials(networks: pd.DataFrame, results: str | Path | None) -> pd.DataFrame:
    """The networks of one setting as they are, and those of several seeds as one. Raises LotteryError where
    settings differ otherwise, or are not in the folder."""
    if networks.setting.nunique() < 2:
        return networks
    if hindrance := _hindrance(networks, results):
        one_setting(networks, hindrance)
    return pool_seeds(networks, results)


def _hindrance(networks: pd.DataFrame, results: str | Path | None) -> str:
    """Why settings cannot be pooled, to be said behind them; empty where they differ in the seed alone."""
    try:
        difference = differing_field(list(settings_of(networks, results).values()))
    except LotteryError:
        return " (and the folder of `results` does not say whether they differ in the seed alone)"
    return f" that differ in {difference}" if difference else ""


def by_trial(networks: pd.DataFrame, method: str, measure: str) -> pd.Series:
    """One value per level and trial, redraws averaged. Raises LotteryError where no network is of that
    method."""
    one_setting(networks)
    chosen = networks[networks.method == (networks.schedule if method == "ticket" else method)]
    if networks.empty:
        raise LotteryError("the table is empty: run a hunt first.")
    if chosen.empty:
        raise LotteryError(f"the table has no control {method!r}: pass controls={method!r} to the hunt.")
    return chosen.groupby(["level", "trial"])[measure].mean()


def one_setting(networks: pd.DataFrame, which: str = "") -> None:
    """Raise LotteryError where a table, or a summary, holds several settings, of which `which` says more."""
    settings = networks.setting.unique()
    if len(settings) > 1:
        raise LotteryError(
            f"the table holds {len(settings)} settings{which}, whose networks must not be averaged: choose one, "
            f"such as table[table.setting == {settings[0]!r}]."
        )


def nearest_level(table: pd.DataFrame, density: float) -> int:
    """The level, apart from level 0, whose density is closest to `density` (0 to 1)."""
    tickets = table[(table.method == table.schedule) & (table.level > 0)].reset_index(drop=True)
    return int(tickets.loc[(tickets.density - density).abs().idxmin(), "level"])


def layers(setting: Setting, extent: Extent, results: str | Path | None = None) -> pd.DataFrame:
    """What each layer keeps: one row per trial, level and layer, from the tickets' masks in the store.

    Columns trial, level, density (of the network), layer (its weight's name, in the network's order), weights
    (kept) and layer_density, from 0 to 1. Levels that a hunt has set aside have no rows. Raises LotteryError
    where a dense network is not in the store.
    """
    store, kept_by_layer = Store(results, writable=False), []
    for trial in range(extent.trials):
        for level in range(extent.levels + 1):
            key = Key(TICKET, trial, level)
            if level and not store.has(setting, key):
                continue
            mask = store.load(setting, key).mask
            counts, shares = masks.layer_counts(mask), masks.layer_densities(mask)
            kept_by_layer += [(trial, level, masks.density(mask), layer, counts[layer], shares[layer]) for layer in mask]
    return pd.DataFrame(kept_by_layer, columns=["trial", "level", "density", "layer", "weights", "layer_density"])
