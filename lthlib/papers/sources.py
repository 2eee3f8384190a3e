"""Where claims of the papers were measured: in the tables of the atlas and of results folders, and by
lessons.

A claim is measured in every hunt of its own task, or of a task of ours with the same kind of network,
that is set up as one of the task's profiles and as the claim says; so that a sweep over learning rates is
not taken for the paper's experiment. How long networks were trained is free, and said. Hunts that differ
in their seed alone count as one, with all their trials.
"""

import contextlib
import dataclasses
import functools
import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from lthlib.core.errors import LotteryError
from lthlib.core.paths import expanded
from lthlib.core.progress import notice
from lthlib.papers import beside, claims, measuring
from lthlib.papers.claims import SEVERAL, Claim
from lthlib.settings import Recipe, Setting
from lthlib.storage import atlas
from lthlib.storage.networks import summarise
from lthlib.storage.store import MARKER, Store
from lthlib.tasks import PROFILES
from lthlib.tasks.profiles import OWN, PROFILE_NAMES

SCALES = ("paper", "quick", "other", "smoke")  # profiles; other: another number of iterations. Telling first
ROW = ["id", "claim", "the paper", "here", "on", "scale", "95 % bounds", "trials", "verdict", "from"]
NUMBERS = ["value", "low", "high", "margin"]  # in the claim's unit; NaN where only words are known

NOT_OF_A_LESSON = (OSError, ValueError, LookupError, TypeError, AttributeError)  # what reading another file raises

Changes = tuple[tuple[str, Any], ...]


@dataclass(frozen=True, eq=False)
class Run:
    """The table of one setting: how it differs from its profile (`changes`), its `scale`, and where it is
    from."""

    setting: Setting
    changes: Changes
    scale: str
    table: pd.DataFrame
    source: str

    @functools.cached_property
    def networks(self) -> pd.DataFrame:
        """The table's summary, which takes longer than any claim that is measured in it."""
        return summarise(self.table)


def rows(results: str | Path | None = None) -> pd.DataFrame:
    """One row per claim and place it was measured at, columns ROW and NUMBERS: what `lthlib.beside_paper`
    says of it, with the scale and where that is from. Raises LotteryError for a results folder that holds
    neither results nor what lessons wrote."""
    lessons = _in_lessons(results)
    tables = _in_tables(runs(results))
    known = {_what(row) for row in tables}
    found = [*tables, *(row for row in lessons if _what(row) not in known)]
    return pd.DataFrame(found, columns=[*ROW, *NUMBERS])


def runs(results: str | Path | None = None) -> list[Run]:
    """Every hunt that claims may be measured in, of the atlas and of all results in a folder, those of sweeps
    included; a network in both is the folder's. Raises LotteryError as `stores` does."""
    tables: dict[Setting, pd.DataFrame] = {}
    source: dict[Setting, str] = {}
    for setting in _shipped_settings():
        table = atlas.read(setting.task, setting)
        if len(table):
            tables[setting], source[setting] = table, "the atlas"
    for store in stores(results) if results is not None else ():
        for setting in store.settings():
            own = store.table([setting], all_trials=False) if _kind(setting) else pd.DataFrame()
            if len(own):
                where = store.folder.name
                source[setting] = f"{source[setting]}, {where}" if setting in tables else where
                tables[setting] = atlas.merge(tables.get(setting, pd.DataFrame()), own)
    return _pooled(tables, source)


def stores(results: str | Path) -> list[Store]:
    """The results folder, and those inside it, as sweeps leave them. Raises LotteryError where there is
    none, and nothing that a lesson wrote."""
    folder = expanded(results)
    with contextlib.suppress(OSError, ValueError):  # no folder at all, which `Store` says
        markers = sorted(folder.rglob(MARKER), key=lambda path: (len(path.parts), path))
        if markers:
            return [Store(path.parent, writable=False) for path in markers]
    return [] if _result_files(results) else [Store(results, writable=False)]


def setting_of(task: str, profile: str, changes: Changes = (), fingerprint: str = "") -> Setting:
    """The setting of a task's profile with some fields of it, or of its recipe, in place of the profile's."""
    usual = PROFILES.get(task, OWN)[profile]
    names = {field.name for field in dataclasses.fields(Recipe)}
    recipe = dataclasses.replace(usual.recipe, **{name: value for name, value in changes if name in names})
    pruning = {name: value for name, value in changes if name not in names}
    return Setting(task, recipe, rate=usual.rate, scope=usual.scope, fingerprint=fingerprint, **pruning)


def measures(claim: Claim, run: Run) -> bool:
    """Whether a claim is about such a hunt: of its own task, of one with the same kind of network
    (lenet-mnist1d for lenet-mnist), or of any where the claim is about several; set up as the claim says."""
    if not claim.measure or claim.by_hand or run.changes != _changes(claim):
        return False
    if claim.task in (SEVERAL, run.setting.task):
        return True
    alike = claim.task.partition("-")[0] == run.setting.task.partition("-")[0] and "dropout" not in claim.task
    return alike and not run.setting.fingerprint


def _in_tables(found: list[Run]) -> list[dict]:
    """What the tables of hunts say of every claim that is about them."""
    measured = []
    for claim in claims.load():
        for run in found:
            if measures(claim, run):
                other = _other(claim, run, found)
                with contextlib.suppress(LotteryError):  # raised where the control or the other hunt is missing
                    known = measuring.measure(run.table, claim, other=other, networks=run.networks)
                    if len(known.values):
                        measured.append(_row(claim, known, run))
    return measured


