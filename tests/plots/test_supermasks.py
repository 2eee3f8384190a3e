"""The figures of lesson 11: accuracy of networks that are never trained, and errors of sums."""

import pandas as pd
import pytest
from matplotlib import pyplot as plt

from lthlib.plots import style
from lthlib.plots import supermasks as figures


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def rows(*kinds):
    table = [(kind, at, value) for kind in kinds for at in (5.0, 50.0) for value in (at / 10, at / 10 + 2)]
    return pd.DataFrame(table, columns=["kind", "weights", "accuracy"])


def test_accuracies_have_the_methods_colours_and_bands_of_trials():
    figure = figures.accuracies(rows(figures.STRONG, figures.TICKET, figures.SHUFFLE), "weights", "weights remaining (%)")
    [axes] = figure.axes
    left, right = axes.get_xlim()
    assert left > right and axes.get_xscale() == "log"
    names = [text.get_text() for text in axes.get_legend().get_texts()]
    assert names == [figures.STRONG, figures.TICKET, figures.SHUFFLE]
    colours = [line.get_color() for line in axes.get_legend().get_lines()]
    assert colours[1:] == [style.METHODS["iterative"].colour, style.METHODS["shuffle"].colour]
    low, high = (axes.collections[0].get_paths()[0].vertices[:, 1].min(), axes.collections[0].get_paths()[0].vertices[:, 1].max())
    assert (low, high) == pytest.approx((0.5, 7))
    assert "strong ticket: 1.5 at 5, 6.0 at 50." in figure.get_label()


def test_accuracies_against_another_number_are_not_reversed():
    figure = figures.accuracies(
        rows("normal", "signed constant").assign(weights=lambda t: t.weights / 5), "weights", "width", base=2
    )
    [axes] = figure.axes
    assert axes.get_xlim()[0] < axes.get_xlim()[1]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["1", "10"]


def test_errors_are_medians_with_the_middle_half():
    values = pd.DataFrame([("one", n, error / n) for n in (1, 2) for error in (1, 2, 3, 4, 5)], columns=["kind", "n", "error"])
    figure = figures.errors(values, "candidates", "error, median")
    [axes] = figure.axes
    assert list(axes.lines[0].get_ydata()) == [3, 1.5] and axes.get_yscale() == "log"
    band = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (band.min(), band.max()) == pytest.approx((1, 4))
    assert figure.get_label() == "Error, median against candidates. one: 3 at 1, 1.5 at 2."
