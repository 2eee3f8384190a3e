"""A mask of your own, to start a hunt from: read, checked against the network, and told apart by its digest."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as from_bytes
from torch import nn

from lthlib import models
from lthlib.core.errors import LotteryError
from lthlib.core.paths import expanded
from lthlib.core.validation import did_you_mean
from lthlib.pruning.masks import Mask, as_mask


def own_mask(given: Mapping | str | Path, network: nn.Module) -> Mask:
    """The mask that a caller gives for `network`: a mapping from the name of each prunable weight to a tensor
    or an array of its shape, 1 for kept and 0 for pruned; or a safetensors file of these.

    Raises LotteryError where names, shapes or values do not fit, or nothing is pruned or kept.
    """
    tensors = _read(given) if isinstance(given, (str, Path)) else given
    if not isinstance(tensors, Mapping):
        fix = "give a dictionary of tensors by name, or a safetensors file"
        raise LotteryError(f"the mask is of type {type(given).__name__}: {fix}.")
    shapes = {name: list(weight.shape) for name, weight in models.prunable(network).items()}
    for name in tensors:
        if name not in shapes:
            hint = did_you_mean(name, shapes)
            raise LotteryError(f"the mask names {name!r}: {hint}prunable weights are {', '.join(shapes)}.")
    if missing := [name for name in shapes if name not in tensors]:
        raise LotteryError(f"the mask lacks {', '.join(missing)}: give ones for a weight that is kept whole.")
    mask = as_mask({name: _tensor(name, tensors[name]) for name in shapes})
    for name, kept in mask.items():
        if list(kept.shape) != shapes[name]:
            raise LotteryError(f"the mask of {name!r} has shape {list(kept.shape)}: its weight has {shapes[name]}.")
    if all(kept.all() for kept in mask.values()) or not any(kept.any() for kept in mask.values()):
        raise LotteryError("the mask keeps all weights, or none: prune some and keep some, or leave it out.")
    return mask


def digest(mask: Mask) -> str:
    """16 hexadecimal digits that tell masks apart."""
    found = hashlib.sha256()
    for name, kept in mask.items():
        found.update(f"{name}{tuple(kept.shape)}".encode() + np.packbits(kept.numpy()).tobytes())
    return found.hexdigest()[:16]


def _read(path: str | Path) -> dict[str, torch.Tensor]:
    path = expanded(path)
    try:
        return from_bytes(path.read_bytes())
    except (OSError, SafetensorError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise LotteryError(f"the mask {str(path)!r} cannot be read ({reason}): give a safetensors file.") from error


def _tensor(name: str, values) -> torch.Tensor:
    try:
        return torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError) as error:
        fix = "give a tensor or an array of zeros and ones"
        raise LotteryError(f"the mask of {name!r} is {type(values).__name__}: {fix}.") from error
