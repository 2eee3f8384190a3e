"""Training under masks that move: exact zeros, the same numbers by kernels and the dense way, and what a hunt keeps."""

import pytest
import torch

import lthlib
from lthlib import LotteryError, Moves, masks, models, tasks
from lthlib.pruning import moving
from lthlib.settings import Recipe, Setting
from lthlib.storage.store import TICKET, Key, Store
from lthlib.training import engine
from lthlib.training.moving import Movement
from lthlib.training.stack import Stack, Ticket

METHODS = ("set", "rigl", "gmp")
RECIPES = {
    "adam": Recipe(iterations=120, evaluate_every=30),
    "sgd": Recipe("sgd", 0.1, momentum=0.9, weight_decay=1e-4, iterations=120, evaluate_every=30),
}


def ticket_of(network, method, density=0.1, seed=3):
    generator = torch.Generator().manual_seed(seed)
    mask = {name: torch.rand(weight.shape, generator=generator) < density for name, weight in models.prunable(network).items()}
    theta = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    return Ticket(theta, mask, order_seed=seed, moves=Moves(method, every=20))


def trained(task, ticket, recipe, **options):
    [(_, found)] = engine.train([ticket], recipe, task.dataset, model=task.build(), device="cpu", workers=1, **options)
    return found


@pytest.mark.parametrize("optimizer", RECIPES)
@pytest.mark.parametrize("method", METHODS)
def test_kernels_and_the_dense_way_move_alike(method, optimizer):
    """The first moves are equal to the weight; later ones may differ where two weights are as small."""
    task, recipe = tasks.find_task("lenet-digits"), RECIPES[optimizer]
    ticket = ticket_of(task.build(), method)
    ours, dense = trained(task, ticket, recipe), trained(task, ticket, recipe, sparse="off")
    assert masks.overlap(ours.mask, dense.mask) > 0.98
    assert ours.history["loss"] == pytest.approx(dense.history["loss"], rel=0.03)
    for found in (ours, dense):
        assert masks.layer_counts(found.mask) == masks.layer_counts(ticket.mask)
        assert all(not found.weights[name][~kept].any() for name, kept in found.mask.items()), "exactly zero"
        assert masks.overlap(found.mask, ticket.mask) < 0.9, "it has moved"


@pytest.mark.parametrize("name", ["conv2-cluttered", "resnet8-cluttered"])
def test_convolutions_and_batch_norm_move_alike(name):
    task, recipe = tasks.find_task(name), Recipe(iterations=9, evaluate_every=3, batch_size=20)
    ticket = ticket_of(task.build(), "rigl")
    ticket = Ticket(ticket.weights, ticket.mask, 3, moves=Moves("rigl", every=3))
    ours, dense = trained(task, ticket, recipe), trained(task, ticket, recipe, sparse="off")
    assert masks.overlap(ours.mask, dense.mask) > 0.95
    assert ours.history["loss"] == pytest.approx(dense.history["loss"], rel=0.05)


def test_tickets_of_a_stack_move_as_they_do_alone():
    task, recipe = tasks.find_task("lenet-digits"), Recipe(iterations=60, evaluate_every=20)
    tickets = [ticket_of(task.build(), "rigl", seed=seed) for seed in (1, 2)]
    alone = [trained(task, ticket, recipe, sparse="off") for ticket in tickets]
    together = dict(engine.train(tickets, recipe, task.dataset, model=task.build(), device="cpu", stack=2))
    for index, one in enumerate(alone):
        assert masks.overlap(one.mask, together[index].mask) > 0.98
        assert one.history["loss"] == pytest.approx(together[index].history["loss"], rel=0.02)


@pytest.mark.parametrize("sparse", ["auto", "off"])
def test_what_grows_starts_at_zero_and_so_does_what_the_optimiser_remembers(sparse, monkeypatch):
    task, recipe = tasks.find_task("lenet-digits"), Recipe(iterations=41, evaluate_every=41)
    seen, move = [], Movement.move

    def watched(movement, stack, batch, views, iteration, rebuild):
        before, was = movement.masks[0], {name: tensor[0].clone() for name, tensor in stack.state().items()}
        after = move(movement, stack, batch, views, iteration, rebuild)
        seen.append((before, movement.masks[0], was, {n: t[0].clone() for n, t in after.state().items()}, after.memory()))
        return after

    monkeypatch.setattr(Movement, "move", watched)
    trained(task, ticket_of(task.build(), "rigl"), recipe, sparse=sparse)
    assert len(seen) == 1, "at iteration 20 alone: moves end at 30"
    [(before, after, was, now, memory)] = seen
    for name, kept in after.items():
        grown, stayed = kept & ~before[name], kept & before[name]
        assert grown.any() and not now[name][grown].any()
        assert torch.equal(now[name][stayed], was[name][stayed]), "a move is no step"
        assert all(not part[grown].any() and part[stayed].any() for part in memory.moments[name])
    assert memory.steps == 20


