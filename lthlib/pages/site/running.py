"""Lessons run for the site, and kept until their text, the library or the profile changes."""

import datetime
import hashlib
import json
import os
import subprocess
import sys
import time
from pathlib import Path

from lthlib.core.errors import LotteryError
from lthlib.core.files import write_atomically
from lthlib.core.paths import CHECKOUT
from lthlib.lessons.translations import LESSONS

CODE = (".py", ".yaml")
PER_CELL = 1800  # seconds that a cell may take


def run_all(profile: str, folder: Path, only: tuple[str, ...] = ()) -> dict[str, dict]:
    """Every lesson with its outputs, by its file's name; `only` names the lessons to take, by their
    beginnings, such as "00". Raises LotteryError for a lesson that fails."""
    folder.mkdir(parents=True, exist_ok=True)
    lessons = [path for path in sorted(LESSONS.glob("*.ipynb")) if path.name.startswith(only or "")]
    if not lessons:
        wanted = f" that begin with {', '.join(only)}" if only else ""
        raise LotteryError(f"there are no lessons{wanted} in {LESSONS}: they come with a checkout, as 00, 01 and so on.")
    library, books = _digest_of_library(), {}
    for lesson in lessons:
        start = time.perf_counter()
        books[lesson.name], is_new = run(lesson, profile, folder, library)
        done = f"run in {time.perf_counter() - start:.0f} s" if is_new else "as it was run before"
        print(f"{lesson.stem}: {done}", flush=True)
    return books


def run(lesson: Path, profile: str, folder: Path, library: str) -> tuple[dict, bool]:
    """A lesson with its outputs, and whether it was run just now. What it trains is kept in the usual
    results folder."""
    key = hashlib.sha256(f"{profile} {library} ".encode() + lesson.read_bytes()).hexdigest()
    kept = folder / lesson.name
    if kept.exists():
        book = json.loads(kept.read_text(encoding="utf-8"))
        if book["metadata"].get("site", {}).get("key") == key:
            return book, False
    unfinished = folder / f"unfinished-{lesson.name}"
    _papermill(lesson, unfinished, profile)
    book = json.loads(unfinished.read_text(encoding="utf-8"))
    unfinished.unlink()
    today = datetime.datetime.now(datetime.timezone.utc).date().isoformat()
    book["metadata"]["site"] = {"key": key, "profile": profile, "date": today}
    write_atomically(kept, json.dumps(book, ensure_ascii=False).encode())
    return book, True


def _papermill(lesson: Path, to: Path, profile: str) -> None:
    """Run a lesson as papermill does, to be read and not to be used: without buttons."""
    options = ["--no-progress-bar", "--log-level", "ERROR", "--execution-timeout", str(PER_CELL)]
    options += ["-p", "profile", profile]
    command = [sys.executable, "-m", "papermill", str(lesson), str(to), *options]
    settings = {**os.environ, "LTHLIB_STATIC": "1"}
    done = subprocess.run(command, env=settings, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LotteryError(f"{lesson.name} did not run to its end:\n{done.stderr[-2000:]}")


def _digest_of_library() -> str:
    """What all outputs depend on besides a lesson's own text: the library and the shipped results."""
    digest = hashlib.sha256()
    site = Path(__file__).parent
    for path in sorted((CHECKOUT / "lthlib").rglob("*")):
        if path.suffix in CODE and site not in path.parents:
            digest.update(path.read_bytes())
    for path in sorted((CHECKOUT / "data" / "atlas").glob("*")):
        digest.update(f"{path.name} {path.stat().st_size}".encode())
    return digest.hexdigest()
