"""Weights that layers share are one weight everywhere: in tickets, controls, criteria and what is made of them."""

import copy

import pytest
import torch
from torch.nn import functional

import lthlib
from lthlib import data, models, tasks
from lthlib.analysis import compaction, efficiency
from lthlib.core.errors import LotteryError
from lthlib.lottery import supermasks
from lthlib.lottery.search import Hunt, hunt
from lthlib.pruning import masks, registry, step
from lthlib.storage import export
from lthlib.storage.store import TICKET, Key, Store
from lthlib.training import engine, objectives
from tests.models.networks import TiedLanguageModel, TiedLinear

SHORT = {"levels": 2, "trials": 1, "iterations": 20, "evaluate_every": 10, "progress": False, "device": "cpu"}
TIED = {TiedLinear: ("h1.weight", "h2.weight"), TiedLanguageModel: ("tokens.weight", "head.weight")}


@pytest.fixture(params=TIED, ids=lambda kind: kind.__name__)
def tied(request, blobs):
    """A task on a network with a shared weight, and the weight's two names."""
    if request.param is TiedLinear:
        task = lthlib.Task("tied-linear", blobs, lambda _: TiedLinear())
    else:
        tokens = torch.randint(0, 12, (80, 6), generator=torch.Generator().manual_seed(0))
        text = data.from_arrays("tokens", tokens[:60, :-1], tokens[:60, 1:], tokens[60:, :-1], tokens[60:, 1:], classes=False)
        task = lthlib.Task("tied-text", text, lambda _: TiedLanguageModel(), objectives.next_token)
    return task, *TIED[request.param]


def ticket(tied, seed=0):
    """A network, a mask that keeps about half of each layer, and a few inputs."""
    network, generator = tied[0].build().eval(), torch.Generator().manual_seed(seed)
    mask = {name: torch.rand(w.shape, generator=generator) < 0.5 for name, w in models.prunable(network).items()}
    return network, mask, tied[0].dataset.train.inputs[:5]


def masked_by_hand(network, mask):
    right = copy.deepcopy(network)
    with torch.no_grad():
        for name, weight in models.prunable(right).items():
            weight.mul_(mask[name])
    return right


def the_hunt(task, **chosen):
    setting, _ = tasks.resolve(task, "quick", iterations=20, evaluate_every=10, **chosen)
    return Hunt(task, setting, task.build(), Store())


def test_a_hunt_stores_one_weight_under_both_names(tied):
    task, name, alias = tied
    hunt(task, controls="reinit,constant", **SHORT)
    search = the_hunt(task)
    for level in (0, 2):
        record = search.store.load(search.setting, Key(TICKET, 0, level))
        assert alias not in record.mask and torch.equal(record.weights[name], record.weights[alias])
        assert not record.weights[alias][~record.mask[name]].any()
    assert torch.equal(search.theta_k(0)[name], search.theta_k(0)[alias])
    assert masks.layer_densities(record.mask)[name] == pytest.approx((1 - search.setting.rate) ** 2, abs=0.02)


@pytest.mark.parametrize("control", ["reinit_signs", "reshuffle", "reshuffle_signs", "constant", "constant_signs", "reinit"])
def test_controls_change_the_weight_under_both_names(tied, control):
    """The alias, loaded last, would otherwise undo them: the control would be the ticket."""
    task, name, alias = tied
    hunt(task, **{**SHORT, "levels": 1})
    search = the_hunt(task)
    mask = search.store.load(search.setting, Key(TICKET, 0, 1)).mask
    theta = search.theta_k(0)[name]
    weights = search.make_ticket(Key(control, 0, 1), mask).weights
    assert torch.equal(weights[alias], weights[name]) and not torch.equal(weights[alias], theta)


