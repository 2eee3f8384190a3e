"""The texts of the library that readers see, for its catalogue: what its code gives to `say` and `mark`, and
what the lessons that are translated quote of the papers' claims."""

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path

from lthlib.papers import claims

ROOT = Path(__file__).resolve().parents[1]
CALLS = ("say", "mark")


def texts(lessons: list[Path]) -> list[str]:
    """Every text once: those of the code, file by file, then those of the claims that the lessons name."""
    found = [text for path in sorted(ROOT.rglob("*.py")) for text in of_code(path.read_text("utf-8"))]
    return list(dict.fromkeys([*found, *of_claims(lessons)]))


def of_code(source: str) -> list[str]:
    """The constant texts that `say` and `mark` get, in the order of the source."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and node.args]
    calls = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id in CALLS]
    calls.sort(key=lambda call: (call.lineno, call.col_offset))
    return [text for call in calls for text in _constants(call.args[0])]


def of_claims(lessons: list[Path]) -> list[str]:
    """What the tables of these lessons quote of the claims that their code names."""
    code = "".join("".join(cell["source"]) for path in lessons for cell in json.loads(path.read_text("utf-8"))["cells"])
    named = [claim for claim in claims.load() if re.search(rf"\b{re.escape(claim.id)}(?![\w.-])", code)]
    return [text for claim in named for text in (claim.claim, claim.says, claim.qualifier) if text]


def _constants(node: ast.expr) -> Iterator[str]:
    """A constant text, or both of a choice between two."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _constants(node.body)
        yield from _constants(node.orelse)
