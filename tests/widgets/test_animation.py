"""The animation that opens lesson 0: every frame tells what its film has, and every control changes something."""

import re
import time

import pytest

import lthlib
from lthlib import widgets
from lthlib.widgets import animation as module_of_watch
from lthlib.widgets.animation import Animation


@pytest.fixture
def animation():
    return widgets.watch()


def test_it_opens_on_the_ticket_at_all_weights(animation):
    assert isinstance(animation, Animation) and animation.method.value == "iterative"
    assert "100 % of the weights" in animation.picture.value and "Before the first round" in animation.picture.value
    assert [label for label, _ in animation.method.options] == ["ticket", "one-shot", "reinit", "shuffle", "random"]


def test_every_frame_is_another_and_says_what_happens(animation):
    seen, words = set(), []
    for frame in range(animation.slider.max + 1):
        animation.slider.value = frame
        seen.add(animation.picture.value)
        words.append(animation.reel.headline(frame))
    assert len(seen) == animation.slider.max + 1
    assert words[0].startswith("all weights") and words[1] == "training, iteration 50" and words[4].startswith("trained: ")
    assert words[5].startswith("prune: the grey ones go") and words[6] == "reset to the initial values"
    assert "4.8 % of the weights (2,077 of 43,000)" in animation.picture.value


def test_the_lines_are_the_connections_of_the_film(animation):
    for frame in (0, 22, animation.slider.max):
        level, _ = animation.reel.stages[frame]
        lines = animation.reel._network(frame).count("M") - 2  # two lines belong to the legend
        assert lines == sum(int((weights[level, 0] != 0).sum()) for weights in animation.reel.film.weights.values())


def test_curves_show_nothing_that_was_not_trained_yet(animation):
    animation.slider.value = 0
    axes = animation.reel._axes
    assert 'r="7"' not in axes.draw(0, 0), "no point before the first training"
    assert axes.draw(3, 4).count('r="2.4"') == 4 and axes.draw(3, 1).count('r="2.4"') == 3


def test_buttons_step_and_are_dead_only_where_there_is_nowhere_to_go(animation):
    assert animation.back.disabled and not animation.forward.disabled
    animation.forward.click()
    animation.next.click()
    assert animation.slider.value == 6 and not animation.back.disabled
    animation.back.click()
    assert animation.slider.value == 5
    animation.slider.value = animation.slider.max
    assert animation.forward.disabled and animation.next.disabled


def test_each_method_is_another_picture(animation):
    animation.slider.value = 40
    pictures = []
    for _, method in animation.method.options:
        animation.method.value = method
        pictures.append(animation.picture.value)
    assert len(set(pictures)) == 5 and "new random values" not in pictures[0]


def test_a_move_is_quick(animation):
    times = []
    for frame in range(0, animation.slider.max, 4):
        start = time.process_time()
        animation.slider.value = frame + 1
        times.append(time.process_time() - start)
    assert sorted(times)[len(times) // 2] < 0.1


def test_where_nothing_moves_an_image_stands_with_its_words(animation, monkeypatch):
    shown = []
    monkeypatch.setattr(module_of_watch, "display", lambda value, **_: shown.append(value))
    animation._ipython_display_()  # no kernel
    assert shown[0].data.count("data:image/svg+xml") == 2 and re.search(r'alt="Round \d+, ticket', shown[0].data)
    kernel = type("Shell", (), {"kernel": True})()
    monkeypatch.setattr(module_of_watch, "get_ipython", lambda: kernel)
    animation._ipython_display_()
    assert shown[1]["application/vnd.jupyter.widget-view+json"]["model_id"] == animation.model_id
    monkeypatch.setenv("LTHLIB_STATIC", "1")
    animation._ipython_display_()
    assert "data:image/svg+xml" in shown[2].data


def test_a_task_without_a_film_is_said():
    with pytest.raises(lthlib.LotteryError, match="no film of 'lenet-mnist' is shipped"):
        widgets.watch("lenet-mnist")
