"""Figures of `analysis.permutations`: hidden units side by side, the line between two networks in
several orders, barriers by width, and what a mask is worth on another initialisation."""

from collections.abc import Mapping

import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from torch import Tensor

from lthlib.analysis.evidence import bounds
from lthlib.analysis.mode_connectivity import STABLE
from lthlib.plots import style
from lthlib.plots.style import DOTTED, finish


def units(weights: Mapping[str, Tensor], reference: str, title: str = "") -> Figure:
    """Incoming weights of the same number of hidden units of several networks, each a tensor [units,
    inputs] by the network's name: a row for each unit, a column for each input, one scale of colours.
    The description says how strongly each picture correlates with that of `reference`."""
    figure, panels = style.panels(len(weights), 2.9, 3.6, room=0.6)
    most = max(float(rows.abs().quantile(0.99)) for rows in weights.values())
    alike, image = [], None
    for axes, (name, rows) in zip(panels, weights.items()):
        look = {"cmap": "PuOr_r", "vmin": -most, "vmax": most, "aspect": "auto", "interpolation": "nearest"}
        image = axes.imshow(rows.numpy(), **look)
        axes.set(title=name, xticks=[], yticks=[], xlabel=f"{rows.shape[1]} inputs")
        if name != reference:
            ours, theirs = (pd.Series(each.flatten().numpy()) for each in (rows, weights[reference]))
            alike.append(f"{name}, {ours.corr(theirs):.2f}")
    panels[0].set_ylabel(f"{next(iter(weights.values())).shape[0]} hidden units")
    figure.colorbar(image, ax=panels, label="weight", fraction=0.04)
    figure.suptitle(title)
    start = "Weights of hidden units, a row for each unit and a column for each input."
    figure.set_label(f"{start} Correlation with {reference}: {'; '.join(alike)}.")
    return figure


def lines(points: pd.DataFrame, title: str = "") -> Figure:
    """Test error against alpha, a curve for each order of the second network's units. `points` has
    columns order, trial, alpha (0 to 1) and error (0 to 1). Mean and range."""
    errors, looks = points.assign(error=100 * points.error), style.series(points.order)
    figure, [axes] = style.panels(1, 6.0, 3.8, room=2.4)
    sns.lineplot(errors, x="alpha", y="error", ax=axes, **style.lines_by("order", looks) | {"markers": False})
    axes.set(title=title, xlabel="share of the way, alpha", ylabel="test error (%)", xlim=(0, 1))
    sentences = [f"Test error on the straight line between two networks; {errors.trial.nunique()} pairs."]
    for name, curve in errors.groupby("order", sort=False):
        mean = curve.groupby("alpha").error.mean()
        ends = f"{mean.iloc[0]:.1f} and {mean.iloc[-1]:.1f} at the ends"
        sentences.append(f"{name}: {ends}, at most {mean.max():.1f} on the way.")
    return finish(figure, *sentences, legend=axes)


def by_width(barriers: pd.DataFrame, title: str = "") -> Figure:
    """The barrier against the width of the network, a curve for each order. `barriers` has columns
    order, trial, width (units) and barrier (points of error). Mean and range; the dotted line is the
    threshold of stability."""
    looks = style.series(barriers.order)
    figure, [axes] = style.panels(1, 6.0, 3.8, room=2.4)
    sns.lineplot(barriers, x="width", y="barrier", ax=axes, markersize=7, **style.lines_by("order", looks))
    axes.axhline(STABLE, **DOTTED, label=f"connected: below {STABLE:g}")
    widths = sorted(barriers.width.unique())
    axes.set_xscale("log")
    axes.set_xticks(widths, [f"{width:,}" for width in widths])
    axes.minorticks_off()
    axes.set(title=title, xlabel="units in the first hidden layer", ylabel="barrier (points of test error)")
    axes.set_ylim(0, None)
    pairs = f"{barriers.trial.nunique()} pairs at each width"
    sentences = [f"Barrier between two networks against their width; {pairs}."]
    for name, curve in barriers.groupby("order", sort=False):
        means = curve.groupby("width").barrier.mean()
        steps = ", ".join(f"{mean:.1f} at {width:,}" for width, mean in means.items())
        sentences.append(f"{name}: {steps}.")
    return finish(figure, *sentences, legend=axes)


def routes(differences: pd.DataFrame, margin: float, against: str, title: str = "") -> Figure:
    """What ways to a mask are worth: a row for each column of `differences` (points, a row a trial), a
    ring for each trial, and a dot with the 95 % bounds of the mean. Dotted: no difference to `against`;
    grey: down to the margin."""
    figure, [axes] = style.panels(1, 7.5, 1.3 + 0.42 * differences.shape[1])
    axes.axvspan(-margin, 0, color="#DDDDDD", linewidth=0, zorder=0, label=f"within the margin, {margin:g}")
    axes.axvline(0, **DOTTED)
    sentences = [f"Test accuracy minus {against}, in points; {len(differences)} trials; margin {margin:g}."]
    for place, (name, values) in enumerate(differences.items()):
        ring = {"color": "none", "mec": "#777777", "marker": "o", "ms": 6, "linestyle": "none"}
        axes.plot(values, [place] * len(values), **ring, label=None if place else "one trial")
        low, high = bounds(values)
        mean, look = values.mean(), style.SERIES[0]
        ends = style.whiskers(mean, low, high) if low == low else None  # NaN: too few trials for bounds
        dot = {"color": look, "marker": "D", "ms": 7, "capsize": 3}
        axes.errorbar([mean], [place], xerr=ends, **dot, label=None if place else "mean, 95 % bounds")
        told = f" ({low:+.1f} to {high:+.1f})" if low == low else ""
        sentences.append(f"{name}: {mean:+.1f}{told}.")
    axes.set_yticks(range(differences.shape[1]), list(differences.columns))
    axes.set_ylim(differences.shape[1] - 0.5, -0.5)
    axes.set(xlabel=f"test accuracy minus {against} (points)", title=title)
    return finish(figure, *sentences, legend=axes)
