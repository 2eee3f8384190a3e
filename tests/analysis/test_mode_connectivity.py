"""Lines between networks, against brute force, closed forms, and what must hold of any line."""

import dataclasses
import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn
from torch.nn import functional

import lthlib
from lthlib import models, tasks
from lthlib.analysis import mode_connectivity
from lthlib.analysis.mode_connectivity import barrier, connectivity, instability, interpolate, is_stable, lines, path, successive
from lthlib.core.paths import results_folder
from lthlib.lottery.controls import CONTROLS
from lthlib.pruning import masks
from lthlib.settings import Recipe
from lthlib.storage.store import TICKET, Key, Store
from lthlib.training import engine
from lthlib.training.stack import Ticket


def trained(task, seeds, **recipe):
    """Networks of a task, from one initialisation, each under an order of the data of its own."""
    start = models.initial_weights(task.build, 0)
    mask = masks.ones(models.prunable(task.build()))
    recipe = Recipe(**{"iterations": 60, "evaluate_every": 60, **recipe})
    tickets = [Ticket(start, mask, seed) for seed in seeds]
    found = engine.train(tickets, recipe, task.dataset, model=task.build(), device="cpu", workers=1)
    return [each.weights for _, each in sorted(found)]


@pytest.fixture(scope="module")
def digits():
    return tasks.find_task("lenet-digits")


@pytest.fixture(scope="module")
def two(digits):
    return trained(digits, [1, 2])


@pytest.fixture(scope="module")
def two_normed(own_task):
    return trained(own_task, [1, 2])


def by_hand(network, state, split):
    """Loss and error of a state, by torch alone."""
    network.load_state_dict(state)
    with torch.no_grad():
        outputs = network.eval()(split.inputs)
    return float(functional.cross_entropy(outputs, split.targets)), float((outputs.argmax(1) != split.targets).float().mean())


def test_interpolation_is_a_straight_line_and_exact_at_its_ends(two_normed):
    a, b = two_normed
    for alpha, end in ((0, a), (1, b)):
        assert all(
            torch.equal(tensor, end[name]) for name, tensor in interpolate(a, b, alpha).items() if "num_batches" not in name
        )
    part = interpolate(a, b, 0.25)
    assert part.keys() == a.keys()
    for name, tensor in part.items():
        if tensor.is_floating_point():
            np.testing.assert_allclose(tensor.numpy(), 0.75 * a[name].numpy() + 0.25 * b[name].numpy(), atol=1e-6)
    assert not torch.equal(a["norm.running_mean"], b["norm.running_mean"]), "or the statistics could not be told apart"
    part["hidden.weight"].fill_(7)
    assert not (a["hidden.weight"] == 7).any(), "what is given is a copy"


def test_interpolated_copies_of_one_network_are_that_network_to_the_bit():
    state = {"weight": torch.randn(1000, generator=torch.Generator().manual_seed(0))}
    for alpha in np.linspace(0, 1, 30):
        assert torch.equal(interpolate(state, state, alpha)["weight"], state["weight"])


def test_a_line_is_what_torch_measures_point_by_point(digits, two):
    a, b = two
    line = path(digits, a, b, points=4, device="cpu")
    assert line.alpha.tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    for alpha, loss, error in line.itertuples(index=False):
        state = {name: (1 - alpha) * a[name] + alpha * b[name] for name in a}
        assert (loss, error) == pytest.approx(by_hand(digits.build(), state, digits.dataset.test), abs=1e-5)


def test_the_split_that_is_asked_for_is_measured(digits, two):
    found = {split: path(digits, *two, points=2, split=split, device="cpu") for split in mode_connectivity.SPLITS}
    for split, line in found.items():
        expected = by_hand(digits.build(), two[0], getattr(digits.dataset, split))
        assert (line.loss[0], line.error[0]) == pytest.approx(expected, abs=1e-5)


