"""What is kept beside results: manifests of what made them, and looks while trials were added. Identities, and the
records of older versions, know nothing of it."""

import getpass
import json
import os
import platform
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

import lthlib
from lthlib import analysis
from lthlib.__main__ import main
from lthlib.core import paths
from lthlib.core.errors import LotteryError
from lthlib.lottery import looks, manifest
from lthlib.settings import Extent
from lthlib.storage import journal
from lthlib.storage.store import TICKET, Key, Store
from lthlib.tasks import find_task, resolve

SHORT = {"levels": 1, "iterations": 6, "evaluate_every": 3, "progress": False, "device": "cpu", "workers": 1}


def hunt(results, trials=2, **more):
    return lthlib.hunt("lenet-digits", "smoke", trials=trials, results=results, **{**SHORT, **more})


def setting(**more):
    return resolve(find_task("lenet-digits"), "smoke", iterations=6, evaluate_every=3, **more)[0]


def test_one_manifest_a_hunt_says_what_its_networks_were_made_with(tmp_path):
    table = hunt(tmp_path, controls="reinit")
    [row] = lthlib.manifest(table, tmp_path).to_dict("records")
    assert row["networks"] == 6 and row["setting"] == table.setting[0] and row["task"] == "lenet-digits"
    assert (row["lthlib"], row["torch"], row["numpy"]) == (lthlib.__version__, torch.__version__, np.__version__)
    assert row["python"] == platform.python_version() and row["workers"] == 1 and row["threads"] == torch.get_num_threads()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row["start"]) and row["seconds"] >= 0
    assert row["device"] not in ("", journal.UNKNOWN) and row["platform"].startswith(platform.system())
    files = list(tmp_path.rglob("manifest-*.json"))
    assert [file.name for file in files] == [f"manifest-{row['manifest']}.json"] and files[0].stat().st_size < 1000
    hunt(tmp_path, controls="reinit")
    assert list(tmp_path.rglob("manifest-*.json")) == files, "a hunt that trains nothing has no manifest"
    assert len(lthlib.manifest(hunt(tmp_path, trials=3), tmp_path)) == 2


def test_level_0_is_said_of_every_setting_that_shares_it(tmp_path):
    first, second = hunt(tmp_path), hunt(tmp_path, rate=0.5)
    names = [set(lthlib.manifest(table, tmp_path).manifest) for table in (first, second)]
    assert names[0] < names[1], "the second hunt took its dense networks from the first"
    assert lthlib.manifest(second, tmp_path).networks.tolist() == [2, 2]
    assert len(Store(tmp_path).manifests()) == 3


def test_a_manifest_names_nobody_and_no_place(tmp_path, monkeypatch):
    monkeypatch.setattr(platform, "node", lambda: "planted-host")
    table = hunt(tmp_path)
    [file] = tmp_path.rglob("manifest-*.json")
    text = file.read_text()
    words = set(re.split(r"[^\w-]+", text))
    assert not {getpass.getuser(), "planted-host", os.uname().nodename} & words
    for place in (tmp_path, Path.home(), Path.cwd(), paths.CHECKOUT, sys.prefix):
        assert str(place) not in text
    shown = lthlib.manifest(table, tmp_path).to_string()
    assert str(tmp_path) not in shown and "planted-host" not in shown


def test_identities_and_records_of_networks_stay_as_they_are(tmp_path):
    table = hunt(tmp_path)
    assert set(table.setting) == {setting().identity()}
    record = json.loads(Store(tmp_path).path(setting(), Key(TICKET, 0, 1)).read_bytes())
    assert record["setting"] == setting().changes() and set(record["made"]) == {"torch", "at", "manifest"}


def test_older_results_are_unknown(tmp_path):
    with zipfile.ZipFile(Path(__file__).with_name("old_results.zip")) as packed:
        packed.extractall(tmp_path / "old")
    table = lthlib.results(tmp_path / "old")
    [row] = lthlib.manifest(table, tmp_path / "old").to_dict("records")
    unknown = {name for name in journal.FIELDS if row[name] == journal.UNKNOWN}
    assert unknown == set(journal.FIELDS) - {"torch"} and row["manifest"] == journal.UNKNOWN and row["networks"] == 5
    assert analysis.looks(table, tmp_path / "old") == []


