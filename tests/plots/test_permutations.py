"""Figures of permutations: what is drawn are the numbers, and the description says them."""

import numpy as np
import pandas as pd
import torch
from matplotlib import pyplot as plt

from lthlib import analysis
from lthlib.plots import permutations as pictures


def test_likeness_is_drawn_on_one_scale_and_told_on_and_off_the_diagonal():
    matrix = torch.full((4, 4), 0.1) + 0.7 * torch.eye(4)
    figure = pictures.likeness({"as they stand": matrix.flip(0), "in A's order": matrix})
    images = [axes.images[0] for axes in figure.axes[:2]]
    assert [axes.get_title() for axes in figure.axes[:2]] == ["as they stand", "in A's order"]
    assert np.allclose(images[1].get_array(), matrix.numpy()) and {image.get_clim() for image in images} == {(-1, 1)}
    assert "As they stand: 0.10 and 0.33; In A's order: 0.80 and 0.10." in figure.get_label()
    plt.close(figure)


def test_lines_are_drawn_by_order():
    rows = [
        (order, trial, alpha, 0.1 + 0.01 * trial + high * (alpha == 0.5))
        for order, high in (("as they stand", 0.5), ("matched", 0.02))
        for trial in range(3)
        for alpha in (0, 0.5, 1)
    ]
    figure = pictures.lines(pd.DataFrame(rows, columns=["order", "trial", "alpha", "error"]))
    drawn = [line.get_ydata() for line in figure.axes[0].lines if len(line.get_ydata())]
    np.testing.assert_allclose(drawn[0], [11, 61, 11])
    assert "as they stand: 11.0 and 11.0 at the ends, at most 61.0 on the way." in figure.get_label()
    assert [text.get_text() for text in figure.axes[0].get_legend().texts] == ["as they stand", "matched"]
    plt.close(figure)


def test_barriers_are_drawn_against_width():
    rows = [
        (order, trial, width, base / width) for order, base in (("a", 900), ("b", 90)) for trial in (0, 1) for width in (30, 300)
    ]
    figure = pictures.by_width(pd.DataFrame(rows, columns=["order", "trial", "width", "barrier"]))
    [axes] = figure.axes
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["30", "300"]
    assert any(np.allclose(line.get_ydata(), [30, 3]) for line in axes.lines if len(line.get_ydata()) == 2)
    assert "b: 3.0 at 30, 0.3 at 300." in figure.get_label() and "2 pairs at each width" in figure.get_label()
    plt.close(figure)


def test_routes_show_each_trial_and_the_bounds_of_the_mean():
    differences = pd.DataFrame({"as it is": [-4.0, -5.0, -6.0], "aligned": [-1.0, 0.0, -0.5]})
    figure = pictures.routes(differences, 2.5, "own ticket")
    low, high = analysis.bounds(differences["as it is"])
    assert f"as it is: -5.0 ({low:+.1f} to {high:+.1f})." in figure.get_label()
    assert [tick.get_text() for tick in figure.axes[0].get_yticklabels()] == list(differences)
    plt.close(figure)
    few = pictures.routes(differences.iloc[:2], 2.5, "own ticket")
    assert "as it is: -4.5." in few.get_label()
    plt.close(few)
