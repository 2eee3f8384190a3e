"""What a network keeps beside parameters and buffers, and other things that only a second look shows."""

import importlib
import sys

import pytest
import torch
from torch import nn
from torch.nn import functional

import lthlib
from lthlib import LotteryError, Task, data
from lthlib.lottery import supermasks
from lthlib.training.objectives import CrossEntropy

SHORT = {"levels": 1, "trials": 1, "iterations": 4, "evaluate_every": 2, "progress": False, "device": "cpu"}


class Fourier(nn.Module):
    """Random features, drawn when the network is built, and kept in one of several ways."""

    def __init__(self, keep):
        super().__init__()
        drawn = torch.randn(6, 8)
        self.output = nn.Linear(8, 3)
        if keep == "buffer":
            self.register_buffer("drawn", drawn)
        elif keep == "buffer that is not saved":
            self.register_buffer("drawn", drawn, persistent=False)
        elif keep == "array":
            self.drawn = drawn.numpy()
        elif keep == "closure":
            self.features = lambda x: x @ drawn
        else:
            self.drawn = drawn

    def features(self, x):
        return x @ torch.as_tensor(self.drawn)

    def forward(self, x):
        return self.output(self.features(x).cos())


def small(_=None):
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def refused(task, says, folder):
    with pytest.raises(LotteryError, match=says):
        lthlib.hunt(task, results=folder / "none", **SHORT)
    assert not (folder / "none").exists()


@pytest.mark.parametrize("keep", ["buffer that is not saved", "attribute", "array", "closure"])
def test_random_numbers_beside_the_state_are_refused(blobs, tmp_path, keep):
    task = Task("blobs-fourier", blobs, lambda _: Fourier(keep))
    refused(task, r"the network\.\w+.* is drawn at random and is neither parameter nor buffer.*register_buffer", tmp_path)


def test_random_numbers_in_a_buffer_are_exported_with_the_ticket(blobs, tmp_path):
    task = Task("blobs-fourier", blobs, lambda _: Fourier("buffer"))
    table = lthlib.hunt(task, results=tmp_path, **{**SHORT, "trials": 2})
    for trial in (0, 1):
        ticket = lthlib.export.ticket(table, 1, trial, results=tmp_path)
        outputs = ticket.into(Fourier("buffer"))(blobs.test.inputs)
        accuracy = (outputs.argmax(1) == blobs.test.targets).float().mean().item()
        assert accuracy == pytest.approx(float(ticket.about["test_accuracy"]), abs=1e-7)


def test_a_count_that_changes_in_training_is_said(blobs, tmp_path, capsys):
    class Counts(nn.Module):
        def __init__(self):
            super().__init__()
            self.net, self.calls = small(), 0

        def forward(self, x):
            self.calls += self.training
            return self.net(x) * (0.9 ** min(self.calls, 3) if self.training else 1.0)

    lthlib.hunt(Task("blobs-counts", blobs, lambda _: Counts()), results=tmp_path, **SHORT)
    assert "the network.calls changes in training and is neither parameter nor buffer" in capsys.readouterr().err


def test_the_keys_of_our_own_layers_are_not_said(blobs, tmp_path, capsys):
    """They are set anew before each training, whatever they were."""
    task = Task("blobs-coins", blobs, lambda _: supermasks.bernoulli(small()))
    lthlib.hunt(task, results=tmp_path, **{**SHORT, "levels": 0})
    assert "changes in training" not in capsys.readouterr().err


def test_a_hook_on_a_weight_is_refused(blobs, tmp_path):
    def build(_):
        network = small()
        network[0].weight.register_hook(lambda gradient: gradient * 0)
        return network

    refused(Task("blobs-hooked", blobs, build), "has a hook on its parameter '0.weight', which its copies lose", tmp_path)


@pytest.mark.parametrize(
    ("score", "says"),
    [
        (lambda right: 100 * right, "accuracies go from 0 to 100, so give shares"),
        (lambda right: right / right, "accuracies go from nan to nan"),
        (lambda right: right - 2, "accuracies go from -2 to -"),
    ],
)
def test_accuracies_that_are_no_shares_are_refused(blobs, tmp_path, score, says):
    def objective(outputs, targets):
        return functional.cross_entropy(outputs, targets, reduction="none"), score((outputs.argmax(1) == targets).float())

    refused(Task("blobs-score", blobs, small, objective), says, tmp_path)


@pytest.mark.parametrize("off", [torch.no_grad, torch.inference_mode, lambda: torch.set_grad_enabled(False)])
def test_gradients_that_are_switched_off_are_named(blobs, tmp_path, off):
    with off():
        refused(Task("blobs-off", blobs, small), "gradients are switched off", tmp_path)
    torch.set_grad_enabled(True)


def test_a_network_without_numbers_is_named(blobs, tmp_path):
    def build(_):
        with torch.device("meta"):
            return small()

    refused(Task("blobs-meta", blobs, build), "on the device meta, without numbers", tmp_path)


def test_the_test_split_is_no_view_of_the_callers_array():
    inputs, targets = torch.zeros(40, 6), torch.arange(40) % 2
    made = data.from_arrays("mine", inputs[:30], targets[:30], inputs[30:], targets[30:])
    before = made.fingerprint()
    inputs += 100
    targets += 1
    assert made.fingerprint() == before


