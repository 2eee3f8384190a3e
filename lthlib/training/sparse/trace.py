"""What a network does, as a list of layers that `layers` has kernels for.

The module is traced by `torch.fx`, in training and in evaluation mode. A network with anything else in it,
or one that does something else in evaluation, is not for kernels: `trace` returns None with the reason,
and it is trained the dense way.
"""

import contextlib
import io
import operator
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.passes.shape_prop import ShapeProp
from torch.nn import functional

from lthlib.training import randomness

POINTWISE = (nn.LeakyReLU, nn.ELU, nn.SELU, nn.CELU, nn.GELU, nn.SiLU, nn.Tanh, nn.Sigmoid, nn.Softplus, nn.Hardswish)
FUNCTIONS: dict[Any, Callable] = {
    torch.tanh: torch.tanh,
    torch.sigmoid: torch.sigmoid,
    functional.leaky_relu: functional.leaky_relu,
    functional.elu: functional.elu,
    functional.gelu: functional.gelu,
    functional.silu: functional.silu,
}


@dataclass
class Node:
    """One layer: what it is, the layers it reads, its module or function, its options, and the shape of its
    output for one example."""

    kind: str
    name: str
    inputs: list["Node"]
    shape: torch.Size
    work: Any = None
    options: dict = field(default_factory=dict)
    relu: bool = False


class _Tracer(fx.Tracer):
    def is_leaf_module(self, module: nn.Module, name: str) -> bool:
        return isinstance(module, randomness.Keyed) or super().is_leaf_module(module, name)


class Unknown(Exception):
    """A layer that there is no kernel for."""


def trace(model: nn.Module, examples: Tensor) -> tuple[list[Node] | None, str]:
    """The layers of a network from input to output, or None and why not; `examples` [N, ...] are inputs."""
    was = model.training
    try:
        graphs = []
        for training in (True, False):
            graph = _Tracer().trace(model.train(training))
            graphs.append(fx.GraphModule(model, graph))
        if str(graphs[0].graph) != str(graphs[1].graph):
            return None, "it does something else in training than in evaluation"
        with torch.no_grad(), contextlib.redirect_stderr(io.StringIO()):  # where it prints what it raises
            ShapeProp(graphs[1].eval()).propagate(examples[:2].clone())
        return _nodes(graphs[1]), ""
    except Unknown as reason:
        return None, str(reason)
    except Exception as error:  # whatever a network's own code raises when it is traced
        return None, f"it cannot be traced ({type(error).__name__})"
    finally:
        model.train(was)


def _nodes(graph: fx.GraphModule) -> list[Node]:
    modules: dict[str, Any] = dict(graph.named_modules())
    found, nodes = {}, []
    for step in graph.graph.nodes:
        if step.op == "output":
            if not isinstance(step.args[0], fx.Node) or step.args[0] not in found:
                raise Unknown("its outputs are not one tensor")
            last = found[step.args[0]]
            if nodes[-1] is not last or len(last.shape) != 1:
                raise Unknown("its last layer does not give one vector an example")
            continue
        if _is_batch_size(step):
            continue
        node = _node(step, modules, found)
        found[step] = node
        if not any(node is other for other in nodes):
            nodes.append(node)
    return _fused(nodes)


def _node(step: fx.Node, modules: dict[str, Any], found: dict[fx.Node, Node]) -> Node:
    inputs = [found[arg] for arg in step.args if isinstance(arg, fx.Node) and arg in found]
    tensor = step.meta.get("tensor_meta")
    if tensor is None or not isinstance(tensor.shape, torch.Size) or len(tensor.shape) not in (2, 3, 4):
        raise Unknown(f"{step.name} gives no vectors or pictures")
    shape = tensor.shape[1:]
    if step.op == "placeholder":
        if tensor.dtype != torch.float32:
            raise Unknown("its inputs are no float32 numbers")
        return Node("input", step.name, [], shape)
    rest = [arg for arg in step.args if not (isinstance(arg, fx.Node) and arg in found)]
    name = str(step.target) if step.op == "call_module" else step.name
    if step.op == "call_module":
        if _hooked(modules[name]):
            raise Unknown(f"{name} has hooks")
        node = _module(modules[name], inputs, shape)
    else:
        node = _function(step, rest, dict(step.kwargs), inputs, shape)
    if node is None:
        of = type(modules[name]).__name__ if step.op == "call_module" else getattr(step.target, "__name__", step.target)
        raise Unknown(f"there is no kernel for {of}")
    if not any(node is source for source in inputs):  # an identity is its input
        node.name = name
    if step.op == "call_module" and any(node.work is other.work for other in found.values() if node.work and other is not node):
        raise Unknown(f"{node.name} is used twice")
    return node


def _hooked(module: nn.Module) -> bool:
    return bool(module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks)


