"""Linear layers by the weights they keep, inside a network that is torch's otherwise.

A network that `trace` cannot read whole, such as a Transformer or one with a user's own layers, is trained
by the dense way's stack, and those of its linear layers that are sparse enough run on kernels: their
outputs, the gradients of their inputs, and those of the weights that are kept. Parameters, masks, the
optimiser and all other layers stay as they are.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.utils._pytree import tree_leaves

from lthlib import models
from lthlib.pruning.masks import Mask
from lthlib.training.sparse import products
from lthlib.training.sparse.weights import Kept

NOTHING = np.zeros((0, 0), np.float32)


@dataclass(frozen=True)
class Places:
    """Where the kept weights of a linear layer are, in the order of its outputs and of its inputs: what the
    kernels take, as `products` names it."""

    row: np.ndarray
    at: np.ndarray
    index: np.ndarray
    back: np.ndarray
    back_at: np.ndarray
    order: np.ndarray

    @classmethod
    def of(cls, layer: nn.Linear, mask: Tensor) -> Places:
        kept = Kept(layer, mask)
        back, order = kept.by_input()
        at, back_at = kept.input_of.astype(np.uint32), kept.output_of[order].astype(np.uint32)
        return cls(kept.row, at, kept.index.astype(np.uint32), back, back_at, order)


class KeptLinear(nn.Linear):
    """A linear layer whose products are made of the weights at `places`; the others are zero. What else is
    asked of it (another type of number, weights put in its own's place by `functional_call`) it does as a
    linear layer does."""

    places: Places
    own: tuple[nn.Parameter]  # in a tuple, so that it is no second parameter of the layer

    def forward(self, input: Tensor) -> Tensor:
        usual = input.dtype == torch.float32 and input.device.type == "cpu" and input.numel() > 0
        if not usual or self.weight is not self.own[0] or torch.is_autocast_enabled("cpu"):
            return super().forward(input)
        return _Product.apply(input, self.weight, self.bias, self.places)


class _Product(torch.autograd.Function):
    """outputs [..., units] = inputs [..., features] times the kept weights, plus the bias."""

    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor | None, places: Places) -> Tensor:
        units, features = weight.shape
        rows = inputs.detach().reshape(-1, features).contiguous()
        outputs, values = torch.empty(len(rows), units), np.empty(len(places.index), np.float32)
        numbers = np.zeros(units, np.float32) if bias is None else bias.detach().numpy()
        flat = weight.detach().view(-1).numpy()
        products.linear_of_rows(places.row, places.at, places.index, flat, values, numbers, rows.numpy(), outputs.numpy())
        ctx.save_for_backward(rows)
        ctx.places, ctx.values, ctx.shape = places, values, inputs.shape
        return outputs.view(*inputs.shape[:-1], units)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple:
        [rows], of, (through, _, biased, _) = ctx.saved_tensors, ctx.places, ctx.needs_input_grad
        units = gradient.shape[-1]
        gradients = gradient.reshape(-1, units).contiguous()
        into = torch.empty_like(rows) if through else None
        of_weights, of_bias = torch.zeros(units, rows.shape[1]), torch.empty(units)
        products.linear_of_rows_gradient(
            of.row, of.at, of.index, of.back, of.back_at, of.order, ctx.values, rows.numpy(), gradients.numpy(),
            NOTHING if into is None else into.numpy(), of_weights.view(-1).numpy(), of_bias.numpy(), through,
        )  # fmt: skip
        return None if into is None else into.view(ctx.shape), of_weights, of_bias if biased else None, None


def put_in(model: nn.Module, mask: Mask, names: list[str]) -> None:
    """Let these linear layers of the network make their products of the weights that the mask keeps, in
    place."""
    for name in names:
        layer: Any = model.get_submodule(name)
        layer.__class__ = KeptLinear
        layer.places, layer.own = Places.of(layer, mask[f"{name}.weight"]), (layer.weight,)


def work(model: nn.Module, mask: Mask, names: list[str], inputs: Tensor) -> tuple[dict[str, int], str]:
    """How many products of two numbers each of these layers makes in the dense way for inputs [B, ...],
    found by a step and an evaluation on a copy; or none, and what goes wrong with these layers on kernels."""
    tried, found = copy.deepcopy(model), dict.fromkeys(names, 0)
    put_in(tried, mask, names)

    def noting(name: str):
        def note(layer, inputs, output) -> None:
            found[name] += output.numel() * layer.in_features

        return note

    hooks = [tried.get_submodule(name).register_forward_hook(noting(name)) for name in names]
    try:
        with models.seeded(0):
            outputs = [part for part in tree_leaves(tried.train()(inputs.clone())) if isinstance(part, Tensor)]
            torch.stack([part.sum() for part in outputs if part.requires_grad]).sum().backward()
            for hook in hooks:
                hook.remove()
            with torch.no_grad():
                tried.eval()(inputs.clone())
    except Exception as error:  # whatever a network's own code raises that wants torch's own linear layers
        return {}, f"its own code does not take them ({type(error).__name__})"
    return found, ""
