"""Which code of a lesson is seen, and how a cell is folded in JupyterLab, on a site and in Colab.

A folded cell has three marks: `jupyter.source_hidden` in its metadata (JupyterLab), the tag `hide-input`
(myst-nb), and for Colab a first line `# @title <what it does>` with `cellView: form`. A front end that
knows none of them, such as GitHub's preview, shows the code.
"""

import re

from lthlib.core.errors import LotteryError

TAG = "hide-input"
TITLE = re.compile(r"# ?@title (\S.*)")  # Colab takes both; ruff format writes a space


def fold(cell: dict, title: str) -> dict:
    """Fold a code cell, in place, with a title of a few words; return it. A cell that is folded gets the
    new title. Raises LotteryError for a cell that is no code, or a title that is not one line."""
    if cell["cell_type"] != "code":
        raise LotteryError(f"the cell is of type {cell['cell_type']!r}: only code cells can be folded.")
    if not title.strip() or "\n" in title:
        raise LotteryError(f"the title is {title!r}: give a few words on one line.")

    lines = _lines(cell)
    lines = lines[1:] if lines and TITLE.fullmatch(lines[0]) else lines
    cell["source"] = "\n".join([f"# @title {title.strip()}", *lines]).splitlines(keepends=True)
    metadata = cell["metadata"]
    metadata["jupyter"] = {**metadata.get("jupyter", {}), "source_hidden": True}
    metadata["tags"] = [*(tag for tag in metadata.get("tags", []) if tag != TAG), TAG]
    metadata["cellView"] = "form"
    return cell


def unfold(cell: dict) -> dict:
    """Take all three marks from a cell, in place; return it."""
    lines, metadata = _lines(cell), cell["metadata"]
    lines = lines[1:] if lines and TITLE.fullmatch(lines[0]) else lines
    cell["source"] = "\n".join(lines).splitlines(keepends=True)
    metadata.pop("cellView", None)
    kept = {
        "jupyter": {name: value for name, value in metadata.pop("jupyter", {}).items() if name != "source_hidden"},
        "tags": [tag for tag in metadata.pop("tags", []) if tag != TAG],
    }
    metadata.update({name: value for name, value in kept.items() if value})
    return cell


def is_folded(cell: dict) -> bool:
    """Whether JupyterLab hides the code of a cell."""
    return bool(cell["metadata"].get("jupyter", {}).get("source_hidden"))


def missing_marks(cell: dict) -> list[str]:
    """Of a cell that has some of the three marks, those that it lacks; nothing of a cell that has all or
    none."""
    lines, metadata = _lines(cell), cell["metadata"]
    marks = {
        "jupyter.source_hidden": is_folded(cell),
        f"the tag {TAG}": TAG in metadata.get("tags", []),
        "cellView: form": metadata.get("cellView") == "form",
        "a first line # @title": bool(lines) and bool(TITLE.fullmatch(lines[0])),
    }
    return [mark for mark, there in marks.items() if not there] if any(marks.values()) else []


def visible_lines(book: dict) -> list[int]:
    """How many lines each visible code cell of a notebook has, blank ones not counted, in the notebook's
    order."""
    codes = [cell for cell in book["cells"] if cell["cell_type"] == "code" and not is_folded(cell)]
    return [sum(bool(line.strip()) for line in _lines(cell)) for cell in codes]


def _lines(cell: dict) -> list[str]:
    return "".join(cell["source"]).splitlines()
