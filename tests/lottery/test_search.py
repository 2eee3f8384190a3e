import dataclasses

import pandas as pd
import pytest
import torch
from torch import nn

import lthlib
from lthlib import lottery, models, settings, tasks
from lthlib.core import seeds
from lthlib.core.errors import LotteryError
from lthlib.lottery.controls import CONTROLS
from lthlib.lottery.search import Hunt, hunt
from lthlib.pruning import masks
from lthlib.settings import Extent
from lthlib.storage.store import TICKET, Key, Store
from lthlib.training import engine
from tests.models.networks import HeadFirst

SMALL = {"iterations": 40, "levels": 3, "trials": 2, "evaluate_every": 10, "device": "cpu", "progress": False}
PAPER_DENSITIES = {
    **{1: 80.04, 3: 51.28, 4: 41.05, 6: 26.32, 7: 21.07, 9: 13.52, 10: 10.83},
    **{11: 8.68, 12: 6.95, 14: 4.47, 15: 3.58, 16: 2.87, 19: 1.49},
}


def without_time(table):
    return table.drop(columns="seconds")


def the_hunt(task, folder=None, **chosen):
    """The Hunt behind a call of `hunt`, to ask for its masks and tickets."""
    setting, _ = tasks.resolve(task, "quick", **chosen)
    return Hunt(task, setting, task.build(), Store(folder))


def test_lenet_mnist_densities_equal_the_closed_form():
    network = models.LeNet(784, 10)
    weights, rates = models.prunable(network), models.layer_rates(network, 0.2)
    mask, counts = masks.ones(weights), {name: weight.numel() for name, weight in weights.items()}
    for level in range(1, 20):
        mask = masks.prune(mask, {name: weight.abs() for name, weight in weights.items()}, rates)
        closed = sum(count * (1 - rates[name]) ** level for name, count in counts.items()) / sum(counts.values())
        assert abs(100 * masks.density(mask) - 100 * closed) < 0.01
        if level in PAPER_DENSITIES:
            assert abs(100 * masks.density(mask) - PAPER_DENSITIES[level]) < 0.01


@pytest.mark.parametrize("schedule", [name for name in settings.SCHEDULES if name != "transferred"])
def test_densities_in_the_table_are_counted(own_task, schedule):
    table = hunt(own_task, schedule=schedule, **SMALL)
    found = table.groupby("level").density.first().tolist()
    counted = [96, 77, 61, 49] if schedule in settings.AT_ONCE else [96, 77, 62, 50]  # round(0.2 n), or 1 - 0.8^n at once
    assert found == pytest.approx([(kept + 48) / 144 for kept in counted])


def test_iterative_prunes_from_the_level_before_and_oneshot_from_dense(own_task):
    for schedule, sources in (("iterative", [0, 1, 2]), ("oneshot", [0, 0, 0])):
        hunt(own_task, schedule=schedule, **SMALL)
        search = the_hunt(own_task, iterations=40, evaluate_every=10, schedule=schedule)
        for level, source in enumerate(sources, 1):
            trained = search.store.load(search.setting, Key(TICKET, 1, source))
            mask = search.next_mask(1, level)["hidden.weight"]
            stored = search.store.load(search.setting, Key(TICKET, 1, level)).mask["hidden.weight"]
            assert torch.equal(mask, stored)
            size = trained.weights["hidden.weight"].abs()
            gone = trained.mask["hidden.weight"] & ~mask
            assert gone.any() and size[gone].max() <= size[mask].min()


def test_tickets_are_reset_to_theta_0(own_task):
    hunt(own_task, **SMALL)
    search = the_hunt(own_task, iterations=40, evaluate_every=10)
    theta_0 = models.initial_weights(own_task.build, seeds.seed_for(0, "weights", 1))
    for level in range(4):
        ticket = search.make_ticket(Key(TICKET, 1, level), search.next_mask(1, level))
        assert ticket.start == 0 and ticket.weights.keys() == theta_0.keys()
        assert all(torch.equal(ticket.weights[name], theta_0[name]) for name in theta_0)


