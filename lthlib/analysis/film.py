"""A film of one trial: the weights between a few units, at several iterations of every level's training.

A film is small, so films are shipped: data/atlas/<task>-film.safetensors has one for each method. Made by

    film.write(task, {method: film.take(prepared, method, 0, units, results) for method in methods})

where the hunt of those methods is in `results` already. Taking a film trains every network of the trial once
more, as it was trained then, since the store keeps a ticket's last weights and no control's.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from safetensors import safe_open
from safetensors.torch import load as from_bytes
from safetensors.torch import save as to_bytes
from torch import Tensor

from lthlib.core.digest import digest, facts
from lthlib.core.errors import LotteryError
from lthlib.core.files import write_atomically
from lthlib.core.paths import expanded
from lthlib.lottery.search import Hunt
from lthlib.pruning import masks
from lthlib.storage import atlas
from lthlib.storage.store import TICKET, Key, Store
from lthlib.tasks import Prepared
from lthlib.training import engine

STEPS = 127  # of magnitude, in which a film keeps a weight: one byte with its sign


@dataclass(frozen=True)
class Film:
    """One method of a trial of a setting, level by level.

    units       numbers of the units filmed: of the inputs, then of each layer
    sizes       how many inputs there are, and how many units in each layer
    iterations  when each frame of a level was taken, from 0 to the end of training
    weights     by layer [levels, iterations, outputs, inputs]: the weights between those units, zero where they
                are pruned. Magnitudes are in steps of 1/127 of the largest of the layer, and never zero where
                a weight is kept
    evaluated   at which iterations the networks were evaluated
    validation  validation accuracy there [levels, iterations evaluated], from 0 to 1
    test        test accuracy at early stop [levels]
    densities   of the whole networks [levels]
    """

    setting: str
    trial: int
    units: list[list[int]]
    iterations: list[int]
    weights: dict[str, Tensor]
    evaluated: list[int]
    validation: Tensor
    test: Tensor
    densities: Tensor
    sizes: list[int]

    @property
    def levels(self) -> int:
        """The last level."""
        return len(next(iter(self.weights.values()))) - 1


def take(
    ready: Prepared,
    method: str,
    trial: int,
    units_of: Callable[[Mapping[str, Tensor]], list[list[int]]],
    results: str | Path,
    iterations: Iterable[int] = (50, 150, 500),
) -> Film:
    """Film a method of a trial of a hunt in `results`: "ticket", or the name of a control. `units_of` chooses
    units from the mask of its sparsest level, the same at all levels; `iterations` are where to look between
    the first iteration and the last."""
    store = Store(results)
    hunt = Hunt(ready.task, ready.setting, ready.network, store)
    layers, levels = list(hunt.next_mask(trial, 0)), range(ready.extent.levels + 1)
    key = lambda level: Key(TICKET if method == "ticket" or not level else method, trial, level)  # noqa: E731
    tickets = [hunt.make_ticket(key(level), store.load(ready.setting, Key(TICKET, trial, level)).mask) for level in levels]
    units = units_of(tickets[-1].mask)
    last = ready.setting.recipe.iterations
    times = sorted({*iterations, last})

    def seen(state: Mapping[str, Tensor], mask: Mapping[str, Tensor]) -> dict[str, Tensor]:
        part = lambda tensor, place: tensor[units[place + 1]][:, units[place]]  # noqa: E731
        return {
            name: torch.where(part(mask[name], place) > 0, part(state[name].float(), place), 0.0)
            for place, name in enumerate(layers)
        }

    histories: dict[int, dict[str, list]] = {}
    taken = {(level, 0): seen(ticket.weights, ticket.mask) for level, ticket in enumerate(tickets)}
    for at in times:
        recipe = dataclasses.replace(ready.setting.recipe, iterations=at)
        common = {"model": ready.network, "objective": ready.task.objective, "device": "cpu"}
        for level, trained in engine.train(tickets, recipe, ready.task.dataset, **common):
            taken[level, at] = seen(trained.weights, tickets[level].mask)
            histories[level] = trained.history  # those of the whole training stay
    weights = {
        name: torch.stack([torch.stack([taken[level, at][name] for at in (0, *times)]) for level in levels]) for name in layers
    }
    kept = {name: torch.stack([tickets[level].mask[name] for level in levels]) for name in layers}
    for place, name in enumerate(layers):
        chosen = kept[name][:, units[place + 1]][:, :, units[place]].bool()[:, None].expand_as(weights[name])
        weights[name] = _rounded(weights[name], chosen)
    curves = [pd.DataFrame(histories[level]).pivot(index="iteration", columns="split") for level in levels]
    validation = torch.tensor([curve.accuracy.validation.dropna().tolist() for curve in curves])
    test = torch.tensor([curve.accuracy.test[curve.loss.validation.idxmin()] for curve in curves])
    evaluated = curves[0].accuracy.validation.dropna().index.tolist()
    densities = torch.tensor([masks.density(ticket.mask) for ticket in tickets])
    shapes = [tickets[0].mask[name].shape for name in layers]
    named = {"weights": weights, "validation": validation, "test": test, "densities": densities}
    named["sizes"] = [shapes[0][1], *(shape[0] for shape in shapes)]
    return Film(ready.setting.identity(), trial, units, [0, *times], evaluated=evaluated, **named)


def write(task: str, films: Mapping[str, Film], where: str | Path | None = None) -> Path:
    """Ship the films of a task by method, in place of those shipped before."""
    tensors: dict[str, Tensor] = {}
    for method, film in films.items():
        start = f"{film.setting}/{method}/{film.trial}"
        for name in ("iterations", "evaluated", "validation", "test", "densities", "sizes"):
            tensors[f"{start}/{name}"] = torch.as_tensor(getattr(film, name))
        for place, column in enumerate(film.units):
            tensors[f"{start}/units/{place:03d}"] = torch.tensor(column)
        for place, (name, weights) in enumerate(film.weights.items()):
            step = float(weights.abs().max()) / STEPS or 1.0
            tensors[f"{start}/step/{place:03d}/{name}"] = torch.tensor(step)
            tensors[f"{start}/weights/{place:03d}/{name}"] = (weights / step).round().to(torch.int8).contiguous()
    path = _path(task, where)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, to_bytes(tensors, metadata={"checksum": _checksum(tensors)}))
    return path


def read(task: str, where: str | Path | None = None) -> dict[str, Film]:
    """The shipped films of a task, by method, if any. Raises LotteryError for a damaged file."""
    path = _path(task, where)
    if not path.exists():
        return {}
    problem = f"{path} is damaged: restore it with `git checkout {path}`, or delete it."
    try:
        tensors = from_bytes(path.read_bytes())
        with safe_open(path, "pt") as file:
            kept = (file.metadata() or {}).get("checksum")
    except Exception as error:  # safetensors raises its own kinds
        raise LotteryError(problem) from error
    if kept != _checksum(tensors):
        raise LotteryError(problem)
    parts: dict[tuple[str, str, int], dict[str, Tensor]] = {}
    for name in sorted(tensors):
        setting, method, trial, part = name.split("/", 3)
        parts.setdefault((method, setting, int(trial)), {})[part] = tensors[name]
    return {method: _film(setting, trial, found) for (method, setting, trial), found in parts.items()}


def _film(setting: str, trial: int, parts: dict[str, Tensor]) -> Film:
    weights = {
        name.split("/", 2)[2]: parts[name.replace("weights/", "step/", 1)] * tensor.float()
        for name, tensor in parts.items()
        if name.startswith("weights/")
    }
    units = [tensor.tolist() for name, tensor in parts.items() if name.startswith("units/")]
    named = {name: parts[name] for name in ("validation", "test", "densities")}
    named |= {name: parts[name].tolist() for name in ("iterations", "evaluated", "sizes")}
    return Film(setting, trial, units, weights=weights, **named)


def _rounded(weights: Tensor, kept: Tensor) -> Tensor:
    """Weights as a film keeps them: a kept one is at least one step large."""
    step = float(weights.abs().max()) / STEPS or 1.0
    steps = (weights / step).round()
    sign = torch.where(weights < 0, -1.0, 1.0)
    return step * torch.where(kept & (steps == 0), sign, steps)


def _path(task: str, where: str | Path | None) -> Path:
    return expanded(where or atlas.folder()) / f"{task}-film.safetensors"


def _checksum(tensors: dict[str, Tensor]) -> str:
    return digest(facts(dict(sorted(tensors.items())), "a film"))
