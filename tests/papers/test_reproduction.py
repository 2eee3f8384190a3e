"""Filling the atlas: stopped by its budget and gone on with, it ends as if it had never been stopped."""

import time

import pandas as pd
import pytest

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
    assert len(lines) == len(reproduction.EXPERIMENTS) and any("vgg19-cifar10 (warmup 10000): 5 of 5" in line for line in lines)
    assert "lenet-mnist: 2 of 5 trials to do, and 3 to go on from level 21 to 22" in lines, "three are shipped"
    assert main(["atlas", "--dry-run", "--trials", "2", "--tasks", "lenet-mnist"]) == 0
    assert "lenet-mnist: 0 of 2 trials to do, and 2 to go on from level 21 to 22" in capsys.readouterr().out


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
