"""Checks for the exercises on rewinding and stability (lesson 9): two copies, the way between them, and a control.

As in `exercises`, each takes the reader's function, tries properties that a right answer must have, and raises WrongAnswer with
one sentence that helps. A function that still returns None counts as not tried.
"""

from collections.abc import Callable

import torch

from lthlib.exercises import WrongAnswer
from lthlib.training.stack import Ticket


def check_twin(twin: Callable[[Ticket, int], Ticket]) -> None:
    """Lesson 9: `twin(ticket, seed)` is the ticket under another order of the data, and as the ticket in everything else."""
    ticket = _ticket(start=40)
    answer = twin(ticket, 7)
    if answer is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(isinstance(answer, Ticket), "return a Ticket: weights, mask, order_seed, and where its training starts.")
    _need(
        answer.order_seed != ticket.order_seed,
        "the twin sees the data in the ticket's own order, so both are one network: an instability of 0 says nothing.",
    )
    _need(
        answer.start == ticket.start,
        f"the ticket goes on from iteration {ticket.start} and this twin from {answer.start}: it would be trained for another "
        "number of iterations, at other learning rates.",
    )
    _need(_same(answer.weights, ticket.weights), "the weights have changed: two copies start from one state.")
    _need(_same(answer.mask, ticket.mask), "the mask has changed: two copies are pruned alike.")
    seeds = {twin(ticket, seed).order_seed for seed in range(20)}
    _need(len(seeds) == 20 and ticket.order_seed not in seeds, "other seeds must give other orders, and none the ticket's own.")
    _need(twin(ticket, 7).order_seed == answer.order_seed, "seed 7 gave two different orders: make it from the seed alone.")
    print("Right: one state, one mask, one schedule, two orders of the data.")


def check_between(between: Callable[[dict, dict, float], dict]) -> None:
    """Lesson 9: `between(a, b, alpha)` is the state on the straight line, with nothing of it left at one end."""
    a, b = _state(1), _state(2)
    answer = between(_copy(a), _copy(b), 0.25)
    if answer is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(isinstance(answer, dict) and answer.keys() == a.keys(), "return a state with every name that the two networks have.")
    want = {name: 0.75 * a[name] + 0.25 * b[name] for name in a if a[name].is_floating_point()}
    for name in want:
        kind = "running statistics" if "running" in name else "weights"
        _need(
            not torch.allclose(answer[name], a[name]) and not torch.allclose(answer[name], b[name]),
            f"{name} stays at one end while others move: {kind} of one network do not fit the other's weights.",
        )
        _need(
            not torch.allclose(answer[name], 0.25 * a[name] + 0.75 * b[name]),
            "at alpha 0.25 you are nearer to the second network: 0 is the first, so its share is 1 - alpha.",
        )
        _need(
            torch.allclose(answer[name], want[name], atol=1e-6), f"{name} is not on the straight line, (1 - alpha) a + alpha b."
        )
    counter = "norm.num_batches_tracked"
    _need(not answer[counter].is_floating_point(), "num_batches_tracked counts batches: keep a whole number, a's or b's.")
    mine, yours = _copy(a), _copy(b)
    between(mine, yours, 0.5)
    _need(_same(mine, a) and _same(yours, b), "a network that was passed in has changed: write into new tensors.")
    print("Right: everything that is a number on a line moves, and both networks stay as they were.")


def check_foreign(foreign: Callable[[Ticket, Ticket], Ticket]) -> None:
    """Lesson 9: `foreign(ticket, other)` has another trial's weights at iteration k, and all else of the ticket."""
    ticket, other = _ticket(start=40), _ticket(start=40, seed=2)
    answer = foreign(ticket, other)
    if answer is None:
        return print("Exercise not tried yet: the function returns None.")
    _need(isinstance(answer, Ticket), "return a Ticket: weights, mask, order_seed, and where its training starts.")
    _need(not _same(answer.weights, ticket.weights), "these are the ticket's own weights at k, so nothing is controlled for.")
    _need(_same(answer.weights, other.weights), "take the other network's weights as they are: the training applies the mask.")
    _need(
        _same(answer.mask, ticket.mask),
        "the mask is not the ticket's: then two things differ, and which of them mattered?",
    )
    _need(
        answer.order_seed == ticket.order_seed,
        "the order of the data has changed too: keep the ticket's, so that one thing differs.",
    )
    _need(
        answer.start == ticket.start,
        f"it must go on from iteration {ticket.start}, as the ticket does, or it gets more training and other learning rates.",
    )
    print("Right: as much training in the weights, but not this network's.")


def _ticket(start: int, seed: int = 1) -> Ticket:
    state = _state(seed)
    mask = {"layer.weight": torch.rand(5, 4, generator=torch.Generator().manual_seed(10 + seed)) < 0.5}
    return Ticket(state, mask, order_seed=100 * seed, start=start)


def _state(seed: int) -> dict:
    generator = torch.Generator().manual_seed(seed)
    sizes = {"layer.weight": (5, 4), "layer.bias": (5,), "norm.running_mean": (5,), "norm.running_var": (5,)}
    state = {name: torch.randn(size, generator=generator) for name, size in sizes.items()}
    state["norm.running_var"] = state["norm.running_var"].abs() + 0.5
    return state | {"norm.num_batches_tracked": torch.tensor(300 + seed)}


def _copy(tensors: dict) -> dict:
    return {name: tensor.clone() for name, tensor in tensors.items()}


def _same(a: dict, b: dict) -> bool:
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def _need(holds: bool, sentence: str) -> None:
    if not holds:
        raise WrongAnswer(sentence)
