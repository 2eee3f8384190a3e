"""A sweep: notebooks and a grid of parameters, from a YAML file, checked whole before anything runs.

notebooks: [../notebooks/01_a_winning_ticket.ipynb]   # beside the file, or from the root
parameters: {profile: quick, trials: 5}               # the same in every run
grid:                                                 # every combination of these
  task: [lenet-digits, lenet-mnist1d]
  seed: [0, 1, 2]
output: ../results/batch                              # a folder for each run
workers: 2                                            # runs at a time on this machine
gpus: 0.25                                            # of a card, for each run
timeout: 900                                          # seconds a cell may take
"""

import dataclasses
import difflib
import hashlib
import itertools
import json
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from lthlib.core.errors import LotteryError
from lthlib.core.paths import results_folder
from lthlib.settings import Extent, Recipe, Setting
from lthlib.tasks import find_task, resolve
from lthlib.training import engine

MOST_RUNS = 10_000
OWN = ("output",)  # parameters that a sweep gives itself
KINDS = {"str": str, "int": int, "float": float, "bool": bool}
CHECKED = {f.name for kind in (Recipe, Setting, Extent) for f in dataclasses.fields(kind)} - {"task", "recipe", "fingerprint"}


@dataclass(frozen=True)
class Run:
    """One notebook with one set of parameters. Its folder is named by its key: code, parameters and version of lthlib."""

    notebook: Path
    parameters: dict
    key: str
    folder: Path

    @property
    def name(self) -> str:
        told = ", ".join(f"{name} {value}" for name, value in self.parameters.items())
        return f"{self.notebook.stem} ({told})" if told else self.notebook.stem


@dataclass(frozen=True)
class Sweep:
    """The runs of a file, and how they are carried out."""

    runs: list[Run]
    output: Path
    workers: int | None = None
    gpus: float = 0.0
    timeout: int = 1800


@dataclass(frozen=True)
class _File:
    """The fields of the file, as it gives them."""

    notebooks: list
    parameters: dict = field(default_factory=dict)
    grid: dict = field(default_factory=dict)
    output: str = ""
    workers: int | None = None
    gpus: float = 0.0
    timeout: int = 1800


def read(path: str | Path) -> Sweep:
    """The sweep of a YAML file. Raises LotteryError, before anything is started or written, for whatever is wrong in it."""
    path = Path(path)
    file = _parse(path)
    output = Path(path.parent, file.output) if file.output else results_folder() / "batch" / path.stem
    points = _points(file)
    runs = []
    for name in file.notebooks:
        notebook = _notebook(name, path.parent)
        known, code = _parameters(notebook), _code(notebook)
        for point in points:
            _check(point, known, notebook)
            runs.append(_run(notebook, point, code, output))
    twice = [run.name for run in runs if sum(other.key == run.key for other in runs) > 1]
    if twice:
        raise LotteryError(f"{path} asks for {twice[0]} twice: leave out the repetition.")
    return Sweep(runs, output, file.workers, file.gpus, file.timeout)


def _parse(path: Path) -> _File:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise LotteryError(f"{path} cannot be read ({error}): give the name of a YAML file.") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise LotteryError(f"{path} is not YAML ({' '.join(str(error).split())}): mend it there.") from error
    if not isinstance(content, dict):
        raise LotteryError(f"{path} holds {type(content).__name__}: give fields, at least `notebooks:` with a list.")
    names = [f.name for f in dataclasses.fields(_File)]
    for name in content:
        if name not in names:
            raise LotteryError(f"{path} has an unknown field {name!r}: {_hint(name, names)}.")
    if not isinstance(content.get("notebooks"), list) or not content["notebooks"]:
        raise LotteryError(f"{path} names no notebooks: add `notebooks:` with a list of at least one.")
    file = _File(**{name: value for name, value in content.items() if value is not None})
    for name, kind, words in (
        ("parameters", dict, "names with values"),
        ("grid", dict, "names with lists"),
        ("output", str, "a folder"),
    ):
        if not isinstance(getattr(file, name), kind):
            raise LotteryError(f"{name} in {path} is {getattr(file, name)!r}: give {words}.")
    for name, least in (("workers", 1), ("timeout", 1)):
        value = getattr(file, name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < least):
            raise LotteryError(f"{name} in {path} is {value!r}: give a whole number, {least} or more.")
    if isinstance(file.gpus, bool) or not isinstance(file.gpus, (int, float)) or file.gpus < 0:
        raise LotteryError(f"gpus in {path} is {file.gpus!r}: give the share of a card that a run needs, such as 0.25.")
    return file


