"""The atlas: results at the papers' scale, shipped with the lessons so that nobody has to train them again.

    data/atlas/<task>.parquet    the tidy table of a task, with who made its rows in the Parquet metadata

A lesson shows them beside what it trains itself. A file is small enough for git: losses are kept as float32,
and where the file would pass LIMIT, learning curves above level 0 are thinned to iterations divisible by 200,
400, 800 ..., the least of these that fits, and a network's minimum of validation loss and last measurement.
Test and training accuracies all stay, and so does what `lthlib.summarise` makes of the table.
"""

import io
import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import torch
from pyarrow import parquet

from lthlib.core import version
from lthlib.core.errors import LotteryError
from lthlib.core.files import write_atomically
from lthlib.core.paths import expanded, shipped
from lthlib.settings import Setting
from lthlib.storage.store import COLUMNS

LIMIT = 1_000_000  # bytes a file may have
COARSEST = 1_000_000  # iterations: curves thinned to this hold little but their minimum and end
ENTRY = "entry"  # the one column beyond the tidy table's: which entry of the provenance a row belongs to
NETWORK = ["setting", "method", "trial", "redraw", "level"]
KINDS = {"loss": "float32", "trial": "int16", "redraw": "int16", "level": "int16", "iteration": "int32"}


def folder() -> Path:
    """Where the atlas is: `data/atlas/` of this checkout, else where pip has put it."""
    return shipped("data/atlas")


def read(task: str | None = None, setting: Setting | None = None, where: str | Path | None = None) -> pd.DataFrame:
    """The shipped results of a task, or of all tasks, with the columns that `lthlib.hunt` returns.

    `setting` picks one setting; `where` is another folder than the usual one. The table is empty if nothing
    is shipped: a lesson goes on without. Raises LotteryError for a damaged file.
    """
    files = sorted(expanded(where or folder()).glob("*.parquet"), key=lambda file: file.stem)
    tables = [_load(file)[0].drop(columns=ENTRY) for file in files if task in (None, file.stem)]
    if not tables:
        return pd.DataFrame(columns=list(COLUMNS))
    table = pd.concat(tables, ignore_index=True)
    return table if setting is None else table.loc[table.setting == setting.identity()].reset_index(drop=True)


def write(table: pd.DataFrame, task: str, provenance: dict[str, str], where: str | Path | None = None) -> Path:
    """Add a tidy table to a task's file, and return its path. One writer at a time.

    A network that is in the file already is replaced whole. `provenance` says at least which "machine" made
    the rows; "lthlib", "torch" and "date" are filled in, and more may be said, such as "about". Raises
    LotteryError for a table of another task or without rows, and if the file cannot be made small enough.
    """
    path = expanded(where or folder()) / f"{task}.parquet"
    if table.empty or set(table.columns) != set(COLUMNS) or set(table.task) != {task}:
        advice = "pass what lthlib.hunt or lthlib.results returns for it"
        raise LotteryError(f"the table is not one of {task!r} alone: {advice}.")
    if not provenance.get("machine"):
        raise LotteryError("the provenance names no machine: pass {'machine': 'one NVIDIA H200', ...}.")
    made = {"lthlib": version.__version__, "torch": torch.__version__}
    made |= {"date": time.strftime("%Y-%m-%d", time.gmtime()), **provenance}
    old, entries = _load(path) if path.exists() else (pd.DataFrame(columns=[*COLUMNS, ENTRY]), [])
    merged = merge(old, table.assign(**{ENTRY: len(entries)}))
    kept = sorted(set(merged[ENTRY]))  # an entry whose rows were all replaced goes
    entries = [entry for number, entry in enumerate([*entries, made]) if number in kept]
    merged[ENTRY] = merged[ENTRY].map(kept.index)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, _small_enough(merged, entries, task))
    return path


def merge(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """Both tables as one: of a network in both, `new` counts alone, so that no two runs share a curve."""
    if old.empty:
        return new.reset_index(drop=True)
    newer = pd.MultiIndex.from_frame(new.loc[:, NETWORK].drop_duplicates())
    replaced = pd.MultiIndex.from_frame(old.loc[:, NETWORK]).isin(newer)
    return pd.concat([old.loc[~replaced], new], ignore_index=True)


def provenance(task: str, where: str | Path | None = None) -> pd.DataFrame:
    """Who made a task's rows: a row per entry, with lthlib, torch, date, machine, whatever else was said, and
    the settings, networks and seconds of training that the file holds. Empty where nothing is shipped."""
    path = expanded(where or folder()) / f"{task}.parquet"
    if not path.exists():
        return pd.DataFrame(columns=["lthlib", "torch", "date", "machine", "settings", "networks", "seconds"])
    table, entries = _load(path)
    once = table.drop_duplicates(NETWORK).groupby(ENTRY)
    counted = {"settings": once.setting.nunique(), "networks": once.size(), "seconds": once.seconds.sum()}
    return pd.DataFrame(entries).assign(**counted)


def thin(table: pd.DataFrame, every: int) -> pd.DataFrame:
    """The table with curves above level 0 at iterations divisible by `every`, their minimum and end."""
    table = table.reset_index(drop=True)
    curve = table[(table.split == "validation") & (table.level > 0)].fillna({"loss": float("inf")})
    networks = curve.groupby(NETWORK, sort=False)
    ends = pd.Index(networks.loss.idxmin()).union(networks.iteration.idxmax())
    gone = curve.index[curve.iteration % every != 0].difference(ends)
    return table.drop(gone).reset_index(drop=True)


def _small_enough(table: pd.DataFrame, entries: list[dict], task: str) -> bytes:
    content, every = _pack(table, entries), 200
    while len(content) > LIMIT and every < COARSEST:
        content, every = _pack(thin(table, every), entries), 2 * every
    if len(content) > LIMIT:
        size = f"{len(content):,} bytes, of {LIMIT:,}"
        raise LotteryError(f"the atlas of {task!r} would have {size}: ship fewer settings or trials.")
    return content


def _pack(table: pd.DataFrame, entries: list[dict]) -> bytes:
    rows = pa.Table.from_pandas(table.astype(KINDS), preserve_index=False)
    rows = rows.replace_schema_metadata({"lthlib.atlas": json.dumps(entries)})
    sink = io.BytesIO()
    exact = [name for name in rows.column_names if name != "loss"]
    encoding: dict[str, Any] = {"use_dictionary": exact, "use_byte_stream_split": ["loss"]}
    encoding |= {"compression": "zstd", "compression_level": 19, "write_page_checksum": True}
    parquet.write_table(rows, sink, **encoding)
    return sink.getvalue()


def _load(path: Path) -> tuple[pd.DataFrame, list[dict]]:
    """A file's rows, with their entry, and the entries. Raises LotteryError where it is damaged."""
    try:
        rows = parquet.read_table(pa.BufferReader(path.read_bytes()), page_checksum_verification=True)
        entries = json.loads(rows.schema.metadata[b"lthlib.atlas"])
        table = rows.to_pandas()[[*COLUMNS, ENTRY]]
    except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
        advice = f"restore it with `git checkout {path}`, or delete it"
        raise LotteryError(f"{path} is damaged or not of the atlas: {advice}.") from error
    return table.astype({name: "float64" if name == "loss" else "int64" for name in KINDS}), entries
