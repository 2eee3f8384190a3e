"""Supermasks: masks that are learned on networks whose weights never are. What they leave is a strong ticket.

`edge_popup` and `bernoulli` make of a network one with a *score* for each prunable weight. The weights stay
as they were drawn, in buffers called `drawn`; scores are trained, by the engine, as any network is. So a
supermask needs no training loop of its own: it is a Task with such a model, hunted with `levels=0`.

    task = Task("popup-mine", "mnist1d", lambda data: edge_popup(LeNet(40, 10), density=0.5))
    table = hunt(task, levels=0)                        # its column density counts scores: all of them are
                                                        kept
    mask_of(task.build(), trained_weights)              # the mask that was learned, by name of the network's
                                                        own weights

A layer's scores go by the name `weight`, so that everything that trains, stacks, stores or resumes a weight
does so with a score. Pruning scores would make no sense (a score of zero is a weight that comes last in
edge-popup, and a coin toss in `bernoulli`): all rate factors are 0, and rounds of pruning leave such a
network as it is.

Nothing but scores is learned. Biases of masked layers are zero, all other parameters stay as the network was
born with them (Ramanujan et al. 2020 have no biases and normalise without parameters); batch norm's running
statistics are measured, as theirs are. Every prunable layer is masked, output layers and shortcuts too.

The theory: sums of some of n random numbers come exponentially close to any number (`nearest_subset_sum`), so
a random network that is wide enough holds any smaller one (`block_masks`).
"""

import copy
import math
from typing import Any

import torch
from torch import Tensor, nn

from lthlib import models
from lthlib.core.errors import LotteryError
from lthlib.core.validation import number
from lthlib.pruning.masks import Mask
from lthlib.training.randomness import Keyed


class Masked(nn.Module):
    """A layer whose weights are `drawn` times what its rule, `kept`, makes of the scores; `mask` is the
    rule's binary mask."""

    weight: Tensor
    drawn: Tensor

    def kept(self) -> Tensor:
        raise NotImplementedError

    def mask(self) -> Tensor:
        raise NotImplementedError

    def forward(self, *inputs, **named):
        scores = self.weight
        if scores.dtype != self.drawn.dtype:
            raise LotteryError(f"scores are {scores.dtype}, weights {self.drawn.dtype}: train supermasks at precision float32.")
        # For the length of this call, whatever kind of layer it is.
        self._parameters["weight"] = self.drawn * self.kept()  # pyright: ignore[reportArgumentType]
        try:
            return super().forward(*inputs, **named)
        finally:
            self._parameters["weight"] = scores  # pyright: ignore[reportArgumentType]


class Popup(Masked):
    """Keeps the `count` weights with the largest |score|."""

    count: int

    def kept(self) -> Tensor:
        sizes = self.weight.abs()
        return straight_through(largest(sizes, self.count), sizes)

    def mask(self) -> Tensor:
        return largest(self.weight.abs(), self.count).bool()


class Sampled(Masked):
    """Keeps a weight with probability sigmoid(score) in training, and where that is at least a half in
    evaluation."""

    coins: Keyed
    rescale: bool

    def kept(self) -> Tensor:
        chance = torch.sigmoid(self.weight)
        ones = self.coins.draw(chance.shape) < chance * 2**24 if self.training else self.mask()
        kept = straight_through(ones.to(chance.dtype), chance)
        return kept * (kept.numel() / kept.sum().clamp(min=1.0)) if self.rescale else kept

    def mask(self) -> Tensor:
        return self.weight >= 0


def _kinds(rule: type) -> dict[type, type]:
    """For each kind of prunable layer one with this rule, such as PopupLinear, in this module, where workers
    look for it."""
    made = {kind: type(rule.__name__ + kind.__name__, (rule, kind), {"__module__": __name__}) for kind in models.PRUNABLE_LAYERS}
    globals().update({kind.__name__: kind for kind in made.values()})
    return made


KINDS = {rule: _kinds(rule) for rule in (Popup, Sampled)}


def edge_popup(network: nn.Module, density: float, signed_constant: bool = False, scaled: bool = False) -> nn.Module:
    """A copy of the network whose layers each keep the share `density` of their random weights with the
    largest |score|.

    Of a layer of n weights exactly round(density * n) are kept, at least one, also where scores tie. The
    gradient goes straight through the choice: d loss / d |score| is d loss / d (weight in use) times the
    random weight, for kept and dropped weights alike, so that a dropped weight that would help gains score
    until it pops up. Ramanujan et al. (2020), section 3; that absolute values are compared is their code's.

    Weights are drawn anew, from torch's generator: Kaiming normal of standard deviation sqrt(2 / fan_in), or
    with `signed_constant` plus or minus that number. `scaled` divides it by sqrt(density), so that a layer's
    output keeps its size (an option of their code). Scores begin Kaiming uniform. The network itself is left
    alone. Raises LotteryError for a density that is not above 0 and at most 1, or a layer that is not one of
    torch's own.
    """
    allowed = "the share of each layer's weights to keep, above 0 and at most 1"
    density = number("density", density, lambda share: 0 < share <= 1, allowed)
    network, layers = _masked(network, KINDS[Popup])
    for layer in layers:
        std = math.sqrt(2 / layer.drawn[0].numel() / (density if scaled else 1))
        layer.drawn.normal_(0, std)
        if signed_constant:
            layer.drawn.copy_(std * layer.drawn.sign())
        nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5))
    for layer in _layers(network).values():
        layer.count = max(1, round(density * layer.drawn.numel()))
    return network