@pytest.mark.parametrize("stack", [None, 2])
def test_training_starts_from_the_first_name(tied, stack):
    task, name, alias = tied
    network = task.build()
    state = models.initial_weights(task.build, seed=0)
    changed = engine.Ticket({**state, name: state[name] * 2}, masks.ones(models.prunable(network)), order_seed=0)
    recipe = lthlib.Recipe(iterations=1, evaluate_every=1, batch_size=5)
    for _, trained in engine.train(
        [changed, changed], recipe, task.dataset, model=network, objective=task.objective, snapshot=0, device="cpu", stack=stack
    ):
        assert torch.equal(trained.snapshot[name], state[name] * 2) and torch.equal(trained.snapshot[alias], state[name] * 2)


@pytest.mark.parametrize("control", ["frozen", "frozen_away"])
def test_frozen_weights_stay_under_both_names(tied, control):
    task, name, alias = tied
    hunt(task, **{**SHORT, "levels": 1})
    search = the_hunt(task)
    mask = search.store.load(search.setting, Key(TICKET, 0, 1)).mask
    made = search.make_ticket(Key(control, 0, 1), mask)
    [(_, trained)] = engine.train(
        [made], search.setting.recipe, task.dataset, model=search.network, objective=task.objective, device="cpu"
    )
    stays = made.frozen[name]
    assert stays.any() and torch.equal(trained.weights[alias][stays], search.theta_k(0)[name][stays])
    assert not trained.weights[alias][~stays & ~mask[name]].any()


def scores_of(tied, criterion):
    """A criterion's scores of a ticket whose stored alias was left unmasked, as results of old may have it."""
    task, name, _ = tied
    network, mask, _ = ticket(tied)
    hunted = the_hunt(task, score=criterion)

    def loss(outputs, targets):
        return task.objective(outputs, targets)[0].mean()

    state = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    pruner = step.Pruner(network, hunted.setting, task.dataset, loss)
    return pruner._scores(registry.find(criterion), state, state, mask, seed=0)[name], network, mask, loss


def test_snip_adds_up_both_places(tied):
    found, network, mask, loss = scores_of(tied, "snip")
    task, name, _ = tied
    right = masked_by_hand(network, mask).train()
    chosen = torch.randperm(len(task.dataset.train), generator=torch.Generator().manual_seed(0))[: registry.BATCH]
    loss(right(task.dataset.train.inputs[chosen]), task.dataset.train.targets[chosen]).backward()
    weight = models.prunable(right)[name]
    torch.testing.assert_close(found, (weight.grad * weight).detach().abs())


def test_synflow_flows_through_both_places(tied):
    found, network, mask, _ = scores_of(tied, "synflow")
    task, name, _ = tied
    right = masked_by_hand(network, mask).double().eval()
    for parameter in right.parameters():
        parameter.data.abs_()
    inputs = torch.ones_like(task.dataset.train.inputs[:1])
    right(inputs.double() if inputs.is_floating_point() else inputs).sum().backward()
    weight = models.prunable(right)[name]
    torch.testing.assert_close(found, (weight.grad * weight).detach())
    assert found.any()


def test_grasp_scores_the_shared_weight_once(tied):
    found, *_ = scores_of(tied, "grasp")
    assert found.isfinite().all() and found.any()


@pytest.mark.parametrize("score", ["snip", "synflow", "grasp"])
def test_hunts_before_training(tied, score):
    task, *_ = tied
    hunt(task, score=score, schedule="untrained", **{**SHORT, "levels": 1})
    search = the_hunt(task, score=score, schedule="untrained")
    assert masks.density(search.store.load(search.setting, Key(TICKET, 0, 1)).mask) < 1


def test_a_criterion_sees_a_network_masked_in_both_places(tied, no_criterion_is_left_behind):
    _, name, alias = tied
    seen = {}

    @lthlib.score
    def looks(*, weights, network):
        seen.update(network.state_dict())
        return {name: weight.abs() for name, weight in weights.items()}

    _, _, mask, _ = scores_of(tied, looks)
    assert torch.equal(seen[alias], seen[name]) and not seen[alias][~mask[name]].any()


