"""Every lesson at profile smoke with Colab's versions, from its own set-up cell on; nothing of Colab's is upgraded by it.

Needs the environment that `make test-colab` builds in .venv-colab; skipped elsewhere. The set-up cell runs as it is written: git
is told to find the repository it names in this checkout, as last committed.
"""

import os
import subprocess

import pytest

import lthlib
from tests.conftest import ROOT

PYTHON = ROOT / ".venv-colab" / "bin" / "python"
LESSONS = sorted((ROOT / "notebooks").glob("*.ipynb"))
pytestmark = pytest.mark.skipif(not PYTHON.exists(), reason="no environment with Colab's versions (make test-colab)")
RUN = """
import sys, nbformat
from nbclient import NotebookClient
book = nbformat.read(sys.argv[1], 4)
for cell in book.cells:
    if "parameters" in cell.metadata.get("tags", []):
        cell.source += "\\nprofile = 'smoke'"
NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": sys.argv[2]}}).execute()
print(sum(len(cell.get("outputs", [])) for cell in book.cells))
"""


def frozen():
    listed = subprocess.run([PYTHON, "-m", "pip", "freeze"], capture_output=True, text=True, check=True).stdout
    return {line.split("==")[0].split(" @")[0].lower(): line for line in listed.splitlines()}


@pytest.fixture(scope="module")
def environment():
    """As on Colab: its module is there, its versions, and a repository to install from."""
    repository = f"https://github.com/{lthlib.REPOSITORY}"
    git = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": f"url.file://{ROOT}.insteadOf", "GIT_CONFIG_VALUE_0": repository}
    path = os.pathsep.join([str(PYTHON.parent), os.environ["PATH"]])
    variables = {name: value for name, value in os.environ.items() if not name.startswith("LTHLIB")}
    return {**variables, **git, "PATH": path, "PYTHONPATH": str(ROOT / "tests" / "colab" / "stub")}


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda path: path.stem)
def test_a_lesson_runs_and_upgrades_nothing(lesson, environment, tmp_path):
    subprocess.run([PYTHON, "-m", "pip", "uninstall", "--quiet", "--yes", "lthlib", "mnist1d", "torch-pruning"], check=True)
    before = frozen()
    assert "lthlib" not in before and before["ipywidgets"] == "ipywidgets==7.7.1" and before["ipython"] == "ipython==7.34.0"
    done = subprocess.run(
        [PYTHON, "-c", RUN, str(lesson), str(tmp_path)], env=environment, cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.split()[-1]) > 0
    after = frozen()
    ours = ("lthlib", "mnist1d", "torch-pruning", "torch_pruning")  # the third in the lesson that removes units
    assert {name: line for name, line in after.items() if name not in ours} == before
    assert {"lthlib", "mnist1d"} <= after.keys()
    assert (tmp_path / "results").exists(), "results land where the lesson runs"
