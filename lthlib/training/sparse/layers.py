"""The layers of a tape: each reads maps, writes one, and passes gradients back.

`forward(training)` writes the output; `backward()` takes the gradient of the output from `gradient`, gives
those of its parameters to its `weights`, and adds to, or writes, the gradients of its inputs. Which of the
two is decided once, when the tape is built: `adds[i]` is whether another layer has written there before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from lthlib.training.sparse import pointwise, products
from lthlib.training.sparse.maps import Map
from lthlib.training.sparse.weights import Kept

if TYPE_CHECKING:
    from lthlib.training.sparse.weights import Whole

NOTHING = np.zeros(1, np.float32)


class Layer:
    """What all layers have: the maps they read, their output and its gradient, those of their inputs (None
    where nothing needs one), and how many examples there are."""

    relu = False

    def __init__(self, inputs: list[Map], output: Map):
        self.inputs, self.output, self.batch = inputs, output, 0
        self.gradient: Map | None = None
        self.input_gradients: list[Map | None] = [None] * len(inputs)
        self.adds = [False] * len(inputs)

    def forward(self, training: bool) -> None:
        raise NotImplementedError

    def backward(self) -> None:
        raise NotImplementedError

    def _cut(self) -> Map:
        """The gradient of the output, through the ReLU that this layer may end with."""
        assert self.gradient is not None
        if self.relu:
            pointwise.cut_gradient(self.output.data, self.output.size, self.gradient.data, self.gradient.size)
        return self.gradient


class SparseLinear(Layer):
    """A linear layer of the weights that are kept."""

    def __init__(self, inputs: list[Map], output: Map, weights: Kept, relu: bool):
        super().__init__(inputs, output)
        self.weights, self.relu = weights, relu
        self.at = weights.input_of.astype(np.uint32)
        self.back, self.order = weights.by_input()
        self.back_at = weights.output_of[self.order].astype(np.uint32)
        self.back_values = np.empty_like(weights.values)

    def forward(self, training: bool) -> None:
        x, y = self.inputs[0].data, self.output.data
        products.linear(self.weights.row, self.at, self.weights.values, self.weights.bias, x, y, self.relu, False)

    def backward(self) -> None:
        g, into = self._cut(), self.input_gradients[0]
        of = self.weights
        products.linear_gradient(of.row, self.at, self.inputs[0].data, g.data, of.gradients, of.bias_gradients, False)
        if into is not None:
            products.reordered(of.values, self.order, self.back_values)
            none = of.zero_bias(len(into.data))
            products.linear(self.back, self.back_at, self.back_values, none, g.data, into.data, False, self.adds[0])


class DenseLinear(Layer):
    """A linear layer above its break-even density: torch's product, in the same memory. Of kept weights,
    forwards alone, and from the network's own tensor."""

    def __init__(self, inputs: list[Map], output: Map, weights: Whole | Kept, relu: bool):
        super().__init__(inputs, output)
        self.weights, self.relu = weights, relu
        self.x, self.y = torch.from_numpy(inputs[0].data), torch.from_numpy(output.data)

    def forward(self, training: bool) -> None:
        weight, bias = self.weights.weight, self.weights.bias_column
        torch.addmm(bias, weight, self.x, out=self.y)
        if self.relu:
            self.y.clamp_(min=0)

    def backward(self) -> None:
        assert not isinstance(self.weights, Kept)
        g, into = torch.from_numpy(self._cut().data), self.input_gradients[0]
        torch.mm(g, self.x.T, out=self.weights.weight_gradient)
        torch.sum(g, 1, out=self.weights.bias_gradient)
        if into is not None:
            target = torch.from_numpy(into.data)
            if self.adds[0]:
                target.addmm_(self.weights.weight.T, g)
            else:
                torch.mm(self.weights.weight.T, g, out=target)


