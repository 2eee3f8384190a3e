"""A hunt on a real Ray cluster of two nodes on this machine: the same bits, also when a node is lost in the middle."""

import json
import socket
import sys

import pytest
import torch

from lthlib import hunt
from lthlib.core.errors import LotteryError
from lthlib.storage.store import Store
from lthlib.training import cluster, engine, places
from tests.training.test_engine import RECIPES, deadly_in_workers, run, tickets_of

SMALL = {"levels": 2, "trials": 2, "controls": "reinit", "iterations": 200, "evaluate_every": 100, "progress": False}


@pytest.fixture(scope="module")
def nodes():
    """A head that trains nothing, and two nodes with a core each."""
    ray, utilities = pytest.importorskip("ray"), pytest.importorskip("ray.cluster_utils")
    machines = utilities.Cluster()
    try:
        machines.add_node(num_cpus=0)
        added = [machines.add_node(num_cpus=1) for _ in range(2)]
    except Exception as error:
        machines.shutdown()
        if "timed out during startup" not in str(error):
            raise
        pytest.skip("a node has not started within Ray's 30 seconds: this machine is too busy")
    machines.wait_for_nodes()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ADDRESS", machines.address)
        yield machines, added
    ray.shutdown()
    machines.shutdown()


def networks_of(folder):
    """By its file, the tensors of each network as bytes, and its history."""
    records = {path: json.loads(path.with_suffix(".json").read_bytes()) for path in folder.rglob("*.safetensors")}
    return {str(path.relative_to(folder)): (path.read_bytes(), record["history"]) for path, record in records.items()}


def test_a_hunt_is_the_same_to_the_bit(nodes, tmp_path):
    hunt("lenet-digits", results=tmp_path / "local", workers=1, **SMALL)
    table = hunt("lenet-digits", results=tmp_path / "ray", engine="ray", **SMALL)
    local, there = networks_of(tmp_path / "local"), networks_of(tmp_path / "ray")
    assert len(local) == 2 * (3 + 2) and there == local
    assert set(table.method) == {"iterative", "reinit"}
    [made] = Store(tmp_path / "ray").manifests().to_dict("records")
    assert made["device"].startswith("Ray: ") and made["workers"] == 2


def test_data_goes_to_the_cluster_once_and_again_when_it_has_changed(nodes, own_task):
    data = own_task.dataset
    first = cluster.stored(data)
    assert cluster.stored(data) is first and len(list(first)) == 3
    data.train.inputs.mul_(1)
    assert cluster.stored(data) is not first


def test_workers_that_are_lost_again_and_again_are_one_sentence(nodes, own_task, monkeypatch):
    monkeypatch.setattr(cluster, "RETRIES", 0)
    with pytest.raises(LotteryError, match="worker on the Ray cluster was lost more than 0 times.*what is finished is kept"):
        run(own_task, tickets_of(own_task), RECIPES["sgd"], engine="ray", objective=deadly_in_workers())


def test_machines_that_differ_are_named(capsys):
    here = cluster._facts()
    cluster._check_alike([here, {**here, "processor": "another"}])
    assert "several models of CPU" in capsys.readouterr().err
    with pytest.raises(LotteryError, match="machines differ in torch .*install the same on every machine"):
        cluster._check_alike([here, {**here, "torch": "0.1"}])


def test_a_node_that_is_lost_in_the_middle_changes_no_bit(nodes, tmp_path):
    machines, [_, second] = nodes
    longer = {**SMALL, "trials": 4, "iterations": 800, "levels": 1}
    lost = []

    def lose_one(network):
        if not lost:
            machines.remove_node(second, allow_graceful=False)
            lost.append(network)

    hunt("lenet-digits", results=tmp_path / "ray", engine="ray", on_network=lose_one, **longer)
    assert lost and cluster.cores() == 1
    hunt("lenet-digits", results=tmp_path / "local", workers=1, **longer)
    local = networks_of(tmp_path / "local")
    assert len(local) == 4 * (2 + 1) and networks_of(tmp_path / "ray") == local


def test_what_is_stored_is_found_without_a_cluster(own_task, tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "installed", lambda: None)
    monkeypatch.setattr(cluster, "connected", lambda: pytest.fail("a cluster was asked for"))
    options = {"levels": 1, "trials": 1, "iterations": 6, "evaluate_every": 3, "progress": False, "results": tmp_path}
    table = hunt(own_task, **options)
    assert hunt(own_task, engine="ray", **options).equals(table)


def test_ray_is_an_extra(own_task, monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(LotteryError, match='the engine "ray" is an extra: run `pip install "lthlib\\[ray\\]"`, or choose local'):
        hunt(own_task, engine="ray", results=tmp_path / "none")
    assert not (tmp_path / "none").exists()


def test_an_address_at_which_nothing_answers(own_task, monkeypatch, tmp_path):
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(LotteryError, match="no Ray cluster answers at '127.0.0.1:.*start one there with `ray start --head`"):
            hunt(own_task, engine="ray", results=tmp_path)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_what_ray_is_not_for(monkeypatch):
    with pytest.raises(LotteryError, match="unknown engine 'rya': did you mean 'ray'"):
        places.check("cpu", None, engine="rya")
    monkeypatch.setattr(cluster, "installed", lambda: None)
    with pytest.raises(LotteryError, match="trains on CPUs, not on 'cuda': leave device out"):
        places.check("cuda", None, engine="ray")
    assert places.where_to_train("auto", "ray") == torch.device("cpu") and engine.check is places.check
