"""Results on disk: append, resume, read as one tidy table.

    <results>/lthlib.json             marks the folder, with the version of its format
    <results>/<task>/<identity>/      a setting:
        setting.json                          what the identity stands for
        ticket-trial0-level03.json            measurements of one trained network
        ticket-trial0-level03.safetensors     its mask (packed to bits) and surviving weights,
                                              at the end and at early stop
        rows.cache                            all measurements, to be read at once; may be deleted
        note-line-0123456789ab.json           worked out from networks (`remember`); may be deleted
        looks.json                            how many trials each hunt returned (see `journal`)
    <results>/<task>/manifest-....json        what networks were made with (see `journal`)

Level 0 does not depend on pruning, so settings that differ in pruning alone share it. Every file appears
whole or not at all, and has a checksum: what does not fit it is named, and is computed again.
"""

import contextlib
import dataclasses
import hashlib
import json
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import torch
from filelock import Timeout
from pyarrow import parquet

from lthlib.core import locks
from lthlib.core.errors import LotteryError
from lthlib.core.files import remove_leftovers, write_atomically
from lthlib.core.paths import expanded, results_folder
from lthlib.core.progress import notice
from lthlib.pruning.masks import density
from lthlib.settings import Moves, Recipe, Setting
from lthlib.storage import journal, packing
from lthlib.storage.records import COLUMNS, STEM, TICKET, Key, Record, belongs, collect, is_record, key_of, labelled
from lthlib.storage.sealed import reason, seal, unseal, unwritable, write

FORMAT = 1
MARKER = "lthlib.json"


