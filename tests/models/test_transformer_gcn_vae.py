"""The Transformer, the graph network and the autoencoder against formulas; each trained together as it is alone."""

import math

import pytest
import torch
from torch import nn

import lthlib
from lthlib import data, models, tasks
from lthlib.analysis import inspection
from lthlib.core.errors import LotteryError
from lthlib.data import grammar, graphs
from lthlib.models import GCN, VAE, Noise, Transformer
from lthlib.pruning import masks
from lthlib.settings import Recipe
from lthlib.storage import export
from lthlib.storage.store import Store
from lthlib.training import engine, objectives, randomness
from lthlib.training.engine import Ticket
from lthlib.training.stack import Stack


def draw(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# The Transformer


@pytest.fixture(scope="module")
def reader():
    torch.manual_seed(0)
    return Transformer(vocabulary=11, window=8, width=12, depth=2, heads=3).eval()


def test_a_later_token_never_changes_an_earlier_output(reader):
    tokens = torch.randint(0, 11, (3, 8), generator=torch.Generator().manual_seed(1))
    whole = reader(tokens)
    assert whole.shape == (3, 8, 11)
    for place in range(8):
        changed = tokens.clone()
        changed[:, place:] = (changed[:, place:] + 1 + torch.arange(8 - place)) % 11
        torch.testing.assert_close(reader(changed)[:, :place], whole[:, :place], rtol=1e-5, atol=1e-6)
        assert (reader(changed)[:, place] - whole[:, place]).abs().max() > 1e-3, "but it changes its own"
        torch.testing.assert_close(reader(tokens[:, : place + 1]), whole[:, : place + 1], rtol=1e-5, atol=1e-6)


def test_attention_is_the_formula(reader):
    layer, x = reader.blocks[0].attention, draw(2, 5, 12)
    expected = torch.zeros_like(x)
    query, key, value = layer.query(x), layer.key(x), layer.value(x)
    for head in range(3):
        part = slice(4 * head, 4 * head + 4)
        for at in range(5):
            scores = (key[:, : at + 1, part] * query[:, at : at + 1, part]).sum(2) / 4**0.5
            expected[:, at, part] = (scores.softmax(1)[:, :, None] * value[:, : at + 1, part]).sum(1)
    torch.testing.assert_close(layer(x), layer.mix(expected), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["transformer-grammar", "gcn-sbm", "vae-digits"])
@pytest.mark.parametrize("score", ["snip", "grasp", "synflow"])
def test_scores_by_gradients_work_on_them(name, score):
    options = {"schedule": "untrained", "iterations": 2, "evaluate_every": 2, "workers": 1, "device": "cpu"}
    table = lthlib.hunt(name, "smoke", levels=1, trials=1, score=score, progress=False, **options)
    assert table[table.level == 1].density.max() < 0.95


def test_linear_layers_of_a_transformer_are_prunable_and_nothing_else(reader):
    names = models.prunable(reader)
    assert len(names) == 2 * 6 + 1 and {name.split(".")[-1] for name in names} == {"weight"}
    assert not any(part in name for name in names for part in ("tokens", "places", "norm", "bias"))
    rates = models.layer_rates(reader, 0.2)
    assert rates.pop("output.weight") == 0.1 and set(rates.values()) == {0.2}


def test_writing_is_drawn_from_the_networks_own_distribution(reader):
    start = torch.tensor([[3, 1]]).expand(2000, 2)
    texts = reader.write(start, 20, seed=5)
    assert texts.shape == (2000, 20) and torch.equal(texts[:, :2], start)
    assert torch.equal(texts, reader.write(start, 20, seed=5)) and not torch.equal(texts, reader.write(start, 20, seed=6))
    expected = reader(start[:1])[0, -1].softmax(0)
    shares = texts[:, 2].bincount(minlength=11) / 2000
    assert ((shares - expected).abs() < 5 * (expected / 2000).sqrt()).all()


def test_what_a_transformer_refuses(reader):
    with pytest.raises(LotteryError, match="width is 10 and heads is 4"):
        Transformer(5, 4, width=10, heads=4)
    with pytest.raises(LotteryError, match="9 tokens is longer than the window of 8"):
        reader(torch.zeros(1, 9, dtype=torch.int64))
    for start in (torch.zeros(2, 0, dtype=torch.int64), torch.tensor([1, 2])):
        with pytest.raises(LotteryError, match="give one row for each text"):
            reader.write(start, 5)


def test_a_trained_model_is_not_better_than_the_language_allows():
    table = lthlib.hunt(
        "transformer-grammar", "smoke", levels=1, trials=1, iterations=120, evaluate_every=40, progress=False, device="cpu"
    )
    test = table[table.split == "test"].loss.min()
    here = data.load("grammar").test.targets
    allowed = sum(sum(grammar.surprise(grammar.VOCABULARY[token] for token in row)) for row in here.tolist()) / here.numel()
    assert allowed == pytest.approx(grammar.entropy(24), abs=0.04)
    assert allowed < test < allowed + 0.6, "it cannot beat the language, and it has learned much of it"


# The graph network


@pytest.fixture
def small():
    made = graphs.block_model(nodes=40, words=12, marks=3, train=10, validation=10)
    features, edges = torch.from_numpy(made["features"]).double(), torch.from_numpy(made["edges"])
    torch.manual_seed(0)
    return GCN(features, edges, 4, hidden=5).double().eval(), features, edges


def dense_adjacency(edges, nodes, weights=None):
    adjacency = torch.zeros(nodes, nodes, dtype=torch.float64)
    for (one, other), weight in zip(edges.tolist(), torch.ones(len(edges)) if weights is None else weights):
        adjacency[one, other] = adjacency[other, one] = weight
    return adjacency


def normalised(adjacency):
    whole = adjacency + torch.eye(len(adjacency), dtype=torch.float64)
    scale = torch.diag(whole.abs().sum(1) ** -0.5)
    return scale @ whole @ scale


def test_a_gcn_is_the_dense_formula(small):
    network, features, edges = small
    spread = normalised(dense_adjacency(edges, 40))
    expected = spread @ torch.relu(spread @ features @ network.first.weight.T) @ network.output.weight.T
    torch.testing.assert_close(network(torch.arange(40)), expected)
    asked = torch.tensor([7, 3, 3])
    torch.testing.assert_close(network(asked), expected[asked])


def test_edges_of_other_weights_are_the_formula_too_and_stay_symmetric(small):
    network, _, edges = small
    weights = draw(len(edges)).double()
    network.neighbours.edges.data.copy_(weights)
    found = network.neighbours(torch.eye(40, dtype=torch.float64))
    torch.testing.assert_close(found, normalised(dense_adjacency(edges, 40, weights)))
    torch.testing.assert_close(found, found.T)


def test_masked_edges_are_removed_edges(small):
    network, features, edges = small
    kept = torch.rand(len(edges), generator=torch.Generator().manual_seed(2)) < 0.6
    network.neighbours.edges.data[~kept] = 0
    fewer = GCN(features, edges[kept], 4, hidden=5).double().eval()
    weights = {name: t for name, t in network.state_dict().items() if "edges" not in name}
    fewer.load_state_dict(weights, strict=False)
    nodes = torch.arange(40)
    torch.testing.assert_close(network(nodes), fewer(nodes))
    for ours, theirs in ((network, fewer),):
        ours(nodes).square().sum().backward()
        theirs(nodes).square().sum().backward()
        torch.testing.assert_close(ours.neighbours.edges.grad[kept], theirs.neighbours.edges.grad)
        torch.testing.assert_close(ours.first.weight.grad, theirs.first.weight.grad)


def test_the_gradient_of_an_edge_is_a_finite_difference(small):
    network, _, edges = small
    weight, nodes = network.neighbours.edges, torch.arange(10)
    weight.data.copy_(0.5 + draw(len(edges)).double().abs())
    network(nodes).square().sum().backward()
    for edge in (0, 5, 11):
        values = []
        for step in (1e-6, -1e-6):
            moved = weight.data.clone()
            moved[edge] += step
            with torch.no_grad():
                kept, weight.data = weight.data, moved
                values.append(network(nodes).square().sum().item())
                weight.data = kept
        assert weight.grad[edge].item() == pytest.approx((values[0] - values[1]) / 2e-6, rel=1e-4, abs=1e-7)


def test_ugs_rates_and_what_is_kept_with_a_ticket(small):
    network = small[0]
    assert models.layer_rates(network, 0.2) == {"first.weight": 0.2, "output.weight": 0.0, "neighbours.edges": 0.05}
    assert set(network.state_dict()) == {"first.weight", "output.weight", "neighbours.edges"}, "the data is not stored"
    mask = masks.ones(models.prunable(network))
    for _ in range(3):
        mask = masks.prune(mask, {n: p.abs() for n, p in models.prunable(network).items()}, models.layer_rates(network, 0.2))
    assert masks.layer_densities(mask)["neighbours.edges"] == pytest.approx(0.95**3, abs=0.02)
    assert export.to_torch_prune(network, mask).neighbours.edges_mask.sum() == masks.layer_counts(mask)["neighbours.edges"]


class Scaled(nn.Module):
    also_prunable = ("scale",)

    def __init__(self):
        super().__init__()
        self.scale, self.inside = nn.Parameter(torch.ones(3)), nn.Linear(3, 3)


def test_a_module_may_name_further_parameters():
    network = nn.Sequential(nn.Linear(3, 3), Scaled(), nn.LayerNorm(3))
    assert list(models.prunable(network)) == ["0.weight", "1.scale", "1.inside.weight"]
    network[1].also_prunable = ("inside.weight",)
    with pytest.raises(LotteryError, match="also_prunable of Scaled names 'inside.weight': .*it has scale"):
        models.prunable(network)


def test_also_prunable_is_in_the_fingerprint():
    def build(_):
        network = Scaled()
        network.forward = network.inside.forward
        network.also_prunable = also
        return network

    found, also = [], ()
    for also in ((), ("scale",)):  # noqa: B007  # build reads it
        found.append(lthlib.Task("own", data.load("sbm"), build).fingerprint())
    assert found[0] != found[1]


# The autoencoder


def test_a_vae_draws_in_training_and_takes_the_mean_in_evaluation():
    torch.manual_seed(0)
    network, images = VAE(9, hidden=6, codes=2), torch.rand(4, 1, 3, 3)
    assert network(images).shape == (4, 13)
    logits, mean, log_variance = objectives.parts(network.eval()(images), 9)
    torch.testing.assert_close(logits, network.draw(mean)), torch.equal(network(images)[:, :9], logits)
    torch.manual_seed(1)
    drawn = network.train()(images)
    torch.manual_seed(1)
    torch.testing.assert_close(drawn[:, :9], network.draw(mean + (log_variance / 2).exp() * torch.randn(4, 2)))
    torch.testing.assert_close(drawn[:, 9:], torch.cat([mean, log_variance], 1))


def test_keyed_noise_is_standard_normal_and_repeats_by_key():
    layer, x = randomness.Noise(), torch.zeros(400, 500)
    randomness.key_random_layers(layer, 7)
    first, second = layer(x), layer(x)
    count = x.numel()
    for drawn in (first, second):
        assert abs(drawn.mean().item()) < 5 / count**0.5 and abs(drawn.var().item() - 1) < 5 * (2 / count) ** 0.5
    assert abs((first * second).mean().item()) < 5 / count**0.5
    for shift in (1, 500):
        assert abs((first.flatten()[:-shift] * first.flatten()[shift:]).mean().item()) < 5 / count**0.5
    for limit in (-2.0, -0.5, 0.5, 1.0, 3.0):
        expected = (1 + math.erf(limit / 2**0.5)) / 2
        share = (first < limit).float().mean().item()
        assert share == pytest.approx(expected, abs=5 * (expected * (1 - expected) / count) ** 0.5)
    randomness.key_random_layers(layer, 7)
    assert torch.equal(layer(x), first)
    assert not layer.eval()(x).any() and layer(x.double()).dtype == torch.float64


def test_the_engine_keys_noise_as_it_keys_dropout():
    network = nn.Sequential(nn.Linear(2, 2), Noise(), nn.Sequential(Noise(), nn.Dropout(0.5)))
    own = randomness.own_random_layers(network)
    assert [type(layer) for layer in (own[1], own[2][0], own[2][1])] == [randomness.Noise, randomness.Noise, randomness.Dropout]
    randomness.key_random_layers(own, 1)
    assert not torch.equal(own[1](torch.ones(3)), own[2][0](torch.ones(3))), "each layer draws its own"


# All three


def in_float64(name):
    task = tasks.TASKS[name]
    pick = lambda split: data.Split(_double(split.inputs[:40]), _double(split.targets[:40]))  # noqa: E731
    dataset = task.dataset
    return task, data.Dataset(name, *(pick(split) for split in (dataset.train, dataset.validation, dataset.test)))


def _double(tensor):
    return tensor.double() if tensor.is_floating_point() else tensor


@pytest.mark.filterwarnings("ignore:There is a performance drop")  # the fused attention of a CPU is mapped one by one
@pytest.mark.parametrize("name", ["transformer-grammar", "gcn-sbm", "vae-digits"])
def test_together_is_as_alone(name):
    task, dataset = in_float64(name)
    build, tickets = lambda: task.build().double(), []
    for seed in range(3):
        theta = models.initial_weights(build, seed)
        scores = {part: theta[part].abs() + 0.01 * draw(*theta[part].shape) for part in models.prunable(build())}
        rates = models.layer_rates(build(), 0.2 * seed)
        tickets.append(Ticket(theta, masks.prune(masks.ones(scores), scores, rates), order_seed=seed))
    recipe = Recipe(batch_size=8, iterations=25, evaluate_every=10)
    options = {"model": build(), "objective": task.objective, "device": "cpu", "workers": 1}
    together = dict(engine.train(tickets, recipe, dataset, stack=3, **options))
    alone = dict(engine.train(tickets, recipe, dataset, **options))
    for index, ticket in enumerate(tickets):
        assert together[index].history["loss"] == pytest.approx(alone[index].history["loss"], rel=1e-6)
        for part, tensor in alone[index].weights.items():
            torch.testing.assert_close(together[index].weights[part], tensor, rtol=1e-5, atol=1e-7)
        for part, kept in ticket.mask.items():
            assert not together[index].weights[part][~kept].any()
        assert alone[index].history["loss"][0] > alone[index].history["loss"][2], "it learns"


@pytest.mark.parametrize("name", ["transformer-grammar", "gcn-sbm", "vae-digits"])
def test_bfloat16_runs_and_leaves_tokens_and_node_numbers_whole(name):
    table = lthlib.hunt(
        name, "smoke", levels=0, trials=1, iterations=30, evaluate_every=10, precision="bfloat16", progress=False, device="cpu"
    )
    losses = table[table.split == "validation"].loss.tolist()
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", ["transformer-grammar", "gcn-sbm", "vae-digits"])
def test_they_run_through_a_hunt_and_can_be_looked_at(name):
    options = {"iterations": 3, "evaluate_every": 3}
    table = lthlib.hunt(name, "smoke", levels=1, trials=1, controls="reinit,random", progress=False, device="cpu", **options)
    assert set(table.method) == {"iterative", "reinit", "random"} and table.loss.notna().all()
    assert table.accuracy.between(0, 1).all() and lthlib.summarise(table).test_loss.notna().all()
    setting, _ = tasks.resolve(tasks.TASKS[name], "smoke", **options)
    look = inspection.stored(setting, 0, 1, Store())
    assert look.pixels.dim() == 2 and "output" in look.layers


@pytest.mark.parametrize("name", ["transformer-tinyshakespeare", "gcn-cora", "vae-mnist"])
def test_those_that_need_a_file_are_built_for_it(name):
    task = tasks.TASKS[name]
    if not data.at_hand(task.data):
        pytest.skip("tests download nothing")
    task.check(task.build())


def test_a_network_that_works_on_a_whole_graph_is_evaluated_at_once(monkeypatch):
    task, calls = tasks.TASKS["gcn-sbm"], []
    network = task.build()
    ticket = Ticket(dict(network.state_dict()), masks.ones(models.prunable(network)), 0)
    stack = Stack(network, [ticket], Recipe(batch_size=60, iterations=1), task.dataset.train, torch.device("cpu"))
    stack.model.register_forward_hook(lambda *_: calls.append(1))
    stack.measure(task.dataset.test)
    assert len(calls) == 1, "800 nodes cost as much as one"


def test_six_tasks_three_without_a_download():
    found = {name: task for name, task in tasks.TASKS.items() if name.split("-")[0] in ("transformer", "gcn", "vae")}
    at_hand = [name for name, task in found.items() if not data.FILES[task.data]]
    assert len(found) == 6 and at_hand == ["transformer-grammar", "gcn-sbm", "vae-digits"]
    assert models.GCN.rate_factors["neighbours.edges"] * 0.2 == pytest.approx(0.05), "5 % of edges with 20 % of weights"
