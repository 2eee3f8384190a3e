"""The figures of a double descent, of few examples, and of reliability: what they draw is what they were given."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from lthlib import data
from lthlib.analysis import calibration, descents
from lthlib.core.errors import LotteryError
from lthlib.plots import descent
from tests.analysis.test_descents import TEST, TRAIN, networks


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


LEVELS = len(TRAIN)


def distances(trials=2, levels=LEVELS):
    rows = [
        (trial, level, 0.6**level, 10.0 + trial - level, 100, 0.5 + level) for trial in range(trials) for level in range(levels)
    ]
    return pd.DataFrame(rows, columns=["trial", "level", "density", "distance", "moves", "per_weight"])


def test_accuracies_lie_above_and_distances_below_and_the_parts_are_named():
    table = networks(TRAIN, TEST, trials=2, noise=0.0)
    figure = descent.double_descent(table, descents.parts(table, 0.4), distances(), "a task")
    above, middle, below = figure.axes
    lines = {line.get_label(): line for line in above.lines}
    assert list(lines["test, at the end"].get_ydata()) == pytest.approx([100 * accuracy for accuracy in TEST])
    assert list(lines["training labels, at the end"].get_ydata()) == pytest.approx([100 * fitted for fitted in TRAIN])
    assert list(middle.lines[0].get_ydata())[:3] == pytest.approx([10.5, 9.5, 8.5])
    assert list(below.lines[0].get_ydata())[:3] == pytest.approx([0.5, 1.5, 2.5])
    assert middle.lines[1].get_ydata()[0] == 10.5 and below.lines[1].get_ydata()[0] == 0.5
    assert [text.get_text() for text in above.texts] == ["dense", "just fits", "sweet", "collapsed"]
    left, right = below.get_xlim()
    assert left > right and below.get_xscale() == "log"
    said = figure.get_label()
    assert "2 trials" in said and "just fits 36 to 21.6 %" in said and "test, at the end: dense 65.0 %, sparsest 60.0 %" in said


def test_parts_without_levels_are_left_out():
    table = networks(TRAIN[:3], TEST[:3], trials=2)
    figure = descent.double_descent(table, descents.parts(table, 0.4), distances(levels=3))
    assert [text.get_text() for text in figure.axes[0].texts] == ["dense", "just fits"]


@pytest.mark.parametrize("name", ["digits", "mnist1d"])
def test_wrong_labels_are_marked_beside_the_right_ones(name):
    right = data.load(name)
    ours = data.noisy_labels(right, 0.5)
    figure = descent.labelled_examples(right, ours, 8)
    pairs = zip(right.train.targets[:8].tolist(), ours.train.targets[:8].tolist())
    titles = [f"{b}" if a == b else f"{b} (not {a})" for a, b in pairs]
    assert [axes.get_title() for axes in figure.axes] == titles
    assert any("not" in title for title in titles) and "in place of" in figure.get_label()


def test_differences_by_number_of_examples():
    rows = [(n, name, p, p - 1, p + 1) for name in ("minus dense", "minus reinit") for n, p in ((100, 1.0), (1000, 2.0))]
    figure = descent.small_data(pd.DataFrame(rows, columns=["examples", "against", "points", "low", "high"]))
    [axes] = figure.axes
    assert axes.get_xscale() == "log" and [tick.get_text() for tick in axes.get_xticklabels()] == ["100", "1,000"]
    assert "minus dense: +1.0 at 100, +2.0 at 1000" in figure.get_label()


def test_a_reliability_diagram_has_a_bar_and_a_gap_for_each_bin():
    random = np.random.default_rng(0)
    confidence = random.uniform(0.4, 1, 500)
    right = random.random(500) < confidence - 0.2
    table = calibration.bins(confidence, right, 5)
    figure = descent.reliability({"dense": table, "ticket": table}, columns=2)
    bars = figure.axes[0].patches
    assert len(figure.axes) == 2 and len(bars) == 2 * len(table)
    assert [bar.get_height() for bar in bars[::2]] == pytest.approx(table.accuracy.tolist())
    tops = [bar.get_y() + bar.get_height() for bar in bars[1::2]]
    assert tops == pytest.approx(table.confidence.tolist())
    error = calibration.calibration_error(confidence, right, 5)
    assert f"gap {100 * error:.1f} points" in figure.get_label()
    with pytest.raises(LotteryError, match="no reliability diagram"):
        descent.reliability({})
