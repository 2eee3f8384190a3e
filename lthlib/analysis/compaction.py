"""A ticket made small for real: its empty units removed, its zeros skipped.

A mask alone makes nothing smaller or faster: zeros are stored and multiplied like other numbers. These do:

    remove_units   a smaller dense network, with the outputs of the masked one
    CsrLinear      a linear layer that holds what the mask keeps, and the places of it
    two_of_four    the same for 2 of every 4 neighbours, on CUDA cards that have it

What that saves is counted and timed in `efficiency`.
"""

import copy
import warnings
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from lthlib import models
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks, structured
from lthlib.pruning.masks import Mask
from lthlib.tasks import Task

ALLOWED = "units are removed from linear layers and ungrouped convolutions alone"
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)
CAPABILITY, MULTIPLES = (8, 0), (32, 64)  # of 2:4 at float16: compute capability; rows and columns


def empty_units(mask: Mask, network: nn.Module | None = None) -> dict[str, Tensor]:
    """For each layer one boolean a unit (or channel), [units]: True where the mask keeps none of its incoming
    weights. Vectors and single numbers have no units. Give the `network` where it has transposed
    convolutions, whose units are the second dimension."""
    turned = structured.outputs_first(network, mask) if network is not None else mask
    return {name: ~kept.flatten(1).any(1) for name, kept in turned.items() if kept.dim() > 1}


def masked_network(network: nn.Module, mask: Mask) -> nn.Module:
    """A copy of `network` with its weights under the mask, in evaluation mode."""
    masked = copy.deepcopy(network).eval()
    models.load(masked, masks.apply(mask, masked.state_dict()))
    return masked


def remove_units(network: nn.Module, mask: Mask, example: Tensor) -> nn.Module:
    """The masked network without its empty units: a smaller dense network with the same outputs, in
    evaluation mode.

    An empty unit reads nothing, so it gives a constant: its bias, normalised and through the activation. If
    that is 0 the unit goes; another constant times its outgoing weights is first added to the bias of the
    linear layer that reads it, which is exact. A convolution cannot take it up, since its padding is 0 and
    not that constant: then this is refused, and `close_units` comes first. A ticket from theta_0 with biases
    0 is never refused: at exactly 0 the ReLU passes no gradient, so an empty unit's bias stays there. Where
    channels are coupled (a residual network adds them) a channel goes if it is empty in all of the layers
    that are added, and stays otherwise, with its constant. Units of the output layer stay. Layers that share
    a weight get each their own here, since they lose different parts of it.

    `example` is inputs [B, ...], by which the network is traced and the result checked. Done by torch-pruning
    (Fang et al. 2023, arXiv 2301.12900). Raises LotteryError where a layer has no unit left, where it is not
    linear or an ungrouped convolution, and where outputs would change.
    """
    masked = masked_network(network, mask)
    compact = copy.deepcopy(masked)
    empty = _removable(compact, mask, example)
    _untie(compact)
    tp, graph = _graph(compact, example)
    groups = list(_groups(tp, graph, empty))
    for readers, _ in groups:
        for layer, constant in _constants(compact, readers, example):
            _take_up(layer, readers[layer], constant)
    for _, group in groups:
        group.prune()
    with torch.no_grad():
        wanted, outputs = masked(example), compact(example)
    difference = float((outputs - wanted).abs().max())
    if not difference <= 1e-4 * (1 + float(wanted.abs().max())):
        raise LotteryError(
            f"without its empty units {type(network).__name__} gives outputs that differ by {difference:.2g}: some layer "
            "mixes units (layer or group normalisation, say), so keep the masked network."
        )
    return compact


