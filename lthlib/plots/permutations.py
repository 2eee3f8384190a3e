"""Figures of `analysis.permutations`: how alike units are, the line between two networks in
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


def likeness(matrices: Mapping[str, Tensor], title: str = "") -> Figure:
    """How alike units of two networks are, a panel for each title: a tensor [n, n] of numbers from -1 to 1,
    a row for each unit of the first network, a column for each place of the second. On the diagonal are
    units at the same place; the description says how alike they are on average, and how alike the
    others."""
    figure, panels = style.panels(len(matrices), 2.7, 3.3, room=0.9)
    said, image = [], None
    for axes, (name, matrix) in zip(panels, matrices.items()):
        image = axes.imshow(matrix.numpy(), cmap="PuOr", vmin=-1, vmax=1, interpolation="nearest")
        axes.set(title=name, xticks=[], yticks=[], xlabel="units of B, by place")
        same = matrix.diagonal()
        others = (matrix.sum() - same.sum()) / (matrix.numel() - len(same))
        said.append(f"{name[:1].upper()}{name[1:]}: {float(same.mean()):.2f} and {float(others):.2f}")
    panels[0].set_ylabel("units of A, by place")
    figure.colorbar(image, ax=panels, label="likeness (cosine)", shrink=0.7)
    figure.suptitle(title)
    start = "Likeness of units of two networks; units at the same place are on the diagonal."
    figure.set_label(f"{start} Mean likeness at the same place, and elsewhere. {'; '.join(said)}.")
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
    sentences = [f"Test accuracy minus {against}, in points; {len(differences)} pairs; margin {margin:g}."]
    for place, (name, values) in enumerate(differences.items()):
        ring = {"color": "none", "mec": "#777777", "marker": "o", "ms": 6, "linestyle": "none"}
        axes.plot(values, [place] * len(values), **ring, label=None if place else "one pair")
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
