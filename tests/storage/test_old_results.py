"""What earlier code wrote is read: a results folder of its own, and the shipped atlas.

old_results.zip was written before the code was moved into folders, by
`lthlib.hunt("lenet-digits", profile="smoke", levels=2, trials=1, controls=["reinit"])`.
"""

import hashlib
import zipfile
from pathlib import Path

import pytest

import lthlib
from lthlib.storage import atlas

TABLE = "d4bd193b9ead2acb387a809705e040ff389d00122208d8e5b98cf84c3af16f66"  # sha256 of the table as CSV
ATLAS = {"conv2-narrow-cifar10": 905, "lenet-mnist": 128775, "lenet-mnist1d": 22405}  # measurements


@pytest.fixture
def old_results(tmp_path):
    with zipfile.ZipFile(Path(__file__).with_name("old_results.zip")) as packed:
        packed.extractall(tmp_path / "old")
    return tmp_path / "old"


def digest(table) -> str:
    return hashlib.sha256(table.to_csv(index=False, lineterminator="\n").encode()).hexdigest()


def networks(folder: Path) -> dict[str, tuple]:
    """The files of trained networks, with their content and when they were written."""
    files = [path for path in folder.rglob("*-level*") if path.suffix in (".json", ".safetensors")]
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_an_old_results_folder_gives_the_same_table(old_results):
    table = lthlib.results(old_results)
    assert len(table) == 35 and digest(table) == TABLE
    assert digest(lthlib.results(old_results)) == TABLE, "also from rows.cache"


def test_a_hunt_on_an_old_results_folder_trains_nothing(old_results, capsys):
    before = networks(old_results)
    table = lthlib.hunt(
        "lenet-digits", profile="smoke", levels=2, trials=1, controls=["reinit"], results=old_results, progress=False
    )
    assert len(before) == 10 and networks(old_results) == before and digest(table) == TABLE
    assert "damaged" not in capsys.readouterr().err


def test_the_shipped_atlas_has_all_its_measurements():
    """Who adds results to the atlas raises these numbers."""
    assert {path.stem: len(atlas.read(path.stem)) for path in atlas.folder().glob("*.parquet")} == ATLAS