def test_interpolated_statistics_leave_the_ends_as_they_were_trained(own_task, two_normed):
    a, b = two_normed
    line = path(own_task, a, b, points=3, norm="interpolate", device="cpu")
    for at, state in ((0, a), (2, b), (1, interpolate(a, b, 0.5))):
        assert (line.loss[at], line.error[at]) == pytest.approx(by_hand(own_task.build(), state, own_task.dataset.test), abs=1e-5)


def test_recomputed_statistics_are_those_of_the_training_data(own_task, two_normed):
    a, b = two_normed
    train, test = own_task.dataset.train.inputs, own_task.dataset.test
    line = path(own_task, a, b, points=3, norm="recompute", device="cpu")
    for alpha, loss, error in line.itertuples(index=False):
        state = {name: (1 - alpha) * a[name] + alpha * b[name] for name in a}
        hidden = train @ state["hidden.weight"].T + state["hidden.bias"]  # the data set is one batch here: a closed form
        state |= {"norm.running_mean": hidden.mean(0), "norm.running_var": hidden.var(0)}
        assert (loss, error) == pytest.approx(by_hand(own_task.build(), state, test), abs=1e-5)


def test_other_objectives_are_the_tasks_own():
    task = tasks.find_task("vae-digits")
    a, b = (models.initial_weights(task.build, seed) for seed in (0, 1))
    line, network, test = path(task, a, b, points=3, device="cpu"), task.build().eval(), task.dataset.test
    network.load_state_dict(interpolate(a, b, 0.5))
    with torch.no_grad():
        losses, scores = task.objective(network(test.inputs), test.targets)
    assert (line.loss[1], line.error[1]) == pytest.approx((float(losses.mean()), float(1 - scores.mean())), rel=1e-5)


def test_of_a_convex_loss_no_point_lies_above_the_chord(blobs):
    regression = lthlib.Task("softmax-regression", blobs, lambda _: nn.Linear(6, 3))
    a, b = trained(regression, [1, 2], iterations=600, optimizer="sgd", learning_rate=0.1)
    far = {name: tensor + torch.randn(tensor.shape, generator=torch.Generator().manual_seed(3)) for name, tensor in a.items()}
    for other in (b, far):
        line = path(regression, a, other, split="train", device="cpu")
        chord = (1 - line.alpha) * line.loss.iloc[0] + line.alpha * line.loss.iloc[-1]
        assert (line.loss <= chord + 1e-6).all()
        assert line.loss.max() == max(line.loss.iloc[0], line.loss.iloc[-1])
    assert barrier(path(regression, a, b, device="cpu")) <= 1, "two runs to the one minimum of a convex loss are connected"


def test_permuted_copies_compute_the_same_and_are_not_connected(digits, two):
    a, b, before = two[0], {}, torch.arange(64)
    for layer, nxt in (("fc1", 300), ("fc2", 100), ("output", None)):  # the units of both hidden layers change places
        order = torch.randperm(nxt, generator=torch.Generator().manual_seed(nxt)) if nxt else torch.arange(10)
        b |= {f"{layer}.weight": a[f"{layer}.weight"][order][:, before], f"{layer}.bias": a[f"{layer}.bias"][order]}
        before = order
    line = path(digits, a, b, points=11, device="cpu")
    assert line.error.iloc[0] == line.error.iloc[-1] and line.loss.iloc[0] == pytest.approx(line.loss.iloc[-1], abs=1e-5)
    assert barrier(line) > 10 and barrier(line, "loss") > 0.5


@pytest.mark.parametrize("norm", mode_connectivity.NORMS)
def test_identical_copies_have_a_barrier_of_exactly_zero(own_task, two_normed, norm):
    line = path(own_task, two_normed[0], two_normed[0], points=7, norm=norm, device="cpu")
    assert barrier(line) == 0 and barrier(line, "loss") == 0


