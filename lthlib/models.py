"""Networks, and for each which weights are prunable and at what rate.

Any `torch.nn.Module` will do. Prunable are the weights of its linear and convolutional layers; biases and normalisation
are never pruned. A network may carry an attribute `rate_factors`, a dictionary from the name of a prunable weight to
what its rate is multiplied by: 0.5 prunes it at half the rate of the others, 0 keeps it whole.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from lthlib.errors import LotteryError

PRUNABLE_LAYERS = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


class LeNet(nn.Module):
    """Fully connected network with two hidden layers and ReLU (LeNet-300-100 of LeCun et al. 1998).

    Input [B, ...] of `inputs` numbers each, output [B, classes] logits. Gaussian Glorot initialisation, biases zero, the
    output layer pruned at half the rate: Frankle & Carbin (2019), figure 2 and section 2. On MNIST it has 266,200 weights.
    """

    rate_factors = {"output.weight": 0.5}

    def __init__(self, inputs: int, classes: int, hidden: tuple[int, int] = (300, 100)):
        super().__init__()
        self.fc1 = nn.Linear(inputs, hidden[0])
        self.fc2 = nn.Linear(hidden[0], hidden[1])
        self.output = nn.Linear(hidden[1], classes)
        self.apply(glorot)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.fc1(x.flatten(1)))
        return self.output(torch.relu(self.fc2(x)))


def glorot(module: nn.Module) -> None:
    """Gaussian Glorot weights and zero biases, for `Module.apply` (Glorot & Bengio 2010)."""
    if isinstance(module, PRUNABLE_LAYERS):
        nn.init.xavier_normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def prunable(model: nn.Module) -> dict[str, nn.Parameter]:
    """The weights that may be pruned, by name, in the order of the network. A weight that two layers share counts once.

    Raises LotteryError where there is none, or where a layer is parametrised (weight norm and the like).
    """
    wrapped = [name for name, layer in model.named_modules() if hasattr(layer, "parametrizations")]
    if wrapped:
        raise LotteryError(
            f"{', '.join(wrapped)}: parametrised layers have no weight to prune; remove the parametrisation first."
        )
    owners = {id(layer.weight) for layer in model.modules() if isinstance(layer, PRUNABLE_LAYERS)}
    weights = {name: parameter for name, parameter in model.named_parameters() if id(parameter) in owners}
    if not weights:
        raise LotteryError(f"{type(model).__name__} has no linear or convolutional layer: there is nothing to prune.")
    return weights


def layer_rates(model: nn.Module, rate: float) -> dict[str, float]:
    """The rate of each prunable weight: `rate` times the network's `rate_factors`, 1 where it names none.

    Raises LotteryError where `rate_factors` names a weight that the network has not, or leaves 0 to 1.
    """
    names, factors = list(prunable(model)), getattr(model, "rate_factors", {})
    for name, factor in factors.items():
        if name not in names or not 0 <= factor <= 1:
            raise LotteryError(
                f"rate_factors of {type(model).__name__} has {name!r}: {factor!r}: "
                f"factors lie from 0 to 1 and the prunable weights are {', '.join(names)}."
            )
    return {name: rate * factors.get(name, 1.0) for name in names}


def initial_weights(build: Callable[[], nn.Module], seed: int) -> dict[str, Tensor]:
    """theta_0: every parameter and buffer of a network built under `seed`, as copies that nothing else holds.

    The global random state is left as it was.
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed every card as well
        return {name: tensor.detach().clone() for name, tensor in build().state_dict().items()}
