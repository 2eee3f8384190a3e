"""Figures of `analysis.mode_connectivity`: barriers, instability with accuracy next to it, and successive levels."""

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from lthlib.analysis.mode_connectivity import STABLE
from lthlib.core.percent import rounded
from lthlib.plots import style
from lthlib.plots.style import DOTTED, LEGEND, WORDS, finish

FILLINGS = {  # of a marker, by whether the ticket matches its dense network
    "yes": ("full", "matches dense"),
    "no": ("none", "does not match"),
    "inconclusive": ("left", "inconclusive"),
}


def barriers(lines: pd.DataFrame, title: str = "") -> Figure:
    """Error on the line against alpha: a panel for each density, two in a row, a curve for each rewind
    point k. `lines` is what `mode_connectivity.lines` returned, of the test split. Mean and range."""
    errors = lines.assign(error=100 * lines.error, panel=_names(lines), name=_rewinds(lines))
    errors = errors.sort_values(["level", "rewind", "alpha"], kind="stable")
    names, looks = errors.panel.unique(), style.series(errors.name)
    columns = min(2, len(names))
    figure, panels = style.panels(len(names), 3.6, 3.4, columns, room=1.2, sharey=True)
    trials = errors.trial.nunique()
    sentences = [f"Test error on the straight line between two copies of a network, in percent; {trials} trials."]
    for axes, name in zip(panels, names):
        panel = errors[errors.panel == name]
        look = style.lines_by("name", looks) | {"markers": False}
        sns.lineplot(panel, x="alpha", y="error", ax=axes, **look)
        handles = axes.get_legend_handles_labels()
        axes.get_legend().remove()
        axes.set(title=f"{title}, {name}" if title and len(names) == 1 else name)
        axes.set(xlabel="share of the way, alpha", ylabel="test error (%)", xlim=(0, 1))
        for point, curve in panel.groupby("name", sort=False):
            mean = curve.groupby("alpha").error.mean()
            ends = f"{mean.iloc[0]:.1f} and {mean.iloc[-1]:.1f} at the ends"
            sentences.append(f"{name.capitalize()}, {point}: {ends}, at most {mean.max():.1f} on the way.")
    panels[columns - 1].legend(*handles, **LEGEND)
    figure.suptitle(title if len(names) > 1 else "")
    return finish(figure, *sentences)


def against_rewind(instability: pd.DataFrame, differences: pd.DataFrame, title: str = "") -> Figure:
    """Two panels, one above the other, against the rewind point k, at even spacing: instability, and accuracy
    minus dense.

    `instability` is what `mode_connectivity.instability` returned; `differences` has columns rewind, trial,
    name (of a line) and difference (points). Means, with bands from lowest to highest trial. Dotted: the
    threshold of stability, and no difference. The axis of instability is linear up to the threshold, then
    logarithmic.
    """
    figure, (above, below) = style.panels(2, 8.0, 3.2, columns=1)
    named = instability.assign(name=_names(instability)).sort_values("level")
    above.axhline(STABLE, **DOTTED, label=f"stable: below {STABLE:g}")
    unstable = _curves(named, "instability", above, "Instability in points")
    above.set_yscale("symlog", linthresh=STABLE)
    above.set(ylabel="instability (points)", ylim=(-0.15, 1.3 * max(STABLE, named.instability.max())))
    _ticks_of_instability(above.yaxis, named.instability)
    accurate = _curves(differences, "difference", below, "Test accuracy at the end minus dense, in points")
    below.axhline(0, **DOTTED)
    below.set(ylabel="test accuracy at the end,\nminus dense (points)")
    figure.suptitle(title)
    return finish(figure, unstable, accurate)


def stability_and_accuracy(tickets: pd.DataFrame, title: str = "", margin: float = 0.0) -> Figure:
    """A dot for every ticket: its accuracy minus its dense network's against its instability. `tickets` has
    columns name (colour and shape), instability and difference, both in points. Dotted lines are the
    threshold of stability, and no difference; a dashed one is minus the `margin`, if there is one. The axis
    of instability is as in `against_rewind`."""
    figure, [axes] = style.panels(1, 8.5, 4.4)
    start = "Test accuracy at the end minus dense, against instability, both in points;"
    sentences = [f"{start} {len(tickets)} tickets."]
    for name, look in style.series(tickets.name).items():
        same = tickets[tickets.name == name]
        axes.plot(same.instability, same.difference, markersize=8, mec="white", label=name, **look.points())
        low, high = same.min(), same.max()
        spans = [f"{part} {low[part]:.1f} to {high[part]:.1f}" for part in ("instability", "difference")]
        sentences.append(f"{name}: {', '.join(spans)}.")
    axes.axvline(STABLE, **DOTTED)
    axes.axhline(0, **DOTTED)
    if margin:
        axes.axhline(-margin, **DOTTED | {"color": "#777777", "linestyle": "--"}, label="minus the margin")
    axes.set_xscale("symlog", linthresh=STABLE)
    axes.set_xlim(-0.15, 1.3 * max(STABLE, tickets.instability.max()))
    axes.set(xlabel="instability (points)", title=title)
    axes.set(ylabel="ticket minus dense,\ntest accuracy at the end (points)")
    _ticks_of_instability(axes.xaxis, tickets.instability)
    return finish(figure, *sentences, legend=axes)


