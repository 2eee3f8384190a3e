import dataclasses
import errno
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from filelock import FileLock, SoftFileLock, Timeout

from lthlib.core import locks
from lthlib.core.errors import LotteryError
from lthlib.core.files import write_atomically
from lthlib.pruning import masks
from lthlib.settings import Recipe, Setting, identity_of
from lthlib.storage.sealed import seal
from lthlib.storage.store import MARKER, TICKET, Key, Record, Store

SETTING = Setting("lenet-digits", Recipe(iterations=10))
KEY = Key(TICKET, trial=0, level=3)


def record(seed=0):
    generator = torch.Generator().manual_seed(seed)
    weights = {"w": torch.randn(5, 7, generator=generator), "b": torch.randn(5, generator=generator)}
    mask = {"w": torch.rand(5, 7, generator=generator) < 0.4}
    history = {"iteration": [0, 10], "split": ["validation", "test"], "loss": [float("nan"), 0.25], "accuracy": [0.1, 1 / 3]}
    return Record(mask, history, 1.5, masks.apply(mask, weights), {name: tensor + 1 for name, tensor in weights.items()})


def test_round_trip_is_exact(tmp_path):
    store, saved = Store(tmp_path), record()
    store.save(SETTING, KEY, saved)
    loaded = Store(tmp_path).load(SETTING, KEY)
    for ours, theirs in ((saved.mask, loaded.mask), (saved.weights, loaded.weights), (saved.start, loaded.start)):
        assert ours.keys() == theirs.keys() and all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert str(loaded.history) == str(saved.history) and loaded.seconds == 1.5


def test_a_control_keeps_its_mask_and_no_weights(tmp_path):
    store, key = Store(tmp_path), Key("shuffle", 0, 3, redraw=2)
    store.save(SETTING, key, Record(record().mask, record().history, 1.0))
    loaded = store.load(SETTING, key)
    assert torch.equal(loaded.mask["w"], record().mask["w"]) and loaded.weights is None and loaded.start is None
    assert set(store.table([SETTING]).method) == {"shuffle"}


def test_the_rows_kept_for_fast_reading_are_believed_only_for_their_files(tmp_path):
    store = Store(tmp_path)
    store.save(SETTING, KEY, record())
    first = store.table([SETTING])
    cache = next(tmp_path.rglob("rows.cache"))
    pd.testing.assert_frame_equal(store.table([SETTING]), first)
    raw = bytearray(cache.read_bytes())
    for position in range(4, len(raw), 97):  # wherever a byte flips, the table is the same or is made anew
        cache.write_bytes(raw[:position] + bytes([raw[position] ^ 1]) + raw[position + 1 :])
        pd.testing.assert_frame_equal(store.table([SETTING]), first)
    store.save(SETTING, Key(TICKET, 0, 4), record())
    assert set(store.table([SETTING]).level) == {3, 4}


def test_a_lock_makes_another_process_wait_and_ends_with_its_holder(tmp_path):
    holder = "import sys, time; from lthlib.storage.store import *; from lthlib.settings import *\n"
    holder += (
        "with Store(sys.argv[1]).lock(Setting('lenet-digits', Recipe(iterations=10)), 1): print(1, flush=True); time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", holder, str(tmp_path)], stdout=subprocess.PIPE)
    process.stdout.readline()
    lock = FileLock(Store(tmp_path).path(SETTING, KEY).with_name(".claim"))
    with pytest.raises(Timeout):
        lock.acquire(timeout=0.2)
    process.kill()
    process.wait()
    with Store(tmp_path).lock(SETTING, 1):
        pass


