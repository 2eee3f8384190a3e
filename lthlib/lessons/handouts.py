"""What a teacher hands out: lessons without solutions, and the solutions, both made from the lessons; and the
algorithm on one page.

In a lesson `<details><summary>...</summary>` is a solution, whatever its summary says in whatever
language. A hint is `<details class="hint"><summary>...</summary>`, and stays in what is handed out.
"""

import copy
import re
from pathlib import Path

from lthlib.core.errors import LotteryError
from lthlib.core.files import write_atomically
from lthlib.lessons import one_page, translations

SOLUTION = re.compile(r"<details><summary>[^<]*</summary>\n+(.*?)\s*</details>\n?", re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def write(folder: str | Path, language: str = "en") -> list[Path]:
    """Write a handout of every lesson, solutions.md, and in English one-page.html (`one_page`), into a
    folder; return their paths. `language` is "en", or a language of `translations`: then the translated
    lessons are written. Raises LotteryError for a language or folder that cannot be used, such as the
    lessons' own."""
    english = language == "en"
    lessons = sorted(translations.LESSONS.glob("*.ipynb")) if english else translations.lessons(language)
    if not lessons:
        raise LotteryError(f"there are no lessons in {translations.LESSONS}: they come with a checkout.")
    whole = {lesson: translations.read(lesson) if english else translations.translate(lesson, language) for lesson in lessons}
    folder = translations.output(folder)
    files = [translations.write(without_solutions(book), folder / lesson.name) for lesson, book in whole.items()]
    files.append(folder / "solutions.md")
    write_atomically(files[-1], "\n".join(solutions(book) for book in whole.values()).encode())
    if english:
        files.append(folder / "one-page.html")
        write_atomically(files[-1], one_page.page().encode())
    return files


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
    for text in translations.texts(book):
        headings = HEADING.findall(SOLUTION.sub("", text))
        if not parts:
            parts.append(f"# {headings[0]}")
        heading = headings[-1] if headings else heading
        parts += [f"## {heading}\n\n{solution}" for solution in SOLUTION.findall(text)]
    return "\n\n".join(parts) + "\n"
