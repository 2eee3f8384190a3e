"""Tasks to transfer tickets between: the same network, related data (Morcos et al. 2019, arXiv 1906.02773).
They also show which part of a mask is about the data.

Each split is changed by itself, so that no test example of the task is in what a relative is trained on.
"""

import dataclasses
from collections.abc import Callable

import torch
from torch import Tensor

from lthlib.core.errors import LotteryError
from lthlib.core.seeds import seed_for
from lthlib.core.validation import number
from lthlib.data import Dataset, Split
from lthlib.tasks import Task, find_task


def permuted(task: str | Task, seed: int = 0) -> Task:
    """The task with the numbers of every example in another order, the same for all: as hard as the task
    itself for a fully connected network, whose first layer does not know which inputs are neighbours."""
    task = find_task(task)
    count = task.dataset.train.inputs[0].numel()
    order = torch.randperm(count, generator=torch.Generator().manual_seed(seed_for("permuted", seed)))
    return _related(task, f"permuted{seed}", lambda inputs, _: inputs.flatten(1)[:, order].view_as(inputs))


def noisy(task: str | Task, scale: float = 0.5, seed: int = 0) -> Task:
    """The task with Gaussian noise on every number, `scale` times the standard deviation of the training
    inputs.

    Raises LotteryError for a scale below 0.
    """
    task = find_task(task)
    scale = number("scale", scale, lambda x: x >= 0, "0 or more, in standard deviations of the training inputs")
    sigma = scale * float(task.dataset.train.inputs.std())

    def blur(inputs: Tensor, name: str) -> Tensor:
        generator = torch.Generator().manual_seed(seed_for("noisy", seed, name))
        return inputs + sigma * torch.randn(inputs.shape, generator=generator)

    return _related(task, f"noisy{seed}", blur)


def _related(task: Task, suffix: str, change: Callable[[Tensor, str], Tensor]) -> Task:
    """A task of its own name whose inputs are change(inputs, name of the split).

    Raises LotteryError where inputs are no measurements, or where targets are more than a class.
    """
    name, dataset = f"{task.name}-{suffix}", task.dataset
    if not dataset.train.inputs.is_floating_point() or dataset.train.targets.dim() != 1:
        what = f"task {task.name!r} has other inputs than measurements, or no classes"
        raise LotteryError(f"{what}: take one such as lenet-mnist1d.")
    splits = {split: getattr(dataset, split) for split in ("train", "validation", "test")}
    changed = {split: Split(change(old.inputs, split).contiguous(), old.targets) for split, old in splits.items()}
    return dataclasses.replace(task, name=name, data=Dataset(name, **changed))
