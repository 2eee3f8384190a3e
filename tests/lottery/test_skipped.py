"""What a hunt sets aside: trials whose training diverges, and rounds that remove nothing."""

import json

import pytest
import torch
from torch import nn

import lthlib
from lthlib import analysis, lottery, masks, models, plots, tasks
from lthlib.core.seeds import seed_for
from lthlib.core.spans import spans
from lthlib.lottery import heuristic_supermasks
from lthlib.settings import Recipe
from lthlib.training import engine
from lthlib.training.engine import Ticket

SHORT = {"iterations": 20, "evaluate_every": 10, "progress": False, "device": "cpu"}
DIVERGES = 1  # the trial whose network below does


def hunt(task, **chosen):
    return lottery.hunt(task, **{**SHORT, **chosen})


def network():
    """That of one trial begins with weights that are far too large, so that its losses are NaN."""
    layers = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    if torch.initial_seed() == seed_for(0, "weights", DIVERGES):
        for parameter in layers.parameters():
            parameter.data *= 1e30
    return layers


@pytest.fixture(scope="module")
def task(blobs):
    return lthlib.Task("blobs-fragile", blobs, lambda _: network())


@pytest.fixture(scope="module")
def small(blobs):
    return lthlib.Task("blobs-small", blobs, lambda _: nn.Sequential(nn.Linear(6, 2), nn.ReLU(), nn.Linear(2, 3)))


def trained(monkeypatch):
    """How many tickets each later call of the engine trains."""
    counts, train = [], engine.train

    def count(tickets, *rest, **named):
        counts.append(len(tickets))
        return train(tickets, *rest, **named)

    monkeypatch.setattr(engine, "train", count)
    return counts


def levels_of(table):
    return {trial: sorted(rows.level.unique()) for trial, rows in table.groupby("trial")}


@pytest.mark.parametrize("schedule", ["iterative", "continued", "oneshot", "untrained"])
def test_a_trial_that_diverges_is_set_aside_and_the_others_go_on(task, schedule, capsys, monkeypatch):
    chosen = {"schedule": schedule, "levels": 2, "trials": 3, "controls": "reinit"}
    table = hunt(task, **chosen)
    assert levels_of(table) == {0: [0, 1, 2], DIVERGES: [0], 2: [0, 1, 2]}
    [said] = [line for line in capsys.readouterr().err.splitlines() if "diverged" in line]
    assert f"for ticket of trial {DIVERGES} at level 0: set aside" in said and "learning_rate below 0.0012" in said
    counts = trained(monkeypatch)
    again = hunt(task, **chosen)
    assert counts == [] and again.equals(table)
    assert "diverged" in capsys.readouterr().err, "whoever hunts again is told as well"


def test_the_others_are_trained_as_they_would_be_without_it(task, tmp_path, capsys):
    chosen = {"levels": 2, "results": tmp_path / "a"}
    with_it, without = hunt(task, trials=3, **chosen), hunt(task, trials=1, levels=2, results=tmp_path / "b")
    columns = [name for name in without.columns if name != "seconds"]
    assert with_it[with_it.trial == 0][columns].reset_index(drop=True).equals(without[columns])


def test_what_diverges_below_the_dense_network_ends_there(task, monkeypatch, capsys):
    """Under schedules whose levels do not build on one another, only the level itself is lost."""
    make = lottery.Hunt.make_ticket

    def spoilt(self, key, mask):
        ticket = make(self, key, mask)
        if (key.method, key.trial, key.level) == ("ticket", 0, 1):
            ticket.weights["0.weight"].mul_(1e38)
        return ticket

    monkeypatch.setattr(lottery.Hunt, "make_ticket", spoilt)
    chosen = {"levels": 3, "trials": 1, "controls": "reinit"}
    assert levels_of(hunt(task, **chosen)) == {0: [0, 1]}
    assert "ticket of trial 0 at level 1" in capsys.readouterr().err
    oneshot = hunt(task, schedule="oneshot", **chosen)
    assert levels_of(oneshot) == {0: [0, 1, 2, 3]}
    networks = lthlib.summarise(oneshot)
    assert networks[networks.diverged].level.tolist() == [1] and networks[networks.diverged].method.tolist() == ["oneshot"]
    assert lthlib.compare(oneshot).index.tolist() == [2, 3]


