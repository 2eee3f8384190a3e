"""How much of a network may be pruned, and how that is said."""

import pytest
import torch
from torch import nn
from torch.nn.utils import spectral_norm

import lthlib
from lthlib import data, models, tasks

SHORT = {"levels": 1, "trials": 1, "iterations": 4, "evaluate_every": 4, "device": "cpu"}


class Reader(nn.Module):
    def __init__(self, also=()):
        super().__init__()
        self.embedding, self.lstm, self.out = nn.Embedding(20, 8), nn.LSTM(8, 16, batch_first=True), nn.Linear(16, 2)
        self.lstm.also_prunable = tuple(also)

    def forward(self, x):
        return self.out(self.lstm(self.embedding(x))[0][:, -1])


@pytest.fixture(scope="module")
def tokens():
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randint(0, 20, (60, 5), generator=generator)
    labels = (inputs.float().mean(1) > 9.5).long()
    return data.from_arrays("tokens", inputs[:48], labels[:48], inputs[48:], labels[48:], classes=False)


def test_an_lstm_is_named_with_what_includes_it():
    of = models.coverage(Reader())
    assert (of.prunable, of.parameters) == (32, 1858) and str(of) == "prunable: 32 of 1,858 parameters (1.7 %)"
    assert of.left_out == {"lstm.weight_hh_l0": 1024, "lstm.weight_ih_l0": 512, "embedding.weight": 160}
    assert "lstm.weight_hh_l0 (1,024), lstm.weight_ih_l0 (512), embedding.weight (160)" in of.advice()
    assert "network.lstm.also_prunable = ('weight_hh_l0', 'weight_ih_l0')" in of.advice()
    included = models.coverage(Reader(["weight_hh_l0", "weight_ih_l0"]))
    assert included.prunable == 32 + 1024 + 512 and list(included.left_out) == ["embedding.weight"]


@pytest.mark.parametrize(
    ("layer", "names"),
    [
        (lambda: nn.MultiheadAttention(8, 2), ["0.in_proj_weight"]),
        (lambda: nn.GRU(8, 8), ["0.weight_ih_l0", "0.weight_hh_l0"]),
        (lambda: spectral_norm(nn.Linear(8, 8)), ["0.weight_orig"]),
        (lambda: nn.Embedding(30, 8), ["0.weight"]),
        (lambda: nn.Embedding(30, 8).requires_grad_(False), []),  # frozen: nothing to include
        (lambda: nn.LayerNorm(500), []),  # large, and no matrix
    ],
)
def test_large_matrices_that_are_left_out(layer, names):
    network = nn.Sequential(layer(), nn.Linear(8, 4))
    of = models.coverage(network)
    assert list(of.left_out) == names and bool(of.advice()) == bool(names)
    for name in names:  # what is advised works
        network[0].also_prunable = (*getattr(network[0], "also_prunable", ()), name.removeprefix("0."))
    assert not models.coverage(network).left_out


def test_a_weight_that_layers_share_counts_once():
    one, other = nn.Linear(5, 5), nn.Linear(5, 5)
    other.weight = one.weight
    assert (models.coverage(nn.Sequential(one, other)).prunable, models.coverage(nn.Sequential(one, other)).parameters) == (
        25,
        35,
    )


def test_a_hunt_says_what_it_can_prune(tokens, capsys):
    lthlib.hunt(lthlib.Task("reader", tokens, lambda _: Reader()), **SHORT)
    first, last = capsys.readouterr().err.splitlines()
    assert first.startswith("reader, prunable: 32 of 1,858 parameters (1.7 %); left out are lstm.weight_hh_l0")
    assert last == "reader: 2 networks trained, 0 found in the store; prunable: 32 of 1,858 parameters (1.7 %)."
    lthlib.hunt(lthlib.Task("reader", tokens, lambda _: Reader()), progress=False, **SHORT)
    assert capsys.readouterr().err.splitlines() == [first], "what is left out is said in any case"


def wide():
    return nn.Sequential(nn.Embedding(20, 2), nn.Flatten(), nn.Linear(10, 900, bias=False), nn.Linear(900, 2))


def test_where_nearly_all_may_be_pruned_nothing_is_said(tokens, capsys):
    lthlib.hunt("lenet-digits", **SHORT)
    lthlib.hunt(lthlib.Task("wide", tokens, lambda _: wide()), **SHORT)
    said = "2 networks trained, 0 found in the store."
    assert capsys.readouterr().err.splitlines() == [f"lenet-digits: {said}", f"wide: {said}"]


def test_where_nothing_is_pruned_nothing_is_said(tokens, capsys):
    lthlib.hunt(lthlib.Task("reader", tokens, lambda _: Reader()), **{**SHORT, "levels": 0})
    assert capsys.readouterr().err == "reader: 1 networks trained, 0 found in the store.\n"


def test_the_overview_counts_every_network_whose_data_is_here():
    table = tasks.overview()
    assert list(table.index) == list(tasks.TASKS)
    assert table.loc["lenet-digits", ["data", "prunable", "parameters"]].tolist() == ["digits", 50200, 50610]
    assert table.share.dropna().between(0.9, 1).all() and table.share["lenet-digits"] == pytest.approx(50200 / 50610)
    here = [data.at_hand(task.data) for task in tasks.TASKS.values()]
    assert table.prunable.notna().tolist() == here


def test_the_command_line_lists_them(capsys):
    from lthlib import __main__

    assert __main__.main(["tasks"]) == 0
    [digits] = [line for line in capsys.readouterr().out.splitlines() if line.startswith("lenet-digits ")]
    assert digits.split() == ["lenet-digits", "digits", "50,200", "50,610", "99.2", "%"]
