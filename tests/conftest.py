"""Fixtures: a small task, a results folder of its own for every test, and real MNIST where it can be had without a network."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

import lthlib
from lthlib import data
from lthlib.pruning import registry

ROOT = Path(__file__).resolve().parents[1]
PREPARE = ROOT.parent / "shared" / "data" / "prepare.py"


def pytest_collection_modifyitems(items):
    """Tests marked `gpu` are skipped where there is no CUDA card."""
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="no CUDA card"))


@pytest.fixture(autouse=True)
def own_results(tmp_path, monkeypatch):
    """No test reads or writes the results of the checkout."""
    monkeypatch.setenv("LTHLIB_RESULTS", str(tmp_path / "results"))


@pytest.fixture(autouse=True)
def strict_exercises(monkeypatch):
    """A wrong answer raises. Tests of what readers see call `monkeypatch.delenv("LTHLIB_STRICT")`."""
    monkeypatch.setenv("LTHLIB_STRICT", "1")


@pytest.fixture
def no_criterion_is_left_behind():
    """Criteria that a test registers are gone after it."""
    before = dict(registry.SCORES)
    yield
    registry.SCORES.clear()
    registry.SCORES.update(before)


@pytest.fixture(scope="session")
def blobs():
    """A data set of 240 + 100 points in 6 dimensions, three classes that overlap a little."""
    generator = torch.Generator().manual_seed(0)
    centres = 2 * torch.randn(3, 6, generator=generator)
    targets = torch.randint(0, 3, (340,), generator=generator)
    inputs = centres[targets] + torch.randn(340, 6, generator=generator)
    return data.from_arrays("blobs", inputs[:240], targets[:240], inputs[240:], targets[240:])


class BatchNormNet(nn.Module):
    """A user's own network: batch norm, dropout, and an output layer that is kept whole."""

    rate_factors = {"output.weight": 0.0}

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(6, 16)
        self.norm = nn.BatchNorm1d(16)
        self.dropout = nn.Dropout(0.2)
        self.output = nn.Linear(16, 3)

    def forward(self, x):
        return self.output(self.dropout(torch.relu(self.norm(self.hidden(x)))))


@pytest.fixture(scope="session")
def own_task(blobs):
    return lthlib.Task("blobs-own", blobs, lambda _: BatchNormNet())


@pytest.fixture(scope="session")
def mnist_folder(tmp_path_factory):
    """A data folder with the real MNIST: the one in use if it has the file, else one prepared from a local copy."""
    if (data.data_folder() / "mnist.npz").exists():
        return data.data_folder()
    if not PREPARE.exists():
        pytest.skip("no mnist.npz in the data folder, and tests download nothing")
    folder = tmp_path_factory.mktemp("data")
    subprocess.run([sys.executable, PREPARE, folder, "mnist"], check=True, capture_output=True)
    return folder
