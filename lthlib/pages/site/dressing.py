"""A lesson that has been run, as a page: folded code with its title, and outputs that need no kernel."""

import copy
import hashlib
import html
import re
from collections.abc import Set

import lthlib
from lthlib.lessons import folding, translations
from lthlib.pages.site import links
from lthlib.pages.site.pictures import Pictures

BADGE = re.compile(r"\[!\[Open in Colab\]\([^)]*\)\]\(([^)]*)\)")
WIDGET = "application/vnd.jupyter.widget-view+json"
EXPLORER = 'Here you see one view. <a href="../explorer.html">The explorer on this site</a> moves, without a kernel.'
FILM = 'Here you see one frame. <a href="../index.html">The start page</a> plays the film.'
LIVE = {"widgets.explore(": EXPLORER, "widgets.watch(": FILM}  # said below cells that need a kernel
INJECTED = "injected-parameters"  # papermill's tag


def page(book: dict, name: str, at: str, pages: Set[str], pictures: Pictures) -> dict:
    """The notebook that Sphinx takes. `name` is the lesson's file, `at` where the page lies on the site (in
    another folder for a translation), `pages` what the site has."""
    book, source = copy.deepcopy(book), f"notebooks/{name}"
    book["cells"] = [cell for cell in book["cells"] if INJECTED not in cell["metadata"].get("tags", [])]
    cells = []
    for cell in book["cells"]:
        if cell["cell_type"] == "markdown":
            text = BADGE.sub(lambda badge: _launch(badge[1]) + switch(at, pages), "".join(cell["source"]))
            cell["source"] = links.mended(text, source, at, pages)
        else:
            _fold(cell)
            cell["outputs"] = _outputs(cell, source, at, pages, pictures)
        cells.append(cell)
        said = [words for call, words in LIVE.items() if call in "".join(cell["source"])]
        cells += [_markdown(f'<p class="live">{words}</p>') for words in said if cell["cell_type"] == "code"]
    book["cells"] = [*cells, _markdown(made(book))]
    book["metadata"].pop("widgets", None)
    return book


def in_language(book: dict, name: str, language: str) -> dict:
    """A lesson that has been run with its prose in another language, and the outputs that it has."""
    book, prose = copy.deepcopy(book), translations.translated(translations.LESSONS / name, language)
    for cell in book["cells"]:
        text = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            cell["source"] = prose.get(text, text)
    return book


def switch(at: str, pages: Set[str]) -> str:
    """Links to the same lesson in the other languages; empty where there are none."""
    folder, name = at.split("/")
    names = {"notebooks": "English", **translations.LANGUAGES}
    there = {each: words for each, words in names.items() if f"{each}/{name}" in pages}
    if len(there) < 2:
        return ""
    target = f"{name.removesuffix('.ipynb')}.html"
    items = [
        f'<b aria-current="page">{words}</b>'
        if each == folder
        else f'<a href="../{each}/{target}" lang="{_code(each)}" hreflang="{_code(each)}">{words}</a>'
        for each, words in there.items()
    ]
    return f' <span class="languages" role="navigation" aria-label="Languages">{" · ".join(items)}</span>'


def made(book: dict) -> str:
    """When and with what a lesson was run, and how to cite it."""
    site, language = book["metadata"]["site"], book["metadata"].get("language_info", {})
    python = f" and Python {language['version']}" if "version" in language else ""
    profile = f"<code>{html.escape(site['profile'])}</code>"
    run = f"Last run on {site['date']} at profile {profile}, with lthlib {lthlib.__version__}{python}."
    cite = '<a href="../index.html#how-to-cite">How to cite</a>'
    numbers = "The numbers and figures above are those of that run."
    return f'<aside class="made"><p>{run} {numbers} {cite}.</p></aside>'


def _fold(cell: dict) -> None:
    """The title of a folded cell goes onto the bar that opens it."""
    lines = "".join(cell["source"]).splitlines()
    found = folding.TITLE.fullmatch(lines[0]) if lines else None
    if found:
        cell["source"] = "\n".join(lines[1:])
        cell["metadata"]["mystnb"] = {"code_prompt_show": found[1], "code_prompt_hide": found[1]}


def _outputs(cell: dict, source: str, at: str, pages: Set[str], pictures: Pictures) -> list[dict]:
    """What a cell shows, each output in one form that a browser draws by itself."""
    kept = []
    for output in cell["outputs"]:
        data = output.get("data", {})
        if output["output_type"] == "stream" and output["name"] == "stderr":
            continue  # progress, and notices for those who run it
        if "image/png" in data and "text/html" not in data:
            data["text/html"] = _image(data["image/png"], cell)
        if "text/html" in data:
            text = links.mended_html("".join(data["text/html"]), source, at, pages)
            output["data"] = {"text/html": pictures.taken_out(text)}
        elif "text/markdown" in data:
            text = links.mended("".join(data["text/markdown"]), source, at, pages)
            output["data"] = {"text/markdown": text}
        elif WIDGET in data:
            continue
        kept.append(output)
    return kept


def _image(png: str, cell: dict) -> str:
    words = cell["metadata"].get("mystnb", {}).get("code_prompt_show", "A figure that the code above draws")
    return f'<img alt="{html.escape(words)}" src="data:image/png;base64,{"".join(png).strip()}">'


def _markdown(text: str) -> dict:
    name = hashlib.sha256(text.encode()).hexdigest()[:8]  # the same each time, so that nothing is built anew
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": text}


def _launch(link: str) -> str:
    return f'<a class="launch" href="{link}">Open this lesson in Colab</a>'


def _code(folder: str) -> str:
    return "en" if folder == "notebooks" else folder
