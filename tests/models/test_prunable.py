"""Which weights are prunable, and by which names they go: frozen and shared ones."""

import pytest
import torch
from torch import nn

import lthlib
from lthlib import models
from lthlib.analysis import compaction
from lthlib.core.errors import LotteryError
from tests.models.networks import TiedLanguageModel, TiedLinear


def small():
    return nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))


def test_frozen_weights_are_not_prunable():
    network = small()
    network[0].requires_grad_(False)
    assert list(models.prunable(network)) == ["2.weight"]
    network.rate_factors = {"0.weight": 0.5, "2.weight": 0.5}
    assert models.layer_rates(network, 0.2) == {"2.weight": 0.1}, "naming a frozen weight is no mistake"


def test_an_entirely_frozen_network_is_refused():
    with pytest.raises(LotteryError, match=r"are frozen \(requires_grad is False\).*unfreeze some of 0.weight, 2.weight"):
        models.prunable(small().requires_grad_(False))


@pytest.mark.parametrize("share", [lambda weight: weight, lambda weight: weight.T])
def test_two_parameters_in_the_same_memory_are_refused(share):
    """Copies of such a network would no longer share."""
    network = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6))
    network[2].weight = nn.Parameter(share(network[0].weight.data))
    with pytest.raises(LotteryError, match=r"'0.weight' and '2.weight' are two parameters in the same memory: .*without .data"):
        models.prunable(network)


def test_aliases_lead_to_the_name_that_masks_have():
    assert models.aliases(TiedLinear()) == {"h2.weight": "h1.weight"} and models.aliases(small()) == {}
    assert models.aliases(TiedLanguageModel()) == {"head.weight": "tokens.weight"}
    assert "tokens.weight" in models.prunable(TiedLanguageModel())
    network = TiedLinear()
    assert models.layer_names(network)[network.h2] == "h1.weight"


def test_a_tied_state_has_one_value_under_all_names():
    network, state = TiedLinear(), models.initial_weights(TiedLinear, seed=0)
    assert torch.equal(state["h1.weight"], state["h2.weight"])
    changed = models.tied(network, {**state, "h1.weight": torch.ones(16, 16)})
    assert changed["h2.weight"] is changed["h1.weight"] and list(changed) == list(state)
    assert models.tied(network, {"a.bias": state["a.bias"]}).keys() == {"a.bias"}, "a part stays a part"


class Versioned(nn.Sequential):
    """Refuses weights without a version, as torchvision's MNASNet does."""

    _version = 2

    def _load_from_state_dict(self, state_dict, prefix, local_metadata, *rest):
        if local_metadata.get("version") != 2:
            raise ValueError(f"version should be 2 instead of {local_metadata.get('version')}")
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *rest)


@pytest.mark.parametrize("score", ["magnitude", "snip"])
def test_a_network_that_refuses_weights_without_a_version_is_pruned_and_exported(blobs, score):
    task = lthlib.Task("versioned", blobs, lambda _: Versioned(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3)))
    table = lthlib.hunt(task, "smoke", levels=1, trials=2, iterations=4, score=score, progress=False, device="cpu", workers=1)
    ticket = lthlib.export.ticket(table, level=1)
    network = ticket.into(task.build())
    assert all(torch.equal(ticket.state_dict[name], tensor) for name, tensor in network.state_dict().items())
    again = compaction.masked_network(network, ticket.mask)
    assert all(torch.equal(again.state_dict()[name], tensor) for name, tensor in network.state_dict().items())


def test_loading_is_as_strict_as_torch():
    network = nn.Linear(6, 3)
    with pytest.raises(RuntimeError, match="Missing key"):
        models.load(network, {"weight": torch.zeros(3, 6)})
    state = {"weight": torch.zeros(3, 6), "bias": torch.ones(3)}
    models.load(network, state)
    assert not network.weight.any() and network.bias.all() and type(state) is dict
