"""Batches: every network once, after those it is made from, and workers kept busy."""

import pytest

from lthlib.lottery.batches import batches, by_level
from lthlib.lottery.search import level_keys
from lthlib.settings import Extent
from lthlib.storage.store import TICKET, Key


def keys_of(levels, trials, controls=(), redraws=1):
    extent = Extent(levels=levels, trials=trials, redraws=redraws)
    return [key for level in range(levels + 1) for key in level_keys(level, extent, controls)]


@pytest.mark.parametrize("workers", [1, 2, 3, 4, 16])
@pytest.mark.parametrize("trials", [1, 2, 3, 5])
@pytest.mark.parametrize("controls", [(), ("reinit",), ("reinit", "shuffle", "fork")])
def test_every_network_comes_once_and_after_those_it_is_made_from(workers, trials, controls):
    keys = keys_of(6, trials, controls, redraws=2)
    planned = batches(keys, workers)
    assert sorted(repr(key) for batch in planned for key in batch) == sorted(map(repr, keys))
    trained: set[Key] = set()
    for batch in planned:
        for key in batch:
            below = {Key(TICKET, key.trial, level) for level in range(key.level)}
            assert below <= trained, f"{key} is made from tickets of earlier batches"
            if key.method == "fork" and key.level == 0:
                assert Key(TICKET, key.trial, 0) in trained
        trained |= set(batch)


@pytest.mark.parametrize(("trials", "workers"), [(3, 2), (5, 2), (5, 4), (3, 4), (7, 3)])
def test_no_worker_is_idle_while_a_ticket_is_ready(trials, workers):
    planned = batches(keys_of(12, trials), workers)
    dense, *later, last = planned
    assert len(dense) == trials
    full = min(workers, trials)  # no more tickets than trials can be trained at once
    assert all(len(batch) % full == 0 for batch in later)
    assert len(last) <= trials
    turns = sum(-(-len(batch) // workers) for batch in [*later, last])
    level_by_level = 12 * -(-trials // workers)
    assert turns <= -(-12 * trials // full) + 1 and turns <= level_by_level


def test_with_one_worker_levels_come_one_after_the_other():
    planned = batches(keys_of(3, 2, ("reinit",)), 1)
    assert [sorted(by_level(batch)) for batch in planned] == [[0], [1], [2], [3]]


def test_level_0_is_by_itself_and_its_forks_after_it():
    planned = batches(keys_of(2, 3, ("fork",)), 2)
    assert {key.method for key in planned[0]} == {TICKET} and set(by_level(planned[0])) == {0}
    assert {key.method for key in planned[1]} == {"fork"} and set(by_level(planned[1])) == {0}


def test_what_is_stored_holds_nobody_up():
    keys = [key for key in keys_of(4, 3) if not (key.trial == 0 and key.level < 3)]
    planned = batches(keys, 2)
    assert planned[0] == [Key(TICKET, 1, 0), Key(TICKET, 2, 0)]
    assert planned[1] == [Key(TICKET, 1, 1), Key(TICKET, 2, 1)], "trial 0 goes on at level 3, after lower levels"
    assert batches([], 2) == []
