"""How long a training step, and an evaluation, of a ticket take at each density: masked, by torch's sparse
matrices, and by the weights it keeps (`lthlib.training.sparse`).

Times are measured on one thread, in turn, and compared within a round (`efficiency.compare_times`); they
hold for this machine. Memory is counted.
"""

import copy
from collections.abc import Callable, Sequence
from functools import partial

import pandas as pd
import torch
from torch import Tensor, nn

from lthlib import models
from lthlib.analysis import compaction, efficiency
from lthlib.core.errors import LotteryError
from lthlib.data import Split
from lthlib.pruning import masks
from lthlib.settings import Recipe, Setting
from lthlib.storage.store import TICKET, Key, Store
from lthlib.tasks import Task, resolve
from lthlib.training import engine, objectives
from lthlib.training.stack import Stack, Ticket

TRAINING, EVALUATION = "training step", "evaluation"
MASKED, CSR, KEPT = "masked", "torch CSR", "kept weights"
DENSITIES = (1.0, 0.5, 0.33, 0.21, 0.135, 0.07, 0.036, 0.015)
FLOAT = 4  # bytes
CPU = torch.device("cpu")


def step_times(task: Task, densities: Sequence[float] = DENSITIES, rounds: int = 5) -> pd.DataFrame:
    """A row for each phase, way and density: columns phase, way, density (0 to 1), seconds, times, low,
    high and bytes.

    Networks are the task's, with the recipe of `quick`; each layer keeps its largest initial weights,
    since how long a step takes does not depend on them. `times` is how many times as fast as the masked
    dense network, `low` and `high` the quartiles; an evaluation is that of all test examples, without a
    gradient. A way that cannot run the network is left out. `bytes` is what training holds of weights,
    gradients, the optimiser's state and the places of weights; activations are not counted. Raises
    LotteryError for a density outside 0 to 1 and for fewer than 3 rounds.
    """
    for density in densities:
        if not 0 < density <= 1:
            raise LotteryError(f"a density is {density!r}: give shares of the weights, above 0 and at most 1.")
    recipe, network, rows = resolve(task, "quick")[0].recipe, task.build(), []
    dense = Stack(network, [ticket_of(network, 1.0)], recipe, task.dataset.train, CPU, task.objective)
    index = torch.arange(min(recipe.batch_size, len(task.dataset.train))).unsqueeze(0)
    for density in densities:
        ways = {"dense": dense, **_ways(task, network, ticket_of(network, density), recipe)}
        steps = {name: _training(way, index) for name, way in ways.items()}
        evaluations = {name: partial(way.measure, task.dataset.test) for name, way in ways.items()}
        for phase, contestants in ((TRAINING, steps), (EVALUATION, evaluations)):
            found = efficiency.compare_times(contestants, rounds).drop("dense")
            held = [_held(ways[name]) for name in found.index]
            rows.append(found.assign(phase=phase, density=density, bytes=held).rename_axis("way").reset_index())
    return pd.concat(rows, ignore_index=True)


def how_trained(task: Task, density: float) -> str:
    """How a hunt on a CPU trains tickets of this density: "kept weights: fc1, fc2, output", or "the dense
    way" and why. Every layer keeps the same share."""
    from lthlib.training.sparse import in_words  # numba takes half a second to import

    network = task.build()
    return in_words(network, ticket_of(network, density), resolve(task, "quick")[0].recipe, task.dataset.train)


def ways_by_level(task: Task, setting: Setting, store: Store, levels: int, device="auto", sparse="auto") -> pd.Series:
    """How each level of a stored hunt was trained, in the words of `how_trained`, by level: for the tickets
    of its first trial. Levels that are not stored are left out."""
    if engine.pick_device(device).type != "cpu" or sparse == "off":
        reason = "sparse is off" if sparse == "off" else f"kernels are for a CPU, the device is {device}"
        return pd.Series(dict.fromkeys(range(levels + 1), f"the dense way: {reason}"))
    from lthlib.training.sparse import in_words

    network, words = task.build(), {}
    for level in range(levels + 1):
        key = Key(TICKET, 0, level)
        if store.has(setting, key):
            ticket = Ticket({}, store.load(setting, key).mask, order_seed=0)
            words[level] = in_words(network, ticket, setting.recipe, task.dataset.train)
    return pd.Series(words, dtype=object)


