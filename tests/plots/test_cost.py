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
    named = [words.get_text() for words in axes.get_legend().get_texts()]
    assert sorted(named) == sorted(["dense", "Pareto front of the means", "x", "y"]), "a family has one entry"
    assert "dense: 71.0" in text and "x: 1: 51.0 for 1.10." in text
    assert text.endswith("On the front, numbered: x: 1, y."), "the dense networks are cheaper and better, and no tickets"
    assert "own: 2.0" in cost_plots.side_by_side({"own": [1, 2, 3], "other": [0.0, 1]}, "points", zero=True).get_label()
    plt.close("all")
