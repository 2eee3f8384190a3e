"""The figures of scope and structure: shares of layers, bits in storage, measured speeds."""

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from lthlib.analysis import efficiency
from lthlib.plots import efficiency as efficiency_plots


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_layer_shares_are_lines_of_percent():
    shares = pd.DataFrame({"uniform": [0.1, 0.1], "erk": [0.05, 0.8]}, index=["fc1.weight", "output.weight"])
    figure = efficiency_plots.layer_shares(shares)
    [axes] = figure.axes
    assert [list(line.get_ydata()) for line in axes.lines] == [[10, 10], [5, 80]]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["fc1", "output"] and axes.get_yscale() == "log"
    assert "erk: fc1 5 %, output 80 %" in figure.get_label()


def test_storage_shows_files_as_dots_and_formulas_as_lines():
    rows = [(d, name, 1.1 * efficiency.bits_per_weight(d, name)) for d in (1, 0.1, 0.01) for name in ("dense", "bits", "csr")]
    figure = efficiency_plots.storage(pd.DataFrame(rows, columns=["density", "format", "bits"]))
    [axes] = figure.axes
    left, right = axes.get_xlim()
    assert left > right and axes.get_xscale() == "log"
    dots, line = axes.lines[2], axes.lines[3]
    assert list(dots.get_ydata()) == pytest.approx([1.1 * 33, 1.1 * 4.2, 1.1 * 1.32])
    at = dict(zip(line.get_xdata(), line.get_ydata()))
    assert at[max(at)] == pytest.approx(33) and at[min(at)] == pytest.approx(1.32)
    assert "bits: 36.3 at 100 %, 1.45 at 1 %" in figure.get_label()


def test_speeds_show_a_panel_a_band_and_the_promise():
    rows = [(p, r, d, t, t / 2, 2 * t) for p in "ab" for r in ("csr", "removed") for d, t in ((0.1, 2.0), (0.5, 4.0))]
    figure = efficiency_plots.speeds(pd.DataFrame(rows, columns=["panel", "runner", "density", "times", "low", "high"]))
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == ["a", "b"]
    promised = shown[0].lines[1]
    assert dict(zip(promised.get_xdata(), promised.get_ydata())) == pytest.approx({50: 2, 10: 10})
    assert len(shown[0].collections) == 2, "a band for each runner"
    assert "from 50 to 10 %" in figure.get_label() and "b, removed: 4 to 2" in figure.get_label()