def test_masks_csr_layers_and_torchs_pruning_give_the_same_outputs(tied):
    network, mask, inputs = ticket(tied)
    _, name, alias = tied
    applied = masks.apply(mask, network.state_dict())
    assert not applied[alias][~mask[name]].any() and network.state_dict()[alias][~mask[name]].any(), "a copy"
    with torch.no_grad():
        right = masked_by_hand(network, mask)(inputs)
        by_torch = export.to_torch_prune(copy.deepcopy(network), mask)
        for made in (compaction.masked_network(network, mask), compaction.with_csr_layers(network, mask), by_torch):
            torch.testing.assert_close(made(inputs), right)
    back = export.from_torch_prune(by_torch)
    assert back.keys() == mask.keys() and all(torch.equal(back[layer], mask[layer]) for layer in mask)
    kinds = [type(layer) for layer in compaction.with_csr_layers(network, mask).modules()]
    assert compaction.CsrLinear in kinds and torch.nn.Linear not in kinds


@pytest.mark.parametrize("masked", [["h1"], ["h2"]])
def test_torchs_pruning_of_one_of_two_places_is_no_mask_of_the_weight(masked):
    network = TiedLinear()
    for layer in masked:
        torch.nn.utils.prune.l1_unstructured(network.get_submodule(layer), "weight", 0.5)
    with pytest.raises(LotteryError, match="'h1.weight' and 'h2.weight' are one weight, and not under one mask"):
        export.from_torch_prune(network)


def test_units_are_removed_and_outputs_stay(tied):
    """Each place gets a weight of its own, in which no more is left than it needs."""
    network, _, inputs = ticket(tied)
    mask = masks.ones(models.prunable(network))
    mask["h1.weight" if isinstance(network, TiedLinear) else "wide.weight"][:5] = False
    mask["b.weight" if isinstance(network, TiedLinear) else "tokens.weight"][1] = False  # an empty output stays
    small = compaction.remove_units(network, mask, inputs)
    with torch.no_grad():
        torch.testing.assert_close(small(inputs), masked_by_hand(network, mask)(inputs))
    if isinstance(network, TiedLinear):
        assert small.h1.weight.shape == (11, 16) and small.h2.weight.shape == (11, 11)
        assert network.h1.weight is network.h2.weight and network.h1.weight.all(), "the argument is left alone"
    else:
        assert small.wide.weight.shape == (11, 8) and small.head.weight.shape == (12, 8)


def test_bytes_and_operations_count_the_weight_once_and_its_uses_twice(tied):
    network, mask, inputs = ticket(tied)
    files = efficiency.files(network.state_dict(), mask)
    numbers = sum(parameter.numel() for parameter in network.parameters())
    assert 4 * numbers < len(files["dense"]) < 4 * numbers + 2000
    if isinstance(network, TiedLinear):
        assert efficiency.multiply_adds(network, inputs, mask)["h1.weight"] == 2 * int(mask["h1.weight"].sum())


def test_scores_of_a_supermask_are_nobodys_weights(tied):
    network = tied[0].build()
    if isinstance(network, TiedLinear):
        assert len(supermasks.mask_of(supermasks.edge_popup(network, 0.5))) == 3
        return
    with pytest.raises(LotteryError, match="'tokens.weight' is shared with Embedding"):
        supermasks.edge_popup(network, 0.5)


def test_outputs_are_those_of_the_formula():
    """Half of the shared weight is gone at both places."""
    network, x = TiedLinear(), torch.randn(4, 6)
    mask = masks.ones(models.prunable(network))
    mask["h1.weight"][:8] = False
    kept, bias = network.h1.weight * mask["h1.weight"], (network.h1.bias, network.h2.bias)
    hidden = functional.linear(functional.linear(network.a(x).relu(), kept, bias[0]).relu(), kept, bias[1]).relu()
    torch.testing.assert_close(compaction.masked_network(network, mask)(x), network.b(hidden))
