"""Tables and sentences for people, computed from the tidy table."""

import pandas as pd

from lthlib.analysis.comparison import compare
from lthlib.analysis.summary import AS_THEY_ARE, LABELS, LOWER_IS_BETTER, nearest_level, one_setting, scale, summarise
from lthlib.core.errors import LotteryError
from lthlib.core.percent import percent


def sentence(table: pd.DataFrame, density: float, control: str = "reinit") -> str:
    """One computed sentence, such as "ticket better than reinit at 21.1 %: +0.9 points, 5 of 5 trials"."""
    found, level = compare(table, control), nearest_level(table, density)
    if level not in found.index:
        wrong = f"at level {level} training diverged in every pair of ticket and {control}"
        raise LotteryError(f"{wrong}: choose another density, or hunt with a lower learning_rate.")
    row = found.loc[level]
    word = "better than" if row.points > 0 else "worse than" if row.points < 0 else "level with"
    count = f"better in {row.better:.0f} of {row.trials:.0f} trials"
    return f"ticket {word} {control} at {percent(row.density)}: {row.points:+.1f} points, {count}"


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
        spread = f"{number(dense.mean())} ({number(dense.min())} to {number(dense.max())})" if dense.count() else "diverged"
        sentences.append(f"{prefix}{networks.task.iloc[0]}, {networks.trial.nunique()} trials; dense {spread}.")
        for method, rows in networks[(networks.level > 0) & (networks.method != "dense")].groupby("method", sort=False):
            means = rows.dropna(subset=measure).groupby("level")[[measure, "density"]].mean()
            if means.empty:
                sentences.append(f"{method.capitalize()}: diverged.")
                continue
            word, top = ("lowest", "idxmin") if measure in LOWER_IS_BETTER else ("highest", "idxmax")
            best, last = means.loc[means[measure].agg(top)], means.loc[means.index.max()]
            sentences.append(
                f"{method.capitalize()}: {word} {number(best[measure])} at {100 * best.density:.3g} %, "
                f"{number(last[measure])} at the sparsest, {100 * last.density:.3g} %."
            )
    return " ".join(sentences)
