"""The five stops of lesson 0: computed answers that follow the results chosen."""

import pytest

import lthlib
from lthlib import analysis, widgets
from lthlib.lessons import questions, tour


@pytest.fixture
def explorer():
    return widgets.explore()


@pytest.fixture
def stops(explorer, monkeypatch):
    monkeypatch.setattr(questions, "_has_front_end", lambda: True)
    monkeypatch.setattr(questions, "_show_widget", lambda widget, instead: None)
    monkeypatch.setattr(questions, "_predictions", {})
    monkeypatch.setattr(questions, "_answers", {})
    monkeypatch.setattr(questions, "_boxes", {})
    return tour.Tour(explorer)


def test_every_answer_is_one_of_the_choices_for_all_results(stops, explorer):
    for name in explorer.results.options:
        explorer.results.value = name
        for _, rate in explorer.rate.options:
            explorer.rate.value = rate
            for number, stop in enumerate(tour.STOPS, 1):
                answer, sentence, picture = stops.computed(number)
                assert answer is None or answer in stop.choices
                assert sentence.endswith(".") and "<img " in picture, "one sentence, and the panels that show it"


def test_the_answers_are_those_of_the_table(stops, explorer):
    table = explorer.group.networks
    assert lthlib.sentence(table, 0.21, "dense").split(":")[1] in stops.computed(1)[1]
    assert stops.computed(2)[1] == f"{analysis.how_far(lthlib.matching(table))}."
    look = explorer.look(0, analysis.nearest_level(table, 0.1))
    assert f"{100 * tour.same_sign(look):.0f} % of the {int(look.kept.sum())} weights" in stops.computed(5)[1]
    assert f"{100 * tour.quarter(look.pixels):.0f} %" in stops.computed(4)[1]


def test_an_answer_stays_folded_until_a_prediction_and_follows_the_results(stops, explorer):
    for number in (1, 4):
        stops.ask(number)
        stops.answer(number)
    box = questions._boxes["stop-1"]
    assert "<details" in box.value and "predict first" in box.value
    questions._predictions["stop-1"].chosen = tour.FALLS[0]
    questions._redraw("stop-1")
    assert "<details" not in box.value and "As you predicted" in box.value and "21.6 %" in box.value
    explorer.results.value = "conv2-narrow-cifar10"
    assert "25.4 %" in box.value and "As you predicted" in box.value
    assert "positions in the first layer&#x27;s kernels" in questions._boxes["stop-4"].value


def test_a_move_of_the_slider_leaves_the_answers_alone(stops, explorer, monkeypatch):
    stops.ask(1)
    stops.answer(1)
    monkeypatch.setattr(stops, "computed", lambda number: pytest.fail("computed again"))
    explorer.density.index = 5
    explorer.method.index = 1


def test_results_without_reinit_or_looks_say_so(monkeypatch):
    table = lthlib.hunt("lenet-digits", "smoke", levels=1, trials=1, iterations=10, progress=False)
    explorer = widgets.explore(table)
    stops = tour.Tour(explorer)
    assert "no control reinit" in stops.computed(3)[1] and stops.computed(3)[0] is None
    monkeypatch.setattr(explorer, "look", lambda trial, level: None)
    assert stops.computed(4)[:2] == (None, tour.NO_LOOK) and stops.computed(5)[0] is None
