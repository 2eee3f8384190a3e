"""What the layers of a network are given, for criteria that look at activations."""

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from lthlib.core.errors import LotteryError


@torch.no_grad()
def layer_inputs(network: nn.Module, names: Iterable[str], examples: Tensor) -> dict[str, Tensor]:
    """For each named weight of a linear layer or a convolution, what it multiplies when the network sees
    `examples` [N, ...] in evaluation mode: a row for every example and position, [rows, weight[0].numel()],
    in the order of the weight's own inputs, flattened. A layer that runs several times has the rows of all.

    Raises LotteryError for a weight of another kind of layer, a convolution in groups, or a layer that does not
    run.
    """
    found: dict[str, list[Tensor]] = {name: [] for name in names}
    hooks = []
    for name, rows in found.items():
        layer = network.get_submodule(name.rpartition(".")[0])
        if not name.endswith(".weight") or not isinstance(layer, (nn.Linear, nn.Conv1d, nn.Conv2d)) or _grouped(layer):
            kind = f"a {type(layer).__name__} in groups" if _grouped(layer) else f"a {type(layer).__name__}"
            advice = "prune by another criterion, or exclude it from what is prunable"
            raise LotteryError(f"{name!r} belongs to {kind}, whose inputs are not known weight by weight: {advice}.")
        hooks.append(layer.register_forward_pre_hook(_keep(rows)))
    was_training = network.training
    try:
        network.eval()(examples.clone())
    finally:
        network.train(was_training)
        for hook in hooks:
            hook.remove()
    for name, rows in found.items():
        if not rows:
            raise LotteryError(f"the layer of {name!r} does not run in a forward pass: prune by another criterion.")
    return {name: torch.cat(rows) for name, rows in found.items()}


def _grouped(layer: Any) -> bool:
    return getattr(layer, "groups", 1) > 1


def _keep(rows: list[Tensor]):
    def keep(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        rows.append(_as_rows(layer, inputs[0].detach()))

    return keep


def _as_rows(layer: Any, given: Tensor) -> Tensor:
    """The inputs of a layer as rows, as its flattened weight [outputs, inputs] multiplies them."""
    if isinstance(layer, nn.Linear):
        return given.reshape(-1, layer.in_features)
    if isinstance(layer, nn.Conv1d):  # an image of one row
        shape = {"kernel_size": (1, *layer.kernel_size), "dilation": (1, *layer.dilation)}
        shape |= {"padding": (0, *_numbers(layer.padding, 1)), "stride": (1, *layer.stride)}
        given = given.unsqueeze(2)
    else:
        shape = {"kernel_size": layer.kernel_size, "dilation": layer.dilation}
        shape |= {"padding": _numbers(layer.padding, 2), "stride": layer.stride}
    windows = functional.unfold(given, **shape)  # [N, inputs, positions]
    return windows.transpose(1, 2).reshape(-1, windows.shape[1])


def _numbers(padding: Any, sides: int) -> tuple[int, ...]:
    if isinstance(padding, str):
        raise LotteryError(f"a convolution is padded by {padding!r}: give its padding in numbers.")
    return tuple(padding) if not isinstance(padding, int) else (padding,) * sides
