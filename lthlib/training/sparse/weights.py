"""Parameters as kernels take them: the weights of a layer that its mask keeps, or a layer's as they are.

What is not kept is nowhere: no memory, no gradient, no state of the optimiser. `into_state` puts the
others back into the network's own tensors, between exact zeros.
"""

import functools
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from lthlib.settings import Recipe
from lthlib.training.sparse import pointwise

Layer = nn.Linear | nn.Conv1d | nn.Conv2d


class Parameter:
    """Numbers that are trained, [n], and their gradient. `tensor` is the network's own, where these are
    all of it."""

    def __init__(self, values: np.ndarray, tensor: Tensor | None = None):
        self.values, self.gradient, self.tensor = values.reshape(-1), np.zeros(values.size, np.float32), tensor

    def move(self, values: np.ndarray, gradient: np.ndarray) -> None:
        """Live in this memory from now on, the network's own tensor too."""
        values[:] = self.values
        self.values, self.gradient = values, gradient
        if self.tensor is not None:
            self.tensor.data = torch.from_numpy(values).view_as(self.tensor)


class Optimizer:
    """The recipe's optimiser for all parameters at once, which it moves into one piece of memory."""

    def __init__(self, parameters: list[Parameter], recipe: Recipe):
        self.recipe, self.steps = recipe, 0
        ends = np.cumsum([0, *(len(parameter.values) for parameter in parameters)])
        self.values, self.gradients, self.first = np.zeros((3, ends[-1]), np.float32)
        self.second = np.zeros(ends[-1] if recipe.optimizer != "sgd" else 0, np.float32)
        self._place = {}
        for parameter, begin, end in zip(parameters, ends, ends[1:]):
            parameter.move(self.values[begin:end], self.gradients[begin:end])
            self._place[id(parameter)] = slice(begin, end)

    def moments(self, parameter: Parameter) -> list[np.ndarray]:
        """What is remembered of a parameter, as views: of SGD its momentum, of Adam two moments."""
        place = self._place[id(parameter)]
        return [part[place] for part in (self.first, self.second) if len(part)]

    def step(self, rate: float) -> None:
        """One step at this learning rate."""
        self.steps += 1
        recipe, single = self.recipe, np.float32
        if recipe.optimizer == "sgd":
            arguments = single(rate), single(recipe.momentum), single(recipe.weight_decay)
            pointwise.sgd_step(self.values, self.gradients, self.first, *arguments)
            return
        apart = recipe.optimizer == "adamw"
        decay = recipe.weight_decay * (rate if apart else 1)
        sooner, correction = rate / (1 - 0.9**self.steps), (1 - 0.999**self.steps) ** 0.5
        arguments = single(sooner), single(correction), single(decay), apart
        pointwise.adam_step(self.values, self.gradients, self.first, self.second, *arguments)

    def clip(self, most: float) -> None:
        """Scale the gradient down to this norm, as torch's `clip_grad_norm_` does."""
        norm = float(np.sqrt(np.dot(self.gradients, self.gradients)))
        self.gradients *= np.float32(min(1.0, most / (norm + 1e-6)))


class Bias:
    """The bias of a layer, a parameter of the network's own memory; zeros where it has none."""

    def __init__(self, module: Layer, units: int):
        bias = module.bias
        self.trained = bias is not None and bias.requires_grad
        self.own = Parameter(np.zeros(units, np.float32)) if bias is None else Parameter(bias.detach().numpy(), bias)

    @property
    def values(self) -> np.ndarray:
        return self.own.values

    @property
    def gradient(self) -> np.ndarray:
        return self.own.gradient


class LayerWeights:
    """What kept and whole weights have: their parameter, whether it is trained, and the bias of the layer."""

    own: Parameter
    trained: bool
    bias_of: Bias

    @functools.cached_property
    def bias_column(self) -> Tensor:
        """The bias as a column of its own memory, made when that is where it stays."""
        return torch.from_numpy(self.bias_of.values).unsqueeze(1)

    def trained_parameters(self) -> list[Parameter]:
        return list(self.by_name().values())

    def by_name(self) -> dict[str, Parameter]:
        """What is trained, by its name in the layer."""
        own = {"weight": self.own} if self.trained and len(self.own.values) else {}
        return own | ({"bias": self.bias_of.own} if self.bias_of.trained else {})


