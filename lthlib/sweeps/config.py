"""A sweep: notebooks and a grid of parameters, from a YAML file, checked whole before anything runs.

notebooks: [../notebooks/01_a_winning_ticket.ipynb]   # beside the file, or from the root
parameters: {profile: quick, trials: 5}               # the same in every run
grid:                                                 # every combination of these
  task: [lenet-digits, lenet-mnist1d]
  seed: [0, 1, 2]
output: ../results/batch                              # a folder for each run; relative to the file
workers: 2                                            # runs at a time on this machine
gpus: 0.25                                            # of a card, for each run
timeout: 900                                          # seconds a cell may take
"""

import ast
import contextlib
import dataclasses
import hashlib
import itertools
import json
import os
import reprlib
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from lthlib.core import version
from lthlib.core.errors import LotteryError
from lthlib.core.paths import expanded, results_folder
from lthlib.core.validation import at_least, did_you_mean, number
from lthlib.pruning import step
from lthlib.settings import Extent, Recipe, Setting
from lthlib.sweeps.reading import read_plain
from lthlib.tasks import find_task, resolve
from lthlib.training import engine

MOST_RUNS = 10_000
FIELDS = {"parameters": {}, "grid": {}, "output": "", "workers": None, "gpus": 0.0, "timeout": 1800}
LONGEST_TIMEOUT = 31_536_000  # seconds: a year
OWN = ("output",)  # parameters that a sweep gives itself
FOLDERS = ("results",)  # parameters that name a folder, relative to the file
KINDS = {"str": str, "int": int, "float": float, "bool": bool}
DEFINING = {f.name for kind in (Recipe, Setting, Extent) for f in dataclasses.fields(kind)}
CHECKED = DEFINING - {"task", "recipe", "fingerprint"}


@dataclass(frozen=True)
class Run:
    """One notebook with one set of parameters. Its key is a hash of code, parameters and lthlib's version."""

    notebook: Path
    parameters: dict
    key: str
    folder: Path

    @property
    def name(self) -> str:
        return _name(self.notebook, self.parameters)


@dataclass(frozen=True)
class Sweep:
    """The runs of a file, and how they are carried out."""

    runs: list[Run]
    output: Path
    workers: int | None
    gpus: float
    timeout: int


def read(path: str | Path) -> Sweep:
    """The sweep of a YAML file. Raises LotteryError for whatever is wrong in it, before anything starts."""
    path = expanded(path)
    file = _fields(path, _content(path))
    output = _folder(path, file["output"]) if file["output"] else _absolute(results_folder() / "batch" / path.stem)
    points = _points(file)
    runs = []
    for name in file["notebooks"]:
        notebook = _notebook(name, path.parent)
        parameters, code = _parameters(notebook), _code(notebook)
        for point in points:
            try:
                _check(point, parameters, notebook)
            except LotteryError as error:
                raise LotteryError(f"{_name(notebook, point)}: {error}") from error
            folders = {name: _folder(path, point[name]) for name in FOLDERS if point.get(name)}
            runs.append(_run(notebook, {**point, **{k: str(v) for k, v in folders.items()}}, code, output))
    times = Counter(run.key for run in runs)
    for run in runs:
        if times[run.key] > 1:
            raise LotteryError(f"{path} asks for {run.name} twice: leave out the repetition.")
    return Sweep(runs, output, file["workers"], file["gpus"], file["timeout"])


def _content(path: Path) -> dict:
    content = read_plain(path)
    if not isinstance(content, dict):
        kind = type(content).__name__
        raise LotteryError(f"{path} holds {kind}: give fields, at least `notebooks:` with a list.")
    return content


def _fields(path: Path, content: dict) -> dict:
    allowed = ["notebooks", *FIELDS]
    for name in content:
        if name not in allowed:
            raise LotteryError(f"{path} has an unknown field {_short(name)}: {_choice(name, allowed)}.")
    if not isinstance(content.get("notebooks"), list) or not content["notebooks"]:
        raise LotteryError(f"{path} names no notebooks: add `notebooks:` with a list of at least one.")
    file = {**FIELDS, **{name: value for name, value in content.items() if value is not None}}
    kinds = {"parameters": "names with values", "grid": "names with lists", "output": "a folder"}
    for name, kind in kinds.items():
        if not isinstance(file[name], type(FIELDS[name])):
            raise LotteryError(f"{name} in {path} is {_short(file[name])}: give {kind}.")
    if file["workers"] is not None:
        at_least(f"workers in {path}", file["workers"], 1)
    at_least(f"timeout in {path}", file["timeout"], 1)
    number(f"timeout in {path}", file["timeout"], lambda x: x <= LONGEST_TIMEOUT, "seconds, at most a year of them")
    share = "0, the share of a card that a run needs, such as 0.25, or a whole number of cards"
    number(f"gpus in {path}", file["gpus"], lambda x: 0.01 <= x <= 1 or (0 <= x <= 1024 and x == int(x)), share)
    return file


