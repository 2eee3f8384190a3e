"""Benchmarks on a CUDA card: R tickets stacked against a plain loop over one network, on the same card in the same run.

They run on a CPU, too, which only proves that they do.
"""

import time

import torch
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from lthlib import data, models
from lthlib.pruning import masks
from lthlib.settings import Recipe
from lthlib.training import randomness
from lthlib.training.stack import Stack, Ticket

SHAPES = {"lenet": (1, 28, 28), "conv2": (3, 32, 32), "resnet20": (3, 32, 32)}
NETWORKS = {
    "lenet": lambda: models.LeNet(784, 10),
    "conv2": lambda: models.Conv((3, 32, 32), 10, widths=(64,)),
    "resnet20": lambda: models.ResNet((3, 32, 32), 10),
}
RECIPES = {
    "lenet": Recipe(),
    "conv2": Recipe(learning_rate=2e-4),
    "resnet20": Recipe("sgd", 0.1, momentum=0.9, weight_decay=1e-4, batch_size=128, augment=True),
}


def noise(name: str, device: torch.device, examples: int = 3000) -> data.Split:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(examples, *SHAPES[name], generator=generator)
    return data.Split(inputs.to(device), torch.randint(0, 10, (examples,), generator=generator).to(device))


def clock(device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def tickets_of(name: str, count: int) -> list[Ticket]:
    made = []
    for seed in range(count):
        theta = models.initial_weights(NETWORKS[name], seed)
        scores = {weight: theta[weight].abs() for weight in models.prunable(NETWORKS[name]())}
        made.append(Ticket(theta, masks.prune(masks.ones(scores), scores, 0.8), order_seed=seed))
    return made


def stacked_step(name: str, count: int, steps: int, device: torch.device, precision: str = "float32") -> float:
    """Milliseconds a step and ticket of a stack, after its warm-up and capture."""
    recipe, train = Recipe(**{**vars(RECIPES[name]), "precision": precision}), noise(name, device)
    stack = Stack(NETWORKS[name](), tickets_of(name, count), recipe, train, device)
    order = torch.randint(len(train), (steps, count, recipe.batch_size), device=device)
    views = torch.randint(randomness.VIEWS, order.shape, device=device, dtype=torch.int16) if recipe.augment else None
    step = lambda i: stack.step(order[i % steps], None if views is None else views[i % steps], i)  # noqa: E731
    for i in range(6):
        step(i)
    began = clock(device)
    for i in range(steps):
        step(i)
    return 1000 * (clock(device) - began) / (steps * count)


def plain_step(name: str, steps: int, device: torch.device) -> float:
    """Milliseconds a step of one network in a plain loop over resident tensors, with a fused optimiser."""
    recipe, train, network = RECIPES[name], noise(name, device), NETWORKS[name]().to(device)
    adam, sgd = torch.optim.Adam, torch.optim.SGD
    options = {"lr": recipe.learning_rate, "fused": True}
    optimizer = adam(network.parameters(), **options) if recipe.optimizer == "adam" else sgd(network.parameters(), **options)
    order = torch.randint(len(train), (steps + 6, recipe.batch_size), device=device)

    def step(batch):
        optimizer.zero_grad()
        functional.cross_entropy(network(train.inputs[batch]), train.targets[batch]).backward()
        optimizer.step()

    for batch in order[:6]:
        step(batch)
    began = clock(device)
    for batch in order[6:]:
        step(batch)
    return 1000 * (clock(device) - began) / steps


def validation(name: str, count: int, steps: int, device: torch.device, examples: int = 5000) -> float:
    """Milliseconds a validation and ticket of a stack, after its warm-up and capture."""
    stack = Stack(NETWORKS[name](), tickets_of(name, count), RECIPES[name], noise(name, device), device)
    split = noise(name, device, examples)
    for _ in range(6):
        stack.validate(split)
    began = clock(device)
    for _ in range(steps):
        stack.validate(split)
    return 1000 * (clock(device) - began) / (steps * count)


def operations(name: str) -> int:
    """Floating-point operations of one training step, forward and backward."""
    network, inputs = NETWORKS[name](), torch.randn(RECIPES[name].batch_size, *SHAPES[name])
    with FlopCounterMode(display=False) as counter:
        network(inputs).sum().backward()
    return counter.get_total_flops()


def peak(device: torch.device, size: int, repeats: int = 10) -> float:
    """Operations a second of a large matrix product in the precision that float32 networks are trained at."""
    a, b = torch.randn(2, size, size, device=device)
    a @ b
    began = clock(device)
    for _ in range(repeats):
        a @ b
    return 2 * size**3 * repeats / (clock(device) - began)


def rows(row, median_of, repeats: int, steps: int, device: torch.device) -> list[dict]:
    """Two rows a network, on the smallest sizes where the device is a CPU."""
    small = device.type == "cpu"
    sizes, best = (
        ({"lenet": 2, "conv2": 1} if small else {"lenet": 64, "conv2": 16, "resnet20": 16}),
        peak(device, 256 if small else 8192),
    )
    measure = lambda name, count: compare(row, median_of, repeats, steps, device, name, count, best)  # noqa: E731
    return [found for name, count in sizes.items() for found in measure(name, count)]


def compare(row, median_of, repeats: int, steps: int, device: torch.device, name: str, count: int, best: float) -> list[dict]:
    """Time a step and ticket, stacked against plain, with the share of the measured peak; and what validation takes."""
    ours, other, low, checked = median_of(
        repeats,
        lambda: stacked_step(name, count, steps, device),
        lambda: plain_step(name, steps, device),
        lambda: stacked_step(name, count, steps, device, "bfloat16"),
        lambda: validation(name, count, max(1, steps // 20), device, 100 if device.type == "cpu" else 5000),
    )
    share = operations(name) / (ours / 1000) / best
    note = f"R={count}, {100 * share:.0f} % of the measured float32 peak; bfloat16: {low:.3g} ms; other: plain loop, one network"
    speed = row(f"gpu_vs_loop_{name}", other / ours, ours, other, "ms per step and ticket", note)
    share = checked / (checked + 100 * ours)
    note = f"R={count}: validation's share of a run; other: 100 steps"
    return [speed, row(f"gpu_validation_{name}", share, checked, 100 * ours, "ms per ticket", note)]
