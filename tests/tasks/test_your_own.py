"""What README and docs/your-own.md say about a network, data and an objective of one's own runs as it stands, only shorter."""

import re

import pytest
import torch
from safetensors.torch import load_file
from torch import nn

import lthlib
from lthlib import data, models
from lthlib.core.errors import LotteryError
from lthlib.data import downloads
from tests.conftest import ROOT

SHORT = {"levels": 1, "trials": 1, "iterations": 4, "evaluate_every": 2, "progress": False, "device": "cpu"}


def blocks(path, word):
    return [block for block in re.findall(r"```python\n(.*?)```", (ROOT / path).read_text(), re.DOTALL) if word in block]


@pytest.fixture
def short(monkeypatch):
    """Every hunt at profile smoke, with few iterations; what it was asked is kept."""
    asked, hunt = [], lthlib.hunt

    def shortened(task, profile="quick", **options):
        asked.append(options)
        return hunt(task, "smoke", **{**options, **SHORT})

    monkeypatch.setattr(lthlib, "hunt", shortened)
    return asked


@pytest.mark.parametrize("word", ["load_breast_cancer", "load_diabetes"])
def test_tables_run(short, word, capsys):
    [block] = blocks("docs/your-own.md", word)
    exec(block, space := {})
    table = space["table"]
    assert set(table.level) == {0, 1} and table.loss.notna().all() and table.accuracy.between(0, 1).all()
    assert "levels" in short[0] and capsys.readouterr().out


def test_a_ticket_is_taken_along(short, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(SHORT, "levels", 5)
    space = {}
    for word in ("load_breast_cancer", "export.ticket"):
        [block] = blocks("docs/your-own.md", word)
        exec(block, space)
    tensors, row = load_file("ticket.safetensors"), lthlib.summarise(space["table"]).query("level == 5 and method == 'iterative'")
    assert all(torch.equal(tensors[name], tensor) for name, tensor in space["network"].state_dict().items())
    assert float(space["ticket"].about["test_accuracy"]) == row.test_accuracy.item()
    assert hasattr(space["pruned"][0], "weight_mask")


@pytest.mark.parametrize("path", ["README.md", "docs/your-own.md"])
def test_a_network_of_torchvision_runs(short, path, monkeypatch):
    try:
        downloads._torchvision()
    except ImportError:
        pytest.skip("torchvision cannot be imported")
    generator = torch.Generator().manual_seed(0)
    images, labels = torch.randn(36, 3, 32, 32, generator=generator), torch.arange(36) % 10
    cifar10 = data.from_arrays("cifar10", images[:24], labels[:24], images[24:], labels[24:])
    monkeypatch.setattr(data, "load", lambda name: {"cifar10": cifar10}[name])
    monkeypatch.setitem(SHORT, "batch_size", 8)
    [block] = blocks(path, "shufflenet")
    exec(block, space := {})
    assert set(space["table"].level) == {0, 1} and short[0]["scope"] == "global"


class DropPath(nn.Module):
    """Drops a whole branch of an example, as timm's networks do."""

    def forward(self, x):
        kept = torch.rand(x.shape[0], 1, 1, 1, device=x.device) < 0.9
        return x * kept / 0.9 if self.training else x


class LikeTimm(nn.Module):
    """Stem, stage with a residual branch, norm and head, called through forward_features and forward_head."""

    rate_factors = {"head.fc.weight": 0.5}

    def __init__(self, num_classes=10, in_chans=1):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(in_chans, 8, 3, 2, 1, bias=False), nn.GroupNorm(2, 8), nn.GELU())
        self.stage = nn.Sequential(nn.Conv2d(8, 8, 3, 1, 1, groups=8), nn.BatchNorm2d(8), nn.SiLU(), DropPath())
        self.head = nn.Sequential()
        self.head.add_module("drop", nn.Dropout(0.1))
        self.head.add_module("fc", nn.Linear(8, num_classes))

    def forward_features(self, x):
        x = self.stem(x)
        return x + self.stage(x)

    def forward_head(self, x, pre_logits=False):
        x = x.mean((2, 3))
        return x if pre_logits else self.head(x)

    def forward(self, x):
        return self.forward_head(self.forward_features(x))


def test_a_network_like_timms_runs():
    task = lthlib.Task("like-timm", "digits", lambda data: LikeTimm(data.classes, data.input_shape[0]))
    assert list(models.prunable(task.build())) == ["stem.0.weight", "stage.0.weight", "head.fc.weight"]
    table = lthlib.hunt(task, "smoke", controls="reinit", **SHORT)
    assert set(table.method) == {"iterative", "reinit"} and table.loss.notna().all()
    again = lthlib.hunt(task, "smoke", controls="reinit", **SHORT)
    assert again.equals(table), "found in the store, not trained again"


def test_features_for_logits_are_named():
    class NoHead(LikeTimm):
        def forward(self, x):
            return self.forward_features(x)

    with pytest.raises(LotteryError, match=r"gives \[2, 8, 4, 4\] for 2 train examples: it must give one row each"):
        lthlib.hunt(lthlib.Task("no-head", "digits", lambda data: NoHead(10)), "smoke", **SHORT)
