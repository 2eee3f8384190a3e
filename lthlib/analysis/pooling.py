"""Tables of several settings: their fields as columns, and hunts that differ in the seed alone as one.

lthlib.with_settings(lthlib.summarise(lthlib.results()))       which row is of which rate, scope, seed
lthlib.pool_seeds([hunt(..., seed=s) for s in (0, 1, 2)])      three hunts of 5 trials as 15 trials
"""

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from lthlib.core.errors import LotteryError
from lthlib.core.validation import one_of
from lthlib.settings import Recipe, Setting
from lthlib.storage.store import Store
from lthlib.tasks import nearest_profile

USUAL = ("seed", "rate", "scope", "score", "rewind", "iterations")  # columns in any case
POOLED = "+"  # between the identities of settings that are pooled
IN_TABLE = ("task", "schedule")  # fields that tables have anyway
IN_WORDS = ("profile", "changes")  # the task's profile that fits best, and what the setting changes of it
FIELDS = tuple(field.name for kind in (Setting, Recipe) for field in dataclasses.fields(kind) if field.name != "recipe")


def with_settings(table: pd.DataFrame, results: str | Path | None = None, fields: Iterable[str] | None = None) -> pd.DataFrame:
    """The table, or its summary, with what its settings are as further columns.

    `fields` are names of fields of Setting and Recipe, "profile" and "changes"; None takes profile, seed,
    rate, scope, score, rewind and iterations, every other field in which the table's settings differ, and
    changes. profile is the profile of the task whose recipe and pruning the setting has, or the nearest
    one, and changes what differs from it, such as "learning_rate=0.01, warmup=10000" (see
    `lthlib.tasks.nearest_profile`). `results` is the folder that the hunts were kept in; None takes the
    usual one. Put it last: `lthlib.summarise` drops these columns. Raises LotteryError for an unknown
    field, or where the folder does not have a setting.
    """
    rows = {name: _described(setting) for name, setting in settings_of(table, results).items()}
    if fields is None:
        differing = [name for name in FIELDS if len({values[name] for values in rows.values()}) > 1]
        fields = ["profile", *USUAL, *(name for name in differing if name not in (*USUAL, *IN_TABLE)), "changes"]
    fields = [fields] if isinstance(fields, str) else list(fields)
    for name in fields:
        one_of("field", name, (*FIELDS, *IN_WORDS))
    columns = {name: table.setting.map({setting: values[name] for setting, values in rows.items()}) for name in fields}
    return table.assign(**columns)


def pool_seeds(tables: pd.DataFrame | Iterable[pd.DataFrame], results: str | Path | None = None) -> pd.DataFrame:
    """Hunts that differ in their seed alone as one table, with as many trials as they have together.

    `tables` are those of the hunts, one each, or one table that holds them all. Trials are numbered anew from
    0, in the order of the seeds; the column `setting` holds all identities, joined by "+". `results` is the
    folder that the hunts were kept in; None takes the usual one. Raises LotteryError where settings differ in
    another field, which it names, or where a hunt is there twice.
    """
    tables = [tables] if isinstance(tables, pd.DataFrame) else list(tables)
    identities = [name for table in tables for name in table.setting.unique()]
    if not identities:
        raise LotteryError("there is nothing to pool: give the tables of hunts.")
    if twice := [name for name in identities if identities.count(name) > 1]:
        raise LotteryError(f"the setting {twice[0]} is in two of the tables: give each hunt once, or its trials count twice.")
    whole = pd.concat(tables, ignore_index=True)
    by_identity = settings_of(whole, results)
    if difference := differing_field(list(by_identity.values())):
        raise LotteryError(f"the hunts differ in {difference}: pool hunts that differ in the seed alone.")
    ordered = sorted(by_identity, key=lambda name: by_identity[name].seed)
    pairs = [(name, trial) for name in ordered for trial in sorted(whole.trial[whole.setting == name].unique())]
    number = {pair: place for place, pair in enumerate(pairs)}
    trials = [number[pair] for pair in zip(whole.setting, whole.trial)]
    return whole.assign(trial=trials, setting=POOLED.join(ordered))


def pooled_note(table: pd.DataFrame) -> str:
    """What is pooled in a table of one setting, such as "3 seeds pooled, 15 trials"; empty where nothing is."""
    seeds = sum(len(name.split(POOLED)) for name in table.setting.unique())
    return f"{seeds} seeds pooled, {table.trial.nunique()} trials" if seeds > 1 else ""


def overview(results: str | Path | None = None) -> pd.DataFrame:
    """What a results folder holds: a row per setting, with its fields as `with_settings` has them, its
    methods, how many levels above 0, trials and networks there are, and what it changes of its profile."""
    table = Store(results, writable=False).table()
    networks = table.drop_duplicates(["task", "setting", "method", "trial", "redraw", "level"])
    grouped = networks.groupby(["task", "setting", "schedule"], sort=False)
    methods = grouped.method.agg(lambda names: ",".join(dict.fromkeys(names)))
    counts = {"levels": grouped["level"].max(), "trials": grouped.trial.nunique(), "networks": grouped.size()}
    counted = pd.DataFrame({"methods": methods, **counts})
    rows = with_settings(counted.reset_index(), results)
    last = [*counted.columns, "changes"]  # texts of any length stand at the end
    rows = rows[[*(name for name in rows.columns if name not in last), *last]]
    return rows.sort_values(["task", "schedule", *USUAL], ignore_index=True)


def settings_of(table: pd.DataFrame, results: str | Path | None) -> dict[str, Setting]:
    """The settings of a table by identity, from the folder they are registered in. Raises LotteryError
    where it does not have one, or where seeds are pooled."""
    store = Store(results, writable=False)
    known = {setting.identity(): setting for setting in store.settings()}
    for task, name in table[["task", "setting"]].drop_duplicates().itertuples(index=False):
        if POOLED in name:
            raise LotteryError(f"the table holds pooled seeds (setting {name}): give the hunts' own tables, before pool_seeds.")
        if name not in known:
            advice = "name the folder of that hunt, such as results='results'"
            raise LotteryError(f"the results folder {store.folder} has no setting {task}/{name}: {advice}.")
    return {name: known[name] for name in table.setting.unique()}


def _described(setting: Setting) -> dict:
    """All fields of a setting and its recipe, by name, and what it is in words."""
    return {**_fields(setting), **dict(zip(IN_WORDS, nearest_profile(setting)))}


def _fields(setting: Setting) -> dict:
    """All fields of a setting and its recipe, by name."""
    fields = {field.name: getattr(setting, field.name) for field in dataclasses.fields(setting)}
    recipe = fields.pop("recipe")
    return fields | {field.name: getattr(recipe, field.name) for field in dataclasses.fields(recipe)}


def differing_field(settings: list[Setting]) -> str:
    """A field, other than the seed, in which settings differ, with two of its values: "rate (0.2 and 0.5)".
    Empty where there is none."""
    first, *others = map(_fields, settings)
    for other in others:
        for name in FIELDS:
            if name != "seed" and first[name] != other[name]:
                return f"{name} ({first[name]!r} and {other[name]!r})"
    return ""