def _module(module: Any, inputs: list[Node], shape: torch.Size) -> Node | None:
    """The node of a module, or None where there is no kernel for it."""
    kind = type(module)
    if kind is nn.Linear and len(inputs[0].shape) == 1:
        return Node("linear", "", inputs, shape, module)
    if kind in (nn.Conv1d, nn.Conv2d) and module.groups == 1 and module.padding_mode == "zeros":
        return Node("convolution", "", inputs, shape, module) if not isinstance(module.padding, str) else None
    if kind in (nn.BatchNorm1d, nn.BatchNorm2d):
        usual = module.affine and module.track_running_stats and module.momentum is not None
        return Node("norm", "", inputs, shape, module) if usual else None
    if kind is nn.ReLU:
        return Node("relu", "", inputs, shape)
    if kind in POINTWISE:
        return Node("pointwise", "", inputs, shape, module)
    if kind is randomness.Dropout:
        return Node("dropout", "", inputs, shape, module)
    if kind is nn.Identity:
        return inputs[0]
    if kind is nn.Flatten and module.start_dim == 1 and module.end_dim in (-1, len(inputs[0].shape)):
        return Node("flatten", "", inputs, shape)
    if kind in (nn.MaxPool1d, nn.MaxPool2d) and not module.return_indices:
        return _pool("max", inputs, shape, module.kernel_size, module.stride, module.padding, module.dilation, module.ceil_mode)
    if kind in (nn.AvgPool1d, nn.AvgPool2d):
        return _pool("mean", inputs, shape, module.kernel_size, module.stride, module.padding, 1, module.ceil_mode)
    if kind in (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d) and all(size == 1 for size in shape[1:]):
        return _pool("mean", inputs, shape, inputs[0].shape[1:], inputs[0].shape[1:], 0, 1, False)
    return None


def _function(step: fx.Node, rest: list, options: dict, inputs: list[Node], shape: torch.Size) -> Node | None:
    """The node of a function or a method, or None where there is no kernel for it."""
    called = step.target
    if called in (torch.relu, functional.relu, "relu"):
        return Node("relu", "", inputs, shape)
    if called in (operator.add, operator.iadd, torch.add, "add") and len(inputs) == 2 and not rest and not options:
        return Node("add", "", inputs, shape) if inputs[0].shape == inputs[1].shape else None
    if called in (torch.flatten, "flatten", "view", "reshape") and len(shape) == 1 and shape.numel() == inputs[0].shape.numel():
        return Node("flatten", "", inputs, shape)
    if called in FUNCTIONS and not rest:
        function = FUNCTIONS[called]
        return Node("pointwise", "", inputs, shape, lambda x: function(x, **options))
    if called in (functional.max_pool2d, functional.avg_pool2d, functional.max_pool1d, functional.avg_pool1d):
        kind = "max" if called in (functional.max_pool2d, functional.max_pool1d) else "mean"
        size = rest[0] if rest else options.get("kernel_size")
        stride = rest[1] if len(rest) > 1 else options.get("stride")
        usual = len(rest) < 3 and not set(options) - {
            "kernel_size",
            "stride",
            "padding",
            "ceil_mode",
            "dilation",
            "return_indices",
        }
        padding, ceil, dilation = options.get("padding", 0), options.get("ceil_mode", False), options.get("dilation", 1)
        if options.get("return_indices") or not usual:
            return None
        return _pool(kind, inputs, shape, size, stride, padding, dilation, ceil)
    over_map = (tuple(range(2, 1 + len(inputs[0].shape))), tuple(range(-len(inputs[0].shape) + 1, 0))) if inputs else ()
    if called in ("mean", torch.mean) and len(inputs) == 1 and len(shape) == 1 and len(inputs[0].shape) > 1:
        dim = rest[0] if rest else options.get("dim")
        if tuple([dim] if isinstance(dim, int) else dim or ()) in over_map:
            pooled = inputs[0].shape[1:]
            node = _pool("mean", inputs, torch.Size([shape[0], *[1] * len(pooled)]), pooled, pooled, 0, 1, False)
            return Node("mean of map", "", inputs, shape, options=node.options) if node else None
    return None


def _pool(kind: str, inputs: list[Node], shape: torch.Size, size, stride, padding, dilation, ceil: bool) -> Node | None:
    pair = lambda value: (1, value) if isinstance(value, int) and len(inputs[0].shape) == 2 else value  # noqa: E731
    size, stride = _pair(pair(size)), _pair(pair(stride or size))
    plain = all(number == 0 for number in _pair(padding)) and all(number == 1 for number in _pair(dilation)) and not ceil
    return Node(f"{kind} pool", "", inputs, shape, options={"window": size, "strides": stride}) if plain else None


def _pair(value) -> tuple[int, int]:
    if isinstance(value, int):
        return value, value
    return (1, int(value[0])) if len(value) == 1 else (int(value[0]), int(value[1]))


def _is_batch_size(step: fx.Node) -> bool:
    """Whether this only asks for how many examples there are, as `x.view(x.size(0), -1)` does."""
    if step.op == "call_method" and step.target == "size":
        return True
    if step.op == "call_function" and step.target is getattr:
        return step.args[1] == "shape"
    return step.op == "call_function" and step.target is operator.getitem


def _fused(nodes: list[Node]) -> list[Node]:
    """The nodes with each ReLU as a part of the layer it cuts, where nothing else reads that layer."""
    readers: dict[int, int] = {}
    for node in nodes:
        for source in node.inputs:
            readers[id(source)] = readers.get(id(source), 0) + 1
    instead: dict[int, Node] = {}
    kept = []
    for node in nodes:
        node.inputs = [instead.get(id(source), source) for source in node.inputs]
        source = node.inputs[0] if node.inputs else None
        fusable = source and source.kind in ("linear", "convolution", "norm", "add") and not source.relu
        if source and node.kind == "relu" and fusable and readers[id(source)] == 1:
            source.relu = True
            instead[id(node)] = source
        else:
            kept.append(node)
    return kept