def test_the_dense_gradient_is_asked_for_at_moves_alone(monkeypatch):
    task, recipe = tasks.find_task("lenet-digits"), Recipe(iterations=80, evaluate_every=80)
    asked, gradients = [], Stack.gradients
    monkeypatch.setattr(Stack, "gradients", lambda *arguments: asked.append(1) or gradients(*arguments))
    for method, times in (("rigl", len(moving.iterations_of(Moves(every=20), 80))), ("set", 0), ("gmp", 0)):
        asked.clear()
        trained(task, ticket_of(task.build(), method), recipe, sparse="off")
        assert len(asked) == times


def test_the_dense_gradient_of_kernels_is_torchs():
    from lthlib.training.sparse import SparseNetwork, plan

    task = tasks.find_task("lenet-digits")
    network, train = task.build(), task.dataset.train
    ticket, batch = ticket_of(network, "rigl"), torch.arange(60)[None]
    ours = SparseNetwork(plan(network, ticket, Recipe(), train), ticket, Recipe(), train, task.objective)
    network.load_state_dict(masks.apply(ticket.mask, ticket.weights))
    torch.nn.functional.cross_entropy(network(train.inputs[:60]), train.targets[:60]).backward()
    for name, gradient in ours.gradients(batch, None).items():
        assert torch.allclose(gradient[0], network.get_parameter(name).grad, atol=1e-6)


def test_a_layer_that_is_frozen_has_no_gradient_and_stays():
    from lthlib.training.sparse import SparseNetwork, plan

    task = tasks.find_task("lenet-digits")
    network, train = task.build(), task.dataset.train
    ticket, (frozen, *_) = ticket_of(network, "rigl"), network.parameters()
    frozen.requires_grad_(False)
    ours = SparseNetwork(plan(network, ticket, Recipe(), train), ticket, Recipe(), train, task.objective)
    trained = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert set(ours.gradients(torch.arange(60)[None], None)) == trained < set(network.state_dict())


@pytest.mark.parametrize("method", METHODS)
def test_a_hunt_keeps_the_mask_it_has_come_to_and_the_weights_of_early_stop(method, tmp_path):
    options = {"schedule": "untrained", "score": "random", "scope": "erk", "rate": 0.5, "levels": 3, "only": 3, "trials": 2}
    moves = Moves(method, every=20)
    table = lthlib.hunt("lenet-digits", "smoke", moves=moves, results=tmp_path, progress=False, **options)
    static = lthlib.hunt("lenet-digits", "smoke", results=tmp_path, progress=False, **options)
    store = Store(tmp_path)
    of_moves, of_static = (store.find(f"lenet-digits/{each.setting.iloc[0]}") for each in (table, static))
    assert of_moves.moves == moves and of_static.moves is None
    for trial in range(2):
        ours, fixed = (store.load(setting, Key(TICKET, trial, 3)) for setting in (of_moves, of_static))
        assert masks.layer_counts(ours.mask) == masks.layer_counts(fixed.mask)
        assert masks.distance(ours.mask, fixed.mask) > 0
        assert all(not ours.weights[name][~kept].any() for name, kept in ours.mask.items())
    again = lthlib.hunt("lenet-digits", "smoke", moves=moves, results=tmp_path, progress=False, **options)
    assert again.equals(table)


def test_early_stop_before_a_move_is_stored_with_its_own_mask(tmp_path):
    from lthlib.storage import packing

    mask, early_mask = ({"w": torch.tensor(kept)} for kept in ([True, False, True], [True, True, False]))
    early, end = {"w": torch.tensor([1.0, 2.0, 0.0])}, {"w": torch.tensor([1.0, 0.0, 3.0])}
    raw = packing.pack(mask, {"weights": end, "start": None, "early_stop": early})
    found, states = packing.unpack(raw, {"w": [3]})
    assert torch.equal(found["w"], mask["w"]) and early_mask["w"].any()
    assert torch.equal(states["early_stop"]["w"], early["w"]) and torch.equal(states["weights"]["w"], end["w"])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"moves": "rigl"}, "moves 'rigl' was given with schedule 'iterative'.*take schedule 'untrained'"),
        ({"moves": "grow", "schedule": "untrained"}, "unknown moves 'grow'"),
        ({"moves": 3, "schedule": "untrained"}, "moves is 3: give one of set, rigl, gmp, or a lthlib.Moves"),
        (
            {"moves": Moves("set"), "schedule": "untrained"},
            "every is 100, but masks move until iteration 60 of 80: choose at most 60",
        ),
        ({"moves": Moves(every=10), "schedule": "untrained", "controls": "reinit"}, "control 'reinit' keeps the ticket's mask"),
    ],
)
def test_bad_requests_get_a_sentence(options, sentence, tmp_path):
    with pytest.raises(LotteryError, match=sentence):
        lthlib.hunt("lenet-digits", "smoke", results=tmp_path / "none", progress=False, **options)
    assert not (tmp_path / "none").exists()


def test_a_setting_without_moves_has_the_identity_it_had():
    assert "moves" not in Setting("lenet-digits").changes()
    assert Setting("lenet-digits").identity() != Setting("lenet-digits", schedule="untrained", moves=Moves(every=5)).identity()
