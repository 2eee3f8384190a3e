"""The output layer is the one that gives the output, wherever it is registered."""

import pytest
import torch
from torch import nn

from lthlib import data, models, tasks
from tests.models.networks import HeadFirst, TiedLanguageModel, Upscaler

OFFLINE = [name for name, task in tasks.TASKS.items() if task.data in (*data.NO_DOWNLOAD, "sbm")]


@pytest.mark.parametrize("name", OFFLINE)
def test_networks_that_lthlib_ships_keep_the_output_layer_they_had(name):
    """Their results under structure "units" stand under these names."""
    task = tasks.find_task(name)
    network = task.build()
    layers = [name for name, weight in models.prunable(network).items() if weight.dim() > 1]
    assert models.output_layers(network, task.dataset.train.inputs[:2]) == layers[-1:]


def test_found_where_it_is_registered_first_or_shared():
    assert models.output_layers(HeadFirst(), torch.randn(2, 6)) == ["head.weight"]
    assert models.output_layers(TiedLanguageModel(), torch.zeros(2, 5, dtype=torch.long)) == ["tokens.weight"]
    assert models.output_layers(Upscaler(), torch.randn(2, 1, 8, 8)) == ["o.weight"]


class Heads(nn.Module):
    """Two heads, the second in training alone; after them a layer that leads nowhere."""

    def __init__(self):
        super().__init__()
        self.nowhere, self.aside, self.main, self.body = nn.Linear(4, 4), nn.Linear(8, 3), nn.Linear(8, 3), nn.Linear(6, 8)

    def forward(self, x):
        x = torch.relu(self.body(x))
        main = self.main(x).relu_()
        outputs = {"main": main, "aside": self.aside(x)} if self.training else main
        self.nowhere(torch.ones(1, 4))
        return outputs


def test_every_head_counts_and_what_leads_nowhere_does_not():
    network = Heads().eval().requires_grad_(False)
    assert set(models.output_layers(network, torch.randn(2, 6))) == {"main.weight", "aside.weight"}
    assert not network.training and not any(p.requires_grad for p in network.parameters()), "it looks at a copy"


def test_where_no_way_is_seen_it_is_the_layer_called_last():
    class Detached(HeadFirst):
        def forward(self, x):
            return super().forward(x).detach()

    assert models.output_layers(Detached(), torch.randn(2, 6)) == ["head.weight"]


def test_batch_norm_that_needs_more_examples_is_looked_at_in_evaluation():
    network = nn.Sequential(nn.Linear(6, 8), nn.BatchNorm1d(8), nn.Linear(8, 3))
    assert models.output_layers(network, torch.randn(1, 6)) == ["2.weight"]
