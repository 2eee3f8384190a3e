"""Figures from a tidy table: they compute nothing but means and ranges.

Colours are Okabe and Ito's, told apart by colour-blind people, and every method has its own dashes and marker too. Bands
reach from the lowest to the highest trial. Density runs from right to left on a logarithmic axis, as in the papers.
"""

import base64
import html
import io
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator
from torch import Tensor

from lthlib.tables import summarise

COLOURS = {
    "iterative": "#0072B2",
    "oneshot": "#B07600",
    "reinit": "#D55E00",
    "shuffle": "#007F5C",
    "random": "#B8578F",
    "dense": "#000000",
}
DASHES = {
    "iterative": "",
    "oneshot": (4, 1.5),
    "reinit": (1, 1),
    "shuffle": (3, 1.25, 1.5, 1.25),
    "random": (5, 1, 1, 1),
    "dense": "",
}
MARKERS = {"iterative": "o", "oneshot": "s", "reinit": "X", "shuffle": "^", "random": "D", "dense": "P"}
LABELS = {
    "test_accuracy": "test accuracy at early stop (%)",
    "final_test_accuracy": "test accuracy at the end (%)",
    "final_train_accuracy": "training accuracy at the end (%)",
    "early_stop": "early stop (iteration)",
}


def density_curves(table: pd.DataFrame, measure: str = "test_accuracy", title: str = "") -> Figure:
    """A measured column of `summarise` against density, one line per method: mean, and a band from minimum to maximum.

    The dotted horizontal line is the dense network's mean.
    """
    networks = summarise(table)
    networks["weights"] = 100 * networks.groupby("level").density.transform("mean")
    networks["value"] = networks[measure] * (100 if measure.endswith("accuracy") else 1)
    lines = networks[networks.method != "dense"]
    figure, axes = plt.subplots(figsize=(7.5, 4.2), layout="constrained")
    style = {"palette": COLOURS, "dashes": DASHES, "markers": MARKERS, "style": "method", "hue": "method"}
    sns.lineplot(lines, x="weights", y="value", errorbar=("pi", 100), markersize=7, ax=axes, **style)
    dense = networks[(networks.level == 0)].value.mean()
    axes.axhline(dense, color="black", linewidth=1, linestyle=":", zorder=0, label=f"dense network, mean {dense:.4g}")
    axes.set(xlabel="weights remaining (%)", ylabel=LABELS.get(measure, measure), title=title)
    _density_axis(axes, sorted(lines.weights.unique(), reverse=True))
    axes.legend(frameon=False)
    sns.despine(figure)
    return figure


def input_maps(maps: dict[str, Tensor], input_shape: tuple[int, ...]) -> Figure:
    """Numbers per input, side by side as pictures of the input: each a title and a tensor [inputs], channels averaged.

    `input_shape` is the shape of one example: (C, H, W), (H, W) or (L,), which is drawn as one row.
    """
    channels, height, width = (1,) * (3 - len(input_shape)) + tuple(input_shape)
    figure, panels = plt.subplots(1, len(maps), figsize=(4 * len(maps), 3.4), layout="constrained", squeeze=False)
    for axes, (title, values) in zip(panels[0], maps.items()):
        picture = values.float().view(channels, height, width).mean(0)
        sns.heatmap(picture.numpy(), cmap="cividis", square=height > 1, xticklabels=False, yticklabels=False, vmin=0, ax=axes)
        axes.set_title(title)
    return figure


def show(figure: Figure, text: str, save: str | Path = "") -> None:
    """Display a figure in a notebook with a sentence that describes it, as its caption and for readers who cannot see it.

    `save` names a PNG file to write as well; empty writes none.
    """
    from IPython.display import HTML, display

    png = io.BytesIO()
    figure.savefig(png, format="png", dpi=110, metadata={"Description": text})
    if save:
        Path(save).parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(save, dpi=150, metadata={"Description": text})
    plt.close(figure)
    words = html.escape(text)
    source = base64.b64encode(png.getvalue()).decode()
    display(HTML(f'<figure style="margin: 0"><img alt="{words}" style="max-width: 100%" src="data:image/png;base64,{source}">'
                 f"<figcaption><i>{words}</i></figcaption></figure>"))  # fmt: skip


def _density_axis(axes, densities: list[float]) -> None:
    axes.set_xscale("log")
    axes.invert_xaxis()
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(densities[:: max(1, round(len(densities) / 10))])
    axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.3g}"))
