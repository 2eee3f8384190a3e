"""A ticket that is taken out of the store is the ticket whose numbers were reported."""

import builtins
import dataclasses
import zipfile
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from torch import nn

import lthlib
from lthlib import data
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks
from lthlib.storage import export, packing
from lthlib.storage.store import TICKET, Key, Store

LEVEL = 2
# Long enough on labels that are partly wrong for the lowest validation loss to lie before the end.
OVERFIT = {"levels": LEVEL, "trials": 2, "iterations": 120, "evaluate_every": 10, "learning_rate": 0.02, "batch_size": 30}
OVERFIT |= {"progress": False, "device": "cpu", "workers": 1}


class ConvWithNorm(nn.Module):
    """Batch norm, which keeps buffers, and dropout."""

    def __init__(self):
        super().__init__()
        self.conv, self.norm = nn.Conv2d(1, 6, 3), nn.BatchNorm2d(6)
        self.dropout, self.output = nn.Dropout(0.2), nn.Linear(6 * 16, 2)

    def forward(self, x):
        return self.output(self.dropout(torch.relu(self.norm(self.conv(x))).flatten(1)))


class Tied(nn.Module):
    """Two layers that share one weight."""

    def __init__(self):
        super().__init__()
        self.input, self.first, self.second = nn.Linear(36, 24), nn.Linear(24, 24), nn.Linear(24, 24)
        self.output = nn.Linear(24, 2)
        self.second.weight = self.first.weight

    def forward(self, x):
        x = torch.relu(self.input(x.flatten(1)))
        return self.output(torch.relu(self.second(torch.relu(self.first(x)))))


def noisy_images():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(360, 1, 6, 6, generator=generator)
    targets = ((inputs[:, 0, 0].sum(1) > 0) ^ (torch.rand(360, generator=generator) < 0.25)).long()
    return data.from_arrays("noisy", inputs[:240], targets[:240], inputs[240:], targets[240:])


def lenet():
    return nn.Sequential(nn.Flatten(), nn.Linear(36, 30), nn.ReLU(), nn.Linear(30, 10), nn.ReLU(), nn.Linear(10, 2))


NETWORKS = {"lenet": lambda _: lenet(), "conv-with-norm": lambda _: ConvWithNorm(), "tied": lambda _: Tied()}


@pytest.fixture(scope="module")
def hunted(tmp_path_factory):
    """The task, table and results folder of a hunt on each network."""
    noisy, hunts = noisy_images(), {}
    for name, build in NETWORKS.items():
        task, folder = lthlib.Task(name, noisy, build), tmp_path_factory.mktemp(name)
        hunts[name] = task, lthlib.hunt(task, "smoke", results=folder, **OVERFIT), folder
    return hunts


def accuracy(network, split) -> float:
    assert not network.training
    with torch.no_grad():
        return float((network(split.inputs).argmax(1) == split.targets).double().mean())


@pytest.mark.parametrize("name", NETWORKS)
def test_the_exported_network_has_the_reported_accuracy_exact_zeros_and_the_density(hunted, name):
    task, table, folder = hunted[name]
    networks, stopped_early = lthlib.summarise(table), 0
    for row in networks.itertuples():
        for at, reported in (("early_stop", row.test_accuracy), ("end", row.final_test_accuracy)):
            ticket = export.ticket(table, level=row.level, trial=row.trial, at=at, results=folder)
            network = ticket.into(task.build())
            assert accuracy(network, task.dataset.test) == pytest.approx(reported, abs=1e-12)
            assert float(ticket.about["test_accuracy"]) == reported
            parameters = dict(network.named_parameters())
            assert all((parameters[name][~kept] == 0).all() for name, kept in ticket.mask.items())
            nonzero = sum(int((parameters[name] != 0).sum()) for name in ticket.mask)
            assert nonzero / sum(kept.numel() for kept in ticket.mask.values()) == pytest.approx(row.density, abs=1e-12)
            assert not network._forward_hooks and not any(module._forward_pre_hooks for module in network.modules())
        stopped_early += row.early_stop < OVERFIT["iterations"] and row.test_accuracy != row.final_test_accuracy
    assert stopped_early >= 3, "else early stop and end cannot be told apart"


def test_both_names_of_a_tied_weight_are_the_one_weight(hunted):
    task, table, folder = hunted["tied"]
    ticket = export.ticket(table, level=LEVEL, results=folder)
    network = ticket.into(task.build())
    assert network.second.weight is network.first.weight
    assert torch.equal(ticket.state_dict["second.weight"], ticket.state_dict["first.weight"])
    assert (network.second.weight[~ticket.mask["first.weight"]] == 0).all()


