"""Tickets for other tools: masks in the form of torch.nn.utils.prune, and back."""

import torch
from torch import nn
from torch.nn.utils import prune as torch_prune

from lthlib.core.errors import LotteryError
from lthlib.pruning.masks import Mask, as_mask


def to_torch_prune(model: nn.Module, mask: Mask) -> nn.Module:
    """Put the mask on `model` as torch.nn.utils.prune does (`weight_orig` and `weight_mask`), in place;
    returns `model`. A weight that layers share is masked in each of them, and stays shared."""
    first = {id(parameter): name for name, parameter in model.named_parameters()}
    for module in model.modules():
        for own, parameter in list(module.named_parameters(recurse=False)):
            if (name := first[id(parameter)]) in mask:
                torch_prune.custom_from_mask(module, own, mask[name].to(parameter.device))
    return model


def from_torch_prune(model: nn.Module) -> Mask:
    """The mask that torch.nn.utils.prune has put on `model`: one entry for each of its pruned parameters.

    Raises LotteryError where it carries none, or where layers that share a weight do not share its mask.
    """
    parameters = dict(model.named_parameters(remove_duplicate=False))
    pruned = {}
    for buffer, tensor in model.named_buffers():
        name = buffer.removesuffix("_mask")
        if name != buffer and f"{name}_orig" in parameters:  # not a mask of the user's own
            pruned[name] = tensor
    if not pruned:
        kind = type(model).__name__
        fix = "prune it first, or use lthlib.masks.ones"
        raise LotteryError(f"{kind} carries no mask of torch.nn.utils.prune: {fix}.")
    first: dict[int, str] = {}
    for name, parameter in parameters.items():
        own, name = first.setdefault(id(parameter), name).removesuffix("_orig"), name.removesuffix("_orig")
        if name == own or (own not in pruned and name not in pruned):
            continue
        other = pruned.pop(name, None)
        if other is None or own not in pruned or not torch.equal(other, pruned[own]):
            raise LotteryError(f"{own!r} and {name!r} are one weight, and not under one mask: prune both alike.")
    return as_mask(pruned)
