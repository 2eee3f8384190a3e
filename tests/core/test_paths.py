"""core.paths: `~` is the home folder wherever a path may be given."""

import shutil
from pathlib import Path

import pytest
from matplotlib.figure import Figure

import lthlib
from lthlib import data, plots
from lthlib.__main__ import main
from lthlib.core import paths
from lthlib.core.errors import LotteryError
from lthlib.lessons import colab, handouts, reporting
from lthlib.papers import report
from lthlib.pruning import registry
from lthlib.storage import atlas
from lthlib.storage.store import Store
from lthlib.sweeps import config
from tests.conftest import ROOT

LESSON = ROOT / "notebooks" / "01_a_winning_ticket.ipynb"
SHORT = {"levels": 1, "trials": 1, "iterations": 2, "progress": False, "device": "cpu"}


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home folder of its own, while we are in another one, which must stay empty."""
    home, here = tmp_path / "home", tmp_path / "here"
    home.mkdir(), here.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("USERPROFILE", str(home))
    monkeypatch.chdir(here)
    yield home
    assert not list(here.iterdir()), "a folder called ~ was made"


def test_a_hunt_and_its_table_are_in_the_home_folder(home, own_task):
    table = lthlib.hunt(own_task, results="~/lth", **SHORT)
    assert (home / "lth" / "lthlib.json").exists()
    assert lthlib.results(Path("~/lth")).equals(table)


def test_both_variables_of_the_environment(home, monkeypatch):
    monkeypatch.setenv("LTHLIB_RESULTS", "~/lth")
    monkeypatch.setenv("LTHLIB_DATA", "~")
    assert paths.results_folder() == home / "lth"
    assert paths.data_folder() == home
    with pytest.raises(LotteryError, match=str(home / "cora.npz")):
        data.load("cora")


def test_the_command_line_where_the_shell_leaves_it(home, capsys):
    fewest = ("--levels=1", "--trials=1", "--iterations=2", "--json", "--results=~/lth")
    assert main(["hunt", "--task=lenet-digits", "--profile=smoke", *fewest]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 and (home / "lth" / "lenet-digits").is_dir()
    (home / "mine.py").write_text("")
    assert main(["arena", "--score=mine", "--file=~/mine.py"]) == 2
    assert f"{home / 'mine.py'} registers no criterion" in capsys.readouterr().err


def test_a_sweep_its_notebooks_and_its_output(home):
    shutil.copy(LESSON, home / "book.ipynb")
    (home / "sweep.yaml").write_text("notebooks: [~/book.ipynb]\noutput: ~/runs\n")
    [run] = config.read("~/sweep.yaml").runs
    assert run.notebook == home / "book.ipynb" and run.folder.is_relative_to(home / "runs")


def test_folders_of_lessons_figures_and_reports(home, monkeypatch):
    assert reporting.folders("~/lth", "", 3)[1] == home / "lth" / "lesson-03"
    assert reporting.folders("~/lth", "~/out", 3)[1] == home / "out"
    plots.as_html(Figure(), "nothing", save="~/figures/empty.png")
    assert (home / "figures" / "empty.png").exists()
    monkeypatch.setattr(report, "_figures", lambda results: [])
    Store("~/lth")
    assert report.write("~/lth", "~/report") == [home / "report" / name for name in ("report.html", "report.md", "report.json")]
    monkeypatch.setattr(handouts.translations, "LESSONS", home)
    shutil.copy(LESSON, home)
    written = (LESSON.name, "solutions.md", "one-page.html")
    assert handouts.write("~/handout") == [home / "handout" / name for name in written]


def test_an_atlas_of_your_own(home, own_task):
    table = lthlib.hunt(own_task, results=home / "lth", **SHORT)
    assert atlas.write(table, own_task.name, {"machine": "a test"}, "~/atlas") == home / "atlas" / "blobs-own.parquet"
    assert len(atlas.read(own_task.name, where="~/atlas")) == len(table)
    assert len(atlas.provenance(own_task.name, "~/atlas")) == 1


def test_relative_and_absolute_paths_stay_as_they_are(tmp_path):
    for path in ("results", "../x", "a~b", "x/~", str(tmp_path / "~")):
        assert paths.expanded(path) == Path(path)


@pytest.mark.parametrize(("path", "says"), [("~nobody-of-that-name/x", "home folder"), (5, "type int"), (b"x", "type bytes")])
def test_what_is_no_path_is_one_sentence_before_anything_is_written(path, says, own_task, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LotteryError, match=says):
        lthlib.hunt(own_task, results=path, **SHORT)
    with pytest.raises(LotteryError, match=says):
        registry.read_file(path)


def test_a_drives_folder_is_inside_the_drive():
    with pytest.raises(LotteryError, match="inside your Drive"):
        colab.keep_results("~/lottery")


def test_data_at_hand_is_seen_there(home, monkeypatch):
    monkeypatch.setenv("LTHLIB_DATA", "~/data")
    assert not data.at_hand("cora")
    (home / "data").mkdir()
    (home / "data" / "cora.npz").write_bytes(b"")
    assert data.at_hand("cora")
