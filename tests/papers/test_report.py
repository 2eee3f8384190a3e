"""The report's verdicts follow its rule, and its page needs nothing else."""

import json
import re

import numpy as np
import pytest

import lthlib
from lthlib.__main__ import main
from lthlib.papers import claims, report

BETTER = claims.find("lenet-better-than-reinit")  # above 0, the paper prints +0.5 points
SOONER = claims.find("lenet-sooner-than-reinit")  # above 1, the paper prints 2.51 times
LEVEL = claims.find("lenet-level-at-3.6")  # level with 0, within 0.3


@pytest.mark.parametrize(
    ("claim", "values", "verdict"),
    [
        (BETTER, [0.4, 0.5, 0.6], "reproduced"),
        (BETTER, [0.1, 0.12, 0.11], "partly"),  # sure of the direction, but a quarter of the size
        (BETTER, [1.9, 2.0, 2.1], "partly"),
        (BETTER, [-0.4, 0.5, 1.4], "partly"),  # the interval reaches over zero
        (BETTER, [0.5, 0.5], "partly"),  # two trials have no interval
        (BETTER, [-0.1, -0.2, 0.1], "not"),
        (BETTER, [], "not yet run"),
        (SOONER, [2.4, 2.5, 2.6], "reproduced"),
        (SOONER, [1.3, 1.31, 1.32], "partly"),
        (SOONER, [0.8, 0.9, 0.85], "not"),
        (LEVEL, [0.01, -0.01, 0.02], "reproduced"),
        (LEVEL, [0.5, 0.5, 0.6], "not"),
    ],
)
def test_the_verdict_is_the_stated_rule(claim, values, verdict):
    assert report.verdict(claim, np.array(values)) == verdict


def test_every_claim_has_a_row_and_a_verdict():
    rows = report.measured()
    assert list(rows.index) == [claim.id for claim in claims.load()] and set(rows.verdict) <= set(report.VERDICTS)
    assert (rows.trials[rows.verdict == "not yet run"] == 0).all() and (rows.trials[rows.verdict == "partly"] > 0).all()


def test_a_claim_is_measured_at_its_own_setting_alone(tmp_path, monkeypatch):
    monkeypatch.setattr("lthlib.atlas.folder", lambda: tmp_path / "none")
    lthlib.hunt("lenet-digits", "smoke", levels=1, trials=1, iterations=10, results=tmp_path, progress=False)
    assert set(report.measured(tmp_path).verdict) == {"not yet run", "not measured"}
    oneshot = claims.find("lenet-oneshot-earlier")
    assert report._setting(oneshot).schedule == "oneshot" and report._setting(SOONER).schedule == "iterative"


def test_the_page_needs_nothing_else(tmp_path, capsys):
    lthlib.hunt("lenet-digits", "smoke", levels=1, trials=1, iterations=10, results=tmp_path, progress=False)
    assert main(["report", str(tmp_path), "--to", str(tmp_path / "out")]) == 0
    page = (tmp_path / "out" / "report.html").read_text()
    assert not re.search(r'(?:src|href)="(?!data:)', page) and "<script" not in page
    assert page.count("<tr>") == 1 + len(claims.load()) == (tmp_path / "out" / "report.md").read_text().count("\n| ")
    assert main(["report", str(tmp_path / "nowhere")]) == 2 and "cannot be used" in capsys.readouterr().err


def test_the_atlas_suffices(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report"]) == 0
    assert capsys.readouterr().out.split() == ["report/report.html", "report/report.md"]
    text = (tmp_path / "report" / "report.md").read_text()
    assert "3 reproduced" in text and [path.name for path in tmp_path.iterdir()] == ["report"]


def test_accuracy_and_early_stop_share_no_axis(monkeypatch):
    drawn = []
    monkeypatch.setattr(report.plots, "as_html", lambda figure: drawn.append(figure) or "")
    assert list(report._figures(None)) and drawn
    for figure in drawn:
        accuracy, stop = figure.axes[:2]
        assert "(%)" in accuracy.get_ylabel() and "(iteration)" in stop.get_ylabel()
        assert accuracy.get_ylim()[1] <= 110 < stop.get_ylim()[1]


def test_what_lessons_measured_of_other_claims_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr("lthlib.atlas.folder", lambda: tmp_path / "none")
    lthlib.hunt("lenet-digits", "smoke", levels=1, trials=1, iterations=10, results=tmp_path, progress=False)
    run = {"lesson": 12, "task": "lenet-mnist1d", "profile": "quick"}
    beside = claims.beside_paper({"init-pruning-beats-random": [1.0, 1.1, 1.2], "lenet-better-at-13": [0.1, 0.2, 0.3]})
    for folder, way in (("lesson-12", "snip"), ("batch/a/b/figures", "grasp")):
        (tmp_path / folder).mkdir(parents=True)
        table = beside.assign(method=way).reset_index().to_dict()
        (tmp_path / folder / "result.json").write_text(json.dumps({**run, "beside": table}))
    for name, content in (("odd", "[]"), ("not", "{"), ("other", '{"lesson": 1, "beside": {"claim": {"0": 7}}}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(content)
    rows = report.measured(tmp_path)
    row = rows.loc["init-pruning-beats-random"]
    assert row.verdict == "in a lesson" and "+1.10 points (snip) [0.85 to 1.35]" in row.here and "(grasp)" in row.here
    assert "on the claim's side: yes (lesson 12, lenet-mnist1d, profile quick)" in row.here
    assert rows.verdict["lenet-better-at-13"] == "not yet run", "at its own setting it is measured from tables alone"
    assert rows.verdict["init-pruning-shuffled"] == "not measured"


def test_every_claim_has_a_label_of_its_own():
    assert len({claim.label for claim in claims.load()}) == len(claims.load())
