"""Trains tickets: the only training loop of the project.

`train` takes any number of tickets of one architecture and yields each as it finishes. On a CPU every ticket
is trained by one thread of one worker process, several at a time: a network this small gains nothing from a
second thread, so two workers on two cores double the throughput, and the numbers do not depend on how many
workers there are. The data is shared with the workers, not copied. On a CUDA card the tickets are stacked and
trained side by side (see `stack`), as many as its memory takes; on an Apple device one after the other.
"""

import contextlib
import copy
import functools
import math
import os
import time
import warnings
from collections.abc import Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from typing import TYPE_CHECKING

import joblib
import torch
from torch import Tensor, nn

from lthlib import models
from lthlib.core import processes
from lthlib.core.errors import LotteryError
from lthlib.core.progress import notice
from lthlib.core.seeds import seed_for
from lthlib.data import Dataset, Split
from lthlib.pruning import masks
from lthlib.settings import Recipe
from lthlib.training import cluster, shared
from lthlib.training.moving import Movement
from lthlib.training.objectives import Objective, classification
from lthlib.training.places import SPARSE, check, pick_device, side_by_side, where_to_train  # noqa: F401  # also for callers
from lthlib.training.randomness import batch_order, view_order
from lthlib.training.stack import Stack, Ticket

if TYPE_CHECKING:
    from lthlib.training.sparse import SparseNetwork

# Worker processes take about three seconds to start, but once a hunt. They pay for a batch that takes one
# core so many seconds, or for a series of shorter batches that take so many in all.
WORTH_WORKERS, WORTH_WORKERS_IN_ALL = 2.0, 10.0
# Of a card's free memory a stack may take this share, and it takes so many times what one step by itself does
# (a captured graph has memory of its own, and the best weights are kept beside the present ones).
SHARE_OF_MEMORY, COPIES = 0.8, 3
COLUMNS = ("iteration", "split", "loss", "accuracy")  # of a history


@dataclass(frozen=True, eq=False)
class Trained:
    """A trained ticket: its weights at the end, at the iteration asked for (`snapshot`), its history, the
    time it took, its weights at early stop (None where that is the end), and the mask it has come to where it
    moved (None where it did not).

    `history` has equally long columns iteration, split, loss, accuracy (the objective's score). Validation
    is measured at the start, every `evaluate_every` iterations and at the end; test and train at early
    stop (the iteration of minimum validation loss, judged after the run) and at the end. Where training
    has diverged, the last validation loss is NaN or infinite: NaN in any case where weights are no longer
    finite.
    """

    weights: dict[str, Tensor]
    snapshot: dict[str, Tensor] | None
    history: dict[str, list]
    seconds: float
    early_stop: dict[str, Tensor] | None = None
    mask: masks.Mask | None = None


class _History:
    """Measurements of the tickets of a stack, on their device until the end, and the weights of each's lowest
    loss so far."""

    def __init__(self, stack: "Stack | SparseNetwork", data: Dataset, masks_move: bool = False):
        self.stack, self.data, self.points, self.masks_move = stack, data, [], masks_move
        self.lowest = self.early_stop = torch.empty(0)
        self.best: dict[str, Tensor] = {}

    def validate(self, iteration: int) -> None:
        losses, accuracies = self.stack.validate(self.data.validation)
        self.points.append((iteration, losses, accuracies))
        losses = losses.nan_to_num(torch.inf, torch.inf)  # a loss that is no number is never the lowest
        present = torch.full_like(losses, iteration, dtype=torch.long)
        if not self.best:
            self.lowest, self.early_stop = losses, present
            self.best = {name: tensor.clone() for name, tensor in self.stack.state().items()}
            return
        better = losses < self.lowest
        self.lowest = torch.where(better, losses, self.lowest)
        self.early_stop = torch.where(better, present, self.early_stop)
        for name, tensor in self.stack.state().items():
            by_ticket = better.view(-1, *[1] * (tensor.dim() - 1))
            self.best[name] = torch.where(by_ticket, tensor, self.best[name])

    def columns(self) -> list[dict[str, list]]:
        """The history of each ticket, with test and training accuracy at the end and at early stop.

        The stack is left with the weights of early stop.
        """
        histories = [{column: [] for column in COLUMNS} for _ in range(self.stack.size)]
        iterations, losses, accuracies = zip(*self.points)
        # One transfer from a card for all points, not one a point.
        losses, accuracies = torch.stack(losses).tolist(), torch.stack(accuracies).tolist()
        for iteration, *measured in zip(iterations, losses, accuracies):
            _append(histories, [iteration] * len(histories), "validation", *measured)
        end = iterations[-1]
        self._measure(histories, [end] * len(histories))
        self._go_to_early_stop()
        # A ticket whose early stop is the end has just been measured there.
        self._measure(histories, [None if stop == end else stop for stop in self.early_stop.tolist()])
        return histories

    def weights(self) -> list[dict[str, Tensor] | None]:
        """The weights of each ticket at early stop; None where that is the end."""
        ends = (self.early_stop == self.points[-1][0]).tolist()
        return [None if end else row for row, end in zip(_rows(self.best, self.stack.size), ends)]

    def _go_to_early_stop(self) -> None:
        """The stack with its best weights; where a mask has moved since, as a network that has room for them."""
        if self.masks_move and not isinstance(self.stack, Stack):
            [best], of = _rows(self.best, 1), self.stack
            self.stack = Stack(of.model, [Ticket(best, {}, 0)], of.recipe, of.train, of.device, of.objective)
        else:
            self.stack.load(self.best)

    def _measure(self, histories: list[dict[str, list]], iterations: list[int | None]) -> None:
        """Add test and training accuracy to the history of each ticket that has an iteration."""
        if all(iteration is None for iteration in iterations):
            return
        for split in ("test", "train"):
            losses, accuracies = self.stack.measure(getattr(self.data, split))
            _append(histories, iterations, split, losses.tolist(), accuracies.tolist())


