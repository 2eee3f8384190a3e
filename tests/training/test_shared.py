"""The data that workers share: written once, as it is now, and gone with its data set."""

import gc
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from lthlib import data
from lthlib.training import shared


@pytest.fixture
def large(monkeypatch):
    monkeypatch.setattr(shared, "LARGE", 1000)
    inputs, targets = torch.rand(300, 8), torch.arange(300) % 3
    return data.from_arrays("shared", inputs[:200], targets[:200], inputs[200:], targets[200:])


def test_a_second_batch_finds_what_the_first_has_written(large):
    first, second = shared.arrays(large), shared.arrays(large)
    assert first is second
    assert isinstance(first[0][0], np.memmap) and Path(first[0][0].filename).exists()
    again = shared.dataset("shared", first)
    for split in ("train", "validation", "test"):
        ours, given = getattr(again, split), getattr(large, split)
        assert torch.equal(ours.inputs, given.inputs) and torch.equal(ours.targets, given.targets)


def test_what_was_changed_in_place_is_written_again(large):
    before = shared.arrays(large)
    large.train.inputs[0] = 7.0
    after = shared.arrays(large)
    assert after is not before and (after[0][0][0] == 7).all()


def test_what_a_worker_writes_does_not_reach_the_others(large):
    maps = shared.arrays(large)
    shared.dataset("shared", maps).train.inputs[0] = 9.0
    assert not (np.load(maps[0][0].filename)[0] == 9).any()


def test_the_maps_go_with_the_data_set(large):
    folder = Path(shared.arrays(large)[0][0].filename).parent
    copy = data.Dataset("copy", large.train, large.validation, large.test)
    of_copy = Path(shared.arrays(copy)[0][0].filename).parent
    del copy
    gc.collect()
    assert folder.exists() and not of_copy.exists()


KILLED = """
import os, signal, torch
from lthlib import data
from lthlib.training import shared
shared.LARGE = 1000
x, y = torch.rand(300, 8), torch.arange(300) % 3
d = data.from_arrays("shared", x[:200], y[:200], x[200:], y[200:])
print(shared.arrays(d)[0][0].filename, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing kills like it there")
def test_a_killed_process_leaves_nothing_behind():
    done = subprocess.run([sys.executable, "-c", KILLED], capture_output=True, text=True, timeout=120)
    path = Path(done.stdout.strip())
    for _ in range(100):
        if not path.parent.exists():
            break
        subprocess.run(["sleep", "0.1"], check=True)
    assert path.name.endswith(".npy") and not path.parent.exists()
