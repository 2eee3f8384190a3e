"""on_network: each network is handed to a function of the caller's as soon as it is trained and stored."""

import os
import re
import sys
import types

import pytest

import lthlib
from lthlib.core.errors import LotteryError
from lthlib.storage.store import TICKET, Key, Store
from lthlib.tasks import find_task, resolve
from tests.conftest import ROOT

SHORT = {"levels": 1, "trials": 2, "iterations": 6, "evaluate_every": 3, "progress": False, "device": "cpu", "workers": 1}


def hunt(results, **more):
    return lthlib.hunt("lenet-digits", "smoke", results=results, **{**SHORT, **more})


def setting():
    return resolve(find_task("lenet-digits"), "smoke", iterations=6, evaluate_every=3)[0]


def test_each_network_is_handed_on_once_in_this_process_and_stored_by_then(tmp_path):
    seen = []

    def note(network):
        method = TICKET if network["method"] == "iterative" else network["method"]
        key = Key(method, network["trial"], network["level"], network["redraw"])
        seen.append((network, os.getpid(), Store(tmp_path).has(setting(), key)))

    table = hunt(tmp_path, controls="reinit", on_network=note)
    assert len(seen) == 6 and all(process == os.getpid() and stored for _, process, stored in seen)
    networks = lthlib.summarise(table).to_dict("records")
    place = lambda network: (network["level"], network["method"], network["trial"])  # noqa: E731
    said = sorted([{k: v for k, v in network.items() if k != "curve"} for network, *_ in seen], key=place)
    assert said == sorted(networks, key=place)
    curve = table[(table.split == "validation") & (table.level == 1) & (table.method == "reinit") & (table.trial == 1)]
    [network] = [network for network, *_ in seen if place(network) == (1, "reinit", 1)]
    assert network["curve"] == curve[["iteration", "loss", "accuracy"]].to_dict("records") and len(network["curve"]) == 3
    assert all(type(value) in (str, int, float, bool, list) for value in network.values()), "nothing of NumPy"
    hunt(tmp_path, controls="reinit,shuffle", on_network=lambda network: seen.append(network["method"]))
    assert seen[6:] == ["shuffle", "shuffle"], "what is stored already is not handed on again"


def test_worker_processes_hand_on_in_the_callers_process(tmp_path):
    seen = []
    long = {"iterations": 800, "evaluate_every": 400, "levels": 0, "trials": 3, "workers": 2}
    hunt(tmp_path, **long, on_network=lambda network: seen.append((os.getpid(), network["trial"])))
    assert sorted(seen) == [(os.getpid(), trial) for trial in range(3)]


def test_an_error_is_one_sentence_and_what_is_trained_is_kept(tmp_path, capsys):
    def fails(network):
        if network["level"] == 1:
            raise KeyError("no such chart")

    with pytest.raises(LotteryError) as caught:
        hunt(tmp_path, on_network=fails)
    said = str(caught.value)
    assert said.startswith("on_network failed for iterative of trial 0 at level 1 (KeyError: 'no such chart', in fails, line ")
    assert "\n" not in said and "what was trained is stored" in said and isinstance(caught.value.__cause__, KeyError)
    assert len(lthlib.summarise(lthlib.results(tmp_path))) == 2 and lthlib.analysis.looks(setting(), tmp_path) == []
    names = []
    hunt(tmp_path, on_network=lambda network: names.append((network["level"], network["trial"])))
    assert names == [(1, 1)], "three networks were there"


@pytest.mark.parametrize("wrong", [3, "print", {}])
def test_what_cannot_be_called_is_refused_before_training(tmp_path, wrong):
    with pytest.raises(LotteryError, match="on_network is .*: give a function that takes one dictionary"):
        hunt(tmp_path / "results", on_network=wrong)
    assert not list(tmp_path.iterdir())


class FakeWriter:
    """As much of torch's SummaryWriter as the document uses."""

    runs: dict = {}

    def __init__(self, folder):
        self.points = self.runs.setdefault(folder, [])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def add_scalar(self, name, value, step):
        self.points.append((name, value, step))


def document(package):
    """The example of docs/running.md that imports this package."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "running.md").read_text(), re.DOTALL)
    [block] = [block for block in blocks if package in block]
    return block


@pytest.fixture
def short(monkeypatch):
    original = lthlib.hunt
    monkeypatch.setattr(lthlib, "hunt", lambda task, **options: original(task, "smoke", **{**SHORT, **options}))
    return {"lthlib": lthlib}


def test_the_documents_example_for_tensorboard(monkeypatch, short):
    monkeypatch.setattr(FakeWriter, "runs", {})
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", types.SimpleNamespace(SummaryWriter=FakeWriter))
    exec(document("tensorboard import"), short)
    assert len(FakeWriter.runs) == 6 and "runs/reinit-trial1-redraw0-level1" in FakeWriter.runs
    table = lthlib.results()
    for points in FakeWriter.runs.values():
        assert [step for _, _, step in points] == [0, 3, 6] and {name for name, _, _ in points} == {"validation accuracy"}
    dense = table[(table.level == 0) & (table.trial == 0) & (table.split == "validation")]
    shown = FakeWriter.runs["runs/iterative-trial0-redraw0-level0"]
    assert [value for _, value, _ in shown] == dense.accuracy.tolist()


def test_the_documents_example_for_weights_and_biases(monkeypatch, short):
    logged = []
    fake = types.SimpleNamespace(init=lambda project: types.SimpleNamespace(log=logged.append))
    monkeypatch.setitem(sys.modules, "wandb", fake)
    exec(document("import wandb"), short)
    assert len(logged) == 6 and sum("reinit/test_accuracy" in entry for entry in logged) == 2
    networks = lthlib.summarise(lthlib.results())
    shown = sorted(entry["iterative/test_accuracy"] for entry in logged if "iterative/level" in entry)
    assert shown == sorted(networks.test_accuracy[networks.method == "iterative"])
