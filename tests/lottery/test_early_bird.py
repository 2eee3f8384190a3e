"""Distances by chance against all masks there are, the rule against a plain loop, early weights against rewinding."""

import itertools
from collections import deque

import numpy as np
import pytest
import torch

from lthlib import hunt, models, tasks
from lthlib.core.errors import LotteryError
from lthlib.core.seeds import seed_for
from lthlib.lottery import early_bird
from lthlib.pruning import masks
from lthlib.storage.store import TICKET, Key, Store


def every_mask(size, kept):
    for places in itertools.combinations(range(size), kept):
        yield torch.zeros(size, dtype=torch.bool).index_fill(0, torch.tensor(places, dtype=torch.long), True)


@pytest.mark.parametrize(("first", "second"), [((2, 1), (2, 1)), ((3, 1), (1, 0)), ((5, 3), (4, 2))])
def test_distance_by_chance_is_the_mean_over_all_masks(first, second):
    sizes = (5, 3)
    draws = lambda kept: list(itertools.product(*(every_mask(size, count) for size, count in zip(sizes, kept))))  # noqa: E731
    pairs = [({"a": a, "b": b}, {"a": c, "b": d}) for a, b in draws(first) for c, d in draws(second)]
    mean = sum(masks.distance(*pair) for pair in pairs) / len(pairs)
    assert all(early_bird.expected_distance(*pair) == pytest.approx(mean, abs=1e-6) for pair in (pairs[0], pairs[-1]))


def some_masks(count, density, change, seed=0):
    random, mask = torch.Generator().manual_seed(seed), torch.zeros(400, dtype=torch.bool)
    mask[: int(400 * density)] = True
    found = []
    for _ in range(count):
        place = torch.randperm(400, generator=random)[:change]
        moved = mask.clone()
        moved[place] = mask[place.roll(1)]
        mask = moved
        found.append({"w": mask})
    return found


def test_the_matrix_by_pairs():
    over_time = some_masks(6, 0.3, 60)
    found, share = early_bird.mask_distances(over_time), early_bird.mask_distances(over_time, of_chance=True)
    assert (found == found.T).all() and (found.diagonal() == 0).all()
    assert found[4, 1] == masks.distance(over_time[4], over_time[1]) > 0
    assert share[4, 1] == pytest.approx(found[4, 1] / (2 * 0.3 * 0.7))


def test_the_rule_against_a_queue():
    random, answers = np.random.default_rng(0), set()
    for _ in range(200):
        over_time = [{"w": torch.from_numpy(random.random(50) < 0.1 + 0.5 * (random.random() < 0.15))} for _ in range(9)]
        queue, expected = deque(maxlen=4), None
        for place, newest in enumerate(over_time):
            queue.append(newest)
            near = [masks.distance(newest, old) <= 0.2 for old in list(queue)[:-1]]
            if expected is None and len(near) == 3 and all(near):
                expected = place
        assert early_bird.settled_at(early_bird.mask_distances(over_time), window=4, within=0.2) == expected
        answers.add(expected)
    assert None in answers and len(answers) > 3, "the draws are of all kinds"
    with pytest.raises(LotteryError, match="window is 1"):
        early_bird.settled_at(np.zeros((3, 3)), window=1)


def test_random_masks_of_five_percent_pass_the_rule():
    random = torch.Generator().manual_seed(0)
    drawn = lambda density: [{"w": torch.rand(40_000, generator=random) < density} for _ in range(5)]  # noqa: E731
    assert early_bird.settled_at(early_bird.mask_distances(drawn(0.04))) == 4
    assert early_bird.settled_at(early_bird.mask_distances(drawn(0.3))) is None
    assert early_bird.settled_at(early_bird.mask_distances(drawn(0.04), of_chance=True)) is None


def test_early_weights_are_those_of_a_longer_training(own_task):
    options = {"trials": 2, "progress": False, "evaluate_every": 10}
    found = early_bird.weights_at(own_task, [0, 7, 12], seed=3, **options)
    hunt(own_task, levels=0, iterations=20, rewind=7, seed=3, **options)
    setting, _ = tasks.resolve(own_task, iterations=20, rewind=7, seed=3, evaluate_every=10)
    for trial in range(2):
        start = Store().load(setting, Key(TICKET, trial, 0)).start
        assert all(torch.equal(found[7][trial][name], tensor) for name, tensor in start.items())
        initial = models.initial_weights(own_task.build, seed_for(3, "weights", trial))
        assert all(torch.equal(found[0][trial][name], tensor) for name, tensor in initial.items())
        assert not torch.equal(found[12][trial]["hidden.weight"], found[7][trial]["hidden.weight"])
    with pytest.raises(LotteryError, match="time -1 is no iteration"):
        early_bird.weights_at(own_task, [-1], **options)


@pytest.mark.parametrize("structure", ["weights", "units"])
def test_masks_are_those_of_oneshot_pruning(own_task, structure):
    how = {"rate": 0.4, "structure": structure}
    options = {"trials": 2, "progress": False, "iterations": 15}
    hunt(own_task, schedule="oneshot", levels=2, **how, **options)
    states = early_bird.weights_at(own_task, [15], **{k: v for k, v in options.items() if k != "iterations"})[15]
    setting, _ = tasks.resolve(own_task, schedule="oneshot", iterations=15, **how)
    for trial, mask in enumerate(early_bird.masks_of(own_task, states, 2, **how)):
        theirs = Store().load(setting, Key(TICKET, trial, 2)).mask
        assert all(torch.equal(mask[name], theirs[name]) for name in theirs)
