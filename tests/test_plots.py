import matplotlib
import pytest
import torch

matplotlib.use("Agg")
from lthlib import lottery, plots  # noqa: E402


@pytest.fixture
def table(own_task):
    return lottery.hunt(own_task, levels=2, trials=2, iterations=20, controls="reinit,dense", progress=False)


@pytest.mark.parametrize("measure", plots.LABELS)
def test_density_curves_show_every_method_on_a_reversed_log_axis(table, measure):
    axes = plots.density_curves(table, measure).axes[0]
    left, right = axes.get_xlim()
    assert left > right and axes.get_xscale() == "log"
    assert [text.get_text() for text in axes.get_legend().texts[:2]] == ["iterative", "reinit"]
    assert axes.get_xlabel() == "weights remaining (%)" and axes.get_ylabel() == plots.LABELS[measure]
    assert len(axes.collections) == 2, "a band from minimum to maximum for each method"


@pytest.mark.parametrize("shape", [(3, 4, 5), (4, 5), (20,)])
def test_input_maps_take_images_and_signals(shape):
    figure = plots.input_maps(
        {"a": torch.arange(60 if len(shape) == 3 else 20), "b": torch.zeros(60 if len(shape) == 3 else 20)}, shape
    )
    assert [axes.get_title() for axes in figure.axes[:2]] == ["a", "b"]


def test_show_describes_and_saves(table, tmp_path, monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", shown.append)
    plots.show(plots.density_curves(table), 'two lines, "iterative" & <reinit>', save=tmp_path / "new" / "figure.png")
    assert 'alt="two lines, &quot;iterative&quot; &amp; &lt;reinit&gt;"' in shown[0].data
    assert (tmp_path / "new" / "figure.png").stat().st_size > 10_000