@pytest.mark.parametrize("old", [None, b"", b"4242\nsome-host\n"], ids=["nothing there", "an empty file", "an old soft lock"])
@pytest.mark.parametrize("name", ["ENOSYS", "ENOLCK", "EOPNOTSUPP", "EIO", "EINVAL"])
def test_a_file_system_without_locks_is_said_and_keeps_nobody_waiting(tmp_path, monkeypatch, capsys, name, old):
    def flock(*_):
        raise OSError(getattr(errno, name), "planted")

    fcntl = pytest.importorskip("fcntl")
    monkeypatch.setattr(fcntl, "flock", flock)
    monkeypatch.setattr(locks, "_said", set())
    store, began = Store(tmp_path), time.monotonic()
    store.register(SETTING)
    claim = store.path(SETTING, KEY).with_name(".claim")
    if old is not None:
        claim.write_bytes(old)
    with store.lock(SETTING, 1), store.lock(SETTING, 1), store.lock(SETTING, 2):
        assert claim.exists() == (old is not None), "no file stands for a lock"
    assert time.monotonic() - began < 5
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and "has no locks (planted)" in said and "results stay right" in said


def test_a_soft_lock_that_an_older_version_left_is_no_lock(tmp_path, capsys):
    """filelock's own record of a live process: this one. The file is there; nobody has locked it."""
    store = Store(tmp_path)
    store.register(SETTING)
    claim, began = store.path(SETTING, KEY).with_name(".claim"), time.monotonic()
    with SoftFileLock(claim):
        left = claim.read_bytes()
    claim.write_bytes(left)
    with store.lock(SETTING, 1):
        pass
    assert time.monotonic() - began < 5 and not capsys.readouterr().err


def test_a_lock_that_cannot_be_written_is_one_sentence(tmp_path):
    store = Store(tmp_path)
    store.path(SETTING, KEY).parent.parent.write_text("in the way")
    with pytest.raises(LotteryError, match="could not be written"), store.lock(SETTING, 1):
        pass


def test_a_hunt_removes_old_parts_of_files_and_no_others(tmp_path):
    store = Store(tmp_path)
    store.register(SETTING)
    folder, mark = store.path(SETTING, KEY).parent, "0123456789abcdef" * 2
    new, old = folder / f".a.json.{mark}.part", folder / f".b.json.{mark}.part"
    theirs = folder / ".download.part"
    for path in (new, old, theirs):
        path.write_text("half")
    for path in (old, theirs):
        os.utime(path, (0, time.time() - 25 * 3600))
    with store.lock(SETTING, 1):
        pass
    assert new.exists() and theirs.exists() and not old.exists()


def test_nothing_on_disk_is_a_pickle_or_left_over(tmp_path):
    store = Store(tmp_path)
    store.register(SETTING)
    store.save(SETTING, KEY, record())
    store.table([SETTING])
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".safetensors", ".cache"}
    for path in files:
        if path.suffix == ".json":
            json.loads(path.read_text())


