"""The repository's documents as pages: in the same place, with links to the site or the repository."""

import re
import shutil
from collections.abc import Set
from pathlib import Path

from lthlib.core.paths import CHECKOUT
from lthlib.pages.site import links

DOCUMENTS = ("docs/*.md", "docs/decisions/*.md", "lthlib/README.md", "data/README.md", "data/atlas/README.md")
DOCUMENTS += ("CONTRIBUTING.md", "CHANGELOG.md")
PICTURES = ("docs/*.svg", "docs/*.png")
LIST_OF_DECISIONS = "\n\n```{toctree}\n:hidden:\n:glob:\n\n0*\n```\n"
ANCHORED = re.compile(r'<a id="([\w-]+)"></a>\*\*(.+?)\*\*')


def names() -> list[str]:
    """The documents that the site has, as paths in the repository."""
    paths = [path for pattern in DOCUMENTS for path in sorted(CHECKOUT.glob(pattern))]
    return [path.relative_to(CHECKOUT).as_posix() for path in paths]


def write(folder: Path, pages: Set[str]) -> None:
    """Write the documents, and the pictures in them, into the folder of the site's sources."""
    for name in names():
        text = (CHECKOUT / name).read_text(encoding="utf-8")
        text = ANCHORED.sub(r'<span id="\1"></span>**\2**', text)
        text += LIST_OF_DECISIONS if name == "docs/decisions/README.md" else ""
        place(folder / name, links.mended(text, name, name, pages))
    for pattern in PICTURES:
        for path in CHECKOUT.glob(pattern):
            shutil.copyfile(path, folder / path.relative_to(CHECKOUT))


def place(path: Path, text: str) -> None:
    """Write a page's source, unless it is there already: then Sphinx need not read it again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")
