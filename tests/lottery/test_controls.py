"""Schedules and controls beyond the first paper: what each ticket starts from, and what of it is trained."""

import dataclasses

import pytest
import torch
from torch import nn

import lthlib
from lthlib import models, tasks
from lthlib.analysis import training_cost
from lthlib.core.errors import LotteryError
from lthlib.lottery import controls
from lthlib.lottery.controls import CONTROLS, check_controls
from lthlib.lottery.search import Hunt, hunt
from lthlib.pruning import allocation, masks, structured
from lthlib.storage.store import TICKET, Key, Store
from lthlib.training import engine
from lthlib.training.stack import Ticket

SMALL = {"iterations": 40, "levels": 3, "trials": 2, "evaluate_every": 10, "device": "cpu", "progress": False}
BRIEF = {"iterations": 40, "evaluate_every": 10}


def the_hunt(task, **chosen):
    setting, _ = tasks.resolve(task, "quick", **{**BRIEF, **chosen})
    return Hunt(task, setting, task.build(), Store(None))


def test_untrained_prunes_theta_k(own_task):
    for rewind in (0, 20):
        hunt(own_task, schedule="untrained", rewind=rewind, **SMALL)
        search = the_hunt(own_task, schedule="untrained", rewind=rewind)
        theta = search.store.load(search.setting, Key(TICKET, 1, 0)).start["hidden.weight"].abs()
        for level in (1, 3):
            record = search.store.load(search.setting, Key(TICKET, 1, level))
            kept = record.mask["hidden.weight"]
            assert theta[kept].min() >= theta[~kept].max() and record.history["iteration"][0] == rewind


def test_finetuning_stays_at_the_last_learning_rate(own_task):
    chosen = {"schedule": "finetuned", "milestones": (10, 20), "warmup": 5, "learning_rate": 0.1, "optimizer": "sgd"}
    search = the_hunt(own_task, **chosen)
    rates = lambda level: {search.recipe(level).learning_rate_at(i) for i in range(40)}  # noqa: E731
    assert max(rates(0)) == 0.1 and list(rates(1)) == list(rates(2)) == [pytest.approx(0.001)]
    assert the_hunt(own_task, **{**chosen, "schedule": "continued"}).recipe(1).learning_rate_at(7) == 0.1
    hunt(own_task, **SMALL, **chosen)
    before = search.store.load(search.setting, Key(TICKET, 0, 1)).weights
    ticket = search.make_ticket(Key(TICKET, 0, 2), search.next_mask(0, 2))
    assert all(torch.equal(ticket.weights[name], before[name]) for name in before)


def test_the_inverted_mask_keeps_what_the_ticket_removes(own_task):
    hunt(own_task, rate=0.5, schedule="oneshot", controls="invert", **SMALL)
    search = the_hunt(own_task, rate=0.5, schedule="oneshot")
    ticket, inverted = (search.next_mask(0, 1, invert)["hidden.weight"] for invert in (False, True))
    assert torch.equal(inverted, ~ticket), "at half, one mask is what the other leaves"
    stored = search.store.load(search.setting, Key("invert", 0, 1)).mask["hidden.weight"]
    assert torch.equal(stored, inverted)


@pytest.mark.parametrize("rewind", [0, 20])
def test_a_fork_is_the_ticket_under_another_order(own_task, rewind):
    table = hunt(own_task, controls="fork", rewind=rewind, **SMALL)
    counts = lthlib.summarise(table).groupby(["level", "method"]).size()
    assert all(counts[level, "fork"] == 2 for level in range(4))
    search = the_hunt(own_task, rewind=rewind)
    for level in (0, 2):
        mask = search.next_mask(1, level)
        ticket, fork = (search.make_ticket(Key(method, 1, level), mask) for method in (TICKET, "fork"))
        theta_k = search.store.load(search.setting, Key(TICKET, 1, 0)).start
        assert fork.start == rewind and fork.order_seed != ticket.order_seed
        assert all(torch.equal(fork.mask[name], mask[name]) for name in mask)
        assert all(torch.equal(fork.weights[name], theta_k[name]) for name in theta_k)
        a, b = (search.store.load(search.setting, Key(method, 1, level)).weights for method in (TICKET, "fork"))
        assert not torch.equal(a["hidden.weight"], b["hidden.weight"])


def weights_and_mask(own_task):
    theta, new = (models.initial_weights(own_task.build, seed) for seed in (0, 1))
    mask = {name: torch.rand(weight.shape) > 0.4 for name, weight in models.prunable(own_task.build()).items()}
    return theta, new, mask


WEIGHTS = ["reinit_signs", "reshuffle", "reshuffle_signs", "constant", "constant_signs"]


