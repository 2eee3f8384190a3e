"""Distances, the parts of a density curve, and the verdicts on down, up and down again."""

import math

import numpy as np
import pandas as pd
import pytest
import torch

import lthlib
from lthlib import data, tasks
from lthlib.analysis import descents, distance, weigh
from lthlib.core.errors import LotteryError
from lthlib.pruning import masks
from lthlib.storage.networks import MARKS, MEASURES, NETWORK
from lthlib.storage.store import TICKET, Key, Store


def networks(train, test, trials=5, noise=0.01, seed=0):
    """A summary with these accuracies by level, and a little noise by trial."""
    random, rows = np.random.default_rng(seed), []
    for trial in range(trials):
        for level, (fitted, accuracy) in enumerate(zip(train, test)):
            row = dict.fromkeys((*NETWORK, *MEASURES, *MARKS), 0.0)
            row |= {"task": "t", "setting": "s", "schedule": "iterative", "method": "iterative", "trial": trial}
            row |= {"level": level, "redraw": 0, "density": 0.6**level, "diverged": False}
            row |= {"final_train_accuracy": fitted, "final_test_accuracy": accuracy + noise * random.standard_normal()}
            rows.append(row)
    return pd.DataFrame(rows)


TRAIN = [1.0, 1.0, 0.99, 0.97, 0.9, 0.75, 0.63, 0.61, 0.58, 0.5, 0.4]
TEST = [0.65, 0.64, 0.62, 0.60, 0.66, 0.75, 0.84, 0.86, 0.85, 0.75, 0.6]


def test_the_parts_are_found_by_training_accuracy_alone():
    found = descents.parts(networks(TRAIN, TEST), 0.4)
    assert found == {"dense": [0], "just fits": [2, 3], "sweet": [6, 7, 8], "collapsed": [9, 10]}
    assert descents.parts(networks(TRAIN, TEST[::-1]), 0.4) == found
    assert descents.parts(networks(TRAIN[:4], TEST[:4]), 0.4) == {"dense": [0], "just fits": [2, 3], "sweet": [], "collapsed": []}


def test_without_dense_networks_that_fit_there_are_no_parts():
    found = descents.parts(networks([0.9, *TRAIN[1:]], TEST), 0.4)
    assert found == {"dense": [0], "just fits": [], "sweet": [], "collapsed": []}


def test_a_share_that_is_none_is_said():
    for share in (0, 1, -0.2):
        with pytest.raises(LotteryError, match="wrong is"):
            descents.parts(networks(TRAIN, TEST), share)


def test_means_and_steps_by_hand():
    table = networks(TRAIN, TEST, noise=0.0)
    means = descents.part_means(table, descents.parts(table, 0.4))
    assert means.iloc[0].round(6).to_dict() == {"dense": 65.0, "just fits": 61.0, "sweet": 85.0, "collapsed": 67.5}
    found = descents.steps(means)
    assert {name: round(known.mean, 6) for name, known in found.items()} == {"down": -4.0, "up": 24.0, "down again": -17.5}
    few = descents.steps(means.drop(columns="sweet"))
    assert list(few) == ["down"]


def test_a_double_descent_is_seen_and_its_opposite_refuted():
    table = networks(TRAIN, TEST)
    found = descents.steps(descents.part_means(table, descents.parts(table, 0.4)))
    assert descents.answers(found) == {"down": "yes", "up": "yes", "down again": "yes"}
    mirrored = networks(TRAIN, [1 - accuracy for accuracy in TEST])
    found = descents.steps(descents.part_means(mirrored, descents.parts(mirrored, 0.4)))
    assert descents.answers(found) == {"down": "no", "up": "no", "down again": "no"}
    flat = networks(TRAIN, [0.7] * len(TRAIN), noise=0.05, seed=1)
    found = descents.steps(descents.part_means(flat, descents.parts(flat, 0.4)))
    assert set(descents.answers(found).values()) == {"cannot tell"}


