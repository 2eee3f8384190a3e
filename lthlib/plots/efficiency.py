"""Figures of what a network takes and what its layers keep (lesson 13)."""

import pandas as pd
from matplotlib.figure import Figure

from lthlib.analysis import efficiency
from lthlib.plots import style
from lthlib.plots.style import DOTTED, SHADE, finish


def layer_shares(shares: pd.DataFrame, title: str = "") -> Figure:
    """What each layer keeps, in percent on a logarithmic axis: a line for each column of `shares`, a place
    for each row. `shares` has layers as index, in the network's order, and shares from 0 to 1."""
    figure, [axes] = style.panels(1, 8.5, 3.8)
    percent = 100 * shares.rename(index=lambda layer: layer.removesuffix(".weight"))
    places, words = range(len(percent)), []
    for name, look in style.series(percent).items():
        axes.plot(places, percent[name], label=name, markersize=7, **look.line_and_points())
        words.append(f"{name}: " + ", ".join(f"{layer} {x:.3g} %" for layer, x in percent[name].items()))
    axes.set(yscale="log", ylabel="weights remaining in the layer (%)", title=title)
    axes.set_xticks(places, percent.index)
    axes.set_xmargin(0.1)
    style.plain_numbers(axes.yaxis)
    return finish(figure, f"Weights remaining in each layer. {'; '.join(words)}.", legend=axes)


def storage(measured: pd.DataFrame, title: str = "") -> Figure:
    """Bits per weight against density: dots for real files, lines for the closed form of
    `efficiency.bits_per_weight`. `measured` has columns density (0 to 1), format and bits."""
    figure, [axes] = style.panels(1, 8.5, 4.4)
    low, high = measured.density.min(), measured.density.max()
    grid, words = [low * (high / low) ** (step / 100) for step in range(101)], []
    percent = [100 * density for density in grid]
    for name, look in style.series(measured.format).items():
        files = measured[measured.format == name].sort_values("density", ascending=False)
        axes.plot(100 * files.density, files.bits, markersize=7, label=name, **look.points())
        if name in ("dense", "bits", "csr"):
            axes.plot(percent, [efficiency.bits_per_weight(density, name) for density in grid], **look.line())
        most, least = files.bits.iloc[0], files.bits.iloc[-1]
        words.append(f"{name}: {most:.3g} at {100 * high:.3g} %, {least:.3g} at {100 * low:.3g} %")
    floor = [efficiency.bits_per_weight(density, "floor") for density in grid]
    axes.plot(percent, floor, label="floor (entropy)", **{**DOTTED, "zorder": 2})
    axes.set(yscale="log", xlabel="weights remaining (%)", ylabel="bits per weight, file and all", title=title)
    style.plain_numbers(axes.yaxis)
    style.density_axis(axes, 100 * measured.density)
    return finish(figure, f"Bits per weight against weights remaining. {'; '.join(words)}.", legend=axes)


def speeds(measured: pd.DataFrame, title: str = "") -> Figure:
    """How many times as fast as the dense layer against density: a panel for each `panel`, a line for each
    `runner`. `measured` has columns panel, runner, density (0 to 1), times, low, high; bands reach from low
    to high. Grey: 1 / density, what the count of multiply-adds promises; dotted: no gain."""
    figure, panels, words = _by_density(
        measured.rename(columns={"runner": "line"}), lambda density: 1 / density, 1, "promised",
        "times as fast as dense", size=(3.5, 3.0),
    )  # fmt: skip
    figure.suptitle(title)
    start = f"Times as fast as the dense layer against weights remaining, {_span(measured)}."
    return finish(figure, f"{start} {'; '.join(words)}.", legend=panels[min(2, len(panels)) - 1])


def prices(measured: pd.DataFrame, title: str = "") -> Figure:
    """What a ticket costs in time, in percent of its masked dense network, against density, both logarithmic:
    a panel for each `panel`, a line for each `way`. `measured` has columns panel, way, density (0 to 1),
    times, low, high, as `training_speed.step_times` gives them. Grey: the ideal, a price that is the density;
    dotted: no gain."""
    shown = measured.assign(times=100 / measured.times, low=100 / measured.high, high=100 / measured.low)
    figure, panels, words = _by_density(
        shown.rename(columns={"way": "line"}), lambda density: 100 * density, 100, "the ideal: density times dense",
        "time, % of the dense network's", size=(3.5, 3.4), unit=" %",
    )  # fmt: skip
    figure.suptitle(title)
    start = f"Time in percent of the dense network's against weights remaining, {_span(measured)}."
    return finish(figure, f"{start} {'; '.join(words)}.", legend=panels[-1])


def _by_density(measured: pd.DataFrame, ideal, even: float, named: str, ylabel: str, size: tuple[float, float], unit: str = ""):
    """Figure, panels and words: `times` with a band against density, a panel for each `panel` and a line
    for each `line`; `ideal` of a density is grey and called `named`, `even` is dotted."""
    names, looks = measured.panel.unique(), style.series(measured.line)
    figure, panels = style.panels(len(names), *size, columns=2, room=1.8, sharey=True)
    words = []
    for axes, name in zip(panels, names):
        panel = measured[measured.panel == name].sort_values("density", ascending=False)
        axes.axhline(even, **DOTTED)
        densities = panel.density.unique()
        axes.plot(100 * densities, ideal(densities), color="#777777", linewidth=1.2, label=named)
        for label, look in looks.items():
            line = panel[panel.line == label]
            axes.plot(100 * line.density, line.times, label=label, markersize=6, **look.line_and_points())
            axes.fill_between(100 * line.density, line.low, line.high, color=look.colour, **SHADE)
            if len(line):
                words.append(f"{name}, {label}: {line.times.iloc[0]:.3g} to {line.times.iloc[-1]:.3g}{unit}")
        axes.set(yscale="log", xlabel="weights remaining (%)", ylabel=ylabel if axes in panels[::2] else "")
        axes.set_title(name.replace("; ", ";\n"), fontsize="medium")
        style.plain_numbers(axes.yaxis)
        style.density_axis(axes, 100 * panel.density, ticks=8)
    return figure, panels, words


def _span(measured: pd.DataFrame) -> str:
    return f"from {100 * measured.density.max():.3g} to {100 * measured.density.min():.3g} %"
