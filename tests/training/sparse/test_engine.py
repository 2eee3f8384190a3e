"""The engine trains by kept weights where that pays, and nobody can tell by the results."""

import os
import subprocess
import sys

import pytest
import torch
from torch import nn

import lthlib
from lthlib import models, tasks
from lthlib.core.errors import LotteryError
from lthlib.data import Split
from lthlib.models import LeNet
from lthlib.settings import Recipe
from lthlib.training import engine
from lthlib.training.sparse import compiled, rule
from lthlib.training.sparse.compiled import available
from lthlib.training.stack import Stack, Ticket

needs_kernels = pytest.mark.skipif(not available(), reason="numba cannot compile here")
SHIPPED = {"lenet-digits": 200, "lenet-mnist1d": 200, "conv2-cluttered": 8, "vgg7-cluttered": 8, "resnet8-cluttered": 8}
CPU = torch.device("cpu")


def ticket_of(network, density, seed=3):
    theta, generator = network.state_dict(), torch.Generator().manual_seed(0)
    mask = {name: torch.rand(weight.shape, generator=generator) < density for name, weight in models.prunable(network).items()}
    return Ticket({name: tensor.clone() for name, tensor in theta.items()}, mask, order_seed=seed)


def trained(task, tickets, recipe, **options):
    found = dict(engine.train(tickets, recipe, task.dataset, model=task.build(), device="cpu", **options))
    return [found[index] for index in range(len(tickets))]


@needs_kernels
@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_task_trains_to_the_same_network(name):
    """At the recipe of the lessons; the losses of many steps drift apart by rounding, the first ones do not."""
    task = tasks.find_task(name)
    recipe = lthlib.Recipe(iterations=SHIPPED[name], evaluate_every=4, batch_size=60)
    tickets = [ticket_of(task.build(), density) for density in (0.5, 0.1, 0.02)]
    ours, dense = trained(task, tickets, recipe, workers=1), trained(task, tickets, recipe, workers=1, sparse="off")
    for ticket, a, b in zip(tickets, ours, dense):
        first, last = (a.history["loss"][:3], b.history["loss"][:3]), (a.history["loss"][-3:], b.history["loss"][-3:])
        assert first[0] == pytest.approx(first[1], rel=2e-3)
        assert last[0] == pytest.approx(last[1], rel=0.05)
        assert all(not a.weights[name][~mask].any() for name, mask in ticket.mask.items()), "exactly zero"
        assert {key: t.shape for key, t in a.weights.items()} == {key: t.shape for key, t in b.weights.items()}
        assert all(tensor.is_contiguous() for tensor in a.weights.values())


@needs_kernels
def test_the_number_of_workers_changes_no_bit(monkeypatch):
    monkeypatch.setattr(engine, "WORTH_WORKERS", 0.0)
    task, recipe = tasks.find_task("lenet-digits"), Recipe(iterations=60, evaluate_every=20)
    tickets = [ticket_of(task.build(), density, seed) for seed, density in enumerate((0.6, 0.2, 0.03))]
    one, two = trained(task, tickets, recipe, workers=1), trained(task, tickets, recipe, workers=2)
    for a, b in zip(one, two):
        assert a.history == b.history
        assert all(torch.equal(a.weights[name], b.weights[name]) for name in a.weights)


@needs_kernels
def test_a_cold_cache_and_one_that_cannot_be_written_change_no_bit(tmp_path):
    (tmp_path / "a file").write_text("no folder")
    code = """
import hashlib, torch
from lthlib import tasks
from tests.training.sparse.test_engine import ticket_of, trained, Recipe
task = tasks.find_task("lenet-digits")
torch.manual_seed(0)
[found] = trained(task, [ticket_of(task.build(), 0.1)], Recipe(iterations=20, evaluate_every=10), workers=1)
print(hashlib.sha256(b"".join(t.numpy().tobytes() for t in found.weights.values())).hexdigest())
"""
    printed = []
    for folder in ("cold", "cold", "a file/none"):  # the second time it is warm
        environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / folder)}
        run = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert run.returncode == 0, run.stderr
        printed.append(run.stdout.split()[-1])
    assert len(set(printed)) == 1


@needs_kernels
def test_a_hunt_is_filed_under_one_name_and_has_the_same_verdicts(tmp_path):
    extent = {"levels": 4, "rate": 0.6, "trials": 3, "iterations": 300, "progress": False, "device": "cpu"}
    ours = lthlib.hunt("lenet-digits", results=tmp_path / "ours", **extent)
    off = lthlib.hunt("lenet-digits", results=tmp_path / "off", sparse="off", **extent)
    assert ours.setting.unique() == off.setting.unique()
    a, b = (lthlib.compare(table, "dense") for table in (ours, off))
    assert a.points.to_list() == pytest.approx(b.points.to_list(), abs=1.0), "points: within the task's spread"


def test_other_words_are_refused_before_anything_is_trained(tmp_path):
    with pytest.raises(LotteryError, match="sparse 'yes'.*auto, off"):
        lthlib.hunt("lenet-digits", "smoke", sparse="yes", results=tmp_path)
    assert not list(tmp_path.iterdir())


def test_without_numba_one_notice_and_the_dense_way(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "numba", None)
    compiled.available.cache_clear()
    try:
        network, split = LeNet(40, 10), Split(torch.rand(60, 40), torch.zeros(60, dtype=torch.long))
        for _ in range(2):
            assert rule.plan(network, ticket_of(network, 0.1), Recipe(), split) is None
    finally:
        compiled.available.cache_clear()
    said = capsys.readouterr().err
    assert said.count("numba is missing or cannot compile here") == 1


class Viewed(nn.Module):
    """A map that is flattened by `view`, which channels last do not allow."""

    def __init__(self):
        super().__init__()
        self.conv, self.out = nn.Conv2d(2, 3, 3), nn.Linear(108, 2)

    def forward(self, x):
        return self.out(self.conv(x).view(len(x), -1))


@pytest.mark.parametrize("build, last", [(Viewed, False), (lambda: nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten()), True)])
def test_convolutions_lie_channels_last_where_the_network_takes_it(build, last):
    network, split = build(), Split(torch.rand(80, 2, 8, 8), torch.zeros(80, dtype=torch.long))
    stack = Stack(network, [ticket_of(network, 1.0)], Recipe(batch_size=20), split, CPU)
    weight = next(tensor for tensor in stack.parameters.values() if tensor.dim() == 4)
    assert weight.is_contiguous(memory_format=torch.channels_last) == last
    stack.step(torch.arange(20).unsqueeze(0), None, 0)
    assert all(torch.isfinite(tensor).all() for tensor in stack.state().values())