def between_levels(barriers: pd.DataFrame, title: str = "") -> Figure:
    """The barrier between a ticket and that of the level before, against the weights remaining in the sparser
    one: a curve for each rewind point, mean and range.

    `barriers` is what `mode_connectivity.connectivity` returned of `successive` lines, with one more
    column, `matches`: "yes", "no" or "inconclusive" for each rewind point and level, shown by the markers:
    full, empty and half. Dotted: the threshold of 2 points. The axis of barriers is linear up to it, then
    logarithmic.
    """
    figure, [axes] = style.panels(1, 8.5, 4.4)
    rows = barriers.assign(weights=100 * barriers.groupby("level").density.transform("mean"), name=_rewinds(barriers))
    looks = style.series(rows.sort_values("rewind").name)
    sns.lineplot(rows, x="weights", y="barrier", ax=axes, **style.lines_by("name", looks) | {"markers": False})
    for filling, label in FILLINGS.values():
        axes.plot([], [], color=WORDS, linestyle="none", marker="o", markersize=8, fillstyle=filling, label=label)
    sentences = [f"Barrier between tickets of successive levels, in points of test error; {rows.trial.nunique()} trials."]
    for (name, share, matches), group in rows.groupby(["name", "weights", "matches"], sort=False):
        filling, label = FILLINGS[matches]
        axes.plot(share, group.barrier.mean(), markersize=8, fillstyle=filling, **looks[name].points())
        sentences.append(f"{name.capitalize()}, {rounded(share)} %: {group.barrier.mean():.1f}, {label}.")
    axes.axhline(STABLE, **DOTTED, label=f"connected: below {STABLE:g}")
    axes.set_yscale("symlog", linthresh=STABLE)
    axes.set(title=title, xlabel="weights remaining (%) in the sparser of the two", ylabel="barrier (points)")
    axes.set_ylim(-0.15, 1.3 * max(STABLE, rows.barrier.max()))
    _ticks_of_instability(axes.yaxis, rows.barrier)
    style.density_axis(axes, rows.weights)
    return finish(figure, *sentences, legend=axes)


def _rewinds(rows: pd.DataFrame) -> pd.Series:
    return "k = " + rows.rewind.astype(str)


def _names(networks: pd.DataFrame) -> pd.Series:
    """What each row is of: the dense network, or a ticket of such a density (a level's mean)."""
    shares = 100 * networks.groupby("level").density.transform("mean")
    return shares.map(lambda share: f"ticket, {rounded(share)} %").where(networks.level > 0, "dense")


def _curves(trials: pd.DataFrame, value: str, axes: Axes, label: str) -> str:
    """A curve against the rewind point for each name, in the order of the rows; what it shows, in words."""
    points, looks = sorted(trials.rewind.unique()), style.series(trials.name)
    looks |= {name: own for name in looks if (own := style.look_of(name.partition(",")[0]))}  # a method's own
    trials = trials.assign(place=trials.rewind.map(points.index)).reset_index(drop=True)
    sns.lineplot(trials, x="place", y=value, markersize=7, ax=axes, **style.lines_by("name", looks))
    axes.set_xticks(range(len(points)), [f"{k:,}" for k in points])
    axes.set(xlabel="rewind point k (iteration)")
    axes.legend(**LEGEND)
    sentences = [f"{label}, against the rewind point; {trials.trial.nunique()} trials."]
    for name in looks:
        means = trials[trials.name == name].groupby("rewind")[value].mean()
        steps = ", ".join(f"{mean:.1f} at k = {k:,}" for k, mean in means.items())
        sentences.append(f"{name.capitalize()}: {steps}.")
    return " ".join(sentences)


def _ticks_of_instability(axis: Axis, values: pd.Series) -> None:
    ticks = [at for at in (0, 1, 2, 5, 10, 20, 50, 100) if at <= max(STABLE, values.max())]
    axis.set_minor_locator(NullLocator())
    axis.set_ticks(ticks, [f"{at}" for at in ticks])
