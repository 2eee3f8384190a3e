"""Filling the atlas: stopped by its budget and gone on with, it ends as if it had never been stopped."""

import signal
import threading
import time

import pandas as pd
import pytest

import lthlib
from lthlib import LotteryError
from lthlib.__main__ import main
from lthlib.analysis import inspection
from lthlib.papers import reproduction
from lthlib.papers.reproduction import Experiment
from lthlib.storage import atlas

SMALL = {"profile": "smoke", "trials": 2, "levels": 2, "iterations": 300}
VALUES = ["setting", "method", "trial", "redraw", "level", "density", "iteration", "split", "loss", "accuracy"]


@pytest.fixture
def plan(monkeypatch):
    """Two experiments that need no download."""
    experiments = [Experiment("lenet-digits", {}, "reinit"), Experiment("lenet-digits", {"schedule": "oneshot"})]
    monkeypatch.setattr(reproduction, "EXPERIMENTS", experiments)


def filled(folder):
    return atlas.read("lenet-digits", where=folder)[VALUES].sort_values(VALUES, ignore_index=True)


def test_a_fill_that_was_stopped_twice_ends_like_one_that_was_not(plan, tmp_path, capsys):
    reproduction.fill(results=tmp_path / "a", where=tmp_path / "whole", **SMALL)
    for budget in (0.8, 1.5):
        began = time.monotonic()
        reproduction.fill(budget, results=tmp_path / "b", where=tmp_path / "parts", **SMALL)
        assert time.monotonic() - began < budget + 10
    assert "seconds are over" in capsys.readouterr().err
    assert len(filled(tmp_path / "parts")) < len(filled(tmp_path / "whole"))
    reproduction.fill(results=tmp_path / "b", where=tmp_path / "parts", **SMALL)
    pd.testing.assert_frame_equal(filled(tmp_path / "parts"), filled(tmp_path / "whole"))
    assert (
        inspection.read("lenet-digits", tmp_path / "parts").keys() == inspection.read("lenet-digits", tmp_path / "whole").keys()
    )
    assert reproduction.fill(results=tmp_path / "b", where=tmp_path / "parts", **SMALL) == [], "nothing was lacking"


def test_an_alarm_while_the_atlas_is_written_waits_for_the_end(plan, tmp_path, monkeypatch, capsys):
    """Also one that reaches another thread than the main one."""
    write = atlas.write

    def interrupted(*given):
        path = write(*given)
        other = threading.Thread(target=time.sleep, args=(1,))
        other.start()
        signal.pthread_kill(other.ident, signal.SIGALRM)
        time.sleep(0.1)
        return path

    monkeypatch.setattr(atlas, "write", interrupted)
    reproduction.fill(1000, results=tmp_path / "a", where=tmp_path, **SMALL)
    assert "seconds are over" in capsys.readouterr().err
    shipped = filled(tmp_path)
    assert len(shipped), "one hunt was added"
    looks = inspection.read("lenet-digits", tmp_path)
    assert set(looks) == set(zip(shipped.setting, shipped.trial, strict=True))


def test_looks_that_are_missing_are_added(plan, tmp_path):
    reproduction.fill(results=tmp_path / "a", where=tmp_path, **SMALL)
    looks = inspection.read("lenet-digits", tmp_path)
    inspection.write("lenet-digits", {}, tmp_path)
    reproduction.fill(results=tmp_path / "a", where=tmp_path, **SMALL)
    assert inspection.read("lenet-digits", tmp_path).keys() == looks.keys()