def test_everything_that_reads_a_hunt_takes_one_with_a_diverged_trial(task, tmp_path):
    chosen = {"levels": 2, "trials": 3}
    table = hunt(task, results=tmp_path, controls="shuffle", **chosen)
    assert not set(analysis.matching(table, "shuffle").trials) - {2}
    assert not plots.density_curves(table).get_label().count("nan")
    setting, extent = tasks.resolve(task, iterations=20, evaluate_every=10, **chosen)
    assert set(analysis.layers(setting, extent, tmp_path).query("level > 0").trial) == {0, 2}
    before = heuristic_supermasks.measure(task, results=tmp_path, **SHORT, **chosen)
    assert levels_of(before)[0] == [0, 1, 2] and levels_of(before)[DIVERGES] == [0]
    source = table[table.method == "iterative"]
    other = hunt(task, schedule="transferred", source=source, seed=1, results=tmp_path, **chosen)
    assert levels_of(other) == {0: [0, 1, 2], DIVERGES: [0], 2: [0, 1, 2]}, "what the source has is transferred"


def test_all_trials_diverged(own_task, capsys):
    table = hunt(own_task, optimizer="sgd", learning_rate=1e30, levels=2, trials=2, controls="reinit")
    assert levels_of(table) == {0: [0], 1: [0]} and lthlib.summarise(table).diverged.all()
    assert "ticket of trial 0 at level 0, ticket of trial 1 at level 0" in capsys.readouterr().err
    assert lthlib.matching(table).empty and lthlib.levels(table).iterative.tolist() == ["2 diverged"]


def test_the_command_line_says_null(own_task, monkeypatch, capsys):
    from lthlib import __main__

    monkeypatch.setitem(tasks.TASKS, own_task.name, own_task)
    line = f"hunt --task {own_task.name} --trials 1 --levels 0 --iterations 10 --device cpu --json"
    monkeypatch.setattr(lthlib, "hunt", lambda **_: hunt(own_task, optimizer="sgd", learning_rate=1e30, levels=0, trials=1))
    assert __main__.main(line.split()) == 0
    network = json.loads(capsys.readouterr().out, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert network["test_accuracy"] is None and network["early_stop"] is None


NETWORKS = {
    "linear": lambda: nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 3)),
    "norm": lambda: nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 3)),
    "convolution": lambda: nn.Sequential(nn.Unflatten(1, (1, 6)), nn.Conv1d(1, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)),
}


def in_a_stack(build, blobs, weights, optimizer):
    mask = masks.ones(models.prunable(build()))
    tickets = [Ticket(state, mask, order) for order, state in enumerate(weights)]
    recipe = Recipe(optimizer=optimizer, learning_rate=0.01, batch_size=20, iterations=15, evaluate_every=5)
    return dict(engine.train(tickets, recipe, blobs, model=build(), device="cpu", stack=3))


@pytest.mark.parametrize("optimizer", ["adam", "sgd"])
@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("factor", [float("nan"), 1e38])
def test_in_a_stack_one_that_diverges_touches_no_other(name, optimizer, factor, blobs):
    build = NETWORKS[name]
    sound = [models.initial_weights(build, seed) for seed in range(3)]
    spoilt = [
        sound[0],
        {key: value * factor if value.is_floating_point() else value for key, value in sound[1].items()},
        sound[2],
    ]
    expected, found = in_a_stack(build, blobs, sound, optimizer), in_a_stack(build, blobs, spoilt, optimizer)
    for place in (0, 2):
        assert found[place].history == expected[place].history
        assert all(tensor.equal(expected[place].weights[key]) for key, tensor in found[place].weights.items())
    assert not torch.tensor(found[1].history["loss"]).isfinite().all()