class Kept(LayerWeights):
    """The kept weights of a linear layer or a convolution, in the order of its outputs, with its bias.

    values, gradients [kept]; row [units + 1]: those of unit o are row[o] to row[o + 1]; output_of and
    input_of [kept]: which unit each belongs to, and which of its inputs (of a convolution: channel and
    place in the window, flattened) it multiplies.
    """

    def __init__(self, module: Layer, mask: Tensor | None):
        weight = module.weight.detach()
        kept = torch.ones_like(weight, dtype=torch.bool) if mask is None else mask
        self.weight, self.index = weight, kept.reshape(-1).nonzero().flatten().numpy()
        self.trained, units = module.weight.requires_grad, len(weight)
        width = weight[0].numel()
        self.output_of, self.input_of = (part.astype(np.int32) for part in (self.index // width, self.index % width))
        self.width = width
        counts = np.bincount(self.output_of, minlength=units)
        self.row = np.concatenate([[0], counts.cumsum()]).astype(np.uint32)
        self.own = Parameter(weight.reshape(-1).numpy()[self.index].copy())
        self.bias_of = Bias(module, units)
        self._zeros = np.zeros(0, np.float32)

    @property
    def values(self) -> np.ndarray:
        return self.own.values

    @property
    def gradients(self) -> np.ndarray:
        return self.own.gradient

    @property
    def bias(self) -> np.ndarray:
        return self.bias_of.values

    @property
    def bias_gradients(self) -> np.ndarray:
        return self.bias_of.gradient

    @property
    def density(self) -> float:
        return len(self.index) / max(1, self.weight.numel())

    def places(self, kernel: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of each kept weight of a convolution: its input channel, and its row and column in the window."""
        area = kernel[0] * kernel[1]
        return self.input_of // area, self.input_of % area // kernel[1], self.input_of % kernel[1]

    def by_input(self) -> tuple[np.ndarray, np.ndarray]:
        """The same weights in the order of their inputs (input channels): where each one's begin, and the
        order."""
        sources = self.input_of // self._area()
        order = np.argsort(sources, kind="stable")
        counts = np.bincount(sources, minlength=self.width // self._area())
        return np.concatenate([[0], counts.cumsum()]).astype(np.uint32), order.astype(np.uint32)

    def zero_bias(self, units: int) -> np.ndarray:
        if len(self._zeros) != units:
            self._zeros = np.zeros(units, np.float32)
        return self._zeros

    def into_state(self) -> None:
        """Put the kept weights back into the network's own tensor; the others there are zero."""
        self.weight.reshape(-1).numpy()[self.index] = self.own.values

    def from_state(self) -> None:
        """Take the kept weights from the network's own tensor."""
        self.own.values[:] = self.weight.reshape(-1).numpy()[self.index]

    def _area(self) -> int:
        return int(np.prod(self.weight.shape[2:]))


class Whole(LayerWeights):
    """A linear layer's own weight and bias, for torch's products; what the mask removes is set to zero after
    every step."""

    def __init__(self, module: nn.Linear, mask: Tensor | None):
        self.module, self.trained = module, module.weight.requires_grad
        self.own = Parameter(module.weight.detach().numpy(), module.weight)
        self.bias_of = Bias(module, len(module.weight))
        self.factor = None if mask is None or mask.all() else mask.to(torch.float32)

    # Tensors on the parameters' memory, made when it is where it stays.
    @functools.cached_property
    def weight(self) -> Tensor:
        return torch.from_numpy(self.own.values).view_as(self.module.weight)

    @functools.cached_property
    def weight_gradient(self) -> Tensor:
        return torch.from_numpy(self.own.gradient).view_as(self.module.weight)

    @functools.cached_property
    def bias_gradient(self) -> Tensor:
        return torch.from_numpy(self.bias_of.gradient)

    def mask_gradient(self) -> None:
        if self.factor is not None:
            self.weight_gradient.mul_(self.factor)

    def after_step(self) -> None:
        if self.factor is not None:
            self.weight.mul_(self.factor)


class NormWeights:
    """Scale, shift and running statistics of a batch norm, in the network's own memory."""

    def __init__(self, module: Any):
        self.module, self.eps, self.momentum = module, module.eps, module.momentum
        self.scale_of = Parameter(module.weight.detach().numpy(), module.weight)
        self.shift_of = Parameter(module.bias.detach().numpy(), module.bias)
        self.running_mean, self.running_var = module.running_mean.numpy(), module.running_var.numpy()

    @property
    def scale(self) -> np.ndarray:
        return self.scale_of.values

    @property
    def shift(self) -> np.ndarray:
        return self.shift_of.values

    @property
    def scale_gradient(self) -> np.ndarray:
        return self.scale_of.gradient

    @property
    def shift_gradient(self) -> np.ndarray:
        return self.shift_of.gradient

    def follow(self, mean: np.ndarray, variance: np.ndarray, count: int) -> None:
        """Move the running statistics towards a batch's; the variance without its bias, as torch has it."""
        share = np.float32(self.momentum)
        self.running_mean[:] += share * (mean - self.running_mean)
        self.running_var[:] += share * (variance * np.float32(count / max(count - 1, 1)) - self.running_var)
        self.module.num_batches_tracked += 1

    def trained_parameters(self) -> list[Parameter]:
        return list(self.by_name().values())

    def by_name(self) -> dict[str, Parameter]:
        """What is trained, by its name in the layer."""
        of = {"weight": (self.module.weight, self.scale_of), "bias": (self.module.bias, self.shift_of)}
        return {name: own for name, (parameter, own) in of.items() if parameter.requires_grad}