def _points(file: _File) -> list[dict]:
    """Every combination of the grid, with the parameters that all share."""
    count = 1
    for name, values in file.grid.items():
        if not isinstance(values, list) or not values:
            raise LotteryError(f"grid: {name} is {_short(values)}: give a list of at least one value.")
        if any(isinstance(value, (list, dict)) for value in values):
            raise LotteryError(f"grid: {name} holds a list or a table inside its list: give plain values.")
        if len({(type(value), value) for value in values}) < len(values):
            raise LotteryError(f"grid: {name} holds a value twice: {values}; leave out the repetition.")
        if name in file.parameters:
            raise LotteryError(f"{name!r} is in parameters and in grid: choose one of the two.")
        count *= len(values)
    if count * len(file.notebooks) > MOST_RUNS:
        raise LotteryError(f"the grid asks for {count * len(file.notebooks):,} runs, of {MOST_RUNS:,} at most: split it.")
    return [{**file.parameters, **dict(zip(file.grid, chosen))} for chosen in itertools.product(*file.grid.values())]


def _notebook(name, beside: Path) -> Path:
    if not isinstance(name, str):
        raise LotteryError(f"notebooks holds {_short(name)}: give file names.")
    path = Path(beside, name)
    if not path.is_file():
        folder = path.parent if path.parent.is_dir() else beside
        there = sorted(other.name for other in folder.glob("*.ipynb"))
        raise LotteryError(
            f"there is no notebook {path}: {_hint(path.name, there) if there else 'names are relative to the file'}."
        )
    return path.resolve()


def _parameters(notebook: Path) -> dict[str, type]:
    """The names in a notebook's parameters cell, and their types. Raises LotteryError where it has no such cell."""
    import papermill

    try:
        found = papermill.inspect_notebook(str(notebook))
    except Exception as error:  # what a file that is no notebook makes it raise is not documented
        raise LotteryError(f"{notebook} is not a notebook ({' '.join(str(error).split())[:200]}).") from error
    if not found:
        raise LotteryError(
            f"{notebook.name} has no cell tagged `parameters`: tag one, with a line `name: type = value` for each."
        )
    return {name: KINDS.get(told["inferred_type_name"], object) for name, told in found.items()}


def _code(notebook: Path) -> list[str]:
    return ["".join(cell["source"]) for cell in json.loads(notebook.read_bytes())["cells"] if cell["cell_type"] == "code"]


def _check(point: dict, known: dict[str, type], notebook: Path) -> None:
    """Raise LotteryError where a parameter is mistyped, of another type, or out of range."""
    for name, value in point.items():
        if name not in known or name in OWN:
            said = (
                "is the sweep's own: set `output:` beside the grid"
                if name in OWN
                else _hint(name, [n for n in known if n not in OWN])
            )
            raise LotteryError(f"{notebook.name} has no parameter {name!r} to set: {said}.")
        kind = known[name]
        fits = isinstance(value, kind) and not (isinstance(value, bool) and kind in (int, float))
        if kind is not object and not fits and not (kind is float and type(value) is int):
            raise LotteryError(f"{name} is {_short(value)} in a run of {notebook.name}: its type is {kind.__name__}.")
        if kind in (int, float) and value < 0:
            raise LotteryError(f"{name} is {value!r} in a run of {notebook.name}: give 0 (the notebook's own choice) or more.")
    if "device" in point:
        engine.check(point["device"], None)
    if "task" in point or "profile" in point:
        task = find_task(point["task"]) if "task" in point else None
        chosen = {name: value for name, value in point.items() if name in CHECKED and value}
        resolve(task or find_task("lenet-digits"), point.get("profile", "quick"), **chosen)


def _run(notebook: Path, point: dict, code: list[str], output: Path) -> Run:
    import lthlib  # here, since its version stands below its imports

    identity = [lthlib.__version__, notebook.name, code, sorted(point.items())]
    key = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:12]
    return Run(notebook, point, key, output / notebook.stem / key)


def _hint(name, allowed: list[str]) -> str:
    close = difflib.get_close_matches(str(name), allowed, n=1)
    return f"did you mean {close[0]!r}? It may be one of {', '.join(allowed)}" if close else f"choose one of {', '.join(allowed)}"


def _short(value) -> str:
    text = repr(value)
    return text if len(text) < 80 else f"{text[:76]} ..."
