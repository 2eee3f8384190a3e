"""Inside a ticket: the inputs it still sees, the share each layer keeps, its weights before and after
training.

A look is small, so looks are shipped: data/atlas/<task>.safetensors holds, for each setting and trial, those
of all levels.
"""

import math
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor

from lthlib.core.digest import digest, facts
from lthlib.core.errors import LotteryError
from lthlib.core.files import write_atomically
from lthlib.core.paths import expanded
from lthlib.core.seeds import seed_for
from lthlib.pruning import masks
from lthlib.settings import Setting
from lthlib.storage import atlas
from lthlib.storage.store import TICKET, Key, Record, Store

SAMPLE = 1500  # weights of a network that a look keeps
PARTS = ("pixels", "before", "after", "kept")


@dataclass(frozen=True)
class Look:
    """What is kept of a trained ticket to look at.

    layers   share of its weights that each layer keeps, by name, in the network's order
    pixels   share of the first layer's weights from each input that are kept, as a picture [height, width]
    before   theta_0 of a sample of the prunable weights [n], the same weights at every level of a trial
    after    the same weights at the end of training [n], zero where they are pruned
    kept     which of them the mask keeps [n]
    shapes   of each layer's weights, by name; None of shipped looks, which do not hold them
    kernel   whether the pixels are positions of the first layer's kernels, which see every place of an image,
             and not inputs
    """

    layers: dict[str, float]
    pixels: Tensor
    before: Tensor
    after: Tensor
    kept: Tensor
    shapes: dict[str, tuple[int, ...]] | None = None
    kernel: bool = False


def look(dense: Record, ticket: Record) -> Look:
    """Look at a ticket beside its trial's dense network, whose `start` is theta_0 (theta_k where it is
    rewound)."""
    names = list(ticket.mask)
    before, after, kept = (
        torch.cat([tensors[name].flatten() for name in names]) for tensors in (dense.start, ticket.weights, ticket.mask)
    )
    chosen = sample(len(kept))
    return Look(
        layers={name.removesuffix(".weight"): share for name, share in masks.layer_densities(ticket.mask).items()},
        pixels=_picture(ticket.mask[names[0]]),
        before=before[chosen],
        after=after[chosen],
        kept=kept[chosen],
        shapes={name.removesuffix(".weight"): tuple(kept.shape) for name, kept in ticket.mask.items()},
        kernel=ticket.mask[names[0]].dim() > 2,
    )


def sample(count: int) -> Tensor:
    """Which weights a look at a network of so many prunable ones holds: their numbers, counted along the layers."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed_for("look")))[:SAMPLE]


def stored(setting: Setting, trial: int, level: int, store: Store) -> Look:
    """The look at a ticket in a store. Raises LotteryError where it, or its dense network, is not there."""
    dense = store.load(setting, Key(TICKET, trial, 0))
    return look(dense, dense if level == 0 else store.load(setting, Key(TICKET, trial, level)))


def write(task: str, looks: dict[tuple[str, int], list[Look]], where: str | Path | None = None) -> Path:
    """Ship the looks of a task, in place of those shipped before: by setting's identity and trial, from level
    0 on."""
    tensors = {}
    for (setting, trial), levels in looks.items():
        stacked = {part: torch.stack([getattr(level, part) for level in levels]) for part in PARTS}
        stacked |= {"before": levels[0].before.half(), "after": stacked["after"].half()}
        stacked["pixels"] = (255 * stacked["pixels"]).round().to(torch.uint8)
        for place, name in enumerate(levels[0].layers):  # numbered, since a file keeps no order
            stacked[f"layers/{place:03d}/{name}"] = torch.tensor([level.layers[name] for level in levels])
        tensors |= {f"{setting}/{trial}/{part}": tensor.contiguous() for part, tensor in stacked.items()}
    path = expanded(where or atlas.folder()) / f"{task}.safetensors"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, to_bytes(tensors, metadata={"checksum": _checksum(tensors)}))
    return path


def read(task: str, where: str | Path | None = None) -> dict[tuple[str, int], list[Look]]:
    """The shipped looks of a task, by setting's identity and trial, if any. Raises LotteryError for a damaged
    file."""
    path = expanded(where or atlas.folder()) / f"{task}.safetensors"
    if not path.exists():
        return {}
    problem = f"{path} is damaged: restore it with `git checkout {path}`, or delete it."
    try:
        tensors = from_bytes(path.read_bytes())
        with safe_open(path, "pt") as file:
            kept = (file.metadata() or {}).get("checksum")
    except Exception as error:  # safetensors raises its own kinds
        raise LotteryError(problem) from error
    if kept != _checksum(tensors):
        raise LotteryError(problem)
    groups: dict[tuple[str, int], dict[str, Tensor]] = {}
    for name, tensor in tensors.items():
        setting, trial, part = name.split("/", 2)
        groups.setdefault((setting, int(trial)), {})[part] = tensor
    return {key: _unstack(parts) for key, parts in groups.items()}


def _checksum(tensors: dict[str, Tensor]) -> str:
    return digest(facts(dict(sorted(tensors.items())), "looks"))


def _unstack(parts: dict[str, Tensor]) -> list[Look]:
    layers = {name.split("/", 2)[2]: parts[name] for name in sorted(parts) if name.startswith("layers/")}
    return [
        Look(
            {name: float(shares[level]) for name, shares in layers.items()},
            parts["pixels"][level].float() / 255,
            parts["before"].float(),
            parts["after"][level].float(),
            parts["kept"][level],
            kernel=next(iter(layers)).startswith("conv"),
        )
        for level in range(len(parts["kept"]))
    ]


def _picture(mask: Tensor) -> Tensor:
    """The share kept of each input of the first layer: of a linear layer's inputs as the picture they are
    (one row if they are no picture, colours averaged), of a convolution at each position of its kernel."""
    shares = mask.float().mean(0) if mask.dim() > 1 else mask.float()
    if shares.dim() == 3:
        return shares.mean(0)
    inputs = shares.numel()
    for channels in (1, 3):
        side = math.isqrt(inputs // channels)
        if channels * side * side == inputs:
            return shares.view(channels, side, side).mean(0)
    return shares.view(1, -1)