@pytest.mark.parametrize("method", WEIGHTS)
def test_replaced_weights_keep_what_their_name_says(own_task, method):
    theta, new, mask = weights_and_mask(own_task)
    made = getattr(controls, method)(theta, mask, new, seed=3)
    assert all(torch.equal(made[name], theta[name]) for name in theta if name not in mask)
    for name, kept in mask.items():
        before, after = theta[name][kept], made[name][kept]
        if "signs" in method:
            assert torch.equal(before.sign(), after.sign())
        else:
            assert not torch.equal(before.sign(), after.sign())
        if method.startswith("reshuffle"):
            assert torch.equal(before.abs().sort().values, after.abs().sort().values) and not torch.equal(before, after)
        if method == "reshuffle":
            assert torch.equal(before.sort().values, after.sort().values)
        if method.startswith("constant"):
            assert torch.allclose(after.abs(), theta[name].std(correction=0).expand_as(after))
        if method == "reinit_signs":
            assert torch.equal(after.abs(), new[name][kept].abs())


def test_frozen_weights_stay_and_the_others_are_zero(own_task):
    theta, end, mask = weights_and_mask(own_task)
    recipe = dataclasses.replace(
        tasks.resolve(own_task, "quick", **BRIEF)[0].recipe, optimizer="sgd", momentum=0.9, weight_decay=0.1
    )
    made = [Ticket(theta, mask, 5, frozen=choose(mask, theta, end)) for choose in (controls.frozen, controls.frozen_away)]
    for stack in (None, 3):
        tickets = [*made, Ticket(theta, mask, 5)]
        trained = dict(engine.train(tickets, recipe, own_task.dataset, model=own_task.build(), device="cpu", stack=stack))
        for name, kept in mask.items():
            away = end[name].abs() > theta[name].abs()
            expected = [theta[name], torch.where(away, theta[name], 0), torch.zeros_like(theta[name])]
            for index, values in enumerate(expected):
                found = trained[index].weights[name]
                assert torch.equal(found[~kept], values[~kept])
                assert not torch.equal(found[kept], theta[name][kept])


def test_every_control_runs_and_is_in_the_table(own_task):
    every = [name for name in check_controls(",".join(CONTROLS)) if name != "reset"]
    table = lthlib.summarise(hunt(own_task, controls=every, **{**SMALL, "levels": 1, "trials": 1}))
    assert set(table.method) == {"iterative", *every}


def layer_shapes():
    return {"conv": (8, 3, 3, 3), "fc": (40, 72), "out": (10, 40)}


@pytest.mark.parametrize("density", [0.02, 0.1, 0.5, 0.9, 1.0])
def test_erk_densities_are_the_closed_form(density):
    shapes = layer_shapes()
    found = allocation.erk_densities(shapes, density)
    sizes = {name: torch.Size(shape).numel() for name, shape in shapes.items()}
    assert sum(found[n] * sizes[n] for n in shapes) == pytest.approx(density * sum(sizes.values()))
    assert max(found.values()) <= 1 + 1e-12
    free = [name for name in shapes if found[name] < 1 - 1e-9]
    scale = [found[n] * sizes[n] / sum(shapes[n]) for n in free]  # density over (n_in + n_out + h + w) / n
    assert scale == pytest.approx(scale[:1] * len(scale))
    whole = [name for name in shapes if name not in free]
    assert all(sum(shapes[n]) / sizes[n] >= max([sum(shapes[m]) / sizes[m] for m in free], default=0) for n in whole)


def test_groups_keep_exactly_so_many_of_four(blobs):
    build = lambda _: nn.Sequential(nn.Linear(6, 16), nn.ReLU(), nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3))  # noqa: E731
    own = lthlib.Task("blobs-deep", blobs, build)
    hunt(own, structure="groups", **SMALL)
    search = the_hunt(own, structure="groups")
    for level in range(4):
        mask = search.store.load(search.setting, Key(TICKET, 0, level)).mask
        for name, kept in mask.items():
            if name != "0.weight":
                assert set(kept.reshape(-1, 4).sum(1).tolist()) == {4 - level}, name
            else:
                assert kept.all(), name
    best = structured.prune_in_groups(
        {"w": torch.ones(1, 8, dtype=torch.bool)}, {"w": torch.tensor([[1.0, 4, 2, 3, 8, 7, 9, 6]])}, 2
    )
    assert best["w"].tolist() == [[False, True, False, True, True, False, True, False]]


def test_units_go_as_a_whole_and_the_weakest_first(own_task):
    hunt(own_task, structure="units", rate=0.25, **SMALL)
    search = the_hunt(own_task, structure="units", rate=0.25)
    dense = search.store.load(search.setting, Key(TICKET, 0, 0))
    mask = search.store.load(search.setting, Key(TICKET, 0, 1)).mask
    *hidden, last = mask
    assert mask[last].all()
    for name in hidden:
        alive = mask[name].flatten(1).any(1)
        assert torch.equal(alive, mask[name].flatten(1).all(1)) and int((~alive).sum()) == round(0.25 * len(alive))
        sums = dense.weights[name].abs().flatten(1).sum(1)
        assert sums[alive].min() >= sums[~alive].max()
    one = {"w": torch.tensor([[True, True], [False, False]])}
    assert structured.prune_units(one, {"w": torch.rand(2, 2)}, {"w": 0.9})["w"].any(), "the last unit stays"