def test_answers_are_corrected_for_how_many_are_asked():
    """One of three with p = 0.03 alone is not shown, and is by itself."""
    known = weigh([-0.2, -1.0, -1.9, -0.6, -0.1])
    p = weigh([0.2, 1.0, 1.9, 0.6, 0.1]).p_value(0)
    assert 0.05 / 3 < p < 0.05
    alone = descents.answers({"down": known})
    assert alone == {"down": "yes", "up": "no such levels", "down again": "no such levels"}
    nothing = weigh([0.1, -0.1, 0.2, -0.2, 0.0])
    assert descents.answers({"down": known, "up": nothing, "down again": nothing})["down"] == "cannot tell"
    assert descents.answers({"down": weigh([-1.0, -1.1])})["down"] == "cannot tell"


def test_identical_networks_are_seldom_called_a_double_descent():
    """Of flat curves at least one of three claims is called shown in about 5 %, whatever the side."""
    said = 0
    for seed in range(300):
        flat = networks(TRAIN, [0.7] * len(TRAIN), noise=0.02, seed=seed)
        found = descents.steps(descents.part_means(flat, descents.parts(flat, 0.4)))
        said += "yes" in descents.answers(found).values()
    assert said / 300 < 0.09


def test_distance_is_a_norm_over_what_is_kept():
    start = {"w": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "b": torch.tensor([0.0, 0.0])}
    end = {"w": torch.tensor([[4.0, 2.0], [0.0, 0.0]]), "b": torch.tensor([0.0, 4.0])}
    assert distance.moved(start, end, {"w": torch.tensor([[1, 1], [0, 0]])}) == (5.0, 4)
    everything, count = distance.moved(start, end, {})
    flat = torch.cat([(end[name] - start[name]).flatten() for name in start])
    assert everything == pytest.approx(float(torch.linalg.vector_norm(flat))) and count == 6


@pytest.mark.parametrize(
    ("end", "mask", "says"),
    [
        ({"w": torch.zeros(2)}, {}, "differ in names or shapes"),
        ({"w": torch.zeros(3), "b": torch.zeros(1)}, {}, "differ in names or shapes"),
        ({"w": torch.zeros(2), "b": torch.zeros(1)}, {"v": torch.ones(2)}, "mask names 'v'"),
    ],
)
def test_a_distance_between_two_networks_is_refused(end, mask, says):
    with pytest.raises(LotteryError, match=says):
        distance.moved({"w": torch.zeros(2), "b": torch.zeros(1)}, end, mask)


@pytest.fixture(scope="module")
def hunted(tmp_path_factory):
    base, results = tasks.TASKS["lenet-digits"], tmp_path_factory.mktemp("results")
    task = tasks.Task("lenet-few", data.noisy_labels(data.fewer_examples(base.dataset, 60), 0.4), base.model)
    few = {"trials": 2, "iterations": 30, "evaluate_every": 30, "levels": 2, "rate": 0.5, "progress": False}
    return task, lthlib.hunt(task, "smoke", **few, results=results), results


def test_distances_of_a_hunt_are_those_of_its_weights(hunted):
    task, table, results = hunted
    found = distance.by_network(task, table, results)
    assert len(found) == 6 and list(found) == distance.COLUMNS
    store = Store(results)
    setting = store.settings()[0]
    for row in found.itertuples():
        start = store.load(setting, Key(TICKET, row.trial, 0)).start
        record = store.load(setting, Key(TICKET, row.trial, row.level))
        squares = [(record.weights[n] - masks.apply(record.mask, start)[n]).square().sum() for n in start]
        assert row.distance == pytest.approx(math.sqrt(float(sum(squares))), rel=1e-5) and row.distance > 0
        assert row.moves == sum(int(kept.sum()) for kept in record.mask.values()) + 410
        assert row.per_weight == pytest.approx(row.distance / math.sqrt(row.moves))
    assert found.density.min() < 0.3


def test_how_alike_distance_and_error_are_ranked(hunted):
    from scipy.stats import spearmanr

    _, table, _ = hunted
    networks = lthlib.summarise(table)
    made = pd.DataFrame([(t, level, d) for t in (0, 1) for level, d in ((0, 3.0), (1, 1.0), (2, 2.0))])
    made.columns = ["trial", "level", "distance"]
    for trial, found in enumerate(descents.follows(made, table)):
        accuracy = networks[networks.trial == trial].sort_values("level").final_test_accuracy
        assert found == pytest.approx(spearmanr([3, 1, 2], 1 - accuracy).statistic)
    with pytest.raises(LotteryError, match="needs 3 or more"):
        descents.follows(made[made.level < 2], table)
