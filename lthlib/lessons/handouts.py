"""What a teacher hands out, made from the lessons so that it cannot drift: lessons without solutions, and the solutions."""

import copy
import json
import re
from pathlib import Path

from lthlib.core.files import write_atomically
from lthlib.lessons import translations

SOLUTION = re.compile(r"<details><summary>[^<]*</summary>\n+(.*?)\s*</details>\n?", re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def without_solutions(book: dict) -> dict:
    """A copy of the notebook without the solutions that are folded into it."""
    book = copy.deepcopy(book)
    for cell in book["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = SOLUTION.sub("", "".join(cell["source"])).splitlines(keepends=True)
    book["cells"] = [cell for cell in book["cells"] if cell["source"]]
    return book


def solutions(book: dict) -> str:
    """The exercises of a notebook with their solutions, as Markdown under the notebook's title."""
    parts, heading = [], ""
    for cell in book["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] != "markdown":
            continue
        headings = HEADING.findall(SOLUTION.sub("", text))
        if not parts:
            parts.append(f"# {headings[0]}")
        heading = headings[-1] if headings else heading
        parts += [f"## {heading}\n\n{body}" for body in SOLUTION.findall(text)]
    return "\n\n".join(parts) + "\n"


def write(folder: str | Path, language: str = "en") -> list[Path]:
    """Write a handout of every lesson, and solutions.md, into a folder; return their paths.

    `language` is "en" or one that lessons are translated into; then those that are, are written. Raises LotteryError for another.
    """
    folder, written, solved = Path(folder), [], []
    english = language == "en"
    for lesson in sorted(translations.LESSONS.glob("*.ipynb")) if english else translations.lessons(language):
        book = json.loads(lesson.read_text(encoding="utf-8")) if english else translations.translate(lesson, language)
        folder.mkdir(parents=True, exist_ok=True)
        written.append(folder / lesson.name)
        write_atomically(written[-1], (json.dumps(without_solutions(book), ensure_ascii=False, indent=1) + "\n").encode())
        solved.append(solutions(book))
    written.append(folder / "solutions.md")
    write_atomically(written[-1], "\n".join(solved).encode())
    return written
