"""A film shows the networks that were trained, and comes back from its file as it was."""

import functools

import pytest
import torch

import lthlib
from lthlib import tasks
from lthlib.analysis import film
from lthlib.plots import drawings
from lthlib.storage import store

CHOSEN = {"levels": 2, "trials": 1, "iterations": 20, "evaluate_every": 10}


@pytest.fixture(scope="module")
def taken(tmp_path_factory):
    """Films of a short hunt: the ticket's and a control's, with the folder of the hunt."""
    folder = tmp_path_factory.mktemp("results")
    lthlib.hunt("lenet-digits", "smoke", controls="reinit", results=folder, progress=False, **CHOSEN)
    ready, units = tasks.prepare("lenet-digits", "smoke", **CHOSEN), functools.partial(drawings.busiest_units, most=5)
    films = {name: film.take(ready, name, 0, units, folder, iterations=(10,)) for name in ("ticket", "reinit")}
    return films, ready, folder


def test_a_film_ends_with_the_stored_weights(taken):
    films, ready, folder = taken
    ticket = films["ticket"]
    record = store.Store(folder).load(ready.setting, store.Key(store.TICKET, 0, 2))
    assert ticket.iterations == [0, 10, 20] and ticket.levels == 2
    for place, (name, weights) in enumerate(ticket.weights.items()):
        rows, columns = ticket.units[place + 1], ticket.units[place]
        kept, stored = (tensors[name][rows][:, columns] for tensors in (record.mask, record.weights))
        assert ((weights[2, -1] != 0) == kept.bool()).all()
        step = weights.abs().max() / film.STEPS
        assert torch.allclose(weights[2, -1][kept.bool()], stored[kept.bool()], atol=1.01 * float(step))
    networks = lthlib.summarise(lthlib.results(folder)).query("method == 'iterative'").sort_values("level")
    assert ticket.test.tolist() == pytest.approx(networks.test_accuracy.tolist())
    assert ticket.densities.tolist() == pytest.approx(networks.density.tolist())


def test_the_ticket_is_reset_and_reinit_is_not(taken):
    films, _, _ = taken
    begins = {name: next(iter(each.weights.values()))[:, 0] for name, each in films.items()}
    kept = begins["ticket"][1] != 0
    assert torch.equal(begins["ticket"][1][kept], begins["ticket"][0][kept])
    assert not torch.equal(begins["reinit"][1][kept], begins["reinit"][0][kept])
    assert ((begins["reinit"][1] != 0) == kept).all(), "the same mask"


def test_a_film_comes_back_from_its_file(taken, tmp_path):
    films, _, _ = taken
    path = film.write("lenet-digits", films, tmp_path)
    read = film.read("lenet-digits", tmp_path)
    assert set(read) == set(films)
    for name, each in films.items():
        for layer, weights in each.weights.items():
            assert torch.allclose(read[name].weights[layer], weights, atol=1e-6)
        assert (read[name].units, read[name].evaluated, read[name].sizes) == (each.units, each.evaluated, each.sizes)
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(lthlib.LotteryError, match="is damaged"):
        film.read("lenet-digits", tmp_path)
    assert film.read("lenet-mnist", tmp_path) == {}


def test_the_shipped_film_is_of_the_shipped_setting_and_small():
    films = film.read("lenet-mnist1d")
    assert sorted(films) == ["iterative", "oneshot", "random", "reinit", "shuffle"]
    shipped = lthlib.summarise(lthlib.atlas.read("lenet-mnist1d"))
    for method, each in films.items():
        rows = shipped[(shipped.setting == each.setting) & (shipped.trial == each.trial)]
        assert len(rows[rows.method == method]) >= each.levels
        assert each.densities[-1] < 0.06 and each.weights["output.weight"].shape[:2] == (15, 5)
    assert film._path("lenet-mnist1d", None).stat().st_size < 400_000