def test_the_barrier_is_the_highest_error_minus_the_mean_of_the_ends():
    line = pd.DataFrame({"alpha": [1.0, 0.0, 0.5], "loss": [1.0, 3.0, 2.5], "error": [0.2, 0.1, 0.4]})  # in no order
    assert barrier(line) == pytest.approx(25)
    assert barrier(line, "loss") == pytest.approx(1), "a line that only falls has its highest point at an end"
    with pytest.raises(lthlib.LotteryError, match="unknown measure 'accuracy'"):
        barrier(line, "accuracy")


def test_stable_is_below_two_points():
    assert is_stable(0) and is_stable(1.99) and not is_stable(2.0) and not is_stable(40)
    assert not is_stable(float("nan")), "what could not be measured is not called stable"


@pytest.fixture(scope="module")
def hunted(own_task, tmp_path_factory):
    folder = tmp_path_factory.mktemp("hunted")
    options = {"levels": 1, "trials": 2, "iterations": 40, "evaluate_every": 20, "controls": "fork", "progress": False}
    more = {"device": "cpu", "results": folder}
    hunts = [lthlib.hunt(own_task, rewind=k, **options, **more) for k in (0, 10)]
    hunts.append(lthlib.hunt(own_task, rewind=10, **{**options, "levels": 0}, redraws=2, **more))
    return folder, pd.concat(hunts, ignore_index=True)


@pytest.fixture
def forked(hunted):
    """Tickets and forks of two rewind points, two forks of the dense network at the later one, in a store of
    the test's own."""
    folder, table = hunted
    shutil.copytree(folder, results_folder())
    return table


def first_copy(row):
    """The network at the first end of a line of `lines`: at level 0, past iteration 0, a fork as well."""
    return Key("fork", row.trial, 0) if row.level == 0 and row.rewind else Key(TICKET, row.trial, row.level)


def end_errors(table):
    """Test error at the end of training, of each network."""
    networks = lthlib.summarise(table.drop_duplicates(["setting", "method", "trial", "redraw", "level", "iteration", "split"]))
    networks["method"] = networks.method.replace("iterative", TICKET)
    return 1 - networks.set_index(["setting", "method", "trial", "level", "redraw"]).final_test_accuracy


def test_every_network_is_set_beside_its_other_copy(own_task, forked):
    measured = lines(own_task, forked, points=5, norm="interpolate", device="cpu", progress=False)
    found = instability(measured)
    assert len(measured) == 5 * len(found)
    assert sorted(zip(found.rewind, found.level, found.trial)) == [(k, n, t) for k in (0, 10) for n in (0, 1) for t in (0, 1)]
    errors, store, settings = end_errors(forked), Store(), {setting.identity(): setting for setting in Store().settings()}
    for row in found.itertuples():
        first, fork = first_copy(row), Key("fork", row.trial, row.level, row.redraw)
        assert first != fork and row.redraw == (row.level == 0 and row.rewind > 0)
        for error, key in ((row.ticket_error, first), (row.fork_error, fork)):
            assert error == pytest.approx(errors[row.setting, key.method, key.trial, key.level, key.redraw], abs=1e-9)
        ends = [store.load(settings[row.setting], key).weights for key in (first, fork)]
        alone = path(own_task, *ends, points=5, norm="interpolate", device="cpu")
        assert row.instability == pytest.approx(barrier(alone)) and row.highest_error == alone.error.max()
        assert row.stable == (row.instability < 2)
    density = lthlib.summarise(forked).groupby(["setting", "level"]).density.first()
    assert found.set_index(["setting", "level"]).density.to_dict() == density.to_dict()


