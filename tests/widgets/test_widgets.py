"""The explorer and the laboratory, moved by direct calls: an exception inside a callback reaches the test."""

import base64
import io
import re

import ipywidgets
import pytest
from PIL import Image

import lthlib
from lthlib import widgets
from lthlib.lottery.controls import CONTROLS
from lthlib.widgets import explorer as explorer_module
from lthlib.widgets import lab_choices
from lthlib.widgets.background import BackgroundHunt
from lthlib.widgets.panels import Panels


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Digits at two rates, iterative with two controls, and one-shot at one of the rates."""
    folder = tmp_path_factory.mktemp("results")
    common = {"trials": 2, "iterations": 40, "evaluate_every": 10, "results": folder, "progress": False}
    lthlib.hunt("lenet-digits", "smoke", levels=3, rate=0.2, controls="reinit,shuffle", **common)
    lthlib.hunt("lenet-digits", "smoke", levels=3, rate=0.2, schedule="oneshot", **common)
    lthlib.hunt("lenet-digits", "smoke", levels=2, rate=0.5, **common)
    return folder


@pytest.fixture
def explorer(folder):
    return widgets.explore(folder)


def picture(explorer):
    source = re.search('src="data:image/png;base64,([^"]+)"', explorer.picture.value).group(1)
    return Image.open(io.BytesIO(base64.b64decode(source))).tobytes()


def caption(explorer):
    return re.search("<figcaption[^>]*>(.*)</figcaption>", explorer.picture.value).group(1)


def test_every_slider_changes_picture_and_words(explorer):
    assert [value for _, value in explorer.rate.options] == [0.2, 0.5]
    assert [label for label, _ in explorer.density.options][:2] == ["100 %", "80.2 %"]
    assert [value for _, value in explorer.method.options] == ["iterative", "oneshot", "reinit", "shuffle"]
    for slider in (explorer.density, explorer.method, explorer.trial, explorer.rate):
        before = picture(explorer), caption(explorer)
        slider.index = (slider.index + 1) % len(slider.options)
        assert picture(explorer) != before[0] and caption(explorer) != before[1]


def test_the_words_are_those_of_the_results(explorer, folder):
    explorer.method.value, explorer.trial.value, explorer.density.value = "reinit", 1, 2
    networks = lthlib.summarise(lthlib.results(folder)).query("method == 'reinit' and trial == 1 and level == 2")
    assert f"test accuracy {100 * networks.test_accuracy.mean():.1f} %" in caption(explorer)
    look = explorer.catalogue.look(explorer.group, 1, 2)
    assert f"fc1 {100 * look.layers['fc1']:.3g} %" in caption(explorer)


def test_a_change_of_rate_keeps_the_place_as_near_as_can_be(explorer):
    explorer.density.value, explorer.trial.value, explorer.method.value = 3, 1, "shuffle"  # 51 %
    explorer.rate.value = 0.5
    assert explorer.density.label == "50.5 %" and explorer.trial.value == 1
    assert explorer.method.value == "iterative" and explorer.method.disabled, "that rate has no control"
    explorer.rate.value = 0.2
    assert explorer.density.value == 3 and not explorer.method.disabled


def test_an_exception_in_a_callback_is_not_swallowed(explorer, monkeypatch):
    def fails(*_):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(Panels, "draw", fails)
    with pytest.raises(ZeroDivisionError, match="planted"):
        explorer.density.value = 1


def test_a_table_is_explored_with_or_without_its_folder(folder, monkeypatch, tmp_path):
    table = lthlib.hunt("lenet-digits", "smoke", levels=1, trials=1, iterations=10, progress=False)
    assert "layers keep" in widgets.explore(table).picture.value, "found in the usual folder"
    monkeypatch.setenv("LTHLIB_RESULTS", str(tmp_path / "none"))
    alone = widgets.explore(table)
    assert "layers keep" not in caption(alone) and "test accuracy" in caption(alone)


def test_shipped_results_are_explored():
    explorer = widgets.explore()
    explorer.density.index = 7
    assert "lenet-mnist" in explorer.results.options
    assert "test accuracy" in caption(explorer) and "all 40 inputs still have weights" in caption(explorer)


def test_shipped_results_open_on_all_weights_of_the_most_varied():
    explorer = widgets.explore()
    assert explorer.results.value == "lenet-mnist1d" and explorer.density.label == "100 %"
    assert [label for label, _ in explorer.method.options] == ["ticket", "one-shot", "reinit", "shuffle", "random"]
    assert "all 40 inputs still have weights" in caption(explorer)
    explorer.results.value = "conv2-narrow-cifar10"
    assert "all 9 positions in the first layer" in caption(explorer) and "inputs" not in caption(explorer)
    assert explorer.rate.layout.display == "none" and explorer.method.layout.display == "", "no dead control"


def test_axes_fit_the_training():
    explorer = widgets.explore()
    panels = explorer._panels[explorer.group.setting]
    assert panels.learning.get_xlim() == (0, 1500) and panels.learning.get_xscale() == "linear"
    explorer.results.value = "lenet-mnist"
    panels = explorer._panels[explorer.group.setting]
    assert panels.learning.get_xscale() == panels.stop.get_yscale() == "log", "most of 50,000 iterations are flat"


def test_tick_labels_do_not_collide():
    explorer = widgets.explore()
    for name in explorer.results.options:
        explorer.results.value = name
        panels = explorer._panels[explorer.group.setting]
        for axes in (panels.accuracy, panels.stop, panels.learning, panels.shares, panels.scatter):
            low, high = axes.get_xlim() if axes.get_xlim()[0] < axes.get_xlim()[1] else axes.get_xlim()[::-1]
            labels = [
                label for at, label in zip(axes.get_xticks(), axes.get_xticklabels()) if low <= at <= high and label.get_text()
            ]
            boxes = sorted((label.get_window_extent() for label in labels), key=lambda box: box.x0)
            assert all(left.x1 + 4 < right.x0 for left, right in zip(boxes, boxes[1:])), (name, axes.get_title(loc="left"))


def test_curves_are_uncovered_as_far_as_the_slider_has_come():
    explorer = widgets.explore()
    panels = explorer._panels[explorer.group.setting]
    ends = []
    for index in (0, 5, 14):
        explorer.density.index = index
        ends.append(panels.uncovered[0][1].get_clip_box().x1)
    assert ends == sorted(ends) and ends[0] < panels.accuracy.bbox.x0 + 30 and ends[2] > panels.accuracy.bbox.x1 - 30


def test_settings_that_differ_in_recipe_are_apart(folder, tmp_path):
    common = {"levels": 1, "trials": 1, "iterations": 10, "results": tmp_path, "progress": False}
    lthlib.hunt("lenet-digits", "smoke", **common)
    lthlib.hunt("lenet-digits", "smoke", learning_rate=0.01, **common)
    names = widgets.explore(tmp_path).results.options
    assert len(names) == 2 and any("learning rate 0.01" in name for name in names)


def test_nothing_to_explore_is_said(tmp_path):
    with pytest.raises(lthlib.LotteryError, match="cannot be used"):
        widgets.explore(tmp_path / "nowhere")
    table = lthlib.hunt("lenet-digits", "smoke", levels=0, trials=1, iterations=10, progress=False)
    with pytest.raises(lthlib.LotteryError, match="holds no pruned network: run lthlib.hunt"):
        widgets.explore(table)


def test_a_picture_is_there_before_any_kernel(explorer, monkeypatch):
    shown = []
    monkeypatch.setattr(explorer_module, "display", lambda value, **_: shown.append(value))
    explorer._ipython_display_()
    static, live = shown
    assert static.data.count("<img ") == 1 and 'alt="lenet-digits' in static.data
    assert live["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer.model_id


def test_nothing_captures_output(explorer):
    def inside(widget):
        yield widget
        for child in getattr(widget, "children", ()):
            yield from inside(child)

    for top in (explorer, widgets.lab()):
        assert not any(isinstance(widget, ipywidgets.Output) for widget in inside(top))


def small(lab, **choices):
    for name, value in {"task": "lenet-digits", "rounds": 2, "trials": 1, "iterations": 30, **choices}.items():
        getattr(lab, name).value = value
    return lab


def test_the_laboratory_runs_a_real_hunt_and_finds_it_again(tmp_path):
    lab = small(widgets.lab(tmp_path))
    lab.start.click()
    assert lab.start.disabled and not lab.cancel.disabled
    lab.wait(120)
    assert "Finished: 5 networks" in lab.status.value and "<img" in lab.picture.value
    assert len(lthlib.summarise(lthlib.results(tmp_path))) == 5
    assert not lab.start.disabled and lab.cancel.disabled
    lab.start.click()
    lab.wait(120)
    assert lab.hunt.stored_before == 5


def test_the_laboratory_says_at_once_that_it_starts_and_ends_in_a_conclusion(tmp_path):
    lab, said = small(widgets.lab(tmp_path), trials=3), []
    lab.status.observe(lambda change: said.append(change["new"]), "value")
    lab.start.click()
    lab.wait(120)
    assert "Starting." in said[0] and "ticket <progress" in "".join(said) and "reinit <progress" in "".join(said)
    table = lab.hunt.table()
    for other in ("dense", "reinit"):
        sentence = lthlib.sentence(table, 0.0, other)
        assert sentence[1:] in lab.conclusion.value
    lab.control.value = "none"
    lab.start.click()
    lab.wait(120)
    assert "reinit" not in lab.conclusion.value and "dense" in lab.conclusion.value


def test_everything_the_laboratory_offers_is_explained():
    lab = widgets.lab()
    for choice in (lab.task, lab.control):
        assert all(label == f"{name}: {words}" for label, name in choice.options for words in [label.split(": ", 1)[1]])
    assert set(lab_choices.TASKS) == set(lthlib.TASKS)
    assert set(lab_choices.CONTROLS) == set(CONTROLS) - {"reset"}


def test_a_cancelled_hunt_keeps_what_is_finished_and_goes_on(tmp_path):
    lab = small(widgets.lab(tmp_path), rounds=12, iterations=400)
    lab.start.click()
    while lab.hunt.running and lab.hunt.done < 2:
        lab.wait(0.05)
    lab.cancel.click()
    lab.wait(60)
    kept = lab.hunt.done
    assert 2 <= kept < lab.hunt.total and f"Cancelled: {kept} of {lab.hunt.total}" in lab.status.value
    lab.start.click()
    lab.wait(300)
    assert lab.hunt.stored_before == kept and "Finished" in lab.status.value


def test_a_bad_choice_is_a_sentence_and_starts_nothing(tmp_path):
    lab = small(widgets.lab(tmp_path), rewind=30)
    lab.start.click()
    assert "past the end" in lab.status.value and lab.hunt is None and not lab.start.disabled


def test_a_hunt_that_fails_says_why(tmp_path):
    hunt = BackgroundHunt("lenet-digits", "smoke", results=tmp_path, trials=1)
    hunt._process.kill()
    hunt._process.wait(60)
    assert not hunt.running and "status -9" in hunt.outcome()
    with pytest.raises(lthlib.LotteryError, match="is not on this machine"):
        BackgroundHunt("lenet-digits", "smoke", results=tmp_path, device="quantum")
