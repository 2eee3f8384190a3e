"""Criteria made to prune before training: SNIP, GraSP and SynFlow."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._pytree import tree_leaves, tree_map_only

from lthlib import models
from lthlib.pruning.registry import Tensors, score

TEMPERATURE = 200  # of GraSP's softmax (Wang et al. 2020)


@score
def snip(*, network: nn.Module, weights: Tensors, mask: Tensors, batch: tuple[Tensor, Tensor], loss: Callable) -> Tensors:
    """How much the loss changes with the weight's place in the mask, |dL / dm| at m = 1 (Lee et al. 2019,
    arXiv 1810.02340)."""
    gradients, masked = _gradients(network, weights, mask, batch, loss)
    return {name: (masked[name] * gradients[name]).abs() for name in weights}


@score
def grasp(*, network: nn.Module, weights: Tensors, mask: Tensors, batch: tuple[Tensor, Tensor], loss: Callable) -> Tensors:
    """How much of the gradient's squared norm goes with the weight: theta * (H g), to first order half of
    what removing it takes away (Wang et al. 2020, arXiv 2002.07376, equation 8, with the other sign: there
    the highest are removed)."""
    cool = lambda outputs, targets: loss(tree_map_only(Tensor, lambda part: part / TEMPERATURE, outputs), targets)  # noqa: E731
    with sdpa_kernel(SDPBackend.MATH):  # fused attention has no second derivative
        gradients, masked = _gradients(network, weights, mask, batch, cool, twice=True)
    flow = sum((gradient * gradient.detach()).sum() for gradient in gradients.values())
    hessian_gradient = torch.autograd.grad(flow, list(masked.values()))  # pyright: ignore[reportArgumentType, reportCallIssue]
    return {name: masked[name].detach() * product for name, product in zip(masked, hessian_gradient)}


@score(rounds=100, examples=1)
def synflow(*, network: nn.Module, weights: Tensors, mask: Tensors, batch: tuple[Tensor, Tensor]) -> Tensors:
    """What flows through the weight: dR / d theta * theta, R the sum of outputs of the network of absolute
    values for an input of ones, in evaluation mode and double precision (Tanaka et al. 2020, arXiv
    2006.05467, section 5). It looks at no data."""
    network = network.double().eval()
    further = models.aliases(network)  # a shared weight is given once, by its first name
    state = {name: tensor.detach() for name, tensor in network.state_dict().items() if name not in further}
    state = {name: tensor.abs() for name, tensor in state.items() if tensor.is_floating_point()}
    flowing = {name: (weights[name].double() * mask[name]).abs().requires_grad_() for name in weights}
    ones = torch.ones_like(batch[0][:1])
    outputs = functional_call(network, {**state, **flowing}, (ones.double() if ones.is_floating_point() else ones,))
    total = torch.stack([part.sum() for part in tree_leaves(outputs) if isinstance(part, Tensor)]).sum()
    gradients = torch.autograd.grad(total, list(flowing.values()))
    return {name: gradient * flowing[name] for name, gradient in zip(flowing, gradients)}


def _gradients(network, weights, mask, batch, loss, twice: bool = False) -> tuple[Tensors, Tensors]:
    """The loss's gradient in each masked weight on the batch, and these weights; `twice` if it is to be
    differentiated again."""
    masked = {name: (weights[name] * mask[name]).requires_grad_() for name in weights}
    value = loss(functional_call(network.train(), masked, (batch[0],)), batch[1])
    return dict(zip(masked, torch.autograd.grad(value, list(masked.values()), create_graph=twice))), masked