@pytest.mark.parametrize("stack", [1, 2])
def test_infinite_weights_are_a_diverged_training_though_the_loss_is_finite(stack, blobs):
    """Batch norm divides by an infinite variance: outputs are zeros, and the loss log 3."""
    build = NETWORKS["norm"]
    state = models.initial_weights(build, 0)
    state["0.weight"] *= 1e25
    mask = masks.ones(models.prunable(build()))
    recipe = Recipe(batch_size=20, iterations=4, evaluate_every=2)
    tickets = [Ticket(state, mask, order) for order in range(stack)]
    for _, trained in engine.train(tickets, recipe, blobs, model=build(), device="cpu", stack=stack):
        losses = [loss for loss, split in zip(trained.history["loss"], trained.history["split"]) if split == "validation"]
        assert trained.weights["1.running_var"].isinf().any()
        assert losses[1] == pytest.approx(1.0986, abs=0.2) and losses[-1] != losses[-1], "NaN marks it"


class Causal(nn.Module):
    """A buffer of infinities is part of it."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 3)
        self.register_buffer("never", torch.full((3,), -torch.inf))

    def forward(self, x):
        return torch.maximum(self.layer(x), self.never)


def test_infinities_that_were_there_before_are_no_divergence(blobs):
    table = hunt(lthlib.Task("blobs-causal", blobs, lambda _: Causal()), levels=1, trials=1)
    assert not lthlib.summarise(table).diverged.any() and table.level.max() == 1


@pytest.mark.parametrize("chosen", [{}, {"scope": "global"}, {"structure": "units", "rate": 0.4}, {"schedule": "continued"}])
def test_a_round_that_removes_nothing_ends_the_hunt(small, chosen, capsys, monkeypatch):
    counts, controls = trained(monkeypatch), "reinit,fork"
    table = hunt(small, levels=200, trials=2, controls=controls, **chosen)
    densities = table[table.method == table.schedule].groupby("trial").density.unique()
    assert all(len(set(d)) == len(d) for d in densities), "no density is trained twice"
    last = table.level.max()
    assert 1 <= last < 20 and set(table[table.method == "reinit"].level) == set(range(1, last + 1))
    [said] = capsys.readouterr().err.splitlines()
    assert f"the round to level {last + 1} removes nothing" in said and f"ends at level {last}," in said
    before = len(counts)
    assert hunt(small, levels=200, trials=2, controls=controls, **chosen).equals(table) and len(counts) == before
    assert hunt(small, levels=last, trials=2, controls=controls, **chosen).equals(table), "asking for less says nothing"
    assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.mark.parametrize("schedule", ["oneshot", "untrained"])
def test_at_once_each_density_is_trained_once(small, schedule, capsys, monkeypatch):
    table = hunt(small, schedule=schedule, levels=30, trials=2)
    densities = table.groupby("level").density.first()
    assert densities.is_unique and densities.min() == 0
    expected = [level for level in range(1, 31) if counted(level) == counted(level - 1)]
    assert sorted({*range(31)} - {*table.level}) == expected
    assert f"{spans(expected)} would have as many weights as the level before" in capsys.readouterr().err
    counts = trained(monkeypatch)
    assert hunt(small, schedule=schedule, levels=30, trials=2).equals(table) and counts == []
    given = hunt(small, schedule="transferred", source=table, levels=table.level.max(), only=sorted(set(table.level)), trials=2)
    assert given.groupby("level").density.first().equals(densities)


def counted(level):
    """Weights of the small network that are left after so many rounds at rate 0.2, pruned at once."""
    return [size - round((1 - 0.8**level) * size) for size in (12, 6)]


def test_a_level_that_is_asked_for_alone_is_compared_with_those_that_are_there(small):
    level = next(level for level in range(1, 31) if counted(level) == counted(level - 1))
    assert set(hunt(small, schedule="oneshot", levels=30, trials=1, only=[level]).level) == {0, level}


class Whole(nn.Module):
    rate_factors = {"layer.weight": 0.0}

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, x):
        return self.layer(x)


@pytest.mark.parametrize("structure", ["weights", "groups"])
def test_where_nothing_may_be_pruned_the_dense_network_is_all(structure, blobs, capsys):
    table = hunt(lthlib.Task("blobs-whole", blobs, lambda _: Whole()), levels=3, trials=1, structure=structure)
    assert set(table.level) == {0} and "ends at level 0," in capsys.readouterr().err


def testspans():
    assert [spans(levels) for levels in ([3], [1, 2, 3], [6, 8, 10, 11])] == [
        "level 3",
        "levels 1 to 3",
        "levels 6, 8, 10 to 11",
    ]
