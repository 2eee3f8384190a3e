"""What is wrong with a built site: broken links, loads from elsewhere, heavy pages, pictures without words.

python -m lthlib.pages.site.checking build/site
"""

import re
import sys
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

LIMIT = 1_500_000  # bytes of a page with its own pictures; what all pages share counts once, and not here
SHARED = "_static"
LOADING = ("script", "img", "iframe", "source", "video", "audio", "embed")
STYLES = ("stylesheet", "icon", "preload", "shortcut icon", "modulepreload")
IN_STYLE = re.compile(r"(?:url\(\s*|@import\s+)[\"']?((?:https?:)?//[^\"')\s]+)")
ELSEWHERE = re.compile(r"(?:https?:)?//")


class Page(HTMLParser):
    """What a page links to, what it loads, and what is said of its pictures."""

    def __init__(self, text: str):
        super().__init__()
        self.ids, self.links, self.loads, self.without_words = set(), [], [], []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list) -> None:
        of = dict(attributes)
        self.ids |= {of[name] for name in ("id", "name") if of.get(name)}
        if tag == "a" and of.get("href"):
            self.links.append(of["href"])
        if tag in LOADING and of.get("src"):
            self.loads.append(of["src"])
        if tag == "link" and of.get("rel") in STYLES and of.get("href"):
            self.loads.append(of["href"])
        if tag == "img" and not of.get("alt", "").strip() and of.get("aria-hidden") != "true":
            self.without_words.append(of.get("src", "")[:60])


class Found(NamedTuple):
    """A site, looked over: its faults in sentences, and bytes by page."""

    faults: list[str]
    sizes: dict[str, int]


def look_over(site: Path) -> Found:
    """Look over every page of a built site."""
    site = site.resolve()
    read = cache(lambda path: Page(path.read_text(encoding="utf-8")))
    faults, sizes = [], {}
    for path in sorted(site.rglob("*.html")):
        name = path.relative_to(site).as_posix()
        if name.startswith(f"{SHARED}/"):
            continue
        page = read(path)
        own = {_file(path, load) for load in page.loads if not load.startswith("data:") and not _is_elsewhere(load)}
        sizes[name] = path.stat().st_size + sum(each.stat().st_size for each in own if _counts(each, site))
        missing = [each.name for each in own if not each.exists()]
        faults += [f"{name} loads {each}, which is not there." for each in missing]
        faults += [f"{name} loads {load} from elsewhere." for load in page.loads if _is_elsewhere(load)]
        faults += [f"{name} has a picture without words: {each}." for each in page.without_words]
        broken = {link: _broken(path, link, read) for link in page.links}
        faults += [f"{name} links to {link}: {why}." for link, why in broken.items() if why]
    faults += [f"{name} has {size:,} bytes." for name, size in sizes.items() if size > LIMIT]
    return Found(faults + _styles(site), sizes)


def _styles(site: Path) -> list[str]:
    """What style sheets load from elsewhere, those inside pages too."""
    faults = []
    for path in sorted([*site.rglob("*.css"), *site.rglob("*.html")]):
        found = IN_STYLE.findall(path.read_text(encoding="utf-8"))
        faults += [f"{path.relative_to(site).as_posix()} loads {each} from elsewhere." for each in found]
    return faults


def _counts(file: Path, site: Path) -> bool:
    """Whether a file that a page loads is its own: not a page by itself, nor what all pages share."""
    return file.exists() and file.suffix != ".html" and site / SHARED not in file.parents


def _is_elsewhere(load: str) -> bool:
    return bool(ELSEWHERE.match(load))


def _broken(path: Path, link: str, read) -> str:
    """What is wrong with a link of a page; empty where nothing is, or where it leads elsewhere."""
    if re.match(r"[a-z]+:", link) or link.startswith("//"):
        return ""
    file, _, anchor = link.partition("#")
    target = _file(path, file) if file else path
    if not target.exists():
        return "there is no such file"
    is_page = target.suffix == ".html" and anchor
    return f"there is no {anchor} in it" if is_page and unquote(anchor) not in read(target).ids else ""


def _file(path: Path, link: str) -> Path:
    target = (path.parent / unquote(re.split(r"[?#]", link)[0])).resolve()
    return target / "index.html" if target.is_dir() else target


def main(folder: str) -> int:
    """Print what is wrong with the site in a folder, and how large it is; return the number of faults."""
    faults, sizes = look_over(Path(folder))
    print(*faults, sep="\n")
    heaviest = max(sizes, key=sizes.get)
    whole = sum(path.stat().st_size for path in Path(folder).rglob("*") if path.is_file())
    most = f"The heaviest is {heaviest} with {sizes[heaviest] / 1e6:.2f} MB."
    print(f"{len(sizes)} pages, {whole / 1e6:.1f} MB in all. {most}")
    fine = "No broken link, nothing loaded from elsewhere, no picture without words."
    print(f"{len(faults)} faults." if faults else fine)
    return len(faults)


if __name__ == "__main__":
    sys.exit(bool(main(sys.argv[1] if len(sys.argv) > 1 else "build/site")))
