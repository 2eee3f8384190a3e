"""CSV of hunts and results: one row a network, with what its setting is; and hunts of several seeds."""

import io
import json

import pandas as pd
import pytest

import lthlib
from lthlib.__main__ import main
from lthlib.analysis import spreadsheet
from lthlib.core.errors import LotteryError

HUNT = [
    *("hunt", "--task", "lenet-digits", "--profile", "smoke", "--levels", "1", "--trials", "2"),
    *("--iterations", "6", "--warmup", "2", "--controls", "reinit", "--device", "cpu", "--workers", "1"),
]


def read(text):
    return pd.read_csv(io.StringIO(text), keep_default_na=False)


def test_a_hunt_prints_csv_and_nothing_else(capsys):
    assert main([*HUNT, "--csv", "-"]) == 0
    rows = read(capsys.readouterr().out)
    assert len(rows) == 6 and rows.columns.is_unique
    told = rows[["profile", "seed", "rate", "scope", "score", "schedule", "changes"]].drop_duplicates()
    assert told.values.tolist() == [["smoke", 0, 0.2, "layer", "magnitude", "iterative", "iterations=6, warmup=2"]]
    networks = spreadsheet.networks(lthlib.results())
    pd.testing.assert_frame_equal(rows.astype(networks.dtypes), networks)
    assert main(["results", "--csv", "-"]) == 0
    pd.testing.assert_frame_equal(read(capsys.readouterr().out), rows)


def test_a_file_goes_beside_what_is_printed(capsys, tmp_path):
    file = tmp_path / "networks.csv"
    assert main([*HUNT, "--csv", str(file), "--json"]) == 0
    printed = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    rows = read(file.read_text())
    assert [row["test_accuracy"] for row in printed] == rows.test_accuracy.tolist() and len(rows) == 6
    file.unlink()
    assert main([*HUNT, "--csv", str(file)]) == 0
    out = capsys.readouterr().out
    assert "profile smoke with iterations=6, warmup=2; seed 0" in out and "ticket against reinit" in out and file.exists()


def test_several_seeds_are_pooled_and_the_table_says_so(capsys):
    assert main([*HUNT, "--seed", "0,3"]) == 0
    out = capsys.readouterr().out
    assert "over 4 trials" in out and "2 seeds pooled, 4 trials" in out and out.count("\nsetting ") == 2 and "seed 3, " in out
    assert main([*HUNT, "--seed", "0,3", "--csv", "-"]) == 0
    rows = read(capsys.readouterr().out)
    assert rows.groupby("seed").size().to_dict() == {0: 6, 3: 6} and rows.setting.nunique() == 2
    assert main([*HUNT, "--seed", "0,3", "--json"]) == 0
    trials = {json.loads(line)["trial"] for line in capsys.readouterr().out.splitlines()}
    assert trials == {0, 1, 2, 3}, "so that no two networks have one name"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--csv", "-", "--json"], "both print the networks"),
        (["--csv", "nowhere/networks.csv"], "'nowhere/networks.csv' is in the folder nowhere, which is not there"),
        (["--csv", ""], "is a folder"),
        (["--csv", "."], "is a folder"),
        (["--seed", "1,1"], "seed 1 is there twice"),
        (["--seed", "0,-1"], "seed is -1"),
        (["--seed", ""], "invalid list of seeds value"),
        (["--seed", "1,x"], "invalid list of seeds value"),
    ],
)
def test_what_is_refused_before_anything_is_trained(more, says, capsys, tmp_path):
    assert main([*HUNT, *more]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and says in captured.err
    assert not (tmp_path / "results").exists()


def test_a_file_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(spreadsheet, "write_atomically", full)
    with pytest.raises(LotteryError, match=r"x.csv could not be written \(No space left on device\)"):
        spreadsheet.write(pd.DataFrame({"a": [1]}), str(tmp_path / "x.csv"))


def test_manifests_are_rows_too(capsys, tmp_path):
    assert main([*HUNT, "--json"]) == 0
    file = tmp_path / "made.csv"
    assert main(["results", "--manifest", "--csv", str(file)]) == 0
    assert capsys.readouterr().out.endswith(f"{file}\n") and read(file.read_text()).networks.tolist() == [6]
