import json

import pandas as pd
import pytest
from pyarrow import parquet

import lthlib
from lthlib import lottery, tasks
from lthlib.core.errors import LotteryError
from lthlib.storage import atlas
from lthlib.storage.store import COLUMNS

MADE = {"machine": "two CPU cores", "about": "a test"}


@pytest.fixture(scope="module")
def table(own_task, tmp_path_factory):
    results = tmp_path_factory.mktemp("results")
    return lottery.hunt(
        own_task, levels=2, trials=2, iterations=50, evaluate_every=5, controls="reinit", progress=False, results=results
    )


def test_what_is_written_is_read_back(table, tmp_path):
    path = atlas.write(table, "blobs-own", MADE, tmp_path)
    read = atlas.read("blobs-own", where=tmp_path)
    assert list(read.columns) == list(COLUMNS) and path == tmp_path / "blobs-own.parquet"
    pd.testing.assert_frame_equal(read.drop(columns="loss"), table.drop(columns="loss"))
    assert (read.loss - table.loss).abs().max() < 1e-6
    pd.testing.assert_frame_equal(lthlib.summarise(read), lthlib.summarise(table))
    assert [entry.name for entry in tmp_path.iterdir()] == ["blobs-own.parquet"], "nothing is left over"


def test_nothing_shipped_is_an_empty_table(tmp_path, own_task):
    empty = atlas.read("lenet-mnist", where=tmp_path / "nowhere")
    assert empty.empty and list(empty.columns) == list(COLUMNS)
    assert atlas.read(where=tmp_path).empty and atlas.provenance("lenet-mnist", tmp_path).empty
    assert lthlib.summarise(empty).empty


def test_one_setting_of_several_and_all_tasks(table, tmp_path, own_task):
    setting, _ = tasks.resolve(own_task, iterations=50, evaluate_every=5)
    atlas.write(pd.concat([table, table.assign(setting="other")]), "blobs-own", MADE, tmp_path)
    atlas.write(table.assign(task="second"), "second", MADE, tmp_path)
    assert len(atlas.read("blobs-own", where=tmp_path)) == 2 * len(table)
    assert set(atlas.read("blobs-own", setting, tmp_path).setting) == {setting.identity()} == set(table.setting)
    assert set(atlas.read(where=tmp_path).task) == {"blobs-own", "second"}


def test_a_network_written_again_is_replaced_whole(table, tmp_path):
    first = table[table.trial == 0]
    longer = first[first.split == "validation"].assign(iteration=lambda rows: rows.iteration + 1, loss=9.0)
    atlas.write(first, "blobs-own", MADE, tmp_path)
    atlas.write(table[table.trial == 1], "blobs-own", {**MADE, "machine": "another"}, tmp_path)
    assert len(atlas.read("blobs-own", where=tmp_path)) == len(table)
    assert atlas.provenance("blobs-own", tmp_path).machine.tolist() == ["two CPU cores", "another"]
    again = longer[(longer.level == 1) & (longer.method == "reinit")]
    atlas.write(again, "blobs-own", {**MADE, "machine": "a third"}, tmp_path)
    read = atlas.read("blobs-own", where=tmp_path)
    replaced = read[(read.trial == 0) & (read.level == 1) & (read.method == "reinit")]
    assert set(replaced.loss) == {9.0} and len(replaced) == len(again), "no row of the older run is left among the newer's"
    assert not read.duplicated([*atlas.NETWORK, "iteration", "split"]).any()
    made = atlas.provenance("blobs-own", tmp_path)
    assert made.networks.tolist() == [4, 5, 1], "counted from what is in the file"


def test_provenance_is_in_the_file_and_goes_with_its_rows(table, tmp_path):
    path = atlas.write(table, "blobs-own", MADE, tmp_path)
    [entry] = json.loads(parquet.read_schema(path).metadata[b"lthlib.atlas"])
    assert entry["machine"] == "two CPU cores" and entry["about"] == "a test" and entry["lthlib"] == lthlib.__version__
    assert {"torch", "date"} <= entry.keys()
    once = table.drop_duplicates(atlas.NETWORK)
    [row] = atlas.provenance("blobs-own", tmp_path).to_dict("records")
    assert row["networks"] == len(once) and row["seconds"] == pytest.approx(once.seconds.sum()) and row["settings"] == 1
    atlas.write(table, "blobs-own", {"machine": "another"}, tmp_path)
    assert atlas.provenance("blobs-own", tmp_path).machine.tolist() == ["another"], "an entry without rows is gone"


def test_a_file_too_large_is_thinned_and_its_summary_stays(table, tmp_path, monkeypatch):
    whole = atlas.write(table, "blobs-own", MADE, tmp_path).stat().st_size
    monkeypatch.setattr(atlas, "LIMIT", whole - 1)
    path = atlas.write(table, "blobs-own", MADE, tmp_path / "small")
    read = atlas.read("blobs-own", where=tmp_path / "small")
    assert path.stat().st_size < whole and len(read) < len(table)
    assert (read.level == 0).sum() == (table.level == 0).sum()
    pd.testing.assert_frame_equal(lthlib.summarise(read), lthlib.summarise(table))
    monkeypatch.setattr(atlas, "LIMIT", 1000)
    with pytest.raises(LotteryError, match="ship fewer"):
        atlas.write(table, "blobs-own", MADE, tmp_path / "none")
    assert not list((tmp_path / "none").glob("*"))


def test_thinning_keeps_the_grid_the_minimum_and_the_end(table):
    thin = atlas.thin(table, 20)
    for _, curve in thin[(thin.split == "validation") & (thin.level > 0)].groupby(atlas.NETWORK):
        whole = table[(table.split == "validation") & (table[atlas.NETWORK] == curve[atlas.NETWORK].iloc[0]).all(axis=1)]
        stop = whole.iteration[whole.loss.idxmin()]
        assert set(curve.iteration) == {0, 20, 40, 50, stop}
    pd.testing.assert_frame_equal(atlas.thin(thin, 20), thin)


@pytest.mark.parametrize("damage", [lambda raw: raw[:-20], lambda raw: b"", lambda raw: raw[:200] + b"\xff" * 40 + raw[240:]])
def test_a_damaged_file_is_named_in_one_sentence(table, tmp_path, damage):
    path = atlas.write(table, "blobs-own", MADE, tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(LotteryError, match="blobs-own.parquet is damaged") as caught:
        atlas.read("blobs-own", where=tmp_path)
    assert "\n" not in str(caught.value)


def test_what_is_not_an_atlas_table(table, tmp_path):
    for wrong in (table.head(0), table.drop(columns="loss"), table.assign(task="another")):
        with pytest.raises(LotteryError, match="not one of 'blobs-own' alone"):
            atlas.write(wrong, "blobs-own", MADE, tmp_path)
    with pytest.raises(LotteryError, match="names no machine"):
        atlas.write(table, "blobs-own", {}, tmp_path)


def test_the_shipped_atlas_is_whole_and_small():
    for path in atlas.folder().glob("*.parquet"):
        assert path.stat().st_size <= atlas.LIMIT
        assert set(atlas.read(path.stem).task) == {path.stem} and len(atlas.provenance(path.stem))