def test_a_manifest_that_is_gone_or_damaged_is_unknown(tmp_path, capsys):
    table = hunt(tmp_path)
    [file] = tmp_path.rglob("manifest-*.json")
    file.write_bytes(file.read_bytes().replace(b"0.1.0", b"9.9.9"))
    assert lthlib.manifest(table, tmp_path).lthlib.tolist() == [journal.UNKNOWN]
    assert f"{file} is damaged" in capsys.readouterr().err
    file.unlink()
    assert lthlib.manifest(table, tmp_path).device.tolist() == [journal.UNKNOWN] and len(lthlib.results(tmp_path)) == len(table)


def test_a_hunt_that_fails_or_is_interrupted_has_a_manifest_and_is_no_look(tmp_path, monkeypatch):
    saved, save = [], Store.save

    def interrupted(*arguments):
        if len(saved) == 3:
            raise KeyboardInterrupt
        saved.append(save(*arguments))

    monkeypatch.setattr(Store, "save", interrupted)
    with pytest.raises(KeyboardInterrupt):
        hunt(tmp_path)
    monkeypatch.setattr(Store, "save", save)
    [row] = lthlib.manifest(setting(), tmp_path).to_dict("records")
    assert row["networks"] == 2, "trial 1 has no pruned network yet, so its dense one is in no table of the setting"
    assert row["seconds"] >= 0 and analysis.looks(setting(), tmp_path) == []
    hunt(tmp_path)
    assert lthlib.manifest(setting(), tmp_path).networks.tolist() == [3, 1] and analysis.looks(setting(), tmp_path) == [2]


def test_a_killed_hunt_leaves_a_manifest_without_seconds(tmp_path):
    code = "import os, sys, lthlib\nfrom lthlib.storage.store import Store\nsave = Store.save\n"
    code += "def once(*a):\n    save(*a)\n    os._exit(9)\nStore.save = once\n"
    code += f"lthlib.hunt('lenet-digits', 'smoke', trials=2, results=sys.argv[1], **{SHORT!r})"
    assert subprocess.run([sys.executable, "-c", code, str(tmp_path)]).returncode == 9
    [row] = lthlib.manifest(setting(), tmp_path).to_dict("records")
    assert row["networks"] == 1 and row["seconds"] == journal.UNKNOWN and row["python"] == platform.python_version()


def test_the_commit_is_that_of_lthlibs_checkout(tmp_path, monkeypatch):
    def git(*arguments):
        done = subprocess.run(["git", "-C", str(tmp_path), *arguments], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    monkeypatch.setattr(paths, "CHECKOUT", tmp_path)
    asked = manifest._checkout.__wrapped__
    assert asked() == (journal.UNKNOWN, journal.UNKNOWN), "no checkout: a repository further up does not count"
    git("init", "-q")
    (tmp_path / "known.py").write_text("1")
    git("add", "known.py")
    git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "first")
    head = git("rev-parse", "HEAD")
    (tmp_path / "new.py").write_text("git does not know it")
    assert asked() == (head, False)
    (tmp_path / "known.py").write_text("2")
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "elsewhere"))
    assert asked() == (head, True), "whatever a hook's environment says"
    monkeypatch.setenv("PATH", "")
    assert asked() == (journal.UNKNOWN, journal.UNKNOWN), "without git nothing is known"


def test_every_fact_has_a_value():
    facts = manifest.facts("cpu", None)
    assert tuple(facts) == journal.FACTS and all(value not in ("", None) for value in facts.values())


def test_trials_that_are_added_after_a_look_are_counted_and_said(tmp_path, capsys):
    hunt(tmp_path, trials=3)
    hunt(tmp_path, trials=3)
    assert "added after" not in capsys.readouterr().err
    table = hunt(tmp_path, trials=5)
    said = capsys.readouterr().err
    assert "trials 3 and 4 were added after trials 0 to 2 had been looked at: say so where you report them.\n" in said
    assert Store(tmp_path).looks(setting()) == analysis.looks(table, tmp_path) == [3, 5]
    hunt(tmp_path, trials=5)
    assert "trials 3 and 4 were added" in capsys.readouterr().err, "each time they are shown"
    hunt(tmp_path, trials=3)
    assert "added after" not in capsys.readouterr().err and analysis.looks(table, tmp_path) == [3, 5, 3]


