"""The paper's figures from what is shipped: numbers where the paper prints them, and a trial trained again beside the
shipped one."""

import numpy as np
import pytest

from lthlib import LotteryError
from lthlib.__main__ import main
from lthlib.analysis.summary import summarise
from lthlib.commands.papers import figures_of_the_paper
from lthlib.papers import claims, figures, reproduction
from lthlib.papers.reproduction import Experiment
from lthlib.storage import atlas

SMALL = {"profile": "smoke", "iterations": 60}


def test_every_figure_is_offered_and_its_experiments_are_in_the_plan():
    assert figures_of_the_paper() == list(figures.FIGURES)
    planned = {(e.task, str(e.changes)) for e in reproduction.EXPERIMENTS}
    for figure in figures.FIGURES.values():
        assert {(e.task, str(e.changes)) for e in figure.experiments} <= planned


def test_the_papers_numbers_lie_beside_the_dense_networks():
    table = atlas.read("lenet-mnist", figures.LENET.setting("paper"))
    networks = summarise(table)
    dense = networks[networks.level == 0]
    [(density, value, words)] = figures.marked(table, "lenet-mnist", "early_stop")
    claim = claims.find("lenet-earlier-at-21")
    assert density == pytest.approx(100 * claim.density)
    assert value == pytest.approx(dense.early_stop.mean() * claim.number / 100)
    assert claim.printed in words
    by_density = {density: value for density, value, _ in figures.marked(table, "lenet-mnist", "test_accuracy")}
    above = by_density[100 * claims.find("lenet-better-at-13").density] - 100 * dense.test_accuracy.mean()
    assert above == pytest.approx(claims.find("lenet-better-at-13").number)


@pytest.mark.parametrize("name", ["figure-3", "figure-4"])
def test_a_figure_is_drawn_from_what_is_shipped(name, tmp_path, capsys):
    assert main(["reproduce", name, "--as-shipped", "--to", str(tmp_path / "a.png"), "--results", str(tmp_path / "no")]) == 0
    out = capsys.readouterr().out
    assert "networks are shipped" in out and out.rstrip().endswith("a.png")
    assert (tmp_path / "a.png").stat().st_size > 10_000
    assert not (tmp_path / "no").exists(), "nothing was trained"


def test_what_is_missing_is_trained_into_the_results_folder_and_not_into_the_atlas(tmp_path, monkeypatch, capsys):
    experiment = Experiment("lenet-digits", {}, "reinit")
    small = figures.PaperFigure("a test", (experiment,), figures.against_density, ("test_accuracy",))
    monkeypatch.setitem(figures.FIGURES, "figure-3", small)
    monkeypatch.setattr(
        Experiment, "setting", lambda self, profile, **more: _smoke(self)
    )  # the paper's setting of digits takes hours
    monkeypatch.setattr(reproduction.lottery, "hunt", _smaller(reproduction.lottery.hunt))
    monkeypatch.setattr(reproduction, "_lacking", lambda *a, **k: reproduction.Lacking(experiment, 1, 0, 0, 1, None, None))
    before = set(atlas.folder().iterdir())
    arguments = ["--trials", "1", "--results", str(tmp_path / "r"), "--to", str(tmp_path / "a.png")]
    assert main(["reproduce", "figure-3", *arguments]) == 0
    assert (tmp_path / "a.png").exists() and list((tmp_path / "r").rglob("ticket-trial0-*.json"))
    assert set(atlas.folder().iterdir()) == before
    capsys.readouterr()


def _smoke(experiment):
    return reproduction.resolve(reproduction.find_task(experiment.task), "smoke", **experiment.changes, iterations=60)[0]


def _smaller(hunt):
    def smaller(task, profile, **more):
        return hunt(task, "smoke", **{**more, "iterations": 60, "levels": 1})

    return smaller


def test_a_trial_trained_again_is_the_shipped_one_to_the_bit_here(tmp_path, monkeypatch):
    experiment = Experiment("lenet-digits", {}, "reinit")
    monkeypatch.setattr(reproduction, "EXPERIMENTS", [experiment])
    reproduction.fill(results=tmp_path / "a", where=tmp_path / "atlas", trials=2, levels=2, **SMALL)
    small = figures.PaperFigure("a test", (experiment,), figures.against_density, ("test_accuracy",))
    rows = figures.from_scratch(small, 1, "cpu", tmp_path / "atlas", **SMALL)
    assert sorted(zip(rows.method, rows.level)) == [("iterative", 0), ("iterative", 1), ("reinit", 1)]
    assert rows.equal.all() and rows.close.all() and (rows.early_stop == 0).all() and np.allclose(rows.points, 0)
    assert "3 networks: 3 equal bit for bit, 3 within the task's margin" in figures.in_words(rows)
    other = atlas.read("lenet-digits", where=tmp_path / "atlas")
    other.loc[(other.level == 1) & (other.split == "test"), "accuracy"] -= 0.02
    table = atlas.read("lenet-digits", where=tmp_path / "atlas")
    rows = figures.same_as_shipped(table[table.trial == 0], other)
    assert list(rows.equal) == [level != 1 for level in rows.level]
    assert rows.points[rows.level == 1].to_numpy() == pytest.approx(2)
    assert not rows.close[rows.level == 1].any()


def test_what_cannot_be_drawn_is_said(tmp_path, capsys):
    assert main(["reproduce", "figure-2"]) == 2
    assert "choose one of figure-1, figure-3" in capsys.readouterr().err
    assert main(["reproduce", "figure-5", "--as-shipped", "--results", str(tmp_path), "--to", str(tmp_path / "x.png")]) == 2
    assert "nothing of conv2-cifar10, conv4-cifar10, conv6-cifar10" in capsys.readouterr().err
    assert main(["reproduce", "figure-4", "--to", str(tmp_path / "x.pdf")]) == 2
    assert "ends in .png" in capsys.readouterr().err
    nothing = figures.PaperFigure("a test", (Experiment("lenet-digits"),), figures.against_density, ("test_accuracy",))
    with pytest.raises(LotteryError, match="nothing of this figure is shipped"):
        figures.from_scratch(nothing, where=tmp_path / "empty")
