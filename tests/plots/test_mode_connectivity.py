"""The figures of instability: barriers between two copies, and what they are set against."""

import numpy as np
import pandas as pd
import pytest
from matplotlib import pyplot as plt

from lthlib.analysis import mode_connectivity
from lthlib.plots import mode_connectivity as barrier_plots


@pytest.fixture(scope="module")
def lines():
    """Two trials of a dense network and a ticket at two rewind points: a barrier of 40 points at 0, none at 10."""
    rows = []
    for k, level, trial in [(k, level, trial) for k in (10, 0) for level in (1, 0) for trial in (0, 1)]:
        names = {"task": "t", "setting": f"s{k}", "schedule": "iterative", "trial": trial, "redraw": 0, "level": level}
        for alpha in (0, 0.5, 1):
            error = 0.1 + 0.01 * trial + (0.4 if k == 0 and alpha == 0.5 else 0)
            rows.append({**names, "density": 0.2 if level else 1.0, "rewind": k, "alpha": alpha, "loss": 1.0, "error": error})
    return pd.DataFrame(rows)


def test_barriers_are_drawn_for_each_density_and_rewind_point(lines):
    figure = barrier_plots.barriers(lines)
    assert [axes.get_title() for axes in figure.axes] == ["dense", "ticket, 20.0 %"]
    drawn = [line.get_ydata() for line in figure.axes[0].lines if len(line.get_ydata())]
    np.testing.assert_allclose(drawn[0], [10.5, 50.5, 10.5])
    np.testing.assert_allclose(drawn[1], [10.5, 10.5, 10.5])
    assert [text.get_text() for text in figure.axes[-1].get_legend().texts] == ["k = 0", "k = 10"]
    assert "Ticket, 20.0 %, k = 0: 10.5 and 10.5 at the ends, at most 50.5 on the way." in figure.get_label()
    plt.close(figure)


def test_instability_and_accuracy_are_drawn_against_the_rewind_point(lines):
    found = mode_connectivity.instability(lines)
    rows = [(k, trial, name, k - trial) for k in (0, 10) for trial in (0, 1) for name in ("ticket", "shuffle")]
    differences = pd.DataFrame(rows, columns=["rewind", "trial", "name", "difference"])
    figure = barrier_plots.against_rewind(found, differences)
    left, right = figure.axes
    assert any(np.allclose(line.get_ydata(), [40, 0], atol=1e-6) for line in left.lines)
    assert any(np.allclose(line.get_ydata(), [mode_connectivity.STABLE] * 2) for line in left.lines)
    assert [text.get_text() for text in right.get_legend().texts] == ["ticket", "shuffle"]
    assert [text.get_text() for text in left.get_xticklabels()] == ["0", "10"]
    assert "Dense: 40.0 at k = 0, 0.0 at k = 10." in figure.get_label()
    assert "Shuffle: -0.5 at k = 0, 9.5 at k = 10." in figure.get_label()
    plt.close(figure)


def test_every_ticket_is_a_dot(lines):
    found = mode_connectivity.instability(lines)
    both = found[found.level == 1].assign(difference=[1.0, 2.0, -3.0, -4.0], name=lambda rows: "k = " + rows.rewind.astype(str))
    figure = barrier_plots.stability_and_accuracy(both)
    [axes] = figure.axes
    dots = sorted((x, y) for line in axes.lines if line.get_linestyle() == "None" for x, y in zip(*line.get_data()))
    np.testing.assert_allclose(dots, sorted(zip(both.instability, both.difference)))
    assert "4 tickets. k = 10: instability 0.0 to 0.0, difference 1.0 to 2.0." in figure.get_label()
    assert axes.get_xlim()[1] > 40
    plt.close(figure)


def test_barriers_between_levels_are_drawn_with_what_matches(lines):
    barriers = mode_connectivity.connectivity(lines[lines.level == 1])
    barriers["matches"] = barriers.rewind.map({0: "no", 10: "yes"})
    figure = barrier_plots.between_levels(barriers)
    [axes] = figure.axes
    marked = {
        line.get_fillstyle(): line.get_ydata()[0] for line in axes.lines if line.get_marker() != "None" and len(line.get_ydata())
    }
    assert marked == {"none": pytest.approx(40), "full": pytest.approx(0, abs=1e-6)}
    names = [text.get_text() for text in axes.get_legend().texts]
    assert names == ["k = 0", "k = 10", "matches dense", "does not match", "inconclusive", "connected: below 2"]
    assert "2 trials. K = 10, 20.0 %: 0.0, matches dense. K = 0, 20.0 %: 40.0, does not match." in figure.get_label()
    plt.close(figure)
