"""Results arranged for looking through them: by task, by rate, then by method, trial and level."""

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lthlib.analysis import inspection
from lthlib.analysis.inspection import Look
from lthlib.core.errors import LotteryError
from lthlib.settings import SCHEDULES, Setting
from lthlib.storage import atlas
from lthlib.storage.networks import summarise
from lthlib.storage.store import Store

TABLE = "the table"  # where results are, as messages call it
METHODS = ("iterative", "oneshot", "reinit", "shuffle", "random")  # first among buttons, in this order
FIRST = "lenet-mnist1d"  # of what is shipped: five methods, five trials, and trainings that are short


@dataclass(frozen=True)
class Group:
    """Results that differ in method, trial and level alone: a tidy table, its methods (the ticket's schedule
    first), and the identity of the setting whose tickets are looked into."""

    table: pd.DataFrame
    methods: list[str]
    setting: str

    @property
    def tickets(self) -> pd.DataFrame:
        return self.table[self.table.method == self.methods[0]]

    @functools.cached_property
    def networks(self) -> pd.DataFrame:
        """One row for each network of the setting that is looked into, tickets and controls."""
        return summarise(self.table[self.table.setting == self.setting])


@dataclass(frozen=True)
class Catalogue:
    """Groups by name (a task, and what sets it apart where there are several), largest first (of what is
    shipped, the most varied first), then by rate. `look(group, trial, level)` looks inside a ticket, and
    gives None where nothing is stored."""

    groups: dict[str, dict[float, Group]]
    look: Callable[[Group, int, int], Look | None]


def catalogue(results: pd.DataFrame | str | Path | None = None) -> Catalogue:
    """Arrange a results folder, or a table of `lthlib.hunt`, or, without, what is shipped. A table has no
    masks: they are looked for in the usual folder. Raises LotteryError where nothing was pruned."""
    if results is None:
        groups = _groups(atlas.read(), {})
        return Catalogue({name: groups[name] for name in sorted(groups, key=lambda name: name != FIRST)}, _shipped())
    if not isinstance(results, pd.DataFrame):
        store = Store(results, writable=False)
        return _stored(store.table(), store, f"the results folder {store.folder}")
    try:
        store = Store(writable=False)
    except LotteryError:  # no such folder: the table alone is shown
        return Catalogue(_groups(results, {}), lambda group, trial, level: None)
    return _stored(results, store)


def _stored(table: pd.DataFrame, store: Store, source: str = TABLE) -> Catalogue:
    """A table's groups, and looks inside the tickets of a store."""
    settings = {setting.identity(): setting for setting in store.settings()}

    @functools.lru_cache(maxsize=1000)
    def find(identity: str, trial: int, level: int) -> Look | None:
        try:
            return inspection.stored(settings[identity], trial, level, store)
        except (KeyError, LotteryError):
            return None

    groups = _groups(table, settings, source)
    return Catalogue(groups, lambda group, trial, level: find(group.setting, trial, level))


def _shipped() -> Callable[[Group, int, int], Look | None]:
    of_task = functools.lru_cache(inspection.read)

    def find(group: Group, trial: int, level: int) -> Look | None:
        levels = of_task(group.table.task.iloc[0]).get((group.setting, trial), [])
        return levels[level] if level < len(levels) else None

    return find


def _groups(table: pd.DataFrame, settings: dict[str, Setting], source: str = TABLE) -> dict[str, dict[float, Group]]:
    pruned = table[(table.level > 0) & (table.method == table.schedule)]
    if pruned.empty:
        advice = "run lthlib.hunt(...), or name the folder of its results"
        raise LotteryError(f"{source} holds no pruned network: {advice}.")
    first = pruned.sort_values("level", kind="stable").groupby("setting").first()
    # Where a setting is not known, what is left tells its rate; layers at half the rate keep a little more.
    seen = (20 * (1 - first.density ** (1 / first.level))).round() / 20
    first["rate"] = [settings[setting].rate if setting in settings else seen[setting] for setting in first.index]
    first["name"] = [_name(row.task, settings.get(setting)) for setting, row in first.iterrows()]
    for (name, _, _), same in first.groupby(["name", "rate", "schedule"]):
        for setting in same.index[1:]:  # nothing else sets them apart
            first.loc[setting, "name"] = f"{name}, setting {setting}"
    groups: dict[str, dict[float, Group]] = {}
    for (name, rate), same in first.groupby(["name", "rate"]):
        ordered = sorted(same.index, key=lambda setting: SCHEDULES.index(same.schedule[setting]))
        tables = [table[table.setting == setting] for setting in ordered]
        groups.setdefault(name, {})[float(rate)] = _group(tables)
    size = {name: sum(len(group.table) for group in rates.values()) for name, rates in groups.items()}
    return {name: groups[name] for name in sorted(groups, key=size.get, reverse=True)}


def _group(tables: list[pd.DataFrame]) -> Group:
    """One group from settings that differ in schedule: their tickets, and the first one's controls."""
    first, others = tables[0], [table[table.method == table.schedule] for table in tables[1:]]
    networks = pd.concat([first[first.method != "dense"], *others], ignore_index=True)
    controls = sorted(set(networks.method) - set(networks.schedule), key=_place_in_figures)
    return Group(networks, [*networks.schedule.unique(), *controls], first.setting.iloc[0])


def _place_in_figures(method: str) -> tuple[int, str]:
    """The order in which figures and buttons have methods; others come behind, by name."""
    return (METHODS.index(method) if method in METHODS else len(METHODS)), method


def _name(task: str, setting: Setting | None) -> str:
    """The task, and what its setting changes apart from how it is pruned at which rate."""
    changes = setting.changes() if setting else {}
    changes |= changes.pop("recipe", {})
    if setting and setting.moves:
        changes["moves"] = str(setting.moves)
    for name in ("task", "schedule", "rate", "fingerprint"):
        changes.pop(name, None)
    return ", ".join([task, *(f"{name.replace('_', ' ')} {value}" for name, value in changes.items())])
