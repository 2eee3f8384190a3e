"""analysis.pooling: settings as columns, and hunts of several seeds as more trials of one."""

import dataclasses
import io
import re

import numpy as np
import pandas as pd
import pytest

import lthlib
from lthlib import Recipe, Setting, analysis
from lthlib.__main__ import main
from lthlib.core.errors import LotteryError
from lthlib.lottery import transfer
from lthlib.storage.store import COLUMNS
from tests.conftest import ROOT

SHORT = {"levels": 1, "trials": 2, "iterations": 6, "evaluate_every": 3, "progress": False, "device": "cpu", "workers": 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("kept")


@pytest.fixture(scope="module")
def hunts(folder):
    """Three seeds of one setting, the last of fewer trials."""
    trials = {0: 2, 1: 2, 7: 1}
    return [
        lthlib.hunt("lenet-digits", "smoke", seed=seed, controls="reinit", results=folder, **{**SHORT, "trials": count})
        for seed, count in trials.items()
    ]


@pytest.fixture(scope="module")
def other(folder, hunts):
    """A hunt that differs in rate and learning rate."""
    return lthlib.hunt("lenet-digits", "smoke", rate=0.5, learning_rate=0.01, results=folder, **SHORT)


def test_columns_say_which_setting_a_row_is_of(folder, hunts, other):
    networks = lthlib.with_settings(lthlib.summarise(lthlib.results(folder)), folder)
    added = ["profile", "seed", "rate", "scope", "score", "rewind", "iterations", "learning_rate", "changes"]
    assert list(networks.columns) == [*analysis.NETWORK, *analysis.MEASURES, *analysis.MARKS, *added]
    told, shorter = networks.set_index("setting")[added].drop_duplicates(), "iterations=6, evaluate_every=3"
    assert told.loc[hunts[2].setting[0]].tolist() == ["smoke", 7, 0.2, "layer", "magnitude", 0, 6, 0.0012, shorter]
    assert told.loc[other.setting[0]].tolist() == [
        *("smoke", 0, 0.5, "layer", "magnitude", 0, 6, 0.01),
        "learning_rate=0.01, iterations=6, evaluate_every=3, rate=0.5",
    ]
    assert set(networks.seed[networks.setting == hunts[1].setting[0]]) == {1}


def test_fields_of_your_choice_on_the_tidy_table(folder, hunts):
    table = lthlib.with_settings(hunts[0], folder, fields=["batch_size", "milestones"])
    assert list(table.columns) == [*COLUMNS, "batch_size", "milestones"] and set(table.batch_size) == {60}
    assert table[list(COLUMNS)].equals(hunts[0]) and set(table.milestones) == {()}
    assert lthlib.summarise(table).equals(lthlib.summarise(hunts[0])), "and what takes tables takes this one"
    told = lthlib.with_settings(hunts[0], folder, fields=["changes", "profile"])
    assert list(told.columns) == [*COLUMNS, "changes", "profile"] and set(told.profile) == {"smoke"}
    with pytest.raises(LotteryError, match="unknown field 'batchsize': did you mean 'batch_size'"):
        lthlib.with_settings(hunts[0], folder, fields="batchsize")


def test_every_field_can_be_a_column():
    names = {field.name for kind in (Setting, Recipe) for field in dataclasses.fields(kind)} - {"recipe"}
    assert set(analysis.pooling.FIELDS) == names


def test_a_folder_without_the_setting_is_named(tmp_path, own_task, hunts):
    lthlib.hunt(own_task, results=tmp_path, **SHORT)
    with pytest.raises(LotteryError, match=f"{tmp_path} has no setting lenet-digits/{hunts[0].setting[0]}"):
        lthlib.with_settings(hunts[0], tmp_path)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1)])
def test_seeds_become_trials(folder, hunts, order):
    pooled = lthlib.pool_seeds([hunts[place] for place in order], folder)
    assert len(pooled) == sum(map(len, hunts)) and pooled.setting.nunique() == 1
    for control in ("reinit", "dense"):
        together = analysis.pairs(pooled, control).difference
        apart = [analysis.pairs(hunt, control).difference for hunt in hunts]
        assert together.index.get_level_values("trial").tolist() == [0, 1, 2, 3, 4]
        assert together.tolist() == [value for hunt in apart for value in hunt], "trials are in the order of the seeds"
    assert lthlib.compare(pooled, "reinit").trials.tolist() == [5]
    assert np.isfinite(analysis.matching(pooled).points_low).all(), "five trials have an interval"


def test_one_table_of_all_seeds_is_pooled_alike(folder, hunts):
    identities = {hunt.setting[0] for hunt in hunts}
    table = lthlib.results(folder)
    table = table[table.setting.isin(identities)]
    whole, listed = (lthlib.summarise(lthlib.pool_seeds(given, folder)) for given in (table, hunts))
    order = ["method", "trial", "redraw", "level"]
    assert whole.sort_values(order, ignore_index=True).equals(listed.sort_values(order, ignore_index=True))
    summaries = lthlib.pool_seeds([lthlib.summarise(hunt) for hunt in hunts], folder)
    assert summaries.sort_values(order, ignore_index=True).equals(listed.sort_values(order, ignore_index=True))


