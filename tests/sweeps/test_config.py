"""A sweep is read whole before anything starts: an error in it is one sentence, and nothing is written."""

import json

import pytest
import yaml

from lthlib import LotteryError
from lthlib.__main__ import main
from lthlib.sweeps import config
from tests.conftest import ROOT

LESSON = str(ROOT / "notebooks" / "01_a_winning_ticket.ipynb")
GRID = {"seed": [0, 1], "trials": [1, 2]}
GOOD = {"notebooks": [LESSON], "parameters": {"profile": "smoke"}, "grid": GRID, "output": "out"}


@pytest.fixture
def write(tmp_path):
    def write(content):
        path = tmp_path / "sweep.yaml"
        path.write_text(content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False))
        return path

    return write


def test_a_sweep_is_every_combination(write, tmp_path):
    sweep = config.read(write(GOOD))
    assert [run.parameters for run in sweep.runs] == [
        {"profile": "smoke", "seed": seed, "trials": trials} for seed in (0, 1) for trials in (1, 2)
    ]
    assert len({run.key for run in sweep.runs}) == 4 and not (tmp_path / "out").exists()
    assert sweep.runs[0].folder == tmp_path / "out" / "01_a_winning_ticket" / sweep.runs[0].key


def test_a_key_stands_for_code_parameters_and_version(write, tmp_path, monkeypatch):
    first = config.read(write(GOOD)).runs[0].key
    assert config.read(write(GOOD)).runs[0].key == first
    other = json.loads((ROOT / "notebooks" / "01_a_winning_ticket.ipynb").read_text())
    other["cells"][-1]["source"] = "prose"
    path = tmp_path / "01_a_winning_ticket.ipynb"
    path.write_text(json.dumps(other))
    assert config.read(write({**GOOD, "notebooks": [str(path)]})).runs[0].key == first, "prose is not code"
    code = next(cell for cell in other["cells"] if cell["cell_type"] == "code")
    code["source"] = "pass"
    path.write_text(json.dumps(other))
    assert config.read(write({**GOOD, "notebooks": [str(path)]})).runs[0].key != first
    monkeypatch.setattr("lthlib.core.version.__version__", "9.9.9")
    assert config.read(write(GOOD)).runs[0].key != first


CYCLE = f"notebooks: [{LESSON}]\ngrid: &g\n  seed: [*g]\n"
BAD = {
    "not YAML": ("notebooks: [", "is not YAML"),
    "not fields": ("- one\n- two\n", "holds list"),
    "mistyped field": ({**GOOD, "grids": {}}, "unknown field 'grids': did you mean 'grid'"),
    "no notebooks": ({"grid": {"seed": [0]}}, "names no notebooks"),
    "missing notebook": (
        {**GOOD, "notebooks": [LESSON.replace("winning", "wining")]},
        "did you mean '01_a_winning_ticket.ipynb'",
    ),
    "notebook is a number": ({**GOOD, "notebooks": [7]}, "notebooks holds 7: give file names"),
    "mistyped parameter": ({**GOOD, "parameters": {"profil": "smoke"}}, "'profil' to set: did you mean 'profile'"),
    "mistyped name in the grid": ({**GOOD, "grid": {"sed": [0]}}, "no parameter 'sed' to set: did you mean 'seed'"),
    "wrong type": ({**GOOD, "grid": {"seed": ["one"]}}, "seed is 'one' in a run of .*: its type is int"),
    "a bool is no int": ({**GOOD, "grid": {"seed": [True]}}, "seed is True in a run of .*: its type is int"),
    "below zero": ({**GOOD, "grid": {"levels": [-1]}}, "levels is -1 in a run of"),
    "unknown profile": ({**GOOD, "parameters": {"profile": "fast"}}, "unknown profile 'fast'"),
    "unknown task": ({**GOOD, "parameters": {"task": "lenet-digts"}}, "did you mean 'lenet-digits'"),
    "unknown device": ({**GOOD, "parameters": {"device": "tpu"}}, "device 'tpu'"),
    "the sweep's own": ({**GOOD, "parameters": {"output": "here"}}, "set `output:` beside the grid"),
    "value twice": ({**GOOD, "grid": {"seed": [0, 1, 0]}}, "holds a value twice"),
    "notebook twice": ({**GOOD, "notebooks": [LESSON, LESSON]}, "twice: leave out the repetition"),
    "in both": ({**GOOD, "grid": {"profile": ["smoke"]}}, "in parameters and in grid"),
    "no list": ({**GOOD, "grid": {"seed": 3}}, "grid: seed is 3: give a list"),
    "empty list": ({**GOOD, "grid": {"seed": []}}, "give a list of at least one value"),
    "nested": ({**GOOD, "grid": {"seed": [[0, 1]]}}, "give plain values"),
    "cyclic": (CYCLE, "give plain values"),
    "huge": ({**GOOD, "grid": {"seed": [*range(400)], "trials": [*range(1, 301)]}}, "120,000 runs, of 10,000 at most"),
    "workers": ({**GOOD, "workers": 0}, "workers in .* is 0"),
    "gpus": ({**GOOD, "gpus": -1}, "gpus in .* is -1"),
    "timeout": ({**GOOD, "timeout": "soon"}, "timeout in .* is 'soon'"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_is_wrong_is_one_sentence_and_nothing_starts(case, write, tmp_path, capsys):
    content, says = BAD[case]
    path = write(content)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(LotteryError, match=says):
        config.read(path)
    assert main(["batch", str(path)]) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err.count("\n") == 1 and sorted(tmp_path.rglob("*")) == before


def test_notebooks_that_cannot_be_run(write, tmp_path):
    empty = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    (tmp_path / "plain.ipynb").write_text(json.dumps(empty))
    with pytest.raises(LotteryError, match="plain.ipynb has no cell tagged `parameters`"):
        config.read(write({"notebooks": ["plain.ipynb"]}))
    (tmp_path / "text.ipynb").write_text("no notebook")
    with pytest.raises(LotteryError, match="text.ipynb is not a notebook"):
        config.read(write({"notebooks": ["text.ipynb"]}))
    with pytest.raises(LotteryError, match="cannot be read"):
        config.read(tmp_path / "none.yaml")


def test_folders_are_relative_to_the_file_and_may_be_at_home(write, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(ROOT)
    sweep = config.read(write({**GOOD, "output": "../here", "parameters": {"results": "kept"}, "grid": {}}))
    assert sweep.output == tmp_path.parent / "here" and sweep.runs[0].parameters["results"] == str(tmp_path / "kept")
    assert config.read(write({**GOOD, "output": "~/out"})).output == tmp_path / "home" / "out"


def test_a_rate_is_checked_as_a_hunt_would_whatever_else_the_run_says(write):
    third = LESSON.replace("01_a_winning_ticket", "03_is_it_the_initialisation")
    with pytest.raises(LotteryError, match=r"^03_is_it_the_initialisation \(rate 7.0\): rate is 7.0: give a share"):
        config.read(write({"notebooks": [third], "grid": {"rate": [0.5, 7.0]}}))
    assert len(config.read(write({"notebooks": [third], "grid": {"rate": [0.0, 0.5]}})).runs) == 2, "0 is the lesson's own"


def test_a_lesson_of_several_tasks_takes_several(write):
    book = LESSON.replace("01_a_winning_ticket", "16_the_map")
    assert config.read(write({"notebooks": [book], "parameters": {"task": "lenet-digits, vae-digits"}})).runs
