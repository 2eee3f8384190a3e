"""Figures of straight lines between networks and of what they tell: barriers, instability, and accuracy beside it.

They take the tables of `connectivity` and compute nothing but means and ranges. Style and descriptions are as in `plots`.
"""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from lthlib.analysis.mode_connectivity import STABLE
from lthlib.plots import BAND, LEGEND
from lthlib.plots.style import SERIES, SERIES_DASHES, SERIES_MARKERS

DOTTED = {"color": "black", "linewidth": 1.2, "linestyle": ":", "zorder": 0}


def barriers(lines: pd.DataFrame, title: str = "") -> Figure:
    """Error on the line against alpha: a panel for each density, a curve for each rewind point k.

    `lines` is what `connectivity.lines` returned, of the test split. Mean, and a band from the lowest to the highest trial.
    """
    rows = lines.assign(error=100 * lines.error, panel=_names(lines), name="k = " + lines.rewind.astype(str))
    rows = rows.sort_values(["level", "rewind", "alpha"], kind="stable")
    panels, order = list(rows.panel.unique()), list(rows.name.unique())
    size = (1.8 + 3.6 * len(panels), 3.8)
    figure, row = plt.subplots(1, len(panels), figsize=size, layout="constrained", squeeze=False, sharey=True)
    texts = [f"Test error on the straight line from a network to its fork, in percent; {rows.trial.nunique()} trials."]
    style = {**_series(order), "markers": False}
    for axes, panel in zip(row[0], panels):
        here = rows[rows.panel == panel]
        sns.lineplot(here, x="alpha", y="error", hue="name", style="name", ax=axes, **BAND, **style)
        handles = axes.get_legend_handles_labels()
        axes.get_legend().remove()
        axes.set(
            title=panel if len(panels) > 1 or not title else f"{title}, {panel}",
            xlabel="share of the way, alpha",
            ylabel="test error (%)",
            xlim=(0, 1),
        )
        for name, each in here.groupby("name", sort=False):
            mean = each.groupby("alpha").error.mean()
            ends = f"{mean.iloc[0]:.1f} and {mean.iloc[-1]:.1f} at the ends"
            texts.append(f"{panel.capitalize()}, {name}: {ends}, at most {mean.max():.1f} on the way.")
    row[0][-1].legend(*handles, **LEGEND)
    figure.suptitle(title if len(panels) > 1 else "")
    sns.despine(figure)
    figure.set_label(" ".join(texts))
    return figure


def against_rewind(found: pd.DataFrame, differences: pd.DataFrame, title: str = "") -> Figure:
    """Two panels against the rewind point k: instability, and accuracy minus dense.

    `found` is what `connectivity.instability` returned. `differences` has the columns rewind, trial, name (of a line) and
    difference (points). Means, with bands from the lowest to the highest trial. Rewind points stand evenly spaced. The dotted
    lines are the threshold of stability, and no difference; the axis of instability is linear up to it, then logarithmic.
    """
    figure, (left, right) = plt.subplots(1, 2, figsize=(13, 4.2), layout="constrained")
    left.axhline(STABLE, **DOTTED, label=f"stable: below {STABLE:g}")
    texts = [_curves(found.assign(name=_names(found)).sort_values("level"), "instability", left, "Instability in points")]
    left.set_yscale("symlog", linthresh=STABLE)
    left.set(ylabel="instability (points)", ylim=(-0.15, 1.3 * max(STABLE, found.instability.max())))
    _ticks_of_instability(left.yaxis, found.instability)
    texts.append(_curves(differences, "difference", right, "Test accuracy at the end minus dense, in points"))
    right.axhline(0, **DOTTED)
    right.set(ylabel="test accuracy at the end,\nminus dense (points)")
    figure.suptitle(title)
    sns.despine(figure)
    figure.set_label(" ".join(texts))
    return figure


def stability_and_accuracy(both: pd.DataFrame, title: str = "") -> Figure:
    """A dot for every ticket: its accuracy minus its dense network's against its instability.

    `both` has the columns name, instability and difference, the last two in points; colour and shape are the name. The dotted
    lines are the threshold of stability, and no difference; the axis of instability is as in `against_rewind`.
    """
    figure, axes = plt.subplots(figsize=(8.5, 4.4), layout="constrained")
    names = list(both.name.unique())
    texts = [f"Test accuracy at the end minus dense, against instability, both in points; {len(both)} tickets."]
    for name, colour, marker in zip(names, SERIES * len(names), SERIES_MARKERS * len(names)):
        here = both[both.name == name]
        axes.plot(here.instability, here.difference, marker, color=colour, markersize=8, mec="white", label=name)
        span = [f"{part} {here[part].min():.1f} to {here[part].max():.1f}" for part in ("instability", "difference")]
        texts.append(f"{name}: {', '.join(span)}.")
    axes.axvline(STABLE, **DOTTED)
    axes.axhline(0, **DOTTED)
    axes.set_xscale("symlog", linthresh=STABLE)
    axes.set_xlim(-0.15, 1.3 * max(STABLE, both.instability.max()))
    axes.set(xlabel="instability (points)", ylabel="ticket minus dense,\ntest accuracy at the end (points)", title=title)
    _ticks_of_instability(axes.xaxis, both.instability)
    axes.legend(**LEGEND)
    sns.despine(figure)
    figure.set_label(" ".join(texts))
    return figure


def _names(rows: pd.DataFrame) -> pd.Series:
    """What each row is of: the dense network, or a ticket of such a density (a level's mean)."""
    shares = 100 * rows.groupby("level").density.transform("mean")
    return shares.map(lambda share: f"ticket, {share:.1f} %").where(rows.level > 0, "dense")


def _curves(rows: pd.DataFrame, value: str, axes: Axes, label: str) -> str:
    """A curve against the rewind point for each name, in the order of the rows; what it shows, in words."""
    points, names = sorted(rows.rewind.unique()), list(rows.name.unique())
    rows = rows.assign(place=rows.rewind.map(points.index)).reset_index(drop=True)
    sns.lineplot(rows, x="place", y=value, hue="name", style="name", markersize=7, ax=axes, **BAND, **_series(names))
    axes.set_xticks(range(len(points)), [f"{k:,}" for k in points])
    axes.set(xlabel="rewind point k (iteration)")
    axes.legend(**LEGEND)
    texts = [f"{label}, against the rewind point; {rows.trial.nunique()} trials."]
    for name in names:
        means = rows[rows.name == name].groupby("rewind")[value].mean()
        texts.append(f"{name.capitalize()}: " + ", ".join(f"{mean:.1f} at k = {k:,}" for k, mean in means.items()) + ".")
    return " ".join(texts)


def _ticks_of_instability(axis: Axis, values: pd.Series) -> None:
    ticks = [at for at in (0, 1, 2, 5, 10, 20, 50, 100) if at <= max(STABLE, values.max())]
    axis.set_minor_locator(NullLocator())
    axis.set_ticks(ticks, [f"{at}" for at in ticks])


def _series(names: list[str]) -> dict:
    style = {"palette": dict(zip(names, SERIES * len(names))), "hue_order": names, "style_order": names}
    return style | {
        "dashes": dict(zip(names, SERIES_DASHES * len(names))),
        "markers": dict(zip(names, SERIES_MARKERS * len(names))),
    }
