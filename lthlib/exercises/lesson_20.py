"""Checks for lesson 20's exercises on permutations: an order by hand, matching by activations, and another
symmetry."""

import functools
import itertools

import torch
from torch import Tensor

from lthlib import models
from lthlib.exercises.checking import Answer, exercise, need, same

HIDDEN, INPUTS, OUTPUTS = (6, 5), 4, 3


@exercise(lesson=20)
def check_reorder(reorder: Answer) -> str:
    """`reorder(state, order)` is LeNet with unit `order[i]` of its first hidden layer at place i, all
    that belongs to the unit with it."""
    state, order = _lenet(1), torch.tensor([2, 0, 3, 1, 5, 4])
    answer = reorder(state, order)
    _need_state(answer, state)
    problem = "the biases stay where they are"
    why = f"{problem}: at initialisation all are 0 and nobody sees it, after training outputs move."
    need(not torch.equal(answer["fc1.bias"], state["fc1.bias"]), why)
    back = order.argsort()
    why = "unit order[i] comes to place i; you have sent unit i to place order[i]."
    need(not torch.equal(answer["fc1.weight"], state["fc1.weight"][back]), why)
    why = "row i of fc1.weight must be the old row order[i]: a unit's incoming weights are a row."
    need(torch.equal(answer["fc1.weight"], state["fc1.weight"][order]), why)
    why = "the columns of fc2.weight are what the next layer reads of each unit: they must follow it."
    need(not torch.equal(answer["fc2.weight"], state["fc2.weight"]), why)
    why = "fc2.weight has the order of the units turned round: column i must be the old column order[i]."
    need(not torch.equal(answer["fc2.weight"], state["fc2.weight"][:, back]), why)
    want = {"fc1.weight": state["fc1.weight"][order], "fc1.bias": state["fc1.bias"][order]}
    want["fc2.weight"] = state["fc2.weight"][:, order]
    for name in state:
        need(torch.equal(answer[name], want.get(name, state[name])), f"{name} is not what it should be.")
    need(same(reorder.given[0], state), "the state that was passed in has changed: write into new tensors.")
    return "Right: rows, biases and the next layer's columns move together, and no output does."


@exercise(lesson=20, each_call=True)
def check_by_activations(by_activations: Answer) -> str:
    """`by_activations(ours, theirs)` is the order of their units whose activations lie nearest to ours."""
    for ours, theirs in _activations():
        order = _as_order(by_activations(ours, theirs), ours.shape[1])
        apart = torch.cdist(ours.T, theirs.T).square()  # [our places, their units]
        found, least, worst = (_total(apart, chosen) for chosen in (order, _best(-apart), _best(apart)))
        need(found < worst - 1e-6, "this order is the farthest of all: least distance, so most agreement.")
        back = torch.tensor(order).argsort().tolist()
        why = "the order is turned round: entry i says which of *their* units comes to our place i."
        need(found <= least * 1.0001 or _total(apart, back) > least * 1.0001, why)
        problem = "each place took its nearest unit in turn, and later ones got what was left"
        why = f"{problem}: choose all together."
        need(found <= least * 1.0001 or order != _greedy(apart), why)
        problem = f"the squared distance is {found:.1f}, and an order with {least:.1f} exists"
        why = f"{problem}; a strong unit counts more than a weak one."
        need(found <= least * 1.0001, why)
    return "Right: the order with the least distance over all examples and units together."


@exercise(lesson=20)
def check_rescale(rescale: Answer) -> str:
    """`rescale(state, factors)` is LeNet whose first hidden units are `factors` times as strong, and
    whose outputs are what they were."""
    state, factors = _lenet(2), torch.tensor([0.5, 2.0, 1.0, 4.0, 0.25, 3.0])
    answer = rescale(state, factors)
    _need_state(answer, state)
    strong = factors[:, None] * state["fc1.weight"]
    why = "a unit's incoming weights are a row of fc1.weight: multiply row i by factors[i]."
    need(torch.allclose(answer["fc1.weight"], strong), why)
    why = "the bias belongs to what goes into the ReLU: it must grow with the unit's weights."
    need(torch.allclose(answer["fc1.bias"], factors * state["fc1.bias"]), why)
    why = "the readers must take back what the unit gained: divide column i of fc2.weight by factors[i]."
    need(torch.allclose(answer["fc2.weight"], state["fc2.weight"] / factors, rtol=1e-4), why)
    for name in ("fc2.bias", "output.weight", "output.bias"):
        why = f"{name} belongs to no unit of the first layer: leave it as it is."
        need(torch.equal(answer[name], state[name]), why)
    need(same(rescale.given[0], state), "the state that was passed in has changed: write into new tensors.")
    return "Right: other numbers, the same outputs, and no permutation of the old network."


def _need_state(answer, state: dict[str, Tensor]) -> None:
    why = "return a state with every name of the network."
    need(isinstance(answer, dict) and answer.keys() == state.keys(), why)
    for name in state:
        shaped = isinstance(answer[name], Tensor) and answer[name].shape == state[name].shape
        need(shaped, f"{name} must be a tensor of its shape, {list(state[name].shape)}.")


def _lenet(seed: int) -> dict[str, Tensor]:
    """A small LeNet whose biases are not 0."""
    state = models.initial_weights(lambda: models.LeNet(INPUTS, OUTPUTS, HIDDEN), seed)
    generator = torch.Generator().manual_seed(seed)
    moved = lambda tensor: tensor + 0.1 * torch.randn(tensor.shape, generator=generator)  # noqa: E731
    return {name: moved(tensor) for name, tensor in state.items()}


@functools.cache
def _activations(count: int = 8) -> list[tuple[Tensor, Tensor]]:
    """Pairs of activations [examples, units] of two networks, units of very different strength, for which other
    rules give other orders: the likest by cosine or by correlation, or each place in turn."""
    found, seed = [], 0
    while len(found) < count:
        seed += 1
        generator = torch.Generator().manual_seed(seed)
        draw = lambda: torch.randn(30, 5, generator=generator)  # noqa: B023, E731
        strength = torch.logspace(-0.7, 0.7, 5)
        ours, theirs = (draw() * strength + 0.3).relu(), (draw() * strength.flip(0) + 0.3).relu()
        least = _best(ours.T @ theirs)
        lengths = ours.norm(dim=0)[:, None] * theirs.norm(dim=0)
        correlated = torch.corrcoef(torch.cat([ours, theirs], 1).T)[:5, 5:]
        others = [_best(ours.T @ theirs / lengths), _best(correlated), _greedy(torch.cdist(ours.T, theirs.T))]
        if least not in others and [*range(5)] != least and torch.tensor(least).argsort().tolist() != least:
            found.append((ours, theirs))
    return found


def _best(gains: Tensor) -> list[int]:
    """The order with the largest sum, by trying all."""
    return list(max(itertools.permutations(range(len(gains))), key=lambda order: _total(gains, order)))


def _as_order(answer, count: int) -> list[int]:
    why = f"return an order of the {count} units: each of 0 to {count - 1} once."
    values = answer.tolist() if hasattr(answer, "tolist") else answer
    need(isinstance(values, (list, tuple)) and all(isinstance(value, int) for value in values), why)
    need(sorted(values) == list(range(count)), why)
    return list(values)


def _total(apart: Tensor, order) -> float:
    return float(sum(apart[place, unit] for place, unit in enumerate(order)))


def _greedy(apart: Tensor) -> list[int]:
    taken: list[int] = []
    for row in apart:
        left = [unit for unit in range(len(row)) if unit not in taken]
        taken.append(left[int(row[left].argmin())])
    return taken
