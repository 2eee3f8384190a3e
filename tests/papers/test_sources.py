"""Claims are measured in hunts that are set up as they say, of any folder, and in what lessons wrote."""

import dataclasses
import json

import pytest

import lthlib
from lthlib.core.errors import LotteryError
from lthlib.papers import beside, claims, sources
from lthlib.settings import Setting
from lthlib.storage import atlas
from lthlib.tasks import PROFILES, TASKS, resolve

SHORT = {"levels": 1, "trials": 1, "iterations": 10, "progress": False}
LESSON = {"lesson": 12, "task": "lenet-mnist1d", "profile": "quick"}


@pytest.fixture
def no_atlas(tmp_path, monkeypatch):
    monkeypatch.setattr("lthlib.atlas.folder", lambda: tmp_path / "none")


def lesson(folder, table, **changes):
    folder.mkdir(parents=True)
    (folder / "result.json").write_text(json.dumps({**LESSON, **changes, "beside": table.to_dict()}))


def test_a_profiles_setting_is_what_resolve_makes_of_it():
    for task in TASKS:
        for profile in PROFILES[task]:
            for changes in ({}, {"schedule": "oneshot"}):
                expected = resolve(TASKS[task], profile, **changes)[0].identity()
                assert sources.setting_of(task, profile, tuple(changes.items())).identity() == expected, (task, profile)
    warm = {"learning_rate": 0.03, "warmup": 20_000}
    resnet = sources.setting_of("resnet20-cifar10", "paper", tuple(warm.items()))
    assert resnet.identity() == resolve(TASKS["resnet20-cifar10"], "paper", **warm)[0].identity()


def test_the_atlas_alone_has_fifteen_claims_that_hold():
    rows = sources.rows()
    held = rows[rows.verdict.isin(["reproduced", "as good"])]
    assert held.id.nunique() >= 15 and (held.trials >= 3).all() and held[["low", "high"]].notna().all().all()
    assert set(held.scale) <= {"paper", "quick"} and (held["from"] == "the atlas").all()
    own = {claim.id for claim in claims.load() if claim.task in (claims.SEVERAL, "lenet-mnist", "lenet-mnist1d")}
    assert set(held.id) <= own


def test_every_row_is_what_beside_paper_says_of_the_same_table():
    setting = sources.setting_of("lenet-mnist", "paper")
    table = atlas.read("lenet-mnist", setting)
    rows = sources.rows()
    ours = rows[rows.on.str.startswith("lenet-mnist,")].set_index("id")
    for id in ("lenet-better-at-13", "lenet-sooner-than-reinit", "tickets-faster-above"):
        assert ours.loc[id, beside.COLUMNS].tolist() == lthlib.beside_paper({id: table}).loc[id].tolist()


def test_a_claim_is_measured_in_hunts_like_the_papers_alone(tmp_path, no_atlas):
    hunt = {**SHORT, "results": tmp_path}
    lthlib.hunt("lenet-digits", "smoke", **hunt)
    lthlib.hunt("lenet-digits", "smoke", learning_rate=0.1, **hunt)
    lthlib.hunt("lenet-digits", "smoke", schedule="oneshot", **hunt)
    lthlib.hunt("lenet-digits", "smoke", scope="global", **hunt)
    runs = sources.runs(tmp_path)
    assert {(run.changes, run.scale) for run in runs} == {((), "other"), ((("schedule", "oneshot"),), "other")}
    oneshot = claims.find("lenet-oneshot-better")
    assert [sources.measures(oneshot, run) for run in runs] == [bool(run.changes) for run in runs]
    conv = claims.find("conv2-better")
    assert not any(sources.measures(conv, run) for run in runs), "a LeNet says nothing about Conv-2"
    assert not any(sources.measures(claims.find("conv-only-better"), run) for run in runs), "a lesson prunes parts"


def test_seeds_count_as_one_hunt_and_sweeps_are_looked_into(tmp_path, no_atlas):
    for seed in (0, 1):
        lthlib.hunt("lenet-digits", "smoke", seed=seed, results=tmp_path / "batch" / f"run-{seed}", **SHORT)
    [run] = sources.runs(tmp_path)
    assert run.table.trial.nunique() == 2 and run.table.setting.nunique() == 1 and run.source == "run-0, run-1"
    assert [store.folder.name for store in sources.stores(tmp_path)] == ["run-0", "run-1"]


