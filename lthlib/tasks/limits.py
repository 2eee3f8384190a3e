"""Sizes that no machine could carry out, refused by arithmetic before anything is built or trained."""

import copy
import os

import torch
from torch import Tensor, nn

from lthlib.core.errors import LotteryError
from lthlib.core.processes import one_thread
from lthlib.data import Dataset
from lthlib.settings import Extent, Recipe

MOST_NETWORKS = 10_000_000
MOST_CLASSES = 1_000_000  # without an example for each


def check_networks(count: int, extent: Extent) -> None:
    """Raise LotteryError where a hunt would train more networks than anyone could wait for."""
    if count > MOST_NETWORKS:
        raise LotteryError(
            f"levels {_written(extent.levels)}, trials {_written(extent.trials)} and redraws {_written(extent.redraws)} make "
            f"{_written(count)} networks to train: choose at most {_written(MOST_NETWORKS)}."
        )


def check_classes(dataset: Dataset) -> None:
    """Raise LotteryError where whole-number targets name far more classes than there are targets."""
    splits = (dataset.train, dataset.validation, dataset.test)
    if any(split.targets.is_floating_point() for split in splits):
        return
    count = sum(split.targets.numel() for split in splits)
    if dataset.classes > max(MOST_CLASSES, count):
        raise LotteryError(
            f"the {_written(count)} targets of data set {dataset.name!r} name {_written(dataset.classes)} classes: number them "
            "from 0 without gaps, for example by numpy.unique(targets, return_inverse=True)."
        )


def check_memory(network: nn.Module, dataset: Dataset, recipe: Recipe) -> None:
    """Raise LotteryError where training one network takes more memory than this machine has, by what it
    cannot do without: weights with gradient and optimiser, the numbers of a batch, and the order of the data."""
    weights = 4 * sum(parameter.numel() * parameter.element_size() for parameter in network.parameters())
    batch = 4 * recipe.batch_size * _numbers_per_example(network, dataset)
    order = 2 * 8 * recipe.batch_size * recipe.iterations
    needed, there = weights + batch + order, machine_memory()
    if needed > there:
        raise LotteryError(
            f"batch_size {_written(recipe.batch_size)} and iterations {_written(recipe.iterations)} need at least "
            f"{_gigabytes(needed)} GB of memory for one network ({_gigabytes(weights)} for weights, {_gigabytes(batch)} for a "
            f"batch, {_gigabytes(order)} for the order of the data), and this machine has {_gigabytes(there)} GB: choose less."
        )


def machine_memory() -> int:
    """Bytes of main memory of this machine; where that cannot be asked, more than any has."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # Windows
        return 2**50


@torch.no_grad()
def _numbers_per_example(network: nn.Module, dataset: Dataset) -> int:
    """The numbers of an example and of what layers with weights make of it."""
    network, sizes, totals = copy.deepcopy(network).eval(), [], []

    def note(layer, inputs, output) -> None:
        sizes.append(output.numel() if isinstance(output, Tensor) else 0)

    for layer in network.modules():
        if any(True for _ in layer.parameters(recurse=False)):
            layer.register_forward_hook(note)
    with one_thread():
        for count in (1, 2):
            sizes[:] = [dataset.train.inputs[:count].numel()]
            network(dataset.train.inputs[:count].clone())
            totals.append(sum(sizes))
    return totals[1] - totals[0]  # a network may work on a whole graph for any number of nodes


def _gigabytes(count: int) -> str:
    return _written(round(count / 2**30) if count < 2**90 else count // 2**30)


def _written(count: int) -> str:
    return f"{count:,}" if count < 10**18 else "more than 10**18"
