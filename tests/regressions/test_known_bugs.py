"""One test for each bug seen in published lottery-ticket code. The names of the bugs are the names of the tests."""

import dataclasses
import json
import pickle

import hypothesis
import pandas as pd
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import lthlib
from lthlib import lottery, models, tasks
from lthlib.pruning import masks, registry
from lthlib.settings import Recipe, Setting
from lthlib.storage.store import COLUMNS, Key, Store
from lthlib.training import engine, stack
from lthlib.training.engine import Ticket

RECIPE = Recipe("sgd", 0.1, momentum=0.9, weight_decay=0.01, batch_size=16, iterations=25, evaluate_every=5)
COUNTS = st.integers(1, 400)
SEEDS = st.integers(0, 2**31)


@pytest.fixture
def ticket(own_task):
    theta = models.initial_weights(own_task.build, 0)
    mask = {"hidden.weight": torch.arange(96).view(16, 6) % 3 > 0, "output.weight": torch.ones(3, 16, dtype=torch.bool)}
    return Ticket(theta, mask, order_seed=0)


def train(own_task, ticket, recipe=RECIPE, **options):
    [(_, trained)] = engine.train([ticket], recipe, own_task.dataset, model=own_task.build(), device="cpu", **options)
    return trained


def test_01_negative_weights_learn(own_task, ticket):
    trained = train(own_task, ticket).weights["hidden.weight"]
    before, kept = ticket.weights["hidden.weight"], ticket.mask["hidden.weight"]
    assert ((before < 0) & kept).sum() > 20
    assert (trained[kept & (before < 0)] != before[kept & (before < 0)]).all()


def test_01_a_surviving_weight_of_zero_learns(own_task, ticket):
    ticket.weights["hidden.weight"][0, 1] = 0.0
    assert ticket.mask["hidden.weight"][0, 1] and train(own_task, ticket).weights["hidden.weight"][0, 1] != 0


def test_02_biases_and_buffers_are_rewound_and_nothing_is_aliased(own_task, ticket):
    before = {name: tensor.clone() for name, tensor in ticket.weights.items()}
    trained = train(own_task, ticket, snapshot=0)
    for name, tensor in before.items():
        assert torch.equal(ticket.weights[name], tensor), "training changed the ticket it was given"
        if name not in ticket.mask:
            assert torch.equal(trained.snapshot[name], tensor), f"{name} was not reset"
    moved = [name for name in before if not torch.equal(trained.weights[name], before[name])]
    assert {"hidden.bias", "norm.running_mean", "norm.num_batches_tracked"} <= set(moved)


@given(COUNTS, st.floats(0, 1), SEEDS)
def test_03_exactly_k_are_pruned_and_ties_break_stably(count, rate, seed):
    scores = torch.randint(0, 3, (count,), generator=torch.Generator().manual_seed(seed)).float()  # mostly ties
    pruned = masks.prune({"w": torch.ones(count, dtype=torch.bool)}, {"w": scores}, rate)["w"]
    k = round(rate * count)
    expected = sorted(range(count), key=lambda i: (scores[i].item(), i))[:k]
    assert (~pruned).nonzero().flatten().tolist() == sorted(expected)


