"""What training by the kept weights alone saves: whole steps and hunts, against the dense way twice over.

"Dense" is torch as it is used by default: a masked network, one fused optimiser step, the mask multiplied in. A row
whose name ends in `_best_dense` has our own dense way on the other side, `training.stack`, with all that makes it
faster. One core, unless a note says otherwise.
"""

import contextlib
import dataclasses
import functools
import statistics
import tempfile

import torch
from torch import nn
from torch.nn import functional

from lthlib import data, models, tasks
from lthlib.analysis.training_speed import CPU, ticket_of
from lthlib.core.processes import one_thread, without_denormals
from lthlib.lottery.search import hunt
from lthlib.models.resnet import ResNet
from lthlib.pruning.allocation import erk_densities
from lthlib.settings import Moves, Recipe
from lthlib.training import engine
from lthlib.training.objectives import classification
from lthlib.training.randomness import batch_order
from lthlib.training.sparse import SparseNetwork, layers, plan
from lthlib.training.sparse.maps import Map, lanes_for
from lthlib.training.sparse.weights import Kept
from lthlib.training.stack import Stack, Ticket

LENET = {"50": 0.5, "33": 0.33, "21": 0.211, "13.5": 0.135, "3.6": 0.036, "1.5": 0.015}
RESNET = {"10": 0.1, "3.6": 0.036}
MOVING = {"10": 0.1, "5": 0.05}
LEVELS, TRIALS, WORKERS = 20, 3, 2
MOMENTUM = Recipe("sgd", 0.03, momentum=0.9, weight_decay=1e-4, batch_size=128, iterations=10**6)
ADAM = Recipe(iterations=10**6)
STEP = "ms per step"


class Plain:
    """Torch's default way: forward, backward, one fused optimiser step, and the mask multiplied in."""

    def __init__(self, network: nn.Module, ticket: Ticket, recipe: Recipe, train: data.Split):
        self.network, self.train = network, train
        parameters = dict(network.named_parameters())
        self.pruned, self.factors = [parameters[name].data for name in ticket.mask], [m.float() for m in ticket.mask.values()]
        kind = functools.partial(torch.optim.SGD, momentum=recipe.momentum) if recipe.optimizer == "sgd" else torch.optim.Adam
        self.optimizer = kind(network.parameters(), recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)

    def step(self, batch, views, iteration) -> None:
        self.optimizer.zero_grad()
        index = batch[0]
        functional.cross_entropy(self.network(self.train.inputs[index]), self.train.targets[index]).backward()
        self.optimizer.step()
        if self.pruned:
            torch._foreach_mul_(self.pruned, self.factors)


def ways_of(network: nn.Module, ticket: Ticket, recipe: Recipe, train: data.Split) -> list:
    """The same ticket as the engine trains it, in torch's default way, and in our own dense way."""
    chosen = plan(network, ticket, recipe, train)
    dense = Stack(network, [ticket], recipe, train, CPU)
    kept = SparseNetwork(chosen, ticket, recipe, train, classification) if chosen else dense
    return [kept, Plain(network, ticket, recipe, train), dense]


def step_time(seconds, way, iterations: int, batch_size: int) -> float:
    """Milliseconds a step; ours without denormal numbers, as the engine takes them."""
    orders = [batch[None] for batch in batch_order(len(way.train), batch_size, 0, 0, iterations)]
    as_in_training = contextlib.nullcontext() if isinstance(way, Plain) else without_denormals()
    with one_thread(), as_in_training:
        return 1000 * seconds(lambda: [way.step(batch, None, i) for i, batch in enumerate(orders)]) / iterations


def both(row, name: str, times: list[float], note: str) -> list[dict]:
    """Two rows: against torch's default way and against our own dense one."""
    ours, default, best = times
    return [
        row(name, default / ours, ours, default, STEP, f"{note}; other: torch's default dense way"),
        row(f"{name}_best_dense", best / ours, ours, best, STEP, f"{note}; other: our own dense way"),
    ]