def ticket_of(network: nn.Module, density: float, kinds: type | tuple[type, ...] = nn.Module) -> Ticket:
    """A ticket that keeps this share of the weights of each layer of these kinds, the largest ones and at
    least one; other layers are whole."""
    theta, weights = network.state_dict(), models.prunable(network)
    pruned = [name for name in weights if isinstance(network.get_submodule(name.rpartition(".")[0]), kinds)]
    rates = {name: 1 - max(density, 1 / weight.numel()) if name in pruned else 0.0 for name, weight in weights.items()}
    mask = masks.prune(masks.ones(weights), {name: theta[name].abs() for name in weights}, rates)
    return Ticket(theta, mask, order_seed=0)


class _Csr:
    """Training by torch's sparse matrices: a network of linear layers, each with the values that its mask
    keeps."""

    def __init__(self, network: nn.Module, ticket: Ticket, recipe: Recipe, train, objective):
        self.train, self.objective = train, objective
        self.kept = masks.layer_counts(ticket.mask)
        self.model = compaction.replace_linear(copy.deepcopy(network), ticket.mask, _CsrLayer)
        self.optimizer = torch.optim.Adam(self.model.parameters(), recipe.learning_rate, fused=True)

    def step(self, batch: Tensor, views: None, iteration: int) -> None:
        self.optimizer.zero_grad()
        outputs = self.model(self.train.inputs[batch[0]])
        self.objective(outputs, self.train.targets[batch[0]])[0].mean().backward()
        self.optimizer.step()

    @torch.no_grad()
    def measure(self, split: Split) -> tuple[Tensor, ...]:
        loss, accuracy = self.objective(self.model(split.inputs), split.targets)
        return loss.mean(), accuracy.mean()

    def held(self) -> int:
        """Bytes of values, gradients and two moments of each kept weight; its column, and its place in the
        transposed matrix."""
        return FLOAT * 6 * sum(self.kept.values())


class _CsrLayer(nn.Module):
    def __init__(self, layer: nn.Linear, kept: Tensor):
        super().__init__()
        places = torch.arange(kept.numel()).view(kept.shape)[kept]
        numbered = torch.zeros(kept.numel())
        numbered[places] = torch.arange(len(places)).float()
        self.rows = compaction.to_csr(layer.weight.detach(), kept)
        back = compaction.to_csr(numbered.view(kept.shape).T.contiguous(), kept.T.contiguous())
        self.order, self.columns = back.values().long(), (back.crow_indices(), back.col_indices(), back.shape)
        self.values, self.bias = nn.Parameter(self.rows.values().clone()), nn.Parameter(layer.bias.detach().clone())

    def forward(self, x: Tensor) -> Tensor:
        return _CsrProduct.apply(x, self.values, self) + self.bias


class _CsrProduct(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x: Tensor, values: Tensor, layer: _CsrLayer) -> Tensor:
        layer.rows.values().copy_(values)
        ctx.save_for_backward(x, values)
        ctx.layer = layer
        return (layer.rows @ x.T.contiguous()).T

    @staticmethod
    def backward(ctx, gradient: Tensor):
        (x, values), layer, turned = ctx.saved_tensors, ctx.layer, gradient.T.contiguous()
        of_values = torch.sparse.sampled_addmm(layer.rows, turned, x, beta=0.0).values()
        if not ctx.needs_input_grad[0]:
            return None, of_values, None
        crow, columns, shape = layer.columns
        back = torch.sparse_csr_tensor(crow, columns, values[layer.order], shape, check_invariants=False)
        return (back @ turned).T, of_values, None


def _ways(task: Task, network: nn.Module, ticket: Ticket, recipe: Recipe) -> dict:
    """By name what trains this ticket here. Kept weights are what a hunt takes, so masked where that is
    faster."""
    train, objective = task.dataset.train, task.objective
    ways = {MASKED: Stack(network, [ticket], recipe, train, CPU, objective)}
    linear = all(isinstance(layer, nn.Linear) for layer in models.layer_names(network))
    if linear and not compaction.why_no_csr() and objective is objectives.classification:
        ways[CSR] = _Csr(network, ticket, recipe, train, objective)
    chosen = engine.by_what_is_kept(network, [ticket], recipe, task.dataset, objective)
    return ways | {KEPT: chosen or ways[MASKED]}


def _training(way, index: Tensor) -> Callable[[], None]:
    """One step of training after another on the same examples, with the gradients that `compare_times`
    switches off."""

    def step() -> None:
        with torch.inference_mode(False), torch.enable_grad():
            way.step(index, None, 0)

    return step


def _held(way) -> int:
    """Bytes that training holds, activations apart."""
    if not isinstance(way, Stack):
        return way.held()
    copies = 3 if way.recipe.optimizer == "sgd" else 4  # value, gradient, and what the optimiser remembers
    factors = sum(factor.numel() for factor in way._factors)
    return FLOAT * (copies * sum(parameter.numel() for parameter in way.parameters.values()) + factors)