@pytest.mark.parametrize("suffix", [".json", ".safetensors"])
@pytest.mark.parametrize("damage", ["flip", "truncate", "empty", "remove"])
def test_damage_is_noticed_and_not_believed(tmp_path, capsys, suffix, damage):
    store = Store(tmp_path)
    store.save(SETTING, KEY, record())
    path = store.path(SETTING, KEY).with_suffix(suffix)
    raw = bytearray(path.read_bytes())
    if damage == "flip":
        raw[len(raw) // 2] ^= 4
    path.write_bytes({"flip": raw, "truncate": raw[:-9], "empty": b"", "remove": raw}[damage])
    if damage == "remove":
        path.unlink()
    assert not store.has(SETTING, KEY)
    assert store.table([SETTING]).empty == (suffix == ".json"), "measurements are believed by their own checksum"
    assert path.name in capsys.readouterr().err or (damage == "remove" and suffix == ".json")
    with pytest.raises(LotteryError, match="not in the store"):
        store.load(SETTING, KEY)


def test_a_full_disk_is_one_sentence_and_leaves_the_store_as_it_was(tmp_path, monkeypatch):
    store = Store(tmp_path)
    store.save(SETTING, KEY, record())
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(LotteryError, match="No space left on device.*make room"):
        store.save(SETTING, Key(TICKET, 0, 4), record(1))
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_full_disk_does_not_stop_reading(tmp_path, monkeypatch):
    Store(tmp_path).save(SETTING, KEY, record())

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert len(Store(tmp_path, writable=False).table([SETTING])) == 2 and not list(tmp_path.rglob("rows.cache"))


def test_a_reader_sees_the_old_file_or_the_new_one(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    with pytest.raises(TypeError):
        write_atomically(path, "no bytes")
    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_settings_that_differ_in_pruning_share_level_0(tmp_path):
    store = Store(tmp_path)
    for rate in (0.2, 0.5):
        setting = Setting("lenet-digits", Recipe(iterations=10), rate=rate)
        assert store.path(setting, Key(TICKET, 0, 0)) == store.path(SETTING, Key(TICKET, 0, 0))
    assert store.path(setting, KEY) != store.path(SETTING, KEY)


def test_table_of_a_whole_folder(tmp_path):
    store = Store(tmp_path)
    other = Setting("lenet-digits", Recipe(iterations=10), schedule="oneshot", rate=0.5)
    for setting in (SETTING, other):
        store.register(setting)
        store.save(setting, Key(TICKET, 0, 0), record())
        store.save(setting, Key(TICKET, 0, 1), record())
        store.save(setting, Key("reinit", 0, 1), Record(record().mask, record().history, 1.0))
    store.save(SETTING, Key(TICKET, 1, 0), record())  # a trial that never went on under the other setting
    table = Store(tmp_path).table()
    counts = table.groupby(["schedule", "method", "level"]).size().to_dict()
    assert counts == {
        **{("iterative", "iterative", 0): 2, ("iterative", "iterative", 1): 2, ("iterative", "reinit", 1): 2},
        **{("oneshot", "oneshot", 0): 2, ("oneshot", "oneshot", 1): 2, ("oneshot", "reinit", 1): 2},
    }


def test_a_folder_that_is_no_store(tmp_path):
    (tmp_path / "file").write_text("")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / MARKER).write_text("{")
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / MARKER).write_text('{"format": 99}')
    for name, says in (("file", "cannot be used"), ("file/below", "cannot be used"), ("odd", "corrupt"), ("newer", "format 99")):
        with pytest.raises(LotteryError, match=says):
            Store(tmp_path / name)


@pytest.mark.parametrize("changes", [{"colour": "red"}, {"recipe": {"colour": "red"}}])
def test_a_setting_from_a_newer_lthlib_is_refused(tmp_path, changes):
    setting_file(tmp_path, {"task": "lenet-digits", **changes})
    with pytest.raises(LotteryError, match="colour"):
        Store(tmp_path).settings()


def test_a_setting_that_cannot_be_read_is_passed_over_and_written_again(tmp_path, capsys):
    store = Store(tmp_path)
    store.register(SETTING)
    next(tmp_path.glob("*/*/setting.json")).write_text("[]")
    setting_file(tmp_path, {"task": "lenet-digits", "rate": 7.0})
    assert store.settings() == []
    assert "rate is 7.0" in capsys.readouterr().err
    store.register(SETTING)
    assert store.settings() == [SETTING]


@pytest.mark.parametrize("changes", [{"task": "../evil"}, {"task": "lenet-digits", "seed": 3}])
def test_a_setting_that_lies_where_another_belongs_is_not_believed(tmp_path, capsys, changes):
    setting_file(tmp_path, {"task": "lenet-digits"}).write_bytes(seal({"setting": changes}))
    assert Store(tmp_path).settings() == []
    assert "was made for another network or setting" in capsys.readouterr().err


@pytest.mark.parametrize("other", [Key(TICKET, 1, 3), Key(TICKET, 0, 4), Key("reinit", 0, 3)])
def test_a_record_copied_over_another_networks_is_not_believed(tmp_path, capsys, other):
    store = Store(tmp_path)
    store.save(SETTING, KEY, record())
    store.save(SETTING, other, record(1))
    copy_record(store.path(SETTING, other), store.path(SETTING, KEY))
    assert not store.has(SETTING, KEY) and store.has(SETTING, other)
    assert "was made for another network" in capsys.readouterr().err
    assert len(store.table([SETTING])) == 2