def _what(row: dict) -> tuple:
    """What makes two rows the same measurement, by whomever: claim, place, scale and numbers."""
    return tuple(row[name] for name in ("id", "here", "on", "scale", "95 % bounds", "trials"))


def _row(claim: Claim, known: measuring.Measured, run: Run) -> dict:
    low, high = sorted(claim.shown(end) for end in known.known.bounds)
    numbers = {"value": claim.shown(known.known.mean), "low": low, "high": high}
    numbers["margin"] = beside.leeway(claim, known)
    return {"id": claim.id, **beside.row(claim, known), "scale": run.scale, "from": run.source, **numbers}


def _other(claim: Claim, run: Run, found: list[Run]) -> pd.DataFrame | None:
    """The hunt that a claim compares with, where it compares two schedules: of the same task and scale."""
    for other in found:
        alike = (other.setting.task, other.scale) == (run.setting.task, run.scale)
        if alike and dict(other.changes).get("schedule", "iterative") == claim.against:
            return other.networks
    return None


def _changes(claim: Claim) -> Changes:
    return tuple(sorted(claim.changes.items()))


@functools.cache
def _references(task: str, fingerprint: str) -> list[tuple[str, Changes, Setting]]:
    """Every setting of a task that claims are about: its scale, its changes, and itself."""
    kinds = {_changes(c) for c in claims.load() if c.task == task or not set(c.changes) - {"schedule"}}
    ways = sorted(kinds, key=str)
    every = itertools.product(PROFILE_NAMES, ways)
    return [(profile, way, setting_of(task, profile, way, fingerprint)) for profile, way in every]


def _shipped_settings() -> list[Setting]:
    """The settings of the atlas's tasks that claims are about."""
    tasks = [path.stem for path in sorted(atlas.folder().glob("*.parquet"))]
    return list(dict.fromkeys(setting for task in tasks for *_, setting in _references(task, "")))


def _kind(setting: Setting) -> tuple[Changes, str] | None:
    """How a setting differs from a profile of its task, and its scale; None where it is another
    experiment."""
    alone = dataclasses.replace(setting, seed=0)
    for exact in (True, False):
        for profile, way, reference in _references(setting.task, setting.fingerprint):
            if alone == reference if exact else _however_long(alone) == _however_long(reference):
                return way, profile if exact else "other"
    return None


def _however_long(setting: Setting) -> Setting:
    """The setting with one number of iterations for all."""
    most = max(setting.recipe.iterations, 1_000_000)
    recipe = dataclasses.replace(setting.recipe, iterations=most, evaluate_every=1)
    return dataclasses.replace(setting, recipe=recipe)


def _pooled(tables: dict[Setting, pd.DataFrame], source: dict[Setting, str]) -> list[Run]:
    """One run for all settings that differ in their seed alone, with their trials numbered anew."""
    together: dict[Setting, list[Setting]] = {}
    for setting in sorted(tables, key=lambda setting: (setting.task, setting.seed)):
        together.setdefault(dataclasses.replace(setting, seed=0), []).append(setting)
    pooled = []
    for alike, settings in together.items():
        parts, count = [], 0
        for setting in settings:
            table = tables[setting]
            number = {trial: count + place for place, trial in enumerate(sorted(table.trial.unique()))}
            parts.append(table.assign(trial=table.trial.map(number), setting=alike.identity()))
            count += len(number)
        kind = _kind(alike)
        if kind:
            where = ", ".join(dict.fromkeys(source[setting] for setting in settings))
            pooled.append(Run(alike, *kind, pd.concat(parts, ignore_index=True), where))
    return pooled


def _in_lessons(results: str | Path | None) -> list[dict]:
    """What lessons that were run say of claims, from the result.json that each wrote somewhere in the
    folder."""
    found, older = [], 0
    for path in _result_files(results):
        with contextlib.suppress(*NOT_OF_A_LESSON):
            run = json.loads(path.read_bytes())
            table = pd.DataFrame(run["beside"])
            if "verdict" in table:
                found += [row for _, cells in table.iterrows() if (row := _from_lesson(cells, run))]
            else:
                older += len(table) > 0 and "same direction" in table
    if older:
        notice(f"{older} result.json of lessons are of an older version and not counted: run these lessons again.")
    return found


def _result_files(results: str | Path | None) -> list[Path]:
    try:
        return sorted(expanded(results).rglob("result.json")) if results is not None else []
    except (OSError, ValueError):  # a name that no folder can have, which `Store` says
        return []


def _from_lesson(cells: pd.Series, run: dict) -> dict | None:
    """A row of a lesson's comparison, if it is about a claim, measured in a trial, with a verdict that is
    ours."""
    claim = _claim_of(cells)
    if claim is None or claims.word(cells.verdict) not in claims.VERDICTS or not int(cells.trials):
        return None
    way = f" ({cells['method']})" if "method" in cells else ""
    on = str(run["task"]).split(",")[0] if cells.on == "not said" else cells.on
    row = {name: cells[name] for name in beside.COLUMNS}
    row |= {"claim": claim.claim, "here": f"{cells.here}{way}", "on": on}
    lesson = f"lesson {int(run['lesson'])}"
    scale = run["profile"] if run["profile"] in SCALES else "other"
    return {"id": claim.id, **row, "trials": int(cells.trials), "scale": scale, "from": lesson}


def _claim_of(cells: pd.Series) -> Claim | None:
    """The claim of a lesson's row, by its id, or by its text where no other claim has it."""
    by_id = {claim.id: claim for claim in claims.load()}
    for name in (cells.get("id"), cells.name):
        if name in by_id:
            return by_id[name]
    alike = [claim for claim in claims.load() if str(cells.claim).startswith(claim.claim)]
    return alike[0] if len(alike) == 1 else None
