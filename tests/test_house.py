"""The house keeps its shape: few loose files, folders that the README describes, files that are read in one sitting."""

import re

from tests.conftest import ROOT

HOUSE = ROOT / "lthlib"
FILES = list(HOUSE.rglob("*.py"))
FOLDERS = {path.parent.name for path in HOUSE.glob("*/__init__.py")}


def test_few_files_lie_loose():
    assert len(list(HOUSE.glob("*.py"))) <= 6
    assert len(FOLDERS) >= 12


def test_every_folder_is_in_the_picture_and_no_other():
    rows = re.findall(r"^\| `(\w+)/` \|", (HOUSE / "README.md").read_text(), re.MULTILINE)
    assert sorted(rows) == sorted(FOLDERS)


def test_each_file_is_read_in_one_sitting():
    lengths = {path.name: len(path.read_text().splitlines()) for path in FILES}
    assert max(lengths.values()) <= 420, lengths


def test_lines_are_short():
    lines = [line for path in FILES for line in path.read_text().splitlines()]
    wide = [line for line in lines if len(line) > 110]
    assert len(wide) < 0.04 * len(lines), f"{len(wide)} of {len(lines)} lines are over 110 columns"
