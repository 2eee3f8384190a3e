"""Pictures of masks, as they lie over a layer and over its inputs. Shown by `plots.show`, each with a description in numbers."""

import matplotlib.pyplot as plt
import seaborn as sns
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
