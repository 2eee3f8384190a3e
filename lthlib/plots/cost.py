"""Figures of what tickets cost and how masks differ. Only means and their 95 % bounds are computed."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from lthlib.analysis import training_cost
from lthlib.analysis.evidence import bounds
from lthlib.plots import style
from lthlib.plots.style import DOTTED, SERIES, SHADE, finish

LABELS = {
    "iterations": "iterations",
    "operations": "floating-point operations, zeros free",
    "dense_operations": "floating-point operations, zeros as dear as weights",
}


def distances(
    matrices: dict[str, np.ndarray],
    times: list[int],
    label: str = "share of the weights on which two masks differ",
    highest: float = 0.0,
) -> Figure:
    """Matrices [T, T] of distances between masks drawn at `times` (iterations): a panel by title. The
    colours reach to `highest`, or (0) to the largest distance."""
    figure, panels = style.panels(len(matrices), 3.9, 4.2, room=1.6)
    highest = highest or max(float(matrix.max()) for matrix in matrices.values())
    scale = {"cmap": "cividis", "vmin": 0, "vmax": highest, "square": True, "cbar_kws": {"label": label}}
    sentences = [f"{label.capitalize()}, by the iterations at which they were drawn."]
    for axes, (title, matrix) in zip(panels, matrices.items()):
        sns.heatmap(matrix, ax=axes, xticklabels=times, yticklabels=times, cbar=axes is panels[-1], **scale)
        axes.set(title=title, xlabel="iteration", ylabel="iteration" if axes is panels[0] else "")
        axes.tick_params(axis="y", rotation=0)
        steps = ", ".join(f"{time}: {distance:.3f}" for time, distance in zip(times, matrix[-1][:-1]))
        sentences.append(f"{title}, from the mask at {times[-1]}: {steps}.")
    figure.set_label(" ".join(sentences))
    return figure


def against(
    lines: dict[str, dict[float, list[float]]],
    xlabel: str,
    ylabel: str,
    levels: dict[str, list[float]] | None = None,
    log: bool = True,
) -> Figure:
    """Means against x as lines by label, with whiskers for 95 % bounds: a list of trials per x. `levels`
    are horizontal lines by label, of lists of trials, with a band. With `log`, 0 stands at the left end.
    Lines are set a little apart, so that no whisker hides another."""
    figure, [axes] = style.panels(1, 8.5, 4.2)
    ticks = sorted({x for line in lines.values() for x in line})
    sentences = [f"{ylabel.capitalize()} against {xlabel}, with 95 % bounds."]
    place = {x: x for x in ticks}
    if log and ticks[0] == 0:
        place[0] = ticks[1] ** 2 / ticks[min(2, len(ticks) - 1)]  # one step left of the first
    looks, apart = style.series(lines), _apart(list(place.values()), len(lines), log)
    for index, (label, line) in enumerate(lines.items()):
        means, ends = _means(line.values())
        look = {**looks[label].line_and_points(), "capsize": 3, "markersize": 6}
        axes.errorbar([apart(place[x], index) for x in line], means, yerr=ends, label=label, **look)
        steps = ", ".join(f"{mean:.3g} at {x:g}" for x, mean in zip(line, means))
        sentences.append(f"{label}: {steps}.")
    for index, (label, values) in enumerate((levels or {}).items()):
        colour, dashes = [("black", ":"), ("#777777", "-.")][index % 2]
        look = {**DOTTED, "color": colour, "linestyle": dashes}
        axes.axhline(np.mean(values), label=label, **look)
        hatch = {"hatch": ["", "//"][index % 2], "facecolor": (*to_rgb(colour), 0.1), "edgecolor": (*to_rgb(colour), 0.3)}
        axes.axhspan(*bounds(values), linewidth=0, zorder=0, **hatch)
        sentences.append(f"{label}: {np.mean(values):.3g}.")
    zero = ", 0 at its left end" if ticks[0] == 0 else ""
    axes.set(xlabel=f"{xlabel} (logarithmic axis{zero})" if log else xlabel, ylabel=ylabel, xscale="log" if log else "linear")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks([place[x] for x in ticks], [f"{x:g}" for x in ticks])
    return finish(figure, *sentences, legend=axes)


def accuracy_against_cost(accounts: pd.DataFrame, cost: str = "iterations", reference: str = "dense") -> Figure:
    """What `training_cost.cost_table` returned: mean accuracy with its 95 % bounds against a cost, in
    trainings of the dense network, a point for each method, and the Pareto front of the means as a line.

    A family, what a method's name has before a colon, is a colour, a marker and an entry of the legend; the
    methods on the front are numbered, cheapest first, and the legend has their names. Methods of one price
    stand a little apart. The dense networks, named `reference`, are the unit of the axis and a band, and
    not on the front.
    """
    figure, [axes] = style.panels(1, 8.5, 6.4)
    dense, tickets = accounts[accounts.method == reference], accounts[accounts.method != reference]
    unit, by_method = dense[cost].iloc[0], dict(list(tickets.groupby("method", sort=False)))
    level = dense.value.mean()
    axes.axhline(level, label=reference, **DOTTED)
    axes.axhspan(*bounds(dense.value), color="#777777", zorder=0, **SHADE)
    sentences = [f"Test accuracy against {LABELS[cost]}, in dense trainings, with 95 % bounds (dense: {level:.1f})."]
    prices = {method: trials[cost].mean() / unit for method, trials in by_method.items()}
    places, families = _spread(prices), style.series(dict.fromkeys(method.split(":")[0] for method in by_method))
    families = {family: style.look_of(family) or look for family, look in families.items()}
    points = {method: (places[method], float(trials.value.mean())) for method, trials in by_method.items()}
    for method, trials in by_method.items():
        [mean], ends = _means([trials.value])
        family = method.split(":")[0]
        first = family not in axes.get_legend_handles_labels()[1]
        edge = {"capsize": 2, "markersize": 8, "markeredgecolor": "white", "markeredgewidth": 0.5, "elinewidth": 1}
        label = {"label": family if first else None}
        axes.errorbar([points[method][0]], [mean], yerr=ends, **label, **families[family].points(), **edge)
    front = training_cost.pareto_front(tickets, cost)
    dashed = {"color": "#777777", "linestyle": "--", "linewidth": 1.5, "zorder": 0}
    costs, means = [prices[method] for method in front], [points[method][1] for method in front]
    axes.step(costs, means, where="post", label="Pareto front of the means", **dashed)
    for number, method in enumerate(front, 1):
        axes.annotate(f"{number}", points[method], xytext=(-5, 5), textcoords="offset points", ha="right", weight="bold")
        axes.plot([], [], linestyle="none", marker=f"${number}$", color="black", label=method)
    axes.set(xscale="log", xlabel=f"{LABELS[cost]}, in trainings of the dense network (logarithmic axis)")
    axes.set(ylabel="test accuracy at early stop (%)")
    style.plain_numbers(axes.xaxis)
    below = {"loc": "outside lower center", "ncols": 3, "frameon": False, "alignment": "left"}
    figure.legend(*style.named(axes), **below)
    told = "; ".join(f"{n} {method}: {points[method][1]:.1f} for {prices[method]:.2f}" for n, method in enumerate(front, 1))
    dearest = max(prices, key=prices.get)
    ends = f"The dearest is {dearest}: {points[dearest][1]:.1f} for {prices[dearest]:.2f}."
    return finish(figure, *sentences, f"{len(points)} methods. On the front, cheapest first: {told}.", ends)


def side_by_side(values: dict[str, list[float]], xlabel: str, zero: bool = False) -> Figure:
    """A row by label: every trial as a small dot under the mean and its 95 % bounds. `zero` draws a line at 0."""
    figure, [axes] = style.panels(1, 8.5, 0.9 + 0.42 * len(values))
    for place, trials in enumerate(reversed(values.values())):
        [mean], ends = _means([trials])
        axes.plot(trials, [place - 0.25] * len(trials), "o", color=SERIES[0], alpha=0.35, markersize=4, zorder=1)
        look = {"color": SERIES[0], "marker": "D", "capsize": 4, "markersize": 7, "zorder": 2}
        axes.errorbar([mean], [place], xerr=ends, **look)
    axes.set_yticks(range(len(values)), list(values)[::-1])
    axes.set(xlabel=xlabel, ylim=(-0.6, len(values) - 0.4))
    if zero:
        axes.axvline(0, **DOTTED)
    means = "; ".join(f"{label}: {np.mean(trials):.1f}" for label, trials in values.items())
    return finish(figure, f"{xlabel.capitalize()}, a row each, with 95 % bounds. {means}.")


def _means(values) -> tuple[list[float], list[list[float]]]:
    """The mean of each list, and how far below and above it its 95 % bounds lie (0 without them)."""
    means = np.array([float(np.mean(each)) for each in values])
    low, high = np.transpose([bounds(each) for each in values])
    return means.tolist(), np.nan_to_num(style.whiskers(means, low, high)).tolist()


def _apart(places: list[float], count: int, log: bool) -> Callable[[float, int], float]:
    """Where the points of each of so many lines stand: beside their place by a small share of the whole axis."""
    span = (np.log(max(places) / min(places)) if log else max(places) - min(places)) if places else 0.0

    def at(place: float, index: int) -> float:
        step = 0.012 * span * (index - (count - 1) / 2)
        return place * float(np.exp(step)) if log else place + step

    return at


def _spread(prices: dict[str, float], near: float = 0.02, step: float = 0.025) -> dict[str, float]:
    """Where methods stand on a logarithmic axis: those whose prices differ by less than the share `near`
    side by side, each `step` (a share of its price) from the next."""
    places, group = {}, []
    for method in [*sorted(prices, key=prices.__getitem__), None]:
        if group and (method is None or prices[method] > (1 + near) * prices[group[0]]):
            middle = (len(group) - 1) / 2
            places |= {one: prices[one] * (1 + step) ** (place - middle) for place, one in enumerate(group)}
            group = []
        group.append(method)
    return places