def test_continued_trains_on_and_its_control_is_reset(own_task):
    options = {"iterations": 40, "evaluate_every": 10, "schedule": "continued", "rewind": 10}
    hunt(own_task, controls="reset", **{**SMALL, **options})
    search = the_hunt(own_task, **options)
    dense, before = (search.store.load(search.setting, Key(TICKET, 1, level)) for level in (0, 1))
    mask = search.next_mask(1, 2)
    ticket, reset = (search.make_ticket(Key(method, 1, 2), mask) for method in (TICKET, "reset"))
    assert ticket.start == reset.start == 10 and ticket.order_seed == reset.order_seed
    for name in dense.start:
        assert torch.equal(ticket.weights[name], before.weights[name]) and torch.equal(reset.weights[name], dense.start[name])
    with pytest.raises(LotteryError, match="'reset' is the ticket itself under schedule 'iterative'"):
        hunt(own_task, controls="reset", **SMALL)


def test_reset_has_nothing_to_draw_again():
    assert lottery.level_keys(1, Extent(1, 2, redraws=3), ["reset"])[2:] == [Key("reset", 0, 1), Key("reset", 1, 1)]


def test_rewinding_resets_to_theta_k(own_task):
    table = hunt(own_task, rewind=20, **SMALL)
    assert table[table.level == 1].iteration.min() == 20
    search = the_hunt(own_task, iterations=40, evaluate_every=10, rewind=20)
    ticket = search.make_ticket(Key(TICKET, 0, 1), search.next_mask(0, 1))
    shorter = dataclasses.replace(search.setting.recipe, iterations=20)
    dense = search.make_ticket(Key(TICKET, 0, 0), search.next_mask(0, 0))
    [(_, trained)] = engine.train([dense], shorter, own_task.dataset, model=own_task.build(), device="cpu")
    assert ticket.start == 20
    assert all(torch.equal(ticket.weights[name], trained.weights[name]) for name in trained.weights)


def test_every_control_does_what_its_name_says(own_task):
    hunt(own_task, **SMALL)
    search = the_hunt(own_task, iterations=40, evaluate_every=10)
    mask = search.next_mask(0, 2)
    ticket = search.make_ticket(Key(TICKET, 0, 2), mask)
    same_mask = lambda other: all(torch.equal(other.mask[name], mask[name]) for name in mask)  # noqa: E731
    same_theta = lambda other: torch.equal(other.weights["hidden.weight"], ticket.weights["hidden.weight"])  # noqa: E731
    controls = {name: [search.make_ticket(Key(name, 0, 2, redraw), mask) for redraw in (0, 1)] for name in list(CONTROLS)[:3]}
    expected = {"reinit": (True, False), "shuffle": (False, True), "random": (False, False)}
    for name, (first, second) in controls.items():
        assert (same_mask(first), same_theta(first)) == expected[name], name
        assert masks.layer_counts(first.mask) == masks.layer_counts(mask), name
        assert first.order_seed == ticket.order_seed == second.order_seed, name
        assert not same_mask(second) or not same_theta(second)
        same_redraw = torch.equal(first.weights["hidden.weight"], second.weights["hidden.weight"])
        assert not same_redraw or not torch.equal(first.mask["hidden.weight"], second.mask["hidden.weight"]), name
    whole = masks.ones(models.prunable(search.network))
    dense, level_0 = search.make_ticket(Key("dense", 0, 0), whole), search.make_ticket(Key(TICKET, 0, 0), whole)
    assert masks.density(dense.mask) == 1 and dense.order_seed != level_0.order_seed
    assert torch.equal(dense.weights["hidden.weight"], level_0.weights["hidden.weight"])


def test_which_controls_are_at_which_level(own_task):
    table = lthlib.summarise(hunt(own_task, controls="reinit,shuffle,random,dense", redraws=2, **SMALL))
    counts = table.groupby(["level", "method"]).size().unstack(fill_value=0)
    assert counts.loc[0].to_dict() == {"dense": 4, "iterative": 2, "random": 0, "reinit": 0, "shuffle": 0}
    assert all(counts.loc[n].to_dict() == {"dense": 0, "iterative": 2, "random": 4, "reinit": 4, "shuffle": 4} for n in (1, 2, 3))
    assert set(table[table.method == "dense"].density) == {1.0}
    assert table.groupby("level").density.nunique().max() == 1


