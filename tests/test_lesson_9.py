"""The exercises of lesson 9, and its figures: wrong answers are told why."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from lthlib.analysis import mode_connectivity
from lthlib.exercises import WrongAnswer
from lthlib.exercises import rewinding as exercises_rewinding
from lthlib.plots import mode_connectivity as barrier_plots
from lthlib.training.stack import Ticket
from tests.conftest import ROOT
from tests.test_lessons import solutions

SOLUTIONS = solutions(ROOT / "notebooks" / "09_rewinding_and_stability.ipynb")


@pytest.mark.parametrize("name", ["twin", "between", "foreign"])
def test_right_answers_pass_and_untried_ones_are_let_be(name, capsys):
    check = getattr(exercises_rewinding, f"check_{name}")
    check(SOLUTIONS[name])
    assert capsys.readouterr().out.startswith("Right")
    check(lambda *_: None)
    assert "not tried yet" in capsys.readouterr().out


def replaced(ticket, **changes):
    return dataclasses.replace(ticket, **changes)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda ticket, seed: Ticket(ticket.weights, ticket.mask, ticket.order_seed), "instability of 0 says nothing"),
        (
            lambda ticket, seed: Ticket(ticket.weights, ticket.mask, ticket.order_seed + seed + 1),
            "40 and this twin",
        ),
        (lambda ticket, seed: replaced(ticket, order_seed=5), "other seeds must give other orders"),
        (lambda ticket, seed: replaced(ticket, order_seed=ticket.order_seed + seed), "none the ticket's own"),
        (lambda ticket, seed: replaced(SOLUTIONS["twin"](ticket, seed), weights={}), "weights have changed"),
        (lambda ticket, seed: replaced(SOLUTIONS["twin"](ticket, seed), mask={}), "mask has changed"),
        (lambda ticket, seed: seed, "return a Ticket"),
    ],
)
def test_wrong_twins_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises_rewinding.check_twin(wrong)


def weights_alone(a, b, alpha):
    middle = dict(a)
    for name in a:
        if name.endswith("weight") or name.endswith("bias"):
            middle[name] = (1 - alpha) * a[name] + alpha * b[name]
    return middle


def in_place(a, b, alpha):
    for name in a:
        if a[name].is_floating_point():
            a[name].lerp_(b[name], alpha)
    return a


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (weights_alone, "norm.running_mean stays at one end"),
        (lambda a, b, alpha: SOLUTIONS["between"](b, a, alpha), "nearer to the second"),
        (lambda a, b, alpha: {name: (1 - alpha) * a[name] + alpha * b[name] for name in a}, "counts batches"),
        (lambda a, b, alpha: SOLUTIONS["between"](a, b, 0.5), "not on the straight line"),
        (lambda a, b, alpha: {name: a[name] for name in a if "norm" not in name}, "every name"),
        (in_place, "passed in has changed"),
    ],
)
def test_wrong_ways_between_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises_rewinding.check_between(wrong)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda ticket, other: ticket, "own weights at k"),
        (lambda ticket, other: other, "the mask is not the ticket's"),
        (
            lambda ticket, other: replaced(ticket, weights=other.weights, order_seed=other.order_seed),
            "order of the data has changed",
        ),
        (lambda ticket, other: replaced(ticket, weights=other.weights, start=0), "go on from iteration 40"),
        (lambda ticket, other: replaced(ticket, weights={n: 0 * w for n, w in other.weights.items()}), "as they are"),
        (lambda ticket, other: other.weights, "return a Ticket"),
    ],
)
def test_wrong_controls_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises_rewinding.check_foreign(wrong)


@pytest.fixture(scope="module")
def lines():
    """Two trials of a dense network and a ticket at two rewind points: a barrier of 40 points at 0, none at 10."""
    rows = []
    for k, level, trial in [(k, level, trial) for k in (10, 0) for level in (1, 0) for trial in (0, 1)]:
        names = {"task": "t", "setting": f"s{k}", "schedule": "iterative", "trial": trial, "redraw": 0, "level": level}
        for alpha in (0, 0.5, 1):
            error = 0.1 + 0.01 * trial + (0.4 if k == 0 and alpha == 0.5 else 0)
            rows.append({**names, "density": 0.2 if level else 1.0, "rewind": k, "alpha": alpha, "loss": 1.0, "error": error})
    return pd.DataFrame(rows)


def test_barriers_are_drawn_for_each_density_and_rewind_point(lines):
    figure = barrier_plots.barriers(lines)
    assert [axes.get_title() for axes in figure.axes] == ["dense", "ticket, 20.0 %"]
    drawn = [line.get_ydata() for line in figure.axes[0].lines if len(line.get_ydata())]
    np.testing.assert_allclose(drawn[0], [10.5, 50.5, 10.5])
    np.testing.assert_allclose(drawn[1], [10.5, 10.5, 10.5])
    assert [text.get_text() for text in figure.axes[-1].get_legend().texts] == ["k = 0", "k = 10"]
    assert "Ticket, 20.0 %, k = 0: 10.5 and 10.5 at the ends, at most 50.5 on the way." in figure.get_label()
    plt.close(figure)


def test_instability_and_accuracy_are_drawn_against_the_rewind_point(lines):
    found = mode_connectivity.instability(lines)
    rows = [(k, trial, name, k - trial) for k in (0, 10) for trial in (0, 1) for name in ("ticket", "shuffle")]
    differences = pd.DataFrame(rows, columns=["rewind", "trial", "name", "difference"])
    figure = barrier_plots.against_rewind(found, differences)
    left, right = figure.axes
    assert any(np.allclose(line.get_ydata(), [40, 0], atol=1e-6) for line in left.lines)
    assert any(np.allclose(line.get_ydata(), [mode_connectivity.STABLE] * 2) for line in left.lines)
    assert [text.get_text() for text in right.get_legend().texts] == ["ticket", "shuffle"]
    assert [text.get_text() for text in left.get_xticklabels()] == ["0", "10"]
    assert "Dense: 40.0 at k = 0, 0.0 at k = 10." in figure.get_label()
    assert "Shuffle: -0.5 at k = 0, 9.5 at k = 10." in figure.get_label()
    plt.close(figure)


def test_every_ticket_is_a_dot(lines):
    found = mode_connectivity.instability(lines)
    both = found[found.level == 1].assign(difference=[1.0, 2.0, -3.0, -4.0], name=lambda rows: "k = " + rows.rewind.astype(str))
    figure = barrier_plots.stability_and_accuracy(both)
    [axes] = figure.axes
    dots = sorted((x, y) for line in axes.lines if line.get_linestyle() == "None" for x, y in zip(*line.get_data()))
    np.testing.assert_allclose(dots, sorted(zip(both.instability, both.difference)))
    assert "4 tickets. k = 10: instability 0.0 to 0.0, difference 1.0 to 2.0." in figure.get_label()
    assert axes.get_xlim()[1] > 40
    plt.close(figure)
