"""Trains tickets: the only training loop of the project.

`train` takes any number of tickets of one architecture and yields each as it finishes. On a CPU every ticket is trained by
one thread of one worker process, several at a time: a network this small gains nothing from a second thread, so two
workers on two cores double the throughput, and the numbers do not depend on how many workers there are. The data is shared
with the workers, not copied. On a GPU or an Apple device the tickets are trained there, one after the other.
"""

import contextlib
import copy
import math
import os
import threading
import time
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import joblib
import torch
from torch import Tensor, nn
from torch.nn import functional

from lthlib import masks
from lthlib.data import Dataset, Split
from lthlib.errors import LotteryError
from lthlib.settings import Recipe, seed_for

EVALUATION_BATCH = 1000
# Below this many iterations in all, starting worker processes takes longer than they save.
WORTH_WORKERS = 4000


@dataclass(frozen=True, eq=False)
class Ticket:
    """What is trained in isolation: weights (all parameters and buffers, by name), their mask, and the order of the data.

    `start` is the iteration that the weights come from: training goes on from there, with a fresh optimiser.
    """

    weights: dict[str, Tensor]
    mask: masks.Mask
    order_seed: int
    start: int = 0


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained ticket: its weights at the end, at the iteration asked for (`snapshot`), its history, and the time it took.

    `history` has equally long columns iteration, split, loss, accuracy. Validation is measured at the start, every
    `evaluate_every` iterations and at the end; test and train at early stop (the iteration of minimum validation loss,
    judged after the run) and at the end.
    """

    weights: dict[str, Tensor]
    snapshot: dict[str, Tensor] | None
    history: dict[str, list]
    seconds: float


@dataclass
class _History:
    """Collects measurements, and keeps the weights of the lowest validation loss so far."""

    columns: dict[str, list] = field(default_factory=lambda: {"iteration": [], "split": [], "loss": [], "accuracy": []})
    lowest: float = float("inf")
    early_stop: int = -1
    best: dict[str, Tensor] | None = None

    def add(self, iteration: int, split: str, loss: float, accuracy: float) -> None:
        for name, value in zip(self.columns, (iteration, split, loss, accuracy)):
            self.columns[name].append(value)

    def validate(self, iteration: int, model: nn.Module, data: Dataset) -> None:
        loss, accuracy = evaluate(model, data.validation)
        self.add(iteration, "validation", loss, accuracy)
        loss = float("inf") if math.isnan(loss) else loss
        if loss < self.lowest or self.early_stop < 0:
            self.lowest, self.early_stop, self.best = loss, iteration, _copy(model.state_dict())


def pick_device(device: str = "auto") -> torch.device:
    """The device called `device`; "auto" takes a CUDA card if there is one, else an Apple device, else the CPU.

    Raises LotteryError for a device that this machine has not.
    """
    has = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        return torch.device(next(name for name, available in has.items() if available))
    with contextlib.suppress(RuntimeError, TypeError):
        chosen = torch.device(device)
        if has.get(chosen.type) and (chosen.type != "cuda" or (chosen.index or 0) < torch.cuda.device_count()):
            return chosen
    there = ", ".join(name for name, available in has.items() if available)
    raise LotteryError(f"device {device!r} is not on this machine: choose auto or {there}.")


def check(device: str, workers: int | None) -> None:
    """Raise LotteryError for a device that is not here, or a number of workers below 1."""
    pick_device(device)
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise LotteryError(f"workers is {workers!r}: give a whole number, 1 or more, or leave it out for all cores.")


def train(
    tickets: Sequence[Ticket],
    recipe: Recipe,
    data: Dataset,
    *,
    model: nn.Module,
    snapshot: int | None = None,
    device: str = "auto",
    workers: int | None = None,
) -> Iterator[tuple[int, Trained]]:
    """Train tickets of the architecture `model`, each from its own weights, and yield (index, Trained) as each finishes.

    Masked weights are exactly zero after every step. `snapshot` asks for the weights at that iteration, too. `workers` is
    the number of processes on a CPU, all cores where it is None. Same tickets, same numbers, bit for bit on one machine.
    """
    where = pick_device(device)
    if where.type != "cpu":
        resident = Dataset(data.name, *(Split(s.inputs.to(where), s.targets.to(where)) for s in _splits(data)))
        for index, ticket in enumerate(tickets):
            yield index, _train_one(model, ticket, recipe, resident, snapshot, where)
        return
    workers = min(workers or joblib.cpu_count(), len(tickets))
    steps = sum(recipe.iterations - ticket.start for ticket in tickets)
    if workers <= 1 or steps < WORTH_WORKERS:
        for index, ticket in enumerate(tickets):
            with _one_thread():
                trained = _train_one(model, ticket, recipe, data, snapshot, where)
            yield index, trained
        return
    shared = [(split.inputs.numpy(), split.targets.numpy()) for split in _splits(data)]  # large arrays go as memory maps
    pool = joblib.Parallel(
        workers,
        return_as="generator_unordered",
        backend="loky",
        mmap_mode="c",
        pre_dispatch=2 * workers,
        initializer=_leave_with,
        initargs=(os.getpid(),),
    )
    with _quiet():
        yield from pool(
            joblib.delayed(_train_in_worker)(index, model, ticket, recipe, data.name, shared, snapshot)
            for index, ticket in enumerate(tickets)
        )


def evaluate(model: nn.Module, split: Split) -> tuple[float, float]:
    """Mean cross-entropy and accuracy (0 to 1) over every example of the split, in evaluation mode."""
    model.eval()
    loss = correct = 0.0
    with torch.no_grad():  # not inference_mode: a module may keep a tensor of its first forward for training
        for inputs, targets in zip(split.inputs.split(EVALUATION_BATCH), split.targets.split(EVALUATION_BATCH)):
            outputs = model(inputs)
            loss += functional.cross_entropy(outputs, targets, reduction="sum").item()
            correct += (outputs.argmax(1) == targets).sum().item()
    return loss / len(split), correct / len(split)


def batch_order(examples: int, batch_size: int, seed: int, start: int, stop: int) -> Tensor:
    """Which examples iterations `start` to `stop - 1` see: indices [stop - start, batch_size].

    One endless stream of reshuffled epochs cut into batches, so that no example is ever dropped at an epoch's end. The
    stream depends on the seed alone: a run that starts at iteration k sees what one from 0 sees after k.
    """
    first, last = start * batch_size, stop * batch_size
    epochs = range(first // examples, -(-last // examples))
    stream = torch.cat([_permutation(examples, seed_for(seed, epoch)) for epoch in epochs])
    offset = first - epochs.start * examples
    return stream[offset : offset + last - first].view(stop - start, batch_size)


def _permutation(n: int, seed: int) -> Tensor:
    return torch.randperm(n, generator=torch.Generator().manual_seed(seed))


def _train_one(model, ticket: Ticket, recipe: Recipe, data: Dataset, snapshot: int | None, device: torch.device) -> Trained:
    began = time.perf_counter()
    model = copy.deepcopy(model).to(device)
    model.load_state_dict(ticket.weights)
    for name, kept in ticket.mask.items():  # on the parameter itself: layers that share a weight load it under two names
        model.get_parameter(name).data.masked_fill_(~kept.to(device), 0.0)
    step = _stepper(model, ticket.mask, recipe, device)
    order = batch_order(len(data.train), recipe.batch_size, ticket.order_seed, ticket.start, recipe.iterations).to(device)
    history, kept = _History(), None
    with _random_state(seed_for("dropout", ticket.order_seed, ticket.start), device):
        for iteration in range(ticket.start, recipe.iterations + 1):
            if iteration == snapshot:
                kept = _copy(model.state_dict())
            if iteration % recipe.evaluate_every == 0 or iteration in (ticket.start, recipe.iterations):
                history.validate(iteration, model, data)
                model.train()
            if iteration < recipe.iterations:
                batch = order[iteration - ticket.start]
                step(data.train.inputs.index_select(0, batch), data.train.targets.index_select(0, batch))
    weights = _copy(model.state_dict())
    _measure_ends(model, history, recipe.iterations, data)
    return Trained(weights, kept, history.columns, time.perf_counter() - began)


def _stepper(model: nn.Module, mask: masks.Mask, recipe: Recipe, device: torch.device):
    """A function that takes one optimiser step on a batch and puts masked weights back to exactly zero."""
    parameters = dict(model.named_parameters())
    fused = device.type in ("cpu", "cuda")
    if recipe.optimizer == "adam":
        optimizer = torch.optim.Adam(parameters.values(), recipe.learning_rate, weight_decay=recipe.weight_decay, fused=fused)
    else:
        optimizer = torch.optim.SGD(
            parameters.values(), recipe.learning_rate, recipe.momentum, weight_decay=recipe.weight_decay, fused=fused
        )
    pruned = [name for name, kept in mask.items() if not kept.all()]
    weights = [parameters[name].data for name in pruned]
    factors = [mask[name].to(device, parameters[name].dtype) for name in pruned]

    def step(inputs: Tensor, targets: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()
        if weights:
            torch._foreach_mul_(weights, factors)

    return step


def _measure_ends(model: nn.Module, history: _History, end: int, data: Dataset) -> None:
    """Test and training accuracy at the end and, where that is another iteration, at early stop."""
    for iteration in sorted({history.early_stop, end}, reverse=True):
        if iteration != end:
            model.load_state_dict(history.best)
        for name in ("test", "train"):
            history.add(iteration, name, *evaluate(model, getattr(data, name)))


def _train_in_worker(index, model, ticket, recipe, name, shared, snapshot) -> tuple[int, Trained]:
    data = Dataset(name, *(Split(torch.from_numpy(inputs), torch.from_numpy(targets)) for inputs, targets in shared))
    with _one_thread():
        return index, _train_one(model, ticket, recipe, data, snapshot, torch.device("cpu"))


def _leave_with(parent: int) -> None:
    """In a worker: end when the process that it works for is gone, also where that was killed."""

    def watch():
        while os.getppid() == parent:
            time.sleep(1)
        os._exit(1)

    if hasattr(os, "fork"):  # elsewhere a parent's number stays when it is gone
        threading.Thread(target=watch, daemon=True).start()


def _splits(data: Dataset) -> tuple[Split, Split, Split]:
    return data.train, data.validation, data.test


def _copy(state: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().clone().cpu() for name, tensor in state.items()}


@contextlib.contextmanager
def _one_thread():
    """One thread for torch, so that the numbers are those of a worker; the number of before, after."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextlib.contextmanager
def _random_state(seed: int, device: torch.device):
    """torch's global generators (which dropout draws from) seeded inside, and as before outside."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


@contextlib.contextmanager
def _quiet():
    """Without loky's remark that a worker was restarted, which says nothing about the results."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given")
        yield