def bernoulli(network: nn.Module, signed_constant: bool = False, rescale: bool = False) -> nn.Module:
    """A copy of the network that keeps each weight with probability sigmoid(score), drawn anew at every step
    of training.

    Zhou et al. (2019), section 5: scores begin at 0, so a half is kept, and the gradient goes straight
    through the draw to sigmoid(score). Weights are the network's own, as it was born, or with
    `signed_constant` their signs times the standard deviation of their layer. `rescale` multiplies a layer's
    weights by its number of weights over its number of ones (dynamic weight rescaling; the gradient goes
    through this factor, too, as in their code). Gradients of sigmoids are small: of what we tried on
    MNIST-1D, SGD with momentum 0.9 and a learning rate of 100, rescaled, did best.

    What is drawn depends on a ticket's seed, the step and the layer's name alone, as in
    `randomness.Dropout`. In evaluation nothing is drawn: weights of probability 1/2 and more are kept, so
    that an accuracy is that of one mask, `mask_of`. (Zhou et al. average the accuracy of ten masks drawn at
    random.) Density is not chosen, but learned. The network itself is left alone. Raises LotteryError for a
    layer that is not one of torch's own.
    """
    network, layers = _masked(network, KINDS[Sampled])
    for layer in layers:
        if signed_constant:
            layer.drawn.copy_(layer.drawn.std(correction=0) * layer.drawn.sign())
        nn.init.zeros_(layer.weight)
    for layer in _layers(network).values():
        layer.coins, layer.rescale = Keyed(), rescale
    return network


def mask_of(network: nn.Module, weights: dict[str, Tensor] | None = None) -> Mask:
    """The binary mask that a supermask network stands for in evaluation, by name of the weights it masks.

    `weights` are trained ones of this network, such as a `Record` or `Trained` has them; None takes the
    network's own. `masks.density` gives its density. Raises LotteryError for a network without masked layers.
    """
    layers = _layers(_loaded(network, weights))
    return {name: layers[name.rpartition(".")[0]].mask() for name in models.prunable(network)}


def subnetwork(network: nn.Module, weights: dict[str, Tensor] | None = None, mask: Mask | None = None) -> dict[str, Tensor]:
    """The strong ticket as plain weights, for the ordinary network that `edge_popup` or `bernoulli` was
    given.

    Random weights where the mask keeps them and zeros elsewhere (rescaled, where `bernoulli` rescales).
    `mask` puts another in place of the learned one: a control. Raises LotteryError for a network without
    masked layers.
    """
    network = _loaded(network, weights)
    plain = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    own = {id(scores): name for name, scores in models.prunable(network).items()}  # layers that share scores have one name
    for name, layer in _layers(network).items():
        prefix = f"{name}." if name else ""
        kept = layer.mask() if mask is None else mask[own[id(layer.weight)]]
        share = kept.sum().clamp(min=1) / kept.numel() if getattr(layer, "rescale", False) else 1.0
        plain[prefix + "weight"] = plain.pop(prefix + "drawn") * kept / share
    return plain


def largest(scores: Tensor, count: int) -> Tensor:
    """Ones at the `count` largest scores, zeros elsewhere: exactly so many, also where scores tie."""
    flat = scores.detach().flatten()
    return torch.zeros_like(flat).scatter(0, flat.topk(count, sorted=False).indices, 1.0).view_as(scores)


def straight_through(mask: Tensor, scores: Tensor) -> Tensor:
    """The mask, bit for bit; what gradient it gets, the scores get."""
    return mask + (scores - scores.detach())


def _masked(network: nn.Module, kinds: dict[type, type]) -> tuple[nn.Module, list[Any]]:
    """A copy of the network with its prunable layers turned into these kinds; and of those that share a
    weight the first."""
    if not isinstance(network, nn.Module):
        raise LotteryError(f"the network is of type {type(network).__name__}: give a torch.nn.Module.")
    network = copy.deepcopy(network)
    _check_own_weights(network)
    factors = dict.fromkeys(models.prunable(network.requires_grad_(True)), 0.0)  # frozen layers get scores, too
    network.rate_factors = factors  # pyright: ignore[reportArgumentType]
    network.requires_grad_(False)
    drawn, first = {}, []
    for name, layer in network.named_modules():
        if not isinstance(layer, models.PRUNABLE_LAYERS):
            continue
        if type(layer) not in kinds:
            allowed = ", ".join(kind.__name__ for kind in kinds)
            raise LotteryError(f"layer {name!r} is of type {type(layer).__name__}: a supermask takes torch's own {allowed}.")
        if id(layer.weight) not in drawn:
            drawn[id(layer.weight)] = layer.weight.detach().clone()
            first.append(layer)
        layer.__class__ = kinds[type(layer)]  # everything else about the layer stays: stride, padding, hooks
        layer.register_buffer("drawn", drawn[id(layer.weight)])
        layer.weight.requires_grad_(True)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    return network, first


def _check_own_weights(network: nn.Module) -> None:
    """Raise LotteryError where a layer shares its weight with a module that takes no scores, an embedding
    say."""
    masked = models.layer_names(network)
    taken = {id(layer.weight): name for layer, name in masked.items()}
    for module in network.modules():
        for parameter in module.parameters(recurse=False):
            if module not in masked and id(parameter) in taken:
                raise LotteryError(
                    f"{taken[id(parameter)]!r} is shared with {type(module).__name__}, which would read scores as weights: "
                    "give the two weights of their own."
                )


def _layers(network: nn.Module) -> dict[str, Any]:
    layers = {name: layer for name, layer in network.named_modules() if isinstance(layer, Masked)}
    if not layers:
        raise LotteryError(f"{type(network).__name__} has no masked layers: make it with edge_popup or bernoulli first.")
    return layers


def _loaded(network: nn.Module, weights: dict[str, Tensor] | None) -> nn.Module:
    if weights is None:
        return network
    network = copy.deepcopy(network)
    models.load(network, weights)
    return network
