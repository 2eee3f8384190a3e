"""Figures of what tickets cost: how far masks are from each other over time, a measure against time or length, price against
accuracy, and intervals side by side. They compute nothing but means and 95 % intervals over trials."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from lthlib.analysis import ledger
from lthlib.analysis.comparison import interval
from lthlib.plots import LEGEND
from lthlib.plots.style import SERIES, SERIES_DASHES, SERIES_MARKERS

LABELS = {
    "iterations": "iterations",
    "operations": "floating-point operations, zeros free",
    "dense_operations": "floating-point operations, zeros as dear as weights",
}


def distances(
    panels: dict[str, np.ndarray], times: list[int], label: str = "share of the weights on which two masks differ"
) -> Figure:
    """Matrices [T, T] of distances between masks drawn at `times` (iterations), a panel by title for each, on one scale."""
    size = (1.6 + 3.9 * len(panels), 4.2)
    figure, row = plt.subplots(1, len(panels), figsize=size, layout="constrained", squeeze=False)
    highest = max(float(found.max()) for found in panels.values())
    texts = [f"{label.capitalize()}, by the iterations at which they were drawn."]
    for axes, (title, found) in zip(row[0], panels.items()):
        last = axes is row[0][-1]
        style = {"cmap": "cividis", "vmin": 0, "vmax": highest, "square": True, "cbar": last, "cbar_kws": {"label": label}}
        sns.heatmap(found, ax=axes, xticklabels=times, yticklabels=times, **style)
        axes.set(title=title, xlabel="iteration", ylabel="iteration" if axes is row[0][0] else "")
        axes.tick_params(axis="y", rotation=0)
        steps = ", ".join(f"{t}: {distance:.3f}" for t, distance in zip(times, found[-1][:-1]))
        texts.append(f"{title}, from the mask at {times[-1]}: {steps}.")
    figure.set_label(" ".join(texts))
    return figure


def against(
    lines: dict[str, dict[float, list[float]]],
    xlabel: str,
    ylabel: str,
    levels: dict[str, list[float]] | None = None,
    log: bool = True,
) -> Figure:
    """Lines by label of means against x, with whiskers for their 95 % intervals: a list of values, one a trial, for each x.

    `levels` are horizontal lines by label, each of values one a trial, with a band for its interval. On the logarithmic axis 0
    stands at the left end.
    """
    figure, axes = plt.subplots(figsize=(8.5, 4.2), layout="constrained")
    ticks, texts = sorted({x for line in lines.values() for x in line}), [f"{ylabel.capitalize()} against {xlabel}."]
    place = {x: x for x in ticks}
    if log and ticks[0] == 0:
        place[0] = ticks[1] ** 2 / ticks[min(2, len(ticks) - 1)]  # one step left of the first
    for index, (label, line) in enumerate(lines.items()):
        means, whiskers = _means(line.values())
        style = {"color": SERIES[index % 7], "marker": SERIES_MARKERS[index % 7], "capsize": 3, "markersize": 6}
        dashes = SERIES_DASHES[index % 7]
        style |= {"linestyle": (0, dashes) if dashes else "-", "label": label}
        axes.errorbar([place[x] for x in line], means, yerr=whiskers, **style)
        texts.append(f"{label}: " + ", ".join(f"{mean:.3g} at {x:g}" for x, mean in zip(line, means)) + ".")
    for index, (label, values) in enumerate((levels or {}).items()):
        colour, (low, high) = ("black", "#777777")[index % 2], interval(values)
        axes.axhline(np.mean(values), color=colour, linestyle=(":", "-.")[index % 2], linewidth=1.2, zorder=0, label=label)
        axes.axhspan(low, high, color=colour, alpha=0.1, linewidth=0, zorder=0)
        texts.append(f"{label}: {np.mean(values):.3g}.")
    axes.set(xlabel=xlabel, ylabel=ylabel, xscale="log" if log else "linear")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks([place[x] for x in ticks], [f"{x:g}" for x in ticks])
    axes.legend(**LEGEND)
    sns.despine(figure)
    figure.set_label(" ".join(texts))
    return figure


def bargains(accounts: pd.DataFrame, cost: str = "iterations", reference: str = "dense") -> Figure:
    """What `ledger.account` found: mean accuracy with its 95 % interval against a cost, in trainings of the dense network, a
    point for each method, and the Pareto front of the means as a line.

    A method's family, what its name has before a colon, is its colour; its place in the family its marker. The dense networks,
    by the name of `reference`, are no ticket: they are the unit of the axis and a band, and not on the front.
    """
    figure, axes = plt.subplots(figsize=(10.5, 5.2), layout="constrained")
    dense, tickets = accounts[accounts.method == reference], accounts[accounts.method != reference]
    unit, (low, high) = dense[cost].iloc[0], interval(dense.value)
    axes.axhline(dense.value.mean(), color="black", linestyle=":", linewidth=1.2, zorder=0, label=reference)
    axes.axhspan(low, high, color="#777777", alpha=0.15, linewidth=0, zorder=0)
    families: dict[str, list[str]] = {}
    for name in dict.fromkeys(tickets.method):
        families.setdefault(name.split(":")[0], []).append(name)
    where, texts = {}, [f"Test accuracy against {LABELS[cost]}, in dense trainings (dense: {dense.value.mean():.1f})."]
    for index, names in enumerate(families.values()):
        for marker, name in zip(SERIES_MARKERS * len(names), names):
            rows = tickets[tickets.method == name]
            [mean], whiskers = _means([rows.value])
            where[name] = (rows[cost].mean() / unit, mean)
            style = {
                "color": SERIES[index % 7],
                "marker": marker,
                "linestyle": "none",
                "capsize": 3,
                "markersize": 8,
                "label": name,
            }
            axes.errorbar([where[name][0]], [mean], yerr=whiskers, markeredgecolor="white", markeredgewidth=0.5, **style)
            texts.append(f"{name}: {mean:.1f} for {where[name][0]:.2f}.")
    front = ledger.front(tickets, cost)
    points = np.array([where[name] for name in front])
    axes.step(
        *points.T, where="post", color="#777777", linestyle="--", linewidth=1.5, zorder=0, label="Pareto front of the means"
    )
    axes.set(xscale="log", xlabel=f"{LABELS[cost]}, in trainings of the dense network", ylabel="test accuracy at early stop (%)")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    axes.legend(**LEGEND)
    sns.despine(figure)
    figure.set_label(" ".join([*texts, f"On the front: {', '.join(front)}."]))
    return figure


def side_by_side(values: dict[str, list[float]], xlabel: str, zero: bool = False) -> Figure:
    """A row for each label: every trial as a small dot, their mean and its 95 % interval. `zero` draws a line at 0."""
    figure, axes = plt.subplots(figsize=(8.5, 0.9 + 0.42 * len(values)), layout="constrained")
    for place, trials in enumerate(reversed(values.values())):
        [mean], whiskers = _means([trials])
        axes.plot(trials, [place] * len(trials), "o", color=SERIES[0], alpha=0.35, markersize=4, zorder=1)
        axes.errorbar([mean], [place], xerr=whiskers, color=SERIES[0], marker="D", capsize=4, markersize=7, zorder=2)
    axes.set_yticks(range(len(values)), list(values)[::-1])
    axes.set(xlabel=xlabel, ylim=(-0.6, len(values) - 0.4))
    if zero:
        axes.axvline(0, color="black", linestyle=":", linewidth=1.2, zorder=0)
    sns.despine(figure)
    told = "; ".join(f"{label}: {np.mean(trials):.1f}" for label, trials in values.items())
    figure.set_label(f"{xlabel.capitalize()}, a row each, with 95 % intervals. {told}.")
    return figure


def _means(values) -> tuple[list[float], list[list[float]]]:
    """The mean of each list, and how far below and above it the 95 % interval reaches (0 where there is none)."""
    means = [float(np.mean(each)) for each in values]
    ends = [interval(each) for each in values]
    below = [np.nan_to_num(mean - low) for mean, (low, _) in zip(means, ends)]
    return means, [below, [np.nan_to_num(high - mean) for mean, (_, high) in zip(means, ends)]]