def _append(histories: list[dict], iterations: list[int | None], split: str, losses, accuracies) -> None:
    """Add one measurement to the history of each ticket that has an iteration."""
    for history, iteration, loss, accuracy in zip(histories, iterations, losses, accuracies):
        if iteration is not None:
            for column, value in zip(COLUMNS, (iteration, split, loss, accuracy)):
                history[column].append(value)


def train(
    tickets: Sequence[Ticket],
    recipe: Recipe,
    data: Dataset,
    *,
    model: nn.Module,
    objective: Objective = classification,
    snapshot: int | None = None,
    device: str = "auto",
    workers: int | None = None,
    stack: int | None = None,
    sparse: str = "auto",
    in_all: int | None = None,
    engine: str = "local",
) -> Iterator[tuple[int, Trained]]:
    """Train tickets of the architecture `model`, each from its own weights, and yield (index, Trained) as
    each finishes.

    Masked weights are exactly zero after every step. `objective` gives loss and score (see `objectives`).
    `snapshot` asks for the weights at that iteration, too. `workers` is the number of processes on a CPU,
    all cores where it is None. `stack` is how many tickets are trained side by side as one stack: None is
    as many as its memory takes on a CUDA card, and one elsewhere. On one CPU the same tickets give the
    same numbers, bit for bit, whatever the number of workers; stacks give them to float tolerance. On a
    CPU a ticket that is sparse enough is trained by the weights it keeps alone (`lthlib.training.sparse`),
    which gives the same numbers to float tolerance; `sparse` "off" trains all the dense way. `in_all` is
    how many tickets the caller trains, in this call and in others: for many, worker processes pay even where
    a call by itself is short. `engine` "ray" has its workers on the machines of a cluster.
    """
    check(device, workers, sparse, engine)
    where = where_to_train(device, engine)
    if where.type != "cpu" or stack:
        yield from _train_stacked(tickets, recipe, data, model, objective, snapshot, where, stack)
        return
    workers = side_by_side(device, workers, engine)
    if engine == "local":
        workers = min(workers, len(tickets))
        if workers <= 1 or not _worth_workers(tickets, recipe, data, model, in_all or len(tickets)):
            for index, ticket in enumerate(tickets):
                [trained] = _train_together(model, [ticket], recipe, data, objective, snapshot, where, sparse)
                yield index, trained
            return
    work, crew = joblib.delayed(_train_in_worker), cluster.pool if engine == "ray" else _local_pool
    arrays = cluster.stored(data) if engine == "ray" else shared.arrays(data)
    with crew(workers) as pool:
        yield from pool(  # pyright: ignore[reportReturnType]  # it is a generator, as asked for
            work(i, model, ticket, recipe, data.name, arrays, objective, snapshot, sparse) for i, ticket in enumerate(tickets)
        )


@contextlib.contextmanager
def _local_pool(workers: int):
    """A `joblib.Parallel` of worker processes on this machine. Raises LotteryError where one is killed."""
    pool = joblib.Parallel(
        workers,
        return_as="generator_unordered",
        backend="loky",
        mmap_mode="c",
        pre_dispatch=2 * workers,  # pyright: ignore[reportArgumentType]  # a number will do
        initializer=processes.leave_with,
        initargs=(os.getpid(),),
    )
    with _quiet(), _workers_live(workers):
        yield pool


