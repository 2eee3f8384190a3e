"""What the code of a user is shown, it may write into: data, targets, masks and weights stay as they were."""

import copy

import pytest
import torch
from torch import nn
from torch.nn import functional

import lthlib
from lthlib import masks, models
from lthlib.analysis import efficiency, mode_connectivity
from lthlib.core.errors import LotteryError
from lthlib.data import Dataset, Split
from lthlib.lottery import heuristic_supermasks
from lthlib.lottery.controls import CONTROLS, Control
from lthlib.settings import Recipe
from lthlib.training import engine
from lthlib.training.engine import Ticket

SHORT = {"levels": 1, "trials": 1, "iterations": 20, "evaluate_every": 10, "progress": False, "device": "cpu"}
pytestmark = pytest.mark.usefixtures("no_criterion_is_left_behind")


class Centred(nn.Module):
    """Writes the mean of its inputs out of them."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(6, 3)

    def forward(self, x):
        x -= x.mean(1, keepdim=True)
        return self.layer(x)


NETWORKS = {
    "centred": Centred,
    "relu": lambda: nn.Sequential(nn.ReLU(inplace=True), nn.Linear(6, 8), nn.ReLU(inplace=True), nn.Linear(8, 3)),
}


def greedy(outputs, targets):
    """Makes two classes of three, in place."""
    targets.clamp_(max=1)
    return functional.cross_entropy(outputs, targets, reduction="none"), (outputs.argmax(1) == targets).float()


@pytest.fixture
def own(blobs):
    """A data set whose tensors nobody else holds."""
    return Dataset("own", *(Split(s.inputs.clone(), s.targets.clone()) for s in (blobs.train, blobs.validation, blobs.test)))


def tensors(dataset):
    return [
        tensor.clone() for split in (dataset.train, dataset.validation, dataset.test) for tensor in (split.inputs, split.targets)
    ]


def unchanged(dataset, before):
    return all(torch.equal(a, b) for a, b in zip(tensors(dataset), before))


@pytest.mark.parametrize("stack", [None, 2])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_forward_in_place_leaves_the_data_alone(name, stack, own):
    before, build = tensors(own), NETWORKS[name]
    mask = masks.ones(models.prunable(build()))
    tickets = [Ticket(models.initial_weights(build, seed), mask, seed) for seed in range(2)]
    recipe = Recipe(batch_size=20, iterations=20, evaluate_every=10)
    list(engine.train(tickets, recipe, own, model=build(), device="cpu", workers=1, stack=stack))
    assert unchanged(own, before)
    efficiency.forward_flops(build(), own.train.inputs)
    assert unchanged(own, before)


def test_a_hunt_and_what_measures_it_leave_the_data_alone(own, tmp_path):
    before, task = tensors(own), lthlib.Task("blobs-relu", own, lambda _: NETWORKS["relu"]())
    ready = copy.copy(task)
    object.__setattr__(ready, "check", lambda network: None)  # of the task; here the hunt alone is looked at
    table = lthlib.hunt(ready, results=tmp_path, controls="fork", **SHORT)
    heuristic_supermasks.measure(ready, results=tmp_path, **SHORT)
    mode_connectivity.lines(ready, table, results=tmp_path, points=3)
    assert unchanged(own, before)


@pytest.mark.parametrize("stack", [None, 2])
def test_an_objective_writes_into_no_target(stack, own):
    before, build = tensors(own), NETWORKS["centred"]
    mask = masks.ones(models.prunable(build()))
    tickets = [Ticket(models.initial_weights(build, seed), mask, seed) for seed in range(2)]
    recipe = Recipe(batch_size=20, iterations=20, evaluate_every=10)
    list(engine.train(tickets, recipe, own, model=build(), objective=greedy, device="cpu", workers=1, stack=stack))
    assert unchanged(own, before)


def test_a_control_writes_into_no_mask(own_task, tmp_path, monkeypatch):
    def vandal(place):
        for kept in place.mask.values():
            kept.fill_(False)
        return place.from_theta_k()

    monkeypatch.setitem(CONTROLS, "vandal", Control(vandal))
    spoilt = lthlib.hunt(own_task, controls="vandal", results=tmp_path / "a", **SHORT)
    usual = lthlib.hunt(own_task, results=tmp_path / "b", **SHORT)
    tickets = spoilt[spoilt.method == "iterative"].reset_index(drop=True)
    assert tickets.drop(columns="seconds").equals(usual.drop(columns="seconds"))


def test_a_model_that_writes_into_its_data_is_refused(own):
    def build(dataset):
        dataset.train.inputs.sub_(dataset.train.inputs.mean())
        return Centred()

    with pytest.raises(LotteryError, match="'blobs-sub' writes into its data set: let it copy"):
        lthlib.hunt(lthlib.Task("blobs-sub", own, build), **SHORT)


def test_a_criterion_writes_into_nothing_that_counts(own_task, tmp_path):
    @lthlib.score
    def vandal(*, weights, start, mask, network, batch):
        scores = {name: weight.abs() for name, weight in weights.items()}
        for given in (weights, start, mask):
            for tensor in given.values():
                tensor.fill_(1)
            given.popitem()
        for tensor in (*batch, *network.parameters()):
            tensor.data.zero_()
        return scores

    before = tensors(own_task.dataset)
    twice = {**SHORT, "levels": 3}
    spoilt = lthlib.hunt(own_task, score="vandal", results=tmp_path, **twice)
    usual = lthlib.hunt(own_task, score="magnitude", results=tmp_path, **twice)
    columns = ["level", "density", "iteration", "split", "loss", "accuracy"]
    assert spoilt[columns].equals(usual[columns]) and unchanged(own_task.dataset, before)
