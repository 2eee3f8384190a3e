"""The picture of the house in lthlib/README.md, held against the code."""

import ast
import re

from tests.conftest import ROOT

HOUSE = ROOT / "lthlib"
ROOMS = {path.stem: [path] for path in HOUSE.glob("*.py") if path.stem != "__init__"}
ROOMS |= {path.parent.name: sorted(path.parent.glob("*.py")) for path in HOUSE.glob("*/__init__.py")}  # a room that is a folder


def floors():
    rows = re.findall(r"^\| (\d+) \| (.+?) \|", (ROOT / "lthlib" / "README.md").read_text(), re.MULTILINE)
    return {room: int(floor) for floor, rooms in rows for room in re.findall(r"`(\w+)`", rooms)}


def imports(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[1] for alias in node.names if alias.name.startswith("lthlib."))
        elif isinstance(node, ast.ImportFrom) and node.module == "lthlib":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("lthlib."):
            yield node.module.split(".")[1]


def test_every_room_is_in_the_picture_and_no_other():
    assert floors().keys() == ROOMS.keys()


def test_imports_only_point_down():
    floor = floors()
    wanted = {(room, name) for room, paths in ROOMS.items() for path in paths for name in imports(path)}
    upward = [(room, name) for room, name in wanted if room != name in ROOMS and floor[name] >= floor[room]]
    beside = [(room, name) for room, name in upward if floor[room] == floor[name]]
    assert not [pair for pair in upward if pair not in beside], "an import points up"
    assert set(beside) <= {(room, "errors") for room in ("models", "masks", "graphs")}


def test_each_room_is_read_in_one_sitting():
    assert max(len(path.read_text().splitlines()) for paths in ROOMS.values() for path in paths) <= 450