class Convolution(Layer):
    """A convolution of the weights that are kept: any kernel, stride, padding and dilation."""

    def __init__(self, inputs: list[Map], output: Map, weights: Kept, relu: bool, options: dict):
        super().__init__(inputs, output)
        self.weights, self.relu, self.options = weights, relu, options
        x, (down, right), (high, wide) = inputs[0], options["strides"], options["padding"]
        self.strides = (down * x.size[3], right * x.lanes)
        channel, i, j = weights.places(options["kernel"])
        self.at = self._begin(x, channel, i * options["dilation"][0] - high, j * options["dilation"][1] - wide)

    def forward(self, training: bool) -> None:
        of, y = self.weights, self.output
        arguments = (of.row, self.at, of.values, of.bias, self.inputs[0].flat, y.data, y.size, self.strides)
        products.convolution(*arguments, self.relu, False)

    def backward(self) -> None:
        of, g, into = self.weights, self._cut(), self.input_gradients[0]
        x = self.inputs[0]
        products.convolution_gradient(of.row, self.at, x.flat, g.data, g.size, self.strides, of.gradients, of.bias_gradients)
        if into is not None:
            if self.options["strides"] == (1, 1):
                self._gather_back(g, into)
            else:
                self._spread_back(g, into)

    def _gather_back(self, g: Map, into: Map) -> None:
        """With windows next to each other, the way back is a convolution too."""
        of = self.weights
        if not hasattr(self, "back"):
            self.back, self.order = of.by_input()
            _, i, j = of.places(self.options["kernel"])
            (dilated_i, dilated_j), (high, wide) = self.options["dilation"], self.options["padding"]
            at = self._begin(g, of.output_of, high - i * dilated_i, wide - j * dilated_j)
            self.back_at, self.back_values = at[self.order], np.empty_like(of.values)
        products.reordered(of.values, self.order, self.back_values)
        strides, none = (g.size[3], g.lanes), of.zero_bias(len(into.data))
        arguments = (self.back, self.back_at, self.back_values, none, g.flat, into.data, into.size, strides)
        products.convolution(*arguments, False, self.adds[0])

    def _spread_back(self, g: Map, into: Map) -> None:
        of = self.weights
        if not hasattr(self, "back_at"):
            channel, i, j = of.places(self.options["kernel"])
            (dilated_i, dilated_j), (high, wide) = self.options["dilation"], self.options["padding"]
            self.back_at = self._begin(into, channel, i * dilated_i - high, j * dilated_j - wide)
        if not self.adds[0]:
            into.clear()
        (down, right) = self.options["strides"]
        strides = (down * into.size[3], right * into.lanes)
        products.convolution_spread(of.row, self.back_at, of.values, g.data, into.flat, g.size, strides)
        into.clear_border()

    @staticmethod
    def _begin(of: Map, channel: np.ndarray, down: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Where in a flat map the runs begin that lie so far down and right of the map's own beginning."""
        begin, line, lanes = of.size[0], of.size[3], of.lanes
        return (channel.astype(np.int64) * of.whole + begin + down * line + right * lanes).astype(np.uint32)


class Norm(Layer):
    """Batch norm, with running statistics (Ioffe & Szegedy 2015)."""

    def __init__(self, inputs: list[Map], output: Map, weights, relu: bool):
        super().__init__(inputs, output)
        self.weights, self.relu = weights, relu
        channels = inputs[0].shape[0]
        self.mean, self.variance = np.zeros(channels, np.float32), np.zeros(channels, np.float32)
        self.inverse = np.zeros(channels, np.float32)

    def forward(self, training: bool) -> None:
        of, x, y = self.weights, self.inputs[0], self.output
        if training:
            found = self.mean, self.variance, self.inverse
            arguments = (x.data, x.size, y.data, y.size, self.batch, of.scale, of.shift, np.float32(of.eps))
            pointwise.normalised_by_batch(*arguments, *found, self.relu)
            of.follow(self.mean, self.variance, self.batch * x.shape[1] * x.shape[2])
            return
        scale = (of.scale / np.sqrt(of.running_var + np.float32(of.eps))).astype(np.float32)
        pointwise.normalised(x.data, x.size, y.data, y.size, scale, of.shift - of.running_mean * scale, self.relu)

    def backward(self) -> None:
        of, x, g = self.weights, self.inputs[0], self.gradient
        assert g is not None
        into = self.input_gradients[0] or g  # nothing needs it: written over
        of_norm = of.scale, of.shift, self.mean, self.inverse, of.scale_gradient, of.shift_gradient
        arguments = (x.data, x.size, g.data, g.size, into.data, into.size, self.batch)
        pointwise.normalised_gradient(*arguments, *of_norm, self.relu, self.adds[0])


class Add(Layer):
    """The sum of two maps: a residual connection."""

    def __init__(self, inputs: list[Map], output: Map, relu: bool):
        super().__init__(inputs, output)
        self.relu = relu

    def forward(self, training: bool) -> None:
        (a, b), y = self.inputs, self.output
        pointwise.added(a.data, a.size, b.data, b.size, y.data, y.size, self.relu)

    def backward(self) -> None:
        y, g = self.output, self.gradient
        assert g is not None
        for into, add in zip(self.input_gradients, self.adds):
            if into is not None:
                pointwise.added_gradient(y.data, y.size, g.data, g.size, into.data, into.size, add, self.relu)


class Copy(Layer):
    """The same numbers in other memory: a flattened map that has a border. `plain` are both sides as maps
    of the same shape."""

    def forward(self, training: bool) -> None:
        x, y = self.inputs[0], self._like(self.output)
        pointwise.copied(x.data, x.size, y.data, y.size, False)

    def backward(self) -> None:
        into = self.input_gradients[0]
        if into is not None:
            assert self.gradient is not None
            g = self._like(self.gradient)
            pointwise.copied(g.data, g.size, into.data, into.size, self.adds[0])

    def _like(self, vector: Map) -> Map:
        return Map(self.inputs[0].shape, vector.lanes, data=vector.data)


class Relu(Layer):
    """A ReLU by itself, where its input is read by another layer too."""

    def forward(self, training: bool) -> None:
        x, y = self.inputs[0], self.output
        ones = np.ones(x.shape[0], np.float32)
        pointwise.normalised(x.data, x.size, y.data, y.size, ones, 0 * ones, True)

    def backward(self) -> None:
        into, g = self.input_gradients[0], self.gradient
        assert g is not None
        pointwise.cut_gradient(self.output.data, self.output.size, g.data, g.size)
        if into is not None:
            pointwise.copied(g.data, g.size, into.data, into.size, self.adds[0])


class MaxPool(Layer):
    """Max pooling without padding."""

    def __init__(self, inputs: list[Map], output: Map, window: tuple[int, int], strides: tuple[int, int]):
        super().__init__(inputs, output)
        self.window, self.strides = window, strides
        self.winners = np.zeros((*output.shape, output.lanes), np.int32)

    def forward(self, training: bool) -> None:
        x, y = self.inputs[0], self.output
        pointwise.max_pooled(x.data, x.size, y.data, y.size, self.window, self.strides, self.winners)

    def backward(self) -> None:
        into, g, x = self.input_gradients[0], self.gradient, self.inputs[0]
        if into is None or g is None:
            return
        if not self.adds[0]:
            into.clear()
        if into.pad == x.pad:
            pointwise.max_pooled_gradient(g.data, g.size, self.winners, into.data)
            return
        plain = Map(x.shape, x.lanes, x.pad)  # winners are places in the input, whose border differs
        pointwise.max_pooled_gradient(g.data, g.size, self.winners, plain.data)
        pointwise.copied(plain.data, plain.size, into.data, into.size, True)


class MeanPool(Layer):
    """Average pooling without padding."""

    def __init__(self, inputs: list[Map], output: Map, window: tuple[int, int], strides: tuple[int, int]):
        super().__init__(inputs, output)
        self.window, self.strides = window, strides

    def forward(self, training: bool) -> None:
        x, y = self.inputs[0], self.output
        pointwise.mean_pooled(x.data, x.size, y.data, y.size, self.window, self.strides)

    def backward(self) -> None:
        into, g = self.input_gradients[0], self.gradient
        if into is None or g is None:
            return
        if not self.adds[0]:
            into.clear()
        pointwise.mean_pooled_gradient(g.data, g.size, into.data, into.size, self.window, self.strides)


class Torch(Layer):
    """Any function of single numbers, by torch and its gradient; and dropout, whose draws are in the order of
    the examples, as in the dense way."""

    def __init__(self, inputs: list[Map], output: Map, work, shape: torch.Size, draws: bool):
        super().__init__(inputs, output)
        self.work, self.shape, self.draws = work, shape, draws
        self.factors = np.ones_like(inputs[0].numbers())

    def forward(self, training: bool) -> None:
        x = self.inputs[0].numbers()
        if self.draws:
            if training:
                drawn = self.work.train()(torch.ones(self.batch, *self.shape)).reshape(self.batch, *self.inputs[0].shape)
                self.factors[..., : self.batch] = drawn.numpy().transpose(1, 2, 3, 0)
                np.multiply(x, self.factors, out=self.output.numbers())
            else:
                self.output.numbers()[:] = x
            return
        with torch.set_grad_enabled(training):
            self.taken = torch.from_numpy(np.ascontiguousarray(x)).requires_grad_(training)
            self.given = self.work(self.taken)
        self.output.numbers()[:] = self.given.detach().numpy()

    def backward(self) -> None:
        into, g = self.input_gradients[0], self.gradient
        if into is None or g is None:
            return
        if self.draws:
            back = g.numbers() * self.factors
        else:
            outer = torch.from_numpy(np.ascontiguousarray(g.numbers()))
            back = torch.autograd.grad(self.given, self.taken, outer)[0].numpy()
        target = into.numbers()
        target[:] = target + back if self.adds[0] else back
