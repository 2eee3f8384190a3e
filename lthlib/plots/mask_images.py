"""Pictures of masks, as they lie over a layer and over its inputs, each with a description in numbers."""

import seaborn as sns
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor

from lthlib.plots import style
from lthlib.plots.style import SERIES, finish

SIZE = 3.4  # of a panel, in inches
FEW = 40  # rows and columns of a mask that is ruled, so that they can be counted


def input_maps(maps: dict[str, Tensor], input_shape: tuple[int, ...], columns: int = 4) -> Figure:
    """Numbers per input as pictures of the input: each a title and a tensor [inputs], channels averaged.
    `input_shape` is that of one example: (C, H, W), (H, W) or (L,), drawn as one row. Every picture has its
    own scale of colours, so that levels of very different density can be compared; `columns` are in a row."""
    channels, height, width = (1,) * (3 - len(input_shape)) + tuple(input_shape)
    figure, panels = style.panels(len(maps), 1.15 * SIZE, SIZE, columns)
    look = {"cmap": "cividis", "square": height > 1, "xticklabels": False, "yticklabels": False, "vmin": 0}
    extremes = []
    for axes, (title, values) in zip(panels, maps.items()):
        sns.heatmap(values.float().view(channels, height, width).mean(0).numpy(), ax=axes, **look)
        axes.set_title(title)
        extremes.append(f"{title}, from {float(values.min()):.3g} to {float(values.max()):.3g}")
    figure.set_label(f"Pictures of the input: {'; '.join(extremes)}.")
    return figure


def mask_pictures(masks: dict[str, Tensor], columns: int = 4) -> Figure:
    """Masks of a layer by title, tensors [out, ...] of zeros and ones: a row per output, a column per input,
    or per weight of a convolution's kernels; black is kept. Titles are completed by the share kept."""
    figure, panels = style.panels(len(masks), 1.15 * SIZE, SIZE, columns)
    look = {"cmap": ListedColormap(["white", "black"]), "vmin": 0, "vmax": 1}
    for axes, (title, mask) in zip(panels, masks.items()):
        picture = mask.flatten(1).cpu().numpy()
        axes.imshow(picture, aspect="auto", interpolation="nearest", **look)
        if max(picture.shape) <= FEW:
            _rule(axes, *picture.shape)
        axes.set(title=f"{title}: {100 * picture.mean():.3g} % kept", xticks=[], yticks=[])
        columns_are = "inputs" if mask.ndim == 2 else "weights of its kernels"
        axes.set(xlabel=f"{picture.shape[1]} {columns_are}", ylabel=f"{picture.shape[0]} outputs")
    shares = ", ".join(f"{title} {100 * mask.float().mean():.3g} %" for title, mask in masks.items())
    figure.set_label(f"Masks, black is kept: {shares}.")
    return figure


def _rule(axes: Axes, rows: int, columns: int) -> None:
    """Thin lines between the cells of a picture."""
    axes.hlines([at - 0.5 for at in range(1, rows)], -0.5, columns - 0.5, color="#999999", linewidth=0.6)
    axes.vlines([at - 0.5 for at in range(1, columns)], -0.5, rows - 0.5, color="#999999", linewidth=0.6)


def examples(images: Tensor, titles: list[str], columns: int = 4) -> Figure:
    """Images [N, C, H, W] side by side, each under its title; one scale for all."""
    low, high = float(images.min()), float(images.max())
    figure, panels = style.panels(len(images), 1.1 * 1.8, 1.8, columns)
    for axes, image, title in zip(panels, images, titles):
        picture = ((image - low) / ((high - low) or 1)).permute(1, 2, 0).squeeze(-1)
        axes.imshow(picture.numpy(), cmap="gray", vmin=0, vmax=1)
        axes.set(title=title, xticks=[], yticks=[])
    shape = f"{images.shape[2]} by {images.shape[3]} pixels"
    figure.set_label(f"{len(images)} examples, {shape}; their labels are {', '.join(titles)}.")
    return figure


def start_and_end(weights: dict[str, tuple[Tensor, Tensor, Tensor]], columns: int = 3, sample: int = 2000) -> Figure:
    """Where weights began and ended, a panel by title for each (start, end, kept): three tensors of one
    shape.

    A weight is a blue dot where it is kept, an orange cross where it is masked. On the rising line nothing
    has moved; left and right of where the two lines cross, weights ended nearer to zero than they began.
    Draws `sample` at random, or all if fewer; the description counts all (Zhou et al. 2019, section 2).
    """
    figure, panels = style.panels(len(weights), 0.8 * SIZE, 0.75 * SIZE, columns, room=0.8)
    sentences = ["Weights at the end of training against their start. Ended nearer to zero:"]
    for axes, (title, tensors) in zip(panels, weights.items()):
        start, end, kept = (tensor.flatten() for tensor in tensors)
        order = torch.randperm(len(start), generator=torch.Generator().manual_seed(0))[:sample]
        shares, nearer = [], (end.abs() < start.abs()).float()
        groups = {"masked": (~kept.bool(), SERIES[1], "x"), "kept": (kept.bool(), SERIES[0], "o")}
        for name, (chosen, colour, marker) in groups.items():
            dots = order[chosen[order]]
            look = {"color": colour, "marker": marker, "s": 7, "linewidths": 0.6, "label": name}
            axes.scatter(start[dots].numpy(), end[dots].numpy(), **look)
            if chosen.any():
                shares.append(f"{100 * nearer[chosen].mean():.0f} % of {int(chosen.sum())} {name}")
        sentences.append(f"{title}: {' and '.join(shares)}.")
        reach = float(start.abs().max())
        axes.plot([-reach, reach], [-reach, reach], ":", color="black", linewidth=1)
        axes.plot([-reach, reach], [reach, -reach], "--", color="black", linewidth=0.6)
        axes.set(title=title, xlabel="weight at the start", ylabel="weight at the end")
    panels[min(columns, len(panels)) - 1].legend(**style.LEGEND, markerscale=2)
    return finish(figure, *sentences)
