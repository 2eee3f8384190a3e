"""The Ray engine on a real cluster of two nodes on this machine, one of which is killed in the middle."""

import threading
import time

import pytest

from lthlib.sweeps import config, runner
from tests.sweeps.test_runner import squares, sweep  # noqa: F401

ray = pytest.importorskip("ray")
cluster_utils = pytest.importorskip("ray.cluster_utils")


@pytest.fixture
def cluster(monkeypatch):
    """A head that runs nothing, and two nodes with a core each."""
    cluster = cluster_utils.Cluster(initialize_head=True, head_node_args={"num_cpus": 0})
    nodes = [cluster.add_node(num_cpus=1) for _ in range(2)]
    cluster.wait_for_nodes()
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    yield cluster, nodes
    ray.shutdown()
    cluster.shutdown()


def test_ray_gives_what_local_gives_though_a_node_is_lost(cluster, sweep):  # noqa: F811
    cluster, nodes = cluster
    path = sweep(range(6), parameters={"wait": 2.0})
    outcomes = []

    def carry_out():
        outcomes.append(runner.carry_out(config.read(path), "ray", progress=False))

    worker = threading.Thread(target=carry_out)
    worker.start()
    runs = config.read(path).runs
    until = time.monotonic() + 120
    while not any((run.folder / "result.json").exists() for run in runs) and time.monotonic() < until:
        time.sleep(0.2)
    cluster.remove_node(nodes[1], allow_graceful=False)
    worker.join(240)
    assert not worker.is_alive() and outcomes[0].count(runner.DONE) == 6
    assert squares(path) == [number**2 for number in range(6)]


def test_a_failure_is_told_as_by_local(cluster, sweep):  # noqa: F811
    outcome = runner.carry_out(config.read(sweep([2, 3], parameters={"fails": True})), "ray", progress=False)
    assert outcome.count(runner.DONE) == 1 and "three is not wanted" in " ".join(outcome.reasons.values())
