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
    planned = batches(keys, workers, dense_apart=trials == 2)
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
    *full_ones, last = batches(keys_of(12, trials), workers)
    together = min(workers, trials)  # no more tickets than trials can be trained at once
    assert all(len(batch) % together == 0 for batch in full_ones) and len(last) <= trials
    turns = sum(-(-len(batch) // workers) for batch in [*full_ones, last])
    assert turns <= -(-13 * trials // together) + 1, "as few turns as networks, dependencies and workers allow, or one more"
    assert turns <= 13 * -(-trials // workers), "never more than level by level"


def test_with_one_worker_levels_come_one_after_the_other():
    planned = batches(keys_of(3, 2, ("reinit",)), 1)
    assert [sorted(by_level(batch)) for batch in planned] == [[0], [1], [2], [3]]


def test_the_first_batches_of_three_trials_on_two_cores():
    planned = batches(keys_of(2, 3), 2)
    names = [[(key.trial, key.level) for key in batch] for batch in planned]
    assert names == [[(0, 0), (1, 0)], [(2, 0), (0, 1)], [(1, 1), (2, 1)], [(0, 2), (1, 2)], [(2, 2)]]


def test_level_0_is_by_itself_where_it_is_asked_for():
    dense, *later = batches(keys_of(2, 3), 2, dense_apart=True)
    assert dense == [Key(TICKET, trial, 0) for trial in range(3)]
    assert all(key.level > 0 for batch in later for key in batch)


def test_forks_of_level_0_are_a_batch_after_their_dense_networks():
    planned = batches(keys_of(2, 3, ("fork",)), 2)
    assert planned[0] == [Key(TICKET, trial, 0) for trial in range(3)]
    assert planned[1] == [Key("fork", trial, 0) for trial in range(3)]


def test_what_is_stored_holds_nobody_up():
    keys = [key for key in keys_of(4, 3) if not (key.trial == 0 and key.level < 3)]
    planned = batches(keys, 2)
    assert planned[0] == [Key(TICKET, 1, 0), Key(TICKET, 2, 0)]
    assert planned[1] == [Key(TICKET, 1, 1), Key(TICKET, 2, 1)], "trial 0 goes on at level 3, once lower levels are through"
    assert batches([], 2) == []