def steps(row, median_of, seconds, dataset: data.Dataset, repeats: int, iterations: int) -> list[dict]:
    """Whole steps: LeNet at the densities of a hunt, and the 20-layer ResNet."""
    few = data.Split(dataset.train.inputs[:3000], dataset.train.targets[:3000])
    rows = []
    for name, density in LENET.items():
        network = models.LeNet(784, 10)
        ways = ways_of(network, ticket_of(network, density), ADAM, few)
        times = median_of(repeats, *(functools.partial(step_time, seconds, way, iterations, 60) for way in ways))
        rows += both(row, f"sparse_lenet_{name}", times, f"LeNet-300-100 at {name} %, batch 60, Adam")
    generator = torch.Generator().manual_seed(0)
    colours = data.Split(torch.randn(512, 3, 32, 32, generator=generator), torch.arange(512) % 10)
    for name, density in RESNET.items():
        network = ResNet((3, 32, 32), 10)
        ways = ways_of(network, ticket_of(network, density, nn.Conv2d), MOMENTUM, colours)
        few_steps = max(2, iterations // 100)
        times = median_of(repeats, *(functools.partial(step_time, seconds, way, few_steps, 128) for way in ways))
        rows += both(row, f"sparse_resnet20_{name}", times, f"ResNet-20, convolutions at {name} %, batch 128, momentum")
    return rows


def moving(row, median_of, seconds, dataset: data.Dataset, repeats: int, iterations: int) -> list[dict]:
    """A whole training of LeNet by RigL, its dense gradients and rebuilt indices within, beside the dense network's."""
    splits = (dataset.train, dataset.validation, dataset.test)
    few = data.Dataset(dataset.name, *(data.Split(split.inputs[:3000], split.targets[:3000]) for split in splits))
    recipe = Recipe(iterations=iterations, evaluate_every=iterations)
    network, moves, rows = models.LeNet(784, 10), Moves("rigl", every=min(100, iterations // 2)), []
    dense = Ticket({name: tensor.clone() for name, tensor in network.state_dict().items()}, {}, 0)
    plain = Plain(models.LeNet(784, 10), dense, recipe, few.train)

    def a_step(ticket: Ticket) -> float:
        training = engine.train([ticket], recipe, few, model=network, device="cpu", workers=1)
        return 1000 * seconds(lambda: list(training)) / iterations

    for name, density in MOVING.items():
        shapes = {key: tuple(weight.shape) for key, weight in models.prunable(network).items()}
        shares = erk_densities(shapes, density)
        mask = {key: torch.rand(shape) < shares[key] for key, shape in shapes.items()}
        ours = functools.partial(a_step, dataclasses.replace(dense, mask=mask, moves=moves))
        default = functools.partial(step_time, seconds, plain, iterations, recipe.batch_size)
        times = median_of(repeats, ours, default, functools.partial(a_step, dense))
        rows += both(row, f"rigl_lenet_{name}", times, f"training LeNet-300-100 by RigL at {name} %, ERK, batch 60, Adam")
    return rows


def convolution(row, median_of, seconds, repeats: int, iterations: int) -> list[dict]:
    """Forward and both gradients of Conv-2's second layer, batch 60, at 10 %."""
    turns = max(1, iterations // 100)
    times = [1000 * took for took in layer_times(seconds, median_of, repeats, turns, 64, 32, 0.1)]
    return both(row, "sparse_conv_10", times, "64 to 64 channels, 3 x 3, 32 x 32, forward and both gradients")


def layer_times(seconds, median_of, repeats: int, turns: int, channels: int, size: int, density: float) -> list[float]:
    """Seconds of forward and both gradients of a 3 x 3 convolution at batch 60: kernels, torch's default way, and
    channels last."""
    layer, lanes, shape = nn.Conv2d(channels, channels, 3, padding=1), lanes_for(60), (channels, size, size)
    mask = ticket_of(nn.Sequential(layer), density).mask["0.weight"]
    options = {"kernel": (3, 3), "strides": (1, 1), "padding": (1, 1), "dilation": (1, 1)}
    kept = layers.Convolution([Map(shape, lanes, (1, 1))], Map(shape, lanes), Kept(layer, mask), False, options)
    kept.gradient, kept.input_gradients = Map(shape, lanes, (1, 1)), [Map(shape, lanes)]
    inputs = torch.randn(60, *shape)
    kept.inputs[0].put(inputs)
    kept.gradient.put(torch.randn(60, *shape))

    def ours() -> float:
        return seconds(lambda: [(kept.forward(True), kept.backward()) for _ in range(turns)]) / turns

    def dense(memory_format) -> float:
        x = inputs.to(memory_format=memory_format).requires_grad_()
        own = nn.Conv2d(channels, channels, 3, padding=1).to(memory_format=memory_format)
        back = torch.randn(60, *shape).to(memory_format=memory_format)
        with one_thread():
            return seconds(lambda: [own(x).backward(back) for _ in range(turns)]) / turns

    return median_of(repeats, ours, lambda: dense(torch.contiguous_format), lambda: dense(torch.channels_last))


def hunts(row, seconds, dataset: data.Dataset, repeats: int, iterations: int, others: dict) -> list[dict]:
    """20 rounds of LeNet, 3 trials, two workers, end to end. `others` has, by the row's name, a usual loop, which gives
    milliseconds a step, and what it is called. A turn of the loops comes before each hunt and after the last."""
    task = tasks.Task("lenet-of-the-bench", dataset, lambda _: models.LeNet(784, 10))

    def whole(sparse: str) -> float:
        with tempfile.TemporaryDirectory() as folder:
            extent = {"levels": LEVELS, "trials": TRIALS, "iterations": iterations, "evaluate_every": 100}
            options = {"sparse": sparse, "workers": WORKERS, "device": "cpu", "results": folder, "progress": False}
            return seconds(lambda: hunt(task, "quick", **extent, **options))

    hunted: dict[str, list[float]] = {"auto": [], "off": []}
    looped: dict[str, list[float]] = {name: [] for name in others}
    for turn in range(repeats + 1):
        for name, (loop, _) in others.items():
            looped[name].append(loop())
        for way, took in hunted.items():
            if turn < repeats:
                took.append(whole(way))
    ours, off = (statistics.median(took) for took in hunted.values())
    step = 1000 * ours / (TRIALS * (LEVELS + 1) * iterations)
    what = f"{LEVELS} rounds of LeNet on {dataset.name}, {TRIALS} trials, {WORKERS} workers, {iterations:,} iterations"
    rows = [row("hunt_20_levels_vs_dense", off / ours, ours, off, "s", f"{what}; other: sparse off")]
    for name, (_, called) in others.items():
        other = statistics.median(looped[name])
        note = f"a step of that hunt in the mean, its evaluation and store within; other: {called}"
        rows.append(row(name, other / step, step, other, "ms per step and ticket", note))
    return rows


def against_sparselab(row, median_of, seconds, dataset: data.Dataset, repeats: int, iterations: int) -> list[dict]:
    """The same LeNet step by `sparselab.SparseLinear`, an extra of the benchmarks."""
    try:
        import sparselab
    except ImportError:
        return []
    few = data.Split(dataset.train.inputs[:3000], dataset.train.targets[:3000])
    network = models.LeNet(784, 10)
    ours = ways_of(network, ticket_of(network, 0.036), ADAM, few)[0]
    sizes = ((784, 300), (300, 100), (100, 10))
    first, *rest = (sparselab.SparseLinear(*size, sparsity=1 - 0.036) for size in sizes)
    theirs = nn.Sequential(nn.Flatten(), first, *(part for layer in rest for part in (nn.ReLU(), layer)))
    other = Plain(theirs, Ticket({}, {}, 0), ADAM, few)
    ways = (functools.partial(step_time, seconds, way, iterations, 60) for way in (ours, other))
    kept, lab = median_of(repeats, *ways)
    note = f"LeNet-300-100 at 3.6 %; other: sparselab {sparselab.__version__}, torch's fused Adam"
    return [row("sparse_vs_sparselab_3.6", lab / kept, kept, lab, STEP, note)]
