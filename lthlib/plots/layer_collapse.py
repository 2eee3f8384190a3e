"""Figures about tickets that are found before training: what is left of each layer, and what a control changes.

Like `plots`, they compute nothing but means, and carry a description in numbers.
"""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from lthlib.core.errors import LotteryError
from lthlib.plots import LEGEND
from lthlib.plots.style import SERIES, SERIES_DASHES, SERIES_MARKERS

VERDICTS = {"yes": ("#0072B2", "o"), "no": ("#D55E00", "X"), "cannot tell": ("#777777", "D")}


def layer_profiles(layers: pd.DataFrame, compressions: list[float], title: str = "") -> Figure:
    """What each criterion leaves of each layer, in percent on a logarithmic axis: a panel for each of `compressions`, a line for
    each score, from `collapse.layers`; means over trials, and a ring where a layer is empty in any trial.

    Raises LotteryError for a compression that the table has not.
    """
    missing = [c for c in compressions if not np.isclose(layers.compression, c).any()]
    if missing:
        has = ", ".join(f"{c:.4g}" for c in sorted(layers.compression.unique()))
        raise LotteryError(f"the table has no compression {missing[0]:.4g}: choose of {has}.")
    names, scores = list(layers.layer.unique()), list(layers.score.unique())
    least = 50 * layers.layer_density[layers.weights > 0].min()
    size = (2.2 + 3.6 * len(compressions), 4.2)
    figure, row = plt.subplots(1, len(compressions), figsize=size, layout="constrained", squeeze=False, sharey=True)
    texts = [f"Weights remaining in each of {len(names)} layers, from input to output; {layers.trial.nunique()} trials."]
    for axes, compression in zip(row[0], compressions):
        here = layers[np.isclose(layers.compression, compression)]
        texts.append(f"Compression {compression:.4g}: " + _profile(axes, here, names, scores, least))
        axes.axhline(100 / compression, color="black", linewidth=1.2, linestyle=":", zorder=0, label="whole network")
        axes.set(yscale="log", xlabel="layer, from input to output", title=f"compression {compression:,.0f}")
        axes.set_xticks(range(len(names)), range(1, len(names) + 1))
    if (layers.weights == 0).any():
        row[0][-1].plot([], [], "o", color="#555555", mfc="none", mew=1.6, linestyle="", label="empty in a trial")
    _with_empty(row[0][0], least)
    row[0][0].set_ylabel("weights remaining in the layer (%)")
    row[0][-1].legend(**LEGEND)
    figure.suptitle(title)
    sns.despine(figure)
    figure.set_label(" ".join(texts))
    return figure


def _profile(axes: Axes, here: pd.DataFrame, names: list[str], scores: list[str], least: float) -> str:
    """The lines of one panel, and what they show."""
    texts = []
    for score, colour, dashes, marker in zip(scores, SERIES, SERIES_DASHES, SERIES_MARKERS):
        by_layer = here[here.score == score].groupby("layer")
        kept, empty = 100 * by_layer.layer_density.mean().reindex(names), by_layer.weights.min().reindex(names) == 0
        shown = kept.clip(lower=least).to_numpy()
        axes.plot(shown, color=colour, dashes=dashes or (None, None), marker=marker, label=score, markersize=6)
        axes.plot(np.flatnonzero(empty), shown[empty], "o", color=colour, markersize=13, mfc="none", mew=1.6)
        said = f", {empty.sum()} empty" if empty.any() else ""
        texts.append(f"{score} {kept.min():.2g} to {kept.max():.3g} %{said}")
    return "; ".join(texts) + "."


def _with_empty(axes: Axes, least: float) -> None:
    """A vertical axis in percent whose lowest place means that nothing is left."""
    ticks = [tick for tick in 10.0 ** np.arange(-6, 3) if tick > 1.5 * least]
    axes.set_yticks([least, *ticks])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: "empty" if y < 1.01 * least else f"{y:g}"))


def intervals(found: pd.DataFrame, boundary: float = 0.0, title: str = "") -> Figure:
    """Paired differences with their 95 % intervals: a panel for each control, a row for each method.

    `found` has the columns method, control, points (mean, control minus method), low and high (of its interval) and verdict (yes,
    no or cannot tell: does the control cost nothing?). Left of the dotted line, at `boundary` points, it costs something.
    """
    controls, methods = list(found.control.unique()), list(found.method.unique())
    size = (2.6 + 2.7 * len(controls), 1.5 + 0.34 * len(methods))
    figure, row = plt.subplots(1, len(controls), figsize=size, layout="constrained", squeeze=False, sharey=True)
    texts = [f"{title}." if title else ""]
    for axes, control in zip(row[0], controls):
        here = found[found.control == control].set_index("method")
        axes.axvline(0, color="#999999", linewidth=1)
        axes.axvline(boundary, color="black", linewidth=1.2, linestyle=":")
        for place, method in enumerate(methods):
            if method in here.index:
                texts.append(_whisker(axes, place, f"{method}, {control}", here.loc[method]))
        axes.set(title=control, xlabel="points, control minus ticket")
    row[0][0].set_yticks(range(len(methods)), methods)
    row[0][0].set_ylim(len(methods) - 0.5, -0.5)
    for verdict, (colour, marker) in VERDICTS.items():
        row[0][-1].plot([], [], marker, color=colour, linestyle="none", label=verdict)
    row[0][-1].legend(title="costs nothing?", **LEGEND)
    figure.suptitle(title)
    sns.despine(figure)
    figure.set_label(" ".join(filter(None, texts)))
    return figure


def _whisker(axes: Axes, place: int, name: str, row: pd.Series) -> str:
    """One mean with its interval, and what it says."""
    known = row.low == row.low  # fewer than 3 trials have no interval
    colour, marker = VERDICTS[row.verdict]
    whiskers = [[row.points - row.low], [row.high - row.points]] if known else None
    axes.errorbar(row.points, place, xerr=whiskers, color=colour, marker=marker, markersize=7, capsize=3)
    return f"{name}: {row.points:+.1f}{f' ({row.low:+.1f} to {row.high:+.1f})' if known else ''}, {row.verdict}."