def test_one_trial_of_everything_comes_first(plan, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(
        reproduction.lottery, "hunt", lambda task, profile, **more: asked.append((more["trials"], more.get("schedule")))
    )
    reproduction.fill(results=tmp_path, where=tmp_path, profile="smoke", trials=2)
    assert asked == [(1, None), (1, "oneshot"), (2, None), (2, "oneshot")]


def test_the_plan_is_of_settings_that_exist_and_what_lacks_is_counted(capsys):
    for experiment in reproduction.EXPERIMENTS:
        assert experiment.setting("paper").task == experiment.task
    assert main(["atlas", "--dry-run"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == len(reproduction.EXPERIMENTS)
    unknown = "vgg19-cifar10 (warmup 10000, 1 x reinit): 0 of 225 networks are shipped, 225 to train (how long is unknown)"
    assert unknown in lines
    networks = atlas.read("lenet-mnist").drop_duplicates(atlas.NETWORK)
    tickets_and_reinits = networks[networks.method.isin(["iterative", "reinit"])]
    at_first = tickets_and_reinits[tickets_and_reinits.setting == reproduction.EXPERIMENTS[0].setting("paper").identity()]
    # A dense network and 22 levels of a ticket and three reinitialised ones, in each of 5 trials.
    assert lines[0].startswith(f"lenet-mnist (3 x reinit): {len(at_first)} of {5 * (1 + 22 * 4)} networks are shipped, ")
    assert f"one after the other, by {len(networks)} networks of the task in the atlas, " in lines[1], "what one-shot takes"
    assert lines[0].endswith("left out, since they build on networks that are shipped without their weights")


def test_what_is_shipped_is_not_trained_again_in_another_checkout(plan, tmp_path):
    small, atlas_folder = {**SMALL, "iterations": 30}, tmp_path / "atlas"
    reproduction.fill(results=tmp_path / "a", where=atlas_folder, **{**small, "trials": 1})
    shipped = filled(atlas_folder)
    first, _ = reproduction.missing(where=atlas_folder, results=tmp_path / "b", **small)
    assert (first.networks, first.shipped, first.stored, first.to_train, first.left_out) == (10, 5, 0, 5, 0)
    assert "5 of 10 networks are shipped, 5 to train (" in str(first)
    reproduction.fill(results=tmp_path / "b", where=atlas_folder, **small)
    trained = {path.name for path in (tmp_path / "b").rglob("*trial*.json")}
    assert trained and all("trial1" in name for name in trained), "trial 0 is shipped"
    both = filled(atlas_folder)
    pd.testing.assert_frame_equal(both[both.trial == 0].reset_index(drop=True), shipped)
    reproduction.fill(results=tmp_path / "whole", where=tmp_path / "at once", **small)
    pd.testing.assert_frame_equal(both, filled(tmp_path / "at once"))
    assert inspection.read("lenet-digits", atlas_folder).keys() == inspection.read("lenet-digits", tmp_path / "at once").keys()
    assert reproduction.fill(results=tmp_path / "c", where=atlas_folder, **small) == []
    assert not list((tmp_path / "c").rglob("*trial*")), "nothing is left to train"


def test_a_trial_that_is_shipped_in_part_goes_on_only_where_its_weights_are(plan, tmp_path, capsys):
    small, where = {**SMALL, "iterations": 30, "trials": 1}, tmp_path / "atlas"
    reproduction.fill(results=tmp_path / "a", where=where, **{**small, "levels": 1})
    capsys.readouterr()
    assert reproduction.fill(results=tmp_path / "b", where=where, **small) == []
    said = capsys.readouterr().err
    left_out = "2 networks are left out, since they build on networks that are shipped without their weights.\n"
    assert f"lenet-digits (1 x reinit): {left_out}" in said
    assert "lenet-digits (schedule oneshot): 1 networks are left out" in said
    elsewhere, here = (reproduction.missing(where=where, results=tmp_path / name, **small)[0] for name in "ba")
    assert (elsewhere.to_train, elsewhere.left_out) == (0, 2) and (here.to_train, here.left_out) == (2, 0)
    assert reproduction.fill(results=tmp_path / "a", where=where, **small)
    [whole, _] = reproduction.missing(where=where, results=tmp_path / "b", **small)
    assert (whole.shipped, whole.to_train, whole.left_out) == (5, 0, 0)


def test_what_a_results_folder_has_besides_is_to_be_added(plan, tmp_path):
    small, where = {**SMALL, "iterations": 30}, tmp_path / "atlas"
    lthlib.hunt("lenet-digits", "smoke", trials=1, levels=2, iterations=30, controls="reinit", results=tmp_path / "a")
    [first, second] = reproduction.missing(where=where, results=tmp_path / "a", **small)
    assert (first.shipped, first.stored, first.to_train) == (0, 5, 5) and "5 in the results folder to be added" in str(first)
    assert (second.stored, second.to_train) == (1, 5), "the dense network is the same"


@pytest.mark.parametrize("wrong", [{"budget": 0}, {"budget": -1.0}, {"budget": float("nan")}, {"trials": 0}, {"trials": -1}])
def test_no_time_and_no_trials_are_refused_before_anything_is_trained(plan, wrong, tmp_path):
    with pytest.raises(LotteryError, match=f"{next(iter(wrong))} is "):
        reproduction.fill(results=tmp_path / "r", where=tmp_path / "atlas", profile="smoke", **wrong)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_done_is_said(plan, monkeypatch, tmp_path, capsys):
    with pytest.raises(LotteryError, match="no plan for 'lenet-mnist'"):
        reproduction.fill(tasks=["lenet-mnist"])
    monkeypatch.setenv("LTHLIB_DATA", str(tmp_path))
    monkeypatch.setattr(reproduction, "EXPERIMENTS", [Experiment("lenet-mnist")])
    assert reproduction.fill(results=tmp_path / "r", where=tmp_path) == []
    assert "lenet-mnist is left out: its data is not in" in capsys.readouterr().err
