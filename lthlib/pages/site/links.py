"""Links of the site's pages. The sources lie as in the repository, so most links fit as they are."""

import posixpath
import re
from collections.abc import Set

import lthlib
from lthlib.core.paths import CHECKOUT

IN_MARKDOWN = re.compile(r"(\]\()([^)\s]+)(\))")
IN_HTML = re.compile(r"(\b(?:href|src)=[\"'])([^\"']+)([\"'])")
FENCED = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.DOTALL | re.MULTILINE)
WORDS = re.compile(r"!\[[^\]]*\]")  # of a picture: Sphinx would join them across the end of a line
SOURCES = (".md", ".ipynb")
PICTURES = (".png", ".svg", ".jpg")


def mended(text: str, page: str, at: str, pages: Set[str]) -> str:
    """Markdown of a page whose links lead to pages of the site, or else to the repository.

    `page` is where the text lies in the repository, `at` where it lies on the site, and `pages` are those
    that the site has, all as paths such as "docs/running.md".
    """
    parts = FENCED.split(text)
    for place in range(0, len(parts), 2):  # code stands between them
        part = WORDS.sub(lambda m: m[0].replace("\n", " "), parts[place])
        part = IN_MARKDOWN.sub(lambda m: m[1] + target(m[2], page, at, pages) + m[3], part)
        parts[place] = mended_html(part, page, at, pages)
    return "".join(parts)


def mended_html(text: str, page: str, at: str, pages: Set[str]) -> str:
    """The same of HTML, in which a page of the site ends in .html."""
    return IN_HTML.sub(lambda m: m[1] + _as_html(target(m[2], page, at, pages)) + m[3], text)


def target(link: str, page: str, at: str, pages: Set[str]) -> str:
    """Where a link of `page` leads from its place on the site. A page that has a translation beside `at` is
    taken from there."""
    file, _, anchor = link.partition("#")
    if not file or re.match(r"[a-z]+:|/", file):
        return link
    there = posixpath.normpath(posixpath.join(posixpath.dirname(page), file))
    beside = posixpath.join(posixpath.dirname(at), posixpath.basename(there))
    hash_and_anchor = f"#{anchor}" if anchor else ""
    if there == "README.md":
        return _between(at, "index.md")
    if there.startswith("notebooks/") and beside in pages:
        there = beside
    if there in pages or there.endswith(PICTURES):
        return _between(at, there) + hash_and_anchor
    if not (CHECKOUT / there).exists():  # a part of the site itself
        return link
    return f"https://github.com/{lthlib.REPOSITORY}/blob/main/{there}"


def _between(at: str, there: str) -> str:
    return posixpath.relpath(there, posixpath.dirname(at) or ".")


def _as_html(link: str) -> str:
    file, _, anchor = link.partition("#")
    if file.endswith(SOURCES) and not re.match(r"[a-z]+:", file):
        file = f"{file.rsplit('.', 1)[0]}.html"
    return f"{file}#{anchor}" if anchor else file