class Store:
    """The results in one folder, which is made if it is not there, or only read with `writable=False`.
    Raises LotteryError where the folder cannot be used, or is marked by something else or a newer format."""

    def __init__(self, folder: str | Path | None = None, writable: bool = True):
        self.folder = expanded(folder) if folder else results_folder()
        self._manifest: journal.Manifest | None = None
        marker, described = self.folder / MARKER, f"the results folder {self.folder}"
        try:
            if writable:
                self.folder.mkdir(parents=True, exist_ok=True)
                if not os.access(self.folder, os.W_OK):
                    raise PermissionError("permission denied")
                if not marker.exists():
                    write_atomically(marker, json.dumps({"format": FORMAT}).encode())
            text = marker.read_text()
        except (OSError, UnicodeDecodeError) as error:
            fix = "choose one you can write to" if writable else "choose one that a hunt has written"
            raise LotteryError(f"{described} cannot be used ({reason(error)}): {fix}.") from error
        try:
            version = json.loads(text)["format"]
        except (ValueError, KeyError, TypeError) as error:
            raise LotteryError(
                f"{described} is corrupt (its {MARKER} is unreadable): choose another folder, or restore "
                f'{MARKER} to {{"format": {FORMAT}}} if the results are yours.'
            ) from error
        if version != FORMAT:
            mismatch = f"has format {version!r} and this lthlib reads format {FORMAT}"
            raise LotteryError(f"{described} {mismatch}: choose another folder or another version of lthlib.")

    def path(self, setting: Setting, key: Key) -> Path:
        """Where a network's measurements are, whether they exist or not."""
        return self._home(setting if key.level else setting.dense()) / f"{key.stem}.json"

    def has(self, setting: Setting, key: Key) -> bool:
        """Whether the network is stored, undamaged."""
        return self._read(self.path(setting, key)) is not None

    def save(self, setting: Setting, key: Key, record: Record) -> None:
        """Write one trained network. Raises LotteryError on a full disk; nothing half written counts."""
        path, tensors = self.path(setting, key), packing.pack(record.mask, vars(record))
        content = {
            "setting": setting.changes(),
            "key": key.stem,
            "density": density(record.mask),
            "seconds": record.seconds,
            "history": record.history,
            "shapes": {name: list(kept.shape) for name, kept in record.mask.items()},
            "tensors": hashlib.sha256(tensors).hexdigest(),
            "made": {"torch": torch.__version__, "at": time.strftime(journal.DATE, time.gmtime())},
        }
        if self._manifest:
            content["made"]["manifest"] = self._manifest.name()
        write(path.with_suffix(".safetensors"), tensors)  # first: the .json says that both are there
        write(path, seal(content))

    @contextlib.contextmanager
    def making(self, setting: Setting, facts: Callable[[], dict]) -> Iterator[None]:
        """Inside, networks that are saved say what they were made with, in one manifest together (see
        `journal`). `facts` is asked for it when the first one is saved."""
        self._manifest = journal.Manifest(self.folder / setting.task, facts)
        try:
            yield
        finally:
            self._manifest.close()
            self._manifest = None

    def manifests(self, settings: list[Setting] | None = None) -> pd.DataFrame:
        """What the networks of these settings, or of every registered one, were made with: a row for each
        setting and each call of `hunt` that trained some of them. Columns: task, setting, manifest, networks
        (how many), and `journal.FIELDS`, with "unknown" where nothing was kept, as in older results."""
        rows = []
        for setting in self.settings() if settings is None else settings:
            counts = Counter((made.get("manifest", journal.UNKNOWN), made.get("torch")) for made in self._made(setting))
            for (name, version), count in counts.items():
                values = journal.read_manifest(self.folder / setting.task, name)
                values["torch"] = version or values["torch"]  # older records say this much
                rows.append({"task": setting.task, "setting": setting.identity(), "manifest": name, "networks": count, **values})
        return pd.DataFrame(rows, columns=["task", "setting", "manifest", "networks", *journal.FIELDS])

    def look(self, setting: Setting, trials: int, levels: int) -> list[dict]:
        """Note that a hunt of the setting returned so many trials, carried to so many levels. Returns all
        looks so far with this one, each with trials, levels and at (UTC)."""
        return journal.add_look(self._home(setting), setting, trials, levels)

    def looks(self, setting: Setting) -> list[int]:
        """How many trials the hunts of a setting returned, in their order, such as [3, 5]. A hunt that
        returned as many as the one before is the same look; one that was interrupted is none."""
        counts = [look["trials"] for look in journal.read_looks(self._home(setting), setting)]
        return [count for before, count in zip([None, *counts], counts) if count != before]

    def load(self, setting: Setting, key: Key) -> Record:
        """The stored network, with its tensors. Raises LotteryError where it is not there or damaged."""
        content, path = self._stored(setting, key), self.path(setting, key).with_suffix(".safetensors")
        try:
            mask, states = packing.unpack(path.read_bytes(), content["shapes"])
        except (KeyError, ValueError, RuntimeError) as error:
            raise LotteryError(f"{path} does not fit the record beside it: delete both, and hunt again.") from error
        return Record(mask, content["history"], content["seconds"], **states)

    def describe(self, setting: Setting, key: Key) -> dict | None:
        """What is stored of a network beside its tensors, such as "density" and "history"; None where nothing
        is."""
        return self._read(self.path(setting, key), tensors=False)

    def digest(self, setting: Setting, key: Key) -> str:
        """The checksum of a network's tensors: it tells networks apart. Raises LotteryError like `load`."""
        return self._stored(setting, key)["tensors"]

    def remember(self, setting: Setting, key: Key, name: str, content: dict) -> None:
        """Keep what was worked out from stored networks, as JSON, beside the network `key`. `name` must name
        all that it was made of, such as their digests: it is believed for ever."""
        write(self._note(setting, key, name), seal(content))

    def recall(self, setting: Setting, key: Key, name: str) -> dict | None:
        """What `remember` kept under this name; None where that is nothing, or damaged."""
        return self._read(self._note(setting, key, name), tensors=False)

    def register(self, setting: Setting) -> None:
        """Note what a setting's identity stands for, so that `table` finds it without being asked for it."""
        path = self._home(setting) / "setting.json"
        if self._read(path) is None:
            write(path, seal({"setting": setting.changes()}))

    def settings(self) -> list[Setting]:
        """Every registered setting, in the order of task and identity."""
        settings = []
        for path in sorted(self.folder.glob("*/*/setting.json")):
            content = self._read(path)
            if content is not None:
                _check_known(content["setting"])
                try:
                    settings.append(_setting(content["setting"]))
                except LotteryError as error:  # a value out of range
                    notice(f"{path} is not used: {error}")
        return settings

    def check_data(self, setting: Setting, fingerprint: str) -> None:
        """Note which data a task's results come from, by `Dataset.fingerprint`, when they are the first.

        Raises LotteryError where those that are stored come from other data: a name stands for one data set.
        """
        path = self.folder / setting.task / "data.json"
        noted = self._read(path)
        if noted is None:
            write(path, seal({"data": fingerprint}))
        elif noted["data"] != fingerprint and not setting.fingerprint:
            raise LotteryError(
                f"the results of {setting.task!r} in {self.folder} come from other data of the same name (fingerprint "
                f"{noted['data']}; here it is {fingerprint}): choose another results folder, or restore LTHLIB_DATA."
            )

    def find(self, name: str) -> Setting:
        """The registered setting called "task/identity". Raises LotteryError where there is none."""
        path = self.folder / name / "setting.json"
        content = self._read(path) if re.fullmatch(r"[\w-]+/[0-9a-f]+", name) else None
        if content is None:
            advice = "give task/identity of a hunt that is stored there"
            raise LotteryError(f"there is no setting {name!r} in {self.folder}: {advice}.")
        return _setting(content["setting"])

    @contextlib.contextmanager
    def lock(self, setting: Setting, *levels: int) -> Iterator[None]:
        """Lock levels of a setting, so that one process trains their networks and others wait. The lock ends
        with the process that holds it, however that ends. Its file is called `.claim`: level 0, which
        settings may share, has one, and later levels another together. On a file system without locks nobody
        waits (see `core.locks`). Raises LotteryError where the folder cannot be written."""
        level_of = {self.path(setting, Key(TICKET, 0, level)).with_name(".claim"): level for level in sorted(levels)}
        with contextlib.ExitStack() as held:
            for path, level in level_of.items():  # level 0 first, so that no two processes wait for each other
                held.enter_context(self._locked(path, level))
            yield

    def _locked(self, path: Path, level: int):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers(path.parent)
            return locks.lock(path, timeout=0)
        except Timeout:
            notice(f"another process is training level {level} of this setting: waiting for its results.")
            return locks.lock(path)
        except OSError as error:
            raise unwritable(path, error) from error

    def table(self, settings: list[Setting] | None = None, all_trials: bool = False) -> pd.DataFrame:
        """All measurements of these settings, or of every registered one: one row per setting, method, trial,
        redraw, level, iteration and split, with density, loss, accuracy, and the network's training seconds.

        Of level 0, which settings share, a setting has the trials that were pruned under it, or all of them
        if none was, or if `all_trials` asks for them.
        """
        settings = self.settings() if settings is None else settings
        tables = [table for setting in settings if len(table := self._table(setting, all_trials))]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=COLUMNS)

    def rows(self, setting: Setting, key: Key) -> pd.DataFrame:
        """The rows of one network in the setting's table. Raises LotteryError where it is not stored."""
        return labelled(collect({key: self._stored(setting, key)}), setting)

    def _table(self, setting: Setting, all_trials: bool) -> pd.DataFrame:
        own, home_of_dense = self._home(setting), self._home(setting.dense())
        measured = self._measured(own)
        shared = measured if home_of_dense == own else self._measured(home_of_dense)
        pruned, level_0 = measured.loc[measured.level > 0], shared.loc[shared.level == 0]
        if len(pruned) and not all_trials:
            level_0 = level_0.loc[level_0.trial.isin(pruned.trial.unique())]
        return labelled(pd.concat([part for part in (level_0, pruned) if len(part)] or [level_0], ignore_index=True), setting)

    def _measured(self, home: Path) -> pd.DataFrame:
        """The measurements of all records in a folder, in the order of level. They are kept in rows.cache,
        Parquet behind a checksum, which is believed only whole, and for the very files it was made from."""
        entries = os.scandir(home) if home.is_dir() else ()
        files = sorted((entry.name, entry.stat()) for entry in entries if STEM.fullmatch(entry.name))
        made_from = json.dumps([(name, stat.st_mtime_ns, stat.st_size) for name, stat in files]).encode()
        cache = home / "rows.cache"
        with contextlib.suppress(OSError):
            kept = memoryview(cache.read_bytes())
            if kept[:32] == hashlib.sha256(made_from + bytes(kept[32:])).digest():
                return parquet.read_table(pa.BufferReader(kept[32:])).to_pandas()
        keys = sorted((key_of(name) for name, _ in files), key=lambda key: key.order)
        contents = {key: self._read(home / f"{key.stem}.json", tensors=False) for key in keys}
        table = collect({key: content for key, content in contents.items() if content is not None})
        if files and None not in contents.values():
            sink = pa.BufferOutputStream()
            parquet.write_table(pa.Table.from_pandas(table, preserve_index=False), sink)
            content = sink.getvalue().to_pybytes()
            with contextlib.suppress(OSError):  # a full disk, or a folder that may only be read
                write_atomically(cache, hashlib.sha256(made_from + content).digest() + content)
        return table

    def _made(self, setting: Setting) -> Iterator[dict]:
        """What the record of each network in the setting's table says of its making."""
        networks = self._table(setting, all_trials=False)[["method", "trial", "level", "redraw"]].drop_duplicates()
        for method, *place in networks.itertuples(index=False, name=None):
            content = self.describe(setting, Key(TICKET if method == setting.schedule else method, *place))
            yield (content or {}).get("made", {})

    def _stored(self, setting: Setting, key: Key) -> dict:
        path = self.path(setting, key)
        content = self._read(path)
        if content is None:
            raise LotteryError(f"{path} is not in the store: run the hunt it belongs to again.")
        return content

    def _note(self, setting: Setting, key: Key, name: str) -> Path:
        return self.path(setting, key).with_name(f"note-{name}.json")

    def _home(self, setting: Setting) -> Path:
        return self.folder / setting.task / setting.identity()

    def _read(self, path: Path, tensors: bool = True) -> dict | None:
        """The content of a sealed file; None if there is none, if it or its tensors fail their checksum, or
        if it was made for another place: a record copied over another is whole, and still not to be
        believed."""
        if not path.exists():
            return None
        damaged = path
        try:
            content = unseal(path.read_bytes()) or {}
            whole = bool(content) and (STEM.fullmatch(path.name) is None or is_record(content))
            if whole and tensors and "tensors" in content:
                damaged = path.with_suffix(".safetensors")
                whole = content["tensors"] == hashlib.sha256(damaged.read_bytes()).hexdigest()
            astray = whole and not belongs(content, path)
        except (OSError, ValueError, KeyError, AttributeError, TypeError, RecursionError):
            content, whole, astray = {}, False, False
        if whole and not astray:
            return content
        problem = "was made for another network or setting" if astray else "is damaged or missing"
        notice(f"{damaged} {problem}: it is not used, and is computed again when a hunt needs it.")
        return None


def setting_name(source: str | pd.DataFrame | None) -> str | None:
    """A hunt as "task/identity": of a table the one that it holds, and anything else as it is. Raises
    LotteryError for a table of several hunts."""
    if not isinstance(source, pd.DataFrame):
        return source
    if source.setting.nunique() != 1:
        raise LotteryError(f"the source's table holds {source.setting.nunique()} settings: give that of one hunt.")
    return f"{source.task.iloc[0]}/{source.setting.iloc[0]}"


def _setting(changes: dict) -> Setting:
    _check_known(changes)
    moves = changes.get("moves")
    parts = {"recipe": Recipe(**changes.get("recipe", {})), "moves": None if moves is None else Moves(**moves)}
    return Setting(**{**changes, **parts})


def _check_known(changes: dict) -> None:
    """Raise LotteryError for a stored setting with fields that a newer lthlib has added."""
    known = {field.name for kind in (Setting, Recipe, Moves) for field in dataclasses.fields(kind)}
    new = [name for name in (*changes, *changes.get("recipe", {}), *(changes.get("moves") or {})) if name not in known]
    if new:
        raise LotteryError(f"a stored setting is new to this lthlib (it has {new[0]!r}): use the version that wrote it.")