def test_another_seed_is_another_setting_and_a_plan_is_no_look(tmp_path, capsys):
    hunt(tmp_path, trials=1)
    other = hunt(tmp_path, trials=2, seed=1)
    with looks.unseen():
        for count in (1, 2):
            hunt(tmp_path, trials=count, seed=2)
    assert "added after" not in capsys.readouterr().err
    assert analysis.looks(other, tmp_path) == [2] and Store(tmp_path).looks(setting(seed=2)) == []
    with pytest.raises(LotteryError, match="the table holds 3 settings"):
        analysis.looks(lthlib.results(tmp_path), tmp_path)
    pooled = lthlib.pool_seeds([hunt(tmp_path, trials=1), other], tmp_path)
    assert lthlib.manifest(pooled, tmp_path).networks.tolist() == [2, 4]
    with pytest.raises(LotteryError, match="2 pooled seeds, each with looks of its own"):
        analysis.looks(pooled, tmp_path)


@pytest.mark.parametrize(
    ("counts", "shown", "says"),
    [
        ([3, 5], 5, "trials 3 and 4 were added after trials 0 to 2 had been looked at"),
        ([3, 4], 4, "trial 3 was added after trials 0 to 2 had been looked at"),
        ([1, 2], 2, "trial 1 was added after trial 0 had been looked at"),
        ([2, 7], 7, "trials 2 to 6 were added after trials 0 and 1 had been looked at"),
        ([3, 5, 8], 8, "trials 3 and 4 were added after trials 0 to 2 had been looked at, trials 5 to 7 after trials 0 to 4"),
        ([3, 8], 5, "trials 3 and 4 were added after trials 0 to 2 had been looked at"),
        *(([5, 3], count, "") for count in (3, 5)),
        ([5, 3, 5], 5, ""),
        ([3], 3, ""),
    ],
)
def test_which_trials_were_added_in_words(counts, shown, says):
    seen = [{"trials": count, "levels": 2} for count in counts]
    assert looks.in_words(seen, Extent(2, shown)) == says


def test_a_look_at_dense_networks_alone_is_none_at_tickets():
    seen = [{"trials": 5, "levels": 0}, {"trials": 3, "levels": 2}, {"trials": 5, "levels": 2}]
    assert looks.in_words(seen, Extent(2, 5)).startswith("trials 3 and 4 were added")
    assert looks.in_words(seen, Extent(0, 5)) == "", "the five dense networks were there from the start"
    assert looks.in_words([{"trials": 3, "levels": 0}, {"trials": 5, "levels": 2}], Extent(2, 5)) == ""


def test_looks_that_cannot_be_kept_or_read_stop_no_hunt(tmp_path, capsys, monkeypatch):
    table = hunt(tmp_path, trials=1)
    [file] = tmp_path.rglob("looks.json")
    file.write_text("{")
    assert analysis.looks(table, tmp_path) == [] and "looks.json is damaged" in capsys.readouterr().err

    def full(*_):
        raise LotteryError("the disk is full.")

    monkeypatch.setattr(journal, "write", full)
    assert len(hunt(tmp_path, trials=1)) == len(table)
    assert "could not be noted" in capsys.readouterr().err
    monkeypatch.undo()
    other = tmp_path / "lenet-digits" / setting(seed=3).identity()
    hunt(tmp_path, trials=1, seed=3)
    file.write_bytes((other / "looks.json").read_bytes())
    assert analysis.looks(table, tmp_path) == [], "looks of another setting are not believed"


def test_the_command_line_lists_manifests(tmp_path, capsys):
    hunt(tmp_path)
    assert main(["results", str(tmp_path), "--manifest"]) == 0
    out = capsys.readouterr().out
    assert all(column in out for column in ("networks", *journal.FIELDS)) and torch.__version__ in out
    Store(tmp_path / "empty")
    assert main(["results", str(tmp_path / "empty"), "--manifest"]) == 0
    assert capsys.readouterr().out == "Nothing is stored there yet.\n"
