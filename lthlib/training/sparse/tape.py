"""A traced network as layers on maps for one number of lanes: run forwards, and backwards."""

from __future__ import annotations

import numpy as np
import torch

from lthlib.training.sparse import layers, pointwise, rule
from lthlib.training.sparse.maps import Map
from lthlib.training.sparse.trace import Node
from lthlib.training.sparse.weights import Kept, NormWeights, Whole

Weights = dict[int, "Kept | Whole | NormWeights"]  # by the id of the node


class Tape:
    """Layers in order, for batches of up to `lanes` examples. `gradients` is whether it will run
    backwards."""

    def __init__(self, nodes: list[Node], weights: Weights, lanes: int, gradients: bool):
        self.lanes, self.gradients = lanes, gradients
        pads = _pads(nodes, gradients=False)
        self.maps: dict[int, Map] = {}
        self.layers: list[layers.Layer] = []
        self._of: list[Node] = []
        for node in nodes:
            self._append(node, weights, pads)
        self.input, self.output = self.maps[id(nodes[0])], self.maps[id(nodes[-1])]
        self.output_gradient: Map | None = None
        if gradients:
            self._connect_gradients(nodes, weights)

    def take(self, examples: np.ndarray, index: np.ndarray) -> None:
        """Examples [N, numbers] at these indices into the lanes."""
        pointwise.gather(examples, index, self.input.data, self.input.size)
        self._count(len(index))

    def put(self, examples: torch.Tensor) -> None:
        """Examples [batch, ...] into the lanes."""
        self.input.put(examples)
        self._count(len(examples))

    def forward(self, training: bool) -> None:
        for layer in self.layers:
            layer.forward(training)

    def backward(self) -> None:
        for layer in reversed(self.layers):
            if layer.gradient is not None:
                layer.backward()

    def _count(self, batch: int) -> None:
        for layer in self.layers:
            layer.batch = batch

    def _append(self, node: Node, weights: Weights, pads: dict[int, tuple[int, int]]) -> None:
        inputs = [self.maps[id(source)] for source in node.inputs]
        shape, pad = _as_map(node.shape), pads[id(node)]
        if node.kind == "input":
            self.maps[id(node)] = Map(shape, self.lanes, pad)
            return
        if node.kind == "flatten" and inputs[0].pad == (0, 0):
            self.maps[id(node)] = inputs[0].as_vector()  # the same memory: nothing to do
            return
        output = self.maps[id(node)] = Map(shape, self.lanes, pad)
        self.layers.append(_layer(node, inputs, output, weights.get(id(node)), self.gradients))
        self._of.append(node)

    def _connect_gradients(self, nodes: list[Node], weights: Weights) -> None:
        """Give every layer the maps of its gradients, and decide who writes first."""
        pads, gradients, needed = _pads(nodes, gradients=True), {}, set()
        for node in nodes:  # a gradient is needed from the first layer on that has something to train
            if id(node) in weights or any(id(source) in needed for source in node.inputs):
                needed.add(id(node))
        for node in nodes:
            if id(node) not in needed:
                continue
            source = node.inputs[0]
            if node.kind == "flatten" and self.maps[id(source)].pad == (0, 0) and pads[id(source)] == (0, 0):
                gradients[id(node)] = gradients[id(source)].as_vector()
            else:
                gradients[id(node)] = Map(_as_map(node.shape), self.lanes, pads[id(node)])
        written = set()
        self.output_gradient = gradients[id(nodes[-1])]
        for node, layer in zip(reversed(self._of), reversed(self.layers)):
            layer.gradient = gradients.get(id(node))
            for place, source in enumerate(node.inputs):
                into = gradients.get(id(source))
                layer.input_gradients[place] = into
                memory = None if into is None else into.data.ctypes.data
                layer.adds[place] = memory in written
                written.add(memory)


def _as_map(shape: torch.Size) -> tuple[int, int, int]:
    """The shape of one example as channels, rows, columns."""
    channels, rows, columns = (shape[0], *[1] * (3 - len(shape)), *shape[1:])
    return channels, rows, columns


def _pads(nodes: list[Node], gradients: bool) -> dict[int, tuple[int, int]]:
    """The border that each node's map needs: of its activations for the windows of the convolutions that
    read it, of its gradient for the way back through itself and for strided windows."""
    pads = {id(node): (0, 0) for node in nodes}

    def at_least(node: Node, border: tuple[int, int]) -> None:
        old = pads[id(node)]
        pads[id(node)] = (max(old[0], border[0]), max(old[1], border[1]))

    for node in nodes:
        if node.kind != "convolution":
            continue
        of = options(node)
        strided = of["strides"] != (1, 1)
        if not gradients or strided:
            at_least(node.inputs[0], of["padding"])
        if gradients and not strided:
            reach = [dilation * (size - 1) - pad for dilation, size, pad in zip(of["dilation"], of["kernel"], of["padding"])]
            at_least(node, (max(0, reach[0]), max(0, reach[1])))
    return pads


def options(node: Node) -> dict[str, tuple[int, int]]:
    """Kernel, strides, padding and dilation of a convolution, rows and columns each."""
    module, flat = node.work, len(node.shape) == 2
    names = {"kernel": module.kernel_size, "strides": module.stride, "padding": module.padding, "dilation": module.dilation}
    none = {"kernel": 1, "strides": 1, "padding": 0, "dilation": 1}
    return {name: (none[name], *value) if flat else tuple(value) for name, value in names.items()}


def _layer(node: Node, inputs: list[Map], output: Map, weights, gradients: bool) -> layers.Layer:
    if node.kind == "linear":
        if isinstance(weights, Kept) and (gradients or weights.density < rule.FORWARD_BREAK_EVEN):
            return layers.SparseLinear(inputs, output, weights, node.relu)
        return layers.DenseLinear(inputs, output, weights, node.relu)
    if node.kind == "convolution":
        return layers.Convolution(inputs, output, weights, node.relu, options(node))
    if node.kind == "norm":
        return layers.Norm(inputs, output, weights, node.relu)
    if node.kind == "add":
        return layers.Add(inputs, output, node.relu)
    if node.kind == "relu":
        return layers.Relu(inputs, output)
    if node.kind == "max pool":
        return layers.MaxPool(inputs, output, node.options["window"], node.options["strides"])
    if node.kind in ("mean pool", "mean of map"):
        return layers.MeanPool(inputs, output, node.options["window"], node.options["strides"])
    if node.kind == "flatten":
        return layers.Copy(inputs, output)
    return layers.Torch(inputs, output, node.work, node.shape, draws=node.kind == "dropout")
