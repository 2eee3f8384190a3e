"""Lesson 13: the exercises in both directions, and its figures."""

import matplotlib
import pandas as pd
import pytest
import torch

matplotlib.use("Agg")
from lthlib.analysis import efficiency  # noqa: E402
from lthlib.exercises import WrongAnswer  # noqa: E402
from lthlib.exercises import structure as exercises  # noqa: E402
from lthlib.plots import efficiency as compact_plots  # noqa: E402
from tests.conftest import ROOT  # noqa: E402
from tests.test_lessons import solutions  # noqa: E402

SOLUTIONS = solutions(ROOT / "notebooks" / "13_scope_and_structure.ipynb")


def test_the_solutions_pass(capsys):
    exercises.check_seconds(SOLUTIONS["seconds"])
    exercises.check_done(SOLUTIONS["done"])
    exercises.check_remove(SOLUTIONS["remove"])
    assert capsys.readouterr().out.count("Right") == 3


def test_what_is_not_tried_is_not_wrong(capsys):
    exercises.check_seconds(lambda run, prepare, clock: None)
    exercises.check_done(lambda weight, kernel: None)
    exercises.check_remove(lambda *tensors: None)
    assert capsys.readouterr().out.count("not tried yet") == 3


def timed(warm=1, calls=9, anew=False, pick=lambda readings: sorted(readings)[len(readings) // 2]):
    """A benchmark that is right, or wrong in what its arguments say."""

    def seconds(run, prepare, clock):
        inputs = prepare()
        for _ in range(warm):
            run(inputs)
        readings = []
        for _ in range(calls):
            began = clock()
            run(prepare() if anew else inputs)
            readings.append(clock() - began)
        return pick(readings)

    return seconds


def in_the_notebook(run, prepare, clock):
    began = clock()
    run(prepare())
    return clock() - began


def of_all_calls(run, prepare, clock):
    inputs = prepare()
    run(inputs)
    began = clock()
    for _ in range(9):
        run(inputs)
    return clock() - began


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (in_the_notebook, "making the inputs"),
        (timed(anew=True), "making the inputs"),
        (timed(warm=0, calls=1), "first call"),
        (timed(warm=1, calls=1), "too few"),
        (timed(pick=lambda readings: sum(readings) / len(readings)), "take the median"),
        (timed(pick=min), "luck"),
        (of_all_calls, "not the time of one call"),
        (lambda run, prepare, clock: 1.0, "what prepare"),
    ],
)
def test_wrong_benchmarks_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_seconds(wrong)


def kernels(**wrong):
    return lambda weight, kernel: wrong.get(kernel, SOLUTIONS["done"])(*((weight,) if kernel in wrong else (weight, kernel)))


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda weight, kernel: int((weight != 0).sum()), "multiplies zeros"),
        (kernels(csr=torch.numel), "each stored weight"),
        (kernels(**{"2:4": lambda weight: int((weight != 0).sum())}), "two of every four"),
        (kernels(units=lambda weight: int((weight != 0).sum())), "its zeros are multiplied"),
        (kernels(units=lambda weight: int((weight != 0).any(1).sum()) * weight.shape[1]), "rows and columns"),
    ],
)
def test_wrong_counts_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_done(wrong)


def change_in_place(weight1, bias1, weight2, bias2, empty):
    bias2 += weight2[:, empty] @ torch.relu(bias1[empty])
    return weight1[~empty], bias1[~empty], weight2[:, ~empty], bias2


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (lambda w1, b1, w2, b2, e: (w1, b1, w2, b2), "3 rows are left"),
        (lambda w1, b1, w2, b2, e: (w1[~e], b1, w2, b2), "takes its bias along"),
        (lambda w1, b1, w2, b2, e: (w1[~e], b1[~e], w2, b2), "still reads units"),
        (lambda w1, b1, w2, b2, e: (w1[~e], b1[~e], w2[:, ~e], b2), "off by a constant"),
        (lambda w1, b1, w2, b2, e: (w1[~e], b1[~e], w2[:, ~e], b2 + w2[:, e] @ b1[e]), "relu of them"),
        (lambda w1, b1, w2, b2, e: (w1[~e], b1[~e], w2[:, ~e], b2 - w2[:, e] @ b1[e].relu()), "outputs differ"),
        (lambda w1, b1, w2, b2, e: w1[~e], "four things"),
        (change_in_place, "argument has changed"),
    ],
)
def test_wrong_removals_are_told_why(wrong, says):
    with pytest.raises(WrongAnswer, match=says):
        exercises.check_remove(wrong)


@pytest.fixture(autouse=True)
def closed():
    yield
    matplotlib.pyplot.close("all")


def test_layer_shares_are_lines_of_percent():
    shares = pd.DataFrame({"uniform": [0.1, 0.1], "erk": [0.05, 0.8]}, index=["fc1.weight", "output.weight"])
    figure = compact_plots.layer_shares(shares)
    [axes] = figure.axes
    assert [list(line.get_ydata()) for line in axes.lines] == [[10, 10], [5, 80]]
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["fc1", "output"] and axes.get_yscale() == "log"
    assert "erk: fc1 5 %, output 80 %" in figure.get_label()


def test_storage_shows_files_as_dots_and_formulas_as_lines():
    rows = [(d, name, 1.1 * efficiency.bits_per_weight(d, name)) for d in (1, 0.1, 0.01) for name in ("dense", "bits", "csr")]
    figure = compact_plots.storage(pd.DataFrame(rows, columns=["density", "format", "bits"]))
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
    figure = compact_plots.speeds(pd.DataFrame(rows, columns=["panel", "runner", "density", "times", "low", "high"]))
    shown = [axes for axes in figure.axes if axes.get_visible()]
    assert [axes.get_title() for axes in shown] == ["a", "b"]
    promised = shown[0].lines[1]
    assert dict(zip(promised.get_xdata(), promised.get_ydata())) == pytest.approx({50: 2, 10: 10})
    assert len(shown[0].collections) == 2, "a band for each runner"
    assert "from 50 to 10 %" in figure.get_label() and "b, removed: 4 to 2" in figure.get_label()