def close_units(network: nn.Module, mask: Mask, example: Tensor) -> nn.Module:
    """The masked network with the constants of its removable empty units set to 0: another network, for
    `remove_units`.

    Sets a unit's bias, and in a batch norm right after it the shift and the running mean, to 0. Compare its
    accuracy with the masked network's: this is no longer the ticket that was trained.
    """
    closed = masked_network(network, mask)
    tp, graph = _graph(closed, example)
    norm_of = _norms_after(closed, example)
    for _, group in _groups(tp, graph, _removable(closed, mask, example)):
        for dep, units in group:
            layer = dep.target.module
            if not isinstance(layer, models.PRUNABLE_LAYERS) or not graph.is_out_channel_pruning_fn(dep.handler):
                continue
            norm = norm_of.get(layer)
            for tensor in (layer.bias, *((norm.bias, norm.running_mean) if norm else ())):
                if tensor is not None:
                    tensor.detach()[units] = 0.0
    return closed


def shape_task(task: Task, compact: nn.Module, name: str) -> Task:
    """A task whose networks have the shape of `compact` and new weights: does the pruned *shape* train as
    well (Liu et al. 2019, arXiv 1810.05270)? Layers are initialised for their own size: Gaussian Glorot
    weights, biases 0, plain norms."""

    def build(_) -> nn.Module:
        fresh = copy.deepcopy(compact).train()
        for module in fresh.modules():
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
        return fresh.apply(models.glorot)

    return Task(name, task.dataset, build)  # read, or drawn, once


def _graph(network: nn.Module, example: Tensor):
    """torch-pruning and its graph of which layers' units are coupled."""
    try:
        import torch_pruning
    except ImportError as error:
        missing = "units are removed by the package torch-pruning, which is missing: pip install torch-pruning."
        raise LotteryError(missing) from error
    trained = {parameter: parameter.requires_grad for parameter in network.parameters()}
    for parameter in trained:  # the graph follows gradients, and would not see frozen layers
        parameter.requires_grad_(parameter.is_floating_point())
    graph = torch_pruning.DependencyGraph().build_dependency(network, example_inputs=example)
    for parameter, was in trained.items():
        parameter.requires_grad_(was)
    return torch_pruning, graph


def _removable(network: nn.Module, mask: Mask, example: Tensor) -> dict[nn.Module, Tensor]:
    """For each layer, which of its units are empty and may go, [units]: no unit of an output layer, nor of a
    frozen one, which the mask does not name."""
    names, empty = models.layer_names(network), empty_units(mask, network)
    outputs, removable = models.output_layers(network, example), {}
    for name in mask.keys() - names.values():
        owner = network.get_submodule(name.rpartition(".")[0])
        raise LotteryError(f"{name!r} is of {owner}: {ALLOWED}.")
    for layer, name in names.items():
        if name in mask and getattr(layer, "groups", 1) != 1:
            raise LotteryError(f"{name!r} is of {layer}: {ALLOWED}.")
        if name in mask and empty[name].all():
            raise LotteryError(f"the mask keeps no weight of {name!r}, so nothing gets through it: remove fewer.")
        stays = name in outputs or name not in mask
        units = layer.weight.shape[1 if isinstance(layer, structured.TRANSPOSED) else 0]
        removable[layer] = torch.zeros(units, dtype=torch.bool) if stays else empty[name]
    return removable


def _untie(network: nn.Module) -> None:
    """Give every module that shares a parameter with one before it a parameter of its own, in place."""
    taken = set()
    for module in network.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if id(parameter) in taken:
                setattr(module, name, nn.Parameter(parameter.detach().clone()))
            taken.add(id(parameter))