def test_scopes_by_layer(own_task):
    for scope in ("uniform", "erk"):
        hunt(own_task, scope=scope, rate=0.5, **SMALL)
        search = the_hunt(own_task, scope=scope, rate=0.5)
        rates = models.layer_rates(search.network, 0.5)
        shapes = {name: tuple(weight.shape) for name, weight in models.prunable(search.network).items() if rates[name]}
        assert len(shapes) < len(rates), "the task has a layer that is kept whole"
        for level in (1, 3):
            found = masks.layer_densities(search.store.load(search.setting, Key(TICKET, 0, level)).mask)
            expected = allocation.erk_densities(shapes, 0.5**level) if scope == "erk" else dict.fromkeys(shapes, 0.5**level)
            assert all(found[name] == 1 for name in rates if name not in shapes)
            for name, density in expected.items():
                assert found[name] == pytest.approx(density, abs=level / torch.Size(shapes[name]).numel())


def test_a_criterion_of_many_rounds_meets_the_count_that_one_round_meets(own_task):
    """Rounding a hundred times must not add up."""
    network = own_task.build()
    weights = {name: torch.rand(7, 13) for name in models.prunable(network)}
    for scope in ("layer", "global"):
        ones = masks.ones(weights)
        rates, pruned = dict.fromkeys(ones, 0.9), ones
        for step in range(1, 101):
            shares = allocation.rates_toward(rates, ones, pruned, step / 100, scope)
            pruned = masks.prune(pruned, weights, shares, scope)
        once = masks.prune(ones, weights, rates, scope)
        for name, kept in once.items():
            assert abs(int(pruned[name].sum()) - int(kept.sum())) <= 1


def test_what_cannot_be_pruned_so_is_refused(own_task):
    with pytest.raises(LotteryError, match="levels is 4, but structure 'groups'"):
        hunt(own_task, structure="groups", **{**SMALL, "levels": 4})
    with pytest.raises(LotteryError, match="scope 'global' chooses single weights"):
        hunt(own_task, structure="units", scope="global", **SMALL)
    with pytest.raises(LotteryError, match="unknown structure 'unit': did you mean 'units'"):
        hunt(own_task, structure="unit", **SMALL)
    with pytest.raises(LotteryError, match="5 of 4 cannot be kept"):
        structured.prune_in_groups({}, {}, 5)
    with pytest.raises(LotteryError, match="the density is 1.5"):
        allocation.erk_densities(layer_shapes(), 1.5)


def test_masks_are_transferred_trial_by_trial_and_level_by_level(own_task):
    source = hunt(own_task, rate=0.5, **{**SMALL, "iterations": 20})
    for given in (source, f"{own_task.name}/{source.setting.iloc[0]}"):
        table = hunt(own_task, schedule="transferred", source=given, controls="shuffle,reinit", optimizer="sgd", **SMALL)
    search = the_hunt(own_task, schedule="transferred", source=given, optimizer="sgd")
    origin = search.store.find(given)
    for key in (Key(TICKET, 0, 1), Key(TICKET, 1, 3)):
        mask, theirs = (search.store.load(setting, key).mask for setting in (search.setting, origin))
        assert all(torch.equal(mask[name], theirs[name]) for name in mask)
        theta_0 = search.store.load(search.setting, Key(TICKET, key.trial, 0)).start
        ticket = search.make_ticket(key, mask)
        assert all(torch.equal(ticket.weights[name], theta_0[name]) for name in theta_0)
        assert not torch.equal(
            theirs["hidden.weight"], search.store.load(origin, Key(TICKET, 1 - key.trial, 1)).mask["hidden.weight"]
        )
    densities = table.groupby("level").density.first()
    assert densities.tolist() == source.groupby("level").density.first().tolist()
    assert training_cost.iterations_spent(search.setting, 2, origin) == 20 + 20 + 40
    with pytest.raises(LotteryError, match="give that setting as source"):
        training_cost.iterations_spent(search.setting, 2)


def test_what_cannot_be_transferred_is_refused(own_task, blobs):
    source = hunt(own_task, **SMALL)
    options = {"schedule": "transferred", "source": source, "seed": 1}
    with pytest.raises(LotteryError, match="has no ticket of trial 2, level 1: hunt there"):
        hunt(own_task, **{**SMALL, "trials": 3}, **options)
    with pytest.raises(LotteryError, match="has no ticket of trial 0, level 4"):
        hunt(own_task, **{**SMALL, "levels": 4}, **options)
    with pytest.raises(LotteryError, match="do not fit the network of task 'blobs-other'"):
        hunt(lthlib.Task("blobs-other", blobs, lambda _: nn.Linear(6, 3)), **SMALL, **options)
    with pytest.raises(LotteryError, match="there is no setting 'blobs-own/123abc'"):
        hunt(own_task, **SMALL, **{**options, "source": "blobs-own/123abc"})
    with pytest.raises(LotteryError, match="schedule 'transferred' needs the hunt"):
        hunt(own_task, schedule="transferred", **SMALL)
    with pytest.raises(LotteryError, match="and no other takes one"):
        hunt(own_task, source=source, **SMALL)
    with pytest.raises(LotteryError, match="control 'invert' needs scores"):
        hunt(own_task, controls="invert", **SMALL, **options)
