"""The exercises of lesson 20: wrong answers are told why, and any right way is right."""

import itertools

import pytest
import torch
from scipy.optimize import linear_sum_assignment

from lthlib import models
from lthlib.exercises import lesson_20 as exercises
from lthlib.exercises.checking import WrongAnswer
from tests.exercises import solutions_of

LESSON = 20
solution = lambda name: solutions_of(LESSON)[name]  # noqa: E731


def reordered(bias=lambda b, o: b[o], rows=lambda w, o: w[o], columns=lambda w, o: w[:, o]):
    def reorder(state, order):
        moved = {"fc1.weight": rows(state["fc1.weight"], order), "fc1.bias": bias(state["fc1.bias"], order)}
        return state | moved | {"fc2.weight": columns(state["fc2.weight"], order)}

    return reorder


def in_place(state, order):
    state["fc1.weight"].copy_(state["fc1.weight"][order].clone())
    state["fc1.bias"].copy_(state["fc1.bias"][order].clone())
    state["fc2.weight"].copy_(state["fc2.weight"][:, order].clone())
    return state


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (reordered(bias=lambda b, o: b), "biases stay"),
        (reordered(*[lambda w, o: w[o.argsort()]] * 2, lambda w, o: w[:, o.argsort()]), "sent unit i to place"),
        (reordered(columns=lambda w, o: w), "must follow it"),
        (reordered(columns=lambda w, o: w[:, o.argsort()]), "turned round"),
        (reordered(rows=lambda w, o: w.flip(0)), "incoming weights are a row"),
        (lambda state, order: reordered()(state, order) | {"fc2.bias": state["fc2.bias"] + 1}, "fc2.bias is not"),
        (lambda state, order: {"fc1.weight": state["fc1.weight"]}, "every name"),
        (lambda state, order: dict.fromkeys(state, 0.0), "must be a tensor"),
        (in_place, "passed in has changed"),
    ],
)
def test_wrong_orders_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_reorder(wrong)


def test_reordering_by_matrices_is_right():
    def by_matrices(state, order):
        p = torch.eye(len(order))[order]
        moved = {"fc1.weight": p @ state["fc1.weight"], "fc1.bias": p @ state["fc1.bias"]}
        return state | moved | {"fc2.weight": state["fc2.weight"] @ p.T}

    exercises.check_reorder(by_matrices)
    assert exercises.check_reorder.right


def assigned(alike):
    return linear_sum_assignment(alike.numpy(), maximize=True)[1]


def normed(activations):
    return activations / activations.norm(dim=0).clamp(min=1e-9)


def greedy(ours, theirs):
    taken = []
    for row in torch.cdist(ours.T, theirs.T):
        taken.append(next(unit for unit in row.argsort().tolist() if unit not in taken))
    return taken


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda ours, theirs: assigned(-(ours.T @ theirs)), "farthest of all"),
        (lambda ours, theirs: assigned(ours.T @ theirs).argsort(), "turned round"),
        (greedy, "in turn"),
        (lambda ours, theirs: assigned(normed(ours).T @ normed(theirs)), "an order with"),
        (lambda ours, theirs: assigned(torch.corrcoef(torch.cat([ours, theirs], 1).T)[:5, 5:]), "an order with"),
        (lambda ours, theirs: list(range(5)), "an order with|turned round"),
        (lambda ours, theirs: (ours.T @ theirs).argmax(1), "each of 0 to 4 once"),
        (lambda ours, theirs: "01234", "each of 0 to 4 once"),
    ],
)
def test_wrong_matchings_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_by_activations(wrong)


def by_force(ours, theirs):
    orders = [list(order) for order in itertools.permutations(range(ours.shape[1]))]
    return min(orders, key=lambda order: float((ours - theirs[:, order]).square().sum()))


@pytest.mark.parametrize(
    "right",
    [by_force, lambda a, b: assigned(a.T @ b), lambda a, b: torch.tensor(assigned(-torch.cdist(a.T, b.T).square())).tolist()],
)
def test_any_way_to_the_nearest_order_is_right(right):
    exercises.check_by_activations(right)
    assert exercises.check_by_activations.right


def rescaled(rows=lambda w, f: f[:, None] * w, bias=lambda b, f: f * b, columns=lambda w, f: w / f):
    def rescale(state, factors):
        moved = {"fc1.weight": rows(state["fc1.weight"], factors), "fc1.bias": bias(state["fc1.bias"], factors)}
        return state | moved | {"fc2.weight": columns(state["fc2.weight"], factors)}

    return rescale


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (rescaled(rows=lambda w, f: w), "multiply row i"),
        (rescaled(bias=lambda b, f: b), "bias belongs"),
        (rescaled(columns=lambda w, f: w * f), "divide column i"),
        (rescaled(columns=lambda w, f: w), "divide column i"),
        (lambda state, factors: rescaled()(state, factors) | {"fc2.bias": 2 * state["fc2.bias"]}, "fc2.bias belongs to no unit"),
        (lambda state, factors: state, "multiply row i"),
        (lambda state, factors: [], "every name"),
    ],
)
def test_wrong_scalings_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_rescale(wrong)


def test_the_solutions_change_no_output():
    network = models.LeNet(4, 3, (6, 5))
    state = {name: tensor + 0.1 for name, tensor in network.state_dict().items()}
    inputs = torch.randn(20, 4)
    network.load_state_dict(state)
    before = network(inputs)
    for moved in (
        solution("reorder")(state, torch.tensor([2, 0, 3, 1, 5, 4])),
        solution("rescale")(state, torch.tensor([0.5, 2.0, 1.0, 4.0, 0.25, 3.0])),
    ):
        network.load_state_dict(moved)
        assert torch.allclose(network(inputs), before, atol=1e-5)
