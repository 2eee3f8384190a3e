"""The explorer as one HTML file: what is in it, that it needs nothing else, and that its words are the library's."""

import base64
import json
import re

import numpy as np
import pytest

import lthlib
from lthlib import analysis, data, models, pages
from lthlib.__main__ import main
from lthlib.analysis import inspection
from lthlib.analysis.catalogue import catalogue
from lthlib.core.errors import LotteryError
from lthlib.pages import contents, looks, network
from lthlib.plots import style
from lthlib.storage import atlas
from lthlib.storage.store import Key, Store
from tests.conftest import ROOT

LIMIT = 1_500_000  # bytes of the page of what is shipped


def data_of(page):
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL).group(1))


def numbers(text, kind):
    return np.frombuffer(base64.b64decode(text), dtype=kind)


@pytest.fixture(scope="module")
def shipped():
    return pages.page()


@pytest.fixture(scope="module")
def folder(tmp_path_factory, own_task):
    """Digits, iterative with a control and one-shot, and a small task of one's own that is drawn whole."""
    folder = tmp_path_factory.mktemp("results")
    common = {"trials": 3, "iterations": 40, "evaluate_every": 10, "results": folder, "progress": False}
    lthlib.hunt("lenet-digits", "smoke", levels=3, controls="reinit", **common)
    lthlib.hunt("lenet-digits", "smoke", levels=3, schedule="oneshot", **common)
    lthlib.hunt(own_task, "smoke", levels=2, **common)
    return folder


@pytest.fixture(scope="module")
def own(folder):
    return data_of(pages.page(folder))


def group_of(shown, name):
    return next(group for group in shown["groups"] if group["name"].startswith(name))


def test_the_shipped_page_is_small_and_holds_every_task(shipped):
    assert len(shipped.encode()) < LIMIT
    assert {group["task"] for group in data_of(shipped)["groups"]} == set(atlas.read().task)


def test_the_page_loads_nothing(shipped):
    assert not re.search(r"https?:|//\w+\.\w+|@import|url\(|<link|<img|<iframe|\bsrc=|fetch\(|XMLHttp|import\(", shipped)
    assert "default-src 'none'" in shipped and shipped.count("<script") == 2
    for place in ("<!-- title", "<!-- made", "/* colours */", "/* style */", "/* script */", "/* results */"):
        assert place not in shipped


def test_methods_have_the_names_and_looks_of_figures(shipped):
    shown = data_of(shipped)
    assert shown["methods"]["iterative"]["name"] == "ticket" and "iterative" not in {m["name"] for m in shown["methods"].values()}
    for method, of in shown["methods"].items():
        assert of["marker"] == style.METHODS[method].marker
        assert f"{of['colour']}: {style.METHODS[method].colour}" in shipped
    texts = [one["text"] for group in shown["groups"] for choice in group["findings"] for level in choice for one in level]
    assert len(texts) > 500 and not any("iterative" in text or "nan" in text for text in texts)


def test_colours_can_be_told_from_a_dark_ground():
    dark = looks.style_sheet(style.METHODS).split("dark) {")[1]
    assert len(re.findall("#[0-9A-F]{6}", dark)) == dark.count(": #") and "#000000" not in dark


def test_sentences_are_those_of_the_library(shipped):
    group = group_of(data_of(shipped), "lenet-mnist1d")
    table = next(rates[group["rate"]] for name, rates in catalogue().groups.items() if name == group["name"]).table
    table = table[table.setting == group_setting("lenet-mnist1d", group["rate"])]
    for place in (1, 5, len(group["levels"]) - 1):
        said = {one["about"]: one["text"] for one in group["findings"][0][place]}
        density = group["weights"][place] / 100
        for control in ("dense", "reinit", "shuffle"):
            assert said[f"ticket and {control}"] == f"{lthlib.sentence(table, density, control)}."
        row = analysis.early_stop_ratio(table).loc[group["levels"][place]]
        assert said["early stop"] == f"{analysis.against_dense(row)}."
    assert group["overall"][0] == f"{analysis.how_far(analysis.matching(table))}."


