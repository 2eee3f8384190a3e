"""Checks for lesson 9's exercises on rewinding: two copies, the way between them, and a control."""

import torch

from lthlib.exercises.checking import Answer, exercise, need, same
from lthlib.training.stack import Ticket


@exercise(lesson=9)
def check_twin(twin: Answer) -> str:
    """`twin(ticket, seed)` is the ticket under another order of the data, with nothing else changed."""
    ticket = _ticket(start=40)
    answer = twin(ticket, 7)
    need(isinstance(answer, Ticket), "return a Ticket: weights, mask, order_seed, and where its training starts.")
    problem = "the twin sees the data in the ticket's own order, so both are one network"
    need(answer.order_seed != ticket.order_seed, f"{problem}: an instability of 0 says nothing.")
    problem = f"the ticket goes on from iteration {ticket.start} and this twin from {answer.start}"
    advice = "it would be trained for another number of iterations, at other learning rates"
    need(answer.start == ticket.start, f"{problem}: {advice}.")
    need(same(answer.weights, ticket.weights), "the weights have changed: two copies start from one state.")
    need(same(answer.mask, ticket.mask), "the mask has changed: two copies are pruned alike.")
    seeds = {twin(ticket, seed).order_seed for seed in range(20)}
    why = "other seeds must give other orders, and none the ticket's own."
    need(len(seeds) == 20 and ticket.order_seed not in seeds, why)
    why = "seed 7 gave two different orders: make it from the seed alone."
    need(twin(ticket, 7).order_seed == answer.order_seed, why)
    return "Right: one state, one mask, one schedule, two orders of the data."


@exercise(lesson=9)
def check_between(between: Answer) -> str:
    """`between(a, b, alpha)` is the state on the straight line, with nothing of it left at one end."""
    a, b = _state(1), _state(2)
    answer = between(a, b, 0.25)
    why = "return a state with every name that the two networks have."
    need(isinstance(answer, dict) and answer.keys() == a.keys(), why)
    want = {name: 0.75 * a[name] + 0.25 * b[name] for name in a if a[name].is_floating_point()}
    for name in want:
        kind = "running statistics" if "running" in name else "weights"
        still = torch.allclose(answer[name], a[name]) or torch.allclose(answer[name], b[name])
        problem = f"{name} stays at one end while others move"
        need(not still, f"{problem}: {kind} of one network do not fit the other's weights.")
        why = "at alpha 0.25 you are nearer to the second network: 0 is the first, so its share is 1 - alpha."
        need(not torch.allclose(answer[name], 0.25 * a[name] + 0.75 * b[name]), why)
        why = f"{name} is not on the straight line, (1 - alpha) a + alpha b."
        need(torch.allclose(answer[name], want[name], atol=1e-6), why)
    counter = "norm.num_batches_tracked"
    why = "num_batches_tracked counts batches: keep a whole number, a's or b's."
    need(not answer[counter].is_floating_point(), why)
    between(a, b, 0.5)
    need(same(between.given[:2], [a, b]), "a network that was passed in has changed: write into new tensors.")
    return "Right: everything that is a number on a line moves, and both networks stay as they were."


@exercise(lesson=9)
def check_foreign(foreign: Answer) -> str:
    """`foreign(ticket, other)` has another trial's weights at iteration k, and all else of the ticket."""
    ticket, other = _ticket(start=40), _ticket(start=40, seed=2)
    answer = foreign(ticket, other)
    need(isinstance(answer, Ticket), "return a Ticket: weights, mask, order_seed, and where its training starts.")
    why = "these are the ticket's own weights at k, so nothing is controlled for."
    need(not same(answer.weights, ticket.weights), why)
    why = "take the other network's weights as they are: the training applies the mask."
    need(same(answer.weights, other.weights), why)
    why = "the mask is not the ticket's: then two things differ, and which of them mattered?"
    need(same(answer.mask, ticket.mask), why)
    why = "the order of the data has changed too: keep the ticket's, so that one thing differs."
    need(answer.order_seed == ticket.order_seed, why)
    problem = f"it must go on from iteration {ticket.start}, as the ticket does"
    need(answer.start == ticket.start, f"{problem}, or it gets more training and other learning rates.")
    return "Right: as much training in the weights, but not this network's."


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
