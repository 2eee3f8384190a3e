"""Costs against sums by hand, against steps that were really taken, and against torch's count of a real training step."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lthlib import analysis, hunt, models, tasks
from lthlib.analysis import training_cost
from lthlib.analysis.efficiency import forward_flops
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks, registry
from lthlib.settings import Moves, Recipe, Setting
from lthlib.storage.store import TICKET, Key, Store
from lthlib.training import stack

SHORT = {"iterations": 20, "evaluate_every": 20, "batch_size": 10}


def setting(schedule, rewind=0, score="magnitude", source=""):
    return Setting("lenet-digits", Recipe(iterations=100), schedule, rewind=rewind, score=score, source=source)


@pytest.mark.parametrize(
    ("schedule", "rewind", "score", "expected"),
    [
        ("iterative", 0, "magnitude", [("search", 100, 0), ("search", 100, 1), ("search", 100, 2), ("training", 100, 3)]),
        ("iterative", 30, "magnitude", [("search", 100, 0), ("search", 70, 1), ("search", 70, 2), ("training", 70, 3)]),
        ("continued", 10, "magnitude", [("search", 100, 0), ("search", 90, 1), ("search", 90, 2), ("training", 90, 3)]),
        ("oneshot", 0, "magnitude", [("search", 100, 0), ("training", 100, 3)]),
        ("oneshot", 30, "snip", [("search", 100, 0), ("scoring", 1, 0), ("training", 70, 3)]),
        ("untrained", 0, "magnitude", [("training", 100, 3)]),
        ("untrained", 30, "magnitude", [("search", 30, 0), ("training", 70, 3)]),
        ("untrained", 0, "synflow", [("scoring", 100, 0), ("training", 100, 3)]),
    ],
)
def test_phases_by_hand(schedule, rewind, score, expected):
    found = training_cost.phases(setting(schedule, rewind, score), 3)
    assert [(item.purpose, item.iterations, item.level) for item in found if item.iterations] == expected
    assert {item.batch for item in found if item.purpose == "scoring"} <= {1 if score == "synflow" else registry.BATCH}
    assert [item.iterations for item in training_cost.phases(setting(schedule, rewind, score), 0)] == [100]


def test_phases_of_a_transferred_ticket():
    source = Setting("lenet-digits", Recipe(iterations=40), rate=0.5)
    found = training_cost.phases(setting("transferred", 10, source="lenet-digits/0"), 2, source)
    told = [(item.purpose, item.iterations, item.level, item.setting is source) for item in found if item.iterations]
    assert told == [("search", 40, 0, True), ("search", 40, 1, True), ("search", 10, 0, False), ("training", 90, 2, False)]
    with pytest.raises(LotteryError, match="give that setting as source"):
        training_cost.phases(setting("transferred", source="lenet-digits/0"), 2)


@pytest.mark.parametrize("schedule", ["iterative", "oneshot", "continued", "finetuned", "untrained"])
def test_iterations_in_closed_form(schedule):
    scoring = {"magnitude": 0, "snip": 1, "synflow": 100}
    for rewind, score, level in itertools.product((0, 30), scoring, (0, 1, 4)):
        trainings = {"oneshot": 100, "untrained": rewind}.get(schedule, 100 + (level - 1) * (100 - rewind))
        prunings = 1 if schedule in ("oneshot", "untrained") else level
        expected = trainings + prunings * scoring[score] + 100 - rewind if level else 100
        assert training_cost.iterations_spent(setting(schedule, rewind, score), level) == expected


def test_phases_are_the_steps_that_are_taken(own_task, monkeypatch):
    taken, step = [], stack.Stack.step
    monkeypatch.setattr(stack.Stack, "step", lambda self, *rest: (taken.append(1), step(self, *rest))[1])
    options = {"trials": 1, "progress": False, "workers": 1, "levels": 2, "rate": 0.5}
    search = hunt(own_task, iterations=6, **options)
    found = Store()
    by_name = lambda table: found.find(f"{own_task.name}/{table.setting.iloc[0]}")  # noqa: E731
    tried = 2  # steps on a throw-away copy before each hunt
    assert len(taken) - tried == training_cost.iterations_spent(by_name(search), 2) == 18
    transferred = hunt(own_task, iterations=15, schedule="transferred", source=search, only=[2], **options)
    priced = training_cost.iterations_spent(by_name(transferred), 2, by_name(search))
    needless = 6 + 15  # the search went on to train its own level 2, and every hunt has a dense network
    assert len(taken) - 2 * tried == priced + needless == 48


class WithAttention(nn.Module):
    """A network whose products are not all of weights."""

    def __init__(self):
        super().__init__()
        self.inner = nn.Sequential(nn.Linear(8, 12), nn.ReLU())
        self.output = nn.Linear(12, 3)

    def forward(self, x):
        x = self.inner(x)
        mixed = torch.matmul(x.unsqueeze(2), x.unsqueeze(1))
        return self.output(torch.matmul(mixed, x.unsqueeze(2)).squeeze(2))


def test_forward_operations_by_hand():
    assert forward_flops(models.LeNet(40, 10), torch.randn(7, 40)) == {
        "fc1.weight": 2 * 40 * 300, "fc2.weight": 2 * 300 * 100, "output.weight": 2 * 100 * 10, "": 0,
    }  # fmt: skip
    network = WithAttention()
    found = forward_flops(network, torch.randn(7, 8))
    assert found == {"inner.0.weight": 2 * 8 * 12, "output.weight": 2 * 12 * 3, "": 2 * 12 * 12 + 2 * 12 * 12}
    assert network.training
    conv = tasks.find_task("conv2-cluttered")
    network, example = conv.build(), conv.dataset.test.inputs[:3]
    channels, *_, height, width = network.convs[0].weight.shape
    assert forward_flops(network, example)["convs.0.weight"] == 2 * channels * height * width * 12 * 12


def test_a_step_is_three_forward_passes_but_for_the_inputs_gradient():
    network, batch = models.LeNet(40, 10), 60
    inputs, targets = torch.randn(batch, 40), torch.randint(0, 10, (batch,))
    with FlopCounterMode(display=False) as counter:
        nn.functional.cross_entropy(network(inputs), targets).backward()
    one = forward_flops(network, inputs)
    counted = training_cost.training_flops([training_cost.Phase("training", 1, batch, setting("iterative"), 0)], one)
    assert counted - counter.get_total_flops() == batch * one["fc1.weight"], "nobody needs the gradient of the inputs"


def test_operations_under_masks_by_hand():
    one, found = {"a": 100, "b": 10, "": 1}, training_cost.phases(setting("iterative"), 2)
    kept = lambda _, level: {"a": 0.5**level, "b": 0.8**level}  # noqa: E731
    by_level = [111, 50 + 8 + 1, 25 + 6.4 + 1]
    assert training_cost.training_flops(found, one, kept) == pytest.approx(3 * 100 * 60 * sum(by_level))
    assert training_cost.training_flops(found, one) == 3 * 100 * 60 * 3 * 111
    scored = training_cost.phases(setting("untrained", score="snip"), 1)
    assert training_cost.training_flops(scored, one, kept) == pytest.approx(
        3 * (1 * registry.BATCH * 111 + 100 * 60 * by_level[1])
    )
    flow = training_cost.phases(setting("untrained", score="synflow"), 1)  # 100 rounds, each of one input of ones
    assert training_cost.training_flops(flow, one, kept) == pytest.approx(3 * (100 * 1 * 111 + 100 * 60 * by_level[1]))


def test_what_masks_that_move_cost():
    one, moves = {"a": 100, "": 1}, Moves("rigl", every=10, until=0.5)  # moves at 10, 20, ... 50
    of = lambda moves: training_cost.phases(Setting("lenet-digits", Recipe(iterations=100), "untrained", moves=moves), 2)  # noqa: E731
    kept = lambda _, level: {"a": 0.1}  # noqa: E731
    sparse, dense = 10 + 1, 100 + 1
    assert training_cost.training_flops(of(moves), one, kept) == pytest.approx(60 * (3 * 100 * sparse + 5 * dense))
    assert training_cost.training_flops(of(Moves("set", every=10)), one, kept) == pytest.approx(60 * 3 * 100 * sparse)
    assert training_cost.steps(of(moves)) == 100, "a gradient that says where to grow is part of a step"
    thinning = [100 * (0.1 + 0.9 * (1 - at / 50) ** 3) + 1 for at in (0, 10, 20, 30, 40)]
    expected = 60 * 3 * (10 * sum(thinning) + 50 * sparse)
    assert training_cost.training_flops(of(Moves("gmp", every=10, until=0.5)), one, kept) == pytest.approx(expected)


def test_the_cost_table_of_hunts():
    options = {"rate": 0.5, "levels": 2, "trials": 2, "progress": False, **SHORT}
    iterative = hunt("lenet-digits", **options)
    short = hunt("lenet-digits", **{**options, "iterations": 5})
    late = hunt("lenet-digits", schedule="transferred", source=short, only=2, **options)
    bought = {"dense": (iterative, 0), "iterative": (iterative, 2), "short": (late, 2)}
    found = training_cost.cost_table(bought, "lenet-digits")
    assert found.groupby("method", sort=False).iterations.first().to_dict() == {"dense": 20, "iterative": 60, "short": 30}
    step = 3 * 10 * 2 * np.array([64 * 300, 300 * 100, 100 * 10])
    kept = np.array([[1, 1, 1], [0.5, 0.5, 0.75], [0.25, 0.25, 0.5625]])  # the output layer at half the rate
    price = found.groupby("method").operations.first()
    assert price["dense"] == 20 * step.sum()
    assert price["iterative"] == pytest.approx(20 * (kept @ step).sum(), rel=1e-3)
    assert price["short"] == pytest.approx(5 * (kept @ step)[:2].sum() + 20 * (kept @ step)[2], rel=1e-3)
    assert (found.dense_operations == found.iterations * step.sum()).all()
    networks = analysis.summarise(late)
    expected = 100 * networks[networks.level == 2].set_index("trial").test_accuracy
    own = found[found.method == "short"].set_index("trial").value
    assert own.to_dict() == pytest.approx(expected.to_dict())
    with pytest.raises(LotteryError, match="'short' has no tickets at level 1"):
        training_cost.cost_table({"short": (late, 1)}, "lenet-digits")


def accounts(**methods):
    rows = [
        {"method": name, "trial": trial, "value": value, "iterations": cost}
        for name, (cost, values) in methods.items()
        for trial, value in enumerate(values)
    ]
    return pd.DataFrame(rows)


def test_the_pareto_front_against_brute_force():
    random = np.random.default_rng(0)
    for _ in range(50):
        points = {f"m{i}": (int(c), [float(v)]) for i, (c, v) in enumerate(random.integers(0, 6, (8, 2)))}
        found = training_cost.pareto_front(accounts(**points))
        on = {
            a for a, (c, (v,)) in points.items()
            if all(c < C or v > V or (c, v) == (C, V) for C, (V,) in points.values())
        }  # fmt: skip
        assert set(found) == on
        costs_found = [points[name][0] for name in found]
        assert costs_found == sorted(costs_found)


def test_dominated_is_beyond_chance_and_no_dearer():
    base = [50.0, 60.0, 55.0, 52.0]
    steady, lucky = ([v + d for v, d in zip(base, by)] for by in ((1, 1.2, 0.9, 1.1), (0.2, -0.1, 0.2, -0.1)))
    found = training_cost.dominated_by(
        accounts(base=(10, base), steady=(10, steady), lucky=(5, lucky), dear=(20, [v + 5 for v in base]))
    )
    assert found == {"base": ["steady"], "steady": [], "lucky": [], "dear": []}
    assert training_cost.dominated_by(accounts(a=(1, [1.0, 1.0]), b=(1, [2.0, 2.1])))["a"] == [], "two trials have no bounds"
    with pytest.raises(LotteryError, match="unknown cost 'seconds': choose one of iterations"):
        training_cost.pareto_front(accounts(a=(1, [1.0])), "seconds")


def test_dominated_is_corrected_for_the_size_of_the_table():
    """Eight identical methods at one price make 56 comparisons: uncorrected, some are "dominated" in most tables."""
    random, wrong = np.random.default_rng(0), 0
    for _ in range(40):
        methods = {f"m{number}": (1, list(random.normal(size=5))) for number in range(8)}
        wrong += any(training_cost.dominated_by(accounts(**methods)).values())
    assert wrong <= 5, "in 5 % of 40 tables, with room for chance"


def test_only_some_levels_are_trained(own_task):
    options = {"levels": 3, "trials": 2, "iterations": 20, "rate": 0.5, "schedule": "oneshot", "progress": False}
    some = hunt(own_task, only=[3], controls="shuffle", **options)
    assert set(some.level) == {0, 3}
    whole = hunt(own_task, controls="shuffle", **options)
    assert set(whole.level) == {0, 1, 2, 3}
    columns = ["method", "trial", "level", "iteration", "split", "accuracy"]
    again = hunt(own_task, only=(0, 3), controls="shuffle", **options)
    for table in (again, whole[whole.level.isin([0, 3])]):
        assert some[columns].reset_index(drop=True).equals(table[columns].reset_index(drop=True))
    setting = Store().find(f"{own_task.name}/{some.setting.iloc[0]}")
    assert masks.density(Store().load(setting, Key(TICKET, 0, 3)).mask) == some.density.min()
    with pytest.raises(LotteryError, match="level is pruned from the one before"):
        hunt(own_task, only=[3], **{**options, "schedule": "iterative"})
    with pytest.raises(LotteryError, match="only names level 4, but levels go from 0 to 3"):
        hunt(own_task, only=[4], **options)