def _points(file: dict) -> list[dict]:
    """Every combination of the grid, with the parameters that all share."""
    grid, shared, count = file["grid"], file["parameters"], len(file["notebooks"])
    for name, values in grid.items():
        if not isinstance(values, list) or not values:
            raise LotteryError(f"grid: {name} is {_short(values)}: give a list of at least one value.")
        if any(isinstance(value, (list, dict)) for value in values):
            raise LotteryError(f"grid: {name} holds a list or a table inside its list: give plain values.")
        if len({(type(value), value) for value in values}) < len(values):
            raise LotteryError(f"grid: {name} holds a value twice: {_short(values)}; leave out the repetition.")
        if name in shared:
            raise LotteryError(f"{name!r} is in parameters and in grid: choose one of the two.")
        count *= len(values)
    if count > MOST_RUNS:
        raise LotteryError(f"the grid asks for {count:,} runs, of {MOST_RUNS:,} at most: split it.")
    return [{**shared, **dict(zip(grid, values))} for values in itertools.product(*grid.values())]


def _notebook(name, beside: Path) -> Path:
    if not isinstance(name, str):
        raise LotteryError(f"notebooks holds {_short(name)}: give file names.")
    path = Path(beside, expanded(name))
    if path.is_file():
        return path.resolve()
    folder = path.parent if path.parent.is_dir() else beside
    names = sorted(notebook.name for notebook in folder.glob("*.ipynb"))
    advice = _choice(path.name, names) if names else "names are relative to the file"
    raise LotteryError(f"there is no notebook {path}: {advice}.")


def _parameters(notebook: Path) -> dict[str, tuple]:
    """The names in a notebook's parameters cell, their types and their values. Raises LotteryError without
    such a cell."""
    import papermill

    try:
        parameters = papermill.inspect_notebook(str(notebook))
    except Exception as error:  # papermill does not document what it raises for a file that is no notebook
        raise LotteryError(f"{notebook} is not a notebook ({_one_line(error)[:200]}).") from error
    if not parameters:
        advice = "tag one, with a line `name: type = value` for each"
        raise LotteryError(f"{notebook.name} has no cell tagged `parameters`: {advice}.")
    return {
        name: (KINDS.get(about["inferred_type_name"], object), _value(about["default"])) for name, about in parameters.items()
    }


def _value(text: str):
    """What a parameter is in its notebook; None where that is not written out."""
    with contextlib.suppress(ValueError, SyntaxError):
        return ast.literal_eval(text)
    return None


def _code(notebook: Path) -> list[str]:
    try:
        cells = json.loads(notebook.read_bytes())["cells"]
        return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (KeyError, TypeError, ValueError) as error:
        raise LotteryError(f"{notebook} is of an old format: open it in JupyterLab and save it.") from error


def _check(point: dict, parameters: dict[str, tuple], notebook: Path) -> None:
    """Raise LotteryError where a parameter is mistyped, of another type, or out of range, as `hunt` would."""
    to_set = [name for name in parameters if name not in OWN]
    where = f"in a run of {notebook.name}"
    for name, value in point.items():
        if name not in to_set:
            own = "is the sweep's own: set `output:` beside the grid"
            advice = own if name in OWN else _choice(name, to_set)
            raise LotteryError(f"{notebook.name} has no parameter {_short(name)} to set: {advice}.")
        kind, _ = parameters[name]
        if not _fits(value, kind):
            raise LotteryError(f"{name} is {_short(value)} {where}: its type is {kind.__name__}.")
        if kind in (int, float) and not 0 <= value < float("inf"):
            raise LotteryError(f"{name} is {value!r} {where}: give 0 (the notebook's own choice) or more.")
    if "device" in point:
        engine.check(point["device"], None)
    if _chosen(point) or "task" in point or "profile" in point:
        for setting, extent in _hunts(point, parameters):
            step.check(setting, extent)


def _chosen(point: dict) -> dict:
    """The parameters of a run that a hunt takes; 0 is the notebook's own choice."""
    return {name: value for name, value in point.items() if name in CHECKED and value}


def _hunts(point: dict, parameters: dict[str, tuple]) -> list[tuple[Setting, Extent]]:
    """The setting and extent of the hunt that a run's parameters describe, one for each of its tasks."""
    own = {name: value for name, (_, value) in parameters.items() if isinstance(value, str)}
    names = {"task": "lenet-digits", "profile": "quick", **own, **point}
    return [resolve(find_task(task.strip()), names["profile"], **_chosen(point)) for task in str(names["task"]).split(",")]


def hunts(run: Run) -> list[tuple[Setting, Extent]]:
    """The setting and extent of the hunt that a run's parameters describe, one for each of its tasks; what the
    notebook trains besides is not in them. Empty where it has no parameter `task`."""
    parameters = _parameters(run.notebook)
    return _hunts(run.parameters, parameters) if "task" in parameters else []


def _fits(value, kind: type) -> bool:
    if kind is float:
        return type(value) in (int, float)
    return isinstance(value, kind) and not (kind is int and isinstance(value, bool))


def _run(notebook: Path, point: dict, code: list[str], output: Path) -> Run:
    identity = [version.__version__, notebook.name, code, sorted(point.items())]
    key = hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:12]
    return Run(notebook, point, key, output / notebook.stem / key)


def _choice(name, allowed: list[str]) -> str:
    return f"{did_you_mean(name, allowed)}choose one of {', '.join(allowed)}"


def _name(notebook: Path, parameters: dict) -> str:
    values = ", ".join(f"{name} {value!s:.60}" for name, value in parameters.items())
    return f"{notebook.stem} ({values})" if values else notebook.stem


def _folder(file: Path, name: str) -> Path:
    """A folder that a file names: relative to the file, wherever a run's own folder is; `~` is one's home."""
    return _absolute(Path(file.parent, expanded(name)))


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())


def _short(value) -> str:
    return _SHORT.repr(value)


_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80
