"""The batch of docs/cluster.md, in a copy of the repository: figures and result.json are where it says."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest

from tests.conftest import ROOT


@pytest.fixture
def copy(tmp_path, mnist_folder, monkeypatch):
    """A copy of the repository, with the document's sweep as it stands there, but for the profile
    and with two of its seeds."""
    for folder in ("lthlib", "notebooks", "data/atlas"):
        shutil.copytree(ROOT / folder, tmp_path / "copy" / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path / "copy")
    [text] = re.findall(r"```yaml\n(# sweep\.yaml\n.*?)```", (ROOT / "docs" / "cluster.md").read_text("utf-8"), re.DOTALL)
    assert text.count("profile: paper") == 1 and "output: results/sweep" in text
    assert text.count("seed: [0, 1, 2, 3]") == 1
    short = text.replace("profile: paper", "profile: smoke").replace("[0, 1, 2, 3]", "[0, 1]")
    (tmp_path / "copy" / "sweep.yaml").write_text(short)
    monkeypatch.delenv("LTHLIB_RESULTS")
    monkeypatch.setenv("LTHLIB_DATA", str(mnist_folder))
    return tmp_path / "copy"


def test_the_batch_of_the_document_leaves_everything_where_it_says(copy):
    lessons = sorted((copy / "notebooks").iterdir())
    command = [sys.executable, "-m", "lthlib", "batch", "sweep.yaml"]
    ended = subprocess.run(command, cwd=copy, env={**os.environ, "PYTHONPATH": str(copy)}, capture_output=True, text=True)
    assert ended.returncode == 0 and "4 of 4 done, 0 failed" in ended.stdout, ended.stdout + ended.stderr
    for name, lesson in (("01_a_winning_ticket", 1), ("03_is_it_the_initialisation", 3)):
        folders = list((copy / "results" / "sweep" / name).iterdir())
        contents = [json.loads((folder / "result.json").read_bytes()) for folder in folders]
        assert sorted(content["parameters"]["seed"] for content in contents) == [0, 1]
        for folder, content in zip(folders, contents):
            own = json.loads((folder / "figures" / "result.json").read_bytes())
            assert content["result"] == own and own["lesson"] == lesson and own["summary"]
            assert (folder / "figures" / "accuracy.png").stat().st_size > 1000 and (folder / "lesson.ipynb").exists()
    assert (copy / "results" / "lenet-mnist").is_dir() and sorted((copy / "notebooks").iterdir()) == lessons