def test_weights_of_early_stop_are_kept_only_where_that_is_not_the_end_and_without_zeros(hunted):
    _, table, folder = hunted["conv-with-norm"]
    store, kinds = Store(folder), set()
    [setting] = store.settings()
    for row in lthlib.summarise(table).itertuples():
        key = Key(TICKET, row.trial, row.level)
        tensors = packing.from_bytes(store.path(setting, key).with_suffix(".safetensors").read_bytes())
        early = {name.removeprefix("early/"): tensor for name, tensor in tensors.items() if name.startswith("early/")}
        kinds.add(bool(early))
        assert bool(early) == (row.early_stop < OVERFIT["iterations"])
        if early:
            mask = store.load(setting, key).mask
            assert {name: early[name].numel() for name in mask} == masks.layer_counts(mask)
            assert "norm.running_var" in early
    assert True in kinds


def test_files_hold_the_same_weights_and_say_what_they_are(hunted, tmp_path):
    task, table, folder = hunted["conv-with-norm"]
    ticket = export.ticket(table, level=LEVEL, trial=1, results=folder)
    plain = ticket.save(tmp_path / "ticket.pt")
    loaded = torch.load(plain, weights_only=True)
    with safe_open(ticket.save(tmp_path / "ticket.safetensors"), "pt") as file:
        about, tensors = file.metadata(), {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for state in (loaded, tensors):
        assert state.keys() == ticket.state_dict.keys()
        assert all(torch.equal(state[name], tensor) for name, tensor in ticket.state_dict.items())
        task.build().load_state_dict(state)
    row = lthlib.summarise(table).query(f"level == {LEVEL} and trial == 1").iloc[0]
    assert (about["task"], about["setting"], about["trial"], about["level"]) == (row.task, row.setting, "1", "2")
    assert (about["at"], int(about["iteration"])) == ("early_stop", row.early_stop)
    measured = float(about["density"]), float(about["test_accuracy"]), float(about["test_loss"])
    assert measured == (row.density, row.test_accuracy, row.test_loss) and about["torch"] == torch.__version__


def test_with_torchs_own_masks_the_network_gives_the_same_outputs_and_stays_pruned(hunted):
    task, table, folder = hunted["conv-with-norm"]
    ticket = export.ticket(table, level=LEVEL, results=folder)
    plain, pruned, inputs = ticket.into(task.build()), ticket.pruned(task.build()), task.dataset.test.inputs
    assert torch.equal(pruned(inputs), plain(inputs))
    found = export.from_torch_prune(pruned)
    assert all(torch.equal(found[name], kept) for name, kept in ticket.mask.items())
    optimizer = torch.optim.SGD(pruned.parameters(), 0.1)
    pruned.train()(inputs).square().mean().backward()
    optimizer.step()
    pruned(inputs)
    assert (pruned.conv.weight[~ticket.mask["conv.weight"]] == 0).all()


def test_an_onnx_file_gives_the_same_outputs_for_any_number_of_examples(hunted, tmp_path):
    runtime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")
    pytest.importorskip("onnxscript", reason="onnxscript is not installed")
    task, table, folder = hunted["conv-with-norm"]
    ticket, inputs = export.ticket(table, level=LEVEL, results=folder), task.dataset.test.inputs
    path = ticket.save(tmp_path / "ticket.onnx", task.build(), inputs[:2])
    session = runtime.InferenceSession(path)
    [outputs] = session.run(None, {session.get_inputs()[0].name: inputs.numpy()})
    torch.testing.assert_close(torch.from_numpy(outputs), ticket.into(task.build())(inputs).detach(), rtol=1e-4, atol=1e-5)
    assert session.get_modelmeta().custom_metadata_map["density"] == ticket.about["density"]


def test_without_the_onnx_packages_one_sentence_says_what_to_install(hunted, tmp_path, monkeypatch):
    task, table, folder = hunted["lenet"]
    find = builtins.__import__

    def without(name, *rest):
        if name.partition(".")[0] in ("onnx", "onnxscript"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return find(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    ticket = export.ticket(table, level=1, results=folder)
    with pytest.raises(LotteryError, match=r"pip install onnx onnxscript, or choose \.safetensors") as caught:
        ticket.save(tmp_path / "ticket.onnx", task.build(), task.dataset.test.inputs[:2])
    assert isinstance(caught.value.__cause__, ImportError) and not list(tmp_path.iterdir())
    with pytest.raises(LotteryError, match="give save its network"):
        ticket.save(tmp_path / "ticket.onnx")


def test_a_file_that_is_there_is_kept_unless_it_may_be_overwritten(hunted, tmp_path):
    _, table, folder = hunted["lenet"]
    ticket, path = export.ticket(table, level=1, results=folder), tmp_path / "ticket.pt"
    path.write_text("mine")
    with pytest.raises(LotteryError, match="is there already"):
        ticket.save(path)
    assert path.read_text() == "mine"
    ticket.save(path, overwrite=True)
    assert torch.load(path, weights_only=True).keys() == ticket.state_dict.keys() and list(tmp_path.iterdir()) == [path]


def test_a_file_that_cannot_be_written_leaves_nothing_behind(hunted, tmp_path, monkeypatch):
    _, table, folder = hunted["lenet"]
    ticket = export.ticket(table, level=1, results=folder)

    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(LotteryError, match=r"could not be written \(No space left on device\)"):
        ticket.save(tmp_path / "ticket.safetensors")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"level": 7}, "no ticket of trial 0, level 7: there are trials 0 to 1 and levels 0 to 2"),
        ({"trial": 2}, "no ticket of trial 2, level 1"),
        ({"trial": -1}, "trial is -1: give a whole number"),
        ({"level": "1"}, "level is '1': give a whole number"),
        ({"at": "best"}, "'best': choose one of early_stop, end"),
        ({"source": "lenet/0123456789ab"}, "there is no setting 'lenet/0123456789ab'"),
        ({"source": "lennet"}, "has 0 settings of task 'lennet': choose one, such as lenet/"),
    ],
)
def test_a_ticket_that_is_not_there_is_one_sentence(hunted, changes, says):
    _, table, folder = hunted["lenet"]
    with pytest.raises(LotteryError, match=says):
        export.ticket(**{"source": table, "level": 1, "results": folder, **changes})


