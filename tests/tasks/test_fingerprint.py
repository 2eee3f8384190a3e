"""A user's task or criterion that changes is trained anew: its results are filed under other digits."""

import sys

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import lthlib
from lthlib import LotteryError, Task, tasks

WEIGHT = torch.tensor([1.0, 1.0, 1.0])
SEEN: list[int] = []


class Net(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.a, self.b, self.act = nn.Linear(6, 8), nn.Linear(8, 3), act

    def forward(self, x):
        return self.b(self.act(self.a(x)))


def weighted(outputs, targets):
    return functional.cross_entropy(outputs, targets, weight=WEIGHT, reduction="none"), (outputs.argmax(1) == targets).float()


def counting(outputs, targets):
    SEEN.append(len(targets))
    return functional.cross_entropy(outputs, targets, reduction="none"), (outputs.argmax(1) == targets).float()


def hunted(task, folder):
    return lthlib.hunt(task, "smoke", levels=1, trials=1, iterations=20, results=folder, progress=False)


def test_another_activation_is_trained_anew(blobs, tmp_path):
    relu, tanh = (Task("blobs-act", blobs, lambda _, act=act: Net(act)) for act in (torch.relu, torch.tanh))
    first, second, true = hunted(relu, tmp_path), hunted(tanh, tmp_path), hunted(tanh, tmp_path / "empty")
    assert first.setting.iloc[0] != second.setting.iloc[0] == true.setting.iloc[0]
    assert second.loss.equals(true.loss)


def test_other_class_weights_of_the_objective_are_trained_anew(blobs, tmp_path, monkeypatch):
    task = Task("blobs-weighted", blobs, lambda _: Net(torch.relu), weighted)
    first = hunted(task, tmp_path)
    monkeypatch.setitem(globals(), "WEIGHT", torch.tensor([1.0, 20.0, 1.0]))
    second, true = hunted(task, tmp_path), hunted(task, tmp_path / "empty")
    assert not first.loss.equals(second.loss) and second.loss.equals(true.loss)


def test_a_criterions_helpers_and_closures_count(monkeypatch):
    def make(power):
        def size(*, weights):
            return {name: weight.abs() ** power for name, weight in weights.items()}

        return size

    setting = lambda function: tasks.resolve(tasks.TASKS["lenet-digits"], score=lthlib.score(function))[0]  # noqa: E731
    try:
        one, two, again = (setting(make(power)).identity() for power in (1, 2, 1))
    finally:
        lthlib.SCORES.pop("size")
    assert one == again != two


def test_a_task_that_changes_by_itself_is_refused_in_a_sentence(blobs, tmp_path):
    task = Task("blobs-counting", blobs, lambda _: Net(torch.relu), counting)
    with pytest.raises(LotteryError, match="not the same twice: the objective: SEEN changes by itself"):
        hunted(task, tmp_path / "none")
    assert not (tmp_path / "none").exists(), "nothing is written"


def test_what_cannot_be_described_is_refused_before_anything_is_written(blobs, tmp_path):
    def build(data):
        network = Net(torch.relu)
        network.log = sys.stdout.buffer
        return network

    with pytest.raises(LotteryError, match=r"the network\.log is of type"):
        tasks.resolve(Task("blobs-file", blobs, build))


def test_a_network_drawn_by_numpy_is_named(blobs, tmp_path):
    def build(data):
        network = nn.Sequential(nn.Linear(6, 3))
        network[0].weight.data = torch.from_numpy(np.random.RandomState().randn(3, 6)).float()
        return network

    with pytest.raises(LotteryError, match="other values when it is built again under the same seed"):
        hunted(Task("blobs-numpy", blobs, build), tmp_path / "none")
