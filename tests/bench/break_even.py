"""Where kernels for kept weights begin to pay, layer by layer: `python -m tests.bench.break_even` prints what
`lthlib.training.sparse.rule.COSTS` rests on.

A row is one layer: how many times the dense way's time its kernels take at each density, and that divided by the
density, which is the cost at density 1 if time is proportional to it. For linear networks, whole steps: all layers as
kernels, and all as torch's products on the tape, both over the dense way's step.
"""

import functools

import torch

from lthlib import data, models
from lthlib.training.objectives import classification
from lthlib.training.sparse import SparseNetwork, plan, rule
from lthlib.training.stack import Stack
from tests.bench import sparse
from tests.bench.run import median_of, seconds

MAPS = ((64, 32), (16, 32), (32, 16), (64, 8))  # channels, rows and columns
DENSITIES = (0.35, 0.2, 0.1, 0.05)
LINEAR = {"784-300-100-10": (784, (300, 100)), "64-300-100-10": (64, (300, 100)), "784-1000-1000-10": (784, (1000, 1000))}


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


def main(repeats: int = 5, iterations: int = 200) -> None:
    for name in LINEAR:
        for density in (1.0, 0.5, *DENSITIES):
            kernels, products = linear(name, density, repeats, iterations)
            print(f"{name}, {100 * density:g} %: kernels {kernels:.2f}, products {products:.2f} of the dense way's step")
    for channels, size in MAPS:
        for density in DENSITIES:
            turns = max(1, iterations // 50)
            ours, *dense = sparse.layer_times(seconds, median_of, repeats, turns, channels, size, density)
            share = ours / min(dense)
            print(f"{channels} channels of {size} x {size}, {100 * density:g} %: {share:.2f}, at density 1 {share / density:.1f}")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()