def group_setting(name, rate):
    return catalogue().groups[name][rate].setting


def test_single_trials_have_no_verdict(own):
    group = group_of(own, "lenet-digits")
    assert len(group["findings"]) == 1 + 3
    for of_trial in group["findings"][1:]:
        assert {one["verdict"] for level in of_trial for one in level} == {"none"}


def test_numbers_are_those_of_the_table(own, folder):
    group, networks = group_of(own, "lenet-digits"), lthlib.summarise(lthlib.results(folder))
    for method in ("iterative", "oneshot", "reinit"):
        rows = networks[(networks.task == "lenet-digits") & (networks.method == method) & (networks.level == 2)]
        accuracy, stop = (group[measure][method] for measure in ("accuracy", "stop"))
        assert accuracy["values"][0][2] == pytest.approx(100 * rows.test_accuracy.mean(), abs=0.01)
        assert [row[2] for row in accuracy["values"][1:]] == pytest.approx(list(100 * rows.test_accuracy), abs=0.01)
        assert (accuracy["low"][2], accuracy["high"][2]) == pytest.approx(
            (100 * rows.test_accuracy.min(), 100 * rows.test_accuracy.max()), abs=0.01
        )
        assert stop["values"][0][2] == pytest.approx(rows.early_stop.mean(), abs=0.01)
        assert group["curves"]["stop"][method][1][2][0] == rows.early_stop.iloc[0]
    assert group["accuracy"]["reinit"]["values"][0][0] is None, "controls begin at level 1"


def test_a_small_network_is_drawn_weight_by_weight(own, folder, own_task):
    group, shape = group_of(own, "blobs-own"), own["shapes"]["blobs-own"]
    assert shape["columns"] == [6, 16, 3] and shape["total"] == 6 * 16 + 16 * 3
    lines = numbers(shape["lines"], "<u2").reshape(-1, 3)
    setting = next(
        setting for setting in Store(folder).settings() if setting.task == "blobs-own" and setting.schedule == "iterative"
    )
    drawn = group["network"]["trials"]["1"]
    for level in (0, 1, 2):
        record = Store(folder).load(setting, Key("ticket", 1, level))
        layers, names = list(record.mask), numbers(drawn["order"], "<u2")
        values = numbers(drawn["after"][level], "i1")
        assert (values != 0).sum() == sum(int(mask.sum()) for mask in record.mask.values())
        for value, (layer, unit, output) in zip(values, lines[names]):
            weight = float(record.weights[layers[layer]][output, unit])
            assert bool(record.mask[layers[layer]][output, unit]) == (value != 0)
            assert not value or (weight < 0) == (value < 0)


def test_the_shipped_sample_lies_where_the_layers_say(shipped):
    """Shipped looks do not say which layer a weight is of: by the shapes, layers keep the share they should."""
    shown = data_of(shipped)
    for group in shown["groups"]:
        shape, level = shown["shapes"][group["task"]], min(4, len(group["levels"]) - 1)
        lines = numbers(shape["lines"], "<u2").reshape(-1, 3)
        kept = np.mean([
            np.bincount(lines[numbers(of["order"], "<u2")[: len(after)], 0], minlength=len(shape["columns"]) - 1)
            for of in group["network"]["trials"].values()
            for after in [numbers(of["after"][level], "i1")]
        ], axis=0)  # fmt: skip
        there = np.bincount(lines[:, 0], minlength=len(shape["columns"]) - 1)
        for layer, share in enumerate(group["layers"]["shares"][0][level]):
            deviation = np.sqrt(there[layer] * share * (100 - share)) / 100
            assert abs(kept[layer] - there[layer] * share / 100) < 4 * deviation + 1


