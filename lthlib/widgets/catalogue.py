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
from lthlib.storage.store import Store


@dataclass(frozen=True)
class Group:
    """Results that differ in method, trial and level alone: a tidy table, its methods (the ticket's schedule first), and the
    identity of the setting whose tickets are looked into."""

    table: pd.DataFrame
    methods: list[str]
    setting: str

    @property
    def tickets(self) -> pd.DataFrame:
        return self.table[self.table.method == self.methods[0]]


@dataclass(frozen=True)
class Shelf:
    """Groups by name (a task, and what sets it apart where there are several), largest first, then by rate.

    `look(group, trial, level)` looks inside a ticket, and gives None where nothing is stored.
    """

    groups: dict[str, dict[float, Group]]
    look: Callable[[Group, int, int], Look | None]


def shelf(results: pd.DataFrame | str | Path | None = None) -> Shelf:
    """Arrange a results folder, or a table that `lthlib.hunt` returned, or, without, what is shipped.

    A table says nothing of masks and weights: they are looked for in the usual results folder.
    Raises LotteryError where there is nothing that was pruned.
    """
    if results is None:
        return Shelf(_groups(atlas.read(), {}, "ships no results"), _shipped())
    if isinstance(results, pd.DataFrame):
        try:
            store = Store(writable=False)
        except LotteryError:  # no such folder: the table alone is shown
            return Shelf(_groups(results, {}, "holds no pruned network"), lambda group, trial, level: None)
        settings = _by_identity(store)
        return Shelf(_groups(results, settings, "holds no pruned network"), _from_store(store, settings))
    store = Store(results, writable=False)
    settings = _by_identity(store)
    return Shelf(_groups(store.table(), settings, "holds no pruned network"), _from_store(store, settings))


def _groups(table: pd.DataFrame, settings: dict[str, Setting], lacking: str) -> dict[str, dict[float, Group]]:
    pruned = table[(table.level > 0) & (table.method == table.schedule)].drop_duplicates(["setting", "level", "trial"])
    if pruned.empty:
        raise LotteryError(f"the table {lacking}: run lthlib.hunt(...), or name the folder of its results.")
    first = pruned[pruned.level == pruned.groupby("setting")["level"].transform("min")].groupby("setting").first()
    # Where a setting is not known, its rate is told by what is left; layers at half the rate keep a little more.
    told = (20 * (1 - first.density ** (1 / first.level))).round() / 20
    first["rate"] = [settings[identity].rate if identity in settings else told[identity] for identity in first.index]
    first["name"] = [_name(row.task, settings.get(identity)) for identity, row in first.iterrows()]
    for (name, _, _), same in first.groupby(["name", "rate", "schedule"]):
        for identity in same.index[1:]:  # alike in all that can be told: their identities tell them apart
            first.loc[identity, "name"] = f"{name}, setting {identity}"
    found: dict[str, dict[float, Group]] = {}
    for (name, rate), same in first.groupby(["name", "rate"]):
        ordered = sorted(same.index, key=lambda identity: SCHEDULES.index(same.schedule[identity]))
        found.setdefault(name, {})[float(rate)] = _group([table[table.setting == identity] for identity in ordered])
    size = {name: sum(len(group.table) for group in rates.values()) for name, rates in found.items()}
    return {name: found[name] for name in sorted(found, key=size.get, reverse=True)}


def _group(tables: list[pd.DataFrame]) -> Group:
    """One group of the tables of settings that differ in schedule: their tickets, and the first one's controls."""
    first, others = tables[0], [table[table.method == table.schedule] for table in tables[1:]]
    rows = pd.concat([first[first.method != "dense"], *others], ignore_index=True)
    schedules = list(dict.fromkeys(rows.schedule))
    controls = [method for method in dict.fromkeys(rows.method) if method not in schedules]
    return Group(rows, schedules + controls, first.setting.iloc[0])


def _name(task: str, setting: Setting | None) -> str:
    """The task, and what its setting changes apart from how it is pruned at which rate."""
    changes = {} if setting is None else setting.changes()
    changes |= changes.pop("recipe", {})
    told = {name: value for name, value in changes.items() if name not in ("task", "schedule", "rate", "fingerprint")}
    return ", ".join([task, *(f"{name.replace('_', ' ')} {value}" for name, value in told.items())])


def _by_identity(store: Store) -> dict[str, Setting]:
    return {setting.identity(): setting for setting in store.settings()}


def _from_store(store: Store, settings: dict[str, Setting]) -> Callable[[Group, int, int], Look | None]:
    @functools.lru_cache(maxsize=1000)
    def find(identity: str, trial: int, level: int) -> Look | None:
        try:
            return inspection.stored(settings[identity], trial, level, store)
        except (KeyError, LotteryError):
            return None

    return lambda group, trial, level: find(group.setting, trial, level)


def _shipped() -> Callable[[Group, int, int], Look | None]:
    of_task = functools.lru_cache(inspection.read)

    def find(group: Group, trial: int, level: int) -> Look | None:
        levels = of_task(group.table.task.iloc[0]).get((group.setting, trial), [])
        return levels[level] if level < len(levels) else None

    return find
