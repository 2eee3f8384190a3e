"""Results in the user's Drive, with the part of Colab's module that is called."""

import os
import sys
from types import SimpleNamespace

import pytest

from lthlib import LotteryError
from lthlib.core.paths import results_folder
from lthlib.lessons import colab


@pytest.fixture
def drive(tmp_path, monkeypatch):
    """A Drive to mount, and a stand-in for google.colab that mounts it."""
    mounted = []
    monkeypatch.setattr(colab, "DRIVE", tmp_path / "drive")
    monkeypatch.setitem(sys.modules, "google.colab", SimpleNamespace(drive=SimpleNamespace(mount=mounted.append)))
    monkeypatch.setenv("LTHLIB_DATA", "before")
    return mounted


def test_results_and_data_are_kept_in_the_named_folder(drive, tmp_path, capsys):
    colab.keep_results("tickets")
    home = tmp_path / "drive" / "MyDrive" / "tickets"
    assert (
        drive == [str(tmp_path / "drive")]
        and results_folder() == home / "results"
        and os.environ["LTHLIB_DATA"] == str(home / "data")
    )
    assert (home / "results").is_dir() and str(home) in capsys.readouterr().err


def test_no_name_mounts_nothing(drive):
    before = results_folder()
    colab.keep_results("")
    assert drive == [] and results_folder() == before


@pytest.mark.parametrize("folder", ["/content/elsewhere", "../up"])
def test_a_name_outside_the_drive_is_refused(drive, folder):
    with pytest.raises(LotteryError, match="name a folder inside your Drive"):
        colab.keep_results(folder)
    assert drive == []


def test_a_drive_that_is_refused_is_a_sentence(drive, monkeypatch):
    def refused(_):
        raise ValueError("mount failed")

    monkeypatch.setattr(sys.modules["google.colab"].drive, "mount", refused)
    with pytest.raises(LotteryError, match="allow it when asked, or leave drive_folder empty"):
        colab.keep_results("tickets")
