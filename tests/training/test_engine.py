import os
import signal

import pytest
import torch
from torch import nn
from torch.nn import functional

from lthlib import models
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks
from lthlib.settings import Recipe
from lthlib.training import engine
from lthlib.training.engine import Ticket
from lthlib.training.objectives import classification
from lthlib.training.randomness import batch_order
from lthlib.training.stack import Stack

RECIPES = {
    "adam": Recipe(iterations=30, evaluate_every=10, batch_size=16, learning_rate=0.01),
    "sgd": Recipe("sgd", 0.1, momentum=0.9, weight_decay=1e-2, iterations=30, evaluate_every=10, batch_size=16),
}


def tickets_of(task, count=3, start=0):
    made = []
    for seed in range(count):
        theta = models.initial_weights(task.build, seed)
        weights = {name: theta[name] for name in models.prunable(task.build())}
        mask = masks.prune(masks.ones(weights), {n: w.abs() for n, w in weights.items()}, 0.3 * seed)
        made.append(Ticket(theta, mask, order_seed=seed, start=start))
    return made


def run(task, tickets, recipe, **options):
    trained = dict(engine.train(tickets, recipe, task.dataset, model=task.build(), device="cpu", **options))
    return [trained[index] for index in range(len(tickets))]


def same(a, b):
    return a.history == b.history and all(torch.equal(a.weights[name], b.weights[name]) for name in a.weights)


@pytest.mark.parametrize("optimizer", RECIPES)
def test_a_plain_loop_gives_the_same_numbers(own_task, optimizer):
    recipe, data = RECIPES[optimizer], own_task.dataset
    network = nn.Sequential(nn.Linear(6, 8), nn.ReLU(), nn.Linear(8, 3))
    theta = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    mask = {"0.weight": torch.rand(8, 6) < 0.5}
    ticket = Ticket(theta, mask, order_seed=7)
    [(_, ours)] = engine.train([ticket], recipe, data, model=network, device="cpu")
    network.load_state_dict(theta)
    network[0].weight.data *= mask["0.weight"]
    if optimizer == "adam":
        stepper = torch.optim.Adam(network.parameters(), recipe.learning_rate)
    else:
        stepper = torch.optim.SGD(network.parameters(), 0.1, momentum=0.9, weight_decay=1e-2)
    for batch in batch_order(len(data.train), 16, 7, 0, 30):
        stepper.zero_grad()
        functional.cross_entropy(network(data.train.inputs[batch]), data.train.targets[batch]).backward()
        stepper.step()
        network[0].weight.data *= mask["0.weight"]
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(ours.weights[name], tensor, rtol=1e-4, atol=1e-5)


def test_numbers_do_not_depend_on_workers_or_company(own_task, monkeypatch):
    monkeypatch.setattr(engine, "WORTH_WORKERS", 0)
    tickets = tickets_of(own_task)
    together = run(own_task, tickets, RECIPES["sgd"], workers=2)
    alone = [run(own_task, [ticket], RECIPES["sgd"], workers=1)[0] for ticket in tickets]
    assert all(same(a, b) for a, b in zip(together, alone))


def test_training_learns_and_leaves_the_global_random_state(own_task):
    tickets, model = tickets_of(own_task, 1), own_task.build()
    state = torch.random.get_rng_state()
    [(_, trained)] = engine.train(tickets, RECIPES["adam"], own_task.dataset, model=model, device="cpu")
    assert torch.equal(torch.random.get_rng_state(), state)
    losses = [loss for loss, split in zip(trained.history["loss"], trained.history["split"]) if split == "validation"]
    assert losses[-1] < 0.5 * losses[0]


def test_history_has_what_it_promises(own_task):
    history = run(own_task, tickets_of(own_task, 1), RECIPES["adam"])[0].history
    rows = list(zip(history["iteration"], history["split"], history["loss"]))
    validation = [(iteration, loss) for iteration, split, loss in rows if split == "validation"]
    assert [iteration for iteration, _ in validation] == [0, 10, 20, 30]
    early_stop = min(validation, key=lambda pair: pair[1])[0]
    for split in ("test", "train"):
        assert {iteration for iteration, name, _ in rows if name == split} == {early_stop, 30}


@pytest.mark.parametrize("stack", [1, 3])
def test_the_weights_of_early_stop_give_the_losses_measured_there(own_task, stack):
    recipe = Recipe(iterations=60, evaluate_every=5, batch_size=16, learning_rate=0.1)
    kept = 0
    for trained in run(own_task, tickets_of(own_task), recipe, stack=stack):
        history, data = trained.history, own_task.dataset
        losses = [loss for loss, split in zip(history["loss"], history["split"]) if split == "validation"]
        if trained.early_stop is None:
            assert min(losses) == losses[-1]
            continue
        kept += 1
        assert min(losses) < losses[-1]
        network = own_task.build().eval()
        network.load_state_dict(trained.early_stop)
        with torch.no_grad():
            loss = functional.cross_entropy(network(data.validation.inputs), data.validation.targets)
        assert float(loss) == pytest.approx(min(losses), rel=1e-5)
    assert kept, "else nothing was tested"


def test_a_first_loss_that_is_no_number_does_not_hide_later_ones(own_task, monkeypatch):
    stack = Stack(own_task.build(), tickets_of(own_task, 2), RECIPES["sgd"], own_task.dataset.train, torch.device("cpu"))
    history, nan = engine._History(stack, own_task.dataset), float("nan")
    losses = iter([[nan, 1.0], [2.0, nan], [1.0, 0.5], [3.0, 0.7]])
    monkeypatch.setattr(stack, "validate", lambda _: (torch.tensor(next(losses)), torch.full((2,), 0.5)))
    for iteration in range(4):
        history.validate(iteration)
    assert history.early_stop.tolist() == [2, 2] and history.lowest.tolist() == [1.0, 0.5]