def test_copies_under_one_order_of_the_data_are_one_network(own_task, tmp_path, monkeypatch):
    """So an instability measures SGD noise and nothing else. The dense run and its fork fail this at k > 0:
    the optimiser of the dense run is not a new one there."""

    def in_the_tickets_order(place):
        return place.ticket() if place.key.level else place.from_theta_k()

    monkeypatch.setitem(CONTROLS, "fork", dataclasses.replace(CONTROLS["fork"], make=in_the_tickets_order))
    options = {"levels": 1, "trials": 1, "iterations": 40, "evaluate_every": 20, "redraws": 2, "progress": False}
    chosen = {"controls": "fork", "optimizer": "sgd", "learning_rate": 0.1, "momentum": 0.9, "results": tmp_path}
    tables = [lthlib.hunt(own_task, rewind=k, **options, **chosen, device="cpu") for k in (0, 10)]
    found = lines(own_task, pd.concat(tables), points=5, results=tmp_path, device="cpu", progress=False)
    places = [(row.rewind, row.level, row.redraw) for row in instability(found).itertuples()]
    assert sorted(places) == [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (10, 0, 1), (10, 1, 0), (10, 1, 1)]
    assert not instability(found)[["instability", "loss_barrier"]].any(axis=None)
    store = Store(tmp_path)
    setting = store.find(f"{own_task.name}/{tables[1].setting.iloc[0]}")
    dense, fork = (store.load(setting, Key(method, 0, 0)).weights for method in (TICKET, "fork"))
    assert barrier(path(own_task, dense, fork, points=5, device="cpu"), "loss") > 0, "the old pair"


def test_a_dense_network_with_one_fork_past_iteration_0_is_left_out_and_named(own_task, forked, capsys):
    single = forked[forked.redraw == 0]
    found = instability(lines(own_task, single, points=3, device="cpu", progress=False))
    assert sorted({(row.rewind, row.level) for row in found.itertuples()}) == [(0, 0), (0, 1), (10, 1)]
    said = capsys.readouterr().err
    assert "Level 0 is left out: at rewind 10 a dense network has one fork" in said and "redraws=2 (levels=0 is enough)" in said
    late = single[(single.level == 0) & single.setting.isin(found.setting[found.rewind == 10])]
    with pytest.raises(lthlib.LotteryError, match="at rewind 10 .* between two: hunt there with controls='fork', redraws=2"):
        lines(own_task, late, points=3, device="cpu", progress=False)


def test_successive_tickets_are_joined_trial_by_trial(own_task, forked):
    measured = successive(own_task, forked, points=5, norm="interpolate", device="cpu", progress=False)
    assert list(measured.columns) == [*mode_connectivity.PAIR, "alpha", "loss", "error"]
    found = connectivity(measured)
    assert sorted(zip(found.rewind, found.level, found.trial)) == [(k, 1, trial) for k in (0, 10) for trial in (0, 1)]
    errors, store, settings = end_errors(forked), Store(), {setting.identity(): setting for setting in Store().settings()}
    for row in found.itertuples():
        line = measured[(measured.setting == row.setting) & (measured.trial == row.trial)].sort_values("alpha")
        for error, level in zip(line.error.iloc[[0, -1]], (0, 1)):
            assert error == pytest.approx(errors[row.setting, TICKET, row.trial, level, 0], abs=1e-9)
        ends = [store.load(settings[row.setting], Key(TICKET, row.trial, level)) for level in (0, 1)]
        alone = path(own_task, *(end.weights for end in ends), points=5, norm="interpolate", device="cpu")
        assert row.barrier == pytest.approx(barrier(alone)) and row.loss_barrier == pytest.approx(barrier(alone, "loss"))
        assert row.density == pytest.approx(masks.density(ends[1].mask)) and row.connected == (row.barrier < 2)


def test_lines_between_levels_need_levels_that_follow_each_other(own_task, tmp_path):
    more = {"trials": 1, "iterations": 20, "evaluate_every": 10, "results": tmp_path, "device": "cpu", "progress": False}
    table = lthlib.hunt(own_task, schedule="oneshot", levels=3, only=[2, 3], **more)
    found = successive(own_task, table, points=3, results=tmp_path, device="cpu", progress=False)
    assert found.level.unique().tolist() == [3], "level 1 is not there, so level 2 follows none"
    for without in (table[table.level == 0], table[table.level == 2]):
        with pytest.raises(lthlib.LotteryError, match="no two successive levels of a trial: hunt for levels=1 or more"):
            successive(own_task, without, points=3, results=tmp_path, device="cpu", progress=False)