def _groups(tp, graph, removable: dict[nn.Module, Tensor]) -> Iterator[tuple[dict[nn.Module, list[int]], object]]:
    """What can be removed: for each set of coupled layers, which layers read their empty units (by which
    inputs), and torch-pruning's group that removes them."""
    done = set()
    for layer, empty in removable.items():
        if layer in done or not empty.any():
            continue
        prune = tp.prune_linear_out_channels if isinstance(layer, nn.Linear) else tp.prune_conv_out_channels
        whole = graph.get_pruning_group(layer, prune, idxs=list(range(len(empty))))
        coupled = {dep.target.module for dep, _ in whole if graph.is_out_channel_pruning_fn(dep.handler)} & set(removable)
        done |= coupled
        if len({len(removable[each]) for each in coupled}) > 1:
            names = ", ".join(map(str, coupled))
            raise LotteryError(
                f"{names} are added or multiplied with other numbers of units each: no unit can be removed of them."
            )
        empty_in_all = torch.stack([removable[each] for each in coupled]).all(0)
        added_to_embedding = any(isinstance(dep.target.module, nn.Embedding) for dep, _ in whole)
        if added_to_embedding or not empty_in_all.any():
            continue
        group, readers = graph.get_pruning_group(layer, prune, idxs=empty_in_all.nonzero().flatten().tolist()), {}
        for dep, places in group:
            if isinstance(dep.target.module, models.PRUNABLE_LAYERS) and graph.is_in_channel_pruning_fn(dep.handler):
                readers[dep.target.module] = places
        yield readers, group


def _constants(network: nn.Module, readers: dict[nn.Module, list[int]], example: Tensor) -> list[tuple[nn.Module, Tensor]]:
    """What each reader gets from the empty units, for the example: a number each, [places]."""
    constants: list[tuple[nn.Module, Tensor]] = []

    def note(layer, inputs):
        channels = inputs[0].detach().movedim(-1 if isinstance(layer, nn.Linear) else 1, 0)
        given = channels[readers[layer]].flatten(1)
        if not torch.allclose(given, given[:, :1].expand_as(given), atol=1e-6):
            raise LotteryError(f"what {layer} reads from an empty unit is no constant: some layer before it mixes units.")
        constants.append((layer, given[:, 0]))

    _run_with(network, example, [layer.register_forward_pre_hook(note) for layer in readers])
    return constants


def _run_with(network: nn.Module, example: Tensor, hooks: list) -> None:
    """One forward pass with these hooks, which are removed after it, also if it fails."""
    try:
        with torch.no_grad():
            network(example)
    finally:
        for hook in hooks:
            hook.remove()


def _take_up(layer: nn.Module, places: list[int], constant: Tensor) -> None:
    """Add what constant inputs contribute to the bias of the layer that reads them."""
    if not constant.any():
        return
    if not isinstance(layer, nn.Linear):
        raise LotteryError(
            f"an empty unit gives {float(constant.abs().max()):.2g} and not 0 to {layer}, whose padding cannot do the same: "
            "set such constants to 0 with close_units first, and compare its accuracy."
        )
    added = layer.weight.detach()[:, places] @ constant
    layer.bias = nn.Parameter(added if layer.bias is None else layer.bias.detach() + added)


def _norms_after(network: nn.Module, example: Tensor) -> dict[nn.Module, nn.Module]:
    """For each layer the batch norm that takes its very output."""
    outputs, norm_of = [], {}

    def after(layer, _, output):
        outputs.append((output, layer))

    def before(norm, inputs):
        norm_of.update({layer: norm for output, layer in outputs if output is inputs[0]})

    layers = [m for m in network.modules() if isinstance(m, models.PRUNABLE_LAYERS)]
    norms = [m for m in network.modules() if isinstance(m, NORMS)]
    hooks = [m.register_forward_hook(after) for m in layers] + [m.register_forward_pre_hook(before) for m in norms]
    _run_with(network, example, hooks)
    return norm_of