def _train_stacked(tickets, recipe, data, model, objective, snapshot, device, stack):
    """Train tickets side by side on one device, as many at once as `stack` says or else as its free memory
    takes."""
    data = Dataset(data.name, *(Split(s.inputs.to(device), s.targets.to(device)) for s in _splits(data)))
    alike: dict[tuple, list[int]] = {}
    for index, ticket in enumerate(tickets):
        alike.setdefault((ticket.start, ticket.moves), []).append(index)
    limit = stack or _stack_limit(tickets, recipe, data, model, device, objective)
    for waiting in alike.values():
        while waiting:
            parts = math.ceil(len(waiting) / limit)
            group = waiting[: math.ceil(len(waiting) / parts)]
            try:
                chosen = [tickets[index] for index in group]
                together = _train_together(model, chosen, recipe, data, objective, snapshot, device)
            except torch.OutOfMemoryError:
                if len(group) == 1:
                    raise
                limit = len(group) // 2
                continue
            yield from zip(group, together)
            waiting = waiting[len(group) :]


def _stack_limit(tickets, recipe: Recipe, data: Dataset, model: nn.Module, device, objective=classification) -> int:
    """How many tickets fit on a card at once, by the memory that a step of two takes; 1 where they cannot be
    stacked."""
    if device.type != "cuda" or len(tickets) == 1:
        return 1
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    before, free = torch.cuda.memory_allocated(device), torch.cuda.mem_get_info(device)[0]
    try:
        _try_stacking(tickets[:2], recipe, data, model, device, objective)
    except RuntimeError as error:
        reason = str(error).splitlines()[0]
        notice(f"These networks are trained one after the other, since they cannot be stacked ({reason}).")
        return 1
    each = (torch.cuda.max_memory_allocated(device) - before) / 2
    return max(1, int(SHARE_OF_MEMORY * free / (COPIES * each)))


def _try_stacking(tickets, recipe: Recipe, data: Dataset, model: nn.Module, device, objective=classification):
    """One step and one validation of a stack that is then thrown away. Raises RuntimeError where a layer
    cannot be mapped."""
    stack = Stack(model, tickets, recipe, data.train, device, objective)
    batches, views = _orders(stack, tickets, recipe.iterations - 1)
    stack.step(batches[:, 0], None if views is None else views[:, 0], 0)
    stack.measure(data.validation)


def _train_together(
    model, tickets, recipe: Recipe, data: Dataset, objective: Objective, snapshot: int | None, device, sparse="off"
) -> list[Trained]:
    """Train tickets that start at one iteration as one stack; one alone by the weights it keeps, if that
    pays and `sparse` is "auto"."""
    began, start, end = time.perf_counter(), tickets[0].start, recipe.iterations
    seed = seed_for("dropout", tickets[0].order_seed, start)
    movement = Movement(tickets, tickets[0].moves, recipe) if tickets[0].moves else None
    at_first = movement.at_the_start() if movement else tickets
    with processes.one_thread(), processes.without_denormals(), _random_state(seed, device):
        stack = by_what_is_kept(model, at_first, recipe, data, objective) if sparse == "auto" else None
        stack = stack or Stack(model, at_first, recipe, data.train, device, objective)
        rebuild = functools.partial(_rebuilt, model, recipe, data, objective) if sparse == "auto" else _never
        history, kept = _History(stack, data, bool(movement)), None
        batches, views = _orders(stack, tickets, start)
        for iteration in range(start, end + 1):
            if iteration == snapshot:
                kept = _rows(stack.state(), len(tickets))
            if iteration % recipe.evaluate_every == 0 or iteration in (start, end):
                history.validate(iteration)
            if iteration < end:
                at = iteration - start
                batch, view = batches[:, at], None if views is None else views[:, at]
                if movement and iteration in movement.iterations:
                    stack = history.stack = movement.move(stack, batch, view, iteration, rebuild)
                else:
                    stack.step(batch, view, iteration)
        weights, columns = _rows(stack.state(), len(tickets)), history.columns()
    for ticket, end, column in zip(tickets, weights, columns):
        if _lost(ticket.weights, end):
            column["loss"][len(history.points) - 1] = math.nan
    seconds = (time.perf_counter() - began) / len(tickets)
    moved = movement.masks if movement else [None] * len(tickets)
    parts = zip(weights, kept or [None] * len(tickets), columns, history.weights(), moved)
    return [Trained(end, at, measured, seconds, best, mask) for end, at, measured, best, mask in parts]


def _rebuilt(model, recipe: Recipe, data: Dataset, objective: Objective, ticket: Ticket, stack: "Stack | SparseNetwork"):
    """A network for a ticket whose mask has moved, or None where its stack only needs to be told. Layers that keep
    their number of weights are trained as before; a ticket that has become sparser may go another way."""
    from lthlib.training.sparse import SparseNetwork

    if ticket.moves and ticket.moves.method == "gmp":
        return by_what_is_kept(model, [ticket], recipe, data, objective)
    return None if isinstance(stack, Stack) else SparseNetwork(stack.plan, ticket, recipe, data.train, objective)