def test_a_ticket_is_found_by_table_setting_identity_or_the_task_alone(hunted):
    _, table, folder = hunted["lenet"]
    [setting] = Store(folder).settings()
    sources = (table, setting, f"lenet/{setting.identity()}", "lenet")
    tickets = [export.ticket(source, 1, results=folder) for source in sources]
    assert all(ticket.about == tickets[0].about for ticket in tickets)
    another = dataclasses.replace(setting, rate=0.5)
    Store(folder).register(another)
    with pytest.raises(LotteryError, match="has 2 settings of task 'lenet': choose one, such as lenet/"):
        export.ticket("lenet", 1, results=folder)
    Store(folder).path(another, Key(TICKET, 0, 1)).with_name("setting.json").unlink()


def test_a_network_that_does_not_fit_is_one_sentence(hunted):
    task, _, _ = hunted["tied"]
    _, table, folder = hunted["lenet"]
    with pytest.raises(LotteryError, match="does not fit this network .*give the network of task 'lenet'"):
        export.ticket(table, 1, results=folder).into(task.build())


@pytest.mark.parametrize(
    ("name", "says"), [("ticket", "names no format"), ("ticket.h5", "names no format"), ("none/ticket.pt", "there is no folder")]
)
def test_a_path_that_will_not_do_is_one_sentence(tmp_path, name, says):
    with pytest.raises(LotteryError, match=says):
        export.check_path(tmp_path / name)


def test_tickets_of_an_old_results_folder_are_exported(tmp_path):
    with zipfile.ZipFile(Path(__file__).with_name("old_results.zip")) as packed:
        packed.extractall(tmp_path / "old")
    table = lthlib.results(tmp_path / "old")
    dataset, tickets = lthlib.TASKS["lenet-digits"].dataset, lthlib.summarise(table[table.method == "iterative"])
    for row in tickets.itertuples():
        for at, reported in (("early_stop", row.test_accuracy), ("end", row.final_test_accuracy)):  # both at the end
            ticket = export.ticket(table, row.level, at=at, results=tmp_path / "old")
            network = ticket.into(lthlib.TASKS["lenet-digits"].build())
            assert accuracy(network, dataset.test) == pytest.approx(reported, abs=1e-12)


def test_where_an_older_lthlib_kept_no_weights_of_early_stop_a_sentence_says_what_to_do(hunted, tmp_path):
    _, table, folder = hunted["lenet"]
    row = lthlib.summarise(table).query(f"early_stop < {OVERFIT['iterations']}").iloc[0]
    [setting], key = Store(folder).settings(), Key(TICKET, int(row.trial), int(row.level))
    older = Store(tmp_path / "older")
    older.save(setting, key, dataclasses.replace(Store(folder).load(setting, key), early_stop=None))
    asked = {"source": setting, "level": key.level, "trial": key.trial, "results": older.folder}
    with pytest.raises(LotteryError, match=rf"early stop \(iteration {row.early_stop}\).* run the hunt again .*at='end'"):
        export.ticket(**asked)
    assert float(export.ticket(**asked, at="end").about["test_accuracy"]) == row.final_test_accuracy
