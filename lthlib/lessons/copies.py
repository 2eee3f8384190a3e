"""The lessons for somebody who installed lthlib without its repository: a copy to run and to write in.

lthlib lessons --to DIR     DIR/notebooks, with the glossary that they link to and the shipped results
lthlib lab                  JupyterLab on the lessons, which are copied first where there are none
"""

import subprocess
import sys
from pathlib import Path

from lthlib.core.errors import LotteryError
from lthlib.core.files import output_folder, write_atomically
from lthlib.core.paths import IN_CHECKOUT, shipped

PARTS = ("notebooks/*.ipynb", "docs/*.md", "docs/*.svg", "docs/instructors/*.md", "data/atlas/*")  # to copy
USUAL = "lottery-tickets"  # the folder for a copy, where you are


def write(folder: str | Path, force: bool = False) -> list[Path]:
    """Copy the lessons, the pages that they link to and the shipped results into a folder, which is made if
    need be; return the paths of the lessons.

    A file that is there and differs, such as a lesson that you have worked in, is never replaced without
    `force`: then nothing is copied. Raises LotteryError for that, for a folder that cannot be written to, and
    where lthlib came without its lessons.
    """
    root = shipped(".").resolve()
    sources = {path: path.relative_to(root) for path in _sources(root)}
    folder = output_folder("the folder for the lessons", folder, (root, root / "notebooks"))
    changed = [name for path, name in sources.items() if _differs(path, folder / name)]
    if changed and not force:
        named = f"{changed[0]} and {len(changed) - 1} more" if len(changed) > 1 else changed[0]
        advice = "give another folder, or --force to replace them"
        raise LotteryError(f"{folder} has files that differ from the shipped ones ({named}): {advice}.")
    for path, name in sources.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        write_atomically(folder / name, path.read_bytes())
    return sorted((folder / "notebooks").glob("*.ipynb"))


def lab(folder: str | Path | None = None) -> int:
    """Open JupyterLab on the lessons in a folder, and return its exit status. Lessons are copied first where
    the folder has none. None takes the checkout's own lessons, and without a checkout `USUAL`, where you are.
    Raises LotteryError as `write`."""
    if folder is None and IN_CHECKOUT:
        root = shipped(".").resolve()
    else:
        root = output_folder("the folder for the lessons", folder or USUAL)
        if not list((root / "notebooks").glob("*.ipynb")):
            write(root)
    command = [sys.executable, "-m", "jupyterlab", f"--ServerApp.root_dir={root}", str(root / "notebooks")]
    return subprocess.run(command, check=False).returncode


def _sources(root: Path) -> list[Path]:
    """The files to copy from a folder. Raises LotteryError where there are no lessons among them."""
    if not list((root / "notebooks").glob("*.ipynb")):
        raise LotteryError(f"lthlib came without its lessons ({root / 'notebooks'} has none): install it again.")
    return [path for part in PARTS for path in sorted(root.glob(part)) if path.is_file()]


def _differs(source: Path, copy: Path) -> bool:
    """Whether a copy is there that is not its source, byte for byte."""
    return copy.exists() and copy.read_bytes() != source.read_bytes()
