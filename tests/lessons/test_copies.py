"""Lessons for those who installed lthlib without its repository: what is copied, and what is never replaced."""

import subprocess

import pytest

from lthlib.__main__ import main
from lthlib.core import paths
from lthlib.core.errors import LotteryError
from lthlib.lessons import copies
from tests.conftest import ROOT
from tests.notebooks import LESSONS


def names(folder):
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_lessons_come_with_what_they_link_to_and_with_the_shipped_results(tmp_path, capsys):
    assert main(["lessons", "--to", str(tmp_path / "mine")]) == 0
    copied = names(tmp_path / "mine")
    assert {f"notebooks/{path.name}" for path in LESSONS} <= copied
    assert {"docs/glossary.md", "data/atlas/README.md", "data/atlas/lenet-mnist.parquet"} <= copied
    assert str(tmp_path / "mine" / "notebooks" / LESSONS[0].name) in capsys.readouterr().out
    assert (tmp_path / "mine" / "notebooks" / LESSONS[0].name).read_bytes() == LESSONS[0].read_bytes()


def test_a_lesson_that_was_worked_in_is_replaced_by_force_alone(tmp_path, capsys):
    copies.write(tmp_path)
    worked_in = tmp_path / "notebooks" / LESSONS[2].name
    worked_in.write_text("my answers")
    (tmp_path / "notebooks" / LESSONS[3].name).unlink()
    assert main(["lessons", "--to", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert LESSONS[2].name in said and "--force" in said
    assert worked_in.read_text() == "my answers"
    assert not (tmp_path / "notebooks" / LESSONS[3].name).exists(), "nothing is copied where something is refused"
    assert main(["lessons", "--to", str(tmp_path), "--force"]) == 0
    assert worked_in.read_bytes() == LESSONS[2].read_bytes()


def test_a_second_copy_of_the_same_lessons_changes_nothing_and_is_fine(tmp_path):
    assert copies.write(tmp_path) == copies.write(tmp_path)


@pytest.mark.parametrize("folder", [ROOT, ROOT / "notebooks"])
def test_the_checkout_is_no_folder_for_a_copy(folder):
    with pytest.raises(LotteryError, match="would replace"):
        copies.write(folder, force=True)


def test_without_lessons_a_sentence_says_so(tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "shipped", lambda name: tmp_path / "nowhere" / name)
    with pytest.raises(LotteryError, match="without its lessons"):
        copies.write(tmp_path / "mine")


@pytest.fixture
def started(monkeypatch):
    """What `lab` would start."""
    commands = []

    def run(command, **_):
        commands.append(command)
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(copies.subprocess, "run", run)
    return commands


def test_lab_opens_the_checkouts_lessons(started):
    assert main(["lab"]) == 3, "JupyterLab's status is passed on"
    assert started[0][1:3] == ["-m", "jupyterlab"] and started[0][-1] == str(ROOT / "notebooks")


def test_lab_without_a_checkout_copies_once_and_keeps_what_was_written(started, tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "IN_CHECKOUT", False)
    monkeypatch.chdir(tmp_path)
    assert copies.lab() == 3
    lesson = tmp_path / copies.USUAL / "notebooks" / LESSONS[1].name
    assert lesson.exists()
    lesson.write_text("my answers")
    assert copies.lab() == 3
    assert lesson.read_text() == "my answers" and len(started) == 2


def test_what_pip_installed_is_found_in_the_environment_or_with_the_user(tmp_path, monkeypatch):
    monkeypatch.setattr(paths, "IN_CHECKOUT", False)
    monkeypatch.setattr(paths.sysconfig, "get_path", lambda name: str(tmp_path / "environment"))
    monkeypatch.setattr(paths.site, "getuserbase", lambda: str(tmp_path / "user"))
    assert paths.shipped("notebooks") == tmp_path / "environment" / "share" / "lthlib" / "notebooks"
    (tmp_path / "user" / "share" / "lthlib" / "notebooks").mkdir(parents=True)
    assert paths.shipped("notebooks") == tmp_path / "user" / "share" / "lthlib" / "notebooks"
