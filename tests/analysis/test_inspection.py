"""Looks inside tickets, and how they are shipped."""

import pytest
import torch

import lthlib
from lthlib.analysis import inspection
from lthlib.pruning.masks import layer_densities
from lthlib.storage.store import TICKET, Key, Store


@pytest.fixture(scope="module")
def hunted(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    lthlib.hunt("lenet-digits", "smoke", levels=2, trials=2, iterations=30, rate=0.5, results=folder, progress=False)
    store = Store(folder)
    return store, store.settings()[0]


def test_a_look_agrees_with_the_record(hunted):
    store, setting = hunted
    seen = inspection.stored(setting, 1, 2, store)
    record = store.load(setting, Key(TICKET, 1, 2))
    assert list(seen.layers) == ["fc1", "fc2", "output"]
    assert list(seen.layers.values()) == list(layer_densities(record.mask).values())
    assert torch.equal(seen.pixels, record.mask["fc1.weight"].float().mean(0).view(8, 8))
    assert (seen.after[~seen.kept] == 0).all() and (seen.after[seen.kept] != 0).all()
    assert abs(seen.kept.float().mean() - 0.25) < 0.06


def test_the_sample_is_of_the_same_weights_at_every_level(hunted):
    store, setting = hunted
    dense, once, twice = (inspection.stored(setting, 0, level, store) for level in range(3))
    assert torch.equal(dense.before, twice.before) and dense.kept.all()
    assert not (twice.kept & ~once.kept).any() and twice.kept.sum() < once.kept.sum()
    theta = store.load(setting, Key(TICKET, 0, 0)).start
    assert torch.isin(dense.before, torch.cat([tensor.flatten() for tensor in theta.values()])).all()


def test_shipped_looks_come_back(hunted, tmp_path):
    store, setting = hunted
    made = {
        (setting.identity(), trial): [inspection.stored(setting, trial, level, store) for level in range(3)] for trial in (0, 1)
    }
    inspection.write("lenet-digits", made, tmp_path)
    back = inspection.read("lenet-digits", tmp_path)
    assert back.keys() == made.keys() and inspection.read("lenet-mnist", tmp_path) == {}
    for key, levels in made.items():
        for ours, theirs in zip(levels, back[key]):
            assert ours.layers == pytest.approx(theirs.layers) and list(ours.layers) == list(theirs.layers)
            assert torch.equal(ours.kept, theirs.kept)
            torch.testing.assert_close(theirs.pixels, ours.pixels, atol=1 / 255, rtol=0)
            torch.testing.assert_close(theirs.after, ours.after, atol=1e-3, rtol=1e-3)


def test_damaged_looks_are_named(tmp_path):
    (tmp_path / "lenet-digits.safetensors").write_bytes(b"not tensors")
    with pytest.raises(lthlib.LotteryError, match="lenet-digits.safetensors is damaged"):
        inspection.read("lenet-digits", tmp_path)


def test_a_flipped_bit_anywhere_in_the_looks_is_noticed(hunted, tmp_path):
    store, setting = hunted
    levels = [inspection.stored(setting, 0, level, store) for level in range(3)]
    path = inspection.write("lenet-digits", {(setting.identity(), 0): levels}, tmp_path)
    raw = path.read_bytes()
    for place in range(8, len(raw), max(1, len(raw) // 60)):
        path.write_bytes(raw[:place] + bytes([raw[place] ^ 1]) + raw[place + 1 :])
        with pytest.raises(lthlib.LotteryError, match="damaged"):
            inspection.read("lenet-digits", tmp_path)
    path.write_bytes(raw)
    assert len(inspection.read("lenet-digits", tmp_path)) == 1


@pytest.mark.parametrize(
    ("shape", "picture"),
    [((5, 64), (8, 8)), ((5, 3072), (32, 32)), ((5, 40), (1, 40)), ((5, 3, 3, 3), (3, 3)), ((4, 7), (1, 7))],
)
def test_the_first_layer_as_a_picture(shape, picture):
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(0)) < 0.3
    seen = inspection._picture(mask)
    assert tuple(seen.shape) == picture
    assert float(seen.mean()) == pytest.approx(float(mask.float().mean()))
