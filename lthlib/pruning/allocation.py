"""How a density is shared out among the layers."""

import torch

from lthlib.core.errors import LotteryError


def erk_densities(shapes: dict[str, tuple[int, ...]], density: float) -> dict[str, float]:
    """Layer densities, 0 to 1, by the Erdos-Renyi-kernel rule for one density of all these weights together.

    A layer's is proportional to (n_in + n_out + height + width) / (n_in * n_out * height * width), so that small layers stay
    denser; those that would exceed 1 are kept whole and the others share the rest (Evci et al. 2020, arXiv 1911.11134,
    section 3; Mocanu et al. 2018 for linear layers). Raises LotteryError for a density that is not 0 to 1.
    """
    if not 0 <= density <= 1:
        raise LotteryError(f"the density is {density!r}: give a share of the weights, 0 to 1.")
    sizes = {name: torch.Size(shape).numel() for name, shape in shapes.items()}
    raw = {name: sum(shape) / sizes[name] for name, shape in shapes.items()}
    whole: set[str] = set()
    while True:
        rest = [name for name in shapes if name not in whole]
        wanted = density * sum(sizes.values()) - sum(sizes[name] for name in whole)
        scale = wanted / sum(raw[name] * sizes[name] for name in rest) if rest else 0.0
        over = {name for name in rest if scale * raw[name] > 1}
        if not over:
            return {name: 1.0 if name in whole else scale * raw[name] for name in shapes}
        whole |= over