@given(st.integers(20, 200), SEEDS)
def test_04_shuffle_shuffles_and_random_pruning_runs(count, seed):
    mask = {"w": torch.arange(count) < count // 2}
    assert not torch.equal(masks.shuffle(mask, seed)["w"], mask["w"])
    scores = registry.SCORES["random"](weights={"w": torch.ones(count)}, seed=seed)
    assert int(masks.prune(mask, scores, 0.5)["w"].sum()) == count // 2 - round(0.5 * (count // 2))


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("snapshot", [1, 7, 25])
def test_05_pruned_weights_stay_zero_under_momentum_and_weight_decay(own_task, ticket, optimizer, snapshot):
    recipe = dataclasses.replace(RECIPE, optimizer=optimizer, momentum=0.9 if optimizer == "sgd" else 0.0)
    trained = train(own_task, ticket, recipe, snapshot=snapshot)
    pruned = ~ticket.mask["hidden.weight"]
    for state in (trained.snapshot, trained.weights):
        assert not state["hidden.weight"][pruned].any() and state["hidden.weight"][~pruned].all()


@given(st.lists(st.tuples(st.floats(0.1, 9), st.floats(0, 1)), min_size=2, max_size=8))
def test_06_reported_accuracy_is_at_lowest_validation_loss_not_the_best(curve):
    losses, accuracies = zip(*curve)
    stop, last = losses.index(min(losses)), len(losses) - 1
    once = ("t", "id", "iterative", "iterative", 0, 0, 0, 1.0)
    rows = [(*once, i, "validation", loss, 0.5, 1.0) for i, loss in enumerate(losses)]
    for i in {stop, last}:
        rows += [(*once, i, "test", 1.0, accuracies[i], 1.0), (*once, i, "train", 1.0, 1.0, 1.0)]
    [row] = lthlib.summarise(pd.DataFrame(rows, columns=COLUMNS)).itertuples()
    assert row.early_stop == stop and row.test_accuracy == accuracies[stop] and row.final_test_accuracy == accuracies[last]


def test_06_validation_is_no_part_of_training_or_test():
    digits = lthlib.data.load("digits")
    rows = [{tuple(row) for row in split.inputs.flatten(1).tolist()} for split in (digits.train, digits.validation, digits.test)]
    assert not rows[0] & rows[1] and not rows[0] & rows[2] and not rows[1] & rows[2]


@hypothesis.settings(deadline=None)  # a busy machine is no bug
@given(st.integers(1, 2 * stack.EVALUATION_BATCH + 7), SEEDS)
def test_07_accuracy_counts_every_example(count, seed):
    generator = torch.Generator().manual_seed(seed)
    inputs, targets = torch.randn(count, 3, generator=generator), torch.randint(0, 3, (count,), generator=generator)
    split, identity = lthlib.data.Split(inputs, targets), torch.nn.Linear(3, 3)
    ticket = Ticket({"weight": torch.eye(3), "bias": torch.zeros(3)}, {}, order_seed=0)
    loss, accuracy = map(float, stack.Stack(identity, [ticket], RECIPE, split, torch.device("cpu")).measure(split))
    assert accuracy == (inputs.argmax(1) == targets).sum().item() / count
    assert loss == pytest.approx(torch.nn.functional.cross_entropy(inputs, targets).item(), rel=1e-4)


@given(
    st.sampled_from(["rate", "scope", "score", "rewind", "seed", "learning_rate", "iterations", "momentum", "batch_size"]),
    st.data(),
)
def test_08_results_are_stored_under_every_setting(field, draw):
    values = {
        "rate": st.floats(0.01, 0.99), "scope": st.sampled_from(masks.SCOPES), "score": st.sampled_from(["magnitude", "random"]),
        "rewind": st.integers(0, 9), "seed": st.integers(0, 99), "learning_rate": st.floats(1e-5, 1),
        "iterations": st.integers(10, 99), "momentum": st.floats(0, 0.99), "batch_size": st.integers(1, 99),
    }[field]  # fmt: skip
    a, b = draw.draw(values), draw.draw(values)
    of_recipe = field in {f.name for f in dataclasses.fields(Recipe)}
    make = (lambda v: Setting("x", Recipe("sgd", **{field: v}))) if of_recipe else (lambda v: Setting("x", **{field: v}))
    identities = [make(value).identity() for value in (a, b)]
    assert (identities[0] == identities[1]) == (a == b)


def test_08_resuming_reads_no_pickle(own_task, tmp_path, monkeypatch):
    for module, name in (
        (pickle, "load"),
        (pickle, "loads"),
        (pickle, "dump"),
        (pickle, "dumps"),
        (torch, "load"),
        (torch, "save"),
    ):
        monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("a pickle"))
    lottery.hunt(own_task, levels=2, trials=1, iterations=20, results=tmp_path, progress=False)
    for path in tmp_path.rglob("*"):
        if path.suffix == ".json":
            json.loads(path.read_bytes())
        elif path.is_file():
            assert path.name in ("rows.cache", ".claim", ".looks") or path.suffix == ".safetensors"
    more = lottery.hunt(own_task, levels=3, trials=1, iterations=20, results=tmp_path, progress=False)
    assert set(more.level) == {0, 1, 2, 3}


@given(COUNTS, st.floats(0.01, 0.5), SEEDS)
def test_09_rounds_neither_revive_nor_collapse(count, rate, seed):
    scores = torch.rand(count, generator=torch.Generator().manual_seed(seed))
    mask, expected = {"w": torch.ones(count, dtype=torch.bool)}, count
    for _ in range(30):
        smaller = masks.prune(mask, {"w": scores}, rate)
        expected -= round(rate * expected)
        assert int(smaller["w"].sum()) == expected >= 1 and not (smaller["w"] & ~mask["w"]).any()
        mask = smaller


@given(st.floats(0.05, 0.95))
def test_10_density_is_what_is_kept_and_rate_what_goes(rate):
    mask = masks.prune({"w": torch.ones(1000, dtype=torch.bool)}, {"w": torch.arange(1000.0)}, rate)
    assert masks.density(mask) == pytest.approx(1 - rate, abs=0.001)
    assert masks.density(mask) == int(mask["w"].sum()) / 1000 == masks.layer_densities(mask)["w"]


def test_11_every_level_is_trained_by_one_recipe(own_task, tmp_path, monkeypatch):
    seen, train_tickets = [], engine.train

    def watch(tickets, recipe, *rest, **options):
        seen.append(recipe)
        return train_tickets(tickets, recipe, *rest, **options)

    monkeypatch.setattr(engine, "train", watch)
    lottery.hunt(own_task, levels=3, trials=1, iterations=20, controls="reinit,dense", results=tmp_path, progress=False)
    assert len(seen) == 4 and len(set(seen)) == 1


def test_11_a_full_mask_is_the_dense_network(own_task, tmp_path):
    """A ticket that keeps everything, trained as level 1 is, equals level 0 given level 0's order of the data."""
    lottery.hunt(own_task, levels=0, trials=1, iterations=20, results=tmp_path, progress=False)
    setting, _ = tasks.resolve(own_task, "quick", iterations=20)
    search = lottery.Hunt(own_task, setting, own_task.build(), Store(tmp_path))
    whole = masks.ones(models.prunable(search.network))
    level_0, level_1 = (search.make_ticket(Key("ticket", 0, level), whole) for level in (0, 1))
    runs = [train(own_task, dataclasses.replace(t, order_seed=level_0.order_seed), setting.recipe) for t in (level_0, level_1)]
    assert runs[0].history == runs[1].history
