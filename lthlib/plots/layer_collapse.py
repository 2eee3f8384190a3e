"""Tickets found before training: what is left of each layer, and what a control changes."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from lthlib.analysis import evidence
from lthlib.core.errors import LotteryError
from lthlib.plots import style
from lthlib.plots.style import DOTTED, LEGEND, SHADE, VERDICTS, finish


def layer_profiles(layers: pd.DataFrame, compressions: list[float], title: str = "") -> Figure:
    """What each criterion leaves of each layer, from `layer_collapse.layers`: a panel for each of
    `compressions`, a line for each score, in percent; means over trials, a ring where a layer is empty in any
    trial. Raises LotteryError for a compression that is not there."""
    missing = [c for c in compressions if not np.isclose(layers.compression, c).any()]
    if missing:
        has = ", ".join(f"{c:.4g}" for c in sorted(layers.compression.unique()))
        raise LotteryError(f"the table has no compression {missing[0]:.4g}: choose of {has}.")
    names = list(layers.layer.unique())
    least = 50 * layers.layer_density[layers.weights > 0].min()
    figure, panels = style.panels(len(compressions), 2.5, 4.0, room=1.6, sharey=True)
    sentences = [f"Weights remaining in each of {len(names)} layers, from input to output;"]
    sentences[0] += f" {layers.trial.nunique()} trials."
    for axes, compression in zip(panels, compressions):
        compressed = layers[np.isclose(layers.compression, compression)]
        profile = _profile(axes, compressed, names, style.series(layers.score), least)
        sentences.append(f"Compression {compression:.4g}: {profile}")
        axes.axhline(100 / compression, label="whole network", **DOTTED)
        axes.set(yscale="log", xlabel="layer, from input to output", title=f"compression {compression:,.0f}")
        axes.set_xticks(range(len(names)), range(1, len(names) + 1))
    if (layers.weights == 0).any():
        ring = {"color": "#555555", "mfc": "none", "mew": 1.6, "linestyle": ""}
        panels[-1].plot([], [], "o", label="empty in a trial", **ring)
    _with_empty(panels[0], least)
    panels[0].set_ylabel("weights remaining in the layer (%)")
    figure.suptitle(title)
    return finish(figure, *sentences, legend=panels[-1])


def _profile(axes: Axes, layers: pd.DataFrame, names: list[str], looks: dict, least: float) -> str:
    """The lines of one panel, and what they show."""
    words = []
    for score, look in looks.items():
        by_layer = layers[layers.score == score].groupby("layer")
        kept = 100 * by_layer.layer_density.mean().reindex(names)
        empty = by_layer.weights.min().reindex(names) == 0
        shown = kept.clip(lower=least).to_numpy()
        axes.plot(shown, label=score, markersize=6, **look.line_and_points())
        axes.plot(np.flatnonzero(empty), shown[empty], "o", color=look.colour, markersize=13, mfc="none", mew=1.6)
        note = f", {empty.sum()} empty" if empty.any() else ""
        words.append(f"{score} {kept.min():.2g} to {kept.max():.3g} %{note}")
    return "; ".join(words) + "."


def _with_empty(axes: Axes, least: float) -> None:
    """A vertical axis in percent whose lowest place means that nothing is left."""
    ticks = [tick for tick in 10.0 ** np.arange(-6, 3) if tick > 1.5 * least]
    axes.set_yticks([least, *ticks])
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: "empty" if y < 1.01 * least else f"{y:g}"))


def forest(differences: pd.DataFrame, margin: float, title: str = "") -> Figure:
    """Paired differences with their 95 % bounds, as a forest plot: a panel for each control, a row for each
    method. `differences` has columns method, control, points (mean, control minus method), low, high and
    verdict (one of `evidence.VERDICTS`). The grey band reaches from the `margin`, in points, to zero."""
    controls, methods = differences.control.unique(), list(differences.method.unique())
    figure, panels = style.panels(len(controls), 2.1, 1.5 + 0.34 * len(methods), room=2.4, sharey=True)
    sentences = [f"{title}, with 95 % bounds." if title else "With 95 % bounds."]
    for axes, control in zip(panels, controls):
        axes.axvline(0, **DOTTED)
        if margin == margin:  # not NaN, which an unknown margin is
            axes.axvspan(-margin, 0, color="#777777", zorder=0, **SHADE)
        by_method = differences[differences.control == control].set_index("method")
        for place, method in enumerate(methods):
            if method in by_method.index:
                sentences.append(_whisker(axes, place, f"{method}, {control}", by_method.loc[method]))
        axes.set(title=control, xlabel="points")
    panels[0].set_yticks(range(len(methods)), methods)
    panels[0].set_ylim(len(methods) - 0.5, -0.5)
    for verdict in [verdict for verdict in evidence.VERDICTS if verdict in set(differences.verdict)]:
        panels[-1].plot([], [], label=verdict, **VERDICTS[verdict].points())
    panels[-1].legend(title="the control is", **LEGEND)
    figure.suptitle(title)
    return finish(figure, *sentences)


def _whisker(axes: Axes, place: int, name: str, row: pd.Series) -> str:
    """One mean with its bounds, and what it says."""
    look = {**VERDICTS[row.verdict].points(), "markersize": 7, "capsize": 3}
    axes.errorbar(row.points, place, xerr=style.whiskers(row.points, row.low, row.high), **look)
    bounds = "" if pd.isna(row.low) else f" ({row.low:+.1f} to {row.high:+.1f})"
    return f"{name}: {row.points:+.1f}{bounds}, {row.verdict}."
