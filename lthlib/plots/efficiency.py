"""Curves of what a network takes and what its layers keep (lesson 13), with the colours and lines of `plots`."""

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from lthlib import plots
from lthlib.analysis import efficiency


def layer_shares(shares: pd.DataFrame, title: str = "") -> Figure:
    """What each layer keeps, in percent on a logarithmic axis: a line for each column of `shares`, a place for each row.

    `shares` has layers as index, in the network's order, and shares from 0 to 1.
    """
    figure, axes = plt.subplots(figsize=(8.5, 3.8), layout="constrained")
    places = range(len(shares))
    for name, colour, dashes, marker in _styles(shares.columns):
        style = {"color": colour, "dashes": dashes or (None, None), "marker": marker, "markersize": 7}
        axes.plot(places, 100 * shares[name], label=name, **style)
    axes.set(yscale="log", ylabel="weights remaining in the layer (%)", title=title)
    axes.set_xticks(places, [name.removesuffix(".weight") for name in shares.index])
    axes.set_xmargin(0.1)
    _plain_numbers(axes.yaxis)
    axes.legend(**plots.LEGEND)
    sns.despine(figure)
    texts = [
        f"{name}: " + ", ".join(f"{layer.removesuffix('.weight')} {100 * share:.3g} %" for layer, share in shares[name].items())
        for name in shares
    ]
    figure.set_label(f"Weights remaining in each layer. {'; '.join(texts)}.")
    return figure


def storage(measured: pd.DataFrame, title: str = "") -> Figure:
    """Bits per weight against density: dots for real files, lines for the closed form of `footprint.bits_per_weight`.

    `measured` has columns density (0 to 1), format and bits.
    """
    figure, axes = plt.subplots(figsize=(8.5, 4.4), layout="constrained")
    formats, texts = list(dict.fromkeys(measured.format)), []
    low, high = measured.density.min(), measured.density.max()
    grid = [low * (high / low) ** (step / 100) for step in range(101)]
    for name, colour, dashes, marker in _styles(formats):
        rows = measured[measured.format == name].sort_values("density", ascending=False)
        axes.plot(100 * rows.density, rows.bits, linestyle="none", marker=marker, color=colour, markersize=7, label=name)
        if name in ("dense", "bits", "csr"):
            bits = [efficiency.bits_per_weight(density, name) for density in grid]
            axes.plot([100 * density for density in grid], bits, color=colour, dashes=dashes or (None, None))
        texts.append(f"{name}: {rows.bits.iloc[0]:.3g} at {100 * high:.3g} %, {rows.bits.iloc[-1]:.3g} at {100 * low:.3g} %")
    floor = [efficiency.bits_per_weight(density, "floor") for density in grid]
    axes.plot([100 * density for density in grid], floor, ":", color="black", linewidth=1.2, label="floor (entropy)")
    axes.set(yscale="log", xlabel="weights remaining (%)", ylabel="bits per weight, file and all", title=title)
    _plain_numbers(axes.yaxis)
    plots.density_axis(axes, 100 * measured.density)
    axes.legend(**plots.LEGEND)
    sns.despine(figure)
    figure.set_label(f"Bits per weight against weights remaining. {'; '.join(texts)}.")
    return figure


def speeds(raced: pd.DataFrame, title: str = "") -> Figure:
    """How many times as fast as the dense layer against density: a panel for each `panel`, a line for each `runner`.

    `raced` has columns panel, runner, density (0 to 1), times, low, high. Bands reach from low to high. The grey line is what the
    count of multiply-adds promises, 1 / density; on the dotted one there is no gain.
    """
    panels, runners = list(dict.fromkeys(raced.panel)), list(dict.fromkeys(raced.runner))
    columns = min(2, len(panels))
    lines = -(-len(panels) // columns)
    size = (2 + 4.4 * columns, 3.4 * lines)
    figure, grid = plt.subplots(lines, columns, figsize=size, layout="constrained", squeeze=False, sharey=True)
    texts = []
    for axes, panel in zip(grid.flat, panels):
        here = raced[raced.panel == panel].sort_values("density", ascending=False)
        axes.axhline(1, color="black", linewidth=1.2, linestyle=":", zorder=0)
        densities = sorted(here.density.unique(), reverse=True)
        promised = [1 / density for density in densities]
        axes.plot([100 * density for density in densities], promised, color="#777777", linewidth=1.2, label="promised")
        for name, colour, dashes, marker in _styles(runners):
            rows = here[here.runner == name]
            style = {"color": colour, "dashes": dashes or (None, None), "marker": marker, "markersize": 6}
            axes.plot(100 * rows.density, rows.times, label=name, **style)
            axes.fill_between(100 * rows.density, rows.low, rows.high, color=colour, alpha=0.15, linewidth=0)
            first, last = rows.iloc[0], rows.iloc[-1]
            texts.append(f"{panel}, {name}: {first.times:.3g} to {last.times:.3g}")
        axes.set(yscale="log", title=panel, xlabel="weights remaining (%)", ylabel="times as fast as dense")
        _plain_numbers(axes.yaxis)
        plots.density_axis(axes, 100 * here.density, ticks=8)
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    grid[0][columns - 1].legend(**plots.LEGEND)
    figure.suptitle(title)
    sns.despine(figure)
    span = f"from {100 * raced.density.max():.3g} to {100 * raced.density.min():.3g} %"
    figure.set_label(f"Times as fast as the dense layer against weights remaining, {span}. {'; '.join(texts)}.")
    return figure


def _styles(names) -> list[tuple]:
    names = list(names)
    return list(zip(names, plots.SERIES, plots.SERIES_DASHES, plots.SERIES_MARKERS))


def _plain_numbers(axis) -> None:
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
