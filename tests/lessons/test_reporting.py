"""What lessons share: the words for a mean, where results go, and the last cell."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lthlib import analysis, tasks
from lthlib.core.errors import LotteryError
from lthlib.lessons import reporting
from tests.conftest import ROOT

THREE = [1.0, 2.0, 3.0]  # mean 2, and 2 -+ 2.920 * 1 / sqrt(3)
KINDS = [list, np.array, pd.Series]


@pytest.fixture
def shown(monkeypatch):
    """The texts that a lesson displays."""
    texts = []
    monkeypatch.setattr(reporting, "display", lambda markdown: texts.append(markdown.data))
    return texts


@pytest.mark.parametrize("kind", KINDS)
def test_a_mean_in_full_has_its_unit_its_bounds_and_its_trials(kind):
    assert reporting.in_full(kind(THREE)) == "+2.00 points (95 % bounds +0.31 to +3.69; 3 trials)"
    assert reporting.in_full(kind(THREE), "").startswith("+2.00 (95 %")
    words = reporting.in_full(kind([-1.0, 0.0, 4.0]), "nats", 3, count="{above} of {trials} above zero")
    assert words == "+1.000 nats (95 % bounds -3.460 to +5.460; 1 of 3 above zero)"


@pytest.mark.parametrize("kind", KINDS)
def test_too_few_trials_have_a_mean_but_no_bounds(kind):
    two = kind([1.0, 2.0])
    assert reporting.in_full(two) == "+1.50 points (too few trials for bounds; 2 trials)"
    assert reporting.in_brief(two) == "+1.5"
    assert reporting.in_brief(two, unknown="no bounds") == "+1.5 (no bounds)"
    assert reporting.span(two) == "none" and reporting.span(two, unknown="") == ""
    assert reporting.judged(two, 0.5) == "no verdict: +1.5 points (2 trials; fewer than 3 have no bounds)"


@pytest.mark.parametrize("kind", KINDS)
def test_a_mean_in_brief_with_or_without_plus_signs(kind):
    assert reporting.in_brief(kind(THREE)) == "+2.0 (+0.3 to +3.7)"
    assert reporting.in_brief(kind(THREE), "") == "2.0 (0.3 to 3.7)"
    assert reporting.span(kind(THREE), 2, label=reporting.BOUNDS) == "95 % bounds +0.31 to +3.69"


def test_a_mean_in_brief_with_its_verdict():
    assert reporting.in_brief(THREE, margin=0.5) == "+2.0 (+0.3 to +3.7): better"
    assert reporting.in_brief([-1.0, 0.0, 1.0], margin=2) == "+0.0 (-1.7 to +1.7): as good"
    assert reporting.in_brief([-1.0, 0.0, 1.0], margin=0.5) == "+0.0 (-1.7 to +1.7): inconclusive"
    assert reporting.in_brief([1.0, 2.0], unknown="no bounds", margin=0.5) == "+1.5 (no bounds): no verdict"
    with pytest.raises(LotteryError, match="as a number above 0"):
        reporting.in_brief(THREE, margin=0)


def test_rounding_hides_no_side_of_zero():
    assert reporting.in_brief([0.7, 1.7, 2.7]) == "+1.70 (+0.01 to +3.39)"  # and not +0.0
    assert reporting.in_brief([-0.98, 0.02, 1.02]) == "+0.02 (-1.67 to +1.71)"
    assert reporting.in_brief([-0.98, 0.02, 1.02], sign="") == "0.0 (-1.7 to 1.7)", "a number with no sign has no side"
    nothing = [1e-14, -2e-14]  # what is left of equal numbers
    assert reporting.in_brief(nothing) == "+0.0" and reporting.judged(nothing, 1.0).startswith("no verdict: +0.0 points")


@pytest.mark.parametrize(
    ("gains", "says"),
    [
        (THREE, "better: +2.0 points (95 % bounds +0.3 to +3.7; 3 trials)"),
        ([-0.1, 0.0, 0.1], "as good: +0.0 points (95 % bounds -0.2 to +0.2, margin 0.5; 3 trials)"),
        ([-3.0, -2.0, -1.0], "worse: -2.0 points (95 % bounds -3.7 to -0.3; 3 trials)"),
        ([-1.0, 0.0, 1.0], "inconclusive: +0.0 points (95 % bounds -1.7 to +1.7, margin 0.5; 3 trials; about 13 trials"),
    ],
)
def test_one_question_is_judged_by_its_margin(gains, says):
    assert reporting.judged(gains, 0.5).startswith(says)
    known = analysis.weigh(gains)
    assert reporting.judged(known, 0.5) == reporting.judged(gains, 0.5)
    assert reporting.in_brief(known, margin=0.5) == reporting.in_brief(gains, margin=0.5)


@pytest.mark.parametrize("margin", [0, -1.0, "big", float("inf")])
def test_a_margin_is_a_number_above_zero(margin):
    with pytest.raises(LotteryError, match="as a number above 0"):
        reporting.judged(THREE, margin)


def test_an_unknown_margin_gives_no_verdict():
    assert reporting.judged(THREE, float("nan")) == "no verdict: +2.0 points (3 trials)"
    assert reporting.in_brief(THREE, margin=float("nan")) == "+2.0 (+0.3 to +3.7): no verdict"


def test_a_pooled_spread_is_taken_as_it_is():
    pooled = analysis.Evidence(2.0, 1.0, 3, 6.0)  # 2 -+ 1.943 / sqrt(3)
    assert reporting.in_brief(pooled) == "+2.0 (+0.9 to +3.1)"
    assert reporting.direction(pooled, "up", "down", "cannot tell") == "up"


def test_counts_and_directions_follow_the_values():
    assert reporting.above_zero(pd.Series([1.0, 0.0, -1.0, np.nan])) == "1 of 4"
    words = ("better", "worse", "not told apart")
    assert reporting.direction(THREE, *words) == "better"
    assert reporting.direction([-value for value in THREE], *words) == "worse"
    assert reporting.direction([-1.0, 1.0, 3.0], *words) == reporting.direction([5.0, 5.1], *words) == "not told apart"


def test_a_verdict_against_a_control_says_only_whether_the_ticket_is_better():
    said = [reporting.than_control(verdict) for verdict in ("better", "as good", "worse", "inconclusive", "none")]
    assert said == ["better", "not shown to be better", "worse", "not shown to be better", "no verdict"]


def test_a_table_is_aggregated_in_words():
    table = pd.DataFrame({"near": THREE, "far": [4.0, 5.0, 6.0]})
    assert table.agg(reporting.in_brief).tolist() == ["+2.0 (+0.3 to +3.7)", "+5.0 (+3.3 to +6.7)"]
    groups = table.near.groupby([0, 0, 1])
    assert groups.agg(reporting.above_zero).tolist() == ["2 of 2", "1 of 1"]


def test_empty_folders_take_the_usual_ones(tmp_path, monkeypatch):
    monkeypatch.setenv("LTHLIB_RESULTS", str(tmp_path))
    assert reporting.folders("", "", 3) == (tmp_path, tmp_path / "lesson-03")
    assert reporting.folders("kept", "", 12) == ("kept", Path("kept/lesson-12"))
    assert reporting.folders("kept", "figures", 12) == ("kept", Path("figures"))
    assert not list(tmp_path.iterdir())


def test_a_lesson_ends_with_its_lines_shown_and_kept(tmp_path, shown):
    output, lines = tmp_path / "new" / "lesson-06", ["Zürich: 1 %.", "Second."]
    run = {"lesson": 6, "task": "lenet-digits"}
    reporting.conclude(output, run, lines, beside={"paper": {0: float("nan")}})
    assert shown == ["1. Zürich: 1 %.\n2. Second."]
    expected = {"lesson": 6, "task": "lenet-digits", "summary": lines, "beside": {"paper": {0: float("nan")}}}
    assert (output / "result.json").read_bytes() == json.dumps(expected, indent=1).encode()
    assert run == {"lesson": 6, "task": "lenet-digits"}
    assert [path.name for path in output.iterdir()] == ["result.json"]


def test_what_json_cannot_hold_leaves_the_older_file_alone(tmp_path, shown):
    reporting.conclude(tmp_path, {"lesson": 1}, ["First."])
    before = (tmp_path / "result.json").read_bytes()
    with pytest.raises(TypeError):
        reporting.conclude(tmp_path, {"lesson": 1}, ["Second."], table=pd.Series(THREE))
    assert before == b'{\n "lesson": 1,\n "summary": [\n  "First."\n ]\n}'
    assert (tmp_path / "result.json").read_bytes() == before
    reporting.conclude(tmp_path, {"lesson": 1}, ["Third."])
    assert json.loads((tmp_path / "result.json").read_text())["summary"] == ["Third."]


@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda path: path.stem)
def test_every_lesson_ends_through_the_library(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    [place] = [place for place, source in enumerate(code) if "reporting.conclude(output, " in source]
    assert all("question(" in source or "questions.quiz(" in source for source in code[place + 1 :]), "a quiz alone follows"
    assert not any("write_atomically" in source for source in code)


ASKED = ("the ticket", "reinit", "neither: no sure difference")


@pytest.mark.parametrize(
    ("values", "margin", "answer"),
    [
        ([1.0, 1.1, 0.9], 2.5, "the ticket"),  # sure, though smaller than the margin
        ([-1.0, -1.1, -0.9], 2.5, "reinit"),  # sure as well: "as good" up to the margin, and yet behind
        ([0.2, -0.1, 0.0], 2.5, "neither: no sure difference"),
        ([3.0, -3.0, 0.2], 0.8, None),  # inconclusive
        ([1.0, 1.1], 0.8, None),  # too few
        ([0.2, -0.1, 0.0], float("nan"), None),
    ],
)
def test_who_is_ahead_is_a_sure_difference_whatever_its_size(values, margin, answer):
    assert reporting.which_of(values, margin, ASKED) == answer


def test_who_is_ahead_from_a_row_of_compare():
    row = pd.Series({"low": 0.6, "high": 2.3, "verdict": "better"})
    assert reporting.which(row, ASKED) == "the ticket"
    assert reporting.which(pd.Series({"low": -0.6, "high": 2.3, "verdict": "as good"}), ASKED) == ASKED[2]


def test_what_a_lesson_runs_is_said_from_the_setting():
    task = tasks.find_task("lenet-mnist1d")
    said = reporting.what_runs(task, *tasks.resolve(task, "quick", rate=0.5, levels=2, trials=4, iterations=70))
    expected = ["`lenet-mnist1d`", "LeNet with 43,000", "70 iterations", "2 rounds", "50 %", "output 25 %", "25.7 %", "4 trials"]
    assert all(word in said for word in [*expected, "margin 2.5 points", "Scope: layer"])
    said = reporting.what_runs(task, *tasks.resolve(task, "quick", scope="uniform", rate=0.5, levels=1), scope="two of them")
    assert "1 round of" in said and "(of" not in said and "50.0 %" in said and "Scope: two of them" in said
    assert "Twice. Scope" in reporting.what_runs(task, *tasks.resolve(task, "quick"), rounds="Twice")


def test_a_note_says_for_what_verdicts_are_corrected_and_bounds_are_not():
    said = reporting.corrected("the 5 methods of a column")
    assert said.startswith("Verdicts are corrected for the 5 methods of a column (Holm, lesson 8); 95 % bounds are each")
