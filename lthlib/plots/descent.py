"""Figures of a sparse double descent, of how far networks moved, and of whether their confidence can be
believed."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from lthlib.analysis.descents import PARTS
from lthlib.analysis.summary import scale, summarise
from lthlib.core.errors import LotteryError
from lthlib.data import Dataset
from lthlib.plots import style
from lthlib.plots.style import DOTTED, SHADE, Style, finish

MEASURES = {  # of the upper panel: name in the legend, and look
    "final_test_accuracy": ("test, at the end", Style("#0072B2", "", "o")),
    "test_accuracy": ("test, at early stop", Style("#56B4E9", (6, 2), "v")),
    "final_train_accuracy": ("training labels, at the end", Style("#777777", (1, 1), ".")),
}
MOVES = {  # of the lower panels: name, which is the axis as well, and look
    "distance": ("distance moved\n(L2)", Style("#B8578F", "", "D")),
    "per_weight": ("distance moved,\nper weight kept", Style("#B07600", (4, 1.5), "s")),
}
GROUNDS = ("#FFFFFF", "#FBE3D6", "#DDEBF5", "#E8E8E8")  # behind the parts, from dense to collapsed


def double_descent(table: pd.DataFrame, parts: Mapping[str, list[int]], distances: pd.DataFrame, title: str = "") -> Figure:
    """Accuracy against density above; below it how far the same networks moved, in all and per weight kept.
    Means, and bands from the lowest to the highest trial; the dotted lines are the dense networks'. Behind
    them, named, are the levels of each part, as `descents.parts` gives them. `table` is one hunt's,
    `distances` that of `distance.by_network`."""
    networks = summarise(table)
    networks = networks[networks.method == networks.schedule]
    densities = 100 * networks.groupby("level").density.mean()
    figure, panels = style.panels(3, 8.6, 2.7, columns=1, sharex=True)
    words = []
    for measure, (name, look) in MEASURES.items():
        values = networks.assign(value=scale(measure) * networks[measure])
        words.append(_line(panels[0], values, densities, name, look, "{:.1f} %"))
    for axes, (column, (name, look)) in zip(panels[1:], MOVES.items()):
        words.append(_line(axes, distances.assign(value=distances[column]), densities, name, look, "{:.3g}"))
        axes.axhline(distances.loc[distances.level == 0, column].mean(), **DOTTED)
        axes.set_ylabel(name)
    panels[0].legend(*panels[0].get_legend_handles_labels(), **style.LEGEND)
    panels[0].set_ylabel("accuracy (%)")
    panels[0].set_title(title, pad=18)
    panels[-1].set_xlabel("weights remaining (%)")
    style.density_axis(panels[-1], densities)
    named = [_grounds(axes, parts, densities, named=axes is panels[0]) for axes in panels]
    start = "Accuracy, and how far networks moved, against weights remaining;"
    start += f" {networks.trial.nunique()} trials, bands from the lowest to the highest."
    return finish(figure, start, f"{'; '.join(words)}.", named[0])


def labelled_examples(right: Dataset, ours: Dataset, count: int = 16) -> Figure:
    """The first training examples with the labels that a network gets in `ours`; a wrong one is marked, with
    the label that it has in `right`. Images [C, H, W] are shown as images, other inputs as a line."""
    figure, panels = style.panels(count, 0.95, 1.35, columns=8)
    words = []
    for place, axes in enumerate(panels):
        values = right.train.inputs[place].float()
        if values.dim() == 3:
            axes.imshow(values.mean(0).numpy(), cmap="gray_r")
        else:
            axes.plot(values.flatten().numpy(), color=style.WORDS, linewidth=1)
        truth, label = int(right.train.targets[place]), int(ours.train.targets[place])
        wrong = truth != label
        look = {"color": style.BAD.colour, "fontweight": "bold"} if wrong else {"color": style.WORDS}
        axes.set_title(f"{label} (not {truth})" if wrong else f"{label}", fontsize=9, **look)
        axes.set_axis_off()
        words.append(f"{label} in place of {truth}" if wrong else f"{label}")
    return finish(figure, f"{count} training examples with their labels: {', '.join(words)}.")


def small_data(rows: pd.DataFrame, title: str = "") -> Figure:
    """Differences between a ticket and another network against the number of training examples: a line for
    each `against`, means with their bounds. `rows` has columns examples, against, points, low and high."""
    figure, [axes] = style.panels(1, 8.5, 3.8)
    axes.axhline(0, **DOTTED)
    words = []
    for place, (name, look) in enumerate(style.series(rows.against).items()):
        of_name = rows[rows.against == name].sort_values("examples")
        shifted = of_name.examples * 1.03 ** (2 * place - 1)  # beside each other, not on each other
        reach = style.whiskers(of_name.points, of_name.low, of_name.high)
        line = look.line_and_points() | {"capsize": 4, "markersize": 7, "label": name}
        axes.errorbar(shifted, of_name.points, yerr=reach, **line)
        means = ", ".join(f"{row.points:+.1f} at {row.examples}" for row in of_name.itertuples())
        words.append(f"{name}: {means}")
    axes.set(xscale="log", xlabel="training examples", ylabel="points, at the end of training", title=title)
    counts = sorted(rows.examples.unique())
    axes.set_xticks(counts, [f"{count:,}" for count in counts])
    axes.minorticks_off()
    return finish(
        figure,
        f"Differences by the number of training examples, with 95 % bounds. {'; '.join(words)}.",
        legend=axes,
    )


def reliability(diagrams: Mapping[str, pd.DataFrame], title: str = "", columns: int = 3) -> Figure:
    """Accuracy against confidence, a panel for each network: a bar for each bin of `calibration.bins`, and
    a dashed box for its gap to the diagonal. The width of a bar is its bin's; bins of few examples are
    pale."""
    if not diagrams:
        advice = "give a dictionary from names to tables of calibration.bins"
        raise LotteryError(f"there is no reliability diagram: {advice}.")
    figure, panels = style.panels(len(diagrams), 3.0, 3.1, columns=columns, sharey=True)
    words = []
    for axes, (name, table) in zip(panels, diagrams.items()):
        whole = table.examples
        for row in table.itertuples():
            width = max(row.high - row.low, 0.01)
            middle = (row.low + row.high) / 2
            gap = row.confidence - row.accuracy
            shade = 0.35 if row.examples < 0.02 * whole.sum() else 1.0
            axes.bar(middle, row.accuracy, 0.92 * width, color="#0072B2", alpha=shade, linewidth=0)
            edge = {"edgecolor": "#D55E00", "facecolor": "none", "linestyle": "--", "linewidth": 1.2}
            axes.bar(middle, gap, 0.92 * width, bottom=row.accuracy, **edge)
        axes.plot([0, 1], [0, 1], **{**DOTTED, "zorder": 3})
        axes.set(title=name, xlabel="confidence", xlim=(0, 1), ylim=(0, 1.02))
        error = np.average((table.accuracy - table.confidence).abs(), weights=whole)
        means = [100 * np.average(table[column], weights=whole) for column in ("confidence", "accuracy")]
        words.append(f"{name}: mean confidence {means[0]:.0f} %, accuracy {means[1]:.0f} %, gap {100 * error:.1f} points")
    panels[0].set_ylabel("accuracy")
    figure.suptitle(title)
    start = "Accuracy in bins of confidence; a dashed box is a bin's distance from the dotted diagonal,"
    start += " and pale bars hold less than 2 % of the examples."
    return finish(figure, start, f"{'; '.join(words)}.")


def _line(axes: Axes, values: pd.DataFrame, densities: pd.Series, name: str, look: Style, format: str) -> str:
    """The mean and the band of a column `value` by level, and what they show."""
    of_level = values.groupby("level").value.agg(["mean", "min", "max"])
    x = densities.reindex(of_level.index)
    axes.plot(x, of_level["mean"], label=name, markersize=6, **look.line_and_points())
    axes.fill_between(x, of_level["min"], of_level["max"], color=look.colour, **SHADE)
    ends = [of_level["mean"].iloc[place] for place in (0, -1)]
    extremes = of_level["mean"].min(), of_level["mean"].max()
    said = [format.format(value) for value in (*ends, *extremes)]
    called = name.replace("\n", " ")
    return f"{called}: dense {said[0]}, sparsest {said[1]}, lowest {said[2]}, highest {said[3]}"


def _grounds(axes: Axes, parts: Mapping[str, list[int]], densities: pd.Series, named: bool) -> str:
    """A ground behind each part, half a level wider than its levels; its name on top. Which densities these
    are, in words."""
    half = (densities.iloc[0] / densities.iloc[-1]) ** (0.5 / max(len(densities) - 1, 1))
    words = []
    for part, ground in zip(PARTS, GROUNDS):
        if not parts.get(part):
            continue
        most, least = densities[parts[part][0]], densities[parts[part][-1]]
        axes.axvspan(most * half, least / half, color=ground, zorder=-1, linewidth=0)
        if named:  # the last one goes on beside the panel, where there is room
            last = part == PARTS[-1]
            at, side = (most * half, "left") if last else (np.sqrt(most * least), "center")
            place = {"ha": side, "va": "bottom", "transform": axes.get_xaxis_transform()}
            axes.text(at, 1.01, part, fontsize=10, color=style.WORDS, **place)
        ends = f"{most:.3g} %" if most == least else f"{most:.3g} to {least:.3g} %"
        words.append(f"{part} {ends}")
    return f"Parts by training accuracy: {', '.join(words)}."
