"""Batches of small notebooks: killed at any moment, they go on; a failed run is named and stops no other."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import nbformat
import pandas as pd
import pytest
import yaml

import lthlib
from lthlib import LotteryError
from lthlib.__main__ import main
from lthlib.analysis import timing
from lthlib.sweeps import config, runner, worker
from tests.conftest import ROOT
from tests.core.family import Family, wait_until

PARAMETERS = """
number: int = 1  # to square
wait: float = 0.0  # seconds
fails: bool = False  # at three
text: str = ""  # not looked at
output: str = ""  # folder
"""
CODE = """
import json, os, pathlib, time
time.sleep(wait)
folder = pathlib.Path(output); folder.mkdir(parents=True, exist_ok=True)
with open(folder.parent / "times.txt", "a") as file:
    file.write("x")
if number == 3 and fails:
    raise ValueError("three is not wanted")
(folder / "result.json").write_text(json.dumps({"square": number ** 2, "results": os.environ["LTHLIB_RESULTS"]}))
"""


@pytest.fixture
def sweep(tmp_path):
    """A function that writes a sweep of a notebook that squares numbers, and returns its path."""
    book = nbformat.v4.new_notebook()
    parameters = nbformat.v4.new_code_cell(PARAMETERS, metadata={"tags": ["parameters"]})
    book.cells = [parameters, nbformat.v4.new_code_cell(CODE)]
    book.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(book, tmp_path / "square.ipynb")

    def write(numbers=(1, 2, 3), **more):
        content = {"notebooks": ["square.ipynb"], "grid": {"number": list(numbers)}, "output": "out", "workers": 2}
        (tmp_path / "sweep.yaml").write_text(yaml.safe_dump({**content, **more}))
        return tmp_path / "sweep.yaml"

    return write


def squares(path):
    runs = config.read(path).runs
    return [json.loads((run.folder / "result.json").read_text())["result"]["square"] for run in runs]


def test_a_batch_runs_once(sweep, capsys):
    path = sweep()
    assert main(["batch", str(path), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "3 of 3 to run: how long is unknown" in out and "0 seconds" not in out
    assert main(["batch", str(path)]) == 0
    assert squares(path) == [1, 4, 9] and "3 of 3 done, 0 failed" in capsys.readouterr().out
    assert main(["batch", str(path), "--dry-run"]) == 0 and "0 of 3 to run: nothing is left to do." in capsys.readouterr().out
    assert main(["batch", str(path)]) == 0
    times = [(run.folder / "times.txt").read_text() for run in config.read(path).runs]
    assert times == ["x", "x", "x"], "nothing ran twice"


def test_a_failed_run_is_kept_named_and_stops_no_other(sweep, capsys):
    path = sweep(parameters={"fails": True})
    assert main(["batch", str(path)]) == 1
    assert "2 of 3 done, 1 failed" in capsys.readouterr().out
    failed = config.read(path).runs[2]
    assert "ValueError: three is not wanted" in (failed.folder / "error.txt").read_text()
    assert "three is not wanted" in (failed.folder / "lesson.ipynb").read_text()
    assert not (failed.folder / "result.json").exists()


def test_a_run_that_cannot_start_is_named_and_stops_no_other(sweep, capsys):
    path = sweep([4])
    text = path.read_text().replace("grid:", f"grid:\n  text: ['', {'é' * 24_000}]")  # more than a command line takes
    path.write_text(text, encoding="utf-8")
    assert main(["batch", str(path)]) == 1
    shown = capsys.readouterr().out
    assert "1 of 2 done, 1 failed" in shown and "could not be started (Argument list too long)" in shown
    done, failed = config.read(path).runs
    assert "could not be started" in (failed.folder / "error.txt").read_text() and (done.folder / "result.json").exists()


def test_a_run_whose_folder_is_in_the_way_is_named_and_stops_no_other(sweep, capsys):
    path = sweep([1, 2])
    blocked, other = config.read(path).runs
    blocked.folder.parent.mkdir(parents=True)
    blocked.folder.write_text("in the way")
    outcome = runner.carry_out(config.read(path), progress=False)
    assert outcome.states == {blocked.key: runner.FAILED, other.key: runner.DONE}
    assert f"could not write to {blocked.folder}" in outcome.reasons[blocked.key]


def test_relative_folders_are_where_the_batch_is_and_not_where_its_notebooks_are(sweep, tmp_path, monkeypatch):
    (tmp_path / "books").mkdir()
    path = sweep([3], notebooks=["books/square.ipynb"])
    (tmp_path / "square.ipynb").rename(tmp_path / "books" / "square.ipynb")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LTHLIB_RESULTS", "kept")
    assert main(["batch", path.name]) == 0
    [run] = config.read(path.name).runs
    assert run.folder.parent == tmp_path / "out" / "square" and [p.name for p in (tmp_path / "books").iterdir()] == [
        "square.ipynb"
    ]
    content = json.loads((run.folder / "result.json").read_text())
    assert content["result"] == {"square": 9, "results": str(tmp_path / "kept")}
    assert content["result"] == json.loads((run.folder / "figures" / "result.json").read_text())


def test_a_hung_cell_and_a_killed_kernel_are_reported_as_such(sweep, tmp_path):
    path = sweep([1], parameters={"wait": 60.0}, timeout=2)
    outcome = runner.carry_out(config.read(path), progress=False)
    [reason] = outcome.reasons.values()
    assert "took longer than the sweep's timeout" in reason
    book = nbformat.read(tmp_path / "square.ipynb", 4)
    book.cells[1].source = "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)"
    nbformat.write(book, tmp_path / "square.ipynb")
    outcome = runner.carry_out(config.read(sweep([1])), progress=False)
    [reason] = outcome.reasons.values()
    assert "the kernel died" in reason


def test_a_budget_stops_in_time_and_leaves_the_rest(sweep, capsys):
    path = sweep(range(12), parameters={"wait": 2.0}, workers=1)
    began = time.monotonic()
    assert main(["batch", str(path), "--budget", "24s"]) == 0
    assert time.monotonic() - began < 34
    assert "left: the same command goes on from there" in capsys.readouterr().out
    assert 1 <= sum((run.folder / "result.json").exists() for run in config.read(path).runs) < 12
    planned = runner.plan(config.read(path))
    assert planned.seconds.between(2, 14).all(), "estimated from the finished ones"
    assert set(planned["from"]) == {runner.FINISHED}
    left = planned[planned.state == runner.TO_RUN].seconds.sum()
    assert f"to run: about {left:,.0f} seconds one after the other." in runner.in_words(planned)


def test_a_plan_of_lessons_goes_by_the_pace_of_their_tasks_networks(sweep, tmp_path, monkeypatch, capsys):
    lessons = {"notebooks": [str(ROOT / "notebooks" / "01_a_winning_ticket.ipynb")], "parameters": {"profile": "smoke"}}
    path = sweep([1], **lessons, grid={"task": ["lenet-digits", "lenet-cifar100"], "levels": [1]})
    assert runner.plan(config.read(path)).seconds.isna().all(), "nothing was trained yet"
    assert runner.in_words(runner.plan(config.read(path))).startswith("2 of 2 to run: how long is unknown, since neither")
    lthlib.hunt("lenet-digits", "smoke", iterations=40, trials=2, levels=1, progress=False, device="cpu", workers=1)
    known, unknown = runner.plan(config.read(path)).to_dict("records")
    pace = timing.pace("lenet-digits", 80)
    monkeypatch.setattr(runner.joblib, "cpu_count", lambda: 4)
    known = runner.plan(config.read(path)).seconds[0]
    assert known == pytest.approx(4 * 80 * pace.seconds / 2), "2 trials of 2 levels, for 80 iterations, on 2 of 4 cores"
    assert pd.isna(unknown["seconds"]) and unknown["from"] == ""
    assert main(["batch", str(path), "--dry-run"]) == 0
    out = capsys.readouterr().out
    assert "(of some the tickets alone), and 1 runs of unknown length" in out and "0 seconds" not in out.replace("10 seconds", "")
    assert "its tickets alone, by 4 networks of the task in the results folder" in out
    lthlib.hunt("lenet-digits", "smoke", trials=2, levels=1, progress=False, device="cpu", workers=1)
    assert runner.plan(config.read(path)).seconds[0] == 0, "its tickets are in the store"


def test_finished_runs_of_another_task_tell_nothing(sweep, tmp_path):
    planned = config.read(sweep([1, 2]))
    folder = planned.output / "square" / "0123"
    folder.mkdir(parents=True)
    for task, expected in (("other", None), (None, 7.0)):
        content = {"notebook": "square.ipynb", "parameters": {"task": task} if task else {}, "seconds": 7}
        (folder / "result.json").write_text(json.dumps(content))
        assert set(runner._expected_seconds(planned).values()) == {expected}


CHILDREN = """
import subprocess, sys, time
for apart in (False, True):
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=apart)
subprocess.run("sleep 600 &", shell=True)
time.sleep(600)
"""


@pytest.fixture
def family():
    family = Family()
    yield family
    family.end()


@pytest.fixture
def with_children(sweep, tmp_path):
    """A sweep whose notebook has three processes at work: one in a session of its own, and one left alone."""
    path = sweep([1])
    book = nbformat.read(tmp_path / "square.ipynb", 4)
    book.cells[1].source = CHILDREN
    nbformat.write(book, tmp_path / "square.ipynb")
    return path


def test_a_budget_ends_the_kernel_and_what_its_notebook_has_started(with_children, family):
    [run] = config.read(with_children).runs
    process = worker.start(run, 600, {"LTHLIB_TEST_FAMILY": family.mark})
    wait_until(lambda: len(family.named("sleep")) == 3)
    assert family.named("ipykernel_launcher") and process.poll() is None, "they are all at work"
    assert runner._wait(process, run, time.monotonic(), threading.Event()) == runner.LEFT
    print(f"nothing is left {family.gone():.2f} s after the budget")


def test_a_killed_batch_leaves_neither_kernel_nor_what_its_notebook_has_started(with_children, family):
    command = [sys.executable, "-m", "lthlib", "batch", str(with_children)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, env=family.environment)
    wait_until(lambda: len(family.named("sleep")) == 3)
    process.kill()
    process.wait()
    print(f"nothing is left {family.gone():.2f} s after the kill")


def test_a_killed_batch_goes_on_from_what_is_finished(sweep):
    path = sweep(range(4), parameters={"wait": 1.0})
    command = [sys.executable, "-m", "lthlib", "batch", str(path)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    results = [run.folder / "result.json" for run in config.read(path).runs]
    while not any(result.exists() for result in results):
        time.sleep(0.2)
    process.send_signal(signal.SIGKILL)
    process.wait()
    done = {result: os.stat(result).st_mtime_ns for result in results if result.exists()}
    time.sleep(2)  # its children notice that it is gone
    outcome = runner.carry_out(config.read(path), progress=False)
    assert squares(path) == [0, 1, 4, 9] and outcome.count(runner.DONE) == 4
    assert all(os.stat(result).st_mtime_ns == written for result, written in done.items())


def test_two_batches_do_not_work_on_one_output(sweep):
    path = sweep([1])
    with runner._alone(config.read(path)), pytest.raises(LotteryError, match="another batch works on"):
        runner.carry_out(config.read(path), progress=False)


def test_an_output_that_cannot_be_written(sweep, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(LotteryError, match="cannot be written"):
        runner.carry_out(config.read(sweep([1], output="file/below")), progress=False)


@pytest.mark.parametrize("text, length", [("90", 90), ("90s", 90), ("9m", 540), ("1h30m", 5400), ("1h", 3600)])
def test_lengths_of_time(text, length):
    assert runner.seconds(text) == length


@pytest.mark.parametrize("text", ["", "soon", "9x", "-3m"])
def test_no_lengths_of_time(text):
    with pytest.raises(LotteryError, match="give a time such as"):
        runner.seconds(text)


def test_cards_are_shared_by_environment(sweep, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3,5")

    def slots(**more):
        return [slot["CUDA_VISIBLE_DEVICES"] for slot in runner._slots(config.read(sweep([1], **more)))]

    assert slots(gpus=0.5, workers=None) == ["3", "3", "5", "5"] and slots(gpus=0.5) == ["3", "3"]
    assert slots(gpus=1, workers=None) == ["3", "5"] and slots(gpus=2, workers=None) == ["3,5"]
    with pytest.raises(LotteryError, match="asks for 4 cards and 2 are here"):
        slots(gpus=4)


def test_a_summary_names_every_run(sweep):
    path = sweep([1, 2])
    table = runner.summary(config.read(path), runner.carry_out(config.read(path), progress=False))
    assert isinstance(table, pd.DataFrame)
    assert table.run.tolist() == ["square (number 1)", "square (number 2)"]
    assert (table.state == runner.DONE).all() and (table.seconds > 0).all()
