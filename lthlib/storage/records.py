"""One trained network in a results folder: its key, its record, and its rows in the tidy table."""

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from torch import Tensor

from lthlib.pruning.masks import Mask
from lthlib.settings import OF_DENSE, Setting, identity_of

STEM = re.compile(r"(\w+)-trial(\d+)(?:-redraw(\d+))?-level(?P<level>\d+)\.json")
TICKET = "ticket"  # the name on disk; in tables it is the setting's schedule
COLUMNS = (
    *("task", "setting", "schedule", "method", "trial", "redraw", "level"),
    *("density", "iteration", "split", "loss", "accuracy", "seconds"),
)


@dataclass(frozen=True)
class Key:
    """Which network of a setting: "ticket" or a control's name, trial, level, and redraw inside the trial."""

    method: str
    trial: int
    level: int
    redraw: int = 0

    @property
    def order(self) -> tuple:
        """Where its rows stand in the table: by level, tickets before controls."""
        return self.level, self.method != TICKET, self.method, self.trial, self.redraw

    @property
    def stem(self) -> str:
        redraw = "" if self.method == TICKET else f"-redraw{self.redraw}"
        return f"{self.method}-trial{self.trial}{redraw}-level{self.level:02d}"


@dataclass(frozen=True, eq=False)
class Record:
    """One trained network. `history` has the columns iteration, split, loss, accuracy. `weights` at the end
    (of tickets), `start`, theta_k (of level 0), and `early_stop` (of tickets whose early stop is not the end)
    hold all parameters and buffers; controls keep none."""

    mask: Mask
    history: dict[str, list]
    seconds: float
    weights: dict[str, Tensor] | None = None
    start: dict[str, Tensor] | None = None
    early_stop: dict[str, Tensor] | None = None


def belongs(content: dict, path: Path) -> bool:
    """Whether a sealed file lies where its setting and key say. Files without a setting lie anywhere."""
    changes = content.get("setting")
    if changes is None:
        return True
    match = STEM.fullmatch(path.name)
    if match and int(match["level"]) == 0:
        changes = {name: value for name, value in changes.items() if name in OF_DENSE}
    home = path.parent
    return (home.parent.name, home.name) == (changes["task"], identity_of(changes)) and content.get("key", path.stem) == path.stem


def is_record(content: dict) -> bool:
    """Whether a file holds what a record needs: equally long columns of a history, and numbers beside them."""
    lengths = {len(content["history"][name]) for name in ("iteration", "split", "loss", "accuracy")}
    numbers = [content["density"], content["seconds"], *content["history"]["loss"], *content["history"]["accuracy"]]
    shapes = [size for shape in content["shapes"].values() for size in shape]
    return len(lengths) == 1 and all(isinstance(x, (int, float)) for x in numbers) and all(isinstance(n, int) for n in shapes)


def labelled(table: pd.DataFrame, setting: Setting) -> pd.DataFrame:
    """The rows of records as those of a setting, with all columns of the table."""
    method = table.method.where(table.method != TICKET, setting.schedule)
    table = table.assign(task=setting.task, setting=setting.identity(), schedule=setting.schedule, method=method)
    return table.loc[:, list(COLUMNS)]


def collect(contents: dict[Key, dict]) -> pd.DataFrame:
    """The columns of the table that records hold, one row per measurement."""
    columns: dict[str, list] = {name: [] for name in COLUMNS if name not in ("task", "setting", "schedule")}
    for key, content in contents.items():
        history, length = content["history"], len(content["history"]["iteration"])
        once = {**dataclasses.asdict(key), "density": content["density"], "seconds": content["seconds"]}
        for name, value in once.items():
            columns[name].extend([value] * length)
        for name, values in history.items():
            columns[name].extend(values)
    return pd.DataFrame(columns)


def key_of(name: str) -> Key:
    match = STEM.fullmatch(name)
    assert match is not None
    method, trial, redraw, level = match.groups()
    return Key(method, int(trial), int(level), int(redraw or 0))
