"""Pages that are computed: start, explorer, report, the arena's leaderboard, lists of lessons.

The templates are docs/site/*.md. Each has marks, such as <!-- evidence -->, that are filled in here.
"""

import datetime
import json
import re
from collections.abc import Set
from pathlib import Path
from typing import NamedTuple

import yaml

from lthlib import pages as explorer
from lthlib.core.paths import CHECKOUT
from lthlib.lessons import one_page, translations
from lthlib.pages.site import links
from lthlib.pages.site.pictures import Pictures
from lthlib.papers import report

TEMPLATES = CHECKOUT / "docs" / "site"
SUMMARY = re.compile(r"<p class='lead'>(.*?)</p>")
BODY = re.compile(r"<style>(.*?)</style>.*?<body><h1>.*?</h1>(.*)</body>", re.DOTALL)
WHOLE_PAGE = re.compile(r"(?:^|(?<=\}))\s*(?::root|\*|body|h1|h2|img)\s*\{[^}]*\}", re.MULTILINE)
HEADING = '<p class="paper" role="heading" aria-level="2">'
LEADERBOARD = "rankings.styled("  # of the cell in lesson 17 that shows it
NO_ARENA = "*The arena was not run when this page was made. Lesson 17 runs it.*"
CITATION = """@software{{lthlib,
  title = {{{title}}},
  author = {{{{{authors}}}}},
  version = {{{version}}},
  year = {{{year}}},
  url = {{{url}}}
}}
@inproceedings{{frankle{paper_year}lottery,
  title = {{{paper}}},
  author = {{{people}}},
  booktitle = {{{venue}}},
  year = {{{paper_year}}}
}}"""


class Site(NamedTuple):
    """What the pages are made from: lessons that have been run, by their files' names, the names of all
    pages, and where pictures go."""

    books: dict[str, dict]
    pages: Set[str]
    pictures: Pictures


def beside(folder: Path, scratch: Path) -> str:
    """Write the pages that stand alone into a folder; return the report's. `scratch` is for its other forms."""
    (folder / "one-page.html").write_text(one_page.page(), encoding="utf-8")
    (folder / "film-frames.js").write_text(film_script(), encoding="utf-8")
    explorer.write(folder / "explorer-alone.html", overwrite=True)
    report.write(None, scratch)
    whole = (scratch / "report.html").read_text(encoding="utf-8")
    (folder / "report-alone.html").write_text(whole, encoding="utf-8")
    return whole


def composed(site: Site, whole_report: str) -> dict[str, str]:
    """The sources of the computed pages by their names."""
    languages = [name for name in translations.LANGUAGES if f"{name}/index.md" in site.pages]
    marks = {
        "evidence": SUMMARY.search(whole_report)[1],
        "cite": citation(),
        "date": datetime.datetime.now(datetime.timezone.utc).date().isoformat(),
        "lessons": lessons(site),
        "report": the_report(whole_report, site.pictures),
        "arena": leaderboard(site),
        "list of lessons": "\n".join(f"notebooks/{Path(name).stem}" for name in site.books),
        "list of languages": "\n".join(f"{name}/index" for name in languages),
    }
    made = {f"{language}/index.md": in_language(language, site) for language in languages}
    for path in sorted(TEMPLATES.glob("*.md")):
        text = path.read_text(encoding="utf-8")
        for mark, content in marks.items():
            text = text.replace(f"<!-- {mark} -->", content)
        made[path.name] = links.mended(text, path.name, path.name, site.pages)
    return made


def lessons(site: Site) -> str:
    """A list of the lessons by their titles."""
    items = []
    for name, book in site.books.items():
        title = re.search(r"^# (.+)$", "".join(book["cells"][0]["source"]), re.MULTILINE)[1]
        items.append(f"- [{title}](notebooks/{name})")
    return "\n".join(items)


def in_language(language: str, site: Site) -> str:
    """The page that lists the lessons of a language."""
    listed = "\n".join(Path(name).stem for name in site.books if f"{language}/{name}" in site.pages)
    return f"# {translations.LANGUAGES[language]}\n\n```{{toctree}}\n:maxdepth: 1\n\n{listed}\n```\n"


def the_report(whole: str, pictures: Pictures) -> str:
    """The body of the report's own page, in a box with its style."""
    style, body = BODY.search(whole).groups()
    body = pictures.taken_out(body, depth=0).replace("<h2>", HEADING).replace("</h2>", "</p>")
    inside = WHOLE_PAGE.sub("", style)
    style = f"<style>@layer report {{ .report {{ {inside} }} }}</style>"
    return f'{style}\n<div class="report">{_no_blank_lines(body)}</div>'


def leaderboard(site: Site) -> str:
    """What lesson 17 shows of the arena, as HTML."""
    for name, book in site.books.items():
        cells = book["cells"] if name.startswith("17") else []
        for cell in cells:
            if LEADERBOARD in "".join(cell["source"]):
                return _as_shown(cell, f"notebooks/{name}", site)
    return NO_ARENA


def citation() -> str:
    """BibTeX of the software and of the paper that it teaches, from CITATION.cff."""
    cff = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text(encoding="utf-8"))
    [paper] = cff["references"]
    return CITATION.format(
        title=cff["title"],
        authors=cff["authors"][0]["name"],
        version=cff["version"],
        year=cff["date-released"].year,
        url=cff["repository-code"],
        paper=paper["title"],
        paper_year=paper["year"],
        people=" and ".join(f"{each['family-names']}, {each['given-names']}" for each in paper["authors"]),
        venue=paper["collection-title"],
    )


def film_script() -> str:
    """The frames of lesson 0's animation as a script: of each level the trained ticket, and what is pruned."""
    from lthlib.widgets import animation  # here, since ipywidgets takes a moment to load

    reel = next(iter(animation.watch().reels.values()))
    ends = len(reel.film.iterations) - 1
    chosen = [number for number, (_, time) in enumerate(reel.stages) if time >= ends]
    frames = json.dumps([reel.frame(number) for number in chosen], ensure_ascii=False)
    return f"const FRAMES = {frames};\n"


def _as_shown(cell: dict, source: str, site: Site) -> str:
    """The HTML that a cell of the notebook `source` shows, for a page at the site's top."""
    forms = [output.get("data", {}).get("text/html", "") for output in cell["outputs"]]
    page = links.mended_html("".join("".join(form) for form in forms), source, "arena.md", site.pages)
    return f'<div class="wide">{_no_blank_lines(site.pictures.taken_out(page, depth=0))}</div>'


def _no_blank_lines(page: str) -> str:
    """HTML that Markdown takes as one block."""
    return re.sub(r"\n\s*\n", "\n", page)
