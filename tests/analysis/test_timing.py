"""How long trainings are going to take: by networks of the task in the results folder or the atlas, or unknown."""

import pytest

import lthlib
from lthlib.analysis import timing
from lthlib.storage import atlas
from lthlib.storage.store import TICKET, Key, Store
from lthlib.tasks import find_task, resolve

SHORT = {"levels": 1, "trials": 2, "evaluate_every": 3, "progress": False, "device": "cpu", "workers": 1}


def test_the_pace_is_that_of_networks_of_the_task_of_the_most_similar_length(tmp_path):
    tables = {n: lthlib.hunt("lenet-digits", "smoke", iterations=n, results=tmp_path, **SHORT) for n in (6, 40)}
    for asked, length in ((10, 6), (30, 40), (50_000, 40)):
        seconds = lthlib.summarise(tables[length]).seconds / length
        found = timing.pace("lenet-digits", asked, tmp_path)
        assert found.seconds == pytest.approx(seconds.median()) and found.networks == 4
        assert str(found) == f"by 4 networks of the task in the results folder, {found.seconds:.2g} seconds an iteration"
    assert timing.pace("lenet-cifar100", 30, tmp_path) is None


def test_iterations_are_those_that_were_trained_not_where_training_began(tmp_path):
    table = lthlib.hunt("lenet-digits", "smoke", iterations=40, rewind=30, results=tmp_path, **SHORT)
    found = timing.pace("lenet-digits", 10, tmp_path)
    rewound = lthlib.summarise(table).query("level == 1")
    assert found.networks == 2 and found.seconds == pytest.approx((rewound.seconds / 10).median())


def test_the_atlas_is_asked_where_the_folder_has_nothing(tmp_path):
    table = lthlib.hunt("lenet-digits", "smoke", iterations=6, results=tmp_path / "a", **SHORT)
    atlas.write(table, "lenet-digits", {"machine": "a test"}, tmp_path / "atlas")
    Store(tmp_path / "empty")
    for results in (tmp_path / "none", tmp_path / "empty"):
        found = timing.pace("lenet-digits", 6, results, tmp_path / "atlas")
        assert found.source == "the atlas" and found.seconds == timing.pace("lenet-digits", 6, tmp_path / "a").seconds
        assert timing.pace("lenet-digits", 6, results, tmp_path / "none") is None
    assert not (tmp_path / "none").exists(), "nothing is made by asking"


def test_which_networks_a_folder_lacks(tmp_path):
    lthlib.hunt("lenet-digits", "smoke", iterations=6, results=tmp_path, **SHORT)
    setting, _ = resolve(find_task("lenet-digits"), "smoke", iterations=6, evaluate_every=3)
    keys = [Key(TICKET, 0, 0), Key(TICKET, 0, 2), Key("reinit", 1, 1)]
    assert timing.lacking(setting, keys, tmp_path) == keys[1:]
    assert timing.lacking(setting, keys, tmp_path / "none") == keys


@pytest.mark.parametrize(
    ("seconds", "says"),
    [
        (None, "unknown"),
        (float("nan"), "unknown"),
        (0.0, "less than a second"),
        (0.4, "less than a second"),
        (1.2, "about 1 second"),
        (1.6, "about 2 seconds"),
        (12_345.6, "about 12,346 seconds"),
    ],
)
def test_lengths_of_time_in_words(seconds, says):
    assert timing.about(seconds) == says