@pytest.mark.parametrize("level", [0, 3])
@pytest.mark.parametrize(
    "other", [Setting("lenet-digits", Recipe(iterations=11)), Setting("conv2-cluttered", Recipe(iterations=10))]
)
def test_a_record_of_another_setting_or_task_is_not_believed(tmp_path, other, level):
    store, key = Store(tmp_path), Key(TICKET, 0, level)
    store.save(SETTING, key, record())
    store.save(other, key, record(1))
    copy_record(store.path(other, key), store.path(SETTING, key))
    assert not store.has(SETTING, key) and store.has(other, key)


def test_level_0_saved_under_any_pruning_belongs_to_all(tmp_path):
    store, key = Store(tmp_path), Key(TICKET, 0, 0)
    store.save(dataclasses.replace(SETTING, rate=0.5, schedule="oneshot"), key, record())
    assert store.has(SETTING, key)


@pytest.mark.parametrize(
    "change",
    [
        {"history": {"iteration": [0], "split": ["test"], "loss": [], "accuracy": [0.1]}},
        {"history": []},
        {"density": "a half"},
        {"shapes": {"w": [5, "7"]}},
        {"shapes": 3},
    ],
)
def test_an_odd_record_with_a_right_checksum_spoils_no_other(tmp_path, change):
    store = Store(tmp_path)
    store.save(SETTING, KEY, record())
    store.save(SETTING, Key(TICKET, 1, 3), record())
    path = store.path(SETTING, KEY)
    content = json.loads(path.read_bytes())
    content.pop("checksum")
    path.write_bytes(seal(content | change))
    assert not store.has(SETTING, KEY)
    assert set(store.table([SETTING]).trial) == {1}


@pytest.mark.parametrize("text", ["[" * 100_000, "null", "3", '{"checksum": [1]}', "\ud800", "{}"])
def test_deep_or_odd_json_spoils_no_other_record(tmp_path, text):
    store = Store(tmp_path)
    store.save(SETTING, KEY, record())
    store.path(SETTING, Key(TICKET, 1, 3)).write_text(text, errors="surrogatepass")
    assert set(store.table([SETTING]).trial) == {0}


def test_tensors_that_do_not_fit_their_record_are_one_sentence(tmp_path):
    store = Store(tmp_path)
    store.save(SETTING, KEY, record())
    path = store.path(SETTING, KEY)
    content = json.loads(path.read_bytes())
    content.pop("checksum")
    path.write_bytes(seal(content | {"shapes": {"w": [500, 700]}}))
    with pytest.raises(LotteryError, match="does not fit the record beside it"):
        store.load(SETTING, KEY)


def test_other_data_under_one_name_is_told_apart(tmp_path):
    store = Store(tmp_path)
    store.check_data(SETTING, "0123")
    store.check_data(SETTING, "0123")
    with pytest.raises(LotteryError, match="come from other data of the same name .* restore LTHLIB_DATA"):
        store.check_data(dataclasses.replace(SETTING, rate=0.5), "4567")


def setting_file(folder, changes) -> Path:
    """A results folder's file for a setting with these changes, whether this lthlib knows them or not."""
    Store(folder)
    path = folder / changes["task"] / identity_of(changes) / "setting.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(seal({"setting": changes}))
    return path


def copy_record(source, target):
    for suffix in (".json", ".safetensors"):
        shutil.copy(source.with_suffix(suffix), target.with_suffix(suffix))


def test_a_stray_copy_is_passed_over(tmp_path):
    store = Store(tmp_path)
    store.save(SETTING, KEY, record())
    path = store.path(SETTING, KEY)
    path.with_name(f"{path.stem} (1).json").write_bytes(path.read_bytes())
    assert len(store.table([SETTING])) == 2
