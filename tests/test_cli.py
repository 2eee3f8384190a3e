import json
import subprocess
import sys

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.torch import load_file

import lthlib
from lthlib.__main__ import main
from lthlib.storage.store import MARKER
from lthlib.training.sparse.compiled import available

SMOKE = ["hunt", "--task", "lenet-digits", "--profile", "smoke"]
FIELDS = [
    *("task", "method", "trial", "redraw", "level", "density", "early_stop"),
    *("test_accuracy", "final_test_accuracy", "final_train_accuracy", "seconds"),
]


def test_json_is_one_object_a_line_and_nothing_else():
    command = [sys.executable, "-m", "lthlib", *SMOKE, "--levels", "2", "--controls", "reinit,dense", "--json"]
    first = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [json.loads(line) for line in first.stdout.splitlines()]
    assert all(list(row) == FIELDS for row in rows)
    assert {(row["method"], row["level"]) for row in rows} == {
        *(("iterative", level) for level in (0, 1, 2)), ("reinit", 1), ("reinit", 2), ("dense", 0)
    }  # fmt: skip
    assert all(0 < row["density"] <= 1 and 0 <= row["test_accuracy"] <= 1 for row in rows)
    again = subprocess.run(command, capture_output=True, text=True, check=True)
    assert again.stdout == first.stdout and "0 networks trained" in again.stderr


def test_the_table_names_methods_and_densities(capsys):
    assert main([*SMOKE, "--levels", "1", "--controls", "reinit", "--rate", "0.5"]) == 0
    out = capsys.readouterr().out
    assert "iterative" in out and "50.5" in out and "ticket against reinit" in out


def test_verbose_says_how_levels_are_trained(capsys):
    arguments = [*SMOKE, "--levels", "3", "--rate", "0.6", "--verbose"]
    assert main([*arguments, "--seed", "0,1"]) == 0
    lines = capsys.readouterr().out.split("How a training step is done:\n")[1].splitlines()
    if available():
        assert lines[0] == "levels 0 to 1: torch's products: fc1, fc2, output"
        assert lines[-1].endswith("kept weights: fc1, fc2, output") and lines[-1].startswith("level")
    assert main([*arguments, "--sparse", "off"]) == 0
    assert "levels 0 to 3: the dense way: sparse is off" in capsys.readouterr().out


def test_oneshot_is_named_so(capsys):
    assert main([*SMOKE, "--levels", "1", "--schedule", "oneshot", "--json"]) == 0
    assert {json.loads(line)["method"] for line in capsys.readouterr().out.splitlines()} == {"oneshot"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["hunt", "--task", "lenet-digts"], "did you mean 'lenet-digits'"),
        ([*SMOKE, "--rate", "1.7"], "rate is 1.7"),
        ([*SMOKE, "--rate", "0"], "rate is 0"),
        ([*SMOKE, "--rate", "half"], "half"),
        ([*SMOKE, "--levels", "-1"], "levels is -1"),
        ([*SMOKE, "--rewind", "80"], "past the end"),
        ([*SMOKE, "--controls", "rienit"], "did you mean 'reinit'"),
        ([*SMOKE, "--device", "tpu"], "device 'tpu'"),
        ([*SMOKE, "--workers", "0"], "workers is 0"),
        ([*SMOKE, "--mask", "none.safetensors"], "the mask 'none.safetensors' cannot be read"),
        ([*SMOKE, "--iterashuns", "3"], "--iterashuns"),
        (["hunt"], "--task"),
        (["translate", "--language", "fr"], "unknown language 'fr': choose one of ja, ko, zh"),
        (["translate"], "--language"),
        (["export", "lenet-digits", "--level", "1", "--to", "ticket"], "names no format"),
        (["export", "lenet-digits", "--level", "1", "--to", "ticket.pt"], "cannot be used"),
        (["export", "lenet-digits", "--to", "ticket.pt"], "--level"),
        (["hnt"], "hnt"),
        ([], "COMMAND"),
    ],
)
def test_bad_input_is_one_sentence_and_writes_nothing(arguments, says, capsys, tmp_path):
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == "" and says in captured.err and captured.err.count("\n") == 1
    assert not (tmp_path / "results").exists()


def test_unusable_and_corrupt_results_folders(capsys, tmp_path):
    (tmp_path / "file").write_text("kept")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / MARKER).write_text("garbage")
    for folder in ("file", "file/below", "odd"):
        assert main([*SMOKE, "--results", str(tmp_path / folder)]) == 2
        error = capsys.readouterr().err
        assert str(tmp_path / folder) in error and error.count("\n") == 1
    assert (tmp_path / "file").read_text() == "kept" and len(list((tmp_path / "odd").iterdir())) == 1


def test_a_truncated_data_file(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("LTHLIB_DATA", str(tmp_path))
    monkeypatch.setitem(lthlib.TASKS["lenet-mnist"].__dict__, "dataset", None)
    del lthlib.TASKS["lenet-mnist"].__dict__["dataset"]
    zeros = np.zeros((9, 28, 28), np.uint8)
    np.savez(
        tmp_path / "mnist.npz", train_images=zeros, train_labels=zeros[:, 0, 0], test_images=zeros, test_labels=zeros[:, 0, 0]
    )
    raw = (tmp_path / "mnist.npz").read_bytes()
    (tmp_path / "mnist.npz").write_bytes(raw[:-200])
    assert main(["hunt", "--task", "lenet-mnist"]) == 2
    error = capsys.readouterr().err
    assert "mnist.npz is damaged" in error and error.count("\n") == 1 and not (tmp_path / "results").exists()


def test_an_interrupt_is_no_traceback(monkeypatch, capsys):
    def interrupt(**_):
        raise KeyboardInterrupt

    monkeypatch.setattr(lthlib, "hunt", interrupt)
    assert main(SMOKE) == 130 and "Traceback" not in capsys.readouterr().err


def test_a_ticket_is_exported_and_no_file_is_overwritten_unasked(capsys, tmp_path):
    assert main([*SMOKE, "--levels", "1", "--trials", "1", "--json"]) == 0
    reported = json.loads(capsys.readouterr().out.splitlines()[1])
    path = tmp_path / "ticket.safetensors"
    export = ["export", "lenet-digits", "--level", "1", "--to", str(path)]
    assert main(export) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"{path}\n") and f"{100 * reported['test_accuracy']:.2f} %" in out
    network = lthlib.TASKS["lenet-digits"].build()
    network.load_state_dict(load_file(path))
    before = path.read_bytes()
    assert main([*export, "--at", "end"]) == 2
    assert "is there already" in capsys.readouterr().err and path.read_bytes() == before
    assert main([*export, "--at", "end", "--force"]) == 0
    with safe_open(path, "pt") as file:
        assert file.metadata()["at"] == "end"


def test_lessons_are_written_in_another_language(capsys, tmp_path):
    assert main(["translate", "--language", "ja", "--to", str(tmp_path / "ja")]) == 0
    written = sorted((tmp_path / "ja").iterdir())
    assert [str(path) for path in written] == capsys.readouterr().out.split() and len(written) >= 4
    assert "くじ" in written[1].read_text(encoding="utf-8")