def test_same_seed_same_numbers_bit_for_bit(own_task, tmp_path, monkeypatch):
    monkeypatch.setattr(engine, "WORTH_WORKERS", 0)
    tables = [hunt(own_task, controls="reinit", results=tmp_path / str(n), workers=n, **SMALL) for n in (1, 2)]
    pd.testing.assert_frame_equal(*map(without_time, tables), check_exact=True)
    first, second = (the_hunt(own_task, tmp_path / str(n), iterations=40, evaluate_every=10) for n in (1, 2))
    for level in range(4):
        a, b = (search.store.load(search.setting, Key(TICKET, 1, level)) for search in (first, second))
        assert all(torch.equal(a.weights[name], b.weights[name]) for name in a.weights)
    other = hunt(own_task, controls="reinit", seed=1, results=tmp_path / "other", **SMALL)
    assert not without_time(other).equals(without_time(tables[0]))


def test_the_second_time_computes_nothing(own_task, monkeypatch):
    first = hunt(own_task, controls="reinit", **SMALL)
    monkeypatch.setattr(engine, "train", lambda *_, **__: pytest.fail("trained again"))
    pd.testing.assert_frame_equal(first, hunt(own_task, controls="reinit", **SMALL), check_exact=True)
    fewer = hunt(own_task, **{**SMALL, "levels": 1, "trials": 1})
    assert set(fewer.level) == {0, 1} and set(fewer.trial) == {0} and set(fewer.method) == {"iterative"}


def test_an_interrupted_hunt_goes_on_and_ends_the_same(own_task, tmp_path, monkeypatch):
    whole = hunt(own_task, controls="reinit", results=tmp_path / "whole", **SMALL)
    save, saved = Store.save, []

    def interrupted(store, setting, key, record):
        if len(saved) in (3, 8):
            saved.append("interrupt")
            raise KeyboardInterrupt
        saved.append(key)
        save(store, setting, key, record)

    monkeypatch.setattr(Store, "save", interrupted)
    for _ in range(2):
        with pytest.raises(KeyboardInterrupt):
            hunt(own_task, controls="reinit", results=tmp_path / "cut", **SMALL)
    cut = hunt(own_task, controls="reinit", results=tmp_path / "cut", **SMALL)
    pd.testing.assert_frame_equal(without_time(whole), without_time(cut), check_exact=True)
    keys = [key for key in saved if key != "interrupt"]
    assert len(keys) == len(set(keys)) == 14, "a finished network was trained again"


def test_a_damaged_level_is_computed_again(own_task, capsys):
    first = hunt(own_task, **SMALL)
    search = the_hunt(own_task, iterations=40, evaluate_every=10)
    path = search.store.path(search.setting, Key(TICKET, 0, 2)).with_suffix(".safetensors")
    path.write_bytes(path.read_bytes()[:-1])
    again = hunt(own_task, **SMALL)
    assert path.name in capsys.readouterr().err
    pd.testing.assert_frame_equal(without_time(first), without_time(again), check_exact=True)
    assert search.store.has(search.setting, Key(TICKET, 0, 2))


def test_another_rate_shares_level_0(own_task, monkeypatch):
    hunt(own_task, **SMALL)
    trained = []
    train = Hunt.train
    monkeypatch.setattr(Hunt, "train", lambda self, tickets, *a, **k: trained.extend(tickets) or train(self, tickets, *a, **k))
    table = hunt(own_task, rate=0.5, **SMALL)
    assert {key.level for key in trained} == {1, 2, 3} and set(table.level) == {0, 1, 2, 3}
    assert len(hunt(own_task, rate=0.4, **{**SMALL, "levels": 0})) > 0


