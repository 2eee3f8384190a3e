"""The slides of the two-hour workshop as one HTML file, which needs neither a kernel nor a network: arrows
turn the pages, N shows the teacher's notes, and printing gives a slide a sheet.

    pages.slides.write("slides.html")
"""

import html
from pathlib import Path

from lthlib.core.errors import LotteryError
from lthlib.pages import deck
from lthlib.pages.explorer import check_path, save
from lthlib.storage import atlas

HERE = Path(__file__).parent


def write(path: str | Path, overwrite: bool = False) -> Path:
    """Write the slides and return their path. Raises LotteryError for a path that does not end in .html, or
    that is there already and is not to be overwritten, and as `page` does; then nothing is written."""
    path = check_path(path, overwrite)
    return save(path, page())


def page() -> str:
    """The slides as HTML. Raises LotteryError where the results they show are not shipped."""
    if atlas.read(deck.TASK).empty:
        raise LotteryError(f"the slides show the shipped results of {deck.TASK}, which are not there: install lthlib again.")
    shown = deck.slides()
    sections = [_section(number, len(shown), slide) for number, slide in enumerate(shown, 1)]
    style, script = ((HERE / name).read_text(encoding="utf-8") for name in ("slides.css", "slides.js"))
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>Lottery tickets: a workshop in two hours</title><style>{style}</style></head><body>
<main>
{"".join(sections)}</main>
<script>{script}</script>
</body></html>
"""


def _section(number: int, count: int, slide: deck.Slide) -> str:
    """One slide. Its heading is of the first level on the first slide alone."""
    level = "h1" if number == 1 else "h2"
    note = f'<aside class="note">{html.escape(slide.note)}</aside>' if slide.note else ""
    heading = f"<{level}>{html.escape(slide.heading)}</{level}>"
    counted = f"<footer>{number} / {count}</footer>"
    return f'<section id="slide-{number}" tabindex="-1">{heading}<div class="body">{slide.body}</div>{note}{counted}</section>\n'
