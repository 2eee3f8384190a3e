"""Which layers give a network's output. Found by running it: where a layer is registered says nothing."""

import copy

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_leaves

from lthlib.models.prunable import layer_names


def output_layers(network: nn.Module, inputs: Tensor) -> list[str]:
    """The names of the weights of the output layers: those whose output reaches the network's output through no
    further layer, such as both factors of a gate, or what is added to it. `inputs`
    [B, ...] are run through a copy in training mode, in which auxiliary heads answer too, or in evaluation
    mode where training needs a larger batch. Where no such layer is seen, it is the one called last.
    """
    network, calls = copy.deepcopy(network), []
    for parameter in network.parameters():  # a frozen layer leaves no trace
        parameter.requires_grad_(parameter.is_floating_point())
    names = layer_names(network)
    for layer in names:
        layer.register_forward_hook(lambda layer, _, output: calls.append((names[layer], output.grad_fn)))
    with torch.random.fork_rng(devices=[]), torch.enable_grad():
        try:
            outputs = network.train()(inputs.clone())
        except Exception:  # batch norm with one value per channel, say; what else is wrong, evaluation shows
            calls.clear()
            outputs = network.eval()(inputs.clone())
    tensors = [tensor for tensor in tree_leaves(outputs) if isinstance(tensor, Tensor)]
    last = {call for tensor in tensors for call in _reaching(tensor, calls)}
    return list(dict.fromkeys(calls[call][0] for call in sorted(last))) or [name for name, _ in calls[-1:]]


def _reaching(tensor: Tensor, calls: list) -> list[int]:
    """Which of the calls, (name, node of the graph), lead to a tensor through no other call."""
    call_of = {node: call for call, (_, node) in enumerate(calls) if node is not None}
    waiting, seen, reached = [tensor.grad_fn], set(), []
    while waiting:
        node = waiting.pop()
        if node is None or node in seen:
            continue
        seen.add(node)
        if node in call_of:
            reached.append(call_of[node])
        else:
            waiting += [before for before, _ in node.next_functions]
    return reached
