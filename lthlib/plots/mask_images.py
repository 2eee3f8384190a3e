"""Pictures of masks, as they lie over a layer and over its inputs. Shown by `plots.show`, each with a description in numbers."""

import matplotlib.pyplot as plt
import seaborn as sns
import torch
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from torch import Tensor


def input_maps(maps: dict[str, Tensor], input_shape: tuple[int, ...], columns: int = 4) -> Figure:
    """Numbers per input as pictures of the input: each a title and a tensor [inputs], channels averaged.

    `input_shape` is the shape of one example: (C, H, W), (H, W) or (L,), which is drawn as one row. Every picture has its own
    scale of colours, so that levels of very different density can be seen side by side, `columns` in a row.
    """
    channels, height, width = (1,) * (3 - len(input_shape)) + tuple(input_shape)
    figure, panels = _grid(len(maps), columns, 3.4)
    for axes, (title, values) in zip(panels, maps.items()):
        picture = values.float().view(channels, height, width).mean(0)
        sns.heatmap(picture.numpy(), cmap="cividis", square=height > 1, xticklabels=False, yticklabels=False, vmin=0, ax=axes)
        axes.set_title(title)
    figure.set_label(_extremes(maps))
    return figure


def mask_pictures(kept: dict[str, Tensor], columns: int = 4) -> Figure:
    """Masks of a layer, a level or a control each, by title: a row per output, a column per input and kernel position.

    Each is a tensor [out, ...] of zeros and ones; black is kept. Titles are completed by the share kept.
    """
    figure, panels = _grid(len(kept), columns, 3.4)
    for axes, (title, mask) in zip(panels, kept.items()):
        picture = mask.flatten(1).cpu().numpy()
        axes.imshow(picture, cmap=ListedColormap(["white", "black"]), vmin=0, vmax=1, aspect="auto", interpolation="nearest")
        axes.set(title=f"{title}: {100 * picture.mean():.3g} % kept", xticks=[], yticks=[])
        axes.set_xlabel(f"{picture.shape[1]} inputs")
        axes.set_ylabel(f"{picture.shape[0]} outputs")
    shares = ", ".join(f"{title} {100 * mask.float().mean():.3g} %" for title, mask in kept.items())
    figure.set_label(f"Masks, black is kept: {shares}.")
    return figure


def examples(images: Tensor, titles: list[str], columns: int = 8) -> Figure:
    """Images [N, C, H, W] side by side, each under its title; all on one scale, from their darkest pixel to their brightest."""
    low, high = float(images.min()), float(images.max())
    figure, panels = _grid(len(images), columns, 1.3)
    for axes, image, title in zip(panels, images, titles):
        picture = ((image - low) / ((high - low) or 1)).permute(1, 2, 0).squeeze(-1)
        axes.imshow(picture.numpy(), cmap="gray", vmin=0, vmax=1)
        axes.set(title=title, xticks=[], yticks=[])
    shape = f"{images.shape[2]} by {images.shape[3]} pixels"
    figure.set_label(f"{len(images)} examples, {shape}; their labels are {', '.join(titles)}.")
    return figure


def start_and_end(panels: dict[str, tuple[Tensor, Tensor, Tensor]], columns: int = 3, sample: int = 2000) -> Figure:
    """Where weights began and where they ended, a panel by title for each (start, end, kept): three tensors of one shape.

    A weight is a blue dot where it is kept, an orange cross where it is masked. On the rising line nothing has moved; left and
    right of where the two lines cross, weights have ended nearer to zero than they began. Draws `sample` of them at random, or
    all where they are fewer; the description counts all (Zhou et al. 2019, section 2).
    """
    figure, axes_of = _grid(len(panels), columns, 3.4)
    texts = []
    for axes, (title, (start, end, kept)) in zip(axes_of, panels.items()):
        start, end, kept = start.flatten(), end.flatten(), kept.flatten().bool()
        shares, drawn = [], torch.randperm(len(start), generator=torch.Generator().manual_seed(0))[:sample]
        for chosen, colour, marker, name in ((~kept, "#D55E00", "x", "masked"), (kept, "#0072B2", "o", "kept")):
            here = drawn[chosen[drawn]]
            style = {"color": colour, "marker": marker, "s": 7, "linewidths": 0.6, "label": name}
            axes.scatter(start[here].numpy(), end[here].numpy(), **style)
            nearer = (end.abs() < start.abs())[chosen].float()
            if len(nearer):
                shares.append(f"{100 * nearer.mean():.0f} % of {len(nearer)} {name}")
        texts.append(f"{title}: {' and '.join(shares)}.")
        reach = float(start.abs().max())
        axes.plot([-reach, reach], [-reach, reach], ":", color="black", linewidth=1)
        axes.plot([-reach, reach], [reach, -reach], "--", color="black", linewidth=0.6)
        axes.set(title=title, xlabel="weight at the start", ylabel="weight at the end")
    axes_of[min(columns, len(panels)) - 1].legend(frameon=False, bbox_to_anchor=(1, 1), loc="upper left", markerscale=2)
    sns.despine(figure)
    figure.set_label(f"Weights at the end of training against their start. Ended nearer to zero: {' '.join(texts)}")
    return figure


def _grid(count: int, columns: int, size: float) -> tuple[Figure, list[Axes]]:
    """A figure with so many panels, at most `columns` in a row; what is left over is hidden."""
    columns = min(columns, count)
    lines = -(-count // columns)
    figure, panels = plt.subplots(
        lines, columns, figsize=(1.15 * size * columns, size * lines), layout="constrained", squeeze=False
    )
    for axes in panels.flat[count:]:
        axes.set_visible(False)
    return figure, list(panels.flat)


def _extremes(maps: dict[str, Tensor]) -> str:
    ends = [f"{title}, from {float(values.min()):.3g} to {float(values.max()):.3g}" for title, values in maps.items()]
    return f"Pictures of the input: {'; '.join(ends)}."
