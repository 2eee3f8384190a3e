"""Which weights of a network are prunable and at what rate, by which names they go, and its initial weights.

A weight that several modules share (`head.weight = embedding.weight`) is one weight with several names. Masks
know it by the first, the one in `named_parameters`; a state_dict lists them all, the others as `aliases`.
"""

import contextlib
import random
from collections import OrderedDict
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
    counts once; frozen ones (`requires_grad` is False) are left out.

    Raises LotteryError where there is none, where a layer is parametrised (weight norm and the like), where
    `also_prunable` names what is no parameter of its module, or where two parameters share memory.
    """
    weights = _with_frozen(model)
    if not weights:
        raise LotteryError(f"{type(model).__name__} has no linear or convolutional layer: there is nothing to prune.")
    trained = {name: weight for name, weight in weights.items() if weight.requires_grad}
    if not trained:
        raise LotteryError(
            f"all prunable weights of {type(model).__name__} are frozen (requires_grad is False), and frozen weights are "
            f"never pruned: unfreeze some of {', '.join(weights)}."
        )
    return trained


def _with_frozen(model: nn.Module) -> dict[str, nn.Parameter]:
    """What `prunable` gives, and the frozen weights that it leaves out."""
    wrapped = [name for name, layer in model.named_modules() if hasattr(layer, "parametrizations")]
    if wrapped:
        raise LotteryError(
            f"{', '.join(wrapped)}: parametrised layers have no weight to prune; remove the parametrisation first."
        )
    _check_memory(model)
    owners = {id(layer.weight) for layer in model.modules() if isinstance(layer, PRUNABLE_LAYERS)}
    owners |= {id(parameter) for module in model.modules() for parameter in _also_prunable(module)}
    return {name: parameter for name, parameter in model.named_parameters() if id(parameter) in owners}


def _check_memory(model: nn.Module) -> None:
    """Raise LotteryError where two parameters share memory: a copy of the network would part them."""
    names: dict[int, str] = {}
    for name, parameter in model.named_parameters():
        place = parameter.data_ptr()  # 0 on the meta device, and where there are no numbers
        if place and place in names:
            raise LotteryError(
                f"{names[place]!r} and {name!r} are two parameters in the same memory: let both layers have one, "
                "as in `b.weight = a.weight` (without .data)."
            )
        names[place] = name


def _also_prunable(module: nn.Module) -> list[nn.Parameter]:
    names, own = getattr(module, "also_prunable", ()), dict(module.named_parameters(recurse=False))
    for name in names:
        if name not in own:
            raise LotteryError(
                f"also_prunable of {type(module).__name__} names {name!r}: name parameters of the module itself, in a tuple; it "
                f"has {', '.join(own) or 'none'}."
            )
    return [own[name] for name in names]


def aliases(model: nn.Module) -> dict[str, str]:
    """From each further name that a shared parameter or buffer has in the state_dict to its first one."""
    first: dict[int, str] = {}
    for name, tensor in [*model.named_parameters(), *model.named_buffers()]:
        first.setdefault(id(tensor), name)
    names = {name: first.get(id(tensor), name) for name, tensor in model.state_dict(keep_vars=True).items()}
    return {name: own for name, own in names.items() if name != own}


def tied(model: nn.Module, state: dict[str, Tensor]) -> dict[str, Tensor]:
    """A state_dict of the model, or a part of it, in which aliases hold the very tensor of the first name."""
    return {**state, **{name: state[own] for name, own in aliases(model).items() if own in state}}


def load(model: nn.Module, state: dict[str, Tensor]) -> None:
    """`model.load_state_dict` of a plain dictionary that comes from a network like the model.

    torch keeps the versions of modules beside a state_dict, and some networks, such as torchvision's MNASNet,
    refuse one without them: the model's own are put beside it.
    """
    versioned = OrderedDict(state)
    versioned._metadata = getattr(model.state_dict(), "_metadata", None)  # pyright: ignore
    model.load_state_dict(versioned)


def layer_names(model: nn.Module) -> dict[nn.Module, str]:
    """Every linear and convolutional layer, frozen ones too, with the first name of its weight. Layers that
    share a weight have the same."""
    first = {id(parameter): name for name, parameter in model.named_parameters()}
    kinds = (layer for layer in model.modules() if isinstance(layer, PRUNABLE_LAYERS))
    return {layer: first[id(layer.weight)] for layer in kinds if id(layer.weight) in first}


def layer_rates(model: nn.Module, rate: float) -> dict[str, float]:
    """The rate of each prunable weight: `rate` times the network's `rate_factors`, 1 where it names none.

    Raises LotteryError where `rate_factors` names a weight that the network has not, or leaves 0 to 1.
    """
    names, factors = list(_with_frozen(model)), getattr(model, "rate_factors", {})
    for name, factor in factors.items():
        if name not in names or not 0 <= factor <= 1:
            raise LotteryError(
                f"rate_factors of {type(model).__name__} has {name!r}: {factor!r}: "
                f"factors lie from 0 to 1 and the prunable weights are {', '.join(names)}."
            )
    return {name: rate * factors.get(name, 1.0) for name in prunable(model)}


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