def test_shapes_are_known_without_a_download(monkeypatch, tmp_path):
    monkeypatch.setenv("LTHLIB_DATA", str(tmp_path))
    shapes = network.shapes_of("lenet-mnist", ["fc1", "fc2", "output"])
    assert shapes == {"fc1": (300, 784), "fc2": (100, 300), "output": (10, 100)}
    assert set(network.KNOWN) <= set(data.NAMES)
    assert network.shapes_of("lenet-mnist", ["other"]) is None and network.shapes_of("own", ["fc1"]) is None


def test_places_count_weights_along_the_layers():
    network_ = models.Conv((3, 8, 8), 4, widths=(2,), hidden=(5,))
    shapes = {name: tuple(weight.shape) for name, weight in network_.named_parameters() if name.endswith("weight")}
    layers, inputs, outputs = network.places(shapes)
    chosen = inspection.sample(sum(np.prod(shape) for shape in shapes.values()))
    starts = np.cumsum([0, *(np.prod(shape) for shape in shapes.values())])
    for weight, layer, one, other in zip(chosen.tolist(), layers, inputs, outputs):
        at = np.unravel_index(weight - starts[layer], list(shapes.values())[layer])
        together = 16 if layer == 2 else 1  # positions of a channel
        assert (at[1] // together, at[0]) == (one, other)
    assert network.columns_of(shapes) == [3, 2, 2, 5, 4]
    assert network.columns_of({"a": (4, 3), "b": (2, 5)}) is None


def test_without_masks_the_rest_is_shown(folder):
    table = lthlib.results(folder)
    table = table[table.task == "lenet-digits"]
    group = next(iter(next(iter(catalogue(table).groups.values())).items()))
    shown = contents.group_of("digits", group, lambda *_: None)
    assert shown["network"] is None and shown["layers"] is None and shown["curves"]["of"]["iterative"][0][1]


def test_a_name_cannot_end_the_script(folder):
    table = lthlib.results(folder).assign(task="</script><b>&")
    shown = data_of(page := pages.page(table))
    assert shown["groups"][0]["task"] == "</script><b>&" and page.count("</script>") == 2


def test_the_command_writes_a_page_and_keeps_what_is_there(folder, tmp_path, capsys):
    to = tmp_path / "out.html"
    arguments = ["explore", "--html", str(to), "--results", str(folder)]
    assert main(arguments) == 0 and capsys.readouterr().out == f"{to}\n"
    before = to.read_text()
    assert before.startswith("<!doctype html>") and f"results in {folder.name}" in before
    to.write_text("mine")
    assert main(arguments) == 2 and to.read_text() == "mine"
    assert str(to) in (said := capsys.readouterr().err) and "--force" in said
    assert main([*arguments, "--force"]) == 0 and to.read_text() == before


@pytest.mark.parametrize("name", ["page", "page.txt", "none/page.html", "folder.html"])
def test_a_bad_path_is_named(name, tmp_path):
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(LotteryError, match=name.split("/")[0]):
        pages.write(tmp_path / name, overwrite=True)


def test_a_folder_without_pruned_networks_is_named(tmp_path):
    Store(tmp_path / "empty")
    with pytest.raises(LotteryError, match="empty holds no pruned network"):
        pages.write(tmp_path / "out.html", tmp_path / "empty")
    with pytest.raises(LotteryError, match="nowhere"):
        pages.write(tmp_path / "out.html", tmp_path / "nowhere")
    assert not (tmp_path / "out.html").exists()


def test_the_parts_of_the_page_are_packaged():
    packaged = re.search(r'"lthlib.pages" = \[(.*)\]', (ROOT / "pyproject.toml").read_text()).group(1)
    parts = {path.name for path in (ROOT / "lthlib" / "pages").iterdir() if path.suffix in (".html", ".css", ".js")}
    assert set(re.findall('"([^"]+)"', packaged)) == parts
    for name in parts:
        assert len((ROOT / "lthlib" / "pages" / name).read_text().splitlines()) <= 420
