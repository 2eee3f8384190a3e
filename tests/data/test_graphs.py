"""The generated graph, Cora from its file, and the two as data sets; bare pictures."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from lthlib import data
from lthlib.core.errors import LotteryError
from lthlib.data import graphs
from tests.conftest import PREPARE


def test_the_block_model_is_as_asked():
    made = graphs.block_model(nodes=2000, inside=5.0, outside=2.0)
    edges, labels = made["edges"], made["labels"]
    assert (edges[:, 0] < edges[:, 1]).all() and len(np.unique(edges, axis=0)) == len(edges), "each once, none to itself"
    alike = labels[edges[:, 0]] == labels[edges[:, 1]]
    for count, expected in ((2 * alike.sum() / 2000, 5.0), (2 * (~alike).sum() / 2000, 2.0)):
        assert count == pytest.approx(expected, abs=5 * (2 * expected / 2000) ** 0.5)
    used = made["features"] > 0
    own = labels[:, None] == np.arange(128)[None] // 16
    assert used[own].mean() == pytest.approx(0.24, abs=0.01) and used[~own].mean() == pytest.approx(0.06, abs=0.005)
    np.testing.assert_allclose(made["features"].sum(1), 1, rtol=1e-5)
    assert abs(np.corrcoef(np.arange(len(edges)), edges[:, 0])[0, 1]) < 0.05, "edges stand in no order"


def test_a_graph_repeats_by_seed():
    one, again, other = graphs.block_model(nodes=200), graphs.block_model(nodes=200), graphs.block_model(1, nodes=200)
    assert all((one[name] == again[name]).all() for name in one)
    assert one["edges"].shape != other["edges"].shape or (one["edges"] != other["edges"]).any()


def test_the_block_model_as_a_data_set():
    made = data.load("sbm")
    assert data.at_hand("sbm") and made.classes == 4 and made.input_shape == ()
    assert (len(made.train), len(made.validation), len(made.test)) == (60, 140, 800)
    nodes = torch.cat([split.inputs for split in (made.train, made.validation, made.test)])
    assert torch.equal(nodes.sort().values, torch.arange(1000)), "every node is in one split alone"
    edges = data.Graph(made.name, made.train, made.validation, made.test, made.features, made.edges[1:])
    assert made.fingerprint() == data.load("sbm").fingerprint() != edges.fingerprint()


def write_cora(path, **changes):
    arrays = {
        "features": np.eye(6, 4, dtype=np.uint8),
        "labels": np.array([0, 1, 2, 0, 1, 2], np.uint8),
        "edges": np.array([[0, 1], [1, 2], [3, 5]], np.int32),
        "train_nodes": np.array([0, 1]),
        "val_nodes": np.array([2]),
        "test_nodes": np.array([4, 5]),
    }
    np.savez(path, **{name: array for name, array in {**arrays, **changes}.items() if array is not None})


def test_cora_is_read_or_named_with_a_fix(tmp_path, monkeypatch):
    monkeypatch.setenv("LTHLIB_DATA", str(tmp_path))
    with pytest.raises(LotteryError, match=r"cora\.npz is not there: put Cora .*gcn-sbm"):
        data.load("cora")
    write_cora(tmp_path / "cora.npz")
    made = data.load("cora")
    assert data.at_hand("cora") and made.test.targets.tolist() == [1, 2] and made.features.shape == (6, 4)
    assert sorted(map(tuple, made.edges.tolist())) == [(0, 1), (1, 2), (3, 5)]
    write_cora(tmp_path / "cora.npz", edges=None)
    with pytest.raises(LotteryError, match=r"cora\.npz is damaged .*edges"):
        data.load("cora")
    (tmp_path / "cora.npz").write_bytes(b"no archive")
    with pytest.raises(LotteryError, match=r"cora\.npz is damaged"):
        data.load("cora")


@pytest.mark.skipif(not PREPARE.exists(), reason="no local copy of Cora, and tests download nothing")
def test_the_real_cora(tmp_path, monkeypatch):
    monkeypatch.setenv("LTHLIB_DATA", str(tmp_path))
    subprocess.run([sys.executable, PREPARE, tmp_path, "cora"], check=True, capture_output=True)
    cora = data.load("cora")
    assert [len(split) for split in (cora.train, cora.validation, cora.test)] == [140, 500, 1000]
    assert cora.classes == 7 and cora.features.shape == (2708, 1433) and cora.edges.shape == (5278, 2)
    nodes = torch.cat([split.inputs for split in (cora.train, cora.validation, cora.test)])
    assert len(nodes.unique()) == 1640, "no node is in two splits"
    assert cora.train.targets.bincount().tolist() == [20] * 7, "twenty of each field (Yang et al. 2016)"


def test_bare_pictures_are_their_own_targets():
    pixels, named = data.load("digits-pixels"), data.load("digits")
    assert data.at_hand("digits-pixels") and len(pixels.train) == len(named.train)
    for split, other in ((pixels.train, named.train), (pixels.validation, named.validation), (pixels.test, named.test)):
        assert torch.equal(split.inputs.flatten(1), split.targets) and split.inputs.min() >= 0 and split.inputs.max() <= 1
        torch.testing.assert_close((split.inputs - 0.3053) / 0.3760, other.inputs, rtol=1e-4, atol=1e-5)
    with pytest.raises(LotteryError, match="'digits-pixels' has no classes"):
        _ = pixels.classes


def test_whole_numbers_stay_whole_and_bad_targets_are_named():
    made = data.from_arrays(
        "t", torch.ones(4, 3).int(), torch.ones(4, 3).int(), torch.ones(1, 3), torch.ones(1, 3), classes=False
    )
    assert made.train.inputs.dtype == made.train.targets.dtype == torch.int64 and made.test.inputs.dtype == torch.float32
    with pytest.raises(LotteryError, match="classes=False"):
        data.from_arrays("t", torch.ones(4, 3), torch.ones(4, 3), torch.ones(1, 3), torch.ones(1, 3))
    with pytest.raises(LotteryError, match="targets that are not finite"):
        data.from_arrays("t", torch.ones(4, 3), torch.full((4, 3), torch.nan), torch.ones(1, 3), torch.ones(1, 3), classes=False)
    with pytest.raises(LotteryError, match="one target for each example"):
        data.from_arrays("t", torch.ones(4, 3), torch.ones(3, 3), torch.ones(1, 3), torch.ones(1, 3), classes=False)