MODULE = """import torch.nn.functional as F
POWER = {power}
def scaled(o, t):
    return F.cross_entropy(o, t, reduction='none') ** POWER
"""
READS = {
    "getattr": "return getattr(losses_of_mine, NAME)(o, t), (o.argmax(1) == t).float()",
    "vars": "return vars(losses_of_mine)[NAME](o, t), (o.argmax(1) == t).float()",
    "import_module": "return importlib.import_module('losses_of_mine').scaled(o, t), (o.argmax(1) == t).float()",
    "from inside": "from losses_of_mine import scaled; return scaled(o, t), (o.argmax(1) == t).float()",
}


@pytest.mark.parametrize("read", READS)
def test_a_module_of_ones_own_is_seen_however_it_is_read(blobs, tmp_path, monkeypatch, read):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    file = tmp_path / "losses_of_mine.py"
    file.write_text(MODULE.format(power=1))
    importlib.invalidate_caches()
    module = importlib.import_module("losses_of_mine")
    space = {"__name__": "__main__", "losses_of_mine": module, "NAME": "scaled", "importlib": importlib}
    exec(f"def objective(o, t):\n    {READS[read]}\n", space)
    task = Task("blobs-module", blobs, small, space["objective"])
    before = task.fingerprint()
    file.write_text(MODULE.format(power=3))
    importlib.reload(module)
    assert task.fingerprint() != before
    sys.modules.pop("losses_of_mine")


def test_options_of_cross_entropy_are_plain_numbers(blobs):
    import numpy as np

    assert CrossEntropy(ignore_index=np.int64(0)) == CrossEntropy(ignore_index=torch.tensor(0)) == CrossEntropy(ignore_index=0)
    assert CrossEntropy(label_smoothing=np.float32(0.1)) == CrossEntropy(label_smoothing=0.1)
    with pytest.raises(LotteryError, match="class_weights is {0: 1.0, 1: 9.0}: give a number for each class"):
        CrossEntropy(class_weights={0: 1.0, 1: 9.0})


def test_a_module_under_two_names_comes_back_from_torchs_pruning(blobs, tmp_path):
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.block, self.output = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)
            self.again = self.block

        def forward(self, x):
            return self.output(self.again(self.block(self.first(x)).relu()).relu())

    table = lthlib.hunt(Task("blobs-twice", blobs, lambda _: Twice()), results=tmp_path, **SHORT)
    ticket = lthlib.export.ticket(table, 1, results=tmp_path)
    back = lthlib.export.from_torch_prune(ticket.pruned(Twice()))
    assert back.keys() == ticket.mask.keys() and all(torch.equal(back[name], ticket.mask[name]) for name in back)


class Normalises(nn.Module):
    """Fails, by an error or by NaN, on one row of the data alone."""

    def __init__(self, by_error):
        super().__init__()
        self.net, self.by_error = small(), by_error

    def forward(self, x):
        norm = x.norm(dim=1, keepdim=True)
        if self.by_error and bool((norm == 0).any()):
            raise KeyError("a row of zeros")
        return self.net(x / norm)


@pytest.mark.parametrize("split", ["train", "validation", "test"])
@pytest.mark.parametrize(("by_error", "says"), [(True, "KeyError: 'a row of zeros'"), (False, "the loss is not finite")])
def test_one_odd_example_in_the_middle_of_a_split_is_found_before(blobs, tmp_path, split, by_error, says):
    splits = {name: getattr(blobs, name) for name in ("train", "validation", "test")}
    inputs = splits[split].inputs.clone()
    inputs[len(inputs) // 2 + 1] = 0
    splits[split] = data.Split(inputs, splits[split].targets)
    refused(Task("blobs-odd", data.Dataset("odd", **splits), lambda _: Normalises(by_error)), says, tmp_path)


def test_what_fails_in_training_alone_is_one_sentence(blobs, tmp_path):
    class Tires(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = small()
            self.register_buffer("steps", torch.zeros(()))

        def forward(self, x):
            self.steps += self.training
            if self.steps > 10:
                raise ZeroDivisionError("tired")
            return self.net(x)

    task = Task("blobs-tires", blobs, lambda _: Tires())
    with pytest.raises(
        LotteryError, match="training at level 0 of task 'blobs-tires' failed .ZeroDivisionError: tired"
    ) as caught:
        lthlib.hunt(task, results=tmp_path, **{**SHORT, "iterations": 30})
    assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_numpys_and_pythons_random_numbers_in_training_are_the_same_again(blobs, tmp_path):
    import random

    import numpy as np

    class Noisy(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = small()

        def forward(self, x):
            if not self.training:
                return self.net(x)
            return self.net(x + float(np.random.normal()) + random.random())

    def drawing(*, weights):
        return {name: torch.from_numpy(np.random.rand(*weight.shape)) for name, weight in weights.items()}

    task = Task("blobs-noisy", blobs, lambda _: Noisy())
    try:
        tables = [lthlib.hunt(task, score=drawing, results=tmp_path / str(run), **SHORT) for run in range(2)]
    finally:
        lthlib.SCORES.pop("drawing", None)
    assert tables[0].loss.equals(tables[1].loss) and tables[0].setting.equals(tables[1].setting)


def test_both_factors_of_a_gate_are_output_layers():
    class Gated(nn.Module):
        def __init__(self):
            super().__init__()
            self.body, self.value, self.gate = nn.Linear(6, 8), nn.Linear(8, 3), nn.Linear(8, 3)

        def forward(self, x):
            hidden = self.body(x).relu()
            return self.value(hidden) * self.gate(hidden).sigmoid()

    assert lthlib.models.output_layers(Gated(), torch.randn(2, 6)) == ["value.weight", "gate.weight"]
