"""Which weights of a network are prunable and at what rate, and a network's initial weights."""

import contextlib
import random
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from lthlib.core.errors import LotteryError

PRUNABLE_LAYERS = (
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)


def prunable(model: nn.Module) -> dict[str, nn.Parameter]:
    """The weights that may be pruned, by name, in the order of the network. A weight that two layers share
    counts once.

    Raises LotteryError where there is none, where a layer is parametrised (weight norm and the like), or
    where `also_prunable` names what is no parameter of its module.
    """
    wrapped = [name for name, layer in model.named_modules() if hasattr(layer, "parametrizations")]
    if wrapped:
        raise LotteryError(
            f"{', '.join(wrapped)}: parametrised layers have no weight to prune; remove the parametrisation first."
        )
    owners = {id(layer.weight) for layer in model.modules() if isinstance(layer, PRUNABLE_LAYERS)}
    owners |= {id(parameter) for module in model.modules() for parameter in _also_prunable(module)}
    weights = {name: parameter for name, parameter in model.named_parameters() if id(parameter) in owners}
    if not weights:
        raise LotteryError(f"{type(model).__name__} has no linear or convolutional layer: there is nothing to prune.")
    return weights


def _also_prunable(module: nn.Module) -> list[nn.Parameter]:
    names, own = getattr(module, "also_prunable", ()), dict(module.named_parameters(recurse=False))
    for name in names:
        if name not in own:
            raise LotteryError(
                f"also_prunable of {type(module).__name__} names {name!r}: name parameters of the module itself, in a tuple; it "
                f"has {', '.join(own) or 'none'}."
            )
    return [own[name] for name in names]


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

    The global random states are left as they were.
    """
    with seeded(seed):
        return {name: tensor.detach().clone() for name, tensor in build().state_dict().items()}


@contextlib.contextmanager
def seeded(seed: int):
    """The global random numbers of torch (on the CPU), NumPy and Python seeded inside, and as before outside."""
    of_numpy, of_python = np.random.get_state(), random.getstate()  # which users' networks may draw from
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(seed)  # torch.manual_seed would seed every card as well
            np.random.seed(seed % 2**32)
            random.seed(seed)
            yield
    finally:
        np.random.set_state(of_numpy)
        random.setstate(of_python)
