"""Build the site: `python -m lthlib.pages.site`, or `make site`."""

import argparse
import importlib.util
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Set
from pathlib import Path

from lthlib.core.errors import LotteryError
from lthlib.core.paths import CHECKOUT, expanded
from lthlib.lessons import translations
from lthlib.pages.site import checking, composed, documents, dressing, reference, running, thumbnails
from lthlib.pages.site.pictures import Pictures

CONFIGURATION = CHECKOUT / "docs" / "site"
NEEDED = ("sphinx", "myst_nb", "sphinx_book_theme", "latex2mathml")
INSTALL = "`make site` installs it, or `pip install -e '.[site]'`"


def build(profile: str, folder: Path, only: tuple[str, ...] = ()) -> int:
    """Build the site in `folder`/site from sources that are made in `folder`/site-src; return how many faults
    the finished site has. `only` takes these lessons alone. Raises LotteryError where Sphinx is not
    installed, or where a lesson or Sphinx fails."""
    if missing := [name for name in NEEDED if importlib.util.find_spec(name) is None]:
        raise LotteryError(f"{', '.join(missing)} is not installed: {INSTALL}.")
    start = time.perf_counter()
    books = running.run_all(profile, folder / "site-runs" / profile, only)
    prepare(books, folder)
    sphinx(folder)
    faults = checking.main(str(folder / "site"))
    print(f"Built in {(time.perf_counter() - start) / 60:.1f} minutes: open {folder / 'site' / 'index.html'}")
    return faults


def prepare(books: dict[str, dict], folder: Path) -> None:
    """Make the sources of the site from lessons that have been run."""
    source, beside = folder / "site-src", folder / "site-beside"
    shutil.rmtree(beside, ignore_errors=True)
    pictures = Pictures(beside)
    whole = in_all_languages(books)
    lists = {f"{at.split('/')[0]}/index.md" for at in whole if not at.startswith("notebooks/")}
    templates = {path.name for path in CONFIGURATION.glob("*.md")}
    pages = frozenset({*whole, *lists, *templates, *documents.names()})

    remove_others(source, pages)
    documents.write(source, pages)
    for at, book in whole.items():
        page = dressing.page(book, at.split("/")[1], at, pages, pictures)
        documents.place(source / at, json.dumps(page, ensure_ascii=False))
    report = composed.beside(beside, folder / "site-report")
    for name, text in composed.composed(composed.Site(books, pages, pictures), report).items():
        documents.place(source / name, text)
    reference.write(source / "api")


def remove_others(source: Path, pages: Set[str]) -> None:
    """Remove sources of pages that the site no longer has."""
    for path in [*source.rglob("*.md"), *source.rglob("*.ipynb")]:
        if path.relative_to(source).as_posix() not in pages and path.parent.name != "api":
            path.unlink()


def in_all_languages(books: dict[str, dict]) -> dict[str, dict]:
    """The lessons and their translations, by where they lie on the site."""
    whole = {f"notebooks/{name}": book for name, book in books.items()}
    for language in translations.LANGUAGES:
        names = [lesson.name for lesson in translations.lessons(language) if lesson.name in books]
        whole |= {f"{language}/{name}": dressing.in_language(books[name], name, language) for name in names}
    return whole


def sphinx(folder: Path) -> None:
    """Build the pages. Raises LotteryError where Sphinx fails."""
    shutil.rmtree(folder / "site", ignore_errors=True)
    beside, trees = (folder / "site-beside").resolve(), folder / "site-trees"
    command = [sys.executable, "-m", "sphinx", "-q", "-b", "html", "-c", str(CONFIGURATION), "-d", str(trees)]
    command += ["-D", f"html_extra_path={beside}", str(folder / "site-src"), str(folder / "site")]
    if subprocess.run(command, cwd=CHECKOUT, check=False).returncode:
        raise LotteryError("Sphinx did not finish: its messages are above.")


def main() -> int:
    """Build the site as the command line says; return 1 where it has faults."""
    about = "Run the lessons, and build a site of them."
    parser = argparse.ArgumentParser(prog="python -m lthlib.pages.site", description=about)
    add = parser.add_argument
    add("--profile", default="quick", help="of the lessons: quick (default), smoke, paper")
    add("--to", default="build", metavar="DIR", help="folder for site/ and what it is made from (build)")
    add("--only", default="", metavar="00,01", help="these lessons alone")
    add("--thumbnails", action="store_true", help=f"run the lessons, write {thumbnails.FOLDER} for the README, and stop")
    options = parser.parse_args()
    only = tuple(name.strip() for name in options.only.split(",") if name.strip())
    try:
        if options.thumbnails:
            books = running.run_all(options.profile, expanded(options.to).resolve() / "site-runs" / options.profile, only)
            print(f"{len(thumbnails.write(books, CHECKOUT / thumbnails.FOLDER))} pictures in {thumbnails.FOLDER}")
            return 0
        return bool(build(options.profile, expanded(options.to).resolve(), only))
    except LotteryError as error:
        print(error, file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