class CsrLinear(nn.Module):
    """A linear layer of what the mask keeps, in compressed sparse rows (values, 32-bit columns, 32-bit row
    ends).

    [..., in] -> [..., out], as `nn.Linear` with the masked weight. For evaluation: it has nothing to train.
    """

    def __init__(self, layer: nn.Linear, kept: Tensor):
        super().__init__()
        self.register_buffer("weight", to_csr(layer.weight.detach(), kept.to(layer.weight.device)))
        self.register_buffer("bias", None if layer.bias is None else layer.bias.detach().unsqueeze(1))

    def forward(self, x: Tensor) -> Tensor:
        product = self.weight @ x.reshape(-1, x.shape[-1]).T.contiguous()
        outputs = (product if self.bias is None else product + self.bias).T
        return outputs if x.dim() == 2 else outputs.reshape(*x.shape[:-1], -1)


def to_csr(weight: Tensor, kept: Tensor) -> Tensor:
    """A weight's kept entries as a torch.sparse_csr tensor with 32-bit indices, [units, inputs * ...]. An
    entry that is kept and happens to be 0 is stored, too."""
    kept, weight = kept.flatten(1), weight.flatten(1)
    ends = torch.cat([torch.zeros(1, dtype=torch.int64, device=kept.device), kept.sum(1).cumsum(0)])
    columns = kept.nonzero()[:, 1]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse CSR tensor support is in beta")
        parts = ends.int(), columns.int(), weight[kept]
        return torch.sparse_csr_tensor(*parts, size=weight.shape, check_invariants=True)


def with_csr_layers(network: nn.Module, mask: Mask) -> nn.Module:
    """The masked network with a CsrLinear in place of every linear layer whose weight the mask names."""
    return replace_linear(masked_network(network, mask), mask, CsrLinear)


def replace_linear(network: nn.Module, mask: Mask, make: Callable[[nn.Linear, Tensor], nn.Module]) -> nn.Module:
    """The network itself with `make(layer, kept)` in place of every linear layer whose weight the mask
    names."""
    names = models.layer_names(network)
    for path, layer in list(network.named_modules(remove_duplicate=False)):
        if isinstance(layer, nn.Linear) and names[layer] in mask:
            above, _, last = path.rpartition(".")
            setattr(network.get_submodule(above), last, make(layer, mask[names[layer]]))
    return network


def why_no_csr() -> str:
    """Empty where this torch multiplies CSR matrices on the CPU, else why not (it takes MKL, which not every
    build has)."""
    try:
        to_csr(torch.ones(2, 2), torch.eye(2, dtype=torch.bool)) @ torch.ones(2, 3)
    except RuntimeError as error:
        return str(error).splitlines()[0]
    return ""


def why_no_two_of_four() -> str:
    """Empty where this machine multiplies 2:4 matrices in hardware, else why not, in one sentence."""
    if not torch.cuda.is_available():
        return "2:4 products need a CUDA card: torch has none for a CPU."
    if torch.cuda.get_device_capability() < CAPABILITY:
        return "2:4 products need a card of compute capability {}.{} or more.".format(*CAPABILITY)
    return ""


def two_of_four(weight: Tensor, kept: Tensor) -> Tensor:
    """The kept entries of a weight [units, inputs] in the 2:4 format of a CUDA card, at float16, for
    functional.linear.

    Raises LotteryError where there is no such card, where a group of four neighbours keeps more than two
    (structure "groups", level 2, keeps two), and where the weight has a size that the card does not take.
    """
    if reason := why_no_two_of_four():
        raise LotteryError(reason + " Use the masked weight.")
    if weight.dim() != 2 or any(size % step for size, step in zip(weight.shape, MULTIPLES)):
        takes = "a matrix with a multiple of {} rows and of {} columns".format(*MULTIPLES)
        raise LotteryError(f"a weight of shape {list(weight.shape)} has no 2:4 format: give {takes}.")
    most = int(kept.reshape(-1, structured.GROUP).sum(1).max())
    if most > 2:
        taken = "2:4 takes two, as structure 'groups' at level 2"
        raise LotteryError(f"a group of four neighbours keeps {most} weights: {taken}.")
    return torch.sparse.to_sparse_semi_structured((weight * kept.to(weight.device)).cuda().half())