@pytest.mark.parametrize("lines", [lines, successive])
def test_a_line_is_measured_once(own_task, forked, monkeypatch, lines):
    before = Store().table()
    first = lines(own_task, forked, points=3, device="cpu", progress=False)
    pd.testing.assert_frame_equal(Store().table(), before)

    def refuse(*_):
        raise AssertionError("measured again")

    with monkeypatch.context() as patched:
        patched.setattr(mode_connectivity._Line, "measure", refuse)
        pd.testing.assert_frame_equal(lines(own_task, forked, points=3, device="cpu", progress=False), first)
        for other in ({"points": 4}, {"points": 3, "split": "train"}, {"points": 3, "norm": "interpolate"}):
            with pytest.raises(AssertionError, match="measured again"):
                lines(own_task, forked, **other, device="cpu", progress=False)
    note = next(Store().folder.glob("*/*/note-line-*.json"))
    content = json.loads(note.read_text())
    note.write_text(json.dumps({**content, "error": [0.0, 0.0, 0.0]}))  # its checksum no longer fits
    pd.testing.assert_frame_equal(lines(own_task, forked, points=3, device="cpu", progress=False), first)


def test_workers_measure_the_same(own_task, forked, monkeypatch):
    here = lines(own_task, forked, points=3, device="cpu", workers=1, progress=False)
    for note in Store().folder.glob("*/*/note-line-*.json"):
        note.unlink()
    monkeypatch.setattr(engine, "WORTH_WORKERS", 0)
    pd.testing.assert_frame_equal(lines(own_task, forked, points=3, device="cpu", workers=2, progress=False), here)


def test_tickets_stay_as_sparse_on_the_whole_line(own_task, forked):
    setting = next(setting for setting in Store().settings() if setting.rewind == 10)
    ticket, fork = (Store().load(setting, Key(method, 0, 1)) for method in (TICKET, "fork"))
    between = interpolate(ticket.weights, fork.weights, 0.3)
    assert all(not between[name][~kept].any() and between[name][kept].all() for name, kept in ticket.mask.items())


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"points": 1}, "points is 1: give a whole number, 2 or more"),
        ({"split": "tests"}, "unknown split 'tests': did you mean 'test'"),
        ({"norm": "keep"}, "unknown norm 'keep'"),
        ({"task": "lenet-digits"}, "the table is of task 'blobs-own' and not of 'lenet-digits'"),
        ({"workers": 0}, "workers is 0"),
        ({"device": "gpu"}, "device 'gpu' is not on this machine"),
    ],
)
def test_bad_choices_are_refused(own_task, forked, change, says):
    options = {"task": own_task, "table": forked, "progress": False, **change}
    with pytest.raises(lthlib.LotteryError, match=says):
        lines(**options)


def test_tables_without_forks_or_of_another_store_are_refused(own_task, forked, tmp_path):
    with pytest.raises(lthlib.LotteryError, match="pass controls='fork' to the hunt"):
        lines(own_task, forked[forked.method != "fork"])
    with pytest.raises(lthlib.LotteryError, match="name the results folder of the hunt"):
        lines(own_task, forked, results=tmp_path / "elsewhere")


def test_lines_off_the_map_are_refused(digits, own_task, two, two_normed):
    with pytest.raises(lthlib.LotteryError, match="alpha is 1.5: give a share of the way"):
        interpolate(*two, 1.5)
    with pytest.raises(lthlib.LotteryError, match="the two networks differ in 'fc1.bias'"):
        interpolate(two[0], two_normed[0], 0.5)
    narrower = {**two[0], "fc1.bias": torch.zeros(3)}
    with pytest.raises(lthlib.LotteryError, match="the two networks differ in 'fc1.bias'"):
        interpolate(two[0], narrower, 0.5)
    with pytest.raises(lthlib.LotteryError, match="differs from task 'lenet-digits' in"):
        path(digits, *two_normed)