def test_hunts_that_differ_in_more_than_the_seed_are_refused(folder, hunts, other):
    with pytest.raises(LotteryError, match=r"differ in rate \(0.2 and 0.5\)"):
        lthlib.pool_seeds([hunts[0], other], folder)
    noisy = lthlib.hunt(transfer.noisy("lenet-digits"), "smoke", seed=1, results=folder, **SHORT)
    with pytest.raises(LotteryError, match=r"differ in task \('lenet-digits' and 'lenet-digits-noisy0'\)"):
        lthlib.pool_seeds([hunts[0], noisy], folder)
    longer = lthlib.hunt("lenet-digits", "smoke", seed=1, results=folder, **{**SHORT, "iterations": 7})
    with pytest.raises(LotteryError, match=r"differ in iterations \(6 and 7\)"):
        lthlib.pool_seeds([hunts[0], longer], folder)


def test_no_trial_counts_twice(folder, hunts):
    with pytest.raises(LotteryError, match=f"setting {hunts[0].setting[0]} is in two of the tables"):
        lthlib.pool_seeds([hunts[0], hunts[1], hunts[0]], folder)
    for nothing in ([], pd.DataFrame(columns=COLUMNS)):
        with pytest.raises(LotteryError, match="nothing to pool"):
            lthlib.pool_seeds(nothing, folder)


def test_the_command_line_lists_settings_and_writes_csv(folder, hunts, other, tmp_path, capsys):
    assert main(["results", str(folder)]) == 0
    listed = pd.read_fwf(io.StringIO(capsys.readouterr().out)).set_index("setting")
    told = listed.loc[hunts[2].setting[0], ["task", "methods", "levels", "trials", "networks", "seed", "rate", "changes"]]
    assert told.tolist() == ["lenet-digits", "iterative,reinit", 1, 1, 3, 7, 0.2, "iterations=6, evaluate_every=3"]
    file = tmp_path / "out.csv"
    assert main(["results", str(folder), "--csv", str(file)]) == 0
    assert capsys.readouterr().out.strip() == str(file)
    networks = lthlib.with_settings(lthlib.summarise(lthlib.results(folder)), folder)
    pd.testing.assert_frame_equal(pd.read_csv(file, keep_default_na=False).astype(networks.dtypes), networks)


def test_levels_pool_seeds_and_say_so(folder, hunts, other):
    several = pd.concat(hunts, ignore_index=True)
    shown, apart = lthlib.levels(several, results=folder), lthlib.levels(hunts[0])
    assert shown.columns.name == shown.attrs["note"] == "3 seeds pooled, 5 trials" and "3 seeds pooled" in shown.to_string()
    assert apart.columns.name is None and "note" not in apart.attrs
    pooled = lthlib.pool_seeds(hunts, folder)
    pd.testing.assert_frame_equal(lthlib.levels(pooled), shown)
    pd.testing.assert_frame_equal(lthlib.levels(lthlib.summarise(several), results=folder), shown)
    means = 100 * lthlib.summarise(pooled).groupby(["level", "method"]).test_accuracy.mean()
    assert shown.loc[1, "reinit"].startswith(f"{means[1, 'reinit']:.1f} (")
    first = pooled[pooled.trial < 2]
    assert lthlib.levels(first).attrs["note"] == "3 seeds pooled, 2 trials", "what is there counts"


def test_levels_refuse_other_differences_and_name_them(folder, hunts, other, tmp_path):
    different = pd.concat([hunts[0], other], ignore_index=True)
    with pytest.raises(LotteryError, match=r"2 settings that differ in rate \(0.2 and 0.5\), whose networks must not be"):
        lthlib.levels(different, results=folder)
    lthlib.lottery.search.Store(tmp_path)
    for nowhere in (tmp_path, tmp_path / "none"):
        with pytest.raises(LotteryError, match="2 settings .*does not say whether they differ in the seed alone.*choose one"):
            lthlib.levels(pd.concat(hunts[:2]), results=nowhere)
    with pytest.raises(LotteryError, match="pooled seeds .*: give the hunts' own tables, before pool_seeds"):
        lthlib.with_settings(lthlib.pool_seeds(hunts, folder), folder)


def test_what_the_command_line_refuses(folder, hunts, tmp_path, capsys):
    for arguments in ([str(tmp_path / "none")], [str(folder), "--csv", str(tmp_path / "none" / "x.csv")]):
        assert main(["results", *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == "" and captured.err.count("\n") == 1 and "none" in captured.err
    assert not list(tmp_path.iterdir())


def test_the_documents_example_runs(monkeypatch, capsys):
    hunt = lthlib.hunt
    monkeypatch.setattr(lthlib, "hunt", lambda task, **options: hunt(task, "smoke", **{**options, **SHORT}))
    lthlib.hunt("lenet-digits")
    block, *_ = re.findall(r"```python\n(.*?)```", (ROOT / "docs" / "running.md").read_text(), re.DOTALL)
    exec(block, {})
    assert "trials" in capsys.readouterr().out


def test_an_empty_folder_has_nothing_to_list(tmp_path, capsys):
    lthlib.lottery.search.Store(tmp_path)
    assert main(["results", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "Nothing is stored there yet.\n"
