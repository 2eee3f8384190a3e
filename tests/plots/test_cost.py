"""The figures of cheap tickets say what they show."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from lthlib.plots import cost as cost_plots


def test_the_figures_say_what_they_show():
    distance = np.array([[0, 0.2, 0.4], [0.2, 0, 0.3], [0.4, 0.3, 0]])
    figure = cost_plots.distances({"50 %": distance, "7 %": distance / 2}, [0, 50, 100])
    assert "50 %, from the mask at 100: 0: 0.400, 50: 0.300" in figure.get_label()
    figure = cost_plots.against({"a": {0: [1, 2, 3], 10: [3, 4, 5]}}, "iteration", "accuracy", {"random": [0.0, 1, 2]})
    assert "a: 2 at 0, 4 at 10" in figure.get_label() and "random: 1" in figure.get_label()
    accounts = pd.DataFrame(
        {"method": ["dense"] * 3 + ["x: 1"] * 3 + ["y"] * 3, "trial": [0, 1, 2] * 3,
         "value": [70.0, 71, 72, 50, 51, 52, 60, 61, 62], "iterations": [100] * 3 + [110] * 3 + [400] * 3}
    )  # fmt: skip
    figure = cost_plots.accuracy_against_cost(accounts)
    text, axes = figure.get_label(), figure.axes[0]
    assert [words.get_text() for words in axes.texts] == ["1", "2"]
    named = [words.get_text() for legend in figure.legends for words in legend.get_texts()]
    expected = ["dense", "Pareto front of the means", "x", "y", "x: 1", "y"]
    assert sorted(named) == sorted(expected), "a family has one entry, and so has a method on the front"
    assert "dense: 71.0" in text and "cheapest first: 1 x: 1: 51.0 for 1.10; 2 y: 61.0 for 4.00." in text
    assert "2 methods" in text, "the dense networks are cheaper and better, and no tickets"
    assert "own: 2.0" in cost_plots.side_by_side({"own": [1, 2, 3], "other": [0.0, 1]}, "points", zero=True).get_label()
    plt.close("all")


def test_lines_and_methods_of_one_place_stand_apart():
    line = {0: [1.0, 2, 3], 10: [3.0, 4, 5], 100: [3.0, 4, 5]}
    figure = cost_plots.against({"a": line, "b": line}, "iteration", "accuracy")
    first, second = (np.asarray(container.lines[0].get_xdata(), float) for container in figure.axes[0].containers)
    assert (first < second).all() and np.allclose(first, second, rtol=0.1)
    names = ["dense", "x: 1", "x: 2", "y"]
    prices = dict(zip(names, (100, 100, 101, 400)))
    accounts = pd.DataFrame(
        [{"method": m, "trial": t, "value": 50.0 + t, "iterations": prices[m]} for m in names for t in range(3)]
    )
    figure = cost_plots.accuracy_against_cost(accounts)
    places = [float(container.lines[0].get_xdata()[0]) for container in figure.axes[0].containers]
    assert places[0] < 1 < places[1] and places[2] == 4
    plt.close("all")
