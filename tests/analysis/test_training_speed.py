"""Times and bytes of a ticket's training: every way is measured at every density, and trains the same ticket."""

import pytest
import torch

from lthlib import tasks
from lthlib.analysis import compaction, training_speed
from lthlib.core.errors import LotteryError
from lthlib.plots import efficiency as plots
from lthlib.training import engine
from lthlib.training.sparse.compiled import available

DIGITS = tasks.find_task("lenet-digits")


def test_every_way_and_phase_is_measured_and_drawn():
    found = training_speed.step_times(DIGITS, (0.5, 0.05), rounds=3)
    ways = {training_speed.MASKED, training_speed.KEPT} | (set() if compaction.why_no_csr() else {training_speed.CSR})
    assert set(found.way) == ways and len(found) == 2 * 2 * len(ways)
    assert (found.times > 0).all() and (found.low <= found.times).all() and (found.times <= found.high).all()
    held = found[found.phase == training_speed.TRAINING].set_index(["way", "density"]).bytes
    assert held["masked", 0.5] == held["masked", 0.05]
    if available():
        assert held["kept weights", 0.05] < held["masked", 0.05] / 2
    figure = plots.prices(found.rename(columns={"phase": "panel"}), "digits")
    assert [axes.get_title() for axes in figure.axes] == [training_speed.TRAINING, training_speed.EVALUATION]


@pytest.mark.skipif(bool(compaction.why_no_csr()), reason="torch has no sparse products here")
def test_training_by_torchs_sparse_matrices_is_training():
    network, recipe, index = DIGITS.build(), tasks.resolve(DIGITS, "quick")[0].recipe, torch.arange(60).unsqueeze(0)
    ways = training_speed._ways(DIGITS, network, training_speed.ticket_of(network, 0.2), recipe)
    for step in range(5):
        for way in ways.values():
            way.step(index, None, step)
    losses = [float(way.measure(DIGITS.dataset.test)[0]) for way in ways.values()]
    assert losses == pytest.approx([losses[0]] * len(losses), rel=1e-3)


def test_densities_are_checked():
    with pytest.raises(LotteryError, match=r"a density is 1.5: give shares"):
        training_speed.step_times(DIGITS, (1.5,))


def test_networks_without_kernels_are_masked_both_times():
    task = tasks.find_task("vae-digits")
    ticket = training_speed.ticket_of(task.build(), 0.1)
    recipe = tasks.resolve(task, "quick")[0].recipe
    assert engine.by_what_is_kept(task.build(), [ticket], recipe, task.dataset, task.objective) is None


@pytest.mark.skipif(not available(), reason="numba cannot compile here")
def test_how_a_ticket_is_trained_is_said(capsys):
    say = training_speed.how_trained
    assert say(DIGITS, 0.05) == "kept weights: fc1, fc2, output"
    assert say(DIGITS, 0.9) == "torch's products: fc1, fc2, output"
    assert say(tasks.find_task("vae-digits"), 0.05).startswith("the dense way: ")
    assert say(tasks.find_task("conv2-cluttered"), 0.9).startswith("the dense way: kernels would be no faster")
    assert capsys.readouterr().err == "", "nothing that torch prints while it traces"
