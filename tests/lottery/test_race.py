"""Tickets of one's own: those of a hunt give its numbers again, and each is trained once."""

import dataclasses

import pandas as pd
import pytest
import torch

import lthlib
from lthlib import analysis, lottery
from lthlib.core.errors import LotteryError
from lthlib.lottery import race as racing
from lthlib.lottery.race import digest, race
from lthlib.storage.store import TICKET, Key, Store
from lthlib.tasks import find_task, resolve
from lthlib.training import engine

SHORT = {"levels": 1, "trials": 2, "iterations": 30, "evaluate_every": 10}
BY = {"device": "cpu", "workers": 1, "progress": False}


@pytest.fixture
def hunted(tmp_path):
    task = find_task("lenet-digits")
    table = lthlib.hunt(task, "smoke", controls="shuffle", results=tmp_path, **SHORT, **BY)
    setting, _ = resolve(task, "smoke", **SHORT)
    return table, lottery.Hunt(task, setting, task.build(), Store(tmp_path))


def own(search, method="ticket"):
    tickets = {}
    for trial in range(2):
        mask = search.next_mask(trial, 1)
        tickets["again", trial] = search.make_ticket(Key(TICKET if method == "ticket" else method, trial, 1), mask)
    return tickets


@pytest.mark.parametrize("method", ["ticket", "shuffle"])
def test_the_hunts_own_tickets_give_its_own_numbers(hunted, method):
    table, search = hunted
    raced = race(search, 1, own(search, method), **BY)
    assert list(raced.columns) == list(table.columns)
    whole = lthlib.summarise(table)
    wanted = whole[(whole.level == 1) & (whole.method == ("iterative" if method == "ticket" else method))]
    found = lthlib.summarise(raced)
    for column in ("test_accuracy", "final_test_accuracy", "early_stop", "density", "test_loss"):
        assert found[column].tolist() == wanted[column].tolist()


def test_a_ticket_is_trained_once_and_another_is_trained_anew(hunted, monkeypatch):
    _, search = hunted
    tickets, counted, train = own(search), [], engine.train

    def counting(given, *arguments, **named):
        counted.append(len(given))
        return train(given, *arguments, **named)

    monkeypatch.setattr(racing.engine, "train", counting)
    first = race(search, 1, tickets, **BY)
    assert race(search, 1, tickets, **BY).equals(first) and counted == [2]
    moved = {name: tensor.clone() for name, tensor in tickets["again", 1].weights.items()}
    moved["fc1.bias"] += 0.1
    race(search, 1, {**tickets, ("again", 1): dataclasses.replace(tickets["again", 1], weights=moved)}, **BY)
    assert counted == [2, 1]


def test_the_table_goes_beside_the_hunts(hunted):
    table, search = hunted
    whole = pd.concat([table, race(search, 1, own(search), **BY)], ignore_index=True)
    difference = analysis.pairs(whole, "again").difference
    assert difference.tolist() == [0, 0] and list(difference.index) == [(1, 0), (1, 1)]


def test_all_that_a_ticket_is_made_of_is_in_its_name(hunted):
    _, search = hunted
    ticket = own(search)["again", 0]
    flipped = {name: ~kept for name, kept in ticket.mask.items()}
    others = [
        dataclasses.replace(ticket, order_seed=ticket.order_seed + 1),
        dataclasses.replace(ticket, start=3),
        dataclasses.replace(ticket, mask=flipped),
        dataclasses.replace(ticket, frozen=flipped),
        dataclasses.replace(ticket, weights={**ticket.weights, "fc1.bias": torch.ones(300)}),
        dataclasses.replace(ticket, weights={**ticket.weights, "norm.num_batches_tracked": torch.tensor(3)}),
    ]
    names = [digest(each) for each in (ticket, *others)] + [digest(ticket, level=1)]
    assert len(set(names)) == len(names) and digest(dataclasses.replace(ticket)) == digest(ticket)


@pytest.mark.parametrize("name", ["reinit", "ticket", "iterative"])
def test_a_name_of_the_librarys_is_refused(hunted, name):
    _, search = hunted
    with pytest.raises(LotteryError, match=f"{name!r} is one of the library's"):
        race(search, 1, {(name, 0): own(search)["again", 0]}, **BY)