def test_measurements_at_early_stop_are_of_that_iteration(own_task):
    """An overfitting run: its test accuracy at early stop equals that of a run which ends there."""
    recipe = Recipe(learning_rate=0.3, batch_size=16, iterations=60, evaluate_every=5)
    history = run(own_task, tickets_of(own_task, 1), recipe)[0].history
    rows = list(zip(history["iteration"], history["split"], history["loss"], history["accuracy"]))
    tests = {iteration: (loss, accuracy) for iteration, split, loss, accuracy in rows if split == "test"}
    early_stop = min(tests)
    assert early_stop < 60
    cut = Recipe(learning_rate=0.3, batch_size=16, iterations=early_stop, evaluate_every=5)
    ended = run(own_task, tickets_of(own_task, 1), cut)[0].history
    last = next((loss, a) for s, loss, a in zip(ended["split"], ended["loss"], ended["accuracy"]) if s == "test")
    assert tests[early_stop] == last


def test_snapshot_is_the_state_of_that_iteration(own_task):
    ticket = tickets_of(own_task, 1)
    kept = run(own_task, ticket, RECIPES["sgd"], snapshot=20)[0].snapshot
    ended = run(own_task, ticket, Recipe("sgd", 0.1, 0.9, 1e-2, 16, iterations=20, evaluate_every=10))[0].weights
    assert all(torch.equal(kept[name], ended[name]) for name in kept)


def test_starting_at_k_trains_the_remaining_iterations(own_task):
    history = run(own_task, tickets_of(own_task, 1, start=20), RECIPES["sgd"])[0].history
    assert [i for i, s in zip(history["iteration"], history["split"]) if s == "validation"] == [20, 30]


def test_batch_order_drops_no_example_and_can_start_anywhere():
    whole = batch_order(examples=50, batch_size=12, seed=4, start=0, stop=25)
    assert whole.shape == (25, 12)
    for epoch in whole.flatten().split(50):
        assert torch.equal(epoch.sort().values, torch.arange(50))
    assert torch.equal(batch_order(50, 12, 4, start=7, stop=25), whole[7:])
    assert not torch.equal(batch_order(50, 12, 5, 0, 25), whole)


def test_batches_larger_than_the_data():
    assert torch.equal(batch_order(3, 7, 0, 0, 2).flatten()[:3].sort().values, torch.arange(3))


@pytest.mark.parametrize("size", [1, 3])
@pytest.mark.parametrize("optimizer", RECIPES)
def test_masked_weights_are_zero_after_every_step(own_task, optimizer, size):
    tickets = tickets_of(own_task)[-size:]
    stack = Stack(own_task.build(), tickets, RECIPES[optimizer], own_task.dataset.train, torch.device("cpu"))
    for iteration in range(5):
        before = stack.state()["hidden.weight"].clone()
        stack.step(torch.arange(16).expand(size, 16), None, iteration)
        for row, ticket in enumerate(tickets):
            kept, now = ticket.mask["hidden.weight"], stack.state()["hidden.weight"][row]
            assert not now[~kept].any()
            assert (now[kept] != before[row][kept]).float().mean() > 0.5


def test_a_weight_that_two_layers_share_is_masked_from_the_start(own_task):
    network = nn.Sequential(nn.Linear(6, 6), nn.ReLU(), nn.Linear(6, 6))
    network[2].weight = network[0].weight
    mask = {"0.weight": torch.eye(6, dtype=torch.bool)}
    [(_, trained)] = engine.train(
        [Ticket(network.state_dict(), mask, 0)], RECIPES["sgd"], own_task.dataset, model=network, snapshot=0, device="cpu"
    )
    for state in (trained.snapshot, trained.weights):
        assert not state["0.weight"][~mask["0.weight"]].any() and torch.equal(state["0.weight"], state["2.weight"])


def deadly_in_workers():
    """An objective that kills every process but this one."""
    parent = os.getpid()

    def deadly(outputs, targets):
        if os.getpid() != parent:
            os.kill(os.getpid(), signal.SIGKILL)
        return classification(outputs, targets)

    return deadly


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="nothing kills like it here")
def test_a_worker_that_is_killed_is_one_sentence(own_task, monkeypatch):
    monkeypatch.setattr(engine, "WORTH_WORKERS", 0)
    with pytest.raises(LotteryError, match="one of 2 worker processes was killed, most likely since memory ran out"):
        run(own_task, tickets_of(own_task), RECIPES["sgd"], workers=2, objective=deadly_in_workers())


def test_unknown_device_and_workers():
    with pytest.raises(LotteryError, match="device 'tpu'.*choose auto or"):
        engine.check("tpu", None)
    with pytest.raises(LotteryError, match="workers is 0"):
        engine.check("cpu", 0)


@pytest.mark.gpu
def test_a_card_agrees_with_the_cpu(own_task):
    tickets = tickets_of(own_task)
    there = dict(engine.train(tickets, RECIPES["sgd"], own_task.dataset, model=own_task.build(), device="cuda"))
    here = run(own_task, tickets, RECIPES["sgd"])
    for index, ticket in enumerate(tickets):
        assert not there[index].weights["hidden.weight"][~ticket.mask["hidden.weight"]].any()
        assert abs(there[index].history["loss"][0] - here[index].history["loss"][0]) < 1e-3