def test_trials_of_level_0_that_are_asked_for_are_returned(own_task):
    hunt(own_task, rate=0.5, **{**SMALL, "levels": 1, "trials": 1})
    table = hunt(own_task, rate=0.5, **{**SMALL, "levels": 0, "trials": 3})
    assert set(table.trial) == {0, 1, 2} and table.level.dtype.kind == "i"


def test_results_reads_everything(own_task):
    hunt(own_task, controls="reinit", **SMALL)
    hunt(own_task, schedule="oneshot", **SMALL)
    table = lthlib.results()
    assert set(zip(table.schedule, table.method)) == {("iterative", "iterative"), ("iterative", "reinit"), ("oneshot", "oneshot")}
    assert set(table[table.schedule == "oneshot"].level) == {0, 1, 2, 3}


def test_results_of_an_empty_store_and_of_no_store(tmp_path):
    Store(tmp_path / "new")
    assert lthlib.results(tmp_path / "new").empty
    with pytest.raises(lthlib.LotteryError, match="a hunt has written"):
        lthlib.results(tmp_path / "typo")
    assert not (tmp_path / "typo").exists()


def test_other_scopes_scores_and_optimisers_run(own_task):
    table = hunt(own_task, scope="global", score="random", optimizer="sgd", learning_rate=0.1, momentum=0.9, **SMALL)
    assert lthlib.summarise(table).test_accuracy.min() > 0.34


def test_the_callers_random_numbers_stay(own_task):
    state = torch.random.get_rng_state()
    hunt(own_task, **SMALL)
    assert torch.equal(torch.random.get_rng_state(), state)


def test_level_keys():
    keys = lottery.level_keys(2, Extent(levels=3, trials=2, redraws=3), ("reinit", "dense"))
    assert keys[:2] == [Key(TICKET, 0, 2), Key(TICKET, 1, 2)] and len(keys) == 2 + 6


def test_a_plain_module_of_a_user(blobs):
    task = lthlib.Task("blobs-plain", blobs, lambda _: nn.Sequential(nn.Linear(6, 12), nn.Tanh(), nn.Linear(12, 3)))
    table = lthlib.summarise(hunt(task, **SMALL))
    assert table[table.level == 3].density.iloc[0] == pytest.approx((37 + 18) / 108, abs=0.01)


@pytest.mark.parametrize("frozen", ["head", "b"])
@pytest.mark.parametrize("structure", ["weights", "units"])
def test_a_frozen_layer_is_neither_pruned_nor_trained(blobs, frozen, structure):
    def build(_):
        network = HeadFirst()
        network.get_submodule(frozen).requires_grad_(False)
        return network

    task = lthlib.Task(f"frozen-{frozen}", blobs, build)
    hunt(task, structure=structure, weight_decay=0.1, rate=0.5, controls="shuffle,constant", **SMALL)
    search = the_hunt(task, structure=structure, weight_decay=0.1, rate=0.5, iterations=40, evaluate_every=10)
    theta_0 = search.theta_k(0)
    for level in (0, 3):
        record = search.store.load(search.setting, Key(TICKET, 0, level))
        assert f"{frozen}.weight" not in record.mask and len(record.mask) == 2
        for part in ("weight", "bias"):
            assert torch.equal(record.weights[f"{frozen}.{part}"], theta_0[f"{frozen}.{part}"])
        assert not torch.equal(record.weights["a.weight"], theta_0["a.weight"])


def test_an_entirely_frozen_network_is_refused_before_anything_is_written(blobs, tmp_path):
    task = lthlib.Task("frozen-all", blobs, lambda _: HeadFirst().requires_grad_(False))
    with pytest.raises(LotteryError, match="unfreeze some of head.weight, a.weight, b.weight"):
        hunt(task, results=tmp_path / "none", **SMALL)
    assert not (tmp_path / "none").exists()


def test_real_mnist_learns(mnist_folder, monkeypatch):
    monkeypatch.setenv("LTHLIB_DATA", str(mnist_folder))
    table = lthlib.summarise(hunt("lenet-mnist", iterations=300, levels=1, trials=1, device="cpu", progress=False))
    assert table.test_accuracy.min() > 0.9 and table.density.tolist() == [1.0, 213_060 / 266_200]