def test_a_network_of_ones_own_is_one_of_several(tmp_path, no_atlas, own_task):
    lthlib.hunt(own_task, "smoke", results=tmp_path, **SHORT)
    [run] = sources.runs(tmp_path)
    assert run.setting.fingerprint and run.scale == "other"
    assert sources.measures(claims.find("tickets-more-accurate-above"), run)
    assert not sources.measures(claims.find("lenet-better-at-51"), dataclasses.replace(run, changes=()))


def test_folders_without_results_are_named(tmp_path):
    with pytest.raises(LotteryError, match="nowhere cannot be used"):
        sources.rows(tmp_path / "nowhere")
    with pytest.raises(LotteryError, match="cannot be used"):
        sources.rows(tmp_path)


def test_what_lessons_measured_counts_with_its_verdict_at_its_scale(tmp_path, no_atlas):
    values = {"init-pruning-beats-random": [1.0, 1.1, 1.2], "lenet-better-at-13": [0.1, 0.2, 0.3], "conv2-better": []}
    table = beside.beside_paper(values, on="lenet-mnist1d")
    lesson(tmp_path / "lesson-12", table)
    lesson(tmp_path / "batch" / "a" / "figures", table.assign(method="grasp").reset_index(), profile="smoke")
    rows = sources.rows(tmp_path)
    first, way = rows[rows.id == "init-pruning-beats-random"].to_dict("records")
    assert (first["verdict"], first["scale"], first["from"]) == ("reproduced", "smoke", "lesson 12")
    assert first["here"].endswith("(grasp)") and way["here"] == "+1.10 points" and way["scale"] == "quick"
    assert way["on"] == "lenet-mnist1d" and way["95 % bounds"] == "+0.93 to +1.27" and way["trials"] == 3
    assert set(rows[rows.id == "lenet-better-at-13"].verdict) == {"same direction"}
    assert "conv2-better" not in set(rows.id), "no level, no measurement"


def test_a_measurement_counts_once_by_whomever(tmp_path):
    setting = sources.setting_of("lenet-mnist", "paper")
    shipped = beside.beside_paper({"lenet-better-at-13": atlas.read("lenet-mnist", setting)})
    lesson(tmp_path / "a", shipped, task="lenet-mnist", profile="paper")
    rows = sources.rows(tmp_path)
    assert (rows[rows.id == "lenet-better-at-13"].on.str.startswith("lenet-mnist,")).sum() == 1


def test_a_lesson_that_did_not_say_the_task_is_of_the_task_that_it_ran_on(tmp_path, no_atlas):
    lesson(tmp_path / "a", beside.beside_paper({"init-pruning-shuffled": [0.1, 0.2, 0.3]}), task="lenet-digits,vae-digits")
    assert sources.rows(tmp_path).on.tolist() == ["lenet-digits"]


def test_older_and_foreign_result_files_are_left_out(tmp_path, no_atlas, capsys):
    table = beside.beside_paper({"init-pruning-beats-random": [1.0, 1.1, 1.2]})
    lesson(tmp_path / "old", table.drop(columns="verdict").assign(**{"same direction": "yes"}))
    lesson(tmp_path / "typed", table.assign(verdict="splendid"))
    lesson(tmp_path / "good", table)
    for name, content in (("odd", "[]"), ("not", "{"), ("other", '{"lesson": 1, "beside": {"claim": {"0": 7}}}')):
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(content)
    assert sources.rows(tmp_path).id.tolist() == ["init-pruning-beats-random"]
    assert "1 result.json of lessons are of an older version" in capsys.readouterr().err


def test_a_setting_of_another_kind_has_no_scale():
    assert sources._kind(Setting("lenet-digits", rate=0.7)) is None
    assert sources._kind(sources.setting_of("lenet-mnist", "paper")) == ((), "paper")
    assert sources._kind(dataclasses.replace(sources.setting_of("lenet-digits", "quick"), seed=9)) == ((), "quick")