def _never(ticket: Ticket, stack: "Stack | SparseNetwork") -> None:
    """Nothing is built anew where all is trained the dense way."""


def by_what_is_kept(model, tickets, recipe: Recipe, data: Dataset, objective: Objective):
    """A ticket that is trained by the weights it keeps: all of it, or those linear layers of its stack for
    which that pays; or None where it pays for none. Numba is imported here, since that takes half a
    second."""
    from lthlib.training.sparse import SparseNetwork, partial, plan, plan_partial

    [ticket], train = tickets, data.train
    if chosen := plan(model, ticket, recipe, train):
        return SparseNetwork(chosen, ticket, recipe, train, objective)
    if ticket.moves:  # single layers in torch's network stay as they are, and so must their masks
        return None
    if some := plan_partial(model, ticket, recipe, train):
        stack = Stack(model, tickets, recipe, train, torch.device("cpu"), objective)
        partial.put_in(stack.model, ticket.mask, some.names)
        return stack
    return None


def _lost(start: dict[str, Tensor], end: dict[str, Tensor]) -> bool:
    """Whether training has made a finite number NaN or infinite. (A buffer may hold infinities by design.)"""
    return any(bool((start[name].isfinite() & ~tensor.isfinite()).any()) for name, tensor in end.items())


def _orders(stack: "Stack | SparseNetwork", tickets: Sequence[Ticket], start: int) -> tuple[Tensor, Tensor | None]:
    """Which examples each ticket sees, and how: two tensors [R, iterations, B], the second None without
    augmentation."""
    recipe, examples = stack.recipe, len(stack.train)
    orders = []
    for order in (batch_order, view_order) if recipe.augment else (batch_order,):
        drawn = [order(examples, recipe.batch_size, t.order_seed, start, recipe.iterations) for t in tickets]
        orders.append(torch.stack(drawn).to(stack.device))
    return orders[0], orders[1] if recipe.augment else None


def _rows(state: dict[str, Tensor], count: int) -> list[dict[str, Tensor]]:
    """The state of each ticket of a stack, as copies in main memory, each in the usual order."""
    state, usual = {name: tensor.cpu() for name, tensor in state.items()}, torch.contiguous_format
    return [{name: tensor[index].clone(memory_format=usual) for name, tensor in state.items()} for index in range(count)]


def _worth_workers(tickets: Sequence[Ticket], recipe: Recipe, data: Dataset, model: nn.Module, in_all: int) -> bool:
    """Whether worker processes save more time than it takes to start them."""
    alone = _seconds_alone(tickets, recipe, data, model)
    return alone >= WORTH_WORKERS or alone * in_all / len(tickets) >= WORTH_WORKERS_IN_ALL


def _seconds_alone(tickets: Sequence[Ticket], recipe: Recipe, data: Dataset, model: nn.Module) -> float:
    """About how long the steps of these tickets take one after the other: a step takes three to six times its
    forward pass."""
    network, inputs = copy.deepcopy(model).eval(), data.train.inputs[: recipe.batch_size].clone()
    with processes.one_thread(), _random_state(0, torch.device("cpu")), torch.no_grad():
        network(inputs)  # the first pass sets things up
        began = time.perf_counter()
        network(inputs)
    return 5 * (time.perf_counter() - began) * sum(recipe.iterations - ticket.start for ticket in tickets)


def _train_in_worker(index, model, ticket, recipe, name, arrays, objective, snapshot, sparse) -> tuple[int, Trained]:
    data = shared.dataset(name, arrays)
    [trained] = _train_together(model, [ticket], recipe, data, objective, snapshot, torch.device("cpu"), sparse)
    return index, trained


def _splits(data: Dataset) -> tuple[Split, Split, Split]:
    return data.train, data.validation, data.test


@contextlib.contextmanager
def _random_state(seed: int, device: torch.device):
    """The global random numbers of torch (which dropout draws from), NumPy and Python seeded inside, and as
    before outside."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), models.seeded(seed):
        torch.manual_seed(seed)
        yield


@contextlib.contextmanager
def _workers_live(workers: int):
    """Where a worker ends before its work does, a LotteryError that says so."""
    try:
        yield
    except BrokenProcessPool as error:  # loky's TerminatedWorkerError is one
        given = f"one of {workers} worker processes was killed, most likely since memory ran out"
        advice = f"ask for fewer workers, such as {max(1, workers // 2)}; what is finished is kept"
        raise LotteryError(f"{given}: {advice}.") from error


@contextlib.contextmanager
def _quiet():
    """Without loky's remark that a worker was restarted, which says nothing about the results."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs were given")
        yield
