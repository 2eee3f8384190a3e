"""Where kernels for kept weights begin to pay, layer by layer: `python -m tests.bench.break_even` prints what
`lthlib.training.sparse.rule.COSTS` rests on.

A row is one layer: how many times the dense way's time its kernels take at each density, and that divided by the
density, which is the cost at density 1 if time is proportional to it. For linear networks, whole steps: all layers as
kernels, and all as torch's products on the tape, both over the dense way's step. For networks that are torch's but for
their linear layers (`rule.IN_TORCH`), whole steps and evaluations: every linear layer on kernels, and those that the rule
takes, over the dense way's. Names of rows, such as "vae", run those alone.
"""

import functools
import sys

import torch

from lthlib import data, models
from lthlib.settings import Recipe
from lthlib.training.objectives import autoencoder, classification, next_token
from lthlib.training.sparse import SparseNetwork, partial, plan, plan_partial, rule
from lthlib.training.stack import Stack
from tests.bench import sparse
from tests.bench.run import median_of, seconds

MAPS = ((64, 32), (16, 32), (32, 16), (64, 8))  # channels, rows and columns
DENSITIES = (0.35, 0.2, 0.1, 0.05)
LINEAR = {"784-300-100-10": (784, (300, 100)), "64-300-100-10": (64, (300, 100)), "784-1000-1000-10": (784, (1000, 1000))}
IN_TORCH = {"transformer 32": 32, "transformer 128": 128, "transformer 256": 256, "vae 784-400-20": 400, "gcn 1433-512": 512}
LEVELS = (0.5, 0.2, 0.1, 0.036)


def in_torch(name: str):
    """A network of this name, random examples for it, a recipe of its task's batch, and its objective."""
    width = IN_TORCH[name]
    if name.startswith("transformer"):
        tokens = torch.randint(0, 29, (256, 24))
        network = models.Transformer(29, 24, width, heads=2 if width < 64 else 4)
        return network, data.Split(tokens, tokens.roll(-1, 1)), Recipe(iterations=10**6, batch_size=32), next_token
    if name.startswith("vae"):
        pixels = torch.rand(600, 784)
        return models.VAE(784, width, 20), data.Split(pixels, pixels), sparse.ADAM, autoencoder
    nodes = torch.arange(2708)
    graph = models.GCN((torch.rand(2708, 1433) < 0.0127).float(), torch.randint(0, 2708, (5278, 2)), 7, width)
    return graph, data.Split(nodes, nodes % 7), Recipe(iterations=10**6, batch_size=140), classification


def partly(name: str, density: float, repeats: int, milliseconds: float) -> str:
    """A line on one network at one density."""
    network, train, recipe, objective = in_torch(name)
    ticket = sparse.ticket_of(network, density, torch.nn.Linear)
    every = [layer.removesuffix(".weight") for layer in ticket.mask if layer.endswith(".weight")]
    chosen = plan_partial(network, ticket, recipe, train)
    ways = [Stack(network, [ticket], recipe, train, sparse.CPU, objective) for _ in range(3)]
    partial.put_in(ways[0].model, ticket.mask, every)
    if chosen:
        partial.put_in(ways[1].model, ticket.mask, chosen.names)
    batch = min(recipe.batch_size, len(train))
    iterations = max(1, round(milliseconds / sparse.step_time(seconds, ways[2], 2, batch)))
    steps = median_of(repeats, *(functools.partial(sparse.step_time, seconds, way, iterations, batch) for way in ways))
    looks = median_of(repeats, *(functools.partial(seconds, functools.partial(way.measure, train)) for way in ways))
    times = ", ".join(f"{took / steps[2]:.2f}" for took in steps[:2]) + f" of {steps[2]:.1f} ms"
    evaluations = ", ".join(f"{took / looks[2]:.2f}" for took in looks[:2])
    what = f"{len(chosen.names) if chosen else 0} of {len(every)} layers chosen"
    return f"{name}, {100 * density:g} %: a step, all and chosen: {times}; an evaluation: {evaluations}; {what}"


def linear(name: str, density: float, repeats: int, iterations: int) -> tuple[float, float]:
    """A step with kernels, and one with torch's products on the tape, over the dense way's."""
    inputs, hidden = LINEAR[name]
    train = data.Split(torch.rand(3000, inputs), torch.randint(0, 10, (3000,)))
    network = models.LeNet(inputs, 10, hidden)
    ticket, ways = sparse.ticket_of(network, density), []
    for whole in (9.0, 0.0):  # above no density, and above every one
        rule.WHOLE_LINEAR = whole
        rule.GAIN = 0.0
        chosen = plan(network, ticket, sparse.ADAM, train)
        assert chosen is not None
        ways.append(SparseNetwork(chosen, ticket, sparse.ADAM, train, classification))
    ways.append(Stack(network, [ticket], sparse.ADAM, train, sparse.CPU))
    kernels, products, dense = median_of(
        repeats, *(functools.partial(sparse.step_time, seconds, way, iterations, 60) for way in ways)
    )
    return kernels / dense, products / dense


def main(wanted: list[str], repeats: int = 5, iterations: int = 200) -> None:
    picked = lambda name: not wanted or any(name.startswith(word) for word in wanted)  # noqa: E731
    for name in filter(picked, IN_TORCH):
        for density in LEVELS:
            print(partly(name, density, repeats, iterations / 2), flush=True)
    for name in filter(picked, LINEAR):
        for density in (1.0, 0.5, *DENSITIES):
            kernels, products = linear(name, density, repeats, iterations)
            print(f"{name}, {100 * density:g} %: kernels {kernels:.2f}, products {products:.2f} of the dense way's step")
    for channels, size in MAPS if not wanted else ():
        for density in DENSITIES:
            turns = max(1, iterations // 50)
            ours, *dense = sparse.layer_times(seconds, median_of, repeats, turns, channels, size, density)
            share = ours / min(dense)
            print(f"{channels} channels of {size} x {size}, {100 * density:g} %: {share:.2f}, at density 1 {share / density:.1f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:])
